"""Rounds: the processes of a row work in turns, and what they took becomes ratios."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.noise import QUIET, undisturbed
from benchmarks.rows import VARIANTS, Row

ROOT = Path(__file__).resolve().parents[1]
BLAS = {"native": {}, "pinned": {"OPENBLAS_CORETYPE": "Haswell", "OPENBLAS_L2_SIZE": "512"}}
TOLERANCE = 1e-3
ROUNDS_PER_START = 2  # then new processes take over: where memory happens to lie can make one slower all its life


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
    """Seconds per mini-batch in each round, and the share of the processors that others used meanwhile."""

    row: Row
    blas: str
    threads: int
    seconds: dict[str, list[float]]
    others: dict[str, list[float]]

    @property
    def best_variant(self) -> str:
        """The variant of PyTorch to compare with: the fastest."""
        return min(VARIANTS, key=lambda variant: min(self.seconds[variant]))

    @property
    def undisturbed(self) -> list[int]:
        """The rounds in which neither of the two sides was disturbed."""
        shares = zip(self.others["dltoolbox"], self.others[self.best_variant], strict=True)
        return [number for number, pair in enumerate(shares) if max(pair) <= QUIET]

    def counted(self, name: str) -> list[float]:
        """The times that count: of the undisturbed rounds, or of all where there is none."""
        times = self.seconds[name]
        return [times[number] for number in self.undisturbed] or times

    @property
    def ours(self) -> list[float]:
        return self.counted("dltoolbox")

    @property
    def torch(self) -> list[float]:
        return self.counted(self.best_variant)

    @property
    def ratio_of_minima(self) -> float:
        return min(self.ours) / min(self.torch)

    @property
    def median_ratio(self) -> float:
        """Median over the rounds of the ratio within each."""
        return statistics.median(a / b for a, b in zip(self.ours, self.torch, strict=True))

    def record(self) -> dict[str, Any]:
        return {"row": self.row.key, "blas": self.blas, "threads": self.threads, "size": self.row.size._asdict(),
                "variant": self.best_variant, "ratio_of_minima": self.ratio_of_minima, "median_ratio": self.median_ratio,
                "seconds_per_mini_batch": self.seconds, "others": self.others}


class Worker:
    """A process that works when asked to."""

    def __init__(self, row: Row, variant: str, blas: str, settings: Settings) -> None:
        side = "torch" if variant in VARIANTS else "dltoolbox"
        task = {"row": row.key, "side": side, "variant": variant, "threads": settings.threads, "small": settings.small}
        self.name = f"{side} ({variant})" if side == "torch" else side
        self.process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.worker", json.dumps(task)], cwd=ROOT, text=True, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, env=environment(blas, settings.threads))

    def answer(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise Refused(f"{self.name} ended early; its message stands above.")
        message: dict[str, Any] = json.loads(line)
        return message

    def work(self) -> tuple[float, float]:
        """Seconds that one block takes, and seconds that the process spends on processors."""
        self.request("block")
        answer = self.answer()
        return answer["seconds"], answer["processor"]

    def request(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: Any) -> None:
        self.process.terminate()
        self.process.communicate()


def environment(blas: str, threads: int) -> dict[str, str]:
    """The surroundings of a worker: the number of threads, and the wanted choice of BLAS kernels."""
    kept = {name: value for name, value in os.environ.items() if name not in BLAS["pinned"]}
    counts = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), str(threads))
    return kept | counts | BLAS[blas]


def measure(row: Row, blas: str, settings: Settings) -> Result:
    """One row of the table; raises `Refused` where the sides differ."""
    names = ("dltoolbox", *VARIANTS)
    result = Result(row.sized(settings.small), blas, settings.threads, {name: [] for name in names},
                    {name: [] for name in names})
    for done in range(0, settings.rounds, ROUNDS_PER_START):
        with ExitStack() as stack:
            workers = {name: stack.enter_context(Worker(row, name, blas, settings)) for name in names}
            first = {name: worker.answer()["first"] for name, worker in workers.items()}
            for variant in VARIANTS:
                check_same(first["dltoolbox"], first[variant])
            for worker in workers.values():
                worker.work()  # compiles and warms up
            for _ in range(min(ROUNDS_PER_START, settings.rounds - done)):
                one_round(workers, result, settings)
    return result


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
