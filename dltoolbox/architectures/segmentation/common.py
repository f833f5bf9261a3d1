"""Common parts of segmentation networks: arguments, sizes that work, and the end that labels every pixel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from dltoolbox.core import convert
from dltoolbox.core.dims import times
from dltoolbox.core.errors import fail
from dltoolbox.core.properties import ByRank, Configured, InvalidValue, Property
from dltoolbox.layers.activation import SoftmaxLayer
from dltoolbox.layers.base import Layer
from dltoolbox.layers.convolution import TransposedConvolution2DLayer
from dltoolbox.layers.outputs import PixelClassificationLayer

MOST_STAGES = 16  # encoder stages: each halves the image, and 65,536 pixels become one
SIDES = ("height", "width", "depth")


def odd_sizes(rank: int) -> convert.Convert[tuple[int, ...]]:
    """Odd filter sizes per dimension; a scalar is expanded."""
    @convert.annotated("int | Sequence[int]")
    def conversion(value: object) -> tuple[int, ...]:
        got = convert.integers(value)
        if got is None or len(got) not in (1, rank) or any(n % 2 == 0 for n in got):
            raise InvalidValue(f"a positive odd integer or a vector of {rank} of them")
        return got * rank if len(got) == 1 else got
    return conversion


class SegmentationOptions(Configured):
    """The arguments that every builder has."""

    rank = 2

    ImageSize = Property(ByRank(convert.image_size), doc="Size of the input images.", positional=True, argument="imageSize")
    NumClasses = Property(convert.integer(2), doc="Number of classes.", positional=True, argument="numClasses")


class ColourOptions(SegmentationOptions):
    """Of builders that begin with a classifier of colour images: without channels there are three."""

    ImageSize = Property(convert.image_size(2, channels=3), doc="Size of the input images.", positional=True,
                         argument="imageSize")
    NumClasses = SegmentationOptions.NumClasses


class Sides(NamedTuple):
    """The lengths that one side of an image may have: ``first``, ``first + step``, ``first + 2·step``, …."""

    first: int
    step: int

    def nearest(self, side: int) -> list[int]:
        """The side itself where it may be so, else the nearest lengths that may, below and above."""
        below = self.first + (side - self.first) // self.step * self.step
        return [n for n in sorted({below, below if below == side else below + self.step}) if n >= self.first] or [self.first]


def check_sides(function: str, size: Sequence[int], allowed: Sequence[Sides], why: str) -> None:
    """Refuse an input with sides that do not work, and name the nearest ones that do."""
    nearest = {name: sides.nearest(n) for name, n, sides in zip(SIDES, size, allowed, strict=False)
               if sides.nearest(n) != [n]}
    if nearest:
        listed = ", ".join(f"{name} {' or '.join(map(str, sides))}" for name, sides in nearest.items())
        fail(f"{function}:invalidImageSize", f"Input of size {times(size)} does not fit: {why}.",
             f"The nearest sizes that work: {listed}.")


def pixel_labels(softmax: str, output: str) -> list[Layer]:
    """The usual end, by the names of its layers: probabilities and the loss of every pixel."""
    return [SoftmaxLayer(Name=softmax), PixelClassificationLayer(Name=output)]


def enlarging(factor: int, channels: int, name: str, *, learns: bool = False, **options: object) -> Layer:
    """A transposed convolution that enlarges every channel by itself, at first by bilinear interpolation.

    Source: Long, Shelhamer and Darrell, "Fully convolutional networks for semantic segmentation" (2015), section 3.3.
    """
    return TransposedConvolution2DLayer(2 * factor, channels, NumChannels=channels, Stride=factor,
                                        WeightsInitializer="bilinear", WeightLearnRateFactor=int(learns),
                                        BiasLearnRateFactor=0, Name=name, **options)
