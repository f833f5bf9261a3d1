"""Type and description texts, character for character; `×` and the double spaces are MATLAB's."""

import numpy as np
import pytest

from dltoolbox import (
    adaptiveAveragePooling2dLayer,
    additionLayer,
    attentionLayer,
    averagePooling1dLayer,
    averagePooling2dLayer,
    batchNormalizationLayer,
    bilstmLayer,
    channelShuffleLayer,
    classificationLayer,
    clippedReluLayer,
    complexFullyConnectedLayer,
    concatenationLayer,
    convolution1dLayer,
    convolution2dLayer,
    convolution3dLayer,
    crop2dLayer,
    crop3dLayer,
    crossChannelNormalizationLayer,
    depthConcatenationLayer,
    depthToSpace2dLayer,
    dicePixelClassificationLayer,
    dropoutLayer,
    eluLayer,
    embeddingConcatenationLayer,
    embeddingLayer,
    featureInputLayer,
    flattenLayer,
    focalLossLayer,
    fullyConnectedLayer,
    geluLayer,
    globalAveragePooling1dLayer,
    globalAveragePooling2dLayer,
    globalAveragePooling3dLayer,
    globalMaxPooling1dLayer,
    globalMaxPooling3dLayer,
    groupedConvolution2dLayer,
    groupNormalizationLayer,
    gruLayer,
    gruProjectedLayer,
    identityLayer,
    image3dInputLayer,
    imageInputLayer,
    indexing1dLayer,
    inputLayer,
    instanceNormalizationLayer,
    inverseNormalizationLayer,
    layerNormalizationLayer,
    leakyReluLayer,
    lstmLayer,
    lstmProjectedLayer,
    maxPooling1dLayer,
    maxPooling2dLayer,
    maxUnpooling1dLayer,
    maxUnpooling2dLayer,
    multiplicationLayer,
    patchEmbeddingLayer,
    permuteLayer,
    pixelClassificationLayer,
    positionEmbeddingLayer,
    preluLayer,
    quadraticLayer,
    regressionLayer,
    reluLayer,
    reshapeLayer,
    resize2dLayer,
    resize3dLayer,
    scalingLayer,
    selfAttentionLayer,
    sequenceFoldingLayer,
    sequenceInputLayer,
    sequenceUnfoldingLayer,
    sigmoidLayer,
    sinusoidalPositionEncodingLayer,
    softmaxLayer,
    softplusLayer,
    spaceToDepthLayer,
    spatialDropoutLayer,
    spectralConvolution2dLayer,
    stochasticPooling1dLayer,
    stochasticPooling2dLayer,
    swishLayer,
    tanhLayer,
    transposedConv1dLayer,
    transposedConv2dLayer,
    transposedConv3dLayer,
    wordEmbeddingLayer,
)


def weights(*shape):
    return np.zeros(shape, np.float32)


