"""Weights and data that both sides build on: a name always gives the same numbers, in MATLAB's layout."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any, NamedTuple
from zlib import crc32

import numpy as np

from dltoolbox import digitTrain4DArrayData

ATTENTION = ("Query", "Key", "Value", "Output")  # its weights

Tick = Callable[[Any], bool]


class Size(NamedTuple):
    """How large a row is. ``units`` mini-batches are timed at once: for training, an epoch."""

    side: int
    batch: int
    units: int
    channels: int = 0
    features: int = 0


class Observed(NamedTuple):
    """Observations in MATLAB's layout, the class of each (or of each pixel), and how many classes there are."""

    X: np.ndarray
    codes: np.ndarray
    kinds: int


class Block(NamedTuple):
    """A residual block of ResNet-20."""

    name: str
    channels: int
    filters: int
    stride: int


def normal(name: str, *shape: int) -> np.ndarray:
    return np.random.default_rng(crc32(name.encode())).standard_normal(shape, np.float32)


def filters(name: str, size: int, channels: int, number: int, rank: int = 2) -> np.ndarray:
    """Weights of a convolution, h×w×c×number or h×w×d×c×number, with the variance of He et al. (2015)."""
    scale = np.float32(np.sqrt(2 / (size ** rank * channels)))
    return normal(f"{name}/filters", *[size] * rank, channels, number) * scale


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


class Stage(NamedTuple):
    """A convolution of AlexNet, with ReLU and perhaps 3×3 pooling of stride 2 behind it."""

    channels: int
    filters: int
    size: int
    stride: int
    padding: int
    pool: bool


def alexnet_stages(width: int) -> list[Stage]:
    """As torchvision has it (Krizhevsky 2014); ``width`` is 64."""
    w = width
    return [Stage(3, w, 11, 4, 2, True), Stage(w, 3 * w, 5, 1, 2, True), Stage(3 * w, 6 * w, 3, 1, 1, False),
            Stage(6 * w, 4 * w, 3, 1, 1, False), Stage(4 * w, 4 * w, 3, 1, 1, True)]


def alexnet_side(side: int) -> int:
    """What is left of an image's side behind the stages: 6 of 224."""
    for stage in alexnet_stages(64):
        side = (side + 2 * stage.padding - stage.size) // stage.stride + 1
        side = (side - 3) // 2 + 1 if stage.pool else side
    return side


# Observations --------------------------------------------------------------------------------------------------------
def digits(size: Size) -> Observed:
    """As many shipped digits as fill the mini-batches."""
    X, Y = digitTrain4DArrayData(nargout=2)
    count = size.batch * size.units
    return Observed(np.ascontiguousarray(X[..., :count]), Y.codes[:count].astype(np.int64), 10)


def noise(size: Size, rank: int = 2, channels: int = 3) -> np.ndarray:
    """Images h×w×c×N or volumes h×w×d×c×N."""
    return normal("pictures", *[size.side] * rank, channels, size.batch * size.units)


def classes(size: Size, kinds: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, kinds, size.batch * size.units)


def pictures(size: Size) -> Observed:
    return Observed(noise(size), classes(size, 10), 10)


def sequences(size: Size) -> Observed:
    """Noise in the size of Japanese Vowels, 12 channels × steps × observations."""
    return Observed(normal("sequences", 12, size.side, size.batch * size.units), classes(size, 9), 9)


def volumes(size: Size) -> Observed:
    return Observed(noise(size, 3, 1), classes(size, 10), 10)


def signals(size: Size) -> Observed:
    """Sequences of one length, c×T×N; ``side`` is T, and c the ``features``, or as many as ``channels``."""
    channels = size.features or size.channels
    return Observed(normal("signals", channels, size.side, size.batch * size.units), classes(size, 10), 10)


def pictures_of_pixels(size: Size) -> Observed:
    """With classes of pixels, in squares of 4×4."""
    squares = size.side // 4
    coarse = np.random.default_rng(0).integers(0, 4, (squares, squares, size.batch * size.units))
    return Observed(noise(size), coarse.repeat(4, axis=0).repeat(4, axis=1), 4)
