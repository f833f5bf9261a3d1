"""`toMATLAB`: the MATLAB code that rebuilds a network."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from math import isinf, isnan
from typing import IO, Any

import numpy as np

from dltoolbox.core.dims import Dims
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
from dltoolbox.layers.base import Expression, Layer, plain_number
from dltoolbox.network.dlnetwork import dlnetwork
from dltoolbox.network.lowering.lower import LoweredLayer, lower

MORE = " ..."  # what ends a line that goes on


class _Options(CodeOptions):
    function = "toMATLAB"


def toMATLAB(net: Any, *arguments: Any, **options: Any) -> str:
    """Write the MATLAB code that rebuilds a network, in the style of the code that Deep Network Designer generates.

    The code ends with a variable: ``layers`` where the layers follow one another, else ``lgraph``; then ``net`` for
    dlnetworks and, with parameters, for trained networks. Every layer is named, and only options that differ from their
    defaults are written. Layers that MATLAB does not have become function layers that do the same, with a comment.

    Args:
        net: A layer array, a layer graph, a trained network or a dlnetwork.
        *arguments: ``file``: a file to write to, ``'segnet.m'``; its folder must exist. Then name-value pairs.
        **options: ``Parameters`` (False): whether learnables and states are written as well, to a file of the same name
            that ends in ``.mat``, from which the code loads them. Arrays of at most 64 elements that training does not
            change stand in the code.

    Returns:
        The code.

    Raises:
        DltoolboxError: ``dltoolbox:toMATLAB:fileNeeded`` for parameters without a file; ``…:invalidFile``,
            ``…:folderNotFound``, ``…:isAFolder``, ``…:cannotWrite``; ``…:unknownLayer`` for layers that are not of this
            toolbox; ``…:ambiguousName`` where a layer is called like a port of another.

    Warns:
        DltoolboxWarning: ``dltoolbox:toMATLAB:notTheSame`` for what the code leaves out although no training finds it
            (options that are functions of Python, large constants, and large learnables whose learn-rate factor is 0), and
            for layers that MATLAB does not have.

    Example:
        >>> print(toMATLAB([imageInputLayer([28, 28, 1]), maxPooling2dLayer(2, Stride=2)]))  # doctest: +ELLIPSIS
        % 2 layers, 1 connection. Written by dltoolbox ...
        <BLANKLINE>
        layers = [
            imageInputLayer([28 28 1],"Name","imageinput")
            maxPooling2dLayer([2 2],"Name","maxpool","Stride",[2 2])];
        <BLANKLINE>
    """
    chosen = _Options(*arguments, **options)
    files = code_files(chosen.File, "toMATLAB", r"[A-Za-z]\w{0,62}\.m", "'network.m', a name that MATLAB can call", ".mat")
    outline = Outline(net, "toMATLAB", chosen.Parameters, files)
    body = list(Script(outline).statements())
    text = "\n".join([*(f"% {line}" for line in outline.summary()), "", *loading(outline), *body]) + "\n"
    outline.write(text, lambda file: save(file, outline.arrays))
    return text


def save(file: IO[bytes], arrays: dict[str, dict[str, np.ndarray]]) -> None:
    """A MAT-file with a structure per layer."""
    from scipy.io import savemat
    savemat(file, arrays, long_field_names=True)


def loading(outline: Outline) -> Iterator[str]:
    if outline.arrays:
        assert outline.files is not None
        yield f'params = load(fullfile(fileparts(mfilename("fullpath")),"{outline.files[1].name}"));'
        yield ""


class Script:
    """The statements. Arrays get the sizes that the layers need here, where the network says which these are."""

    def __init__(self, outline: Outline) -> None:
        self.outline = outline
        self.known = {info.layer.Name: info for info in lower(outline.graph).layers}

    def statements(self) -> Iterator[str]:
        """The layers, and what makes a network of them."""
        outline = self.outline
        if outline.is_sequence:
            yield from self.layer_array("layers", outline.chains[0])
            last = "layers"
        else:
            yield "lgraph = layerGraph();"
            yield ""
            for chain in outline.chains:
                yield from self.layer_array("tempLayers", chain)
                yield "lgraph = addLayers(lgraph,tempLayers);"
                yield ""
            if outline.chains:
                yield "clear tempLayers;"
            if outline.connections:
                yield ""
            for source, destination in outline.connections:
                parts = [["lgraph"], [string(source)], [string(destination)]]
                yield from filled(joined_tokens("lgraph = connectLayers(", parts, ",", ");"), "", MORE)
            last = "lgraph"
        if isinstance(outline.net, dlnetwork):
            yield ""
            yield from network(outline.net, last)
        elif outline.is_trained and outline.parameters:
            yield ""
            yield f"net = assembleNetwork({last});"

    def layer_array(self, variable: str, layers: Sequence[Layer]) -> Iterator[str]:
        """``layers = [ … ];``, one layer per line; a single layer without brackets."""
        several = len(layers) > 1
        if several:
            yield f"{variable} = ["
        for position, one in enumerate(layers, 1):
            made = self.call(one)
            yield from (f"{'    ' * several}% {note}" for note in self.outline.notes.get(one.Name, ()))
            if not several:
                made[0] = f"{variable} = {made[0]}"
            made[-1] += ("];" if several else ";") if position == len(layers) else ""
            yield from filled(made, "    " * several, MORE)

    def call(self, one: Layer) -> Tokens:
        """The call that makes a layer."""
        info = self.known.get(one.Name)
        made = one.call_in_matlab(*(info.inputs or ()) if info else ())
        if made.note:
            self.outline.note(one, made.note)
        given = {"Name": one.Name} | self.outline.values(one, made)
        options = [joined_tokens(f"{string(name)},", [value(in_full(name, option, info, self.outline))], "", "")
                   for name, option in given.items()]
        tokens = joined_tokens(f"{made.function}(", [*map(value, made.arguments), *options], ",", ")")
        for function, learnable, factor in made.factors:
            tokens = joined_tokens(f"{function}(", [tokens, [string(learnable)], value(factor)], ",", ")")
        return tokens


def in_full(name: str, given: Any, info: LoweredLayer | None, outline: Outline) -> Any:
    """An array in the size that the layer declares, where that is known: ``1×1×8`` for a list of eight biases."""
    declared = next((array for array in info.arrays if array.name == name), None) if info else None
    if info is None or declared is None or declared.shape == getattr(info.layer, name).shape:
        return given
    if isinstance(given, Saved):
        group = outline.arrays[given.group]
        group[name] = group[name].reshape(declared.shape)
        return given
    return given.reshape(declared.shape)


def network(net: dlnetwork, layers: str) -> Iterator[str]:
    """The dlnetwork, with the sizes at its open inputs and the outputs that were chosen."""
    parts = [[layers], *map(layout, layouts_in_order(net))]
    if not net.Initialized:
        parts += [[string("Initialize")], ["false"]]
    yield from filled(joined_tokens("net = dlnetwork(", parts, ",", ");"), "", MORE)
    if net.chosen:
        yield from filled(joined_tokens("net.OutputNames = ", [value(net.OutputNames)], "", ";"), "", MORE)


def layout(dims: Dims) -> Tokens:
    return joined_tokens("networkDataLayout(", [value(list(dims.sizes)), value(dims.labels)], ",", ")")


def value(given: Any) -> Tokens:
    """A value as MATLAB code."""
    if isinstance(given, Expression):
        return [str(given)]
    if isinstance(given, Saved):
        return [f"params.{given.group}.{given.name}"]
    if isinstance(given, str):
        return [string(given)]
    if isinstance(given, np.ndarray):
        return array(given)
    if isinstance(given, list):
        return rows(given) if given and isinstance(given[0], list) else row(given)
    if isinstance(given, bool):
        return ["true" if given else "false"]
    return [number(given)]


def row(items: Sequence[Any]) -> Tokens:
    """``[2 2]``, ``["a" "b"]``; one element stands for itself."""
    return value(items[0]) if len(items) == 1 else joined_tokens("[", map(value, items), " ", "]")


def rows(items: Sequence[Sequence[Any]]) -> Tokens:
    """``[1 2; 3 4]``"""
    return joined_tokens("[", (joined_tokens("", map(value, line), " ", "") for line in items), "; ", "]")


def array(given: np.ndarray) -> Tokens:
    """A vector or matrix; more dimensions by reshape, in MATLAB's order of elements."""
    if given.size == 1:
        return [number(given.item())]
    if given.ndim < 3:
        return rows(given.reshape(1, -1).tolist() if given.ndim < 2 else given.tolist())
    return joined_tokens("reshape(", [row(given.ravel("F").tolist()), row(given.shape)], ",", ")")


def number(given: Any) -> str:
    """A number; None is a size that is not known."""
    if given is None or isnan(given):
        return "NaN"
    if isinf(given):
        return "Inf" if given > 0 else "-Inf"
    return plain_number(given)


def string(text: str) -> str:
    """A string with doubled quotes; control characters and halves of characters, which no literal can hold, by numbers."""
    parts = re.split(r"([\x00-\x1f\x7f\ud800-\udfff])", text)
    return "+".join(f"char({ord(part)})" if number % 2 else '"' + part.replace('"', '""') + '"'
                    for number, part in enumerate(parts) if part or number == 0)
