"""The twin: every layer once more in PyTorch, from the properties of the layer alone, and networks of them.

Tensors are B×C×S…, features B×C. Each function gets the layer, its arrays by name, the run, and what enters; what it
computes follows the documentation of the layer and docs/conventions.md, never the ops.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial
from math import ceil, floor, prod
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from tests.generate.dice import need
from tests.generate.network import Network

Pairs = Sequence[tuple[int, int]]
TWINS: dict[str, Callable[..., Any]] = {}
EXACT: set[str] = set()  # layers that only select or move values, so that nothing is rounded


@dataclass
class Run:
    """What functions of layers know and note beyond their inputs."""

    training: bool = False
    loss: bool = True  # whether the network ends in output layers
    moved: dict[tuple[str, str], Tensor] = field(default_factory=dict)  # statistics after a step of training
    timed: bool = False  # whether observations are steps of sequences
    kept: Tensor | None = None  # what dropout multiplies by in training, or what pooling draws, where that is known
    rounding: float = 0.0  # see `run_twin`
    noise: torch.Generator = field(default_factory=torch.Generator)


def twin(*factories: str, exact: bool = False) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def enter(function: Callable[..., Any]) -> Callable[..., Any]:
        TWINS.update(dict.fromkeys(factories, function))
        if exact:
            EXACT.update(factories)
        return function
    return enter


def plain(factory: str, function: Callable[[Tensor], Tensor], *, exact: bool = False) -> None:
    twin(factory, exact=exact)(lambda one, p, run, x: function(x))


def there(x: Tensor) -> Tensor:
    """S…CB → BCS…"""
    return x.permute(x.ndim - 1, x.ndim - 2, *range(x.ndim - 2))


def lying(x: Tensor) -> Tensor:
    """A copy without gaps or odd strides: PyTorch refuses the gradient of some weights that have them."""
    return x.clone(memory_format=torch.contiguous_format)


def back(x: Tensor) -> Tensor:
    """BCS… → S…CB"""
    return x.permute(*range(2, x.ndim), 1, 0)


def against(values: Tensor, x: Tensor) -> Tensor:
    """An array of MATLAB's size as it expands against B×C×S…"""
    return there(values.reshape(values.shape + (1,) * (x.ndim - values.ndim)))


def by_channel(values: Tensor, x: Tensor) -> Tensor:
    return values.reshape(1, -1, *[1] * (x.ndim - 2))


def column_major(x: Tensor) -> Tensor:
    """B×features, the first spatial axis fastest."""
    return x.permute(0, 1, *range(x.ndim - 1, 1, -1)).flatten(1)


# Inputs --------------------------------------------------------------------------------------------------------------
twin("inputLayer", exact=True)(lambda one, p, run, x: x)


@twin("imageInputLayer", "image3dInputLayer", "featureInputLayer")
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


# Element by element --------------------------------------------------------------------------------------------------
plain("reluLayer", F.relu, exact=True)
plain("tanhLayer", torch.tanh)
plain("sigmoidLayer", torch.sigmoid)
plain("swishLayer", F.silu)
plain("softplusLayer", lambda x: torch.logaddexp(x, torch.zeros_like(x)))
plain("softmaxLayer", lambda x: x.softmax(1))
plain("identityLayer", lambda x: x, exact=True)
plain("flattenLayer", column_major, exact=True)


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




@twin("dropoutLayer", "spatialDropoutLayer", exact=True)
def dropout(one: Any, p: Any, run: Run, x: Tensor) -> Tensor:
    if not run.training or one.Probability == 0:
        return x
    assert run.kept is not None, "what is dropped is not known here"
    return x * run.kept


# Filters -------------------------------------------------------------------------------------------------------------
def padded(x: Tensor, pairs: Pairs, value: float = 0.0) -> Tensor:
    return F.pad(x, [n for pair in reversed(list(pairs)) for n in pair], value=value)


def picked(x: Tensor, axis: int, places: Any) -> Tensor:
    return x.index_select(axis, torch.as_tensor(np.asarray(places, np.int64)))


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


@twin("depthConcatenationLayer", exact=True)
def depth_concatenation(one: Any, p: Any, run: Run, *x: Tensor) -> Tensor:
    return torch.cat(x, 1)