@pytest.mark.parametrize(("layer", "kind", "text"), [
    (imageInputLayer([28, 28, 1]), "Image Input", "28×28×1 images with 'zerocenter' normalization"),
    (imageInputLayer([96, 64], Normalization="none"), "Image Input", "96×64×1 images"),
    (image3dInputLayer([132, 132, 116, 3]), "3-D Image Input", "132×132×116×3 images with 'zerocenter' normalization"),
    (featureInputLayer(4), "Feature Input", "4 features"),
    (featureInputLayer(21, Normalization="zscore"), "Feature Input", "21 features with 'zscore' normalization"),
    (sequenceInputLayer(12), "Sequence Input", "Sequence input with 12 dimensions"),
    (sequenceInputLayer([28, 28, 1], MinLength=5, Normalization="zscore"), "Sequence Input",
     "Sequence input with 28×28×1 dimensions and 'zscore' normalization"),
    (convolution1dLayer(5, 32, NumChannels=3, Padding="same"), "1-D Convolution",
     "32 5×3 convolutions with stride 1 and padding 'same'"),
    (convolution1dLayer(3, 32, Padding="causal", DilationFactor=2), "1-D Convolution",
     "32 3 convolutions with stride 1, dilation factor 2, and padding 'causal'"),
    (convolution1dLayer(3, 32, Padding=[1, 2], Stride=3), "1-D Convolution",
     "32 3 convolutions with stride 3 and padding [1  2]"),
    (transposedConv1dLayer(4, 8, Stride=2, Weights=weights(4, 8, 16)), "1-D Transposed Convolution",
     "8 4×16 transposed convolutions with stride 2 and cropping [0  0]"),
    (maxPooling1dLayer(2, Stride=2), "1-D Max Pooling", "Max pooling with pool size 2, stride 2, and padding [0  0]"),
    (averagePooling2dLayer(3, Divisor=1), "2-D Average Pooling",
     "3×3 sum pooling with stride [1  1] and padding [0  0  0  0]"),
    (averagePooling1dLayer(3, Divisor=2.5, Rounding="caffe"), "1-D Average Pooling",
     "Average pooling with pool size 3, stride 1, padding [0  0], rounding 'caffe', and divisor 2.5"),
    (maxPooling2dLayer(3, Stride=2, Rounding="ceil", DilationFactor=[1, 2]), "2-D Max Pooling",
     "3×3 max pooling with stride [2  2], dilation factor [1  2], padding [0  0  0  0], and rounding 'ceil'"),
    (maxPooling1dLayer(3, Padding="same-lower", DilationFactor=2), "1-D Max Pooling",
     "Max pooling with pool size 3, stride 1, dilation factor 2, and padding 'same-lower'"),
    (stochasticPooling1dLayer(2), "1-D Stochastic Pooling",
     "Stochastic pooling with pool size 2, stride 1, and padding [0  0]"),
    (stochasticPooling2dLayer(2, Stride=2), "2-D Stochastic Pooling",
     "2×2 stochastic pooling with stride [2  2] and padding [0  0  0  0]"),
    (averagePooling1dLayer(3, Padding="same"), "1-D Average Pooling",
     "Average pooling with pool size 3, stride 1, and padding 'same'"),
    (maxUnpooling1dLayer(), "1-D Max Unpooling", "Max Unpooling"),
    (globalAveragePooling1dLayer(), "1-D Global Average Pooling", "1-D global average pooling"),
    (globalMaxPooling1dLayer(), "1-D Global Max Pooling", "1-D global max pooling"),
    (convolution2dLayer(3, 25), "2-D Convolution", "25 3×3 convolutions with stride [1  1] and padding [0  0  0  0]"),
    (convolution2dLayer(7, 64, Stride=2, Padding=3, Weights=weights(7, 7, 3, 64)), "2-D Convolution",
     "64 7×7×3 convolutions with stride [2  2] and padding [3  3  3  3]"),
    (convolution2dLayer(3, 8, NumChannels=3, Padding="same"), "2-D Convolution",
     "8 3×3×3 convolutions with stride [1  1] and padding 'same'"),
    (convolution2dLayer(3, 8, DilationFactor=2, Padding="same"), "2-D Convolution",
     "8 3×3 convolutions with stride [1  1], dilation factor [2  2], and padding 'same'"),
    (convolution3dLayer(3, 16, NumChannels=1), "3-D Convolution",
     "16 3×3×3×1 convolutions with stride [1  1  1] and padding [0  0  0; 0  0  0]"),
    (convolution3dLayer(3, 16, Padding=[[1, 2, 3], [4, 5, 6]]), "3-D Convolution",
     "16 3×3×3 convolutions with stride [1  1  1] and padding [1  2  3; 4  5  6]"),
    (groupedConvolution2dLayer(5, 128, 2, Padding=2, Weights=weights(5, 5, 48, 128, 2)), "2-D Grouped Convolution",
     "2 groups of 128 5×5×48 convolutions with stride [1  1] and padding [2  2  2  2]"),
    (groupedConvolution2dLayer(5, 128, 2, NumChannelsPerGroup=48), "2-D Grouped Convolution",
     "2 groups of 128 5×5×48 convolutions with stride [1  1] and padding [0  0  0  0]"),
    (groupedConvolution2dLayer(3, 1, "channel-wise", Padding="same", Weights=weights(3, 3, 1, 1, 32)),
     "2-D Grouped Convolution", "32 groups of 1 3×3×1 convolutions with stride [1  1] and padding 'same'"),
    (groupedConvolution2dLayer(3, 1, "channel-wise", DilationFactor=2), "2-D Grouped Convolution",
     "Channel-wise groups of 1 3×3×1 convolutions with stride [1  1], dilation factor [2  2], and padding [0  0  0  0]"),
    (transposedConv2dLayer(1, 340, Cropping="same"), "2-D Transposed Convolution",
     "340 1×1 transposed convolutions with stride [1  1] and cropping 'same'"),
    (transposedConv2dLayer(4, 8, Stride=2, Weights=weights(4, 4, 8, 16)), "2-D Transposed Convolution",
     "8 4×4×16 transposed convolutions with stride [2  2] and cropping [0  0  0  0]"),
    (transposedConv3dLayer(2, 16, Stride=2, NumChannels=32), "3-D Transposed Convolution",
     "16 2×2×2×32 transposed convolutions with stride [2  2  2] and cropping [0  0  0; 0  0  0]"),
    (crossChannelNormalizationLayer(5, K=1), "Cross Channel Normalization",
     "cross channel normalization with 5 channels per element"),
    (fullyConnectedLayer(10), "Fully Connected", "10 fully connected layer"),
    (maxPooling2dLayer(2, Stride=2), "2-D Max Pooling", "2×2 max pooling with stride [2  2] and padding [0  0  0  0]"),
    (maxPooling2dLayer(3, Padding=[0, 1, 0, 2]), "2-D Max Pooling",
     "3×3 max pooling with stride [1  1] and padding [0  1  0  2]"),
    (maxUnpooling2dLayer(), "2-D Max Unpooling", "Max Unpooling"),
    (averagePooling2dLayer(7), "2-D Average Pooling",
     "7×7 average pooling with stride [1  1] and padding [0  0  0  0]"),
    (globalAveragePooling2dLayer(), "2-D Global Average Pooling", "2-D global average pooling"),
    (adaptiveAveragePooling2dLayer([7, 5]), "2-D Adaptive Average Pooling",
     "adaptive average pooling with output size [7  5]"),
    (complexFullyConnectedLayer(10), "Complex Fully Connected", "10 complex fully connected layer"),
    (spectralConvolution2dLayer([8, 12], 32), "2-D Spectral Convolution", "32 spectral convolutions of 8×12 modes"),
    (spaceToDepthLayer([2, 3]), "Space to Depth", "space to depth with block size 2×3"),
    (depthToSpace2dLayer(2), "2-D Depth to Space", "depth to space with block size 2×2"),
    (crop2dLayer("centercrop"), "Crop 2D", "center crop"),
    (crop2dLayer([3, 5]), "Crop 2D", "crop from location [3  5]"),
    (crop3dLayer([3, 5, 1]), "Crop 3D", "crop from location [3  5  1]"),
    (resize2dLayer(Scale=[2, 0.5]), "Resize", "nearest resizing with scale [2  0.5]"),
    (resize2dLayer(OutputSize=[64, float("nan")], Method="bilinear"), "Resize", "bilinear resizing to 64×NaN"),
    (resize3dLayer(EnableReferenceInput=True, Method="tri"), "Resize 3D", "trilinear resizing to the size of 'ref'"),
    (globalAveragePooling3dLayer(), "3-D Global Average Pooling", "3-D global average pooling"),
    (globalMaxPooling3dLayer(), "3-D Global Max Pooling", "3-D global max pooling"),
    (reluLayer(), "ReLU", "ReLU"),
    (selfAttentionLayer(8, 64), "Self Attention", "Self attention with 8 heads and 64 key and query channels"),
    (attentionLayer(1), "Attention", "Attention with 1 head"),
    (wordEmbeddingLayer(50, 423), "Word Embedding Layer", "Word embedding layer with 50 dimensions and 423 unique words"),
    (embeddingLayer(16, 7), "Embedding", "Embedding layer with 16 channels and indices up to 7"),
    (inverseNormalizationLayer(Normalization="rescale-symmetric"), "Inverse Normalization",
     "Inverse of 'rescale-symmetric' normalization"),
    (positionEmbeddingLayer(64, 100), "Position Embedding",
     "Position embedding layer with 64 channels and up to 100 positions"),
    (sinusoidalPositionEncodingLayer(64), "Sinusoidal Position Encoding",
     "Sinusoidal position encoding with 64 channels"),
    (patchEmbeddingLayer([16, 8], 64), "Patch Embedding", "Patch embedding layer with 64 channels and patches of size 16×8"),
    (embeddingConcatenationLayer(), "Embedding Concatenation", "Embedding concatenation"),
    (sequenceFoldingLayer(), "Sequence Folding", "Sequence folding"),
    (sequenceUnfoldingLayer(), "Sequence Unfolding", "Sequence unfolding"),
    (indexing1dLayer("last"), "1-D Indexing", "1-D indexing of the last element"),
    (leakyReluLayer(0.1), "Leaky ReLU", "Leaky ReLU with scale 0.1"),
    (clippedReluLayer(6), "Clipped ReLU", "Clipped ReLU with ceiling 6"),
    (eluLayer(0.5), "ELU", "ELU with Alpha 0.5"),
    (tanhLayer(), "Tanh", "Hyperbolic tangent"),
    (sigmoidLayer(), "Sigmoid", "sigmoid"),
    (swishLayer(), "Swish", "Swish"),
    (geluLayer(Approximation="tanh"), "GELU", "GELU"),
    (softplusLayer(), "Softplus", "Softplus"),
    (spatialDropoutLayer(0.2), "Spatial Dropout", "20% spatial dropout"),
    (inputLayer([28, 28, 1, np.nan], "SSCB"), "Input", "28×28×1×NaN data of format SSCB"),
    (preluLayer(), "PReLU", "PReLU"),
    (scalingLayer(Scale=2), "Scaling", "Scaling"),
    (identityLayer(), "Identity", "Identity"),
    (flattenLayer(), "Flatten", "Flatten"),
    (permuteLayer([2, 1, 3]), "Permute", "Permute dimensions in the order [2  1  3]"),
    (reshapeLayer([], 14, 4), "Reshape", "Reshape to []×14×4"),
    (quadraticLayer(), "Quadratic", "Quadratic"),
    (channelShuffleLayer(4), "Channel Shuffle", "Channel shuffle of 4 groups"),
    (softmaxLayer(), "Softmax", "softmax"),
    (batchNormalizationLayer(), "Batch Normalization", "Batch normalization"),
    (batchNormalizationLayer(Scale=weights(1, 1, 64)), "Batch Normalization", "Batch normalization with 64 channels"),
    (groupNormalizationLayer(4), "Group Normalization", "Group normalization"),
    (groupNormalizationLayer(4, Scale=weights(1, 1, 64)), "Group Normalization",
     "Group normalization with 64 channels split into 4 groups"),
    (groupNormalizationLayer("all-channels", NumChannels=8), "Group Normalization", "Group normalization with 8 channels"),
    (instanceNormalizationLayer(NumChannels=8), "Instance Normalization", "Instance normalization with 8 channels"),
    (layerNormalizationLayer(), "Layer Normalization", "Layer normalization"),
    (dropoutLayer(), "Dropout", "50% dropout"),
    (dropoutLayer(0.2), "Dropout", "20% dropout"),
    (lstmLayer(150), "LSTM", "LSTM with 150 hidden units"), (lstmLayer(1), "LSTM", "LSTM with 1 hidden unit"),
    (bilstmLayer(100), "BiLSTM", "BiLSTM with 100 hidden units"), (gruLayer(100), "GRU", "GRU with 100 hidden units"),
    (lstmProjectedLayer(100, 30, 16), "Projected LSTM",
     "Projected LSTM layer with 100 hidden units, an output projector size of 30, and an input projector size of 16"),
    (gruProjectedLayer(9, 3, 2), "Projected GRU",
     "Projected GRU layer with 9 hidden units, an output projector size of 3, and an input projector size of 2"),
    (additionLayer(2), "Addition", "Element-wise addition of 2 inputs"),
    (multiplicationLayer(3), "Multiplication", "Element-wise multiplication of 3 inputs"),
    (depthConcatenationLayer(2), "Depth concatenation", "Depth concatenation of 2 inputs"),
    (concatenationLayer(1, 2), "Concatenation", "Concatenation of 2 inputs along dimension 1"),
    (classificationLayer(), "Classification Output", "crossentropyex"),
    (classificationLayer(Classes=["a", "b"]), "Classification Output", "crossentropyex with classes 'a' and 'b'"),
    (classificationLayer(Classes=["tench", *map(str, range(999))]), "Classification Output",
     "crossentropyex with 'tench' and 999 other classes"),
    (regressionLayer(), "Regression Output", "mean-squared-error"),
    (regressionLayer(ResponseNames="Response"), "Regression Output", "mean-squared-error with response 'Response'"),
    (dicePixelClassificationLayer(), "Dice Pixel Classification Layer", "Generalized Dice loss"),
    (focalLossLayer(Classes=["sky", "sea"]), "Focal Loss Layer", "Focal loss with classes 'sky' and 'sea'"),
    (pixelClassificationLayer(), "Pixel Classification Layer", "Cross-entropy loss"),
    (pixelClassificationLayer(Classes=list("abcde")), "Pixel Classification Layer",
     "Cross-entropy loss with 'a', 'b', and 3 other classes"),
    (pixelClassificationLayer(Classes=list("abc")), "Pixel Classification Layer",
     "Cross-entropy loss with 'a', 'b', and 1 other class"),
    (pixelClassificationLayer(Classes=["sky"]), "Pixel Classification Layer", "Cross-entropy loss with class 'sky'"),
])
def test_type_and_description(layer, kind, text):
    assert (layer.type_text, layer.describe()) == (kind, text)


