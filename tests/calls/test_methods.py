"""Dotted calls are the functions, from one table; what they return must be kept."""

from __future__ import annotations

import inspect
import pickle
import sys
import timeit

import pytest

import dltoolbox as dl
from dltoolbox.methods import DOTTED_CALLS
from tests.calls.examples import EXAMPLES, classifier, graph, images, net

TABLE = [(cls, name) for cls, names in DOTTED_CALLS.items() for name in names.split()]
PROPERTIES = {"categories"}  # C.categories is a list, as are net.Layers and net.InputNames


@pytest.mark.parametrize(("cls", "name"), TABLE, ids=[f"{cls.__name__}.{name}" for cls, name in TABLE])
def test_methods_tell_what_the_functions_tell(cls, name):
    function, method = getattr(dl, name), getattr(cls, name)
    if inspect.isfunction(function):
        assert method.__doc__ == function.__doc__
    assert method.__name__ == name
    assert [*inspect.signature(method).parameters][1:] == [*inspect.signature(function).parameters][1:]
    assert next(iter(inspect.signature(method).parameters)) == "self"


def test_functions_that_take_an_object_first_are_its_methods():
    kinds = {cls.__name__: cls for cls in (dl.LayerGraph, dl.DAGNetwork, dl.dlnetwork, dl.categorical, dl.Layer)}
    kinds["Network"] = dl.DAGNetwork.__mro__[1]
    missing = []
    for name in dl.__all__:
        function = getattr(dl, name)
        if inspect.isfunction(function) and name not in PROPERTIES:
            first = next(iter(inspect.signature(function).parameters.values()), None)
            cls = kinds.get(str(first.annotation).strip("'")) if first is not None else None
            if cls is not None and not callable(getattr(cls, name, None)):
                missing.append(name)
    assert missing == []


WITH_A_LIST = {"dlnetwork", "layerGraph"}  # the examples of these call them with plain lists


@pytest.mark.parametrize("name", sorted({name for _, name in TABLE} & set(EXAMPLES) - {"plot"} - WITH_A_LIST))
def test_a_dotted_call_is_the_call(name, capsys):
    call = EXAMPLES[name]()
    owner, *arguments = call.args
    wanted, got = call.function(owner, *arguments, **call.options), getattr(owner, name)(*arguments, **call.options)
    assert type(got) is type(wanted)
    if name not in ("analyzeNetwork", "explain"):  # those hold times and arrays
        assert str(got) == str(wanted)


def test_whole_scripts_with_dots(capsys, tmp_path):
    lgraph = dl.layerGraph(dl.imageInputLayer([4, 4, 1], Name="in", Normalization="none"))
    lgraph = lgraph.addLayers([dl.convolution2dLayer(1, 2, Name="conv"), dl.reluLayer(Name="act")])
    lgraph = lgraph.connectLayers("in", "conv").replaceLayer("act", dl.tanhLayer(Name="act"))
    assert sorted(lgraph.Connections.Destination) == ["act", "conv"]
    assert lgraph.removeLayers("act").disconnectLayers("in", "conv").Connections.Source == []
    dlnet = dl.dlnetwork(lgraph, Initialize=False).initialize()
    assert dlnet.predict(images()).shape == dlnet.minibatchpredict(images()).shape == (4, 4, 2, 2)
    assert dlnet.setLearnRateFactor("conv", "Weights", 0).getLearnRateFactor("conv", "Weights") == 0
    trained = classifier()
    assert trained.classify(images()).tolist() == dl.classify(trained, images()).tolist()
    assert trained.activations(images(), "conv").shape == (4, 4, 2, 2)
    trained.summary()
    assert "Number of learnables" in capsys.readouterr().out
    trained.saveNetwork(tmp_path / "net.dlnet")
    layers = trained.Layers
    assert layers.assembleNetwork().predict(images()).shape == (2, 2)
    Y = dl.categorical(["a", "b"]).addcats("c").renamecats("a", "x")
    assert Y.countcats().tolist() == [1, 1, 0]
    assert pickle.loads(pickle.dumps(lgraph)).addLayers(dl.dropoutLayer()).Layers[-1].Name == "dropout"


@pytest.mark.parametrize("statement", [
    "g.addLayers(r)", "g.addLayers(larray=r)", "g.removeLayers('act')", "d.initialize()",
    "r.setLearnRateFactor('Weights', 0)", "y.addcats('z')", "addLayers(g, r)", "for _ in '12': removeLayers(g, 'act')",
    "initialize(net=d)", "addcats(y, 'z', Before='a')", "if setcats(y, ['z']): freezeWeights(g)",
    "g.addLayers(r).connectLayers('sm', 'relu')", "if g: g.freezeWeights()", "d.resetState()"])
def test_a_result_that_is_thrown_away_is_refused(statement):
    names = {name: getattr(dl, name) for name in dl.__all__} | {
        "g": graph(), "d": net(), "r": dl.convolution2dLayer(3, 2, Name="relu"), "y": dl.categorical(["a"])}
    with pytest.raises(dl.DltoolboxError, match=r"returns a changed copy, which nothing keeps here") as caught:
        exec(statement, names)
    assert caught.value.identifier.endswith(":lostResult")
    exec(f"x = {statement.rpartition(': ')[2]}", names)  # what the hint says
    assert names["x"] is not None


def test_results_that_are_kept_or_shown_pass():
    g, layer = graph(), dl.dropoutLayer(Name="new")
    assert pickle.loads(pickle.dumps(dl.addLayers)) is dl.addLayers
    assert len([g.addLayers(layer) for _ in range(2)]) == 2
    assert (lambda: g.addLayers(layer))().Layers[-1].Name == "new"
    for bigger in map(g.addLayers, [layer]):
        assert len(bigger.Layers) == len(g.Layers) + 1
    assert len(eval("g.addLayers(layer)", {"g": g, "layer": layer}).Layers) == len(g.Layers) + 1
    assert timeit.timeit("g.addLayers(layer); addLayers(g, layer)", number=1, globals={
        "g": g, "layer": layer, "addLayers": dl.addLayers}) > 0
    kept = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "displayhook", kept.append)
        exec(compile("g.addLayers(layer)", "prompt", "single"), {"g": g, "layer": layer})  # as prompts run what is typed
    assert len(kept[0].Layers) == len(g.Layers) + 1
