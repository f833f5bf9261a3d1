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
from typing import Any, NamedTuple

import numpy as np

from dltoolbox.core.geometry import Window
from dltoolbox.kernels import memory_format
from dltoolbox.kernels.base import BindContext, BoundKernel, Closure, KernelSpec, Order, bind_plain, kernel
from dltoolbox.kernels.numba_support import Twin, loop
from dltoolbox.kernels.pool.unpool import MOST_TAPS, Unpool, UnpoolTaps, likely_window
from dltoolbox.kernels.pool.windows import WindowMax, WindowMaxIndices, WindowMaxTaps
from dltoolbox.ops.base import OPS, OUT


class Table(NamedTuple):
    """For every position p: the positions ``other[start[p]:start[p + 1]]`` and the tap of the window at each."""

    start: np.ndarray
    other: np.ndarray
    tap: np.ndarray


def connections(window: Window, axes: range, large: tuple[int, ...], small: tuple[int, ...]) -> tuple[Table, Table]:
    """Tables over some axes, taken as one: from the small map to the large, and back."""
    o = i = f = np.zeros(1, np.int64)
    for axis in axes:
        at, tap = (x.reshape(-1) for x in np.mgrid[:small[axis], :window.size[axis]])
        there = at * window.stride[axis] + tap * window.dilation[axis] - window.padding[axis][0]
        inside = (there >= 0) & (there < large[axis])
        o, i, f = ((mine[:, None] * n + more[inside]).reshape(-1) for mine, n, more in (
            (o, small[axis], at), (i, large[axis], there), (f, window.size[axis], tap)))
    return (_table(o, i, f, prod(small[axis] for axis in axes)), _table(i, o, f, prod(large[axis] for axis in axes)))


def _table(key: np.ndarray, other: np.ndarray, tap: np.ndarray, count: int) -> Table:
    order = np.lexsort((tap, key))
    return Table(np.searchsorted(key[order], np.arange(count + 1)), other[order], tap[order])


@loop
def greatest(first: int, end: int, x: np.ndarray, y: np.ndarray, start0: Any, other0: Any, tap0: Any, start1: Any,
             other1: Any, tap1: Any) -> None:
    """Maxima; a NaN wins."""
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


@loop
def greatest_numbered(first: int, end: int, x: np.ndarray, y: np.ndarray, number: np.ndarray, code: np.ndarray, rows: int,
                      columns: int, start0: Any, other0: Any, tap0: Any, start1: Any, other1: Any, tap1: Any) -> None:
    """Maxima and the numbers of their taps, the tap of the first axis counting ``columns``; with no ``columns``, the
    positions, each row counting ``rows``. They wait in ``code``, which is no wider than the values. Three taps at a time
    stay in registers; one that is missing is the last once more, which never wins.
    """
    kind = code.dtype.type
    for a in range(first, end):
        for m in range(y.shape[1]):
            for b in range(y.shape[2]):
                best, found = y[a, m, b], number[a, m, b]
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
                for k in range(best.size):
                    found[k] = code[k]


@loop
def scattered(small: np.ndarray, number: np.ndarray, large: np.ndarray, rows: int, columns: int, start0: Any, other0: Any,
              tap0: Any, start1: Any, other1: Any, tap1: Any) -> int:
    """Sums of the values whose number is that of the tap, or position, where they would be added. Returns how many."""
    found = 0
    for a in range(large.shape[0]):
        for m in range(large.shape[1]):
            for b in range(large.shape[2]):
                total = large[a, m, b]
                fresh = True
                for j in range(start0[a], start0[a + 1]):
                    for i in range(start1[b], start1[b + 1]):
                        value, code = small[other0[j], m, other1[i]], number[other0[j], m, other1[i]]
                        mine = code.dtype.type(tap0[j] * columns + tap1[i] if columns else a * rows + b)
                        if fresh:
                            fresh = False
                            for k in range(total.size):
                                total[k] = value[k] if code[k] == mine else 0
                        else:
                            for k in range(total.size):
                                total[k] += value[k] if code[k] == mine else 0
                        if not columns:
                            for k in range(total.size):
                                found += code[k] == mine
                if fresh:
                    total[:] = 0
    return found


@loop
def gathered(large: np.ndarray, number: np.ndarray, small: np.ndarray, rows: int, columns: int, start0: Any, other0: Any,
             tap0: Any, start1: Any, other1: Any, tap1: Any) -> int:
    """For every number, the value at that tap or position. Returns how many there are."""
    found = 0
    for a in range(small.shape[0]):
        for m in range(small.shape[1]):
            for b in range(small.shape[2]):
                result, code = small[a, m, b], number[a, m, b]
                result[:] = 0
                for j in range(start0[a], start0[a + 1]):  # adding zeros vectorises, keeping what was there does not
                    for i in range(start1[b], start1[b + 1]):
                        value = large[other0[j], m, other1[i]]
                        mine = code.dtype.type(tap0[j] * columns + tap1[i] if columns else other0[j] * rows + other1[i])
                        for k in range(result.size):
                            result[k] += value[k] if code[k] == mine else 0
                        if not columns:
                            for k in range(result.size):
                                found += code[k] == mine
    return found


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


