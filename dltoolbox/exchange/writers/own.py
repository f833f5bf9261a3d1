"""Layers of the user's own in code: the call of their constructor, as far as what a layer holds says how it was called."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import reduce
from typing import Any

import numpy as np

from dltoolbox.core.display import listed
from dltoolbox.exchange.registered import OWN, is_own
from dltoolbox.layers.base import LAYERS, Layer
from dltoolbox.network.graph.placeholders import PlaceholderLayer

LARGEST_ARGUMENT = 64  # elements of an array that stands in a call


@dataclass(frozen=True)
class Named:
    """A function as code calls it, and the module that it is imported from."""

    name: str
    module: str


@dataclass
class ConstructorCall:
    """The class or function that made a layer, its arguments by name in their order, the needed arguments that the layer
    does not hold, those that no code can say, and among the first those that are functions without a name.
    """

    cls: Callable[..., object]
    arguments: dict[str, object] = field(default_factory=dict)
    unknown: list[str] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)
    nameless: list[str] = field(default_factory=list)

    @property
    def importable(self) -> bool:
        """Whether another script can import the class."""
        return self.cls.__module__ != "__main__" and "<locals>" not in self.cls.__qualname__

    @property
    def name(self) -> str:
        """The class as code calls it."""
        return self.cls.__qualname__ if self.importable else self.cls.__name__


def is_users(layer: Layer) -> bool:
    """Whether a layer is of a class that is not the toolbox's."""
    return LAYERS.get(layer.factory) is not type(layer) and not isinstance(layer, PlaceholderLayer)


def constructor_call(layer: Layer) -> ConstructorCall:
    """The arguments of a constructor are attributes of the same name, in any letter case; those with defaults may miss."""
    construction = getattr(layer, "construction", None)
    if is_own(type(layer)) and construction is not None:
        return own_call(*construction())
    found = ConstructorCall(type(layer))
    held = {name.lower(): value for name, value in vars(layer).items()}
    for parameter in inspect.signature(type(layer)).parameters.values():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD) or parameter.name == "Name":
            continue
        value = as_code(held.get(parameter.name.lower(), parameter.empty))
        if value is not parameter.empty and can_stand_in_code(value):
            if parameter.default is parameter.empty or not same_default(value, parameter.default):
                found.arguments[parameter.name] = value
        elif parameter.default is parameter.empty:
            found.unknown.append(parameter.name)
        elif value is not parameter.empty and not same_default(value, parameter.default):
            found.dropped.append(parameter.name)
    return found


def own_call(function: Callable[..., object], given: dict[str, object]) -> ConstructorCall:
    """The call of a function of the toolbox that makes layers of what the user passes."""
    found = ConstructorCall(function)
    for name, value in given.items():
        if can_stand_in_code(code := as_code(value)):
            found.arguments[name] = code
        else:
            found.unknown.append(name)
            found.nameless.append(name)
    return found


def as_code(value: object) -> object:
    """A function by its name, if a script can reach it by that; other values as they are."""
    if inspect.isclass(value) or not callable(value):
        return value
    module = "numpy" if isinstance(value, np.ufunc) else getattr(value, "__module__", None)
    name = getattr(value, "__qualname__", getattr(value, "__name__", None))
    if not isinstance(module, str) or not isinstance(name, str) or not name.replace(".", "").isidentifier():
        return value
    try:
        there: Any = reduce(getattr, name.split("."), sys.modules[module])
    except (AttributeError, KeyError):
        return value
    return Named(name, module) if there is value else value


def same_default(value: object, default: object) -> bool:
    try:
        return bool(value is default or value == default)
    except Exception:  # arrays, and what compares in another way
        return False


def can_stand_in_code(value: object) -> bool:
    """Numbers, text, lists of them and small arrays."""
    if isinstance(value, np.ndarray):
        return value.size <= LARGEST_ARGUMENT and value.dtype.kind in "fiub"
    if isinstance(value, (list, tuple)):
        return len(value) <= LARGEST_ARGUMENT and all(map(can_stand_in_code, value))
    return isinstance(value, (bool, int, float, str, Named))


def as_lists(value: object) -> object:
    """A value as writers of code take it."""
    return value.tolist() if isinstance(value, np.ndarray) else [*map(as_lists, value)] if isinstance(
        value, (list, tuple)) else value


def unknown_text(call: ConstructorCall) -> str:
    """The note where a call cannot be written."""
    if call.nameless:
        return (f"{listed(call.nameless)} of {call.cls.__name__} has no name that a script can import; a placeholder stands "
                "in its place. Define it with def at the top of a module, instead of as a lambda or inside a function")
    return (f"{call.cls.__name__} needs {listed(call.unknown)}, which the layer does not hold; a placeholder stands in its "
            f"place. Keep them as attributes of these names, such as self.{call.unknown[0]} = {call.unknown[0]}")


def imports(calls: list[ConstructorCall]) -> Iterator[str]:
    """The lines that bring the classes into a script."""
    roots: dict[str, set[str]] = {}
    functions = [value for call in calls for value in call.arguments.values() if isinstance(value, Named)]
    for value in functions:
        if value.module != "__main__":
            roots.setdefault(value.module, set()).add(value.name.partition(".")[0])
    for call in filter(lambda call: call.importable and not is_from_toolbox(call.cls), calls):
        roots.setdefault(call.cls.__module__, set()).add(call.cls.__qualname__.partition(".")[0])
    yield from (f"from {module} import {', '.join(sorted(names))}" for module, names in sorted(roots.items()))
    yield from (f"# Define the class {name} here, or import it." for name in
                sorted({call.name for call in calls if not call.importable}))
    yield from (f"# Define the function {name} here, or import it." for name in
                sorted({value.name for value in functions if value.module == "__main__"}))


def is_from_toolbox(function: Callable[..., object]) -> bool:
    """Whether ``from dltoolbox import *`` brings it."""
    return function.__module__.partition(".")[0] == OWN

