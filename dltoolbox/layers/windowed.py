"""The one parent of every layer that slides a window: size, stride, padding and dilation in 1, 2 and 3 dimensions."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import ClassVar, NamedTuple

from dltoolbox.core import convert
from dltoolbox.core.dims import Dims, times, vector
from dltoolbox.core.display import counted, listed
from dltoolbox.core.errors import fail
from dltoolbox.core.geometry import OpenPair, Padding, Pair, Rounding, Window, check_fits, resolve
from dltoolbox.core.properties import ByRank, Property
from dltoolbox.core.unknown import is_known
from dltoolbox.layers.base import LAYERS, Layer, Row
from dltoolbox.ops import Value
from dltoolbox.ops.time_axis import Way

Vector = list[int] | list[list[int]]
BOX_FORMATS = {1: ("SCB",), 2: ("SSCB",), 3: ("SSSCB",)}
DIMENSIONS = {"height": "row", "width": "column", "depth": "slice"}  # with what is left over along them


class SizeRule(NamedTuple):
    """How the size of an output follows along one dimension, and how many elements of the input no window reaches."""

    text: str
    left_over: int = 0


def padding_vector(padding: Padding) -> Vector:
    """MATLAB's PaddingSize: [t b l r] in 2-D, [[t l f], [b r k]] in 3-D, [] for 'same' while the input is unknown."""
    if isinstance(padding, str):
        return []
    if len(padding) == 3:
        return [[before for before, _ in padding], [after for _, after in padding]]
    return [n for pair in padding for n in pair]


def padding_text(padding: Padding) -> str:
    """``'same'``, ``[0  0  0  0]`` or ``[0  0  0; 0  0  0]``, as descriptions print it."""
    if isinstance(padding, str):
        return f"'{padding}'"
    rows = padding_vector(padding)
    if len(padding) == 3:
        return "[" + "; ".join(vector(row)[1:-1] for row in rows if isinstance(row, list)) + "]"
    return vector(rows)


def padding_mode(padding: Padding) -> str:
    return padding if isinstance(padding, str) else "manual"


def by_mode_and_size(rows: list[Row], name: str, padding: Padding) -> list[Row]:
    """Rows of a display in which a padding or cropping reads as MATLAB's two properties, its mode and its size."""
    return [new for row in rows for new in (
        [(row[0], f"{name}Mode", padding_mode(padding)), (row[0], f"{name}Size", padding_vector(padding))] if row[1] == name
        else [row])]


class SpatialLayer(Layer):
    """A layer that wants a certain number of spatial dimensions, which its class names: ``rank=2``.

    Of sequences it takes every step by itself; where ``over_time``, time may be the last of its dimensions, too.
    """

    over_time: ClassVar[bool] = False

    def __init_subclass__(cls, rank: int | None = None, **kwargs: object) -> None:
        if rank is not None:
            cls.rank, cls.formats = rank, BOX_FORMATS[rank]
        super().__init_subclass__(**kwargs)

    def way(self, x: Dims) -> Way | None:
        """How it looks at time in an input; None: it takes none of this format."""
        if x.folded.labels in self.formats:
            return Way.FOLD
        return Way.SPACE if self.over_time and x.timed and x.rank == self.rank - 1 else None

    def slid(self, x: Dims) -> tuple[int, ...]:
        """Sizes of an input along the dimensions of the windows: the last ones, where an op sees more."""
        way = self.way(x)
        return (x if way is None else way.dims(x)).spatial[-self.rank:]

    def rank_of(self, x: Value) -> int:
        """How many spatial dimensions ops see."""
        way = self.way(x.dims)
        return x.dims.rank if way is None else way.dims(x.dims).rank

    def check(self, *inputs: Dims) -> None:
        x = inputs[0]
        if self.way(x) is None:
            (accepted,) = self.formats
            if self.rank == 1:
                accepted = "SCB, SCBT or CBT"
            elif x.timed:
                accepted += f"T{f' or {accepted[1:]}T' if self.over_time else ''}"
            fail(f"{self.label()}:invalidInputFormat", f"{self.label()} needs input of format {accepted} "
                 f"({self.dimensions_text()}), but its input is {x}.", self.hint_for_format(x))

    def dimensions_text(self) -> str:
        return "1 spatial dimension or time" if self.rank == 1 else f"{self.rank} spatial dimensions"

    def hint_for_format(self, x: Dims) -> str:
        """The fix for input of another format."""
        other = self.label().replace(f"{self.rank}d", f"{x.rank}d")
        if x.rank and other in LAYERS:
            return f"Use {other}, or check which layer feeds it."
        return f"Remove it, or feed it from a layer that leaves {self.dimensions_text()}."

    def as_written(self, name: str) -> object:
        """Padding and cropping as MATLAB's vectors and matrices."""
        value = super().as_written(name)
        is_vector = name in ("Padding", "Cropping") and not isinstance(value, str)
        return padding_vector(self.__dict__[name]) if is_vector else value

    def size_rules(self, x: Dims) -> tuple[SizeRule, ...]:
        """One rule per spatial dimension of a layer whose output has other sizes than its input."""
        return ()

    def size_formula(self, *inputs: Dims) -> tuple[tuple[str, str], ...]:
        """`size_rules` by name of dimension; equal ones are joined."""
        way = self.way(inputs[0])
        rules = self.size_rules(inputs[0]) if way else ()
        names = ["length"] if self.rank == 1 else [*DIMENSIONS][:self.rank]
        if way is Way.SPACE:
            names[-1] = "time"
        return tuple(_joined([name for name, own in zip(names, rules, strict=False) if own == rule], rule)
                     for rule in dict.fromkeys(rules))


