"""What an analysis claims, held against PyTorch's sizes and counter of operations, published costs, and true arrays.

PyTorch counts two floating-point operations per multiply-add. It computes on arrays without values (``meta``) where only
sizes matter. Receptive fields are in `test_receptive_fields`.
"""

import re
from math import ceil, floor

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch.utils.flop_counter import FlopCounterMode

from dltoolbox import (
    adaptiveAveragePooling2dLayer,
    additionLayer,
    addLayers,
    alexnet,
    averagePooling2dLayer,
    averagePooling3dLayer,
    batchNormalizationLayer,
    concatenationLayer,
    connectLayers,
    convolution2dLayer,
    convolution3dLayer,
    crop2dLayer,
    crop3dLayer,
    darknet19,
    darknet53,
    densenet201,
    dropoutLayer,
    efficientnetb0,
    flattenLayer,
    fullyConnectedLayer,
    globalAveragePooling2dLayer,
    globalMaxPooling2dLayer,
    googlenet,
    groupedConvolution2dLayer,
    identityLayer,
    image3dInputLayer,
    imageInputLayer,
    inceptionv3,
    layerGraph,
    maxPooling2dLayer,
    maxPooling3dLayer,
    mobilenetv2,
    regressionLayer,
    reluLayer,
    resize2dLayer,
    resize3dLayer,
    resnet18,
    resnet50,
    resnet101,
    segnetLayers,
    shufflenet,
    squeezenet,
    transposedConv2dLayer,
    transposedConv3dLayer,
    unet3dLayers,
    unetLayers,
    vgg16,
    vgg19,
    xception,
)
from dltoolbox.network.analysis.analysis import analysis
from dltoolbox.network.lowering.lower import lower
from dltoolbox.ops import ParameterKey
from dltoolbox.program.model import Model
from dltoolbox.report.document import document
from tests.architectures import test_torch_oracle as written

pytestmark = pytest.mark.oracle

INPUTS = {2: imageInputLayer, 3: image3dInputLayer}
CONVOLUTIONS = {2: F.conv2d, 3: F.conv3d}
TRANSPOSED = {2: F.conv_transpose2d, 3: F.conv_transpose3d}
MAXIMA = {2: F.max_pool2d, 3: F.max_pool3d}
MEANS = {2: F.avg_pool2d, 3: F.avg_pool3d}


def report(layers):
    """The entries of a network without faults, by name, and the analysis."""
    info = analysis(layers)
    assert info.IsValid, info.Issues
    return {entry["name"]: entry for entry in document(info)["layers"]}, info


def of_one(one, size):
    """The entry of a layer that an input of this size feeds; None where the layer does not accept it."""
    info = analysis([INPUTS[len(size) - 1](size, Normalization="none"), one, regressionLayer])
    return document(info)["layers"][1] if info.IsValid else None


def accepted(one, size):
    """`of_one` for drawn options: those that the layer does not accept are drawn again."""
    entry = of_one(one, size)
    assume(entry is not None)
    return entry


def spatial(entry):
    """Spatial sizes of the first output."""
    dims = entry["outputs"][0]["dims"]
    return tuple(n for n, label in zip(dims["sizes"], dims["labels"], strict=True) if label == "S")


def evaluated(formula, rank):
    """What the formulas say: sizes and elements left over, per dimension; the texts must be true equations."""
    names = ("height", "width", "depth")[:rank]
    found = {}
    for one in formula:
        equation, _, rest = one["text"].partition(";")
        claim, _, result = equation.rpartition(" = ")
        terms = claim.replace("−", "-").replace("·", "*")
        assert re.fullmatch(r"[\d\s.()+*/-]*", re.sub("floor|ceil", "", terms)), terms
        assert eval(terms, {"floor": floor, "ceil": ceil}) == int(result), one["text"]
        left = {noun: int(n) for n, noun in re.findall(r"(\d+) (row|column|slice)s?\b", rest)}
        for name in one["dimensions"].split(", "):
            noun = {"height": "row", "width": "column", "depth": "slice"}[name]
            found[name] = (int(result), left.pop(noun, 0))
        assert not left, one["text"]
    return [found[name] for name in names]


