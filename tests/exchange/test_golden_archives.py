"""Networks that earlier versions saved still load, and predict what they predicted then.

The files in ``tests/golden/archives`` are never made again: a version that cannot read them breaks what users have. A new
kind of network joins by ``python -m tests.exchange.test_golden_archives NAME``.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from dltoolbox import (
    concatenationLayer,
    dlnetwork,
    fullyConnectedLayer,
    imageInputLayer,
    loadNetwork,
    networkDataLayout,
    networkLayer,
    predict,
    reluLayer,
    rng,
    saveNetwork,
)
from dltoolbox.network.networks import Network
from tests.exchange.networks import NETWORKS

ARCHIVES = Path(__file__).parents[1] / "golden" / "archives"


def chosen_outputs() -> dlnetwork:
    rng(0)
    return dlnetwork([imageInputLayer([4, 4, 1], Normalization="none", Name="in"), fullyConnectedLayer(3, Name="fc"),
                      reluLayer(Name="relu")], OutputNames=["relu", "fc"])


def open_inputs() -> dlnetwork:
    rng(0)
    layouts = [networkDataLayout([n, None], "CB") for n in (2, 3)]
    return dlnetwork([concatenationLayer(1, 2, Name="join"), fullyConnectedLayer(2, Name="fc")], *layouts)


def nested() -> dlnetwork:
    rng(0)
    return dlnetwork([imageInputLayer([3, 3, 2], Normalization="none", Name="in"),
                      networkLayer([fullyConnectedLayer(3, Name="fc"), reluLayer(Name="relu")], Name="block"),
                      fullyConnectedLayer(2, Name="end")])


KINDS: dict[str, Callable[[], Network]] = {
    **NETWORKS, "chosen outputs": chosen_outputs, "open inputs": open_inputs, "nested": nested,
    "without values": lambda: dlnetwork([imageInputLayer([4, 4, 1], Name="in"), reluLayer(Name="relu")], Initialize=False)}


def files(name: str) -> tuple[Path, Path]:
    stem = name.replace(" ", "_")
    return ARCHIVES / f"{stem}.dlnet", ARCHIVES / f"{stem}.npz"


@pytest.mark.parametrize("name", KINDS)
def test_a_network_that_was_saved_before(name: str) -> None:
    archive, results = files(name)
    net = loadNetwork(archive)
    assert type(net) is type(KINDS[name]())
    with np.load(results) as stored:
        data = [stored[key] for key in sorted(stored) if key.startswith("X")]
        expected = [stored[key] for key in sorted(stored) if key.startswith("Y")]
    if not data:
        assert not net.Initialized
        return
    found = predict(net, *data, nargout=len(expected))
    for y, was in zip(found if len(expected) > 1 else [found], expected, strict=True):
        np.testing.assert_allclose(y, was, rtol=1e-5, atol=1e-5)


def make(name: str) -> None:
    """Save a network of this kind, with data and what it predicts."""
    archive, results = files(name)
    assert not archive.exists(), f"{archive} is never made again"
    net = KINDS[name]()
    saveNetwork(net, archive)
    stored: dict[str, np.ndarray] = {}
    if not isinstance(net, dlnetwork) or net.Initialized:
        draw = np.random.default_rng(0)
        layouts = [one.dims() for one in net.nodes if not one.inputs()] or list(net.layouts.values())
        X = [draw.standard_normal((3, *d.sizes[:-1]) if len(d.sizes) == 2 else (*d.sizes[:-1], 3)) for d in layouts]
        Y = predict(net, *X, nargout=len(net.OutputNames))
        stored = {**{f"X{i}": x for i, x in enumerate(X)},
                  **{f"Y{i}": y for i, y in enumerate(Y if len(net.OutputNames) > 1 else [Y])}}
    np.savez_compressed(results, **stored)


if __name__ == "__main__":
    for kind in sys.argv[1:]:
        make(kind)
