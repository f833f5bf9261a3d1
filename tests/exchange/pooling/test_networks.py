"""Poolings of other frameworks in whole networks."""

from __future__ import annotations

import numpy as np
import pytest

import dltoolbox as dl
from tests.exchange.pooling.drawn import DRAWS
from tests.exchange.pooling.ours import dims_of, run, small_map

pytestmark = pytest.mark.network


@pytest.mark.filterwarnings("ignore::dltoolbox.DltoolboxWarning")
@pytest.mark.parametrize("framework", DRAWS)
def test_predictions(framework: str) -> None:
    rng = np.random.default_rng(14)
    for draw in DRAWS[framework](rng, 8):
        layer = dl.poolingLayerFrom(framework, **draw.parameters)
        x = np.abs(small_map(rng, draw.spatial)).astype(np.float32)
        dims = dims_of(x)
        net = dl.dlnetwork([dl.inputLayer([*x.shape[:-1], None], dims.labels), layer])
        values = dl.predict(net, x)
        want = run(layer, x.astype(np.float64))[0]
        np.testing.assert_allclose(values.reshape(want.shape), want, 1e-6, err_msg=f"{draw.parameters} on {draw.spatial}")
