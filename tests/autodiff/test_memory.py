"""What the tape holds, and for how long."""

import gc
import sys
import weakref

import numpy as np
import pytest

import dltoolbox as dl
from dltoolbox.autodiff.tape import leaf


def test_a_loop_of_dlfeval_does_not_grow():
    def loss(w, x):
        y = np.mean(np.tanh(w @ x) ** 2)
        return y, dl.dlgradient(y, w)

    w, x = dl.dlarray(np.ones((3, 3))), dl.dlarray(np.ones((3, 2)), "CB")

    def run(count):
        nonlocal w
        for _ in range(count):
            _, g = dl.dlfeval(loss, w, x)
            w = w - 0.01 * g

    gc.disable()  # nothing waits for the collector
    try:
        run(2500)  # Python keeps as many small tuples at hand
        before = len(gc.get_objects()), sys.getallocatedblocks()
        run(2500)
        after = len(gc.get_objects()), sys.getallocatedblocks()
    finally:
        gc.enable()
    assert after[0] - before[0] < 50
    assert after[1] - before[1] < 250


class Watched(np.ndarray):
    """An array whose end can be seen."""


def watched(*shape):
    array = np.ones(shape).view(Watched)
    return array, weakref.ref(array)


@pytest.mark.parametrize(
    ("function", "kept"),
    [
        (lambda x: x + x, False),
        (lambda x: x - 1, False),
        (lambda x: -x, False),
        (lambda x: x * 3, False),
        (lambda x: np.sum(x, 0), False),
        (lambda x: np.mean(x), False),
        (lambda x: np.exp(x), False),
        (lambda x: np.tanh(x), False),
        (lambda x: np.sqrt(x), False),
        (lambda x: x @ np.ones((4, 2)), False),
        (lambda x: np.where(x > 0, x, 0), False),
        (lambda x: np.cumsum(x), False),
        (lambda x: np.concatenate([x, x]), False),
        (lambda x: x[np.array([0, 1])], False),
        (lambda x: np.clip(x, 0, 1), False),
        (lambda x: x * x, True),
        (lambda x: np.sin(x), True),
        (lambda x: np.log(x), True),
        (lambda x: x**3, True),
    ],
)
def test_the_tape_keeps_what_gradients_read_and_no_more(function, kept):
    start = leaf(np.ones((3, 4)))
    middle = start + 1.0
    values, seen = watched(3, 4)
    middle.value = values
    result = function(middle)
    del middle, values
    assert (seen() is not None) == kept
    assert result.origin is not None


def test_gradients_discard_the_trace_as_they_go():
    def f(x):
        middle = x + 1
        values, seen = watched(3, 4)
        middle.payload.value = values
        y = np.sum(middle * middle)
        del middle, values
        assert seen() is not None
        g = dl.dlgradient(y, x)
        assert seen() is None
        return y, g

    dl.dlfeval(f, dl.dlarray(np.ones((3, 4))))
