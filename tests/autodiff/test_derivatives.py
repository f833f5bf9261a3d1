"""Every function of NumPy that has a gradient: first, second and third derivatives against finite differences.

The derivative of the n-th one along a direction is compared with a difference of the one before, so an error shows in
the order in which it is made.
"""

import warnings

import numpy as np
import pytest

import dltoolbox as dl
from tests.autodiff.cases import CASES

STEP = 1e-5


def along(function, order):
    """The order-th derivative of a sum with fixed weights, along fixed directions, as a function of the inputs."""
    def value(*inputs):
        out = function(*inputs)
        return np.sum(out * weights_of(np.shape(out)))

    def derivative(*inputs):
        y = value(*inputs)
        for n in range(order):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # what is linear in x has derivatives of 0 from the second on
                found = dl.dlgradient(y, *inputs, EnableHigherDerivatives=True)
            found = found if isinstance(found, tuple) else (found,)
            y = sum(np.sum(g * weights_of(g.shape, n + 1)) for g in found)
        return y
    return derivative


def weights_of(shape, seed=0):
    return np.cos(1 + np.arange(np.prod(shape, dtype=int)) * (1.3 + seed)).reshape(shape)


def value_of(function, order, inputs):
    return float(dl.dlfeval(along(function, order), *map(dl.dlarray, inputs)))


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_derivatives(case):
    expected = case.function(*(x.copy() for x in case.inputs))
    got = dl.dlfeval(case.function, *map(dl.dlarray, case.inputs))
    assert isinstance(got, dl.dlarray)
    np.testing.assert_allclose(dl.extractdata(got), expected, rtol=1e-13, atol=1e-13)
    for order in range(1, case.order + 1):
        got = value_of(case.function, order, case.inputs)
        plus, minus = (value_of(case.function, order - 1, [
            x + way * STEP * weights_of(x.shape, order) for x in case.inputs]) for way in (1, -1))
        assert got == pytest.approx((plus - minus) / (2 * STEP), rel=2e-6, abs=2e-6), order
