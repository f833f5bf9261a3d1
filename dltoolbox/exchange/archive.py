"""saveNetwork and loadNetwork: a network as one file that holds data only.

The file describes layers by the names of their factories and by their properties. Loading makes the layers through
their factories, with all their validation, and checks the whole network; nothing that a file says is ever executed.
"""

from __future__ import annotations

import os
from collections import ChainMap
from collections.abc import Iterable, Mapping
from math import isfinite, nan
from pathlib import Path
from typing import Any

import numpy as np

from dltoolbox.core.errors import DltoolboxError, IssueCollector, fail, warn
from dltoolbox.core.files import names_folder
from dltoolbox.core.packages import __version__
from dltoolbox.core.properties import Property, show
from dltoolbox.exchange.container import ARRAY_TYPES, ContainerReader, Damaged, Oversized, open_container, write_container
from dltoolbox.layers.base import LAYERS, Layer, find
from dltoolbox.network.data_layout import example_dims, networkDataLayout
from dltoolbox.network.dlnetwork import dlnetwork, initialize
from dltoolbox.network.graph.expansion import expansion
from dltoolbox.network.graph.history import Connection, Port
from dltoolbox.network.graph.layer_array import MOST_ISSUES
from dltoolbox.network.graph.layer_graph import LayerGraph, check_unique
from dltoolbox.network.graph.subnetworks import NetworkLayer
from dltoolbox.network.lowering.initialise import ParameterArrays
from dltoolbox.network.lowering.lower import lower
from dltoolbox.network.networks import DAGNetwork, Network, SeriesNetwork, complete_arrays, is_series
from dltoolbox.ops import ParameterKey

PAGES: Mapping[str, type[Layer]] = ChainMap(LAYERS, {NetworkLayer.factory: NetworkLayer})
FORMAT = "dltoolbox network"
ARCHIVE_VERSION = 1
MOST_PORTS = 200_000  # inputs and outputs of all layers
DESCRIPTION_FILE = "network.json"
NETWORKS: dict[str, type[Network]] = {"SeriesNetwork": SeriesNetwork, "DAGNetwork": DAGNetwork, "dlnetwork": dlnetwork}


