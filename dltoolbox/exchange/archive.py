"""saveNetwork and loadNetwork: a network as one file that holds data only.

The file describes layers by the names of their factories and by their properties. Loading makes the layers through
their factories, with all their validation, and checks the whole network; nothing that a file says is ever executed. For
layers of the user's own see `dltoolbox.exchange.custom`.
"""

from __future__ import annotations

import os
from collections import ChainMap
from collections.abc import Callable, Iterable, Mapping
from math import nan
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from dltoolbox.core import convert
from dltoolbox.core.dims import Dims
from dltoolbox.core.errors import DltoolboxError, IssueCollector, fail, warn
from dltoolbox.core.files import names_folder
from dltoolbox.core.packages import __version__
from dltoolbox.core.properties import Configured, Property, show
from dltoolbox.data.layout import networkDataLayout
from dltoolbox.exchange.container import ContainerReader, Damaged, Oversized, open_container, write_container
from dltoolbox.exchange.custom import (
    described_custom,
    described_placeholder,
    described_ports,
    refuse_unnamed,
    restored_custom,
    restored_placeholder,
)
from dltoolbox.exchange.registered import name_of_function
from dltoolbox.exchange.values import CUSTOM_VERSION, Described, Reading, Writing, has_function, unknown_functions
from dltoolbox.layers.base import LAYERS, Layer, find
from dltoolbox.network.data_layout import example_dims
from dltoolbox.network.dlnetwork import dlnetwork, initialize
from dltoolbox.network.graph.expansion import expansion
from dltoolbox.network.graph.history import Connection, Port
from dltoolbox.network.graph.layer_array import MOST_ISSUES
from dltoolbox.network.graph.layer_graph import LayerGraph, check_unique
from dltoolbox.network.graph.neural_ode import NeuralODELayer
from dltoolbox.network.graph.placeholders import PlaceholderLayer
from dltoolbox.network.graph.subnetworks import NetworkLayer
from dltoolbox.network.lowering.initialise import ParameterArrays
from dltoolbox.network.lowering.lower import lower
from dltoolbox.network.networks import DAGNetwork, Network, SeriesNetwork, complete_arrays, is_series
from dltoolbox.ops import ParameterKey

Contents = TypeVar("Contents")
PAGES: Mapping[str, type[Layer]] = ChainMap(LAYERS, {page.factory: page for page in (NetworkLayer, NeuralODELayer,
                                                                                     PlaceholderLayer)})
FORMAT = "dltoolbox network"
MOST_PORTS = 200_000  # inputs and outputs of all layers
DESCRIPTION_FILE = "network.json"
NETWORKS: dict[str, type[Network]] = {"SeriesNetwork": SeriesNetwork, "DAGNetwork": DAGNetwork, "dlnetwork": dlnetwork}


