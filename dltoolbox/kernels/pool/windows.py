"""Window maximum and mean, one axis after the other: F + G steps per window of F×G instead of F·G. Large windows take
fewer: `dltoolbox.kernels.pool.running`.

A maximum remembers which tap won as 8-bit numbers. They are found one axis after the other, too: along an axis, a later
tap wins where it is greater than what has won so far, and the maximum of the numbers of all that won is the winner's.
A NaN would lose these comparisons, and -inf would not win from padding; both show in the result of a part, which is then
done once more with comparisons that know about them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise
from math import prod

import numpy as np
from numpy.typing import DTypeLike

from dltoolbox.core.geometry import Window
from dltoolbox.kernels import memory_format
from dltoolbox.kernels.base import BindContext, BoundKernel, Closure, Kernel, KernelSpec, Order, in_turn, kernel
from dltoolbox.kernels.blocking import Bench, MapPart, copying, cut, delivered, strips
from dltoolbox.kernels.long_rows import LongRows, RowSums
from dltoolbox.kernels.pool.running import bind_places, bind_reduction, pays, scattering
from dltoolbox.kernels.pool.unpool import MOST_GATHERED_TAPS, spread_taps, window_origins
from dltoolbox.kernels.valid_range import reach
from dltoolbox.ops.base import OUT
from dltoolbox.ops.pool import NO_TAP, divisors
from dltoolbox.ops.windows.spans import seen

NOTHING: frozenset[str] = frozenset()
Bind = Callable[[Bench, MapPart], Closure]


class Frame:
    """The positions that one axis of a part reads: ``length``, but only ``before`` … ``after`` lie in the image."""

    def __init__(self, window: Window, axis: int, n: int, outputs: slice) -> None:
        self.axis, self.count = axis, int(outputs.stop - outputs.start)
        self.size, self.stride, self.apart = window.size[axis], window.stride[axis], window.dilation[axis]
        self.trivial = (self.size, self.stride, window.padding[axis]) == (1, 1, (0, 0))
        first = outputs.start * self.stride - window.padding[axis][0]
        self.length = (self.count - 1) * self.stride + window.extent[axis]
        self.before = min(max(0, -first), self.length)
        self.after = max(self.before, min(self.length, n - first))
        self.inputs = slice(first + self.before, first + self.after)

    def index(self, part: slice) -> tuple[slice, ...]:
        """An index that cuts this axis."""
        return (*(slice(None),) * self.axis, part)

    def resized(self, shape: Sequence[int], length: int) -> tuple[int, ...]:
        """``shape`` with another length of this axis."""
        return (*shape[:self.axis], length, *shape[self.axis + 1:])

    def taps(self, framed: np.ndarray) -> list[np.ndarray]:
        """The slice that every tap reads from an array of ``length``."""
        last = (self.count - 1) * self.stride + 1
        return [framed[self.index(slice(f * self.apart, f * self.apart + last, self.stride))] for f in range(self.size)]

    def borders(self, x: np.ndarray, inside: slice, value: float) -> list[Closure]:
        """Closures that fill what is not ``inside``."""
        sides = (slice(0, inside.start), slice(inside.stop, x.shape[self.axis]))
        return [partial(x[self.index(side)].fill, value) for side in sides if side.start < side.stop]

    def unseen(self, f: int) -> slice:
        """The outputs whose taps before number ``f`` lie in the padding in front."""
        return slice(0, min(self.count, max(0, -(((f - 1) * self.apart - self.before) // self.stride))))


class Reduction:
    """Makes the steps that reduce the windows of one part.

    Args:
        bench: For temporaries.
        window: With padding of any width.
        reduce, start: The reduction, and what it makes of padding.
        careful: Whether NaN and -inf are expected.
    """

    def __init__(self, bench: Bench, window: Window, reduce: np.ufunc, start: float, careful: bool = False) -> None:
        self.bench, self.window, self.reduce, self.start, self.careful = bench, window, reduce, start, careful
        self.steps: list[Closure] = []
        self.rows = 0

    def take(self, name: str, shape: Sequence[int], dtype: DTypeLike | None = None) -> np.ndarray:
        return self.bench.take(name, shape, dtype, self.rows)

    def run(self, x: np.ndarray, part: MapPart, y: np.ndarray, code: np.ndarray | None = None) -> list[Closure]:
        """Reduce the part of the map ``x`` into ``y``, and the winners' numbers into ``code``; both are parts."""
        rank = self.window.rank
        outputs = (part.rows, *(slice(0, n) for n in y.shape[1:rank]))
        frames = [Frame(self.window, axis, x.shape[axis], outputs[axis]) for axis in range(rank)]
        values = x[(*(frame.inputs for frame in frames), part.channels, part.batch)]
        self.rows = frames[0].length  # of parts that are not cut off by the border
        active = [frame for frame in reversed(frames) if not frame.trivial] or frames[-1:]
        taps, codes = self.stage(values, active[0]), None
        for frame, after in pairwise(active):
            shape = taps[0].shape
            taps_after, target = self.framed("values", shape, after, self.start)
            code_target = None
            if code is not None:
                codes_after, code_target = self.framed("codes", shape, after, 0)
            self.along(frame, taps, codes, target, code_target)
            taps, codes = taps_after, None if code is None else codes_after
        self.along(active[-1], taps, codes, y, code)
        return self.steps

    def stage(self, values: np.ndarray, frame: Frame) -> list[np.ndarray]:
        """The taps of the first axis, with padding."""
        if frame.stride > 1 and frame.axis == self.window.rank - 1:
            return self.columns(values, frame)
        inside = slice(frame.before, frame.after)
        if inside == slice(0, frame.length) and memory_format.lies_in(values, self.bench.order):
            return frame.taps(values)
        framed = self.take("staged", frame.resized(values.shape, frame.length))
        self.steps += frame.borders(framed, inside, self.start)
        self.steps.append(copying(framed[frame.index(inside)], values))
        return frame.taps(framed)

    def columns(self, values: np.ndarray, frame: Frame) -> list[np.ndarray]:
        """The taps of a last axis where the window jumps. Those of one phase of the stride share its columns, which are
        copied together, unless they are long and need no padding.
        """
        starts = [divmod(f * frame.apart, frame.stride) for f in range(frame.size)]
        phases: dict[int, tuple[int, np.ndarray]] = {}
        for q in sorted({q for _, q in starts}):
            first, last = (choose(column for column, its in starts if its == q) for choose in (min, max))
            offset, count = first * frame.stride + q - frame.before, last - first + frame.count
            outputs, inputs = reach(values.shape[frame.axis], count, offset, frame.stride)
            phase = values[frame.index(inputs)]
            name = f"phase {q}"
            if outputs != slice(0, count) or not self.bench.readable(name, phase):
                phase = self.take(name, frame.resized(values.shape, count))
                self.steps += frame.borders(phase, outputs, self.start)
                self.steps.append(copying(phase[frame.index(outputs)], values[frame.index(inputs)]))
            phases[q] = first, phase
        return [phases[q][1][frame.index(slice(column - phases[q][0], column - phases[q][0] + frame.count))]
                for column, q in starts]

    def framed(self, name: str, shape: Sequence[int], frame: Frame,
               border: float) -> tuple[list[np.ndarray], np.ndarray]:
        """Scratch for results of ``shape`` with the padding of the next axis: its taps, and where the results go."""
        kind = np.uint8 if name == "codes" else None
        framed = self.take(f"{name} {frame.axis}", frame.resized(shape, frame.length), kind)
        inside = slice(frame.before, frame.after)
        self.steps += frame.borders(framed, inside, border)
        return frame.taps(framed), framed[frame.index(inside)]

    def along(self, frame: Frame, taps: list[np.ndarray], codes: list[np.ndarray] | None, y: np.ndarray,
              code: np.ndarray | None) -> None:
        """Reduce the taps of one axis; numbers of winners so far are ``codes``, none before the first axis."""
        if len(taps) == 1:
            self.steps.append(copying(y, taps[0]))
        if len(taps) == 1 and code is not None:
            self.steps.append(partial(code.fill, 0) if codes is None else copying(code, codes[0]))
        best = taps[0]
        for f, tap in enumerate(taps[1:], 1):
            if code is not None:
                self.number(frame, f, tap, best, codes, code)
            self.steps.append(partial(self.reduce, best, tap, out=y))
            best = y

    def number(self, frame: Frame, f: int, tap: np.ndarray, best: np.ndarray, codes: list[np.ndarray] | None,
               code: np.ndarray) -> None:
        """Steps that update the numbers of the winners by tap ``f`` of an axis. Masks of 0 and 1 multiply faster than
        they choose.
        """
        if codes is None and f == 1:
            self.beats(frame, f, tap, best, code.view(np.bool_))
            return
        won = self.take("won", code.shape, np.bool_)
        self.beats(frame, f, tap, best, won)
        mask, scaled = won.view(np.uint8), self.take("scaled", code.shape, np.uint8)
        if codes is None:
            self.steps.append(partial(np.multiply, mask, np.uint8(f), scaled))
        else:
            later = prod(self.window.size[frame.axis + 1:])
            self.steps.append(partial(np.add, codes[f], np.uint8(f * later), scaled))
            self.steps.append(partial(np.multiply, scaled, mask, scaled))
        self.steps.append(partial(np.maximum, code if codes is None or f > 1 else codes[0], scaled, out=code))

    def beats(self, frame: Frame, f: int, tap: np.ndarray, best: np.ndarray, won: np.ndarray) -> None:
        """Steps that find where ``tap`` wins: it is greater, or a NaN after none, or comes after nothing but padding."""
        if not self.careful:
            self.steps.append(partial(np.greater, tap, best, won))
            return
        number = self.take("number", won.shape, np.bool_)
        self.steps += [partial(np.less_equal, tap, best, won), partial(np.equal, best, best, number),
                       partial(np.greater, number, won, won),
                       partial(won[frame.index(frame.unseen(f))].fill, True)]


