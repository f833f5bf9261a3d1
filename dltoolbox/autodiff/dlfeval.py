"""`dlfeval` runs a function whose gradients are wanted; `dlgradient` gives them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from dltoolbox.autodiff import second  # noqa: F401
from dltoolbox.autodiff.containers import mapped
from dltoolbox.autodiff.dlarray import as_dlarray, dlarray
from dltoolbox.autodiff.tape import TAPE, Traced, gradients_of, leaf, raw_values
from dltoolbox.core import convert
from dltoolbox.core.dims import times
from dltoolbox.core.errors import fail, warn
from dltoolbox.core.properties import Configured, Property, show, split_pairs


class _Gradient(Configured):
    function = "dlgradient"
    RetainData = Property(convert.flag, False)
    EnableHigherDerivatives = Property(convert.flag, False)
    AllowComplex = Property(convert.flag, True)


def dlfeval(function: Callable[..., Any], *arguments: Any) -> Any:
    """Call a function with its dlarrays traced, as `dlgradient` needs it: ``loss, grad = dlfeval(modelLoss, net, X)``.

    Args:
        function: Any function, in which `dlgradient` may be called.
        *arguments: Its arguments. dlarrays are traced, alone, in networks, and in lists, tuples, dicts, structs and tables.

    Returns:
        What the function returns, with plain dlarrays in the place of traced ones.

    Raises:
        DltoolboxError: ``dltoolbox:dlfeval:notAFunction``; what the function raises.

    Example:
        >>> def rosenbrock(x):
        ...     y = 100 * (x[1] - x[0] ** 2) ** 2 + (1 - x[0]) ** 2
        ...     return y, dlgradient(y, x)
        >>> y, grad = dlfeval(rosenbrock, dlarray([-1, 2]))
        >>> float(y), grad.tolist()
        (104.0, [396.0, 200.0])

    Source:
        MathWorks documentation of dlfeval; Griewank and Walther, "Evaluating Derivatives" (2008), chapter 3.
    """
    if not callable(function):
        fail("dlfeval:notAFunction", f"The first argument of dlfeval must be a function, but it is {show(function)}.",
             "Pass the function itself, as in dlfeval(modelLoss, net, X), not its result.")
    TAPE.depth += 1
    TAPE.lost = "" if TAPE.depth == 1 else TAPE.lost
    try:
        return mapped(untraced, function(*(mapped(traced, x) for x in arguments)))
    finally:
        TAPE.depth -= 1


def traced(x: dlarray) -> dlarray:
    """A dlarray that gradients can be asked for."""
    return x if isinstance(x.payload, Traced) or x.dtype.kind != "f" else as_dlarray(leaf(x.payload), x.labels)


def untraced(x: dlarray) -> dlarray:
    """A dlarray without its trace, unless a dlfeval around goes on with it."""
    return as_dlarray(raw_values(x.payload), x.labels) if isinstance(x.payload, Traced) and TAPE.depth == 1 else x


def dlgradient(y: Any, *arguments: Any, **options: Any) -> Any:
    """Gradients of a scalar with respect to dlarrays, inside a function that `dlfeval` calls.

    Args:
        y: The scalar, computed in the function that `dlfeval` calls.
        *arguments: With respect to what: dlarrays that `dlfeval` was given or that were computed from them, or lists,
            tuples, dicts, structs and tables of them, such as ``net.Learnables``; then name-value pairs.
        **options: ``RetainData`` (False): whether the trace can be used by another call; by default it is discarded on
            the way. ``EnableHigherDerivatives`` (False): whether the gradients are traced, so that they can be
            differentiated again; this retains the trace. ``AllowComplex`` (True) changes nothing, as dlarrays are real.

    Returns:
        The gradient for each x, in its containers, sizes and labels; several as a tuple. Zeros, with a warning, where y
        does not depend on x.

    Raises:
        DltoolboxError: ``dltoolbox:dlgradient:outsideDlfeval``, ``…:notTraced``, ``…:notScalar``, ``…:notADlarray``,
            ``…:traceDiscarded``, ``…:notTwiceDifferentiable``.

    Example:
        >>> def f(x, w):
        ...     return dlgradient(np.sum(w * x ** 2), x, w)
        >>> [g.tolist() for g in dlfeval(f, dlarray([1, 2]), dlarray([3, 4]))]
        [[6.0, 16.0], [1.0, 4.0]]

    Source:
        MathWorks documentation of dlgradient.
    """
    xs, pairs = split_pairs(arguments)
    chosen = _Gradient(*pairs, **options)
    check_scalar(y)
    found = [dlarrays_of(x) for x in xs]
    check_variables(xs, found)
    of_all = [x for each in found for x in each]
    again = chosen.EnableHigherDerivatives
    gradients = gradients_of(y.payload, [x.payload for x in of_all], retain=chosen.RetainData, again=again)
    if missing := sum(g is None for g in gradients):
        warn_of_zeros("dlgradient", "y", missing, len(of_all))
    made = [np.zeros(x.shape, x.dtype) if g is None else g for x, g in zip(of_all, gradients, strict=True)]
    answers = iter([as_dlarray(Traced(g) if again and not isinstance(g, Traced) else g, x.labels)
                    for g, x in zip(made, of_all, strict=True)])
    results = tuple(mapped(lambda _: next(answers), x) for x in xs)
    return results[0] if len(results) == 1 else results


def warn_of_zeros(function: str, y: str, missing: int, count: int) -> None:
    """A result that does not depend on what it is differentiated by."""
    lost = (f"Values left the trace by extractdata in {TAPE.lost}: compute with the dlarray itself." if TAPE.lost else
            "Compute it from x, without taking values out of the trace by np.array, float or extractdata.")
    warn(f"{function}:zeroGradient", f"The gradient is zero: {y} does not depend on " + (
        "x." if count == 1 else f"{missing} of the {count} arrays of x."), lost)


def check_inside_dlfeval(function: str) -> None:
    if TAPE.depth == 0:
        fail(f"{function}:outsideDlfeval", f"{function} was called outside dlfeval, where nothing is traced.",
             f"Write a function that computes the loss and calls {function}, and call it with dlfeval(modelLoss, net, X).")


def check_scalar(y: Any) -> None:
    check_inside_dlfeval("dlgradient")
    if not isinstance(y, dlarray):
        fail("dlgradient:notADlarray", f"y must be a dlarray, but it is {show(y)}.",
             "Compute it from the arguments of the function that dlfeval calls.")
    if y.size != 1:
        fail("dlgradient:notScalar", f"y must be a scalar, but it has size {times(y.shape)}.",
             "Add its elements up first, such as np.sum(y) or np.mean(y).")
    if not isinstance(y.payload, Traced) or (y.payload.origin is None and TAPE.lost):
        lost = (f"Values left the trace by extractdata in {TAPE.lost}: compute with the dlarray itself." if TAPE.lost else
                "Pass what y shall be differentiated by to the function as a dlarray, by dlfeval, and compute y from it.")
        fail("dlgradient:notTraced", "y is a plain dlarray, which does not depend on any traced one.", lost)


def dlarrays_of(x: Any) -> list[dlarray]:
    """All dlarrays in containers."""
    if hasattr(x, "map_dlarrays"):
        fail("dlgradient:network", f"x is {show(x)} itself, whose gradient would have no form.",
             "Ask for that of its learnables: dlgradient(loss, net.Learnables).")
    found: list[dlarray] = []
    mapped(found.append, x)
    return found


def check_variables(xs: Sequence[object], found: Sequence[Sequence[dlarray]]) -> None:
    if not xs:
        fail("dlgradient:noVariables", "dlgradient has no x to differentiate by.",
             "Pass one, as in dlgradient(loss, net.Learnables).")
    for given, its in zip(xs, found, strict=True):
        if not its:
            fail("dlgradient:notADlarray", f"x must be a dlarray, or hold some, but it is {show(given)}.",
                 "Make it one before dlfeval: dlarray(x).")
    for x in (x for its in found for x in its):
        check_variable(x, "dlgradient")


def check_variable(x: dlarray, function: str) -> None:
    if isinstance(x.payload, Traced):
        return
    if x.dtype.kind == "b":
        fail(f"{function}:notTraced", f"x of size {times(x.shape)} holds logical values.",
             "Convert it before dlfeval: x.astype(float).")
    fail(f"{function}:notTraced", f"x of size {times(x.shape)} is a plain dlarray, which was not traced.",
         "Give it to the function as an argument of dlfeval, alone or in a container.")