def test_a_wrong_number_of_dimensions_in_weights_does_not_disturb_displays():
    assert convolution2dLayer(3, 8, Weights=[1, 2, 3]).describe().startswith("8 3×3 convolutions")


def test_an_unknown_size_is_displayed_as_it_is_written():
    assert "InputSize: [28 28 1 NaN]" in str(inputLayer([28, 28, 1, np.nan], "SSCB"))


def test_an_lstm_is_displayed_as_matlab_displays_it():
    """A printed layer of the documentation, but for empty lines."""
    lines = [line for line in str(lstmLayer(150, OutputMode="last")).splitlines() if line]
    assert lines == """\
  LSTMLayer with properties:
                       Name: ''
                 InputNames: {'in'}
                OutputNames: {'out'}
                  NumInputs: 1
                 NumOutputs: 1
             HasStateInputs: 0
            HasStateOutputs: 0
   Hyperparameters
                  InputSize: 'auto'
             NumHiddenUnits: 150
                 OutputMode: 'last'
    StateActivationFunction: 'tanh'
     GateActivationFunction: 'sigmoid'
   Learnable Parameters
               InputWeights: []
           RecurrentWeights: []
                       Bias: []
   State Parameters
                HiddenState: []
                  CellState: []
  Show all properties""".splitlines()


