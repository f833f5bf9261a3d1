"""A network and its arrays, with compiled plans for the sizes it has met.

The training loop sees a `Model` as a thing that can step, evaluate, take a snapshot and restore it; prediction sees one
that can run to any port. Plans are compiled on first use of a size and kept.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import wraps
from threading import RLock, local
from time import perf_counter
from typing import Any, NamedTuple, TypeVar
from weakref import WeakSet, WeakValueDictionary

import numpy as np
from numpy.typing import DTypeLike

from dltoolbox.core.arrays import all_finite
from dltoolbox.core.display import counted
from dltoolbox.core.errors import DltoolboxError, fail
from dltoolbox.core.statements.copied import Sealed
from dltoolbox.data.sources.batches import Batch, Lengths
from dltoolbox.layers.base import Learnable
from dltoolbox.network.graph.layer_graph import LayerGraph
from dltoolbox.network.lowering.initialise import ParameterArrays, enough_memory, initial_arrays
from dltoolbox.network.lowering.lower import Lowered
from dltoolbox.network.lowering.modes import (
    Groups,
    InputSizes,
    Mode,
    Taped,
    check_problems,
    length_groups,
    lower_for,
    mode_ends,
    sizes_of,
    takes_any_type,
    trains,
)
from dltoolbox.network.networks import DAGNetwork, Network, is_series, lower_checked, network_of
from dltoolbox.ops import Graph, ParameterKey
from dltoolbox.ops.graph import Carry, Population
from dltoolbox.ops.sequences.lengths import check_lengths
from dltoolbox.program.bound_plan import ArrayPool, Layouts
from dltoolbox.program.data_layout import Result, as_complex_result, model_inputs
from dltoolbox.program.executable import Outcome, Program
from dltoolbox.program.memory import Arena, FlatArrays, Kept
from dltoolbox.program.optimized import CHAINS, OptimizedGraph, optimize
from dltoolbox.program.plan import Plan, make_plan
from dltoolbox.program.reference import PlainProgram
from dltoolbox.program.sizing import NotServedError
from dltoolbox.program.states import finalise_states, update_states
from dltoolbox.runtime import compiling
from dltoolbox.runtime.autotune import budget
from dltoolbox.runtime.threads import one_blas_thread, thread_count


class ModelParameter:
    """One learnable as solvers see it; ``value`` is updated in place."""

    def __init__(self, key: ParameterKey, spec: Learnable, value: np.ndarray) -> None:
        self.key, self.value = key, value
        self.layer, self.name = key
        self.learn_rate_factor, self.l2_factor, self.still = spec.learn_rate_factor, spec.l2_factor, spec.still


class TrainingStep(NamedTuple):
    """Results of one training step; gradients are aligned with the model's parameters, and good until the next step."""

    loss: float
    predictions: list[np.ndarray]
    gradients: list[np.ndarray | None]


Snapshot = dict[ParameterKey | str, np.ndarray]
Compiled = Program | PlainProgram

COMPILE_SECONDS = 1.2  # for trying kernels, so that compiling takes 2 s at most; beyond, the first choice is taken
PROGRAM_BYTES = 1 << 28  # of programs that a model keeps; images of many sizes must not fill the memory
RECORD_BYTES = 1 << 26  # of records of ops

F = TypeVar("F", bound=Callable[..., Any])


_models: WeakSet[Model] = WeakSet()


def _unlock_models() -> None:
    """In a forked child: a thread of the parent that was running a model will never release it there."""
    for model in list(_models):
        model.lock = RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_unlock_models)


def one_at_a_time(method: F) -> F:
    """A method of `Model` that runs plans: they share their memory from run to run, so threads take turns.

    NaN and infinities go through silently, by the rules of IEEE 754, whatever NumPy is told to say about them; the threads
    of a team have the settings of the caller.
    """
    @wraps(method)
    def locked(self: Model, *args: object, **kwargs: object) -> Any:
        with self.lock, one_blas_thread(), enough_memory(), np.errstate(all="ignore"):
            return method(self, *args, **kwargs)
    return locked  # type: ignore[return-value]


