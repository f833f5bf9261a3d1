"""What every border asks of the user's arrays first: is it an array at all, and are its numbers finite?"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import Any

import numpy as np

from dltoolbox.core.display import counted
from dltoolbox.core.errors import fail
from dltoolbox.core.machine import memory

MOST = 1 << 30  # elements of the largest nested list that is turned into an array
DEEPEST = 32  # dimensions of an array
FITS = 1 << 26  # bytes that every machine has: asking takes longer than most conversions


def array_of(value: Any, dtype: Any = None) -> np.ndarray | None:
    """Any array-like as an array, not copied if it is one; None for what cannot become one: a list with parts of different
    sizes, a list that holds itself, an object that refuses.

    Masked elements have no value that could be computed with: they are an error.
    """
    if (hidden := masked(value)):
        fail("array:maskedElements", f"The array has {counted(hidden, 'masked element')}, of which nobody knows the value.",
             "Give them one with np.ma.filled(X, value), or remove their observations.")
    try:
        return np.asarray(value, dtype) if ends(value) else None
    except Exception:
        return None


def ends(value: Any) -> bool:
    """Whether nested lists come to an end, and to one that fits into memory; NumPy walks into a list that holds itself."""
    counts: dict[int, float] = {}

    def count(part: Any, depth: int) -> float:
        if id(part) not in counts:
            counts[id(part)] = inf  # for whoever meets it in itself
            inner = lists_in(part)
            if depth < DEEPEST:
                counts[id(part)] = len(part) - len(inner) + sum(count(one, depth + 1) for one in inner)
        return counts[id(part)]

    return not isinstance(value, (list, tuple)) or count(value, 1) <= MOST


def lists_in(items: Sequence[Any]) -> list[Any]:
    """The lists among the elements; where all are numbers of one type, a quick look at many of them tells."""
    kinds = list(map(type, items))
    if kinds and kinds.count(kinds[0]) == len(kinds) and not issubclass(kinds[0], (list, tuple)):
        return []
    return [one for one in items if isinstance(one, (list, tuple))]


def beyond_memory(array: np.ndarray) -> bool:
    """Whether an array is larger than all memory: such are views that repeat their elements, and no result would fit."""
    return array.nbytes > FITS and array.nbytes > memory()


def masked(value: Any) -> int:
    """How many elements of an array, or of a list of arrays, are masked; NumPy forgets that without a word."""
    arrays = value if isinstance(value, (list, tuple)) else [value]
    return sum(int(np.ma.count_masked(one)) for one in arrays if isinstance(one, np.ma.MaskedArray))


def all_finite(x: np.ndarray) -> bool:
    """Whether no element is NaN or infinite, in one pass without a temporary: a sum is finite only of finite terms.

    A sum may also overflow by itself; only then is every element looked at.
    """
    if x.dtype.kind != "f":
        return True
    with np.errstate(all="ignore"):
        return bool(np.isfinite(np.add.reduce(x, axis=None))) or bool(np.isfinite(x).all())


def first_not_finite(x: np.ndarray) -> tuple[int, int]:
    """How many observations (the last axis) contain a NaN or Inf, and the first of them (0-based)."""
    bad = np.concatenate([~np.isfinite(x[..., at:at + 1024]).all(axis=tuple(range(x.ndim - 1)))
                          for at in range(0, x.shape[-1], 1024)])
    return int(bad.sum()), int(np.argmax(bad))
