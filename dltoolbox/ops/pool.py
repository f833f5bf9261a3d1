"""Window maximum, window mean and unpooling, in any number of spatial dimensions.

Conventions, stated once: the first tap of a tie wins, scanning the window row by row (as PyTorch, ONNX and TensorFlow);
padding never wins a maximum; a NaN wins its window. Indices are 0-based, row-major over the *unpadded* spatial
positions, local to (observation, channel). Repeated indices: unpooling assigns in row-major order of the pooled
positions, so the last one stays; its gradient is a gather. A window that sees nothing but padding has the maximum −∞ at
index −1, tap `NO_TAP`, which unpooling writes nowhere, and the mean 0.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from math import prod
from typing import ClassVar

import numpy as np

from dltoolbox.core.dims import Dims
from dltoolbox.core.errors import fail
from dltoolbox.core.geometry import Pair, Window
from dltoolbox.core.unknown import is_known
from dltoolbox.ops.base import BOTH, IN, MOVED, OUT, Arrays, Attributes, Call, Gradients, Kind, Op, normal, op, sum_over
from dltoolbox.ops.sequences.ragged import Across, LengthRule
from dltoolbox.ops.windows.spans import (
    Combine,
    Spans,
    SpanState,
    first_greatest,
    greater,
    origins,
    plus,
    reduced,
    seeing,
    seen,
)

NO_TAP = 255  # the tap number of a window that sees nothing


def pad(x: np.ndarray, window: Window, value: float) -> np.ndarray:
    """Pad the spatial axes by the window's padding, or cut where it is negative; ``x`` itself when there is none."""
    return padded_by(x, window.padding, value) if window.padded else x


def padded_by(x: np.ndarray, padding: Sequence[Pair], value: float) -> np.ndarray:
    """Pad the first axes, each by its (before, after); negative numbers cut."""
    kept = x[tuple(slice(max(-p[0], 0), n - max(-p[1], 0)) for p, n in zip(padding, x.shape, strict=False))]
    widths = [(max(p[0], 0), max(p[1], 0)) for p in padding]
    return np.pad(kept, [*widths, *[(0, 0)] * (x.ndim - len(widths))], constant_values=value)


def unpadded(padded: np.ndarray, window: Window) -> np.ndarray:
    """The part of a padded array that is not padding: the adjoint of `pad` with zeros."""
    if all(before >= 0 <= after for before, after in window.padding):
        return padded[tuple(slice(p[0], n - p[1]) for p, n in zip(window.padding, padded.shape, strict=False))]
    return padded_by(padded, [(-before, -after) for before, after in window.padding], 0)


def windowed_dims(x: Dims, window: Window) -> Dims:
    return x.with_spatial(window.output(x.spatial))


def along_axes(window: Window, state: SpanState, sizes: Sequence[int], spans: Callable[[Window, int, int, int], Spans],
               combine: Combine, start: Sequence[float]) -> SpanState:
    """Reduce the spatial axes one after the other, from the last, each to its size in ``sizes``."""
    for axis in reversed(range(window.rank)):
        if (window.size[axis], window.stride[axis], window.padding[axis]) != (1, 1, (0, 0)):
            state = reduced(state, axis, spans(window, axis, state[0].shape[axis], sizes[axis]), combine, start)
    return state


def along(axis: int, values: np.ndarray, ndim: int) -> np.ndarray:
    """A vector as an array of so many dimensions that varies along one axis."""
    return values.reshape([-1 if a == axis else 1 for a in range(ndim)])


def window_winner(x: np.ndarray, window: Window) -> tuple[np.ndarray, np.ndarray]:
    """Maximum of every window and its position (the first of a tie; a NaN beats everything; −1 in padding alone)."""
    spatial = x.shape[:window.rank]
    positions = np.arange(prod(spatial)).reshape(*spatial, *[1] * (x.ndim - window.rank))
    best, at = along_axes(window, (x, np.broadcast_to(positions, x.shape)), window.output(spatial), seen, first_greatest,
                          (-np.inf, -1))
    return best, at


