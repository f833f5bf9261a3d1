"""Values and objects as MATLAB prints them (``format short``): property displays of layers, options and structs.

A property is printed with single spaces inside brackets, ``[2 2]``; the descriptions of layers use two (see
`dltoolbox.core.dims.vector`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from html import escape
from shutil import get_terminal_size
from typing import Any

import numpy as np

MATLAB_CLASSES = {"float64": "double", "float32": "single", "bool": "logical"}
LONGEST_ROW = 10  # a longer row vector is printed by its size
LONGEST_CELL = 60  # characters of a cell of words; a longer one is printed by its size

Pairs = Iterable[tuple[str, Any]]


def listed(words: Iterable[object]) -> str:
    """``a``, ``a and b`` or ``a, b and c``."""
    *most, last = map(str, words)
    return f"{', '.join(most)} and {last}" if most else last


def few(words: Iterable[object]) -> str:
    """``a, b, c``; of more than twelve, the first twelve and ``…``."""
    every = [*map(str, words)]
    return ", ".join(every[:12] + ["…"] * (len(every) > 12))


def counted(count: int, noun: str) -> str:
    """``1 layer``, ``3 layers``, ``2 classes``."""
    return f"{count} {noun if count == 1 else noun + ('es' if noun.endswith('s') else 's')}"


def terminal_width() -> int:
    """Columns to print in."""
    return get_terminal_size((120, 24)).columns


def printable(text: str) -> str:
    """Text without halves of characters, which no file or terminal takes: they become ``\\ud800``."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def number_text(value: float) -> str:
    """``30``, ``0.9000``, ``1.0000e-04``, ``Inf``: a scalar in MATLAB's short format."""
    if np.isnan(value):
        return "NaN"
    if np.isinf(value):
        return "Inf" if value > 0 else "-Inf"
    if value == int(value) and abs(value) < 1e9:
        return str(int(value))
    return f"{value:.4f}" if 0.001 < abs(value) < 1000 else f"{value:.4e}"


def rounded(count: int) -> str:
    """``810``, ``21.7k``, ``138.4M``: a count as MATLAB prints numbers of learnables."""
    for limit, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if count >= limit:
            return f"{count / limit:.1f}{letter}"
    return str(count)


def bytes_text(count: float) -> str:
    """``12 B``, ``1.5 KB``, ``2.0 GB``: an amount of memory."""
    for unit, size in (("TB", 1 << 40), ("GB", 1 << 30), ("MB", 1 << 20), ("KB", 1 << 10)):
        if count >= size:
            return f"{count / size:,.1f} {unit}"
    return f"{count} B"


def value_text(value: Any) -> str:
    """One property value: text in quotes, logicals as 0/1, short vectors in full, arrays by size and class.

    A tuple is a row vector of numbers or a cell of anything else; a list is an array; None is ``[]``.

    >>> [value_text(v) for v in ("auto", True, 1e-4, (2, 2), ("in", "size"), (), [], [[0, 0, 0], [1, 1, 1]])]
    ["'auto'", '1', '1.0000e-04', '[2 2]', "{'in'  'size'}", '{}', '[]', '[2×3 double]']
    """
    if value is None:
        return "[]"
    if isinstance(value, str):
        return f"'{printable(value)}'"
    if is_number(value):
        return number_text(float(value))
    if isinstance(value, tuple):
        return row_text(value) if value and all(map(is_number, value)) else cell(value)
    if callable(value):
        return f"@{getattr(value, '__name__', type(value).__name__)}"
    if isinstance(value, (list, np.ndarray)):
        return array_text(value)
    return f"[{size_and_class(value)}]"


def is_number(value: object) -> bool:
    return isinstance(value, (bool, np.bool_, int, float, np.number))


def row_text(values: Sequence[Any]) -> str:
    """``[2 2]``; a long row by its size."""
    if len(values) == 1:
        return number_text(float(values[0]))
    if len(values) > LONGEST_ROW:
        return f"[1×{len(values)} double]"
    return f"[{' '.join(number_text(float(v)) for v in values)}]"


def cell(values: Sequence[object]) -> str:
    """``{'in'  'indices'}``; one element that is not text stands for itself; a long cell by its size."""
    if len(values) == 1 and not isinstance(values[0], str):
        return value_text(values[0])
    text = "{" + "  ".join(map(value_text, values)) + "}"
    return text if len(text) <= LONGEST_CELL else f"{{1×{len(values)} cell}}"


