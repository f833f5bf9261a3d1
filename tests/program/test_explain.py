"""`explain`: what it accepts, what it says of threads and fused layers, and that it leaves no trace."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from dltoolbox import (
    DltoolboxError,
    additionLayer,
    assembleNetwork,
    batchNormalizationLayer,
    classificationLayer,
    connectLayers,
    convolution2dLayer,
    explain,
    featureInputLayer,
    fullyConnectedLayer,
    imageInputLayer,
    layerArray,
    layerGraph,
    maxNumCompThreads,
    regressionLayer,
    reluLayer,
    rng,
    softmaxLayer,
)
from dltoolbox.core.random import stream
from dltoolbox.kernels import numba_support
from dltoolbox.network.graph.surgery import addLayers
from dltoolbox.program import executable
from tests.program.networks import digits, finished, residual, segnet

TINY = """\
train, mini-batch of 4, single precision, 1 thread
0.01 million multiply-adds forward, about three times as many with the gradients
… KB planned memory in all threads, 1.1 KB learnables

   Step                   Layers                 Kernel               Output   In memory  Multiply-adds   Bytes
---------------------------------------------------------------------------------------------------------------
1  input_normalise        imageinput             InputNormalise       8×8×1×4  S1 S2 B C                 1.0 KB
2  conv                   conv                   ConvKernel           8×8×2×4  S1 S2 B C          4,608  2.0 KB
3  batch_norm + relu      batchnorm + relu       BatchNorm            8×8×2×4  S1 S2 B C                 2.0 KB
4  dense                  fc                     Dense                1×1×2×4  S1 C S2 B          1,024    32 B
5  softmax_cross_entropy  softmax + classoutput  SoftmaxCrossEntropy  scalar                                4 B"""


@pytest.fixture(autouse=True)
def one_thread_without_compiled_loops(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """So that the kernels are those of every machine."""
    monkeypatch.setattr(numba_support, "failure", lambda: "switched off")
    before = maxNumCompThreads(1)
    yield
    maxNumCompThreads(before)


def tiny() -> list[Any]:
    return [imageInputLayer([8, 8, 1]), convolution2dLayer(3, 2, Padding="same"), batchNormalizationLayer, reluLayer,
            fullyConnectedLayer(2), softmaxLayer, classificationLayer]


def head(*args: Any, **options: Any) -> str:
    return explain(*args, **options).splitlines()[0]


def test_the_whole_text() -> None:
    found = explain(tiny(), Mode="train", MiniBatchSize=4)
    assert re.sub(r"\S+ KB planned", "… KB planned", found) == TINY  # temporaries are the kernels' own business
    assert repr(found) == str(found)  # at the prompt it reads as when printed


def test_layer_arrays_graphs_and_networks_are_run_alike() -> None:
    net = finished(digits())
    for options in ({}, {"Mode": "train"}, {"Precision": "fast"}):
        assert explain(net, **options) == explain(digits(), **options) == explain(layerArray(digits().Layers), **options)


def test_options_come_in_both_forms() -> None:
    assert explain(tiny(), "mode", "train", "MiniBatchSize", 4) == explain(tiny(), Mode="train", MiniBatchSize=4)
    assert head(tiny()).startswith("predict, mini-batch of 128,")


def test_training_differs_from_prediction() -> None:
    assert "conv + batch_norm_inference " in explain(tiny())
    assert "softmax_cross_entropy" not in explain(tiny())
    assert "with the gradients" not in explain(tiny())


def test_fused_layers_are_named() -> None:
    assert "a_bn2 + a_add + a_out" in explain(residual(), Mode="train")
    assert "e1_bn + e1_relu + pool1" in explain(segnet(), Mode="train")


def test_several_inputs() -> None:
    lgraph = layerGraph([imageInputLayer([6, 5, 3], Name="a", Normalization="none"), additionLayer(2, Name="sum"),
                         fullyConnectedLayer(1), regressionLayer])
    lgraph = addLayers(lgraph, [imageInputLayer([6, 5, 3], Name="b", Normalization="none")])
    text = explain(connectLayers(lgraph, "b", "sum/in2"), MiniBatchSize=2)
    assert "6×5×3×2" in text
    assert " sum " in text


@pytest.mark.parametrize(("threads", "batch", "words"), [
    (1, 4, ", 1 thread"), (2, 4, "2 threads for 2 observations each (the table is of one thread)"),
    (3, 4, "3 threads for 1 or 2 observations each (the table is of the first thread)"),
    (3, 1, "3 threads that share each step they can")])
def test_what_threads_do(threads: int, batch: int, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executable, "SMALL_WORK", 0)
    maxNumCompThreads(threads)
    assert head(tiny(), MiniBatchSize=batch).endswith(words)


def test_small_networks_stay_on_one_thread() -> None:
    maxNumCompThreads(8)
    assert head(tiny(), MiniBatchSize=4).endswith(" 1 thread")


def test_random_numbers_stay_as_they_are() -> None:
    rng(0)
    expected = stream("initialisation").integers(1 << 30)
    rng(0)
    explain(tiny())
    assert stream("initialisation").integers(1 << 30) == expected


def test_a_network_predicts_as_before() -> None:
    from dltoolbox import predict
    net = assembleNetwork([featureInputLayer(2, Normalization="none"),
                           fullyConnectedLayer(1, Weights=np.float32([[1, 2]]), Bias=np.float32([[3]])), regressionLayer])
    explain(net)
    explain(net, Mode="train")
    np.testing.assert_array_equal(predict(net, np.float32([[1, 1]])), [[6]])


@pytest.mark.parametrize(("args", "options", "identifier", "words"), [
    ((3,), {}, "explain:notANetwork", "but it got 3"),
    ((reluLayer,), {}, "explain:notANetwork", "Pass a trained network, a layer graph or a layer array"),
    (([reluLayer()],), {}, "explain:noInputLayer", "addInputLayer"),
    ((tiny(),), {"Mode": "test"}, "explain:invalidMode", "'predict' or 'train'"),
    ((tiny(),), {"MiniBatchSize": 0}, "explain:invalidMiniBatchSize", "positive integer"),
    ((tiny(),), {"Precision": "half"}, "explain:invalidPrecision", "'default' or 'fast'"),
    ((tiny(), "Threads", 2), {}, "explain:unknownOption", "MiniBatchSize, Mode, Precision, SequenceLength"),
    (([imageInputLayer([4, 4, 1]), reluLayer],), {"Mode": "train"}, "explain:noLoss", "no output layer")])
def test_what_is_wrong_is_said(args: tuple[Any, ...], options: dict[str, Any], identifier: str, words: str) -> None:
    with pytest.raises(DltoolboxError, match=words) as caught:
        explain(*args, **options)
    assert caught.value.identifier == f"dltoolbox:{identifier}"
