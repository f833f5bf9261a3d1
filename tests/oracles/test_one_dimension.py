"""Windows of one dimension, over time or over space, against PyTorch and ONNX: options drawn at random."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import onnx.reference
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from dltoolbox.layers.base import Layer
from dltoolbox.network.graph.layer_graph import layerGraph
from dltoolbox.network.graph.surgery import connectLayers
from dltoolbox.program.model import Model
from tests.generate.dice import Dice, window
from tests.generate.network import Part
from tests.generate.twin import Run
from tests.generate.twin_network import applied
from tests.program.networks import everything, make, scrambled

pytestmark = pytest.mark.oracle
NAN = float("nan")
FORMATS = ("CBT", "CBT", "SCB", "SCBT")  # time alone twice as often
COUNT = 180


def drawn(d: Dice, length: int) -> Layer:
    """A layer with random options."""
    kind = d.one("convolution", "convolution", "transposedConv", "maxPooling", "averagePooling", "globalAveragePooling",
                 "globalMaxPooling")
    if kind.startswith("global"):
        return make(f"{kind}1dLayer")
    if kind == "transposedConv":
        crop = d.one(0, "same", [1, 0], [0, 2])
        return make("transposedConv1dLayer", d.number(3, 5), d.number(1, 6), Stride=d.number(1, 4), Cropping=crop)
    size, options = window(d, (length,), pool="Pooling" in kind)
    if kind == "averagePooling":
        return make("averagePooling1dLayer", size, **options, PaddingValue=d.one(0, "mean"))
    if kind == "maxPooling":
        return make("maxPooling1dLayer", size, **options)
    if d.chance(0.3):
        options["Padding"] = "causal"
    return make("convolution1dLayer", size, d.one(1, 2, 4, 8, 17), **options,
                PaddingValue=d.one(0, 0, 1.5, "replicate", "symmetric-include-edge"))


def there(x: np.ndarray, fmt: str) -> np.ndarray:
    """One observation per step of SCBT, one per sequence or map else: B×C×S, of S×C×B, C×T×B and S×C×T×B."""
    if fmt == "CBT":
        return x.transpose(2, 0, 1)
    return x.reshape(*x.shape[:2], -1).transpose(2, 1, 0)


@pytest.mark.parametrize("number", range(COUNT))
def test_like_pytorch(number: int) -> None:
    d = Dice(11, number)
    length, channels, batch = d.number(3, 14), d.one(1, 2, 3, 5, 16), d.one(1, 2, 3, 33)
    layer, fmt = drawn(d, length), d.one(*FORMATS)
    size = {"CBT": (channels,), "SCB": (length, channels), "SCBT": (length, channels)}[fmt]
    shape = (*size, *{"CBT": (length,), "SCB": (), "SCBT": (3,)}[fmt], batch)
    source = make("inputLayer", [*size, *[NAN] * (1 + fmt.endswith("T"))], fmt, Name="x")
    layer.Name = "layer"
    model = scrambled(Model(layerGraph([source, layer, make("regressionLayer")]), np.float64))
    x = d.rng.permutation(int(np.prod(shape))).reshape(shape) / 50 - 1
    (y,) = model.predict([x])
    target = d.rng.standard_normal(y.shape)
    _, loss, *gradients = everything(model, [x], [target])

    entering = torch.tensor(there(x, fmt).copy(), requires_grad=True)
    arrays = {p.key.name: torch.tensor(p.value, requires_grad=True) for p in model.parameters}
    (found,) = applied(Part(layer, ("x/out",)), arrays, Run(loss=True), [entering])
    expected = np.asarray(there(y[:, np.newaxis] if fmt == "CBT" and y.ndim == 2 else y, fmt))
    np.testing.assert_allclose(expected, found.detach().numpy(), rtol=1e-9, atol=1e-11)
    goal = there(target[:, np.newaxis] if fmt == "CBT" and y.ndim == 2 else target, fmt)
    steps = y.shape[-2] if fmt.endswith("T") and y.ndim == x.ndim else 1
    theirs: Tensor = ((found - torch.tensor(goal.copy())) ** 2).sum() / (2 * steps * batch)
    theirs.backward()
    np.testing.assert_allclose(loss, theirs.item(), rtol=1e-9)
    for own, name in zip(gradients, sorted(arrays), strict=False):
        np.testing.assert_allclose(own, arrays[name].grad.numpy(), rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(there(gradients[-1], fmt), entering.grad.numpy(), rtol=1e-8, atol=1e-10)


def evaluated(kind: str, arrays: list[np.ndarray], outputs: int, **attributes: Any) -> list[np.ndarray]:
    """An ONNX node by ONNX's own evaluator."""
    names = [f"in{number}" for number in range(len(arrays))]
    node = onnx.helper.make_node(kind, names, [f"out{number}" for number in range(outputs)], **attributes)
    return list(onnx.reference.ReferenceEvaluator(node).run(None, dict(zip(names, arrays, strict=True))))


