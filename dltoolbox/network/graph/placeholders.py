"""Layers that stand for others, of which nothing is known but sizes: `placeholderLayer` and `findPlaceholderLayers`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import repeat
from types import MappingProxyType
from typing import Any

import numpy as np

from dltoolbox.core import convert
from dltoolbox.core.dims import ORDER, Dims, times
from dltoolbox.core.display import counted, listed
from dltoolbox.core.errors import fail
from dltoolbox.core.nargout import check_nargout, outputs
from dltoolbox.core.properties import InvalidValue, Property
from dltoolbox.layers.base import Layer
from dltoolbox.layers.outputs import OutputLayer
from dltoolbox.network.graph.expansion import expansion
from dltoolbox.network.graph.layer_array import LayerArray
from dltoolbox.network.graph.layer_graph import LayerGraph, layerGraph
from dltoolbox.network.graph.subnetworks import numbered
from dltoolbox.ops import Builder, Outputs, Value, as_tuple

MOST_PLACEHOLDER_PORTS, MOST_PLACEHOLDER_SIZES = 1000, 8
REPLACEMENTS = {"scaling": "scalingLayer(Scale=0.17)", "shuffl": "channelShuffleLayer(4)"}  # by a word of the class's name
OneSize = tuple[int, ...]


def _port_names(value: object) -> tuple[str, ...]:
    names = convert.texts(value)
    if len({*names}) < len(names) or not all(names) or any("/" in name for name in names):
        raise InvalidValue("different names without '/'")
    return names


def _output_sizes(value: object) -> tuple[OneSize, ...]:
    """``[7, 7, 64]`` for one output, a list of such lists for several; an empty one: the size of the first input."""
    items = [] if value is None else convert.items_of(value)
    if any(isinstance(item, (list, tuple, np.ndarray)) for item in items):
        return tuple(_one_size(item) for item in items)
    return (_one_size(items),) if items else ()


def _one_size(value: object) -> OneSize:
    sizes = convert.integers(value)
    if sizes is None or len(sizes) > MOST_PLACEHOLDER_SIZES:
        raise InvalidValue("the size of one observation, such as [7, 7, 64] or [10], or one for each output")
    return sizes


def _formats(value: object) -> tuple[str, ...]:
    formats = tuple(text.upper() for text in convert.items_of(value) if isinstance(text, str))
    if len(formats) < len(convert.items_of(value)) or not all(
            {*text} <= {*ORDER[:4]} and "C" in text and all(text.count(label) <= 1 for label in "CBT")
            for text in formats if text):
        raise InvalidValue("dimension labels, such as 'SSCB' or 'CBT'")
    return formats if any(formats) else ()


class PlaceholderLayer(Layer):
    """A layer of which nothing is known but its ports and sizes; see `placeholderLayer`.

    ``remembered`` is what a file said of the layer that it stands for, so that it can be saved again without loss.
    """

    factory, type_text, default_name = "placeholderLayer", "Placeholder", "placeholder"

    NumInputs = Property(convert.integer(1, MOST_PLACEHOLDER_PORTS), 1, "Number of inputs.", group="")
    InputNames = Property(_port_names, (), "Names of the inputs.", group="")  # type: ignore[assignment]  # a tuple
    NumOutputs = Property(convert.integer(0, MOST_PLACEHOLDER_PORTS), 1, "Number of outputs.", group="")
    OutputNames = Property(_port_names, (), "Names of the outputs.", group="")  # type: ignore[assignment]
    OutputSize = Property(_output_sizes, (), "Size of one observation of each output; []: that of the first input.")
    OutputFormat = Property(_formats, (), "Format of each output; []: by the number of sizes.")
    StandsFor = Property(convert.text, "", "The class of the layer that belongs here.")

    remembered: Mapping[str, Any] = MappingProxyType({})

    def validate(self) -> None:
        for count, names, stem in (("NumInputs", "InputNames", "in"), ("NumOutputs", "OutputNames", "out")):
            named, number = self.__dict__[names], self.__dict__[count]
            if named and len(named) != number and number != 1:
                fail(f"{self.label()}:invalid{names}", f"There are {counted(len(named), 'name')} for {count}={number}.",
                     f"Pass as many {names} as there are, or leave {count} out.", layer=self.Name)
            self.__dict__[names] = named or numbered(stem, number)
            self.__dict__[count] = len(self.__dict__[names])
        for name in ("OutputSize", "OutputFormat"):
            if len(self.__dict__[name]) not in (0, self.NumOutputs):
                fail(f"{self.label()}:invalid{name}", f"There are {counted(self.NumOutputs, 'output')}, but {name} has "
                     f"{counted(len(self.__dict__[name]), 'element')}.", f"Pass one per output: {listed(self.OutputNames)}.",
                     layer=self.Name)
        for size, labels in zip(self.OutputSize, self.OutputFormat, strict=False):
            needed = sum(label in "SC" for label in labels)
            if labels and needed != len(size):
                fail(f"{self.label()}:formatMismatch", f"OutputSize {times(size)} has {counted(len(size), 'number')}, but "
                     f"the format '{labels}' has {counted(needed, 'label')} S and C.",
                     "Pass one size per label S and C; B and T have none.", layer=self.Name)

    def is_default(self, prop: Property[object]) -> bool:
        named = {"NumInputs": "InputNames", "NumOutputs": "OutputNames"}
        if prop.name in named.values():
            return self.names_follow(prop.name)
        return super().is_default(prop) or (prop.name in named and not self.names_follow(named[prop.name]))

    def names_follow(self, prop: str) -> bool:
        """Whether the names of the ports follow from their number."""
        names = self.__dict__[prop]
        return bool(names == numbered("in" if prop == "InputNames" else "out", len(names)))

    def as_written(self, name: str) -> object:
        value = super().as_written(name)
        if name == "OutputSize" and isinstance(value, list):
            return [*value[0]] if len(value) == 1 else [[*size] for size in value]
        return value

    @property
    def replacement(self) -> str:
        """The layer that a hint puts in its place: what MATLAB's class of this name is here, where that is known."""
        return next((call for word, call in REPLACEMENTS.items() if word in self.StandsFor.lower()), "layer")

    def inputs(self) -> tuple[str, ...]:
        names: tuple[str, ...] = self.InputNames
        return names

    def outputs(self) -> tuple[str, ...]:
        names: tuple[str, ...] = self.OutputNames
        return names

    def output_dims(self, x: Dims) -> tuple[Dims, ...]:
        """OneSize of what leaves, where the first input is ``x``."""
        sizes, labels = self.OutputSize or ((),) * self.NumOutputs, self.OutputFormat or ("",) * self.NumOutputs
        return tuple(map(self.one_output, repeat(x), sizes, labels))

    def one_output(self, x: Dims, size: OneSize, labels: str) -> Dims:
        if not size:
            return x
        labels = "".join(sorted((*labels.replace("B", ""), "B"), key=ORDER.index)) if labels else (
            "S" * (len(size) - 1) + ("CTB" if x.timed else "CB"))
        rest = iter(size)
        return Dims(labels, tuple(next(rest) if label in "SC" else x.size(label) for label in labels))

    def build(self, g: Builder, x: Value, *others: Value) -> Outputs:
        return g.missing(x, *self.output_dims(x.dims))

    def describe(self) -> str:
        return f"Placeholder for {self.StandsFor}" if self.StandsFor else "Placeholder"


