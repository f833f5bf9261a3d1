"""Output sizes, learnables and states of every page; numbers worked out by hand from the documented formulas."""

import numpy as np
import pytest

from dltoolbox import (
    adaptiveAveragePooling2dLayer,
    additionLayer,
    addLayers,
    attentionLayer,
    averagePooling1dLayer,
    averagePooling2dLayer,
    averagePooling3dLayer,
    batchNormalizationLayer,
    bilstmLayer,
    channelShuffleLayer,
    classificationLayer,
    clippedReluLayer,
    complexFullyConnectedLayer,
    complexReluLayer,
    complexToRealLayer,
    concatenationLayer,
    connectLayers,
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
    globalMaxPooling2dLayer,
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
    layerGraph,
    layerNormalizationLayer,
    leakyReluLayer,
    lstmLayer,
    lstmProjectedLayer,
    maxPooling1dLayer,
    maxPooling2dLayer,
    maxPooling3dLayer,
    maxUnpooling1dLayer,
    maxUnpooling2dLayer,
    maxUnpooling3dLayer,
    multiplicationLayer,
    patchEmbeddingLayer,
    permuteLayer,
    pixelClassificationLayer,
    positionEmbeddingLayer,
    preluLayer,
    quadraticLayer,
    realToComplexLayer,
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
    spectralConvolution1dLayer,
    spectralConvolution2dLayer,
    spectralConvolution3dLayer,
    stochasticPooling1dLayer,
    stochasticPooling2dLayer,
    stochasticPooling3dLayer,
    swishLayer,
    tanhLayer,
    transposedConv1dLayer,
    transposedConv2dLayer,
    transposedConv3dLayer,
    wordEmbeddingLayer,
    zreluLayer,
)
from dltoolbox.layers.base import LAYERS
from dltoolbox.report.analyze import analyzeNetwork

IMAGE, VOLUME, FEATURES = imageInputLayer([28, 21, 3]), image3dInputLayer([8, 9, 10, 2]), featureInputLayer(12)
SIGNAL, SEQUENCE = inputLayer([9, 3, np.nan], "SCB"), inputLayer([12, np.nan, np.nan], "CBT")
LINES = inputLayer([9, 3, np.nan, np.nan], "SCBT")
STEPS, LINE = inputLayer([6, np.nan, np.nan], "CBT"), inputLayer([7, 6, np.nan], "SCB")
BN = "TrainedMean {0}, TrainedVariance {0}"

