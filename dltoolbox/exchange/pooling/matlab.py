"""MATLAB: our own words, without the extensions.

Sources: MathWorks documentation of maxPooling2dLayer and of the layers beside it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial

from dltoolbox.exchange.pooling.form import Pooled
from dltoolbox.exchange.pooling.framework import Framework, Parameters
from dltoolbox.layers import FACTORIES
from dltoolbox.layers.base import LAYERS
from dltoolbox.layers.windowed import padding_vector

WORDS = ("maxPooling", "averagePooling", "globalMaxPooling", "globalAveragePooling", "maxUnpooling",
         "adaptiveAveragePooling")


class MATLAB(Framework):
    """Its layers."""

    title, key, names = "MATLAB", "layer", False
    example = f"{WORDS[0]}2dLayer"
    pattern = re.compile(f"(?P<op>{'|'.join(WORDS)})(?P<rank>[123])dLayer")

    @classmethod
    def operations(cls) -> list[str]:
        return [name for name in LAYERS if cls.pattern.fullmatch(name)]

    def method(self, operation: object) -> Callable[..., Pooled]:
        """Every layer reads its own options, of which some may be none of MATLAB's."""
        found = self.pattern.fullmatch(operation) if isinstance(operation, str) else None
        if found is None:
            return super().method(operation)
        self.operation, self.rank = found[0], int(found["rank"])
        return partial(self.pooling, found[0])

    def read(self, given: Parameters) -> Pooled:
        given = self.named(given)
        form = self.method(given.pop(self.key, self.default))(**given)
        self.written(form)
        return form

    def pooling(self, factory: str, **options: object) -> Pooled:
        form = Pooled.of(FACTORIES[factory](**options, Name=self.name))
        assert form is not None
        return form

    def written(self, form: Pooled) -> Parameters:
        family = self.word_of(form, {word: word for word in WORDS})
        self.operation = form.factory
        if form.rank != 2 and family.startswith("maxUn"):
            self.refuse("it unpools images only.", "Use the 2-D layer.")
        made: Parameters = {self.key: form.factory}
        if form.is_windowed:
            self.check(form)
            padding = form.padding if form.padding == "same" else padding_vector(self.numbers(form))
            made |= {self.argument(form): list(form.size), "Stride": list(form.stride), "Padding": padding}
        elif form.output:
            made[self.argument(form)] = list(form.output)
        if form.only_real:
            made["PaddingValue"] = "mean"
        if form.indices:
            made["HasUnpoolingOutputs"] = True
        return self.with_name(made, form)

    def argument(self, form: Pooled) -> str:
        """The name of the size."""
        return next(prop.argument for prop in LAYERS[form.factory].properties.values() if prop.positional)

    def check(self, form: Pooled) -> None:
        """Everything that goes beyond MATLAB."""
        self.without_dilation(form)
        self.without_rounding(form)
        self.without_divisor(form)
        if form.indices and form.rank != 2:
            self.refuse(f"its {form.factory} has no unpooling outputs.", "Set HasUnpoolingOutputs to False.")
        if form.indices and any(s < n for s, n in zip(form.stride, form.size, strict=True)):
            self.refuse("with unpooling outputs its regions must not overlap.", "Set Stride to the pool size at least.")
