"""`dlarray`: an array with labels, whose computations can be differentiated."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from dltoolbox.autodiff import rules  # noqa: F401
from dltoolbox.autodiff.acceleration.recorded import Recorded
from dltoolbox.autodiff.display import dlarray_text
from dltoolbox.autodiff.labels import checked_format, expanded_by_label, in_order, indexed, product, without_axes
from dltoolbox.autodiff.operators import with_operators
from dltoolbox.autodiff.rules.arranging import assigned, with_others
from dltoolbox.autodiff.tape import TAPE, Payload, Traced, looked_at, method_of_numpy, on_ufunc, raw_values, refuse_in_place
from dltoolbox.core.arrays import array_of
from dltoolbox.core.dims import times
from dltoolbox.core.errors import fail, warn
from dltoolbox.core.properties import show


class dlarray(NDArrayOperatorsMixin):
    """An array that can be differentiated, with a label per dimension or without labels: ``dlarray(X, 'SSCB')``.

    It works like a NumPy array: operators, indexing (0-based) and NumPy's functions give dlarrays, and inside `dlfeval` all
    of it is noted for gradients. Where labelled arrays meet, dimensions of the same label meet; see docs/dlarray.md.

    Args:
        X: Real numbers, or a dlarray. Single stays single; integers become double; logical stays logical.
        fmt: A label per dimension: S spatial, C channel, B observation, T time, U anything else. Dimensions are moved into
            that order; dimensions of size 1 at the end may be left out of X.

    Raises:
        DltoolboxError: ``dltoolbox:dlarray:notNumeric``, ``…:complex``, ``…:invalidFormat``, ``…:repeatedLabel``,
            ``…:formatMismatch``.

    Example:
        >>> X = dlarray(np.ones((2, 3)), 'BC')
        >>> X
          3(C) × 2(B) dlarray
        <BLANKLINE>
             1     1
             1     1
             1     1
        >>> dims(X + dlarray([1, 2, 3], 'C')), (X * 2).shape
        ('CB', (3, 2))

    Source:
        MathWorks documentation of dlarray.
    """

    __slots__ = ("__weakref__", "labels", "payload")
    labels: str
    payload: Payload
    __array_priority__ = 2000.0

    def __init__(self, X: object, fmt: str = "") -> None:
        payload = X.payload if isinstance(X, dlarray) else real_numbers(X)
        if fmt is None or fmt == "":
            self.payload, self.labels = payload, X.labels if isinstance(X, dlarray) else ""
        else:
            self.payload, self.labels = in_order(payload, checked_format(fmt, "dlarray"), "dlarray")

    # What an array knows ---------------------------------------------------------------------------------------------
    @property
    def dims(self) -> str:
        """The labels, '' of an unformatted array."""
        return self.labels

    @property
    def plain(self) -> np.ndarray:
        """The values, for whoever looks at no more than their kind."""
        values: np.ndarray = raw_values(self.payload)
        return values

    @property
    def shape(self) -> tuple[int, ...]:
        return self.plain.shape

    @property
    def ndim(self) -> int:
        return self.plain.ndim

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.plain.dtype

    @property
    def size(self) -> int:
        return self.plain.size

    @property
    def nbytes(self) -> int:
        return self.plain.nbytes

    @property
    def traced(self) -> bool:
        """Whether gradients can go through."""
        return isinstance(self.payload, Traced) and self.payload.origin is not None

    def __len__(self) -> int:
        return len(self.plain)

    def __iter__(self) -> Iterator[dlarray]:
        return (self[row] for row in range(len(self)))

    def __repr__(self) -> str:
        return dlarray_text(self.plain, self.labels)

    def __format__(self, spec: str) -> str:
        return format(self.item() if self.size == 1 else repr(self), spec)

    # Values that leave -----------------------------------------------------------------------------------------------
    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        if isinstance(self.payload, Traced):
            return self.payload.__array__()
        return np.asarray(self.payload, dtype) if copy is False else np.array(self.payload, dtype)

    def item(self, *place: int) -> Any:
        """One element as a number of Python."""
        return values_of(self).item(*place)

    def tolist(self) -> Any:
        return values_of(self).tolist()

    def __bool__(self) -> bool:
        return bool(values_of(self))

    def __float__(self) -> float:
        return float(values_of(self).item())

    def __int__(self) -> int:
        return int(values_of(self).item())

    def __index__(self) -> int:
        return values_of(self).__index__()

    # NumPy's protocols -----------------------------------------------------------------------------------------------
    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        if (out := options.pop("out", None)) is not None and not all(isinstance(x, dlarray) for x in out):
            refuse_in_place(ufunc)
        if method == "__call__" and (ufunc is np.matmul or ufunc.signature is None):
            return by_label(ufunc, *inputs, **options)
        return by_method(getattr(ufunc, method), method, inputs, options)

    def __array_function__(self, function: Any, types: Any, arguments: Any, options: Any) -> Any:
        return on_numpy_function(function, arguments, options)

    __hash__ = object.__hash__

    # Indexing --------------------------------------------------------------------------------------------------------
    def __getitem__(self, index: Any) -> dlarray:
        index = plain_index(index)
        return as_dlarray(self.payload[index], indexed(self.labels, index))

    def __setitem__(self, index: Any, value: Any) -> None:
        """Other values at an index. Nobody else's array changes, and gradients go to the values."""
        index, (value,) = plain_index(index), one_precision([unwrapped(value)], self.dtype)
        if isinstance(self.payload, Traced) or isinstance(value, Traced):
            whole = self.payload if isinstance(self.payload, Traced) else Traced(self.payload)
            self.payload = assigned(whole, index, value)
            return
        self.payload = with_others(self.payload, index, value)

    # Methods of arrays -----------------------------------------------------------------------------------------------
    def astype(self, dtype: Any) -> dlarray:
        return as_dlarray(self.payload.astype(dtype), self.labels)

    def copy(self) -> dlarray:
        return as_dlarray(self.payload, self.labels)

    @property
    def T(self) -> Any:
        return on_numpy_function(np.transpose, (self,), {})

    @property
    def real(self) -> dlarray:
        return self

    def reshape(self, *shape: Any, order: Any = "C") -> Any:
        return on_numpy_function(np.reshape, (self, shape[0] if len(shape) == 1 else shape), {"order": order})

    def transpose(self, *axes: Any) -> Any:
        return on_numpy_function(np.transpose, (self, axes[0] if len(axes) == 1 else axes or None), {})

    def __getattr__(self, name: str) -> Any:
        return method_of_numpy(self, name)