CASES = [  # input, layer, activations, learnables, states
    (IMAGE, imageInputLayer([28, 21, 3]), "28(S) × 21(S) × 3(C) × 1(B)", "", "Mean 1×1×3"),
    (IMAGE, imageInputLayer([4, 5], Normalization="none"), "4(S) × 5(S) × 1(C) × 1(B)", "", ""),
    (IMAGE, imageInputLayer([4, 5, 2], Normalization="zscore", NormalizationDimension="element"),
     "4(S) × 5(S) × 2(C) × 1(B)", "", "Mean 4×5×2, StandardDeviation 4×5×2"),
    (IMAGE, imageInputLayer([4, 5, 2], Normalization="rescale-symmetric", NormalizationDimension="all"),
     "4(S) × 5(S) × 2(C) × 1(B)", "", "Min 1×1×1, Max 1×1×1"),
    (IMAGE, imageInputLayer([4, 5, 2], SplitComplexInputs=True, Normalization="none"), "4(S) × 5(S) × 4(C) × 1(B)", "", ""),
    (IMAGE, image3dInputLayer([8, 9, 10, 2]), "8(S) × 9(S) × 10(S) × 2(C) × 1(B)", "", "Mean 1×1×1×2"),
    (IMAGE, featureInputLayer(12, Normalization="zscore"), "12(C) × 1(B)", "", "Mean 12×1, StandardDeviation 12×1"),
    (IMAGE, sequenceInputLayer(12, Normalization="zscore"), "12(C) × 1(B) × 1(T)", "", "Mean 12×1, StandardDeviation 12×1"),
    (IMAGE, sequenceInputLayer([9, 2], Normalization="zerocenter"), "9(S) × 2(C) × 1(B) × 1(T)", "", "Mean 1×2"),
    (IMAGE, sequenceInputLayer([4, 5, 2], Normalization="rescale-zero-one", NormalizationDimension="element"),
     "4(S) × 5(S) × 2(C) × 1(B) × 1(T)", "", "Min 4×5×2, Max 4×5×2"),
    (IMAGE, sequenceInputLayer([4, 5, 6, 2], SplitComplexInputs=True), "4(S) × 5(S) × 6(S) × 4(C) × 1(B) × 1(T)", "", ""),
    (SIGNAL, convolution1dLayer(3, 8), "7(S) × 8(C) × 1(B)", "Weights 3×3×8, Bias 1×8", ""),
    (SIGNAL, convolution1dLayer(4, 8, Padding="same", Stride=2), "5(S) × 8(C) × 1(B)", "Weights 4×3×8, Bias 1×8", ""),
    (LINES, convolution1dLayer(3, 8, Padding=[2, 1], DilationFactor=4), "4(S) × 8(C) × 1(B) × 1(T)",
     "Weights 3×3×8, Bias 1×8", ""),
    (SEQUENCE, convolution1dLayer(5, 8, Padding="causal"), "8(C) × 1(B) × 1(T)", "Weights 5×12×8, Bias 1×8", ""),
    (SIGNAL, transposedConv1dLayer(4, 5, Stride=2, Cropping=[1, 0]), "19(S) × 5(C) × 1(B)", "Weights 4×5×3, Bias 1×5", ""),
    (SEQUENCE, transposedConv1dLayer(4, 5, Stride=2), "5(C) × 1(B) × 1(T)", "Weights 4×5×12, Bias 1×5", ""),
    (SIGNAL, maxPooling1dLayer(2, Stride=2), "4(S) × 3(C) × 1(B)", "", ""),
    (SIGNAL, averagePooling1dLayer(3, Padding="same", Stride=2), "5(S) × 3(C) × 1(B)", "", ""),
    (SIGNAL, stochasticPooling1dLayer(2, Stride=4, Rounding="ceil"), "3(S) × 3(C) × 1(B)", "", ""),
    (IMAGE, stochasticPooling2dLayer(3, Stride=2, DilationFactor=2, Padding=1), "13(S) × 10(S) × 3(C) × 1(B)", "", ""),
    (IMAGE, maxPooling2dLayer(1, Stride=9, Rounding="ceil"), "4(S) × 3(S) × 3(C) × 1(B)", "", ""),
    (IMAGE, maxPooling2dLayer(1, Stride=[9, 10], Rounding="caffe"), "4(S) × 3(S) × 3(C) × 1(B)", "", ""),
    (IMAGE, averagePooling2dLayer(2, Padding="same-lower"), "28(S) × 21(S) × 3(C) × 1(B)", "", ""),
    (VOLUME, stochasticPooling3dLayer(2, Stride=2, Rounding="ceil"), "4(S) × 5(S) × 5(S) × 2(C) × 1(B)", "", ""),
    (SIGNAL, globalAveragePooling1dLayer(), "1(S) × 3(C) × 1(B)", "", ""),
    (LINES, globalMaxPooling1dLayer(), "1(S) × 3(C) × 1(B) × 1(T)", "", ""),
    (SEQUENCE, globalMaxPooling1dLayer(), "12(C) × 1(B)", "", ""),
    (LINES, globalAveragePooling2dLayer(), "1(S) × 3(C) × 1(B)", "", ""),
    (IMAGE, convolution2dLayer(3, 8), "26(S) × 19(S) × 8(C) × 1(B)", "Weights 3×3×3×8, Bias 1×1×8", ""),
    (IMAGE, convolution2dLayer(3, 8, Padding="same"), "28(S) × 21(S) × 8(C) × 1(B)", "Weights 3×3×3×8, Bias 1×1×8", ""),
    (IMAGE, convolution2dLayer(3, 8, Padding="same", Stride=2), "14(S) × 11(S) × 8(C) × 1(B)",
     "Weights 3×3×3×8, Bias 1×1×8", ""),
    (IMAGE, convolution2dLayer([5, 3], 4, Padding=[1, 2, 3, 4], Stride=[2, 3]), "14(S) × 9(S) × 4(C) × 1(B)",
     "Weights 5×3×3×4, Bias 1×1×4", ""),
    (IMAGE, convolution2dLayer(3, 1, DilationFactor=[2, 4]), "24(S) × 13(S) × 1(C) × 1(B)",
     "Weights 3×3×3×1, Bias 1×1×1", ""),
    (VOLUME, convolution3dLayer(3, 4), "6(S) × 7(S) × 8(S) × 4(C) × 1(B)", "Weights 3×3×3×2×4, Bias 1×1×1×4", ""),
    (VOLUME, convolution3dLayer([1, 2, 3], 4, Padding=[[1, 0, 0], [0, 2, 0]], Stride=2), "5(S) × 5(S) × 4(S) × 4(C) × 1(B)",
     "Weights 1×2×3×2×4, Bias 1×1×1×4", ""),
    (IMAGE, groupedConvolution2dLayer(3, 2, "channel-wise", Padding="same"), "28(S) × 21(S) × 6(C) × 1(B)",
     "Weights 3×3×1×2×3, Bias 1×1×2×3", ""),
    (imageInputLayer([28, 21, 96]), groupedConvolution2dLayer(5, 128, 2, Stride=2, Padding=2),
     "14(S) × 11(S) × 256(C) × 1(B)", "Weights 5×5×48×128×2, Bias 1×1×128×2", ""),
    (IMAGE, transposedConv2dLayer(4, 5, Stride=2), "58(S) × 44(S) × 5(C) × 1(B)", "Weights 4×4×5×3, Bias 1×1×5", ""),
    (IMAGE, transposedConv2dLayer(4, 5, Stride=2, Cropping=1), "56(S) × 42(S) × 5(C) × 1(B)",
     "Weights 4×4×5×3, Bias 1×1×5", ""),
    (IMAGE, transposedConv2dLayer([2, 3], 1, Stride=[2, 3], Cropping="same"), "56(S) × 63(S) × 1(C) × 1(B)",
     "Weights 2×3×1×3, Bias 1×1×1", ""),
    (VOLUME, transposedConv3dLayer([2, 3, 4], 5, Stride=[2, 1, 3], Cropping=[[1, 0, 0], [0, 2, 0]]),
     "15(S) × 9(S) × 31(S) × 5(C) × 1(B)", "Weights 2×3×4×5×2, Bias 1×1×1×5", ""),
    (VOLUME, transposedConv3dLayer(2, 1, Stride=2, Cropping="same"), "16(S) × 18(S) × 20(S) × 1(C) × 1(B)",
     "Weights 2×2×2×1×2, Bias 1×1×1×1", ""),
    (IMAGE, crossChannelNormalizationLayer(5), "28(S) × 21(S) × 3(C) × 1(B)", "", ""),
    (FEATURES, crossChannelNormalizationLayer(2), "12(C) × 1(B)", "", ""),
    (IMAGE, fullyConnectedLayer(10), "10(C) × 1(B)", "Weights 10×1764, Bias 10×1", ""),
    (VOLUME, fullyConnectedLayer(1), "1(C) × 1(B)", "Weights 1×1440, Bias 1×1", ""),
    (FEATURES, fullyConnectedLayer(10), "10(C) × 1(B)", "Weights 10×12, Bias 10×1", ""),
    (IMAGE, maxPooling2dLayer(2), "27(S) × 20(S) × 3(C) × 1(B)", "", ""),
    (IMAGE, maxPooling2dLayer(2, Stride=2), "14(S) × 10(S) × 3(C) × 1(B)", "", ""),
    (IMAGE, maxPooling2dLayer([3, 2], Stride=[3, 2], Padding=[1, 0, 1, 1]), "9(S) × 11(S) × 3(C) × 1(B)", "", ""),
    (IMAGE, maxPooling2dLayer(2, Stride=2, Padding="same"), "14(S) × 11(S) × 3(C) × 1(B)", "", ""),
    (VOLUME, maxPooling3dLayer(2, Stride=2), "4(S) × 4(S) × 5(S) × 2(C) × 1(B)", "", ""),
    (IMAGE, averagePooling2dLayer(7, Stride=7), "4(S) × 3(S) × 3(C) × 1(B)", "", ""),
    (VOLUME, averagePooling3dLayer([2, 3, 5], Stride=[2, 3, 5]), "4(S) × 3(S) × 2(S) × 2(C) × 1(B)", "", ""),
    (IMAGE, globalAveragePooling2dLayer(), "1(S) × 1(S) × 3(C) × 1(B)", "", ""),
    (IMAGE, globalMaxPooling2dLayer(), "1(S) × 1(S) × 3(C) × 1(B)", "", ""),
    (IMAGE, adaptiveAveragePooling2dLayer([7, 5]), "7(S) × 5(S) × 3(C) × 1(B)", "", ""),
    (SIGNAL, spectralConvolution1dLayer(5, 8), "9(S) × 8(C) × 1(B)", "Weights 5×3×8×2", ""),
    (SEQUENCE, spectralConvolution1dLayer(5, 8), "8(C) × 1(B) × 1(T)", "Weights 5×12×8×2", ""),
    (LINES, spectralConvolution2dLayer([5, 3], 8), "9(S) × 8(C) × 1(B) × 1(T)", "Weights 5×3×3×8×2", ""),
    (IMAGE, spectralConvolution2dLayer([14, 11], 8), "28(S) × 21(S) × 8(C) × 1(B)", "Weights 14×11×3×8×2", ""),
    (VOLUME, spectralConvolution3dLayer(4, 1), "8(S) × 9(S) × 10(S) × 1(C) × 1(B)", "Weights 4×4×4×2×1×2", ""),
    (FEATURES, realToComplexLayer(), "6(C) × 1(B)", "", ""),
    (VOLUME, realToComplexLayer(), "8(S) × 9(S) × 10(S) × 1(C) × 1(B)", "", ""),
    (FEATURES, complexFullyConnectedLayer(10), "10(C) × 1(B)", "Weights 10×12×2, Bias 10×1×2", ""),
    (IMAGE, complexReluLayer(), "28(S) × 21(S) × 3(C) × 1(B)", "", ""),
    (IMAGE, zreluLayer(), "28(S) × 21(S) × 3(C) × 1(B)", "", ""),
    (IMAGE, spaceToDepthLayer([4, 2]), "7(S) × 10(S) × 24(C) × 1(B)", "", ""),
    (imageInputLayer([3, 4, 12]), depthToSpace2dLayer([3, 2]), "9(S) × 8(S) × 2(C) × 1(B)", "", ""),
    (IMAGE, resize2dLayer(Scale=[1.5, 0.5]), "42(S) × 10(S) × 3(C) × 1(B)", "", ""),
    (IMAGE, resize2dLayer(OutputSize=[float("nan"), 10]), "14(S) × 10(S) × 3(C) × 1(B)", "", ""),
    (VOLUME, resize3dLayer(OutputSize=[3, 4, 5]), "3(S) × 4(S) × 5(S) × 2(C) × 1(B)", "", ""),
    (VOLUME, globalAveragePooling3dLayer(), "1(S) × 1(S) × 1(S) × 2(C) × 1(B)", "", ""),
    (VOLUME, globalMaxPooling3dLayer(), "1(S) × 1(S) × 1(S) × 2(C) × 1(B)", "", ""),
    (IMAGE, batchNormalizationLayer(), "28(S) × 21(S) × 3(C) × 1(B)", "Offset 1×1×3, Scale 1×1×3", BN.format("1×1×3")),
    (VOLUME, batchNormalizationLayer(), "8(S) × 9(S) × 10(S) × 2(C) × 1(B)", "Offset 1×1×1×2, Scale 1×1×1×2",
     BN.format("1×1×1×2")),
    (IMAGE, groupNormalizationLayer(3), "28(S) × 21(S) × 3(C) × 1(B)", "Offset 1×1×3, Scale 1×1×3", ""),
    (VOLUME, instanceNormalizationLayer(), "8(S) × 9(S) × 10(S) × 2(C) × 1(B)", "Offset 1×1×1×2, Scale 1×1×1×2", ""),
    (FEATURES, layerNormalizationLayer(), "12(C) × 1(B)", "Offset 12×1, Scale 12×1", ""),
    (FEATURES, batchNormalizationLayer(), "12(C) × 1(B)", "Offset 12×1, Scale 12×1", BN.format("12×1")),
    (IMAGE, reluLayer(), "28(S) × 21(S) × 3(C) × 1(B)", "", ""),
    (FEATURES, leakyReluLayer(), "12(C) × 1(B)", "", ""),
    (VOLUME, dropoutLayer(), "8(S) × 9(S) × 10(S) × 2(C) × 1(B)", "", ""),
    (FEATURES, softmaxLayer(), "12(C) × 1(B)", "", ""),
    *((IMAGE, one, "28(S) × 21(S) × 3(C) × 1(B)", "", "") for one in (
        clippedReluLayer(6), eluLayer(), tanhLayer(), sigmoidLayer(), swishLayer(), geluLayer(), softplusLayer(),
        identityLayer(), channelShuffleLayer(3))),
    (IMAGE, inputLayer([4, 5, 2, np.nan], "SSCB"), "4(S) × 5(S) × 2(C) × 1(B)", "", ""),
    (IMAGE, inputLayer([None, 7], "bc"), "7(C) × 1(B)", "", ""),
    (IMAGE, inputLayer([64, 2, 3, 4, 5], "BCSSS"), "3(S) × 4(S) × 5(S) × 2(C) × 1(B)", "", ""),
    (IMAGE, spatialDropoutLayer(), "28(S) × 21(S) × 3(C) × 1(B)", "", ""),
    (IMAGE, preluLayer(), "28(S) × 21(S) × 3(C) × 1(B)", "Alpha 1×1", ""),
    (VOLUME, preluLayer(Alpha=np.ones((1, 1, 1, 2))), "8(S) × 9(S) × 10(S) × 2(C) × 1(B)", "Alpha 1×1×1×2", ""),
    (FEATURES, preluLayer(Alpha=np.ones((12, 1))), "12(C) × 1(B)", "Alpha 12×1", ""),
    (IMAGE, preluLayer(Alpha=[1.0] * 21), "28(S) × 21(S) × 3(C) × 1(B)", "Alpha 1×21", ""),
    (IMAGE, scalingLayer(Scale=np.ones((28, 1, 3))), "28(S) × 21(S) × 3(C) × 1(B)", "", ""),
    (FEATURES, channelShuffleLayer(4), "12(C) × 1(B)", "", ""),
    (FEATURES, quadraticLayer(), "78(C) × 1(B)", "", ""),
    (STEPS, quadraticLayer(), "21(C) × 1(B) × 1(T)", "", ""),
    (IMAGE, quadraticLayer(), "28(S) × 21(S) × 6(C) × 1(B)", "", ""),
    (IMAGE, permuteLayer([3, 1, 2]), "3(S) × 28(S) × 21(C) × 1(B)", "", ""),
    (IMAGE, permuteLayer([2, 1]), "21(S) × 28(S) × 3(C) × 1(B)", "", ""),
    (VOLUME, permuteLayer([4, 3, 2, 1, 5]), "2(S) × 10(S) × 9(S) × 8(C) × 1(B)", "", ""),
    (LINES, permuteLayer([2, 1, 3, 4]), "3(S) × 9(C) × 1(B) × 1(T)", "", ""),
    (FEATURES, permuteLayer([1, 2, 3]), "12(C) × 1(B)", "", ""),
    (IMAGE, reshapeLayer(14, 42, 3, []), "14(S) × 42(S) × 3(C) × 1(B)", "", ""),
    (IMAGE, reshapeLayer([1764, []]), "1764(C) × 1(B)", "", ""),
    (IMAGE, reshapeLayer([588, []], OperationDimension="spatial-channel"), "588(S) × 3(C) × 1(B)", "", ""),
    (VOLUME, reshapeLayer(36, [], 10, OperationDimension="spatial-channel"), "36(S) × 4(S) × 10(C) × 1(B)", "", ""),
    (FEATURES, reshapeLayer([1, 2, 2, 3], OperationDimension="spatial-channel"), "1(S) × 2(S) × 2(S) × 3(C) × 1(B)", "", ""),
    (SEQUENCE, reshapeLayer([2, 6], OperationDimension="spatial-channel"), "2(S) × 6(C) × 1(B) × 1(T)", "", ""),
    (IMAGE, flattenLayer(), "1764(C) × 1(B)", "", ""),
    (VOLUME, flattenLayer(), "1440(C) × 1(B)", "", ""),
    (FEATURES, flattenLayer(), "12(C) × 1(B)", "", ""),
    *((SEQUENCE, one, f"{out}(C) × 1(B) × 1(T)", learnables, states) for one, out, learnables, states in (
        (lstmLayer(5), 5, "InputWeights 20×12, RecurrentWeights 20×5, Bias 20×1", "HiddenState 5×1, CellState 5×1"),
        (bilstmLayer(5), 10, "InputWeights 40×12, RecurrentWeights 40×5, Bias 40×1", "HiddenState 10×1, CellState 10×1"),
        (gruLayer(5), 5, "InputWeights 15×12, RecurrentWeights 15×5, Bias 15×1", "HiddenState 5×1"),
        (gruLayer(5, ResetGateMode="recurrent-bias-after-multiplication"), 5,
         "InputWeights 15×12, RecurrentWeights 15×5, Bias 30×1", "HiddenState 5×1"),
        (lstmProjectedLayer(5, 3, 2), 5, "InputWeights 20×2, RecurrentWeights 20×3, Bias 20×1, InputProjector 12×2, "
         "OutputProjector 5×3", "HiddenState 5×1, CellState 5×1"),
        (gruProjectedLayer(5, 3, 2), 5, "InputWeights 15×2, RecurrentWeights 15×3, Bias 15×1, InputProjector 12×2, "
         "OutputProjector 5×3", "HiddenState 5×1"))),
    (SEQUENCE, lstmLayer(5, OutputMode="last"), "5(C) × 1(B)", "InputWeights 20×12, RecurrentWeights 20×5, Bias 20×1",
     "HiddenState 5×1, CellState 5×1"),
    (STEPS, selfAttentionLayer(2, 8), "6(C) × 1(B) × 1(T)", "QueryWeights 8×6, KeyWeights 8×6, ValueWeights 8×6, "
     "OutputWeights 6×8, QueryBias 8×1, KeyBias 8×1, ValueBias 8×1, OutputBias 6×1", ""),
    (LINE, selfAttentionLayer(2, 8, NumValueChannels=10, OutputSize=3), "7(S) × 3(C) × 1(B)",
     "QueryWeights 8×6, KeyWeights 8×6, ValueWeights 10×6, OutputWeights 3×10, QueryBias 8×1, KeyBias 8×1, "
     "ValueBias 10×1, OutputBias 3×1", ""),
    (inputLayer([1, np.nan, np.nan], "CBT"), wordEmbeddingLayer(5, 10), "5(C) × 1(B) × 1(T)", "Weights 5×11", ""),
    (inputLayer([1, np.nan, np.nan], "CBT"), wordEmbeddingLayer(5, 10, OOVMode="error"), "5(C) × 1(B) × 1(T)",
     "Weights 5×10", ""),
    (inputLayer([1, np.nan, np.nan], "CBT"), embeddingLayer(5, 10), "5(C) × 1(B) × 1(T)", "Weights 5×10", ""),
    (inputLayer([1, np.nan], "CB"), embeddingLayer(5, 10, ZeroIndexMapping="first-vector"), "5(C) × 1(B)",
     "Weights 5×11", ""),
    (IMAGE, inverseNormalizationLayer(Mean=[1, 2, 3], StandardDeviation=2), "28(S) × 21(S) × 3(C) × 1(B)", "", ""),
    (IMAGE, inverseNormalizationLayer(1, Normalization="zerocenter", Mean=[1] * 28), "28(S) × 21(S) × 3(C) × 1(B)", "",
     ""),
    (STEPS, inverseNormalizationLayer("channel", Normalization="rescale-zero-one", Min=[0] * 6, Max=1),
     "6(C) × 1(B) × 1(T)", "", ""),
    (STEPS, positionEmbeddingLayer(8, 20), "8(C) × 1(B) × 1(T)", "Weights 8×20", ""),
    (LINE, positionEmbeddingLayer(8, 20), "7(S) × 8(C) × 1(B)", "Weights 8×20", ""),
    (STEPS, sinusoidalPositionEncodingLayer(8), "8(C) × 1(B) × 1(T)", "", ""),
    (imageInputLayer([4, 5, 1]), sinusoidalPositionEncodingLayer(8), "4(S) × 5(S) × 8(C) × 1(B)", "", ""),
    (IMAGE, patchEmbeddingLayer([7, 4], 8), "20(S) × 8(C) × 1(B)", "Weights 7×4×3×8, Bias 1×1×8", ""),
    (VOLUME, patchEmbeddingLayer(4, 8), "8(S) × 8(C) × 1(B)", "Weights 4×4×4×2×8, Bias 1×1×1×8", ""),
    (LINE, embeddingConcatenationLayer(), "8(S) × 6(C) × 1(B)", "Weights 6×1", ""),
    (STEPS, embeddingConcatenationLayer(), "6(C) × 1(B) × 1(T)", "Weights 6×1", ""),
    (STEPS, indexing1dLayer("last"), "6(C) × 1(B)", "", ""),
    (LINE, indexing1dLayer(), "6(C) × 1(B)", "", ""),
    (FEATURES, regressionLayer(), "12(C) × 1(B)", "", ""),
    (IMAGE, regressionLayer(), "28(S) × 21(S) × 3(C) × 1(B)", "", ""),
    (FEATURES, classificationLayer(Classes=[f"c{i}" for i in range(12)]), "12(C) × 1(B)", "", ""),
    (VOLUME, dicePixelClassificationLayer(), "8(S) × 9(S) × 10(S) × 2(C) × 1(B)", "", ""),
    (IMAGE, focalLossLayer(), "28(S) × 21(S) × 3(C) × 1(B)", "", ""),
    (STEPS, focalLossLayer(Classes=list("abcdef")), "6(C) × 1(B) × 1(T)", "", ""),
    (IMAGE, pixelClassificationLayer(), "28(S) × 21(S) × 3(C) × 1(B)", "", ""),
    (VOLUME, pixelClassificationLayer(), "8(S) × 9(S) × 10(S) × 2(C) × 1(B)", "", ""),
]


