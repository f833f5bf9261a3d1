"""Activations: functions of one number, applied element by element, and the affine maps that scale, or undo a
normalisation.

Formulas are written so that no intermediate overflows: exponentials are taken of −|x| only, and logarithms of 1 + small.
Cases are sums and maxima of terms that are zero elsewhere: `np.where` takes three times as long where signs vary at random.
"""

from __future__ import annotations

from math import pi, sqrt

import numpy as np

from dltoolbox.ops.arithmetic import SameSize, WithNumbers, reduce_to
from dltoolbox.ops.base import BOTH, IN, OUT, Call, Gradients, op
from dltoolbox.runtime.blas import libraries


class Elementwise(SameSize):
    """An op of one input whose every output element depends on the input element in the same place."""

    divisible = True


def logistic(x: np.ndarray) -> np.ndarray:
    """1/(1 + exp(−x)), accurate to the last digits on both sides."""
    small = np.exp(-np.abs(x))
    values: np.ndarray = np.maximum(small, x >= 0) / (1 + small)
    return values


@op
class sigmoid(Elementwise):
    """1/(1 + exp(−x))."""

    saved_for_backward = OUT

    def forward(self, x: np.ndarray) -> np.ndarray:
        return logistic(x)

    def backward(self, call: Call, grad: np.ndarray) -> Gradients:
        (y,) = call.outputs
        return (grad * y * (1 - y),)


@op
class tanh(Elementwise):
    """The hyperbolic tangent."""

    saved_for_backward = OUT

    def forward(self, x: np.ndarray) -> np.ndarray:
        values: np.ndarray = np.tanh(x)
        return values

    def backward(self, call: Call, grad: np.ndarray) -> Gradients:
        (y,) = call.outputs
        return (grad * (1 - y) * (1 + y),)


@op
class swish(Elementwise):
    """x/(1 + exp(−x))."""

    saved_for_backward = BOTH

    def forward(self, x: np.ndarray) -> np.ndarray:
        values: np.ndarray = x * logistic(x)
        return values

    def backward(self, call: Call, grad: np.ndarray) -> Gradients:
        (x,), (y,) = call.inputs, call.outputs
        s = logistic(x)
        return (grad * (s + y * (1 - s)),)


@op
class clipped_relu(Elementwise):
    """min(max(0, x), ceiling)."""

    saved_for_backward = OUT

    def forward(self, x: np.ndarray, *, ceiling: float) -> np.ndarray:
        values: np.ndarray = np.clip(x, 0, np.asarray(ceiling, x.dtype))
        return values

    def backward(self, call: Call, grad: np.ndarray, *, ceiling: float) -> Gradients:
        (y,) = call.outputs
        return (grad * ((y > 0) & (y < np.asarray(ceiling, y.dtype))),)


@op
class elu(Elementwise):
    """x where x ≥ 0, alpha·(exp(x) − 1) elsewhere."""

    saved_for_backward = IN

    def forward(self, x: np.ndarray, *, alpha: float) -> np.ndarray:
        values: np.ndarray = np.maximum(x, 0) + np.asarray(alpha, x.dtype) * np.expm1(np.minimum(x, 0))
        return values

    def backward(self, call: Call, grad: np.ndarray, *, alpha: float) -> Gradients:
        (x,) = call.inputs
        return (grad * ((x >= 0) + (x < 0) * (np.asarray(alpha, x.dtype) * np.exp(np.minimum(x, 0)))),)


@op
class softplus(Elementwise):
    """log(1 + exp(x)) = max(0, x) + log(1 + exp(−|x|))."""

    saved_for_backward = IN

    def forward(self, x: np.ndarray) -> np.ndarray:
        values: np.ndarray = np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))
        return values

    def backward(self, call: Call, grad: np.ndarray) -> Gradients:
        (x,) = call.inputs
        return (grad * logistic(x),)


CUBIC, INNER = 0.044715, sqrt(2 / pi)
SATURATION = 40.0  # beyond, the distribution is 0 or 1 in any precision; squares stay finite


