"""The time axis: how a use of an op looks at arrays with T.

Sizes keep T and B apart (``S… C T B``), but arrays with T are *stored* folded: ``S… C N`` with N = T·B, index t·B + b.
Splitting an axis is always a view, while joining two is one only where they are neighbours in memory; so whoever stores
folded never copies, whatever memory order a kernel chooses. Most ops do the same with every step of every observation
and never hear of time. The others look at the same memory in another way.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import Enum

import numpy as np

from dltoolbox.core.dims import Dims


class Way(Enum):
    """A way to look at T. All are views, and all are the same for arrays without T. They are made with methods of arrays
    alone, so that whatever has these can be looked at.

    * ``FOLD``: (S…, C, T·B). Every step of every observation is an observation.
    * ``SEE``: (S…, C, T, B). For ops that treat steps and observations differently, and inputs that differ in them.
    * ``SPACE``: (S…, T, C, B), T as the last spatial axis; (1, T, C, B) where there is no other. In both memory formats
      this is what a kernel for images finds there anyway: rows ``S1 C S2 [T B]`` are rows ``S1 C S2 S3 B``, and
      ``S… [T B] C`` is channels last.
    """

    FOLD = "fold"
    SEE = "see"
    SPACE = "space"

    def dims(self, x: Dims) -> Dims:
        """Sizes as the op sees them."""
        if self is Way.SEE or not x.timed:
            return x
        if self is Way.FOLD:
            return x.folded
        *spatial, channels, steps, batch = x.sizes
        spatial = spatial or [1]
        return Dims("S" * (len(spatial) + 1) + "CB", (*spatial, steps, channels, batch))

    def undone(self, y: Dims, like: Dims) -> Dims:
        """Sizes that an op finds for its output, with T and B apart; ``like`` is an input of the op."""
        if self is Way.SEE or not like.timed or not y.labels.endswith("B"):
            return y
        if self is Way.FOLD:
            return Dims(y.labels[:-1] + "TB", (*y.sizes[:-1], *like.sizes[-2:]))
        *spatial, steps, channels, batch = y.sizes
        return Dims("S" * like.rank + "CTB", (*spatial[len(spatial) - like.rank:], channels, steps, batch))

    def view(self, array: np.ndarray, dims: Dims) -> np.ndarray:
        """A folded array of sizes ``dims`` as the op sees it."""
        if self is Way.FOLD or not dims.timed:
            return array
        steps, batch = dims.shape[-2:]
        split = array.reshape(*array.shape[:-1], steps, batch)
        if self is Way.SEE:
            return split
        split = split if dims.rank else split.reshape(1, *split.shape)
        return split.swapaxes(-2, -3)

    def folded(self, array: np.ndarray, dims: Dims) -> np.ndarray:
        """The inverse of `view`; copies where T and B are no neighbours in memory."""
        if self is Way.FOLD or not dims.timed:
            return array
        if self is Way.SPACE:
            array = array.swapaxes(-3, -2)
            array = array if dims.rank else array.reshape(array.shape[1:])
        return array.reshape(*array.shape[:-2], array.shape[-2] * array.shape[-1])

    def order(self, order: Sequence[int], dims: Dims) -> tuple[int, ...]:
        """The memory order of a folded array, as an order of the axes that the op sees."""
        if self is Way.FOLD or not dims.timed:
            return tuple(order)
        leading, seen = self._axes(dims)
        return (*range(leading), *(axis for at in order for axis in seen[at]))

    def folded_order(self, order: Sequence[int], dims: Dims) -> tuple[int, ...]:
        """The inverse of `order`, for an array in which B comes right after T."""
        if self is Way.FOLD or not dims.timed:
            return tuple(order)
        leading, seen = self._axes(dims)
        stored = {axes[-1]: at for at, axes in enumerate(seen)}
        folded = tuple(stored[axis] for axis in order if axis in stored)
        if self.order(folded, dims) != (*range(leading), *(axis for axis in order if axis >= leading)):
            raise AssertionError(f"an array of {dims} that lies in the order {tuple(order)} cannot be folded")
        return folded

    def _axes(self, dims: Dims) -> tuple[int, list[tuple[int, ...]]]:
        """How many axes of size 1 the op sees before all others, and which it sees of every axis of the folded array."""
        rank = dims.rank
        if self is Way.SEE:
            return 0, [*((axis,) for axis in range(rank + 1)), (rank + 1, rank + 2)]
        leading = int(not rank)
        steps = leading + rank
        return leading, [*((axis,) for axis in range(rank)), (steps + 1,), (steps, steps + 2)]


def chosen_way(asked: Way | None, usual: Way, inputs: Iterable[Dims]) -> Way:
    """How an op looks at its inputs: as it is asked to, else apart where they differ in T or B, else as usual."""
    timed = {x.sizes[-2:] for x in inputs if x.timed}
    if not timed:
        return Way.FOLD
    return asked or (Way.SEE if len(timed) > 1 else usual)
