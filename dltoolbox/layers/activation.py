"""Activations, scaling and dropout: one input, one output of the same size."""

from __future__ import annotations

import numpy as np

from dltoolbox.core import convert
from dltoolbox.core.dims import Dims, times
from dltoolbox.core.errors import fail
from dltoolbox.core.properties import LEARNABLE, Property
from dltoolbox.layers.base import Array, Layer, Learnable, l2_factor, layer, learn_rate_factor
from dltoolbox.ops import Builder, Outputs, Value


@layer("reluLayer", "ReLU", name="relu")
class ReLULayer(Layer):
    """Rectified linear unit layer: max(0, x), element by element.

    Example:
        >>> reluLayer(Name='relu1').describe()
        'ReLU'

    Source:
        Nair and Hinton, "Rectified linear units improve restricted Boltzmann machines" (2010).
    """

    activation = True

    def build(self, g: Builder, x: Value) -> Outputs:
        return g.relu(x)


@layer("leakyReluLayer", "Leaky ReLU", name="leakyrelu")
class LeakyReLULayer(Layer):
    """Leaky rectified linear unit layer: x where x ≥ 0, scale·x elsewhere.

    Example:
        >>> leakyReluLayer(0.1).describe()
        'Leaky ReLU with scale 0.1'

    Source:
        Maas, Hannun and Ng, "Rectifier nonlinearities improve neural network acoustic models" (2013).
    """

    activation = True

    Scale = Property(convert.real(), 0.01, "Factor on negative values.", positional=True, argument="scale")

    def build(self, g: Builder, x: Value) -> Outputs:
        return g.leaky_relu(x, scale=self.Scale)

    def describe(self) -> str:
        return f"Leaky ReLU with scale {self.Scale:g}"


@layer("softmaxLayer", "Softmax", name="softmax")
class SoftmaxLayer(Layer):
    """Softmax layer: exp(x) / Σ exp(x) over the channels, for every pixel and observation.

    Example:
        >>> softmaxLayer().describe()
        'softmax'

    Source:
        Bishop, "Pattern Recognition and Machine Learning" (2006), section 4.3.4.
    """

    gives_probabilities = True

    def build(self, g: Builder, x: Value) -> Outputs:
        return g.softmax(x)

    def describe(self) -> str:
        return "softmax"


class Dropping(Layer):
    """The common part of both kinds of dropout."""

    Probability = Property(convert.real(0, 1, high_open=True), 0.5, "Probability of dropping, in [0, 1).", positional=True,
                           argument="probability")

    def build(self, g: Builder, x: Value) -> Outputs:
        if not g.training or self.Probability == 0:
            return x
        return self.dropped(g, x)

    def dropped(self, g: Builder, x: Value) -> Value:
        raise NotImplementedError

    def describe(self) -> str:
        return f"{100 * self.Probability:g}% {self.type_text.lower()}"


@layer("dropoutLayer", "Dropout", name="dropout")
class DropoutLayer(Dropping):
    """Dropout layer: in training, zero with the given probability and 1/(1 − probability) times x otherwise.

    In prediction it passes its input on unchanged.

    Example:
        >>> dropoutLayer().describe()
        '50% dropout'

    Source:
        Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting" (2014).
    """

    def dropped(self, g: Builder, x: Value) -> Value:
        return g.dropout(x, probability=self.Probability)[0]


@layer("spatialDropoutLayer", "Spatial Dropout", name="spatialdropout")
class SpatialDropoutLayer(Dropping):
    """Spatial dropout layer: in training, whole channels of an observation are zero with the given probability.

    The other channels are multiplied by 1/(1 − probability). In prediction it passes its input on unchanged.

    Example:
        >>> spatialDropoutLayer(0.25).describe()
        '25% spatial dropout'

    Source:
        Tompson et al., "Efficient object localization using convolutional networks" (2015).
    """

    def dropped(self, g: Builder, x: Value) -> Value:
        return g.spatial_dropout(x, probability=self.Probability)[0]


