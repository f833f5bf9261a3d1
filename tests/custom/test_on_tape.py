"""Custom layers without a gradient of their own: it comes from the tape."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch  # noqa: F401  # which the networks that are shared with other tests are compared with

import dltoolbox as dl
from dltoolbox.autodiff.apply import apply_op
from dltoolbox.autodiff.tape import Traced, gradients_of, leaf, noting
from dltoolbox.core.dims import Dims
from dltoolbox.program.model import Model
from dltoolbox.program.taped.runs import TapedRuns
from examples.custom_layers import PReLU
from tests.custom.test_custom_layers import (
    PAIRS,
    RANDOM,
    T,
    X,
    check_threads_change_nothing,
    descended,
    ends,
    graph,
    image,
    segmentation,
)
from tests.custom.user_layers import AttentionGate, LSTMCell, RunningMean, SReLU, TverskyLoss, WeightedAddition

CLASSES = (AttentionGate, LSTMCell, RunningMean, SReLU, WeightedAddition)


def double(layers, *, fast=True):
    return Model(layers if isinstance(layers, dl.LayerGraph) else dl.layerGraph(layers), np.float64, fast=fast)


def assert_same_gradients(found, expected, tolerance=1e-10):
    """Losses and gradients, relative to the largest element of an array."""
    assert found[0] == pytest.approx(expected[0], rel=tolerance)
    assert found[1].keys() == expected[1].keys()
    for a, b in [*((found[1][key], value) for key, value in expected[1].items()), *zip(found[2], expected[2], strict=True)]:
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance * np.abs(b).max(initial=1e-3))


@pytest.fixture
def without_backward(monkeypatch):
    """Takes the gradients out of the classes."""
    def take() -> None:
        for cls in CLASSES:
            monkeypatch.delattr(cls, "backward")
        monkeypatch.delattr(TverskyLoss, "backwardLoss")
    return take


def running_mean():
    layers = [dl.featureInputLayer(3, Normalization="none"), dl.fullyConnectedLayer(3, Weights=np.diag([1, -0.5, 2])),
              RunningMean(), dl.regressionLayer]
    return layers, None, RANDOM.standard_normal((3, 5)), RANDOM.standard_normal((3, 5))


def tversky():
    labels = np.moveaxis(np.eye(3)[RANDOM.integers(0, 3, (4, 5, 6))], -1, 2)
    return segmentation(TverskyLoss(0.3, 0.7)), None, X, labels


# Against gradients by hand -------------------------------------------------------------------------------------------
@pytest.mark.parametrize("fast", [True, False], ids=["kernels", "reference"])
@pytest.mark.parametrize("name", [*PAIRS, "running mean", "Tversky loss"])
def test_the_tape_finds_what_backward_returns(name, fast, without_backward):
    layers, _, x, t = (PAIRS | {"running mean": running_mean, "Tversky loss": tversky})[name]()
    expected = double(layers).gradients([x], [t])
    without_backward()
    assert_same_gradients(double(layers, fast=fast).gradients([x], [t]), expected)


@pytest.mark.parametrize("name", PAIRS)
def test_trains_as_built_in_layers_do_without_backward(name, without_backward):
    without_backward()
    mine, same, x, t = PAIRS[name]()
    np.testing.assert_allclose(descended(mine, x, t)[1], descended(same, x, t)[1], rtol=1e-7)


@pytest.mark.parametrize("name", ["PReLU", "LSTM cell"])
def test_threads_change_nothing_on_the_tape(name, without_backward):
    without_backward()
    check_threads_change_nothing(name, steps=2)


def test_a_function_layer_is_differentiated():
    expected = double([*image(dl.tanhLayer()), *ends()]).gradients([X], [T])
    assert_same_gradients(double([*image(dl.functionLayer(np.tanh, Name="tanh")), *ends()]).gradients([X], [T]), expected)


def test_formattable_layers_may_change_the_format():
    class Pooled(dl.Layer, dl.Formattable):
        def predict(self, X):
            assert dl.isdlarray(X)
            assert dl.dims(X) == "SSCB"
            return X.mean(tuple(dl.finddim(X, "S")))
    weights = RANDOM.standard_normal((2, 3))
    last = [dl.fullyConnectedLayer(2, Weights=weights, Name="fc"), dl.regressionLayer]
    found = double([*image(Pooled()), *last]).gradients([X], [T.reshape(2, 6)])
    expected = double([*image(dl.globalAveragePooling2dLayer()), *last]).gradients([X], [T])
    assert_same_gradients(found, expected)


@pytest.mark.parametrize("batch", [0, 1])
def test_of_no_observations_and_of_one(batch, without_backward):
    layers, x, t = [*image(PReLU()), *ends()], X[..., :batch], T[..., :batch]
    expected = double(layers).gradients([x], [t])[1]
    without_backward()
    found = double(layers).gradients([x], [t])[1]
    for key, value in expected.items():
        np.testing.assert_allclose(found[key], value, rtol=1e-10, atol=1e-12)


def test_several_outputs_of_which_one_leads_nowhere():
    class Split(dl.Layer):
        def __init__(self):
            self.NumOutputs, self.NumInputs = 3, 2

        def predict(self, A, B):
            return A * B, A - B, np.exp(A)
    lgraph = graph(image(Split()), [[dl.additionLayer(3, Name="add"), *ends()], [dl.tanhLayer(Name="tanh")],
                                    [dl.functionLayer(dl.extractdata, Name="stop")]],
                   [("conv", "tanh"), ("tanh", "split/in2"), ("split/out1", "add/in1"), ("split/out2", "add/in2"),
                    ("split/out3", "stop"), ("stop", "add/in3")])
    same = graph(image(dl.multiplicationLayer(2, Name="times")), [
        [dl.additionLayer(4, Name="add"), *ends()], [dl.tanhLayer(Name="tanh")],
        [dl.functionLayer(np.negative, GradientFcn=lambda X, Z, dLdZ: -dLdZ, Name="minus")],
        [dl.functionLayer(np.exp, GradientFcn=lambda X, Z, dLdZ: 0 * dLdZ, Name="constant")]],
        [("conv", "tanh"), ("tanh", "times/in2"), ("times", "add/in1"), ("conv", "add/in2"), ("tanh", "minus"),
         ("minus", "add/in3"), ("conv", "constant"), ("constant", "add/in4")])
    assert_same_gradients(double(lgraph).gradients([X], [T]), double(same).gradients([X], [T]))


# Sequences -----------------------------------------------------------------------------------------------------------
def test_no_gradient_goes_into_padding(without_backward):
    without_backward()
    x, t = RANDOM.standard_normal((2, 7, 3)), RANDOM.standard_normal((3, 7, 3))
    lengths = np.array([7, 4, 2], np.int32)
    layers, same, _, _ = PAIRS["LSTM cell"]()
    scale = dl.functionLayer(lambda X: np.tanh(X) + 3, Name="scale")  # not zero at zero

    def gradients(middle):
        return double([layers[0], scale, middle, dl.regressionLayer]).gradients([x], [t], lengths=[lengths])
    found, expected = gradients(layers[1]), gradients(same[1])
    for a, b in [*zip(found[1].values(), expected[1].values(), strict=True), (found[2][0], expected[2][0])]:
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-13)
    for number, length in enumerate(lengths):
        assert not found[2][0][:, length:, number].any()
        assert found[2][0][:, :length, number].all()


# What methods see ----------------------------------------------------------------------------------------------------
def test_in_prediction_nothing_is_traced():
    seen = []

    class Looking(dl.Layer):
        W = dl.learnableParameter(np.full((1, 1, 3), 2.0))

        def predict(self, X):
            seen.append((type(X), type(self.W)))
            return self.W * X

    class Own(Looking):
        def backward(self, X, Z, dLdZ, memory):
            return self.W * dLdZ, (X * dLdZ).sum((0, 1, 3), keepdims=True)
    for cls, kind in ((Looking, dl.dlarray), (Own, np.ndarray)):
        model = double([*image(cls()), *ends()])
        seen.clear()
        model.predict([X])
        assert {*seen} == {(np.ndarray, np.ndarray)}
        seen.clear()
        model.gradients([X], [T])
        assert seen == [(kind, kind)]
    before = double([dl.imageInputLayer([4, 5, 2], Normalization="none"), dl.functionLayer(
        lambda X: seen.append(type(X)) or X), dl.fullyConnectedLayer(2), dl.regressionLayer])
    seen.clear()
    before.step([X], [T])  # no gradient is asked of what only the data stand before
    assert {*seen} == {np.ndarray}


def test_code_of_arrays_runs_on_the_tape():
    class Words(dl.Layer):
        def predict(self, X):
            Z = X.copy()
            Z[Z < 0] *= 0.25
            kept = Z
            kept[0] = 2 * kept[1]
            rows = np.stack(list(np.moveaxis(Z, 2, 0)))
            joined = np.concatenate([rows, rows[:, :1]], 1)[:, :-1]
            W = np.eye(joined.shape[0], dtype=X.dtype) - 0.5
            mixed = np.einsum("ij,jabn->iabn", W, joined) + (W @ joined.reshape(len(joined), -1)).reshape(joined.shape)
            back = np.transpose(mixed, (1, 2, 0, 3))
            return np.maximum(back, X.mean(axis=(0, 1), keepdims=True)) + X[..., None].sum(-1).squeeze()
    model = double([*image(Words()), *ends()])
    _, _, (found,) = model.gradients([X], [T])
    for at in (3, 57, 110):
        losses = []
        for sign in (1, -1):
            moved = X.copy()
            moved.flat[at] += sign * 1e-6
            losses.append(model.gradients([moved], [T])[0])
        assert found.flat[at] == pytest.approx((losses[0] - losses[1]) / 2e-6, rel=1e-5)


def test_what_is_drawn_is_drawn_once_and_the_gradient_knows_it():
    masks = []

    class Dropping(dl.Layer):
        def predict(self, X):
            return X

        def forward(self, X):
            masks.append(np.random.default_rng(len(masks)).random(X.shape) > 0.5)
            return X * masks[-1]
    model = double([dl.featureInputLayer(4, Normalization="none"), Dropping(), dl.regressionLayer])
    x = RANDOM.standard_normal((4, 5))
    for count in (1, 2):
        _, _, (found,) = model.gradients([x], [np.zeros((4, 5))])
        np.testing.assert_allclose(found, x * masks[-1] / 5, rtol=1e-12)
        assert len(masks) == count
    model.predict([x])
    assert len(masks) == 2


def test_runs_that_are_computed_again_draw_the_same():
    class Noisy(dl.Layer):
        def predict(self, X):
            return X * np.random.random(X.shape)  # noqa: NPY002  # what users draw from
    runs = TapedRuns(dl.layerGraph([dl.featureInputLayer(4, Normalization="none"), Noisy(), dl.regressionLayer]), np.float64)
    x, seed = RANDOM.standard_normal((4, 5)), RANDOM.standard_normal((4, 5))
    run = runs.forward(dict(runs.values), [x], training=True, input_gradients=True)
    for _ in range(2):
        (found,) = run.backward([seed]).inputs
        np.testing.assert_allclose(found * x, seed * run.results[0].array, rtol=1e-12)


def test_dlarrays_may_be_kept_in_a_layer():
    class Keeping(dl.Layer):
        Scale = dl.learnableParameter()

        def __init__(self):
            self.Name = "layer"
            self.Scale = dl.dlarray(np.full((1, 1, 3), 2.0))
            self.Shift = dl.dlarray(0.5)

        def predict(self, X):
            return self.Scale * X + self.Shift
    layer = Keeping()
    assert copy.deepcopy(layer) == layer.copy() == layer
    assert_same_gradients(double([*image(layer), *ends()]).gradients([X], [T]),
                          double([*image(SlopeAndShift()), *ends()]).gradients([X], [T]))
    net = dl.trainNetwork(X, T.reshape(2, 6).T, [*image(layer), dl.fullyConnectedLayer(2), dl.regressionLayer],
                          dl.trainingOptions("sgdm", MaxEpochs=2, InitialLearnRate=1e-3, Verbose=False))
    assert isinstance(net.Layers[2].Scale, np.ndarray)
    assert not np.allclose(net.Layers[2].Scale, 2)
    assert float(net.Layers[2].Shift) == 0.5


class SlopeAndShift(dl.Layer):
    Scale = dl.learnableParameter(np.full((1, 1, 3), 2.0))

    def __init__(self):
        self.Name = "layer"

    def predict(self, X):
        return self.Scale * X + 0.5

    def backward(self, X, Z, dLdZ, memory):
        return self.Scale * dLdZ, (X * dLdZ).sum((0, 1, 3), keepdims=True)


def test_nothing_around_disturbs_the_trace():
    def inner(X):
        return dl.dlfeval(np.tanh, X) * dl.extractdata(X)
    model = double([dl.featureInputLayer(2, Normalization="none"), dl.functionLayer(inner), dl.regressionLayer])
    x = RANDOM.standard_normal((2, 3))
    expected = np.tanh(x) * x * (1 - np.tanh(x) ** 2) * x / 3
    with noting(False):
        found = model.gradients([x], [np.zeros((2, 3))])[2][0]
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_the_plan_says_where_the_gradient_comes_from():
    layers = [*image(dl.functionLayer(np.tanh)), *ends()]
    assert "gradient from the tape" in dl.explain(layers, Mode="train")
    assert "gradient from the tape" not in dl.explain(layers)
    assert "gradient from the tape" not in dl.explain([*image(PReLU()), *ends()], Mode="train")
    tversky_without = type("Bare", (TverskyLoss,), {"backwardLoss": None})
    assert "gradient from the tape" in dl.explain(segmentation(tversky_without(0.5, 0.5)), Mode="train")


# Second derivatives --------------------------------------------------------------------------------------------------
def applied_twice(op, values, attrs):
    """The gradient of ½·|gradient of Σ y³|², and the function that it is the gradient of."""
    def gradients(xs):
        y = apply_op(op, *xs, **attrs)
        return gradients_of(np.sum((y[0] if isinstance(y, tuple) else y) ** 3), [x for x in xs if isinstance(x, Traced)],
                            again=True)

    def size(values):
        return 0.5 * sum(float(np.sum(g.value ** 2)) for g in gradients([leaf(x) for x in values]))
    xs = [leaf(x) for x in values]
    total = sum(np.sum(g * g) for g in gradients(xs)) * 0.5
    return gradients_of(total, xs), size


def test_gradients_from_the_tape_can_be_differentiated(without_backward):
    without_backward()
    dims = Dims.of("CTB", 2, None, None)
    function = LSTMCell(3).user_function((dims,), training=True)
    layer = function.layer
    values = [RANDOM.standard_normal((2, 4, 2)), layer.InputWeights.astype(float), layer.RecurrentWeights.astype(float),
              layer.Bias.astype(float), np.zeros((3, 2)), np.zeros((3, 2))]
    found, size = applied_twice("custom", values, {"function": function})
    for number, gradient in enumerate(found[:4]):
        at = np.unravel_index(np.abs(gradient).argmax(), gradient.shape)
        ends_of = []
        for sign in (1, -1):
            moved = [x.copy() for x in values]
            moved[number][at] += sign * 1e-5
            ends_of.append(size(moved))
        assert gradient[at] == pytest.approx((ends_of[0] - ends_of[1]) / 2e-5, rel=1e-5)


def test_gradients_by_hand_cannot():
    dims = Dims.of("SSCB", 4, 5, 3, None)
    function = PReLU("act").user_function((dims,), training=True)
    with pytest.raises(dl.DltoolboxError, match=r"backward of PReLU gives cannot.*Leave backward out") as caught:
        applied_twice("custom", [np.ones((4, 5, 3, 2)), np.ones((1, 1, 3))], {"function": function})
    assert caught.value.identifier == "dltoolbox:dlgradient:notTwiceDifferentiable"
    assert caught.value.issues[0].layer == "act"


def test_losses_can_be_differentiated_twice(without_backward):
    from dltoolbox.layers.custom.loss_layers import UserLoss
    without_backward()
    dims = Dims.of("SSCB", 2, 2, 3, None)
    y = np.abs(RANDOM.standard_normal((2, 2, 3, 2)))
    t = np.eye(3)[RANDOM.integers(0, 3, (2, 2, 2))].transpose(0, 1, 3, 2)
    attrs = {"function": UserLoss(TverskyLoss(0.3, 0.7), dims)}

    def slope(values):
        x = leaf(values)
        return x, gradients_of(apply_op("custom_loss", x, t, **attrs), [x], again=True)[0]
    x, gradient = slope(y)
    (found,) = gradients_of(np.sum(gradient * gradient), [x])
    moved = [y.copy(), y.copy()]
    for array, sign in zip(moved, (1, -1), strict=True):
        array[1, 0, 2, 1] += sign * 1e-5
    sizes = [float(np.sum(slope(array)[1].value ** 2)) for array in moved]
    assert found[1, 0, 2, 1] == pytest.approx((sizes[0] - sizes[1]) / 2e-5, rel=1e-5)
