"""Without Numba, or with a broken one, everything works; nothing here needs it."""

import sys
from types import SimpleNamespace

import pytest

from dltoolbox.kernels import twins


@pytest.fixture(autouse=True)
def _asked_anew():
    twins.failure.cache_clear()
    yield
    twins.failure.cache_clear()


@pytest.fixture
def broken(monkeypatch, tmp_path):
    """A Numba whose import ends as told."""
    def install(source):
        (tmp_path / "numba.py").write_text(source, encoding="utf-8")
        monkeypatch.delenv("DLTOOLBOX_NUMBA", raising=False)
        monkeypatch.delitem(sys.modules, "numba", raising=False)
        monkeypatch.syspath_prepend(tmp_path)
    return install


def test_without_numba(monkeypatch):
    monkeypatch.delenv("DLTOOLBOX_NUMBA", raising=False)
    monkeypatch.setitem(sys.modules, "numba", None)
    assert twins.failure() == "not installed"
    assert not twins.available()
    assert twins.folder() is None


@pytest.mark.parametrize(("source", "why"), [
    ("raise ImportError('Numba needs NumPy 1.26 or less')", "ImportError: Numba needs NumPy 1.26 or less"),
    ("import a_package_that_is_not_there", "ModuleNotFoundError: No module named 'a_package_that_is_not_there'"),
    ("raise OSError('no LLVM')", "OSError: no LLVM"),
])
def test_a_broken_numba_says_why(broken, source, why):
    broken(source)
    assert twins.failure() == why
    assert not twins.available()


def test_switched_off(monkeypatch):
    monkeypatch.setenv("DLTOOLBOX_NUMBA", "0")
    assert twins.failure() == "switched off by DLTOOLBOX_NUMBA=0"


def test_a_loop_is_compiled_without_a_cache_where_none_can_be_written(monkeypatch):
    asked = []

    def njit(cache=False, **options):
        def decorate(function):
            asked.append(cache)
            if cache:
                raise RuntimeError("cannot cache function: no locator available")
            return function
        return decorate
    monkeypatch.setitem(sys.modules, "numba", SimpleNamespace(njit=njit))
    run = twins.loop(lambda x: x + 1)
    assert (run(1), run(2)) == (2, 3)
    assert asked == [True, False]
