"""In what mode, and on how many threads, a generated network runs: its number decides."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

from dltoolbox.runtime import autotune
from tests import modes


@contextmanager
def turn(seed: int, number: int, mode: str, threads: int, cache: Path) -> Iterator[tuple[str, int]]:
    """The mode and the number of threads, ``all`` and 0 being those whose turn it is."""
    mode = modes.MODES[number % len(modes.MODES)] if mode == "all" else mode
    threads = threads or 1 + number // len(modes.MODES) % 3
    torch.set_num_threads(1)
    with modes.mode(mode, cache, f"{seed} {number}"), pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        patch.setattr(autotune, "SPAN", 0.0)  # trying is what matters here, not choosing well
        patch.setattr(autotune, "FEWEST_RUNS", 1)
        yield mode, threads
