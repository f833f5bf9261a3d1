"""The parts of every layer page: ports, arrays, `build`, and the text that displays print."""

from __future__ import annotations

import copy
import inspect
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from math import isfinite, prod
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Self, TypeVar

import numpy as np

from dltoolbox.core import convert
from dltoolbox.core.dims import Dims
from dltoolbox.core.display import counted
from dltoolbox.core.errors import fail
from dltoolbox.core.properties import (
    HIDDEN,
    LEARNABLE,
    REQUIRED,
    Configured,
    InvalidValue,
    Property,
    in_call_order,
    signature,
)
from dltoolbox.core.statements.copied import Names
from dltoolbox.core.statements.lost import Lost, noted_as_copied
from dltoolbox.ops import Outputs

LAYERS: dict[str, type[Layer]] = {}  # the one list of layers, by factory: namespace, archives and tests follow from it
Page = TypeVar("Page", bound="type[Layer]")
Row = tuple[str, str, object]  # of a display: heading, property, value
KEEP_LAYERS = ("Keep them first: layers = net.Layers; then change layers and use that, for example in net = "
               "assembleNetwork(layers).")
OWN_FILES = f"{Path(__file__).parents[1]}{os.sep}"
SHORT_ARRAY = 8  # elements of the longest array that is shown in full


@dataclass(frozen=True)
class Array:
    """An array that a layer owns. ``name`` is the property that holds it, ``shape`` MATLAB's.

    ``double`` keeps it in double precision in every network: statistics of data that may lie far from zero.
    """

    name: str
    shape: tuple[int, ...]
    double: bool = field(default=False, kw_only=True)

    @property
    def count(self) -> int:
        """Number of its values."""
        return prod(self.shape)


Factor = float | tuple[float, ...]  # for all of an array, or for each of as many equal parts of its rows


def factors(factor: Factor) -> tuple[float, ...]:
    """One or several factors as several."""
    return factor if isinstance(factor, tuple) else (factor,)


def all_zero(factor: Factor) -> bool:
    return not any(factors(factor))


@dataclass(frozen=True)
class Learnable(Array):
    """A trained array: its initialiser with the fans it needs, and the factors on learning rate and L2 decay.

    ``grouped`` says that the last axis counts groups, each of which starts by itself; ``stacked`` the same of so many equal
    parts of the rows. ``still`` is a column that gets no gradient and does not decay, and starts with zeros; it is one of
    the last axis.
    """

    initializer: str | convert.Function = "zeros"
    fan_in: int = 1
    fan_out: int = 1
    learn_rate_factor: Factor = 1.0
    l2_factor: Factor = 1.0
    grouped: bool = False
    stacked: int = 1
    still: int | None = None

    @property
    def frozen(self) -> bool:
        """Whether training leaves it as it is."""
        return all_zero(self.learn_rate_factor)


@dataclass(frozen=True)
class State(Array):
    """An array that training sets but does not differentiate; it holds ``initial`` until then.

    ``carried`` says that every observation has its own from run to run: C×1 is the same for all, C×N has a column for each.
    """

    initial: float = 0.0
    carried: bool = False
    start: convert.Function | None = None  # of the shape: what makes the values that it holds until then


class FactoryCall(NamedTuple):
    """How a script makes a layer: function, positional arguments, and the other options that differ from their defaults."""

    function: str
    arguments: tuple[object, ...]
    options: dict[str, object]


class LayerType(type):
    """The class of the classes of layers.

    One that a user derives from `Layer` itself, without saying in ``build`` what it computes, says so in ``predict``, as in
    MATLAB: it is derived from `user_layer` instead, which knows how to call that.
    """

    user_layer: ClassVar[type[Layer] | None] = None
    _of_users: bool  # whether a class is written by a user, not part of the toolbox

    def __new__(mcs, name: str, bases: tuple[type, ...], namespace: dict[str, Any], **kwargs: Any) -> LayerType:
        frame = sys._getframe(1)
        namespace.setdefault("__module__", frame.f_globals.get("__name__"))  # of classes that type() makes
        namespace["_of_users"] = not frame.f_code.co_filename.startswith(OWN_FILES)
        user = LayerType.user_layer
        if user is not None and "build" not in namespace and namespace["_of_users"]:
            bases = tuple(user if base is Layer else base for base in bases)
        return super().__new__(mcs, name, bases, namespace, **kwargs)


