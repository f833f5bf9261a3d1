"""Random options of layers: every property of every layer gets values other than its default now and then."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import numpy as np

from dltoolbox.core.geometry import Pair


class Unfit(Exception):
    """What was drawn does not fit here; something else is drawn in its place."""


def need(condition: bool) -> None:
    if not condition:
        raise Unfit


class Dice:
    """Decisions of one network. Where the ``wanted`` name can be chosen, it is."""

    def __init__(self, seed: int, number: int, wanted: str = "") -> None:
        self.rng, self.wanted = np.random.default_rng([seed, number]), wanted

    def chance(self, probability: float) -> bool:
        return bool(self.rng.random() < probability)

    def one(self, *choices: Any) -> Any:
        if any(isinstance(choice, str) and choice == self.wanted for choice in choices):
            return self.wanted
        return choices[self.rng.integers(len(choices))]

    def number(self, low: int, high: int) -> int:
        """low ≤ n ≤ high"""
        return int(self.rng.integers(low, high + 1))

    def real(self, low: float, high: float) -> float:
        return round(float(self.rng.uniform(low, high)), 3)

    def per_axis(self, rank: int, draw: Callable[[], Any]) -> Any:
        """One value for all axes, or one for each."""
        return draw() if self.chance(0.5) else [draw() for _ in range(rank)]

    def divisor(self, n: int) -> int:
        return int(self.one(*(d for d in range(1, n + 1) if n % d == 0)))

    def some(self, **options: Callable[[], Any]) -> dict[str, Any]:
        """Some of the options."""
        return {name: draw() for name, draw in options.items() if self.chance(0.3)}

    def expanding(self, size: Sequence[int]) -> np.ndarray:
        """An array that expands to an input of this size (S…, C): a scalar, one value per channel, or any axes of it."""
        kind = self.number(0, 3)
        kept = [kind == 1 or (kind == 2 and axis == len(size) - 1) or (kind == 3 and self.chance(0.5))
                for axis in range(len(size))]
        shape = [n if keep else 1 for n, keep in zip(size, kept, strict=True)]
        return np.ones(shape if len(size) > 1 else (*shape, 1)) if prod(shape) > 1 else np.ones(())


def window(dice: Dice, spatial: Sequence[int], *, pool: bool = False) -> tuple[Any, dict[str, Any]]:
    """Size and options of a window that fits into a map."""
    rank = len(spatial)
    for _ in range(30):
        size = dice.per_axis(rank, lambda: dice.one(1, 1, 2, 2, 2, 3, 3, 3, 4, 5))
        stride = dice.per_axis(rank, lambda: dice.one(1, 1, 1, 2, 2, 3, 4))
        dilation = 1 if dice.chance(0.75 if pool else 0.6) else dice.per_axis(rank, lambda: dice.number(1, 4))
        padding = drawn_padding(dice, rank, size if pool else None)
        extent = [(f - 1) * d + 1 for f, d in zip(each(size, rank), each(dilation, rank), strict=True)]
        pairs = pairs_of(padding, rank)
        if pairs is None or all(e <= n + sum(pair) for e, n, pair in zip(extent, spatial, pairs, strict=True)):
            options = {"Stride": stride, "DilationFactor": dilation, "Padding": padding}
            defaults = {"Stride": 1, "DilationFactor": 1, "Padding": 0}
            if pool and pairs is None:
                options["Padding"] = dice.one("same", "same-lower")
            elif pool and dice.chance(0.4):
                options["Rounding"], defaults["Rounding"] = dice.one("ceil", "caffe"), "floor"
            return size, {name: value for name, value in options.items() if value != defaults[name]}
    raise Unfit


def each(value: Any, rank: int) -> list[int]:
    return list(value) if isinstance(value, list) else [value] * rank


def drawn_padding(dice: Dice, rank: int, below: Any = None) -> Any:
    """0, 'same', a number, one per axis, or one per edge; smaller than ``below``, the size of a pool."""
    limits = [3] * rank if below is None else [min(n - 1, 3) for n in each(below, rank)]
    kind = dice.number(0, 5)
    if kind < 2:
        return 0
    if kind == 2:
        return "same"
    if kind == 3:
        return dice.number(0, min(limits))
    if kind == 4:
        return [dice.number(0, n) for n in limits]
    ends = [[dice.number(0, n) for n in limits] for _ in range(2)]
    return ends if rank == 3 else [n for pair in zip(*ends, strict=True) for n in pair]


def pairs_of(padding: Any, rank: int) -> list[Pair] | None:
    """Padding in MATLAB's forms as pairs per axis; None for 'same'."""
    if padding == "same":
        return None
    if isinstance(padding, int):
        return [(padding, padding)] * rank
    if len(padding) == rank:
        return [(n, n) for n in padding]
    if rank == 3:
        return list(zip(*padding, strict=True))
    return [(padding[2 * axis], padding[2 * axis + 1]) for axis in range(rank)]