def saveNetwork(net: Network, file: object) -> None:
    """Save a network: its layers with all their values, its connections and its classes.

    Layers of your own are saved by the name of their class (`registerLayer`), with their learnables, states and what else
    they hold: numbers, texts, lists, dictionaries and arrays.

    The file is a zip of JSON and ``.npy`` members that other programs can read, too. Equal networks give equal bytes. An
    existing file is replaced, but only when the new one is complete, and keeps its permissions; when saving fails, it
    stays as it was. Pipes and devices such as ``/dev/null`` are written into, never replaced.

    Args:
        net: From `trainNetwork`, `assembleNetwork` or `loadNetwork`, or a `dlnetwork`, initialised or not.
        file: Path of the file, exactly as given: no suffix is added. Its folder must exist.

    Raises:
        DltoolboxError: ``dltoolbox:saveNetwork:notANetwork``; ``…:functionValue`` for every property that holds a
            function without a name (`registerFunction`), since files hold no code; ``…:unsupportedValue`` for what a layer
            of your own holds and files cannot; ``…:invalidHook`` for its method ``saved``; ``…:tooLarge``;
            ``…:folderNotFound``, ``…:isAFolder``, ``…:invalidFile``, ``…:cannotWrite``; and whatever `assembleNetwork`
            raises for a network that is not complete.

    Warns:
        DltoolboxWarning: ``dltoolbox:saveNetwork:otherFormat`` for a name such as ``'net.mat'``, which promises another kind
            of file. ``…:initializerDropped``. An initialiser that is a function has done its
            work when the array that it initialises has a value; it is saved as its default.

    Example:
        >>> net = assembleNetwork([featureInputLayer(2), fullyConnectedLayer(1, Weights=[[1, 2]], Bias=[3]),
        ...                        regressionLayer])
        >>> import os, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     saveNetwork(net, os.path.join(folder, 'line.dlnet'))
        ...     float(predict(loadNetwork(os.path.join(folder, 'line.dlnet')), [1, 1])[0, 0])
        6.0
    """
    if type(net) not in NETWORKS.values():
        fail("saveNetwork:notANetwork", f"The first argument of saveNetwork must be a trained network, but it is "
             f"{show(net)}.", "Train the layers with trainNetwork, assemble them with assembleNetwork, or make a dlnetwork "
             "of them.")
    path = target_of(file, "saveNetwork")
    warn_of_other_format(path, "saveNetwork")
    arrays: dict[str, np.ndarray] = {}
    try:
        description = described(net, arrays)
        write_container(path, description, DESCRIPTION_FILE, arrays)
    except Oversized:
        fail("saveNetwork:tooLarge", f"The network has {len(net.nodes)} layers; a file holds about ten thousand, with at "
             f"most {MOST_PORTS} inputs and outputs.", "Divide it into several networks.")
    except OSError as error:
        fail("saveNetwork:cannotWrite", f"'{path}' cannot be written: {error}.", "An existing file is as it was.")


OTHER_FORMATS = {".mat": "MAT-file", ".onnx": "ONNX model", ".h5": "Keras model", ".hdf5": "Keras model",
                 ".keras": "Keras model", ".pt": "PyTorch model", ".pth": "PyTorch model", ".pkl": "pickle",
                 ".npz": "NumPy archive", ".npy": "NumPy array", ".json": "JSON file", ".m": "MATLAB script",
                 ".py": "Python script", ".mlmodel": "Core ML model", ".pb": "TensorFlow model"}


def warn_of_other_format(path: Path, function: str) -> None:
    """Of a name that promises another kind of file: what is written is a file of this toolbox all the same."""
    kind = OTHER_FORMATS.get(path.suffix.lower())
    if kind and function == "saveVariables":
        warn("saveVariables:otherFormat", f"'{path.name}' will not be a{'n' if kind[0] in 'AEIO' else ''} {kind}: other "
             "programs cannot read it as one; loadVariables can.", f"Name it '{path.stem}.dlvars'.")
    elif kind:
        to_matlab = f"toMATLAB(net, '{path.stem}.m', Parameters=True)"
        writer = {".m": to_matlab, ".mat": to_matlab, ".py": f"toPython(net, '{path.stem}.py')"}.get(path.suffix.lower())
        warn("saveNetwork:otherFormat", f"'{path.name}' will not be a{'n' if kind[0] in 'AEIO' else ''} {kind}: other "
             "programs cannot read it as one; loadNetwork can.", f"Name it '{path.stem}.dlnet', which loadNetwork reads as "
             f"well{f'; or write a script: {writer}' if writer else ''}.")


class _LoadOptions(Configured):
    function = "loadNetwork"
    Unknown = Property(convert.choice("error", "placeholder"), "error")


