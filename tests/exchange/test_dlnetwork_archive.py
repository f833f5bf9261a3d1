"""Saved dlnetworks: with values or without, with chosen outputs and with sizes at open inputs."""

import json

import numpy as np
import pytest

from dltoolbox import (
    DltoolboxError,
    additionLayer,
    convolution2dLayer,
    dlnetwork,
    imageInputLayer,
    initialize,
    loadNetwork,
    networkDataLayout,
    predict,
    reluLayer,
    saveNetwork,
    softmaxLayer,
)
from tests.exchange.archives import members, rewritten

LAYERS = [imageInputLayer([6, 6, 2], Name="in"), convolution2dLayer(3, 4, Name="conv"), reluLayer(Name="relu"),
          softmaxLayer(Name="end")]
MAPS = networkDataLayout([6, 6, 4], "SSC")


def loaded(net, path):
    saveNetwork(net, path)
    return loadNetwork(path)


@pytest.mark.parametrize(("net", "data"), [
    (lambda: dlnetwork(LAYERS), (2,)),
    (lambda: dlnetwork(LAYERS, OutputNames=["relu", "conv"]), (2,)),
    (lambda: dlnetwork([additionLayer(2, Name="sum"), reluLayer], MAPS, MAPS), (4, 4)),
], ids=["plain", "outputs", "open inputs"])
def test_round_trip(net, data, tmp_path):
    net = net()
    other = loaded(net, tmp_path / "net")
    assert type(other) is dlnetwork
    assert other.Initialized
    assert (other.InputNames, other.OutputNames) == (net.InputNames, net.OutputNames)
    assert other.Layers == net.Layers
    X = [np.random.default_rng(channels).normal(size=(6, 6, channels, 3)) for channels in data]
    np.testing.assert_array_equal(predict(other, *X), predict(net, *X))
    saveNetwork(other, tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == (tmp_path / "net").read_bytes()


def test_networks_without_values(tmp_path):
    net = loaded(dlnetwork(LAYERS, Initialize=False), tmp_path / "net")
    assert not net.Initialized
    assert net.Learnables.Value[0].shape == (0, 0)
    waiting = loaded(dlnetwork([convolution2dLayer(3, 4)], MAPS, Initialize=False), tmp_path / "net")
    assert initialize(waiting).Learnables.Value[0].shape == (3, 3, 4, 4)
    empty = loaded(dlnetwork(), tmp_path / "net")
    assert (len(empty.Layers), empty.Initialized) == (0, False)


@pytest.mark.parametrize("change", [
    {"outputs": ["nowhere"]}, {"outputs": [1]}, {"outputs": None}, {"layouts": {"in": {"sizes": [6], "labels": "C"}}},
    {"layouts": {"nowhere": {"sizes": [6, 6], "labels": "SC"}}}, {"layouts": {"conv": 3}}, {"layouts": []},
    {"initialized": "yes"}, {"initialized": None},
    {"layouts": {"conv": {"sizes": [6, 6, 4, 1, 2], "labels": "SSC"}}},
    {"layouts": {"conv": {"sizes": ["a", 1], "labels": "BC"}}},
    {"layouts": {"conv": {"sizes": [6, 6, 3, None], "labels": "SSCB"}}},
])
def test_files_that_were_changed(change, tmp_path):
    path = tmp_path / "net"
    saveNetwork(dlnetwork([convolution2dLayer(3, 4, Name="conv")], MAPS), path)
    contents = members(path)
    rewritten(path, contents | {"network.json": json.dumps(json.loads(contents["network.json"]) | change).encode()})
    with pytest.raises(DltoolboxError) as caught:
        loadNetwork(path)
    assert caught.value.identifier == "dltoolbox:loadNetwork:corruptFile"
