"""Every fault of a network: found alone, found together, and nothing else reported."""

import numpy as np
import pytest

from dltoolbox import (
    Layer,
    LayerGraph,
    additionLayer,
    addLayers,
    averagePooling2dLayer,
    batchNormalizationLayer,
    channelShuffleLayer,
    classificationLayer,
    complexToRealLayer,
    concatenationLayer,
    connectLayers,
    convolution2dLayer,
    convolution3dLayer,
    crop2dLayer,
    depthConcatenationLayer,
    depthToSpace2dLayer,
    dicePixelClassificationLayer,
    disconnectLayers,
    dropoutLayer,
    featureInputLayer,
    flattenLayer,
    focalLossLayer,
    fullyConnectedLayer,
    groupedConvolution2dLayer,
    groupNormalizationLayer,
    imageInputLayer,
    inputLayer,
    instanceNormalizationLayer,
    layerGraph,
    leakyReluLayer,
    maxPooling2dLayer,
    maxPooling3dLayer,
    maxUnpooling2dLayer,
    multiplicationLayer,
    permuteLayer,
    pixelClassificationLayer,
    preluLayer,
    realToComplexLayer,
    regressionLayer,
    reluLayer,
    removeLayers,
    reshapeLayer,
    resize2dLayer,
    scalingLayer,
    softmaxLayer,
    spaceToDepthLayer,
    spectralConvolution2dLayer,
    transposedConv2dLayer,
)
from dltoolbox.core.errors import fail
from dltoolbox.core.geometry import Window
from dltoolbox.network.graph.layer_graph import Connection, Port
from dltoolbox.report.analyze import analyzeNetwork

HEAD = imageInputLayer([8, 8, 2], Name="in")
TAIL = [fullyConnectedLayer(3, Name="fc"), softmaxLayer(Name="sm"), classificationLayer(Name="out")]
POOL = maxPooling2dLayer(2, Stride=2, HasUnpoolingOutputs=True, Name="pool")
UNPOOL = maxUnpooling2dLayer(Name="unpool")


def faults(layers, **options):
    """(layer, identifier without its beginning) of everything found, in order."""
    info = analyzeNetwork(layers, nargout=1, **options)
    return [(issue.layer, issue.identifier.removeprefix("dltoolbox:")) for issue in info.Issues]


def issue_of(layers, **options):
    info = analyzeNetwork(layers, nargout=1, **options)
    assert len(info.Issues) == 1, [*map(str, info.Issues)]
    assert info.IsValid is (info.Issues[0].severity == "warning")
    return info.Issues[0]


def branches(one, other, joint):
    """in → one → joint/in1, in → other → joint/in2, joint → out."""
    lgraph = layerGraph([HEAD, *one, joint, regressionLayer(Name="out")])
    first = f"{joint.Name}/{joint.InputNames[1]}"
    if not other:
        return connectLayers(lgraph, "in", first)
    lgraph = addLayers(lgraph, other)
    return connectLayers(connectLayers(lgraph, "in", other[0].Name), other[-1].Name, first)


def unpooling(before=(), between=(), pool=POOL):
    lgraph = layerGraph([HEAD, *before, pool, *between, UNPOOL, regressionLayer(Name="out")])
    return connectLayers(connectLayers(lgraph, "pool/indices", "unpool/indices"), "pool/size", "unpool/size")


def with_edges(lgraph, *edges):
    added = [Connection(Port(*source.split("/")), Port(*target.split("/"))) for source, target in edges]
    return LayerGraph(lgraph.nodes, [*lgraph.edges, *added])


