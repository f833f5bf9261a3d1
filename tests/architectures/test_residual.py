"""resnetLayers, resnetNetwork and their kin in 3-D: published counts, options, refusals, sizes; they train and predict."""

import numpy as np
import pytest

from dltoolbox import (
    DltoolboxError,
    analyzeNetwork,
    classify,
    predict,
    resnet3dLayers,
    resnet3dNetwork,
    resnetLayers,
    resnetNetwork,
    trainingOptions,
    trainNetwork,
)
from tests.architectures.counts import counts

DEEP = {"StackDepth": [3, 4, 23, 3]}
SMALL = {"InitialFilterSize": 3, "InitialNumFilters": 8, "InitialStride": 1, "InitialPoolingLayer": "none",
         "StackDepth": [1, 2], "NumFilters": [4, 8]}


def layer(lgraph, name):
    return lgraph.nodes[lgraph.find(name)]


def names(lgraph):
    return [one.Name for one in lgraph.nodes]


def activations(lgraph):
    info = analyzeNetwork(lgraph, nargout=1)
    return dict(zip(info.LayerInfo.Name, info.LayerInfo.Activations, strict=True))


@pytest.mark.parametrize(("make", "size", "options", "published"), [
    (resnetLayers, [224, 224, 3], {}, (177, 192)), (resnetLayers, [224, 224, 3], DEEP, (347, 379)),
    (resnet3dLayers, [224, 224, 64, 3], {}, (177, 192))])
def test_published_counts_of_layers(make, size, options, published):
    lgraph = make(size, 10, **options)
    assert counts(lgraph)[:2] == published
    assert (lgraph.InputNames, lgraph.OutputNames) == (["input"], ["output"])


@pytest.mark.parametrize(("options", "published"), [({}, (176, 191, 214, 106)), (DEEP, (346, 378, 418, 208))])
def test_published_counts_of_networks(options, published):
    net = resnetNetwork([224, 224, 3], 10, Initialize=False, **options)
    assert (len(net.Layers), len(net.Connections), len(net.Learnables), len(net.State)) == published
    assert net.OutputNames == ["softmax"]


def test_networks_are_those_of_the_layers_without_the_output():
    for two in ((resnetLayers([32, 32, 1], 3, **SMALL), resnetNetwork([32, 32, 1], 3, Initialize=False, **SMALL)),
                (resnet3dLayers([8, 8, 8], 3, **SMALL), resnet3dNetwork([8, 8, 8], 3, Initialize=False, **SMALL))):
        with_output, without = two
        assert list(without.nodes) == list(with_output.nodes[:-1])
        assert set(without.edges) == set(with_output.edges[:-1])


def test_defaults_are_those_of_resnet50():
    lgraph = resnetLayers([224, 224, 3], 10)
    conv, pool = layer(lgraph, "conv1"), layer(lgraph, "maxpool1")
    assert (conv.FilterSize, conv.NumFilters, conv.Stride) == ((7, 7), 64, (2, 2))
    assert (pool.PoolSize, pool.Stride) == ((3, 3), (2, 2))
    assert layer(lgraph, "input").Normalization == "zerocenter"
    at = activations(lgraph)
    assert [at[f"stack{s}_block{b}_relu3"] for s, b in ((1, 3), (2, 4), (3, 6), (4, 3))] == [
        f"{n}(S) × {n}(S) × {channels}(C) × 1(B)" for n, channels in ((56, 256), (28, 512), (14, 1024), (7, 2048))]
    assert counts(lgraph).frozen == 0


def test_a_bottleneck_halves_the_image_in_its_first_convolution():
    lgraph = resnetLayers([224, 224, 3], 10)
    block = [layer(lgraph, f"stack2_block1_{end}") for end in ("conv1", "conv2", "conv3", "skip_conv")]
    assert [(one.FilterSize, one.NumFilters, one.Stride) for one in block] == [
        ((1, 1), 128, (2, 2)), ((3, 3), 128, (1, 1)), ((1, 1), 512, (1, 1)), ((1, 1), 512, (2, 2))]


