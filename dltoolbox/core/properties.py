"""Documented options: declared once, then converted, validated, explained and displayed from the declaration.

A class that inherits `Configured` declares its options as `Property` attributes, in MATLAB's documented order. Values
may come positionally, as ``Stride=2`` or as ``'Stride', 2``, in any letter case and as unambiguous prefixes; all the
problems of one call are reported at once. The conversions (scalar expansion, padding forms, choices) are functions
in `dltoolbox.core.convert`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import wraps
from reprlib import Repr
from typing import ClassVar, Generic, NamedTuple, Self, TypeVar, cast, overload

import numpy as np

from dltoolbox.core.display import counted
from dltoolbox.core.errors import IssueCollector, fail
from dltoolbox.core.statements.lost import Lost, references, refuse_lost


class _Required:
    def __repr__(self) -> str:
        return "required"


REQUIRED = _Required()
HIDDEN = "hidden"  # the group of properties that the short display leaves out
LEARNABLE = "Learnable Parameters"  # the group of properties that hold learnables
STATE = "State Parameters"  # that of states from which a run begins


A = TypeVar("A")
F = TypeVar("F", bound=Callable[..., object])
T = TypeVar("T", covariant=True)


@dataclass(frozen=True)
class ByRank(Generic[T]):
    """A conversion that depends on the number of spatial dimensions, ``rank`` of the class that declares the property."""

    make: Callable[[int], Callable[[object], T]]


class InvalidValue(Exception):
    """Raised by a conversion: what was expected, and optionally how to get it and a more precise identifier."""

    def __init__(self, expected: str, hint: str = "", code: str = "") -> None:
        super().__init__(expected)
        self.expected, self.hint, self.code = expected, hint, code


class Property(Generic[T]):
    """One option of a layer or of the training options: a descriptor.

    Args:
        convert: Turns the user's value into the stored one, or raises `InvalidValue`.
        default: The documented default, in the user's form; ``REQUIRED`` for none. It is converted like any value.
        doc: One sentence for the docstring of the factory.
        positional: Whether the factory takes it by position, in the order of declaration.
        argument: Its documented name as an argument, where it differs from the property's (``poolSize`` for PoolSize).
        settable: Whether the user may assign it after construction.
        group: Heading of the MATLAB display under which it stands; `HIDDEN` leaves it out.
        older: Its names in earlier releases, which options and attributes keep.
    """

    def __init__(self, convert: Callable[[object], T] | ByRank[T], default: object = REQUIRED, doc: str = "", *,
                 positional: bool = False, argument: str = "", settable: bool = False,
                 group: str = "Hyperparameters", older: Sequence[str] = ()) -> None:
        self.convert, self.default, self.doc = convert, default, doc
        self.positional, self.argument, self.settable, self.group = positional, argument, settable, group
        self.older = tuple(older)
        self.name = ""
        self._conversions: dict[int, Callable[[object], T]] = {}  # by rank
        self._defaults: dict[int, T] = {}

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name
        self.argument = self.argument or name
        for older in self.older:
            setattr(owner, older, property(lambda instance: instance.__dict__[name], self.__set__, doc=f"As {name}."))

    @overload
    def __get__(self, instance: None, owner: type) -> Self: ...

    @overload
    def __get__(self, instance: Configured, owner: type) -> T: ...

    def __get__(self, instance: Configured | None, owner: type) -> Self | T:
        return self if instance is None else instance.__dict__[self.name]

    def __set__(self, instance: Configured, value: object) -> None:
        label = instance.label()
        if not self.settable:
            fail(f"{label}:readOnly", f"'{self.name}' of {label} cannot be changed after creation.",
                 f"Create a new one: {label}(…, {self.name}=…).", layer=getattr(instance, "Name", ""))
        issues = IssueCollector()
        self.store(instance, value, issues)
        issues.raise_if_any()

    def converted(self, value: object, owner: Configured) -> T:
        """The stored form of a value, for an owner that may tell the number of dimensions; may raise `InvalidValue`."""
        rank = getattr(owner, "rank", 0)
        if value is not self.default:
            return self.conversion(rank)(value)
        if rank not in self._defaults:  # stored forms cannot be changed, so all owners share this one
            self._defaults[rank] = self.conversion(rank)(value)
        return self._defaults[rank]

    def conversion(self, rank: int) -> Callable[[object], T]:
        """The conversion in an owner of so many spatial dimensions."""
        if not isinstance(self.convert, ByRank):
            return self.convert
        if rank not in self._conversions:
            self._conversions[rank] = self.convert.make(rank)
        return self._conversions[rank]

    def store(self, instance: Configured, value: object, issues: IssueCollector) -> None:
        """Convert and keep a value; a rejected one becomes an issue and changes nothing."""
        try:
            instance.__dict__[self.name] = self.converted(value, instance)
        except InvalidValue as no:
            label = instance.label()
            code = no.code or f"invalid{self.name}"
            issues.add(f"{label}:{code}",
                       f"'{self.argument}' of {label} must be {no.expected}, but it is {show(value)}.",
                       no.hint or f"Pass {no.expected}.", layer=instance.__dict__.get("Name", ""))


class Configured:
    """A value made of declared properties. Constructing one computes nothing and changes nothing it was given."""

    properties: ClassVar[dict[str, Property[object]]] = {}
    function: ClassVar[str] = ""  # whose options these are, where that is no class

    def __init_subclass__(cls, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        merged: dict[str, Property[object]] = {}
        for base in reversed(cls.__mro__):
            for name, value in vars(base).items():
                if isinstance(value, Property):
                    merged.pop(name, None)
                    merged[name] = value
                elif name in merged:
                    del merged[name]
        cls.properties = merged

    @classmethod
    def label(cls) -> str:
        """The name used in messages and identifiers: that of the function or factory."""
        return cls.function or cls.__name__

    def __init__(self, /, *args: object, **kwargs: object) -> None:
        issues = IssueCollector()
        given = bind(self.label(), type(self).properties, args, kwargs, issues)
        ordered = sorted(type(self).properties.values(), key=lambda p: p.name != "Name")  # so that issues know the name
        for prop in ordered:
            value = given.get(prop.name, prop.default)
            if value is REQUIRED:
                if not any(issue.identifier.endswith("missingArgument") for issue in issues):
                    issues.add(f"{self.label()}:missingArgument", f"{self.label()} needs '{prop.argument}'.",
                               f"Call {usage(self.label(), type(self).properties)}.")
            else:
                prop.store(self, value, issues)
        if not len(issues):
            with issues.collect():
                self.validate()
        issues.raise_if_any()

    def validate(self) -> None:
        """Checks that concern several properties; raises `DltoolboxError`. The default has none."""

    def values(self) -> Iterator[tuple[Property[object], object]]:
        """Each declared property with its value, in the order of declaration."""
        for prop in type(self).properties.values():
            yield prop, self.__dict__[prop.name]

    def lost_change(self, name: str) -> Lost:
        """The error for an assignment in an object that nothing keeps."""
        label = self.label()
        return Lost(f"'{name}' of this {label} would be lost: nothing keeps the object.",
                    f"Keep it in a variable first, or pass {name} when it is made: {label}(…, {name}=…).")

    def __setattr__(self, name: str, value: object) -> None:
        # Only declared names can be assigned, so that a misspelt property is an error and not a silent new attribute.
        declared = inspect.getattr_static(type(self), name, None)
        if not isinstance(declared, (Property, property)):
            unknown_name(self.label(), name, [*type(self).properties])
        if isinstance(declared, property) and declared.fset is None:
            fail(f"{self.label()}:readOnly", f"'{name}' of {self.label()} follows from its other properties and cannot be "
                 "assigned.", f"Create a new {self.label()}.", layer=getattr(self, "Name", ""))
        if getattr(declared, "settable", True):
            refuse_lost(references(self), self, self.label(), self.lost_change, name)
        object.__setattr__(self, name, value)


def split_pairs(arguments: Sequence[object]) -> tuple[list[object], list[object]]:
    """Data first, then name-value pairs, which begin with the first text."""
    first = next((i for i, value in enumerate(arguments) if isinstance(value, str)), len(arguments))
    return list(arguments[:first]), list(arguments[first:])


def optional_first(first: A, pairs: Sequence[object]) -> tuple[A | None, Sequence[object]]:
    """Splits an optional first argument from name-value pairs; a string followed by an odd number of values starts them."""
    return (None, (first, *pairs)) if isinstance(first, str) and len(pairs) % 2 else (first, pairs)


def options_as_pairs(function: F) -> F:
    """Decorator: the keyword-only options of a function come as ``'Name', value`` as well, in any letter case; what its
    ``*pairs`` would hold else is an error.
    """
    declared = inspect.signature(function)
    options = {p.name.lower(): p.name for p in declared.parameters.values() if p.kind is p.KEYWORD_ONLY}
    positional = [p for p in declared.parameters.values() if p.kind is p.POSITIONAL_OR_KEYWORD]
    required = sum(p.default is p.empty for p in positional)
    label = function.__name__
    names = [p.name for p in positional]

    @wraps(function)
    def call(*args: object, **kwargs: object) -> object:
        words = [value.lower() if isinstance(value, str) else "" for value in args]
        start = next((at for at in range(required, len(args)) if (len(args) - at) % 2 == 0 and words[at] in options),
                     len(args))
        given: dict[str, object] = {}
        for name, value in [*zip(map(str, args[start::2]), args[start + 1::2], strict=True), *kwargs.items()]:
            if name.lower() not in options and name not in names:
                unknown_name(label, name, [*options.values()])
            given[options.get(name.lower(), name)] = value
        if start > len(names):
            fail(f"{label}:invalidArguments", f"{show(args[len(names):])} is left over.",
                 f"Call {label}{declared_form(declared)}.")
        check_bound(function, args[:start], given)
        return function(*args[:start], **given)
    return cast(F, call)


def declared_form(declared: inspect.Signature) -> str:
    """``(A, newcats, Before=…, After=…)``, for messages."""
    named = [p.name if p.default is p.empty else f"{p.name}=…" for p in declared.parameters.values()
             if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY) and p.name != "nargout"]
    return f"({', '.join(named)})"


def check_bound(function: Callable[..., object], args: Sequence[object], kwargs: Mapping[str, object]) -> None:
    """Raise where a function that is called in place of another one does not take these arguments."""
    declared, label = inspect.signature(function), function.__name__
    try:
        declared.bind(*args, **kwargs)
    except TypeError as error:
        fail(f"{label}:invalidArguments", f"The arguments of {label} are not complete, or too many: {error}.",
             f"Call {label}{declared_form(declared)}.")


class Option(NamedTuple):
    """A name-value pair as the user wrote it."""

    name: str
    value: object


def bind(label: str, properties: Mapping[str, Property[object]], args: Sequence[object], kwargs: Mapping[str, object],
         issues: IssueCollector) -> dict[str, object]:
    """Sort arguments to properties: positionals, then ``'Name', value`` pairs, then keywords; the last named one wins."""
    positional = [p for p in properties.values() if p.positional]
    given: dict[str, object] = {}
    rest = list(args)
    while rest and len(given) < len(positional):
        prop = positional[len(given)]
        optional = prop.default is not REQUIRED
        if isinstance(rest[0], str) and len(rest) % 2 == 0 and (optional or match(rest[0], properties) is not None):
            break  # the pairs start here
        given[prop.name] = rest.pop(0)
    pairs: list[Option] = []
    if len(rest) % 2 or not all(isinstance(name, str) for name in rest[::2]):
        start = f"{label} takes {counted(len(positional), 'positional argument')} followed by" if positional else (
            f"The options of {label} are")
        issues.add(f"{label}:invalidArguments", f"{start} name-value pairs; {show(tuple(rest))} is left over.",
                   f"Call {usage(label, properties)}.")
    else:
        pairs = [Option(str(name), value) for name, value in zip(rest[::2], rest[1::2], strict=True)]
    by_position = dict(given)
    named = [(option, match(option.name, properties)) for option in pairs]
    named += [(Option(*item), match(item[0], properties, whole=True)) for item in kwargs.items()]
    for (name, value), key in named:
        if key is None:
            with issues.collect():
                unknown_name(label, name, [p.argument for p in in_call_order(properties)])
        elif key in by_position:
            issues.add(f"{label}:givenTwice", f"'{properties[key].argument}' of {label} is given twice: "
                       f"{show(by_position[key])} by position and {show(value)} by name.", "Leave one of them out.")
        else:
            given[key] = value
    return given


def match(name: str, properties: Mapping[str, Property[object]], *, whole: bool = False) -> str | None:
    """The property that a name means: in any case, or, unless it must be whole, as a prefix of one name only. MATLAB
    completes quoted names, ``'MaxE', 4``; keywords, ``MaxE=4``, nobody expects to be completed.
    """
    names = {word.lower(): key for key, p in properties.items() for word in (*p.older, p.argument, key)}
    low = name.lower()
    if low in names or whole:
        return names.get(low)
    matches = {key for full, key in names.items() if len(low) > 1 and full.startswith(low)}
    return matches.pop() if len(matches) == 1 else None


def unknown_name(label: str, name: str, known: Sequence[str]) -> None:
    """Raise the error for a name that no property has, with the nearest names."""
    fail(f"{label}:unknownOption", f"'{name}' is not a recognized option or property of {label}.",
         did_you_mean(name, known) or f"Its properties are {', '.join(known)}.")


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The question that names the nearest of the known words, in any letter case, those that it abbreviates first; empty
    where none is near.
    """
    low = {name.lower(): name for name in known}
    longer = [word for word in low if len(name) > 1 and word.startswith(name.lower())]
    near = [repr(low[close]) for close in (longer or get_close_matches(name.lower(), low))[:3]]
    return f"Did you mean {' or '.join(near)}?" if near else ""


