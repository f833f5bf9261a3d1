"""PyTorch: padding on both sides, dilation of maxima, ``ceil_mode`` without windows that begin behind the input.

Sources: the documentation of torch.nn.MaxPool2d, AvgPool2d and of those beside them; aten/src/ATen/native/Pool.h for the
last window, which is dropped where it begins at or behind the input and the padding in front of it.
"""

from __future__ import annotations

import re
from typing import ClassVar

import numpy as np

from dltoolbox.core.geometry import Pair, Rounding
from dltoolbox.exchange.pooling.form import Pooled
from dltoolbox.exchange.pooling.framework import Framework, Parameters, as_one

ADAPTS = "its windows follow the size of the output, which here only 2-D averages do."


class PyTorch(Framework):
    """Its modules."""

    title, key, names = "PyTorch", "layer", False
    example = "MaxPool2d"
    pattern = re.compile(r"(?:torch\.)?(?:nn\.)?(?P<op>[A-Za-z]+?)(?P<rank>[123])d")
    words: ClassVar[dict[str, str]] = {
        "maxPooling": "MaxPool", "averagePooling": "AvgPool", "globalMaxPooling": "AdaptiveMaxPool",
        "globalAveragePooling": "AdaptiveAvgPool", "adaptiveAveragePooling": "AdaptiveAvgPool"}
    refused = {"LPPool": "no layer of ours takes roots of sums of powers.",
               "FractionalMaxPool": "no layer of ours draws its regions at random."}

    @classmethod
    def operations(cls) -> list[str]:
        return [f"{word}{rank}d" for word in (*dict.fromkeys(cls.words.values()), "MaxUnpool") for rank in (1, 2, 3)]

    def MaxPool(self, *, kernel_size: object, stride: object = None, padding: object = 0, dilation: object = 1,
                return_indices: object = False, ceil_mode: object = False) -> Pooled:
        size = self.vector("kernel_size", kernel_size)
        return Pooled("maxPooling", self.rank, size, self.stride(stride, size), self.padding(padding, size),
                    self.vector("dilation", dilation), self.rounding(ceil_mode),
                    indices=self.flag("return_indices", return_indices), name=self.name)

    def AvgPool(self, *, kernel_size: object, stride: object = None, padding: object = 0, ceil_mode: object = False,
                count_include_pad: object = True, divisor_override: object = None) -> Pooled:
        size, divisor = self.vector("kernel_size", kernel_size), self.divisor(divisor_override)
        only_real = not self.flag("count_include_pad", count_include_pad) and divisor is None
        return Pooled("averagePooling", self.rank, size, self.stride(stride, size), self.padding(padding, size),
                    (1,) * self.rank, self.rounding(ceil_mode), only_real, divisor, name=self.name)

    def MaxUnpool(self, *, kernel_size: object, stride: object = None, padding: object = 0) -> Pooled:
        """Ours has the size that entered the pooling, as with that size for PyTorch's ``output_size``."""
        size = self.vector("kernel_size", kernel_size)
        self.stride(stride, size)
        self.padding(padding, size)
        return self.whole("maxUnpooling")

    def AdaptiveMaxPool(self, *, output_size: object, return_indices: object = False) -> Pooled:
        if self.flag("return_indices", return_indices):
            self.fail("cannotBeSaid", f"{self.operation} is global pooling here, which gives no positions of maxima.",
                      "Leave return_indices out.")
        return self.adaptive("globalMaxPooling", output_size)

    def AdaptiveAvgPool(self, *, output_size: object) -> Pooled:
        return self.adaptive("globalAveragePooling", output_size)

    def adaptive(self, family: str, output_size: object) -> Pooled:
        items = output_size if isinstance(output_size, (list, tuple)) else [output_size]
        if len(items) not in (1, self.rank):
            self.invalid("output_size", f"a positive integer or a vector of {self.rank} of them", output_size)
        sizes = [None if one is None else self.scalar("output_size", one) for one in items]
        if None in sizes:
            self.fail("cannotBeSaid", f"output_size of {self.operation} is {output_size}, but no layer keeps one "
                      "dimension as it is.", "Pass numbers.")
        output = tuple(n for n in sizes if n is not None) * (self.rank // len(sizes))
        if max(output) == 1:
            return self.whole(family)
        if (family, self.rank) != ("globalAveragePooling", 2):
            self.fail("cannotBeSaid", f"{self.operation} is not a layer of this toolbox: {ADAPTS}",
                      "Pass output_size=1, which is global pooling, or a pooling with a window.")
        return Pooled("adaptiveAveragePooling", 2, name=self.name, output=output)

    def stride(self, value: object, size: tuple[int, ...]) -> tuple[int, ...]:
        return size if value is None else self.vector("stride", value)

    def rounding(self, value: object) -> Rounding:
        return "ceil" if self.flag("ceil_mode", value) else "floor"

    def divisor(self, value: object) -> float | None:
        if value is None:
            return None
        if self.rank == 1:
            self.fail("unknownParameter", f"'divisor_override' is not a parameter of {self.operation} of PyTorch.",
                      "Leave it out, or pool in two dimensions.")
        if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, np.integer)) or value == 0:
            self.invalid("divisor_override", "an integer other than 0, or None", value)
        if value < 0:
            self.fail("cannotBeSaid", f"divisor_override is {value}, but Divisor of our layer is positive.",
                      "Pass its absolute value, and change the sign afterwards.")
        return float(value)

    def padding(self, value: object, size: tuple[int, ...]) -> tuple[Pair, ...]:
        pads, most = self.vector("padding", value, 0), tuple(n // 2 for n in size)
        if any(p > n for p, n in zip(pads, most, strict=True)):
            self.fail("invalidParameter", f"padding of {self.operation} is {as_one(pads)}, but PyTorch takes half of the "
                      "kernel at most.", f"Pass padding={as_one(most)} or less.")
        return tuple((p, p) for p in pads)

    def written(self, form: Pooled) -> Parameters:
        if form.family.startswith("maxUn"):
            self.refuse("its MaxUnpool needs kernel_size, and the unpooling layer does not have one.",
                        "Pass the parameters of the pooling.")
        self.operation = f"{self.word_of(form, self.words)}{form.rank}d"
        made: Parameters = {self.key: self.operation}
        if form.is_windowed:
            rounding = form.rounding_among(("floor", "ceil"))
            if rounding is None:
                self.refuse(f"it drops every last window that begins behind the input, but Rounding is '{form.rounding}'.",
                            "Set Rounding to 'ceil'.")
            padding = self.symmetric(form)
            if any(p > n // 2 for p, n in zip(padding, form.size, strict=True)):
                self.refuse(f"it pads by half of the pool size at most, but padding is {as_one(padding)}.",
                            "Pad less, or pad in a layer before.")
            made |= {"kernel_size": as_one(form.size), "stride": as_one(form.stride), "padding": as_one(padding)}
            made |= self.averaged(form) if form.averages else self.dilated(form)
            if rounding == "ceil":
                made["ceil_mode"] = True
        elif "Adaptive" in self.operation:
            made["output_size"] = as_one(form.output) if form.output else 1
        return self.with_name(made, form)

    def dilated(self, form: Pooled) -> Parameters:
        made: Parameters = {"dilation": as_one(form.dilation)} if max(form.dilation) > 1 else {}
        return made | ({"return_indices": True} if form.indices else {})

    def averaged(self, form: Pooled) -> Parameters:
        self.without_dilation(form)
        divisor = form.divisor if form.rank > 1 else form.own_divisor
        if divisor is not None and form.rank == 1:
            self.refuse(f"its {self.operation} has no divisor_override, but Divisor is {divisor:g}.",
                        "Leave Divisor 'auto', and multiply afterwards.")
        if divisor is not None and divisor != int(divisor):
            self.refuse(f"its divisor_override is a whole number, but Divisor is {divisor:g}.",
                        "Leave Divisor 'auto', and multiply afterwards.")
        made: Parameters = {"count_include_pad": False} if form.only_real else {}
        return made | ({} if divisor is None else {"divisor_override": int(divisor)})
