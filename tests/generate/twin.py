"""Twins: every layer once more in PyTorch, from the properties of the layer alone. Here is what they share.

Tensors are B×C×S…, features B×C. Each function gets the layer, its arrays by name, the run, and what enters; what it
computes follows the documentation of the layer and docs/conventions.md, never the ops.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

TWINS: dict[str, Callable[..., Any]] = {}
EXACT: set[str] = set()  # layers that only select or move values, so that nothing is rounded


@dataclass
class Run:
    """What functions of layers know and note beyond their inputs."""

    training: bool = False
    loss: bool = True  # whether the network ends in output layers
    moved: dict[tuple[str, str], Tensor] = field(default_factory=dict)  # statistics after a step of training
    timed: bool = False  # whether observations are steps of sequences
    kept: Tensor | None = None  # what dropout multiplies by in training, or what pooling draws, where that is known
    rounding: float = 0.0  # see `tests.generate.twin_network.run_twin`
    noise: torch.Generator = field(default_factory=torch.Generator)


def twin(*factories: str, exact: bool = False) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def enter(function: Callable[..., Any]) -> Callable[..., Any]:
        TWINS.update(dict.fromkeys(factories, function))
        if exact:
            EXACT.update(factories)
        return function
    return enter


def plain(factory: str, function: Callable[[Tensor], Tensor], *, exact: bool = False) -> None:
    twin(factory, exact=exact)(lambda one, p, run, x: function(x))


def there(x: Tensor) -> Tensor:
    """S…CB → BCS…"""
    return x.permute(x.ndim - 1, x.ndim - 2, *range(x.ndim - 2))


def lying(x: Tensor) -> Tensor:
    """A copy without gaps or odd strides: PyTorch refuses the gradient of some weights that have them."""
    return x.clone(memory_format=torch.contiguous_format)


def back(x: Tensor) -> Tensor:
    """BCS… → S…CB"""
    return x.permute(*range(2, x.ndim), 1, 0)


def against(values: Tensor, x: Tensor) -> Tensor:
    """An array of MATLAB's size as it expands against B×C×S…"""
    return there(values.reshape(values.shape + (1,) * (x.ndim - values.ndim)))


def by_channel(values: Tensor, x: Tensor) -> Tensor:
    return values.reshape(1, -1, *[1] * (x.ndim - 2))


def column_major(x: Tensor) -> Tensor:
    """B×features, the first spatial axis fastest."""
    return x.permute(0, 1, *range(x.ndim - 1, 1, -1)).flatten(1)


def picked(x: Tensor, axis: int, places: Any) -> Tensor:
    return x.index_select(axis, torch.as_tensor(np.asarray(places, np.int64)))


def disturbed(y: Tensor, run: Run, scale: float | None = None) -> Tensor:
    """``y`` moved by rounding errors, by default of its largest element."""
    largest = y.detach().abs().max() if scale is None else scale
    moved = run.rounding * largest * torch.randn(y.shape, generator=run.noise, dtype=y.dtype)
    return y + torch.where(y == y.round(), torch.zeros_like(y), moved).detach()
