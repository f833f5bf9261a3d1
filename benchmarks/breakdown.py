"""Where the time of a row goes, op by op: ``python -m benchmarks --profile --workload A-train``.

The row runs in a process of its own, in which the methods of `TIMED` are timed.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from benchmarks import rows
from benchmarks.measure import ROOT, Settings, environment
from dltoolbox.program.model import Model
from dltoolbox.program.run import Run
from dltoolbox.training.dataset import Dataset
from dltoolbox.training.metrics import Metric
from dltoolbox.training.solvers import Solver

TIMED: dict[tuple[type, str], str] = {  # methods that do not call each other, and how their time is called
    (Run, "forward_step"): "{op} forward", (Run, "backward_step"): "{op} backward", (Dataset, "batch"): "mini-batch",
    (Metric, "of"): "metric", (Model, "snapshot"): "snapshot", (Solver, "update"): "solver"}


class Clock:
    """Seconds by what they were spent on, while it is switched on."""

    def __init__(self) -> None:
        self.spent: defaultdict[str, float] = defaultdict(float)
        self.kept = {place: getattr(*place) for place in TIMED}

    def __enter__(self) -> Clock:
        for (owner, name), text in TIMED.items():
            setattr(owner, name, self.timed(self.kept[owner, name], text))
        return self

    def __exit__(self, *_: Any) -> None:
        for (owner, name), method in self.kept.items():
            setattr(owner, name, method)

    def timed(self, method: Callable[..., Any], text: str) -> Callable[..., Any]:
        def measured(*arguments: Any) -> Any:
            start = time.perf_counter()
            result = method(*arguments)
            what = text.format(op=arguments[1].node.op.name) if "{op}" in text else text
            self.spent[what] += time.perf_counter() - start
            return result
        return measured


class Blocks:
    """A tick that lets some blocks pass as a warm-up, then counts the time of the others."""

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
        rows.run(row, "dltoolbox", "", tick, shuffle=True)
    count = blocks * row.size.units
    ops = [(what, 1e3 * seconds / count) for what, seconds in sorted(clock.spent.items(), key=lambda item: -item[1])]
    whole = 1e3 * tick.total / count
    return [("whole", whole), *ops, ("the rest", whole - sum(ms for _, ms in ops))]


def print_breakdown(chosen: list[rows.Row], blas: str, settings: Settings) -> None:
    for row in chosen:
        task = {"row": row.key, "small": settings.small, "blocks": settings.rounds}
        print(f"{row.sized(settings.small).text} ({blas} BLAS)", flush=True)
        subprocess.run([sys.executable, "-m", "benchmarks.breakdown", json.dumps(task)], cwd=ROOT, check=True,
                       env=environment(blas, settings.threads))


def main(task: dict[str, Any]) -> None:
    found = breakdown(rows.ROWS[task["row"]].sized(task["small"]), task["blocks"])
    whole = found[0][1]
    for what, ms in found:
        print(f"  {what:<36} {ms:9.3f} ms {100 * ms / whole:5.1f} %")


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