# One fault each: network, layer, identifier, words of the message, words of the hint -----------------------------------
ONE = [
    (list, "", "network:empty", "no layers", "input layer"),
    (lambda: [reluLayer(Name="r"), *TAIL], "", "network:missingInputLayer", "no input layer", "imageInputLayer"),
    (lambda: [HEAD, reluLayer(Name="a"), additionLayer(2, Name="add"), *TAIL], "add", "network:unconnectedInput",
     "Input 'in2' is not connected", "connectLayers(lgraph, 'source', 'add/in2')"),
    (lambda: [HEAD, reluLayer(Name="a"), depthConcatenationLayer(4, Name="cat"), *TAIL], "cat", "network:unconnectedInput",
     "Inputs 'in2', 'in3' and 'in4' are not connected", "'cat/in4'"),
    (lambda: disconnectLayers(layerGraph([HEAD, reluLayer(Name="a"), *TAIL]), "in", "a"), "a", "network:unconnectedInput",
     "Input 'in'", "connectLayers(lgraph, 'in', 'a/in')"),
    (lambda: connectLayers(addLayers(layerGraph([HEAD, *TAIL]), reluLayer(Name="end")), "in", "end"), "end",
     "network:unconnectedOutput", "Its output is not connected", "remove the layer"),
    (lambda: [HEAD, *TAIL, imageInputLayer([4, 4, 1], Name="in2")], "in2", "network:unconnectedOutput", "output", "remove"),
    (lambda: with_edges(layerGraph([HEAD, reluLayer(Name="a"), fullyConnectedLayer(3, Name="fc"), regressionLayer]),
                        ("in/out", "fc/in")), "fc", "network:inputConnectedTwice", "2 outputs: a/out and in/out",
     "additionLayer"),
    (lambda: unconnect_pool(), "unpool", "network:unpoolingWithoutIndices", "Inputs 'indices' and 'size' are not connected",
     "connectLayers(lgraph, 'pool/indices', 'unpool/indices') and connectLayers(lgraph, 'pool/size', 'unpool/size')"),
    (lambda: disconnectLayers(unpooling(), "pool/size", "unpool/size"), "unpool", "network:unpoolingWithoutIndices",
     "Input 'size' is not connected", "'pool/size'"),
    (lambda: [HEAD, maxPooling2dLayer(2, Name="mp"), UNPOOL, regressionLayer], "unpool", "network:unpoolingWithoutIndices",
     "where the maxima came from", "Set HasUnpoolingOutputs=True in the max pooling layer 'mp', then use connectLayers"),
    (lambda: cycle(), "a", "network:cycle", "a → b → a", "disconnectLayers(lgraph, 'b', 'a/in2')"),
    (lambda: [HEAD, fullyConnectedLayer(3, Name="fc"), classificationLayer(Name="out")], "out", "network:missingSoftmax",
     "follows 'fc' (Fully Connected)", "softmaxLayer"),
    (lambda: [HEAD, reluLayer(Name="r"), pixelClassificationLayer(Name="out")], "out", "network:missingSoftmax",
     "A pixelClassificationLayer needs probabilities", "replaceLayer(lgraph, 'r', softmaxLayer(Name='r'))"),
    (lambda: [HEAD, channelShuffleLayer(4, Name="s"), *TAIL], "s", "channelShuffleLayer:channelsNotDivisible",
     "The 2 channels of the input cannot be divided into 4 groups", "a divisor of 2"),
    (lambda: [HEAD, permuteLayer([1, 2, 4, 3], Name="p"), *TAIL], "p", "permuteLayer:movesObservations",
     "dimorder [1, 2, 4, 3] moves dimension 4, but in the input, 8(S) × 8(S) × 2(C) × 1(B), it is the observations",
     "permuteLayer([3, 2, 1])"),
    (lambda: [featureInputLayer(4), permuteLayer([2, 1], Name="p"), *TAIL], "p", "permuteLayer:movesObservations",
     "it is the observations", "Leave this layer out"),
    (lambda: [HEAD, permuteLayer([1, 2, 3, 4, 6, 5], Name="p"), *TAIL], "p", "permuteLayer:movesObservations",
     "it is not there", "permuteLayer([3, 2, 1])"),
    (lambda: [HEAD, reshapeLayer(4, 4, 8, Name="r"), *TAIL], "r", "reshapeLayer:observationsNeeded",
     "The last size of 4×4×8 is that of the observations: it must be []",
     "reshapeLayer([8, 8, 2], OperationDimension='spatial-channel')"),
    (lambda: [HEAD, reshapeLayer(4, 4, 4, [], Name="r"), *TAIL], "r", "reshapeLayer:elementsMismatch",
     "An observation of the input, 8(S) × 8(S) × 2(C) × 1(B), has 128 elements, but the sizes 4×4×4 hold 64",
     "Choose sizes whose product is 128"),
    (lambda: [HEAD, reshapeLayer([5, []], Name="r", OperationDimension="spatial-channel"), *TAIL], "r",
     "reshapeLayer:elementsMismatch", "the sizes 5×[] hold a multiple of 5", "whose product is 128"),
    (lambda: [HEAD, preluLayer(Alpha=[0.1, 0.2], Name="p"), *TAIL], "p", "preluLayer:invalidAlphaSize",
     "Alpha has size 1×2, which does not expand to an input of size 8×8×2", "one value per channel (1×1×2)"),
    (lambda: [featureInputLayer(4), scalingLayer(Bias=np.ones((4, 3)), Name="s"), *TAIL], "s",
     "scalingLayer:invalidBiasSize", "Bias has size 4×3", "(4×1)"),
    (lambda: [HEAD, maxPooling2dLayer(9, Name="p"), *TAIL], "p", "maxPooling2dLayer:windowTooLarge",
     "window of 9×9 is larger than the padded input of 8×8", "Reduce PoolSize"),
    (lambda: [HEAD, convolution2dLayer(5, 2, DilationFactor=3, Padding=1, Name="c"), *TAIL], "c",
     "convolution2dLayer:windowTooLarge", "13×13 is larger than the padded input of 10×10", "Reduce FilterSize"),
    (lambda: [HEAD, averagePooling2dLayer([8, 9], Name="p"), *TAIL], "p", "averagePooling2dLayer:windowTooLarge",
     "8×9", "add Padding"),
    (lambda: [HEAD, transposedConv2dLayer(3, 2, Cropping=6, Name="t"), *TAIL], "t",
     "transposedConv2dLayer:croppingTooLarge", "leaves nothing", "less than the 10×10"),
    (lambda: [HEAD, convolution2dLayer(3, 2, NumChannels=3, Name="c"), *TAIL], "c",
     "convolution2dLayer:numChannelsMismatch", "NumChannels is 3, but the input has 2 channels", "Set NumChannels=2"),
    (lambda: [HEAD, groupedConvolution2dLayer(3, 2, 3, Name="g"), *TAIL], "g",
     "groupedConvolution2dLayer:channelsNotDivisible", "The 2 channels of the input cannot be divided into 3 groups",
     "Choose a divisor of 2 as numGroups"),
    (lambda: [HEAD, groupedConvolution2dLayer(3, 2, 2, NumChannelsPerGroup=2, Name="g"), *TAIL], "g",
     "groupedConvolution2dLayer:numChannelsPerGroupMismatch", "is 2, but the input has 1 channel per group",
     "Set NumChannelsPerGroup=1"),
    (lambda: [HEAD, groupNormalizationLayer(3, Name="g"), *TAIL], "g", "groupNormalizationLayer:channelsNotDivisible",
     "The 2 channels of the input cannot be divided into 3 groups", "or change the number of filters"),
    (lambda: [featureInputLayer(4), instanceNormalizationLayer(Name="i"), regressionLayer], "i",
     "instanceNormalizationLayer:noSpatialDimensions", "its input is 4(C) × 1(B)", "Use layerNormalizationLayer"),
    (lambda: [HEAD, batchNormalizationLayer(NumChannels=3, Name="b"), *TAIL], "b",
     "batchNormalizationLayer:numChannelsMismatch", "NumChannels is 3", "Set NumChannels=2"),
    (lambda: [HEAD, fullyConnectedLayer(3, InputSize=100, Name="f"), regressionLayer], "f",
     "fullyConnectedLayer:inputSizeMismatch", "InputSize is 100, but the input has 128 features", "InputSize=128"),
    (lambda: [HEAD, convolution2dLayer(3, 2, Weights=np.ones((3, 3, 1, 2)), Name="c"), *TAIL], "c",
     "convolution2dLayer:invalidWeightsSize", "Weights has size 3×3×1×2, but for this input it must have size 3×3×2×2",
     "Pass an array of size 3×3×2×2"),
    (lambda: [HEAD, fullyConnectedLayer(3, Bias=[1, 2], Name="f"), regressionLayer], "f",
     "fullyConnectedLayer:invalidBiasSize",
     "must have size 3×1", "[] to initialise"),
    (lambda: [HEAD, batchNormalizationLayer(TrainedMean=[1, 2, 3], Name="b"), *TAIL], "b",
     "batchNormalizationLayer:invalidTrainedMeanSize", "TrainedMean has size 3", "1×1×2"),
    (lambda: [featureInputLayer(4), convolution2dLayer(3, 2, Name="c"), *TAIL], "c", "convolution2dLayer:invalidInputFormat",
     "needs input of format SSCB (2 spatial dimensions), but its input is 4(C) × 1(B)", "Remove it, or feed it from"),
    (lambda: [HEAD, maxPooling3dLayer(2, Name="p"), *TAIL], "p", "maxPooling3dLayer:invalidInputFormat", "SSSCB",
     "Use maxPooling2dLayer, or"),
    (lambda: [HEAD, convolution3dLayer(2, 2, Name="p"), *TAIL], "p", "convolution3dLayer:invalidInputFormat", "SSSCB",
     "feeds"),
    (lambda: [HEAD, softmaxLayer, classificationLayer(Name="out")], "out", "classificationLayer:invalidInputSize",
     "one score per class, but its input is 8(S) × 8(S) × 2(C) × 1(B)",
     "insert globalAveragePooling2dLayer before the softmax"),
    (lambda: [HEAD, flattenLayer, TAIL[1], dicePixelClassificationLayer(Name="out")], "out",
     "dicePixelClassificationLayer:invalidInputFormat", "SSCB or SSSCB", "Use classificationLayer"),
    (lambda: [inputLayer([8, 2, None], "SCB"), softmaxLayer, focalLossLayer(Name="out")], "out",
     "focalLossLayer:invalidInputSize", "its input is 8(S) × 2(C) × 1(B)", "globalAveragePooling1dLayer"),
    (lambda: [HEAD, reluLayer(Name="r"), focalLossLayer(Name="out")], "out", "network:missingSoftmax",
     "A focalLossLayer needs probabilities", "replaceLayer(lgraph, 'r', softmaxLayer(Name='r'))"),
    (lambda: [HEAD, flattenLayer, TAIL[1], pixelClassificationLayer(Name="out")], "out",
     "pixelClassificationLayer:invalidInputFormat", "SSCB or SSSCB", "Use classificationLayer"),
    (lambda: [HEAD, *TAIL[:2], classificationLayer(Classes=["a", "b"], Name="out")], "out",
     "classificationLayer:classesMismatch", "2 classes, but its input has 3 channels", "set OutputSize=2 in 'fc'"),
    (lambda: branches([convolution2dLayer(1, 4, Name="c")], [], additionLayer(2, Name="add")), "add",
     "additionLayer:inputSizeMismatch", "in1 is 8(S) × 8(S) × 4(C) × 1(B); in2 is 8(S) × 8(S) × 2(C) × 1(B)",
     "Insert convolution2dLayer(1, 4) before input 'in2'."),
    (lambda: branches([convolution2dLayer(1, 4, Name="c")], [], multiplicationLayer(2, Name="mul")), "mul",
     "multiplicationLayer:inputSizeMismatch", "of sizes that cannot be multiplied: in1 is 8(S) × 8(S) × 4(C) × 1(B)",
     "Insert convolution2dLayer(1, 4) before input 'in2'."),
    (lambda: branches([maxPooling2dLayer(2, Name="p")], [], crop2dLayer("centercrop", Name="crop")), "crop",
     "crop2dLayer:referenceTooLarge", "the size of 'ref', 8×8, cannot be cut out of 'in', which is 7×7", "Swap what feeds"),
    (lambda: branches([], [maxPooling2dLayer(2, Name="p")], crop2dLayer([3, 1], Name="crop")), "crop",
     "crop2dLayer:referenceTooLarge", "7×7, cannot be cut out of 'in' from location [3  1], which is 8×8", "'centercrop'"),
    (lambda: [HEAD, spaceToDepthLayer([2, 9], Name="s"), *TAIL], "s", "spaceToDepthLayer:blockTooLarge",
     "The block of 2×9 is larger than the input of 8×8", "at most 8"),
    (lambda: [HEAD, realToComplexLayer(Name="c"), leakyReluLayer(Name="r"), *TAIL], "r", "network:complexData",
     "leakyReluLayer does not take complex data, but its input is 8(S) × 8(S) × 1(C) × 1(B), complex",
     "Insert complexToRealLayer before it."),
    (lambda: [HEAD, complexToRealLayer(Name="c"), *TAIL], "c", "complexToRealLayer:realData",
     "The input of complexToRealLayer, 8(S) × 8(S) × 2(C) × 1(B), is real", "Remove it."),
    (lambda: [HEAD, convolution2dLayer(1, 3), realToComplexLayer(Name="c"), complexToRealLayer, *TAIL], "c",
     "realToComplexLayer:channelsNotDivisible", "The 3 channels of the input are not real and imaginary parts",
     "Insert convolution2dLayer(1, 4) before it."),
    (lambda: [HEAD, spectralConvolution2dLayer([2, 5], 3, Name="s"), *TAIL], "s", "spectralConvolution2dLayer:tooManyModes",
     "NumModes is 2×5, but an input of 8×8 has 4×4 frequencies", "at most 4"),
    (lambda: [HEAD, depthToSpace2dLayer(2, Name="d"), *TAIL], "d", "depthToSpace2dLayer:channelsNotDivisible",
     "The 2 channels of the input do not make whole blocks of 2×2", "Insert convolution2dLayer(1, 4)"),
    (lambda: [HEAD, resize2dLayer(Scale=[1, 0.1], Name="r"), *TAIL], "r", "resize2dLayer:outputEmpty",
     "Scale [1  0.1] leaves nothing of an input of 8×8", "at least 0.125"),
    (lambda: branches([maxPooling2dLayer(2, Name="p")], [], depthConcatenationLayer(2, Name="cat")), "cat",
     "depthConcatenationLayer:inputSizeMismatch", "in1 is 7(S) × 7(S) × 2(C) × 1(B); in2 is 8(S)",
     "Set Padding='same' in 'p'"),
    (lambda: branches([flattenLayer(Name="f")], [], additionLayer(2, Name="add")), "add",
     "additionLayer:inputSizeMismatch", "of different formats: in1 is 128(C) × 1(B); in2 is 8(S)",
     "Insert flattenLayer before input 'in2'"),
    (lambda: branches([maxPooling2dLayer(2, Name="p")], [], concatenationLayer(3, 2, Name="cat")), "cat",
     "concatenationLayer:inputSizeMismatch", "in1 is 7(S)", "Padding='same'"),
    (lambda: branches([], [reluLayer(Name="r")], concatenationLayer(4, 2, Name="cat")), "cat",
     "concatenationLayer:invalidDim",
     "cannot be joined along dimension 4", "Set dim to 1 or 2 or 3."),
    (lambda: unpooling(between=[convolution2dLayer(1, 5, Name="c")]), "unpool", "maxUnpooling:sizeMismatch",
     "map to unpool has size 4(S) × 4(S) × 5(C) × 1(B), but the indices have size 4(S) × 4(S) × 2(C) × 1(B)",
     "Insert convolution2dLayer(1, 2) before input 'in'."),
    (lambda: unpooling(between=[maxPooling2dLayer(2, Name="q")]), "unpool", "maxUnpooling:sizeMismatch", "3(S) × 3(S)",
     "resize2dLayer(OutputSize=[4, 4])"),
    (lambda: swapped_ports(), "unpool", "maxUnpooling2dLayer:notUnpoolingData", "Input 'indices'",
     "'pool/indices', 'unpool/indices'"),
    (lambda: two_pools(), "unpool", "maxUnpooling2dLayer:indicesAndSizeDiffer", "'size' is 4(S) × 4(S)", "same max pooling"),
    (lambda: indices_as_data(), "r", "network:notData", "connected to 'pool/indices', the indices of the maxima",
     "connectLayers(lgraph, 'pool/out', 'r')"),
    (lambda: [HEAD, POOL, *TAIL], "pool", "network:unusedUnpoolingOutputs", "Outputs 'indices' and 'size' are not connected",
     "HasUnpoolingOutputs=False"),
    (lambda: [HEAD, reluLayer(Name="r"), reluLayer(Name="r"), *TAIL], "r", "layerGraph:duplicateName",
     "used by the layers 2 and 3", "Give every layer its own name"),
    (lambda: [HEAD, "relu", *TAIL], "", "layerArray:notALayer", "Element 2 of the layer array is 'relu'", "Put only layers"),
    (lambda: [HEAD, convolution2dLayer, *TAIL], "", "convolution2dLayer:missingArgument", "needs 'filterSize'",
     "convolution2dLayer(filterSize, numFilters"),
    (lambda: [imageInputLayer, reluLayer, *TAIL], "", "imageInputLayer:missingArgument", "needs 'inputSize'",
     "imageInputLayer("),
    (lambda: [HEAD, *TAIL[:2], "classificationLayer"], "", "layerArray:notALayer", "Element 4", "layers"),
    (lambda: [HEAD, TAIL[0], "softmax", TAIL[2]], "", "layerArray:notALayer", "Element 3", "layers"),
    (lambda: None, "", "layerArray:notALayer", "Element 1 of the layer array is None", "layers"),
]


