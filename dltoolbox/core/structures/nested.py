"""Equal structures walked together: dicts, lists, tuples, structs (`SimpleNamespace`) and tables with a column Value.

What is none of these is a leaf: an array, a number. None and empty lists and arrays are nothing yet, at any place.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from operator import attrgetter
from types import SimpleNamespace
from typing import NamedTuple

import numpy as np

from dltoolbox.core.display import counted, few
from dltoolbox.core.errors import fail
from dltoolbox.core.properties import show
from dltoolbox.core.table import Table

MOST_LEVELS_OF_STRUCTURES = 100


class Child(NamedTuple):
    """An element of a structure: how a path names it, by what it is found, and itself."""

    step: str
    key: object
    value: object


class Leaves(NamedTuple):
    """The leaves of several equal structures: their paths, and for each structure all of them in the same order."""

    paths: list[str]
    columns: tuple[list[object], ...]


def is_nothing(x: object) -> bool:
    """Whether this stands for what is not there yet: None, or something empty that is no dict, struct or table."""
    return x is None or (isinstance(x, list | tuple) and not x) or (isinstance(x, np.ndarray) and not x.size)


def structure_kind(x: object) -> str:
    """The kind of a structure; empty for a leaf. Dicts and structs do for one another, lists and tuples too."""
    if isinstance(x, Table) and "Value" in x.columns:
        return "table"
    return "struct" if isinstance(x, dict | SimpleNamespace) else "list" if isinstance(x, list | tuple) else ""


def children(x: object) -> list[Child]:
    """The elements of a structure."""
    if isinstance(x, Table):
        if "Layer" in x.columns and "Parameter" in x.columns:
            return [Child(f".{layer}.{name}", (layer, name), value)
                    for layer, name, value in zip(x.Layer, x.Parameter, x.Value, strict=True)]
        return [Child(f".Value[{row}]", row, value) for row, value in enumerate(x.Value)]
    if isinstance(x, dict | SimpleNamespace):
        items = x.items() if isinstance(x, dict) else vars(x).items()
        return [Child(f".{key}" if isinstance(key, str) else f"[{show(key)}]", key, value) for key, value in items]
    if isinstance(x, list | tuple):
        names = getattr(x, "_fields", None)
        return [Child(f".{names[at]}" if names else f"[{at}]", at, value) for at, value in enumerate(x)]
    raise AssertionError("a leaf has no elements")


def matched(function: str, structures: Mapping[str, object]) -> Leaves:
    """The leaves of structures that must be equal, by their names; None in a place where another one than the first has
    nothing yet.

    Raises:
        DltoolboxError: ``function:structureMismatch``, which names the place, what was expected and what came.
    """
    quick = _rows_of_tables(list(structures.values()))
    if quick is not None:
        return quick
    paths: list[str] = []
    columns: tuple[list[object], ...] = tuple([] for _ in structures)
    for path, leaves in _walked(function, [*structures], [*structures.values()], "", 0):
        paths.append(path)
        for column, leaf in zip(columns, leaves, strict=True):
            column.append(leaf)
    return Leaves(paths, columns)


def leaves_of(function: str, name: str, x: object) -> Leaves:
    """The leaves of one structure."""
    return matched(function, {name: x})


def _rows_of_tables(tables: Sequence[object]) -> Leaves | None:
    """Values of tables of the same rows, without a walk: what training loops pass in every iteration."""
    columns = []
    for table in tables:
        if not isinstance(table, Table) or "Parameter" not in table.columns or "Value" not in table.columns:
            return None
        columns.append(table.columns)
    first = columns[0]
    if any(other["Layer"] != first["Layer"] or other["Parameter"] != first["Parameter"] for other in columns[1:]):
        return None
    if not all(_full_arrays(other["Value"]) for other in columns):
        return None
    return Leaves([f".{layer}.{name}" for layer, name in zip(first["Layer"], first["Parameter"], strict=True)],
                  tuple(list(other["Value"]) for other in columns))


def _full_arrays(values: Sequence[object]) -> bool:
    """Whether these are arrays, none of them empty; they may say no, but not yes without being it."""
    return all(hasattr(kind, "size") for kind in set(map(type, values))) and 0 not in map(attrgetter("size"), values)


def _walked(function: str, names: Sequence[str], trees: Sequence[object], path: str,
            level: int) -> Iterator[tuple[str, Sequence[object]]]:
    """`matched`, leaf by leaf."""
    if level > MOST_LEVELS_OF_STRUCTURES:
        fail(f"{function}:tooDeep", f"{names[0]} has more than {MOST_LEVELS_OF_STRUCTURES} levels; perhaps it holds itself.",
             "Pass structures that come to an end.")
    kind = structure_kind(trees[0])
    for name, tree in zip(names[1:], trees[1:], strict=True):
        if structure_kind(tree) != kind and not is_nothing(tree):
            fail(f"{function}:structureMismatch", f"{names[0]}{path} is {_what(trees[0])}, but {name}{path} is "
                 f"{_what(tree)}.", f"Pass {name} with the same fields as {names[0]}, as dlgradient returns it.")
    if not kind:
        yield path, [None if at and is_nothing(tree) else tree for at, tree in enumerate(trees)]
        return
    own = children(trees[0])
    rows = [[None] * len(own) if is_nothing(tree) else _aligned(function, names[0], name, path, own, children(tree))
            for name, tree in zip(names[1:], trees[1:], strict=True)]
    for at, child in enumerate(own):
        yield from _walked(function, names, [child.value, *(row[at] for row in rows)], path + child.step, level + 1)


def _aligned(function: str, first: str, name: str, path: str, own: Sequence[Child], its: Sequence[Child]) -> list[object]:
    """The elements of a structure in the order of those of the first one."""
    found = {child.key: child.value for child in its}
    missing = [child for child in own if child.key not in found]
    extra = [child for child in its if child.key not in {child.key for child in own}]
    if missing or extra:
        what = (f"{name}{path} lacks {few(name + path + child.step for child in missing)}" if missing else
                f"{name}{path} also has {few(name + path + child.step for child in extra)}")
        fail(f"{function}:structureMismatch", f"{first}{path} has {counted(len(own), 'element')}, "
             f"{few(first + path + child.step for child in own) or 'none'}, but {what}.",
             f"Pass {name} with the same elements as {first}, as dlgradient returns it.")
    return [found[child.key] for child in own]


def _what(x: object) -> str:
    """A value in a message."""
    kind = structure_kind(x)
    if kind:
        return f"a {kind} of {counted(len(children(x)), 'element')}"
    return f"the leaf {show(x)}"


def rebuilt(structure: object, leaves: Iterator[object]) -> object:
    """The same structure with other leaves, taken one by one in the order of `matched`."""
    if not structure_kind(structure):
        return next(leaves)
    if isinstance(structure, Table):
        values = ([*islice(leaves, len(structure))] if _full_arrays(structure.Value) else
                  [rebuilt(value, leaves) for value in structure.Value])
        return type(structure)(**{**structure.columns, "Value": values})
    if isinstance(structure, SimpleNamespace):
        return SimpleNamespace(**{key: rebuilt(value, leaves) for key, value in vars(structure).items()})
    if isinstance(structure, dict):
        return {key: rebuilt(value, leaves) for key, value in structure.items()}
    assert isinstance(structure, list | tuple)
    items: list[object] = [rebuilt(value, leaves) for value in structure]
    if isinstance(structure, list):
        return items
    made: object = type(structure)._make(items) if hasattr(structure, "_make") else tuple(items)
    return made
