"""dlarrays as MATLAB prints arrays: sizes with labels, then the numbers, page by page."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from dltoolbox.autodiff.labels import labelled_size
from dltoolbox.core.display import number_text

ROWS_SHOWN, COLUMNS_SHOWN, PAGES_SHOWN = 12, 12, 3
TYPES_SHOWN = {"float32": "single ", "bool": "logical "}  # double goes without saying


def dlarray_text(values: np.ndarray, labels: str) -> str:
    """Sizes, type and numbers; of large arrays the first ones."""
    shape = values.shape if labels else (*values.shape, *[1] * (2 - values.ndim))
    head = f"  {labelled_size(shape, labels)} {TYPES_SHOWN.get(values.dtype.name, '')}dlarray"
    pages = pages_of(values.reshape(shape)) if values.size else []
    return "\n".join([head, *(line for page in pages for line in ("", *page))])


def pages_of(values: np.ndarray) -> Iterator[list[str]]:
    """The lines of each page: a matrix of the first two dimensions."""
    full = values.reshape(*values.shape, *[1] * (2 - values.ndim))
    pages = list(np.ndindex(full.shape[2:]))
    for place in pages[:PAGES_SHOWN]:
        title = [f"  [:, :, {', '.join(map(str, place))}]"] if len(pages) > 1 else []
        yield [*title, *matrix_lines(full[(slice(None), slice(None), *place)])]
    if len(pages) > PAGES_SHOWN:
        yield [f"  … {len(pages) - PAGES_SHOWN} more pages"]


def matrix_lines(matrix: np.ndarray) -> list[str]:
    """The rows of a matrix, the first ones of a large one."""
    shown = matrix[:ROWS_SHOWN, :COLUMNS_SHOWN]
    whole = is_whole(shown)
    cells = [[element_text(x, whole=whole) for x in row] for row in shown.tolist()]
    width = max(6 if whole else 10, *(len(cell) + 3 for row in cells for cell in row))
    more = "    …" * (matrix.shape[1] > COLUMNS_SHOWN)
    lines = ["".join(f"{cell:>{width}}" for cell in row) + more for row in cells]
    return [*lines, f"    … {len(matrix) - ROWS_SHOWN} more rows"] if len(matrix) > ROWS_SHOWN else lines


def is_whole(values: np.ndarray) -> bool:
    """Whether all numbers are whole, and short enough to be written out."""
    numbers = values[np.isfinite(values)] if values.dtype.kind == "f" else values
    return bool(np.all(numbers == np.round(numbers)) and np.all(np.abs(numbers) < 1e9)) if numbers.size else True


def element_text(x: float, *, whole: bool) -> str:
    """One number; zeros among fractions have decimals, too."""
    return f"{x:.4f}" if x == 0 and not whole else number_text(x)
