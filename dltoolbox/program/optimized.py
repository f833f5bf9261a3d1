"""The optimized graph: what a mode runs, after all passes.

It is made once, with numbers of observations and lengths of time open; `OptimizedGraph.at` is the same for known ones, and a
plan is made of that. What decides how threads share the work is asked here, before anything is planned.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import prod
from operator import ge, le

from dltoolbox.kernels import KERNELS
from dltoolbox.ops import Graph, Kind, Node, Value
from dltoolbox.ops.base import MOVED, OPS
from dltoolbox.program.passes import FusedNode, multiply_adds, run_passes
from dltoolbox.program.sizing import Sizing

CHAINS = frozenset(name for name in KERNELS if "+" in name)


@dataclass(eq=False)
class OptimizedGraph:
    """A graph whose nodes are what is left to run, chains among them, in execution order.

    Attributes:
        graph: The record, with these nodes in the place of its own.
        wanted: Values that a run returns.
        differentiated: Values that a gradient flows through.
        seeded: Differentiated values whose gradients come from outside.
        counted: Whether there is so much work or more, at the sizes that were asked about.
    """

    graph: Graph
    wanted: tuple[Value, ...]
    differentiated: set[Value]
    seeded: tuple[Value, ...] = ()
    counted: list[tuple[int, tuple[int, ...], bool]] = field(default_factory=list)

    def at(self, entering: Sequence[Sequence[int]]) -> OptimizedGraph:
        """The same for data of these sizes; see `Sizing`. Parameters keep their values."""
        sizing = Sizing(self.graph, entering)
        graph = sizing.sized(self.graph)
        return OptimizedGraph(graph, tuple(map(sizing.value, self.wanted)), set(map(sizing.value, self.differentiated)),
                              tuple(map(sizing.value, self.seeded)))

    @cached_property
    def by_observation(self) -> bool:
        """Whether the batch may be cut: every step can, and every result is one of observations, or a sum over them."""
        sums = {*self.graph.losses, *(value for update in self.graph.updates for value in update.values)}
        return (all(map(by_observation, {part.op.name for part in unfused(self.graph.nodes)}))
                and all(value in sums or value.dims.labels.endswith("B") for value in self.wanted))

    @property
    def work(self) -> int:
        """A rough count of what the steps do: multiply-adds, and elements moved, which cost as much as some of those."""
        elements = sum(prod(value.dims.shape) for node in self.graph.nodes for value in node.outputs)
        return sum(map(multiply_adds, self.graph.nodes)) + MOVED * elements

    def has_work(self, least: int, entering: Sequence[Sequence[int]]) -> bool:
        """Whether `work` is at least so much for data of these sizes. It grows with each of them, so few are counted."""
        sizes = tuple(n for shape in entering for n in shape)
        for limit, other, enough in self.counted:
            if limit == least and all(map(ge if enough else le, sizes, other)):
                return enough
        enough = self.at(entering).work >= least
        self.counted.append((least, sizes, enough))
        return enough

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


def optimize(graph: Graph, wanted: Sequence[Value], gradients_of: Iterable[Value] = (), seeded: Sequence[Value] = (), *,
             chains: Collection[str] | None = CHAINS) -> OptimizedGraph:
    """Run all passes.

    Args:
        graph: The record of ops; sizes of the batch may be open.
        wanted: Values that the run returns.
        gradients_of: Values (parameters, inputs) that gradients are asked for; none is inference.
        seeded: Values whose gradients come from outside, of those that are differentiated.
        chains: As for `run_passes`.
    """
    nodes = run_passes(graph, wanted, chains)
    differentiated = gradient_paths({*graph.losses, *seeded}, unfused(nodes), gradients_of)
    return OptimizedGraph(replace(graph, nodes=nodes), tuple(wanted), differentiated,
                          tuple(value for value in seeded if value in differentiated))


def unfused(nodes: Iterable[Node]) -> list[Node]:
    """The nodes, with those of chains one by one."""
    return [part for node in nodes for part in (node.parts if isinstance(node, FusedNode) else [node])]


def gradient_paths(ends: Iterable[Value], nodes: Sequence[Node], sources: Iterable[Value]) -> set[Value]:
    """The values that a gradient flows through: a source reaches them, and they reach one of the ends."""
    below = set(sources)
    for node in nodes:
        if below.intersection(node.inputs) and node.op.differentiable:
            below.update(value for value in node.outputs if value.kind is Kind.DATA)
    above = set(ends)
    for node in reversed(nodes):
        if above.intersection(node.outputs) and node.op.differentiable:
            above.update(value for value in node.inputs if value.kind is Kind.DATA)
    return below & above
