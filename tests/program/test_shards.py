"""Cutting a batch over threads changes rounding and nothing else; the same number of threads gives the same bits."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from dltoolbox import maxNumCompThreads
from dltoolbox.program import executable
from dltoolbox.program.model import Model
from tests.program.networks import digits, everything, finished, images, one_hot, residual, scrambled, segnet

pytestmark = pytest.mark.usefixtures("every_network_is_worth_several_threads")


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("make_graph", [digits, segnet, residual])
def test_the_same_threads_give_the_same_bits(make_graph: Any, threads: int) -> None:
    maxNumCompThreads(threads)
    found = []
    for _ in range(3):
        model = scrambled(Model(make_graph()))
        X = images(model.lgraph, 7, np.float32)
        found.append(everything(model, [X], [one_hot(model.predict([X])[0].shape)]))
    for other in found[1:]:
        for a, b in zip(found[0], other, strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("threads", [2, 3])
@pytest.mark.parametrize("make_graph", [digits, segnet, residual])
def test_batches_of_any_size_on_several_threads(make_graph: Any, threads: int) -> None:
    """Shards of different sizes can have other kernels and other arrangements of the same filters."""
    maxNumCompThreads(threads)
    plain, model = (scrambled(Model(make_graph(), np.float64, fast=fast)) for fast in (False, True))
    for batch in (1, 2, 3, 5, 7):
        X = images(plain.lgraph, batch)
        targets = [one_hot(plain.predict([X])[0].shape)]
        expected = everything(plain, [X], targets)
        for _ in range(2):
            for a, b in zip(everything(model, [X], targets), expected, strict=True):
                np.testing.assert_allclose(a, b, rtol=1e-8, atol=1e-10 * max(1, np.abs(b).max()))


def test_shards_are_nearly_equal_and_as_many_as_threads() -> None:
    model = scrambled(Model(digits()))
    maxNumCompThreads(3)
    for batch, edges in ((7, [0, 2, 4, 7]), (3, [0, 1, 2, 3]), (2, [0, 1, 2]), (1, [0, 1])):
        program = model.program("predict", [images(model.lgraph, batch)])
        assert program.edges == edges
        assert program.size == (3 if batch == 1 else min(3, batch))


def test_small_networks_stay_on_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executable, "SMALL_WORK", 1 << 40)
    maxNumCompThreads(3)
    model = scrambled(Model(digits()))
    assert model.program("predict", [images(model.lgraph, 7)]).size == 1


def test_threads_of_the_user_may_predict_at_the_same_time() -> None:
    from dltoolbox import predict
    maxNumCompThreads(2)
    nets = [finished(digits()), finished(digits())]
    data = [images(net, 8, seed=seed) for seed, net in enumerate(nets * 2)]
    wanted = [predict(net, X) for net, X in zip(nets * 2, data, strict=True)]
    with ThreadPoolExecutor(4) as pool:
        for _ in range(10):
            for found, expected in zip(pool.map(predict, nets * 2, data), wanted, strict=True):
                np.testing.assert_array_equal(found, expected)


def test_an_error_in_a_thread_arrives_and_the_model_works_on() -> None:
    maxNumCompThreads(2)
    model = scrambled(Model(digits()))
    X = images(model.lgraph, 4)
    expected = model.predict([X])[0]
    program = model.program("predict", [X])

    def fail() -> None:
        raise ZeroDivisionError
    step, bound = program.shards[1].steps[2]
    program.shards[1].steps[2] = (step, bound._replace(forward=(fail,)))
    with pytest.raises(ZeroDivisionError):
        model.predict([X])
    program.release()
    np.testing.assert_array_equal(model.predict([X])[0], expected)


def test_threads_share_the_steps_of_a_network_that_is_mostly_weights() -> None:
    from dltoolbox import fullyConnectedLayer, imageInputLayer, layerGraph, regressionLayer
    lgraph = layerGraph([imageInputLayer([8, 8, 1], Normalization="none"), fullyConnectedLayer(200),
                         fullyConnectedLayer(300), regressionLayer])
    maxNumCompThreads(2)
    plain, model = scrambled(Model(lgraph, fast=False)), scrambled(Model(lgraph))
    X = images(lgraph, 8)
    program = model.program("predict", [X])
    assert (len(program.shards), program.size) == (1, 2)
    assert len(model.program("train", [X]).shards) == 2
    assert len(model.program("predict", [images(lgraph, 400)]).shards) == 2
    np.testing.assert_allclose(model.predict([X])[0], plain.predict([X])[0], rtol=1e-4, atol=1e-4)
