"""Whole networks of sequences of several lengths train as PyTorch trains them, one sequence at a time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from dltoolbox import analyzeNetwork
from dltoolbox.ops import ParameterKey
from dltoolbox.program.model import Model
from tests.program.sequence_networks import (
    SEQUENCE_NETWORKS,
    WEIGHTS,
    Get,
    SequenceNetwork,
    dense,
    recurrence,
    tagger,
)

pytestmark = pytest.mark.network

LENGTHS = np.array([7, 4, 9, 5], np.int32)


@pytest.mark.parametrize("network", SEQUENCE_NETWORKS.values(), ids=[*SEQUENCE_NETWORKS])
def test_a_step_of_training(network: SequenceNetwork) -> None:
    model, arrays, get = model_and_theirs(network)
    x, parts = batch_of(network.size)
    targets, theirs = targets_of(network.task)
    losses = [network_loss(network, network.theirs(part, get), target) for part, target in zip(parts, theirs, strict=True)]
    loss = torch.stack(losses).mean()
    loss.backward()
    compare(model, arrays, x, targets, parts, loss)
    outputs = model.results([x], lengths=[LENGTHS])[0].array
    for number, part in enumerate(parts):
        wanted = network.theirs(part, get).detach().numpy().T
        mine = outputs[..., number] if network.task == "label" else outputs[..., :LENGTHS[number], number]
        np.testing.assert_allclose(mine.reshape(wanted.shape), wanted, rtol=1e-9, atol=1e-12)


def test_a_step_of_tagging() -> None:
    """Batch normalisation sees all real steps of the mini-batch, and labels weigh by their class."""
    network = SequenceNetwork(tagger, (3,), lambda x, get: x)
    model, arrays, get = model_and_theirs(network)
    x, parts = batch_of((3,))
    rng = np.random.default_rng(2)
    labels = rng.integers(0, 3, (LENGTHS.max(), LENGTHS.size))
    targets = np.zeros((3, *labels.shape))
    for number, length in enumerate(LENGTHS):
        targets[labels[:length, number], np.arange(length), number] = 1
    hidden = torch.cat([recurrence(part, get, "both") for part in parts])
    y = F.batch_norm(hidden, None, None, get("bn", "Scale").flatten(), get("bn", "Offset").flatten(), training=True)
    wanted = torch.cat([torch.from_numpy(labels[:length, number]) for number, length in enumerate(LENGTHS)])
    each = F.cross_entropy(dense(y, get, "fc"), wanted, torch.tensor(WEIGHTS, dtype=y.dtype), reduction="none")
    loss = each.mean()
    loss.backward()
    compare(model, arrays, x, targets, parts, loss)


@pytest.mark.parametrize("network", SEQUENCE_NETWORKS.values(), ids=[*SEQUENCE_NETWORKS])
def test_analysis(network: SequenceNetwork) -> None:
    info = analyzeNetwork(network.graph())
    assert not info.Issues
    assert "T" in str(info)


def model_and_theirs(network: SequenceNetwork) -> tuple[Model, dict[ParameterKey, Tensor], Get]:
    """A model in double precision, its arrays as tensors, and what reads them."""
    model, rng = Model(network.graph(), np.float64), np.random.default_rng(1)
    for parameter in model.parameters:
        parameter.value[...] = rng.standard_normal(parameter.value.shape) / 2 + (parameter.name == "Scale")
    arrays = {key: torch.from_numpy(np.array(value)).requires_grad_() for key, value in model.arrays.items()}
    return model, arrays, lambda layer, name: arrays[ParameterKey(layer, name)]


def batch_of(size: Sequence[int]) -> tuple[np.ndarray, list[Tensor]]:
    """Sequences with garbage behind their ends, and each alone as T×C×h×w."""
    rng = np.random.default_rng(3)
    x = np.full((*size, LENGTHS.max(), LENGTHS.size), 1e3)
    parts = []
    for number, length in enumerate(LENGTHS):
        x[..., :length, number] = rng.standard_normal((*size, length))
        own = np.moveaxis(x[..., :length, number], (-1, -2), (0, 1))
        parts.append(torch.from_numpy(own.copy()).requires_grad_())
    return x, parts


def targets_of(task: str) -> tuple[np.ndarray, list[Tensor]]:
    """Padded targets with the observation last, and those of each sequence."""
    rng = np.random.default_rng(5)
    if task == "label":
        labels = np.arange(LENGTHS.size) % 3
        return np.eye(3)[:, labels], [torch.tensor(label) for label in labels]
    t = rng.standard_normal((3, LENGTHS.max(), LENGTHS.size))
    own = [torch.from_numpy(t[:, :length, number].T.copy()) for number, length in enumerate(LENGTHS)]
    return t, own


def network_loss(network: SequenceNetwork, y: Tensor, target: Tensor) -> Tensor:
    """Of one sequence: cross-entropy of its label, or half the squared error per step."""
    if network.task == "label":
        return -y[target].log()
    return ((y - target) ** 2).sum() / (2 * len(y))


def compare(model: Model, arrays: dict[ParameterKey, Tensor], x: np.ndarray, targets: np.ndarray, parts: Sequence[Tensor],
            loss: Tensor) -> None:
    """Loss, and the gradients of all learnables and of the sequences: nothing behind their ends."""
    if targets.ndim == 2 and len(model.leaving[0].labels) > 2:  # labels of networks of images have spatial dimensions
        targets = targets.reshape(*[1] * (len(model.leaving[0].labels) - 2), *targets.shape)
    mine, learnables, (of_x,) = model.gradients([x], [targets], lengths=[LENGTHS])
    assert mine == pytest.approx(float(loss.detach()), rel=1e-9)
    for key, gradient in learnables.items():
        wanted = arrays[key].grad
        assert wanted is not None, key
        np.testing.assert_allclose(gradient, wanted.numpy(), rtol=1e-7, atol=1e-10, err_msg=str(key))
    for number, (part, length) in enumerate(zip(parts, LENGTHS, strict=True)):
        assert part.grad is not None
        np.testing.assert_allclose(np.moveaxis(of_x[..., :length, number], (-1, -2), (0, 1)), part.grad.numpy(),
                                   rtol=1e-7, atol=1e-10)
        assert not of_x[..., length:, number].any()
