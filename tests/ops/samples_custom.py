"""Samples of the op that calls a function from outside: one that mixes observations, and remembers something."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from dltoolbox.core.dims import Dims
from dltoolbox.ops.base import Call, Gradients
from dltoolbox.ops.custom.custom import Results
from tests.ops.sample import Case, normal


class Contrast:
    """y = w·(x² − mean of x² over the mini-batch), and the sum of the inputs as a second output."""

    def sizes(self, x: Dims, w: Dims) -> tuple[Dims, ...]:
        return x, Dims.of("U", 1)

    taped = False

    def forward(self, x: np.ndarray, w: np.ndarray, needs: Sequence[bool] = ()) -> Results:
        contrast = x ** 2 - (x ** 2).sum(-1, keepdims=True) / max(x.shape[-1], 1)
        return Results((w * contrast, x.sum().reshape(1)), contrast)

    def backward(self, call: Call, grads: Sequence[Any], memory: Any) -> Gradients:
        x, w = call.inputs
        grad = np.zeros_like(x) if grads[0] is None else grads[0]
        total = 0 if grads[1] is None else grads[1]
        mean = grad.sum(-1, keepdims=True) / max(x.shape[-1], 1)
        return 2 * x * w * (grad - mean) + total, (grad * memory).sum().reshape(w.shape)


class Quartic:
    """Σ (y − t)⁴ / N."""

    taped = False

    def forward(self, y: np.ndarray, t: np.ndarray, needs: bool = False) -> Results:
        return Results((((y - t) ** 4).sum() / max(y.shape[-1], 1),), (y - t) ** 3)

    def backward(self, y: np.ndarray, t: np.ndarray, memory: Any) -> np.ndarray:
        return 4 * memory / max(y.shape[-1], 1)


class ContrastOnTape(Contrast):
    """The same, with a gradient that is called another way."""

    taped = True


class QuarticOnTape(Quartic):
    """Likewise."""

    taped = True


def cases() -> Iterator[Case]:
    for label, shape in {"vector": (3,), "map": (4, 3, 2)}.items():
        yield Case("custom", label, lambda r, n, s=shape: (normal(r, *s, n), normal(r, 1)), {"function": Contrast()},
                   differentiable=(0, 1), joins=False)
    for label, shape in {"vector": (3,), "map": (4, 3, 2)}.items():
        yield Case("custom_loss", label, lambda r, n, s=shape: (normal(r, *s, n), normal(r, *s, n)), {"function": Quartic()},
                   batched=(0, 1), joins=False)
    yield Case("custom_loss", "lengths", lambda r, n: (normal(r, 2, 5, n), normal(r, 2, 5, n), np.full(n, 3, np.int32)),
               {"function": Quartic()}, batched=(0, 1, 2), joins=False, sequences=True)
    yield Case("custom", "taped", lambda r, n: (normal(r, 3, n), normal(r, 1)), {"function": ContrastOnTape()},
               differentiable=(0, 1), joins=False)
    yield Case("custom_loss", "taped", lambda r, n: (normal(r, 3, n), normal(r, 3, n)), {"function": QuarticOnTape()},
               batched=(0, 1), joins=False)
