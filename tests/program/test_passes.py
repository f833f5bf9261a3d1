"""Rewrites: which ops are joined or change places, and which stay because somebody looks between them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dltoolbox.network.layergraph import LayerGraph, layerGraph
from dltoolbox.network.lowering import lower
from dltoolbox.ops import Graph, Node, Value, as_tuple
from dltoolbox.program.passes import Chain, carry_taps, consumers, join_chains, prune, rewritten
from tests.program.networks import make, residual, segnet

CHAINS = {"conv+relu", "conv+normalise", "conv+normalise+relu", "batch_norm+relu", "batch_norm+add+relu",
          "batch_norm+relu+window_max_taps"}


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
    before, after = rewritten(graph, wanted, None), rewritten(graph, wanted, CHAINS)
    assert len(after) < len(before)
    known = values_for(graph, before)
    one, other = run(before, known), run(after, known)
    for value in wanted:
        np.testing.assert_allclose(other[value], one[value], rtol=1e-12)


def test_the_longest_chain_is_joined() -> None:
    graph, wanted = graph_of(small(make("convolution2dLayer", 3, 4), make("batchNormalizationLayer"), make("reluLayer")),
                             training=False)
    nodes = join_chains(prune(graph.nodes, wanted), set(wanted), CHAINS)
    assert names(nodes) == ["conv+normalise+relu", "dense"]
    assert isinstance(nodes[0], Chain)
    assert names(nodes[0].parts) == ["conv", "normalise", "relu"]


def test_what_somebody_looks_at_ends_a_chain() -> None:
    graph, wanted = graph_of(small(make("convolution2dLayer", 3, 4), make("batchNormalizationLayer"), make("reluLayer")),
                             training=False)
    nodes = prune(graph.nodes, wanted)
    seen = {*wanted, nodes[1].outputs[0]}
    assert names(join_chains(nodes, seen, CHAINS)) == ["conv+normalise", "relu", "dense"]


def test_a_residual_sum_joins_the_normalisation_before_it() -> None:
    graph, wanted = graph_of(residual(), training=True)
    assert "batch_norm+add+relu" in names(rewritten(graph, wanted, CHAINS))


def test_a_sum_of_three_or_one_that_expands_stays() -> None:
    graph, wanted = graph_of(residual(), training=True)
    nodes = prune(graph.nodes, wanted)
    add = next(node for node in nodes if node.op.name == "add")
    wider = Node(add.op, (*add.inputs, add.inputs[0]), add.outputs, add.attrs, add.layer)
    found = join_chains([wider if node is add else node for node in nodes], set(wanted), CHAINS)
    assert "batch_norm+add+relu" not in names(found)


def test_pooling_goes_before_relu_unless_a_normalisation_joins_it() -> None:
    pool = make("maxPooling2dLayer", 2, Stride=2)
    graph, wanted = graph_of(small(make("convolution2dLayer", 3, 4), make("reluLayer"), pool), training=True)
    nodes = rewritten(graph, wanted, CHAINS)
    assert names(nodes)[:3] == ["conv", "window_max", "relu"]
    assert nodes[2].outputs[0].dims.spatial == (3, 3)
    graph, wanted = graph_of(small(make("batchNormalizationLayer"), make("reluLayer"), pool), training=True)
    assert names(rewritten(graph, wanted, CHAINS))[:2] == ["batch_norm+relu", "window_max"]


def test_taps_replace_indices_only_between_a_pooling_and_its_unpoolings() -> None:
    graph, wanted = graph_of(segnet(), training=False)
    nodes = prune(graph.nodes, wanted)
    assert names(carry_taps(nodes, set(wanted))).count("unpool_taps") == 2
    indices = [node.outputs[1] for node in nodes if node.op.name == "window_max_indices"]
    kept = names(carry_taps(nodes, {*wanted, indices[0]}))
    assert (kept.count("unpool_taps"), kept.count("unpool")) == (1, 1)
    assert "size_of" not in names(rewritten(graph, wanted, CHAINS))


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
    found = names(rewritten(graph, wanted, CHAINS))
    assert sorted(found[:2]) == ["batch_norm", "batch_norm+add+relu"]
    assert len(found) == 4