class PlaceholderOutputLayer(PlaceholderLayer, OutputLayer):
    """A placeholder for an output layer: its loss is not known."""

    default_name = "placeholderoutput"

    def build(self, g: Builder, x: Value, *others: Value) -> Outputs:
        (loss,) = as_tuple(g.missing(x, Dims.of("")))
        g.result(x, loss)
        return ()


def placeholder_for(stands_for: str, name: str, inputs: tuple[str, ...], outputs: tuple[str, ...],
                    sizes: Iterable[tuple[str, Sequence[int | None]]], task: str | None) -> PlaceholderLayer:
    """The placeholder of a layer of which these ports are known, perhaps format and sizes of each output, and the task of an
    output layer.
    """
    known = [(labels, [n for label, n in zip(labels, of, strict=True) if label in "SC"]) for labels, of in sizes]
    told = bool(known) and all("C" in labels and "U" not in labels for labels, _ in known)
    page = PlaceholderLayer if task is None else PlaceholderOutputLayer
    made = page(Name=name, InputNames=list(inputs), NumOutputs=len(outputs), OutputNames=list(outputs),
                StandsFor=stands_for, OutputSize=[of for _, of in known] if told else [],
                OutputFormat=[labels for labels, _ in known] if told else [])
    if task is not None:
        if task not in ("classification", "regression"):
            raise ValueError
        vars(made)["task"] = task
    return made


def placeholderLayer(*pairs: object, **options: object) -> PlaceholderLayer:
    """A layer that stands for one of which nothing is known but ports and sizes.

    It takes its place in layer graphs, analyses, files and code: sizes go through, and the rest of the network can be
    looked at and edited. `predict` and `trainNetwork` refuse a network with placeholders; `replaceLayer` puts a layer in
    the place of one.

    Args:
        *pairs: Names and values of options in turn.
        **options: ``Name`` (''). ``NumInputs`` (1) and ``NumOutputs`` (1), or ``InputNames`` and ``OutputNames``.
            ``OutputSize`` ([]): the size of one observation, ``[7, 7, 64]``, or a list of sizes, one per output; an output
            without one has the size of the first input. ``OutputFormat`` ([]): the labels that go with it, ``'SSCB'``.
            ``StandsFor`` (''): the class of the layer that belongs here.

    Returns:
        A `PlaceholderLayer`.

    Raises:
        DltoolboxError: ``dltoolbox:placeholderLayer:invalidInputNames`` and so on, for each option;
            ``…:formatMismatch``.

    Example:
        >>> lgraph = layerGraph([imageInputLayer([8, 8, 3]), placeholderLayer(Name='scale', StandsFor='ScalingFactorLayer'),
        ...                      reluLayer])
        >>> [layer.Name for layer in findPlaceholderLayers(lgraph)]
        ['scale']
    """
    return PlaceholderLayer(*pairs, **options)


def findPlaceholderLayers(layers: object, *, nargout: int = 1) -> Any:
    """The placeholder layers of a network, and where they are.

    Args:
        layers: A layer array, layer graph or network. Networks inside layers are looked into.
        nargout: Number of outputs, 1 or 2.

    Returns:
        The placeholders; with ``nargout=2`` also their 1-based numbers, inside a network layer the number of that.

    Example:
        >>> placeholders, numbers = findPlaceholderLayers([reluLayer, placeholderLayer(Name='shuffle')], nargout=2)
        >>> placeholders[0].Name, numbers
        ('shuffle', [2])
    """
    check_nargout(nargout, 2, "findPlaceholderLayers")
    graph = layers if isinstance(layers, LayerGraph) else layerGraph(layers)
    found, numbers = LayerArray(), list[int]()
    for number, layer in enumerate(graph.nodes, 1):
        inner = [layer] if layer.nested is None else expansion(LayerGraph([layer], [])).graph.nodes
        here = [one.copy() for one in inner if isinstance(one, PlaceholderLayer)]
        found.extend(here)
        numbers += [number] * len(here)
    return outputs((found, numbers), nargout, "findPlaceholderLayers")