def unconnect_pool():
    return [HEAD, POOL, UNPOOL, regressionLayer]


def cycle():
    graph = layerGraph([HEAD, additionLayer(2, Name="a"), reluLayer(Name="b"), regressionLayer(Name="out")])
    return connectLayers(graph, "b", "a/in2")


def swapped_ports():
    lgraph = layerGraph([HEAD, POOL, UNPOOL, regressionLayer])
    return with_edges(lgraph, ("pool/size", "unpool/indices"), ("pool/indices", "unpool/size"))


def two_pools():
    second = maxPooling2dLayer(2, Stride=2, HasUnpoolingOutputs=True, Name="pool2")
    lgraph = layerGraph([HEAD, POOL, second, maxUnpooling2dLayer(Name="unpool2"), UNPOOL, regressionLayer])
    for source, target in (("pool2/indices", "unpool2/indices"), ("pool2/size", "unpool2/size"),
                           ("pool/indices", "unpool/indices"), ("pool2/size", "unpool/size")):
        lgraph = connectLayers(lgraph, source, target)
    return lgraph


def indices_as_data():
    lgraph = addLayers(unpooling(), [reluLayer(Name="r"), regressionLayer(Name="out2")])
    return connectLayers(lgraph, "pool/indices", "r")


@pytest.mark.parametrize(("network", "layer", "identifier", "message", "hint"), ONE,
                         ids=[f"{i}-{case[2]}" for i, case in enumerate(ONE)])
