"""`toMATLAB`: the MATLAB code that rebuilds a network."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from copy import copy
from math import isinf, isnan, prod
from typing import IO, Any, NamedTuple

import numpy as np

from dltoolbox.core import convert
from dltoolbox.core.dims import Dims, vector
from dltoolbox.core.display import listed
from dltoolbox.core.geometry import resolve
from dltoolbox.core.unknown import is_known
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
from dltoolbox.exchange.writers.own import ConstructorCall, Named, as_lists, constructor_call, is_from_toolbox, is_users
from dltoolbox.layers.base import Layer, plain_number
from dltoolbox.layers.windowed import padding_text
from dltoolbox.network.dlnetwork import dlnetwork
from dltoolbox.network.lowering.lower import LoweredLayer, lower

MORE = " ..."  # what ends a line that goes on
Page = Any  # a layer of the kind that a method is named after


class _MatlabOptions(CodeOptions):
    function = "toMATLAB"


def toMATLAB(net: object, *arguments: object, **options: object) -> str:
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
            ``…:folderNotFound``, ``…:isAFolder``, ``…:cannotWrite``; ``…:ambiguousName`` where a layer is called like a
            port of another.

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
    chosen = _MatlabOptions(*arguments, **options)
    files = code_files(chosen.File, "toMATLAB", r"[A-Za-z]\w{0,62}\.m", "'network.m', a name that MATLAB can call", ".mat")
    outline = Outline(net, "toMATLAB", chosen.Parameters, files)
    body = list(Script(outline).statements())
    text = "\n".join([*(f"% {line}" for line in outline.summary()), "", *loading(outline), *body]) + "\n"
    outline.write(text, lambda file: save_parameters(file, outline.arrays))
    return text


def save_parameters(file: IO[bytes], arrays: dict[str, dict[str, np.ndarray]]) -> None:
    """A MAT-file with a structure per layer."""
    from scipy.io import savemat
    savemat(file, arrays, long_field_names=True)


def loading(outline: Outline) -> Iterator[str]:
    if outline.arrays:
        assert outline.files is not None
        yield f'params = load(fullfile(fileparts(mfilename("fullpath")),"{outline.files[1].name}"));'
        yield ""


class Expression(str):
    """MATLAB code that stands for a value, such as an anonymous function."""


class MatlabCall(NamedTuple):
    """How MATLAB makes a layer: as `FactoryCall`, and learn-rate and L2 factors that no option sets (function, learnable,
    value), and what reads differently from the layer.
    """

    function: str
    arguments: tuple[Any, ...]
    options: dict[str, Any]
    factors: tuple[tuple[str, str, float], ...] = ()
    note: str = ""


def handle(value: object) -> object:
    """An argument of a constructor; a function as the handle of MATLAB's of that name."""
    return Expression(f"@{value.name.rpartition('.')[2]}") if isinstance(value, Named) else as_lists(value)


