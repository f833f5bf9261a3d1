"""Window maximum and mean, one axis after the other: F + G steps per window of F×G instead of F·G.

All of it works on views in the op's axis order, whatever their order in memory, and the results lie as the input does.
"""

from __future__ import annotations

from math import prod

import numpy as np

from dltoolbox.core.geometry import Window
from dltoolbox.kernels import layout
from dltoolbox.kernels.base import Direct, Workspace, kernel
from dltoolbox.kernels.scatter import MOST_TAPS, relative_to_window, scatter_taps, window_origins
from dltoolbox.kernels.taps import reach, starting_at, taps
from dltoolbox.ops.base import BOTH, OPS, Call, Gradients
from dltoolbox.ops.pooling import scatter_add, tap_positions


def along_axis(reduce: np.ufunc, x: np.ndarray, y: np.ndarray, window: Window, axis: int, start: float) -> None:
    """``y`` = the reduction of ``x`` over the taps of one axis; ``start`` where taps lie outside."""
    spans = [reach(x.shape[axis], y.shape[axis], f * window.dilation[axis] - window.padding[axis][0],
                   window.stride[axis]) for f in range(window.size[axis])]
    lead = (slice(None),) * axis
    whole = slice(0, y.shape[axis])
    ready = [inputs for outputs, inputs in spans if outputs == whole]
    if len(ready) > 1:
        reduce(x[(*lead, ready[0])], x[(*lead, ready[1])], out=y)
    elif ready:
        y[...] = x[(*lead, ready[0])]
    else:
        y[...] = start
    for outputs, inputs in spans:
        if inputs not in ready[:2] or outputs != whole:
            reduce(y[(*lead, outputs)], x[(*lead, inputs)], out=y[(*lead, outputs)])


def window_reduce(work: Workspace, reduce: np.ufunc, x: np.ndarray, window: Window, start: float) -> np.ndarray:
    """The reduction over every window, in the memory order of ``x``."""
    out = window.output(x.shape[:window.rank])
    order = layout.order_of(x)
    axes = [axis for axis in range(window.rank)
            if (window.size[axis], window.stride[axis], window.padding[axis]) != (1, 1, (0, 0))]
    result = layout.empty(work, (*out, *x.shape[window.rank:]), order, x.dtype)
    if not axes:
        result[...] = x
    for axis in axes:
        shape = (*x.shape[:axis], out[axis], *x.shape[axis + 1:])
        y = result if axis == axes[-1] else layout.scratch(work, f"pool {axis}", shape, order, x.dtype)
        along_axis(reduce, x, y, window, axis, start)
        x = y
    return result


def winners(work: Workspace, x: np.ndarray, y: np.ndarray, window: Window) -> np.ndarray | None:
    """The number of the first tap that equals the maximum, in 8 bits.

    None where a NaN hides it, or where there are many taps.
    """
    if window.taps > MOST_TAPS:
        return None
    order = layout.order_of(y)
    codes = layout.scratch(work, "codes", y.shape, order, np.uint8)
    codes[...] = 0
    for rows in layout.blocks(len(y), layout.row_bytes(y)):
        largest, code = y[rows], codes[rows]
        equal = layout.scratch(work, "equal", code.shape, order, np.bool_)
        scaled = equal.view(np.uint8)
        for tap in taps(starting_at(window, rows.start), x.shape[:window.rank], code.shape[:window.rank]):
            here = tap.outputs
            np.equal(x[tap.inputs], largest[here], out=equal[here])
            np.multiply(scaled[here], np.uint8(window.taps - tap.number), out=scaled[here])
            np.maximum(code[here], scaled[here], out=code[here])
    if codes.size and not codes.min():
        return None
    return np.subtract(np.uint8(window.taps), codes, out=codes)


def as_indices(work: Workspace, codes: np.ndarray, window: Window, spatial: tuple[int, ...]) -> np.ndarray:
    """Tap numbers → row-major positions in the unpadded image.

    With q_a the tap number divided by the taps of all later axes, and k_a the positions from one tap to the next along
    axis a, the position is Σ q_a·(k_a − F_{a+1}·k_{a+1}): arithmetic is much faster than looking up.
    """
    dtype = np.int32 if prod(spatial) <= np.iinfo(np.int32).max else np.int64
    origins, _ = window_origins(window, spatial, codes.shape[:window.rank])
    indices = layout.empty_like(work, codes, dtype=dtype)
    apart = [d * prod(spatial[axis + 1:]) for axis, d in enumerate(window.dilation)] + [0]
    for rows in layout.blocks(len(codes), layout.row_bytes(indices)):
        code, target = codes[rows], indices[rows]
        part = layout.scratch(work, "relative", code.shape, layout.order_of(codes), dtype)
        quotient = layout.scratch(work, "equal", code.shape, layout.order_of(codes), np.uint8)
        target[...] = origins[rows]
        for axis in range(window.rank):
            later = window.size[axis + 1:]
            part[...] = np.floor_divide(code, np.uint8(prod(later)), out=quotient) if prod(later) > 1 else code
            part *= apart[axis] - (later[0] if later else 0) * apart[axis + 1]
            target += part
    return indices


