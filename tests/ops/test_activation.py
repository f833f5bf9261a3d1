"""Activations far from zero: no overflow, no NaN, and digits that mean something."""

import numpy as np
import pytest

from dltoolbox.ops import OPS, Call
from dltoolbox.ops.activation import Elementwise

ATTRIBUTES = {"clipped_relu": {"ceiling": 6.0}, "elu": {"alpha": 1.0}, "gelu": {"approximation": "none"}}
USES = [(name, ATTRIBUTES.get(name, {})) for name, one in OPS.items() if isinstance(one, Elementwise)]
USES.append(("gelu", {"approximation": "tanh"}))
FAR = np.array([-1e30, -1e4, -100, -20, 20, 100, 1e4, 1e30], np.float32).reshape(-1, 1)
LIMITS = {"sigmoid": (0, 1), "tanh": (-1, 1), "clipped_relu": (0, 6)}  # the others are linear on the right


@pytest.mark.parametrize(("name", "attrs"), USES, ids=str)
def test_far_from_zero(name, attrs):
    y = OPS[name].forward(FAR, **attrs)
    (slope,) = OPS[name].backward(Call((FAR,), (y,), (True,)), np.ones_like(FAR), **attrs)
    assert y.dtype == slope.dtype == np.float32
    left, right = LIMITS.get(name, (-1 if name == "elu" else 0, FAR[-4:]))
    np.testing.assert_allclose(y[:4], np.full((4, 1), left), atol=1e-6)
    np.testing.assert_allclose(y[-4:], np.broadcast_to(right, (4, 1)), rtol=1e-6)
    np.testing.assert_allclose(slope[:4], 0, atol=1e-6)
    np.testing.assert_allclose(slope[-4:], 0 if name in LIMITS else 1, atol=1e-6)


@pytest.mark.parametrize(("name", "expected"), [("sigmoid", np.exp(-20)), ("softplus", np.exp(-20)),
                                                ("swish", -20 * np.exp(-20))])
def test_small_values_keep_their_digits(name, expected):
    y = OPS[name].forward(np.full((1, 1), -20, np.float32))
    np.testing.assert_allclose(y, expected, rtol=1e-6)
