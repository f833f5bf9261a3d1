"""Arrays with labelled dimensions, for layers that ask for them: `Formattable`.

`FormattedArray` is the little of MATLAB's dlarray that such layers need to tell dimensions apart: labels that follow an
array through elementwise code.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, Self

import numpy as np

from dltoolbox.core.arrays import array_of
from dltoolbox.core.dims import DISPLAY, ORDER
from dltoolbox.core.errors import fail
from dltoolbox.core.properties import show


class Formattable:
    """A class of layers that is derived from it as well gets arrays with labels: ``class Mine(Layer, Formattable)``.

    Its methods receive each input as an array whose attribute ``dims`` tells the labels, such as 'SSCB', and may return
    arrays in other formats, labelled by `formattedArray`.

    Example:
        >>> class ToFeatures(Layer, Formattable):
        ...     def predict(self, X):
        ...         return formattedArray(stripdims(X).mean((0, 1)), 'CB')
        >>> X = np.ones((4, 4, 3, 2))
        >>> predict(dlnetwork([imageInputLayer([4, 4, 3], Normalization='none'), ToFeatures()]), X).shape
        (2, 3)
    """


class Acceleratable:
    """A base of MATLAB's classes of layers whose functions may be traced once and called often.

    It changes nothing here: no result depends on it in MATLAB either.

    Example:
        >>> class Twice(Layer, Acceleratable):
        ...     def predict(self, X):
        ...         return 2 * X
        >>> Twice().type_text
        'Twice'
    """


class FormattedArray(np.ndarray):
    """An array with a label per dimension. Elementwise functions and reductions that keep all dimensions keep the labels;
    what comes out with other dimensions has none.
    """

    dims: str = ""

    def __array_finalize__(self, obj: object) -> None:
        self.dims = ""

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, out: Any = None, **kwargs: Any) -> Any:
        labels = {x.dims for x in inputs if isinstance(x, FormattedArray) and x.dims}
        if out is not None:
            kwargs["out"] = tuple(plain_array(x) for x in out)
        result = getattr(ufunc, method)(*map(plain_array, inputs), **kwargs)
        if len(labels) != 1 or method == "outer":
            return result
        (fmt,) = labels
        results = tuple(with_labels(x, fmt) if isinstance(x, np.ndarray) and x.ndim == len(fmt) else x
                        for x in (result if isinstance(result, tuple) else (result,)))
        return results if isinstance(result, tuple) else results[0]

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        """Functions of NumPy that are no ufuncs see plain arrays, and return such."""
        return func(*map(without_labels, args), **{name: without_labels(value) for name, value in kwargs.items()})

    def copy(self, *args: Any, **kwargs: Any) -> Self:
        """A copy with the same labels."""
        made = super().copy(*args, **kwargs)
        made.dims = self.dims
        return made


def plain_array(x: Any) -> Any:
    """The same array without labels; anything else as it is."""
    return x.view(np.ndarray) if isinstance(x, FormattedArray) else x


def without_labels(value: Any) -> Any:
    """The same, in lists and tuples as well."""
    if isinstance(value, (list, tuple)) and any(isinstance(item, FormattedArray) for item in value):
        return type(value)(map(plain_array, value))
    return plain_array(value)


def with_labels(array: np.ndarray, fmt: str) -> FormattedArray:
    """A view with labels."""
    made = array.view(FormattedArray)
    made.dims = fmt
    return made


def formattedArray(X: object, fmt: str) -> FormattedArray:
    """An array with a label per dimension, as layers that are `Formattable` may return it.

    Args:
        X: An array.
        fmt: A label per dimension, in the order of the dimensions: S spatial, C channel, B batch, T time, U unspecified.
            Dimensions of size 1 at the end may be left out of X.

    Returns:
        A view with the attribute ``dims``. Labels come in MATLAB's order, S C B T U, and dimensions are moved to it.

    Raises:
        DltoolboxError: ``dltoolbox:formattedArray:invalidFormat``, ``…:invalidArray``.

    Example:
        >>> X = formattedArray(np.zeros((2, 5, 3)), 'BCT')
        >>> X.shape, X.dims
        ((5, 2, 3), 'CBT')
    """
    if not isinstance(fmt, str) or not set(fmt.upper()) <= set(ORDER) or any(
            n > 1 for label, n in Counter(fmt.upper()).items() if label in "CBT"):
        fail("formattedArray:invalidFormat", f"The format must be labels such as 'SSCB', with C, B and T at most once, but "
             f"it is {show(fmt)}.", "Pass one label per dimension.")
    array, fmt = array_of(plain_array(X)), fmt.upper()
    if array is None or array.dtype.kind not in "fiub" or array.ndim > len(fmt):
        fail("formattedArray:invalidArray", f"X is {show(X)}, but the format '{fmt}' has {len(fmt)} "
             "labels.", "Pass an array of real numbers, and one label per dimension.")
    array = array.reshape(*array.shape, *[1] * (len(fmt) - array.ndim))
    order = sorted(range(len(fmt)), key=lambda axis: DISPLAY.index(fmt[axis]))
    return with_labels(array.transpose(order), "".join(fmt[axis] for axis in order))
