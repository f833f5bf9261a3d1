"""What layers cost and see: published figures of architectures, and small networks where it can be tried out."""

from fractions import Fraction

import numpy as np
import pytest

import dltoolbox as dl
from dltoolbox.network.analysis.analysis import analysis
from dltoolbox.program.model import Model

# Araujo, Norris and Sim, "Computing receptive fields of convolutional neural networks", Distill (2019), table of models
PUBLISHED_FIELDS = [("alexnet", "pool5", 195), ("vgg16", "pool5", 212), ("resnet50", "activation_49_relu", 483),
                    ("resnet101", "res5c_relu", 1027), ("inceptionv3", "mixed10", 1311), ("mobilenetv2", "out_relu", 491)]


@pytest.mark.parametrize(("name", "layer", "size"), PUBLISHED_FIELDS)
def test_published_receptive_fields(name, layer, size):
    table = dl.analyzeNetwork(getattr(dl, name), nargout=1).LayerInfo
    assert table.ReceptiveField[table.Name.index(layer)] == f"{size}×{size}"


@pytest.mark.parametrize(("name", "work"), [("alexnet", 724e6), ("vgg16", 15.5e9), ("resnet50", 3.86e9),
                                            ("densenet201", 4.29e9), ("mobilenetv2", 300e6)])
def test_published_multiply_adds(name, work):
    """As the papers and torchvision count them; fully connected layers included."""
    found = dl.analyzeNetwork(getattr(dl, name), nargout=1).MultiplyAdds
    assert found == pytest.approx(work, rel=0.01)


def fields(layers):
    info = analysis(layers)
    assert info.IsValid, [*map(str, info.Issues)]
    return dict(zip(info.LayerInfo.Name, (one.receptive_field for one in info.footprints), strict=True))


def seen(layers, size):
    """How many rows and columns of the image the most far-sighted element of the output sees, found by trying."""
    lgraph = dl.layerGraph([dl.imageInputLayer([*size, 1], Normalization="none", Name="in"), *layers,
                            dl.regressionLayer(Name="loss")])
    model = Model(lgraph, fast=False)
    for key, value in model.arrays.items():
        value[...] = 0.1 if key.name == "Weights" else 0
    images = np.eye(size[0] * size[1], dtype=np.float32).reshape(*size, 1, -1)  # one pixel set per observation
    reached = model.predict([images])[0].any(axis=2) > 0  # out × observations
    reached = reached.reshape(-1, *size)
    return tuple(int(max(np.ptp(np.nonzero(one.any(axis))[0]) + 1 for one in reached)) for axis in (1, 0))


CHAINS = [
    ("one convolution", [dl.convolution2dLayer([3, 5], 1)], (3, 5)),
    ("two", [dl.convolution2dLayer(3, 1), dl.convolution2dLayer(3, 1)], (5, 5)),
    ("dilated", [dl.convolution2dLayer(3, 1, DilationFactor=[2, 3])], (5, 7)),
    ("after a stride", [dl.convolution2dLayer(3, 1, Stride=2), dl.convolution2dLayer(3, 1)], (7, 7)),
    ("pooling", [dl.averagePooling2dLayer(2, Stride=2), dl.averagePooling2dLayer(2, Stride=2)], (4, 4)),
    ("padded", [dl.convolution2dLayer(5, 1, Padding="same"), dl.averagePooling2dLayer(3, Stride=2, Padding=1)], (7, 7)),
    ("transposed", [dl.averagePooling2dLayer(2, Stride=2), dl.transposedConv2dLayer(4, 1, Stride=2)], (4, 4)),
    ("without overlap", [dl.averagePooling2dLayer(2, Stride=2), dl.transposedConv2dLayer(2, 1, Stride=2)], (2, 2)),
]


