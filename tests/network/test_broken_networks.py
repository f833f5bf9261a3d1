"""Thirty networks with two to five faults each: every fault is listed where it was made, and nothing else is."""

from collections import Counter

import numpy as np
import pytest

from dltoolbox import (
    LayerGraph,
    additionLayer,
    addLayers,
    analyzeNetwork,
    averagePooling2dLayer,
    batchNormalizationLayer,
    classificationLayer,
    concatenationLayer,
    connectLayers,
    convolution2dLayer,
    convolution3dLayer,
    densenet201,
    depthConcatenationLayer,
    disconnectLayers,
    dropoutLayer,
    featureInputLayer,
    flattenLayer,
    fullyConnectedLayer,
    globalAveragePooling2dLayer,
    groupedConvolution2dLayer,
    image3dInputLayer,
    imageInputLayer,
    layerGraph,
    leakyReluLayer,
    maxPooling2dLayer,
    maxPooling3dLayer,
    maxUnpooling2dLayer,
    pixelClassificationLayer,
    regressionLayer,
    reluLayer,
    removeLayers,
    replaceLayer,
    resnet18,
    resnet50,
    segnetLayers,
    softmaxLayer,
    squeezenet,
    transposedConv2dLayer,
    unetLayers,
    vgg16,
)
from dltoolbox.network.graph.layer_graph import Connection, Port

BROKEN = {}


def broken(*faults, usage="trainNetwork"):
    """Enter a network with all of its faults, each as ``layer: identifier`` without its beginning."""
    def enter(build):
        BROKEN[build.__name__] = build, faults, usage
        return build
    return enter


def wired(lgraph, *edges):
    """Connections that connectLayers would refuse, such as a second one into an input."""
    ends = [(Port(*source.split("/")), Port(*target.split("/"))) for source, target in edges]
    return LayerGraph(lgraph.nodes, [*lgraph.edges, *(Connection(*pair) for pair in ends)])


def image(size=(16, 16, 3)):
    return imageInputLayer(size, Name="in")


def conv(name, filters=8, size=3, **options):
    return convolution2dLayer(size, filters, Padding="same", Name=name, **options)


def pool(name, **options):
    return maxPooling2dLayer(2, Stride=2, Name=name, **options)


def classifier(classes=4):
    return [fullyConnectedLayer(classes, Name="fc"), softmaxLayer(Name="sm"), classificationLayer(Name="out")]


def paired(lgraph, source, target):
    """Indices and size of a pooling layer to an unpooling layer."""
    return connectLayers(connectLayers(lgraph, f"{source}/indices", f"{target}/indices"), f"{source}/size", f"{target}/size")


def autoencoder():
    """Two poolings and two unpoolings, correctly connected."""
    lgraph = layerGraph([
        image(), conv("c1"), pool("p1", HasUnpoolingOutputs=True), conv("c2", 16), pool("p2", HasUnpoolingOutputs=True),
        maxUnpooling2dLayer(Name="u2"), conv("d2", 8), maxUnpooling2dLayer(Name="u1"), conv("d1", 3),
        regressionLayer(Name="out")])
    return paired(paired(lgraph, "p1", "u1"), "p2", "u2")


# Chains -------------------------------------------------------------------------------------------------------------
@broken("c1: convolution2dLayer:numChannelsMismatch", "out: network:missingSoftmax")
def wrong_channels_and_no_softmax():
    return [image(), conv("c1", NumChannels=1), fullyConnectedLayer(4, Name="fc"), classificationLayer(Name="out")]


@broken("c1: convolution2dLayer:numChannelsMismatch", "c2: convolution2dLayer:numChannelsMismatch",
        "bn: batchNormalizationLayer:numChannelsMismatch", "fc: fullyConnectedLayer:inputSizeMismatch")
def every_declared_size_is_wrong():
    return [image(), conv("c1", NumChannels=1), conv("c2", 4, NumChannels=9),
            batchNormalizationLayer(NumChannels=5, Name="bn"), fullyConnectedLayer(4, InputSize=10, Name="fc"),
            *classifier()[1:]]


@broken("p: maxPooling2dLayer:windowTooLarge", "out: classificationLayer:classesMismatch")
def window_too_large_and_wrong_classes():
    return [image(), conv("c"), maxPooling2dLayer(20, Name="p"), conv("after"), fullyConnectedLayer(4, Name="fc"),
            softmaxLayer(Name="sm"), classificationLayer(Classes=["a", "b"], Name="out")]


