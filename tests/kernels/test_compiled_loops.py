"""Loops compiled by Numba itself."""

import threading

import numba
import numpy as np

from dltoolbox.kernels import numba_support


@numba_support.loop
def prepare_parallel(x, y, out):
    for i in range(len(x)):
        out[i] = x[i] / y[i]


def test_loops_follow_the_rules_of_numpy():
    assert numba.__version__
    assert numba_support.available()
    x, y, out = np.array([1, 0, -1, np.nan], np.float32), np.array([0, 0, 0, 1], np.float32), np.empty(4, np.float32)
    prepare_parallel(x, y, out)
    np.testing.assert_array_equal(out, [np.inf, np.nan, -np.inf, np.nan])


def test_threads_that_meet_an_uncompiled_loop_compile_it_once(monkeypatch):
    made = []
    monkeypatch.setattr(numba_support, "compiled", lambda function: made.append(numba.njit(function)) or made[-1])

    @numba_support.loop
    def double(x):
        return 2 * x
    results, ready = [], threading.Barrier(4)

    def work():
        ready.wait()
        results.append(double(3))
    threads = [threading.Thread(target=work) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert results == [6] * 4
    assert sum(len(one.signatures) for one in made) == 1


def test_compiled_loops_are_kept_on_disk(monkeypatch, tmp_path):
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))
    numba_support.compiled(numba_support._nothing)()
    assert list(numba_support.compiled_folder().glob("*.nbc"))
    assert tmp_path in numba_support.compiled_folder().parents
