"""Time per image over batch and image size: ``python -m benchmarks --sweep``.

One process per variant takes each point in turn: a network of one convolution, batch normalisation, ReLU and pooling,
trained and predicted with. A point is an outlier where it is more than `FACTOR` off the geometric mean of its two
neighbours: on logarithmic axes, half-way between them.
"""

from __future__ import annotations

import json
import math
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks import data, rows
from benchmarks.data import Size
from benchmarks.measure import Settings, Worker, variants
from benchmarks.noise import undisturbed
from benchmarks.worker import begin, say

BATCHES, SIDES = (1, 8, 64, 512), (16, 32, 64, 128, 256, 512)
FEW_BATCHES, FEW_SIDES = (1, 2, 4), (16, 32)
WORK = ("train", "predict")
FILTERS, UNITS = 16, 2  # mini-batches of one epoch
MOST_PIXELS = 1 << 22  # of a mini-batch: 270 MB per array of 16 channels
FACTOR = 1.5
WARM, LEAST, MOST, SECONDS = 2, 3, 200, 0.3  # ticks before those that are timed, how many are timed, and for how long


class Point(NamedTuple):
    """One measurement."""

    work: str
    batch: int
    side: int


Times = dict[str, dict[Point, float]]  # seconds per image by variant


class Fastest:
    """A tick that keeps the shortest time between two calls."""

    def __init__(self) -> None:
        self.count, self.seconds = -WARM, math.inf
        self.start = self.last = time.perf_counter()

    def __call__(self, _: Any) -> bool:
        now = time.perf_counter()
        self.count += 1
        if self.count <= 0:
            self.start = now
        else:
            self.seconds = min(self.seconds, now - self.last)
        self.last = now
        return self.count >= MOST or (self.count >= LEAST and now - self.start >= SECONDS)


def points(small: bool) -> list[Point]:
    batches, sides = (FEW_BATCHES, FEW_SIDES) if small else (BATCHES, SIDES)
    return [Point(work, batch, side) for work, side, batch in product(WORK, sides, batches)
            if batch * side * side <= MOST_PIXELS]


def row_of(point: Point) -> rows.Row:
    """Training takes an epoch of a few mini-batches, prediction one."""
    units = UNITS if point.work == "train" else 1
    size = Size(point.side, point.batch, units, FILTERS)
    return rows.Row("sweep", "one unit", size, size, (), data.pictures, "one unit", point.work)


def seconds_per_image(point: Point, variant: str) -> float:
    tick = Fastest()
    rows.run(row_of(point), variant, tick, shuffle=True)
    return tick.seconds / point.batch


def measure(blas: str, settings: Settings) -> Times:
    """Every point in every variant; a time that was disturbed is taken again."""
    names = variants()
    times: Times = {name: {} for name in names}
    with ExitStack() as stack:
        workers = {name: stack.enter_context(Worker("benchmarks.sweep", name, {}, blas, settings.threads)) for name in names}
        for point in points(settings.small):
            for name, worker in workers.items():
                def work(worker: Worker = worker, point: Point = point) -> tuple[float, float]:
                    answer = worker.ask(point)
                    return answer["seconds"], answer["processor"]
                times[name][point] = undisturbed(work, settings.patience).seconds
            print(f"{point.work:<8} batch {point.batch:>3}, side {point.side:>3}: " + "  ".join(
                f"{name} {1e6 * times[name][point]:.4g} µs" for name in names), flush=True)
    return with_best_format(times)


def with_best_format(times: Times) -> Times:
    """PyTorch's formats become one variant, the faster at every point."""
    best = {point: min(times[name][point] for name in rows.TORCH) for point in times[rows.TORCH[0]]}
    return {name: found for name, found in times.items() if name not in rows.TORCH} | {"PyTorch": best}


# What is unusual -----------------------------------------------------------------------------------------------------
class Outlier(NamedTuple):
    """A point that takes ``factor`` times what its neighbours along ``axis`` let expect."""

    variant: str
    point: Point
    axis: str
    factor: float

    def __str__(self) -> str:
        work, batch, side = self.point
        return (f"{self.variant}: {work}, batch {batch}, side {side} takes {self.factor:.2f} times what its neighbours in "
                f"{self.axis} suggest")


def outliers(times: Times) -> list[Outlier]:
    return [Outlier(variant, point, axis, factor) for variant, found in times.items() for point in found
            for axis, low, high in neighbours(point) if low in found and high in found
            for factor in [found[point] / math.sqrt(found[low] * found[high])] if not 1 / FACTOR <= factor <= FACTOR]


def neighbours(point: Point) -> Iterator[tuple[str, Point, Point]]:
    """Along each axis: its name, the point before and the point behind."""
    for axis in ("batch", "side"):
        value = getattr(point, axis)
        yield axis, point._replace(**{axis: value // 2}), point._replace(**{axis: value * 2})


def summary(times: Times, found: list[Outlier]) -> str:
    """How many points were measured, how they compare, and which do not fit in."""
    theirs = times["PyTorch"]
    ratios = [f"{name} {statistics.median(ratio):.2f} (from {min(ratio):.2f} to {max(ratio):.2f})"
              for name, ours in times.items() if ours is not theirs
              for ratio in [[ours[point] / theirs[point] for point in theirs]]]
    text = f"{len(theirs)} points. Ratio to PyTorch, median and range: {'; '.join(ratios)}. "
    if not found:
        return f"{text}Every point lies within {FACTOR} times of what its neighbours suggest."
    return f"{text}Off by more than {FACTOR} times:\n\n" + "\n".join(f"- {one}" for one in found)


# Output --------------------------------------------------------------------------------------------------------------
def as_records(times: Times) -> list[dict[str, Any]]:
    return [{"variant": variant, **point._asdict(), "seconds_per_image": seconds}
            for variant, found in times.items() for point, seconds in found.items()]


def plot(times: Times, file: Path) -> None:
    """Time per image over the batch, a line per image size and variant; training left, prediction right."""
    import matplotlib
    matplotlib.use("Agg")
    from matplotlib import pyplot
    figure, panels = pyplot.subplots(1, 2, figsize=(12, 6), sharey=True, layout="constrained")
    styles = {"numpy": "-", "numba": "--", "PyTorch": ":"}
    for panel, work in zip(panels, WORK, strict=True):
        for variant, found in times.items():
            for number, side in enumerate(sorted({point.side for point in found})):
                line = sorted((point.batch, 1e6 * seconds) for point, seconds in found.items()
                              if (point.work, point.side) == (work, side))
                panel.plot(*zip(*line, strict=True), styles[variant], color=f"C{number}", marker=".",
                           label=f"{side}×{side}, {variant}" if panel is panels[0] else None)
        panel.set(title={"train": "training", "predict": "predict"}[work], xlabel="batch", yscale="log")
        panel.set_xscale("log", base=2)
        panel.grid(alpha=0.3)
    panels[0].set_ylabel("µs per image")
    figure.legend(loc="outside lower center", fontsize="small", ncols=len(times))
    figure.savefig(file, dpi=100)
    pyplot.close(figure)


def main(task: dict[str, Any]) -> None:
    variant = task["variant"]
    answers = begin(task["threads"], variant)
    for line in sys.stdin:
        processor = time.process_time()
        seconds = seconds_per_image(Point(*json.loads(line)), variant)
        say(answers, {"seconds": seconds, "processor": time.process_time() - processor})


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
