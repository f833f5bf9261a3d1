"""Normalisation: nodes of ONNX as our ops."""

from __future__ import annotations

from math import prod

import numpy as np

from tests.oracles.onnx_nodes.suite import Attributes, op, ours, theirs, translation


@translation("BatchNormalization")
def batch_norm(attrs: Attributes, x: np.ndarray, scale: np.ndarray, offset: np.ndarray, mean: np.ndarray,
               variance: np.ndarray) -> tuple[np.ndarray, ...]:
    epsilon, momentum = attrs.get("epsilon", 1e-5), attrs.get("momentum", 0.9)
    if not attrs.get("training_mode"):
        return (theirs(op("batch_norm_inference", ours(x), scale, offset, mean, variance, epsilon=epsilon)),)
    y, *batch = op("batch_norm", ours(x), scale, offset, epsilon=epsilon)
    return theirs(y), *(old * momentum + new * (1 - momentum) for old, new in zip((mean, variance), batch, strict=True))


@translation("MeanVarianceNormalization")
def unit_variance(attrs: Attributes, x: np.ndarray) -> tuple[np.ndarray, ...]:
    """By channel, as ONNX does where no axes are named."""
    channels = x.shape[1]
    return (theirs(op("batch_norm", ours(x), np.ones(channels, x.dtype), np.zeros(channels, x.dtype), epsilon=1e-9)[0]),)


@translation("InstanceNormalization")
def instance_norm(attrs: Attributes, x: np.ndarray, scale: np.ndarray, offset: np.ndarray) -> tuple[np.ndarray, ...]:
    return (theirs(op("group_norm", ours(x), scale, offset, groups=x.shape[1], epsilon=attrs.get("epsilon", 1e-5))),)


@translation("GroupNormalization")
def group_norm(attrs: Attributes, x: np.ndarray, scale: np.ndarray, offset: np.ndarray) -> tuple[np.ndarray, ...]:
    return (theirs(op("group_norm", ours(x), scale, offset, groups=attrs["num_groups"],
                      epsilon=attrs.get("epsilon", 1e-5))),)


@translation("LayerNormalization")
def layer_norm(attrs: Attributes, x: np.ndarray, scale: np.ndarray,
               offset: np.ndarray | None = None) -> tuple[np.ndarray, ...]:
    """All axes from one on are channels, those before it observations. Layers of ours give no statistics: those are the
    ones that batch normalisation of the rows has.
    """
    axis, epsilon = attrs.get("axis", -1) % x.ndim, attrs.get("epsilon", 1e-5)
    rows, inner = prod(x.shape[:axis]), prod(x.shape[axis:])
    flat = x.reshape(rows, inner)
    bias = np.zeros(inner, x.dtype) if offset is None else offset.reshape(-1)
    y = op("group_norm", flat.T, scale.reshape(-1), bias, groups=1, epsilon=epsilon).T
    one, zero = np.ones(rows, x.dtype), np.zeros(rows, x.dtype)
    _, mean, variance = op("batch_norm", flat, one, zero, epsilon=epsilon)
    inverse = op("batch_norm_inference", one[:, None], one, zero, zero, variance, epsilon=epsilon)
    thin = (*x.shape[:axis], *[1] * (x.ndim - axis))
    return y.reshape(x.shape), mean.reshape(thin), inverse.reshape(thin)


@translation("LRN")
def normalise_locally(attrs: Attributes, x: np.ndarray) -> tuple[np.ndarray, ...]:
    return (theirs(op("cross_channel_norm", ours(x), size=attrs["size"], alpha=attrs.get("alpha", 1e-4),
                                                     beta=attrs.get("beta", 0.75), k=attrs.get("bias", 1.0))),)