@pytest.mark.parametrize(("source", "layer", "activations", "learnables", "states"), CASES)
def test_one_layer(source, layer, activations, learnables, states):
    layers = [layer] if not layer.inputs() else [source, layer]
    info = analyzeNetwork(layers, nargout=1)
    structural = ("missingOutputLayer", "missingSoftmax")
    assert [issue for issue in info.Issues if not issue.identifier.endswith(structural)] == []
    row = info.LayerInfo
    assert (row.Activations[-1], row.Learnables[-1], row.States[-1]) == (activations, learnables, states)
    products = [eval(part.split(" ")[1].replace("×", "*")) for part in learnables.split(", ") if part]
    assert row.NumLearnables[-1] == sum(products)


def joined(layer, *widths):
    lgraph = layerGraph([IMAGE, convolution2dLayer(1, widths[0], Name="c1")])
    for i, width in enumerate(widths[1:], 2):
        lgraph = connectLayers(addLayers(lgraph, convolution2dLayer(1, width, Name=f"c{i}")), "imageinput", f"c{i}")
    lgraph = addLayers(lgraph, [layer, regressionLayer])
    for i in range(1, len(widths) + 1):
        lgraph = connectLayers(lgraph, f"c{i}", f"join/in{i}")
    return analyzeNetwork(lgraph, nargout=1)


