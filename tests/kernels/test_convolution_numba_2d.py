"""Convolutions without columns, by compiled loops: on every sample that they could serve, and in blocks and bands."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

pytest.importorskip("numba")

from dltoolbox.core.geometry import Window
from dltoolbox.kernels import KERNELS, Kernel
from dltoolbox.kernels.conv.epilogue import window_of
from dltoolbox.kernels.conv.numba_2d import ShiftedConv, even
from dltoolbox.kernels.testing import bind_alone
from tests.kernels.test_convolution import case_of, random_inputs, trained
from tests.kernels.test_kernels import compare, use_of
from tests.ops.chains import CHAINS
from tests.ops.samples import CASES


def fits(sample: Any) -> bool:
    window = window_of(use_of(sample, 2))
    return window.rank == 2 and set(window.stride) == {1} and window.dilation[0] == 1


TWINS = [one for several in KERNELS.values() for one in several if isinstance(one, ShiftedConv)]
PAIRS = [pytest.param(kernel, sample, id=f"{type(kernel).__name__}-{sample}") for kernel in TWINS
         for sample in (*CASES, *CHAINS) if sample.op == kernel.op and fits(sample)]
WINDOWS = {
    "same": Window.of((3, 3), None, ((1, 1), (1, 1))),
    "dilated": Window.of((2, 3), None, ((0, 1), (3, 1)), (1, 2)),
    "beyond": Window.of((1, 4), None, ((1, 0), (5, 0))),
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("kernel", "sample"), PAIRS)
def test_agrees_with_the_plain_body(kernel: Kernel, sample: Any, dtype: Any) -> None:
    compare(kernel, sample, 32, dtype, "rows")


@pytest.mark.parametrize("needs", [(True, True, True), (False, True, True), (True, False, False), (True, False, True)])
@pytest.mark.parametrize("label", WINDOWS)
def test_gradients_in_blocks_and_tiles(label: str, needs: tuple[bool, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    window = WINDOWS[label]
    inputs = random_inputs("conv", window, 24, 17, 33, (7, 6))
    trained("conv", inputs, window, needs=needs, kernel=ShiftedConv())
    monkeypatch.setattr("dltoolbox.kernels.conv.im2col.COLUMN_BYTES", 1)
    monkeypatch.setattr("dltoolbox.kernels.conv.numba_2d.SMALL_PRODUCT", 1)
    trained("conv", inputs, window, needs=needs, kernel=ShiftedConv())


@pytest.mark.parametrize("label", WINDOWS)
def test_gradient_added_to_what_is_there(label: str) -> None:
    window, kernel = WINDOWS[label], ShiftedConv()
    inputs = random_inputs("conv", window, 8, 8, 32, (7, 6))
    case = case_of("conv", inputs, window, needs_input_grad=(True, True, True))
    grad = np.random.default_rng(0).standard_normal([int(n or 0) for n in case.outputs[0].sizes]).astype(case.dtype)
    written, added = (bind_alone(kernel, case, inputs, grads=[grad], accumulate_into=frozenset(those))
                      for those in ((), (0,)))
    assert [kernel.can_accumulate(number) for number in range(3)] == [True, False, False]
    dx = added.site.grad_inputs[0]
    assert dx is not None
    before = dx[...] = np.random.default_rng(1).standard_normal(dx.shape).astype(case.dtype)
    for trial in (written, added):
        trial.forward()
        trial.backward()
    assert written.site.grad_inputs[0] is not None
    np.testing.assert_allclose(dx, before + written.site.grad_inputs[0], rtol=1e-4, atol=1e-4)
    np.testing.assert_array_equal(added.site.grad_inputs[1], written.site.grad_inputs[1])


def test_bands_of_one_observation_join() -> None:
    window = WINDOWS["same"]
    inputs = random_inputs("conv", window, 8, 8, 32, (7, 6))
    one, two = (bind_alone(ShiftedConv(), replace(case_of("conv", inputs, window), threads=threads), inputs)
                for threads in (1, 2))
    assert len(two.bound.forward) == 2
    np.testing.assert_array_equal(one.forward()[0], two.forward()[0])


@pytest.mark.parametrize(("changes", "expected"), [
    ({}, True), ({"channels": 3}, False), ({"batch": 1}, False), ({"window": Window.of((3, 3), (2, 2))}, False),
    ({"window": Window.of((3, 3), None, None, (2, 1))}, False), ({"order": "channels_last"}, False)])
def test_serves_what_it_is_made_for(changes: dict[str, Any], expected: bool) -> None:
    use = {"window": WINDOWS["same"], "channels": 16, "batch": 32, "order": "rows", **changes}
    inputs = random_inputs("conv", use["window"], use["channels"], 16, use["batch"])
    assert ShiftedConv().accepts(case_of("conv", inputs, use["window"], use["order"])) == expected


def test_chunks_are_nearly_equal_multiples_of_a_vector() -> None:
    assert [even(512, 325), even(256, 81), even(50, 1), even(1024, 2000)] == [256, 64, 50, 1024]
