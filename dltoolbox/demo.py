"""The networks of ``dltoolbox demo``: one that reads digits, and a segmentation with max unpooling.

The first is the digits network of the README, with its options; both are trained within a minute on two cores.
"""

from __future__ import annotations

from time import perf_counter
from typing import Any

import numpy as np

from dltoolbox import (
    DAGNetwork,
    LayerGraph,
    analyzeNetwork,
    batchNormalizationLayer,
    categorical,
    categories,
    classificationLayer,
    classify,
    connectLayers,
    convolution2dLayer,
    digitTest4DArrayData,
    digitTrain4DArrayData,
    disp,
    evaluateSemanticSegmentation,
    fullyConnectedLayer,
    imageInputLayer,
    layerGraph,
    maxPooling2dLayer,
    maxUnpooling2dLayer,
    pixelClassificationLayer,
    reluLayer,
    rng,
    semanticseg,
    softmaxLayer,
    trainingOptions,
    trainNetwork,
    triangleImages,
)
from dltoolbox.data import SemanticSegmentationMetrics

HEADING_WIDTH = 120  # of the headings: as wide as the training table


def run_demo(short: bool = False) -> tuple[float, float]:
    """Both parts. Returns the accuracy of the digits and the mean IoU of the segmentation."""
    start = perf_counter()
    accuracy = digits(short)
    metrics = segmentation(short)
    iou = metrics.DataSetMetrics.MeanIoU
    heading("Summary")
    print(f"  Digits: {accuracy:.1%} of the test images read correctly.\n"
          f"  Triangles: mean IoU {iou:.4f} over the pixels of the test images.\n"
          f"  Time: {perf_counter() - start:.0f} seconds.\n\n"
          "  In your own scripts:  from dltoolbox import *")
    return accuracy, iou


def digits_layers() -> list[Any]:
    """Three blocks of convolution, batch normalisation and ReLU, with pooling between them."""
    return [
        imageInputLayer([28, 28, 1]),
        convolution2dLayer(3, 8, Padding="same"), batchNormalizationLayer, reluLayer,
        maxPooling2dLayer(2, Stride=2),
        convolution2dLayer(3, 16, Padding="same"), batchNormalizationLayer, reluLayer,
        maxPooling2dLayer(2, Stride=2),
        convolution2dLayer(3, 32, Padding="same"), batchNormalizationLayer, reluLayer,
        fullyConnectedLayer(10),
        softmaxLayer,
        classificationLayer]


def digits(short: bool) -> float:
    """Print, analyse, train and test a network for digits; the part of the test images that it reads correctly."""
    heading("1. Reading digits")
    layers = digits_layers()
    disp(layers)
    analyzeNetwork(layers, Plots="none", nargout=0)

    train, test = (1500, 500) if short else (5000, 5000)
    XTrain, YTrain = digitTrain4DArrayData(nargout=2)
    XTest, YTest = digitTest4DArrayData(nargout=2)
    XTest, YTest = XTest[..., :test], YTest[:test]
    options = trainingOptions("sgdm", InitialLearnRate=0.01, MaxEpochs=2 if short else 4, MiniBatchSize=64 if short else 128,
                              Shuffle="every-epoch", ValidationData=(XTest, YTest), ValidationFrequency=30)
    rng(0)
    net = trainNetwork(XTrain[..., :train], YTrain[:train], layers, options)
    accuracy = float((classify(net, XTest) == YTest).mean())
    print(f"\naccuracy = {accuracy:.4f}")
    return accuracy


def unpooling_network() -> LayerGraph:
    """One pooling down and one unpooling up; the unpooling is told where the maxima came from."""
    lgraph = layerGraph([
        imageInputLayer([32, 32, 1]),
        convolution2dLayer(3, 8, Padding="same"), batchNormalizationLayer, reluLayer,
        maxPooling2dLayer(2, Stride=2, HasUnpoolingOutputs=True, Name="pool"),
        convolution2dLayer(3, 8, Padding="same"), batchNormalizationLayer, reluLayer,
        maxUnpooling2dLayer(Name="unpool"),
        convolution2dLayer(3, 8, Padding="same"), batchNormalizationLayer, reluLayer,
        convolution2dLayer(1, 2),
        softmaxLayer,
        pixelClassificationLayer])
    lgraph = connectLayers(lgraph, "pool/indices", "unpool/indices")
    return connectLayers(lgraph, "pool/size", "unpool/size")


def segmentation(short: bool) -> SemanticSegmentationMetrics:
    """Print, analyse, train and test a network that finds the pixels of triangles."""
    heading("2. Segmentation with max unpooling: the maxima return to where they were")
    lgraph = unpooling_network()
    analyzeNetwork(lgraph, Plots="none", nargout=0)

    XTrain, YTrain = triangleImages(100 if short else 200, nargout=2)
    XTest, YTest = triangleImages(100, Seed=1, nargout=2)
    options = trainingOptions("adam", InitialLearnRate=0.003, MaxEpochs=5 if short else 20, MiniBatchSize=16,
                              Shuffle="every-epoch")
    rng(0)
    net: DAGNetwork = trainNetwork(XTrain, YTrain, lgraph, options)
    YPred = semanticseg(XTest, net)
    print()
    metrics = evaluateSemanticSegmentation(YPred, YTest)
    print(metrics.ClassMetrics)
    print("\n  The first test images: true triangles above, predicted triangles below.\n")
    print(f"{pictures(YTest)}\n\n{pictures(YPred)}")
    return metrics


def pictures(labels: categorical, count: int = 3) -> str:
    """Some label images side by side, two rows of pixels in each line of text."""
    upper, lower = (labels.codes[start::2, :, :count] == categories(labels).index("triangle") for start in (0, 1))
    marks = np.array([[".", "▄"], ["▀", "█"]])[upper.astype(int), lower.astype(int)]
    return "\n".join("    " + "    ".join("".join(row[:, i]) for i in range(count)) for row in marks)


def heading(text: str) -> None:
    print(f"\n{'═' * HEADING_WIDTH}\n  {text}\n{'═' * HEADING_WIDTH}\n", flush=True)
