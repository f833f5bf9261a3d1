"""Layers with weights and a bias: convolution, grouped and transposed, and the fully connected layer."""

from __future__ import annotations

from math import prod
from typing import ClassVar, Literal

from dltoolbox.core import convert
from dltoolbox.core.dims import Dims, times, vector
from dltoolbox.core.display import counted
from dltoolbox.core.errors import fail
from dltoolbox.core.geometry import Window, same_cropping
from dltoolbox.core.properties import HIDDEN, LEARNABLE, ByRank, Property
from dltoolbox.layers.base import Array, Layer, Learnable, Row, l2_factor, layer, learn_rate_factor
from dltoolbox.layers.windowed import (
    SizeRule,
    SpatialLayer,
    Vector,
    Windowed,
    by_mode_and_size,
    edge_terms,
    padding_mode,
    padding_text,
    padding_vector,
)
from dltoolbox.ops import Builder, Outputs, Value

WEIGHT_INITIALIZERS = ("glorot", "he", "orthogonal", "narrow-normal", "zeros", "ones")
BIAS_INITIALIZERS = ("zeros", "narrow-normal", "ones")
EDGE_MODES = ("symmetric-include-edge", "symmetric-exclude-edge", "replicate")


class Weighted(Layer):
    """Weights and a bias: initialisers, values, and the factors on their learning rate and L2 decay."""

    size_in: ClassVar[tuple[str, int]] = ("NumChannels", -2)  # property for the size of the input, its axis in Weights

    WeightsInitializer = Property(convert.word_or_function(*WEIGHT_INITIALIZERS), "glorot",
                                  "How Weights start: a name or a function of the size.", group=HIDDEN)
    BiasInitializer = Property(convert.word_or_function(*BIAS_INITIALIZERS), "zeros",
                               "How Bias starts: a name or a function of the size.", group=HIDDEN)
    WeightLearnRateFactor, BiasLearnRateFactor = learn_rate_factor("Weights"), learn_rate_factor("Bias")
    WeightL2Factor, BiasL2Factor = l2_factor("Weights"), l2_factor("Bias", 0)
    Weights = Property(convert.array, None, "Initial weights; [] lets the initialiser choose.", settable=True,
                       group=LEARNABLE)
    Bias = Property(convert.array, None, "Initial bias; [] lets the initialiser choose.", settable=True, group=LEARNABLE)

    def weights_and_bias(self, weights: tuple[int, ...], bias: tuple[int, ...], fan_in: int, fan_out: int, *,
                         grouped: bool = False) -> tuple[Array, ...]:
        return (Learnable("Weights", weights, self.WeightsInitializer, fan_in, fan_out, self.WeightLearnRateFactor,
                          self.WeightL2Factor, grouped),
                Learnable("Bias", bias, self.BiasInitializer, fan_in, fan_out, self.BiasLearnRateFactor,
                          self.BiasL2Factor, grouped))

    def given_channels(self) -> int | Literal["auto"]:
        """The channels that the description prints: from Weights where they are given in full, else as declared."""
        name, axis = self.size_in
        if self.Weights is not None and self.Weights.ndim == self.rank + 2:
            values: int = self.Weights.shape[axis]
            return values
        declared: int | Literal["auto"] = getattr(self, name)
        return declared

    def resolve_auto(self) -> None:
        name, axis = self.size_in
        assert self.Weights is not None
        self.__dict__[name] = self.Weights.shape[axis]


