"""Semantic segmentation with max unpooling, as SegNet does it, against the same network with transposed convolutions.

Max pooling keeps the maximum of every 2×2 block and forgets where it was. Max unpooling remembers: the pooling layer hands
over the positions, and the unpooling layer puts every value back exactly there. Edges stay sharp, and nothing has to be
learned for it. A transposed convolution has to learn how to enlarge, and does not know the positions.

    python examples/segnet_unpooling.py            both networks, from five different initial weights
    python examples/segnet_unpooling.py --short    both networks once, briefly trained
"""

import sys

import numpy as np

from dltoolbox import *


def encoderDecoder(unpooling, numFilters, classes, classWeights):
    """Two poolings down and two steps up again, by max unpooling or by transposed convolution."""
    if unpooling:
        up2 = maxUnpooling2dLayer(Name="unpool2")
        up1 = maxUnpooling2dLayer(Name="unpool1")
    else:
        up2 = transposedConv2dLayer(4, 2 * numFilters, Stride=2, Cropping="same", Name="up2")
        up1 = transposedConv2dLayer(4, numFilters, Stride=2, Cropping="same", Name="up1")

    def block(numFilters):
        return [convolution2dLayer(3, numFilters, Padding="same"), batchNormalizationLayer, reluLayer]

    layers = [
        imageInputLayer([32, 32, 1]),

        block(numFilters),
        maxPooling2dLayer(2, Stride=2, HasUnpoolingOutputs=unpooling, Name="pool1"),
        block(2 * numFilters),
        maxPooling2dLayer(2, Stride=2, HasUnpoolingOutputs=unpooling, Name="pool2"),

        up2,
        block(numFilters),
        up1,
        block(numFilters),

        convolution2dLayer(1, len(classes)),
        softmaxLayer,
        pixelClassificationLayer(Classes=classes, ClassWeights=classWeights)]

    # The layers are connected in sequence. What is missing are the positions, from each pooling to its unpooling.
    lgraph = layerGraph(layers)
    if unpooling:
        lgraph = connectLayers(lgraph, "pool1/indices", "unpool1/indices")
        lgraph = connectLayers(lgraph, "pool1/size", "unpool1/size")
        lgraph = connectLayers(lgraph, "pool2/indices", "unpool2/indices")
        lgraph = connectLayers(lgraph, "pool2/size", "unpool2/size")
    return lgraph


def main(short=False):
    # Noisy images of triangles, 32×32×1×N, with a label for every pixel, 32×32×N. The test images are others.
    XTrain, YTrain = triangleImages(100 if short else 200, nargout=2)
    XTest, YTest = triangleImages(100, Seed=1, nargout=2)

    # There are far more background pixels than triangle pixels. Weights give both classes the same say:
    # the rarer a class, the heavier each of its pixels.
    pixelCount = countcats(YTrain.ravel())
    imageFreq = pixelCount / YTrain.size
    classWeights = np.median(imageFreq) / imageFreq
    classes = categories(YTrain)
    for name, freq, weight in zip(classes, imageFreq, classWeights, strict=True):
        print(f"{name:>12}: {freq:6.2%} of the pixels, weight {weight:.4f}")

    options = trainingOptions(
        "adam",
        InitialLearnRate=0.003,
        MaxEpochs=8 if short else 20,
        MiniBatchSize=16,
        Shuffle="every-epoch",
        Verbose=False)

    analyzeNetwork(encoderDecoder(True, 8, classes, classWeights))

    meanIoU = {"max unpooling": [], "transposed convolution": []}
    for seed in range(1 if short else 5):
        for method, results in meanIoU.items():
            rng(seed)
            net = trainNetwork(XTrain, YTrain, encoderDecoder(method == "max unpooling", 8, classes, classWeights), options)
            YPred = semanticseg(XTest, net)
            metrics = evaluateSemanticSegmentation(YPred, YTest, Verbose=False)
            results.append(metrics.DataSetMetrics.MeanIoU)
            print(f"rng({seed}), {method}: mean IoU {results[-1]:.4f}")
            if seed == 0:
                print(metrics.ClassMetrics, end="\n\n")

    for method, results in meanIoU.items():
        print(f"{method:>22}: mean IoU {np.mean(results):.4f} on average, from {min(results):.4f} to {max(results):.4f}")
    return meanIoU


if __name__ == "__main__":
    main(short="--short" in sys.argv)