@broken("c: convolution2dLayer:invalidWeightsSize", "c: convolution2dLayer:invalidBiasSize",
        "bn: batchNormalizationLayer:invalidTrainedMeanSize", "fc: fullyConnectedLayer:invalidWeightsSize")
def given_arrays_of_wrong_sizes():
    return [image(), conv("c", Weights=np.zeros((3, 3, 3, 4)), Bias=[1, 2, 3]),
            batchNormalizationLayer(TrainedMean=[1, 2], Name="bn"),
            fullyConnectedLayer(4, Weights=np.zeros((4, 5)), Name="fc"), *classifier()[1:]]


@broken(": network:missingInputLayer", ": network:missingOutputLayer", "c: layerGraph:duplicateName")
def no_ends_and_a_name_twice():
    return [conv("c"), reluLayer(Name="r"), conv("c")]


@broken(": layerArray:notALayer", ": maxPooling2dLayer:missingArgument", "out: network:missingSoftmax")
def elements_that_are_no_layers():
    return [image(), "relu", conv("c"), maxPooling2dLayer, fullyConnectedLayer(4, Name="fc"),
            classificationLayer(Name="out")]


@broken("c: convolution2dLayer:invalidInputFormat", "out: classificationLayer:classesMismatch")
def an_image_layer_on_features():
    return [featureInputLayer(12, Name="in"), fullyConnectedLayer(6, Name="f"), conv("c"), fullyConnectedLayer(3, Name="g"),
            softmaxLayer(Name="sm"), classificationLayer(Classes=["a", "b"], Name="out")]


@broken("p: maxPooling3dLayer:invalidInputFormat", "out: network:missingSoftmax")
def three_dimensions_on_images():
    return [image(), conv("c"), maxPooling3dLayer(2, Name="p"), fullyConnectedLayer(4, Name="fc"),
            classificationLayer(Name="out")]


@broken("c2: convolution3dLayer:windowTooLarge", "c1: convolution3dLayer:numChannelsMismatch",
        "extra: network:unconnectedOutput")
def volumes():
    lgraph = layerGraph([image3dInputLayer([8, 8, 8, 1], Name="in"),
                         convolution3dLayer(3, 4, NumChannels=2, Name="c1"), maxPooling3dLayer(2, Stride=2, Name="p"),
                         convolution3dLayer(4, 4, Name="c2"), *classifier()])
    return connectLayers(addLayers(lgraph, reluLayer(Name="extra")), "p", "extra")


@broken("t: transposedConv2dLayer:croppingTooLarge", "c: convolution2dLayer:numChannelsMismatch")
def cropping_leaves_nothing():
    return [image(), conv("c", NumChannels=1), transposedConv2dLayer(2, 4, Cropping=9, Name="t"), conv("after"),
            regressionLayer(Name="out")]


@broken("g: groupedConvolution2dLayer:channelsNotDivisible", "out: classificationLayer:invalidInputSize")
def groups_that_do_not_divide():
    lgraph = layerGraph([image(), groupedConvolution2dLayer(3, 4, 2, Name="g"), regressionLayer(Name="end")])
    lgraph = addLayers(lgraph, [softmaxLayer(Name="sm"), classificationLayer(Name="out")])
    return connectLayers(lgraph, "in", "sm")


@broken("in: network:unconnectedOutput", "in2: network:unconnectedOutput", "fc: fullyConnectedLayer:inputSizeMismatch")
def input_layers_in_the_middle():
    return [image(), imageInputLayer([4, 4, 1], Name="in2"), imageInputLayer([8, 8, 1], Name="in3"),
            fullyConnectedLayer(4, InputSize=16, Name="fc"), *classifier()[1:]]


@broken("out: network:missingSoftmax", "c: convolution2dLayer:invalidBiasSize", "p: averagePooling2dLayer:windowTooLarge")
def pixels_without_softmax():
    lgraph = layerGraph([image(), conv("c", 2, Bias=[1, 2, 3, 4]), pixelClassificationLayer(Name="out")])
    lgraph = addLayers(lgraph, [averagePooling2dLayer(30, Name="p"), regressionLayer(Name="second")])
    return connectLayers(lgraph, "c", "p")


# Graphs -------------------------------------------------------------------------------------------------------------
@broken("add: additionLayer:inputSizeMismatch", "cat: depthConcatenationLayer:inputSizeMismatch",
        "out: network:missingSoftmax")
