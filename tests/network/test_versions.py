"""Building and editing step by step: versions of a graph are independent, and the work grows with the number of edits."""

from __future__ import annotations

import copy
import pickle
import random
import sys
from collections.abc import Callable
from typing import Any

import pytest

from dltoolbox import (
    LayerGraph,
    additionLayer,
    addLayers,
    analyzeNetwork,
    connectLayers,
    disconnectLayers,
    dlnetwork,
    featureInputLayer,
    fullyConnectedLayer,
    layerGraph,
    leakyReluLayer,
    reluLayer,
    removeLayers,
    replaceLayer,
)
from dltoolbox.network.lowering.lower import lower


def chain(graph: Any, count: int) -> Any:
    for i in range(count):
        graph = addLayers(graph, reluLayer(Name=f"r{i}"))
        graph = connectLayers(graph, f"r{i - 1}" if i else "in", f"r{i}")
    return graph


def start() -> LayerGraph:
    return layerGraph([featureInputLayer(2, Name="in")])


def wide(count: int) -> LayerGraph:
    """All into one layer."""
    graph = addLayers(start(), additionLayer(max(count, 2), Name="add"))
    for i in range(count):
        graph = connectLayers(addLayers(graph, reluLayer(Name=f"r{i}")), "in", f"r{i}")
        graph = connectLayers(graph, f"r{i}", f"add/in{i + 1}")
    return graph


def replaced(count: int) -> Any:
    graph = chain(start(), count)
    for i in range(count):
        graph = replaceLayer(graph, f"r{i}", leakyReluLayer(0.1, Name=f"r{i}"))
    return graph


def removed(count: int) -> Any:
    graph = chain(start(), count)
    for i in range(count):
        graph = removeLayers(graph, f"r{i}")
    return graph


def rewired(count: int) -> Any:
    graph = chain(start(), count)
    for i in range(1, count):
        graph = connectLayers(disconnectLayers(graph, f"r{i - 1}", f"r{i}"), "in", f"r{i}")
    return graph


WORK: dict[str, Callable[[int], Any]] = {
    "add and connect": lambda count: chain(start(), count), "connect to one": wide, "replace": replaced, "remove": removed,
    "disconnect and connect": rewired, "of a dlnetwork": lambda count: chain(dlnetwork(start()), count),
    "analyse": lambda count: analyzeNetwork(chain(start(), count), nargout=1),
    "lower": lambda count: lower(chain(start(), count), loss=False),
}


def calls_of(work: Callable[[], Any]) -> int:
    """How many calls of Python functions some work takes, and lines that loops in them walk through."""
    count = 0

    def counted(frame: Any, event: str, _: Any) -> Any:
        nonlocal count
        count += 1
        return counted

    sys.settrace(counted)
    try:
        work()
    finally:
        sys.settrace(None)
    return count


@pytest.mark.parametrize("name", WORK)
def test_the_work_grows_with_the_number_of_edits_not_with_its_square(name: str) -> None:
    WORK[name](3)  # what is done once
    few, many = (calls_of(lambda count=count: WORK[name](count)) for count in (100, 200))
    assert many < 2.2 * few


def described(graph: LayerGraph) -> tuple[list[str], list[str], list[str]]:
    return [repr(layer) for layer in graph.Layers], graph.Connections.Source, graph.Connections.Destination


def test_every_version_stays_as_it_was() -> None:
    """Random edits of random versions, against a graph that is made whole every time."""
    draw = random.Random(3)
    versions = [(start(), described(start()))]
    for step in range(300):
        graph, before = draw.choice(versions[-3:] if draw.random() < 0.8 else versions)
        assert described(graph) == before
        names = [layer.Name for layer in graph.Layers if layer.Name != "in"]
        whole = LayerGraph(graph.nodes, graph.edges)
        edits = [lambda g, n=f"n{step}": addLayers(g, [reluLayer(Name=n), additionLayer(2, Name=f"{n}a")])]
        if names:
            name = draw.choice(names)
            edits += [lambda g, n=name: removeLayers(g, n),
                      lambda g, n=name: addLayers(removeLayers(g, n), reluLayer(Name=n)),
                      lambda g, n=name: replaceLayer(g, n, additionLayer(2, Name=n)) if n.endswith("a") else
                      replaceLayer(g, n, leakyReluLayer(draw.random(), Name=n))]
        if graph.edges:
            edge = draw.choice(graph.edges)
            edits.append(lambda g, e=edge: disconnectLayers(g, str(e.source), str(e.destination)))
        if graph.open_inputs():
            port, source = draw.choice(graph.open_inputs()), draw.choice(["in", *names])
            edits.append(lambda g, s=source, p=port: connectLayers(g, s, str(p)))
        edit, state = draw.choice(edits), draw.getstate()
        result = edit(graph)
        draw.setstate(state)
        assert described(result) == described(edit(whole))
        assert described(graph) == before
        versions.append((result, described(result)))
    for graph, before in versions:
        assert described(graph) == before
        assert described(pickle.loads(pickle.dumps(graph))) == described(copy.deepcopy(graph)) == before


def test_a_dlnetwork_keeps_what_it_knows_of_its_ends() -> None:
    net = dlnetwork([fullyConnectedLayer(2, Name="fc"), reluLayer(Name="a"), reluLayer(Name="b")], Initialize=False,
                    OutputNames=["a", "b"])
    assert removeLayers(net, "b").OutputNames == ["a"]
    assert replaceLayer(net, "b", leakyReluLayer(0.1, Name="b")).OutputNames == ["a", "b"]
    assert not addLayers(net, reluLayer(Name="c")).Initialized
