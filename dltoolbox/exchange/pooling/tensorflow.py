"""TensorFlow: 'SAME' pads up to ceil(input/stride), the odd element at the end; padding never counts in averages.

Sources: the API documentation of tf.nn.max_pool, tf.nn.avg_pool, tf.nn.max_pool_with_argmax, and of the notes on padding in
tf.nn.
"""

from __future__ import annotations

import re
from typing import ClassVar

from dltoolbox.core.geometry import Padding, Pair
from dltoolbox.exchange.pooling.form import Pooled
from dltoolbox.exchange.pooling.framework import Framework, Parameters

SPATIAL_FORMATS = {"NWC": 1, "NCW": 1, "NHWC": 2, "NCHW": 2, "NDHWC": 3, "NCDHW": 3}


class TensorFlow(Framework):
    """Functions of tf.nn. Which dimensions vectors of all of them mean, the format says."""

    title, key = "TensorFlow", "op"
    example = "max_pool2d"
    pattern = re.compile(r"(?:tf\.)?(?:nn\.)?(?P<op>max_pool_with_argmax|[a-z_]+?)(?:(?P<rank>[123])d)?")
    words: ClassVar[dict[str, str]] = {"maxPooling": "max_pool", "averagePooling": "avg_pool"}
    refused = {"fractional_max_pool": "no layer of ours draws its regions at random.",
               "fractional_avg_pool": "no layer of ours draws its regions at random."}

    @classmethod
    def operations(cls) -> list[str]:
        return ["max_pool", "avg_pool", *(f"{word}{rank}d" for word in cls.words.values() for rank in (1, 2, 3)),
                "max_pool_with_argmax"]

    def max_pool(self, *, ksize: object, strides: object, padding: object, data_format: object = None) -> Pooled:
        return self.windowed("maxPooling", ksize, strides, padding, data_format)

    def avg_pool(self, *, ksize: object, strides: object, padding: object, data_format: object = None) -> Pooled:
        return self.windowed("averagePooling", ksize, strides, padding, data_format)

    def max_pool_with_argmax(self, *, ksize: object, strides: object, padding: object, data_format: object = None,
                             include_batch_in_index: object = False) -> Pooled:
        """Positions are the same, whatever their numbers are made of."""
        self.rank = 2
        if not isinstance(padding, str):
            self.invalid("padding", "'SAME' or 'VALID'", padding)
        self.flag("include_batch_in_index", include_batch_in_index)
        return self.windowed("maxPooling", ksize, strides, padding, data_format, indices=True)

    def windowed(self, family: str, ksize: object, strides: object, padding: object, data_format: object, *,
                 indices: bool = False) -> Pooled:
        layout = self.layout(data_format, ksize, strides)
        size, stride = self.of_space("ksize", ksize, layout), self.of_space("strides", strides, layout)
        pads: Padding = ((0, 0),) * self.rank
        if not isinstance(padding, (list, tuple)):
            pads = "same" if self.word("padding", padding, "SAME", "VALID") == "SAME" else pads
        elif family == "averagePooling" or self.rank == 3:
            self.fail("invalidParameter", f"padding of {self.operation} must be 'SAME' or 'VALID': TensorFlow takes numbers "
                      "for maxima in one and two dimensions only.", "Pass 'SAME' or 'VALID'.")
        else:
            pads = self.explicit(padding, layout)
        return Pooled(family, self.rank, size, stride, pads, (1,) * self.rank, indices=indices,
                    only_real=pads == "same" and family == "averagePooling", name=self.name)

    def layout(self, data_format: object, *vectors: object) -> str:
        """The format, which also tells the number of dimensions, where the name does not."""
        if data_format is not None:
            chosen = self.word("data_format", data_format, *(name for name, rank in SPATIAL_FORMATS.items()
                                                             if self.rank in (0, rank)))
            self.rank = SPATIAL_FORMATS[chosen]
            return chosen
        lengths = {len(one) for one in vectors if isinstance(one, (list, tuple)) and len(one) in (4, 5)}
        if not self.rank and len(lengths) == 1:
            self.rank = lengths.pop() - 2
        if not self.rank:
            self.fail("missingParameter", f"The number of dimensions of {self.operation} is not told.",
                      f"Pass op='{self.operation}2d', for example, or data_format.")
        return next(name for name, rank in SPATIAL_FORMATS.items() if rank == self.rank)

    def of_space(self, name: str, value: object, layout: str) -> tuple[int, ...]:
        got = self.integers(name, value, 1, (1, self.rank, self.rank + 2))
        if len(got) != self.rank + 2:
            return got if len(got) == self.rank else got * self.rank
        outside = [n for label, n in zip(layout, got, strict=True) if label in "NC"]
        if outside != [1, 1]:
            self.fail("cannotBeSaid", f"{name} of {self.operation} is {list(got)} in the format {layout}, but our layers "
                      "pool over neither observations nor channels.", "Pass 1 for both.")
        return tuple(n for label, n in zip(layout, got, strict=True) if label not in "NC")

    def explicit(self, padding: list[object] | tuple[object, ...], layout: str) -> tuple[Pair, ...]:
        pairs = [self.integers("padding", pair, 0, (2,)) if isinstance(pair, (list, tuple)) else () for pair in padding]
        if len(pairs) != self.rank + 2 or any(len(pair) != 2 for pair in pairs):
            self.invalid("padding", f"'SAME', 'VALID' or {self.rank + 2} pairs of non-negative integers", padding)
        if any(any(pair) for label, pair in zip(layout, pairs, strict=True) if label in "NC"):
            self.fail("invalidParameter", f"padding of {self.operation} pads observations or channels in the format "
                      f"{layout}.", "Pass [0, 0] for both.")
        return tuple((pair[0], pair[1]) for label, pair in zip(layout, pairs, strict=True) if label not in "NC")

    def written(self, form: Pooled) -> Parameters:
        word = self.word_of(form, self.words)
        self.operation = "max_pool_with_argmax" if form.indices else f"{word}{form.rank}d"
        if form.indices and form.rank != 2:
            self.refuse("it gives positions of maxima in two dimensions only.", "Set HasUnpoolingOutputs to False.")
        self.without_dilation(form)
        self.without_rounding(form)
        self.without_divisor(form)
        if form.counts_padding:
            self.refuse("padding never counts in its averages.", "Set PaddingValue to 'mean'.")
        words_only = form.averages or form.rank == 3 or form.indices
        in_words = words_only or isinstance(form.padding, str) or not form.is_padded
        padding: object = self.padding_word(form, "SAME", "VALID") if in_words else [
            [0, 0], *map(list, self.numbers(form)), [0, 0]]
        return self.with_name({self.key: self.operation, "ksize": list(form.size), "strides": list(form.stride),
                               "padding": padding}, form)
