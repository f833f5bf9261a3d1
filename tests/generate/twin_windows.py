"""Twins of filters and pooling."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, prod
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from tests.generate.dice import need
from tests.generate.twin import Run, by_channel, column_major, lying, picked, there, twin

Pairs = Sequence[tuple[int, int]]


def padded(x: Tensor, pairs: Pairs, value: float = 0.0) -> Tensor:
    return F.pad(x, [n for pair in reversed(list(pairs)) for n in pair], value=value)


def pairs_of(one: Any, x: Tensor, size: Sequence[int]) -> Pairs:
    """Padding in numbers; 'same' leaves ⌈n/stride⌉ elements, the odd one more at the end."""
    if one.Padding == "causal":
        return [((f - 1) * d, 0) for f, d in zip(size, one.DilationFactor, strict=True)]
    if not isinstance(one.Padding, str):
        return one.Padding
    dilation = getattr(one, "DilationFactor", (1,) * len(size))
    missing = [max((ceil(n / s) - 1) * s + (f - 1) * d + 1 - n, 0)
               for n, f, s, d in zip(x.shape[2:], size, one.Stride, dilation, strict=True)]
    return [(n - n // 2, n // 2) if one.Padding == "same-lower" else (n // 2, n - n // 2) for n in missing]


def pooled_pairs(one: Any, x: Tensor) -> tuple[Pairs, Pairs]:
    """Padding of a pooling, and how much its windows reach over that: by PyTorch's rule of sizes, or Caffe's."""
    pairs = pairs_of(one, x, one.PoolSize)
    over = []
    for n, f, s, d, pair in zip(x.shape[2:], one.PoolSize, one.Stride, one.DilationFactor, pairs, strict=True):
        span = n + sum(pair) - (f - 1) * d - 1
        out = span // s + 1
        if one.Rounding != "floor":
            out = ceil(span / s) + 1
            if (one.Rounding == "ceil" or any(map(any, pairs))) and (out - 1) * s >= n + pair[0]:
                out -= 1
        over.append((0, max((out - 1) * s - span, 0)))
    return pairs, over


def summed(one: Any, x: Tensor) -> Tensor:
    """Sums of the windows of a pooling."""
    convolve = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}[one.rank]
    ones = torch.ones((x.shape[1], 1, *one.PoolSize), dtype=x.dtype)
    return convolve(x, ones, None, one.Stride, 0, one.DilationFactor, x.shape[1])


EDGES = {"replicate": "edge", "symmetric-include-edge": "symmetric", "symmetric-exclude-edge": "reflect"}


def edged(one: Any, x: Tensor) -> Tensor:
    pairs = pairs_of(one, x, one.FilterSize)
    if not isinstance(one.PaddingValue, str):
        return padded(x, pairs, one.PaddingValue)
    for axis, pair in enumerate(pairs, 2):
        x = picked(x, axis, np.pad(np.arange(x.shape[axis]), pair, mode=EDGES[one.PaddingValue]))
    return x


def slid(rank: int) -> Any:
    return {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}[rank]


@twin("convolution1dLayer", "convolution2dLayer", "convolution3dLayer")
def convolution(one: Any, p: Any, run: Run, x: Tensor) -> Tensor:
    weights = lying(there(p["Weights"]))
    return slid(one.rank)(edged(one, x), weights, p["Bias"].flatten(), one.Stride, 0, one.DilationFactor)


@twin("groupedConvolution2dLayer")
def grouped_convolution(one: Any, p: Any, run: Run, x: Tensor) -> Tensor:
    w, groups = p["Weights"], p["Weights"].shape[-1]
    weights = lying(w.permute(4, 3, 2, 0, 1).flatten(0, 1))
    return F.conv2d(edged(one, x), weights, p["Bias"].reshape(-1, groups).T.flatten(), one.Stride, 0, one.DilationFactor,
                    groups)


@twin("transposedConv1dLayer", "transposedConv2dLayer", "transposedConv3dLayer")
def transposed_convolution(one: Any, p: Any, run: Run, x: Tensor) -> Tensor:
    """'same' makes the output stride times as large; what filters smaller than the stride leave out is at the end."""
    convolve = {1: F.conv_transpose1d, 2: F.conv_transpose2d, 3: F.conv_transpose3d}[one.rank]
    whole = convolve(x, lying(there(p["Weights"])), None, one.Stride)
    crop = one.Cropping
    if crop == "same":
        over = [f - s for f, s in zip(one.FilterSize, one.Stride, strict=True)]
        crop = [(n // 2, n - n // 2) if n >= 0 else (0, n) for n in over]
    return padded(whole, [(-a, -b) for a, b in crop]) + by_channel(p["Bias"], whole)


@twin("fullyConnectedLayer")
def dense(one: Any, p: Any, run: Run, x: Tensor) -> Tensor:
    """Networks with output layers keep spatial dimensions of size 1."""
    y = F.linear(column_major(x), p["Weights"], p["Bias"].flatten())
    return y.reshape(*y.shape, *[1] * (x.ndim - 2)) if run.loss else y


# Pooling -------------------------------------------------------------------------------------------------------------
@twin("maxPooling1dLayer", "maxPooling2dLayer", "maxPooling3dLayer", exact=True)
def max_pooling(one: Any, p: Any, run: Run, x: Tensor) -> Any:
    pairs, over = pooled_pairs(one, x)
    big = padded(padded(x, pairs, -np.inf), over, -np.inf)
    pool = {1: F.max_pool1d, 2: F.max_pool2d, 3: F.max_pool3d}[one.rank]
    y, at = pool(big, one.PoolSize, one.Stride, 0, one.DilationFactor, return_indices=True)
    need(bool(torch.isfinite(y).all()))  # no window of nothing
    if not one.HasUnpoolingOutputs:
        return y
    places, index = torch.zeros_like(at), at
    step = 1
    for n, m, (before, _) in reversed(list(zip(x.shape[2:], big.shape[2:], pairs, strict=True))):
        places, index, step = places + (index % m - before) * step, index // m, step * n
    return y, places, x


class Unpool(torch.autograd.Function):
    """Values put at places of a map; of those that share one the last stays, and all get its gradient."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, places: Tensor, count: int) -> Tensor:
        ctx.save_for_backward(places)
        last = places.new_full((*x.shape[:2], count), -1)
        last.scatter_reduce_(2, places, torch.arange(x.shape[2]).expand_as(places), "amax")
        return torch.where(last >= 0, x.gather(2, last.clamp(min=0)), x.new_zeros(()))

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        return grad.gather(2, ctx.saved_tensors[0]), None, None


