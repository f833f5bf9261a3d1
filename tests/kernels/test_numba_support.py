"""Without Numba, or with a broken one, everything works; nothing here needs it."""

import sys
from types import SimpleNamespace

import pytest

from dltoolbox.kernels import numba_support


@pytest.fixture(autouse=True)
def _asked_anew():
    numba_support.failure.cache_clear()
    yield
    numba_support.failure.cache_clear()


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
    assert numba_support.failure() == "not installed"
    assert not numba_support.available()
    assert numba_support.compiled_folder() is None


@pytest.mark.parametrize(("source", "why"), [
    ("raise ImportError('Numba needs NumPy 1.26 or less')", "ImportError: Numba needs NumPy 1.26 or less"),
    ("import a_package_that_is_not_there", "ModuleNotFoundError: No module named 'a_package_that_is_not_there'"),
    ("raise OSError('no LLVM')", "OSError: no LLVM"),
])
def test_a_broken_numba_says_why(broken, source, why):
    broken(source)
    assert numba_support.failure() == why
    assert not numba_support.available()


def test_ctrl_c_waits_until_numba_is_imported(broken):
    broken("import signal; signal.raise_signal(signal.SIGINT); whole = True")
    with pytest.raises(KeyboardInterrupt):
        numba_support.failure()
    assert sys.modules["numba"].whole
    assert numba_support.available()


def test_an_import_that_ends_halfway_leaves_nothing_behind(monkeypatch, tmp_path):
    """The next one would find the half that is there."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "numba"]:
        monkeypatch.delitem(sys.modules, name)
    package = tmp_path / "numba"
    package.mkdir()
    (package / "__init__.py").write_text("from numba import half\nimport whether\nwhether.it_ends()\n", encoding="utf-8")
    (package / "half.py").write_text("", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delenv("DLTOOLBOX_NUMBA", raising=False)

    def interrupted():
        raise KeyboardInterrupt
    monkeypatch.setitem(sys.modules, "whether", SimpleNamespace(it_ends=interrupted))
    with pytest.raises(KeyboardInterrupt):
        numba_support.failure()
    assert not {"numba", "numba.half"} & set(sys.modules)
    monkeypatch.setitem(sys.modules, "whether", SimpleNamespace(it_ends=bool))
    assert numba_support.available()
    for name in ("numba", "numba.half"):
        del sys.modules[name]


def test_switched_off(monkeypatch):
    monkeypatch.setenv("DLTOOLBOX_NUMBA", "0")
    assert numba_support.failure() == "switched off by DLTOOLBOX_NUMBA=0"


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
    run = numba_support.loop(lambda x: x + 1)
    assert (run(1), run(2)) == (2, 3)
    assert asked == [True, False]
