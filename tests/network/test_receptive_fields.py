"""Receptive fields, measured: to which elements of the input an element of the output has a gradient.

All weights are positive, so that nothing cancels. Where maxima choose, no single gradient shows everything that counts:
there, inputs are changed, many random ones.
"""

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from dltoolbox import (
    adaptiveAveragePooling2dLayer,
    additionLayer,
    addLayers,
    alexnet,
    averagePooling2dLayer,
    concatenationLayer,
    connectLayers,
    convolution2dLayer,
    convolution3dLayer,
    crop2dLayer,
    depthConcatenationLayer,
    flattenLayer,
    fullyConnectedLayer,
    globalAveragePooling2dLayer,
    groupedConvolution2dLayer,
    image3dInputLayer,
    imageInputLayer,
    inceptionv3,
    layerGraph,
    maxPooling2dLayer,
    maxUnpooling2dLayer,
    multiplicationLayer,
    regressionLayer,
    reluLayer,
    resize2dLayer,
    resnet50,
    resnet101,
    segnetLayers,
    transposedConv2dLayer,
    transposedConv3dLayer,
    unetLayers,
    vgg16,
)
from dltoolbox.network.analysis.analysis import analysis
from dltoolbox.program.model import Model

SEAM = "one_above_the_other"  # whose fields jump where the maps meet
SIDE = 96  # of images: large enough for elements whose field meets no edge


def conv(size, **options):
    return convolution2dLayer(size, 2, **options)


def image(*layers, side=SIDE):
    return layerGraph([imageInputLayer([side, side - 8, 1], Normalization="none", Name="in"), *layers,
                       regressionLayer(Name="loss")])


def branched(first, second, join):
    """Two branches from the input, and a layer that joins them."""
    lgraph = image(*first, join)
    lgraph = addLayers(lgraph, second)
    return connectLayers(connectLayers(lgraph, "in", second[0].Name), second[-1].Name, f"{join.Name}/in2")


def unpooled(*inside, after=(), pool=2):
    lgraph = image(maxPooling2dLayer(pool, Stride=2, HasUnpoolingOutputs=True, Name="pool"), *inside,
                   maxUnpooling2dLayer(Name="unpool"), *after)
    return connectLayers(connectLayers(lgraph, "pool/indices", "unpool/indices"), "pool/size", "unpool/size")


LINEAR = {
    "window": lambda: image(conv([3, 4])),
    "strides": lambda: image(conv([5, 3], Stride=[2, 3]), conv([2, 4], Stride=[3, 1])),
    "dilation": lambda: image(conv(3, DilationFactor=[2, 3]), conv([1, 4], DilationFactor=2, Padding="same")),
    "same": lambda: image(conv(4, Padding="same", Stride=2), conv(3, Padding="same", Stride=3)),
    "one_sided_padding": lambda: image(conv(3, Padding=[2, 0, 0, 3]), conv(2, Padding=[0, 1, 1, 0])),
    "edge_padding": lambda: image(conv(3, Padding=1, PaddingValue="replicate"), conv(3, Stride=2)),
    "grouped": lambda: image(conv(3), groupedConvolution2dLayer([3, 5], 2, 2, Stride=[1, 2], DilationFactor=2)),
    "mean": lambda: image(averagePooling2dLayer([3, 2], Stride=2, Padding=1), averagePooling2dLayer(2)),
    "stride_beyond_window": lambda: image(conv(2, Stride=3), conv(2)),
    "transposed": lambda: image(conv(4, Stride=4), transposedConv2dLayer([3, 5], 2, Stride=2, Cropping=1)),
    "up_and_on": lambda: image(conv(2, Stride=2), conv(2, Stride=2), transposedConv2dLayer(2, 2, Stride=2),
                               transposedConv2dLayer(2, 2, Stride=2), conv(3, Padding=1)),
    "up_and_even_window": lambda: image(conv(2, Stride=2), transposedConv2dLayer(2, 2, Stride=2), conv([4, 6])),
    "up_and_down": lambda: image(conv(3, Stride=3), transposedConv2dLayer(4, 2, Stride=2), conv(3, Stride=3)),
    "transposed_with_holes": lambda: image(conv(3, Stride=2), transposedConv2dLayer([2, 3], 2, Stride=3), conv(3)),
    "nearest": lambda: image(conv(2, Stride=2), resize2dLayer(Scale=2), conv(2)),
    "nearest_by_fractions": lambda: image(conv(2, Stride=2), resize2dLayer(Scale=1.5), conv(3)),
    "bilinear": lambda: image(conv(2, Stride=2), resize2dLayer(Scale=2, Method="bilinear"), conv(3)),
    "shrunk": lambda: image(resize2dLayer(Scale=0.5), conv(3), resize2dLayer(Scale=0.5, Method="bilinear")),
    "asymmetric": lambda: image(conv(2, Stride=2), resize2dLayer(Scale=3, GeometricTransformMode="asymmetric",
                                                                 NearestRoundingMode="floor"), conv(2)),
    "adaptive": lambda: image(conv(3, Padding=1), adaptiveAveragePooling2dLayer([30, 20])),
    "added": lambda: branched([conv(3, Stride=2, Padding="same", Name="a")], [conv(1, Stride=2, Name="b")],
                              additionLayer(2, Name="add")),
    "shifted_branches": lambda: branched(
        [conv(3, Padding=[2, 0, 2, 0], Name="a")], [conv(3, Padding=[0, 2, 0, 2], Name="b")],
        depthConcatenationLayer(2, Name="join")),
    "corner_of_a_map": lambda: connectLayers(branched(
        [conv(5, Padding=[4, 4, 4, 4], Name="a"), crop2dLayer([1, 2], Name="crop")], [conv(3, Padding=1, Name="b")],
        additionLayer(2, Name="add")), "b", "crop/ref"),
    SEAM: lambda: branched([conv(3, Padding=1, Name="a")], [conv([5, 3], Padding="same", Name="b")],
                                            concatenationLayer(1, 2, Name="join")),
    "volumes": lambda: layerGraph([
        image3dInputLayer([24, 28, 26, 1], Normalization="none"), convolution3dLayer([3, 2, 4], 1, Stride=2),
        transposedConv3dLayer([2, 3, 2], 1, Stride=[2, 2, 1]), convolution3dLayer([2, 3, 3], 1), regressionLayer]),
}
CHOOSING = {
    "max": lambda: image(conv(2, Stride=2), maxPooling2dLayer([3, 2], Stride=2), conv(2)),
    "unpooling": lambda: unpooled(convolution2dLayer(3, 1, Padding=1)),
    "unpooling_and_on": lambda: unpooled(reluLayer(), after=[conv([3, 4])]),
    "unpooling_of_overlaps": lambda: unpooled(reluLayer(), pool=3),
}


