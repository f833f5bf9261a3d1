"""The twin of a network: every layer by its twin, one after the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

import tests.generate.twin_arranging
import tests.generate.twin_attention
import tests.generate.twin_complex
import tests.generate.twin_elementwise
import tests.generate.twin_outputs
import tests.generate.twin_sequences
import tests.generate.twin_windows  # noqa: F401  # these enter their twins
from tests.generate.network import Network
from tests.generate.twin import EXACT, TWINS, Run, back, disturbed, there


def applied(part: Any, arrays: Mapping[str, Tensor], run: Run, inputs: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """What leaves a layer, port by port."""
    y = TWINS[part.layer.factory](part.layer, arrays, run, *inputs)
    return y if isinstance(y, tuple) else (y,)


@dataclass
class Found:
    """What a run of a twin gave; arrays have our axes."""

    ports: dict[str, Tensor]
    losses: list[Tensor]
    moved: dict[tuple[str, str], np.ndarray]

    def port(self, name: str) -> np.ndarray:
        return back(self.ports[name].detach()).numpy()


def run_twin(net: Network, arrays: Mapping[Any, Tensor], data: Sequence[Tensor], targets: Sequence[Tensor] = (), *,
             training: bool = False, timed: bool = False, kept: Tensor | None = None, rounding: float = 0.0,
             seed: int = 0) -> Found:
    """One run forward. ``rounding`` disturbs what leaves layers that round, and its gradient, by so much of their scale.

    Whole numbers stay: zeros after a ReLU, and sums of whole numbers, are exact in every implementation.
    """
    noise = torch.Generator().manual_seed(seed)
    run = Run(training, bool(net.outputs), timed=timed, kept=kept, rounding=rounding, noise=noise)
    ports, losses = dict[str, Tensor](), list[Tensor]()
    entering, labels = iter(data), iter(targets)
    for part in net.parts:
        mine = {key.name: value for key, value in arrays.items() if key.layer == part.name}
        inputs = [ports[source] for source in part.sources] or [there(next(entering))]
        if not part.layer.outputs():
            scores = [ports[port] for port in net.scores(part)]
            losses += [] if not targets else applied(part, mine, run, [*scores, there(next(labels))])
            continue
        outputs = applied(part, mine, run, inputs)
        if rounding and part.layer.factory not in EXACT:
            outputs = tuple(disturbed(y, run) for y in outputs)
            disturb_gradients(inputs, outputs, run)
        ports.update(zip(part.ports(), outputs, strict=True))
    return Found(ports, losses, {key: value.numpy() for key, value in run.moved.items()})


def disturb_gradients(inputs: Sequence[Tensor], outputs: Sequence[Tensor], run: Run) -> None:
    """By rounding errors of what arrives at a layer, which may be much larger than what it passes on."""
    arriving = [0.0]
    for y in outputs:
        if y.requires_grad:
            y.register_hook(lambda grad: arriving.append(float(grad.abs().max())))
            y.register_hook(partial(disturbed, run=run))
    for x in inputs:
        if x.requires_grad:
            x.register_hook(lambda grad: disturbed(grad, run, max(arriving)))
