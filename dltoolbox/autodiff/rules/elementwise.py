"""Gradients of functions of single elements.

Source of the formulas: Abramowitz and Stegun, "Handbook of Mathematical Functions" (1964), chapters 3 and 4.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import log, pi, sqrt
from typing import Any

import numpy as np

from dltoolbox.autodiff.tape import (
    FUNCTIONS,
    NAMED_UFUNCS,
    UFUNCS,
    Payload,
    Pull,
    Traced,
    constant,
    origin_of,
    raw_values,
    record,
)

LN2, LN10 = log(2), log(10)


def payload_shape(x: Any) -> tuple[int, ...]:
    return x.shape if isinstance(x, Traced | np.ndarray) else np.shape(x)


def reduced_to(g: Payload, shape: tuple[int, ...]) -> Payload:
    """A gradient summed over the axes along which an array of ``shape`` was expanded."""
    if g.shape == shape:
        return g
    front = g.ndim - len(shape)
    axes = (*range(front), *(at + front for at, n in enumerate(shape) if n == 1 and g.shape[at + front] != 1))
    return np.reshape(np.sum(g, axes), shape) if axes else np.reshape(g, shape)


# Functions of one array ----------------------------------------------------------------------------------------------
Derivative = Callable[[Payload, Payload], Payload]


def of_input(ufunc: np.ufunc, pull: Derivative) -> Callable[[Payload], Payload]:
    """A rule whose gradient reads the input: (g, x)."""
    name = ufunc.__name__

    def rule(x: Payload) -> Payload:
        return record(name, ufunc(x.value), (x,), (lambda g, _: pull(g, x),))
    return rule


def of_output(ufunc: np.ufunc, pull: Derivative) -> Callable[[Payload], Payload]:
    """A rule whose gradient reads the output: (g, y)."""
    name, pulls = ufunc.__name__, (pull,)

    def rule(x: Payload) -> Payload:
        return record(name, ufunc(x.value), (x,), pulls, keep=True)
    return rule


OF_INPUT: dict[np.ufunc, Derivative] = {
    np.log: lambda g, x: g / x,
    np.log1p: lambda g, x: g / (1 + x),
    np.log2: lambda g, x: g / (x * LN2),
    np.log10: lambda g, x: g / (x * LN10),
    np.sin: lambda g, x: g * np.cos(x),
    np.cos: lambda g, x: -g * np.sin(x),
    np.arcsin: lambda g, x: g / np.sqrt(1 - x * x),
    np.arccos: lambda g, x: -g / np.sqrt(1 - x * x),
    np.arctan: lambda g, x: g / (1 + x * x),
    np.sinh: lambda g, x: g * np.cosh(x),
    np.cosh: lambda g, x: g * np.sinh(x),
    np.arcsinh: lambda g, x: g / np.sqrt(1 + x * x),
    np.arccosh: lambda g, x: g / np.sqrt(x * x - 1),
    np.arctanh: lambda g, x: g / (1 - x * x),
    np.square: lambda g, x: g * (2 * x),
    np.absolute: lambda g, x: g * np.sign(x),
    np.fabs: lambda g, x: g * np.sign(x),
}
OF_OUTPUT: dict[np.ufunc, Derivative] = {
    np.exp: lambda g, y: g * y,
    np.exp2: lambda g, y: g * y * LN2,
    np.expm1: lambda g, y: g * (1 + y),
    np.sqrt: lambda g, y: g * 0.5 / y,
    np.cbrt: lambda g, y: g / (3 * y * y),
    np.tan: lambda g, y: g * (1 + y * y),
    np.tanh: lambda g, y: g * (1 - y * y),
    np.reciprocal: lambda g, y: -g * y * y,
}
LINEAR: dict[np.ufunc, Derivative] = {
    np.negative: lambda g, _: -g,
    np.positive: lambda g, _: g,
    np.deg2rad: lambda g, _: g * (pi / 180),
    np.rad2deg: lambda g, _: g * (180 / pi),
    np.radians: lambda g, _: g * (pi / 180),
    np.degrees: lambda g, _: g * (180 / pi),
    np.conjugate: lambda g, _: g,
}


def linear(ufunc: np.ufunc, pull: Derivative) -> Callable[[Payload], Payload]:
    """A rule whose gradient reads nothing."""
    name, pulls = ufunc.__name__, (pull,)

    def rule(x: Payload) -> Payload:
        return record(name, ufunc(x.value), (x,), pulls)
    return rule


UFUNCS |= {ufunc: of_input(ufunc, pull) for ufunc, pull in OF_INPUT.items()}
UFUNCS |= {ufunc: of_output(ufunc, pull) for ufunc, pull in OF_OUTPUT.items()}
UFUNCS |= {ufunc: linear(ufunc, pull) for ufunc, pull in LINEAR.items()}


def special(name: str, pull: Derivative) -> None:
    """A ufunc of ``scipy.special``, which need not be imported before somebody uses it."""
    def rule(x: Payload) -> Payload:
        import scipy.special
        return record(name, getattr(scipy.special, name)(x.value), (x,), (lambda g, _: pull(g, x),))
    NAMED_UFUNCS[name] = rule


special("erf", lambda g, x: g * (2 / sqrt(pi)) * np.exp(-x * x))
special("erfc", lambda g, x: -g * (2 / sqrt(pi)) * np.exp(-x * x))
special("expit", lambda g, x: g * logistic_in_words(x) * logistic_in_words(-x))
special("log_expit", lambda g, x: g * logistic_in_words(-x))


def logistic_in_words(x: Payload) -> Payload:
    """1/(1 + exp(−x)) in NumPy's words, without overflow."""
    return 0.5 * (1 + np.tanh(0.5 * x))


