"""The gallery: every example with its picture, what it is about, and its code. `pictures.py` makes the pictures."""

from __future__ import annotations

import ast
import re
import textwrap
from pathlib import Path

ROOT = Path(__file__).parents[2]


def page() -> str:
    """The page of all examples."""
    parts = ["# Gallery", "The scripts in `examples/` run as they are, with `--short` in a few seconds. "
             "The pictures show what the trained networks give for test data."]
    return "\n\n".join([*parts, *(entry(path) for path in sorted((ROOT / "examples").glob("*.py")))]) + "\n"


def entry(path: Path) -> str:
    """One example."""
    source = path.read_text(encoding="utf-8")
    first, _, rest = (ast.get_docstring(ast.parse(source)) or "").partition("\n\n")
    title, *about = re.split(": |, ", " ".join(first.split()).rstrip("."), maxsplit=1)
    paragraphs = [" ".join(one.split()) for one in rest.split("\n\n") if not one.lstrip().startswith("python ")]
    code = textwrap.indent(f"```python\n{source}```", "    ")
    picture = f"gallery/{path.stem}.png"
    return "\n\n".join(filter(None, [
        f"## {title}", *(f"{text[0].upper()}{text[1:]}." for text in about), *paragraphs,
        f"![{title}]({picture})" if (ROOT / "docs" / picture).exists() else "",
        f'??? example "examples/{path.name}"\n\n{code}']))
