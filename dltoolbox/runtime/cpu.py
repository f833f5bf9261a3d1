"""The processor: what it is called, and how many of its cores this process may use."""

from __future__ import annotations

import ctypes
import math
import os
import platform
import sys
from collections.abc import Iterable
from pathlib import Path

from dltoolbox.core.arrays import ROOT, words_of


def processor(root: Path = ROOT) -> str:
    """The model of the processor; virtual machines hide its name, so that family and number belong to it."""
    try:
        text = (root / "proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return _sysctl("machdep.cpu.brand_string").decode(errors="replace") or platform.processor() or platform.machine()
    first = [[part.strip() for part in line.partition(":")[::2]] for line in text.split("\n\n")[0].splitlines()]
    known = dict(first)
    numbers = [f"{what} {known[key]}" for what, key in (("family", "cpu family"), ("model", "model")) if key in known]
    name = known.get("model name") or platform.processor() or platform.machine()
    return f"{name} ({', '.join(numbers)})" if numbers else name


def allowed_cpus() -> tuple[int, ...]:
    """The logical processors that this process may run on."""
    if sys.platform == "linux":
        return tuple(sorted(os.sched_getaffinity(0)))
    return tuple(range(os.cpu_count() or 1))


def physical_cores(allowed: Iterable[int], root: Path = ROOT) -> int:
    """How many cores lie behind these logical processors: two threads on one core gain little, as both only compute."""
    fast = int.from_bytes(_sysctl("hw.perflevel0.physicalcpu") or _sysctl("hw.physicalcpu"), sys.byteorder)
    return fast or len({_siblings(cpu, root) for cpu in allowed}) or 1


def _siblings(cpu: int, root: Path) -> str:
    """Names the core of a logical processor; itself where that cannot be read."""
    file = root / f"sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list"
    try:
        return file.read_text(encoding="ascii").strip() or str(cpu)
    except (OSError, UnicodeError):
        return str(cpu)


def _sysctl(name: str) -> bytes:
    """Hardware facts from macOS; empty elsewhere."""
    if sys.platform != "darwin":
        return b""
    system, buffer = ctypes.CDLL(None), ctypes.create_string_buffer(256)
    length = ctypes.c_size_t(len(buffer))
    failed = system.sysctlbyname(name.encode(), buffer, ctypes.byref(length), None, 0)
    return b"" if failed else buffer.raw[:length.value].rstrip(b"\0")


def l2_cache(root: Path = ROOT) -> int:
    """Bytes of the cache that one core has to itself; 0 where that is not known."""
    words = words_of(root / "sys/devices/system/cpu/cpu0/cache/index2/size")
    kilobytes = words[0].removesuffix("K") if words else ""
    return int(kilobytes) * 1024 if kilobytes.isdecimal() else int.from_bytes(_sysctl("hw.l2cachesize"), sys.byteorder)


def quota(root: Path = ROOT) -> float:
    """How many processors' worth of time the control groups (containers) grant, infinite where they set no limit."""
    try:
        lines = (root / "proc/self/cgroup").read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeError):
        return math.inf
    limits = [math.inf]
    for _, controllers, path in (line.split(":", 2) for line in lines if line.count(":") >= 2):
        if not controllers:
            limits += [_ratio(words_of(folder / "cpu.max"))
                       for mount in ("", "unified") for folder in _upwards(root / "sys/fs/cgroup" / mount, path)]
        elif "cpu" in controllers.split(","):
            limits += [_ratio(words_of(folder / "cpu.cfs_quota_us") + words_of(folder / "cpu.cfs_period_us"))
                       for mount in ("cpu", controllers) for folder in _upwards(root / "sys/fs/cgroup" / mount, path)]
    return min(limits)


def _upwards(mount: Path, path: str) -> list[Path]:
    """The folder of a group and of those that contain it: each can limit. A container may see itself as the root."""
    parts = [part for part in path.split("/") if part not in ("", "..")]
    return [mount.joinpath(*parts[:count]) for count in range(len(parts) + 1)]


def _ratio(words: list[str]) -> float:
    """``200000 100000`` is 2; ``max 100000`` and ``-1 100000`` are no limit."""
    try:
        granted, period = (int(word) for word in words)
    except ValueError:
        return math.inf
    return granted / period if granted > 0 and period > 0 else math.inf


def cores() -> int:
    """The cores that this process may use: physical ones, within its affinity and its whole quota; at least 1.

    Half a core of a quota is not counted: the thread on it would be stopped half of the time, and the others wait for it.
    """
    limit = quota()
    return max(1, min(physical_cores(allowed_cpus()), math.floor(limit) if math.isfinite(limit) else sys.maxsize))