# Functions of two arrays ---------------------------------------------------------------------------------------------
PullOf = Callable[[Payload, Payload], Pull]  # the two inputs → the pull of one of them


def binary(ufunc: np.ufunc, of_first: PullOf, of_second: PullOf, *, keep: bool = False) -> Callable[..., Payload]:
    """A rule of two arrays that expand against each other; pulls hold the inputs that they read, no others."""
    name = ufunc.__name__

    def rule(x: Payload, y: Payload) -> Payload:
        value = np.asarray(ufunc(raw_values(x), raw_values(y)))
        pulls = [fitted_pull(of(x, y), payload_shape(each), value.shape) if origin_of(each) else None
                 for each, of in ((x, of_first), (y, of_second))]
        return record(name, value, (x, y), pulls, keep=keep)
    return rule


def fitted_pull(pull: Pull, shape: tuple[int, ...], out: tuple[int, ...]) -> Pull:
    """The pull, with a gradient in the shape of the input."""
    return pull if shape == out else lambda g, z: reduced_to(pull(g, z), shape)


def power_first(x: Payload, y: Payload) -> Pull:
    """y·x^(y − 1), which is 0 for y = 0 wherever x is."""
    if isinstance(y, int | float):
        if y == 2:
            return lambda g, _: g * (2 * x)
        return lambda g, _: g * (y * x ** (y - 1)) if y else g * np.zeros(payload_shape(x), x.dtype)
    return lambda g, _: g * np.where(raw_values(y) == 0, 0, y * x ** np.where(raw_values(y) == 0, 1, y - 1))


def power_second(x: Payload, y: Payload) -> Pull:
    """x^y·ln x, which is 0 for x = 0."""
    return lambda g, z: g * z * np.log(np.where(raw_values(x) == 0, 1, x))


def share(x: Payload, y: Payload, which: str) -> np.ndarray:
    """Which of two numbers is the larger or smaller; half of each where they are equal. NaN counts for both."""
    x, y = raw_values(x), raw_values(y)
    larger = x > y if which == "max" else x < y
    return np.where(larger | np.isnan(x), 1.0, np.where(x == y, 0.5, 0.0)).astype(np.result_type(x, y))


def pulls_to_chosen(which: str) -> tuple[PullOf, PullOf]:
    """Pulls of the maximum or minimum of two arrays: to the one that it is."""
    def first(x: Payload, y: Payload) -> Pull:
        part = share(x, y, which)
        return lambda g, _: g * part

    def second(x: Payload, y: Payload) -> Pull:
        part = share(y, x, which)
        return lambda g, _: g * part
    return first, second


