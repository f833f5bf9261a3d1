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
