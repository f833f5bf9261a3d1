"""Costs and views of every layer: multiply-adds, memory of its outputs, receptive field. Read from the recorded ops.

Source: Araujo, Norris and Sim, "Computing receptive fields of convolutional neural networks", Distill (2019): from the
first element that an output sees to the last one, over all paths. Where maps are enlarged, neighbours see differently
much; the one that sees most counts. Statistics that normalisations take over a map are left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction
from math import floor, gcd, lcm
from typing import NamedTuple

from dltoolbox.core.dims import Dims
from dltoolbox.core.geometry import Reach, Window
from dltoolbox.network.lowering.lower import ELEMENT, Lowered, LoweredLayer
from dltoolbox.ops import Graph, Kind, Node, Value
from dltoolbox.ops.time_axis import Way

MOST_TURNS = 250_000  # of all spans: about a second; beyond, receptive fields are not told
LARGEST_FIELD = 1 << 63  # number in a field: more elements than any input has


class ReceptiveField(NamedTuple):
    """The receptive field of an element in the network's first input, per spatial dimension.

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
    """Cost of one layer for one observation (one time step, where their number is open), and the receptive field of its
    first output.

    None: there is no spatial input, or enlarging maps has made the field too hard to tell.
    """

    multiply_adds: int = 0
    activation_bytes: int = 0
    receptive_field: ReceptiveField | None = None


def footprints(lowered: Lowered) -> list[Footprint]:
    """One footprint per layer, in the graph's order; of layers that a problem hides, what is known of them."""
    graph, fields = lowered.graph, receptive_fields(lowered.graph)
    made = {value: node.layer for node in graph.nodes for value in node.outputs}
    work: dict[str, int] = {}
    for node in graph.nodes:
        cost = node.op.multiply_adds(node.input_dims, node.output_dims[0])
        work[node.layer] = work.get(node.layer, 0) + cost
    result = []
    for info in lowered.layers:
        values = [value for value in port_values(graph, info) if value]
        own = [value for value in values if made.get(value, "" if info.layer.inputs() else info.layer.Name)
               == info.layer.Name and value.kind not in (Kind.SIZE, Kind.BATCH)]
        result.append(Footprint(work.get(info.layer.Name, 0), sum(ELEMENT * value.dims.elements for value in own),
                                fields.get(values[0]) if values else None))
    return result


def port_values(graph: Graph, info: LoweredLayer) -> list[Value | None]:
    """The values of a layer's output ports; None where a problem hides them."""
    return [graph.ports.get(f"{info.layer.Name}/{port}") for port in info.layer.outputs()]


class Span(NamedTuple):
    """The receptive field of an element along one dimension of the network's first input.

    Element i, which is element r of turn t of as many as are listed, sees ``first[r]`` to ``last[r]``, and that moved on by
    t·⌊stride·turn⌋.
    """

    first: tuple[int, ...]
    last: tuple[int, ...]
    stride: Fraction

    @property
    def turn(self) -> int:
        return len(self.first)

    def places(self) -> Callable[[int], tuple[int, int]]:
        """The function that says what an element sees."""
        first, last, turn, step = self.first, self.last, self.turn, floor(self.stride * self.turn)

        def of(i: int) -> tuple[int, int]:
            turns, at = divmod(i, turn)
            return first[at] + turns * step, last[at] + turns * step
        return of

    @classmethod
    def listed(cls, ends: Iterable[tuple[int, int]], stride: Fraction) -> Span:
        first, last = zip(*ends, strict=True)
        limit(max(-min(first), max(last), *stride.as_integer_ratio()), LARGEST_FIELD)
        return cls(first, last, stride)

    def through(self, reach: Reach, size: int, most: int) -> Span:
        """The field of an element that looks at such elements; there are ``size`` of them, and ``most`` are looked at."""
        repeats = reach.per * self.turn // gcd(reach.step, reach.per * self.turn)
        limit(min(repeats, size), most)
        of, (begin, end, step, per) = self.places(), reach
        ends = ((of((i * step + begin) // per)[0], of((i * step + end) // per)[1]) for i in range(min(repeats, size)))
        return Span.listed(ends, self.stride * reach.step / reach.per)

    def joined(self, other: Span, size: int, most: int) -> Span:
        """The field of an element that looks at two such elements at the same place."""
        repeats = lcm(self.turn, other.turn) if self.stride == other.stride else size
        limit(min(repeats, size), most)
        here, there = self.places(), other.places()
        ends = ((min(here(i)[0], there(i)[0]), max(here(i)[1], there(i)[1])) for i in range(min(repeats, size)))
        return Span.listed(ends, max(self.stride, other.stride))


InputSpans = tuple[Span, ...]  # one per spatial dimension; none: all of the input


class Untold(Exception):
    """A field that would take too long to find, or whose numbers say nothing."""


def limit(number: int, most: int) -> None:
    if number > most:
        raise Untold


def receptive_fields(graph: Graph) -> dict[Value, ReceptiveField]:
    """The receptive field of every value that depends on the first input, where that has spatial dimensions."""
    first = graph.inputs[0].dims if graph.inputs else Dims.of("")
    if not first.rank:
        return {}
    spans: dict[Value, InputSpans | None] = {graph.inputs[0]: (Span((0,), (0,), Fraction(1)),) * first.rank}
    made: dict[Value, Node] = {}
    most = MOST_TURNS
    for node in graph.nodes:
        made.update(dict.fromkeys(node.outputs, node))
        seen = [(spans[value], reach_of(node, value, made)) for value in node.inputs
                if value in spans and value.kind is not Kind.SIZE]
        if seen:
            reached = spans_of(seen, node.outputs[0].dims, most)
            most -= sum(span.turn for span in reached or ())
            spans.update(dict.fromkeys(node.outputs, reached))
    whole = ReceptiveField(first.spatial, (Fraction(0),) * first.rank, whole=True)
    return {value: field_of(span) if span else whole for value, span in spans.items() if span is not None}


def reach_of(node: Node, value: Value, made: dict[Value, Node]) -> tuple[Reach, ...] | None:
    """How a node looks at an input, time left out; an unpooling undoes the window that its indices come from."""
    if node.op.name == "max_unpool":
        window: Window = made[node.inputs[1]].attrs["window"]
        reach: tuple[Reach, ...] | None = window.transposed_reach()
    else:
        reach = node.op.reach(node.way.dims(value.dims), node.output_dims[0], **node.attrs)
    return reach[-1 - value.dims.rank:-1] if reach and node.way is Way.SPACE else reach


def spans_of(seen: list[tuple[InputSpans | None, tuple[Reach, ...] | None]], y: Dims, most: int) -> InputSpans | None:
    """The fields of elements of ``y`` that look at these; None if no op tells."""
    if not y.rank or any(not reach or spans == () for spans, reach in seen):
        return ()
    joined: list[Span] = []
    try:
        for spans, reach in seen:
            if spans is None:
                return None
            through = [span.through(along, n, most) for span, along, n in zip(spans, reach or (), y.spatial, strict=True)]
            joined = ([a.joined(b, n, most) for a, b, n in zip(joined, through, y.spatial, strict=True)] if joined
                      else through)
    except Untold:
        return None
    return tuple(joined)


def field_of(spans: InputSpans) -> ReceptiveField:
    """The largest field of an element."""
    return ReceptiveField(tuple(max(b - a + 1 for a, b in zip(span.first, span.last, strict=True)) for span in spans),
                          tuple(span.stride for span in spans))