def winner_taps(positions: np.ndarray, window: Window, spatial: Sequence[int]) -> np.ndarray:
    """Indices into the flattened spatial positions → tap numbers; −1 → `NO_TAP`."""
    tap = np.zeros(1, np.int64)
    for axis, at in enumerate(np.unravel_index(np.maximum(positions, 0), tuple(spatial))):
        first = along(axis, origins(window, axis, positions.shape[axis]), positions.ndim)
        tap = tap * window.size[axis] + (at - first) // window.dilation[axis]
    return np.where(positions < 0, NO_TAP, tap)


def winner_positions(tap: np.ndarray, window: Window, spatial: Sequence[int]) -> np.ndarray:
    """Tap numbers → indices into the flattened spatial positions; `NO_TAP` → −1."""
    position = np.zeros(1, np.int64)
    known = tap != NO_TAP
    for axis, (f, n) in enumerate(zip(np.unravel_index(tap * known, window.size), spatial, strict=True)):
        first = along(axis, origins(window, axis, tap.shape[axis]), tap.ndim)
        position = position * n + first + f * window.dilation[axis]
    return np.where(known, position, -1)


def window_counts(window: Window, shape: Sequence[int]) -> np.ndarray:
    """How many elements every window sees of a map that lies along the first axes of an array of this shape."""
    result = np.ones([1] * len(shape), np.int64)
    for axis, out in enumerate(window.output(shape[:window.rank])):
        result = result * along(axis, seen(window, axis, shape[axis], out).length, len(shape))
    return result


def divisors(window: Window, shape: Sequence[int], counted: tuple[Pair, ...] | None, divisor: float | None) -> np.ndarray:
    """The number that the sum of every window is divided by, or one for each, to expand along what is not spatial.

    ``divisor``, or else how many elements of the map and of the ``counted`` padding around it the window has; None counts
    all. A window without any is divided by 1.
    """
    if divisor is not None:
        return np.asarray(divisor)
    if counted is None or counted == window.padding:
        return np.asarray(window.taps)
    rank = window.rank
    sizes = [n + before + after for n, (before, after) in zip(shape, counted, strict=False)]
    left = tuple((before - b, after - a) for (before, after), (b, a) in zip(window.padding, counted, strict=True))
    counts: np.ndarray = np.maximum(window_counts(replace(window, padding=left), (*sizes, *shape[rank:])), 1)
    return counts


def looks(window: Window, spatial: Sequence[int]) -> int:
    """How many elements of a map all windows see together."""
    return prod(int(seen(window, axis, n, out).length.sum())
                for axis, (n, out) in enumerate(zip(spatial, window.output(spatial), strict=True)))


class PoolOp(Op):
    """An op that looks at all of every window."""

    divisible = True

    def work(self, inputs: Sequence[Dims], outputs: Sequence[Dims], attrs: Attributes) -> int:
        (x,), window = inputs, attrs["window"]
        return super().work(inputs, outputs, attrs) + MOVED * looks(window, x.spatial) * x.channels * (x.batch or 0)

    def halved(self, inputs: Sequence[Dims], attrs: Attributes) -> Iterator[tuple[tuple[Dims, ...], Attributes]]:
        """As long as no dilated window can miss the map."""
        return (half for half in super().halved(inputs, attrs)
                if all(n >= d for n, d in zip(half[0][0].spatial, attrs["window"].dilation, strict=True)))



ONE_STEP = LengthRule(0, 1)
LAST_STEP_GOES_ON = Across(ends="edge")  # a repetition of what a window sees anyway never wins, and no infinity comes out


class MaximumOp(PoolOp):
    """A maximum. Where a window may see padded steps, but not the last real one, padded steps must hold nothing."""

    across = LAST_STEP_GOES_ON
    over_gaps: ClassVar[Across]

    def meets(self, **attrs: object) -> Across:
        window = attrs["window"]
        assert isinstance(window, Window)
        time = Window.of(window.size[-1:], padding=window.padding[-1:], dilation=window.dilation[-1:])
        return self.across if time.always_sees else self.over_gaps


