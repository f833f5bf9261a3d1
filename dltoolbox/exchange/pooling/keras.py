"""Keras: 'same' pads up to ceil(input/stride), the odd element at the end; padding never counts in averages.

Sources: the API reference of Keras, layers/pooling_layers; its TensorFlow backend pads as tf.nn.
"""

from __future__ import annotations

import re
from typing import ClassVar

from dltoolbox.core.geometry import Padding
from dltoolbox.exchange.pooling.form import Pooled
from dltoolbox.exchange.pooling.framework import Framework, Parameters, as_one


class Keras(Framework):
    """Its layers; what ``get_config`` gives is read, too."""

    title, key = "Keras", "layer"
    example = "MaxPooling2D"
    pattern = re.compile(r"(?:(?:tf\.)?keras\.layers\.)?(?P<op>[A-Za-z]+?)(?P<rank>[123])D")
    aliases = {"MaxPool": "MaxPooling", "AvgPool": "AveragePooling", "GlobalMaxPool": "GlobalMaxPooling",
               "GlobalAvgPool": "GlobalAveragePooling"}
    ignored = ("trainable", "dtype")
    words: ClassVar[dict[str, str]] = {
        "maxPooling": "MaxPooling", "averagePooling": "AveragePooling", "globalMaxPooling": "GlobalMaxPooling",
        "globalAveragePooling": "GlobalAveragePooling"}
    refused = {"AdaptiveMaxPooling": "no layer of ours adapts its windows.",
               "AdaptiveAveragePooling": "no layer of ours adapts its windows."}

    @classmethod
    def operations(cls) -> list[str]:
        return [f"{word}{rank}D" for word in cls.words.values() for rank in (1, 2, 3)]

    def MaxPooling(self, *, pool_size: object = 2, strides: object = None, padding: object = "valid",
                   data_format: object = None) -> Pooled:
        return self.windowed("maxPooling", pool_size, strides, padding, data_format)

    def AveragePooling(self, *, pool_size: object = 2, strides: object = None, padding: object = "valid",
                       data_format: object = None) -> Pooled:
        return self.windowed("averagePooling", pool_size, strides, padding, data_format)

    def GlobalMaxPooling(self, *, data_format: object = None, keepdims: object = False) -> Pooled:
        return self.over_all("globalMaxPooling", data_format, keepdims)

    def GlobalAveragePooling(self, *, data_format: object = None, keepdims: object = False) -> Pooled:
        return self.over_all("globalAveragePooling", data_format, keepdims)

    def windowed(self, family: str, pool_size: object, strides: object, padding: object, data_format: object) -> Pooled:
        self.check_format(data_format)
        size = self.vector("pool_size", pool_size)
        same = self.word("padding", padding, "valid", "same") == "same"
        pads: Padding = "same" if same else ((0, 0),) * self.rank
        stride = size if strides is None else self.vector("strides", strides)
        return Pooled(family, self.rank, size, stride, pads, (1,) * self.rank, only_real=same and family == "averagePooling",
                    name=self.name)

    def over_all(self, family: str, data_format: object, keepdims: object) -> Pooled:
        """The same numbers with and without dimensions of size 1."""
        self.check_format(data_format)
        self.flag("keepdims", keepdims)
        return self.whole(family)

    def check_format(self, data_format: object) -> None:
        """How their arrays lie changes nothing: ours have formats of their own."""
        if data_format is not None:
            self.word("data_format", data_format, "channels_last", "channels_first")

    def written(self, form: Pooled) -> Parameters:
        self.operation = f"{self.word_of(form, self.words)}{form.rank}D"
        made: Parameters = {self.key: self.operation}
        if form.is_windowed:
            self.without_dilation(form)
            self.without_indices(form)
            self.without_rounding(form)
            self.without_divisor(form)
            if form.counts_padding:
                self.refuse("padding never counts in its averages.", "Set PaddingValue to 'mean'.")
            made |= {"pool_size": as_one(form.size), "strides": as_one(form.stride),
                     "padding": self.padding_word(form, "same", "valid")}
        return self.with_name(made, form)
