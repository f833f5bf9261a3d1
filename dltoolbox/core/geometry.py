"""Window arithmetic in any number of dimensions: output sizes, 'same' padding, rounding, dilation, transposed windows.

Sources: Dumoulin and Visin, "A guide to convolution arithmetic for deep learning" (2016), relationships 6 to 15; the
'same' rule (output = ceil(input / stride), the odd extra element at the end) is MATLAB's documented one, with the odd
element in front ONNX's SAME_LOWER; sizes that are rounded up are PyTorch's (``ceil_mode``) and Caffe's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from math import prod
from typing import ClassVar, Literal, NamedTuple

from dltoolbox.core.dims import times
from dltoolbox.core.errors import fail

Pair = tuple[int, int]
Padding = Literal["same", "same-lower", "causal"] | tuple[Pair, ...]
Rounding = Literal["floor", "ceil", "caffe"]


class OpenPair(tuple[int, int]):
    """Padding of a length that is open; it changes with the length. It is that of one which the stride divides."""

    lower: ClassVar[bool] = False  # whether the odd element is in front


class OpenLowerPair(OpenPair):
    """The same of 'same-lower'."""

    lower = True


class Reach(NamedTuple):
    """Along one dimension, element i sees elements ⌊(i·step + first)/per⌋ to ⌊(i·step + last)/per⌋ of what it is made of.

    None if the former is larger; then the former is the next one that a later element sees.
    """

    first: int = 0
    last: int = 0
    step: int = 1
    per: int = 1


@dataclass(frozen=True)
class Window:
    """A window resolved for one input: size, stride, dilation and (before, after) padding per spatial dimension."""

    size: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[Pair, ...]
    dilation: tuple[int, ...]

    @classmethod
    def of(cls, size: Sequence[int], stride: Sequence[int] | None = None, padding: Sequence[Pair] | None = None,
           dilation: Sequence[int] | None = None) -> Window:
        ones = (1,) * len(size)
        return cls(tuple(size), tuple(stride or ones), tuple(padding or ((0, 0),) * len(size)), tuple(dilation or ones))

    @property
    def rank(self) -> int:
        return len(self.size)

    def in_rank(self, rank: int) -> Window:
        """The same window over a map of so many dimensions, the first of which have size 1."""
        more = rank - self.rank
        ones, none = (1,) * more, ((0, 0),) * more
        return Window(ones + self.size, ones + self.stride, none + self.padding, ones + self.dilation) if more else self

    @property
    def extent(self) -> tuple[int, ...]:
        """Elements spanned by the dilated window: (F − 1)·D + 1."""
        return tuple((f - 1) * d + 1 for f, d in zip(self.size, self.dilation, strict=True))

    @property
    def taps(self) -> int:
        return prod(self.size)

    @property
    def padded(self) -> bool:
        return any(before or after for before, after in self.padding)

    @property
    def open(self) -> bool:
        """Whether there may be padding once the length is known."""
        return any(isinstance(pair, OpenPair) for pair in self.padding)

    @property
    def overlapping(self) -> bool:
        return any(s < e for s, e in zip(self.stride, self.extent, strict=True))

    def output(self, spatial: Sequence[int]) -> tuple[int, ...]:
        """floor((in − extent + before + after) / stride) + 1 per dimension; below 1 where the window does not fit, and None
        for a length of time that is open.
        """
        return tuple(n if n is None else (n - e + sum(p)) // s + 1
                     for n, e, p, s in zip(spatial, self.extent, self.padding, self.stride, strict=True))

    def at(self, spatial: Sequence[int]) -> Window:
        """The same for known sizes, where some were open."""
        if not self.open:
            return self
        pairs = zip(*(same_padding(spatial, self.extent, self.stride, lower=lower) for lower in (False, True)), strict=True)
        return replace(self, padding=tuple(new[old.lower] if isinstance(old, OpenPair) else old
                                           for old, new in zip(self.padding, pairs, strict=True)))

    def misses(self, spatial: Sequence[int]) -> int:
        """How many windows see nothing of a map of these sizes, only padding."""
        out = self.output(spatial)
        return prod(out) - prod(sum(any(0 <= o * s + f * d - p[0] < n for f in range(size)) for o in range(m))
                                for n, m, size, s, p, d in zip(spatial, out, self.size, self.stride, self.padding,
                                                               self.dilation, strict=True))

    @property
    def always_sees(self) -> bool:
        """Whether every window sees something, however large the map is: it has no gaps, and less padding than elements."""
        return all(p == (0, 0) or (d == 1 and max(p) < f)
                   for f, p, d in zip(self.size, self.padding, self.dilation, strict=True))

    def fits(self, spatial: Sequence[int]) -> bool:
        return all(n is None or n + sum(p) >= e for n, e, p in zip(spatial, self.extent, self.padding, strict=True))

    def transposed_output(self, spatial: Sequence[int]) -> tuple[int, ...]:
        """(in − 1)·stride + extent − before − after per dimension; ``padding`` plays the part of the cropping."""
        return tuple(n if n is None else (n - 1) * s + e - sum(p)
                     for n, e, p, s in zip(spatial, self.extent, self.padding, self.stride, strict=True))

    def reach(self) -> tuple[Reach, ...]:
        return tuple(Reach(-p[0], e - 1 - p[0], s)
                     for e, p, s in zip(self.extent, self.padding, self.stride, strict=True))

    def transposed_reach(self) -> tuple[Reach, ...]:
        """An element of a transposed window's output sees the inputs whose windows cover it."""
        return tuple(Reach(p[0] - e + s, p[0], per=s)
                     for e, p, s in zip(self.extent, self.padding, self.stride, strict=True))

    def offsets(self) -> Iterator[tuple[int, ...]]:
        """Positions of the taps in the padded input, relative to the first, row by row."""
        return product(*(range(0, f * d, d) for f, d in zip(self.size, self.dilation, strict=True)))

    def tap_slices(self, offset: Sequence[int], out: Sequence[int]) -> tuple[slice, ...]:
        """Slices of the *padded* input that pick, for every output position, the tap at ``offset``."""
        return tuple(slice(o, o + (n - 1) * s + 1, s) for o, n, s in zip(offset, out, self.stride, strict=True))


