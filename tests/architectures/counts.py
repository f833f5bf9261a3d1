"""Counts of a layer graph, from the walk that analysis and training use."""

from math import prod
from typing import NamedTuple

from dltoolbox.layers.base import Learnable
from dltoolbox.network.lowering.lower import lower


class Counts(NamedTuple):
    """``learnables`` are all of them, ``frozen`` those whose learning rate is zero."""

    layers: int
    connections: int
    learnables: int
    frozen: int

    @property
    def trainable(self) -> int:
        return self.learnables - self.frozen


def counts(lgraph) -> Counts:
    """Counts of a graph without faults; any fault is an error."""
    lowered = lower(lgraph)
    lowered.issues.raise_if_any()
    arrays = [a for info in lowered.layers for a in info.arrays if isinstance(a, Learnable)]
    return Counts(len(lgraph.nodes), len(lgraph.edges), sum(prod(a.shape) for a in arrays),
                  sum(prod(a.shape) for a in arrays if a.learn_rate_factor == 0))
