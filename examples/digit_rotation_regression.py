"""Predict by which angle a handwritten digit is rotated: a network for regression.

    python examples/digit_rotation_regression.py
    python examples/digit_rotation_regression.py --short
"""

import sys

import numpy as np

from dltoolbox import *


def main(short=False):
    # The third output is what we predict: the angles in degrees, from -45 to 45.
    XTrain, _, anglesTrain = digitTrain4DArrayData(nargout=3)
    XTest, _, anglesTest = digitTest4DArrayData(nargout=3)
    if short:
        XTrain, anglesTrain = XTrain[..., :2000], anglesTrain[:2000]
        XTest, anglesTest = XTest[..., :500], anglesTest[:500]

    def convolutionBlock(numFilters):
        return [convolution2dLayer(3, numFilters, Padding="same"), batchNormalizationLayer, reluLayer]

    # Lists inside a layer array are flattened.
    layers = [
        imageInputLayer([28, 28, 1]),
        convolutionBlock(8),
        averagePooling2dLayer(2, Stride=2),
        convolutionBlock(16),
        averagePooling2dLayer(2, Stride=2),
        convolutionBlock(32),
        convolutionBlock(32),
        dropoutLayer(0.2),
        fullyConnectedLayer(1),
        regressionLayer]

    # Ten times smaller steps towards the end: after 20 of 30 epochs.
    maxEpochs, miniBatchSize = (5 if short else 30), 128
    options = trainingOptions(
        "sgdm",
        MiniBatchSize=miniBatchSize,
        MaxEpochs=maxEpochs,
        InitialLearnRate=1e-3,
        LearnRateSchedule="piecewise",
        LearnRateDropFactor=0.1,
        LearnRateDropPeriod=maxEpochs * 2 // 3,
        Shuffle="every-epoch",
        ValidationData=(XTest, anglesTest),
        ValidationFrequency=len(anglesTrain) // miniBatchSize)

    rng(0)
    net = trainNetwork(XTrain, anglesTrain, layers, options)

    # predict returns N×1, one row per image. People write at different slants, so no network can tell the angle exactly:
    # the error on new images settles at about 10 degrees, twice that of MATLAB's evenly drawn digits.
    predictionError = anglesTest - predict(net, XTest)
    accuracy = (np.abs(predictionError) < 10).mean()
    rmse = np.sqrt((predictionError**2).mean())
    print(f"within 10 degrees: {accuracy:.4f}")
    print(f"rmse = {rmse:.4f} degrees  (always predicting 0 would give {np.sqrt((anglesTest**2).mean()):.4f})")
    return accuracy, rmse


if __name__ == "__main__":
    main(short="--short" in sys.argv)