class MatlabCalls:
    """The calls that make layers in MATLAB. Where one reads differently from ours, a method that is named after the factory
    says how: it takes the layer, and the sizes of its inputs where they are known.
    """

    def of(self, layer: Layer, *inputs: Dims) -> MatlabCall:
        if is_users(layer):
            return self.users(layer)
        write = getattr(self, layer.factory, None)
        return self.same(layer) if write is None else write(layer, *inputs)

    def users(self, layer: Layer) -> MatlabCall:
        """A layer of the user's own: MATLAB must have a class of that name."""
        call = constructor_call(layer)
        name = call.cls.__name__
        if is_from_toolbox(call.cls):
            return self.of_function(call)
        note = (f"MATLAB needs a class {name}, derived from nnet.layer.Layer, whose constructor takes these arguments and "
                "the name; values of its learnables and states are left out")
        return MatlabCall(name, tuple(map(handle, call.arguments.values())), {}, note=note)

    def of_function(self, call: ConstructorCall) -> MatlabCall:
        """A layer of functions of the user's: MATLAB must have functions of their names."""
        first, *options = ((name, handle(value)) for name, value in call.arguments.items() if name != "GradientFcn")
        lost = " MATLAB differentiates it, so GradientFcn is left out." if "GradientFcn" in call.arguments else ""
        return MatlabCall(call.cls.__name__, (first[1],), dict(options), note=f"MATLAB needs a function "
                          f"{str(first[1])[1:]} that does the same.{lost}")

    def placeholderLayer(self, layer: Any, *inputs: Dims) -> MatlabCall:
        """A function layer with these ports, which says what belongs there."""
        what = f"{layer.Name}: put {layer.StandsFor or 'the layer that belongs here'} in this place"
        options = {"NumInputs": layer.NumInputs, "InputNames": list(layer.inputs()), "NumOutputs": layer.NumOutputs,
                   "OutputNames": list(layer.outputs())}
        return MatlabCall("functionLayer", (Expression(f"@(varargin) error({string(what)})"),), options,
                          note=f"This is a placeholder{f' for {layer.StandsFor}' if layer.StandsFor else ''}; put a layer "
                          "in its place")

    def same(self, layer: Layer) -> MatlabCall:
        """Our own call, without the properties that MATLAB's layer does not have or does not take."""
        function, arguments, given = layer.call(in_full=True)
        beyond = [name for name in given if name in layer.beyond_matlab]
        options = {name: value for name, value in given.items() if name not in (*layer.not_in_matlab, *beyond)}
        note = f"MATLAB's {function} has no {listed(beyond)}; it is left out." if beyond else ""
        return MatlabCall(function, arguments, options, note=note)

    def imageInputLayer(self, layer: Page, *inputs: Dims) -> MatlabCall:
        return self.with_statistics(layer, (1, 1, layer.dims().channels))

    def image3dInputLayer(self, layer: Page, *inputs: Dims) -> MatlabCall:
        return self.with_statistics(layer, (1, 1, 1, layer.dims().channels))

    def featureInputLayer(self, layer: Page, *inputs: Dims) -> MatlabCall:
        return self.with_statistics(layer, (layer.dims().channels, 1))

    def sequenceInputLayer(self, layer: Page, *inputs: Dims) -> MatlabCall:
        channels, rank = layer.dims().channels, layer.dims().rank
        return self.with_statistics(layer, (*[1] * rank, channels) if rank else (channels, 1))

    def with_statistics(self, layer: Page, per_channel: tuple[int, ...]) -> MatlabCall:
        """Statistics per channel in the one shape that MATLAB takes, however they were given."""
        made, channels = self.same(layer), layer.dims().channels
        return made._replace(options={
            name: value.reshape(per_channel) if isinstance(value, np.ndarray) and value.size == channels else value
            for name, value in made.options.items()})

    def maxPooling2dLayer(self, layer: Page, *inputs: Dims) -> MatlabCall:
        overlap = layer.HasUnpoolingOutputs and any(s < p for s, p in zip(layer.Stride, layer.PoolSize, strict=True))
        made = self.pooled(layer, *inputs)
        return with_note(made, "MATLAB refuses unpooling outputs of regions that overlap.") if overlap else made

    def maxPooling1dLayer(self, layer: Page, *inputs: Dims) -> MatlabCall:
        return self.with_indices(layer, *inputs)

    def maxPooling3dLayer(self, layer: Page, *inputs: Dims) -> MatlabCall:
        return self.with_indices(layer, *inputs)

    def averagePooling1dLayer(self, layer: Page, *inputs: Dims) -> MatlabCall:
        return self.divided(layer, *inputs)

    def averagePooling2dLayer(self, layer: Page, *inputs: Dims) -> MatlabCall:
        return self.divided(layer, *inputs)

    def averagePooling3dLayer(self, layer: Page, *inputs: Dims) -> MatlabCall:
        return self.divided(layer, *inputs)

    def stochasticPooling1dLayer(self, layer: Page, *inputs: Dims) -> MatlabCall:
        return self.expected(layer, *inputs)

    def stochasticPooling2dLayer(self, layer: Page, *inputs: Dims) -> MatlabCall:
        return self.expected(layer, *inputs)

    def stochasticPooling3dLayer(self, layer: Page, *inputs: Dims) -> MatlabCall:
        return self.expected(layer, *inputs)

    def pooled(self, layer: Page, *inputs: Dims) -> MatlabCall:
        """Rounding up and 'same-lower' as numbers of padding, where these say the same."""
        return self.same(matlab_padding(layer, *inputs))

    def with_indices(self, layer: Page, *inputs: Dims) -> MatlabCall:
        """With unpooling outputs a function layer, since MATLAB's layer has none."""
        if not layer.HasUnpoolingOutputs:
            return self.pooled(layer, *inputs)
        return self.function_layer(layer, "@(X) {maxpool}", f"MATLAB's {layer.factory} has no unpooling outputs; this "
                                   "function layer calls maxpool.", *inputs)

    def divided(self, layer: Page, *inputs: Dims) -> MatlabCall:
        """With a divisor a function layer."""
        if layer.Divisor == "auto":
            return self.pooled(layer, *inputs)
        factor = f"{prod(layer.PoolSize)}/{plain_number(float(layer.Divisor))}"
        return self.function_layer(layer, f"@(X) {factor}*{{avgpool}}", f"MATLAB's {layer.factory} has no Divisor; this "
                                   "function layer calls avgpool.", *inputs)

    def expected(self, layer: Page, *inputs: Dims) -> MatlabCall:
        """The expectation; maxima where their indices are needed."""
        if layer.HasUnpoolingOutputs:
            return self.function_layer(layer, "@(X) {maxpool}", "MATLAB has no stochastic pooling; this function layer "
                                       "calls maxpool, for its indices.", *inputs)
        return self.function_layer(layer, "@(X) {squares}./max({sums},realmin('single'))", "MATLAB has no stochastic "
                                   "pooling; this function layer gives the expectation, also in training.", *inputs)

    def function_layer(self, layer: Page, code: str, note: str, *inputs: Dims) -> MatlabCall:
        """``code`` with calls of maxpool and avgpool in it."""
        plain = matlab_padding(layer, *inputs)
        over_time = bool(inputs) and inputs[0].timed and inputs[0].rank < layer.rank  # maxpool leaves time alone otherwise
        kinds = f",'PoolFormat','{'S' * (layer.rank - 1)}T'" if over_time else ""
        window = (f"{vector(plain.PoolSize)},'Stride',{vector(plain.Stride)},'Padding',{padding_text(plain.Padding)}{kinds}"
                  ).replace("  ", " ")
        calls = {"maxpool": f"maxpool(X,{window})", "avgpool": f"avgpool(X,{window})",
                 "sums": f"avgpool(max(X,0),{window})", "squares": f"avgpool(max(X,0).*max(X,0),{window})"}
        several = len(layer.outputs()) > 1
        options = {"NumOutputs": 3, "OutputNames": list(layer.outputs())} if several else {}
        lost = [name for name in ("DilationFactor", "Rounding") if not plain.is_default(type(plain).properties[name])]
        made = MatlabCall("functionLayer", (Expression(code.format(**calls)),), options | {"Formattable": True}, note=note)
        return with_note(made, f"It has no {listed(lost)}; it is left out.") if lost else made

    def maxUnpooling1dLayer(self, layer: Layer, *inputs: Dims) -> MatlabCall:
        return self.unpooled(layer)

    def maxUnpooling3dLayer(self, layer: Layer, *inputs: Dims) -> MatlabCall:
        return self.unpooled(layer)

    def unpooled(self, layer: Layer) -> MatlabCall:
        """A function layer, since MATLAB unpools images only."""
        options = {"NumInputs": 3, "InputNames": list(layer.inputs()), "Formattable": True}
        return MatlabCall("functionLayer", (Expression("@(X,indices,sz) maxunpool(X,indices,sz)"),), options, note=
                          f"MATLAB has no {layer.rank}-D max unpooling layer; this function layer calls maxunpool.")

    def transposedConv2dLayer(self, layer: Page, *inputs: Dims) -> MatlabCall:
        """The bilinear start as a function of the size of Weights."""
        made = self.same(layer)
        if layer.WeightsInitializer != "bilinear":
            return made
        column, row = (f"(1-abs({1 - n}:2:{n - 1}){turned}/{n + n % 2})"
                       for n, turned in zip(layer.FilterSize, ("'", ""), strict=True))
        start = Expression(f"@(sz) {column}.*{row}.*reshape(eye(sz(3:4)),[1 1 sz(3:4)])")
        return made._replace(options=made.options | {"WeightsInitializer": start})

    def preluLayer(self, layer: Layer, *inputs: Dims) -> MatlabCall:
        """The factors are set by functions."""
        made = self.same(layer)
        factors = (("setLearnRateFactor", "AlphaLearnRateFactor"), ("setL2Factor", "AlphaL2Factor"))
        return made._replace(
            options={name: value for name, value in made.options.items() if name == "Alpha"},
            factors=tuple((function, "Alpha", made.options[name]) for function, name in factors if name in made.options))

    def inverseNormalizationLayer(self, layer: Page, *inputs: Dims) -> MatlabCall:
        """With its normalisation, whatever MATLAB's default is: its documentation names none."""
        made = self.same(layer)
        return made._replace(options={"Normalization": layer.Normalization} | made.options)

    def reshapeLayer(self, layer: Page, *inputs: Dims) -> MatlabCall:
        """Sizes one by one where [] is among them."""
        made = self.same(layer)
        if None not in layer.OutputSize:
            return made
        return made._replace(arguments=tuple(Expression("[]") if n is None else n for n in layer.OutputSize))

    def channelShuffleLayer(self, layer: Page, *inputs: Dims) -> MatlabCall:
        """A function layer that rearranges the channels of data S…CB."""
        rank = inputs[0].rank if inputs else 2
        kept = ",".join(f"size(X,{axis + 1})" for axis in range(rank))
        spatial, (first, *rest) = [*range(1, rank + 1)], [*range(rank + 1, rank + 4)]
        order = " ".join(map(str, [*spatial, rest[0], first, rest[1]]))
        split = ",".join(filter(None, [kept, "[]", str(layer.NumGroups), f"size(X,{rank + 2})"]))
        shuffle = Expression(f"@(X) reshape(permute(reshape(X,{split}),[{order}]),size(X))")
        return MatlabCall("functionLayer", (shuffle,), {}, note="MATLAB has no channel shuffle layer; this function layer "
                          f"does it for data with {rank} spatial dimensions.")


