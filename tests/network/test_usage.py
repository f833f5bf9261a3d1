"""What the network is for decides on what stands behind a fully connected layer, everywhere alike, and on output layers."""

import numpy as np
import pytest

import dltoolbox as dl
from dltoolbox.network.analysis.cost import ELEMENT
from tests.program.networks import finished

IMAGES, VOLUMES, FEATURES = ((dl.imageInputLayer([6, 5, 2], Normalization="none"), (6, 5, 2, 3)),
                             (dl.image3dInputLayer([4, 3, 5, 2], Normalization="none"), (4, 3, 5, 2, 3)),
                             (dl.featureInputLayer(7), (3, 7)))
ONES = {"images": "1(S) × 1(S) × ", "volumes": "1(S) × 1(S) × 1(S) × ", "features": ""}
SOURCES = {"images": IMAGES, "volumes": VOLUMES, "features": FEATURES}
BEHIND = [dl.fullyConnectedLayer(4, Name="fc"), dl.batchNormalizationLayer(Name="bn"), dl.reluLayer(Name="relu"),
          dl.dropoutLayer(Name="drop"), dl.layerNormalizationLayer(Name="ln"), dl.fullyConnectedLayer(3, Name="fc2"),
          dl.softmaxLayer(Name="softmax")]


def analysed(layers, **options):
    return dl.analyzeNetwork(layers, nargout=1, **options)


def sizes(layers, **options):
    info = analysed(layers, **options)
    assert info.Issues == ()
    return dict(zip(info.LayerInfo.Name, info.LayerInfo.Activations, strict=True))


@pytest.mark.parametrize("kind", SOURCES)
def test_vectors_keep_the_rank_of_images_where_they_are_trained_by_trainnetwork(kind):
    source, shape = SOURCES[kind]
    layers = [source, *BEHIND, dl.classificationLayer(Name="out", Classes=list("abc"))]
    at = sizes(layers)
    for name, channels in {"fc": 4, "bn": 4, "relu": 4, "drop": 4, "ln": 4, "fc2": 3, "softmax": 3, "out": 3}.items():
        assert at[name] == f"{ONES[kind]}{channels}(C) × 1(B)"
    net, X = finished(dl.layerGraph(layers)), np.random.default_rng(0).standard_normal(shape)
    for name in ("fc", "bn", "softmax"):
        printed = [int(part.split("(")[0]) for part in at[name].split(" × ")[:-1]]
        found = dl.activations(net, X, name)
        assert found.shape == ((3, *printed) if kind == "features" else (*printed, 3))
    assert dl.predict(net, X).shape == (3, 3)
    assert dl.classify(net, X).shape == (3,)
    per_channel = "4×1" if kind == "features" else "1×" * (len(shape) - 2) + "4"
    assert f"Offset {per_channel}" in analysed(net).LayerInfo.Learnables[2]


@pytest.mark.parametrize("kind", SOURCES)
def test_vectors_of_a_dlnetwork_have_no_spatial_dimensions(kind):
    source, shape = SOURCES[kind]
    for layers in ([source, *BEHIND], dl.dlnetwork([source, *BEHIND])):
        assert sizes(layers)["bn"] == "4(C) × 1(B)"
    net = dl.dlnetwork([source, *BEHIND])
    assert dl.predict(net, np.ones(shape), Outputs=["bn"]).shape == (3, 4)
    assert net.Learnables.Value[2].shape == (4, 1)


