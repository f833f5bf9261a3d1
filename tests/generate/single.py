"""One layer in a network of little else, drawn with its options and data of any format, and held against its twin.

Networks are those of `tests.generate.draw`, but of one move. Time is put into them in two ways: ``beside`` their axes, where
every step is an observation to the twin; or in ``place`` of the last spatial axis, where the twin does not notice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import Any
from zlib import crc32

import numpy as np
import torch

from dltoolbox import inputLayer, replaceLayer
from dltoolbox.core.random import rng as restart
from dltoolbox.network.graph.layer_graph import LayerGraph
from dltoolbox.program.model import Model, Result
from tests.generate import draw, draw_sequences
from tests.generate.dice import Dice, Unfit, need
from tests.generate.draw_sequences import RECURRENT
from tests.generate.network import LABELS, Network, Part, arrays_of, at_random, data_of, is_data, targets_of
from tests.generate.twin import there
from tests.generate.twin_network import Found, run_twin

TOLERANCE = 1e-9  # of the largest number of a result
SMALL = 1e-3  # of the largest gradient: what a smaller one may be off by
LARGEST = 6  # parts of a network
NAN = float("nan")

NONE, BESIDE, PLACE = "", "beside", "place"
EVERY = {NONE, BESIDE, PLACE}
WAYS: dict[str, set[str]] = {factory: possible for factories, possible in (
    (("imageInputLayer", "image3dInputLayer", "featureInputLayer"), {NONE}),
    ([f"stochasticPooling{rank}dLayer" for rank in (1, 2, 3)], {NONE}), (RECURRENT, {PLACE}),
    (("sequenceFoldingLayer", "sequenceUnfoldingLayer", "sequenceInputLayer"), {BESIDE}),
    (("groupNormalizationLayer", "instanceNormalizationLayer"), {NONE, PLACE}),  # their statistics are over time, too
    (("scalingLayer", "preluLayer", "inverseNormalizationLayer", "flattenLayer", "fullyConnectedLayer",
      "complexFullyConnectedLayer", "concatenationLayer", "spaceToDepthLayer", "depthToSpace2dLayer",
      "crop2dLayer", "crop3dLayer", "resize2dLayer", "resize3dLayer", "adaptiveAveragePooling2dLayer",
      "patchEmbeddingLayer", "classificationLayer", "pixelClassificationLayer", "dicePixelClassificationLayer",
      "focalLossLayer", "permuteLayer", "reshapeLayer"),
     {NONE, BESIDE}),  # they would miss the axis, or have arrays of the size of maps
    (("selfAttentionLayer", "attentionLayer", "positionEmbeddingLayer", "embeddingConcatenationLayer", "indexing1dLayer",
      "sinusoidalPositionEncodingLayer"), {NONE, PLACE})) for factory in factories}


def ways(net: Network) -> set[str]:
    """How time may come into a network without changing what the twin computes."""
    possible = set(EVERY)
    for part in net.parts:
        possible &= WAYS.get(part.layer.factory, EVERY)
        over, position = (getattr(part.layer, name, "") for name in ("OperationDimension", "PositionDimension"))
        over, position = over or "", position or getattr(part.layer, "Positions", "")
        possible -= {PLACE} if over == "spatial-channel" else {BESIDE} if over == "batch-excluded" else (
            {BESIDE} if over == "all" else set())  # of reshapeLayer: the last size is that of the observations
        possible -= {PLACE} if "spatial" in position else {NONE} if "temporal" in position else set()
        if "global" in part.layer.factory and any(len(other.sources) > 1 for other in net.parts):  # time is gone behind it
            possible -= {PLACE}
        if at_random(part):  # what is drawn is found in the map itself
            possible &= {NONE}
    return possible


ENTERING: dict[str, Callable[[Any], tuple[int, int]]] = {  # of layers that look up indices: the range of those that enter
    "wordEmbeddingLayer": lambda one: (1, one.NumWords) if one.OOVMode == "error" else (0, one.NumWords + 1),
    "embeddingLayer": lambda one: (int(one.ZeroIndexMapping == "error"), one.MaxIndex)}


# Drawing -------------------------------------------------------------------------------------------------------------
@cache
def moves() -> dict[str, tuple[Callable[..., str], ...]]:
    """By factory, the moves that have been seen to draw it."""
    found: dict[str, dict[Callable[..., str], None]] = {}
    for number in range(60 * len(draw.MOVES)):
        draft = draw.Draft(Dice(1, number))
        draft.batch = 1
        move = draw.MOVES[number % len(draw.MOVES)][0]
        draft.tried(move, entering(draft))
        for part in draft.parts[1:]:
            found.setdefault(part.layer.factory, {})[move] = None
    for factory, move in draw_sequences.MOVES.items():
        found.setdefault(factory, {})[move] = None
    return {factory: tuple(some) for factory, some in found.items()}


def entering(draft: draw.Draft) -> str:
    """Small odd sizes of any format."""
    d = draft.dice
    rank = d.one(0, 1, 1, 2, 2, 3)
    size = [*(d.number(1, 4 if rank == 3 else 7) for _ in range(rank)), d.one(1, 1, 2, 3, 4, 5, 6)]
    return draft.add("inputLayer", [*size, None], LABELS[rank])


def started(draft: draw.Draft, factory: str) -> str:
    """Behind the input layer of this kind, or any other."""
    if factory == "sequenceInputLayer":
        return draw_sequences.source(draft)
    if factory in ("imageInputLayer", "image3dInputLayer", "featureInputLayer"):
        x = draw.first(draft)
        need(draft.parts[0].layer.factory == factory)
        return x
    return entering(draft)


ENDS = {"regressionLayer": ("regression",), "classificationLayer": ("classification",),
        "pixelClassificationLayer": ("pixels",), "dicePixelClassificationLayer": ("pixels",),
        "focalLossLayer": ("classification", "pixels")}


def grown(draft: draw.Draft, factory: str) -> None:
    """The layer behind an input layer, and output layers behind it."""
    x = started(draft, factory)
    if factory in moves():
        draft.dice.one(*moves()[factory])(draft, x)
    need(len(draft.parts) <= LARGEST)
    if factory in ENDS:
        task = draft.dice.one(*ENDS[factory])
        need(task != "pixels" or draft.rank(x) in (2, 3))
        draw.finish(draft, x, task)
    used = {source for part in draft.parts for source in part.sources}
    for port in [port for part in draft.parts for port in part.ports() if is_data(port) and port not in used]:
        draw.finish(draft, port, "regression")
    need(factory in {part.layer.factory for part in draft.parts})
    dropping = [part for part in draft.parts if at_random(part)]
    need(not dropping or (dropping == draft.parts[1:2] and len(draft.parts) == 3))


def drawn(factory: str, number: int) -> Single:
    """The case of this number: nothing else decides on it."""
    for attempt in range(1000):
        dice = Dice(crc32(factory.encode()), number * 1000 + attempt, factory)
        draft = draw.Draft(dice)
        draft.batch, draft.run.loss = dice.one(1, 2, 3), True
        try:
            grown(draft, factory)
        except Unfit:
            continue
        net = Network(tuple(draft.parts), draft.batch, int(dice.rng.integers(1 << 30)))
        possible = sorted(ways(net))
        if not possible:
            continue
        way = dice.one(*possible)
        least = max(getattr(part.layer, "MinLength", 1) for part in net.parts)
        steps = max(dice.one(1, 2, 3, 5), least) if way == BESIDE else 0
        whole = dice.chance(0.15) and not any(map(at_random, net.parts))
        return Single(factory, replace(net, batch=net.batch * max(steps, 1), whole=whole), way, steps)
    raise AssertionError(f"no move draws a {factory}")


# Running -------------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Single:
    """A network around one layer. ``steps`` of time stand beside the axes; to the twin all of them are observations."""

    factory: str
    net: Network
    way: str
    steps: int

    def __str__(self) -> str:
        return f"{self.way or 'no time'}, {self.steps} steps: {self.net}"

    def graph(self) -> LayerGraph:
        """With time."""
        lgraph = self.net.graph()
        for part in self.net.inputs:
            size, rank = part.size, len(part.size) - 1
            if self.way == NONE or part.layer.factory == "sequenceInputLayer" or (self.way == PLACE and not rank):
                continue
            size, rank = (size, rank) if self.way == BESIDE else ((*size[:-2], size[-1]), rank - 1)
            layer = inputLayer([*size, NAN, NAN], "S" * rank + "CBT", Name=part.name)
            lgraph = replaceLayer(lgraph, part.name, layer)
        return lgraph

    def ours(self, x: np.ndarray, timed: bool) -> np.ndarray:
        """S…CB of the twin as S…CTB, where there is time."""
        if self.way == BESIDE and timed:
            return x.reshape(*x.shape[:-1], self.steps, -1)
        return np.moveaxis(x, -3, -2) if timed else x

    def data(self) -> list[np.ndarray]:
        """Of the twin; indices where these are looked up."""
        data, random = list(data_of(self.net)), self.net.random("words")
        for number, part in enumerate(self.net.inputs):
            for other in self.net.parts:
                if other.layer.factory in ENTERING and other.sources[0] in part.ports():
                    low, high = ENTERING[other.layer.factory](other.layer)
                    data[number] = random.integers(low, high + 1, data[number].shape).astype(float)
        return data


class Both:
    """What both sides make of a case."""

    def __init__(self, case: Single, *, fast: bool = True) -> None:
        self.case, self.net = case, case.net
        self.model = Model(case.graph(), np.float64, fast=fast)
        values = arrays_of(self.net, {key: value.shape for key, value in self.model.arrays.items()})
        for key, value in self.model.arrays.items():
            value[...] = values[key]
        self.arrays = {key: torch.from_numpy(value.copy()).requires_grad_() for key, value in values.items()}
        self.tensors = [torch.from_numpy(x).requires_grad_() for x in case.data()]
        names = [entry.name for entry in self.model.inputs]
        assert names == [part.name for part in self.net.inputs]
        self.inputs = [case.ours(x.detach().numpy(), entry.dims.timed)
                       for x, entry in zip(self.tensors, self.model.inputs, strict=True)]

    def twin(self, targets: Any = (), **options: Any) -> Found:
        return run_twin(self.net, self.arrays, self.tensors, [torch.from_numpy(t) for t in targets],
                        timed=self.case.way != NONE, **options)

    def differences(self) -> Iterator[str]:
        """What differs: predictions at every port, the loss, all gradients, and statistics that move."""
        right, ports = self.twin(), self.net.data_ports()
        found = dict(zip(ports, self.model.results(self.inputs, ports), strict=True))
        for port, result in found.items():
            yield from off(port, result.array, self.aligned(right.port(port), result))
        leaving = self.net.leaving()
        targets = targets_of(self.net, [right.port(port).shape for port in leaving])
        yield from self.trained(targets, [found[port] for port in leaving])

    def aligned(self, right: np.ndarray, result: Result) -> np.ndarray:
        """What leaves the twin, as a result of ours has its axes: pooling over all of time leaves none."""
        timed = result.dims.timed
        if self.case.way == PLACE and not timed and right.ndim > result.array.ndim:
            return right.squeeze(-3)
        return self.case.ours(right, timed)

    def trained(self, targets: list[np.ndarray], leaving: list[Result]) -> Iterator[str]:
        ours = [self.aligned(t, result) for t, result in zip(targets, leaving, strict=True)]
        restart(0)
        step = self.model.step(self.inputs, ours) if self.states else None
        kept = self.kept(step.predictions[0]) if step is not None and self.dropping else None
        moved = {key: value.copy() for key, value in self.model.states.items()} if step is not None else {}
        right = self.twin(targets, training=True, kept=kept)
        loss = sum(one / self.shares(result) for one, result in zip(right.losses, leaving, strict=True))
        if loss.requires_grad:
            loss.backward()
        restart(0)
        value, learnables, entering = self.model.gradients(self.inputs, ours)
        yield from off("loss", np.asarray(value), loss.detach().numpy())
        wanted = {f"gradient of {key.layer}.{key.name}": (gradient, gradient_of(self.arrays[key]))
                  for key, gradient in learnables.items()}
        wanted |= {f"gradient of {entry.name}": (gradient, self.case.ours(gradient_of(x), entry.dims.timed))
                   for entry, gradient, x in zip(self.model.inputs, entering, self.tensors, strict=bool(entering))}
        if not entering:
            assert not any(gradient_of(x).any() for x in self.tensors), "no gradient reaches the inputs"
        largest = max((np.abs(right).max(initial=0) for _, right in wanted.values()), default=0.0)
        for name, (gradient, right_gradient) in wanted.items():
            yield from off(name, gradient, right_gradient, least=SMALL * largest)
        for (layer, name), statistic in right.moved.items():
            mine = next(value for key, value in moved.items() if (key.layer, key.name) == (layer, name))
            yield from off(f"{layer}.{name}", mine.flatten(), statistic)

    @property
    def dropping(self) -> list[Part]:
        return [part for part in self.net.parts if at_random(part)]

    @property
    def states(self) -> bool:
        """Whether a step of training tells more than gradients do."""
        return bool(self.dropping) or "batchNormalizationLayer" in self.net.factories

    def kept(self, y: np.ndarray) -> torch.Tensor:
        """The elements that a pooling drew; or the factors of dropout: nothing but 0 and 1/(1 − p), in a channel the same
        where all of it is dropped.
        """
        (part,), x = self.dropping, self.inputs[0]
        if part.layer.factory.startswith("stochastic"):
            return there(torch.from_numpy(y))
        factors = y / x
        scale = 1 / (1 - part.layer.Probability)
        assert np.isclose(factors, np.where(np.abs(factors) > scale / 2, scale, 0)).all()
        if part.layer.factory == "spatialDropoutLayer":
            assert np.isclose(factors, factors[(slice(0, 1),) * (x.ndim - 2)]).all()
        return there(torch.from_numpy(factors))

    def shares(self, result: Result) -> int:
        """Losses are means over time, too; the twin does not notice where that is an axis."""
        return result.array.shape[-2] if self.case.way == PLACE and result.dims.timed else 1


def gradient_of(x: torch.Tensor) -> np.ndarray:
    """S…CB for data; arrays of layers as they are."""
    return np.zeros(x.shape) if x.grad is None else x.grad.numpy()


def off(name: str, found: np.ndarray, right: np.ndarray, *, least: float = 0.0) -> Iterator[str]:
    if found.shape != right.shape:
        yield f"{name}: size {found.shape}, not {right.shape}"
        return
    scale = max(np.abs(right).max(initial=0), least, 1e-30)
    error = np.abs(found - right).max(initial=0)
    if not error <= TOLERANCE * scale:
        yield f"{name}: off by {error:.2g} of {scale:.2g}"
