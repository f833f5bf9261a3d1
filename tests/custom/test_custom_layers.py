"""Custom layers as users write them, trained beside networks of built-in layers that compute the same."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
import torch

import dltoolbox as dl
from dltoolbox.program.model import Model
from examples.custom_layers import PReLU
from tests.custom.user_layers import (
    AttentionGate,
    LSTMCell,
    RunningMean,
    SReLU,
    TverskyLoss,
    WeightedAddition,
)

RANDOM = np.random.default_rng(5)
X = RANDOM.standard_normal((4, 5, 2, 6))
CONV = RANDOM.standard_normal((3, 3, 2, 3)) * 0.4
FC = RANDOM.standard_normal((2, 60)) * 0.3
T = RANDOM.standard_normal((1, 1, 2, 6))


def image(*middle, one=False):
    """A network around some layers."""
    weights = CONV[..., :1] if one else CONV
    return [dl.imageInputLayer([4, 5, 2], Normalization="none"),
            dl.convolution2dLayer(3, weights.shape[-1], Padding="same", Weights=weights, Name="conv"), *middle]


def ends(one=False):
    return [dl.fullyConnectedLayer(2, Weights=FC[:, :20] if one else FC, Name="fc"), dl.regressionLayer]


def channelwise(weights, bias=None, *, frozen=False, fixed_bias=True, name=""):
    """A factor and a summand per channel."""
    weights = np.asarray(weights, float).reshape(1, 1, 1, 1, -1)
    bias = np.zeros(weights.size) if bias is None else np.asarray(bias, float)
    return dl.groupedConvolution2dLayer(
        1, 1, "channel-wise", Weights=weights, Bias=bias.reshape(1, 1, 1, 1, -1), WeightLearnRateFactor=0 if frozen else 1,
        BiasLearnRateFactor=0 if fixed_bias else 1, Name=name)


def graph(layers, branches, connections):
    lgraph = dl.layerGraph(layers)
    for branch in branches:
        lgraph = dl.addLayers(lgraph, branch)
    for source, destination in connections:
        lgraph = dl.connectLayers(lgraph, source, destination)
    return lgraph


def prelu():
    mine = [*image(PReLU()), *ends()]
    same = graph(image(dl.reluLayer(Name="up"), dl.additionLayer(2, Name="add")) + ends(),
                 [[channelwise([-1] * 3, frozen=True, name="minus"), dl.reluLayer(Name="down"),
                   channelwise([-0.25] * 3, name="alpha")]], [("conv", "minus"), ("alpha", "add/in2")])
    return mine, same, X, T


def weighted_addition():
    mine = graph(image(WeightedAddition(3, Name="sum"), one=True) + ends(one=True),
                 [dl.reluLayer(Name="relu"), dl.tanhLayer(Name="tanh")],
                 [("conv", "relu"), ("conv", "tanh"), ("relu", "sum/in2"), ("tanh", "sum/in3")])
    one = {"NumFilters": 1, "BiasLearnRateFactor": 0, "Bias": [[[0]]]}
    same = graph(image(dl.convolution2dLayer(1, Weights=[[[[0.5]]]], **one), dl.additionLayer(3, Name="sum"), one=True)
                 + ends(one=True),
                 [[dl.reluLayer(Name="relu"), dl.convolution2dLayer(1, Weights=[[[[1.0]]]], Name="b", **one)],
                  [dl.tanhLayer(Name="tanh"), dl.convolution2dLayer(1, Weights=[[[[1.5]]]], Name="c", **one)]],
                 [("conv", "relu"), ("conv", "tanh"), ("b", "sum/in2"), ("c", "sum/in3")])
    return mine, same, X, T


def srelu():
    mine = [*image(SReLU()), *ends()]
    same = graph(image(dl.additionLayer(3, Name="add")) + ends(), [
        [channelwise([-1] * 3, [-0.3] * 3, frozen=True, fixed_bias=False, name="left"), dl.reluLayer,
         channelwise([0.9] * 3, name="l")],
        [channelwise([1] * 3, [-0.4] * 3, frozen=True, fixed_bias=False, name="right"), dl.reluLayer,
         channelwise([-0.5] * 3, name="r")]],
        [("conv", "left"), ("conv", "right"), ("l", "add/in2"), ("r", "add/in3")])
    return mine, same, X, T


def attention_gate():
    mine = graph(image(AttentionGate(3)) + ends(), [dl.tanhLayer(Name="tanh")],
                 [("conv", "tanh"), ("tanh", "attentiongate/gate")])
    same = graph(image(dl.multiplicationLayer(2, Name="times")) + ends(), [
        [dl.tanhLayer(Name="tanh"), channelwise(np.linspace(-1, 1, 3), fixed_bias=False), dl.sigmoidLayer(Name="s")]],
        [("conv", "tanh"), ("s", "times/in2")])
    return mine, same, X, T


def lstm():
    x, t = RANDOM.standard_normal((2, 7, 4)), RANDOM.standard_normal((3, 7, 4))
    made = dl.dlnetwork([dl.sequenceInputLayer(2, Normalization="none"), LSTMCell(3)]).Layers[1]
    same = dl.lstmLayer(3, InputWeights=made.InputWeights, RecurrentWeights=made.RecurrentWeights, Bias=made.Bias)
    start = [dl.sequenceInputLayer(2, Normalization="none")]
    return [*start, made, dl.regressionLayer], [*start, same, dl.regressionLayer], x, t


PAIRS = {"PReLU": prelu, "weighted addition": weighted_addition, "SReLU": srelu, "attention gate": attention_gate,
         "LSTM cell": lstm}


def descended(layers, x, t, *, fast=True, steps=5):
    """A model after some steps of plain gradient descent in double precision, and the losses on the way."""
    model = Model(layers if isinstance(layers, dl.LayerGraph) else dl.layerGraph(layers), np.float64, fast=fast)
    losses = []
    for _ in range(steps):
        step = model.step([x], [t])
        losses.append(step.loss)
        for parameter, gradient in zip(model.parameters, step.gradients, strict=True):
            if gradient is not None:
                parameter.value -= 0.02 * gradient
    return model, losses


@pytest.mark.parametrize("fast", [True, False], ids=["kernels", "reference"])
@pytest.mark.parametrize("name", PAIRS)
def test_trains_as_built_in_layers_do(name, fast):
    mine, same, x, t = PAIRS[name]()
    (model, losses), (other, expected) = descended(mine, x, t, fast=fast), descended(same, x, t)
    np.testing.assert_allclose(losses, expected, rtol=1e-7)
    np.testing.assert_allclose(model.predict([x])[0], other.predict([x])[0], rtol=1e-6, atol=1e-9)
    assert losses[-1] < losses[0]


def check_threads_change_nothing(name, steps):
    """The losses of some steps on one thread and on two."""
    layers, _, x, t = PAIRS[name]()
    x, t = np.concatenate([x] * 40, -1), np.concatenate([t] * 40, -1)
    before, losses = dl.maxNumCompThreads(), []
    try:
        for threads in (1, 2):
            dl.maxNumCompThreads(threads)
            losses.append(descended(layers, x, t, steps=steps)[1])
    finally:
        dl.maxNumCompThreads(before)
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-12)


@pytest.mark.parametrize("name", PAIRS)
def test_threads_change_nothing(name):
    check_threads_change_nothing(name, steps=3)


@pytest.mark.parametrize("name", PAIRS)
def test_gradients_are_those_of_finite_differences(name):
    layers, _, x, t = PAIRS[name]()
    model = Model(layers if isinstance(layers, dl.LayerGraph) else dl.layerGraph(layers), np.float64)
    _, gradients, (of_input,) = model.gradients([x], [t])
    for key, gradient in gradients.items():
        at = np.unravel_index(np.abs(gradient).argmax(), gradient.shape)
        ends_of = []
        for move in (1e-6, -2e-6):
            model.arrays[key][at] += move
            ends_of.append(model.gradients([x], [t])[0])
        model.arrays[key][at] += 1e-6
        assert gradient[at] == pytest.approx((ends_of[0] - ends_of[1]) / 2e-6, rel=1e-4, abs=1e-8)
    moved = x.copy()
    moved.flat[3] += 1e-6
    difference = model.gradients([moved], [t])[0] - model.gradients([x], [t])[0]
    assert of_input.flat[3] == pytest.approx(difference / 1e-6, rel=1e-3, abs=1e-6)


# Loss ----------------------------------------------------------------------------------------------------------------
def segmentation(end):
    return [dl.imageInputLayer([4, 5, 2], Normalization="none"), dl.convolution2dLayer(3, 3, Padding="same", Weights=CONV),
            dl.softmaxLayer, end]


def test_tversky_loss_has_the_gradient_that_autograd_finds():
    labels = np.moveaxis(np.eye(3)[RANDOM.integers(0, 3, (4, 5, 6))], -1, 2)
    model = Model(dl.layerGraph(segmentation(TverskyLoss(0.3, 0.7))), np.float64)
    loss, gradients, _ = model.gradients([X], [labels])
    weights = torch.tensor(CONV.transpose(3, 2, 0, 1), requires_grad=True)
    y = torch.softmax(torch.nn.functional.conv2d(torch.tensor(X.transpose(3, 2, 0, 1).copy()), weights, padding=1), 1)
    t = torch.tensor(labels.transpose(3, 2, 0, 1).copy())
    TP, FP, FN = ((a * b).sum((2, 3)) for a, b in ((y, t), (y, 1 - t), (1 - y, t)))
    expected = (1 - TP / (TP + 0.3 * FP + 0.7 * FN + 1e-8)).mean()
    expected.backward()
    assert loss == pytest.approx(expected.item(), rel=1e-10)
    np.testing.assert_allclose(gradients[("conv", "Weights")], weights.grad.numpy().transpose(2, 3, 1, 0), rtol=1e-8)


def test_tversky_loss_segments():
    codes = (X[:, :, :1].sum(2) > 0).astype(int)
    Y = dl.categorical(codes, [0, 1], ["rest", "cell"])
    layers = [dl.imageInputLayer([4, 5, 2]), dl.convolution2dLayer(1, 2), dl.softmaxLayer, TverskyLoss(0.5, 0.5)]
    net = dl.trainNetwork(X, Y, layers, dl.trainingOptions("adam", MaxEpochs=60, InitialLearnRate=0.1, Verbose=False))
    assert net.Layers[-1].Classes == ("rest", "cell")
    assert isinstance(net.Layers[-1], TverskyLoss)
    assert (net.Layers[-1].Alpha, net.Layers[-1].Type) == (0.5, "TverskyLoss")
    assert np.mean(dl.semanticseg(X, net) == Y) > 0.95


class CrossEntropy(dl.ClassificationLayer):
    def forwardLoss(self, Y, T):
        return -(T * np.log(np.maximum(Y, 1e-30))).sum() / Y.shape[-1]

    def backwardLoss(self, Y, T):
        return -T / np.maximum(Y, 1e-30) / Y.shape[-1]


class HalfSquares(dl.RegressionLayer):
    def forwardLoss(self, Y, T):
        return ((Y - T) ** 2).sum() / 2 / Y.shape[-1]

    def backwardLoss(self, Y, T):
        return (Y - T) / Y.shape[-1]


def test_output_layers_do_what_built_in_ones_do():
    features, options = X[0, 0].T, dl.trainingOptions("sgdm", MaxEpochs=4, Verbose=False, Shuffle="never")
    Y = dl.categorical(["a", "b", "a", "c", "c", "b"])
    for make, other, target, head in ((CrossEntropy, dl.classificationLayer, Y,
                                       [dl.fullyConnectedLayer(3), dl.softmaxLayer]),
                                      (HalfSquares, dl.regressionLayer, features.sum(1, keepdims=True),
                                       [dl.fullyConnectedLayer(1)])):
        scores = []
        for end in (make(), other()):
            dl.rng(0)
            net, info = dl.trainNetwork(features, target, [dl.featureInputLayer(2), *head, end], options, nargout=2)
            scores.append((dl.predict(net, features), info.TrainingLoss))
        np.testing.assert_allclose(scores[0][0], scores[1][0], rtol=1e-5)
        np.testing.assert_allclose(scores[0][1], scores[1][1], rtol=1e-5)
    net = dl.trainNetwork(features, Y, [dl.featureInputLayer(2), dl.fullyConnectedLayer(3), dl.softmaxLayer, CrossEntropy()],
                          options)
    assert dl.classify(net, features).categories == ["a", "b", "c"]
    assert net.Layers[-1].Classes == ("a", "b", "c")


# Use -----------------------------------------------------------------------------------------------------------------
def test_trained_networks_return_layers_of_the_class():
    layer = PReLU("act")
    layers = [*image(layer), dl.fullyConnectedLayer(2), dl.regressionLayer]
    net = dl.trainNetwork(X, T.reshape(2, 6).T, layers, dl.trainingOptions("sgdm", MaxEpochs=3, Verbose=False,
                                                                           InitialLearnRate=1e-3))
    trained = net.Layers[2]
    assert type(trained) is PReLU
    assert trained.Alpha.shape == (1, 1, 3)
    assert not np.allclose(trained.Alpha, 0.25)
    assert layer.Alpha is None
    alone = dl.dlnetwork([dl.imageInputLayer([4, 5, 3], Normalization="none"), trained])
    x = np.concatenate([X, X], 2)[:, :, :3]
    np.testing.assert_allclose(dl.predict(alone, x), np.where(x > 0, x, trained.Alpha[..., np.newaxis] * x), rtol=1e-5)


def test_analysis_shows_arrays_sizes_and_texts():
    info = dl.analyzeNetwork([*image(PReLU("act")), *ends()], nargout=1)
    assert info.LayerInfo.Type[2] == "PReLU"
    assert (info.TotalLearnables, info.NumErrors) == (2 * 27 + 3 + 3 + 122, 0)
    described = PReLU("act")
    described.Description = "PReLU with 3 channels"
    assert "PReLU with 3 channels" in str(dl.layerArray([described]))
    assert "custom" in dl.explain([*image(PReLU("act")), *ends()])


def test_learn_rate_factors_and_freezing():
    layer = dl.setLearnRateFactor(PReLU(), "Alpha", 2)
    assert dl.getLearnRateFactor(layer, "Alpha") == 2
    assert (layer.AlphaL2Factor, AttentionGate(3).BiasL2Factor) == (1, 0)
    frozen = [*image(dl.freezeWeights(PReLU())), dl.fullyConnectedLayer(2), dl.regressionLayer]
    net = dl.trainNetwork(X, T.reshape(2, 6).T, frozen, dl.trainingOptions("sgdm", MaxEpochs=1, Verbose=False))
    assert np.array_equal(net.Layers[2].Alpha, np.full((1, 1, 3), 0.25, np.float32))


def test_copies_are_independent():
    layer = WeightedAddition(2)
    layer.notes = ["mine"]
    for other in (copy.copy(layer), copy.deepcopy(layer), pickle.loads(pickle.dumps(layer)), layer.copy(),
                  dl.layerGraph([layer]).Layers[0]):
        assert type(other) is WeightedAddition
        assert other.InputNames == ["in1", "in2"]
        assert np.array_equal(other.Weights, layer.Weights)
        assert other.notes == ["mine"]
    mine = layer.copy()
    mine.notes.append("yours")
    assert (layer.notes, layer == layer.copy(), layer == mine) == (["mine"], True, False)


def test_initialize_is_asked_few_times():
    asked = []

    class Counted(SReLU):
        def initialize(self, layout):
            asked.append((layout.Format, tuple(layout.Size[:3])))
            super().initialize(layout)
    layers = [*image(Counted()), *ends()]
    dl.trainNetwork(X, T.reshape(2, 6).T, layers, dl.trainingOptions("sgdm", MaxEpochs=1, Verbose=False))
    assert set(asked) == {("SSCB", (4, 5, 3))}
    assert len(asked) <= 4


def test_predict_is_not_asked_for_sizes_again_and_again():
    calls = []

    class Counted(PReLU):
        def predict(self, X):
            calls.append(X.shape)
            return super().predict(X)
    dl.analyzeNetwork([*image(Counted()), *ends()], nargout=1)
    assert calls == [(4, 5, 3, 2)]


def test_arrays_come_as_documented_and_read_only():
    seen = {}

    class Looking(dl.Layer):
        def predict(self, X):
            seen[X.shape, X.flags.writeable] = X.dtype
            return X
    for first, data in ((dl.imageInputLayer([4, 5, 2]), X), (dl.featureInputLayer(3), np.ones((7, 3))),
                        (dl.sequenceInputLayer(3), [np.ones((3, 9))] * 7),
                        (dl.sequenceInputLayer([4, 5, 2]), [np.ones((4, 5, 2, 9))] * 7),
                        (dl.image3dInputLayer([2, 3, 4, 5]), np.ones((2, 3, 4, 5, 7)))):
        seen.clear()
        first = dl.dlnetwork([type(first)(*_arguments(first), Normalization="none"), Looking()])
        seen.clear()
        dl.predict(first, data)
        assert {key for key in seen if 7 in key[0] or 6 in key[0]} <= {
            ((4, 5, 2, 6), False), ((3, 7), False), ((3, 7, 9), False), ((4, 5, 2, 7, 9), False), ((2, 3, 4, 5, 7), False)}
        assert len({key for key in seen if 7 in key[0] or 6 in key[0]}) == 1


def _arguments(layer):
    return [list(layer.InputSize)] if not isinstance(layer.InputSize, int) else [layer.InputSize]


def test_initialize_may_set_other_attributes():
    class Remembering(dl.Layer):
        def initialize(self, layout):
            self.NumChannels = layout.Size[0]

        def predict(self, X):
            return X * self.NumChannels
    net = dl.dlnetwork([dl.featureInputLayer(3, Normalization="none"), Remembering()])
    assert dl.predict(net, np.ones((1, 3))).tolist() == [[3, 3, 3]]
    assert dl.predict(dl.dlnetwork(net.Layers), np.ones((1, 3))).tolist() == [[3, 3, 3]]


# States --------------------------------------------------------------------------------------------------------------
def test_states_of_observations_go_on():
    sequences = [RANDOM.standard_normal((2, 9)) for _ in range(3)]
    net = dl.dlnetwork([dl.sequenceInputLayer(2, Normalization="none"), LSTMCell(3)])
    whole = dl.predict(net, sequences)
    after, first = dl.predictAndUpdateState(net, [x[:, :4] for x in sequences])
    after, rest = dl.predictAndUpdateState(after, [x[:, 4:] for x in sequences])
    for y, a, b in zip(whole, first, rest, strict=True):
        np.testing.assert_allclose(np.concatenate([a, b], 1), y, atol=1e-6)
    assert after.Layers[1].HiddenState.shape == (3, 3)
    assert dl.resetState(after).Layers[1].HiddenState.shape == (3, 1)


def test_states_with_as_many_channels_as_the_data_go_on():
    class Most(dl.Layer):
        Most = dl.stateParameter(np.full((2, 1), -9.0))

        def predict(self, X):
            Z = np.maximum.accumulate(np.maximum(X, self.Most[..., np.newaxis]), axis=2)
            return Z, Z[:, :, -1]
    sequences = [RANDOM.standard_normal((2, 8)) for _ in range(3)]
    net = dl.dlnetwork([dl.sequenceInputLayer(2, Normalization="none"), Most()])
    after, _ = dl.predictAndUpdateState(net, [x[:, :4] for x in sequences])
    for y, x in zip(dl.predict(after, [x[:, 4:] for x in sequences]), sequences, strict=True):
        np.testing.assert_allclose(y, np.maximum.accumulate(x, 1)[:, 4:], rtol=1e-6)


def test_states_of_the_network_follow_training():
    data = 5 + RANDOM.standard_normal((20, 3))
    net = dl.trainNetwork(data, data.sum(1, keepdims=True),
                          [dl.featureInputLayer(3, Normalization="none"), RunningMean(), dl.fullyConnectedLayer(1),
                           dl.regressionLayer],
                          dl.trainingOptions("sgdm", MaxEpochs=2, MiniBatchSize=10, Shuffle="never", Verbose=False))
    mean = np.zeros(3)
    for half in (data[:10], data[10:]) * 2:
        mean = 0.9 * mean + 0.1 * half.mean(0)
    np.testing.assert_allclose(net.Layers[1].Mean.ravel(), mean, rtol=1e-5)
    after, y = dl.predictAndUpdateState(net, data)
    np.testing.assert_allclose(y, dl.predict(net, data))
    np.testing.assert_array_equal(after.Layers[1].Mean, net.Layers[1].Mean)
    np.testing.assert_array_equal(dl.resetState(net).Layers[1].Mean, np.zeros((3, 1)))


def test_a_state_of_all_passes_from_mini_batch_to_mini_batch():
    class Counting(dl.Layer):
        Count = dl.stateParameter(0)

        def predict(self, X):
            return X + self.Count, self.Count + X.shape[1]
    net = dl.dlnetwork([dl.featureInputLayer(1, Normalization="none"), Counting()])
    after, y = dl.predictAndUpdateState(net, np.zeros((5, 1)), MiniBatchSize=2)
    assert y.ravel().tolist() == [0, 0, 2, 2, 4]
    assert dl.predict(after, [[0.0]]).tolist() == [[5]]


# Formats and time ----------------------------------------------------------------------------------------------------
def test_formattable_layers_see_labels_and_may_change_the_format():
    seen = []

    class Pooling(dl.Layer, dl.Formattable):
        def predict(self, X):
            seen.append(dl.dims(2 * X))
            space = tuple(dl.finddim(X, "S"))
            return dl.dlarray(dl.stripdims(X).mean(space), "CB")

        def backward(self, X, Z, dLdZ, memory):
            return np.broadcast_to(dl.stripdims(dLdZ) / 20, X.shape)
    layers = [*image(Pooling()), dl.fullyConnectedLayer(2), dl.regressionLayer]
    assert dl.analyzeNetwork(layers, nargout=1).LayerInfo.ActivationSizes[2] == [3, 1]
    net = dl.trainNetwork(X, T.reshape(2, 6).T, layers, dl.trainingOptions("sgdm", MaxEpochs=1, Verbose=False))
    assert dl.predict(net, X).shape == (6, 2)
    assert {*seen} == {"SSCB"}


def test_time_may_go_or_become_shorter():
    class Last(dl.Layer, dl.Formattable):
        def predict(self, X):
            return dl.dlarray(X[:, :, -1], "CB")

    class Halved(dl.Layer):
        def predict(self, X):
            return X[:, :, ::2]
    x = [RANDOM.standard_normal((2, 6)) for _ in range(3)]
    first = dl.sequenceInputLayer(2, Normalization="none")
    np.testing.assert_allclose(dl.predict(dl.dlnetwork([first, Last()]), x), np.stack([s[:, -1] for s in x]), rtol=1e-6)
    for got, s in zip(dl.predict(dl.dlnetwork([first, Halved()]), x), x, strict=True):
        np.testing.assert_allclose(got, s[:, ::2], rtol=1e-6)
    with pytest.raises(dl.DltoolboxError, match="lengthsChange"):
        dl.predict(dl.dlnetwork([first, Halved()]), [x[0], x[1][:, :4]])


def test_padded_steps_hold_zeros():
    class Total(dl.Layer):
        def predict(self, X):
            return np.cumsum(X, 2) * 0 + X.sum(2, keepdims=True)
    first = dl.sequenceInputLayer(1, Normalization="none")
    one, other = dl.predict(dl.dlnetwork([first, Total()]), [np.ones((1, 3)), np.ones((1, 5))])
    assert one.tolist() == [[3] * 3]
    assert other.tolist() == [[5] * 5]


def test_nothing_is_called_for_no_observations():
    class Strict(dl.Layer):
        def predict(self, X):
            assert X.shape[-1]
            return X
    net = dl.dlnetwork([dl.featureInputLayer(3, Normalization="none"), Strict()])
    assert dl.predict(net, np.zeros((0, 3))).shape == (0, 3)


# functionLayer -------------------------------------------------------------------------------------------------------
def test_function_layers_train_with_a_gradient():
    def softsign(X):
        return X / (1 + np.abs(X))
    layer = dl.functionLayer(softsign, GradientFcn=lambda X, Z, dLdZ: dLdZ / (1 + np.abs(X)) ** 2)
    assert (layer.Name, layer.Description, layer.Type, layer.PredictFcn) == ("", "softsign", "Function", softsign)
    assert (layer.NumInputs, layer.NumOutputs, layer.Formattable, layer.Acceleratable) == (1, 1, False, False)
    _, losses = descended([*image(layer), *ends()], X, T)
    assert losses[-1] < losses[0]
    assert dl.layerGraph([dl.functionLayer(np.tanh)]).Layers[0].Name == "layer"


def test_function_layers_without_a_gradient_stand_before_what_is_trained():
    layers = [dl.featureInputLayer(2), dl.functionLayer(np.tanh), dl.fullyConnectedLayer(1), dl.regressionLayer]
    net = dl.trainNetwork(X[0, 0].T, np.ones((6, 1)), layers, dl.trainingOptions("sgdm", MaxEpochs=1, Verbose=False))
    assert dl.predict(net, X[0, 0].T).shape == (6, 1)


def test_function_layers_with_several_ports():
    layer = dl.functionLayer(lambda a, b: (a + b, a - b), OutputNames=["sum", "difference"], Name="both")
    assert (layer.InputNames, layer.OutputNames) == (["in1", "in2"], ["sum", "difference"])
    lgraph = dl.layerGraph([dl.featureInputLayer(2, Name="a", Normalization="none"), layer])
    lgraph = dl.connectLayers(dl.addLayers(lgraph, dl.featureInputLayer(2, Name="b", Normalization="none")), "b", "both/in2")
    total, difference = dl.predict(dl.dlnetwork(lgraph), np.ones((3, 2)), 2 * np.ones((3, 2)), nargout=2)
    assert (total.tolist(), difference.tolist()) == ([[3, 3]] * 3, [[-1, -1]] * 3)
