"""Focal and Dice losses where numbers come close to their limits, and where classes or labels are missing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dltoolbox.ops import OPS, Call, as_tuple
from dltoolbox.ops.loss import dice_weights

FOCAL, JOINED, DICE = OPS["focal_cross_entropy"], OPS["softmax_focal_cross_entropy"], OPS["generalised_dice"]


def both(op: Any, x: np.ndarray, t: np.ndarray, **attrs: Any) -> tuple[np.ndarray, np.ndarray]:
    """The loss and its gradient."""
    outputs = as_tuple(op.forward(x, t, **attrs))
    grads = [np.ones((), x.dtype), *[None] * (len(outputs) - 1)]
    return outputs[0], op.backward(Call((x, t), outputs, (True, False)), *grads, **attrs)[0]


@pytest.mark.parametrize("gamma", [0.5, 1, 2, 5])
@pytest.mark.parametrize("margin", [0, 5, 12, 40, 200, 1e4])
@pytest.mark.parametrize("right", [True, False])
def test_the_focal_loss_of_a_sure_answer(gamma: float, margin: float, right: bool) -> None:
    """Two classes whose scores differ by a margin: p = 1/(1 + exp ±margin), in closed form."""
    scores, t = np.array([[margin], [0]], np.float32), np.array([[right], [not right]], np.float32)
    loss, gradient = both(JOINED, scores, t, alpha=0.25, gamma=gamma)
    logs = -np.logaddexp(0, np.float64(-margin if right else margin))
    p, q = np.exp(logs), np.exp(-np.logaddexp(0, np.float64(margin if right else -margin)))
    np.testing.assert_allclose(loss, -0.25 * q ** gamma * logs, rtol=1e-5, atol=1e-37)
    slope = 0.25 * q ** gamma * (gamma * p * (logs / q if q > 1e-300 else -1) - 1) * q
    np.testing.assert_allclose(gradient.ravel(), slope * np.array([1, -1]) * (1 if right else -1), rtol=1e-5, atol=1e-37)


@pytest.mark.parametrize("gamma", [0.5, 2])
def test_the_focal_loss_of_zero_and_one(gamma: float) -> None:
    """Probabilities that were rounded to the ends: loss and gradient are finite, and nothing is left to learn at 1."""
    y, t = np.array([[0, 1, 1], [1, 0, 0]], np.float32), np.array([[1, 1, 0], [0, 0, 0]], np.float32)
    loss, gradient = both(FOCAL, y, t, alpha=1, gamma=gamma)
    assert np.isfinite(loss)
    assert np.isfinite(gradient).all()
    assert gradient[0, 0] < 0
    assert not gradient[:, 1:].any()


def test_without_an_exponent_it_is_cross_entropy() -> None:
    rng = np.random.default_rng(0)
    x, t = rng.standard_normal((3, 4, 2, 5)), (rng.integers(0, 2, (3, 4, 1, 5)) == [[0], [1]]).astype(float)
    t[0] = 0
    for op, plain in ((JOINED, OPS["softmax_cross_entropy"]), (FOCAL, OPS["cross_entropy"])):
        data = x if op is JOINED else OPS["softmax"].forward(x)
        found, expected = both(op, data, t, alpha=1, gamma=0), both(plain, data, t)
        for one, other in zip(found, expected, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-14)


def hot(labels: Any, classes: int) -> np.ndarray:
    """One-hot S…×K×1; −1 is undefined."""
    return (np.asarray(labels)[..., None, None] == np.arange(classes)[:, None]).astype(float)


def test_dice_by_hand() -> None:
    t = hot([[0, 0, 1]], 2)
    y = np.array([[[0.5, 0.5], [1, 0], [0.2, 0.8]]])[..., None]
    above = 2 * (1 / 4 * (0.5 + 1) + 1 * 0.8) + 1e-8
    below = 1 / 4 * (0.25 + 1 + 0.04 + 2) + 1 * (0.25 + 0.64 + 1) + 1e-8
    np.testing.assert_allclose(both(DICE, y, t)[0], 1 - above / below, rtol=1e-12)
    np.testing.assert_allclose(both(DICE, t, t)[0], 0, atol=1e-12)
    np.testing.assert_allclose(both(DICE, t[..., ::-1, :], t)[0], 1, atol=1e-7)


def test_dice_with_a_class_that_the_image_does_not_have() -> None:
    """Its weight is the largest of the others, so predictions of it cost something, but not everything."""
    np.testing.assert_array_equal(dice_weights(np.array([[4.0, 0], [2, 0], [0, 0]])), [[1 / 16, 0], [1 / 4, 0], [1 / 4, 0]])
    t = hot([[0, 0, 1, 1]], 3)
    right = np.concatenate([0.9 * t[..., :2, :], 0 * t[..., 2:, :]], -2)
    wrong = np.concatenate([0.9 * t[..., :2, :], 0 * t[..., 2:, :] + 0.1], -2)
    loss, gradient = both(DICE, wrong, t)
    assert both(DICE, right, t)[0] < loss < 0.1
    assert (gradient[..., 2, :] > 0).all()


def test_dice_of_undefined_pixels_and_images() -> None:
    rng = np.random.default_rng(0)
    y, t = rng.uniform(size=(4, 5, 2, 3)), hot(rng.integers(0, 2, (4, 5, 3)), 2)[..., 0].swapaxes(-1, -2)
    t[:2, ..., 0] = 0
    t[..., 1] = 0
    loss, gradient = both(DICE, y, t)
    known = [both(DICE, y[2:, ..., :1], t[2:, ..., :1])[0], both(DICE, y[..., 2:], t[..., 2:])[0]]
    np.testing.assert_allclose(loss, np.mean(known), rtol=1e-12)
    assert not gradient[:2, ..., 0].any()
    assert not gradient[..., 1].any()
    assert gradient[2:, ..., 0].all()
    loss, gradient = both(DICE, y, 0 * t)
    assert loss == 0
    assert not gradient.any()


@pytest.mark.parametrize("op", [FOCAL, JOINED, DICE])
def test_of_no_observations(op: Any) -> None:
    attrs = {} if op is DICE else {"alpha": 0.25, "gamma": 2}
    loss, gradient = both(op, np.ones((2, 2, 3, 0)), np.ones((2, 2, 3, 0)), **attrs)
    assert loss == 0
    assert gradient.shape == (2, 2, 3, 0)
