"""Numba twins of the pooling kernels.

All of them see a map as (rows, M, rest, K): the first spatial axis; the channels, where they lie before the other spatial
axes, else 1; the other spatial axes as one; and the run that no window divides (N or N·C). Tables list, for every
position of one side, the positions of the other that windows connect it with, so padding costs nothing and one loop
serves windows of any rank. The inner loops run over K and vectorise.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import prod
from typing import NamedTuple

import numpy as np

from dltoolbox.core.geometry import Window
from dltoolbox.kernels import memory_format
from dltoolbox.kernels.base import BindContext, BoundKernel, Closure, KernelSpec, Order, bind_plain, in_turn, kernel
from dltoolbox.kernels.long_rows import LongRows
from dltoolbox.kernels.numba_support import Twin, loop
from dltoolbox.kernels.pool.global_max import GlobalMax
from dltoolbox.kernels.pool.unpool import MOST_GATHERED_TAPS, Unpool, UnpoolTaps, likely_window
from dltoolbox.kernels.pool.windows import NOTHING, WindowMax, places_to_keep
from dltoolbox.ops.base import OPS, OUT
from dltoolbox.ops.pool import NO_TAP


class TapTable(NamedTuple):
    """For every position p: the positions ``other[start[p]:start[p + 1]]`` and the tap of the window at each."""

    start: np.ndarray
    other: np.ndarray
    tap: np.ndarray


def connections(window: Window, axes: range, large: tuple[int, ...], small: tuple[int, ...]) -> tuple[TapTable, TapTable]:
    """Tables over some axes, taken as one: from the small map to the large, and back."""
    o = i = f = np.zeros(1, np.int64)
    for axis in axes:
        at, tap = (x.reshape(-1) for x in np.mgrid[:small[axis], :window.size[axis]])
        there = at * window.stride[axis] + tap * window.dilation[axis] - window.padding[axis][0]
        inside = (there >= 0) & (there < large[axis])
        o, i, f = ((mine[:, None] * n + more[inside]).reshape(-1) for mine, n, more in (
            (o, small[axis], at), (i, large[axis], there), (f, window.size[axis], tap)))
    return (_tap_table(o, i, f, prod(small[axis] for axis in axes)), _tap_table(i, o, f, prod(large[axis] for axis in axes)))


def _tap_table(key: np.ndarray, other: np.ndarray, tap: np.ndarray, count: int) -> TapTable:
    order = np.lexsort((tap, key))
    return TapTable(np.searchsorted(key[order], np.arange(count + 1)), other[order], tap[order])


@loop
def greatest(first: int, end: int, x: np.ndarray, y: np.ndarray, start0: np.ndarray, other0: np.ndarray, tap0: np.ndarray,
             start1: np.ndarray, other1: np.ndarray, tap1: np.ndarray) -> None:
    """Maxima; a NaN wins. Nothing has the maximum -inf."""
    for a in range(first, end):
        for m in range(y.shape[1]):
            for b in range(y.shape[2]):
                best = y[a, m, b]
                fresh = True
                for j in range(start0[a], start0[a + 1]):
                    for i in range(start1[b], start1[b + 1]):
                        value = x[other0[j], m, other1[i]]
                        if fresh:
                            best[:] = value
                            fresh = False
                        else:
                            for k in range(best.size):
                                best[k] = best[k] if value[k] <= best[k] or best[k] != best[k] else value[k]
                if fresh:
                    best[:] = -np.inf


@loop
def greatest_numbered(first: int, end: int, x: np.ndarray, y: np.ndarray, number: np.ndarray, code: np.ndarray, rows: int,
                      columns: int, start0: np.ndarray, other0: np.ndarray, tap0: np.ndarray, start1: np.ndarray,
                      other1: np.ndarray, tap1: np.ndarray) -> None:
    """Maxima and the numbers of their taps, the tap of the first axis counting ``columns``; with no ``columns``, the
    positions, each row counting ``rows``. They wait in ``code``, which is no wider than the values. Three taps at a time
    stay in registers; one that is missing is the last once more, which never wins. Windows without taps note ``nothing``.
    """
    kind = code.dtype.type
    nothing = kind(NO_TAP if columns else -1)
    for a in range(first, end):
        for m in range(y.shape[1]):
            for b in range(y.shape[2]):
                best, winner = y[a, m, b], number[a, m, b]
                fresh = True
                for j in range(start0[a], start0[a + 1]):
                    row = tap0[j] * columns if columns else other0[j] * rows
                    for i in range(start1[b], start1[b + 1], 3):
                        i1, i2 = min(i + 1, start1[b + 1] - 1), min(i + 2, start1[b + 1] - 1)
                        v0, v1, v2 = x[other0[j], m, other1[i]], x[other0[j], m, other1[i1]], x[other0[j], m, other1[i2]]
                        at = tap1 if columns else other1
                        n0, n1, n2 = kind(row + at[i]), kind(row + at[i1]), kind(row + at[i2])
                        for k in range(best.size):
                            most, mine = (v0[k], n0) if fresh else (best[k], code[k])
                            if not fresh:
                                stays = v0[k] <= most or most != most
                                most, mine = most if stays else v0[k], mine if stays else n0
                            stays = v1[k] <= most or most != most
                            most, mine = most if stays else v1[k], mine if stays else n1
                            stays = v2[k] <= most or most != most
                            best[k], code[k] = most if stays else v2[k], mine if stays else n2
                        fresh = False
                if fresh:
                    best[:] = -np.inf
                    code[:] = nothing
                for k in range(best.size):
                    winner[k] = code[k]


@loop
def moved(source: np.ndarray, number: np.ndarray, target: np.ndarray, gather: int | None, rows: int, columns: int,
          start0: np.ndarray, other0: np.ndarray, tap0: np.ndarray, start1: np.ndarray, other1: np.ndarray,
          tap1: np.ndarray) -> int:
    """Sums of the values of a small map at those taps, or positions, of a large one that their numbers name; or, with
    ``gather``, the values there, for every number. Returns how many there are.
    """
    count = 0
    for a in range(target.shape[0]):
        for m in range(target.shape[1]):
            for b in range(target.shape[2]):
                total = target[a, m, b]
                fresh = gather is None  # most positions of a large map meet one window
                if gather is not None:
                    total[:] = 0
                for j in range(start0[a], start0[a + 1]):
                    for i in range(start1[b], start1[b + 1]):
                        value = source[other0[j], m, other1[i]]
                        if gather is None:
                            code, position = number[other0[j], m, other1[i]], a * rows + b
                        else:
                            code, position = number[a, m, b], other0[j] * rows + other1[i]
                        mine = code.dtype.type(tap0[j] * columns + tap1[i] if columns else position)
                        if fresh:
                            fresh = False
                            for k in range(total.size):
                                total[k] = value[k] if code[k] == mine else 0
                        else:
                            for k in range(total.size):  # adding zeros vectorises, keeping what was there does not
                                total[k] += value[k] if code[k] == mine else 0
                        if not columns:
                            for k in range(total.size):
                                count += code[k] == mine
                if fresh:
                    total[:] = 0
    return count


@loop
def greatest_row(x: np.ndarray, top: np.ndarray) -> None:
    """Maxima of each column; a NaN wins. Four rows at a time, in the order of memory: ``top`` is read less often."""
    last = x.shape[0] - 1
    for i in range(top.size):
        top[i] = x[0, i]
    for r in range(1, x.shape[0], 4):
        first, second, third, fourth = x[r], x[min(r + 1, last)], x[min(r + 2, last)], x[min(r + 3, last)]
        for i in range(top.size):
            best = top[i]
            best = best if first[i] <= best or best != best else first[i]
            best = best if second[i] <= best or best != best else second[i]
            best = best if third[i] <= best or best != best else third[i]
            top[i] = best if fourth[i] <= best or best != best else fourth[i]


@loop
def greatest_of_channels(top: np.ndarray, y: np.ndarray) -> None:
    """Maxima over the middle of (channels, places · observations), which is overwritten; halves first, as long rows."""
    observations = y.shape[1]
    for c in range(top.shape[0]):
        row, best = top[c], y[c]
        places = row.size // observations
        while places > 1 and places % 2 == 0:
            places //= 2
            other = row[places * observations:]
            for i in range(places * observations):
                row[i] = row[i] if other[i] <= row[i] or row[i] != row[i] else other[i]
        for n in range(observations):
            best[n] = row[n]
        for place in range(1, places):
            other = row[place * observations:]
            for n in range(observations):
                best[n] = best[n] if other[n] <= best[n] or best[n] != best[n] else other[n]


def lined(order: Order) -> bool:
    """Whether an array in this order can be seen as (rows, M, rest, K)."""
    rank = len(order) - 2
    return order == memory_format.rows_order(len(order)) or order[:rank] == tuple(range(rank))


def as_lines(x: np.ndarray, order: Order) -> np.ndarray:
    """The array as (rows, M, rest, K)."""
    rank = x.ndim - 2
    lying, rest = x.transpose(order), prod(x.shape[1:rank])
    if order == memory_format.rows_order(x.ndim):
        return lying.reshape(x.shape[0], x.shape[-2], rest, x.shape[-1])
    return lying.reshape(x.shape[0], 1, rest, x.shape[-2] * x.shape[-1])


class TapLines:
    """The maps of a site and the tables between them."""

    def __init__(self, window: Window, order: Order, large: np.ndarray, small: np.ndarray) -> None:
        rank = window.rank
        self.order = order
        self.rest, self.columns = prod(large.shape[1:rank]), prod(window.size[1:])
        pairs = [connections(window, axes, large.shape, small.shape) for axes in (range(1), range(1, rank))]
        self.to_large, self.to_small = ([*pairs[0][side], *pairs[1][side]] for side in (0, 1))

    def maximum(self, site: BindContext, number: np.ndarray | None) -> tuple[Closure, ...]:
        x, y = (as_lines(each, self.order) for each in (site.inputs[0], site.outputs[0]))
        threads = site.case.threads
        ends = [y.shape[0] * thread // threads for thread in range(threads + 1)]
        if number is None:
            return tuple(partial(greatest, ends[r], ends[r + 1], x, y, *self.to_large) for r in range(threads))
        lines = as_lines(number, self.order)
        coded = number.dtype == np.uint8
        kind = np.uint8 if coded else np.int32 if x.shape[0] * x.shape[2] < 1 << 31 else np.int64
        codes, columns = site.scratch((threads, y.shape[3]), kind), self.columns if coded else 0
        return tuple(partial(greatest_numbered, ends[r], ends[r + 1], x, y, lines, codes[r], self.rest, columns,
                             *self.to_large) for r in range(threads))

    def scattered(self, small: np.ndarray, number: np.ndarray, large: np.ndarray) -> Callable[[], int]:
        return self._moved(small, number, large, None, self.to_small)

    def gathered(self, large: np.ndarray, number: np.ndarray, small: np.ndarray) -> Callable[[], int]:
        return self._moved(large, number, small, 1, self.to_large)

    def _moved(self, source: np.ndarray, number: np.ndarray, target: np.ndarray, gather: int | None,
               tables: list[np.ndarray]) -> Callable[[], int]:
        columns = self.columns if number.dtype == np.uint8 else 0
        return partial(moved, as_lines(source, self.order), as_lines(number, self.order), as_lines(target, self.order),
                       gather, self.rest, columns, *tables)


class Looped(Twin):
    """The common part of the twins: they stand before a NumPy kernel, which does what lies in no lines."""

    def bind(self, site: BindContext) -> BoundKernel:
        orders = {order for order in site.case.orders if len(order) > 1}
        return self.loops(site) if len(orders) == 1 and lined(*orders) else super().bind(site)

    def loops(self, site: BindContext) -> BoundKernel:
        raise NotImplementedError


@kernel(*WindowMax.ops)
class WindowMaxLoops(Looped, WindowMax):
    """Every output looks at every tap, so windows are not to have many. The gradient of `max_pool_indices` looks at the
    positions themselves.
    """

    @property
    def saved_for_backward(self) -> frozenset[str]:
        return NOTHING if self.op == "max_pool" else OUT

    def accepts(self, case: KernelSpec) -> bool:
        window: Window = case.attrs["window"]
        return window.taps <= MOST_GATHERED_TAPS and super().accepts(case)

    def loops(self, site: BindContext) -> BoundKernel:
        x, y, window = site.inputs[0], site.outputs[0], site.attrs["window"]
        lines = TapLines(window, site.case.orders[0], x, y)
        number = places_to_keep(site, window) if self.op == "max_pool" else site.outputs[1]
        forward = lines.maximum(site, number)
        dx, grad = site.grad_inputs[0], site.grad_outputs[0]
        if dx is None or grad is None or number is None:
            return BoundKernel(forward)
        return BoundKernel(forward, (lines.scattered(grad, number, dx),))


@kernel(*UnpoolTaps.ops)
class UnpoolTapsLoops(Looped, UnpoolTaps):
    """`max_unpool_taps`."""

    def loops(self, site: BindContext) -> BoundKernel:
        (x, taps), y = site.inputs, site.outputs[0]
        lines = TapLines(site.attrs["window"], site.case.orders[0], y, x)
        dx, grad = site.grad_inputs[0], site.grad_outputs[0]
        backward = () if dx is None or grad is None else (lines.gathered(grad, taps, dx),)
        return BoundKernel((lines.scattered(x, taps, y),), backward)


@kernel(*Unpool.ops)
class UnpoolLoops(Looped, Unpool):
    """`max_unpool`; counts the positions that it finds, and leaves the rest to the op where some are in no window."""

    def loops(self, site: BindContext) -> BoundKernel:
        (x, indices, _), y = site.inputs, site.outputs[0]
        window, plain = likely_window(x.shape[:-2], y.shape[:-2]), bind_plain(OPS[self.op], site)
        assert window is not None
        lines = TapLines(window, site.case.orders[0], y, x)

        def complete(quick: Callable[[], int], slow: Closure) -> Closure:
            return lambda: None if quick() == indices.size else slow()

        forward = complete(lines.scattered(x, indices, y), plain.forward[0])
        dx, grad = site.grad_inputs[0], site.grad_outputs[0]
        if dx is None or grad is None:
            return BoundKernel((forward,))
        return BoundKernel((forward,), (complete(lines.gathered(grad, indices, dx), plain.backward[0]),))


@kernel(*GlobalMax.ops)
class GlobalMaxLoops(Twin, GlobalMax):
    """`global_max_pool`, forward."""

    def finding(self, site: BindContext, rows: LongRows, result: np.ndarray, top: np.ndarray) -> Closure:
        data = rows.of(site.inputs[0])
        if rows.tall or rows.together > 1:
            return in_turn([partial(greatest_row, data, top), partial(rows.reduced, top, np.maximum, result)])
        return in_turn([partial(greatest_row, data, top),
                        partial(greatest_of_channels, top.reshape(rows.channels, -1), result)])
