"""Gradients of functions of single elements.

Source of the formulas: Abramowitz and Stegun, "Handbook of Mathematical Functions" (1964), chapters 3 and 4.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import factorial, log, perm, pi, sqrt
from typing import Any

import numpy as np

from dltoolbox.autodiff.tape import (
    FUNCTIONS,
    NAMED_UFUNCS,
    UFUNCS,
    Origin,
    Payload,
    Pull,
    TapeEntry,
    Traced,
    array_or_recorded,
    constant,
    in_type_of,
    no_gradient,
    raw_values,
    record,
    refuse_out,
)

LN2, LN10 = log(2), log(10)


def payload_shape(x: Any) -> tuple[int, ...]:
    return x.shape if type(x) is np.ndarray or type(x) is Traced else np.shape(x)


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


def special(name: str, pull: Derivative, *, of: str = "input") -> None:
    """A ufunc of ``scipy.special``, which need not be imported before somebody uses it."""
    def rule(x: Payload) -> Payload:
        import scipy.special
        value = getattr(scipy.special, name)(x.value)
        return record(name, value, (x,), (pull if of == "output" else lambda g, _: pull(g, x),), keep=of == "output")
    NAMED_UFUNCS[name] = rule


def polygamma(n: int, x: Payload) -> Payload:
    """The n-th derivative of the digamma function ψ."""
    import scipy.special
    value = scipy.special.polygamma(n, raw_values(x)).astype(x.dtype)
    return record("polygamma", value, (x,), (lambda g, _: g * polygamma(n + 1, x),)) if isinstance(x, Traced) else value


special("erf", lambda g, x: g * (2 / sqrt(pi)) * np.exp(-x * x))
special("erfc", lambda g, x: -g * (2 / sqrt(pi)) * np.exp(-x * x))
special("erfinv", lambda g, y: g * (sqrt(pi) / 2) * np.exp(y * y), of="output")
special("expit", lambda g, y: g * y * (1 - y), of="output")
special("log_expit", lambda g, y: g * (1 - np.exp(y)), of="output")
special("logit", lambda g, x: g / (x * (1 - x)))
special("gammaln", lambda g, x: g * polygamma(0, x))
special("psi", lambda g, x: g * polygamma(1, x))
special("ndtr", lambda g, x: g * (1 / sqrt(2 * pi)) * np.exp(-0.5 * x * x))


def logistic_in_words(x: Payload) -> Payload:
    """1/(1 + exp(−x)) in NumPy's words, without overflow."""
    return 0.5 * (1 + np.tanh(0.5 * x))


def log_ndtr(x: Payload) -> Payload:
    """The logarithm of the normal distribution; its derivative is the ratio of density and distribution."""
    import scipy.special
    return record("log_ndtr", scipy.special.log_ndtr(x.value), (x,), (
        lambda g, y: g * (1 / sqrt(2 * pi)) * np.exp(-0.5 * x * x - y),), keep=True)


def sinc(x: Payload) -> Payload:
    """sin(πx)/(πx), in ratios that are smooth at 0."""
    return sinc_derivative(x, 0)


