"""Defaults, ports and properties of every page, as MATLAB documents them."""

import numpy as np
import pytest

import dltoolbox
from dltoolbox.core.errors import DltoolboxError
from dltoolbox.layers.base import LAYERS

NONE_1D, NONE_2D, NONE_3D = ((0, 0),), ((0, 0),) * 2, ((0, 0),) * 3
WEIGHTED = {"WeightsInitializer": "glorot", "BiasInitializer": "zeros", "Weights": None, "Bias": None,
            "WeightLearnRateFactor": 1, "BiasLearnRateFactor": 1, "WeightL2Factor": 1, "BiasL2Factor": 0}
STATISTICS = {"NormalizationDimension": "auto", "Mean": None, "StandardDeviation": None, "Min": None, "Max": None,
              "SplitComplexInputs": False}
WINDOW_1D = {"Stride": (1,), "Padding": NONE_1D, "PaddingMode": "manual", "PaddingSize": [0, 0]}
WINDOW_2D = {"Stride": (1, 1), "Padding": NONE_2D, "PaddingMode": "manual", "PaddingSize": [0, 0, 0, 0]}
WINDOW_3D = {"Stride": (1, 1, 1), "Padding": NONE_3D, "PaddingMode": "manual", "PaddingSize": [[0, 0, 0], [0, 0, 0]]}
POOL_1D, POOL_2D, POOL_3D = (window | {"DilationFactor": window["Stride"], "Rounding": "floor"}
                             for window in (WINDOW_1D, WINDOW_2D, WINDOW_3D))
AVERAGE = {"PaddingValue": 0, "Divisor": "auto"}
SCALED = {"NumChannels": "auto", "Epsilon": 1e-5, "Offset": None, "Scale": None, "OffsetInitializer": "zeros",
          "ScaleInitializer": "ones", "OffsetLearnRateFactor": 1, "ScaleLearnRateFactor": 1, "OffsetL2Factor": 1,
          "ScaleL2Factor": 1}
RECURRENT = {"InputSize": "auto", "NumHiddenUnits": 5, "OutputMode": "sequence", "HasStateInputs": False,
             "HasStateOutputs": False, "StateActivationFunction": "tanh", "GateActivationFunction": "sigmoid",
             "InputWeightsInitializer": "glorot", "RecurrentWeightsInitializer": "orthogonal", "InputWeights": None,
             "RecurrentWeights": None, "Bias": None, "HiddenState": None, "InputWeightsLearnRateFactor": 1,
             "RecurrentWeightsLearnRateFactor": 1, "BiasLearnRateFactor": 1, "InputWeightsL2Factor": 1,
             "RecurrentWeightsL2Factor": 1, "BiasL2Factor": 0}
LSTM = RECURRENT | {"BiasInitializer": "unit-forget-gate", "CellState": None}
GRU = RECURRENT | {"BiasInitializer": "zeros", "ResetGateMode": "after-multiplication"}
PROJECTED = {"OutputProjectorSize": 3, "InputProjectorSize": 2} | {
    f"{side}Projector{name}": value for side in ("Input", "Output")
    for name, value in {"": None, "Initializer": "orthogonal", "LearnRateFactor": 1, "L2Factor": 1}.items()}
RESIZE = {"OutputSize": None, "EnableReferenceInput": False, "Method": "nearest", "GeometricTransformMode": "half-pixel",
          "NearestRoundingMode": "round"}
EMBEDDING = {"WeightsInitializer": "narrow-normal", "WeightLearnRateFactor": 1, "WeightL2Factor": 1, "Weights": None}
ATTENTION = {"HasPaddingMaskInput": False, "HasScoresOutput": False, "AttentionMask": "none", "DropoutProbability": 0}
SPECTRAL = EMBEDDING | {"WeightsInitializer": "complex-glorot-normal", "HiddenSize": 8}
NOTHING = {}

