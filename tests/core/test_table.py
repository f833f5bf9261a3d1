"""Tables as they print: whole, in parts where the terminal is too narrow, and empty."""

import numpy as np
import pytest

from dltoolbox.core.table import Table
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
