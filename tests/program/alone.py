"""Every sequence of a mini-batch comes out as if it were alone: what a model makes of all, held against each by itself."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dltoolbox.core.arrays import real_steps
from dltoolbox.core.random import rng as restart
from dltoolbox.program.model import Model

LENGTHS = np.array([4, 7, 5, 7], np.int32)  # equal ones and different ones, the longest not the last alone
GARBAGE = 1e3  # behind the ends, of both signs


def padded(rng: np.random.Generator, size: Sequence[int], lengths: np.ndarray = LENGTHS, *, garbage: float = GARBAGE,
           dtype: type = np.float64) -> np.ndarray:
    """Sequences of arrays S…×C, with large numbers behind their ends."""
    x = rng.standard_normal((*size, lengths.max(), lengths.size))
    return np.where(real_steps(lengths, lengths.max()), x, garbage * np.sign(x)).astype(dtype)


def cut(x: np.ndarray, number: int, length: int) -> np.ndarray:
    """One sequence of a mini-batch, without its padding; a value without T is cut by observation alone."""
    return x[..., :length, number:number + 1]


class Found:
    """What a model makes of a mini-batch: predictions and lengths, loss, and gradients of learnables and inputs."""

    def __init__(self, model: Model, inputs: Sequence[np.ndarray], targets: Sequence[np.ndarray],
                 lengths: np.ndarray | None = None) -> None:
        given = None if lengths is None else [lengths if entry.dims.timed else None for entry in model.inputs]
        restart(0)
        self.results = model.results(inputs, lengths=given)
        self.loss, self.learnables, self.entering = model.gradients(inputs, targets, lengths=given)


def same(found: np.ndarray, expected: np.ndarray, tolerance: float = 1e-9) -> None:
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance * max(1, np.abs(expected).max(initial=0)))


def check_alone(model: Model, inputs: Sequence[np.ndarray], targets: Sequence[np.ndarray], lengths: np.ndarray = LENGTHS,
                shares: np.ndarray | None = None, plain: Model | None = None, tolerance: float = 1e-9) -> Found:
    """Predictions, loss and all gradients of a mini-batch are those of each sequence alone.

    Args:
        model: The network, in double precision.
        inputs: Padded sequences.
        targets: Of the network, padded like its outputs; outputs without T have targets without it.
        lengths: Of the sequences.
        shares: How much each sequence adds to the loss; one part each by default, as in regression.
        plain: The model that single sequences are held against; the same by default.
        tolerance: Of the comparison, relative to the largest number of an array.
    """
    together, plain = Found(model, inputs, targets, lengths), plain or model
    shares = np.full(lengths.size, 1 / lengths.size) if shares is None else shares
    loss, learnables = 0.0, {key: np.zeros_like(value) for key, value in together.learnables.items()}
    for number, length in enumerate(lengths):
        ends = [length if y.lengths is None else int(y.lengths[number]) for y in together.results]
        alone = Found(plain, [cut(x, number, length) if entry.dims.timed else x[..., number:number + 1]
                              for x, entry in zip(inputs, model.inputs, strict=True)],
                      [cut(t, number, end) if y.dims.timed else t[..., number:number + 1]
                       for t, end, y in zip(targets, ends, together.results, strict=True)])
        for y, one, end in zip(together.results, alone.results, ends, strict=True):
            same(cut(y.array, number, end) if y.dims.timed else y.array[..., number:number + 1], one.array, tolerance)
        loss += shares[number] * alone.loss
        for key, gradient in alone.learnables.items():
            learnables[key] += shares[number] * gradient
        assert len(together.entering) == len(alone.entering)  # none where no gradient reaches the inputs
        for whole, one, entry in zip(together.entering, alone.entering, model.inputs, strict=False):
            timed = entry.dims.timed
            same(cut(whole, number, length) if timed else whole[..., number:number + 1], shares[number] * one, tolerance)
            assert not timed or not whole[..., length:, number].any()
    same(np.asarray(together.loss), np.asarray(loss), tolerance)
    for key, gradient in together.learnables.items():
        same(gradient, learnables[key], tolerance)
    return together
