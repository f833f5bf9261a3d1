"""Constants of a recording: arguments that are no dlarrays, values around a function, random numbers."""

from __future__ import annotations

import random
from collections.abc import Callable, Hashable, Iterator
from hashlib import blake2b
from types import SimpleNamespace
from typing import Any

import numpy as np

from dltoolbox.core.table import Table

SIMPLE = (bool, int, float, complex, str, bytes, type(None))


def constant_key(x: Any) -> Hashable:
    """A key that is equal for equal values: contents of arrays and containers, identity of everything else."""
    if isinstance(x, np.ndarray):
        return "array", x.shape, x.dtype.str, blake2b(np.ascontiguousarray(x).data, digest_size=16).digest()
    if isinstance(x, SIMPLE):
        return type(x).__name__, x
    if isinstance(x, np.generic):
        return x.dtype.str, x.item()
    if isinstance(x, list | tuple):
        return type(x).__name__, tuple(map(constant_key, x))
    if isinstance(x, dict):
        return "dict", tuple((key, constant_key(value)) for key, value in x.items())
    if isinstance(x, SimpleNamespace):
        return "struct", constant_key(vars(x))
    if isinstance(x, Table):
        return "table", constant_key(dict(x.columns))
    return "object", id(x)


def surroundings(function: Callable[..., Any]) -> Iterator[tuple[str, Any]]:
    """Values that a function reads from around it: of enclosing functions, defaults, and globals by the names it uses."""
    inner = getattr(function, "__wrapped__", getattr(function, "__func__", function))
    code = getattr(inner, "__code__", None)
    if code is None:
        return
    for name, cell in zip(code.co_freevars, inner.__closure__ or (), strict=False):
        try:
            yield name, cell.cell_contents
        except ValueError:  # not bound yet
            continue
    for number, value in enumerate(inner.__defaults__ or ()):
        yield f"default {number}", value
    for name in code.co_names:
        if name in inner.__globals__:
            yield name, inner.__globals__[name]


def surrounding_key(function: Callable[..., Any]) -> Hashable:
    """A key of the values around a function; those of functions that it calls, one level deep."""
    found = []
    for name, value in surroundings(function):
        found.append((name, constant_key(value)))
        if callable(value) and getattr(value, "__module__", "").partition(".")[0] != "dltoolbox":
            found += [(f"{name}.{inner}", constant_key(of)) for inner, of in surroundings(value) if isinstance(
                of, (*SIMPLE, np.ndarray, list, tuple, dict))]
    return tuple(found)


def random_states(function: Callable[..., Any]) -> Hashable:
    """The states of random generators that a function may draw from."""
    generators = [value for _, value in surroundings(function)
                  if isinstance(value, np.random.Generator | np.random.RandomState)]
    states = [repr(each.bit_generator.state if isinstance(each, np.random.Generator) else each.get_state(legacy=False))
              for each in generators]
    return repr(np.random.get_state(legacy=False)), random.getstate(), tuple(states)  # noqa: NPY002
