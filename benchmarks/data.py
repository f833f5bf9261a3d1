"""Weights and data that both sides build on: a name always gives the same numbers, in MATLAB's layout."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple
from zlib import crc32

import numpy as np

from dltoolbox import digitTrain4DArrayData


class Size(NamedTuple):
    """How large a row is. ``units`` mini-batches are timed at once: for training, an epoch."""

    side: int
    batch: int
    units: int
    channels: int = 0


class Block(NamedTuple):
    """A residual block of ResNet-20."""

    name: str
    channels: int
    filters: int
    stride: int


def normal(name: str, *shape: int) -> np.ndarray:
    return np.random.default_rng(crc32(name.encode())).standard_normal(shape, np.float32)


def filters(name: str, size: int, channels: int, number: int) -> np.ndarray:
    """Weights of a convolution, h×w×c×number, with the variance of He et al. (2015)."""
    return normal(f"{name}/filters", size, size, channels, number) * np.float32(np.sqrt(2 / (size * size * channels)))


def matrix(name: str, outputs: int, inputs: int) -> np.ndarray:
    """Weights of a fully connected layer, outputs×inputs."""
    return normal(f"{name}/matrix", outputs, inputs) * np.float32(np.sqrt(1 / inputs))


def offsets(name: str, number: int) -> np.ndarray:
    """A bias or the offset of a batch normalisation."""
    return normal(f"{name}/offsets", number) * np.float32(0.1)


def scales(name: str, number: int) -> np.ndarray:
    """Positive numbers around 1: the scale or the trained variance of a batch normalisation."""
    return 1 + np.abs(normal(f"{name}/scales", number)) * np.float32(0.1)


def resnet_blocks() -> list[Block]:
    widths = [16, 16, 16, 16, 32, 32, 32, 64, 64, 64]
    return [Block(f"block{i}", a, b, b // a) for i, (a, b) in enumerate(pairwise(widths), 1)]


def vgg_stages(width: int) -> Iterator[tuple[int, list[tuple[int, int]]]]:
    """The stages of VGG-16: their number and the (channels, filters) of their convolutions; ``width`` is 64."""
    before = 3
    for stage, (depth, factor) in enumerate([(2, 1), (2, 2), (3, 4), (3, 8), (3, 8)], 1):
        after = width * factor
        yield stage, [(before if i == 0 else after, after) for i in range(depth)]
        before = after


# Observations --------------------------------------------------------------------------------------------------------
def digits(size: Size) -> tuple[np.ndarray, np.ndarray]:
    """As many shipped digits as fill the mini-batches, h×w×1×N, with their classes."""
    X, Y = digitTrain4DArrayData(nargout=2)
    count = size.batch * size.units
    return np.ascontiguousarray(X[..., :count]), Y.codes[:count].astype(np.int64)


def pictures(size: Size, channels: int = 3) -> np.ndarray:
    """Noise, h×w×c×N."""
    return normal("pictures", size.side, size.side, channels, size.batch * size.units)


def classes(size: Size, number: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, number, size.batch * size.units)


def label_images(size: Size, number: int) -> np.ndarray:
    """Classes of pixels, h×w×N, in squares of 4×4 pixels."""
    coarse = np.random.default_rng(0).integers(0, number, (size.side // 4, size.side // 4, size.batch * size.units))
    return coarse.repeat(4, axis=0).repeat(4, axis=1)
