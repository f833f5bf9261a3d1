"""ONNX: padding at both ends, dilation, ``ceil_mode`` as PyTorch, and deprecated ``auto_pad``, which settles sizes alone.

Sources: the operator specification of ONNX, MaxPool and AveragePool 22, GlobalMaxPool and GlobalAveragePool.
"""

from __future__ import annotations

import re
from typing import ClassVar

from dltoolbox.core.geometry import Padding, Rounding
from dltoolbox.exchange.pooling.form import Pooled
from dltoolbox.exchange.pooling.framework import Framework, Parameters

PADS = {"SAME_UPPER": "same", "SAME_LOWER": "same-lower"}


class ONNX(Framework):
    """Attributes of nodes, and ``outputs``: their number or names."""

    title, key = "ONNX", "op"
    example = "MaxPool"
    pattern = re.compile("(?P<op>[A-Za-z]+)")
    words: ClassVar[dict[str, str]] = {"maxPooling": "MaxPool", "averagePooling": "AveragePool",
                                       "globalMaxPooling": "GlobalMaxPool", "globalAveragePooling": "GlobalAveragePool"}
    refused = {"LpPool": "no layer of ours takes roots of sums of powers.",
               "GlobalLpPool": "no layer of ours takes roots of sums of powers.",
               "MaxRoiPool": "no layer of ours pools regions of interest."}

    @classmethod
    def operations(cls) -> list[str]:
        return [*cls.words.values(), "MaxUnpool"]

    def MaxPool(self, *, kernel_shape: object, strides: object = None, pads: object = None, dilations: object = None,
                auto_pad: object = "NOTSET", ceil_mode: object = 0, storage_order: object = 0,
                outputs: object = 1) -> Pooled:
        """``storage_order`` is how positions are written as numbers; the positions are the same."""
        self.flag("storage_order", storage_order)
        return self.windowed("maxPooling", kernel_shape, strides, pads, dilations, auto_pad, ceil_mode,
                             indices=self.count_of("outputs", outputs) == 2)

    def AveragePool(self, *, kernel_shape: object, strides: object = None, pads: object = None, dilations: object = None,
                    auto_pad: object = "NOTSET", ceil_mode: object = 0, count_include_pad: object = 0) -> Pooled:
        return self.windowed("averagePooling", kernel_shape, strides, pads, dilations, auto_pad, ceil_mode,
                             only_real=not self.flag("count_include_pad", count_include_pad))

    def MaxUnpool(self, *, kernel_shape: object, strides: object = None, pads: object = None) -> Pooled:
        """Ours has the size that entered the pooling, as with that size for ONNX's ``output_shape``."""
        self.windowed("maxPooling", kernel_shape, strides, pads, None, "NOTSET", 0)
        return self.whole("maxUnpooling")

    def GlobalMaxPool(self, *, rank: object = None) -> Pooled:
        return self.over_all("globalMaxPooling", rank)

    def GlobalAveragePool(self, *, rank: object = None) -> Pooled:
        return self.over_all("globalAveragePooling", rank)

    def over_all(self, family: str, rank: object) -> Pooled:
        """A node does not tell its number of dimensions, which is that of its input."""
        if rank is None:
            self.fail("missingParameter", f"{self.operation} of ONNX does not tell the number of spatial dimensions.",
                      "Pass rank=2, for example.")
        self.rank = self.scalar("rank", rank)
        if self.rank > 3:
            self.invalid("rank", "1, 2 or 3", rank)
        return self.whole(family)

    def windowed(self, family: str, kernel_shape: object, strides: object, pads: object, dilations: object,
                 auto_pad: object, ceil_mode: object, *, indices: bool = False, only_real: bool = False) -> Pooled:
        size = self.integers("kernel_shape", kernel_shape, 1, (1, 2, 3))
        self.rank = len(size)
        ones, each = (1,) * self.rank, (self.rank,)
        stride = ones if strides is None else self.integers("strides", strides, 1, each)
        spacing = ones if dilations is None else self.integers("dilations", dilations, 1, each)
        given = (0,) * 2 * self.rank if pads is None else self.integers("pads", pads, 0, (2 * self.rank,))
        padding: Padding = tuple(zip(given[:self.rank], given[self.rank:], strict=True))
        automatic = self.word("auto_pad", auto_pad, "NOTSET", *PADS, "VALID")
        rounding: Rounding = "ceil" if self.flag("ceil_mode", ceil_mode) else "floor"
        if automatic != "NOTSET":
            if any(given):
                self.fail("contradiction", f"pads and auto_pad='{automatic}' of {self.operation} are both given.",
                          "Leave one of them out.")
            padding, rounding = PADS.get(automatic, padding), "floor"  # type: ignore[assignment]
        return Pooled(family, self.rank, size, stride, padding, spacing, rounding, only_real, indices=indices,
                      name=self.name)

    def written(self, form: Pooled) -> Parameters:
        if form.family.startswith("maxUn"):
            self.refuse("its MaxUnpool needs kernel_shape, and the unpooling layer does not have one.",
                        "Pass the parameters of the pooling.")
        self.operation = self.word_of(form, self.words)
        made: Parameters = {self.key: self.operation}
        if not form.is_windowed:
            return self.with_name(made | {"rank": form.rank}, form)
        self.without_divisor(form)
        rounding = form.rounding_among(("floor", "ceil"))
        if rounding is None:
            self.refuse(f"it drops every last window that begins behind the input, but Rounding is '{form.rounding}'.",
                        "Set Rounding to 'ceil'.")
        made |= {"kernel_shape": list(form.size), "strides": list(form.stride)}
        if isinstance(form.padding, str):
            made["auto_pad"] = next(word for word, padding in PADS.items() if padding == form.padding)
        else:
            made["pads"] = [pair[end] for end in (0, 1) for pair in form.padding]
        made |= {"dilations": list(form.dilation)} if max(form.dilation) > 1 else {}
        made |= {"ceil_mode": 1} if rounding == "ceil" else {}
        made |= {"count_include_pad": 1} if form.averages and not form.only_real else {}
        return self.with_name(made | ({"outputs": 2} if form.indices else {}), form)
