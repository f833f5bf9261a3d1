"""Calls of the methods of a user's layer: arrays as MATLAB's documentation arranges them, and what must come back.

Images are h×w×c×N, volumes h×w×d×c×N, features c×N, sequences c×N×T, sequences of images h×w×c×N×T. Learnables and states
are attributes of ``self``; where one would meet the input element by element, axes of size 1 are added behind its own, but
for states C×1 of sequences, which come as C×N where every observation has its own.

Source: MathWorks documentation, "Define Custom Deep Learning Layer with Learnable Parameters" and "Define Custom Deep
Learning Intermediate Layers": arguments and their order.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NoReturn, Self

import numpy as np

from dltoolbox.autodiff.dlarray import as_dlarray, dlarray, unwrapped
from dltoolbox.autodiff.tape import Payload, Traced, raw_values
from dltoolbox.core.dims import ORDER, Dims, times
from dltoolbox.core.display import counted, listed
from dltoolbox.core.errors import DltoolboxError, fail
from dltoolbox.core.properties import show
from dltoolbox.layers.custom.on_tape import Trace, traced_call
from dltoolbox.ops import Call, Value
from dltoolbox.ops.base import Gradients
from dltoolbox.ops.custom.custom import Results

if TYPE_CHECKING:
    from dltoolbox.layers.custom.user_layer import UserLayer

USER_METHODS = ("predict", "forward", "backward", "initialize", "resetState")
LOSS_METHODS = ("forwardLoss", "backwardLoss")
PROBES = ((2, 12), (3, 17))  # numbers of observations and of time steps that sizes are tried with


# Arguments -----------------------------------------------------------------------------------------------------------
def counted_names(stem: str, count: int) -> list[str]:
    """``X``, or ``X1``, ``X2`` where there are several."""
    return [stem] if count == 1 else [f"{stem}{i + 1}" for i in range(count)]


def arguments_of(layer: UserLayer, method: str) -> list[str]:
    """The arguments of a method, as documentation names them."""
    xs, zs = counted_names("X", len(layer.inputs())), counted_names("Z", len(layer.outputs()))
    if method != "backward":
        return xs if method in ("predict", "forward") else []
    return [*xs, *zs, *(f"dLd{z}" for z in zs), *(f"dLd{state}" for state in layer.states), "memory"]


def results_of(layer: UserLayer, method: str) -> list[str]:
    """The results of a method."""
    xs, zs = counted_names("X", len(layer.inputs())), counted_names("Z", len(layer.outputs()))
    if method == "backward":
        return [f"dLd{name}" for name in (*xs, *layer.learnables, *layer.states)]
    return [*zs, *layer.states, *(["memory"] if method == "forward" else [])]


def check_signatures(layer: UserLayer) -> None:
    """Methods take as many arrays as there are inputs."""
    for method in ("predict", "forward", "backward"):
        if layer.has(method):
            check_signature(layer, method, arguments_of(layer, method))


def check_signature(layer: UserLayer, method: str, arguments: Sequence[str]) -> None:
    function = getattr(layer, method)
    try:
        declared = inspect.signature(function)
    except (TypeError, ValueError):  # written in C, or no function at all
        if callable(function):
            return
        fail(f"{layer.label()}:notAMethod", f"{layer.told(method)} is {show(function)}, not a method.",
             f"Define {method}(self, {', '.join(arguments)}).", layer=layer.Name)
    try:
        declared.bind(*arguments)
        return
    except TypeError:
        pass
    takes = [p.name for p in declared.parameters.values() if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    hint = f"Define {method}(self, {', '.join(arguments)})"
    if method in ("predict", "forward") and takes and len(layer.inputs()) == len(arguments):
        hint += f", or set self.NumInputs = {len(takes)} in the constructor"
    outputs = f" and {counted(len(layer.outputs()), 'output')}" if method == "backward" else ""
    fail(f"{layer.label()}:wrongArguments", f"{layer.told(method)} takes ({', '.join(takes)}), but with "
         f"{counted(len(layer.inputs()), 'input')}{outputs} it is called with ({', '.join(arguments)}).", f"{hint}.",
         layer=layer.Name)


def called_method(layer: UserLayer, method: str, arguments: Sequence[object]) -> object:
    """The result of a method; what it raises is told with the sizes that it was given."""
    try:
        return getattr(layer, method)(*arguments)
    except DltoolboxError as error:
        raised(layer, method, arguments, error)
    except Exception as error:
        raised(layer, method, arguments, error)


def raised(layer: UserLayer, method: str, arguments: Sequence[object], error: Exception) -> NoReturn:
    sizes = [times(x.shape) if isinstance(x, np.ndarray | dlarray) else repr(x) for x in arguments
             if isinstance(x, np.ndarray | dlarray) or method == "initialize"]
    if isinstance(error, DltoolboxError) and error.identifier.startswith("dltoolbox:dlarray:"):
        issue = error.issues[0]
        fail(issue.identifier.partition(":")[2], f"{layer.told(method)}: {issue.message}",
             f"{issue.hint} Or: {layer.gradient_advice()}", layer=layer.Name, cause=error)
    text = " ".join(str(error).split())
    hint = f"Correct {method}; the traceback above shows the line."
    if isinstance(error, ValueError) and "read-only" in text:
        hint = f"Arrays that {method} gets are not its own: change a copy, such as X = X.copy()."
    elif isinstance(error, AttributeError | TypeError) and any(isinstance(x, dlarray) for x in arguments):
        hint += (" Where a gradient comes from the tape, arrays are dlarrays, which functions of NumPy take, such as "
                 f"np.ravel(X). Or: {layer.gradient_advice()}")
    fail(f"{layer.label()}:errorIn{method[0].upper()}{method[1:]}", f"{layer.told(method)} raised "
         f"{type(error).__name__}: {text[:500]}" + ("" if text.endswith(".") else ".")
         + (f" Its input had size {listed(sizes)}." if sizes else ""), hint, layer=layer.Name, cause=error)


# Arrays --------------------------------------------------------------------------------------------------------------
def to_user(array: Payload, dims: Dims) -> Payload:
    """S… C T B as S… C B T, read-only."""
    return as_read_only(array.swapaxes(-1, -2) if dims.timed else array)


def as_read_only(array: Payload) -> Payload:
    """A view that cannot be written; traced arrays never can."""
    if isinstance(array, Traced):
        return array
    view = array.view()
    view.flags.writeable = False
    return view


def from_user(array: Payload, dims: Dims) -> Payload:
    """The inverse of `to_user`."""
    return array.swapaxes(-1, -2) if dims.timed else array


def number_payload(value: object) -> Payload | None:
    """The result of a method as an array of numbers, where it is one."""
    if value is None or isinstance(value, (list, tuple)):
        return None
    payload = unwrapped(value)
    array = payload if isinstance(payload, Traced) else np.asarray(payload)
    return array if array.dtype.kind in "fiu" else None


def padded_like(array: Payload, dims: Dims) -> Payload:
    """An array with axes of size 1 added behind its own, where it meets arrays of these sizes element by element: each of
    its axes is that of the data, or of size 1, and none reaches over observations and steps. Others stay as they are.
    """
    sizes, labels = dims.shown_sizes, dims.format
    meets = all(n == 1 or (label in "SC" and n == size)
                for n, size, label in zip(array.shape, sizes, labels, strict=False))
    if not 0 < array.ndim < len(sizes) or not meets:
        return array
    return array.reshape(*array.shape, *[1] * (len(sizes) - array.ndim))


@dataclass
class Probed:
    """Answers of calls with zeros.

    Attributes:
        sizes: Sizes of the outputs, by the numbers of time steps of the inputs.
        follows_time: Whether an output has as many time steps as the input, whatever these are.
        states: Sizes of the states that came back, by the number of observations.
    """

    sizes: dict[tuple[int | None, ...], tuple[Dims, ...]] = field(default_factory=dict)
    follows_time: tuple[bool, ...] = ()
    states: dict[int, list[tuple[int, ...]]] = field(default_factory=dict)


class UserFunction:
    """The methods of a layer as one function, as an op sees it: S… C T B in, S… C T B out.

    Args:
        layer: A layer with values for all its arrays, which nobody else has.
        inputs: Sizes of its inputs.
    """

    def __init__(self, layer: UserLayer, inputs: tuple[Dims, ...]) -> None:
        self.layer, self.inputs = layer, inputs
        self.training = False
        self.probed = Probed()

    def named(self, name: str, *, training: bool) -> Self:
        """The same for a layer of this name; what is known of sizes is shared."""
        new = copy.copy(self)
        new.layer, new.training = copy.copy(self.layer), training
        new.layer.__dict__["Name"] = name
        return new

    @property
    def label(self) -> str:
        return self.layer.label()

    # Sizes -----------------------------------------------------------------------------------------------------------
    def sizes(self, *inputs: Dims) -> tuple[Dims, ...]:
        """Sizes of the outputs and states, by calling predict with zeros where they are not known yet."""
        data = inputs[:len(self.inputs)]
        batch = data[0].batch
        return tuple(x.with_size("B", batch) for x in (*self.outputs_for(data), *self.state_dims))

    def outputs_for(self, data: Sequence[Dims]) -> tuple[Dims, ...]:
        """Sizes of the outputs, for any number of observations."""
        steps, known = tuple(x.size("T") for x in data if x.timed), self.probed.sizes
        if steps not in known:
            of_open = known.get((None,) * len(steps), ()) if steps else ()
            if None in steps:
                known[steps] = self.open_sizes(data)
            elif of_open and len({*steps}) == 1 and all(
                    follows or x.size("T") is not None or not x.timed
                    for x, follows in zip(of_open, self.probed.follows_time, strict=True)):
                known[steps] = tuple(x.with_size("T", steps[0]) if follows else x
                                     for x, follows in zip(of_open, self.probed.follows_time, strict=True))
            else:
                known[steps] = self.probe(data, *PROBES[0])
        return known[steps]

    def open_sizes(self, data: Sequence[Dims]) -> tuple[Dims, ...]:
        """Sizes where the number of steps is open: that of an output follows it, is always the same, or is open, too."""
        first, second = (self.probe(data, batch, steps) for batch, steps in PROBES)
        of_steps = tuple(steps for _, steps in PROBES)
        self.probed.follows_time = tuple((a.size("T"), b.size("T")) == of_steps
                                  for a, b in zip(first, second, strict=True))
        return tuple(a if a.size("T") == b.size("T") else a.with_size("T", None)
                     for a, b in zip(first, second, strict=True))

    def probe(self, data: Sequence[Dims], batch: int, steps: int) -> tuple[Dims, ...]:
        """Sizes of what predict makes of zeros."""
        sized = [Dims(x.labels, tuple(batch if label == "B" else steps if n is None else n
                                      for label, n in zip(x.labels, x.sizes, strict=True))) for x in data]
        zeros = [np.zeros(x.shape, np.float32) for x in sized]
        arrays = [getattr(self.layer, name) for name in (*self.layer.learnables, *self.layer.states)]
        with np.errstate(all="ignore"):
            results, _ = self.call("predict", sized, zeros, arrays)
        count, names = len(self.layer.outputs()), results_of(self.layer, "predict")
        self.probed.states[batch] = [x.shape for x in results[count:]]
        return tuple(self.output_dims(x, sized, name).with_size("B", None)
                     for x, name in zip(results[:count], names, strict=False))

    @property
    def state_dims(self) -> tuple[Dims, ...]:
        """Sizes of the states: C×B where every observation has its own, which C×1 begins with; else those that they have."""
        if not self.layer.states:
            return ()
        for batch, steps in PROBES:
            if batch not in self.probed.states:
                self.probe(self.inputs, batch, steps)
        tried, found = self.probed.states, []
        for number, name in enumerate(self.layer.states):
            size = np.shape(getattr(self.layer, name))
            returned = [(batch, tried[batch][number]) for batch, _ in PROBES]
            if all(core(shape) == core(size) for _, shape in returned):
                found.append(Dims("U" * len(size or (1,)), size or (1,)))
            elif len(size) == 2 and size[1] == 1 and all(shape == (size[0], batch) for batch, shape in returned):
                found.append(Dims.of("CB", size[0], None))
            else:
                self.wrong_state("predict", name, returned[0][1])
        return tuple(found)

    def output_dims(self, output: np.ndarray | dlarray, inputs: Sequence[Dims], name: str) -> Dims:
        """Labelled sizes of an output: its own labels, or those of the first input with as many dimensions."""
        fmt = output.labels if isinstance(output, dlarray) else ""
        fmt = fmt or next((x.format for x in inputs if len(x.format) == output.ndim), "")
        if not fmt:
            self.wrong("predict", "outputFormat", f"returned {name} with {counted(output.ndim, 'dimension')}, of size "
                       f"{times(output.shape)}, but the input is {inputs[0]}.",
                       f"Return an array with the dimensions {inputs[0].format}, such as keepdims=True leaves them. For "
                       f"another format, derive the class from Layer and Formattable, and return dlarray({name}, "
                       "'CB').")
        pairs = sorted(zip(fmt, output.shape, strict=True), key=lambda pair: ORDER.index(pair[0]))
        found = Dims("".join(label for label, _ in pairs), tuple(n for _, n in pairs))
        if found.batch != inputs[0].batch:
            axis = (fmt if "B" in fmt else inputs[0].format).index("B")
            self.wrong("predict", "batchSize", f"was called with {counted(inputs[0].batch or 0, 'observation')} and "
                       f"returned {name} of size {found}.", "Every observation has its own result: keep the dimension of "
                       f"the observations, axis {axis} of the arrays, as it is.")
        if 0 in found.sizes:
            self.wrong("predict", "emptyOutput", f"returned {name} of size {found}.", "Return an array with elements.")
        return found

    def check_lengths(self, inputs: Sequence[Value], outputs: Sequence[Value]) -> None:
        """Raise where sequences of several lengths come out with other numbers of time steps."""
        if any(x.lengths is not None for x in inputs) and any(
                (y.dims.timed and y.dims.size("T") != inputs[0].dims.size("T")) or (y.dims.timed and not follows)
                for y, follows in zip(outputs, self.probed.follows_time or [True] * len(outputs), strict=False)):
            fail(f"{self.label}:lengthsChange", f"{type(self.layer).__name__} changes the number of time steps, and the "
                 "sequences of a mini-batch have several lengths.", "Pass sequences of one length, MiniBatchSize=1, or keep "
                 "the number of steps.", layer=self.layer.Name)

    # Runs ------------------------------------------------------------------------------------------------------------
    @property
    def taped(self) -> bool:
        """Whether its gradient comes from the tape: the class gives none."""
        return not self.layer.has("backward")

    def forward(self, *inputs: np.ndarray, needs: Sequence[bool] = ()) -> Results:
        if self.taped and any(needs):
            return traced_call(lambda payloads: self.run(payloads, traced=True)[0], inputs, needs)
        results, memory = self.run(inputs)
        return Results(tuple(map(raw_values, results)), memory)

    def run(self, inputs: Sequence[Payload], *, traced: bool = False) -> tuple[list[Payload], object]:
        """The outputs and states that a method returns, and its memory; with ``traced``, methods get dlarrays."""
        data, arrays, sized = self.split(inputs)
        method = "forward" if self.training and self.layer.has("forward") else "predict"
        expected, count = self.sizes(*sized), len(self.layer.outputs())
        if not sized[0].batch:  # nothing is computed of no observations
            return [*(np.zeros(x.shape) for x in expected[:count]), *arrays[len(self.layer.learnables):]], None
        results, memory = self.call(method, sized, data, arrays, traced=traced)
        outputs = [self.fitting(x, want, method, name, sized)
                   for x, want, name in zip(results[:count], expected, results_of(self.layer, method), strict=False)]
        return [*outputs, *self.checked_states(results[count:], expected[count:], method)], memory

    def split(self, inputs: Sequence[Payload]) -> tuple[Sequence[Payload], Sequence[Payload], list[Dims]]:
        """Inputs, then learnables and states, and the sizes of the inputs."""
        count = len(self.inputs)
        sized = [Dims(x.labels, array.shape) for x, array in zip(self.inputs, inputs, strict=False)]
        return inputs[:count], inputs[count:], sized

    def worker(self, sized: Sequence[Dims], arrays: Sequence[Payload], *, traced: bool = False) -> UserLayer:
        """A layer for one call, which sees these arrays as its attributes."""
        worker = copy.copy(self.layer)
        for name, array in zip((*worker.learnables, *worker.states), arrays, strict=True):
            of_sequences = name in worker.states and array.ndim == 2 and sized[0].timed  # C×1, or C×N: never known before
            view = as_read_only(array if of_sequences else padded_like(array, sized[0]))
            worker.__dict__[name] = as_dlarray(view, "") if traced else view
        return worker

    def call(self, method: str, sized: Sequence[Dims], data: Sequence[Payload], arrays: Sequence[Payload], *,
             traced: bool = False) -> tuple[list[np.ndarray | dlarray], object]:
        """The arrays that predict or forward returns, and what forward wants to remember."""
        given = [self.given(x, dims, traced=traced) for x, dims in zip(data, sized, strict=True)]
        result = called_method(self.worker(sized, arrays, traced=traced), method, given)
        names = results_of(self.layer, method)
        values = self.several(result, names, method)
        memory = values.pop() if method == "forward" else None
        return [self.array(value, name, method) for value, name in zip(values, names, strict=False)], memory

    def given(self, array: Payload, dims: Dims, *, traced: bool = False) -> np.ndarray | dlarray:
        """An input as the layer wants it."""
        view: np.ndarray = to_user(array, dims)
        if self.layer.wants_labels:
            return as_dlarray(view, dims.format)
        return as_dlarray(view, "") if traced else view

    def several(self, result: object, names: Sequence[str], method: str) -> list[object]:
        """The parts of a result."""
        form = f"({', '.join(names)})" if len(names) > 1 else names[0]
        if result is None:
            self.wrong(method, "nothingReturned", "returned nothing.", f"End it with return {form}.")
        if isinstance(result, list):
            self.wrong(method, "listReturned", f"returned a list of {len(result)}.",
                       f"Return a tuple of arrays, or one array: return {form}.")
        values = list(result) if isinstance(result, tuple) else [result]
        if len(values) != len(names):
            if method == "forward" and len(values) == len(names) - 1 and not self.layer.has("backward"):
                return [*values, None]
            self.wrong(method, "resultCount", f"returned {counted(len(values), 'value')}, but {len(names)} are needed: "
                       f"{form}.", f"End it with return {form}."
                       + (" A memory that backward does not need may be None." if method == "forward" else ""))
        return values

    def array(self, value: object, name: str, method: str) -> np.ndarray | dlarray:
        """A returned array, which must hold real numbers in floating point."""
        if not isinstance(value, np.ndarray | np.generic | float | dlarray):
            self.wrong(method, "notAnArray", f"returned {show(value)} as {name}.", f"Return {name} as an array of NumPy.")
        array = value if isinstance(value, np.ndarray | dlarray) else np.asarray(value)
        if array.dtype.kind != "f":
            self.wrong(method, "wrongType", f"returned {name} as an array of type {array.dtype}.",
                       "Return floating-point numbers: " + (f"{name}.real." if array.dtype.kind == "c" else
                                                            f"{name}.astype(X.dtype)."))
        return array

    def fitting(self, output: object, expected: Dims, method: str, name: str, inputs: Sequence[Dims]) -> Payload:
        """An output in the axes of ops; it must have the size that the analysis found."""
        order = [n for label, n in expected.shown]
        array = unwrapped(output)
        if array.shape != tuple(order):
            self.wrong(method, "outputSize", f"returned {name} of size {times(array.shape)} for an input of size "
                       f"{times(inputs[0].shown_sizes)}, but predict returned {times(order)} for zeros.",
                       "Return arrays whose size depends on nothing but the size of the input, the same in predict and "
                       "forward.")
        return from_user(array, expected)

    def checked_states(self, returned: Sequence[object], expected: Sequence[Dims], method: str) -> list[Payload]:
        """The states that a method returned, in their sizes."""
        states = list(map(unwrapped, returned))
        for name, value, want in zip(self.layer.states, states, expected, strict=True):
            if core(value.shape) != core(want.shape):
                self.wrong_state(method, name, value.shape)
        return [value.reshape(want.shape) for value, want in zip(states, expected, strict=True)]

    def wrong_state(self, method: str, name: str, got: Sequence[int]) -> NoReturn:
        self.wrong(method, "stateSize", f"returned {name} of size {times(got)}, but the state has size "
                   f"{times(np.shape(getattr(self.layer, name)))}.", f"Return {name} in the size that it begins with. "
                   "A state that every observation has of its own begins as C×1, and is C×N from then on.")

    def wrong(self, method: str, code: str, what: str, hint: str) -> NoReturn:
        fail(f"{self.label}:{code}", f"{self.layer.told(method)} {what}", hint, layer=self.layer.Name)

    # Gradients ---------------------------------------------------------------------------------------------------------
    def backward(self, call: Call, grads: Sequence[np.ndarray | None], memory: object) -> Gradients:
        if isinstance(memory, Trace):
            return memory.gradients(grads)
        data, arrays, sized = self.split(call.inputs)
        expected, count = self.sizes(*sized), len(self.layer.outputs())
        arriving = [np.zeros_like(y) if grad is None else grad for y, grad in zip(call.outputs, grads, strict=True)]
        given = (*(self.given(x, dims) for x, dims in zip(data, sized, strict=True)),
                         *(self.given(y, dims) for y, dims in zip(call.outputs, expected[:count], strict=False)),
                         *(self.given(y, dims) for y, dims in zip(arriving, expected[:count], strict=False)),
                         *arriving[count:])
        worker = self.worker(sized, arrays)
        names = results_of(self.layer, "backward")
        values = self.several(called_method(worker, "backward", [*given, memory]), names, "backward")
        made = []
        for number, (value, name, need) in enumerate(zip(values, names, call.needs_input_grad, strict=True)):
            made.append(self.gradient(value, name, call.inputs[number], sized[number] if number < len(sized) else None)
                        if need else None)
        return tuple(made)

    def gradient(self, value: object, name: str, of: np.ndarray, dims: Dims | None) -> np.ndarray:
        """A gradient that backward returned, in the size of what it belongs to."""
        array: np.ndarray = raw_values(unwrapped(self.array(value, name, "backward")))
        size = of.shape if dims is None else tuple(n or 0 for n in dims.shown_sizes)
        if array.shape != size and (dims is not None or core(array.shape) != core(size)):
            what = name.removeprefix("dLd")
            self.wrong("backward", "gradientSize", f"returned {name} of size {times(array.shape)}, but {what} has size "
                       f"{times(size)}.", f"Return {name} in the size of {what}"
                       + ("." if dims is not None else ": sum over the dimensions along which it is repeated, with "
                          "keepdims=True."))
        return array.reshape(size) if dims is None else from_user(array, dims)


def core(shape: Sequence[int]) -> tuple[int, ...]:
    """A size without trailing ones."""
    sizes = list(shape)
    while sizes and sizes[-1] == 1:
        sizes.pop()
    return tuple(sizes)
