"""One side of one row, in a process of its own: ``python -m benchmarks.worker '{"row": …}'``.

It first says what its first two units of work gave, so that the sides can be compared, and then works in blocks: each
line that it reads asks for one, each line that it writes tells how many seconds it took, and how many on processors.
The loop of the row never notices: `Pace` waits for the next request inside ``tick``.
"""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any, TextIO

import numpy as np

from benchmarks import rows

SAMPLES = 1000  # numbers of one result that are compared


class First:
    """A tick that keeps the first results, thinned out, and ends the loop."""

    def __init__(self, variant: str, count: int) -> None:
        self.side, self.left = rows.side(variant), count
        self.samples: list[list[float]] = []

    def __call__(self, result: Any) -> bool:
        for array in self.side.numbers(result):
            flat = np.ravel(array).astype(float)
            self.samples.append([float(flat.mean()), *flat[::-(-flat.size // SAMPLES)].tolist()])
        self.left -= 1
        return self.left <= 0


class Pace:
    """A tick that lets the loop work block by block, and times the blocks."""

    def __init__(self, ticks: int, requests: TextIO, answers: TextIO) -> None:
        self.ticks, self.requests, self.answers = ticks, requests, answers
        self.start_block()

    def start_block(self) -> None:
        self.left, self.processor, self.start = self.ticks, time.process_time(), time.perf_counter()

    def __call__(self, result: Any) -> bool:
        self.left -= 1
        if self.left:
            return False
        seconds = time.perf_counter() - self.start
        say(self.answers, {"seconds": seconds, "processor": time.process_time() - self.processor})
        if not self.requests.readline().strip():
            return True
        self.start_block()
        return False


def say(answers: TextIO, message: dict[str, Any]) -> None:
    answers.write(json.dumps(message) + "\n")
    answers.flush()


def begin(threads: int, variant: str) -> TextIO:
    """Set the threads of PyTorch, and return where answers go; the environment has told everybody else."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever is printed must not disturb the answers
    if variant in rows.TORCH:
        import torch
        torch.set_num_threads(threads)
    return answers


def first_results(row: rows.Row, variant: str, count: int = 2) -> list[list[float]]:
    """Samples of what the first units of work gave: losses of the first steps, or outputs."""
    first = First(variant, count)
    rows.run(row, variant, first, shuffle=False)
    return first.samples


def main(task: dict[str, Any]) -> None:
    variant = task["variant"]
    answers = begin(task["threads"], variant)
    row = rows.ROWS[task["row"]].sized(task["small"])
    say(answers, {"first": first_results(row, variant)})
    if sys.stdin.readline().strip():
        rows.run(row, variant, Pace(row.ticks, sys.stdin, answers), shuffle=True)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
