"""Every kernel on random sizes, windows, orders, types, threads and needs, in memory full of garbage, against the body of
its op.

Many more by hand: ``python -m tests.kernels.test_random_geometry --seed 1 --count 20000``.
"""

from __future__ import annotations

import argparse
import traceback
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple
from unittest import mock

import numpy as np
import pytest

from dltoolbox.core.random import rng as restart
from dltoolbox.kernels import KERNELS, Kernel, numba_support
from dltoolbox.kernels.base import OwnMemory
from dltoolbox.kernels.testing import bind_alone
from tests.kernels.random_samples import family, pick
from tests.kernels.test_kernels import ORDERS, TOLERANCE, assert_same, expected, use_of
from tests.kernels.test_shards import Shards
from tests.ops.sample import Case

OPS = sorted(KERNELS)
BATCHES = (1, 1, 2, 3, 5, 8, 31, 32, 33, 64, 130)
MOST = 1 << 19  # elements of an input
PARTS = (4, 3)  # observations of shards
COUNT = 40  # draws per op in the suite


class Use(NamedTuple):
    sample: Case
    batch: int
    dtype: Any
    order: str
    threads: int
    precision: str
    train: bool

    def __str__(self) -> str:
        window = {**self.sample.attrs, **{k: v for link in self.sample.attrs.get("links", ())
                                          for k, v in link.attrs.items()}}.get("window", "")
        return (f"{self.sample.op}: {self.sample.label}, {window}, differentiable {self.sample.differentiable}, batch "
                f"{self.batch}, {self.dtype.__name__}, {self.order}, {self.threads} threads, {self.precision}, {self.train}")


def drawn(op: str, seed: int) -> Use:
    rng = np.random.default_rng([seed, OPS.index(op)])
    sample = family(op)(rng, op)
    needs = tuple(i for i in sample.differentiable if rng.random() < 0.7)
    sample = replace(sample, differentiable=needs)
    fits = [n for n in BATCHES if sample.inputs(1)[0].size * n <= MOST]
    batch = pick(rng, *(fits or [1]))
    if "batch_norm" in op.split("+") and sample.inputs(1)[0].size * batch < 4 * sample.inputs(1)[1].size:
        batch = 4  # gradients through the variance of two or three values are mostly rounding
    return Use(sample, batch, pick(rng, np.float32, np.float32, np.float64), pick(rng, *ORDERS),
               pick(rng, 1, 1, 2, 3), pick(rng, "default", "default", "fast"), rng.random() < 0.8 and bool(needs))


class Spoilt(OwnMemory):
    """Memory full of NaN, or of ones in every bit, that forgets what it may."""

    def __init__(self) -> None:
        super().__init__()
        self.temporary: list[np.ndarray] = []

    def scratch(self, shape: Sequence[int], dtype: Any) -> np.ndarray:
        self.temporary.append(super().scratch(shape, dtype))
        return self.temporary[-1]


def spoil(arrays: Sequence[np.ndarray | None]) -> None:
    for array in arrays:
        if array is not None and array.ndim:
            array[...] = np.nan if array.dtype.kind == "f" else True if array.dtype.kind == "b" else ~array.dtype.type(0)


def check(kernel: Kernel, use: Use) -> None:
    """Outputs and gradients, twice, where everything is spoilt that a program may have overwritten."""
    sample, tolerance = use.sample, 10 * TOLERANCE[use.dtype] * (10 if use.precision == "fast" else 1)
    case = replace(use_of(sample, use.batch, use.dtype, use.order, use.train), threads=use.threads, precision=use.precision)
    outputs, gradients, grads = expected(sample, use.batch, use.dtype)
    inputs = sample.inputs(use.batch, use.dtype)
    added = frozenset(i for i in sample.differentiable if kernel.can_accumulate(i))
    with mock.patch("dltoolbox.kernels.testing.OwnMemory", Spoilt):
        trial = bind_alone(kernel, case, inputs, [y.dtype for y in outputs], grads if use.train else None,
                           accumulate_into=added)
    site, memory = trial.site, trial.memory
    assert isinstance(memory, Spoilt)
    spoil(memory.taken)
    for _ in range(2):
        for mine, given in zip(site.inputs, inputs, strict=True):
            np.copyto(mine, given)
        spoil([*memory.temporary, *site.outputs])
        restart(0)
        bound = trial.bound
        for closure in (bound.prepare, *bound.prepare_parallel, bound.pre_run, *reversed(bound.forward)):
            if closure is not None:
                closure()
        assert_same(site.outputs, outputs, tolerance)
        if not use.train:
            continue
        saved_for_backward = kernel.saved_for_backward
        spoil([*memory.temporary, *site.grad_inputs, *([] if "outputs" in saved_for_backward else site.outputs),
               *([] if "inputs" in saved_for_backward else [site.inputs[i] for i in sample.batched])])
        for i in added:
            site.grad_inputs[i][...] = 1  # type: ignore[index]
        for grad, given in zip(site.grad_outputs, grads, strict=True):
            if grad is not None:
                np.copyto(grad, given)  # type: ignore[arg-type]
        for closure in reversed(trial.bound.backward):
            closure()
        wanted = [g if g is None or i not in added else g + 1 for i, g in enumerate(gradients)]
        assert_same(site.grad_inputs, wanted, tolerance)


def check_shards(kernel: Kernel, use: Use) -> None:
    """In two shards, where the kernel serves both."""
    if not all(kernel.accepts(use_of(use.sample, part, use.dtype, use.order)) for part in PARTS):
        return
    shards = Shards(kernel, use.sample, PARTS, use.dtype, use.order)
    shards.run()
    assert_same(shards.joined(), shards.outputs, 10 * TOLERANCE[use.dtype])
    assert_same(shards.added(), shards.gradients, 10 * TOLERANCE[use.dtype])


def check_all(op: str, seed: int) -> int:
    """All kernels that accept one use; returns how many they are."""
    use, found = drawn(op, seed), 0
    case = replace(use_of(use.sample, use.batch, use.dtype, use.order, use.train), precision=use.precision)
    for kernel in KERNELS[op]:
        if kernel.accepts(case) and (not kernel.accelerator or numba_support.available()):
            check(kernel, use)
            found += 1
            if kernel.by_observation and use.train and seed % 3 == 0 and op not in ("size_of", "max_unpool"):
                check_shards(kernel, use)
    return found


@pytest.mark.parametrize("op", OPS)
def test_random_uses(op: str) -> None:
    """The seed in a failure's text draws the same use again."""
    for seed in range(COUNT):
        try:
            check_all(op, seed)
        except Exception as problem:
            raise AssertionError(f"seed {seed}, {drawn(op, seed)}") from problem


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--ops", nargs="*", default=OPS)
    given = parser.parse_args()
    problems, checked = 0, 0
    for seed in range(given.seed, given.seed + given.count):
        for op in given.ops:
            try:
                checked += check_all(op, seed)
            except Exception as problem:
                problems += 1
                print(f"seed {seed}, {drawn(op, seed)}\n  {problem!r:.200}", flush=True)
                if problems < 3:
                    traceback.print_exc()
    print(f"{checked} uses of kernels, {problems} problems")


if __name__ == "__main__":
    main()
