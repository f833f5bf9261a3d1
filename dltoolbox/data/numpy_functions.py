"""NumPy's functions for categorical arrays.

Those that move elements around give a categorical array; categories of several arrays are merged, those of ordinal arrays
must be the same. Those that order elements go by the order of the categories, undefined ones last. All others see an array
of names.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from dltoolbox.core.arrays import holds
from dltoolbox.core.convert import Function
from dltoolbox.core.errors import fail
from dltoolbox.core.properties import show
from dltoolbox.data.categorical import categorical, names_in
from dltoolbox.data.labels import UNDEFINED, Encoded, positions_among, recode

# Which arguments hold labels, by position; by keyword those of these names do.
FIRST_ARGUMENT, SECOND_ARGUMENT = (0,), (1,)
LABEL_ARGUMENTS = frozenset(("a", "A", "arr", "array", "arrays", "ary", "m", "tup", "v", "values", "x"))
MOVING: dict[Function, tuple[int, ...]] = {
    **dict.fromkeys((
        np.array_split, np.atleast_1d, np.atleast_2d, np.atleast_3d, np.broadcast_to, np.column_stack, np.concatenate,
        np.copy, np.delete, np.diagonal, np.dsplit, np.dstack, np.expand_dims, np.flip, np.fliplr, np.flipud, np.hsplit,
        np.hstack, np.moveaxis, np.ravel, np.repeat, np.reshape, np.roll, np.rollaxis, np.rot90, np.split, np.squeeze,
        np.stack, np.swapaxes, np.take, np.take_along_axis, np.tile, np.transpose, np.vsplit, np.vstack), FIRST_ARGUMENT),
    np.append: (0, 1), np.insert: (0, 2), np.compress: SECOND_ARGUMENT, np.extract: SECOND_ARGUMENT, np.where: (1, 2)}
ASKING = (np.ndim, np.shape, np.size)  # for nothing but the shape
ASSIGNING = (np.copyto, np.fill_diagonal, np.place, np.put, np.put_along_axis, np.putmask)
COMPARING: dict[Function, Function] = {
    np.equal: operator.eq, np.not_equal: operator.ne, np.less: operator.lt, np.less_equal: operator.le,
    np.greater: operator.gt, np.greater_equal: operator.ge}
MIRRORED: dict[Function, Function] = {
    operator.lt: operator.gt, operator.le: operator.ge, operator.gt: operator.lt, operator.ge: operator.le}


def array_function(function: Function, args: Sequence[object], options: Mapping[str, object]) -> object:
    """The result of a function of NumPy that was called with categorical arrays among its arguments."""
    if function in ASSIGNING or options.get("out") is not None:
        fail("categorical:assignByIndex", f"numpy.{function.__name__} cannot assign elements of a categorical array.",
             "Assign by index, as in Y[mask] = 'cat'.")
    if function in SPECIAL:
        return SPECIAL[function](*args, **options)
    if function in ASKING:
        return function(*map(codes_of, args), **{name: codes_of(value) for name, value in options.items()})
    if function in MOVING and options.get("dtype") is None and (
            len(args) > MOVING[function][0] or LABEL_ARGUMENTS & options.keys()):
        return moved_labels(function, args, options)
    try:
        return function(*map(as_names, args), **{name: as_names(value) for name, value in options.items()})
    except TypeError:
        fail("categorical:unsupportedFunction", f"numpy.{function.__name__} does not apply to category names.",
             "Use Y.codes for positions among the categories, Y.astype(float) where the names are numbers, or countcats(Y) "
             "to count.")


def array_ufunc(ufunc: np.ufunc, method: str, inputs: Sequence[object], options: Mapping[str, object]) -> object:
    """Comparisons, which are also NumPy's when an array stands on the left; no other operation means anything."""
    if ufunc not in COMPARING or method != "__call__" or options.get("out"):
        fail("categorical:notNumeric", f"numpy.{ufunc.__name__} does not apply to categories.",
             "Use isundefined(Y) to find missing labels, Y.codes for positions among the categories, or Y.astype(float) "
             "where the names are numbers.")
    left, right = inputs
    compare = COMPARING[ufunc]
    return compare(left, right) if isinstance(left, categorical) else MIRRORED.get(compare, compare)(right, left)


def as_names(value: object) -> Any:
    """An argument with arrays of names in place of categorical arrays."""
    if isinstance(value, categorical):
        return np.asarray(value)
    if type(value) is list or type(value) is tuple:
        return type(value)(as_names(part) for part in value)
    return value


def codes_of(value: object) -> Any:
    return value.codes if isinstance(value, categorical) else value


def moved_labels(function: Function, args: Sequence[object], options: Mapping[str, object]) -> object:
    """Run a function that moves elements on the codes of all its labels over the merged categories."""
    parts: list[categorical | Encoded] = []

    def collect(value: object) -> object:
        """The same nesting with positions in ``parts``."""
        if isinstance(value, (list, tuple)) and holds(value, categorical):
            return [collect(part) for part in value]
        parts.append(value if isinstance(value, categorical) else names_in(value))
        return len(parts) - 1

    def filled(place: Any) -> object:
        return [filled(part) for part in place] if isinstance(place, list) else codes[place]
    places = {at: collect(args[at]) for at in MOVING[function] if at < len(args)}
    named = {name: collect(options[name]) for name in options if name in LABEL_ARGUMENTS}
    categories, ordered = merged_categories(parts)
    codes = [recoded(part, categories) for part in parts]
    result = function(*(filled(places[at]) if at in places else as_names(value) for at, value in enumerate(args)),
                      **{name: filled(named[name]) if name in named else as_names(value)
                         for name, value in options.items()})
    return labelled_again(result, categories, ordered)


