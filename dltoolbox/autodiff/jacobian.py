"""Derivatives of arrays with respect to arrays: `dljacobian`, `dldivergence`, `dllaplacian`."""

from __future__ import annotations

from typing import Any

import numpy as np

from dltoolbox.autodiff.dlarray import as_dlarray, dlarray
from dltoolbox.autodiff.dlfeval import check_inside_dlfeval, check_variable, warn_of_zeros
from dltoolbox.autodiff.tape import Payload, Traced, gradients_of
from dltoolbox.core import convert
from dltoolbox.core.dims import times
from dltoolbox.core.errors import fail
from dltoolbox.core.properties import Configured, InvalidValue, Property, show


class _Derivatives(Configured):
    EnableHigherDerivatives = Property(convert.flag, False)


class _Jacobian(_Derivatives):
    function = "dljacobian"


class _Divergence(_Derivatives):
    function = "dldivergence"


class _Laplacian(_Derivatives):
    function = "dllaplacian"


def dljacobian(u: Any, x: Any, dim: object, *pairs: object, **options: object) -> dlarray:
    """The Jacobian: derivatives of each part of u along a dimension with respect to x, inside a function that `dlfeval`
    calls.

    Args:
        u: A dlarray, computed from x.
        x: A dlarray that `dlfeval` was given, or that was computed from such.
        dim: The dimension of u whose parts are differentiated, from 0 on, as NumPy counts axes. Along the others, such as
            observations that do not depend on one another, u is summed up.
        *pairs: The option as a name-value pair.
        **options: ``EnableHigherDerivatives`` (False): whether the result is traced itself.

    Returns:
        Without labels: the parts of u, then the dimensions of x. The trace is retained.

    Raises:
        DltoolboxError: ``dltoolbox:dljacobian:outsideDlfeval``, ``…:notADlarray``, ``…:notTraced``, ``…:invalidDim``.

    Example:
        >>> def f(x):
        ...     u = np.stack([x[0] * x[1], x[0] ** 2, x[1]])
        ...     return dljacobian(u, x, 0)
        >>> dlfeval(f, dlarray([3, 2])).tolist()
        [[2.0, 3.0], [6.0, 0.0], [0.0, 1.0]]

    Source:
        MathWorks documentation of dljacobian.
    """
    chosen = _Jacobian(*pairs, **options)
    axis = checked_axis(u, x, dim, u, "dljacobian")
    rows = gradients_by_part(u, x, axis, again=chosen.EnableHigherDerivatives, function="dljacobian")
    jacobian = np.stack(rows) if rows else np.zeros((0, *x.shape), x.dtype)
    return as_dlarray(jacobian, "")


def dldivergence(u: Any, x: Any, dim: object, *pairs: object, **options: object) -> dlarray:
    """The divergence, Σ ∂u_i/∂x_i over the parts i of u and x along a dimension, inside a function that `dlfeval` calls.

    Args:
        u: A dlarray of the size of x, computed from it.
        x: A dlarray that `dlfeval` was given, or that was computed from such.
        dim: The dimension of the parts, from 0 on, as NumPy counts axes. Along the others, such as observations, nothing of
            u may depend on other places of x.
        *pairs: The option as a name-value pair.
        **options: ``EnableHigherDerivatives`` (False): whether the result is traced itself.

    Returns:
        Without labels: the size of x, with size 1 along the dimension. The trace is retained.

    Raises:
        DltoolboxError: ``dltoolbox:dldivergence:outsideDlfeval``, ``…:notADlarray``, ``…:notTraced``, ``…:invalidDim``,
            ``…:sizeMismatch``.

    Example:
        >>> X = dlarray([[1.0, 2.0], [3.0, 4.0]])
        >>> dlfeval(lambda x: dldivergence(x ** 2, x, 0), X).tolist()
        [[8.0, 12.0]]

    Source:
        MathWorks documentation of dldivergence.
    """
    chosen = _Divergence(*pairs, **options)
    axis = checked_axis(u, x, dim, x, "dldivergence")
    if u.shape != x.shape:
        fail("dldivergence:sizeMismatch", f"u has size {times(u.shape)} and x has size {times(x.shape)}, but the divergence "
             "needs a part of u for every part of x.", "Pass u and x of the same size; dljacobian(u, x, dim) needs none.")
    rows = gradients_by_part(u, x, axis, again=chosen.EnableHigherDerivatives, function="dldivergence")
    return as_dlarray(sum_of_own_parts(rows, x, axis), "")


