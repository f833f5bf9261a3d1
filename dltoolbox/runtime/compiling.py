"""When compiling loops pays: not in the first seconds on a machine, which it would only make slower.

Networks run on NumPy alone until this machine has computed as long as compiling takes. What is compiled then stays on disk,
so that happens once. A first script thus ends as early as without Numba, and none takes much longer than twice the time
with compiled loops from the start. That is the rule for renting skis: rent until the rent has reached the price (Karlin,
Manasse, Rudolph and Sleator, "Competitive snoopy caching", Algorithmica 3, 1988).

``DLTOOLBOX_NUMBA=1`` in the environment compiles at once, ``0`` never.
"""

from __future__ import annotations

import atexit
import os
from contextlib import suppress
from functools import cache
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path

from dltoolbox.core.files import write_text
from dltoolbox.runtime.autotune import cache_folder, text_of_kernels, version_of

PRICE = 15.0  # seconds that compiling the loops of a network takes, about


class Waiting:
    """Seconds that a machine has computed without compiled loops, in this process and, by a file, in others."""

    def __init__(self, folder: Path | None, version: str) -> None:
        self.file = folder and folder / f"computed-{sha256(version.encode()).hexdigest()[:16]}.txt"
        self.seconds = self.saved()
        self.unsaved = 0.0

    @property
    def over(self) -> bool:
        return self.seconds >= PRICE

    def spend(self, seconds: float) -> None:
        """Count what was computed; at the end of the wait and of the process, others are told."""
        self.seconds += seconds
        self.unsaved += seconds
        if self.over:
            self.save()

    def saved(self) -> float:
        """Counts of other processes; empty if the file is missing or damaged."""
        try:
            return max(0.0, float(self.file.read_text())) if self.file else 0.0
        except (OSError, ValueError):
            return 0.0

    def save(self) -> None:
        if self.file and self.unsaved:
            with suppress(OSError):
                self.file.parent.mkdir(parents=True, exist_ok=True)
                write_text(self.file, f"{self.saved() + self.unsaved:.3f}\n")
                self.unsaved = 0.0


@cache
def waiting() -> Waiting | None:
    """The wait of this machine; None where nothing is waited for."""
    if os.environ.get("DLTOOLBOX_NUMBA") in ("0", "1") or find_spec("numba") is None:
        return None
    wait = Waiting(cache_folder(), f"{version_of('numba')} {text_of_kernels()}")
    if wait.over:
        return None
    atexit.register(wait.save)
    return wait


def compiling_pays() -> bool:
    """Whether loops may be compiled by now."""
    wait = waiting()
    return wait is None or wait.over


def spend(seconds: float) -> None:
    """Count seconds that a network has computed."""
    wait = waiting()
    if wait is not None and not wait.over:
        wait.spend(seconds)
