"""poolingToStridedConvolution: what is replaced, what stays, what is refused, and what is reported."""

import numpy as np
import pytest

from dltoolbox import (
    DAGNetwork,
    DltoolboxError,
    LayerGraph,
    analyzeNetwork,
    averagePooling1dLayer,
    averagePooling2dLayer,
    averagePooling3dLayer,
    batchNormalizationLayer,
    categorical,
    classificationLayer,
    connectLayers,
    convolution2dLayer,
    dlnetwork,
    fullyConnectedLayer,
    globalMaxPooling2dLayer,
    image3dInputLayer,
    imageInputLayer,
    inputLayer,
    layerGraph,
    maxPooling2dLayer,
    maxPooling3dLayer,
    maxUnpooling2dLayer,
    maxUnpooling3dLayer,
    poolingToStridedConvolution,
    predict,
    regressionLayer,
    reluLayer,
    segnetLayers,
    softmaxLayer,
    stochasticPooling2dLayer,
    trainingOptions,
    trainNetwork,
    triangleImages,
)

OPTIONS = trainingOptions("adam", InitialLearnRate=0.01, MaxEpochs=6, MiniBatchSize=8, Verbose=False)


def digits(*middle):
    return [imageInputLayer([15, 13, 1]), convolution2dLayer(3, 6, Padding="same", Name="conv"), reluLayer, *middle,
            fullyConnectedLayer(4), softmaxLayer, classificationLayer]


def replaced(net, **options):
    return poolingToStridedConvolution(net, nargout=1, **options)


def activations_of(lgraph):
    """What leaves each layer by its first output."""
    info = analyzeNetwork(lgraph, nargout=1)
    assert info.IsValid
    return [text.removeprefix("out ").split(",")[0] for text in info.LayerInfo.Activations]


@pytest.mark.parametrize("pool", [
    maxPooling2dLayer(2, Stride=2), maxPooling2dLayer([3, 2]), maxPooling2dLayer(3, Stride=2, Padding="same"),
    maxPooling2dLayer([3, 4], Stride=[2, 3], Padding=[1, 2, 0, 3])])
def test_sizes_stay(pool):
    before, after = digits(pool), replaced(digits(pool))
    assert activations_of(after) == activations_of(before)
    conv = after.nodes[3]
    assert (conv.label(), conv.Name) == ("convolution2dLayer", "maxpool")
    assert (conv.FilterSize, conv.NumFilters, conv.Stride, conv.Padding) == (pool.PoolSize, 6, pool.Stride, pool.Padding)


def test_volumes():
    pool = maxPooling3dLayer([2, 3, 2], Stride=[2, 1, 2], Padding=[0, 1, 0], Name="pool")
    layers = [image3dInputLayer([8, 8, 8, 3]), pool, fullyConnectedLayer(1), regressionLayer]
    after = replaced(layers)
    assert activations_of(after) == activations_of(layers)
    assert (after.nodes[1].label(), after.nodes[1].NumFilters) == ("convolution3dLayer", 3)


def test_other_layers_and_connections_stay():
    lgraph = replaced(digits(maxPooling2dLayer(2, Name="p"), averagePooling2dLayer(2, Name="a"),
                             globalMaxPooling2dLayer(Name="g")))
    assert [one.label() for one in lgraph.nodes[3:6]] == ["convolution2dLayer", "averagePooling2dLayer",
                                                          "globalMaxPooling2dLayer"]
    assert list(lgraph.Connections)[2:6] == [("relu", "p"), ("p", "a"), ("a", "g"), ("g", "fc")]


def test_a_network_without_max_pooling_stays_as_it_is():
    lgraph, report = poolingToStridedConvolution(digits(), nargout=2)
    assert [one.label() for one in lgraph.nodes] == [one.label() for one in replaced(lgraph).nodes]
    assert report.Layer == ["(network)"]


def test_unpooling_is_refused_with_all_places():
    with pytest.raises(DltoolboxError, match="Its positions of maxima go to 'decoder1_unpool'") as caught:
        replaced(segnetLayers([16, 16], 2, 3))
    assert [issue.layer for issue in caught.value.issues] == [f"encoder{k}_maxpool" for k in (1, 2, 3)]
    assert [issue.index for issue in caught.value.issues] == [8, 15, 22]
    assert set(caught.value.identifiers) == {"dltoolbox:poolingToStridedConvolution:unpoolingConnected"}