def branches_of_different_sizes():
    lgraph = layerGraph([image(), conv("a", 8), additionLayer(2, Name="add"), reluLayer(Name="r"),
                         fullyConnectedLayer(4, Name="fc"), classificationLayer(Name="out")])
    lgraph = connectLayers(addLayers(lgraph, conv("b", 6)), "in", "b")
    lgraph = connectLayers(lgraph, "b", "add/in2")
    lgraph = addLayers(lgraph, [pool("p"), depthConcatenationLayer(2, Name="cat"), regressionLayer(Name="second")])
    return connectLayers(connectLayers(lgraph, "a", "p"), "b", "cat/in2")


@broken("add: network:unconnectedInput", "cat: network:unconnectedInput", "c: convolution2dLayer:numChannelsMismatch")
def unconnected_inputs():
    return [image(), conv("c", NumChannels=4), additionLayer(2, Name="add"), depthConcatenationLayer(3, Name="cat"),
            *classifier()]


@broken("a: network:cycle", "side: network:unconnectedOutput")
def a_cycle_and_a_dead_end():
    lgraph = layerGraph([image(), additionLayer(2, Name="a"), reluLayer(Name="b"), *classifier()])
    lgraph = connectLayers(lgraph, "b", "a/in2")
    return connectLayers(addLayers(lgraph, leakyReluLayer(0.1, Name="side")), "in", "side")


@broken("a: network:cycle", "c: network:cycle", "out: classificationLayer:classesMismatch")
def two_cycles():
    lgraph = layerGraph([image(), additionLayer(2, Name="a"), reluLayer(Name="b"), additionLayer(2, Name="c"),
                         reluLayer(Name="d"), fullyConnectedLayer(4, Name="fc"), softmaxLayer(Name="sm"),
                         classificationLayer(Classes=["x", "y"], Name="out")])
    return connectLayers(connectLayers(lgraph, "b", "a/in2"), "d", "c/in2")


@broken("r: network:inputConnectedTwice", "c: convolution2dLayer:numChannelsMismatch", "extra: network:unconnectedOutput")
def two_connections_into_one_input():
    lgraph = addLayers(layerGraph([image(), conv("c", NumChannels=2), reluLayer(Name="r"), *classifier()]),
                       reluLayer(Name="extra"))
    return wired(lgraph, ("in/out", "r/in"), ("in/out", "extra/in"))


@broken("cat: concatenationLayer:invalidDim", "out: network:missingSoftmax")
def joined_along_no_dimension():
    lgraph = layerGraph([image(), conv("a"), concatenationLayer(5, 2, Name="cat"), fullyConnectedLayer(4, Name="fc"),
                         classificationLayer(Name="out")])
    return connectLayers(lgraph, "in", "cat/in2")


@broken("add: additionLayer:inputSizeMismatch", "gap: globalAveragePooling2dLayer:invalidInputFormat")
def features_and_images_together():
    lgraph = layerGraph([image(), conv("a"), additionLayer(2, Name="add"), regressionLayer(Name="out")])
    lgraph = addLayers(lgraph, [flattenLayer(Name="f"), globalAveragePooling2dLayer(Name="gap"),
                                regressionLayer(Name="second")])
    return connectLayers(connectLayers(lgraph, "in", "f"), "f", "add/in2")


# Unpooling ----------------------------------------------------------------------------------------------------------
@broken("u2: network:unpoolingWithoutIndices", "d1: convolution2dLayer:numChannelsMismatch")
def unpooling_without_indices():
    lgraph = replaceLayer(autoencoder(), "d1", conv("d1", 3, NumChannels=4))
    for port in ("indices", "size"):
        lgraph = disconnectLayers(lgraph, f"p2/{port}", f"u2/{port}")
    return lgraph


@broken("u1: maxUnpooling2dLayer:indicesAndSizeDiffer", "u2: maxUnpooling2dLayer:indicesAndSizeDiffer")
def sizes_of_the_other_pooling():
    lgraph = autoencoder()
    lgraph = disconnectLayers(disconnectLayers(lgraph, "p1/size", "u1/size"), "p2/size", "u2/size")
    return connectLayers(connectLayers(lgraph, "p1/size", "u2/size"), "p2/size", "u1/size")


