"""The record of ops that pages build and every interpreter reads.

A `Graph` is a list of nodes in execution order over single-assignment values. Values carry labelled sizes, found by the
ops' size rules while the page runs; no array exists at this point.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import repeat
from typing import Any, NamedTuple, Protocol

import numpy as np

from dltoolbox.core.dims import Dims
from dltoolbox.core.errors import fail
from dltoolbox.core.unknown import UNKNOWN, is_known
from dltoolbox.ops.base import OPS, Attributes, Kind, Op, as_tuple
from dltoolbox.ops.sequences.ragged import LengthRule
from dltoolbox.ops.time_axis import Way, chosen_way
from dltoolbox.ops.vocabulary import Vocabulary

NODE_BYTES = 1 << 12  # of a node with its values


@dataclass(eq=False)
class Value:
    """One array to be: its sizes, for indices and sizes of a map the sizes of that, and the lengths of its sequences, where
    they have several.
    """

    dims: Dims
    kind: Kind = Kind.DATA
    denotes: Dims | None = None
    lengths: Value | None = None


@dataclass(eq=False)
class Folded(Value):
    """Sequences as pages see them behind a folding layer: their steps are observations like any. The array is the same;
    ``sequences`` is the value that graphs know.
    """

    sequences: Value = field(default_factory=lambda: Value(Dims.of("")))

    @classmethod
    def of(cls, value: Value) -> Value:
        """Folded, where it is one of sequences or belongs to one."""
        if not (value.dims.timed or (value.denotes and value.denotes.timed)):
            return value
        return cls(value.dims.folded, value.kind, value.denotes and value.denotes.folded, sequences=value)


@dataclass(eq=False)
class Complex(Value):
    """Complex data as pages see them: their sizes count complex channels. ``parts`` is the value that graphs know, with real
    and imaginary parts in turn as twice as many channels.
    """

    parts: Value = field(default_factory=lambda: Value(Dims.of("")))

    @classmethod
    def of(cls, parts: Value) -> Complex:
        return cls(halved_channels(parts.dims), Kind.COMPLEX, lengths=parts.lengths, parts=parts)


def halved_channels(dims: Dims) -> Dims:
    """Sizes of complex data whose parts have these."""
    return dims.with_size("C", dims.channels // 2)


def recorded_value(value: Value) -> Value:
    """The value that a graph knows."""
    value = value.parts if isinstance(value, Complex) else value
    return value.sequences if isinstance(value, Folded) else value


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
    """Nodes in execution order, with the values that enter and leave.

    ``lengths`` are those of the sequences that enter, each vector once; ``carried`` are the states that every observation
    has of its own.
    """

    nodes: list[Node] = field(default_factory=list)
    inputs: list[Value] = field(default_factory=list)
    targets: list[Value] = field(default_factory=list)
    arrays: dict[ParameterKey, Value] = field(default_factory=dict)
    learnables: set[ParameterKey] = field(default_factory=set)
    ports: dict[str, Value] = field(default_factory=dict)  # 'layer/port' → value
    complex: set[str] = field(default_factory=set)  # ports whose channels are real and imaginary parts in turn
    leaving: list[str] = field(default_factory=list)  # ports of the results, where no output layer takes them
    losses: list[Value] = field(default_factory=list)
    results: list[Value] = field(default_factory=list)
    updates: list[StateUpdate] = field(default_factory=list)
    lengths: list[Value] = field(default_factory=list)
    carried: dict[ParameterKey, Value] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)  # layers of which nothing says what they compute

    @property
    def entering(self) -> list[Value]:
        """All that a run takes but targets: data, lengths and states."""
        return [*self.inputs, *self.lengths, *self.carried.values()]

    @property
    def common(self) -> set[ParameterKey]:
        """Those of the carried states that all observations have in common."""
        return {key for key, value in self.carried.items() if "B" not in value.dims.labels}

    @property
    def bytes(self) -> int:
        """Approximate size in bytes."""
        return NODE_BYTES * len(self.nodes)


class StepRule:
    """How a training step updates a state."""

    def step(self, state: np.ndarray, value: np.ndarray) -> None:
        """Change the state in place."""
        raise NotImplementedError


@dataclass(frozen=True)
class Assign(StepRule):
    """state ← value."""

    def step(self, state: np.ndarray, value: np.ndarray) -> None:
        state[...] = value


@dataclass(frozen=True)
class MovingAverage(StepRule):
    """state ← decay·value + (1 − decay)·state; zero before it becomes a denormal number."""

    decay: float

    def step(self, state: np.ndarray, value: np.ndarray) -> None:
        state *= 1 - self.decay
        state += self.decay * value
        state[np.abs(state) < np.finfo(state.dtype).tiny] = 0


@dataclass(frozen=True)
class Population:
    """The statistic of a whole set out of those of its mini-batches: their mean, weighted by what they count.

    A variance lies within mini-batches and between them (law of total variance): ``between`` is the value whose variance
    among the mini-batches is added, which is their mean. ``count`` says how many numbers an observation brings; without it,
    all bring the same.
    """

    between: Value | None = None
    count: Value | None = None

    def mapped(self, known: Callable[[Value], Value]) -> Population:
        """The same of other values."""
        return Population(self.between and known(self.between), self.count and known(self.count))

    def of_set(self, values: np.ndarray, between: np.ndarray | None = None, *, weights: list[float]) -> np.ndarray:
        """The state; the mini-batches are the first axis of what they gave."""
        if between is not None:
            values = values + (between - np.average(between, axis=0, weights=weights)) ** 2
        return np.average(values, axis=0, weights=weights)


@dataclass(frozen=True)
class Carry:
    """state ← value for every observation, in runs that others go on from: what recurrent layers carry over."""


Rule = StepRule | Population | Carry


class StateUpdate(NamedTuple):
    """A state is to follow a value that training computes, by some rule.

    The page says *which* value, the rule *how*: after every training step, or by one pass over the whole training set when
    training ends. Rules are data, so every engine can read them; their NumPy meaning stands with them, as that of ops does.
    """

    key: ParameterKey
    value: Value
    rule: Rule

    @property
    def values(self) -> tuple[Value, ...]:
        """All that the rule looks at."""
        further = (self.rule.between, self.rule.count) if isinstance(self.rule, Population) else ()
        return (self.value, *(value for value in further if value is not None))


class Declaration(Protocol):
    """An array that a layer owns."""

    @property
    def name(self) -> str: ...
    @property
    def shape(self) -> tuple[int, ...]: ...


class Builder(Vocabulary, Protocol):
    """The builder that a page's ``build(g, x)`` receives: every op as a method, the layer's own arrays,
    and where data enter and leave.

    The `Recorder` is one; whatever else runs pages step by step can stand behind it, too.
    ``training`` tells which of the two networks is built; only batch normalisation and dropout differ.
    """

    training: bool

    def learnable(self, name: str, in_front: int = 0) -> Value:
        """An array of the layer that training differentiates; ops see so many more axes of size 1 in front."""

    def state(self, name: str) -> Value:
        """A stored array that training does not differentiate: running statistics, input normalisation."""

    def vector_rank(self, x: Value) -> int:
        """How many spatial dimensions a vector made of ``x`` has."""

    def source(self, dims: Dims) -> Value:
        """The data that enter at an input layer."""

    def fold(self, x: Value) -> Value:
        """Sequences as their steps, each of which is an observation of its own from here on."""

    def unfold(self, x: Value) -> Value:
        """The sequences again."""

    def complex(self, x: Value) -> Value:
        """Channels that are real and imaginary parts in turn as complex ones."""

    def parts(self, x: Value) -> Value:
        """The inverse of `complex`."""

    def target(self, dims: Dims) -> Value:
        """The targets that an output layer compares with."""

    def result(self, y: Value, loss: Value) -> None:
        """The value that reaches an output layer, and its loss."""

    def update_state(self, name: str, value: Value, *rules: Rule) -> None:
        """A state of the layer is to follow a value, by these rules; see `StateUpdate`."""

    def carried(self, name: str, channels: int) -> Value:
        """A state (C×B) that every observation has of its own: what the run before left, or the layer's array (C×1, the same
        for all, or C×B).
        """

    def common(self, name: str) -> Value:
        """A state that all observations have in common: what the run before left, or the layer's array."""

    def carry(self, name: str, value: Value) -> None:
        """The value that a state of either kind has after the run."""

    def missing(self, x: Value, *dims: Dims) -> Outputs:
        """Values of these sizes, with the time steps of ``x``, that nothing computes."""


