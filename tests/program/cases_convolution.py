"""Cases of layers whose filters slide over the input."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from tests.program.case import IMAGE, ODD, SIGNAL, VOLUME, Case, Size, Theirs, filters, single

Pairs = Sequence[tuple[int, int]]


def padded(x: Tensor, pairs: Pairs, value: float = 0.0) -> Tensor:
    return F.pad(x, [n for pair in reversed(list(pairs)) for n in pair], value=value)


def mirrored(x: Tensor, pairs: Pairs, mode: str) -> Tensor:
    """Padding by picking: the indices come from NumPy's padding of 0, 1, 2, …"""
    for axis, pair in enumerate(pairs, 2):
        x = x.index_select(axis, torch.from_numpy(np.pad(np.arange(x.shape[axis]), pair, mode=mode)))
    return x


def convolved(pairs: Pairs, stride: Any = 1, dilation: Any = 1, mode: str = "", value: float = 0.0) -> Theirs:
    def theirs(x: Tensor, p: dict[str, Tensor], training: bool) -> Tensor:
        big = mirrored(x, pairs, mode) if mode else padded(x, pairs, value)
        convolve = (F.conv1d, F.conv2d, F.conv3d)[x.ndim - 3]
        return convolve(big, filters(p["Weights"]), p["Bias"].flatten(), stride, 0, dilation)
    return theirs


def grouped(pairs: Pairs, stride: Any = 1, dilation: Any = 1) -> Theirs:
    def theirs(x: Tensor, p: dict[str, Tensor], training: bool) -> Tensor:
        w, groups = p["Weights"], p["Weights"].shape[-1]
        by_filter = w.permute(4, 3, 2, 0, 1).flatten(0, 1)
        return F.conv2d(padded(x, pairs), by_filter, p["Bias"].reshape(-1, groups).T.flatten(), stride, 0, dilation, groups)
    return theirs


def transposed(crop: Pairs, stride: Any, missing: Any = 0) -> Theirs:
    def theirs(x: Tensor, p: dict[str, Tensor], training: bool) -> Tensor:
        convolve = (F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d)[x.ndim - 3]
        whole = convolve(x, filters(p["Weights"]), None, stride, 0, missing)
        return padded(whole, [(-a, -b) for a, b in crop]) + p["Bias"].reshape(-1, *[1] * len(crop))
    return theirs


