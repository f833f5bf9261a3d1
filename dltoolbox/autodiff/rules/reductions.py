"""Gradients of sums, means, products, extrema and what is made of them."""

from __future__ import annotations

from math import prod as product
from typing import Any

import numpy as np

from dltoolbox.autodiff.tape import FUNCTIONS, Payload, Traced, constant, no_gradient, raw_values, record

Axis = int | tuple[int, ...] | None


def axes_of(axis: Axis, ndim: int) -> tuple[int, ...]:
    """Axes as non-negative numbers."""
    if axis is None:
        return tuple(range(ndim))
    return tuple(a % ndim for a in (axis if isinstance(axis, tuple | list) else (axis,)))


def with_kept_axes(g: Payload, shape: tuple[int, ...], axes: tuple[int, ...]) -> Payload:
    """A gradient with the reduced axes back as ones."""
    full = tuple(1 if at in axes else n for at, n in enumerate(shape))
    return g if g.shape == full else np.reshape(g, full)


def sum_(x: Payload, axis: Axis = None, dtype: Any = None, out: None = None, keepdims: bool = False, **_: Any) -> Payload:
    shape, axes = x.shape, axes_of(axis, x.ndim)
    if x.dtype.kind in "bi":
        return constant(np.sum, x, axis=axes, keepdims=keepdims)
    return record("sum", np.sum(x.value, axes, dtype=dtype, keepdims=keepdims), (x,),
                  (lambda g, _: np.broadcast_to(with_kept_axes(g, shape, axes), shape),))


def mean(x: Payload, axis: Axis = None, dtype: Any = None, out: None = None, keepdims: bool = False, **_: Any) -> Payload:
    shape, axes = x.shape, axes_of(axis, x.ndim)
    count = product(shape[a] for a in axes)
    return record("mean", np.mean(x.value, axes, keepdims=keepdims), (x,),
                  (lambda g, _: np.broadcast_to(with_kept_axes(g, shape, axes) / max(count, 1), shape),))


def extremum(function: Any, name: str) -> Any:
    """The maximum or minimum along axes; equal ones share the gradient."""
    def rule(x: Payload, axis: Axis = None, out: None = None, keepdims: bool = False, **_: Any) -> Payload:
        shape, axes = x.shape, axes_of(axis, x.ndim)
        value = function(x.value, axes, keepdims=True)
        places = (x.value == value) | (np.isnan(x.value) & np.isnan(value))
        part = (places / places.sum(axes, keepdims=True)).astype(x.dtype)
        result = value if keepdims else value.reshape([n for at, n in enumerate(shape) if at not in axes])
        return record(name, result, (x,), (lambda g, _: with_kept_axes(g, shape, axes) * part,))
    return rule


def prod(x: Payload, axis: Axis = None, dtype: Any = None, out: None = None, keepdims: bool = False, **_: Any) -> Payload:
    """The product; its gradient is the product of all others, which is right beside zeros, too."""
    axes = axes_of(axis, x.ndim)
    moved = np.moveaxis(x, axes, range(len(axes)))
    flat = np.reshape(moved, (-1, *moved.shape[len(axes):]))
    total = flat[0] if len(flat) else np.ones(flat.shape[1:], x.dtype)
    for row in range(1, len(flat)):
        total = total * flat[row]
    return np.reshape(total, [1 if at in axes else n for at, n in enumerate(x.shape)]) if keepdims else total


def cumsum(x: Payload, axis: int | None = None, dtype: Any = None, out: None = None) -> Payload:
    if axis is None:
        return cumsum(np.reshape(x, -1), 0)
    return record("cumsum", np.cumsum(x.value, axis), (x,),
                  (lambda g, _: np.flip(np.cumsum(np.flip(g, axis), axis), axis),))


def cumprod(x: Payload, axis: int | None = None, dtype: Any = None, out: None = None) -> Payload:
    x = np.reshape(x, -1) if axis is None else np.moveaxis(x, axis, 0)
    rows = [x[0]] if len(x) else []
    for row in range(1, len(x)):
        rows.append(rows[-1] * x[row])
    return np.moveaxis(np.stack(rows), 0, axis or 0) if rows else x


def var(x: Payload, axis: Axis = None, dtype: Any = None, out: None = None, ddof: int = 0, keepdims: bool = False,
        **_: Any) -> Payload:
    axes = axes_of(axis, x.ndim)
    deviation = x - np.mean(x, axes, keepdims=True)
    count = product(x.shape[a] for a in axes) - ddof
    return np.sum(deviation * deviation, axes, keepdims=keepdims) / count


