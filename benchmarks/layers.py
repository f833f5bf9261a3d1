"""Every layer by itself: ``python -m benchmarks layers``.

One process per variant takes each row in turn, in training (forward and backward, with a loss) and in prediction. Within a
row the processes work in turns, so that whatever slows the machine down slows all of them. What enters and leaves a network
is copied once, however many layers it has: that time is not a layer's, and left out.
"""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from typing import Any, NamedTuple

import numpy as np

from benchmarks.layer_rows import LAYERS, LayerRow
from benchmarks.measure import Refused, Settings, Worker, check_same, variants
from benchmarks.noise import undisturbed
from benchmarks.report import NONE, milliseconds
from benchmarks.rows import OURS, TORCH
from benchmarks.worker import SAMPLES, begin, say
from dltoolbox.program.executable import Program
from dltoolbox.program.model import Model

HEAD = ("layer", "what enters", "work", "PyTorch, ms", "NumPy+SciPy, ms", "ratio", "with Numba, ms", "ratio", "slow")
BLOCK, MOST, WARM = 0.03, 200, 3  # seconds of a timed block, calls in it at most, and calls before
PATIENCE = 0.1  # seconds: there are many rows
SLOW, VERY_SLOW = 1.5, 3.0

Timed = Callable[[], Callable[[], list[np.ndarray]]]


# One side ------------------------------------------------------------------------------------------------------------
def our_work(row: LayerRow, what: str) -> Timed:
    """What is timed of dltoolbox: a run of the compiled program."""
    model = Model(row.graph(), np.float32)
    arrays = row.arrays()
    for key, value in model.arrays.items():
        if key.layer == "layer":
            value[...] = arrays[key.name].reshape(value.shape)
    data = row.data()
    if what == "predict":
        model = Model(row.graph(), np.float32, draw=False, arrays=model.arrays)  # as in a finished network, these stay

        def predict() -> Callable[[], list[np.ndarray]]:
            outcome = model.run("predict", data)
            return lambda: outcome.results
        return predict
    target = row.target(model.predict(data)[0].shape)

    def train() -> Callable[[], list[np.ndarray]]:
        outcome = model.run("gradients", data, [target])
        return lambda: [np.asarray([outcome.loss]), *(() if row.looks_up else outcome.input_gradients)]
    return train


def work_of(row: LayerRow, what: str, variant: str) -> Timed:
    if variant in OURS:
        return our_work(row, what)
    from benchmarks.layer_reference import work
    return work(row, what, variant)


