"""Files are written whole or not at all, and nothing but files is replaced. No device of the machine is touched."""

from __future__ import annotations

import io
import json
import os
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from dltoolbox import cli
from dltoolbox.core.errors import DltoolboxError
from dltoolbox.core.files import LEFT, replacing, write_text
from dltoolbox.exchange import loadNetwork, saveNetwork, toMATLAB, toPython
from dltoolbox.layers import FACTORIES as F
from dltoolbox.layers.display import disp
from dltoolbox.network.analysis.summary import summary
from dltoolbox.network.graph.layer_graph import layerGraph
from dltoolbox.network.networks import assembleNetwork
from dltoolbox.report.analyze import analyzeNetwork
from dltoolbox.report.document import document
from dltoolbox.report.html import write as write_page
from dltoolbox.runtime.console import say
from dltoolbox.train.checkpoints import Checkpoints

posix = pytest.mark.skipif(os.name == "nt", reason="permissions, pipes and locks of POSIX")


def net(name: str = "fc") -> Any:
    return assembleNetwork([F["featureInputLayer"](2), F["fullyConnectedLayer"](1, Weights=[[1, 2]], Bias=[3], Name=name),
                            F["regressionLayer"]()])


def analyze(option: str) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        script = path.parent / f"{path.parent.name}_network.py"
        script.write_text("from dltoolbox import *\nlayers = [featureInputLayer(2), regressionLayer]\n")
        try:
            if cli.main(["analyze", str(script), option, str(path)]):
                raise OSError("exit status 2")
        finally:
            script.unlink()
    return write


def code(function: Any, suffix: str, *, data: str = "") -> Callable[[Path], None]:
    """Writes the code to a file, or the parameters beside the code: the file with the suffix ``data``."""
    def write(path: Path) -> None:
        function(net(), str(path.with_suffix(suffix)), Parameters=bool(data))
        if data:
            path.with_suffix(suffix).unlink()
    return write


WRITERS: dict[str, tuple[str, Callable[[Path], None]]] = {
    "saveNetwork": ("net.dlnet", lambda path: saveNetwork(net(), path)),
    "toPython": ("net.py", code(toPython, ".py")), "toMATLAB": ("net.m", code(toMATLAB, ".m")),
    "toPython's parameters": ("net.npz", code(toPython, ".py", data=".npz")),
    "toMATLAB's parameters": ("net.mat", code(toMATLAB, ".m", data=".mat")),
    "page": ("net.html", lambda path: print(write_page(document(analyzeNetwork(net(), nargout=1)), path))),
    "--html": ("net.html", analyze("--html")), "--json": ("net.json", analyze("--json")),
}


@pytest.fixture(params=WRITERS)
def writer(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, Callable[[Path], None]]:
    name, write = WRITERS[request.param]
    return tmp_path / name, write


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def drained(pipe: Path) -> tuple[threading.Thread, list[bytes]]:
    """A reader of a pipe, and what it will have read."""
    got: list[bytes] = []
    reader = threading.Thread(target=lambda: got.append(pipe.read_bytes()), daemon=True)
    reader.start()
    return reader, got


@posix
def test_pipes_stay_pipes_and_get_everything(writer: Any) -> None:
    path, write = writer
    write(path)
    wanted = path.read_bytes()
    path.unlink()
    os.mkfifo(path)
    reader, got = drained(path)
    time.sleep(0.1)  # until it has opened the pipe
    write(path)
    reader.join(10)
    assert stat.S_ISFIFO(path.lstat().st_mode)
    assert len(got[0]) == len(wanted)
    assert sorted(os.listdir(path.parent)) == [path.name]


