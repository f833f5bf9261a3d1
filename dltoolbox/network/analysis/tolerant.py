"""Reading whatever somebody calls a network, so that the analysis can go on: repaired names, and places of no layer."""

from __future__ import annotations

from typing import NamedTuple

from dltoolbox.core.convert import attribute
from dltoolbox.core.dims import Dims
from dltoolbox.core.errors import IssueCollector, fail
from dltoolbox.core.properties import show
from dltoolbox.layers.base import Layer, flat, is_factory
from dltoolbox.network.graph.expansion import expansion
from dltoolbox.network.graph.layer_array import MOST_ISSUES, as_layer, duplicated_names, with_names
from dltoolbox.network.graph.layer_graph import LayerGraph, add_duplicates, sequence


class Readable(NamedTuple):
    """A layer graph in which every layer has a name of its own, and what had to be repaired for that."""

    lgraph: LayerGraph
    issues: IssueCollector
    names: dict[str, str]  # name in the graph → the name that the user gave
    unusable: set[int]  # 1-based positions of elements that are not layers


def readable(layers: object) -> Readable:
    """A layer graph, a network, or a layer array with whatever stands in it."""
    issues = IssueCollector()
    if isinstance(layers, LayerGraph):
        return Readable(expansion(layers).graph, issues, {}, set())
    items = list(flat(layers))
    kept: list[Layer] = []
    unusable: set[int] = set()
    for index, item in enumerate(items, 1):
        with issues.collect(index=index):
            kept.append(as_layer(item, index))
        if len(kept) < index:
            kept.append(Unusable(item, first=index == 1, last=index == len(items)))
            unusable.add(index)
        if len(unusable) == MOST_ISSUES:
            break
    named = with_names(kept)
    add_duplicates(named, issues)
    names: dict[str, str] = {}
    for name, places in duplicated_names(named).items():
        for index in places[1:]:
            named[index - 1].Name = f"{name} ({index})"
            names[named[index - 1].Name] = name
    return Readable(expansion(LayerGraph(named, sequence(named))).graph, issues, names, unusable)


class Unusable(Layer):
    """Stands in a layer array for an element that is not a layer, so that its neighbours are not blamed for it."""

    type_text, default_name = "No layer", "element"
    gives_probabilities = True  # nobody knows, so nothing is said against it

    first: bool
    last: bool
    text: str

    def __init__(self, item: object, *, first: bool, last: bool) -> None:
        super().__init__()
        vars(self).update(first=first, last=last, text=(
            f"{attribute(item, '__name__')} without its arguments" if is_factory(item) else show(item)))

    def inputs(self) -> tuple[str, ...]:
        return () if self.first else ("in",)

    def outputs(self) -> tuple[str, ...]:
        return () if self.last else ("out",)

    def check(self, *inputs: Dims) -> None:
        fail("layerArray:notALayer", "There is no layer here.")  # silences what follows; reported before

    def describe(self) -> str:
        return self.text
