"""Writes ``dltoolbox/__init__.pyi``, so that editors complete the factories and their options.

The factories exist only at run time, made from the registry; the stub spells them out. ``python -m dltoolbox._stubs``
rewrites it, with ``--check`` it only says whether that is needed, and a test fails when it is not current.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Sequence
from pathlib import Path
from textwrap import fill
from typing import Any

import dltoolbox
from dltoolbox.core.convert import hint_of
from dltoolbox.core.properties import REQUIRED, Property, in_call_order
from dltoolbox.layers.base import LAYERS

PATH = Path(__file__).with_name("__init__.pyi")
HEADER = '''\
# Written by `python -m dltoolbox._stubs`; do not edit.
# ruff: noqa: E501, I001, RUF022
from collections.abc import Callable, Sequence
from typing import Any, Literal

from numpy.typing import ArrayLike

'''


def stub() -> str:
    """The text of the stub."""
    imports = [f"from {cls.__module__} import {cls.__name__} as _{cls.__name__}" for cls in LAYERS.values()]
    others = []
    for name in dltoolbox.__all__:
        if name not in LAYERS:
            origin = getattr(dltoolbox, name)
            imports.append(f"from {origin.__module__} import {origin.__name__} as {name}")
            others.append(name)
    exported = fill(", ".join(f'"{name}"' for name in sorted(dltoolbox.__all__)), 120, initial_indent="    ",
                    subsequent_indent="    ")
    parts = [HEADER + "\n".join(sorted(imports)), f"__version__: str\n__all__ = [\n{exported},\n]",
             *(definition(cls) for cls in LAYERS.values())]
    return "\n\n".join(parts) + "\n"


def definition(cls: Any) -> str:
    """One factory: positional arguments, pairs, every option by keyword, and the first line of its docstring."""
    listed = in_call_order(cls.properties)
    arguments = [*(parameter(p, cls.rank) for p in listed if p.positional), "*pairs: Any",
                 *(parameter(p, cls.rank) for p in listed if not p.positional)]
    lines = "".join(f"    {one},\n" for one in arguments)
    summary = (inspect.getdoc(cls) or "").splitlines()[0]
    return f'def {cls.factory}(\n{lines}) -> _{cls.__name__}:\n    """{summary}"""'


def parameter(prop: Property, rank: int) -> str:
    """``Stride: int | Sequence[int] = 1``; where a positional may be left out, the first name of a pair may stand."""
    hint = hint_of(prop.conversion(rank))
    if prop.default is REQUIRED:
        return f"{prop.argument}: {hint}"
    return f"{prop.argument}: {hint}{' | str' if prop.positional else ''} = {prop.default!r}"


def write_stub(arguments: Sequence[str]) -> int:
    """Write the stub, or only check it; returns the exit status."""
    if list(arguments) == ["--check"]:
        if PATH.read_text(encoding="utf-8") == stub():
            return 0
        print(f"{PATH.name} is not current: run python -m dltoolbox._stubs", file=sys.stderr)
        return 1
    PATH.write_text(stub(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(write_stub(sys.argv[1:]))
