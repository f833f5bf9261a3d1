"""Deep networks are cut into stages and blocks, whatever their layers are called."""

import pytest

import dltoolbox as dl
from dltoolbox.report.blocks import blocks_of, folded_drawings
from dltoolbox.report.document import document
from dltoolbox.report.html import kind, page_box, page_edges


def parts_of(layers):
    made = document(dl.analyzeNetwork(layers, nargout=1, Plots="none"))
    edges = page_edges(made)
    blocks = blocks_of(made, edges, [kind(layer["factory"]) for layer in made["layers"]])
    return blocks, folded_drawings(blocks, edges, len(made["layers"]), page_box(made)), edges


@pytest.fixture(scope="module")
def dense():
    return parts_of(dl.densenet201(Weights="none"))


def test_dense_blocks_lie_in_stages(dense):
    blocks = dense[0]
    outer = [block for block in blocks if block.parent < 0]
    assert [block.name for block in outer] == ["conv2_block", "conv3_block", "conv4_block", "conv5_block"]
    assert [sum(inner.parent == blocks.index(block) for inner in blocks) for block in outer] == [6, 12, 48, 32]
    assert blocks[1].name == "conv2_block1"


def test_every_connection_has_a_way_in_every_drawing(dense):
    blocks, folded, _ = dense
    assert len(folded["top"]["items"]) < 20
    for number, block in enumerate(blocks):
        inside, drawing = {node + 1 for node in block.layers}, folded["groups"][number]["drawing"]
        children = {item for item in drawing["items"] if item < 0}
        own = {item for item in drawing["items"] if item > 0}
        for item in children:
            own |= set(folded["groups"][-item - 1]["layers"])
        assert own == inside
        assert any(way[0] == 0 for way in drawing["ways"])
        assert any(way[1] == 0 for way in drawing["ways"])
    assert {end for way in folded["top"]["ways"] for end in way[:2]} == set(folded["top"]["items"])


@pytest.mark.parametrize(("make", "names"), [
    (lambda: dl.googlenet(Weights="none"), ["inception_3", "inception_4", "inception_5"]),
    (lambda: dl.vgg16(Weights="none"), ["Stage 1", "Stage 5"]),
    (lambda: dl.resnetLayers([32, 32, 3], 10, StackDepth=[3, 3], NumFilters=[8, 16]), ["stack1_block"])],
    ids=["googlenet", "vgg16", "resnetLayers"])
def test_blocks_have_names(make, names):
    assert set(names) <= {block.name for block in parts_of(make())[0]}


@pytest.mark.parametrize("make", [
    lambda: [dl.imageInputLayer([8, 8, 1]), dl.reluLayer, dl.regressionLayer],
    lambda: [dl.imageInputLayer([8, 8, 1]), [dl.reluLayer] * 40, dl.regressionLayer], list],
    ids=["few", "all alike", "nothing"])
def test_networks_without_parts_have_no_blocks(make):
    blocks, folded, _ = parts_of(make())
    assert (blocks, folded) == ([], None)


def test_cycles_have_no_blocks():
    lgraph = dl.layerGraph([dl.imageInputLayer([8, 8, 1]), dl.additionLayer(2, Name="sum"), [dl.reluLayer] * 30,
                            dl.reluLayer(Name="back")])
    assert parts_of(dl.connectLayers(lgraph, "back", "sum/in2"))[0] == []
