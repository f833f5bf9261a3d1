"""What `analyzeNetwork` takes besides layers: example inputs, architectures, usage, batch sizes; when it opens the page."""

import sys
import webbrowser
from pathlib import Path

import numpy as np
import pytest

import dltoolbox as dl
from dltoolbox.core.errors import DltoolboxError
from dltoolbox.report.analyze import desktop

OPEN = [dl.convolution2dLayer(3, 8, Name="c"), dl.reluLayer(Name="r")]
SIZE = dl.networkDataLayout([8, 8, 3], "SSC")
AFTER = "6(S) × 6(S) × 8(C) × 1(B)"


def analysed(*arguments, **options):
    return dl.analyzeNetwork(*arguments, nargout=1, **options)


def faults(info):
    return [(one.layer, one.identifier.removeprefix("dltoolbox:")) for one in info.Issues]


def two_inputs():
    lgraph = dl.addLayers(dl.layerGraph(OPEN), dl.additionLayer(2, Name="add"))
    return dl.connectLayers(lgraph, "r", "add/in1")


@pytest.mark.parametrize("example", [np.zeros((8, 8, 3, 5)), np.zeros((8, 8, 3, 1), np.uint8), SIZE,
                                     dl.networkDataLayout([8, 8, 3, float("nan")], "SSCB")])
def test_an_example_says_what_enters(example):
    info = analysed(OPEN, example)
    assert (info.Issues, info.TargetUsage, info.LayerInfo.Activations) == ((), "dlnetwork", [AFTER, AFTER])


def test_examples_come_before_options():
    assert analysed(OPEN, SIZE, "TargetUsage", "dlnetwork", "MiniBatchSize", 4).MiniBatchSize == 4


def test_one_example_per_open_input():
    info = analysed(two_inputs(), SIZE, dl.networkDataLayout([6, 6, 8], "SSC"))
    assert (faults(info), info.IsComplete) == ([], True)
    info = analysed(two_inputs(), SIZE, dl.networkDataLayout([5, 6, 8], "SSC"))
    assert faults(info) == [("add", "additionLayer:inputSizeMismatch")]


def test_dlnetworks_know_their_examples():
    assert analysed(dl.dlnetwork(OPEN, SIZE)).LayerInfo.Activations == [AFTER, AFTER]
    unset = dl.dlnetwork(OPEN, Initialize=False)
    assert faults(analysed(unset)) == [("", "network:missingInputLayer")]
    assert analysed(unset, SIZE).IsValid


@pytest.mark.parametrize(("layers", "examples", "usage", "found"), [
    (OPEN, [], "auto", "dlnetwork"), (OPEN, [], "trainNetwork", "trainNetwork"),
    (OPEN, [SIZE], "auto", "dlnetwork"), (OPEN, [SIZE], "trainNetwork", "trainNetwork"),
    (OPEN, [], "dlnetwork", "dlnetwork"), (dl.dlnetwork(OPEN, SIZE), [], "auto", "dlnetwork"),
    ([*OPEN, dl.regressionLayer], [SIZE], "auto", "trainNetwork")])
def test_usage(layers, examples, usage, found):
    info = analysed(layers, *examples, TargetUsage=usage)
    assert info.TargetUsage == found
    assert ("network:missingOutputLayer" in dict(map(reversed, faults(info)))) == (
        found == "trainNetwork" and len(layers.nodes if hasattr(layers, "nodes") else layers) == 2)


def test_an_architecture_without_parentheses():
    info = analysed(dl.squeezenet)
    assert (info.Name, info.NumLayers, info.TotalLearnables) == ("squeezenet", 68, 1_235_496)
    assert str(info).startswith("  Network analysis: squeezenet\n")


def test_unconnected_pieces_are_shown_as_far_as_they_are_known():
    info = analysed(dl.addLayers(dl.layerGraph([dl.imageInputLayer([8, 8, 1], Name="in"), dl.regressionLayer(Name="out")]),
                                 [*OPEN, dl.fullyConnectedLayer(3, Name="fc")]))
    assert faults(info) == [("c", "network:unconnectedInput"), ("fc", "network:unconnectedOutput")]
    assert info.LayerInfo.Activations[2:] == ["?", "?", "1(S) × 1(S) × 3(C) × 1(B)"]
    assert info.LayerInfo.Learnables[2:] == ["?", "", "?"]
    assert "Total learnables: at least 0" in str(info)


@pytest.mark.parametrize("layer", [dl.imageInputLayer([8, 8, 1]), dl.featureInputLayer(4),
                                   dl.image3dInputLayer([4, 4, 4, 1]),
                                   dl.inputLayer([8, 8, 3, float("nan")], "SSCB")])
