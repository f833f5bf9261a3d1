"""The adjoint of a convolution, with any stride, as one convolution of stride 1.

With stride s the output x falls into s phases per dimension, x[φ::s], and each is a convolution of y with the few taps
that reach it (sub-pixel convolution: Shi et al., "Real-Time Single Image and Video Super-Resolution Using an Efficient
Sub-Pixel Convolutional Neural Network", 2016, section 3). All phases along a row read the same columns of y, so they are
one product with as many times more filters; where fewer taps reach a phase, its filters have zeros. Where these would be
too many, as for 4×4 windows of stride 2, every phase along a row has columns of its own. Phases of rows are products of
their own in any case, with the rows that they need.

A large window over few positions would read zeros almost everywhere: there every position is a product with all weights,
added where its window lies.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from itertools import product
from math import gcd, prod
from typing import NamedTuple

import numpy as np

from dltoolbox.core.geometry import Window
from dltoolbox.kernels import memory_format
from dltoolbox.kernels.base import BindContext, Closure
from dltoolbox.kernels.blocking import copying
from dltoolbox.kernels.conv.gemm import ONES_PAY, Finish, PackedFilters, multiply_columns
from dltoolbox.kernels.conv.im2col import Columns, RowBlock, by_row, expand, is_tall
from dltoolbox.kernels.valid_range import window_at

WASTE = 1.3  # times more multiplications than needed, from which phases no longer share their columns
SPARSE = 4  # times more positions per phase than there are windows, from which windows are added up one by one
MOST_WINDOWS, MANY_PHASES = 256, 4096  # that few windows, or so many phases


class Share(NamedTuple):
    """The taps ``of`` a dimension that reach one phase, and the elements of the new window that they become."""

    phase: int
    of: slice
    become: slice


@dataclass(frozen=True)
class Dimension:
    """One dimension of an adjoint: the phases that are served, of how many, and the window of stride 1 that serves them."""

    shares: tuple[Share, ...]
    served: range
    stride: int
    size: int
    dilation: int
    before: int

    @classmethod
    @cache
    def of(cls, size: int, stride: int, dilation: int, before: int) -> Dimension:
        """Tap t of y[o] adds to x[s·o + t·d − p], so x[s·q + φ] reads y[q + (φ + p − t·d)/s]."""
        saved_for_backward: dict[int, list[tuple[int, int]]] = {}
        for tap in range(size):
            phase = (tap * dilation - before) % stride
            saved_for_backward.setdefault(phase, []).append((tap, (phase + before - tap * dilation) // stride))
        offsets = sorted({offset for pairs in saved_for_backward.values() for _, offset in pairs})
        first = offsets[0]
        step = gcd(*(offset - first for offset in offsets)) or 1
        shares = []
        for phase, pairs in sorted(saved_for_backward.items()):
            (tap, offset), each = pairs[0], stride // gcd(stride, dilation)
            end, back = (pairs[-1][1] - first) // step, dilation // gcd(stride, dilation) // step
            shares.append(Share(phase, slice(tap, pairs[-1][0] + 1, each),
                                slice((offset - first) // step, end - 1 if end else None, -max(back, 1))))
        return cls(tuple(shares), range(stride), stride, (offsets[-1] - first) // step + 1, step, -first)

    @property
    def waste(self) -> float:
        """How many times more multiplications than taps the phases make together; 0 where one has none."""
        taps = sum(len(range(self.size)[share.become]) for share in self.shares)
        return self.stride * self.size / taps if len(self.shares) == self.stride else 0

    def alone(self, share: Share) -> Dimension:
        """The dimension of one phase."""
        elements = range(self.size)[share.become]
        return Dimension((Share(share.phase, share.of, slice(None, None, -1)),), range(share.phase, share.phase + 1),
                         self.stride, len(elements), -elements.step * self.dilation,
                         self.before - elements[-1] * self.dilation)

    def outputs(self, spatial: int) -> int:
        return -(-(spatial - self.served.start) // self.stride)


class Adjoint:
    """Adjoint of the convolution by ``window`` of an image of size ``spatial``, for weights (size…, C, K)."""

    def __init__(self, window: Window, spatial: Sequence[int], inner: Sequence[Dimension] = ()) -> None:
        self.spatial = tuple(spatial)
        dimensions = [Dimension.of(f, s, d, p[0]) for f, s, d, p in zip(
            window.size, window.stride, window.dilation, window.padding, strict=True)]
        self.dimensions = [dimensions[0], *(inner or dimensions[1:])]
        self.window = Window.of([dimension.size for dimension in self.dimensions], None,
                                [(dimension.before, 0) for dimension in self.dimensions],
                                [dimension.dilation for dimension in self.dimensions])
        self.out = tuple(dimension.outputs(n) for dimension, n in zip(self.dimensions, spatial, strict=True))
        self.phases = tuple(len(dimension.served) for dimension in self.dimensions[1:])
        self.simple = set(window.stride) == {1}

    def split(self, window: Window) -> list[Adjoint]:
        """This adjoint, or one per phase of the dimensions but the first where they waste too much together."""
        if prod(dimension.waste for dimension in self.dimensions[1:]) < WASTE:
            return [self]
        return [Adjoint(window, self.spatial, inner) for inner in product(
            *([dimension.alone(share) for share in dimension.shares] for dimension in self.dimensions[1:]))]

    def turn(self, weights: np.ndarray) -> np.ndarray:
        """Weights, or their gradient, of a stride of 1 as (size…, K, C) of the adjoint: a view."""
        return np.flip(weights, tuple(range(len(self.spatial)))).swapaxes(-1, -2)

    def moves(self, weights: np.ndarray, row: Share, start: int) -> Callable[[np.ndarray], list[Closure]]:
        """How the weights of one phase of rows are arranged; its window begins at element ``start``."""
        channels = weights.shape[-2]

        def fill(target: np.ndarray) -> list[Closure]:
            split = target.reshape(*target.shape[:-1], *self.phases, channels)
            back = slice(row.become.start - start, shifted_stop(row.become.stop, start), row.become.step)
            along = self.dimensions[1:]
            pairs = []
            for inner in product(*(inner_dimension.shares for inner_dimension in along)):
                phases = (phase.phase - dimension.served.start for phase, dimension in zip(inner, along, strict=True))
                pairs.append((split[(back, *(phase.become for phase in inner), slice(None), *phases)],
                              weights[(row.of, *(phase.of for phase in inner))].swapaxes(-1, -2)))
            gaps = sum(to.size for to, _ in pairs) < target.size
            return [*([partial(target.fill, 0)] if gaps else []), *(partial(np.copyto, to, of) for to, of in pairs)]
        return fill


def shifted_stop(stop: int | None, start: int) -> int | None:
    """The end of a descending slice after a shift."""
    return None if stop is None or stop < start else stop - start


class Interleaved:
    """The image (S…, C, N) that phases make up, block by block."""

    def __init__(self, site: BindContext, x: np.ndarray, adjoint: Adjoint, columns: Columns) -> None:
        self.image, self.adjoint = x.transpose(memory_format.rows_order(x.ndim)), adjoint
        self.view = by_row(x) if {dimension.stride for dimension in adjoint.dimensions[1:]} <= {1} else None
        self.spare: np.ndarray | None = None
        if self.view is None:
            lead, inner, phases = (columns.longest,), (*adjoint.out[1:], x.shape[-1]), (*adjoint.phases, x.shape[-2])
            if is_tall(columns.blocks[0].columns):
                spare = site.scratch((*lead, *inner, *phases))
                self.spare = np.moveaxis(spare, range(-len(phases), 0), range(1, 1 + len(phases)))
            else:
                self.spare = site.scratch((*lead, *phases, *inner))

    @property
    def tall(self) -> bool:
        return is_tall(self.view) if self.view is not None else is_tall(self._flat(1))

    def _flat(self, count: int) -> np.ndarray:
        assert self.spare is not None
        spare = self.spare[:count]
        return spare.reshape(count, prod(spare.shape[1:len(self.adjoint.phases) + 2]), -1)

    def write(self, rows: slice, phase: int) -> tuple[np.ndarray, list[Closure]]:
        """The block of a phase of rows, and what to run after it has been written."""
        first, *along = self.adjoint.dimensions
        image = self.image[phase::first.stride][rows]
        if self.view is not None:
            return self.view[phase::first.stride][rows], []
        assert self.spare is not None
        steps: list[Closure] = []
        for inner in np.ndindex(*self.adjoint.phases):
            to = image[(slice(None), slice(None), *(slice(dimension.served[p], None, dimension.stride)
                                                    for p, dimension in zip(inner, along, strict=True)))]
            source = self.spare[(slice(len(to)), *inner)]
            steps.append(copying(to, source[tuple(slice(n) for n in to.shape)]))
        return self._flat(len(image)), steps


def by_windows(window: Window, source: np.ndarray, target: np.ndarray) -> bool:
    """Whether the windows of an adjoint are so few that they are best added up one by one."""
    count = prod(source.shape[:window.rank])
    per_phase = prod(-(-n // s) for n, s in zip(target.shape, window.stride, strict=False))
    return count <= MOST_WINDOWS and (per_phase >= SPARSE * count or prod(window.stride) >= MANY_PHASES)


def bind_windows(site: BindContext, source: np.ndarray, target: np.ndarray, weights: np.ndarray, bias: np.ndarray | None,
                 window: Window) -> list[Closure]:
    """Steps that add the windows of ``source`` up one by one."""
    matrix = weights.reshape(-1, weights.shape[-1])
    patch = site.scratch((*window.size, weights.shape[-2], source.shape[-1]), target.dtype)
    steps: list[Closure] = [partial(np.copyto, np.moveaxis(target, -2, -1), 0 if bias is None else bias.reshape(-1))]
    for position in np.ndindex(*source.shape[:window.rank]):
        of, to = window_at(window, position, target.shape[:window.rank])
        steps += [partial(np.matmul, matrix, source[position], patch.reshape(len(matrix), -1)),
                  partial(np.add, target[to], patch[of], out=target[to])]
    return steps


Also = Callable[[Columns], Callable[[RowBlock], list[Closure]]]


def bind_adjoint(site: BindContext, source: np.ndarray, target: np.ndarray, weights: np.ndarray, bias: np.ndarray | None,
                 window: Window, also: Also | None = None) -> tuple[list[Closure], list[Closure]]:
    """Steps that prepare, and steps that write the adjoint of ``source`` to ``target``.

    Args:
        also: Makes further steps that use the columns of ``source`` while a block of them is in cache.
    """
    if also is None and by_windows(window, source, target):
        return [], bind_windows(site, source, target, weights, bias, window)
    whole = Adjoint(window, target.shape[:window.rank])
    rows = whole.dimensions[0]
    prepare: list[Closure] = []
    steps: list[Closure] = []
    for phase in set(range(rows.stride)) - {share.phase for share in rows.shares}:
        unreached = np.moveaxis(target[phase::rows.stride], -2, -1)
        steps.append(partial(np.copyto, unreached, 0 if bias is None else bias.reshape(-1)))
    for adjoint in whole.split(window):
        if 0 not in adjoint.out:
            before, after = _bind_phases(site, source, target, weights, bias, adjoint, also)
            prepare, steps = prepare + before, steps + after
    return prepare, steps


def _bind_phases(site: BindContext, source: np.ndarray, target: np.ndarray, weights: np.ndarray, bias: np.ndarray | None,
                 adjoint: Adjoint, also: Also | None) -> tuple[list[Closure], list[Closure]]:
    """The same for the phases along a row that share their columns."""
    columns = expand(site, source, adjoint.window, adjoint.out, ones=bias is not None and weights.size <= ONES_PAY)
    image = Interleaved(site, target, adjoint, columns)
    finish = Finish(site, None if columns.ones else bias, prod(adjoint.phases), False)
    prepare, steps = list(finish.prepare), list(columns.start)
    rows = adjoint.dimensions[0]
    products = []
    each = columns.depth // columns.parts
    for share in rows.shares:
        used = range(rows.size)[share.become]
        start, height = (min(used), max(used) - min(used) + 1) if columns.parts == rows.size else (0, rows.size)
        shape = (height, *adjoint.window.size[1:], weights.shape[-1], weights.shape[-2] * prod(adjoint.phases))
        filters = PackedFilters(site, shape, adjoint.moves(weights, share, start), height if columns.parts > 1 else 1,
                                columns.ones, np.zeros(1) if bias is None else bias.reshape(-1), image.tall)
        prepare += filters.prepare
        parts = slice(start * each, (start + height) * each) if columns.parts == rows.size else slice(None)
        products.append((share.phase, filters.matrix, parts))
    more = also(columns) if also is not None else None
    for block in columns.blocks:
        steps += block.fill
        for phase, matrix, parts in products:
            count = len(range(phase, target.shape[0], rows.stride)[block.rows])
            if count:
                view, after = image.write(block.rows, phase)
                steps += [multiply_columns(matrix, block.columns[:count, parts], view), *finish.steps(view), *after]
        if more is not None:
            steps += more(block)
    return prepare, steps
