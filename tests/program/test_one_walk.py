"""One walk: a graph is lowered once per mode, and everything else is made from its record."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from dltoolbox import categorical, trainingOptions, trainNetwork
from dltoolbox.network.graph.layer_graph import layerGraph
from dltoolbox.program.model import Model
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


@pytest.mark.parametrize(("over_time", "count"), [(False, 2), (True, 8)])
def test_further_lengths_lower_nothing_where_no_op_changes_them(lowerings: list[Any], over_time: bool, count: int) -> None:
    window = [make("convolution2dLayer", [1, 2], 3)] if over_time else []
    layers = [make("inputLayer", [4, 2, np.nan, np.nan], "SCBT", Name="x"), *window, make("fullyConnectedLayer", 3),
              make("batchNormalizationLayer"), make("dropoutLayer"), make("regressionLayer")]
    model = scrambled(Model(layerGraph(layers)))
    for length in (5, 2, 9):
        x = np.zeros((4, 2, length, 3), np.float32)
        (y,) = model.predict([x])
        assert y.shape[-2:] == (length - over_time, 3)
        model.step([x], [y])
    assert len(lowerings) == count


def test_further_batches_lower_nothing(lowerings: list[Any]) -> None:
    model = scrambled(Model(segnet()))
    for batch in (3, 1, 4):
        X = images(model.lgraph, batch)
        T = one_hot(model.predict([X])[0].shape)
        model.step([X], [T])
        model.evaluate([X], [T])
        model.gradients([X], [T])
    model.finalize_statistics([[X]])
    assert len(lowerings) == 2
    larger = np.zeros((24, 24, 3, 1), np.float32)
    model.predict([larger])
    model.predict([larger], ["pool1/out"])
    assert len(lowerings) == 3