def test_one_fault(network, layer, identifier, message, hint):
    issue = issue_of(network())
    assert (issue.layer, issue.identifier) == (layer, f"dltoolbox:{identifier}")
    assert message in issue.message
    assert hint in issue.hint
    if layer:
        assert issue.index is not None
    assert issue.severity == ("warning" if "unused" in identifier else "error")


@pytest.mark.parametrize("layers", [[HEAD, reluLayer], [HEAD]])
def test_no_output_layer_is_a_fault_where_one_is_needed(layers):
    issue = issue_of(layers, TargetUsage="trainNetwork")
    assert (issue.layer, issue.identifier) == ("", "dltoolbox:network:missingOutputLayer")
    assert "no output layer" in issue.message
    assert "classificationLayer" in issue.hint


# Several faults: exactly these, and none that follows from another ----------------------------------------------------
def test_faults_of_independent_branches():
    lgraph = branches([maxPooling2dLayer(9, Name="big")], [convolution2dLayer(3, 4, NumChannels=7, Name="wrong")],
                      additionLayer(2, Name="add"))
    assert faults(lgraph) == [("big", "maxPooling2dLayer:windowTooLarge"), ("add", "additionLayer:inputSizeMismatch"),
                              ("wrong", "convolution2dLayer:numChannelsMismatch")]  # 2 and 4 channels, whatever the window
    (misfit,) = (one for one in analyzeNetwork(lgraph, nargout=1).Issues if one.layer == "add")
    assert "in1 is ?(S) × ?(S) × 2(C) × 1(B); in2 is ?(S) × ?(S) × 4(C) × 1(B)" in misfit.message