@pytest.mark.parametrize(("behind", "size"), [
    ([dl.transposedConv2dLayer(4, 3)], (4, 4, 3)), ([dl.convolution2dLayer(1, 3)], (1, 1, 3)),
    ([dl.maxPooling2dLayer(1)], (1, 1, 2)), ([dl.averagePooling2dLayer(3, Padding=1)], (1, 1, 2)),
    ([dl.globalMaxPooling2dLayer], (1, 1, 2)), ([dl.resize2dLayer(OutputSize=[3, 2])], (3, 2, 2)),
    ([dl.groupedConvolution2dLayer(1, 2, 2)], (1, 1, 4)), ([dl.crossChannelNormalizationLayer(3)], (1, 1, 2)),
], ids=lambda value: value[0].__class__.__name__ if isinstance(value, list) else "")
def test_layers_of_maps_behind_a_fully_connected_layer(behind, size):
    layers = [IMAGES[0], dl.fullyConnectedLayer(2, Name="fc"), *behind, dl.regressionLayer]
    info = analysed(layers)
    assert info.Issues == ()
    assert info.LayerInfo.Activations[2] == f"{size[0]}(S) × {size[1]}(S) × {size[2]}(C) × 1(B)"
    assert info.LayerInfo.ReceptiveField[1:3] == ["whole"] * 2
    assert info.LayerInfo.ActivationBytes[2] == ELEMENT * np.prod(size)
    assert dl.activations(finished(dl.layerGraph(layers)), np.ones((6, 5, 2, 3)), 3).shape == (*size, 3)
    needs_maps = not isinstance(behind[0], type(dl.crossChannelNormalizationLayer(3)))
    assert (analysed(layers[:-1]).Issues != ()) == needs_maps


def joined(joint, *, flat=False, **options):
    lgraph = dl.layerGraph([dl.imageInputLayer([6, 5, 2], Normalization="none", Name="in"),
                            dl.fullyConnectedLayer(2, Name="a"), *[dl.flattenLayer(Name="flat")] * flat, joint,
                            dl.regressionLayer(Name="out")])
    lgraph = dl.connectLayers(dl.addLayers(lgraph, dl.fullyConnectedLayer(2, Name="b")), "in", "b")
    return dl.connectLayers(lgraph, "b", "joint/in2")


def test_concatenation_counts_the_spatial_dimensions():
    for dim, size in ((1, (2, 1, 2)), (2, (1, 2, 2)), (3, (1, 1, 4))):
        lgraph = joined(dl.concatenationLayer(dim, 2, Name="joint"))
        assert sizes(lgraph)["joint"] == f"{size[0]}(S) × {size[1]}(S) × {size[2]}(C) × 1(B)"
        assert dl.activations(finished(lgraph), np.ones((6, 5, 2, 3)), "joint").shape == (*size, 3)
    assert sizes(dl.removeLayers(joined(dl.concatenationLayer(1, 2, Name="joint")), "out"))["joint"] == "4(C) × 1(B)"


def test_the_cure_for_images_that_meet_features_works():
    lgraph = dl.addLayers(dl.removeLayers(joined(dl.concatenationLayer(1, 2, Name="joint")), "b"),
                          dl.featureInputLayer(5, Name="features"))
    lgraph = dl.connectLayers(lgraph, "features", "joint/in2")
    (issue,) = analysed(lgraph).Issues
    assert "in1 is 1(S) × 1(S) × 2(C) × 1(B); in2 is 5(C) × 1(B)" in issue.message
    assert "flattenLayer" in issue.hint
    lgraph = dl.disconnectLayers(lgraph, "a", "joint/in1")
    lgraph = dl.connectLayers(dl.addLayers(lgraph, dl.flattenLayer(Name="flat")), "a", "flat")
    assert sizes(dl.connectLayers(lgraph, "flat", "joint/in1"))["joint"] == "7(C) × 1(B)"


def test_networks_change_their_usage():
    """Values of normalisations behind a fully connected layer go from one form into the other."""
    net = finished(dl.layerGraph([IMAGES[0], *BEHIND, dl.classificationLayer(Name="out", Classes=list("abc"))]))
    X = np.random.default_rng(0).standard_normal((6, 5, 2, 4))
    other = dl.dag2dlnetwork(net)
    assert other.Learnables.Value[2].shape == (4, 1)
    np.testing.assert_allclose(dl.predict(other, X), dl.predict(net, X), rtol=1e-5, atol=1e-7)
    lgraph = dl.addLayers(dl.layerGraph(other), dl.classificationLayer(Name="out", Classes=list("abc")))
    again = dl.assembleNetwork(dl.connectLayers(lgraph, "softmax", "out"))
    assert again.Layers[2].Offset.shape == (1, 1, 4)
    np.testing.assert_array_equal(dl.predict(again, X), dl.predict(net, X))


