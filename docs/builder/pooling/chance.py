"""Stochastic pooling: what is drawn while training, with which chances, and what comes out in prediction."""

from __future__ import annotations

import numpy as np

from dltoolbox import inputLayer, layerGraph, rng, stochasticPooling2dLayer
from dltoolbox.network.lowering.lower import lower
from docs.builder.drawing import CELL, Drawing, number
from docs.builder.pooling.computed import SQUARE, enter
from docs.builder.pooling.maps import before_and_after, filled, from_to

LAYER = stochasticPooling2dLayer(2, Stride=2)
WINDOW = SQUARE[:2, :2]
DRAWS = 10_000


def drawn(x: np.ndarray, times: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """What the layer draws of one map, again and again, and at which elements, counted from 0 along the rows."""
    data = inputLayer([*x.shape, 1, None], "SSCB")
    (node,) = lower(layerGraph([data, LAYER]), training=True).graph.nodes
    rng(seed)
    y, at = node.op.forward(np.broadcast_to(x[..., None, None], (*x.shape, 1, times)), **node.attrs)
    return np.asarray(y)[:, :, 0], np.asarray(at)[:, :, 0]


def training(title: str, seed: int) -> Drawing:
    """A map, and what one run of training draws of it."""
    y, at = drawn(SQUARE, 1, seed)
    return from_to(title, SQUARE, filled(LAYER, SQUARE, at.ravel()), y[:, :, 0])


def chances() -> Drawing:
    """The chance of every element of a window, and how often it was drawn."""
    _, at = drawn(WINDOW, DRAWS, 0)
    shares = np.maximum(WINDOW, 0).ravel() / np.maximum(WINDOW, 0).sum()
    counts = np.bincount(at.ravel(), minlength=WINDOW.size)
    d = Drawing(352, 30 + WINDOW.size * (CELL + 6))
    d.text(2, 10, "element", "left small faint")
    d.text(54, 10, "chance", "left small faint")
    d.text(d.width - 2, 10, f"of {DRAWS:,} draws", "right small faint")
    for row, (value, share, count) in enumerate(zip(WINDOW.ravel(), shares, counts, strict=True)):
        y = 26 + row * (CELL + 6)
        d.cell(2, y, number(value), "t1")
        d.rect(54, y + 4, 310 * share, CELL - 8, "t1")
        d.text(310 * share + 62, y + CELL / 2, f"{number(100 * share)} %", "left")
        d.text(d.width - 2, y + CELL / 2, f"{count:,}", "right")
    return d


enter("stochastic", training, "stochasticPooling2dLayer", 0)
enter("stochastic-again", training, "training, another draw", 1)
enter("stochastic-prediction", before_and_after, "prediction", LAYER, SQUARE)
enter("chances", chances)