@layer("clippedReluLayer", "Clipped ReLU", name="clippedrelu")
class ClippedReLULayer(Layer):
    """Clipped rectified linear unit layer: min(max(0, x), ceiling), element by element.

    Example:
        >>> clippedReluLayer(6).describe()
        'Clipped ReLU with ceiling 6'

    Source:
        Hannun et al., "Deep Speech: scaling up end-to-end speech recognition" (2014).
    """

    activation = True

    Ceiling = Property(convert.real(0, low_open=True), doc="Largest value that leaves the layer.", positional=True,
                       argument="ceiling")

    def build(self, g: Builder, x: Value) -> Outputs:
        return g.clipped_relu(x, ceiling=self.Ceiling)

    def describe(self) -> str:
        return f"Clipped ReLU with ceiling {self.Ceiling:g}"


@layer("eluLayer", "ELU", name="elu")
class ELULayer(Layer):
    """Exponential linear unit layer: x where x ≥ 0, alpha·(exp(x) − 1) elsewhere.

    Example:
        >>> eluLayer().describe()
        'ELU with Alpha 1'

    Source:
        Clevert, Unterthiner and Hochreiter, "Fast and accurate deep network learning by exponential linear units" (2015).
    """

    activation = True

    Alpha = Property(convert.real(), 1, "Minus the value that large negative inputs approach.", positional=True,
                     argument="alpha", group="")

    def build(self, g: Builder, x: Value) -> Outputs:
        return g.elu(x, alpha=self.Alpha)

    def describe(self) -> str:
        return f"ELU with Alpha {self.Alpha:g}"


@layer("tanhLayer", "Tanh", name="tanh")
class TanhLayer(Layer):
    """Hyperbolic tangent layer.

    Example:
        >>> tanhLayer().describe()
        'Hyperbolic tangent'

    Source:
        LeCun et al., "Efficient backprop" (1998).
    """

    activation = True

    def build(self, g: Builder, x: Value) -> Outputs:
        return g.tanh(x)

    def describe(self) -> str:
        return "Hyperbolic tangent"


@layer("sigmoidLayer", "Sigmoid", name="sigmoid")
class SigmoidLayer(Layer):
    """Sigmoid layer: 1/(1 + exp(−x)).

    Example:
        >>> sigmoidLayer().describe()
        'sigmoid'

    Source:
        Bishop, "Pattern Recognition and Machine Learning" (2006), section 4.2.
    """

    activation = True

    def build(self, g: Builder, x: Value) -> Outputs:
        return g.sigmoid(x)

    def describe(self) -> str:
        return "sigmoid"


@layer("swishLayer", "Swish", name="swish")
class SwishLayer(Layer):
    """Swish layer: x/(1 + exp(−x)).

    Example:
        >>> swishLayer().describe()
        'Swish'

    Source:
        Ramachandran, Zoph and Le, "Searching for activation functions" (2017).
    """

    activation = True

    def build(self, g: Builder, x: Value) -> Outputs:
        return g.swish(x)


@layer("geluLayer", "GELU", name="gelu")
class GELULayer(Layer):
    """Gaussian error linear unit layer: x·Φ(x) = x/2·(1 + erf(x/√2)).

    With ``Approximation='tanh'`` it is x/2·(1 + tanh(√(2/π)·(x + 0.044715·x³))).

    Example:
        >>> geluLayer().describe()
        'GELU'

    Source:
        Hendrycks and Gimpel, "Gaussian error linear units" (2016).
    """

    activation = True

    Approximation = Property(convert.choice("none", "tanh"), "none", "'none' or 'tanh'.")

    def build(self, g: Builder, x: Value) -> Outputs:
        return g.gelu(x, approximation=self.Approximation)


@layer("softplusLayer", "Softplus", name="softplus")
class SoftplusLayer(Layer):
    """Softplus layer: log(1 + exp(x)), a smooth rectifier whose output is positive.

    Example:
        >>> softplusLayer().describe()
        'Softplus'

    Source:
        Dugas et al., "Incorporating second-order functional knowledge for better option pricing" (2000).
    """

    activation = True

    def build(self, g: Builder, x: Value) -> Outputs:
        return g.softplus(x)


def expanded_shape(values: np.ndarray) -> tuple[int, ...]:
    """MATLAB's size of a scalar, a row (one dimension) or an array."""
    return (1,) * max(2 - values.ndim, 0) + values.shape