def with_note(made: MatlabCall, more: str) -> MatlabCall:
    return made._replace(note=f"{made.note} {more}".lstrip())


def matlab_padding(layer: Page, *inputs: Dims) -> Page:
    """A pooling whose padding says what MATLAB has no words for, rounding up and the odd element in front; the same pooling
    where padding does not say it.
    """
    rounds, lower = layer.Rounding != "floor", layer.Padding == "same-lower"
    if not (rounds or lower) or max(layer.DilationFactor) > 1:
        return layer
    known = lower and inputs and layer.way(inputs[0]) and is_known(*layer.slid(inputs[0]))
    window = resolve(layer.slid(inputs[0]) if known else (None,) * layer.rank, layer.PoolSize, layer.Stride, layer.Padding,
                     None, layer.Rounding)
    averages = getattr(layer, "PaddingValue", "mean") != "mean" and layer.Divisor == "auto"
    counts = averages and rounds and any(map(any, layer.Padding))  # what was asked for counts, what is added does not
    if counts or window.open or not window.always_sees:
        return layer
    plain = copy(layer)
    plain.__dict__.update({"Padding": window.padding, "Rounding": "floor"}
                          | ({"PaddingValue": "mean"} if averages and rounds else {}))
    return plain


class Script:
    """The statements. Arrays get the sizes that the layers need here, where the network says which these are."""

    def __init__(self, outline: Outline) -> None:
        self.outline, self.calls = outline, MatlabCalls()
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
        for position, layer in enumerate(layers, 1):
            made = self.call(layer)
            yield from (f"{'    ' * several}% {note}" for note in self.outline.notes.get(layer.Name, ()))
            if not several:
                made[0] = f"{variable} = {made[0]}"
            made[-1] += ("];" if several else ";") if position == len(layers) else ""
            yield from filled(made, "    " * several, MORE)

    def call(self, layer: Layer) -> Tokens:
        """The call that makes a layer."""
        info = self.known.get(layer.Name)
        made = self.calls.of(layer, *(info.inputs or ()) if info else ())
        if made.note:
            self.outline.note(layer, made.note)
        given = {"Name": layer.Name} | self.outline.values(layer, made.options)
        values = {name: with_complex(layer, name, in_full(name, option, info, self.outline), self.outline)
                  for name, option in given.items()}
        options = [joined_tokens(f"{string(name)},", [matlab_value(value)], "", "") for name, value in values.items()]
        tokens = joined_tokens(f"{made.function}(", [*map(matlab_value, made.arguments), *options], ",", ")")
        for function, learnable, factor in made.factors:
            tokens = joined_tokens(f"{function}(", [tokens, [string(learnable)], matlab_value(factor)], ",", ")")
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


