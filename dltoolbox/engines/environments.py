"""From an execution environment to the engine that runs networks there: the one place that knows which engines exist."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from dltoolbox.core.convert import choice
from dltoolbox.core.errors import warn_once
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

execution_environment = choice(  # the words that MATLAB documents, with or without an engine
    "auto", "cpu", "gpu", "multi-gpu", "parallel", "parallel-auto", "parallel-cpu", "parallel-gpu")


def new_engine(environment: str, lgraph: LayerGraph, *, precision: str, lowered: Lowered) -> Engine:
    """An engine that trains a layer graph, whose checked record is known."""
    return _environment(environment).of_graph(lgraph, precision=precision, lowered=lowered)


def engine_of(net: Network, environment: str) -> Engine:
    """The engine that runs a finished network."""
    return _environment(environment).of_network(net)


def _environment(name: str) -> Environment:
    """The environment of that name; the CPU, with one warning per session, for those without an engine."""
    if name not in ENVIRONMENTS:
        warn_once("ExecutionEnvironment:notInThisRelease", f"ExecutionEnvironment is '{name}', but this release runs "
                  "networks on the CPU only, on all its cores.", "The results do not depend on it. Leave the option out, "
                  "or set it to 'cpu', to run without this warning.")
    return ENVIRONMENTS.get(name, CPU)
