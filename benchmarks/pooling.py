"""The rows of pooling alone: ours are the bound kernels, one part of the batch per thread, PyTorch's the one call.

The gradient that enters is the pooled map itself, which both sides have. Indices come in two forms: positions, which
PyTorch has and which leave a network at a port, and tap numbers, which the program puts in their place where only an
unpooling layer reads them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np

from benchmarks.data import Size, Tick, noise
from dltoolbox.core.dims import Dims
from dltoolbox.core.geometry import Window
from dltoolbox.kernels import KernelSpec, candidates
from dltoolbox.kernels.memory_format import preferred_order
from dltoolbox.kernels.testing import Trial, bind_alone
from dltoolbox.ops import OPS, as_tuple
from dltoolbox.ops.pool import winner_positions


class Pool(NamedTuple):
    """A window, and what is timed: ``forward``, ``indices`` or ``taps`` (forward with these), ``backward``, ``unpool``
    or ``unpool taps``.
    """

    size: int
    stride: int
    padding: int
    what: str

    @property
    def window(self) -> Window:
        return Window.of((self.size,) * 2, (self.stride,) * 2, ((self.padding,) * 2,) * 2)


WINDOWS = {"2x2s2": (2, 2, 0), "3x3s2": (3, 2, 1), "3x3s1": (3, 1, 1)}
TEXTS = {"forward": "forward", "indices": "forward with indices", "taps": "forward with tap numbers",
         "backward": "backward", "unpool": "unpooling", "unpool taps": "unpooling by tap numbers"}
POOLS = {f"F-{name}-{what.replace(' ', '-')}": Pool(*window, what) for name, window in WINDOWS.items() for what in TEXTS
         if name == "2x2s2" or not what.startswith("unpool")}


# dltoolbox -----------------------------------------------------------------------------------------------------------
def our_loop(pool: Pool, size: Size, tick: Tick, threads: int) -> None:
    """Run the kernels of all parts at the same time, again and again."""
    X = noise(size._replace(units=1), channels=size.channels)
    trials = [trial(pool, part) for part in np.array_split(X, threads, axis=-1)]
    work = [one.backward if pool.what == "backward" else one.forward for one in trials]
    spoilt = [again(one) for one in trials if pool.what == "backward"]
    with ThreadPoolExecutor(threads) as others:
        while True:
            futures = [others.submit(step) for step in work[1:]]
            work[0]()
            for future in futures:
                future.result()
            if tick(lambda: joined(pool, trials)):
                return
            for restore in spoilt:
                restore()


def trial(pool: Pool, x: np.ndarray) -> Trial:
    """The first choice of kernel for a part of the batch, bound to it; for the gradient it has run forward already."""
    if pool.what.startswith("unpool"):
        kind = "max_pool_taps" if pool.what == "unpool taps" else "max_pool_indices"
        y, indices = as_tuple(OPS[kind].forward(x, window=pool.window))
        if pool.what == "unpool taps":
            return bound("max_unpool_taps", (y, indices), {"window": pool.window, "to": dims_of(x)})
        return bound("max_unpool", (y, indices, np.array(x.shape)), {"to": dims_of(x)})
    kind = {"indices": "max_pool_indices", "taps": "max_pool_taps"}.get(pool.what, "max_pool")
    if pool.what != "backward":
        return bound(kind, (x,), {"window": pool.window})
    gradient = OPS[kind].forward(x, window=pool.window)
    made = bound(kind, (x,), {"window": pool.window}, needs=(True,), grads=(gradient,))
    made.forward()
    return made


def bound(op: str, inputs: Sequence[np.ndarray], attrs: dict[str, Any], needs: tuple[bool, ...] = (),
          grads: Sequence[np.ndarray] | None = None) -> Trial:
    outputs = as_tuple(OPS[op].forward(*inputs, **attrs))
    orders = tuple(preferred_order(x.shape) if x.ndim > 1 else (0,) for x in inputs)
    case = KernelSpec(op, tuple(map(dims_of, inputs)), tuple(map(dims_of, outputs)), orders, attrs, np.dtype(np.float32),
                      needs)
    return bind_alone(candidates(case)[0], case, inputs, [y.dtype for y in outputs], grads)


def dims_of(x: np.ndarray) -> Dims:
    return Dims("SSCB" if x.ndim == 4 else "U", x.shape)


def again(one: Trial) -> Callable[[], None]:
    """Put the gradient back that enters: a kernel is free to overwrite it, and then runs on other numbers next time."""
    grad, = one.site.grad_outputs
    assert grad is not None
    before = grad.copy(order="K")
    one.backward()
    if np.array_equal(grad, before):
        return lambda: None
    np.copyto(grad, before)
    return lambda: np.copyto(grad, before)


def joined(pool: Pool, trials: Sequence[Trial]) -> tuple[np.ndarray, ...]:
    """The results for the whole batch, as PyTorch has them."""
    if pool.what == "backward":
        return (np.concatenate([one.site.grad_inputs[0] for one in trials], -1),)  # type: ignore[arg-type]
    y, *indices = (np.concatenate(parts, -1) for parts in zip(*(one.site.outputs for one in trials), strict=True))
    if pool.what != "taps":
        return (y, *indices)
    spatial = trials[0].site.inputs[0].shape[:2]
    return y, winner_positions(indices[0], pool.window, spatial)


# PyTorch -------------------------------------------------------------------------------------------------------------
def torch_loop(pool: Pool, size: Size, tick: Tick, variant: str) -> None:
    import torch
    import torch.nn.functional as F

    from benchmarks.reference import batch_first
    x = batch_first(noise(size._replace(units=1), channels=size.channels), variant)
    window = (pool.size, pool.stride, pool.padding)
    if pool.what == "backward":
        x.requires_grad_()
        y = F.max_pool2d(x, *window)
        gradient = y.detach().clone()
        while not tick(torch.autograd.grad(y, x, gradient, retain_graph=True)[0]):
            pass
        return
    with torch.inference_mode():
        y, indices = F.max_pool2d(x, *window, return_indices=True)
        calls: dict[str, Callable[[], Any]] = {
            "forward": lambda: F.max_pool2d(x, *window), "unpool": lambda: F.max_unpool2d(y, indices, [2, 2]),
            "indices": lambda: F.max_pool2d(x, *window, return_indices=True)}
        call = calls[pool.what.replace("taps", "indices").replace("unpool indices", "unpool")]
        while not tick(call()):
            pass
