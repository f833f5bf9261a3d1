"""Activations piece by piece, shared by the threads: the op's own body on pieces that stay in cache, or a quick form of it,
of the functions that NumPy has as vector instructions (exp, log, tanh), written in place.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import pi, sqrt

import numpy as np

from dltoolbox.kernels.base import BindContext, BoundKernel, Kernel, KernelSpec, kernel
from dltoolbox.kernels.elementwise.arithmetic import CHUNK_ELEMENTS, backward_pair, in_pieces
from dltoolbox.ops import OPS, Call
from dltoolbox.ops.activation import SATURATION, Elementwise

SMALL = 1 << 14  # elements of a piece of a quick form: many short passes over the same numbers

LIMIT = 5.5  # beyond, the polynomial stays what it is
LOGIT = (1.59576612, 0.0726747195, -7.10620321e-05, -1.08932123e-04, 7.70880394e-06, -2.51564302e-07, 3.24179585e-09)
"""log Φ(x) − log Φ(−x) = x·P(x²) for the normal distribution function Φ: P in rising powers, fitted to
`scipy.special.log_ndtr` by reweighted least squares on |x| ≤ 5.5. In exact arithmetic x·Φ(x) is off by 1.2e-7 at most. That
is an absolute error: from about −3 downwards, where x·Φ(x) fades away, it is no longer a small part of it."""

Quick = Callable[..., None]


def never_below_zero(x: np.ndarray, out: np.ndarray) -> None:
    """max(x, 0). Clip is three times as fast as maximum with a number."""
    np.clip(x, 0, np.inf, out=out)


def inverse_logit(x: np.ndarray, out: np.ndarray, numerator: np.ndarray | float = 1.0) -> None:
    """numerator/(1 + exp(−x)); where the exponential is infinite, its inverse is 0."""
    np.negative(x, out=out)
    np.exp(out, out=out)
    np.add(out, 1, out=out)
    np.divide(numerator, out, out=out)


def quick_sigmoid(x: np.ndarray, y: np.ndarray, spare: np.ndarray) -> None:
    inverse_logit(x, y)


def quick_swish(x: np.ndarray, y: np.ndarray, spare: np.ndarray) -> None:
    inverse_logit(x, y, x)


def quick_swish_gradient(x: np.ndarray, y: np.ndarray, grad: np.ndarray, dx: np.ndarray, s: np.ndarray,
                         rest: np.ndarray) -> None:
    """s + y·(1 − s)."""
    inverse_logit(x, s)
    np.subtract(1, s, out=rest)
    np.multiply(rest, y, out=rest)
    np.add(rest, s, out=rest)
    np.multiply(rest, grad, out=dx)


def quick_elu(x: np.ndarray, y: np.ndarray, t: np.ndarray, *, alpha: float) -> None:
    """exp(x) − 1 = 2t/(1 − t) with t = tanh(x/2): nothing cancels where x ≤ 0."""
    np.clip(x, -np.inf, 0, out=t)
    np.multiply(t, 0.5, out=t)
    np.tanh(t, out=t)
    np.subtract(1, t, out=y)
    np.divide(t, y, out=t)
    np.multiply(t, 2 * alpha, out=t)
    never_below_zero(x, y)
    np.add(y, t, out=y)


def quick_clipped_relu(x: np.ndarray, y: np.ndarray, *, ceiling: float) -> None:
    np.clip(x, 0, x.dtype.type(ceiling), out=y)


def quick_softplus(x: np.ndarray, y: np.ndarray, small: np.ndarray, one: np.ndarray) -> None:
    """log(1 + s) = log o + (s − (o − 1))/o with o = 1 + s rounded: what rounding lost is added again."""
    np.abs(x, out=small)
    np.negative(small, out=small)
    np.exp(small, out=small)
    np.add(small, 1, out=one)
    np.subtract(one, 1, out=y)
    np.subtract(small, y, out=small)
    np.divide(small, one, out=small)
    np.log(one, out=one)
    np.add(small, one, out=small)
    never_below_zero(x, y)
    np.add(y, small, out=y)


def quick_softplus_gradient(x: np.ndarray, y: np.ndarray, grad: np.ndarray, dx: np.ndarray, s: np.ndarray,
                            spare: np.ndarray) -> None:
    inverse_logit(x, s)
    np.multiply(s, grad, out=dx)


def quick_gelu(x: np.ndarray, y: np.ndarray, square: np.ndarray, power: np.ndarray, *,
               numerator: float | None = None) -> None:
    """x/(1 + exp(−x·P(x²)))."""
    np.multiply(x, x, out=square)
    np.clip(square, 0, LIMIT ** 2, out=square)
    np.multiply(square, LOGIT[-1], out=power)
    for factor in LOGIT[-2:0:-1]:
        np.add(power, factor, out=power)
        np.multiply(power, square, out=power)
    np.add(power, LOGIT[0], out=power)
    np.multiply(power, x, out=power)
    inverse_logit(power, y, x if numerator is None else numerator)


def quick_gelu_gradient(x: np.ndarray, y: np.ndarray, grad: np.ndarray, dx: np.ndarray, below: np.ndarray, near: np.ndarray,
                  density: np.ndarray) -> None:
    """Φ(x) + x·φ(x)."""
    quick_gelu(x, below, near, density, numerator=1.0)
    np.clip(x, -SATURATION, SATURATION, out=near)
    np.multiply(near, near, out=density)
    np.multiply(density, -0.5, out=density)
    np.exp(density, out=density)
    np.multiply(density, near, out=density)
    np.multiply(density, 1 / sqrt(2 * pi), out=density)
    np.add(density, below, out=density)
    np.multiply(density, grad, out=dx)


FORWARD: dict[str, tuple[Quick, int]] = {  # and how many temporaries
    "sigmoid": (quick_sigmoid, 1), "swish": (quick_swish, 1), "elu": (quick_elu, 1), "softplus": (quick_softplus, 2),
    "gelu": (quick_gelu, 2), "clipped_relu": (quick_clipped_relu, 0)}
BACKWARD: dict[str, tuple[Quick, int]] = {
    "swish": (quick_swish_gradient, 2), "softplus": (quick_softplus_gradient, 2), "gelu": (quick_gelu_gradient, 3)}


@kernel(*(name for name, op in OPS.items() if isinstance(op, Elementwise)))
class InPieces(Kernel):
    """An op of one element at a time. Its temporaries are as small as the pieces."""

    @staticmethod
    def exact(case: KernelSpec) -> bool:
        """Whether the fitted form is not what is asked for, or not good enough."""
        return case.op == "gelu" and (case.dtype != np.float32 or case.attrs["approximation"] == "tanh")

    def bind(self, site: BindContext) -> BoundKernel:
        (x,), (y,), body, exact = site.inputs, site.outputs, OPS[self.op], self.exact(site.case)
        attrs = {name: value for name, value in site.attrs.items() if name != "approximation"}

        def forward(x: np.ndarray, y: np.ndarray) -> None:
            np.copyto(y, body.forward(x, **site.attrs))

        def backward(x: np.ndarray, y: np.ndarray, grad: np.ndarray, dx: np.ndarray) -> None:
            (gradient,) = body.backward(Call((x,), (y,), (True,)), grad, **site.attrs)
            assert gradient is not None
            np.copyto(dx, gradient)

        def ways(quick: tuple[Quick, int] | None, plain: Quick, *arrays: np.ndarray) -> tuple[Callable[[], object], ...]:
            if quick is None or exact:
                return in_pieces(site, plain, *arrays)
            job, spare = quick
            job = np.errstate(all="ignore")(partial(job, **attrs))
            return in_pieces(site, job, *arrays, temporaries=[site.dtype] * spare, size=SMALL if spare else CHUNK_ELEMENTS)
        ahead = ways(FORWARD.get(self.op), forward, x, y)
        return BoundKernel(ahead, ways(BACKWARD.get(self.op), backward, x, y, *backward_pair(site)) if site.training else ())