class Layer(Configured, metaclass=LayerType):
    """A layer: an inert value. Subclasses say what it means, in this order: properties, ports, arrays, build, text."""

    factory: ClassVar[str] = ""
    type_text: ClassVar[str] = ""
    default_name: ClassVar[str] = ""
    rank: ClassVar[int] = 0
    optional_outputs: ClassVar[bool] = False  # whether a property decides on the outputs, so that displays list them
    formats: ClassVar[tuple[str, ...]] = ()  # that its inputs can have, with or without T; none: all
    flattens: ClassVar[bool] = False  # whether spatial dimensions are gone behind it, in any network
    gives_probabilities: ClassVar[bool] = False  # whether a layer that needs them may follow
    needs_probabilities: ClassVar[bool] = False
    activation: ClassVar[bool] = False  # whether it bends numbers one by one, so that a softmax may take its place
    beyond_matlab: ClassVar[tuple[str, ...]] = ()  # properties that MATLAB's layer does not have
    not_in_matlab: ClassVar[tuple[str, ...]] = ()  # properties that MATLAB finds out itself and takes from nobody
    timeless: ClassVar[tuple[str, ...]] = ()  # inputs that have no time steps where the others have some
    complex_inputs: ClassVar[str] = "refused"  # or 'accepted', 'needed': whether it takes complex data
    shares: str = ""  # the layer whose arrays it uses, where it repeats that one
    repeats: ClassVar[bool] = False  # whether the network inside is looked at several times
    nested: Any = None  # the network inside, of layers that stand for several

    Name = Property(convert.name, "", "Layer name; '' lets the network choose one.", settable=True, group="")

    def __init_subclass__(cls, **kwargs: object) -> None:
        """Classes that no factory makes are called by their own names."""
        super().__init_subclass__(**kwargs)
        if not cls.factory:
            cls.type_text = vars(cls).get("type_text", cls.__name__)
            cls.default_name = vars(cls).get("default_name", cls.__name__.lower())

    @classmethod
    def label(cls) -> str:
        return cls.factory or cls.__name__

    # Ports ---------------------------------------------------------------------------------------------------------
    def inputs(self) -> tuple[str, ...]:
        return ("in",)

    def outputs(self) -> tuple[str, ...]:
        return ("out",)

    @property
    def NumInputs(self) -> int:
        return len(self.inputs())

    @property
    def InputNames(self) -> list[str]:
        return Names(self.inputs())

    @property
    def NumOutputs(self) -> int:
        return len(self.outputs())

    @property
    def OutputNames(self) -> list[str]:
        return Names(self.outputs())

    # Meaning -------------------------------------------------------------------------------------------------------
    def check(self, *inputs: Dims) -> None:
        """Raise `DltoolboxError` when inputs of these sizes cannot be accepted; the default accepts all."""

    def check_parameters(self, *inputs: Dims) -> None:
        """Raise when values that were set do not go with inputs of these sizes; the sizes of the outputs are certain all the
        same."""

    def doubts(self, *inputs: Dims) -> Iterable[tuple[str, str, str]]:
        """A warning each of what works with inputs of these sizes, but probably not as the user thinks: the end of an
        identifier, a message and a hint.
        """
        return ()

    def check_declared_size(self, name: str, got: int, what: str, of: str = "") -> None:
        """A number that was declared, and not left 'auto', must be what arrives: so many of ``what``."""
        declared = getattr(self, name)
        if declared not in ("auto", got):
            fail(f"{self.label()}:{name[0].lower()}{name[1:]}Mismatch", f"{name} is {declared}, but the input has "
                 f"{counted(got, what)}{of}.", f"Set {name}={got}, or leave it 'auto'.", layer=self.Name)

    def check_divisible(self, channels: int, groups: int) -> None:
        """Groups of channels must be of one size."""
        if channels % groups:
            fail(f"{self.label()}:channelsNotDivisible", f"The {channels} channels of the input cannot be divided into "
                 f"{groups} groups of equal size.", f"Choose a divisor of {channels} as numGroups, or change the number of "
                 "filters before this layer.", layer=self.Name)

    def arrays(self, *inputs: Dims) -> tuple[Array, ...]:
        """Learnables and states for inputs of these sizes."""
        return ()

    @property
    def learnables(self) -> tuple[str, ...]:
        """Names of the properties that hold learnables, whether they have values or not."""
        return tuple(prop.name for prop, _ in self.values() if prop.group == LEARNABLE)

    @property
    def states(self) -> tuple[str, ...]:
        """Names of the properties that a network lists as its state."""
        return ()

    def after_reset(self) -> Self:
        """The layer whose states are those that it begins with; the default has none but those that it keeps."""
        return self

    def resolve_auto(self) -> None:
        """Put what the arrays say in place of 'auto', once a network is finished; the default has nothing to settle."""

    def build(self, *args: Any, **kwargs: Any) -> Outputs:
        """``build(g, *inputs)``: record the ops that the layer consists of; returns one value per output port."""
        fail(f"{self.label()}:noBuild", f"The class {type(self).__name__} has no method build, so nothing says what the "
             "layer computes.", "Define build(self, g, x), which returns what leaves the layer, such as g.relu(x).")

    def written_out(self) -> Any:
        """The layer graph that a layer with a network inside stands for."""
        return self.nested

    # Text ----------------------------------------------------------------------------------------------------------
    def describe(self) -> str:
        """The description that displays print."""
        return self.type_text

    def size_formula(self, *inputs: Dims) -> tuple[tuple[str, str], ...]:
        """Why the output has its size: dimensions, and their formula with its numbers; none where nothing is to be said."""
        return ()

    def rows(self) -> list[Row]:
        """(heading, property, value) in display order; computed properties may replace declared ones."""
        return [(prop.group, prop.name, value) for prop, value in self.values()]

    def as_written(self, name: str) -> object:
        """The value of a property as a script would give it."""
        value = self.__dict__[name]
        return list(value) if isinstance(value, tuple) else value

    def in_short(self, prop: Property[object]) -> object:
        """As `as_written`, but one number for equal ones where that means the same."""
        value = self.__dict__[prop.name]
        numbers = {*flat(value)} if isinstance(value, tuple) else set()
        if len(numbers) == 1 and isinstance(number := numbers.pop(), (int, float)):
            with suppress(InvalidValue):
                if prop.converted(number, self) == value:
                    return number
        return self.as_written(prop.name)

    def call(self, *, in_full: bool = False) -> FactoryCall:
        """The call that makes this layer, but for its name; equal numbers per dimension as one unless ``in_full``."""
        changed = [prop for prop, _ in self.values() if not self.is_default(prop)]
        positional = [prop for prop, _ in self.values() if prop.positional]
        while positional and positional[-1] not in changed:
            positional.pop()
        written = {prop.name: self.as_written(prop.name) if in_full else self.in_short(prop)
                   for prop in in_call_order(self.properties) if prop in (*positional, *changed) and prop.name != "Name"}
        return FactoryCall(self.label(), tuple(written.pop(prop.name) for prop in positional), written)

    def __repr__(self) -> str:
        made = self.call()
        named = made.options | ({"Name": self.Name} if self.Name else {})
        parts = [*map(show_python, made.arguments), *(f"{name}={show_python(value)}" for name, value in named.items())]
        return f"{made.function}({', '.join(parts)})"

    def is_default(self, prop: Property[object]) -> bool:
        return prop.default is not REQUIRED and equal(self.__dict__[prop.name], prop.converted(prop.default, self))

    def __str__(self) -> str:
        from dltoolbox.layers.display import layer_text  # the display knows layers, so it is imported late
        return layer_text(self)

    def copy(self) -> Self:
        """An independent layer with the same values; arrays are shared because they are read-only."""
        noted_as_copied(self)
        return copy.copy(self)

    def lost_change(self, name: str) -> Lost:
        if not self.Name:
            return super().lost_change(name)
        return Lost(f"The change of '{name}' would be lost: Layers gives new copies each time, and nothing keeps this one.",
                    f"{KEEP_LAYERS} {self.changed_otherwise(name, self.Name)}", self.Name)

    def changed_otherwise(self, name: str, layer: str) -> str:
        """How a property is changed in a layer graph that has this layer by its name; the last sentence of a hint."""
        back = (f"In a layer graph: layer = getLayer(lgraph, '{layer}'), change layer, and put it back, lgraph = "
                f"replaceLayer(lgraph, '{layer}', layer)")
        learnable = next((learnable for learnable in self.learnables
                          if name in (f"{learnable}LearnRateFactor", f"{learnable.removesuffix('s')}LearnRateFactor")), "")
        return f"{back}; or call lgraph = setLearnRateFactor(lgraph, '{layer}', '{learnable}', 0), or lgraph = " \
            f"freezeWeights(lgraph, '{layer}')." if learnable else f"{back}."

    def __setstate__(self, state: dict[str, object]) -> None:
        """From a pickle or a copy: arrays come out of pickles and deep copies writable, and must not stay so."""
        for value in state.values():
            if isinstance(value, np.ndarray):
                value.flags.writeable = False
        self.__dict__.update(state)

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and all(
            equal(value, other.__dict__[prop.name]) for prop, value in self.values())


