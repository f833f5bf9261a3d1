"""Gradients of sums, means, products, extrema and what is made of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod as product
from typing import Any

import numpy as np

from dltoolbox.autodiff.tape import (
    FUNCTIONS,
    NAMED_REDUCTIONS,
    Payload,
    Traced,
    constant,
    no_gradient,
    raw_values,
    record,
    refuse_out,
    since_numpy_2,
)

Axis = int | tuple[int, ...] | None


def axes_of(axis: Any, ndim: int) -> tuple[int, ...]:
    """Axes as non-negative numbers."""
    if axis is None:
        return tuple(range(ndim))
    axes = tuple(axis) if isinstance(axis, tuple | list) else (axis,)
    for a in axes:
        if not -ndim <= a < ndim:
            raise np.exceptions.AxisError(a, ndim)
    return tuple([a % ndim for a in axes])


def with_kept_axes(g: Payload, shape: tuple[int, ...], axes: tuple[int, ...]) -> Payload:
    """A gradient with the reduced axes back as ones."""
    full = tuple([1 if at in axes else n for at, n in enumerate(shape)])
    return g if g.shape == full else np.reshape(g, full)


AxesRule = Callable[[Payload, tuple[int, ...], bool], Payload]  # array, axes, whether they are kept


def reduction(function: Any, neutral: float | None = None, join: np.ufunc | None = None,
              order: Sequence[str] = ("dtype", "out", "keepdims")) -> Callable[[AxesRule], AxesRule]:
    """A function of NumPy with all of its options, from a rule of axes: where elements are left out, a neutral number
    stands in their place; ``initial`` joins the result. ``order`` is that of the options behind the axis.
    """
    name = function.__name__

    def decorator(rule: AxesRule) -> AxesRule:
        def complete(x: Payload, axis: Any = None, *by_place: Any, **options: Any) -> Payload:
            options |= zip(order, by_place, strict=False)
            refuse_out(options.get("out"), name)
            where, initial, keepdims = options.get("where", True), options.get("initial"), bool(options.get("keepdims"))
            if options.get("dtype") is not None:
                x = x.astype(options["dtype"])
            if where is not True:
                if neutral is None or (np.isinf(neutral) and initial is None):
                    no_gradient(f"{name} with where")
                x = np.where(where, x, neutral if np.isfinite(neutral) else initial)
            if x.dtype.kind in "bi":
                return constant(function, x, axis=axis, keepdims=keepdims)
            if initial is None:
                return rule(x, axes_of(axis, x.ndim), keepdims)
            assert join is not None
            reduce = rule if x.size else sum_  # 0 of no elements, which initial joins
            return join(reduce(x, axes_of(axis, x.ndim), keepdims), initial)
        FUNCTIONS[function] = complete
        return rule
    return decorator


@reduction(np.sum, 0, np.add)
def sum_(x: Payload, axes: tuple[int, ...], keepdims: bool) -> Payload:
    shape = x.shape
    return record("sum", np.sum(x.value, axes, keepdims=keepdims), (x,),
                  (lambda g, _: np.broadcast_to(with_kept_axes(g, shape, axes), shape),))


@reduction(np.mean)
def mean(x: Payload, axes: tuple[int, ...], keepdims: bool) -> Payload:
    shape, count = x.shape, product([x.shape[a] for a in axes])
    return record("mean", np.mean(x.value, axes, keepdims=keepdims), (x,),
                  (lambda g, _: np.broadcast_to(with_kept_axes(g, shape, axes) / max(count, 1), shape),))


def extremum(function: Any) -> AxesRule:
    """The maximum or minimum along axes; equal ones share the gradient."""
    def rule(x: Payload, axes: tuple[int, ...], keepdims: bool) -> Payload:
        shape = x.shape
        value = function(x.value, axes, keepdims=True)
        places = (x.value == value) | (np.isnan(x.value) & np.isnan(value))
        part = (places / places.sum(axes, keepdims=True)).astype(x.dtype)
        result = value if keepdims else value.reshape([n for at, n in enumerate(shape) if at not in axes])
        return record(function.__name__, result, (x,), (lambda g, _: with_kept_axes(g, shape, axes) * part,))
    return rule


for largest in (np.max, np.amax):
    reduction(largest, -np.inf, np.maximum, ("out", "keepdims", "initial", "where"))(extremum(largest))
for smallest in (np.min, np.amin):
    reduction(smallest, np.inf, np.minimum, ("out", "keepdims", "initial", "where"))(extremum(smallest))


@reduction(np.prod, 1, np.multiply)
def prod(x: Payload, axes: tuple[int, ...], keepdims: bool) -> Payload:
    """The product, two halves at a time; its gradient is the product of all others, which is right beside zeros, too."""
    moved = np.moveaxis(x, axes, range(len(axes)))
    rest = moved.shape[len(axes):]
    flat = np.reshape(moved, (product(moved.shape[:len(axes)]), *rest))
    while len(flat) > 1:
        half = len(flat) // 2
        flat = np.concatenate([flat[:half] * flat[half:2 * half], flat[2 * half:]])
    total = flat[0] if len(flat) else np.ones(rest, x.dtype) + 0 * np.sum(x)
    return np.reshape(total, [1 if at in axes else n for at, n in enumerate(x.shape)]) if keepdims else total


def cumsum(x: Payload, axis: int | None = None, dtype: Any = None, out: None = None) -> Payload:
    refuse_out(out, "cumsum")
    x = x if dtype is None else x.astype(dtype)
    if axis is None:
        return cumsum(np.reshape(x, -1), 0)
    return record("cumsum", np.cumsum(x.value, axis), (x,),
                  (lambda g, _: np.flip(np.cumsum(np.flip(g, axis), axis), axis),))


def cumprod(x: Payload, axis: int | None = None, dtype: Any = None, out: None = None) -> Payload:
    refuse_out(out, "cumprod")
    x = x if dtype is None else x.astype(dtype)
    x, axis = (np.reshape(x, -1), 0) if axis is None else (x, axis)
    moved = np.moveaxis(x, axis, 0)
    rows = [moved[0]] if len(moved) else []
    for row in range(1, len(moved)):
        rows.append(rows[-1] * moved[row])
    return np.moveaxis(np.stack(rows), 0, axis) if rows else x


# Statistics ----------------------------------------------------------------------------------------------------------
def var(x: Payload, axis: Axis = None, dtype: Any = None, out: None = None, ddof: float = 0, keepdims: bool = False, *,
        where: Any = True, mean: Any = None, correction: Any = None) -> Payload:
    refuse_out(out, "var")
    if where is not True:
        no_gradient("var with where")
    x = x if dtype is None else x.astype(dtype)
    axes = axes_of(axis, x.ndim)
    deviation = x - (np.mean(x, axes, keepdims=True) if mean is None else mean)
    count = product(x.shape[a] for a in axes) - (ddof if correction is None else correction)
    return np.sum(deviation * deviation, axes, keepdims=keepdims) / (count if count > 0 else np.array(0.0, x.dtype))


def std(x: Payload, *arguments: Any, **options: Any) -> Payload:
    return np.sqrt(var(x, *arguments, **options))


def average(x: Payload, axis: Axis = None, weights: Any = None, returned: bool = False, *,
            keepdims: bool = False) -> Any:
    if weights is None:
        y = np.mean(x, axis, keepdims=keepdims)
        total = np.asarray(x.size / y.size)
    else:
        if np.ndim(weights) == 1 and np.ndim(x) > 1 and isinstance(axis, int):
            weights = np.reshape(weights, [-1 if at == axis % np.ndim(x) else 1 for at in range(np.ndim(x))])
        total = np.sum(weights * np.ones_like(x), axis, keepdims=keepdims)
        y = np.sum(x * weights, axis, keepdims=keepdims) / total
    return (y, np.broadcast_to(total, y.shape)) if returned else y


def ptp(x: Payload, axis: Axis = None, out: None = None, keepdims: bool = False) -> Payload:
    refuse_out(out, "ptp")
    return np.max(x, axis, keepdims=keepdims) - np.min(x, axis, keepdims=keepdims)


def quantile(x: Payload, q: Any, axis: Axis = None, out: None = None, overwrite_input: bool = False,
             method: str = "linear", keepdims: bool = False, *, weights: Any = None) -> Payload:
    """Values between sorted ones, at a part of their number."""
    refuse_out(out, "quantile")
    if method != "linear" or weights is not None or isinstance(q, Traced):
        no_gradient("quantile with weights, a method other than 'linear', or a traced q")
    axes = axes_of(axis, x.ndim)
    rest = [a for a in range(x.ndim) if a not in axes]
    ordered = np.sort(np.reshape(np.transpose(x, (*axes, *rest)), (-1, *(x.shape[a] for a in rest))), 0)
    place = np.asarray(q, float) * (len(ordered) - 1)
    low = np.floor(place).astype(int)
    part = np.reshape((place - low).astype(x.dtype), (*low.shape, *[1] * len(rest)))
    y = ordered[low] * (1 - part) + ordered[np.minimum(low + 1, len(ordered) - 1)] * part
    if np.isnan(x.value).any():
        y = y + 0 * ordered[-1]  # NaN is sorted to the end
    kept = [1 if a in axes else n for a, n in enumerate(x.shape)]
    return np.reshape(y, (*low.shape, *kept)) if keepdims else y


def percentile(x: Payload, q: Any, *arguments: Any, **options: Any) -> Payload:
    return quantile(x, np.asarray(q) / 100, *arguments, **options)


def median(x: Payload, axis: Axis = None, out: None = None, overwrite_input: bool = False,
           keepdims: bool = False) -> Payload:
    return quantile(x, 0.5, axis, out, keepdims=keepdims)


def without_nan(function: Any, neutral: float) -> Any:
    """A function that leaves out NaN; NaN where nothing is left, unless the function has a number for it."""
    def rule(x: Payload, axis: Axis = None, **options: Any) -> Payload:
        gone = np.isnan(x.value)
        y = function(np.where(gone, neutral, x), axis, **options)
        empty = np.all(gone, axis, keepdims=options.get("keepdims", False))
        return np.where(empty, np.nan, y) if not np.isfinite(neutral) and empty.any() else y
    return rule


def nanmean(x: Payload, axis: Axis = None, *, keepdims: bool = False) -> Payload:
    return np.nansum(x, axis, keepdims=keepdims) / (~np.isnan(x.value)).sum(axis, keepdims=keepdims).astype(x.dtype)


def covariance(m: Payload, y: Any = None, rowvar: bool = True, bias: bool = False, ddof: int | None = None) -> Payload:
    """Covariances of the rows of a matrix."""
    if y is not None:
        no_gradient("cov with y")
    x = np.atleast_2d(m)
    x = x if rowvar or np.ndim(m) == 1 else np.transpose(x)
    deviation = x - np.mean(x, 1, keepdims=True)
    count = x.shape[1] - (ddof if ddof is not None else 0 if bias else 1)
    return np.squeeze(deviation @ np.transpose(deviation) / count)


def correlation(x: Payload, y: Any = None, rowvar: bool = True) -> Payload:
    c = covariance(x, y, rowvar)
    if not np.ndim(c):
        return c / c
    spread = np.sqrt(np.diagonal(c))
    return c / (spread[:, None] * spread[None, :])


# Norms ---------------------------------------------------------------------------------------------------------------
def norm_rule(x: Payload, ord: Any = None, axis: Axis = None, keepdims: bool = False) -> Payload:
    """Norms of vectors, or of matrices along two axes."""
    if ord is None or (x.ndim == 1 if axis is None else len(axes_of(axis, x.ndim)) == 1):
        return vector_norm(x, axis=axis, keepdims=keepdims, ord=2 if ord is None else ord)
    return matrix_norm(x, axis, keepdims, ord)


def vector_norm(x: Payload, /, *, axis: Axis = None, keepdims: bool = False, ord: float = 2) -> Payload:
    if not isinstance(ord, int | float):
        raise ValueError(f"Invalid norm order '{ord}' for vectors")
    if ord == 0:
        return np.sum(x != 0, axis, keepdims=keepdims) * np.ones((), x.dtype)
    if np.isinf(ord):
        return (np.max if ord > 0 else np.min)(np.abs(x), axis, keepdims=keepdims)
    if ord == 1:
        return np.sum(np.abs(x), axis, keepdims=keepdims)
    if ord == 2:
        return rooted(np.sum(x * x, axis, keepdims=keepdims), 2)
    return rooted(np.sum(np.abs(x) ** ord, axis, keepdims=keepdims), ord)


def matrix_norm(x: Payload, axis: Axis = (-2, -1), keepdims: bool = False, ord: Any = "fro") -> Payload:
    """Norms by sums; those by singular values are not here."""
    rows = axes_of((-2, -1) if axis is None else axis, x.ndim)
    if ord in ("fro", "f"):
        return rooted(np.sum(x * x, rows, keepdims=keepdims), 2)
    if ord not in (1, -1, np.inf, -np.inf):
        no_gradient(f"the matrix norm of order {ord}")
    sums = np.sum(np.abs(x), rows[0 if abs(ord) == 1 else 1], keepdims=True)
    return (np.max if ord > 0 else np.min)(sums, rows, keepdims=keepdims)


def matrix_norm_of_stack(x: Payload, /, *, keepdims: bool = False, ord: Any = "fro") -> Payload:
    return matrix_norm(x, (-2, -1), keepdims, ord)


def rooted(s: Payload, n: float) -> Payload:
    """The n-th root, with the gradient 0 where s is 0, as PyTorch has it for norms."""
    if not isinstance(s, Traced):
        return s ** (1 / n)
    value = np.sqrt(s.value) if n == 2 else s.value ** (1 / n)
    zero = s.value == 0
    return record("norm", value, (s,), (
        lambda g, y: np.where(zero, 0, g * y * (1 / n) / np.where(zero, 1, s)),), keep=True)


def logsumexp(x: Payload, axis: Axis = 0, dtype: Any = None, out: None = None, keepdims: bool = False) -> Payload:
    """log Σ exp(x), shifted by the maximum so that nothing overflows."""
    top = np.max(raw_values(x), axis, keepdims=True)
    top = np.where(np.isfinite(top), top, 0)
    result = np.log(np.sum(np.exp(x - top), axis, keepdims=True)) + top
    return result if keepdims else np.sum(result, axis)


# Results without gradients -------------------------------------------------------------------------------------------
def whole_numbers(function: Any) -> Any:
    """Functions with whole numbers or logical values as results."""
    return lambda *arguments, **options: constant(function, *arguments, **options)


NAMED_REDUCTIONS[np.logaddexp] = logsumexp
FUNCTIONS |= {
    np.cumsum: cumsum, np.cumprod: cumprod, np.var: var, np.std: std, np.average: average, np.ptp: ptp,
    np.quantile: quantile, np.percentile: percentile, np.median: median, np.cov: covariance, np.corrcoef: correlation,
    np.nansum: without_nan(np.sum, 0), np.nanprod: without_nan(np.prod, 1), np.nanmax: without_nan(np.max, -np.inf),
    np.nanmin: without_nan(np.min, np.inf), np.nanmean: nanmean, np.linalg.norm: norm_rule,
}
since_numpy_2(np.linalg, vector_norm=vector_norm, matrix_norm=matrix_norm_of_stack)
FUNCTIONS |= {function: whole_numbers(function) for function in (
    np.argmax, np.argmin, np.nanargmax, np.nanargmin, np.all, np.any, np.count_nonzero, np.argsort, np.argpartition,
    np.isclose, np.nonzero, np.flatnonzero, np.zeros_like, np.ones_like, np.searchsorted, np.digitize, np.argwhere, np.isin,
    np.isneginf, np.isposinf, np.bincount, np.histogram, np.lexsort)}
FUNCTIONS |= {np.full_like: lambda x, fill_value, *a, **options: fill_value * constant(np.ones_like, x, *a, **options),
              np.empty_like: lambda x, *a, **options: constant(np.zeros_like, x, *a, **options),
              np.shape: lambda x: x.shape, np.ndim: lambda x: x.ndim, np.size: lambda x, axis=None: np.size(x.value, axis),
              np.array_equal: lambda a, b, **_: bool(constant(np.array_equal, a, b)),
              np.allclose: lambda *a, **options: bool(constant(np.allclose, *a, **options)),
              np.iscomplexobj: lambda x: False, np.isrealobj: lambda x: True,
              np.result_type: lambda *a: np.result_type(*map(raw_values, a)),
              np.may_share_memory: lambda a, b: np.may_share_memory(raw_values(a), raw_values(b)),
              np.shares_memory: lambda a, b: np.shares_memory(raw_values(a), raw_values(b))}
