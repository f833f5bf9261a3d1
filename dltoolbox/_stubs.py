"""Writes the stubs, so that editors complete what exists only at run time, and mypy checks its use.

``dltoolbox/__init__.pyi`` spells out the factories, made from the registry, with their options, ``ops/vocabulary.pyi`` the
ops as methods of a builder, with their attributes. ``python -m dltoolbox._stubs`` rewrites them, with ``--check`` it only
says whether that is needed, and a test fails when they are not current.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from textwrap import fill
from types import ModuleType

import dltoolbox
from dltoolbox.absent import NOT_IN_THIS_RELEASE
from dltoolbox.core.convert import annotation_of
from dltoolbox.core.properties import REQUIRED, Property, in_call_order
from dltoolbox.layers.base import LAYERS, Layer
from dltoolbox.ops import OPS, Op

HEADER = '''\
# Written by `python -m dltoolbox._stubs`; do not edit.
# ruff: noqa: E501, I001, RUF022
from collections.abc import Callable, Sequence
from typing import Any, Literal, NoReturn

from numpy.typing import ArrayLike

'''

METHODS = '''\
# Written by `python -m dltoolbox._stubs`; do not edit.
# ruff: noqa: E501, I001
from typing import Protocol

from dltoolbox.ops.base import Attributes, Op
from dltoolbox.ops.graph import Outputs, Value
from dltoolbox.ops.time_axis import Way\
'''


def namespace() -> str:
    """The stub of the flat namespace."""
    imports = [f"from {cls.__module__} import {cls.__name__} as _{cls.__name__}" for cls in LAYERS.values()]
    others = []
    for name in dltoolbox.__all__:
        if name not in LAYERS and name not in NOT_IN_THIS_RELEASE:
            origin = getattr(dltoolbox, name)
            imports.append(f"from {origin.__module__} import {origin.__name__} as {name}")
            others.append(name)
    exported = fill(", ".join(f'"{name}"' for name in sorted(dltoolbox.__all__)), 120, initial_indent="    ",
                    subsequent_indent="    ")
    parts = [HEADER + "\n".join(sorted(imports)), f"__version__: str\n__all__ = [\n{exported},\n]",
             *(definition(cls) for cls in LAYERS.values()),
             *(f'def {name}(*arguments: Any, **options: Any) -> NoReturn:\n    """{function.__doc__}"""'
               for name, function in NOT_IN_THIS_RELEASE.items())]
    return "\n\n".join(parts) + "\n"


def definition(cls: type[Layer]) -> str:
    """One factory: positional arguments, pairs, every option by keyword, and the first line of its docstring."""
    listed = in_call_order(cls.properties)
    arguments = [*(parameter(p, cls.rank) for p in listed if p.positional), "*pairs: Any",
                 *(parameter(p, cls.rank) for p in listed if not p.positional)]
    lines = "".join(f"    {argument},\n" for argument in arguments)
    summary = (inspect.getdoc(cls) or "").splitlines()[0]
    return f'def {cls.factory}(\n{lines}) -> _{cls.__name__}:\n    """{summary}"""'


def parameter(prop: Property[object], rank: int) -> str:
    """``Stride: int | Sequence[int] = 1``; where a positional may be left out, the first name of a pair may stand."""
    hint = annotation_of(prop.conversion(rank))
    if prop.default is REQUIRED:
        return f"{prop.argument}: {hint}"
    return f"{prop.argument}: {hint}{' | str' if prop.positional else ''} = {prop.default!r}"


def vocabulary() -> str:
    """The stub of the ops as methods."""
    imports = {line for op in OPS.values() for p in attributes(op) for line in imports_for(p.annotation, op)}
    record = ("    def record(self, op: Op, inputs: tuple[Value, ...], attrs: Attributes,\n"
              "               way: Way | None = None) -> Outputs: ...")
    parts = [METHODS, *sorted(imports), "\n\nclass Vocabulary(Protocol):", record, *map(method, OPS.values())]
    return "\n".join(parts) + "\n"


def attributes(op: Op) -> list[inspect.Parameter]:
    return [p for p in inspect.signature(op.forward).parameters.values() if p.kind is p.KEYWORD_ONLY]


def method(op: Op) -> str:
    """One op: its inputs, its attributes by keyword, as many values as its size rule makes, and the first line of its
    docstring."""
    inputs = [p for p in inspect.signature(op.forward).parameters.values() if p.kind is not p.KEYWORD_ONLY]
    words = ["self", *(f"{'*' if p.kind is p.VAR_POSITIONAL else ''}{p.name}: Value" for p in inputs)]
    if not any(p.kind is p.VAR_POSITIONAL for p in inputs):
        words.append("*")
    words += [f"{p.name}: {p.annotation}{'' if p.default is p.empty else f' = {p.default!r}'}" for p in attributes(op)]
    words.append("way: Way | None = None")
    returns = inspect.signature(op.infer).return_annotation.replace("Dims", "Value")
    summary = (inspect.getdoc(op) or "").splitlines()[0]
    return f'\n    def {op.name}({", ".join(words)}) -> {returns}:\n        """{summary}"""'


def imports_for(hint: str, op: Op) -> list[str]:
    """The imports that an annotation needs: its text is that in the op's module."""
    module = sys.modules[type(op).__module__]
    lines = []
    for word in re.findall(r"\b[A-Za-z]\w*", hint):
        thing = getattr(module, word, None)
        if isinstance(thing, ModuleType):
            lines.append(f"import {thing.__name__} as {word}")
        elif thing is not None:
            lines.append(f"from {thing.__module__ if inspect.isclass(thing) else module.__name__} import {word}")
    return lines


STUBS: dict[Path, Callable[[], str]] = {
    Path(__file__).with_name("__init__.pyi"): namespace,
    Path(__file__).with_name("ops") / "vocabulary.pyi": vocabulary,
}


def write_stubs(arguments: Sequence[str]) -> int:
    """Write the stubs, or only check them; returns the exit status."""
    stale = [path for path, text in STUBS.items() if not path.exists() or path.read_text(encoding="utf-8") != text()]
    if list(arguments) == ["--check"]:
        for path in stale:
            print(f"{path.name} is not current: run python -m dltoolbox._stubs", file=sys.stderr)
        return 1 if stale else 0
    for path in stale:
        path.write_text(STUBS[path](), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(write_stubs(sys.argv[1:]))
