"""Which of several ways is fastest here: measured once, remembered on disk.

Answers lie in one small file per machine, that is per processor, BLAS with its settings, versions and text of the kernels.
A file that cannot be read, or is not such a file, counts as empty and is replaced; where none can be written, answers last
as long as the process. ``DLTOOLBOX_TUNE`` in the environment switches measuring off (``0``) or replaces it by chance
(``random:7``, where 7 is any text to draw from); ``DLTOOLBOX_CACHE`` moves the files.
"""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from functools import cache
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from random import Random
from threading import RLock
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np

from dltoolbox.core.files import write_text
from dltoolbox.core.random import rng
from dltoolbox.runtime.blas import libraries, settings
from dltoolbox.runtime.cpu import processor

TimedRun = Callable[[], object]
Options = Mapping[str, Callable[[], TimedRun]]


class Stage(NamedTuple):
    """The options at one size: how much they do there (see `dltoolbox.ops.base.Op.work`), and what makes them."""

    work: float
    options: Options


BUDGET = 2.0  # seconds of measuring that compiling a program may cost
SPAN, FEWEST_RUNS = 0.006, 3  # seconds of timed runs per option, and how many at least
UNTRIED = 1 << 27  # multiply-adds that an option may do before its time is known: a tenth of a second in slow loops
LONGEST_TRIAL = 0.06  # seconds of a run, shared by the options, that larger sizes are expected to cost at most
TOO_LARGE = 4  # times that expectation: no larger sizes
CLOSE = 1.03  # times nearer than this are equal: the earlier option, so that noise does not decide
HOPELESS = 1.5  # times the best so far: no more runs
MOST_ANSWERS, FILES = 4096, 32  # answers in a file, and files; the oldest are dropped

clock = perf_counter
_lock = RLock()  # one measurement at a time: two would disturb each other


Scale = tuple[float, Iterable[Stage]]  # how much options do, and the same at ever smaller sizes


def fastest(question: str, options: Options, scale: Callable[[], Scale] = lambda: (0.0, ())) -> str:
    """The name of the fastest option; the first where nothing is to be measured. The same throughout a process.

    Args:
        question: What is asked, with every size that the answer depends on: ``conv 3×3 …``.
        options: Each makes a closure whose run is timed. One that raises an exception is not chosen.
        scale: How much they do, and the same options at smaller sizes, on which they are tried first if that is much. It is
            called where something is to be measured.
    """
    mode, _, seed = os.environ.get("DLTOOLBOX_TUNE", "").partition(":")
    if len(options) == 1 or mode == "0":
        return next(iter(options))
    if mode == "random":
        return Random(f"{seed} {question}").choice(list(options))
    with _lock:
        return choices().settled.get(question_key(question, options)) or choices().fastest(question, options, *scale())


def question_key(question: str, options: Iterable[str]) -> str:
    return f"{question} [{', '.join(options)}]"


@contextmanager
def budget(seconds: float = BUDGET) -> Iterator[None]:
    """Inside, measuring may cost so much; then first options are taken, and measured by a later process.

    Within another budget, that one holds. Answers are written when the last is left.
    """
    if _purse.get() is not None:
        yield
        return
    token = _purse.set(_Purse(seconds))
    try:
        yield
    finally:
        _purse.reset(token)
        with _lock:
            if choices.cache_info().currsize:
                choices().save()


class _Purse:
    """Seconds that are left."""

    def __init__(self, seconds: float) -> None:
        self.left = seconds


_purse: ContextVar[_Purse | None] = ContextVar("purse", default=None)


class Choices:
    """The answers of one machine, in memory and in a file."""

    def __init__(self, folder: Path | None, machine: Mapping[str, object]) -> None:
        self.machine = json.loads(json.dumps(machine))
        name = sha256(json.dumps(machine, sort_keys=True).encode()).hexdigest()[:16]
        self.file = folder and folder / f"choices-{name}.json"
        self.known = self.read()
        self.settled: dict[str, str] = {}  # what this process has answered, measured or not
        self.measured: dict[str, str] = {}  # what it has measured
        self.unsaved = False

    def fastest(self, question: str, options: Options, work: float = 0.0, smaller: Iterable[Stage] = ()) -> str:
        key = question_key(question, options)
        if key not in self.settled:
            self.settled[key] = self._answer(key, options, work, smaller)
        return self.settled[key]

    def _answer(self, key: str, options: Options, work: float, smaller: Iterable[Stage]) -> str:
        if self.known.get(key) in options:
            return self.known[key]
        purse = _purse.get()
        if purse is not None and purse.left <= 0:
            return next(iter(options))
        start = clock()
        answer = measure(options, work, smaller)
        if purse is not None:
            purse.left -= clock() - start
        if answer is None:
            return next(iter(options))
        self.measured[key] = answer
        self.unsaved = True
        if purse is None:
            self.save()
        return answer

    def read(self) -> dict[str, str]:
        """The answers on disk; none of a file that is missing, damaged or of another machine."""
        if self.file is None:
            return {}
        try:
            stored = json.loads(self.file.read_bytes())
            if stored["machine"] == self.machine:
                return {str(key): str(name) for key, name in stored["answers"].items()}
        except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
            pass
        return {}

    def save(self) -> None:
        """Write what was measured, with what other processes have written meanwhile; where that fails, say nothing.

        The file is replaced in one step, so a reader sees the old or the new one. Of two writers at the same moment one
        wins: as each writes everything that it has measured, at most the last answers are measured once more.
        """
        if self.file is None or not self.unsaved:
            return
        answers = {**self.read(), **self.measured}
        text = json.dumps({"machine": self.machine, "answers": dict(list(answers.items())[-MOST_ANSWERS:])}, indent=1,
                          ensure_ascii=False)
        with suppress(OSError):
            self.file.parent.mkdir(parents=True, exist_ok=True)
            write_text(self.file, text)
            self.unsaved = False
            for old in sorted(self.file.parent.glob("choices-*.json"), key=lambda file: file.stat().st_mtime)[:-FILES]:
                old.unlink()


