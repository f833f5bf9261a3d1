"""Sizes and formats of data that are not there yet, by example inputs."""

from __future__ import annotations

import numpy as np

from dltoolbox.core.arrays import array_of
from dltoolbox.core.dims import ORDER, Dims, Size, times
from dltoolbox.core.errors import fail
from dltoolbox.core.properties import show
from dltoolbox.data.layout import networkDataLayout

FORMATS = {2: "BC", 4: "SSCB", 5: "SSSCB"}  # of arrays without a format, by their number of dimensions


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
