"""Fixes are true: whoever does what the analysis says, word for word, repairs every broken network."""

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
FIXES = []


def hint(pattern):
    """Enter a function of (graph, layer, issue, match of the pattern in the text of the hint) that returns a new graph."""
    def enter(follow):
        FIXES.append((re.compile(pattern), follow))
        return follow
    return enter


def rebuilt(layer, **values):
    """The same call with other values; positional arguments by the names of their properties."""
    made = layer.call()
    positional = [prop.name for prop, _ in layer.values() if prop.positional]
    options = dict(zip(positional, made.arguments, strict=False)) | made.options | {"Name": layer.Name} | values
    arguments = [options.pop(name) for name in positional if name in options]
    return getattr(dl, made.function)(*arguments, **options)


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
    return dl.connectLayers(dl.connectLayers(lgraph, str(edge.source), f"{new.Name}/in"), new.Name, str(edge.destination))


CALL = re.compile(r"\b(?:\w+Layers?)\(lgraph, (?:[^()]|\([^()]*\))*\)")


@hint(r"^Replace the layer by (maxUnpooling.+?\)), set HasUnpoolingOutputs=True in '(.+?)', then use")
def unpool_other_rank(lgraph, layer, issue, found):
    lgraph = dl.replaceLayer(lgraph, layer.Name, eval(found[1], vars(dl)))
    return called(changed(lgraph, lgraph.named(found[2]), HasUnpoolingOutputs=True), layer, issue, found)


@hint(r"^(?:Set HasUnpoolingOutputs=True in (?:the max pooling layer )?'(.+?)', then use|Insert (max.+?\)) before it or)")
def give_indices(lgraph, layer, issue, found):
    if found[1]:
        lgraph = changed(lgraph, lgraph.named(found[1]), HasUnpoolingOutputs=True)
    else:
        lgraph = spliced(lgraph, feeding(lgraph, Port(layer.Name, "in")), eval(found[2], vars(dl)))
    return called(lgraph, layer, issue, found)


@hint(r"((?<!then )[Uu]se |[:,] )\w+Layers?\(lgraph, ")
def called(lgraph, layer, issue, found):
    """Calls, as they stand there; in place of 'source' stands what feeds the first input, or the layer before."""
    edge = feeding(lgraph, Port(layer.Name, layer.inputs()[0])) if layer.inputs() else None
    source = str(edge.source) if edge else lgraph.nodes[lgraph.find(layer.Name) - 1].Name
    for call in CALL.findall(issue.hint):
        lgraph = eval(call.replace("'source'", repr(source)), vars(dl), {"lgraph": lgraph})
    return lgraph


@hint(r"with disconnectLayers\(lgraph, '([^']+)', '([^']+)'\)\.$")
def disconnect(lgraph, layer, issue, found):
    return dl.disconnectLayers(lgraph, found[1], found[2])


@hint(r"^Use (\w+)(?:, or check which layer feeds it|, which takes one label| to classify pixels| for features)")
def use_other_layer(lgraph, layer, issue, found):
    arguments = [] if found[1].startswith(("class", "pixel", "layer", "maxUn")) else [2]
    return dl.replaceLayer(lgraph, layer.Name, getattr(dl, found[1])(*arguments, Name=layer.Name))


@hint(r"[Ii]nsert (\w+(?:\([^()]*\))?) before (?!it and|it or)(.+?)\.(?: |$)")
def insert_before(lgraph, layer, issue, found):
    """A layer before inputs, before the layer itself, or before its softmax."""
    ports = re.findall(r"'(\w+)'", found[2]) or ["in"]
    at = layer.Name if "softmax" not in found[2] else feeding(lgraph, Port(layer.Name, "in")).source.layer
    for port in ports:
        new = eval(found[1] + "()" * ("(" not in found[1]), vars(dl)).copy()
        new.Name = f"new{len(lgraph.nodes)}"
        lgraph = spliced(lgraph, feeding(lgraph, Port(at, port)), new)
    return lgraph


@hint(r"[Cc]rop inputs? (.+?) to the size of '(\w+)': insert (crop\dd)Layer\('centercrop'\) before (?:it|each)")
def crop(lgraph, layer, issue, found):
    for port in re.findall(r"'(\w+)'", found[1]):
        new = getattr(dl, f"{found[3]}Layer")("centercrop", Name=f"{port} of {layer.Name}")
        lgraph = spliced(lgraph, feeding(lgraph, Port(layer.Name, port)), new)
        lgraph = dl.connectLayers(lgraph, str(feeding(lgraph, Port(layer.Name, found[2])).source), f"{new.Name}/ref")
    return lgraph