@pytest.mark.parametrize("joint", [additionLayer(3, Name="joint"), depthConcatenationLayer(3, Name="joint"),
                                   multiplicationLayer(3, Name="joint"), concatenationLayer(3, 3, Name="joint")], ids=repr)
def test_known_inputs_must_fit_although_another_is_missing(joint):
    lgraph = branches([], [maxPooling2dLayer(2, Name="p")], joint)
    assert faults(lgraph) == [("joint", "network:unconnectedInput"), ("joint", f"{joint.factory}:inputSizeMismatch")]
    (misfit,) = (one for one in analyzeNetwork(lgraph, nargout=1).Issues if "Mismatch" in one.identifier)
    assert misfit.message.endswith("in1 is 8(S) × 8(S) × 2(C) × 1(B); in2 is 7(S) × 7(S) × 2(C) × 1(B).")


def test_what_leaves_a_joint_of_inputs_that_cannot_fit_is_not_certain():
    lgraph = branches([convolution2dLayer(1, 6, Name="six")], [convolution2dLayer(9, 4, Name="big")],
                      additionLayer(2, Name="add"))
    end = [convolution2dLayer(1, 4, Name="four"), additionLayer(2, Name="after"), regressionLayer(Name="end")]
    lgraph = addLayers(removeLayers(lgraph, "out"), end)
    lgraph = connectLayers(connectLayers(lgraph, "add", "four"), "add", "after/in2")
    assert sorted(faults(lgraph)) == [("add", "additionLayer:inputSizeMismatch"),
                                      ("big", "convolution2dLayer:windowTooLarge")]