def test_without_bottlenecks_a_block_has_two_convolutions():
    lgraph = resnetLayers([224, 224, 3], 1000, BottleneckType="none", StackDepth=[2, 2, 2, 2])
    assert counts(lgraph)[:2] == (71, 78)  # as ResNet-18
    assert [name for name in names(lgraph) if "skip_conv" in name] == [f"stack{s}_block1_skip_conv" for s in (2, 3, 4)]
    assert names(lgraph)[5:12] == [f"stack1_block1_{end}" for end in ("conv1", "bn1", "relu1", "conv2", "bn2", "add",
                                                                     "relu2")]


def test_batch_normalisation_after_the_sum_takes_the_place_of_those_before():
    before, after = (resnetLayers([32, 32, 3], 10, ResidualBlockType=f"batchnorm-{word}-add", **SMALL)
                     for word in ("before", "after"))
    assert names(after)[4:16] == [f"stack1_block1_{end}" for end in (
        "conv1", "bn1", "relu1", "conv2", "bn2", "relu2", "conv3", "skip_conv", "add", "bn3", "relu3")] + [
        "stack2_block1_conv1"]
    assert len(before.nodes) - len(after.nodes) == 2  # the normalisations of the projected shortcuts


@pytest.mark.parametrize(("pool", "name"), [("max", "maxpool1"), ("average", "avgpool1")])
def test_pooling_layers(pool, name):
    found = layer(resnetLayers([64, 64, 3], 10, "InitialPoolingLayer", pool), name)
    assert found.label() == f"{pool}Pooling2dLayer"


def test_no_pooling():
    assert names(resnetLayers([64, 64, 3], 10, InitialPoolingLayer="none"))[3:5] == ["relu1", "stack1_block1_conv1"]


def test_initial_options_and_normalisation():
    lgraph = resnetLayers([64, 32], 5, "initialfiltersize", [5, 3], "InitialNumFilters", 16, "InitialStride", [2, 1],
                          "Normalization", "zscore")
    conv, data = layer(lgraph, "conv1"), layer(lgraph, "input")
    assert (conv.FilterSize, conv.NumFilters, conv.Stride) == ((5, 3), 16, (2, 1))
    assert (data.InputSize, data.Normalization) == ((64, 32, 1), "zscore")
    assert layer(lgraph, "fc").OutputSize == 5


def test_sizes_in_3d():
    lgraph = resnet3dLayers([32, 32, 16, 2], 4, InitialStride=[2, 2, 1], StackDepth=[1, 1], NumFilters=[4, 8])
    at = activations(lgraph)
    assert [at[name] for name in ("conv1", "maxpool1", "stack2_block1_relu3", "gap")] == [
        f"{h}(S) × {h}(S) × {d}(S) × {c}(C) × 1(B)" for h, d, c in ((16, 16, 64), (8, 8, 64), (4, 4, 32), (1, 1, 32))]
    assert layer(resnet3dLayers([32, 32, 32], 2), "input").InputSize == (32, 32, 32, 1)