def check_expansion(layer: Layer, name: str, x: Dims) -> None:
    """An array must fit its input: every size is 1 or the input's, and the observations share it."""
    if x.hidden:
        return
    shape = expanded_shape(getattr(layer, name))
    fits = (*(n for n in x.folded.sizes[:-1] if n is not None), 1)
    padded = shape + (1,) * (len(fits) - len(shape))
    if len(padded) > len(fits) or any(n not in (1, wanted) for n, wanted in zip(padded, fits, strict=True)):
        channel = (*[1] * x.rank, x.channels, *[1] * (not x.rank))
        fail(f"{layer.label()}:invalid{name}Size", f"{name} has size {times(shape)}, which does not expand to an input of "
             f"size {times(fits[:-1])}.", f"Pass a scalar, one value per channel ({times(channel)}), or an array whose "
             "sizes are 1 or those of the input.", layer=layer.Name)


@layer("preluLayer", "PReLU", name="prelu")
class PReLULayer(Layer):
    """Parametrised rectified linear unit layer: x where x > 0, Alpha·x elsewhere, with Alpha learned.

    A scalar Alpha is shared by all elements; ``1×1×c`` for images, ``1×1×1×c`` for volumes and ``c×1`` for features give
    every channel its own. Alpha expands against the input as in MATLAB, so a list is a row.

    Example:
        >>> preluLayer(Name='prelu1').Alpha
        array(0.25)

    Raises:
        DltoolboxError: ``dltoolbox:preluLayer:invalidAlphaSize`` if Alpha does not expand to the input.

    Source:
        He et al., "Delving deep into rectifiers" (2015).
    """

    activation = True

    AlphaLearnRateFactor, AlphaL2Factor = learn_rate_factor("Alpha"), l2_factor("Alpha")
    Alpha = Property(convert.filled_array, 0.25, "Multiplier of negative inputs at the start.", settable=True,
                     group=LEARNABLE)

    def check_parameters(self, *inputs: Dims) -> None:
        check_expansion(self, "Alpha", inputs[0])

    def arrays(self, *inputs: Dims) -> tuple[Array, ...]:
        return (Learnable("Alpha", expanded_shape(self.Alpha), learn_rate_factor=self.AlphaLearnRateFactor,
                          l2_factor=self.AlphaL2Factor),)

    def build(self, g: Builder, x: Value) -> Outputs:
        return g.prelu(x, g.learnable("Alpha"))


@layer("scalingLayer", "Scaling", name="scaling")
class ScalingLayer(Layer):
    """Scaling layer: Scale·x + Bias, with constants that training leaves as they are.

    Both expand against the input as in MATLAB: scalars, ``1×1×c`` per channel of images, ``c×1`` of features, or one value
    per element; a list is a row.

    Example:
        >>> scalingLayer(Scale=2, Bias=-1).describe()
        'Scaling'

    Raises:
        DltoolboxError: ``dltoolbox:scalingLayer:invalidScaleSize`` or ``…:invalidBiasSize`` if one does not expand to the
            input.

    Source:
        MathWorks documentation of scalingLayer.
    """

    Scale = Property(convert.filled_array, 1, "Factor.", settable=True)
    Bias = Property(convert.filled_array, 0, "Values to add.", settable=True)

    def check_parameters(self, *inputs: Dims) -> None:
        for name in ("Scale", "Bias"):
            check_expansion(self, name, inputs[0])

    def arrays(self, *inputs: Dims) -> tuple[Array, ...]:
        return tuple(Array(name, expanded_shape(getattr(self, name))) for name in ("Scale", "Bias"))

    def build(self, g: Builder, x: Value) -> Outputs:
        return g.affine(x, g.state("Scale"), g.state("Bias"))


@layer("quadraticLayer", "Quadratic", name="quadratic")
class QuadraticLayer(Layer):
    """Quadratic layer: the products of two channels, each pair once, as channels.

    Channels u₁, u₂, u₃ become u₁u₁, u₁u₂, u₂u₂, u₁u₃, u₂u₃, u₃u₃; c channels become c·(c + 1)/2. A fully connected layer
    behind it is any quadratic form of them. Positions and time steps do not see one another.

    Example:
        >>> quadraticLayer(Name='square').describe()
        'Quadratic'

    Source:
        MathWorks documentation of quadraticLayer.
    """

    def build(self, g: Builder, x: Value) -> Outputs:
        return g.quadratic_monomials(x)
