"""Files and functions stay short, machinery never names a layer, and every page documents itself."""

import ast
import inspect
import re
from collections import Counter
from pathlib import Path

import pytest

import dltoolbox
from dltoolbox.layers.base import LAYERS

ROOT = Path(dltoolbox.__file__).parent
FILES = sorted(ROOT.rglob("*.py"))
ASSETS = sorted((ROOT / "report" / "assets").iterdir())
MACHINERY = ("ops", "kernels", "network", "program", "train", "exchange", "functions")


def name(path):
    return path.relative_to(ROOT).as_posix()


def functions(tree):
    return [node for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]


@pytest.mark.parametrize("path", FILES, ids=name)
def test_files_and_functions_are_short(path):
    text = path.read_text(encoding="utf-8")
    assert text.count("\n") <= 500
    long = {one.name: one.end_lineno - one.lineno + 1 - docstring_lines(one) for one in functions(ast.parse(text))}
    assert {one: lines for one, lines in long.items() if lines > 50} == {}


def test_rooms_are_small():
    """A room of much more than a dozen files is split, or files of one subject become one."""
    rooms = Counter(path.parent for path in FILES if path.name != "__init__.py")
    assert {name(room): files for room, files in rooms.items() if files > 13} == {}


@pytest.mark.parametrize("path", ASSETS, ids=name)
def test_what_the_report_is_made_of_is_short(path):
    lines = path.read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 500
    assert [i for i, line in enumerate(lines, 1) if len(line) > 125] == []
    begins = [i for i, line in enumerate(lines) if line.startswith("function ")]
    assert {lines[i]: n for i in begins if (n := lines[i:].index("}") + 1) > 50} == {}


def docstring_lines(function):
    first = function.body[0]
    is_text = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str)
    return first.end_lineno - first.lineno + 1 if is_text else 0


@pytest.mark.parametrize("path", [p for p in FILES if p.relative_to(ROOT).parts[0] in MACHINERY], ids=name)
def test_machinery_names_no_layer(path):
    pages = {cls.__name__ for cls in LAYERS.values()} | set(LAYERS)
    tree = ast.parse(path.read_text(encoding="utf-8"))
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    used |= {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    used |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names}
    used |= {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    assert used & pages == set()


@pytest.mark.parametrize("path", [p for p in FILES if p.relative_to(ROOT).parts[0] == "network"], ids=name)
def test_sentences_about_networks_take_the_names_of_layers_from_the_registry(path):
    """Examples of calls apart."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    texts = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    texts -= {node.value.value for node in ast.walk(tree)
              if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)}
    named = re.compile(rf"(?<![:\w])({'|'.join(LAYERS)})\b(?!\()")
    assert [text for text in texts if named.search(text)] == []


@pytest.mark.parametrize("factory", LAYERS)
def test_every_layer_documents_itself(factory):
    cls = LAYERS[factory]
    text = inspect.getdoc(cls)
    assert f">>> {factory}(" in text
    assert "\nSource:\n" in text
    assert "layer" in text.splitlines()[0].lower()
    assert re.fullmatch(r"[A-Z1-3].*\.", text.splitlines()[0])
    for prop in cls.properties.values():
        assert re.fullmatch(r"\S.*[.\]]", prop.doc), prop.name
    documented = getattr(dltoolbox, factory).__doc__
    assert all(f"\n    {prop.argument}: " in documented for prop in cls.properties.values())


def test_one_entry_per_layer_everywhere():
    assert len({cls.default_name for cls in LAYERS.values()}) == len(LAYERS)
    assert all(getattr(dltoolbox, factory).__name__ == factory for factory in LAYERS)
    assert set(LAYERS) <= set(dltoolbox.__all__)
    assert len(dltoolbox.__all__) == len(set(dltoolbox.__all__))


def test_project_files_mention_no_machine():
    for path in FILES:
        assert not re.search(r"/(work|tmp|home)/", path.read_text(encoding="utf-8")), name(path)


def test_any_is_rare():
    """What a user passes is an `object`, an array an `ndarray`, a dtype `DTypeLike`; little is left that may be anything:
    above all what NumPy's protocols pass on.
    """
    assert sum(len(re.findall(r"\bAny\b", path.read_text(encoding="utf-8"))) for path in FILES) <= 1100
