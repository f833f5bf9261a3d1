"""Rewrites of the op graph before it is planned. Each is a pattern over ops; none knows of layers.

Rewrites are exact: they keep every value that leaves the network. Chains are joined where a kernel for the whole exists.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from itertools import count

from dltoolbox.core.geometry import Window
from dltoolbox.ops import OPS, Graph, Node, Value
from dltoolbox.ops.fused import Link, group
from dltoolbox.ops.time_axis import Way

UNPOOLING_OPS = ("max_unpool", "max_unpool_of_lengths")  # to which zeros come behind the ends
MOST_TAPS = 64  # of a window whose maxima are remembered by tap number


@dataclass(eq=False)
class FusedNode(Node):
    """A node that stands for several; ``parts`` are they, should no kernel want the chain after all."""

    parts: list[Node] = field(default_factory=list)


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
    """Who reads a value: a node once for every input that it is."""
    uses: dict[Value, list[Node]] = {}
    for node in nodes:
        for value in node.inputs:
            uses.setdefault(value, []).append(node)
    return uses


def join_softmax_with_loss(nodes: list[Node]) -> list[Node]:
    """softmax → cross_entropy, or its focal kind, becomes one op on the scores: no logarithm of a probability that
    underflowed. A softmax that others read as well stays for them.
    """
    uses = consumers(nodes)
    made = {value: node for node in nodes for value in node.outputs}
    replaced: dict[int, Node | None] = {}
    for loss in nodes:
        before = made.get(loss.inputs[0]) if loss.op.name in ("cross_entropy", "focal_cross_entropy") else None
        if before is None or before.op.name != "softmax" or before.way is not loss.way:
            continue
        op, inputs, (probabilities,) = OPS[f"softmax_{loss.op.name}"], (before.inputs[0], loss.inputs[1]), before.outputs
        if len(uses[probabilities]) > 1:
            replaced[id(loss)] = replace(loss, op=op, inputs=inputs, outputs=(*loss.outputs, Value(probabilities.dims)))
        else:
            replaced[id(before)] = replace(loss, op=op, inputs=inputs, outputs=(*loss.outputs, probabilities),
                                           layer=f"{before.layer} + {loss.layer}")
            replaced[id(loss)] = None
    result = (replaced.get(id(node), node) for node in nodes)
    return [node for node in result if node is not None]


def drop_unused_indices(nodes: list[Node], wanted: Collection[Value]) -> list[Node]:
    """Indices that nothing reads are not computed."""
    read = set(wanted) | {value for node in nodes for value in node.inputs}
    return [replace(node, op=OPS["max_pool"], outputs=node.outputs[:1])
            if node.op.name == "max_pool_indices" and node.outputs[1] not in read else node for node in nodes]


def use_tap_indices(nodes: list[Node], wanted: Collection[Value]) -> list[Node]:
    """Between a pooling and its unpoolings, positions travel as 8-bit tap numbers: a quarter of the bytes, and scattering
    and gathering by tap needs no addresses. Exact for windows without overlap.
    """
    uses, replaced = consumers(nodes), {}
    for pool in nodes:
        if pool.op.name != "max_pool_indices" or pool.outputs[1] in wanted:
            continue
        readers = uses.get(pool.outputs[1], [])
        if all(takes_taps(pool, reader) for reader in readers):
            replaced[id(pool)] = replace(pool, op=OPS["max_pool_taps"])
            for reader in readers:
                replaced[id(reader)] = replace(reader, op=OPS["max_unpool_taps"], inputs=reader.inputs[:2],
                                               attrs={"window": pool.attrs["window"], "to": reader.attrs["to"]})
    return [replaced.get(id(node), node) for node in nodes]


def takes_taps(pool: Node, reader: Node) -> bool:
    """Whether a reader of a pooling's indices unpools to the very size that was pooled."""
    window: Window = pool.attrs["window"]
    return (reader.op.name in UNPOOLING_OPS and reader.inputs[1] is pool.outputs[1] and not window.overlapping
            and reader.way is pool.way and window.taps <= MOST_TAPS
            and reader.attrs["to"].spatial == pool.input_dims[0].spatial)