@pytest.mark.parametrize("size", [[16, 16, 3], [33, 47], [18, 21]])
def test_unpooling_can_be_replaced_too(size):
    before = segnetLayers(size, 2, 3, NumOutputChannels=[4, 6, 8])
    after = replaced(before, ReplaceUnpooling=True)
    assert activations_of(after) == activations_of(before)
    assert len(after.edges) == len(before.edges) - 6
    assert not [one for one in after.nodes if "Pooling" in type(one).__name__]
    up = after.nodes[after.find("decoder1_unpool")]
    assert (up.label(), up.NumFilters) == ("transposedConv2dLayer", 4)
    assert up.FilterSize == tuple(2 + n % 2 for n in size[:2])  # odd sizes lose a row in the pooling


@pytest.mark.parametrize("pool", [
    maxPooling3dLayer([2, 3, 2], Stride=[2, 3, 2], HasUnpoolingOutputs=True, Name="pool"),
    maxPooling3dLayer(3, Stride=2, Padding=[[1, 0, 1], [0, 1, 1]], HasUnpoolingOutputs=True, Name="pool")])
def test_unpooling_of_volumes_can_be_replaced_too(pool):
    before = layerGraph([image3dInputLayer([9, 8, 7, 2]), pool, reluLayer, maxUnpooling3dLayer(Name="up"), regressionLayer])
    for port in ("indices", "size"):
        before = connectLayers(before, f"pool/{port}", f"up/{port}")
    after = replaced(before, ReplaceUnpooling=True)
    assert [one.label() for one in after.nodes[1:4:2]] == ["convolution3dLayer", "transposedConv3dLayer"]
    assert activations_of(after) == activations_of(before)


def test_a_pooling_whose_positions_nobody_reads_is_replaced():
    lgraph = replaced(digits(maxPooling2dLayer(2, HasUnpoolingOutputs=True)))
    assert lgraph.nodes[3].label() == "convolution2dLayer"
    assert analyzeNetwork(lgraph, nargout=1).IsValid


def test_a_trained_network_keeps_its_other_values():
    X, Y = np.random.default_rng(0).random((15, 13, 1, 8)), categorical(np.arange(8) % 4)
    net = trainNetwork(X, Y, digits(batchNormalizationLayer, maxPooling2dLayer(2, Stride=2)),
                       trainingOptions("sgdm", MaxEpochs=1, Verbose=False))
    before = predict(net, X)
    lgraph = replaced(net)
    assert isinstance(lgraph, LayerGraph)
    assert not isinstance(lgraph, DAGNetwork)
    for old, new in zip(net.nodes, lgraph.nodes, strict=True):
        if old.Name != "maxpool":
            assert new == old
    assert lgraph.nodes[lgraph.find("conv")].Weights is not None
    assert lgraph.nodes[lgraph.find("maxpool")].Weights is None
    np.testing.assert_array_equal(predict(net, X), before)


def test_a_dlnetwork_stays_one_and_wants_values_for_the_new_layers():
    net = dlnetwork(digits(maxPooling2dLayer(2))[:-1])
    after = replaced(net)
    assert isinstance(after, dlnetwork)
    assert (net.Initialized, after.Initialized) == (True, False)
    assert len(after.Learnables) == len(net.Learnables) + 2


def test_it_trains():
    X, Y = triangleImages(16, nargout=2)
    lgraph = replaced(segnetLayers([32, 32, 1], 2, 1, NumOutputChannels=4), ReplaceUnpooling=True)
    _, info = trainNetwork(X, Y, lgraph, OPTIONS, nargout=2)
    assert np.mean(info.TrainingLoss[-2:]) < np.mean(info.TrainingLoss[:2])


def test_the_report_shows_what_changed(capsys):
    lgraph, report = poolingToStridedConvolution(digits(maxPooling2dLayer(3, Stride=3)), nargout=2)
    assert capsys.readouterr().out == ""
    assert report[0] == ("maxpool", "2-D Max Pooling", "2-D Convolution", "5×4×6", 0, 9 * 36 + 6)
    assert report[1][1:3] == ("7 layers", "7 layers")
    assert report.LearnablesAfter[1] - report.LearnablesBefore[1] == 9 * 36 + 6
    again = poolingToStridedConvolution(digits(maxPooling2dLayer(3, Stride=3)))
    assert again.nodes == lgraph.nodes
    assert capsys.readouterr().out == f"{report}\n"