@broken("u2: maxUnpooling:sizeMismatch", "u1: maxUnpooling:sizeMismatch", "c1: convolution2dLayer:numChannelsMismatch")
def unpooling_with_indices_of_another_pooling():
    lgraph = replaceLayer(autoencoder(), "c1", conv("c1", NumChannels=1))
    for port in ("indices", "size"):
        lgraph = disconnectLayers(disconnectLayers(lgraph, f"p1/{port}", f"u1/{port}"), f"p2/{port}", f"u2/{port}")
    return paired(paired(lgraph, "p1", "u2"), "p2", "u1")


@broken("c: network:notData", "out: network:missingSoftmax")
def indices_taken_for_data():
    lgraph = layerGraph([image(), pool("p", HasUnpoolingOutputs=True)])
    lgraph = addLayers(lgraph, [conv("c"), fullyConnectedLayer(4, Name="fc"), classificationLayer(Name="out")])
    return connectLayers(lgraph, "p/indices", "c")


@broken("u: network:unpoolingWithoutIndices", "c: convolution2dLayer:numChannelsMismatch")
def a_pooling_that_passes_no_indices():
    return [image(), pool("p"), maxUnpooling2dLayer(Name="u"), conv("c", NumChannels=5), regressionLayer(Name="out")]


@broken("u: maxUnpooling2dLayer:notUnpoolingData", "c: convolution2dLayer:numChannelsMismatch")
def data_taken_for_indices():
    lgraph = layerGraph([image(), pool("p", HasUnpoolingOutputs=True), maxUnpooling2dLayer(Name="u"),
                         conv("c", NumChannels=5), regressionLayer(Name="out")])
    return connectLayers(connectLayers(lgraph, "p/out", "u/indices"), "p/size", "u/size")


# For dlnetwork --------------------------------------------------------------------------------------------------------
@broken("out: network:outputLayerNotAllowed", "c: convolution2dLayer:numChannelsMismatch",
        "p: maxPooling2dLayer:windowTooLarge", usage="dlnetwork")
def an_output_layer_in_a_dlnetwork():
    return [image(), conv("c", NumChannels=1), maxPooling2dLayer(17, Name="p"), fullyConnectedLayer(4, Name="fc"),
            classificationLayer(Name="out")]


@broken("add: network:unconnectedInput", "fc: fullyConnectedLayer:invalidBiasSize", usage="dlnetwork")
def an_open_input_in_a_dlnetwork():
    lgraph = layerGraph([image(), conv("c"), fullyConnectedLayer(4, Bias=[1, 2], Name="fc"), dropoutLayer(Name="drop")])
    lgraph = addLayers(lgraph, additionLayer(2, Name="add"))
    return connectLayers(lgraph, "drop", "add/in1")


# Large architectures --------------------------------------------------------------------------------------------------
@broken("res3a_branch2a: convolution2dLayer:numChannelsMismatch", "fc1000: fullyConnectedLayer:inputSizeMismatch",
        "ClassificationLayer_fc1000: classificationLayer:classesMismatch")
def inside_resnet50():
    lgraph = resnet50("Weights", "none")
    lgraph = replaceLayer(lgraph, "res3a_branch2a",
                          convolution2dLayer(1, 128, Stride=2, NumChannels=64, Name="res3a_branch2a"))
    lgraph = replaceLayer(lgraph, "fc1000", fullyConnectedLayer(10, InputSize=512, Name="fc1000"))
    return replaceLayer(lgraph, "ClassificationLayer_fc1000",
                        classificationLayer(Classes=["a", "b"], Name="ClassificationLayer_fc1000"))


@broken("res3a: additionLayer:inputSizeMismatch", "pool5: network:unconnectedInput")
def inside_resnet18():
    lgraph = resnet18("Weights", "none")
    lgraph = replaceLayer(lgraph, "res3a_branch2b", conv("res3a_branch2b", 96))
    source = next(edge.source.layer for edge in lgraph.edges if edge.destination.layer == "pool5")
    return disconnectLayers(lgraph, source, "pool5")


@broken("fc6: fullyConnectedLayer:invalidWeightsSize", "output: network:missingSoftmax", "conv3_2: layerGraph:duplicateName")
def inside_vgg16():
    layers = vgg16("Weights", "none").Layers
    names = [one.Name for one in layers]
    layers[names.index("fc6")] = fullyConnectedLayer(4096, Weights=np.zeros((2, 2)), Name="fc6")
    layers[names.index("conv3_3")] = conv("conv3_2", 256)
    return [one for one in layers if one.Name != "prob"]


