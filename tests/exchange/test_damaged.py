"""Files that saveNetwork did not write, or that changed since: clear errors, nothing allocated, nothing executed."""

from __future__ import annotations

import io
import json
import pickle
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dltoolbox.core.errors import DltoolboxError
from dltoolbox.engines.inference import predict
from dltoolbox.exchange import archive, loadNetwork, saveNetwork
from tests.exchange.archives import members, rewritten
from tests.exchange.networks import classifier, data_for


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("good") / "net"
    saveNetwork(classifier(), path)
    return path


def identifier(path: Any) -> str:
    with pytest.raises(DltoolboxError) as caught:
        loadNetwork(path)
    assert str(path) in str(caught.value) or "registry" in caught.value.identifier
    return caught.value.identifier.removeprefix("dltoolbox:")


class Bomb:
    """Unpickling this would be noticed."""

    def __reduce__(self) -> Any:
        return (pytest.exit, ("a pickle was executed",))


def saved_by_numpy() -> bytes:
    stream = io.BytesIO()
    np.savez(stream, a=np.ones(3))
    return stream.getvalue()


@pytest.mark.parametrize(("content", "word"), [
    (b"", "not a network"), (b"hello", "not a network"), (b"MATLAB 5.0 MAT-file, Platform: X" + bytes(200), "MAT-file"),
    (b"\x89HDF\r\n\x1a\n" + bytes(100), "HDF5"), (pickle.dumps(Bomb()), "pickle"), (saved_by_numpy(), "not a network"),
], ids=["empty", "text", "mat", "hdf5", "pickle", "npz"])
def test_foreign_files(content: bytes, word: str, tmp_path: Path) -> None:
    (tmp_path / "net").write_bytes(content)
    with pytest.raises(DltoolboxError, match=word) as caught:
        loadNetwork(tmp_path / "net")
    assert caught.value.identifier == "dltoolbox:loadNetwork:notAnArchive"


def test_files_that_are_not_there(tmp_path: Path) -> None:
    assert identifier(tmp_path / "net") == "loadNetwork:fileNotFound"
    assert identifier(tmp_path) == "loadNetwork:fileNotFound"
    with pytest.raises(DltoolboxError, match="loadNetwork:invalidFile"):
        loadNetwork(7)


