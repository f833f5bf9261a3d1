"""Documented names that are not here yet: none is missing, each says what to do instead, and that works."""

from __future__ import annotations

import builtins
import importlib
import itertools
import math
import random
import re
from pathlib import Path

import numpy as np
import pytest

import dltoolbox as dl
from dltoolbox.absent import COMMON, EXPORTED, INSTEAD, KEPT_BACK, NOT_IN_THIS_RELEASE
from dltoolbox.layers.base import LAYERS
from tests.calls.examples import classifier, images, layers

DOCUMENTED = Path(__file__).with_name("documented.txt").read_text(encoding="utf-8").splitlines()[1:]
SEEN = Path(__file__).with_name("seen.tsv").read_text(encoding="utf-8").splitlines()[1:]
IN_PARENTHESES = r"\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\)"
CALL = re.compile(rf"(?<!\w)(?:[a-z]\w*\.)*\w+{IN_PARENTHESES}(?:\.\w+{IN_PARENTHESES})?")
MUTED = {"MaxEpochs": 1, "Verbose": False, "MiniBatchSize": 2}


def test_every_documented_name_is_there_and_no_other_is_absent():
    built = {name for name in dl.__all__ if name not in NOT_IN_THIS_RELEASE} | KEPT_BACK
    assert {name for name in DOCUMENTED if name not in built} == set(NOT_IN_THIS_RELEASE)
    assert {row.split("\t")[0] for row in SEEN} <= set(DOCUMENTED)


def test_each_name_is_in_one_place():
    names = [name for listed in INSTEAD.values() for name in listed.split()]
    assert len(names) == len(set(names)) == len(NOT_IN_THIS_RELEASE)
    for name in names:
        assert name not in LAYERS
        function = getattr(dl, name)
        assert function.__name__ == name
        assert function is NOT_IN_THIS_RELEASE[name]


@pytest.mark.parametrize("name", ["trainnet", "imageDatastore", "gradCAM", "partition"])
def test_a_call_says_what_to_do_instead(name):
    for call in (lambda f: f(), lambda f: f(1, 2, Name="x"), lambda f: f("x", nargout=2)):
        with pytest.raises(dl.DltoolboxError, match=rf"^{name} is not in this release of dltoolbox\. \w+") as caught:
            call(getattr(dl, name))
        assert caught.value.identifier == "dltoolbox:notInThisRelease"
    assert getattr(dl, name).__doc__.startswith("Not in this release. ")


@pytest.mark.parametrize("make", [
    dl.layerArray, dl.layerGraph, dl.dlnetwork, lambda items: dl.addLayers(dl.layerGraph(), items),
    lambda items: dl.replaceLayer(dl.layerGraph([dl.reluLayer]), "relu", items)])
def test_in_a_layer_array_without_parentheses(make):
    with pytest.raises(dl.DltoolboxError) as caught:
        make([dl.reluLayer, dl.stftLayer, dl.softmaxLayer, dl.cwtLayer])
    assert caught.value.identifiers == ("dltoolbox:notInThisRelease",) * 2
    assert [issue.index for issue in caught.value.issues] == [2, 4]
    assert "np.fft.rfft(signal)" in str(caught.value)


# What stands in the hints ---------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def script():
    """The names that calls in hints use; numbers of epochs are small, and nothing is printed."""
    net = classifier()
    return {name: getattr(dl, name) for name in dl.__all__} | {
        "np": np, "X": images(), "Y": dl.categorical(["a", "b"]), "YPred": dl.categorical(["a", "a"]), "net": net,
        "layers": [*layers(), dl.fullyConnectedLayer(2), dl.softmaxLayer, dl.classificationLayer], "T": 20, "c": 3, "n": 1,
        "options": dl.trainingOptions("sgdm", **MUTED), "layer": dl.reluLayer(), "image": np.ones((4, 4, 3)),
        "dlnet": dl.dlnetwork(layers()), "lgraph": dl.layerGraph(layers()), "words": [1, 0], "vectors": np.eye(2),
        "arrays": [np.ones(3), np.ones(3)], "images": [images(1)[..., 0]] * 2, "labelImages": [np.eye(2)] * 2,
        "labels": ["a", "b"], "sequence": np.ones((3, 4)), "signal": np.ones(999), "A": np.eye(2), "B": np.eye(2),
        "scores": np.eye(2)}


CALLS = sorted({call for hint in INSTEAD for call in CALL.findall(hint)})


@pytest.mark.parametrize("call", CALLS)
def test_calls_in_hints_work(call, script, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    if call.startswith("scipy."):
        script = script | {"scipy": importlib.import_module("scipy")}
        importlib.import_module(call.split("(")[0].rpartition(".")[0])
    eval(call, script)


def test_what_hints_say_comes_true(script):
    """Recurrent layers, signals and their spectra as sequences, losses by the output layer, layers of one's own."""
    assert len(CALLS) > 20
    signals = [np.random.default_rng(0).standard_normal((2, steps)) for steps in (9, 12, 7, 9)]
    spectra = [np.abs(np.fft.rfft(signal)) for signal in signals]
    Y = dl.categorical(["a", "b", "a", "b"])
    over_time = [dl.sequenceInputLayer(2), dl.lstmLayer(3, OutputMode="last"), dl.fullyConnectedLayer(2), dl.softmaxLayer,
                 dl.classificationLayer]
    for X in (signals, spectra):
        net = dl.trainNetwork(X, Y, over_time, script["options"])
        assert dl.classify(net, X).shape == (4,)
    assert dl.predict(dl.dag2dlnetwork(net), X).shape == (4, 2)
    twice = dl.dlnetwork([dl.featureInputLayer(2), dl.functionLayer(lambda X: 2 * X)])
    np.testing.assert_array_equal(dl.predict(twice, [[1, 2]]), [[2, 4]])


# The flat namespace ---------------------------------------------------------------------------------------------------
def test_a_star_import_leaves_the_words_of_others_alone():
    known = {*dir(builtins), *dir(np), *dir(math), *dir(random), *dir(itertools)}
    assert set(dl.__all__) & known == set()
    assert set(EXPORTED) == set(NOT_IN_THIS_RELEASE) - COMMON
    assert set(NOT_IN_THIS_RELEASE) & known <= COMMON <= set(NOT_IN_THIS_RELEASE)


@pytest.mark.parametrize(("name", "near"), [("lstmLaye", "'lstmLayer'"), ("traiNetwork", "'trainNetwork'"),
                                            ("reluLAYER", "'reluLayer'")])
def test_a_name_that_is_misspelt_is_an_attribute_error_that_names_the_nearest(name, near):
    with pytest.raises(AttributeError, match=f"module 'dltoolbox' has no attribute '{name}'. Did you mean {near}"):
        getattr(dl, name)


def test_a_name_that_nobody_knows():
    with pytest.raises(AttributeError, match=r"^module 'dltoolbox' has no attribute 'xyzzy'\.$"):
        dl.xyzzy
    assert not hasattr(dl, "__wrapped__")
