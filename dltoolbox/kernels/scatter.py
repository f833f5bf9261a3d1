"""Pooling indices as tap numbers: scattering by a few masked passes instead of element by element."""

from __future__ import annotations

from functools import lru_cache
from math import prod

import numpy as np

from dltoolbox.core.formats import Dims
from dltoolbox.core.geometry import Window
from dltoolbox.kernels import layout
from dltoolbox.kernels.base import Kernel, Workspace, kernel
from dltoolbox.kernels.taps import taps
from dltoolbox.ops.base import OPS, Call, Gradients

UNKNOWN = 255
LONGEST_TABLE = 1 << 16


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


def find_taps(work: Workspace, indices: np.ndarray, window: Window, spatial: tuple[int, ...]) -> np.ndarray | None:
    """The tap number of every index, in 8 bits; None where an index is no tap of its window, or taps look alike."""
    origins, steps = window_origins(window, spatial, indices.shape[:window.rank])
    if window.taps >= UNKNOWN or not indices.size or steps[-1] > LONGEST_TABLE or len(np.unique(steps)) < len(steps):
        return None
    table = np.full(steps[-1] + 2, UNKNOWN, np.uint8)  # the last entry is for whatever lies outside
    table[steps] = np.arange(window.taps)
    order = layout.order_of(indices)
    relative = layout.scratch(work, "relative", indices.shape, order, np.int64)
    np.subtract(indices, origins, out=relative)
    unsigned = relative.view(np.uint64)  # negative numbers become large ones
    np.minimum(unsigned, np.uint64(steps[-1] + 1), out=unsigned)
    codes = layout.scratch(work, "codes", indices.shape, order, np.uint8)
    np.take(table, relative, out=codes, mode="wrap")  # nothing wraps, but this mode needs no buffer
    return None if codes.max() == UNKNOWN else codes


def is_finite(x: np.ndarray) -> bool:
    """Whether no element is infinite or NaN; may say no for sums that overflow."""
    with np.errstate(over="ignore", invalid="ignore"):
        return bool(np.isfinite(x.sum()))


def gather_taps(work: Workspace, values: np.ndarray, codes: np.ndarray, window: Window,
                shape: tuple[int, ...]) -> np.ndarray | None:
    """Zeros of ``shape`` plus each value at its tap. None where values are not finite: 0·∞ is not 0."""
    if not is_finite(values):
        return None
    out = codes.shape[:window.rank]
    result = layout.empty_like(work, values, shape)
    chosen = layout.scratch(work, "chosen", codes.shape, layout.order_of(codes), np.bool_)
    part = layout.scratch(work, "part", values.shape, layout.order_of(values), values.dtype)
    covered = not window.overlapping and all(
        n == m * s and e == s for n, m, s, e in zip(shape, out, window.stride, window.extent, strict=False))
    if not covered or window.padded:
        result[...] = 0
    for tap in taps(window, shape[:window.rank], out):
        np.equal(codes[tap.outputs], tap.number, out=chosen[tap.outputs])
        if window.overlapping:
            np.multiply(values[tap.outputs], chosen[tap.outputs], out=part[tap.outputs])
            result[tap.inputs] += part[tap.outputs]
        else:
            np.multiply(values[tap.outputs], chosen[tap.outputs], out=result[tap.inputs])
    return result


def likely_window(pooled: tuple[int, ...], spatial: tuple[int, ...]) -> Window | None:
    """The window of a pooling without overlap or padding that would make ``pooled`` of ``spatial``."""
    sizes = [n // m if m else 0 for n, m in zip(spatial, pooled, strict=True)]
    return Window.of(sizes, sizes) if all(1 <= size <= 8 for size in sizes) else None


@kernel
class Unpool(Kernel):
    """`unpool`: by tap numbers where the indices come from windows that do not overlap, else one flat assignment."""

    op = "unpool"

    def forward(self, work: Workspace, x: np.ndarray, indices: np.ndarray, size: np.ndarray, *, to: Dims) -> np.ndarray:
        spatial = tuple(int(n) for n in size[:to.rank])
        window = likely_window(x.shape[:to.rank], spatial)
        codes = None if window is None else find_taps(work, indices, window, spatial)
        if window is not None and codes is not None:
            y = gather_taps(work, x, codes, window, (*spatial, *x.shape[to.rank:]))
            if y is not None:
                return y
        return OPS[self.op].forward(x, indices, size, to=to)

    def backward(self, work: Workspace, call: Call, grad: np.ndarray, *, to: Dims) -> Gradients:
        _, indices, _ = call.inputs
        spatial = grad.shape[:to.rank]
        window = likely_window(indices.shape[:to.rank], spatial)
        codes = None if window is None else find_taps(work, indices, window, spatial)
        if window is None or codes is None or not is_finite(grad):
            return OPS[self.op].backward(call, grad, to=to)
        dx = layout.empty_like(work, grad, indices.shape)
        part = layout.scratch(work, "part", dx.shape, layout.order_of(dx), dx.dtype)
        chosen = layout.scratch(work, "chosen", dx.shape, layout.order_of(dx), np.bool_)
        for tap in taps(window, spatial, dx.shape[:to.rank]):
            np.equal(codes, tap.number, out=chosen)
            np.multiply(grad[tap.inputs], chosen, out=part if tap.number else dx)
            if tap.number:
                dx += part
        return dx, None, None