def hoist_max_pool_over_relu(nodes: list[Node], wanted: Collection[Value]) -> list[Node]:
    """relu → max_pool becomes max_pool → relu: exact, since a maximum commutes with a non-decreasing function, and
    the ReLU then works on a map that is several times smaller. Behind a batch normalisation both join it instead.
    """
    uses = consumers(nodes)
    made = {value: node for node in nodes for value in node.outputs}
    result = list(nodes)
    for at, relu in enumerate(nodes):
        if relu.op.name != "relu" or relu.outputs[0] in wanted or len(uses.get(relu.outputs[0], ())) != 1:
            continue
        (pool,) = uses[relu.outputs[0]]
        before = made.get(relu.inputs[0])
        if pool.op.name != "max_pool" or before is None or before.op.name == "batch_norm":
            continue
        if not pool.attrs["window"].always_sees:
            continue  # the maximum of nothing is -∞, which no ReLU lets through
        between = Value(pool.outputs[0].dims)
        result[at] = replace(pool, inputs=relu.inputs, outputs=(between,))
        result[nodes.index(pool)] = replace(relu, inputs=(between,), outputs=pool.outputs)
    return result


def fuse_chains(nodes: list[Node], wanted: Collection[Value], names: Collection[str]) -> list[Node]:
    """Replace the longest chains of ops that have one of the ``names`` (``a+b+c``) by one node each."""
    uses = consumers(nodes)
    joined: dict[int, FusedNode | None] = {}
    for node in nodes:
        if id(node) not in joined:
            parts = longest_chain(node, uses, wanted, names, joined)
            if len(parts) > 1:
                joined.update(dict.fromkeys(map(id, parts)))
                joined[id(parts[-1])] = chain_of(parts)
    result = (joined.get(id(node), node) for node in nodes)
    return [node for node in result if node is not None]


def longest_chain(node: Node, uses: dict[Value, list[Node]], wanted: Collection[Value], names: Collection[str],
                  joined: Collection[int]) -> list[Node]:
    """The nodes of the longest chain that begins here; none of the ``joined`` (by id) belongs to it."""
    parts, best = [node], 1
    while True:
        name = "+".join(part.op.name for part in parts)
        if name in names:
            best = len(parts)
        value = parts[-1].outputs[0]
        readers = uses.get(value, [])
        if value in wanted or len(readers) != 1 or not any(chain.startswith(name + "+") for chain in names):
            return parts[:best]
        follower = readers[0]
        if id(follower) in joined or len({*decided(parts), *decided([follower])}) > 1:
            return parts[:best]
        if follower.op.name == "add" and len({x.dims for x in follower.inputs}) + len(follower.inputs) != 3:
            return parts[:best]  # a sum of more than two, or one that expands
        parts.append(follower)


def decided(parts: Iterable[Node]) -> set[Way]:
    """How nodes look at T, but for those whose result is the same in any way."""
    return {part.way for part in parts if not part.op.any_way}


def chain_of(parts: list[Node]) -> FusedNode:
    """One node for several; what leaves is the last output first, then everything else that the parts make."""
    inside = {parts[i].outputs[0] for i in range(len(parts) - 1)}
    entering = tuple(value for part in parts for value in part.inputs if value not in inside)
    numbers: dict[Value, int] = {}  # of what the parts make
    links, entry, end = [], count(), len(entering)
    for part in parts:
        inputs = tuple(numbers[value] if value in inside else next(entry) for value in part.inputs)
        links.append(Link(part.op.name, part.attrs, inputs))
        for value in part.outputs:
            numbers[value] = end
            end += 1
    leaving = (*parts[-1].outputs, *(value for part in parts[:-1] for value in part.outputs if value not in inside))
    (way,) = decided(parts) or {parts[0].way}
    return FusedNode(group("+".join(link.op for link in links)), entering, leaving,
                     {"links": tuple(links), "leaving": tuple(numbers[value] for value in leaving)}, parts[-1].layer, way,
                     parts)


def run_passes(graph: Graph, wanted: Iterable[Value], chains: Collection[str] | None) -> list[Node]:
    """All passes in their order; ``chains`` names the chains that kernels exist for. None: only what changes results, which
    is that losses are computed from scores.
    """
    keep = set(wanted)
    nodes = join_softmax_with_loss(prune(graph.nodes, keep))
    if chains is not None:
        nodes = use_tap_indices(drop_unused_indices(nodes, keep), keep)
        nodes = prune(nodes, keep)  # sizes that only an unpooling read
        nodes = fuse_chains(hoist_max_pool_over_relu(nodes, keep), keep, chains)
    return nodes


def multiply_adds(node: Node) -> int:
    """Multiplications followed by an addition in one run of a node, for all of its batch."""
    parts = node.parts if isinstance(node, FusedNode) else [node]
    return sum(part.op.multiply_adds(part.input_dims, part.output_dims[0]) * (part.output_dims[0].batch or 0)
               for part in parts)
