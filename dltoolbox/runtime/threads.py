"""How many threads a network runs on, and BLAS at one thread while it runs.

A network is many products of moderate size. OpenBLAS splits each over its threads, which then wait for one another: on
a busy machine most of the time is lost in these meetings (up to 20 times slower on two cores), and on an idle one little
is gained. A batch is cut over threads instead, and BLAS is as it was before afterwards.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from threading import Lock

import numpy as np

from dltoolbox.core.errors import fail, warn
from dltoolbox.core.properties import show
from dltoolbox.runtime.blas import libraries
from dltoolbox.runtime.cpu import cores
from dltoolbox.runtime.interrupts import held

MOST_THREADS = 1024  # threads; each is started, also where there are far fewer cores
VARIABLES = ("DLTOOLBOX_NUM_THREADS", "OMP_NUM_THREADS")  # the first that is set counts

_chosen = 0  # by maxNumCompThreads; 0 is automatic


def thread_count() -> int:
    """The number of threads that a network may run on."""
    return _chosen or automatic()[0]


def maxNumCompThreads(n: object = None) -> int:
    """Query or set the largest number of threads that networks run on, as MATLAB's ``maxNumCompThreads``.

    Args:
        n: An integer from 1 to 1024 sets the number, until Python ends; ``'automatic'`` restores the default, which is the
            number of physical cores that this process may use, or what the environment variable DLTOOLBOX_NUM_THREADS,
            else OMP_NUM_THREADS, says; nothing only queries.

    Returns:
        The number before the call.

    Raises:
        DltoolboxError: ``dltoolbox:maxNumCompThreads:invalidNumber`` for anything else.

    Example:
        >>> before = maxNumCompThreads(1)
        >>> maxNumCompThreads()
        1
        >>> maxNumCompThreads('automatic')
        1

    Note:
        A step of training adds up gradients per thread, so results of different numbers of threads differ in the last
        digits; with the same number they repeat.
    """
    global _chosen
    before = thread_count()
    if n is None:
        return before
    if isinstance(n, str) and n.lower() == "automatic":
        automatic.cache_clear()
        _chosen = 0
        return before
    number = n.item() if isinstance(n, (np.ndarray, np.generic)) and n.size == 1 else n
    if isinstance(number, bool) or not isinstance(number, (int, float)) or number % 1 or not 1 <= number <= MOST_THREADS:
        fail("maxNumCompThreads:invalidNumber", f"The number of threads must be an integer from 1 to {MOST_THREADS} or "
             f"'automatic'; it is {show(n)}.", "Call for example maxNumCompThreads(2).")
    _chosen = int(number)
    return before


@cache
def automatic() -> tuple[int, str]:
    """The default number of threads, and the environment variable that it comes from."""
    for name in VARIABLES:
        value = os.environ.get(name, "")
        if re.fullmatch(r"0*[1-9]\d{0,5}(,\d+)*", value.replace(" ", "")):  # OpenMP permits one number per level of nesting
            return min(int(value.split(",")[0]), MOST_THREADS), name
        if value.strip():
            warn("maxNumCompThreads:invalidEnvironment", f"The environment variable {name} must be a positive integer, but "
                 f"it is {value!r}, and ignored.", f"Set it to the number of threads, or unset it: unset {name}")
    return cores(), ""


_count_lock = Lock()
_inside = 0  # how many runs are under way, in all threads
_before: tuple[int, ...] = ()


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Inside, products run on one thread; when the last of all runs has left, on as many as before the first. Ctrl+C is
    held: see `held`.
    """
    global _inside, _before
    with held():
        with _count_lock:
            if _inside == 0:
                _before = tuple(library.get() for library in libraries())
                for library in libraries():
                    library.set(1)
            _inside += 1
        try:
            yield
        finally:
            with _count_lock:
                _inside = max(_inside - 1, 0)  # a child that was forked inside counts from 0
                if _inside == 0:
                    _restore()


def _restore() -> None:
    for library, threads in zip(libraries(), _before, strict=True):
        library.set(threads)


def _start_afresh() -> None:
    """In a forked child no run is under way: the threads of the others do not exist there, and would never leave."""
    global _count_lock, _inside
    _count_lock = Lock()
    if _inside:
        _inside = 0
        _restore()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_start_afresh)
