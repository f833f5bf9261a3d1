"""Layers of the user's own in files: by the name of their class, what they hold, and ports and sizes for placeholders.

Loading looks for the class among those that the running script has defined, makes an object of it without calling its
constructor, and puts in what was saved. Methods ``saved(self)``, which returns a dictionary of values that files can hold,
and ``loaded(self, values)`` stand in the place of the attributes where a class defines them.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping

from dltoolbox.core.convert import attribute
from dltoolbox.core.dims import Dims
from dltoolbox.core.display import listed
from dltoolbox.core.errors import DltoolboxError, IssueCollector, fail
from dltoolbox.core.properties import show
from dltoolbox.exchange.container import Damaged
from dltoolbox.exchange.registered import class_named, name_of_class, namesake, origin
from dltoolbox.exchange.values import Described, Json, Reading, Writing, unknown_functions
from dltoolbox.layers.base import Layer
from dltoolbox.layers.custom.user_layer import OWN_PORTS
from dltoolbox.layers.outputs import OutputLayer
from dltoolbox.network.graph.placeholders import PlaceholderLayer, placeholder_for

SET_BY = {**{name: name[1:] for name in OWN_PORTS}, "type_text": "Type", "_Description": "Description"}  # with their checks
SAVING, LOADING = "saved", "loaded"  # methods that a class may define
HOOKS = ("Or define saved(self), which returns a dictionary of numbers, texts, lists and arrays, and loaded(self, values), "
         "which makes the attributes of it again.")


# Writing -------------------------------------------------------------------------------------------------------------
def described_custom(layer: Layer, writing: Writing, path: str, issues: IssueCollector, index: int) -> Described:
    """A layer of the user's class as JSON; ``path`` is its name with those of the layers around it."""
    found = writing.newer("custom", name_of_class(type(layer))) | {"defined": origin(type(layer))}
    hint = f"Make {{}} in the method that needs it, not in the constructor. {HOOKS}"
    parts = {"properties": {prop.name: value for prop, value in layer.values()}, "attributes": attributes_of(layer)}
    for part, values in parts.items():
        found[part] = {}
        for name, value in values.items():
            with issues.collect(layer=layer.Name, index=index):
                found[part][name] = writing.value(value, f"{'Attribute ' * (part == 'attributes')}{name}",
                                                  hint.format(name))
    return found | described_ports(layer, writing.sizes.get(path))


def attributes_of(layer: Layer) -> dict[str, object]:
    """All that a layer holds beside its properties, or what its method says in the place of that."""
    hook = attribute(layer, SAVING)
    if not callable(hook):
        return {name: value for name, value in vars(layer).items() if name not in layer.properties}
    values = called(lambda: hook(), f"The method {SAVING} of {type(layer).__name__}", "saveNetwork")
    if type(values) is not dict or not all(isinstance(name, str) for name in values):
        fail("saveNetwork:invalidHook", f"The method {SAVING} of {type(layer).__name__} returns {show(values)}.",
             "Return a dictionary with texts as keys.")
    return values


def described_ports(layer: Layer, sizes: tuple[Dims, ...] | None) -> Described:
    """Ports and sizes, which a placeholder needs to know of a layer."""
    known = None if sizes is None else [{"labels": y.format, "sizes": y.shown_sizes} for y in sizes]
    task = {"task": layer.task} if isinstance(layer, OutputLayer) else {}
    return {"inputs": [*layer.inputs()], "outputs": [*layer.outputs()], "sizes": known, **task}


def described_placeholder(layer: PlaceholderLayer, writing: Writing) -> Described:
    """The layer that a placeholder was read in the place of, as it was read."""
    entry = dict(layer.remembered)
    writing.newer("custom", "")
    for part in ("properties", "attributes"):
        entry[part] = {name: writing.value(value, name) for name, value in entry.get(part, {}).items()}
    entry["properties"]["Name"] = layer.Name
    return entry


