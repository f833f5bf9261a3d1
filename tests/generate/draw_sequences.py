"""Moves that draw layers of sequences. Steps are drawn as a last spatial dimension, or not at all where every step is an
observation of its own: `tests.generate.single` puts time in their place.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from tests.generate.dice import need
from tests.generate.draw_attention import factors

if TYPE_CHECKING:
    from tests.generate.draw import Draft


def recurrent(draft: Draft, x: str, factory: str) -> str:
    d = draft.dice
    need(draft.rank(x) == 1)
    gated, directions, hidden = factory.startswith("gru"), 1 + factory.startswith("bi"), d.number(1, 4)
    gates = (3 if gated else 4) * directions
    names = ("InputWeights", "RecurrentWeights", "Bias")
    options = d.some(
        OutputMode=lambda: "last", StateActivationFunction=lambda: d.one("softsign", "relu"),
        GateActivationFunction=lambda: "hard-sigmoid", HasStateInputs=lambda: True, HasStateOutputs=lambda: True,
        InputSize=lambda: draft.channels(x),
        **{f"{name}LearnRateFactor": lambda: d.one(0, 2, [2.0] * gates) for name in names})
    if gated:
        options |= d.some(ResetGateMode=lambda: d.one("before-multiplication", "recurrent-bias-after-multiplication"))
    sizes = [hidden]
    if "Projected" in factory:
        sizes += [d.number(1, hidden), d.number(1, draft.channels(x))]
        options |= factors(draft, "InputProjector", "OutputProjector")
    entering = [draft.add("inputLayer", [hidden * directions, None], "CB")
                for _ in range((1 if gated else 2) * ("HasStateInputs" in options))]
    return draft.add(factory, *sizes, sources=[x, *entering], **options)


def folded(draft: Draft, x: str) -> str:
    """Something that looks at single steps, between folding and unfolding."""
    fold = draft.add("sequenceFoldingLayer", sources=[x])
    y = draft.add(draft.dice.one("reluLayer", "flattenLayer", "batchNormalizationLayer"), sources=[fold])
    return draft.add("sequenceUnfoldingLayer", sources=[y, fold.removesuffix("/out") + "/miniBatchSize"])


def words(draft: Draft, x: str) -> str:
    """Single precision holds the numbers of few words."""
    d = draft.dice
    need(draft.channels(x) == 1 and draft.rank(x) < 2)
    return draft.add("wordEmbeddingLayer", d.number(1, 5), NUM_WORDS, sources=[x], **factors(draft, "Weight"),
                     **d.some(OOVMode=lambda: "error"))


def indices(draft: Draft, x: str) -> str:
    d = draft.dice
    need(draft.channels(x) == 1 and draft.rank(x) < 2)
    options, most = d.some(ZeroIndexMapping=lambda: "first-vector"), d.number(1, 6)
    options |= d.some(MaskIndex=lambda: d.number(0 if options else 1, most))
    return draft.add("embeddingLayer", d.number(1, 5), most, sources=[x], **options, **factors(draft, "Weight"))


def placed(draft: Draft, x: str) -> str:
    """Positions of time steps."""
    d = draft.dice
    need(draft.rank(x) == 1)
    if d.chance(0.5):
        (steps,) = draft.spatial(x)
        return draft.add("positionEmbeddingLayer", d.number(1, 5), steps + d.number(0, 3), PositionDimension="temporal",
                         sources=[x], **factors(draft, "Weight"))
    return draft.add("sinusoidalPositionEncodingLayer", 2 * d.number(1, 4), Positions="temporal-indices", sources=[x])


NUM_WORDS = 4
RECURRENT = ("lstmLayer", "bilstmLayer", "gruLayer", "lstmProjectedLayer", "gruProjectedLayer")
MOVES: dict[str, Callable[..., Any]] = {  # by the factory that each is for
    **{factory: partial(recurrent, factory=factory) for factory in RECURRENT},
    "sequenceFoldingLayer": folded, "sequenceUnfoldingLayer": folded, "wordEmbeddingLayer": words,
    "embeddingLayer": indices,
    "positionEmbeddingLayer": placed, "sinusoidalPositionEncodingLayer": placed}


def source(draft: Draft) -> str:
    """Sequences of vectors, of images, …"""
    d = draft.dice
    size = [*(d.number(1, 4) for _ in range(d.number(0, 3))), d.number(1, 4)]
    normalisation = d.one("none", "zerocenter", "zscore", "rescale-symmetric", "rescale-zero-one")
    return draft.add("sequenceInputLayer", size if len(size) > 1 else size[0], Normalization=normalisation,
                     **d.some(NormalizationDimension=lambda: d.one("channel", "element", "all"), MinLength=lambda: 2))
