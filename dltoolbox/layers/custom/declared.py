"""Learnables and states as a class of layers declares them."""

from __future__ import annotations

import numpy as np

from dltoolbox.core import convert
from dltoolbox.core.errors import fail
from dltoolbox.core.properties import LEARNABLE, STATE, InvalidValue, Property, show
from dltoolbox.layers.base import Factor, l2_factor, learn_rate_factor


class LearnableProperty(Property[np.ndarray | None]):
    """A learnable that a class declares, and the properties that hold its factors."""

    def factor_properties(self) -> dict[str, Property[Factor]]:
        """By name; those that a class declares itself take their place."""
        rate, decay = learn_rate_factor(self.name), l2_factor(self.name)
        rate.default, decay.default = self.factors
        return {f"{self.name}LearnRateFactor": rate, f"{self.name}L2Factor": decay}

    def __init__(self, value: object, factors: tuple[object, object]) -> None:
        super().__init__(convert.array, value, "A learnable; [] is left to initialize.", settable=True, group=LEARNABLE)
        self.factors = factors


class StateProperty(Property[np.ndarray | None]):
    """A state that a class declares."""

    def __init__(self, value: object) -> None:
        super().__init__(convert.array, value, "A state; [] is left to initialize.", settable=True, group=STATE)


def learnableParameter(value: object = None, *, LearnRateFactor: object = 1, L2Factor: object = 1) -> LearnableProperty:
    """Declare a learnable of a class of layers: ``Alpha = learnableParameter()``.

    It stands in the body of a class derived from `Layer`, in the place of a line in MATLAB's ``properties (Learnable)``.
    Methods see the array as ``self.Alpha``.

    Args:
        value: Its value; by default none, which the constructor or ``initialize`` sets.
        LearnRateFactor: Factor on the learning rate (1), as `setLearnRateFactor` sets it.
        L2Factor: Factor on the L2 decay (1), as `setL2Factor` sets it.

    Raises:
        DltoolboxError: ``dltoolbox:learnableParameter:invalidValue``, ``…:invalidLearnRateFactor``, ``…:invalidL2Factor``.

    Example:
        >>> class Scaled(Layer):
        ...     Factor = learnableParameter(1.0, L2Factor=0)
        ...     def predict(self, X):
        ...         return self.Factor * X
        >>> getL2Factor(Scaled(), 'Factor')
        0.0
    """
    check_start("learnableParameter", "value", value, convert.array)
    for name, factor in (("LearnRateFactor", LearnRateFactor), ("L2Factor", L2Factor)):
        check_start("learnableParameter", name, factor, convert.factor(1))
    return LearnableProperty(value, (LearnRateFactor, L2Factor))


def stateParameter(value: object = None) -> StateProperty:
    """Declare a state of a class of layers: ``Mean = stateParameter()``.

    It stands in the body of a class derived from `Layer`, in the place of a line in MATLAB's ``properties (State)``.
    ``predict`` and ``forward`` return its new value after the outputs.

    Args:
        value: What it begins with; by default nothing, which the constructor, ``initialize`` or ``resetState`` sets.

    Raises:
        DltoolboxError: ``dltoolbox:stateParameter:invalidValue``.

    Example:
        >>> class Counting(Layer):
        ...     Count = stateParameter(0)
        ...     def predict(self, X):
        ...         return X, self.Count + 1
        >>> Counting().states
        ('Count',)
    """
    check_start("stateParameter", "value", value, convert.array)
    return StateProperty(value)


def check_start(function: str, name: str, value: object, conversion: convert.Function) -> None:
    """Raise for what the declared array, or its factor, cannot begin with."""
    try:
        conversion(value)
    except InvalidValue as no:
        fail(f"{function}:invalid{name[0].upper()}{name[1:]}", f"'{name}' of {function} must be {no.expected}, but it is "
             f"{show(value)}.", no.hint or f"Pass {no.expected}.")
