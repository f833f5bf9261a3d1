"""Layers that take sequences apart into single time steps and put them together again."""

from __future__ import annotations

from dltoolbox.core.dims import Dims
from dltoolbox.core.errors import fail
from dltoolbox.layers.base import Layer, layer
from dltoolbox.ops import Builder, Outputs, Value


@layer("sequenceFoldingLayer", "Sequence Folding", name="seqfold")
class SequenceFoldingLayer(Layer):
    """Sequence folding layer: every time step of every sequence is an observation of its own behind it.

    Layers between it and a sequenceUnfoldingLayer see images, volumes or features without time. Its second output,
    ``miniBatchSize``, is the number of sequences; connect it to the input ``miniBatchSize`` of the unfolding layer. Layers
    that do the same with every time step take sequences without folding, too, and give the same results.

    Example:
        >>> sequenceFoldingLayer(Name='fold').OutputNames
        ['out', 'miniBatchSize']

    Raises:
        DltoolboxError: when the network is checked, ``dltoolbox:sequenceFoldingLayer:noTimeSteps``.

    Source:
        MathWorks documentation of sequenceFoldingLayer.
    """

    def outputs(self) -> tuple[str, ...]:
        return "out", "miniBatchSize"

    def check(self, *inputs: Dims) -> None:
        if not inputs[0].timed and not inputs[0].hidden:
            fail(f"{self.label()}:noTimeSteps", f"{self.label()} folds sequences, but its input {inputs[0]} has no time "
                 f"steps.", f"Use removeLayers(lgraph, '{self.Name}'), and remove the unfolding layer as well.",
                 layer=self.Name)

    def build(self, g: Builder, x: Value) -> Outputs:
        return g.fold(x), g.mini_batch_size(x)

    def describe(self) -> str:
        return "Sequence folding"


@layer("sequenceUnfoldingLayer", "Sequence Unfolding", name="sequnfold")
class SequenceUnfoldingLayer(Layer):
    """Sequence unfolding layer: the sequences that a sequenceFoldingLayer took apart.

    Its second input, ``miniBatchSize``, must be connected to the output of that name of the folding layer.

    Example:
        >>> sequenceUnfoldingLayer(Name='unfold').InputNames
        ['in', 'miniBatchSize']

    Raises:
        DltoolboxError: when the network is checked, ``dltoolbox:sequenceUnfoldingLayer:notFolded`` or
            ``…:notMiniBatchSize``.

    Source:
        MathWorks documentation of sequenceUnfoldingLayer.
    """

    def inputs(self) -> tuple[str, ...]:
        return "in", "miniBatchSize"

    def build(self, g: Builder, x: Value, size: Value) -> Outputs:
        return g.unfold(x)

    def describe(self) -> str:
        return "Sequence unfolding"
