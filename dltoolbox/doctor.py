"""``dltoolbox doctor``: what networks compute with on this machine, and what slows them down.

Three steps: `collect_facts` looks and measures, `judge` finds what is wrong, `report` writes it down.
"""

from __future__ import annotations

import json
import math
import os
import platform
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from textwrap import wrap
from time import perf_counter
from typing import Any

import numpy as np
import scipy

from dltoolbox import __version__
from dltoolbox.core.display import counted
from dltoolbox.core.errors import Issue, IssueCollector
from dltoolbox.kernels import numba_support
from dltoolbox.runtime import autotune, cpu
from dltoolbox.runtime.blas import libraries
from dltoolbox.runtime.threads import automatic, one_blas_thread, thread_count

SIDE, SECONDS, ROUNDS = 1024, 0.1, 3  # of the products that are timed
COPIED = 1 << 27  # bytes of the array that is copied: more than caches hold

# Environment variables by which a BLAS is limited, by what NumPy calls it.
LIMITS = {"openblas": "OPENBLAS_NUM_THREADS", "mkl": "MKL_NUM_THREADS", "accelerate": "VECLIB_MAXIMUM_THREADS",
          "blis": "BLIS_NUM_THREADS"}
SHOWN_VARIABLES = ("DLTOOLBOX_NUM_THREADS", "DLTOOLBOX_NUMBA", "DLTOOLBOX_TUNE", "DLTOOLBOX_CACHE", "OMP_NUM_THREADS",
                   "OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "GOTO_NUM_THREADS", "NUMBA_NUM_THREADS", "NUMBA_CACHE_DIR",
                   *LIMITS.values())
LANES = dict.fromkeys(("SkylakeX", "Cooperlake", "Sapphirerapids"), 16) | dict.fromkeys(
    ("Haswell", "Zen", "Excavator"), 8)  # float32 numbers that the kernels of OpenBLAS multiply at once


@dataclass(frozen=True)
class Blas:
    """One OpenBLAS; ``unpinned`` is the kernel set that it would choose without environment variables, if known."""

    version: str
    kernels: str
    unpinned: str
    threads: int
    file: str


@dataclass(frozen=True)
class Cache:
    """A folder of files that save time in the next process."""

    folder: str | None
    bytes: int
    files: int
    writable: bool


@dataclass(frozen=True)
class Facts:
    """Everything that the doctor looks at. Rates are in units of 10⁹ per second."""

    versions: dict[str, str]
    numba: str
    numba_failure: str
    platform: str
    processor: str
    l2_bytes: int
    physical: int
    allowed: int
    quota: float | None
    threads: int
    threads_from: str
    variables: dict[str, str]
    numpy_blas: str
    blas: tuple[Blas, ...]
    flops_one: float
    flops_all: float
    copy: float
    tuning: Cache
    compiled: Cache


def run_doctor(*, as_json: bool = False, strict: bool = False) -> int:
    """Look, judge and print; returns the exit status: 1 where there are warnings and they count."""
    facts = collect_facts()
    issues = judge(facts)
    print(as_text_of_json(facts, issues) if as_json else report(facts, issues))
    return 1 if strict and issues else 0


# Looking -----------------------------------------------------------------------------------------------------------------

def collect_facts() -> Facts:
    """Look at this machine, and measure it for about a second."""
    allowed, limit, threads = cpu.allowed_cpus(), cpu.quota(), thread_count()
    default, variable = automatic()
    config: Any = np.show_config(mode="dicts")
    failure = numba_support.failure()
    return Facts(
        versions={"dltoolbox": __version__, "Python": platform.python_version(), "NumPy": np.__version__,
                  "SciPy": scipy.__version__},
        numba=autotune.version_of("numba"), numba_failure=failure, platform=platform.platform(),
        processor=cpu.processor(), l2_bytes=cpu.l2_cache(), physical=cpu.physical_cores(allowed),
        allowed=len(allowed), quota=limit if math.isfinite(limit) else None, threads=threads,
        threads_from=variable if threads == default else "maxNumCompThreads",
        variables={name: os.environ[name] for name in SHOWN_VARIABLES if name in os.environ},
        numpy_blas=config.get("Build Dependencies", {}).get("blas", {}).get("name", "unknown"), blas=blas(),
        flops_one=product_rate(1), flops_all=product_rate(threads), copy=copy_rate(),
        tuning=cache_at(autotune.cache_folder(), "*.json"), compiled=cache_at(numba_support.compiled_folder(), "*.nb[ic]"))


def blas() -> tuple[Blas, ...]:
    blas_libraries = libraries()
    free = unpinned() if "OPENBLAS_CORETYPE" in os.environ else [library.core for library in blas_libraries]
    return tuple(Blas(library.version, library.core, free[i] if i < len(free) else "", library.get(), library.file)
                 for i, library in enumerate(blas_libraries))


