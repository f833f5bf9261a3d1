"""One network around every registered layer, and the same network in PyTorch: what the conformance suite runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from dltoolbox.network.graph.layer_graph import LayerGraph
from dltoolbox.network.graph.surgery import connectLayers
from tests.program import (
    cases_activation,
    cases_attention,
    cases_complex,
    cases_convolution,
    cases_recurrent,
    cases_spatial,
)
from tests.program.case import IMAGE, ODD, SIGNAL, VECTOR, VOLUME, Case, Size, Theirs, make, plain, single, there
from tests.program.cases_convolution import Pairs, padded
from tests.torch_losses import dice, focal


def pooled(size: Any, stride: Any, pairs: Pairs) -> Theirs:
    def theirs(x: Tensor, p: dict[str, Tensor], training: bool) -> Tensor:
        return (F.max_pool1d, F.max_pool2d, F.max_pool3d)[x.ndim - 3](padded(x, pairs, -np.inf), size, stride)
    return theirs


def drawn(size: Any, stride: Any, pairs: Pairs, dilation: Any = 1) -> Theirs:
    """The expectation; in training the elements that have those values, which are all different."""
    def theirs(x: Tensor, p: dict[str, Tensor], training: bool) -> Tensor:
        if training:
            flat, order = x.reshape(-1), x.detach().reshape(-1).argsort()
            at = order[torch.searchsorted(flat.detach()[order], p["drawn"].reshape(-1))]
            return flat[at].reshape(p["drawn"].shape)
        kernel = torch.ones((x.shape[1], 1, *[size] * (x.ndim - 2)), dtype=x.dtype)
        convolve = (F.conv1d, F.conv2d, F.conv3d)[x.ndim - 3]
        squares, sums = (convolve(padded(each, pairs), kernel, None, stride, 0, dilation, x.shape[1])
                         for each in (x.relu() ** 2, x.relu()))
        return squares / sums.clamp(min=1e-30)
    return theirs


def rounded(pool: str, size: Any, **options: Any) -> Theirs:
    """PyTorch's own rounding up, dilation, counting of padding and divisor."""
    def theirs(x: Tensor, p: dict[str, Tensor], training: bool) -> Tensor:
        y: Tensor = getattr(F, f"{pool}_pool{x.ndim - 2}d")(x, size, ceil_mode=True, **options)
        return y
    return theirs


def averaged(size: Any, stride: Any, pairs: Pairs, counting: bool) -> Theirs:
    def theirs(x: Tensor, p: dict[str, Tensor], training: bool) -> Tensor:
        pool = (F.avg_pool1d, F.avg_pool2d, F.avg_pool3d)[x.ndim - 3]
        mean = pool(padded(x, pairs), size, stride)
        return mean if counting else mean / pool(padded(torch.ones_like(x), pairs), size, stride)
    return theirs


def unpooled(x: Tensor, whole: Tensor, p: dict[str, Tensor], training: bool) -> Tensor:
    maxima, indices = (F.max_pool1d, F.max_pool2d, F.max_pool3d)[x.ndim - 3](whole, 2, 2, return_indices=True)
    unpool = (F.max_unpool1d, F.max_unpool2d, F.max_unpool3d)[x.ndim - 3]
    return unpool(x + maxima, indices, 2, 2, output_size=whole.shape)


def dense(x: Tensor, p: dict[str, Tensor], training: bool) -> Tensor:
    """Flattened column-major: h fastest."""
    flat = x.permute(0, 1, *range(x.ndim - 1, 1, -1)).flatten(1)
    return F.linear(flat, p["Weights"], p["Bias"].flatten())[(..., *[None] * (x.ndim - 2))]


def batch_norm(x: Tensor, p: dict[str, Tensor], training: bool) -> Tensor:
    mean, variance, scale, offset = (p[n].flatten() for n in ("TrainedMean", "TrainedVariance", "Scale", "Offset"))
    return F.batch_norm(x, mean.detach().clone(), variance.detach().clone(), scale, offset, training, eps=1e-3)


def statistic(values: Any) -> Tensor:
    """h×w×c, 1×1×c or c×1 → as a batch of one, B×C×S…"""
    array = torch.as_tensor(np.asarray(values, float))
    return there(array if array.ndim == 2 else array[..., None])


class FoldedCase(Case):
    """A network that folds sequences and unfolds them."""

    def graph(self) -> LayerGraph:
        fold, _, unfold = self.body()
        return connectLayers(super().graph(), f"{fold.Name}/miniBatchSize", f"{unfold.Name}/miniBatchSize")


