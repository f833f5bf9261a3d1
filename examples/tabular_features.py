"""Find broken gear teeth from ten numbers per machine: a network for rows of features.

    python examples/tabular_features.py
    python examples/tabular_features.py --short
"""

import sys

from dltoolbox import *


def main(short=False):
    # One row per observation: 208×10 statistics of vibrations, with a label for every row.
    X, Y, names = gearboxFeatures(nargout=3)
    for name, low, high in zip(names, X.min(0), X.max(0), strict=True):
        print(f"{name:>14}: {low:10.4f} to {high:10.4f}")

    # 70 % for training, 15 % for validation, 15 % for the test. The rows are in random order already.
    XTrain, YTrain = X[:146], Y[:146]
    XValidation, YValidation = X[146:177], Y[146:177]
    XTest, YTest = X[177:], Y[177:]

    # The features differ in scale by orders of magnitude; 'zscore' brings all to mean 0 and standard deviation 1.
    layers = [
        featureInputLayer(X.shape[1], Normalization="zscore"),
        fullyConnectedLayer(50),
        batchNormalizationLayer,
        reluLayer,
        fullyConnectedLayer(len(categories(Y))),
        softmaxLayer,
        classificationLayer]
    analyzeNetwork(layers)

    options = trainingOptions(
        "adam",
        MiniBatchSize=16,
        MaxEpochs=5 if short else 30,
        Shuffle="every-epoch",
        ValidationData=(XValidation, YValidation))

    rng(0)
    net = trainNetwork(XTrain, YTrain, layers, options)

    YPred, scores = classify(net, XTest, nargout=2)
    for row in range(3):
        print(f"machine {row + 1}: {scores[row].max():.1%} sure of '{YPred[row]}'; it is '{YTest[row]}'")
    accuracy = (YPred == YTest).mean()
    print(f"accuracy = {accuracy:.4f}")
    return accuracy


if __name__ == "__main__":
    main(short="--short" in sys.argv)