BINARY: dict[np.ufunc, tuple[PullOf, PullOf]] = {
    np.add: (lambda x, y: lambda g, _: g, lambda x, y: lambda g, _: g),
    np.subtract: (lambda x, y: lambda g, _: g, lambda x, y: lambda g, _: -g),
    np.multiply: (lambda x, y: lambda g, _: g * y, lambda x, y: lambda g, _: g * x),
    np.divide: (lambda x, y: lambda g, _: g / y, lambda x, y: lambda g, _: -g * x / (y * y)),
    np.arctan2: (lambda x, y: lambda g, _: g * y / (x * x + y * y), lambda x, y: lambda g, _: -g * x / (x * x + y * y)),
    np.maximum: pulls_to_chosen("max"), np.fmax: pulls_to_chosen("max"),
    np.minimum: pulls_to_chosen("min"), np.fmin: pulls_to_chosen("min"),
    np.remainder: (lambda x, y: lambda g, _: g,
                   lambda x, y: lambda g, _: -g * np.floor_divide(raw_values(x), raw_values(y))),
    np.fmod: (lambda x, y: lambda g, _: g, lambda x, y: lambda g, _: -g * np.trunc(raw_values(x) / raw_values(y))),
    np.copysign: (lambda x, y: lambda g, _: g * (np.sign(raw_values(x)) * np.copysign(1, raw_values(y))),
                  lambda x, y: lambda g, _: g * np.zeros(payload_shape(y), g.dtype)),
}
UFUNCS |= {ufunc: binary(ufunc, *pulls) for ufunc, pulls in BINARY.items()}
UFUNCS[np.power] = binary(np.power, power_first, power_second, keep=True)
UFUNCS[np.float_power] = binary(np.float_power, power_first, power_second, keep=True)
UFUNCS[np.hypot] = binary(np.hypot, lambda x, y: lambda g, z: g * x / z, lambda x, y: lambda g, z: g * y / z, keep=True)
UFUNCS[np.logaddexp] = binary(np.logaddexp, lambda x, y: lambda g, z: g * np.exp(x - z),
                              lambda x, y: lambda g, z: g * np.exp(y - z), keep=True)
NAMED_UFUNCS["xlogy"] = lambda x, y: np.where(raw_values(x) == 0, 0, x * np.log(np.where(raw_values(x) == 0, 1, y)))


# Steps: no gradient goes through -------------------------------------------------------------------------------------
def step(ufunc: np.ufunc) -> Callable[..., Payload]:
    """A rule of a function whose derivative is 0 wherever it has one."""
    def rule(*inputs: Payload) -> Payload:
        return constant(ufunc, *inputs)
    return rule


STEPS: Sequence[np.ufunc] = (
    np.sign, np.floor, np.ceil, np.rint, np.trunc, np.floor_divide, np.heaviside, np.greater, np.greater_equal, np.less,
    np.less_equal, np.equal, np.not_equal, np.isnan, np.isinf, np.isfinite, np.signbit, np.logical_and, np.logical_or,
    np.logical_xor, np.logical_not, np.bitwise_and, np.bitwise_or, np.bitwise_xor, np.invert)
UFUNCS |= {ufunc: step(ufunc) for ufunc in STEPS}


# Choices and bounds --------------------------------------------------------------------------------------------------
def where_rule(condition: Any, *choices: Payload) -> Payload:
    """x where a condition holds, y elsewhere; without choices, the places where it holds."""
    if not choices:
        return constant(np.where, condition)
    x, y = choices
    mask = np.asarray(raw_values(condition), bool)
    value = np.where(mask, raw_values(x), raw_values(y))
    return record("where", value, (x, y),
                  [fitted_pull(lambda g, _: g * mask.astype(g.dtype), payload_shape(x), value.shape),
                   fitted_pull(lambda g, _: g * (~mask).astype(g.dtype), payload_shape(y), value.shape)])


def clip(x: Payload, a_min: Any = None, a_max: Any = None, *, min: Any = None, max: Any = None) -> Payload:
    """Bounds; elements on a bound count as inside."""
    low, high = (a_min if min is None else min), (a_max if max is None else max)
    if isinstance(low, Traced) or isinstance(high, Traced):
        x = x if low is None else np.maximum(x, low)
        return x if high is None else np.minimum(x, high)
    inside = np.ones(x.shape, bool)
    inside &= True if low is None else x.value >= low
    inside &= True if high is None else x.value <= high
    return record("clip", np.clip(x.value, low, high), (x,), (lambda g, _: g * inside.astype(g.dtype),))


def nan_to_num(x: Payload, copy: bool = True, nan: float = 0.0, posinf: float | None = None,
               neginf: float | None = None) -> Payload:
    """Numbers in the place of NaN and infinities, to which no gradient goes."""
    finite = np.isfinite(x.value)
    return record("nan_to_num", np.nan_to_num(x.value, nan=nan, posinf=posinf, neginf=neginf), (x,),
                  (lambda g, _: g * finite.astype(g.dtype),))


FUNCTIONS |= {np.where: where_rule, np.clip: clip, np.nan_to_num: nan_to_num, np.real: lambda x: x,
              np.copy: lambda x, **_: x}
