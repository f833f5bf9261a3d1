"""The record of ops that pages build and every interpreter reads.

A `Graph` is a list of nodes in execution order over single-assignment values. Values carry labelled sizes, found by the
ops' size rules while the page runs; no array exists at this point.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from dltoolbox.core.dims import Dims
from dltoolbox.core.unknown import UNKNOWN, is_known
from dltoolbox.ops.base import OPS, Op, as_tuple


@dataclass(eq=False)
class Value:
    """One array to be: its sizes, and for the value of a ``size`` port the sizes that it stands for."""

    dims: Dims
    kind: str = "data"  # data | indices | size
    denotes: Dims | None = None


class ParameterKey(NamedTuple):
    """Names a learnable, state or constant array: the layer's name and the property's."""

    layer: str
    name: str


@dataclass(eq=False)
class Node:
    """One use of an op."""

    op: Op
    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]
    attrs: dict[str, Any]
    layer: str = ""


@dataclass(eq=False)
class Graph:
    """Nodes in execution order, with the values that enter and leave."""

    nodes: list[Node] = field(default_factory=list)
    inputs: list[Value] = field(default_factory=list)
    targets: list[Value] = field(default_factory=list)
    arrays: dict[ParameterKey, Value] = field(default_factory=dict)
    learnables: set[ParameterKey] = field(default_factory=set)
    ports: dict[str, Value] = field(default_factory=dict)  # 'layer/port' → value
    losses: list[Value] = field(default_factory=list)
    results: list[Value] = field(default_factory=list)
    updates: list[StatisticsUpdate] = field(default_factory=list)


class StateUpdate(NamedTuple):
    """A state is to move towards a value computed in this step: state ← decay·value + (1 − decay)·state."""

    key: ParameterKey
    value: Value
    decay: float


class StatisticsUpdate(NamedTuple):
    """The states that follow the mean and the variance of some value, which training settles together in the end."""

    mean: StateUpdate
    variance: StateUpdate


class Builder:
    """What a page's ``build(g, x)`` receives: every op of the vocabulary as a method, and the layer's own arrays.

    ``g.training`` tells which of the two networks is built; only batch normalisation and dropout differ.

    Args:
        graph: Where ops are recorded.
        training: See above.
        sources: Sizes of the data that enter, where they differ from those that input layers declare.
        keeps_rank: Whether vectors made of images keep spatial dimensions, of size 1, as in networks for trainNetwork; in a
            dlnetwork they have none.
        hidden_rank: How many spatial dimensions data have of which a problem hides the format.
    """

    def __init__(self, graph: Graph, *, training: bool, sources: Mapping[str, Dims] | None = None,
                 keeps_rank: bool = False, hidden_rank: int = UNKNOWN) -> None:
        self.graph, self.training = graph, training
        self.keeps_rank, self.hidden_rank = keeps_rank, hidden_rank
        self.sources = sources or {}
        self.entered: dict[str, Value] = {}  # the data that enter, by the name of the input layer or open input
        self.layer = ""
        self._arrays: dict[str, Any] = {}

    def enter(self, layer: str, arrays: Iterable[Any]) -> None:
        """Start recording for a layer that owns the given parameter declarations."""
        self.layer = layer
        self._arrays = {one.name: one for one in arrays}

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name not in OPS:
            raise AttributeError(f"there is no op called {name!r}")
        return lambda *inputs, **attrs: self.record(OPS[name], inputs, attrs)

    def record(self, op: Op, inputs: tuple[Value, ...], attrs: dict[str, Any]) -> Any:
        """Append one use of an op; returns its output value, or a tuple of several."""
        sizes = as_tuple(op.infer(*(v.dims for v in inputs), **attrs))
        outputs = tuple(Value(possible(dims)) for dims in sizes)
        self.graph.nodes.append(Node(op, inputs, outputs, attrs, self.layer))
        return outputs if len(outputs) > 1 else outputs[0]

    def vector_rank(self, x: Value) -> int:
        """How many spatial dimensions a vector made of ``x`` has."""
        return 0 if not self.keeps_rank else self.hidden_rank if x.dims.hidden else x.dims.rank

    def size_of(self, x: Value) -> Value:
        """The value of a ``size`` port: it stands for the sizes of ``x``."""
        size = self.record(OPS["size_of"], (x,), {})
        size.kind, size.denotes = "size", x.dims
        return size

    def source(self, dims: Dims) -> Value:
        """The data that enter at an input layer; ``sources`` may replace the declared size, for larger images."""
        return self.entering(self.layer, self.sources.get(self.layer, dims))

    def entering(self, name: str, dims: Dims) -> Value:
        """Data that enter, at an input layer or at an input that has no connection."""
        value = self.entered[name] = Value(dims)
        self.graph.inputs.append(value)
        return value

    def target(self, dims: Dims) -> Value:
        """The targets that an output layer compares with."""
        value = Value(dims)
        self.graph.targets.append(value)
        return value

    def result(self, y: Value, loss: Value) -> None:
        """What leaves the network at an output layer, and its loss."""
        self.graph.results.append(y)
        self.graph.losses.append(loss)

    def learnable(self, name: str) -> Value:
        return self._array(name, learnable=True)

    def state(self, name: str) -> Value:
        """A stored array that training does not differentiate: running statistics, input normalisation."""
        return self._array(name, learnable=False)

    def _array(self, name: str, *, learnable: bool) -> Value:
        key = ParameterKey(self.layer, name)
        if key not in self.graph.arrays:
            shape = self._arrays[name].shape
            self.graph.arrays[key] = Value(Dims("U" * len(shape), tuple(shape)))
            if learnable:
                self.graph.learnables.add(key)
        return self.graph.arrays[key]

    def update_statistics(self, mean: tuple[str, Value, float], variance: tuple[str, Value, float]) -> None:
        """Two states of the layer (name, value of this batch, decay) are to follow a mean and a variance."""
        self.graph.updates.append(StatisticsUpdate(*(StateUpdate(ParameterKey(self.layer, name), value, decay)
                                                     for name, value, decay in (mean, variance))))


def possible(dims: Dims) -> Dims:
    """Sizes that come out below 1, behind a problem, are none."""
    return Dims(dims.labels, tuple(n if n is None or not is_known(n) or n > 0 else UNKNOWN for n in dims.sizes))
