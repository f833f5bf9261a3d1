"""Whole networks: the fast program equals the plain one, and unpooling networks equal PyTorch's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from dltoolbox import (
    batchNormalizationLayer,
    convolution2dLayer,
    fullyConnectedLayer,
    imageInputLayer,
    regressionLayer,
    transposedConv2dLayer,
)
from dltoolbox.network.graph.layer_graph import LayerGraph, layerGraph
from dltoolbox.network.graph.surgery import addLayers, connectLayers
from dltoolbox.ops import ParameterKey
from dltoolbox.program.model import Model
from tests.program.case import back, filters, there
from tests.program.networks import digits, images, make, one_hot, residual, scrambled, segnet

pytestmark = pytest.mark.network

NETWORKS: dict[str, Callable[[], LayerGraph]] = {
    "digits": digits, "segnet": segnet, "segnet overlapping": lambda: segnet(3, 2, 1), "residual": residual}


def targets_of(model: Model, X: np.ndarray, undefined: float = 0.0) -> np.ndarray:
    return one_hot(model.predict([X])[0].shape, X.dtype, undefined)


def close(a: Any, b: Any, tolerance: float) -> None:
    a, b = np.asarray(a), np.asarray(b)
    assert a.shape == b.shape
    assert np.abs(a - b).max() <= tolerance * max(np.abs(b).max(), 1e-3)


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-9), (np.float32, 1e-3)])
@pytest.mark.parametrize("name", NETWORKS)
def test_fast_predicts_as_plain(name: str, dtype: Any, tolerance: float) -> None:
    fast, plain = (scrambled(Model(NETWORKS[name](), dtype, fast=how)) for how in (True, False))
    X = images(fast.lgraph, 4, dtype)
    close(fast.predict([X])[0], plain.predict([X])[0], tolerance)


@pytest.mark.parametrize("name", NETWORKS)
def test_fast_trains_as_plain(name: str) -> None:
    """In double precision: in single, ReLU and maxima may flip within rounding."""
    fast, plain = (scrambled(Model(NETWORKS[name](), np.float64, fast=how)) for how in (True, False))
    X, tolerance = images(fast.lgraph, 4, np.float64), 1e-9
    T = targets_of(plain, X)
    for _ in range(2):  # twice, so that memory kept from the first time shows
        a, b = fast.step([X], [T]), plain.step([X], [T])
        assert np.isclose(a.loss, b.loss, rtol=1e-10)
        close(a.predictions[0], b.predictions[0], tolerance)
        for parameter, mine, theirs in zip(fast.parameters, a.gradients, b.gradients, strict=True):
            assert mine is not None, parameter.key
            close(mine, theirs, 1e-7)
        for key, value in fast.arrays.items():
            close(value, plain.arrays[key], tolerance)
    close(fast.evaluate([X], [T])[0], plain.evaluate([X], [T])[0], tolerance)


class SegNet:
    """The network of `segnet` in PyTorch, on the model's arrays."""

    def __init__(self, model: Model, pool: int, stride: int, padding: int) -> None:
        self.arrays = {key: torch.from_numpy(np.array(value)).requires_grad_() for key, value in model.arrays.items()}
        self.pool = (pool, stride, padding)

    def block(self, x: Tensor, name: str) -> Tensor:
        def array(layer: str, what: str) -> Tensor:
            return self.arrays[ParameterKey(f"{name}_{layer}", what)]
        x = F.conv2d(x, filters(array("conv", "Weights")), array("conv", "Bias").flatten(), padding="same")
        x = F.batch_norm(x, None, None, array("bn", "Scale").flatten(), array("bn", "Offset").flatten(), True)
        return F.relu(x)

    def unpool(self, x: Tensor, indices: Tensor, size: torch.Size) -> Tensor:
        """By assignment in row order, the last of a repeated index staying; the gradient of each is a gather."""
        flat = Scatter.apply(x.flatten(2), indices.flatten(2), size[2] * size[3])
        return flat.reshape(size)

    def __call__(self, x: Tensor) -> Tensor:
        a = self.block(x, "e1")
        b, at1 = F.max_pool2d(a, *self.pool, return_indices=True)
        c = self.block(b, "e2")
        d, at2 = F.max_pool2d(c, *self.pool, return_indices=True)
        e = self.block(self.unpool(d, at2, c.shape), "d2")
        return self.block(self.unpool(e, at1, a.shape), "d1").softmax(1)


