"""Conformance cases of activations, dropout, inputs without normalisation, and layers that move elements."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from dltoolbox.network.graph.layer_graph import LayerGraph, layerGraph
from tests.program.case import IMAGE, VECTOR, VOLUME, Case, Theirs, make, plain, single, there


class Entering(Case):
    """Data enter at an input layer of any format."""

    def graph(self) -> LayerGraph:
        start = make("inputLayer", [*self.sizes[0], None], self.label, Name="x0")
        return layerGraph([start, *self.body(), self.end()])


def cases() -> Iterator[Case]:
    for label, size in {"image": IMAGE, "vector": VECTOR, "volume": VOLUME}.items():
        yield single("clippedReluLayer", label, size, plain(lambda x: F.hardtanh(x, 0, 0.83)), 0.83)
        yield single("eluLayer", label, size, plain(lambda x: F.elu(x, 0.5)), 0.5)
        yield single("tanhLayer", label, size, plain(torch.tanh))
        yield single("sigmoidLayer", label, size, plain(torch.sigmoid))
        yield single("swishLayer", label, size, plain(F.silu))
        yield single("softplusLayer", label, size, plain(F.softplus))
        yield single("identityLayer", label, size, plain(torch.clone))
        yield single("flattenLayer", label, size, plain(flat))
    yield single("geluLayer", "", IMAGE, plain(F.gelu))
    yield single("geluLayer", "tanh", IMAGE, plain(lambda x: F.gelu(x, approximate="tanh")), Approximation="tanh")
    yield single("spatialDropoutLayer", "", (2, 2, 40), lambda x, p, training: x * p["mask"] if training else x, 0.25)
    for size, labels in ((IMAGE, "SSCB"), (VECTOR, "CB"), (VOLUME, "SSSCB"), ((6, 3), "SCB")):
        yield Entering("inputLayer", labels, (size,), lambda: [make("reluLayer", Name="layer")], plain(F.relu))
    for label, alpha in {"default": 0.25, "channels": np.full((1, 1, 3), 0.5), "elements": np.ones(IMAGE)}.items():
        yield single("preluLayer", label, IMAGE, plain_with(prelu), Alpha=alpha)
        yield single("scalingLayer", label, IMAGE, plain_with(scaled), Scale=alpha, Bias=[[1.5]])
    yield single("preluLayer", "vector", VECTOR, plain_with(prelu), Alpha=np.ones((5, 1)))
    yield single("scalingLayer", "vector", VECTOR, plain_with(scaled), Scale=2, Bias=np.ones((5, 1)))
    yield single("scalingLayer", "volume", VOLUME, plain_with(scaled), Scale=np.ones((4, 1, 4, 2)))
    yield single("inverseNormalizationLayer", "", IMAGE, plain_with(unstandardised), Mean=[1, 2, 3], StandardDeviation=2)
    yield single("inverseNormalizationLayer", "centre", VECTOR, plain_with(lambda x, p: x + against(p["Mean"], x)),
                 Normalization="zerocenter", Mean=np.ones(5))
    yield single("inverseNormalizationLayer", "rows", IMAGE, plain_with(between), 1, Normalization="rescale-zero-one",
                 Min=np.zeros(6), Max=np.ones(6))
    yield single("inverseNormalizationLayer", "volume", VOLUME, plain_with(lambda x, p: between((x + 1) / 2, p)),
                 Normalization="rescale-symmetric", Min=0, Max=[2, 3])
    yield single("inverseNormalizationLayer", "none", VECTOR, plain(torch.clone), Normalization="none")
    yield single("permuteLayer", "", IMAGE, plain(lambda x: x.permute(0, 2, 3, 1)), [2, 3, 1])
    yield single("permuteLayer", "volume", VOLUME, plain(lambda x: x.transpose(1, 4)), [1, 2, 4, 3, 5])
    yield single("reshapeLayer", "", IMAGE, plain(lambda x: column_major(x, 9, 2, 8)), 9, 2, 8, [])
    yield single("reshapeLayer", "volume", VOLUME, plain(lambda x: column_major(x, 8, 6, 4)), 8, [], 4,
                 OperationDimension="spatial-channel")
    yield single("reshapeLayer", "vector", VECTOR, plain(lambda x: column_major(x, 5, 1)), [5, 1],
                 OperationDimension="spatial-channel")
    for label, size in {"image": IMAGE, "vector": VECTOR}.items():
        yield single("quadraticLayer", label, size, plain(monomials))
    yield single("channelShuffleLayer", "", (4, 3, 6), plain(lambda x: F.channel_shuffle(x, 3)), 3)
    yield single("channelShuffleLayer", "volume", VOLUME, plain(lambda x: F.channel_shuffle(x, 2)), 2)


def plain_with(function: Callable[[Tensor, dict[str, Tensor]], Tensor]) -> Theirs:
    """A function of the input and the layer's arrays."""
    return lambda x, p, training: function(x, p)


def against(values: Tensor, x: Tensor) -> Tensor:
    """An array of MATLAB's shape as it expands against B×C×S…"""
    return there(values.reshape(values.shape + (1,) * (x.ndim - values.ndim)))


def prelu(x: Tensor, p: dict[str, Tensor]) -> Tensor:
    return torch.where(x > 0, x, against(p["Alpha"], x) * x)


def scaled(x: Tensor, p: dict[str, Tensor]) -> Tensor:
    return x * against(p["Scale"], x) + against(p["Bias"], x)


def unstandardised(x: Tensor, p: dict[str, Tensor]) -> Tensor:
    return x * against(p["StandardDeviation"], x) + against(p["Mean"], x)


def between(x: Tensor, p: dict[str, Tensor]) -> Tensor:
    low, high = (against(p[name], x).to(x.dtype) for name in ("Min", "Max"))
    return torch.lerp(low, high, x)


def flat(x: Tensor) -> Tensor:
    """Column-major: h fastest."""
    return x.permute(0, 1, *range(x.ndim - 1, 1, -1)).flatten(1)


def column_major(x: Tensor, *size: int) -> Tensor:
    """B×C×S… of another size, S… and C."""
    return flat(x).reshape(len(x), *size[::-1]).permute(0, 1, *range(len(size), 1, -1))


def monomials(x: Tensor) -> Tensor:
    return torch.stack([x[:, i] * x[:, j] for j in range(x.shape[1]) for i in range(j + 1)], 1)
