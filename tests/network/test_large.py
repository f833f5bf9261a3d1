"""Mistyped sizes and large graphs: a problem with a name, in time and memory that do not grow with the number."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from dltoolbox import (
    adaptiveAveragePooling2dLayer,
    additionLayer,
    analyzeNetwork,
    assembleNetwork,
    batchNormalizationLayer,
    classificationLayer,
    concatenationLayer,
    convolution2dLayer,
    depthConcatenationLayer,
    dlnetwork,
    featureInputLayer,
    fullyConnectedLayer,
    imageInputLayer,
    inputLayer,
    maxPooling2dLayer,
    maxUnpooling2dLayer,
    networkDataLayout,
    predict,
    regressionLayer,
    reluLayer,
    resize2dLayer,
    softmaxLayer,
    trainingOptions,
    trainNetwork,
    transposedConv2dLayer,
)
from dltoolbox.core import arrays
from dltoolbox.core.errors import DltoolboxError
from dltoolbox.network.graph.layer_graph import Connection, LayerGraph, Port
from dltoolbox.network.lowering import initialise
from dltoolbox.program import memory
from tests.operations import MOST, soon

HUGE = 10**9
END = [fullyConnectedLayer(10), softmaxLayer, classificationLayer]


@pytest.mark.parametrize("layer", [
    transposedConv2dLayer(3, 4, Stride=HUGE), transposedConv2dLayer(3, 4, Stride=[HUGE, 1000]), convolution2dLayer(3, HUGE),
    convolution2dLayer(HUGE, 3, Padding="same"), convolution2dLayer(3, 4, Padding=HUGE),
    maxPooling2dLayer(HUGE, Padding=HUGE - 1), resize2dLayer(OutputSize=[HUGE, HUGE]), resize2dLayer(Scale=1e6),
    adaptiveAveragePooling2dLayer(HUGE), fullyConnectedLayer(HUGE),
], ids=repr)
def test_sizes_beyond_all_memory_are_a_problem_of_the_layer(layer: Any) -> None:
    layers = [imageInputLayer([32, 32, 3]), layer, reluLayer, *END]
    info = soon(lambda: analyzeNetwork(layers, nargout=1))
    first, *others = (issue for issue in info.Issues if issue.severity == "error")
    assert (first.identifier, first.index) == ("dltoolbox:network:tooLarge", 2)
    assert not others
    assert "TB" in first.message
    soon(lambda: str(info))
    for call in (lambda: dlnetwork(layers[:-1]), lambda: assembleNetwork(layers),
                 lambda: trainNetwork(np.ones((32, 32, 3, 4)), ["a", "b", "a", "b"], layers,
                                      trainingOptions("sgdm", MaxEpochs=1, Verbose=False))):
        with pytest.raises(DltoolboxError, match="network:tooLarge"):
            soon(call)


def test_inputs_beyond_all_memory() -> None:
    info = soon(lambda: analyzeNetwork([imageInputLayer([HUGE, HUGE, 3]), reluLayer, *END], nargout=1))
    assert [(issue.identifier, issue.index) for issue in info.Issues] == [("dltoolbox:network:tooLarge", 1)]


def test_problems_behind_a_size_that_is_too_large_are_found_as_well() -> None:
    layers = [imageInputLayer([32, 32, 3]), resize2dLayer(OutputSize=[HUGE, HUGE]), convolution2dLayer(3, 8),
              batchNormalizationLayer(NumChannels=5), *END]
    info = analyzeNetwork(layers, nargout=1)
    assert [(issue.identifier, issue.index) for issue in info.Issues if issue.severity == "error"] == [
        ("dltoolbox:network:tooLarge", 2), ("dltoolbox:batchNormalizationLayer:numChannelsMismatch", 4)]


@pytest.mark.parametrize("call", [
    lambda: maxPooling2dLayer(2, Stride=2**63), lambda: maxPooling2dLayer(2**31), lambda: convolution2dLayer(3, 10**30),
    lambda: convolution2dLayer(3, 4, Padding=2**40), lambda: imageInputLayer([2**70, 1, 1]),
    lambda: inputLayer([2**70, float("nan")], "CB"), lambda: networkDataLayout([2**70, 2], "CB"),
    lambda: networkDataLayout([1, 2] * 50_000, "CB" * 50_000), lambda: networkDataLayout([10**400, 2], "CB"),
    lambda: additionLayer(HUGE), lambda: depthConcatenationLayer(10**5), lambda: concatenationLayer(1, 10**5),
    lambda: resize2dLayer(Scale=1e308), lambda: resize2dLayer(Scale=1e-308), lambda: fullyConnectedLayer(2**53 + 2),
    lambda: reluLayer(Name="x" * 10**6), lambda: resize2dLayer(OutputSize=[np.ones(3), 4]),
    lambda: inputLayer([np.ones(3), float("nan")], "CB"),
])
def test_numbers_that_no_layer_takes(call: Callable[[], Any]) -> None:
    with pytest.raises(DltoolboxError) as caught:
        soon(call)
    assert len(str(caught.value)) < 2000


def test_the_largest_numbers_that_layers_take_are_analysed() -> None:
    end = [maxPooling2dLayer(1, Stride=2**31 - 1)] * 300  # the field grows beyond what can be printed
    for layers in ([resize2dLayer(OutputSize=[HUGE, 1])], [resize2dLayer(OutputSize=[99_991, 101])],
                   [convolution2dLayer(3, 4, Padding="same", DilationFactor=2**31 - 1)], end,
                   [resize2dLayer(OutputSize=size) for size in ([997, 991], [991, 997])] * 50):
        info = soon(lambda layers=layers: analyzeNetwork([imageInputLayer([4, 4, 1]), *layers, *END], nargout=1), 10 * MOST)
        assert info.IsValid
        str(info)


def test_a_field_that_is_hard_to_tell_is_not_told_nor_those_that_depend_on_it() -> None:
    layers = [imageInputLayer([64, 64, 1], Name="in"), maxPooling2dLayer(2, Stride=2, Name="pool"),
              resize2dLayer(OutputSize=[10**8 + 7, 1], Name="large"), reluLayer(Name="relu")]
    info = analyzeNetwork([*layers, *END], nargout=1)
    assert info.LayerInfo.ReceptiveField[:4] == ["1×1", "2×2", "", ""]


# Memory of this machine ----------------------------------------------------------------------------------------------
@pytest.fixture
def small_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (initialise, memory):
        monkeypatch.setattr(module, "memory", lambda: 1 << 20)


@pytest.mark.usefixtures("small_machine")
def test_what_this_machine_cannot_hold_is_refused_before_it_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(initialise, "initialised", pytest.fail)
    layers = [featureInputLayer(1000), fullyConnectedLayer(10, Name="small"), fullyConnectedLayer(10**6, Name="large")]
    assert analyzeNetwork(layers, TargetUsage="dlnetwork", nargout=1).IsValid  # this machine need not run it
    for call in (lambda: dlnetwork(layers), lambda: trainNetwork(
            np.ones((4, 1000)), np.ones((4, 1)), [*layers, fullyConnectedLayer(1), regressionLayer],
            trainingOptions("sgdm", MaxEpochs=1, Verbose=False))):
        with pytest.raises(DltoolboxError, match=r"'large'.*4\d\.\d MB.*1\.0 MB of memory.*network:notEnoughMemory"):
            call()


@pytest.mark.usefixtures("small_machine")
def test_a_run_that_this_machine_cannot_hold_is_refused() -> None:
    net = assembleNetwork([imageInputLayer([4, 4, 1], Normalization="none"), resize2dLayer(OutputSize=[999, 999]), reluLayer,
                           resize2dLayer(OutputSize=[2, 2]), regressionLayer])
    with pytest.raises(DltoolboxError, match="network:notEnoughMemory"):
        predict(net, np.ones((4, 4, 1, 3)))


def test_allocations_that_fail_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    net = assembleNetwork([imageInputLayer([4, 4, 1], Normalization="none"),
                           resize2dLayer(OutputSize=[400_000, 400_000]), regressionLayer])
    with pytest.raises(DltoolboxError, match="network:notEnoughMemory"):
        predict(net, np.ones((4, 4, 1)))


def test_memory_of_a_machine_and_of_its_container(tmp_path: Any) -> None:
    whole = arrays.memory(tmp_path)
    assert whole > 1 << 27
    (tmp_path / "sys/fs/cgroup").mkdir(parents=True)
    for text, expected in (("max\n", whole), ("1048576\n", 1 << 20)):
        (tmp_path / "sys/fs/cgroup/memory.max").write_text(text)
        assert arrays.memory(tmp_path) == expected


# Large graphs --------------------------------------------------------------------------------------------------------
def relus(count: int) -> list[Any]:
    return [reluLayer(Name=f"r{i}") for i in range(count)]


def graph(layers: list[Any], edges: list[tuple[str, str]]) -> LayerGraph:
    return LayerGraph(layers, [Connection(Port(*a.split("/")), Port(*b.split("/"))) for a, b in edges])


def concatenation(count: int) -> LayerGraph:
    edges = [("in/out", f"r{i}/in") for i in range(count)] + [(f"r{i}/out", f"cat/in{i + 1}") for i in range(count)]
    return graph([featureInputLayer(2, Name="in"), *relus(count), concatenationLayer(1, count, Name="cat"),
                  regressionLayer(Name="out")], [*edges, ("cat/out", "out/in")])


def unpoolings(count: int) -> LayerGraph:
    half = range(count // 2)
    return graph([imageInputLayer([8, 8, 1], Name="in"), *(maxPooling2dLayer(2, Name=f"p{i}") for i in half),
                  *(maxUnpooling2dLayer(Name=f"u{i}") for i in half)], [])


GRAPHS: dict[str, Callable[[int], Any]] = {
    "one concatenation": concatenation, "unpoolings": unpoolings, "no connections": lambda n: graph(relus(n), []),
    "cycles of two": lambda n: graph(relus(n), [(f"r{i}/out", f"r{i ^ 1}/in") for i in range(n)]),
    "one cycle": lambda n: graph(relus(n), [(f"r{i}/out", f"r{(i + 1) % n}/in") for i in range(n)]),
    "equal names": lambda n: [reluLayer(Name="a") for _ in range(n)],
}


@pytest.mark.parametrize("name", GRAPHS)
def test_time_grows_with_the_number_of_layers_not_with_its_square(name: str) -> None:
    def seconds(count: int) -> float:
        made = GRAPHS[name](count)
        gc.collect()
        gc.disable()  # what other tests left takes a second to look through
        try:
            start = time.process_time()
            str(analyzeNetwork(made, nargout=1))
            return time.process_time() - start
        finally:
            gc.enable()

    assert seconds(2000) < 25 * max(seconds(250), 0.05)  # 8 times; by the square, 64 times


def test_a_lone_unpooling_undoes_the_last_pooling() -> None:
    layers = [imageInputLayer([8, 8, 1], Name="in"), *(maxPooling2dLayer(2, Name=f"p{i}") for i in range(9))]
    info = analyzeNetwork(graph([*layers, maxUnpooling2dLayer(Name="u4")], []), nargout=1)
    (lost,) = (issue for issue in info.Issues if issue.identifier.endswith("unpoolingWithoutIndices"))
    assert "'p8/indices'" in lost.hint


CHILD = """
import resource, sys
resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))
from dltoolbox import *
try:
    {}
except DltoolboxError as error:
    print(error.identifier)
"""


@pytest.mark.skipif(os.name == "nt", reason="limits of POSIX")
@pytest.mark.parametrize("call", ["dlnetwork([featureInputLayer(1000), fullyConnectedLayer(10**6)])",
                                  "networkLayer([additionLayer(10**9)])"])
def test_little_memory(call: str) -> None:
    found = subprocess.run([sys.executable, "-c", CHILD.format(call)], capture_output=True, text=True, check=False,
                           timeout=120)
    assert found.stdout.strip() in ("dltoolbox:network:notEnoughMemory", "dltoolbox:additionLayer:invalidNumInputs"), found
