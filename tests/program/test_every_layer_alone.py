"""Every layer on sequences of several lengths: each comes out as if it were alone, with garbage behind its end.

The networks are those of the conformance cases, with time where they have none: beside their axes, or in place of the last
spatial one.
"""

from __future__ import annotations

import numpy as np
import pytest

from dltoolbox import inputLayer, maxNumCompThreads, replaceLayer
from dltoolbox.core.errors import DltoolboxError
from dltoolbox.layers import FACTORIES
from dltoolbox.network.graph.layer_graph import LayerGraph
from dltoolbox.program.model import Model
from tests.program.alone import GARBAGE, check_alone, padded
from tests.program.case import Case
from tests.program.cases import CASES
from tests.torch_losses import dice

pytestmark = [pytest.mark.network, pytest.mark.usefixtures("every_network_is_worth_several_threads")]

NAN = float("nan")
LENGTHS, SHORT = np.array([9, 12, 10, 12], np.int32), np.array([4, 7, 5, 7], np.int32)
RANDOM = {"dropoutLayer", "spatialDropoutLayer"} | {  # what is drawn for one sequence is not drawn for another
    f"stochasticPooling{rank}dLayer" for rank in (1, 2, 3)}
TOGETHER = {"batchNormalizationLayer"}  # see test_statistics_of_sequences
INPUTS = {name for name in FACTORIES if name.lower().endswith("inputlayer")}


def with_time(case: Case, way: str) -> LayerGraph | None:
    """The network of a case on sequences, with T beside its axes or in place of the last spatial one; None where that is not
    to be had.
    """
    lgraph = case.graph()
    if case.timed:
        return lgraph if way == "beside" else None
    for number, size in enumerate(case.sizes):
        if way == "space" and len(size) < 2:
            return None
        size = size if way == "beside" else (*size[:-2], size[-1])
        layer = inputLayer([*size, NAN, NAN], "S" * (len(size) - 1) + "CBT", Name=f"x{number}")
        lgraph = replaceLayer(lgraph, f"x{number}", layer)
    return lgraph


def models(case: Case, way: str) -> list[Model] | None:
    """One with kernels and one without, with the same arrays; None where the layer does not take such data."""
    try:
        lgraph = with_time(case, way)
        made = None if lgraph is None else [Model(lgraph, np.float64, fast=fast) for fast in (True, False)]
    except DltoolboxError:
        return None
    rng = np.random.default_rng(7)
    for key, value in made[0].arrays.items() if made else ():
        positive = key.name in ("TrainedVariance", "Scale")
        value[...] = rng.uniform(0.5, 2, value.shape) if positive else rng.standard_normal(value.shape)
        made[1].arrays[key][...] = value
    return made


def usable(case: Case, way: str) -> bool:
    if case.layer in RANDOM | TOGETHER | INPUTS or "mask" in case.label:
        return False
    if way == "space" and "Unpooling" in case.layer:  # the pooled and the whole have lengths of their own
        return False
    strides = getattr(case.body()[-1], "Stride", (1,))
    same = getattr(case.body()[-1], "PaddingMode", "") == "same"  # its windows follow the padded length
    return not (way == "space" and same and np.ravel(strides)[-1] > 1)


USES = [pytest.param(case, way, id=f"{case}, {way}") for case in CASES for way in ("beside", "space") if usable(case, way)]


def test_all_layers_take_sequences() -> None:
    """In some case: what is left out above is little."""
    ways: dict[str, list[tuple[Case, str]]] = {}
    for use in USES:
        case, way = use.values
        ways.setdefault(case.layer, []).append((case, way))
    assert set(ways) == set(FACTORIES) - RANDOM - TOGETHER - (INPUTS - set(ways))
    assert [layer for layer, uses in ways.items() if not any(models(*use) for use in uses)] == []


@pytest.mark.parametrize(("case", "way"), USES)
def test_every_layer_on_sequences_of_several_lengths(case: Case, way: str) -> None:
    pair = models(case, way)
    if pair is None:
        pytest.skip("takes no such data")
    model, plain = pair
    maxNumCompThreads(1 + len(str(case)) % 3)
    rng, lengths = np.random.default_rng(1), SHORT if case.layer == "positionEmbeddingLayer" else LENGTHS
    inputs = [padded(rng, entry.dims.sizes[:-2], lengths) if entry.dims.timed else
              rng.standard_normal((*entry.dims.sizes[:-1], lengths.size)) for entry in model.inputs]
    if case.indices is not None:
        low, high = case.indices
        inputs = [np.where(np.abs(x) < GARBAGE, rng.integers(low, high + 1, x.shape), x) for x in inputs]
    given = [lengths if entry.dims.timed else None for entry in model.inputs]
    results = model.results(inputs, lengths=given)
    targets = [case.targets(y.array.shape)[0] for y in results]
    shares = None
    if case.labelled and results[0].dims.timed:
        ends = results[0].lengths
        assert ends is not None
        targets[0] *= np.arange(targets[0].shape[-2])[:, np.newaxis] < ends
        known = targets[0].any(-3).reshape(-1, *targets[0].shape[-2:])
        if case.loss_of is dice:  # a mean over images
            known = known.any(0, keepdims=True)
        labelled = known.sum((0, 1))
        shares = labelled / labelled.sum()
    check_alone(model, inputs, targets, lengths, shares, plain)
