"""Networks with time in their input: every conformance case, whole networks with their chains, and windows over time."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from dltoolbox import maxNumCompThreads
from dltoolbox.core.geometry import Window
from dltoolbox.core.random import rng as restart
from dltoolbox.layers import FACTORIES
from dltoolbox.layers.base import Layer, Learnable
from dltoolbox.layers.sequences.attention import Stepwise
from dltoolbox.network.graph.layer_graph import LayerGraph, layerGraph
from dltoolbox.network.graph.surgery import connectLayers, replaceLayer
from dltoolbox.ops import Builder, Value
from dltoolbox.ops.time_axis import Way
from dltoolbox.program.model import Model
from tests.program.case import Case, make
from tests.program.cases import CASES
from tests.program.networks import digits, everything, one_hot, residual, scrambled, segnet

T, B = 2, 3
DROPOUT = {"dropoutLayer", "spatialDropoutLayer"}
RANDOM = DROPOUT | {f"stochasticPooling{rank}dLayer" for rank in (1, 2, 3)}  # in training other draws for other axes
OVER_TIME = {"groupNormalizationLayer", "instanceNormalizationLayer"}  # statistics over all steps of an observation
TIMED = [case for case in CASES if not (case.timed or case.first.get("Normalization")) and case.layer != "inputLayer"
         and not issubclass(FACTORIES[case.layer].layer_class, Stepwise)
         and "osition" not in case.layer]  # these count steps of time


def source(size: tuple[int, ...], name: str) -> Layer:
    return make("inputLayer", [*size, np.nan, np.nan], "S" * (len(size) - 1) + "CBT", Name=name)


def with_time(lgraph: LayerGraph) -> LayerGraph:
    """The same network for sequences of its data; reshaping then takes the sizes of an observation alone."""
    for layer in lgraph.nodes:
        if not layer.inputs():
            lgraph = replaceLayer(lgraph, layer.Name, source(layer.dims().sizes[:-1], layer.Name))
        elif layer.factory == "reshapeLayer" and layer.OperationDimension == "all":
            lgraph = replaceLayer(lgraph, layer.Name, make("reshapeLayer", layer.OutputSize[:-1], Name=layer.Name,
                                                           OperationDimension="spatial-channel"))
    return lgraph


def model_of(case: Case, *, fast: bool) -> Model:
    """The model of a case with time, with the arrays of that without."""
    plain, model = case.model(np.float64), Model(with_time(case.graph()), np.float64, fast=fast)
    for key, value in model.arrays.items():
        value[...] = plain.arrays[key]
    return model


def unfolded(x: np.ndarray) -> np.ndarray:
    return x.reshape(*x.shape[:-1], T, B)


def same(found: list[np.ndarray], expected: list[np.ndarray]) -> None:
    for a, b in zip(found, expected, strict=True):
        assert a.shape == b.shape
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-10 * max(1, np.abs(b).max(initial=0)))


def looks_over_time(case: Case) -> bool:
    """Layer normalisation of sequences takes every position by itself, that of images does not."""
    return case.layer in OVER_TIME or (case.layer == "layerNormalizationLayer" and "channels" not in str(case))


@pytest.mark.parametrize("case", [case for case in TIMED if not looks_over_time(case)], ids=str)
def test_a_network_of_sequences_is_the_network_of_their_steps(case: Case) -> None:
    """Prediction step by step; loss and gradients of all steps as one mini-batch, unless training draws."""
    flat, plain, model = case.inputs(T * B), case.model(np.float64, fast=False), model_of(case, fast=False)
    targets = case.targets(plain.predict(flat)[0].shape)
    y, loss, *gradients = everything(model, [*map(unfolded, flat)], [*map(unfolded, targets)])
    for t in range(T):
        (step,) = plain.predict([x[..., t * B:(t + 1) * B] for x in flat])
        np.testing.assert_allclose(y[..., t, :], step, rtol=1e-12, atol=1e-12)
    if case.layer in RANDOM:
        return
    _, expected_loss, *expected = everything(plain, flat, targets)
    same([loss, *gradients], [expected_loss, *(b.reshape(a.shape) for a, b in zip(gradients, expected, strict=True))])


@pytest.mark.usefixtures("every_network_is_worth_several_threads")
@pytest.mark.parametrize("case", TIMED, ids=str)
def test_kernels_of_sequences(case: Case) -> None:
    """On two threads; on one they are alone in test_time_vocabulary."""
    inputs = [*map(unfolded, case.inputs(T * B))]
    plain = model_of(case, fast=False)
    targets = [*map(unfolded, case.targets((*(y := plain.predict(inputs)[0]).shape[:-2], T * B)))]
    assert y.shape[-2:] == (T, B)
    maxNumCompThreads(2)
    same(everything(model_of(case, fast=True), inputs, targets), everything(plain, inputs, targets))


# Whole networks ------------------------------------------------------------------------------------------------------
def encoder() -> LayerGraph:
    """Convolution and pooling over the frames, with indices that come back, between layers that take every frame."""
    lgraph = layerGraph([
        make("inputLayer", [6, 5, 3, np.nan, np.nan], "SSCBT", Name="x"), make("convolution2dLayer", 3, 6, Padding="same"),
        make("batchNormalizationLayer"), make("reluLayer"), make("convolution3dLayer", [1, 3, 3], 8, Padding="same"),
        make("batchNormalizationLayer"), make("reluLayer"),
        make("maxPooling3dLayer", [2, 1, 2], Stride=[2, 1, 2], HasUnpoolingOutputs=True, Name="pool"),
        make("groupNormalizationLayer", 2), make("averagePooling3dLayer", [1, 2, 3], Padding="same", PaddingValue="mean"),
        make("maxUnpooling3dLayer", Name="unpool"), make("leakyReluLayer", 0.1), make("dropoutLayer", 0.3),
        make("spatialDropoutLayer", 0.3), make("maxPooling2dLayer", 2, Stride=2), make("layerNormalizationLayer"),
        make("globalAveragePooling2dLayer"), make("fullyConnectedLayer", 4, Name="fc"), make("regressionLayer", Name="out")])
    for port in ("indices", "size"):
        lgraph = connectLayers(lgraph, f"pool/{port}", f"unpool/{port}")
    return lgraph


NETWORKS = {"digits": lambda: with_time(digits()), "segnet": lambda: with_time(segnet()),
            "overlapping segnet": lambda: with_time(segnet(3, 2, "same", (9, 7, 3))),
            "residual": lambda: with_time(residual()), "encoder": encoder}


@pytest.mark.network
@pytest.mark.parametrize("name", NETWORKS)
def test_whole_networks(name: str) -> None:
    check_network(name)


@pytest.mark.parametrize("threads", [2, 3])
@pytest.mark.usefixtures("every_network_is_worth_several_threads")
@pytest.mark.parametrize("name", NETWORKS)
def test_whole_networks_on_several_threads(name: str, threads: int) -> None:
    maxNumCompThreads(threads)
    check_network(name)


def check_network(name: str) -> None:
    """Kernels against the reference."""
    lgraph, frames = NETWORKS[name](), 4
    size = next(one for one in lgraph.nodes if not one.inputs()).dims()
    x = np.random.default_rng(0).standard_normal((*size.spatial, size.channels, frames, B))
    plain = scrambled(Model(lgraph, np.float64, fast=False))
    y = plain.predict([x])[0]
    targets = [np.random.default_rng(1).standard_normal(y.shape) if name == "encoder" else one_hot(y.shape)]
    same(everything(scrambled(Model(lgraph, np.float64)), [x], targets), everything(plain, [x], targets))


@pytest.mark.usefixtures("every_network_is_worth_several_threads")
@pytest.mark.parametrize("layer", sorted(DROPOUT))
def test_dropout_is_the_same_on_any_number_of_threads(layer: str) -> None:
    lgraph = layerGraph([source((40,), "x"), make(layer, 0.4), make("regressionLayer")])
    x, found = np.ones((40, 5, 3)), []
    for threads in (1, 2, 3):
        maxNumCompThreads(threads)
        restart(0)
        found.append(Model(lgraph, np.float64).step([x], [0 * x]).predictions[0])
        np.testing.assert_array_equal(found[-1], found[0])
    assert 0.3 < (found[0] == 0).mean() < 0.5
    same_at_all_steps = (found[0] == found[0][:, :1]).all()
    assert same_at_all_steps == (layer == "spatialDropoutLayer")


# Over time -----------------------------------------------------------------------------------------------------------
class Temporal(Layer):
    """What a 1-D convolutional layer with pooling is made of: windows over the steps of vectors."""

    def __init__(self, weights: np.ndarray, **options: Any) -> None:
        super().__init__(Name="layer")
        self.__dict__.update(options, Weights=weights[np.newaxis], Bias=np.arange(weights.shape[-1]) / 7)

    def arrays(self, *inputs: Any) -> Any:
        return tuple(Learnable(name, self.__dict__[name].shape) for name in ("Weights", "Bias"))

    def build(self, g: Builder, x: Value) -> Any:
        stride, before, after, dilation, pool = (self.__dict__[name] for name in ("stride", "before", "after", "dilation",
                                                                                  "pool"))
        length = self.__dict__["Weights"].shape[1]
        window = Window.of((1, length), (1, stride), ((0, 0), (before, after)), (1, dilation))
        y = g.relu(g.conv(x, g.learnable("Weights"), g.learnable("Bias"), window=window, way=Way.SPACE))
        return g.max_pool(y, window=Window.of((1, pool), (1, 2)), way=Way.SPACE)


OPTIONS = {"plain": {}, "causal": {"before": 4, "dilation": 2}, "strided": {"stride": 2, "before": 1, "after": 2},
           "pointwise": {"length": 1}, "wide": {"channels": 40, "filters": 33}}


@pytest.mark.network
@pytest.mark.oracle
@pytest.mark.parametrize(("steps", "batch"), [(13, 2), (9, 40), (60, 1)])
@pytest.mark.parametrize("label", OPTIONS)
def test_convolution_and_pooling_over_time_agree_with_pytorch(label: str, steps: int, batch: int) -> None:
    given = {"length": 3, "channels": 5, "filters": 4, "stride": 1, "before": 0, "after": 0, "dilation": 1, "pool": 3}
    given |= OPTIONS[label]
    channels, length = given.pop("channels"), given.pop("length")
    rng = np.random.default_rng(3)
    weights = rng.standard_normal((length, channels, given.pop("filters"))) / np.sqrt(length * channels)
    x = rng.standard_normal((channels, steps, batch))
    lgraph = layerGraph([source((channels,), "x"), Temporal(weights, **given), make("regressionLayer")])

    theirs = torch.tensor(x.transpose(2, 0, 1), requires_grad=True)
    w = torch.tensor(weights.transpose(2, 1, 0).copy(), requires_grad=True)
    b = torch.tensor(np.arange(weights.shape[-1]) / 7, requires_grad=True)
    padded = F.pad(theirs, (given["before"], given["after"]))
    y = F.max_pool1d(F.conv1d(padded, w, b, given["stride"], dilation=given["dilation"]).relu(), given["pool"], 2)
    target = rng.standard_normal((y.shape[1], y.shape[2], batch))
    loss = ((y - torch.tensor(target.transpose(2, 0, 1))) ** 2).sum() / (2 * y.shape[2] * batch)
    loss.backward()
    expected = [y.detach().numpy().transpose(1, 2, 0), loss.detach().numpy(), b.grad.numpy(),
                w.grad.numpy().transpose(2, 1, 0)[np.newaxis], theirs.grad.numpy().transpose(1, 2, 0)]
    for fast in (False, True):
        same(everything(Model(lgraph, np.float64, fast=fast), [x], [target]), expected)


def test_gradients_over_time_are_the_derivatives() -> None:
    rng = np.random.default_rng(5)
    x, weights = rng.standard_normal((3, 9, 2)), rng.standard_normal((3, 3, 4))
    options = {"stride": 1, "before": 2, "after": 0, "dilation": 1, "pool": 2}
    model = Model(layerGraph([source((3,), "x"), Temporal(weights, **options), make("regressionLayer")]), np.float64)
    target = rng.standard_normal(model.predict([x])[0].shape)
    _, learnables, (dx,) = model.gradients([x], [target])
    variables = [(x, dx), *((p.value, learnables[p.key]) for p in model.parameters)]
    for variable, gradient in variables:
        flat = variable.reshape(-1)
        for at in rng.permutation(flat.size)[:20]:
            kept, losses = flat[at], []
            for moved in (1e-6, -1e-6):
                flat[at] = kept + moved
                losses.append(model.run("gradients", [x], [target]).loss)
            flat[at] = kept
            assert abs((losses[0] - losses[1]) / 2e-6 - gradient.reshape(-1)[at]) < 1e-8


LAYERS_OVER_TIME = {
    "convolution": ("convolution2dLayer", (3, 4), {"Padding": "same", "Stride": 2}),
    "dilated": ("convolution2dLayer", ([2, 3], 4), {"DilationFactor": [1, 2], "Padding": [0, 1, 3, 0], "PaddingValue": 2}),
    "mirrored": ("convolution2dLayer", (3, 4), {"Padding": 1, "PaddingValue": "symmetric-include-edge"}),
    "grouped": ("groupedConvolution2dLayer", (3, 2, "channel-wise"), {"Padding": "same"}),
    "max pooling": ("maxPooling2dLayer", (2,), {"Stride": 2, "Padding": "same"}),
    "average pooling": ("averagePooling2dLayer", ([3, 2],), {"Padding": "same", "PaddingValue": "mean"}),
    "volumes": ("convolution3dLayer", ([2, 3, 3], 4), {"Padding": "same", "Stride": [1, 2, 2]}),
    "pooled volumes": ("averagePooling3dLayer", (2,), {"Stride": 2}),
    "groups": ("groupNormalizationLayer", (2,), {}), "instances": ("instanceNormalizationLayer", (), {}),
    "all but observations": ("layerNormalizationLayer", (), {"OperationDimension": "batch-excluded"}),
}


@pytest.mark.parametrize("fast", [False, True], ids=["reference", "kernels"])
@pytest.mark.parametrize("label", LAYERS_OVER_TIME)
def test_a_layer_over_time_is_the_layer_of_one_dimension_more(label: str, fast: bool) -> None:
    factory, arguments, options = LAYERS_OVER_TIME[label]
    spatial = (6, 5) if "3d" in factory else (7,)

    def model(entering: Layer) -> Model:
        return scrambled(Model(layerGraph([entering, FACTORIES[factory](*arguments, **options), make("regressionLayer")]),
                               np.float64, fast=fast))
    maps = np.random.default_rng(2).standard_normal((*spatial, 8, 4, 3))  # S…TCB
    plain = model(make("inputLayer", [*spatial, 8, 4, np.nan], "S" * (len(spatial) + 1) + "CB", Name="x"))
    timed = model(source((*spatial, 4), "x"))
    y = plain.predict([maps])[0]
    target = np.random.default_rng(4).standard_normal(y.shape)
    _, loss, *others, dx = everything(plain, [maps], [target])
    moved, steps = np.moveaxis(y, -3, -2), y.shape[-3]
    expected = [moved, loss / steps, *(x / steps for x in others), np.moveaxis(dx, -3, -2) / steps]
    found = everything(timed, [np.moveaxis(maps, -3, -2)], [np.moveaxis(target, -3, -2)])
    same(found, [x.reshape(a.shape) for x, a in zip(expected, found, strict=True)])
