"""Arrays with a DataFormat: into the order S, C, B, T, U that the ops want, and back.

Stated once for all functions: the labels may stand in any order; inside, the dimensions are permuted to S, C, B, T, U as
MATLAB stores them, and results come back in the order of the caller's labels. Trailing dimensions of size 1 may be
missing in an array, as MATLAB drops them; they are then missing in the result, too, as long as they still have size 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dltoolbox.core.arrays import array_of, check_room
from dltoolbox.core.convert import Convert
from dltoolbox.core.dims import DISPLAY, times
from dltoolbox.core.errors import IssueCollector, fail
from dltoolbox.core.properties import Configured, InvalidValue, Property


def labels(value: object) -> str:
    """A DataFormat: a word of the letters S, C, B, T, U; C, B and T occur at most once."""
    expected = "one label per dimension of X out of S, C, B, T and U, such as 'SSCB'"
    if value is None or (isinstance(value, str) and not value):
        raise InvalidValue(expected, "Arrays carry no labels: pass for example DataFormat='SSCB' for h×w×c×N images.",
                           "missingDataFormat")
    if not isinstance(value, str) or set(value.upper()) - set(DISPLAY):
        raise InvalidValue(expected, "Pass for example 'SSCB': S is spatial, C channel, B batch, T time, U anything else.")
    if any(value.upper().count(label) > 1 for label in "CBT"):
        raise InvalidValue(f"{expected}, with C, B and T at most once", "Label further dimensions U.")
    return value.upper()


def data_format() -> Property[str]:
    """The DataFormat option, without which no function of labels works."""
    return Property(labels, "", "Labels of the dimensions, in the order of the array.")


def unconverted(value: object) -> Any:
    """An option that is converted when the others are known."""
    return value


@dataclass(frozen=True)
class LabelledLayout:
    """Positions of the caller's dimensions when the ops work: ``order[i]`` is the caller's axis at place ``i``."""

    given: str
    order: tuple[int, ...]
    function: str

    @classmethod
    def of(cls, given: str, function: str, *, first: str = "", last: str = "") -> LabelledLayout:
        """The order S, C, B, T, U, with the labels in ``first`` moved to the front and those in ``last`` to the end."""
        def place(axis: int) -> tuple[int, int]:
            label = given[axis]
            return (0 if label in first else 2 + last.index(label) if label in last else 1, DISPLAY.index(label))
        return cls(given, tuple(sorted(range(len(given)), key=place)), function)

    @property
    def labels(self) -> str:
        """The labels in the order of work."""
        return "".join(self.given[axis] for axis in self.order)

    def arrange(self, array: np.ndarray, what: str = "X") -> np.ndarray:
        """An array in the order of work and with all its dimensions; a view where possible."""
        if array.ndim > len(self.given):
            fail(f"{self.function}:dataFormatMismatch", f"{what} has {array.ndim} dimensions ({times(array.shape)}), but "
                 f"DataFormat '{self.given}' labels {len(self.given)}.", "Give one label per dimension.")
        return array.reshape(self.full(array.shape)).transpose(self.order)

    def full(self, sizes: Sequence[int]) -> tuple[int, ...]:
        """Sizes with the trailing ones that MATLAB drops."""
        return (*sizes, *[1] * (len(self.given) - len(sizes)))

    def arranged(self, sizes: Sequence[int]) -> tuple[int, ...]:
        """Sizes in the caller's order → in the order of work."""
        full = self.full(sizes)
        return tuple(full[axis] for axis in self.order)

    def restore(self, array: np.ndarray, ndim: int) -> np.ndarray:
        """A result back in the caller's order, without those trailing ones that the caller's array lacked."""
        back = array.transpose(np.argsort(self.order))
        while back.ndim > ndim and back.shape[-1] == 1:
            back = back[..., 0]
        return back


def real_array(X: object, function: str, what: str) -> np.ndarray:
    """Any array-like of real numbers, as floating point; single stays single, integers and logicals become double."""
    array = array_of(X)
    if array is None or array.dtype.kind not in "fiub":
        kind = f"an array of {array.dtype}" if array is not None and array.ndim else type(X).__name__
        fail(f"{function}:notNumeric", f"{what} of {function} must be an array of real numbers, but it is {kind}.",
             "Convert it with np.asarray(…, dtype=float); take abs or real and imaginary parts of complex numbers.")
    check_room(array.nbytes, f"{function}:tooLarge", f"{what} of {function} of size {times(array.shape)}",
               "Pass a part of it at a time.")
    if array.dtype.kind != "f":
        return array.astype(np.float64)
    return array.astype(np.float32) if array.dtype == np.float16 else array


def refine(options: Configured, name: str, convert: Convert[object], issues: IssueCollector) -> None:
    """Convert an option that was kept as `unconverted`, with the same messages as if it had been declared so."""
    refined = Property(convert)
    refined.name = refined.argument = name
    refined.store(options, options.__dict__[name], issues)
