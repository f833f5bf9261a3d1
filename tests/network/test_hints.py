"""The cures are true: whoever does what the analysis says, word for word, repairs the thirty broken networks."""

import importlib.util
import re
from pathlib import Path

import numpy as np
import pytest

import dltoolbox as dl
from dltoolbox.network.graph.layer_graph import LayerGraph, Port


def sibling(name):
    """A module of this folder, which is no package."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


BROKEN = sibling("test_broken_networks").BROKEN
CURES = []


def hint(pattern):
    """Enter a function of (graph, layer, issue, match of the pattern in the text of the hint) that returns a new graph."""
    def enter(follow):
        CURES.append((re.compile(pattern), follow))
        return follow
    return enter


def rebuilt(layer, **values):
    """The same call with other values; positional arguments by the names of their properties."""
    made = layer.call()
    positional = [prop.name for prop, _ in layer.values() if prop.positional]
    options = dict(zip(positional, made.arguments, strict=False)) | made.options | {"Name": layer.Name} | values
    return getattr(dl, made.function)(*(options.pop(name) for name in positional if name in options), **options)


def issues_of(lgraph, usage="trainNetwork"):
    return dl.analyzeNetwork(lgraph, TargetUsage=usage, nargout=1).Issues


def places(lgraph, usage="trainNetwork"):
    return [(one.layer, one.identifier) for one in issues_of(lgraph, usage)]


def changed(lgraph, layer, **values):
    return dl.replaceLayer(lgraph, layer.Name, rebuilt(layer, **values))


def without(lgraph, *edges):
    return LayerGraph(lgraph.nodes, [edge for edge in lgraph.edges if edge not in edges])


def feeding(lgraph, port):
    """The first connection into a port."""
    return next((edge for edge in lgraph.edges if edge.destination == port), None)


def spliced(lgraph, edge, new):
    """A layer in the middle of a connection."""
    lgraph = dl.addLayers(without(lgraph, edge), new)
    return dl.connectLayers(dl.connectLayers(lgraph, str(edge.source), new.Name), new.Name, str(edge.destination))


@hint(r"Set HasUnpoolingOutputs=True in the max pooling layer '(.+?)', then")
def give_indices(lgraph, layer, issue, found):
    lgraph = changed(lgraph, lgraph.nodes[lgraph.find(found[1])], HasUnpoolingOutputs=True)
    return connect(lgraph, layer, issue, found)


@hint(r"(?<!dis)connectLayers\(lgraph, ")
def connect(lgraph, layer, issue, found):
    for source, target in re.findall(r"connectLayers\(lgraph, '(.+?)', '(.+?)'\)", issue.hint):
        if source == "source":  # to choose: what feeds the first input, or the layer before
            edge = feeding(lgraph, Port(layer.Name, layer.inputs()[0]))
            source = str(edge.source) if edge else lgraph.nodes[lgraph.find(layer.Name) - 1].Name
        lgraph = dl.connectLayers(lgraph, source, target)
    return lgraph


@hint(r"disconnectLayers\(lgraph, '(.+?)', '(.+?)'\)")
def disconnect(lgraph, layer, issue, found):
    return dl.disconnectLayers(lgraph, found[1], found[2])


@hint(r"^Use (\w+), or check which layer feeds it")
def use_other_rank(lgraph, layer, issue, found):
    return dl.replaceLayer(lgraph, layer.Name, getattr(dl, found[1])(2, Name=layer.Name))


@hint("set HasUnpoolingOutputs=False")
def take_no_indices(lgraph, layer, issue, found):
    return changed(lgraph, layer, HasUnpoolingOutputs=False)


@hint(r"^Set (\w+)=(\d+), or leave it 'auto'")
def set_number(lgraph, layer, issue, found):
    return changed(lgraph, layer, **{found[1]: int(found[2])})


@hint(r"Pass an array of size ([\d×]+), or \[\] to initialise it")
def pass_array(lgraph, layer, issue, found):
    name, size = issue.message.split()[0], [int(n) for n in found[1].split("×")]
    initialised = changed(lgraph, layer, **{name: []})
    assert (issue.layer, issue.identifier) not in places(initialised)
    return changed(lgraph, layer, **{name: np.ones(size)})


@hint(r"Insert softmaxLayer after '(.+)'")
def insert_softmax(lgraph, layer, issue, found):
    edge = feeding(lgraph, Port(layer.Name, "in"))
    assert edge.source.layer == found[1]
    return spliced(lgraph, edge, dl.softmaxLayer(Name=f"softmax of {layer.Name}"))


@hint("remove the layer|^Remove it")
def remove(lgraph, layer, issue, found):
    return dl.removeLayers(lgraph, layer.Name)


@hint(r"Reduce (FilterSize|PoolSize)")
def reduce_window(lgraph, layer, issue, found):
    return changed(lgraph, layer, **{found[1]: int(re.search(r"padded input of (\d+)", issue.message)[1])})


@hint(r"Reduce Cropping")
def reduce_cropping(lgraph, layer, issue, found):
    return changed(lgraph, layer, Cropping=1)


@hint(r"Make the last fully connected or convolution layer (\d+) wide")
def make_wide(lgraph, layer, issue, found):
    at = layer
    while at.factory not in ("fullyConnectedLayer", "convolution2dLayer"):
        at = lgraph.nodes[lgraph.find(feeding(lgraph, Port(at.Name, "in")).source.layer)]
    width = "OutputSize" if at.factory == "fullyConnectedLayer" else "NumFilters"
    return changed(lgraph, at, **{width: int(found[1])})


@hint(r"Choose a divisor of (\d+) as numGroups")
def choose_divisor(lgraph, layer, issue, found):
    return changed(lgraph, layer, NumGroups=int(found[1]))


@hint("Add a fully connected")
def add_fully_connected(lgraph, layer, issue, found):
    return spliced(lgraph, feeding(lgraph, Port(layer.Name, "in")), dl.globalAveragePooling2dLayer(Name="pooled"))


@hint("a 1×1 convolution")
def equal_branches(lgraph, layer, issue, found):
    """A convolution that makes the larger branch as the other."""
    sizes = re.findall(r"in\d is (\d+)\(S\) × \d+\(S\) × (\d+)\(C\)", issue.message)
    (rows, channels), (others, _) = ([int(n) for n in pair] for pair in sizes)
    port, stride, size = ("in1", rows // others, rows) if rows > others else ("in2", others // rows, others)
    window = size - stride * (min(rows, others) - 1)
    new = dl.convolution2dLayer(max(window, 1), channels, Stride=stride, Name=f"equal {layer.Name}")
    return spliced(lgraph, feeding(lgraph, Port(layer.Name, port)), new)


@hint("Keep one connection")
def keep_one(lgraph, layer, issue, found):
    port = Port(layer.Name, re.match("Input '(.+?)'", issue.message)[1])
    return without(lgraph, *[edge for edge in lgraph.edges if edge.destination == port][1:])


@hint("Choose a spatial dimension or the channels")
def choose_dimension(lgraph, layer, issue, found):
    return changed(lgraph, layer, Dim=3)


@hint("of the same max pooling layer")
def same_pooling(lgraph, layer, issue, found):
    indices, size = (feeding(lgraph, Port(layer.Name, port)) for port in ("indices", "size"))
    return dl.connectLayers(without(lgraph, size), f"{indices.source.layer}/size", f"{layer.Name}/size")


@hint(r"Connect '(.+?)/indices' of a maxPooling2dLayer")
def connect_indices(lgraph, layer, issue, found):
    wrong = feeding(lgraph, Port(layer.Name, "indices"))
    return dl.connectLayers(without(lgraph, wrong), f"{wrong.source.layer}/indices", f"{layer.Name}/indices")


@hint(r"^Connect '(.+?)' instead")
def connect_data(lgraph, layer, issue, found):
    wrong = feeding(lgraph, Port(layer.Name, re.match("Input '(.+?)'", issue.message)[1]))
    return dl.connectLayers(without(lgraph, wrong), found[1], str(wrong.destination))


@hint("Start it with imageInputLayer")
def begin(lgraph, layer, issue, found):
    lgraph = LayerGraph([dl.imageInputLayer([16, 16, 3], Name="begin"), *lgraph.nodes], lgraph.edges)
    return dl.connectLayers(lgraph, "begin", lgraph.nodes[1].Name)


@hint("End it with .*regressionLayer")
def end(lgraph, layer, issue, found):
    return dl.connectLayers(dl.addLayers(lgraph, dl.regressionLayer(Name="end")), lgraph.nodes[-1].Name, "end")


def as_graph(layers):
    """Cures of what stops a list from being a graph, then the graph."""
    if isinstance(layers, LayerGraph):
        return layers
    names, kept = set(), []
    for one in layers:
        if one == "relu":
            continue  # Put only layers … into a layer array
        one = one(2) if one is dl.maxPooling2dLayer else one  # Call maxPooling2dLayer(poolSize, …)
        kept.append(rebuilt(one, Name="") if one.Name in names else one)  # Give every layer its own name, or none
        names.add(one.Name)
    return dl.layerGraph(kept)


BY_HAND = {"an_image_layer_on_features",  # it is the author's decision what is to be there
           "features_and_images_together", "unpooling_with_indices_of_another_pooling"}


def followed(lgraph, issue):
    """The graph after doing what the hint of an issue says."""
    layer = lgraph.nodes[issue.index - 1] if issue.index else None
    for pattern, follow in CURES:
        found = pattern.search(issue.hint)
        if found:
            return follow(lgraph, layer, issue, found)
    raise AssertionError(f"no such hint is known: {issue}")


@pytest.mark.parametrize("name", [name for name in BROKEN if name not in BY_HAND])
def test_hints_repair(name):
    build, faults, usage = BROKEN[name]
    lgraph = as_graph(build())
    for issue in issues_of(lgraph, usage):  # each by itself
        assert (issue.layer, issue.identifier) not in places(followed(lgraph, issue), usage), issue
    for _ in range(2 * len(faults)):  # and one after the other, with what comes to light
        issues = issues_of(lgraph, usage)
        if not issues:
            return
        lgraph = followed(lgraph, issues[-1])
    pytest.fail(f"still: {[*map(str, issues)]}")