def in_call_order(properties: Mapping[str, Property[object]]) -> list[Property[object]]:
    """As documentation lists them: positional, then what the display shows, arrays, what it hides, and the name."""
    late = {LEARNABLE: 1, STATE: 1, HIDDEN: 2}
    return sorted(properties.values(), key=lambda p: (not p.positional, p.name == "Name", late.get(p.group, 0)))


def usage(label: str, properties: Mapping[str, Property[object]]) -> str:
    """``maxPooling2dLayer(poolSize, Stride=…, …)``, for messages."""
    names = [p.argument if p.positional and p.default is REQUIRED else f"{p.argument}=…" for p in in_call_order(properties)]
    return f"{label}({', '.join(names[:4])}{', …' if len(names) > 4 else ''})"


class _Short(Repr):
    """Python's short forms, which end where a list holds itself; arrays by their size and type, and by its type what cannot
    be shown at all.
    """

    def __init__(self) -> None:
        super().__init__()
        self.maxlist = self.maxtuple = self.maxset = self.maxfrozenset = self.maxdict = self.maxdeque = self.maxarray = 40
        self.maxstring = self.maxlong = self.maxother = 200

    def repr1(self, x: object, level: int) -> str:
        if isinstance(x, np.ndarray) and x.size > 8:
            return f"a {'×'.join(map(str, x.shape))} {x.dtype} array"
        try:
            return super().repr1(x, level)
        except Exception:
            return f"<{type(x).__name__} object>"

    def repr_instance(self, x: object, level: int) -> str:
        return repr(x)


_SHORT = _Short()


def show(value: object) -> str:
    """A short form of any value for messages, in one line: arrays by their size and type, also in lists of them."""
    text = " ".join(_SHORT.repr(value).split())
    return text if len(text) <= 80 else text[:77] + "…"


def signature(properties: Mapping[str, Property[object]]) -> inspect.Signature:
    """The signature that an editor shows: positionals, then ``*pairs``, then every option by keyword."""
    kind = inspect.Parameter

    def parameters(positional: bool, how: inspect._ParameterKind) -> list[inspect.Parameter]:
        return [kind(p.argument, how, default=kind.empty if p.default is REQUIRED else p.default)
                for p in in_call_order(properties) if p.positional == positional]

    return inspect.Signature([*parameters(True, kind.POSITIONAL_OR_KEYWORD), kind("pairs", kind.VAR_POSITIONAL),
                              *parameters(False, kind.KEYWORD_ONLY)])