def test_a_fault_that_hides_the_size_of_a_pooling_is_raised():
    with pytest.raises(DltoolboxError) as caught:
        replaced(digits(convolution2dLayer(20, 4), maxPooling2dLayer(2)))
    assert "dltoolbox:convolution2dLayer:windowTooLarge" in caught.value.identifiers


def test_a_part_of_a_network_is_enough():
    assert replaced(digits(maxPooling2dLayer(2))[:4]).nodes[3].NumFilters == 6


@pytest.mark.parametrize(("arguments", "identifier"), [
    ({"nargout": 3}, "nargout"), ({"ReplaceUnpooling": "all"}, "invalidReplaceUnpooling"), ({"Unpool": 1}, "unknownOption")])
def test_bad_values(arguments, identifier):
    with pytest.raises(DltoolboxError, match=f"dltoolbox:poolingToStridedConvolution:{identifier}"):
        poolingToStridedConvolution(digits(), **arguments)


@pytest.mark.parametrize("pool", [
    maxPooling2dLayer([2, 3], Stride=2, DilationFactor=[2, 1]), maxPooling2dLayer(3, Stride=2, Rounding="ceil"),
    maxPooling2dLayer([2, 4], Stride=[3, 5], Padding=1, Rounding="caffe"), maxPooling2dLayer(2, Stride=3, Rounding="caffe"),
    maxPooling2dLayer(2, Stride=2, Padding="same-lower"), stochasticPooling2dLayer(3, Stride=2, Name="maxpool")])
def test_sizes_of_every_option_stay(pool):
    before, after = digits(pool), replaced(digits(pool))
    assert activations_of(after) == activations_of(before)
    assert after.nodes[3].DilationFactor == pool.DilationFactor


@pytest.mark.parametrize("options", [{"DilationFactor": 2}, {"Rounding": "ceil", "Padding": 1}])
def test_unpooling_of_every_option_can_be_replaced(options):
    pool = maxPooling2dLayer(3, Stride=2, HasUnpoolingOutputs=True, Name="pool", **options)
    before = layerGraph([imageInputLayer([15, 12, 3]), pool, reluLayer, maxUnpooling2dLayer(Name="up"), regressionLayer])
    for port in ("indices", "size"):
        before = connectLayers(before, f"pool/{port}", f"up/{port}")
    after = replaced(before, ReplaceUnpooling=True)
    assert activations_of(after) == activations_of(before)


AVERAGES = [
    ("SSCB", averagePooling2dLayer([2, 3], Stride=2, Padding=[1, 0, 2, 1])),
    ("SSCB", averagePooling2dLayer(3, Padding="same")),
    ("SSCB", averagePooling2dLayer(2, Stride=2, DilationFactor=3, Padding="same-lower")),
    ("SSCB", averagePooling2dLayer(2, Divisor=1, Stride=3, Padding=1, Rounding="ceil")),
    ("SSCB", averagePooling2dLayer(3, Divisor=2.5, Stride=4, Rounding="caffe")),
    ("SSCB", averagePooling2dLayer(2, PaddingValue="mean")),
    ("SSSCB", averagePooling3dLayer([2, 1, 3], Stride=2, Padding=0)),
    ("SCB", averagePooling1dLayer(4, Stride=3, Padding=[2, 1]))]


@pytest.mark.parametrize(("labels", "pool"), AVERAGES)
def test_averages_become_convolutions_that_do_the_same(labels, pool):
    x = np.random.default_rng(3).standard_normal((*(7, 8, 6)[:pool.rank], 3, 2)).astype(np.float32)
    net = dlnetwork([inputLayer([*x.shape[:-1], None], labels), pool])
    after, report = poolingToStridedConvolution(net, ReplaceAverage=True, nargout=2)
    assert "Convolution" in report.After[0]
    assert "Pooling" not in type(after.nodes[1]).__name__
    np.testing.assert_allclose(predict(dlnetwork(after.Layers), x), predict(net, x), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("options", "told", "size"), [
    ({"PaddingValue": "mean", "Padding": 1}, "stays: its windows divide by 4 to 9 elements", "15×13×6"),
    ({"Stride": 3, "Rounding": "ceil"}, "stays: its windows divide by 3 to 9 elements", "5×5×6")])
def test_an_average_that_no_convolution_does_stays_and_the_report_says_why(options, told, size):
    layers = digits(averagePooling2dLayer(3, Name="mean", **options))
    after, report = poolingToStridedConvolution(layers, ReplaceAverage=True, nargout=2)
    assert after.nodes[3] == layers[3]
    assert report[0] == ("mean", "2-D Average Pooling", told, size, 0, 0)
