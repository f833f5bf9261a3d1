"""How many threads networks may use; BLAS threads are limited while they run, and restored when the last one is done."""

from __future__ import annotations

import os
import signal
import threading
import time

import numpy as np
import pytest

from dltoolbox import (
    DltoolboxError,
    DltoolboxWarning,
    assembleNetwork,
    featureInputLayer,
    fullyConnectedLayer,
    maxNumCompThreads,
    predict,
    regressionLayer,
)
from dltoolbox.runtime import threads
from dltoolbox.runtime.blas import libraries


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
    assert all(library.get() >= 1 for library in libraries())
    assert all(library.core and library.version.startswith("OpenBLAS ") for library in libraries())
    assert bool(libraries()) == ("openblas" in config)


@pytest.fixture
def numbers(monkeypatch):
    """Starts with a default of 4 threads, and restores what was."""
    for name in threads.VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(threads, "cores", lambda: 4)
    monkeypatch.setattr(threads, "_chosen", 0)
    threads.automatic.cache_clear()
    yield monkeypatch
    threads.automatic.cache_clear()


def test_the_number_of_threads_is_set_and_restored(numbers):
    assert maxNumCompThreads() == 4
    assert maxNumCompThreads(2) == 4
    assert threads.thread_count() == 2
    assert maxNumCompThreads(9) == 2  # more than cores, where a user wants it
    assert maxNumCompThreads("Automatic") == 9
    assert maxNumCompThreads() == 4


@pytest.mark.parametrize("n", [3.0, np.int32(3), np.array([[3.0]])])
def test_whole_numbers_of_any_type_are_taken(numbers, n):
    maxNumCompThreads(n)
    assert maxNumCompThreads() == 3
    assert type(maxNumCompThreads()) is int


@pytest.mark.parametrize("n", [0, -1, 1.5, True, "auto", "2", [2], np.ones(2), float("nan"), float("inf"), 1j])
def test_other_numbers_of_threads_are_errors(numbers, n):
    with pytest.raises(DltoolboxError) as caught:
        maxNumCompThreads(n)
    assert caught.value.identifier == "dltoolbox:maxNumCompThreads:invalidNumber"
    assert maxNumCompThreads() == 4


@pytest.mark.parametrize(("own", "openmp", "count"), [
    ("3", None, 3), (None, "2", 2), ("3", "2", 3), (" 5 ", "", 5), ("", "", 4), (None, "6,2", 6), ("12", "2", 12)])
def test_the_environment_sets_the_default(numbers, own, openmp, count):
    for name, value in zip(threads.VARIABLES, (own, openmp), strict=True):
        if value is not None:
            numbers.setenv(name, value)
    assert threads.thread_count() == count


@pytest.mark.parametrize("value", ["0", "-2", "two", "1.5", "2;3"])
def test_a_wrong_environment_is_ignored_with_a_warning(numbers, value):
    numbers.setenv("DLTOOLBOX_NUM_THREADS", value)
    with pytest.warns(DltoolboxWarning, match="maxNumCompThreads:invalidEnvironment"):
        assert threads.thread_count() == 4
    assert threads.thread_count() == 4  # and nothing more is said


def test_automatic_reads_the_environment_again(numbers):
    assert maxNumCompThreads() == 4
    numbers.setenv("DLTOOLBOX_NUM_THREADS", "2")
    maxNumCompThreads("automatic")
    assert maxNumCompThreads() == 2
