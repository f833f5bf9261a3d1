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
    """By what stands in its first column, each row of the tables: its cells by the headings of their columns."""
    lines = [line.strip("|").split("|") for line in TABLE.read_text(encoding="utf-8").splitlines() if line.startswith("|")]
    found, heads = {}, []
    for cells in ([cell.strip() for cell in line] for line in lines):
        if cells[0].startswith("`"):
            found[cells[0].strip("`")] = dict(zip(heads, cells, strict=True))
        elif "---" not in cells:
            heads = cells
    return found


ROWS = rows() if TABLE.exists() else {}


def numbers(row, *headings):
    return [int(row[heading].replace(",", "")) for heading in headings if row.get(heading)]


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_a_row_has_the_numbers_of_its_network(name):
    lgraph = getattr(dltoolbox, name)(Weights="none")
    found = counts(lgraph)
    assert numbers(ROWS[name], "layers", "connections", "learnables", "of them trained") == [
        found.layers, found.connections, found.learnables, found.trainable]
    assert ROWS[name]["input"] == re.sub(r"(.*) images with '(.*)' normalization", r"\1, \2", lgraph.nodes[0].describe())


@pytest.mark.parametrize("call", [name for name in ROWS if "(" in name])
def test_a_row_has_the_numbers_of_its_call(call):
    """Layers and connections; where they are given, learnables, and of networks the rows of Learnables and State."""
    net, row = eval(call, vars(dltoolbox)), ROWS[call]
    assert numbers(row, "layers", "connections") == [len(net.nodes), len(net.edges)]
    if learnables := numbers(row, "learnables", "of them trained"):
        found = counts(net)
        assert learnables == [found.learnables, found.trainable]
    if tables := numbers(row, "rows of Learnables", "rows of State"):
        assert tables == [len(net.Learnables), len(net.State)]


def test_every_builder_has_a_row():
    assert {call.partition("(")[0] for call in ROWS if "(" in call} >= {
        "deeplabv3plusLayers", "fcnLayers", "resnet3dLayers", "resnetLayers", "resnetNetwork", "segnetLayers", "unet",
        "unet3d", "unet3dLayers", "unetLayers"}