def saveNetwork(net: Network, file: object) -> None:
    """Save a network: its layers with all their values, its connections and its classes.

    The file is a zip of JSON and ``.npy`` members that other programs can read, too. Equal networks give equal bytes. An
    existing file is replaced, but only when the new one is complete, and keeps its permissions; when saving fails, it
    stays as it was. Pipes and devices such as ``/dev/null`` are written into, never replaced.

    Args:
        net: From `trainNetwork`, `assembleNetwork` or `loadNetwork`, or a `dlnetwork`, initialised or not.
        file: Path of the file, exactly as given: no suffix is added. Its folder must exist.

    Raises:
        DltoolboxError: ``dltoolbox:saveNetwork:notANetwork``; ``…:functionValue`` for every property that holds a
            function, since files hold no code; ``…:unknownLayer`` for layers that are not of this toolbox;
            ``…:unsupportedValue``; ``…:tooLarge``; ``…:folderNotFound``, ``…:isAFolder``, ``…:invalidFile``,
            ``…:cannotWrite``; and whatever `assembleNetwork` raises for a network that is not complete.

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
    warn_of_other_format(path)
    if not isinstance(net, dlnetwork) or net.Initialized:
        complete_arrays(net)
    description, arrays = described(net)
    try:
        if sum(map(port_count, (*net.nodes, *expansion(net).graph.nodes))) > MOST_PORTS:
            raise Oversized
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


def warn_of_other_format(path: Path) -> None:
    """Of a name that promises another kind of file: what is written is a network of this toolbox all the same."""
    kind = OTHER_FORMATS.get(path.suffix.lower())
    if kind:
        to_matlab = f"toMATLAB(net, '{path.stem}.m', Parameters=True)"
        writer = {".m": to_matlab, ".mat": to_matlab, ".py": f"toPython(net, '{path.stem}.py')"}.get(path.suffix.lower())
        warn("saveNetwork:otherFormat", f"'{path.name}' will not be a{'n' if kind[0] in 'AEIO' else ''} {kind}: other "
             "programs cannot read it as one; loadNetwork can.", f"Name it '{path.stem}.dlnet', which loadNetwork reads as "
             f"well{f'; or write a script: {writer}' if writer else ''}.")


def loadNetwork(file: object) -> Network:
    """Load a network that `saveNetwork` wrote.

    Nothing in the file is executed: layers are made by their factories, and everything is checked as if it had been
    typed in. Predictions equal those of the saved network bit for bit.

    Args:
        file: Path of the file.

    Returns:
        A `SeriesNetwork`, `DAGNetwork` or `dlnetwork`, as saved.

    Raises:
        DltoolboxError: ``dltoolbox:loadNetwork:fileNotFound``, ``…:cannotRead``, ``…:invalidFile``; ``…:notAnArchive``
            for other kinds of files; ``…:newerVersion`` for files of a later dltoolbox; ``…:corruptFile`` for damaged or
            forged ones; ``dltoolbox:registry:unknownLayer`` for layers that this version does not have.

    Example:
        >>> try:
        ...     loadNetwork('no such file')
        ... except DltoolboxError as error:
        ...     error.identifier
        'dltoolbox:loadNetwork:fileNotFound'
    """
    path = path_of(file, "loadNetwork")
    if not os.path.isfile(path):
        advice = "It is a folder." if os.path.isdir(path) else "Check the path; it is relative to the present folder."
        fail("loadNetwork:fileNotFound", f"There is no file '{path}'.", advice)
    try:
        return loaded(path)
    except OSError as error:
        fail("loadNetwork:cannotRead", f"'{path}' cannot be read: {error}.", "Check the permissions.")
    except MemoryError:
        fail("loadNetwork:cannotRead", f"'{path}' needs more memory than there is.", "Load it where there is more memory.")


def loaded(path: Path) -> Network:
    """The network in a file; what is wrong with its contents is told."""
    try:
        with open_container(path) as reader:
            return restored(reader, path)
    except Damaged as damage:
        if not begins_as_zip(path):
            not_an_archive(path)
        fail("loadNetwork:corruptFile", f"'{path}' is damaged: {damage}.", "Save the network again.")
    except RecursionError:
        fail("loadNetwork:corruptFile", f"'{path}' is damaged: too many networks stand inside each other.",
             "Save the network again.")


def path_of(file: Any, function: str) -> Path:
    """A path from text or a path-like value."""
    try:
        text = os.fspath(file)
        usable = isinstance(text, str) and text != "" and b"\0" not in os.fsencode(text)
    except Exception:  # a value that is no path, a name that no file can have
        usable = False
    if not usable:
        fail(f"{function}:invalidFile", f"The file must be a path, but it is {show(file)}.",
             f"Call for example {function}({'net, ' if function == 'saveNetwork' else ''}'net.dlnet').")
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
def described(net: Network) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The network as JSON values, and the arrays that they refer to; all that cannot be saved is reported at once."""
    arrays, dropped = dict[str, np.ndarray](), list[str]()
    graph = described_graph(net.in_state({}), arrays, dropped)
    if net.current:
        graph["states"] = [[*key, encoded(state, key.name, arrays)] for key, state in net.current.items()]
    if dropped:
        warn("saveNetwork:initializerDropped", f"Files hold no functions, so {', '.join(dropped)} is saved as the default.",
             "The arrays have their values already, so the saved network computes the same.")
    return {"format": FORMAT, "version": ARCHIVE_VERSION, "dltoolbox": __version__, "type": type(net).__name__,
            **graph}, arrays