def equal(a: object, b: object) -> bool:
    """Equality that also compares arrays."""
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        return isinstance(a, np.ndarray) and isinstance(b, np.ndarray) and np.array_equal(a, b)
    return bool(a == b)


def show_python(value: object) -> str:
    """A value as Python code: integers without a point, as they were probably written; long arrays by their size."""
    if isinstance(value, np.ndarray):
        return (show_python(value.tolist()) if value.size <= SHORT_ARRAY else
                f"<{'×'.join(map(str, value.shape))} {value.dtype}>")
    if isinstance(value, list):
        return f"[{', '.join(map(show_python, value))}]"
    if isinstance(value, float):
        return plain_number(value) if isfinite(value) else f"float('{value}')"
    return repr(value)


def plain_number(value: float) -> str:
    """``2``, ``0.001``: digits that both Python and MATLAB read as this number."""
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(float(value))


MOST_LISTED_LAYERS = 200_000  # of nested lists of layers, and lists among them


def flat(layers: object) -> Iterable[Any]:
    """The elements of nested lists and tuples, in order; anything else is its own only element, and so is a list that is met
    in itself. A list that holds another one twice, and so on, can stand for more elements than anybody waits for.
    """
    walked: dict[int, Iterator[Any]] = {0: iter((layers,))}
    left = MOST_LISTED_LAYERS
    while walked:
        at, items = next(reversed(walked.items()))
        for item in items:
            left -= 1
            if left < 0:
                fail("layerArray:tooManyLayers", f"The nested lists hold more than {MOST_LISTED_LAYERS:,} elements.",
                     "Pass the layers in one list, each once.")
            if isinstance(item, (list, tuple)) and id(item) not in walked:
                walked[id(item)] = iter(item)
                break
            yield item
        else:
            del walked[at]