@twin("concatenationLayer", exact=True)
def concatenation(one: Any, p: Any, run: Run, *x: Tensor) -> Tensor:
    """Dimension 1 is the first spatial one, or the channels of features."""
    return torch.cat(x, 1 if one.Dim == x[0].ndim - 1 else one.Dim + 1)


# Arranging and resizing ----------------------------------------------------------------------------------------------
@twin("channelShuffleLayer", exact=True)
def channel_shuffle(one: Any, p: Any, run: Run, x: Tensor) -> Tensor:
    return x.reshape(x.shape[0], one.NumGroups, -1, *x.shape[2:]).transpose(1, 2).reshape(x.shape)


@twin("permuteLayer", exact=True)
def permute(one: Any, p: Any, run: Run, x: Tensor) -> Tensor:
    """Axes of B×C×S… by their number in MATLAB: S…, C, then those that stay."""
    axes = [*range(2, x.ndim), 1]
    found = [axes[at - 1] for at in one.DimensionOrder[:len(axes)]]
    found += axes[len(found):]
    return x.permute(0, found[-1], *found[:-1])


@twin("reshapeLayer", exact=True)
def reshape(one: Any, p: Any, run: Run, x: Tensor) -> Tensor:
    sizes = one.OutputSize if one.OperationDimension == "spatial-channel" else one.OutputSize[:-1]
    sizes = [-1 if n is None else n for n in sizes]
    return column_major(x).reshape(len(x), *sizes[::-1]).permute(0, 1, *range(len(sizes), 1, -1))


@twin("quadraticLayer")
def quadratic(one: Any, p: Any, run: Run, x: Tensor) -> Tensor:
    return torch.stack([x[:, i] * x[:, j] for j in range(x.shape[1]) for i in range(j + 1)], 1)


