"""Layers of the user's own in code: the call of their constructor, as far as what a layer holds says how it was called."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from dltoolbox.core.display import listed
from dltoolbox.layers.base import LAYERS, Layer
from dltoolbox.network.graph.placeholders import PlaceholderLayer

LARGEST_ARGUMENT = 64  # elements of an array that stands in a call


@dataclass
class ConstructorCall:
    """The class, its arguments by name in their order, and the arguments that the layer does not hold."""

    cls: type[Layer]
    arguments: dict[str, object] = field(default_factory=dict)
    unknown: list[str] = field(default_factory=list)

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
    found = ConstructorCall(type(layer))
    held = {name.lower(): value for name, value in vars(layer).items()}
    for parameter in inspect.signature(type(layer)).parameters.values():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD) or parameter.name == "Name":
            continue
        value = held.get(parameter.name.lower(), parameter.empty)
        if value is not parameter.empty and can_stand_in_code(value):
            if parameter.default is parameter.empty or not same_default(value, parameter.default):
                found.arguments[parameter.name] = value
        elif parameter.default is parameter.empty:
            found.unknown.append(parameter.name)
    return found


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
    return isinstance(value, (bool, int, float, str))


def as_lists(value: object) -> object:
    """A value as writers of code take it."""
    return value.tolist() if isinstance(value, np.ndarray) else [*map(as_lists, value)] if isinstance(
        value, (list, tuple)) else value


def unknown_text(call: ConstructorCall) -> str:
    """The note where a call cannot be written."""
    return (f"{call.cls.__name__} needs {listed(call.unknown)}, which the layer does not hold; a placeholder stands in its "
            f"place. Keep them as attributes of these names, such as self.{call.unknown[0]} = {call.unknown[0]}")


def imports(calls: list[ConstructorCall]) -> Iterator[str]:
    """The lines that bring the classes into a script."""
    roots: dict[str, set[str]] = {}
    for call in filter(lambda call: call.importable, calls):
        roots.setdefault(call.cls.__module__, set()).add(call.cls.__qualname__.partition(".")[0])
    yield from (f"from {module} import {', '.join(sorted(names))}" for module, names in sorted(roots.items()))
    yield from (f"# Define the class {name} here, or import it." for name in
                sorted({call.name for call in calls if not call.importable}))
