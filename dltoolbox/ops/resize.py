"""Words that change the size of maps: cropping, resizing, and means over as many regions as are asked for.

Sources: the ONNX operator Resize for where an element of a resized map lies in the original one; the regions of adaptive
pooling are PyTorch's.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

from dltoolbox.core.dims import Dims
from dltoolbox.core.geometry import Reach
from dltoolbox.ops.base import Call, Gradients, Op, op, sum_over

Sizes = tuple[int, ...]


@op
class crop(Op):
    """The part of size ``to`` that begins at the 0-based position ``start``."""

    def infer(self, x: Dims, *, start: Sizes, to: Sizes) -> Dims:
        return x.with_spatial(to)

    def reach(self, x: Dims, y: Dims, **attrs: Any) -> tuple[Reach, ...]:
        return tuple(Reach(start, start) for start in attrs["start"])

    def forward(self, x: np.ndarray, *, start: Sizes, to: Sizes) -> np.ndarray:
        return x[self.part(start, to)]

    def backward(self, call: Call, grad: np.ndarray, *, start: Sizes, to: Sizes) -> Gradients:
        dx = np.zeros(call.inputs[0].shape, grad.dtype)
        dx[self.part(start, to)] = grad
        return (dx,)

    @staticmethod
    def part(start: Sizes, to: Sizes) -> tuple[slice, ...]:
        return tuple(slice(a, a + n) for a, n in zip(start, to, strict=True))


class Samples(NamedTuple):
    """What the elements along one axis of a resized map are made of: (1 − part)·x[low] + part·x[high]."""

    low: np.ndarray
    high: np.ndarray
    part: np.ndarray

    @classmethod
    def of(cls, n: int, out: int, factor: Fraction, method: str, transform: str, rounding: str) -> Samples:
        """Samples of an axis of ``n`` elements for ``out`` elements, ``factor`` times as dense.

        Element i lies at (i + ½)/factor − ½ ('half-pixel') or i/factor ('asymmetric'). Positions beyond the edge are on it.
        """
        shift = 0.5 if transform == "half-pixel" else 0.0
        at = (np.arange(out) + shift) * factor.denominator / factor.numerator - shift
        if method == "linear":
            at = np.clip(at, 0, n - 1)
            low = at.astype(np.int64)
            return cls(low, np.minimum(low + 1, n - 1), at - low)
        up = rounding == "onnx-10" and factor < 1
        whole = np.floor(at + 0.5) if rounding == "round" else np.ceil(at) if up else np.floor(at)
        nearest = np.clip(whole, 0, n - 1).astype(np.int64)
        return cls(nearest, nearest, np.zeros(out))


@op
class resize(Op):
    """Spatial axes resampled to size ``to``, each ``factors`` times as dense.

    ``method`` is nearest or linear; ``transform`` half-pixel or asymmetric. ``rounding`` of the nearest element: round
    (halves up), floor, or onnx-10, which is floor where a map grows and ceil where it shrinks.
    """

    def infer(self, x: Dims, *, to: Sizes, **attrs: object) -> Dims:
        return x.with_spatial(to)

    def reach(self, x: Dims, y: Dims, **attrs: Any) -> tuple[Reach, ...]:
        """As `Samples`, as whole numbers: element i lies at (2q·i + shift)/2p, where the factor is p/q."""
        reaches = []
        for p, q in (factor.as_integer_ratio() for factor in attrs["factors"]):
            shift = q - p if attrs["transform"] == "half-pixel" else 0
            floor, half_up, ceil = shift, shift + p, shift + 2 * p - 1
            up = attrs["rounding"] == "onnx-10" and p < q
            nearest = half_up if attrs["rounding"] == "round" else ceil if up else floor
            ends = (nearest, nearest) if attrs["method"] == "nearest" else (floor, ceil)
            reaches.append(Reach(*ends, 2 * q, 2 * p))
        return tuple(reaches)

    def forward(self, x: np.ndarray, *, to: Sizes, factors: tuple[Fraction, ...], method: str, transform: str,
                rounding: str) -> np.ndarray:
        for axis, (out, factor) in enumerate(zip(to, factors, strict=True)):
            low, high, part = Samples.of(x.shape[axis], out, factor, method, transform, rounding)
            below = x.take(low, axis)
            if part.any():
                weight = part.astype(x.dtype).reshape(-1, *[1] * (x.ndim - axis - 1))
                below += weight * (x.take(high, axis) - below)
            x = below
        return x

    def backward(self, call: Call, grad: np.ndarray, *, to: Sizes, factors: tuple[Fraction, ...], method: str,
                 transform: str, rounding: str) -> Gradients:
        (x,) = call.inputs
        for axis, (out, factor) in enumerate(zip(to, factors, strict=True)):
            samples = Samples.of(x.shape[axis], out, factor, method, transform, rounding)
            spread = np.zeros((*grad.shape[:axis], x.shape[axis], *grad.shape[axis + 1:]), grad.dtype)
            to_axis, from_axis = np.moveaxis(spread, axis, 0), np.moveaxis(grad, axis, 0)
            for gradient, low, high, part in zip(from_axis, *samples, strict=True):
                share = gradient * np.asarray(part, grad.dtype)
                to_axis[low] += gradient - share
                to_axis[high] += share
            grad = spread
        return (grad,)


@op
class adaptive_avg_pool(Op):
    """Means over as many regions as ``to`` says: along an axis of n, region i reaches from ⌊i·n/to⌋ to ⌈(i + 1)·n/to⌉."""

    def infer(self, x: Dims, *, to: Sizes) -> Dims:
        return x.with_spatial(to)

    def reach(self, x: Dims, y: Dims, **attrs: object) -> tuple[Reach, ...]:
        return tuple(Reach(0, n - 1, n, out) for n, out in zip(x.spatial, y.spatial, strict=True))

    def forward(self, x: np.ndarray, *, to: Sizes) -> np.ndarray:
        for axis, out in enumerate(to):
            along = np.moveaxis(x, axis, 0)
            x = np.stack([sum_over(along[part], 0) / (part.stop - part.start) for part in regions(x.shape[axis], out)], axis)
        return x

    def backward(self, call: Call, grad: np.ndarray, *, to: Sizes) -> Gradients:
        (x,) = call.inputs
        for axis, out in enumerate(to):
            spread = np.zeros((*grad.shape[:axis], x.shape[axis], *grad.shape[axis + 1:]), grad.dtype)
            to_axis, from_axis = np.moveaxis(spread, axis, 0), np.moveaxis(grad, axis, 0)
            for gradient, part in zip(from_axis, regions(x.shape[axis], out), strict=True):
                to_axis[part] += gradient / (part.stop - part.start)
            grad = spread
        return (grad,)


def regions(n: int, out: int) -> list[slice]:
    """The regions of `adaptive_avg_pool` along one axis; they overlap where ``out`` does not divide ``n``."""
    return [slice(i * n // out, -(-(i + 1) * n // out)) for i in range(out)]