def loadNetwork(file: object, *pairs: object, **options: object) -> Network:
    """Load a network that `saveNetwork` wrote.

    Nothing in the file is executed: layers are made by their factories, and everything is checked as if it had been
    typed in. Predictions equal those of the saved network bit for bit. Layers of your own are found among the classes that
    the script has defined or imported before, and get what was saved without a call of their constructor.

    Args:
        file: Path of the file.
        *pairs: Names and values of options in turn.
        **options: ``Unknown`` (``'error'``): ``'placeholder'`` puts a `placeholderLayer` in the place of every layer whose
            class or function the script has not defined. It keeps all that the file says, and can be saved again.

    Returns:
        A `SeriesNetwork`, `DAGNetwork` or `dlnetwork`, as saved.

    Raises:
        DltoolboxError: ``dltoolbox:loadNetwork:fileNotFound``, ``…:cannotRead``, ``…:invalidFile``; ``…:notAnArchive``
            for other kinds of files; ``…:newerVersion`` for files of a later dltoolbox; ``…:corruptFile`` for damaged or
            forged ones; ``dltoolbox:registry:unknownLayer`` for layers that this version does not have;
            ``…:unknownLayer`` for classes and functions that the script has not defined, ``…:otherClass`` for a class that
            has changed, ``…:invalidHook`` for its method ``loaded``.

    Example:
        >>> try:
        ...     loadNetwork('no such file')
        ... except DltoolboxError as error:
        ...     error.identifier
        'dltoolbox:loadNetwork:fileNotFound'
    """
    placeholders = _LoadOptions(*pairs, **options).Unknown == "placeholder"
    return contents_of(file, "loadNetwork", lambda reader, path: restored(reader, path, placeholders))


def contents_of(file: object, function: str, read: Callable[[ContainerReader, Path], Contents]) -> Contents:
    """The contents of a file as ``read`` finds them; ``function`` is who asks, for messages."""
    path = path_of(file, function)
    if not os.path.isfile(path):
        advice = "It is a folder." if os.path.isdir(path) else "Check the path; it is relative to the present folder."
        fail(f"{function}:fileNotFound", f"There is no file '{path}'.", advice)
    try:
        return loaded(path, function, read)
    except OSError as error:
        fail(f"{function}:cannotRead", f"'{path}' cannot be read: {error}.", "Check the permissions.")
    except MemoryError:
        fail(f"{function}:cannotRead", f"'{path}' needs more memory than there is.", "Load it where there is more memory.")


def loaded(path: Path, function: str, read: Callable[[ContainerReader, Path], Contents]) -> Contents:
    """The contents of a file; what is wrong with them is told."""
    try:
        with open_container(path) as reader:
            return read(reader, path)
    except Damaged as damage:
        if not begins_as_zip(path):
            not_an_archive(path, function)
        fail(f"{function}:corruptFile", f"'{path}' is damaged: {damage}.", f"Save the {SAVED[function]} again.")
    except RecursionError:
        fail(f"{function}:corruptFile", f"'{path}' is damaged: too much stands inside each other.",
             f"Save the {SAVED[function]} again.")


SAVED = {"loadNetwork": "network", "loadVariables": "variables"}
CALLS = {"saveNetwork": "net, 'net.dlnet'", "loadNetwork": "'net.dlnet'", "saveVariables": "'loop.dlvars', net=net",
         "loadVariables": "'loop.dlvars'"}


def path_of(file: Any, function: str) -> Path:
    """A path from text or a path-like value."""
    try:
        text = os.fspath(file)
        usable = isinstance(text, str) and text != "" and b"\0" not in os.fsencode(text)
    except Exception:  # a value that is no path, a name that no file can have
        usable = False
    if not usable:
        fail(f"{function}:invalidFile", f"The file must be a path, but it is {show(file)}.",
             f"Call for example {function}({CALLS.get(function, CALLS['loadNetwork'])}).")
    return Path(text)


def target_of(file: Any, function: str) -> Path:
    """The path of a file to write, in a folder that exists."""
    path = path_of(file, function)
    if os.path.isdir(path) or names_folder(os.fspath(file)):
        fail(f"{function}:isAFolder", f"'{os.fspath(file)}' is a folder.",
             f"Pass the name of a file in it, such as {str(Path(path, 'net.dlnet'))!r}.")
    if not os.path.isdir(path.parent):
        fail(f"{function}:folderNotFound", f"The folder '{path.parent}' does not exist.",
             f"Create it first: os.makedirs({str(path.parent)!r})")
    return path