@op
class max_pool(MaximumOp):
    """Maximum over every window."""

    saved_for_backward = IN
    over_gaps = Across(takes="lengths", op="max_pool_of_lengths")

    def infer(self, x: Dims, *, window: Window) -> Dims:
        return windowed_dims(x, window)

    def forward(self, x: np.ndarray, *, window: Window) -> np.ndarray:
        (best,) = along_axes(window, (x,), window.output(x.shape[:window.rank]), seen, greater, (-np.inf,))
        return best

    def backward(self, call: Call, grad: np.ndarray, *, window: Window) -> Gradients:
        (x,) = call.inputs
        return (scatter_add(grad, window_winner(x, window)[1], x.shape[:window.rank]),)


@op
class max_pool_indices(MaximumOp):
    """Maximum over every window, and where it was found."""

    kinds = (Kind.DATA, Kind.INDICES)
    saved_for_backward = OUT
    over_gaps = Across(takes="lengths", op="max_pool_indices_of_lengths")

    def infer(self, x: Dims, *, window: Window) -> tuple[Dims, Dims]:
        return windowed_dims(x, window), windowed_dims(x, window)

    def forward(self, x: np.ndarray, *, window: Window) -> tuple[np.ndarray, np.ndarray]:
        return window_winner(x, window)

    def backward(self, call: Call, grad: np.ndarray, _: None, *, window: Window) -> Gradients:
        (x,), (_, indices) = call.inputs, call.outputs
        return (scatter_add(grad, indices, x.shape[:window.rank]),)


@op
class max_pool_taps(PoolOp):
    """Maximum over every window, and the number of the tap that holds it: indices in 8 bits, for windows of few taps.

    The program uses it in place of `max_pool_indices` where only `max_unpool_taps` reads them.
    """

    kinds = (Kind.DATA, Kind.INDICES)
    saved_for_backward = BOTH

    def infer(self, x: Dims, *, window: Window) -> tuple[Dims, Dims]:
        return windowed_dims(x, window), windowed_dims(x, window)

    def forward(self, x: np.ndarray, *, window: Window) -> tuple[np.ndarray, np.ndarray]:
        best, at = window_winner(x, window)
        return best, winner_taps(at, window, x.shape[:window.rank]).astype(np.uint8)

    def backward(self, call: Call, grad: np.ndarray, _: None, *, window: Window) -> Gradients:
        (x,), (_, taps) = call.inputs, call.outputs
        spatial = x.shape[:window.rank]
        return (scatter_add(grad, winner_positions(taps, window, spatial), spatial),)


@op
class max_unpool_taps(Op):
    """`max_unpool` with tap numbers of a ``window`` without overlap that pooled an array of size ``to``."""

    saved_for_backward = IN
    divisible = True

    def example(self, rng: np.random.Generator, inputs: Sequence[Dims], dtypes: Sequence[np.dtype],
                attrs: Attributes) -> Arrays:
        """Every window's first tap outside the padding, which wins where all are equal."""
        (x, taps), window, spatial = inputs, attrs["window"], attrs["to"].spatial
        first = winner_taps(window_winner(np.zeros(spatial), window)[1], window, spatial).astype(dtypes[1])
        return normal(rng, x, dtypes[0]), np.broadcast_to(first[..., None, None], taps.shape)

    def halved(self, inputs: Sequence[Dims], attrs: Attributes) -> Iterator[tuple[tuple[Dims, ...], Attributes]]:
        for maps, others in super().halved(inputs, attrs):
            pooled = others["window"].output(others["to"].spatial)
            yield tuple(dims.with_spatial(pooled) for dims in maps), others

    def infer(self, x: Dims, taps: Dims, *, window: Window, to: Dims) -> Dims:
        return to.with_size("B", x.batch)

    def forward(self, x: np.ndarray, taps: np.ndarray, *, window: Window, to: Dims) -> np.ndarray:
        return scatter_add(x, winner_positions(taps, window, to.spatial), to.spatial)

    def backward(self, call: Call, grad: np.ndarray, *, window: Window, to: Dims) -> Gradients:
        return taken_at(grad, winner_positions(call.inputs[1], window, to.spatial)), None