def with_input_size(which):
    def follow(lgraph, layer, issue, found):
        sizes = [eval(text) for text in re.findall(r"\[[\d, ]+\]", issue.hint)]
        for entrance in [each for each in lgraph.nodes if not each.inputs()]:
            lgraph = dl.replaceLayer(lgraph, entrance.Name, rebuilt(entrance, InputSize=sizes[which]))
        return lgraph
    return follow


hint(r"^Use an input size of \[")(with_input_size(0))
hint(r"^Use an input size of \[.*?\] or \[")(with_input_size(1))


@hint(r"^Set Padding='same' in (.+?)\.$")
def pad(lgraph, layer, issue, found):
    for name in re.findall(r"'(.+?)'", found[1]):
        lgraph = changed(lgraph, lgraph.named(name), Padding="same")
    return lgraph


@hint(r"set (OutputSize|NumFilters)=(\d+) in '(.+?)'")
def set_width(lgraph, layer, issue, found):
    return changed(lgraph, lgraph.named(found[3]), **{found[1]: int(found[2])})


@hint(r"^Move (.+?) in front of '(.+?)', or remove")
def move(lgraph, layer, issue, found):
    names = re.findall(r"'(.+?)'", found[1])
    moved = [lgraph.named(name) for name in names]
    for name in names:
        lgraph = bypassed(lgraph, name)
    for each in moved:
        lgraph = spliced(lgraph, feeding(lgraph, Port(found[2], "in")), each)
    return lgraph


@hint(r"^Move (.+?) in front of '.+?', or remove")
def remove_instead(lgraph, layer, issue, found):
    for name in re.findall(r"'(.+?)'", found[1]):
        lgraph = bypassed(lgraph, name)
    return lgraph


def bypassed(lgraph, name):
    """Without a layer, so that what feeds it feeds what it fed."""
    source = feeding(lgraph, Port(name, "in")).source
    targets = [edge.destination for edge in lgraph.edges if edge.source.layer == name]
    lgraph = dl.removeLayers(lgraph, name)
    for target in targets:
        lgraph = dl.connectLayers(lgraph, str(source), str(target))
    return lgraph


@hint("set HasUnpoolingOutputs=False")
def take_no_indices(lgraph, layer, issue, found):
    return changed(lgraph, layer, HasUnpoolingOutputs=False)


@hint(r"^Set (\w+)=(\d+), or leave it 'auto'")
def set_number(lgraph, layer, issue, found):
    return changed(lgraph, layer, **{found[1]: int(found[2])})


@hint(r"^Set (\w+)=\d+, or leave it 'auto'")
def leave_number(lgraph, layer, issue, found):
    return changed(lgraph, layer, **{found[1]: "auto"})


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


@hint("^Remove it")
def remove(lgraph, layer, issue, found):
    return dl.removeLayers(lgraph, layer.Name)


@hint(r"Set (Cropping)=(0)|Set (BlockSize|NumModes|Padding|Scale) to at (?:most|least) ([\d.]*\d)")
def set_limit(lgraph, layer, issue, found):
    return changed(lgraph, layer, **{found[1] or found[3]: eval(found[2] or found[4])})


@hint(r"Reduce (FilterSize|PoolSize)")
def reduce_window(lgraph, layer, issue, found):
    return changed(lgraph, layer, **{found[1]: int(re.search(r"padded input of (\d+)", issue.message)[1])})


@hint(r"Choose a divisor of (\d+) as numGroups")
def choose_divisor(lgraph, layer, issue, found):
    return changed(lgraph, layer, NumGroups=int(found[1]))


@hint("centercrop' as location")
def crop_in_the_middle(lgraph, layer, issue, found):
    if "Swap" in issue.hint:
        ends = {port: feeding(lgraph, Port(layer.Name, port)) for port in ("in", "ref")}
        lgraph = without(lgraph, *ends.values())
        for source, port in (("in", "ref"), ("ref", "in")):
            lgraph = dl.connectLayers(lgraph, str(ends[source].source), f"{layer.Name}/{port}")
    return changed(lgraph, layer, CropLocation="centercrop")


@hint("Fix the problems of the layers before it first")
def repair_others(lgraph, layer, issue, found):
    return alternatives(lgraph, next(each for each in issues_of(lgraph) if each.index < issue.index))[0]


@hint("Keep one connection")
def keep_one(lgraph, layer, issue, found):
    port = Port(layer.Name, re.match("Input '(.+?)'", issue.message)[1])
    return without(lgraph, *[edge for edge in lgraph.edges if edge.destination == port][1:])