# Making --------------------------------------------------------------------------------------------------------------
def as_dlarray(payload: Payload, labels: str) -> dlarray:
    """A dlarray of what is known to be right."""
    new = dlarray.__new__(dlarray)
    new.payload = payload if type(payload) is np.ndarray or type(payload) is Traced else as_payload(payload)
    new.labels = labels
    return new


def as_payload(value: Any) -> Payload:
    """A number as an array; recorded arrays on the tape, where nothing depends on what they are."""
    return Traced(value) if isinstance(value, Recorded) else np.asarray(value)


def real_numbers(X: object) -> Payload:
    """Real numbers as single or double, or logical values."""
    if isinstance(X, Traced):
        return X
    array = array_of(X)
    if array is None or array.dtype.kind not in "fiubc":
        fail("dlarray:notNumeric", f"X must be an array of real numbers, but it is {show(X)}.",
             "Convert it with np.asarray(…, dtype=float); labels of classes with onehotencode.")
    if array.dtype.kind == "c":
        fail("dlarray:complex", f"X holds complex numbers ({times(array.shape)}), and dlarrays are real.",
             "Pass real and imaginary parts as channels of their own: np.concatenate([X.real, X.imag]).")
    if array.dtype in (np.float32, np.float64, np.bool_):
        return np.array(array)  # a copy: what a user does to an array does not change what was computed from it
    return array.astype(np.float32 if array.dtype == np.float16 else np.float64)


def unwrapped(x: Any) -> Any:
    """The payload of a dlarray; in lists and tuples as well; anything else as it is."""
    if isinstance(x, dlarray):
        return x.payload
    if isinstance(x, list | tuple) and any(isinstance(item, dlarray | list | tuple) for item in x):
        return [unwrapped(item) for item in x] if isinstance(x, list) or hasattr(x, "_fields") else tuple(map(unwrapped, x))
    return x


def wrapped(result: Any, labels: str) -> Any:
    """The result of a function as dlarrays, labelled where they have as many dimensions as labels."""
    if type(result) is np.ndarray or type(result) is Traced:
        return as_dlarray(result, labels if len(labels) == result.ndim else "")
    if isinstance(result, list | tuple):
        items = [wrapped(item, labels) for item in result]
        return type(result)(*items) if hasattr(result, "_fields") else type(result)(items)
    if not isinstance(result, np.ndarray | np.generic | Traced | Recorded):
        return result
    return as_dlarray(result, labels if len(labels) == result.ndim else "")


def values_of(x: Any) -> np.ndarray:
    """The values of an array of any kind; whoever asks decides by them."""
    payload = x.payload if isinstance(x, dlarray) else x
    return looked_at(payload) if isinstance(payload, Traced) else np.asarray(payload)


