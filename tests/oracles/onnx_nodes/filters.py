"""Convolution and products of matrices: nodes of ONNX as our ops."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dltoolbox.core.geometry import Window, same_cropping, same_padding
from tests.oracles.onnx_nodes.suite import Attributes, Untranslatable, op, ours, pairs, theirs, translation


def window_of(attrs: Attributes, spatial: Sequence[int], size: Sequence[int] | None = None) -> Window:
    """The window of a convolution node for an input of the given size."""
    size = attrs.get("kernel_shape", size)
    plain = Window.of(size, attrs.get("strides"), dilation=attrs.get("dilations"))
    padding = pairs(attrs.get("pads", [0] * 2 * len(size)))
    if attrs.get("auto_pad", b"NOTSET") != b"NOTSET":
        padding = same_padding(spatial, plain.extent, plain.stride, lower=attrs["auto_pad"] == b"SAME_LOWER")
    return Window(plain.size, plain.stride, padding, plain.dilation)


@translation("Conv")
def convolve(attrs: Attributes, x: np.ndarray, w: np.ndarray, bias: np.ndarray | None = None) -> tuple[np.ndarray, ...]:
    window, groups = window_of(attrs, x.shape[2:], w.shape[2:]), attrs.get("group", 1)
    bias = np.zeros(w.shape[0], x.dtype) if bias is None else bias
    if groups > 1:
        by_group = ours(w).reshape(*w.shape[2:], w.shape[1], groups, -1).swapaxes(-1, -2)
        return (theirs(op("grouped_conv", ours(x), by_group, bias.reshape(groups, -1).T, window=window)),)
    return (theirs(op("conv", ours(x), ours(w), bias, window=window)),)


@translation("ConvTranspose")
def convolve_transposed(attrs: Attributes, x: np.ndarray, w: np.ndarray,
                        bias: np.ndarray | None = None) -> tuple[np.ndarray, ...]:
    if attrs.get("group", 1) != 1:
        raise Untranslatable("grouped")
    plain = Window.of(w.shape[2:], attrs.get("strides"), dilation=attrs.get("dilations"))
    extra = attrs.get("output_padding", [0] * plain.rank)
    cropping = pairs(attrs.get("pads", [0] * 2 * plain.rank))
    if "output_shape" in attrs:
        whole = plain.transposed_output(x.shape[2:])
        cropping, extra = tuple((0, a - b) for a, b in zip(whole, attrs["output_shape"], strict=True)), [0] * plain.rank
    elif attrs.get("auto_pad", b"NOTSET") == b"SAME_UPPER":
        cropping = same_cropping(plain.extent, plain.stride)
    cropping = tuple((before, after - more) for (before, after), more in zip(cropping, extra, strict=True))
    window = Window(plain.size, plain.stride, cropping, plain.dilation)
    bias = np.zeros(w.shape[1], x.dtype) if bias is None else bias
    return (theirs(op("conv_transposed", ours(x), ours(w), bias, window=window)),)


@translation("Gemm")
def gemm(attrs: Attributes, a: np.ndarray, b: np.ndarray, c: np.ndarray | None = None) -> tuple[np.ndarray, ...]:
    a, b = a.T if attrs.get("transA") else a, b.T if attrs.get("transB") else b
    c = np.zeros((), a.dtype) if c is None else c * np.asarray(attrs.get("beta", 1.0), a.dtype)
    if c.ndim == 2 and c.shape[0] > 1:
        raise Untranslatable("the bias differs between observations")
    weights = b.T * np.asarray(attrs.get("alpha", 1.0), a.dtype)
    return (op("dense", a.T, weights, np.broadcast_to(c.reshape(-1), weights.shape[0])).T,)


@translation("MatMul")
def products(attrs: Attributes, a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, ...]:
    """One product after the other; vectors are matrices of one row or column."""
    rows, columns = a.ndim > 1, b.ndim > 1
    a, b = a if rows else a[None], b if columns else b[:, None]
    shape = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    a, b = (np.broadcast_to(x, shape + x.shape[-2:]) for x in (a, b))
    y = np.empty((*shape, a.shape[-2], b.shape[-1]), a.dtype)
    for at in np.ndindex(shape):
        y[at] = op("dense", b[at], a[at], np.zeros(a.shape[-2], a.dtype))
    y = y if columns else y[..., 0]
    return (y if rows else y[..., 0, :] if columns else y[..., 0],)