def test_archives_of_either_form_are_read(tmp_path):
    net = finished(dl.layerGraph([IMAGES[0], *BEHIND, dl.classificationLayer(Name="out", Classes=list("abc"))]))
    X = np.random.default_rng(0).standard_normal((6, 5, 2, 4))
    layers = net.Layers
    for name in ("Offset", "Scale", "TrainedMean", "TrainedVariance"):
        setattr(layers[2], name, getattr(layers[2], name).reshape(4, 1))  # as earlier versions wrote them
    for number, one in enumerate((net, dl.assembleNetwork(layers), type(net)(dl.layerGraph(layers)))):
        dl.saveNetwork(one, tmp_path / f"{number}.dlnet")
        read = dl.loadNetwork(tmp_path / f"{number}.dlnet")
        np.testing.assert_array_equal(dl.predict(read, X), dl.predict(net, X))


def test_what_is_certain_behind_a_fault_has_the_right_rank():
    """A fully connected layer behind a fault has as many dimensions as the images, unless they may have been flattened."""
    def behind(*before):
        info = analysed([IMAGES[0], *before, dl.fullyConnectedLayer(4), dl.softmaxLayer,
                         dl.classificationLayer(Classes=["a"], Name="out")])
        assert info.Issues[-1].identifier == "dltoolbox:classificationLayer:classesMismatch"  # certain in any case
        return info.LayerInfo.Activations[-3]
    assert behind(dl.additionLayer(2)) == "1(S) × 1(S) × 4(C) × 1(B)"
    assert behind(dl.additionLayer(2), dl.flattenLayer) == "4(C) × 1(B)"
    assert behind("relu") == "?"


# Output layers -------------------------------------------------------------------------------------------------------
LAYERS = [IMAGES[0], dl.convolution2dLayer(3, 4), dl.fullyConnectedLayer(2), dl.softmaxLayer]


@pytest.mark.parametrize("layers", [LAYERS, dl.layerGraph(LAYERS), [IMAGES[0]], dl.unetLayers])
def test_without_an_output_layer_it_is_to_become_a_dlnetwork(layers):
    if layers is dl.unetLayers:
        layers = dl.unetLayers([16, 16, 1], 2, EncoderDepth=1)
        layers = dl.removeLayers(layers, layers.OutputNames[0])
    info = analysed(layers)
    assert (info.Issues, info.TargetUsage, info.IsValid) == ((), "dlnetwork", True)
    assert str(info).count("trainNetwork") == 1
    assert "Checked for dlnetwork, which has no output layer; trainNetwork needs one" in str(info)
    assert "trainNetwork" not in str(analysed(dl.dlnetwork(layers)))


def test_a_named_usage_decides():
    (issue,) = analysed(LAYERS, TargetUsage="trainNetwork").Issues
    assert issue.identifier == "dltoolbox:network:missingOutputLayer"
    (issue,) = analysed([*LAYERS, dl.classificationLayer], TargetUsage="dlnetwork").Issues
    assert issue.identifier == "dltoolbox:network:outputLayerNotAllowed"


@pytest.mark.parametrize("call", [lambda: dl.assembleNetwork(LAYERS), lambda: dl.trainNetwork(
    np.ones((6, 5, 2, 3)), dl.categorical(["a", "b", "a"]), LAYERS, dl.trainingOptions("sgdm"))])
def test_what_needs_an_output_layer_says_so(call):
    with pytest.raises(dl.DltoolboxError, match=r"The network has no output layer\. End it with classificationLayer"):
        call()


def test_layers_without_an_output_layer_are_explained():
    assert "predict, mini-batch of 4" in str(dl.explain(LAYERS, MiniBatchSize=4))


def test_vectors_of_data_with_one_spatial_dimension_can_be_classified():
    layers = [dl.inputLayer([5, 2, None], "SCB", Name="x"), dl.fullyConnectedLayer(3, Name="fc"), dl.softmaxLayer,
              dl.classificationLayer]
    assert sizes(layers)["fc"] == "1(S) × 3(C) × 1(B)"
