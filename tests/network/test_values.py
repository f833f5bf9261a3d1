"""Values of a dlnetwork that lie over its layers: every look at the network shows them, and nothing is copied before."""

import copy
import pickle

import numpy as np
import pytest

import dltoolbox as dl
from dltoolbox.ops import ParameterKey


def network():
    inner = dl.networkLayer([dl.fullyConnectedLayer(2, Name="fc"), dl.reluLayer(Name="act")], Name="block")
    return dl.dlnetwork([dl.imageInputLayer([4, 4, 1], Normalization="none", Name="in"), dl.convolution2dLayer(
        3, 2, Name="conv"), dl.batchNormalizationLayer(Name="bn"), inner])


def moved(net):
    new = {key: value + np.float32(1) for key, value in net.learnables.items()}
    for value in new.values():
        value.flags.writeable = False
    return net.with_learnables(new)


def test_every_look_at_the_network_shows_the_values():
    net = network()
    after = moved(net)
    assert after.structure is net.structure
    for old, new in zip(net.Learnables.Value, after.Learnables.Value, strict=True):
        np.testing.assert_array_equal(new, old + np.float32(1))
    np.testing.assert_array_equal(after.Layers[1].Weights, net.Layers[1].Weights + np.float32(1))
    inside = dl.getLayer(after, "block").Network.Layers[0]
    np.testing.assert_array_equal(inside.Bias, np.ones((2, 1), np.float32))
    X = np.ones((4, 4, 1, 3))
    by_layers = dl.dlnetwork(dl.layerGraph(after))
    np.testing.assert_array_equal(dl.predict(after, X), dl.predict(by_layers, X))
    assert np.abs(dl.predict(after, X) - dl.predict(net, X)).max() > 0.1


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda net: pickle.loads(pickle.dumps(net)),
                                    lambda net: dl.setLearnRateFactor(net, "conv", "Weights", 2), dl.initialize,
                                    lambda net: dl.addLayers(net, dl.tanhLayer(Name="more")),
                                    dl.dlnetwork])
def test_copies_keep_them_and_stay_read_only(copied):
    after = moved(network())
    new = copied(after)
    for old, kept in zip(after.Learnables.Value, new.Learnables.Value, strict=True):
        np.testing.assert_array_equal(old, kept)
        assert not kept.flags.writeable
    np.testing.assert_array_equal(new.Layers[1].Weights, after.Layers[1].Weights)


def test_assigned_tables_over_them():
    net = moved(network())
    assert net.Layers[1].Bias[0, 0, 0] == 1
    table, state = net.Learnables, net.State
    table.Value[1] = np.full((1, 1, 2), 7)
    state.Value[0] = np.full((1, 1, 2), 3)
    net.Learnables = table
    net.State = state
    assert net.Layers[1].Bias.ravel().tolist() == [7, 7]
    assert net.Layers[2].TrainedMean.ravel().tolist() == [3, 3]
    assert net.learnables[ParameterKey("conv", "Bias")] is not table.Value[1]
    again = moved(net)
    assert again.State.Value[0].ravel().tolist() == [3, 3]
    assert again.Layers[1].Bias.ravel().tolist() == [8, 8]


def test_values_of_a_network_in_a_state():
    net = dl.dlnetwork([dl.sequenceInputLayer(1), dl.lstmLayer(2, Name="lstm")])
    X = np.ones((1, 5))
    after, _ = dl.predictAndUpdateState(net, X)
    _ = after.Layers
    table = after.Learnables
    table.Value[2] = np.ones((8, 1))
    after.Learnables = table
    assert after.Layers[1].Bias.ravel().tolist() == [1] * 8
    np.testing.assert_array_equal(after.State.Value[0], moved(after).State.Value[0])
    assert dl.resetState(after).Layers[1].Bias.ravel().tolist() == [1] * 8


def test_factors_follow_the_learnables():
    net = dl.setLearnRateFactor(network(), "block/fc", "Weights", 0)
    assert net.learn_rate_factors == [1, 1, 1, 1, 0, 1]
    assert moved(net).learn_rate_factors is net.learn_rate_factors