def bind_parts(site: BindContext, window: Window, order: Order, make: Bind) -> tuple[Closure, ...]:
    """A closure, or one per thread, that works through all parts of the first output."""
    y = site.outputs[0]
    if not y.size:
        return (in_turn([]),)
    every = [part for strip in strips(site.inputs[0].shape, window, y.shape[0], order) for part in strip]
    bands = []
    for thread in range(site.case.threads):
        bench = Bench(site, order)
        make(bench, every[0])  # the largest part decides how much scratch there is
        bands.append(in_turn([make(bench, part) for part in every[thread::site.case.threads]]))
    return tuple(bands)


def bind_maximum(site: BindContext, window: Window, code: np.ndarray | None, indices: np.ndarray | None = None) -> tuple[
        Closure, ...]:
    """Forward closures of a window maximum that fill ``code`` with numbers of taps and ``indices`` with positions."""
    x, y = site.inputs[0], site.outputs[0]
    order = memory_format.order_of(x)
    if code is None and indices is None and pays(site.case):
        return bind_reduction(site, window, x, y, np.maximum, -np.inf)
    if window.taps > MOST_GATHERED_TAPS and (code is not None or indices is not None):
        return bind_places(site, window, x, y, [each for each in (code, indices) if each is not None])

    def make(bench: Bench, part: MapPart) -> Closure:
        best = bench.target("best", part.of(y))
        if code is None and indices is None:
            return in_turn([*Reduction(bench, window, np.maximum, -np.inf).run(x, part, best),
                            *delivered(best, part.of(y))])
        kept = None if code is None else part.of(code)
        winner = bench.take("winner", best.shape, np.uint8) if kept is None else bench.target("winner", kept)
        quick, careful = (Reduction(bench, window, np.maximum, -np.inf, care).run(x, part, best, winner)
                          for care in (False, True))
        last = [*delivered(best, part.of(y)), *([] if kept is None else delivered(winner, kept))]
        if indices is not None:
            last += tap_positions(bench, winner, part, indices, window, x.shape[:window.rank])
            last += unseen(window, x.shape, part, indices, -1)
        if code is not None:
            last += unseen(window, x.shape, part, code, NO_TAP)
        return checked(quick, bench.flat(best), careful, last)
    return bind_parts(site, window, order, make)