# factory: (required arguments, every property)
PAGES = {
    "imageInputLayer": (([28, 28, 1],), STATISTICS | {"InputSize": (28, 28, 1), "Normalization": "zerocenter",
                                                      "DataAugmentation": "none"}),
    "image3dInputLayer": (([4, 5, 6, 2],), STATISTICS | {"InputSize": (4, 5, 6, 2), "Normalization": "zerocenter"}),
    "featureInputLayer": ((21,), STATISTICS | {"InputSize": 21, "Normalization": "none"}),
    "sequenceInputLayer": ((12,), STATISTICS | {"InputSize": 12, "MinLength": 1, "Normalization": "none"}),
    "convolution1dLayer": ((3, 8), WEIGHTED | WINDOW_1D | {
        "FilterSize": (3,), "NumFilters": 8, "NumChannels": "auto", "DilationFactor": (1,), "PaddingValue": 0}),
    "convolution2dLayer": ((3, 8), WEIGHTED | WINDOW_2D | {
        "FilterSize": (3, 3), "NumFilters": 8, "NumChannels": "auto", "DilationFactor": (1, 1), "PaddingValue": 0}),
    "convolution3dLayer": ((3, 8), WEIGHTED | WINDOW_3D | {
        "FilterSize": (3, 3, 3), "NumFilters": 8, "NumChannels": "auto", "DilationFactor": (1, 1, 1), "PaddingValue": 0}),
    "groupedConvolution2dLayer": ((3, 8, 2), WEIGHTED | WINDOW_2D | {
        "FilterSize": (3, 3), "NumFiltersPerGroup": 8, "NumGroups": 2, "NumChannelsPerGroup": "auto",
        "DilationFactor": (1, 1), "PaddingValue": 0}),
    "transposedConv1dLayer": ((4, 8), WEIGHTED | {
        "FilterSize": (4,), "NumFilters": 8, "NumChannels": "auto", "Stride": (1,), "Cropping": NONE_1D,
        "CroppingMode": "manual", "CroppingSize": [0, 0]}),
    "transposedConv2dLayer": ((4, 8), WEIGHTED | {
        "FilterSize": (4, 4), "NumFilters": 8, "NumChannels": "auto", "Stride": (1, 1), "Cropping": NONE_2D,
        "CroppingMode": "manual", "CroppingSize": [0, 0, 0, 0]}),
    "transposedConv3dLayer": ((4, 8), WEIGHTED | {
        "FilterSize": (4, 4, 4), "NumFilters": 8, "NumChannels": "auto", "Stride": (1, 1, 1), "Cropping": NONE_3D,
        "CroppingMode": "manual", "CroppingSize": [[0, 0, 0], [0, 0, 0]]}),
    "crossChannelNormalizationLayer": ((5,), {"WindowChannelSize": 5, "Alpha": 1e-4, "Beta": 0.75, "K": 2}),
    "fullyConnectedLayer": ((10,), WEIGHTED | {"InputSize": "auto", "OutputSize": 10}),
    **{f"stochasticPooling{pool['rank']}dLayer": ((2,), {name: value for name, value in pool.items() if name != "rank"} | {
        "PoolSize": (2,) * pool["rank"], "HasUnpoolingOutputs": False})
       for pool in (POOL_1D | {"rank": 1}, POOL_2D | {"rank": 2}, POOL_3D | {"rank": 3})},
    "maxPooling1dLayer": ((2,), POOL_1D | {"PoolSize": (2,), "HasUnpoolingOutputs": False}),
    "averagePooling1dLayer": ((2,), POOL_1D | AVERAGE | {"PoolSize": (2,)}),
    "maxUnpooling1dLayer": ((), NOTHING), "globalAveragePooling1dLayer": ((), NOTHING),
    "globalMaxPooling1dLayer": ((), NOTHING),
    "maxPooling2dLayer": ((2,), POOL_2D | {"PoolSize": (2, 2), "HasUnpoolingOutputs": False}),
    "maxPooling3dLayer": ((2,), POOL_3D | {"PoolSize": (2, 2, 2), "HasUnpoolingOutputs": False}),
    "averagePooling2dLayer": ((2,), POOL_2D | AVERAGE | {"PoolSize": (2, 2)}),
    "averagePooling3dLayer": ((2,), POOL_3D | AVERAGE | {"PoolSize": (2, 2, 2)}),
    "groupNormalizationLayer": ((2,), SCALED | {"NumGroups": 2}), "instanceNormalizationLayer": ((), SCALED),
    "layerNormalizationLayer": ((), SCALED | {"OperationDimension": "auto"}),
    "batchNormalizationLayer": ((), SCALED | {
        "MeanDecay": 0.1, "VarianceDecay": 0.1, "TrainedMean": None, "TrainedVariance": None, "FixedStatistics": False}),
    "leakyReluLayer": ((), {"Scale": 0.01}),
    "dropoutLayer": ((), {"Probability": 0.5}),
    "clippedReluLayer": ((10,), {"Ceiling": 10}), "eluLayer": ((), {"Alpha": 1}),
    "permuteLayer": (([2, 1, 3],), {"DimensionOrder": (2, 1, 3)}), "quadraticLayer": ((), NOTHING),
    "reshapeLayer": ((14, 14, []), {"OutputSize": (14, 14, None), "OperationDimension": "all"}),
    "geluLayer": ((), {"Approximation": "none"}), "channelShuffleLayer": ((4,), {"NumGroups": 4}),
    "spatialDropoutLayer": ((), {"Probability": 0.5}),
    "inputLayer": (([28, 28, 1, None], "SSCB"), {"InputSize": (28, 28, 1, None), "InputFormat": "SSCB"}),
    "preluLayer": ((), {"Alpha": 0.25, "AlphaLearnRateFactor": 1, "AlphaL2Factor": 1}),
    "scalingLayer": ((), {"Scale": 1, "Bias": 0}),
    "crop2dLayer": (("centercrop",), {"CropLocation": "centercrop", "Mode": "centercrop", "Location": "auto"}),
    "crop3dLayer": ((), {"CropLocation": "centercrop"}),
    "resize2dLayer": (("Scale", 2), RESIZE | {"Scale": (2, 2)}),
    "resize3dLayer": (("Scale", 2), RESIZE | {"Scale": (2, 2, 2)}),
    "spaceToDepthLayer": ((2,), {"BlockSize": (2, 2)}), "depthToSpace2dLayer": ((2,), {"BlockSize": (2, 2), "Mode": "dcr"}),
    "adaptiveAveragePooling2dLayer": ((7,), {"OutputSize": (7, 7)}),
    "additionLayer": ((2,), {"NumInputs": 2}), "multiplicationLayer": ((3,), {"NumInputs": 3}),
    "depthConcatenationLayer": ((3,), {"NumInputs": 3}),
    "concatenationLayer": ((3, 2), {"Dim": 3, "NumInputs": 2}),
    "classificationLayer": ((), {"Classes": "auto", "ClassWeights": "none", "OutputSize": "auto",
                                 "LossFunction": "crossentropyex"}),
    "pixelClassificationLayer": ((), {"Classes": "auto", "ClassWeights": "none", "OutputSize": "auto",
                                      "LossFunction": "crossentropyex"}),
    "dicePixelClassificationLayer": ((), {"Classes": "auto", "OutputSize": "auto", "LossFunction": "generalizedDiceLoss"}),
    "focalLossLayer": ((), {"Classes": "auto", "Alpha": 0.25, "Gamma": 2, "OutputSize": "auto",
                            "LossFunction": "focalLoss"}),
    "regressionLayer": ((), {"ResponseNames": (), "LossFunction": "mean-squared-error"}),
    "lstmLayer": ((5,), LSTM), "bilstmLayer": ((5,), LSTM), "gruLayer": ((5,), GRU),
    "lstmProjectedLayer": ((5, 3, 2), LSTM | PROJECTED), "gruProjectedLayer": ((5, 3, 2), GRU | PROJECTED),
    "reluLayer": ((), NOTHING), "softmaxLayer": ((), NOTHING), "maxUnpooling2dLayer": ((), NOTHING),
    "maxUnpooling3dLayer": ((), NOTHING), "globalAveragePooling2dLayer": ((), NOTHING),
    "globalAveragePooling3dLayer": ((), NOTHING), "globalMaxPooling3dLayer": ((), NOTHING),
    "globalMaxPooling2dLayer": ((), NOTHING), "tanhLayer": ((), NOTHING), "sigmoidLayer": ((), NOTHING),
    "swishLayer": ((), NOTHING), "softplusLayer": ((), NOTHING), "identityLayer": ((), NOTHING),
    "flattenLayer": ((), NOTHING),
    "selfAttentionLayer": ((2, 8), ATTENTION | {name: value for name, value in WEIGHTED.items() if name not in (
        "Weights", "Bias")} | {f"{part}{what}": None for part in ("Query", "Key", "Value", "Output") for what in (
            "Weights", "Bias")} | {"NumHeads": 2, "NumKeyChannels": 8, "NumValueChannels": "auto", "OutputSize": "auto",
                                   "InputSize": "auto"}),
    "attentionLayer": ((2,), ATTENTION | {"NumHeads": 2, "Scale": "auto"}),
    "wordEmbeddingLayer": ((3, 10), EMBEDDING | {"Dimension": 3, "NumWords": 10, "OOVMode": "map-to-last"}),
    "embeddingLayer": ((3, 10), EMBEDDING | {"OutputSize": 3, "MaxIndex": 10, "MaskIndex": None,
                                             "ZeroIndexMapping": "error"}),
    "inverseNormalizationLayer": ((), {"OperationDimension": "channel", "Normalization": "zscore", "Mean": None,
                                       "StandardDeviation": None, "Min": None, "Max": None}),
    "positionEmbeddingLayer": ((3, 10), EMBEDDING | {"OutputSize": 3, "MaxPosition": 10, "PositionDimension": "auto"}),
    "sinusoidalPositionEncodingLayer": ((4,), {"OutputSize": 4, "Positions": "auto"}),
    "patchEmbeddingLayer": ((4, 8), WEIGHTED | {"PatchSize": 4, "OutputSize": 8, "NumChannels": "auto",
                                                "SpatialFlattenMode": "column-major"}),
    "embeddingConcatenationLayer": ((), EMBEDDING),
    "indexing1dLayer": ((), {"Index": "first", "HasPaddingMaskInput": False}),
    **{f"spectralConvolution{rank}dLayer": ((3, 8), SPECTRAL | {"NumModes": (3,) * rank}) for rank in (1, 2, 3)},
    "complexToRealLayer": ((), {"OperationDimension": "C"}), "realToComplexLayer": ((), {"OperationDimension": "C"}),
    "complexReluLayer": ((), NOTHING), "zreluLayer": ((), NOTHING),
    "complexFullyConnectedLayer": ((10,), WEIGHTED | {
        "OutputSize": 10, "OperationDimension": "spatial-channel", "WeightsInitializer": "complex-glorot-normal"}),
    "sequenceFoldingLayer": ((), NOTHING), "sequenceUnfoldingLayer": ((), NOTHING),
}
PORTS = {
    "inputLayer": ([], ["out"]), "imageInputLayer": ([], ["out"]),
    "image3dInputLayer": ([], ["out"]), "featureInputLayer": ([], ["out"]),
    "sequenceInputLayer": ([], ["out"]),
    "maxUnpooling1dLayer": (["in", "indices", "size"], ["out"]),
    "maxUnpooling2dLayer": (["in", "indices", "size"], ["out"]), "maxUnpooling3dLayer": (["in", "indices", "size"], ["out"]),
    "crop2dLayer": (["in", "ref"], ["out"]), "crop3dLayer": (["in", "ref"], ["out"]),
    "multiplicationLayer": (["in1", "in2", "in3"], ["out"]),
    "additionLayer": (["in1", "in2"], ["out"]), "depthConcatenationLayer": (["in1", "in2", "in3"], ["out"]),
    "concatenationLayer": (["in1", "in2"], ["out"]), "classificationLayer": (["in"], []),
    "dicePixelClassificationLayer": (["in"], []), "focalLossLayer": (["in"], []),
    "pixelClassificationLayer": (["in"], []), "regressionLayer": (["in"], []),
    "attentionLayer": (["query", "key", "value"], ["out"]),
    "sequenceFoldingLayer": (["in"], ["out", "miniBatchSize"]), "sequenceUnfoldingLayer": (["in", "miniBatchSize"], ["out"]),
}
NAMES = {  # of a layer without a name, in a network
    "imageInputLayer": "imageinput", "image3dInputLayer": "image3dinput", "featureInputLayer": "featureinput",
    "sequenceInputLayer": "sequenceinput", "sequenceFoldingLayer": "seqfold", "sequenceUnfoldingLayer": "sequnfold",
    "spectralConvolution1dLayer": "spectralconv1d", "spectralConvolution2dLayer": "spectralconv2d",
    "spectralConvolution3dLayer": "spectralconv3d",
    "complexToRealLayer": "complex-to-real", "realToComplexLayer": "real-to-complex", "complexReluLayer": "complex-relu",
    "zreluLayer": "zrelu", "complexFullyConnectedLayer": "complex-fc",
    "convolution1dLayer": "conv1d", "transposedConv1dLayer": "transposed-conv1d", "maxPooling1dLayer": "maxpool1d",
    "stochasticPooling1dLayer": "stochasticpool1d", "stochasticPooling2dLayer": "stochasticpool",
    "stochasticPooling3dLayer": "stochasticpool3d",
    "maxUnpooling1dLayer": "maxunpool1d", "averagePooling1dLayer": "avgpool1d", "globalAveragePooling1dLayer": "gapool1d",
    "globalMaxPooling1dLayer": "gmpool1d",
    "convolution2dLayer": "conv", "convolution3dLayer": "conv3d", "transposedConv2dLayer": "transposed-conv",
    "groupedConvolution2dLayer": "groupedconv", "transposedConv3dLayer": "transposed-conv3d",
    "crop2dLayer": "crop2d", "crop3dLayer": "crop3d", "resize2dLayer": "resize2d", "resize3dLayer": "resize3d",
    "adaptiveAveragePooling2dLayer": "adaptiveavgpool2d", "spaceToDepthLayer": "spacetodepth",
    "depthToSpace2dLayer": "depthtospace2d",
    "groupNormalizationLayer": "groupnorm", "instanceNormalizationLayer": "instancenorm",
    "layerNormalizationLayer": "layernorm", "crossChannelNormalizationLayer": "crossnorm",
    "multiplicationLayer": "multiplication",
    "globalAveragePooling3dLayer": "gapool3d", "globalMaxPooling3dLayer": "gmpool3d",
    "fullyConnectedLayer": "fc", "maxPooling2dLayer": "maxpool", "maxPooling3dLayer": "maxpool3d",
    "maxUnpooling2dLayer": "maxunpool", "averagePooling2dLayer": "avgpool2d", "averagePooling3dLayer": "avgpool3d",
    "globalAveragePooling2dLayer": "gapool", "globalMaxPooling2dLayer": "gmpool", "reluLayer": "relu",
    "leakyReluLayer": "leakyrelu", "softmaxLayer": "softmax", "batchNormalizationLayer": "batchnorm",
    "dropoutLayer": "dropout", "additionLayer": "addition", "depthConcatenationLayer": "depthcat",
    "concatenationLayer": "concat", "classificationLayer": "classoutput", "regressionLayer": "regressionoutput",
    "dicePixelClassificationLayer": "dice-pixel-class", "focalLossLayer": "focal-loss",
    "pixelClassificationLayer": "pixel-class", "maxUnpooling3dLayer": "maxunpool3d",
    "clippedReluLayer": "clippedrelu", "eluLayer": "elu", "tanhLayer": "tanh", "sigmoidLayer": "sigmoid",
    "swishLayer": "swish", "geluLayer": "gelu", "softplusLayer": "softplus", "identityLayer": "identity",
    "permuteLayer": "permute", "reshapeLayer": "reshape", "quadraticLayer": "quadratic",
    "flattenLayer": "flatten", "channelShuffleLayer": "channelshuffle",
    "lstmLayer": "lstm", "bilstmLayer": "biLSTM", "gruLayer": "gru", "lstmProjectedLayer": "lstmprojected",
    "gruProjectedLayer": "gruprojected",
    "inputLayer": "input", "preluLayer": "prelu", "scalingLayer": "scaling", "spatialDropoutLayer": "spatialdropout",
    "selfAttentionLayer": "selfattention", "attentionLayer": "attention", "wordEmbeddingLayer": "word-embedding",
    "embeddingLayer": "embedding", "inverseNormalizationLayer": "inversenorm",
    "positionEmbeddingLayer": "position-embedding", "patchEmbeddingLayer": "patch-embedding",
    "sinusoidalPositionEncodingLayer": "sinusoidal-position-encoding",
    "embeddingConcatenationLayer": "embedding-concatenation", "indexing1dLayer": "indexing1d",
}


