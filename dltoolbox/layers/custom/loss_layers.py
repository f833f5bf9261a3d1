"""Output layers of the user's own: a loss and its gradient.

Source: MathWorks documentation, "Define Custom Classification Output Layer" and "Define Custom Regression Output Layer".
"""

from __future__ import annotations

from typing import NoReturn, Self

import numpy as np

from dltoolbox.autodiff.dlarray import as_dlarray
from dltoolbox.autodiff.tape import Payload, origin_of, raw_values
from dltoolbox.core.dims import Dims, times
from dltoolbox.core.errors import fail
from dltoolbox.core.properties import show
from dltoolbox.layers.base import Layer, Row
from dltoolbox.layers.custom.calls import (
    LOSS_METHODS,
    called_method,
    check_signature,
    from_user,
    number_payload,
    to_user,
)
from dltoolbox.layers.custom.names import no_method
from dltoolbox.layers.custom.on_tape import Trace, traced_call
from dltoolbox.layers.custom.user_layer import UserLayer
from dltoolbox.layers.outputs import ClassOutput, OutputLayer, ResponseOutput
from dltoolbox.ops import Builder, Outputs, Value
from dltoolbox.ops.custom.custom import Results


class UserLoss:
    """The loss of a layer, as an op sees it: S… C T B."""

    def __init__(self, layer: UserOutput, dims: Dims) -> None:
        self.layer, self.dims = layer, dims

    @property
    def taped(self) -> bool:
        """Whether its gradient comes from the tape: the class gives none."""
        return not self.layer.has("backwardLoss")

    def arguments(self, y: Payload, t: Payload) -> list[Payload]:
        return [to_user(y, Dims(self.dims.labels, y.shape)), to_user(t, Dims(self.dims.labels, t.shape))]

    def forward(self, y: np.ndarray, t: np.ndarray, *, needs: bool = False) -> Results:
        if self.taped and needs:
            return traced_call(lambda payloads: [self.run(*payloads)], (y, t), (True, False))
        return Results((raw_values(self.run(y, t)),))

    def backward(self, y: np.ndarray, t: np.ndarray, memory: object) -> np.ndarray:
        """Gradient with respect to the predictions."""
        if not isinstance(memory, Trace):
            return self.gradient(y, t)
        found = memory.gradients([np.ones((), y.dtype)])[0]
        assert found is not None
        return found

    def run(self, y: Payload, t: Payload) -> Payload:
        """The loss as a number; of traced predictions, methods get dlarrays."""
        given = self.arguments(y, t)
        traced = origin_of(y) is not None
        loss = self.number(called_method(self.layer.copy(), "forwardLoss", [as_dlarray(x, "") for x in given] if traced
                                         else given))
        if traced and origin_of(loss) is None:
            self.wrong("forwardLoss", "lossNotTraced", "returned a number that does not depend on Y, as far as the tape "
                       "can tell, so that there is no gradient.", "Return the dlarray that was computed from Y itself, "
                       f"without float(…), .item() or extractdata(…). Or: {self.layer.gradient_advice()}")
        return loss

    def number(self, result: object) -> Payload:
        """The result of forwardLoss as a number."""
        array = number_payload(result)
        if array is None or array.size != 1:
            got = "nothing" if result is None else f"an array of size {times(array.shape)}" if (
                array is not None and array.size != 1) else show(result)
            self.wrong("forwardLoss", "lossNotScalar", f"returned {got}.", "Return one real number, such as the mean over "
                       "observations: a sum over all elements divided by their number N = Y.shape[-1].")
        return array.reshape(())

    def gradient(self, y: np.ndarray, t: np.ndarray) -> np.ndarray:
        """The gradient that backwardLoss returns."""
        result = called_method(self.layer.copy(), "backwardLoss", self.arguments(y, t))
        if isinstance(result, tuple) and len(result) == 1:
            result = result[0]
        array = raw_values(number_payload(result))
        size = to_user(y, Dims(self.dims.labels, y.shape)).shape
        if array is None or array.dtype.kind != "f" or array.shape != size:
            got = show(result) if array is None else f"{array.dtype} values of size {times(array.shape)}"
            self.wrong("backwardLoss", "gradientSize", f"returned {got}, but Y has size {times(size)}.",
                       "Return the gradient of the loss with respect to Y, floating-point numbers in the size of Y.")
        found: np.ndarray = from_user(array, Dims(self.dims.labels, y.shape))
        return found

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

    def gradient_advice(self) -> str:
        return "Define backwardLoss(self, Y, T), which returns dLdY in the size of Y."

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
            function.run(y, t)
            if self.has("backwardLoss"):
                function.gradient(y, t)
        self.tried.add(dims)


class ClassificationLayer(UserOutput, ClassOutput):
    """A class of classification output layers is derived from it: ``class Mine(ClassificationLayer)``.

    It defines ``forwardLoss(self, Y, T)``, which returns the loss, a number. Its gradient comes from the tape, unless the
    class defines ``backwardLoss(self, Y, T)``, which returns the gradient with respect to Y, in the size of Y. Y are the
    predictions of a mini-batch, T the targets in the same size, one-hot: 1×1×K×N behind images, K×N behind features,
    h×w×K×N for pixels, K×N×T for time steps.

    trainNetwork sets the property Classes, as that of `classificationLayer`, and `classify` names them.

    Example:
        >>> class MeanAbsolute(ClassificationLayer):
        ...     def forwardLoss(self, Y, T):
        ...         return abs(Y - T).sum() / Y.shape[-1]
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

    It defines ``forwardLoss(self, Y, T)``, which returns the loss, a number. Its gradient comes from the tape, unless the
    class defines ``backwardLoss(self, Y, T)``, which returns the gradient with respect to Y, in the size of Y. Y are the
    predictions of a mini-batch, T the responses in the same size: 1×1×R×N behind images, R×N behind features, h×w×c×N for
    images, R×N×T for time steps.

    Example:
        >>> class MeanAbsolute(RegressionLayer):
        ...     def forwardLoss(self, Y, T):
        ...         return abs(Y - T).sum() / Y.shape[-1]
        >>> MeanAbsolute(Name='mae').task
        'regression'
    """
