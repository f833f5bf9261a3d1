"""Normalisation of sequences of several lengths: statistics are those of real steps, of each sequence or of all."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dltoolbox import (
    batchNormalizationLayer,
    classificationLayer,
    crossChannelNormalizationLayer,
    groupNormalizationLayer,
    inputLayer,
    instanceNormalizationLayer,
    layerGraph,
    layerNormalizationLayer,
    maxNumCompThreads,
    pixelClassificationLayer,
    regressionLayer,
    reluLayer,
    softmaxLayer,
)
from dltoolbox.core.arrays import real_steps
from dltoolbox.data.sources.batches import Batch
from dltoolbox.ops import ParameterKey
from dltoolbox.program.model import Model
from tests.program.alone import LENGTHS, Found, check_alone, padded, same
from tests.program.networks import one_hot, scrambled

pytestmark = pytest.mark.usefixtures("every_network_is_worth_several_threads")

NAN = float("nan")
MEAN, VARIANCE = (ParameterKey("bn", name) for name in ("TrainedMean", "TrainedVariance"))
REAL = real_steps(LENGTHS, LENGTHS.max())
SIZES = {"vectors": (4,), "rows": (3, 4), "images": (2, 3, 4)}
NORMS: dict[str, Any] = {
    "group": groupNormalizationLayer(2), "all": groupNormalizationLayer("all-channels"),
    "instance": instanceNormalizationLayer(), "layer": layerNormalizationLayer(),
    "layer, whole": layerNormalizationLayer(OperationDimension="batch-excluded"),
    "layer, space": layerNormalizationLayer(OperationDimension="spatial-channel"),
    "cross-channel": crossChannelNormalizationLayer(3),
}


def network(size: tuple[int, ...], *layers: Any) -> Any:
    return layerGraph([inputLayer([*size, NAN, NAN], "S" * (len(size) - 1) + "CBT"), *layers, regressionLayer])


def model_of(lgraph: Any, *, fast: bool = True) -> Model:
    return scrambled(Model(lgraph, np.float64, fast=fast))


def targets(size: tuple[int, ...]) -> np.ndarray:
    return np.random.default_rng(5).standard_normal((*size, *REAL.shape))


@pytest.mark.parametrize("fast", [True, False], ids=["kernels", "reference"])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", NORMS)
def test_normalised_as_if_alone(name: str, size: str, fast: bool) -> None:
    maxNumCompThreads(2)
    model, plain = (model_of(network(SIZES[size], NORMS[name], reluLayer), fast=fast) for fast in (fast, False))
    check_alone(model, [padded(np.random.default_rng(1), SIZES[size])], [targets(SIZES[size])], plain=plain)


def joined(x: np.ndarray) -> np.ndarray:
    """The real steps of all sequences as one sequence."""
    return x[..., REAL][..., np.newaxis]


CLASSES = {"vectors": classificationLayer(Classes=list("abcd")), "images": pixelClassificationLayer(Classes=list("abcd")),
           "volumes": pixelClassificationLayer(Classes=list("abcd"))}
SIZES_OF_CLASSES = {"vectors": (4,), "images": (2, 3, 4), "volumes": (2, 1, 3, 4)}


def classifier(size: str) -> Any:
    full = SIZES_OF_CLASSES[size]
    return layerGraph([inputLayer([*full, NAN, NAN], "S" * (len(full) - 1) + "CBT"), batchNormalizationLayer(Name="bn"),
                       softmaxLayer, CLASSES[size]])


@pytest.mark.parametrize("fast", [True, False], ids=["kernels", "reference"])
@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("mean", [0, 1e5])
@pytest.mark.parametrize("size", SIZES_OF_CLASSES)
def test_batch_normalisation_sees_real_steps_alone(size: str, mean: float, threads: int, fast: bool) -> None:
    """As if all real steps were one sequence, also where their mean is far from zero."""
    maxNumCompThreads(threads)
    full, tolerance = SIZES_OF_CLASSES[size], 1e-7 if mean else 1e-9
    model, plain = (model_of(classifier(size), fast=fast) for fast in (fast, False))
    x = padded(np.random.default_rng(1), full) + mean
    t = one_hot((*full, REAL.size)).reshape(*full, *REAL.shape) * REAL
    for one, inputs, hot, lengths in ((model, x, t, [LENGTHS]), (plain, joined(x), joined(t), None)):
        one.step([inputs], [hot], lengths=lengths)
    for key in (MEAN, VARIANCE):
        same(model.arrays[key], plain.arrays[key], tolerance)
    together, alone = Found(model, [x], [t], LENGTHS), Found(plain, [joined(x)], [joined(t)])
    same(joined(together.results[0].array), alone.results[0].array, tolerance)
    same(np.asarray(together.loss), np.asarray(alone.loss), tolerance)
    for key, gradient in together.learnables.items():
        same(gradient, alone.learnables[key], tolerance)
    same(joined(together.entering[0]), alone.entering[0], tolerance)
    np.testing.assert_array_equal(together.entering[0][..., ~REAL], 0)


@pytest.mark.parametrize("fast", [True, False], ids=["kernels", "reference"])
def test_the_statistics_of_a_set_weigh_its_real_steps(fast: bool) -> None:
    """Mini-batches of several lengths, of one length and of another number of sequences: as if all were one sequence."""
    maxNumCompThreads(2)
    rng, size = np.random.default_rng(1), (2, 3, 4)
    lengths = [LENGTHS, np.array([3, 1], np.int32), np.array([2, 2, 2], np.int32)]
    batches = [padded(rng, size, some) for some in lengths]
    model = model_of(classifier("images"), fast=fast)
    given = [[lengths[0]], [lengths[1]], None]
    model.finalize_statistics(Batch((x,), (), some) for x, some in zip(batches, given, strict=True))
    values = np.concatenate([x[..., real_steps(some, some.max())] for x, some in zip(batches, lengths, strict=True)], -1)
    over = (0, 1, 3)
    same(model.arrays[MEAN].reshape(-1), values.mean(over))
    same(model.arrays[VARIANCE].reshape(-1), values.var(over))


def test_the_statistics_of_a_set_weigh_steps_of_every_mini_batch() -> None:
    """Sequences of one length each, but not of the same."""
    rng, model = np.random.default_rng(1), model_of(classifier("vectors"))
    batches = [rng.standard_normal((4, steps, 3)) + steps for steps in (1, 7, 2)]
    model.finalize_statistics(Batch((x,)) for x in batches)
    values = np.concatenate([x.reshape(4, -1) for x in batches], -1)
    same(model.arrays[MEAN].reshape(-1), values.mean(-1))
    same(model.arrays[VARIANCE].reshape(-1), values.var(-1))


def test_real_steps_are_many_and_few() -> None:
    """Blocks, rows and their sums, in single precision: one sequence is long, the others have a step."""
    rng, lengths = np.random.default_rng(2), np.array([700, 1, 1], np.int32)
    for size in ((16,), (5, 7, 3)):
        lgraph = network(size, batchNormalizationLayer(Name="bn"))
        model, plain = Model(lgraph), Model(lgraph, np.float64, fast=False)
        x = padded(rng, size, lengths)
        t = rng.standard_normal(x.shape)
        for one in (model, plain):
            one.step([x], [t], lengths=[lengths])
        for key in (MEAN, VARIANCE):
            same(model.arrays[key], plain.arrays[key].astype(np.float32), 1e-6)
        for a, b in zip(model.gradients([x], [t], lengths=[lengths])[1:], plain.gradients([x], [t], lengths=[lengths])[1:],
                        strict=True):
            for one, other in zip(*(g.values() if isinstance(g, dict) else g for g in (a, b)), strict=True):
                same(one, other.astype(np.float32), 1e-4)
