"""Output layers of the user's own: a loss and its gradient.

Source: MathWorks documentation, "Define Custom Classification Output Layer" and "Define Custom Regression Output Layer".
"""

from __future__ import annotations

from typing import NoReturn, Self

import numpy as np

from dltoolbox.core.dims import Dims, times
from dltoolbox.core.errors import fail
from dltoolbox.core.properties import show
from dltoolbox.layers.base import Layer, Row
from dltoolbox.layers.custom.calls import (
    LOSS_METHODS,
    called_method,
    check_signature,
    from_user,
    plain_number_array,
    to_user,
)
from dltoolbox.layers.custom.names import no_method
from dltoolbox.layers.custom.user_layer import UserLayer
from dltoolbox.layers.outputs import ClassOutput, OutputLayer, ResponseOutput
from dltoolbox.ops import Builder, Outputs, Value


class UserLoss:
    """The loss of a layer, as an op sees it: S… C T B."""

    def __init__(self, layer: UserOutput, dims: Dims) -> None:
        self.layer, self.dims = layer, dims

    def check_gradient(self) -> None:
        if not self.layer.has("backwardLoss"):
            fail(f"{self.layer.label()}:noBackwardLoss", f"{type(self.layer).__name__} has no method backwardLoss, and "
                 "training needs the gradient of its loss.", "Define backwardLoss(self, Y, T), which returns dLdY in the "
                 "size of Y. Automatic differentiation comes with dlarray in the next release.", layer=self.layer.Name)

    def arguments(self, y: np.ndarray, t: np.ndarray) -> list[np.ndarray]:
        return [to_user(y, Dims(self.dims.labels, y.shape)), to_user(t, Dims(self.dims.labels, t.shape))]

    def loss(self, y: np.ndarray, t: np.ndarray) -> np.ndarray:
        """The loss as a number."""
        result = called_method(self.layer.copy(), "forwardLoss", self.arguments(y, t))
        array = plain_number_array(result)
        if array is None or array.size != 1 or array.dtype.kind not in "fiu":
            got = "nothing" if result is None else f"an array of size {times(array.shape)}" if (
                array is not None and array.size != 1) else show(result)
            self.wrong("forwardLoss", "lossNotScalar", f"returned {got}.", "Return one real number, such as the mean over "
                       "observations: a sum over all elements divided by their number N = Y.shape[-1].")
        return array.reshape(())

    def gradient(self, y: np.ndarray, t: np.ndarray) -> np.ndarray:
        """Gradient with respect to the predictions."""
        result = called_method(self.layer.copy(), "backwardLoss", self.arguments(y, t))
        if isinstance(result, tuple) and len(result) == 1:
            result = result[0]
        array = plain_number_array(result)
        size = to_user(y, Dims(self.dims.labels, y.shape)).shape
        if array is None or array.dtype.kind != "f" or array.shape != size:
            got = show(result) if array is None else f"{array.dtype} values of size {times(array.shape)}"
            self.wrong("backwardLoss", "gradientSize", f"returned {got}, but Y has size {times(size)}.",
                       "Return the gradient of the loss with respect to Y, floating-point numbers in the size of Y.")
        return from_user(array, Dims(self.dims.labels, y.shape))

    def wrong(self, method: str, code: str, what: str, hint: str) -> NoReturn:
        fail(f"{self.layer.label()}:{code}", f"{self.layer.told(method)} {what}", hint, layer=self.layer.Name)


