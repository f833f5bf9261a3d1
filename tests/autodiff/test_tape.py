"""The tape by itself: gradients of any order, what it keeps, what it refuses."""

import gc
import weakref

import numpy as np
import pytest

import dltoolbox as dl
from dltoolbox.autodiff.tape import Traced, gradients_of, leaf


def test_rosenbrock_as_published():
    def rosenbrock(x):
        y = 100 * (x[1] - x[0] ** 2) ** 2 + (1 - x[0]) ** 2
        return y, dl.dlgradient(y, x)
    y, grad = dl.dlfeval(rosenbrock, dl.dlarray([-1, 2]))
    assert float(y) == 104
    assert grad.tolist() == [396, 200]


def test_derivatives_of_any_order():
    def derivatives(x):
        y, found = np.sum(np.sin(x)), []
        for _ in range(4):
            y = dl.dlgradient(np.sum(y), x, EnableHigherDerivatives=True)
            found.append(y)
        return found
    x = np.linspace(-1, 2, 7)
    known = [np.cos(x), -np.sin(x), -np.cos(x), np.sin(x)]
    for got, expected in zip(dl.dlfeval(derivatives, dl.dlarray(x)), known, strict=True):
        np.testing.assert_allclose(dl.extractdata(got), expected, atol=1e-15)


def test_the_trace_is_gone_with_the_last_array():
    x = leaf(np.ones(4))
    y = np.exp(x) * x
    entry = weakref.ref(y.origin.entry)
    gc.disable()
    try:
        del y
        assert entry() is None
    finally:
        gc.enable()


def test_a_trace_is_discarded_unless_it_is_retained():
    def twice(x, retain):
        y = np.sum(x * x)
        return dl.dlgradient(y, x, RetainData=retain), dl.dlgradient(y, x)
    first, second = dl.dlfeval(twice, dl.dlarray([1.0, 2.0]), True)
    assert first.tolist() == second.tolist() == [2, 4]
    with pytest.raises(dl.DltoolboxError, match="RetainData=True") as caught:
        dl.dlfeval(twice, dl.dlarray([1.0, 2.0]), False)
    assert caught.value.identifier == "dltoolbox:dlgradient:traceDiscarded"


def test_gradients_of_what_does_not_matter_are_none():
    x, y = leaf(np.ones(2)), leaf(np.ones(2))
    assert gradients_of(np.sum(x), [y]) == [None]
    assert gradients_of(Traced(np.ones(())), [y]) == [None]
