"""Lists and objects that are copies of what is inside: what can be changed in them, and what is told of all else."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, ClassVar, NoReturn, TypeVar

from dltoolbox.core.errors import fail
from dltoolbox.core.properties import unknown_name
from dltoolbox.core.statements.lost import Lost, references, refuse_lost

T = TypeVar("T")
CHANGING_OPERATORS = ("__setitem__", "__delitem__", "__iadd__", "__imul__")
CHANGING_METHODS = ("append", "extend", "insert", "pop", "remove", "clear", "sort", "reverse")


class Sealed:
    """An object whose attributes are read, not assigned, once it is ``_sealed``; private ones are its own affair."""

    _sealed: bool = False
    _open: ClassVar[bool] = False  # whether attributes that it has can be assigned all the same
    _instead: ClassVar[str] = "Make a new one."

    def __setattr__(self, name: str, value: object) -> None:
        if self._sealed and not name.startswith("_") and not (self._open and name in vars(self)):
            what, names = type(self).__name__, [name for name in dir(self) if not name.startswith("_")]
            if name not in names:
                unknown_name(what, name, [name for name in names if name[0].isupper()] or names)
            fail(f"{what}:readOnly", f"'{name}' of a {what} cannot be assigned.", self._instead)
        object.__setattr__(self, name, value)


class CopiedList(Sealed, list[T]):
    """A list that is made for whoever asks. Those who keep it can change it; any other change is lost, and refused."""

    _sealed = True
    _instead = "Assign its elements."
    label: ClassVar[str] = "list"
    lost: ClassVar[Lost] = Lost("The change would be lost: nothing keeps this copy of the list.", "Keep it in a variable.")

    def __reduce__(self) -> tuple[type[CopiedList[T]], tuple[list[T]]]:
        return type(self), ([*self],)


class Names(CopiedList[str]):
    """Names that follow from something else."""

    label = "names"
    lost = Lost("The change would be lost: the names follow from what they belong to, and nothing keeps this copy of them.",
                "To change a list of your own, keep it first: names = net.InputNames.")


class FixedList(Sealed, list[T]):
    """A list that nobody changes, since nothing would follow from it; ``list(names)`` is one that can be changed."""

    _sealed = True
    label: ClassVar[str] = "list"
    lost: ClassVar[Lost] = Lost("This list cannot be changed.", "Make one of your own: names = list(…).")

    def __reduce__(self) -> tuple[type[FixedList[T]], tuple[list[T]]]:
        return type(self), ([*self],)


def _for_keepers(name: str) -> Callable[..., Any]:
    method, called = getattr(list, name), name in CHANGING_METHODS

    @wraps(method)
    def change(self: CopiedList[object], *args: object, **kwargs: object) -> Any:
        refuse_lost(references(self), self, self.label, self.lost, called=called)
        return method(self, *args, **kwargs)
    return change


def _for_nobody(name: str) -> Callable[..., NoReturn]:
    @wraps(getattr(list, name))
    def change(self: FixedList[object], *args: object, **kwargs: object) -> NoReturn:
        fail(f"{self.label}:readOnly", self.lost.message, self.lost.hint)
    return change


for _name in (*CHANGING_OPERATORS, *CHANGING_METHODS):
    setattr(CopiedList, _name, _for_keepers(_name))
    setattr(FixedList, _name, _for_nobody(_name))
