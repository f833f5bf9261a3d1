"""A Siamese network: do two images show the same digit? One network turns both into features, which are compared.

    python examples/siamese_digits.py
    python examples/siamese_digits.py --short

The comparison is a fully connected step on the distances of the features. Its weights stand in a dict beside the network,
and both learn by one loss.

Sources: Bromley et al., "Signature verification using a 'Siamese' time delay neural network" (1994); the weighted distance:
Koch, Zemel and Salakhutdinov, "Siamese neural networks for one-shot image recognition" (2015).
"""

import sys

import numpy as np

from dltoolbox import *

FEATURES = 64
random = np.random.default_rng(0)


def network(width):
    return dlnetwork([
        imageInputLayer([28, 28, 1], Normalization="none"),
        convolution2dLayer(5, width, Padding="same"),
        reluLayer,
        maxPooling2dLayer(2, Stride=2),
        convolution2dLayer(3, 2 * width, Padding="same"),
        reluLayer,
        maxPooling2dLayer(2, Stride=2),
        convolution2dLayer(3, 2 * width, Padding="same"),
        reluLayer,
        fullyConnectedLayer(FEATURES)])


def getSiameseBatch(X, labels, miniBatchSize):
    """Random pairs of images, about half of which show the same digit (1), the others two digits (0)."""
    first = random.integers(len(labels), size=miniBatchSize)
    second = np.empty_like(first)
    pairLabels = random.integers(2, size=miniBatchSize)
    for digit in categories(labels):
        for label, choice in ((1, labels == digit), (0, labels != digit)):
            pairs = (labels[first] == digit) & (pairLabels == label)
            second[pairs] = random.choice(np.flatnonzero(choice), pairs.sum())
    return dlarray(X[..., first], "SSCB"), dlarray(X[..., second], "SSCB"), dlarray(np.float32(pairLabels[None]), "CB")


def sigmoidOf(x):
    return (1 + np.tanh(x / 2)) / 2


def forwardSiamese(run, net, fcParams, X1, X2):
    """The probability that both images show the same digit, by `forward` or `predict`."""
    F1, F2 = sigmoidOf(run(net, X1)), sigmoidOf(run(net, X2))
    Y = fcParams["FcWeights"] @ np.abs(F1 - F2) + fcParams["FcBias"]
    return sigmoidOf(Y)


def modelLoss(net, fcParams, X1, X2, pairLabels):
    Y = forwardSiamese(forward, net, fcParams, X1, X2)
    precision = np.finfo(np.float32).eps
    Y = np.clip(Y, precision, 1 - precision)
    loss = -np.mean(pairLabels * np.log(Y) + (1 - pairLabels) * np.log(1 - Y))
    gradientsSubnet, gradientsParams = dlgradient(loss, net.Learnables, fcParams)
    return loss, gradientsSubnet, gradientsParams


def accuracy_of(net, fcParams, X, labels, batches):
    """Over fresh pairs."""
    right = []
    for _ in range(batches):
        X1, X2, pairLabels = getSiameseBatch(X, labels, 200)
        Y = forwardSiamese(predict, net, fcParams, X1, X2)
        right.append(np.mean((extractdata(Y) > 0.5) == (extractdata(pairLabels) == 1)))
    return float(np.mean(right))


def main(short=False):
    XTrain, YTrain = digitTrain4DArrayData(nargout=2)
    XTest, YTest = digitTest4DArrayData(nargout=2)
    rng(0)
    net = network(4 if short else 16)
    fcParams = {
        "FcWeights": dlarray(0.01 * random.standard_normal((1, FEATURES), "single")),
        "FcBias": dlarray(np.zeros((1, 1), "single"))}
    averageGradSubnet, averageSqGradSubnet, averageGradParams, averageSqGradParams = [], [], [], []
    learnRate = 0.002 if short else 0.001
    total = 120 if short else 2000

    for iteration in range(1, total + 1):
        X1, X2, pairLabels = getSiameseBatch(XTrain, YTrain, 128)
        loss, gradientsSubnet, gradientsParams = dlfeval(modelLoss, net, fcParams, X1, X2, pairLabels)
        net, averageGradSubnet, averageSqGradSubnet = adamupdate(
            net, gradientsSubnet, averageGradSubnet, averageSqGradSubnet, iteration, learnRate)
        fcParams, averageGradParams, averageSqGradParams = adamupdate(
            fcParams, gradientsParams, averageGradParams, averageSqGradParams, iteration, learnRate)
        if iteration % (total // 10) == 0:
            print(f"iteration {iteration}: loss {float(loss):.3f}")

    # Images that were not in the training, and pairs that were not in any other.
    accuracy = accuracy_of(net, fcParams, XTest, YTest, 5 if short else 25)
    print(f"accuracy on fresh pairs: {accuracy:.3f}")
    return accuracy


if __name__ == "__main__":
    main(short="--short" in sys.argv)
