"""Pooling indices as taps: scattering and gathering by a few masked passes instead of element by element."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from math import prod

import numpy as np

from dltoolbox.core.arrays import all_finite
from dltoolbox.core.formats import Dims
from dltoolbox.core.geometry import Window
from dltoolbox.kernels import layout
from dltoolbox.kernels.base import Direct, Workspace, kernel
from dltoolbox.kernels.taps import starting_at, taps
from dltoolbox.ops.base import OPS, Call, Gradients

MOST_TAPS = 64  # beyond, one pass per tap is slower than scattering


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


def relative_to_window(work: Workspace, indices: np.ndarray, window: Window,
                       spatial: tuple[int, ...]) -> tuple[np.ndarray, list[int]] | None:
    """Indices less the position of their window's first tap, and what they are then for every tap.

    None where that does not tell the taps apart, or there are too many.
    """
    origins, steps = window_origins(window, spatial, indices.shape[:window.rank])
    if window.taps > MOST_TAPS or not indices.size or len(set(steps.tolist())) < len(steps):
        return None
    relative = layout.scratch(work, "relative", indices.shape, layout.order_of(indices), indices.dtype)
    np.subtract(indices, origins.astype(indices.dtype), out=relative)
    return relative, steps.tolist()


def scatter_taps(work: Workspace, values: np.ndarray, keys: np.ndarray, key_of_tap: Sequence[int], window: Window,
                 shape: tuple[int, ...]) -> np.ndarray | None:
    """Zeros of ``shape`` plus each value at the tap whose key it has.

    None where a key is no tap's, or where values are not finite, because 0·∞ is not 0.
    """
    if not all_finite(values):
        return None
    out = keys.shape[:window.rank]
    result = layout.empty_like(work, values, shape)
    covered = all(n == m * s and e == s for n, m, s, e in zip(shape, out, window.stride, window.extent, strict=False))
    if not covered or window.padded:
        result[...] = 0
    found = 0
    for rows in layout.blocks(out[0], layout.row_bytes(values)):
        value, key = values[rows], keys[rows]
        chosen, part = masks(work, key, value)
        for tap in taps(starting_at(window, rows.start), shape[:window.rank], key.shape[:window.rank]):
            here = chosen[tap.outputs]
            np.equal(key[tap.outputs], key_of_tap[tap.number], out=here)
            found += int(np.count_nonzero(here))
            if window.overlapping:
                np.multiply(value[tap.outputs], here, out=part[tap.outputs])
                result[tap.inputs] += part[tap.outputs]
            else:
                np.multiply(value[tap.outputs], here, out=result[tap.inputs])
    return result if found == keys.size else None


def masks(work: Workspace, keys: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Scratch for which keys are chosen, and for their values."""
    return (layout.scratch(work, "chosen", keys.shape, layout.order_of(keys), np.bool_),
            layout.scratch(work, "part", keys.shape, layout.order_of(values), values.dtype))


def gather_taps(work: Workspace, values: np.ndarray, keys: np.ndarray, key_of_tap: Sequence[int],
                window: Window) -> np.ndarray | None:
    """The adjoint for windows that do not overlap: each key takes the value at its tap. None as `scatter_taps`."""
    if not all_finite(values):
        return None
    result = layout.empty_like(work, values, keys.shape)
    found = 0
    for rows in layout.blocks(len(keys), layout.row_bytes(keys)):
        key, target = keys[rows], result[rows]
        chosen, part = masks(work, key, values)
        for tap in taps(starting_at(window, rows.start), values.shape[:window.rank], key.shape[:window.rank]):
            np.equal(key, key_of_tap[tap.number], out=chosen)
            found += int(np.count_nonzero(chosen))
            np.multiply(values[tap.inputs], chosen, out=part if tap.number else target)
            if tap.number:
                target += part
    return result if found == keys.size else None


def likely_window(pooled: tuple[int, ...], spatial: tuple[int, ...]) -> Window | None:
    """The window of a pooling without overlap or padding that would make ``pooled`` of ``spatial``."""
    sizes = [n // m if m else 0 for n, m in zip(spatial, pooled, strict=True)]
    return Window.of(sizes, sizes) if all(1 <= size <= 8 for size in sizes) else None


@kernel
class Unpool(Direct):
    """`unpool`: by tap numbers where the indices come from windows that do not overlap, else one flat assignment."""

    op = "unpool"

    def forward(self, work: Workspace, x: np.ndarray, indices: np.ndarray, size: np.ndarray, *, to: Dims) -> np.ndarray:
        shape = tuple(int(n) for n in size[:to.rank]) + x.shape[to.rank:]
        window = likely_window(x.shape[:to.rank], shape[:to.rank])
        keys = None if window is None else relative_to_window(work, indices, window, shape[:to.rank])
        y = None if window is None or keys is None else scatter_taps(work, x, *keys, window, shape)
        return OPS[self.op].forward(x, indices, size, to=to) if y is None else y

    def backward(self, work: Workspace, call: Call, grad: np.ndarray, *, to: Dims) -> Gradients:
        _, indices, _ = call.inputs
        spatial = grad.shape[:to.rank]
        window = likely_window(indices.shape[:to.rank], spatial)
        keys = None if window is None else relative_to_window(work, indices, window, spatial)
        dx = None if window is None or keys is None else gather_taps(work, grad, *keys, window)
        return OPS[self.op].backward(call, grad, to=to) if dx is None else (dx, None, None)
