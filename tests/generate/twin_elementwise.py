"""Twins of input layers, and of those that keep the map: activations, normalisations, sums and products."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from tests.generate.twin import Run, against, back, by_channel, plain, there, twin

twin("inputLayer", exact=True)(lambda one, p, run, x: x)


@twin("imageInputLayer", "image3dInputLayer", "featureInputLayer", "sequenceInputLayer")
def data_input(one: Any, p: Any, run: Run, x: Tensor) -> Tensor:
    if callable(one.Normalization):
        return torch.from_numpy(one.Normalization(back(x).detach().numpy().copy())).permute(
            x.ndim - 1, x.ndim - 2, *range(x.ndim - 2))

    def statistic(name: str) -> Tensor:
        value = p[name]
        return by_channel(value, x) if value.numel() in (1, x.shape[1]) else there(value[..., None])
    kind = one.Normalization
    if kind == "none":
        return x
    if kind in ("zerocenter", "zscore"):
        centred = x - statistic("Mean")
        return centred if kind == "zerocenter" else centred / statistic("StandardDeviation")
    scaled = (x - statistic("Min")) / (statistic("Max") - statistic("Min"))
    return scaled if kind == "rescale-zero-one" else 2 * scaled - 1


plain("reluLayer", F.relu, exact=True)
plain("tanhLayer", torch.tanh)
plain("sigmoidLayer", torch.sigmoid)
plain("swishLayer", F.silu)
plain("softplusLayer", lambda x: torch.logaddexp(x, torch.zeros_like(x)))
plain("softmaxLayer", lambda x: x.softmax(1))
plain("identityLayer", lambda x: x, exact=True)


@twin("leakyReluLayer")
def leaky(one: Any, p: Any, run: Run, x: Tensor) -> Tensor:
    return torch.where(x >= 0, x, one.Scale * x)


@twin("clippedReluLayer", exact=True)
def clipped(one: Any, p: Any, run: Run, x: Tensor) -> Tensor:
    return F.hardtanh(x, 0, one.Ceiling)


@twin("eluLayer")
def elu(one: Any, p: Any, run: Run, x: Tensor) -> Tensor:
    return torch.where(x >= 0, x, one.Alpha * torch.expm1(x.clamp(max=0)))


@twin("geluLayer")
def gelu(one: Any, p: Any, run: Run, x: Tensor) -> Tensor:
    return F.gelu(x, approximate=one.Approximation)


@twin("preluLayer")
def prelu(one: Any, p: Any, run: Run, x: Tensor) -> Tensor:
    return torch.where(x > 0, x, against(p["Alpha"], x) * x)


@twin("scalingLayer")
def scaling(one: Any, p: Any, run: Run, x: Tensor) -> Tensor:
    return x * against(p["Scale"], x) + against(p["Bias"], x)


@twin("inverseNormalizationLayer")
def inverse_normalisation(one: Any, p: Any, run: Run, x: Tensor) -> Tensor:
    """Statistics lie along a dimension in MATLAB's order: S…, C."""
    axis = 1 if one.OperationDimension in ("channel", x.ndim - 1) else one.OperationDimension + 1

    def statistic(name: str) -> Tensor:
        return p[name].reshape(-1, *[1] * (x.ndim - 1 - axis))
    kind = one.Normalization
    if kind in ("none", "zerocenter"):
        return x if kind == "none" else x + statistic("Mean")
    if kind == "zscore":
        return x * statistic("StandardDeviation") + statistic("Mean")
    part = x if kind == "rescale-zero-one" else (x + 1) / 2
    return statistic("Min") + part * (statistic("Max") - statistic("Min"))


@twin("dropoutLayer", "spatialDropoutLayer", exact=True)
def dropout(one: Any, p: Any, run: Run, x: Tensor) -> Tensor:
    if not run.training or one.Probability == 0:
        return x
    assert run.kept is not None, "what is dropped is not known here"
    return x * run.kept


# Normalisation -------------------------------------------------------------------------------------------------------
def normal(x: Tensor, axes: Sequence[int], epsilon: float) -> Tensor:
    axes = tuple(axes)
    return (x - x.mean(axes, keepdim=True)) / (x.var(axes, correction=0, keepdim=True) + epsilon).sqrt()


def scaled(y: Tensor, p: Any) -> Tensor:
    return y * by_channel(p["Scale"], y) + by_channel(p["Offset"], y)


@twin("batchNormalizationLayer")
def batch_normalisation(one: Any, p: Any, run: Run, x: Tensor) -> Tensor:
    if not run.training or one.FixedStatistics:
        mean, variance = (by_channel(p[name].detach(), x) for name in ("TrainedMean", "TrainedVariance"))
        return scaled((x - mean) / (variance + one.Epsilon).sqrt(), p)
    axes = [axis for axis in range(x.ndim) if axis != 1]
    for name, decay, found in (("TrainedMean", one.MeanDecay, x.mean(axes)),
                               ("TrainedVariance", one.VarianceDecay, x.var(axes, correction=0))):
        run.moved[one.Name, name] = (decay * found + (1 - decay) * p[name].flatten()).detach()
    return scaled(normal(x, axes, one.Epsilon), p)


@twin("groupNormalizationLayer", "instanceNormalizationLayer")
def group_normalisation(one: Any, p: Any, run: Run, x: Tensor) -> Tensor:
    channels = x.shape[1]
    number = getattr(one, "NumGroups", "channel-wise")
    groups = {"all-channels": 1, "channel-wise": channels}.get(number, number)
    parts = x.reshape(x.shape[0], groups, channels // groups, *x.shape[2:])
    return scaled(normal(parts, range(2, parts.ndim), one.Epsilon).reshape(x.shape), p)


@twin("layerNormalizationLayer")
def layer_normalisation(one: Any, p: Any, run: Run, x: Tensor) -> Tensor:
    only = one.OperationDimension == "channel-only" or (one.OperationDimension == "auto" and run.timed)
    return scaled(normal(x, [1] if only else range(1, x.ndim), one.Epsilon), p)


@twin("crossChannelNormalizationLayer")
def cross_channel(one: Any, p: Any, run: Run, x: Tensor) -> Tensor:
    """A sum over so many channels before and behind; the divisor is the same at the edges."""
    n = one.WindowChannelSize
    squares = F.pad((x ** 2).movedim(1, -1), [(n - 1) // 2, n // 2]).unfold(-1, n, 1).sum(-1).movedim(-1, 1)
    return x / (one.K + one.Alpha / n * squares) ** one.Beta


# Several inputs ------------------------------------------------------------------------------------------------------
@twin("additionLayer")
def addition(one: Any, p: Any, run: Run, *x: Tensor) -> Tensor:
    return sum(x[1:], x[0])


@twin("multiplicationLayer")
def multiplication(one: Any, p: Any, run: Run, *x: Tensor) -> Tensor:
    rank = max(one.ndim for one in x)
    product = torch.ones(())
    for factor in x:
        product = product * factor.reshape(*factor.shape, *[1] * (rank - factor.ndim))
    return product