def cases() -> Iterator[Case]:
    def conv(label: str, theirs: Theirs, *args: Any, size: Size = ODD, **options: Any) -> Case:
        return single("convolution2dLayer", label, size, theirs, *args, **options)

    yield conv("3x3-same", convolved([(1, 1), (1, 1)]), 3, 4, Padding="same")
    yield conv("2x4-same-stride", convolved([(0, 1), (1, 2)], (2, 3)), [2, 4], 4, Padding="same", Stride=[2, 3], size=IMAGE)
    yield conv("1x1", convolved([(0, 0), (0, 0)]), 1, 3)
    yield conv("asymmetric", convolved([(1, 0), (2, 1)], (2, 1)), [3, 2], 4, Padding=[1, 0, 2, 1], Stride=[2, 1])
    yield conv("dilated", convolved([(2, 2), (0, 0)], 1, (2, 3)), [3, 2], 2, Padding=[2, 0], DilationFactor=[2, 3])
    yield conv("whole", convolved([(0, 0), (0, 0)]), [5, 7], 6)
    yield conv("value", convolved([(1, 1), (1, 1)], value=1.5), 3, 2, Padding=1, PaddingValue=1.5)
    for name, mode in (("replicate", "edge"), ("symmetric-include-edge", "symmetric"),
                       ("symmetric-exclude-edge", "reflect")):
        yield conv(name, convolved([(2, 1), (1, 2)], mode=mode), 3, 2, Padding=[2, 1, 1, 2], PaddingValue=name)
    name = "convolution1dLayer"
    yield single(name, "same", SIGNAL, convolved([(1, 2)], 2), 4, 3, Padding="same", Stride=2)
    yield single(name, "causal", SIGNAL, convolved([(6, 0)], 1, 3), 3, 4, Padding="causal", DilationFactor=3)
    yield single(name, "mirrored", SIGNAL, convolved([(2, 1)], 3, mode="symmetric"), 2, 4, Padding=[2, 1], Stride=3,
                 PaddingValue="symmetric-include-edge")
    yield single("transposedConv1dLayer", "cropped", SIGNAL, transposed([(1, 2)], 2), 4, 3, Stride=2, Cropping=[1, 2])
    yield single("transposedConv1dLayer", "same-gaps", SIGNAL, transposed([(0, 0)], 3, 1), 2, 3, Stride=3, Cropping="same")
    yield single("convolution3dLayer", "2-same", VOLUME, convolved([(0, 1)] * 3), 2, 3, Padding="same")
    yield single("convolution3dLayer", "general", VOLUME, convolved([(1, 0), (0, 2), (1, 1)], (1, 2, 1), (1, 1, 2)),
                 [2, 3, 2], 3, Padding=[[1, 0, 1], [0, 2, 1]], Stride=[1, 2, 1], DilationFactor=[1, 1, 2])
    yield single("transposedConv2dLayer", "2x2", ODD, transposed([(0, 0)] * 2, 2), 2, 3, Stride=2)
    yield single("transposedConv2dLayer", "same", ODD, transposed([(1, 1)] * 2, 2), 4, 3, Stride=2, Cropping="same")
    yield single("transposedConv2dLayer", "same-odd", ODD, transposed([(0, 1), (0, 0)], (2, 3)), 3, 2, Stride=[2, 3],
                 Cropping="same")
    yield single("transposedConv2dLayer", "asymmetric", ODD, transposed([(1, 0), (0, 2)], (1, 2)), [3, 4], 2, Stride=[1, 2],
                 Cropping=[1, 0, 0, 2])
    yield single("transposedConv2dLayer", "gaps", ODD, transposed([(0, 0)] * 2, 3), 2, 2, Stride=3)
    yield single("transposedConv2dLayer", "same-gaps", ODD, transposed([(0, 0), (0, 1)], (4, 2), (2, 0)), [2, 3], 2,
                 Stride=[4, 2], Cropping="same")
    yield single("transposedConv3dLayer", "2x2x2", VOLUME, transposed([(0, 0)] * 3, 2), 2, 3, Stride=2)
    yield single("transposedConv3dLayer", "same-gaps", VOLUME, transposed([(0, 0)] * 3, (4, 2, 3), (3, 1, 2)), 1, 2,
                 Stride=[4, 2, 3], Cropping="same")
    yield single("transposedConv3dLayer", "general", VOLUME, transposed([(1, 0), (0, 2), (1, 0)], (1, 2, 3)), [3, 4, 3], 2,
                 Stride=[1, 2, 3], Cropping=[[1, 0, 1], [0, 2, 0]])
    yield single("groupedConvolution2dLayer", "two", (6, 5, 4), grouped([(2, 2), (2, 2)]), 5, 3, 2, Padding=2)
    yield single("groupedConvolution2dLayer", "channel-wise", IMAGE, grouped([(1, 1), (1, 1)]), 3, 1, "channel-wise",
                 Padding="same")
    yield single("groupedConvolution2dLayer", "channel-wise-stride", IMAGE, grouped([(0, 1), (0, 1)], 2), 3, 2,
                 "channel-wise", Padding="same", Stride=2)
    yield single("groupedConvolution2dLayer", "one", ODD, grouped([(1, 0), (2, 1)], (2, 1)), [3, 2], 4, 1,
                 Padding=[1, 0, 2, 1], Stride=[2, 1])
    yield single("groupedConvolution2dLayer", "dilated", (6, 5, 6), grouped([(2, 2), (0, 0)], 1, (2, 3)), [3, 2], 1, 3,
                 Padding=[2, 0], DilationFactor=[2, 3])
