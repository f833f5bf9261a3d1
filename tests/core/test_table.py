"""Tables as they print: whole, in parts where the terminal is too narrow, and empty."""

import numpy as np
import pytest

from dltoolbox.core.errors import DltoolboxError
from dltoolbox.core.table import EditableTable, Table
from dltoolbox.data.metrics import MetricsTable


@pytest.fixture
def narrow(monkeypatch):
    monkeypatch.setenv("COLUMNS", "30")


def test_cells():
    table = Table(Value=[np.zeros((3, 1), np.float32), 0.123456789, 2.0, [1, 2], "\ud800"])
    assert [line.strip() for line in str(table).splitlines()[3:]] == ["{3×1 single}", "0.12346", "2", "[1, 2]", "\\ud800"]


def test_wide_tables_come_in_parts(narrow):
    table = Table(Name=["relu", "softmax"], Type=["ReLU", "Softmax"], Activations=["8×8×16", "1×1×10"], Inputs=[1, 2])
    assert str(table) == """\
  Columns 1 through 2

     Name       Type
    _______    _______

    relu       ReLU
    softmax    Softmax

  Columns 3 through 4

    Activations    Inputs
    ___________    ______

    8×8×16         1
    1×1×10         2"""


def test_every_part_has_the_names_of_the_rows(narrow):
    table = MetricsTable({"a class with a long name": [1, 0], "b": [0, 2]}, ["a class with a long name", "b"])
    parts = str(table).split("\n\n  Column 2\n\n")
    assert len(parts) == 2
    assert all("a class with a long name  " in part.splitlines()[-2] for part in parts)


def test_empty_tables():
    assert str(Table(Source=[], Destination=[])) == "  0×2 empty table with the columns Source, Destination"
    assert str(Table()) == "  0×0 empty table"


def test_some_rows_are_a_table():
    table = EditableTable(Layer=[*"abcd"], Value=[1, 2, 3, 4])
    for part, layers in ((table[:2], "ab"), (table[::-2], "db"), (table[[-1, 0]], "da"), (table[[]], ""),
                         (table[np.array([1, 2])], "bc"), (table[[True, False, False, True]], "ad"),
                         (table[np.array([False, True, False, False])], "b")):
        assert (type(part), part.Layer) == (EditableTable, [*layers])
    part.Value = [9]
    assert table.Value[1] == 2
    assert table[1] == ("b", 2)
    metrics = MetricsTable({"Accuracy": [0.75, 1], "IoU": [0.6, 0.9]}, ["cat", "dog"])[1:]
    assert (metrics.RowNames, metrics.IoU) == (["dog"], 0.9)


@pytest.mark.parametrize("rows", [[0, 4], [True, False], [[0, 1]], ["a"], [0.0], np.ones((2, 2), int)])
def test_rows_that_are_not_there(rows):
    with pytest.raises(DltoolboxError, match="4 rows") as caught:
        Table(Layer=[*"abcd"])[rows]
    assert caught.value.identifier == "dltoolbox:table:invalidRows"