class Filters(Weighted):
    """Filters over all channels: their size and number, and the channels of the input."""

    FilterSize = Property(ByRank(convert.sizes), doc="Size of the filters per dimension.", positional=True,
                          argument="filterSize")
    NumChannels = Property(convert.either("auto", convert.count), "auto", "Channels of the input.")
    NumFilters = Property(convert.count, doc="Number of filters: the channels of the output.", positional=True,
                          argument="numFilters")

    def filters_and_bias(self, channels: int) -> tuple[Array, ...]:
        """Weights for an input of so many channels; ``size_in`` says where they stand in the size."""
        taps, order = prod(self.FilterSize), (channels, self.NumFilters)
        weights = (*self.FilterSize, *(order if self.size_in[1] == -2 else order[::-1]))
        return self.weights_and_bias(weights, (*[1] * self.rank, self.NumFilters), taps * channels, taps * self.NumFilters)

    def weights_in(self, g: Builder, more: int) -> tuple[Value, Value]:
        """Weights and Bias for maps that have so many dimensions of size 1 more."""
        return g.learnable("Weights", more), g.learnable("Bias")

    def filters_text(self) -> str:
        """``8 3×3×16``: number and size of the filters, with their channels where they are known."""
        channels = self.given_channels()
        return f"{self.NumFilters} {times(self.FilterSize if isinstance(channels, str) else (*self.FilterSize, channels))}"


class Sliding(Windowed):
    """Filters that slide over the input: dilated, over padding that may hold other values than zeros."""

    size_property = "FilterSize"

    DilationFactor = Property(ByRank(convert.sizes), 1, "Spacing of the filter's elements per dimension.")
    Padding = Windowed.Padding
    PaddingValue = Property(convert.number_or_word(*EDGE_MODES), 0, "Values of padding: a number, or those of the input.")

    def check(self, *inputs: Dims) -> None:
        super().check(*inputs)
        x = inputs[0]
        if self.PaddingValue == "symmetric-exclude-edge":
            for n, pair in zip(self.slid(x), self.window(x).padding, strict=True):
                if n is not None and n - 1 < max(pair):
                    fail(f"{self.label()}:paddingTooLarge", f"Mirroring without the edge needs padding smaller than the "
                         f"input, but padding is {max(pair)} and the input has {counted(n, 'element')}.",
                         f"Set Padding to at most {n - 1}.")

    def slid_over(self, g: Builder, x: Value) -> tuple[Value, Window]:
        """The input, with padding where that is not zeros, and the window that slides over it."""
        window = self.window_over(x)
        if self.PaddingValue == 0 or not (window.padded or window.open):
            return x, window
        mode, value = ((self.PaddingValue, 0.0) if isinstance(self.PaddingValue, str) else
                       ("constant", self.PaddingValue))
        padded = g.pad_edges(x, padding=window.padding, mode=mode, value=value, way=self.way(x.dims))
        return padded, Window.of(window.size, window.stride, dilation=window.dilation)


class Convolution(Sliding, Filters):
    """Convolution in any number of dimensions (cross-correlation: the filters are not flipped)."""

    def check_parameters(self, *inputs: Dims) -> None:
        self.check_declared_size("NumChannels", inputs[0].channels, "channel")

    def arrays(self, *inputs: Dims) -> tuple[Array, ...]:
        return self.filters_and_bias(inputs[0].channels)

    def build(self, g: Builder, x: Value) -> Outputs:
        x, window = self.slid_over(g, x)
        return g.conv(x, *self.weights_in(g, window.rank - self.rank), window=window, way=self.way(x.dims))

    def describe(self) -> str:
        return f"{self.filters_text()} convolutions {self.window_text()}"


@layer("convolution1dLayer", "1-D Convolution", name="conv1d")
class Convolution1DLayer(Convolution, rank=1):
    """1-D convolution layer: ``numFilters`` filters slide over the time of sequences ``c×t``, or over space.

    Of ``s×c×n`` and of sequences ``s×c×t`` that is the dimension s.

    Weights are ``filterSize×c×numFilters``, Bias is ``1×numFilters``. The output has
    floor((in − ((filterSize − 1)·dilation + 1) + padding) / stride) + 1 elements; with ``Padding='same'``
    ceil(in / stride). ``Padding='causal'`` puts (filterSize − 1)·dilation elements in front, so that no step sees a later
    one.

    Example:
        >>> convolution1dLayer(3, 32, Padding='causal').describe()
        "32 3 convolutions with stride 1 and padding 'causal'"

    Raises:
        DltoolboxError: ``dltoolbox:convolution1dLayer:invalidFilterSize`` and its like; when the network is checked,
            ``…:windowTooLarge`` and ``…:numChannelsMismatch``.

    Source:
        MathWorks documentation of convolution1dLayer; van den Oord et al., "WaveNet" (2016), for causal convolution.
    """

    DilationFactor = Sliding.DilationFactor
    Padding = Property(ByRank(convert.padding_or_causal), 0, "Padding of the input: numbers of elements per end, 'same' or "
                       "'causal'.")
    PaddingValue = Sliding.PaddingValue


