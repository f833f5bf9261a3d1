"""Files whose few numbers stand for much: what they ask for is held against what they hold, before anything is made."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dltoolbox import dlnetwork, featureInputLayer, networkLayer, reluLayer
from dltoolbox.core.errors import DltoolboxError
from dltoolbox.exchange import archive, container, loadNetwork, saveNetwork
from tests.exchange.archives import members, rewritten
from tests.exchange.networks import classifier
from tests.exchange.test_damaged import header
from tests.operations import soon

MANY = 5000


def described(layers: list[Any], **rest: Any) -> bytes:
    """A dlnetwork without values."""
    description = {"format": archive.FORMAT, "version": 1, "type": "dlnetwork", "layers": layers, "connections": [],
                   "outputs": [], "layouts": {}, "initialized": False} | rest
    return json.dumps(description).encode()


def one(factory: str, name: Any, **properties: Any) -> dict[str, Any]:
    return {"layer": factory, "properties": {"Name": name, **properties}}


def layout(labels: str, sizes: list[Any]) -> bytes:
    return described([one("reluLayer", "a")], layouts={"a": {"labels": labels, "sizes": sizes}})


FORGED: dict[str, Callable[[], bytes]] = {
    "a billion inputs": lambda: described([one("additionLayer", "a", NumInputs=10**9)]),
    "many layers of many inputs": lambda: described([one("additionLayer", f"a{i}", NumInputs=10**4) for i in range(MANY)]),
    "a billion per number": lambda: described([one("transposedConv2dLayer", "a", FilterSize={"tuple": [2**62, 1]})]),
    "unknown layers": lambda: described([one(f"lstmLayer{i}", "a") for i in range(MANY)]),
    "unknown properties": lambda: described([one("reluLayer", "a", Colour=i) for i in range(MANY)]),
    "equal layers": lambda: described([one("reluLayer", "a")] * MANY),
    "equal connections": lambda: described([one("reluLayer", "a"), one("reluLayer", "b")], initialized=True,
                                           connections=[["a", "out", "b", "in"]] * MANY),
    "many labels": lambda: layout("CB" * 50_000, [1, 2] * 50_000),
    "many sizes": lambda: layout("CB", [1, 2] * 50_000),
    "a large size": lambda: layout("CB", [2**70, None]),
    "a larger size": lambda: layout("CB", [10**4000, None]),
    "a long name": lambda: described([one("reluLayer", "x" * 10**6)]),
    "many outputs that are not there": lambda: described([one("reluLayer", f"a{i}") for i in range(MANY)],
                                                         outputs=[f"a{i}" for i in range(MANY)]),
    "many empty values": lambda: described([]).replace(b"[]", b"[" + b"[]," * 600_000 + b"[]]", 1),
    "long text": lambda: described([one("reluLayer", "\U00010000" * 2_500_000)]).replace(
        b"\\ud800\\udc00", b"\xf0\x90\x80\x80"),
    "networks in each other": lambda: described([]).replace(b"[]", (
        '[{"layer":"networkLayer","properties":{"Network":{"network":{"layers":' * 5000).encode(), 1),
}


@pytest.mark.parametrize("what", FORGED)
def test_descriptions_that_ask_for_much(what: str, tmp_path: Path) -> None:
    text = FORGED[what]()
    rewritten(tmp_path / "net", {"network.json": text})
    tracemalloc.start()
    try:
        with pytest.raises(DltoolboxError, match=r"loadNetwork:corruptFile|registry:unknownLayer") as caught:
            soon(lambda: loadNetwork(tmp_path / "net"))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 100 << 20
    assert len(str(caught.value)) < 100_000


@pytest.mark.parametrize("shape", ["(0, 100000000000000000000)", "(True,)", "(False, 5)", "(1e3,)", "(0, -1)",
                                   f"({'1, ' * 17})"])
def test_shapes_that_are_none(shape: str, tmp_path: Path) -> None:
    saveNetwork(classifier(), tmp_path / "good")
    text = "{'descr': '<f4', 'fortran_order': False, 'shape': " + shape + ", }"
    size = 4 if "True" in shape or "1, 1" in shape else 0
    rewritten(tmp_path / "net", {**members(tmp_path / "good"), "arrays/1.npy": header(text) + bytes(size)})
    with pytest.raises(DltoolboxError, match="loadNetwork:corruptFile"):
        loadNetwork(tmp_path / "net")


def test_networks_of_thousands_of_layers_are_saved_and_loaded(tmp_path: Path) -> None:
    net = dlnetwork([featureInputLayer(2), *(reluLayer() for _ in range(MANY))])
    saveNetwork(net, tmp_path / "net")
    assert len(loadNetwork(tmp_path / "net").Layers) == MANY + 1
    assert (tmp_path / "net").stat().st_size < MANY * 1000


@pytest.mark.parametrize(("module", "limit"), [(container, "LARGEST_JSON"), (container, "MOST_VALUES"),
                                               (archive, "MOST_PORTS")])
def test_what_could_not_be_loaded_is_not_saved(module: Any, limit: str, tmp_path: Path,
                                               monkeypatch: pytest.MonkeyPatch) -> None:
    saveNetwork(classifier(), tmp_path / "net")
    before = (tmp_path / "net").read_bytes()
    monkeypatch.setattr(module, limit, 10)
    with pytest.raises(DltoolboxError, match=r"saveNetwork:tooLarge"):
        saveNetwork(classifier(), tmp_path / "net")
    with pytest.raises(DltoolboxError, match=r"loadNetwork:corruptFile"):
        loadNetwork(tmp_path / "net")
    assert (tmp_path / "net").read_bytes() == before


def test_ports_inside_network_layers_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MOST_PORTS", 10)
    net = dlnetwork([featureInputLayer(2), networkLayer([reluLayer() for _ in range(8)])])
    with pytest.raises(DltoolboxError, match=r"saveNetwork:tooLarge"):
        saveNetwork(net, tmp_path / "net")
