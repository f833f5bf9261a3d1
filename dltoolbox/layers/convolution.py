"""Convolution, transposed convolution and the fully connected layer."""

from __future__ import annotations

from math import prod
from typing import Any, ClassVar

from dltoolbox.core import convert
from dltoolbox.core.errors import fail
from dltoolbox.core.formats import Dims, times, vector
from dltoolbox.core.geometry import Window, same_cropping
from dltoolbox.core.properties import HIDDEN, ByRank, Property
from dltoolbox.core.registry import layer
from dltoolbox.layers.base import Array, Layer, Learnable
from dltoolbox.layers.windowed import SpatialLayer, Windowed, by_mode_and_size, padding_mode, padding_text, padding_vector
from dltoolbox.ops import Builder, Value

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
    WeightLearnRateFactor = Property(convert.real(0), 1, "Factor on the learning rate of Weights.", settable=True,
                                     group=HIDDEN)
    BiasLearnRateFactor = Property(convert.real(0), 1, "Factor on the learning rate of Bias.", settable=True,
                                   group=HIDDEN)
    WeightL2Factor = Property(convert.real(0), 1, "Factor on the L2 decay of Weights.", settable=True, group=HIDDEN)
    BiasL2Factor = Property(convert.real(0), 0, "Factor on the L2 decay of Bias; 0: it is not decayed.", settable=True,
                            group=HIDDEN)
    Weights = Property(convert.array, None, "Initial weights; [] lets the initialiser choose.", settable=True,
                       group="Learnable Parameters")
    Bias = Property(convert.array, None, "Initial bias; [] lets the initialiser choose.", settable=True,
                    group="Learnable Parameters")

    def weights_and_bias(self, weights: tuple[int, ...], bias: tuple[int, ...], fan_in: int,
                         fan_out: int) -> tuple[Array, ...]:
        return (Learnable("Weights", weights, self.WeightsInitializer, fan_in, fan_out, self.WeightLearnRateFactor,
                          self.WeightL2Factor),
                Learnable("Bias", bias, self.BiasInitializer, fan_in, fan_out, self.BiasLearnRateFactor,
                          self.BiasL2Factor))

    def given_channels(self) -> Any:
        """The channels that the description prints: from Weights where they are given in full, else as declared."""
        name, axis = self.size_in
        in_full = self.Weights is not None and self.Weights.ndim == self.rank + 2
        return self.Weights.shape[axis] if in_full else self.__dict__[name]

    def settle(self) -> None:
        name, axis = self.size_in
        self.__dict__[name] = self.Weights.shape[axis]


class Convolution(Weighted, Windowed):
    """Convolution in any number of dimensions (cross-correlation: the filters are not flipped)."""

    size_property = "FilterSize"

    FilterSize = Property(ByRank(convert.sizes), doc="Size of the filters per dimension.", positional=True,
                          argument="filterSize")
    NumChannels = Property(convert.either("auto", convert.integer(1)), "auto", "Channels of the input.")
    NumFilters = Property(convert.integer(1), doc="Number of filters: the channels of the output.", positional=True,
                          argument="numFilters")
    Stride = Windowed.properties["Stride"]
    DilationFactor = Property(ByRank(convert.sizes), 1, "Spacing of the filter's elements per dimension.")
    Padding = Windowed.properties["Padding"]
    PaddingValue = Property(convert.number_or_word(*EDGE_MODES), 0, "What padding holds: a number, or values of the input.")

    def check(self, *inputs: Dims) -> None:
        super().check(*inputs)
        x = inputs[0]
        self.check_declared("NumChannels", x.channels, "channels")
        if self.PaddingValue == "symmetric-exclude-edge":
            for n, pair in zip(x.spatial, self.window(x).padding, strict=True):
                if max(pair) >= n:
                    fail(f"{self.label()}:paddingTooLarge", f"Mirroring without the edge needs padding smaller than the "
                         f"input, but padding is {max(pair)} and the input has {n} elements.", "Use less padding.")

    def arrays(self, *inputs: Dims) -> tuple[Array, ...]:
        channels, taps = inputs[0].channels, prod(self.FilterSize)
        return self.weights_and_bias((*self.FilterSize, channels, self.NumFilters), (*[1] * self.rank, self.NumFilters),
                                     taps * channels, taps * self.NumFilters)

    def build(self, g: Builder, x: Value) -> Any:
        window = self.window(x.dims)
        if window.padded and self.PaddingValue != 0:
            word = isinstance(self.PaddingValue, str)
            x = g.pad_edges(x, padding=window.padding, mode=self.PaddingValue if word else "constant",
                            value=0.0 if word else self.PaddingValue)
            window = Window.of(window.size, window.stride, dilation=window.dilation)
        return g.conv(x, g.learnable("Weights"), g.learnable("Bias"), window=window)

    def describe(self) -> str:
        channels = self.given_channels()
        size = self.FilterSize if channels == "auto" else (*self.FilterSize, channels)
        return f"{self.NumFilters} {times(size)} convolutions {self.window_text()}"


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


