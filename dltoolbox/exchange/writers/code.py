"""The common part of `toPython` and `toMATLAB`: a network as chains of layers and connections, and lines of code.

What a call holds is said by the layers (`Layer.call`); how calls, values and statements read, by a file per language.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import IO, Any

import numpy as np

from dltoolbox.core import convert
from dltoolbox.core.dims import Dims
from dltoolbox.core.display import counted, listed
from dltoolbox.core.errors import fail, warn
from dltoolbox.core.files import replacing, write_text
from dltoolbox.core.packages import __version__
from dltoolbox.core.properties import LEARNABLE, STATE, Configured, Property
from dltoolbox.exchange.archive import target_of
from dltoolbox.exchange.writers.own import ConstructorCall, constructor_call, is_users, unknown_text
from dltoolbox.layers.base import Layer, all_zero
from dltoolbox.layers.outputs import OutputLayer
from dltoolbox.network.dlnetwork import dlnetwork
from dltoolbox.network.graph.expansion import expansion
from dltoolbox.network.graph.history import Connection, Port
from dltoolbox.network.graph.layer_graph import LayerGraph, layerGraph, sequence
from dltoolbox.network.graph.placeholders import placeholder_for
from dltoolbox.network.learn_rate_factors import RATE, factor_names
from dltoolbox.network.lowering.initialise import certain_start
from dltoolbox.network.lowering.lower import lower
from dltoolbox.network.networks import DAGNetwork

INLINE = 64  # elements of the largest array that stands in the code
LISTED = 8  # differences that a warning names
LINE_WIDTH = 110  # characters of a line, where it can be broken
UNBROKEN = 96  # characters of the longest argument that is not broken: it fits a line of its own, indented twice
KEYWORDS = frozenset((  # MATLAB's
    "break", "case", "catch", "classdef", "continue", "else", "elseif", "end", "for", "function", "global", "if",
    "otherwise", "parfor", "persistent", "return", "spmd", "switch", "try", "while"))

Tokens = list[str]  # pieces of code between which a line may be broken


class CodeOptions(Configured):
    """Arguments of both functions after the network."""

    File = Property(lambda value: value, "", positional=True, argument="file")  # checked by `code_files`
    Parameters = Property(convert.flag, False)


@dataclass(frozen=True)
class Saved:
    """An array beside the code: the group and the name under which it stands there."""

    group: str
    name: str


@dataclass
class Outline:
    """A network as a script builds it: chains of layers, then connections; and the arrays that stand beside the script."""

    net: Any
    function: str
    parameters: bool
    files: tuple[Path, Path] | None
    graph: LayerGraph = field(init=False)
    chains: list[list[Layer]] = field(init=False)
    connections: list[tuple[str, str]] = field(init=False)
    arrays: dict[str, dict[str, np.ndarray]] = field(default_factory=dict)
    omitted: set[tuple[str, str]] = field(default_factory=set)
    notes: dict[str, list[str]] = field(default_factory=dict)
    users: dict[str, ConstructorCall] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.parameters and self.files is None:
            fail(f"{self.function}:fileNeeded", "Parameters are written to a file beside the code, but no file was named.",
                 f"Pass one: {self.function}(net, file, …).")
        self.graph = expansion(self.net if isinstance(self.net, LayerGraph) else layerGraph(self.net), repeated=False).graph
        for layer in self.graph.nodes:
            if layer.repeats:
                fail(f"{self.function}:notYetSupported", f"Code for {layer.label()} is not there yet.",
                     f"Write the network inside: {self.function}(getLayer(net, '{layer.Name}').Network).", layer=layer.Name)
        if isinstance(self.net, dlnetwork):
            self.net = self.graph
        self.find_users_layers()
        self.chains = chains(self.graph)
        inside = {edge for chain in self.chains for edge in sequence(chain)}
        self.connections = [self.texts(edge) for edge in self.graph.edges if edge not in inside]
        self._groups = identifiers([layer.Name for layer in self.graph.nodes])

    @property
    def is_sequence(self) -> bool:
        """Whether the layers alone, one after the other, are the network."""
        return len(self.chains) == 1 and not self.connections

    @property
    def is_trained(self) -> bool:
        return isinstance(self.net, DAGNetwork)

    def find_users_layers(self) -> None:
        """The calls that make the layers of the user's own; placeholders for those that nobody can write."""
        nodes = list(self.graph.nodes)
        for at, layer in enumerate(nodes):
            if is_users(layer):
                call = constructor_call(layer)
                if call.unknown:
                    self.note(layer, unknown_text(call))
                    nodes[at] = self.placeholder(layer)
                else:
                    self.users[layer.Name] = call
                    if call.dropped:
                        self.note(layer, f"{listed(call.dropped)} of {call.cls.__name__} cannot stand in code, so its "
                                  "default is taken")
        if self.notes:
            self.graph = self.graph.with_renamed_ports(nodes, self.graph.edges, {})

    def placeholder(self, layer: Layer) -> Layer:
        outputs = next((info.outputs for info in lower(self.graph).layers if info.layer.Name == layer.Name), None)
        task = layer.task if isinstance(layer, OutputLayer) else None
        return placeholder_for(type(layer).__name__, layer.Name, layer.inputs(), layer.outputs(),
                               [(y.format, y.shown_sizes) for y in outputs or ()], task)

    def texts(self, edge: Connection) -> tuple[str, str]:
        """The arguments of connectLayers."""
        return self.text(edge.source, "outputs"), self.text(edge.destination, "inputs")

    def text(self, port: Port, side: str) -> str:
        text = self.graph.port_text(port, side)
        if self.graph.port(text, side) != port:
            fail(f"{self.function}:ambiguousName", f"'{text}' is the name of a layer and a port of layer '{port.layer}'.",
                 "Rename one of the layers.", layer=port.layer)
        return text

    def values(self, layer: Layer, options: Mapping[str, object]) -> dict[str, Any]:
        """The options of a call, arrays among them replaced by what stands beside the code; some are left out."""
        given: dict[str, Any] = {}
        for name, value in options.items():
            if callable(value):
                self.note(layer, f"{name} was a function of Python, {getattr(value, '__qualname__', value)}; it is left out")
            elif not isinstance(value, np.ndarray):
                given[name] = value
            elif self.parameters and (learned(layer, name) or value.size > INLINE):
                group = self._groups[layer.Name]
                self.arrays.setdefault(group, {})[name] = value
                given[name] = Saved(group, name)
            elif starts_so(layer, name, value):
                continue
            elif learned(layer, name) and not frozen(layer, name):
                self.omitted.add((layer.Name, name))
            elif value.size <= INLINE:
                given[name] = value
            else:
                why = ", which does not learn," if learned(layer, name) else ""
                self.note(layer, f"{name}{why} is left out, since it has {value.size} elements; Parameters=True writes it")
        return given

    def variable(self, layer: Layer) -> str:
        """The variable for a layer of the user's own."""
        return f"own_{self._groups[layer.Name]}"

    def note(self, layer: Layer, text: str) -> None:
        """Something that the code does not say as the layer does: a comment above the layer, and a warning."""
        self.notes.setdefault(layer.Name, []).append(text)

    def summary(self) -> Iterator[str]:
        """The comment at the top."""
        yield (f"{counted(len(self.graph.nodes), 'layer')}, {counted(len(self.graph.edges), 'connection')}. "
               f"Written by dltoolbox {__version__}.")
        if self.omitted:
            yield (f"The values of learnables and states, {counted(len(self.omitted), 'array')}, are left out; "
                   "Parameters=True writes them.")

    def write(self, text: str, save: Callable[[IO[bytes]], None]) -> None:
        """Write the files that were asked for, both or none, and warn of what the code says differently."""
        if self.files is not None:
            code, data = self.files
            try:
                with ExitStack() as both:
                    if self.arrays:
                        save(both.enter_context(replacing(data)))
                    write_text(code, text)
            except OSError as error:
                fail(f"{self.function}:cannotWrite", f"'{code}' cannot be written: {error}.", "Check the permissions.")
        if self.notes:
            told = [f"'{name}': {text.rstrip('.')}" for name, texts in self.notes.items() for text in texts]
            more = [f"and {len(told) - LISTED} more"] if len(told) > LISTED else []
            warn(f"{self.function}:notTheSame", f"The code differs from the network: {'; '.join([*told[:LISTED], *more])}.",
                 "Comments in the code mark the places.")


