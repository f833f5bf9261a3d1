"""Kernels are compared on made-up arrays of the right sizes; large transformed filters are made anew in every prediction."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dltoolbox import convolution2dLayer, imageInputLayer, layerGraph, maxNumCompThreads, regressionLayer
from dltoolbox.core.formats import Dims
from dltoolbox.kernels import Case, Kernel, candidates
from dltoolbox.program import choice, executable, memory, shard
from dltoolbox.program.model import Model
from tests.kernels.test_kernels import use_of
from tests.ops.samples import CASES
from tests.program.networks import finished, images, scrambled


def test_without_a_choice_nothing_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choice, "fastest", lambda *_: pytest.fail("measured"))
    case = use_of(CASES[0], 2, np.float32)
    only = candidates(case)[:1]
    assert choice.choose(only, case, [], []) is only[0]


def test_the_fastest_is_taken_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    class One(Kernel):
        op = "relu"

    class Other(One):
        pass
    asked: list[str] = []

    def last(question: str, options: Any) -> str:
        asked.append(question)
        return list(options)[-1]
    monkeypatch.setattr(choice, "fastest", last)
    case = Case("relu", (Dims("CB", (3, 4)),), (Dims("CB", (3, 4)),), ((0, 1),), {}, np.dtype(np.float32))
    found = [One(), Other()]
    assert choice.choose(found, case, [case.dtype], [case.dtype]) is found[1]
    assert "relu" in asked[0]


@pytest.mark.parametrize("train", [True, False])
@pytest.mark.parametrize("sample", CASES, ids=str)
def test_every_kernel_can_be_tried(sample: Any, train: bool) -> None:
    case = use_of(sample, 3, np.float32, train=train)
    if case.op in ("function", "unpool", "size_of"):
        return  # made-up indices and sizes mean nothing to them, and there is one kernel for each
    kinds = [np.dtype(x.dtype) for x in sample.inputs(3, np.float32)]
    outputs = [np.dtype(np.uint8) if case.op.endswith("taps") and i else case.dtype for i in range(len(case.outputs))]
    for kernel in candidates(case):
        with np.errstate(all="ignore"):
            choice.trial(kernel, case, kinds, outputs)()()


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("batch", [1, 4])
def test_filters_made_anew_in_every_run(monkeypatch: pytest.MonkeyPatch, threads: int, batch: int) -> None:
    lgraph = layerGraph([imageInputLayer([12, 12, 32], Normalization="none"), convolution2dLayer(3, 64, Padding="same"),
                         convolution2dLayer(3, 48, Padding="same"), regressionLayer])
    net = finished(lgraph)
    X = images(lgraph, batch, np.float32)
    expected = scrambled(Model(lgraph, np.float64, fast=False)).predict([X])[0]
    monkeypatch.setattr(executable, "SMALL_WORK", 0)
    for module in (memory, shard, choice):
        monkeypatch.setattr(module, "LARGE_SHARED", 0)
    before = maxNumCompThreads(threads)
    model = Model(net, draw=False)
    for _ in range(3):
        found = model.predict([X])[0]
    maxNumCompThreads(before)
    program = next(iter(model._programs.values()))
    assert program.shards[0].late
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())