def with_complex(layer: Layer, name: str, given: Any, outline: Outline) -> Any:
    """Complex numbers where the layer has their real and imaginary parts."""
    if not isinstance(given, (np.ndarray, Saved)) or layer.properties[name].convert is not convert.complex_parts:
        return given
    if isinstance(given, Saved):
        group = outline.arrays[given.group]
        group[name] = group[name][..., 0] + 1j * group[name][..., 1]
        return given
    return Expression(f"complex({','.join(''.join(array_code(given[..., part])) for part in (0, 1))})")


def network(net: dlnetwork, layers: str) -> Iterator[str]:
    """The dlnetwork, with the sizes at its open inputs and the outputs that were chosen."""
    parts = [[layers], *map(layout, layouts_in_order(net))]
    if not net.Initialized:
        parts += [[string("Initialize")], ["false"]]
    yield from filled(joined_tokens("net = dlnetwork(", parts, ",", ");"), "", MORE)
    if net.chosen:
        yield from filled(joined_tokens("net.OutputNames = ", [matlab_value(net.OutputNames)], "", ";"), "", MORE)


def layout(dims: Dims) -> Tokens:
    return joined_tokens("networkDataLayout(", [matlab_value(dims.shown_sizes), matlab_value(dims.format)], ",", ")")


