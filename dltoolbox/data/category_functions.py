"""MATLAB's functions on categorical arrays. Each returns a new array and leaves its argument unchanged."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from dltoolbox.core import convert
from dltoolbox.core.display import counted
from dltoolbox.core.errors import fail
from dltoolbox.core.properties import options_as_pairs, show
from dltoolbox.core.statements.results import returns_a_copy
from dltoolbox.data.categorical import categorical
from dltoolbox.data.labels import category_name, category_names, distinct_names, elements, positions_among, recode


def iscategorical(A: object) -> bool:
    """Whether ``A`` is a categorical array."""
    return isinstance(A, categorical)


def isordinal(A: categorical) -> bool:
    """Whether the categories of ``A`` are ordered."""
    return _checked(A, "isordinal").ordered


def isundefined(A: categorical) -> Any:
    """Which elements have no category: logical of the shape of ``A``, a plain bool for one element.

    Example:
        >>> isundefined(categorical(["cat", None]))
        array([False,  True])
    """
    missing = _checked(A, "isundefined").codes < 0
    return missing if missing.ndim else bool(missing)


def categories(A: categorical) -> list[str]:
    """The category names of ``A`` in their order, used or not.

    Example:
        >>> categories(categorical([3, 1, 3]))
        ['1', '3']
    """
    return _checked(A, "categories").categories


def iscategory(A: categorical, names: object) -> Any:
    """Whether each name is a category of ``A``: a bool for one name, a logical array for several.

    Example:
        >>> iscategory(categorical(["cat", "dog"]), ["dog", "cow"])
        array([ True, False])
    """
    known = _checked(A, "iscategory").categories
    is_known = [name in known for name in category_names(names, "iscategory")]
    return is_known[0] if isinstance(names, str) else np.array(is_known, dtype=bool)


def countcats(A: categorical, dim: int | None = None) -> np.ndarray:
    """How many elements each category has.

    Args:
        A: The labels.
        dim: The dimension to count along, 1-based. Default: the first whose length is not 1.

    Returns:
        int64 array of the shape of ``A`` with dimension ``dim`` replaced by the categories; (K,) for labels (N,).

    Example:
        >>> countcats(categorical(["dog", "cat", "dog"]))
        array([1, 2])
    """
    array = _checked(A, "countcats")
    codes = array.codes.reshape(array.shape or (1,))
    axis = next((at for at, length in enumerate(codes.shape) if length != 1), 0)
    if dim is not None:
        given = convert.integers(dim)
        if given is None or len(given) != 1 or given[0] > codes.ndim:
            fail("countcats:invalidDim", f"dim must be a dimension of the array, 1 to {codes.ndim}, but it is {show(dim)}.",
                 "Leave it out to count along the first dimension that is not 1.")
        axis = given[0] - 1
    counts = np.empty((len(array.categories), *np.delete(codes.shape, axis)), dtype=np.int64)
    for code in range(len(counts)):
        counts[code] = np.count_nonzero(codes == code, axis=axis)
    return np.moveaxis(counts, 0, axis)


@returns_a_copy
@options_as_pairs
def addcats(A: categorical, newcats: object, *pairs: object, Before: str | None = None,
            After: str | None = None) -> categorical:
    """Add categories, at the end or next to an existing one; no element changes.

    An ordinal array needs ``Before`` or ``After``. Adding a category that exists is an error.

    Example:
        >>> categories(addcats(categorical(["cat", "dog"]), "cow", Before="dog"))
        ['cat', 'cow', 'dog']
    """
    names = _checked(A, "addcats").categories
    new = distinct_names(newcats, "addcats")
    existing = [name for name in new if name in names]
    if existing:
        fail("addcats:duplicateCategory", f"{show(existing)} exists already.", "Add only new categories.")
    if Before is not None and After is not None:
        fail("addcats:invalidPosition", "'Before' and 'After' exclude each other.", "Give one of them.")
    neighbour = Before if After is None else After
    if neighbour is None:
        if A.ordered:
            fail("addcats:positionNeeded", "The new categories need a place in the order of an ordinal array.",
                 "Give Before= or After= with the name of a category.")
        return _recategorized(A, names + new)
    at = _positions(A, category_name(neighbour, "addcats"), "addcats")[0] + (After is not None)
    return _recategorized(A, names[:at] + new + names[at:])


@returns_a_copy
def removecats(A: categorical, oldcats: object = None) -> categorical:
    """Remove categories; their elements become undefined. Without names: those that no element has.

    Example:
        >>> categories(removecats(categorical(["cat", "dog"], ["ant", "cat", "dog"])))
        ['cat', 'dog']
    """
    names = _checked(A, "removecats").categories
    if oldcats is None:
        return _recategorized(A, [names[code] for code in np.unique(A.codes) if code >= 0])
    gone = set(_positions(A, oldcats, "removecats"))
    return _recategorized(A, [name for at, name in enumerate(names) if at not in gone])


@returns_a_copy
def renamecats(A: categorical, *names: object) -> categorical:
    """Rename all categories, ``renamecats(A, newnames)``, or some, ``renamecats(A, oldnames, newnames)``.

    Example:
        >>> categories(renamecats(categorical([0, 1]), ["no", "yes"]))
        ['no', 'yes']
    """
    old = _checked(A, "renamecats").categories
    if len(names) not in (1, 2):
        fail("renamecats:invalidArguments", f"renamecats takes 2 or 3 arguments, not {len(names) + 1}.",
             "Call renamecats(A, newnames) or renamecats(A, oldnames, newnames).")
    at = range(len(old)) if len(names) == 1 else _positions(A, names[0], "renamecats")
    new = category_names(names[-1], "renamecats")
    if len(new) != len(at):
        fail("renamecats:namesCount", f"There are {counted(len(new), 'new name')} for {counted(len(at), 'old one')}.",
             "Give one new name for each category.")
    renamed = dict(zip(at, new, strict=True))
    result = distinct_names([renamed.get(code, name) for code, name in enumerate(old)], "renamecats")
    return categorical.from_codes(A.codes, result, A.ordered)


@returns_a_copy
def reordercats(A: categorical, neworder: object = None) -> categorical:
    """Put the categories in another order: the given one, or the alphabetical. No element changes.

    Example:
        >>> categories(reordercats(categorical(["low", "high"]), ["low", "high"]))
        ['low', 'high']
    """
    names = _checked(A, "reordercats").categories
    new = sorted(names) if neworder is None else distinct_names(neworder, "reordercats")
    if set(new) != set(names):
        fail("reordercats:differentCategories", f"{show(new)} is not a reordering of the categories {show(names)}.",
             "Name each category once.")
    return _recategorized(A, new)


@returns_a_copy
def mergecats(A: categorical, oldcats: object, newcat: str | None = None) -> categorical:
    """Merge categories into one, named ``newcat`` or as the first of them; it takes the first place among them.

    The merged categories of an ordinal array must be neighbours.

    Example:
        >>> mergecats(categorical(["cat", "dog", "car"]), ["cat", "dog"], "animal").tolist()
        ['animal', 'animal', 'car']
    """
    names = _checked(A, "mergecats").categories
    merged = sorted(_positions(A, oldcats, "mergecats"))
    if not merged:
        return A.copy()
    if A.ordered and merged[-1] - merged[0] != len(merged) - 1:
        fail("mergecats:notConsecutive", f"{show(elements(oldcats))} are not neighbours in the order {show(names)}.",
             "Merge only neighbouring categories of an ordinal array.")
    name = category_name(elements(oldcats)[0] if newcat is None else newcat, "mergecats")
    target = [merged[0] if at in merged else at for at in range(len(names))]
    kept = sorted(set(target))
    result = distinct_names([name if at == merged[0] else names[at] for at in kept], "mergecats")
    return categorical.from_codes(recode(A.codes, positions_among(target, kept)), result, A.ordered)


@returns_a_copy
def setcats(A: categorical, newcats: object) -> categorical:
    """Give ``A`` exactly these categories in this order; elements of any other become undefined.

    Example:
        >>> setcats(categorical(["cat", "dog"]), ["dog", "cow"]).tolist()
        ['<undefined>', 'dog']
    """
    return _recategorized(_checked(A, "setcats"), distinct_names(newcats, "setcats"))


def _checked(A: object, function: str) -> categorical:
    if isinstance(A, categorical):
        return A
    fail(f"{function}:notCategorical", f"{function} needs a categorical array, not {show(A)}.",
         "Convert it first: categorical(A).")


def _recategorized(A: categorical, names: Sequence[str]) -> categorical:
    """The same labels over other categories, matched by name."""
    return categorical.from_codes(recode(A.codes, positions_among(A.categories, names)), names, A.ordered)


def _positions(A: categorical, names: object, function: str) -> list[int]:
    """The positions of categories given by name; unknown names are an error."""
    wanted = distinct_names(names, function)
    positions = positions_among(wanted, A.categories)
    if -1 in positions:
        fail(f"{function}:unknownCategory", f"{wanted[positions.index(-1)]!r} is not among the categories "
             f"{show(A.categories)}.", "Name existing categories.")
    return positions
