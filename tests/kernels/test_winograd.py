"""Winograd convolution against the plain body: ragged tiles, any padding, both tile sizes, how much is rounded."""

from __future__ import annotations

import numpy as np
import pytest

from dltoolbox.core.formats import Dims
from dltoolbox.core.geometry import Window
from dltoolbox.kernels import Workspace, choose, winograd
from dltoolbox.kernels.winograd import WinogradConv
from dltoolbox.ops import OPS, Call

KERNEL = WinogradConv()
SAME = Window.of((3, 3), padding=((1, 1), (1, 1)))


def error(found: np.ndarray, exact: np.ndarray) -> float:
    return float(np.abs(found - exact).max() / np.abs(exact).max())


@pytest.mark.parametrize(("size", "tolerance"), [(2, 3e-6), (4, 3e-5)])
@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("padding", [((1, 1), (1, 1)), ((0, 0), (0, 0)), ((2, 0), (0, 1)), ((3, 0), (0, 4))])
@pytest.mark.parametrize("spatial", [(8, 12), (7, 9), (5, 3), (18, 17)])
def test_agrees_with_the_plain_body(spatial: tuple[int, int], padding: tuple, batch: int, size: int, tolerance: float,
                                    monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(winograd, "TILE", winograd.TILES[size])
    monkeypatch.setattr(winograd, "BAND_POSITIONS", 6)
    window, rng = Window.of((3, 3), padding=padding), np.random.default_rng(0)
    exact = (rng.standard_normal((*spatial, 5, batch)), rng.standard_normal((3, 3, 5, 4)), rng.standard_normal(4))
    x, weights, bias = (a.astype(np.float32) for a in exact)
    work = Workspace()
    y = KERNEL.forward(work, x, weights, bias, window=window)
    plain = OPS["conv"].forward(*exact, window=window)
    assert y.dtype == np.float32
    assert error(y, plain) < tolerance
    grad = rng.standard_normal(y.shape)
    needs = (True, True, True)
    expected = OPS["conv"].backward(Call(exact, (plain,), needs), grad, window=window)
    found = KERNEL.backward(work, Call((x, weights, bias), (y,), needs), grad.astype(np.float32), window=window)
    for a, b in zip(found, expected, strict=True):
        assert a.shape == b.shape
        assert error(a, b) < tolerance


def test_double_precision_stays_exact() -> None:
    rng = np.random.default_rng(0)
    x, w, b = rng.standard_normal((9, 9, 3, 2)), rng.standard_normal((3, 3, 3, 4)), rng.standard_normal(4)
    y = OPS["conv"].forward(x, w, b, window=SAME)
    np.testing.assert_allclose(KERNEL.forward(Workspace(), x, w, b, window=SAME), y, atol=1e-12)
    call = Call((x, w, b), (y,), (True, True, True))
    for a, b_ in zip(KERNEL.backward(Workspace(), call, y, window=SAME), OPS["conv"].backward(call, y, window=SAME),
                     strict=True):
        np.testing.assert_allclose(a, b_, atol=1e-10)


@pytest.mark.parametrize(("shape", "filters", "window", "chosen"), [
    ((64, 64, 64, 8), 64, SAME, True),
    ((224, 224, 64, 1), 64, SAME, True),
    ((64, 64, 3, 8), 64, SAME, False),
    ((64, 64, 64, 8), 4, SAME, False),
    ((4, 4, 64, 8), 64, SAME, False),
    ((28, 28, 64, 128), 64, SAME, False),
    ((64, 64, 64, 8), 64, Window.of((3, 3), (2, 2)), False),
    ((64, 64, 64, 8), 64, Window.of((3, 3), dilation=(2, 2)), False),
    ((64, 64, 64, 8), 64, Window.of((5, 5)), False),
])
def test_is_chosen_where_it_pays(shape: tuple[int, ...], filters: int, window: Window, chosen: bool) -> None:
    sizes = [Dims("SSCB", shape), Dims("UUUU", (*window.size, shape[2], filters)), Dims("UUU", (1, 1, filters))]
    assert isinstance(choose("conv", sizes, {"window": window}), WinogradConv) == chosen
