"""Random programs of functions of NumPy, in PyTorch's words as well: the same values and gradients."""

import random
import warnings

import numpy as np
import pytest
import torch

import dltoolbox as dl
from dltoolbox.autodiff.dlarray import as_dlarray
from dltoolbox.autodiff.tape import gradients_of, leaf

UNARY = {  # of NumPy, of PyTorch; all of them are defined everywhere
    "sin": (np.sin, torch.sin),
    "cos": (np.cos, torch.cos),
    "tanh": (np.tanh, torch.tanh),
    "arctan": (np.arctan, torch.atan),
    "exp of a bounded number": (lambda x: np.exp(np.tanh(x)), lambda x: torch.exp(torch.tanh(x))),
    "log": (lambda x: np.log1p(x * x), lambda x: torch.log1p(x * x)),
    "abs": (np.abs, torch.abs),
    "negative": (np.negative, torch.neg),
    "sqrt": (lambda x: np.sqrt(1 + np.square(x)), lambda x: torch.sqrt(1 + torch.square(x))),
    "relu": (lambda x: np.maximum(x, 0), torch.relu),
    "clip": (lambda x: np.clip(x, -0.7, 0.8), lambda x: torch.clamp(x, -0.7, 0.8)),
    "power": (lambda x: x**3, lambda x: x**3),
    "reciprocal": (lambda x: 1 / (2 + x**2), lambda x: 1 / (2 + x**2)),
    "where": (lambda x: np.where(x > 0.1, x, 0.3 * x), lambda x: torch.where(x > 0.1, x, 0.3 * x)),
    "flip": (lambda x: np.flip(x), lambda x: torch.flip(x, tuple(range(x.dim())))),
    "transpose": (lambda x: x.T, lambda x: x.permute(tuple(range(x.dim()))[::-1])),
    "ravel": (lambda x: x.ravel(), lambda x: x.reshape(-1)),
    "newaxis": (lambda x: x[None], lambda x: x[None]),
    "double": (lambda x: np.concatenate([x[None], x[None]]), lambda x: torch.cat([x[None], x[None]])),
    "softmax": (
        lambda x: np.exp(x - np.logaddexp.reduce(x, axis=None)),
        lambda x: torch.exp(x - torch.logsumexp(x.reshape(-1), 0)),
    ),
    "cumsum": (lambda x: np.cumsum(x), lambda x: torch.cumsum(x.reshape(-1), 0)),
    "sort": (lambda x: np.sort(x, axis=None), lambda x: torch.sort(x.reshape(-1))[0]),
    "norm": (lambda x: x / (1 + np.linalg.norm(x.ravel())), lambda x: x / (1 + torch.linalg.norm(x.reshape(-1)))),
    "std": (lambda x: (x - x.mean()) / (0.5 + x.var()), lambda x: (x - x.mean()) / (0.5 + x.var(unbiased=False))),
    "roll": (lambda x: np.roll(x, 2), lambda x: torch.roll(x, 2)),
    "tile": (lambda x: np.tile(x.ravel(), 2), lambda x: x.reshape(-1).repeat(2)),
    "gather": (lambda x: x.ravel()[[0, -1, 0]], lambda x: x.reshape(-1)[[0, -1, 0]]),
    "outer": (lambda x: np.outer(x, x)[:3, :3], lambda x: torch.outer(x.reshape(-1), x.reshape(-1))[:3, :3]),
    "pad": (lambda x: np.pad(x.ravel(), (1, 2)), lambda x: torch.nn.functional.pad(x.reshape(-1), (1, 2))),
}
ALONG = {
    "sum": (np.sum, torch.sum),
    "mean": (np.mean, torch.mean),
    "max": (np.max, torch.amax),
    "min": (np.min, torch.amin),
    "prod": (np.prod, lambda x, dim, keepdim: torch.prod(x, dim, keepdim)),
}
BINARY = {
    "add": (np.add, torch.add),
    "subtract": (np.subtract, torch.sub),
    "multiply": (np.multiply, torch.mul),
    "divide": (lambda x, y: x / (1.5 + y * y), lambda x, y: x / (1.5 + y * y)),
    "maximum": (np.maximum, torch.maximum),
    "minimum": (np.minimum, torch.minimum),
    "arctan2": (np.arctan2, torch.atan2),
    "hypot": (np.hypot, torch.hypot),
    "logaddexp": (np.logaddexp, torch.logaddexp),
}
SHAPES = [(), (1,), (3,), (2, 3), (1, 3), (2, 1), (4, 1, 3), (3, 2)]


