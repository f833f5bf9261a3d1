"""Normalisation layers."""

from __future__ import annotations

from dltoolbox.core import convert
from dltoolbox.core.dims import Dims
from dltoolbox.core.errors import fail
from dltoolbox.core.properties import HIDDEN, LEARNABLE, Property
from dltoolbox.layers.base import Array, Layer, Learnable, State, l2_factor, layer, learn_rate_factor
from dltoolbox.ops import Builder, Outputs, Value
from dltoolbox.ops.graph import MovingAverage, Population
from dltoolbox.ops.time_axis import Way


class Scaled(Layer):
    """Normalisation to mean 0 and variance 1, then a learned scale and offset per channel."""

    not_in_matlab = ("NumChannels",)

    NumChannels = Property(convert.either("auto", convert.count), "auto", "Channels of the input.", group="")
    Epsilon = Property(convert.real(0, low_open=True), 1e-5, "Constant added to the variance.")
    OffsetInitializer = Property(convert.word_or_function("zeros", "ones", "narrow-normal"), "zeros",
                                 "How Offset starts.", group=HIDDEN)
    ScaleInitializer = Property(convert.word_or_function("ones", "zeros", "narrow-normal"), "ones",
                                "How Scale starts.", group=HIDDEN)
    OffsetLearnRateFactor, ScaleLearnRateFactor = learn_rate_factor("Offset"), learn_rate_factor("Scale")
    OffsetL2Factor, ScaleL2Factor = l2_factor("Offset"), l2_factor("Scale")
    Offset = Property(convert.array, None, "Initial offset.", settable=True, group=LEARNABLE)
    Scale = Property(convert.array, None, "Initial scale.", settable=True, group=LEARNABLE)

    def check_parameters(self, *inputs: Dims) -> None:
        self.check_declared_size("NumChannels", inputs[0].channels, "channel")

    def arrays(self, *inputs: Dims) -> tuple[Array, ...]:
        shape = shape_per_channel(inputs[0])
        return (Learnable("Offset", shape, self.OffsetInitializer, learn_rate_factor=self.OffsetLearnRateFactor,
                          l2_factor=self.OffsetL2Factor),
                Learnable("Scale", shape, self.ScaleInitializer, learn_rate_factor=self.ScaleLearnRateFactor,
                          l2_factor=self.ScaleL2Factor))

    def resolve_auto(self) -> None:
        assert self.Scale is not None
        self.__dict__["NumChannels"] = self.Scale.size

    def with_channels(self) -> str:
        """`` with 64 channels``: from Scale where it is given, else as declared; nothing where they are not known."""
        channels = self.NumChannels if self.Scale is None else self.Scale.size
        return "" if channels == "auto" else f" with {channels} channels"


def shape_per_channel(x: Dims) -> tuple[int, ...]:
    """MATLAB's size of one value per channel."""
    return (*[1] * x.rank, x.channels) if x.rank else (x.channels, 1)