def same_padding(spatial: Sequence[int], extent: Sequence[int], stride: Sequence[int], *,
                 lower: bool = False) -> tuple[Pair, ...]:
    """Padding that makes output = ceil(input / stride); the odd extra element goes to the end, or in front (``lower``)."""
    halves = (_halve(max((-(-(n or s) // s) - 1) * s + e - (n or s), 0))
              for n, e, s in zip(spatial, extent, stride, strict=True))
    pairs = ((after, before) if lower else (before, after) for before, after in halves)
    kind = OpenLowerPair if lower else OpenPair
    return tuple(kind(pair) if n is None and s > 1 else pair for pair, n, s in zip(pairs, spatial, stride, strict=True))


def same_cropping(extent: Sequence[int], stride: Sequence[int]) -> tuple[Pair, ...]:
    """Cropping of a transposed window that makes output = input · stride; negative at the end where stride > window: what
    is missing is added there.
    """
    return tuple(_halve(e - s) if e >= s else (0, e - s) for e, s in zip(extent, stride, strict=True))


def padding_in_front(extent: Sequence[int]) -> tuple[Pair, ...]:
    """Padding in front alone, so that every window ends with the element of its own place."""
    return tuple((e - 1, 0) for e in extent)


def rounded_up(padding: Sequence[Pair], extent: Sequence[int], stride: Sequence[int],
               rounding: Rounding) -> tuple[Pair, ...]:
    """Padding with which the floor rule of `Window.output` makes as many windows as a rule that rounds up; for all sizes.

    Of n elements, with padding b and a, a window of extent e and a stride s,

        ceil((n + b + a − e)/s) + 1 = floor((n + b + a + s − 1 − e)/s) + 1:

    the floor rule with s − 1 more elements at the end. A last window may then begin behind the input and the padding in
    front of it. PyTorch drops it, and so does Caffe where any dimension is padded. Windows that begin at o·s ≤ n + b − 1
    are floor((n + b − 1)/s) + 1, the floor rule with e − 1 at the end. Of both numbers the smaller is, since floor
    is monotone, floor((n + b − e + min(a + s − 1, e − 1))/s) + 1. PyTorch and Caffe drop one window at most, which is the
    same: what is too many by two begins at (n + b + a − e + s − 1) − s < n + b or before, for a < e.
    """
    if rounding == "floor":
        return tuple(padding)
    drops = rounding == "ceil" or any(map(any, padding))
    return tuple((before, min(after + s - 1, e - 1) if drops else after + s - 1)
                 for (before, after), e, s in zip(padding, extent, stride, strict=True))


def _halve(total: int) -> Pair:
    return (total // 2, total - total // 2)


def resolve(spatial: Sequence[int], size: Sequence[int], stride: Sequence[int], padding: Padding,
            dilation: Sequence[int] | None = None, rounding: Rounding = "floor") -> Window:
    """The window for an input of these spatial sizes."""
    extent = Window.of(size, dilation=dilation).extent
    if padding == "same" or padding == "same-lower":
        return Window.of(size, stride, same_padding(spatial, extent, stride, lower=padding == "same-lower"), dilation)
    pairs = padding_in_front(extent) if padding == "causal" else padding
    return Window.of(size, stride, rounded_up(pairs, extent, stride, rounding), dilation)


def check_padding(owner: str, padding: Padding, size: Sequence[int], dilation: Sequence[int], layer: str = "") -> None:
    """Of a pooling: padding is smaller than the regions."""
    if isinstance(padding, str):
        return
    extent = Window.of(size, dilation=dilation).extent
    for pair, n in zip(padding, extent, strict=True):
        if max(pair) >= n:
            what = "pool size" if extent == tuple(size) else "dilated pool size"
            fail(f"{owner}:paddingTooLarge", f"Padding of {max(pair)} is not smaller than the {what} {times(extent)}, so "
                 "some regions would hold nothing but padding.", f"Use padding of at most the {what} minus 1.",
                 layer=layer)


def check_rounding(owner: str, padding: Padding, rounding: Rounding, layer: str = "") -> None:
    """Padding that follows the stride leaves nothing to round."""
    if isinstance(padding, str) and rounding != "floor":
        fail(f"{owner}:roundingWithoutEffect", f"With Padding='{padding}' the output is ceil(input/stride) as it is, so "
             f"Rounding='{rounding}' would change nothing.", "Leave Rounding out, or give Padding in numbers.", layer=layer)


def check_divisor(owner: str, divisor: str | float, padding_value: str | float, layer: str = "") -> None:
    """A divisor is one thing, the number of real elements another."""
    if divisor != "auto" and padding_value == "mean":
        fail(f"{owner}:divisorWithMean", "PaddingValue='mean' divides by the number of real elements, but Divisor is "
             f"{divisor:g}.", "Leave one of the two out.", layer=layer)


def check_fits(owner: str, window: Window, spatial: Sequence[int], hint: str, origin: str = "",
               padding: Sequence[Pair] | None = None) -> None:
    """``origin`` says, in parentheses, how large the input is and the padding; ``padding`` is that which was asked for."""
    if not window.fits(spatial):
        pairs = window.padding if padding is None else padding
        padded = [n if n is None else n + sum(pair) for n, pair in zip(spatial, pairs, strict=True)]
        fail(f"{owner}:windowTooLarge", f"The window of {times(window.extent)} is larger than the padded input of "
             f"{times(padded)}{origin}.", hint)
