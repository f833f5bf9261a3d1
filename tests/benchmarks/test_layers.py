"""The table of layers has them all, both sides of every row compute the same, and slow rows are marked."""

from __future__ import annotations

import json

import pytest

from benchmarks import __main__ as command
from benchmarks import layer_reference, layer_rows, layers, measure, report, rows
from dltoolbox.layers.base import LAYERS

pytestmark = pytest.mark.oracle


def test_every_layer_has_a_row_or_a_reason():
    assert set(layers.LAYERS) | set(layer_rows.WITHOUT) == set(LAYERS)
    assert not set(layers.LAYERS) & set(layer_rows.WITHOUT)
    assert set(layers.LAYERS) == set(layer_reference.REFERENCE)


@pytest.mark.slow
@pytest.mark.parametrize("factory", layers.LAYERS)
@pytest.mark.filterwarnings("ignore::dltoolbox.DltoolboxWarning")
def test_both_sides_compute_the_same(factory):
    """Dropout in prediction alone: what it draws differs."""
    row = layers.LAYERS[factory]
    for what in row.works:
        first = {name: layers.Side(name).begin(factory, what, True)["first"] for name in ("numpy", *rows.TORCH)}
        layers.compared(row, what, first)
        assert all(any(any(one) for one in several) for several in first.values())


def test_sizes_of_quick_runs_are_small():
    row = layers.LAYERS["convolution2dLayer"]
    assert row.sized(small=True).entering == (("SSCB", (8, 8, 32, 2)),)
    assert row.sized(small=False) is row


def test_names_choose_layers():
    assert [row.factory for row in layers.chosen(["reluL", "GRU"])] == ["reluLayer", "gruLayer", "gruProjectedLayer"]
    assert len(layers.chosen([])) == len(layers.LAYERS)
    with pytest.raises(SystemExit):
        command.main(["layers", "--workload", "noSuchLayer"])


def line(numpy, numba, torch):
    seconds = {"numpy": [numpy], "numba": [numba], "contiguous": [torch], "channels_last": [2 * torch]}
    return layers.Line(layers.LAYERS["reluLayer"], "train", seconds)


def test_slow_rows_are_marked():
    assert [line(*times).slow for times in ((1.5, 1, 1), (1.6, 1, 1), (1, 1.6, 1), (1, 3.1, 1))] == [
        "", "over 1.5", "over 1.5", "over 3"]
    assert line(3.0, 1.0, 2.0).cells()[-4:] == ("1.50", "1e+03 (1e+03)", "0.50", "")
    seconds = {"numpy": [1.0], "contiguous": [2.0], "channels_last": [4.0]}
    without = layers.Line(layers.LAYERS["reluLayer"], "predict", seconds)
    assert without.cells()[-3:] == (report.NONE, report.NONE, "")


def test_one_round_of_a_layer(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(report, "DOCUMENT", tmp_path / "never.md")
    monkeypatch.setattr(layers, "variants", lambda: ("numpy", *rows.TORCH))
    file = tmp_path / "times.json"
    options = ["--quick", "--rounds", "1", "--threads", "1", "--patience", "0", "--json", str(file)]
    assert command.main(["layers", "--workload", "tanh", *options]) == 0
    assert "tanhLayer" in capsys.readouterr().out
    train, predict = json.loads(file.read_text())
    assert (train["work"], predict["work"]) == ("train", "predict")
    assert all(seconds > 0 for one in (train, predict) for times in one["seconds"].values() for seconds in times)


def test_sides_that_differ_are_refused(monkeypatch):
    first = {"numpy": [[1.0]], "contiguous": [[1.0]], "channels_last": [[2.0]]}
    with pytest.raises(measure.Refused):
        layers.compared(layers.LAYERS["reluLayer"], "train", first)
    layers.compared(layers.LAYERS["dropoutLayer"], "train", first)
