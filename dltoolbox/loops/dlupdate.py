"""`dlupdate`: a function of single arrays on all learnables."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from dltoolbox.core.errors import fail
from dltoolbox.core.properties import show
from dltoolbox.core.structures.nested import is_nothing, matched, rebuilt
from dltoolbox.loops.parameters import MovedParameters, own_size, parameters_of, real_numbers_of
from dltoolbox.network.dlnetwork import dlnetwork


def dlupdate(fun: Callable[..., Any], net: Any, *arguments: Any) -> Any:
    """Call a function with every learnable: ``grad = dlupdate(lambda g: np.clip(g, -1, 1), grad)``.

    Args:
        fun: A function of one array of each argument, which returns an array, or several as a tuple.
        net: A dlnetwork, or arrays in tables, dicts, structs, lists and tuples. Nothing that is passed is changed.
        *arguments: Further structures with the same elements, such as gradients for the learnables of net.

    Returns:
        What the function returned, in the structure of the first argument; a dlnetwork for a dlnetwork. Where the function
        returns tuples, as many of these as a tuple; of a dlnetwork the first is a dlnetwork and the others tables.

    Raises:
        DltoolboxError: ``dltoolbox:dlupdate:notAFunction``, ``…:structureMismatch``, ``…:numberOfOutputs``; for a dlnetwork
            ``…:sizeMismatch`` and ``…:notNumeric``. What the function raises.

    Example:
        >>> params, grad = {'w': np.array([3.0, 4.0])}, {'w': np.array([0.5, 12.0])}
        >>> dlupdate(lambda g, w: g + 0.1 * w, grad, params)['w'].round(2).tolist()
        [0.8, 12.4]

    Source:
        MathWorks documentation of dlupdate.
    """
    if not callable(fun):
        fail("dlupdate:notAFunction", f"The first argument of dlupdate must be a function, but it is {show(fun)}.",
             "Pass a function of one array, such as lambda w: 0.9 * w.")
    parameters = parameters_of("dlupdate", net)
    names = [f"argument {place}" for place in range(3, 3 + len(arguments))]
    others = [one.Learnables if isinstance(one, dlnetwork) else one for one in arguments]
    columns = matched("dlupdate", {parameters.name: parameters.structure, **dict(zip(names, others, strict=True))}).columns
    for name, column in zip(names, columns[1:], strict=True):
        for path, leaf in zip(parameters.paths, column, strict=True):
            if leaf is None:
                fail("dlupdate:structureMismatch", f"{name}{path} is empty, but {parameters.name}{path} is an array.",
                     "Pass arrays of the same structure, such as zeros: dlupdate(np.zeros_like, parameters).")
    results = [fun(*leaves) for leaves in zip(*columns, strict=True)]
    several = [isinstance(result, tuple) for result in results]
    counts = {len(result) if isinstance(result, tuple) else 1 for result in results}
    if len(counts) > 1 or (any(several) and not all(several)):
        fail("dlupdate:numberOfOutputs", f"The function returned {' and '.join(map(str, sorted(counts)))} arrays.",
             "Return as many for every learnable.")
    if not any(several):
        return results_in_place(parameters, results)
    first, *more = (list(column) for column in zip(*results, strict=True))
    return (results_in_place(parameters, first), *(rebuilt(parameters.structure, iter(column)) for column in more))


def results_in_place(parameters: MovedParameters, results: list[Any]) -> Any:
    """The results in the place of the first argument."""
    if parameters.net is None:
        return rebuilt(parameters.structure, iter(results))
    arrays = []
    for path, result, own in zip(parameters.paths, results, parameters.arrays, strict=True):
        if is_nothing(result):
            fail("dlupdate:sizeMismatch", f"The function returned {show(result)} for net{path}.", "Return an array.")
        array = real_numbers_of("dlupdate", f"What the function returned for net{path}", result)
        if array.shape != own.shape:
            fail("dlupdate:sizeMismatch", f"The function returned an array of size {own_size(array)} for net{path}, which "
                 f"has size {own_size(own)}.", "Return an array of the same size.")
        arrays.append(np.array(array))
    return parameters.replaced(arrays)
