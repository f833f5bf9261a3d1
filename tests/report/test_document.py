"""The document of an analysis: true to its schema for any network, exact, and the same for equal networks."""

import importlib.util
import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import dltoolbox as dl
from dltoolbox.report.document import _histogram, document


def sibling(name):
    """A module of this folder, which is no package."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


faults = sibling("schema").faults
FILE = Path(__file__).parents[2] / "docs" / "analysis-schema.json"
pytestmark = pytest.mark.skipif(not FILE.exists(), reason="the suite is run without the documents")


def document_of(layers, *examples, **options):
    return json.loads(json.dumps(document(dl.analyzeNetwork(layers, *examples, nargout=1, **options)), allow_nan=False))


def digits():
    return [dl.imageInputLayer([28, 28, 1]), dl.convolution2dLayer(3, 8, Padding=1), dl.batchNormalizationLayer,
            dl.reluLayer, dl.maxPooling2dLayer(2, Stride=2), dl.fullyConnectedLayer(10), dl.softmaxLayer,
            dl.classificationLayer]


def faulty():
    return [dl.imageInputLayer([8, 8, 1]), dl.convolution2dLayer(3, 8, Name="a", NumChannels=2), "relu",
            dl.convolution2dLayer(3, 8, Name="a"), dl.additionLayer(2), dl.maxPooling2dLayer(99), dl.maxUnpooling2dLayer]


NETWORKS = {
    "digits": digits, "faulty": faulty, "empty": list, "features": lambda: [dl.featureInputLayer(3), dl.regressionLayer],
    "volumes": lambda: [dl.image3dInputLayer([8, 8, 8, 1]), dl.convolution3dLayer(3, 2), dl.regressionLayer],
    "open": lambda: [dl.convolution2dLayer(3, 8), dl.reluLayer],
    "segnet": lambda: dl.segnetLayers([32, 32, 3], 2, 2), "unet": lambda: dl.unetLayers([32, 32, 3], 2, EncoderDepth=2),
    **{name: (lambda name=name: getattr(dl, name)) for name in ("alexnet", "densenet201", "inceptionv3", "mobilenetv2",
                                                                 "resnet18", "squeezenet", "vgg16")},
    "films": sibling("networks").films,
    "dlnetwork": lambda: dl.dlnetwork([dl.imageInputLayer([8, 8, 1]), dl.convolution2dLayer(3, 2)]),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_documents_are_what_the_schema_says(name):
    schema = json.loads(FILE.read_text(encoding="utf-8"))
    assert faults(document_of(NETWORKS[name]()), schema, schema) == []


def test_histograms_of_trained_values_come_where_they_are_asked_for():
    weights = np.linspace(-1, 1, 640).reshape(10, 64)
    layers = [dl.imageInputLayer([8, 8, 1]), dl.fullyConnectedLayer(10, Weights=weights), dl.regressionLayer]
    info = dl.analyzeNetwork(layers, nargout=1)
    assert all("histogram" not in one for one in document(info)["layers"][1]["learnables"])
    found = document(info, histograms=True)
    trained, untrained = found["layers"][1]["learnables"]
    assert "histogram" not in untrained  # the bias has no values yet
    about = trained["histogram"]
    assert about["counts"] == [20] * 32
    assert (about["least"], about["most"], about["mean"], about["notFinite"]) == (-1, 1, pytest.approx(0), 0)
    schema = json.loads(FILE.read_text(encoding="utf-8"))
    assert faults(json.loads(json.dumps(found)), schema, schema) == []


def test_histograms_of_diverged_values_count_what_is_not_finite():
    layer = SimpleNamespace(Weights=np.array([np.nan, 1, 2, np.inf]), Bias=np.array([np.nan]))
    about = _histogram(layer, "Weights")["histogram"]
    assert (sum(about["counts"]), about["notFinite"], about["mean"]) == (2, 2, 1.5)
    assert _histogram(layer, "Bias") == {}


def test_the_check_of_schemas_finds_faults():
    schema = json.loads(FILE.read_text(encoding="utf-8"))
    found = document_of(digits())
    found["version"] = 2
    found["summary"]["layers"] = -1
    found["layers"][0]["inputs"] = None
    found["layers"][1]["outputs"][0]["dims"]["labels"] = "HWC"
    found["more"] = found.pop("name")
    assert len(faults(found, schema, schema)) == 6


def test_a_layer_in_full():
    one = document_of(digits())["layers"][1]
    properties = {entry["name"]: (entry["value"], entry["group"]) for entry in one.pop("properties")}
    assert properties["PaddingSize"] == ("[1 1 1 1]", "Hyperparameters")
    assert properties["WeightsInitializer"] == ("'glorot'", "More properties")
    share = one.pop("learnableShare")
    assert share == pytest.approx(80 / 15786)
    sizes = {"labels": "SSCB", "sizes": [28, 28, 1, None]}
    assert one == {
        "index": 2, "name": "conv", "type": "2-D Convolution", "factory": "convolution2dLayer",
        "description": "8 3×3 convolutions with stride [1  1] and padding [1  1  1  1]",
        "inputs": [{"port": "in", "source": "imageinput", "sourcePort": "out", "dims": sizes}],
        "outputs": [{"port": "out", "dims": {"labels": "SSCB", "sizes": [28, 28, 8, None]}, "kind": "data"}],
        "learnables": [{"name": "Weights", "size": [3, 3, 1, 8], "count": 72, "frozen": False},
                       {"name": "Bias", "size": [1, 1, 8], "count": 8, "frozen": False}],
        "states": [], "learnableCount": 80, "multiplyAdds": 56448, "activationBytes": 25088,
        "receptiveField": {"size": [3, 3], "stride": [1, 1], "whole": False},
        "formula": [{"dimensions": "height, width", "text": "floor((28 − 3 + 1 + 1)/1) + 1 = 28"}], "issues": []}


def test_the_whole():
    found = document_of(digits(), TargetUsage="trainNetwork")
    assert (found["name"], found["usage"]) == ("network", "trainNetwork")
    assert found["summary"] == {
        "layers": 8, "connections": 7, "errors": 0, "warnings": 0, "learnables": 15786, "frozenLearnables": 0, "states": 17,
        "multiplyAdds": 56448 + 15680, "activationBytes": 84752, "parameterBytes": 4 * (15786 + 17), "complete": True}
    assert sum(one["learnableShare"] for one in found["layers"]) == pytest.approx(1)
    assert document_of(dl.resnet18)["name"] == "resnet18"


def test_faults_stand_at_their_layers_and_names_are_unique():
    found = document_of(faulty())
    names = [one["name"] for one in found["layers"]]
    assert names[1:4] == ["a", "element", "a (4)"]
    assert len(set(names)) == len(names)
    assert not found["summary"]["complete"]
    for number, issue in enumerate(found["issues"]):
        where = [one["name"] for one in found["layers"] if number in one["issues"]]
        assert where == ([issue["layer"]] if issue["index"] else [])
    assert {wire[side] for wire in found["connections"] for side in ("source", "destination")} <= set(names)


def test_folded_sequences_have_no_time():
    found = document_of(NETWORKS["films"]())
    labels = {layer["name"]: layer["outputs"][0]["dims"]["labels"] for layer in found["layers"] if layer["outputs"]}
    assert [labels[name] for name in ("films", "fold", "conv", "unfold", "lstm")] == ["SSCBT", "SSCB", "SSCB", "SSCBT", "CB"]
    kinds = {one["kind"] for one in found["connections"] if one["sourcePort"] == "miniBatchSize"}
    assert kinds == {found["layers"][1]["outputs"][1]["kind"]} == {"miniBatchSize"}


def test_unpooling_says_what_its_connections_carry():
    found = document_of(dl.segnetLayers([32, 32, 3], 2, 1))
    kinds = [wire["kind"] for wire in found["connections"] if wire["sourcePort"] != "out"]
    assert sorted(kinds) == ["indices", "size"]
    pool = next(one for one in found["layers"] if one["name"] == "encoder1_maxpool")
    assert [port["kind"] for port in pool["outputs"]] == ["data", "indices", "size"]


def test_unknown_is_null():
    found = document_of([dl.convolution2dLayer(3, 8, Name="c"), dl.reluLayer])
    assert found["layers"][0]["inputs"] == [{"port": "in", "source": None, "sourcePort": None, "dims": None}]
    assert found["layers"][0]["outputs"][0]["dims"] is None
    assert found["layers"][0]["receptiveField"] is None


def test_an_input_that_is_known_beside_one_that_is_not():
    layers = [dl.imageInputLayer([8, 8, 1], Name="in"), dl.additionLayer(2, Name="add"), dl.regressionLayer]
    assert [one["dims"] is None for one in document_of(layers)["layers"][1]["inputs"]] == [False, True]


FORMULAS = [
    (dl.convolution2dLayer(3, 8), [("height, width", "floor((28 − 3)/1) + 1 = 26")]),
    (dl.convolution2dLayer([3, 5], 8, Padding="same", Stride=[1, 2]),
     [("height", "ceil(28/1) = 28"), ("width", "ceil(28/2) = 14")]),
    (dl.convolution2dLayer(3, 8, DilationFactor=2, Padding=2),
     [("height, width", "floor((28 − ((3 − 1)·2 + 1) + 2 + 2)/1) + 1 = 28")]),
    (dl.convolution2dLayer(3, 8, Padding=[1, 0, 2, 0]), [("height", "floor((28 − 3 + 1 + 0)/1) + 1 = 27"),
                                                         ("width", "floor((28 − 3 + 2 + 0)/1) + 1 = 28")]),
    (dl.maxPooling2dLayer(3, Stride=2), [("height, width", "floor((28 − 3)/2) + 1 = 13; 1 row and 1 column left over")]),
    (dl.maxPooling2dLayer([2, 3], Stride=[2, 3]), [("height", "floor((28 − 2)/2) + 1 = 14"),
                                                   ("width", "floor((28 − 3)/3) + 1 = 9; 1 column left over")]),
    (dl.averagePooling2dLayer([3, 4], Stride=[5, 4]),
     [("height", "floor((28 − 3)/5) + 1 = 6"), ("width", "floor((28 − 4)/4) + 1 = 7")]),
    (dl.convolution2dLayer(7, 8, Stride=2, Padding=3), [("height, width", "floor((28 − 7 + 3 + 3)/2) + 1 = 14")]),
    (dl.transposedConv2dLayer(4, 8, Stride=2, Cropping=1), [("height, width", "(28 − 1)·2 + 4 − 1 − 1 = 56")]),
    (dl.transposedConv2dLayer(4, 8, Stride=2, Cropping="same"), [("height, width", "28·2 = 56")]),
    (dl.transposedConv2dLayer(2, 8, Stride=2), [("height, width", "(28 − 1)·2 + 2 = 56")]),
    (dl.transposedConv2dLayer(2, 8, Stride=3, Cropping="same"), [("height, width", "28·3 = 84")]),
    (dl.maxPooling2dLayer(30), [("height, width", "floor((28 − 30)/1) + 1 = −1")]),
    (dl.groupedConvolution2dLayer(3, 1, "channel-wise"), [("height, width", "floor((28 − 3)/1) + 1 = 26")]),
    (dl.reluLayer(), []), (dl.fullyConnectedLayer(3), []),
]


@pytest.mark.parametrize(("layer", "expected"), FORMULAS, ids=[repr(one) for one, _ in FORMULAS])
def test_formulas_end_in_the_size_of_the_output(layer, expected):
    one = document_of([dl.imageInputLayer([28, 28, 4]), layer])["layers"][1]
    assert [(entry["dimensions"], entry["text"]) for entry in one["formula"]] == expected
    dims = one["outputs"][0]["dims"]
    ends = {name: int(text.partition(";")[0].rpartition("= ")[2].replace("−", "-"))
            for names, text in expected for name in names.split(", ")}
    if dims and expected:
        assert [ends["height"], ends["width"]] == dims["sizes"][:2]


def test_formulas_in_three_dimensions():
    one = document_of([dl.image3dInputLayer([9, 8, 8, 1]), dl.maxPooling3dLayer(2, Stride=2)])["layers"][1]
    assert [(entry["dimensions"], entry["text"]) for entry in one["formula"]] == [
        ("height", "floor((9 − 2)/2) + 1 = 4; 1 row left over"), ("width, depth", "floor((8 − 2)/2) + 1 = 4")]


def test_no_formula_for_an_input_of_the_wrong_format():
    assert document_of([dl.featureInputLayer(3), dl.convolution2dLayer(3, 2)])["layers"][1]["formula"] == []