@twin("maxUnpooling1dLayer", "maxUnpooling2dLayer", "maxUnpooling3dLayer", exact=True)
def max_unpooling(one: Any, p: Any, run: Run, x: Tensor, places: Tensor, whole: Tensor) -> Tensor:
    spatial = whole.shape[2:]
    return Unpool.apply(x.flatten(2), places.flatten(2), prod(spatial)).reshape(*x.shape[:2], *spatial)


@twin("averagePooling1dLayer", "averagePooling2dLayer", "averagePooling3dLayer")
def average_pooling(one: Any, p: Any, run: Run, x: Tensor) -> Tensor:
    pairs, over = pooled_pairs(one, x)
    total = summed(one, padded(padded(x, pairs), over))
    counts = summed(one, padded(padded(torch.ones_like(x), pairs, float(one.PaddingValue != "mean")), over))
    return total / (counts.clamp(min=1) if one.Divisor == "auto" else one.Divisor)


@twin("stochasticPooling1dLayer", "stochasticPooling2dLayer", "stochasticPooling3dLayer")
def stochastic_pooling(one: Any, p: Any, run: Run, x: Tensor) -> Any:
    """The expectation; in training the values that were drawn, which are those of single elements."""
    maxima = max_pooling(one, p, run, x)
    if run.training:
        assert run.kept is not None, "what is drawn is not known here"
        flat, order = x.flatten(), x.detach().flatten().argsort()
        y = flat[order[torch.searchsorted(flat.detach()[order], run.kept.flatten())]].reshape(run.kept.shape)
        assert torch.equal(y.detach(), run.kept)
    else:
        pairs, over = pooled_pairs(one, x)
        weights = padded(padded(x.relu(), pairs), over)
        total = summed(one, weights)
        y = summed(one, weights ** 2) / torch.where(total == 0, 1, total)
    return (y, *maxima[1:]) if one.HasUnpoolingOutputs else y


@twin("globalAveragePooling1dLayer", "globalAveragePooling2dLayer", "globalAveragePooling3dLayer")
def global_avg_pool(one: Any, p: Any, run: Run, x: Tensor) -> Tensor:
    return x.mean(tuple(range(2, x.ndim)), keepdim=True)


@twin("globalMaxPooling1dLayer", "globalMaxPooling2dLayer", "globalMaxPooling3dLayer", exact=True)
def global_max_pool(one: Any, p: Any, run: Run, x: Tensor) -> Tensor:
    return {1: F.max_pool1d, 2: F.max_pool2d, 3: F.max_pool3d}[one.rank](x, x.shape[2:])


@twin("adaptiveAveragePooling2dLayer")
def adaptive_avg_pool(one: Any, p: Any, run: Run, x: Tensor) -> Tensor:
    return F.adaptive_avg_pool2d(x, one.OutputSize)
