"""Normalisation layers."""

from __future__ import annotations

from typing import Any

from dltoolbox.core import convert
from dltoolbox.core.formats import Dims
from dltoolbox.core.properties import HIDDEN, Property
from dltoolbox.core.registry import layer
from dltoolbox.layers.base import Array, Layer, Learnable, State
from dltoolbox.ops import Builder, Value


@layer("batchNormalizationLayer", "Batch Normalization", name="batchnorm")
class BatchNormalizationLayer(Layer):
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

    states = ("TrainedMean", "TrainedVariance")
    not_in_matlab = ("NumChannels",)

    NumChannels = Property(convert.either("auto", convert.integer(1)), "auto", "Channels of the input.", group="")
    MeanDecay = Property(convert.real(0, 1), 0.1, "Weight of a batch's mean in the moving mean.")
    VarianceDecay = Property(convert.real(0, 1), 0.1, "Weight of a batch's variance in the moving variance.")
    Epsilon = Property(convert.real(0, low_open=True), 1e-5, "Constant added to the variance.")
    OffsetInitializer = Property(convert.word_or_function("zeros", "ones", "narrow-normal"), "zeros",
                                 "How Offset starts.", group=HIDDEN)
    ScaleInitializer = Property(convert.word_or_function("ones", "zeros", "narrow-normal"), "ones",
                                "How Scale starts.", group=HIDDEN)
    OffsetLearnRateFactor = Property(convert.real(0), 1, "Factor on the learning rate of Offset.", settable=True,
                                     group=HIDDEN)
    ScaleLearnRateFactor = Property(convert.real(0), 1, "Factor on the learning rate of Scale.", settable=True,
                                    group=HIDDEN)
    OffsetL2Factor = Property(convert.real(0), 1, "Factor on the L2 decay of Offset.", settable=True, group=HIDDEN)
    ScaleL2Factor = Property(convert.real(0), 1, "Factor on the L2 decay of Scale.", settable=True, group=HIDDEN)
    FixedStatistics = Property(convert.flag, False, "Whether training, too, normalises with TrainedMean and TrainedVariance "
                               "and leaves them as they are; an extension.", settable=True, group=HIDDEN)
    TrainedMean = Property(convert.array, None, "Mean for prediction.", settable=True, group="")
    TrainedVariance = Property(convert.non_negative_array, None, "Variance for prediction.", settable=True, group="")
    Offset = Property(convert.array, None, "Initial offset.", settable=True, group="Learnable Parameters")
    Scale = Property(convert.array, None, "Initial scale.", settable=True, group="Learnable Parameters")

    def check_values(self, *inputs: Dims) -> None:
        self.check_declared("NumChannels", inputs[0].channels, "channels")

    def arrays(self, *inputs: Dims) -> tuple[Array, ...]:
        x = inputs[0]
        shape = (*[1] * x.rank, x.channels) if x.rank else (x.channels, 1)
        return (Learnable("Offset", shape, self.OffsetInitializer, learn_rate_factor=self.OffsetLearnRateFactor,
                          l2_factor=self.OffsetL2Factor),
                Learnable("Scale", shape, self.ScaleInitializer, learn_rate_factor=self.ScaleLearnRateFactor,
                          l2_factor=self.ScaleL2Factor),
                State("TrainedMean", shape), State("TrainedVariance", shape, initial=1.0))

    def settle(self) -> None:
        self.__dict__["NumChannels"] = self.Scale.size

    def build(self, g: Builder, x: Value) -> Any:
        offset, scale = g.learnable("Offset"), g.learnable("Scale")
        if not g.training or self.FixedStatistics:
            return g.normalise(x, scale, offset, g.state("TrainedMean"), g.state("TrainedVariance"),
                               epsilon=self.Epsilon)
        y, mean, variance = g.batch_norm(x, scale, offset, epsilon=self.Epsilon)
        g.update_statistics(("TrainedMean", mean, self.MeanDecay), ("TrainedVariance", variance, self.VarianceDecay))
        return y

    def describe(self) -> str:
        channels = self.NumChannels if self.Scale is None else self.Scale.size
        return "Batch normalization" + ("" if channels == "auto" else f" with {channels} channels")


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

    WindowChannelSize = Property(convert.integer(1), doc="Number of channels that normalise each element.", positional=True,
                                 argument="windowChannelSize")
    Alpha = Property(convert.real(0), 1e-4, "Factor on the mean of the squares.")
    Beta = Property(convert.real(0.01), 0.75, "Exponent, at least 0.01.")
    K = Property(convert.real(1e-5), 2, "Constant added before the power is taken, at least 1e-5.")

    def build(self, g: Builder, x: Value) -> Any:
        return g.cross_channel_norm(x, size=self.WindowChannelSize, alpha=self.Alpha, beta=self.Beta, k=self.K)

    def describe(self) -> str:
        return f"cross channel normalization with {self.WindowChannelSize} channels per element"
