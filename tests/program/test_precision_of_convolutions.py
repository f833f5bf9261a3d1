"""What a NaN or a very large number in one place does to a convolution, and how far it reaches; see docs/conventions.md."""

from __future__ import annotations

import numpy as np
import pytest

from dltoolbox.layers import FACTORIES as F
from dltoolbox.network.graph.layer_graph import layerGraph
from dltoolbox.program.model import Model

SIDE = 24


def model(channels: int, precision: str, dtype: str = "float32") -> Model:
    """One 3×3 convolution."""
    weights = np.random.default_rng(0).standard_normal((3, 3, channels, channels)).astype("float32")
    return Model(layerGraph([F["imageInputLayer"]([SIDE, SIDE, channels], Normalization="none"), F["convolution2dLayer"](
        3, channels, Padding="same", Weights=weights, Bias=np.zeros((1, 1, channels))), F["regressionLayer"]()]),
        dtype, fast=dtype == "float32", precision=precision)


def images(channels: int, batch: int) -> np.ndarray:
    return np.random.default_rng(1).standard_normal((SIDE, SIDE, channels, batch)).astype("float32")


def distances(row: int, column: int) -> np.ndarray:
    """How far each position is from one, in rows or columns, whichever is more."""
    rows, columns = np.ogrid[:SIDE, :SIDE]
    return np.maximum(abs(rows - row), abs(columns - column))


@pytest.mark.parametrize("batch", [1, 40])
@pytest.mark.parametrize(("channels", "precision", "reach"), [(8, "default", 2), (64, "default", 2), (64, "fast", 4)])
def test_how_far_a_nan_reaches(channels: int, precision: str, reach: int, batch: int) -> None:
    """Beyond its window by no more than a tile, and never into other observations."""
    fast, X = model(channels, precision), images(channels, batch)
    for at in range(8, 12):
        spoiled = X.copy()
        spoiled[at, at, 0, 0] = np.nan
        (y,) = fast.predict([spoiled])
        far = distances(at, at)
        assert np.isnan(y[far <= 1][..., 0]).all()
        assert np.isfinite(y[far > reach]).all()
        assert np.isfinite(y[..., 1:]).all()


@pytest.mark.parametrize("batch", [1, 40])
@pytest.mark.parametrize(("channels", "precision", "reach", "error"), [(64, "default", 2, 2e-6), (64, "fast", 4, 2e-5)])
def test_errors_are_parts_of_the_largest_number_in_the_tile(channels: int, precision: str, reach: int, error: float,
                                                            batch: int) -> None:
    """Near a pixel of 1e7 they are larger than the results there; further away they are as everywhere."""
    X = images(channels, batch)
    for at in range(8, 12):
        hot = X.copy()
        hot[at, at, 0, 0] = 1e7
        (y,), (exact,) = model(channels, precision).predict([hot]), model(channels, precision, "float64").predict([hot])
        wrong, far = np.abs(y - exact)[..., 0], distances(at, at)
        assert wrong.max() < error * np.abs(exact).max()
        assert wrong[far > reach].max() < error * np.abs(exact[..., 0][far > reach]).max()
        if precision == "fast" and at % 4 == 1:
            assert (wrong[(far > 1) & (far <= reach)] > 0.5).any()
