"""Attention in many blocks: some observations, heads and queries at a time, on several threads, and its memory."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from dltoolbox.core.dims import Dims
from dltoolbox.kernels import KERNELS, KernelSpec, attention
from dltoolbox.kernels.elementwise import arithmetic
from dltoolbox.kernels.testing import bind_alone
from dltoolbox.ops import OPS
from tests.kernels.test_kernels import use_of
from tests.ops.samples import CASES, cotangent, gradients

SAMPLES = [case for case in CASES if case.op == "attention" and KERNELS["attention"][0].accepts(use_of(case, 2))]


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize(("scores", "together"), [(1, 1), (40, 2), (700, 3)])
@pytest.mark.parametrize("case", SAMPLES, ids=str)
def test_blocks_of_any_size(case: Any, scores: int, together: int, threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attention, "SCORES", scores)
    monkeypatch.setattr(attention, "COPIED_ELEMENTS", 1)
    monkeypatch.setattr(attention, "TOGETHER", together)
    monkeypatch.setattr(attention, "FEWEST_QUERIES", 2)
    monkeypatch.setattr(arithmetic, "SHARED", 0)
    inputs, attrs = case.inputs(5), case.attributes(5)
    y = OPS["attention"].forward(*inputs, **attrs)
    (grad, *_) = cotangent(case, y)
    (kernel,) = [one for one in KERNELS["attention"] if not one.accelerator]
    spec = replace(use_of(case, 5, order="axes"), threads=threads)
    trial = bind_alone(kernel, spec, inputs, grads=[grad])
    np.testing.assert_allclose(trial.forward()[0], y, rtol=1e-11, atol=1e-11)
    for found, expected in zip(trial.backward(), gradients(case, inputs, [grad], 5), strict=True):
        if expected is not None and found is not None:
            np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("steps", [256, 1024])
def test_memory_grows_with_the_number_of_steps(steps: int) -> None:
    """Not with its square."""
    dims = Dims.of("CTB", 8, steps, 4)
    spec = KernelSpec("attention", (dims,) * 3, (dims,), ((0, 1, 2),) * 3,
                      {"axis": -2, "heads": 2, "scale": 1.0, "causal": False}, np.dtype(np.float32), (True,) * 3)
    x = np.zeros(dims.shape, np.float32)
    trial = bind_alone(KERNELS["attention"][0], spec, [x] * 3)
    assert trial.memory.scratch_bytes < 4 * (2 * attention.SCORES + 12 * x.size)
    assert trial.memory.keep_bytes == 4 * 2 * 4 * steps