def unpinned() -> list[str]:
    """The kernel sets that the libraries choose in a process without environment variables for them; empty on failure."""
    free = {name: value for name, value in os.environ.items() if not name.startswith("OPENBLAS_")}
    code = "from dltoolbox.runtime.blas import libraries; print(*(one.core for one in libraries()), sep='\\n')"
    try:
        ended = subprocess.run([sys.executable, "-c", code], env=free | {"PYTHONPATH": os.pathsep.join(sys.path)},
                               capture_output=True, text=True, timeout=60, check=True)
    except (OSError, subprocess.SubprocessError):
        return []
    return ended.stdout.split()


def product_rate(threads: int) -> float:
    """float32 operations of matrix products, in as many threads at once as given, BLAS using one thread in each."""
    def product() -> Callable[[], Any]:
        a, b, c = (np.ones((SIDE, SIDE), np.float32) for _ in range(3))
        return lambda: np.matmul(a, b, out=c)

    with one_blas_thread(), ThreadPoolExecutor(threads) as pool:
        products = [product() for _ in range(threads)]
        return max(sum(pool.map(per_second, products)) for _ in range(ROUNDS)) * 2 * SIDE**3 / 1e9


def per_second(call: Callable[[], object]) -> float:
    call()
    start, calls = perf_counter(), 0
    while perf_counter() - start < SECONDS:
        call()
        calls += 1
    return calls / (perf_counter() - start)


def copy_rate() -> float:
    """Bytes that one thread reads and writes when it copies a large array."""
    source, target = np.ones(COPIED, np.uint8), np.zeros(COPIED, np.uint8)
    return max(per_second(lambda: np.copyto(target, source)) for _ in range(ROUNDS)) * 2 * COPIED / 1e9


def cache_at(folder: Path | None, pattern: str) -> Cache:
    if folder is None:
        return Cache(None, 0, 0, False)
    try:
        sizes = [file.stat().st_size for file in folder.glob(pattern)]
    except OSError:
        sizes = []
    nearest = next((place for place in (folder, *folder.absolute().parents) if place.exists()), folder)
    return Cache(str(folder), sum(sizes), len(sizes), nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK))


# Judging -----------------------------------------------------------------------------------------------------------------

def judge(facts: Facts) -> list[Issue]:
    """Everything that makes networks slower than they could be here, each with its fix."""
    issues = IssueCollector()

    def warn(identifier: str, message: str, hint: str) -> None:
        issues.add(f"doctor:{identifier}", message, hint, severity="warning")
    _judge_kernels(facts, warn)
    _judge_threads(facts, warn)
    _judge_caches(facts, warn)
    return list(issues)


Warn = Callable[[str, str, str], None]


def _judge_kernels(facts: Facts, warn: Warn) -> None:
    value = facts.variables.get("OPENBLAS_CORETYPE", "")
    pairs = {(library.kernels, library.unpinned) for library in facts.blas}
    for kernels, unpinned in sorted(pair for pair in pairs if is_older(*pair)):
        cost = "up to 2.6 times" if LANES.get(unpinned) == 16 else "speed"
        warn("pinnedKernels", f"OPENBLAS_CORETYPE={value} pins OpenBLAS to its kernels for {kernels}, but this processor is "
             f"made for those for {unpinned}; it costs {cost}.", "Unset it: unset OPENBLAS_CORETYPE")
    size, own = facts.variables.get("OPENBLAS_L2_SIZE", ""), facts.l2_bytes >> 10
    if facts.blas and size and own and size != str(own):
        warn("pinnedCache", f"OPENBLAS_L2_SIZE={size} makes OpenBLAS cut products for a cache of {size} KB, but a core here "
             f"has {own} KB.", "Unset it: unset OPENBLAS_L2_SIZE")
    if facts.blas:
        return
    variable = next((value for name, value in LIMITS.items() if name in facts.numpy_blas.lower()), "OMP_NUM_THREADS")
    if facts.variables.get(variable) != "1":
        warn("otherBlas", f"NumPy uses the BLAS '{facts.numpy_blas}', whose threads dltoolbox cannot limit while a network "
             "runs; they get in the way of its own.", f"Start Python with {variable}=1, or install NumPy and SciPy with "
             "OpenBLAS, from PyPI: pip install --force-reinstall numpy scipy")


def is_older(kernels: str, unpinned: str) -> bool:
    """Whether a pinned kernel set is a worse one than OpenBLAS would choose; those not known are worse if they differ."""
    if not unpinned or kernels == unpinned:
        return False
    return not (kernels in LANES and unpinned in LANES) or LANES[kernels] < LANES[unpinned]


