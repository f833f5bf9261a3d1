"""Peak memory: ``python -m benchmarks --memory``.

Each variant runs in a fresh process, first at its small size, so that everything is imported, then in full. What counts is
the largest resident memory while it works, above what was resident once the data were made; the network with its weights
counts, what making it took does not.
"""

from __future__ import annotations

import ctypes
import gc
import json
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from benchmarks import rows
from benchmarks.measure import Refused, Settings, Worker, variants
from benchmarks.report import NONE, as_markdown
from benchmarks.worker import begin, say

KEYS = ("A-train", "B-train", "C-train", "G-vgg-1", "G-vgg-8")
HEAD = ("row", "BLAS", "threads", "PyTorch, MB", "NumPy+SciPy, MB", "ratio", "with Numba, MB", "ratio",
        "memory format of PyTorch")
STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")
RESET_PEAK = "5"  # to be written to CLEAR; see proc(5)


class Countdown:
    """A tick that ends the loop after so many."""

    def __init__(self, ticks: int) -> None:
        self.left = ticks

    def __call__(self, _: Any) -> bool:
        self.left -= 1
        return self.left <= 0


def resident(field: str) -> float:
    """MB now (VmRSS) or at most since the last reset (VmHWM)."""
    if STATUS.exists():
        line = next(line for line in STATUS.read_text().splitlines() if line.startswith(f"{field}:"))
        return int(line.split()[1]) / 1024
    import resource
    scale = 1 << 20 if sys.platform == "darwin" else 1 << 10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / scale


def give_back() -> None:
    """Free memory that the allocator keeps would hide as much of what comes next; only glibc can be told."""
    gc.collect()
    with suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)


def peak(row: rows.Row, variant: str) -> float:
    """MB above those of the data, while the row works through two epochs or passes."""
    rows.run(row.sized(small=True), variant, Countdown(2), shuffle=True)
    make = rows.prepared(row, variant)
    give_back()
    before = resident("VmRSS")
    start = make()
    give_back()
    with suppress(OSError):  # elsewhere the peak cannot be reset, and counts from the start of the process
        CLEAR.write_text(RESET_PEAK)
    start(Countdown(2 * row.ticks), True)
    return resident("VmHWM") - before


def compare(row: rows.Row, blas: str, settings: Settings) -> tuple[str, ...]:
    """The cells of one line; PyTorch's memory format is the one that needs less."""
    found: dict[str, float] = {}
    for variant in variants():
        with Worker("benchmarks.memory", variant, {"row": row.key, "small": settings.small}, blas, settings.threads) as one:
            found[variant] = one.answer()["megabytes"]
    best = min(rows.TORCH, key=found.__getitem__)
    ours = [(f"{found[name]:.0f}", f"{found[name] / max(found[best], 0.1):.2f}") if name in found else (NONE, NONE)
            for name in rows.OURS]
    return (row.sized(settings.small).text, blas, str(settings.threads), f"{found[best]:.0f}", *ours[0], *ours[1], best)


def lines(keys: list[str], blas: str, settings: Settings) -> list[str]:
    """Markdown lines of the table, printed as they come."""
    found: list[str] = []
    for key in keys:
        try:
            found.append(as_markdown(compare(rows.ROWS[key], blas, settings)))
            print(found[-1], flush=True)
        except Refused as why:
            print(f"{key} refused: {why}", file=sys.stderr, flush=True)
    return found


def main(task: dict[str, Any]) -> None:
    answers = begin(task["threads"], task["variant"])
    say(answers, {"megabytes": peak(rows.ROWS[task["row"]].sized(task["small"]), task["variant"])})


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
