"""A network and its arrays, with compiled plans for the sizes it has met.

The training loop sees a `Model` as a thing that can step, evaluate, take a snapshot and restore it; prediction sees one
that can run to any port. Plans are compiled on first use of a size and kept.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from functools import wraps
from threading import RLock
from typing import Any, NamedTuple, TypeVar
from weakref import WeakSet

import numpy as np

from dltoolbox.core.formats import Dims
from dltoolbox.layers.base import Learnable
from dltoolbox.network.initialise import Arrays, initial_arrays
from dltoolbox.network.layergraph import LayerGraph
from dltoolbox.network.lowering import lower
from dltoolbox.network.networks import DAGNetwork, checked, is_series, network_of
from dltoolbox.ops import ParameterKey, Value
from dltoolbox.program.border import input_layers
from dltoolbox.program.plan import Plan, make_plan
from dltoolbox.program.run import Run
from dltoolbox.program.statistics import move_statistics, settle_statistics
from dltoolbox.program.threads import one_blas_thread


class Parameter:
    """One learnable as solvers see it; ``value`` is updated in place."""

    def __init__(self, key: ParameterKey, spec: Learnable, value: np.ndarray) -> None:
        self.key, self.value = key, value
        self.layer, self.name = key
        self.learn_rate_factor, self.l2_factor = spec.learn_rate_factor, spec.l2_factor


class StepResult(NamedTuple):
    """What one training step found; gradients are aligned with the model's parameters."""

    loss: float
    predictions: list[np.ndarray]
    gradients: list[np.ndarray | None]


Snapshot = dict[ParameterKey, np.ndarray]

MOST_PLANS = 32  # kept per model; images of many sizes must not fill the memory

F = TypeVar("F", bound=Callable[..., Any])


_models: WeakSet[Model] = WeakSet()


def _unlock_models() -> None:
    """In a forked child: a thread of the parent that was running a model will never release it there."""
    for model in list(_models):
        model.lock = RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_unlock_models)


def one_at_a_time(method: F) -> F:
    """A method of `Model` that runs plans: they share their memory from run to run, so threads take turns."""
    @wraps(method)
    def locked(self: Model, *args: Any, **kwargs: Any) -> Any:
        with self.lock, one_blas_thread():
            return method(self, *args, **kwargs)
    return locked  # type: ignore[return-value]


