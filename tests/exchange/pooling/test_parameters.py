"""How parameters of other frameworks may be written, and what is refused, with the reason and what to do."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import dltoolbox as dl
from dltoolbox.exchange.pooling.form import Pooled
from dltoolbox.exchange.pooling.mapping import FRAMEWORKS
from tests.exchange.pooling.drawn import per_axis, side
from tests.exchange.pooling.ours import run, small_map

From, To = dl.poolingLayerFrom, dl.poolingLayerTo
MAX, AVERAGE = dl.maxPooling2dLayer, dl.averagePooling2dLayer

SAME = [
    (From("pytorch", layer="torch.nn.MaxPool2d", kernel_size=3), MAX(3, Stride=3)),
    (From("PyTorch", "layer", "MaxPool3d", "kernel_size", (1, 2, 3), "stride", np.array([2, 2, 2]), "Name", "p"),
     dl.maxPooling3dLayer([1, 2, 3], Stride=2, Name="p")),
    (From("pytorch", layer="AvgPool2d", kernel_size=2, divisor_override=1, count_include_pad=False),
     AVERAGE(2, Stride=2, Divisor=1)),
    (From("pytorch", layer="AdaptiveAvgPool2d", output_size=(1, 1)), dl.globalAveragePooling2dLayer()),
    (From("pytorch", layer="AdaptiveMaxPool1d", output_size=1), dl.globalMaxPooling1dLayer()),
    (From("pytorch", layer="AdaptiveAvgPool2d", output_size=(7, 5)), dl.adaptiveAveragePooling2dLayer([7, 5])),
    (From("pytorch", layer="MaxUnpool3d", kernel_size=2, stride=2), dl.maxUnpooling3dLayer()),
    (From("keras", layer="MaxPooling2D"), MAX(2, Stride=2)),
    (From("keras", layer="AveragePooling1D", name="a", trainable=True, dtype="float32", pool_size=(3,), padding="same",
          strides=(2,), data_format="channels_last"),
     dl.averagePooling1dLayer(3, Stride=2, Padding="same", PaddingValue="mean", Name="a")),
    (From("keras", layer="GlobalAvgPool3D", keepdims=True), dl.globalAveragePooling3dLayer()),
    (From("tensorflow", op="max_pool", ksize=[1, 2, 3, 1], strides=[1, 2, 2, 1], padding="SAME"),
     MAX([2, 3], Stride=2, Padding="same")),
    (From("tensorflow", op="tf.nn.max_pool", ksize=[1, 1, 2, 3], strides=2, data_format="NCHW",
          padding=[[0, 0], [0, 0], [1, 0], [0, 2]]), MAX([2, 3], Stride=2, Padding=[1, 0, 0, 2])),
    (From("tensorflow", op="max_pool_with_argmax", ksize=2, strides=2, padding="VALID", include_batch_in_index=True),
     MAX(2, Stride=2, HasUnpoolingOutputs=True)),
    (From("caffe", kernel_size=3, stride=2), MAX(3, Stride=2, Rounding="caffe")),
    (From("caffe", pool=1, kernel_h=2, kernel_w=3, pad_h=1, pad_w=0, round_mode=1), AVERAGE([2, 3], Padding=[1, 0])),
    (From("caffe", pool="AVE", global_pooling=True, stride=1, pad=0), dl.globalAveragePooling2dLayer()),
    (From("darknet", layer="maxpool", size=2, stride=2), MAX(2, Stride=2, Padding=[0, 1, 0, 1])),
    (From("darknet", layer="[maxpool]", stride="3"), MAX(3, Stride=3, Padding=1)),
    (From("darknet", layer="maxpool"), MAX(1)),
    (From("onnx", op="MaxPool", kernel_shape=[2], auto_pad=b"SAME_LOWER", outputs=["y", "i"]),
     dl.maxPooling1dLayer(2, Padding="same-lower", HasUnpoolingOutputs=True)),
    (From("onnx", op="MaxPool", kernel_shape=(3, 3), pads=(1, 0, 2, 1), strides=(2, 1), ceil_mode=1),
     MAX(3, Stride=[2, 1], Padding=[1, 2, 0, 1], Rounding="ceil")),
    (From("onnx", op="MaxPool", kernel_shape=[2, 2], auto_pad="VALID", strides=[2, 2], ceil_mode=1), MAX(2, Stride=2)),
    (From("onnx", op="GlobalMaxPool", rank=3, name="g"), dl.globalMaxPooling3dLayer(Name="g")),
    (From("matlab", layer="averagePooling2dLayer", poolSize=2, PaddingValue="mean"), AVERAGE(2, PaddingValue="mean")),
]


@pytest.mark.parametrize(("made", "layer"), SAME, ids=[repr(layer) for _, layer in SAME])
def test_forms_that_people_write(made: Any, layer: Any) -> None:
    assert made == layer


REFUSED: list[tuple[str, dict[str, Any], str, str]] = [
    ("torch", {}, "unknownFramework", "Did you mean 'pytorch'?"),
    (3, {}, "unknownFramework", "Pass one of these names."),  # type: ignore[list-item]
    ("keras", {}, "missingParameter", "Pass layer, such as layer='MaxPooling2D'."),
    ("keras", {"layer": "MaxPoling2D"}, "unknownOperation", "Did you mean 'MaxPooling2D'"),
    ("keras", {"layer": 3}, "invalidParameter", "'layer' of Keras must be text"),
    ("keras", {"layer": "AdaptiveAveragePooling2D"}, "cannotBeSaid", "no layer of ours adapts its windows"),
    ("keras", {"layer": "MaxPooling2D", "poolsize": 3}, "unknownParameter", "Did you mean 'pool_size'?"),
    ("keras", {"layer": "MaxPooling2D", "dilation": 3}, "unknownParameter", "Its parameters are pool_size, strides"),
    ("keras", {"layer": "MaxPooling2D", "pool_size": (1, 2, 3)}, "invalidParameter", "a vector of 2 of them"),
    ("keras", {"layer": "MaxPooling2D", "padding": "causal"}, "invalidParameter", "'valid' or 'same', but it is 'causal'"),
    ("keras", {"layer": "MaxPooling2D", "data_format": "NHWC"}, "invalidParameter", "'channels_last'"),
    ("keras", {"layer": "MaxPooling2D", "name": "a", "Name": "b"}, "contradiction", "Leave one of them out."),
    ("pytorch", {"layer": "MaxPool2d"}, "missingParameter", "Pass kernel_size=…, too."),
    ("pytorch", {"layer": "MaxPool2d", "kernel_size": 3, "padding": 2}, "invalidParameter", "Pass padding=1 or less."),
    ("pytorch", {"layer": "MaxPool2d", "kernel_size": True}, "invalidParameter", "a positive integer"),
    ("pytorch", {"layer": "MaxPool2d", "kernel_size": 2, "ceil_mode": "yes"}, "invalidParameter", "True or False"),
    ("pytorch", {"layer": "AvgPool1d", "kernel_size": 2, "divisor_override": 2}, "unknownParameter", "Leave it out"),
    ("pytorch", {"layer": "AvgPool2d", "kernel_size": 2, "divisor_override": 0}, "invalidParameter", "other than 0"),
    ("pytorch", {"layer": "AvgPool2d", "kernel_size": 2, "divisor_override": -1}, "cannotBeSaid", "positive"),
    ("pytorch", {"layer": "AvgPool2d", "kernel_size": 2, "divisor_override": 1.5}, "invalidParameter", "an integer"),
    ("pytorch", {"layer": "AdaptiveAvgPool3d", "output_size": 7}, "cannotBeSaid", "Pass output_size=1"),
    ("pytorch", {"layer": "AdaptiveMaxPool2d", "output_size": 7}, "cannotBeSaid", "Pass output_size=1"),
    ("pytorch", {"layer": "AdaptiveAvgPool2d", "output_size": (None, 1)}, "cannotBeSaid", "Pass numbers."),
    ("pytorch", {"layer": "AdaptiveAvgPool2d", "output_size": (1, 2, 3)}, "invalidParameter", "a vector of 2 of them"),
    ("pytorch", {"layer": "AdaptiveMaxPool2d", "output_size": 1, "return_indices": True}, "cannotBeSaid", "no positions"),
    ("pytorch", {"layer": "LPPool2d"}, "cannotBeSaid", "roots of sums of powers"),
    ("tensorflow", {"op": "max_pool", "ksize": 2, "strides": 2, "padding": "SAME"}, "missingParameter",
     "Pass op='max_pool2d', for example, or data_format."),
    ("tensorflow", {"op": "max_pool2d", "ksize": [1, 2, 2, 3], "strides": 2, "padding": "SAME"}, "cannotBeSaid",
     "neither observations nor channels"),
    ("tensorflow", {"op": "avg_pool2d", "ksize": 2, "strides": 2, "padding": [[0, 0], [1, 0], [0, 0], [0, 0]]},
     "invalidParameter", "Pass 'SAME' or 'VALID'."),
    ("tensorflow", {"op": "max_pool2d", "ksize": 2, "strides": 2, "padding": [[0, 0], [1, 0], [0, 0]]}, "invalidParameter",
     "4 pairs"),
    ("tensorflow", {"op": "max_pool2d", "ksize": 2, "strides": 2, "padding": [[0, 0], [0, 0], [0, 0], [1, 0]]},
     "invalidParameter", "Pass [0, 0] for both."),
    ("tensorflow", {"op": "max_pool2d", "ksize": 2, "strides": 2, "padding": "SAME", "data_format": "NWC"},
     "invalidParameter", "'NHWC' or 'NCHW'"),
    ("tensorflow", {"op": "max_pool_with_argmax", "ksize": 2, "strides": 2, "padding": [[0, 0]] * 4}, "invalidParameter",
     "'SAME' or 'VALID'"),
    ("tensorflow", {"op": "fractional_max_pool", "value": 2}, "cannotBeSaid", "draws its regions"),
    ("caffe", {"pool": "MEAN", "kernel_size": 2}, "unknownOperation", "known are MAX, AVE, STOCHASTIC"),
    ("caffe", {}, "missingParameter", "kernel_size"),
    ("caffe", {"kernel_h": 2}, "missingParameter", "Pass both, or kernel_size."),
    ("caffe", {"kernel_size": 2, "kernel_h": 2, "kernel_w": 2}, "contradiction", "Leave one of them out."),
    ("caffe", {"kernel_size": 2, "pad": 2}, "invalidParameter", "Pass a smaller pad."),
    ("caffe", {"kernel_size": 2, "global_pooling": True}, "contradiction", "Leave them out, or global_pooling."),
    ("caffe", {"stride": 2, "global_pooling": True}, "contradiction", "Leave them out, or global_pooling."),
    ("caffe", {"pool": "STOCHASTIC", "kernel_size": 2, "pad": 1}, "contradiction", "Leave pad out."),
    ("caffe", {"pool": "STOCHASTIC", "global_pooling": True}, "cannotBeSaid", "Pass kernel_size instead"),
    ("caffe", {"global_pooling": True, "top": 2}, "cannotBeSaid", "positions of a global maximum"),
    ("caffe", {"pool": "AVE", "kernel_size": 2, "top": 2}, "contradiction", "Leave top out."),
    ("caffe", {"kernel_size": 2, "top": 3}, "invalidParameter", "1 or 2, or a list"),
    ("caffe", {"kernel_size": 2, "round_mode": "UP"}, "invalidParameter", "'CEIL' or 'FLOOR'"),
    ("darknet", {"layer": "maxpool", "size": "2.5"}, "invalidParameter", "a positive integer"),
    ("darknet", {"layer": "avgpool", "size": 2}, "unknownParameter", "It has no parameters."),
    ("onnx", {"op": "MaxPool", "kernel_shape": [2, 2], "pads": [0, 0]}, "invalidParameter",
     "a vector of 4 non-negative integers"),
    ("onnx", {"op": "MaxPool", "kernel_shape": [2], "pads": [1, 0], "auto_pad": "SAME_UPPER"}, "contradiction",
     "Leave one of them out."),
    ("onnx", {"op": "GlobalAveragePool"}, "missingParameter", "Pass rank=2, for example."),
    ("onnx", {"op": "GlobalAveragePool", "rank": 4}, "invalidParameter", "1, 2 or 3"),
    ("onnx", {"op": "LpPool", "kernel_shape": [2]}, "cannotBeSaid", "roots of sums of powers"),
    ("onnx", {"op": "MaxPool", "kernel_shape": [2], "count_include_pad": 1}, "unknownParameter", "Its parameters are"),
    ("matlab", {"layer": "maxPooling2dLayer", "poolSize": 2, "Rounding": "ceil", "Stride": 2}, "cannotBeSaid",
     "Set Rounding to 'floor'."),
    ("matlab", {"layer": "averagePooling2dLayer", "poolSize": 2, "Divisor": 1}, "cannotBeSaid", "Leave Divisor 'auto'"),
    ("matlab", {"layer": "maxPooling2dLayer", "poolSize": 2, "HasUnpoolingOutputs": True}, "cannotBeSaid",
     "must not overlap"),
    ("matlab", {"layer": "maxUnpooling3dLayer"}, "cannotBeSaid", "Use the 2-D layer."),
    ("matlab", {"layer": "reluLayer"}, "unknownOperation", "Pass layer='maxPooling2dLayer'"),
]


@pytest.mark.parametrize(("framework", "parameters", "code", "told"), REFUSED)
def test_what_is_refused(framework: Any, parameters: dict[str, Any], code: str, told: str) -> None:
    with pytest.raises(dl.DltoolboxError) as caught:
        From(framework, **parameters)
    assert caught.value.identifier == f"dltoolbox:poolingLayerFrom:{code}"
    assert told in str(caught.value)


def test_parameters_that_are_no_pairs() -> None:
    for pairs in (["layer"], ["layer", "MaxPool2d", 3], [3, 4]):
        with pytest.raises(dl.DltoolboxError, match="poolingLayerFrom:invalidArguments"):
            From("pytorch", *pairs)


# The other way ---------------------------------------------------------------------------------------------------------
UNSAID: list[tuple[str, Any, str]] = [
    ("keras", MAX(2, DilationFactor=2), "its MaxPooling2D has no dilation, but DilationFactor is [2, 2]. Set Dilation"),
    ("keras", MAX(2, Padding=[1, 0, 1, 0]), "'same' is the only padding it knows"),
    ("keras", MAX(2, Stride=2, Padding="same-lower"), "'same' puts the odd element at the end"),
    ("keras", MAX(2, Stride=2, Rounding="ceil"), "rounds the number of windows down, but Rounding is 'ceil'"),
    ("keras", AVERAGE(3, Padding="same"), "padding never counts in its averages. Set PaddingValue to 'mean'."),
    ("keras", AVERAGE(3, Divisor=1), "divides by the number of elements, but Divisor is 1"),
    ("keras", MAX(2, HasUnpoolingOutputs=True), "does not give the positions of maxima"),
    ("keras", dl.maxUnpooling2dLayer(), "it has no 2-D max unpooling."),
    ("keras", dl.adaptiveAveragePooling2dLayer(3), "it has no 2-D adaptive average pooling."),
    ("pytorch", MAX(3, Stride=2, Padding="same"), "depend on the input. Give Padding in numbers."),
    ("pytorch", MAX(3, Padding=[1, 0, 1, 0]), "pads both sides alike, but padding is 1 and 0."),
    ("pytorch", MAX(3, Padding=2), "it pads by half of the pool size at most, but padding is 2."),
    ("pytorch", MAX(2, Stride=3, Rounding="caffe"), "Set Rounding to 'ceil'."),
    ("pytorch", dl.averagePooling1dLayer(2, Divisor=3), "its AvgPool1d has no divisor_override, but Divisor is 3."),
    ("pytorch", AVERAGE(2, Divisor=1.5), "its divisor_override is a whole number, but Divisor is 1.5."),
    ("pytorch", AVERAGE(2, DilationFactor=2), "its AvgPool2d has no dilation"),
    ("pytorch", dl.maxUnpooling2dLayer(), "its MaxUnpool needs kernel_size"),
    ("tensorflow", dl.maxPooling1dLayer(2, HasUnpoolingOutputs=True), "in two dimensions only"),
    ("tensorflow", dl.maxPooling3dLayer(2, Padding=[[0, 0, 0], [1, 1, 0]]), "cannot pad so"),
    ("tensorflow", dl.globalMaxPooling2dLayer(), "it has no 2-D global max pooling."),
    ("caffe", dl.maxPooling3dLayer(2), "it pools in two dimensions, not in 3."),
    ("caffe", MAX(2, Stride=3, Rounding="ceil"), "Set Rounding to 'caffe' or 'floor'."),
    ("caffe", AVERAGE(3, Padding=1, PaddingValue="mean"), "padding counts in its averages. Set PaddingValue to 0."),
    ("darknet", MAX([2, 3]), "its windows are square."),
    ("darknet", MAX(3, Padding=[2, 0, 2, 0]), "it pads by the half in front"),
    ("darknet", AVERAGE(2), "it has no 2-D average pooling."),
    ("onnx", AVERAGE(2, Divisor=1), "divides by the number of elements, but Divisor is 1"),
    ("onnx", MAX(2, Stride=3, Rounding="caffe"), "Set Rounding to 'ceil'."),
    ("onnx", dl.maxUnpooling1dLayer(), "its MaxUnpool needs kernel_shape"),
    ("matlab", dl.maxPooling3dLayer(2, Stride=2, HasUnpoolingOutputs=True), "has no unpooling outputs"),
]


@pytest.mark.parametrize(("framework", "layer", "told"), UNSAID)
def test_what_a_framework_cannot_say(framework: str, layer: Any, told: str) -> None:
    with pytest.raises(dl.DltoolboxError, match="poolingLayerTo:cannotBeSaid") as caught:
        To(framework, layer)
    assert told in str(caught.value)


@pytest.mark.parametrize("layer", [dl.reluLayer(), 3, None, "maxPooling2dLayer", [MAX(2)]])
def test_what_is_no_pooling(layer: Any) -> None:
    with pytest.raises(dl.DltoolboxError, match="poolingLayerTo:notAPooling"):
        To("keras", layer)


SAID = [
    ("pytorch", MAX(3, Padding="same"), {"layer": "MaxPool2d", "kernel_size": 3, "stride": 1, "padding": 1}),
    ("pytorch", dl.adaptiveAveragePooling2dLayer([3, 4]), {"layer": "AdaptiveAvgPool2d", "output_size": (3, 4)}),
    ("matlab", dl.adaptiveAveragePooling2dLayer([3, 4]), {"layer": "adaptiveAveragePooling2dLayer", "outputSize": [3, 4]}),
    ("keras", MAX(3, Padding=1), {"layer": "MaxPooling2D", "pool_size": 3, "strides": 1, "padding": "same"}),
    ("caffe", MAX(3, Stride=2, Padding=1, Rounding="ceil"), {"pool": "MAX", "kernel_size": 3, "stride": 2, "pad": 1}),
    ("keras", AVERAGE(2, Divisor=4), {"layer": "AveragePooling2D", "pool_size": 2, "strides": 1, "padding": "valid"}),
    ("darknet", MAX(2, Padding="same"), {"layer": "maxpool", "size": 2, "stride": 1, "padding": 1}),
    ("onnx", dl.globalAveragePooling1dLayer(Name="g"), {"op": "GlobalAveragePool", "rank": 1, "name": "g"}),
]


@pytest.mark.parametrize(("framework", "layer", "parameters"), SAID)
def test_other_words_for_the_same(framework: str, layer: Any, parameters: dict[str, Any]) -> None:
    assert To(framework, layer) == parameters


def drawn_layer(rng: np.random.Generator) -> Any:
    """A pooling with any of our options, most of which another framework cannot say."""
    rank = int(rng.integers(1, 4))
    family = str(rng.choice(["max", "average", "stochastic"], p=[0.45, 0.45, 0.1]))
    size, stride = per_axis(rng, rank, 1, 3), per_axis(rng, rank, 1, 3)
    options: dict[str, Any] = {"Stride": stride}
    draw = rng.random()
    if draw < 0.4:
        options["Padding"] = str(rng.choice(["same", "same-lower"]))
    elif draw < 0.8:
        pairs = [(int(rng.integers(f)), int(rng.integers(f))) for f in size]
        options["Padding"] = tuple((a, a) for a, _ in pairs) if rng.random() < 0.6 else tuple(pairs)
    if rng.random() < 0.2:
        options["DilationFactor"] = per_axis(rng, rank, 1, 2)
    if not isinstance(options.get("Padding"), str):
        options["Rounding"] = str(rng.choice(["floor", "ceil", "caffe"]))
    if family == "average" and rng.random() < 0.6:
        options |= {"PaddingValue": "mean"} if rng.random() < 0.6 else {"Divisor": int(rng.choice([1, 2, 4]))}
    return getattr(dl, f"{family}Pooling{rank}dLayer")(size, **options)


def test_what_a_framework_says_means_the_same() -> None:
    """1,500 layers with all options: whatever parameters are given for one mean the same for maps of several sizes."""
    rng = np.random.default_rng(5)
    said = dict.fromkeys(FRAMEWORKS, 0)
    for _ in range(1500):
        layer = drawn_layer(rng)
        maps = [small_map(rng, side(rng, layer.rank)) for _ in range(3)]
        for framework in FRAMEWORKS:
            parameters = said_or_none(framework, layer)
            if parameters is None:
                continue
            said[framework] += 1
            other = From(framework, **parameters)
            for x in maps:
                assert_alike(layer, other, np.abs(x) if Pooled.of(layer).family[0] == "s" else x, parameters)
    assert min(said.values()) > 40, said


def said_or_none(framework: str, layer: Any) -> dict[str, object] | None:
    """The parameters; None: they are refused with a reason, and nothing else happens."""
    try:
        return To(framework, layer)
    except dl.DltoolboxError as error:
        if error.identifier != "dltoolbox:poolingLayerTo:cannotBeSaid":
            raise
        return None


def assert_alike(layer: Any, other: Any, x: np.ndarray, parameters: object) -> None:
    try:
        want = run(layer, x)
    except dl.DltoolboxError:
        with pytest.raises(dl.DltoolboxError):
            run(other, x)
    else:
        got = run(other, x)
        np.testing.assert_allclose(got[0], want[0], 1e-12, 1e-12, err_msg=f"{layer} {parameters}")
