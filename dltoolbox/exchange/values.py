"""Values of properties and attributes as JSON, and what is read of them again.

A value stands for itself, or it is an object with one key that says what it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from math import isfinite
from typing import Any

import numpy as np

from dltoolbox.core.dims import Dims
from dltoolbox.core.errors import fail
from dltoolbox.core.properties import show
from dltoolbox.exchange.container import ARRAY_TYPES, ContainerReader, Damaged
from dltoolbox.exchange.registered import function_named, name_of_function

Json = Any  # what JSON can hold
Described = dict[str, Json]
PLAIN_VERSION, CUSTOM_VERSION = 1, 2  # of files: without and with what scripts define
MOST_LEVELS = 50  # of lists in lists
OTHER_VALUES = "Use numbers, text, lists, tuples and dictionaries of them, or arrays of numbers of at most 64 bits."
NAME_FUNCTION = "Give the function a name that files can hold: @registerFunction('my.name') above its def."


@dataclass
class Writing:
    """A description that is being written.

    ``arrays`` are those that it refers to, ``dropped`` the initialisers that it leaves out, ``sizes`` what leaves each
    layer, where that is known; ``version`` is the format's that a reader needs; ``function_name`` is who writes.
    """

    sizes: Mapping[str, tuple[Dims, ...]] = field(default_factory=dict)
    arrays: dict[str, np.ndarray] = field(default_factory=dict)
    dropped: list[str] = field(default_factory=list)
    version: int = PLAIN_VERSION
    function_name: str = "saveNetwork"

    def newer(self, what: str, content: object) -> Described:
        """A value that older versions do not know."""
        self.version = CUSTOM_VERSION
        return {what: content}

    def value(self, value: object, name: str, hint: str = OTHER_VALUES, level: int = 0) -> Json:
        """A value as JSON; ``name`` and ``hint`` are for messages."""
        if isinstance(value, UnknownFunction):
            return self.newer("function", value.name)
        if callable(value):
            return self.function(value, name)
        if isinstance(value, np.generic):
            value = value.item()
        if value is None or isinstance(value, (bool, int, str)):
            return value if not isinstance(value, int) or isinstance(value, bool) else int(value)
        if isinstance(value, float):
            return float(value) if isfinite(value) else {"float": repr(float(value))}
        if isinstance(value, np.ndarray) and value.dtype.newbyteorder("<").str in ARRAY_TYPES:
            return {"array": self.array(value)}
        if level < MOST_LEVELS:
            if type(value) is tuple:
                return {"tuple": [self.value(item, name, hint, level + 1) for item in value]}
            if type(value) is list:
                return self.newer("list", [self.value(item, name, hint, level + 1) for item in value])
            if type(value) is dict:
                return self.newer("dict", [[self.value(item, name, hint, level + 1) for item in pair]
                                           for pair in value.items()])
        fail(f"{self.function_name}:unsupportedValue", f"{name} is {show(value)}, which files cannot hold.", hint)

    def function(self, value: object, name: str) -> Json:
        known = name_of_function(value)
        if known is None:
            fail(f"{self.function_name}:functionValue", f"{name} is a function, and files hold no code.",
                 f"{NAME_FUNCTION} Or set {name} to one of its named choices, where it has some.")
        return self.newer("function", known)

    def array(self, value: np.ndarray) -> str:
        member = f"arrays/{len(self.arrays)}.npy"
        if value.dtype.kind != "f":
            self.version = CUSTOM_VERSION
        self.arrays[member] = value.astype(value.dtype.newbyteorder("<"), copy=False)
        return member


@dataclass(frozen=True)
class UnknownFunction:
    """Stands for a function that the running script has not registered."""

    name: str


@dataclass
class Reading:
    """A description that is being read.

    ``used`` are the members read, ``unknown`` the names of classes and functions that nobody has defined, with the layers
    that need them, ``modules`` where classes had been defined; ``placeholders`` says whether placeholders may stand for
    these.
    """

    reader: ContainerReader
    placeholders: bool = False
    used: set[str] = field(default_factory=set)
    unknown: dict[str, list[str]] = field(default_factory=dict)
    modules: list[str] = field(default_factory=list)
    inside: Callable[[dict[str, object]], object] = field(default=lambda description: None)  # reads networks in layers

    def value(self, value: object) -> Json:
        """The inverse of `Writing.value`."""
        if value is None or isinstance(value, (bool, int, float, str)):
            return value
        if isinstance(value, dict) and len(value) == 1:
            (what, content), = value.items()
            if what == "tuple" and isinstance(content, list):
                return tuple(self.value(item) for item in content)
            if what == "list" and isinstance(content, list):
                return [self.value(item) for item in content]
            if what == "dict" and isinstance(content, list):
                return self.dictionary(content)
            if what == "array" and isinstance(content, str) and content not in self.used:
                self.used.add(content)
                return self.reader.array(content)
            if what == "float" and content in ("inf", "-inf", "nan"):
                return float(content)
            if what == "function" and isinstance(content, str):
                return function_named(content) or UnknownFunction(content)
            if what == "network" and isinstance(content, dict):
                return self.inside(content)
        raise Damaged(f"it holds the value {show(value)}, which means nothing")

    def dictionary(self, pairs: list[object]) -> dict[object, object]:
        found: dict[object, object] = {}
        for pair in pairs:
            if not isinstance(pair, list) or len(pair) != 2:
                raise Damaged(f"{show(pair)} is not an entry of a dictionary")
            key, value = map(self.value, pair)
            try:
                found[key] = value
            except TypeError:
                raise Damaged(f"{show(key)} is not the key of a dictionary") from None
        if len(found) < len(pairs):
            raise Damaged("two entries of a dictionary have the same key")
        return found

    def is_unknown(self, name: str, layer: str) -> None:
        self.unknown.setdefault(name, []).append(layer)


def has_function(value: object) -> bool:
    """Whether JSON of a value holds the name of a function."""
    if isinstance(value, dict):
        return "function" in value or any(map(has_function, value.values()))
    return isinstance(value, list) and any(map(has_function, value))


def unknown_functions(value: object) -> Iterator[str]:
    """The functions in a value that was read which nobody has defined."""
    if isinstance(value, UnknownFunction):
        yield value.name
    elif isinstance(value, (list, tuple, dict)):
        for item in (*value, *value.values()) if isinstance(value, dict) else value:
            yield from unknown_functions(item)

