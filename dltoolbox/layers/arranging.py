"""Layers that compute nothing: they pass on, flatten or shuffle what they get."""

from __future__ import annotations

from typing import Any

from dltoolbox.core import convert
from dltoolbox.core.formats import Dims
from dltoolbox.core.properties import Property
from dltoolbox.core.registry import layer
from dltoolbox.layers.base import Call, Expression, Layer
from dltoolbox.ops import Builder, Value


@layer("identityLayer", "Identity", name="identity")
class IdentityLayer(Layer):
    """Identity layer: passes its input on unchanged.

    Example:
        >>> identityLayer(Name='skip').describe()
        'Identity'

    Source:
        MathWorks documentation of identityLayer.
    """

    def build(self, g: Builder, x: Value) -> Any:
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

    def build(self, g: Builder, x: Value) -> Any:
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

    NumGroups = Property(convert.integer(1), doc="Number of groups of equal size.", positional=True, argument="numGroups")

    def check(self, *inputs: Dims) -> None:
        self.check_divisible(inputs[0].channels, self.NumGroups)

    def build(self, g: Builder, x: Value) -> Any:
        return g.channel_shuffle(x, groups=self.NumGroups)

    def call_in_matlab(self, *inputs: Dims) -> Call:
        """A function layer that rearranges the channels of data S…CB."""
        rank = inputs[0].rank if inputs else 2
        kept = ",".join(f"size(X,{axis + 1})" for axis in range(rank))
        spatial, (first, *rest) = [*range(1, rank + 1)], [*range(rank + 1, rank + 4)]
        order = " ".join(map(str, [*spatial, rest[0], first, rest[1]]))
        split = ",".join(filter(None, [kept, "[]", str(self.NumGroups), f"size(X,{rank + 2})"]))
        return Call("functionLayer", (Expression(f"@(X) reshape(permute(reshape(X,{split}),[{order}]),size(X))"),), {},
                    note=f"MATLAB has no channel shuffle layer; this function layer does it for data with {rank} spatial "
                         "dimensions.")

    def describe(self) -> str:
        return f"Channel shuffle of {self.NumGroups} groups"
