"""Kernels on several threads: shards of a batch that run at the same time and meet, and parts of one step."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import pairwise
from threading import Barrier
from typing import Any

import numpy as np
import pytest

from dltoolbox.core.random import rng as restart
from dltoolbox.kernels import Kernel
from dltoolbox.kernels.testing import Trial, bind_alone
from tests.kernels.test_kernels import PAIRS, TOLERANCE, assert_same, expected, in_turns, taken, use_of
from tests.ops import samples
from tests.ops.samples import observations

BATCH = 7  # nothing else at the end of a sample's shape has this size
SECONDS = 20  # a meeting that somebody does not come to fails

CUT = [pair for pair in PAIRS if pair.values[0].by_observation and pair.values[1].op != "size_of"]


class Meeting:
    """Where shards add arrays up; the sums are the same for all, to the bit."""

    def __init__(self, count: int) -> None:
        self._barrier = Barrier(count, timeout=SECONDS)
        self._brought: list[np.ndarray] = [np.empty(0)] * count

    def place(self, rank: int) -> Callable[[np.ndarray], None]:
        def all_reduce(array: np.ndarray) -> None:
            self._brought[rank] = array.copy()
            self._barrier.wait()
            array[...] = np.sum(self._brought, 0)
            self._barrier.wait()
        return all_reduce


class Shards:
    """One kernel bound to parts of a batch, each of ``parts`` observations."""

    def __init__(self, kernel: Kernel, sample: samples.Case, parts: Sequence[int], dtype: Any, order: str) -> None:
        self.sample = sample
        self.ends = np.cumsum([0, *parts])
        self.outputs, self.gradients, grads = expected(sample, BATCH, dtype)
        self.grad_outputs = [[g[..., at] if g is not None and self.is_cut(g) else g for g in grads] for at in self.cuts]
        meeting = Meeting(len(parts))
        self.trials = [self._bind(kernel, rank, at, dtype, order, meeting.place(rank)) for rank, at in enumerate(self.cuts)]

    @property
    def cuts(self) -> list[slice]:
        return [slice(int(a), int(b)) for a, b in pairwise(self.ends)]

    def _bind(self, kernel: Kernel, rank: int, at: slice, dtype: Any, order: str,
              all_reduce: Callable[[np.ndarray], None]) -> Trial:
        given = observations(self.sample, self.sample.inputs(BATCH, dtype), at)
        case = use_of(self.sample, at.stop - at.start, dtype, order)
        trial = bind_alone(kernel, case, given, [y.dtype for y in self.outputs], self.grad_outputs[rank], all_reduce,
                           len(self.grad_outputs))
        for garbage in trial.memory.taken:
            if garbage.dtype.kind == "f":
                garbage[...] = np.nan
        return trial

    @staticmethod
    def is_cut(whole: np.ndarray) -> bool:
        return whole.ndim > 1 and whole.shape[-1] == BATCH

    def run(self) -> None:
        """Forward and backward; what is drawn at random is drawn shard after shard."""
        restart(0)
        for trial, grads in zip(self.trials, self.grad_outputs, strict=True):
            for mine, given in zip(trial.site.grad_outputs, grads, strict=True):  # a backward call may overwrite them
                if mine is not None and given is not None:
                    np.copyto(mine, given)
            if trial.bound.pre_run is not None:
                trial.bound.pre_run()
        with ThreadPoolExecutor(len(self.trials)) as pool:
            list(pool.map(self._work, self.trials))

    @staticmethod
    def _work(trial: Trial) -> None:
        if trial.bound.prepare is not None:
            trial.bound.prepare()
        for closure in (*trial.bound.forward, *trial.bound.backward):
            closure()

    def joined(self) -> Iterator[Any]:
        """Outputs: joined where they are cut, added up where they are numbers; everything else is known to all alike."""
        for number, whole in enumerate(self.outputs):
            parts = [trial.site.outputs[number] for trial in self.trials]
            for part in parts:
                if whole.ndim and not self.is_cut(whole):
                    np.testing.assert_array_equal(part, parts[0])
            yield np.concatenate(parts, -1) if self.is_cut(whole) else parts[0] if whole.ndim else np.sum(parts)

    def added(self) -> Iterator[np.ndarray | None]:
        """Gradients: joined for data, added up for parameters."""
        for number, whole in enumerate(self.gradients):
            parts = [trial.site.grad_inputs[number] for trial in self.trials]
            if whole is None:
                assert parts == [None] * len(parts)
                yield None
            else:
                yield np.concatenate(parts, -1) if number in self.sample.batched else np.sum(parts, 0)


@pytest.mark.parametrize(("kernel", "sample", "order", "parts"), in_turns(
    CUT, [[(order, parts) for parts in ((4, 3), (3, 1, 3))] for order in ("rows", "channels last")]))
def test_shards_make_the_batch(kernel: Kernel, sample: samples.Case, order: str, parts: Sequence[int]) -> None:
    dtype = taken(kernel, sample)
    shards = Shards(kernel, sample, parts, dtype, order)
    for _ in range(2):
        shards.run()
        assert_same(shards.joined(), shards.outputs, TOLERANCE[dtype])
        assert_same(shards.added(), shards.gradients, TOLERANCE[dtype])


@pytest.mark.parametrize(("kernel", "sample"), CUT)
def test_shards_in_single_precision(kernel: Kernel, sample: samples.Case) -> None:
    shards = Shards(kernel, sample, (4, 3), np.float32, "rows")
    shards.run()
    assert_same(shards.joined(), shards.outputs, 2 * TOLERANCE[np.float32])
    assert_same(shards.added(), shards.gradients, 2 * TOLERANCE[np.float32])


@pytest.mark.parametrize(("kernel", "sample"), PAIRS)
def test_threads_that_share_a_step_do_not_depend_on_one_another(kernel: Kernel, sample: samples.Case,
                                                                monkeypatch: pytest.MonkeyPatch) -> None:
    """The parts of a step may run in any order, and make the whole."""
    monkeypatch.setattr("dltoolbox.kernels.elementwise.arithmetic.SHARED", 0)
    dtype = taken(kernel, sample)
    outputs, gradients, grads = expected(sample, 2, dtype)
    case = replace(use_of(sample, 2, dtype), threads=3)
    trial = bind_alone(kernel, case, sample.inputs(2, dtype), [y.dtype for y in outputs], grads)
    restart(0)
    assert len(trial.bound.forward) <= 3
    for closure in (trial.bound.prepare, trial.bound.pre_run, *reversed(trial.bound.forward)):
        if closure is not None:
            closure()
    assert_same(trial.site.outputs, outputs, TOLERANCE[dtype])
    if trial.bound.backward:
        assert len(trial.bound.backward) <= 3
        for closure in reversed(trial.bound.backward):
            closure()
        assert_same(trial.site.grad_inputs, gradients, TOLERANCE[dtype])


def test_every_kind_of_meeting_is_tested() -> None:
    names = {pair.values[0].op for pair in CUT}
    assert {"softmax_focal_cross_entropy", "generalised_dice"} <= names
    assert {"softmax_cross_entropy", "cross_entropy", "half_mse", "dropout", "batch_norm"} <= names