@layer("batchNormalizationLayer", "Batch Normalization", name="batchnorm")
class BatchNormalizationLayer(Scaled):
    """Batch normalisation layer: Scale·(x − mean)/√(variance + Epsilon) + Offset per channel.

    Training uses the statistics of the mini-batch (biased variance over all but the channels); prediction uses
    TrainedMean and TrainedVariance. Offset, Scale and the statistics are ``1×1×c`` for images, ``1×1×1×c`` for volumes
    and ``c×1`` for features.

    Example:
        >>> batchNormalizationLayer().describe()
        'Batch normalization'

    Source:
        Ioffe and Szegedy, "Batch normalization: accelerating deep network training" (2015).
    """

    beyond_matlab = ("FixedStatistics",)

    MeanDecay = Property(convert.real(0, 1), 0.1, "Weight of a batch's mean in the moving mean.")
    VarianceDecay = Property(convert.real(0, 1), 0.1, "Weight of a batch's variance in the moving variance.")
    Epsilon = Scaled.Epsilon
    FixedStatistics = Property(convert.flag, False, "Whether training, too, normalises with TrainedMean and TrainedVariance "
                               "and leaves them as they are; an extension.", settable=True, group=HIDDEN)
    TrainedMean = Property(convert.array, None, "Mean for prediction.", settable=True, group="")
    TrainedVariance = Property(convert.non_negative_array, None, "Variance for prediction.", settable=True, group="")

    @property
    def states(self) -> tuple[str, ...]:
        return "TrainedMean", "TrainedVariance"

    def arrays(self, *inputs: Dims) -> tuple[Array, ...]:
        shape = shape_per_channel(inputs[0])
        return *super().arrays(*inputs), State("TrainedMean", shape), State("TrainedVariance", shape, initial=1.0)

    def build(self, g: Builder, x: Value) -> Outputs:
        offset, scale = g.learnable("Offset"), g.learnable("Scale")
        if not g.training or self.FixedStatistics:
            return g.batch_norm_inference(x, scale, offset, g.state("TrainedMean"), g.state("TrainedVariance"),
                               epsilon=self.Epsilon)
        count = g.count_values(x)
        y, mean, variance = g.batch_norm(x, scale, offset, epsilon=self.Epsilon)
        g.update_state("TrainedMean", mean, MovingAverage(self.MeanDecay), Population(count=count))
        g.update_state("TrainedVariance", variance, MovingAverage(self.VarianceDecay), Population(mean, count))
        return y

    def describe(self) -> str:
        return f"Batch normalization{self.with_channels()}"


@layer("groupNormalizationLayer", "Group Normalization", name="groupnorm")
class GroupNormalizationLayer(Scaled):
    """Group normalisation layer: Scale·(x − mean)/√(variance + Epsilon) + Offset, the statistics of each group of channels.

    They are those of one observation, over the spatial dimensions, time and the channels of the group; the variance is the
    biased one. ``numGroups`` divides the channels, or is ``'all-channels'`` for one group, ``'channel-wise'`` for one per
    channel.

    Example:
        >>> groupNormalizationLayer(4).describe()
        'Group normalization'

    Raises:
        DltoolboxError: ``dltoolbox:groupNormalizationLayer:invalidNumGroups``; when the network is checked,
            ``…:channelsNotDivisible``.

    Source:
        Wu and He, "Group normalization" (2018); MathWorks documentation of groupNormalizationLayer.
    """

    NumGroups = Property(convert.either("all-channels", convert.either("channel-wise", convert.count)),
                         doc="Number of groups, 'all-channels' or 'channel-wise'.", positional=True, argument="numGroups")
    Epsilon = Scaled.Epsilon

    def groups(self, x: Dims) -> int:
        words: dict[str | int, int] = {"all-channels": 1, "channel-wise": x.channels}
        return words.get(self.NumGroups) or int(self.NumGroups)

    def check_parameters(self, *inputs: Dims) -> None:
        super().check_parameters(*inputs)
        self.check_divisible(inputs[0].channels, self.groups(inputs[0]))

    def build(self, g: Builder, x: Value) -> Outputs:
        return g.group_norm(x, g.learnable("Scale"), g.learnable("Offset"), groups=self.groups(x.dims), epsilon=self.Epsilon,
                            way=Way.SPACE)

    def describe(self) -> str:
        channels = self.with_channels()
        groups = f" split into {self.NumGroups} groups" if channels and isinstance(self.NumGroups, int) else ""
        return f"Group normalization{channels}{groups}"


