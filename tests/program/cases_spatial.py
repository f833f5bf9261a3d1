"""Conformance cases of layers that join inputs, normalise across channels, or change the size of maps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import reduce
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from tests.program.case import IMAGE, ODD, SIGNAL, VECTOR, VOLUME, Case, Size, Theirs, make, plain, single


def cases() -> Iterator[Case]:
    yield from products()
    yield from normalised()
    yield from scaled()
    yield from cropped()
    yield from resized()
    yield single("depthToSpace2dLayer", "crd", (3, 4, 8), plain(lambda x: F.pixel_shuffle(x, 2)), 2, Mode="crd")
    yield single("depthToSpace2dLayer", "dcr", (3, 4, 8), plain(lambda x: F.pixel_shuffle(
        F.channel_shuffle(x, 4), 2)), 2)
    yield single("spaceToDepthLayer", "", (4, 6, 3), plain(lambda x: F.channel_shuffle(F.pixel_unshuffle(x, 2), 3)), 2)
    yield single("adaptiveAveragePooling2dLayer", "even", IMAGE, plain(lambda x: F.adaptive_avg_pool2d(x, (3, 2))), [3, 2])
    yield single("adaptiveAveragePooling2dLayer", "overlapping", ODD, plain(lambda x: F.adaptive_avg_pool2d(x, 3)), 3)
    yield single("adaptiveAveragePooling2dLayer", "larger", ODD, plain(lambda x: F.adaptive_avg_pool2d(x, 8)), 8)
    yield single("globalAveragePooling1dLayer", "", SIGNAL, plain(lambda x: x.mean(2, keepdim=True)))
    yield single("globalMaxPooling1dLayer", "", SIGNAL, plain(lambda x: x.amax(2, keepdim=True)))
    yield single("globalAveragePooling3dLayer", "", VOLUME, plain(lambda x: x.mean((2, 3, 4), keepdim=True)))
    yield single("globalMaxPooling3dLayer", "", VOLUME, plain(lambda x: x.amax((2, 3, 4), keepdim=True)))


def products() -> Iterator[Case]:
    def multiplied(label: str, *sizes: Size) -> Case:
        return Case("multiplicationLayer", label, sizes, lambda: [make("multiplicationLayer", len(sizes), Name="layer")],
                    plain(lambda *x: reduce(torch.mul, x)))

    yield multiplied("2", IMAGE, IMAGE)
    yield multiplied("3", VECTOR, VECTOR, VECTOR)
    yield multiplied("channels", IMAGE, (1, 1, 3))
    yield multiplied("expanding", (1, 8, 1), (6, 1, 3), IMAGE)
    yield multiplied("volumes", VOLUME, VOLUME)
    yield Case("multiplicationLayer", "features", (IMAGE, (3,), (1, 1, 3)),
               lambda: [make("multiplicationLayer", 3, Name="layer")], plain(lambda x, f, y: x * f[:, :, None, None] * y))


def normalised() -> Iterator[Case]:
    def locally(size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 2) -> Theirs:
        """PyTorch's even windows reach further back, MATLAB's further forward."""
        def theirs(x: Tensor) -> Tensor:
            return F.local_response_norm(x.flip(1), size, alpha, beta, k).flip(1)
        return plain(theirs)

    name = "crossChannelNormalizationLayer"
    yield single(name, "default", (4, 3, 7), locally(5), 5)
    yield single(name, "even", (4, 3, 7), locally(4, 0.5, 1.5, 0.1), 4, Alpha=0.5, Beta=1.5, K=0.1)
    yield single(name, "wide", ODD, locally(7, 2, 0.5, 1), 7, Alpha=2, Beta=0.5, K=1)
    yield single(name, "volume", VOLUME, locally(2, 0.7), 2, Alpha=0.7)


def scaled() -> Iterator[Case]:
    def normalised(groups: int, spatial: bool = True) -> Theirs:
        def theirs(x: Tensor, p: dict[str, Tensor], training: bool) -> Tensor:
            flat = x if spatial else x.movedim(1, -1).flatten(0, -2)
            y = F.group_norm(flat, groups, p["Scale"].flatten(), p["Offset"].flatten(), 1e-3)
            return y if spatial else y.reshape(x.shape[0], *x.shape[2:], x.shape[1]).movedim(-1, 1)
        return theirs

    for label, size in {"image": (4, 3, 6), "volume": (2, 3, 2, 4), "vector": (6,)}.items():
        yield single("groupNormalizationLayer", label, size, normalised(2), 2, Epsilon=1e-3)
        yield single("groupNormalizationLayer", f"{label}-all", size, normalised(1), "all-channels", Epsilon=1e-3)
        yield single("layerNormalizationLayer", label, size, normalised(1), Epsilon=1e-3)
        yield single("layerNormalizationLayer", f"{label}-channels", size, normalised(1, spatial=False), Epsilon=1e-3,
                     OperationDimension="channel-only")
        if len(size) > 1:
            yield single("groupNormalizationLayer", f"{label}-wise", size, normalised(size[-1]), "channel-wise",
                         Epsilon=1e-3)
            yield single("instanceNormalizationLayer", label, size, normalised(size[-1]), Epsilon=1e-3)


def cropped() -> Iterator[Case]:
    def part(layer: str, label: str, sizes: tuple[Size, Size], start: Size, *location: Any) -> Case:
        def theirs(x: Tensor, ref: Tensor) -> Tensor:
            for axis, at in enumerate(start, 2):
                x = x.narrow(axis, at, ref.shape[axis])
            return x
        return Case(layer, label, sizes, lambda: [make(layer, *location, Name="layer")], plain(theirs))

    yield part("crop2dLayer", "centre", (IMAGE, (4, 4, 2)), (1, 2), "centercrop")
    yield part("crop2dLayer", "odd", (ODD, (2, 4, 2)), (1, 1), "centercrop")
    yield part("crop2dLayer", "location", (IMAGE, (2, 5, 1)), (3, 1), [2, 4])
    yield part("crop2dLayer", "whole", (ODD, (5, 7, 1)), (0, 0), [1, 1])
    yield part("crop3dLayer", "centre", (VOLUME, (2, 3, 3, 1)), (1, 1, 0))
    yield part("crop3dLayer", "location", (VOLUME, (2, 3, 1, 2)), (2, 0, 3), [1, 3, 4])


def resized() -> Iterator[Case]:
    def to(layer: str, label: str, size: Size, theirs: Callable[[Tensor], Tensor], **options: Any) -> Case:
        return single(layer, label, size, plain(theirs), **options)

    def linear(x: Tensor, size: Any = None, scale: Any = None) -> Tensor:
        return F.interpolate(x, size, scale, "bilinear" if x.ndim == 4 else "trilinear")

    name = "resize2dLayer"
    yield to(name, "nearest-2", ODD, lambda x: F.interpolate(x, scale_factor=2), Scale=2)
    yield to(name, "nearest-size", ODD, lambda x: F.interpolate(x, (9, 3), mode="nearest-exact"), OutputSize=[9, 3])
    yield to(name, "nearest-floor", ODD, lambda x: F.interpolate(x, (9, 3)), OutputSize=[9, 3], NearestRoundingMode="floor",
             GeometricTransformMode="asymmetric")
    yield to(name, "bilinear-2", ODD, lambda x: linear(x, scale=2), Scale=2, Method="bilinear")
    yield to(name, "bilinear-smaller", IMAGE, lambda x: linear(x, (4, 3)), OutputSize=[4, 3], Method="bilinear")
    yield to(name, "bilinear-one-side", IMAGE, lambda x: linear(x, (9, 12)), OutputSize=[9, float("nan")], Method="bilinear")
    yield Case(name, "reference", (ODD, IMAGE),
               lambda: [make(name, EnableReferenceInput=True, Method="bilinear", Name="layer")],
               plain(lambda x, ref: linear(x, ref.shape[2:])))
    yield to("resize3dLayer", "nearest", VOLUME, lambda x: F.interpolate(x, (2, 9, 4), mode="nearest-exact"),
             OutputSize=[2, 9, 4])
    yield to("resize3dLayer", "trilinear", VOLUME, lambda x: linear(x, (6, 9, 2)), Scale=[1.5, 1.5, 0.5], Method="trilinear")
