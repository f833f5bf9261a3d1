"""Assignments that nobody will ever see: to a part of a copy, as in ``net.Layers[2].Bias = 0``.

Python makes the copy, assigns and throws it away. What is being assigned to is then held by nothing but the statement
itself, which shows in its number of references. How many those are is found out when this module is imported; where they
tell nothing (other Pythons than CPython, and versions that count local variables differently), nothing is refused.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, ClassVar

from dltoolbox.core.errors import fail

references: Callable[[object], int] = getattr(sys, "getrefcount", lambda value: 1)


class _Probe:
    found: ClassVar[int] = 0

    def __setattr__(self, name: str, value: Any) -> None:
        _Probe.found = references(self)


def _held_by_a_statement() -> int:
    """References to an object, in its own ``__setattr__``, that nothing but the statement holds; 0 if that tells nothing."""
    _Probe().any = 0
    alone = _Probe.found
    named = _Probe()
    named.any = 0
    return alone if alone < _Probe.found else 0


ALONE = _held_by_a_statement()


def refuse_lost(held: int, label: str, name: str, cure: str) -> None:
    """Raise where an assignment is lost; ``held`` is ``references(self)``, counted in that ``__setattr__`` or such."""
    if held <= ALONE:
        fail(f"{label}:lostAssignment", f"{name} would be assigned in a copy that nothing keeps.", cure)
