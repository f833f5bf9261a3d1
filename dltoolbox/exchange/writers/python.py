"""`toPython`: the script that rebuilds a network."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import nan
from typing import Any

import numpy as np

from dltoolbox.exchange.writers.code import (
    CodeOptions,
    Outline,
    Saved,
    Tokens,
    code_files,
    filled,
    joined_tokens,
    layouts_in_order,
)
from dltoolbox.exchange.writers.own import Named, as_lists, imports
from dltoolbox.layers.base import Layer, show_python
from dltoolbox.network.dlnetwork import dlnetwork


class _PythonOptions(CodeOptions):
    function = "toPython"


def toPython(net: object, *arguments: object, **options: object) -> str:
    """Write the Python script that rebuilds a network.

    The script ends with a variable: ``layers`` where the layers follow one another, else ``lgraph``; then ``net`` for
    dlnetworks and, with parameters, for trained networks. Every layer is named, and only options that differ from their
    defaults are written.

    Args:
        net: A layer array, a layer graph, a trained network or a dlnetwork.
        *arguments: ``file``: a file to write to, ``'segnet.py'``; its folder must exist. Then name-value pairs.
        **options: ``Parameters`` (False): whether learnables and states are written as well, to a file of the same name
            that ends in ``.npz``, from which the script loads them. Arrays of at most 64 elements that training does not
            change stand in the script.

    Returns:
        The script.

    Raises:
        DltoolboxError: ``dltoolbox:toPython:fileNeeded`` for parameters without a file; ``…:invalidFile``,
            ``…:folderNotFound``, ``…:isAFolder``, ``…:cannotWrite``; ``…:ambiguousName`` where a layer is called like a
            port of another.

    Warns:
        DltoolboxWarning: ``dltoolbox:toPython:notTheSame`` for what the script leaves out although no training finds it:
            options that are functions, large constants, and large learnables whose learn-rate factor is 0. And for layers
            of your own whose constructor needs an argument that they do not hold: placeholders stand in their places.

    Example:
        >>> print(toPython([imageInputLayer([28, 28, 1]), reluLayer(Name='act')]))  # doctest: +ELLIPSIS
        # 2 layers, 1 connection. Written by dltoolbox ...
        from dltoolbox import *
        <BLANKLINE>
        layers = [
            imageInputLayer([28, 28, 1], Name='imageinput'),
            reluLayer(Name='act'),
        ]
        <BLANKLINE>
    """
    chosen = _PythonOptions(*arguments, **options)
    files = code_files(chosen.File, "toPython", r".+\.py", "'network.py'", ".npz")
    outline = Outline(net, "toPython", chosen.Parameters, files)
    body = list(statements(outline))
    text = "\n".join([*header(outline), "", *body]) + "\n"
    arrays: dict[str, Any] = {
        f"{group}.{name}": array for group, members in outline.arrays.items() for name, array in members.items()}
    outline.write(text, lambda file: np.savez(file, **arrays))
    return text


def header(outline: Outline) -> Iterator[str]:
    yield from (f"# {line}" for line in outline.summary())
    if outline.arrays:
        yield "from pathlib import Path"
        yield ""
        yield "import numpy as np"
        yield ""
    yield "from dltoolbox import *"
    if outline.users:
        yield ""
        yield from imports([*outline.users.values()])
    if outline.arrays:
        assert outline.files is not None
        yield ""
        yield f"values = np.load(Path(__file__).with_name({outline.files[1].name!r}))"


def statements(outline: Outline) -> Iterator[str]:
    """The layers, and what makes a network of them."""
    for layer in outline.graph.nodes:
        if layer.Name in outline.users:
            yield from users_layer(layer, outline)
    if outline.is_sequence:
        yield from layer_list("layers = [", outline.chains[0], outline, "]")
        last = "layers"
    else:
        yield "lgraph = layerGraph()"
        for chain in outline.chains:
            yield from layer_list("lgraph = addLayers(lgraph, [", chain, outline, "])")
        for source, destination in outline.connections:
            parts = [["lgraph"], python_value(source), python_value(destination)]
            yield from filled(joined_tokens("lgraph = connectLayers(", parts, ", ", ")"), "")
        last = "lgraph"
    if isinstance(outline.net, dlnetwork):
        yield ""
        yield from filled(network_call(outline.net, last), "")
    elif outline.is_trained and outline.parameters:
        yield ""
        yield f"net = assembleNetwork({last})"


def users_layer(layer: Layer, outline: Outline) -> Iterator[str]:
    """The statements that make a layer of the user's own."""
    call, variable = outline.users[layer.Name], outline.variable(layer)
    yield from (f"# {note}" for note in outline.notes.get(layer.Name, ()))
    parts = [joined_tokens(f"{name}=", [python_value(as_lists(given))], "", "") for name, given in call.arguments.items()]
    yield from filled(joined_tokens(f"{variable} = {call.name}(", parts, ", ", ")"), "")
    yield f"{variable}.Name = {show_python(layer.Name)}"
    arrays = {name: value for name in (*layer.learnables, *layer.states)
              if (value := getattr(layer, name)) is not None}
    for name, given in outline.values(layer, arrays).items():
        yield from filled([f"{variable}.{name} = ", *python_value(given)], "")
    yield ""


def network_call(net: dlnetwork, layers: str) -> Tokens:
    """The dlnetwork, with the sizes at its open inputs and the outputs that were chosen."""
    layouts = [joined_tokens("networkDataLayout(", [python_value([nan if n is None else n for n in dims.shown_sizes]),
                                                    python_value(dims.format)], ", ", ")")
               for dims in layouts_in_order(net)]
    options = [joined_tokens("OutputNames=", [python_value(net.OutputNames)], "", "")] if net.chosen else []
    if not net.Initialized:
        options.append(["Initialize=False"])
    return joined_tokens("net = dlnetwork(", [[layers], *layouts, *options], ", ", ")")


def layer_list(before: str, layers: Sequence[Layer], outline: Outline, after: str) -> Iterator[str]:
    yield before
    for layer in layers:
        if layer.Name in outline.users:
            yield f"    {outline.variable(layer)},"
            continue
        call = layer.call()
        options = outline.values(layer, call.options) | {"Name": layer.Name}
        yield from (f"    # {note}" for note in outline.notes.get(layer.Name, ()))
        parts = [*(python_value(argument) for argument in call.arguments),
                 *(joined_tokens(f"{name}=", [python_value(given)], "", "") for name, given in options.items())]
        yield from filled(joined_tokens(f"{call.function}(", parts, ", ", "),"), "    ")
    yield after


def python_value(given: object) -> Tokens:
    """A value as Python code."""
    if isinstance(given, Saved):
        return [f"values['{given.group}.{given.name}']"]
    if isinstance(given, Named):
        return [given.name]
    if isinstance(given, np.ndarray):
        return python_value(given.tolist())
    if isinstance(given, list):
        return joined_tokens("[", map(python_value, given), ", ", "]")
    return [show_python(given)]
