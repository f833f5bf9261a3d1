"""Large windows: every axis is reduced in logarithmically many steps, as in `dltoolbox.ops.windows.spans`, in scratch.

A maximum that remembers its place is one of 64-bit keys: in the upper half the value, so that numbers keep their order
and a NaN is above all; in the lower half its position, counted down, so that the first of a tie is the greatest. Ties,
NaN and padding need no attention after that.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import partial
from itertools import product
from math import prod
from typing import NamedTuple

import numpy as np
from numpy.typing import DTypeLike

from dltoolbox.core.geometry import Window
from dltoolbox.kernels import memory_format
from dltoolbox.kernels.base import BindContext, Closure, KernelSpec, Order, in_turn
from dltoolbox.kernels.blocking import MapPart, copying, cut
from dltoolbox.ops.pool import scatter_add
from dltoolbox.ops.windows.spans import seeing, seen

ELEMENTS = 1 << 17  # that are worked on together: a handful of such arrays stays in cache
FEWEST_LANES = 8  # of the channels and observations: copies of fewer at a time are slow
MOST_UNIT_STEPS = 64  # of one axis, where every tap is one
HALVES = np.dtype([(name, np.int32) for name in ("lower", "upper")[::1 if sys.byteorder == "little" else -1]])
ABOVE = 0x7FFFFFFF  # the upper half of a NaN's key; also the bits in which negative numbers are turned
PADDING = (int(np.float32(-np.inf).view(np.int32)) ^ ABOVE) << 32  # the key of -inf at no position

Index = tuple[slice, ...]
Move = Callable[[Index, np.ndarray], list[Closure]]


def pays(case: KernelSpec) -> bool:
    """Whether it touches fewer elements than one step per tap and axis does, or those steps would be too many."""
    window, spatial, out = case.attrs["window"], case.inputs[0].spatial, case.outputs[0].spatial
    return any(f > MOST_UNIT_STEPS * s or f * m > (2 * f.bit_length() + 6) * n
               for f, s, n, m in zip(window.size, window.stride, spatial, out, strict=True))


class Along(NamedTuple):
    """How one axis is reduced from ``given`` to ``made`` elements.

    ``levels`` says, for blocks of 1, 2, 4, … successive elements, ``step`` apart, which of them every result takes, once or
    more often. Block number ``given`` is an empty one.
    """

    axis: int
    given: int
    made: int
    step: int
    levels: list[list[np.ndarray]]

    @classmethod
    def of(cls, window: Window, axis: int, given: int, made: int, *, back: bool, overlapping: bool) -> Along:
        """If blocks may overlap, two that reach over a span suffice. Otherwise the digits of its length choose them."""
        spans = (seeing if back else seen)(window, axis, given, made)
        levels, first = [], spans.first.copy()
        for level in range(int(spans.length.max(initial=0)).bit_length()):
            width = 1 << level
            here = spans.length >> level == 1 if overlapping else spans.length & width > 0
            at = [first, first + (spans.length - width) * spans.step] if overlapping and level else [first]
            levels.append([np.where(here, each, given) for each in at] if here.any() else [])
            if not overlapping:
                first = first + width * spans.step * here
        return cls(axis, given, made, spans.step, levels)


class Running:
    """Makes the steps that reduce maps, all of a map at a time or some of its rows or columns.

    Args:
        site, order: Where scratch comes from, and the memory order of everything.
        window: Of any size.
        given, made: Shapes of the largest arrays, before and after.
        reduce, empty: The reduction, and what it makes of nothing.
        dtype: Of what is reduced.
        back: From windows to what they saw: the adjoint.
    """

    def __init__(self, site: BindContext, order: Order, window: Window, given: Sequence[int], made: Sequence[int],
                 reduce: np.ufunc, empty: float, dtype: DTypeLike, *, back: bool = False) -> None:
        self.site, self.order, self.reduce, self.empty, self.dtype = site, order, reduce, empty, np.dtype(dtype)
        self.axes = [Along.of(window, axis, given[axis], made[axis], back=back, overlapping=reduce is np.maximum)
                     for axis in reversed(range(window.rank))
                     if (window.size[axis], window.stride[axis], window.padding[axis]) != (1, 1, (0, 0))]
        self.rank = window.rank
        shapes = self.shapes(given)
        self._between = [site.scratch((prod(shape),), dtype) for shape in shapes[1:-1]]
        self._largest = max(prod(self.cut_to(shape, index)) // shape[along.axis] * (max(along.given, along.made) + 1)
                            for shape, along in zip(shapes, self.axes, strict=False) for index in self.chunks(shape, along))
        self._buffers: dict[str, np.ndarray] = {}

    def shapes(self, given: Sequence[int]) -> list[tuple[int, ...]]:
        """Of what is there before every axis, and of the result."""
        result = [tuple(given)]
        for along in self.axes:
            result.append(resized(result[-1], along.axis, along.made))
        return result

    def chunks(self, shape: Sequence[int], along: Along) -> list[Index]:
        """The piece that is reduced along an axis at a time: some rows, or columns where rows are reduced."""
        other = 0 if along.axis else min(1, self.rank - 1)
        if other == along.axis:
            return [()]
        each = prod(shape) // max(shape[other], 1)
        return [(*(slice(None),) * other, part) for part in cut(shape[other], ELEMENTS // max(each, 1))]

    @staticmethod
    def cut_to(shape: Sequence[int], index: Index) -> tuple[int, ...]:
        return tuple(len(range(n)[part]) for n, part in zip(shape, (*index, *(slice(None),) * len(shape)), strict=False))

    def buffer(self, name: str, shape: Sequence[int], dtype: DTypeLike | None = None) -> np.ndarray:
        """Scratch that lies in order, in the axes of the op."""
        if name not in self._buffers:
            self._buffers[name] = self.site.scratch((self._largest,), dtype or self.dtype)
        return self.laid(self._buffers[name], shape)

    def laid(self, flat: np.ndarray, shape: Sequence[int]) -> np.ndarray:
        lying = [shape[axis] for axis in self.order]
        return flat[:prod(shape)].reshape(lying).transpose(memory_format.inverse(self.order))

    def steps(self, given: Sequence[int], load: Move, store: Move) -> list[Closure]:
        """The steps for an array of shape ``given``. ``load(index, buffer)`` makes those that bring what lies at an index,
        ``store(index, result)`` those that take the result away.
        """
        steps: list[Closure] = []
        shapes, source = self.shapes(given), np.empty(0)
        for number, (along, shape, after) in enumerate(zip(self.axes, shapes, shapes[1:], strict=False)):
            last = along is self.axes[-1]
            target = source if last else self.laid(self._between[number], after)
            for index in self.chunks(shape, along):
                table = self.buffer("table", resized(self.cut_to(shape, index), along.axis, along.given + 1))
                inside = table[(*(slice(None),) * along.axis, slice(along.given))]
                steps += [copying(inside, source[index])] if number else load(index, inside)
                result = self.buffer("result", resized(table.shape, along.axis, along.made))
                steps += self.along(along, table, result)
                steps += store(index, result) if last else [copying(target[index], result)]
            source = target
        return steps

    def along(self, along: Along, table: np.ndarray, result: np.ndarray) -> list[Closure]:
        """Steps that reduce a table, whose last block is to be an empty one."""
        axis, lead, valid = self.order.index(along.axis), (slice(None),) * along.axis, along.given
        taken, steps, fresh = self.buffer("taken", result.shape), list[Closure](), True
        for level, blocks in enumerate(along.levels):
            if blocks:
                steps.append(partial(table[(*lead, slice(along.given, None))].fill, self.empty))
            for at in blocks:
                target = (result if fresh else taken).transpose(self.order)
                steps.append(partial(np.take, table.transpose(self.order), at, axis, target, "clip"))
                steps += [] if fresh else [partial(self.reduce, result, taken, out=result)]
                fresh = False
            if level + 1 < len(along.levels):
                shift, larger = along.step << level, self.buffer(f"blocks {level % 2}", table.shape)
                valid -= shift
                near, far = (table[(*lead, slice(start, start + valid))] for start in (0, shift))
                steps.append(partial(self.reduce, near, far, out=larger[(*lead, slice(valid))]))
                table = larger
        return steps or [partial(result.fill, self.empty)]


def resized(shape: Sequence[int], axis: int, length: int) -> tuple[int, ...]:
    return (*shape[:axis], length, *shape[axis + 1:])


def map_parts(shape: Sequence[int], order: Order, threads: int) -> list[MapPart]:
    """Whole maps, of as many channels and observations as go together; the first part is the largest."""
    axes = sorted((len(shape) - 2, len(shape) - 1), key=order.index)
    outer, inner = (shape[axis] for axis in axes)
    most = min(max(ELEMENTS // max(prod(shape[:-2]), 1), FEWEST_LANES), -(-outer * inner // threads))
    inner_cuts = cut(inner, most)
    pairs = product(cut(outer, most // inner_cuts[0].stop), inner_cuts)
    return [MapPart(slice(None), *(pair if axes[0] < axes[1] else pair[::-1])) for pair in pairs]


def by_parts(site: BindContext, given: np.ndarray, made: np.ndarray, bind: Callable[[MapPart, list[MapPart]], list[Closure]]
             ) -> tuple[Closure, ...]:
    """A closure per thread that works through its parts; ``bind`` gets the largest and all of them."""
    if not made.size:
        return (in_turn([]),)
    every = map_parts(given.shape, memory_format.order_of(given), site.case.threads)
    return tuple(in_turn(bind(every[0], every[thread::site.case.threads])) for thread in range(site.case.threads))


def bind_reduction(site: BindContext, window: Window, given: np.ndarray, made: np.ndarray, reduce: np.ufunc, empty: float,
                   share: np.ndarray | None = None, *, back: bool = False) -> tuple[Closure, ...]:
    """Closures that reduce windows; ``share`` multiplies the result, or what is given to the adjoint."""
    weights = None if share is None else np.broadcast_to(share, (*(given if back else made).shape[:window.rank], 1, 1))

    def bind(largest: MapPart, mine: list[MapPart]) -> list[Closure]:
        run = Running(site, memory_format.order_of(given), window, largest.of(given).shape, largest.of(made).shape,
                      reduce, empty, given.dtype, back=back)
        return [step for part in mine for step in run.steps(
            part.of(given).shape, partial(bringing, part.of(given), weights if back else None),
            partial(taking, part.of(made), None if back else weights))]
    return by_parts(site, given, made, bind)


def bringing(source: np.ndarray, weights: np.ndarray | None, index: Index, buffer: np.ndarray) -> list[Closure]:
    """Steps that bring what lies at an index."""
    return moving(buffer, source[index], None if weights is None else weights[index])


def taking(target: np.ndarray, weights: np.ndarray | None, index: Index, result: np.ndarray) -> list[Closure]:
    """Steps that take a result to an index."""
    return moving(target[index], result, None if weights is None else weights[index])


def moving(target: np.ndarray, source: np.ndarray, weight: np.ndarray | None) -> list[Closure]:
    return [copying(target, source) if weight is None else partial(np.multiply, source, weight, target)]


def bind_places(site: BindContext, window: Window, x: np.ndarray, y: np.ndarray, places: Sequence[np.ndarray]
                ) -> tuple[Closure, ...]:
    """Closures that fill ``y`` with maxima and ``places`` with their positions, row-major in the unpadded image."""
    counted = ~np.arange(prod(x.shape[:window.rank]), dtype=np.int32).reshape(*x.shape[:window.rank], 1, 1)

    def bind(largest: MapPart, mine: list[MapPart]) -> list[Closure]:
        run = Running(site, memory_format.order_of(x), window, largest.of(x).shape, largest.of(y).shape, np.maximum, PADDING,
                      np.int64)
        return [step for part in mine for step in run.steps(
            part.of(x).shape, partial(encoding, run, part.of(x), counted),
            partial(decoding, run, part.of(y), [part.of(each) for each in places]))]
    return by_parts(site, x, y, bind)


def encoding(run: Running, x: np.ndarray, counted: np.ndarray, index: Index, keys: np.ndarray) -> list[Closure]:
    """Steps that make keys of the values at an index, and of their positions counted down."""
    number, odd = run.buffer("number", keys.shape, np.float32), run.buffer("odd", keys.shape, np.bool_)
    bits, key = number.view(np.int32), keys.view(HALVES)
    return [partial(np.add, x[index], np.float32(0), number),  # a zero with a sign ties with one without
            partial(np.not_equal, number, number, odd), *turning(run, bits), partial(np.copyto, bits, ABOVE, where=odd),
            partial(np.copyto, key["upper"], bits), partial(np.copyto, key["lower"], counted[index])]


def decoding(run: Running, y: np.ndarray, places: Sequence[np.ndarray], index: Index, keys: np.ndarray) -> list[Closure]:
    """Steps that take the values and positions of keys to an index."""
    number, key = run.buffer("number", keys.shape, np.float32), keys.view(HALVES)
    bits = number.view(np.int32)
    return [partial(np.copyto, bits, key["upper"]), *turning(run, bits), copying(y[index], number),
            *(partial(np.invert, key["lower"], at[index]) for at in places)]


def turning(run: Running, bits: np.ndarray) -> list[Closure]:
    """Steps that turn the bits of floating-point numbers to integers of the same order, and back."""
    sign = run.buffer("sign", bits.shape, np.int32)
    return [partial(np.right_shift, bits, 31, sign), partial(np.bitwise_and, sign, ABOVE, sign),
            partial(np.bitwise_xor, bits, sign, bits)]


def scattering(grad: np.ndarray, places: np.ndarray, dx: np.ndarray) -> Closure:
    """A closure that adds every gradient up where its maximum was found."""
    if not grad.size:
        return partial(dx.fill, 0)
    every = [(part.of(grad), part.of(places), part.of(dx)) for part in map_parts(dx.shape, memory_format.order_of(dx), 1)]

    def run() -> None:
        for arriving, at, target in every:
            np.copyto(target, scatter_add(arriving, at, target.shape[:-2]))
    return run
