"""Suite-wide rules: the whole suite needs its oracles; only ``--core-only`` leaves out what needs an extra, and
``-m quick`` runs a cross-section of files that need none.

Kernels are the first choice of each case, in every run, unless ``--mode`` says otherwise; compiled loops are used at once;
nothing is written to the user's cache.
"""

from __future__ import annotations

import importlib.util
import os
import signal
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from zlib import crc32

import numpy as np
import pytest

import dltoolbox
from tests import modes
from tests.quick import QUICK

EXTRAS = ("hypothesis", "matplotlib", "mypy", "numba", "onnx", "selenium", "torch")
NEEDING = (*EXTRAS, "tests.generate", "tests.program.case",  # whose twins are PyTorch's
           "tests.oracles.onnx_nodes", "benchmarks import layer_reference")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--core-only", action="store_true",
                     help="run the part of the suite that needs only numpy, scipy and pytest")
    parser.addoption("--mode", choices=modes.MODES, default="first",
                     help="how kernels are chosen, and in what memory they work")
    parser.addoption("--threads", type=int, default=0, help="run every network on so many threads, however small it is")
    parser.addoption("--seed", default="0", help="what random kernels are drawn from")
    parser.addoption("--third", action="store_true",
                     help="run a third of the tests, by --mode and --threads: of the nine runs of three modes on 1 to 3 "
                          "threads, three have each test, in all modes and on all numbers of threads")
    parser.addoption("--cache", type=Path, help="a folder of measured choices; by default a new one that is thrown away")


def pytest_configure(config: pytest.Config) -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)  # which jobs in the background of a shell ignore
    os.environ.setdefault("DLTOOLBOX_NUMBA", "1")
    stack = ExitStack()
    config.add_cleanup(stack.close)
    cache = config.getoption("--cache") or stack.enter_context(tempfile.TemporaryDirectory())
    if config.getoption("--threads"):
        stack.enter_context(modes.on_threads(config.getoption("--threads")))
    stack.enter_context(modes.mode(config.getoption("--mode"), Path(cache).absolute(), config.getoption("--seed")))


def is_quick(path: Path) -> bool:
    return path.relative_to(Path(__file__).parent).as_posix() in QUICK


def only_quick(config: pytest.Config) -> bool:
    """Whether nothing else is asked for, so that other files need not even be read."""
    return bool(config.getoption("markexpr") == "quick")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """With --core-only, leave out the files that import an extra; an extra that is present is an error there."""
    if only_quick(config) and collection_path.suffix == ".py":
        return not is_quick(collection_path) or None
    if not config.getoption("--core-only") or collection_path.suffix != ".py":
        return None
    source = collection_path.read_text(encoding="utf-8")
    return any(f"import {name}" in source or f"from {name}" in source for name in NEEDING) or None


def pytest_itemcollected(item: pytest.Item) -> None:
    if is_quick(item.path):
        item.add_marker("quick")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--third"):
        run = modes.MODES.index(config.getoption("--mode")) + config.getoption("--threads")
        items[:] = [item for item in items if (crc32(item.nodeid.encode()) + run) % 3 == 0]


def pytest_sessionstart(session: pytest.Session) -> None:
    if only_quick(session.config):
        return
    present = [name for name in EXTRAS if importlib.util.find_spec(name)]
    if session.config.getoption("--core-only"):
        if present:
            raise pytest.UsageError(f"--core-only is for environments without extras, but these are installed: {present}")
    elif len(present) < len(EXTRAS):
        missing = sorted(set(EXTRAS) - set(present))
        raise pytest.UsageError(f"the oracles {missing} are missing; install them with: pip install -e \".[test]\"")


@pytest.fixture(autouse=True)
def _namespace(doctest_namespace: dict[str, object]) -> None:
    """Examples in docstrings may use every public name, and NumPy as np."""
    doctest_namespace.update({name: getattr(dltoolbox, name) for name in dltoolbox.__all__}, np=np)


@pytest.fixture(autouse=True)
def _one_thread_of_torch() -> None:
    """Threads that wait for each other are slow while other tests run beside them."""
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)


@pytest.fixture(autouse=True)
def _fresh_random_streams() -> None:
    dltoolbox.rng(0)
