"""Pooling and unpooling: nodes of ONNX as our ops."""

from __future__ import annotations

import numpy as np

from dltoolbox import poolingLayerFrom
from dltoolbox.core.dims import Dims
from dltoolbox.core.geometry import Window
from tests.exchange.pooling.ours import run
from tests.oracles.onnx_nodes.suite import Attributes, Translation, Untranslatable, op, ours, pairs, theirs, translation


@translation("MaxPool")
def max_pool(attrs: Attributes, x: np.ndarray) -> tuple[np.ndarray, ...]:
    y, indices = run(poolingLayerFrom("onnx", op="MaxPool", **attrs | {"outputs": 2}), ours(x))
    if attrs.get("storage_order"):
        coordinates = np.unravel_index(indices, x.shape[2:])
        indices = np.ravel_multi_index(coordinates, x.shape[2:], order="F")
    planes = np.arange(x.shape[1])[:, None] + x.shape[1] * np.arange(x.shape[0])
    return theirs(y), theirs(indices + planes * np.prod(x.shape[2:], dtype=np.int64))


@translation("AveragePool")
def average_pool(attrs: Attributes, x: np.ndarray) -> tuple[np.ndarray, ...]:
    own = {name: value for name, value in attrs.items() if name != "outputs"}
    (y,) = run(poolingLayerFrom("onnx", op="AveragePool", **own), ours(x))
    return (theirs(y),)


@translation("MaxUnpool")
def max_unpool(attrs: Attributes, x: np.ndarray, indices: np.ndarray,
               shape: np.ndarray | None = None) -> tuple[np.ndarray, ...]:
    """ONNX indices refer to the unpadded default output, even where a larger one is asked for."""
    window = Window.of(attrs["kernel_shape"], attrs["strides"], pairs(attrs.get("pads", [0] * 2 * (x.ndim - 2))))
    spatial = window.transposed_output(x.shape[2:])
    size = (*spatial, *x.shape[1::-1])
    local = ours(indices) % np.prod(spatial, dtype=np.int64)
    y = op("max_unpool", ours(x), local, np.array(size), to=Dims("S" * len(spatial) + "CB", size))
    if shape is not None:
        y = np.pad(y, [(0, int(n) - m) for n, m in zip((*shape[2:], *shape[1::-1]), size, strict=True)])
    return (theirs(y),)


@translation("GlobalAveragePool")
def global_mean(attrs: Attributes, x: np.ndarray) -> tuple[np.ndarray, ...]:
    return (theirs(op("global_avg_pool", ours(x))),)


@translation("GlobalMaxPool")
def global_maximum(attrs: Attributes, x: np.ndarray) -> tuple[np.ndarray, ...]:
    return (theirs(op("global_max_pool", ours(x))),)


def reduction(name: str) -> Translation:
    """Over any axes: they become the spatial ones, and all others together the channels."""
    def run(attrs: Attributes, x: np.ndarray, axes: np.ndarray | None = None) -> tuple[np.ndarray, ...]:
        if not x.size or x.dtype == bool or (axes is None and attrs.get("noop_with_empty_axes")):
            raise Untranslatable("nothing, or truth values, or no axes at all")
        chosen = range(x.ndim) if axes is None or not axes.size else [int(a) % x.ndim for a in axes]
        kept = [axis for axis in range(x.ndim) if axis not in chosen]
        moved = x.transpose(*chosen, *kept).reshape(*(x.shape[axis] for axis in chosen), -1, 1)
        return (op(name, moved).reshape([1 if axis in chosen else n for axis, n in enumerate(x.shape)
                                         if attrs.get("keepdims", 1) or axis in kept]),)
    return run


translation("ReduceMean")(reduction("global_avg_pool"))
translation("ReduceMax")(reduction("global_max_pool"))
