"""Convolutions of volumes whose lines share their columns: every window, in blocks and bands, with what may follow."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dltoolbox.core.geometry import Window
from dltoolbox.kernels import KERNELS
from dltoolbox.kernels.conv.conv import ConvKernel
from dltoolbox.kernels.conv.im2col_3d import suit
from dltoolbox.kernels.memory_format import channels_last_order
from dltoolbox.kernels.testing import bind_alone, lay
from dltoolbox.ops.fused import Link
from tests.kernels.test_convolution import case_of, random_inputs, trained
from tests.kernels.test_kernels import compare
from tests.ops.chains import chain
from tests.ops.sample import Inputs, normal

WINDOWS = {
    "same": Window.of((3, 3, 3), None, ((1, 1), (1, 1), (1, 1))),
    "dilated": Window.of((2, 3, 2), None, ((0, 1), (3, 1), (2, 0)), (3, 2, 2)),
    "beyond": Window.of((1, 2, 4), None, ((0, 0), (3, 0), (5, 0))),
}


@pytest.mark.parametrize("columns", [1, 1 << 20])
@pytest.mark.parametrize("needs", [(True, True, True), (False, True, True), (True, False, False), (True, False, True)])
@pytest.mark.parametrize("label", WINDOWS)
def test_every_gradient(label: str, needs: tuple[bool, ...], columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dltoolbox.kernels.conv.im2col_3d.SHORT_LINE", 1)
    monkeypatch.setattr("dltoolbox.kernels.conv.im2col.COLUMN_BYTES", columns)
    trained("conv", random_inputs("conv", WINDOWS[label], 17, 16, 3, (5, 7, 6)), WINDOWS[label], "channels_last", needs)


def test_a_gradient_alone_may_have_too_few_channels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dltoolbox.kernels.conv.im2col_3d.SHORT_LINE", 1)
    for channels, filters in ((3, 16), (16, 3)):
        trained("conv", random_inputs("conv", WINDOWS["same"], channels, filters, 2, (5, 7, 6)), WINDOWS["same"],
                "channels_last")


def test_many_channels_whose_products_are_not_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dltoolbox.kernels.conv.gemm.MOST_TILED", 1)
    monkeypatch.setattr("dltoolbox.kernels.conv.im2col_3d.SHORT_LINE", 1)
    trained("conv", random_inputs("conv", WINDOWS["same"], 17, 18, 3, (5, 7, 6)), WINDOWS["same"], "channels_last")


def test_bands_of_one_observation_join() -> None:
    window = WINDOWS["same"]
    inputs = random_inputs("conv", window, 16, 16, 1, (5, 16, 16))
    case = case_of("conv", inputs, window, "channels_last")
    one, two = (bind_alone(ConvKernel(), replace(case, threads=threads), inputs) for threads in (1, 2))
    assert len(two.bound.forward) == 2
    np.testing.assert_array_equal(one.forward()[0], two.forward()[0])


@pytest.mark.parametrize("relu", [False, True])
@pytest.mark.parametrize("norm", [False, True])
def test_chains(norm: bool, relu: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dltoolbox.kernels.conv.im2col_3d.SHORT_LINE", 1)
    one = (1, 1, 1, 9)

    def made(rng: np.random.Generator, n: int) -> Inputs:
        found = normal(rng, 4, 5, 3, 16, n), normal(rng, 3, 3, 3, 16, 9), normal(rng, *one)
        return (*found, *(rng.uniform(0.5, 2, one) for _ in range(4))) if norm else found
    links = [Link("conv", {"window": WINDOWS["same"]}, (0, 1, 2))]
    links += [Link("batch_norm_inference", {"epsilon": 1e-5}, (7, 3, 4, 5, 6))] if norm else []
    links += [Link("relu", {}, (8 if norm else 3,))] if relu else []
    if len(links) > 1:
        sample = chain("volume", made, *links, leaving=(7 + norm + relu if norm else 4,),
                       differentiable=() if norm else (0, 1, 2))
        kernel = next(one for one in KERNELS[sample.op] if isinstance(one, ConvKernel) and not one.accelerator)
        compare(kernel, sample, 3, np.float32, "channels last")


def test_serves_what_it_is_made_for() -> None:
    def volume(channels: int, batch: int, order: tuple[int, ...] = channels_last_order(5)) -> np.ndarray:
        return lay(np.zeros((4, 8, 16, channels, batch)), order)
    x, window = volume(16, 4), WINDOWS["same"]
    assert suit(window, x, x)
    assert not suit(window, volume(3, 4), x)
    assert not suit(window, x, volume(16, 1))
    assert not suit(window, x, volume(16, 4, (0, 1, 2, 3, 4)))
    assert not suit(replace(window, stride=(1, 2, 1)), x, x)