@pytest.mark.parametrize(("size", "classes", "options", "reasons"), [
    ([224, 224, 3], 1, {}, ["invalidNumClasses"]),
    ([224], 2, {}, ["invalidInputSize"]),
    ([31, 32, 3], 2, {}, ["inputSizeTooSmall"]),
    ([15, 16, 3], 2, {"InitialPoolingLayer": "none"}, ["inputSizeTooSmall"]),
    ([224, 224, 3], 2, {"StackDepth": [2, 2]}, ["stackDepthMismatch"]),
    ([8, 8, 3], 2, {"NumFilters": [2, 2]}, ["stackDepthMismatch", "inputSizeTooSmall"]),
    ([224, 224, 3], 2, {"StackDepth": [], "NumFilters": [1, 0], "BottleneckType": "downsample", "InitialStride": [1, 2, 3],
                        "InitialPoolingLayer": "min"},
     ["invalidInitialStride", "invalidInitialPoolingLayer", "invalidStackDepth", "invalidNumFilters"]),
    ([224, 224, 3], 2, {"InitialFilterSize": 0, "InitialNumFilters": 1.5, "ResidualBlockType": "none", "Normalization": 1},
     ["invalidInitialFilterSize", "invalidInitialNumFilters", "invalidResidualBlockType", "invalidNormalization"]),
    ([224, 224, 3], 2, {"Filters": 1}, ["unknownOption"]),
    ([224, 224, 3], 2, {"Initialize": False}, ["unknownOption"])])
def test_everything_wrong_is_said_at_once(size, classes, options, reasons):
    with pytest.raises(DltoolboxError) as caught:
        resnetLayers(size, classes, **options)
    assert list(caught.value.identifiers) == [f"dltoolbox:resnetLayers:{reason}" for reason in reasons]


def test_the_smallest_image_is_accepted_and_named():
    assert resnetLayers([32, 48, 3], 2).InputNames == ["input"]
    with pytest.raises(DltoolboxError, match=r"inputSize is 32×31×3, but must be at least 32×32: .* Too small: width\."):
        resnetLayers([32, 31, 3], 2)
    with pytest.raises(DltoolboxError, match=r"must be at least 32×32×32.*Too small: height, depth\.") as caught:
        resnet3dNetwork([16, 32, 16], 2)
    assert caught.value.identifier == "dltoolbox:resnet3dNetwork:inputSizeTooSmall"


@pytest.mark.parametrize("pooling", ["max", "average", "none"])
@pytest.mark.parametrize("bottleneck", ["downsample-first-conv", "none"])
@pytest.mark.parametrize("block", ["batchnorm-before-add", "batchnorm-after-add"])
@pytest.mark.parametrize(("make", "more"), [(resnetLayers, (0, 1)), (resnet3dLayers, (0, 1, 2))])
def test_all_kinds_are_sound_on_the_smallest_images(make, more, block, bottleneck, pooling):
    smallest = 12 if pooling == "none" else 24
    lgraph = make([smallest + extra for extra in more], 2, InitialStride=3, InitialNumFilters=4, InitialPoolingLayer=pooling,
                  ResidualBlockType=block, BottleneckType=bottleneck, StackDepth=[2, 1, 2], NumFilters=[4, 4, 8])
    info = analyzeNetwork(lgraph, nargout=1)
    assert info.Issues == ()
    channels = 8 if bottleneck == "none" else 32
    assert info.LayerInfo.Activations[info.LayerInfo.Name.index("gap")] == (
        " × ".join(["1(S)"] * len(more)) + f" × {channels}(C) × 1(B)")


def test_layers_train():
    random = np.random.default_rng(0)
    labels = np.repeat(["dark", "light"], 8)
    images = random.random((8, 8, 1, 16), np.float32) + (labels == "light")
    lgraph = resnetLayers([8, 8, 1], 2, **SMALL)
    net = trainNetwork(images, labels, lgraph, trainingOptions("adam", MaxEpochs=20, MiniBatchSize=16, Verbose=False))
    assert list(classify(net, images)) == list(labels)


@pytest.mark.parametrize(("make", "size"), [(resnetNetwork, [16, 16, 3]), (resnet3dNetwork, [8, 8, 8, 2])])
def test_networks_predict_probabilities(make, size):
    net = make(size, 5, Normalization="none", **SMALL)
    assert net.Initialized
    scores = predict(net, np.random.default_rng(0).random((*size, 3), np.float32))
    assert scores.shape == (3, 5)
    assert scores.sum(axis=1) == pytest.approx(1, abs=1e-5)
