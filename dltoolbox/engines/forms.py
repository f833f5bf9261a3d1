"""Results in the form that users get: one array, or a list for a list of sequences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from dltoolbox.core.dims import Dims
from dltoolbox.data.categorical import categorical
from dltoolbox.data.onehot import class_codes
from dltoolbox.data.padding import to_length
from dltoolbox.data.sources.sequences import SequenceForm
from dltoolbox.engines.environments import engine_of
from dltoolbox.engines.formats import UserArrays, usual
from dltoolbox.engines.running import Output
from dltoolbox.layers.outputs import OutputLayer
from dltoolbox.network.networks import Network
from dltoolbox.program.data_layout import Result, as_activations, as_rows


def output_layers(net: Network) -> list[Any]:
    """The output layers, which do not depend on the state that a network is in."""
    if "ends" not in net.cache:
        net.cache["ends"] = [layer for layer in net.nodes if isinstance(layer, OutputLayer)]
    ends: list[Any] = net.cache["ends"]
    return ends


def labels_pixels(net: Network) -> bool:
    """Whether an output layer labels the pixels of data of the declared size."""
    return any(end.pixelwise(size) for end, size in zip(output_layers(net), engine_of(net, "cpu").leaving, strict=True))


def gives_vectors(end: Any, declared: Dims) -> bool:
    """Whether an output layer gives N×K: it labels no pixels, and of images of the declared size no map reaches it."""
    return not end.pixelwise(declared) and all(n == 1 for n in declared.spatial)


def in_form(parts: Sequence[np.ndarray], form: SequenceForm, axis: int = -2) -> Any:
    """UserArrays of one sequence each as a list, as one array with the observations at an axis, or as the only one."""
    if form == "list":
        return [np.ascontiguousarray(part) for part in parts]
    return np.ascontiguousarray(parts[0] if form == "one" else np.stack(parts, axis=axis))


def without_space(parts: Sequence[np.ndarray], rank: int) -> Sequence[np.ndarray]:
    """K×T of S…×K×T, where maps have one element."""
    return [part.reshape(part.shape[rank:]) for part in parts] if all(
        n == 1 for part in parts for n in part.shape[:rank]) else parts


def as_output(output: Output, *, vectors: bool) -> Any:
    """The output as predict returns it: N×K or h×w×c×N; of sequences K×T or h×w×c×T each, or K×N×T and h×w×c×N×T."""
    if isinstance(output, Result):
        return as_rows(output, vectors=vectors)
    return in_form(without_space(output.parts, output.dims.rank) if vectors else output.parts, output.form)


def as_formatted(output: Output, uniform: bool | None, *, left: bool) -> tuple[UserArrays, str]:
    """The output as a dlnetwork returns it, and its format.

    ``uniform`` asks for one array or for a list; None leaves it to the form of the data. Where sequences of several lengths
    become one array, the steps that they do not have are NaN, at the ``left`` or behind their ends.
    """
    labels = usual(output.dims.labels)
    if isinstance(output, Result):
        return as_rows(output, vectors=not output.dims.rank), labels
    parts, form = output.parts, output.form
    if uniform is not None:
        form = "array" if uniform else "list"
    if form == "array" and len({part.shape[-1] for part in parts}) > 1:
        steps, side = max(part.shape[-1] for part in parts), "left" if left else "right"
        parts = [to_length(part, part.ndim - 1, steps, side, part.dtype.type(np.nan)) for part in parts]
    return in_form(parts, form), labels if form == "array" else labels.replace("B", "")


def codes_of_parts(parts: Sequence[np.ndarray], function: str) -> list[np.ndarray]:
    """Class scores …×K×T of each part as codes."""
    codes = class_codes(np.concatenate(parts, axis=-1), -2, function)
    return np.split(codes, np.cumsum([part.shape[-1] for part in parts])[:-1], axis=-1)


def as_labels(output: Output, layer: Any, function: str, *, pixels: bool = False) -> Any:
    """Class scores as labels: (N,), or h×w×N where every pixel has one; of sequences (T,) or h×w×T each, or N×T."""
    if isinstance(output, Result):
        codes = class_codes(output.array, -2, function)
        return categorical.from_codes(codes if pixels else codes.reshape(-1), layer.Classes)
    parts = output.parts if pixels else without_space(output.parts, output.dims.rank)
    each = codes_of_parts(parts, function)
    if output.form == "list":
        return [categorical.from_codes(part, layer.Classes) for part in each]
    return categorical.from_codes(in_form(each, output.form), layer.Classes)


def as_layer_output(output: Output, how: str, rank: int) -> Any:
    """The output as `activations` returns it: of each sequence 'channels' h×w×c×T, 'columns' hwc×T or 'rows' T×hwc.

    Where sequences came as one array, N stands before T, for rows first. Anything else is as in `as_activations`.
    """
    if isinstance(output, Result):
        return as_activations(output, how, rank)
    if how == "channels":
        shape = () if output.dims.rank else (1,) * rank
        return in_form([part.reshape(*shape, *part.shape) for part in output.parts], output.form)
    columns = [part.reshape(-1, part.shape[-1], order="F") for part in output.parts]
    if how == "columns":
        return in_form(columns, output.form)
    if output.form == "array":
        return in_form(columns, output.form, axis=0)
    return in_form([part.T for part in columns], output.form)
