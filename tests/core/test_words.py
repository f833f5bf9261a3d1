"""Formats, tables, the registry and random streams."""

import numpy as np
import pytest

from dltoolbox.core.dims import Dims, times, vector
from dltoolbox.core.display import counted
from dltoolbox.core.errors import DltoolboxError
from dltoolbox.core.random import STREAMS, rng, stream
from dltoolbox.core.table import Table
from dltoolbox.layers.base import LAYERS, find, layer

IMAGE = Dims.of("SSCB", 28, 14, 8, None)


def test_dims_print_as_the_analyser_does():
    assert str(IMAGE) == "28(S) × 14(S) × 8(C) × 1(B)"
    assert str(IMAGE.with_size("B", 32)) == "28(S) × 14(S) × 8(C) × 32(B)"
    assert str(Dims.of("CB", 10, None)) == "10(C) × 1(B)"


def test_dims_by_label():
    assert (IMAGE.rank, IMAGE.spatial, IMAGE.channels, IMAGE.batch, IMAGE.features) == (2, (28, 14), 8, None, 28 * 14 * 8)
    assert (IMAGE.axis("C"), IMAGE.axis("T"), IMAGE.size("T")) == (2, None, None)
    assert IMAGE.with_spatial((7, 3)) == Dims.of("SSCB", 7, 3, 8, None)
    assert IMAGE.with_size("C", 2).channels == 2
    with pytest.raises(AssertionError):
        Dims("SSCB", (1, 2))


def test_sizes_and_vectors():
    assert (times((3, 3, None)), times((4,)), times(())) == ("3×3×?", "4", "1×1")
    assert (vector((2, 2)), vector((2,))) == ("[2  2]", "2")


def test_tables_read_by_column_and_row():
    table = Table(Source=["a", "b"], Destination=["b", "c/in1"])
    assert (table.Source, table.VariableNames, len(table), list(table)) == (
        ["a", "b"], ["Source", "Destination"], 2, [("a", "b"), ("b", "c/in1")])
    assert str(table).splitlines() == ["    Source    Destination", "    ______    ___________", "",
                                       "    a         b", "    b         c/in1"]
    assert repr(table) == "2×2 table with the columns Source, Destination"
    with pytest.raises(DltoolboxError, match="no column 'Sourc'"):
        table.Sourc
    with pytest.raises(AssertionError):
        Table(a=[1], b=[])
    assert len(Table(a=[])) == 0
    assert not hasattr(table, "Sourc")


def test_the_registry_has_each_layer_once():
    assert find("reluLayer") is LAYERS["reluLayer"]
    with pytest.raises(DltoolboxError, match="no layer 'reluLayr'"):
        find("reluLayr")
    with pytest.raises(AssertionError):
        layer("reluLayer", "ReLU", name="relu")(type("Another", (), {}))


@pytest.fixture
def streams():
    before = rng(0)
    yield
    rng(before)


@pytest.mark.usefixtures("streams")
def test_streams_repeat_and_are_independent():
    first = {name: stream(name).random() for name in STREAMS}
    assert len(set(first.values())) == len(STREAMS)
    rng(0)
    stream("dropout").random(100)
    assert {name: stream(name).random() for name in STREAMS if name != "dropout"} == {
        name: value for name, value in first.items() if name != "dropout"}


@pytest.mark.usefixtures("streams")
def test_states_can_be_kept_and_restored():
    stream("shuffle").random()
    state = rng()
    expected = stream("shuffle").random(3)
    rng(7)
    rng(state)
    np.testing.assert_array_equal(stream("shuffle").random(3), expected)
    assert rng("default").Seed == 0
    rng("shuffle")
    assert rng().Seed != 0


@pytest.mark.usefixtures("streams")
def test_rng_as_scripts_call_it():
    for call in (lambda: rng(3), lambda: rng(3.0), lambda: rng(3, "twister"), lambda: rng(3, "Philox")):
        call()
        assert repr(rng()) == "RandomState(Seed=3)"
    for arguments, reason in (((-1,), "invalidSeed"), ((1.5,), "invalidSeed"), (("zero",), "invalidSeed"),
                              ((0, "mt"), "invalidGenerator")):
        with pytest.raises(DltoolboxError, match=f"rng:{reason}"):
            rng(*arguments)


@pytest.mark.parametrize("seed", [-1, 1.5, "x", True, [1]])
def test_wrong_seeds(seed):
    with pytest.raises(DltoolboxError, match="The seed must be"):
        rng(seed)


@pytest.mark.parametrize(("count", "noun", "text"), [
    (1, "layer", "1 layer"), (0, "layer", "0 layers"), (1, "class", "1 class"), (2, "class", "2 classes")])
def test_plurals(count, noun, text):
    assert counted(count, noun) == text
