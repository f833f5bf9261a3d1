"""The forms in which MATLAB scripts call the factories."""

import copy
import inspect
import pickle
from pydoc import plaintext, render_doc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import dltoolbox
from dltoolbox import (
    averagePooling2dLayer,
    batchNormalizationLayer,
    classificationLayer,
    convolution2dLayer,
    convolution3dLayer,
    dropoutLayer,
    featureInputLayer,
    fullyConnectedLayer,
    imageInputLayer,
    leakyReluLayer,
    maxPooling2dLayer,
    maxPooling3dLayer,
    pixelClassificationLayer,
    reluLayer,
    transposedConv2dLayer,
)
from dltoolbox.core.errors import DltoolboxError
from dltoolbox.layers.base import LAYERS

REQUIRED = {"inputLayer": ([8, 8, 1, None], "SSCB"), "imageInputLayer": ([8, 8, 1],),
            "image3dInputLayer": ([8, 8, 8, 1],), "concatenationLayer": (1, 2), "permuteLayer": ([2, 1],),
            "reshapeLayer": ([1, 2],), "crop2dLayer": ("centercrop",),
            "resize2dLayer": ("Scale", 2), "resize3dLayer": ("Scale", 2)}


def arguments(factory):
    count = sum(1 for p in inspect.signature(getattr(dltoolbox, factory)).parameters.values()
                if p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD)
    return REQUIRED.get(factory, (2,) * count)


@pytest.mark.parametrize("factory", LAYERS)
def test_names_in_every_form(factory):
    make, args = getattr(dltoolbox, factory), arguments(factory)
    expected = make(*args, Name="x")
    assert make(*args, "Name", "x") == expected
    assert make(*args, "name", "x") == expected
    assert make(*args, "NAME", "x") == expected
    assert make(*args, "Name", "y", "Name", "x") == expected
    assert make(*args, "Name", "y", Name="x") == expected
    assert make(*args, name="x") == expected


@pytest.mark.parametrize("factory", LAYERS)
def test_positionals_by_keyword(factory):
    make, args = getattr(dltoolbox, factory), arguments(factory)
    names = [name for name, p in inspect.signature(make).parameters.items() if p.kind is p.POSITIONAL_OR_KEYWORD]
    given_by_name = dict(zip(names, args, strict=False))
    rest = args[len(names):]  # pairs
    assert make(*rest, **given_by_name) == make(*args)
    assert make(*rest, **{name[0].upper() + name[1:]: value for name, value in given_by_name.items()}) == make(*args)


@pytest.mark.parametrize(("one", "other"), [
    (lambda: maxPooling2dLayer(2, "Stride", 2), lambda: maxPooling2dLayer(2, Stride=2)),
    (lambda: maxPooling2dLayer(2, "Str", 2), lambda: maxPooling2dLayer([2, 2], Stride=[2, 2])),
    (lambda: maxPooling2dLayer(2, "hasunpool", 1), lambda: maxPooling2dLayer(2, HasUnpoolingOutputs=True)),
    (lambda: maxPooling2dLayer(2, "Stride", 3, "stride", 2), lambda: maxPooling2dLayer(2, stride=2)),
    (lambda: maxPooling2dLayer(3, "Padding", "same"), lambda: maxPooling2dLayer(3, padding="SAME")),
    (lambda: maxPooling2dLayer(3, Padding=1), lambda: maxPooling2dLayer(3, Padding=[1, 1, 1, 1])),
    (lambda: maxPooling2dLayer(3, Padding=[1, 2]), lambda: maxPooling2dLayer(3, Padding=[1, 1, 2, 2])),
    (lambda: maxPooling3dLayer(3, Padding=[[1, 2, 0], [1, 2, 0]]), lambda: maxPooling3dLayer(3, Padding=[1, 2, 0])),
    (lambda: convolution2dLayer([3, 3], 8, "WeightsInit", "HE"), lambda: convolution2dLayer(3, 8, WeightsInitializer="he")),
    (lambda: convolution2dLayer(3, 8, NumChannels="Auto"), lambda: convolution2dLayer(3, 8)),
    (lambda: convolution2dLayer(3, 8.0, "Stride", [2.0, 2]), lambda: convolution2dLayer(3, 8, Stride=2)),
    (lambda: convolution3dLayer(3, 8, DilationFactor=2), lambda: convolution3dLayer((3, 3, 3), 8, "Dilation", [2, 2, 2])),
    (lambda: imageInputLayer([28, 28]), lambda: imageInputLayer([28, 28, 1])),
    (lambda: imageInputLayer((9, 9, 1), "Normalization", "none"), lambda: imageInputLayer([9, 9, 1], normalization="None")),
    (lambda: leakyReluLayer("Name", "l"), lambda: leakyReluLayer(0.01, Name="l")),
    (lambda: dropoutLayer(0.5, "Name", "d"), lambda: dropoutLayer("Name", "d")),
    (lambda: averagePooling2dLayer(2, PaddingValue="MEAN"), lambda: averagePooling2dLayer(2, "PaddingValue", "mean")),
    (lambda: classificationLayer(Classes=["1", "2.5"]), lambda: classificationLayer(Classes=np.array([1, 2.5]))),
    (lambda: classificationLayer(Classes=["false", "true"]), lambda: classificationLayer(Classes=[False, True])),
    (lambda: classificationLayer(Classes=["cat"]), lambda: classificationLayer(Classes=[" cat "])),
    (lambda: classificationLayer(Classes=("a", "b"), ClassWeights=[1, 2]),
     lambda: classificationLayer("Classes", ["a", "b"], "ClassWeights", (1.0, 2.0))),
    (lambda: pixelClassificationLayer(Classes=np.array([1.0, 2.0])), lambda: pixelClassificationLayer(Classes=["1", " 2 "])),
    (lambda: fullyConnectedLayer([4]), lambda: fullyConnectedLayer(np.array([4.0]))),
    (lambda: transposedConv2dLayer(4, 2, "Cropping", [1, 1]), lambda: transposedConv2dLayer(4, 2, Cropping=1)),
    (lambda: featureInputLayer(numFeatures=3), lambda: featureInputLayer(3)),
    (lambda: batchNormalizationLayer("Epsilon", 1e-3), lambda: batchNormalizationLayer(epsilon=0.001)),
])
def test_the_same_layer(one, other):
    assert one() == other()