# Reading -------------------------------------------------------------------------------------------------------------
def restored_custom(entry: Mapping[str, Json], reading: Reading, index: int) -> Layer:
    """A layer of the user's class, or a placeholder if nobody has defined it."""
    name, values = entry.get("custom"), {part: entry.get(part) for part in ("properties", "attributes")}
    if not isinstance(name, str) or not all(isinstance(part, dict) for part in values.values()):
        raise Damaged(f"layer {index} is not described")
    found = {part: {key: reading.value(value) for key, value in values[part].items()} for part in values}  # type: ignore[union-attr]
    title = found["properties"].get("Name")
    if not isinstance(title, str):
        raise Damaged(f"layer {index} has no name")
    missing = [f"function {function!r}" for function in unknown_functions(found)]
    cls = class_named(name)
    if cls is None:
        reading.modules.append(str(entry.get("defined", "")).rpartition(".")[0])
        missing.append(f"class {name!r}")
    wrong = [] if cls is None else [key for key in found["properties"] if key not in cls.properties]
    if wrong and not reading.placeholders:
        fail("loadNetwork:otherClass", f"The file has the properties {show(wrong)} of layer '{title}', which the class "
             f"{name} does not declare.", f"Define {name} as it was when the network was saved, or look at the network "
             "without it: loadNetwork(file, Unknown='placeholder').")
    if cls is None or missing or wrong:
        for what in missing:
            reading.is_unknown(what, title)
        return restored_placeholder({**entry, **found}, index)
    return restored_object(cls, found["properties"], found["attributes"], index)


def restored_object(cls: type[Layer], properties: Mapping[str, object], attributes: Mapping[str, object],
                    index: int) -> Layer:
    """An object of a class, made without its constructor."""
    layer = cls.__new__(cls)
    issues = IssueCollector()
    for prop in sorted(cls.properties.values(), key=lambda prop: prop.name != "Name"):
        prop.store(layer, properties.get(prop.name, prop.default), issues)
    if len(issues):
        raise Damaged(f"layer {index} is not valid. {DltoolboxError(list(issues))}")
    hook = attribute(layer, LOADING)
    if callable(hook):
        called(lambda: hook(dict(attributes)), f"The method {LOADING} of {cls.__name__}", "loadNetwork")
        return layer
    for name, value in attributes.items():
        declared = inspect.getattr_static(cls, name, None)
        if name in SET_BY:
            try:
                setattr(layer, SET_BY[name], value)
            except DltoolboxError as error:
                raise Damaged(f"layer {index} is not valid. {error}") from error
        elif callable(declared) or hasattr(type(declared), "__get__") or hasattr(Layer, name):
            raise Damaged(f"layer {index} has an attribute '{name}', which is something else in {cls.__name__}")
        else:
            vars(layer)[name] = value
    return layer


def restored_placeholder(entry: Mapping[str, Json], index: int) -> PlaceholderLayer:
    """The placeholder of a layer that a file describes."""
    try:
        inputs, outputs = (tuple(word(port) for port in entry[side]) for side in ("inputs", "outputs"))
        sizes = entry.get("sizes")
        known = () if sizes is None else [(word(y["labels"]), [*y["sizes"]]) for y in sizes]
        made = placeholder_for(word(entry.get("custom") or entry.get("layer")), entry["properties"]["Name"], inputs, outputs,
                               known, entry.get("task"))
    except DltoolboxError as error:
        raise Damaged(f"layer {index} is not valid. {error}") from error
    except (TypeError, KeyError, ValueError):
        raise Damaged(f"the ports or sizes of layer {index} are not described") from None
    vars(made)["remembered"] = dict(entry)
    return made


def word(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def refuse_unnamed(reading: Reading) -> None:
    """Raise one error that names everything that is not defined, unless placeholders were asked for."""
    if not reading.unknown or reading.placeholders:
        return
    told = [f"{what} (of {listed(map(repr, dict.fromkeys(layers)))})" for what, layers in reading.unknown.items()]
    names = [what.split("'")[1] for what in reading.unknown if what.startswith("class")]
    near = [f"{there} is defined here; if it is {name!r}, say so first: registerLayer({name!r}, {there.rpartition('.')[2]})"
            for name in names if (there := namesake(name))]
    imports = " or ".join(f"import {module}" for module in dict.fromkeys(reading.modules) if module not in ("", "__main__"))
    fail("loadNetwork:unknownLayer", f"The network needs what this script has not defined: {listed(told)}.", " ".join([
        f"{one}." for one in near] + [
            "Files hold no code: import the module that defines it, or define it, before the network is loaded"
            f"{f' (such as {imports})' if imports else ''}.",
            "Or look at the network without it: loadNetwork(file, Unknown='placeholder')."]))


def called(call: Callable[[], object], what: str, function: str) -> object:
    """The result of a method of the user's; whatever it raises is told."""
    try:
        return call()
    except DltoolboxError:
        raise
    except Exception as error:
        fail(f"{function}:invalidHook", f"{what} raised {type(error).__name__}: {error}.", "Correct the method.")