class Scatter(torch.autograd.Function):
    """`max_unpool2d` without its undefined order of repeated indices."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, indices: Tensor, count: int) -> Tensor:
        ctx.save_for_backward(indices)
        y = x.new_zeros((*x.shape[:2], count))
        for place in range(x.shape[2]):
            y.scatter_(2, indices[:, :, place:place + 1], x[:, :, place:place + 1])
        return y

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        return grad.gather(2, ctx.saved_tensors[0]), None, None


class TorchUnpooling(SegNet):
    def unpool(self, x: Tensor, indices: Tensor, size: torch.Size) -> Tensor:
        return F.max_unpool2d(x, indices, 2, 2, output_size=size)


def weighted_loss(y: Tensor, t: Tensor) -> Tensor:
    weights = torch.tensor([1, 2, 0.5, 1], dtype=y.dtype).reshape(-1, 1, 1)
    return -(weights * t * y.log()).sum() / (t.sum(1) > 0).sum()


def compare(model: Model, theirs: SegNet, X: np.ndarray, T: np.ndarray, tolerance: float) -> None:
    """Loss, predictions and the gradients of all learnables and of the image."""
    x = torch.from_numpy(np.array(X)).requires_grad_()
    y = theirs(there(x))
    loss = weighted_loss(y, there(torch.from_numpy(T)))
    loss.backward()
    mine, learnables, (of_image,) = model.gradients([X], [T])
    assert np.isclose(mine, float(loss.detach()), rtol=tolerance)
    close(model.step([X], [T]).predictions[0], back(y).detach().numpy(), tolerance)
    close(of_image, x.grad.numpy(), tolerance)
    assert len(learnables) == 16
    for key, gradient in learnables.items():
        expected = theirs.arrays[key].grad.numpy()
        if key.name == "Bias":  # batch normalisation takes it out again: rounding is all there is
            expected, gradient = expected + 1, gradient + 1
        close(gradient, expected, tolerance)


@pytest.mark.oracle
@pytest.mark.parametrize("size", [(12, 16, 3), (13, 15, 2)], ids=str)
@pytest.mark.parametrize("fast", [True, False])
def test_segnet_equals_pytorch(fast: bool, size: tuple[int, ...]) -> None:
    model = scrambled(Model(segnet(size=size), np.float64, fast=fast))
    X = images(model.lgraph, 3)
    compare(model, TorchUnpooling(model, 2, 2, 0), X, targets_of(model, X, undefined=0.2), 1e-8)


@pytest.mark.oracle
@pytest.mark.parametrize("fast", [True, False])
def test_windows_of_zeros_after_relu(fast: bool) -> None:
    """Offsets far below zero: most windows hold zeros only, and both must unpool to the same place, the first."""
    model = scrambled(Model(segnet(), np.float64, fast=fast))
    for layer in ("e1_bn", "e2_bn"):
        model.arrays[ParameterKey(layer, "Offset")] -= 2
    X = images(model.lgraph, 3)
    pooled = model.predict([X], ["pool1/out"])[0]
    assert 0.25 < (pooled == 0).mean() < 0.95
    compare(model, TorchUnpooling(model, 2, 2, 0), X, targets_of(model, X), 1e-8)


@pytest.mark.oracle
@pytest.mark.parametrize(("pool", "stride", "padding"), [(3, 2, 1), (3, 2, 0), (3, 1, 1), (2, 1, 0)])
def test_overlapping_and_padded_pooling(pool: int, stride: int, padding: int) -> None:
    """Beyond MATLAB: indices repeat; see `Scatter` for what is compared with."""
    model = scrambled(Model(segnet(pool, stride, padding), np.float64))
    X = images(model.lgraph, 2)
    compare(model, SegNet(model, pool, stride, padding), X, targets_of(model, X), 1e-8)


@pytest.mark.oracle
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_segnet_in_single_precision(seed: int) -> None:
    """Seeds without a maximum or a kink within rounding of another: a flip would be a difference of order 1."""
    model = scrambled(Model(segnet(), np.float32), seed)
    X = images(model.lgraph, 3, np.float32, seed)
    compare(model, TorchUnpooling(model, 2, 2, 0), X, targets_of(model, X), 2e-3)


@pytest.mark.oracle
@pytest.mark.parametrize("size", [(4, 6, 4), (5, 7, 3)], ids=str)
def test_unpooling_of_volumes(size: tuple[int, ...]) -> None:
    """An encoder and decoder of volumes against MaxUnpool3d."""
    lgraph = layerGraph([
        make("image3dInputLayer", [*size, 2], Normalization="none", Name="volume"),
        make("convolution3dLayer", 3, 3, Padding="same", Name="down"), make("reluLayer"),
        make("maxPooling3dLayer", 2, Stride=2, HasUnpoolingOutputs=True, Name="pool"),
        make("convolution3dLayer", 1, 3, Name="middle"), make("maxUnpooling3dLayer", Name="unpool"),
        make("convolution3dLayer", 3, 1, Padding="same", Name="up"), make("regressionLayer")])
    for port in ("indices", "size"):
        lgraph = connectLayers(lgraph, f"pool/{port}", f"unpool/{port}")
    model = scrambled(Model(lgraph, np.float64))
    p = {key: torch.from_numpy(np.array(value)).requires_grad_() for key, value in model.arrays.items()}

    def conv(x: Tensor, name: str) -> Tensor:
        weights, bias = p[ParameterKey(name, "Weights")], p[ParameterKey(name, "Bias")]
        return F.conv3d(x, filters(weights), bias.flatten(), padding="same")

    X = images(lgraph, 3)
    T = np.random.default_rng(0).standard_normal((*size, 1, 3))
    x = torch.from_numpy(np.array(X)).requires_grad_()
    whole = F.relu(conv(there(x), "down"))
    small, at = torch.nn.MaxPool3d(2, 2, return_indices=True)(whole)
    y = conv(torch.nn.MaxUnpool3d(2, 2)(conv(small, "middle"), at, output_size=whole.shape), "up")
    loss = ((back(y) - torch.from_numpy(T)) ** 2).sum() / 6
    loss.backward()
    mine, learnables, (of_volume,) = model.gradients([X], [T])
    assert np.isclose(mine, float(loss.detach()), rtol=1e-10)
    close(model.predict([X])[0], back(y).detach().numpy(), 1e-10)
    close(of_volume, x.grad.numpy(), 1e-9)
    for key, gradient in learnables.items():
        close(gradient, p[key].grad.numpy(), 1e-9)


@pytest.mark.oracle
def test_one_layer_feeding_several_sums_its_gradients() -> None:
    lgraph = layerGraph([make("featureInputLayer", 4, Name="x"), make("fullyConnectedLayer", 4, Name="fc"),
                         make("reluLayer", Name="relu"), make("additionLayer", 3, Name="sum"), make("regressionLayer")])
    lgraph = addLayers(lgraph, make("leakyReluLayer", 0.5, Name="leaky"))
    for source, to in (("fc", "sum/in2"), ("fc", "leaky"), ("leaky", "sum/in3")):
        lgraph = connectLayers(lgraph, source, to)
    model = scrambled(Model(lgraph, np.float64))
    rng = np.random.default_rng(0)
    X, T = rng.standard_normal((4, 6)), rng.standard_normal((4, 6))
    x, w = torch.from_numpy(X).requires_grad_(), torch.from_numpy(model.arrays[ParameterKey("fc", "Weights")].copy())
    w.requires_grad_()
    z = w @ x + torch.from_numpy(model.arrays[ParameterKey("fc", "Bias")])
    loss = ((F.relu(z) + z + F.leaky_relu(z, 0.5) - torch.from_numpy(T)) ** 2).sum() / 12
    loss.backward()
    mine, learnables, (of_x,) = model.gradients([X], [T])
    assert np.isclose(mine, float(loss.detach()))
    close(of_x, x.grad.numpy(), 1e-12)
    close(learnables[ParameterKey("fc", "Weights")], w.grad.numpy(), 1e-12)


def test_a_finished_network_knows_the_sizes_that_were_automatic() -> None:
    """As in MATLAB, whose trained layers show numbers where they were made with 'auto'."""
    lgraph = layerGraph([
        imageInputLayer([6, 6, 3], Name="in"), convolution2dLayer(3, 4, Name="conv"), batchNormalizationLayer(Name="norm"),
        transposedConv2dLayer(2, 5, Name="up"), fullyConnectedLayer(2, Name="fc"), regressionLayer])
    layers = {one.Name: one for one in Model(lgraph).network().Layers}
    assert (layers["conv"].NumChannels, layers["norm"].NumChannels, layers["up"].NumChannels) == (3, 4, 4)
    assert layers["fc"].InputSize == 5 * 5 * 5
    assert lgraph.Layers[1].NumChannels == "auto"