class Draw:
    """A program of a few steps on two arrays, on ours and PyTorch's at once; every step may use every earlier result."""

    def __init__(self, seed, dtype):
        self.dice, self.dtype = random.Random(seed), dtype
        rng = np.random.default_rng(seed)
        values = [rng.standard_normal(self.dice.choice(SHAPES)).astype(dtype) for _ in range(2)]
        if self.dice.random() < 0.3:
            values = [np.asfortranarray(x) for x in values]
        if self.dice.random() < 0.3:
            values = [np.repeat(x[..., None], 2, -1)[..., 0] for x in values]
        self.leaves = [as_dlarray(leaf(x), "") for x in values]
        self.theirs = [torch.tensor(x, requires_grad=True) for x in values]
        self.made = list(zip(self.leaves, self.theirs, strict=True))
        self.steps = []

    def step(self):
        kind = self.dice.random()
        x, t = self.dice.choice(self.made[-3:])
        if kind < 0.5:
            name = self.dice.choice(list(UNARY))
            ours, torchs = UNARY[name]
            result = ours(x), torchs(t)
        elif kind < 0.65 and x.ndim:
            name = self.dice.choice(list(ALONG))
            ours, torchs = ALONG[name]
            axis, keep = self.dice.randrange(-x.ndim, x.ndim), self.dice.random() < 0.5
            result = ours(x, axis=axis, keepdims=keep), torchs(t, dim=axis, keepdim=keep)
        else:
            name = self.dice.choice([*BINARY, "matmul"])
            y, u = self.dice.choice(self.made)
            if name == "matmul":
                x, t = x.reshape(-1, x.shape[-1] if x.ndim else 1), t.reshape(-1, t.shape[-1] if t.dim() else 1)
                y, u = (y, u) if y.shape[:-1] == x.shape[1:] else (x.T, t.T)
                result = x @ y, t @ u
            elif not expands(x.shape, y.shape):
                return
            else:
                ours, torchs = BINARY[name]
                result = ours(x, y), torchs(t, u)
        self.steps.append(name)
        if result[0].size <= 200:
            self.made.append(result)

    def gradients(self):
        y, t = self.made[-1]
        weights = np.cos(np.arange(y.size)).reshape(y.shape).astype(self.dtype)
        found = gradients_of(np.sum(y * weights).payload, [x.payload for x in self.leaves])
        if not t.requires_grad:
            return found, [None, None]
        return found, torch.autograd.grad((t * torch.tensor(weights)).sum(), self.theirs, allow_unused=True)


def expands(a, b):
    return all(m == n or 1 in (m, n) for m, n in zip(a[::-1], b[::-1], strict=False))


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("seed", range(3))
def test_random_programs(seed, dtype):
    tolerance = 1e-9 if dtype == "float64" else 2e-3
    warnings.simplefilter("error")
    steps = 0
    for number in range(200):
        draw = Draw(1000 * seed + number, dtype)
        for _ in range(draw.dice.randrange(1, 7)):
            draw.step()
        steps += len(draw.steps)
        y, t = draw.made[-1]
        assert y.dtype == dtype
        np.testing.assert_allclose(
            y.payload.value, t.detach().numpy(), rtol=tolerance, atol=tolerance, err_msg=str(draw.steps)
        )
        for ours, torchs in zip(*draw.gradients(), strict=True):
            assert (ours is None) <= (torchs is None or not torchs.any()), draw.steps
            if ours is not None and torchs is not None:
                assert ours.dtype == dtype
                scale = tolerance * (1 + float(torchs.abs().max() if torchs.numel() else 0))
                np.testing.assert_allclose(ours, torchs.numpy(), rtol=tolerance, atol=scale, err_msg=str(draw.steps))
    assert steps > 200
    assert isinstance(y, dl.dlarray)