@pytest.mark.parametrize(("layer", "widths", "activations"), [
    (additionLayer(3, Name="join"), (4, 4, 4), "28(S) × 21(S) × 4(C) × 1(B)"),
    (additionLayer(2, Name="join"), (4, 1), "28(S) × 21(S) × 4(C) × 1(B)"),
    (multiplicationLayer(3, Name="join"), (4, 1, 4), "28(S) × 21(S) × 4(C) × 1(B)"),
    (depthConcatenationLayer(3, Name="join"), (4, 2, 1), "28(S) × 21(S) × 7(C) × 1(B)"),
    (concatenationLayer(3, 2, Name="join"), (4, 2), "28(S) × 21(S) × 6(C) × 1(B)"),
    (concatenationLayer(1, 2, Name="join"), (4, 4), "56(S) × 21(S) × 4(C) × 1(B)"),
    (concatenationLayer(2, 3, Name="join"), (4, 4, 4), "28(S) × 63(S) × 4(C) × 1(B)"),
])
def test_joining_layers(layer, widths, activations):
    info = joined(layer, *widths)
    assert info.Issues == ()
    assert info.LayerInfo.Activations[info.LayerInfo.Name.index("join")] == activations


def test_attention_of_three_inputs():
    lgraph = layerGraph([inputLayer([7, 6, np.nan], "SCB", Name="q"), attentionLayer(2, HasScoresOutput=True, Name="a")])
    for name, channels in (("key", 6), ("value", 4)):
        lgraph = addLayers(lgraph, inputLayer([9, channels, np.nan], "SCB", Name=name))
        lgraph = connectLayers(lgraph, name, f"a/{name}")
    info = analyzeNetwork(lgraph, nargout=1, TargetUsage="dlnetwork")
    assert info.Issues == ()
    assert info.ports[1] == ["out 7(S) × 4(C) × 1(B)", "scores 9(S) × 7(S) × 2(C) × 1(B)"]


