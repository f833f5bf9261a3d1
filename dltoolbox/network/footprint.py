"""What every layer costs and sees: multiply-adds, memory of its outputs, receptive field. Read from the recorded ops.

Source: Araujo, Norris and Sim, "Computing receptive fields of convolutional neural networks", Distill (2019): along a
path, a window of extent e adds (e − 1) times the distance of its inputs, and its stride multiplies that distance; over
several paths, the largest counts. Statistics that normalisations take over a map are left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from typing import NamedTuple

from dltoolbox.core.formats import Dims
from dltoolbox.core.geometry import Reach, Window
from dltoolbox.network.lowering import Lowered, LoweredLayer
from dltoolbox.ops import Graph, Node, Value

ELEMENT = 4  # bytes of a number in single precision


class ReceptiveField(NamedTuple):
    """What an element of an output sees of the network's first input, per spatial dimension.

    ``size`` in elements, which may be more than there are; ``stride`` from what one element sees to what its neighbour
    sees. ``whole``: every element sees all of the input; then the size is that of the input and the stride is 0.
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


def receptive_fields(graph: Graph) -> dict[Value, ReceptiveField]:
    """The receptive field of every value that depends on the first input, where that has spatial dimensions."""
    first = graph.inputs[0].dims if graph.inputs else Dims.of("")
    if not first.rank:
        return {}
    fields = {graph.inputs[0]: ReceptiveField((1,) * first.rank, (Fraction(1),) * first.rank)}
    whole = ReceptiveField(first.spatial, (Fraction(0),) * first.rank, whole=True)
    made: dict[Value, Node] = {}
    for node in graph.nodes:
        made.update(dict.fromkeys(node.outputs, node))
        seen = [fields[value] for value in node.inputs if value in fields and value.kind != "size"]
        if seen:
            field = widened(seen, reach_of(node, made)) or whole
            fields.update(dict.fromkeys(node.outputs, field))
    return fields


def reach_of(node: Node, made: dict[Value, Node]) -> tuple[Reach, ...] | None:
    """How a node looks at its input; an unpooling undoes the window that its indices come from."""
    if node.op.name == "unpool":
        window: Window = made[node.inputs[1]].attrs["window"]
        return window.transposed_reach()
    return node.op.reach(*(value.dims for value in node.inputs), **node.attrs)


def widened(seen: list[ReceptiveField], reach: tuple[Reach, ...] | None) -> ReceptiveField | None:
    """The field behind a node that reads these; None: all of the input."""
    if reach is None or any(field.whole for field in seen):
        return None
    sizes = [max(of) for of in zip(*(field.size for field in seen), strict=True)]
    strides = [max(of) for of in zip(*(field.stride for field in seen), strict=True)]
    reach = reach or (Reach(),) * len(sizes)  # no spatial dimensions are left
    return ReceptiveField(tuple(ceil(n + (r.extent - 1) * s) for n, s, r in zip(sizes, strides, reach, strict=True)),
                          tuple(s * r.step for s, r in zip(strides, reach, strict=True)))
