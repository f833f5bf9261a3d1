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
    TrainedMean = Property(convert.array, None, "Mean for prediction.", settable=True, group="")
    TrainedVariance = Property(convert.non_negative_array, None, "Variance for prediction.", settable=True, group="")
    Offset = Property(convert.array, None, "Initial offset.", settable=True, group="Learnable Parameters")
    Scale = Property(convert.array, None, "Initial scale.", settable=True, group="Learnable Parameters")

    def check(self, *inputs: Dims) -> None:
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
        if not g.training:
            return g.normalise(x, scale, offset, g.state("TrainedMean"), g.state("TrainedVariance"),
                               epsilon=self.Epsilon)
        y, mean, variance = g.batch_norm(x, scale, offset, epsilon=self.Epsilon)
        g.update_statistics(("TrainedMean", mean, self.MeanDecay), ("TrainedVariance", variance, self.VarianceDecay))
        return y

    def describe(self) -> str:
        channels = self.NumChannels if self.Scale is None else self.Scale.size
        return "Batch normalization" + ("" if channels == "auto" else f" with {channels} channels")
