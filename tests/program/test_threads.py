"""BLAS threads are limited while networks run, and restored when the last one is done."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from dltoolbox import assembleNetwork, featureInputLayer, fullyConnectedLayer, predict, regressionLayer
from dltoolbox.program import threads


class Blas:
    """A library that remembers its number of threads."""

    def __init__(self, number):
        self.number = number

    def get(self):
        return self.number

    def set(self, number):
        self.number = number


@pytest.fixture
def blas(monkeypatch):
    found = Blas(7)
    monkeypatch.setattr(threads, "libraries", lambda: (found,))
    return found


def test_nested_runs_restore_once(blas):
    with threads.one_blas_thread():
        with threads.one_blas_thread():
            assert blas.number == 1
        assert blas.number == 1
    assert blas.number == 7


def test_errors_restore(blas):
    with pytest.raises(ZeroDivisionError), threads.one_blas_thread():
        raise ZeroDivisionError
    assert blas.number == 7


def test_runs_in_several_threads_restore_when_the_last_leaves(blas):
    entered, leave = threading.Event(), threading.Event()

    def other():
        with threads.one_blas_thread():
            entered.set()
            leave.wait(10)
    thread = threading.Thread(target=other)
    with threads.one_blas_thread():
        thread.start()
        assert entered.wait(10)
    assert blas.number == 1
    leave.set()
    thread.join(10)
    assert blas.number == 7


def test_prediction_runs_on_one_thread(blas):
    seen = []
    layer = featureInputLayer(2, Normalization=lambda x: seen.append(blas.number) or x)
    net = assembleNetwork([layer, fullyConnectedLayer(1, Weights=[[1, 1]], Bias=[0]), regressionLayer])
    assert predict(net, np.ones((1, 2))).item() == 2
    assert seen == [1]
    assert blas.number == 7


def test_the_libraries_of_wheels_are_found():
    """NumPy's wheels bring OpenBLAS on Linux; a NumPy built otherwise has nothing to limit."""
    config = np.show_config(mode="dicts")["Build Dependencies"]["blas"]["name"]
    assert all(library.get() >= 1 for library in threads.libraries())
    assert bool(threads.libraries()) == ("openblas" in config)