@given(st.sampled_from(["Stride", "Padding", "HasUnpoolingOutputs", "Name"]), st.data())
def test_any_case_and_any_unambiguous_beginning(option, data):
    written = data.draw(st.sampled_from([option[:n] for n in range(2, len(option) + 1)]))
    written = "".join(data.draw(st.sampled_from([c.lower(), c.upper()])) for c in written)
    value = {"Stride": 2, "Padding": 1, "HasUnpoolingOutputs": True, "Name": "p"}[option]
    assert maxPooling2dLayer(2, written, value) == maxPooling2dLayer(2, **{option: value})


@pytest.mark.parametrize(("wrong", "meant"), [
    ("Strid", None), ("Strides", "Stride"), ("Pading", "Padding"), ("HasUnpoolingOutput", None), ("poolsize", None),
    ("HasUnpolingOutputs", "HasUnpoolingOutputs"), ("Nmae", "Name"), ("Strde", "Stride"),
])
def test_did_you_mean(wrong, meant):
    if meant is None:  # a beginning, or the positional in another case: understood
        assert wrong == "poolsize" or maxPooling2dLayer(2, wrong, 1)
        assert wrong != "poolsize" or maxPooling2dLayer(wrong, 2) == maxPooling2dLayer(2)
        return
    with pytest.raises(DltoolboxError, match=f"'{wrong}' is not a recognized option .* Did you mean '{meant}'"):
        maxPooling2dLayer(2, **{wrong: 1})
    with pytest.raises(DltoolboxError) as caught:
        maxPooling2dLayer(2, wrong, 1)
    assert caught.value.identifier == "dltoolbox:maxPooling2dLayer:unknownOption"


def test_help_lists_every_option():
    text = inspect.getdoc(maxPooling2dLayer)
    assert "\nArgs:\n    poolSize: Size of the pooling region per dimension.\n    Stride: " in text
    assert "HasUnpoolingOutputs: Whether the ports 'indices' and 'size' exist" in text
    assert "Default False." in text
    assert text.index("Args:") < text.index("Example:") < text.index("Raises:")
    assert str(inspect.signature(maxPooling2dLayer)) == (
        "(poolSize, *pairs, Stride=1, Padding=0, DilationFactor=1, Rounding='floor', HasUnpoolingOutputs=False, Name='')")


def test_factories_print_their_names():
    assert (str(reluLayer), f"{reluLayer}", reluLayer.__name__) == ("reluLayer",) * 3
    assert repr([imageInputLayer([28, 28, 1]), reluLayer]) == "[imageInputLayer([28, 28, 1]), reluLayer]"
    assert "\nreluLayer(*pairs, Name='')\n    Rectified linear unit layer" in render_doc(reluLayer, renderer=plaintext)


def test_factories_are_no_methods_and_no_layers():
    assert repr(type("Model", (), {"activation": reluLayer})().activation(Name="act")) == "reluLayer(Name='act')"
    with pytest.raises(DltoolboxError, match=r"layer = reluLayer\(…\)"):
        reluLayer.Name = "act"
    assert reluLayer().Name == ""


@pytest.mark.parametrize("factory", LAYERS)
def test_layers_and_factories_can_be_pickled(factory):
    make = getattr(dltoolbox, factory)
    one = make(*arguments(factory), Name="x")
    assert pickle.loads(pickle.dumps(make)) is make
    assert pickle.loads(pickle.dumps(one)) == copy.deepcopy(one) == copy.copy(one) == one


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))])
def test_arrays_of_copies_are_read_only_too(duplicate):
    one = duplicate(fullyConnectedLayer(1, Weights=[[1.0, 2.0]]))
    with pytest.raises(ValueError, match="read-only"):
        one.Weights[0, 0] = 5
