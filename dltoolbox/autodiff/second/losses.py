"""Losses in NumPy's words. Here targets and weights have gradients, too."""

from __future__ import annotations

import numpy as np

from dltoolbox.autodiff.apply import SECOND, composed
from dltoolbox.autodiff.tape import Payload, raw_values
from dltoolbox.ops.loss import Weights, labelled


def positive_part(y: Payload) -> Payload:
    """y, and the smallest positive number in the place of less, as a shift."""
    return y + np.maximum(np.finfo(y.dtype).tiny - raw_values(y), 0)


def half_mse_in_words(y: Payload, t: Payload) -> Payload:
    d = y - t
    return np.sum(d * d) / (2 * max(y.shape[-1], 1))


def elementwise_cross_entropy_in_words(y: Payload, t: Payload, *, independent: bool = False) -> Payload:
    terms = -t * np.log(positive_part(y))
    return terms - (1 - t) * np.log(positive_part(1 - y)) if independent else terms


def elementwise_huber_in_words(y: Payload, t: Payload, *, transition: float = 1.0) -> Payload:
    d = y - t
    size = np.abs(d)
    return np.where(raw_values(size) <= transition, d * d / 2, size * transition - transition * transition / 2)


def elementwise_l1_in_words(y: Payload, t: Payload) -> Payload:
    return np.abs(y - t)


def elementwise_l2_in_words(y: Payload, t: Payload) -> Payload:
    d = y - t
    return d * d


def reduce_loss_in_words(x: Payload, weights: Payload, mask: Payload, *, divisor: float, total: bool = True) -> Payload:
    terms = np.where(raw_values(mask), x * weights, 0)
    return (np.sum(terms) if total else terms) / divisor


def log_softmax_in_words(x: Payload) -> Payload:
    shifted = x - raw_values(x).max(-2, keepdims=True)
    return shifted - np.log(np.sum(np.exp(shifted), -2, keepdims=True))


def entropy_in_words(logs: Payload, t: Payload, weights: Weights | None) -> Payload:
    scaled = t if weights is None else t * np.asarray(weights, t.dtype).reshape(-1, 1)
    return -np.sum(scaled * logs) / labelled(raw_values(t))


def cross_entropy_in_words(y: Payload, t: Payload, *, weights: Weights | None = None) -> Payload:
    return entropy_in_words(np.log(positive_part(y)), t, weights)


def softmax_cross_entropy_in_words(x: Payload, t: Payload, *, weights: Weights | None = None) -> tuple[Payload, Payload]:
    logs = log_softmax_in_words(x)
    return entropy_in_words(logs, t, weights), np.exp(raw_values(logs))


SECOND |= {"half_mse": composed(half_mse_in_words), "reduce_loss": composed(reduce_loss_in_words),
           "elementwise_cross_entropy": composed(elementwise_cross_entropy_in_words),
           "elementwise_huber": composed(elementwise_huber_in_words), "elementwise_l1": composed(elementwise_l1_in_words),
           "elementwise_l2": composed(elementwise_l2_in_words), "cross_entropy": composed(cross_entropy_in_words),
           "softmax_cross_entropy": composed(softmax_cross_entropy_in_words)}
