"""Random networks. What fits where is decided here and in the twin alone, so that analysis has to accept all of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from math import prod
from typing import Any

import numpy as np
import torch

from dltoolbox.core.dims import Dims
from tests.generate.dice import Dice, Unfit
from tests.generate.draw_arranging import arranging, blocks, cropping, flattening, resizing
from tests.generate.draw_attention import attending, patching, placing
from tests.generate.draw_complex import among_complex, spectral
from tests.generate.draw_elementwise import activation, normalisation, passing
from tests.generate.draw_joining import another_input, dense, joining, residual, weighing
from tests.generate.draw_windows import adaptive, convolution, drawing, global_pooling, pooling, transposed, unpooling
from tests.generate.network import LABELS, Network, Part, is_data, make
from tests.generate.twin import Run
from tests.generate.twin_network import applied

LARGEST = 30_000  # elements of one array, for all observations
WORK = 3_000_000  # multiply-adds of one layer, for all observations
NOT_DRAWN = {  # layers that the generator leaves out, and why
    **dict.fromkeys(("sequenceInputLayer", "lstmLayer", "bilstmLayer", "gruLayer", "lstmProjectedLayer",
                     "gruProjectedLayer", "sequenceFoldingLayer", "sequenceUnfoldingLayer"), "drafts have no time"),
    **dict.fromkeys(("wordEmbeddingLayer", "embeddingLayer"), "they take indices"),
}
OPTIONS_NOT_DRAWN = {
    **dict.fromkeys(("WeightsInitializer", "BiasInitializer", "ScaleInitializer", "OffsetInitializer", "Weights", "Bias",
                     "Offset", "TrainedMean", "TrainedVariance", "Mean", "StandardDeviation", "Min", "Max"),
                    "all arrays get random values"),
    **dict.fromkeys(("WeightL2Factor", "BiasL2Factor", "ScaleL2Factor", "OffsetL2Factor", "AlphaL2Factor"),
                    "solvers read it, networks do not"),
    **dict.fromkeys((f"{part}{what}" for part in ("Query", "Key", "Value", "Output") for what in ("Weights", "Bias")),
                    "all arrays get random values"), "DropoutProbability": "what is dropped is not known to the twin",
    **dict.fromkeys(("NumChannels", "NumChannelsPerGroup", "ResponseNames", "DataAugmentation"), "changes no result"),
    "SplitComplexInputs": "real and imaginary parts enter as channels"}

ONE_VALUE = dict.fromkeys(("complexToRealLayer", "realToComplexLayer", "complexFullyConnectedLayer"),
                          frozenset({"OperationDimension"}))


def doubled(x: np.ndarray) -> np.ndarray:
    """A normalisation of the user's own."""
    return 2 * x


class Draft:
    """A network while it is drawn: its parts, and what their ports hold for one observation."""

    def __init__(self, dice: Dice) -> None:
        self.dice = dice
        self.batch = dice.one(1, 1, 2, 2, 3, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 64, 65, 100, 128, 130)
        self.run = Run(loss=dice.chance(0.85))
        self.parts: list[Part] = []
        self.held: dict[str, torch.Tensor] = {}

    def add(self, factory: str, *args: Any, sources: Sequence[str] = (), **options: Any) -> str:
        """Add a layer behind ports; its first output port, or its name."""
        name = f"{factory.removesuffix('Layer')}_{len(self.parts) + 1}"
        part = Part(make(factory, *args, Name=name, **options), tuple(sources))
        inputs = [self.held[source] for source in sources]
        if not part.layer.outputs():
            self.parts.append(part)
            return name
        shapes = part.layer.arrays(*map(dims, inputs))
        arrays = {one.name: torch.zeros(one.shape) for one in shapes}
        if not sources:
            inputs = [torch.zeros(entering_shape(part))]
        outputs = applied(part, arrays, self.run, inputs)
        taps = prod(shapes[0].shape) if shapes and shapes[0].name == "Weights" else 0
        if taps and inputs[0].ndim > 2 and "fully" not in factory:
            taps *= max(prod(outputs[0].shape[2:]), prod(inputs[0].shape[2:]))
        if max(y.numel() for y in outputs) * self.batch > LARGEST or taps * self.batch > WORK:
            raise Unfit
        self.parts.append(part)
        self.held.update(zip(part.ports(), outputs, strict=True))
        return part.ports()[0]

    def tried(self, move: Callable[..., str], *args: Any) -> str | None:
        """What a move ends in; None, and nothing is left of it, where it does not fit."""
        parts, held = list(self.parts), dict(self.held)
        try:
            return move(self, *args)
        except Unfit:
            self.parts, self.held = parts, held
            return None

    def shape(self, port: str) -> tuple[int, ...]:
        """C, S…"""
        return tuple(self.held[port].shape[1:])

    def spatial(self, port: str) -> tuple[int, ...]:
        return self.shape(port)[1:]

    def channels(self, port: str) -> int:
        return self.shape(port)[0]

    def rank(self, port: str) -> int:
        return len(self.spatial(port))

    def size(self, port: str) -> tuple[int, ...]:
        """S…, C: as arrays expand."""
        return (*self.spatial(port), self.channels(port))

    @property
    def real(self) -> list[str]:
        """Ports of real data, which most layers take."""
        return [port for port, x in self.held.items() if is_data(port) and not x.is_complex()]

    def alike(self, port: str, fits: Callable[[tuple[int, ...], tuple[int, ...]], bool]) -> list[str]:
        """Other ports with data of a shape that fits to that of this one."""
        return [other for other in self.real if other != port
                and fits(self.shape(other), self.shape(port))]


