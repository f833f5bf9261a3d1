"""Twins of activations in single precision: one pass over the numbers, with an exponential that becomes vector instructions.

Loops that call the exponential of C take one number at a time; that of NumPy is fast, but needs passes before and after it.
Here it is written out: exp(x) = 2ⁿ·exp(r) with n = x/log 2 rounded and |r| ≤ log(2)/2, where Taylor's series to r⁷ is off by
5e-9. It is only taken of numbers that are not positive, so nothing overflows; below −87.3, where results are subnormal, it
is 0. A NaN stays. In all, functions are off by a few units of the last digit.
"""

from __future__ import annotations

from collections.abc import Callable
from math import factorial, log, pi, sqrt

import numpy as np

from dltoolbox.kernels.base import BindContext, BoundKernel, KernelSpec, kernel
from dltoolbox.kernels.elementwise.activation import LIMIT, LOGIT, InPieces
from dltoolbox.kernels.elementwise.arithmetic import backward_pair
from dltoolbox.kernels.elementwise.numba_loops import lie_alike, over
from dltoolbox.kernels.numba_support import Twin, loop
from dltoolbox.ops import OPS
from dltoolbox.ops.activation import SATURATION

ZERO_F, HALF_F, ONE_F, TWO_F = (np.float32(number) for number in (0, 0.5, 1, 2))
LOWEST, LOG_TWO, PER_LOG_TWO = np.float32(-88), np.float32(log(2)), np.float32(1 / log(2))
BIAS, DIGITS = np.float32(127), np.float32(1 << 23)  # the exponent of 2ⁿ is stored as n + 127, behind 23 digits
SERIES = tuple(np.float32(1 / factorial(k)) for k in range(8))
INVERSES = tuple(np.float32(2 / (2 * k + 1)) for k in range(7))
FITTED = tuple(np.float32(factor) for factor in LOGIT)
FURTHEST, FAR_FROM_ZERO, PEAK = np.float32(LIMIT ** 2), np.float32(SATURATION), np.float32(1 / sqrt(2 * pi))


# Functions of one number ---------------------------------------------------------------------------------------------
@loop
def halvings(x: np.float32) -> np.float32:
    """n of exp(x) = 2ⁿ·exp(r), for x ≤ 0; a NaN has −127."""
    bounded = x if x > LOWEST else LOWEST
    return np.float32(np.int32(bounded * PER_LOG_TWO - HALF_F))  # conversion cuts towards zero


@loop
def remaining(x: np.float32, n: np.float32) -> np.float32:
    """exp(r) − 1."""
    bounded = LOWEST if x < LOWEST else x
    r = bounded - n * LOG_TWO
    tail = SERIES[7]
    tail = tail * r + SERIES[6]
    tail = tail * r + SERIES[5]
    tail = tail * r + SERIES[4]
    tail = tail * r + SERIES[3]
    tail = tail * r + SERIES[2]
    return tail * r * r + r


@loop
def power_of_two(n: np.float32) -> np.float32:
    return np.int32((n + BIAS) * DIGITS).view(np.float32)


@loop
def fading(x: np.float32) -> np.float32:
    """exp(x) for x ≤ 0."""
    n = halvings(x)
    power = power_of_two(n)
    return remaining(x, n) * power + power


@loop
def lost(x: np.float32) -> np.float32:
    """exp(x) − 1 for x ≤ 0; nothing cancels near zero, where n is 0."""
    n = halvings(x)
    power = power_of_two(n)
    return remaining(x, n) * power + (power - ONE_F)


@loop
def switched(x: np.float32) -> np.float32:
    """1/(1 + exp(−x)), of the side on which the exponential is small."""
    small = fading(-abs(x))
    return (small if x < ZERO_F else ONE_F) / (ONE_F + small)


@loop
def log_of_more(small: np.float32) -> np.float32:
    """log(1 + s) = 2·artanh(z) with z = s/(2 + s) for 0 ≤ s ≤ 1: the series to z¹³ is off by 2e-8."""
    z = small / (TWO_F + small)
    square = z * z
    tail = INVERSES[6]
    tail = tail * square + INVERSES[5]
    tail = tail * square + INVERSES[4]
    tail = tail * square + INVERSES[3]
    tail = tail * square + INVERSES[2]
    tail = tail * square + INVERSES[1]
    return (tail * square + INVERSES[0]) * z


@loop
def normal_below(x: np.float32) -> np.float32:
    """The fitted normal distribution function."""
    square = x * x
    square = FURTHEST if square > FURTHEST else square
    power = FITTED[6]
    power = power * square + FITTED[5]
    power = power * square + FITTED[4]
    power = power * square + FITTED[3]
    power = power * square + FITTED[2]
    power = power * square + FITTED[1]
    power = power * square + FITTED[0]
    return switched(power * x)


