"""Attention and embeddings where they do not fit, and what the messages say to do: every fix is followed to the letter."""

from __future__ import annotations

import re
from typing import Any

import pytest

import dltoolbox as dl
from dltoolbox.core.errors import DltoolboxError

NAN = float("nan")
STEPS, LINES = dl.inputLayer([6, NAN, NAN], "CBT"), dl.inputLayer([4, 6, NAN, NAN], "SCBT")
IMAGE, FEATURES, LINE = dl.imageInputLayer([9, 8, 6]), dl.featureInputLayer(6), dl.inputLayer([7, 6, NAN], "SCB")

FAULTS = [  # input, layer, identifier, a part of the message
    (IMAGE, dl.selfAttentionLayer(2, 4), "notOneDimension", r"one spatial dimension, but its input is 9\(S\) × 8\(S\)"),
    (LINES, dl.selfAttentionLayer(2, 4), "notOneDimension", r"but its input is 4\(S\) × 6\(C\)"),
    (FEATURES, dl.selfAttentionLayer(2, 4), "notOneDimension", "but its input is 6"),
    (FEATURES, dl.embeddingConcatenationLayer(), "notOneDimension", "along time steps"),
    (IMAGE, dl.indexing1dLayer("last"), "notOneDimension", "along time steps"),
    (STEPS, dl.selfAttentionLayer(2, 4, InputSize=5), "inputSizeMismatch", "InputSize is 5, but the input has 6 channels"),
    (STEPS, dl.wordEmbeddingLayer(3, 9), "notOneChannel", "one channel of indices, but its input has 6 channels"),
    (STEPS, dl.embeddingLayer(3, 9), "notOneChannel", "one channel of indices, but its input has 6 channels"),
    (FEATURES, dl.embeddingLayer(3, 9), "notOneChannel", "one channel of indices, but its input has 6 channels"),
    (IMAGE, dl.positionEmbeddingLayer(6, 90), "noPositions", "along one spatial dimension, but its input is 9"),
    (STEPS, dl.positionEmbeddingLayer(6, 90, PositionDimension="spatial"), "noPositions", "along one spatial dimension"),
    (LINE, dl.positionEmbeddingLayer(6, 90, PositionDimension="temporal"), "noPositions", "along time steps"),
    (LINE, dl.positionEmbeddingLayer(6, 5), "tooManyPositions", "7 positions, but maxPosition is 5"),
    (FEATURES, dl.sinusoidalPositionEncodingLayer(6, Positions="temporal-indices"), "noPositions", "along time steps"),
    (LINE, dl.sinusoidalPositionEncodingLayer(6, Positions="temporal-indices"), "noPositions", "along time steps"),
    (dl.imageInputLayer([9, 8, 6]), dl.patchEmbeddingLayer([3, 3, 3], 4), "invalidRank", "PatchSize is"),
    (IMAGE, dl.patchEmbeddingLayer([3, 9], 4), "patchTooLarge", "patches of 3×9 are larger than the input of 9×8"),
    (IMAGE, dl.patchEmbeddingLayer(3, 4, NumChannels=5), "numChannelsMismatch", "NumChannels is 5"),
]


def problems(layers: Any) -> tuple[Any, ...]:
    issues: tuple[Any, ...] = dl.analyzeNetwork(layers, TargetUsage="dlnetwork", nargout=1).Issues
    return issues


def followed(source: Any, layer: Any, hint: str) -> list[Any]:
    """The layers after what a hint says."""
    calls = re.findall(r"\w+Layer(?:\([^()]*\))?", hint)
    if calls:
        made = eval(calls[0], vars(dl))
        made = made if hasattr(made, "Name") else made()
        return [source, made, layer] if hint.startswith("Insert") else [made, layer]
    name, value = re.match(r"Set (\w+)(?: to (?:at most )?|=)('\w+'|\d+)", hint).groups()  # type: ignore[union-attr]
    written = layer.call()
    options = dict(zip([prop.argument for prop, _ in layer.values() if prop.positional], written.arguments, strict=True))
    return [source, getattr(dl, layer.factory)(**{**options, **written.options, name: eval(value)})]


@pytest.mark.parametrize(("source", "layer", "identifier", "text"), FAULTS,
                         ids=[f"{layer.factory}-{number}" for number, (_, layer, *_) in enumerate(FAULTS)])
def test_a_layer_that_does_not_fit(source: Any, layer: Any, identifier: str, text: str) -> None:
    (issue,) = problems([source, layer])
    assert issue.identifier == f"dltoolbox:{layer.factory}:{identifier}"
    assert re.search(text, issue.message)
    assert problems(followed(source, layer, issue.hint)) == ()


def joined(q: Any, k: Any, v: Any, **options: Any) -> Any:
    lgraph = dl.layerGraph([q, dl.attentionLayer(2, Name="a", **options)])
    for name, source in (("key", k), ("value", v)):
        lgraph = dl.connectLayers(dl.addLayers(lgraph, source), source.Name, f"a/{name}")
    return lgraph


def line(steps: int, channels: int, name: str) -> Any:
    return dl.inputLayer([steps, channels, NAN], "SCB", Name=name)


@pytest.mark.parametrize(("make", "identifier", "text"), [
    (lambda: joined(line(5, 4, "q"), line(7, 6, "k"), line(7, 6, "v")), "channelsMismatch", "4 channels, but"),
    (lambda: joined(line(5, 4, "q"), line(7, 4, "k"), line(6, 4, "v")), "stepsMismatch", "each key belongs to a value"),
    (lambda: joined(line(5, 4, "q"), line(7, 4, "k"), line(7, 5, "v")), "valuesNotDivisible", "5 channels of the values"),
    (lambda: joined(line(5, 3, "q"), line(7, 3, "k"), line(7, 4, "v")), "keysNotDivisible", "among 2 heads"),
])
def test_attention_of_what_does_not_go_together(make: Any, identifier: str, text: str) -> None:
    (issue,) = problems(make())
    assert issue.identifier == f"dltoolbox:attentionLayer:{identifier}"
    assert text in issue.message
    assert issue.hint


def test_keys_get_the_channels_of_the_queries() -> None:
    lgraph = joined(line(5, 4, "q"), line(7, 6, "k"), line(7, 6, "v"))
    (issue,) = problems(lgraph)
    assert issue.hint == "Insert patchEmbeddingLayer(1, 4) before input 'key'."
    lgraph = dl.addLayers(dl.disconnectLayers(lgraph, "k", "a/key"), dl.patchEmbeddingLayer(1, 4, Name="wide"))
    assert problems(dl.connectLayers(dl.connectLayers(lgraph, "k", "wide"), "wide", "a/key")) == ()


def test_a_mask_has_one_channel_and_the_steps_of_the_data() -> None:
    for mask in (line(7, 2, "m"), line(6, 1, "m")):
        lgraph = dl.layerGraph([LINE, dl.selfAttentionLayer(1, 2, HasPaddingMaskInput=True, Name="a")])
        (issue,) = problems(dl.connectLayers(dl.addLayers(lgraph, mask), "m", "a/mask"))
        assert issue.identifier == "dltoolbox:selfAttentionLayer:invalidMaskSize"
        assert "one channel and as many steps" in issue.hint


def test_weights_of_another_size() -> None:
    with pytest.raises(DltoolboxError) as caught:
        dl.dlnetwork([STEPS, dl.selfAttentionLayer(1, 2, QueryWeights=[[1, 2, 3]])])
    assert caught.value.identifier == "dltoolbox:selfAttentionLayer:invalidQueryWeightsSize"
