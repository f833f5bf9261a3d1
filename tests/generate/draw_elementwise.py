"""Moves that draw layers which keep the map, or all of its elements: activations, normalisations, dropout."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.generate.draw import Draft


def activation(draft: Draft, x: str) -> str:
    d = draft.dice
    kinds: dict[str, Callable[[], tuple[tuple[Any, ...], dict[str, Any]]]] = {
        "reluLayer": lambda: ((), {}), "leakyReluLayer": lambda: (d.one((), (0.2,), (-0.5,)), {}),
        "clippedReluLayer": lambda: ((d.real(0.3, 2),), {}), "eluLayer": lambda: (d.one((), (0.5,), (2,)), {}),
        "tanhLayer": lambda: ((), {}), "sigmoidLayer": lambda: ((), {}), "swishLayer": lambda: ((), {}),
        "geluLayer": lambda: ((), d.some(Approximation=lambda: "tanh")), "softplusLayer": lambda: ((), {}),
        "preluLayer": lambda: ((), {"Alpha": d.expanding(draft.size(x)),
                                    **d.some(AlphaLearnRateFactor=lambda: d.one(0, 2))})}
    factory = "reluLayer" if d.chance(0.3) else d.one(*kinds)
    args, options = kinds[factory]()
    return draft.add(factory, *args, sources=[x], **options)


def passing(draft: Draft, x: str) -> str:
    """Layers that keep sizes and learn nothing."""
    d = draft.dice
    factory = d.one("dropoutLayer", "spatialDropoutLayer", "identityLayer", "softmaxLayer", "scalingLayer",
                    "channelShuffleLayer", "inverseNormalizationLayer")
    if factory in ("dropoutLayer", "spatialDropoutLayer"):
        return draft.add(factory, d.one(0, 0, 0, 0.3), sources=[x])
    if factory == "channelShuffleLayer":
        return draft.add(factory, d.divisor(draft.channels(x)), sources=[x])
    if factory == "inverseNormalizationLayer":
        return undoing(draft, x)
    options = {} if factory != "scalingLayer" else d.some(
        Scale=lambda: d.expanding(draft.size(x)), Bias=lambda: d.expanding(draft.size(x)))
    return draft.add(factory, sources=[x], **options)


def undoing(draft: Draft, x: str) -> str:
    d, size = draft.dice, draft.size(x)
    at = d.one("channel", "channel", d.number(1, len(size)))
    kind = d.one("zscore", "zscore", "zerocenter", "rescale-symmetric", "rescale-zero-one", "none")
    each = [1.0] * d.one(1, size[-1 if at == "channel" else at - 1])
    names = {"none": (), "zerocenter": ("Mean",), "zscore": ("Mean", "StandardDeviation")}.get(kind, ("Min", "Max"))
    return draft.add("inverseNormalizationLayer", at, sources=[x], Normalization=kind, **dict.fromkeys(names, each))


def normalisation(draft: Draft, x: str) -> str:
    d = draft.dice
    if d.chance(0.15):
        options = d.some(Alpha=lambda: d.real(0.01, 1), Beta=lambda: d.one(0.5, 1, 1.5), K=lambda: d.real(0.5, 2))
        return draft.add("crossChannelNormalizationLayer", d.number(1, 9), sources=[x], **options)
    options = d.some(Epsilon=lambda: d.one(1e-3, 0.1), ScaleLearnRateFactor=lambda: d.one(0, 2),
                     OffsetLearnRateFactor=lambda: d.one(0, 2))
    kinds: list[Callable[[], tuple[str, tuple[Any, ...], dict[str, Any]]]] = [
        *[lambda: ("batchNormalizationLayer", (), d.some(MeanDecay=lambda: d.real(0, 1), VarianceDecay=lambda: d.real(0, 1),
                                                         FixedStatistics=lambda: d.chance(0.5)))] * 3,
        lambda: ("groupNormalizationLayer", (d.one("all-channels", "channel-wise", d.divisor(draft.channels(x))),), {}),
        lambda: ("layerNormalizationLayer", (), d.some(OperationDimension=lambda: d.one(
            "channel-only", "spatial-channel", "batch-excluded")))]
    if draft.rank(x):
        kinds.append(lambda: ("instanceNormalizationLayer", (), {}))
    factory, args, more = d.one(*kinds)()
    return draft.add(factory, *args, sources=[x], **options, **more)
