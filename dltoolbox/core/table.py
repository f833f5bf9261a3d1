"""A small table with named columns: MATLAB's ``table`` as far as displays and reports need it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np

from dltoolbox.core.display import is_number, printable, size_and_class, table_html, terminal_width
from dltoolbox.core.errors import DltoolboxError, Issue, fail
from dltoolbox.core.properties import references, refuse_lost

CELL_GAP = "    "  # before every column
KEEP_TABLE = "Keep the table in a variable, as in table = net.Learnables, and then use that: net.Learnables = table."


class UnknownColumnError(DltoolboxError, AttributeError):
    """There is no such column; as an AttributeError, so that ``hasattr`` and all who use it get their answer."""


def cell_text(value: object) -> str:
    """Arrays by their size and class, ``{3×3×1×8 single}``, fractions in five digits; anything else as it prints."""
    if isinstance(value, np.ndarray):
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


class Column(list[Any]):
    """The values of a column; they can be assigned in a table that somebody keeps."""

    def __setitem__(self, row: Any, value: Any) -> None:
        refuse_lost(references(self), "table", "A value", KEEP_TABLE)
        super().__setitem__(row, value)


class Table:
    """Columns of equal length, read as attributes: ``lgraph.Connections.Source``.

    >>> t = Table(Source=['conv', 'relu'], Destination=['relu', 'pool/in'])
    >>> t.Destination[1], len(t), t[0]
    ('pool/in', 2, ('conv', 'relu'))
    """

    own: ClassVar[tuple[str, ...]] = ("columns",)  # attributes that are no columns

    def __init__(self, **columns: Sequence[object]) -> None:
        self.columns = {name: Column(values) for name, values in columns.items()}
        if len({len(values) for values in self.columns.values()}) > 1:
            raise AssertionError("columns of different lengths")

    def __getattr__(self, name: str) -> list[Any]:
        columns: dict[str, Column] = self.__dict__.get("columns", {})
        if name in columns:
            return columns[name]
        raise UnknownColumnError(Issue("dltoolbox:table:unknownColumn", f"The table has no column '{name}'.",
                                       f"Its columns are {', '.join(columns)}."))

    def __setattr__(self, name: str, value: Any) -> None:
        """A column can be replaced by another one of the same length."""
        if name in self.own:
            object.__setattr__(self, name, value)
            return
        refuse_lost(references(self), "table", f"'{name}'", KEEP_TABLE)
        if len(getattr(self, name)) != len(value):
            fail("table:invalidLength", f"Column '{name}' has {len(getattr(self, name))} values, but {len(value)} came.",
                 "Pass one value per row.")
        self.columns[name] = Column(value)

    @property
    def VariableNames(self) -> list[str]:
        return list(self.columns)

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()), []))

    def __getitem__(self, row: int) -> tuple[Any, ...]:
        return tuple(values[row] for values in self.columns.values())

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
