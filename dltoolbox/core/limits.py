"""How much memory there is: what needs more is refused before anything is allocated."""

from __future__ import annotations

import math
import os
from pathlib import Path

ROOT = Path("/")


def memory(root: Path = ROOT) -> float:
    """Bytes of memory that this process may use, all of the machine's or its container's; infinite where nobody tells."""
    groups = root / "sys/fs/cgroup"
    words = words_of(groups / "memory.max") + words_of(groups / "memory/memory.limit_in_bytes")
    limits = [int(word) for word in words if word.isdecimal()]
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        limits.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    return min((limit for limit in limits if limit > 0), default=math.inf)


def words_of(file: Path) -> list[str]:
    try:
        return file.read_text(encoding="ascii").split()
    except (OSError, UnicodeError):
        return []
