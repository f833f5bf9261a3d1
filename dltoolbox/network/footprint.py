"""What every layer costs and sees: multiply-adds, memory of its outputs, receptive field. Read from the recorded ops.

Source: Araujo, Norris and Sim, "Computing receptive fields of convolutional neural networks", Distill (2019): from the
first element that an output sees to the last one, over all paths. Where maps are enlarged, neighbours see differently
much; the one that sees most counts. Statistics that normalisations take over a map are left out.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from math import floor, gcd, lcm
from typing import NamedTuple

from dltoolbox.core.formats import Dims
from dltoolbox.core.geometry import Reach, Window
from dltoolbox.network.lowering import Lowered, LoweredLayer
from dltoolbox.ops import Graph, Node, Value

ELEMENT = 4  # bytes of a number in single precision


class ReceptiveField(NamedTuple):
    """What an element of an output sees of the network's first input, per spatial dimension.

    ``size`` in elements, which may be more than there are; ``stride`` from what one element sees to what its neighbour
    sees, on average where maps are enlarged. ``whole``: every element sees all of the input; then the size is that of
    the input and the stride is 0.
    """

    size: tuple[int, ...]
    stride: tuple[Fraction, ...]
    whole: bool = False

    def __str__(self) -> str:
        return "whole" if self.whole else "×".join(map(str, self.size))


@dataclass
class Footprint:
    """Cost of one layer for one observation, and the receptive field of its first output (None: no spatial input)."""

    multiply_adds: int = 0
    activation_bytes: int = 0
    receptive_field: ReceptiveField | None = None


def footprints(lowered: Lowered) -> list[Footprint]:
    """One footprint per layer, in the graph's order; of layers that a fault hides, what is known of them."""
    graph, fields = lowered.graph, receptive_fields(lowered.graph)
    made = {value: node.layer for node in graph.nodes for value in node.outputs}
    work: dict[str, int] = {}
    for node in graph.nodes:
        cost = node.op.multiply_adds([value.dims for value in node.inputs], node.outputs[0].dims)
        work[node.layer] = work.get(node.layer, 0) + cost
    result = []
    for info in lowered.layers:
        values = [value for value in port_values(graph, info) if value]
        own = [value for value in values if made.get(value, "" if info.layer.inputs() else info.layer.Name)
               == info.layer.Name and value.kind != "size"]
        result.append(Footprint(work.get(info.layer.Name, 0), sum(ELEMENT * value.dims.elements for value in own),
                                fields.get(values[0]) if values else None))
    return result


def port_values(graph: Graph, info: LoweredLayer) -> list[Value | None]:
    """The values of a layer's output ports; None where a fault hides them."""
    return [graph.ports.get(f"{info.layer.Name}/{port}") for port in info.layer.outputs()]


class Span(NamedTuple):
    """What an element sees of one dimension of the network's first input.

    Element i, which is element r of turn t of as many as are listed, sees ``first[r]`` to ``last[r]``, and that moved on by
    t·⌊stride·turn⌋.
    """

    first: tuple[int, ...]
    last: tuple[int, ...]
    stride: Fraction

    @property
    def turn(self) -> int:
        return len(self.first)

    def of(self, i: int) -> tuple[int, int]:
        turns, at = divmod(i, self.turn)
        moved = turns * floor(self.stride * self.turn)
        return self.first[at] + moved, self.last[at] + moved

    @classmethod
    def listed(cls, ends: Iterable[tuple[int, int]], stride: Fraction) -> Span:
        first, last = zip(*ends, strict=True)
        return cls(first, last, stride)

    def through(self, reach: Reach, size: int) -> Span:
        """What an element sees that looks at such elements; there are ``size`` of them."""
        repeats = reach.per * self.turn // gcd(reach.step, reach.per * self.turn)
        ends = ((self.of((i * reach.step + reach.first) // reach.per)[0],
                 self.of((i * reach.step + reach.last) // reach.per)[1]) for i in range(min(repeats, size)))
        return Span.listed(ends, self.stride * reach.step / reach.per)

    def joined(self, other: Span, size: int) -> Span:
        """What an element sees that looks at two such elements at the same place."""
        repeats = lcm(self.turn, other.turn) if self.stride == other.stride else size
        ends = ((min(self.of(i)[0], other.of(i)[0]), max(self.of(i)[1], other.of(i)[1]))
                for i in range(min(repeats, size)))
        return Span.listed(ends, max(self.stride, other.stride))


Spans = tuple[Span, ...]  # one per spatial dimension; none: all of the input


def receptive_fields(graph: Graph) -> dict[Value, ReceptiveField]:
    """The receptive field of every value that depends on the first input, where that has spatial dimensions."""
    first = graph.inputs[0].dims if graph.inputs else Dims.of("")
    if not first.rank:
        return {}
    spans: dict[Value, Spans] = {graph.inputs[0]: (Span((0,), (0,), Fraction(1)),) * first.rank}
    made: dict[Value, Node] = {}
    for node in graph.nodes:
        made.update(dict.fromkeys(node.outputs, node))
        seen = [(spans[value], reach_of(node, value, made)) for value in node.inputs
                if value in spans and value.kind != "size"]
        if seen:
            spans.update(dict.fromkeys(node.outputs, spans_of(seen, node.outputs[0].dims)))
    whole = ReceptiveField(first.spatial, (Fraction(0),) * first.rank, whole=True)
    return {value: field_of(found) if found else whole for value, found in spans.items()}


def reach_of(node: Node, value: Value, made: dict[Value, Node]) -> tuple[Reach, ...] | None:
    """How a node looks at an input; an unpooling undoes the window that its indices come from."""
    if node.op.name == "unpool":
        window: Window = made[node.inputs[1]].attrs["window"]
        return window.transposed_reach()
    return node.op.reach(value.dims, node.outputs[0].dims, **node.attrs)


def spans_of(seen: list[tuple[Spans, tuple[Reach, ...] | None]], y: Dims) -> Spans:
    """What elements of ``y`` see that look at these."""
    if not y.rank or any(not reach or not spans for spans, reach in seen):
        return ()
    joined: list[Span] = []
    for spans, reach in seen:
        through = [span.through(one, n) for span, one, n in zip(spans, reach or (), y.spatial, strict=True)]
        joined = [a.joined(b, n) for a, b, n in zip(joined, through, y.spatial, strict=True)] if joined else through
    return tuple(joined)


def field_of(spans: Spans) -> ReceptiveField:
    """The largest field of an element."""
    return ReceptiveField(tuple(max(b - a + 1 for a, b in zip(span.first, span.last, strict=True)) for span in spans),
                          tuple(span.stride for span in spans))
