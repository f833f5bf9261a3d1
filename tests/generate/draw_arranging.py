"""Moves that draw layers which arrange, cut and resample."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

from tests.generate.dice import each, need
from tests.generate.draw_windows import pooling
from tests.generate.network import LABELS

if TYPE_CHECKING:
    from tests.generate.draw import Draft


def blocks(draft: Draft, x: str) -> str:
    d = draft.dice
    need(draft.rank(x) == 2)
    size = d.per_axis(2, lambda: d.number(1, 3))
    if d.chance(0.5):
        need(all(b <= n for b, n in zip(each(size, 2), draft.spatial(x), strict=True)))
        return draft.add("spaceToDepthLayer", size, sources=[x])
    if draft.channels(x) % prod(each(size, 2)):
        x = draft.add("convolution2dLayer", 1, prod(each(size, 2)) * d.number(1, 3), sources=[x])
    return draft.add("depthToSpace2dLayer", size, sources=[x], **d.some(Mode=lambda: "crd"))


def arranging(draft: Draft, x: str) -> str:
    """Other places for the elements of an observation, or products of two channels."""
    d = draft.dice
    kind = d.one("permute", "reshape", "reshape", "quadratic")
    if kind == "quadratic":
        need(draft.channels(x) <= 8)
        return draft.add("quadraticLayer", sources=[x])
    if kind == "permute":
        need(draft.rank(x) > 0)
        axes = d.number(2, draft.rank(x) + 1)
        return draft.add("permuteLayer", [*d.rng.permutation(axes) + 1, *range(axes + 1, axes + d.number(1, 4))],
                         sources=[x])
    rest = prod(draft.size(x))
    sizes: list[Any] = []
    for _ in range(d.number(1, 3)):
        sizes.append(d.divisor(rest))
        rest //= sizes[-1]
    sizes.append(rest)
    if d.chance(0.5):
        return draft.add("reshapeLayer", *sizes, [], sources=[x])
    if d.chance(0.5):
        sizes[d.number(0, len(sizes) - 1)] = []
    return draft.add("reshapeLayer", sizes, OperationDimension="spatial-channel", sources=[x])


def resizing(draft: Draft, x: str) -> str:
    d, rank = draft.dice, draft.rank(x)
    need(rank in (2, 3))
    options = d.some(Method=lambda: "bilinear" if rank == 2 else "trilinear", GeometricTransformMode=lambda: "asymmetric",
                     NearestRoundingMode=lambda: d.one("floor", "onnx-10"))
    others = draft.alike(x, lambda other, mine: len(other) == len(mine))
    kind = d.number(0, 2)
    if kind == 2:
        ref = d.one(*others) if others else draft.add(
            "inputLayer", [*(d.number(1, 8) for _ in range(rank)), d.number(1, 3), None], LABELS[rank])
        return draft.add(f"resize{rank}dLayer", sources=[x, ref], EnableReferenceInput=True, **options)
    if kind == 1:
        size = [d.number(1, 8) for _ in range(rank)]
        if d.chance(0.2):
            size[d.number(0, rank - 1)] = float("nan")
        return draft.add(f"resize{rank}dLayer", sources=[x], OutputSize=size, **options)
    scale = d.per_axis(rank, lambda: d.one(2, 2, 3, 0.5, 1.5, 2.5, 0.75, 1))
    need(all(n * s >= 1 for n, s in zip(draft.spatial(x), each(scale, rank), strict=True)))
    return draft.add(f"resize{rank}dLayer", sources=[x], Scale=scale, **options)


def cropping(draft: Draft, x: str) -> str:
    """A part of the size of another map; where there is none, of one that is made smaller."""
    d, rank = draft.dice, draft.rank(x)
    need(rank in (2, 3))
    others = draft.alike(x, lambda other, mine: len(other) == len(mine)
                         and all(m <= n for m, n in zip(other[1:], mine[1:], strict=True)))
    ref = d.one(*others) if others and d.chance(0.7) else pooling(draft, x)
    room = [n - m for n, m in zip(draft.spatial(x), draft.spatial(ref), strict=True)]
    need(min(room) >= 0)
    row, column, *depth = (d.number(1, n + 1) for n in room)
    return draft.add(f"crop{rank}dLayer", d.one("centercrop", [column, row, *depth]), sources=[x, ref])


def flattening(draft: Draft, x: str) -> str:
    return draft.add("flattenLayer", sources=[x])
