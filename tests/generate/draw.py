"""Random networks. What fits where is decided here and in the twin alone, so that analysis has to accept all of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from math import ceil, prod
from typing import Any

import numpy as np
import torch

import tests.generate.twin_attention
import tests.generate.twin_complex
import tests.generate.twin_outputs  # noqa: F401  # these enter their twins
from dltoolbox.core.dims import Dims
from tests.generate.dice import Dice, Unfit, drawn_padding, each, need, pairs_of, window
from tests.generate.draw_attention import attending, patching, placing
from tests.generate.draw_complex import among_complex, spectral
from tests.generate.network import Network, Part, is_data, make
from tests.generate.twin import Run, applied

LARGEST = 30_000  # elements of one array, for all observations
WORK = 3_000_000  # multiply-adds of one layer, for all observations
LABELS = {0: "CB", 1: "SCB", 2: "SSCB", 3: "SSSCB"}
NOT_DRAWN = {  # layers that the generator leaves out, and why
    **dict.fromkeys(("sequenceInputLayer", "lstmLayer", "bilstmLayer", "gruLayer", "lstmProjectedLayer",
                     "gruProjectedLayer", "sequenceFoldingLayer", "sequenceUnfoldingLayer"), "drafts have no time"),
    "wordEmbeddingLayer": "it takes indices",
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


def activation(draft: Draft, x: str) -> str:
    d = draft.dice
    kinds: dict[str, Callable[[], tuple[tuple[Any, ...], dict[str, Any]]]] = {
        "reluLayer": lambda: ((), {}), "leakyReluLayer": lambda: (d.one((), (0.2,), (-0.5,)), {}),
        "clippedReluLayer": lambda: ((d.real(0.3, 2),), {}), "eluLayer": lambda: (d.one((), (0.5,), (2,)), {}),
        "tanhLayer": lambda: ((), {}), "sigmoidLayer": lambda: ((), {}), "swishLayer": lambda: ((), {}),
        "geluLayer": lambda: ((), d.some(Approximation=lambda: "tanh")), "softplusLayer": lambda: ((), {}),
        "preluLayer": lambda: ((), {"Alpha": d.expanding(draft.size(x)),
                                    **d.some(AlphaLearnRateFactor=lambda: d.one(0, 2))})}
    factory = "reluLayer" if d.chance(0.3) else d.one(*kinds)
    args, options = kinds[factory]()
    return draft.add(factory, *args, sources=[x], **options)


def passing(draft: Draft, x: str) -> str:
    """Layers that keep sizes and learn nothing."""
    d = draft.dice
    factory = d.one("dropoutLayer", "spatialDropoutLayer", "identityLayer", "softmaxLayer", "scalingLayer",
                    "channelShuffleLayer")
    if factory in ("dropoutLayer", "spatialDropoutLayer"):
        return draft.add(factory, d.one(0, 0, 0, 0.3), sources=[x])
    if factory == "channelShuffleLayer":
        return draft.add(factory, d.divisor(draft.channels(x)), sources=[x])
    options = {} if factory != "scalingLayer" else d.some(
        Scale=lambda: d.expanding(draft.size(x)), Bias=lambda: d.expanding(draft.size(x)))
    return draft.add(factory, sources=[x], **options)


def normalisation(draft: Draft, x: str) -> str:
    d = draft.dice
    if d.chance(0.15):
        options = d.some(Alpha=lambda: d.real(0.01, 1), Beta=lambda: d.one(0.5, 1, 1.5), K=lambda: d.real(0.5, 2))
        return draft.add("crossChannelNormalizationLayer", d.number(1, 9), sources=[x], **options)
    options = d.some(Epsilon=lambda: d.one(1e-3, 0.1), ScaleLearnRateFactor=lambda: d.one(0, 2),
                     OffsetLearnRateFactor=lambda: d.one(0, 2))
    kinds: list[Callable[[], tuple[str, tuple[Any, ...], dict[str, Any]]]] = [
        *[lambda: ("batchNormalizationLayer", (), d.some(MeanDecay=lambda: d.real(0, 1), VarianceDecay=lambda: d.real(0, 1),
                                                         FixedStatistics=lambda: d.chance(0.5)))] * 3,
        lambda: ("groupNormalizationLayer", (d.one("all-channels", "channel-wise", d.divisor(draft.channels(x))),), {}),
        lambda: ("layerNormalizationLayer", (), d.some(OperationDimension=lambda: d.one(
            "channel-only", "spatial-channel", "batch-excluded")))]
    if draft.rank(x):
        kinds.append(lambda: ("instanceNormalizationLayer", (), {}))
    factory, args, more = d.one(*kinds)()
    return draft.add(factory, *args, sources=[x], **options, **more)


def some_filters(draft: Draft) -> int:
    return int(draft.dice.one(1, 2, 3, 4, 4, 5, 6, 8, 8, 12, 16, 17, 32))


def filter_options(draft: Draft) -> dict[str, Any]:
    d = draft.dice
    return d.some(WeightLearnRateFactor=lambda: d.one(0, 2, 1), BiasLearnRateFactor=lambda: d.one(0, 2, 1))


def convolution(draft: Draft, x: str, filters: int | None = None) -> str:
    """Of any kind; with `filters`, one that keeps the map."""
    d, rank = draft.dice, draft.rank(x)
    need(rank > 0)
    size, options = window(d, draft.spatial(x))
    if filters is not None:
        options |= {"Stride": 1, "Padding": "same"}
    options |= filter_options(draft)
    if rank == 1 and options.get("Padding") == "same" and options.get("Stride", 1) == 1 and d.chance(0.5):
        options["Padding"] = "causal"
    if options.get("Padding") and d.chance(0.25):
        options["PaddingValue"] = edge_value(draft, x, size, options)
    if rank == 2 and d.chance(0.3):
        groups = d.one("channel-wise", d.divisor(draft.channels(x)))
        number = draft.channels(x) if groups == "channel-wise" else groups
        need(filters is None or filters % number == 0)
        each_group = d.number(1, 4) if filters is None else filters // number
        return draft.add("groupedConvolution2dLayer", size, each_group, groups, sources=[x], **options)
    return draft.add(f"convolution{rank}dLayer", size, filters or some_filters(draft), sources=[x], **options)


def edge_value(draft: Draft, x: str, size: Any, options: dict[str, Any]) -> Any:
    """What padding holds; a mirror without its edge must be larger than the padding."""
    d, spatial = draft.dice, draft.spatial(x)
    rank = len(spatial)
    if options["Padding"] == "causal":
        return d.one(d.real(-1, 1), "replicate", "symmetric-include-edge")
    pairs = pairs_of(options["Padding"], rank)
    if pairs is None:
        steps, gaps = each(options.get("Stride", 1), rank), each(options.get("DilationFactor", 1), rank)
        over = [max((ceil(n / s) - 1) * s + (f - 1) * g + 1 - n, 0)
                for n, s, f, g in zip(spatial, steps, each(size, rank), gaps, strict=True)]
        pairs = [(n // 2, n - n // 2) for n in over]
    kinds = [d.real(-1, 1), "replicate", "symmetric-include-edge"]
    mirrors = all(max(pair) < n for n, pair in zip(spatial, pairs, strict=True))
    return d.one(*kinds, *["symmetric-exclude-edge"] * mirrors)


def transposed(draft: Draft, x: str) -> str:
    d, rank = draft.dice, draft.rank(x)
    need(rank > 0)
    size = d.per_axis(rank, lambda: d.number(1, 4))
    stride = d.per_axis(rank, lambda: d.one(1, 2, 2, 3))
    cropping = drawn_padding(d, rank)
    taps, steps, pairs = each(size, rank), each(stride, rank), pairs_of(cropping, rank)
    need(pairs is None or all((n - 1) * s + f - sum(pair) > 0 for n, s, f, pair in zip(
        draft.spatial(x), steps, taps, pairs, strict=True)))
    return draft.add(f"transposedConv{rank}dLayer", size, some_filters(draft), sources=[x], Stride=stride,
                     Cropping=cropping, **filter_options(draft))


def pooling(draft: Draft, x: str) -> str:
    d, rank = draft.dice, draft.rank(x)
    need(rank > 0)
    if d.chance(0.5):
        size, options = window(d, draft.spatial(x), pool=True)
        more = d.some(PaddingValue=lambda: "mean") or d.some(Divisor=lambda: d.one(1, 2, 2.5))
        return draft.add(f"averagePooling{rank}dLayer", size, sources=[x], **options, **more)
    return choosing(draft, x, "max")


def choosing(draft: Draft, x: str, kind: str) -> str:
    """A pooling that chooses an element of every window."""
    rank = draft.rank(x)
    need(rank > 0)
    size, options = window(draft.dice, draft.spatial(x), pool=True)
    return draft.add(f"{kind}Pooling{rank}dLayer", size, sources=[x], **options,
                     **draft.dice.some(HasUnpoolingOutputs=lambda: True))


def drawing(draft: Draft, x: str) -> str:
    """Elements that are drawn; expectations of rectified maps, mostly."""
    return choosing(draft, draft.add("reluLayer", sources=[x]) if draft.dice.chance(0.3) else x, "stochastic")


def unpooling(draft: Draft, x: str) -> str:
    """An encoder and its decoder: maxima go back to where they came from, once or twice."""
    d, rank = draft.dice, draft.rank(x)
    need(rank > 0)
    usual = min(draft.spatial(x)) > 1 and d.chance(0.4)
    size, options = (2, {"Stride": 2}) if usual else window(d, draft.spatial(x), pool=True)
    y = draft.add(f"maxPooling{rank}dLayer", size, sources=[x], HasUnpoolingOutputs=True, **options)
    pool, shape = y.removesuffix("/out"), draft.shape(y)
    if d.chance(0.3):
        y = unpooling(draft, y)
        need(draft.shape(y)[1:] == shape[1:])
    y = keeping(draft, y, d.number(0, 2))
    if draft.shape(y) != shape:
        y = convolution(draft, y, shape[0])
    need(draft.shape(y) == shape)
    fed = [f"{pool}/indices", f"{pool}/size"]
    whole = draft.add(f"maxUnpooling{rank}dLayer", sources=[y, *fed])
    if d.chance(0.15):
        other = draft.add(f"maxUnpooling{rank}dLayer", sources=[f"{pool}/out", *fed])
        return draft.add("additionLayer", 2, sources=[whole, other])
    return whole


def keeping(draft: Draft, x: str, count: int) -> str:
    """Layers that keep the map."""
    for _ in range(count):
        same_map = partial(convolution, filters=some_filters(draft))
        move = draft.dice.one(activation, activation, normalisation, passing, same_map)
        x = draft.tried(move, x) or x
    return x


def global_pooling(draft: Draft, x: str) -> str:
    rank = draft.rank(x)
    need(rank > 0)
    return draft.add(f"global{draft.dice.one('Average', 'Max')}Pooling{rank}dLayer", sources=[x])


def adaptive(draft: Draft, x: str) -> str:
    need(draft.rank(x) == 2)
    return draft.add("adaptiveAveragePooling2dLayer", draft.dice.per_axis(2, lambda: draft.dice.number(1, 6)), sources=[x])


def blocks(draft: Draft, x: str) -> str:
    d = draft.dice
    need(draft.rank(x) == 2)
    size = d.per_axis(2, lambda: d.number(1, 3))
    if d.chance(0.5):
        need(all(b <= n for b, n in zip(each(size, 2), draft.spatial(x), strict=True)))
        return draft.add("spaceToDepthLayer", size, sources=[x])
    if draft.channels(x) % prod(each(size, 2)):
        x = draft.add("convolution2dLayer", 1, prod(each(size, 2)) * d.number(1, 3), sources=[x])
    return draft.add("depthToSpace2dLayer", size, sources=[x], **d.some(Mode=lambda: "crd"))


def arranging(draft: Draft, x: str) -> str:
    """Other places for the elements of an observation, or products of two channels."""
    d = draft.dice
    kind = d.one("permute", "reshape", "reshape", "quadratic")
    if kind == "quadratic":
        need(draft.channels(x) <= 8)
        return draft.add("quadraticLayer", sources=[x])
    if kind == "permute":
        need(draft.rank(x) > 0)
        axes = d.number(2, draft.rank(x) + 1)
        return draft.add("permuteLayer", [*d.rng.permutation(axes) + 1, *range(axes + 1, axes + d.number(1, 4))],
                         sources=[x])
    rest = prod(draft.size(x))
    sizes: list[Any] = []
    for _ in range(d.number(1, 3)):
        sizes.append(d.divisor(rest))
        rest //= sizes[-1]
    sizes.append(rest)
    if d.chance(0.5):
        return draft.add("reshapeLayer", *sizes, [], sources=[x])
    if d.chance(0.5):
        sizes[d.number(0, len(sizes) - 1)] = []
    return draft.add("reshapeLayer", sizes, OperationDimension="spatial-channel", sources=[x])


def resizing(draft: Draft, x: str) -> str:
    d, rank = draft.dice, draft.rank(x)
    need(rank in (2, 3))
    options = d.some(Method=lambda: "bilinear" if rank == 2 else "trilinear", GeometricTransformMode=lambda: "asymmetric",
                     NearestRoundingMode=lambda: d.one("floor", "onnx-10"))
    others = draft.alike(x, lambda other, mine: len(other) == len(mine))
    kind = d.number(0, 2)
    if kind == 2:
        ref = d.one(*others) if others else draft.add(
            "inputLayer", [*(d.number(1, 8) for _ in range(rank)), d.number(1, 3), None], LABELS[rank])
        return draft.add(f"resize{rank}dLayer", sources=[x, ref], EnableReferenceInput=True, **options)
    if kind == 1:
        size = [d.number(1, 8) for _ in range(rank)]
        if d.chance(0.2):
            size[d.number(0, rank - 1)] = float("nan")
        return draft.add(f"resize{rank}dLayer", sources=[x], OutputSize=size, **options)
    scale = d.per_axis(rank, lambda: d.one(2, 2, 3, 0.5, 1.5, 2.5, 0.75, 1))
    need(all(n * s >= 1 for n, s in zip(draft.spatial(x), each(scale, rank), strict=True)))
    return draft.add(f"resize{rank}dLayer", sources=[x], Scale=scale, **options)


def cropping(draft: Draft, x: str) -> str:
    """A part of the size of another map; where there is none, of one that is made smaller."""
    d, rank = draft.dice, draft.rank(x)
    need(rank in (2, 3))
    others = draft.alike(x, lambda other, mine: len(other) == len(mine)
                         and all(m <= n for m, n in zip(other[1:], mine[1:], strict=True)))
    ref = d.one(*others) if others and d.chance(0.7) else pooling(draft, x)
    room = [n - m for n, m in zip(draft.spatial(x), draft.spatial(ref), strict=True)]
    need(min(room) >= 0)
    row, column, *depth = (d.number(1, n + 1) for n in room)
    return draft.add(f"crop{rank}dLayer", d.one("centercrop", [column, row, *depth]), sources=[x, ref])


def flattening(draft: Draft, x: str) -> str:
    return draft.add("flattenLayer", sources=[x])


def dense(draft: Draft, x: str) -> str:
    declared = draft.dice.some(InputSize=lambda: prod(draft.shape(x)))
    return draft.add("fullyConnectedLayer", draft.dice.number(1, 12), sources=[x], **declared, **filter_options(draft))


def residual(draft: Draft, x: str) -> str:
    """Branches that keep the map, joined; one may be empty."""
    d = draft.dice
    branches = [x if d.chance(0.3) and not number else keeping(draft, x, d.number(1, 3)) for number in range(d.number(2, 3))]
    if len({draft.shape(one) for one in branches}) == 1 and d.chance(0.7):
        return draft.add(d.one("additionLayer", "additionLayer", "multiplicationLayer"), len(branches), sources=branches)
    if draft.rank(x) and len({draft.shape(one) for one in branches}) == 1 and d.chance(0.4):
        return draft.add("concatenationLayer", d.number(1, draft.rank(x) + 1), len(branches), sources=branches)
    if d.chance(0.3):
        return draft.add("concatenationLayer", draft.rank(x) + 1, len(branches), sources=branches)
    return draft.add("depthConcatenationLayer", len(branches), sources=branches)


def weighing(draft: Draft, x: str) -> str:
    """Squeeze and excitation, or a sum that expands."""
    d = draft.dice
    squeezed = global_pooling(draft, x)
    if d.chance(0.4):
        squeezed = activation(draft, squeezed)
    kind = d.number(0, 2)
    if kind == 0:
        return draft.add("additionLayer", 2, sources=d.one([x, squeezed], [squeezed, x]))
    if kind == 1:
        flat = draft.add("flattenLayer", sources=[squeezed])
        features = draft.add("fullyConnectedLayer", draft.channels(x), sources=[flat])
        return draft.add("multiplicationLayer", 2, sources=d.one([x, features], [features, x]))
    return draft.add("multiplicationLayer", 2, sources=d.one([x, squeezed], [squeezed, x]))


def joining(draft: Draft, x: str) -> str:
    """With anything that was made before and has the same size."""
    d = draft.dice
    same = draft.alike(x, lambda other, mine: other == mine)
    channels = draft.alike(x, lambda other, mine: len(other) == len(mine) and other[1:] == mine[1:])
    if same and d.chance(0.6):
        return draft.add(d.one("additionLayer", "multiplicationLayer"), 2, sources=[d.one(*same), x])
    need(bool(channels))
    return draft.add("depthConcatenationLayer", 2, sources=[x, d.one(*channels)])


def another_input(draft: Draft, x: str) -> str:
    """Data of the same size that enter beside."""
    other = draft.add("inputLayer", [*draft.size(x), None], LABELS[draft.rank(x)])
    joined = draft.dice.one("additionLayer", "multiplicationLayer", "depthConcatenationLayer")
    return draft.add(joined, 2, sources=[x, other])


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
