"""Layers of one's own: a PReLU with a learned slope per channel, and Tversky loss for a segmentation of few pixels.

    python examples/custom_layers.py
    python examples/custom_layers.py --short
"""

import sys

import numpy as np

from dltoolbox import *


class PReLU(Layer):
    """max(0, x) + α·min(0, x) with one α per channel. Source: He et al., "Delving deep into rectifiers" (2015)."""

    Alpha = learnableParameter()

    def __init__(self, Name=""):
        self.Name = Name

    def initialize(self, layout):
        self.Alpha = np.full((1, 1, layout.Size[layout.Format.index("C")]), 0.25)

    def predict(self, X):
        return np.maximum(X, 0) + self.Alpha * np.minimum(X, 0)

    def backward(self, X, Z, dLdZ, memory):
        """Need not be there: it is a little faster than the gradient from the tape, which the loss below has."""
        dLdX = np.where(X > 0, dLdZ, self.Alpha * dLdZ)
        dLdAlpha = (np.minimum(X, 0) * dLdZ).sum((0, 1, 3), keepdims=True)
        return dLdX, dLdAlpha


class TverskyLoss(ClassificationLayer):
    """1 − TP/(TP + α·FP + β·FN), a mean over classes and images. With α < β, missed pixels cost more than false ones.

    Source: Salehi et al., "Tversky loss function for image segmentation using 3D fully convolutional deep networks" (2017).
    """

    def __init__(self, alpha, beta, Name=""):
        self.Name, self.Alpha, self.Beta = Name, alpha, beta

    def forwardLoss(self, Y, T):
        TP, FP, FN = ((a * b).sum((0, 1)) for a, b in ((Y, T), (Y, 1 - T), (1 - Y, T)))
        return (1 - TP / (TP + self.Alpha * FP + self.Beta * FN + 1e-8)).mean()


def main(short=False):
    images, labels = triangleImages(100 if short else 400, nargout=2)
    count = images.shape[-1] * 4 // 5
    train, test = slice(0, count), slice(count, None)
    layers = [
        imageInputLayer(list(images.shape[:3])),
        convolution2dLayer(3, 8, Padding="same"), PReLU("act_1"),
        convolution2dLayer(5, 8, Padding="same"), PReLU("act_2"),
        convolution2dLayer(1, 2),
        softmaxLayer,
        TverskyLoss(0.3, 0.7, "tversky")]

    rng(0)
    options = trainingOptions("adam", InitialLearnRate=0.01, MaxEpochs=10 if short else 30, MiniBatchSize=16, Verbose=False)
    net = trainNetwork(images[..., train], labels[..., train], layers, options)
    print(net.Layers)
    print("slopes learned:", net.Layers[2].Alpha.ravel().round(2))

    found = semanticseg(images[..., test], net)
    accuracy = np.mean(found == labels[..., test])
    print(f"pixels labelled right: {accuracy:.4f}")
    return accuracy, net.Layers[2].Alpha.ravel()


if __name__ == "__main__":
    main(short="--short" in sys.argv)
