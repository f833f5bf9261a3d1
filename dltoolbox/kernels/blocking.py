"""Cutting index ranges into blocks, and working on a map part by part, in scratch that fits the cache.

Every part is copied into scratch with its padding and, where the window jumps, column by column, except what needs no
padding and lies in long stretches; everything after that runs over long contiguous stretches, 3 to 8 times as fast as
over the short ones (N or C·N) that a jump leaves in place.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import pairwise, product
from math import prod
from typing import NamedTuple

import numpy as np
from numpy.typing import DTypeLike

from dltoolbox.core.geometry import Window
from dltoolbox.kernels import memory_format
from dltoolbox.kernels.base import BindContext, Closure, Order

OWN_PRECISION_TERMS = 1 << 10  # numbers at most that are added up in their own precision
PART = 1 << 19  # elements of a part of the larger map: calls under 20 µs make threads wait for one another instead
HALO = 4  # rows of windows that overlap are worked on by at least so many, since neighbours share rows
MOST_LANES = 64  # of the inner of channels and observations, that are left together
RUN = 32  # bytes: stretches at least this long are copied as one item each, 2 to 3 times as fast as element by element
LONG = 1 << 10  # bytes: stretches at least this long are read where they lie, shorter ones are copied together first
LONGEST_RUN = 1 << 8  # bytes: longer ones gain nothing, and NumPy keeps other threads waiting in copies of under 500 items


def shares(rows: int | slice, number: int) -> list[slice]:
    """``range(rows)``, or the rows of a slice, in ``number`` slices of nearly equal length; the first is the longest."""
    start, stop = (0, rows) if isinstance(rows, int) else (rows.start, rows.stop)
    edges = [start - (start - stop) * i // max(number, 1) for i in range(number + 1)]
    return [slice(first, last) for first, last in pairwise(edges)]


def cut(rows: int | slice, most: int) -> list[slice]:
    """The same in as few slices as are possible where none is longer than ``most``, or 1."""
    count = rows if isinstance(rows, int) else rows.stop - rows.start
    return shares(rows, -(-count // max(most, 1)))


def divisor(count: int, most: int, unit: int = 1, least: int = 1) -> int:
    """The largest divisor of ``count`` up to ``most``, a multiple of ``unit``; all of it where that is below ``least``."""
    if count <= most:
        return max(count, 1)
    return next((n for n in range(max(most, 1) // unit * unit, least - 1, -unit) if count % n == 0), count)


def stretch(length: int) -> int:
    """How many of ``length`` numbers are added up in their own precision before double takes over: a divisor of it that is
    worth its calls."""
    return divisor(length, OWN_PRECISION_TERMS, least=OWN_PRECISION_TERMS // 16 + 1)


class MapPart(NamedTuple):
    """Some rows of the pooled map (its first axis), of some channels and observations."""

    rows: slice
    channels: slice
    batch: slice

    @property
    def height(self) -> int:
        return int(self.rows.stop - self.rows.start)

    def of(self, x: np.ndarray, rows: slice | None = None) -> np.ndarray:
        """The part of an array: its own rows of a pooled map, or given ones."""
        return x[(self.rows if rows is None else rows, ..., self.channels, self.batch)]


def strips(large: Sequence[int], window: Window, rows: int, order: Order) -> list[list[MapPart]]:
    """A pooled map of ``rows`` rows cut into parts: strips of channels and observations, row by row in each.

    The first part of all is the largest. ``large`` is the shape of the map that was pooled.
    """
    axes = sorted((len(large) - 2, len(large) - 1), key=order.index)
    outer, inner = (large[axis] for axis in axes)
    column = max(1, prod(large[1:-2]))
    fewest = min(rows, HALO) if window.overlapping else 1
    lanes = max(1, PART // (((fewest - 1) * window.stride[0] + window.extent[0]) * column))
    inner_cuts = cut(inner, max(lanes, MOST_LANES))
    outer_cuts = cut(outer, lanes // inner_cuts[0].stop)
    room = PART // (column * inner_cuts[0].stop * outer_cuts[0].stop)
    row_cuts = cut(rows, max((room - window.extent[0]) // window.stride[0] + 1, fewest))
    pairs = [pair if axes[0] < axes[1] else pair[::-1] for pair in product(outer_cuts, inner_cuts)]
    return [[MapPart(part, *pair) for part in row_cuts] for pair in pairs]


class Bench:
    """Scratch by name, the same for every part. Nothing is wasted where the first taken under a name is the largest, or
    says how large the largest will be; what is larger gets scratch of its own.
    """

    def __init__(self, site: BindContext, order: Order) -> None:
        self._site, self.order = site, order
        self._flat: dict[str, np.ndarray] = {}
        self._long: dict[str, bool] = {}

    def take(self, name: str, shape: Sequence[int], dtype: DTypeLike | None = None, rows: int = 0) -> np.ndarray:
        """A contiguous array in the memory order of the bench; others of that name have up to ``rows`` rows."""
        needed = prod(shape)
        if name not in self._flat or self._flat[name].size < needed:
            self._flat[name] = self._site.scratch((max(rows, shape[0]) * prod(shape[1:]),), dtype)
        lying = self._flat[name][:needed].reshape([shape[axis] for axis in self.order])
        return lying.transpose(memory_format.inverse(self.order))

    def readable(self, name: str, x: np.ndarray) -> bool:
        """Whether ``x`` consists of stretches so long that it is best read where it lies; the first asked for under a
        name decides.
        """
        length = x.itemsize
        for axis in reversed(self.order):
            if x.shape[axis] > 1 and x.strides[axis] != length:
                break
            length *= x.shape[axis]
        return self._long.setdefault(name, length >= LONG)

    def flat(self, x: np.ndarray) -> np.ndarray:
        """A contiguous array in the order of the bench, as one vector."""
        return x.transpose(self.order).reshape(-1)

    def near(self, name: str, x: np.ndarray, steps: list[Closure]) -> np.ndarray:
        """``x``, or a copy in scratch, made by ``steps``, where it does not lie in one stretch."""
        if memory_format.lies_in(x, self.order):
            return x
        copy = self.take(name, x.shape, x.dtype)
        steps.append(copying(copy, x))
        return copy

    def target(self, name: str, x: np.ndarray) -> np.ndarray:
        """``x``, or scratch in its stead where it does not lie in one stretch; `delivered` then copies."""
        return x if memory_format.lies_in(x, self.order) else self.take(name, x.shape, x.dtype)


def delivered(made: np.ndarray, x: np.ndarray) -> list[Closure]:
    """Copy what was made in a `Bench.target` to where it belongs."""
    return [] if made is x else [copying(x, made)]


def copying(target: np.ndarray, source: np.ndarray) -> Closure:
    """A closure that copies; short stretches that lie contiguously in both arrays move as one item."""
    order = memory_format.order_of(target)
    to, of = target.transpose(order), source.transpose(order)
    length, axis = to.itemsize, to.ndim
    while axis and (to.shape[axis - 1] == 1 or to.strides[axis - 1] == of.strides[axis - 1] == length):
        axis -= 1
        length *= to.shape[axis]
    if not to.size or not 0 < axis < to.ndim or not RUN <= length <= LONGEST_RUN or to.dtype != of.dtype:
        return partial(np.copyto, target, source)
    item = f"V{length}"
    to, of = (x.reshape(*x.shape[:axis], -1).view(item)[..., 0] for x in (to, of))
    return partial(np.copyto, to, of)


def bits(x: np.ndarray) -> np.ndarray:
    """Numbers as integers of the same size, for masks: 0·∞ is not 0, but ∞ & 0 is."""
    return x.view(f"i{x.itemsize}")
