"""How much work a call is, counted: the same on every machine, however busy it is."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import pytest

MOST = 1_000_000  # calls of functions: some tenths of a second


def operations(call: Callable[[], Any], most: int = 100 * MOST) -> int:
    """How many functions it calls, of Python and of C; the test fails where they are more than ``most``."""
    count = 0

    def step(frame: Any, event: str, argument: Any) -> None:
        nonlocal count
        if event.endswith("call"):
            count += 1
            if count > most:
                pytest.fail(f"more than {most} calls of functions")
    sys.setprofile(step)
    try:
        call()
    finally:
        sys.setprofile(None)
    return count


def soon(call: Callable[[], Any], most: int = MOST) -> Any:
    """What it returns, without calling many functions."""
    result = []
    operations(lambda: result.append(call()), most)
    return result[0]