def cases() -> Iterator[Case]:
    yield from element_wise()
    yield from joining()
    yield from cases_convolution.cases()
    yield from cases_spatial.cases()
    yield from cases_activation.cases()
    yield from cases_attention.cases()
    yield from cases_recurrent.cases()
    yield from cases_complex.cases()
    yield from pooling()
    yield from normalising()
    for layer, fold, unfold in (("sequenceFoldingLayer", "layer", "unfold"), ("sequenceUnfoldingLayer", "fold", "layer")):
        yield FoldedCase(layer, "", ((3, 4, 2, 5),), lambda fold=fold, unfold=unfold: [
            make("sequenceFoldingLayer", Name=fold), make("reluLayer"), make("sequenceUnfoldingLayer", Name=unfold)],
            plain(F.relu), timed=True)
    yield from ends()


def element_wise() -> Iterator[Case]:
    for label, size in {"image": IMAGE, "vector": VECTOR, "volume": VOLUME}.items():
        yield single("reluLayer", label, size, plain(F.relu))
        yield single("leakyReluLayer", label, size, plain(lambda x: F.leaky_relu(x, 0.2)), 0.2)
        yield single("softmaxLayer", label, size, plain(lambda x: x.softmax(1)))
        yield single("dropoutLayer", label, size, lambda x, p, training: x * p["mask"] if training else x, 0.25)
    yield single("leakyReluLayer", "default", IMAGE, plain(F.leaky_relu))
    yield single("fullyConnectedLayer", "vector", VECTOR, dense, 4)
    yield single("fullyConnectedLayer", "image", IMAGE, dense, 4)
    yield single("fullyConnectedLayer", "volume", VOLUME, dense, 3)


def joining() -> Iterator[Case]:
    def joined(layer: str, label: str, sizes: tuple[Size, ...], theirs: Theirs, *args: Any) -> Case:
        return Case(layer, label, sizes, lambda: [make(layer, *args, Name="layer")], theirs)

    def total(*x: Tensor) -> Tensor:
        return sum(x[1:], x[0])

    yield joined("additionLayer", "2", (IMAGE, IMAGE), plain(total), 2)
    yield joined("additionLayer", "3", (VECTOR, VECTOR, VECTOR), plain(total), 3)
    yield joined("additionLayer", "expanding", (IMAGE, (1, 1, 3), (6, 1, 1)), plain(total), 3)
    yield joined("depthConcatenationLayer", "", ((4, 3, 2), (4, 3, 1), (4, 3, 3)), plain(lambda *x: torch.cat(x, 1)), 3)
    yield joined("concatenationLayer", "height", ((4, 3, 2), (1, 3, 2)), plain(lambda *x: torch.cat(x, 2)), 1, 2)
    yield joined("concatenationLayer", "channels", ((4, 3, 2), (4, 3, 1)), plain(lambda *x: torch.cat(x, 1)), 3, 2)
    yield joined("concatenationLayer", "vectors", ((4,), (3,)), plain(lambda *x: torch.cat(x, 1)), 1, 2)
    yield joined("concatenationLayer", "volumes", (VOLUME, VOLUME), plain(lambda *x: torch.cat(x, 4)), 3, 2)


