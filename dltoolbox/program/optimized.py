"""The optimized graph: what a mode runs, after all passes.

It is made once, with the sizes of the batch open; `OptimizedGraph.at` fills them in, and a plan is made of the result. What
decides how threads share the work is asked here, before anything is planned.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace
from math import prod
from typing import Any

from dltoolbox.core.dims import Dims
from dltoolbox.kernels import KERNELS
from dltoolbox.ops import Graph, Kind, Node, Value
from dltoolbox.ops.base import MOVED, OPS, Attributes
from dltoolbox.ops.graph import Population, StateUpdate
from dltoolbox.ops.time_axis import Way
from dltoolbox.program.passes import FusedNode, multiply_adds, run_passes

CHAINS = frozenset(name for name in KERNELS if "+" in name)


@dataclass(eq=False)
class OptimizedGraph:
    """A graph whose nodes are what is left to run, chains among them, in execution order.

    Attributes:
        graph: The record, with these nodes in the place of its own.
        wanted: Values that a run returns.
        differentiated: Values that a gradient flows through.
    """

    graph: Graph
    wanted: tuple[Value, ...]
    differentiated: set[Value]

    def at(self, **sizes: int) -> OptimizedGraph:
        """The same for these sizes, by label, where they are open: ``at(B=128)``. Parameters keep their values."""
        fill = _Sizes(sizes)
        return OptimizedGraph(fill.graph(self.graph), tuple(map(fill.value, self.wanted)),
                              set(map(fill.value, self.differentiated)))

    @property
    def by_observation(self) -> bool:
        """Whether the batch may be cut: every step can, and every result is one of observations, or a sum over them."""
        sums = {*self.graph.losses, *(value for update in self.graph.updates for value in update.values)}
        return (all(map(by_observation, {part.op.name for part in unfused(self.graph.nodes)}))
                and all(value in sums or value.dims.labels.endswith("B") for value in self.wanted))

    @property
    def keeps_time(self) -> bool:
        """Whether the length of time is the same everywhere, so that no attribute and no other size depends on it."""
        return all(node.way is Way.FOLD or node.way is node.op.way is Way.SEE for node in unfused(self.graph.nodes))

    @property
    def work(self) -> int:
        """A rough count of what the steps do: multiply-adds, and elements moved, which cost as much as some of those."""
        elements = sum(prod(value.dims.shape) for node in self.graph.nodes for value in node.outputs)
        return sum(map(multiply_adds, self.graph.nodes)) + MOVED * elements

    @property
    def reads_mostly_weights(self) -> bool:
        """Whether dense layers have far more weights than all arrays have elements. Shards would each read all of them from
        memory; threads that share the steps read them once (AlexNet at batch 8: 32 instead of 35 ms).
        """
        nodes = self.graph.nodes
        weights = sum(prod(node.inputs[1].dims.shape) for node in nodes if node.op.name == "dense")
        return weights > 2 * sum(prod(value.dims.shape) for node in nodes for value in node.outputs)


def by_observation(op: str) -> bool:
    """Whether shards of a batch may run an op independently, or have a kernel in which they meet where they may not."""
    return OPS[op].by_observation or any(kernel.by_observation for kernel in KERNELS.get(op, ()))


def optimize(graph: Graph, wanted: Sequence[Value], gradients_of: Iterable[Value] = (), *,
             chains: Collection[str] | None = CHAINS) -> OptimizedGraph:
    """Run all passes.

    Args:
        graph: The record of ops; sizes of the batch may be open.
        wanted: Values that the run returns.
        gradients_of: Values (parameters, inputs) that gradients are asked for; none is inference.
        chains: As for `run_passes`.
    """
    nodes = run_passes(graph, wanted, chains)
    return OptimizedGraph(replace(graph, nodes=nodes), tuple(wanted), gradient_paths(graph, unfused(nodes), gradients_of))


def unfused(nodes: Iterable[Node]) -> list[Node]:
    """The nodes, with those of chains one by one."""
    return [part for node in nodes for part in (node.parts if isinstance(node, FusedNode) else [node])]


def gradient_paths(graph: Graph, nodes: Sequence[Node], sources: Iterable[Value]) -> set[Value]:
    """The values that a gradient flows through: a source reaches them, and they reach a loss."""
    below = set(sources)
    for node in nodes:
        if below.intersection(node.inputs) and node.op.differentiable:
            below.update(value for value in node.outputs if value.kind is Kind.DATA)
    above = set(graph.losses)
    for node in reversed(nodes):
        if above.intersection(node.outputs) and node.op.differentiable:
            above.update(value for value in node.inputs if value.kind is Kind.DATA)
    return below & above


class _Sizes:
    """Fills open sizes in; what has none stays the same object."""

    def __init__(self, sizes: Mapping[str, int]) -> None:
        self.sizes = sizes
        self.known: dict[Value, Value] = {}

    def graph(self, graph: Graph) -> Graph:
        value = self.value
        return replace(graph, nodes=[self.node(node) for node in graph.nodes], inputs=[*map(value, graph.inputs)],
                       lengths=[*map(value, graph.lengths)],
                       carried={key: value(held) for key, held in graph.carried.items()},
                       targets=[*map(value, graph.targets)], losses=[*map(value, graph.losses)],
                       results=[*map(value, graph.results)],
                       ports={name: value(held) for name, held in graph.ports.items()},
                       updates=[*map(self.update, graph.updates)])

    def node(self, node: Node) -> Node:
        made = copy(node)
        made.inputs, made.outputs = tuple(map(self.value, node.inputs)), tuple(map(self.value, node.outputs))
        made.attrs = self.attrs(node, node.attrs)
        if isinstance(made, FusedNode):
            made.attrs["links"] = tuple(link._replace(attrs=self.attrs(part, link.attrs))
                                        for part, link in zip(made.parts, made.attrs["links"], strict=True))
            made.parts = [self.node(part) for part in made.parts]
        return made

    def attrs(self, node: Node, attrs: Attributes) -> dict[str, Any]:
        """Attributes of a node; sizes among them are as its op sees them."""
        like = next((value.dims for value in node.inputs if value.dims.timed), Dims.of(""))
        return {key: node.way.dims(self.dims(node.way.undone(value, like))) if isinstance(value, Dims) else value
                for key, value in attrs.items()}

    def update(self, update: StateUpdate) -> StateUpdate:
        rule = update.rule
        if isinstance(rule, Population):
            rule = Population(rule.between and self.value(rule.between), rule.count and self.value(rule.count))
        return update._replace(value=self.value(update.value), rule=rule)

    def value(self, value: Value) -> Value:
        made = self.known.get(value)
        if made is None:
            dims, denotes = self.dims(value.dims), value.denotes and self.dims(value.denotes)
            lengths = value.lengths and self.value(value.lengths)
            same = dims is value.dims and denotes is value.denotes and lengths is value.lengths
            made = self.known[value] = value if same else Value(dims, value.kind, denotes, lengths)
        return made

    def dims(self, dims: Dims) -> Dims:
        if None not in dims.sizes:
            return dims
        return Dims(dims.labels, tuple(self.sizes.get(label) if size is None else size
                                       for label, size in zip(dims.labels, dims.sizes, strict=True)))
