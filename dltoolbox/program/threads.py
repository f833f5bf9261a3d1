"""BLAS at one thread while a network runs, and as it was before afterwards.

A network is many products of moderate size. OpenBLAS splits each over its threads, which then wait for one another: on
a busy machine most of the time is lost in these meetings (up to 20 times slower on two cores), and on an idle one little
is gained. The libraries that come with NumPy's and SciPy's wheels are found by their file names; where there is none (a
system BLAS, Accelerate), nothing is changed.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from threading import Lock
from typing import NamedTuple

import numpy as np
import scipy

PREFIXES, SUFFIXES = ("scipy_openblas", "openblas"), ("64_", "")


class _Library(NamedTuple):
    """The two functions of one OpenBLAS."""

    get: Callable[[], int]
    set: Callable[[int], None]


@cache
def libraries() -> tuple[_Library, ...]:
    """The OpenBLAS libraries of this process's NumPy and SciPy."""
    files = [file for package in (np, scipy) for folder in folders(package.__name__, Path(str(package.__file__)).parent)
             for file in sorted(folder.glob("*openblas*"))]
    return tuple(found for found in map(opened, files) if found is not None)


def folders(name: str, package: Path) -> tuple[Path, Path]:
    """Where wheels keep their libraries: beside the package (Linux, Windows) or inside it (macOS)."""
    return package.parent / f"{name}.libs", package / ".dylibs"


def opened(file: Path) -> _Library | None:
    try:
        library = ctypes.CDLL(str(file))  # the copy that is loaded already
    except OSError:
        return None
    for prefix in PREFIXES:
        for suffix in SUFFIXES:
            get, put = (getattr(library, f"{prefix}_{verb}_num_threads{suffix}", None) for verb in ("get", "set"))
            if get is not None and put is not None:
                return _Library(get, put)
    return None


_lock = Lock()
_inside = 0  # how many runs are under way, in all threads
_before: tuple[int, ...] = ()


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Inside, products run on one thread; when the last of all runs has left, on as many as before the first."""
    global _inside, _before
    with _lock:
        if _inside == 0:
            _before = tuple(library.get() for library in libraries())
            for library in libraries():
                library.set(1)
        _inside += 1
    try:
        yield
    finally:
        with _lock:
            _inside = max(_inside - 1, 0)  # a child that was forked inside counts from 0
            if _inside == 0:
                _restore()


def _restore() -> None:
    for library, threads in zip(libraries(), _before, strict=True):
        library.set(threads)


def _start_afresh() -> None:
    """In a forked child no run is under way: the threads of the others do not exist there, and would never leave."""
    global _lock, _inside
    _lock = Lock()
    if _inside:
        _inside = 0
        _restore()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_start_afresh)
