"""The rows of the table: what they are, how large, what is wanted of them, and where their loops are."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable
from functools import partial
from types import ModuleType
from typing import NamedTuple

from benchmarks import data
from benchmarks.data import Observed, Size, Tick
from benchmarks.pooling import POOLS, TEXTS, our_loop, torch_loop

OURS = ("numpy", "numba")  # what dltoolbox may use
TORCH = ("contiguous", "channels_last")  # memory formats, of which the faster counts


class Row(NamedTuple):
    """One line of the table. ``small`` is its size for `--quick` and for tests.

    ``targets`` are the largest ratios that are wanted, with NumPy and with Numba; ``observe``, ``network`` and ``work``
    name what both sides do (see `benchmarks.ours` and `benchmarks.reference`), and are empty in the rows of pooling.
    """

    key: str
    what: str
    size: Size
    small: Size
    targets: tuple[float, ...] = ()
    observe: Callable[[Size], Observed] = data.pictures
    network: str = ""
    work: str = ""

    @property
    def text(self) -> str:
        return f"{self.key[0]}  {self.what}, batch {self.size.batch}"

    def sized(self, small: bool) -> Row:
        return self._replace(size=self.small) if small else self

    @property
    def ticks(self) -> int:
        """Calls of tick in one timed block: training and pooling tick at each mini-batch, predict at each pass."""
        return 1 if self.work == "predict" else self.size.units


def pool_row(key: str) -> Row:
    pool = POOLS[key]
    targets = (0.6, 0.3) if pool.stride == 2 else (1.2, 0.7) if pool.what == "backward" else (0.3, 0.2)
    return Row(key, f"max pooling {pool.size}×{pool.size}, stride {pool.stride}: {TEXTS[pool.what]}", Size(112, 32, 5, 64),
               Size(12, 2, 2, 3), targets)


WORKS = {"train": "training", "predict": "predict"}
SEQUENCES = {"small": Size(25, 27, 10, 100, 12), "large": Size(100, 64, 2, 256, 128)}


def recurrent_row(cell: str, size: str, work: str) -> Row:
    """A cell over sequences of one length, in a classifier."""
    full, what = SEQUENCES[size], WORKS[work]
    targets = (1.0, 1.0) if work == "predict" else (1.2, 0.66) if size == "small" else (0.84, 0.69)
    return Row(f"D-{cell}-{size}-{work}", f"{cell.upper()} {full.features}→{full.channels}, {full.side} steps, {what}",
               full, Size(5, 4, 2, 6, 3), targets, data.signals, cell, work)


A, A_SMALL = Size(28, 128, 39), Size(28, 16, 2)
B, B_SMALL = Size(64, 8, 8, 64), Size(16, 4, 2, 8)
SEGNET = (data.pictures_of_pixels, "segnet")

ROWS = {row.key: row for row in (
    Row("A-train", "digits CNN, training", A, A_SMALL, (0.65, 0.45), data.digits, "digits", "train"),
    Row("A-predict", "digits CNN, predict", A, A_SMALL, (0.9, 0.7), data.digits, "digits", "predict"),
    Row("B-train", "SegNet with unpooling, training", B, B_SMALL, (0.95, 0.85), *SEGNET, "train"),
    Row("B-train-fast", "SegNet with unpooling, training, Precision 'fast'", B, B_SMALL, (0.75, 0.65), *SEGNET,
        "train fast"),
    Row("B-predict", "SegNet with unpooling, predict", B, B_SMALL, (), *SEGNET, "predict"),
    Row("C-train", "ResNet-20, training", Size(32, 64, 10), Size(16, 8, 2), (1.3, 0.9), data.pictures, "resnet", "train"),
    *(recurrent_row(cell, size, work) for cell in ("lstm", "gru") for size in ("small", "large") for work in WORKS),
    Row("E-train", "3-D CNN, training", Size(32, 8, 8, 16), Size(8, 4, 2, 4), (1.0, 0.8), data.volumes, "volumes", "train"),
    Row("L-train", "1-D CNN of sequences, training", Size(25, 27, 10), Size(9, 4, 2), (0.9, 0.9), data.sequences,
        "sequences", "train"),
    Row("G-vgg-1", "VGG-16, predict", Size(224, 1, 3, 64), Size(32, 1, 2, 4), (0.9, 0.8), data.pictures, "vgg", "predict"),
    Row("G-vgg-8", "VGG-16, predict", Size(224, 8, 1, 64), Size(32, 2, 1, 4), (0.9, 0.8), data.pictures, "vgg", "predict"),
    Row("G-alexnet-8", "AlexNet, predict", Size(224, 8, 4, 64), Size(64, 2, 2, 4), (0.9, 0.8), data.pictures, "alexnet",
        "predict"),
    Row("K-train", "self-attention, 8 heads, 64 channels, 100 steps, training", Size(100, 32, 10, 64), Size(7, 4, 2, 8),
        (1.2, 1.0), data.signals, "attention", "train"),
    *(pool_row(key) for key in POOLS))}


def chosen(names: list[str]) -> list[Row]:
    """The rows that a list of names means: whole names, or beginnings up to a dash, so that ``B`` is every row of B.

    An unknown name is a `KeyError`.
    """
    found: dict[str, Row] = {}
    for name in names or list(ROWS):
        some = {key: row for key, row in ROWS.items() if f"{key}-".lower().startswith(f"{name}-".lower())}
        if not some:
            raise KeyError(name)
        found |= some
    return list(found.values())


def side(variant: str) -> ModuleType:
    """The module of a variant's side; PyTorch is imported only for its own."""
    return importlib.import_module("benchmarks.reference" if variant in TORCH else "benchmarks.ours")


Started = Callable[[Tick, bool], None]


def prepared(row: Row, variant: str) -> Callable[[], Started]:
    """Make the data of a row. The function that comes back makes the network; what comes back then runs the loop, until
    its first argument returns True; the second says whether to shuffle.
    """
    if row.key in POOLS:
        def pooling(tick: Tick, shuffle: bool) -> None:
            if variant in TORCH:
                torch_loop(POOLS[row.key], row.size, tick, variant)
            else:
                our_loop(POOLS[row.key], row.size, tick, int(os.environ.get("DLTOOLBOX_NUM_THREADS", "1")))
        return lambda: pooling
    module = side(variant)
    arrays = module.inputs(row.observe(row.size), variant)
    return lambda: partial(module.WORK[row.work], arrays, module.network(row.network, row.size, variant, row.work),
                           row.size)


def run(row: Row, variant: str, tick: Tick, *, shuffle: bool) -> None:
    """Run the loop of one side until ``tick`` returns True."""
    prepared(row, variant)()(tick, shuffle)
