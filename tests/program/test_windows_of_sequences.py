"""Windows over the time of sequences of several lengths: each sequence comes out as if it were alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dltoolbox import dlnetwork, maxNumCompThreads, predict
from dltoolbox.core.arrays import real_steps
from dltoolbox.core.dims import Dims
from dltoolbox.core.errors import DltoolboxError
from dltoolbox.layers.base import Layer
from dltoolbox.layers.outputs import OutputLayer
from dltoolbox.network.graph.layer_graph import layerGraph
from dltoolbox.network.graph.surgery import connectLayers
from dltoolbox.ops import OPS, Builder, Call, Value
from dltoolbox.ops.loss import Loss
from dltoolbox.program.model import Model
from tests.program.networks import make, scrambled

LENGTHS = np.array([6, 9, 7, 9, 6, 8], np.int32)
NAN = float("nan")
MODES = ("replicate", "symmetric-include-edge", "symmetric-exclude-edge")


class weighted_sum(Loss):
    """Σ t·y, a loss that adds up over sequences."""

    name = "weighted_sum"

    def infer(self, y: Dims, t: Dims) -> Dims:
        return Dims.of("")

    def forward(self, y: np.ndarray, t: np.ndarray) -> np.ndarray:
        return np.asarray((y * t).sum(), y.dtype)

    def backward(self, call: Call, grad: np.ndarray) -> Any:
        return grad * call.inputs[1], None


class Weighing(OutputLayer):
    """A network's end with that loss."""

    task = "regression"

    def build(self, g: Builder, x: Value) -> Any:
        g.result(x, g.weighted_sum(x, g.target(x.dims)))
        return ()


