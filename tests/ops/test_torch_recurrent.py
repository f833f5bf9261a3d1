"""Recurrent cells against PyTorch's modules, forward and backward: 300 generated cases."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from dltoolbox.ops import OPS, Call
from tests.ops.samples_recurrent import RESETS, STATES

pytestmark = pytest.mark.oracle

Tensor = torch.Tensor
CASES = 150  # of each cell
TOLERANCE = {torch.float64: 1e-12, torch.float32: 2e-5}


@dataclass
class Drawn:
    """A generated case: a module of PyTorch's, what goes in, and what arrives from behind."""

    op: str
    module: Any
    x: Tensor  # T×B×C
    states: list[Tensor]  # directions×B×H
    lengths: np.ndarray | None
    reset: str
    grads: list[Tensor]

    @property
    def directions(self) -> list[str]:
        return ["", "_reverse"] if self.module.bidirectional else [""]


def draw(op: str, seed: int) -> Drawn:
    rng = np.random.default_rng(seed)
    channels, steps, batch, hidden = (int(n) for n in rng.integers(1, (9, 10, 7, 9)))
    kind = torch.float32 if seed % 5 == 4 else torch.float64
    projected = {"proj_size": hidden // 2} if op == "lstm" and hidden > 1 and seed % 6 == 5 else {}
    torch.manual_seed(seed)
    module = (torch.nn.LSTM if op == "lstm" else torch.nn.GRU)(channels, hidden, bidirectional=bool(seed % 2), dtype=kind,
                                                              **projected)
    reset = RESETS[0] if seed % 4 == 3 else RESETS[2]
    if op == "gru" and reset == RESETS[0]:  # no bias behind the product with the hidden state
        for name, parameter in module.named_parameters():
            if name.startswith("bias_hh"):
                torch.nn.init.zeros_(parameter)
    count = 2 if module.bidirectional else 1
    given = 0 if projected or seed % 3 == 1 else 1
    states = [(given * torch.randn(count, batch, hidden, dtype=kind)).requires_grad_() for _ in range(STATES[op])]
    lengths = rng.integers(1, steps + 1, batch).astype(np.int32) if seed % 3 else None
    if lengths is not None:
        lengths[rng.integers(batch)] = steps
    wide = count * (projected.get("proj_size") or hidden)
    grads = [torch.randn(steps, batch, wide, dtype=kind), *(torch.randn(*state.shape, dtype=kind) for state in states)]
    if projected:
        grads[1] = grads[1][..., :hidden // 2]
    if lengths is not None:
        grads[0] *= torch.arange(steps)[:, None, None] < torch.from_numpy(lengths)[:, None]
    return Drawn(op, module, torch.randn(steps, batch, channels, dtype=kind, requires_grad=True), states, lengths, reset,
                 grads)


def theirs(case: Drawn) -> list[Tensor]:
    """Outputs of PyTorch, and the gradients of all that it was given."""
    states = [state[..., :case.module.proj_size] if number == 0 and case.module.proj_size else state
              for number, state in enumerate(case.states)]
    packed: Any = case.x
    if case.lengths is not None:
        packed = pack_padded_sequence(case.x, torch.from_numpy(case.lengths).long(), enforce_sorted=False)
    y, last = case.module(packed, tuple(states) if case.op == "lstm" else states[0])
    outputs = [y if case.lengths is None else pad_packed_sequence(y, total_length=len(case.x))[0],
               *(last if case.op == "lstm" else (last,))]
    torch.autograd.backward(outputs, case.grads)
    return outputs


def array(t: Tensor) -> np.ndarray:
    """With the observation last, as ours: T×B×C → C×T×B, B×H → H×B; parameters stay."""
    return t.detach().numpy().transpose((2, 0, 1) if t.ndim == 3 else (1, 0))


def own_parameters(case: Drawn, suffix: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    weights, recurrent, *bias = (getattr(case.module, f"{name}_l0{suffix}").detach().numpy()
                                 for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"))
    if case.module.proj_size:
        recurrent = recurrent @ projector(case, suffix)
    both = case.op == "gru" and case.reset == RESETS[2]
    return weights, recurrent, np.concatenate(bias)[:, None] if both else (bias[0] + bias[1])[:, None]


def projector(case: Drawn, suffix: str) -> np.ndarray:
    return np.asarray(getattr(case.module, f"weight_hr_l0{suffix}").detach().numpy())


def run_ours(case: Drawn, number: int, suffix: str) -> tuple[tuple[np.ndarray, ...], tuple[np.ndarray, ...]]:
    """One direction: outputs, in PyTorch's sizes, and gradients."""
    op, hidden, size = OPS[case.op], case.module.hidden_size, case.module.proj_size or case.module.hidden_size
    attrs: dict[str, Any] = {"reverse": bool(suffix)} | ({"reset": case.reset} if case.op == "gru" else {})
    inputs = (array(case.x), *(array(state[number]) for state in case.states), *own_parameters(case, suffix),
              *(() if case.lengths is None else (case.lengths,)))
    y, *last = op.forward(*inputs, **attrs)
    grads = [array(case.grads[0])[number * size:(number + 1) * size], *(array(g[number]) for g in case.grads[1:])]
    into_projector = None
    if case.module.proj_size:
        out = projector(case, suffix)
        into_projector = np.einsum("ptb,htb->ph", grads[0], y) + grads[1] @ last[0].T
        grads[:2] = np.einsum("ph,ptb->htb", out, grads[0]), out.T @ grads[1]
    needs = tuple(at < len(case.states) + 4 for at in range(len(inputs)))
    found = op.backward(Call(inputs, (y, *last), needs), *grads, **attrs)
    if into_projector is not None:
        recurrent = getattr(case.module, f"weight_hh_l0{suffix}").detach().numpy()
        found = (*found, into_projector + recurrent.T @ found[4])
        found = (*found[:4], found[4] @ out.T, *found[5:])
        y, last[0] = np.einsum("ph,htb->ptb", out, y), out @ last[0]
    assert y.shape[0] == size
    assert last[-1].shape[0] == hidden
    return (y, *last), found


@pytest.mark.parametrize("seed", range(CASES))
@pytest.mark.parametrize("op", ["lstm", "gru"])
def test_agrees_with_pytorch(op: str, seed: int) -> None:
    case = draw(op, seed)
    outputs = theirs(case)
    tolerance = TOLERANCE[case.x.dtype]

    def same(a: np.ndarray, b: np.ndarray) -> None:
        assert a.dtype == b.dtype
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance * max(1, np.abs(b).max(initial=0)))
    results = [run_ours(case, number, suffix) for number, suffix in enumerate(case.directions)]
    same(np.concatenate([found[0][0] for found in results]), array(outputs[0]))
    same(sum(found[1][0] for found in results), array(case.x.grad))  # type: ignore[arg-type]
    for number, (suffix, (ours, grads)) in enumerate(zip(case.directions, results, strict=True)):
        for mine, last in zip(ours[1:], outputs[1:], strict=True):
            same(mine, array(last[number]))
        for mine, state in zip(grads[1:], case.states, strict=False):
            if not case.module.proj_size or mine is not grads[1]:
                same(mine, array(state.grad[number]))  # type: ignore[index]
        weights, recurrent, bias = grads[len(case.states) + 1:len(case.states) + 4]
        parameters = {name: getattr(case.module, f"{name}_l0{suffix}").grad.numpy()
                      for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")}
        same(weights, parameters["weight_ih"])
        same(recurrent, parameters["weight_hh"])
        rows = len(parameters["bias_ih"])
        same(bias[:rows, 0], parameters["bias_ih"])
        if len(bias) > rows:
            same(bias[rows:, 0], parameters["bias_hh"])
        if case.module.proj_size:
            same(grads[-1], getattr(case.module, f"weight_hr_l0{suffix}").grad.numpy())