@pytest.mark.parametrize(("layers", "size"), [one[1:] for one in CHAINS], ids=[one[0] for one in CHAINS])
def test_fields_are_what_outputs_depend_on(layers, size):
    named = dl.layerGraph(layers).Layers
    found = fields([dl.imageInputLayer([15, 17, 1]), *named, dl.regressionLayer])[named[-1].Name]
    assert found.size == size == seen(named, (15, 17))


def test_the_widest_branch_counts():
    lgraph = dl.layerGraph([dl.imageInputLayer([9, 9, 1], Name="in"), dl.convolution2dLayer(3, 2, Padding="same", Name="a"),
                            dl.depthConcatenationLayer(2, Name="cat"), dl.regressionLayer])
    lgraph = dl.addLayers(lgraph, dl.convolution2dLayer([7, 1], 2, Padding="same", Name="b"))
    lgraph = dl.connectLayers(dl.connectLayers(lgraph, "in", "b"), "b", "cat/in2")
    assert fields(lgraph)["cat"].size == (7, 3)


def test_strides_multiply_and_divide():
    found = fields([dl.imageInputLayer([16, 16, 1]), dl.maxPooling2dLayer(2, Stride=4, Name="p"),
                    dl.transposedConv2dLayer([2, 8], 1, Stride=[2, 8], Name="t"), dl.regressionLayer])
    assert found["p"].stride == (4, 4)
    assert found["t"].stride == (2, Fraction(1, 2))


def test_unpooling_undoes_its_pooling():
    lgraph = dl.segnetLayers([32, 32, 3], 2, 1)
    found = fields(lgraph)
    assert found["encoder1_maxpool"].stride == (2, 2)
    assert found["decoder1_unpool"].stride == (1, 1)
    assert found["decoder1_unpool"].size == found["encoder1_maxpool"].size


def test_whole_from_the_first_global_layer_on():
    found = fields([dl.imageInputLayer([8, 6, 3]), dl.reluLayer(Name="r"), dl.globalAveragePooling2dLayer(Name="g"),
                    dl.fullyConnectedLayer(2, Name="f"), dl.softmaxLayer(Name="s"), dl.classificationLayer(Name="out")])
    assert found["g"] == found["f"] == found["s"] == ((8, 6), (0, 0), True)
    assert not found["r"].whole
    assert found["out"] is None


def test_features_have_no_field():
    assert set(fields([dl.featureInputLayer(3), dl.fullyConnectedLayer(2), dl.regressionLayer]).values()) == {None}


def test_activations_are_the_arrays_that_layers_make():
    layers = [dl.imageInputLayer([8, 8, 2], Normalization="none"), dl.convolution2dLayer(3, 4, Padding="same"), dl.reluLayer,
              dl.dropoutLayer, dl.maxPooling2dLayer(2, Stride=2), dl.fullyConnectedLayer(5), dl.regressionLayer]
    found = dl.analyzeNetwork(layers, nargout=1)
    assert found.LayerInfo.ActivationBytes == [4 * n for n in (128, 256, 256, 0, 64, 5, 0)]
    assert found.ActivationBytes == 4 * 709
    assert dl.analyzeNetwork(layers, MiniBatchSize=32, nargout=1).ActivationBytes == 4 * 709


def test_indices_count_and_sizes_do_not():
    table = dl.analyzeNetwork(dl.segnetLayers([8, 8, 1], 2, 1), nargout=1).LayerInfo
    assert table.ActivationBytes[table.Name.index("encoder1_maxpool")] == 2 * 4 * 4 * 4 * 64


def test_frozen_learnables_are_counted():
    info = dl.analyzeNetwork([dl.featureInputLayer(3), dl.fullyConnectedLayer(2, WeightLearnRateFactor=0),
                              dl.batchNormalizationLayer, dl.regressionLayer], nargout=1)
    assert (info.TotalLearnables, info.FrozenLearnables, info.TotalStates, info.ParameterBytes) == (12, 6, 4, 64)
    assert "Total learnables: 12: 6 trainable, 6 frozen" in str(info)
