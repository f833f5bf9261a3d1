"""Calls with sequences that cannot work, as people write them: what each is told, and that the mended call works."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import pytest

import dltoolbox as dl
from dltoolbox import DltoolboxError
from tests.train.hints import follow

RNG = np.random.default_rng(5)
LENGTHS = (4, 2, 5, 3)
X = [RNG.standard_normal((3, n)) for n in LENGTHS]
LABELS = dl.categorical(["a", "b", "a", "b"])
RESPONSES = [RNG.standard_normal((2, n)) for n in LENGTHS]
HEAD = [dl.fullyConnectedLayer(2), dl.softmaxLayer(), dl.classificationLayer()]
INPUT = dl.sequenceInputLayer(3)
LAST = dl.lstmLayer(4, OutputMode="last")
OPTIONS = dl.trainingOptions("sgdm", MaxEpochs=1, Verbose=False)
ENCODING = dl.wordEncoding(["the cat sat", "a dog ran"])
Call = Callable[[Any], Any]


class Tensor:
    """As much of a tensor that requires gradients as messages speak of."""

    def __init__(self, array: np.ndarray) -> None:
        self.array = array

    def detach(self) -> Tensor:
        return self

    def cpu(self) -> Tensor:
        return self

    def numpy(self) -> np.ndarray:
        return self.array


class Case(NamedTuple):
    """A call, the last part of its identifier, and the same call put right."""

    call: Call
    identifier: str
    mended: Call


def options(**given: Any) -> Any:
    return dl.trainingOptions("adam", **given)


def train(layers: list[Any]) -> Any:
    return dl.trainNetwork(X, LABELS, layers, OPTIONS)


def train_words(indices: Any, *layers: Any) -> Any:
    return dl.trainNetwork(indices, LABELS, [dl.sequenceInputLayer(1), *layers, LAST, *HEAD], OPTIONS)


CASES = {
    # layers
    "no units": Case(lambda v: dl.lstmLayer(), "missingArgument", lambda v: dl.lstmLayer(4)),
    "0 units": Case(lambda v: dl.lstmLayer(0), "invalidNumHiddenUnits", lambda v: dl.lstmLayer(1)),
    "half a unit": Case(lambda v: dl.gruLayer(2.5), "invalidNumHiddenUnits", lambda v: dl.gruLayer(2.0)),
    "two sizes": Case(lambda v: dl.bilstmLayer([3, 4]), "invalidNumHiddenUnits", lambda v: dl.bilstmLayer(3)),
    "mode by place": Case(lambda v: dl.lstmLayer(3, "last"), "invalidArguments",
                          lambda v: dl.lstmLayer(3, OutputMode="last")),
    "mode": Case(lambda v: dl.lstmLayer(3, OutputMode="all"), "invalidOutputMode",
                 lambda v: dl.lstmLayer(3, OutputMode="sequence")),
    "Keras": Case(lambda v: dl.lstmLayer(3, return_sequences=False), "unknownOption",
                  lambda v: dl.lstmLayer(3, OutputMode="last")),
    "dropout": Case(lambda v: dl.lstmLayer(3, Dropout=0.2), "unknownOption",
                    lambda v: [dl.lstmLayer(3), dl.dropoutLayer(0.2)]),
    "state activation": Case(lambda v: dl.lstmLayer(3, StateActivationFunction="sigmoid"), "invalidStateActivationFunction",
                             lambda v: dl.lstmLayer(3, StateActivationFunction="softsign")),
    "gate activation": Case(lambda v: dl.gruLayer(3, GateActivationFunction="tanh"), "invalidGateActivationFunction",
                            lambda v: dl.gruLayer(3, GateActivationFunction="hard-sigmoid")),
    "NaN in a state": Case(lambda v: dl.lstmLayer(2, HiddenState=[np.nan, 0]), "invalidHiddenState",
                           lambda v: dl.lstmLayer(2, HiddenState=[0, 0])),
    "a cell of a GRU": Case(lambda v: dl.gruLayer(2, CellState=[0, 0]), "unknownOption",
                            lambda v: dl.gruLayer(2, HiddenState=[0, 0])),
    "a state twice": Case(lambda v: dl.lstmLayer(2, HasStateInputs=True, CellState=[0, 0]), "stateGivenTwice",
                          lambda v: dl.lstmLayer(2, CellState=[0, 0])),
    "factors of gates": Case(lambda v: dl.lstmLayer(2, BiasLearnRateFactor=[1, 2]), "invalidBiasLearnRateFactor",
                             lambda v: dl.lstmLayer(2, BiasLearnRateFactor=[1, 2, 1, 1])),
    "three factors of four": Case(lambda v: dl.gruLayer(2, BiasLearnRateFactor=[1, 2, 1, 1]), "invalidBiasLearnRateFactor",
                                  lambda v: dl.gruLayer(2, BiasLearnRateFactor=[1, 2, 1])),
    "projector": Case(lambda v: dl.lstmProjectedLayer(10), "missingArgument", lambda v: dl.lstmProjectedLayer(10, 4, 2)),
    "heads": Case(lambda v: dl.selfAttentionLayer(3, 4), "keysNotDivisible", lambda v: dl.selfAttentionLayer(2, 4)),
    "mask": Case(lambda v: dl.selfAttentionLayer(2, 4, AttentionMask="casual"), "invalidAttentionMask",
                 lambda v: dl.selfAttentionLayer(2, 4, AttentionMask="causal")),
    "causal": Case(lambda v: dl.convolution1dLayer(3, 4, Padding="casual"), "invalidPadding",
                   lambda v: dl.convolution1dLayer(3, 4, Padding="causal")),
    "filter": Case(lambda v: dl.convolution1dLayer([3, 3], 4), "invalidFilterSize", lambda v: dl.convolution1dLayer(3, 4)),
    "normalization": Case(lambda v: dl.sequenceInputLayer(3, Normalization="z-score"), "invalidNormalization",
                          lambda v: dl.sequenceInputLayer(3, Normalization="zscore")),
    "mean": Case(lambda v: dl.sequenceInputLayer(3, Mean=np.zeros(4), Normalization="zerocenter"), "invalidMean",
                 lambda v: dl.sequenceInputLayer(3, Mean=np.zeros(3), Normalization="zerocenter")),
    "five sizes": Case(lambda v: dl.sequenceInputLayer([3, 4, 5, 6, 7]), "invalidInputSize",
                       lambda v: dl.sequenceInputLayer([3, 4, 5, 6])),
    "no steps": Case(lambda v: dl.sequenceInputLayer(3, MinLength=0), "invalidMinLength",
                     lambda v: dl.sequenceInputLayer(3, MinLength=1)),
    "a function": Case(lambda v: train([dl.sequenceInputLayer(3, Normalization=lambda x: x.mean(1)), LAST, *HEAD]),
                       "invalidResult",
                       lambda v: train([dl.sequenceInputLayer(3, Normalization=lambda x: x - x.mean(1, keepdims=True)), LAST,
                                        *HEAD])),
    # networks
    "images": Case(lambda v: train([dl.imageInputLayer([3, 4, 1]), LAST, *HEAD]), "noTimeSteps",
                   lambda v: train([INPUT, LAST, *HEAD])),
    "features": Case(lambda v: train([dl.featureInputLayer(3), LAST, *HEAD]), "noTimeSteps",
                     lambda v: train([INPUT, LAST, *HEAD])),
    "time ends twice": Case(lambda v: train([INPUT, LAST, LAST, *HEAD]), "noTimeSteps",
                            lambda v: train([INPUT, dl.lstmLayer(4), LAST, *HEAD])),
    "pictures of steps": Case(lambda v: train([INPUT, dl.convolution2dLayer(3, 4), LAST, *HEAD]), "invalidInputFormat",
                              lambda v: train([INPUT, dl.convolution1dLayer(1, 4), LAST, *HEAD])),
    "folded": Case(lambda v: train([INPUT, dl.sequenceFoldingLayer(), *HEAD]), "folded",
                   lambda v: train([INPUT, LAST, *HEAD])),
    "weights": Case(lambda v: train([INPUT, dl.lstmLayer(4, Bias=np.zeros(4)), LAST, *HEAD]), "invalidBiasSize",
                    lambda v: train([INPUT, dl.lstmLayer(4, Bias=np.zeros(16)), LAST, *HEAD])),
    "state": Case(lambda v: train([INPUT, dl.lstmLayer(4, HiddenState=np.zeros(3)), LAST, *HEAD]), "invalidHiddenStateSize",
                  lambda v: train([INPUT, dl.lstmLayer(4, HiddenState=np.zeros(4)), LAST, *HEAD])),
    "open port": Case(lambda v: train([INPUT, dl.gruLayer(4, HasStateInputs=True), LAST, *HEAD]), "unconnectedInput",
                      lambda v: train([INPUT, dl.gruLayer(4), LAST, *HEAD])),
    "positions": Case(lambda v: train([INPUT, dl.positionEmbeddingLayer(3, 4), LAST, *HEAD]), "tooManyPositions",
                      lambda v: train([INPUT, dl.positionEmbeddingLayer(3, 5), LAST, *HEAD])),
    "vectors of words": Case(lambda v: train([INPUT, dl.wordEmbeddingLayer(4, 9), LAST, *HEAD]), "notOneChannel",
                             lambda v: train_words([[1, 2], [3], [1], [2]], dl.wordEmbeddingLayer(4, 9))),
    "no output": Case(lambda v: train([INPUT, LAST, *HEAD[:-1]]), "missingOutputLayer",
                      lambda v: train([INPUT, LAST, *HEAD])),
    # options
    "SequenceLength": Case(lambda v: options(SequenceLength="max"), "invalidSequenceLength",
                           lambda v: options(SequenceLength="longest")),
    "SequenceLength 0": Case(lambda v: options(SequenceLength=0), "invalidSequenceLength",
                             lambda v: options(SequenceLength=1)),
    "SequenceLength 2.5": Case(lambda v: dl.predict(v.net, X, SequenceLength=2.5), "invalidSequenceLength",
                               lambda v: dl.predict(v.net, X, SequenceLength=2)),
    "direction": Case(lambda v: options(SequencePaddingDirection="both"), "invalidSequencePaddingDirection",
                      lambda v: options(SequencePaddingDirection="left")),
    "padding": Case(lambda v: options(SequencePaddingValue=np.nan), "invalidSequencePaddingValue",
                    lambda v: options(SequencePaddingValue=-1)),
    "a pair": Case(lambda v: options(ValidationData=X), "invalidValidationData",
                   lambda v: options(ValidationData=(X, LABELS))),
    # functions
    "two inputs": Case(lambda v: dl.predict(v.net, X, X), "wrongNumberOfInputs", lambda v: dl.predict(v.net, X)),
    "nested": Case(lambda v: dl.predict(v.net, [X, X]), "notNumeric", lambda v: dl.predict(v.net, [*X, *X])),
    "a generator": Case(lambda v: dl.predict(v.net, (x for x in X)), "notNumeric", lambda v: dl.predict(v.net, [*X])),
    "a dictionary": Case(lambda v: dl.predict(v.net, {"x": X[0]}), "notNumeric", lambda v: dl.predict(v.net, X[0])),
    "no sequences": Case(lambda v: dl.predict(v.net, []), "emptyData", lambda v: dl.predict(v.net, X)),
    "0 of an array": Case(lambda v: dl.predict(v.net, np.zeros((3, 0, 4))), "emptyData",
                          lambda v: dl.predict(v.net, np.zeros((3, 1, 4)))),
    "no such layer": Case(lambda v: dl.activations(v.net, X, "lstm_9"), "unknownLayer",
                          lambda v: dl.activations(v.net, X, "lstm")),
    "layer 9": Case(lambda v: dl.activations(v.net, X, 9), "invalidLayer", lambda v: dl.activations(v.net, X, 2)),
    "a trained network": Case(lambda v: dl.minibatchpredict(v.net, X), "notADlnetwork",
                              lambda v: dl.minibatchpredict(dl.dag2dlnetwork(v.net), X)),
    "labels of numbers": Case(lambda v: dl.classifyAndUpdateState(v.regression, X), "notAClassificationNetwork",
                              lambda v: dl.predictAndUpdateState(v.regression, X)),
    "other sequences": Case(lambda v: dl.predict(v.moved, X[:3]), "stateMismatch",
                            lambda v: dl.predict(dl.resetState(v.moved), X[:3])),
    "not a network": Case(lambda v: dl.resetState(X), "notANetwork", lambda v: dl.resetState(v.net)),
    "State": Case(lambda v: setattr(v.dlnet, "State", X), "invalidState",
                  lambda v: setattr(v.dlnet, "State", v.dlnet.State)),
    "padsequences, dimension": Case(lambda v: dl.padsequences(X, 1), "sizeMismatch", lambda v: dl.padsequences(X, 2)),
    "padsequences, array": Case(lambda v: dl.padsequences(X[0], 2), "invalidX", lambda v: dl.padsequences([X[0]], 2)),
    "padsequences, length": Case(lambda v: dl.padsequences(X, 2, Length="max"), "invalidLength",
                                 lambda v: dl.padsequences(X, 2, Length="longest")),
    "documents": Case(lambda v: dl.wordEncoding(3), "invalidDocuments", lambda v: dl.wordEncoding(["3"])),
    "an encoding": Case(lambda v: dl.doc2sequence(["the cat"], ENCODING), "notAWordEncoding",
                        lambda v: dl.doc2sequence(ENCODING, ["the cat"])),
    "no words": Case(lambda v: dl.wordEncoding([""]), "noWords", lambda v: dl.wordEncoding(["word"])),
}


@pytest.fixture(scope="module")
def networks() -> SimpleNamespace:
    net = train([INPUT, dl.lstmLayer(4, OutputMode="last", Name="lstm"), *HEAD])
    layers = [INPUT, dl.lstmLayer(4), dl.fullyConnectedLayer(2), dl.regressionLayer()]
    regression = dl.trainNetwork(X, RESPONSES, layers, OPTIONS)
    return SimpleNamespace(net=net, regression=regression, moved=dl.predictAndUpdateState(net, X)[0],
                           dlnet=dl.dag2dlnetwork(net))


@pytest.mark.parametrize("name", CASES)
def test_a_bad_call_is_told_why_and_the_mended_one_works(name: str, networks: SimpleNamespace) -> None:
    case = CASES[name]
    with pytest.raises(DltoolboxError) as caught:
        case.call(networks)
    assert caught.value.identifier.split(":")[-1] == case.identifier
    assert all(issue.hint for issue in caught.value.issues)
    case.mended(networks)


FOLLOWED = {  # a script and what it starts with: its messages lead to one that runs
    "tensors": (lambda v: dl.predict(v.net, v.X), {"X": [Tensor(x) for x in X]}),
    "a tensor": (lambda v: dl.predict(v.net, v.X), {"X": Tensor(X[0])}),
    "text": (lambda v: dl.predict(v.net, v.X), {"X": [x.astype(str) for x in X]}),
    "T×C": (lambda v: dl.predict(v.net, v.X), {"X": [x.T for x in X]}),
    "complex": (lambda v: dl.predict(v.net, v.X), {"X": [x + 1j for x in X]}),
    "one complex": (lambda v: dl.predict(v.net, v.X), {"X": X[0] * 1j}),
    "a response is empty": (lambda v: dl.trainNetwork(v.X, v.Y, v.layers, OPTIONS),
                            {"X": X, "Y": [*RESPONSES[:2], RESPONSES[2][:, :0], RESPONSES[3]]}),
    "responses of other sizes": (lambda v: dl.trainNetwork(v.X, v.Y, v.layers, OPTIONS),
                                 {"X": X, "Y": [*RESPONSES[:3], RESPONSES[3][:1]]}),
    "other sequences": (lambda v: dl.predict(v.net, v.X), {"X": X[:3]}),
}


@pytest.mark.parametrize("name", FOLLOWED)
def test_what_is_said_leads_to_a_call_that_works(name: str, networks: SimpleNamespace) -> None:
    script, variables = FOLLOWED[name]
    net = networks.moved if name == "other sequences" else networks.net
    layers = [INPUT, dl.gruLayer(2), dl.fullyConnectedLayer(2), dl.regressionLayer()]
    space = follow(script, {**variables, "net": net, "layers": layers})
    assert space["hints"]