def claimed(lgraph):
    """The receptive field of the layer before the output layer."""
    info = analysis(lgraph)
    assert info.IsValid, info.Issues
    names = [source for source, destination in zip(info.Connections.Source, info.Connections.Destination, strict=True)
             if destination == lgraph.OutputNames[0]]
    return info.footprints[[one.Name for one in lgraph.nodes].index(names[0])].receptive_field


def model_of(lgraph, rng):
    """With positive weights."""
    model = Model(lgraph, np.float64, fast=False)
    for key, value in model.arrays.items():
        value[...] = 0 if key.name == "Bias" else rng.uniform(0.5, 1.5, value.shape)
    return model


def by_gradient(lgraph, axis, rng):
    """Which elements of the input (rows) the elements along a line through the middle of the output (columns) see.

    One observation per element of the output: its gradient alone is 1.
    """
    model, size = model_of(lgraph, rng), lgraph.nodes[0].InputSize
    out = model.predict([np.zeros((*size, 1))])[0].shape[:-2]
    n = out[axis]
    at = [np.full(n, m // 2) for m in out]
    at[axis] = np.arange(n)
    x = np.repeat(rng.random((*size, 1)), n, axis=-1)
    wanted = model.predict([x])[0].copy()
    wanted[(*at, slice(None), np.arange(n))] -= 1
    _, _, (gradient,) = model.gradients([x], [wanted])
    return np.moveaxis(gradient, axis, 0).reshape(size[axis], -1, n).any(axis=1)


def by_change(lgraph, axis, rng):
    """The same, from what changes in the output where a slice of the input does. One observation per slice."""
    model, size = model_of(lgraph, rng), lgraph.nodes[0].InputSize
    n, seen = size[axis], False
    for _ in range(12):
        x = np.repeat(rng.random((*size, 1)), n, axis=-1)
        before = model.predict([x])[0].copy()
        np.einsum("i...i->i...", np.moveaxis(x, axis, 0))[...] = rng.random((n, *np.delete(size, axis)))
        changed = np.moveaxis(model.predict([x])[0] != before, axis, 0)
        seen |= changed.reshape(len(changed), -1, n).any(axis=1).T
    return seen


def agrees(field, axis, seen, *, jumps=False, margin=0):
    """In the middle, where no edge cuts fields, the widest one is that; elements n apart are n strides apart, for some n.
    In the holes that a stride leaves open, elements see nothing. Where padding moves cut fields far inwards, ``margin`` says
    how near to an edge they can begin.
    """
    quarter, edge = seen.shape[1] // 4, len(seen) - margin
    middle = list(map(np.flatnonzero, seen[:, quarter:-quarter].T))
    assert max(places[-1] - places[0] + 1 for places in middle if places.size) == field.size[axis]
    whole = [bool(places.size) and margin <= places[0] and places[-1] < edge for places in middle]
    steps = [{middle[at + n][0] - middle[at][0] for at in range(len(middle) - n) if whole[at] and whole[at + n]}
             for n in range(1, len(middle))]
    assert jumps or any(moved == {n * field.stride[axis]} for n, moved in enumerate(steps, 1))


@pytest.mark.parametrize("name", [*LINEAR, *CHOOSING])
def test_size_and_stride_are_the_measured_ones(name):
    lgraph = (LINEAR | CHOOSING)[name]()
    field, measure, rng = claimed(lgraph), by_change if name in CHOOSING else by_gradient, np.random.default_rng(0)
    for axis in range(len(field.size)):
        agrees(field, axis, measure(lgraph, axis, rng), jumps=name == SEAM)


windows = st.builds(lambda size, stride, dilation, padding: convolution2dLayer(
    [size, 1], 1, Stride=[stride, 1], DilationFactor=[dilation, 1], Padding=[*padding, 0, 0]),
    st.integers(1, 4), st.integers(1, 3), st.integers(1, 2), st.tuples(st.integers(0, 3), st.integers(0, 3)))
croppings = st.sampled_from([*([a, b, 0, 0] for a in range(3) for b in range(3)), "same"])
enlargements = st.builds(lambda stride, more, cropping: transposedConv2dLayer(
    [stride + more, 1], 1, Stride=[stride, 1], Cropping=cropping), st.integers(1, 3), st.integers(0, 3), croppings)
with_holes = st.builds(lambda size, more, cropping: transposedConv2dLayer(
    [size, 1], 1, Stride=[size + more, 1], Cropping=cropping), st.integers(1, 3), st.integers(1, 2), croppings)
resizings = st.builds(lambda scale, **options: resize2dLayer(Scale=[scale, 1], **options),
                      st.sampled_from([1 / 3, 0.5, 1.5, 2, 3]), Method=st.sampled_from(["nearest", "bilinear"]),
                      GeometricTransformMode=st.sampled_from(["half-pixel", "asymmetric"]),
                      NearestRoundingMode=st.sampled_from(["round", "floor", "onnx-10"]))


@settings(max_examples=60, deadline=None)
@example([*(convolution2dLayer(1, 1, Stride=[stride, 1], Padding=[padding, 0, 0, 0])
            for stride, padding in ((3, 0), (2, 3), (2, 3))), transposedConv2dLayer([5, 1], 1, Stride=[2, 1])], [])
@given(st.lists(st.one_of(windows, enlargements, resizings), min_size=1, max_size=5), st.lists(with_holes, max_size=1))
def test_any_stack_of_windows(layers, last):
    """Behind holes, windows that skip elements may see less than is claimed."""
    info = analysis([imageInputLayer([320, 1, 1], Normalization="none"), *layers, *last, regressionLayer])
    assume(info.IsValid and 24 <= info.lowered.layers[-1].inputs[0].spatial[0] <= 640)
    field = info.footprints[-2].receptive_field
    assume(max(field.size) < 50)
    agrees(field, 0, by_gradient(info.lgraph, 0, np.random.default_rng(0)), margin=field.size[0])


@pytest.mark.parametrize(("make", "layer", "size", "stride"), [
    (alexnet, "pool5", 195, 32), (vgg16, "pool5", 212, 32), (resnet50, "activation_49_relu", 483, 32),
    (resnet101, "res5c_relu", 1027, 32), (inceptionv3, "mixed10", 1311, 32)], ids=lambda one: getattr(one, "__name__", None))
def test_published_receptive_fields(make, layer, size, stride):
    """Of Araujo, Norris and Sim (2019)."""
    info = analysis(make)
    field = info.footprints[info.LayerInfo.Name.index(layer)].receptive_field
    assert (field.size, field.stride, str(field)) == ((size, size), (stride, stride), f"{size}×{size}")


@pytest.mark.parametrize("last", [flattenLayer, fullyConnectedLayer(2), globalAveragePooling2dLayer],
                         ids=["flatten", "fc", "global"])
def test_what_sees_all_of_the_input(last):
    info = analysis([imageInputLayer([9, 7, 1]), conv(3), last, reluLayer, regressionLayer])
    assert info.LayerInfo.ReceptiveField == ["1×1", "3×3", "whole", "whole", ""]
    assert info.footprints[-2].receptive_field == ((9, 7), (0, 0), True)


def test_weights_of_channels_see_what_they_were_made_of():
    """Squeezing over the whole map: everything behind sees all of it; a map of one element counts at every place."""
    lgraph = branched([conv(3, Padding="same", Name="a")], [globalAveragePooling2dLayer(Name="mean")],
                      multiplicationLayer(2, Name="join"))
    assert claimed(lgraph).whole
    lgraph = branched([conv(3, Padding=1, Name="a")], [conv([SIDE, SIDE - 8], Name="one")], additionLayer(2, Name="join"))
    assert claimed(lgraph).size == (SIDE + 1, SIDE - 7)  # at an edge, with the padding


def test_decoders_see_as_much_as_their_deepest_path():
    """In steps of the deepest map, since neighbours see through one element of it or through two."""
    unet = analysis(unetLayers([64, 64, 1], 2, EncoderDepth=2))
    assert unet.LayerInfo.ReceptiveField[unet.LayerInfo.Name.index("Bridge-Conv-2")] == "32×32"
    segnet = analysis(segnetLayers([64, 64, 1], 2, 2))
    assert segnet.LayerInfo.ReceptiveField[segnet.LayerInfo.Name.index("encoder2_maxpool")] == "16×16"
