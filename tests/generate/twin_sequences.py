"""Twins of layers of sequences: B×C×T for recurrent ones, and steps that are observations for those that fold."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from tests.generate.twin import Run, twin

STATE: dict[str, Callable[[Tensor], Tensor]] = {"tanh": torch.tanh, "softsign": F.softsign, "relu": F.relu}
GATE: dict[str, Callable[[Tensor], Tensor]] = {"sigmoid": torch.sigmoid,
                                               "hard-sigmoid": lambda x: (0.2 * x + 0.5).clip(0, 1)}


@twin("lstmLayer", "bilstmLayer", "gruLayer", "lstmProjectedLayer", "gruProjectedLayer")
def recurrent(one: Any, p: Any, run: Run, x: Tensor, *given: Tensor) -> tuple[Tensor, ...]:
    """Each direction by itself, the second from the last step to the first."""
    w, r = p["InputWeights"], p["RecurrentWeights"]
    if "InputProjector" in p:
        w, r = w @ p["InputProjector"].T, r @ p["OutputProjector"].T
    states = given or tuple(p[name].T.expand(len(x), -1) for name in ("HiddenState", "CellState") if name in p)
    parts = [part.chunk(one.directions) for part in (w, r, p["Bias"].flatten())]
    starts = [state.chunk(one.directions, 1) for state in states]
    steps, outputs, ends = x.permute(2, 0, 1), [], []
    for number in range(one.directions):
        along = steps.flip(0) if number else steps
        y, left = walked(one, along, [start[number] for start in starts], *(part[number] for part in parts))
        outputs.append(y.flip(0) if number else y)
        ends.append(left)
    after = tuple(torch.cat(both, 1) for both in zip(*ends, strict=True))
    out = after[0] if one.OutputMode == "last" else torch.cat(outputs, 2).permute(1, 2, 0)
    return (out, *after) if one.HasStateOutputs else (out,)


def walked(one: Any, x: Tensor, states: Sequence[Tensor], w: Tensor, r: Tensor, b: Tensor) -> tuple[Tensor, list[Tensor]]:
    """What leaves the steps T×B×H, and the states behind the last: PyTorch's own cells where they have the options."""
    usual = one.StateActivationFunction == "tanh" and one.GateActivationFunction == "sigmoid"
    if usual and getattr(one, "ResetGateMode", "") != "before-multiplication":
        first, second = b.chunk(2) if len(b) == 2 * len(w) else (b, torch.zeros_like(b))
        cell = torch.nn.LSTM if len(states) > 1 else torch.nn.GRU
        weights = dict(zip(("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"), (w, r, first, second), strict=True))
        start = [state[None].contiguous() for state in states]
        made = cell(w.shape[1], r.shape[1])
        y, left = torch.func.functional_call(made, weights, (x, tuple(start) if len(start) > 1 else start[0]))
        return y, [state[0] for state in (left if len(start) > 1 else (left,))]
    step, values = long_short if len(states) > 1 else gated, []
    for one_step in x:
        states = step(one, one_step, states, w, r, b)
        values.append(states[0])
    return torch.stack(values), [*states]


def long_short(one: Any, x: Tensor, states: Sequence[Tensor], w: Tensor, r: Tensor, b: Tensor) -> list[Tensor]:
    gate, state = GATE[one.GateActivationFunction], STATE[one.StateActivationFunction]
    h, c = states
    i, f, g, o = (x @ w.T + h @ r.T + b).chunk(4, 1)
    c = gate(f) * c + gate(i) * state(g)
    return [gate(o) * state(c), c]


def gated(one: Any, x: Tensor, states: Sequence[Tensor], w: Tensor, r: Tensor, b: Tensor) -> list[Tensor]:
    gate, state = GATE[one.GateActivationFunction], STATE[one.StateActivationFunction]
    (h,), (of_r, of_z, of_g) = states, r.chunk(3)
    first, second = b.chunk(2) if len(b) == 2 * len(w) else (b, torch.zeros_like(b))
    (x_r, x_z, x_g), (b_r, b_z, b_g) = (x @ w.T + first).chunk(3, 1), second.chunk(3)
    reset, z = gate(x_r + h @ of_r.T + b_r), gate(x_z + h @ of_z.T + b_z)
    before = one.ResetGateMode == "before-multiplication"
    g = state(x_g + ((reset * h) @ of_g.T if before else reset * (h @ of_g.T + b_g)))
    return [(1 - z) * g + z * h]


@twin("sequenceFoldingLayer", exact=True)
def folding(one: Any, p: Any, run: Run, x: Tensor) -> tuple[Tensor, Tensor]:
    return x, torch.empty((len(x), 1))


@twin("sequenceUnfoldingLayer", exact=True)
def unfolding(one: Any, p: Any, run: Run, x: Tensor, size: Tensor) -> Tensor:
    return x


@twin("wordEmbeddingLayer", exact=True)
def words(one: Any, p: Any, run: Run, x: Tensor) -> Tensor:
    """Numbers that name no word have the last column."""
    at = x[:, 0].detach()
    known = (at >= 1) & (at <= one.NumWords) & (at == at.round())
    columns = p["Weights"].T
    return columns[torch.where(known, at - 1, len(columns) - 1).long()].movedim(-1, 1)


@twin("embeddingLayer", exact=True)
def indices(one: Any, p: Any, run: Run, x: Tensor) -> Tensor:
    zero = int(one.ZeroIndexMapping == "first-vector")
    mask = None if one.MaskIndex is None else one.MaskIndex - 1 + zero
    at = (x[:, 0].detach().long() - 1 + zero).clip(min=0)  # drafts hold zeros
    return F.embedding(at, p["Weights"].T, padding_idx=mask).movedim(-1, 1)
