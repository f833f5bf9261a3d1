"""Bad values: each is refused when the layer is made, with an identifier, the layer, the property and what to do."""

import numpy as np
import pytest

from dltoolbox import (
    additionLayer,
    averagePooling2dLayer,
    batchNormalizationLayer,
    channelShuffleLayer,
    classificationLayer,
    clippedReluLayer,
    concatenationLayer,
    convolution2dLayer,
    convolution3dLayer,
    crossChannelNormalizationLayer,
    depthConcatenationLayer,
    dropoutLayer,
    eluLayer,
    featureInputLayer,
    fullyConnectedLayer,
    geluLayer,
    groupedConvolution2dLayer,
    image3dInputLayer,
    imageInputLayer,
    inputLayer,
    leakyReluLayer,
    maxPooling2dLayer,
    maxPooling3dLayer,
    maxUnpooling2dLayer,
    multiplicationLayer,
    pixelClassificationLayer,
    preluLayer,
    regressionLayer,
    reluLayer,
    scalingLayer,
    softmaxLayer,
    spatialDropoutLayer,
    transposedConv2dLayer,
    transposedConv3dLayer,
)
from dltoolbox.core.errors import DltoolboxError

BAD = [  # what is made, identifier, what the message says
    (lambda: maxPooling2dLayer(), "maxPooling2dLayer:missingArgument",
     "needs 'poolSize'. Call maxPooling2dLayer(poolSize, "),
    (lambda: maxPooling2dLayer(0), "maxPooling2dLayer:invalidPoolSize", "'poolSize' of maxPooling2dLayer"),
    (lambda: maxPooling2dLayer([2, 2, 2]), "maxPooling2dLayer:invalidPoolSize", "but it is [2, 2, 2]"),
    (lambda: maxPooling2dLayer(2.5), "maxPooling2dLayer:invalidPoolSize", "a positive integer"),
    (lambda: maxPooling2dLayer("2"), "maxPooling2dLayer:invalidPoolSize", "but it is '2'"),
    (lambda: maxPooling2dLayer(None), "maxPooling2dLayer:invalidPoolSize", "but it is None"),
    (lambda: maxPooling2dLayer(2, 2), "maxPooling2dLayer:invalidArguments", "takes 1 positional argument"),
    (lambda: maxPooling2dLayer(2, "Stride"), "maxPooling2dLayer:invalidArguments", "name-value pairs"),
    (lambda: maxPooling2dLayer(2, Stride=0), "maxPooling2dLayer:invalidStride", "'Stride' of maxPooling2dLayer"),
    (lambda: maxPooling2dLayer(2, Stride=[1, 2, 3]), "maxPooling2dLayer:invalidStride", "a vector of 2 of them"),
    (lambda: maxPooling2dLayer(2, Padding="valid"), "maxPooling2dLayer:invalidPadding", "Pass 0 for no padding, or 'same'."),
    (lambda: maxPooling2dLayer(2, Padding=-1), "maxPooling2dLayer:invalidPadding", "[t b l r]"),
    (lambda: maxPooling2dLayer(2, Padding=[1, 1, 1]), "maxPooling2dLayer:invalidPadding", "[t b l r]"),
    (lambda: maxPooling2dLayer(2, Padding=2, Name="p"), "maxPooling2dLayer:paddingTooLarge",
     "Layer 'p': Padding of 2 is not smaller than the pool size 2×2"),
    (lambda: maxPooling2dLayer([3, 2], Padding=[0, 0, 2, 0]), "maxPooling2dLayer:paddingTooLarge", "pool size minus 1"),
    (lambda: maxPooling2dLayer(2, HasUnpoolingOutputs="yes"), "maxPooling2dLayer:invalidHasUnpoolingOutputs",
     "true or false"),
    (lambda: maxPooling2dLayer(2, Strides=2), "maxPooling2dLayer:unknownOption", "Did you mean 'Stride'?"),
    (lambda: maxPooling2dLayer(2, Name=3), "maxPooling2dLayer:invalidName", "'Name' of maxPooling2dLayer must be text"),
    (lambda: maxPooling3dLayer([2, 2]), "maxPooling3dLayer:invalidPoolSize", "a vector of 3 of them"),
    (lambda: maxPooling3dLayer(2, Padding=[[1, 1], [1, 1]]), "maxPooling3dLayer:invalidPadding", "2×3 matrix"),
    (lambda: maxPooling3dLayer(2, Padding=[0, 0, 2]), "maxPooling3dLayer:paddingTooLarge", "2×2×2"),
    (lambda: maxUnpooling2dLayer(2), "maxUnpooling2dLayer:invalidArguments", "maxUnpooling2dLayer are name-value pairs"),
    (lambda: maxUnpooling2dLayer(PoolSize=2), "maxUnpooling2dLayer:unknownOption", "'PoolSize' is not a recognized option"),
    (lambda: averagePooling2dLayer(2, PaddingValue=1), "averagePooling2dLayer:invalidPaddingValue", "must be 'mean' or 0,"),
    (lambda: convolution2dLayer(3), "convolution2dLayer:missingArgument", "needs 'numFilters'"),
    (lambda: convolution2dLayer(3, 0), "convolution2dLayer:invalidNumFilters", "'numFilters' of convolution2dLayer"),
    (lambda: convolution2dLayer(3, 8, DilationFactor=-1), "convolution2dLayer:invalidDilationFactor", "positive integer"),
    (lambda: convolution2dLayer(3, 8, NumChannels=0), "convolution2dLayer:invalidNumChannels",
     "'auto' or a positive integer"),
    (lambda: convolution2dLayer(3, 8, PaddingValue="edge"), "convolution2dLayer:invalidPaddingValue", "'replicate'"),
    (lambda: convolution2dLayer(3, 8, WeightsInitializer="xavier"), "convolution2dLayer:invalidWeightsInitializer",
     "'glorot', 'he', 'orthogonal'"),
    (lambda: convolution2dLayer(3, 8, BiasInitializer="glorot"), "convolution2dLayer:invalidBiasInitializer", "'zeros'"),
    (lambda: convolution2dLayer(3, 8, WeightL2Factor=-1), "convolution2dLayer:invalidWeightL2Factor", "non-negative number"),
    (lambda: convolution2dLayer(3, 8, Weights=[[1, np.nan]]), "convolution2dLayer:invalidWeights", "finite real numbers"),
    (lambda: convolution2dLayer(3, 8, Weights=[[1, 2], [3]]), "convolution2dLayer:invalidWeights", "a numeric array"),
    (lambda: convolution2dLayer(3, 8, Bias="zeros"), "convolution2dLayer:invalidBias", "but it is 'zeros'"),
    (lambda: convolution3dLayer([3, 3], 8), "convolution3dLayer:invalidFilterSize", "a vector of 3 of them"),
    (lambda: groupedConvolution2dLayer(3, 1), "groupedConvolution2dLayer:missingArgument",
     "Call groupedConvolution2dLayer(filterSize, numFiltersPerGroup, numGroups"),
    (lambda: groupedConvolution2dLayer(3, 1, "depth-wise"), "groupedConvolution2dLayer:invalidNumGroups",
     "must be 'channel-wise' or a positive integer, but it is 'depth-wise'"),
    (lambda: groupedConvolution2dLayer(3, 0, 2), "groupedConvolution2dLayer:invalidNumFiltersPerGroup", "but it is 0"),
    (lambda: groupedConvolution2dLayer(3, 1, 2, Groups=4), "groupedConvolution2dLayer:unknownOption",
     "Did you mean 'numGroups'?"),
    (lambda: transposedConv2dLayer(2, 4, Stride=3, Cropping="same"), "transposedConv2dLayer:croppingTooLarge",
     "filters are 2×2 and the stride is [3  3]"),
    (lambda: transposedConv2dLayer(2, 4, Padding=1), "transposedConv2dLayer:unknownOption", "Its properties are"),
    (lambda: transposedConv3dLayer([2, 2], 4), "transposedConv3dLayer:invalidFilterSize", "a vector of 3 of them"),
    (lambda: transposedConv3dLayer(2, 4, Stride=[1, 1, 3], Cropping="same"), "transposedConv3dLayer:croppingTooLarge",
     "filters are 2×2×2 and the stride is [1  1  3]"),
    (lambda: crossChannelNormalizationLayer(), "crossChannelNormalizationLayer:missingArgument", "windowChannelSize"),
    (lambda: crossChannelNormalizationLayer(2.5), "crossChannelNormalizationLayer:invalidWindowChannelSize", "it is 2.5"),
    (lambda: crossChannelNormalizationLayer(5, Alpha=-1), "crossChannelNormalizationLayer:invalidAlpha", "non-negative"),
    (lambda: crossChannelNormalizationLayer(5, Beta=0), "crossChannelNormalizationLayer:invalidBeta", "at least 0.01"),
    (lambda: crossChannelNormalizationLayer(5, K=0), "crossChannelNormalizationLayer:invalidK", "at least 1e-05"),
    (lambda: fullyConnectedLayer([10]*2), "fullyConnectedLayer:invalidOutputSize", "'outputSize' of fullyConnectedLayer"),
    (lambda: fullyConnectedLayer(10, InputSize="all"), "fullyConnectedLayer:invalidInputSize", "'auto' or a positive"),
    (lambda: imageInputLayer(28), "imageInputLayer:invalidInputSize", "[h w c] or [h w]"),
    (lambda: imageInputLayer([28, 28, 1, 1]), "imageInputLayer:invalidInputSize", "[h w c]"),
    (lambda: imageInputLayer([28, 0, 1]), "imageInputLayer:invalidInputSize", "positive integers"),
    (lambda: imageInputLayer([28, 28, 1], Normalization="zero-center"), "imageInputLayer:invalidNormalization",
     "'zerocenter'"),
    (lambda: imageInputLayer([28, 28, 3], Mean=[1, 2]), "imageInputLayer:invalidMean", "one value per channel (1×1×3)"),
    (lambda: imageInputLayer([28, 28, 1], DataAugmentation="randcrop"), "imageInputLayer:notYetSupported", "'none'"),
    (lambda: image3dInputLayer([28, 28, 1]), "image3dInputLayer:invalidInputSize", "[h w d c]"),
    (lambda: featureInputLayer([3, 4]), "featureInputLayer:invalidInputSize", "'numFeatures' of featureInputLayer"),
    (lambda: batchNormalizationLayer(Epsilon=0), "batchNormalizationLayer:invalidEpsilon", "a positive number"),
    (lambda: batchNormalizationLayer(MeanDecay=2), "batchNormalizationLayer:invalidMeanDecay", "a number in [0, 1]"),
    (lambda: batchNormalizationLayer(8), "batchNormalizationLayer:invalidArguments", "name-value pairs; (8,) is"),
    (lambda: dropoutLayer(1), "dropoutLayer:invalidProbability", "in [0, 1)"),
    (lambda: dropoutLayer("half"), "dropoutLayer:invalidProbability", "'probability' of dropoutLayer"),
    (lambda: leakyReluLayer(float("inf")), "leakyReluLayer:invalidScale", "a finite real number"),
    (lambda: clippedReluLayer(), "clippedReluLayer:missingArgument", "needs 'ceiling'"),
    (lambda: clippedReluLayer(0), "clippedReluLayer:invalidCeiling", "a positive number, but it is 0"),
    (lambda: eluLayer([1, 2]), "eluLayer:invalidAlpha", "a finite real number, but it is [1, 2]"),
    (lambda: geluLayer(Approximation="erf"), "geluLayer:invalidApproximation", "'none' or 'tanh', but it is 'erf'"),
    (lambda: geluLayer("tanh"), "geluLayer:invalidArguments", "name-value pairs"),
    (lambda: spatialDropoutLayer(-0.1), "spatialDropoutLayer:invalidProbability", "in [0, 1), but it is -0.1"),
    (lambda: inputLayer([5, 2]), "inputLayer:missingArgument", "needs 'inputFormat'"),
    (lambda: inputLayer(5, "CB"), "inputLayer:invalidInputSize", "positive integers or NaN"),
    (lambda: inputLayer([5, 0], "CB"), "inputLayer:invalidInputSize", "but it is [5, 0]"),
    (lambda: inputLayer([5, 2], "SSCB"), "inputLayer:formatMismatch", "2 sizes, but inputFormat 'SSCB' has 4 letters"),
    (lambda: inputLayer([None, 2], "CB"), "inputLayer:unknownSize", "The size of dimension 'C' of 'CB' is NaN"),
    (lambda: inputLayer([5, 2, 7], "CBT"), "inputLayer:notYetSupported", "CB, SCB, SSCB, SSSCB"),
    (lambda: inputLayer([5], "X"), "inputLayer:invalidInputFormat", "the letters S, C, B, T and U"),
    (lambda: preluLayer(Alpha=[]), "preluLayer:invalidAlpha", "at least one element"),
    (lambda: preluLayer(0.25), "preluLayer:invalidArguments", "name-value pairs"),
    (lambda: scalingLayer(Scale="twice"), "scalingLayer:invalidScale", "finite real numbers, but it is 'twice'"),
    (lambda: channelShuffleLayer(0), "channelShuffleLayer:invalidNumGroups", "a positive integer"),
    (lambda: reluLayer(0.1), "reluLayer:invalidArguments", "is left over"),
    (lambda: softmaxLayer(Axis=1), "softmaxLayer:unknownOption", "Its properties are Name"),
    (lambda: additionLayer(1), "additionLayer:invalidNumInputs", "an integer of at least 2"),
    (lambda: multiplicationLayer(1), "multiplicationLayer:invalidNumInputs", "'numInputs' of multiplicationLayer"),
    (lambda: depthConcatenationLayer(), "depthConcatenationLayer:missingArgument", "needs 'numInputs'"),
    (lambda: concatenationLayer(0, 2), "concatenationLayer:invalidDim", "'dim' of concatenationLayer"),
    (lambda: concatenationLayer(3), "concatenationLayer:missingArgument", "concatenationLayer(dim, numInputs"),
    (lambda: classificationLayer(Classes=["a", "a"]), "classificationLayer:invalidClasses",
     "different, non-empty class names"),
    (lambda: classificationLayer(ClassWeights=[1, 2]), "classificationLayer:classesNeeded",
     "Pass Classes=[…] as well, 2 names"),
    (lambda: classificationLayer(Classes=["a"], ClassWeights=[1, 2]), "classificationLayer:classWeightsMismatch",
     "2 ClassWeights for 1 Classes"),
    (lambda: classificationLayer(Classes=["a", "b"], ClassWeights=[0, 2]), "classificationLayer:invalidClassWeights",
     "positive numbers"),
    (lambda: pixelClassificationLayer(ClassWeights=[1, 2]), "pixelClassificationLayer:classesNeeded", "ClassWeights"),
    (lambda: classificationLayer(Classes=[None, "a"]), "classificationLayer:invalidClasses", "non-empty class names"),
    (lambda: pixelClassificationLayer(Classes=3), "pixelClassificationLayer:invalidClasses", "a list of class names"),
    (lambda: regressionLayer(ResponseNames=1), "regressionLayer:invalidResponseNames", "a list of strings"),
]


@pytest.mark.parametrize(("make", "identifier", "text"), BAD, ids=[f"{i}-{name}" for i, (_, name, _) in enumerate(BAD)])
def test_refused_with_a_reason(make, identifier, text):
    with pytest.raises(DltoolboxError) as caught:
        make()
    assert caught.value.identifiers == (f"dltoolbox:{identifier}",)
    message = str(caught.value)
    assert text in message
    assert identifier.split(":")[0] in message
    assert caught.value.issues[0].cure


def test_every_problem_of_one_call_at_once():
    with pytest.raises(DltoolboxError) as caught:
        convolution2dLayer(0, 8, Stride=0, Paddign=1, Name="c")
    assert set(caught.value.identifiers) == {f"dltoolbox:convolution2dLayer:{reason}" for reason in (
        "invalidFilterSize", "invalidStride", "unknownOption")}
    assert "3 problems" in str(caught.value)
    assert "Layer 'c'" in str(caught.value)


def test_nothing_is_computed_for_huge_layers():
    assert fullyConnectedLayer(10**9).OutputSize == 10**9
    assert imageInputLayer([10**6, 10**6, 3]).InputSize[0] == 10**6