def chains(graph: LayerGraph) -> list[list[Layer]]:
    """Layers that follow one another, in order, and feed each the next as in a layer array."""
    edges, result = set(graph.edges), list[list[Layer]]()
    for previous, layer in pairwise([None, *graph.nodes]):
        assert layer is not None
        if previous is not None and (link := sequence([previous, layer])) and link[0] in edges:
            result[-1].append(layer)
        else:
            result.append([layer])
    return result


def layouts_in_order(net: dlnetwork) -> list[Dims]:
    """Sizes of the data at open inputs."""
    return [net.layouts[name] for name in net.input_names() if name in net.layouts]


def learned(layer: Layer, name: str) -> bool:
    """Whether training finds the value: code without parameters leaves it to the initialiser."""
    prop = layer.properties[name]
    return (prop.group == LEARNABLE and prop.default is None) or (name in layer.states and prop.group != STATE)


def frozen(layer: Layer, name: str) -> bool:
    """Whether training leaves the value as it is."""
    if name in layer.states:
        return bool(layer.__dict__.get("FixedStatistics"))
    factor = factor_names(layer, RATE).get(name)
    return factor is not None and all_zero(getattr(layer, factor))


def starts_so(layer: Layer, name: str, value: np.ndarray) -> bool:
    """Whether the layer's initialiser gives the value again; states from which runs begin are zero where none is given."""
    if layer.properties[name].group == STATE:
        return not value.any()
    start = certain_start(layer.__dict__.get(f"{name}Initializer"), value.shape)
    return start is not None and np.array_equal(start.astype(value.dtype), value)


