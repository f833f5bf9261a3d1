"""`networkDataLayout`: sizes and format of data that are not there yet, and what example inputs say about both."""

from __future__ import annotations

from collections import Counter

import numpy as np

from dltoolbox.core.arrays import array_of
from dltoolbox.core.convert import LARGEST_COUNT
from dltoolbox.core.dims import ORDER, Dims, Size, times
from dltoolbox.core.display import counted, object_text
from dltoolbox.core.errors import fail
from dltoolbox.core.properties import Configured, InvalidValue, Property, show

MOST_SIZES = 16  # dimensions
FORMATS = {2: "BC", 4: "SSCB", 5: "SSSCB"}  # of arrays without a format, by their number of dimensions


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


def example_dims(example: object, declared: Dims | None, function: str) -> Dims:
    """Labelled sizes of a mini-batch like an example input; the batch size stays open, and so does the length of time.

    Args:
        example: A `networkDataLayout`, or an array: h×w×c×N, h×w×d×c×N or N×f.
        declared: Sizes that an input layer declares, whose format arrays then have.
        function: The caller, for messages.
    """
    if isinstance(example, networkDataLayout):
        labels, sizes = example.Format, example.Size
        if not labels:
            fail(f"{function}:formatNeeded", f"The layout {example!r} has no format, so nothing says which dimension holds "
                 "the channels.", "Pass a format: networkDataLayout([28, 28, 1], 'SSC').")
    else:
        array = array_of(example)
        if array is None or array.dtype.kind not in "fiubc":
            fail(f"{function}:invalidExample", f"The example input is {show(example)}, neither an array of numbers nor a "
                 "layout.", "Pass an array, or networkDataLayout([28, 28, 1], 'SSC').")
        sizes = array.shape
        labels = array_format(array.shape, declared, function)
        sizes += (1,) * (len(labels) - len(sizes))  # trailing ones may be left out
    unknown = [label for label, n in zip(labels, sizes, strict=True) if label in "SC" and np.isnan(n)]
    if unknown:
        fail(f"{function}:sizeNeeded", f"The layout {example!r} has no size for {', '.join(unknown)}.",
             "Only the sizes of B, T and U may be NaN.")
    pairs: list[tuple[str, Size]] = [(label, None if label in "BT" or np.isnan(n) else int(n))
                                     for label, n in zip(labels, sizes, strict=True)]
    if "B" not in labels:
        pairs.append(("B", None))
    pairs.sort(key=lambda pair: ORDER.index(pair[0]))
    return Dims("".join(label for label, _ in pairs), tuple(n for _, n in pairs))


def array_format(sizes: tuple[int, ...], declared: Dims | None, function: str) -> str:
    """The format of an array: that of its input layer, else by its number of dimensions."""
    if declared is not None and len(sizes) <= len(declared.labels):
        return "BC"[-len(sizes):] if declared.labels == "CB" else declared.format
    if len(sizes) not in FORMATS:
        fail(f"{function}:formatNeeded", f"An array of size {times(sizes)} has no format of its own.", "Pass images as "
             "h×w×c×N, volumes as h×w×d×c×N, features as N×f, or describe them: networkDataLayout([28, 28, 1], 'SSC').")
    return FORMATS[len(sizes)]