def dllaplacian(u: Any, x: Any, dim: object, *pairs: object, **options: object) -> dlarray:
    """The Laplacian, Σ ∂²u/∂x_i² over the parts i of x along a dimension, inside a function that `dlfeval` calls.

    Args:
        u: A dlarray with one number for each place of x, such as 1×N for x of size D×N; computed from x.
        x: A dlarray that `dlfeval` was given, or that was computed from such.
        dim: The dimension of x that is summed over, from 0 on, as NumPy counts axes.
        *pairs: The option as a name-value pair.
        **options: ``EnableHigherDerivatives`` (False): whether the result is traced itself.

    Returns:
        Without labels: the size of x, with size 1 along the dimension. The trace is retained.

    Raises:
        DltoolboxError: ``dltoolbox:dllaplacian:outsideDlfeval``, ``…:notADlarray``, ``…:notTraced``, ``…:invalidDim``,
            ``…:sizeMismatch``, ``dltoolbox:dlgradient:notTwiceDifferentiable``.

    Example:
        >>> X = dlarray([[1.0, 2.0], [3.0, 4.0]])
        >>> dlfeval(lambda x: dllaplacian(np.sum(x ** 3, 0), x, 0), X).tolist()
        [[24.0, 36.0]]

    Source:
        MathWorks documentation of dllaplacian.
    """
    chosen = _Laplacian(*pairs, **options)
    axis = checked_axis(u, x, dim, x, "dllaplacian")
    if u.size * x.shape[axis] != x.size:
        fail("dllaplacian:sizeMismatch", f"u has {u.size} elements, but x of size {times(x.shape)} has "
             f"{x.size // max(x.shape[axis], 1)} places along its other dimensions.",
             "Pass u with one number for each of them; take one channel of several, such as u[0:1].")
    (gradient,) = gradients_of(np.sum(u).payload, [x.payload], again=True)
    if gradient is None:
        warn_of_zeros("dllaplacian", "u", 1, 1)
        gradient = np.zeros(x.shape, x.dtype)
    rows = gradients_by_part(as_dlarray(gradient, ""), x, axis, again=chosen.EnableHigherDerivatives, function="")
    return as_dlarray(sum_of_own_parts(rows, x, axis), "")


def gradients_by_part(u: dlarray, x: dlarray, axis: int, *, again: bool, function: str) -> list[Payload]:
    """The gradients of the sums of the parts of u along an axis; ``function`` warns where there is none."""
    before = (slice(None),) * axis
    rows, missing = [], 0
    for at in range(u.shape[axis]):
        part = np.sum(u.payload[(*before, at)])
        (row,) = gradients_of(part, [x.payload], retain=True, again=again) if isinstance(part, Traced) else (None,)
        missing += row is None
        rows.append(np.zeros(x.shape, x.dtype) if row is None else row)
    if function and rows and missing == len(rows):
        warn_of_zeros(function, "u", 1, 1)
    return [row if not again or isinstance(row, Traced) else Traced(row) for row in rows]


def sum_of_own_parts(rows: list[Payload], x: dlarray, axis: int) -> Payload:
    """Of each gradient the part with its own number, summed up."""
    before = (slice(None),) * axis
    total = np.zeros((*x.shape[:axis], 1, *x.shape[axis + 1:]), x.dtype)
    for at, row in enumerate(rows):
        total = total + row[(*before, slice(at, at + 1))]
    return total


def checked_axis(u: Any, x: Any, dim: object, of: Any, function: str) -> int:
    """Whether u and x are traced, and the dimension of one of them as an axis."""
    check_inside_dlfeval(function)
    for name, array in (("u", u), ("x", x)):
        if not isinstance(array, dlarray):
            fail(f"{function}:notADlarray", f"{name} must be a dlarray, but it is {show(array)}.",
                 "Pass a dlarray that dlfeval was given, or what is computed from it.")
    check_variable(x, function)
    name = "u" if of is u else "x"
    try:
        return convert.integer(0, of.ndim - 1)(dim)
    except InvalidValue as wrong:
        fail(f"{function}:invalidDim", f"dim must be {wrong.expected}, but it is {show(dim)}: {name} has size "
             f"{times(of.shape)}.", "Dimensions count from 0 on, as axes of NumPy: pass 0 for the first one.")
