"""The long table of the layers: descriptions as MATLAB prints them, formats, and the size of every learnable."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import zip_longest
from textwrap import wrap
from typing import Any

COLUMN_GAP = "  "
NARROWEST_COLUMNS = {"Description": 20, "Type": 14}  # columns that are wrapped
KEPT_WHOLE = re.compile(r"\w+\([^()]*\)|\[[^]]*\]| × ")


def long_table(info: Any, width: int) -> str:
    """Several lines per layer, in at most ``width`` columns where the activations allow it."""
    return table(columns_of(info), width)


def columns_of(info: Any) -> dict[str, list[list[str]]]:
    """Column → cell per layer → lines. Ports and arrays stand below each other; ``!`` marks a layer with a problem.

    Where the layers do not simply follow one another, a column says what feeds each.
    """
    table, marked = info.LayerInfo, {issue.index for issue in info.Issues}
    columns = {"#": [[f"{'! ' if i in marked else ''}{i}"] for i in table.Index],
               "Name": [[name] for name in table.Name],
               "Type": [[text] for text in table.Type],
               "Description": [[text] for text in table.Description],
               "Activations": info.ports,
               "Learnables (states)": [arrays_of(*texts) for texts in zip(table.Learnables, table.States, strict=True)]}
    if any(text != previous for text, previous in zip(table.Inputs[1:], table.Name[:-1], strict=True)):
        columns["Inputs"] = [(text or "-").split(", ") for text in table.Inputs]
    return columns


def arrays_of(learnables: str, states: str) -> list[str]:
    """One line per array, states in parentheses."""
    lines = [text for text in learnables.split(", ") if text]
    return [*lines, *(f"({text})" for text in states.split(", ") if text)] or ["-"]


def stack_columns(columns: dict[str, list[list[str]]], width: int) -> dict[str, list[list[str]]]:
    """Stacks columns that have no room: inputs below names if the layer before is not the only one, and arrays below
    activations."""
    for name, above in (("Inputs", "Name"), ("Learnables (states)", "Activations")):
        least = sum(len(COLUMN_GAP) + (NARROWEST_COLUMNS["Type"] if other == "Type" else natural(other, cells))
                    for other, cells in columns.items() if other != "Description")
        if least <= width or name not in columns:
            continue
        plain = [["-"], *columns["Name"][:-1]] if name == "Inputs" else [["-"]] * len(columns[name])
        mark = "← " if name == "Inputs" else ""
        below = [[] if cell == usual else [f"  {mark}{line}" for line in cell]
                 for cell, usual in zip(columns[name], plain, strict=True)]
        columns = columns | {above: [[*a, *b] for a, b in zip(columns[above], below, strict=True)]}
        del columns[name]
    return columns


def table(columns: dict[str, list[list[str]]], width: int) -> str:
    """An aligned table. Types and descriptions are wrapped; where a column of descriptions has no room, they stand below
    the types, and where not even that fits, they are left out."""
    columns = stack_columns(columns, width)
    widths = {name: natural(name, cells) for name, cells in columns.items()}

    def room(name: str) -> int:
        return width - 2 - sum(n + len(COLUMN_GAP) for other, n in widths.items() if other != name)
    if room("Description") < min(widths["Description"], NARROWEST_COLUMNS["Description"]):
        del widths["Description"]
        if room("Type") >= NARROWEST_COLUMNS["Description"] + 2:
            columns = columns | {"Type": [[*kind, f"  {text}"] for kind, (text,) in zip(
                columns["Type"], columns["Description"], strict=True)]}
            widths["Type"] = natural("Type", columns["Type"])
    for name in [name for name in NARROWEST_COLUMNS if name in widths]:
        widths[name] = min(widths[name], max(room(name), NARROWEST_COLUMNS[name]))
    wrapped = {name: [broken(cell, widths[name]) if name in NARROWEST_COLUMNS else cell for cell in columns[name]]
               for name in widths}
    rule = [["─" * n] for n in widths.values()]
    rows = [[[name] for name in widths], rule, *zip(*wrapped.values(), strict=True)]
    return "\n".join(line for row in rows for line in lines_of(row, list(widths.values())))


def broken(cell: Sequence[str], width: int) -> list[str]:
    return [part for line in cell for part in folded(line, width)]


def folded(text: str, width: int, **indents: Any) -> list[str]:
    """Lines of at most this width that break neither sizes, nor vectors, nor calls."""
    kept = KEPT_WHOLE.sub(lambda match: match[0].replace(" ", "\N{NO-BREAK SPACE}"), text)
    indents.setdefault("subsequent_indent", text[:len(text) - len(text.lstrip())])
    lines = wrap(kept, width, break_on_hyphens=False, break_long_words=False, **indents)
    return [line.replace("\N{NO-BREAK SPACE}", " ") for line in lines]


def natural(name: str, cells: Sequence[Sequence[str]]) -> int:
    return max(len(name), *(len(line) for cell in cells for line in cell))


def lines_of(row: Sequence[Sequence[str]], widths: Sequence[int]) -> list[str]:
    """The lines of one row; the first column is aligned right."""
    result = []
    for parts in zip_longest(*row, fillvalue=""):
        cells = [f"{part:>{n}}" if i == 0 else f"{part:<{n}}" for i, (part, n) in enumerate(zip(parts, widths, strict=True))]
        result.append(f"  {COLUMN_GAP.join(cells)}".rstrip())
    return result