@layer("convolution2dLayer", "2-D Convolution", name="conv")
class Convolution2DLayer(Convolution, rank=2):
    """2-D convolution layer: ``numFilters`` filters slide over an ``h×w×c×n`` input.

    Weights are ``h×w×c×numFilters``, Bias is ``1×1×numFilters``. The output size is
    floor((in − ((filterSize − 1)·dilation + 1) + padding) / stride) + 1 per dimension; with ``Padding='same'`` it is
    ceil(in / stride).

    Example:
        >>> convolution2dLayer(3, 8, Padding='same').describe()
        "8 3×3 convolutions with stride [1  1] and padding 'same'"

    Raises:
        DltoolboxError: ``dltoolbox:convolution2dLayer:invalidFilterSize`` and its like; when the network is checked,
            ``…:windowTooLarge`` and ``…:numChannelsMismatch``.

    Source:
        MathWorks documentation of convolution2dLayer; Glorot and Bengio (2010) and He et al. (2015) for the initialisers.
    """


@layer("convolution3dLayer", "3-D Convolution", name="conv3d")
class Convolution3DLayer(Convolution, rank=3):
    """3-D convolution layer: filters slide over an ``h×w×d×c×n`` input; as `convolution2dLayer` in three dimensions.

    Weights are ``h×w×d×c×numFilters``, Bias is ``1×1×1×numFilters``.

    Example:
        >>> convolution3dLayer(3, 16).describe()
        '16 3×3×3 convolutions with stride [1  1  1] and padding [0  0  0; 0  0  0]'

    Source:
        MathWorks documentation of convolution3dLayer.
    """


class GroupedFilters(Weighted):
    """Filters over the channels of one group each."""

    not_in_matlab = ("NumChannelsPerGroup",)

    FilterSize = Filters.FilterSize
    NumChannelsPerGroup = Property(convert.either("auto", convert.count), "auto", "Channels of one group of the input.")
    NumFiltersPerGroup = Property(convert.count, doc="Number of filters of each group.", positional=True,
                                  argument="numFiltersPerGroup")
    NumGroups = Property(convert.either("channel-wise", convert.count), doc="Number of groups, or 'channel-wise': one "
                         "per channel.", positional=True, argument="numGroups")