class UserOutput(UserLayer, OutputLayer):
    """The end of a network with a loss of the user's own."""

    __slots__ = ("tried",)  # sizes that the loss was tried with
    tried: set[Dims]

    def __new__(cls, *args: object, **kwargs: object) -> Self:
        self = super().__new__(cls)
        object.__setattr__(self, "tried", set())
        return self

    def rows(self) -> list[Row]:
        return [*Layer.rows(self), *self.own_rows()]

    def inputs(self) -> tuple[str, ...]:
        return ("in",)

    def outputs(self) -> tuple[str, ...]:
        return ()

    def _set_count(self, name: str, value: object) -> None:
        self._fixed(name)

    def _set_names(self, name: str, value: object) -> None:
        self._fixed(name)

    def _fixed(self, name: str) -> NoReturn:
        fail(f"{self.label()}:readOnly", f"'{name}' of {self.label()} cannot be set: an output layer has one input, and no "
             "output.", f"Leave {name} out.", layer=self.Name)

    def validate(self) -> None:
        if not self.has("forwardLoss"):
            no_method(self, "forwardLoss", "forwardLoss(self, Y, T), which returns the loss")
        for method in LOSS_METHODS:
            if self.has(method):
                check_signature(self, method, ["Y", "T"])
        if self.learnables or self.states:
            fail(f"{self.label()}:arraysOfOutput", "Output layers have no learnables or states, but this class declares "
                 f"{', '.join((*self.learnables, *self.states))}.", "Move them to a layer before it, derived from Layer.",
                 layer=self.Name)

    def build(self, g: Builder, *xs: Value) -> Outputs:
        (y,) = xs
        self.try_loss(y.dims)
        function = UserLoss(self.copy(), y.dims)
        g.result(y, g.custom_loss(y, g.target(y.dims), function=function))
        return ()

    def try_loss(self, dims: Dims) -> None:
        """Call both methods with even predictions, so that mistakes come out before training."""
        if not dims.known or dims in self.tried:
            return
        shape = tuple(n if n is not None else 2 for n in dims.sizes)
        channel = dims.labels.index("C")
        y = np.full(shape, 1 / max(shape[channel], 1), np.float32)
        t = np.zeros_like(y)
        np.moveaxis(t, channel, 0)[0] = 1
        function = UserLoss(self.copy(), dims)
        with np.errstate(all="ignore"):
            function.loss(y, t)
            if self.has("backwardLoss"):
                function.gradient(y, t)
        self.tried.add(dims)


class ClassificationLayer(UserOutput, ClassOutput):
    """A class of classification output layers is derived from it: ``class Mine(ClassificationLayer)``.

    It defines ``forwardLoss(self, Y, T)``, which returns the loss, a number, and ``backwardLoss(self, Y, T)``, which returns
    its gradient with respect to Y, in the size of Y. Y are the predictions of a mini-batch, T the targets in the same size,
    one-hot: 1×1×K×N behind images, K×N behind features, h×w×K×N for pixels, K×N×T for time steps.

    trainNetwork sets the property Classes, as that of `classificationLayer`, and `classify` names them.

    Example:
        >>> class MeanAbsolute(ClassificationLayer):
        ...     def forwardLoss(self, Y, T):
        ...         return abs(Y - T).sum() / Y.shape[-1]
        ...     def backwardLoss(self, Y, T):
        ...         return np.sign(Y - T) / Y.shape[-1]
        >>> MeanAbsolute(Classes=['cat', 'dog']).OutputSize
        2
    """

    needs_probabilities = False

    @property
    def LossFunction(self) -> str:
        return self.label()

    def pixelwise(self, size: Dims) -> bool:
        return any(n != 1 for n in size.spatial)

    def rows(self) -> list[Row]:
        return [*super().rows(), ("", "OutputSize", self.OutputSize)]


class RegressionLayer(UserOutput, ResponseOutput):
    """A class of regression output layers is derived from it: ``class Mine(RegressionLayer)``.

    It defines ``forwardLoss(self, Y, T)``, which returns the loss, a number, and ``backwardLoss(self, Y, T)``, which returns
    its gradient with respect to Y, in the size of Y. Y are the predictions of a mini-batch, T the responses in the same
    size: 1×1×R×N behind images, R×N behind features, h×w×c×N for images, R×N×T for time steps.

    Example:
        >>> class MeanAbsolute(RegressionLayer):
        ...     def forwardLoss(self, Y, T):
        ...         return abs(Y - T).sum() / Y.shape[-1]
        ...     def backwardLoss(self, Y, T):
        ...         return np.sign(Y - T) / Y.shape[-1]
        >>> MeanAbsolute(Name='mae').task
        'regression'
    """
