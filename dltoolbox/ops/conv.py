"""Convolution (cross-correlation), also in groups, its transpose, padding by edge values, and the dense product.

Weights have MATLAB's shapes: convolution ``h×w×C×K``, in groups ``h×w×C/G×K/G×G``, transposed convolution ``h×w×K×C``,
dense ``out×in``. Formulas:
Dumoulin and Visin, "A guide to convolution arithmetic for deep learning" (2016).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod
from typing import Any

import numpy as np

from dltoolbox.core.dims import Dims, features
from dltoolbox.core.geometry import Reach, Window
from dltoolbox.core.unknown import UNKNOWN
from dltoolbox.ops.base import IN, Call, Gradients, Op, op, sum_over
from dltoolbox.ops.pool import pad, unpadded
from dltoolbox.ops.sequences.ragged import Across, LengthRule

SINGLE_PRECISION_RUN = 1 << 13  # positions over which products with few channels are added up in single precision


def correlate(x: np.ndarray, weights: np.ndarray, window: Window) -> np.ndarray:
    """Σ over taps and channels of w[tap, c, k]·x[s·position + tap, c, n]."""
    out = window.output(x.shape[:window.rank])
    padded = pad(x, window, 0)
    total = np.zeros((*out, weights.shape[-1], x.shape[-1]), np.result_type(x, weights))
    for tap, offset in zip(np.ndindex(*window.size), window.offsets(), strict=True):
        total += np.matmul(weights[tap].T, padded[window.tap_slices(offset, out)])
    return total


def correlate_adjoint(y: np.ndarray, weights: np.ndarray, window: Window, spatial: tuple[int, ...]) -> np.ndarray:
    """The adjoint of `correlate` in x: every output element spread over the taps that it was summed from."""
    out = y.shape[:window.rank]
    padded = np.zeros((*(n + sum(p) for n, p in zip(spatial, window.padding, strict=True)), weights.shape[-2],
                       y.shape[-1]), np.result_type(y, weights))
    for tap, offset in zip(np.ndindex(*window.size), window.offsets(), strict=True):
        padded[window.tap_slices(offset, out)] += np.matmul(weights[tap], y)
    return unpadded(padded, window)


def correlate_weights(x: np.ndarray, y: np.ndarray, window: Window) -> np.ndarray:
    """The adjoint of `correlate` in the weights: Σ over positions and observations of x·yᵀ per tap."""
    out = y.shape[:window.rank]
    padded = pad(x, window, 0)
    result = np.empty((*window.size, x.shape[-2], y.shape[-2]), np.result_type(x, y))
    for tap, offset in zip(np.ndindex(*window.size), window.offsets(), strict=True):
        patch = padded[window.tap_slices(offset, out)]
        axes = [*range(window.rank), patch.ndim - 1]
        result[tap] = np.tensordot(patch, y, (axes, axes))
    return result


def bias_gradient(grad: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """Sum over everything but the channels."""
    return sum_over(grad, (*range(grad.ndim - 2), grad.ndim - 1)).reshape(bias.shape)


@op
class conv(Op):
    """Cross-correlation of ``x`` (S…CB) with ``weights`` (S…CK) plus ``bias`` (K elements); zeros as padding."""

    saved_for_backward = IN
    divisible = True
    across = Across(ends=0.0)

    def infer(self, x: Dims, weights: Dims, bias: Dims, *, window: Window) -> Dims:
        return x.with_spatial(window.output(x.spatial)).with_size("C", weights.sizes[-1])

    def multiply_adds(self, inputs: Sequence[Dims], output: Dims) -> int:
        return inputs[1].elements * output.positions  # every weight is used once per position

    def forward(self, x: np.ndarray, weights: np.ndarray, bias: np.ndarray, *, window: Window) -> np.ndarray:
        values: np.ndarray = correlate(x, weights, window) + bias.reshape(-1, 1)
        return values

    def backward(self, call: Call, grad: np.ndarray, *, window: Window) -> Gradients:
        x, weights, bias = call.inputs
        return (correlate_adjoint(grad, weights, window, x.shape[:window.rank]) if call.needs_input_grad[0] else None,
                correlate_weights(x, grad, window) if call.needs_input_grad[1] else None,
                bias_gradient(grad, bias) if call.needs_input_grad[2] else None)


def by_group(x: np.ndarray, groups: int) -> np.ndarray:
    """S…CB → G×C/G×S…B, a view: what belongs to a group stands together."""
    rank = x.ndim - 2
    split = x.reshape(*x.shape[:rank], groups, x.shape[rank] // groups, x.shape[-1])
    return split.transpose(rank, rank + 1, *range(rank), rank + 2)


def from_groups(x: np.ndarray) -> np.ndarray:
    """The inverse of `by_group`."""
    turned = x.transpose(*range(2, x.ndim - 1), 0, 1, x.ndim - 1)
    return turned.reshape(*turned.shape[:-3], x.shape[0] * x.shape[1], x.shape[-1])


@op
class grouped_conv(conv):
    """`conv` of every group of channels with ``weights`` (S…, C/G, K/G, G) of its own; ``bias`` has K/G×G elements."""

    def infer(self, x: Dims, weights: Dims, bias: Dims, *, window: Window) -> Dims:
        filters = (weights.sizes[-2] or 0) * (weights.sizes[-1] or 0)
        return x.with_spatial(window.output(x.spatial)).with_size("C", filters)

    def forward(self, x: np.ndarray, weights: np.ndarray, bias: np.ndarray, *, window: Window) -> np.ndarray:
        out, (filters, groups) = window.output(x.shape[:window.rank]), weights.shape[-2:]
        total = np.zeros((groups, filters, prod(out) * x.shape[-1]), np.result_type(x, weights))
        for tap, patch in self.patches(x, window, groups):
            total += np.matmul(weights[tap].T, patch)
        y = from_groups(total.reshape(groups, filters, *out, x.shape[-1]))
        values: np.ndarray = y + bias.reshape(filters, groups).T.reshape(-1, 1)
        return values

    def backward(self, call: Call, grad: np.ndarray, *, window: Window) -> Gradients:
        x, weights, bias = call.inputs
        channels, filters, groups = weights.shape[-3:]
        dy = by_group(grad, groups).reshape(groups, filters, grad.size // (groups * filters))
        dx, d_weights = None, None
        if call.needs_input_grad[0]:
            out = grad.shape[:window.rank]
            spread = np.zeros((groups, channels, *(n + sum(p) for n, p in zip(x.shape, window.padding, strict=False)),
                               x.shape[-1]), np.result_type(grad, weights))
            for tap, offset in zip(np.ndindex(*window.size), window.offsets(), strict=True):
                part = np.matmul(weights[tap].transpose(2, 0, 1), dy)
                spread[:, :, *window.tap_slices(offset, out)] += part.reshape(groups, channels, *out, x.shape[-1])
            dx = unpadded(from_groups(spread), window)
        if call.needs_input_grad[1]:
            d_weights = np.empty(weights.shape, np.result_type(x, grad))
            for tap, patch in self.patches(x, window, groups):
                total = np.zeros((groups, channels, filters))
                for start in range(0, dy.shape[2], SINGLE_PRECISION_RUN):
                    at = slice(start, start + SINGLE_PRECISION_RUN)
                    total += np.matmul(patch[..., at], dy[..., at].swapaxes(1, 2))
                d_weights[tap] = total.transpose(1, 2, 0)
        return dx, d_weights, sum_over(dy, 2).T.reshape(bias.shape) if call.needs_input_grad[2] else None

    @staticmethod
    def patches(x: np.ndarray, window: Window, groups: int) -> Iterator[tuple[tuple[int, ...], np.ndarray]]:
        """Each tap, and what it sees: G × C/G × (positions·B)."""
        out = window.output(x.shape[:window.rank])
        padded = np.ascontiguousarray(by_group(pad(x, window, 0), groups))
        for tap, offset in zip(np.ndindex(*window.size), window.offsets(), strict=True):
            patch = padded[:, :, *window.tap_slices(offset, out)]
            yield tap, patch.reshape(*padded.shape[:2], prod(out) * x.shape[-1])


@op
class conv_transposed(Op):
    """The adjoint of `conv`: ``weights`` S…KC, ``window.padding`` is the cropping."""

    saved_for_backward = IN
    divisible = True
    across = Across(ends=0.0)

    def length_rule(self, *, window: Window) -> LengthRule:
        stride = window.stride[-1]
        return LengthRule(stride, window.extent[-1] - stride - sum(window.padding[-1]))

    def looks_beyond(self, *, window: Window) -> bool:
        return window.extent[-1] - window.stride[-1] > window.padding[-1][1]

    def infer(self, x: Dims, weights: Dims, bias: Dims, *, window: Window) -> Dims:
        return x.with_spatial(window.transposed_output(x.spatial)).with_size("C", weights.sizes[-2])

    def multiply_adds(self, inputs: Sequence[Dims], output: Dims) -> int:
        return inputs[1].elements * inputs[0].positions

    def reach(self, x: Dims, y: Dims, **attrs: Any) -> tuple[Reach, ...]:
        window: Window = attrs["window"]
        return window.transposed_reach()

    def forward(self, x: np.ndarray, weights: np.ndarray, bias: np.ndarray, *, window: Window) -> np.ndarray:
        spatial = window.transposed_output(x.shape[:window.rank])
        values: np.ndarray = correlate_adjoint(x, weights, window, spatial) + bias.reshape(-1, 1)
        return values

    def backward(self, call: Call, grad: np.ndarray, *, window: Window) -> Gradients:
        x, weights, bias = call.inputs
        return (correlate(grad, weights, window) if call.needs_input_grad[0] else None,
                correlate_weights(grad, x, window) if call.needs_input_grad[1] else None,
                bias_gradient(grad, bias) if call.needs_input_grad[2] else None)


@op
class pad_edges(Op):
    """Padding that is not zeros: ``mode`` constant (then ``value``), or taken from the array itself: replicate,
    symmetric-include-edge or symmetric-exclude-edge."""

    MODES = {"replicate": "edge", "symmetric-include-edge": "symmetric", "symmetric-exclude-edge": "reflect"}
    across = Across(takes="lengths", op="pad_edges_of_lengths")

    def length_rule(self, *, padding: tuple[tuple[int, int], ...], **attrs: object) -> LengthRule:
        return LengthRule(1, sum(padding[-1]))

    def looks_beyond(self, *, padding: tuple[tuple[int, int], ...], mode: str, **attrs: object) -> bool:
        before, after = padding[-1]
        return after > 0 or (before > 0 and mode.startswith("symmetric"))

    def infer(self, x: Dims, *, padding: tuple[tuple[int, int], ...], mode: str, value: float = 0.0) -> Dims:
        mirrored = mode == "symmetric-exclude-edge"
        return x.with_spatial([n if n is None else UNKNOWN if mirrored and n <= max(p) else n + sum(p)
                               for n, p in zip(x.spatial, padding, strict=True)])

    def reach(self, x: Dims, y: Dims, **attrs: Any) -> tuple[Reach, ...]:
        return tuple(Reach(-before, -before) for before, _ in attrs["padding"])

    def forward(self, x: np.ndarray, *, padding: tuple[tuple[int, int], ...], mode: str,
                value: float = 0.0) -> np.ndarray:
        widths = [*padding, (0, 0), (0, 0)]
        if mode == "constant":
            return np.pad(x, widths, constant_values=value)
        padded: np.ndarray = np.pad(x, widths, mode=self.MODES[mode])  # type: ignore[call-overload]
        return padded

    def backward(self, call: Call, grad: np.ndarray, *, padding: tuple[tuple[int, int], ...], mode: str,
                 value: float = 0.0) -> Gradients:
        (x,) = call.inputs
        if mode == "constant":
            return (grad[tuple(slice(p[0], p[0] + n) for p, n in zip(padding, x.shape, strict=False))],)
        for axis, pair in enumerate(padding):  # padding is separable, so its adjoint is, too
            source = np.pad(np.arange(x.shape[axis]), pair, mode=self.MODES[mode])  # type: ignore[call-overload]
            folded = np.zeros((*grad.shape[:axis], x.shape[axis], *grad.shape[axis + 1:]), grad.dtype)
            np.add.at(np.moveaxis(folded, axis, 0), source, np.moveaxis(grad, axis, 0))
            grad = folded
        return (grad,)


@op
class dense(Op):
    """``weights`` (out×in) times the features of each observation, flattened column-major (h, w, c), plus ``bias``.

    The result has ``rank`` spatial dimensions of size 1.
    """

    saved_for_backward = IN

    def infer(self, x: Dims, weights: Dims, bias: Dims, *, rank: int = 0) -> Dims:
        return features(rank, weights.sizes[0], x.batch)

    def multiply_adds(self, inputs: Sequence[Dims], output: Dims) -> int:
        return inputs[1].elements

    def reach(self, x: Dims, y: Dims, **attrs: object) -> None:
        return None

    def forward(self, x: np.ndarray, weights: np.ndarray, bias: np.ndarray, *, rank: int = 0) -> np.ndarray:
        y = np.matmul(weights, column_major(x)) + bias.reshape(-1, 1)
        values: np.ndarray = y.reshape(*[1] * rank, *y.shape)
        return values

    def backward(self, call: Call, grad: np.ndarray, *, rank: int = 0) -> Gradients:
        x, weights, bias = call.inputs
        flat, grad = column_major(x), grad.reshape(grad.shape[rank:])
        return (unflatten(np.matmul(weights.T, grad), x.shape) if call.needs_input_grad[0] else None,
                np.matmul(grad, flat.T) if call.needs_input_grad[1] else None,
                sum_over(grad, 1).reshape(bias.shape) if call.needs_input_grad[2] else None)


def column_major(x: np.ndarray) -> np.ndarray:
    """(h, w, c, n) → (h·w·c, n), the first axis running fastest."""
    reverse = (*range(x.ndim - 2, -1, -1), x.ndim - 1)
    return x.transpose(reverse).reshape(prod(x.shape[:-1]), x.shape[-1])


def unflatten(flat: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """The inverse of `column_major`."""
    reverse = (*range(len(shape) - 2, -1, -1), len(shape) - 1)
    return flat.reshape(*shape[-2::-1], shape[-1]).transpose(reverse)