def test_any_input_layer(layer):
    info = analysed([layer, dl.fullyConnectedLayer(2), dl.regressionLayer])
    assert (info.Issues, info.IsComplete) == ((), True)


def test_hidden_sizes_are_not_invented():
    """The channels behind a window that does not fit are certain, its height and width are not."""
    info = analysed([dl.imageInputLayer([8, 8, 1]), dl.maxPooling2dLayer(9, Name="p"), dl.convolution2dLayer(3, 4, Name="c"),
                     dl.batchNormalizationLayer(NumChannels=5, Name="bn"), dl.averagePooling2dLayer(50, Name="avg"),
                     dl.fullyConnectedLayer(3, InputSize=10, Name="fc"), dl.regressionLayer])
    assert faults(info) == [("p", "maxPooling2dLayer:windowTooLarge"), ("bn", "batchNormalizationLayer:numChannelsMismatch")]
    assert info.LayerInfo.Activations[1:5] == ["?"] * 4
    assert info.LayerInfo.Learnables[2] == "Weights 3×3×1×4, Bias 1×1×4"
    assert not info.IsComplete


@pytest.mark.parametrize(("call", "identifier"), [
    (lambda: analysed(OPEN, SIZE, SIZE), "wrongNumberOfInputs"), (lambda: analysed(OPEN, np.zeros(3)), "formatNeeded"),
    (lambda: analysed(OPEN, MiniBatchSize=0), "invalidMiniBatchSize"),
    (lambda: analysed(OPEN, SIZE, Usage=1), "unknownOption"),
    (lambda: analysed([dl.imageInputLayer([8, 8, 1])], np.zeros((9, 8, 1, 2))), "inputSizeMismatch")])
def test_wrong_calls(call, identifier):
    with pytest.raises(DltoolboxError) as caught:
        call()
    assert caught.value.identifier == f"dltoolbox:analyzeNetwork:{identifier}"


# The page ------------------------------------------------------------------------------------------------------------
@pytest.fixture
def opened(monkeypatch, tmp_path):
    """Addresses that were opened in a browser; pages are written into a folder of the test."""
    addresses = []
    monkeypatch.setattr(webbrowser, "open", addresses.append)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return addresses


@pytest.mark.parametrize(("options", "nargout", "at_a_desk", "shown"), [
    ({}, None, True, True), ({}, 0, True, True), ({}, 1, True, False), ({}, None, False, False),
    ({"Plots": "none"}, None, True, False), ({"Plots": "network-analyzer"}, 1, False, True)])
def test_when_the_page_is_opened(opened, monkeypatch, options, nargout, at_a_desk, shown):
    monkeypatch.setattr("dltoolbox.report.analyze.desktop", lambda: at_a_desk)
    dl.analyzeNetwork(OPEN, nargout=nargout, **options)
    assert len(opened) == shown


def test_the_page_is_a_file_that_is_named(opened, capsys):
    dl.analyzeNetwork(dl.squeezenet, Plots="network-analyzer", nargout=1)
    page = Path(capsys.readouterr().out.partition("Report: ")[2].strip())
    assert opened == [page.as_uri()]
    assert page.name == "squeezenet.html"
    assert "squeezenet" in page.read_text(encoding="utf-8")


DESK = {"DISPLAY": ":0"}


@pytest.mark.parametrize(("platform", "variables", "terminal", "found"), [
    ("linux", DESK, True, True), ("linux", {"WAYLAND_DISPLAY": "wayland-0"}, True, True), ("linux", {}, True, False),
    ("win32", {}, True, True), ("darwin", {}, True, True), ("darwin", {}, False, False), ("linux", DESK, False, False),
    ("linux", DESK | {"CI": "true"}, True, False), ("linux", DESK | {"SSH_CONNECTION": "1.2.3.4"}, True, False),
    ("win32", {"PYTEST_CURRENT_TEST": "x"}, True, False)])
def test_what_a_desktop_session_is(monkeypatch, platform, variables, terminal, found):
    for name in ("CI", "PYTEST_CURRENT_TEST", "SSH_CONNECTION", "SSH_TTY", "DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.delattr(sys, "ps1", raising=False)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: terminal, raising=False)
    assert desktop() is found


def test_an_interpreter_is_a_session_without_a_terminal(monkeypatch):
    for name in ("CI", "PYTEST_CURRENT_TEST", "SSH_CONNECTION", "SSH_TTY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(sys, "ps1", ">>> ", raising=False)
    assert desktop()
