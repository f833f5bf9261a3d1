"""The layer that a user's class is: attributes and ports as its constructor sets them, arrays as it declares them.

A class that is derived from `Layer` and has no ``build`` of its own becomes one (see `LayerType`): what it computes, its
methods say, on arrays (`dltoolbox.layers.custom.calls`).
"""

from __future__ import annotations

import copy
from contextlib import suppress
from typing import ClassVar, Self

import numpy as np

from dltoolbox.core import convert
from dltoolbox.core.dims import Dims
from dltoolbox.core.display import counted
from dltoolbox.core.errors import IssueCollector, fail
from dltoolbox.core.properties import REQUIRED, InvalidValue, bind, show, usage
from dltoolbox.core.statements.copied import Names
from dltoolbox.core.statements.lost import noted_as_copied, references, refuse_lost
from dltoolbox.data.layout import layout_of
from dltoolbox.layers.base import Array, Layer, LayerType, Learnable, Row, State, equal
from dltoolbox.layers.custom.calls import UserFunction, arguments_of, called_method, check_signatures, results_of
from dltoolbox.layers.custom.declared import LearnableProperty, StateProperty
from dltoolbox.layers.custom.formats import Formattable
from dltoolbox.layers.custom.names import check_names, is_taken, never_set, no_method, rename, reserved
from dltoolbox.ops import Builder, Outputs, Value, as_tuple
from dltoolbox.ops.graph import Assign

OWN_PORTS = ("_NumInputs", "_InputNames", "_NumOutputs", "_OutputNames")


