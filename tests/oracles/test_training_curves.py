"""50 iterations of the digits network: our curve of the loss beside PyTorch's, from the same weights.

In float64 they agree to rounding. In float32 no two programs do for long: a rounding that turns one ReLU, or moves one
maximum to its neighbour, changes the gradient by up to some 1e-3 of its length, and at the default learning rates 50
iterations make up to 5 percent of the loss of it, also between PyTorch's own float32 and float64. So float32 is held to
1e-3 at lower rates, and at the default rates step by step: with the same weights, loss and gradients are right to rounding.
"""

import numpy as np
import pytest
import torch

from dltoolbox import digitTrain4DArrayData, layerGraph, trainingOptions, trainNetwork
from dltoolbox.data.sources.arrays import ArraySource, OneHot
from dltoolbox.ops import ParameterKey
from dltoolbox.program.model import Model
from dltoolbox.train.loop import train

from .torch_networks import L2_FACTORS, RATE_FACTORS, Twin, curve, digits_layers, zero_centred

pytestmark = pytest.mark.oracle

SOLVERS = ("sgdm", "adam", "rmsprop")
BATCH = 64
COUNT = 25 * BATCH + 10  # two epochs are 50 iterations; ten observations are dropped


@pytest.fixture(scope="module")
def digits():
    X, Y = digitTrain4DArrayData(nargout=2)
    return X[..., :COUNT], Y[:COUNT]


def options_of(solver, **more):
    return trainingOptions(solver, **{"MaxEpochs": 2, "MiniBatchSize": BATCH, "Shuffle": "never", "Verbose": False,
                                      "BatchNormalizationStatistics": "moving", **more})


class Recorded(Model):
    """Remembers the weights, the loss and the gradients of every step."""

    def __init__(self, *arguments, **options):
        self.steps = []
        super().__init__(*arguments, **options)

    def step(self, inputs, targets):
        weights = [p.value.copy() for p in self.parameters]
        result = super().step(inputs, targets)
        self.steps.append((weights, result.loss, [g.copy() for g in result.gradients]))
        return result


def trained(layers, digits, options, dtype):
    """A model after training by the loop, and the losses; what `trainNetwork` does, in any precision."""
    X, Y = digits
    lgraph = layerGraph(layers)
    model = Recorded(lgraph, dtype)
    model.arrays[ParameterKey(lgraph.nodes[0].Name, "Mean")][...] = X.astype(np.float64).mean()
    result = train(model, ArraySource([X], [OneHot(Y.codes[np.newaxis, np.newaxis], 10)], dtype=dtype), options)
    return model, result.info.TrainingLoss


def distance(ours, theirs):
    """Largest relative difference of two curves of 50 iterations."""
    assert ours.shape == theirs.shape == (50,)
    return np.abs(ours / theirs - 1).max()


@pytest.mark.parametrize(("solver", "decay"), [("sgdm", 1e-4), ("sgdm", 0.05), ("adam", 1e-4), ("rmsprop", 1e-4)])
def test_curve_in_float64(solver, decay, digits):
    options, layers = options_of(solver, L2Regularization=decay), digits_layers()
    theirs = curve(layers, digits[0], digits[1].codes, options)
    assert distance(trained(layers, digits, options, np.float64)[1], theirs) < 1e-9
    assert theirs[-1] < 0.5 * theirs[0]


def test_curve_with_factors_in_float64(digits):
    layers = digits_layers(WeightLearnRateFactor=2, BiasLearnRateFactor=0.5, BiasL2Factor=3)
    options = options_of("sgdm", L2Regularization=0.01)
    theirs = curve(layers, digits[0], digits[1].codes, options, l2=L2_FACTORS | {"Bias": 3},
                   rates=RATE_FACTORS | {"Weights": 2, "Bias": 0.5})
    assert distance(trained(layers, digits, options, np.float64)[1], theirs) < 1e-9


def test_a_wrong_l2_factor_would_show(digits):
    options, layers = options_of("sgdm", MiniBatchSize=8), digits_layers()
    X, codes = digits[0][..., :200], digits[1].codes[:200]
    right = curve(layers, X, codes, options)
    for wrong in ({"Bias": 1}, {"Scale": 0}, {"Offset": 0}, {"Weights": 0}):
        assert distance(curve(layers, X, codes, options, l2=L2_FACTORS | wrong), right) > 1e-7


@pytest.mark.parametrize(("solver", "rate"), [("sgdm", 2.5e-4), ("adam", 2e-4), ("rmsprop", 1e-4)])
def test_curve_of_train_network(solver, rate, digits):
    X, Y = digits
    options, layers = options_of(solver, InitialLearnRate=rate), digits_layers()
    _, info = trainNetwork(X, Y, layers, options, nargout=2)
    for dtype in (torch.float32, torch.float64):
        assert distance(info.TrainingLoss, curve(layers, X, Y.codes, options, dtype)) < 1e-3
    assert info.TrainingLoss[-1] < 0.75 * info.TrainingLoss[0]


@pytest.mark.parametrize("solver", SOLVERS)
def test_default_rates_stay_near(solver, digits):
    X, Y = digits
    options, layers = options_of(solver), digits_layers()
    _, info = trainNetwork(X, Y, layers, options, nargout=2)
    assert distance(info.TrainingLoss, curve(layers, X, Y.codes, options)) < 0.1


def test_every_step_in_float32(digits):
    """At the weights of each iteration float64 finds the same loss and gradients, but for the few turned ReLUs."""
    layers = digits_layers()
    model, _ = trained(layers, digits, options_of("sgdm"), np.float32)
    images, labels = zero_centred(digits[0]), torch.tensor(digits[1].codes, dtype=torch.long)
    twin, differences = Twin(layers), []
    position = {one.Name: at for at, one in enumerate(model.lgraph.nodes)}
    keys = [(position[p.layer], p.name) for p in model.parameters]
    for iteration, (weights, loss, gradients) in enumerate(model.steps):
        with torch.no_grad():
            for key, value in zip(keys, weights, strict=True):
                twin.learnables[key].copy_(torch.from_numpy(value))
        at = iteration % 25 * BATCH
        exact_loss, exact = twin.loss_and_gradients(images[at:at + BATCH], labels[at:at + BATCH])
        assert loss == pytest.approx(exact_loss, rel=1e-5)
        expected = dict(zip(twin.learnables, exact, strict=True))
        differences.append(max(relative(g, expected[key].numpy()) for key, g in zip(keys, gradients, strict=True)
                               if not without_effect(layers, key)))
    assert np.median(differences) < 2e-5
    assert max(differences) < 0.05


def relative(ours, theirs):
    return np.linalg.norm(ours - theirs.reshape(ours.shape)) / np.linalg.norm(theirs)


def without_effect(layers, key):
    """A bias whose mean the next layer takes off: its gradient is 0, and nothing but rounding."""
    at, name = key
    return name == "Bias" and layers[at + 1].factory == "batchNormalizationLayer"