# Loops ---------------------------------------------------------------------------------------------------------------
@loop
def sigmoid_loop(x: np.ndarray, y: np.ndarray) -> None:
    for i in range(x.size):
        y[i] = switched(x[i])


@loop
def sigmoid_slope(y: np.ndarray, grad: np.ndarray, dx: np.ndarray) -> None:
    for i in range(y.size):
        dx[i] = grad[i] * y[i] * (ONE_F - y[i])


@loop
def swish_loop(x: np.ndarray, y: np.ndarray) -> None:
    for i in range(x.size):
        y[i] = x[i] * switched(x[i])


@loop
def swish_slope(x: np.ndarray, y: np.ndarray, grad: np.ndarray, dx: np.ndarray) -> None:
    for i in range(x.size):
        s = switched(x[i])
        dx[i] = grad[i] * (s + y[i] * (ONE_F - s))


@loop
def elu_loop(x: np.ndarray, y: np.ndarray, alpha: float) -> None:
    for i in range(x.size):
        v = x[i]
        below = alpha * lost(ZERO_F if v > ZERO_F else v)
        y[i] = v if v > ZERO_F else below


@loop
def elu_slope(x: np.ndarray, grad: np.ndarray, dx: np.ndarray, alpha: float) -> None:
    for i in range(x.size):
        v = x[i]
        below = alpha * fading(ZERO_F if v > ZERO_F else v)
        dx[i] = grad[i] * (ONE_F if v >= ZERO_F else below)


@loop
def softplus_loop(x: np.ndarray, y: np.ndarray) -> None:
    for i in range(x.size):
        v = x[i]
        y[i] = (ZERO_F if v < ZERO_F else v) + log_of_more(fading(-abs(v)))


@loop
def softplus_slope(x: np.ndarray, grad: np.ndarray, dx: np.ndarray) -> None:
    for i in range(x.size):
        dx[i] = grad[i] * switched(x[i])


@loop
def clip_loop(x: np.ndarray, y: np.ndarray, ceiling: float) -> None:
    for i in range(x.size):
        v = ZERO_F if x[i] < ZERO_F else x[i]
        y[i] = ceiling if v > ceiling else v


@loop
def clip_slope(y: np.ndarray, grad: np.ndarray, dx: np.ndarray, ceiling: float) -> None:
    for i in range(y.size):
        inside = (ONE_F if y[i] > ZERO_F else ZERO_F) * (ONE_F if y[i] < ceiling else ZERO_F)
        dx[i] = grad[i] * inside


@loop
def gelu_loop(x: np.ndarray, y: np.ndarray) -> None:
    for i in range(x.size):
        y[i] = x[i] * normal_below(x[i])


@loop
def gelu_slope(x: np.ndarray, grad: np.ndarray, dx: np.ndarray) -> None:
    """Φ(x) + x·φ(x)."""
    for i in range(x.size):
        v = x[i]
        near = FAR_FROM_ZERO if v > FAR_FROM_ZERO else -FAR_FROM_ZERO if v < -FAR_FROM_ZERO else v
        dx[i] = grad[i] * (normal_below(v) + near * PEAK * fading(-HALF_F * near * near))


ByLoop = Callable[..., None]
LOOPS: dict[str, tuple[ByLoop, ByLoop]] = {  # forward, and backward
    "sigmoid": (sigmoid_loop, sigmoid_slope), "swish": (swish_loop, swish_slope), "elu": (elu_loop, elu_slope),
    "softplus": (softplus_loop, softplus_slope), "clipped_relu": (clip_loop, clip_slope), "gelu": (gelu_loop, gelu_slope)}


@kernel(*LOOPS)
class InPiecesLoops(Twin, InPieces):
    """The functions above; double is left to NumPy, and what has to be exact to the op's own body."""

    def accepts(self, case: KernelSpec) -> bool:
        return super().accepts(case) and self.single(case)

    def single(self, case: KernelSpec) -> bool:
        return case.dtype == np.float32 and not self.exact(case)

    def bind(self, site: BindContext) -> BoundKernel:
        if not lie_alike(site) or not self.single(site.case):
            return super().bind(site)
        ahead, back = LOOPS[self.op]
        (x,), (y,), saved = site.inputs, site.outputs, OPS[self.op].saved_for_backward
        numbers = [site.dtype.type(value) for name, value in site.attrs.items() if name != "approximation"]
        forward = over(site, ahead, (x, y), *numbers)
        if not site.training:
            return BoundKernel(forward)
        read = [array for name, array in (("inputs", x), ("outputs", y)) if name in saved]
        return BoundKernel(forward, over(site, back, (*read, *backward_pair(site)), *numbers))
