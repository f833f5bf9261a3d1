"""Normalisation layers."""

from __future__ import annotations

import numpy as np

from dltoolbox.core import convert
from dltoolbox.core.dims import Dims, times
from dltoolbox.core.display import counted, listed
from dltoolbox.core.errors import fail
from dltoolbox.core.properties import HIDDEN, LEARNABLE, Property
from dltoolbox.layers.base import Array, Layer, Learnable, Row, State, l2_factor, layer, learn_rate_factor
from dltoolbox.layers.inputs import STATISTICS_BY_NORMALISATION
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


def is_vector(value: np.ndarray) -> bool:
    """Whether no more than one size is above 1."""
    return max(value.shape, default=1) == value.size


COMPUTED = {"Mean": "Y.mean(0)", "StandardDeviation": "Y.std(0)", "Min": "Y.min(0)", "Max": "Y.max(0)"}


@layer("inverseNormalizationLayer", "Inverse Normalization", name="inversenorm")
class InverseNormalizationLayer(Layer):
    """Inverse normalisation layer: takes predictions of normalised responses back to the responses.

    ``'zscore'`` gives x·StandardDeviation + Mean, ``'zerocenter'`` x + Mean, ``'rescale-zero-one'`` x·(Max − Min) + Min,
    ``'rescale-symmetric'`` (x + 1)·(Max − Min)/2 + Min, ``'none'`` x. Statistics are numbers, or one for each channel; with
    ``dim`` one for each element of that dimension, counted as displays show them: spatial ones, then channels. They are
    those of the responses before they were normalised, and training leaves them as they are.

    Example:
        >>> inverseNormalizationLayer(Mean=20, StandardDeviation=5).describe()
        "Inverse of 'zscore' normalization"

    Raises:
        DltoolboxError: ``dltoolbox:inverseNormalizationLayer:unusedStatistic`` for a statistic that the normalisation does
            not have; when the network is checked, ``…:missingStatistics``, ``…:invalidMeanSize`` and its like, and
            ``…:invalidOperationDimension`` for the dimension of observations or time steps.

    Source:
        MathWorks documentation of inverseNormalizationLayer.
    """

    OperationDimension = Property(convert.either("channel", convert.count), "channel", "'channel', or the number of the "
                                  "dimension along which statistics differ.", positional=True, argument="dim")
    Normalization = Property(convert.choice("zscore", "zerocenter", "rescale-symmetric", "rescale-zero-one", "none"),
                             "zscore", "The normalisation that is undone.")
    Mean = Property(convert.array, None, "Mean for 'zscore' and 'zerocenter'.", settable=True)
    StandardDeviation = Property(convert.non_negative_array, None, "Standard deviation for 'zscore'.", settable=True)
    Min = Property(convert.array, None, "Minimum for the rescalings.", settable=True)
    Max = Property(convert.array, None, "Maximum for the rescalings.", settable=True)

    @property
    def statistics(self) -> tuple[str, ...]:
        """Names of the statistics that the chosen normalisation has."""
        return STATISTICS_BY_NORMALISATION[self.Normalization]

    def validate(self) -> None:
        unused = [name for name in COMPUTED if name not in self.statistics and getattr(self, name) is not None]
        if unused:
            fail(f"{self.label()}:unusedStatistic", f"{listed(unused)} of {self.label()} would have no effect, because "
                 f"Normalization is '{self.Normalization}'.", f"Leave out {listed(unused)}.", layer=self.Name)

    def dimension(self, x: Dims) -> int:
        """The dimension of the statistics, from 1."""
        number: int | str = self.OperationDimension
        return number if isinstance(number, int) else x.rank + 1

    def shape(self, name: str, x: Dims) -> tuple[int, ...]:
        """MATLAB's size of a statistic: one value, or one for each element along the dimension."""
        at, value = self.dimension(x), getattr(self, name)
        if value is not None and not is_vector(value):
            return tuple(value.shape)
        return (*[1] * (at - 1), 1 if value is None else value.size, *[1] * max(x.rank + 1 - at, 2 - at, 0))

    def check_parameters(self, *inputs: Dims) -> None:
        x, = inputs
        missing = [name for name in self.statistics if getattr(self, name) is None]
        if missing:
            given = ", ".join(f"{name}={COMPUTED[name]}" for name in missing)
            fail(f"{self.label()}:missingStatistics", f"{listed(missing)} of {self.label()} "
                 f"{'is' if len(missing) == 1 else 'are'} not set.", f"Set {given}, where Y holds the responses before they "
                 "were normalised, one row per observation.", layer=self.Name)
        if x.hidden:
            return
        if self.dimension(x) > x.rank + 1:
            fail(f"{self.label()}:invalidOperationDimension", f"OperationDimension is {self.dimension(x)}, but along the "
                 f"observations and time steps of the input, {x}, statistics are the same.",
                 "Set OperationDimension to 'channel'.", layer=self.Name)
        size = x.sizes[self.dimension(x) - 1]
        for name in self.statistics:
            found = getattr(self, name)
            if is_vector(found) and (size is None or found.size in (1, size)):
                continue
            fail(f"{self.label()}:invalid{name}Size", f"{name} has size {times(found.shape)}, but dimension "
                 f"{self.dimension(x)} of the input has {'any size' if size is None else counted(size, 'element')}.",
                 f"Set {name} to one number{'' if size is None else f', or to a list of {size}'}.", layer=self.Name)

    def arrays(self, *inputs: Dims) -> tuple[Array, ...]:
        return tuple(Array(name, self.shape(name, inputs[0]), double=True) for name in self.statistics)

    def build(self, g: Builder, x: Value) -> Outputs:
        return g.undo_normalise(x, *map(g.state, self.statistics), kind=self.Normalization) if self.statistics else x

    def rows(self) -> list[Row]:
        """Without the statistics that the normalisation does not have."""
        return [row for row in super().rows() if row[1] not in {*COMPUTED} - {*self.statistics}]

    def describe(self) -> str:
        return f"Inverse of '{self.Normalization}' normalization"
