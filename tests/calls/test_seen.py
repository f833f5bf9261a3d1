"""Calls of public scripts, with the options as they spell them, and the names of earlier releases."""

from pathlib import Path

import numpy as np
import pytest

import dltoolbox as dl
from dltoolbox.layers.base import LAYERS
from tests.calls.examples import classifier, images, pixels

ROWS = [row.split("\t") for row in Path(__file__).with_name("seen.tsv").read_text(encoding="utf-8").splitlines()[1:]]
CALLS = [(function, int(count), options.split()) for function, count, options in ROWS if function in LAYERS]
POSITIONAL = {"imageInputLayer": [[28, 28, 1]], "image3dInputLayer": [[8, 8, 8, 1]], "concatenationLayer": [3, 2],
              "groupedConvolution2dLayer": [3, 1, 2], "dropoutLayer": [0.5], "flattenLayer": ["Name", "flat"],
              "resize2dLayer": ["OutputSize", [3, 3]], "leakyReluLayer": [0.1], "quadraticLayer": ["Name", "x"],
              "dicePixelClassificationLayer": ["Name", "x"]}
VALUES = {"name": "x", "padding": "same", "cropping": "same", "normalization": "none", "epsilon": 1e-4, "paddingvalue": 0,
          "weightsinitializer": "he", "biasinitializer": "zeros", "classes": ["a", "b"], "classweights": [1, 2],
          "geometrictransformmode": "half-pixel", "method": "nearest", "nearestroundingmode": "round", "bias": None,
          "outputmode": "last", "outputsize": [3, 3], "weights": None}


@pytest.mark.parametrize(("function", "count", "options"), CALLS, ids=[" ".join(row) for row in ROWS if row[0] in LAYERS])
def test_layers_are_made_as_scripts_make_them(function, count, options):
    arguments = POSITIONAL.get(function, [2] * count)[:count]
    pairs = {name: VALUES.get(name.lower(), 2) for name in options}
    make = getattr(dl, function)
    layer = make(*arguments, *[part for pair in pairs.items() for part in pair])
    assert layer == make(*arguments, **pairs)
    assert layer == make(*arguments, **{name.upper(): value for name, value in pairs.items()})


def test_no_layer_of_scripts_is_missing():
    assert {function for function, *_ in ROWS if function.endswith("Layer")} <= set(LAYERS)


def test_functions_of_data_are_called_as_scripts_call_them():
    net, Y = classifier(), dl.categorical(["a", "b"])
    assert dl.classify(net, images()).shape == (2,)
    assert dl.predict(net, images()).shape == (2, 2)
    assert dl.semanticseg(images(), classifier(dl.pixelClassificationLayer), "MiniBatchSize", 2).shape == (4, 4, 2)
    for pair in (["Order", ["b", "a"]], ["order", ["b", "a"]]):
        assert dl.confusionmat(Y, Y, *pair).tolist() == [[1, 0], [0, 1]]
    assert dl.confusionmat(Y, Y, order=["b", "a"]).shape == (2, 2)
    assert dl.evaluateSemanticSegmentation(pixels(), pixels()).ConfusionMatrix is not None
    np.testing.assert_array_equal(dl.onehotencode(Y, 2, "ClassNames", ["b", "a"]), [[0, 1], [1, 0]])
    np.testing.assert_array_equal(dl.onehotencode(Y, 2, "double", "classnames", ["b", "a"]), [[0, 1], [1, 0]])
    assert dl.addcats(Y, "c", "Before", "a").categories == dl.addcats(Y, "c", before="a").categories == ["c", "a", "b"]
    with pytest.raises(dl.DltoolboxError, match=r"'x',\) is left over"):
        dl.onehotencode(Y, 2, "double", "x")
    with pytest.raises(dl.DltoolboxError, match=r"'Befor' is not a recognized option.*Did you mean 'Before'"):
        dl.addcats(Y, "c", Befor="a")


@pytest.mark.parametrize("make", [dl.classificationLayer, dl.pixelClassificationLayer])
def test_class_names_are_classes(make):
    for layer in (make("ClassNames", ["a", "b"], "ClassWeights", [1, 2]), make(classnames=["a", "b"], ClassWeights=[1, 2])):
        assert layer == make(Classes=["a", "b"], ClassWeights=[1, 2])
        assert layer.ClassNames == layer.Classes == ("a", "b")
    layer.ClassNames = ["x", "y"]
    assert layer.Classes == ("x", "y")
    with pytest.raises(dl.DltoolboxError, match="invalidClasses"):
        layer.ClassNames = 3
    assert "ClassNames" not in str(layer)


def test_the_average_image_is_the_mean():
    layer = dl.imageInputLayer([2, 2, 1], AverageImage=[[1, 2], [3, 4]])
    assert layer == dl.imageInputLayer([2, 2, 1], Mean=[[1, 2], [3, 4]])
    net = dl.assembleNetwork([layer, dl.reluLayer, dl.regressionLayer])
    np.testing.assert_array_equal(net.Layers[0].AverageImage, net.Layers[0].Mean)
    layer.AverageImage = 5
    assert layer.Mean == 5
    with pytest.raises(dl.DltoolboxError, match="lostAssignment"):
        net.Layers[0].AverageImage = 5
