"""Recurrent kernels: in blocks of steps and columns, with gradients of all outputs, and with weights that a run computes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from dltoolbox.kernels import KERNELS, Kernel
from dltoolbox.kernels.base import BindContext, OwnMemory
from dltoolbox.kernels.recurrent import weights
from dltoolbox.kernels.testing import Trial, bind_alone
from dltoolbox.ops import OPS, Call
from tests.kernels.test_kernels import TOLERANCE, assert_same, compare, usable, use_of
from tests.ops.sample import Case
from tests.ops.samples_recurrent import RESETS, cases, cell

SINGLE = [pytest.param(kernel, sample, id=f"{type(kernel).__name__}-{sample}") for sample in cases()
          for kernel in usable(sample.op) if kernel.accepts(use_of(sample, 2, np.float32))]
PAIRS = [pair for pair in SINGLE if pair.values[0].accelerator]
LONG = [cell(op, f"long{'-reverse' * reverse}{'-lengths' * ragged}", (3, 11, 32), ragged, reverse=reverse, **reset)
        for op, reset in (("lstm", {}), ("gru", {}), ("gru", {"reset": RESETS[2]}))
        for reverse in (False, True) for ragged in (False, True)]
BLOCKED = [pytest.param(kernel, sample, id=f"{type(kernel).__name__}-{sample}") for sample in LONG
           for kernel in usable(sample.op)]


@pytest.mark.parametrize("batch", [1, 5])
@pytest.mark.parametrize(("kernel", "sample"), PAIRS)
def test_compiled_loops_agree_with_the_plain_body(kernel: Kernel, sample: Case, batch: int) -> None:
    compare(kernel, sample, batch, np.float32, "rows")


def all_gradients(sample: Case, inputs: tuple[np.ndarray, ...], which: tuple[int, ...]) -> tuple[Any, list[Any], Any]:
    """Outputs, gradients that arrive at some of them, and gradients of the inputs, by the op's own body."""
    rng, op = np.random.default_rng(3), OPS[sample.op]
    outputs = op.forward(*inputs, **sample.attrs)
    grads = [rng.standard_normal(y.shape).astype(y.dtype) if number in which else None for number, y in enumerate(outputs)]
    needs = tuple(i in sample.differentiable for i in range(len(inputs)))
    return outputs, grads, op.backward(Call(inputs, outputs, needs), *grads, **sample.attrs)


def spoilt(trial: Trial) -> Trial:
    for garbage in trial.memory.taken:
        garbage[...] = np.nan if garbage.dtype.kind == "f" else -1
    return trial


@pytest.mark.parametrize("chunked", [False, True], ids=["whole", "chunks"])
@pytest.mark.parametrize("which", [(0, 1), (1, 2), (2,)], ids=str)
@pytest.mark.parametrize(("kernel", "sample"), BLOCKED)
def test_gradients_of_all_outputs_in_blocks(kernel: Kernel, sample: Case, which: tuple[int, ...], chunked: bool,
                                            monkeypatch: pytest.MonkeyPatch) -> None:
    if sample.op == "gru" and which == (2,):
        which = (1,)
    kind = np.float32 if kernel.accelerator else np.float64
    monkeypatch.setattr("dltoolbox.kernels.recurrent.cell.BLOCK_BYTES", 6 * 32 * 4 * 4 * np.dtype(kind).itemsize)
    monkeypatch.setattr(weights, "small_products", lambda: chunked)
    monkeypatch.setattr(weights, "SMALL_PRODUCT", 4 * 32 * 16)
    monkeypatch.setattr(weights, "PACKED_CHUNKS", (8, 8))
    inputs = sample.inputs(4, kind)
    outputs, grads, gradients = all_gradients(sample, inputs, which)
    trial = spoilt(bind_alone(kernel, use_of(sample, 4, kind), inputs, None, grads))
    for _ in range(2):
        assert_same(trial.forward(), outputs, TOLERANCE[kind])
        for grad, given in zip(trial.site.grad_outputs, grads, strict=True):
            if grad is not None:
                np.copyto(grad, given)
        assert_same(trial.backward(), gradients, 2 * TOLERANCE[kind])
    only_forward = spoilt(bind_alone(kernel, use_of(sample, 4, kind, train=False), inputs))
    assert_same(only_forward.forward(), outputs, TOLERANCE[kind])
    assert only_forward.memory.keep_bytes == 0


@pytest.mark.parametrize("kernel", [one for op in ("lstm", "gru") for one in KERNELS[op] if not one.accelerator],
                         ids=lambda kernel: kernel.name)
def test_weights_that_other_steps_compute_are_read_in_every_run(kernel: Kernel) -> None:
    sample = cell(kernel.op, "")
    inputs, case = sample.inputs(3), replace(use_of(sample, 3))
    outputs, grads, gradients = all_gradients(sample, inputs, (0,))
    site = bind_alone(kernel, case, inputs, None, grads).site
    memory = OwnMemory()
    computed = BindContext(case, site.inputs, site.outputs, site.grad_outputs, site.grad_inputs, memory, site.all_reduce,
                           computed=frozenset(range(len(inputs))))
    trial = Trial(kernel, computed, kernel.bind(computed), memory)
    weight = len(inputs) - 3
    kept = trial.site.inputs[weight].copy()
    trial.site.inputs[weight][...] = 0
    trial.forward()
    trial.site.inputs[weight][...] = kept
    assert trial.bound.prepare is None
    assert_same(trial.forward(), outputs, TOLERANCE[np.float64])
    assert_same(trial.backward(), gradients, TOLERANCE[np.float64])


@pytest.mark.parametrize("sample", [cell("gru", "before", reset=RESETS[1]), cell("lstm", "relu", state_activation="relu")],
                         ids=str)
def test_unusual_cells_are_left_to_the_plain_body(sample: Case) -> None:
    assert not any(kernel.accepts(use_of(sample, 2, np.float32)) for kernel in KERNELS[sample.op])
