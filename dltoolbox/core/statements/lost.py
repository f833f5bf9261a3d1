"""Changes that nobody will ever see, because they happen in a copy that only the statement itself holds.

In ``net.Layers[2].Bias = 0`` Python makes the copy, assigns and throws it away; ``layer = net.Layers[2]`` keeps it first.
The number of references tells the two apart: the first object has those of the statement alone, and how many these are is
found out at import. A Python that does not count (PyPy) refuses nothing; one that does not count local variables (3.14) has
the frame asked for them as well.

In ``for layer in net.Layers: layer.Bias = 0`` the loop variable holds each copy, for one turn. A `WatchingIterator` does not
keep the list that it walks over, so it sees whether anybody does, and at the end of each turn whether the layer was kept.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from inspect import CO_GENERATOR
from types import CellType, CoroutineType, FrameType, GeneratorType, MethodType
from typing import ClassVar, Generic, NamedTuple, TypeVar
from weakref import ref

from dltoolbox.core.errors import DltoolboxError, Issue, fail, warn

T = TypeVar("T")
PASSING = (FrameType, GeneratorType, CoroutineType, CellType, MethodType, enumerate, zip)  # they keep nothing for anybody
LOOP_FRAMES = 3  # that a loop spans at most: itself, and generators that it goes through
references: Callable[[object], int] = getattr(sys, "getrefcount", lambda thing: 1)


class _Probe:
    count: ClassVar[int] = 0

    def __setattr__(self, name: str, value: object) -> None:
        _Probe.count = references(self)

    def change(self) -> None:
        _Probe.count = references(self)


def _held_by_a_statement() -> tuple[int, int]:
    """References to an object that nothing but the statement holds: in its own ``__setattr__``, and in a method that is
    called; 0 if that tells nothing.
    """
    kept = [_Probe()]
    _Probe().any = 0
    alone = _Probe.count
    kept[0].any = 0
    alone = alone if alone < _Probe.count else 0
    _Probe().change()
    called = _Probe.count
    kept[0].change()
    return alone, called if called < _Probe.count else 0


ALONE, CALLED_ALONE = _held_by_a_statement()


class Lost(NamedTuple):
    """The assignment that would be lost, how to keep it, and the layer that it concerns."""

    message: str
    hint: str
    layer: str = ""


def refuse_lost(held: int, thing: object, label: str, lost: Lost | Callable[[str], Lost], name: str = "", *,
                called: bool = False) -> None:
    """Raise ``label:lostAssignment`` where a change of a thing is lost.

    Args:
        held: ``references(self)``, counted in ``__setattr__``, ``__setitem__`` or such, or (``called``) in a method, before
            anything else refers to ``self``, and where no function is made that does.
        thing: What is to be changed.
        label: Owner of the identifier.
        lost: What to say, or who tells it of the name of a property.
        name: The property, if any.
        called: Whether a method was called.
    """
    few = held <= (CALLED_ALONE if called else ALONE)
    if few and not _names(thing, sys._getframe(2)) and not any(_contains(holder, []) for holder in gc.get_referrers(thing)):
        message, hint, layer = lost if isinstance(lost, Lost) else lost(name)
        fail(f"{label}:lostAssignment", message, hint, layer=layer)


def _names(thing: object, frame: FrameType) -> int:
    """How many variables of a frame hold a thing; those of its module with them, unless it only passes things through."""
    seen = [*frame.f_locals.values()]
    if frame.f_globals is not frame.f_locals and not frame.f_code.co_flags & CO_GENERATOR:
        seen += frame.f_globals.values()
    return sum(value is thing for value in seen)


# Loops ---------------------------------------------------------------------------------------------------------------
# What walks over temporary lists have just handed out, by id: as it was then, or when somebody last took a copy.
_handed_out: dict[int, dict[str, object]] = {}


def noted_as_copied(thing: object) -> None:
    """Say that somebody copies a thing as it is now, so that changes up to here are not lost."""
    if id(thing) in _handed_out:
        _handed_out[id(thing)] = {**vars(thing)}


class WatchingIterator(Generic[T]):
    """An iterator over a list that does not keep the list.

    In a loop over a list that somebody keeps it does nothing else. Otherwise it looks at each element once more at the end
    of its turn, and raises if that was changed and is kept by nothing but the variable of the loop. A loop that is left in
    between gets a warning: its variable may be what keeps the element.

    Args:
        things: The list, of a class that can have weak references.
        items: Its elements in the order of the walk.
        lost: What is said of an element, a property that was changed, and all properties as they were.
    """

    __slots__ = ("_items", "_last", "_lost", "_things", "_watching")

    def __init__(self, things: Iterable[T], items: Iterable[T],
                 lost: Callable[[T, str, Mapping[str, object]], Issue]) -> None:
        self._things, self._items, self._lost = ref(things), [*items][::-1], lost
        self._watching: bool | None = None  # not known before the first element is asked for
        self._last: T | None = None

    def __iter__(self) -> Iterator[T]:
        return self

    def __next__(self) -> T:
        if self._watching is None:
            self._watching = bool(ALONE) and self._things() is None
        if (issue := self._end_of_turn()) is not None:
            raise DltoolboxError(issue)
        if not self._items:
            raise StopIteration
        item = self._items.pop()
        if self._watching and hasattr(item, "__dict__"):
            self._last = item
            _handed_out[id(item)] = {**vars(item)}
        return item

    def __length_hint__(self) -> int:
        return len(self._items)

    def __del__(self) -> None:
        if not sys.is_finalizing() and (issue := self._end_of_turn()) is not None:
            warn(issue.identifier.removeprefix("dltoolbox:"), issue.message, issue.hint)

    def _end_of_turn(self) -> Issue | None:
        """The change that was lost in the turn that ends."""
        item, self._last = self._last, None
        if item is None:
            return None
        before = _handed_out.pop(id(item), {})
        changed = [name for name, value in vars(item).items() if before.get(name) is not value]
        if not changed:
            return None
        if _kept(item, sys._getframe(2)):
            self._watching = False  # who keeps one, keeps all that he wants
            return None
        return self._lost(item, changed[0], before)


def _kept(item: object, frame: FrameType | None) -> bool:
    """Whether an element is held by more than one variable of a loop: by a second one, or in a container."""
    variables = list[object]()  # what refers to the element for the sake of variables, and of this search
    for _ in range(LOOP_FRAMES):
        if frame is None:
            break
        if _names(item, frame) > 1:
            return True
        variables += [frame.f_locals, frame.f_globals]
        frame = frame.f_back
    holders = gc.get_referrers(item)
    return any(_contains(holder, [*variables, holders]) for holder in holders if not isinstance(holder, WatchingIterator))


def _contains(holder: object, variables: list[object]) -> bool:
    """Whether who refers to an element is a container of the user's, and not what enumerate or zip hands out."""
    if isinstance(holder, tuple):
        holders = gc.get_referrers(holder)
        return any(_contains(outer, [*variables, holders]) for outer in holders)
    return not isinstance(holder, PASSING) and not any(holder is known for known in variables)
