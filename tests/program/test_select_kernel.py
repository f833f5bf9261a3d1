"""Kernels are compared on made-up arrays of the right sizes; large transformed filters are made anew in every prediction."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dltoolbox import (
    convolution2dLayer,
    imageInputLayer,
    layerGraph,
    maxNumCompThreads,
    maxPooling2dLayer,
    regressionLayer,
    reluLayer,
)
from dltoolbox.core.dims import Dims
from dltoolbox.kernels import KERNELS, BindContext, BoundKernel, Kernel, KernelSpec, candidates, plain
from dltoolbox.ops import as_tuple
from dltoolbox.ops.pool import looks
from dltoolbox.program import executable, select_kernel
from dltoolbox.program.model import Model
from dltoolbox.runtime import autotune
from tests import modes
from tests.kernels.test_kernels import use_of
from tests.ops.chains import CHAINS
from tests.ops.samples import CASES, op_of
from tests.program.networks import finished, images, scrambled


def test_without_a_choice_nothing_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(select_kernel, "fastest", lambda *_: pytest.fail("measured"))
    case = use_of(CASES[0], 2, np.float32)
    only = candidates(case)[:1]
    assert select_kernel.choose(only, case, [], []) is only[0]


def test_the_fastest_is_taken_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    class One(Kernel):
        ops = ("relu",)

    class Other(One):
        pass
    asked: list[str] = []

    def last(question: str, options: Any, *_: Any) -> str:
        asked.append(question)
        return list(options)[-1]
    monkeypatch.setattr(select_kernel, "fastest", last)
    case = KernelSpec("relu", (Dims("CB", (3, 4)),), (Dims("CB", (3, 4)),), ((0, 1),), {}, np.dtype(np.float32))
    found = [One(), Other()]
    assert select_kernel.choose(found, case, [case.dtype], [case.dtype]) is found[1]
    assert "relu" in asked[0]


@pytest.mark.parametrize("train", [True, False])
@pytest.mark.parametrize("sample", [*CASES, *CHAINS], ids=str)
def test_every_kernel_can_be_tried(sample: Any, train: bool) -> None:
    """At its size and every smaller one."""
    case, inputs = use_of(sample, 3, np.float32, train=train), sample.inputs(3, np.float32)
    kinds = [x.dtype for x in inputs]
    outputs = [y.dtype for y in as_tuple(op_of(sample).forward(*inputs, **sample.attributes(3)))]
    found = candidates(case)
    for stage in (select_kernel.stage(found, case, kinds, outputs), *select_kernel.smaller(found, case, kinds, outputs)):
        for make in stage.options.values():
            make()()


def test_an_empty_batch_is_no_reason_to_measure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(select_kernel, "fastest", lambda *_: pytest.fail("measured"))
    case = use_of(CASES[0], 0, np.float32)
    found = [plain(case.op), plain(case.op)]
    assert select_kernel.choose(found, case, [case.dtype], [case.dtype]) is found[0]


@pytest.mark.parametrize("sample", [one for one in CASES if one.op == "max_pool" and one.label == "3x3-same"], ids=str)
def test_smaller_sizes_are_those_that_all_kernels_accept(sample: Any) -> None:
    class Choosy(Kernel):
        ops = ("max_pool",)

        def accepts(self, case: KernelSpec) -> bool:
            return case.inputs[0].batch == 8
    case = use_of(sample, 8, np.float32)
    works = {all_of_it: [stage.work for stage in select_kernel.smaller(kernels, case, [case.dtype], [case.dtype])]
             for all_of_it, kernels in ((True, [plain(case.op)]), (False, [Choosy()]))}
    assert works[True] == sorted(works[True], reverse=True)
    assert len(works[True]) > len(works[False]) > 0


class Clock:
    """Moved by kernels that take much longer than they do."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Clock]:
    with modes.mode("default", tmp_path):
        monkeypatch.setattr(autotune, "clock", Clock())
        yield autotune.clock


def pretended(op: str, seconds: Callable[[KernelSpec], float], name: str, clock: Clock, fails: bool = False) -> Kernel:
    """A kernel that only takes its time, by the clock, or fails."""
    class Body(Kernel):
        def bind(self, site: BindContext) -> BoundKernel:
            def forward() -> None:
                clock.now += seconds(site.case)
                if fails:
                    raise ValueError(name)
            return BoundKernel((forward,))
    Body.__name__ = name
    return Body(op)


def chosen(kernels: list[Kernel], monkeypatch: pytest.MonkeyPatch, size: int, batch: int, layer: Any) -> str:
    """The kernel that is chosen for a layer."""
    monkeypatch.setitem(KERNELS, kernels[0].op, kernels)
    lgraph = layerGraph([imageInputLayer([size, size, 2], Normalization="none"), layer, regressionLayer])
    model = Model(lgraph, np.float32)
    program = model.program("predict", [images(lgraph, batch, np.float32)])
    assert isinstance(program, executable.Program)
    return type(program.plan.steps[0].kernel).__name__


@pytest.mark.parametrize("batch", [1, 16])
@pytest.mark.parametrize("first", ["Slow", "Fast"])
def test_a_kernel_that_would_take_minutes_is_never_tried_in_full(
        clock: Clock, monkeypatch: pytest.MonkeyPatch, first: str, batch: int) -> None:
    """One looks at all of every window (10 ns each), one does not: 30 seconds an image against 1 ms."""
    def by_windows(case: KernelSpec) -> float:
        return 1e-8 * looks(case.attrs["window"], case.inputs[0].spatial) * 2 * int(case.inputs[0].batch or 0)
    slow = pretended("max_pool", by_windows, "Slow", clock)
    fast = pretended("max_pool", lambda case: 1e-8 * np.prod(case.inputs[0].shape), "Fast", clock)
    kernels = [fast, slow] if first == "Slow" else [slow, fast]
    assert chosen(kernels, monkeypatch, 256, batch, maxPooling2dLayer(255, Stride=1, Padding="same")) == "Fast"
    assert 0 < clock.now < 2


def test_a_kernel_that_fails_when_tried_is_not_chosen(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    bad = pretended("relu", lambda case: 1e-6, "Bad", clock, fails=True)
    good, slow = (pretended("relu", lambda case, s=s: s, name, clock) for name, s in (("Good", 1e-4), ("Slow", 1e-3)))
    assert chosen([slow, good, bad], monkeypatch, 4, 2, reluLayer) == "Good"
    autotune.choices.cache_clear()
    assert chosen([bad, bad], monkeypatch, 5, 2, reluLayer) == "Bad"


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("batch", [1, 4])
def test_threads_prepare_filters_together(monkeypatch: pytest.MonkeyPatch, threads: int, batch: int) -> None:
    lgraph = layerGraph([imageInputLayer([12, 12, 32], Normalization="none"), convolution2dLayer(3, 64, Padding="same"),
                         convolution2dLayer(3, 48, Padding="same"), regressionLayer])
    net = finished(lgraph)
    X = images(lgraph, batch, np.float32)
    expected = scrambled(Model(lgraph, np.float64, fast=False)).predict([X])[0]
    monkeypatch.setattr(executable, "SMALL_WORK", 0)
    before = maxNumCompThreads(threads)
    model = Model(net, draw=False)
    for _ in range(3):
        found = model.predict([X])[0]
    maxNumCompThreads(before)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())
