"""What pooling costs as windows grow: ``python -m benchmarks.large_windows``, with ``--write`` into docs/performance.md.

Images of 256×256×3, stride 1, padding 'same'. Every cell is a process of its own with nothing measured or compiled before:
seconds of the first call, milliseconds of a later one, and by how many MB the resident memory grew at most.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np

import dltoolbox as dl
from benchmarks.measure import OURS, variants
from benchmarks.memory import CLEAR, RESET_PEAK, give_back, resident
from benchmarks.report import DOCUMENT, as_markdown, machine, markdown_table, write_block

SIDES = (3, 7, 15, 31, 63, 127, 255)
SIDE, REPEATS = 256, 3


def max_pooling(side: int) -> list[Any]:
    return [dl.maxPooling2dLayer(side, Stride=1, Padding="same")]


def unpooling(side: int) -> Any:
    graph = dl.layerGraph([image(), dl.maxPooling2dLayer(side, Stride=1, Padding="same", HasUnpoolingOutputs=True, Name="p"),
                           dl.maxUnpooling2dLayer(Name="u")])
    return dl.connectLayers(dl.connectLayers(graph, "p/indices", "u/indices"), "p/size", "u/size")


def averages(value: Any) -> Callable[[int], list[Any]]:
    return lambda side: [dl.averagePooling2dLayer(side, Stride=1, Padding="same", PaddingValue=value)]


def image() -> Any:
    return dl.imageInputLayer([SIDE, SIDE, 3], Normalization="none")


def predicting(pool: Callable[[int], list[Any]]) -> Callable[[int, np.ndarray], Any]:
    return lambda side, X: dl.predict(dl.dlnetwork([image(), *pool(side)]), X)


def training(pool: Callable[[int], list[Any]]) -> Callable[[int, np.ndarray], Any]:
    def train(side: int, X: np.ndarray) -> Any:
        layers = [image(), dl.convolution2dLayer(3, 3, Padding="same"), *pool(side), dl.globalAveragePooling2dLayer(),
                  dl.fullyConnectedLayer(2), dl.softmaxLayer(), dl.classificationLayer()]
        options = dl.trainingOptions("sgdm", MaxEpochs=1, MiniBatchSize=1, Verbose=False)
        return dl.trainNetwork(X[..., None], dl.categorical([1], [1, 2]), layers, options)
    return train


WORK: dict[str, Callable[[int, np.ndarray], Any]] = {
    "maximum, predict": predicting(max_pooling),
    "maximum, one step of training": training(max_pooling),
    "maximum with indices and unpooling, predict": lambda side, X: dl.predict(dl.dlnetwork(unpooling(side)), X),
    "mean, padding counts, predict": predicting(averages(0)),
    "mean of real elements, predict": predicting(averages("mean")),
    "mean of real elements, one step of training": training(averages("mean")),
    "maxpool() with indx": lambda side, X: dl.maxpool(X, side, Padding="same", DataFormat="SSC", nargout=2),
    "avgpool(), PaddingValue 'mean'": lambda side, X: dl.avgpool(X, side, Padding="same", DataFormat="SSC",
                                                                 PaddingValue="mean"),
}


def measured(work: str, side: int) -> dict[str, float]:
    """Seconds of the first call, those of the fastest later one, and MB."""
    X = np.random.default_rng(0).standard_normal((SIDE, SIDE, 3)).astype(np.float32)
    give_back()
    before = resident("VmRSS")
    with suppress(OSError):
        CLEAR.write_text(RESET_PEAK)
    seconds = []
    for _ in range(1 + REPEATS):
        start = time.perf_counter()
        WORK[work](side, X)
        seconds.append(time.perf_counter() - start)
    return {"first": seconds[0], "later": min(seconds[1:]), "megabytes": resident("VmHWM") - before}


def cell(work: str, side: int, variant: str) -> str:
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "DLTOOLBOX_CACHE": folder, "DLTOOLBOX_NUMBA": str(int(variant == "numba"))}
        done = subprocess.run([sys.executable, "-m", "benchmarks.large_windows", "--cell", work, str(side)],
                              env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        return done.stderr.strip().splitlines()[-1]
    found = json.loads(done.stdout.splitlines()[-1])
    return f"{found['first']:.2f} s, {1e3 * found['later']:.0f} ms, {found['megabytes']:.0f} MB"


def main(arguments: list[str] | None = None) -> None:
    p = argparse.ArgumentParser(prog="python -m benchmarks.large_windows", description="Pooling with large windows.")
    p.add_argument("--write", action="store_true", help="put the table into docs/performance.md")
    p.add_argument("--cell", nargs=2, metavar=("WORK", "SIDE"), help="measure one cell in this process")
    given = p.parse_args(arguments)
    if given.cell:
        print(json.dumps(measured(given.cell[0], int(given.cell[1]))))
        return
    head, lines = ("", "with", *map(str, SIDES)), []
    for work in WORK:
        for variant in (name for name in variants() if name in OURS):
            lines.append(as_markdown((work, variant, *(cell(work, side, variant) for side in SIDES))))
            print(lines[-1], flush=True)
    if given.write:
        write_block(DOCUMENT, "large windows", f"{machine()}\n\n{markdown_table(head, lines)}")


if __name__ == "__main__":
    main()
