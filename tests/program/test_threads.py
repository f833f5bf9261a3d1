"""BLAS threads are limited while networks run, and restored when the last one is done."""

from __future__ import annotations

import os
import signal
import threading
import time

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


@pytest.mark.skipif(not hasattr(os, "fork"), reason="only where processes fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_child_forked_during_a_prediction_can_predict(blas):
    entered, leave = threading.Event(), threading.Event()
    parent = os.getpid()

    def hold(x):
        if os.getpid() == parent:
            entered.set()
            leave.wait(30)
        return x
    net = assembleNetwork([featureInputLayer(2, Normalization=hold), fullyConnectedLayer(1, Weights=[[1, 1]], Bias=[0]),
                           regressionLayer])
    thread = threading.Thread(target=predict, args=(net, np.ones((1, 2))))
    thread.start()
    assert entered.wait(10)
    child = os.fork()
    if not child:
        right = blas.number == 7 and predict(net, np.ones((1, 2))).item() == 2 and blas.number == 7
        os._exit(0 if right else 1)
    ended, end = (0, 0), time.monotonic() + 20
    while not ended[0] and time.monotonic() < end:
        ended = os.waitpid(child, os.WNOHANG)
        time.sleep(0.01)
    leave.set()
    thread.join(10)
    if not ended[0]:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    assert ended == (child, 0)
    assert blas.number == 7


def test_the_libraries_of_wheels_are_found():
    """NumPy's wheels bring OpenBLAS on Linux; a NumPy built otherwise has nothing to limit."""
    config = np.show_config(mode="dicts")["Build Dependencies"]["blas"]["name"]
    assert all(library.get() >= 1 for library in threads.libraries())
    assert bool(threads.libraries()) == ("openblas" in config)