def make(factory, *args, **kwargs):
    return getattr(dltoolbox, factory)(*(args or PAGES[factory][0]), **kwargs)


def test_every_page_is_here():
    assert set(PAGES) == set(LAYERS) == set(NAMES)


@pytest.mark.parametrize("factory", PAGES)
def test_defaults(factory):
    one, expected = make(factory), PAGES[factory][1] | {"Name": ""}
    assert {name: getattr(one, name) for name in expected} == expected
    assert {p.name for p in type(one).properties.values()} <= set(expected)


@pytest.mark.parametrize("factory", PAGES)
def test_ports(factory):
    one = make(factory)
    inputs, outputs = PORTS.get(factory, (["in"], ["out"]))
    assert (one.InputNames, one.OutputNames, one.NumInputs, one.NumOutputs) == (
        inputs, outputs, len(inputs), len(outputs))


@pytest.mark.parametrize("factory", ["maxPooling1dLayer", "maxPooling2dLayer", "maxPooling3dLayer"])
def test_unpooling_outputs_are_ports(factory):
    assert make(factory, 2, HasUnpoolingOutputs=True).OutputNames == ["out", "indices", "size"]


@pytest.mark.parametrize(("factory", "states"), [
    ("lstmLayer", ["hidden", "cell"]), ("bilstmLayer", ["hidden", "cell"]), ("gruLayer", ["hidden"]),
    ("lstmProjectedLayer", ["hidden", "cell"]), ("gruProjectedLayer", ["hidden"])])
