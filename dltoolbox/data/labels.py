"""From the user's values to integer codes: what categorical arrays are made of.

A *key* is a value as the user means it: a trimmed string, a number or a logical. Every form of input becomes the sorted
distinct keys and, for each element, the position of its key, -1 where it is missing. A *name* is how a key is printed.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from dltoolbox.core.arrays import MOST_LIST_ELEMENTS, array_of, beyond_memory, masked
from dltoolbox.core.convert import attribute, each
from dltoolbox.core.errors import fail
from dltoolbox.core.properties import show

UNDEFINED = "<undefined>"
Key = str | int | float | bool


class Encoded(NamedTuple):
    """``keys[codes[i]]`` is element i; code -1 is a missing one. ``ordered`` is what the source said of itself."""

    codes: np.ndarray
    keys: Sequence[Key]
    ordered: bool = False


def encode(values: object) -> Encoded:
    """Codes and distinct keys of any supported input; keys are sorted unless the input carries its own order."""
    for carrier in (values, attribute(values, "cat")):  # a pandas Series keeps its categories under .cat
        if attribute(carrier, "codes") is not None and attribute(carrier, "categories") is not None:
            return _encode_categories(carrier)
    array = lossless_array(values)
    if array.dtype.kind == "b":
        codes, levels = _encode_integers(array.astype(np.uint8))
        return Encoded(codes, [bool(key) for key in levels])
    if array.dtype.kind in "iu":
        return Encoded(*_encode_integers(array))
    if array.dtype.kind == "f":
        return Encoded(*_encode_floats(array))
    if array.dtype.kind in "UOT":
        return Encoded(*_encode_objects(array))
    fail("categorical:unsupportedValue", f"An array of type {array.dtype} cannot be turned into categories.",
         "Make text of it: categorical(np.asarray(values).astype(str)).")


def lossless_array(values: object) -> np.ndarray:
    """The values as an array that changes none of them: a list of strings and None stays one of strings and None.

    Masked elements become None.
    """
    if masked(values):
        given: np.ma.MaskedArray = np.ma.array(values, dtype=object)
        kept = np.array(given.data)
        kept[np.ma.getmaskarray(given)] = None
        return kept
    if attribute(values, "__array__") is not None:
        array = array_of(values)
    elif isinstance(values, (str, bytes)) or not isinstance(values, Iterable):
        array = array_of(values, object)
    else:
        array = array_of(each(values, MOST_LIST_ELEMENTS), object)
    if array is None or beyond_memory(array):
        fail("categorical:unsupportedValue", f"{show(values)} is not a list of labels with rows of equal length.",
             "Pass rows of equal length, or a flat list.")
    return array


def elements(values: object) -> list[Any]:
    """The elements of one value or of several as a flat list."""
    return lossless_array(values).ravel().tolist()


def distinct_keys(valueset: object) -> list[Key]:
    """The elements of a value set, in the given order; a missing or repeated element is an error."""
    values = elements(valueset)
    keys = [key for key in map(key_of, values) if key is not None]
    if len(keys) < len(values):
        fail("categorical:missingValue", "The value set contains a missing value or an empty text.",
             "Leave it out: missing elements become <undefined>, which is not a category.")
    if len(set(keys)) < len(keys):
        fail("categorical:duplicateValue", f"The value set contains {_repeated(keys)!r} more than once.",
             "List each value once.")
    return keys


def key_of(value: Any) -> Key | None:
    """The key of one element; None when it is missing (None, NaN, NA, blank text, '<undefined>')."""
    if type(value) is not str and is_scalar_array(value):
        value = value.tolist()
    if isinstance(value, str):
        text = value.strip()
        return None if text in ("", UNDEFINED) else text
    if value is None or type(value).__name__ in ("NAType", "NaTType"):  # the missing values of pandas
        return None
    if isinstance(value, int) and value.bit_length() <= 64:
        return value
    if isinstance(value, float):
        return None if math.isnan(value) else value
    if isinstance(value, (list, tuple, np.ndarray)):
        fail("categorical:unsupportedValue", "The values are in rows of different lengths.",
             "Pass rows of equal length, or a flat list.")
    fail("categorical:unsupportedValue", f"{show(value)} of type {type(value).__name__} cannot be a category.",
         "Make text of all: categorical([str(value) for value in values]).")


def is_scalar_array(value: object) -> bool:
    """Whether it is an element of a NumPy or categorical array that may be a label."""
    dates = isinstance(value, (np.datetime64, np.timedelta64))
    return not dates and attribute(value, "ndim") == 0 and callable(attribute(value, "tolist"))


def is_text(keys: Sequence[Key]) -> bool:
    """Whether the keys are text; text mixed with numbers is an error."""
    texts = sum(isinstance(key, str) for key in keys)
    if 0 < texts < len(keys):
        fail("categorical:mixedValues", f"The values mix text and numbers: {show(list(keys))}.",
             "Make text of all: categorical([str(value) for value in values]).")
    return texts > 0


def names_of(keys: Sequence[Key]) -> list[str]:
    """Names as MATLAB prints the keys: '3', '0.5', 'true'."""
    logical = all(isinstance(key, bool) for key in keys)
    names = [str(key).lower() if logical else key if isinstance(key, str) else _number_name(key) for key in keys]
    if len(set(names)) < len(names):
        fail("categorical:ambiguousNames", f"Several different numbers print as '{_repeated(names)}'.",
             "Pass the category names: categorical(x, valueset, names).")
    return names


def category_names(names: object, function: str) -> list[str]:
    """One name or several as a list of trimmed strings; anything else is an error of ``function``."""
    given = elements(names)
    if not all(isinstance(name, str) and isinstance(key_of(name), str) for name in given):
        fail(f"{function}:invalidName", f"{show(names)} is not a category name or a list of them.",
             f"Pass text that is neither blank nor '{UNDEFINED}'.")
    return [name.strip() for name in given]


def category_name(name: object, function: str) -> str:
    """As `category_names`, exactly one."""
    texts = category_names(name, function)
    if len(texts) != 1:
        fail(f"{function}:invalidName", f"Expected one category name, but got {show(name)}.", "Pass one name.")
    return texts[0]


def distinct_names(names: object, function: str) -> list[str]:
    """As `category_names`, each name once."""
    texts = category_names(names, function)
    if len(set(texts)) < len(texts):
        fail(f"{function}:duplicateCategory", f"The category '{_repeated(texts)}' is named more than once.",
             "Name each category once.")
    return texts


def _repeated(values: Sequence[Hashable]) -> Hashable:
    """The first value that occurred before."""
    return next(value for at, value in enumerate(values) if value in values[:at])


def _number_name(value: float) -> str:
    if math.isinf(value):
        return "Inf" if value > 0 else "-Inf"
    if value == int(value):
        return str(int(value))
    digits = min(max(math.floor(math.log10(abs(value))) + 5, 5), 16)
    return f"{value:.{digits}g}"


def positions_among(old: Iterable[Hashable], new: Sequence[Hashable]) -> list[int]:
    """The position of each old value among the new ones, -1 where there is none."""
    position = {value: at for at, value in enumerate(new)}
    return [position.get(value, -1) for value in old]


def recode(codes: np.ndarray, targets: Sequence[int]) -> np.ndarray:
    """Replace each code by its target; the undefined stay undefined."""
    return np.array([*targets, -1], dtype=np.int32)[codes, ...]  # -1 is the last entry; ... keeps 0-d arrays


def _encode_categories(carrier: Any) -> Encoded:
    keys = [key_of(category) for category in elements(carrier.categories)]
    kept = list(dict.fromkeys(key for key in keys if key is not None))
    codes = checked_codes(carrier.codes, len(keys))
    return Encoded(recode(codes, positions_among(keys, kept)), kept, attribute(carrier, "ordered", False) is True)


def checked_codes(codes: object, count: int) -> np.ndarray:
    """Positions among so many categories, -1 for a missing one."""
    array = array_of(codes)
    if array is None or (array.size and (array.dtype.kind not in "iu" or array.min() < -1 or array.max() >= count)):
        from_one = array is not None and array.size and array.dtype.kind in "iu" and array.min() > 0 and array.max() == count
        fail("categorical:invalidCodes", f"The codes must be integers from -1 to {count - 1}, but they are {show(codes)}.",
             "They seem to count from 1: np.subtract(codes, 1) counts from 0." if from_one else
             f"There {'is 1 category' if count == 1 else f'are {count} categories'}; -1 stands for undefined.")
    return array


def _encode_integers(array: np.ndarray) -> tuple[np.ndarray, Sequence[Key]]:
    """By table where the range allows it: label images have few values and millions of elements."""
    if array.size == 0:
        return np.zeros(array.shape, np.int32), []
    low, high = int(array.min()), int(array.max())
    if high - low > max(array.size, 1 << 16) or high > np.iinfo(np.int64).max:
        return _encode_sorted(array)
    offsets = array.astype(np.int64) - low
    present = np.bincount(offsets.ravel()) > 0
    return (np.cumsum(present, dtype=np.int32) - 1)[offsets], (np.flatnonzero(present) + low).tolist()


def _encode_floats(array: np.ndarray) -> tuple[np.ndarray, Sequence[Key]]:
    codes = np.full(array.shape, -1, np.int32)
    defined = ~np.isnan(array)
    codes[defined], keys = _encode_sorted(array[defined])
    return codes, keys


def _encode_sorted(array: np.ndarray) -> tuple[np.ndarray, Sequence[Key]]:
    keys, codes = np.unique(array, return_inverse=True)
    return codes.reshape(array.shape).astype(np.int32), keys.tolist()


def _encode_objects(array: np.ndarray) -> tuple[np.ndarray, Sequence[Key]]:
    every = [key_of(element) for element in array.ravel().tolist()]
    distinct = dict.fromkeys(key for key in every if key is not None)
    is_text(list(distinct))
    keys: list[Any] = sorted(distinct)  # text or numbers, never both
    return np.array(positions_among(every, keys), dtype=np.int32).reshape(array.shape), keys
