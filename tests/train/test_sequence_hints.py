"""What trainNetwork says about sequences and targets that do not fit, and that doing what it says helps."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import dltoolbox as dl
from dltoolbox import (
    DltoolboxError,
    bilstmLayer,
    categorical,
    classificationLayer,
    convolution1dLayer,
    fullyConnectedLayer,
    globalAveragePooling1dLayer,
    gruLayer,
    lstmLayer,
    regressionLayer,
    reluLayer,
    sequenceInputLayer,
    softmaxLayer,
    trainingOptions,
)
from tests.train.hints import Frame, follow

RNG = np.random.default_rng(11)
LENGTHS = (5, 3, 8, 6, 4)
X = [RNG.standard_normal((4, n)) for n in LENGTHS]
LABELS = categorical(["a", "b", "a", "b", "b"])
STEPS = [categorical(RNG.choice(["x", "y"], n), ["x", "y"]) for n in LENGTHS]
RESPONSES = [RNG.standard_normal((2, n)) for n in LENGTHS]
CUBE = RNG.standard_normal((4, 5, 7))
CLASSES = [softmaxLayer(), classificationLayer()]
LAST = [sequenceInputLayer(4), lstmLayer(3, OutputMode="last"), fullyConnectedLayer(2), *CLASSES]
EVERY = [sequenceInputLayer(4), bilstmLayer(3), fullyConnectedLayer(2), *CLASSES]
REGRESSION = [sequenceInputLayer(4), gruLayer(3), fullyConnectedLayer(2), regressionLayer()]
ONE_NUMBER = [sequenceInputLayer(4), gruLayer(3, OutputMode="last"), fullyConnectedLayer(1), regressionLayer()]
ONE_D = [sequenceInputLayer(4), convolution1dLayer(5, 3), reluLayer(), globalAveragePooling1dLayer(), fullyConnectedLayer(2),
         *CLASSES]
OPTIONS = trainingOptions("sgdm", MaxEpochs=1, MiniBatchSize=3, Verbose=False)


def but(parts: list[Any], at: int, part: Any) -> list[Any]:
    return [*parts[:at], part, *parts[at + 1:]]


def spoilt(at: int, value: float = np.nan) -> np.ndarray:
    array = X[at].copy()
    array[2, 1] = value
    return array


FOLLOWED = {  # data, targets, layers, identifier, what the message says
    "T×C": ([x.T for x in X], LABELS, LAST, "inputSizeMismatch", "look like T×C"),
    "one T×C": (but(X, 1, X[1].T), LABELS, LAST, "inputSizeMismatch", "Observation 2 of X has size 3×4"),
    "N×T×C of Keras": (CUBE.transpose(1, 2, 0), LABELS, LAST, "inputSizeMismatch", "Keras"),
    "T×N×C of PyTorch": (RNG.standard_normal((7, 5, 4)), LABELS, LAST, "inputSizeMismatch", "PyTorch"),
    "time before observations": (np.swapaxes(CUBE, 1, 2), LABELS, LAST, "observationsMismatch", "has 7 sequences"),
    "one after the other": (CUBE.reshape(4, 35), LABELS, LAST, "observationsMismatch", "X has 1 sequence"),
    "channels": (but(X, 2, X[2][:3]), LABELS, LAST, "inputSizeMismatch", "Observation 3 of X has size 3×8"),
    "NaN": (but(X, 3, spoilt(3)), LABELS, LAST, "notFinite", "observation 4, step 2"),
    "NaN, steps": (but(X, 3, spoilt(3)), STEPS, EVERY, "notFinite", "in 1 of 5 sequences"),
    "Inf everywhere": ([spoilt(at, np.inf) for at in range(5)], LABELS, LAST, "notFinite", "in 5 of 5"),
    "NaN in an array": (np.where(np.arange(5)[:, None] == 2, np.nan, CUBE), LABELS, LAST, "notFinite", "observation 3,"),
    "NaN in one sequence": (spoilt(0), STEPS[0], EVERY, "notFinite", "observation 1, step 2"),
    "NaN in a response": (X, but(RESPONSES, 1, RESPONSES[1] * np.nan), REGRESSION, "notFinite", "Y contains NaN"),
    "empty": (but(X, 4, X[4][:, :0]), LABELS, LAST, "emptySequence", "the first is observation 5"),
    "short": (X, LABELS, [sequenceInputLayer(4, MinLength=4), *LAST[1:]], "sequenceTooShort", "observation 2, with 3 steps"),
    "short, steps": (X, STEPS, [sequenceInputLayer(4, MinLength=4), *EVERY[1:]], "sequenceTooShort", "1 of 5 sequences"),
    "short for a window": (X, LABELS, ONE_D, "sequenceTooShort", "2 sequences of 5 are shorter; the first is observation 2"),
    "a data frame": ([Frame(**{f"c{at}": row for at, row in enumerate(x)}) for x in X], LABELS, LAST, "inputSizeMismatch",
                     "data frame"),
    "labels per step": (X, STEPS, LAST, "targetsPerStep", "OutputMode='sequence'"),
    "labels per step of one": (X[0], STEPS[0], LAST, "targetsPerStep", "the network gives one"),
    "one label per sequence": (X, LABELS, EVERY, "targetsPerSequence", "OutputMode='last'"),
    "one label per sequence in a list": (X, ["a", "b", "a", "b", "b"], EVERY, "targetsPerSequence", "OutputMode='last'"),
    "numbers per step": (X, [y[:1] for y in RESPONSES], ONE_NUMBER, "targetsPerStep", "OutputMode='sequence'"),
    "one number per sequence": (X, RNG.standard_normal((5, 2)), REGRESSION, "targetsPerSequence", "OutputMode='last'"),
    "fewer labels": (X, but(STEPS, 2, STEPS[2][:-1]), EVERY, "lengthsMismatch", "observation 3, with 7 targets for 8 steps"),
    "fewer responses": (X, but(RESPONSES, 0, RESPONSES[0][:, 1:]), REGRESSION, "lengthsMismatch", "1 of 5 sequences has"),
    "T×R": (X, [y.T for y in RESPONSES], REGRESSION, "inputSizeMismatch", "look like T×C"),
    "other responses": (X, [y[[0, 1, 1]] for y in RESPONSES], REGRESSION, "inputSizeMismatch", "fullyConnectedLayer(3)"),
    "numbers for labels": (X, [y.codes for y in STEPS], EVERY, "numericLabels", "Y[0] is numeric"),
    "undefined": (X, but(STEPS, 1, categorical(["x", "q", "y"], ["x", "y"])), EVERY, "undefinedLabels", "observation 2,"),
    "three classes": (X, but(STEPS, 1, categorical(["x", "z", "y"])), EVERY, "classesMismatch", "Y has 3 classes"),
    "other classes": (X, STEPS, [*EVERY[:-1], classificationLayer(Classes=["x", "z"])], "unknownClasses", "contains ['y']"),
}


@pytest.mark.parametrize("name", FOLLOWED)
def test_what_is_said_helps(name: str) -> None:
    data, targets, layers, identifier, text = FOLLOWED[name]
    variables = {"X": data, "Y": targets, "layers": layers}
    with pytest.raises(DltoolboxError) as caught:
        dl.trainNetwork(data, targets, layers, OPTIONS)
    assert caught.value.identifier.split(":")[-1] == identifier
    assert text in str(caught.value)
    space = follow(lambda v: dl.trainNetwork(v.X, v.Y, v.layers, OPTIONS), variables)
    assert space["hints"], name


@pytest.mark.parametrize(("data", "targets", "layers", "options", "identifier", "text"), [
    (X, LABELS[:3], LAST, {}, "observationsMismatch", "Y has 3 targets, but X has 5 sequences"),
    (X, STEPS[:3], EVERY, {}, "observationsMismatch", "Y has targets of 3 sequences, but X has 5 sequences"),
    (X, RESPONSES[:3], REGRESSION, {}, "observationsMismatch", "Y has responses of 3 sequences"),
    (X, STEPS, REGRESSION, {}, "categoricalResponses", "softmaxLayer and classificationLayer"),
    (X, LABELS, [sequenceInputLayer(4), convolution1dLayer(2, 3), *ONE_D[2:]], {"SequenceLength": 4}, "piecesTooShort",
     "SequenceLength=4 leaves pieces of 1 step"),
    ([], LABELS, LAST, {}, "emptyData", "empty list"),
    (["a", "b"], LABELS, LAST, {}, "notNumeric", "of size 4×T"),
    (X, LABELS, LAST, {"ValidationData": ([x.T for x in X], LABELS)}, "inputSizeMismatch", "XValidation = [x.T for x"),
    (X, STEPS, EVERY, {"ValidationData": (X, [categorical(["q"] * n) for n in LENGTHS])}, "unknownClasses", "Y of Valid"),
    (X, [y.reshape(2, -1) if y.size % 2 == 0 else y for y in STEPS], EVERY, {}, "responseSizeMismatch", "Y[2] has size 2×4"),
])
def test_what_is_wrong_is_said(data: Any, targets: Any, layers: Any, options: Any, identifier: str, text: str) -> None:
    with pytest.raises(DltoolboxError) as caught:
        dl.trainNetwork(data, targets, layers, trainingOptions("sgdm", MaxEpochs=1, Verbose=False, **options))
    assert caught.value.identifier == f"dltoolbox:trainNetwork:{identifier}"
    assert text in str(caught.value)


def test_prediction_asks_for_the_shortest_sequence_as_well() -> None:
    net = dl.trainNetwork(X[2:], LABELS[2:], [sequenceInputLayer(4, MinLength=4), *LAST[1:]], OPTIONS)
    with pytest.raises(DltoolboxError, match="MinLength"):
        dl.predict(net, X[1])
