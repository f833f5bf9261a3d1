"""One walk: a graph is lowered once per mode, and everything else is made from its record."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from cProfile import Profile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dltoolbox import categorical, maxNumCompThreads, trainingOptions, trainNetwork
from dltoolbox.core.dims import Dims
from dltoolbox.data.sources.batches import Batch
from dltoolbox.kernels import numba_support
from dltoolbox.network.graph.layer_graph import layerGraph
from dltoolbox.ops.time_axis import Way
from dltoolbox.program.model import Model
from dltoolbox.program.select_kernel import size_class
from dltoolbox.runtime import autotune
from tests import modes
from tests.program.networks import digits, images, make, one_hot, scrambled, segnet

pytestmark = pytest.mark.network


@pytest.fixture
def lowerings(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Grows by one with every walk over the layers of a graph."""
    return calls_of(monkeypatch, "dltoolbox.network.lowering.lower.execution_order")


def calls_of(monkeypatch: pytest.MonkeyPatch, name: str) -> list[Any]:
    """The first arguments of all calls of a function of a module."""
    calls: list[Any] = []
    module, _, function = name.rpartition(".")
    body: Callable[..., Any] = getattr(__import__(module, fromlist=[function]), function)

    def counted(*args: Any, **options: Any) -> Any:
        calls.append(args[0])
        return body(*args, **options)
    monkeypatch.setattr(name, counted)
    return calls


def test_training_lowers_once_per_mode(lowerings: list[Any]) -> None:
    lgraph, rng = digits(), np.random.default_rng(0)
    X = images(lgraph, 13, np.float32)
    Y = categorical(rng.permutation(np.arange(13) % 10))
    options = trainingOptions("sgdm", MaxEpochs=2, MiniBatchSize=4, ValidationData=(X[..., :5], Y[:5]), Verbose=False)
    trainNetwork(X, Y, lgraph, options)
    assert len(lowerings) == 2


@pytest.mark.parametrize("over_time", [False, True])
def test_further_lengths_lower_nothing(lowerings: list[Any], over_time: bool) -> None:
    window = [make("convolution2dLayer", [1, 2], 3)] if over_time else []
    layers = [make("inputLayer", [4, 2, np.nan, np.nan], "SCBT", Name="x"), *window, make("fullyConnectedLayer", 3),
              make("batchNormalizationLayer"), make("dropoutLayer"), make("regressionLayer")]
    model = scrambled(Model(layerGraph(layers)))
    for length in (5, 2, 9):
        x = np.zeros((4, 2, length, 3), np.float32)
        (y,) = model.predict([x])
        assert y.shape[-2:] == (length - over_time, 3)
        model.step([x], [y])
    assert len(lowerings) == 2


def test_further_batches_lower_nothing(lowerings: list[Any]) -> None:
    model = scrambled(Model(segnet()))
    for batch in (3, 1, 4):
        X = images(model.lgraph, batch)
        T = one_hot(model.predict([X])[0].shape)
        model.step([X], [T])
        model.evaluate([X], [T])
        model.gradients([X], [T])
    model.finalize_statistics([Batch((X,))])
    assert len(lowerings) == 2
    larger = np.zeros((24, 24, 3, 1), np.float32)
    model.predict([larger])
    model.predict([larger], ["pool1/out"])
    assert len(lowerings) == 3


# Measured kernels ----------------------------------------------------------------------------------------------------
@pytest.fixture
def one_thread() -> Iterator[None]:
    before = maxNumCompThreads(1)
    yield
    maxNumCompThreads(before)


@pytest.mark.skipif(not numba_support.available(), reason="without Numba this network leaves nothing to choose")
@pytest.mark.usefixtures("one_thread")
def test_sizes_of_one_class_ask_no_question_twice(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with modes.mode("default", tmp_path):
        monkeypatch.setattr(autotune, "times_of", lambda options: dict.fromkeys(options, 1.0))
        asked = calls_of(monkeypatch, "dltoolbox.runtime.autotune.measure")
        model = scrambled(Model(digits()))

        def run(*batches: int) -> int:
            before = len(asked)
            for batch in batches:
                X = images(model.lgraph, batch, np.float32)
                model.step([X], [one_hot(model.predict([X])[0].shape)])
            return len(asked) - before
        assert run(16) > 0
        assert run(15, 13, 9, 12) == 0
        assert run(17) > 0


def test_size_classes() -> None:
    def classes(way: Way, labels: str, *sizes: int) -> str:
        return size_class(Dims.of(labels, *sizes), way)
    assert classes(Way.FOLD, "SCB", 5, 3, 100) == "5(S) × 3(C) × ≤128(B)"
    assert classes(Way.SEE, "CTB", 3, 5, 1) == "3(C) × ≤8(T) × ≤1(B)"
    assert classes(Way.SPACE, "SSCB", 1, 5, 3, 64) == "1(S) × ≤8(S) × 3(C) × ≤64(B)"
    assert classes(Way.SPACE, "UU", 5, 3) == "5(U) × 3(U)"


# Memory --------------------------------------------------------------------------------------------------------------
@pytest.mark.usefixtures("one_thread")
def test_smaller_batches_lie_as_larger_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    """Their plans are bound once, and what they compute stays the same."""
    laid_out = calls_of(monkeypatch, "dltoolbox.program.bound_plan.MemoryRecorder")
    model, plain = (scrambled(Model(digits(), np.float64, fast=fast)) for fast in (True, False))
    X = images(model.lgraph, 64)
    T = one_hot(model.predict([X])[0].shape)
    laid_out.clear()
    sizes = range(64, 32, -1)
    for batch in sizes:
        model.gradients([X[..., :batch]], [T[..., :batch]])
    assert len(laid_out) < len(sizes) // 2
    for batch in (63, 49, 34):
        loss, found, _ = model.gradients([X[..., :batch]], [T[..., :batch]])
        wanted, gradients, _ = plain.gradients([X[..., :batch]], [T[..., :batch]])
        assert np.isclose(loss, wanted)
        for key, gradient in gradients.items():
            np.testing.assert_allclose(found[key], gradient, rtol=1e-8, atol=1e-10)


def test_a_layout_of_its_own_where_another_is_too_small() -> None:
    model, plain = (scrambled(Model(segnet(), np.float64, fast=fast)) for fast in (True, False))
    for batch in (2, 9, 3, 40, 33, 8):
        X = images(model.lgraph, batch)
        np.testing.assert_allclose(model.predict([X])[0], plain.predict([X])[0], rtol=1e-8, atol=1e-10)


# Depth ---------------------------------------------------------------------------------------------------------------
def test_compiling_is_linear_in_the_number_of_layers() -> None:
    """Calls of functions in the first step of training; twice the layers cost about twice as many."""
    def calls(count: int) -> int:
        rest = [make(name, *size, Name=f"{name}{i}") for i in range(count)
                for name, size in (("fullyConnectedLayer", (4,)), ("reluLayer", ()))]
        lgraph = layerGraph([make("featureInputLayer", 4), *rest, make("regressionLayer")])
        profile = Profile()
        profile.runcall(lambda: Model(lgraph).step([np.ones((4, 3))], [np.ones((4, 3))]))
        return sum(entry.callcount for entry in profile.getstats())  # type: ignore[attr-defined]
    calls(2)  # imports
    assert calls(400) < 2.3 * calls(200)
