"""How much other processes disturb. Where the system does not tell (it does on Linux), nobody does."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

STATISTICS = Path("/proc/stat")
QUIET = 0.1  # share of all processors that others may use
PAUSE = 0.02  # seconds in which the threads of the process before come to rest


class Block(NamedTuple):
    """What a block of work took, and the share of all processors that others used meanwhile."""

    seconds: float
    others: float


def undisturbed(work: Callable[[], tuple[float, float]], patience: float) -> Block:
    """Repeat the work until it was not disturbed, or patience (in seconds) ends; then the least disturbed counts.

    Args:
        work: Returns the seconds that it took and those that its process spent on processors.
        patience: 0 takes the first.
    """
    end = time.monotonic() + patience
    found: list[Block] = []
    while True:
        time.sleep(PAUSE)
        found.append(observed(work))
        if found[-1].others <= QUIET or time.monotonic() >= end:
            return min(found, key=lambda block: block.others)


def observed(work: Callable[[], tuple[float, float]]) -> Block:
    used, total = processor_seconds()
    seconds, own = work()
    used_after, total_after = processor_seconds()
    return Block(seconds, max(0.0, used_after - used - own) / ((total_after - total) or 1.0))


def processor_seconds() -> tuple[float, float]:
    """Time that all processors spent working, and in all, since the start of the system."""
    try:
        fields = [int(word) for word in STATISTICS.read_text().split("\n", 1)[0].split()[1:9]]
    except OSError:
        return 0.0, 0.0
    ticks = os.sysconf("SC_CLK_TCK")
    return (sum(fields) - fields[3] - fields[4]) / ticks, sum(fields) / ticks
