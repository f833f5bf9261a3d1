"""Numba, where it is installed: second bodies of kernels as compiled loops.

A twin is a subclass of `Twin` and of the NumPy kernel. It has the same name, passes the same tests and is used where it
measures faster, once compiling pays (`dltoolbox.runtime.compiling`). Without Numba, with a Numba that fails to import, or
with ``DLTOOLBOX_NUMBA=0`` in the environment, there are no twins and everything else stays as it is.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from functools import cache, wraps
from pathlib import Path
from types import FunctionType
from typing import Any, TypeVar

from dltoolbox.kernels.base import Kernel, KernelSpec
from dltoolbox.runtime.compiling import compiling_pays
from dltoolbox.runtime.interrupts import check, held

F = TypeVar("F", bound=Callable[..., object])

FAST_MATH = {"reassoc", "contract", "nsz", "arcp"}  # sums may be reordered to vectorise; NaN and infinity keep their meaning


def available() -> bool:
    """Whether compiled loops can be used."""
    return not failure()


@cache
def failure() -> str:
    """Why compiled loops cannot be used; empty where they can."""
    if os.environ.get("DLTOOLBOX_NUMBA", "1") == "0":
        return "switched off by DLTOOLBOX_NUMBA=0"
    with held():
        return import_failure()


class Twin(Kernel):
    """Stands before a NumPy kernel in the list of base classes. Accepts nothing without Numba, nor before compiling pays."""

    accelerator = "numba"

    def accepts(self, case: KernelSpec) -> bool:
        return compiling_pays() and available() and super().accepts(case)


def import_failure() -> str:
    """Why Numba cannot be imported; empty where it can. An import that ends half-way must leave nothing behind: the next
    would find the half that is there, and fail.
    """
    before = set(sys.modules)
    try:
        import numba  # noqa: F401
    except ModuleNotFoundError as error:
        return "not installed" if error.name == "numba" else f"{type(error).__name__}: {error}"
    except Exception as error:  # a broken installation fails in many ways, and must cost speed only
        return f"{type(error).__name__}: {error}"
    except BaseException:  # by a handler of the user's own
        for name in set(sys.modules) - before:
            if name.partition(".")[0] in ("numba", "llvmlite"):
                del sys.modules[name]
        raise
    return ""


def loop(function: F) -> F:
    """Decorator: compile a function of arrays and numbers on first use. It runs without the interpreter lock.

    Other loops of its file that it calls are compiled with it.
    """
    made: dict[str, Callable[..., object]] = {}

    @wraps(function)
    def run(*arguments: object) -> Any:
        check()  # compiling takes seconds
        if not made:
            made.setdefault("body", compiled(function))  # of two threads here at once, both use the first's
        return made["body"](*arguments)
    SOURCES[run] = function
    return run  # type: ignore[return-value]


SOURCES: dict[Callable[..., object], Callable[..., object]] = {}  # of loops


def compiled(function: Callable[..., object]) -> Any:
    """Compiles the function for every new combination of types; kept on disk if Numba finds a place."""
    import numba
    announce_compiling()
    options: dict[str, Any] = {"nogil": True, "error_model": "numpy", "fastmath": FAST_MATH}
    function = with_parts(function, numba.njit(**options))
    try:
        return numba.njit(cache=True, **options)(function)
    except RuntimeError:  # neither the package's own folder nor the user's can be written
        return numba.njit(**options)(function)


def with_parts(function: Callable[..., object], compile_part: Callable[..., object]) -> Callable[..., object]:
    """The function, with the loops that it calls as Numba wants them. What is kept on disk is as old as the file of the
    function, so they must be in the same.
    """
    assert isinstance(function, FunctionType)
    known = function.__globals__
    parts = {name: compile_part(with_parts(SOURCES[known[name]], compile_part)) for name in function.__code__.co_names
             if isinstance(known.get(name), FunctionType) and known[name] in SOURCES}
    if not parts:
        return function
    return FunctionType(function.__code__, known | parts, function.__name__, function.__defaults__, function.__closure__)


@cache
def announce_compiling() -> None:
    """Say so, once, when Numba begins to compile what it does not find on disk: that takes seconds."""
    from numba.core import event

    class Announcement(event.Listener):
        def on_start(self, event: object) -> None:
            if not self.made:
                self.made = True
                print("Compiling kernels (once per machine) …", file=sys.stderr, flush=True)

        def on_end(self, event: object) -> None:
            pass

        made = False
    event.register("numba:compile", Announcement())  # type: ignore[no-untyped-call]


def compiled_folder() -> Path | None:
    """The folder of Numba's compiled loops; None if every process compiles them again."""
    place = compiled(_nothing).stats.cache_path if available() else None
    return Path(place) if place else None


def _nothing() -> None:
    pass