def matlab_value(given: object) -> Tokens:
    """A value as MATLAB code."""
    if isinstance(given, Expression):
        return [str(given)]
    if isinstance(given, Saved):
        return [f"params.{given.group}.{given.name}"]
    if isinstance(given, str):
        return [string(given)]
    if isinstance(given, np.ndarray):
        return array_code(given)
    if isinstance(given, list):
        return matrix_code(given) if given and isinstance(given[0], list) else row_code(given)
    if isinstance(given, bool):
        return ["true" if given else "false"]
    return [number_code(given)]


def row_code(items: Sequence[object]) -> Tokens:
    """``[2 2]``, ``["a" "b"]``; one element stands for itself."""
    return matlab_value(items[0]) if len(items) == 1 else joined_tokens("[", map(matlab_value, items), " ", "]")


def matrix_code(items: Sequence[Sequence[object]]) -> Tokens:
    """``[1 2; 3 4]``"""
    return joined_tokens("[", (joined_tokens("", map(matlab_value, line), " ", "") for line in items), "; ", "]")


def array_code(given: np.ndarray) -> Tokens:
    """A vector or matrix; more dimensions by reshape, in MATLAB's order of elements."""
    if given.size == 1:
        return [number_code(given.item())]
    if given.ndim < 3:
        return matrix_code(given.reshape(1, -1).tolist() if given.ndim < 2 else given.tolist())
    return joined_tokens("reshape(", [row_code(given.ravel("F").tolist()), row_code(given.shape)], ",", ")")


def number_code(given: Any) -> str:
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
