"""Moves that draw attention and embeddings along one spatial dimension."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.generate.dice import need

if TYPE_CHECKING:
    from tests.generate.draw import Draft


def factors(draft: Draft, *learnables: str) -> dict[str, Any]:
    d = draft.dice
    return d.some(**{f"{name}LearnRateFactor": lambda: d.one(0, 2, 1) for name in learnables})


def flags(draft: Draft) -> dict[str, Any]:
    d = draft.dice
    return d.some(AttentionMask=lambda: "causal", HasPaddingMaskInput=lambda: True, HasScoresOutput=lambda: True)


def masks(draft: Draft, options: dict[str, Any], steps: int) -> list[str]:
    """A mask that enters, where it is wanted."""
    return [draft.add("inputLayer", [steps, 1, None], "SCB")] if options.get("HasPaddingMaskInput") else []


def attending(draft: Draft, x: str) -> str:
    """Queries, keys and values of one branch, or of several that enter."""
    d = draft.dice
    need(draft.rank(x) == 1)
    options = flags(draft)
    if d.chance(0.5):
        heads = d.number(1, 3)
        options |= d.some(NumValueChannels=lambda: heads * d.number(1, 4), OutputSize=lambda: d.number(1, 8),
                          InputSize=lambda: draft.channels(x))
        return draft.add("selfAttentionLayer", heads, heads * d.number(1, 4), **options,
                         sources=[x, *masks(draft, options, draft.spatial(x)[0])], **factors(draft, "Weight", "Bias"))
    heads, steps = d.divisor(draft.channels(x)), draft.spatial(x)[0]
    keys, values = x, x
    if d.chance(0.6):
        steps = d.number(1, 9)
        keys = draft.add("inputLayer", [steps, draft.channels(x), None], "SCB")
        values = draft.add("inputLayer", [steps, heads * d.number(1, 3), None], "SCB")
    options |= d.some(Scale=lambda: d.real(-1, 1))
    return draft.add("attentionLayer", heads, sources=[x, keys, values, *masks(draft, options, steps)], **options)


def placing(draft: Draft, x: str) -> str:
    """Positions, alone or added to what they belong to; a step more, or one of them."""
    d = draft.dice
    need(draft.rank(x) == 1)
    (steps,), channels = draft.spatial(x), draft.channels(x)
    kind = d.number(0, 3)
    if kind == 0:
        y = draft.add("positionEmbeddingLayer", channels, steps + d.number(0, 3), sources=[x], **factors(draft, "Weight"),
                      PositionDimension=d.one("auto", "spatial"))
    elif kind == 1:
        y = draft.add("sinusoidalPositionEncodingLayer", 2 * d.number(1, 4), sources=[x],
                      **d.some(Positions=lambda: d.one("spatial-indices", *["data-values"] * (channels == 1))))
    elif kind == 2:
        return draft.add("embeddingConcatenationLayer", sources=[x], WeightLearnRateFactor=d.one(0, 1, 1, 2))
    else:
        options = {"HasPaddingMaskInput": True} if d.chance(0.5) else {}
        return draft.add("indexing1dLayer", d.one("first", "last"), sources=[x, *masks(draft, options, steps)], **options)
    return draft.add("additionLayer", 2, sources=[x, y]) if draft.shape(y) == draft.shape(x) else y


def patching(draft: Draft, x: str) -> str:
    d = draft.dice
    need(draft.rank(x) > 0)
    size = d.per_axis(draft.rank(x), lambda: d.number(1, 3))
    need(all(p <= n for p, n in zip(size if isinstance(size, list) else [size] * draft.rank(x), draft.spatial(x),
                                    strict=True)))
    return draft.add("patchEmbeddingLayer", size, d.number(1, 8), sources=[x], **factors(draft, "Weight", "Bias"),
                     **d.some(SpatialFlattenMode=lambda: "row-major"))