# Writing -------------------------------------------------------------------------------------------------------------
def described(net: Network, arrays: dict[str, np.ndarray]) -> Described:
    """The network as JSON values; the arrays that they refer to join the others. All that cannot be saved is told at once.

    Raises:
        Oversized: for more inputs and outputs than a reader accepts.
    """
    if not isinstance(net, dlnetwork) or net.Initialized:
        complete_arrays(net)
    if sum(map(port_count, (*net.nodes, *expansion(net).graph.nodes))) > MOST_PORTS:
        raise Oversized
    writing = Writing(known_sizes(net), arrays)
    graph = described_graph(net.in_state({}), writing)
    if net.current:
        graph["states"] = [[*key, writing.value(state, key.name)] for key, state in net.current.items()]
    if writing.dropped:
        warn("saveNetwork:initializerDropped", f"Files hold no functions, so {', '.join(writing.dropped)} is saved as the "
             "default.", "The arrays have their values already, so the saved network computes the same.")
    return {"format": FORMAT, "version": writing.version, "dltoolbox": __version__, "type": type(net).__name__,
            **graph}


def known_sizes(net: Network) -> dict[str, tuple[Dims, ...]]:
    """The outputs of each layer, for placeholders of layers that a reader of the file may not have."""
    return {info.layer.Name: info.outputs for info in lower(net).layers if info.outputs is not None}


def described_graph(net: Network, writing: Writing, around: str = "") -> Described:
    """The layers, the connections and the ends of a network, which may stand inside the layers ``around``."""
    issues, layers = IssueCollector(), []
    for index, layer in enumerate(net.nodes, 1):
        with issues.collect(layer=layer.Name, index=index):
            layers.append(described_layer(layer, writing, around, issues, index))
    issues.raise_if_any()
    connections = [[*c.source, *c.destination] for c in net.edges]
    return {"layers": layers, "connections": connections, **described_ends(net)}


def described_layer(layer: Layer, writing: Writing, around: str, issues: IssueCollector, index: int) -> Described:
    """A layer by its factory and properties; each that cannot be saved is told."""
    path = f"{around}{layer.Name}"
    if isinstance(layer, PlaceholderLayer) and layer.remembered:
        return described_placeholder(layer, writing)
    if PAGES.get(layer.factory) is not type(layer):
        return described_custom(layer, writing, path, issues, index)
    values = {}
    for prop, value in layer.values():
        with issues.collect(layer=layer.Name, index=index):
            if callable(value) and is_spent_initialiser(layer, prop) and name_of_function(value) is None:
                writing.dropped.append(f"{prop.name} of '{layer.Name}'")
                value = prop.converted(prop.default, layer)
            values[prop.name] = ({"network": described_graph(value, writing, f"{path}:")} if isinstance(value, dlnetwork)
                                 else writing.value(value, prop.name))
    described = {"layer": layer.factory, "properties": values}
    return described | described_ports(layer, writing.sizes.get(path)) if has_function(values) else described


def described_ends(net: Network) -> Described:
    """The facts of a dlnetwork beyond its layers: chosen outputs, sizes at open inputs, whether it has its values."""
    if not isinstance(net, dlnetwork):
        return {}
    layouts = {name: {"labels": dims.format, "sizes": dims.shown_sizes} for name, dims in net.layouts.items()}
    return {"outputs": [str(port) for port in net.chosen], "layouts": layouts, "initialized": net.Initialized}


def is_spent_initialiser(layer: Layer, prop: Property[object]) -> bool:
    """Whether the property is the initialiser of an array that has a value."""
    name = prop.name.removesuffix("Initializer")
    return name != prop.name and getattr(layer, name, None) is not None


# Reading -------------------------------------------------------------------------------------------------------------
def restored(reader: ContainerReader, path: Path, placeholders: bool) -> Network:
    """The network that an open file describes."""
    if DESCRIPTION_FILE not in reader.members:
        not_an_archive(path, "loadNetwork")
    description = typed(reader.json(DESCRIPTION_FILE), dict, "the description")
    if description.get("format") != FORMAT:
        not_an_archive(path, "loadNetwork")
    reading = Reading(reader, placeholders, {DESCRIPTION_FILE})
    net = restored_network(description, reading, path)
    if reading.used != set(reader.members):
        raise Damaged(f"members are not used: {show(sorted(set(reader.members) - reading.used))}")
    return net