@hint("Set dim to 1 or 2 or 3")
def choose_dimension(lgraph, layer, issue, found):
    return changed(lgraph, layer, Dim=3)


@hint("Start it with imageInputLayer")
def begin(lgraph, layer, issue, found):
    lgraph = LayerGraph([dl.imageInputLayer([16, 16, 3], Name="begin"), *lgraph.nodes], lgraph.edges)
    return dl.connectLayers(lgraph, "begin", lgraph.nodes[1].Name)


@hint("End it with .*regressionLayer")
def end(lgraph, layer, issue, found):
    return dl.connectLayers(dl.addLayers(lgraph, dl.regressionLayer(Name="end")), lgraph.nodes[-1].Name, "end")


def as_graph(layers):
    """What stops a list from being a graph is repaired, then it is one."""
    if isinstance(layers, LayerGraph):
        return layers
    names, kept = set(), []
    for each in layers:
        if each == "relu":
            continue  # Put only layers … into a layer array
        each = each(2) if each is dl.maxPooling2dLayer else each  # Call maxPooling2dLayer(poolSize, …)
        kept.append(rebuilt(each, Name="") if each.Name in names else each)  # Give every layer its own name, or none
        names.add(each.Name)
    return dl.layerGraph(kept)


# Networks whose problems were once told with a fix that led nowhere ---------------------------------------------------
def image(size=16):
    return dl.imageInputLayer([*(size if isinstance(size, list) else [size, size]), 3], Name="in")


def ending(classes=4):
    return [dl.fullyConnectedLayer(classes, Name="fc"), dl.softmaxLayer(Name="sm"), dl.classificationLayer(Name="out")]


def pixels(*layers):
    return [*layers, dl.convolution2dLayer(1, 2, Name="scores"), dl.softmaxLayer(Name="sm"),
            dl.pixelClassificationLayer(Name="out")]


def around(layers, joint, size=16, end=ending):
    """A branch of some layers, and one without any."""
    lgraph = dl.layerGraph([image(size), *layers, joint, *end()])
    return dl.connectLayers(lgraph, "in", f"{joint.Name}/in2")


def ladder(size, depth, enlarging, joint):
    """An encoder and a decoder with a bridge at every depth."""
    down = [layer for d in range(depth) for layer in (
        dl.convolution2dLayer(3, 8, Padding="same", Name=f"conv{d}"), dl.maxPooling2dLayer(2, Stride=2, Name=f"pool{d}"))]
    up = [layer for d in reversed(range(depth)) for layer in (enlarging(d), joint(d))]
    lgraph = dl.layerGraph([image(size), *down, *up, *pixels()])
    for d in range(depth):
        lgraph = dl.connectLayers(lgraph, f"conv{d}", f"joint{d}/in2")
    return lgraph


def transposed(d):
    return dl.transposedConv2dLayer(2, 8, Stride=2, Name=f"up{d}")


def doubled(d):
    return dl.resize2dLayer(Scale=2, Name=f"up{d}")


def added(d):
    return dl.additionLayer(2, Name=f"joint{d}")


def joined(d):
    return dl.depthConcatenationLayer(2, Name=f"joint{d}")


def pool(name, **options):
    return dl.maxPooling2dLayer(2, Stride=2, Name=name, **options)


def unpool(name):
    return dl.maxUnpooling2dLayer(Name=name)


def conv(filters, **options):
    return dl.convolution2dLayer(3, filters, Name="conv", **options)


