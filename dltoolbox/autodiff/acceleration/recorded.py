"""Arrays whose every computation is written down: what `dlaccelerate` makes programs of.

A `Recorded` stands where the tape has plain arrays. Everything that is done with them, forward and backward, goes through
NumPy's protocols, and so into a `Recording`: nothing that depends on values can be left out. Where Python asks for a value
itself, to decide or to compute by, the recording cannot stand for other values, and says so.
"""

from __future__ import annotations

import operator
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin


class RecordSlot(NamedTuple):
    """The place of a value in a program."""

    number: int


class Instruction(NamedTuple):
    """One call: a function, its arguments with slots in the place of values, and where its results go.

    ``result`` is a slot, a tuple of them, or None for results that are no arrays.
    """

    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    options: Mapping[str, Any]
    result: Any


class Recording:
    """All that was computed, in order; ``spoilt`` says where a value was looked at."""

    def __init__(self) -> None:
        self.instructions: list[Instruction] = []
        self.values: list[Any] = []
        self.spoilt = ""

    def entering(self, value: np.ndarray) -> Recorded:
        """An array that will differ from run to run."""
        self.values.append(value)
        return Recorded(value, RecordSlot(len(self.values) - 1), self)

    def call(self, function: Callable[..., Any], arguments: Sequence[Any], options: Mapping[str, Any]) -> Any:
        """The result of a call, which is written down."""
        value = function(*map(plain_values, arguments), **{name: plain_values(option) for name, option in options.items()})
        result = self.placed(value)
        self.instructions.append(Instruction(function, tuple(map(slotted, arguments)),
                                             {name: slotted(option) for name, option in options.items()}, slotted(result)))
        return result

    def placed(self, value: Any) -> Any:
        """Arrays and other objects of a result, each with a slot of its own."""
        if isinstance(value, tuple | list):
            items = list(map(self.placed, value))
            return type(value)(*items) if hasattr(value, "_fields") else type(value)(items)
        if isinstance(value, np.generic):
            return self.entering(np.asarray(value))
        return value if value is None or isinstance(value, bool | int | float | str) else self.entering(value)

    def looked_at(self, what: str) -> None:
        """A value decides something: noted with the line of the function that asked."""
        if not self.spoilt:
            frame = sys._getframe(2)
            while frame.f_back is not None and str(frame.f_globals.get("__name__")).startswith(("dltoolbox.", "numpy.")):
                frame = frame.f_back
            self.spoilt = f"{what} in {frame.f_code.co_filename}, line {frame.f_lineno}"


UNRECORDED = (np.shape, np.ndim, np.size, np.result_type, np.may_share_memory)


class Recorded(NDArrayOperatorsMixin):
    """A value, and its place in the recording."""

    __slots__ = ("recording", "slot", "value")
    __array_priority__ = 500.0

    def __init__(self, value: Any, slot: RecordSlot, recording: Recording) -> None:
        self.value, self.slot, self.recording = value, slot, recording

    @property
    def shape(self) -> Any:
        return self.value.shape

    @property
    def ndim(self) -> Any:
        return self.value.ndim

    @property
    def dtype(self) -> Any:
        return self.value.dtype

    @property
    def size(self) -> Any:
        return self.value.size

    @property
    def nbytes(self) -> Any:
        return self.value.nbytes

    @property
    def T(self) -> Any:
        return np.transpose(self)

    def __len__(self) -> int:
        return len(self.value)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        if any(map(stands_above, map(type, inputs))):
            return NotImplemented
        if options.get("out") is not None:
            raise TypeError(f"{ufunc.__name__} in the place of an array cannot be recorded")
        return self.recording.call(ufunc if method == "__call__" else getattr(ufunc, method), inputs, options)

    def __array_function__(self, function: Any, types: Any, arguments: Any, options: Any) -> Any:
        if any(map(stands_above, types)):
            return NotImplemented
        if function in UNRECORDED:
            return function(*map(plain_values, arguments), **options)
        result = self.recording.call(function, arguments, options)
        if isinstance(result, bool | int | float):
            self.recording.looked_at(function.__name__)
        return result

    def __getitem__(self, index: Any) -> Any:
        return self.recording.call(operator.getitem, (self, index), {})

    def __getattr__(self, name: str) -> Any:
        """The methods of arrays."""
        if name not in METHODS_OF_ARRAYS:
            raise AttributeError(f"a recorded array has no attribute '{name}'")
        return lambda *arguments, **options: self.recording.call(call_method, (name, self, *arguments), options)

    # Values that Python asks for -------------------------------------------------------------------------------------
    def asked(self, what: str) -> Any:
        self.recording.looked_at(what)
        return self.value

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self.asked("values taken out"), dtype=dtype)

    def __bool__(self) -> bool:
        return bool(self.asked("a decision"))

    def __float__(self) -> float:
        return float(self.asked("float"))

    def __int__(self) -> int:
        return int(self.asked("int"))

    def __index__(self) -> int:
        return int(self.asked("an index").__index__())

    def item(self, *place: int) -> Any:
        return self.asked("item").item(*place)

    def tolist(self) -> Any:
        return self.asked("tolist").tolist()