class Model:
    """A layer graph with the values of its arrays, in one floating-point type.

    Args:
        lgraph: A layer graph; every fault of it is raised here.
        dtype: float32, or float64 for gradient checks.
        fast: False runs the ops' own NumPy bodies instead of the kernels.
        draw: False refuses to initialise arrays that have no value.
    """

    def __init__(self, lgraph: LayerGraph, dtype: Any = np.float32, *, fast: bool = True, draw: bool = True) -> None:
        self.lgraph, self.dtype, self.fast = lgraph, np.dtype(dtype), fast
        lowered = checked(lgraph)
        self.arrays: Arrays = initial_arrays(lowered, self.dtype, draw=draw)
        self.parameters = [Parameter(key := ParameterKey(info.layer.Name, a.name), a, self.arrays[key])
                           for info in lowered.layers for a in info.arrays if isinstance(a, Learnable)]
        self.series = is_series(lgraph)
        self.inputs = input_layers(lgraph)
        self.lock = RLock()
        _models.add(self)
        self._plans: dict[Any, Plan] = {}  # the most recently used last

    # Training --------------------------------------------------------------------------------------------------------
    @one_at_a_time
    def step(self, inputs: Sequence[np.ndarray], targets: Sequence[np.ndarray]) -> StepResult:
        """Forward and backward in training mode on one mini-batch; moves the running statistics."""
        plan = self.plan("train", inputs)
        run = Run(plan, self.arrays, self.cast(inputs), self.cast(targets))
        run.forward()
        loss, predictions = run.loss, run.results
        found = run.backward()
        move_statistics(self.arrays, run)
        values = plan.graph.arrays
        gradients = [found.get(values[p.key]) if p.key in values else None for p in self.parameters]
        return StepResult(loss, predictions, gradients)

    @one_at_a_time
    def evaluate(self, inputs: Sequence[np.ndarray], targets: Sequence[np.ndarray]) -> tuple[float, list[np.ndarray]]:
        """Loss and predictions in prediction mode."""
        plan = self.plan("evaluate", inputs)
        run = Run(plan, self.arrays, self.cast(inputs), self.cast(targets))
        run.forward()
        return run.loss, run.results

    def snapshot(self, into: Snapshot | None = None) -> Snapshot:
        """Copies of all parameters and states; ``into`` is an earlier snapshot whose memory may be used."""
        if into is None:
            return {key: value.copy() for key, value in self.arrays.items()}
        for key, value in self.arrays.items():
            into[key][...] = value
        return into

    def restore(self, snapshot: Snapshot) -> None:
        for key, value in snapshot.items():
            self.arrays[key][...] = value

    @one_at_a_time
    def finalize_statistics(self, batches: Iterable[Sequence[np.ndarray]]) -> None:
        """Set the batch normalisation statistics to those of the whole set: one pass in training mode."""
        def forward(inputs: Sequence[np.ndarray]) -> Run | None:
            plan = self.plan("statistics", inputs)
            if not plan.graph.updates:
                return None
            run = Run(plan, self.arrays, self.cast(inputs))
            run.forward()
            return run
        settle_statistics(self.arrays, batches, forward)

    def network(self) -> DAGNetwork:
        """The network with the present values as the properties of its layers."""
        return network_of(self.lgraph, self.arrays, series=self.series)

    # Running ---------------------------------------------------------------------------------------------------------
    @one_at_a_time
    def predict(self, inputs: Sequence[np.ndarray], ports: Sequence[str] = ()) -> list[np.ndarray]:
        """Values at output ports (``conv_1/out``), by default what reaches the output layers, in prediction mode."""
        plan = self.plan("predict", inputs, tuple(ports))
        return Run(plan, self.arrays, self.cast(inputs)).forward()

    @one_at_a_time
    def gradients(self, inputs: Sequence[np.ndarray],
                  targets: Sequence[np.ndarray]) -> tuple[float, dict[ParameterKey, np.ndarray], list[np.ndarray]]:
        """Loss, and its gradients with respect to all learnables and all inputs, in training mode."""
        plan = self.plan("gradients", inputs)
        run = Run(plan, self.arrays, self.cast(inputs), self.cast(targets))
        run.forward()
        found = run.backward()
        values = plan.graph.arrays
        return (run.loss, {p.key: found[values[p.key]] for p in self.parameters if values[p.key] in found},
                [found[value] for value in plan.graph.inputs])

    def cast(self, arrays: Sequence[np.ndarray]) -> list[np.ndarray]:
        return [np.asarray(a, self.dtype) for a in arrays]

    @one_at_a_time
    def plan(self, mode: str, inputs: Sequence[np.ndarray], ports: tuple[str, ...] = ()) -> Plan:
        """The plan for a mode and the sizes of these inputs; compiled on first use, forgotten when long unused."""
        key = (mode, tuple(a.shape for a in inputs), ports)
        plan = self._plans.pop(key, None) or self.compile(mode, inputs, ports)
        self._plans[key] = plan
        if len(self._plans) > MOST_PLANS:
            del self._plans[next(iter(self._plans))]
        return plan

    def compile(self, mode: str, inputs: Sequence[np.ndarray], ports: tuple[str, ...]) -> Plan:
        sources = {one.Name: Dims(one.labels, a.shape) for one, a in zip(self.inputs, inputs, strict=True)}
        lowered = lower(self.lgraph, training=mode in ("train", "statistics", "gradients"), sources=sources)
        graph = lowered.graph
        if not ports or any(port not in graph.ports for port in ports):  # layers behind the ports may refuse the size
            lowered.issues.raise_if_any()
        learnables = [value for key, value in graph.arrays.items() if key in graph.learnables]
        updates = [update.value for pair in graph.updates for update in pair]
        wanted: list[Value] = {
            "train": [*graph.results, *graph.losses, *updates], "evaluate": [*graph.results, *graph.losses],
            "statistics": updates, "gradients": graph.losses,
            "predict": [graph.ports[p] for p in ports] or graph.results}[mode]
        sought = {"train": learnables, "gradients": [*learnables, *graph.inputs]}.get(mode, [])
        return make_plan(graph, wanted, gradients_of=sought, fast=self.fast)


def model_of(net: DAGNetwork) -> Model:
    """The model of a finished network, kept with it so that its plans are compiled once."""
    if "model" not in net.cache:
        net.cache["model"] = Model(net, draw=False)
    model: Model = net.cache["model"]
    return model
