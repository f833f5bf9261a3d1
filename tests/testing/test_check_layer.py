"""checkLayer: every layer of the toolbox passes, and layers with one error fail in the check of that error alone."""

from __future__ import annotations

import numpy as np
import pytest

from dltoolbox import (
    DltoolboxError,
    Layer,
    additionLayer,
    checkLayer,
    dropoutLayer,
    learnableParameter,
    networkDataLayout,
    reluLayer,
    stateParameter,
)
from dltoolbox.layers import FACTORIES
from tests.program.case import Case
from tests.program.cases import CASES

NAN = float("nan")
SIZE = [4, 5, 3]

# Layers with one error ------------------------------------------------------------------------------------------------
PLANTED: dict[str, type[Layer]] = {}  # by the check that finds it, and what it is


def planted(check, what=""):
    def enter(cls):
        PLANTED[f"{check} {what}".strip()] = cls
        return cls
    return enter


class Right(Layer):
    """A PReLU."""

    Alpha = learnableParameter()

    def __init__(self):
        self.Alpha = np.linspace(0.1, 0.5, 3).reshape(1, 1, 3)

    def predict(self, X):
        return np.maximum(X, 0) + self.Alpha * np.minimum(X, 0)

    def backward(self, X, Z, dLdZ, memory):
        return np.where(X > 0, 1, self.Alpha) * dLdZ, np.sum(np.minimum(X, 0) * dLdZ, axis=(0, 1, 3))[None, None]


class Counting(Right):
    """With a state, and a forward of its own."""

    Count = stateParameter()

    def __init__(self):
        super().__init__()
        self.Count = np.zeros((1, 1))

    def predict(self, X):
        return super().predict(X), self.Count

    def forward(self, X):
        return super().predict(X), self.Count + 1, X

    def backward(self, X, Z, dLdZ, dLdCount, memory):
        return *super().backward(memory, Z, dLdZ, memory), np.zeros_like(self.Count)

    def resetState(self):
        self.Count = np.zeros((1, 1))


class Unlearned(Layer):
    """Of no learnables."""

    def predict(self, X):
        return X * 2

    def backward(self, X, Z, dLdZ, memory):
        return dLdZ * 2


class Taped(Right):
    """Without backward: the tape finds its gradient."""

    backward = None


class TapedCounting(Counting):
    """Likewise, with a state."""

    backward = None


@planted("backwardPropagationDoesNotError")
class _(Taped):
    def predict(self, X):
        return super().predict(np.asarray(X))


@planted("learnableGradientsAreCorrect", "left the tape")
class _(Taped):
    def predict(self, X):
        return super().predict(X) * float(self.Alpha.sum())


@planted("inputGradientsAreCorrect", "sign")
class _(Right):
    def backward(self, *args):
        a, b = super().backward(*args)
        return -a, b


@planted("inputGradientsAreCorrect", "one place")
class _(Right):
    def backward(self, *args):
        a, b = super().backward(*args)
        a = a.copy()
        a[0] = 0
        return a, b


@planted("learnableGradientsAreCorrect", "factor")
class _(Right):
    def backward(self, *args):
        a, b = super().backward(*args)
        return a, b / 20


@planted("learnableGradientsAreCorrect", "zeros")
class _(Right):
    def backward(self, *args):
        a, b = super().backward(*args)
        return a, 0 * b


@planted("inputsAreNotModified", "predict")
class _(Unlearned):
    def predict(self, X):
        X *= 2
        return X.copy()


@planted("inputsAreNotModified", "backward")
class _(Unlearned):
    def backward(self, X, Z, dLdZ, memory):
        X[...] = 0
        return dLdZ * 2


@planted("forwardPredictAreConsistentInSize")
class _(Unlearned):
    def forward(self, X):
        return X[1:] * 2, None

    def backward(self, X, Z, dLdZ, memory):
        return np.concatenate([np.zeros_like(X[:1]), dLdZ * 2])


@planted("observationsAreIndependent", "mean of the batch")
class _(Unlearned):
    def predict(self, X):
        return X - X.mean(axis=-1, keepdims=True)

    def backward(self, X, Z, dLdZ, memory):
        return dLdZ - dLdZ.mean(axis=-1, keepdims=True)


@planted("predictIsConsistentInType")
class _(Unlearned):
    def predict(self, X):
        return X * np.full(X.shape, 2.0)


@planted("backwardIsConsistentInType")
class _(Unlearned):
    def backward(self, X, Z, dLdZ, memory):
        return dLdZ * np.full(X.shape, 2.0)


@planted("forwardIsConsistentInType")
class _(Unlearned):
    def forward(self, X):
        return (X * 2).astype(np.float64), None


