"""Dimension labels and sizes: what MATLAB calls the format of an array.

A `Dims` pairs labels with sizes, ``28(S) × 28(S) × 8(C) × 1(B)``. Labels are S (spatial), C (channel), B (batch),
T (time) and U (unspecified). A size of ``None`` is open (usually the batch), one that a problem hides is `UNKNOWN`. Where
even the number of spatial dimensions is hidden, a label ``?`` stands for them.

Axes have the order S C T B U everywhere inside; MATLAB's order S C B T U is for displays and for users' arrays.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod

from dltoolbox.core.unknown import UNKNOWN, is_known

ORDER = "SCTBU"  # of axes
DISPLAY = "SCBTU"  # as MATLAB shows them
Size = int | None


@dataclass(frozen=True)
class Dims:
    """Labelled sizes of one array. Immutable; the axes of the array have exactly this order."""

    labels: str
    sizes: tuple[Size, ...]

    def __post_init__(self) -> None:
        if len(self.labels) != len(self.sizes):
            raise AssertionError(f"{len(self.labels)} labels for {len(self.sizes)} sizes: {self.labels} {self.sizes}")

    @classmethod
    def of(cls, labels: str, *sizes: Size) -> Dims:
        return cls(labels, tuple(sizes))

    @property
    def rank(self) -> int:
        """Number of spatial dimensions."""
        return UNKNOWN if self.hidden else self.labels.count("S")

    @property
    def spatial(self) -> tuple[int, ...]:
        """Sizes of the spatial dimensions; an open length of time that counts as one is None."""
        return tuple(n for label, n in zip(self.labels, self.sizes, strict=True) if label == "S")  # type: ignore[misc]

    @property
    def channels(self) -> int:
        n = self.size("C")
        return 1 if n is None else n

    @property
    def known(self) -> bool:
        """Whether no problem hides a size."""
        return is_known(*self.sizes)

    @property
    def hidden(self) -> bool:
        """Whether a problem hides even how many spatial dimensions there are."""
        return self.labels.startswith("?")

    @property
    def batch(self) -> Size:
        return self.size("B")

    def axis(self, label: str) -> int | None:
        """Axis of a label that occurs at most once, or None when it is absent."""
        at = self.labels.find(label)
        return None if at < 0 else at

    def size(self, label: str) -> Size:
        at = self.axis(label)
        return None if at is None else self.sizes[at]

    def with_spatial(self, spatial: Sequence[int]) -> Dims:
        rest = iter(spatial)
        return Dims(self.labels, tuple(next(rest) if label == "S" else n
                                       for label, n in zip(self.labels, self.sizes, strict=True)))

    def with_size(self, label: str, size: Size) -> Dims:
        return Dims(self.labels, tuple(size if own == label else n
                                       for own, n in zip(self.labels, self.sizes, strict=True)))

    @cached_property
    def shape(self) -> tuple[int, ...]:
        """Of the array, when all sizes are known."""
        return tuple(int(n or 0) for n in self.sizes)

    @cached_property
    def timed(self) -> bool:
        """Whether these are sizes of sequences."""
        return self.labels.endswith("CTB")

    @cached_property
    def folded(self) -> Dims:
        """T and B as one last dimension, the steps of all observations; itself without T."""
        if not self.timed:
            return self
        *rest, steps, batch = self.sizes
        return Dims(self.labels[:-2] + "B", (*rest, None if steps is None or batch is None else steps * batch))

    @property
    def positions(self) -> int:
        """Number of positions of a map: the product of the spatial sizes; unknown ones count once."""
        return prod(n for label, n in zip(self.labels, self.sizes, strict=True) if label == "S" and n is not None)

    @property
    def features(self) -> int:
        """Number of elements of one observation (and one time step): the product of the S and C sizes."""
        return prod(n for label, n in zip(self.labels, self.sizes, strict=True) if label in "?SC" and n is not None)

    @property
    def elements(self) -> int:
        """Number of elements of one observation and all its time steps; open and unknown sizes count once."""
        return prod(n for label, n in zip(self.labels, self.sizes, strict=True)
                    if label != "B" and n is not None and is_known(n))

    @property
    def shown(self) -> list[tuple[str, Size]]:
        """Labels and sizes in MATLAB's order."""
        return sorted(zip(self.labels, self.sizes, strict=True), key=lambda pair: DISPLAY.find(pair[0]))

    @property
    def format(self) -> str:
        """The labels in MATLAB's order."""
        return "".join(label for label, _ in self.shown)

    @property
    def shown_sizes(self) -> list[Size]:
        """The sizes in MATLAB's order."""
        return [n for _, n in self.shown]

    def __str__(self) -> str:
        """As analyzeNetwork prints it; an unknown size prints as 1, as MATLAB's does for the batch."""
        return " × ".join(f"{1 if n is None else n}({label})" for label, n in self.shown)


def features(rank: int, channels: Size, batch: Size) -> Dims:
    """A vector of features with so many spatial dimensions, of size 1."""
    if not is_known(rank):
        return Dims("?CB", (UNKNOWN, channels, batch))
    return Dims("S" * rank + "CB", (*[1] * rank, channels, batch))


UNKNOWN_FEATURES = features(UNKNOWN, UNKNOWN, None)


def unknown(labels: str) -> Dims:
    """A format without known sizes."""
    return Dims(labels, tuple(UNKNOWN if label in "?SC" else None for label in labels))


def times(sizes: Sequence[Size]) -> str:
    """``2×2``: sizes joined by the multiplication sign, as in every MATLAB display; a scalar is 1×1 there."""
    return "×".join("?" if n is None else str(n) for n in sizes) or "1×1"


def vector(values: Sequence[object]) -> str:
    """``[2  2]``: a row vector with MATLAB's two spaces; a vector of one element prints as a scalar."""
    return str(values[0]) if len(values) == 1 else "[" + "  ".join(str(v) for v in values) + "]"
