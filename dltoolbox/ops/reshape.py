"""Words that move elements, and those that change the size of maps: flattening, further spatial dimensions, shuffling
channels, halves of matrices, blocks of elements in place of channels; cropping, resizing, and means over as many regions
as are asked for.

Sources: the ONNX operator Resize for where an element of a resized map lies in the original one; the regions of adaptive
pooling are PyTorch's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from math import prod
from typing import Any, NamedTuple, TypeVar

import numpy as np

from dltoolbox.core.dims import Dims
from dltoolbox.core.geometry import Reach
from dltoolbox.core.unknown import UNKNOWN
from dltoolbox.ops import conv
from dltoolbox.ops.arithmetic import SameSize
from dltoolbox.ops.base import Attributes, Call, Gradients, Op, op, sum_over
from dltoolbox.ops.time_axis import Way

N = TypeVar("N")


@op
class flatten(Op):
    """The features of each observation as one column, column-major (h, w, c)."""

    def infer(self, x: Dims) -> Dims:
        return Dims.of("CB", x.features, x.batch)

    def reach(self, x: Dims, y: Dims, **attrs: object) -> None:
        return None

    def forward(self, x: np.ndarray) -> np.ndarray:
        return conv.column_major(x)

    def backward(self, call: Call, grad: np.ndarray) -> Gradients:
        return (conv.unflatten(grad, call.inputs[0].shape),)


@op
class reshape(Op):
    """The features of each observation, column-major, as an array of sizes ``to``, S… and C."""

    def infer(self, x: Dims, *, to: tuple[int, ...]) -> Dims:
        return Dims("S" * (len(to) - 1) + "CB", (*to, x.batch))

    def reach(self, x: Dims, y: Dims, **attrs: object) -> None:
        return None

    def forward(self, x: np.ndarray, *, to: tuple[int, ...]) -> np.ndarray:
        return x.reshape(*to, x.shape[-1], order="F")

    def backward(self, call: Call, grad: np.ndarray, *, to: tuple[int, ...]) -> Gradients:
        return (grad.reshape(call.inputs[0].shape, order="F"),)


@op
class permute(Op):
    """The spatial dimensions and the channels in another ``order``: dimension i of the output is ``order[i]`` of the input,
    from 0. The labels stay where they are.
    """

    def infer(self, x: Dims, *, order: tuple[int, ...]) -> Dims:
        return Dims(x.labels, (*(x.sizes[axis] for axis in order), x.batch))

    def reach(self, x: Dims, y: Dims, **attrs: object) -> None:
        return None

    def forward(self, x: np.ndarray, *, order: tuple[int, ...]) -> np.ndarray:
        return x.transpose(*order, x.ndim - 1)

    def backward(self, call: Call, grad: np.ndarray, *, order: tuple[int, ...]) -> Gradients:
        return (grad.transpose(*np.argsort(order), grad.ndim - 1),)


@op
class append_spatial_dims(Op):
    """Further spatial dimensions of size 1, so that there are ``rank``: they stand behind those that there are."""

    def infer(self, x: Dims, *, rank: int) -> Dims:
        return Dims("S" * rank + x.labels[x.rank:], (*x.spatial, *[1] * (rank - x.rank), *x.sizes[x.rank:]))

    def reach(self, x: Dims, y: Dims, **attrs: object) -> None:
        return None

    def forward(self, x: np.ndarray, *, rank: int) -> np.ndarray:
        return x.reshape(self.shape(x.shape, rank))

    def backward(self, call: Call, grad: np.ndarray, *, rank: int) -> Gradients:
        return (grad.reshape(call.inputs[0].shape),)

    @staticmethod
    def shape(sizes: tuple[N, ...], rank: int) -> tuple[N | int, ...]:
        return (*sizes[:-2], *[1] * (rank + 2 - len(sizes)), *sizes[-2:])


@op
class without_time(Op):
    """The only step of sequences of one step, as data without time."""

    way = Way.SEE

    def infer(self, x: Dims) -> Dims:
        return Dims(x.labels[:-2] + x.labels[-1], (*x.sizes[:-2], x.sizes[-1]))

    def forward(self, x: np.ndarray) -> np.ndarray:
        return x[..., 0, :]

    def backward(self, call: Call, grad: np.ndarray) -> Gradients:
        return (grad[..., np.newaxis, :],)


@op
class channel_shuffle(SameSize):
    """Channels in ``groups`` of equal size: the first of every group, then the second of every group, and so on."""

    def forward(self, x: np.ndarray, *, groups: int) -> np.ndarray:
        return transposed_channels(x, groups)

    def backward(self, call: Call, grad: np.ndarray, *, groups: int) -> Gradients:
        return (transposed_channels(grad, grad.shape[-2] // groups),)


@op
class halves(Op):
    """The first and the second half of the rows of a matrix, or of the channels of vectors."""

    def infer(self, x: Dims) -> tuple[Dims, Dims]:
        rows, *rest = x.sizes
        half = Dims(x.labels, (rows and rows // 2, *rest))
        return half, half

    def reach(self, x: Dims, y: Dims, **attrs: object) -> None:
        return None

    def forward(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        half = len(x) // 2
        return x[:half], x[half:]

    def backward(self, call: Call, first: np.ndarray | None, second: np.ndarray | None) -> Gradients:
        return (np.concatenate([np.zeros_like(half) if grad is None else grad
                                for grad, half in zip((first, second), call.outputs, strict=True)]),)


def transposed_channels(x: np.ndarray, rows: int) -> np.ndarray:
    """The channels as a matrix of so many rows, read column by column."""
    *spatial, channels, batch = x.shape
    return x.reshape(*spatial, rows, channels // rows, batch).swapaxes(-3, -2).reshape(x.shape)


def spread_channels(x: np.ndarray, block: tuple[int, ...], order: str) -> np.ndarray:
    """Channels as blocks of elements. They run by channel of the output, column and row ('dcr'), or by column, row and
    channel ('crd'), the first fastest.
    """
    rank, channels = len(block), x.shape[-2] // prod(block)
    split = x.reshape(*x.shape[:rank], *((*block, channels) if order == "dcr" else (channels, *block)), x.shape[-1])
    split = split if order == "dcr" else np.moveaxis(split, rank, -2)
    pairs = [axis for pair in zip(range(rank), range(rank, 2 * rank), strict=True) for axis in pair]
    return split.transpose(*pairs, 2 * rank, 2 * rank + 1).reshape(
        *(n * b for n, b in zip(x.shape, block, strict=False)), channels, x.shape[-1])


def gathered_blocks(x: np.ndarray, block: tuple[int, ...], order: str) -> np.ndarray:
    """The inverse of `spread_channels`."""
    rank = len(block)
    counts = tuple(n // b for n, b in zip(x.shape, block, strict=False))
    split = x.reshape(*(n for pair in zip(counts, block, strict=True) for n in pair), *x.shape[rank:])
    split = split.transpose(*range(0, 2 * rank, 2), *range(1, 2 * rank, 2), 2 * rank, 2 * rank + 1)
    split = split if order == "dcr" else np.moveaxis(split, -2, rank)
    return split.reshape(*counts, prod(block) * x.shape[-2], x.shape[-1])


@op
class depth_to_space(Op):
    """Every group of channels becomes a ``block`` of elements of one channel; see `spread_channels` for the ``order``."""

    def infer(self, x: Dims, *, block: tuple[int, ...], order: str) -> Dims:
        channels = UNKNOWN if x.channels % prod(block) else x.channels // prod(block)
        spatial = [n if n is None else n * b for n, b in zip(x.spatial, block, strict=True)]
        return x.with_spatial(spatial).with_size("C", channels)

    def reach(self, x: Dims, y: Dims, **attrs: Any) -> tuple[Reach, ...]:
        return tuple(Reach(per=b) for b in attrs["block"])

    def forward(self, x: np.ndarray, *, block: tuple[int, ...], order: str) -> np.ndarray:
        return spread_channels(x, block, order)

    def backward(self, call: Call, grad: np.ndarray, *, block: tuple[int, ...], order: str) -> Gradients:
        return (gathered_blocks(grad, block, order),)


@op
class space_to_depth(Op):
    """Every ``block`` of elements becomes channels, in the order 'dcr'; rows and columns that are left over are dropped."""

    def infer(self, x: Dims, *, block: tuple[int, ...]) -> Dims:
        return x.with_spatial([n if n is None else n // b for n, b in zip(x.spatial, block, strict=True)]).with_size(
            "C", x.channels * prod(block))

    def reach(self, x: Dims, y: Dims, **attrs: Any) -> tuple[Reach, ...]:
        return tuple(Reach(0, b - 1, b) for b in attrs["block"])

    def forward(self, x: np.ndarray, *, block: tuple[int, ...]) -> np.ndarray:
        return gathered_blocks(x[self.whole(x, block)], block, "dcr")

    def backward(self, call: Call, grad: np.ndarray, *, block: tuple[int, ...]) -> Gradients:
        (x,) = call.inputs
        dx = np.zeros(x.shape, grad.dtype)
        dx[self.whole(x, block)] = spread_channels(grad, block, "dcr")
        return (dx,)

    @staticmethod
    def whole(x: np.ndarray, block: tuple[int, ...]) -> tuple[slice, ...]:
        """The part of the input that whole blocks cover."""
        return tuple(slice(n // b * b) for n, b in zip(x.shape, block, strict=False))


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
    """Sources of the elements along one axis of a resized map: (1 − part)·x[low] + part·x[high]."""

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

    def halved(self, inputs: Sequence[Dims], attrs: Attributes) -> Iterator[tuple[tuple[Dims, ...], Attributes]]:
        """Observations alone: sizes and factors go with the map."""
        return super().halved(inputs, attrs)

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
            below = np.take(x, low, axis)
            if part.any():
                weight = part.astype(x.dtype).reshape(-1, *[1] * (x.ndim - axis - 1))
                below += weight * (np.take(x, high, axis) - below)
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