def pooling() -> Iterator[Case]:
    for unpooling in (False, True):  # the same values, whether or not the other ports exist
        more, mark = {"HasUnpoolingOutputs": unpooling}, "-ports" if unpooling else ""
        yield single("maxPooling2dLayer", f"2x2{mark}", IMAGE, pooled(2, 2, [(0, 0)] * 2), 2, Stride=2, **more)
        yield single("maxPooling2dLayer", f"2x2-odd{mark}", ODD, pooled(2, 2, [(0, 0)] * 2), 2, Stride=2, **more)
        yield single("maxPooling2dLayer", f"3x3-same{mark}", ODD, pooled(3, 1, [(1, 1)] * 2), 3, Padding="same", **more)
        yield single("maxPooling2dLayer", f"asymmetric{mark}", IMAGE, pooled((3, 2), (2, 1), [(1, 0), (0, 1)]), [3, 2],
                     Stride=[2, 1], Padding=[1, 0, 0, 1], **more)
        yield single("maxPooling1dLayer", f"asymmetric{mark}", SIGNAL, pooled(3, 2, [(1, 2)]), 3, Stride=2, Padding=[1, 2],
                     **more)
        yield single("maxPooling3dLayer", f"2x2x2{mark}", VOLUME, pooled(2, 2, [(0, 0)] * 3), 2, Stride=2, **more)
        yield single("maxPooling3dLayer", f"general{mark}", VOLUME, pooled((2, 3, 1), (1, 2, 2), [(1, 0), (0, 1), (0, 0)]),
                     [2, 3, 1], Stride=[1, 2, 2], Padding=[[1, 0, 0], [0, 1, 0]], **more)
    for value, counting in ((0, True), ("mean", False)):
        yield single("averagePooling2dLayer", f"padded-{value}", ODD, averaged((3, 2), (2, 2), [(1, 1), (0, 1)], counting),
                     [3, 2], Stride=2, Padding=[1, 1, 0, 1], PaddingValue=value)
        yield single("averagePooling1dLayer", f"same-{value}", SIGNAL, averaged(3, 2, [(1, 1)], counting), 3, Stride=2,
                     Padding="same", PaddingValue=value)
        yield single("averagePooling3dLayer", f"same-{value}", VOLUME,
                     averaged(3, (1, 2, 1), [(1, 1), (0, 1), (1, 1)], counting), 3, Stride=[1, 2, 1], Padding="same",
                     PaddingValue=value)
    yield single("averagePooling2dLayer", "2x2", IMAGE, averaged(2, 2, [(0, 0)] * 2, True), 2, Stride=2)
    up = {"Rounding": "ceil"}
    for rank, size in ((1, SIGNAL), (2, IMAGE), (3, VOLUME)):
        yield single(f"maxPooling{rank}dLayer", "rounded up, dilated", size, rounded(
            "max", 2, stride=3, padding=1, dilation=2), 2, Stride=3, Padding=1, DilationFactor=2, **up)
        yield single(f"averagePooling{rank}dLayer", "rounded up", size, rounded("avg", 3, stride=2, padding=1), 3, Stride=2,
                     Padding=1, **up)
        yield single(f"averagePooling{rank}dLayer", "rounded up, real", size, rounded(
            "avg", 2, stride=3, padding=1, count_include_pad=False), 2, Stride=3, Padding=1, PaddingValue="mean", **up)
        if rank > 1:
            yield single(f"averagePooling{rank}dLayer", "divided", size, rounded("avg", 2, stride=3, divisor_override=3), 2,
                         Stride=3, Divisor=3, **up)
        yield single(f"stochasticPooling{rank}dLayer", "", size, drawn(2, 2, [(0, 0)] * rank), 2, Stride=2)
        yield single(f"stochasticPooling{rank}dLayer", "padded", size, drawn(3, 2, [(1, 1)] * rank), 3, Stride=2, Padding=1)
        yield single(f"stochasticPooling{rank}dLayer", "dilated-ports", size, drawn(2, 1, [(1, 1)] * rank, 2), 2,
                     DilationFactor=2, Padding=1, HasUnpoolingOutputs=True)
    yield single("averagePooling1dLayer", "sums", SIGNAL, plain(lambda x: 2 * F.avg_pool1d(x, 2)), 2, Stride=2,
                 Divisor=1)
    yield single("maxPooling2dLayer", "odd in front", ODD, pooled(2, 1, [(1, 0)] * 2), 2, Padding="same-lower")
    yield single("maxPooling2dLayer", "darknet", ODD, pooled(2, 1, [(0, 1)] * 2), 2, Padding="same")
    yield single("globalAveragePooling2dLayer", "", IMAGE, plain(lambda x: x.mean((2, 3), keepdim=True)))
    yield single("globalMaxPooling2dLayer", "", IMAGE, plain(lambda x: x.amax((2, 3), keepdim=True)))
    for layer, label, small, large in (("maxUnpooling1dLayer", "odd", (4, 3), SIGNAL),
                                       ("maxUnpooling2dLayer", "even", (3, 4, 3), IMAGE),
                                       ("maxUnpooling2dLayer", "odd", (2, 3, 2), ODD),
                                       ("maxUnpooling3dLayer", "even", (2, 3, 2, 2), VOLUME),
                                       ("maxUnpooling3dLayer", "odd", (1, 2, 1, 2), (3, 5, 3, 2))):
        yield Case(layer, label, (small, large),
                   lambda layer=layer: [make("additionLayer", 2, Name="sum"), make(layer, Name="layer")], unpooled)


def normalising() -> Iterator[Case]:
    for label, size in {"image": IMAGE, "vector": VECTOR, "volume": VOLUME}.items():
        yield single("batchNormalizationLayer", label, size, batch_norm, Epsilon=1e-3)
    for layer, size in (("imageInputLayer", (4, 3, 2)), ("image3dInputLayer", (2, 3, 2, 2)), ("featureInputLayer", (4,))):
        rng = np.random.default_rng(0)
        channel = (*[1] * (len(size) - 1), size[-1]) if len(size) > 1 else (size[0], 1)
        shapes = {"channels": channel, "elements": size if len(size) > 1 else channel}
        for label, shape in shapes.items():
            low, width = rng.standard_normal(shape), rng.uniform(0.5, 2, shape)
            yield from normalised_inputs(layer, size, label, low, width)
    for size in ((4, 3), (4, 3, 2, 5)):
        yield from normalised_sequences(size)