def _joined(names: list[str], rule: SizeRule) -> tuple[str, str]:
    """``('height, width', 'floor((7 − 2)/2) + 1 = 3; 1 row and 1 column left over')``"""
    n = rule.left_over
    lines = listed(counted(n, DIMENSIONS.get(name, "element")) for name in names)
    return ", ".join(names), rule.text + (f"; {lines} left over" if n else "")


def edge_terms(sign: str, pair: Pair) -> str:
    """`` + 1 + 2``, `` − 1 − 0``; nothing where both are zero."""
    return "".join(f" {sign} {n}" for n in pair) if any(pair) else ""


resolved = lru_cache(1024)(resolve)  # checks, ops and texts ask for the same window again and again


class Windowed(SpatialLayer):
    """Size, stride, padding and dilation of a window, resolved for an input by `window`."""

    size_property: ClassVar[str] = "PoolSize"
    over_time = True

    Stride = Property(ByRank(convert.sizes), 1, "Step of the window per dimension.")
    Padding = Property(ByRank(convert.padding), 0, "Padding of the input: numbers of elements per edge, or 'same'.")

    @property
    def PaddingMode(self) -> str:
        return padding_mode(self.Padding)

    @property
    def PaddingSize(self) -> Vector:
        return padding_vector(self.Padding)

    @property
    def window_size(self) -> tuple[int, ...]:
        size: tuple[int, ...] = getattr(self, self.size_property)
        return size

    @property
    def dilation(self) -> tuple[int, ...]:
        dilation: tuple[int, ...] = self.__dict__.get("DilationFactor", (1,) * self.rank)
        return dilation

    @property
    def rounding(self) -> Rounding:
        rounding: Rounding = self.__dict__.get("Rounding", "floor")
        return rounding

    @property
    def follows_stride(self) -> bool:
        """Whether the output is ceil(input/stride), by padding that depends on the input."""
        return self.Padding in ("same", "same-lower")

    def window(self, x: Dims) -> Window:
        """The window for an input of these sizes; 'same' becomes numbers, rounding up more padding at the end."""
        return self.resolved(x, self.rounding)

    def resolved(self, x: Dims, rounding: Rounding) -> Window:
        spatial = self.slid(x) if self.follows_stride else ()
        make = resolved if is_known(*spatial) else resolve
        return make(spatial, self.window_size, self.Stride, self.Padding, self.dilation, rounding)

    def window_over(self, x: Value) -> Window:
        """The window as ops see it."""
        window = self.window(x.dims)
        if x.lengths is not None and self.follows_stride and self.way(x.dims) is Way.SPACE and window.stride[-1] > 1:
            pair = window.padding[-1]  # before, as of the longest; behind, what all need for ceil(n/stride) windows
            enough = pair[0], window.extent[-1] - 1 - pair[0]
            enough = type(pair)(enough) if isinstance(pair, OpenPair) else enough
            window = replace(window, padding=(*window.padding[:-1], enough))
        return window.in_rank(self.rank_of(x))

    def check(self, *inputs: Dims) -> None:
        super().check(*inputs)
        window, spatial = self.window(inputs[0]), self.slid(inputs[0])
        asked = self.resolved(inputs[0], "floor").padding
        check_fits(self.label(), window, spatial,
                   f"Reduce {self.size_property}, add Padding, or reduce the input less in the layers before.",
                   f" (input {times(spatial)}, padding {padding_text(asked)})", asked)

    def size_rules(self, x: Dims) -> tuple[SizeRule, ...]:
        window, asked = self.window(x), self.resolved(x, "floor")
        rules, spatial = [], self.slid(x)
        for n, size, out, extent, pair, pad, stride, dilation in zip(
                spatial, window.size, window.output(spatial), window.extent, asked.padding, window.padding, window.stride,
                window.dilation, strict=True):
            span = f"(({size} − 1)·{dilation} + 1)" if dilation > 1 else str(size)
            length, rounding = "T" if n is None else n, "floor" if self.rounding == "floor" else "ceil"
            text = (f"ceil({length}/{stride})" if self.follows_stride else
                    f"{rounding}(({length} − {span}{edge_terms('+', pair)})/{stride}) + 1")
            if n is None:  # the last window is behind the input or not, so the rule says with how much more padding
                if rounding == "ceil" and pair[1] + stride > extent:
                    text = f"floor(({length} − {span}{edge_terms('+', pad)})/{stride}) + 1"
                rules.append(SizeRule(text.replace("-", "−")))
                continue
            rounded_up = rounding == "ceil" and -((extent - n - sum(pair)) // stride) + 1 > out
            text += " − 1 behind the input" if rounded_up else ""
            unread = n + pair[0] - extent - (out - 1) * stride if out > 0 else 0
            rules.append(SizeRule(f"{text} = {out}".replace("-", "−"), max(unread, 0)))
        return tuple(rules)

    def window_text(self) -> str:
        """``with stride [2  2] and padding [0  0  0  0]``, with what else differs from its default."""
        stride, *others = self.window_parts(f"stride {vector(self.Stride)}")
        return f"with {', '.join([stride, *others[:-1]])}{',' * (len(others) > 1)} and {others[-1]}"

    def window_parts(self, *first: str) -> list[str]:
        """The words of a description on the window, behind those that come first."""
        dilated, rounded = any(d > 1 for d in self.dilation), self.rounding != "floor"
        return [*first, *[f"dilation factor {vector(self.dilation)}"] * dilated, f"padding {padding_text(self.Padding)}",
                *[f"rounding '{self.rounding}'"] * rounded]

    def rows(self) -> list[Row]:
        return by_mode_and_size(super().rows(), "Padding", self.Padding)
