"""Tap numbers instead of addresses: scattering and gathering by one masked pass per tap.

Masks select by bits, not by products, since 0·∞ is not 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache, partial
from math import prod

import numpy as np

from dltoolbox.core.dims import Dims
from dltoolbox.core.geometry import Window
from dltoolbox.kernels import memory_format
from dltoolbox.kernels.base import BindContext, BoundKernel, Closure, Kernel, KernelSpec, bind_plain, in_turn, kernel
from dltoolbox.kernels.blocking import Bench, MapPart, bits, copying, delivered, strips
from dltoolbox.kernels.valid_range import reach
from dltoolbox.ops.base import OPS

MOST_GATHERED_TAPS = 64  # beyond, one pass per tap is slower than scattering


@lru_cache(maxsize=64)
def window_origins(window: Window, spatial: tuple[int, ...], out: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Row-major position of every window's first tap (it may lie in the padding), and of the taps relative to it."""
    strides = [prod(spatial[axis + 1:]) for axis in range(len(spatial))]
    origins = np.zeros(out, np.int64)
    for axis, (count, stride) in enumerate(zip(out, strides, strict=True)):
        first = np.arange(count) * window.stride[axis] - window.padding[axis][0]
        origins += (first * stride).reshape([count if a == axis else 1 for a in range(len(out))])
    steps = [sum(o * s for o, s in zip(offset, strides, strict=True)) for offset in window.offsets()]
    return origins.reshape(*out, 1, 1), np.array(steps, np.int64)


