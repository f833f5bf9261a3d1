"""Planned memory: every array of a program has its place in one block before anything runs.

A buffer is alive in some steps of the run and free in all others. Buffers that are never alive at the same time share
addresses, so the peak is known when a program is compiled, and running allocates nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import DTypeLike

from dltoolbox.core.arrays import memory
from dltoolbox.core.display import bytes_text
from dltoolbox.kernels import base
from dltoolbox.ops import ParameterKey

Key = TypeVar("Key")
Thing = TypeVar("Thing")

ALIGNMENT = 64  # bytes: a cache line, and the widest vector


@dataclass
class Buffer:
    """``size`` bytes that are alive in the given closed intervals of time; ``offset`` is where they lie."""

    size: int
    alive: tuple[tuple[int, int], ...]
    offset: int = 0


def bytes_of(shape: Sequence[int], dtype: DTypeLike) -> int:
    values: int = prod(shape) * np.dtype(dtype).itemsize
    return values


def place(buffers: Sequence[Buffer]) -> int:
    """Give every buffer an offset, the largest first, each as low as its neighbours in time allow; returns the peak."""
    placed: list[Buffer] = []
    starts: list[int] = []
    ends: list[int] = []
    owners: list[int] = []
    peak = 0
    for buffer in sorted(buffers, key=lambda one: -one.size):
        size = -(-buffer.size // ALIGNMENT) * ALIGNMENT
        clash = np.zeros(len(placed), np.bool_)
        for first, last in buffer.alive:
            meets = (np.array(starts, np.int64) <= last) & (np.array(ends, np.int64) >= first)
            clash[np.array(owners, np.int64)[meets]] = True
        buffer.offset = _lowest([placed[i] for i in np.flatnonzero(clash)], size)
        for first, last in buffer.alive:
            starts.append(first)
            ends.append(last)
            owners.append(len(placed))
        placed.append(buffer)
        peak = max(peak, buffer.offset + size)
    return peak


def _lowest(neighbours: Sequence[Buffer], size: int) -> int:
    """The lowest offset of a gap of ``size`` bytes between buffers that are alive at the same time."""
    offset = 0
    for other in sorted(neighbours, key=lambda one: one.offset):
        if other.offset - offset >= size:
            break
        offset = max(offset, other.offset + -(-other.size // ALIGNMENT) * ALIGNMENT)
    return offset


class Arena:
    """One block of memory for one thread of a model, shared by all programs of the model, which run one at a time."""

    def __init__(self) -> None:
        self.block = base.empty((0,), np.uint8)
        self.generation = 0

    def reserve(self, size: int) -> None:
        """Make the block at least so large. A new block is a new generation: what was bound to the old one is void."""
        if size + ALIGNMENT > len(self.block):
            if size > memory():
                raise MemoryError(f"{bytes_text(size)} for one run")
            self.block = base.empty((0,), np.uint8)  # the old block is given back before the new one is taken
            self.block = base.empty((size + ALIGNMENT,), np.uint8)
            self.generation += 1

    def view(self, offset: int, shape: Sequence[int], dtype: DTypeLike) -> np.ndarray:
        """The array at an offset from the first aligned byte."""
        start = -self.block.ctypes.data % ALIGNMENT + offset
        values: np.ndarray = self.block[start:start + bytes_of(shape, dtype)].view(dtype).reshape(shape)
        return values


class FlatArrays(Mapping[ParameterKey, np.ndarray]):
    """Named arrays that are views of one vector, so that all can be copied, added and updated at once.

    Args:
        shapes: Of every array, by key, in their order in the vector.
        dtype: Of all.
    """

    def __init__(self, shapes: Mapping[ParameterKey, Sequence[int]], dtype: DTypeLike) -> None:
        self.vector = np.zeros(sum(prod(shape) for shape in shapes.values()), dtype)
        self._views: dict[ParameterKey, np.ndarray] = {}
        start = 0
        for key, shape in shapes.items():
            end = start + prod(shape)
            self._views[key] = self.vector[start:end].reshape(tuple(shape))
            start = end

    def __getitem__(self, key: ParameterKey) -> np.ndarray:
        return self._views[key]

    def __iter__(self) -> Iterator[ParameterKey]:
        return iter(self._views)

    def __len__(self) -> int:
        return len(self._views)


class Kept(Generic[Key, Thing]):
    """Things by key as long as all take at most so many bytes. What was not used for longest goes; the newest stays."""

    def __init__(self, limit: int) -> None:
        self.limit, self.bytes = limit, 0
        self._things: dict[Key, tuple[Thing, int]] = {}  # the most recently used last

    def get(self, key: Key) -> Thing | None:
        entry = self._things.pop(key, None)
        if entry is None:
            return None
        self._things[key] = entry
        return entry[0]

    def put(self, key: Key, thing: Thing, size: int) -> None:
        self._things[key] = thing, size
        self.bytes += size
        while self.bytes > self.limit and len(self._things) > 1:
            self.bytes -= self._things.pop(next(iter(self._things)))[1]

    def __iter__(self) -> Iterator[Thing]:
        return (thing for thing, _ in self._things.values())