class Recorder(Builder):
    """The builder that writes a graph.

    Args:
        graph: Where ops are recorded.
        training: Which of the two networks is built.
        sources: Sizes of the data that enter, where they differ from those that input layers declare.
        keeps_rank: Whether vectors made of images keep spatial dimensions, of size 1, as in networks for trainNetwork; in a
            dlnetwork they have none.
        hidden_rank: Number of spatial dimensions of data whose format a problem hides.
        ragged: Inputs whose sequences have several lengths, by name; the same number: the same lengths.
    """

    def __init__(self, graph: Graph, *, training: bool, sources: Mapping[str, Dims] | None = None,
                 keeps_rank: bool = False, hidden_rank: int = UNKNOWN, ragged: Mapping[str, int] | None = None) -> None:
        self.graph, self.training = graph, training
        self.keeps_rank, self.hidden_rank = keeps_rank, hidden_rank
        self.sources = sources or {}
        self.entered: dict[str, Value] = {}  # the data that enter, by the name of the input layer or open input
        self.layer = ""
        self.ragged = ragged or {}
        self.graph.lengths = [Value(Dims.of("B", None), Kind.LENGTHS) for _ in {*self.ragged.values()}]
        self._arrays: dict[str, Declaration] = {}
        self._made: dict[Hashable, Value] = {}  # masks, filled ends and lengths that several ops read

    def enter(self, layer: str, arrays: Iterable[Declaration]) -> None:
        """Start recording for a layer that owns the given parameter declarations."""
        self.layer = layer
        self._arrays = {array.name: array for array in arrays}

    def record(self, op: Op, inputs: tuple[Value, ...], attrs: Attributes,
               way: Way | None = None) -> Outputs:
        if any(isinstance(value, Folded) for value in inputs):
            return self._record_steps(op, inputs, attrs)
        dims = [value.dims for value in inputs]
        like = next((x for x in dims if x.timed), None)
        lengths = None
        if like is None:
            way, sizes = Way.FOLD, as_tuple(op.infer(*dims, **attrs))
        else:
            op, inputs, way = self._with_lengths(op, inputs, attrs, chosen_way(way, op.way, dims))
            attrs = {name: way.dims(value) if isinstance(value, Dims) else value for name, value in attrs.items()}
            sizes = tuple(way.undone(y, like) for y in as_tuple(op.infer(*(way.dims(x.dims) for x in inputs), **attrs)))
            lengths = self._lengths_after(op, inputs, attrs, way)
        outputs = tuple(Value(possible(y), kind, dims[0] if kind in (Kind.INDICES, Kind.SIZE) else None,
                              lengths if y.timed or kind is Kind.SIZE else None)
                        for y, kind in zip(sizes, op.kinds or repeat(Kind.DATA), strict=False))
        self.graph.nodes.append(Node(op, inputs, outputs, attrs, self.layer, way))
        return outputs if len(outputs) > 1 else outputs[0]

    def _record_steps(self, op: Op, inputs: tuple[Value, ...], attrs: Attributes) -> Outputs:
        """An op of folded sequences sees no time, unless it does the same with every step."""
        way = Way.SEE if op.way is Way.SEE and Way.SEE not in (op.across.ways if op.across else ()) else Way.FOLD
        made = as_tuple(self.record(op, tuple(map(recorded_value, inputs)), attrs, way))
        outputs = tuple(map(Folded.of, made))
        return outputs if len(outputs) > 1 else outputs[0]

    def _with_lengths(self, op: Op, inputs: tuple[Value, ...], attrs: Attributes, way: Way
                      ) -> tuple[Op, tuple[Value, ...], Way]:
        """The op, its inputs and its way where sequences have several lengths, if any have; see `Across`."""
        across = op.meets(**attrs)
        if across is None or way not in across.ways or not op.looks_beyond(**attrs):
            if len({value.lengths for value in inputs if value.dims.timed and value not in self.graph.targets}) > 1:
                fail("network:lengthsDiffer", "The inputs hold sequences of different lengths.",
                     "Give the sequences of an observation the same length in all inputs.", layer=self.layer)
            return op, inputs, way
        first, lengths = inputs[0], inputs[across.of].lengths
        if across.ends is not None:
            filled = inputs if across.all_inputs else (first,)
            inputs = (*(x if x.lengths is None else self._once("fill_ends", x, x.lengths, value=across.ends)
                        for x in filled), *inputs[len(filled):])
        if lengths is not None and across.takes:
            inputs += (lengths if across.takes == "lengths" else self._once("step_mask", inputs[across.of], lengths),)
        if across.op and lengths is not None:
            return OPS[across.op], inputs, OPS[across.op].way
        return op, inputs, way

    def _lengths_after(self, op: Op, inputs: tuple[Value, ...], attrs: Attributes, way: Way) -> Value | None:
        """The lengths of what leaves an op."""
        lengths = inputs[op.lengths_from].lengths
        rule = op.length_rule(**attrs) if way is Way.SPACE else None
        if lengths is None or rule is None or rule == LengthRule():
            return lengths
        return self._once("rescale_lengths", lengths, rule=rule)

    def _once(self, op: str, *inputs: Value, **attrs: Any) -> Value:
        """The value that an op makes of others, recorded when it is first needed."""
        key = op, (inputs[1:] if op == "step_mask" else inputs), *attrs.values()
        if key not in self._made:
            value = self.record(OPS[op], inputs, attrs)
            assert isinstance(value, Value)
            self._made[key] = value
        return self._made[key]

    def vector_rank(self, x: Value) -> int:
        return 0 if not self.keeps_rank else self.hidden_rank if x.dims.hidden else x.dims.rank

    def source(self, dims: Dims) -> Value:
        """``sources`` may replace the declared size, for larger images."""
        return self.entering(self.layer, self.sources.get(self.layer, dims))

    def entering(self, name: str, dims: Dims) -> Value:
        """Data that enter, at an input layer or at an input that has no connection."""
        group = self.ragged.get(name)
        value = self.entered[name] = Value(dims, lengths=None if group is None else self.graph.lengths[group])
        self.graph.inputs.append(value)
        return value

    def target(self, dims: Dims) -> Value:
        value = Value(dims)
        self.graph.targets.append(value)
        return value

    def fold(self, x: Value) -> Value:
        return Folded.of(x)

    def unfold(self, x: Value) -> Value:
        return recorded_value(x)

    def complex(self, x: Value) -> Value:
        return Complex.of(x)

    def parts(self, x: Value) -> Value:
        return x.parts if isinstance(x, Complex) else Value(x.dims.with_size("C", 2 * x.dims.channels))

    def result(self, y: Value, loss: Value) -> None:
        if isinstance(y, Folded):
            fail("network:folded", "The network ends in the single time steps of sequences, but targets are those of whole "
                 "sequences.", "Insert a sequenceUnfoldingLayer before this layer, and connect 'miniBatchSize' of the "
                 "sequenceFoldingLayer to it.", layer=self.layer)
        self.graph.results.append(y)
        self.graph.losses.append(loss)

    def learnable(self, name: str, in_front: int = 0) -> Value:
        return self._array(name, learnable=True, in_front=in_front)

    def state(self, name: str) -> Value:
        return self._array(name, learnable=False)

    def _array(self, name: str, *, learnable: bool, in_front: int = 0) -> Value:
        key = ParameterKey(self.layer, name)
        if key not in self.graph.arrays:
            shape = (*[1] * in_front, *self._arrays[name].shape)
            self.graph.arrays[key] = Value(Dims("U" * len(shape), shape))
            if learnable:
                self.graph.learnables.add(key)
        return self.graph.arrays[key]

    def update_state(self, name: str, value: Value, *rules: Rule) -> None:
        for rule in rules:
            rule = rule.mapped(recorded_value) if isinstance(rule, Population) else rule
            self.graph.updates.append(StateUpdate(ParameterKey(self.layer, name), recorded_value(value), rule))

    def carried(self, name: str, channels: int) -> Value:
        return self.graph.carried.setdefault(ParameterKey(self.layer, name), Value(Dims.of("CB", channels, None)))

    def common(self, name: str) -> Value:
        shape = self._arrays[name].shape or (1,)
        return self.graph.carried.setdefault(ParameterKey(self.layer, name), Value(Dims("U" * len(shape), shape)))

    def carry(self, name: str, value: Value) -> None:
        self.update_state(name, value, Carry())

    def missing(self, x: Value, *dims: Dims) -> Outputs:
        self.graph.missing.append(self.layer)
        if not isinstance(x, Folded):
            return tuple(Value(y, lengths=x.lengths if y.timed else None) for y in dims)
        steps = x.sequences.dims
        return tuple(Folded.of(Value(Dims(y.labels[:-1] + "TB", (*y.sizes[:-1], steps.size("T"), steps.batch)),
                                     lengths=x.sequences.lengths)) for y in dims)


def possible(dims: Dims) -> Dims:
    """Sizes that come out below 1, behind a problem, are none."""
    return Dims(dims.labels, tuple(n if n is None or not is_known(n) or n > 0 else UNKNOWN for n in dims.sizes))
