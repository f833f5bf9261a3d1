"""`networkDataLayout`: sizes and format of data that are not there yet."""

from __future__ import annotations

from collections import Counter

import numpy as np

from dltoolbox.core.arrays import array_of
from dltoolbox.core.convert import LARGEST_COUNT
from dltoolbox.core.dims import ORDER, Dims
from dltoolbox.core.display import counted, object_text
from dltoolbox.core.errors import fail
from dltoolbox.core.properties import Configured, InvalidValue, Property

MOST_SIZES = 16  # dimensions


def _sizes(value: object) -> tuple[float, ...]:
    """Two or more non-negative integers, NaN where a size is not known."""
    array = array_of(value)
    with np.errstate(over="ignore"):  # of a long double
        array = None if array is None or array.dtype.kind == "c" else array_of(array, float)
    got = np.empty(0) if array is None else array.reshape(-1)
    known = got[~np.isnan(got)]
    if not 2 <= got.size <= MOST_SIZES or not ((known >= 0) & (known == np.floor(known)) & (known <= LARGEST_COUNT)).all():
        raise InvalidValue(f"a vector of 2 to {MOST_SIZES} sizes, integers of at most {LARGEST_COUNT}, with NaN for those "
                           "that are not known")
    return tuple(n if np.isnan(n) else int(n) for n in got.tolist())


def _format(value: object) -> str:
    if isinstance(value, str) and len(value) <= MOST_SIZES:
        counts = Counter(value.upper())
        if set(counts) <= set(ORDER) and all(counts[label] <= 1 for label in "CBT"):
            return value.upper()
    raise InvalidValue("dimension labels, such as 'SSCB', with C, B and T at most once")


class networkDataLayout(Configured):
    """Size and format of data, for `initialize` and `dlnetwork`: ``networkDataLayout([28, 28, 1], 'SSC')``.

    Args:
        sz: Size of every dimension, NaN where it is not known.
        fmt: A label per dimension: S spatial, C channel, B batch, T time, U unspecified.

    Raises:
        DltoolboxError: ``dltoolbox:networkDataLayout:invalidSize``, ``…:invalidFormat``, ``…:formatMismatch``.

    Example:
        >>> print(networkDataLayout([227, 227, 3, float('nan')], 'SSCB'))
          networkDataLayout with properties:
        <BLANKLINE>
              Size: [227 227 3 NaN]
            Format: 'SSCB'
        <BLANKLINE>
    """

    Size = Property(_sizes, doc="Size per dimension.", positional=True, argument="sz")
    Format = Property(_format, "", "A label per dimension.", positional=True, argument="fmt")

    def validate(self) -> None:
        if self.Format and len(self.Format) != len(self.Size):
            fail("networkDataLayout:formatMismatch", f"There are {counted(len(self.Size), 'size')}, but the format "
                 f"'{self.Format}' has {counted(len(self.Format), 'label')}.", "Pass one label per size.")

    def __str__(self) -> str:
        return object_text("networkDataLayout", [("", [("Size", self.Size), ("Format", self.Format)])])

    def __repr__(self) -> str:
        return f"networkDataLayout({[*self.Size]}, {self.Format!r})"


def layout_of(dims: Dims) -> networkDataLayout:
    """The layout of labelled sizes, in MATLAB's order; open sizes are NaN."""
    sizes = [float("nan") if n is None else n for n in dims.shown_sizes]
    return networkDataLayout(sizes, dims.format)