@kernel
class WindowMax(Direct):
    """`window_max`; its gradient compares the input with the maximum instead of searching again."""

    op = "window_max"
    reads = BOTH

    def forward(self, work: Workspace, x: np.ndarray, *, window: Window) -> np.ndarray:
        return window_reduce(work, np.maximum, x, window, -np.inf)

    def backward(self, work: Workspace, call: Call, grad: np.ndarray, *, window: Window) -> Gradients:
        (x,), (y,) = call.inputs, call.outputs
        codes = winners(work, x, y, window)
        dx = None if codes is None else scatter_taps(work, grad, codes, range(window.taps), window, x.shape)
        return OPS[self.op].backward(call, grad, window=window) if dx is None else (dx,)


@kernel
class WindowMaxIndices(Direct):
    """`window_max_indices`."""

    op = "window_max_indices"

    def forward(self, work: Workspace, x: np.ndarray, *, window: Window) -> tuple[np.ndarray, np.ndarray]:
        y = window_reduce(work, np.maximum, x, window, -np.inf)
        codes = winners(work, x, y, window)
        if codes is None:
            return OPS[self.op].forward(x, window=window)
        return y, as_indices(work, codes, window, x.shape[:window.rank])

    def backward(self, work: Workspace, call: Call, grad: np.ndarray, _: None, *, window: Window) -> Gradients:
        (x,), (_, indices) = call.inputs, call.outputs
        keys = relative_to_window(work, indices, window, x.shape[:window.rank])
        dx = None if keys is None else scatter_taps(work, grad, *keys, window, x.shape)
        return (scatter_add(grad, indices, x.shape[:window.rank]) if dx is None else dx,)


@kernel
class WindowMean(Direct):
    """`window_mean`: sums one axis after the other, forward and back."""

    op = "window_mean"

    def forward(self, work: Workspace, x: np.ndarray, *, window: Window, count_padding: bool) -> np.ndarray:
        y = window_reduce(work, np.add, x, window, 0)
        y *= self.share(x, y.shape[:window.rank], window, count_padding)
        return y

    def backward(self, work: Workspace, call: Call, grad: np.ndarray, *, window: Window,
                 count_padding: bool) -> Gradients:
        (x,) = call.inputs
        order = layout.order_of(grad)
        part = layout.scratch(work, "mean", grad.shape, order, grad.dtype)
        np.multiply(grad, self.share(x, grad.shape[:window.rank], window, count_padding), out=part)
        for axis in reversed(range(window.rank)):
            shape = (*part.shape[:axis], x.shape[axis], *part.shape[axis + 1:])
            wide = (layout.empty(work, shape, order, grad.dtype) if axis == 0 else
                    layout.scratch(work, f"mean {axis}", shape, order, grad.dtype))
            wide[...] = 0
            lead = (slice(None),) * axis
            for f in range(window.size[axis]):
                outputs, inputs = reach(shape[axis], part.shape[axis],
                                        f * window.dilation[axis] - window.padding[axis][0], window.stride[axis])
                wide[(*lead, inputs)] += part[(*lead, outputs)]
            part = wide
        return (part,)

    @staticmethod
    def share(x: np.ndarray, out: tuple[int, ...], window: Window, count_padding: bool) -> np.ndarray:
        """1 / how many elements each window has."""
        if count_padding or not window.padded:
            return np.array(1 / window.taps, x.dtype)
        counts = (tap_positions(window, x.shape[:window.rank], out) >= 0).sum(0)
        return (1 / counts).astype(x.dtype).reshape(*out, *[1] * (x.ndim - window.rank))


@kernel
class GlobalMean(Direct):
    """`global_mean` as one product with ones where the array's order allows, like a bias gradient."""

    op = "global_mean"

    def forward(self, work: Workspace, x: np.ndarray) -> np.ndarray:
        order = layout.order_of(x)
        positions = prod(x.shape[:-2])
        if set(order[-2:]) != {x.ndim - 2, x.ndim - 1} or not layout.lies_in(x, order):
            return OPS[self.op].forward(x)
        flat = x.transpose(order).reshape(positions, -1)
        mean = np.matmul(np.full(positions, 1 / positions, x.dtype), flat)
        shape = (*(1,) * (x.ndim - 2), *(x.shape[axis] for axis in order[-2:]))
        return mean.reshape(shape).transpose(layout.inverse((*range(x.ndim - 2), *order[-2:])))
