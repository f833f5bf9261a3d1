"""The stub of the flat namespace is current, and type checkers understand scripts through it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import dltoolbox
from dltoolbox import _stubs

RIGHT = '''
from dltoolbox import *
from dltoolbox import maxPooling2dLayer as pool

layers = [
    imageInputLayer([28, 28, 1], Name="in"),
    convolution2dLayer(3, 8, Padding="same"),
    convolution2dLayer([3, 5], 8, "Stride", [1, 2], Padding=[0, 1, 2, 3]),
    reluLayer,
    pool(2, Stride=2, HasUnpoolingOutputs=True),
    leakyReluLayer("Name", "leak"),
    fullyConnectedLayer(10, BiasL2Factor=1),
    softmaxLayer(),
    classificationLayer(Classes=["a", "b"], ClassWeights=[1, 2]),
]
size = pool(2).PoolSize
lgraph = connectLayers(layerGraph(layers), "a", "b")
'''
WRONG = '''
from dltoolbox import maxPooling2dLayer, trainingOptions
maxPooling2dLayer(2, Strid=2)
maxPooling2dLayer()
maxPooling2dLayer(2, Name=3)
'''


@pytest.fixture(scope="module")
def complaints(tmp_path_factory):
    """What mypy says about both scripts: (script, line number) of every error."""
    folder = tmp_path_factory.mktemp("scripts")
    for name, text in (("right", RIGHT), ("wrong", WRONG)):
        (folder / f"{name}.py").write_text(text, encoding="utf-8")
    environment = os.environ | {"MYPYPATH": str(Path(dltoolbox.__file__).parents[1])}
    done = subprocess.run([sys.executable, "-m", "mypy", "--config-file=", "--follow-imports=silent",
                           "--ignore-missing-imports", "right.py", "wrong.py"],
                          capture_output=True, text=True, cwd=folder, env=environment)
    assert done.returncode in (0, 1), done.stdout + done.stderr
    found = [line.split(":") for line in done.stdout.splitlines() if ": error:" in line]
    return [(script, int(line)) for script, line, *_ in found]


def test_stub_is_current():
    assert _stubs.PATH.read_text(encoding="utf-8") == _stubs.stub(), "run python -m dltoolbox._stubs"


def test_checking_never_writes(tmp_path, monkeypatch, capsys):
    path = tmp_path / "__init__.pyi"
    path.write_text("stale", encoding="utf-8")
    monkeypatch.setattr(_stubs, "PATH", path)
    assert _stubs.main(["--check"]) == 1
    assert path.read_text(encoding="utf-8") == "stale"
    assert "run python -m dltoolbox._stubs" in capsys.readouterr().err
    assert _stubs.main([]) == 0
    assert _stubs.main(["--check"]) == 0


def test_scripts_pass_type_checking(complaints):
    assert [line for script, line in complaints if script == "right.py"] == []


def test_mistakes_are_found_by_type_checking(complaints):
    assert [line for script, line in complaints if script == "wrong.py"] == [3, 4, 5]