def described_graph(net: Network, arrays: dict[str, np.ndarray], dropped: list[str]) -> dict[str, Any]:
    """The layers, the connections and the ends of a network, which may stand inside a layer; ``arrays`` and ``dropped``
    collect the arrays, and the initialisers that are functions.
    """
    issues, layers = IssueCollector(), []
    for index, layer in enumerate(net.nodes, 1):
        with issues.collect(layer=layer.Name, index=index):
            if PAGES.get(layer.factory) is not type(layer):
                fail("saveNetwork:unknownLayer", f"{type(layer).__name__} is not a layer of this toolbox, so that no file "
                     "can say how to make it again.", "Replace it by layers of the toolbox.")
            values = {}
            for prop, value in layer.values():
                with issues.collect(layer=layer.Name, index=index):
                    if callable(value) and is_spent_initialiser(layer, prop):
                        dropped.append(f"{prop.name} of '{layer.Name}'")
                        value = prop.converted(prop.default, layer)
                    values[prop.name] = ({"network": described_graph(value, arrays, dropped)} if isinstance(value, dlnetwork)
                                         else encoded(value, prop.name, arrays))
            layers.append({"layer": layer.factory, "properties": values})
    issues.raise_if_any()
    connections = [[*c.source, *c.destination] for c in net.edges]
    return {"layers": layers, "connections": connections, **described_ends(net)}


def described_ends(net: Network) -> dict[str, Any]:
    """The facts of a dlnetwork beyond its layers: chosen outputs, sizes at open inputs, whether it has its values."""
    if not isinstance(net, dlnetwork):
        return {}
    layouts = {name: {"labels": dims.format, "sizes": dims.shown_sizes} for name, dims in net.layouts.items()}
    return {"outputs": [str(port) for port in net.chosen], "layouts": layouts, "initialized": net.Initialized}


def is_spent_initialiser(layer: Layer, prop: Property[object]) -> bool:
    """Whether the property is the initialiser of an array that has a value."""
    name = prop.name.removesuffix("Initializer")
    return name != prop.name and getattr(layer, name, None) is not None


def encoded(value: object, name: str, arrays: dict[str, np.ndarray]) -> Any:
    """A property value as JSON: itself, or an object with one key that says what it is."""
    if callable(value):
        fail("saveNetwork:functionValue", f"{name} is a function, and files hold no code.",
             f"Set {name} to one of its named choices; normalise the data before the network instead.")
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return value if isfinite(value) else {"float": repr(value)}
    if isinstance(value, tuple):
        return {"tuple": [encoded(item, name, arrays) for item in value]}
    if isinstance(value, np.ndarray) and value.dtype.newbyteorder("<").str in ARRAY_TYPES:
        member = f"arrays/{len(arrays)}.npy"
        arrays[member] = value.astype(value.dtype.newbyteorder("<"), copy=False)
        return {"array": member}
    fail("saveNetwork:unsupportedValue", f"{name} is {show(value)}, which files cannot hold.",
         "Use numbers, text, tuples of them, or arrays of floating-point numbers of at most 64 bits.")


# Reading -------------------------------------------------------------------------------------------------------------
def restored(reader: ContainerReader, path: Path) -> Network:
    """The network that an open file describes."""
    if DESCRIPTION_FILE not in reader.members:
        not_an_archive(path)
    description = typed(reader.json(DESCRIPTION_FILE), dict, "the description")
    if description.get("format") != FORMAT:
        not_an_archive(path)
    version = entry(description, "version", int)
    if version > ARCHIVE_VERSION:
        fail("loadNetwork:newerVersion", f"'{path}' has format version {version} (written by dltoolbox "
             f"{show(description.get('dltoolbox'))}), but this dltoolbox reads versions up to {ARCHIVE_VERSION}.",
             "Update dltoolbox, or save the network with an older one.")
    kind = entry(description, "type", str)
    if version < 1 or kind not in NETWORKS:
        raise Damaged(f"there is no format version {version} with networks of type {show(kind)}")
    used = {DESCRIPTION_FILE}
    lgraph = restored_graph(description, reader, used)
    states = restored_states(description, reader, used)
    if used != set(reader.members):
        raise Damaged(f"members are not used: {show(sorted(set(reader.members) - used))}")
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