def checked(quick: Sequence[Closure], results: np.ndarray, careful: Sequence[Closure],
            last: Sequence[Closure]) -> Closure:
    """The quick steps; then, where the results contain a NaN or -inf, the careful ones; then the last."""
    def run() -> None:
        for step in quick:
            step()
        if not np.minimum.reduce(results) > -np.inf:
            for step in careful:
                step()
        for step in last:
            step()
    return run


def unseen(window: Window, large: Sequence[int], part: MapPart, small: np.ndarray, value: int) -> list[Closure]:
    """Steps that note ``value`` for the windows of a part that see nothing of the large map."""
    if window.always_sees:
        return []
    target = part.of(small)
    empty = [np.flatnonzero(seen(window, axis, large[axis], small.shape[axis]).length[slice(0, None) if axis else part.rows]
                            == 0) for axis in range(window.rank)]
    return [partial(target[(*(slice(None),) * axis, slice(at, at + 1))].fill, value) for axis, every in enumerate(empty)
            for at in every.tolist()]


def tap_positions(bench: Bench, code: np.ndarray, part: MapPart, indices: np.ndarray, window: Window,
                  spatial: tuple[int, ...]) -> list[Closure]:
    """Steps that turn tap numbers into row-major positions in the unpadded image.

    With q_a the tap number divided by the taps of all later axes, and k_a the positions from one tap to the next along
    axis a, the position relative to the first tap is Σ q_a·(k_a − F_{a+1}·k_{a+1}): arithmetic is much faster than
    looking up. It wraps around, so what holds the results is wide enough, mostly 8 bits, then 16 with the first tap's
    own position; the last pass only widens, at the speed of memory (all in 64 bits: 4 times as long).
    """
    apart = [d * prod(spatial[axis + 1:]) for axis, d in enumerate(window.dilation)] + [0]
    near = narrowest(sum((size - 1) * k for size, k in zip(window.size, apart, strict=False)))
    relative, winner = bench.take("relative", code.shape, near), bench.take("found", code.shape, narrowest(prod(spatial)))
    quotient, share = bench.take("quotient", code.shape, np.uint8), bench.take("share", code.shape, near)
    steps: list[Closure] = []
    for axis in range(window.rank):
        later = window.size[axis + 1:]
        factor = np.array(apart[axis] - (later[0] * apart[axis + 1] if later else 0)).astype(near)
        if later:
            steps.append(partial(np.floor_divide, code, np.uint8(prod(later)), quotient))
        term = quotient if later else code
        if axis and factor == 1:
            steps.append(partial(np.add, relative, term, relative))
            continue
        steps.append(partial(np.multiply, term, factor, share if axis else relative))
        if axis:
            steps.append(partial(np.add, relative, share, relative))
    origins, _ = window_origins(window, spatial, indices.shape[:window.rank])
    steps.append(partial(np.add, relative, origins[part.rows].astype(winner.dtype), winner))
    return [*steps, partial(np.copyto, part.of(indices), winner)]


