"""Layers that compute nothing: they pass on, flatten, shuffle or rearrange what they get."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile
from math import nan, prod

import numpy as np

from dltoolbox.core import convert
from dltoolbox.core.dims import Dims, times
from dltoolbox.core.display import counted
from dltoolbox.core.errors import fail
from dltoolbox.core.properties import ByRank, InvalidValue, Property
from dltoolbox.layers.base import Layer, Row, layer
from dltoolbox.layers.windowed import SizeRule, SpatialLayer
from dltoolbox.ops import Builder, Outputs, Value

LARGEST_FORMAT = 4  # of an observation: three spatial ones and the channels


@layer("identityLayer", "Identity", name="identity")
class IdentityLayer(Layer):
    """Identity layer: passes its input on unchanged.

    Example:
        >>> identityLayer(Name='skip').describe()
        'Identity'

    Source:
        MathWorks documentation of identityLayer.
    """

    complex_inputs = "accepted"

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


@convert.annotated("Sequence[int]")
def dimension_order(value: object) -> tuple[int, ...]:
    """A permutation of the numbers from 1."""
    got = convert.integers(value)
    if got is None or len(got) < 2 or sorted(got) != [*range(1, len(got) + 1)]:
        raise InvalidValue("a permutation of the numbers from 1 to the number of dimensions, such as [2, 1, 3]")
    return got


@layer("permuteLayer", "Permute", name="permute")
class PermuteLayer(Layer):
    """Permute layer: dimension i of the output is dimension ``dimorder(i)`` of the input.

    Dimensions are counted as displays show them: spatial ones, channels, observations, time steps. Those that ``dimorder``
    leaves out stay, and so do the labels: ``[2, 1, 3]`` exchanges the rows and columns of images, ``[3, 2, 1]`` their rows
    and channels. Observations and time steps keep their places.

    Example:
        >>> permuteLayer([3, 2, 1, 4]).describe()
        'Permute dimensions in the order [3  2  1  4]'

    Raises:
        DltoolboxError: ``dltoolbox:permuteLayer:invalidDimensionOrder`` if it is no permutation; when the network is
            checked, ``…:movesObservations`` if it moves observations or time steps, or a dimension that is not there.

    Source:
        MathWorks documentation of permuteLayer.
    """

    DimensionOrder = Property(dimension_order, doc="Dimension of the input that each dimension of the output is.",
                              positional=True, argument="dimorder")

    def order(self, x: Dims) -> tuple[int, ...]:
        """The order of the spatial dimensions and the channels, from 0."""
        given = self.DimensionOrder[:x.rank + 1]
        return (*(at - 1 for at in given), *range(len(given), x.rank + 1))

    def check(self, *inputs: Dims) -> None:
        x = inputs[0]
        moved = next((at for at, source in enumerate(self.DimensionOrder, 1) if at > x.rank + 1 and at != source), 0)
        if moved:
            what = {"B": "the observations", "T": "the time steps"}.get(x.format[moved - 1:moved], "not there")
            inner = [*range(x.rank + 1, 0, -1)]
            fail(f"{self.label()}:movesObservations", f"dimorder {self.as_written('DimensionOrder')} moves dimension "
                 f"{moved}, but in the input, {x}, it is {what}. Observations and time steps keep their places.",
                 f"Permute dimensions 1 to {x.rank + 1} only, for example with permuteLayer({inner})." if x.rank else
                 "Leave this layer out: there is only one dimension beside observations and time steps.", layer=self.Name)

    def build(self, g: Builder, x: Value) -> Outputs:
        order = self.order(x.dims)
        return x if order == (*range(len(order)),) else g.permute(x, order=order)

    def describe(self) -> str:
        return f"Permute dimensions in the order [{'  '.join(map(str, self.DimensionOrder))}]"


@convert.annotated("int | Sequence[Any]")
def output_size(value: object) -> tuple[int | None, ...]:
    """At least two positive integers; for one of them [], NaN or None, which the data decide."""
    given = [None if not isinstance(item, str) and np.size(item) == 0 else item  # type: ignore[arg-type]
             for item in convert.items_of(value)]
    try:
        got = convert.sizes_or_unknown(given)
    except InvalidValue:
        got = ()
    if len(got) < 2 or got.count(None) > 1:
        raise InvalidValue("two or more positive integers, where one may be []",
                           "Pass sizes such as [14, 14, 4], or one by one, such as 14, 14, 4, [].")
    return got


def with_gap(sizes: Sequence[int | None]) -> str:
    """``14×14×[]``"""
    return times(sizes).replace("?", "[]")


@layer("reshapeLayer", "Reshape", name="reshape")
class ReshapeLayer(Layer):
    """Reshape layer: the elements of every observation, column-major, as an array of another size.

    Sizes are those of the spatial dimensions, of the channels, and of the observations, for which ``[]`` stands; so
    ``reshapeLayer(14, 14, 4, [])`` makes images 14×14×4. With ``OperationDimension='spatial-channel'`` sizes are those of
    the spatial dimensions and the channels alone, ``reshapeLayer([14, 14, 4], OperationDimension='spatial-channel')``, and
    ``[]`` may stand for any of them. That is also the way for sequences, whose time steps stay.

    Example:
        >>> reshapeLayer(16, 8, 32, []).describe()
        'Reshape to 16×8×32×[]'

    Raises:
        DltoolboxError: ``dltoolbox:reshapeLayer:invalidOutputSize``, ``…:tooManyDimensions`` for more than three spatial
            dimensions; when the network is checked,
            ``…:observationsNeeded`` if no ``[]`` stands for the observations, ``…:elementsMismatch`` if an observation does
            not have as many elements.

    Source:
        MathWorks documentation of reshapeLayer.
    """

    OutputSize = Property(output_size, doc="Sizes of the output; [] for one that follows from the others. Also one by one, "
                          "as reshapeLayer(sz1, sz2, …).", positional=True, argument="sz")
    OperationDimension = Property(convert.choice("all", "spatial-channel"), "all", "Dimensions that are reshaped.")

    def __init__(self, /, *args: object, **kwargs: object) -> None:
        listed = [*takewhile(lambda item: not isinstance(item, str), args)]
        super().__init__(*([listed, *args[len(listed):]] if len(listed) > 1 else args), **kwargs)

    @property
    def observation(self) -> tuple[int | None, ...]:
        """Sizes of one observation and one time step."""
        return self.OutputSize if self.OperationDimension == "spatial-channel" else self.OutputSize[:-1]

    def validate(self) -> None:
        spatial = len(self.observation) - 1
        if spatial >= LARGEST_FORMAT:
            fail(f"{self.label()}:tooManyDimensions", f"{with_gap(self.OutputSize)} has {spatial} spatial dimensions; at "
                 "most three are possible.", "Join some of them to one.", layer=self.Name)

    def check(self, *inputs: Dims) -> None:
        x, sizes = inputs[0], self.observation
        if self.OperationDimension == "all" and (x.timed or self.OutputSize[-1] is not None):
            last = "time steps, which stay as they are" if x.timed else "observations: it must be []"
            wanted = [1] * (x.rank == 0) + x.shown_sizes[:x.rank + 1] if x.known else [14, 14, 4]
            fail(f"{self.label()}:observationsNeeded", f"The last size of {with_gap(self.OutputSize)} is that of the "
                 f"{last}.", "Pass the sizes of one observation, and OperationDimension='spatial-channel': "
                 f"reshapeLayer({wanted}, OperationDimension='spatial-channel').", layer=self.Name)
        known = prod(n for n in sizes if n is not None)
        if x.features % known if None in sizes else x.features != known:
            fail(f"{self.label()}:elementsMismatch", f"An observation of the input, {x}, has "
                 f"{counted(x.features, 'element')}, but the sizes {with_gap(sizes)} hold "
                 f"{'a multiple of ' * (None in sizes)}{known}.", f"Choose sizes whose product is {x.features}.",
                 layer=self.Name)

    def build(self, g: Builder, x: Value) -> Outputs:
        sizes = self.observation
        rest = x.dims.features // prod(n for n in sizes if n is not None)
        return g.reshape(x, to=tuple(rest if n is None else n for n in sizes))

    def describe(self) -> str:
        return f"Reshape to {with_gap(self.OutputSize)}"

    def rows(self) -> list[Row]:
        """A size that follows from the others is NaN."""
        return [(heading, name, tuple(nan if n is None else n for n in value) if name == "OutputSize" and
                 isinstance(value, tuple) else value) for heading, name, value in super().rows()]


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