def test_states_are_ports(factory, states):
    both = make(factory, *PAGES[factory][0], HasStateInputs=True, HasStateOutputs=True)
    assert (both.InputNames, both.OutputNames) == (["in", *states], ["out", *states])
    assert (both.NumInputs, both.NumOutputs) == (1 + len(states),) * 2
    assert make(factory, *PAGES[factory][0], HasStateOutputs=True).InputNames == ["in"]


@pytest.mark.parametrize("factory", ["selfAttentionLayer", "attentionLayer"])
def test_masks_and_scores_are_ports(factory):
    one = make(factory, *PAGES[factory][0], HasPaddingMaskInput=True, HasScoresOutput=True)
    assert one.InputNames[-1] == "mask"
    assert one.OutputNames == ["out", "scores"]


@pytest.mark.parametrize("factory", ["resize2dLayer", "resize3dLayer"])
def test_reference_inputs_are_ports(factory):
    assert getattr(dltoolbox, factory)(EnableReferenceInput=True).InputNames == ["in", "ref"]


@pytest.mark.parametrize("factory", NAMES)
def test_automatic_names(factory):
    assert dltoolbox.layerGraph([make(factory)]).Layers[0].Name == NAMES[factory]


@pytest.mark.parametrize("factory", PAGES)
def test_only_some_properties_can_be_set(factory):
    one = make(factory)
    settable = ("Name", "Classes", "ResponseNames", "Mean", "StandardDeviation", "Min", "Max", "TrainedMean",
                "TrainedVariance", "FixedStatistics", "Weights", "Bias", "Offset", "Scale", "Alpha", "InputWeights",
                "RecurrentWeights", "InputProjector", "OutputProjector", "HiddenState", "CellState",
                *(f"{part}{what}" for part in ("Query", "Key", "Value", "Output") for what in ("Weights", "Bias")))
    for prop in type(one).properties.values():
        expected = (prop.name.endswith("Factor") and prop.name != "DilationFactor") or prop.name in settable
        constant = (factory, prop.name) in {("leakyReluLayer", "Scale"), ("eluLayer", "Alpha"),
                                            ("crossChannelNormalizationLayer", "Alpha"),
                                            ("resize2dLayer", "Scale"), ("resize3dLayer", "Scale"),
                                            ("attentionLayer", "Scale"), ("focalLossLayer", "Alpha")}
        assert prop.settable is (expected and not constant), prop.name
        if not prop.settable:
            with pytest.raises(DltoolboxError, match="cannot be changed after creation") as caught:
                setattr(one, prop.name, one.__dict__[prop.name])
            assert caught.value.identifier == f"dltoolbox:{factory}:readOnly"
    one.Name = "renamed"
    assert one.Name == "renamed"


@pytest.mark.parametrize("factory", PAGES)
def test_layers_are_values(factory):
    one, other = make(factory, Name="a"), make(factory, Name="a")
    assert one == other
    assert one == eval(repr(one), {factory: getattr(dltoolbox, factory)})
    other.Name = "b"
    assert one != other
    copied = one.copy()
    copied.Name = "c"
    assert one.Name == "a"
    with pytest.raises(DltoolboxError, match="unknownOption"):
        one.name = "lower case is another name"


def test_given_arrays_are_not_touched_or_shared():
    weights = np.ones((3, 3, 1, 8), np.float32)
    one = dltoolbox.convolution2dLayer(3, 8, Weights=weights)
    weights[:] = 0
    assert one.Weights.sum() == 72
    one.BiasLearnRateFactor = 0
    one.Bias = np.zeros(8)
    one.Weights = []
    assert (one.BiasLearnRateFactor, one.Weights) == (0, None)
    assert one.Bias.shape == (8,)
