"""A name at the top level of a module stands once in the package: it says what it is, wherever it is read."""

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import dltoolbox
from dltoolbox.ops import OPS

ROOT = Path(dltoolbox.__file__).parent
TREES = {path.relative_to(ROOT).as_posix(): ast.parse(path.read_text(encoding="utf-8"))
         for path in sorted(ROOT.rglob("*.py")) if path.name != "__init__.py"}


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