def dims(x: torch.Tensor) -> Dims:
    return Dims(LABELS[x.ndim - 2], (*x.shape[2:], x.shape[1], None))


def entering_shape(part: Part) -> tuple[int, ...]:
    *spatial, channels = part.size
    return (1, channels, *spatial)


# Moves: each continues a draft behind a port and returns the new port ---------------------------------------------------
Move = Callable[[Draft, str], str]
MOVES: tuple[tuple[Move, int], ...] = (
    (activation, 6), (passing, 3), (normalisation, 5), (convolution, 9), (spectral, 2), (among_complex, 2),
    (transposed, 3), (pooling, 5), (drawing, 2), (unpooling, 4), (global_pooling, 1), (adaptive, 1), (blocks, 2),
    (arranging, 2),
    (resizing, 2), (cropping, 2), (flattening, 1), (dense, 2), (residual, 4), (weighing, 1), (joining, 2),
    (another_input, 1), (attending, 3), (placing, 5), (patching, 2))


def first(draft: Draft) -> str:
    """An input layer."""
    d = draft.dice
    rank = int(d.one(0, 0, 1, 1, 2, 2, 2, 2, 2, 3, 3, 3))
    large = d.chance(0.15)
    sides = [1, 2, 3, 4, 5, 6] if rank == 3 else [1, 1, 2, 3, 4, 5, 6, 7, 8, 9, *[12, 16] * large]
    size = [*(d.one(*sides) for _ in range(rank)), d.one(1, 1, 2, 3, 3, 4, 6, 8, *[16, 20] * large)]
    if rank == 1 or d.chance(0.1):
        return draft.add("inputLayer", [*size, None], LABELS[rank])
    factory = {0: "featureInputLayer", 2: "imageInputLayer", 3: "image3dInputLayer"}[rank]
    return draft.add(factory, size if rank else size[0], Normalization=d.one(
        "none", "none", "zerocenter", "zscore", "rescale-symmetric", "rescale-zero-one", doubled),
        **d.some(NormalizationDimension=lambda: d.one("channel", "element", "all")))


def finish(draft: Draft, x: str, task: str) -> None:
    """An output layer; of classification behind a softmax."""
    d = draft.dice
    if task == "regression":
        draft.add("regressionLayer", sources=[x])
        return
    if task == "pixels":
        factory = d.one("pixelClassificationLayer", "dicePixelClassificationLayer", "focalLossLayer")
        if d.chance(0.5):
            x = draft.tried(partial(convolution, filters=d.number(1, 5)), x) or x
    else:
        factory = d.one("classificationLayer", "classificationLayer", "focalLossLayer")
        x = dense(draft, x) if d.chance(0.7) or draft.rank(x) not in (2, 3) else global_pooling(draft, x)
    classes = [f"c{n + 1}" for n in range(draft.channels(x))]
    options: dict[str, Any] = {}
    if factory == "focalLossLayer":
        options = d.some(Alpha=lambda: d.real(0.1, 2), Gamma=lambda: d.one(0.5, 1, 3))
    elif factory != "dicePixelClassificationLayer":
        options = d.some(ClassWeights=lambda: [d.real(0.2, 3) for _ in classes])
    draft.add(factory, sources=[draft.add("softmaxLayer", sources=[x])], Classes=classes, **options)


def draw(seed: int, number: int) -> Network:
    """The network of this number: nothing else decides on it."""
    for attempt in range(100):
        dice = Dice(seed, number * 100 + attempt)
        draft = Draft(dice)
        try:
            grown(draft)
        except Unfit:
            continue
        return Network(tuple(draft.parts), draft.batch, int(dice.rng.integers(1 << 30)), dice.chance(0.15))
    raise AssertionError("no network fits the limits")


def grown(draft: Draft) -> None:
    """From an input layer to one or two output layers, or none."""
    d = draft.dice
    x = first(draft)
    moves = [move for move, weight in MOVES for _ in range(weight)]
    for _ in range(d.number(1, 7)):
        x = draft.tried(d.one(*moves), x) or x
    if not draft.run.loss:
        return
    tasks = ["regression", "classification", *["pixels"] * (draft.rank(x) in (2, 3))]
    finish(draft, x, d.one(*tasks))
    used = {source for part in draft.parts for source in part.sources}
    loose = [port for part in draft.parts for port in part.ports() if is_data(port) and port not in used]
    for port in loose:
        finish(draft, port, "regression")
    if d.chance(0.1):
        finish(draft, d.one(*draft.real), d.one("regression", "classification"))