def test_formats_are_certain_although_sizes_are_not():
    """One fault where images and features meet, none in the layers behind."""
    lgraph = branches([flattenLayer(Name="flat")], [convolution2dLayer(9, 4, Name="big")],
                      additionLayer(2, Name="add"))
    end = [convolution2dLayer(1, 4, Name="after"), regressionLayer(Name="end")]
    lgraph = connectLayers(addLayers(removeLayers(lgraph, "out"), end), "add", "after")
    assert sorted(faults(lgraph)) == [("add", "additionLayer:inputSizeMismatch"),
                                      ("big", "convolution2dLayer:windowTooLarge")]
    (misfit,) = (one for one in analyzeNetwork(lgraph, nargout=1).Issues if one.layer == "add")
    assert "of different formats: in1 is 128(C) × 1(B); in2 is ?(S) × ?(S) × 4(C) × 1(B)" in misfit.message


def test_of_open_outputs_the_nearest_is_missed():
    """One forgotten connection inside another one."""
    lgraph = layerGraph([HEAD, reluLayer(Name="far"), reluLayer(Name="a"), reluLayer(Name="near"), reluLayer(Name="b"),
                         additionLayer(2, Name="add"), regressionLayer(Name="out")])
    lgraph = disconnectLayers(lgraph, "far", "a")
    lgraph = connectLayers(disconnectLayers(lgraph, "near", "b"), "in", "a")
    hints = [issue.hint for issue in analyzeNetwork(lgraph, nargout=1).Issues]
    assert hints == ["Use connectLayers(lgraph, 'near', 'b/in').", "Use connectLayers(lgraph, 'far', 'add/in2')."]


