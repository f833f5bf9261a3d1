"""Saved networks are the networks: values, types and predictions, bit for bit; and the file is only ever whole."""

from __future__ import annotations

import os
import warnings
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dltoolbox.core.errors import DltoolboxError, DltoolboxWarning
from dltoolbox.engines.inference import classify, predict
from dltoolbox.exchange import container, loadNetwork, saveNetwork
from dltoolbox.layers import FACTORIES as F
from dltoolbox.layers.base import LAYERS
from dltoolbox.network.graph.layer_graph import LayerGraph, layerGraph
from dltoolbox.network.networks import DAGNetwork, SeriesNetwork, assembleNetwork
from tests.exchange.networks import NETWORKS, classifier, data_for, finished, segmentation


def issues(call: Any) -> list[str]:
    with pytest.raises(DltoolboxError) as caught:
        call()
    return [one.removeprefix("dltoolbox:") for one in caught.value.identifiers]


def same(a: Any, b: Any) -> bool:
    """Equal in value and in type, at every depth."""
    if type(a) is not type(b):
        return False
    if isinstance(a, tuple):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    return a == b


@pytest.mark.parametrize("name", NETWORKS)
def test_round_trip(name: str, tmp_path: Path) -> None:
    net = NETWORKS[name]()
    saveNetwork(net, tmp_path / "net")
    loaded = loadNetwork(str(tmp_path / "net"))
    assert type(loaded) is type(net)
    assert loaded.edges == net.edges
    assert len(loaded.nodes) == len(net.nodes)
    for a, b in zip(net.nodes, loaded.nodes, strict=True):
        assert type(a) is type(b)
        assert str(a) == str(b)
        for prop, value in a.values():
            assert same(value, getattr(b, prop.name)), prop.name
    first, *others = data_for(net)
    mine, theirs = predict(net, first, *others), predict(loaded, first, *others)
    assert mine.dtype == np.float32
    assert mine.tobytes() == theirs.tobytes()


def test_types_of_networks(tmp_path: Path) -> None:
    series, dag = classifier(), segmentation()
    assert type(series) is SeriesNetwork
    assert type(dag) is DAGNetwork
    forced = DAGNetwork(series)
    saveNetwork(forced, tmp_path / "net")
    assert type(loadNetwork(tmp_path / "net")) is DAGNetwork


def test_classes_survive(tmp_path: Path) -> None:
    net = classifier()
    saveNetwork(net, tmp_path / "net")
    labels = classify(loadNetwork(tmp_path / "net"), data_for(net)[0])
    assert labels.categories == ["a", "b", "auto"]
    assert labels.tolist() == classify(net, data_for(net)[0]).tolist()


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 2, 0, 1), (2, 3, 1, 0), (3, 2, 1, 0)], ids=str)
def test_memory_order_of_weights_changes_no_bit(order: tuple[int, ...], tmp_path: Path) -> None:
    """Weights that came transposed from elsewhere are stored in another order, but must compute the same."""
    random = np.random.default_rng(0)
    shape = (3, 3, 5, 7)
    weights = random.standard_normal([shape[i] for i in order]).astype(np.float32).transpose(np.argsort(order))
    assert weights.shape == shape
    net = assembleNetwork([F["imageInputLayer"]([9, 9, 5], Normalization="none"),
                           F["convolution2dLayer"](3, 7, Weights=weights, Bias=np.ones(7)),
                           F["fullyConnectedLayer"](6, Weights=random.standard_normal((343, 6)).T, Bias=np.ones(6)),
                           F["regressionLayer"]()])
    saveNetwork(net, tmp_path / "net")
    loaded = loadNetwork(tmp_path / "net")
    for count in (1, 2, 17):
        X = random.standard_normal((9, 9, 5, count))
        assert predict(net, X).tobytes() == predict(loaded, X).tobytes()


