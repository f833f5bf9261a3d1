"""The rows of pooling alone: ours is the one step of a program that does it, PyTorch's the one call.

The gradient that enters is the pooled map itself, which both sides have.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from benchmarks.data import Size, pictures
from dltoolbox import imageInputLayer, layerGraph, maxPooling2dLayer, maxUnpooling2dLayer, regressionLayer
from dltoolbox.network.layergraph import LayerGraph, connectLayers
from dltoolbox.program.model import Model
from dltoolbox.program.plan import Step
from dltoolbox.program.run import Run

Tick = Callable[[Any], bool]


class Pool(NamedTuple):
    """A window, and what is timed: ``forward``, ``indices`` (forward with indices), ``backward`` or ``unpool``."""

    size: int
    stride: int
    padding: int
    what: str


POOLS = {f"F-{name}-{what}": Pool(*window, what)
         for name, window in (("2x2s2", (2, 2, 0)), ("3x3s2", (3, 2, 1)), ("3x3s1", (3, 1, 1)))
         for what in ("forward", "indices", "backward", "unpool") if what != "unpool" or name == "2x2s2"}


def network(pool: Pool, size: Size) -> LayerGraph:
    """Pooling alone, or pooling and unpooling."""
    start = imageInputLayer([size.side, size.side, size.channels], Normalization="none", Name="in")
    layer = maxPooling2dLayer(pool.size, Stride=pool.stride, Padding=pool.padding, Name="pool",
                              HasUnpoolingOutputs=pool.what in ("indices", "unpool"))
    if pool.what != "unpool":
        return layerGraph([start, layer, regressionLayer(Name="out")])
    lgraph = layerGraph([start, layer, maxUnpooling2dLayer(Name="unpool"), regressionLayer(Name="out")])
    for port in ("indices", "size"):
        lgraph = connectLayers(lgraph, f"pool/{port}", f"unpool/{port}")
    return lgraph


def our_loop(pool: Pool, size: Size, tick: Tick) -> None:
    """Run the plan up to the step in question, then that step again and again."""
    X = pictures(size._replace(units=1), size.channels)
    model = Model(network(pool, size))
    if pool.what == "backward":
        our_backward(model, X, tick)
        return
    ports = {"forward": ("pool/out",), "indices": ("pool/out", "pool/indices"), "unpool": ("unpool/out",)}[pool.what]
    plan = model.plan("predict", [X], ports)
    run = Run(plan, model.arrays, [X])
    step = find(plan.steps, "unpool" if pool.what == "unpool" else "window_max")
    for before in plan.steps[:plan.steps.index(step)]:
        run.forward_step(before)
    kept = list(run.live)
    while True:
        run.live[:] = kept
        run.forward_step(step)
        if tick(tuple(run[value] for value in plan.wanted)):
            return


def our_backward(model: Model, X: np.ndarray, tick: Tick) -> None:
    plan = model.plan("gradients", [X])
    step = find(plan.steps, "window_max")
    run = Run(plan, model.arrays, [X])
    run.forward_step(step)
    kept, pooled = list(run.live), step.outputs[0]
    gradient = model.predict([X])[0]
    while True:
        run.live[:] = kept
        gradients = {pooled: gradient}
        run.backward_step(step, gradients)
        if tick(gradients[step.inputs[0]]):
            return


def find(steps: list[Step], op: str) -> Step:
    return next(step for step in steps if step.node.op.name.startswith(op))


def torch_loop(pool: Pool, size: Size, tick: Tick, variant: str) -> None:
    import torch
    import torch.nn.functional as F

    from benchmarks.reference import batch_first
    x = batch_first(pictures(size._replace(units=1), size.channels), variant)
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
        call = calls[pool.what]
        while not tick(call()):
            pass
