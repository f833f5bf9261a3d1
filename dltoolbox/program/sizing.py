"""A record at known sizes: data enter with them, and everything else follows by the size rules of the ops.

So one record serves every number of observations and every length of time, also where ops change lengths.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import repeat

from dltoolbox.core.dims import Dims
from dltoolbox.core.errors import DltoolboxError
from dltoolbox.core.geometry import OpenPair, Window
from dltoolbox.core.unknown import is_known
from dltoolbox.ops import Graph, Kind, Node, Value
from dltoolbox.ops.base import Attributes, as_tuple
from dltoolbox.ops.graph import Population, StateUpdate
from dltoolbox.ops.time_axis import Way
from dltoolbox.program.passes import FusedNode


class NotServedError(Exception):
    """These sizes need a record of their own, or do not fit at all."""


class Sizing:
    """The values of a graph at known sizes; one without open sizes stays the same object.

    Args:
        graph: The record.
        entering: Sizes of its inputs.
    """

    def __init__(self, graph: Graph, entering: Sequence[Sequence[int]]) -> None:
        self.batch = entering[0][-1]
        self.known = {value: replace(value, dims=value.dims.with_size("B", self.batch))
                      for value in (*graph.lengths, *graph.carried.values())}
        self.known |= {value: Value(Dims(value.dims.labels, tuple(sizes)), lengths=self.lengths(value))
                       for value, sizes in zip(graph.inputs, entering, strict=True)}

    def sized(self, graph: Graph) -> Graph:
        """Raises `NotServedError` where that takes another record."""
        nodes, value = [self.node(node) for node in graph.nodes], self.value
        return replace(graph, nodes=nodes, inputs=[*map(value, graph.inputs)], lengths=[*map(value, graph.lengths)],
                       carried={key: value(held) for key, held in graph.carried.items()},
                       targets=[*map(value, graph.targets)], losses=[*map(value, graph.losses)],
                       results=[*map(value, graph.results)],
                       ports={name: value(held) for name, held in graph.ports.items()},
                       updates=[*map(self.update, graph.updates)])

    def lengths(self, value: Value) -> Value | None:
        return None if value.lengths is None else self.value(value.lengths)

    def value(self, value: Value) -> Value:
        return self.known.get(value, value)

    def update(self, update: StateUpdate) -> StateUpdate:
        rule = update.rule
        if isinstance(rule, Population):
            rule = rule.mapped(self.value)
        return update._replace(value=self.value(update.value), rule=rule)

    def node(self, node: Node) -> Node:
        if isinstance(node, FusedNode):
            parts = [self.node(part) for part in node.parts]
            links = tuple(link._replace(attrs=part.attrs) for link, part in zip(node.attrs["links"], parts, strict=True))
            return FusedNode(node.op, tuple(map(self.value, node.inputs)), tuple(map(self.value, node.outputs)),
                             {**node.attrs, "links": links}, node.layer, node.way, parts)
        for value in node.inputs:
            if value not in self.known and is_open(value):
                self.known[value] = self.entering(value, self.value(node.inputs[0]).dims)
        inputs = tuple(map(self.value, node.inputs))
        if node.way is not Way.SEE and differ(inputs) and not differ(node.inputs):
            raise NotServedError  # other lengths may be looked at in another way
        attrs = {name: sized_attribute(value, inputs, node.way) for name, value in node.attrs.items()}
        if any(map(is_open, node.outputs)):
            self.infer(node, inputs, attrs)
        return Node(node.op, inputs, tuple(map(self.value, node.outputs)), attrs, node.layer, node.way)

    def entering(self, value: Value, like: Dims) -> Value:
        """A value that enters beside the data: targets are as long as what they are compared with."""
        labels, spatial = value.dims.labels, iter(like.spatial)
        alike = [next(spatial, None) if label == "S" else self.batch if label == "B" else like.size(label)
                 for label in labels]
        sizes = tuple(other if n is None else n for n, other in zip(value.dims.sizes, alike, strict=True))
        if None in sizes:
            raise NotServedError
        return Value(Dims(value.dims.labels, sizes), value.kind, lengths=self.lengths(value))

    def infer(self, node: Node, inputs: Sequence[Value], attrs: Attributes) -> None:
        """Sizes of the outputs, by the size rule of the op."""
        like = next((value.dims for value in inputs if value.dims.timed), inputs[0].dims)
        seen = [node.way.dims(value.dims) for value in inputs]
        try:
            found = as_tuple(node.op.infer(*seen, **attrs))
        except DltoolboxError as error:
            raise NotServedError from error
        for value, dims, kind in zip(node.outputs, found, node.op.kinds or repeat(Kind.DATA), strict=False):
            dims = next((x.dims for x, own in zip(inputs, seen, strict=True) if own is dims), None) or node.way.undone(
                dims, like)
            if not is_known(*dims.sizes) or 0 in dims.sizes[:-1] or min(dims.shape, default=0) < 0:
                raise NotServedError
            self.known[value] = Value(dims, kind, inputs[0].dims if value.denotes else None, self.lengths(value))


def differ(values: Sequence[Value]) -> bool:
    """Whether these are sequences of different sizes in T or B."""
    return len({value.dims.sizes[-2:] for value in values if value.dims.timed}) > 1


def is_open(value: Value) -> bool:
    """Whether a size is not known, or one of what the value denotes."""
    return None in value.dims.sizes or (value.denotes is not None and None in value.denotes.sizes)


def sized_attribute(value: object, inputs: Sequence[Value], way: Way) -> object:
    """An attribute of a node. Sizes among them are what an input denotes; windows may follow the length."""
    if isinstance(value, Dims) and None in value.sizes:
        return way.dims(next(one.denotes for one in inputs if one.denotes is not None))
    if isinstance(value, Window) and inputs[0].lengths is None:
        return value.at(way.dims(inputs[0].dims).spatial)
    padding = value.padding if isinstance(value, Window) else value
    if isinstance(padding, tuple) and any(isinstance(pair, OpenPair) for pair in padding):
        raise NotServedError
    return value
