"""Transfer learning: what a network has learnt from the digits 0 to 4 helps it to learn 5 to 9 from few images.

    python examples/transfer_learning.py
    python examples/transfer_learning.py --short
"""

import sys

import numpy as np

from dltoolbox import *


def digits_from(X, Y, classes):
    """The images of some digits, with labels that know only these classes."""
    chosen = np.isin(Y.tolist(), classes)
    return X[..., chosen], removecats(Y[chosen])


def main(short=False):
    XTrain, YTrain = digitTrain4DArrayData(nargout=2)
    XTest, YTest = digitTest4DArrayData(nargout=2)
    if short:
        XTrain, YTrain = XTrain[..., :2000], YTrain[:2000]
        XTest, YTest = XTest[..., :1000], YTest[:1000]
    known, new = ["0", "1", "2", "3", "4"], ["5", "6", "7", "8", "9"]
    XKnown, YKnown = digits_from(XTrain, YTrain, known)
    XNew, YNew = digits_from(XTrain, YTrain, new)
    XNew, YNew = XNew[..., :30], YNew[:30]  # of the new digits there are only few images
    XNewTest, YNewTest = digits_from(XTest, YTest, new)

    layers = [
        imageInputLayer([28, 28, 1]),

        convolution2dLayer(3, 8, Padding="same", Name="conv_1"),
        batchNormalizationLayer(Name="norm_1"),
        reluLayer,
        maxPooling2dLayer(2, Stride=2),

        convolution2dLayer(3, 16, Padding="same", Name="conv_2"),
        batchNormalizationLayer(Name="norm_2"),
        reluLayer,
        maxPooling2dLayer(2, Stride=2),

        convolution2dLayer(3, 32, Padding="same"),
        batchNormalizationLayer,
        reluLayer,

        fullyConnectedLayer(5, Name="fc"),
        softmaxLayer,
        classificationLayer(Name="classes")]

    rng(0)
    net = trainNetwork(XKnown, YKnown, layers, trainingOptions("sgdm", MaxEpochs=6, Verbose=False))
    print("Trained on the digits", *known)
    summary(net)

    # A trained network stays as it is; its layer graph has the same values and can be edited.
    lgraph = layerGraph(net)

    # The last layer that learns and the classes belong to the old task. New ones take their places and connections; the
    # new learnables start from nothing, so they learn ten times as fast as the others.
    lgraph = replaceLayer(lgraph, "fc", fullyConnectedLayer(5, Name="new_fc", WeightLearnRateFactor=10,
                                                           BiasLearnRateFactor=10))
    lgraph = replaceLayer(lgraph, "classes", classificationLayer(Name="new_classes"))

    # The first layers keep what they have learnt, and what stands between adapts slowly. Frozen layers cost no gradients,
    # and with FixedStatistics batch normalisations compute in training what they compute in prediction.
    frozen = ["conv_1", "norm_1", "conv_2", "norm_2"]
    lgraph = freezeWeights(lgraph, frozen, FixedStatistics=True)

    options = trainingOptions(
        "sgdm",
        InitialLearnRate=0.001,
        MiniBatchSize=10,
        MaxEpochs=12,
        Shuffle="every-epoch",
        ValidationData=(XNewTest, YNewTest),
        ValidationFrequency=20)
    adapted = trainNetwork(XNew, YNew, lgraph, options)

    # The same few images, without anything learnt before.
    options = trainingOptions("sgdm", InitialLearnRate=0.01, MiniBatchSize=10, MaxEpochs=12, Shuffle="every-epoch",
                              Verbose=False)
    scratch = trainNetwork(XNew, YNew, layers, options)

    transferred, untaught = ((classify(one, XNewTest) == YNewTest).mean() for one in (adapted, scratch))
    print(f"accuracy on the digits {' '.join(new)} after {len(YNew)} images: {transferred:.4f} with transfer, "
          f"{untaught:.4f} from scratch")
    before, after = ({one.Name: one for one in of.Layers} for of in (net, adapted))
    unchanged = all(np.array_equal(before[name].Weights, after[name].Weights) for name in frozen if "conv" in name)
    print("frozen weights unchanged:", unchanged)
    return transferred, untaught, unchanged


if __name__ == "__main__":
    main(short="--short" in sys.argv)
