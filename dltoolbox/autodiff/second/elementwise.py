"""Activations, sums and products of elements: their gradients in NumPy's words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import pi, sqrt
from typing import Any

import numpy as np

from dltoolbox.autodiff.acceleration.recorded import opaque
from dltoolbox.autodiff.apply import SECOND, SecondForm, Use, composed
from dltoolbox.autodiff.rules.elementwise import logistic_in_words
from dltoolbox.autodiff.second.reshaping import linear_form
from dltoolbox.autodiff.tape import Payload, Traced, raw_values, record
from dltoolbox.ops.activation import CUBIC, INNER, SATURATION, gelu, with_trailing_axes
from dltoolbox.ops.arithmetic import against, width_of
from dltoolbox.ops.base import OPS


def of_x(gradient: Callable[..., Payload]) -> SecondForm:
    """The second form of an op of one array: its gradient from that of the output, the input and the attributes."""
    def second(use: Use) -> Sequence[Payload]:
        return (gradient(use.gradients[0], use.inputs[0], **use.attrs),)
    return second


def of_y(gradient: Callable[..., Payload]) -> SecondForm:
    """The same from the output."""
    def second(use: Use) -> Sequence[Payload]:
        return (gradient(use.gradients[0], use.outputs[0], **use.attrs),)
    return second


def clipped_relu_again(g: Payload, y: Payload, *, ceiling: float) -> Payload:
    inside = (raw_values(y) > 0) & (raw_values(y) < np.asarray(ceiling, y.dtype))
    return g * inside


def leaky_relu_again(g: Payload, x: Payload, *, scale: float) -> Payload:
    return np.where(raw_values(x) >= 0, g, g * scale)


def swish_again(g: Payload, x: Payload) -> Payload:
    s = logistic_in_words(x)
    return g * (s + x * s * (1 - s))


def elu_again(g: Payload, x: Payload, *, alpha: float) -> Payload:
    negative = raw_values(x) < 0
    return np.where(negative, g * alpha * np.exp(x * negative), g)


def gelu_again(g: Payload, x: Payload, *, approximation: str) -> Payload:
    near = np.clip(x, -SATURATION, SATURATION)
    if approximation == "tanh":
        below = (np.tanh(INNER * near * (1 + CUBIC * near * near)) + 1) / 2
        return g * (below + near * (2 * below * (1 - below) * INNER * (1 + 3 * CUBIC * near * near)))
    return g * (distribution_on_tape(x) + near * density_of_normal(near))


def density_of_normal(x: Payload) -> Payload:
    return np.exp(-x * x / 2) / sqrt(2 * pi)


def distribution_on_tape(x: Traced) -> Traced:
    """The normal distribution function."""
    value = opaque(gelu.distribution, x.value, "none")
    return record("ndtr", value, (x,), (lambda g, _: g * density_of_normal(x),))


def softmax_again(g: Payload, y: Payload) -> Payload:
    return y * (g - np.sum(g * y, -2, keepdims=True))


def prelu_in_words(x: Payload, alpha: Payload) -> Payload:
    return np.where(raw_values(x) > 0, x, with_trailing_axes(alpha, x) * x)


def affine_in_words(x: Payload, scale: Payload, bias: Payload) -> Payload:
    return x * with_trailing_axes(scale, x) + with_trailing_axes(bias, x)


def input_normalise_again(use: Use) -> Sequence[Payload]:
    (x, *statistics), (g, *_), kind = use.inputs, use.gradients, use.attrs["kind"]
    first, *spread = (against(raw_values(statistic), x) for statistic in statistics)
    if kind != "zerocenter":
        g = g / width_of(kind, first, *spread) * (2 if kind == "rescale-symmetric" else 1)
    return g, *[None] * len(statistics)


BY_OUTPUT: dict[str, Callable[..., Any]] = {
    "relu": lambda g, y: g * (raw_values(y) > 0), "sigmoid": lambda g, y: g * y * (1 - y),
    "tanh": lambda g, y: g * (1 - y * y), "softmax": softmax_again, "clipped_relu": clipped_relu_again}
BY_INPUT: dict[str, Callable[..., Any]] = {
    "leaky_relu": leaky_relu_again, "swish": swish_again, "elu": elu_again, "gelu": gelu_again,
    "softplus": lambda g, x: g * logistic_in_words(x)}

SECOND |= {name: of_y(gradient) for name, gradient in BY_OUTPUT.items()}
SECOND |= {name: of_x(gradient) for name, gradient in BY_INPUT.items()}
SECOND |= {name: composed(OPS[name].forward) for name in ("multiply", "times_transposed", "quadratic_monomials")}
SECOND |= {name: linear_form(OPS[name].forward) for name in ("add", "linear_sum", "concat")}
SECOND |= {"prelu": composed(prelu_in_words), "affine": composed(affine_in_words), "input_normalise": input_normalise_again}