def test_unfolding_restores_the_sequences():
    lgraph = layerGraph([inputLayer([9, 8, 3, np.nan, np.nan], "SSCBT"), sequenceFoldingLayer(Name="fold"), flattenLayer,
                         sequenceUnfoldingLayer(Name="unfold"), regressionLayer])
    info = analyzeNetwork(connectLayers(lgraph, "fold/miniBatchSize", "unfold/miniBatchSize"), nargout=1)
    assert info.Issues == ()
    assert list(info.LayerInfo.Activations[1:4]) == [
        "out 9(S) × 8(S) × 3(C) × 1(B), miniBatchSize 1(U)", "216(C) × 1(B)", "216(C) × 1(B) × 1(T)"]


@pytest.mark.parametrize(("source", "pool", "unpool", "out"), [
    (IMAGE, maxPooling2dLayer(2, Stride=2, HasUnpoolingOutputs=True, Name="p"), maxUnpooling2dLayer(Name="u"),
     "28(S) × 21(S) × 3(C) × 1(B)"),
    (SIGNAL, maxPooling1dLayer(2, Stride=2, HasUnpoolingOutputs=True, Name="p"), maxUnpooling1dLayer(Name="u"),
     "9(S) × 3(C) × 1(B)"),
    (VOLUME, maxPooling3dLayer(2, Stride=2, HasUnpoolingOutputs=True, Name="p"), maxUnpooling3dLayer(Name="u"),
     "8(S) × 9(S) × 10(S) × 2(C) × 1(B)"),
])
def test_unpooling_restores_the_size(source, pool, unpool, out):
    lgraph = layerGraph([source, pool, unpool, regressionLayer])
    lgraph = connectLayers(connectLayers(lgraph, "p/indices", "u/indices"), "p/size", "u/size")
    info = analyzeNetwork(lgraph, nargout=1)
    assert info.Issues == ()
    assert info.LayerInfo.Activations[2] == out
    assert [text.split(" ")[0] for text in info.ports[1]] == ["out", "indices", "size"]


