"""Convolutions and the dense product: bilinear in input and weights, so that gradients of gradients are products again.

With a gradient g, the number ⟨g, f(x, w)⟩ is linear in each of x, w and g. What it is of one of them, given both others, is
an array in turn: the result y, the gradient of x, the gradient of w. Every derivative of one of these three is another.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dltoolbox.autodiff.acceleration.recorded import opaque
from dltoolbox.autodiff.apply import SECOND, Use, size_alone
from dltoolbox.autodiff.tape import TAPE, Payload, Traced, raw_values, record
from dltoolbox.ops.base import OPS, Attributes, Call, Op
from dltoolbox.ops.conv import column_major, unflatten


@dataclass(frozen=True)
class Trilinear:
    """⟨g, f(x, w)⟩ of one use of an op with a bias, which plays no part; ``x``, ``w`` and ``bias`` are ghosts."""

    op: Op
    attrs: Attributes
    x: np.ndarray
    w: np.ndarray
    bias: np.ndarray

    def of_g(self, x: np.ndarray, w: np.ndarray) -> np.ndarray:
        """f(x, w)."""
        return np.asarray(self.op.forward(x, w, np.zeros(self.bias.shape, w.dtype), **self.attrs))

    def of_x(self, g: np.ndarray, w: np.ndarray) -> np.ndarray:
        """The gradient of x."""
        call = Call((self.x, w, self.bias), None, (True, False, False))
        return np.asarray(self.op.backward(call, g, **self.attrs)[0])

    def of_w(self, x: np.ndarray, g: np.ndarray) -> np.ndarray:
        """The gradient of w."""
        call = Call((x, self.w, self.bias), None, (False, True, False))
        return np.asarray(self.op.backward(call, g, **self.attrs)[1])


def result_of(form: Trilinear, x: Payload, w: Payload) -> Payload:
    value = opaque(form.of_g, raw_values(x), raw_values(w))
    return noted_product(form, value, x, w, lambda h, _: gradient_of_x(form, h, w), lambda h, _: gradient_of_w(form, x, h))


def gradient_of_x(form: Trilinear, g: Payload, w: Payload) -> Payload:
    value = opaque(form.of_x, raw_values(g), raw_values(w))
    return noted_product(form, value, g, w, lambda h, _: result_of(form, h, w), lambda h, _: gradient_of_w(form, h, g))


def gradient_of_w(form: Trilinear, x: Payload, g: Payload) -> Payload:
    value = opaque(form.of_w, raw_values(x), raw_values(g))
    return noted_product(form, value, x, g, lambda h, _: gradient_of_x(form, g, h), lambda h, _: result_of(form, x, h))


def noted_product(form: Trilinear, value: Payload, a: Payload, b: Payload, of_a: object, of_b: object) -> Payload:
    """A product on the tape, if one of its factors is there."""
    if not TAPE.noting or not (isinstance(a, Traced) or isinstance(b, Traced)):
        return value
    return record(form.op.name, value, (a, b), (of_a, of_b))  # type: ignore[arg-type]


def convolution_again(op: Op) -> object:
    def second(use: Use) -> Sequence[Payload]:
        (x, w, bias), (g, *_) = use.inputs, use.gradients
        form = Trilinear(op, use.attrs, size_alone(x), size_alone(w), size_alone(bias))
        return (gradient_of_x(form, g, w) if use.needs[0] else None, gradient_of_w(form, x, g) if use.needs[1] else None,
                gradient_of_bias(g, w, bias) if use.needs[2] else None)
    return second


def gradient_of_bias(g: Payload, w: Payload, bias: Payload) -> Payload:
    """The sum over everything but the channels, which stand group by group where there are groups."""
    total = np.sum(g, (*range(g.ndim - 2), g.ndim - 1))
    if w.ndim == g.ndim + 1:
        total = total.reshape(w.shape[-1], w.shape[-2]).transpose(1, 0)
    return total.reshape(bias.shape)


def dense_again(use: Use) -> Sequence[Payload]:
    (x, w, bias), (g, *_) = use.inputs, use.gradients
    g = g if g.ndim == 2 else g.reshape(g.shape[-2:])
    flat = x if x.ndim == 2 else column_major(x)
    dx = np.matmul(np.transpose(w), g) if use.needs[0] else None
    return (dx if dx is None or x.ndim == 2 else unflatten(dx, x.shape),
            np.matmul(g, np.transpose(flat)) if use.needs[1] else None,
            np.sum(g, 1).reshape(bias.shape) if use.needs[2] else None)


SECOND |= {name: convolution_again(OPS[name]) for name in ("conv", "grouped_conv", "conv_transposed")}  # type: ignore[misc]
SECOND["dense"] = dense_again