def restored_network(description: dict[str, object], reading: Reading, path: Path) -> Network:
    """The network of a description, in the file of this path."""
    version = entry(description, "version", int)
    if version > CUSTOM_VERSION:
        fail("loadNetwork:newerVersion", f"'{path}' has format version {version} (written by dltoolbox "
             f"{show(description.get('dltoolbox'))}), but this dltoolbox reads versions up to {CUSTOM_VERSION}.",
             "Update dltoolbox, or save the network with an older one.")
    kind = entry(description, "type", str)
    if version < 1 or kind not in NETWORKS:
        raise Damaged(f"there is no format version {version} with networks of type {show(kind)}")
    reading.inside = lambda inner: restored_inside(inner, reading)
    lgraph = restored_graph(description, reading)
    states = restored_states(description, reading)
    refuse_unnamed(reading)
    try:
        check_unique(lgraph.nodes)
        if kind == "dlnetwork":
            return in_saved_state(restored_dlnetwork(lgraph, description), states)
        complete_arrays(lgraph, loss=True)
    except DltoolboxError as error:
        raise Damaged(f"it describes no valid network. {error}") from error
    if kind == "SeriesNetwork" and not is_series(lgraph):
        raise Damaged("its layers do not follow one another as in a SeriesNetwork")
    return in_saved_state(NETWORKS[kind](lgraph), states)


def restored_states(description: dict[str, object], reading: Reading) -> ParameterArrays:
    """The states that sequences go on from, by layer and name; none where they begin."""
    states = ParameterArrays()
    for item in typed(description.get("states", []), list, "the list of states"):
        if len(typed(item, list, "a state")) != 3:
            raise Damaged(f"{show(item)} is not a state")
        key = ParameterKey(*(typed(text, str, "the name of a state") for text in item[:2]))
        states[key] = reading.value(item[2])
    return states


def in_saved_state(net: Network, states: ParameterArrays) -> Network:
    """The network in these states, which must be those that it carries, of one number of sequences."""
    if not states:
        return net
    graph = lower(net).graph
    carried = {key: value.dims.shape if key in graph.common else (value.dims.channels, 2)
               for key, value in graph.carried.items()}
    if carried != {key: (state.shape or (1,)) if key in graph.common else (len(state), state.ndim)
                   for key, state in states.items() if isinstance(state, np.ndarray)} or len(
            {state.shape[1] for key, state in states.items() if key not in graph.common}) > 1:
        raise Damaged("its states are not those of its layers")
    return net.in_state(states)


def restored_dlnetwork(lgraph: LayerGraph, description: dict[str, object]) -> dlnetwork:
    """The dlnetwork of a layer graph, with what `described_ends` wrote."""
    outputs = [typed(name, str, "an output") for name in entry(description, "outputs", list)]
    if unknown := set(outputs).difference(str(Port(layer.Name, port)) for layer in lgraph.nodes for port in layer.outputs()):
        raise Damaged(f"there is no output {show(min(unknown))}")
    net = dlnetwork(lgraph, OutputNames=outputs, Initialize=False)
    open_names = set(net.input_names())
    for name, layout in entry(description, "layouts", dict).items():
        if name not in open_names:
            raise Damaged(f"there is no open input '{name}'")
        layout = typed(layout, dict, f"the layout of '{name}'")
        sizes, labels = entry(layout, "sizes", list), entry(layout, "labels", str)
        known = [nan if n is None else typed(n, int, "a size") for n in sizes]
        net.layouts[name] = example_dims(networkDataLayout(known, labels), None, "loadNetwork")
    if entry(description, "initialized", bool):
        complete_arrays(net)
        net = initialize(net)
    return net


def restored_graph(description: dict[str, object], reading: Reading) -> LayerGraph:
    """The layers and the connections of a network."""
    layers = restored_layers(entry(description, "layers", list), reading)
    return LayerGraph(layers, restored_connections(entry(description, "connections", list), layers))


