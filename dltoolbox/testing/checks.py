"""The checks of a layer, each by itself: a check returns where all is well, and raises what it found otherwise."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from dltoolbox.core.dims import Dims, times
from dltoolbox.core.display import counted
from dltoolbox.layers.base import Layer
from dltoolbox.layers.custom.calls import called_method, check_signatures
from dltoolbox.layers.custom.user_layer import UserLayer
from dltoolbox.testing.derivatives import differences, gradient_error, memory_orders, probes_of
from dltoolbox.testing.subjects import ArrayList, BuiltSubject, UserSubject, sample_data, subject_of

SAMPLE_BATCH, SAMPLE_STEPS = 3, 4  # observations and time steps of the data
SINGLE, DOUBLE = np.dtype(np.float32), np.dtype(np.float64)


@dataclass
class NotPassed(Exception):
    """A check that did not pass: ``expected`` and ``found`` in words, a likely ``cause``, and what to do."""

    expected: str
    found: str
    cause: str = ""
    fix: str = ""
    status: str = "Failed"


class NotChecked(Exception):
    """A check that says nothing about this layer, with the reason."""


@dataclass
class Context:
    """A layer under check, with the sizes of its inputs; ``several`` says whether mini-batches of several observations are
    wanted.
    """

    layer: Layer
    inputs: tuple[Dims, ...]
    several: bool = True
    made: dict[np.dtype, BuiltSubject | UserSubject] = field(default_factory=dict)
    told: dict[str, str] = field(default_factory=dict)  # errors, by the checks that found them first

    def subject(self, dtype: np.dtype) -> BuiltSubject | UserSubject:
        if dtype not in self.made:
            self.made[dtype] = subject_of(self.layer, self.inputs, dtype)
        return self.made[dtype]

    def data(self, dtype: np.dtype = DOUBLE, batch: int | None = None) -> ArrayList:
        batch = batch if batch is not None else SAMPLE_BATCH if self.several else 1
        return sample_data(self.inputs, batch, SAMPLE_STEPS, dtype)

    @property
    def users(self) -> UserSubject:
        """The layer with methods of its own; others have none to check."""
        subject = self.subject(DOUBLE)
        if not isinstance(subject, UserSubject):
            raise NotChecked("the layer has no methods of its own")
        return subject

    @cached_property
    def has_backward(self) -> bool:
        """Whether it gives its gradient itself; that of other classes comes from the tape."""
        return not isinstance(self.layer, UserLayer) or self.layer.has("backward")

    @cached_property
    def has_forward(self) -> bool:
        return isinstance(self.layer, UserLayer) and self.layer.has("forward")

    @cached_property
    def repeatable(self) -> bool:
        """Whether two calls of predict give the same."""
        subject, xs = self.subject(DOUBLE), self.data()
        return all(is_close(y, z, 0) for y, z in zip(subject.predict(copies(xs)), subject.predict(copies(xs)), strict=True))

    def need_repeatable(self) -> None:
        if not self.repeatable:
            raise NotChecked("two calls of predict give different values")

    def need_backward(self) -> None:
        if not self.has_backward:
            raise NotChecked("the layer has no method backward; its gradient comes from the tape")


Check = Callable[[Context], None]


def outputs_of(context: Context) -> tuple[str, ...]:
    return context.layer.outputs()


def each_output(context: Context, arrays: Sequence[np.ndarray]) -> Iterable[tuple[str, np.ndarray]]:
    return zip(outputs_of(context), arrays, strict=True)


def is_close(a: np.ndarray, b: np.ndarray, tolerance: float = 1e-9) -> bool:
    return a.shape == b.shape and bool(np.allclose(a, b, rtol=tolerance, atol=tolerance, equal_nan=True))


# Calls ---------------------------------------------------------------------------------------------------------------
def functionSyntaxesAreCorrect(context: Context) -> None:
    """Methods take the arguments that they are called with."""
    layer = context.layer
    if not isinstance(layer, UserLayer):
        raise NotChecked("the layer has no methods of its own")
    if not hasattr(type(layer), "predict"):
        raise NotPassed("a method predict", f"none in the class {type(layer).__name__}",
                        fix=f"Define predict(self, {', '.join(['X'] if layer.NumInputs == 1 else ['X1', 'X2', '…'])}).")
    check_signatures(layer)


def initializeDoesNotError(context: Context) -> None:
    """Learnables and states get their values, by the constructor or by initialize."""
    context.subject(DOUBLE)


def predictDoesNotError(context: Context) -> None:
    context.subject(DOUBLE).predict(context.data(batch=1))


def predictDoesNotErrorOnSeveralObservations(context: Context) -> None:
    several_needed(context)
    context.subject(DOUBLE).predict(context.data())


def forwardDoesNotError(context: Context) -> None:
    context.subject(DOUBLE).forward(context.data())


def backwardDoesNotError(context: Context) -> None:
    context.need_backward()
    context.subject(DOUBLE).gradients(context.data())


def backwardPropagationDoesNotError(context: Context) -> None:
    """Methods of a class that gives no gradient take dlarrays, and their values stay on the tape."""
    subject = context.users
    if context.has_backward:
        raise NotChecked("the layer has a method backward")
    subject.gradients(context.data())


def resetStateDoesNotError(context: Context) -> None:
    subject = context.users
    if not subject.layer.has("resetState"):
        raise NotChecked("the layer has no method resetState")
    called_method(subject.layer.copy(), "resetState", [])


def several_needed(context: Context) -> None:
    if not context.several:
        raise NotChecked("ObservationDimension was not given")


# Sizes and types -----------------------------------------------------------------------------------------------------
def forwardPredictAreConsistentInSize(context: Context) -> None:
    subject, xs = context.subject(DOUBLE), context.data()
    for (port, y), z in zip(each_output(context, subject.predict(xs)), subject.forward(xs), strict=True):
        if y.shape != z.shape:
            raise NotPassed(f"output '{port}' of size {times(y.shape)} in forward, as in predict", f"size {times(z.shape)}",
                            "forward and predict sum, pool or reshape in different ways",
                            "Return arrays of the same sizes from both.")


def predictIsConsistentInSize(context: Context) -> None:
    """The size of an output follows from the sizes of the inputs alone, and has their number of observations."""
    subject = context.subject(DOUBLE)
    wanted: dict[tuple[str, int], tuple[int, ...]] = {}
    for seed, batch in ((1, 1), (2, 1), *(((3, SAMPLE_BATCH), (4, SAMPLE_BATCH)) if context.several else ())):
        xs = sample_data(context.inputs, batch, SAMPLE_STEPS, DOUBLE, seed)
        for (port, y), axis in zip(each_output(context, subject.predict(xs)), subject.batch_axes, strict=True):
            if 0 <= axis < y.ndim and y.shape[axis] != batch:
                raise NotPassed(f"{counted(batch, 'observation')} in output '{port}'", f"an array of size {times(y.shape)}",
                                "the dimension of the observations was summed or moved",
                                f"Keep axis {axis} of the arrays, that of the observations, as it is.")
            size = wanted.setdefault((port, batch), y.shape)
            if y.shape != size:
                raise NotPassed(f"output '{port}' of size {times(size)} for every input of one size",
                                f"size {times(y.shape)} for other values", "the size depends on values of the input",
                                "Return arrays whose size follows from the size of the input.")


def backwardIsConsistentInSize(context: Context) -> None:
    context.need_backward()
    subject = context.subject(DOUBLE)
    xs = context.data()
    found = subject.returned(xs) if isinstance(subject, UserSubject) else subject.gradients(xs)
    wanted = {**dict(zip(context.layer.inputs(), xs, strict=True)), **subject.learnables}
    for name, value in wanted.items():
        if name not in found or without_ends(found[name].shape) != without_ends(value.shape):
            got = times(found[name].shape) if name in found else "none"
            raise NotPassed(f"a gradient of {name} of its size, {times(value.shape)}", f"size {got}",
                            "the gradient was not summed over dimensions along which the array is repeated, or was summed "
                            "over others", f"Return the gradient of {name} in the size of {name}.")


def without_ends(shape: Sequence[int]) -> tuple[int, ...]:
    """A size without trailing ones, which MATLAB has not either."""
    sizes = list(shape)
    while sizes and sizes[-1] == 1:
        sizes.pop()
    return tuple(sizes)


def predictIsConsistentInType(context: Context) -> None:
    consistent_types(context, "predict", lambda subject, xs: dict(each_output(context, subject.predict(xs))))


def forwardIsConsistentInType(context: Context) -> None:
    if not context.has_forward and isinstance(context.layer, UserLayer):
        raise NotChecked("the layer has no method forward")
    consistent_types(context, "forward", lambda subject, xs: dict(each_output(context, subject.forward(xs))))


def backwardIsConsistentInType(context: Context) -> None:
    context.need_backward()
    consistent_types(context, "backward", lambda subject, xs: dict(
        subject.returned(xs) if isinstance(subject, UserSubject) else subject.gradients(xs)))


def consistent_types(context: Context, method: str,
                     call: Callable[[BuiltSubject | UserSubject, ArrayList], dict[str, np.ndarray]]) -> None:
    """Single in, single out; double in, double out."""
    for dtype in (SINGLE, DOUBLE):
        for name, y in call(context.subject(dtype), context.data(dtype)).items():
            if y.dtype != dtype:
                raise NotPassed(f"'{name}' of type {dtype} from {method} for inputs of type {dtype}", f"type {y.dtype}",
                                "an array of the layer's own, such as np.ones(…), has its own type",
                                f"Make arrays in the type of the input, np.ones(…, X.dtype), or end {method} with "
                                ".astype(X.dtype).")


# Values --------------------------------------------------------------------------------------------------------------
def predictIsRepeatable(context: Context) -> None:
    if not context.repeatable:
        raise NotPassed("the same outputs from two calls of predict with the same input", "different values",
                        "predict draws random numbers, or changes attributes of the layer that it reads",
                        "Draw random numbers in forward only; keep what changes from call to call in a state.")


def outputsAreFinite(context: Context) -> None:
    for dtype in (SINGLE, DOUBLE):
        for port, y in each_output(context, context.subject(dtype).predict(context.data(dtype))):
            if not np.isfinite(y).all():
                raise NotPassed(f"finite numbers in output '{port}' for inputs between −2 and 2", "NaN or Inf",
                                "a division by zero, the logarithm or the root of a negative number, or memory from "
                                "np.empty that was not filled", "Compute with np.where or np.maximum there.")


def inputsAreNotModified(context: Context) -> None:
    subject = context.subject(DOUBLE)
    calls: dict[str, Callable[[ArrayList], object]] = {"predict": subject.predict, "forward": subject.forward}
    if context.has_backward:  # the tape changes nothing
        calls["backward"] = subject.gradients
    for method, call in calls.items():
        xs = context.data()
        before = copies(xs)
        call(xs)
        for port, x, kept in zip(context.layer.inputs(), xs, before, strict=True):
            if not np.array_equal(x, kept):
                raise NotPassed(f"input '{port}' as it was after {method}", "other values in it",
                                "an operation in place, such as X[X < 0] = 0 or X *= 2",
                                "Compute a new array, such as np.maximum(X, 0), or begin with X = X.copy().")


def copies(xs: Sequence[np.ndarray]) -> ArrayList:
    return [x.copy() for x in xs]


def memoryOrderDoesNotMatter(context: Context) -> None:
    context.need_repeatable()
    subject, xs = context.subject(DOUBLE), context.data()
    wanted = subject.predict(copies(xs))
    others = [memory_orders(x) for x in xs]
    for order in others[0]:
        turned = [other[order].copy(order="K") if order == "Fortran" else writable(other[order]) for other in others]
        for (port, y), z in zip(each_output(context, wanted), subject.predict(turned), strict=True):
            if not is_close(y, z):
                raise NotPassed(f"the same '{port}' for inputs in other orders in memory",
                                f"other values where the input is {ORDERS_IN_WORDS[order]}",
                                "the layer reads memory as it lies: reshape or ravel with order='A' or 'K', np.frombuffer, "
                                "strides", "Use reshape and ravel without order, or with order='F' for MATLAB's.")


ORDERS_IN_WORDS = {"Fortran": "in Fortran order", "spaced": "every second element of another array",
                   "reversed": "turned round"}


def writable(view: np.ndarray) -> np.ndarray:
    """The same array, lying alike, which may be written."""
    view.flags.writeable = view.base is not None or view.flags.owndata
    return view


def observationsAreIndependent(context: Context) -> None:
    """A batch is its observations joined."""
    several_needed(context)
    context.need_repeatable()
    subject, xs = context.subject(DOUBLE), context.data()
    axes = [x.format.index("B") for x in context.inputs]
    together = subject.predict(copies(xs))
    singles = [subject.predict([np.take(x, [at], axis) for x, axis in zip(xs, axes, strict=True)])
               for at in range(SAMPLE_BATCH)]
    for number, ((port, y), axis) in enumerate(zip(each_output(context, together), subject.batch_axes, strict=True)):
        if axis < 0:
            raise NotChecked(f"output '{port}' has no observations")
        if not is_close(y, np.concatenate([single[number] for single in singles], axis)):
            raise NotPassed(f"'{port}' of {SAMPLE_BATCH} observations to be those of each alone, side by side",
                            "other values",
                            "a sum, mean or maximum goes over the observations, or a reshape mixes them",
                            f"Leave out axis {axis} in sums, such as axis=(0, 1). If observations are meant to see one "
                            "another in prediction, results will depend on MiniBatchSize.", status="Incomplete")


# LossGradients -----------------------------------------------------------------------------------------------------------
def inputGradientsAreCorrect(context: Context) -> None:
    gradients_are_correct(context, context.layer.inputs())


def learnableGradientsAreCorrect(context: Context) -> None:
    if not context.subject(DOUBLE).learnables:
        raise NotChecked("the layer has no learnables")
    gradients_are_correct(context, tuple(context.subject(DOUBLE).learnables))


def gradients_are_correct(context: Context, names: Sequence[str]) -> None:
    """Gradients are the derivatives of the loss, by differences in double precision."""
    subject, xs = context.subject(DOUBLE), context.data()
    first, second = subject.loss(copies(xs)), subject.loss(copies(xs))
    if not np.isfinite(first):
        raise NotChecked("outputs are not finite")
    if first != second:
        raise NotPassed("forward to give the same twice where random numbers begin anew", "different values",
                        "it draws from a generator of its own", "Draw with np.random, or from a state.",
                        status="Incomplete")
    found = subject.gradients(copies(xs))
    variables = dict(zip(context.layer.inputs(), xs, strict=True)) | subject.learnables
    for name in names:
        variable = variables[name]
        if without_ends(found[name].shape) != without_ends(variable.shape):
            raise NotChecked(f"the gradient of {name} has another size: see backwardIsConsistentInSize")
        probes = probes_of(variable)
        expected = differences(lambda: subject.loss(copies(xs)), variable, probes)
        error, tolerance = gradient_error(found[name], expected, probes, found.loss)
        if not error < tolerance:
            raise wrong_gradient(name, found[name].reshape(-1)[probes], expected, variable, probes,
                                 taped=not context.has_backward)


def wrong_gradient(name: str, got: np.ndarray, expected: np.ndarray, variable: np.ndarray, probes: np.ndarray, *,
                   taped: bool) -> NotPassed:
    """The place where a gradient is furthest off, and what the numbers say about the cause."""
    at = int(np.argmax(np.nan_to_num(np.abs(got - expected), nan=np.inf)))
    place = ", ".join(str(int(n)) for n in np.unravel_index(probes[at], variable.shape))
    with np.errstate(all="ignore"):
        ratio = got[np.abs(expected) > 1e-6] / expected[np.abs(expected) > 1e-6]
    cause, fix = "a term of the derivative is missing or wrong", f"Derive Z by {name} again, and multiply by dLdZ."
    if np.isnan(got).any():
        cause = "a division by zero, or memory that was not filled"
    elif taped:
        cause = "values left the tape, by float(…), .item(), .tolist() or extractdata(…)"
        fix = f"Compute Z from {name} with functions of NumPy or this toolbox alone, or define backward."
    elif not np.abs(got).any():
        cause = "backward returns zeros"
    elif ratio.size and np.ptp(ratio) < 1e-4 * abs(ratio[0]):
        cause = f"all of it is {ratio[0]:.4g} times what it should be: " + (
            "the sign is wrong" if abs(ratio[0] + 1) < 1e-3 else
            "a factor is missing or superfluous, such as a mean for a sum")
        fix = f"Divide the gradient of {name} by {ratio[0]:.4g}."
    return NotPassed(f"the derivative by {name}[{place}], which is {expected[at]:.6g} by differences", f"{got[at]:.6g}",
                     cause, fix)


# States --------------------------------------------------------------------------------------------------------------
def predictReturnsValidStates(context: Context) -> None:
    valid_states(context, "predict")


def forwardReturnsValidStates(context: Context) -> None:
    if not context.has_forward:
        raise NotChecked("the layer has no method forward")
    valid_states(context, "forward")


def valid_states(context: Context, method: str) -> None:
    subject = context.users
    if not subject.states:
        raise NotChecked("the layer has no states")
    subject.check_states(method, context.data())


CHECKS: tuple[Check, ...] = (
    functionSyntaxesAreCorrect, initializeDoesNotError, predictDoesNotError, predictDoesNotErrorOnSeveralObservations,
    predictReturnsValidStates, forwardReturnsValidStates, predictIsConsistentInSize, forwardDoesNotError,
    backwardDoesNotError, backwardPropagationDoesNotError, forwardPredictAreConsistentInSize, backwardIsConsistentInSize,
    predictIsConsistentInType, forwardIsConsistentInType, backwardIsConsistentInType,
    predictIsRepeatable, outputsAreFinite, inputsAreNotModified, memoryOrderDoesNotMatter, observationsAreIndependent,
    inputGradientsAreCorrect, learnableGradientsAreCorrect, resetStateDoesNotError)
FIRST = CHECKS[:3]  # without which nothing else can be looked at
