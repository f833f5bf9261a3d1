"""Products in the frequency domain: convolution with filters as large as the data, of which only the lowest frequencies are
learned.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np

from dltoolbox.core.dims import Dims, times
from dltoolbox.core.errors import fail
from dltoolbox.ops.base import IN, Attributes, Call, Gradients, Op, op
from dltoolbox.ops.sequences.ragged import Across
from dltoolbox.ops.sequences.windows_of_lengths import OfSequences
from dltoolbox.runtime.blas import libraries

Modes = tuple[int, ...]


def modes_fit(modes: Modes, spatial: Sequence[int]) -> bool:
    """Whether each frequency but the mean has an opposite."""
    return not any(n is not None and 2 * m - 1 > n for m, n in zip(modes, spatial, strict=True))


def as_complex(parts: np.ndarray) -> np.ndarray:
    """Complex numbers of their real and imaginary parts, which are the last axis."""
    return parts[..., 0] + 1j * parts[..., 1]


def as_parts(values: np.ndarray) -> np.ndarray:
    """The inverse of `as_complex`."""
    return np.stack([values.real, values.imag], axis=-1)


def analysed(x: np.ndarray, modes: Modes) -> np.ndarray:
    """Σ x·exp(−2πi·k·n/N) over the last spatial axes, for the frequencies k = 0, 1, … below ``modes`` along each of them."""
    libraries()
    from scipy import fft  # here, because it loads a library of its own
    last = x.ndim - 3
    y: np.ndarray = lowest(fft.rfft(x, axis=last), last, modes[-1])
    for axis, count in zip(range(last - len(modes) + 1, last), modes[:-1], strict=True):
        y = lowest(fft.fft(y, axis=axis), axis, count)
    return y


def lowest(x: np.ndarray, axis: int, count: int) -> np.ndarray:
    return x[(slice(None),) * axis + (slice(count),)]


def synthesised(x: np.ndarray, spatial: Sequence[int]) -> np.ndarray:
    """Re Σ x·exp(2πi·k·n/N) over frequencies from 0 on, in the last spatial axes: the adjoint of `analysed`."""
    libraries()
    from scipy import fft
    last = x.ndim - 3
    for axis, n in zip(range(last - len(spatial) + 1, last), spatial[:-1], strict=True):
        x = fft.ifft(x, n, axis=axis, norm="forward")
    halves = np.full((x.shape[last], 1, 1), 0.5, x.real.dtype)  # irfft adds the conjugate of all but the first
    halves[0] = 1
    y: np.ndarray = fft.irfft(x * halves, spatial[-1], axis=last, norm="forward")
    return y


def weighting(modes: Modes, spatial: Sequence[int], like: np.ndarray) -> np.ndarray:
    """The share of each frequency in a real signal: the mean once, others twice, with their conjugates, over the size."""
    weights = np.full((*modes, 1, 1), 2 / prod(spatial), like.real.dtype)
    weights[(0,) * len(modes)] /= 2
    return weights


@op
class spectral_conv(Op):
    """Products of the lowest frequencies of ``x`` (S…CB) with complex ``weights`` (M…CK2, real and imaginary parts) over the
    channels; all others are zero.

    Real signals have the conjugate at the opposite of every frequency, and so has the result: it is what a circular
    convolution with real filters gives whose spectrum is ``weights`` there.
    """

    saved_for_backward = IN
    across = Across(takes="lengths", op="spectral_conv_of_lengths")

    def infer(self, x: Dims, weights: Dims, *, modes: Modes) -> Dims:
        if not modes_fit(modes, x.spatial[-len(modes):]):
            fail("spectral_conv:tooManyModes", f"{times(modes)} frequencies do not go with {x}.", "Use fewer.")
        return x.with_size("C", weights.sizes[-2])

    def multiply_adds(self, inputs: Sequence[Dims], output: Dims) -> int:
        return 2 * inputs[1].elements  # four for each product of complex numbers

    def reach(self, x: Dims, y: Dims, **attrs: object) -> None:
        return None

    def forward(self, x: np.ndarray, weights: np.ndarray, *, modes: Modes) -> np.ndarray:
        spatial = x.shape[x.ndim - 2 - len(modes):-2]
        y = np.matmul(as_complex(weights).swapaxes(-1, -2), analysed(x, modes))
        return synthesised(y * weighting(modes, spatial, y), spatial)

    def backward(self, call: Call, grad: np.ndarray, *, modes: Modes) -> Gradients:
        x, weights = call.inputs
        spatial = x.shape[x.ndim - 2 - len(modes):-2]
        dy = analysed(grad, modes)
        dy *= weighting(modes, spatial, dy)
        dx = dw = None
        if call.needs_input_grad[0]:
            dx = synthesised(np.matmul(as_complex(weights).conj(), dy), spatial)
        if call.needs_input_grad[1]:
            products = np.matmul(analysed(x, modes).conj(), dy.swapaxes(-1, -2))
            dw = as_parts(products.reshape(-1, *weights.shape[:-1]).sum(axis=0))
        return dx, dw


@op
class spectral_conv_of_lengths(OfSequences):
    """`spectral_conv` of every sequence alone."""

    def least_steps(self, *, modes: Modes) -> int:
        return 2 * modes[-1] - 1

    def for_shorter(self, steps: int, attrs: Attributes) -> str:
        return f"set NumModes to at most {(steps + 1) // 2}"

    def infer(self, x: Dims, weights: Dims, lengths: Dims, *, modes: Modes) -> Dims:
        return x.with_size("C", weights.sizes[-2])

    def multiply_adds(self, inputs: Sequence[Dims], output: Dims) -> int:
        return 2 * inputs[1].elements

    def reach(self, x: Dims, y: Dims, **attrs: object) -> None:
        return None

    def forward(self, x: np.ndarray, weights: np.ndarray, lengths: np.ndarray, *, modes: Modes) -> np.ndarray:
        y = np.zeros((*x.shape[:-2], weights.shape[-2], x.shape[-1]), x.dtype)
        for n in np.unique(lengths):
            y[..., :n, :, lengths == n] = spectral_conv().forward(x[..., :n, :, lengths == n], weights, modes=modes)
        return y

    def backward(self, call: Call, grad: np.ndarray, *, modes: Modes) -> Gradients:
        x, weights, lengths = call.inputs
        dx, dw = np.zeros(x.shape, grad.dtype), np.zeros_like(weights)
        for n in np.unique(lengths):
            part = Call((x[..., :n, :, lengths == n], weights), None, (True, True))
            own, products = spectral_conv().backward(part, grad[..., :n, :, lengths == n], modes=modes)
            dx[..., :n, :, lengths == n] = own
            dw += products
        return dx, dw, None