def stands_above(kind: type) -> bool:
    """Whether arrays of a type hold recorded ones, as those on the tape do: they answer NumPy first."""
    return kind.__name__ in ("Traced", "dlarray")


def call_method(name: str, x: Any, *arguments: Any, **options: Any) -> Any:
    """A method of an array, as a function."""
    return getattr(x, name)(*arguments, **options)


METHODS_OF_ARRAYS = frozenset((
    "all", "any", "argmax", "argmin", "argsort", "astype", "clip", "copy", "cumsum", "max", "mean", "min", "prod", "ravel",
    "reshape", "squeeze", "std", "sum", "swapaxes", "transpose", "var"))


def plain_values(x: Any) -> Any:
    """Values in the place of recorded ones, in containers as well."""
    return mapped_recorded(lambda recorded: recorded.value, x)


def slotted(x: Any) -> Any:
    """Slots in the place of recorded values."""
    return mapped_recorded(lambda recorded: recorded.slot, x)


def mapped_recorded(function: Callable[[Recorded], Any], x: Any) -> Any:
    """The function's results in the place of recorded values: lists, tuples and dicts are gone through."""
    return replaced_within(Recorded, function, x)


def mapped_slots(function: Callable[[RecordSlot], Any], x: Any) -> Any:
    """The function's results in the place of slots."""
    return replaced_within(RecordSlot, function, x)


def replaced_within(kind: type, function: Callable[[Any], Any], x: Any) -> Any:
    """The function's results in the place of everything of a kind; slices are gone through, too."""
    if isinstance(x, kind):
        return function(x)
    if isinstance(x, list | tuple):
        items = [replaced_within(kind, function, item) for item in x]
        return type(x)(*items) if hasattr(x, "_fields") else type(x)(items)
    if isinstance(x, dict):
        return {key: replaced_within(kind, function, value) for key, value in x.items()}
    if isinstance(x, slice):
        return slice(*(replaced_within(kind, function, part) for part in (x.start, x.stop, x.step)))
    return x


def opaque(function: Callable[..., Any], /, *arguments: Any, **options: Any) -> Any:
    """A call whose inside is none of a recording's business: plain Python that computes with arrays."""
    recording = recording_in((arguments, options))
    return function(*arguments, **options) if recording is None else recording.call(function, arguments, options)


def recording_in(x: Any) -> Recording | None:
    """The recording that some value within belongs to."""
    if isinstance(x, Recorded):
        return x.recording
    if isinstance(x, list | tuple):
        return next((found for item in x if (found := recording_in(item)) is not None), None)
    return recording_in(tuple(x.values())) if isinstance(x, dict) else None


def slots_in(x: Any) -> set[int]:
    """Numbers of all slots within."""
    found: set[int] = set()
    mapped_slots(lambda slot: found.add(slot.number), x)
    return found