def narrowest(most: int) -> type[np.integer]:
    """The narrowest integers, of those fast enough, that hold numbers up to ``most``."""
    return next(kind for kind in (np.uint8, np.uint16, np.int32, np.int64) if most <= np.iinfo(kind).max)


def maximal(case: KernelSpec, coded: bool) -> bool:
    """Whether the steps above serve: they number at most 64 taps, else places in single precision, and crop nothing."""
    window: Window = case.attrs["window"]
    return ((window.taps <= MOST_GATHERED_TAPS or not coded or case.dtype == np.float32)
            and all(min(pair) >= 0 for pair in window.padding))


def places_to_keep(site: BindContext, window: Window) -> np.ndarray | None:
    """Inputs of the gradient: numbers of the winning taps, or positions where 8 bits do not hold them."""
    y = site.outputs[0]
    kind = np.uint8 if window.taps <= MOST_GATHERED_TAPS else np.int32
    return site.keep(y.shape, kind, memory_format.order_of(y)) if site.training else None


@kernel("max_pool", "max_pool_taps", "max_pool_indices")
class WindowMax(Kernel):
    """`max_pool`, `max_pool_taps`, and by way of tap numbers `max_pool_indices`. What a gradient needs of these and is no
    output it keeps, mostly in a quarter of the output's memory.
    """

    @property
    def saved_for_backward(self) -> frozenset[str]:
        return OUT if self.op == "max_pool_taps" else NOTHING

    def accepts(self, case: KernelSpec) -> bool:
        return maximal(case, self.op != "max_pool" or any(case.needs_input_grad))

    def bind(self, site: BindContext) -> BoundKernel:
        window, indices = site.attrs["window"], site.outputs[1] if self.op == "max_pool_indices" else None
        code = site.outputs[1] if self.op == "max_pool_taps" else places_to_keep(site, window)
        return BoundKernel(bind_maximum(site, window, code, indices), back(site, code, window))


