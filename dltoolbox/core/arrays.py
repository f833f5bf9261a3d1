"""Checks of the user's arrays at every border: that they are arrays, fit into memory and hold finite numbers; and which
steps of padded sequences are real.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from dltoolbox.core.display import bytes_text, counted
from dltoolbox.core.errors import fail

MOST_LIST_ELEMENTS = 1 << 30  # elements of the largest nested list that is turned into an array
MOST_DIMENSIONS = 32  # dimensions of an array
FITS = 1 << 26  # bytes that every machine has: asking takes longer than most conversions
ROOT = Path("/")


def array_of(value: Any, dtype: Any = None, *, name: str = "X") -> np.ndarray | None:
    """Any array-like as an array, not copied if it is one; None for what cannot become one: a list with parts of different
    sizes, a list that holds itself, an object that refuses.

    Masked elements have no value that could be computed with: they are an error, which calls the array ``name``.
    """
    if (hidden := masked(value)):
        code = in_code(name)
        filled = (f"[np.ma.filled(part, 0) for part in {code}]" if isinstance(value, (list, tuple)) else
                  f"np.ma.filled({code}, 0)")
        fail("array:maskedElements", f"{name} has {counted(hidden, 'masked element')}, whose values are not known.",
             f"Fill them, as in {filled}, or remove those observations.")
    try:
        return np.asarray(value, dtype) if terminates(value) else None
    except Exception:
        return None


def in_code(name: str) -> str:
    """The variable that an argument is in calls: ``XValidation`` for 'X of ValidationData'."""
    variable = name.partition(" of ValidationData")[0].partition(" for input layer")[0]
    return f"{variable[0]}Validation{variable[1:]}" if "ValidationData" in name else variable


def terminates(value: object) -> bool:
    """Whether nested lists come to an end, and to one that fits into memory; NumPy walks into a list that holds itself."""
    if not isinstance(value, (list, tuple)):
        return True
    level: dict[int, tuple[Any, int]] = {id(value): (value, 1)}
    for _ in range(MOST_DIMENSIONS):  # each list once, with the number of times that it stands there
        if sum(len(items) * times for items, times in level.values()) > MOST_LIST_ELEMENTS:
            return False
        below: dict[int, tuple[Any, int]] = {}
        if holds(chain.from_iterable(items for items, _ in level.values()), (list, tuple)):
            for items, times in level.values():
                for item in items:
                    if isinstance(item, (list, tuple)):
                        below[id(item)] = item, times + below.get(id(item), (item, 0))[1]
        if not below:
            return True
        level = below
    return False


def holds(items: Iterable[object], kinds: type | tuple[type, ...]) -> bool:
    """Whether there is an element of these types: millions of numbers are looked at quickly."""
    return any(issubclass(kind, kinds) for kind in set(map(type, items)))


def memory(root: Path = ROOT) -> float:
    """Bytes of memory that this process may use, all of the machine's or its container's; infinite where nobody tells."""
    groups = root / "sys/fs/cgroup"
    words = words_of(groups / "memory.max") + words_of(groups / "memory/memory.limit_in_bytes")
    limits = [int(word) for word in words if word.isdecimal()]
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        limits.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    return min((limit for limit in limits if limit > 0), default=math.inf)


def words_of(file: Path) -> list[str]:
    try:
        return file.read_text(encoding="ascii").split()
    except (OSError, UnicodeError):
        return []


def check_room(needed: int, identifier: str, what: str, advice: str) -> None:
    """Refuse what no memory of this machine holds, before it is made."""
    if needed > FITS and needed > (room := memory()):
        fail(identifier, f"{what} would need {bytes_text(needed)}, but this machine has {bytes_text(room)} of memory.",
             advice)


def beyond_memory(array: np.ndarray) -> bool:
    """Whether an array is larger than all memory: such are views that repeat their elements, and no result would fit."""
    return array.nbytes > FITS and array.nbytes > memory()


def masked(value: object) -> int:
    """How many elements of an array, or of a list of arrays, are masked; NumPy forgets that without a word."""
    if isinstance(value, np.ma.MaskedArray):
        return int(np.count_nonzero(np.ma.getmaskarray(value)))
    if not isinstance(value, (list, tuple)) or not holds(value, np.ma.MaskedArray):
        return 0
    return sum(masked(part) for part in value if isinstance(part, np.ma.MaskedArray))


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


def real_steps(lengths: np.ndarray, steps: int) -> np.ndarray:
    """T×B: whether each step lies before the end of its sequence."""
    real: np.ndarray = np.arange(steps)[:, np.newaxis] < lengths
    return real


def parts_of_complex(x: np.ndarray) -> np.ndarray:
    """c complex channels, the axis before the last → 2c real ones: real part, imaginary part, channel by channel."""
    split = np.stack([x.real, x.imag], axis=-2)
    return split.reshape(*x.shape[:-2], 2 * x.shape[-2], x.shape[-1])


def complex_of_parts(x: np.ndarray, axis: int = -2) -> np.ndarray:
    """The inverse of `parts_of_complex`, along any axis."""
    parts = np.moveaxis(x, axis, 0)
    return np.moveaxis(parts[0::2] + 1j * parts[1::2], 0, axis)
