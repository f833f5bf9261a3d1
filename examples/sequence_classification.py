"""Tell nine speakers apart by sequences of several lengths, with an LSTM in both directions and with 1-D convolutions.

    python examples/sequence_classification.py
    python examples/sequence_classification.py --short
"""

import sys

from dltoolbox import *


def main(short=False):
    # 270 sequences C×T in a list: 12 features, 7 to 26 steps of time; a label for every sequence.
    XTrain, YTrain = japaneseVowelsTrainData(nargout=2)
    XTest, YTest = japaneseVowelsTestData(nargout=2)
    print(f"{len(XTrain)} sequences, the first of {XTrain[0].shape[1]} steps, by speaker {YTrain[0]}")

    # Sorted by length, the sequences of a mini-batch are about equally long, and little is padded.
    order = sorted(range(len(XTrain)), key=lambda i: XTrain[i].shape[1])
    XTrain, YTrain = [XTrain[i] for i in order], YTrain[order]

    networks = {
        "LSTM": [
            sequenceInputLayer(12),
            bilstmLayer(100, OutputMode="last"),
            fullyConnectedLayer(9),
            softmaxLayer,
            classificationLayer],
        "convolutions": [
            sequenceInputLayer(12),
            convolution1dLayer(3, 32, Padding="causal"),
            reluLayer,
            layerNormalizationLayer,
            convolution1dLayer(3, 64, Padding="causal"),
            reluLayer,
            layerNormalizationLayer,
            globalAveragePooling1dLayer,
            fullyConnectedLayer(9),
            softmaxLayer,
            classificationLayer]}

    options = trainingOptions(
        "adam",
        MaxEpochs=15 if short else 60,
        MiniBatchSize=27,
        InitialLearnRate=0.002,
        GradientThreshold=1,
        Shuffle="never",
        Verbose=False)

    accuracies = {}
    for name, layers in networks.items():
        analyzeNetwork(layers)
        rng(0)
        net = trainNetwork(XTrain, YTrain, layers, options)
        accuracies[name] = (classify(net, XTest) == YTest).mean()
        print(f"{name}: {accuracies[name]:.1%} of {len(XTest)} sequences")
    return accuracies


if __name__ == "__main__":
    main(short="--short" in sys.argv)