class Lines:
    """The maps of a site and the tables between them."""

    def __init__(self, window: Window, order: Order, large: np.ndarray, small: np.ndarray) -> None:
        rank = window.rank
        self.order = order
        self.rest, self.columns = prod(large.shape[1:rank]), prod(window.size[1:])
        pairs = [connections(window, axes, large.shape, small.shape) for axes in (range(1), range(1, rank))]
        self.to_large, self.to_small = ([*pairs[0][side], *pairs[1][side]] for side in (0, 1))

    def maximum(self, site: BindContext, number: np.ndarray | None) -> tuple[Closure, ...]:
        x, y = (as_lines(each, self.order) for each in (site.inputs[0], site.outputs[0]))
        ranks = site.case.ranks
        ends = [y.shape[0] * rank // ranks for rank in range(ranks + 1)]
        if number is None:
            return tuple(partial(greatest, ends[r], ends[r + 1], x, y, *self.to_large) for r in range(ranks))
        lines = as_lines(number, self.order)
        coded = number.dtype == np.uint8
        kind = np.uint8 if coded else np.int32 if x.shape[0] * x.shape[2] < 1 << 31 else np.int64
        codes, columns = site.scratch((ranks, y.shape[3]), kind), self.columns if coded else 0
        return tuple(partial(greatest_numbered, ends[r], ends[r + 1], x, y, lines, codes[r], self.rest, columns,
                             *self.to_large) for r in range(ranks))

    def moved(self, loop: Callable[..., int], of: np.ndarray, number: np.ndarray, to: np.ndarray) -> Callable[[], int]:
        tables = self.to_small if loop is scattered else self.to_large
        return partial(loop, *(as_lines(x, self.order) for x in (of, number, to)), self.rest,
                       0 if number.dtype != np.uint8 else self.columns, *tables)


def bind_maximum(site: BindContext, number: np.ndarray | None) -> BoundKernel:
    window, (x, y) = site.attrs["window"], (site.inputs[0], site.outputs[0])
    lines = Lines(window, site.case.orders[0], x, y)
    forward = lines.maximum(site, number)
    dx, grad = site.grad_inputs[0], site.grads[0]
    if dx is None or grad is None or number is None:
        return BoundKernel(forward)
    return BoundKernel(forward, (lines.moved(scattered, grad, number, dx),))


class Looped(Twin):
    """What the twins share: they stand before a NumPy kernel, which does what lies in no lines."""

    def bind(self, site: BindContext) -> BoundKernel:
        orders = {order for order in site.case.orders if len(order) > 1}
        return self.loops(site) if len(orders) == 1 and lined(*orders) else super().bind(site)

    def loops(self, site: BindContext) -> BoundKernel:
        raise NotImplementedError


class LoopedMaximum(Looped):
    """Every output looks at every tap, so windows are not to have many."""

    def accepts(self, case: KernelSpec) -> bool:
        window: Window = case.attrs["window"]
        return window.taps <= MOST_TAPS and super().accepts(case)


@kernel(*WindowMax.ops)
class WindowMaxLoops(LoopedMaximum, WindowMax):
    """`max_pool`."""

    def loops(self, site: BindContext) -> BoundKernel:
        y = site.outputs[0]
        return bind_maximum(site, site.keep(y.shape, np.uint8, site.case.orders[0]) if site.training else None)


@kernel(*WindowMaxTaps.ops)
class WindowMaxTapsLoops(LoopedMaximum, WindowMaxTaps):
    """`max_pool_taps`."""

    def loops(self, site: BindContext) -> BoundKernel:
        return bind_maximum(site, site.outputs[1])


@kernel(*WindowMaxIndices.ops)
class WindowMaxIndicesLoops(LoopedMaximum, WindowMaxIndices):
    """`max_pool_indices`; its gradient looks at the positions themselves."""

    saved_for_backward = OUT

    def loops(self, site: BindContext) -> BoundKernel:
        return bind_maximum(site, site.outputs[1])


@kernel(*UnpoolTaps.ops)
class UnpoolTapsLoops(Looped, UnpoolTaps):
    """`max_unpool_taps`."""

    def loops(self, site: BindContext) -> BoundKernel:
        (x, taps), y = site.inputs, site.outputs[0]
        lines = Lines(site.attrs["window"], site.case.orders[0], y, x)
        dx, grad = site.grad_inputs[0], site.grads[0]
        backward = () if dx is None or grad is None else (lines.moved(gathered, grad, taps, dx),)
        return BoundKernel((lines.moved(scattered, x, taps, y),), backward)


@kernel(*Unpool.ops)
class UnpoolLoops(Looped, Unpool):
    """`max_unpool`; counts the positions that it finds, and leaves the rest to the op where some are in no window."""

    def loops(self, site: BindContext) -> BoundKernel:
        (x, indices, _), y = site.inputs, site.outputs[0]
        window, plain = likely_window(x.shape[:-2], y.shape[:-2]), bind_plain(OPS[self.op], site)
        assert window is not None
        lines = Lines(window, site.case.orders[0], y, x)

        def complete(quick: Callable[[], int], slow: Closure) -> Closure:
            return lambda: None if quick() == indices.size else slow()

        forward = complete(lines.moved(scattered, x, indices, y), plain.forward[0])
        dx, grad = site.grad_inputs[0], site.grads[0]
        if dx is None or grad is None:
            return BoundKernel((forward,))
        return BoundKernel((forward,), (complete(lines.moved(gathered, grad, indices, dx), plain.backward[0]),))
