"""Small models for the loop: linear maps with the losses of MATLAB's output layers, in plain NumPy."""

from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np


@dataclass
class Weights:
    layer: str
    name: str
    value: np.ndarray
    learn_rate_factor: float = 1.0
    l2_factor: float = 1.0
    still: int | None = None


class Linear:
    """y = W·x + b on C×N inputs, with loss ½·mean over observations of the squared error (regressionLayer).

    ``mean`` plays the running statistic of a batch normalisation: it is advanced by `step` and changes nothing else.
    """

    def __init__(self, inputs, outputs, dtype=np.float32, seed=0):
        random = np.random.default_rng(seed)
        self.parameters = [Weights("fc", "Weights", random.standard_normal((outputs, inputs)).astype(dtype)),
                           Weights("fc", "Bias", np.zeros((outputs, 1), dtype), l2_factor=0)]
        self.mean = 0.0
        self.finalized = []
        self.seen = []

    def scores(self, x):
        weights, bias = (p.value for p in self.parameters)
        return weights @ x + bias

    def loss(self, y, t):
        """Loss and its gradient with respect to the scores."""
        n = y.shape[-1]
        return 0.5 * float(np.square(y - t).sum()) / n, y, (y - t) / n

    def step(self, inputs, targets):
        x, = inputs
        self.seen.append(x.copy())
        loss, predictions, slope = self.loss(self.scores(x), targets[0])
        self.mean = 0.9 * self.mean + 0.1 * float(x.mean())
        gradients = [slope @ x.T, slope.sum(axis=1, keepdims=True)]
        return SimpleNamespace(loss=loss, predictions=[predictions], gradients=gradients)

    def evaluate(self, inputs, targets):
        loss, predictions, _ = self.loss(self.scores(inputs[0]), targets[0])
        return loss, [predictions]

    def spoilt_state(self):
        return None

    def snapshot(self, into=None):
        return [p.value.copy() for p in self.parameters], self.mean

    def restore(self, snapshot):
        values, self.mean = snapshot
        for parameter, value in zip(self.parameters, values, strict=True):
            parameter.value[...] = value

    def finalize_statistics(self, batches):
        self.finalized = [batch.inputs[0].shape[-1] for batch in batches]


class Softmax(Linear):
    """Linear scores with softmax and cross-entropy over the labelled observations (classificationLayer)."""

    def loss(self, y, t):
        p = np.exp(y - y.max(axis=0))
        p /= p.sum(axis=0)
        n = max(np.count_nonzero(t.any(axis=0)), 1)
        return -float((t * np.log(p)).sum()) / n, p, (p * t.sum(axis=0) - t) / n


class NoStatistics(Linear):
    """A network without batch normalisation: it reads no batch at the end."""

    def finalize_statistics(self, batches):
        pass