def padded(x, padding, value=0.0):
    """PyTorch lists the last dimension first."""
    return F.pad(x, [n for pair in reversed(padding) for n in pair], value=value)


def same(sizes, extents, strides):
    """Padding with which ceil(size/stride) windows fit; an odd element at the end."""
    totals = [max((ceil(n / s) - 1) * s + e - n, 0) for n, e, s in zip(sizes, extents, strides, strict=True)]
    return [(n // 2, n - n // 2) for n in totals]


def counted(function, *arguments, **options):
    """The result and the multiply-adds that PyTorch counts."""
    with FlopCounterMode(display=False) as counter:
        y = function(*arguments, **options)
    assert counter.get_total_flops() % 2 == 0
    return y, counter.get_total_flops() // 2


def unread(x, function):
    """How many elements at the end of each dimension of ``x`` no output depends on, of windows that leave no gaps."""
    x = x.requires_grad_()
    function(x).sum().backward()
    touched = x.grad[0, 0] != 0
    return [int(n - 1 - touched.nonzero()[:, axis].max()) for axis, n in enumerate(touched.shape)]


def per_axis(rank, low, high):
    return st.lists(st.integers(low, high), min_size=rank, max_size=rank)


@st.composite
def windows(draw, rank, dilated=True):
    """An input size, and the options of a window."""
    size = draw(per_axis(rank, 5 if rank == 3 else 7, 9 if rank == 3 else 23))
    pairs = draw(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=rank, max_size=rank))
    return (size, draw(per_axis(rank, 1, 4)), draw(per_axis(rank, 1, 4)),
            draw(per_axis(rank, 1, 3)) if dilated else [1] * rank, draw(st.sampled_from([pairs, pairs, "same"])))


def as_written(padding):
    """MATLAB's order: [t b l r], in 3-D [t l f; b r k]."""
    if padding == "same":
        return padding
    return [n for pair in padding for n in pair] if len(padding) == 2 else [[a for a, _ in padding], [b for _, b in padding]]


def resolved(size, window, stride, dilation, padding):
    extents = [(f - 1) * d + 1 for f, d in zip(window, dilation, strict=True)]
    return same(size, extents, stride) if padding == "same" else padding


def holds(entry, y, macs, rank, left=None):
    """Size, formula, multiply-adds and memory of an entry are those of an output N×C×… and of a count."""
    assert spatial(entry) == tuple(y.shape[2:])
    sizes = evaluated(entry["formula"], rank)
    assert [size for size, _ in sizes] == list(y.shape[2:])
    assert left is None or [n for _, n in sizes] == left
    assert entry["multiplyAdds"] == macs
    assert entry["activationBytes"] == 4 * y.numel()


@pytest.mark.parametrize("rank", [2, 3])
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_convolutions(rank, data):
    size, window, stride, dilation, padding = data.draw(windows(rank))
    channels, filters = data.draw(st.integers(1, 3)), data.draw(st.integers(1, 4))
    make, value = {2: convolution2dLayer, 3: convolution3dLayer}[rank], data.draw(st.sampled_from([0, 2, "replicate"]))
    entry = accepted(make(window, filters, Stride=stride, DilationFactor=dilation, Padding=as_written(padding),
                          PaddingValue=value), [*size, channels])

    def slide(x):
        x = padded(x, resolved(size, window, stride, dilation, padding))
        return CONVOLUTIONS[rank](x, torch.ones(filters, channels, *window), stride=stride, dilation=dilation)
    x = torch.ones(1, channels, *size)
    gapless = max(dilation) == 1 and all(s <= f for s, f in zip(stride, window, strict=True))
    holds(entry, *counted(slide, x), rank, unread(x, slide) if gapless else None)


@settings(max_examples=60, deadline=None)
@given(options=windows(2), groups=st.integers(1, 4), channels=st.integers(1, 3), filters=st.integers(1, 3),
       depthwise=st.booleans())
def test_grouped_convolutions(options, groups, channels, filters, depthwise):
    size, window, stride, dilation, padding = options
    channels = 1 if depthwise else channels
    one = groupedConvolution2dLayer(window, filters, "channel-wise" if depthwise else groups, Stride=stride,
                                    DilationFactor=dilation, Padding=as_written(padding))
    entry = accepted(one, [*size, groups * channels])
    x = padded(torch.empty(1, groups * channels, *size, device="meta"), resolved(size, window, stride, dilation, padding))
    weights = torch.empty(groups * filters, channels, *window, device="meta")
    holds(entry, *counted(F.conv2d, x, weights, stride=stride, dilation=dilation, groups=groups), 2)


@pytest.mark.parametrize("rank", [2, 3])
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_transposed_convolutions(rank, data):
    size, window, stride, _, cropping = data.draw(windows(rank, dilated=False))
    channels, filters = data.draw(st.integers(1, 3)), data.draw(st.integers(1, 4))
    make = {2: transposedConv2dLayer, 3: transposedConv3dLayer}[rank]
    entry = accepted(make(window, filters, Stride=stride, Cropping=as_written(cropping)), [*size, channels])
    missing = [max(s - f, 0) if cropping == "same" else 0 for f, s in zip(window, stride, strict=True)]
    y, macs = counted(TRANSPOSED[rank], torch.empty(1, channels, *size, device="meta"),
                      torch.empty(channels, filters, *window, device="meta"), stride=stride, output_padding=missing)
    if cropping == "same":  # input · stride, the odd element at the end
        cropping = [(more // 2, more - more // 2) for more in (max(f - s, 0) for f, s in zip(window, stride, strict=True))]
    y = y[(..., *(slice(a, n - b) for n, (a, b) in zip(y.shape[2:], cropping, strict=True)))]
    holds(entry, y, macs, rank)


@pytest.mark.parametrize("rank", [2, 3])
@pytest.mark.parametrize("kind", ["max", "average"])
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_pooling(rank, kind, data):
    size, window, stride, _, padding = data.draw(windows(rank, dilated=False))
    if padding != "same":
        padding = [(min(a, f - 1), min(b, f - 1)) for (a, b), f in zip(padding, window, strict=True)]
    make = {("max", 2): maxPooling2dLayer, ("average", 2): averagePooling2dLayer,
            ("max", 3): maxPooling3dLayer, ("average", 3): averagePooling3dLayer}[kind, rank]
    entry = accepted(make(window, Stride=stride, Padding=as_written(padding)), [*size, 2])
    pairs = resolved(size, window, stride, [1] * rank, padding)

    def pool(x):
        if kind == "max":
            return MAXIMA[rank](padded(x, pairs, -torch.inf), window, stride)
        return MEANS[rank](padded(x, pairs), window, stride)
    x = torch.arange(float(2 * np.prod(size))).reshape(1, 2, *size)  # the last element of each window is its maximum
    gapless = all(s <= f for s, f in zip(stride, window, strict=True))
    holds(entry, *counted(pool, x), rank, unread(x, pool) if gapless else None)


@settings(max_examples=40, deadline=None)
@given(size=per_axis(2, 4, 20), factors=st.lists(st.sampled_from([0.5, 0.25, 1, 1.5, 2, 3]), min_size=2, max_size=2))
def test_resizing_by_factors(size, factors):
    entry = accepted(resize2dLayer(Scale=factors), [*size, 3])
    holds(entry, *counted(F.interpolate, torch.empty(1, 3, *size, device="meta"), scale_factor=factors), 2)


@pytest.mark.parametrize(("one", "function"), [
    (globalAveragePooling2dLayer, lambda x: F.adaptive_avg_pool2d(x, 1)),
    (globalMaxPooling2dLayer, lambda x: F.adaptive_max_pool2d(x, 1)),
    (adaptiveAveragePooling2dLayer([3, 4]), lambda x: F.adaptive_avg_pool2d(x, (3, 4))),
    (resize2dLayer(OutputSize=[5, 30]), lambda x: F.interpolate(x, (5, 30)))], ids=["mean", "max", "adaptive", "resize"])
def test_sizes_that_no_window_makes(one, function):
    entry = of_one(one, [11, 13, 3])
    y, macs = counted(function, torch.empty(1, 3, 11, 13, device="meta"))
    assert (spatial(entry), entry["multiplyAdds"], entry["activationBytes"]) == (tuple(y.shape[2:]), macs, 4 * y.numel())
    assert entry["formula"] == []


def test_fully_connected_layers_and_flattening():
    entries, _ = report([imageInputLayer([5, 7, 3], Normalization="none"), flattenLayer(Name="flat"),
                         fullyConnectedLayer(6, Name="a"), fullyConnectedLayer(4, Name="b"), regressionLayer])
    for name, features, outputs in (("a", 105, 6), ("b", 6, 4)):
        _, macs = counted(F.linear, torch.empty(1, features, device="meta"), torch.empty(outputs, features, device="meta"))
        assert (entries[name]["multiplyAdds"], entries[name]["activationBytes"]) == (macs, 4 * outputs)
    assert (entries["flat"]["multiplyAdds"], entries["flat"]["activationBytes"]) == (0, 4 * 105)


# Networks -------------------------------------------------------------------------------------------------------------
def branches(rank=2):
    """Branches that are joined, added, cropped and resized, and layers that pass on what they get."""
    conv, crop, resize = {2: (convolution2dLayer, crop2dLayer, resize2dLayer),
                          3: (convolution3dLayer, crop3dLayer, resize3dLayer)}[rank]
    size = [12, 10, 8][:rank]
    lgraph = layerGraph([
        INPUTS[rank]([*size, 2], Name="in"), conv(3, 4, Stride=2, Padding=1, Name="half"),
        batchNormalizationLayer(Name="bn"),
        resize(Scale=3, Name="wide"), crop("centercrop", Name="crop"), identityLayer(Name="same"),
        additionLayer(2, Name="add"), concatenationLayer(rank + 1, 2, Name="join"), dropoutLayer(Name="drop"),
        concatenationLayer(1, 2, Name="tall"), fullyConnectedLayer(3, Name="fc"), dropoutLayer(Name="drop2"),
        regressionLayer(Name="loss")])
    lgraph = addLayers(lgraph, [conv(1, 4, Name="point"), reluLayer(Name="relu")])
    for source, destination in (("in", "point"), ("in", "crop/ref"), ("relu", "add/in2"), ("in", "join/in2"),
                                ("join", "tall/in2")):
        lgraph = connectLayers(lgraph, source, destination)
    return lgraph


PASSED_ON = ("dropoutLayer", "identityLayer", "classificationLayer", "pixelClassificationLayer", "regressionLayer")

NETWORKS = {
    "segnet": lambda: segnetLayers([32, 48, 3], 5, 2), "segnet_vgg16": lambda: segnetLayers([32, 32, 3], 4, "vgg16"),
    "unet": lambda: unetLayers([32, 48, 3], 5, EncoderDepth=3, NumFirstEncoderFilters=8),
    "unet_valid": lambda: unetLayers([60, 76, 1], 2, EncoderDepth=2, NumFirstEncoderFilters=4, ConvolutionPadding="valid"),
    "unet3d": lambda: unet3dLayers([16, 24, 8, 1], 3, EncoderDepth=2, NumFirstEncoderFilters=4),
    "branches": branches, "branches3d": lambda: branches(3),
}
CLASSIFIERS = {resnet18: (64, 80), googlenet: (64, 96), mobilenetv2: (64, 64), shufflenet: (64, 64), squeezenet: (67, 67)}


def holds_for_arrays(lgraph, size, info):
    """Sizes and memory are those of the arrays that the network returns in single precision."""
    entries = {entry["name"]: entry for entry in document(info)["layers"]}
    x = np.random.default_rng(0).random((*size, 1), np.float32)
    ports = {f"{name}/{out['port']}": out for name, entry in entries.items() for out in entry["outputs"]
             if out["kind"] != "size"}
    values = dict(zip(ports, Model(lgraph, fast=False).predict([x], list(ports)), strict=True))
    for port, out in ports.items():
        assert values[port].shape == (*out["dims"]["sizes"][:-1], 1), port
    for name, entry in entries.items():
        assert not entry["formula"] or tuple(n for n, _ in evaluated(entry["formula"], len(size) - 1)) == spatial(entry)
        made = [values[f"{name}/{out['port']}"] for out in entry["outputs"] if out["kind"] != "size"]
        expected = 0 if entry["factory"] in PASSED_ON else sum(4 * array.size for array in made)
        assert entry["activationBytes"] == expected, name
        assert all(array.nbytes == 4 * array.size for array, out in zip(made, entry["outputs"], strict=False)
                   if out["kind"] == "data")
    assert info.ActivationBytes == sum(entry["activationBytes"] for entry in entries.values())


@pytest.mark.parametrize("name", NETWORKS)
def test_sizes_and_memory_are_those_of_true_arrays(name):
    lgraph = NETWORKS[name]()
    _, info = report(lgraph)
    holds_for_arrays(lgraph, lgraph.nodes[0].InputSize, info)


@pytest.mark.parametrize("make", CLASSIFIERS, ids=lambda make: make.__name__)
def test_sizes_and_memory_of_classifiers_for_other_images(make):
    size = (*CLASSIFIERS[make], 3)
    info = analysis(make, [np.zeros(size, np.float32)], usage="trainNetwork", resized=True)
    assert info.IsValid
    holds_for_arrays(make(Weights="none"), size, info)


class Shapes(written.Arrays):
    """The arrays of a network as tensors without values."""

    def __init__(self, lgraph):
        self.model = self
        self.arrays = {ParameterKey(info.layer.Name, a.name): np.broadcast_to(np.float32(0), a.shape)
                       for info in lower(lgraph).layers for a in info.arrays}

    def __call__(self, layer, name):
        return super().__call__(layer, name).to("meta")


@pytest.mark.parametrize("make", [squeezenet, googlenet, densenet201, xception, shufflenet, resnet50, darknet53,
                                  efficientnetb0], ids=lambda make: make.__name__)
def test_multiply_adds_are_those_of_the_network_in_pytorch(make):
    lgraph = make(Weights="none")
    height, width, channels = lgraph.nodes[0].InputSize
    forward = getattr(written, f"torch_{make.__name__}")
    _, macs = counted(forward, torch.empty(1, channels, height, width, device="meta"), Shapes(lgraph))
    assert analysis(make).MultiplyAdds == macs


# Thousands of millions of multiply-adds, for images of so many pixels per side. Those of torchvision are its column GFLOPS,
# where the architecture is the same, see docs/architectures.md.
PUBLISHED = {
    vgg16: (224, 15.47, "torchvision"), vgg19: (224, 19.63, "torchvision"), squeezenet: (224, 0.35, "torchvision"),
    inceptionv3: (299, 5.71, "torchvision"), densenet201: (224, 4.29, "torchvision"), resnet18: (224, 1.81, "torchvision"),
    mobilenetv2: (224, 0.30, "torchvision"), efficientnetb0: (224, 0.39, "torchvision"),
    resnet50: (224, 3.86, "He et al. 2015 (3.8); torchvision's halves the image later and needs 4.09"),
    resnet101: (224, 7.57, "He et al. 2015 (7.6); torchvision's halves the image later and needs 7.80"),
    alexnet: (227, 0.724, "Sze et al. 2017 (724 millions); torchvision's has no groups and other widths, and needs 0.71"),
    googlenet: (224, 1.58, "Caffe's model; torchvision's has 3×3 in place of 5×5 filters, and needs 1.50"),
    xception: (299, 8.36, "Keras applications (8.4)"),
    darknet19: (256, 7.29 / 2, "Darknet's own page, which counts two operations"),
    darknet53: (256, 18.57 / 2, "Darknet's own page, which counts two operations"),
}


@pytest.mark.parametrize("make", PUBLISHED, ids=lambda make: make.__name__)
def test_multiply_adds_are_the_published_ones(make):
    side, billions, _ = PUBLISHED[make]
    info = analysis(make, [np.zeros((side, side, 3), np.float32)], usage="trainNetwork", resized=True)
    assert info.MultiplyAdds / 1e9 == pytest.approx(billions, abs=0.0051)
