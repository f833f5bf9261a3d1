"""Names that users choose: which are taken, and which look like a method that is missing."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, NoReturn

from dltoolbox.core.display import listed
from dltoolbox.core.errors import fail
from dltoolbox.core.properties import Configured, Property
from dltoolbox.layers.custom.calls import LOSS_METHODS, USER_METHODS, counted_names

if TYPE_CHECKING:
    from dltoolbox.layers.custom.user_layer import UserLayer

FREE = {"Name", "type_text", "default_name", "NumInputs", "InputNames", "NumOutputs", "OutputNames", "Type", "Description",
        "build", "check", "check_parameters", "arrays", "describe", "inputs", "outputs", "rows", "validate", "formats",
        *USER_METHODS, *LOSS_METHODS}


def is_taken(cls: type, name: str) -> bool:
    """Whether the toolbox calls a part of every layer by this name, and it is neither an option nor free for users."""
    for base in cls.__mro__:
        if name in vars(base) and issubclass(base, Configured) and not vars(base).get("_of_users"):
            found = vars(base)[name]
            return name not in FREE and not isinstance(found, Property) and getattr(found, "fset", None) is None
    return False


def check_names(cls: type[UserLayer]) -> None:
    """A class may not call its own things as the toolbox calls parts of a layer."""
    if cls._of_users:
        for name in vars(cls):
            if not name.startswith("_") and any(is_taken(base, name) for base in cls.__bases__):
                reserved(cls.__name__, name)


def reserved(label: str, name: str) -> NoReturn:
    other = f"{name[0].upper()}{name[1:]}" if name[0].islower() else f"{name}Value"
    fail(f"{label}:reservedName", f"'{name}' is a part of every layer of the toolbox, so {label} cannot use the name.",
         f"Choose another name, such as '{other.replace('_', '')}'.")


def no_method(layer: UserLayer, method: str, define: str) -> NoReturn:
    """The error for a class that does not say what it computes."""
    fail(f"{layer.label()}:no{method[0].upper()}{method[1:]}", f"The class {type(layer).__name__} has no method {method}, "
         "so nothing says what the layer computes.", f"{rename(layer, method)}Define {define}.", layer=layer.Name)


def rename(layer: UserLayer, method: str) -> str:
    """The hint for a method whose name is nearly that of another one: a sentence, or nothing."""
    own = {name for cls in type(layer).__mro__ if vars(cls).get("_of_users") for name in vars(cls)}
    near = get_close_matches(method, [name for name in own if callable(getattr(layer, name, None)) and name[0] != "_"
                                      and name not in (*USER_METHODS, *LOSS_METHODS)], 1, 0.7)
    return f"Rename {near[0]} to {method}. Or: " if near else ""


def never_set(layer: UserLayer, missing: list[str]) -> NoReturn:
    """The error for arrays without a value."""
    name, arguments = missing[0], ", ".join(counted_names("layout", len(layer.inputs())))
    what, made = "Learnables" if name in layer.learnables else "States", f"initialize(self, {arguments})"
    how = f"{made} of the class does not set" if layer.has("initialize") else f"the class has no {made} that sets"
    renamed = "" if layer.has("initialize") else rename(layer, "initialize")
    fail(f"{layer.label()}:neverInitialized", f"{what} without a value: {listed(missing)}; {how} "
         f"{'it' if len(missing) == 1 else 'them'}.", f"{renamed}Set self.{name} in the constructor, or define {made}, "
         f"which sets it, for example self.{name} = np.zeros(…).", layer=layer.Name)
