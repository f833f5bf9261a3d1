"""The common part of all frameworks: whose parameters are called, and how their values are read."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar, NoReturn, TypeVar

import numpy as np

from dltoolbox.core import convert
from dltoolbox.core.errors import fail
from dltoolbox.core.geometry import Pair
from dltoolbox.core.properties import InvalidValue, did_you_mean, show
from dltoolbox.exchange.pooling.form import Pooled

FROM, TO = "poolingLayerFrom", "poolingLayerTo"
Parameters = dict[str, object]
Result = TypeVar("Result")


class Framework:
    """A framework. Its operations are methods that give a `Pooled`, with its parameters and defaults in their signatures.

    ``written`` gives the parameters again, and refuses what the framework cannot say.
    """

    title: ClassVar[str]
    key: ClassVar[str]  # the parameter that tells the operation
    default: ClassVar[str] = ""  # the operation, where none is told
    pattern: ClassVar[re.Pattern[str]]  # of operations: 'op', the method, and 'rank'
    example: ClassVar[str]
    aliases: ClassVar[Mapping[str, str]] = {}  # other names of methods
    refused: ClassVar[Mapping[str, str]] = {}  # operations that we do not have, each with its reason
    ignored: ClassVar[tuple[str, ...]] = ()  # parameters that say nothing of a pooling
    names: ClassVar[bool] = True  # whether the framework names layers, by ``name``

    def __init__(self, function: str, name: str = "") -> None:
        self.function, self.name = function, name
        self.operation = self.title
        self.rank = 0

    # Reading ---------------------------------------------------------------------------------------------------------
    def read(self, given: Parameters) -> Pooled:
        """The pooling of these parameters."""
        given = self.named({name: value for name, value in given.items() if name not in self.ignored})
        method = self.method(given.pop(self.key, self.default))
        declared = inspect.signature(method).parameters
        for name in given:
            self.check_known(name, [*declared])
        missing = [name for name, one in declared.items() if one.default is one.empty and name not in given]
        if missing:
            self.fail("missingParameter", f"{self.operation} of {self.title} needs {' and '.join(map(repr, missing))}.",
                      f"Pass {missing[0]}=…, too.")
        return method(**given)

    def named(self, given: Parameters) -> Parameters:
        """The parameters without the name, which is ``Name``, or the framework's ``name``."""
        words = [word for word in ("Name", "name") if word in given and (word == "Name" or self.names)]
        if len(words) == 2:
            self.fail("contradiction", "Name and name are both given.", "Leave one of them out.")
        for word in words:
            self.name = self.converted(word, given[word], convert.name)
        return {name: value for name, value in given.items() if name not in words}

    def method(self, operation: object) -> Callable[..., Pooled]:
        """The method of an operation, whose rank is kept."""
        if isinstance(operation, str) and not operation:
            self.fail("missingParameter", f"Nothing tells which pooling of {self.title} it is.",
                      f"Pass {self.key}, such as {self.key}='{self.example}'.")
        text = self.converted(self.key, operation, convert.text)
        found = self.pattern.fullmatch(text)
        name = found["op"] if found else ""
        method = getattr(self, self.aliases.get(name, name), None) if name else None
        if found and name in self.refused:
            self.fail("cannotBeSaid", f"{text} of {self.title} is not a layer of this toolbox: {self.refused[name]}",
                      "Compute it outside of the network, or use another pooling.")
        if found is None or method is None:
            known = [f"{one}" for one in self.operations()]
            self.fail("unknownOperation", f"{show(text)} is not a pooling of {self.title} that is known here.",
                      did_you_mean(text, known) or f"Pass {self.key}='{self.example}', for example; known are "
                      f"{', '.join(known)}.")
        self.operation, self.rank = text, int(found.groupdict().get("rank") or 0)
        done: Callable[..., Pooled] = method
        return done

    @classmethod
    def operations(cls) -> list[str]:
        """Names of all that can be read."""
        raise NotImplementedError

    def check_known(self, name: str, known: list[str]) -> None:
        if name not in known:
            more = f"Its parameters are {', '.join(known)}." if known else "It has no parameters."
            self.fail("unknownParameter", f"'{name}' is not a parameter of {self.operation} of {self.title}.",
                      did_you_mean(name, known) or more)

    def fail(self, code: str, message: str, hint: str) -> NoReturn:
        fail(f"{self.function}:{code}", message, hint, layer=self.name)

    def converted(self, name: str, value: object, conversion: Callable[[object], Result]) -> Result:
        """A value as our own options read it."""
        try:
            return conversion(value)
        except InvalidValue as no:
            self.invalid(name, no.expected, value)

    def vector(self, name: str, value: object, low: int = 1) -> tuple[int, ...]:
        """Whole numbers: one for all dimensions, or one for each."""
        got = self.integers(name, value, low, (1, self.rank))
        return got * self.rank if len(got) == 1 else got

    def scalar(self, name: str, value: object, low: int = 1) -> int:
        return self.integers(name, value, low, (1,))[0]

    def integers(self, name: str, value: object, low: int, lengths: Sequence[int]) -> tuple[int, ...]:
        """So many whole numbers."""
        got = convert.integers(value, low)
        if got is None or len(got) not in lengths:
            what = ["non-negative integer", "positive integer"][low]
            several = " or ".join(str(n) for n in sorted({*lengths}) if n > 1)
            alone = f"a {what}" if 1 in lengths else ""
            many = f"a vector of {several} {'of them' if alone else f'{what}s'}" if several else ""
            self.invalid(name, " or ".join(text for text in (alone, many) if text), value)
        return got

    def flag(self, name: str, value: object) -> bool:
        if isinstance(value, (bool, np.bool_)) or (isinstance(value, (int, np.integer)) and value in (0, 1)):
            return bool(value)
        self.invalid(name, "True or False", value)

    def word(self, name: str, value: object, *words: str) -> str:
        """One of some words, in any letter case; ONNX keeps them as bytes."""
        text = value.decode(errors="replace") if isinstance(value, bytes) else value
        found = [word for word in words if isinstance(text, str) and text.lower() == word.lower()]
        if not found:
            self.invalid(name, " or ".join(map(repr, words)), value)
        return found[0]

    def invalid(self, name: str, expected: str, value: object) -> NoReturn:
        self.fail("invalidParameter", f"'{name}' of {self.operation} must be {expected}, but it is {show(value)}.",
                  f"Pass {expected}.")

    def whole(self, family: str) -> Pooled:
        """A pooling without a window."""
        return Pooled(family, self.rank, name=self.name)

    def count_of(self, name: str, value: object) -> int:
        """A number of outputs, or of those in a list of their names."""
        if isinstance(value, (list, tuple)) and value and all(isinstance(one, str) for one in value):
            value = len([one for one in value if one])
        got = convert.integers(value)
        if got not in ((1,), (2,)):
            self.invalid(name, "1 or 2, or a list of so many names", value)
        return got[0]

    # Writing ---------------------------------------------------------------------------------------------------------
    def written(self, form: Pooled) -> Parameters:
        """The parameters of a pooling."""
        raise NotImplementedError

    def refuse(self, reason: str, hint: str) -> NoReturn:
        self.fail("cannotBeSaid", f"{self.title} has no such pooling: {reason}", hint)

    def word_of(self, form: Pooled, words: Mapping[str, str]) -> str:
        """The name of the operation for a family of layers."""
        if form.family not in words:
            kind = re.sub("(?<=[a-z])(?=[A-Z])", " ", form.family).lower()
            self.refuse(f"it has no {form.rank}-D {kind}.", "Build it of other operations there.")
        return words[form.family]

    def without_dilation(self, form: Pooled) -> None:
        if form.is_dilated:
            self.refuse(f"its {self.operation} has no dilation, but DilationFactor is {list(form.dilation)}.",
                        "Set DilationFactor to 1.")

    def without_divisor(self, form: Pooled) -> None:
        if form.own_divisor is not None:
            self.refuse(f"its {self.operation} divides by the number of elements, but Divisor is {form.divisor:g}.",
                        "Leave Divisor 'auto', and multiply afterwards.")

    def without_indices(self, form: Pooled) -> None:
        if form.indices:
            self.refuse(f"its {self.operation} does not give the positions of maxima.", "Set HasUnpoolingOutputs to False.")

    def without_rounding(self, form: Pooled) -> None:
        if form.rounding_among(("floor",)) is None:
            self.refuse(f"its {self.operation} rounds the number of windows down, but Rounding is '{form.rounding}'.",
                        "Set Rounding to 'floor'.")

    def numbers(self, form: Pooled) -> tuple[Pair, ...]:
        """Padding in numbers."""
        if form.pairs is None:
            self.refuse(f"its {self.operation} takes numbers as padding, and those of Padding='{form.padding}' with a "
                        "stride above 1 depend on the input.", "Give Padding in numbers.")
        return form.pairs

    def symmetric(self, form: Pooled) -> tuple[int, ...]:
        """Padding that is the same on both sides."""
        pairs = self.numbers(form)
        if any(before != after for before, after in pairs):
            self.refuse(f"its {self.operation} pads both sides alike, but padding is "
                        f"{' and '.join(f'{before} and {after}' for before, after in dict.fromkeys(pairs))}.",
                        "Pad both sides alike, or pad in a layer before.")
        return tuple(before for before, _ in pairs)

    def padding_word(self, form: Pooled, same: str, valid: str) -> str:
        """The word for padding, where there is one for it."""
        if form.follows_stride:
            return same
        if not form.is_padded:
            return valid
        what = "puts the odd element at the end" if isinstance(form.padding, str) else "is the only padding it knows"
        self.refuse(f"its {self.operation} cannot pad so: '{same}' {what}.", "Set Padding to 'same' or 0, or pad "
                    "in a layer before.")

    def with_name(self, made: Parameters, form: Pooled) -> Parameters:
        return made | ({"name" if self.names else "Name": form.name} if form.name else {})


def as_one(values: Sequence[int]) -> int | tuple[int, ...]:
    """One number for equal ones."""
    return values[0] if len(set(values)) == 1 else tuple(values)
