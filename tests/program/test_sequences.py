"""Networks of sequences from the first call to the last: analysis, prediction, files, code."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dltoolbox import (
    activations,
    adaptiveAveragePooling2dLayer,
    additionLayer,
    addLayers,
    analyzeNetwork,
    assembleNetwork,
    batchNormalizationLayer,
    classificationLayer,
    concatenationLayer,
    connectLayers,
    convolution2dLayer,
    convolution3dLayer,
    dlnetwork,
    explain,
    featureInputLayer,
    fullyConnectedLayer,
    globalAveragePooling2dLayer,
    inputLayer,
    layerGraph,
    layerNormalizationLayer,
    loadNetwork,
    maxPooling1dLayer,
    minibatchpredict,
    multiplicationLayer,
    networkDataLayout,
    predict,
    regressionLayer,
    reluLayer,
    saveNetwork,
    softmaxLayer,
    toMATLAB,
    toPython,
    trainingOptions,
    trainNetwork,
)
from dltoolbox.core.errors import DltoolboxError
from dltoolbox.network.networks import DAGNetwork

NAN = float("nan")


def vectors() -> dlnetwork:
    """A network for the steps of c×N×T sequences."""
    return dlnetwork([inputLayer([6, NAN, NAN], "CBT", Name="in"), fullyConnectedLayer(5), batchNormalizationLayer,
                      reluLayer, layerNormalizationLayer, fullyConnectedLayer(3), softmaxLayer(Name="scores")])


def classifier() -> DAGNetwork:
    return assembleNetwork([*vectors().Layers, classificationLayer(Classes=list("abc"))])


def films(**options: Any) -> list[Any]:
    return [inputLayer([8, 6, 2, NAN, NAN], "SSCBT", Name="in"), convolution2dLayer(3, 4, Padding="same", Name="conv"),
            reluLayer, convolution3dLayer([3, 3, 2], 3, Name="motion", **options), globalAveragePooling2dLayer,
            fullyConnectedLayer(2, Name="fc"), regressionLayer(Name="out")]


def sequences(*shape: int) -> np.ndarray:
    return np.random.default_rng(1).standard_normal(shape)


def test_a_sequence_is_predicted_step_by_step() -> None:
    net, X = vectors(), sequences(6, 4, 7)  # c×N×T
    Y = minibatchpredict(net, X)
    assert Y.shape == (3, 4, 7)
    steps = dlnetwork([featureInputLayer(6, Name="in"), *net.Layers[1:]])
    for t in range(7):
        np.testing.assert_allclose(Y[:, :, t], minibatchpredict(steps, X[:, :, t].T).T, rtol=1e-5)
    np.testing.assert_allclose(minibatchpredict(net, X, MiniBatchSize=3), Y, rtol=1e-6)
    np.testing.assert_allclose(predict(net, X[:, 2]), Y[:, 2], rtol=1e-6)  # one sequence, c×T
    np.testing.assert_allclose(predict(net, X[:, :, :3]), Y[:, :, :3], rtol=1e-6)  # another length
    hidden, scores = minibatchpredict(net, X, Outputs=["relu", "scores"])
    assert hidden.shape == (5, 4, 7)
    np.testing.assert_array_equal(scores, Y)


def test_maps_come_back_in_matlabs_order() -> None:
    net, X = assembleNetwork([*dlnetwork(films()[:-1]).Layers, regressionLayer]), sequences(8, 6, 2, 3, 5)
    assert predict(net, X).shape == (2, 3, 4)  # the motion layer takes a step away
    conv = activations(net, X, "conv")
    assert conv.shape == (8, 6, 4, 3, 5)
    assert activations(net, X, "fc").shape == (1, 1, 2, 3, 4)
    np.testing.assert_allclose(activations(net, X[..., 1:2], "conv"), conv[..., 1:2], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(activations(net, X[..., 1, :], "conv"), conv[..., 1, :], rtol=1e-4, atol=1e-5)


def test_displays_speak_of_time() -> None:
    info = analyzeNetwork(films())
    assert info.LayerInfo.ActivationFormats[1] == "SSCBT"
    assert info.LayerInfo.ActivationSizes[1] == [8, 6, 4, 1, 1]
    assert "8(S) × 6(S) × 4(C) × 1(B) × 1(T)" in info.text("long")
    assert "Per time step: " in str(info)
    text = str(explain(films(), MiniBatchSize=4, SequenceLength=5))
    assert "mini-batch of 4 with 5 time steps" in text
    assert "S1 C S2 T B" in text
    assert "8×6×4×4×5" in text or "8×6×4×2×5" in text


def test_networks_are_saved_and_written(tmp_path: Any) -> None:
    net, X = vectors(), sequences(6, 4, 7)
    saveNetwork(net, tmp_path / "net.dlnet")
    np.testing.assert_array_equal(predict(loadNetwork(tmp_path / "net.dlnet"), X), predict(net, X))
    assert 'inputLayer([6 NaN NaN],"CBT","Name","in")' in toMATLAB(net)
    names: dict[str, Any] = {}
    exec(toPython(net), names)
    assert names["net"].Layers[0] == net.Layers[0]
    opened = dlnetwork([convolution2dLayer(3, 4), fullyConnectedLayer(2)], networkDataLayout([9, 3, NAN, NAN], "SCBT"))
    assert predict(opened, sequences(9, 3, 2, 8)).shape == (2, 2, 6)  # windows over space and time
    assert 'networkDataLayout([9 3 NaN NaN],"SCBT")' in toMATLAB(opened)
    saveNetwork(opened, tmp_path / "open.dlnet")
    assert predict(loadNetwork(tmp_path / "open.dlnet"), sequences(9, 3, 2, 8)).shape == (2, 2, 6)


def two_inputs(*body: Any, formats: str = "CBT CBT") -> dlnetwork:
    first, second = formats.split()
    lgraph = layerGraph([inputLayer([3, *[NAN] * (len(first) - 1)], first, Name="a"), *body])
    lgraph = addLayers(lgraph, inputLayer([3, *[NAN] * (len(second) - 1)], second, Name="b"))
    return dlnetwork(connectLayers(lgraph, "b", f"{body[0].Name}/in2"))


def test_sequences_are_joined_along_time() -> None:
    a, b = sequences(3, 2, 4), sequences(3, 2, 5)
    joined = predict(two_inputs(concatenationLayer(3, 2, Name="cat"), reluLayer), a, b)  # c×N×T: the third is time
    np.testing.assert_array_equal(joined, np.maximum(np.concatenate([a, b], 2), 0).astype(np.float32))


@pytest.mark.parametrize(("layer", "combine"), [(additionLayer, np.add), (multiplicationLayer, np.multiply)])
def test_one_step_expands_to_all(layer: Any, combine: Any) -> None:
    a, b = sequences(3, 2, 4).astype(np.float32), sequences(3, 2, 1).astype(np.float32)
    net = two_inputs(layer(2, Name="both"), fullyConnectedLayer(2))
    both = predict(net, a, b, Outputs="both")
    np.testing.assert_allclose(both, combine(a, b), rtol=1e-6)
    assert predict(net, a, b).shape == (2, 2, 4)


def test_data_with_and_without_time_do_not_mix() -> None:
    with pytest.raises(DltoolboxError, match="have time steps and others have none") as caught:
        two_inputs(additionLayer(2, Name="both"), formats="CBT CB")
    assert caught.value.identifier == "dltoolbox:network:timeMismatch"


@pytest.mark.parametrize(("call", "identifier", "text"), [
    (lambda: predict(vectors(), sequences(5, 4, 7)), "predict:inputSizeMismatch", "6×N×T (c×N×T)"),
    (lambda: predict(vectors(), sequences(6, 4, 7) * 1j), "predict:complexData", "complex"),
    (lambda: predict(dlnetwork(films()[:-1]), sequences(8, 6, 2, 3, 1)), "convolution3dLayer:windowTooLarge", "8×6×1"),
    (lambda: dlnetwork([inputLayer([6, NAN, NAN], "CBT"), convolution2dLayer(3, 4)]),
     "convolution2dLayer:invalidInputFormat", "SSCBT or SCBT"),
    (lambda: dlnetwork([inputLayer([6, 3, NAN, NAN], "SCBT"), adaptiveAveragePooling2dLayer(2)]),
     "adaptiveAveragePooling2dLayer:invalidInputFormat", "needs input of format SSCBT "),
    (lambda: dlnetwork([inputLayer([6, NAN], "CB"), maxPooling1dLayer(2)]),
     "maxPooling1dLayer:invalidInputFormat", "SCB, SCBT or CBT"),
    (lambda: trainNetwork(sequences(8, 6, 2, 3, 5), np.ones((3, 2)), films(), trainingOptions("sgdm")),
     "trainNetwork:targetsPerSequence", "one per time step"),
])
def test_what_is_wrong_is_said(call: Any, identifier: str, text: str) -> None:
    with pytest.raises(DltoolboxError) as caught:
        call()
    assert f"dltoolbox:{identifier}" in [issue.identifier for issue in caught.value.issues]
    assert text in str(caught.value)
