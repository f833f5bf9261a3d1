"""Layer arrays: nesting, factories without parentheses, and the names that unnamed layers get."""

import pytest

from dltoolbox import (
    LayerArray,
    convolution2dLayer,
    fullyConnectedLayer,
    imageInputLayer,
    layerArray,
    layerGraph,
    maxPooling2dLayer,
    reluLayer,
    softmaxLayer,
    squeezenet,
)
from dltoolbox.core.errors import DltoolboxError


def names(layers):
    return [one.Name for one in layerGraph(layers).Layers]


@pytest.mark.parametrize(("layers", "expected"), [
    ([imageInputLayer([8, 8, 1]), reluLayer], ["imageinput", "relu"]),
    ([reluLayer, reluLayer, reluLayer], ["relu_1", "relu_2", "relu_3"]),
    ([reluLayer, softmaxLayer, reluLayer], ["relu_1", "softmax", "relu_2"]),
    ([reluLayer(Name="a"), reluLayer], ["a", "relu"]),
    ([reluLayer(Name="relu"), reluLayer], ["relu", "relu_1"]),
    ([reluLayer, reluLayer(Name="relu"), reluLayer], ["relu_1", "relu", "relu_2"]),
    ([reluLayer(Name="relu_1"), reluLayer, reluLayer], ["relu_1", "relu_2", "relu_3"]),
    ([reluLayer, reluLayer, reluLayer(Name="relu_1")], ["relu_2", "relu_3", "relu_1"]),
    ([convolution2dLayer(3, 4), maxPooling2dLayer(2), convolution2dLayer(3, 4)], ["conv_1", "maxpool", "conv_2"]),
    ([], []),
])
def test_automatic_names(layers, expected):
    assert names(layers) == expected


def test_lists_flatten_and_factories_are_called():
    block = [convolution2dLayer(3, 4), reluLayer]
    layers = layerArray([imageInputLayer([8, 8, 1]), [block, (block, [softmaxLayer()])]])
    assert [one.label() for one in layers] == ["imageInputLayer", "convolution2dLayer", "reluLayer", "convolution2dLayer",
                                               "reluLayer", "softmaxLayer"]
    assert isinstance(layers[1:3], LayerArray)
    assert len(layerArray(reluLayer)) == len(layerArray(reluLayer())) == 1


def test_what_is_passed_is_never_changed():
    one = reluLayer()
    layers = [one, one]
    lgraph = layerGraph(layers)
    assert one.Name == ""
    assert layers == [one, one]
    copies = lgraph.Layers
    copies[0].Name = "other"
    assert lgraph.Layers[0].Name == "relu_1"
    copied = layerArray(layers)
    copied[0].Name = "mine"
    assert one.Name == ""


def test_everything_that_is_no_layer_is_reported_with_its_position():
    with pytest.raises(DltoolboxError) as caught:
        layerArray([reluLayer, "relu", [3, softmaxLayer], fullyConnectedLayer, None])
    assert caught.value.identifiers == ("dltoolbox:layerArray:notALayer", "dltoolbox:layerArray:notALayer",
                                        "dltoolbox:fullyConnectedLayer:missingArgument", "dltoolbox:layerArray:notALayer")
    assert [issue.index for issue in caught.value.issues] == [2, 3, 5, 6]


def test_the_builder_of_an_architecture_is_no_layer():
    with pytest.raises(DltoolboxError, match=r"is squeezenet, not a layer. Call squeezenet\(Weights='none'\)"):
        layerGraph(squeezenet)


def test_duplicated_names():
    with pytest.raises(DltoolboxError, match="The name 'a' is used by the layers 1, 2 and 4") as caught:
        layerGraph([reluLayer(Name="a"), reluLayer(Name="a"), reluLayer(Name="b"), reluLayer(Name="a")])
    assert caught.value.identifier == "dltoolbox:layerGraph:duplicateName"
