"""Softmax and losses: nodes of ONNX as our ops."""

from __future__ import annotations

import numpy as np

from tests.oracles.onnx_nodes.suite import Attributes, op, ours, theirs, translation


@translation("Softmax")
def softmax(attrs: Attributes, x: np.ndarray) -> tuple[np.ndarray, ...]:
    axis = attrs.get("axis", -1)
    y = op("softmax", np.moveaxis(x, axis, -1)[..., None])[..., 0]
    return (np.moveaxis(y, -1, axis),)


def codes_of(labels: np.ndarray, channels: int, ignored: int | None) -> np.ndarray:
    """Labels B×S… as codes S…×C×B, all false where a label does not count."""
    at, classes = np.expand_dims(np.moveaxis(labels, 0, -1), -2), np.arange(channels)[:, None]
    return (at == classes) & (at != (channels if ignored is None else ignored))


@translation("SoftmaxCrossEntropyLoss")
def cross_entropy(attrs: Attributes, x: np.ndarray, labels: np.ndarray,
                  weights: np.ndarray | None = None) -> tuple[np.ndarray, ...]:
    """Ours divides by the number of labelled positions; ONNX's mean divides by the sum of their weights."""
    if attrs["reduction"] == b"none":
        y = op("softmax", ours(x))
        return loss_of_probabilities(attrs, y, labels, weights), np.log(theirs(y))
    codes = codes_of(labels, x.shape[1], attrs.get("ignore_index"))
    per_class = None if weights is None else tuple(float(w) for w in weights)
    loss, y = op("softmax_cross_entropy", ours(x), codes.astype(x.dtype), weights=per_class)
    counted = codes.sum() if weights is None else (codes * weights[:, None]).sum()
    return np.asarray(loss * codes.sum() / (counted if attrs["reduction"] == b"mean" else 1), x.dtype), np.log(theirs(y))


@translation("NegativeLogLikelihoodLoss")
def likelihood(attrs: Attributes, x: np.ndarray, labels: np.ndarray,
               weights: np.ndarray | None = None) -> tuple[np.ndarray, ...]:
    """Of logarithms; ours takes the probabilities themselves."""
    return (loss_of_probabilities(attrs, np.exp(ours(x)), labels, weights),)


def loss_of_probabilities(attrs: Attributes, y: np.ndarray, labels: np.ndarray, weights: np.ndarray | None) -> np.ndarray:
    """As the function crossentropy: weighted by class, without what is ignored; the sum, the mean, or each term."""
    codes = codes_of(labels, y.shape[-2], attrs.get("ignore_index"))
    each, how = np.ones(y.shape[-2], y.dtype) if weights is None else weights, attrs["reduction"]
    terms = op("elementwise_cross_entropy", y, codes.astype(y.dtype))
    divisor = float((codes * each[:, None]).sum()) if how == b"mean" else 1.0
    loss = op("reduce_loss", terms, each[:, None], codes, divisor=divisor, total=how != b"none")
    return np.asarray(loss) if how != b"none" else np.moveaxis(loss.sum(-2), -1, 0)  # one term of a position is not zero
