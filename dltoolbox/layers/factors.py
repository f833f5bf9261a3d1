"""The factors on learning rate and L2 decay by the name of the learnable: MATLAB's setters and getters."""

from __future__ import annotations

from typing import Any

from dltoolbox.core.errors import fail
from dltoolbox.core.properties import show
from dltoolbox.layers.base import Layer


def setLearnRateFactor(layer: Layer, parameterName: str, factor: float) -> Layer:
    """Set the factor on the learning rate of a learnable; 0 freezes it.

    Args:
        layer: A layer. It is not changed.
        parameterName: ``'Weights'``, ``'Bias'``, ``'Offset'`` or ``'Scale'``, whichever the layer has.
        factor: A non-negative number.

    Returns:
        A copy of the layer with the factor.

    Raises:
        DltoolboxError: ``dltoolbox:setLearnRateFactor:notALayer``, ``…:unknownParameter``; and the layer's own for a
            factor that is none, such as ``dltoolbox:convolution2dLayer:invalidWeightLearnRateFactor``.

    Example:
        >>> setLearnRateFactor(fullyConnectedLayer(10), 'Weights', 0).WeightLearnRateFactor
        0.0
    """
    return changed(layer, parameterName, "LearnRateFactor", factor, "setLearnRateFactor")


def getLearnRateFactor(layer: Layer, parameterName: str) -> float:
    """The factor on the learning rate of a learnable; arguments as `setLearnRateFactor`.

    Example:
        >>> getLearnRateFactor(fullyConnectedLayer(10, BiasLearnRateFactor=2), 'Bias')
        2.0
    """
    return float(getattr(layer, factor_name(layer, parameterName, "LearnRateFactor", "getLearnRateFactor")))


def setL2Factor(layer: Layer, parameterName: str, factor: float) -> Layer:
    """Set the factor on the L2 decay of a learnable; as `setLearnRateFactor`.

    Example:
        >>> setL2Factor(batchNormalizationLayer(), 'Scale', 0).ScaleL2Factor
        0.0
    """
    return changed(layer, parameterName, "L2Factor", factor, "setL2Factor")


def getL2Factor(layer: Layer, parameterName: str) -> float:
    """The factor on the L2 decay of a learnable; arguments as `setLearnRateFactor`.

    Example:
        >>> [getL2Factor(fullyConnectedLayer(10), name) for name in ('Weights', 'Bias')]
        [1.0, 0.0]
    """
    return float(getattr(layer, factor_name(layer, parameterName, "L2Factor", "getL2Factor")))


def changed(layer: Layer, parameter: str, suffix: str, factor: Any, function: str) -> Layer:
    """A copy of the layer with another factor."""
    name = factor_name(layer, parameter, suffix, function)
    copy: Layer = layer.copy()
    setattr(copy, name, factor)
    return copy


def factor_name(layer: Any, parameter: Any, suffix: str, function: str) -> str:
    """The property that holds a factor: WeightLearnRateFactor of Weights, BiasLearnRateFactor of Bias."""
    if not isinstance(layer, Layer):
        fail(f"{function}:notALayer", f"The first argument of {function} must be a layer, but it is {show(layer)}.",
             "Pass one layer, such as net.Layers[1].")
    names = {learnable.lower(): f"{stem}{suffix}" for learnable in layer.properties
             for stem in (learnable, learnable.removesuffix("s")) if f"{stem}{suffix}" in layer.properties}
    if not isinstance(parameter, str) or parameter.lower() not in names:
        known = ", ".join(name for name in layer.properties if name.lower() in names)
        fail(f"{function}:unknownParameter", f"{layer.label()} has no learnable {show(parameter)}.",
             f"Its learnables are {known}." if known else "It has no learnables.", layer=layer.Name)
    return names[parameter.lower()]