@twin("spaceToDepthLayer", exact=True)
def space_to_depth(one: Any, p: Any, run: Run, x: Tensor) -> Tensor:
    h, w = one.BlockSize
    rows, columns = (n // b * b for n, b in zip(x.shape[2:], one.BlockSize, strict=True))
    return torch.cat([x[:, :, i:rows:h, j:columns:w] for i in range(h) for j in range(w)], 1)


@twin("depthToSpace2dLayer", exact=True)
def depth_to_space(one: Any, p: Any, run: Run, x: Tensor) -> Tensor:
    (h, w), (batch, channels, rows, columns) = one.BlockSize, x.shape
    each = channels // (h * w)
    split = (x.reshape(batch, h, w, each, rows, columns).permute(0, 3, 4, 1, 5, 2) if one.Mode == "dcr" else
             x.reshape(batch, each, h, w, rows, columns).permute(0, 1, 4, 2, 5, 3))
    return split.reshape(batch, each, rows * h, columns * w)


@twin("crop2dLayer", "crop3dLayer", exact=True)
def crop(one: Any, p: Any, run: Run, x: Tensor, ref: Tensor) -> Tensor:
    """A location is column, row and slice, from 1."""
    sizes = ref.shape[2:]
    if one.CropLocation == "centercrop":
        start = [(n - m) // 2 for n, m in zip(x.shape[2:], sizes, strict=True)]
    else:
        column, row, *depth = one.CropLocation
        start = [n - 1 for n in (row, column, *depth)]
    for axis, (at, n) in enumerate(zip(start, sizes, strict=True), 2):
        x = x.narrow(axis, at, n)
    return x


@twin("resize2dLayer", "resize3dLayer")
def resize(one: Any, p: Any, run: Run, x: Tensor, *ref: Tensor) -> Tensor:
    for axis, (out, factor) in enumerate(resized(one, x.shape[2:], *(r.shape[2:] for r in ref)), 2):
        n = x.shape[axis]
        shift = Fraction(1, 2) if one.GeometricTransformMode == "half-pixel" else Fraction(0)
        places = [(i + shift) / factor - shift for i in range(out)]
        if one.Method == "nearest":
            how = {"round": lambda at: floor(at + Fraction(1, 2)), "floor": floor,
                   "onnx-10": ceil if factor < 1 else floor}[one.NearestRoundingMode]
            x = picked(x, axis, [min(max(how(at), 0), n - 1) for at in places])
            continue
        places = [min(max(at, Fraction(0)), Fraction(n - 1)) for at in places]
        part = torch.tensor([float(at - floor(at)) for at in places], dtype=x.dtype).reshape(-1, *[1] * (x.ndim - axis - 1))
        low = picked(x, axis, [floor(at) for at in places])
        x = low + part * (picked(x, axis, [min(floor(at) + 1, n - 1) for at in places]) - low)
    return x


def resized(one: Any, spatial: Sequence[int], *ref: Sequence[int]) -> list[tuple[int, Fraction]]:
    """Per axis, the new size and the factor: that of the user, or of the sizes."""
    if one.Scale is not None:
        factors = [Fraction(scale).limit_denominator(10**6) for scale in one.Scale]
        return [(floor(n * factor), factor) for n, factor in zip(spatial, factors, strict=True)]
    wanted = ref[0] if ref else one.OutputSize
    known = next(Fraction(m, n) for m, n in zip(wanted, spatial, strict=True) if m is not None)
    sizes = [ceil(n * known) if m is None else m for m, n in zip(wanted, spatial, strict=True)]
    return [(m, Fraction(m, n)) for m, n in zip(sizes, spatial, strict=True)]


# Networks ------------------------------------------------------------------------------------------------------------
def applied(part: Any, arrays: Mapping[str, Tensor], run: Run, inputs: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """What leaves a layer, port by port."""
    y = TWINS[part.layer.factory](part.layer, arrays, run, *inputs)
    return y if isinstance(y, tuple) else (y,)


@dataclass
class Found:
    """What a run of a twin gave; arrays have our axes."""

    ports: dict[str, Tensor]
    losses: list[Tensor]
    moved: dict[tuple[str, str], np.ndarray]

    def port(self, name: str) -> np.ndarray:
        return back(self.ports[name].detach()).numpy()


def run_twin(net: Network, arrays: Mapping[Any, Tensor], data: Sequence[Tensor], targets: Sequence[Tensor] = (), *,
             training: bool = False, timed: bool = False, kept: Tensor | None = None, rounding: float = 0.0,
             seed: int = 0) -> Found:
    """One run forward. ``rounding`` disturbs what leaves layers that round, and its gradient, by so much of their scale.

    Whole numbers stay: zeros after a ReLU, and sums of whole numbers, are exact in every implementation.
    """
    noise = torch.Generator().manual_seed(seed)
    run = Run(training, bool(net.outputs), timed=timed, kept=kept, rounding=rounding, noise=noise)
    ports, losses = dict[str, Tensor](), list[Tensor]()
    entering, labels = iter(data), iter(targets)
    for part in net.parts:
        mine = {key.name: value for key, value in arrays.items() if key.layer == part.name}
        inputs = [ports[source] for source in part.sources] or [there(next(entering))]
        if not part.layer.outputs():
            scores = [ports[port] for port in net.scores(part)]
            losses += [] if not targets else applied(part, mine, run, [*scores, there(next(labels))])
            continue
        outputs = applied(part, mine, run, inputs)
        if rounding and part.layer.factory not in EXACT:
            outputs = tuple(disturbed(y, run) for y in outputs)
            disturb_gradients(inputs, outputs, run)
        ports.update(zip(part.ports(), outputs, strict=True))
    return Found(ports, losses, {key: value.numpy() for key, value in run.moved.items()})


def disturb_gradients(inputs: Sequence[Tensor], outputs: Sequence[Tensor], run: Run) -> None:
    """By rounding errors of what arrives at a layer, which may be much larger than what it passes on."""
    arriving = [0.0]
    for y in outputs:
        if y.requires_grad:
            y.register_hook(lambda grad: arriving.append(float(grad.abs().max())))
            y.register_hook(partial(disturbed, run=run))
    for x in inputs:
        if x.requires_grad:
            x.register_hook(lambda grad: disturbed(grad, run, max(arriving)))


def disturbed(y: Tensor, run: Run, scale: float | None = None) -> Tensor:
    """``y`` moved by rounding errors, by default of its largest element."""
    largest = y.detach().abs().max() if scale is None else scale
    moved = run.rounding * largest * torch.randn(y.shape, generator=run.noise, dtype=y.dtype)
    return y + torch.where(y == y.round(), torch.zeros_like(y), moved).detach()
