"""Arrays with a DataFormat: into the order S, C, B, T, U that the ops want, and back.

Stated once for all functions: the labels may stand in any order; inside, the dimensions are permuted to S, C, B, T, U as
MATLAB stores them, and results come back in the order of the caller's labels. Trailing dimensions of size 1 may be
missing in an array, as MATLAB drops them; they are then missing in the result, too, as long as they still have size 1.

A function takes plain arrays and unformatted dlarrays with ``DataFormat``, formatted dlarrays without. It returns what it
was given: with a dlarray among its arguments a dlarray, with labels where X has labels. Its body works on payloads
(`dltoolbox.autodiff.tape.Traced`, or plain arrays), on which `apply_op` and NumPy's functions compute:

    chosen = _Options.beside(X, *pairs, **options)
    x, layout = chosen.arranged(X, weights, last="B")
    return layout.restore(apply_op("name", x, …))
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from dltoolbox.autodiff.dlarray import as_dlarray, dlarray
from dltoolbox.autodiff.labels import in_order
from dltoolbox.autodiff.tape import Payload, Traced
from dltoolbox.core import convert
from dltoolbox.core.arrays import array_of, check_room
from dltoolbox.core.convert import Convert
from dltoolbox.core.dims import DISPLAY, times
from dltoolbox.core.errors import IssueCollector, fail
from dltoolbox.core.properties import Configured, InvalidValue, Property, match


def labels(value: object) -> str:
    """A DataFormat: a word of the letters S, C, B, T, U; C, B and T occur at most once."""
    expected = "one label per dimension of X out of S, C, B, T and U, such as 'SSCB'"
    if value is None or (isinstance(value, str) and not value):
        raise InvalidValue(expected, "The array has no labels: pass for example DataFormat='SSCB' for h×w×c×N images, or a "
                           "formatted dlarray, dlarray(X, 'SSCB').", "missingDataFormat")
    if not isinstance(value, str) or set(value.upper()) - set(DISPLAY):
        raise InvalidValue(expected, "Pass for example 'SSCB': S is spatial, C channel, B batch, T time, U anything else.")
    if any(value.upper().count(label) > 1 for label in "CBT"):
        raise InvalidValue(f"{expected}, with C, B and T at most once", "Label further dimensions U.")
    return value.upper()


def data_format() -> Property[str]:
    """The DataFormat option, without which no function of labels works."""
    return Property(labels, "", "Labels of the dimensions, in the order of the array.")


def optional_labels(value: object) -> str:
    """Labels, or none."""
    return "" if isinstance(value, str) and not value else labels(value)


def operand(value: object) -> Any:
    """An option that holds an array, or a dlarray, which stays one."""
    return value if isinstance(value, dlarray | Traced) else convert.array(value)


class LabelledOptions(Configured):
    """Options of functions of an array with labels: those of a formatted dlarray, or of ``DataFormat``."""

    DataFormat = data_format()

    @classmethod
    def beside(cls, X: object, /, *arguments: object, **options: object) -> Self:
        """The options that stand beside an array, and the labels that it has."""
        if isinstance(X, dlarray) and X.labels:
            words = [*options, *(word for word in arguments if isinstance(word, str))]
            if any(match(word, cls.properties) == "DataFormat" for word in words):
                fail(f"{cls.label()}:formatTwice", f"The dlarray has the labels '{X.labels}', and {cls.label()} was given "
                     "DataFormat as well.", "Leave DataFormat out, or take the labels off: stripdims(X).")
            options["DataFormat"] = X.labels
        return cls(*arguments, **options)

    def arranged(self, X: object, *others: object, first: str = "", last: str = "",
                 what: str = "X") -> tuple[Payload, LabelledLayout]:
        """X in the order of work, and how results go back; they are dlarrays where one of the other arrays is one, too."""
        payload = real_payload(X, self.label(), what)
        layout = LabelledLayout.of(self.DataFormat, self.label(), first=first, last=last, ndim=payload.ndim,
                                   formatted=isinstance(X, dlarray) and bool(X.labels),
                                   tracing=any(isinstance(array, dlarray) for array in (X, *others)))
        return layout.arrange(payload, what), layout


def unconverted(value: object) -> Any:
    """An option that is converted when the others are known."""
    return value


@dataclass(frozen=True)
class LabelledLayout:
    """Positions of the caller's dimensions when the ops work: ``order[i]`` is the caller's axis at place ``i``.

    Attributes:
        given: The caller's labels.
        order: See above.
        function: Whose.
        ndim: How many dimensions the caller's array has.
        formatted: Whether results have labels, as X is a formatted dlarray.
        tracing: Whether results are dlarrays.
    """

    given: str
    order: tuple[int, ...]
    function: str
    ndim: int = 0
    formatted: bool = False
    tracing: bool = False

    @classmethod
    def of(cls, given: str, function: str, *, first: str = "", last: str = "", ndim: int = 0,
           formatted: bool = False, tracing: bool = False) -> LabelledLayout:
        """The order S, C, B, T, U, with the labels in ``first`` moved to the front and those in ``last`` to the end."""
        def place(axis: int) -> tuple[int, int]:
            label = given[axis]
            return (0 if label in first else 2 + last.index(label) if label in last else 1, DISPLAY.index(label))
        return cls(given, tuple(sorted(range(len(given)), key=place)), function, ndim, formatted, tracing)

    @property
    def labels(self) -> str:
        """The labels in the order of work."""
        return "".join(self.given[axis] for axis in self.order)

    def arrange(self, array: Payload, what: str = "X") -> Payload:
        """An array in the order of work and with all its dimensions; a view where possible."""
        if array.ndim > len(self.given):
            fail(f"{self.function}:dataFormatMismatch", f"{what} has {array.ndim} dimensions ({times(array.shape)}), but "
                 f"DataFormat '{self.given}' labels {len(self.given)}.", "Give one label per dimension.")
        return axes_in_order(shaped(array, self.full(array.shape)), self.order)

    def like_x(self, array: object, what: str) -> Payload:
        """Another array with the dimensions of X: in the same order, or, if it is a formatted dlarray, by its own labels."""
        payload = real_payload(array, self.function, what)
        if not isinstance(array, dlarray) or not array.labels:
            return self.arrange(payload, what)
        free, axes = list(enumerate(array.labels)), []
        for label in self.labels:
            axes.append(next((pair for pair in free if pair[1] == label), None))
            if axes[-1]:
                free.remove(axes[-1])
        if free:
            fail(f"{self.function}:formatMismatch", f"{what} has the labels '{array.labels}', but X has '{self.given}'.",
                 f"Give {what} the labels of X.")
        there = [pair[0] for pair in axes if pair]
        sizes = [array.shape[pair[0]] if pair else 1 for pair in axes]
        return shaped(axes_in_order(payload, there), sizes)

    def full(self, sizes: Sequence[int]) -> tuple[int, ...]:
        """Sizes with the trailing ones that MATLAB drops."""
        return (*sizes, *[1] * (len(self.given) - len(sizes)))

    def arranged(self, sizes: Sequence[int]) -> tuple[int, ...]:
        """Sizes in the caller's order → in the order of work."""
        full = self.full(sizes)
        return tuple(full[axis] for axis in self.order)

    def given_sizes(self, arranged: Sequence[int]) -> tuple[int, ...]:
        """Sizes in the order of work → in the caller's order, as many as the caller's array has."""
        return tuple(arranged[self.order.index(axis)] for axis in range(len(self.order)))[:self.ndim]

    def restore(self, array: Payload, ndim: int | None = None) -> Any:
        """A result back in the caller's order, without those trailing ones that the caller's array lacked."""
        back = axes_in_order(array, [self.order.index(axis) for axis in range(len(self.order))])
        shape, least = back.shape, self.ndim if ndim is None else ndim
        while len(shape) > least and shape[-1] == 1:
            shape = shape[:-1]
        return self.result(shaped(back, shape), self.given)

    def result(self, payload: Payload, labels: str = "") -> Any:
        """The result for the caller: a dlarray if any argument is one, with labels if X has some; otherwise the array."""
        if not self.tracing:
            return payload
        if not self.formatted or not labels:
            return as_dlarray(payload, "")
        return as_dlarray(*in_order(payload, labels, self.function))


def axes_in_order(array: Payload, order: Sequence[int]) -> Payload:
    """The axes in another order."""
    return array if list(order) == list(range(array.ndim)) else array.transpose(tuple(order))


def shaped(array: Payload, shape: Sequence[int]) -> Payload:
    """The same elements in another shape."""
    return array if array.shape == tuple(shape) else array.reshape(tuple(shape))


def real_payload(X: object, function: str, what: str) -> Payload:
    """`real_array` of an array of any kind: a dlarray gives what it holds, traced where it is."""
    if not isinstance(X, dlarray | Traced):
        return real_array(X, function, what)
    payload = X.payload if isinstance(X, dlarray) else X
    return payload if payload.dtype.kind == "f" else payload.astype(np.float64)


def result_like(X: object, payload: Payload) -> Any:
    """The result of a function that keeps sizes, as the kind of array that X is."""
    return as_dlarray(payload, X.labels) if isinstance(X, dlarray) else payload


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
