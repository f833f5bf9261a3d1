"""Variables of loops in files: loops that go on from them take the same path, bit for bit; files hold data only."""

from types import SimpleNamespace

import numpy as np
import pytest

import dltoolbox as dl
from dltoolbox.autodiff.dlarray import dlarray
from dltoolbox.core.errors import DltoolboxError
from dltoolbox.core.table import EditableTable, Table
from tests.exchange.archives import rewritten

random = np.random.default_rng(0)
X = dlarray(random.standard_normal((5, 24)).astype(np.float32), "CB")
T = dlarray(np.eye(3, dtype=np.float32)[:, np.arange(24) % 3], "CB")


def network():
    dl.rng(2)
    return dl.dlnetwork([dl.featureInputLayer(5), dl.fullyConnectedLayer(8), dl.batchNormalizationLayer, dl.reluLayer,
                         dl.dropoutLayer(0.3), dl.fullyConnectedLayer(3), dl.softmaxLayer])


def modelLoss(net, X, T):
    Y, state = dl.forward(net, X, nargout=2)
    loss = -np.sum(T * np.log(Y)) / T.shape[1]
    return loss, dl.dlgradient(loss, net.Learnables), state


def epochs(S, count):
    """Epochs of a loop that draws an order and dropout masks; S holds all that goes on."""
    mbq = dl.minibatchqueue((X.plain.T, T.plain.T), MiniBatchSize=8, MiniBatchFormat=["BC", "BC"])
    for _ in range(count):
        mbq.shuffle()
        for x, t in mbq:
            S.iteration += 1
            _, gradients, S.net.State = dl.dlfeval(modelLoss, S.net, x, t)
            S.net, S.averageGrad, S.averageSqGrad = dl.adamupdate(S.net, gradients, S.averageGrad, S.averageSqGrad,
                                                                  S.iteration, 0.01)
    return S