class Spread:
    """Adds the values of a small map up in a large one, each at the tap that its code names, or at all taps.

    Rows of a strip are summed in scratch from part to part; what the next part adds to as well is carried over. Columns
    that belong to one phase of the stride lie together there.

    Attributes:
        covering: Windows leave no gaps. Then, of the taps of one phase of every axis, the last is first written instead of
            added: it meets all positions but the foremost. A sixth of the time of 3×3 windows of stride 2.
    """

    def __init__(self, bench: Bench, window: Window, small: np.ndarray, codes: np.ndarray | None, large: np.ndarray,
                 strip: Sequence[MapPart]) -> None:
        self.bench, self.window = bench, window
        self.small, self.codes, self.large = small, codes, large
        rank = window.rank
        self.out = small.shape[:rank]
        self.covering = all(s <= f and d == 1 for s, f, d in zip(window.stride, window.size, window.dilation, strict=True))
        self.reach = tuple(max(s, e) for s, e in zip(window.stride, window.extent, strict=True))
        self.phases = self.columns(strip[0])

    def columns(self, part: MapPart) -> list[np.ndarray]:
        """Scratch for the sums, one array per phase of the last axis."""
        window, rank = self.window, self.window.rank
        counts = (part.height, *self.out[1:])
        lengths = [(n - 1) * s + r for n, s, r in zip(counts, window.stride, self.reach, strict=True)]
        lanes = part.of(self.small).shape[rank:]
        step = window.stride[-1]
        return [self.bench.take(f"phase {q}", (*lengths[:-1], -(-(lengths[-1] - q) // step), *lanes), self.large.dtype)
                for q in range(step)]

    def run(self, part: MapPart, before: MapPart | None, last: bool) -> list[Closure]:
        """The steps of one part that follows ``before``."""
        steps: list[Closure] = []
        window = self.window
        step, used = window.stride[0], (part.height - 1) * window.stride[0] + self.reach[0]
        carried = self.reach[0] - step
        for q, phase in enumerate(self.phases):
            if carried and before is not None:
                done = before.height * step
                steps.append(partial(np.copyto, phase[:carried], phase[done:done + carried]))
            elif carried:
                steps.append(partial(phase[:carried].fill, 0))
            steps += self.cleared(phase[carried:used], q)
        values = self.bench.near("values", part.of(self.small), steps)
        codes = None if self.codes is None else self.bench.near("codes", part.of(self.codes), steps)
        written: set[tuple[int, ...]] = set()
        for number, offset in reversed(list(enumerate(window.offsets()))):
            place = tuple(o % s for o, s in zip(offset, window.stride, strict=True))
            steps += self.add(number, self.at(part, offset), values, codes, self.covering and place not in written)
            written.add(place)
        ready = used if last else part.height * step
        first = part.rows.start * step - window.padding[0][0]
        return [*steps, *self.deliver(part, first, ready)]

    def at(self, part: MapPart, offset: Sequence[int]) -> np.ndarray:
        """Positions of one tap of all windows of the part."""
        step, rows = self.window.stride, slice(offset[0], offset[0] + (part.height - 1) * self.window.stride[0] + 1)
        cuts = [slice(o, o + (n - 1) * s + 1, s) for o, n, s in zip(offset, self.out, step, strict=True)]
        column = offset[-1] // step[-1]
        return self.phases[offset[-1] % step[-1]][(slice(rows.start, rows.stop, step[0]), *cuts[1:-1],
                                                   slice(column, column + self.out[-1]))]

    def cleared(self, rows: np.ndarray, q: int) -> list[Closure]:
        """Steps that clear what is not written before it is added to, in rows of phase ``q``."""
        if not self.covering:
            return [partial(rows.fill, 0)]
        fronts = [r - s for r, s in zip(self.reach, self.window.stride, strict=True)]
        fronts[-1] = -((q - fronts[-1]) // self.window.stride[-1])
        return [partial(rows[(*(slice(None),) * axis, slice(front))].fill, 0)
                for axis, front in enumerate(fronts) if axis and front > 0]

    def add(self, number: int, sums: np.ndarray, values: np.ndarray, codes: np.ndarray | None, fresh: bool) -> list[Closure]:
        """Steps that add one tap's values to the sums, or write them to ``fresh`` sums."""
        if codes is None:
            return [copying(sums, values) if fresh else partial(np.add, sums, values, sums)]
        won = self.bench.take("won", values.shape, np.bool_)
        steps = chosen(codes, number, won)
        if fresh:
            return [*steps, partial(np.bitwise_and, bits(values), won.view(np.int8), bits(sums))]
        term = self.bench.take("term", values.shape, values.dtype)
        return [*steps, partial(np.bitwise_and, bits(values), won.view(np.int8), bits(term)),
                partial(np.add, sums, term, sums)]

    def deliver(self, part: MapPart, first: int, ready: int) -> list[Closure]:
        """Steps that copy the finished rows, which begin at row ``first`` of the image, to where they belong."""
        window, spatial = self.window, self.large.shape[:self.window.rank]
        pairs = [reach(spatial[0], ready, first, 1)]
        pairs += [reach(n, (m - 1) * s + r, -p[0], 1) for n, m, s, r, p in list(zip(
            spatial, self.out, window.stride, self.reach, window.padding, strict=True))[1:-1]]
        step, before = window.stride[-1], window.padding[-1][0]
        steps: list[Closure] = []
        for q, phase in enumerate(self.phases):
            columns = reach(spatial[-1], phase.shape[window.rank - 1], q - before, step)
            of, to = zip(*pairs, columns, strict=True)
            steps.append(copying(self.large[(*to, part.channels, part.batch)], phase[of]))
        return steps

    def outside(self) -> list[Closure]:
        """Steps that clear what no window reaches."""
        steps: list[Closure] = []
        for axis, (m, s, r, p) in enumerate(zip(self.out, self.window.stride, self.reach, self.window.padding, strict=True)):
            end = (m - 1) * s + r - p[0]
            if end < self.large.shape[axis]:
                steps.append(partial(self.large[(*(slice(None),) * axis, slice(end, None))].fill, 0))
        return steps


def chosen(codes: np.ndarray, number: int, won: np.ndarray) -> list[Closure]:
    """Steps that make ``won`` a mask of all ones, as bytes, where the code is ``number``."""
    mask = won.view(np.int8)
    return [partial(np.equal, codes, np.uint8(number), won), partial(np.negative, mask, mask)]


def spread_taps(site: BindContext, small: np.ndarray, codes: np.ndarray | None, large: np.ndarray,
                window: Window) -> Closure:
    """A closure that writes sums of the values of ``small``, each at its tap, or at every tap without codes."""
    if window.rank == 1:  # phases are of columns, so a signal is an image of one row
        window = Window.of((1, *window.size), (1, *window.stride), ((0, 0), *window.padding), (1, *window.dilation))
        small, codes, large = small[None], None if codes is None else codes[None], large[None]
    if not small.size:
        return partial(large.fill, 0)
    bench = Bench(site, memory_format.order_of(large))
    steps: list[Closure] = []
    for strip in strips(large.shape, window, len(small), bench.order):
        work = Spread(bench, window, small, codes, large, strip)
        steps += work.outside() if not steps else []
        for i, part in enumerate(strip):
            steps += work.run(part, strip[i - 1] if i else None, part is strip[-1])
    return in_turn(steps)


def gather_taps(site: BindContext, large: np.ndarray, codes: np.ndarray, small: np.ndarray, window: Window) -> Closure:
    """The adjoint for windows that do not overlap: a closure that takes, for each code, the value at its tap."""
    if not small.size:
        return in_turn([])
    bench = Bench(site, memory_format.order_of(large))
    steps: list[Closure] = []
    for strip in strips(large.shape, window, len(small), bench.order):
        for part in strip:
            target = part.of(small)
            result = bench.target("result", target)
            code = bench.near("codes", part.of(codes), steps)
            for number, offset in enumerate(window.offsets()):
                steps += taken(bench, part, large, window, number, offset, code, result)
            steps += delivered(result, target)
    return in_turn(steps)


def taken(bench: Bench, part: MapPart, large: np.ndarray, window: Window, number: int, offset: Sequence[int],
          code: np.ndarray, result: np.ndarray) -> list[Closure]:
    """Steps that join to the result what lies at one tap, where that is the chosen one."""
    first = (part.rows.start * window.stride[0], *(0,) * (window.rank - 1))
    pairs = [reach(n, m, at + o - p[0], s) for n, m, at, o, p, s in zip(
        large.shape, code.shape, first, offset, window.padding, window.stride, strict=False)]
    of, to = (tuple(pair[i] for pair in pairs) for i in (1, 0))
    value, won = bench.take("value", code.shape, large.dtype), bench.take("won", code.shape, np.bool_)
    steps = [copying(value[to], large[(*of, part.channels, part.batch)]), *chosen(code, number, won)]
    if number == 0:
        return [*steps, partial(np.bitwise_and, bits(value), won.view(np.int8), bits(result))]
    return [*steps, partial(np.bitwise_and, bits(value), won.view(np.int8), bits(value)),
            partial(np.bitwise_or, bits(result), bits(value), bits(result))]


def likely_window(pooled: tuple[int, ...], spatial: tuple[int, ...]) -> Window | None:
    """The window of a pooling without overlap or padding that would make ``pooled`` of ``spatial``; none of one tap, which
    would have changed nothing: there, windows did overlap.
    """
    sizes = [n // m if m else 0 for n, m in zip(spatial, pooled, strict=True)]
    window = Window.of(sizes, sizes)
    return window if min(sizes) >= 1 and 1 < window.taps <= MOST_GATHERED_TAPS else None


def decoded(bench: Bench, part: MapPart, indices: np.ndarray, window: Window, spatial: tuple[int, ...],
            codes: np.ndarray) -> list[Closure]:
    """Steps that write the tap numbers that indices are; 255 where one is no tap of its window."""
    origins, apart = window_origins(window, spatial, indices.shape[:window.rank])
    target = part.of(codes)
    code, relative = bench.target("code", target), bench.take("relative", target.shape, indices.dtype)
    won, kind = bench.take("won", target.shape, np.bool_), indices.dtype.type
    steps: list[Closure] = [partial(np.subtract, part.of(indices), origins[part.rows].astype(indices.dtype), relative),
                            partial(code.fill, 0)]
    for number, distance in enumerate(apart.tolist(), 1):
        steps += [partial(np.equal, relative, kind(distance), won),
                  partial(np.multiply, won.view(np.uint8), np.uint8(number), won.view(np.uint8)),
                  partial(np.maximum, code, won.view(np.uint8), out=code)]
    return [*steps, partial(np.subtract, code, np.uint8(1), code), *delivered(code, target)]


@kernel("max_unpool")
class Unpool(Kernel):
    """`max_unpool`: by tap numbers where the indices come from windows that do not overlap, else one flat assignment."""

    def accepts(self, case: KernelSpec) -> bool:
        return likely_window(spatial_sizes(case.inputs[0]), spatial_sizes(case.outputs[0])) is not None

    def bind(self, site: BindContext) -> BoundKernel:
        (x, indices, _), y = site.inputs, site.outputs[0]
        window, spatial = likely_window(x.shape[:-2], y.shape[:-2]), y.shape[:-2]
        plain = bind_plain(OPS[self.op], site)
        if window is None or not x.size:
            return plain
        order = memory_format.order_of(y)
        codes = (site.keep if site.training else site.scratch)(x.shape, np.uint8, order)
        bench = Bench(site, order)
        decode = in_turn([step for strip in strips(y.shape, window, len(x), order) for part in strip
                          for step in decoded(bench, part, indices, window, spatial, codes)])
        known = bench.flat(codes)

        def either(quick: Closure, slow: Closure) -> Closure:
            return lambda: (quick if np.maximum.reduce(known) < MOST_GATHERED_TAPS else slow)()

        forward = in_turn([decode, either(spread_taps(site, x, codes, y, window), plain.forward[0])])
        dx, grad = site.grad_inputs[0], site.grad_outputs[0]
        if dx is None or grad is None:
            return BoundKernel((forward,))
        return BoundKernel((forward,), (either(gather_taps(site, grad, codes, dx, window), plain.backward[0]),))


def spatial_sizes(dims: Dims) -> tuple[int, ...]:
    return tuple(int(n or 0) for n in dims.spatial)


@kernel("max_unpool_taps")
class UnpoolTaps(Kernel):
    """`max_unpool_taps`."""

    def accepts(self, case: KernelSpec) -> bool:
        window: Window = case.attrs["window"]
        return window.taps <= MOST_GATHERED_TAPS and not window.overlapping

    def bind(self, site: BindContext) -> BoundKernel:
        (x, taps), y, window = site.inputs, site.outputs[0], site.attrs["window"]
        dx, grad = site.grad_inputs[0], site.grad_outputs[0]
        backward = () if dx is None or grad is None else (gather_taps(site, grad, taps, dx, window),)
        return BoundKernel((spread_taps(site, x, taps, y, window),), backward)
