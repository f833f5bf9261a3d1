"""Say at every step which of four waves a signal consists of there: one label per step, rare ones worth more.

    python examples/sequence_tagging.py
    python examples/sequence_tagging.py --short
"""

import sys

import numpy as np

from dltoolbox import *

WAVES = ["sine", "square", "triangle", "sawtooth"]


def signals(count, random):
    """Signals 2×T that change from wave to wave, and the wave at every step: a categorical of T labels each."""
    X, Y = [], []
    for _ in range(count):
        parts, labels = [], []
        for _ in range(random.integers(2, 5)):
            wave = random.choice(4, p=[0.4, 0.3, 0.2, 0.1])
            steps = random.integers(15, 30)
            turn = np.arange(steps) / random.uniform(7, 10) % 1
            parts.append([np.sin(2 * np.pi * turn), np.sign(0.5 - turn), 1 - 4 * abs(turn - 0.5), 2 * turn - 1][wave])
            labels += [WAVES[wave]] * steps
        signal = np.concatenate(parts)
        X.append(np.stack([signal, np.roll(signal, 1)]) + random.normal(0, 0.1, (2, len(signal))))
        Y.append(categorical(labels, WAVES))
    return X, Y


def main(short=False):
    random = np.random.default_rng(1)
    XTrain, YTrain = signals(60 if short else 300, random)
    XTest, YTest = signals(50, random)

    shares = np.array([np.mean(np.concatenate([np.asarray(y == wave) for y in YTrain])) for wave in WAVES])
    layers = [
        sequenceInputLayer(2),
        bilstmLayer(24),
        fullyConnectedLayer(4),
        softmaxLayer,
        classificationLayer(Classes=WAVES, ClassWeights=0.25 / shares)]
    options = trainingOptions(
        "adam",
        MaxEpochs=15 if short else 30,
        MiniBatchSize=10,
        InitialLearnRate=0.02,
        GradientThreshold=1,
        Shuffle="every-epoch",
        ValidationData=(XTest, YTest),
        ValidationFrequency=30,
        VerboseFrequency=30)
    rng(0)
    net = trainNetwork(XTrain, YTrain, layers, options)

    YPred = classify(net, XTest)
    right = np.concatenate([np.asarray(mine == theirs) for mine, theirs in zip(YPred, YTest, strict=True)])
    print(f"the first signal begins with '{YPred[0][0]}'; it is '{YTest[0][0]}'")
    print(f"{right.mean():.1%} of all steps")
    return right.mean()


if __name__ == "__main__":
    main(short="--short" in sys.argv)
