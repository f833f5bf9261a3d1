"""Suite-wide rules: the whole suite needs its oracles; only ``--core-only`` leaves out what needs an extra.

Nothing is measured and nothing is written to the user's cache: kernels are the first choice of each case, in every run.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path

import numpy as np
import pytest

import dltoolbox

EXTRAS = ("hypothesis", "matplotlib", "mypy", "numba", "onnx", "selenium", "torch")

os.environ["DLTOOLBOX_TUNE"] = "0"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--core-only", action="store_true",
                     help="run the part of the suite that needs only numpy, scipy and pytest")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """With --core-only, leave out the files that import an extra; an extra that is present is an error there."""
    if not config.getoption("--core-only") or collection_path.suffix != ".py":
        return None
    source = collection_path.read_text(encoding="utf-8")
    return any(f"import {name}" in source or f"from {name}" in source for name in EXTRAS) or None


def pytest_sessionstart(session: pytest.Session) -> None:
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