def same(net, other):
    for a, b in zip((*net.Learnables.Value, *net.State.Value), (*other.Learnables.Value, *other.State.Value), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_loop_goes_on_from_its_file(tmp_path):
    S = epochs(SimpleNamespace(net=network(), averageGrad=[], averageSqGrad=[], iteration=0), 2)
    dl.saveVariables(tmp_path / "loop.dlvars", **vars(S), random=dl.rng())
    expected = epochs(S, 2)
    dl.rng(99)
    loaded = dl.loadVariables(tmp_path / "loop.dlvars")
    dl.rng(loaded.random)
    assert loaded.iteration == 6
    found = epochs(loaded, 2)
    same(found.net, expected.net)
    assert found.averageGrad.Layer == expected.averageGrad.Layer
    for name in ("averageGrad", "averageSqGrad"):
        for a, b in zip(getattr(found, name).Value, getattr(expected, name).Value, strict=True):
            np.testing.assert_array_equal(a, b)


def test_lbfgs_goes_on_from_its_file(tmp_path):
    net, solverState = dl.dlnetwork([dl.featureInputLayer(5), dl.fullyConnectedLayer(4), dl.tanhLayer,
                                     dl.fullyConnectedLayer(3), dl.softmaxLayer]), dl.lbfgsState(HistorySize=3)

    def steps(net, state, calls):
        def lossFcn(net):
            calls.append(1)
            return dl.dlfeval(modelLoss, net, X, T)[:2]
        for _ in range(5):
            net, state = dl.lbfgsupdate(net, lossFcn, state)
        return net, state
    net, solverState = steps(net, solverState, [])
    dl.saveVariables(tmp_path / "f", net=net, solverState=solverState, begin=dl.lbfgsState())
    calls, again = [], []
    expected, state = steps(net, solverState, calls)
    S = dl.loadVariables(tmp_path / "f")
    found, after = steps(S.net, S.solverState, again)
    same(found, expected)
    assert len(again) == len(calls)
    assert repr(after) == repr(state)
    assert S.begin.Loss is None
    assert S.solverState.HistorySize == 3


VALUES = {
    "numbers": 3, "fraction": 0.1, "infinite": -np.inf, "flag": True, "text": "ä\n", "nothing": None,
    "single": np.float32(0.1), "array": np.asfortranarray(random.standard_normal((3, 4))), "empty": np.zeros((0, 2)),
    "whole": np.arange(3, dtype=np.uint8), "logical": np.array([True, False]),
    "dlarray": dlarray(np.ones((2, 3), np.float32), "BC"), "unformatted": dlarray(np.array(2.0)),
    "list": [1, [np.ones(2)], (2, "a")], "dict": {"a": {3: dlarray([1.0])}, "b": []},
    "struct": SimpleNamespace(w=np.ones(2), inner=SimpleNamespace(x=1)),
    "table": EditableTable(Layer=["a", "b"], Value=[np.ones(2), dlarray(np.ones(3), "C")]), "fixed": Table(Name=["x"]),
}


def equal(a, b):
    assert type(a) is type(b)
    if isinstance(a, dlarray | np.ndarray | np.generic):
        assert getattr(a, "labels", "") == getattr(b, "labels", "")
        assert a.dtype == b.dtype
        assert a.shape == b.shape
        np.testing.assert_array_equal(a, b)
    elif isinstance(a, list | tuple):
        assert len(a) == len(b)
        for one, other in zip(a, b, strict=True):
            equal(one, other)
    elif isinstance(a, dict | SimpleNamespace | Table):
        a, b = ((x if isinstance(x, dict) else x.columns if isinstance(x, Table) else vars(x)) for x in (a, b))
        assert [*a] == [*b]
        for key in a:
            equal(a[key], b[key])
    else:
        assert a == b


def test_every_kind_of_value(tmp_path):
    dl.saveVariables(tmp_path / "f", **VALUES)
    first = (tmp_path / "f").read_bytes()
    found = dl.loadVariables(tmp_path / "f")
    equal(found, SimpleNamespace(**VALUES))
    found.array[0, 0] = 1  # which can be written to
    assert found.array.flags.f_contiguous
    assert vars(dl.loadVariables(tmp_path / "f", "text", "flag")) == {"text": "ä\n", "flag": True}
    dl.saveVariables(tmp_path / "f", **VALUES)
    assert (tmp_path / "f").read_bytes() == first


def test_networks_of_every_kind(tmp_path):
    layers = [dl.featureInputLayer(2), dl.fullyConnectedLayer(1, Weights=[[1, 2]], Bias=[3]), dl.regressionLayer]
    dl.saveVariables(tmp_path / "f", series=dl.assembleNetwork(layers), bare=dl.dlnetwork(layers[:2], Initialize=False))
    S = dl.loadVariables(tmp_path / "f")
    assert float(dl.predict(S.series, [1, 1])[0, 0]) == 6
    assert not S.bare.Initialized


MISTAKES = {
    "noVariables": lambda f: dl.saveVariables(f),
    "unsupportedValue": lambda f: dl.saveVariables(f, x={"a": object()}),
    "functionValue": lambda f: dl.saveVariables(f, x=[len]),
    "traced": lambda f: dl.dlfeval(lambda x: dl.saveVariables(f, x=x), dlarray(1.0)),
    "folderNotFound": lambda f: dl.saveVariables(f / "none" / "f", x=1),
    "invalidFile": lambda f: dl.saveVariables(7, x=1),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_what_cannot_be_saved(name, tmp_path):
    with pytest.raises(DltoolboxError) as caught:
        MISTAKES[name](tmp_path / "f")
    assert caught.value.identifier == f"dltoolbox:saveVariables:{name}"
    assert not (tmp_path / "f").exists()


def test_what_cannot_be_loaded(tmp_path):
    dl.saveVariables(tmp_path / "f", iteration=1, net=network())
    dl.saveNetwork(network(), tmp_path / "net")
    for file, names, identifier in (("f", ["iterations"], "unknownVariable"), ("net", [], "notAnArchive"),
                                    ("none", [], "fileNotFound")):
        with pytest.raises(DltoolboxError) as caught:
            dl.loadVariables(tmp_path / file, *names)
        assert caught.value.identifier == f"dltoolbox:loadVariables:{identifier}"
    with pytest.raises(DltoolboxError, match="loadNetwork:notAnArchive"):
        dl.loadNetwork(tmp_path / "f")


FORGED = ['"x"', '[["x", {"code": 1}]]', '[["x", {"dlarray": ["CC", 1]}]]', '[[1, 2]]', '[["x", 1], ["x", 2]]',
          '[["x", {"struct": 3}]]', '[["x", {"table": ["Table", {"dict": [["a", {"list": [1]}], ["b", 1]]}]}]]',
          '[["x", {"table": ["object", {"dict": []}]}]]', '[["x", {"lbfgsState": {"dict": []}}]]',
          '[["x", {"rng": {"list": [0, {"dict": []}]}}]]', '[["x", {"rng": {"list": []}}]]', '[["x", {"scalar": 1}]]',
          '[["x", {"network": {"version": 1}}]]', '[["x", {"array": "arrays/0.npy"}]]']


def forged_file(path, variables):
    text = f'{{"format": "dltoolbox variables", "version": 1, "variables": {variables}}}'
    rewritten(path, {"variables.json": text.encode()})
    return path


@pytest.mark.parametrize("variables", FORGED)
def test_forged_files(variables, tmp_path):
    assert dl.loadVariables(forged_file(tmp_path / "good", '[["x", {"list": [1]}]]')).x == [1]
    with pytest.raises(DltoolboxError) as caught:
        dl.loadVariables(forged_file(tmp_path / "f", variables))
    assert caught.value.identifier == "dltoolbox:loadVariables:corruptFile"


def test_files_of_later_versions(tmp_path):
    rewritten(tmp_path / "f", {"variables.json": b'{"format": "dltoolbox variables", "version": 2, "variables": []}'})
    with pytest.raises(DltoolboxError, match="loadVariables:newerVersion"):
        dl.loadVariables(tmp_path / "f")


def test_changed_bytes_are_found(tmp_path):
    dl.saveVariables(tmp_path / "f", x=np.arange(8.0))
    data = bytearray((tmp_path / "f").read_bytes())
    data[data.index(np.float64(5).tobytes())] ^= 1
    (tmp_path / "f").write_bytes(data)
    with pytest.raises(DltoolboxError, match="loadVariables:corruptFile"):
        dl.loadVariables(tmp_path / "f")
