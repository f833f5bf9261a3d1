"""The page of an analysis: one file that needs nothing else, whatever the layers are called."""

import json
import re
from copy import deepcopy

import pytest

from dltoolbox import (
    DltoolboxError,
    additionLayer,
    addLayers,
    analyzeNetwork,
    classificationLayer,
    connectLayers,
    convolution2dLayer,
    densenet201,
    fullyConnectedLayer,
    imageInputLayer,
    layerGraph,
    maxPooling2dLayer,
    maxUnpooling2dLayer,
    regressionLayer,
    reluLayer,
    segnetLayers,
    softmaxLayer,
)
from dltoolbox.report.document import document
from dltoolbox.report.html import KINDS, asset, kind, render, write

NASTY = "</script><b>&amp;\"'`${x}{{data}}\\u003c<!--"


def document_of(layers):
    return document(analyzeNetwork(layers, nargout=1, Plots="none"))


def small():
    return document_of([imageInputLayer([28, 28, 1]), convolution2dLayer(3, 8, Padding=1), reluLayer,
                        fullyConnectedLayer(10), softmaxLayer, classificationLayer])


def data_of(page):
    """What the script of a page reads."""
    (text,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    return json.loads(text)


def test_the_page_carries_the_document_and_its_drawing():
    analysis = small()
    data = data_of(render(analysis))
    assert data["analysis"] == analysis
    assert data["kinds"] == ["input", "convolution", "activation", "fully connected", "activation", "output"]
    assert len(data["drawing"]["centres"]) == 6
    assert len(data["drawing"]["routes"]) == 5
    assert data["drawing"]["cyclic"] == []


def test_the_page_begins_with_the_batch_that_is_asked_for():
    assert data_of(render(small()))["batch"] == 1
    assert data_of(render(small(), batch=32))["batch"] == 32


def test_rendering_changes_nothing_and_is_repeatable():
    analysis = small()
    before = deepcopy(analysis)
    assert render(analysis) == render(analysis)
    assert analysis == before


def test_the_page_refers_to_nothing_outside():
    page = render(document_of(segnetLayers([64, 64, 3], 2, 3)))
    addresses = set(re.findall(r"https?:[^\s\"')]*", page))
    assert addresses == {"http://www.w3.org/2000/svg"}  # the name of a format, which nothing loads
    assert re.findall(r"(?:src|href)=\"(?!data:,|#)[^\"]*", page) == []
    assert not re.search(r"@import|url\((?!#)|fetch\(|XMLHttpRequest|<link (?!rel=\"icon\")|<script (?!type)", page)
    assert "default-src 'none'" in page


def test_names_cannot_leave_the_data():
    layers = [imageInputLayer([8, 8, 1], Name=NASTY), reluLayer(Name="größe 😀"), regressionLayer]
    page = render(document_of(layers) | {"name": NASTY})
    assert data_of(page)["analysis"]["layers"][0]["name"] == NASTY
    assert data_of(page)["analysis"]["layers"][1]["name"] == "größe 😀"
    assert page.count("</script>") == page.count("<script") == 2
    assert "<title>&lt;/script&gt;&lt;b&gt;&amp;amp;" in page


def test_text_that_is_no_unicode_is_kept(tmp_path):
    analysis = small() | {"name": "half \ud800"}
    page = write(analysis, tmp_path / "page.html").read_text(encoding="utf-8")
    assert data_of(page)["analysis"]["name"] == "half \ud800"


def test_connections_between_pooling_and_unpooling_have_a_lane_of_their_own():
    lgraph = layerGraph([imageInputLayer([8, 8, 1]), maxPooling2dLayer(2, Stride=2, HasUnpoolingOutputs=True, Name="pool"),
                         reluLayer, maxUnpooling2dLayer(Name="unpool"), regressionLayer])
    lgraph = connectLayers(connectLayers(lgraph, "pool/indices", "unpool/indices"), "pool/size", "unpool/size")
    data = data_of(render(document_of(lgraph)))
    kinds = [one["kind"] for one in data["analysis"]["connections"]]
    indices, size = (data["drawing"]["routes"][kinds.index(one)] for one in ("indices", "size"))
    assert indices == size
    assert len(indices) > 4


def test_cycles_are_marked():
    lgraph = layerGraph([imageInputLayer([8, 8, 1]), additionLayer(2, Name="sum"), reluLayer(Name="back"), regressionLayer])
    data = data_of(render(document_of(connectLayers(lgraph, "back", "sum/in2"))))
    assert [data["analysis"]["connections"][i]["destination"] for i in data["drawing"]["cyclic"]] == ["back", "sum"]


@pytest.mark.parametrize("layers", [[], [reluLayer], [7, convolution2dLayer, "x"],
                                    addLayers(layerGraph(), [reluLayer(Name="a")])],
                         ids=["nothing", "one", "no layers", "no input"])
def test_networks_that_are_hardly_any_are_drawn(layers):
    analysis = document_of(layers)
    assert len(data_of(render(analysis))["drawing"]["centres"]) == len(analysis["layers"])


def test_densenet201_stays_below_two_megabytes(tmp_path):
    file = write(document_of(densenet201(Weights="none")), str(tmp_path / "densenet201.html"))
    assert file.stat().st_size < 2_000_000


@pytest.mark.parametrize("wrong", [{}, {"schema": "other", "version": 1}, {"schema": "dltoolbox-analysis", "version": 2},
                                   None, "text"], ids=str)
def test_other_documents_are_refused(wrong):
    with pytest.raises(DltoolboxError, match="version 1") as error:
        render(wrong)
    assert error.value.identifier == "dltoolbox:report:unknownSchema"


@pytest.mark.parametrize(("factory", "expected"), [
    ("imageInputLayer", "input"), ("inputLayer", "input"), ("transposedConv2dLayer", "convolution"),
    ("groupedConvolution2dLayer", "convolution"), ("batchNormalizationLayer", "normalisation"),
    ("crossChannelNormalizationLayer", "normalisation"), ("maxPooling3dLayer", "pooling"),
    ("globalAveragePooling2dLayer", "pooling"), ("maxUnpooling3dLayer", "unpooling"), ("leakyReluLayer", "activation"),
    ("eluLayer", "activation"), ("softmaxLayer", "activation"), ("dropoutLayer", "dropout"), ("additionLayer", "joining"),
    ("depthConcatenationLayer", "joining"), ("pixelClassificationLayer", "output"), ("crop2dLayer", "reshaping"),
    ("fullyConnectedLayer", "fully connected"), ("identityLayer", "other")])
def test_layers_have_kinds(factory, expected):
    assert kind(factory) == expected


def test_every_kind_has_a_colour():
    style = asset("report.css")
    assert [one for one in KINDS if f'[data-kind="{one}"]' not in style] == []