@layer("instanceNormalizationLayer", "Instance Normalization", name="instancenorm")
class InstanceNormalizationLayer(Scaled):
    """Instance normalisation layer: Scale·(x − mean)/√(variance + Epsilon) + Offset, the statistics of each channel.

    They are those of one observation, over its spatial dimensions and time; the variance is the biased one.

    Example:
        >>> instanceNormalizationLayer(Name='in').describe()
        'Instance normalization'

    Raises:
        DltoolboxError: when the network is checked, ``dltoolbox:instanceNormalizationLayer:noSpatialDimensions``.

    Source:
        Ulyanov, Vedaldi and Lempitsky, "Instance normalization" (2016); MathWorks documentation of
        instanceNormalizationLayer.
    """

    def check(self, *inputs: Dims) -> None:
        if not inputs[0].rank and not inputs[0].timed:
            fail(f"{self.label()}:noSpatialDimensions", f"{self.label()} normalises over spatial dimensions, but its input "
                 f"is {inputs[0]}.", "Use layerNormalizationLayer for features.", layer=self.Name)

    def build(self, g: Builder, x: Value) -> Outputs:
        return g.group_norm(x, g.learnable("Scale"), g.learnable("Offset"), groups=x.dims.channels, epsilon=self.Epsilon,
                            way=Way.SPACE)

    def describe(self) -> str:
        return f"Instance normalization{self.with_channels()}"


@layer("layerNormalizationLayer", "Layer Normalization", name="layernorm")
class LayerNormalizationLayer(Scaled):
    """Layer normalisation layer: Scale·(x − mean)/√(variance + Epsilon) + Offset, the statistics of each observation.

    ``'spatial-channel'`` takes them over the channels and the spatial dimensions, ``'batch-excluded'`` over time as well,
    ``'channel-only'`` over the channels of every position; ``'auto'`` is ``'channel-only'`` for sequences, else
    ``'spatial-channel'``. The variance is the biased one. Scale and Offset are per channel.

    Example:
        >>> layerNormalizationLayer(OperationDimension='channel-only').OperationDimension
        'channel-only'

    Source:
        Ba, Kiros and Hinton, "Layer normalization" (2016); MathWorks documentation of layerNormalizationLayer.
    """

    OperationDimension = Property(convert.choice("auto", "channel-only", "spatial-channel", "batch-excluded"), "auto",
                                  "Dimensions over which the statistics are taken.")

    def build(self, g: Builder, x: Value) -> Outputs:
        over = self.OperationDimension
        over = over if over != "auto" else "channel-only" if x.dims.timed else "spatial-channel"
        return g.group_norm(x, g.learnable("Scale"), g.learnable("Offset"), groups=1, epsilon=self.Epsilon,
                            spatial=over != "channel-only", way=Way.SPACE if over == "batch-excluded" else None)

    def describe(self) -> str:
        return f"Layer normalization{self.with_channels()}"


@layer("crossChannelNormalizationLayer", "Cross Channel Normalization", name="crossnorm")
class CrossChannelNormalizationLayer(Layer):
    """Cross-channel (local response) normalisation layer: x / (K + Alpha·ss/windowChannelSize)^Beta.

    ss is the sum of the squares of windowChannelSize channels at the same position: ⌊(windowChannelSize − 1)/2⌋ before,
    the channel itself, and ⌊windowChannelSize/2⌋ behind it. At the edges fewer are summed, but the divisor stays.

    Example:
        >>> crossChannelNormalizationLayer(5, K=1).describe()
        'cross channel normalization with 5 channels per element'

    Raises:
        DltoolboxError: ``dltoolbox:crossChannelNormalizationLayer:invalidWindowChannelSize``, ``…:invalidBeta`` below 0.01,
            ``…:invalidK`` below 1e-5.

    Source:
        Krizhevsky, Sutskever and Hinton, "ImageNet classification with deep convolutional neural networks" (2012), with
        Alpha divided by the window size; MathWorks documentation of crossChannelNormalizationLayer.
    """

    WindowChannelSize = Property(convert.count, doc="Number of channels that normalise each element.", positional=True,
                                 argument="windowChannelSize")
    Alpha = Property(convert.real(0), 1e-4, "Factor on the mean of the squares.")
    Beta = Property(convert.real(0.01), 0.75, "Exponent, at least 0.01.")
    K = Property(convert.real(1e-5), 2, "Constant added before the power is taken, at least 1e-5.")

    def build(self, g: Builder, x: Value) -> Outputs:
        return g.cross_channel_norm(x, size=self.WindowChannelSize, alpha=self.Alpha, beta=self.Beta, k=self.K)

    def describe(self) -> str:
        return f"cross channel normalization with {self.WindowChannelSize} channels per element"
