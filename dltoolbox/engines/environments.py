"""From an execution environment to the engine that runs networks there: the one place that knows which engines exist."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from dltoolbox.core.convert import Convert, choice
from dltoolbox.core.properties import InvalidValue
from dltoolbox.engines.engine import Engine
from dltoolbox.network.graph.layer_graph import LayerGraph
from dltoolbox.network.lowering.lower import Lowered
from dltoolbox.network.networks import Network
from dltoolbox.program.model import Model, model_of


class Environment(NamedTuple):
    """How an engine is made of a layer graph, to train it, and of a finished network, with which it is kept."""

    of_graph: Callable[..., Engine]
    of_network: Callable[[Network], Engine]


CPU = Environment(Model, model_of)
ENVIRONMENTS = {"auto": CPU, "cpu": CPU}


def new_engine(environment: str, lgraph: LayerGraph, *, precision: str, lowered: Lowered) -> Engine:
    """An engine that trains a layer graph, whose checked record is known."""
    return ENVIRONMENTS[environment].of_graph(lgraph, precision=precision, lowered=lowered)


def engine_of(net: Network, environment: str) -> Engine:
    """The engine that runs a finished network."""
    return ENVIRONMENTS[environment].of_network(net)


def execution_environment(*documented: str, where: str = "", hint: str) -> Convert[str]:
    """The option of that name: all documented words are understood, and those without an engine refused."""
    def convert(value: object) -> str:
        name = choice(*documented)(value)
        if name not in ENVIRONMENTS:
            raise InvalidValue(" or ".join(map(repr, ENVIRONMENTS)) + where, hint, "notYetSupported")
        return name
    return convert
