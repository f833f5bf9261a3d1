"""What ``dltoolbox demo`` shows: a network that reads digits, and a segmentation with max unpooling.

The networks are smaller than those of the examples, so that both are trained within a minute. Their code is printed as it
stands here.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
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
from dltoolbox.data.metrics import SemanticSegmentationMetrics, evaluateSemanticSegmentation

WIDTH = 120  # of the headings: as wide as the training table


def run(short: bool = False) -> tuple[float, float]:
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
    layers = [
        imageInputLayer([28, 28, 1]),
        convolution2dLayer(3, 8, Padding="same"),
        batchNormalizationLayer,
        reluLayer,
        maxPooling2dLayer(2, Stride=2),
        convolution2dLayer(3, 16, Padding="same"),
        batchNormalizationLayer,
        reluLayer,
        maxPooling2dLayer(2, Stride=2),
        fullyConnectedLayer(10),
        softmaxLayer,
        classificationLayer]
    return layers  # noqa: RET504 (the demo prints all but this line)


def digits(short: bool) -> float:
    """Print, analyse, train and test a network for digits; the part of the test images that it reads correctly."""
    heading("1. Reading digits")
    listing(digits_layers)
    layers = digits_layers()
    disp(layers)
    analyzeNetwork(layers, nargout=0)

    train, test = (1500, 500) if short else (5000, 1000)
    XTrain, YTrain = digitTrain4DArrayData(nargout=2)
    XTest, YTest = digitTest4DArrayData(nargout=2)
    XTest, YTest = XTest[..., :test], YTest[:test]
    options = trainingOptions("adam", InitialLearnRate=0.003, MaxEpochs=2 if short else 4, MiniBatchSize=64,
                              Shuffle="every-epoch", ValidationData=(XTest, YTest))
    rng(0)
    net = trainNetwork(XTrain[..., :train], YTrain[:train], layers, options)
    accuracy = float((classify(net, XTest) == YTest).mean())
    print(f"\naccuracy = {accuracy:.4f}")
    return accuracy


def unpooling_network() -> LayerGraph:
    layers = [
        imageInputLayer([32, 32, 1]),
        convolution2dLayer(3, 8, Padding="same"),
        batchNormalizationLayer,
        reluLayer,
        maxPooling2dLayer(2, Stride=2, HasUnpoolingOutputs=True, Name="pool"),
        convolution2dLayer(3, 8, Padding="same"),
        batchNormalizationLayer,
        reluLayer,
        maxUnpooling2dLayer(Name="unpool"),
        convolution2dLayer(3, 8, Padding="same"),
        batchNormalizationLayer,
        reluLayer,
        convolution2dLayer(1, 2),
        softmaxLayer,
        pixelClassificationLayer]
    lgraph = layerGraph(layers)
    lgraph = connectLayers(lgraph, "pool/indices", "unpool/indices")
    lgraph = connectLayers(lgraph, "pool/size", "unpool/size")
    return lgraph  # noqa: RET504


def segmentation(short: bool) -> SemanticSegmentationMetrics:
    """Print, analyse, train and test a network that finds the pixels of triangles."""
    heading("2. Segmentation with max unpooling: the maxima return to where they were")
    listing(unpooling_network)
    lgraph = unpooling_network()
    analyzeNetwork(lgraph, nargout=0)

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
    print(f"\n{'═' * WIDTH}\n  {text}\n{'═' * WIDTH}\n", flush=True)


def listing(function: Callable[[], Any]) -> None:
    """Print the code of a function, without its first line and the last, which returns the result."""
    lines = inspect.getsource(function).splitlines()[1:-1]
    print("\n".join(lines), end="\n\n")