END = dl.regressionLayer(Name="end")
FC = dl.fullyConnectedLayer(4, Name="fc")
MORE = {
    "bridge of odd height": lambda: ladder(15, 1, transposed, joined),
    "bridge of odd height, added": lambda: ladder([15, 16], 1, transposed, added),
    "bridges, the inner one misfits": lambda: ladder(30, 3, doubled, added),
    "bridges, the outer one will": lambda: ladder(29, 2, transposed, joined),
    "bridges, another misfit per side": lambda: ladder([100, 44], 3, transposed, added),
    "convolution without padding": lambda: around([conv(3)], dl.additionLayer(2, Name="add")),
    "pooling beside nothing": lambda: around([pool("p")], dl.additionLayer(2, Name="add")),
    "pooling beside nothing, joined": lambda: around([pool("p")], dl.depthConcatenationLayer(2, Name="cat")),
    "strides and channels": lambda: around([conv(8, Stride=2, Padding="same")], dl.additionLayer(2, Name="add")),
    "strides and channels, odd": lambda: around([conv(8, Stride=2, Padding="same")],
                                                dl.multiplicationLayer(2, Name="mul"), 15),
    "channels": lambda: around([conv(8, Padding="same")], dl.additionLayer(2, Name="add")),
    "channels, joined in height": lambda: around([conv(8, Padding="same")], dl.concatenationLayer(1, 2, Name="cat")),
    "one of three": lambda: dl.connectLayers(around([conv(3, Padding=2)], dl.additionLayer(3, Name="add")), "in", "add/in3"),
    "nothing in common": lambda: around([dl.resize2dLayer(OutputSize=[7, 31], Name="r")], dl.additionLayer(2, Name="add")),
    "features beside images": lambda: around([dl.flattenLayer(Name="flat")], dl.additionLayer(2, Name="add")),
    "vectors beside images": lambda: around([FC], dl.additionLayer(2, Name="add"), end=lambda: [END]),
    "volumes": lambda: dl.connectLayers(dl.layerGraph([
        dl.image3dInputLayer([8, 9, 10, 1], Name="in"), dl.convolution3dLayer(3, 2, Name="c"),
        dl.additionLayer(2, Name="add"), END]), "in", "add/in2"),
    "unpooling without pooling": lambda: [image(), unpool("u"), END],
    "unpooling after averages": lambda: [image(), dl.averagePooling2dLayer(2, Name="pool"), unpool("u"), END],
    "unpooling before pooling": lambda: [image(), unpool("u"), dl.maxPooling2dLayer(2, Name="p"), END],
    "unpooling of another rank": lambda: [dl.image3dInputLayer([8, 8, 8, 1], Name="in"),
                                          dl.maxPooling3dLayer(2, Name="p"), unpool("u"), END],
    "two of each": lambda: [image(), pool("a"), pool("b"), unpool("unpool_a"), unpool("unpool_b"), END],
    "two of each, ready": lambda: [image(), pool("a", HasUnpoolingOutputs=True), pool("b", HasUnpoolingOutputs=True),
                                   unpool("c"), unpool("d"), END],
    "one unpooling more": lambda: [image(), pool("a"), unpool("c"), pool("b"), unpool("d"), unpool("e"), END],
    "indices of other channels": lambda: paired([image(), pool("p", HasUnpoolingOutputs=True), dl.reluLayer(Name="r"),
                                                 dl.convolution2dLayer(1, 5, Name="c"), unpool("u"), END]),
    "indices of a larger map": lambda: paired([image(), pool("p", HasUnpoolingOutputs=True), pool("q"), unpool("u"), END]),
    "softmax before ReLU": lambda: [image(), FC, dl.softmaxLayer(Name="sm"), dl.reluLayer(Name="r"), ending()[2]],
    "softmax before two": lambda: [image(), FC, dl.softmaxLayer(Name="sm"), dl.reluLayer(Name="r"),
                                   dl.dropoutLayer(Name="d"), ending()[2]],
    "softmax in the middle": lambda: [image(), dl.fullyConnectedLayer(9, Name="f"), dl.softmaxLayer(Name="sm"), FC,
                                      ending()[2]],
    "sigmoid instead": lambda: [image(), FC, dl.sigmoidLayer(Name="s"), ending()[2]],
    "dropout at the end": lambda: [image(), FC, dl.dropoutLayer(Name="d"), ending()[2]],
    "two outputs in a row": lambda: [image(), *ending(), END],
    "output in the middle": lambda: [image(), dl.convolution2dLayer(3, 4, Name="c"), END, *ending()],
    "a network after a network": lambda: [image(), *ending(), dl.fullyConnectedLayer(3, Name="f2"),
                                          dl.softmaxLayer(Name="s2"), dl.classificationLayer(Name="o2")],
    "two inputs in a row": lambda: [image(), dl.imageInputLayer([16, 16, 3], Name="in2"), *ending()],
    "input in the middle": lambda: [image(), conv(4), dl.imageInputLayer([16, 16, 3], Name="in2"), *ending()],
    "input at the end": lambda: [conv(4), *ending(), image()],
    "no input": lambda: [conv(4), *ending()],
    "no output": lambda: [image(), conv(4), *ending()[:2]],
    "old output layer": lambda: [image(), FC, *ending()[1:2], dl.classificationLayer(Classes=[*"abcdef"], Name="out")],
    "old output layer of pixels": lambda: [image(), conv(4), *ending()[1:2],
                                           dl.pixelClassificationLayer(Classes=[*"ab"], Name="out")],
    "classes without a layer that counts them": lambda: [image(), *ending()[1:2],
                                                         dl.classificationLayer(Classes=["a", "b"], Name="out")],
    "one class for all pixels": lambda: [image(), conv(4), *ending()[1:]],
    "pixels of features": lambda: [dl.featureInputLayer(3, Name="in"), ending()[1], dl.pixelClassificationLayer(Name="out")],
    "an image layer on features": lambda: [dl.featureInputLayer(3, Name="in"), conv(4), *ending()],
    "observations permuted": lambda: [image(4), dl.permuteLayer([1, 2, 4, 3], Name="p"), END],
    "reshaped to sizes of a mini-batch": lambda: [image(4), dl.reshapeLayer(2, 8, 3, Name="p"), END],
    "blocks": lambda: [image(4), dl.spaceToDepthLayer(5, Name="b"), END],
    "complex": lambda: [image(4), conv(4), dl.realToComplexLayer(Name="c"), dl.reluLayer(Name="r"), END],
    "an end that is complex": lambda: [image(4), conv(4), dl.realToComplexLayer(Name="c"), END],
    "complex from the start": lambda: [image(4), conv(4), dl.complexToRealLayer(Name="c"), END],
    "half a complex number": lambda: [image(4), conv(5), dl.realToComplexLayer(Name="c"),
                                      dl.complexToRealLayer(Name="r"), END],
    "too many frequencies": lambda: [image(8), dl.spectralConvolution2dLayer(5, 3, Name="s"), END],
    "blocks of channels": lambda: [image(4), dl.depthToSpace2dLayer(2, Name="b"), END],
    "mirrored": lambda: [image(4), conv(2, Padding=5, PaddingValue="symmetric-exclude-edge"), END],
    "scaled away": lambda: [image(49), dl.resize2dLayer(Scale=0.001, Name="r"), END],
    "norm of features": lambda: [dl.featureInputLayer(3, Name="in"), dl.instanceNormalizationLayer(Name="n"), END],
    "cropped from outside": lambda: cropped([9, 9], 5, [3, 3]),
    "cropped from the smaller": lambda: cropped("centercrop", 20, [3, 3]),
    "cropped from neither": lambda: cropped("centercrop", 8, [3, 9]),
}


