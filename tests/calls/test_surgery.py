"""Random surgery with arguments good and bad: graphs stay whole, and what is passed stays as it was."""

from random import Random

import pytest

import dltoolbox as dl
from tests.calls.examples import net
from tests.calls.judge import fingerprint
from tests.calls.zoo import ZOO


def layer(random, names):
    make = random.choice([dl.reluLayer, dl.tanhLayer, lambda **name: dl.additionLayer(2, **name), lambda **name:
                          dl.maxPooling2dLayer(2, HasUnpoolingOutputs=True, **name), dl.maxUnpooling2dLayer, lambda **name:
                          dl.convolution2dLayer(1, 2, **name), lambda **name: dl.imageInputLayer([4, 4, 1], **name),
                          lambda **name: dl.networkLayer([dl.reluLayer(Name="r")], **name), dl.regressionLayer])
    return make(Name=random.choice([*names, "", f"n{random.randrange(10**6)}"]))


def place(random, names):
    """A layer, perhaps with a port, or something strange."""
    if random.random() < 0.1:
        return ZOO[random.choice([*ZOO])]()
    name = random.choice([*names, "nobody"])
    return name + random.choice(["", "", "", "/in", "/out", "/in2", "/indices", "/size", "/"])


def operation(random, graph):
    """One call of surgery."""
    names = [one.Name for one in graph.Layers]
    here, there = place(random, names), place(random, names)
    return random.choice([
        lambda: dl.addLayers(graph, [layer(random, names) for _ in range(random.randrange(4))]),
        lambda: dl.removeLayers(graph, here), lambda: dl.connectLayers(graph, here, there),
        lambda: dl.disconnectLayers(graph, here, there),
        lambda: dl.replaceLayer(graph, here, [layer(random, names)], ReconnectBy=random.choice(["name", "order"])),
        lambda: dl.expandLayers(graph), lambda: dl.groupLayers(graph, [here, there]),
        lambda: dl.addInputLayer(graph, layer(random, names), there), lambda: dl.freezeWeights(graph, here),
        lambda: dl.setLearnRateFactor(graph, here, "Weights", 2), lambda: dl.layerGraph(graph),
        lambda: dl.dlnetwork(graph, Initialize=False)])


def check_whole(graph):
    """Names are unique, connections join ports that exist, the analysis knows every layer, and displays print."""
    names = [one.Name for one in graph.nodes]
    assert len(set(names)) == len(names)
    assert all(names)
    layers = {one.Name: one for one in graph.nodes}
    for source, destination in graph.edges:
        assert source.port in layers[source.layer].outputs()
        assert destination.port in layers[destination.layer].inputs()
    ends = [destination for _, destination in graph.edges]
    assert len(set(ends)) == len(ends)
    str(graph)
    str(graph.Connections)


@pytest.mark.parametrize("seed", range(40))
def test_random_surgery(seed):
    random, graph = Random(seed), net() if seed % 2 else dl.layerGraph(net())
    for _ in range(40):
        before = fingerprint(graph)
        try:
            result = operation(random, graph)()
        except dl.DltoolboxError:
            result = graph
        assert fingerprint(graph) == before
        check_whole(result)
        graph = result if len(result.nodes) < 30 else dl.layerGraph(net())
    dl.analyzeNetwork(graph, nargout=1)
