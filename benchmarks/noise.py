"""How busy the machine is with other work. Where the system does not tell (it does on Linux), it counts as quiet."""

from __future__ import annotations

import time
from pathlib import Path

STATISTICS = Path("/proc/stat")
QUIET = 0.15  # share of all processors
GLANCE = 0.05  # seconds


def busy_share(seconds: float = GLANCE) -> float:
    """Share of the processors' time that was used while this process slept."""
    before = processor_times()
    time.sleep(seconds)
    used, total = (after - start for after, start in zip(processor_times(), before, strict=True))
    return used / total if total else 0.0


def processor_times() -> tuple[int, int]:
    """Time used and time in all since the start of the system, in ticks of its clock."""
    try:
        fields = [int(word) for word in STATISTICS.read_text().split("\n", 1)[0].split()[1:9]]
    except OSError:
        return 0, 0
    idle = fields[3] + fields[4]
    return sum(fields) - idle, sum(fields)


def wait_for_quiet(limit: float) -> bool:
    """Wait until the machine is quiet, at most ``limit`` seconds; whether it is."""
    end = time.monotonic() + limit
    while busy_share() > QUIET:
        if time.monotonic() > end:
            return False
    return True