def paired(layers):
    lgraph = dl.layerGraph(layers)
    for port in ("indices", "size"):
        lgraph = dl.connectLayers(lgraph, f"p/{port}", f"u/{port}")
    return lgraph


def cropped(location, size, kernel):
    lgraph = dl.layerGraph([image(size), dl.resize2dLayer(OutputSize=kernel, Name="ref"), dl.reluLayer(Name="r"), END])
    lgraph = dl.addLayers(dl.disconnectLayers(lgraph, "r", "end"), dl.crop2dLayer(location, Name="crop"))
    sources = ("in", "r") if size < 16 else ("r", "in")
    for source, target in zip(sources, ("crop/in", "crop/ref"), strict=True):
        lgraph = dl.connectLayers(lgraph, source, target)
    return dl.connectLayers(lgraph, "crop", "end")


@hint(r"(permuteLayer|reshapeLayer)\((\[[\d, ]+\])(, OperationDimension='spatial-channel')?\)")
def arrange_otherwise(lgraph, layer, issue, match):
    options = {"OperationDimension": "spatial-channel"} if match[3] else {}
    return dl.replaceLayer(lgraph, layer.Name, getattr(dl, match[1])(eval(match[2]), Name=layer.Name, **options))


# The tests ------------------------------------------------------------------------------------------------------------
def alternatives(lgraph, issue):
    """One graph for each way that the fix of an issue names."""
    layer = lgraph.nodes[issue.index - 1] if issue.index else None
    ways = [follow(lgraph, layer, issue, found) for pattern, follow in FIXES if (found := pattern.search(issue.hint))]
    assert ways, f"no such fix is known: {issue}"
    return ways


@pytest.mark.parametrize("name", [*BROKEN, *MORE])
def test_hints_repair(name):
    build, _, usage = BROKEN.get(name) or (MORE[name], (), "trainNetwork")
    lgraph = as_graph(build())
    for issue in issues_of(lgraph, usage):  # each by itself
        for way in [] if "before it first" in issue.hint else alternatives(lgraph, issue):
            left = [each.message for each in issues_of(way, usage)
                    if (each.layer, each.identifier) == (issue.layer, issue.identifier)]
            assert not left or ("input size" not in issue.hint and issue.message not in left), issue  # a next one may come
    for _ in range(12):  # and one after the other, with what comes to light
        issues = issues_of(lgraph, usage)
        if not issues:
            return
        lgraph = alternatives(lgraph, issues[-1])[0]
    pytest.fail(f"still: {[*map(str, issues)]}")
