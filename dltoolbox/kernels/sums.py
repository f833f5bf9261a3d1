"""How many numbers are added up in their own precision before double takes over."""

from __future__ import annotations

STRETCH = 1 << 10


def stretch(length: int) -> int:
    """The largest divisor of ``length`` up to `STRETCH`; all of it where there is none that is worth its calls."""
    return next((n for n in range(min(length, STRETCH), STRETCH // 16, -1) if length % n == 0), max(length, 1))