@pytest.fixture(autouse=True)
def _weighted_sum(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(OPS, "weighted_sum", weighted_sum())


def unpooling(size: Any, rank: int = 1, **options: Any) -> list[Layer]:
    """Maxima that change on their way back to where they came from."""
    channels = {1: 3, 2: 2}[rank]
    return [make(f"maxPooling{rank}dLayer", size, HasUnpoolingOutputs=True, Name="pool", **options),
            make(f"convolution{rank}dLayer", 3, channels, Padding="same"), make("tanhLayer"),
            make(f"maxUnpooling{rank}dLayer", Name="unpool"), make(f"convolution{rank}dLayer", 2, 2, Padding="same")]


VECTORS: dict[str, list[Layer]] = {
    "causal": [make("convolution1dLayer", 3, 4, Padding="causal", DilationFactor=2), make("reluLayer")],
    "same": [make("convolution1dLayer", 4, 4, Padding="same"), make("reluLayer")],
    "strides": [make("convolution1dLayer", 3, 4, Padding=[1, 2], Stride=2, DilationFactor=2)],
    "pointwise": [make("convolution1dLayer", 1, 4, Stride=3)],
    "padded with a value": [make("convolution1dLayer", 3, 4, Padding=[2, 3], Stride=2, PaddingValue=1.5)],
    **{mode: [make("convolution1dLayer", 3, 4, Padding=[3, 2], PaddingValue=mode)] for mode in MODES},
    **{f"causal {mode}": [make("convolution1dLayer", 3, 4, Padding="causal", PaddingValue=mode)] for mode in MODES},
    "maxima": [make("maxPooling1dLayer", 3, Padding=[1, 2], Stride=2)],
    "maxima, same": [make("maxPooling1dLayer", 4, Padding="same")],
    "means": [make("averagePooling1dLayer", 3, Padding=[2, 1], Stride=2)],
    "real means": [make("averagePooling1dLayer", 3, Padding=[1, 2], Stride=2, PaddingValue="mean")],
    "real means in front": [make("averagePooling1dLayer", 3, Padding=[2, 0], PaddingValue="mean")],
    "dilated maxima": [make("maxPooling1dLayer", 3, Padding=[2, 4], Stride=2, DilationFactor=3)],
    "maxima, rounded up": [make("maxPooling1dLayer", 3, Padding=[1, 0], Stride=4, Rounding="ceil")],
    "means, rounded up": [make("averagePooling1dLayer", 3, Padding=[1, 2], Stride=4, Rounding="ceil")],
    "real means, rounded up": [make("averagePooling1dLayer", 3, Padding=1, Stride=3, Rounding="ceil", PaddingValue="mean")],
    "means of nothing": [make("averagePooling1dLayer", 2, Stride=4, Rounding="caffe", PaddingValue="mean")],
    "means as Caffe's": [make("averagePooling1dLayer", 2, Stride=4, Rounding="caffe")],
    "dilated means": [make("averagePooling1dLayer", 2, Padding=[1, 3], Stride=2, DilationFactor=4, PaddingValue="mean")],
    "sums": [make("averagePooling1dLayer", 3, Padding=[1, 2], Stride=2, Divisor=1, Rounding="ceil")],
    "same, odd in front": [make("averagePooling1dLayer", 4, Padding="same-lower"),
                           make("maxPooling1dLayer", 2, Padding="same-lower")],
    "unpooled, dilated": unpooling(2, Stride=3, DilationFactor=2, Padding=[0, 2]),
    "unpooled, rounded up": unpooling(3, Stride=2, Rounding="ceil"),
    "unpooled, overlaps rounded up": unpooling(3, Stride=2, DilationFactor=2, Padding=[1, 3], Rounding="ceil"),
    "transposed": [make("transposedConv1dLayer", 4, 3, Stride=2)],
    "cropped": [make("transposedConv1dLayer", 5, 3, Stride=2, Cropping=[1, 2])],
    "enlarged": [make("transposedConv1dLayer", 3, 3, Stride=4, Cropping="same")],
    "enlarged, cropped": [make("transposedConv1dLayer", 5, 3, Stride=2, Cropping="same")],
    "unpooled": unpooling(2, Stride=2), "unpooled with leftovers": unpooling(2, Stride=3),
    "unpooled overlaps": unpooling(3, Stride=2, Padding=[1, 2]), "unpooled overlaps, same": unpooling(3, Padding="same"),
    "global mean": [make("globalAveragePooling1dLayer")], "global maximum": [make("globalMaxPooling1dLayer")],
    "several": [make("convolution1dLayer", 3, 4, Padding="same"), make("reluLayer"),
                make("maxPooling1dLayer", 2, Stride=2), make("convolution1dLayer", 2, 5, Padding="causal"),
                make("reluLayer"), make("transposedConv1dLayer", 3, 4, Stride=2), make("averagePooling1dLayer", 2, Stride=2),
                make("globalAveragePooling1dLayer"), make("fullyConnectedLayer", 3)],
}
LINES: dict[str, list[Layer]] = {
    "convolution": [make("convolution2dLayer", 3, 3, Padding=[1, 0, 1, 2], Stride=[1, 2])],
    "mirrored": [make("convolution2dLayer", 3, 3, Padding=[1, 1, 2, 2], PaddingValue="symmetric-exclude-edge")],
    "in groups": [make("groupedConvolution2dLayer", 3, 2, "channel-wise", Padding="same")],
    "maxima": [make("maxPooling2dLayer", 3, Padding=1, Stride=[2, 1])],
    "real means": [make("averagePooling2dLayer", 3, Padding=[1, 1, 0, 2], Stride=[1, 2], PaddingValue="mean")],
    "dilated maxima": [make("maxPooling2dLayer", 2, Padding=[1, 2, 1, 2], Stride=[1, 2], DilationFactor=[2, 3])],
    "means, rounded up": [make("averagePooling2dLayer", [2, 3], Padding=[1, 0, 1, 2], Stride=[3, 4], Rounding="ceil")],
    "real means, rounded up": [make("averagePooling2dLayer", 2, Stride=3, Rounding="caffe", PaddingValue="mean")],
    "unpooled, rounded up": unpooling([2, 3], 2, Stride=[3, 2], DilationFactor=[1, 2], Padding=1, Rounding="ceil"),
    "transposed": [make("transposedConv2dLayer", 3, 3, Stride=2, Cropping=1)],
    "enlarged": [make("transposedConv2dLayer", [2, 5], 3, Stride=[3, 2], Cropping="same")],
    "enlarged in space": [make("transposedConv1dLayer", 3, 3, Stride=2, Cropping="same")],
    "unpooled": unpooling(2, 2, Stride=2), "unpooled overlaps": unpooling(3, 2, Stride=[1, 2], Padding=[1, 1, 1, 2]),
    "global mean": [make("globalAveragePooling2dLayer")], "global maximum": [make("globalMaxPooling2dLayer")],
    "over space": [make("convolution1dLayer", 3, 4, Padding="same"), make("maxPooling1dLayer", 2),
                   make("globalAveragePooling1dLayer")],
}
FILMS: dict[str, list[Layer]] = {
    "convolution": [make("convolution3dLayer", [2, 3, 3], 3, Padding="same")],
    "real means": [make("averagePooling3dLayer", 2, Padding="same", PaddingValue="mean")],
    "maxima": [make("maxPooling3dLayer", [2, 2, 3], Padding=[[0, 1, 1], [0, 0, 1]])],
    "enlarged": [make("transposedConv3dLayer", [3, 2, 4], 2, Stride=[1, 3, 2], Cropping="same")],
    "enlarged frames": [make("transposedConv2dLayer", 4, 2, Stride=[2, 3], Cropping="same")],
    "global mean": [make("globalAveragePooling3dLayer")],
    "frames": [make("convolution2dLayer", 3, 4, Padding="same", Stride=2), make("maxPooling2dLayer", 2),
               make("globalAveragePooling2dLayer")],
}
SIZES: dict[str, tuple[int, ...]] = {"vectors": (3,), "lines": (5, 2), "films": (4, 3, 2)}
NETWORKS = [(kind, name) for kind, layers in (("vectors", VECTORS), ("lines", LINES), ("films", FILMS)) for name in layers]


def model_of(kind: str, name: str, *, fast: bool) -> Model:
    size = SIZES[kind]
    body = {"vectors": VECTORS, "lines": LINES, "films": FILMS}[kind][name]
    source = make("inputLayer", [*size, NAN, NAN], "S" * (len(size) - 1) + "CBT", Name="x")
    lgraph = layerGraph([source, *body, Weighing(Name="end")])
    if any(one.Name == "unpool" for one in body):
        for port in ("indices", "size"):
            lgraph = connectLayers(lgraph, f"pool/{port}", f"unpool/{port}")
    return scrambled(Model(lgraph, np.float64, fast=fast))


def garbage(x: np.ndarray) -> np.ndarray:
    """Large numbers behind the ends."""
    return np.where(real_steps(LENGTHS, x.shape[-2]), x, 1e3)


def check(kind: str, name: str, *, fast: bool) -> None:
    rng, model, plain = np.random.default_rng(1), model_of(kind, name, fast=fast), model_of(kind, name, fast=False)
    x = garbage(rng.standard_normal((*SIZES[kind], LENGTHS.max(), LENGTHS.size)))
    (y,) = model.results([x], lengths=[LENGTHS])
    weights, ends = rng.standard_normal(y.array.shape), y.lengths
    if y.dims.timed:
        assert ends is not None
        weights *= real_steps(ends, y.array.shape[-2])
    loss, gradients, (dx,) = model.gradients([x], [weights], lengths=[LENGTHS])
    expected_loss, expected = 0.0, {key: np.zeros_like(value) for key, value in gradients.items()}
    for number, length in enumerate(LENGTHS):
        cut = (slice(ends[number]), slice(number, number + 1)) if y.dims.timed else (slice(number, number + 1),)
        alone, own = x[..., :length, number:number + 1], weights[(..., *cut)]
        found = plain.results([alone])[0].array
        assert found.shape == own.shape
        same(y.array[(..., *cut)], found)
        one, more, (own_dx,) = plain.gradients([alone], [own])
        same(dx[..., :length, number:number + 1], own_dx)
        assert not dx[..., length:, number].any()
        expected_loss += one
        for key, value in more.items():
            expected[key] += value
    same(np.asarray(loss), np.asarray(expected_loss))
    for key, value in gradients.items():
        same(value, expected[key])


def same(found: np.ndarray, expected: np.ndarray) -> None:
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-10 * max(1, np.abs(expected).max(initial=0)))