@broken("fire9-concat: depthConcatenationLayer:inputSizeMismatch", "fire2-relu_expand1x1: network:unconnectedInput")
def inside_squeezenet():
    lgraph = squeezenet("Weights", "none")
    lgraph = replaceLayer(lgraph, "fire9-expand1x1", convolution2dLayer(1, 256, Stride=2, Name="fire9-expand1x1"))
    return removeLayers(lgraph, "fire2-expand1x1")


@broken("Decoder-Stage-1-DepthConcatenation: depthConcatenationLayer:inputSizeMismatch",
        "Decoder-Stage-2-Conv-1: convolution2dLayer:numChannelsMismatch",
        "Segmentation-Layer: pixelClassificationLayer:classesMismatch", "Segmentation-Layer: network:missingSoftmax")
def inside_a_unet():
    lgraph = unetLayers([64, 64, 3], 3, EncoderDepth=2)
    lgraph = replaceLayer(lgraph, "Decoder-Stage-1-UpConv", transposedConv2dLayer(2, 64, Name="Decoder-Stage-1-UpConv"))
    lgraph = replaceLayer(lgraph, "Decoder-Stage-2-Conv-1", conv("Decoder-Stage-2-Conv-1", 64, NumChannels=1))
    lgraph = replaceLayer(lgraph, "Segmentation-Layer",
                          pixelClassificationLayer(Classes=["a", "b"], Name="Segmentation-Layer"))
    return replaceLayer(lgraph, "Softmax-Layer", reluLayer(Name="Softmax-Layer"))


@broken("decoder2_unpool: network:unpoolingWithoutIndices", "encoder1_bn_1: batchNormalizationLayer:numChannelsMismatch",
        "pixelLabels: network:missingSoftmax")
def inside_a_segnet():
    lgraph = segnetLayers([64, 64, 3], 3, 2)
    lgraph = disconnectLayers(lgraph, "encoder2_maxpool/indices", "decoder2_unpool/indices")
    lgraph = replaceLayer(lgraph, "encoder1_bn_1", batchNormalizationLayer(NumChannels=3, Name="encoder1_bn_1"))
    return replaceLayer(lgraph, "softmax", reluLayer(Name="softmax"))


@broken("conv3_block8_1_conv: convolution2dLayer:invalidWeightsSize", "conv4_block2_concat: network:unconnectedInput",
        "conv2_block1_0_bn: batchNormalizationLayer:numChannelsMismatch",
        "ClassificationLayer_fc1000: classificationLayer:classesMismatch")
def inside_densenet201():
    lgraph = densenet201("Weights", "none")
    lgraph = replaceLayer(lgraph, "conv2_block1_0_bn", batchNormalizationLayer(NumChannels=3, Name="conv2_block1_0_bn"))
    lgraph = replaceLayer(lgraph, "conv3_block8_1_conv",
                          convolution2dLayer(1, 128, Weights=np.zeros((1, 1, 7, 128)), Name="conv3_block8_1_conv"))
    lgraph = disconnectLayers(lgraph, "conv4_block2_2_conv", "conv4_block2_concat/in2")
    return replaceLayer(lgraph, "ClassificationLayer_fc1000",
                        classificationLayer(Classes=["a", "b", "c"], Name="ClassificationLayer_fc1000"))


@pytest.mark.parametrize("name", BROKEN)
def test_exactly_these_faults(name):
    build, faults, usage = BROKEN[name]
    info = analyzeNetwork(build(), TargetUsage=usage, nargout=1)
    found = Counter(f"{one.layer}: {one.identifier.removeprefix('dltoolbox:')}" for one in info.Issues)
    assert found == Counter(faults), [*map(str, info.Issues)]


def test_there_are_thirty_and_each_has_several_faults():
    assert len(BROKEN) >= 30
    assert all(2 <= len(faults) <= 5 for _, faults, _ in BROKEN.values())


def test_what_was_broken_is_fine_before():
    whole = [autoencoder(), resnet18("Weights", "none"), unetLayers([64, 64, 3], 3, EncoderDepth=2),
             segnetLayers([64, 64, 3], 3, 2), [image(), conv("c"), *classifier()]]
    assert [analyzeNetwork(net, nargout=1).Issues for net in whole] == [()] * len(whole)