def samples(results: Sequence[np.ndarray]) -> list[list[float]]:
    """Some numbers of each result."""
    flat = [np.ravel(one).astype(float) for one in results]
    return [[float(one.mean()), *one[::-(-one.size // SAMPLES)].tolist()] for one in flat]


class Border:
    """Counts the seconds, on average over the threads, in which programs copy what enters and leaves."""

    def __init__(self) -> None:
        self.seconds = 0.0
        for name in ("_load", "_store", "_store_gradients"):
            setattr(Program, name, self.timed(getattr(Program, name)))

    def timed(self, method: Callable[..., None]) -> Callable[..., None]:
        def measured(program: Program, *arguments: Any) -> None:
            start = time.perf_counter()
            method(program, *arguments)
            self.seconds += (time.perf_counter() - start) / program.size
        return measured


class Side:
    """A variant that works on one row after the other."""

    def __init__(self, variant: str, border: Border | None = None) -> None:
        self.variant, self.border = variant, border

    def begin(self, key: str, what: str, small: bool) -> dict[str, Any]:
        """Make everything ready; what the first call gives, and how many calls fill a block."""
        row = LAYERS[key].sized(small)
        self.call = work_of(row, what, self.variant)
        first = samples(self.call()())
        for _ in range(WARM):
            start = time.perf_counter()
            self.call()
            seconds = time.perf_counter() - start
        self.count = 1 if small else max(1, min(MOST, math.ceil(BLOCK / max(seconds, 1e-6))))
        return {"first": first}

    def block(self) -> dict[str, Any]:
        outside, processor, start = self.outside(), time.process_time(), time.perf_counter()
        for _ in range(self.count):
            self.call()
        seconds = time.perf_counter() - start
        return {"seconds": seconds - self.outside() + outside, "processor": time.process_time() - processor,
                "count": self.count}

    def outside(self) -> float:
        return self.border.seconds if self.border else 0.0


def main(task: dict[str, Any]) -> None:
    answers = begin(task["threads"], task["variant"])
    side = Side(task["variant"], Border() if task["variant"] in OURS else None)
    for line in sys.stdin:
        request = json.loads(line)
        say(answers, side.block() if request == "block" else side.begin(*request))


# All sides -----------------------------------------------------------------------------------------------------------
class Line(NamedTuple):
    """Seconds per call of every variant, in each round."""

    row: LayerRow
    work: str
    seconds: dict[str, list[float]]

    @property
    def torch(self) -> list[float]:
        """PyTorch in the faster of its formats."""
        return min((times for name, times in self.seconds.items() if name in TORCH), key=min)

    def ratio(self, variant: str) -> float:
        """Of the minima; NaN where it was not measured."""
        return min(self.seconds[variant]) / min(self.torch) if variant in self.seconds else math.nan

    @property
    def slow(self) -> str:
        """A mark where either variant takes much longer than PyTorch."""
        worst = max((self.ratio(name) for name in OURS if name in self.seconds), default=0.0)
        return f"over {VERY_SLOW:g}" if worst > VERY_SLOW else f"over {SLOW:g}" if worst > SLOW else ""

    def cells(self) -> tuple[str, ...]:
        times = [cell for name in OURS for cell in (
            (milliseconds(self.seconds[name]), f"{self.ratio(name):.2f}") if name in self.seconds else (NONE, NONE))]
        return (self.row.factory, self.row.text, self.work, milliseconds(self.torch), *times, self.slow)


def chosen(names: Sequence[str]) -> list[LayerRow]:
    """The rows whose names begin like one of these; all of them by default. An unknown name is a `KeyError`."""
    for name in names:
        if not any(key.lower().startswith(name.lower()) for key in LAYERS):
            raise KeyError(name)
    return [one for key, one in LAYERS.items() if not names or any(key.lower().startswith(n.lower()) for n in names)]


def lines(rows: Sequence[LayerRow], blas: str, settings: Settings) -> Iterator[Line]:
    """Measure row by row. One in which the sides differ is an error at the end, after all others."""
    names, refused = variants(), list[str]()
    with ExitStack() as stack:
        workers = {name: stack.enter_context(Worker("benchmarks.layers", name, {}, blas, settings.threads))
                   for name in names}
        for row in rows:
            for what in row.works:
                first = {name: workers[name].ask([row.factory, what, settings.small])["first"] for name in names}
                try:
                    compared(row, what, first)
                except Refused as why:
                    refused.append(f"{row.factory}, {what}: {why}")
                    continue
                yield measured(row, what, workers, settings)
    if refused:
        raise Refused("\n".join(refused))


def compared(row: LayerRow, what: str, first: dict[str, list[list[float]]]) -> None:
    """Raise `Refused` where the sides differ; what dropout draws does."""
    if what == "train" and not row.alike:
        return
    for ours in set(OURS) & set(first):
        for theirs in TORCH:
            check_same(first[ours], first[theirs])


def measured(row: LayerRow, what: str, workers: dict[str, Worker], settings: Settings) -> Line:
    """Rounds, in each of which every variant works for a block."""
    line = Line(row.sized(settings.small), what, {name: [] for name in workers})
    for _ in range(settings.rounds):
        for name, worker in workers.items():
            counts: list[int] = []

            def work(worker: Worker = worker, counts: list[int] = counts) -> tuple[float, float]:
                answer = worker.ask("block")
                counts.append(answer["count"])
                return answer["seconds"], answer["processor"]
            line.seconds[name].append(undisturbed(work, min(PATIENCE, settings.patience)).seconds / counts[0])
    return line


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
