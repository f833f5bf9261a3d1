"""A small table with named columns: MATLAB's ``table`` as far as displays and reports need it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import numpy as np

from dltoolbox.core.display import counted, printable, size_and_class
from dltoolbox.core.errors import DltoolboxError, Issue, fail
from dltoolbox.core.properties import did_you_mean
from dltoolbox.core.statements.copied import CopiedList, FixedList, Names
from dltoolbox.core.statements.lost import Lost, references, refuse_lost

READ_ONLY = Lost("The table is read-only: it reports what the network is, so a change of it would have no effect.",
                 "Change connections with connectLayers and disconnectLayers, layers with replaceLayer. To compute with a "
                 "column, copy it: values = list(table.Source).")
KEEP_TABLE = Lost("The change would be lost: nothing keeps this copy of the table.",
                  "Keep it, change it and put it back: table = net.Learnables; table.Value[0] = …; net.Learnables = table.")


class UnknownColumnError(DltoolboxError, AttributeError):
    """A missing column; also an AttributeError, so that ``hasattr`` answers."""


def cell_text(value: object) -> str:
    """Arrays by their size and class, ``{3×3×1×8 single}``; anything else as it prints."""
    return f"{{{size_and_class(value)}}}" if isinstance(value, np.ndarray) else printable(str(value))


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

    def __init__(self, **columns: Sequence[object]) -> None:
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
        if len(old) != len(value):
            fail("table:invalidLength", f"Column '{name}' has {counted(len(old), 'value')}, but got {len(value)}.",
                 "Pass one value per row.")
        self.columns[name] = EditableColumn(value)

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
        """A row by its number, a column by its name."""
        if isinstance(row, str):
            return getattr(self, row)
        return tuple(values[row] for values in self.columns.values())

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        return iter(zip(*self.columns.values(), strict=True))

    def __str__(self) -> str:
        return "\n".join(f"    {'    '.join(line)}".rstrip() for line in zip(*self.blocks(), strict=True))

    def blocks(self) -> list[list[str]]:
        """The lines of every column, all of them of one width: its head, a rule, a blank line and the cells."""
        blocks = []
        for name, values in self.columns.items():
            cells = [cell_text(value) for value in values]
            width = max(map(len, (name, *cells)))
            blocks.append([f"{name:^{width}}", "_" * width, " " * width, *(f"{cell:<{width}}" for cell in cells)])
        return blocks

    def __repr__(self) -> str:
        return f"{len(self)}×{len(self.columns)} table with the columns {', '.join(self.columns)}"


class EditableTable(Table):
    """A table that can be changed by those who keep it, to be assigned as a whole: Learnables and State of a dlnetwork. A
    column can be replaced by another one of the same length.
    """

    editable = True
