"""Twins of layers that arrange, join, cut and resample."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import ceil, floor
from typing import Any

import torch
from torch import Tensor

from tests.generate.twin import Run, column_major, picked, plain, twin

plain("flattenLayer", column_major, exact=True)


@twin("depthConcatenationLayer", exact=True)
def depth_concatenation(one: Any, p: Any, run: Run, *x: Tensor) -> Tensor:
    return torch.cat(x, 1)


@twin("concatenationLayer", exact=True)
def concatenation(one: Any, p: Any, run: Run, *x: Tensor) -> Tensor:
    """Dimension 1 is the first spatial one, or the channels of features."""
    return torch.cat(x, 1 if one.Dim == x[0].ndim - 1 else one.Dim + 1)


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
