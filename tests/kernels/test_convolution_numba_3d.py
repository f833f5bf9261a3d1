"""Three-dimensional convolutions by compiled loops: alone and in chains, in blocks and bands."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

pytest.importorskip("numba")

from dltoolbox.core.geometry import Window
from dltoolbox.kernels import KERNELS, Kernel
from dltoolbox.kernels.conv.numba_3d import ShiftedPlanesConv
from dltoolbox.kernels.testing import bind_alone
from dltoolbox.ops.fused import Link
from tests.kernels.test_convolution import case_of, random_inputs, trained
from tests.kernels.test_kernels import compare
from tests.ops.chains import chain
from tests.ops.sample import Case, Inputs, normal

WINDOWS = {
    "same": Window.of((3, 3, 3), None, ((1, 1), (1, 1), (1, 1))),
    "dilated": Window.of((2, 3, 2), None, ((0, 1), (3, 1), (2, 0)), (3, 1, 2)),
    "beyond": Window.of((1, 2, 4), None, ((0, 0), (0, 3), (5, 0))),
}


def plain(rng: np.random.Generator, n: int) -> Inputs:
    return normal(rng, 4, 5, 3, 8, n), normal(rng, 3, 3, 3, 8, 9), normal(rng, 1, 1, 1, 9)


def stored(rng: np.random.Generator, n: int) -> Inputs:
    one = (1, 1, 1, 9)
    return *plain(rng, n), rng.uniform(0.5, 2, one), normal(rng, *one), normal(rng, *one), rng.uniform(0.5, 2, one)


CONV = Link("conv", {"window": WINDOWS["same"]}, (0, 1, 2))
NORM = Link("batch_norm_inference", {"epsilon": 1e-5}, (7, 3, 4, 5, 6))
SAMPLES = [
    Case("conv", "volume", plain, {"window": WINDOWS["same"]}, differentiable=(0, 1, 2)),
    chain("volume", plain, CONV, Link("relu", {}, (3,)), leaving=(4,)),
    chain("volume", stored, CONV, NORM, leaving=(8,), differentiable=()),
    chain("volume", stored, CONV, NORM, Link("relu", {}, (8,)), leaving=(9,), differentiable=()),
]
TWINS = [one for several in KERNELS.values() for one in several if isinstance(one, ShiftedPlanesConv)]
PAIRS = [pytest.param(kernel, sample, id=f"{type(kernel).__name__}") for kernel in TWINS for sample in SAMPLES
         if sample.op == kernel.op]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("kernel", "sample"), PAIRS)
def test_agrees_with_the_plain_body(kernel: Kernel, sample: Any, dtype: Any) -> None:
    compare(kernel, sample, 3, dtype, "channels last")


@pytest.mark.parametrize("needs", [(True, True, True), (False, True, True), (True, False, False), (True, False, True)])
@pytest.mark.parametrize("label", WINDOWS)
def test_gradients_in_blocks_and_tiles(label: str, needs: tuple[bool, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    window = WINDOWS[label]
    inputs = random_inputs("conv", window, 9, 17, 3, (5, 7, 6))
    trained("conv", inputs, window, "channels_last", needs, ShiftedPlanesConv())
    monkeypatch.setattr("dltoolbox.kernels.conv.numba_3d.SMALL_PRODUCT", 1)
    monkeypatch.setattr("dltoolbox.kernels.conv.numba_3d.PRODUCT_POSITIONS", 50)
    trained("conv", inputs, window, "channels_last", needs, ShiftedPlanesConv())
    monkeypatch.setattr("dltoolbox.kernels.conv.numba_3d.LARGEST", 1)
    trained("conv", inputs, window, "channels_last", needs, ShiftedPlanesConv())


def test_bands_of_one_observation_join() -> None:
    window = WINDOWS["same"]
    inputs = random_inputs("conv", window, 8, 8, 1, (5, 8, 9))
    case = case_of("conv", inputs, window, "channels_last")
    one, two = (bind_alone(ShiftedPlanesConv(), replace(case, threads=threads), inputs) for threads in (1, 2))
    assert len(two.bound.forward) == 2
    np.testing.assert_array_equal(one.forward()[0], two.forward()[0])


def test_the_gradient_of_the_image_is_added_where_that_is_wanted() -> None:
    window = WINDOWS["same"]
    inputs = random_inputs("conv", window, 8, 8, 3, (5, 4, 6))
    case = case_of("conv", inputs, window, "channels_last", needs_input_grad=(True, True, True))
    grad = np.random.default_rng(1).standard_normal((5, 4, 6, 8, 3))
    alone, onto = (bind_alone(ShiftedPlanesConv(), case, inputs, grads=[grad], accumulate_into=added)
                   for added in (frozenset[int](), frozenset({0})))
    there = onto.site.grad_inputs[0]
    assert there is not None
    there[...] = 7
    for trial in (alone, onto):
        trial.forward()
        trial.backward()
    expected = alone.site.grad_inputs[0]
    assert expected is not None
    np.testing.assert_allclose(there, expected + 7, atol=1e-10)


@pytest.mark.parametrize(("changes", "expected"), [
    ({}, True), ({"channels": 3}, False), ({"batch": 32}, False), ({"window": Window.of((3, 3, 3), (2, 2, 2))}, False),
    ({"window": Window.of((3, 3))}, False), ({"order": "rows"}, False)])
def test_serves_what_it_is_made_for(changes: dict[str, Any], expected: bool) -> None:
    use = {"window": WINDOWS["same"], "channels": 16, "batch": 4, "order": "channels_last", **changes}
    inputs = random_inputs("conv", use["window"], use["channels"], 16, use["batch"], (7, 8, 6)[:use["window"].rank])
    assert ShiftedPlanesConv().accepts(case_of("conv", inputs, use["window"], use["order"])) == expected