def normalised_sequences(size: Size) -> Iterator[Case]:
    """Sizes S…×C×T; statistics expand to B×T×S…×C."""
    rng = np.random.default_rng(0)
    mean, deviation = rng.standard_normal(size[:-1]), rng.uniform(0.5, 2, size[:-1])
    m, s = torch.from_numpy(mean), torch.from_numpy(deviation)
    yield Case("sequenceInputLayer", f"{len(size)}d", (size,), lambda: [make("leakyReluLayer", 0.5)],
               plain(lambda x: F.leaky_relu(((x.double() - m) / s).to(x.dtype), 0.5)), timed=True,
               first={"Normalization": "zscore", "Mean": mean, "StandardDeviation": deviation, "MinLength": 2})


def normalised_inputs(layer: str, size: Size, label: str, low: np.ndarray, width: np.ndarray) -> Iterator[Case]:
    m, s = statistic(low), statistic(width)
    kinds: dict[str, tuple[dict[str, Any], Callable[[Tensor], Tensor]]] = {
        "zerocenter": ({"Mean": low}, lambda x: x - m),
        "zscore": ({"Mean": low, "StandardDeviation": width}, lambda x: (x - m) / s),
        "rescale-zero-one": ({"Min": low, "Max": low + width}, lambda x: (x - m) / s),
        "rescale-symmetric": ({"Min": low, "Max": low + width}, lambda x: 2 * (x - m) / s - 1)}
    for kind, (options, formula) in kinds.items():
        yield Case(layer, f"{kind}-{label}", (size,), lambda: [make("leakyReluLayer", 0.5)],
                   plain(lambda x, f=formula: F.leaky_relu(f(x.double()).to(x.dtype), 0.5)),
                   first={"Normalization": kind, **options})
    yield Case(layer, f"none-{label}", (size,), lambda: [make("leakyReluLayer", 0.5)], plain(lambda x: F.leaky_relu(x, 0.5)))


def ends() -> Iterator[Case]:
    weights = (0.5, 2.0, 1.25)
    probabilities = plain(lambda x: x.softmax(1))
    for label, given in {"plain": None, "weighted": weights}.items():
        options = {} if given is None else {"ClassWeights": list(given)}
        for layer, size in (("classificationLayer", (3,)), ("pixelClassificationLayer", (4, 5, 3)),
                            ("pixelClassificationLayer", (2, 3, 2, 3))):
            yield Case(layer, f"{label}-{len(size)}d", (size,), lambda: [make("softmaxLayer")], probabilities,
                       lambda layer=layer, o=options: make(layer, Classes=["a", "b", "c"], Name="out", **o),
                       weights=given, labelled=True)
    for size in ((3,), (4, 5, 3), (2, 3, 2, 3)):
        for alpha, gamma in ((0.25, 2.0), (1.5, 0.5)):
            yield Case("focalLossLayer", f"{gamma}-{len(size)}d", (size,), lambda: [make("softmaxLayer")], probabilities,
                       lambda a=alpha, g=gamma: make("focalLossLayer", Classes=list("abc"), Alpha=a, Gamma=g, Name="out"),
                       labelled=True, loss_of=partial(focal, alpha=alpha, gamma=gamma))
        if len(size) > 1:
            yield Case("dicePixelClassificationLayer", f"{len(size)}d", (size,), lambda: [make("softmaxLayer")],
                       probabilities, lambda: make("dicePixelClassificationLayer", Classes=["a", "b", "c"], Name="out"),
                       labelled=True, loss_of=dice)
    yield Case("classificationLayer", "image", ((4, 5, 3),), lambda: [
        make("globalAveragePooling2dLayer"), make("softmaxLayer")], plain(lambda x: x.mean((2, 3), keepdim=True).softmax(1)),
        lambda: make("classificationLayer", Classes=["a", "b", "c"], Name="out"), labelled=True)
    for label, size in {"vector": VECTOR, "image": IMAGE, "volume": VOLUME}.items():
        yield Case("regressionLayer", label, (size,), lambda: [make("leakyReluLayer", 0.5)],
                   plain(lambda x: F.leaky_relu(x, 0.5)))


CASES = tuple(cases())
