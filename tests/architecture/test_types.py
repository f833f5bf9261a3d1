"""mypy sees the vocabulary and the options: a misspelt op, attribute or option of a page is found without running it."""

import re
from pathlib import Path

import pytest

import dltoolbox

PAGE = """
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
"""
PROBLEMS = {11: "call-arg", 12: "arg-type", 13: "attr-defined", 14: "misc", 22: "assignment"}


@pytest.mark.slow
def test_mypy_sees_ops_attributes_and_options(tmp_path):
    api = pytest.importorskip("mypy.api")
    (tmp_path / "page.py").write_text(PAGE, encoding="utf-8")
    settings = Path(__file__).parents[2] / "pyproject.toml"
    said, *_ = api.run(["--config-file", str(settings), "--cache-dir", str(tmp_path / "cache"), str(tmp_path / "page.py")])
    found = {int(line): code for line, code in re.findall(r"page\.py:(\d+): error: .*\[([a-z-]+)\]", said)}
    assert found == PROBLEMS, said


def test_any_is_rare():
    """What a user passes is an `object`, an array an `ndarray`, a dtype `DTypeLike`; little is left that may be anything."""
    root = Path(dltoolbox.__file__).parent
    assert sum(len(re.findall(r"\bAny\b", path.read_text(encoding="utf-8"))) for path in root.rglob("*.py")) <= 450
