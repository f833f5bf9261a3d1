"""Classify volumes: a sphere, a cube or a cross in a noisy 16×16×16 block, as in a scan.

    python examples/volume_classification.py
    python examples/volume_classification.py --short
"""

import sys

from dltoolbox import *


def main(short=False):
    # Volumes are height×width×depth×channels×N: 16×16×16×1×N.
    XTrain, YTrain = shapeVolumes(150 if short else 300, nargout=2)
    XTest, YTest = shapeVolumes(150, Seed=1, nargout=2)

    # The layers are those of images with one more dimension; a scalar filter size stands for all three.
    layers = [
        image3dInputLayer([16, 16, 16, 1]),

        convolution3dLayer(3, 8, Padding="same"),
        batchNormalizationLayer,
        reluLayer,
        maxPooling3dLayer(2, Stride=2),

        convolution3dLayer(3, 16, Padding="same"),
        batchNormalizationLayer,
        reluLayer,
        maxPooling3dLayer(2, Stride=2),

        fullyConnectedLayer(3),
        softmaxLayer,
        classificationLayer]
    analyzeNetwork(layers)

    options = trainingOptions(
        "adam",
        MaxEpochs=10 if short else 15,
        MiniBatchSize=30,
        Shuffle="every-epoch",
        ValidationData=(XTest, YTest),
        ValidationFrequency=10)

    rng(0)
    net = trainNetwork(XTrain, YTrain, layers, options)

    YPred = classify(net, XTest)
    accuracy = (YPred == YTest).mean()
    print(f"accuracy = {accuracy:.4f}")
    print("rows: true, columns: predicted; in the order", ", ".join(categories(YTest)))
    print(confusionmat(YTest, YPred))
    return accuracy


if __name__ == "__main__":
    main(short="--short" in sys.argv)