@posix
def test_a_pipe_that_nobody_reads_is_an_error_and_no_endless_wait(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(DltoolboxError, match="saveNetwork:cannotWrite"):
        saveNetwork(net(), tmp_path / "pipe")
    assert os.listdir(tmp_path) == ["pipe"]


@posix
def test_devices_stay_devices(writer: Any) -> None:
    """A node of the same numbers as /dev/null, and a block device that nothing stands behind."""
    path, write = writer
    try:
        os.mknod(path, stat.S_IFCHR | 0o600, os.makedev(1, 3))
        path.open("wb").close()
    except OSError:
        pytest.skip("only root may make devices")
    write(path)
    assert stat.S_ISCHR(path.lstat().st_mode)
    path.unlink()
    os.mknod(path, stat.S_IFBLK | 0o600, os.makedev(240, 99))
    with pytest.raises((DltoolboxError, OSError)):
        write(path)
    assert stat.S_ISBLK(path.lstat().st_mode)
    assert os.listdir(path.parent) == [path.name]


@posix
def test_permissions_are_kept_and_new_files_obey_the_umask(writer: Any) -> None:
    path, write = writer
    before = os.umask(0o027)
    try:
        write(path)
        assert mode(path) == 0o640
        for kept in (0o600, 0o664):
            path.chmod(kept)
            old = path.stat()
            write(path)
            assert mode(path) == kept
            assert (path.stat().st_uid, path.stat().st_gid) == (old.st_uid, old.st_gid)
    finally:
        os.umask(before)


@posix
def test_a_file_that_is_replaced_is_never_readable_by_others(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.touch(0o600)
    with replacing(path) as stream:
        assert stat.S_IMODE(os.fstat(stream.fileno()).st_mode) == 0o600


@posix
@pytest.mark.skipif(os.name != "nt" and os.geteuid() == 0, reason="nothing is protected from root")
def test_protected_files_are_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "net"
    path.write_text("mine")
    path.chmod(0o444)
    with pytest.raises(DltoolboxError, match="saveNetwork:cannotWrite"):
        saveNetwork(net(), path)
    assert path.read_text() == "mine"


def test_links_stay_links_and_their_files_are_replaced(writer: Any) -> None:
    path, write = writer
    real = path.with_name("real")
    path.symlink_to(real.name)
    write(path)  # a link to nothing makes what it names
    first = real.read_bytes()
    real.write_bytes(b"before")
    write(path)
    assert path.is_symlink()
    assert len(real.read_bytes()) == len(first) > 10


def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("before")

    def failing() -> None:
        with replacing(tmp_path / "file") as stream:
            stream.write(b"half")
            raise KeyError

    with pytest.raises(KeyError):
        failing()
    assert (tmp_path / "file").read_text() == "before"
    assert os.listdir(tmp_path) == ["file"]


KILLED = """
import os, sys, time
from dltoolbox.core.files import replacing
with replacing(sys.argv[1]) as stream:
    stream.write(b"half")
    stream.flush()
    print("writing", flush=True)
    time.sleep(60)
"""


@posix
def test_what_a_killed_writer_left_goes_with_the_next_save_but_not_before(tmp_path: Path) -> None:
    target = tmp_path / "net"
    target.write_text("before")
    other = subprocess.Popen([sys.executable, "-c", KILLED, str(target)], stdout=subprocess.PIPE)
    try:
        assert other.stdout is not None
        assert other.stdout.readline() == b"writing\n"
        (left,) = (name for name in os.listdir(tmp_path) if LEFT.fullmatch(name))
        write_text(tmp_path / "another", "text")
        assert left in os.listdir(tmp_path)  # it may still be completed
    finally:
        other.send_signal(signal.SIGKILL)
        other.wait()
        other.stdout.close()
    assert target.read_text() == "before"
    assert left in os.listdir(tmp_path)
    saveNetwork(net(), tmp_path / "net")
    assert sorted(os.listdir(tmp_path)) == ["another", "net"]


def test_files_of_others_are_not_taken_for_left_ones(tmp_path: Path) -> None:
    names = [".dltoolbox-0123.tmp", ".a1b2c3d4a1b2c3d4.tmp", "dltoolbox-0123456789abcdef.tmp", "net.tmp"]
    for name in names:
        (tmp_path / name).touch()
    (tmp_path / f".dltoolbox-{'0' * 16}.tmp").mkdir()
    (tmp_path / f".dltoolbox-{'1' * 16}.tmp").symlink_to(names[0])
    write_text(tmp_path / "file", "text")
    assert len(os.listdir(tmp_path)) == len(names) + 3


# Names that no file can have -----------------------------------------------------------------------------------------
@pytest.mark.parametrize(("name", "expected"), [
    ("x" * 300, "cannotWrite"), ("x" * 300 + "/net", "folderNotFound"), ("half \ud800", "invalidFile"),
    ("new/", "isAFolder"), ("folder/", "isAFolder"), ("new/.", "isAFolder"), ("..", "isAFolder"),
])
def test_impossible_names(name: str, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    with pytest.raises(DltoolboxError, match=f"saveNetwork:{expected}"):
        saveNetwork(net(), name)
    with pytest.raises(OSError):
        write_text(name, "text")
    with pytest.raises(DltoolboxError, match="loadNetwork"):
        loadNetwork(name)
    assert os.listdir(tmp_path) == ["folder"]


@pytest.mark.parametrize("name", ["x" * 300, "half \ud800"])
def test_impossible_folders_of_checkpoints(name: str) -> None:
    options = SimpleNamespace(CheckpointPath=name, CheckpointFrequency=1, CheckpointFrequencyUnit="epoch")
    with pytest.raises(DltoolboxError, match="checkpointPathNotFound"):
        Checkpoints(options, lambda path: None)


@pytest.mark.parametrize("name", ["x" * 300 + ".py", "x" * 300, "x" * 300 + ":net", "half \udcff.py"])
def test_impossible_names_on_the_command_line(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "net.py").write_text("from dltoolbox import *\nlayers = [featureInputLayer(2), regressionLayer]\n")
    assert cli.main(["analyze", name]) == 2
    assert cli.main(["analyze", str(tmp_path / "net.py"), "--json", str(tmp_path / "no" / name)]) == 2
    assert cli.main(["analyze", str(tmp_path / "net.py"), "--compare", name + ".json"]) == 2
    assert "Traceback" not in capsys.readouterr().err


# Halves of characters in names of layers -----------------------------------------------------------------------------
HALF = "half \ud800"


def test_halves_of_characters_can_be_saved_and_written_as_code(tmp_path: Path) -> None:
    saveNetwork(net(HALF), tmp_path / "net")
    assert loadNetwork(tmp_path / "net").Layers[1].Name == HALF
    for function, file in ((toPython, "net.py"), (toMATLAB, "net.m")):
        function(net(HALF), str(tmp_path / file)).encode()
    assert "Name='half \\ud800'" in (tmp_path / "net.py").read_text(encoding="utf-8")
    assert '"half "+char(55296)' in (tmp_path / "net.m").read_text(encoding="utf-8")


def test_halves_of_characters_are_printed(tmp_path: Path) -> None:
    trained = net(HALF)
    broken = layerGraph([F["featureInputLayer"](2), F["reluLayer"](Name=HALF)])
    for value in (trained, trained.Layers, trained.Layers[1], trained.Connections, analyzeNetwork(broken, nargout=1),
                  *analyzeNetwork(broken, nargout=1).Issues):
        text = str(value)
        text.encode()
    assert "half \\ud800" in str(trained.Layers)
    with pytest.raises(DltoolboxError) as caught:
        assembleNetwork(broken)
    str(caught.value).encode()


def test_halves_of_characters_on_the_command_line(tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    (tmp_path / "net.py").write_text("from dltoolbox import *\nlayers = [featureInputLayer(2, Name='half \\ud800'), "
                                     "regressionLayer]\n")
    assert cli.main(["analyze", str(tmp_path / "net.py")]) == 0
    for place in ("-", str(tmp_path / "net.json")):
        assert cli.main(["analyze", str(tmp_path / "net.py"), "--json", place]) == 0
    found = json.loads((tmp_path / "net.json").read_text(encoding="utf-8"))
    assert found["layers"][0]["name"] == HALF
    assert cli.main(["analyze", str(tmp_path / "net.py"), "--compare", str(tmp_path / "net.json")]) == 0


def test_consoles_without_every_character(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", stream)
    analyzeNetwork(net(HALF), Plots="none")
    summary(net(HALF))
    disp([F["convolution2dLayer"](3, 4)])
    say(np.ones(1))
    stream.flush()
    assert b"4 3?3" in stream.buffer.getvalue()  # type: ignore[attr-defined]