@pytest.mark.parametrize(("source", "reduce", "layer", "activations"), [
    (IMAGE, maxPooling2dLayer(2, Stride=2), crop2dLayer("centercrop"), "14(S) × 10(S) × 3(C) × 1(B)"),
    (IMAGE, convolution2dLayer(3, 8), crop2dLayer([2, 3]), "26(S) × 19(S) × 3(C) × 1(B)"),
    (VOLUME, maxPooling3dLayer(2, Stride=2), crop3dLayer, "4(S) × 4(S) × 5(S) × 2(C) × 1(B)"),
    (IMAGE, maxPooling2dLayer(2, Stride=2), resize2dLayer(EnableReferenceInput=True), "14(S) × 10(S) × 3(C) × 1(B)"),
])
def test_sizes_of_a_reference(source, reduce, layer, activations):
    lgraph = layerGraph([source, reduce])
    lgraph = addLayers(lgraph, [layer, regressionLayer])
    first, ref, resized, _ = (one.Name for one in lgraph.Layers)
    lgraph = connectLayers(connectLayers(lgraph, first, f"{resized}/in"), ref, f"{resized}/ref")
    info = analyzeNetwork(lgraph, nargout=1)
    assert info.Issues == ()
    assert info.LayerInfo.Activations[2] == activations