def is_factory(item: object) -> bool:
    """Whether this is the function that makes a layer, written without parentheses."""
    return callable(item) and convert.attribute(item, "layer_class") is not None


def is_absent(item: object) -> bool:
    """Whether this is a documented function that is not there yet (`dltoolbox.absent`), and says so when it is called."""
    return callable(item) and convert.attribute(item, "absent") is True


def documented(cls: type[Layer]) -> str:
    """The page's docstring with every option and its default, before the sections that it has."""
    lines = (inspect.getdoc(cls) or "").splitlines()
    at = next((i for i, line in enumerate(lines) if line in ("Example:", "Raises:", "Source:", "Note:")), len(lines))
    options = ["Args:"]
    for prop in in_call_order(cls.properties):
        default = "" if prop.default is REQUIRED else f" Default {'[]' if prop.default is None else repr(prop.default)}."
        options.append(f"    {prop.argument}: {prop.doc}{default}")
    return "\n".join([*lines[:at], *options, "", *lines[at:]]).rstrip() + "\n"


class Factory:
    """The MATLAB-named function that makes a layer, with a real signature and docstring; it prints its name.

    Where it stands in a list of layers without parentheses, the list reads as it was written:

    >>> [reluLayer(Name='act'), softmaxLayer]
    [reluLayer(Name='act'), softmaxLayer]
    """

    layer_class: type[Layer]
    __name__: str

    def __init__(self, cls: type[Layer]) -> None:
        self.__dict__.update(layer_class=cls, __name__=cls.factory, __qualname__=cls.factory, __doc__=documented(cls),
                             __module__="dltoolbox",  # where users and pickles find it
                             __signature__=signature(cls.properties))

    def __call__(self, /, *args: object, **kwargs: object) -> Layer:
        return self.layer_class(*args, **kwargs)

    def __get__(self, instance: object, owner: type) -> Factory:
        """Itself also as an attribute of a class; having this method, it is documented as a function by ``help``."""
        return self

    def __setattr__(self, name: str, value: object) -> None:
        fail(f"{self}:readOnly", f"'{name}' of {self} cannot be assigned: it makes layers and is not one itself.",
             f"Make a layer first: layer = {self}(…).")

    def __repr__(self) -> str:
        return self.__name__

    def __reduce__(self) -> str:
        return self.__name__


