"""10,000 parameter sets per framework: sizes, values and indices of our layers against its rules, and the way back."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import dltoolbox as dl
from tests.exchange.pooling import literal
from tests.exchange.pooling.drawn import DRAWS, Draw
from tests.exchange.pooling.ours import run, small_map

COUNT = 10_000


def expected(draw: Draw, x: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    axes = draw.axes or [[literal.Seen([*range(n)], n)] for n in draw.spatial]
    return literal.pooled(draw.kind, x, axes)


def check(framework: str, draw: Draw, rng: np.random.Generator) -> Any:
    """The layer, once it is held against the rules."""
    layer = dl.poolingLayerFrom(framework, **draw.parameters)
    x = small_map(rng, draw.spatial)
    x = np.abs(x) if draw.kind == "stochastic" else x
    values, at = expected(draw, x)
    result, *indices = run(layer, x)
    told = f"{draw.parameters} on {draw.spatial}"
    assert result.shape == values.shape, told
    np.testing.assert_allclose(result, values, 1e-12, 1e-12, err_msg=told)
    if indices:
        np.testing.assert_array_equal(indices[0], at, err_msg=told)
    return layer


@pytest.mark.parametrize("framework", DRAWS)
def test_values_and_the_way_back(framework: str) -> None:
    """The way back is walked for every fourth."""
    rng = np.random.default_rng(11)
    for number, draw in enumerate(DRAWS[framework](rng, COUNT)):
        layer = check(framework, draw, rng)
        if number % 4:
            continue
        back = dl.poolingLayerTo(framework, layer)
        assert dl.poolingLayerFrom(framework, **back) == layer, (draw.parameters, back)
