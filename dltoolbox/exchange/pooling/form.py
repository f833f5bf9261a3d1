"""A pooling in no framework's words: between a layer and the parameters of a framework."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from dltoolbox.core.geometry import Padding, Pair, Rounding, Window, rounded_up, same_padding
from dltoolbox.layers import FACTORIES
from dltoolbox.layers.base import Layer

ROUNDINGS: tuple[Rounding, ...] = ("floor", "ceil", "caffe")
FAMILY = re.compile(r"(\w+?(?:P|Unp)ooling)([123])dLayer")


@dataclass(frozen=True)
class Pooled:
    """A pooling: its family, ``maxPooling``, and the meaning of its options. ``divisor`` None: elements that count."""

    family: str
    rank: int
    size: tuple[int, ...] = ()
    stride: tuple[int, ...] = ()
    padding: Padding = ()
    dilation: tuple[int, ...] = ()
    rounding: Rounding = "floor"
    only_real: bool = False  # whether padding is left out of averages
    divisor: float | None = None
    indices: bool = False
    name: str = ""
    output: tuple[int, ...] = ()  # sizes of what adapts to them

    @classmethod
    def of(cls, layer: object) -> Pooled | None:
        """That of a layer; None: it is no pooling that parameters can tell."""
        found = FAMILY.fullmatch(layer.factory) if isinstance(layer, Layer) else None
        if found is None or not isinstance(layer, Layer) or layer.factory not in FACTORIES:
            return None
        family, rank, values = found[1], int(found[2]), layer.__dict__
        if "PoolSize" not in values:
            return cls(family, rank, output=values.get("OutputSize", ()), name=layer.Name)
        divisor = values.get("Divisor", "auto")
        return cls(family, rank, values["PoolSize"], values["Stride"], values["Padding"], values["DilationFactor"],
                   values["Rounding"], values.get("PaddingValue") == "mean", None if divisor == "auto" else divisor,
                   values.get("HasUnpoolingOutputs", False), layer.Name)

    @property
    def factory(self) -> str:
        return f"{self.family}{self.rank}dLayer"

    @property
    def is_windowed(self) -> bool:
        return bool(self.size)

    @property
    def averages(self) -> bool:
        return self.family == "averagePooling"

    def layer(self) -> Layer:
        """The layer that does this."""
        options: dict[str, object] = {"Name": self.name}
        if self.is_windowed:
            options |= {"Stride": list(self.stride), "Padding": self.padding, "DilationFactor": list(self.dilation),
                        "Rounding": self.rounding}
        if self.averages:
            options |= {"PaddingValue": "mean" if self.only_real else 0,
                        "Divisor": "auto" if self.divisor is None else self.divisor}
        if self.indices:
            options["HasUnpoolingOutputs"] = True
        sizes = self.size or self.output
        made: Layer = FACTORIES[self.factory](*([list(sizes)] if sizes else []), **options)
        return made

    # What options mean together ------------------------------------------------------------------------------------
    @property
    def extent(self) -> tuple[int, ...]:
        return Window.of(self.size, dilation=self.dilation).extent

    def same(self, *, lower: bool = False) -> tuple[Pair, ...] | None:
        """The numbers of 'same', where they are those of any input."""
        fixed = all(s == 1 or e == 1 for s, e in zip(self.stride, self.extent, strict=True))
        return same_padding((1,) * self.rank, self.extent, self.stride, lower=lower) if fixed else None

    @property
    def pairs(self) -> tuple[Pair, ...] | None:
        """Padding in numbers; None where they depend on the input."""
        return self.same(lower=self.padding == "same-lower") if isinstance(self.padding, str) else self.padding

    @property
    def is_padded(self) -> bool:
        return self.pairs is None or any(map(any, self.pairs))

    @property
    def follows_stride(self) -> bool:
        """Whether padding is 'same', or some that comes to that for every input."""
        return self.padding == "same" or (self.is_padded and self.pairs is not None and self.pairs == self.same())

    @property
    def is_dilated(self) -> bool:
        return any(d > 1 for d, n in zip(self.dilation, self.size, strict=True) if n > 1)

    def rounding_among(self, those: Sequence[Rounding]) -> Rounding | None:
        """The rule of rounding, or another one that gives the same windows for every input."""
        if self.rounding in those or self.pairs is None:
            return self.rounding if self.rounding in those else None
        padded = {rule: rounded_up(self.pairs, self.extent, self.stride, rule) for rule in ROUNDINGS}
        return next((rule for rule in those if padded[rule] == padded[self.rounding]), None)

    @property
    def own_divisor(self) -> float | None:
        """A divisor that is not the number of elements which count anyway."""
        counts_all = self.rounding_among(("floor",)) is not None
        return None if counts_all and self.divisor == prod(self.size) else self.divisor

    @property
    def counts_padding(self) -> bool | None:
        """Whether padding counts in averages; None: there is no difference."""
        return not self.only_real if self.averages and self.is_padded and self.own_divisor is None else None
