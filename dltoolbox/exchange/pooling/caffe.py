"""Caffe: sizes are rounded up; a last window behind the input goes only where there is padding; averages are divided by
the part of the window that lies in the padded image.

Sources: src/caffe/layers/pooling_layer.cpp and .cu, and PoolingParameter in src/caffe/proto/caffe.proto, of BVLC/caffe.
"""

from __future__ import annotations

import re
from typing import ClassVar

from dltoolbox.core.geometry import Rounding
from dltoolbox.exchange.pooling.form import Pooled
from dltoolbox.exchange.pooling.framework import Framework, Parameters

POOL_METHODS = ("MAX", "AVE", "STOCHASTIC")  # in the order of their numbers in caffe.proto


class Caffe(Framework):
    """The fields of pooling_param, of which ``pool`` tells the operation, and ``top``."""

    title, key, default = "Caffe", "pool", "MAX"
    example = "MAX"
    pattern = re.compile(f"(?P<op>{'|'.join(POOL_METHODS)})")
    words: ClassVar[dict[str, str]] = {"maxPooling": "MAX", "averagePooling": "AVE", "stochasticPooling": "STOCHASTIC",
                                       "globalMaxPooling": "MAX", "globalAveragePooling": "AVE"}

    @classmethod
    def operations(cls) -> list[str]:
        return [*POOL_METHODS]

    def read(self, given: Parameters) -> Pooled:
        """Methods may be numbers."""
        method = given.get(self.key, self.default)
        if isinstance(method, int) and not isinstance(method, bool) and 0 <= method < len(POOL_METHODS):
            given = given | {self.key: POOL_METHODS[method]}
        return super().read(given)

    def MAX(self, *, kernel_size: object = None, kernel_h: object = None, kernel_w: object = None, stride: object = None,
            stride_h: object = None, stride_w: object = None, pad: object = None, pad_h: object = None,
            pad_w: object = None, global_pooling: object = False, round_mode: object = "CEIL", top: object = 1) -> Pooled:
        self.rank = 2
        rounding = self.rounding(round_mode)
        size = self.both("kernel", ("kernel_size", kernel_size), kernel_h, kernel_w)
        steps, pads = self.both("stride", ("stride", stride), stride_h, stride_w), self.both(
            "pad", ("pad", pad), pad_h, pad_w, 0)
        if self.flag("global_pooling", global_pooling):
            self.check_global(size, steps, pads, self.count_of("top", top))
            return self.whole("globalMaxPooling" if self.operation == "MAX" else "globalAveragePooling")
        if size is None:
            self.fail("missingParameter", f"{self.operation} of Caffe needs 'kernel_size'.", "Pass kernel_size=…, too.")
        return self.windowed(size, steps or (1, 1), pads or (0, 0), rounding, self.count_of("top", top))

    AVE = STOCHASTIC = MAX

    def windowed(self, size: tuple[int, ...], stride: tuple[int, ...], pads: tuple[int, ...], rounding: Rounding,
                 top: int) -> Pooled:
        family = next(family for family, word in self.words.items() if word == self.operation)
        if family == "stochasticPooling" and any(pads):
            self.fail("contradiction", "Caffe pads for MAX and AVE only.", "Leave pad out.")
        if any(p >= n for p, n in zip(pads, size, strict=True)):
            self.fail("invalidParameter", f"Padding of {max(pads)} is not smaller than the kernel, as Caffe wants it.",
                      "Pass a smaller pad.")
        if top == 2 and self.operation != "MAX":
            self.fail("contradiction", "Only MAX of Caffe has a second top, the positions of maxima.", "Leave top out.")
        return Pooled(family, 2, size, stride, tuple((p, p) for p in pads), (1, 1), rounding, indices=top == 2,
                    name=self.name)

    def both(self, what: str, square: tuple[str, object], h: object, w: object, low: int = 1) -> tuple[int, ...] | None:
        """One number for height and width, or two; never both."""
        name, value = square
        sides = [(f"{what}_h", h), (f"{what}_w", w)]
        given = [side for side, number in sides if number is not None]
        if given and value is not None:
            self.fail("contradiction", f"{name} and {given[0]} of Caffe are both given.", "Leave one of them out.")
        if len(given) == 1:
            self.fail("missingParameter", f"Caffe needs both {what}_h and {what}_w.", f"Pass both, or {name}.")
        if given:
            return tuple(self.scalar(side, number, low) for side, number in sides)
        return None if value is None else (self.scalar(name, value, low),) * 2

    def rounding(self, value: object) -> Rounding:
        if isinstance(value, int) and not isinstance(value, bool) and value in (0, 1):
            value = ("CEIL", "FLOOR")[value]
        return "caffe" if self.word("round_mode", value, "CEIL", "FLOOR") == "CEIL" else "floor"

    def check_global(self, size: object, stride: tuple[int, ...] | None, pads: tuple[int, ...] | None, top: int) -> None:
        if size is not None or (stride or (1, 1)) != (1, 1) or (pads or (0, 0)) != (0, 0):
            self.fail("contradiction", "With global_pooling Caffe takes neither kernel nor stride nor pad.",
                      "Leave them out, or global_pooling.")
        if self.operation == "STOCHASTIC" or top == 2:
            what = "global stochastic pooling" if self.operation == "STOCHASTIC" else "positions of a global maximum"
            self.fail("cannotBeSaid", f"No layer of this toolbox gives {what}.", "Pass kernel_size instead of "
                      "global_pooling.")

    def written(self, form: Pooled) -> Parameters:
        self.operation = self.word_of(form, self.words)
        if form.rank != 2:
            self.refuse(f"it pools in two dimensions, not in {form.rank}.", "Use the 2-D layer.")
        made: Parameters = {self.key: self.operation}
        if not form.is_windowed:
            return self.with_name(made | {"global_pooling": True}, form)
        self.without_dilation(form)
        self.without_divisor(form)
        padding = self.symmetric(form)
        rounding = form.rounding_among(("caffe", "floor"))
        if rounding is None:
            self.refuse("without padding it keeps a last window that begins behind the input, but Rounding is 'ceil'.",
                        "Set Rounding to 'caffe' or 'floor'.")
        if form.counts_padding is False:
            self.refuse("padding counts in its averages.", "Set PaddingValue to 0.")
        if self.operation == "STOCHASTIC" and any(padding):
            self.refuse("it does not pad for stochastic pooling.", "Set Padding to 0.")
        if self.operation != "MAX":
            self.without_indices(form)
        for name, square, (h, w) in (("kernel", "kernel_size", form.size), ("stride", "stride", form.stride),
                                     ("pad", "pad", padding)):
            made |= {square: h} if h == w else {f"{name}_h": h, f"{name}_w": w}
        made |= {"round_mode": "FLOOR"} if rounding == "floor" else {}
        return self.with_name(made | ({"top": 2} if form.indices else {}), form)
