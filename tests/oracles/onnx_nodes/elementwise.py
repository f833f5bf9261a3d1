"""Element by element: nodes of ONNX as our ops."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tests.oracles.onnx_nodes.suite import Attributes, Untranslatable, aligned, op, shifted, translation


def plain(operator: str, name: str, options: Callable[[Attributes], dict[str, Any]] = lambda attrs: {}) -> None:
    """An operator that is one op."""
    translation(operator)(lambda attrs, x: (op(name, x, **options(attrs)),))


plain("Relu", "relu")
plain("LeakyRelu", "leaky_relu", lambda attrs: {"scale": attrs.get("alpha", 0.01)})
plain("Elu", "elu", lambda attrs: {"alpha": attrs.get("alpha", 1.0)})
plain("Sigmoid", "sigmoid")
plain("Tanh", "tanh")
plain("Softplus", "softplus")
plain("Gelu", "gelu", lambda attrs: {"approximation": attrs.get("approximate", b"none").decode()})


@translation("PRelu")
def prelu(attrs: Attributes, *xs: np.ndarray) -> tuple[np.ndarray, ...]:
    return (op("prelu", *aligned(xs)),)


@translation("Swish")
def swish(attrs: Attributes, x: np.ndarray) -> tuple[np.ndarray, ...]:
    if attrs.get("alpha", 1.0) != 1:
        raise Untranslatable("a steeper one")
    return (op("swish", x),)


@translation("Selu")
def selu(attrs: Attributes, x: np.ndarray) -> tuple[np.ndarray, ...]:
    y = op("elu", x, alpha=attrs.get("alpha", 1.67326319217681884765625))
    return (shifted(y, attrs.get("gamma", 1.05070102214813232421875), 0),)


@translation("Celu")
def celu(attrs: Attributes, x: np.ndarray) -> tuple[np.ndarray, ...]:
    alpha = attrs.get("alpha", 1.0)
    return (shifted(op("elu", shifted(x, 1 / alpha, 0), alpha=1.0), alpha, 0),)


@translation("Mish")
def mish(attrs: Attributes, x: np.ndarray) -> tuple[np.ndarray, ...]:
    return (op("multiply", x, op("tanh", op("softplus", x))),)


@translation("HardSigmoid")
def hard_sigmoid(attrs: Attributes, x: np.ndarray) -> tuple[np.ndarray, ...]:
    return (op("clipped_relu", shifted(x, attrs.get("alpha", 0.2), attrs.get("beta", 0.5)), ceiling=1.0),)


@translation("HardSwish")
def hard_swish(attrs: Attributes, x: np.ndarray) -> tuple[np.ndarray, ...]:
    return (op("multiply", x, op("clipped_relu", shifted(x, 1 / 6, 0.5), ceiling=1.0)),)


@translation("Clip")
def clip(attrs: Attributes, x: np.ndarray, low: np.ndarray | None = None,
         high: np.ndarray | None = None) -> tuple[np.ndarray, ...]:
    """Shifted so that one bound is 0."""
    if x.dtype.kind != "f":
        raise Untranslatable("whole numbers")
    if low is not None:
        above = shifted(x, 1, -float(low))
        y = op("relu", above) if high is None else op("clipped_relu", above, ceiling=float(high) - float(low))
        return (shifted(y, 1, float(low)),)
    if high is None:
        raise Untranslatable("no bound, so nothing to do")
    return (shifted(op("relu", shifted(x, -1, float(high))), -1, float(high)),)


@translation("Add", "Sum")
def add(attrs: Attributes, *xs: np.ndarray) -> tuple[np.ndarray, ...]:
    if len(xs) < 2:
        raise Untranslatable("a sum of one")
    return (op("add", *aligned(xs)),)


@translation("Mean")
def mean(attrs: Attributes, *xs: np.ndarray) -> tuple[np.ndarray, ...]:
    return (shifted(add(attrs, *xs)[0], 1 / len(xs), 0),)


@translation("Sub")
def subtract(attrs: Attributes, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, ...]:
    return (op("add", *aligned((x, *negative(attrs, y)))),)


@translation("Neg")
def negative(attrs: Attributes, x: np.ndarray) -> tuple[np.ndarray, ...]:
    if x.dtype.kind == "u":
        raise Untranslatable("numbers without a sign")
    return (shifted(x, -1, 0),)


@translation("Mul")
def multiply(attrs: Attributes, *xs: np.ndarray) -> tuple[np.ndarray, ...]:
    return (op("multiply", *aligned(xs)),)


@translation("Dropout")
def dropout(attrs: Attributes, x: np.ndarray, ratio: np.ndarray | None = None,
            training: np.ndarray | None = None) -> tuple[np.ndarray, ...]:
    """Inference is the identity; there is no op for it."""
    if training is None or not training:
        return x, np.ones(x.shape, bool)
    y, mask = op("dropout", x, probability=float(0.5 if ratio is None else ratio))
    return y, mask > 0