def plain_index(index: Any) -> Any:
    """An index without dlarrays."""
    if isinstance(index, tuple):
        return tuple(map(plain_index, index))
    return raw_values(index.payload if isinstance(index, dlarray) else index)


# Computing -----------------------------------------------------------------------------------------------------------
def one_precision(payloads: list[Any], own: np.dtype[Any] | None = None) -> list[Any]:
    """Arrays that meet in one precision: single, where one of them is single, as in MATLAB."""
    types = {x.dtype.char for x in payloads if isinstance(x, np.ndarray | Traced | np.generic)}
    if own is not None:
        types.add(own.char)
    if "f" in types and len(types) > 1:
        return [x.astype(np.float32) if isinstance(x, np.ndarray | Traced | np.generic) and x.dtype.kind in "fiu" else x
                for x in payloads]
    return payloads


def by_label(ufunc: np.ufunc, *inputs: Any, **options: Any) -> Any:
    """A function of elements, or a matrix product; arrays with labels expand by them."""
    if len(inputs) == 1:
        payload = inputs[0].payload
        if type(payload) is Traced:
            return wrapped(on_ufunc(ufunc, "__call__", (payload,), options), inputs[0].labels)
        return wrapped(ufunc(payload, **options), inputs[0].labels)
    if ufunc is np.matmul:
        return labelled_matmul(*inputs)
    first, second, labels = operands_of(ufunc, inputs)
    try:
        if type(first) is Traced or type(second) is Traced:
            result = on_ufunc(ufunc, "__call__", (first, second), options)
        else:
            result = ufunc(first, second, **options)
    except ValueError as error:
        sizes = " and ".join(times(np.shape(raw_values(x))) for x in (first, second))
        fail("dlarray:sizeMismatch", f"{ufunc.__name__} cannot expand sizes {sizes} against each other.",
             "Without labels, sizes are compared from the last dimension on, as in NumPy, and must be equal or 1.",
             cause=error)
    if type(result) is np.ndarray or type(result) is Traced:
        return as_dlarray(result, labels)
    return wrapped(result, labels)


def operands_of(ufunc: np.ufunc, inputs: Any) -> tuple[Any, Any, str]:
    """Two arrays in sizes and of types in which they meet, and the labels of what comes out."""
    a, b = inputs
    if type(a) is type(b) is dlarray and a.labels == b.labels:
        first, second = a.payload, b.payload
        if first.dtype is second.dtype and first.dtype is not LOGICAL:
            return first, second, a.labels
    first, labels = (a.payload, a.labels) if isinstance(a, dlarray) else (as_operand(a), "")
    second, others = (b.payload, b.labels) if isinstance(b, dlarray) else (as_operand(b), "")
    number = type(first) in PYTHON_NUMBERS or type(second) in PYTHON_NUMBERS
    if labels != others and not number:
        (first, second), labels = expanded_by_label([(first, labels), (second, others)], "dlarray")
    if number and (a if isinstance(a, dlarray) else b).dtype.kind == "f":
        return first, second, labels or others
    if ufunc not in KEEPING_TYPES:
        types = getattr(first, "dtype", None), getattr(second, "dtype", None)
        if types[0] is not types[1] or types[0] is LOGICAL:
            first, second = in_numbers(ufunc, *one_precision([first, second]))
    return first, second, labels or others


def in_numbers(ufunc: np.ufunc, first: Any, second: Any) -> tuple[Any, Any]:
    """Logical values that are added, multiplied and so on are the numbers 0 and 1."""
    if ufunc in ARITHMETIC and all(getattr(x, "dtype", LOGICAL) == LOGICAL for x in (first, second)):
        first, second = (x.astype(np.float64) if isinstance(x, np.ndarray | Traced) else x for x in (first, second))
    return first, second


with_operators(by_label)(dlarray)
LOGICAL = np.dtype(bool)
PYTHON_NUMBERS = (int, float)
KEEPING_TYPES = {np.ldexp, np.logical_and, np.logical_or, np.logical_xor}
ARITHMETIC = {np.add, np.subtract, np.multiply, np.divide, np.power, np.remainder, np.floor_divide, np.maximum, np.minimum}


def by_method(function: Any, method: str, inputs: Any, options: Any) -> Any:
    """Reductions by ufuncs, products of vectors and other ufuncs that do not go by element."""
    payloads = one_precision([unwrapped(x) for x in inputs])
    if method != "reduce" or not isinstance(inputs[0], dlarray):
        return wrapped(function(*payloads, **options), inputs[0].labels if method == "accumulate" else "")
    axis = as_axis(options.get("axis", 0))
    labels = without_axes(inputs[0].labels, axis, keepdims=bool(options.get("keepdims")))
    return wrapped(function(*payloads, **options | {"axis": axis}), labels)


