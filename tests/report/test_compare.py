"""What changed between two networks: all of it, and nothing where nothing did."""

import dltoolbox as dl
from dltoolbox.report.compare import comparison, comparison_text
from dltoolbox.report.document import document


def compared(before, after):
    return comparison(*(document(dl.analyzeNetwork(layers, nargout=1)) for layers in (before, after)))


def chain(*middle, **options):
    return [dl.imageInputLayer([16, 16, 1], Name="in"), *middle, dl.fullyConnectedLayer(3, Name="fc", **options),
            dl.softmaxLayer(Name="sm"), dl.classificationLayer(Name="out")]


def conv(size=3, filters=4, name="conv"):
    return dl.convolution2dLayer(size, filters, Name=name)


def test_equal_networks():
    found = compared(chain(conv()), chain(conv()))
    assert found["identical"]
    assert not any(found[part] for part in ("added", "removed", "renamed", "changed", "totals"))
    assert "No difference" in comparison_text(found)


def test_a_changed_property_with_all_that_follows():
    found = compared(chain(conv(3)), chain(conv(5)))
    changes = {one["name"]: [(c["what"], c["before"], c["after"]) for c in one["changes"]] for one in found["changed"]}
    assert changes == {
        "conv": [("FilterSize", "[3 3]", "[5 5]"),
                 ("output 'out'", "14(S) × 14(S) × 4(C) × 1(B)", "12(S) × 12(S) × 4(C) × 1(B)"),
                 ("size of Weights", "3×3×1×4", "5×5×1×4")],
        "fc": [("size of Weights", "3×784", "3×576")]}
    assert [one["what"] for one in found["totals"]] == ["Learnables", "Multiply-adds", "Activations", "Parameters"]
    assert not found["identical"]


def test_added_removed_and_their_connections():
    found = compared(chain(conv(), dl.reluLayer(Name="relu")),
                     chain(conv(), dl.leakyReluLayer(Name="leaky"), dl.dropoutLayer(Name="d")))
    assert [one["name"] for one in found["added"]] == ["leaky", "d"]
    assert [one["name"] for one in found["removed"]] == ["relu"]
    assert found["connections"] == {
        "added": ["conv/out → leaky/in", "leaky/out → d/in", "d/out → fc/in"],
        "removed": ["conv/out → relu/in", "relu/out → fc/in"]}
    text = comparison_text(found)
    assert "− relu/out → fc/in" in text
    assert "d (Dropout): 50% dropout" in text
    assert "Layers: 6 → 7 (+16.7 %)" in text


def test_a_renamed_layer_is_no_other_layer():
    found = compared(chain(conv(name="a")), chain(conv(name="b")))
    assert found["renamed"] == [{"before": "a", "after": "b"}]
    assert not found["added"]
    assert not found["connections"]["added"]
    assert not found["identical"]


def test_of_equal_layers_each_is_renamed_once():
    found = compared(chain(dl.reluLayer(Name="a"), dl.reluLayer(Name="b")), chain(dl.reluLayer(Name="c")))
    assert found["renamed"] == [{"before": "a", "after": "c"}]
    assert [one["name"] for one in found["removed"]] == ["b"]


def test_the_kind_of_a_layer_may_change():
    found = compared(chain(dl.reluLayer(Name="act")), chain(dl.leakyReluLayer(0.1, Name="act")))
    (one,) = found["changed"]
    assert one["changes"][0] == {"what": "type", "before": "ReLU", "after": "Leaky ReLU"}
    assert {"what": "Scale", "before": "(none)", "after": "0.1000"} in one["changes"]


def test_freezing_is_a_change():
    found = compared(chain(), chain(WeightLearnRateFactor=0))
    assert [c["what"] for c in found["changed"][0]["changes"]] == ["WeightLearnRateFactor", "size of Weights"]
    assert found["totals"] == [{"what": "Frozen learnables", "before": 0, "after": 768}]


def test_new_and_solved_problems():
    fine, broken = chain(conv()), [*chain(conv())[:-2], dl.classificationLayer(Name="out")]
    assert compared(fine, broken)["issues"]["added"][0].startswith("error layer 'out': A classificationLayer needs")
    assert len(compared(broken, fine)["issues"]["removed"]) == 1


def test_only_a_connection_differs():
    lgraph = dl.addLayers(dl.layerGraph(chain(dl.reluLayer(Name="a"), dl.additionLayer(2, Name="add"))),
                          dl.reluLayer(Name="b"))
    lgraph = dl.connectLayers(lgraph, "in", "b")
    one, other = dl.connectLayers(lgraph, "b", "add/in2"), dl.connectLayers(lgraph, "in", "add/in2")
    found = compared(one, other)
    assert found["connections"] == {"added": ["in/out → add/in2"], "removed": ["b/out → add/in2"]}
    assert not found["changed"]