def array_text(value: Any) -> str:
    """A scalar or a short row in full, ``[]`` for none, else ``[3×3×1×8 single]``; a list of no numbers is a cell."""
    try:
        values = np.array(value, float) if isinstance(value, list) else value  # MATLAB's literals are doubles
    except (ValueError, TypeError):
        return f"{{{len(value)}×1 cell}}"
    if not values.size:
        return "[]"
    if values.dtype.kind in "fiub" and values.size == 1:
        return number_text(float(values.reshape(-1)[0]))
    flat = isinstance(value, list) and values.ndim == 1
    if values.dtype.kind in "fiub" and values.size <= LONGEST_ROW and (flat or values.shape == (1, values.size)):
        return row_text(values.reshape(-1).tolist())
    return f"[{size_and_class(values.reshape(1, -1) if flat else values)}]"


def size_and_class(value: object) -> str:
    """``28×28×1×100 double`` or ``100×1 categorical``; a vector prints as a column."""
    try:
        shape = tuple(np.shape(value)) if hasattr(value, "shape") else (len(value) if hasattr(value, "__len__") else 1,)
    except Exception:  # an object that does not say
        shape = (1,)
    sizes = shape + (1,) * (2 - len(shape))
    kind = str(value.dtype) if isinstance(value, np.ndarray) else type(value).__name__
    return f"{'×'.join(map(str, sizes))} {MATLAB_CLASSES.get(kind, kind)}"


def aligned(pairs: Iterable[tuple[str, str]]) -> str:
    """``name: value`` lines with the names flush right, the longest indented by four spaces."""
    rows = list(pairs)
    width = max((len(name) for name, _ in rows), default=0) + 4
    return "\n".join(f"{name:>{width}}: {text}" for name, text in rows)


def object_text(class_name: str, groups: Sequence[tuple[str, Pairs]], *, more: bool = False) -> str:
    """An object as MATLAB prints it: properties in groups under headings, all aligned on their colons.

    Args:
        class_name: What stands in the first line.
        groups: (heading, properties) in the order of display; the heading of the first group is usually empty.
        more: Whether some properties are left out, so that the display ends with ``Show all properties``.
    """
    blocks = [(heading, [(name, value_text(value)) for name, value in pairs]) for heading, pairs in groups]
    width = max((len(name) for _, pairs in blocks for name, _ in pairs), default=0) + 4
    lines = [f"  {class_name} with properties:"]
    for heading, pairs in blocks:
        if pairs:
            lines += ["", *([f"   {heading}"] if heading else []), *(f"{name:>{width}}: {text}" for name, text in pairs)]
    return "\n".join([*lines, "", *(["  Show all properties", ""] if more else [])])


# As HTML, for notebooks: small tables without colours of their own, so that they fit into light and dark pages.
MOST_OPEN_ROWS = 60  # a longer table stands behind its title until it is opened

RULE_LINE = "1px solid rgba(128, 128, 128, 0.45)"
TABLE_STYLE = "border-collapse: collapse; margin: 0.4em 0; width: auto"
CELL_STYLE = "padding: 0.15em 0.8em 0.15em 0.4em; background: none; border: 0; vertical-align: top; text-align: "
TITLE_STYLE = "margin: 0.2em 0; font-weight: 600"


def text_html(text: object) -> str:
    """Text with nothing in it that a browser would take for markup."""
    return escape(printable(str(text)))


def title_html(text: str) -> str:
    return f'<div style="{TITLE_STYLE}">{text_html(text)}</div>'


def rows_html(heads: Sequence[str], rows: Sequence[Sequence[str]], right: Collection[str] = ()) -> str:
    """A table of texts; the columns named in ``right`` hold numbers, whose last digits stand below each other."""
    sides = ["right; font-variant-numeric: tabular-nums" if head in right else "left" for head in heads]
    top = "".join(f'<th style="{CELL_STYLE}{side}; border-bottom: {RULE_LINE}; white-space: nowrap">{text_html(head)}</th>'
                  for head, side in zip(heads, sides, strict=True))
    body = "".join("<tr>" + "".join(f'<td style="{CELL_STYLE}{side}">{text_html(cell)}</td>'
                                    for cell, side in zip(row, sides, strict=True)) + "</tr>" for row in rows)
    return f'<table style="{TABLE_STYLE}"><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>'


def table_html(title: str, heads: Sequence[str], rows: Sequence[Sequence[str]], right: Collection[str] = (), *,
               folded: bool | None = None) -> str:
    """A table under its title; a long one, or one that is ``folded``, is seen when the title is clicked.

    >>> "<details>" in table_html("3 rows", ["n"], [["1"], ["2"], ["3"]], {"n"})
    False
    """
    table = rows_html(heads, rows, right)
    if len(rows) > MOST_OPEN_ROWS if folded is None else folded:
        return f'<details><summary style="{TITLE_STYLE}; cursor: pointer">{text_html(title)}</summary>{table}</details>'
    return f"<div>{title_html(title)}{table}</div>"