@layer("groupedConvolution2dLayer", "2-D Grouped Convolution", name="groupedconv")
class GroupedConvolution2DLayer(Sliding, GroupedFilters, rank=2):
    """2-D grouped convolution layer: the channels are divided into groups, each with filters of its own.

    ``numGroups`` is a divisor of the number of channels, or ``'channel-wise'`` for a group per channel (depth-wise
    convolution). Weights are ``h×w×channelsPerGroup×filtersPerGroup×groups``, Bias is ``1×1×filtersPerGroup×groups``.
    The output has numGroups·numFiltersPerGroup channels, those of the first group first. Padding, stride and dilation
    are those of `convolution2dLayer`; the initialisers count the inputs and outputs of one group.

    Example:
        >>> groupedConvolution2dLayer(5, 128, 2, Padding=2).describe()
        '2 groups of 128 5×5 convolutions with stride [1  1] and padding [2  2  2  2]'

    Raises:
        DltoolboxError: ``dltoolbox:groupedConvolution2dLayer:invalidNumGroups`` and its like; when the network is checked,
            ``…:channelsNotDivisible``, ``…:numChannelsPerGroupMismatch``, ``…:windowTooLarge``.

    Source:
        MathWorks documentation of groupedConvolution2dLayer; Krizhevsky, Sutskever and Hinton, "ImageNet classification
        with deep convolutional neural networks" (2012); Chollet, "Xception" (2016) for one group per channel.
    """

    def groups(self, x: Dims) -> int:
        return x.channels if self.NumGroups == "channel-wise" else int(self.NumGroups)

    def check(self, *inputs: Dims) -> None:
        super().check(*inputs)
        self.check_divisible(inputs[0].channels, self.groups(inputs[0]))

    def check_parameters(self, *inputs: Dims) -> None:
        self.check_declared_size("NumChannelsPerGroup", inputs[0].channels // self.groups(inputs[0]), "channel",
                                 " per group")

    def arrays(self, *inputs: Dims) -> tuple[Array, ...]:
        groups, filters, taps = self.groups(inputs[0]), self.NumFiltersPerGroup, prod(self.FilterSize)
        channels = inputs[0].channels // groups
        return self.weights_and_bias((*self.FilterSize, channels, filters, groups), (1, 1, filters, groups),
                                     taps * channels, taps * filters, grouped=True)

    def resolve_auto(self) -> None:
        assert self.Weights is not None
        *_, self.__dict__["NumChannelsPerGroup"], _, self.__dict__["NumGroups"] = self.Weights.shape

    def build(self, g: Builder, x: Value) -> Outputs:
        x, window = self.slid_over(g, x)
        return g.grouped_conv(x, g.learnable("Weights"), g.learnable("Bias"), window=window, way=self.way(x.dims))

    def describe(self) -> str:
        groups, channels = self.NumGroups, self.NumChannelsPerGroup
        if self.Weights is not None and self.Weights.ndim == 5:
            *_, channels, _, groups = self.Weights.shape
        channels = 1 if groups == "channel-wise" else channels
        size = self.FilterSize if isinstance(channels, str) else (*self.FilterSize, channels)
        parts = "Channel-wise groups" if groups == "channel-wise" else f"{groups} groups"
        return f"{parts} of {self.NumFiltersPerGroup} {times(size)} convolutions {self.window_text()}"


@layer("fullyConnectedLayer", "Fully Connected", name="fc")
class FullyConnectedLayer(Weighted):
    """Fully connected layer: ``Weights·x + Bias`` over all features of an observation.

    Spatial inputs are flattened column-major (h, w, c), as MATLAB does. Weights are ``outputSize×inputSize``, Bias is
    ``outputSize×1``. In networks for trainNetwork the output of images is ``1×1×outputSize`` (format SSCB); in a dlnetwork
    it has no spatial dimensions (CB).

    Example:
        >>> fullyConnectedLayer(10, Name='fc').describe()
        '10 fully connected layer'

    Source:
        MathWorks documentation of fullyConnectedLayer.
    """

    size_in = ("InputSize", -1)
    not_in_matlab = ("InputSize",)

    InputSize = Property(convert.either("auto", convert.count), "auto", "Number of input features.")
    OutputSize = Property(convert.count, doc="Number of outputs.", positional=True, argument="outputSize")

    def check_parameters(self, *inputs: Dims) -> None:
        self.check_declared_size("InputSize", inputs[0].features, "feature")

    def arrays(self, *inputs: Dims) -> tuple[Array, ...]:
        features = inputs[0].features
        return self.weights_and_bias((self.OutputSize, features), (self.OutputSize, 1), features, self.OutputSize)

    def build(self, g: Builder, x: Value) -> Outputs:
        return g.dense(x, g.learnable("Weights"), g.learnable("Bias"), rank=g.vector_rank(x) or 0)

    def describe(self) -> str:
        return f"{self.OutputSize} fully connected layer"