@pytest.mark.network
@pytest.mark.parametrize("fast", [True, False], ids=["kernels", "reference"])
@pytest.mark.parametrize(("kind", "name"), NETWORKS)
def test_every_sequence_comes_out_as_if_alone(kind: str, name: str, fast: bool) -> None:
    check(kind, name, fast=fast)


@pytest.mark.usefixtures("every_network_is_worth_several_threads")
@pytest.mark.parametrize("threads", [2, 3])
@pytest.mark.parametrize(("kind", "name"), NETWORKS)
def test_on_several_threads(kind: str, name: str, threads: int) -> None:
    maxNumCompThreads(threads)
    check(kind, name, fast=True)


@pytest.mark.parametrize("layer", [
    make("convolution1dLayer", 4, 3, Padding="same", Stride=2), make("convolution1dLayer", 1, 3, Padding="same", Stride=3),
    make("convolution1dLayer", 3, 3, Padding="same", Stride=2, PaddingValue="replicate"),
    make("maxPooling1dLayer", 3, Padding="same", Stride=2), make("averagePooling1dLayer", 2, Padding="same", Stride=4),
    make("maxPooling1dLayer", 4, Padding="same-lower", Stride=3, DilationFactor=2),
], ids=repr)
def test_same_with_a_stride_follows_the_longest(layer: Layer) -> None:
    """As many steps come out as of each alone; the windows lie as those of the longest, which comes out as if alone."""
    model = scrambled(Model(layerGraph([make("inputLayer", [3, NAN, NAN], "CBT"), layer, Weighing(Name="end")]), np.float64))
    lengths = np.array([1, 9, 2, 5, 8])
    x = np.random.default_rng(0).standard_normal((3, 9, 5))
    (y,) = model.results([x], lengths=[lengths])
    np.testing.assert_array_equal(y.lengths, -(-lengths // layer.Stride[0]))  # type: ignore[attr-defined]
    (longest,) = model.results([x[..., 1:2]])
    same(y.array[..., 1:2], longest.array)


def short(layers: list[Layer], lengths: list[int]) -> Any:
    """What comes of sequences of these lengths."""
    model = Model(layerGraph([make("inputLayer", [3, NAN, NAN], "CBT", Name="x"), *layers, Weighing(Name="end")]))
    given = np.array(lengths, np.int32)
    return model.results([np.ones((3, max(lengths), len(lengths)))], lengths=[given])[0].lengths


CONV, POOL = make("convolution1dLayer", 3, 4, Name="c", Padding="causal"), make("maxPooling1dLayer", 2, Stride=2, Name="p")


@pytest.mark.parametrize(("layers", "least", "mended"), [
    ([make("convolution1dLayer", 5, 4, Name="k")], 5, {"k": "Padding='same'"}),
    ([CONV, POOL, make("convolution1dLayer", 3, 4, DilationFactor=2, Name="k")], 10, {"k": "Padding='same'"}),
    ([POOL, make("averagePooling1dLayer", 3, Name="k")], 6, {"k": "Padding='same' and leave out Rounding"}),
    ([make("averagePooling1dLayer", 6, Stride=2, Rounding="ceil", Name="k")], 5,
     {"k": "Padding='same' and leave out Rounding"}),
    ([make("batchNormalizationLayer"), make("reluLayer"),
      make("maxPooling1dLayer", 6, Stride=2, Rounding="caffe", Name="k")],
     5, {"k": "Padding='same' and leave out Rounding"}),
    ([make("stochasticPooling1dLayer", 3, Name="k")], 3, {"k": "Padding='same' and leave out Rounding"}),
    ([make("transposedConv1dLayer", 2, 4, Cropping=[1, 2], Name="k")], 3, {"k": "Cropping=0"}),
    ([make("convolution1dLayer", 3, 4, Padding=[0, 4], PaddingValue="symmetric-exclude-edge", Name="k")], 5,
     {"k": "PaddingValue='symmetric-include-edge'"}),
])
def test_too_short_a_sequence(layers: list[Layer], least: int, mended: dict[str, str]) -> None:
    """The message says how long sequences must be, and what else would help; both do."""
    ((name, option),) = mended.items()
    with pytest.raises(DltoolboxError, match=rf"shortest sequence has {least - 1} time steps.*'{name}' needs sequences of "
                                             rf"at least {least}\..*fewer than {least} time steps .*, or set {option}"):
        short(layers, [12, least - 1])
    assert short(layers, [12, least]).min() >= 1
    setting, _, without = option.partition(" and leave out ")
    key, value = setting.split("=")
    changed = [with_options(one, {key: eval(value)}, without) if one.Name == name else one for one in layers]
    assert short(changed, [12, 2]).min() >= 1


def with_options(layer: Layer, changed: dict[str, Any], without: str) -> Layer:
    """The layer that its call makes with other options."""
    written = layer.call()
    options = {name: value for name, value in {**written.options, **changed}.items() if name != without}
    return make(written.function, *written.arguments, Name=layer.Name, **options)


def test_which_sequences_are_too_short() -> None:
    """The message leads from layer to layer until the rest is left."""
    def net(**options: Any) -> Any:
        return dlnetwork([make("sequenceInputLayer", 3, **options), make("convolution1dLayer", 5, 4),
                          make("globalAveragePooling1dLayer")])
    X = [np.ones((3, length)) for length in (9, 4, 12)]
    with pytest.raises(DltoolboxError, match="MinLength=5 in sequenceInputLayer says which they are"):
        predict(net(), X)
    with pytest.raises(DltoolboxError, match=r"the first is observation 2.*keep = \[") as caught:
        predict(net(MinLength=5), X)
    given: dict[str, Any] = {"X": X, "np": np}
    exec(str(caught.value).split("Leave them out: ")[1].split(". [")[0], given)
    assert predict(net(MinLength=5), given["X"]).shape == (2, 4)
