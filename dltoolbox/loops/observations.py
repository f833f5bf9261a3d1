"""The observations of a minibatchqueue: arrays side by side, or whatever is read one by one."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any, Protocol

import numpy as np

from dltoolbox.autodiff.dlarray import dlarray
from dltoolbox.core import convert
from dltoolbox.core.arrays import array_of
from dltoolbox.core.dims import times
from dltoolbox.core.display import few, listed
from dltoolbox.core.errors import fail
from dltoolbox.core.properties import show
from dltoolbox.core.random import stream
from dltoolbox.data.categorical import categorical

ObservationPart = Any  # observations of an array, a categorical array or a list of sequences
STORE = ("read", "hasdata", "reset")  # the methods of what is read one by one
PAD = "Make them equal in the function: MiniBatchFcn=lambda X: padsequences(X, 2), and pad each list of several."


class Source(Protocol):
    """Observations of several parts, such as images and their labels."""

    parts: int

    def has(self, count: int) -> bool:
        """Whether there are so many more observations."""

    def read(self, count: int) -> list[ObservationPart]:
        """The next observations, at most so many, for every part."""

    def collated(self, part: int, observations: ObservationPart) -> object:
        """The observations of a part as one array."""

    def reset(self) -> None: ...

    def shuffle(self) -> None: ...


def is_store(ds: object) -> bool:
    return all(callable(convert.attribute(ds, name)) for name in STORE)


def option(values: Sequence[ObservationPart] | None, at: int, default: ObservationPart) -> ObservationPart:
    """The value of an option for a part."""
    if not values:
        return default
    return values[at] if len(values) > 1 and at < len(values) else values[0] if len(values) == 1 else default


class ArrayColumns:
    """Arrays, categorical arrays and lists of sequences with the same number of observations."""

    def __init__(self, ds: object, formats: Sequence[str], dimensions: Sequence[int] | None) -> None:
        given = list(ds) if isinstance(ds, tuple) else [ds]
        if not given:
            fail("minibatchqueue:invalidData", "There are no data.", "Pass an array, or several as a tuple: (X, Y).")
        self.columns = [column_of(number, one) for number, one in enumerate(given, 1)]
        self.parts = len(given)
        self.axes = observation_axes(self.columns, given, formats, dimensions)
        self.count = size_along(self.columns[0], self.axes[0])
        self.order: np.ndarray | None = None
        self.at = 0

    def has(self, count: int) -> bool:
        return self.count - self.at >= count

    def read(self, count: int) -> list[ObservationPart]:
        here = slice(self.at, min(self.at + count, self.count))
        self.at = here.stop
        index = np.arange(here.start, here.stop) if self.order is None else self.order[here]
        return [some_observations(column, axis, index) for column, axis in zip(self.columns, self.axes, strict=True)]

    def collated(self, part: int, observations: ObservationPart) -> object:
        """Arrays are collated already; sequences of one size lie side by side in a further dimension."""
        return stacked_observations(observations, "", part) if isinstance(observations, list) else observations

    def reset(self) -> None:
        self.at, self.order = 0, None

    def shuffle(self) -> None:
        self.at, self.order = 0, stream("shuffle").permutation(self.count)


def column_of(number: int, x: object) -> ObservationPart:
    """An array, a categorical array, or a list of sequences."""
    if isinstance(x, categorical):
        return x
    if isinstance(x, dlarray):
        return x.plain
    sequences = isinstance(x, list) or (isinstance(x, np.ndarray) and x.dtype == object)
    array = None if isinstance(x, dict | str) else array_of(x)
    if sequences and (array is None or array.dtype == object or any(np.ndim(item) for item in list(x)[:1])):  # type: ignore
        items = [item.plain if isinstance(item, dlarray) else array_of(item) for item in x]  # type: ignore[attr-defined]
        if items and all(item is not None and item.dtype.kind in "fiub" for item in items):
            return items
    elif array is not None and array.dtype.kind in "fiub" and array.ndim:
        return array
    elif array is not None and array.dtype.kind in "US" and array.ndim:
        return categorical(array)
    fail("minibatchqueue:invalidData", f"Data {number} must be an array of numbers, categorical or a list of sequences, but "
         f"it is {show(x)}.", "Pass several arrays as a tuple, minibatchqueue((X, Y)), or an object with the methods read, "
         "hasdata and reset.")


def size_along(column: ObservationPart, axis: int) -> int:
    return len(column) if isinstance(column, list) else int(column.shape[axis])


def some_observations(column: ObservationPart, axis: int, index: np.ndarray) -> ObservationPart:
    """A copy of some observations."""
    if isinstance(column, list):
        return [np.array(column[at]) for at in index]
    if isinstance(column, categorical):
        return column[(slice(None),) * axis + (index,)]
    return np.take(column, index, axis=axis)


def observation_axes(columns: Sequence[ObservationPart], given: Sequence[object], formats: Sequence[str],
                     dimensions: Sequence[int] | None) -> list[int]:
    """The axis of observations in every array: that which is named, that with the label B, or the usual one. Where numbers
    of observations agree in one way only, that is it.
    """
    choices = []
    for at, (column, one) in enumerate(zip(columns, given, strict=True)):
        rank = 1 if isinstance(column, list) else column.ndim
        named = option(dimensions, at, None)
        if named is not None and named > rank:
            fail("minibatchqueue:invalidIterationDimension", f"IterationDimension is {named}, but data {at + 1} have "
                 f"{rank} dimensions ({times(np.shape(column)) if rank > 1 else len(column)}).",
                 f"Pass a number from 1 to {rank}.")
        usual = 0 if rank < 3 else rank - 1
        fmt = option(formats, at, "") or getattr(one, "labels", "")
        labelled = fmt.index("B") if "B" in fmt and len(fmt) == rank else usual
        choices.append([0] if isinstance(column, list) else [named - 1] if named is not None else
                       [*dict.fromkeys((labelled, usual))])
    for axes in product(*choices):
        if len({size_along(*pair) for pair in zip(columns, axes, strict=True)}) == 1:
            return list(axes)
    counts = [size_along(column, axes[0]) for column, axes in zip(columns, choices, strict=True)]
    sizes = [f"{len(column)} sequences" if isinstance(column, list) else times(column.shape) for column in columns]
    fail("minibatchqueue:numberOfObservations", f"The data have {listed(counts)} observations: their sizes are "
         f"{listed(sizes)}.", "Pass data of the same observations, with IterationDimension=[4, 1] where these lie along "
         "other dimensions than the last of images and the first of matrices.")


class Store:
    """An object that is read one observation after the other."""

    def __init__(self, ds: ObservationPart, formats: Sequence[str]) -> None:
        self.ds, self.formats, self.parts = ds, formats, 0
        self.waiting: list[Sequence[ObservationPart]] = []  # observations that were read to see whether there are enough
        self.ds.reset()

    def has(self, count: int) -> bool:
        while len(self.waiting) < count and self.ds.hasdata():
            observation = self.ds.read()
            self.waiting.append(observation if isinstance(observation, tuple) else (observation,))
        return len(self.waiting) >= count

    def read(self, count: int) -> list[ObservationPart]:
        self.has(count)
        rows, self.waiting = self.waiting[:count], self.waiting[count:]
        self.parts = len(rows[0])
        if any(len(row) != self.parts for row in rows):
            fail("minibatchqueue:differentSizes", "The observations that read returned have different numbers of parts.",
                 "Return tuples of one length.")
        return [list(column) for column in zip(*rows, strict=True)]

    def collated(self, part: int, observations: ObservationPart) -> object:
        if isinstance(observations[0], str):
            return categorical(observations)
        if isinstance(observations[0], categorical) or type(observations[0]).__name__ == "label":
            return categorical([str(one) for one in observations])
        return stacked_observations(observations, option(self.formats, part, ""), part)

    def reset(self) -> None:
        self.ds.reset()
        self.waiting = []

    def shuffle(self) -> None:
        mixed = convert.attribute(self.ds, "shuffle")
        if not callable(mixed):
            fail("minibatchqueue:cannotShuffle", f"The data {show(self.ds)} have no method shuffle.",
                 "Give their class one, which returns the data in another order, or pass arrays.")
        self.ds = mixed() or self.ds
        self.reset()


def stacked_observations(observations: Sequence[ObservationPart], fmt: str, part: int) -> np.ndarray:
    """Observations of one size in a further dimension: that of B, else the last; of vectors and numbers the first."""
    found = [array_of(one.plain if isinstance(one, dlarray) else one) for one in observations]
    arrays = [array for array in found if array is not None]
    shapes = [*dict.fromkeys(array.shape for array in arrays)]
    if len(shapes) > 1 or len(arrays) < len(observations):
        fail("minibatchqueue:differentSizes", f"The observations of data {part + 1} in a mini-batch have the sizes "
             f"{few(map(times, shapes))}, so they cannot lie side by side.", PAD)
    rank = len(shapes[0])
    axis = fmt.index("B") if "B" in fmt and len(fmt) == rank + 1 else rank if rank > 1 else 0
    return np.stack(arrays, axis=axis)