@planted("backwardIsConsistentInSize", "learnable")
class _(Right):
    def backward(self, X, Z, dLdZ, memory):
        a, _ = super().backward(X, Z, dLdZ, memory)
        return a, np.minimum(X, 0) * dLdZ


@planted("predictIsRepeatable", "noise")
class _(Unlearned):
    def predict(self, X):
        return X * 2 + np.random.random(X.shape).astype(X.dtype)  # noqa: NPY002


@planted("memoryOrderDoesNotMatter")
class _(Unlearned):
    def predict(self, X):
        return 2 * X.ravel(order="K").reshape(X.shape)


@planted("outputsAreFinite")
class _(Unlearned):
    def predict(self, X):
        return np.log(X)


@planted("functionSyntaxesAreCorrect", "arguments")
class _(Unlearned):
    def predict(self, X, Y):
        return X


@planted("functionSyntaxesAreCorrect", "no predict")
class _(Layer):
    def forward(self, X):
        return X, None


@planted("predictReturnsValidStates")
class _(Counting):
    def predict(self, X):
        return Right.predict(self, X), np.zeros((3, 2))


@planted("forwardReturnsValidStates")
class _(Counting):
    def forward(self, X):
        return Right.predict(self, X), np.zeros((3, 2)), X


@planted("resetStateDoesNotError")
class _(Counting):
    def resetState(self):
        raise KeyError("Count")


@planted("initializeDoesNotError")
class _(Right):
    def __init__(self):
        pass

    def initialize(self, layout):
        raise KeyError("layout")


@planted("predictIsConsistentInSize")
class _(Unlearned):
    def predict(self, X):
        return X.mean(axis=-1, keepdims=True)

    def backward(self, X, Z, dLdZ, memory):
        return dLdZ / X.shape[-1] * np.ones_like(X)


@planted("predictDoesNotError")
class _(Unlearned):
    def predict(self, X):
        return X @ np.ones(7)


@planted("predictDoesNotErrorOnSeveralObservations")
class _(Unlearned):
    def predict(self, X):
        return X.reshape(4, 5, 3, 1) * 2


@planted("backwardDoesNotError")
class _(Unlearned):
    def backward(self, X, Z, dLdZ, memory):
        return dLdZ * memory["weights"]


@planted("forwardDoesNotError")
class _(Unlearned):
    def forward(self, X):
        return X * self.rate, None


def result(layer, *sizes, **options):
    return checkLayer(layer, *sizes, nargout=1, **options)


def not_passed(found):
    return [one.Test for one in found.Diagnostics if one.Status in ("Failed", "Incomplete")]


@pytest.mark.parametrize("cls", [Right, Counting, Unlearned, Taped, TapedCounting])
def test_layers_without_errors_pass(cls, capsys):
    found = result(cls(), SIZE, ObservationDimension=4)
    assert found.IsValid
    assert not_passed(found) == []
    assert found.Passed >= (17 if cls.backward else 14)


@pytest.mark.parametrize("name", PLANTED)
def test_each_error_is_found_by_its_check_alone(name, capsys):
    found = result(PLANTED[name](), SIZE, ObservationDimension=4)
    assert not_passed(found) == [name.split()[0]], found
    (one,) = (one for one in found.Diagnostics if one.Status in ("Failed", "Incomplete"))
    assert one.Expected
    assert one.Found
    assert one.Fix
    assert str(one) in capsys.readouterr().out


def test_what_numbers_say_about_a_wrong_gradient(capsys):
    found = result(PLANTED["learnableGradientsAreCorrect factor"](), SIZE, ObservationDimension=4)
    (one,) = (one for one in found.Diagnostics if one.Status == "Failed")
    assert "0.05 times what it should be" in one.Cause
    assert one.Fix == "Divide the gradient of Alpha by 0.05."


def test_what_left_the_tape_is_the_cause(capsys):
    found = result(PLANTED["learnableGradientsAreCorrect left the tape"](), SIZE, ObservationDimension=4)
    (one,) = (one for one in found.Diagnostics if one.Status == "Failed")
    assert "values left the tape, by float(…)" in one.Cause


def test_sequences_and_several_arrays_on_the_tape(capsys):
    class Cell(Layer):
        W = learnableParameter(np.eye(3) + 0.1)
        H = stateParameter(np.zeros((3, 1)))

        def __init__(self):
            self.NumInputs = self.NumOutputs = 2

        def predict(self, X, G):
            h, steps = self.H + 0 * X[:, :, 0], []
            for t in range(X.shape[2]):
                h = np.tanh(self.W @ X[:, :, t] + h * G[:, :, t])
                steps.append(h)
            return np.stack(steps, 2), X * G, h
    layout = networkDataLayout([3, NAN, NAN], "CBT")
    found = result(Cell(), layout, layout)
    assert (found.IsValid, not_passed(found)) == (True, [])


