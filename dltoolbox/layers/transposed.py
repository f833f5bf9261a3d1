"""Transposed convolution."""

from __future__ import annotations

from typing import Any

from dltoolbox.core import convert
from dltoolbox.core.dims import Dims, times, vector
from dltoolbox.core.errors import fail
from dltoolbox.core.geometry import Window, same_cropping
from dltoolbox.core.properties import HIDDEN, ByRank, Property
from dltoolbox.core.registry import layer
from dltoolbox.layers.base import Array, Call, Expression
from dltoolbox.layers.weighted import WEIGHT_INITIALIZERS, Filters
from dltoolbox.layers.windowed import (
    SizeRule,
    SpatialLayer,
    by_mode_and_size,
    each,
    padding_mode,
    padding_text,
    padding_vector,
)
from dltoolbox.ops import Builder, Value


class TransposedConvolution(SpatialLayer, Filters):
    """Transposed convolution in any number of dimensions."""

    size_in = ("NumChannels", -1)

    Stride = Property(ByRank(convert.sizes), 1, "Up-sampling factor per dimension.")
    Cropping = Property(ByRank(convert.padding), 0, "Output elements removed per edge, or 'same'.")

    @property
    def CroppingMode(self) -> str:
        return padding_mode(self.Cropping)

    @property
    def CroppingSize(self) -> list[Any]:
        return padding_vector(self.Cropping)

    def window(self) -> Window:
        cropping = same_cropping(self.FilterSize, self.Stride) if self.Cropping == "same" else self.Cropping
        return Window.of(self.FilterSize, self.Stride, cropping)

    def check(self, *inputs: Dims) -> None:
        super().check(*inputs)
        if any(n < 1 for n in self.window().transposed_output(inputs[0].spatial)):
            fail(f"{self.label()}:croppingTooLarge", f"Cropping {padding_text(self.Cropping)} leaves nothing of the "
                 f"{times(self.FilterSize)} transposed convolution of an input of {times(inputs[0].spatial)}.",
                 "Reduce Cropping.")

    def check_values(self, *inputs: Dims) -> None:
        self.check_declared("NumChannels", inputs[0].channels, "channel")

    def size_rules(self, x: Dims) -> tuple[SizeRule, ...]:
        window = self.window()
        return tuple(SizeRule(f"{n}·{stride} = {out}" if self.Cropping == "same" else
                              f"({n} − 1)·{stride} + {size}{each('−', pair)} = {out}".replace("-", "−"))
                     for n, out, size, stride, pair in zip(
                         x.spatial, window.transposed_output(x.spatial), window.size, window.stride, window.padding,
                         strict=True))

    def arrays(self, *inputs: Dims) -> tuple[Array, ...]:
        return self.filters_and_bias(inputs[0].channels)

    def build(self, g: Builder, x: Value) -> Any:
        return g.conv_transposed(x, g.learnable("Weights"), g.learnable("Bias"), window=self.window())

    def describe(self) -> str:
        return (f"{self.filters_text()} transposed convolutions with stride {vector(self.Stride)} and cropping "
                f"{padding_text(self.Cropping)}")

    def rows(self) -> list[tuple[str, str, Any]]:
        return by_mode_and_size(super().rows(), "Cropping")


@layer("transposedConv2dLayer", "2-D Transposed Convolution", name="transposed-conv")
class TransposedConvolution2DLayer(TransposedConvolution, rank=2):
    """2-D transposed convolution layer: enlarges an ``h×w×c×n`` input by its stride.

    Weights are ``h×w×numFilters×c`` (filters before channels), Bias is ``1×1×numFilters``. The output size is
    (in − 1)·stride + filterSize − cropping, and in·stride with ``Cropping='same'``, where what a stride larger than the
    filters leaves open is added at the end.

    ``WeightsInitializer='bilinear'`` goes beyond MATLAB: with filters of 2·s elements for a stride s (2·s − 1 where s is
    odd), the layer starts by interpolating every channel.

    Example:
        >>> transposedConv2dLayer(4, 8, Stride=2, Cropping='same').describe()
        "8 4×4 transposed convolutions with stride [2  2] and cropping 'same'"

    Raises:
        DltoolboxError: ``dltoolbox:transposedConv2dLayer:croppingTooLarge`` when nothing would be left.

    Source:
        MathWorks documentation of transposedConv2dLayer; Long, Shelhamer and Darrell, "Fully convolutional networks for
        semantic segmentation" (2015), section 3.3, for the bilinear start.
    """

    WeightsInitializer = Property(convert.word_or_function(*WEIGHT_INITIALIZERS, "bilinear"), "glorot",
                                  "How Weights start: a name or a function of the size.", group=HIDDEN)
    BiasInitializer, WeightLearnRateFactor, BiasLearnRateFactor, WeightL2Factor, BiasL2Factor = (  # in MATLAB's order
        Filters.properties[name] for name in ("BiasInitializer", "WeightLearnRateFactor", "BiasLearnRateFactor",
                                              "WeightL2Factor", "BiasL2Factor"))

    def call_in_matlab(self, *inputs: Dims) -> Call:
        """The bilinear start as a function of the size of Weights."""
        made = super().call_in_matlab(*inputs)
        if self.WeightsInitializer != "bilinear":
            return made
        column, row = (f"(1-abs({1 - n}:2:{n - 1}){turned}/{n + n % 2})"
                       for n, turned in zip(self.FilterSize, ("'", ""), strict=True))
        start = Expression(f"@(sz) {column}.*{row}.*reshape(eye(sz(3:4)),[1 1 sz(3:4)])")
        return made._replace(options=made.options | {"WeightsInitializer": start})


@layer("transposedConv3dLayer", "3-D Transposed Convolution", name="transposed-conv3d")
class TransposedConvolution3DLayer(TransposedConvolution, rank=3):
    """3-D transposed convolution layer: enlarges an ``h×w×d×c×n`` input; as `transposedConv2dLayer` in three dimensions.

    Weights are ``h×w×d×numFilters×c``, Bias is ``1×1×1×numFilters``.

    Example:
        >>> transposedConv3dLayer(2, 16, Stride=2).describe()
        '16 2×2×2 transposed convolutions with stride [2  2  2] and cropping [0  0  0; 0  0  0]'

    Source:
        MathWorks documentation of transposedConv3dLayer.
    """
