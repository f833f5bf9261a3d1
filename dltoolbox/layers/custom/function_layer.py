"""`functionLayer`: a function of arrays as a layer.

Source: MathWorks documentation of functionLayer.
"""

from __future__ import annotations

import inspect
from typing import ClassVar

import numpy as np

from dltoolbox.core import convert
from dltoolbox.core.errors import fail
from dltoolbox.core.properties import Configured, InvalidValue, Property, show
from dltoolbox.layers.custom.calls import arguments_of, results_of
from dltoolbox.layers.custom.user_layer import UserLayer


@convert.annotated("Callable[..., Any] | None")
def function_or_none(value: object) -> convert.Function | None:
    """A function, or None."""
    return None if value is None else convert.function_handle(value)


class FunctionLayer(UserLayer):
    """A layer that `functionLayer` makes."""

    type_text: ClassVar[str] = "Function"
    default_name: ClassVar[str] = "layer"
    name_in_files: ClassVar[str] = "dltoolbox.functionLayer"

    PredictFcn = Property(function_or_none, None, "The function.", group="", settable=True)
    GradientFcn = Property(function_or_none, None, "The function that gives its gradient; the tape by default.", group="")
    Formattable = Property(convert.flag, False, "Whether arrays have labels.", group="")
    Acceleratable = Property(convert.flag, False, "No effect here.", group="")

    def predict(self, *X: np.ndarray) -> object:
        """The function of the inputs."""
        assert self.PredictFcn is not None
        return self.PredictFcn(*X)

    def backward(self, *arguments: object) -> object:
        """The gradient function of inputs, outputs and the gradients of these."""
        assert self.GradientFcn is not None
        return self.GradientFcn(*arguments[:-1])

    def has(self, method: str) -> bool:
        return self.GradientFcn is not None if method == "backward" else super().has(method)

    def told(self, method: str) -> str:
        return f"{'GradientFcn' if method == 'backward' else 'PredictFcn'} of functionLayer"

    def construction(self) -> tuple[convert.Function, dict[str, object]]:
        """The function that made it, and its arguments."""
        held = self.__dict__
        given = {"fun": self.PredictFcn, "GradientFcn": self.GradientFcn, "NumInputs": self.NumInputs,
                 "InputNames": held.get("_InputNames"), "NumOutputs": held.get("_NumOutputs"),
                 "OutputNames": held.get("_OutputNames"), "Formattable": self.Formattable or None,
                 "Acceleratable": self.Acceleratable or None, "Description": held.get("_Description")}
        return functionLayer, {name: value for name, value in given.items() if value is not None}

    @property
    def wants_labels(self) -> bool:
        return self.Formattable

    @classmethod
    def label(cls) -> str:
        return "functionLayer"

    def describe(self) -> str:
        name = getattr(self.PredictFcn, "__name__", type(self.PredictFcn).__name__)
        return str(self.__dict__.get("_Description") or name)

    def gradient_advice(self) -> str:
        arguments, results = arguments_of(self, "backward")[:-1], results_of(self, "backward")
        return f"Pass GradientFcn=…, a function of {', '.join(arguments)} that returns {', '.join(results)}."


class _FunctionLayerOptions(Configured):
    function = "functionLayer"
    NumInputs = Property(convert.optional(convert.integer(1)), None)
    InputNames = Property(convert.texts, ())
    NumOutputs = Property(convert.optional(convert.integer(1)), None)
    OutputNames = Property(convert.texts, ())
    Formattable = Property(convert.flag, False)
    Acceleratable = Property(convert.flag, False)
    Description = Property(convert.text, "")
    Name = Property(convert.name, "")
    GradientFcn = Property(function_or_none, None)


def functionLayer(fun: object, *pairs: object, **options: object) -> FunctionLayer:
    """A layer that calls a function: ``functionLayer(lambda X: X / (1 + abs(X)))``.

    The function gets the arrays of a mini-batch, read-only, as methods of classes of layers do: h×w×c×N, c×N, c×N×T, …. It
    returns an array, or a tuple of NumOutputs arrays, in the same format. Its gradient comes from the tape.

    Args:
        fun: A function of arrays.
        *pairs: Name-value pairs.
        **options: ``NumInputs``: by default as many as the function has arguments without a default; it must be given where
            that does not say. ``InputNames`` (['in'], or ['in1', 'in2', …]). ``NumOutputs`` (1). ``OutputNames`` (['out'],
            or ['out1', 'out2', …]). ``Formattable`` (False): whether arrays have labels; see `Formattable`.
            ``Acceleratable`` (False): no effect here. ``Description`` (the name of the function). ``Name`` ('').
            ``GradientFcn`` (None), beyond MATLAB: a function ``(X, Z, dLdZ)`` of the inputs, the outputs and the gradients
            of these, that returns the gradient of every input. By default, the gradient comes from the tape: in training,
            the function gets dlarrays.

    Returns:
        A layer with the property PredictFcn.

    Raises:
        DltoolboxError: ``dltoolbox:functionLayer:invalidPredictFcn``, ``…:numInputsNeeded``.

    Example:
        >>> softsign = functionLayer(lambda X: X / (1 + abs(X)), Description='softsign')
        >>> predict(dlnetwork([featureInputLayer(1), softsign]), [[1.0], [-3.0]]).tolist()
        [[0.5], [-0.75]]
    """
    chosen = _FunctionLayerOptions(*pairs, **options)
    try:
        convert.function_handle(fun)
    except InvalidValue:
        fail("functionLayer:invalidPredictFcn", f"The first argument of functionLayer must be a function, but it is "
             f"{show(fun)}.", "Pass a function of arrays, such as lambda X: X ** 2.")
    layer = FunctionLayer(PredictFcn=fun, GradientFcn=chosen.GradientFcn, Formattable=chosen.Formattable,
                          Acceleratable=chosen.Acceleratable, Name=chosen.Name)
    layer.NumInputs = chosen.NumInputs or len(chosen.InputNames) or arguments_without_default(fun)
    if chosen.NumOutputs is not None:
        layer.NumOutputs = chosen.NumOutputs
    if chosen.InputNames:
        layer.InputNames = list(chosen.InputNames)
    if chosen.OutputNames:
        layer.OutputNames = list(chosen.OutputNames)
    if chosen.Description:
        layer.Description = chosen.Description
    layer.validate()
    return layer


def arguments_without_default(fun: object) -> int:
    """How many arrays a function takes."""
    if isinstance(fun, np.ufunc):
        return fun.nin
    try:
        parameters = inspect.signature(fun).parameters.values()  # type: ignore[arg-type]
    except (TypeError, ValueError):
        parameters = {}.values()
    needed = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) and p.default is p.empty]
    if not needed or any(p.kind is p.VAR_POSITIONAL for p in parameters):
        fail("functionLayer:numInputsNeeded", f"The arguments of {show(fun)} do not say how many arrays it takes.",
             "Pass NumInputs=1, or how many there are.")
    return len(needed)
