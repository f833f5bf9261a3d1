"""Planned memory: every array of a program has its place in one block before anything runs.

A buffer is alive in some steps of the run and free in all others. Buffers that are never alive at the same time share
addresses, so the peak is known when a program is compiled, and running allocates nothing.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Generic, Protocol, TypeVar
from weakref import WeakSet

import numpy as np
from numpy.typing import DTypeLike

from dltoolbox.core.arrays import memory
from dltoolbox.core.display import bytes_text
from dltoolbox.kernels import base
from dltoolbox.ops import ParameterKey

Key = TypeVar("Key")
Thing = TypeVar("Thing")

FEW_BUFFERS = 200  # buffers that are placed one by one
ALIGNMENT = 64  # bytes: a cache line, and the widest vector
HEADROOM = 1 << 26  # bytes that a block or layout has at most beyond its need


@dataclass
class Buffer:
    """``size`` bytes that are alive in the given closed intervals of time; ``offset`` is where they lie."""

    size: int
    alive: tuple[tuple[int, int], ...]
    offset: int = 0

    @property
    def room(self) -> int:
        """Bytes up to the next aligned place."""
        return -(-self.size // ALIGNMENT) * ALIGNMENT

    @property
    def top(self) -> int:
        return self.offset + self.room


def bytes_of(shape: Sequence[int], dtype: DTypeLike) -> int:
    values: int = prod(shape) * np.dtype(dtype).itemsize
    return values


def place(buffers: Sequence[Buffer]) -> int:
    """Give every buffer an offset, the largest first, each as low as its neighbours in time allow; returns the peak."""
    ordered = sorted(buffers, key=lambda buffer: -buffer.size)
    (place_few if len(ordered) <= FEW_BUFFERS else place_many)(ordered)
    return max((buffer.top for buffer in ordered), default=0)


def place_few(buffers: Sequence[Buffer]) -> None:
    """One by one; times are bits of a number."""
    placed: list[tuple[int, int, int]] = []  # the lowest first: from where to where, and when it is alive
    for buffer in buffers:
        times = 0
        for first, last in buffer.alive:
            times |= (2 << last - first) - 1 << first + 1  # the data enter at -1
        offset, room = 0, buffer.room
        for low, top, others in placed:
            if times & others:
                if low - offset >= room:
                    break
                offset = max(offset, top)
        buffer.offset = offset
        insort(placed, (offset, offset + room, times))


def place_many(buffers: Sequence[Buffer]) -> None:
    """The same with a few array operations per buffer, as networks of thousands of layers need."""
    table = np.empty((4, sum(len(buffer.alive) for buffer in buffers)), np.int64)
    count = 0
    for buffer in buffers:
        lows, tops, births, deaths = table[:, :count]  # of every interval that is placed, the lowest first
        clash = np.zeros(count, np.bool_)
        for first, last in buffer.alive:
            clash |= (births <= last) & (deaths >= first)
        below = np.maximum.accumulate(np.concatenate(([0], tops[clash])))
        gaps = np.flatnonzero(lows[clash] - below[:-1] >= buffer.room)
        buffer.offset = int(below[gaps[0] if len(gaps) else -1])
        at, more = int(np.searchsorted(lows, buffer.offset)), len(buffer.alive)
        table[:, at + more:count + more] = table[:, at:count].copy()
        table[:, at:at + more] = [(buffer.offset,) * more, (buffer.top,) * more, *zip(*buffer.alive, strict=True)]
        count += more


class Tenant(Protocol):
    """Arrays bound to an arena."""

    def release(self) -> None:
        """Let go of all memory."""


class Arena:
    """One block of memory for one thread of a model, shared by all programs of the model, which run one at a time."""

    def __init__(self) -> None:
        self.block = base.empty((0,), np.uint8)
        self.start = 0  # the first aligned byte
        self.generation = 0
        self.tenants: WeakSet[Tenant] = WeakSet()

    def reserve(self, size: int) -> None:
        """Make the block at least so large. A new block is a new generation: what was bound to the old one lets go of it. A
        block that has to grow gets headroom, which costs nothing until it is used, so that not every larger batch and not
        every longer sequence moves it.
        """
        if size + ALIGNMENT <= len(self.block):
            return
        if size > memory():
            raise MemoryError(f"{bytes_text(size)} for one run")
        size += min(3 * size, HEADROOM) if self.generation else 0
        for tenant in list(self.tenants):
            tenant.release()
        self.tenants.clear()
        self.block = base.empty((0,), np.uint8)  # the old block is given back before the new one is taken
        self.block = base.empty((size + ALIGNMENT,), np.uint8)
        self.start = -self.block.ctypes.data % ALIGNMENT
        self.generation += 1

    def view(self, offset: int, shape: Sequence[int], dtype: DTypeLike) -> np.ndarray:
        """The array at an offset from the first aligned byte."""
        return np.ndarray(tuple(shape), dtype, self.block, self.start + offset)


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
        self.bytes += size - self._things.pop(key, (None, 0))[1]
        self._things[key] = thing, size
        while self.bytes > self.limit and len(self._things) > 1:
            self.bytes -= self._things.pop(next(iter(self._things)))[1]

    def __iter__(self) -> Iterator[Thing]:
        return (thing for thing, _ in self._things.values())
