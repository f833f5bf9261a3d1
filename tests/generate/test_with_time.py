"""Random networks on mini-batches of sequences of several lengths: every sequence comes out as if it were alone."""

from __future__ import annotations

import numpy as np
import pytest

from dltoolbox import inputLayer, maxNumCompThreads, replaceLayer
from dltoolbox.core.errors import DltoolboxError
from dltoolbox.program import executable
from dltoolbox.program.model import Model
from tests.generate.draw import draw
from tests.generate.network import Network
from tests.program.alone import check_alone, padded
from tests.program.networks import scrambled

pytestmark = pytest.mark.oracle

SEED, COUNT, ENOUGH = 12, 100, 10
LENGTHS = np.array([2, 4, 3, 4], np.int32)
LEFT_OUT = {"dropoutLayer", "spatialDropoutLayer", "batchNormalizationLayer", "classificationLayer",
            "pixelClassificationLayer", "dicePixelClassificationLayer", "focalLossLayer", "functionLayer",
            *(f"stochasticPooling{rank}dLayer" for rank in (1, 2, 3))}
LARGEST = 2_000  # numbers in a step of all inputs


def with_time(net: Network) -> Model | None:
    """The network with T beside the axes of its inputs; None where a layer takes no such data."""
    lgraph = net.graph()
    try:
        for part in net.inputs:
            size = part.layer.dims().sizes[:-1]
            layer = inputLayer([*size, np.nan, np.nan], "S" * (len(size) - 1) + "CBT", Name=part.name)
            lgraph = replaceLayer(lgraph, part.name, layer)
        return scrambled(Model(lgraph, np.float64), scale=0.1)
    except DltoolboxError:
        return None


def test_every_sequence_comes_out_as_if_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executable, "SMALL_WORK", 0)
    before, seen = maxNumCompThreads(), 0
    for number in range(COUNT):
        net = draw(SEED, number)
        size = sum(int(np.prod(part.layer.dims().sizes[:-1])) for part in net.inputs)
        if LEFT_OUT & net.factories or not net.outputs or size > LARGEST or (model := with_time(net)) is None:
            continue
        maxNumCompThreads(1 + number % 3)
        rng = np.random.default_rng(number)
        inputs = [padded(rng, entry.dims.sizes[:-2], LENGTHS, garbage=3.0) for entry in model.inputs]
        shapes = [y.array.shape for y in model.results(inputs, lengths=[LENGTHS] * len(inputs))]
        check_alone(model, inputs, [rng.standard_normal(shape) for shape in shapes], LENGTHS, tolerance=1e-7)
        seen += 1
    maxNumCompThreads(before)
    assert seen >= ENOUGH