def test_a_fault_hides_what_depends_on_it():
    layers = [HEAD, maxPooling2dLayer(9, Name="first"), maxPooling2dLayer(9, Name="second"),
              fullyConnectedLayer(3, InputSize=5), softmaxLayer, regressionLayer]
    assert faults(layers) == [("first", "maxPooling2dLayer:windowTooLarge")]


def test_what_is_certain_in_spite_of_a_fault_is_checked():
    layers = [HEAD, convolution2dLayer(3, 4, NumChannels=9, Name="c"), maxPooling2dLayer(9, Name="p"),
              fullyConnectedLayer(3, Name="fc"), softmaxLayer, classificationLayer(Classes=["a"], Name="out")]
    assert faults(layers) == [("c", "convolution2dLayer:numChannelsMismatch"), ("p", "maxPooling2dLayer:windowTooLarge"),
                              ("out", "classificationLayer:classesMismatch")]
    info = analyzeNetwork(layers, nargout=1)
    assert info.LayerInfo.Activations[1:4] == ["6(S) × 6(S) × 4(C) × 1(B)", "?", "1(S) × 1(S) × 3(C) × 1(B)"]
    assert not info.IsComplete


def test_layers_that_keep_sizes_keep_them_in_spite_of_their_own_faults():
    layers = [HEAD, groupNormalizationLayer(3, Name="g"), channelShuffleLayer(3, Name="s"),
              scalingLayer(Scale=[1, 2, 3], Name="k"),
              batchNormalizationLayer(NumChannels=9, Name="b"), *TAIL]
    assert [place for place, _ in faults(layers)] == ["g", "s", "k", "b"]


def test_several_given_arrays_of_one_layer():
    layers = [HEAD, convolution2dLayer(3, 2, Weights=np.ones((2, 2)), Bias=[1, 2, 3], Name="c"), *TAIL]
    assert faults(layers) == [("c", "convolution2dLayer:invalidWeightsSize"), ("c", "convolution2dLayer:invalidBiasSize")]


def test_everything_wrong_with_a_layer_array_at_once():
    layers = [HEAD, convolution2dLayer(3, 4, Name="c"), maxPooling2dLayer, convolution2dLayer(50, 4, Name="c"), 3.5,
              additionLayer(2, Name="add"), fullyConnectedLayer(3, Name="fc"), classificationLayer(Name="out")]
    assert faults(layers) == [
        ("", "maxPooling2dLayer:missingArgument"), ("c", "layerGraph:duplicateName"), ("", "layerArray:notALayer"),
        ("add", "network:unconnectedInput"), ("out", "network:missingSoftmax")]


def test_missing_ends_explain_their_open_ports():
    assert faults([reluLayer(Name="a"), reluLayer(Name="b")], TargetUsage="trainNetwork") == [
        ("", "network:missingInputLayer"), ("", "network:missingOutputLayer")]
    lgraph = addLayers(layerGraph([reluLayer(Name="a"), reluLayer(Name="b")]), reluLayer(Name="c"))
    assert faults(lgraph, TargetUsage="trainNetwork") == [
        ("", "network:missingInputLayer"), ("", "network:missingOutputLayer"), ("c", "network:unconnectedInput")]
    assert "connectLayers(lgraph, 'b', 'c/in')" in analyzeNetwork(lgraph, nargout=1).Issues[-1].hint


def test_unpooling_without_pooling_and_other_faults():
    layers = [HEAD, maxPooling2dLayer(2, Name="p"), UNPOOL, maxUnpooling2dLayer(Name="unpool2"),
              fullyConnectedLayer(2, Name="fc"), classificationLayer(Name="out")]
    assert faults(layers) == [("unpool", "network:unpoolingWithoutIndices"), ("unpool2", "network:unpoolingWithoutIndices"),
                              ("out", "network:missingSoftmax")]


def test_two_cycles_are_both_found_and_what_follows_is_not():
    lgraph = layerGraph([HEAD, additionLayer(2, Name="a1"), reluLayer(Name="b1"), additionLayer(2, Name="a2"),
                         reluLayer(Name="b2"), maxPooling2dLayer(100, Name="after"), regressionLayer(Name="out")])
    lgraph = connectLayers(connectLayers(lgraph, "b1", "a1/in2"), "b2", "a2/in2")
    assert faults(lgraph) == [("a1", "network:cycle"), ("a2", "network:cycle")]


def test_a_layer_that_feeds_itself():
    lgraph = connectLayers(layerGraph([HEAD, additionLayer(2, Name="a"), regressionLayer]), "a", "a/in2")
    issue = issue_of(lgraph)
    assert "a → a" in issue.message