def sinc_derivative(x: Payload, n: int) -> Payload:
    """The n-th derivative of sinc, which is ∫ cos^(n)(πxt)·(πt)^n dt over [0, 1]: by its formula, near 0 by its series."""
    v = raw_values(x) * pi
    small = np.abs(v) < 0.5 * (n + 1)
    safe = np.where(small, 1.0, v)
    direct = np.sin(safe) / safe  # s; then v·s⁽ᵐ⁾ = sin⁽ᵐ⁾(v) − m·s⁽ᵐ⁻¹⁾
    for m in range(1, n + 1):
        direct = (np.sin(safe + m * pi / 2) - m * direct) / safe
    series, inside = np.zeros_like(v), np.where(small, v, 0.0)
    for k in range((n + 1) // 2, (n + 1) // 2 + 12):  # Σ (−1)^k v^(2k) / (2k + 1)!, differentiated n times
        series = series + (-1) ** k * inside ** (2 * k - n) * (perm(2 * k, n) / factorial(2 * k + 1))
    value = (pi ** n * np.where(small, series, direct)).astype(v.dtype)
    return record("sinc", value, (x,), (lambda g, _: g * sinc_derivative(x, n + 1),)) if isinstance(x, Traced) else value


# Functions of two arrays ---------------------------------------------------------------------------------------------
PullOf = Callable[[Payload, Payload], Pull]  # the two inputs → the pull of one of them


def binary(ufunc: np.ufunc, of_first: PullOf, of_second: PullOf, *, keep: bool = False) -> Callable[..., Payload]:
    """A rule of two arrays that expand against each other; pulls hold the inputs that they read, no others.

    It does what `record` does, for two inputs at once: most of what is noted are sums and products.
    """
    name = ufunc.__name__

    def rule(x: Payload, y: Payload) -> Payload:
        a, origin = (x.value, x.origin) if type(x) is Traced else (x, None)
        b, other = (y.value, y.origin) if type(y) is Traced else (y, None)
        value = ufunc(a, b)
        if type(value) is not np.ndarray:
            value = array_or_recorded(value)
        if origin is None and other is None:
            return Traced(value)
        entry = TapeEntry(name, (origin, other), (
            None if origin is None else pull_into(a, of_first(x, y), value),
            None if other is None else pull_into(b, of_second(x, y), value)), value if keep else None)
        return Traced(value, Origin(entry, 0))
    return rule


def pull_into(x: np.ndarray, pull: Pull, value: np.ndarray) -> Pull:
    """The pull, with a gradient of the size and type of the input."""
    if x.shape != value.shape:
        pull = fitted_pull(pull, x.shape, value.shape)
    return pull if x.dtype == value.dtype else in_type_of(x, pull)


def fitted_pull(pull: Pull, shape: tuple[int, ...], out: tuple[int, ...]) -> Pull:
    """The pull, with a gradient in the shape of the input."""
    return pull if shape == out else lambda g, z: reduced_to(pull(g, z), shape)


def power_first(x: Payload, y: Payload) -> Pull:
    """y·x^(y − 1), which is 0 for y = 0 wherever x is."""
    if isinstance(y, int | float):
        if y == 2:
            return lambda g, _: g * (2 * x)
        return lambda g, _: g * (y * x ** (y - 1)) if y else g * np.zeros(x.shape, x.dtype)
    return lambda g, _: g * np.where(raw_values(y) == 0, 0, y * x ** np.where(raw_values(y) == 0, 1, y - 1))


def power_second(x: Payload, y: Payload) -> Pull:
    """x^y·ln x, which is 0 for x = 0."""
    return lambda g, z: g * z * np.log(np.where(raw_values(x) == 0, 1, x))


def share(x: Payload, y: Payload, which: str) -> np.ndarray:
    """Which of two numbers is the larger or smaller; half of each where they are equal. NaN counts for both."""
    x, y = raw_values(x), raw_values(y)
    larger = x > y if which == "max" else x < y
    return np.where(larger | np.isnan(x), 1.0, np.where(x == y, 0.5, 0.0)).astype(np.result_type(x, y))


def squared_distance(x: Payload, y: Payload) -> Payload:
    """x² + y², and 1 at the origin, so that the angle has the gradient 0 there."""
    squares = x * x + y * y
    return np.where(raw_values(squares) == 0, 1, squares)


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
    np.logaddexp2: (lambda x, y: lambda g, _: g * logistic_in_words(LN2 * (x - y)),
                    lambda x, y: lambda g, _: g * logistic_in_words(LN2 * (y - x))),
    np.logaddexp: (lambda x, y: lambda g, _: g * logistic_in_words(x - y),
                   lambda x, y: lambda g, _: g * logistic_in_words(y - x)),
    np.arctan2: (lambda x, y: lambda g, _: g * y / squared_distance(x, y),
                 lambda x, y: lambda g, _: -g * x / squared_distance(x, y)),
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
NAMED_UFUNCS["xlogy"] = lambda x, y: np.where(raw_values(x) == 0, 0, x * np.log(np.where(raw_values(x) == 0, 1, y)))
NAMED_UFUNCS["xlog1py"] = lambda x, y: np.where(raw_values(x) == 0, 0, x * np.log1p(np.where(raw_values(x) == 0, 1, y)))
NAMED_UFUNCS["log_ndtr"] = log_ndtr
UFUNCS[np.ldexp] = lambda x, i: x * np.exp2(np.asarray(raw_values(i), raw_values(x).dtype))
UFUNCS[np.divmod] = lambda x, y: (constant(np.floor_divide, x, y), np.remainder(x, y))


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
    mask = array_or_recorded(raw_values(condition)).astype(bool)
    value = np.where(mask, raw_values(x), raw_values(y))
    return record("where", value, (x, y),
                  [fitted_pull(lambda g, _: np.where(mask, g, 0), payload_shape(x), value.shape),
                   fitted_pull(lambda g, _: np.where(mask, 0, g), payload_shape(y), value.shape)])


def select(condlist: Any, choicelist: Any, default: Any = 0) -> Payload:
    """The first choice whose condition holds."""
    for condition, choice in zip(reversed(condlist), reversed(choicelist), strict=True):
        default = np.where(condition, choice, default)
    return default


def clip(x: Payload, a_min: Any = None, a_max: Any = None, out: None = None, *, min: Any = None,
         max: Any = None) -> Payload:
    """Bounds; elements on a bound count as inside."""
    refuse_out(out, "clip")
    low, high = (a_min if min is None else min), (a_max if max is None else max)
    if isinstance(low, Traced) or isinstance(high, Traced):
        x = x if low is None else np.maximum(x, low)
        return x if high is None else np.minimum(x, high)
    value = np.clip(x.value, low, high)
    below, above = (False if low is None else x.value < low), (False if high is None else x.value > high)
    inside = np.logical_not(np.logical_or(below, above))
    return record("clip", value, (x,), (fitted_pull(lambda g, _: np.where(inside, g, 0), x.shape, value.shape),))


def nan_to_num(x: Payload, copy: bool = True, nan: float = 0.0, posinf: float | None = None,
               neginf: float | None = None) -> Payload:
    """Numbers in the place of NaN and infinities, to which no gradient goes."""
    finite = np.isfinite(x.value)
    return record("nan_to_num", np.nan_to_num(x.value, nan=nan, posinf=posinf, neginf=neginf), (x,),
                  (lambda g, _: np.where(finite, g, 0),))


def interp(x: Payload, xp: Any, fp: Payload, left: Any = None, right: Any = None, period: Any = None) -> Payload:
    """Piecewise linear interpolation between places that are constant."""
    if (isinstance(xp, Traced) and xp.origin) or not (left is right is period is None):
        no_gradient("interp with respect to xp, or with left, right or period")
    places, values = raw_values(x), np.asarray(raw_values(xp), float)
    at = np.clip(np.searchsorted(values, places, "right") - 1, 0, len(values) - 2)
    part = (np.clip(x, values[0], values[-1]) - values[at]) / (values[at + 1] - values[at])
    fp = fp if isinstance(fp, Traced) else np.asarray(fp)
    return fp[at] + part * (fp[at + 1] - fp[at])


def unwrap(p: Payload, discont: Any = None, axis: int = -1, *, period: float = 2 * pi) -> Payload:
    """Phases without jumps: whole periods are added, which are constant."""
    return p + constant(np.unwrap, p, discont, axis, period=period) - raw_values(p)


FUNCTIONS |= {
    np.where: where_rule, np.select: select, np.clip: clip, np.nan_to_num: nan_to_num, np.interp: interp, np.sinc: sinc,
    np.unwrap: unwrap, np.real: lambda x: x, np.real_if_close: lambda x, **_: x, np.copy: lambda x, **_: x,
    np.imag: lambda x: constant(np.zeros_like, x), np.round: lambda x, *a, **options: constant(np.round, x, *a, **options),
    np.around: lambda x, *a, **options: constant(np.round, x, *a, **options), np.fix: lambda x: constant(np.fix, x),
}