def restored_inside(description: dict[str, object], reading: Reading) -> dlnetwork:
    """The network that a layer holds."""
    lgraph = restored_graph(description, reading)
    try:
        check_unique(lgraph.nodes)
        return restored_dlnetwork(lgraph, description)
    except DltoolboxError as error:
        raise Damaged(f"a layer holds no valid network. {error}") from error


def restored_layers(entries: Iterable[object], reading: Reading) -> list[Layer]:
    """Layers made by their factories; the unknown ones are reported."""
    issues, layers = IssueCollector(), []
    for index, item in enumerate(entries, 1):
        described_layer = typed(item, dict, f"layer {index}")
        given = entry(described_layer, "properties", dict)
        with issues.collect(layer=str(given.get("Name", "")), index=index):
            layers.append(restored_custom(described_layer, reading, index) if "custom" in described_layer else
                          restored_layer(described_layer, reading, index))
            reading.reader.asked += port_count(layers[-1])
            if reading.reader.asked > MOST_PORTS:  # a few numbers must not stand for millions of inputs
                raise Damaged(f"its layers have more than {MOST_PORTS} inputs and outputs")
        if len(issues) == MOST_ISSUES:
            break
    issues.raise_if_any()
    return layers


def restored_layer(described_layer: dict[str, object], reading: Reading, index: int) -> Layer:
    """A layer made by its factory; a placeholder where it needs a function that nobody has defined."""
    factory = entry(described_layer, "layer", str)
    values = {name: reading.value(value) for name, value in entry(described_layer, "properties", dict).items()}
    cls = PAGES.get(factory) or find(factory)
    unknown = [name for name in values if name not in cls.properties]
    if unknown:
        raise Damaged(f"layer {index} has the unknown properties {show(unknown)}")
    if missing := [*unknown_functions(values)]:
        for name in missing:
            reading.is_unknown(f"function {name!r}", str(values.get("Name", "")))
        return restored_placeholder({**described_layer, "properties": values}, index)
    return made(cls, values, index)


def port_count(layer: Layer) -> int:
    """The number of its inputs and outputs."""
    return layer.NumInputs + layer.NumOutputs


def made(cls: type[Layer], values: dict[str, object], index: int) -> Layer:
    """A layer from its factory; properties that it refuses were not written by saveNetwork."""
    try:
        return cls(**values)
    except DltoolboxError as error:
        raise Damaged(f"layer {index} is not valid. {error}") from error


def restored_connections(entries: Iterable[object], layers: Iterable[Layer]) -> list[Connection]:
    """Connections between ports that exist."""
    outputs = {Port(layer.Name, port) for layer in layers for port in layer.outputs()}
    inputs = {Port(layer.Name, port) for layer in layers for port in layer.inputs()}
    connections = []
    for item in entries:
        words = typed(item, list, "a connection")
        if len(words) != 4 or not all(isinstance(word, str) for word in words):
            raise Damaged("a connection is not given by four names")
        source, destination = Port(*words[:2]), Port(*words[2:])
        if source not in outputs or destination not in inputs:
            raise Damaged(f"there is no connection from '{source}' to '{destination}'")
        connections.append(Connection(source, destination))
    return connections


def entry(values: dict[str, object], name: str, kind: type) -> Any:
    """A value of a JSON object, of the expected type."""
    return typed(values.get(name), kind, f"'{name}'")


def typed(value: object, kind: type, what: str) -> Any:
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise Damaged(f"{what} is missing or of another type")
    return value


def begins_as_zip(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) == b"PK"


def not_an_archive(path: Path, function: str) -> None:
    with path.open("rb") as file:
        head = file.read(128)
    kind = next((text for sign, text in SIGNS.items() if sign in head), "")
    saving = function.replace("load", "save")
    what = "is not a network" if function == "loadNetwork" else "does not hold variables"
    fail(f"{function}:notAnArchive", f"'{path}' {what} saved by {saving}{kind}.", f"Pass a file that {saving} wrote.")


SIGNS = {b"MATLAB 5.0 MAT": " but a MAT-file", b"MATLAB 7.3 MAT": " but a MAT-file", b"\x89HDF": " but an HDF5 file",
         b"data.pkl": " but a PyTorch file", b"\x80\x04\x95": " but a Python pickle"}
