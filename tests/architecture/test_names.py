"""Names: one place for each at the top level, and the words of the glossary, one meaning each."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

import dltoolbox
from dltoolbox.ops import OPS

ROOT = Path(dltoolbox.__file__).parent
TREES = {path.relative_to(ROOT).as_posix(): ast.parse(path.read_text(encoding="utf-8"))
         for path in sorted(ROOT.rglob("*.py")) if path.name != "__init__.py"}


ARCHITECTURE = ROOT.parent / "docs" / "architecture.md"

# Names that had several meanings, or that the field has a better word for.
OLD_NAMES = {
    "Bound", "Ledger", "Placed", "Reject", "Site", "arriving_values", "carry_taps", "check_declared", "check_partly",
    "check_values", "cure", "d_inputs", "edited", "entrances", "forget_indices", "join_chains", "outputs_despite",
    "pool_before_relu", "revised", "rewired", "settle", "settle_statistics", "window_max", "window_mean"}


def is_type_variable(statement: ast.stmt) -> bool:
    """``T = TypeVar("T")``: it means nothing outside of the signatures around it."""
    return (isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Call)
            and isinstance(statement.value.func, ast.Name) and statement.value.func.id == "TypeVar")


def defined(body: list[ast.stmt]) -> Iterator[str]:
    """The functions, classes and other values that a module defines; branches of ``if`` and ``try`` belong to it."""
    for statement in body:
        if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield statement.name
        elif isinstance(statement, (ast.Assign, ast.AnnAssign)) and not is_type_variable(statement):
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            yield from (node.id for target in targets for node in ast.walk(target)
                        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store))
        elif isinstance(statement, (ast.If, ast.Try)):
            yield from defined([*statement.body, *statement.orelse, *getattr(statement, "finalbody", ())])
            yield from defined([inner for handler in getattr(statement, "handlers", ()) for inner in handler.body])


def is_documented_function_beside_its_op(name: str, files: set[str]) -> bool:
    """``relu`` is MATLAB's function and an op: neither can have another name."""
    return name in OPS and name in dltoolbox.__all__ and {file.partition("/")[0] for file in files} == {"functions", "ops"}


def test_a_name_is_defined_once():
    places = defaultdict(set)
    for file, tree in TREES.items():
        for name in defined(tree.body):
            if not name.startswith("__"):
                places[name].add(file)
    assert {name: sorted(files) for name, files in places.items()
            if len(files) > 1 and not is_documented_function_beside_its_op(name, files)} == {}


def test_the_walker_sees_all_kinds_of_definitions():
    tree = ast.parse("def f(): x = 1\nclass C: y = 2\nA, (B, *D) = g()\nT = TypeVar('T')\nE: int = 3\ntry:\n    F = 1\n"
                     "except ValueError:\n    G = 1\nif A:\n    H = 1\nelse:\n    I = 1\n")
    assert sorted(defined(tree.body)) == ["A", "B", "C", "D", "E", "F", "G", "H", "I", "f"]


def words_of(name: str) -> set[str]:
    """``MemoryRecorder`` and ``memory_recorder``: memory, recorder; and the whole name."""
    parts = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+", name)
    return {name.lower(), *map(str.lower, parts)}


def identifiers() -> set[str]:
    """All names of the code: defined, bound, read, passed and asked for as attributes, and those of modules."""
    names = {part for file in TREES for part in file.removesuffix(".py").split("/")}
    for tree in TREES.values():
        for node in ast.walk(tree):
            values = (getattr(node, field, None) for field in ("id", "attr", "arg", "name"))
            names.update(value for value in values if isinstance(value, str))
    return names


@pytest.mark.skipif(not ARCHITECTURE.exists(), reason="the suite is run without the documents")
def test_the_words_of_the_glossary_occur_in_the_code():
    table = ARCHITECTURE.read_text(encoding="utf-8").partition("## Glossary")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (`.*?) \|", table, re.MULTILINE)
    words = [word for row in rows for word in re.findall(r"`(\w+)`", row)]
    assert len(words) > 30
    assert sorted(words) == sorted(set(words)), "one meaning each"
    names = identifiers()
    known = {word for name in names for word in words_of(name)} | {name.lower() for name in names}
    assert [word for word in words if word not in known] == []


def test_old_names_do_not_come_back():
    assert identifiers() & OLD_NAMES == set()