@pytest.mark.parametrize(("layer", "shown"), [
    (reluLayer(), "Name"), (maxUnpooling2dLayer(), "Name NumInputs InputNames"),
    (crossChannelNormalizationLayer(5), "Name | WindowChannelSize Alpha Beta K"),
    (multiplicationLayer(2), "Name NumInputs InputNames"),
    (groupNormalizationLayer(2), "Name NumChannels | NumGroups Epsilon | Offset Scale"),
    (layerNormalizationLayer(), "Name NumChannels | Epsilon OperationDimension | Offset Scale"),
    (crop2dLayer([1, 1]), "Name NumInputs InputNames | Mode Location"),
    (crop3dLayer(), "Name NumInputs InputNames | CropLocation"),
    (resize2dLayer(Scale=2), "Name Scale OutputSize EnableReferenceInput Method GeometricTransformMode NearestRoundingMode"),
    (additionLayer(2), "Name NumInputs InputNames"), (concatenationLayer(1, 2), "Name Dim NumInputs InputNames"),
    (maxPooling2dLayer(2), "Name HasUnpoolingOutputs NumOutputs OutputNames | PoolSize Stride PaddingMode PaddingSize"),
    (imageInputLayer([2, 2, 1]), "Name InputSize SplitComplexInputs | "
                                 "DataAugmentation Normalization NormalizationDimension Mean"),
    (imageInputLayer([2, 2, 1], Normalization="rescale-zero-one"),
     "Name InputSize SplitComplexInputs | DataAugmentation Normalization NormalizationDimension Min Max"),
    (fullyConnectedLayer(1), "Name | InputSize OutputSize | Weights Bias"),
    (convolution2dLayer(3, 1), "Name | FilterSize NumChannels NumFilters Stride DilationFactor PaddingMode PaddingSize "
                               "PaddingValue | Weights Bias"),
    (groupedConvolution2dLayer(3, 1, 1), "Name | FilterSize NumChannelsPerGroup NumFiltersPerGroup NumGroups Stride "
                                         "DilationFactor PaddingMode PaddingSize PaddingValue | Weights Bias"),
    (batchNormalizationLayer(), "Name NumChannels TrainedMean TrainedVariance | MeanDecay VarianceDecay Epsilon | "
                                "Offset Scale"),
    (classificationLayer(), "Name Classes ClassWeights OutputSize | LossFunction"),
    (focalLossLayer(), "Name Classes OutputSize | Alpha Gamma LossFunction"),
    (dicePixelClassificationLayer(), "Name Classes OutputSize | LossFunction"),
    (clippedReluLayer(6), "Name | Ceiling"), (eluLayer(), "Name Alpha"), (geluLayer(), "Name | Approximation"),
    (inputLayer([4, None], "CB"), "Name InputSize InputFormat"), (preluLayer(), "Name | Alpha"),
    (scalingLayer(), "Name | Scale Bias"), (channelShuffleLayer(2), "Name | NumGroups"),
    (gruProjectedLayer(3, 2, 1, HasStateInputs=True),
     "Name InputNames OutputNames NumInputs NumOutputs HasStateInputs HasStateOutputs | InputSize NumHiddenUnits "
     "OutputProjectorSize InputProjectorSize OutputMode StateActivationFunction GateActivationFunction ResetGateMode | "
     "InputWeights RecurrentWeights Bias InputProjector OutputProjector | HiddenState"),
    (regressionLayer(), "Name ResponseNames | LossFunction"),
    (dropoutLayer(), "Name | Probability"),
])
def test_properties_in_matlabs_order(layer, shown):
    blocks = str(layer).split("\n\n")[1:]
    names = [" ".join(line.split(":")[0].strip() for line in block.splitlines() if ":" in line) for block in blocks]
    assert " | ".join(filter(None, names)) == shown
    assert ("Show all properties" in str(layer)) == any(prop.group == "hidden" for prop, _ in layer.values())
