"""Layers that compute nothing: they pass on, flatten, shuffle or rearrange what they get."""

from __future__ import annotations

from math import prod

from dltoolbox.core import convert
from dltoolbox.core.dims import Dims, times
from dltoolbox.core.errors import fail
from dltoolbox.core.properties import ByRank, Property
from dltoolbox.layers.base import Layer, layer
from dltoolbox.layers.windowed import SizeRule, SpatialLayer
from dltoolbox.ops import Builder, Outputs, Value


@layer("identityLayer", "Identity", name="identity")
class IdentityLayer(Layer):
    """Identity layer: passes its input on unchanged.

    Example:
        >>> identityLayer(Name='skip').describe()
        'Identity'

    Source:
        MathWorks documentation of identityLayer.
    """

    def build(self, g: Builder, x: Value) -> Outputs:
        return x


@layer("flattenLayer", "Flatten", name="flatten")
class FlattenLayer(Layer):
    """Flatten layer: the spatial dimensions and the channels of each observation as channels only, column-major.

    Example:
        >>> flattenLayer(Name='flat').describe()
        'Flatten'

    Source:
        MathWorks documentation of flattenLayer.
    """

    flattens = True

    def build(self, g: Builder, x: Value) -> Outputs:
        return g.flatten(x) if x.dims.rank else x


@layer("channelShuffleLayer", "Channel Shuffle", name="channelshuffle")
class ChannelShuffleLayer(Layer):
    """Channel shuffle layer: the first channel of every group, then the second of every group, and so on.

    Between grouped convolutions it lets each group see all others. MATLAB's ShuffleNet contains such a layer, but has no
    function that makes one.

    Example:
        >>> channelShuffleLayer(4).describe()
        'Channel shuffle of 4 groups'

    Raises:
        DltoolboxError: ``dltoolbox:channelShuffleLayer:channelsNotDivisible`` if the groups cannot be of equal size.

    Source:
        Zhang et al., "ShuffleNet: an extremely efficient convolutional neural network for mobile devices" (2017).
    """

    NumGroups = Property(convert.count, doc="Number of groups of equal size.", positional=True, argument="numGroups")

    def check_parameters(self, *inputs: Dims) -> None:
        self.check_divisible(inputs[0].channels, self.NumGroups)

    def build(self, g: Builder, x: Value) -> Outputs:
        return g.channel_shuffle(x, groups=self.NumGroups)

    def describe(self) -> str:
        return f"Channel shuffle of {self.NumGroups} groups"


class BlockRearrangement(SpatialLayer):
    """The common part of the two rearrangements between channels and blocks of elements."""

    BlockSize = Property(ByRank(convert.sizes), doc="Height and width of a block.", positional=True, argument="blockSize")


@layer("spaceToDepthLayer", "Space to Depth", name="spacetodepth")
class SpaceToDepthLayer(BlockRearrangement, rank=2):
    """Space to depth layer: every block of h×w elements becomes h·w times as many channels.

    The channels of the first element of a block come first, then those of the next in its row. The output size is
    floor(in / blockSize).

    Example:
        >>> spaceToDepthLayer(2).describe()
        'space to depth with block size 2×2'

    Raises:
        DltoolboxError: when the network is checked, ``dltoolbox:spaceToDepthLayer:blockTooLarge``.

    Source:
        MathWorks documentation of spaceToDepthLayer; the ONNX operator SpaceToDepth.
    """

    def check(self, *inputs: Dims) -> None:
        super().check(*inputs)
        x = inputs[0]
        if any(b > n for b, n in zip(self.BlockSize, x.spatial, strict=True)):
            fail(f"{self.label()}:blockTooLarge", f"The block of {times(self.BlockSize)} is larger than the input of "
                 f"{times(x.spatial)}.", f"Set BlockSize to at most {min(x.spatial)}.", layer=self.Name)

    def size_rules(self, x: Dims) -> tuple[SizeRule, ...]:
        return tuple(SizeRule(f"floor({n}/{b}) = {n // b}", n % b) for n, b in zip(x.spatial, self.BlockSize, strict=True))

    def build(self, g: Builder, x: Value) -> Outputs:
        return g.space_to_depth(x, block=self.BlockSize)

    def describe(self) -> str:
        return f"space to depth with block size {times(self.BlockSize)}"


@layer("depthToSpace2dLayer", "2-D Depth to Space", name="depthtospace2d")
class DepthToSpace2DLayer(BlockRearrangement, rank=2):
    """2-D depth to space layer: every h·w channels become a block of h×w elements of one channel.

    With ``'dcr'`` the channels run by output channel, column and row of the block, the first fastest; with ``'crd'`` by
    column, row and output channel, as in sub-pixel convolution. The output size is in·blockSize.

    Example:
        >>> depthToSpace2dLayer(2, Mode='crd').Mode
        'crd'

    Raises:
        DltoolboxError: when the network is checked, ``dltoolbox:depthToSpace2dLayer:channelsNotDivisible``.

    Source:
        MathWorks documentation of depthToSpace2dLayer; the ONNX operator DepthToSpace.
    """

    Mode = Property(convert.choice("dcr", "crd"), "dcr", "Order of the channels: depth, column, row or column, row, depth.",
                    group="")

    def check(self, *inputs: Dims) -> None:
        super().check(*inputs)
        channels, block = inputs[0].channels, prod(self.BlockSize)
        if channels % block:
            fail(f"{self.label()}:channelsNotDivisible", f"The {channels} channels of the input do not make whole blocks of "
                 f"{times(self.BlockSize)}.",
                 f"Insert convolution2dLayer(1, {block * max(channels // block, 1)}) before it.", layer=self.Name)

    def size_rules(self, x: Dims) -> tuple[SizeRule, ...]:
        return tuple(SizeRule(f"{n}·{b} = {n * b}") for n, b in zip(x.spatial, self.BlockSize, strict=True))

    def build(self, g: Builder, x: Value) -> Outputs:
        return g.depth_to_space(x, block=self.BlockSize, order=self.Mode)

    def describe(self) -> str:
        return f"depth to space with block size {times(self.BlockSize)}"
