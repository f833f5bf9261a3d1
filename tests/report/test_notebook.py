"""What notebooks show: HTML that is well-formed and escaped, without colours of its own, and folded where it is long."""

import re
import sys
from html.parser import HTMLParser
from types import SimpleNamespace

import numpy as np
import pytest

import dltoolbox as dl
from dltoolbox.core.display import MOST_OPEN_ROWS, table_html
from dltoolbox.core.table import Table
from dltoolbox.report.analyze import desktop
from dltoolbox.runtime.console import in_notebook

HOSTILE = "<b>&\"in'</b>"
LAYERS = [dl.imageInputLayer([8, 8, 1], Name=HOSTILE), dl.convolution2dLayer(3, 2, Name="conv"), dl.reluLayer(Name="act"),
          dl.additionLayer(2, Name="add"), dl.regressionLayer(Name="end")]


def graph():
    return dl.connectLayers(dl.layerGraph(LAYERS), "conv", "add/in2")


def labels():
    return dl.categorical([HOSTILE, "a", None, "a"])


def metrics():
    return dl.evaluateSemanticSegmentation(labels().reshape(2, 2), labels().reshape(2, 2), Verbose=False)


class Reader(HTMLParser):
    """The rows of all tables and the text around them; every element must be closed where it was opened."""

    def __init__(self):
        super().__init__()
        self.open, self.rows, self.text, self.attributes = [], [], [], []

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)
        self.attributes += attrs
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open[-1] in ("td", "th"):
            self.rows[-1][-1] += data
        else:
            self.text.append(data)


def read(value):
    reader = Reader()
    reader.feed(value if isinstance(value, str) else value._repr_html_())
    assert reader.open == []
    return reader


MADE = {"layer array": lambda: dl.layerArray(LAYERS), "graph": graph, "connections": lambda: graph().Connections,
        "dlnetwork": lambda: dl.dlnetwork(LAYERS[:3]), "learnables": lambda: dl.dlnetwork(LAYERS[:3]).Learnables,
        "categorical": labels, "label image": lambda: labels().reshape(2, 2), "ordinal": lambda: dl.categorical(
            [HOSTILE], Ordinal=True), "no labels": lambda: dl.categorical([]), "metrics": metrics,
        "confusion": lambda: metrics().ConfusionMatrix, "empty table": lambda: Table(Source=[], Destination=[]),
        "empty graph": dl.layerGraph, "empty array": lambda: dl.layerArray([]),
        "options": lambda: dl.trainingOptions("adam", MaxEpochs=3, CheckpointPath=HOSTILE)}


@pytest.mark.parametrize("name", MADE)
def test_html_is_sound(name):
    made = MADE[name]()
    reader = read(made)
    assert "<b>" not in made._repr_html_()
    styles = " ".join(value for attribute, value in reader.attributes if attribute == "style")
    assert {attribute for attribute, _ in reader.attributes} <= {"style"}
    assert not re.search(r"#[0-9a-f]{3}|(?<!-)color:|url\(", styles)  # the colours are those of the page around it
    assert styles.count("background") == styles.count("background: none")


def test_layers_in_notebooks():
    head, first, *_ = read(dl.layerArray(LAYERS)).rows
    assert head == ["#", "Name", "Type", "Description"]
    assert first == ["1", HOSTILE, "Image Input", "8×8×1 images with 'zerocenter' normalization"]
    reader = read(graph())
    assert "LayerGraph of 5 layers and 5 connections" in reader.text
    assert [row[-1] for row in reader.rows] == ["Inputs", "", HOSTILE, "conv", "act, conv", "add"]
    assert read(dl.layerGraph(LAYERS[:3])).rows[0] == ["#", "Name", "Type", "Description"]
    assert dl.layerArray(LAYERS)[0:1]._repr_html_()
    assert type(dl.layerArray(LAYERS))([1, 2])._repr_html_() is None


def test_labels_in_notebooks():
    reader = read(labels())
    assert f"{HOSTILE}, a, <undefined>, a" in reader.text
    assert reader.rows == [["Category", "Count"], [HOSTILE, "1"], ["a", "2"], ["<undefined>", "1"]]
    assert ", …" in "".join(read(dl.categorical(np.zeros(1000, int))).text)
    assert labels()[0]._repr_html_() is None


def test_options_in_notebooks():
    changed, every = [], []
    rows = read(MADE["options"]()).rows
    split = rows.index(["Option", "Value"], 1)
    changed, every = rows[:split], rows[split:]
    assert changed == [["Option", "Value"], ["MaxEpochs", "3"], ["CheckpointPath", f"'{HOSTILE}'"]]
    assert len(every) == 1 + len([*dl.trainingOptions("adam").values()])
    assert "all options are the defaults" in "".join(read(dl.trainingOptions("sgdm")).text)


def test_long_tables_are_folded():
    rows = [[str(n)] for n in range(MOST_OPEN_ROWS + 1)]
    assert table_html("long", ["n"], rows).startswith("<details><summary")
    assert "details" not in table_html("short", ["n"], rows[1:])


# The page of an analysis ---------------------------------------------------------------------------------------------
@pytest.fixture
def notebook(monkeypatch):
    """What a notebook is asked to show."""
    shown = []
    kernel, display = SimpleNamespace(kernel=1), SimpleNamespace(display=shown.append)
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: kernel, display=display))
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    return shown


def test_the_page_stands_in_a_frame():
    info = dl.analyzeNetwork(graph(), nargout=1)
    reader = read(info)
    attributes = dict(reader.attributes)
    assert attributes["srcdoc"].startswith("<!doctype html>")
    assert "allow-same-origin" not in attributes["sandbox"]
    assert reader.text == []


def test_a_very_large_page_is_a_table(monkeypatch):
    monkeypatch.setattr("dltoolbox.report.analyze.LARGEST_FRAMED", 1000)
    reader = read(dl.analyzeNetwork(graph(), nargout=1))
    assert reader.rows[0] == ["#", "Name", "Type", "Activations", "Param #", "Mult-adds", "Inputs"]
    assert reader.rows[2] == ["2", "conv", "2-D Convolution", "6×6×2", "20", "648", "1"]
    assert "NetworkAnalysis of 5 layers: 20 learnables, 0 errors, 0 warnings" in reader.text


def test_in_a_notebook_no_browser_is_opened(notebook, monkeypatch, capsys):
    for name in ("CI", "PYTEST_CURRENT_TEST", "SSH_CONNECTION", "SSH_TTY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr(sys, "ps1", "In : ", raising=False)
    monkeypatch.setattr("webbrowser.open", lambda address: pytest.fail(address))
    assert in_notebook()
    assert not desktop()
    dl.analyzeNetwork(graph())
    assert notebook == []  # what a cell returns is shown anyway
    info = dl.analyzeNetwork(graph(), Plots="network-analyzer", nargout=1)
    assert notebook == [info]
    assert "Report:" not in capsys.readouterr().out


def test_elsewhere_is_no_notebook(monkeypatch):
    assert not in_notebook()
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: None))
    assert not in_notebook()
