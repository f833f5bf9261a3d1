"""Layers that take complex data, or make them."""

from __future__ import annotations

from dltoolbox.core import convert
from dltoolbox.core.dims import Dims
from dltoolbox.core.errors import fail
from dltoolbox.core.properties import HIDDEN, LEARNABLE, InvalidValue, Property
from dltoolbox.layers.base import Array, Layer, Learnable, l2_factor, layer, learn_rate_factor
from dltoolbox.layers.complex_numbers.spectral import COMPLEX_INITIALIZERS
from dltoolbox.layers.convolution import BIAS_INITIALIZERS
from dltoolbox.ops import Builder, Kind, Outputs, Value


@convert.annotated("str")
def _channels(value: object) -> str:
    """The dimension along which real and imaginary parts lie in turn: channels, of those that MATLAB has."""
    if isinstance(value, str) and value.upper() == "C":
        return "C"
    raise InvalidValue("'C'", "Pass 'C': real and imaginary parts are channels in turn, and no other dimension is "
                       "supported yet.", "notYetSupported")


class Parted(Layer):
    """The common part of both ways between real and complex data."""

    OperationDimension = Property(_channels, "C", "Dimension along which real and imaginary parts lie in turn: 'C'.")


@layer("complexToRealLayer", "Complex to Real", name="complex-to-real")
class ComplexToRealLayer(Parted):
    """Complex-to-real layer: c complex channels become 2c real ones, real and imaginary parts in turn.

    Channel 2k − 1 of the output is the real part of channel k, and channel 2k its imaginary part.

    Example:
        >>> complexToRealLayer(Name='parts').describe()
        'Complex to Real'

    Raises:
        DltoolboxError: when the network is checked, ``dltoolbox:complexToRealLayer:realData``.

    Source:
        MathWorks documentation of complexToRealLayer.
    """

    complex_inputs = "needed"

    def build(self, g: Builder, x: Value) -> Outputs:
        if x.kind is not Kind.COMPLEX and not x.dims.hidden:
            fail(f"{self.label()}:realData", f"The input of {self.label()}, {x.dims}, is real.", "Remove it. Or, if the "
                 "channels are real and imaginary parts in turn, insert realToComplexLayer before it.", layer=self.Name)
        return g.parts(x)


@layer("realToComplexLayer", "Real to Complex", name="real-to-complex")
class RealToComplexLayer(Parted):
    """Real-to-complex layer: 2c real channels become c complex ones, the inverse of `complexToRealLayer`.

    Channel k of the output has channel 2k − 1 as its real part and channel 2k as its imaginary part. So it follows input
    layers with ``SplitComplexInputs=True``.

    Example:
        >>> realToComplexLayer(Name='complex').describe()
        'Real to Complex'

    Raises:
        DltoolboxError: when the network is checked, ``dltoolbox:realToComplexLayer:channelsNotDivisible``.

    Source:
        MathWorks documentation of realToComplexLayer.
    """

    def check(self, *inputs: Dims) -> None:
        channels = inputs[0].channels
        if channels % 2:
            fail(f"{self.label()}:channelsNotDivisible", f"The {channels} channels of the input are not real and imaginary "
                 "parts in turn: their number is odd.", f"Insert {even_number(inputs[0])} before it.", layer=self.Name)

    def build(self, g: Builder, x: Value) -> Outputs:
        return g.complex(x)


def even_number(x: Dims) -> str:
    """A layer that makes one channel more."""
    return f"convolution{x.rank}dLayer(1, {x.channels + 1})" if x.rank else f"fullyConnectedLayer({x.channels + 1})"


@layer("complexReluLayer", "Complex ReLU", name="complex-relu")
class ComplexReLULayer(Layer):
    """Complex ReLU layer: max(0, x) of real parts and of imaginary parts.

    Example:
        >>> complexReluLayer(Name='relu').describe()
        'Complex ReLU'

    Source:
        MathWorks documentation of complexReluLayer; Trabelsi et al., "Deep complex networks" (2018).
    """

    activation, complex_inputs = True, "accepted"

    def build(self, g: Builder, x: Value) -> Outputs:
        return g.complex(g.relu(g.parts(x))) if x.kind is Kind.COMPLEX else g.relu(x)


