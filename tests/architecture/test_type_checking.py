"""Type checkers, and with them editors, understand scripts through the stub of the flat namespace, and layer pages through
that of the ops."""

import os
from pathlib import Path

import pytest
from mypy import api

import dltoolbox

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
PAGE = '''
from dltoolbox.core import convert
from dltoolbox.core.geometry import Window
from dltoolbox.core.properties import Property
from dltoolbox.layers.pooling import MaxPooling2DLayer
from dltoolbox.ops import Builder, Value


def build(g: Builder, x: Value, window: Window) -> Value:
    y, indices = g.max_pool_indices(x, window=window)
    g.max_pool(x, windw=window)
    g.max_pool(x, window=2)
    g.maxpool(x, window=window)
    first, second = g.relu(x)
    return g.add(y, g.relu(y))


class Page(MaxPooling2DLayer):
    Rate = Property(convert.real(0), 1, "An option.")

    def size(self) -> tuple[int, ...]:
        rate: str = self.Rate
        return self.PoolSize
'''


@pytest.fixture(scope="module")
def complaints(tmp_path_factory):
    """What mypy says about the scripts: (script, line number) of every error."""
    folder = tmp_path_factory.mktemp("scripts")
    files = [folder / "right.py", folder / "wrong.py", folder / "page.py"]
    for file, text in zip(files, (RIGHT, WRONG, PAGE), strict=True):
        file.write_text(text, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(os.environ, "MYPYPATH", str(Path(dltoolbox.__file__).parents[1]))
        report, trouble, status = api.run(["--config-file=", "--follow-imports=silent", "--ignore-missing-imports",
                                           f"--cache-dir={folder}", *map(str, files)])
    assert status in (0, 1), report + trouble
    found = [line.split(":") for line in report.splitlines() if ": error:" in line]
    return [(Path(script).name, int(line)) for script, line, *_ in found]


def test_scripts_pass_type_checking(complaints):
    assert [line for script, line in complaints if script == "right.py"] == []


def test_mistakes_are_found_by_type_checking(complaints):
    assert [line for script, line in complaints if script == "wrong.py"] == [3, 4, 5]


def test_mistakes_in_pages_are_found_by_type_checking(complaints):
    """A misspelt attribute, one of another type, a misspelt op, outputs that are not there, an option taken for another."""
    assert [line for script, line in complaints if script == "page.py"] == [11, 12, 13, 14, 22]
