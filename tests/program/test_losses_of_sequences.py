"""Losses of mini-batches of sequences of several lengths: what stands behind the ends does not count, whatever it is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dltoolbox import (
    classificationLayer,
    dicePixelClassificationLayer,
    focalLossLayer,
    inputLayer,
    layerGraph,
    maxNumCompThreads,
    pixelClassificationLayer,
    regressionLayer,
    softmaxLayer,
)
from dltoolbox.core.arrays import real_steps
from dltoolbox.layers.outputs import OutputLayer
from dltoolbox.ops import OPS
from dltoolbox.program.model import Model
from tests.program.alone import check_alone, padded
from tests.program.networks import one_hot

pytestmark = pytest.mark.usefixtures("every_network_is_worth_several_threads")

NAN = float("nan")
LENGTHS = np.array([3, 6, 1, 6, 4], np.int32)
REAL = real_steps(LENGTHS, LENGTHS.max())
HUGE = {np.float32: 1e38, np.float64: 1e300}  # finite; their squares and exponentials are not


class OfSigmoid(OutputLayer):
    """Cross-entropy of probabilities that come from no softmax."""

    def build(self, g: Any, x: Any) -> Any:
        g.result(x, g.cross_entropy(g.sigmoid(x), g.target(x.dims), weights=(1.0, 2.0, 0.5)))
        return ()


class AbsoluteError(OutputLayer):
    """A loss made of ops that treat elements apart; it adds them up."""

    def arrays(self, *inputs: Any) -> Any:
        from dltoolbox.layers.base import State
        return (State("Ones", (1, 1), initial=1.0),)

    Ones = None

    def build(self, g: Any, x: Any) -> Any:
        ones = g.state("Ones")
        g.result(x, g.reduce_loss(g.elementwise_l1(x, g.target(x.dims)), ones, ones, divisor=5.0))
        return ()


def classes(**options: Any) -> dict[str, Any]:
    return {"Classes": list("abc"), **options}


NETWORKS: dict[str, list[Any]] = {
    "classes": [softmaxLayer, classificationLayer(**classes())],
    "weighted": [softmaxLayer, classificationLayer(**classes(ClassWeights=[1, 3, 0.5]))],
    "probabilities": [OfSigmoid()],
    "pixels": [softmaxLayer, pixelClassificationLayer(**classes())],
    "focal": [softmaxLayer, focalLossLayer(**classes())],
    "focal pixels": [softmaxLayer, focalLossLayer(**classes(Alpha=2, Gamma=0.5))],
    "dice pixels": [softmaxLayer, dicePixelClassificationLayer(**classes())],
    "responses": [regressionLayer],
    "maps": [regressionLayer],
    "elements": [AbsoluteError()],
}


def network(name: str) -> tuple[Any, tuple[int, ...]]:
    """The network, and the size of a step."""
    size = (2, 3, 3) if name.endswith(("pixels", "maps")) else (3,)
    return layerGraph([inputLayer([*size, NAN, NAN], "S" * (len(size) - 1) + "CBT"), *NETWORKS[name]]), size


def targets_of(name: str, size: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Targets, and which share of the loss each sequence has."""
    if name in ("responses", "maps", "elements"):
        shares = np.full(LENGTHS.size, 1.0 if name == "elements" else 1 / LENGTHS.size)
        return np.random.default_rng(3).standard_normal((*size, *REAL.shape)), shares
    hot = one_hot((*size, REAL.size), undefined=0.2 if name.endswith("pixels") else 0).reshape(*size, *REAL.shape) * REAL
    labelled = REAL.sum(0) if name == "dice pixels" else hot.sum(tuple(range(hot.ndim - 1)))
    return hot, labelled / labelled.sum()


@pytest.mark.parametrize("fast", [True, False], ids=["kernels", "reference"])
@pytest.mark.parametrize("name", NETWORKS)
def test_losses_are_those_of_the_sequences(name: str, fast: bool) -> None:
    lgraph, size = network(name)
    targets, shares = targets_of(name, size)
    x = padded(np.random.default_rng(1), size, LENGTHS, garbage=HUGE[np.float64])
    plain = Model(lgraph, np.float64, fast=False)
    for threads in (1, 2, 3) if fast else (1,):
        maxNumCompThreads(threads)
        check_alone(Model(lgraph, np.float64, fast=fast), [x], [targets], LENGTHS, shares, plain)


@pytest.mark.parametrize("name", NETWORKS)
def test_whatever_stands_behind_the_ends(name: str) -> None:
    """In single precision: the same bits, and gradients that are exactly zero."""
    lgraph, size = network(name)
    targets = targets_of(name, size)[0].astype(np.float32)
    model, found = Model(lgraph), []
    for garbage in (0, HUGE[np.float32]):
        x = padded(np.random.default_rng(1), size, LENGTHS, garbage=garbage, dtype=np.float32)
        loss, _, (grad,) = model.gradients([x], [targets], lengths=[LENGTHS])
        np.testing.assert_array_equal(grad[..., ~REAL], 0)
        found.append((loss, grad))
    assert np.isfinite(found[0][0])
    assert found[0][0] == found[1][0]
    np.testing.assert_array_equal(found[0][1], found[1][1])


def test_sequences_of_one_length_are_observations_like_any() -> None:
    """The two ways to write the loss of responses are one where no sequence is shorter than another."""
    y, t = np.random.default_rng(1).standard_normal((2, 3, 4, 5))
    full = np.full(5, 4, np.int32)
    np.testing.assert_allclose(OPS["half_mse_of_sequences"].forward(y, t, full),
                               OPS["half_mse"].forward(y.reshape(3, 20), t.reshape(3, 20)), rtol=1e-12)
    np.testing.assert_allclose(OPS["half_mse_of_sequences"].forward(y[..., :2], t[..., :2], np.array([4, 1])),
                               (np.square(y - t)[..., 0].sum() / 4 + np.square(y - t)[:, 0, 1].sum()) / 4, rtol=1e-12)