NODES: list[tuple[str, Layer, dict[str, Any]]] = [
    ("Conv", make("convolution1dLayer", 3, 4), {}),
    ("Conv", make("convolution1dLayer", 4, 4, Padding=[2, 1], Stride=2), {"pads": [2, 1], "strides": [2]}),
    ("Conv", make("convolution1dLayer", 3, 4, Padding="causal", DilationFactor=2), {"pads": [4, 0], "dilations": [2]}),
    ("Conv", make("convolution1dLayer", 3, 4, Padding="same", Stride=2), {"auto_pad": "SAME_UPPER", "strides": [2]}),
    ("ConvTranspose", make("transposedConv1dLayer", 3, 4), {}),
    ("ConvTranspose", make("transposedConv1dLayer", 4, 4, Stride=3, Cropping=[1, 2]), {"pads": [1, 2], "strides": [3]}),
    ("MaxPool", make("maxPooling1dLayer", 3, Stride=2), {"kernel_shape": [3], "strides": [2]}),
    ("MaxPool", make("maxPooling1dLayer", 4), {"kernel_shape": [4]}),
    ("AveragePool", make("averagePooling1dLayer", 3, Padding=[1, 2], PaddingValue="mean"),
     {"kernel_shape": [3], "pads": [1, 2]}),
    ("AveragePool", make("averagePooling1dLayer", 3, Padding=[1, 2], Stride=2),
     {"kernel_shape": [3], "pads": [1, 2], "strides": [2], "count_include_pad": 1}),
]


@pytest.mark.parametrize("fmt", ["CBT", "SCB"])
@pytest.mark.parametrize(("kind", "layer", "attributes"), NODES)
def test_like_onnx(kind: str, layer: Layer, attributes: dict[str, Any], fmt: str) -> None:
    rng = np.random.default_rng(2)
    x = rng.standard_normal((3, 11, 4) if fmt == "CBT" else (11, 3, 4))
    source = make("inputLayer", [3, NAN, NAN] if fmt == "CBT" else [11, 3, NAN], fmt)
    model = scrambled(Model(layerGraph([source, layer, make("regressionLayer")]), np.float64))
    arrays = [there(x, fmt)]
    for parameter in model.parameters:
        value = parameter.value
        arrays.append(value.transpose(2, 1, 0) if value.ndim == 3 else value.reshape(-1))
    (expected,) = evaluated(kind, arrays, 1, **attributes)
    np.testing.assert_allclose(there(model.predict([x])[0], fmt), expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(("size", "stride", "pads"), [(2, 2, [0, 1]), (3, 3, [1, 0]), (2, 3, [0, 0])])
def test_unpooling_like_onnx(size: int, stride: int, pads: list[int]) -> None:
    x = np.random.default_rng(3).permutation(66).reshape(3, 11, 2).astype(np.float64)
    pool = make("maxPooling1dLayer", size, Stride=stride, Padding=pads, HasUnpoolingOutputs=True, Name="pool")
    lgraph = layerGraph([make("inputLayer", [3, NAN, NAN], "CBT"), pool, make("maxUnpooling1dLayer", Name="unpool"),
                         make("regressionLayer")])
    for port in ("indices", "size"):
        lgraph = connectLayers(lgraph, f"pool/{port}", f"unpool/{port}")
    given: dict[str, Any] = {"kernel_shape": [size], "strides": [stride], "pads": pads}
    maxima, places = F.max_pool1d(F.pad(torch.tensor(there(x, "CBT").copy()), pads, value=-np.inf), size, stride,
                                  return_indices=True)
    within = places.numpy() - pads[0] + 11 * np.arange(6).reshape(2, 3, 1)  # ONNX counts over the whole array
    (expected,) = evaluated("MaxUnpool", [maxima.numpy(), within, np.array([2, 3, 11])], 1, **given)
    np.testing.assert_array_equal(there(Model(lgraph, np.float64).predict([x])[0], "CBT"), expected)
