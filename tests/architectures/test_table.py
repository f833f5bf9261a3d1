"""The table in docs/architectures.md lists every architecture, with the numbers that the networks have."""

import re
from pathlib import Path

import pytest

import dltoolbox
from tests.architectures.counts import counts

TABLE = Path(__file__).parents[2] / "docs" / "architectures.md"
ARCHITECTURES = [name for name in dltoolbox.__all__ if hasattr(getattr(dltoolbox, name), "untrained")]

pytestmark = pytest.mark.skipif(not TABLE.exists(), reason="the suite is run without the documents")


def rows():
    """Cells of every row that begins with the name of a function."""
    lines = TABLE.read_text(encoding="utf-8").splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| `")]
    return {row[0].strip("`"): row[1:] for row in cells}


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_a_row_has_the_numbers_of_its_network(name):
    _, layers, connections, learnables, trained, data, _ = rows()[name]
    lgraph = getattr(dltoolbox, name)(Weights="none")
    found = counts(lgraph)
    assert [int(cell.replace(",", "")) for cell in (layers, connections, learnables, trained)] == [
        found.layers, found.connections, found.learnables, found.trainable]
    assert data == re.sub(r"(.*) images with '(.*)' normalization", r"\1, \2", lgraph.nodes[0].describe())
