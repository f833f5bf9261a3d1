"""Which way does the bar move? Films of several lengths, with a convolutional network and an LSTM behind it.

    python examples/video_classification.py
    python examples/video_classification.py --short
"""

import sys

import numpy as np

from dltoolbox import *


def films(count, random):
    """Films h×w×1×T of a bar that moves one way, in noise; no single picture tells which."""
    X, Y = [], []
    for _ in range(count):
        way, steps = random.integers(4), random.integers(6, 11)
        at, picture = random.integers(12), np.zeros((12, 12))
        picture[at] = 1
        moving = [np.roll(picture, (1 - 2 * (way % 2)) * step, axis=0) for step in range(steps)]
        film = np.stack(moving if way < 2 else [frame.T for frame in moving], axis=-1)
        X.append((film + random.normal(0, 0.2, film.shape))[:, :, None])
        Y.append(["down", "up", "right", "left"][way])
    return X, categorical(Y)


def main(short=False):
    random = np.random.default_rng(0)
    XTrain, YTrain = films(100 if short else 400, random)
    XTest, YTest = films(100, random)

    # Between folding and unfolding, every picture is an observation of its own.
    layers = [
        sequenceInputLayer([12, 12, 1], Name="films"),
        sequenceFoldingLayer(Name="fold"),
        convolution2dLayer(3, 8, Padding="same"),
        batchNormalizationLayer,
        reluLayer,
        maxPooling2dLayer(2, Stride=2),
        sequenceUnfoldingLayer(Name="unfold"),
        flattenLayer,
        lstmLayer(32, OutputMode="last"),
        fullyConnectedLayer(4),
        softmaxLayer,
        classificationLayer]
    lgraph = layerGraph(layers)
    lgraph = connectLayers(lgraph, "fold/miniBatchSize", "unfold/miniBatchSize")
    analyzeNetwork(lgraph)

    options = trainingOptions(
        "adam",
        MaxEpochs=12 if short else 15,
        MiniBatchSize=20,
        InitialLearnRate=0.005,
        GradientThreshold=2,
        Shuffle="every-epoch",
        Verbose=False)
    rng(0)
    net = trainNetwork(XTrain, YTrain, lgraph, options)
    accuracy = (classify(net, XTest) == YTest).mean()
    print(f"accuracy = {accuracy:.3f} over {len(XTest)} films")
    return accuracy


if __name__ == "__main__":
    main(short="--short" in sys.argv)
