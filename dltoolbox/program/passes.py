"""Rewrites of the op graph before it is planned. Each is a pattern over ops; none knows of layers."""

from __future__ import annotations

from collections.abc import Iterable

from dltoolbox.ops import OPS, Graph, Node, Value


def prune(nodes: Iterable[Node], wanted: Iterable[Value]) -> list[Node]:
    """Only the nodes that the wanted values depend on."""
    needed = set(wanted)
    kept: list[Node] = []
    for node in reversed(list(nodes)):
        if needed.intersection(node.outputs):
            needed.update(node.inputs)
            kept.append(node)
    return kept[::-1]


def consumers(nodes: Iterable[Node]) -> dict[Value, list[Node]]:
    uses: dict[Value, list[Node]] = {}
    for node in nodes:
        for value in node.inputs:
            uses.setdefault(value, []).append(node)
    return uses


def join_softmax_with_loss(nodes: list[Node]) -> list[Node]:
    """softmax → cross_entropy becomes one op on the scores: no logarithm of a probability that underflowed."""
    uses = consumers(nodes)
    made = {value: node for node in nodes for value in node.outputs}
    replaced: dict[int, Node | None] = {}
    for loss in nodes:
        before = made.get(loss.inputs[0]) if loss.op.name == "cross_entropy" else None
        if before is None or before.op.name != "softmax" or len(uses[before.outputs[0]]) > 1:
            continue
        joined = Node(OPS["softmax_cross_entropy"], (before.inputs[0], loss.inputs[1]),
                      (loss.outputs[0], before.outputs[0]), loss.attrs, loss.layer)
        replaced[id(before)], replaced[id(loss)] = joined, None
    result = (replaced.get(id(node), node) for node in nodes)
    return [node for node in result if node is not None]


def remember_winners(nodes: list[Node]) -> list[Node]:
    """In training, a window maximum keeps the positions of its maxima, so that its gradient need not look again."""
    return [Node(OPS["window_max_indices"], node.inputs, (*node.outputs, Value(node.outputs[0].dims, "indices")),
                 node.attrs, node.layer) if node.op.name == "window_max" else node for node in nodes]


def forget_indices(nodes: list[Node], wanted: Iterable[Value]) -> list[Node]:
    """Indices that nothing reads are not computed."""
    read = set(wanted) | {value for node in nodes for value in node.inputs}
    return [Node(OPS["window_max"], node.inputs, node.outputs[:1], node.attrs, node.layer)
            if node.op.name == "window_max_indices" and node.outputs[1] not in read else node for node in nodes]


def rewritten(graph: Graph, wanted: Iterable[Value], *, differentiate: bool) -> list[Node]:
    """All passes in their order."""
    wanted = list(wanted)
    nodes = prune(graph.nodes, wanted)
    nodes = join_softmax_with_loss(nodes)
    return remember_winners(nodes) if differentiate else forget_indices(nodes, wanted)
