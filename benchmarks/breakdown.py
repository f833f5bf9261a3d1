"""Where the time of a row goes, beside what this machine allows: ``python -m benchmarks --profile --workload A``.

Parts are timed in a process of their own: programs tell the times of their steps, and the methods of `TIMED` are wrapped.
"""

from __future__ import annotations

import json
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from benchmarks import roofline, rows
from benchmarks.measure import Result, Settings, Worker, measure
from benchmarks.report import as_markdown, markdown_table
from benchmarks.worker import begin, say
from dltoolbox.data.sources.arrays import Reader
from dltoolbox.program.executable import Program
from dltoolbox.program.model import Model
from dltoolbox.train.metrics import Metric
from dltoolbox.train.solvers import Solver

KEYS = ("A-train", "B-train", "C-train")
TIMED: dict[tuple[type, str], str] = {  # methods that do not call each other, and how their time is called
    (Reader, "batch"): "mini-batch", (Metric, "of"): "metric", (Model, "snapshot"): "snapshot",
    (Solver, "update"): "solver"}
HEAD = ("row", "BLAS", "threads", "GFLOP", "products, ms", "MB moved", "memory, ms", "roofline, ms", "PyTorch",
        "NumPy+SciPy", "with Numba")


class Clock:
    """Seconds by what they were spent on, while it is switched on."""

    def __init__(self) -> None:
        self.spent: defaultdict[str, float] = defaultdict(float)
        self.kept = {place: getattr(*place) for place in (*TIMED, (Program, "run"))}

    def __enter__(self) -> Clock:
        Program.run = self.timed_run(Program.run)  # type: ignore[method-assign]
        for (owner, name), what in TIMED.items():
            setattr(owner, name, self.timed(self.kept[owner, name], what))
        return self

    def __exit__(self, *_: Any) -> None:
        for (owner, name), method in self.kept.items():
            setattr(owner, name, method)

    def timed(self, method: Callable[..., Any], what: str) -> Callable[..., Any]:
        def measured(*arguments: Any, **options: Any) -> Any:
            start = time.perf_counter()
            result = method(*arguments, **options)
            self.spent[what] += time.perf_counter() - start
            return result
        return measured

    def timed_run(self, run: Callable[..., Any]) -> Callable[..., Any]:
        """Time by op and kernel, on average over the threads, and what else a run takes."""
        def measured(program: Program, *arguments: Any, **options: Any) -> Any:
            program.times = []
            start = time.perf_counter()
            result = run(program, *arguments, **options)
            self.spent["around the steps"] += time.perf_counter() - start
            for _, (way, number), seconds in program.times:
                step = program.plan.steps[number]
                what = "meetings of threads" if way == "meet" else f"{step.node.op.name} {way} ({step.kernel.name})"
                self.spent[what] += seconds / program.size
                self.spent["around the steps"] -= seconds / program.size
            return result
        return measured


class Blocks:
    """A tick that lets one block pass as a warm-up, then counts the time of the others."""

    def __init__(self, clock: Clock, ticks: int, blocks: int) -> None:
        self.clock, self.warm, self.left = clock, ticks, ticks * (blocks + 1)
        self.start = self.total = 0.0

    def __call__(self, _: Any) -> bool:
        self.warm -= 1
        self.left -= 1
        if self.warm == 0:
            self.clock.spent.clear()
            self.start = time.perf_counter()
        self.total = time.perf_counter() - self.start
        return self.left <= 0


def breakdown(row: rows.Row, blocks: int) -> list[tuple[str, float]]:
    """Milliseconds per mini-batch: the whole, its parts, and what is in none of them."""
    with Clock() as clock:
        tick = Blocks(clock, row.ticks, blocks)
        rows.run(row, "numpy", tick, shuffle=True)
    number = blocks * row.size.units
    parts = [(what, 1e3 * seconds / number) for what, seconds in sorted(clock.spent.items(), key=lambda item: -item[1])]
    whole = 1e3 * tick.total / number
    return [("whole", whole), *parts, ("the rest", whole - sum(ms for _, ms in parts))]


# Against the roofline ------------------------------------------------------------------------------------------------
def report(keys: list[str], blas: str, settings: Settings) -> list[str]:
    """Print the parts of every row and return the lines of the table of rooflines."""
    lines = []
    for key in keys:
        row = rows.ROWS[key]
        result = measure(row, blas, settings)
        rate = measured_rates(blas, settings)
        print(f"{result.row.text} ({blas} BLAS): {1e-9 * rate.flops:.0f} GFLOP/s, {1e-9 * rate.bytes:.1f} GB/s", flush=True)
        lines.append(as_markdown(against(result, roofline.work_of(result.row), rate)))
        for variant in result.ours:
            print_parts(variant, parts_in_worker(row, variant, blas, settings))
    print(f"\n{markdown_table(HEAD, lines)}")
    return lines


def against(result: Result, work: roofline.Work, rate: roofline.Rates) -> tuple[str, ...]:
    """One line: what the step takes at least, and how many times that every side takes."""
    products, memory = rate.seconds(work)

    def times(name: str) -> str:
        if name not in result.seconds:
            return "–"
        best = min(result.counted(name))
        return f"{1e3 * best:.3g} ms ({best / (products + memory):.1f}×)"
    return (result.row.text, result.blas, str(result.threads), f"{1e-9 * work.flops:.3g}", f"{1e3 * products:.2f}",
            f"{1e-6 * work.bytes:.3g}", f"{1e3 * memory:.2f}", f"{1e3 * (products + memory):.2f}",
            times(result.best_variant), times("numpy"), times("numba"))


def measured_rates(blas: str, settings: Settings) -> roofline.Rates:
    """In a process whose BLAS has the wanted kernels and one thread."""
    task = {"rates": settings.threads, "seconds": 0.1 if settings.small else roofline.SECONDS}
    with Worker("benchmarks.breakdown", "numpy", task, blas, 1) as worker:
        return roofline.Rates(*worker.answer()["rates"])


def parts_in_worker(row: rows.Row, variant: str, blas: str, settings: Settings) -> list[tuple[str, float]]:
    task = {"row": row.key, "small": settings.small, "blocks": settings.rounds}
    with Worker("benchmarks.breakdown", variant, task, blas, settings.threads) as worker:
        return [(what, ms) for what, ms in worker.answer()["parts"]]


def print_parts(variant: str, parts: list[tuple[str, float]]) -> None:
    whole = parts[0][1]
    for what, ms in parts:
        print(f"  {variant:<6} {what:<60} {ms:9.3f} ms {100 * ms / whole:5.1f} %")


def main(task: dict[str, Any]) -> None:
    answers = begin(task["threads"], task["variant"])
    if "rates" in task:
        say(answers, {"rates": roofline.rates(task["rates"], task["seconds"])})
    else:
        say(answers, {"parts": breakdown(rows.ROWS[task["row"]].sized(task["small"]), task["blocks"])})


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
