"""Darknet: ``padding`` is that of both sides together, half of it in front, the larger half behind.

Sources: parse_maxpool and parse_avgpool in src/parser.c, src/maxpool_layer.c and src/avgpool_layer.c of pjreddie/darknet.
"""

from __future__ import annotations

import re
from typing import ClassVar

from dltoolbox.exchange.pooling.form import Pooled
from dltoolbox.exchange.pooling.framework import Framework, Parameters


class Darknet(Framework):
    """Sections of a configuration; values may be the text that stands there."""

    title, key, names = "darknet", "layer", False
    example = "maxpool"
    pattern = re.compile(r"\[?(?P<op>[a-z]+)\]?")
    words: ClassVar[dict[str, str]] = {"maxPooling": "maxpool", "globalAveragePooling": "avgpool"}

    @classmethod
    def operations(cls) -> list[str]:
        return [*cls.words.values()]

    def maxpool(self, *, size: object = None, stride: object = 1, padding: object = None) -> Pooled:
        step = self.number("stride", stride)
        window = step if size is None else self.number("size", size)
        pad = window - 1 if padding is None else self.number("padding", padding, 0)
        return Pooled("maxPooling", 2, (window,) * 2, (step,) * 2, ((pad // 2, pad - pad // 2),) * 2, (1, 1), name=self.name)

    def avgpool(self) -> Pooled:
        self.rank = 2
        return self.whole("globalAveragePooling")

    def number(self, name: str, value: object, low: int = 1) -> int:
        text = isinstance(value, str) and re.fullmatch(r"\s*\d{1,9}\s*", value)
        return self.scalar(name, int(str(value)) if text else value, low)

    def written(self, form: Pooled) -> Parameters:
        self.operation = self.word_of(form, self.words)
        if form.rank != 2:
            self.refuse(f"it pools in two dimensions, not in {form.rank}.", "Use the 2-D layer.")
        made: Parameters = {self.key: self.operation}
        if form.is_windowed:
            self.without_dilation(form)
            self.without_indices(form)
            self.without_rounding(form)
            pairs = self.numbers(form)
            if len({*form.size}) > 1 or len({*form.stride}) > 1 or len({*pairs}) > 1:
                self.refuse("its windows are square.", "Use the same size, stride and padding in both dimensions.")
            before, after = pairs[0]
            if after - before not in (0, 1):
                self.refuse(f"it pads by the half in front, and behind by as much or one more, but padding is {before} and "
                            f"{after}.", "Pad so, or pad in a layer before.")
            made |= {"size": form.size[0], "stride": form.stride[0], "padding": before + after}
        return self.with_name(made, form)