def test_saving_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    net = segmentation()
    saveNetwork(net, tmp_path / "a")
    saveNetwork(loadNetwork(tmp_path / "a"), tmp_path / "b")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_other_programs_can_read_the_file(tmp_path: Path) -> None:
    saveNetwork(classifier(), tmp_path / "net.zip")
    with zipfile.ZipFile(tmp_path / "net.zip") as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        assert names[0] == "network.json"
        with archive.open(names[1]) as member:
            assert np.load(member, allow_pickle=False).shape == (6, 6)
    assert "pickle" not in Path(container.__file__).read_text().replace("allow_pickle=False", "").replace("unpickled", "")


# Files ---------------------------------------------------------------------------------------------------------------
def test_the_name_is_taken_as_it_is_and_overwritten(tmp_path: Path) -> None:
    target = tmp_path / "net.weird name"
    target.write_text("before")
    saveNetwork(classifier(), target)
    assert os.listdir(tmp_path) == ["net.weird name"]
    assert type(loadNetwork(target)) is SeriesNetwork


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("before")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    saveNetwork(classifier(), tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    loadNetwork(tmp_path / "real")


@pytest.mark.parametrize("moment", ["array", "replace"])
def test_a_failure_leaves_the_old_file_and_nothing_else(moment: str, tmp_path: Path,
                                                        monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "net"
    saveNetwork(classifier(), target)
    before = target.read_bytes()

    def full(*_: Any, **__: Any) -> None:
        raise OSError("no space left")

    if moment == "array":
        monkeypatch.setattr(container.np.lib.format, "write_array", full)
    else:
        monkeypatch.setattr(container.os, "replace", full)
    assert issues(lambda: saveNetwork(segmentation(), target)) == ["saveNetwork:cannotWrite"]
    assert target.read_bytes() == before
    assert os.listdir(tmp_path) == ["net"]


def test_an_interruption_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(container.os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        saveNetwork(classifier(), tmp_path / "net")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(("file", "expected"), [
    ("missing/net", "saveNetwork:folderNotFound"), ("", "saveNetwork:invalidFile"), (3, "saveNetwork:invalidFile"),
    (None, "saveNetwork:invalidFile"), (b"net", "saveNetwork:invalidFile"), ("a\0b", "saveNetwork:invalidFile"),
    (".", "saveNetwork:isAFolder"),
], ids=str)
def test_impossible_files(file: Any, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert issues(lambda: saveNetwork(classifier(), file)) == [expected]


# What cannot be saved ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("net", [None, [], layerGraph([F["reluLayer"]()]), F["reluLayer"](), {}], ids=repr)
def test_only_networks_can_be_saved(net: Any, tmp_path: Path) -> None:
    assert issues(lambda: saveNetwork(net, tmp_path / "net")) == ["saveNetwork:notANetwork"]


def test_functions_are_all_named(tmp_path: Path) -> None:
    def halved(x: np.ndarray) -> np.ndarray:
        return x / 2

    lgraph = layerGraph([F["featureInputLayer"](2, Name="a", Normalization=halved), F["additionLayer"](2, Name="sum"),
                         F["regressionLayer"](Name="out")])
    other = F["featureInputLayer"](2, Name="b", Normalization=halved)
    net = finished(LayerGraph([*lgraph.nodes, other], lgraph.edges), ("b", "sum/in2"))
    with pytest.raises(DltoolboxError, match=r"(?s)'a'.*'b'") as caught:
        saveNetwork(net, tmp_path / "net")
    assert caught.value.identifiers == ("dltoolbox:saveNetwork:functionValue",) * 2
    assert os.listdir(tmp_path) == []


def test_initialisers_that_have_done_their_work_are_dropped(tmp_path: Path) -> None:
    net = finished([F["featureInputLayer"](2), F["fullyConnectedLayer"](3, WeightsInitializer=np.ones, Name="fc"),
                    F["batchNormalizationLayer"](ScaleInitializer=np.ones), F["regressionLayer"]()])
    with pytest.warns(DltoolboxWarning, match=r"WeightsInitializer of 'fc', ScaleInitializer of 'batchnorm'.*"
                                              r"saveNetwork:initializerDropped"):
        saveNetwork(net, tmp_path / "net")
    loaded = loadNetwork(tmp_path / "net")
    assert loaded.nodes[1].WeightsInitializer == "glorot"
    X = data_for(net)[0]
    assert predict(net, X).tobytes() == predict(loaded, X).tobytes()


def test_odd_values(tmp_path: Path) -> None:
    """A long double is 64 bits on some machines."""
    long = F["fullyConnectedLayer"](1, Weights=np.ones((1, 2), np.longdouble), Bias=0)
    net = SeriesNetwork(layerGraph([F["featureInputLayer"](2), long, F["regressionLayer"]()]))
    assert np.dtype(np.longdouble).itemsize <= 8 or (
        issues(lambda: saveNetwork(net, tmp_path / "net")) == ["saveNetwork:unsupportedValue"])


def test_incomplete_networks(tmp_path: Path) -> None:
    net = SeriesNetwork(layerGraph([F["featureInputLayer"](2), F["fullyConnectedLayer"](2), F["softmaxLayer"](),
                                    F["classificationLayer"]()]))
    assert issues(lambda: saveNetwork(net, tmp_path / "net")) == ["network:missingValue"] * 2 + ["network:missingClasses"]


def test_every_registered_layer_can_be_made_again() -> None:
    """Stored values pass through the factories unchanged."""
    required = {"inputSize": [6, 6, 6, 2], "numFeatures": 3, "poolSize": 2, "filterSize": 3, "numFilters": 4, "numInputs": 2,
                "outputSize": 5, "dim": 1, "ceiling": 6, "numGroups": 2, "numFiltersPerGroup": 2, "windowChannelSize": 5,
                "location": "centercrop", "blockSize": 2, "numHeads": 2, "numKeyChannels": 4, "maxPosition": 8,
                "patchSize": 2, "dimension": 5, "numWords": 9, "numHiddenUnits": 4, "outputProjectorSize": 3,
                "inputProjectorSize": 2, "maxIndex": 9, "dimorder": [2, 1], "sz": [2, 3], "numModes": 2, "hiddenSize": 4}
    for factory, cls in LAYERS.items():
        given = {p.argument: required[p.argument] for p in cls.properties.values()
                 if p.positional and p.argument in required}
        if factory == "imageInputLayer":
            given["inputSize"] = [6, 6, 2]
        if factory == "inputLayer":
            given |= {"inputSize": [6, 6, 2, None], "inputFormat": "SSCB"}
        if factory.startswith("complexF"):
            given["dim"] = "spatial-channel"
        if factory.startswith("sinusoidal"):
            given["outputSize"] = 6
        if factory.startswith("resize"):
            given["Scale"] = 2
        one = cls(**given, Name="layer")
        again = cls(**{prop.name: value for prop, value in one.values()})
        assert all(same(value, getattr(again, prop.name)) for prop, value in one.values()), factory


@pytest.mark.parametrize(("name", "kind"), [("net.mat", "a MAT-file"), ("net.onnx", "an ONNX model"), ("net.H5", "a Keras"),
                                            ("net.pt", "a PyTorch"), ("net.keras", "a Keras"), ("net.m", "toMATLAB"),
                                            ("net.py", "toPython")])
def test_a_name_that_promises_another_format_gets_a_warning(tmp_path: Path, name: str, kind: str) -> None:
    net = classifier()
    with pytest.warns(DltoolboxWarning, match=kind) as caught:
        saveNetwork(net, tmp_path / name)
    assert "'net.dlnet'" in str(caught[0].message)
    assert caught[0].filename == __file__
    (data,) = data_for(net)
    np.testing.assert_array_equal(predict(loadNetwork(tmp_path / name), data), predict(net, data))


@pytest.mark.parametrize("name", ["net.dlnet", "net", "net.zip", "v1.2", "net.bin"])
def test_other_names_are_taken_as_they_are(tmp_path: Path, name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        saveNetwork(classifier(), tmp_path / name)
