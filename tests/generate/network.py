"""A generated network as data: layers, where their inputs come from, and for how many observations it runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from dltoolbox.layers import FACTORIES, Layer
from dltoolbox.layers.base import show_python
from dltoolbox.network.dlnetwork import dlnetwork
from dltoolbox.network.graph.layer_graph import Connection, LayerGraph, Port

LABELS = {0: "CB", 1: "SCB", 2: "SSCB", 3: "SSSCB"}  # formats of one step, by the number of spatial dimensions
Values = Mapping[str, np.ndarray]


def make(factory: str, *args: Any, **options: Any) -> Layer:
    return FACTORIES[factory](*args, **options)


@dataclass(frozen=True)
class Part:
    """One layer, and the output ports (``name/port``) that feed its inputs, in their order."""

    layer: Layer
    sources: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return str(self.layer.Name)

    @property
    def size(self) -> tuple[int, ...]:
        """Of one observation, or one step, that enters here."""
        return tuple(n for n in self.layer.dims().sizes if n is not None)

    def ports(self) -> tuple[str, ...]:
        return tuple(f"{self.name}/{port}" for port in self.layer.outputs())

    def __str__(self) -> str:
        return f"({code(self.layer)}, {list(self.sources)})"


@dataclass(frozen=True)
class Network:
    """Everything that decides on a run.

    ``values`` seeds what is looked at, and with ``attempt`` data, weights and targets.
    """

    parts: tuple[Part, ...]
    batch: int = 1
    values: int = 0
    attempt: int = 0
    whole: bool = False  # whether data and weights are whole numbers, so that maxima tie

    @property
    def inputs(self) -> list[Part]:
        return [part for part in self.parts if not part.sources]

    @property
    def outputs(self) -> list[Part]:
        """Output layers; none in a dlnetwork."""
        return [part for part in self.parts if not part.layer.outputs()]

    @property
    def factories(self) -> set[str]:
        return {part.layer.factory for part in self.parts}

    def graph(self) -> LayerGraph:
        """A layer graph, or a dlnetwork where there are no output layers."""
        edges = [Connection(Port(*source.split("/")), Port(part.name, port)) for part in self.parts
                 for source, port in zip(part.sources, part.layer.inputs(), strict=True)]
        lgraph = LayerGraph([part.layer.copy() for part in self.parts], edges)
        return lgraph if self.outputs else dlnetwork(lgraph)

    def scores(self, output: Part) -> tuple[str, ...]:
        """What a loss is made of: for classes the scores before their softmax."""
        before = next(part for part in self.parts if output.sources[0] in part.ports())
        softmax = output.layer.task == "classification" and before.layer.factory == "softmaxLayer"
        return before.sources if softmax else output.sources

    def leaving(self) -> list[str]:
        """What leaves the network: what its output layers get, or what is open."""
        if self.outputs:
            return [part.sources[0] for part in self.outputs]
        used = {source for part in self.parts for source in part.sources}
        return [port for part in self.parts for port in part.ports() if port not in used and is_data(port)]

    def data_ports(self) -> list[str]:
        return [port for part in self.parts for port in part.ports() if not port.endswith(("/size", "/miniBatchSize"))]

    def random(self, purpose: str, attempt: int = 0) -> np.random.Generator:
        return np.random.default_rng([self.values, attempt, *purpose.encode()])

    def with_other_values(self, attempt: int) -> Network:
        return replace(self, attempt=attempt)

    def __str__(self) -> str:
        """Python that makes the network."""
        rows = ",\n    ".join(map(str, self.parts))
        return f"network([\n    {rows}],\n    batch={self.batch}, values={self.values}, whole={self.whole})"


def network(parts: Any, **options: Any) -> Network:
    """From pairs of layers and sources, as `str` of a network prints them."""
    return Network(tuple(Part(layer, tuple(sources)) for layer, sources in parts), **options)


def is_data(port: str) -> bool:
    return not port.endswith(("/indices", "/size", "/miniBatchSize"))


def code(layer: Layer) -> str:
    """The call that makes a layer; arrays by their size, since all get random values."""
    made = layer.call()
    written = [*map(written_value, made.arguments),
               *(f"{name}={written_value(value)}" for name, value in (made.options | {"Name": layer.Name}).items())]
    return f"{made.function}({', '.join(written)})"


def written_value(value: Any) -> str:
    if isinstance(value, np.ndarray) and value.size > 1:
        return f"np.ones({value.shape})"
    return value.__name__ if callable(value) else show_python(value)


def arrays_of(net: Network, shapes: Mapping[Any, tuple[int, ...]]) -> dict[Any, np.ndarray]:
    """Random values of learnables, states and constants that keep the scale of what passes through the layers."""
    rng, made = net.random("arrays", net.attempt), {}
    for key, shape in shapes.items():
        made[key] = value_of(rng, key.name, shape, whole=net.whole)
    for key in shapes:
        if key.name == "Max":
            made[key] += made[key._replace(name="Min")]
    return made


def value_of(rng: np.random.Generator, name: str, shape: tuple[int, ...], *, whole: bool) -> np.ndarray:
    """Single precision, so that both precisions compute with the same numbers."""
    if name in ("TrainedVariance", "StandardDeviation", "Max"):
        value = rng.uniform(0.5, 2, shape)
    elif name in ("Scale", "Alpha"):
        value = rng.uniform(0.3, 1.5, shape) * rng.choice([-1, 1], shape, p=[0.2, 0.8])
    elif whole and name in ("Weights", "Bias"):
        value = rng.integers(-1, 2, shape).astype(float)
    elif name == "Weights":
        value = rng.standard_normal(shape) * np.sqrt(2 / max(np.size(np.empty(shape)) // max(shape[-1], 1), 1))
    else:
        value = 0.5 * rng.standard_normal(shape)
    return value.astype(np.float32).astype(np.float64)


def data_of(net: Network) -> Iterator[np.ndarray]:
    """What enters, one array per input layer."""
    rng = net.random("data", net.attempt)
    for part in net.inputs:
        shape = (*part.size, net.batch)
        values = rng.integers(-2, 3, shape) if net.whole else rng.standard_normal(shape)
        yield values.astype(np.float32).astype(np.float64)


def targets_of(net: Network, shapes: Any) -> list[np.ndarray]:
    """Per output layer: responses, or one-hot labels some of which are undefined for pixels."""
    rng, made = net.random("targets", net.attempt), []
    for part, shape in zip(net.outputs, shapes, strict=True):
        if part.layer.task == "regression":
            made.append(rng.standard_normal(shape).astype(np.float32).astype(np.float64))
            continue
        classes = rng.integers(0, shape[-2], (*shape[:-2], 1, shape[-1]))
        hot = (classes == np.arange(shape[-2])[:, None]).astype(np.float64)
        if part.layer.per_pixel or max(shape[:-2], default=1) > 1:
            hot *= rng.random(classes.shape) >= rng.choice([0, 0.2, 0.9, 1], p=[0.4, 0.4, 0.15, 0.05])
        made.append(hot)
    return made


def at_random(part: Part) -> bool:
    """Whether something is drawn in training."""
    return getattr(part.layer, "Probability", 0) > 0 or part.layer.factory.startswith("stochastic")