def measure(options: Options, work: float = 0.0, smaller: Iterable[Stage] = ()) -> str | None:
    """The first of the options that are as fast as the fastest; None where none can be tried. The user's random numbers
    stay as they are.

    What a run costs is not known before there was one. So the first is at a size where it cannot cost much, and larger
    sizes are tried with those options only that should not take much longer than `LONGEST_TRIAL` there, by times so far.
    """
    streams, names, fastest_name = rng(), list(options), None
    *larger, stage = measurable_stages(Stage(work, options), smaller)
    try:
        while stage.work <= UNTRIED or fastest_name:
            times = times_of({name: stage.options[name] for name in names})
            if not times:
                break
            least, longest = min(times.values()), LONGEST_TRIAL / len(times) * stage.work
            fastest_name = next(name for name, seconds in times.items() if seconds <= CLOSE * least)
            affordable = [stage for stage in larger if least * stage.work <= longest]
            if not affordable:
                break
            stage = affordable[0]
            names = [name for name, seconds in times.items() if seconds * stage.work <= TOO_LARGE * longest]
            if len(names) == 1:
                fastest_name = names[0]
                break
            del larger[larger.index(stage):]
    finally:
        rng(streams)
    return fastest_name


def measurable_stages(whole: Stage, smaller: Iterable[Stage]) -> list[Stage]:
    """The whole and smaller stages, down to one that can be tried."""
    stages = [whole]
    for stage in smaller if whole.work > UNTRIED else ():
        stages.append(stage)
        if stage.work <= UNTRIED:
            break
    return stages


def times_of(options: Options) -> dict[str, float]:
    """The times of those options that do not fail."""
    times: dict[str, float] = {}
    for name, make in options.items():  # one after the other, so that only one holds memory
        with suppress(Exception), np.errstate(all="ignore"):
            times[name] = time_of(make(), min(times.values(), default=math.inf))
    return times


def time_of(run: TimedRun, best: float) -> float:
    """The shortest of several runs after one that is not counted; few of an option that is far from the best."""
    run()
    least, total, runs = math.inf, 0.0, 0
    while runs < FEWEST_RUNS or (total < SPAN and least < HOPELESS * best):
        start = clock()
        run()
        seconds = clock() - start
        least, total, runs = min(least, seconds), total + seconds, runs + 1
    return least


@cache
def choices() -> Choices:
    """Those of this machine."""
    return Choices(cache_folder(), machine())


def cache_folder() -> Path | None:
    """The folder of this user's caches; None if the user has no home."""
    own = os.environ.get("DLTOOLBOX_CACHE")
    if own:
        return Path(own)
    try:
        if sys.platform == "win32":
            base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
        elif sys.platform == "darwin":
            base = Path.home() / "Library" / "Caches"
        else:
            named = os.environ.get("XDG_CACHE_HOME", "")
            base = Path(named) if os.path.isabs(named) else Path.home() / ".cache"
    except RuntimeError:
        return None
    return base / "dltoolbox"


def machine() -> dict[str, Any]:
    """Everything that can change which option is fastest, apart from the question."""
    packages = {name: version_of(name) for name in ("numpy", "scipy", "numba")}
    return {"processor": processor(), "blas": [f"{library.version} {library.core}" for library in libraries()],
            "environment": settings(), "packages": packages, "kernels": text_of_kernels()}


def version_of(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


@cache
def text_of_kernels() -> str:
    """Names the present text of the kernels: with every change of it, a version says too little while it is worked on."""
    digest = sha256()
    for file in sorted(Path(__file__).parents[1].joinpath("kernels").rglob("*.py")):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def _unlock() -> None:
    """In a forked child, a thread of the parent that was measuring will never release the lock."""
    global _lock
    _lock = RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_unlock)