class TransposedConvolution(SpatialLayer, Filters):
    """Transposed convolution in any number of dimensions."""

    size_in = ("NumChannels", -1)
    over_time = True

    Stride = Property(ByRank(convert.sizes), 1, "Up-sampling factor per dimension.")
    Cropping = Property(ByRank(convert.padding), 0, "Output elements removed per edge, or 'same'.")

    @property
    def CroppingMode(self) -> str:
        return padding_mode(self.Cropping)

    @property
    def CroppingSize(self) -> Vector:
        return padding_vector(self.Cropping)

    def window(self) -> Window:
        cropping = same_cropping(self.FilterSize, self.Stride) if isinstance(self.Cropping, str) else self.Cropping
        return Window.of(self.FilterSize, self.Stride, cropping)

    def check(self, *inputs: Dims) -> None:
        super().check(*inputs)
        spatial = self.slid(inputs[0])
        if any(n is not None and n < 1 for n in self.window().transposed_output(spatial)):
            fail(f"{self.label()}:croppingTooLarge", f"Cropping {padding_text(self.Cropping)} leaves nothing of the "
                 f"{times(self.FilterSize)} transposed convolution of an input of {times(spatial)}.",
                 f"Set Cropping=0, or crop less than the {times(self.whole(spatial))} that it makes without.")

    def whole(self, spatial: tuple[int, ...]) -> tuple[int, ...]:
        """Sizes of the output before anything is cropped."""
        return Window.of(self.FilterSize, self.Stride).transposed_output(spatial)

    def check_parameters(self, *inputs: Dims) -> None:
        self.check_declared_size("NumChannels", inputs[0].channels, "channel")

    def size_rules(self, x: Dims) -> tuple[SizeRule, ...]:
        window, spatial = self.window(), self.slid(x)
        rules = []
        for n, out, size, stride, pair in zip(spatial, window.transposed_output(spatial), window.size, window.stride,
                                              window.padding, strict=True):
            length = "T" if n is None else n
            text = (f"{length}·{stride}" if self.Cropping == "same" else
                    f"({length} − 1)·{stride} + {size}{edge_terms('−', pair)}")
            rules.append(SizeRule((text if n is None else f"{text} = {out}").replace("-", "−")))
        return tuple(rules)

    def arrays(self, *inputs: Dims) -> tuple[Array, ...]:
        return self.filters_and_bias(inputs[0].channels)

    def build(self, g: Builder, x: Value) -> Outputs:
        window = self.window().in_rank(self.rank_of(x))
        return g.conv_transposed(x, *self.weights_in(g, window.rank - self.rank), window=window, way=self.way(x.dims))

    def describe(self) -> str:
        return (f"{self.filters_text()} transposed convolutions with stride {vector(self.Stride)} and cropping "
                f"{padding_text(self.Cropping)}")

    def rows(self) -> list[Row]:
        return by_mode_and_size(super().rows(), "Cropping", self.Cropping)


@layer("transposedConv1dLayer", "1-D Transposed Convolution", name="transposed-conv1d")
class TransposedConvolution1DLayer(TransposedConvolution, rank=1):
    """1-D transposed convolution layer: lengthens sequences ``c×t``, or space, by its stride.

    As `transposedConv2dLayer` in one dimension; of ``s×c×n`` and of sequences ``s×c×t`` that is s.

    Weights are ``filterSize×numFilters×c``, Bias is ``1×numFilters``.

    Example:
        >>> transposedConv1dLayer(4, 8, Stride=2, Cropping='same').describe()
        "8 4 transposed convolutions with stride 2 and cropping 'same'"

    Source:
        MathWorks documentation of transposedConv1dLayer.
    """


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
        Filters.BiasInitializer, Filters.WeightLearnRateFactor, Filters.BiasLearnRateFactor, Filters.WeightL2Factor,
        Filters.BiasL2Factor)


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
