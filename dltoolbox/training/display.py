"""Values as MATLAB prints them in objects and structs (``format short``)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

CLASSES = {"float64": "double", "float32": "single", "bool": "logical"}


def number(value: float) -> str:
    """``30``, ``0.9000``, ``1.0000e-04``, ``Inf``: a scalar in MATLAB's short format."""
    if np.isnan(value):
        return "NaN"
    if np.isinf(value):
        return "Inf" if value > 0 else "-Inf"
    if value == int(value) and abs(value) < 1e9:
        return str(int(value))
    return f"{value:.4f}" if 0.001 < abs(value) < 1000 else f"{value:.4e}"


def value_text(value: Any) -> str:
    """One property value: text in quotes, logicals as 0/1, arrays by size and class, nothing as ``[]``."""
    if value is None:
        return "[]"
    if isinstance(value, str):
        return f"'{value}'"
    if isinstance(value, (bool, np.bool_, int, float, np.number)):
        return number(float(value))
    if isinstance(value, tuple):
        words = [value_text(item) for item in value]
        return words[0] if len(words) == 1 else "{" + "  ".join(words) + "}"
    if callable(value):
        return f"@{getattr(value, '__name__', type(value).__name__)}"
    return f"[{size_and_class(value)}]"


def size_and_class(value: Any) -> str:
    """``28×28×1×100 double`` or ``100×1 categorical``; a vector prints as a column."""
    shape = tuple(np.shape(value)) if hasattr(value, "shape") else (len(value) if hasattr(value, "__len__") else 1,)
    sizes = shape + (1,) * (2 - len(shape))
    kind = str(value.dtype) if isinstance(value, np.ndarray) else type(value).__name__
    return f"{'×'.join(map(str, sizes))} {CLASSES.get(kind, kind)}"


def aligned(pairs: Iterable[tuple[str, str]]) -> str:
    """``name: value`` lines with the names flush right, the longest indented by four spaces."""
    rows = list(pairs)
    width = max((len(name) for name, _ in rows), default=0) + 4
    return "\n".join(f"{name:>{width}}: {text}" for name, text in rows)
