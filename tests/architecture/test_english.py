"""Messages and docstrings put the subject first, in the words that everybody uses."""

import ast
import re
from pathlib import Path

import dltoolbox

ROOT = Path(dltoolbox.__file__).parent
TOLD = {"fail", "warn", "Issue", "add", "InvalidValue", "Damaged", "say", "Property", "_option"}  # texts for users
STILTED = re.compile(
    r"\b(faults?|cures?|anew|of which)\b|(?<!here )\b(is|are) no (?!more|longer)[a-z]+|\b(came|come)\.$|\w\(s\)|"
    r"(?:^|[.;:] )(?:Where|What|Whatever|Whoever) |\b1 (?:classes|layers|outputs|inputs|channels)\b", re.MULTILINE)
OPENING = re.compile(r"(What|Where|Whatever|Whoever)\b")
TREES = {path: ast.parse(path.read_text(encoding="utf-8")) for path in sorted(ROOT.rglob("*.py"))}


def text_of(node):
    """The constant parts of a text."""
    if isinstance(node, ast.JoinedStr):
        return "".join(part.value if isinstance(part, ast.Constant) else "{}" for part in node.values)
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def told():
    """Every text that a user may read, with its place."""
    for path, tree in TREES.items():
        for call in ast.walk(tree):
            if isinstance(call, ast.Call) and getattr(call.func, "id", getattr(call.func, "attr", "")) in TOLD:
                yield from ((f"{path.relative_to(ROOT)}:{call.lineno}", text_of(part))
                            for part in [*call.args, *(word.value for word in call.keywords)])


def test_messages():
    assert [(place, text) for place, text in told() if STILTED.search(text)] == []


def test_docstrings_begin_with_their_subject():
    defined = (ast.Module, ast.ClassDef, ast.FunctionDef)
    opened = [f"{path.relative_to(ROOT)}: {text}" for path, tree in TREES.items() for node in ast.walk(tree)
              if isinstance(node, defined) and OPENING.match(text := ast.get_docstring(node) or "")]
    assert opened == []
