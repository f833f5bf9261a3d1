"""dlarrays within lists, tuples, dicts, structs, tables and networks."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from dltoolbox.autodiff.dlarray import dlarray
from dltoolbox.core.errors import fail
from dltoolbox.core.table import Table


def mapped(function: Callable[[Any], Any], x: Any) -> Any:
    """The same containers with the function's results in the place of dlarrays; what holds none comes back as it is."""
    try:
        return walked(function, x)
    except RecursionError:
        fail("dlarray:endlessContainer", "A list, dict or struct holds itself, so its dlarrays cannot be counted.",
             "Pass containers that come to an end.")


def walked(function: Callable[[Any], Any], x: Any) -> Any:
    """`mapped`, however deep."""
    if isinstance(x, dlarray):
        return function(x)
    if isinstance(x, dict):
        return type(x)((key, walked(function, value)) for key, value in x.items()) if type(x) is not dict else {
            key: walked(function, value) for key, value in x.items()}
    if isinstance(x, list | tuple):
        items = [walked(function, item) for item in x]
        return type(x)(*items) if hasattr(x, "_fields") else type(x)(items)
    if isinstance(x, SimpleNamespace):
        return SimpleNamespace(**{key: walked(function, value) for key, value in vars(x).items()})
    if isinstance(x, Table):
        return type(x)(**{name: [walked(function, value) for value in values] for name, values in x.columns.items()})
    with_arrays = getattr(x, "map_dlarrays", None)
    return x if with_arrays is None else with_arrays(function)
