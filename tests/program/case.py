"""One layer in a network, and the same in PyTorch: what the modules of cases are made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dltoolbox.layers import FACTORIES, Layer
from dltoolbox.network.graph.layer_graph import LayerGraph, layerGraph
from dltoolbox.network.graph.surgery import addLayers, connectLayers
from dltoolbox.program.model import Model
from dltoolbox.testing.derivatives import untied

Size = tuple[int, ...]
Theirs = Callable[..., Tensor]


def make(factory: str, *args: Any, **options: Any) -> Layer:
    return FACTORIES[factory](*args, **options)


def source(size: Size, name: str, *, timed: bool = False, **options: Any) -> Layer:
    """An input layer for data of this size per observation; the last is the number of steps of ``timed`` ones."""
    given = {"Normalization": "none", "Name": name} | options
    if timed:
        return make("sequenceInputLayer", list(size[:-1]), **given)
    if len(size) == 1:
        return make("featureInputLayer", size[0], **given)
    if len(size) == 2:
        return make("inputLayer", [*size, None], "SCB", Name=name)
    return make("imageInputLayer" if len(size) == 3 else "image3dInputLayer", list(size), **given)


@dataclass(frozen=True)
class Case:
    """A network: input x0, the layer (named 'layer'), an output; further inputs x1, x2, … go to its other ports.

    ``theirs(x, …, p, training)`` is the same in PyTorch, on B×C×S… tensors, with the layer's arrays by name in ``p``. Cases
    of sequences are ``timed``: their sizes are S…×C×T, and ``theirs`` gets B×T×S…×C.
    """

    layer: str
    label: str
    sizes: tuple[Size, ...]
    body: Callable[[], list[Layer]]
    theirs: Theirs
    end: Callable[[], Layer] = lambda: make("regressionLayer", Name="out")
    first: dict[str, Any] = field(default_factory=dict)  # options of the first input layer
    weights: tuple[float, ...] | None = None  # of classes
    labelled: bool = False  # whether targets are one-hot
    timed: bool = False
    indices: tuple[int, int] | None = None  # the least and the largest, where whole numbers enter
    loss_of: Callable[[Tensor, Tensor], Tensor] | None = None  # the loss of labels, where it is no cross-entropy

    def __str__(self) -> str:
        return f"{self.layer}-{self.label}" if self.label else self.layer

    def graph(self) -> LayerGraph:
        lgraph = layerGraph([source(self.sizes[0], "x0", timed=self.timed, **self.first), *self.body(), self.end()])
        if "Unpooling" in self.layer:  # body: a sum of x0 and the pooled x1, then the layer
            pool = make(self.layer.replace("Unp", "P"), 2, Stride=2, HasUnpoolingOutputs=True, Name="pool")
            lgraph = addLayers(lgraph, [source(self.sizes[1], "x1"), pool])
            for port, to in (("out", "sum/in2"), ("indices", "layer/indices"), ("size", "layer/size")):
                lgraph = connectLayers(lgraph, f"pool/{port}", to)
            return lgraph
        for number, size in enumerate(self.sizes[1:], 1):
            port = self.body()[-1].inputs()[number]
            lgraph = addLayers(lgraph, source(size, f"x{number}", timed=self.timed))
            lgraph = connectLayers(lgraph, f"x{number}", f"layer/{port}")
        return lgraph

    def model(self, dtype: Any, *, fast: bool = True) -> Model:
        model = Model(self.graph(), dtype, fast=fast)
        rng = np.random.default_rng(7)
        for key, value in model.arrays.items():
            if key.layer == "layer":
                spread = key.name in ("TrainedVariance", "Scale")
                value[...] = rng.uniform(0.5, 2, value.shape) if spread else rng.standard_normal(value.shape)
        return model

    def inputs(self, batch: int, dtype: Any = np.float64) -> list[np.ndarray]:
        """Values without ties, none of them near zero; read-only."""
        rng = np.random.default_rng(3)
        made = [untied(rng, (*size, batch), dtype) for size in self.sizes]
        if self.indices is not None:
            made = [rng.integers(self.indices[0], self.indices[1] + 1, x.shape).astype(dtype) for x in made]
        for array in made:
            array.flags.writeable = False
        return made

    def targets(self, shape: Size, dtype: Any = np.float64) -> list[np.ndarray]:
        rng = np.random.default_rng(5)
        if not self.labelled:
            return [rng.standard_normal(shape).astype(dtype)]
        classes = rng.integers(0, shape[-2], (*shape[:-2], 1, shape[-1]))
        hot = (classes == np.arange(shape[-2])[:, None]).astype(dtype)
        if len(shape) > 2 and shape[0] > 1:
            hot[0, 0] = 0  # undefined pixels
        return [hot]

    def loss(self, y: Tensor, t: Tensor) -> Tensor:
        """In PyTorch, in our order of axes."""
        if not self.labelled:
            steps = y.shape[-2] if self.timed and y.ndim > len(self.sizes[0]) else 1
            return ((y - t) ** 2).sum() / (2 * steps * y.shape[-1])
        if self.loss_of is not None:
            return self.loss_of(y, t)
        w = torch.ones(y.shape[-2], dtype=y.dtype) if self.weights is None else torch.tensor(self.weights, dtype=y.dtype)
        return -(t * y.log() * w[:, None]).sum() / (t.sum(-2) > 0).sum()


def there(x: Tensor) -> Tensor:
    """S…CB → BCS…"""
    return x.permute(x.ndim - 1, x.ndim - 2, *range(x.ndim - 2))


def back(x: Tensor) -> Tensor:
    """BCS… → S…CB"""
    return x.permute(*range(2, x.ndim), 1, 0)


def filters(w: Tensor) -> Tensor:
    """S…CK → KCS…"""
    return w.permute(w.ndim - 1, w.ndim - 2, *range(w.ndim - 2))


def plain(function: Callable[..., Tensor]) -> Theirs:
    return lambda *arguments: function(*arguments[:-2])


IMAGE, ODD, VECTOR, VOLUME, SIGNAL = (6, 8, 3), (5, 7, 2), (5,), (4, 6, 4, 2), (9, 3)


def single(layer: str, label: str, size: Size, theirs: Theirs, *args: Any, **options: Any) -> Case:
    return Case(layer, label, (size,), lambda: [make(layer, *args, Name="layer", **options)], theirs)
