"""Columns: what every output position of a convolution reads, side by side in scratch, some output rows at a time.

They have the axes (row, depth, position), depth being taps·C and position S2…·N, in one of three forms:

* *stacked*, positions contiguous: only the taps along a row of the window are copied, in long stretches. Its rows are
  not, because the image rows that a window spans lie one after the other already: an overlapping view stacks them.
* *patches*, depth contiguous: every tap is copied, C elements at a time; or every window, where there are fewer. For images
  that lie channels last.
* the image itself, where the window is a single element.

Zeros beyond the image are written once per run: the blocks that follow overwrite nothing but the inside.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from math import prod
from typing import NamedTuple

import numpy as np

from dltoolbox.core.geometry import Window
from dltoolbox.kernels import memory_format
from dltoolbox.kernels.base import BindContext, Closure
from dltoolbox.kernels.blocking import copying, cut
from dltoolbox.kernels.valid_range import reach, window_at

COLUMN_BYTES = 3 << 19  # scratch for the columns of a block: they stay in cache, and few rows are expanded twice
FULL_RUN = 16  # channels that are worth copying by patches
SHORT_ROW = 64  # positions of a row, times batch, below which products by rows are too small
CRITICAL = 2048  # rows of memory that are multiples of this many bytes apart evict one another: products take half longer
APART = 16  # elements between such rows


class RowBlock(NamedTuple):
    """Some output rows: how to fill their columns, and where these lie: (row, depth, position)."""

    rows: slice
    fill: tuple[Closure, ...]
    columns: np.ndarray


@dataclass
class Columns:
    """All blocks; they share their scratch.

    Attributes:
        blocks: In the order of their rows.
        start: What is to be run once, before the first block is filled.
        parts: The depth is that many groups of equal size, each of ``inner`` taps times C elements and, where ``ones``,
            a 1: its weight is the bias.
        ones: Whether such rows of ones exist.
    """

    blocks: list[RowBlock]
    start: list[Closure] = field(default_factory=list)
    parts: int = 1
    inner: int = 1
    ones: bool = False

    @property
    def depth(self) -> int:
        return int(self.blocks[0].columns.shape[1])

    @property
    def longest(self) -> int:
        values: int = max(block.rows.stop - block.rows.start for block in self.blocks)
        return values


def zero(target: np.ndarray) -> Closure:
    return partial(target.fill, 0)


def by_row(y: np.ndarray) -> np.ndarray | None:
    """The view (S1, C, S2…·N) of an array that lies in one of the two orders; None for others."""
    rows, last = memory_format.rows_order(y.ndim), memory_format.channels_last_order(y.ndim)
    if memory_format.lies_in(y, rows):
        moved = y.transpose(rows)
        return moved.reshape(*moved.shape[:2], -1)
    if memory_format.lies_in(y, last):
        moved = y.transpose(last)
        return moved.reshape(len(moved), -1, moved.shape[-1]).swapaxes(1, 2)
    return None


def is_tall(x: np.ndarray) -> bool:
    """Whether depth rather than positions is contiguous in (row, depth, position)."""
    return x.strides[1] < x.strides[2]


def expand(site: BindContext, source: np.ndarray, window: Window, out: Sequence[int], rows: slice | None = None,
           ones: bool = False) -> Columns:
    """Columns of a ``source`` (S…, C, N) for the output rows ``rows`` of all ``out``, in the form that suits it."""
    rows = slice(0, out[0]) if rows is None else rows
    channels, length = source.shape[-2], prod(out[1:]) * source.shape[-1]
    if window.taps == 1 and not window.padded and set(window.stride) == {1} and tuple(out) == source.shape[:window.rank]:
        whole = by_row(source)
        if whole is not None:
            most = COLUMN_BYTES // max(1, whole[0].nbytes)
            return Columns([RowBlock(part, (), whole[part]) for part in cut(rows, most)])
    lies_last = memory_format.lies_in(source, memory_format.channels_last_order(source.ndim))
    if length < SHORT_ROW or (channels >= FULL_RUN and lies_last):
        return patches(site, source, window, out, rows)
    return stacked(site, source, window, out, rows, ones)


def stacked(site: BindContext, source: np.ndarray, window: Window, out: Sequence[int], rows: slice, ones: bool) -> Columns:
    """Columns with contiguous positions.

    Where the window's rows are dilated they are not neighbours, and every tap is expanded.
    """
    channels, batch, item = *source.shape[-2:], source.itemsize
    dilated = window.dilation[0] > 1
    height, step = (1, 1) if dilated else (window.size[0], window.stride[0])
    inner = window.taps if dilated else window.taps // window.size[0]
    wide, length = inner * channels + ones, prod(out[1:]) * batch
    pitch = length + (APART if length * item % CRITICAL == 0 else 0)
    parts = cut(rows, COLUMN_BYTES // (step * wide * pitch * item))
    longest = max(part.stop - part.start for part in parts)
    expanded = site.scratch(((longest - 1) * step + height, wide, pitch), source.dtype)
    target = expanded[:, :inner * channels, :length].reshape(len(expanded), inner, channels, *out[1:], batch)
    offsets = [offset for offset in window.offsets() if dilated or not offset[0]]
    pairs = inner_reach(source, window, out, offsets)
    start = margins(target, pairs)
    if ones:
        start.append(partial(expanded[:, -1].fill, 1))
    blocks = []
    for part in parts:
        count = part.stop - part.start
        total = (count - 1) * step + height
        first = part.start * window.stride[0] - window.padding[0][0]
        along = [reach(len(source), total, first + offset[0], window.stride[0] if dilated else 1) for offset in offsets]
        columns = np.ndarray((count, height * wide, length), source.dtype, expanded, 0,
                             (step * wide * pitch * item, pitch * item, item))
        blocks.append(RowBlock(part, fill(target[:total], source, along, pairs), columns))
    return Columns(blocks, start, height, inner, ones)


def patches(site: BindContext, source: np.ndarray, window: Window, out: Sequence[int], rows: slice) -> Columns:
    """Columns with contiguous depth."""
    channels, batch = source.shape[-2:]
    depth, length = window.taps * channels, prod(out[1:]) * batch
    groups = window.size[0], window.taps // window.size[0]
    parts = cut(rows, COLUMN_BYTES // (length * depth * source.itemsize))
    longest = max(part.stop - part.start for part in parts)
    expanded = site.scratch((longest, *out[1:], batch, window.taps, channels), source.dtype)
    if prod(out) < window.taps:
        whole = expanded.reshape(*expanded.shape[:-2], *window.size, channels)
        columns = expanded.reshape(longest, length, depth).swapaxes(1, 2)
        return Columns([RowBlock(part, window_by_window(whole, source, window, part), columns[:part.stop - part.start])
                        for part in parts], [], *groups)
    target = np.moveaxis(expanded, (-2, -1), (1, 2))
    offsets = list(window.offsets())
    pairs = inner_reach(source, window, out, offsets)
    blocks = []
    for part in parts:
        count = part.stop - part.start
        first = part.start * window.stride[0] - window.padding[0][0]
        along = [reach(len(source), count, first + offset[0], window.stride[0]) for offset in offsets]
        columns = expanded[:count].reshape(count, length, depth).swapaxes(1, 2)
        blocks.append(RowBlock(part, fill(target[:count], source, along, pairs), columns))
    return Columns(blocks, margins(target, pairs), *groups)


def window_by_window(target: np.ndarray, source: np.ndarray, window: Window, rows: slice) -> tuple[Closure, ...]:
    """Closures that copy to ``target`` (row, S2…, N, size…, C) what the windows of a block of rows see."""
    steps: list[Closure] = []
    for row, *rest in np.ndindex(rows.stop - rows.start, *target.shape[1:window.rank]):
        mine = np.moveaxis(target[(row, *rest)], 0, -1)
        to, of = window_at(window, (rows.start + row, *rest), source.shape[:window.rank])
        if mine[to].size < mine.size:
            steps.append(zero(mine))
        if mine[to].size:
            steps.append(copying(mine[to], source[of]))
    return tuple(steps)


SlicePair = tuple[slice, slice]


def inner_reach(source: np.ndarray, window: Window, out: Sequence[int], offsets: Iterable[Sequence[int]]
                ) -> list[list[SlicePair]]:
    """Per tap and dimension but the first: which outputs read which inputs."""
    return [[reach(n, m, o - p[0], s) for n, m, o, p, s in zip(
        source.shape[1:window.rank], out[1:], offset[1:], window.padding[1:], window.stride[1:], strict=True)]
        for offset in offsets]


def margins(target: np.ndarray, pairs: Sequence[Sequence[SlicePair]]) -> list[Closure]:
    """Closures that clear whatever of ``target`` (row, tap, C, S2…, N) reads beyond the sides of the image."""
    steps = []
    for tap, inside in enumerate(pairs):
        for axis, (outputs, _) in enumerate(inside):
            along = target[:, tap].swapaxes(2 + axis, 0)
            size = len(along)
            steps += [zero(along[part]) for part in (slice(0, outputs.start), slice(outputs.stop, size))
                      if part.start < part.stop]
    return steps


def fill(target: np.ndarray, source: np.ndarray, along: Sequence[SlicePair], pairs: Sequence[Sequence[SlicePair]]
         ) -> tuple[Closure, ...]:
    """Closures that copy the taps of a block of rows; ``along`` is the reach in the first dimension, per tap."""
    image = source.transpose(memory_format.rows_order(source.ndim))
    steps: list[Closure] = []
    for tap, (row, inside) in enumerate(zip(along, pairs, strict=True)):
        mine = target[:, tap]
        steps += [zero(mine[part]) for part in (slice(0, row[0].start), slice(row[0].stop, len(mine)))
                  if part.start < part.stop]
        to = mine[(row[0], slice(None), *(outputs for outputs, _ in inside))]
        if to.size:
            steps.append(copying(to, image[(row[1], slice(None), *(inputs for _, inputs in inside))]))
    return tuple(steps)


class Image:
    """An array (S…, C, N) as blocks (row, C, position): views where it lies in one of the two orders, else copies."""

    def __init__(self, site: BindContext, x: np.ndarray, longest: int) -> None:
        self.image, self.view = x.transpose(memory_format.rows_order(x.ndim)), by_row(x)
        self.spare = site.scratch((longest, *self.image.shape[1:]), x.dtype) if self.view is None else None

    def read(self, rows: slice) -> tuple[list[Closure], np.ndarray]:
        """The steps that fill the block, and the block."""
        if self.spare is None:
            assert self.view is not None
            return [], self.view[rows]
        spare = self.spare[:rows.stop - rows.start]
        return [copying(spare, self.image[rows])], spare.reshape(*spare.shape[:2], -1)

    def write(self, rows: slice) -> tuple[np.ndarray, list[Closure]]:
        """The block, and what to run after it has been written."""
        if self.spare is None:
            assert self.view is not None
            return self.view[rows], []
        spare = self.spare[:rows.stop - rows.start]
        return spare.reshape(*spare.shape[:2], -1), [copying(self.image[rows], spare)]
