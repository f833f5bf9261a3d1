"""Numba, where it is installed: second bodies of kernels as compiled loops.

A twin is a subclass of the NumPy kernel with ``accelerator = "numba"``. It has the same name, passes the same tests and is
used where it measures faster. Without Numba, with a Numba that fails to import, or with ``DLTOOLBOX_NUMBA=0`` in the
environment, there are no twins and everything else stays as it is.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache, wraps
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])

ROUNDING = {"reassoc", "contract", "nsz", "arcp"}  # sums may be reordered to vectorise; NaN and infinity keep their meaning


@cache
def available() -> bool:
    """Whether compiled loops can be used."""
    if os.environ.get("DLTOOLBOX_NUMBA", "1") == "0":
        return False
    try:
        import numba  # noqa: F401
    except Exception:  # a broken installation fails in many ways, and must cost speed only
        return False
    return True


def loop(function: F) -> F:
    """Decorator: compile a function of arrays and numbers on first use. It runs without the interpreter lock."""
    compiled: list[Any] = []

    @wraps(function)
    def run(*arguments: Any) -> Any:
        if not compiled:
            import numba
            compiled.append(numba.njit(nogil=True, cache=True, error_model="numpy", fastmath=ROUNDING)(function))
        return compiled[0](*arguments)
    return run  # type: ignore[return-value]
