"""Names under which files know what a script has defined: its classes of layers, and functions.

Files hold no code, and reading one imports and executes none: a name in a file means a class or function that the running
program has defined before. A class of layers is known without further ado by its module and name; a function only under a
name that the script gave it, so that no file can choose among all functions there are.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TypeVar

from dltoolbox.core.convert import LONGEST_NAME, Function
from dltoolbox.core.errors import fail
from dltoolbox.core.properties import show
from dltoolbox.layers.base import Layer

T = TypeVar("T")
OWN = "dltoolbox"  # the module whose classes and functions are no user's
_named_layers: dict[str, type[Layer]] = {}
_named_functions: dict[str, Function] = {}


def registerLayer(name: str, cls: type[Layer] | None = None) -> Function:
    """Give a class of layers the name under which files know it: a decorator.

    Without it, the name is that of the module and the class, ``mylayers.PReLU``; in a script or notebook,
    ``__main__.PReLU``. A name of your own goes on to mean the class when it moves to another module, or to another name.

    Args:
        name: A text, such as ``'my.PReLU'``.
        cls: The class; without it, the decorator of one is returned.

    Returns:
        The class.

    Raises:
        DltoolboxError: ``dltoolbox:registerLayer:invalidName``; ``…:notALayerClass``; ``…:nameTaken`` if another class
            has the name. The same class, defined again, takes its own place.

    Example:
        >>> @registerLayer('my.Twice')
        ... class Twice(Layer):
        ...     build = lambda self, g, x: g.add(x, x)
        >>> Twice.__name__
        'Twice'
    """
    check_name(name, "registerLayer", "class PReLU(Layer): …")

    def enter(cls: type[Layer]) -> type[Layer]:
        if not (isinstance(cls, type) and issubclass(cls, Layer)) or is_own(cls):
            fail("registerLayer:notALayerClass", f"registerLayer names classes that are derived from Layer, but this is "
                 f"{show(cls)}.", "Write it above the class: @registerLayer('my.PReLU') above class PReLU(Layer).")
        enter_name(_named_layers, name, cls, "registerLayer")
        return cls
    return enter if cls is None else enter(cls)


def registerFunction(name: str, function: Function | None = None) -> Function:
    """Give a function the name under which files know it: a decorator.

    Networks with functions, such as those of functionLayer, are saved only if the functions have names. When the file is
    loaded, the running script must have registered a function under that name.

    Args:
        name: A text, such as ``'my.halve'``.
        function: The function; without it, the decorator of one is returned.

    Returns:
        The function.

    Raises:
        DltoolboxError: ``dltoolbox:registerFunction:invalidName``; ``…:notAFunction``; ``…:nameTaken`` if another function
            has the name. The same function, defined again, takes its own place.

    Example:
        >>> @registerFunction('my.halve')
        ... def halve(X):
        ...     return X / 2
        >>> halve(3)
        1.5
    """
    check_name(name, "registerFunction", "def halve(X): …")

    def enter(function: Function) -> Function:
        if not callable(function):
            fail("registerFunction:notAFunction", f"registerFunction names functions, but this is {show(function)}.",
                 "Write it above the function: @registerFunction('my.halve') above def halve(X).")
        enter_name(_named_functions, name, function, "registerFunction")
        return function
    return enter if function is None else enter(function)


def check_name(name: object, function: str, example: str) -> None:
    if not isinstance(name, str) or not 0 < len(name) <= LONGEST_NAME:
        fail(f"{function}:invalidName", f"The name must be a text of 1 to {LONGEST_NAME} characters, but it is "
             f"{show(name)}.", f"Write @{function}('my.name') above {example}")


def enter_name(table: dict[str, T], name: str, thing: T, function: str) -> None:
    """Under each name one thing, which may be defined again, as a cell of a notebook does."""
    there = table.get(name)
    if there is not None and origin(there) != origin(thing):
        fail(f"{function}:nameTaken", f"'{name}' is the name of {origin(there)} already.",
             f"Choose another name for {origin(thing)}.")
    table[name] = thing


def origin(thing: object) -> str:
    """``module.name``, where it was defined."""
    return f"{getattr(thing, '__module__', '?')}.{getattr(thing, '__qualname__', type(thing).__name__)}"


def is_own(cls: type) -> bool:
    """Whether a class is the toolbox's: it stands at the top of one of its modules."""
    module = cls.__module__
    return module.partition(".")[0] == OWN and vars(sys.modules.get(module, object)).get(cls.__qualname__) is cls


def name_of_class(cls: type[Layer]) -> str:
    """The name under which files know a class."""
    if is_own(cls):
        return str(vars(cls).get("name_in_files", origin(cls)))
    return next((name for name, one in _named_layers.items() if one is cls), origin(cls))


def name_of_function(function: object) -> str | None:
    """The name under which files know a function, if it has one."""
    return next((name for name, one in _named_functions.items() if one is function), None)


def class_named(name: str) -> type[Layer] | None:
    """The class of a name; of several that were defined one after the other, the last."""
    if name in _named_layers:
        return _named_layers[name]
    found = [cls for cls in below(Layer) if is_own(cls) and vars(cls).get("name_in_files") == name]
    found += [cls for cls in defined(Layer) if origin(cls) == name]
    return found[-1] if found else None


def function_named(name: str) -> Function | None:
    return _named_functions.get(name)


def below(base: type[Layer]) -> Iterator[type[Layer]]:
    """All classes of layers, in the order of their definition below each base."""
    for cls in base.__subclasses__():
        yield cls
        yield from below(cls)


def defined(base: type[Layer]) -> Iterator[type[Layer]]:
    """Those that are not the toolbox's."""
    return (cls for cls in below(base) if not is_own(cls))


def namesake(name: str) -> str:
    """The name of a class that is called like the last part of a name, elsewhere; empty where there is none."""
    last = name.rpartition(".")[2]
    return next((origin(cls) for cls in defined(Layer) if cls.__name__ == last), "")