def recoded(part: categorical | Encoded, categories: Sequence[str]) -> np.ndarray:
    codes, names = codes_and_names(part)
    return recode(codes, positions_among(names, categories))


def codes_and_names(part: categorical | Encoded) -> tuple[np.ndarray, Sequence[str | float]]:
    return (part.codes, part.categories) if isinstance(part, categorical) else (part.codes, part.keys)


def labelled_again(codes: object, categories: Sequence[str], ordered: bool) -> object:
    if isinstance(codes, (list, tuple)):
        return type(codes)(labelled_again(part, categories, ordered) for part in codes)
    return categorical.from_codes(np.asarray(codes), categories, ordered)


def merged_categories(parts: Iterable[categorical | Encoded]) -> tuple[list[str], bool]:
    """The categories of what is joined, and whether they are ordered: each once, in the order of their appearance.

    As in MATLAB, arrays that are joined with an ordinal one must be ordinal, too, and have the same categories.
    """
    parts = list(parts)
    arrays = [part for part in parts if isinstance(part, categorical)]
    categories = list(dict.fromkeys(str(name) for part in parts for name in codes_and_names(part)[1]))
    ordinal = [array for array in arrays if array.ordered]
    if ordinal:
        known = ordinal[0].categories
        other = next((array for array in arrays if not array.ordered or array.categories != known), None)
        if other is not None:
            fail("categorical:differentCategories", "Only ordinal arrays with the same categories in the same order can be "
                 f"joined, but one has {show(known)} and another {'' if other.ordered else 'unordered '}"
                 f"{show(other.categories)}.", "Use setcats on one of them, or categorical(Y, Ordinal=False) on both.")
        unknown = [name for name in categories if name not in known]
        if unknown:
            fail("categorical:unknownCategory", f"{show(unknown)[1:-1]} is not among the categories {show(known)} of this "
                 "ordinal array.", "Add it with addcats first.")
        return known, True
    return categories, False


def rank(array: categorical) -> np.ndarray:
    """Codes in which undefined elements come last."""
    return np.where(array.codes < 0, len(array.categories), array.codes)


def of_rank(ranks: np.ndarray, categories: Sequence[str], ordered: bool) -> categorical:
    return categorical.from_codes(np.where(ranks == len(categories), -1, ranks), categories, ordered)


def sort_labels(a: categorical, *args: Any, **options: Any) -> categorical:
    return of_rank(np.sort(rank(a), *args, **options), a.categories, a.ordered)


def argsort_labels(a: categorical, *args: Any, **options: Any) -> np.ndarray:
    return np.argsort(rank(a), *args, **options)


def unique_labels(ar: categorical, *args: Any, **options: Any) -> object:
    """The labels that occur, in the order of the categories, as MATLAB's ``unique``; one undefined."""
    result = np.unique(rank(ar), *args, **options)
    values, *rest = result if isinstance(result, tuple) else (result,)
    labels = of_rank(values, ar.categories, ar.ordered)
    return (labels, *rest) if rest else labels


def as_sets(function: Function) -> Function:
    """A function of two sets of labels, in the order of their merged categories."""
    def of_labels(ar1: object, ar2: object, *args: object, **options: object) -> object:
        parts = [part if isinstance(part, categorical) else names_in(part) for part in (ar1, ar2)]
        categories, ordered = merged_categories(parts)
        ranks = (rank(categorical.from_codes(recoded(part, categories), categories)) for part in parts)
        result = function(*ranks, *args, **options)
        values, *rest = result if isinstance(result, tuple) else (result,)
        return (of_rank(values, categories, ordered), *rest) if rest else of_rank(values, categories, ordered)
    return of_labels


def equal_labels(a1: object, a2: object, equal_nan: bool = False) -> bool:
    """Whether all labels are equal; undefined ones only if ``equal_nan``."""
    first, second = (value if isinstance(value, categorical) else categorical(value) for value in (a1, a2))
    if first.shape != second.shape:
        return False
    both = (first.codes < 0) & (second.codes < 0) if equal_nan else False
    return bool(np.all((first == second) | both))


def labels_in(element: object, test_elements: object, *args: Any, invert: bool = False, **options: Any) -> np.ndarray:
    """Which labels are among others; undefined ones are among none."""
    names = as_names(element)
    among: np.ndarray = np.isin(names, as_names(test_elements), *args, **options) & (np.asarray(names) != UNDEFINED)
    return among ^ invert


SPECIAL: dict[Function, Function] = {
    np.array_equal: equal_labels, np.argsort: argsort_labels, np.isin: labels_in, np.sort: sort_labels,
    np.unique: unique_labels,
    **{function: as_sets(function) for function in (np.intersect1d, np.setdiff1d, np.setxor1d, np.union1d)}}
