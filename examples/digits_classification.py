"""Classify images of handwritten digits: the first network of many MATLAB users.

    python examples/digits_classification.py
    python examples/digits_classification.py --short
"""

import sys

from dltoolbox import *


def main(short=False):
    # 5000 gray images, 28×28×1×5000, and 5000 categorical labels. The test images are others. These are real handwritten
    # digits, turned by up to 45 degrees: harder to tell apart than MATLAB's, which the same network reads almost all.
    XTrain, YTrain = digitTrain4DArrayData(nargout=2)
    XTest, YTest = digitTest4DArrayData(nargout=2)
    if short:
        XTrain, YTrain = XTrain[..., :1500], YTrain[:1500]
        XTest, YTest = XTest[..., :500], YTest[:500]
    print("Training images of the digits 0 to 9:", countcats(YTrain))

    # A layer array is a Python list. Layers that need no arguments need no parentheses either.
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

        convolution2dLayer(3, 32, Padding="same"),
        batchNormalizationLayer,
        reluLayer,

        fullyConnectedLayer(10),
        softmaxLayer,
        classificationLayer]

    # Sizes, learnables and mistakes of every layer, before anything is trained.
    analyzeNetwork(layers)

    options = trainingOptions(
        "sgdm",
        InitialLearnRate=0.01,
        MaxEpochs=4,
        Shuffle="every-epoch",
        ValidationData=(XTest, YTest),
        ValidationFrequency=30)

    rng(0)  # the same initial weights and the same order of the images in every run
    net = trainNetwork(XTrain, YTrain, layers, options)

    YPred = classify(net, XTest)
    accuracy = (YPred == YTest).mean()
    print(f"accuracy = {accuracy:.4f}")

    # Row: the true digit; column: what the network took it for.
    print(confusionmat(YTest, YPred))
    return accuracy


if __name__ == "__main__":
    main(short="--short" in sys.argv)
