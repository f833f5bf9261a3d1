"""Moves that draw filters and pooling."""

from __future__ import annotations

from functools import partial
from math import ceil
from typing import TYPE_CHECKING, Any

from tests.generate.dice import drawn_padding, each, need, pairs_of, window
from tests.generate.draw_elementwise import activation, normalisation, passing

if TYPE_CHECKING:
    from tests.generate.draw import Draft


def some_filters(draft: Draft) -> int:
    return int(draft.dice.one(1, 2, 3, 4, 4, 5, 6, 8, 8, 12, 16, 17, 32))


def filter_options(draft: Draft) -> dict[str, Any]:
    d = draft.dice
    return d.some(WeightLearnRateFactor=lambda: d.one(0, 2, 1), BiasLearnRateFactor=lambda: d.one(0, 2, 1))


def convolution(draft: Draft, x: str, filters: int | None = None) -> str:
    """Of any kind; with `filters`, one that keeps the map."""
    d, rank = draft.dice, draft.rank(x)
    need(rank > 0)
    size, options = window(d, draft.spatial(x))
    if filters is not None:
        options |= {"Stride": 1, "Padding": "same"}
    options |= filter_options(draft)
    if rank == 1 and options.get("Padding") == "same" and options.get("Stride", 1) == 1 and d.chance(0.5):
        options["Padding"] = "causal"
    if options.get("Padding") and d.chance(0.25):
        options["PaddingValue"] = edge_value(draft, x, size, options)
    if rank == 2 and d.chance(0.3):
        groups = d.one("channel-wise", d.divisor(draft.channels(x)))
        number = draft.channels(x) if groups == "channel-wise" else groups
        need(filters is None or filters % number == 0)
        each_group = d.number(1, 4) if filters is None else filters // number
        return draft.add("groupedConvolution2dLayer", size, each_group, groups, sources=[x], **options)
    return draft.add(f"convolution{rank}dLayer", size, filters or some_filters(draft), sources=[x], **options)


def edge_value(draft: Draft, x: str, size: Any, options: dict[str, Any]) -> Any:
    """What padding holds; a mirror without its edge must be larger than the padding."""
    d, spatial = draft.dice, draft.spatial(x)
    rank = len(spatial)
    if options["Padding"] == "causal":
        return d.one(d.real(-1, 1), "replicate", "symmetric-include-edge")
    pairs = pairs_of(options["Padding"], rank)
    if pairs is None:
        steps, gaps = each(options.get("Stride", 1), rank), each(options.get("DilationFactor", 1), rank)
        over = [max((ceil(n / s) - 1) * s + (f - 1) * g + 1 - n, 0)
                for n, s, f, g in zip(spatial, steps, each(size, rank), gaps, strict=True)]
        pairs = [(n // 2, n - n // 2) for n in over]
    kinds = [d.real(-1, 1), "replicate", "symmetric-include-edge"]
    mirrors = all(max(pair) < n for n, pair in zip(spatial, pairs, strict=True))
    return d.one(*kinds, *["symmetric-exclude-edge"] * mirrors)


def transposed(draft: Draft, x: str) -> str:
    d, rank = draft.dice, draft.rank(x)
    need(rank > 0)
    size = d.per_axis(rank, lambda: d.number(1, 4))
    stride = d.per_axis(rank, lambda: d.one(1, 2, 2, 3))
    cropping = drawn_padding(d, rank)
    taps, steps, pairs = each(size, rank), each(stride, rank), pairs_of(cropping, rank)
    need(pairs is None or all((n - 1) * s + f - sum(pair) > 0 for n, s, f, pair in zip(
        draft.spatial(x), steps, taps, pairs, strict=True)))
    return draft.add(f"transposedConv{rank}dLayer", size, some_filters(draft), sources=[x], Stride=stride,
                     Cropping=cropping, **filter_options(draft))


def pooling(draft: Draft, x: str) -> str:
    d, rank = draft.dice, draft.rank(x)
    need(rank > 0)
    if d.chance(0.5):
        size, options = window(d, draft.spatial(x), pool=True)
        more = d.some(PaddingValue=lambda: "mean") or d.some(Divisor=lambda: d.one(1, 2, 2.5))
        return draft.add(f"averagePooling{rank}dLayer", size, sources=[x], **options, **more)
    return choosing(draft, x, "max")


def choosing(draft: Draft, x: str, kind: str) -> str:
    """A pooling that chooses an element of every window."""
    rank = draft.rank(x)
    need(rank > 0)
    size, options = window(draft.dice, draft.spatial(x), pool=True)
    return draft.add(f"{kind}Pooling{rank}dLayer", size, sources=[x], **options,
                     **draft.dice.some(HasUnpoolingOutputs=lambda: True))


def drawing(draft: Draft, x: str) -> str:
    """Elements that are drawn; expectations of rectified maps, mostly."""
    return choosing(draft, draft.add("reluLayer", sources=[x]) if draft.dice.chance(0.3) else x, "stochastic")


def unpooling(draft: Draft, x: str) -> str:
    """An encoder and its decoder: maxima go back to where they came from, once or twice."""
    d, rank = draft.dice, draft.rank(x)
    need(rank > 0)
    usual = min(draft.spatial(x)) > 1 and d.chance(0.4)
    size, options = (2, {"Stride": 2}) if usual else window(d, draft.spatial(x), pool=True)
    y = draft.add(f"maxPooling{rank}dLayer", size, sources=[x], HasUnpoolingOutputs=True, **options)
    pool, shape = y.removesuffix("/out"), draft.shape(y)
    if d.chance(0.3):
        y = unpooling(draft, y)
        need(draft.shape(y)[1:] == shape[1:])
    y = keeping(draft, y, d.number(0, 2))
    if draft.shape(y) != shape:
        y = convolution(draft, y, shape[0])
    need(draft.shape(y) == shape)
    fed = [f"{pool}/indices", f"{pool}/size"]
    whole = draft.add(f"maxUnpooling{rank}dLayer", sources=[y, *fed])
    if d.chance(0.15):
        other = draft.add(f"maxUnpooling{rank}dLayer", sources=[f"{pool}/out", *fed])
        return draft.add("additionLayer", 2, sources=[whole, other])
    return whole


def keeping(draft: Draft, x: str, count: int) -> str:
    """Layers that keep the map."""
    for _ in range(count):
        same_map = partial(convolution, filters=some_filters(draft))
        move = draft.dice.one(activation, activation, normalisation, passing, same_map)
        x = draft.tried(move, x) or x
    return x


def global_pooling(draft: Draft, x: str) -> str:
    rank = draft.rank(x)
    need(rank > 0)
    return draft.add(f"global{draft.dice.one('Average', 'Max')}Pooling{rank}dLayer", sources=[x])


def adaptive(draft: Draft, x: str) -> str:
    need(draft.rank(x) == 2)
    return draft.add("adaptiveAveragePooling2dLayer", draft.dice.per_axis(2, lambda: draft.dice.number(1, 6)), sources=[x])
