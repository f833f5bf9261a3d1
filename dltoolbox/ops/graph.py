"""The record of ops that pages build and every interpreter reads.

A `Graph` is a list of nodes in execution order over single-assignment values. Values carry labelled sizes, found by the
ops' size rules while the page runs; no array exists at this point.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import repeat
from typing import Any, NamedTuple, Protocol

from dltoolbox.core.dims import Dims
from dltoolbox.ops.base import Attributes, Kind, Op, as_tuple
from dltoolbox.ops.state import Population, Rule
from dltoolbox.ops.time_axis import Way, chosen_way
from dltoolbox.ops.vocabulary import Vocabulary


@dataclass(eq=False)
class Value:
    """One array to be: its sizes, and for indices and sizes of a map the sizes of that."""

    dims: Dims
    kind: Kind = Kind.DATA
    denotes: Dims | None = None


Outputs = Value | tuple[Value, ...]  # of a use of an op, or of a layer


class ParameterKey(NamedTuple):
    """Names a learnable, state or constant array: the layer's name and the property's."""

    layer: str
    name: str


@dataclass(eq=False)
class Node:
    """One use of an op, and how it looks at T."""

    op: Op
    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]
    attrs: Attributes
    layer: str = ""
    way: Way = Way.FOLD

    @property
    def input_dims(self) -> tuple[Dims, ...]:
        """Sizes of the inputs as the op sees them."""
        return tuple(self.way.dims(value.dims) for value in self.inputs)

    @property
    def output_dims(self) -> tuple[Dims, ...]:
        return tuple(self.way.dims(value.dims) for value in self.outputs)


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
    updates: list[StateUpdate] = field(default_factory=list)


class StateUpdate(NamedTuple):
    """A state is to follow a value that training computes, by some rule."""

    key: ParameterKey
    value: Value
    rule: Rule

    @property
    def values(self) -> tuple[Value, ...]:
        """All that the rule looks at."""
        between = self.rule.between if isinstance(self.rule, Population) else None
        return (self.value,) if between is None else (self.value, between)


class Builder(Vocabulary, Protocol):
    """What a page's ``build(g, x)`` receives: every op as a method, the layer's own arrays, and where data enter and leave.

    The `Recorder` is one; whatever else runs pages step by step can stand behind it, too.
    ``training`` tells which of the two networks is built; only batch normalisation and dropout differ.
    """

    training: bool

    def learnable(self, name: str) -> Value:
        """An array of the layer that training differentiates."""

    def state(self, name: str) -> Value:
        """A stored array that training does not differentiate: running statistics, input normalisation."""

    def vector_rank(self, x: Value | None) -> int | None:
        """How many spatial dimensions a vector made of ``x`` has; None where that is not known."""

    def source(self, dims: Dims) -> Value:
        """The data that enter at an input layer."""

    def target(self, dims: Dims) -> Value:
        """The targets that an output layer compares with."""

    def result(self, y: Value, loss: Value) -> None:
        """What leaves the network at an output layer, and its loss."""

    def update_state(self, name: str, value: Value, *rules: Rule) -> None:
        """A state of the layer is to follow a value, by these rules; see `dltoolbox.ops.state`."""


class Recorder(Builder):
    """The builder that writes a graph.

    Args:
        graph: Where ops are recorded.
        training: Which of the two networks is built.
        sources: Sizes of the data that enter, where they differ from those that input layers declare.
        keeps_rank: Whether vectors made of images keep spatial dimensions, of size 1, as in networks for trainNetwork; in a
            dlnetwork they have none.
        assumed_rank: Spatial dimensions to assume where a fault hides them.
    """

    def __init__(self, graph: Graph, *, training: bool, sources: Mapping[str, Dims] | None = None,
                 keeps_rank: bool = False, assumed_rank: int | None = None) -> None:
        self.graph, self.training = graph, training
        self.keeps_rank, self.assumed_rank = keeps_rank, assumed_rank
        self.sources = sources or {}
        self.entered: dict[str, Value] = {}  # the data that enter, by the name of the input layer or open input
        self.layer = ""
        self._arrays: dict[str, Any] = {}

    def enter(self, layer: str, arrays: Iterable[Any]) -> None:
        """Start recording for a layer that owns the given parameter declarations."""
        self.layer = layer
        self._arrays = {one.name: one for one in arrays}

    def record(self, op: Op, inputs: tuple[Value, ...], attrs: Attributes,
               way: Way | None = None) -> Outputs:
        dims = [value.dims for value in inputs]
        way = chosen_way(way, op.way, dims)
        attrs = {name: way.dims(value) if isinstance(value, Dims) else value for name, value in attrs.items()}
        like = next((x for x in dims if x.timed), Dims.of(""))
        sizes = (way.undone(y, like) for y in as_tuple(op.infer(*map(way.dims, dims), **attrs)))
        outputs = tuple(Value(y) if kind is Kind.DATA else Value(y, kind, dims[0])
                        for y, kind in zip(sizes, op.kinds or repeat(Kind.DATA), strict=False))
        self.graph.nodes.append(Node(op, inputs, outputs, attrs, self.layer, way))
        return outputs if len(outputs) > 1 else outputs[0]

    def vector_rank(self, x: Value | None) -> int | None:
        if not self.keeps_rank:
            return 0
        return self.assumed_rank if x is None else x.dims.rank

    def source(self, dims: Dims) -> Value:
        """``sources`` may replace the declared size, for larger images."""
        return self.entering(self.layer, self.sources.get(self.layer, dims))

    def entering(self, name: str, dims: Dims) -> Value:
        """Data that enter, at an input layer or at an input that has no connection."""
        value = self.entered[name] = Value(dims)
        self.graph.inputs.append(value)
        return value

    def target(self, dims: Dims) -> Value:
        value = Value(dims)
        self.graph.targets.append(value)
        return value

    def result(self, y: Value, loss: Value) -> None:
        self.graph.results.append(y)
        self.graph.losses.append(loss)

    def learnable(self, name: str) -> Value:
        return self._array(name, learnable=True)

    def state(self, name: str) -> Value:
        return self._array(name, learnable=False)

    def _array(self, name: str, *, learnable: bool) -> Value:
        key = ParameterKey(self.layer, name)
        if key not in self.graph.arrays:
            shape = self._arrays[name].shape
            self.graph.arrays[key] = Value(Dims("U" * len(shape), tuple(shape)))
            if learnable:
                self.graph.learnables.add(key)
        return self.graph.arrays[key]

    def update_state(self, name: str, value: Value, *rules: Rule) -> None:
        self.graph.updates.extend(StateUpdate(ParameterKey(self.layer, name), value, rule) for rule in rules)