def test_mixing_observations_is_told_but_not_a_failure(capsys):
    found = result(PLANTED["observationsAreIndependent mean of the batch"](), SIZE, ObservationDimension=4)
    assert found.IsValid
    assert (found.Failed, found.Incomplete) == (0, 1)


# The layers of the toolbox --------------------------------------------------------------------------------------------
REASONS = {
    "InputLayer": "has no input", "OutputLayer": "has no output", "inputLayer": "has no input",
    "classificationLayer": "has no output", "regressionLayer": "has no output", "pixelClassificationLayer": "has no output",
    "Unpooling": "takes indices and sizes of a pooling, which are no data", "olding": "passes the number of sequences",
    "embeddingLayer": "takes indices of its vectors alone, which data of checks are not",
    "omplex": "takes or gives complex numbers, which data of checks are not", "zrelu": "takes complex numbers"}


def checkable(case: Case) -> bool:
    layer = case.body()[-1]
    special = {"indices", "size", "miniBatchSize"}
    return bool(layer.inputs() and layer.outputs()) and not special & {*layer.inputs(), *layer.outputs()} and not any(
        part in case.layer for part in ("embeddingLayer", "omplex", "zrelu"))


USES = {case.layer: case for case in reversed(CASES) if checkable(case)}


def layouts(case: Case):
    """The sizes of the inputs of a case."""
    made = []
    for size in case.sizes:
        labels = "S" * (len(size) - 1) + "C" if not case.timed else "S" * (len(size) - 2) + "C"
        sizes = size[:len(labels)]
        made.append(networkDataLayout([*sizes, NAN, *[NAN] * case.timed], labels + "B" + "T" * case.timed))
    return made


def test_what_is_left_out_has_a_reason():
    for name in set(FACTORIES) - set(USES):
        assert any(part in name for part in REASONS), name


@pytest.mark.parametrize("name", sorted(USES))
def test_every_layer_of_the_toolbox_passes(name, capsys):
    case = USES[name]
    found = result(case.body()[-1], *layouts(case))
    assert found.IsValid, found
    assert found.Passed >= 12


# Calls ----------------------------------------------------------------------------------------------------------------
def test_what_is_printed(capsys):
    assert checkLayer(Right(), SIZE) is None
    out = capsys.readouterr().out
    assert "ObservationDimension" in out
    assert "Test Summary: 16 Passed, 0 Failed, 0 Incomplete, 7 Skipped." in out
    checkLayer(Right(), SIZE, "ObservationDimension", 4, CheckCodegenCompatibility=True)
    assert "CheckCodegenCompatibility has no effect" in capsys.readouterr().out


def test_several_inputs_and_layouts(capsys):
    for sizes in ([[SIZE, SIZE]], [networkDataLayout([*SIZE, NAN], "SSCB")] * 2):
        assert result(additionLayer(2), *sizes).IsValid
    for size, observations in ([3], 2), ([8, 8, 8, 3], 5), ([3, 1, 7], 2):
        assert result(Unlearned(), size, ObservationDimension=observations).IsValid


def test_random_layers_begin_anew(capsys):
    assert result(dropoutLayer(0.5), SIZE, ObservationDimension=4).IsValid


def test_the_layer_is_not_changed(capsys):
    layer = Counting()
    before = {name: value.copy() for name, value in vars(layer).items() if isinstance(value, np.ndarray)}
    result(layer, SIZE, ObservationDimension=4)
    for name, value in before.items():
        np.testing.assert_array_equal(getattr(layer, name), value)


@pytest.mark.parametrize(("call", "identifier"), [
    (lambda: checkLayer(3, SIZE), "notALayer"), (lambda: checkLayer(reluLayer(), nargout=1), "invalidSize"),
    (lambda: checkLayer(reluLayer(), "x"), "invalidSize"), (lambda: checkLayer(reluLayer(), [0, 2]), "invalidSize"),
    (lambda: checkLayer(reluLayer(), SIZE, SIZE), "invalidSize"),
    (lambda: checkLayer(reluLayer(), SIZE, ObservationDimension=5), "invalidSize"),
    (lambda: checkLayer(reluLayer(), SIZE, ObservationDimension=3), "invalidObservationDimension"),
    (lambda: checkLayer(additionLayer(2), SIZE), "inputCount"),
    (lambda: checkLayer(reluLayer(), SIZE, nargout=2), "nargout"),
    (lambda: checkLayer(FACTORIES["regressionLayer"](), [3]), "notCheckable"),
    (lambda: checkLayer(FACTORIES["maxUnpooling2dLayer"](), SIZE), "notCheckable")])
def test_bad_calls(call, identifier):
    with pytest.raises(DltoolboxError) as caught:
        call()
    assert caught.value.identifier == f"dltoolbox:checkLayer:{identifier}"