def test_files_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where reading fails only while it is found out what else the file may be."""
    (tmp_path / "net").write_bytes(b"no network")

    def failing(error: Exception) -> Callable[..., Any]:
        def fail(*_: Any) -> Any:
            raise error
        return fail

    for function, error in (("begins_as_zip", OSError(5, "Input/output error")), ("open_container", OSError(5, "no")),
                            ("open_container", MemoryError())):
        with monkeypatch.context() as patch:
            patch.setattr(archive, function, failing(error))
            assert identifier(tmp_path / "net") == "loadNetwork:cannotRead"


def test_truncated_anywhere(good: Path, tmp_path: Path) -> None:
    data = good.read_bytes()
    for length in np.linspace(2, len(data) - 1, 60).astype(int):
        (tmp_path / "net").write_bytes(data[:length])
        assert identifier(tmp_path / "net") == "loadNetwork:corruptFile"


def outcome(path: Path) -> tuple[str, Any]:
    """The identifier of the error, or the network."""
    try:
        return "", loadNetwork(path)
    except DltoolboxError as error:
        return error.identifier.removeprefix("dltoolbox:"), None


def test_any_changed_byte_is_noticed_or_harmless(good: Path, tmp_path: Path) -> None:
    """Whatever is flipped: an error of ours, or the same network."""
    data, random, X = bytearray(good.read_bytes()), np.random.default_rng(0), data_for(classifier())[0]
    wanted = predict(loadNetwork(good), X)
    directory = data.rindex(b"PK\x01\x02")
    places = [*random.integers(0, len(data), 150), *random.integers(directory - 500, len(data), 250)]
    harmless = 0
    for place in places:
        changed = data.copy()
        changed[place] ^= 1 << int(random.integers(8))
        (tmp_path / "net").write_bytes(changed)
        problem, loaded = outcome(tmp_path / "net")
        assert problem in ("", "loadNetwork:corruptFile", "loadNetwork:notAnArchive")
        if loaded is not None:
            harmless += 1
            np.testing.assert_array_equal(predict(loaded, X), wanted)
    assert harmless < len(places) / 3  # dates and attributes in the directory


def change(path: Path, good: Path, edit: Callable[[Any], None]) -> Path:
    """A file whose description was edited, with correct checksums."""
    contents = members(good)
    description = json.loads(contents["network.json"])
    edit(description)
    contents["network.json"] = json.dumps(description).encode()
    rewritten(path, contents)
    return path


def property_of(index: int, name: str, value: Any) -> Callable[[Any], None]:
    return lambda d: d["layers"][index]["properties"].__setitem__(name, value)


FORGED: dict[str, Callable[[Any], Any]] = {
    "version 0": lambda d: d.update(version=0),
    "version text": lambda d: d.update(version="1"),
    "version true": lambda d: d.update(version=True),
    "type": lambda d: d.update(type="os.system"),
    "series that is none": lambda d: d["connections"].pop(0),
    "no layers": lambda d: d.update(layers=[]),
    "layers missing": lambda d: d.pop("layers"),
    "layers text": lambda d: d.update(layers="conv"),
    "layer text": lambda d: d["layers"].__setitem__(0, "imageInputLayer"),
    "layer without factory": lambda d: d["layers"][0].pop("layer"),
    "property unknown": property_of(2, "Colour", "red"),
    "property prefix": property_of(2, "nam", "red"),
    "property missing": lambda d: d["layers"][5]["properties"].pop("OutputSize"),
    "value invalid": property_of(1, "NumFilters", -3),
    "value huge": property_of(1, "NumFilters", 10 ** 30),
    "value object": property_of(2, "Name", {"__import__": "os"}),
    "value list": property_of(1, "Stride", [1, 1]),
    "value float": property_of(1, "PaddingValue", {"float": "1e999"}),
    "array missing": property_of(1, "Weights", {"array": "arrays/99.npy"}),
    "array outside": property_of(1, "Weights", {"array": "../../etc/passwd"}),
    "array description": property_of(1, "Weights", {"array": "network.json"}),
    "array twice": property_of(1, "Weights", {"array": "arrays/2.npy"}),
    "array unused": property_of(1, "Weights", None),
    "name twice": property_of(1, "Name", "relu"),
    "connection short": lambda d: d["connections"].__setitem__(0, ["a", "b"]),
    "connection unknown": lambda d: d["connections"].__setitem__(0, ["imageinput", "out", "nowhere", "in"]),
    "connection twice": lambda d: d["connections"].append(d["connections"][0]),
    "connection missing": lambda d: d.update(connections=[]),
    "classes auto": property_of(7, "Classes", "auto"),
    "classes wrong": property_of(7, "Classes", {"tuple": ["a"]}),
}


@pytest.mark.parametrize("what", FORGED)
def test_forged_descriptions(what: str, good: Path, tmp_path: Path) -> None:
    assert identifier(change(tmp_path / "net", good, FORGED[what])) == "loadNetwork:corruptFile"


def test_newer_versions_and_unknown_layers(good: Path, tmp_path: Path) -> None:
    path = change(tmp_path / "net", good, lambda d: d.update(version=3, dltoolbox="9.9.9", layers="something new"))
    with pytest.raises(DltoolboxError, match=r"version 3 .*'9\.9\.9'.*Update dltoolbox.*loadNetwork:newerVersion"):
        loadNetwork(path)
    change(path, good, lambda d: d["layers"][2].update(layer="lstmLayerOfTheFuture"))
    with pytest.raises(DltoolboxError, match=r"Layer 'relu' \(3\).*lstmLayerOfTheFuture.*registry:unknownLayer"):
        loadNetwork(path)
    assert identifier(change(path, good, lambda d: d.update(format="other"))) == "loadNetwork:notAnArchive"


@pytest.mark.parametrize("text", [b"", b"[", b"\xff\xfe", b"[" * 100_000, b'{"format": NaN}', b"1" * 5000, b"[]"],
                         ids=lambda t: repr(t[:16]))
def test_descriptions_that_are_no_json(text: bytes, good: Path, tmp_path: Path) -> None:
    rewritten(tmp_path / "net", {**members(good), "network.json": text})
    assert identifier(tmp_path / "net") == "loadNetwork:corruptFile"


def header(text: str, version: tuple[int, int] = (1, 0)) -> bytes:
    return b"\x93NUMPY" + bytes(version) + struct.pack("<H", len(text)) + text.encode()


def with_objects() -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array(stream, np.array([Bomb()], object), allow_pickle=True)
    return stream.getvalue()


@pytest.mark.parametrize("data", [
    b"", b"\x93NUMPY", header("{}"), header("__import__('os').system('true')"),
    header("{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000,), }") + bytes(16),
    header("{'descr': '<f4', 'fortran_order': False, 'shape': (-2, -2), }") + bytes(16),
    header("{'descr': '<f4', 'fortran_order': False, 'shape': (4,), }") + bytes(12),
    header("{'descr': '<i8', 'fortran_order': False, 'shape': (2,), }") + bytes(16),
    header("{'descr': '|V4', 'fortran_order': False, 'shape': (4,), }") + bytes(16),
    header("{'descr': '<f4', 'fortran_order': False, 'shape': (4,), }", (3, 0)) + bytes(16),
    header("{'descr': '<f4', 'fortran_order': False, 'shape': (" + "1," * 70 + "), }") + bytes(4),
    with_objects(),
], ids=["empty", "magic", "no keys", "code", "huge", "negative", "short", "integers", "void", "version", "70 dimensions",
        "objects"])
def test_arrays_that_are_none(data: bytes, good: Path, tmp_path: Path) -> None:
    rewritten(tmp_path / "net", {**members(good), "arrays/1.npy": data})
    assert identifier(tmp_path / "net") == "loadNetwork:corruptFile"


def test_arrays_with_values_that_no_layer_accepts(good: Path, tmp_path: Path) -> None:
    contents = members(good)
    contents["arrays/1.npy"] = contents["arrays/1.npy"][:-4] + struct.pack("<f", np.nan)
    rewritten(tmp_path / "net", contents)
    assert identifier(tmp_path / "net") == "loadNetwork:corruptFile"


def test_containers_that_lie(good: Path, tmp_path: Path) -> None:
    contents, path = members(good), tmp_path / "net"
    rewritten(path, {**contents, "more": b"x"})
    assert identifier(path) == "loadNetwork:corruptFile"
    rewritten(path, {"network.json": bytes(50_000_000), **{n: d for n, d in contents.items() if n != "network.json"}},
              zipfile.ZIP_DEFLATED)  # a bomb: a thousand times larger inside than outside
    assert path.stat().st_size < 100_000
    assert identifier(path) == "loadNetwork:corruptFile"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("network.json", contents["network.json"])
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("network.json", contents["network.json"])
    assert identifier(path) == "loadNetwork:corruptFile"
    rewritten(path, {n: d for n, d in contents.items() if n != "network.json"})
    assert identifier(path) == "loadNetwork:notAnArchive"


def test_overlapping_members(good: Path, tmp_path: Path) -> None:
    """Many directory entries for one member: the sum of their sizes is more than the file holds."""
    data = good.read_bytes()
    start = data.index(b"PK\x01\x02")
    end = data.rindex(b"PK\x05\x06")
    first = data[start:data.index(b"PK\x01\x02", start + 4)]
    copies = b"".join(first.replace(b"network.json", b"network.%04d" % i) for i in range(2000))
    fields = list(struct.unpack("<4s4H2LH", data[end:]))
    fields[3] = fields[4] = 2000
    fields[5] = len(copies)
    (tmp_path / "net").write_bytes(data[:start] + copies + struct.pack("<4s4H2LH", *fields))
    assert identifier(tmp_path / "net") == "loadNetwork:corruptFile"
