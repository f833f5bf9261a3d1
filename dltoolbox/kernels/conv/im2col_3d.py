"""Convolutions of volumes, stride 1, channels last: columns of two dimensions of the window, shifts for the third.

A tap along the second dimension reads the columns of other lines, which lie in the same scratch. So a third of the columns
of a 3×3×3 window is made, and as many products as the window has lines are added up: 3.5 → 2.5 ms for 16 to 32 channels
in 16×16×16×4 positions, on each of two threads, whose copies would compete for memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from math import prod

import numpy as np

from dltoolbox.core.geometry import Window
from dltoolbox.kernels import memory_format
from dltoolbox.kernels.base import BindContext, Closure
from dltoolbox.kernels.conv.gemm import Finish, Sum, multiply_columns
from dltoolbox.kernels.conv.im2col import FULL_RUN, Columns, Image, RowBlock, patches

SHORT_LINE = 256  # positions of a row, times batch, below which there are too many calls


def suit(window: Window, source: np.ndarray, other: np.ndarray) -> bool:
    """Whether these columns of the source are worth making, to be multiplied with, or to become, the other array."""
    last = memory_format.channels_last_order(source.ndim)
    return (window.rank == 3 and set(window.stride) == {1} and window.size[1] > 1 and source.shape[-2] >= FULL_RUN
            and memory_format.lies_in(source, last) and memory_format.lies_in(other, last)
            and prod(other.shape[1:3]) * other.shape[-1] >= SHORT_LINE)


class SourceLines:
    """Columns of the source for output rows ``rows`` of all ``out``, with the lines that a window spans beyond them."""

    def __init__(self, site: BindContext, source: np.ndarray, window: Window, out: tuple[int, ...], rows: slice) -> None:
        high, _, wide = window.size
        flat = Window.of((high, 1, wide), None, window.padding, (window.dilation[0], 1, window.dilation[2]))
        self.columns: Columns = patches(site, source, flat, (out[0], out[1] + window.extent[1] - 1, out[2]), rows)
        line = out[2] * source.shape[-1]
        self.length = out[1] * line
        self.starts = [tap * window.dilation[1] * line for tap in range(window.size[1])]

    def of(self, block: RowBlock) -> list[np.ndarray]:
        """The columns (row, depth, position) of a block, one array per line of the window."""
        return [block.columns[..., start:start + self.length] for start in self.starts]


def bind_lines(site: BindContext, source: np.ndarray, target: np.ndarray, weights: np.ndarray, bias: np.ndarray | None,
               window: Window, bands: Sequence[slice], relu: bool = False) -> tuple[list[Closure], list[list[Closure]]]:
    """Steps that prepare, and per band of rows those that write a convolution."""
    high, count, wide, channels, width = weights.shape
    matrices, finish = site.shared((count, high * wide * channels, width)), Finish(site, bias, 1, relu)
    move = partial(np.copyto, matrices.reshape(count, high, wide, channels, width), weights.swapaxes(0, 1))
    return [move, *finish.prepare], [
        _bind_band(site, SourceLines(site, source, window, target.shape[:3], band), target, matrices, finish)
        for band in bands]


def _bind_band(site: BindContext, lines: SourceLines, target: np.ndarray, matrices: np.ndarray,
               finish: Finish) -> list[Closure]:
    image, steps = Image(site, target, lines.columns.longest), list(lines.columns.start)
    spare = site.scratch((lines.columns.longest, lines.length, target.shape[-2])).swapaxes(1, 2)
    for block in lines.columns.blocks:
        view, after = image.write(block.rows)
        first, *others = lines.of(block)
        steps += [*block.fill, multiply_columns(matrices[0].T, first, view)]
        for matrix, columns in zip(matrices[1:], others, strict=True):
            more = spare[:len(view)]
            steps += [multiply_columns(matrix.T, columns, more), partial(np.add, view, more, out=view)]
        steps += [*finish.steps(view), *after]
    return steps


def bind_line_weights(site: BindContext, source: np.ndarray, grad: np.ndarray, window: Window, weights: np.ndarray
                      ) -> list[Closure]:
    """Steps that write the gradient of the weights."""
    lines = SourceLines(site, source, window, grad.shape[:3], slice(0, len(grad)))
    sums = [Sum(site, lines.columns, grad.shape[-2], lines.length, (True, True)) for _ in lines.starts]
    image, steps = Image(site, grad, lines.columns.longest), list(lines.columns.start)
    for block in lines.columns.blocks:
        before, view = image.read(block.rows)
        steps += [*block.fill, *before]
        for total, columns in zip(sums, lines.of(block), strict=True):
            steps += total.add(columns, view, first=block.rows.start == 0)
    return steps + [total.give(weights[:, tap]) for tap, total in enumerate(sums)]