def flat_positions(indices: np.ndarray, rank: int) -> np.ndarray:
    """Indices local to (observation, channel) → positions in the raveled array, in row-major order of the pooled map; those
    of nothing stay negative.
    """
    columns = prod(indices.shape[rank:])
    rows = indices.reshape(prod(indices.shape[:rank]), columns).astype(np.int64, copy=False)
    return (rows * columns + np.arange(columns)).reshape(-1)


def scatter_add(values: np.ndarray, indices: np.ndarray, spatial: Sequence[int]) -> np.ndarray:
    """Zeros of the given spatial sizes, plus each value at its index (sums where windows overlap); nothing at −1."""
    shape = (*spatial, *values.shape[len(spatial):])
    flat, values = with_places(flat_positions(indices, len(spatial)), values)
    return np.bincount(flat, values, minlength=prod(shape)).astype(values.dtype).reshape(shape)


def with_places(flat: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Positions and their values, without those that have none."""
    values = values.reshape(-1)
    if flat.min(initial=0) >= 0:
        return flat, values
    some = flat >= 0
    return flat[some], values[some]


def taken_at(large: np.ndarray, indices: np.ndarray, rank: int | None = None) -> np.ndarray:
    """The adjoint: the value at each index of a map, whose axes come first, all but two by default; 0 at −1."""
    flat = flat_positions(indices, large.ndim - 2 if rank is None else rank).reshape(indices.shape)
    return np.where(flat < 0, np.zeros((), large.dtype), large.reshape(-1)[np.maximum(flat, 0)])


@op
class max_unpool(Op):
    """Zeros of the size that ``size`` stands for, with each value of ``x`` at its index."""

    saved_for_backward = IN
    divisible = True
    across = Across(ends=0.0, takes="lengths", op="max_unpool_of_lengths")
    lengths_from = 2

    def example(self, rng: np.random.Generator, inputs: Sequence[Dims], dtypes: Sequence[np.dtype],
                attrs: Attributes) -> Arrays:
        """Indices that lie in the output as their places do in the map."""
        (x, indices, _), to = inputs, attrs["to"]
        at = np.zeros(indices.spatial, dtypes[1])
        for axis, (n, m) in enumerate(zip(indices.spatial, to.spatial, strict=True)):
            at = at * m + along(axis, np.arange(n) * m // n, to.rank)
        return (normal(rng, x, dtypes[0]), np.broadcast_to(at.astype(dtypes[1])[..., None, None], indices.shape),
                np.asarray(to.with_size("B", x.batch).shape, dtypes[2]))

    def infer(self, x: Dims, indices: Dims, size: Dims, *, to: Dims) -> Dims:
        if x.sizes != indices.sizes:
            fail("maxUnpooling:sizeMismatch", f"The map to unpool has size {x}, but the indices have size {indices}.",
                 "Unpool a map of the same size and channels as the pooled output that the indices came with.")
        to = to.with_size("B", x.batch)
        return to if is_known(to.channels) else to.with_size("C", x.channels)

    def forward(self, x: np.ndarray, indices: np.ndarray, size: np.ndarray, *, to: Dims) -> np.ndarray:
        spatial = tuple(int(n) for n in size[:to.rank])
        if indices.size and (indices.min() < -1 or indices.max() >= prod(spatial)):
            fail("maxUnpooling:indexOutOfRange", f"The indices reach from {indices.min()} to {indices.max()}, but an "
                 f"output of {spatial} has positions 0 to {prod(spatial) - 1} (0-based, per channel and observation; -1 for "
                 "none).", "Connect 'indices' and 'size' of the same pooling layer.")
        y = np.zeros((*spatial, *x.shape[to.rank:]), x.dtype)
        y.put(*with_places(flat_positions(indices, to.rank), x))  # in turn, so the last of a repeated index stays
        return y

    def backward(self, call: Call, grad: np.ndarray, *, to: Dims) -> Gradients:
        return taken_at(grad, call.inputs[1]), None, None


@op
class size_of(Op):
    """The sizes of ``x`` as a vector: the value of a ``size`` port."""

    kinds = (Kind.SIZE,)
    differentiable = False

    def infer(self, x: Dims) -> Dims:
        return Dims.of("U", len(x.sizes))

    def forward(self, x: np.ndarray) -> np.ndarray:
        return np.array(x.shape, np.int64)


@op
class avg_pool(PoolOp):
    """Mean over every window. ``counted`` is the padding that counts, as zeros; None: all of it.

    With ``divisor`` it is the sum, divided by that.
    """

    across = Across(ends=0.0, takes="lengths", op="avg_pool_of_lengths")

    def infer(self, x: Dims, *, window: Window, counted: tuple[tuple[int, int], ...] | None = None,
              divisor: float | None = None) -> Dims:
        return windowed_dims(x, window)

    def forward(self, x: np.ndarray, *, window: Window, counted: tuple[tuple[int, int], ...] | None = None,
                divisor: float | None = None) -> np.ndarray:
        (total,) = along_axes(window, (x,), window.output(x.shape[:window.rank]), seen, plus, (0,))
        values: np.ndarray = total / divisors(window, x.shape, counted, divisor).astype(x.dtype)
        return values

    def backward(self, call: Call, grad: np.ndarray, *, window: Window, counted: tuple[tuple[int, int], ...] | None = None,
                 divisor: float | None = None) -> Gradients:
        (x,) = call.inputs
        share = grad / divisors(window, x.shape, counted, divisor).astype(x.dtype)
        return along_axes(window, (share,), x.shape[:window.rank], seeing, plus, (0,))


@op
class global_avg_pool(Op):
    """Mean over the spatial axes, kept with size 1."""

    across = Across(ends=0.0, takes="lengths", op="global_avg_pool_of_lengths")

    def length_rule(self) -> LengthRule:
        return ONE_STEP

    def infer(self, x: Dims) -> Dims:
        return x.with_spatial((1,) * x.rank)

    def reach(self, x: Dims, y: Dims, **attrs: object) -> None:
        return None

    def forward(self, x: np.ndarray) -> np.ndarray:
        return sum_over(x, tuple(range(x.ndim - 2)), keepdims=True) / prod(x.shape[:-2])

    def backward(self, call: Call, grad: np.ndarray) -> Gradients:
        (x,) = call.inputs
        return (np.broadcast_to(grad / prod(x.shape[:-2]), x.shape),)


@op
class global_max_pool(Op):
    """Maximum over the spatial axes, kept with size 1; a tie sends its gradient to the first position."""

    saved_for_backward = IN
    divisible = True
    across = LAST_STEP_GOES_ON

    def length_rule(self) -> LengthRule:
        return ONE_STEP

    def infer(self, x: Dims) -> Dims:
        return x.with_spatial((1,) * x.rank)

    def reach(self, x: Dims, y: Dims, **attrs: object) -> None:
        return None

    def forward(self, x: np.ndarray) -> np.ndarray:
        values: np.ndarray = x.max(tuple(range(x.ndim - 2)), keepdims=True)
        return values

    def backward(self, call: Call, grad: np.ndarray) -> Gradients:
        (x,) = call.inputs
        at = x.reshape(prod(x.shape[:-2]), *x.shape[-2:]).argmax(0).reshape(grad.shape)
        return (scatter_add(grad, at, x.shape[:-2]),)