def test_complex_channels_are_counted():
    info = analyzeNetwork([sequenceInputLayer([9, 2], SplitComplexInputs=True), realToComplexLayer, complexReluLayer,
                           complexFullyConnectedLayer(5), zreluLayer, complexToRealLayer], nargout=1)
    assert info.Issues == ()
    assert list(info.LayerInfo.Activations[:6]) == [
        "9(S) × 4(C) × 1(B) × 1(T)", *["9(S) × 2(C) × 1(B) × 1(T)"] * 2, *["5(C) × 1(B) × 1(T)"] * 2, "10(C) × 1(B) × 1(T)"]
    assert info.LayerInfo.Learnables[3] == "Weights 5×18×2, Bias 5×1×2"


def test_every_page_has_a_size_case():
    tested = {type(layer).factory for _, layer, *_ in CASES}
    joining = {"attentionLayer", "additionLayer", "multiplicationLayer", "depthConcatenationLayer", "concatenationLayer"}
    others = {"crop2dLayer", "crop3dLayer", "maxUnpooling1dLayer", "maxUnpooling2dLayer", "maxUnpooling3dLayer",
              "sequenceFoldingLayer", "sequenceUnfoldingLayer", "complexToRealLayer"}
    assert tested | joining | others == set(LAYERS)
