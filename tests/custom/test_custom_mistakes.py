"""Mistakes in classes of layers: each message says what to change, and the test changes that."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import dltoolbox as dl
from dltoolbox import DltoolboxError, Formattable, Layer, dlarray, learnableParameter, stateParameter

X = np.random.default_rng(0).standard_normal((6, 3))
Y = X.sum(1, keepdims=True)
LABELS = dl.categorical(["a", "b"] * 3)
FIRST = [dl.featureInputLayer(3, Normalization="none"), dl.fullyConnectedLayer(3, Name="fc")]
LAST = [dl.fullyConnectedLayer(1), dl.regressionLayer]
OPTIONS = dl.trainingOptions("sgdm", MaxEpochs=1, Verbose=False)


def analysed(layer: Any) -> None:
    dl.analyzeNetwork([*FIRST, layer, *LAST], nargout=1)
    dl.dlnetwork([*FIRST, layer])


def ran(layer: Any) -> None:
    dl.predict(dl.dlnetwork([*FIRST, layer]), X)


def trained(layer: Any) -> None:
    dl.trainNetwork(X, Y, [*FIRST, layer, *LAST], OPTIONS)


def trained_loss(layer: Any) -> None:
    dl.trainNetwork(X, LABELS, [FIRST[0], dl.fullyConnectedLayer(2), dl.softmaxLayer, layer], OPTIONS)


def joined(layer: Any) -> None:
    """In a graph in which everything enters it twice."""
    lgraph = dl.layerGraph([*FIRST, layer, *LAST])
    name, port = lgraph.Layers[2].Name, lgraph.Layers[2].InputNames[1]
    dl.trainNetwork(X, Y, dl.connectLayers(lgraph, "fc", f"{name}/{port}"), OPTIONS)


# by what is wrong: how a layer is used, the wrong layer, the end of the identifier, words of the message, the right layer
MISTAKES: dict[str, tuple[Callable[[Any], None], Callable[[], Any], str, str, Callable[[], Any]]] = {}


def mistake(use: Callable[[Any], None], identifier: str, words: str = "") -> Callable[[Any], Any]:
    """Enter a pair of classes or functions, made by a function that says whether it shall be right."""
    def enter(make: Any) -> Any:
        MISTAKES[make.__name__] = use, lambda: make(False), identifier, words, lambda: make(True)
        return make
    return enter


@mistake(analysed, "noPredict", r"Define predict\(self, X\)")
def predict_missing(right):
    class Mine(Layer):
        if right:
            def predict(self, X):
                return X
    return Mine()


@mistake(analysed, "noPredict", "Rename predcit to predict")
def predict_misspelt(right):
    def body(self, X):
        return X
    return type(Layer)("Mine", (Layer,), {"predict" if right else "predcit": body})()


@mistake(ran, "nothingReturned", "return Z")
def returns_none(right):
    class Mine(Layer):
        def predict(self, X):
            Z = 2 * X
            if right:
                return Z
    return Mine()


@mistake(ran, "listReturned", "return Z")
def returns_a_list(right):
    class Mine(Layer):
        def predict(self, X):
            return 2 * X if right else [2 * X]
    return Mine()


@mistake(ran, "notAnArray", "array of NumPy")
def returns_a_text(right):
    class Mine(Layer):
        def predict(self, X):
            return X if right else "X"
    return Mine()


@mistake(ran, "wrongType", r"Z\.astype\(X\.dtype\)")
def returns_integers(right):
    class Mine(Layer):
        def predict(self, X):
            Z = np.round(X).astype(int)
            return Z.astype(X.dtype) if right else Z
    return Mine()


@mistake(ran, "wrongType", r"Z\.real")
def returns_complex_numbers(right):
    class Mine(Layer):
        def predict(self, X):
            Z = np.fft.fft(X, axis=0)
            return Z.real if right else Z
    return Mine()


@mistake(ran, "resultCount", "Z1, Z2")
def returns_too_few(right):
    class Mine(Layer):
        def __init__(self):
            self.NumOutputs = 2

        def predict(self, X):
            Z1, Z2 = X, -X
            return (Z1, Z2) if right else Z1
    return Mine()


@mistake(ran, "batchSize", "axis 1")
def changes_the_batch(right):
    class Mine(Layer):
        def predict(self, X):
            return X if right else X[:, :1]
    return Mine()


@mistake(ran, "outputFormat", "keepdims=True")
def changes_the_rank(right):
    class Mine(Layer):
        def predict(self, X):
            return X.sum(0, keepdims=True) if right else X.sum(0)
    return Mine()


@mistake(analysed, "outputFormat", r"derive the class from Layer and Formattable, and return dlarray\(Z, 'CB'\)")
def changes_the_format_without_labels(right):
    class Mine(*((Layer, Formattable) if right else (Layer,))):
        def predict(self, X):
            Z = np.asarray(X)[:, :, np.newaxis, np.newaxis].sum((2, 3)) if right else np.asarray(X)[..., np.newaxis]
            return dlarray(Z, "CB") if right else Z
    return Mine()


@mistake(ran, "outputSize", "the same in predict")
def size_depends_on_values(right):
    class Mine(Layer):
        def predict(self, X):
            return X[:2] if right or not X.any() else X
    return Mine()


@mistake(trained, "lostTrace", r"Use functions of NumPy or this toolbox.*Or: Define backward\(self, X, Z, dLdZ, memory\)")
def values_leave_the_trace(right):
    class Mine(Layer):
        def predict(self, X):
            return np.tanh(X if right else np.asarray(X))
    return Mine()


@mistake(trained, "lostTrace", "Rename backwards to backward")
def backward_misspelt(right):
    def back(self, X, Z, dLdZ, memory):
        return 2 * dLdZ
    return type(Layer)("Mine", (Layer,), {"predict": lambda self, X: 2 * np.asarray(X),
                                          "backward" if right else "backwards": back})()


@mistake(trained, "noGradient", r"no gradient of maximum\.accumulate.*extractdata if no gradient shall go through")
def a_function_without_a_gradient(right):
    class Mine(Layer):
        def predict(self, X):
            return X + np.maximum.accumulate(dl.extractdata(X) if right else X)
    return Mine()


@mistake(trained, "noGradient", r"Define backward\(self, X, Z, dLdZ, memory\), which returns dLdX")
def a_function_without_a_gradient_and_no_backward(right):
    class Mine(Layer):
        def predict(self, X):
            return np.maximum.accumulate(X)

        if right:
            def backward(self, X, Z, dLdZ, memory):
                return dLdZ
    return Mine()


@mistake(trained, "inPlace", r"A = A \+ X instead of A \+= X")
def adds_to_a_plain_array(right):
    class Mine(Layer):
        def predict(self, X):
            A = np.ones(X.shape, X.dtype)
            if right:
                A = A + X
            else:
                A += X
            return A
    return Mine()


@mistake(trained, "errorInPredict", r"arrays are dlarrays, which functions of NumPy take, such as np\.ravel\(X\)")
def an_attribute_that_dlarrays_lack(right):
    class Mine(Layer):
        def predict(self, X):
            flat = np.ravel(X) if right else X[X.flags.c_contiguous * 0:].ravel()
            return flat.reshape(X.shape)
    return Mine()


class Scaled(Layer):
    Factor = learnableParameter(2.0)

    def predict(self, X):
        return self.Factor * X

    def backward(self, X, Z, dLdZ, memory):
        return self.Factor * dLdZ, (X * dLdZ).sum()


@mistake(trained, "resultCount", r"return \(dLdX, dLdFactor\)")
def backward_returns_too_few(right):
    class Mine(Scaled):
        def backward(self, X, Z, dLdZ, memory):
            dLdX, dLdFactor = super().backward(X, Z, dLdZ, memory)
            return (dLdX, dLdFactor) if right else dLdX
    return Mine()


@mistake(trained, "gradientSize", "Return dLdX in the size of X")
def gradient_of_the_wrong_size(right):
    class Mine(Scaled):
        def backward(self, X, Z, dLdZ, memory):
            dLdX, dLdFactor = super().backward(X, Z, dLdZ, memory)
            return (dLdX if right else dLdX[:1]), dLdFactor
    return Mine()


@mistake(trained, "gradientSize", "sum over the dimensions along which it is repeated")
def gradient_of_a_learnable_of_the_wrong_size(right):
    class Mine(Scaled):
        def backward(self, X, Z, dLdZ, memory):
            dLdFactor = X * dLdZ
            return self.Factor * dLdZ, dLdFactor.sum() if right else dLdFactor
    return Mine()


@mistake(trained, "wrongArguments", r"Define backward\(self, X, Z, dLdZ, memory\)")
def backward_without_memory(right):
    def good(self, X, Z, dLdZ, memory):
        return 2 * dLdZ

    def bad(self, X, Z, dLdZ):
        return 2 * dLdZ
    return type(Layer)("Mine", (Layer,), {"predict": lambda self, X: 2 * X, "backward": good if right else bad})()


@mistake(trained, "resultCount", r"return \(Z, memory\)")
def forward_without_memory(right):
    class Mine(Layer):
        def predict(self, X):
            return 2 * X

        def forward(self, X):
            Z, memory = 2 * X, None
            return (Z, memory) if right else Z

        def backward(self, X, Z, dLdZ, memory):
            return 2 * dLdZ
    return Mine()


@mistake(analysed, "unknownOption", "Name")
def constructor_without_name(right):
    class Mine(Layer):
        def predict(self, X):
            return X
    return Mine(Name="mine") if right else Mine(Nmae="mine")


@mistake(analysed, "neverInitialized", r"Set self\.Alpha in the constructor, or define initialize\(self, layout\)")
def learnable_never_initialised(right):
    class Mine(Layer):
        Alpha = learnableParameter()

        if right:
            def initialize(self, layout):
                self.Alpha = np.zeros((3, 1))

        def predict(self, X):
            return X if self.Alpha is None else self.Alpha * X
    return Mine()


@mistake(analysed, "neverInitialized", "Rename initialise to initialize")
def initialize_in_british(right):
    def start(self, layout):
        self.Alpha = np.zeros((3, 1))
    return type(Layer)("Mine", (Layer,), {"Alpha": learnableParameter(), "predict": lambda self, X: self.Alpha * X,
                                          "initialize" if right else "initialise": start})()


@mistake(analysed, "neverInitialized", "does not set")
def initialize_that_does_not_set_it(right):
    class Mine(Layer):
        Alpha = learnableParameter()

        def initialize(self, layout):
            Alpha = np.zeros((3, 1))
            if right:
                self.Alpha = Alpha

        def predict(self, X):
            return self.Alpha * X
    return Mine()


@mistake(analysed, "errorInInitialize", "initialize of Mine raised TypeError")
def initialize_without_layout(right):
    def good(self, layout):
        self.Alpha = np.zeros((3, 1))

    def bad(self):
        self.Alpha = np.zeros((3, 1))
    return type(Layer)("Mine", (Layer,), {"Alpha": learnableParameter(), "predict": lambda self, X: self.Alpha * X,
                                          "initialize": good if right else bad})()


class Plus(Layer):
    def predict(self, X1, X2):
        return X1 + X2

    def backward(self, X1, X2, Z, dLdZ, memory):
        return dLdZ, dLdZ


@mistake(lambda layer: joined(layer) if len(layer.InputNames) > 1 else analysed(layer), "wrongArguments",
         r"set self\.NumInputs = 2 in the constructor")
def number_of_inputs_not_set(right):
    class Mine(Plus):
        def __init__(self):
            if right:
                self.NumInputs = 2
    return Mine()


@mistake(joined, "invalidInputNames", "Give InputNames 2 names")
def input_names_of_the_wrong_count(right):
    class Mine(Plus):
        def __init__(self):
            self.NumInputs = 2
            self.InputNames = ["a", "b"] if right else ["a", "b", "c"]
    return Mine()


@mistake(joined, "invalidNumInputs", "number of arrays that predict takes")
def number_of_inputs_is_a_text(right):
    class Mine(Plus):
        def __init__(self):
            self.NumInputs = 2 if right else "two"
    return Mine()


@mistake(ran, "errorInPredict", r"change a copy, such as X = X\.copy\(\)")
def writes_to_its_input(right):
    class Mine(Layer):
        def predict(self, X):
            if right:
                X = X.copy()
            X[X < 0] = 0
            return X
    return Mine()


@mistake(ran, "errorInPredict", "ZeroDivisionError.* size 3×2")
def raises_inside(right):
    class Mine(Layer):
        def predict(self, X):
            return X / (1 if right else 1 // 0)
    return Mine()


@mistake(trained, "errorInBackward", "KeyError.*sizes? 3×6")
def raises_in_backward(right):
    class Mine(Layer):
        def predict(self, X):
            return X

        def forward(self, X):
            return X, {"mask": 1}

        def backward(self, X, Z, dLdZ, memory):
            return dLdZ * memory["mask" if right else "msak"]
    return Mine()


@mistake(ran, "resultCount", r"return \(Z, Total\)")
def state_missing_in_the_outputs(right):
    class Mine(Layer):
        Total = stateParameter(0)

        def predict(self, X):
            Z, Total = X, self.Total + 1
            return (Z, Total) if right else Z
    return Mine()


@mistake(ran, "stateSize", "Return Total in the size that it begins with")
def state_of_another_size(right):
    class Mine(Layer):
        Total = stateParameter(np.zeros((3, 1)))

        def predict(self, X):
            return X, X.sum(1, keepdims=True) if right else X.sum(1, keepdims=True)[:2]
    return Mine()


class Loss(dl.ClassificationLayer):
    def forwardLoss(self, Y, T):
        return ((Y - T) ** 2).sum() / Y.shape[-1]

    def backwardLoss(self, Y, T):
        return 2 * (Y - T) / Y.shape[-1]


@mistake(trained_loss, "lossNotScalar", "Return one real number")
def loss_that_is_no_number(right):
    class Mine(Loss):
        def forwardLoss(self, Y, T):
            loss = ((Y - T) ** 2).mean(0)
            return loss.mean() if right else loss
    return Mine()


@mistake(trained_loss, "gradientSize", "in the size of Y")
def gradient_of_the_loss_of_the_wrong_size(right):
    class Mine(Loss):
        def backwardLoss(self, Y, T):
            return super().backwardLoss(Y, T) if right else 1.0
    return Mine()


@mistake(trained_loss, "lossNotTraced", r"without float\(…\).*Define backwardLoss\(self, Y, T\)")
def a_loss_that_left_the_trace(right):
    class Mine(dl.ClassificationLayer):
        def forwardLoss(self, Y, T):
            loss = ((Y - T) ** 2).sum() / Y.shape[-1]
            return loss if right else float(loss)
    return Mine()


@mistake(trained_loss, "lostTrace", r"forwardLoss of Mine.*Define backwardLoss\(self, Y, T\), which returns dLdY in")
def a_loss_of_plain_values(right):
    class Mine(dl.ClassificationLayer):
        def forwardLoss(self, Y, T):
            return ((np.asarray(Y) - T) ** 2).sum() / Y.shape[-1]

        if right:
            def backwardLoss(self, Y, T):
                return 2 * (Y - T) / Y.shape[-1]
    return Mine()


@mistake(trained_loss, "noForwardLoss", r"Define forwardLoss\(self, Y, T\)")
def no_loss(right):
    return Loss() if right else type(Layer)("Mine", (dl.ClassificationLayer,), {})()


@mistake(analysed, "reservedName", "such as 'Rank'")
def name_of_the_toolbox(right):
    class Mine(Layer):
        def __init__(self):
            setattr(self, "Rank" if right else "rank", 3)

        def predict(self, X):
            return X
    return Mine()


@mistake(ran, "invalidPredictFcn", r"lambda X: X \*\* 2")
def function_layer_without_a_function(right):
    return dl.functionLayer((lambda X: X ** 2) if right else 2)


@mistake(ran, "numInputsNeeded", "Pass NumInputs=1")
def function_layer_of_any_number(right):
    return dl.functionLayer(lambda *X: X[0], **({"NumInputs": 1} if right else {}))


@mistake(trained, "lostTrace", "Pass GradientFcn=…, a function of X, Z, dLdZ that returns dLdX")
def function_layer_without_a_gradient(right):
    return dl.functionLayer(lambda X: np.sin(np.asarray(X)),
                            **({"GradientFcn": lambda X, Z, dLdZ: dLdZ * np.cos(X)} if right else {}))


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_told_and_the_advice_works(name):
    use, wrong, identifier, words, right = MISTAKES[name]
    with pytest.raises(DltoolboxError) as caught:
        use(wrong())
    issue = next((issue for issue in caught.value.issues if issue.identifier.endswith(f":{identifier}")), None)
    assert issue is not None, caught.value
    assert re.search(words, f"{issue.message} {issue.hint}"), issue
    use(right())


def test_there_are_thirty():
    assert len(MISTAKES) >= 30


@pytest.mark.parametrize("use", [ran, analysed, trained])
def test_what_the_user_raised_is_the_cause(use):
    class Broken(Layer):
        def predict(self, X):
            raise RuntimeError("as planned")
    with pytest.raises(DltoolboxError) as caught:
        use(Broken(Name="broken"))
    assert isinstance(caught.value.__cause__, RuntimeError)
    assert (caught.value.issues[0].layer, caught.value.issues[0].index) == ("broken", 3)
    assert caught.value.__cause__.__traceback__.tb_next.tb_frame.f_code.co_name == "predict"


def test_errors_at_run_time_name_the_place():
    class Late(Layer):
        def predict(self, X):
            if X.any():
                raise RuntimeError("as planned")
            return X
    net = dl.dlnetwork([*FIRST, Late(Name="late")])
    with pytest.raises(DltoolboxError, match=r"Layer 'late' \(3\): predict of Late raised RuntimeError.*size 3×6") as caught:
        dl.predict(net, X)
    assert isinstance(caught.value.__cause__, RuntimeError)