class UserLayer(Layer):
    """A layer whose class has ``predict``, and perhaps ``forward``, ``backward``, ``initialize`` and ``resetState``."""

    __slots__ = ("probed",)  # what calls with zeros have told: no attribute that copies and files get
    probed: dict[tuple[Dims, ...], UserFunction]
    states_declared: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls, **kwargs: object) -> None:
        check_names(cls)
        for prop in [value for value in vars(cls).values() if isinstance(value, LearnableProperty)]:
            for name, factor in prop.factor_properties().items():
                if name not in vars(cls):
                    setattr(cls, name, factor)
                    factor.__set_name__(cls, name)
        super().__init_subclass__(**kwargs)
        cls.states_declared = tuple(name for name, prop in cls.properties.items() if isinstance(prop, StateProperty))

    def __new__(cls, *args: object, **kwargs: object) -> Self:
        """Constructors need not call that of Layer: properties have their defaults before."""
        self = object.__new__(cls)
        object.__setattr__(self, "probed", {})
        for prop in cls.properties.values():
            self.__dict__[prop.name] = None if prop.default is REQUIRED else prop.converted(prop.default, self)
        return self

    def __init__(self, /, *args: object, **kwargs: object) -> None:
        issues = IssueCollector()
        given = bind(self.label(), type(self).properties, args, kwargs, issues)
        for name, value in given.items():
            type(self).properties[name].store(self, value, issues)
        missing = [prop.argument for prop in type(self).properties.values()
                   if prop.default is REQUIRED and self.__dict__[prop.name] is None]
        if missing and not len(issues):
            issues.add(f"{self.label()}:missingArgument", f"{self.label()} needs '{missing[0]}'.",
                       f"Call {usage(self.label(), type(self).properties)}.")
        issues.raise_if_any()

    # Attributes ----------------------------------------------------------------------------------------------------
    def __setattr__(self, name: str, value: object) -> None:
        """Any name: constructors set what they like. Names that the toolbox calls a layer by are taken."""
        if is_taken(type(self), name):
            reserved(self.label(), name)
        refuse_lost(references(self), self, self.label(), self.lost_change, name)
        object.__setattr__(self, name, value)
        self.probed.clear()

    @property
    def own_attributes(self) -> dict[str, object]:
        """Attributes that the constructor set beside declared properties and ports."""
        return {name: value for name, value in self.__dict__.items()
                if name not in self.properties and name not in (*OWN_PORTS, "type_text", "_Description")}

    def copy(self) -> Self:
        """An independent layer: what its constructor made is copied as well, where Python can."""
        noted_as_copied(self)
        new = copy.copy(self)
        for name, value in self.own_attributes.items():
            with suppress(Exception):
                new.__dict__[name] = copy.deepcopy(value)
        return new

    def __getstate__(self) -> dict[str, object]:
        return self.__dict__

    def __setstate__(self, state: dict[str, object]) -> None:
        """Declared arrays stay read-only; attributes of the user's own are as they were."""
        for name, value in state.items():
            if name in self.properties and isinstance(value, np.ndarray):
                value.flags.writeable = False
        self.__dict__.update(state)

    def __eq__(self, other: object) -> bool:
        return super().__eq__(other) and isinstance(other, UserLayer) and same_attributes(
            self.own_attributes, other.own_attributes)

    # Ports ---------------------------------------------------------------------------------------------------------
    def ports(self, side: str) -> tuple[str, ...]:
        """Names of the ports on the side 'In' or 'Out'."""
        names = self.__dict__.get(f"_{side}putNames")
        if names is not None:
            return tuple(names)
        count = self.__dict__.get(f"_Num{side}puts", 1)
        return (side.lower(),) if count == 1 else tuple(f"{side.lower()}{i + 1}" for i in range(count))

    def inputs(self) -> tuple[str, ...]:
        return self.ports("In")

    def outputs(self) -> tuple[str, ...]:
        return self.ports("Out")

    def _set_count(self, name: str, value: object) -> None:
        try:
            self.__dict__[f"_{name}"] = convert.integer(1)(value)
        except InvalidValue as no:
            does = "takes" if "In" in name else "returns"
            fail(f"{self.label()}:invalid{name}", f"'{name}' of {self.label()} must be {no.expected}, but it is "
                 f"{show(value)}.", f"Set self.{name} to the number of arrays that predict {does}.", layer=self.Name)

    def _set_names(self, name: str, value: object) -> None:
        names = [value] if isinstance(value, str) else value
        if not isinstance(names, (list, tuple)) or not names or not all(
                isinstance(one, str) and one and "/" not in one for one in names) or len({*names}) < len(names):
            fail(f"{self.label()}:invalid{name}", f"'{name}' of {self.label()} must be a list of different names without "
                 f"slashes, but it is {show(value)}.", f"Set self.{name} = ['a', 'b'], or leave it out.", layer=self.Name)
        self.__dict__[f"_{name}"] = tuple(names)

    @property
    def NumInputs(self) -> int:
        return len(self.inputs())

    @NumInputs.setter
    def NumInputs(self, value: object) -> None:
        self._set_count("NumInputs", value)

    @property
    def InputNames(self) -> list[str]:
        return Names(self.inputs())

    @InputNames.setter
    def InputNames(self, value: object) -> None:
        self._set_names("InputNames", value)

    @property
    def NumOutputs(self) -> int:
        return len(self.outputs())

    @NumOutputs.setter
    def NumOutputs(self, value: object) -> None:
        self._set_count("NumOutputs", value)

    @property
    def OutputNames(self) -> list[str]:
        return Names(self.outputs())

    @OutputNames.setter
    def OutputNames(self, value: object) -> None:
        self._set_names("OutputNames", value)

    def validate(self) -> None:
        for side in ("In", "Out"):
            names, count = self.__dict__.get(f"_{side}putNames"), self.__dict__.get(f"_Num{side}puts")
            if names is not None and count not in (None, len(names)):
                fail(f"{self.label()}:invalid{side}putNames", f"{side}putNames has {counted(len(names), 'name')}, but "
                     f"Num{side}puts is {count}.", f"Give {side}putNames {counted(count, 'name')}, or leave Num{side}puts "
                     "out: it follows from the names.", layer=self.Name)
        if not self.has("predict") and type(self).build is UserLayer.build:
            no_method(self, "predict", "predict(self, X), which returns what leaves the layer")
        check_signatures(self)

    def told(self, method: str) -> str:
        """A method as messages call it."""
        return f"{method} of {type(self).__name__}"

    @property
    def wants_labels(self) -> bool:
        """Whether arrays come with labels."""
        return isinstance(self, Formattable)

    def has(self, method: str) -> bool:
        """Whether there is a method that users may define."""
        return getattr(type(self), method, None) is not None

    # Text ----------------------------------------------------------------------------------------------------------
    @property
    def Type(self) -> str:
        """The kind of layer as displays call it; the name of the class by default."""
        return self.type_text

    @Type.setter
    def Type(self, value: object) -> None:
        self.__dict__["type_text"] = self._text("Type", value) or type(self).type_text

    @property
    def Description(self) -> str:
        """One line for displays; its type by default."""
        return self.describe()

    @Description.setter
    def Description(self, value: object) -> None:
        self.__dict__["_Description"] = self._text("Description", value)

    def _text(self, name: str, value: object) -> str:
        if value is None:
            return ""
        if not isinstance(value, str):
            fail(f"{self.label()}:invalid{name}", f"'{name}' of {self.label()} must be text, but it is {show(value)}.",
                 f"Set self.{name} = '…'.", layer=self.Name)
        return value

    def describe(self) -> str:
        return self.__dict__.get("_Description") or self.type_text

    def rows(self) -> list[Row]:
        """Attributes that the constructor set are hyperparameters."""
        return [*super().rows(), *self.own_rows()]

    def own_rows(self) -> list[Row]:
        """Those of the user's attributes."""
        return [("Hyperparameters", name, value) for name, value in self.own_attributes.items() if not name.startswith("_")]

    # Arrays --------------------------------------------------------------------------------------------------------
    @property
    def states(self) -> tuple[str, ...]:
        return self.states_declared

    def filled(self, dims: tuple[Dims, ...]) -> Self:
        """A copy with values for everything: those that were set, and what ``initialize`` and ``resetState`` make of the
        rest. ``initialize`` may set other attributes as well, so it is called even if nothing is missing.
        """
        new, names = self.copy(), (*self.learnables, *self.states)
        given = {name: value for name in names if (value := getattr(self, name)) is not None}
        if self.has("initialize"):
            new = self._revised(new, "initialize", dims)
            new.__dict__.update(given)
        if any(getattr(new, name) is None for name in self.states) and self.has("resetState"):
            new = self._revised(new, "resetState", ())
            new.__dict__.update(given)
        missing = [name for name in names if getattr(new, name) is None]
        if missing:
            never_set(self, missing)
        return new

    def _revised(self, new: Self, method: str, dims: tuple[Dims, ...]) -> Self:
        """The copy after a method that sets its attributes; one that returns a layer returns it."""
        made = called_method(new, method, [layout_of(x) for x in dims])
        if made is not None and type(made) is not type(self):
            fail(f"{self.label()}:wrongResult", f"{method} of {type(self).__name__} returned {show(made)}.",
                 f"Let {method} set attributes of self, such as self.Alpha = …, and return nothing.", layer=self.Name)
        return made or new

    def after_reset(self) -> Self:
        """The layer as ``resetState`` leaves it, where its class has that."""
        return self._revised(self.copy(), "resetState", ()) if self.has("resetState") else self

    def arrays(self, *inputs: Dims) -> tuple[Array, ...]:
        if not self.learnables and not self.states:
            return ()
        function = self.user_function(inputs, training=False)
        fresh = Fresh(self, inputs)
        made: list[Array] = []
        for name in self.learnables:
            rate, decay = getattr(self, f"{name}LearnRateFactor"), getattr(self, f"{name}L2Factor")
            made.append(Learnable(name, getattr(function.layer, name).shape, fresh.maker(name), learn_rate_factor=rate,
                                  l2_factor=decay))
        states = [State(name, getattr(function.layer, name).shape, start=fresh.maker(name), carried="B" in size.labels)
                  for name, size in zip(self.states, function.state_dims, strict=True)]
        return (*made, *states)

    # Meaning -------------------------------------------------------------------------------------------------------
    def user_function(self, inputs: tuple[Dims, ...], *, training: bool) -> UserFunction:
        """The methods as a function of inputs of these sizes; the answers of calls with zeros are kept."""
        if not all(x.known for x in inputs):
            raise UnknownSizesError
        if inputs not in self.probed:
            self.probed[inputs] = UserFunction(self.filled(inputs), inputs)
        return self.probed[inputs].named(self.Name, training=training)

    def build(self, g: Builder, *xs: Value) -> Outputs:
        """Record the one op that calls the methods."""
        function = self.user_function(tuple(x.dims for x in xs), training=g.training)
        learnables = [g.learnable(name) for name in self.learnables]
        states = [g.carried(name, size.channels) if size.batch is None and "B" in size.labels else g.common(name)
                  for name, size in zip(self.states, function.state_dims, strict=True)]
        results: tuple[Value, ...] = as_tuple(g.custom(*xs, *learnables, *states, function=function))
        count = len(self.outputs())
        function.check_lengths(xs, results[:count])
        for name, size, value in zip(self.states, function.state_dims, results[count:], strict=True):
            g.carry(name, value)
            if g.training and "B" not in size.labels:
                g.update_state(name, value, Assign())
        return results[:count] if count > 1 else results[0]

    def gradient_advice(self) -> str:
        """How a class gives its gradient itself."""
        arguments, results = arguments_of(self, "backward"), results_of(self, "backward")
        return (f"{rename(self, 'backward')}Define backward(self, {', '.join(arguments)}), which returns "
                f"{', '.join(results)}.")


class UnknownSizesError(Exception):
    """Methods compute with arrays, so nothing is known of what leaves a layer where a problem hides sizes."""


class Fresh:
    """New initial values of a layer, made when the first of them is asked for: every network gets its own."""

    def __init__(self, layer: UserLayer, dims: tuple[Dims, ...]) -> None:
        self.layer, self.dims = layer, dims
        self.made: UserLayer | None = None

    def maker(self, name: str) -> convert.Function:
        """The function that an initialiser is."""
        def value(shape: object) -> np.ndarray:
            self.made = self.made or self.layer.filled(self.dims)
            made: np.ndarray = getattr(self.made, name)
            return made
        return value


def same_attributes(mine: dict[str, object], other: dict[str, object]) -> bool:
    """Whether attributes are equal; those that cannot be compared are where they are the same object."""
    def alike(a: object, b: object) -> bool:
        try:
            return a is b or equal(a, b)
        except Exception:
            return False
    return mine.keys() == other.keys() and all(alike(value, other[name]) for name, value in mine.items())


LayerType.user_layer = UserLayer
