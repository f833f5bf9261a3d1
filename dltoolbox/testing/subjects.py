"""Layers as their checks see them: predictions, training runs and gradients of arrays in MATLAB's order, S… C B T.

A layer with methods of its own is called directly, so that nothing between hides what the methods do. Others run in a
network of input layers, the layer, and a regression output for each of its outputs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import DTypeLike

from dltoolbox.autodiff.dlarray import as_dlarray, dlarray, unwrapped
from dltoolbox.core.dims import Dims
from dltoolbox.core.random import rng as restart
from dltoolbox.layers.base import LAYERS, Layer
from dltoolbox.layers.custom.calls import UserFunction, called_method, results_of
from dltoolbox.layers.custom.user_layer import UserLayer
from dltoolbox.network.graph.layer_graph import LayerGraph, layerGraph
from dltoolbox.network.graph.surgery import addLayers, connectLayers
from dltoolbox.ops import Call
from dltoolbox.program.model import Model
from dltoolbox.testing.derivatives import untied

NAME = "layer"  # of the layer in its network
ArrayList = list[np.ndarray]


class LossGradients(dict[str, np.ndarray]):
    """Gradients of a loss by what they belong to, an input's name or a learnable's."""

    loss: float = 0.0


class LayerSubject(Protocol):
    """A layer that is checked, in one precision."""

    layer: Layer
    inputs: tuple[Dims, ...]
    learnables: dict[str, np.ndarray]  # whose values count: those that are changed here

    @property
    def batch_axes(self) -> list[int]:
        """The axis of the observations of every output, -1 where it has none."""

    def predict(self, xs: Sequence[np.ndarray]) -> ArrayList:
        """The outputs."""

    def forward(self, xs: Sequence[np.ndarray]) -> ArrayList:
        """The outputs in training."""

    def loss(self, xs: Sequence[np.ndarray]) -> float:
        """A number that training would bring down; random draws begin anew."""

    def gradients(self, xs: Sequence[np.ndarray]) -> LossGradients:
        """Its gradients with respect to all inputs and learnables."""


def sample_data(inputs: Sequence[Dims], batch: int, steps: int, dtype: DTypeLike, seed: int = 3) -> ArrayList:
    """Data of these sizes; repeated numbers and numbers near zero do not occur."""
    rng = np.random.default_rng(seed)
    return [untied(rng, tuple(batch if label == "B" else steps if n is None else n for label, n in x.shown),
                   np.dtype(dtype).type) for x in inputs]


def batch_axis(dims: Dims) -> int:
    return dims.format.find("B")


def time_moved(array: np.ndarray, dims: Dims) -> np.ndarray:
    """S… C B T as S… C T B, or back."""
    return array.swapaxes(-1, -2) if dims.timed else array


class BuiltSubject:
    """A layer that says in ops what it does."""

    def __init__(self, layer: Layer, inputs: tuple[Dims, ...], dtype: DTypeLike, *, fast: bool = True) -> None:
        self.inputs, self.dtype = inputs, np.dtype(dtype)
        restart(0)
        self.model = Model(network_around(layer, inputs), dtype, fast=fast)
        self.layer = next(one for one in self.model.lgraph.nodes if one.Name == NAME)
        random = np.random.default_rng(7)
        for key, value in self.model.arrays.items():
            if key.layer == NAME:
                spread = key in self.model.states or key.name == "Scale"
                value[...] = random.uniform(0.5, 2, value.shape) if spread else random.standard_normal(value.shape)
        self.learnables = {p.name: p.value for p in self.model.parameters if p.layer == NAME}
        self.ports = [f"{NAME}/{port}" for port in self.layer.outputs()]

    @property
    def batch_axes(self) -> list[int]:
        xs = self.inside(sample_data(self.inputs, 2, 3, self.dtype))
        return [batch_axis(result.dims) for result in self.model.results(xs, self.ports)]

    def inside(self, xs: Sequence[np.ndarray]) -> ArrayList:
        return [time_moved(x, dims) for x, dims in zip(xs, self.inputs, strict=True)]

    def predict(self, xs: Sequence[np.ndarray]) -> ArrayList:
        return [time_moved(result.array, result.dims) for result in self.model.results(self.inside(xs), self.ports)]

    def targets(self, xs: Sequence[np.ndarray]) -> ArrayList:
        random = np.random.default_rng(5)
        return [random.standard_normal(y.array.shape).astype(self.dtype) for y in self.model.results(self.inside(xs))]

    def forward(self, xs: Sequence[np.ndarray]) -> ArrayList:
        restart(0)
        outcome = self.model.run("train", self.inside(xs), self.targets(xs))
        return [time_moved(outcome[value], value.dims) for value in outcome.graph.results]

    def loss(self, xs: Sequence[np.ndarray]) -> float:
        targets = self.targets(xs)
        restart(0)
        return float(self.model.run("gradients", self.inside(xs), targets).loss)

    def gradients(self, xs: Sequence[np.ndarray]) -> LossGradients:
        targets = self.targets(xs)
        restart(0)
        loss, learnables, entering = self.model.gradients(self.inside(xs), targets)
        entering = entering or [np.zeros_like(x) for x in self.inside(xs)]
        found = LossGradients({port: time_moved(gradient, dims) for port, gradient, dims in
                           zip(self.layer.inputs(), entering, self.inputs, strict=True)})
        found.update({key.name: value for key, value in learnables.items() if key.layer == NAME})
        found.loss = float(loss)
        return found


def network_around(layer: Layer, inputs: Sequence[Dims]) -> LayerGraph:
    """Input layers for data of these sizes, the layer, and an output layer for each of its outputs."""
    one = layer.copy()
    one.Name = NAME
    lgraph = layerGraph([one])
    for port, dims in zip(layer.inputs(), inputs, strict=True):
        sizes = [float("nan") if label in "BT" else n for label, n in dims.shown]
        lgraph = addLayers(lgraph, LAYERS["inputLayer"](sizes, dims.format, Name=f"from_{port}"))
        lgraph = connectLayers(lgraph, f"from_{port}", f"{NAME}/{port}" if len(inputs) > 1 else NAME)
    for port in layer.outputs():
        lgraph = addLayers(lgraph, LAYERS["regressionLayer"](Name=f"to_{port}"))
        lgraph = connectLayers(lgraph, f"{NAME}/{port}" if layer.NumOutputs > 1 else NAME, f"to_{port}")
    return lgraph


class UserSubject:
    """A layer of the user's, whose methods are called with arrays that they may change, so that changes are seen."""

    def __init__(self, layer: UserLayer, inputs: tuple[Dims, ...], dtype: DTypeLike) -> None:
        self.inputs, self.dtype = inputs, np.dtype(dtype)
        self.function = UserFunction(layer.filled(inputs), inputs)
        self.layer = self.function.layer
        self.learnables = {name: np.array(getattr(self.layer, name), self.dtype) for name in self.layer.learnables}
        self.states = {name: np.array(getattr(self.layer, name), self.dtype) for name in self.layer.states}

    @property
    def batch_axes(self) -> list[int]:
        xs = sample_data(self.inputs, 2, 3, self.dtype)
        return [batch_axis(y) for y in self.output_dims("predict", self.run("predict", xs), xs)]

    def output_dims(self, method: str, values: Sequence[object], xs: Sequence[np.ndarray]) -> list[Dims]:
        """Labelled sizes of what a method returned."""
        return [self.function.output_dims(self.function.array(value, name, method), self.sized(xs), name)
                for value, name in zip(values[:self.layer.NumOutputs], results_of(self.layer, method), strict=False)]

    def sized(self, xs: Sequence[np.ndarray]) -> list[Dims]:
        return [Dims(dims.labels, time_moved(x, dims).shape) for x, dims in zip(xs, self.inputs, strict=True)]

    def labelled(self, x: np.ndarray, fmt: str) -> np.ndarray | dlarray:
        return as_dlarray(x, fmt) if self.layer.wants_labels else x

    def run(self, method: str, xs: Sequence[np.ndarray]) -> list[object]:
        """All that predict or forward returns, as it was returned."""
        arrays = [*self.learnables.values(), *self.states.values()]
        worker = self.function.worker(self.sized(xs), arrays)
        given = [self.labelled(x, dims.format) for x, dims in zip(xs, self.inputs, strict=True)]
        return self.function.several(called_method(worker, method, given), results_of(self.layer, method), method)

    @property
    def trains_with(self) -> str:
        return "forward" if self.layer.has("forward") else "predict"

    def outputs(self, method: str, xs: Sequence[np.ndarray]) -> ArrayList:
        names = results_of(self.layer, method)
        return [unwrapped(self.function.array(value, name, method))
                for value, name in zip(self.run(method, xs)[:self.layer.NumOutputs], names, strict=False)]

    def predict(self, xs: Sequence[np.ndarray]) -> ArrayList:
        return self.outputs("predict", xs)

    def forward(self, xs: Sequence[np.ndarray]) -> ArrayList:
        restart_all()
        return self.outputs(self.trains_with, xs)

    def check_states(self, method: str, xs: Sequence[np.ndarray]) -> None:
        """Raise where a method returns states of other sizes."""
        count = self.layer.NumOutputs
        values, names = self.run(method, xs)[count:], results_of(self.layer, method)[count:]
        arrays = [self.function.array(value, name, method)
                  for value, name in zip(values[:len(self.states)], names, strict=False)]
        expected = [size.with_size("B", self.sized(xs)[0].batch) for size in self.function.state_dims]
        self.function.checked_states(arrays, expected, method)

    def weights(self, outputs: Sequence[np.ndarray]) -> ArrayList:
        random = np.random.default_rng(5)
        return [random.standard_normal(y.shape).astype(self.dtype) for y in outputs]

    def loss(self, xs: Sequence[np.ndarray]) -> float:
        outputs = self.forward(xs)
        return float(sum(np.sum(w * y, dtype=np.float64) for w, y in zip(self.weights(outputs), outputs, strict=True)))

    def returned(self, xs: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
        """All that backward returns, as it was returned, by the names of inputs and learnables."""
        restart_all()
        values = self.run(self.trains_with, [x.copy() for x in xs])
        memory = values.pop() if self.trains_with == "forward" else None
        count = self.layer.NumOutputs
        outputs = [np.asarray(unwrapped(y)) for y in values[:count]]
        sizes = self.output_dims(self.trains_with, values, xs)
        arriving = [self.labelled(w, y.format) for w, y in zip(self.weights(outputs), sizes, strict=True)]
        worker = self.function.worker(self.sized(xs), [*self.learnables.values(), *self.states.values()])
        given = [*(self.labelled(x, dims.format) for x, dims in zip(xs, self.inputs, strict=True)),
                 *(self.labelled(y, dims.format) for y, dims in zip(outputs, sizes, strict=True)), *arriving,
                 *(np.zeros_like(state) for state in self.states.values()), memory]
        names = results_of(self.layer, "backward")
        gradients = self.function.several(called_method(worker, "backward", given), names, "backward")
        owners = [*self.layer.inputs(), *self.learnables]
        return {owner: unwrapped(self.function.array(value, name, "backward"))
                for owner, value, name in zip(owners, gradients, names, strict=False)}

    def from_tape(self, xs: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
        """Gradients that the tape finds, by the names of inputs and learnables."""
        restart_all()
        training = self.function.named(self.layer.Name, training=True)
        inside = [time_moved(x, dims) for x, dims in zip(xs, self.inputs, strict=True)]
        inputs = (*inside, *self.learnables.values(), *self.states.values())
        needs = [number < len(inputs) - len(self.states) for number in range(len(inputs))]
        outputs, memory = training.forward(*inputs, needs=needs)
        count = self.layer.NumOutputs
        sizes = training.sizes(*self.sized(xs))
        weights = self.weights([time_moved(y, dims) for y, dims in zip(outputs[:count], sizes, strict=False)])
        arriving = [time_moved(w, dims) for w, dims in zip(weights, sizes, strict=False)]
        gradients = training.backward(Call(inputs, outputs, tuple(needs)), [*arriving, *[None] * len(self.states)], memory)
        names = (*self.layer.inputs(), *self.learnables)
        found = {name: g for name, g in zip(names, gradients, strict=False) if g is not None}
        return found | {port: time_moved(found[port], dims)
                        for port, dims in zip(self.layer.inputs(), self.inputs, strict=True)}

    def gradients(self, xs: Sequence[np.ndarray]) -> LossGradients:
        found = LossGradients(self.returned(xs) if self.layer.has("backward") else self.from_tape(xs))
        found.update({name: found[name].reshape(value.shape) for name, value in self.learnables.items()
                      if name in found and found[name].size == value.size})
        found.loss = self.loss(xs)
        return found


def restart_all() -> None:
    """Random numbers begin anew, those of NumPy's own functions, too, which a user's layer may draw from."""
    restart(0)
    np.random.seed(0)  # noqa: NPY002  # what users draw from


def subject_of(layer: Layer, inputs: tuple[Dims, ...], dtype: DTypeLike) -> BuiltSubject | UserSubject:
    return (UserSubject if isinstance(layer, UserLayer) else BuiltSubject)(layer, inputs, dtype)  # type: ignore[arg-type]