def test_doubly_connected_inputs_are_not_followed():
    lgraph = layerGraph([HEAD, convolution2dLayer(3, 4, Name="c"), fullyConnectedLayer(3, InputSize=144, Name="fc"),
                         regressionLayer(Name="out")])
    assert faults(lgraph) == []
    assert faults(with_edges(lgraph, ("in/out", "fc/in"), ("in/out", "out/in"))) == [
        ("fc", "network:inputConnectedTwice"), ("out", "network:inputConnectedTwice")]


@pytest.mark.parametrize("layers", [
    [HEAD, *TAIL], [HEAD, reluLayer, dropoutLayer, *TAIL], [HEAD, softmaxLayer, pixelClassificationLayer],
    [HEAD, regressionLayer], [HEAD, convolution2dLayer(3, 2, Weights=np.ones((3, 3, 2, 2)), Bias=[1, 2]), regressionLayer],
    [HEAD, maxPooling2dLayer(8), *TAIL], [HEAD, maxPooling2dLayer(9, Padding=1), *TAIL],
    [HEAD, fullyConnectedLayer(2, Weights=np.ones((2, 128)), Bias=np.ones((1, 2))), regressionLayer],
])
def test_good_networks_have_no_faults(layers):
    assert faults(layers) == []


def test_good_graphs_have_no_faults():
    assert faults(unpooling()) == []
    assert faults(unpooling(before=[reluLayer(Name="r")], between=[batchNormalizationLayer(Name="b")])) == []
    assert faults(branches([reluLayer(Name="a")], [dropoutLayer(Name="b")], additionLayer(2, Name="add"))) == []
    one_channel_expands = branches([convolution2dLayer(1, 1, Name="a")], [], additionLayer(2, Name="add"))
    assert faults(one_channel_expands) == []


def test_for_a_dlnetwork_there_are_no_output_layers():
    assert faults([HEAD, reluLayer, fullyConnectedLayer(2)], TargetUsage="dlnetwork") == []
    assert faults([HEAD, *TAIL], TargetUsage="dlnetwork") == [("out", "network:outputLayerNotAllowed")]
    assert faults([reluLayer, maxPooling2dLayer(3)], TargetUsage="DLnetwork") == [("", "network:missingInputLayer")]


def test_many_faults_with_every_layer_wrong():
    lgraph = layerGraph([HEAD])
    for i in range(20):
        lgraph = connectLayers(addLayers(lgraph, [maxPooling2dLayer(9 + i, Name=f"p{i}"), regressionLayer(Name=f"o{i}")]),
                               "in", f"p{i}")
    assert faults(lgraph) == [(f"p{i}", "maxPooling2dLayer:windowTooLarge") for i in range(20)]
    assert faults(removeLayers(lgraph, [f"p{i}" for i in range(1, 20)]))[0][0] == "p0"


def test_properties_that_were_set_later_must_still_fit_together():
    end = classificationLayer(Classes=["a", "b"], ClassWeights=[1, 2], Name="out")
    end.Classes = ["a", "b", "c"]
    assert faults([HEAD, *TAIL[:2], end]) == [("out", "classificationLayer:classWeightsMismatch")]


def test_one_walk_tells_everything(monkeypatch):
    """However many problems there are, each page is built once, or twice where its own problem is put aside."""
    built = []
    for page in {type(one) for one in (HEAD, *TAIL, additionLayer(2), maxPooling2dLayer(2))}:
        def build(self, *args, page=page, original=page.build):
            built.append(self.Name)
            return original(self, *args)
        monkeypatch.setattr(page, "build", build)
    lgraph = branches([maxPooling2dLayer(9, Name="big")], [maxPooling2dLayer(20, Name="bigger")],
                      additionLayer(2, Name="add"))
    assert [place for place, _ in faults(lgraph)] == ["big", "bigger"]
    assert sorted(built) == ["add", "big", "bigger", "in"]


def test_pages_of_the_user_need_not_know_of_unknown_sizes():
    class Halved(Layer):
        """A layer of the user's, which asks what only a number can tell."""

        def check(self, *inputs):
            if inputs[0].channels != 2 or inputs[0].spatial[0] % 2:
                fail("Halved:odd", "It needs 2 channels and an even height.")

        def build(self, g, x):
            return g.max_pool(x, window=Window.of([len(range(n)) // 2 or 1 for n in x.dims.spatial]))

    layers = [HEAD, maxPooling2dLayer(9, Name="p"), Halved(Name="h"), reluLayer(Name="r"), TAIL[0], regressionLayer]
    assert faults(layers) == [("p", "maxPooling2dLayer:windowTooLarge")]
