"""Recurrent cells, attention and embedding in NumPy's words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from dltoolbox.autodiff.apply import SECOND, composed
from dltoolbox.autodiff.rules.elementwise import logistic_in_words
from dltoolbox.autodiff.tape import Payload, raw_values
from dltoolbox.ops.sequences.attention import allowed, by_heads, of_heads
from dltoolbox.ops.sequences.embedding import Refusal, columns_at
from dltoolbox.ops.sequences.recurrent import by_gate, walk

Words = Callable[[Payload], Payload]


def hard_sigmoid_in_words(x: Payload) -> Payload:
    """0.2·x + 0.5 between 0 and 1; no gradient goes through the bounds."""
    y = x / 5 + 0.5
    bounded = np.clip(raw_values(y), 0, 1)
    return np.where(bounded == raw_values(y), y, bounded)


STATE_WORDS: dict[str, Words] = {"tanh": np.tanh, "softsign": lambda x: x / (1 + np.abs(x)),
                                 "relu": lambda x: np.where(raw_values(x) > 0, x, 0)}
GATE_WORDS: dict[str, Words] = {"sigmoid": logistic_in_words, "hard-sigmoid": hard_sigmoid_in_words}


def where_real(real: Any, there: Payload, elsewhere: Payload) -> Payload:
    """``there`` for observations that have a step."""
    return there if real is True else np.where(real, there, elsewhere)


def in_order_of_time(y: Sequence[Payload], reverse: bool) -> Payload:
    return np.stack(list(reversed(y)) if reverse else list(y), 1)


def lstm_in_words(x: Payload, h: Payload, c: Payload, input_weights: Payload, recurrent_weights: Payload, bias: Payload,
                  *lengths: Payload, state_activation: str = "tanh", gate_activation: str = "sigmoid",
                  reverse: bool = False) -> tuple[Payload, Payload, Payload]:
    state, gate = STATE_WORDS[state_activation], GATE_WORDS[gate_activation]
    outputs = []
    for t, real in walk(x.shape[1], [raw_values(n) for n in lengths], reverse):
        i, f, g, o = (by_gate(input_weights @ x[:, t] + recurrent_weights @ h + bias.reshape(-1, 1), 4)[n] for n in range(4))
        after = gate(f) * c + gate(i) * state(g)
        c = where_real(real, after, c)
        new = gate(o) * state(c)
        outputs.append(where_real(real, new, 0))
        h = where_real(real, new, h)
    return in_order_of_time(outputs, reverse), h, c


def gru_in_words(x: Payload, h: Payload, input_weights: Payload, recurrent_weights: Payload, bias: Payload,
                 *lengths: Payload, state_activation: str = "tanh", gate_activation: str = "sigmoid",
                 reset: str = "after-multiplication", reverse: bool = False) -> tuple[Payload, Payload]:
    state, gate = STATE_WORDS[state_activation], GATE_WORDS[gate_activation]
    rows, outputs = h.shape[0], []
    biases = bias.reshape(-1, input_weights.shape[0], 1)
    for t, real in walk(x.shape[1], [raw_values(n) for n in lengths], reverse):
        from_x, from_h = input_weights @ x[:, t] + biases[0], recurrent_weights @ h
        from_h = from_h if len(biases) == 1 else from_h + biases[1]
        gates = gate(from_x[:2 * rows] + from_h[:2 * rows])
        r, z = gates[:rows], gates[rows:]
        inner = (recurrent_weights[2 * rows:] @ (r * h) if reset == "before-multiplication" else r * from_h[2 * rows:])
        new = z * h + (1 - z) * state(from_x[2 * rows:] + inner)
        outputs.append(where_real(real, new, 0))
        h = where_real(real, new, h)
    return in_order_of_time(outputs, reverse), h


def weights_in_words(q: Payload, k: Payload, extras: Sequence[Payload], axis: int, scale: float, causal: bool) -> Payload:
    """`dltoolbox.ops.sequences.attention.weights` of split queries and keys."""
    scores = np.matmul(np.swapaxes(k, -2, -1), q * scale)
    if causal or extras:
        scores = np.where(allowed(scores.shape, [raw_values(x) for x in extras], axis, causal), scores, -np.inf)
    top = raw_values(scores).max(-2, keepdims=True, initial=-np.inf)
    e = np.exp(scores - np.where(top == -np.inf, 0, top))
    total = np.sum(e, -2, keepdims=True)
    return e / np.where(raw_values(total) == 0, 1, total)


def attention_in_words(q: Payload, k: Payload, v: Payload, *extras: Payload, axis: int, heads: int, scale: float,
                       causal: bool) -> Payload:
    q, k, v = (by_heads(x, axis, heads) for x in (q, k, v))
    return of_heads(np.matmul(v, weights_in_words(q, k, extras, axis, scale, causal)), axis)


def attention_scores_in_words(q: Payload, k: Payload, *extras: Payload, axis: int, heads: int, scale: float,
                              causal: bool) -> Payload:
    q, k = (by_heads(x, axis, heads) for x in (q, k))
    return np.transpose(weights_in_words(q, k, extras, axis, scale, causal), (2, 3, 1, 0))


def attend_in_words(_: Payload, scores: Payload, v: Payload, *, axis: int) -> Payload:
    return of_heads(np.matmul(by_heads(v, axis, scores.shape[2]), np.transpose(scores, (3, 2, 0, 1))), axis)


def embed_in_words(x: Payload, weights: Payload, *, known: int, first: int = 1, mask: int | None = None,
                   refusal: Refusal | None = None) -> Payload:
    if mask is not None:
        weights = np.where(np.arange(weights.shape[1]) == mask - first, raw_values(weights), weights)
    return np.moveaxis(weights[:, columns_at(raw_values(x), weights.shape[1], first, known, refusal)], 0, -2)


def project_in_words(x: Payload, weights: Payload, bias: Payload) -> Payload:
    return np.matmul(weights, x) + bias.reshape(-1, 1)


SECOND |= {"lstm": composed(lstm_in_words), "gru": composed(gru_in_words), "attention": composed(attention_in_words),
           "attention_scores": composed(attention_scores_in_words), "attend": composed(attend_in_words),
           "embed": composed(embed_in_words), "project": composed(project_in_words)}
