"""The plan: steps in order, the kernel of each, which arrays gradients will read, and when every array dies.

A plan is made for exact sizes, batch included. It is data: running it is the business of `dltoolbox.program.run`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from dltoolbox.kernels.base import Direct, Workspace
from dltoolbox.ops import Graph, Node, Value
from dltoolbox.program.passes import rewritten


@dataclass
class Step:
    """One kernel call. Numbers are slots: positions in the table of live arrays."""

    node: Node
    kernel: Direct
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    work: Workspace = field(default_factory=Workspace)
    needs: tuple[bool, ...] = ()  # which inputs want a gradient; none: the step is not differentiated
    release: tuple[int, ...] = ()  # slots that die after the forward call
    release_back: tuple[int, ...] = ()  # slots that die after the backward call


@dataclass
class Plan:
    """Steps and slots of one network at one size."""

    graph: Graph
    steps: list[Step]
    slots: dict[Value, int]
    wanted: tuple[Value, ...]


def make_plan(graph: Graph, wanted: Sequence[Value], *, gradients_of: Iterable[Value] = (), fast: bool = True) -> Plan:
    """Plan a graph.

    Args:
        graph: The record of ops, with all sizes known.
        wanted: Values that the run returns.
        gradients_of: Values (parameters, inputs) that gradients are asked for; none plans inference.
        fast: False uses the ops' own bodies: the oracle of every other plan.
    """
    sources = set(gradients_of)
    nodes = rewritten(graph, wanted, differentiate=bool(sources))
    slots = number_values(graph, nodes)
    steps = [Step(node, plain(node.op.name),
                  tuple(slots[v] for v in node.inputs), tuple(slots[v] for v in node.outputs)) for node in nodes]
    plan = Plan(graph, steps, slots, tuple(wanted))
    mark_gradients(plan, sources)
    plan_lifetimes(plan)
    return plan


def plain(op: str) -> Direct:
    body = Direct()
    body.op = op  # type: ignore[misc]
    return body


def number_values(graph: Graph, nodes: Iterable[Node]) -> dict[Value, int]:
    slots: dict[Value, int] = {}
    for value in [*graph.inputs, *graph.targets, *graph.arrays.values()]:
        slots.setdefault(value, len(slots))
    for node in nodes:
        for value in (*node.inputs, *node.outputs):
            slots.setdefault(value, len(slots))
    return slots


def mark_gradients(plan: Plan, sources: set[Value]) -> None:
    """A step is differentiated when a gradient source reaches it and a loss is reached from it."""
    below = set(sources)
    for step in plan.steps:
        if below.intersection(step.node.inputs) and step.node.op.differentiable:
            below.update(step.node.outputs)
    above = set(plan.graph.losses)
    for step in reversed(plan.steps):
        if above.intersection(step.node.outputs):
            step.needs = tuple(value in below for value in step.node.inputs)
            if not any(step.needs):
                step.needs = ()
            above.update(value for value in step.node.inputs if value in below)


def plan_lifetimes(plan: Plan) -> None:
    """Give every array the step after which nothing reads it any more; parameters and feeds live on."""
    graph = plan.graph
    immortal = {plan.slots[v] for v in (*graph.inputs, *graph.targets, *graph.arrays.values(), *plan.wanted)
                if v in plan.slots}
    read_back: set[int] = set()
    for step in plan.steps:  # the first step (in forward order) whose gradient reads an array frees it
        reads = read_by_gradient(step) - immortal - read_back
        step.release_back = tuple(sorted(reads))
        read_back |= reads
    last: dict[int, Step] = {}
    for step in plan.steps:
        last.update(dict.fromkeys((*step.inputs, *step.outputs), step))
    for slot, step in last.items():
        if slot not in immortal and slot not in read_back:
            step.release = (*step.release, slot)


def read_by_gradient(step: Step) -> set[int]:
    reads: set[int] = set()
    if step.needs:
        if "inputs" in step.kernel.reads:
            reads.update(step.inputs)
        if "outputs" in step.kernel.reads:
            reads.update(step.outputs)
    return reads
