"""The layers of the table in PyTorch, as its users would write them: functions and modules of its own, on B×C×S… tensors.

Sequences are B×T×C, as PyTorch has them. Each function gets the layer and its arrays in MATLAB's size, and returns what
computes, and the tensors that are trained. What it computes is a tensor of its own, not a view, as on the other side.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.layer_rows import LayerRow
from benchmarks.reference import in_format

Made = tuple[Callable[..., Tensor], list[Tensor]]
Arrays = Mapping[str, np.ndarray]
REFERENCE: dict[str, Callable[[Any, Arrays], Made]] = {}


def reference(*factories: str) -> Callable[[Callable[[Any, Arrays], Made]], Callable[[Any, Arrays], Made]]:
    def enter(function: Callable[[Any, Arrays], Made]) -> Callable[[Any, Arrays], Made]:
        REFERENCE.update(dict.fromkeys(factories, function))
        return function
    return enter


def plain(factory: str, function: Callable[..., Tensor]) -> None:
    reference(factory)(lambda one, p: (function, []))


def leaf(values: np.ndarray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(values)).requires_grad_()


def module(made: nn.Module, values: Mapping[str, np.ndarray]) -> Made:
    """A module with these arrays."""
    with torch.no_grad():
        for name, value in values.items():
            target = made.get_parameter(name) if name in dict(made.named_parameters()) else made.get_buffer(name)
            target.copy_(torch.from_numpy(np.ascontiguousarray(value.reshape(target.shape))))
    return made, [value for value in made.parameters() if value.requires_grad]


def filters(w: np.ndarray) -> np.ndarray:
    """S…×C×K → K×C×S…"""
    return w.transpose(-1, -2, *range(w.ndim - 2))


# Element by element --------------------------------------------------------------------------------------------------
plain("reluLayer", F.relu)
plain("tanhLayer", torch.tanh)
plain("sigmoidLayer", torch.sigmoid)
plain("swishLayer", F.silu)
plain("geluLayer", F.gelu)
plain("softplusLayer", F.softplus)
plain("eluLayer", F.elu)
plain("softmaxLayer", lambda x: x.softmax(1))
plain("leakyReluLayer", lambda x: F.leaky_relu(x, 0.01))
plain("clippedReluLayer", lambda x: F.hardtanh(x, 0, 1))
plain("flattenLayer", lambda x: x.transpose(2, 3).flatten(1))
plain("additionLayer", torch.add)
plain("multiplicationLayer", torch.mul)
plain("depthConcatenationLayer", lambda *x: torch.cat(x, 1))
plain("concatenationLayer", lambda *x: torch.cat(x, 2))


@reference("imageInputLayer", "image3dInputLayer", "featureInputLayer", "sequenceInputLayer")
def standardised(one: Any, p: Arrays) -> Made:
    rank = {"imageInputLayer": 2, "image3dInputLayer": 3}.get(one.factory, 0)  # axes behind the channels
    mean, deviation = (torch.from_numpy(p[name].reshape(-1, *[1] * rank)) for name in ("Mean", "StandardDeviation"))
    return lambda x: (x - mean) / deviation, []


@reference("preluLayer")
def prelu(one: Any, p: Arrays) -> Made:
    alpha = leaf(p["Alpha"].ravel())
    return lambda x: F.prelu(x, alpha), [alpha]


@reference("scalingLayer")
def scaling(one: Any, p: Arrays) -> Made:
    scale, bias = (torch.from_numpy(p[name]) for name in ("Scale", "Bias"))
    return lambda x: x * scale + bias, []


@reference("inverseNormalizationLayer")
def unstandardised(one: Any, p: Arrays) -> Made:
    mean, deviation = (torch.from_numpy(p[name].reshape(-1, 1, 1)) for name in ("Mean", "StandardDeviation"))
    return lambda x: torch.addcmul(mean, x, deviation), []


@reference("dropoutLayer")
def dropout(one: Any, p: Arrays) -> Made:
    return nn.Dropout(one.Probability), []


@reference("spatialDropoutLayer")
def spatial_dropout(one: Any, p: Arrays) -> Made:
    return nn.Dropout2d(one.Probability), []


# Normalisation -------------------------------------------------------------------------------------------------------
@reference("batchNormalizationLayer")
def batch_norm(one: Any, p: Arrays) -> Made:
    made = nn.BatchNorm2d(p["Scale"].size)
    return module(made, {"weight": p["Scale"], "bias": p["Offset"], "running_mean": p["TrainedMean"],
                         "running_var": p["TrainedVariance"]})


@reference("groupNormalizationLayer", "instanceNormalizationLayer")
def group_norm(one: Any, p: Arrays) -> Made:
    channels = p["Scale"].size
    if one.factory == "instanceNormalizationLayer":
        return module(nn.InstanceNorm2d(channels, affine=True), {"weight": p["Scale"], "bias": p["Offset"]})
    return module(nn.GroupNorm(one.NumGroups, channels), {"weight": p["Scale"], "bias": p["Offset"]})


@reference("layerNormalizationLayer")
def layer_norm(one: Any, p: Arrays) -> Made:
    """Over channels and spatial axes with a scale per channel, as a group of all channels."""
    return module(nn.GroupNorm(1, p["Scale"].size), {"weight": p["Scale"], "bias": p["Offset"]})


@reference("crossChannelNormalizationLayer")
def cross_channel(one: Any, p: Arrays) -> Made:
    return nn.LocalResponseNorm(one.WindowChannelSize, one.Alpha, one.Beta, one.K), []


# Filters -------------------------------------------------------------------------------------------------------------
@reference("convolution1dLayer", "convolution2dLayer", "convolution3dLayer")
def convolution(one: Any, p: Arrays) -> Made:
    slide = (F.conv1d, F.conv2d, F.conv3d)[one.rank - 1]
    w, b = leaf(filters(p["Weights"])), leaf(p["Bias"].ravel())
    return lambda x: slide(x, w, b, 1, 1), [w, b]


@reference("groupedConvolution2dLayer")
def grouped(one: Any, p: Arrays) -> Made:
    w, groups = p["Weights"].transpose(4, 3, 2, 0, 1), p["Weights"].shape[-1]
    w, b = leaf(w.reshape(-1, *w.shape[2:])), leaf(p["Bias"].reshape(-1, groups).T.ravel())
    return lambda x: F.conv2d(x, w, b, 1, 1, 1, groups), [w, b]


@reference("transposedConv1dLayer", "transposedConv2dLayer", "transposedConv3dLayer")
def transposed(one: Any, p: Arrays) -> Made:
    slide = (F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d)[one.rank - 1]
    w, b = leaf(filters(p["Weights"])), leaf(p["Bias"].ravel())
    return lambda x: slide(x, w, b, 2, 1), [w, b]


@reference("fullyConnectedLayer")
def dense(one: Any, p: Arrays) -> Made:
    w, b = leaf(p["Weights"]), leaf(p["Bias"].ravel())
    return lambda x: F.linear(x, w, b), [w, b]


@reference("patchEmbeddingLayer")
def patches(one: Any, p: Arrays) -> Made:
    w, b = leaf(filters(p["Weights"])), leaf(p["Bias"].ravel())
    return lambda x: F.conv2d(x, w, b, one.PatchSize).transpose(2, 3).flatten(2), [w, b]


@reference("spectralConvolution1dLayer", "spectralConvolution2dLayer", "spectralConvolution3dLayer")
def spectral(one: Any, p: Arrays) -> Made:
    """Frequencies and their opposites: the inverse of real data doubles those that are not 0 along the last axis."""
    modes, axes = one.NumModes, tuple(range(2, 2 + one.rank))
    w = torch.view_as_complex(torch.from_numpy(p["Weights"])).requires_grad_()
    box = (slice(None), slice(None), *map(slice, modes))
    letters = "xyz"[:one.rank]
    share = torch.ones(modes)
    share[..., 0] = 2
    share.view(-1)[0] = 1

    def run(x: Tensor) -> Tensor:
        low = torch.fft.rfftn(x, dim=axes)[box]
        product = torch.einsum(f"bc{letters},{letters}ck->bk{letters}", low, w)
        *first, last = x.shape[2:]
        whole = product.new_zeros(*product.shape[:2], *first, last // 2 + 1)
        whole[box] = product * share
        return torch.fft.irfftn(whole, s=x.shape[2:], dim=axes)
    return run, [w]


@reference("quadraticLayer")
def quadratic(one: Any, p: Arrays) -> Made:
    def run(x: Tensor) -> Tensor:
        second, first = torch.tril_indices(x.shape[1], x.shape[1])
        return x[:, first] * x[:, second]
    return run, []


# Pooling -------------------------------------------------------------------------------------------------------------
for number, (largest, mean) in enumerate(((F.max_pool1d, F.avg_pool1d), (F.max_pool2d, F.avg_pool2d),
                                          (F.max_pool3d, F.avg_pool3d)), 1):
    axes = tuple(range(2, 2 + number))
    plain(f"maxPooling{number}dLayer", lambda x, pool=largest: pool(x, 2))
    plain(f"averagePooling{number}dLayer", lambda x, pool=mean: pool(x, 2))
    plain(f"globalMaxPooling{number}dLayer", lambda x, axes=axes: x.amax(axes, keepdim=True))
    plain(f"globalAveragePooling{number}dLayer", lambda x, axes=axes: x.mean(axes, keepdim=True))


@reference("maxUnpooling1dLayer", "maxUnpooling2dLayer", "maxUnpooling3dLayer")
def unpooling(one: Any, p: Arrays) -> Made:
    rank = one.rank
    pool = (F.max_pool1d, F.max_pool2d, F.max_pool3d)[rank - 1]
    undo = (F.max_unpool1d, F.max_unpool2d, F.max_unpool3d)[rank - 1]
    return lambda x: undo(*pool(x, 2, return_indices=True), [2] * rank), []


plain("adaptiveAveragePooling2dLayer", lambda x: F.adaptive_avg_pool2d(x, 7))


# Moving and resizing -------------------------------------------------------------------------------------------------
plain("channelShuffleLayer", lambda x: F.channel_shuffle(x, 4))
plain("permuteLayer", lambda x: x.transpose(2, 3).contiguous())
plain("crop2dLayer", lambda x, ref: (x[:, :, 4:28, 4:28] if x.shape[2] == 32 else x).clone())
plain("crop3dLayer", lambda x, ref: (x[:, :, 4:12, 4:12, 4:12] if x.shape[2] == 16 else x).clone())
plain("resize2dLayer", lambda x: F.interpolate(x, scale_factor=2, mode="bilinear"))
plain("resize3dLayer", lambda x: F.interpolate(x, scale_factor=2, mode="trilinear"))


@reference("reshapeLayer")
def reshape(one: Any, p: Arrays) -> Made:
    """The first axis is the fastest."""
    def run(x: Tensor) -> Tensor:
        flat = x.transpose(2, 3)
        return flat.reshape(len(x), 32, -1, 16).transpose(2, 3)
    return run, []


@reference("spaceToDepthLayer")
def space_to_depth(one: Any, p: Arrays) -> Made:
    """Channels run by column and row of the block, then by channel of the input."""
    return lambda x: F.pixel_unshuffle(x, 2).unflatten(1, (-1, 4)).transpose(1, 2).flatten(1, 2), []


@reference("depthToSpace2dLayer")
def depth_to_space(one: Any, p: Arrays) -> Made:
    return lambda x: F.pixel_shuffle(x.unflatten(1, (4, -1)).transpose(1, 2).flatten(1, 2), 2), []


# Sequences, B×T×C ----------------------------------------------------------------------------------------------------
@reference("lstmLayer", "bilstmLayer", "gruLayer", "lstmProjectedLayer", "gruProjectedLayer")
def recurrent(one: Any, p: Arrays) -> Made:
    """PyTorch has no projections of both sides: they multiply the weights, in every step of training anew."""
    kind = nn.LSTM if "lstm" in one.factory else nn.GRU
    w, r, b = p["InputWeights"], p["RecurrentWeights"], p["Bias"].ravel()
    if "Projected" in one.factory:
        return projected(kind, one, p)
    made = kind(w.shape[1], r.shape[1], batch_first=True, bidirectional=one.directions > 1)
    values: dict[str, np.ndarray] = {}
    for suffix, *parts in zip(("", "_reverse"), *(np.split(part, one.directions) for part in (w, r, b)), strict=False):
        names = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
        values |= {f"{name}{suffix}": part for name, part in zip(names, [*parts, np.zeros_like(parts[-1])], strict=True)}
    trained = module(made, values)[1]
    return lambda x: made(x)[0], trained


def projected(kind: type[nn.RNNBase], one: Any, p: Arrays) -> Made:
    names = ("InputWeights", "InputProjector", "RecurrentWeights", "OutputProjector", "Bias")
    w, q, r, o, b = (leaf(p[name].reshape(len(p[name]), -1) if name != "Bias" else p[name].ravel()) for name in names)
    made = kind(len(q), len(o), batch_first=True)
    zeros = torch.zeros_like(b)

    def run(x: Tensor) -> Tensor:
        weights = {"weight_ih_l0": w @ q.T, "weight_hh_l0": r @ o.T, "bias_ih_l0": b, "bias_hh_l0": zeros}
        found: Tensor = torch.func.functional_call(made, weights, (x,))[0]
        return found
    return run, [w, q, r, o, b]


@reference("selfAttentionLayer")
def self_attention(one: Any, p: Arrays) -> Made:
    made = nn.MultiheadAttention(p["QueryWeights"].shape[0], one.NumHeads, batch_first=True)
    parts = ("Query", "Key", "Value")
    trained = module(made, {"in_proj_weight": np.concatenate([p[f"{part}Weights"] for part in parts]),
                            "in_proj_bias": np.concatenate([p[f"{part}Bias"].ravel() for part in parts]),
                            "out_proj.weight": p["OutputWeights"], "out_proj.bias": p["OutputBias"].ravel()})[1]
    return lambda x: made(x, x, x, need_weights=False)[0], trained


@reference("attentionLayer")
def attention(one: Any, p: Arrays) -> Made:
    def heads(x: Tensor) -> Tensor:
        return x.unflatten(2, (one.NumHeads, -1)).transpose(1, 2)
    return lambda q, k, v: F.scaled_dot_product_attention(*map(heads, (q, k, v))).transpose(1, 2).flatten(2), []


@reference("wordEmbeddingLayer", "embeddingLayer")
def words(one: Any, p: Arrays) -> Made:
    table = leaf(p["Weights"].T)
    return lambda x: F.embedding(x[..., 0].long() - 1, table), [table]


@reference("sinusoidalPositionEncodingLayer")
def waves(one: Any, p: Arrays) -> Made:
    rates = 10_000 ** -(torch.arange(0, one.OutputSize, 2) / one.OutputSize)

    def run(x: Tensor) -> Tensor:
        angles = rates[:, None] * torch.arange(1, x.shape[2] + 1)
        return torch.stack([angles.sin(), angles.cos()], 1).flatten(0, 1).repeat(len(x), 1, 1)
    return run, []


# Complex data, whose parts are channels in turn ----------------------------------------------------------------------
plain("complexReluLayer", F.relu)


@reference("zreluLayer")
def zrelu(one: Any, p: Arrays) -> Made:
    def run(x: Tensor) -> Tensor:
        z = x.unflatten(1, (-1, 2))
        return (z * (z >= 0).all(2, keepdim=True)).flatten(1, 2)
    return run, []


@reference("complexFullyConnectedLayer")
def complex_dense(one: Any, p: Arrays) -> Made:
    w, b = (torch.view_as_complex(torch.from_numpy(p[name])).requires_grad_() for name in ("Weights", "Bias"))
    return lambda x: torch.view_as_real(F.linear(torch.view_as_complex(x.unflatten(1, (-1, 2))), w, b[:, 0])).flatten(1), [
        w, b]


# Losses --------------------------------------------------------------------------------------------------------------
@reference("classificationLayer", "pixelClassificationLayer", "focalLossLayer", "dicePixelClassificationLayer")
def probabilities(one: Any, p: Arrays) -> Made:
    """Predictions; the loss is of the scores before the softmax, and stands in `loss_of_classes`."""
    return lambda x: x.softmax(1), []


def loss_of_classes(layer: Any, scores: Tensor, target: Tensor) -> Tensor:
    """Of scores and one-hot labels B×C×S…, all of which are known."""
    if layer.factory == "focalLossLayer":
        logs = (scores.log_softmax(1) * target).sum(1)
        return -layer.Alpha * ((1 - logs.exp()) ** layer.Gamma * logs).mean()
    if layer.factory == "dicePixelClassificationLayer":
        y, t = scores.softmax(1).flatten(2), target.flatten(2)
        counts = t.sum(2)
        weights = torch.where(counts > 0, counts.clamp(min=1) ** -2, 0)
        weights = torch.where(counts > 0, weights, weights.amax(1, keepdim=True))
        above = 2 * (weights * (y * t).sum(2)).sum(1) + 1e-8
        return (1 - above / ((weights * (y * y + t * t).sum(2)).sum(1) + 1e-8)).mean()
    return F.cross_entropy(scores, target)


# Work ----------------------------------------------------------------------------------------------------------------
def entering(x: np.ndarray, labels: str) -> Tensor:
    """S…×C×B → B×C×S…; C×T×B → B×T×C."""
    axes = (2, 1, 0) if labels == "CTB" else (x.ndim - 1, x.ndim - 2, *range(x.ndim - 2))
    return torch.from_numpy(np.ascontiguousarray(x.transpose(axes)))


def leaving(y: Tensor, labels: str) -> np.ndarray:
    """Back again."""
    found: np.ndarray = y.detach().numpy()
    return found.transpose(2, 1, 0) if labels == "CTB" and found.ndim == 3 else found.transpose(
        *range(2, found.ndim), 1, 0)


def work(row: LayerRow, what: str, variant: str) -> Callable[[], list[np.ndarray]]:
    """What is timed; its result, as arrays in our order, is made only when it is called."""
    layer = row.body()[-1 if row.labelled else row.at]
    data = [in_format(entering(x, labels), variant) for x, (labels, _) in zip(row.data(), row.entering, strict=True)]
    compute, trained = REFERENCE[row.factory](layer, row.arrays())
    for value in trained:
        value.data = in_format(value.data, variant)
    labels = [labels for labels, _ in row.entering]
    if isinstance(compute, nn.Module):
        compute.train(what == "train")
    if what == "predict":
        def predict() -> Any:
            with torch.inference_mode():
                y = compute(*data)
            return lambda: [leaving(y, labels[0])]
        return predict
    differentiated = [] if row.looks_up else [x.requires_grad_() for x in data]
    with torch.no_grad():
        size = compute(*data).shape
    target = in_format(entering(row.target(leaving(torch.empty(size), labels[0]).shape), labels[0]
                                if len(size) == 3 else "SCB"), variant)
    count = size[0] * (size[1] if labels[0] == "CTB" and len(size) == 3 else 1)

    def train() -> Any:
        if row.labelled:
            loss = loss_of_classes(layer, data[0], target)
        else:
            loss = F.mse_loss(compute(*data), target, reduction="sum") / (2 * count)
        gradients = torch.autograd.grad(loss, [*differentiated, *trained], allow_unused=True)
        return lambda: [loss.detach().numpy()[None], *(
            leaving(torch.zeros_like(x) if g is None else g, one)
            for x, g, one in zip(differentiated, gradients, labels, strict=False))]
    return train