def restored_states(description: dict[str, object], reader: ContainerReader, used: set[str]) -> ParameterArrays:
    """The states that sequences go on from, by layer and name; none where they begin."""
    states = ParameterArrays()
    for item in typed(description.get("states", []), list, "the list of states"):
        if len(typed(item, list, "a state")) != 3:
            raise Damaged(f"{show(item)} is not a state")
        key = ParameterKey(*(typed(text, str, "the name of a state") for text in item[:2]))
        states[key] = decoded_value(item[2], reader, used)
    return states


def in_saved_state(net: Network, states: ParameterArrays) -> Network:
    """The network in these states, which must be those that it carries, of one number of sequences."""
    if not states:
        return net
    carried = {key: (value.dims.channels, 2) for key, value in lower(net).graph.carried.items()}
    if carried != {key: (len(state), state.ndim) for key, state in states.items() if isinstance(state, np.ndarray)} or len(
            {state.shape[1] for state in states.values()}) > 1:
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


def restored_graph(description: dict[str, object], reader: ContainerReader, used: set[str]) -> LayerGraph:
    """The layers and the connections of a network."""
    layers = restored_layers(entry(description, "layers", list), reader, used)
    return LayerGraph(layers, restored_connections(entry(description, "connections", list), layers))


def restored_inside(description: dict[str, object], reader: ContainerReader, used: set[str]) -> dlnetwork:
    """The network that a layer holds."""
    lgraph = restored_graph(description, reader, used)
    try:
        check_unique(lgraph.nodes)
        return restored_dlnetwork(lgraph, description)
    except DltoolboxError as error:
        raise Damaged(f"a layer holds no valid network. {error}") from error


def restored_layers(entries: Iterable[object], reader: ContainerReader, used: set[str]) -> list[Layer]:
    """Layers made by their factories; the unknown ones are reported. ``used`` collects the members read."""
    issues, layers = IssueCollector(), []
    for index, item in enumerate(entries, 1):
        described_layer = typed(item, dict, f"layer {index}")
        factory = entry(described_layer, "layer", str)
        given = entry(described_layer, "properties", dict)
        values = {name: decoded_value(value, reader, used) for name, value in given.items()}
        with issues.collect(layer=str(values.get("Name", "")), index=index):
            cls = PAGES.get(factory) or find(factory)
            unknown = [name for name in values if name not in cls.properties]
            if unknown:
                raise Damaged(f"layer {index} has the unknown properties {show(unknown)}")
            layers.append(made(cls, values, index))
            reader.asked += port_count(layers[-1])
            if reader.asked > MOST_PORTS:  # a few numbers must not stand for millions of inputs
                raise Damaged(f"its layers have more than {MOST_PORTS} inputs and outputs")
        if len(issues) == MOST_ISSUES:
            break
    issues.raise_if_any()
    return layers


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


def decoded_value(value: object, reader: ContainerReader, used: set[str]) -> Any:
    """The inverse of `encoded`; ``used`` collects the members that were read."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, dict) and len(value) == 1:
        (what, content), = value.items()
        if what == "tuple" and isinstance(content, list):
            return tuple(decoded_value(item, reader, used) for item in content)
        if what == "array" and isinstance(content, str) and content not in used:
            used.add(content)
            return reader.array(content)
        if what == "float" and content in ("inf", "-inf", "nan"):
            return float(content)
        if what == "network" and isinstance(content, dict):
            return restored_inside(content, reader, used)
    raise Damaged(f"it holds the value {show(value)}, which means nothing")


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


def not_an_archive(path: Path) -> None:
    with path.open("rb") as file:
        head = file.read(128)
    kind = next((text for sign, text in SIGNS.items() if sign in head), "")
    fail("loadNetwork:notAnArchive", f"'{path}' is not a network saved by saveNetwork{kind}.",
         "Pass a file that saveNetwork wrote.")


SIGNS = {b"MATLAB 5.0 MAT": " but a MAT-file", b"MATLAB 7.3 MAT": " but a MAT-file", b"\x89HDF": " but an HDF5 file",
         b"data.pkl": " but a PyTorch file", b"\x80\x04\x95": " but a Python pickle"}