def identifiers(names: Sequence[str]) -> dict[str, str]:
    """A different identifier of both languages for every name, as much like it as possible."""
    made: dict[str, str] = {}
    taken: set[str] = set()
    for name in names:
        stem = re.sub(r"[^A-Za-z0-9_]", "_", name)[:48]
        stem = stem if re.match("[A-Za-z]", stem) and stem not in KEYWORDS else f"layer_{stem}"
        identifier, number = stem, 1
        while identifier.lower() in taken:
            number += 1
            identifier = f"{stem}_{number}"
        taken.add(identifier.lower())
        made[name] = identifier
    return made


def joined_tokens(before: str, parts: Iterable[Tokens], separator: str, after: str) -> Tokens:
    """Parts between brackets, with a place to break a line behind every separator, and within parts that no line holds."""
    tokens: Tokens = []
    for part in parts:
        if tokens:
            tokens[-1] += separator
        tokens += ["".join(part)] if sum(map(len, part)) <= UNBROKEN else part
    if not tokens:
        return [before + after]
    tokens[0] = before + tokens[0]
    tokens[-1] += after
    return tokens


def filled(tokens: Tokens, indent: str, continuation: str = "") -> list[str]:
    """Lines of at most `LINE_WIDTH` characters, where tokens are short enough; all but the first are indented once more."""
    lines, line = [], indent
    for token in tokens:
        if line.strip() and len(line) + len(token.rstrip()) + len(continuation) > LINE_WIDTH:
            lines.append(line.rstrip() + continuation)
            line = indent + "    "
        line += token
    return [*lines, line.rstrip()]


def code_files(file: object, function: str, pattern: str, example: str, data: str) -> tuple[Path, Path] | None:
    """The file for the code and, beside it, the one for the arrays; None if no file was named."""
    if isinstance(file, str) and not file:
        return None
    path = target_of(file, function)
    if not re.fullmatch(pattern, path.name):
        fail(f"{function}:invalidFile", f"'{path.name}' is not the name of a file with code.",
             f"Call it for example {example}.")
    return path, path.with_suffix(data)
