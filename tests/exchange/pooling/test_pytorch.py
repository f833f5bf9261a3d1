"""10,000 poolings of PyTorch by PyTorch itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import dltoolbox as dl
from tests.exchange.pooling.drawn import pytorch
from tests.exchange.pooling.ours import run, small_map

pytestmark = pytest.mark.oracle


def theirs(x: np.ndarray) -> np.ndarray:
    """S…×C×B → B×C×S…"""
    return np.ascontiguousarray(x.transpose(x.ndim - 1, x.ndim - 2, *range(x.ndim - 2)))


def torch_results(parameters: dict[str, Any], x: np.ndarray) -> list[np.ndarray] | None:
    """What the module gives, in our order; None: it refuses its parameters, or a window larger than the map."""
    options = {name: value for name, value in parameters.items() if name != "layer"}
    try:
        results = getattr(torch.nn, parameters["layer"])(**options)(torch.from_numpy(theirs(x)))
    except RuntimeError as error:
        return [] if str(error).startswith("input image") else None
    several = results if isinstance(results, tuple) else (results,)
    return [one.numpy().transpose(*range(2, x.ndim), 1, 0) for one in several]


def test_values_and_the_way_back() -> None:
    """What PyTorch refuses is refused, but for volumes that are smaller than the kernel before they are padded. It gives
    some index for a window that sees nothing, and we give −1. The way back is walked for every fourth.
    """
    rng = np.random.default_rng(12)
    count = 0
    while count < 10_000:
        parameters, spatial = pytorch(rng)
        x = small_map(rng, spatial)
        want = torch_results(parameters, x)
        if want is None:
            with pytest.raises(dl.DltoolboxError):
                run(dl.poolingLayerFrom("pytorch", **parameters), x)
        if not want:
            continue
        count += 1
        layer = dl.poolingLayerFrom("pytorch", **parameters)
        values, *indices = run(layer, x)
        told = f"{parameters} on {spatial}"
        np.testing.assert_allclose(values, want[0], 1e-12, 1e-12, err_msg=told)
        if indices:
            nothing = np.isneginf(want[0])
            np.testing.assert_array_equal(indices[0], np.where(nothing, -1, want[1]), err_msg=told)
        if count % 4:
            continue
        back = dl.poolingLayerTo("pytorch", layer)
        assert dl.poolingLayerFrom("pytorch", **back) == layer, (parameters, back)
