"""Rewrites: which ops are joined or change places, and which stay because somebody looks between them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from dltoolbox.core.dims import Dims
from dltoolbox.core.geometry import Window
from dltoolbox.network.graph.layer_graph import LayerGraph, layerGraph
from dltoolbox.network.graph.surgery import addLayers, connectLayers
from dltoolbox.network.lowering.lower import lower
from dltoolbox.ops import OPS, Graph, Node, Value, as_tuple
from dltoolbox.program.model import Model
from dltoolbox.program.optimized import CHAINS as KERNEL_CHAINS
from dltoolbox.program.passes import FusedNode, consumers, fuse_chains, prune, run_passes, takes_taps, use_tap_indices
from tests.program.networks import make, residual, scrambled, segnet

CHAINS = {"conv+relu", "conv+batch_norm_inference", "conv+batch_norm_inference+relu", "batch_norm+relu",
          "batch_norm+add+relu", "batch_norm+relu+max_pool_taps"}


def graph_of(lgraph: LayerGraph, training: bool) -> tuple[Graph, list[Value]]:
    graph = lower(lgraph, training=training).graph
    return graph, [*graph.results, *(graph.losses if training else [])]


def names(nodes: list[Node]) -> list[str]:
    return [node.op.name for node in nodes]


def small(*middle: Any) -> LayerGraph:
    return layerGraph([make("imageInputLayer", [8, 8, 2], Normalization="none"), *middle,
                       make("fullyConnectedLayer", 2), make("regressionLayer")])


def run(nodes: list[Node], known: dict[Value, np.ndarray]) -> dict[Value, np.ndarray]:
    live = dict(known)
    for node in nodes:
        outputs = as_tuple(node.op.forward(*(live[v] for v in node.inputs), **node.attrs))
        live.update(zip(node.outputs, outputs, strict=True))
    return live


def values_for(graph: Graph, nodes: list[Node]) -> dict[Value, np.ndarray]:
    rng = np.random.default_rng(0)
    entering = {v for node in nodes for v in node.inputs} - {v for node in nodes for v in node.outputs}
    ordered = [v for v in (*graph.inputs, *graph.targets, *graph.arrays.values()) if v in entering]
    return {v: rng.uniform(0.1, 2, [n or 3 for n in v.dims.sizes]) for v in ordered}


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("make_graph", [segnet, residual])
def test_rewriting_keeps_every_result(make_graph: Any, training: bool) -> None:
    graph, wanted = graph_of(make_graph(), training)
    before, after = run_passes(graph, wanted, None), run_passes(graph, wanted, CHAINS)
    assert len(after) < len(before)
    known = values_for(graph, before)
    one, other = run(before, known), run(after, known)
    for value in wanted:
        np.testing.assert_allclose(other[value], one[value], rtol=1e-12)


def test_the_longest_chain_is_joined() -> None:
    graph, wanted = graph_of(small(make("convolution2dLayer", 3, 4), make("batchNormalizationLayer"), make("reluLayer")),
                             training=False)
    nodes = fuse_chains(prune(graph.nodes, wanted), set(wanted), CHAINS)
    assert names(nodes) == ["conv+batch_norm_inference+relu", "dense"]
    assert isinstance(nodes[0], FusedNode)
    assert names(nodes[0].parts) == ["conv", "batch_norm_inference", "relu"]


def test_what_somebody_looks_at_ends_a_chain() -> None:
    graph, wanted = graph_of(small(make("convolution2dLayer", 3, 4), make("batchNormalizationLayer"), make("reluLayer")),
                             training=False)
    nodes = prune(graph.nodes, wanted)
    seen = {*wanted, nodes[1].outputs[0]}
    assert names(fuse_chains(nodes, seen, CHAINS)) == ["conv+batch_norm_inference", "relu", "dense"]


def test_a_residual_sum_joins_the_normalisation_before_it() -> None:
    graph, wanted = graph_of(residual(), training=True)
    assert "batch_norm+add+relu" in names(run_passes(graph, wanted, CHAINS))


def test_a_sum_of_three_or_one_that_expands_stays() -> None:
    graph, wanted = graph_of(residual(), training=True)
    nodes = prune(graph.nodes, wanted)
    add = next(node for node in nodes if node.op.name == "add")
    first, other = add.inputs
    for inputs in ((first, other, Value(other.dims)), (first, Value(other.dims.with_spatial((1, 1))))):
        changed = Node(add.op, inputs, add.outputs, add.attrs, add.layer)
        found = fuse_chains([changed if node is add else node for node in nodes], set(wanted), CHAINS)
        assert "batch_norm+add+relu" not in names(found)


def test_pooling_goes_before_relu_unless_a_normalisation_joins_it() -> None:
    pool = make("maxPooling2dLayer", 2, Stride=2)
    graph, wanted = graph_of(small(make("convolution2dLayer", 3, 4), make("reluLayer"), pool), training=True)
    nodes = run_passes(graph, wanted, CHAINS)
    assert names(nodes)[:3] == ["conv", "max_pool", "relu"]
    assert nodes[2].outputs[0].dims.spatial == (3, 3)
    graph, wanted = graph_of(small(make("batchNormalizationLayer"), make("reluLayer"), pool), training=True)
    assert names(run_passes(graph, wanted, CHAINS))[:2] == ["batch_norm+relu", "max_pool"]


def test_taps_replace_indices_only_between_a_pooling_and_its_unpoolings() -> None:
    graph, wanted = graph_of(segnet(), training=False)
    nodes = prune(graph.nodes, wanted)
    assert names(use_tap_indices(nodes, set(wanted))).count("max_unpool_taps") == 2
    indices = [node.outputs[1] for node in nodes if node.op.name == "max_pool_indices"]
    kept = names(use_tap_indices(nodes, {*wanted, indices[0]}))
    assert (kept.count("max_unpool_taps"), kept.count("max_unpool")) == (1, 1)
    assert "size_of" not in names(run_passes(graph, wanted, CHAINS))


def test_consumers_count_a_node_once_per_input() -> None:
    x, y = Value(None), Value(None)  # type: ignore[arg-type]
    twice = Node(None, (x, x), (y,), {})  # type: ignore[arg-type]
    assert consumers([twice]) == {x: [twice, twice]}


def test_of_two_normalisations_that_are_added_one_takes_the_sum() -> None:
    from dltoolbox import additionLayer, addLayers, batchNormalizationLayer, connectLayers, reluLayer
    lgraph = small(batchNormalizationLayer(Name="one"), additionLayer(2, Name="sum"), reluLayer(Name="relu"))
    lgraph = addLayers(lgraph, batchNormalizationLayer(Name="other"))
    lgraph = connectLayers(connectLayers(lgraph, "imageinput", "other"), "other", "sum/in2")
    graph, wanted = graph_of(lgraph, training=True)
    found = names(run_passes(graph, wanted, CHAINS))
    assert sorted(found[:2]) == ["batch_norm", "batch_norm+add+relu"]
    assert len(found) == 4


# What somebody looks at, or reads besides, stays -----------------------------------------------------------------------
def pooling(**options: Any) -> Any:
    return make("maxPooling2dLayer", 2, Stride=2, Name="pool", **options)


def unpooling(*before: Any) -> LayerGraph:
    lgraph = small(*before, pooling(HasUnpoolingOutputs=True), make("maxUnpooling2dLayer", Name="unpool"))
    return connectLayers(connectLayers(lgraph, "pool/indices", "unpool/indices"), "pool/size", "unpool/size")


def conv(**options: Any) -> Any:
    return make("convolution2dLayer", 3, 4, Padding="same", **options)


def norm() -> Any:
    return make("batchNormalizationLayer")


def relu() -> Any:
    return make("reluLayer")


def classifier() -> LayerGraph:
    return layerGraph([make("imageInputLayer", [4, 4, 2], Normalization="none"), make("fullyConnectedLayer", 3),
                       make("softmaxLayer"), make("classificationLayer", Classes=list("abc"))])


# what is made where nobody looks between: of which network, in training or not
MADE: list[tuple[str, Any, bool]] = [
    ("conv+relu", lambda: small(conv(), relu()), False),
    ("conv+batch_norm_inference", lambda: small(conv(), norm()), False),
    ("conv+batch_norm_inference+relu", lambda: small(conv(), norm(), relu()), False),
    ("batch_norm_inference+relu", lambda: small(norm(), relu()), False),
    ("batch_norm+relu", lambda: small(norm(), relu()), True),
    ("batch_norm+add+relu", residual, True),
    ("batch_norm+relu+max_pool", lambda: small(norm(), relu(), pooling()), True),
    ("batch_norm+relu+max_pool_taps", lambda: unpooling(norm(), relu()), True),
    ("max_pool", lambda: small(conv(), relu(), pooling()), False),  # before the ReLU
    ("max_pool", lambda: small(relu(), pooling()), False),
    ("max_pool", lambda: small(pooling(HasUnpoolingOutputs=True)), False),  # without its indices
    ("max_unpool_taps", unpooling, False),
    ("softmax_cross_entropy", classifier, True),
]


def every_made(graph: Graph, wanted: list[Value]) -> list[Value]:
    return [value for node in prune(graph.nodes, wanted) for value in node.outputs]


def assert_kept(graph: Graph, wanted: list[Value]) -> None:
    """All of ``wanted`` comes out of the rewritten graph as it came out before."""
    before, after = prune(graph.nodes, wanted), run_passes(graph, wanted, KERNEL_CHAINS)
    known = values_for(graph, before)
    one, other = run(before, known), run(after, known)
    for value in wanted:
        np.testing.assert_allclose(other[value], one[value], rtol=1e-12)


def test_every_chain_has_a_network_here() -> None:
    assert {name for name, _, _ in MADE} >= KERNEL_CHAINS
    for name, make_graph, training in MADE:
        graph, wanted = graph_of(make_graph(), training)
        assert name in names(run_passes(graph, wanted, KERNEL_CHAINS))


@pytest.mark.parametrize(("name", "make_graph", "training"), MADE)
def test_whatever_is_looked_at_together_with_the_output_is_there(name: str, make_graph: Any, training: bool) -> None:
    """Of pairs of ports, any value that some op makes; and all of them together."""
    graph, wanted = graph_of(make_graph(), training)
    every = every_made(graph, wanted)
    for more in (*([value] for value in every), every):
        assert_kept(graph, [*dict.fromkeys([*wanted, *more])])


@pytest.mark.parametrize(("name", "make_graph", "training"), MADE)
def test_whatever_something_else_reads_is_there(name: str, make_graph: Any, training: bool) -> None:
    """Another reader before the others, and after them. (Nothing in a graph reads statistics; they leave it.)"""
    graph, wanted = graph_of(make_graph(), training)
    for number, node in enumerate(graph.nodes):
        for value in node.outputs:
            reader = Node(OPS["function"], (value,), (Value(value.dims),), {"call": np.positive})
            for at in {number + 1 if node.op.name != "batch_norm" or value is node.outputs[0] else len(graph.nodes),
                       len(graph.nodes)}:
                nodes = [*graph.nodes[:at], reader, *graph.nodes[at:]]
                assert_kept(replace(graph, nodes=nodes), [*wanted, *reader.outputs])


@pytest.mark.parametrize(("name", "make_graph"), [(name, make_graph) for name, make_graph, training in MADE if not training])
def test_two_ports_in_one_prediction(name: str, make_graph: Any) -> None:
    """Through kernels and planned memory, too, in either order."""
    lgraph = make_graph()
    fast, plain = (scrambled(Model(lgraph, np.float64, fast=how)) for how in (True, False))
    X = np.random.default_rng(0).standard_normal((*lgraph.Layers[0].InputSize, 3))
    ports = [f"{layer.Name}/{port}" for layer in lgraph.Layers[:-1] for port in layer.outputs()]
    for port in ports:
        for pair in ([port, ports[-1]], [ports[-1], port]):
            for mine, theirs in zip(fast.predict([X], pair), plain.predict([X], pair), strict=True):
                np.testing.assert_allclose(mine, theirs, rtol=1e-9, atol=1e-9)


def test_a_softmax_that_something_else_reads_stays_beside_the_loss() -> None:
    """The gradient of the scores comes from two sides."""
    graph, wanted = graph_of(classifier(), training=True)
    softmax = next(node for node in graph.nodes if node.op.name == "softmax")
    reader = Node(OPS["relu"], softmax.outputs, (Value(softmax.outputs[0].dims),), {})
    found = run_passes(replace(graph, nodes=[*graph.nodes, reader]), [*wanted, *reader.outputs], KERNEL_CHAINS)
    assert names(found)[-3:] == ["softmax", "softmax_cross_entropy", "relu"]
    assert "cross_entropy" not in names(found)


@pytest.mark.parametrize("fast", [True, False])
def test_no_probability_underflows_where_something_else_reads_the_softmax(fast: bool) -> None:
    lgraph = layerGraph([make("featureInputLayer", 2), make("softmaxLayer", Name="end"), make("classificationLayer")])
    lgraph = connectLayers(addLayers(lgraph, make("regressionLayer", Name="squares")), "end", "squares")
    model = Model(lgraph, np.float64, fast=fast)
    scores, label = np.array([[2000.0], [0]]), np.array([[0.0], [1]])
    loss, _, (gradient,) = model.gradients([scores], [label, label])
    assert loss == 2000 + 1
    np.testing.assert_array_equal(gradient, [[1.0], [-1]])


def test_a_loss_behind_something_else_than_a_softmax_stays() -> None:
    graph, wanted = graph_of(classifier(), training=True)
    nodes = [replace(node, op=OPS["relu"]) if node.op.name == "softmax" else node for node in graph.nodes]
    assert "cross_entropy" in names(run_passes(replace(graph, nodes=nodes), wanted, KERNEL_CHAINS))


@pytest.mark.parametrize(("pool", "other", "taken"), [
    ({}, {}, True), ({"window": Window.of((3, 2), (2, 2))}, {}, False), ({"window": Window.of((9, 8), (9, 8))}, {}, False),
    ({}, {"to": Dims("SSCB", (9, 8, 2, None))}, False)], ids=["fits", "overlap", "many taps", "size"])
def test_taps_are_for_unpooling_to_what_was_pooled(pool: dict[str, Any], other: dict[str, Any], taken: bool) -> None:
    graph, _ = graph_of(unpooling(), training=False)
    named = {node.op.name: node for node in graph.nodes}
    pooled, reader = named["max_pool_indices"], named["max_unpool"]
    pooled = replace(pooled, attrs=pooled.attrs | pool)
    assert takes_taps(pooled, replace(reader, attrs=reader.attrs | other)) == taken
    x, indices, size = reader.inputs
    assert not takes_taps(pooled, replace(reader, inputs=(indices, x, size)))


def test_a_node_belongs_to_one_chain() -> None:
    graph, wanted = graph_of(small(conv(), norm(), relu()), training=False)
    nodes = fuse_chains(prune(graph.nodes, wanted), set(wanted), {"conv+batch_norm_inference", "batch_norm_inference+relu"})
    assert names(nodes) == ["conv+batch_norm_inference", "relu", "dense"]