def layer(factory: str, type_text: str, *, name: str) -> Callable[[Page], Page]:
    """Class decorator: enter a layer page.

    Args:
        factory: MATLAB's name of the function that makes it, ``maxPooling2dLayer``; also its tag in saved networks.
        type_text: The type that displays print, ``2-D Max Pooling``.
        name: Stem of the automatic name, ``maxpool``.
    """
    def enter(cls: Page) -> Page:
        if factory in LAYERS:
            raise AssertionError(f"two layers are called {factory}")
        cls.factory, cls.type_text, cls.default_name = factory, type_text, name
        LAYERS[factory] = cls
        return cls
    return enter


def find(factory: str) -> type[Layer]:
    """The class of a factory name; an unknown one is an error (archives may name anything)."""
    if factory not in LAYERS:
        fail("registry:unknownLayer", f"There is no layer '{factory}' in this version of dltoolbox.",
             "Update dltoolbox, or replace the layer.")
    return LAYERS[factory]


# The factors that a page declares for each of its learnables; ``parts`` of it may have one each.
def learn_rate_factor(learnable: str, parts: int = 1) -> Property[Factor]:
    return Property(convert.factor(parts), 1, f"Factor on the learning rate of {learnable}{in_parts(parts)}.", settable=True,
                    group=HIDDEN)


def l2_factor(learnable: str, default: int = 1, parts: int = 1) -> Property[Factor]:
    note = "" if default else "; 0: it is not decayed"
    return Property(convert.factor(parts), default, f"Factor on the L2 decay of {learnable}{in_parts(parts)}{note}.",
                    settable=True, group=HIDDEN)


def in_parts(parts: int) -> str:
    return "" if parts == 1 else f", or {parts}: one for the rows of each gate"