def back(site: BindContext, code: np.ndarray | None, window: Window) -> tuple[Closure, ...]:
    """Backward closures of a window maximum: every gradient goes to the tap that won."""
    (dx,), grad = site.grad_inputs, site.grad_outputs[0]
    if dx is None or grad is None or code is None:
        return ()
    if window.taps > MOST_GATHERED_TAPS:
        return (scattering(grad, code, dx),)
    return (spread_taps(site, grad, code, dx, window),)


@kernel("avg_pool")
class WindowMean(Kernel):
    """`avg_pool`: sums one axis after the other."""

    def accepts(self, case: KernelSpec) -> bool:
        return maximal(case, False)

    def bind(self, site: BindContext) -> BoundKernel:
        x, y = site.inputs[0], site.outputs[0]
        window: Window = site.attrs["window"]
        share = (1 / divisors(window, x.shape, site.attrs.get("counted"), site.attrs.get("divisor"))).astype(x.dtype)

        def make(bench: Bench, part: MapPart) -> Closure:
            total = bench.target("total", part.of(y))
            return in_turn([*Reduction(bench, window, np.add, 0).run(x, part, total),
                            partial(np.multiply, total, share[part.rows] if share.ndim else share, total),
                            *delivered(total, part.of(y))])

        (dx,), grad = site.grad_inputs, site.grad_outputs[0]
        backward: tuple[Closure, ...] = ()
        if dx is not None and grad is not None:
            if window.taps > MOST_GATHERED_TAPS:
                backward = bind_reduction(site, window, grad, dx, np.add, 0, share, back=True)
            else:
                backward = (in_turn([partial(np.multiply, grad, share, grad), spread_taps(site, grad, None, dx, window)]),)
        if pays(site.case):
            return BoundKernel(bind_reduction(site, window, x, y, np.add, 0, share), backward)
        return BoundKernel(bind_parts(site, window, memory_format.order_of(x), make), backward)


FEW_ROWS, SOME_ROWS, SMALL_MAP = 8, 16, 128  # rows of a map added up in its own precision


@kernel("global_avg_pool")
class GlobalMean(Kernel):
    """`global_avg_pool`: whole rows are summed, in long contiguous stretches, and what is left are the numbers of one."""

    def accepts(self, case: KernelSpec) -> bool:
        return case.inputs[0].rank > 0

    def bind(self, site: BindContext) -> BoundKernel:
        x, y, order = site.inputs[0], site.outputs[0], site.case.orders[0]
        if not LongRows.fit(order, x):
            return super().bind(site)
        long = LongRows(x.shape, order)
        few = FEW_ROWS if long.count > SMALL_MAP else SMALL_MAP
        sums, data, weight = RowSums(site, long, few), long.of(x), 1 / prod(x.shape[:-2])
        parts = cut(long.count, min(few, SOME_ROWS))

        def forward() -> None:
            sums.clear()
            for part in parts:
                sums.add(data[part])
            np.multiply(sums.total(), weight, out=y.reshape(y.shape[-2:]), casting="same_kind")

        (dx,), grad = site.grad_inputs, site.grad_outputs[0]
        if dx is None or grad is None:
            return BoundKernel((forward,))
        rows = site.scratch(x.shape[1:], order=tuple(axis - 1 for axis in order if axis))

        def backward() -> None:
            np.multiply(grad, weight, out=grad)
            np.copyto(rows, grad[0])
            np.copyto(dx, rows)
        return BoundKernel((forward,), (backward,))
