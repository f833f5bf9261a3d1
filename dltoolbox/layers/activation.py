"""Activations and dropout: one input, one output, no learnables."""

from __future__ import annotations

from typing import Any

from dltoolbox.core import convert
from dltoolbox.core.properties import Property
from dltoolbox.core.registry import layer
from dltoolbox.layers.base import Layer
from dltoolbox.ops import Builder, Value


@layer("reluLayer", "ReLU", name="relu")
class ReLULayer(Layer):
    """Rectified linear unit layer: max(0, x), element by element.

    Example:
        >>> reluLayer(Name='relu1').describe()
        'ReLU'

    Source:
        Nair and Hinton, "Rectified linear units improve restricted Boltzmann machines" (2010).
    """

    def build(self, g: Builder, x: Value) -> Any:
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

    Scale = Property(convert.real(), 0.01, "Factor on negative values.", positional=True, argument="scale")

    def build(self, g: Builder, x: Value) -> Any:
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

    def build(self, g: Builder, x: Value) -> Any:
        return g.softmax(x)

    def describe(self) -> str:
        return "softmax"


@layer("dropoutLayer", "Dropout", name="dropout")
class DropoutLayer(Layer):
    """Dropout layer: in training, zero with the given probability and 1/(1 − probability) times x otherwise.

    In prediction it passes its input on unchanged.

    Example:
        >>> dropoutLayer().describe()
        '50% dropout'

    Source:
        Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting" (2014).
    """

    Probability = Property(convert.real(0, 1, high_open=True), 0.5, "Probability of dropping an element, in [0, 1).",
                           positional=True, argument="probability")

    def build(self, g: Builder, x: Value) -> Any:
        if not g.training or self.Probability == 0:
            return x
        y, _ = g.dropout(x, probability=self.Probability)
        return y

    def describe(self) -> str:
        return f"{100 * self.Probability:g}% dropout"


@layer("clippedReluLayer", "Clipped ReLU", name="clippedrelu")
class ClippedReLULayer(Layer):
    """Clipped rectified linear unit layer: min(max(0, x), ceiling), element by element.

    Example:
        >>> clippedReluLayer(6).describe()
        'Clipped ReLU with ceiling 6'

    Source:
        Hannun et al., "Deep Speech: scaling up end-to-end speech recognition" (2014).
    """

    Ceiling = Property(convert.real(0, low_open=True), doc="Largest value that leaves the layer.", positional=True,
                       argument="ceiling")

    def build(self, g: Builder, x: Value) -> Any:
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

    Alpha = Property(convert.real(), 1, "Minus the value that large negative inputs approach.", positional=True,
                     argument="alpha", group="")

    def build(self, g: Builder, x: Value) -> Any:
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

    def build(self, g: Builder, x: Value) -> Any:
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

    def build(self, g: Builder, x: Value) -> Any:
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

    def build(self, g: Builder, x: Value) -> Any:
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

    Approximation = Property(convert.choice("none", "tanh"), "none", "'none' or 'tanh'.")

    def build(self, g: Builder, x: Value) -> Any:
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

    def build(self, g: Builder, x: Value) -> Any:
        return g.softplus(x)
