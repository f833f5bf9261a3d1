"""Moves that draw fully connected layers, and those that join branches."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from tests.generate.dice import need
from tests.generate.draw_elementwise import activation
from tests.generate.draw_windows import filter_options, global_pooling, keeping
from tests.generate.network import LABELS

if TYPE_CHECKING:
    from tests.generate.draw import Draft


def dense(draft: Draft, x: str) -> str:
    declared = draft.dice.some(InputSize=lambda: prod(draft.shape(x)))
    return draft.add("fullyConnectedLayer", draft.dice.number(1, 12), sources=[x], **declared, **filter_options(draft))


def residual(draft: Draft, x: str) -> str:
    """Branches that keep the map, joined; one may be empty."""
    d = draft.dice
    branches = [x if d.chance(0.3) and not number else keeping(draft, x, d.number(1, 3)) for number in range(d.number(2, 3))]
    if len({draft.shape(one) for one in branches}) == 1 and d.chance(0.7):
        return draft.add(d.one("additionLayer", "additionLayer", "multiplicationLayer"), len(branches), sources=branches)
    if draft.rank(x) and len({draft.shape(one) for one in branches}) == 1 and d.chance(0.4):
        return draft.add("concatenationLayer", d.number(1, draft.rank(x) + 1), len(branches), sources=branches)
    if d.chance(0.3):
        return draft.add("concatenationLayer", draft.rank(x) + 1, len(branches), sources=branches)
    return draft.add("depthConcatenationLayer", len(branches), sources=branches)


def weighing(draft: Draft, x: str) -> str:
    """Squeeze and excitation, or a sum that expands."""
    d = draft.dice
    squeezed = global_pooling(draft, x)
    if d.chance(0.4):
        squeezed = activation(draft, squeezed)
    kind = d.number(0, 2)
    if kind == 0:
        return draft.add("additionLayer", 2, sources=d.one([x, squeezed], [squeezed, x]))
    if kind == 1:
        flat = draft.add("flattenLayer", sources=[squeezed])
        features = draft.add("fullyConnectedLayer", draft.channels(x), sources=[flat])
        return draft.add("multiplicationLayer", 2, sources=d.one([x, features], [features, x]))
    return draft.add("multiplicationLayer", 2, sources=d.one([x, squeezed], [squeezed, x]))


def joining(draft: Draft, x: str) -> str:
    """With anything that was made before and has the same size."""
    d = draft.dice
    same = draft.alike(x, lambda other, mine: other == mine)
    channels = draft.alike(x, lambda other, mine: len(other) == len(mine) and other[1:] == mine[1:])
    if same and d.chance(0.6):
        return draft.add(d.one("additionLayer", "multiplicationLayer"), 2, sources=[d.one(*same), x])
    need(bool(channels))
    return draft.add("depthConcatenationLayer", 2, sources=[x, d.one(*channels)])


def another_input(draft: Draft, x: str) -> str:
    """Data of the same size that enter beside."""
    other = draft.add("inputLayer", [*draft.size(x), None], LABELS[draft.rank(x)])
    joined = draft.dice.one("additionLayer", "multiplicationLayer", "depthConcatenationLayer")
    return draft.add(joined, 2, sources=[x, other])