@layer("zreluLayer", "zReLU", name="zrelu")
class ZReLULayer(Layer):
    """Z-ReLU layer: x where its real and imaginary parts are both at least zero, 0 elsewhere.

    Example:
        >>> zreluLayer(Name='zrelu').describe()
        'zReLU'

    Source:
        MathWorks documentation of zreluLayer; Guberman, "On complex valued convolutional neural networks" (2016).
    """

    activation, complex_inputs = True, "accepted"

    def build(self, g: Builder, x: Value) -> Outputs:
        return g.complex(g.zrelu(g.parts(x))) if x.kind is Kind.COMPLEX else g.relu(x)


@layer("complexFullyConnectedLayer", "Complex Fully Connected", name="complex-fc")
class ComplexFullyConnectedLayer(Layer):
    """Complex fully connected layer: ``Weights·x + Bias`` with complex numbers, over all features of an observation.

    Spatial inputs are flattened as by `fullyConnectedLayer`; real data have imaginary parts of zero. Weights are complex,
    ``outputSize×inputSize``, and Bias is ``outputSize×1``. They are kept as real numbers, real and imaginary parts along a
    last axis of size 2; both forms are accepted.

    Example:
        >>> complexFullyConnectedLayer(10).describe()
        '10 complex fully connected layer'

    Raises:
        DltoolboxError: ``dltoolbox:complexFullyConnectedLayer:invalidWeights`` and its like.

    Source:
        MathWorks documentation of complexFullyConnectedLayer; Trabelsi et al., "Deep complex networks" (2018).
    """

    complex_inputs = "accepted"

    OutputSize = Property(convert.count, doc="Number of complex outputs.", positional=True, argument="outputSize")
    OperationDimension = Property(convert.choice("spatial-channel"), "spatial-channel", "Dimensions that are combined: "
                                  "'spatial-channel'.", positional=True, argument="dim")
    WeightsInitializer = Property(convert.word_or_function(*COMPLEX_INITIALIZERS), "complex-glorot-normal",
                                  "How Weights start: a name or a function of the size.", group=HIDDEN)
    BiasInitializer = Property(convert.word_or_function(*BIAS_INITIALIZERS), "zeros",
                               "How Bias starts: a name or a function of the size.", group=HIDDEN)
    WeightLearnRateFactor, BiasLearnRateFactor = learn_rate_factor("Weights"), learn_rate_factor("Bias")
    WeightL2Factor, BiasL2Factor = l2_factor("Weights"), l2_factor("Bias", 0)
    Weights = Property(convert.complex_parts, None, "Initial weights; [] lets the initialiser choose.", settable=True,
                       group=LEARNABLE)
    Bias = Property(convert.complex_parts, None, "Initial bias; [] lets the initialiser choose.", settable=True,
                    group=LEARNABLE)

    def arrays(self, *inputs: Dims) -> tuple[Array, ...]:
        wide, fans = inputs[0].features, (inputs[0].features, self.OutputSize)
        return (Learnable("Weights", (self.OutputSize, wide, 2), self.WeightsInitializer, *fans, self.WeightLearnRateFactor,
                          self.WeightL2Factor),
                Learnable("Bias", (self.OutputSize, 1, 2), self.BiasInitializer, *fans, self.BiasLearnRateFactor,
                          self.BiasL2Factor))

    def build(self, g: Builder, x: Value) -> Outputs:
        real = x.kind is not Kind.COMPLEX
        return g.complex(g.complex_dense(x if real else g.parts(x), g.learnable("Weights"), g.learnable("Bias"), real=real,
                                         rank=g.vector_rank(x)))

    def describe(self) -> str:
        return f"{self.OutputSize} complex fully connected layer"
