"""Networks with layers of the user's own: saved by the name of the class, found among what the script has defined."""

from __future__ import annotations

import copy
import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dltoolbox as dl
from dltoolbox import DltoolboxError, Layer, loadNetwork, predict, registerFunction, registerLayer, saveNetwork
from dltoolbox.exchange import registered
from dltoolbox.layers.base import equal
from tests.exchange.archives import members, rewritten
from tests.exchange.own_layers import HELD, Hooked, Joined, Leaky, Thrice, Twice, holding, network, of_own_layers

X = np.array([[1.0, 1.0], [2.0, -1.0]])
ROOT = Path(__file__).parents[2]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "net.dlnet"


@pytest.fixture
def others(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a script that has defined none of the classes and functions."""
    monkeypatch.setattr(registered, "_named_layers", {})
    monkeypatch.setattr(registered, "_named_functions", {})
    monkeypatch.setattr(registered, "defined", lambda base: iter(()))


def refused(call: Callable[[], object]) -> DltoolboxError:
    with pytest.raises(DltoolboxError) as caught:
        call()
    return caught.value


def description(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(members(path)["network.json"])
    return found


def same(a: object, b: object) -> bool:
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    return type(a) is type(b) and equal(a, b) and getattr(a, "dtype", None) == getattr(b, "dtype", None)


# Saved and loaded ----------------------------------------------------------------------------------------------------
def test_all_that_a_layer_holds_comes_back(file: Path) -> None:
    net = of_own_layers()
    saveNetwork(net, file)
    loaded = loadNetwork(file)
    assert predict(loaded, X).tobytes() == predict(net, X).tobytes()
    twice = loaded.Layers[1]
    assert type(twice) is Twice
    assert same({name: vars(twice)[name] for name in HELD}, HELD)
    assert type(loaded.Layers[2].Network.Layers[0]) is Thrice
    leaky = loaded.Layers[4]
    assert (type(leaky), leaky.numChannels, leaky.Description, leaky.AlphaLearnRateFactor) == (Leaky, 2, "a leaky layer", 3)
    assert leaky == net.Layers[4]
    assert loaded.Layers[3].random.integers(1000) == np.random.default_rng(3).integers(1000)


def test_a_copy_of_what_was_loaded_is_the_same_file(file: Path, tmp_path: Path) -> None:
    saveNetwork(of_own_layers(), file)
    saveNetwork(loadNetwork(file), tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == file.read_bytes()


def test_a_trained_layer(file: Path) -> None:
    Y = np.array([[1.0], [2.0]])
    options = dl.trainingOptions("sgdm", MaxEpochs=3, Verbose=False)
    net = dl.trainNetwork(X, Y, [dl.featureInputLayer(2, Normalization="none"), Leaky(2), dl.fullyConnectedLayer(1),
                                 dl.regressionLayer], options)
    saveNetwork(net, file)
    loaded = loadNetwork(file)
    assert loaded.Layers[1].Count == 3
    assert predict(loaded, X).tobytes() == predict(net, X).tobytes()
    assert dl.trainNetwork(X, Y, dl.layerGraph(loaded), options).Layers[1].Count == 6


def test_ports_come_back(file: Path) -> None:
    lgraph = dl.layerGraph([dl.featureInputLayer(2, Name="in", Normalization="none"), Joined(), dl.fullyConnectedLayer(1)])
    net = dl.dlnetwork(dl.connectLayers(lgraph, "in", "joined/b"))
    saveNetwork(net, file)
    assert list(loadNetwork(file).Layers[1].InputNames) == ["a", "b"]
    assert predict(loadNetwork(file), X).tobytes() == predict(net, X).tobytes()


def test_names_in_files(file: Path) -> None:
    saveNetwork(of_own_layers(), file)
    layers = description(file)["layers"]
    inner = layers[2]["properties"]["Network"]["network"]["layers"][0]
    assert [layers[1]["custom"], inner["custom"]] == ["tests.Twice", "tests.exchange.own_layers.Thrice"]
    assert layers[1]["sizes"] == [{"labels": "CB", "sizes": [2, None]}]


def test_files_without_such_layers_are_those_of_before(file: Path) -> None:
    saveNetwork(network(), file)
    assert description(file)["version"] == 1
    saveNetwork(network(Thrice(Name="t")), file)
    assert description(file)["version"] == 2


def test_the_constructor_is_not_called(file: Path) -> None:
    class Counting(Layer):
        calls = 0

        def __init__(self, *args: object, **options: object) -> None:
            Counting.calls += 1
            super().__init__(*args, **options)

        def build(self, g: Any, x: Any) -> Any:
            return g.add(x, x)

    net = network(Counting(Name="mine"))
    saveNetwork(net, file)
    before = Counting.calls
    assert predict(loadNetwork(file), X).tobytes() == predict(net, X).tobytes()
    assert Counting.calls == before == 1


def test_the_latest_of_classes_with_one_name_counts(file: Path) -> None:
    def define(times: int) -> type[Layer]:
        class Again(Layer):
            def build(self, g: Any, x: Any) -> Any:
                return g.add(*[x] * times)
        return Again

    saveNetwork(network(define(2)(Name="again")), file)
    define(2)
    newest = define(5)
    assert type(loadNetwork(file).Layers[1]) is newest


def test_states_and_dlnetworks(file: Path) -> None:
    net = dl.dlnetwork([dl.sequenceInputLayer(2), Twice(Name="t"), dl.lstmLayer(3)])
    sequence = np.ones((2, 4))
    net, _ = dl.predictAndUpdateState(net, sequence)
    saveNetwork(net, file)
    assert predict(loadNetwork(file), sequence).tobytes() == predict(net, sequence).tobytes()
    saveNetwork(dl.dlnetwork([Twice(Name="t")], Initialize=False), file)
    assert not loadNetwork(file).Initialized


def test_another_process_that_has_defined_the_class(file: Path) -> None:
    saveNetwork(of_own_layers(), file)
    code = f"from dltoolbox import *\n{{}}\nprint(predict(loadNetwork({str(file)!r}), [[1, 1]])[0, 0])"
    for line, expected in (("import tests.exchange.own_layers", "39.0"), ("", "loadNetwork:unknownLayer")):
        ran = subprocess.run([sys.executable, "-c", code.format(line)], capture_output=True, text=True, cwd=ROOT,
                             check=False)
        assert expected in ran.stdout + ran.stderr
    assert "import tests.exchange.own_layers" in ran.stderr


# What cannot be saved ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("value", [np.random.default_rng(0), {1, 2}, b"x", 1j, np.array(["a"]), [object()], int],
                         ids=lambda value: type(value).__name__)
def test_what_files_cannot_hold_is_named(value: object, file: Path) -> None:
    error = refused(lambda: saveNetwork(network(holding(Twice(Name="t"), odd=value)), file))
    assert error.identifier.split(":")[-1] == ("functionValue" if value is int else "unsupportedValue")
    assert "Layer 't' (2): Attribute odd is " in str(error)
    assert not file.exists()


def test_lists_that_hold_themselves_end(file: Path) -> None:
    endless: list[Any] = []
    endless.append(endless)
    error = refused(lambda: saveNetwork(network(holding(Twice(Name="t"), odd=endless)), file))
    assert error.identifier == "dltoolbox:saveNetwork:unsupportedValue"


def test_every_problem_is_told_at_once(file: Path) -> None:
    net = network(holding(Twice(Name="a"), x=1j, y={1}), holding(Thrice(Name="b"), z=1j))
    error = refused(lambda: saveNetwork(net, file))
    assert [(issue.layer, issue.message.split()[1]) for issue in error.issues] == [("a", "x"), ("a", "y"), ("b", "z")]


def test_the_hint_can_be_followed(file: Path) -> None:
    """It names methods that `Hooked` has."""
    layer = holding(Hooked(Name="h"), random=np.random.default_rng(3))
    saveNetwork(network(layer), file)
    error = refused(lambda: saveNetwork(network(holding(Twice(Name="t"), random=np.random.default_rng(3))), file))
    assert all(f"{name}(self" in str(error) for name in ("saved", "loaded"))


def test_hooks_that_fail(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    saveNetwork(network(Hooked(Name="h")), file)
    monkeypatch.setattr(Hooked, "loaded", lambda self, values: 1 / 0)
    assert "loaded of Hooked raised ZeroDivisionError" in str(refused(lambda: loadNetwork(file)))
    for wrong in (lambda self: 1 / 0, lambda self: [1], lambda self: {1: 2}):
        monkeypatch.setattr(Hooked, "saved", wrong)
        error = refused(lambda: saveNetwork(network(Hooked(Name="h")), file))
        assert error.identifier == "dltoolbox:saveNetwork:invalidHook"


# Unknown classes -----------------------------------------------------------------------------------------------------
def test_an_unknown_class_is_one_error_that_names_all(file: Path, request: pytest.FixtureRequest) -> None:
    saveNetwork(of_own_layers(), file)
    request.getfixturevalue("others")
    error = refused(lambda: loadNetwork(file))
    assert error.identifiers == ("dltoolbox:loadNetwork:unknownLayer",)
    for text in ("class 'tests.Twice' (of 'twice')", "'tests.exchange.own_layers.Thrice' (of 'thrice')",
                 "import tests.exchange.own_layers", "Unknown='placeholder'"):
        assert text in str(error)


def test_a_class_that_moved_is_pointed_at(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    saveNetwork(network(Thrice(Name="t")), file)
    monkeypatch.setattr(Thrice, "__module__", "elsewhere")
    error = refused(lambda: loadNetwork(file))
    call = re.search(r"registerLayer\('.*?', \w+\)", str(error))
    assert call is not None
    assert "elsewhere.Thrice is defined here" in str(error)
    monkeypatch.setattr(registered, "_named_layers", {})
    eval(call[0], {"registerLayer": registerLayer, "Thrice": Thrice})
    assert type(loadNetwork(file).Layers[1]) is Thrice


def test_placeholders_keep_everything(file: Path, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    net = of_own_layers()
    saveNetwork(net, file)
    request.getfixturevalue("others")
    seen = loadNetwork(file, Unknown="placeholder")
    assert [layer.StandsFor for layer in dl.findPlaceholderLayers(seen)] == [
        "tests.Twice", "tests.exchange.own_layers.Thrice", "tests.exchange.own_layers.Hooked",
        "tests.exchange.own_layers.Leaky"]
    assert same(dict(seen.Layers[1].remembered["attributes"]), HELD)
    info = dl.analyzeNetwork(seen, nargout=1)
    assert (info.NumErrors, info.NumWarnings) == (0, 4)
    error = refused(lambda: predict(seen, X))
    assert error.identifier == "dltoolbox:network:placeholders"
    assert "'twice', 'block:thrice', 'hooked' and 'leaky'" in str(error)
    saveNetwork(seen, tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == file.read_bytes()


def test_placeholders_know_sizes_that_change(file: Path, request: pytest.FixtureRequest) -> None:
    class Halving(Layer):
        def build(self, g: Any, x: Any) -> Any:
            return g.max_pool(x, window=dl.maxPooling2dLayer(2, Stride=2).window(x.dims))

    net = dl.dlnetwork([dl.imageInputLayer([8, 8, 3], Normalization="none"), Halving(Name="half"),
                        dl.fullyConnectedLayer(2)])
    saveNetwork(net, file)
    request.getfixturevalue("others")
    seen = loadNetwork(file, Unknown="placeholder")
    assert dl.analyzeNetwork(seen, nargout=1).LayerInfo.ActivationSizes[1] == [4, 4, 3, 1]


def test_a_renamed_placeholder_is_saved_under_its_name(file: Path, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    saveNetwork(network(holding(Thrice(Name="t"), kept=5)), file)
    with pytest.MonkeyPatch.context() as patched:
        for name, value in (("_named_layers", {}), ("defined", lambda base: iter(()))):
            patched.setattr(registered, name, value)
        seen = loadNetwork(file, Unknown="placeholder")
        layers = seen.Layers
        layers[1].Name = "other"
        saveNetwork(dl.assembleNetwork(layers), tmp_path / "again")
    back = loadNetwork(tmp_path / "again").Layers[1]
    assert (type(back), back.Name, back.kept) == (Thrice, "other", 5)


def test_a_class_with_other_properties(file: Path) -> None:
    saveNetwork(network(Thrice(Name="t")), file)
    change(file, lambda d: d["layers"][1]["properties"].update(Old=1))
    error = refused(lambda: loadNetwork(file))
    assert error.identifier == "dltoolbox:loadNetwork:otherClass"
    assert dl.findPlaceholderLayers(loadNetwork(file, Unknown="placeholder"))[0].Name == "t"


# Functions -----------------------------------------------------------------------------------------------------------
def test_registered_functions(file: Path, request: pytest.FixtureRequest) -> None:
    from tests.exchange.own_layers import centre
    net = dl.assembleNetwork([dl.featureInputLayer(2, Name="in", Normalization=centre),
                              dl.fullyConnectedLayer(1, Weights=[[1, 2]], Bias=[3]), dl.regressionLayer])
    saveNetwork(net, file)
    assert loadNetwork(file).Layers[0].Normalization is centre
    assert predict(loadNetwork(file), X).tobytes() == predict(net, X).tobytes()
    request.getfixturevalue("others")
    assert "function 'tests.centre' (of 'in')" in str(refused(lambda: loadNetwork(file)))


def test_other_functions_get_the_hint_to_register_them(file: Path) -> None:
    def plain(X: Any) -> Any:
        return X

    def net() -> Any:
        return dl.assembleNetwork([dl.featureInputLayer(2, Normalization=plain),
                                   dl.fullyConnectedLayer(1, Weights=[[1, 2]], Bias=[3]), dl.regressionLayer])
    error = refused(lambda: saveNetwork(net(), file))
    assert error.identifier == "dltoolbox:saveNetwork:functionValue"
    assert "@registerFunction('my.name')" in str(error)
    registerFunction("tests.plain", plain)
    saveNetwork(net(), file)


@pytest.mark.parametrize(("call", "identifier"), [
    (lambda: registerLayer(3), "registerLayer:invalidName"), (lambda: registerLayer(""), "registerLayer:invalidName"),
    (lambda: registerLayer(Twice), "registerLayer:invalidName"),
    (lambda: registerLayer("a", int), "registerLayer:notALayerClass"),
    (lambda: registerLayer("a", dl.layers.activation.ReLULayer), "registerLayer:notALayerClass"),
    (lambda: registerLayer("tests.Twice", Thrice), "registerLayer:nameTaken"),
    (lambda: registerFunction(print), "registerFunction:invalidName"),
    (lambda: registerFunction("a", 3), "registerFunction:notAFunction"),
    (lambda: registerFunction("tests.centre", print), "registerFunction:nameTaken")])
def test_names_that_are_refused(call: Callable[[], object], identifier: str) -> None:
    assert refused(call).identifier == f"dltoolbox:{identifier}"


# Forged files --------------------------------------------------------------------------------------------------------
def change(path: Path, edit: Callable[[dict[str, Any]], object]) -> None:
    contents = members(path)
    described = json.loads(contents["network.json"])
    edit(described)
    rewritten(path, {**contents, "network.json": json.dumps(described).encode()})


FORGED: list[Callable[[dict[str, Any]], object]] = [
    lambda one: one.update(custom=3), lambda one: one.update(properties=[]), lambda one: one.update(attributes=3),
    lambda one: one["properties"].pop("Name"), lambda one: one["properties"].update(Name=3),
    lambda one: one["attributes"].update(build=3), lambda one: one["attributes"].update(Name="x"),
    lambda one: one["attributes"].update(describe=None), lambda one: one["attributes"].update(NumInputs=3),
    lambda one: one["attributes"].update(x={"dict": [[1]]}),
    lambda one: one["attributes"].update(x={"dict": [[{"list": []}, 1]]}),
    lambda one: one["attributes"].update(x={"dict": [[1, 1], [1, 2]]}),
    lambda one: one["attributes"].update(x={"code": "1"}),
    lambda one: one["attributes"].update(x={"function": 3}), lambda one: one["attributes"].update(x={"list": 3})]


FORGED_METHODS: list[Callable[[dict[str, Any]], object]] = [
    lambda one: one["attributes"].update(_NumInputs="x"), lambda one: one["attributes"].update(_InputNames=[["a"]]),
    lambda one: one["attributes"].update(_Description=3), lambda one: one["attributes"].update(type_text=[]),
    lambda one: one["attributes"].update(predict=3), lambda one: one["attributes"].update(learnables=3),
    lambda one: one["attributes"].update(probed=3), lambda one: one["properties"].update(AlphaL2Factor="x")]


@pytest.mark.parametrize("edit", FORGED_METHODS)
def test_forged_layers_with_methods(edit: Callable[[dict[str, Any]], object], file: Path) -> None:
    saveNetwork(of_own_layers(), file)
    change(file, lambda d: edit(d["layers"][4]))
    assert refused(lambda: loadNetwork(file)).identifier == "dltoolbox:loadNetwork:corruptFile"


@pytest.mark.parametrize("edit", FORGED)
def test_forged_descriptions(edit: Callable[[dict[str, Any]], object], file: Path) -> None:
    saveNetwork(network(Thrice(Name="t")), file)
    change(file, lambda d: edit(d["layers"][1]))
    assert refused(lambda: loadNetwork(file)).identifier == "dltoolbox:loadNetwork:corruptFile"


UNREADABLE: list[Callable[[dict[str, Any]], object]] = [
    lambda one: one.update(inputs=3), lambda one: one.update(inputs=[3]), lambda one: one.pop("outputs"),
    lambda one: one.update(sizes=[3]), lambda one: one.update(sizes=[{"labels": "CB", "sizes": [2]}]),
    lambda one: one.update(sizes=[{"labels": "CB", "sizes": [-2, None]}]), lambda one: one.update(task="x"),
    lambda one: one.update(inputs=["in", "in"]), lambda one: one.update(outputs=[f"o{n}" for n in range(2000)])]


@pytest.mark.parametrize("edit", UNREADABLE)
def test_forged_placeholders(edit: Callable[[dict[str, Any]], object], file: Path,
                             request: pytest.FixtureRequest) -> None:
    saveNetwork(network(Thrice(Name="t")), file)
    change(file, lambda d: edit(d["layers"][1]))
    request.getfixturevalue("others")
    error = refused(lambda: loadNetwork(file, Unknown="placeholder"))
    assert error.identifier == "dltoolbox:loadNetwork:corruptFile"


@pytest.mark.parametrize("name", ["dltoolbox.layers.base.Layer", "dltoolbox.layers.activation.ReLULayer", "os.system",
                                  "builtins.int", "subprocess.Popen"])
def test_no_file_chooses_other_classes(name: str, file: Path) -> None:
    saveNetwork(network(Thrice(Name="t")), file)
    change(file, lambda d: d["layers"][1].update(custom=name))
    assert refused(lambda: loadNetwork(file)).identifier == "dltoolbox:loadNetwork:unknownLayer"
    change(file, lambda d: d["layers"][1]["attributes"].update(f={"function": name}))
    assert refused(lambda: loadNetwork(file)).identifier == "dltoolbox:loadNetwork:unknownLayer"


def test_logical_arrays_hold_truth_values(file: Path) -> None:
    saveNetwork(network(holding(Thrice(Name="t"), mask=np.array([True, False]))), file)
    contents = members(file)
    forged = copy.copy(contents)
    forged["arrays/0.npy"] = contents["arrays/0.npy"][:-1] + b"\7"
    rewritten(file, forged)
    assert refused(lambda: loadNetwork(file)).identifier == "dltoolbox:loadNetwork:corruptFile"