def std(x: Payload, axis: Axis = None, dtype: Any = None, out: None = None, ddof: int = 0, keepdims: bool = False,
        **_: Any) -> Payload:
    return np.sqrt(var(x, axis, ddof=ddof, keepdims=keepdims))


def average(x: Payload, axis: Axis = None, weights: Any = None, returned: bool = False, *,
            keepdims: bool = False) -> Payload:
    if weights is None:
        return np.mean(x, axis, keepdims=keepdims)
    if np.ndim(raw_values(weights)) == 1 and x.ndim > 1 and isinstance(axis, int):
        weights = np.reshape(weights, [-1 if at == axis % x.ndim else 1 for at in range(x.ndim)])
    total = np.sum(weights * np.ones(x.shape, x.dtype), axis, keepdims=keepdims)
    return np.sum(x * weights, axis, keepdims=keepdims) / total


def norm_rule(x: Payload, ord: Any = None, axis: Axis = None, keepdims: bool = False) -> Payload:
    """Vector norms, and the Frobenius norm of matrices; others go by singular values, which are not here."""
    two_axes = isinstance(axis, tuple) and len(axis) == 2
    matrix = ord is not None and (two_axes or (axis is None and x.ndim == 2))
    if ord in (None, "fro", 2) and not (matrix and ord == 2):
        return _root(np.sum(x * x, axis, keepdims=keepdims))
    if matrix:
        sums = {1: 0, np.inf: 1}
        if ord not in sums:
            no_gradient(f"the matrix norm of order {ord}")
        rows = axis if isinstance(axis, tuple) else (0, 1)
        other = rows[sums[ord]]
        inner = np.sum(np.abs(x), other, keepdims=True)
        return np.max(inner, rows, keepdims=keepdims)
    if ord == np.inf:
        return np.max(np.abs(x), axis, keepdims=keepdims)
    if ord == -np.inf:
        return np.min(np.abs(x), axis, keepdims=keepdims)
    if ord == 1:
        return np.sum(np.abs(x), axis, keepdims=keepdims)
    return np.sum(np.abs(x) ** ord, axis, keepdims=keepdims) ** (1.0 / ord)


def _root(squares: Payload) -> Payload:
    """√s, with the gradient 0 where s is 0, as PyTorch has it for norms."""
    if not isinstance(squares, Traced):
        return np.sqrt(squares)
    value = np.sqrt(squares.value)
    nonzero = value != 0
    return record("norm", value, (squares,), (lambda g, y: np.where(nonzero, g * 0.5 / np.where(nonzero, y, 1), 0),),
                  keep=True)


def logsumexp_like(x: Payload, axis: Axis, keepdims: bool) -> Payload:
    """log Σ exp(x), shifted by the maximum so that nothing overflows."""
    top = np.max(raw_values(x), axis, keepdims=True)
    top = np.where(np.isfinite(top), top, 0)
    result = np.log(np.sum(np.exp(x - top), axis, keepdims=True)) + top
    return result if keepdims else np.squeeze(result, axis)


def whole_numbers(function: Any) -> Any:
    """Functions with whole numbers or logical values as results."""
    return lambda *arguments, **options: constant(function, *arguments, **options)


FUNCTIONS |= {
    np.sum: sum_, np.mean: mean, np.prod: prod, np.cumsum: cumsum, np.cumprod: cumprod, np.var: var, np.std: std,
    np.max: extremum(np.max, "max"), np.amax: extremum(np.max, "max"), np.min: extremum(np.min, "min"),
    np.amin: extremum(np.min, "min"), np.average: average, np.linalg.norm: norm_rule,
    np.ptp: lambda x, axis=None, out=None, keepdims=False: np.max(x, axis, keepdims=keepdims) - np.min(
        x, axis, keepdims=keepdims),
}
FUNCTIONS |= {function: whole_numbers(function) for function in (
    np.argmax, np.argmin, np.all, np.any, np.count_nonzero, np.argsort, np.isclose, np.nonzero, np.zeros_like, np.ones_like,
    np.searchsorted, np.argwhere, np.isin)}
FUNCTIONS |= {np.full_like: lambda x, fill_value, **options: constant(np.full_like, x, fill_value, **options),
              np.empty_like: lambda x, **options: constant(np.zeros_like, x, **options),
              np.shape: lambda x: x.shape, np.ndim: lambda x: x.ndim, np.size: lambda x, axis=None: np.size(x.value, axis),
              np.array_equal: lambda a, b, **_: bool(constant(np.array_equal, a, b)),
              np.allclose: lambda *a, **options: bool(constant(np.allclose, *a, **options)),
              np.result_type: lambda *a: np.result_type(*map(raw_values, a)),
              np.may_share_memory: lambda a, b: np.may_share_memory(raw_values(a), raw_values(b))}