@op
class gelu(Elementwise):
    """x·Φ(x) with the normal distribution function Φ, or with ``tanh`` its approximation by a hyperbolic tangent."""

    saved_for_backward = IN

    def forward(self, x: np.ndarray, *, approximation: str) -> np.ndarray:
        values: np.ndarray = x * self.distribution(x, approximation)
        return values

    def backward(self, call: Call, grad: np.ndarray, *, approximation: str) -> Gradients:
        (x,) = call.inputs
        below, near = self.distribution(x, approximation), np.clip(x, -SATURATION, SATURATION)
        if approximation == "tanh":
            density = 2 * below * (1 - below) * INNER * (1 + 3 * CUBIC * near * near)
        else:
            density = np.exp(-0.5 * near * near) / sqrt(2 * pi)
        return (grad * (below + near * density),)

    @staticmethod
    def distribution(x: np.ndarray, approximation: str) -> np.ndarray:
        if approximation == "tanh":
            near = np.clip(x, -SATURATION, SATURATION)
            return np.asarray(0.5 * (1 + np.tanh(INNER * near * (1 + CUBIC * near * near))))
        libraries()
        from scipy.special import ndtr
        values: np.ndarray = ndtr(x)
        return values


@op
class prelu(WithNumbers):
    """x where x > 0, alpha·x elsewhere; ``alpha`` expands against x."""

    saved_for_backward = IN

    def forward(self, x: np.ndarray, alpha: np.ndarray) -> np.ndarray:
        values: np.ndarray = np.maximum(x, 0) + with_trailing_axes(alpha, x) * np.minimum(x, 0)
        return values

    def backward(self, call: Call, grad: np.ndarray) -> Gradients:
        x, alpha = call.inputs
        slope, positive = with_trailing_axes(alpha, x), x > 0
        return (grad * (positive + ~positive * slope),
                reduce_to(grad * np.minimum(x, 0), slope.shape).reshape(alpha.shape))


@op
class affine(WithNumbers):
    """scale·x + bias; both expand against x."""

    saved_for_backward = IN

    def forward(self, x: np.ndarray, scale: np.ndarray, bias: np.ndarray) -> np.ndarray:
        values: np.ndarray = x * with_trailing_axes(scale, x) + with_trailing_axes(bias, x)
        return values

    def backward(self, call: Call, grad: np.ndarray) -> Gradients:
        x, scale, bias = call.inputs
        factor, shift = with_trailing_axes(scale, x), with_trailing_axes(bias, x)
        return (grad * factor, reduce_to(grad * x, factor.shape).reshape(scale.shape),
                reduce_to(grad, shift.shape).reshape(bias.shape))


@op
class undo_normalise(SameSize):
    """The inverse of an input normalisation of one ``kind`` with stored statistics, to which no gradient flows.

    zerocenter x + mean; zscore x·std + mean; rescale-zero-one x·(max − min) + min; rescale-symmetric
    (x + 1)·(max − min)/2 + min. Statistics expand against x.
    """

    saved_for_backward = IN

    def forward(self, x: np.ndarray, *statistics: np.ndarray, kind: str) -> np.ndarray:
        factor, shift = undoing(kind, *(with_trailing_axes(statistic, x) for statistic in statistics))
        return np.asarray(x * factor + shift, x.dtype)

    def backward(self, call: Call, grad: np.ndarray, *, kind: str) -> Gradients:
        factor, _ = undoing(kind, *(with_trailing_axes(statistic, grad) for statistic in call.inputs[1:]))
        return np.asarray(grad * factor, grad.dtype), *[None] * (len(call.inputs) - 1)


def undoing(kind: str, first: np.ndarray, *second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The factor and the shift that undo a normalisation."""
    if kind == "zerocenter":
        return np.ones_like(first), first
    (spread,) = second
    if kind == "zscore":
        return spread, first
    if kind == "rescale-zero-one":
        return spread - first, first
    half = spread / 2 - first / 2
    return half, first + half


def with_trailing_axes(values: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Values of MATLAB's shape (h×w×c, 1×1×c, c×1, scalar), with a size of 1 for every trailing axis they lack."""
    return values.reshape(values.shape + (1,) * (x.ndim - values.ndim))
