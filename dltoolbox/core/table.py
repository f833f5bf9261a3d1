"""A small table with named columns: MATLAB's ``table`` as far as displays and reports need it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np

from dltoolbox.core.display import counted, is_number, printable, size_and_class, table_html, terminal_width
from dltoolbox.core.errors import DltoolboxError, Issue, fail
from dltoolbox.core.properties import did_you_mean, show
from dltoolbox.core.statements.copied import CopiedList, FixedList, Names
from dltoolbox.core.statements.lost import Lost, references, refuse_lost

CELL_GAP = "    "  # before every column
READ_ONLY = Lost("The table is read-only: a change of it would have no effect.",
                 "To compute with a column, copy it: values = list(table.Source). Networks are changed by functions: their "
                 "connections by connectLayers and disconnectLayers, their layers by replaceLayer.")
KEEP_TABLE = Lost("The change would be lost: nothing keeps this copy of the table.",
                  "Keep it, change it and put it back: table = net.Learnables; table.Value[0] = …; net.Learnables = table.")


class UnknownColumnError(DltoolboxError, AttributeError):
    """A missing column; also an AttributeError, so that ``hasattr`` answers."""


def cell_text(value: object) -> str:
    """Arrays by their size and class, ``{3×3×1×8 single}``, fractions in five digits; anything else as it prints."""
    if hasattr(value, "__array_function__"):
        return f"{{{size_and_class(value)}}}"
    return f"{value:.5g}" if isinstance(value, float) else printable(str(value))


def part_starts(widths: Sequence[int], room: int) -> list[int]:
    """The first column of every part of a table that has no more room than this.

    >>> part_starts([4, 4, 4, 20, 4], 10)
    [0, 2, 3, 4]
    """
    starts, used = [0], 0
    for at, width in enumerate(widths):
        if used and used + width > room:
            starts.append(at)
            used = 0
        used += width
    return starts


def chosen_rows(rows: Any, count: int) -> list[int]:
    """The places that a slice, places in any order, or a logical value for each row chooses.

    >>> chosen_rows([True, False, True], 3), chosen_rows([-1, 0], 3)
    ([0, 2], [2, 0])
    """
    if isinstance(rows, slice):
        return [*range(count)[rows]]
    items = rows if isinstance(rows, list) else rows.tolist()
    if len(items) == count and all(isinstance(item, bool | np.bool_) for item in items):
        return [at for at, chosen in enumerate(items) if chosen]
    if not all(isinstance(item, int | np.integer) and not isinstance(item, bool) and -count <= item < count
               for item in items):
        fail("table:invalidRows", f"Rows of a table with {counted(count, 'row')} cannot be chosen by {show(rows)}.",
             "Pass a slice, table[:2], a list of places from 0 on, or one logical value for each row.")
    return [int(item) % count for item in items]


class Column(FixedList[Any]):
    """The values of a column."""

    label, lost = "table", READ_ONLY


class EditableColumn(CopiedList[Any]):
    """The values of a column that can be assigned, by those who keep the table."""

    label, lost = "table", KEEP_TABLE


class Table:
    """Columns of equal length, read as attributes or by name: ``table.Source``, ``table['Source']``; read-only.

    >>> t = Table(Source=['conv', 'relu'], Destination=['relu', 'pool/in'])
    >>> t.Destination[1], len(t), t[0]
    ('pool/in', 2, ('conv', 'relu'))
    """

    own: ClassVar[tuple[str, ...]] = ("columns",)  # attributes that are no columns, assigned once
    editable: ClassVar[bool] = False

    def __init__(self, /, **columns: Sequence[object]) -> None:
        column = EditableColumn if self.editable else Column
        self.columns: dict[str, list[Any]] = {name: column(values) for name, values in columns.items()}
        if len({len(values) for values in self.columns.values()}) > 1:
            raise AssertionError("columns of different lengths")

    def __getattr__(self, name: str) -> list[Any]:
        columns: dict[str, list[Any]] = self.__dict__.get("columns", {})
        if name in columns:
            return columns[name]
        raise UnknownColumnError(Issue("dltoolbox:table:unknownColumn", f"The table has no column '{name}'.",
                                       did_you_mean(name, columns) or f"Its columns are {', '.join(columns)}."))

    def __setattr__(self, name: str, value: Any) -> None:
        if name in self.own and name not in vars(self):
            object.__setattr__(self, name, value)
            return
        old = getattr(self, name)  # an unknown column is told first
        if not self.editable:
            fail("table:readOnly", READ_ONLY.message, READ_ONLY.hint)
        refuse_lost(references(self), self, "table", KEEP_TABLE)
        values = [*value] if isinstance(value, Iterable) else None
        if values is None or len(old) != len(values):
            fail("table:invalidLength", f"Column '{name}' has {counted(len(old), 'value')}, but got "
                 f"{show(value) if values is None else len(values)}.", "Pass a list with one value per row.")
        self.columns[name] = EditableColumn(values)

    def __setitem__(self, at: object, value: object) -> None:
        fail("table:readOnly", "Rows and columns of a table cannot be assigned this way.",
             "Of Learnables and State of a dlnetwork single values can: table = net.Learnables; table.Value[0] = …; "
             "net.Learnables = table.")

    @property
    def VariableNames(self) -> list[str]:
        return Names(self.columns)

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()), []))

    def __getitem__(self, row: Any) -> Any:
        """A row by its number, a column by its name; some rows as a table: ``table[:2]``, ``table[[0, 3]]``, and those where
        a list of logical values is true.
        """
        if isinstance(row, str):
            return getattr(self, row)
        if isinstance(row, slice | list) or (hasattr(row, "ndim") and row.ndim > 0):
            return self._part(chosen_rows(row, len(self)))
        return tuple(values[row] for values in self.columns.values())

    def _part(self, places: Sequence[int]) -> Table:
        """A table of these rows."""
        return type(self)(**{name: [values[at] for at in places] for name, values in self.columns.items()})

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        return iter(zip(*self.columns.values(), strict=True))

    def __str__(self) -> str:
        """As MATLAB prints tables: in several parts where the terminal is too narrow for one."""
        count = len(self.columns)
        if not len(self):
            return f"  0×{count} empty table" + f" with the columns {', '.join(self.columns)}" * bool(count)
        every = self.blocks()
        names, blocks = every[:-count], every[-count:]
        room = terminal_width() - sum(len(CELL_GAP) + len(block[0]) for block in names)
        starts = part_starts([len(CELL_GAP) + len(block[0]) for block in blocks], room)
        parts = []
        for start, end in pairwise([*starts, count]):
            lines = (f"{CELL_GAP}{CELL_GAP.join(line)}".rstrip() for line in zip(*names, *blocks[start:end], strict=True))
            title = f"  {f'Columns {start + 1} through {end}' if end > start + 1 else f'Column {end}'}\n\n"
            parts.append(title * (len(starts) > 1) + "\n".join(lines))
        return "\n\n".join(parts)

    def blocks(self) -> list[list[str]]:
        """The lines of every column, all of them of one width: its head, a rule, a blank line and the cells."""
        blocks = []
        for name, values in self.columns.items():
            cells = list(map(cell_text, values))
            width = max(map(len, (name, *cells)))
            blocks.append([f"{name:^{width}}", "_" * width, " " * width, *(f"{cell:<{width}}" for cell in cells)])
        return blocks

    def texts(self) -> dict[str, list[str]]:
        """Every column as texts, for displays; names of rows stand in a column without a name."""
        return {name: list(map(cell_text, values)) for name, values in self.columns.items()}

    def html(self, title: str) -> str:
        """The table under a title, as notebooks show it."""
        texts = self.texts()
        numbers = {name for name, values in self.columns.items() if all(map(is_number, values))}
        return table_html(title, list(texts), list(zip(*texts.values(), strict=True)), numbers)

    def _repr_html_(self) -> str:
        return self.html(f"{len(self)}×{len(self.columns)} table")

    def __repr__(self) -> str:
        return f"{len(self)}×{len(self.columns)} table with the columns {', '.join(self.columns)}"


class EditableTable(Table):
    """A table that can be changed by those who keep it, to be assigned as a whole: Learnables and State of a dlnetwork. A
    column can be replaced by another one of the same length.
    """

    editable = True