def as_axis(axis: Any) -> Any:
    """Axes as NumPy wants them: `finddim` gives lists."""
    return tuple(axis) if isinstance(axis, list) else axis


def as_operand(x: Any) -> Any:
    """Numbers, arrays and lists of numbers that meet a dlarray, as payloads."""
    if type(x) in PYTHON_NUMBERS:
        return x
    if isinstance(x, np.ndarray) and x.dtype.kind in "fiub":
        return x.view(np.ndarray)
    return float(x) if isinstance(x, np.floating) else x if isinstance(x, Traced) else real_numbers(x)


def labelled_matmul(a: Any, b: Any) -> dlarray:
    """A matrix product."""
    first, second = one_precision([as_operand(unwrapped(a)), as_operand(unwrapped(b))])
    labels = product(a.labels if isinstance(a, dlarray) else "", b.labels if isinstance(b, dlarray) else "",
                     (np.ndim(raw_values(first)), np.ndim(raw_values(second))))
    try:
        return as_dlarray(np.matmul(first, second), labels)
    except ValueError as error:
        fail("dlarray:sizeMismatch", f"A matrix product of sizes {times(first.shape)} and {times(second.shape)} is not "
             "defined.", "The columns of the first must be as many as the rows of the second.", cause=error)


def on_numpy_function(function: Any, arguments: Any, options: Any) -> Any:
    """A function of NumPy on dlarrays; `dltoolbox.autodiff.protocol` says what becomes of the labels."""
    from dltoolbox.autodiff.protocol import on_dlarrays
    return on_dlarrays(function, arguments, options)


# Functions of dlarrays -----------------------------------------------------------------------------------------------
def isdlarray(X: object) -> bool:
    """Whether X is a dlarray.

    Example:
        >>> isdlarray(dlarray([1, 2])), isdlarray([1, 2])
        (True, False)
    """
    return isinstance(X, dlarray)


def dims(X: object) -> str:
    """The labels of an array's dimensions, such as 'SSCB'; '' of one that has none.

    Example:
        >>> dims(dlarray(np.zeros((5, 2)), 'CB'))
        'CB'
    """
    labels = getattr(X, "dims", "")
    return labels if isinstance(labels, str) else ""


def finddim(X: object, label: str) -> list[int]:
    """The dimensions of an array that have a label, from 0 on, as NumPy counts axes; [] where none has.

    Example:
        >>> X = dlarray(np.zeros((5, 6, 3, 2)), 'SSCB')
        >>> finddim(X, 'S'), finddim(X, 'C')
        ([0, 1], [2])
    """
    return [axis for axis, own in enumerate(dims(X)) if isinstance(label, str) and own == label.upper()]


def stripdims(X: Any) -> Any:
    """The array without labels; gradients go through.

    Raises:
        DltoolboxError: ``dltoolbox:stripdims:invalidArray``.

    Example:
        >>> dims(stripdims(dlarray(np.zeros((5, 2)), 'CB')))
        ''
    """
    if isinstance(X, dlarray):
        return as_dlarray(X.payload, "")
    array = array_of(X)
    if array is None or array.dtype.kind not in "fiubc":
        fail("stripdims:invalidArray", f"X must be an array of numbers, but it is {show(X)}.", "Pass an array.")
    return array.view(np.ndarray)


def extractdata(X: Any) -> np.ndarray:
    """The values of a dlarray as an array of its own, without labels.

    Inside `dlfeval`, gradients do not go through; a warning says so where they would have.

    Args:
        X: A dlarray; other arrays come back as they are.

    Raises:
        DltoolboxError: ``dltoolbox:extractdata:invalidArray``.

    Example:
        >>> extractdata(dlarray([1, 2]))
        array([1., 2.])
    """
    if not isinstance(X, dlarray):
        array = array_of(X)
        if array is None or array.dtype.kind not in "fiub":
            fail("extractdata:invalidArray", f"X must be a dlarray, but it is {show(X)}.", "Pass a dlarray.")
        return array
    if X.traced and not TAPE.opaque:
        where = sys._getframe(1)
        TAPE.lost = f"{where.f_code.co_filename}, line {where.f_lineno}"
        warn("extractdata:leavesTheTrace", "extractdata takes values out of the trace: to dlgradient, what is computed from "
             "them is constant.", "Compute with the dlarray itself where gradients shall go through; stripdims(X) takes off "
             "labels alone.")
    return values_of(X).copy()