class Model(Sealed):
    """A layer graph with the values of its arrays, in one floating-point type.

    Args:
        lgraph: A layer graph; every problem of it is raised here.
        dtype: float32, or float64 for gradient checks.
        fast: False runs the ops' own NumPy bodies instead of the kernels.
        draw: False refuses to initialise arrays that have no value; the arrays then never change.
        precision: ``'fast'`` permits convolution algorithms with roundings ten times larger.
        lowered: The checked record of the graph for prediction, where somebody has it already.
        arrays: Values of all arrays; by default those of the layers, or drawn.
    """

    _open = True

    @enough_memory()
    def __init__(self, lgraph: LayerGraph, dtype: DTypeLike = np.float32, *, fast: bool = True, draw: bool = True,
                 precision: str = "default", lowered: Lowered | None = None, arrays: ParameterArrays | None = None) -> None:
        self.lgraph, self.dtype, self.fast, self.precision = lgraph, np.dtype(dtype), fast, precision
        lowered = lower_checked(lgraph) if lowered is None else lowered
        self.constant = not draw
        values = initial_arrays(lowered, self.dtype, draw=draw) if arrays is None else arrays
        learnables = {ParameterKey(info.layer.Name, a.name): a
                      for info in lowered.layers for a in info.arrays if isinstance(a, Learnable)}
        self.shapes = {key: values[key].shape for key in learnables}
        self.learnables = FlatArrays({} if self.constant else self.shapes, self.dtype)
        for key, view in self.learnables.items():
            view[...] = values[key]
        self.arrays: ParameterArrays = {key: np.ascontiguousarray(value).reshape(value.shape)
                                        for key, value in values.items()}
        self.states = {key: value for key, value in self.arrays.items() if key not in self.learnables}
        self.arrays.update(self.learnables)
        self.parameters = [ModelParameter(key, a, self.arrays[key]) for key, a in learnables.items()]
        self.arenas: list[Arena] = []
        self.layouts: dict[Hashable, Layouts] = {}  # by everything but sizes that makes a program
        self.initial_states = {key: self.arrays[key] for key in lowered.graph.carried}
        self.common_states = lowered.graph.common
        self.pool: ArrayPool = WeakValueDictionary()
        self._left = local()
        self.frozen = {key for key, a in learnables.items() if a.frozen}
        self.gradient_vectors: dict[str, list[FlatArrays]] = {"train": [], "gradients": [], "taped": []}  # one per thread
        self.series = is_series(lgraph)
        self.inputs = model_inputs(lgraph)
        self.any_type = [takes_any_type(lowered.graph, value) for value in lowered.graph.inputs]
        self.leaving = [value.dims for value in lowered.graph.results]  # for inputs of the declared sizes
        self.lock = RLock()
        _models.add(self)
        self._programs: Kept[Any, Compiled] = Kept(PROGRAM_BYTES)
        self._records: Kept[Any, Any] = Kept(RECORD_BYTES)
        self._records.put((False, tuple(entry.dims.sizes[:-1] for entry in self.inputs), ()), lowered, 0)
        self._sealed = True

    # Training --------------------------------------------------------------------------------------------------------
    @one_at_a_time
    def step(self, inputs: Sequence[np.ndarray], targets: Sequence[np.ndarray], *, lengths: Lengths = None,
             continues: np.ndarray | None = None, carry: bool = False) -> TrainingStep:
        """Forward and backward in training mode on one mini-batch; moves the running statistics."""
        outcome = self.run("train", inputs, targets, lengths=lengths, states=self.left(continues), carry=carry)
        update_states(self.arrays, outcome)
        return TrainingStep(outcome.loss, outcome.results, [outcome.gradients.get(p.key) for p in self.parameters])

    @one_at_a_time
    def evaluate(self, inputs: Sequence[np.ndarray], targets: Sequence[np.ndarray], *, lengths: Lengths = None,
                 continues: np.ndarray | None = None, carry: bool = False) -> tuple[float, list[np.ndarray]]:
        """Loss and predictions in prediction mode."""
        outcome = self.run("evaluate", inputs, targets, lengths=lengths, states=self.left(continues), carry=carry)
        return outcome.loss, outcome.results

    def spoilt_state(self) -> ParameterKey | None:
        """The first state that is NaN or Inf."""
        return next((key for key, value in self.states.items() if not all_finite(value)), None)

    def snapshot(self, into: Snapshot | None = None) -> Snapshot:
        """Copies of all parameters and states; ``into`` is an earlier snapshot whose memory may be used."""
        present = self._everything()
        if into is None:
            return {key: value.copy() for key, value in present.items()}
        for key, value in present.items():
            into[key][...] = value
        return into

    def restore(self, snapshot: Snapshot) -> None:
        for key, value in self._everything().items():
            value[...] = snapshot[key]

    def _everything(self) -> Snapshot:
        """All arrays, the learnables as one."""
        everything: Snapshot = {"learnables": self.learnables.vector}
        return everything | self.states

    @one_at_a_time
    def finalize_statistics(self, batches: Iterable[Batch]) -> None:
        """Set the batch normalisation statistics to those of the whole set: one pass in training mode."""
        def forward(batch: Batch) -> Outcome | None:
            updates = self.lowered(sizes_of(batch.inputs), training=True).graph.updates
            if not any(isinstance(update.rule, Population) for update in updates):
                return None
            return self.run("statistics", batch.inputs, lengths=batch.lengths, states=self.left(batch.continues),
                            carry=batch.carry)
        finalise_states(self.arrays, batches, forward)

    def assign(self, key: ParameterKey, value: np.ndarray) -> None:
        """Set an array of a layer, in any shape of as many elements."""
        self.arrays[key][...] = value.reshape(self.arrays[key].shape)

    def network(self) -> DAGNetwork:
        """The network with the present values as the properties of its layers."""
        return network_of(self.lgraph, self.arrays, series=self.series)

    # Running ---------------------------------------------------------------------------------------------------------
    @one_at_a_time
    def predict(self, inputs: Sequence[np.ndarray], ports: Sequence[str] = ()) -> list[np.ndarray]:
        """Values at output ports (``conv_1/out``), by default what leaves the network, in prediction mode."""
        return [result.array for result in self.results(inputs, ports)]

    @one_at_a_time
    def results(self, inputs: Sequence[np.ndarray], ports: Sequence[str] = (), *, lengths: Lengths = None,
                continues: np.ndarray | None = None, carry: bool = False,
                states: Mapping[ParameterKey, np.ndarray] | None = None) -> list[Result]:
        """The same with the dimensions and lengths of each; ``states`` are those to begin with."""
        return collected(self.run("predict", inputs, ports=tuple(ports), lengths=lengths, carry=carry,
                                   states=self.left(continues) if states is None else states), ports)

    @one_at_a_time
    def gradients(self, inputs: Sequence[np.ndarray], targets: Sequence[np.ndarray], *, lengths: Lengths = None
                  ) -> tuple[float, dict[ParameterKey, np.ndarray], list[np.ndarray]]:
        """Loss, and its gradients with respect to all learnables and all inputs, in training mode."""
        outcome = self.run("gradients", inputs, targets, lengths=lengths)
        return outcome.loss, {key: value.copy() for key, value in outcome.gradients.items()}, list(outcome.input_gradients)

    def prepare(self, inputs: Sequence[np.ndarray], ports: Sequence[str] = ()) -> None:
        """Compile for predicting data of these sizes; raises what stands against it."""
        self.program("predict", inputs, tuple(ports))

    def run(self, mode: Mode, inputs: Sequence[np.ndarray], targets: Sequence[np.ndarray] = (),
            ports: tuple[str, ...] = (), *, lengths: Lengths = None,
            states: Mapping[ParameterKey, np.ndarray] | None = None, carry: bool = False) -> Outcome:
        """One run of a mode; see `Batch` for lengths and ``carry``, `carried_into` for ``states``."""
        with self.placing():
            program, entering = self.to_run(mode, inputs, ports, lengths, states, carry=carry)
            start = perf_counter()
            outcome = program.run(entering, targets, constant=self.constant)
            compiling.spend(perf_counter() - start)
        if carry:
            self._left.states = carried_by(outcome)
        return outcome

    @contextmanager
    def placing(self) -> Iterator[None]:
        """Functions from outside know the names of layers, but not their places."""
        try:
            yield
        except DltoolboxError as error:
            placed = self.lgraph.placed(error)
            raise placed from placed.__cause__

    def to_run(self, mode: Mode, inputs: Sequence[np.ndarray], ports: tuple[str, ...], lengths: Lengths,
               states: Mapping[ParameterKey, np.ndarray] | None, *, carry: bool) -> tuple[Compiled, list[np.ndarray]]:
        """The program for a run, and all that enters it but targets."""
        groups, distinct = length_groups(lengths)
        program = self._program(mode, inputs, ports, groups, carry)
        entering = [*inputs, *distinct]
        if program.graph.carried:
            entering += self.carried_into(program.graph, inputs[0].shape[-1], states)
        if distinct:
            check_lengths(program.graph, distinct)
        return program, entering

    @property
    def carried(self) -> ParameterArrays:
        """The states that the last run left that was asked for them, of those of this thread: others may use the model."""
        states: ParameterArrays = getattr(self._left, "states", {})
        return states

    def left(self, continues: np.ndarray | None) -> ParameterArrays | None:
        """The states that the last run left, of the observations that go on, and the layers' of others; None: all begin."""
        if continues is None:
            return None
        return {key: state if key in self.common_states else np.where(continues < 0, self.arrays[key], state[:, continues])
                for key, state in self.carried.items()}

    def carried_into(self, graph: Graph, batch: int,
                     states: Mapping[ParameterKey, np.ndarray] | None) -> list[np.ndarray]:
        """The states that a run begins with: those given, else the layers'; one column may do for all observations."""
        entering = []
        for key, value in graph.carried.items():
            state = self.arrays[key] if states is None else states[key]
            if key in self.common_states:
                entering.append(state.reshape(value.dims.shape))
                continue
            if state.shape[-1] not in (1, batch):
                fail("network:stateMismatch", f"{key.name} of layer '{key.layer}' belongs to "
                     f"{counted(state.shape[-1], 'sequence')}, but there are {batch}.",
                     "Begin again with net = resetState(net). Or pass as many sequences as before, in the same order.",
                     layer=key.layer)
            entering.append(np.broadcast_to(state, (len(state), batch)))
        return entering

    @one_at_a_time
    def program(self, mode: Mode, inputs: Sequence[np.ndarray], ports: tuple[str, ...] = ()) -> Compiled:
        """The program for a mode and the sizes of these inputs; compiled on first use, forgotten when long unused."""
        return self._program(mode, inputs, ports)

    def _program(self, mode: Mode, inputs: Sequence[np.ndarray], ports: tuple[str, ...], groups: Groups = (),
                 carry: bool = False) -> Compiled:
        """`program` for whoever has locked the model already: locking again takes as long as a small step."""
        types = tuple(self.types([array.dtype for array in inputs]))
        key = (mode, tuple(array.shape for array in inputs), types, ports, groups, carry, thread_count(),
               compiling.compiling_pays())
        program = self._programs.get(key)
        if program is None:
            program = self.compile(mode, inputs, ports, groups, carry)
            self._programs.put(key, program, program.bytes)
        return program

    def types(self, stored: Sequence[np.dtype]) -> list[np.dtype]:
        """In which type each input enters: the model's, but data that will be shifted first keep their own digits."""
        return [min(np.promote_types(dtype, self.dtype), np.dtype(np.float64), key=lambda dtype: dtype.itemsize)
                if any_type else self.dtype for dtype, any_type in zip(stored, self.any_type, strict=True)]

    def compile(self, mode: Mode, inputs: Sequence[np.ndarray], ports: tuple[str, ...], groups: Groups = (),
                carry: bool = False) -> Compiled:
        layouts = self.layouts.setdefault((mode, ports, groups, carry), {})
        with budget(COMPILE_SECONDS):
            for optimized in self.optimized(mode, inputs, ports, groups, carry):
                with suppress(NotServedError):
                    return self._compiled(optimized, mode, inputs, layouts)
        raise AssertionError("the record for these very sizes does not serve them")

    def _compiled(self, optimized: OptimizedGraph, mode: Mode, inputs: Sequence[np.ndarray], layouts: Layouts) -> Compiled:
        types, entering = self.types([array.dtype for array in inputs]), [array.shape for array in inputs]
        if not self.fast:
            whole = optimized.at(entering)
            return PlainProgram(whole, self.arrays, dtype=self.dtype,
                                types=dict(zip(whole.graph.inputs, types, strict=True)))

        def plan_of(sized: OptimizedGraph, threads: int) -> Plan:
            return make_plan(sized, dtype=self.dtype, types=dict(zip(sized.graph.inputs, types, strict=True)),
                             threads=threads, precision=self.precision)
        threads = thread_count()
        self.arenas += [Arena() for _ in range(threads - len(self.arenas))]
        return Program(optimized, entering, plan_of, threads, self.arrays, self.vectors_for(mode, threads), self.arenas,
                       layouts, None if self.constant else self.pool)

    def vectors_for(self, mode: Mode, threads: int) -> Sequence[FlatArrays]:
        """For every thread, where gradients go; frozen learnables get none in training."""
        vectors = self.gradient_vectors.get("taped" if isinstance(mode, Taped) else mode)
        if vectors is None or (isinstance(mode, Taped) and mode.without >= self.shapes.keys()):
            return ()
        shapes = {key: shape for key, shape in self.shapes.items() if mode != "train" or key not in self.frozen}
        vectors += [FlatArrays(shapes, self.dtype) for _ in range(threads - len(vectors))]
        return vectors

    def optimized(self, mode: Mode, inputs: Sequence[np.ndarray], ports: tuple[str, ...], groups: Groups = (),
                  carry: bool = False) -> Iterator[OptimizedGraph]:
        """The program of a mode for data of these sizes, made once for all numbers of observations and lengths of time; and
        one for these lengths, should that not serve.
        """
        sizes = sizes_of(inputs)
        yield self._optimized(mode, tuple((*size[:-1], None) if entry.dims.timed else size
                                          for size, entry in zip(sizes, self.inputs, strict=True)), ports, groups, carry)
        yield self._optimized(mode, sizes, ports, groups, carry)

    def _optimized(self, mode: Mode, sizes: InputSizes, ports: tuple[str, ...], groups: Groups,
                   carry: bool) -> OptimizedGraph:
        key = mode, sizes, ports, groups, carry
        made = self._records.get(key)
        if made is None:
            graph = self.lowered(sizes, training=trains(mode), ports=ports, groups=groups).graph
            made = optimize(graph, *mode_ends(graph, mode, ports, self.frozen, carry=carry),
                            chains=CHAINS if self.fast else None)
            self._records.put(key, made, made.graph.bytes)
        return made

    def lowered(self, sizes: InputSizes, *, training: bool, ports: Sequence[str] = (), groups: Groups = ()) -> Lowered:
        """The record of ops for data of these sizes, however many; every problem before these ports, or all, is raised."""
        key = training, sizes, groups
        lowered = self._records.get(key)
        if lowered is None:
            lowered = lower_for(self.lgraph, {entry.name: entry.dims for entry in self.inputs}, sizes, training=training,
                                groups=groups)
            self._records.put(key, lowered, lowered.graph.bytes)
        check_problems(lowered, ports)
        return lowered


def collected(outcome: Outcome, ports: Sequence[str] = ()) -> list[Result]:
    """The values that leave the network, or those at ports, with the dimensions and lengths of each."""
    graph = outcome.graph
    values = [graph.ports[port] for port in ports] if ports else graph.results
    results = [Result(outcome[value], value.dims, None if value.lengths is None else outcome[value.lengths])
               for value in values]
    where = {at for at, port in enumerate(ports or graph.leaving) if port in graph.complex}
    return [as_complex_result(result) if at in where else result for at, result in enumerate(results)]


def carried_by(outcome: Outcome) -> ParameterArrays:
    """The states that a run leaves to the next one."""
    return {update.key: outcome[update.value] for update in outcome.graph.updates if isinstance(update.rule, Carry)}


def model_of(net: Network) -> Model:
    """The model of a finished network, kept with it so that its plans are compiled once."""
    if "model" not in net.cache:
        net.cache["model"] = Model(net.in_state({}), draw=False)
    model: Model = net.cache["model"]
    return model
