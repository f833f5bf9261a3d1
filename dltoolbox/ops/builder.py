"""What a page's ``build(g, x)`` receives. The graph's `Recorder` is the first that has it; whatever else runs pages step by
step can stand behind it, too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from dltoolbox.core.dims import Dims
from dltoolbox.ops.vocabulary import Vocabulary

if TYPE_CHECKING:
    from dltoolbox.ops.graph import Value


class Builder(Vocabulary, Protocol):
    """Every op as a method, the layer's own arrays, and where data enter and leave.

    ``training`` tells which of the two networks is built; only batch normalisation and dropout differ.
    """

    training: bool

    def learnable(self, name: str) -> Value:
        """An array of the layer that training differentiates."""

    def state(self, name: str) -> Value:
        """A stored array that training does not differentiate: running statistics, input normalisation."""

    def vector_rank(self, x: Value | None) -> int | None:
        """How many spatial dimensions a vector made of ``x`` has; None where that is not known."""

    def source(self, dims: Dims) -> Value:
        """The data that enter at an input layer."""

    def target(self, dims: Dims) -> Value:
        """The targets that an output layer compares with."""

    def result(self, y: Value, loss: Value) -> None:
        """What leaves the network at an output layer, and its loss."""

    def update_statistics(self, mean: tuple[str, Value, float], variance: tuple[str, Value, float]) -> None:
        """Two states of the layer (name, value of this batch, decay) are to follow a mean and a variance."""