@layer("transposedConv2dLayer", "2-D Transposed Convolution", name="transposed-conv")
class TransposedConvolution2DLayer(Weighted, SpatialLayer):
    """2-D transposed convolution layer: enlarges an ``h×w×c×n`` input by its stride.

    Weights are ``h×w×numFilters×c`` (filters before channels). The output size is (in − 1)·stride + filterSize − cropping,
    and in·stride with ``Cropping='same'``.

    Example:
        >>> transposedConv2dLayer(4, 8, Stride=2, Cropping='same').describe()
        "8 4×4 transposed convolutions with stride [2  2] and cropping 'same'"

    Raises:
        DltoolboxError: ``dltoolbox:transposedConv2dLayer:croppingTooLarge`` when nothing would be left.

    Source:
        MathWorks documentation of transposedConv2dLayer.
    """

    rank = 2
    size_in = ("NumChannels", -1)

    FilterSize = Property(ByRank(convert.sizes), doc="Size of the filters per dimension.", positional=True,
                          argument="filterSize")
    NumChannels = Property(convert.either("auto", convert.integer(1)), "auto", "Channels of the input.")
    NumFilters = Property(convert.integer(1), doc="Number of filters: the channels of the output.", positional=True,
                          argument="numFilters")
    Stride = Property(ByRank(convert.sizes), 1, "Up-sampling factor per dimension.")
    Cropping = Property(ByRank(convert.padding), 0, "Output elements removed per edge, or 'same'.")

    @property
    def CroppingMode(self) -> str:
        return padding_mode(self.Cropping)

    @property
    def CroppingSize(self) -> list[Any]:
        return padding_vector(self.Cropping)

    def validate(self) -> None:
        if self.Cropping == "same" and any(s > f for s, f in zip(self.Stride, self.FilterSize, strict=True)):
            fail(f"{self.label()}:croppingTooLarge", f"Cropping 'same' needs filters at least as large as the stride, but "
                 f"the filters are {times(self.FilterSize)} and the stride is {vector(self.Stride)}.",
                 "Enlarge filterSize or reduce Stride.", layer=self.Name)

    def window(self) -> Window:
        cropping = same_cropping(self.FilterSize, self.Stride) if self.Cropping == "same" else self.Cropping
        return Window.of(self.FilterSize, self.Stride, cropping)

    def check(self, *inputs: Dims) -> None:
        super().check(*inputs)
        self.check_declared("NumChannels", inputs[0].channels, "channels")
        out = self.window().transposed_output(inputs[0].spatial)
        if min(out) < 1:
            fail(f"{self.label()}:croppingTooLarge", f"Cropping {padding_text(self.Cropping)} leaves nothing of the "
                 f"{times(self.FilterSize)} transposed convolution of an input of {times(inputs[0].spatial)}.",
                 "Reduce Cropping.")

    def arrays(self, *inputs: Dims) -> tuple[Array, ...]:
        channels, taps = inputs[0].channels, prod(self.FilterSize)
        return self.weights_and_bias((*self.FilterSize, self.NumFilters, channels), (1, 1, self.NumFilters),
                                     taps * channels, taps * self.NumFilters)

    def build(self, g: Builder, x: Value) -> Any:
        return g.conv_transposed(x, g.learnable("Weights"), g.learnable("Bias"), window=self.window())

    def describe(self) -> str:
        channels = self.given_channels()
        size = self.FilterSize if channels == "auto" else (*self.FilterSize, channels)
        return (f"{self.NumFilters} {times(size)} transposed convolutions with stride {vector(self.Stride)} and cropping "
                f"{padding_text(self.Cropping)}")

    def rows(self) -> list[tuple[str, str, Any]]:
        return by_mode_and_size(super().rows(), "Cropping")


@layer("fullyConnectedLayer", "Fully Connected", name="fc")
class FullyConnectedLayer(Weighted):
    """Fully connected layer: ``Weights·x + Bias`` over all features of an observation.

    Spatial inputs are flattened column-major (h, w, c), as MATLAB does. Weights are ``outputSize×inputSize``, Bias is
    ``outputSize×1``; the output has format CB.

    Example:
        >>> fullyConnectedLayer(10, Name='fc').describe()
        '10 fully connected layer'

    Source:
        MathWorks documentation of fullyConnectedLayer.
    """

    size_in = ("InputSize", -1)

    InputSize = Property(convert.either("auto", convert.integer(1)), "auto", "Number of input features.")
    OutputSize = Property(convert.integer(1), doc="Number of outputs.", positional=True, argument="outputSize")

    def check(self, *inputs: Dims) -> None:
        self.check_declared("InputSize", inputs[0].features, "features")

    def arrays(self, *inputs: Dims) -> tuple[Array, ...]:
        features = inputs[0].features
        return self.weights_and_bias((self.OutputSize, features), (self.OutputSize, 1), features, self.OutputSize)

    def build(self, g: Builder, x: Value) -> Any:
        return g.dense(x, g.learnable("Weights"), g.learnable("Bias"))

    def describe(self) -> str:
        return f"{self.OutputSize} fully connected layer"
