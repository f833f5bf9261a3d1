"""Rounds: the processes of a row work in turns, and what they took becomes ratios."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from benchmarks.noise import QUIET, undisturbed
from benchmarks.rows import OURS, TORCH, Row

ROOT = Path(__file__).resolve().parents[1]
BLAS = {"native": {}, "pinned": {"OPENBLAS_CORETYPE": "Haswell", "OPENBLAS_L2_SIZE": "512"}}
TOLERANCE = 1e-3
ROUNDS_PER_START = 3  # then new processes take over: where memory happens to lie can make one slower all its life


class Refused(Exception):
    """The two sides do not compute the same thing, or one of them failed."""


@dataclass(frozen=True)
class Settings:
    """What holds for all rows of a run."""

    rounds: int = 6
    threads: int = 2
    small: bool = False
    patience: float = 10.0  # seconds in which a block is repeated because others disturbed it


@dataclass
class Result:
    """Seconds per mini-batch of every variant in each round, and the share of the processors that others used then."""

    row: Row
    blas: str
    threads: int
    seconds: dict[str, list[float]]
    others: dict[str, list[float]]

    @property
    def best_variant(self) -> str:
        """The variant of PyTorch to compare with: the fastest."""
        return min(TORCH, key=lambda variant: min(self.seconds[variant]))

    @property
    def ours(self) -> list[str]:
        """Our variants that were measured."""
        return [variant for variant in OURS if variant in self.seconds]

    @property
    def undisturbed(self) -> list[int]:
        """The rounds in which none of those that are compared was disturbed."""
        shares = zip(*(self.others[name] for name in (*self.ours, self.best_variant)), strict=True)
        return [number for number, several in enumerate(shares) if max(several) <= QUIET]

    def counted(self, name: str) -> list[float]:
        """The times that count: of the undisturbed rounds, or of all where there is none."""
        times = self.seconds[name]
        return [times[number] for number in self.undisturbed] or times

    @property
    def torch(self) -> list[float]:
        return self.counted(self.best_variant)

    def ratio_of_minima(self, variant: str) -> float:
        return min(self.counted(variant)) / min(self.torch)

    def median_ratio(self, variant: str) -> float:
        """Median over the rounds of the ratio within each."""
        return statistics.median(a / b for a, b in zip(self.counted(variant), self.torch, strict=True))

    def record(self) -> dict[str, Any]:
        return {"row": self.row.key, "blas": self.blas, "threads": self.threads, "size": self.row.size._asdict(),
                "memory_format": self.best_variant, "targets": dict(zip(OURS, self.row.targets, strict=False)),
                "ratio_of_minima": {name: self.ratio_of_minima(name) for name in self.ours},
                "median_ratio": {name: self.median_ratio(name) for name in self.ours},
                "seconds_per_mini_batch": self.seconds, "others": self.others}


class Worker:
    """A process of one variant, which answers when asked. ``task`` goes to the ``module``'s command line."""

    def __init__(self, module: str, variant: str, task: dict[str, Any], blas: str, threads: int) -> None:
        self.variant = variant
        self.first: list[list[float]] = []  # samples of its first results
        self.process = subprocess.Popen(
            [sys.executable, "-m", module, json.dumps(task | {"variant": variant, "threads": threads})], cwd=ROOT, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment(blas, threads, variant))

    def answer(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise Refused(f"The process of {self.variant} ended early; its message stands above.")
        message: dict[str, Any] = json.loads(line)
        return message

    def ask(self, request: Any) -> dict[str, Any]:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        return self.answer()

    def work(self) -> tuple[float, float]:
        """Seconds that one block takes, and seconds that the process spends on processors."""
        answer = self.ask("block")
        return answer["seconds"], answer["processor"]

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: Any) -> None:
        self.process.terminate()
        self.process.communicate()


def environment(blas: str, threads: int, variant: str = "numpy") -> dict[str, str]:
    """The surroundings of a worker: numbers of threads, the wanted choice of BLAS kernels, and whether Numba is used."""
    kept = {name: value for name, value in os.environ.items() if name not in BLAS["pinned"]}
    counts = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "DLTOOLBOX_NUM_THREADS"),
                           str(threads))
    return kept | counts | BLAS[blas] | {"DLTOOLBOX_NUMBA": "1" if variant == "numba" else "0"}


def variants() -> tuple[str, ...]:
    """All that take part, PyTorch's last; Numba only where it is installed."""
    return (*(name for name in OURS if name != "numba" or find_spec("numba")), *TORCH)


def measure(row: Row, blas: str, settings: Settings) -> Result:
    """One row of the table; raises `Refused` where the sides differ."""
    names = variants()
    result = Result(row.sized(settings.small), blas, settings.threads, {name: [] for name in names},
                    {name: [] for name in names})
    compare(row, names, blas, settings)
    for done in range(0, settings.rounds, ROUNDS_PER_START):
        with ExitStack() as stack:
            workers = start(stack, row, names, blas, settings)
            for worker in workers.values():
                worker.work()  # compiles and warms up
            for _ in range(min(ROUNDS_PER_START, settings.rounds - done)):
                one_round(workers, result, settings)
    return result


def compare(row: Row, names: Sequence[str], blas: str, settings: Settings) -> None:
    """Raise `Refused` where the sides differ. Our processes also leave their choices of kernels to those that follow."""
    first: dict[str, list[list[float]]] = {}
    for name in names:
        with ExitStack() as stack:
            first[name] = start(stack, row, [name], blas, settings)[name].first
    for ours in set(OURS) & set(first):
        for variant in set(TORCH) & set(first):
            check_same(first[ours], first[variant])


def start(stack: ExitStack, row: Row, names: Sequence[str], blas: str, settings: Settings) -> dict[str, Worker]:
    """Workers that are ready. They start one after the other: what they measure to choose kernels must not be disturbed."""
    workers: dict[str, Worker] = {}
    for name in names:
        task = {"row": row.key, "small": settings.small}
        workers[name] = stack.enter_context(Worker("benchmarks.worker", name, task, blas, settings.threads))
        workers[name].first = workers[name].answer()["first"]
    return workers


def one_round(workers: dict[str, Worker], result: Result, settings: Settings) -> None:
    for name, worker in workers.items():
        block = undisturbed(worker.work, settings.patience)
        result.seconds[name].append(block.seconds / result.row.size.units)
        result.others[name].append(block.others)


def check_same(ours: list[list[float]], torch: list[list[float]]) -> None:
    """Every result of the first units of work must be equal, on average over its numbers."""
    if [len(one) for one in ours] != [len(one) for one in torch]:
        raise Refused("The two sides give results of different sizes.")
    for number, (a, b) in enumerate(zip(ours, torch, strict=True), 1):
        size = sum(map(abs, b)) or 1.0
        difference = sum(abs(x - y) for x, y in zip(a, b, strict=True)) / size
        if not difference <= TOLERANCE:
            raise Refused(f"The two sides do not compute the same thing: result {number} differs by {difference:.1e} "
                          f"of its size ({a[0]:.6g} here, {b[0]:.6g} in PyTorch).")