def _judge_threads(facts: Facts, warn: Warn) -> None:
    cores = min(facts.physical, facts.allowed)
    if facts.quota is not None and facts.quota < cores:
        warn("quota", f"The quota of this process's control group (its container) is {facts.quota:g} of {cores} cores.",
             "Raise it, as by docker run --cpus, or resources.limits.cpu of Kubernetes.")
    if facts.threads_from == "OMP_NUM_THREADS" and facts.threads < cores:
        value = facts.variables.get("OMP_NUM_THREADS", "")
        warn("fewThreads", f"OMP_NUM_THREADS={value} limits networks to {facts.threads} of {cores} cores.",
             f"If that is not meant for dltoolbox, set DLTOOLBOX_NUM_THREADS={cores}")


def _judge_caches(facts: Facts, warn: Warn) -> None:
    if facts.numba_failure and facts.numba and not facts.numba_failure.startswith("switched off"):
        warn("brokenNumba", f"Numba {facts.numba} is installed but cannot be imported, so compiled kernels are not used: "
             f"{facts.numba_failure}.", "Install one that fits this NumPy: pip install --upgrade \"dltoolbox[fast]\"")
    if not facts.tuning.writable:
        where = f"The folder {facts.tuning.folder} cannot be written" if facts.tuning.folder else "There is no home folder"
        warn("cacheNotWritable", f"{where}, so kernels are measured again in every process.",
             "Set DLTOOLBOX_CACHE to a folder that can be written.")
    if not facts.numba_failure and not facts.compiled.writable:
        where = f"The folder {facts.compiled.folder} cannot be written" if facts.compiled.folder else "Numba finds no folder"
        warn("compiledNotWritable", f"{where}, so kernels are compiled again in every process.",
             "Set NUMBA_CACHE_DIR to a folder that can be written.")


# Writing -----------------------------------------------------------------------------------------------------------------

def report(facts: Facts, issues: Sequence[Issue]) -> str:
    """The facts as a table, and the warnings below."""
    lines = [f"  {name:<18}{value}" for name, value in fact_rows(facts)]
    lines += ["", f"  {counted(len(issues), 'warning')}"]
    for issue in issues:
        lines += ["", *wrap(issue.message, 116, initial_indent="  ! ", subsequent_indent="    "),
                  *wrap(issue.hint, 116, initial_indent="    → ", subsequent_indent="      ", break_on_hyphens=False)]
    return "\n".join(lines)


def fact_rows(facts: Facts) -> list[tuple[str, str]]:
    quota = "no quota" if facts.quota is None else f"a quota of {facts.quota:g}"
    origin = f" (by {facts.threads_from})" if facts.threads_from else ""
    tune = facts.variables.get("DLTOOLBOX_TUNE", "")
    how = {"0": "switched off", "random": "drawn at random"}.get(tune.partition(":")[0])
    lines = [
        *facts.versions.items(), ("Numba", numba_text(facts)), ("platform", facts.platform), ("processor", facts.processor),
        ("cores", f"{facts.physical} physical, {counted(facts.allowed, 'logical processor')} allowed, {quota}"),
        ("threads", f"{facts.threads}{origin}"), *(("BLAS", blas_text(library)) for library in facts.blas),
        ("products", f"{facts.flops_one:.0f} GFLOP/s on one thread, {facts.flops_all:.0f} on {facts.threads}, in float32"),
        ("copying", f"{facts.copy:.1f} GB/s read and written on one thread"),
        ("measured choices", (f"{how} by DLTOOLBOX_TUNE={tune}; " if how else "") + cache_text(facts.tuning)),
        ("compiled kernels", "none" if facts.numba_failure else cache_text(facts.compiled)),
        *(("environment", f"{name}={value}") for name, value in facts.variables.items())]
    return lines if facts.blas else [*lines, ("BLAS", f"{facts.numpy_blas}, which cannot be looked into")]


def blas_text(library: Blas) -> str:
    threads = counted(library.threads, "thread")
    file = Path(library.file).name
    return f"{library.version}, kernels for {library.kernels or '?'}, {threads} outside of networks, {file}"


def numba_text(facts: Facts) -> str:
    if not facts.numba_failure:
        return facts.numba
    return f"{facts.numba}, {facts.numba_failure}" if facts.numba else "not installed: pip install \"dltoolbox[fast]\""


def cache_text(cache: Cache) -> str:
    if cache.folder is None:
        return "nowhere"
    state = "" if cache.writable else ", not writable"
    return f"{cache.folder} ({counted(cache.files, 'file')}, {cache.bytes / 1000:.0f} kB{state})"


def as_text_of_json(facts: Facts, issues: Sequence[Issue]) -> str:
    warnings = [{"identifier": issue.identifier, "message": issue.message, "cure": issue.hint} for issue in issues]
    return json.dumps(asdict(facts) | {"warnings": warnings}, indent=2, ensure_ascii=False)
