"""Data of other sizes than input layers declare: whether a network takes them, and the call that resizes them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dltoolbox.core.arrays import in_code
from dltoolbox.core.dims import times
from dltoolbox.core.display import few
from dltoolbox.core.errors import DltoolboxError, fail, warn
from dltoolbox.data.sources.sequence_source import InputColumn
from dltoolbox.data.sources.sequences import SequenceForm, Sequences
from dltoolbox.engines.engine import Engine
from dltoolbox.engines.options import RunOptions
from dltoolbox.network.networks import Network
from dltoolbox.program.data_layout import ModelInput, mended, named_arrays


def check_sizes(net: Network, engine: Engine, inputs: Sequence[InputColumn], ports: Sequence[str], options: RunOptions,
                data: Sequence[object]) -> None:
    """Other sizes than the input layers declare are fine unless a layer refuses them; then they are what is wrong."""
    declared = [(*entry.dims.spatial, entry.dims.channels) for entry in engine.inputs]
    sizes = [size_in(each) for each in inputs]
    if sizes == declared:
        return
    listed = "; ".join(f"'{name}' takes {times(takes)} and got {times(got)}" for name, takes, got in
                       zip(net.InputNames, declared, sizes, strict=True))
    try:
        engine.prepare(first_of(inputs, options), ports)
    except DltoolboxError as error:
        fail(f"{options.function}:inputSizeMismatch", f"The network does not accept data of this size: {listed}. "
             f"{error.issues[0]}", fitting_calls(engine, inputs, data, options))
    if not ports and (displaced := elsewhere(engine, sizes, declared)):
        fail(f"{options.function}:inputSizeMismatch", f"The network does not accept data of this size: {listed}. As many "
             f"values reach {few(map(repr, displaced))}, but from other positions than its weights are for.",
             fitting_calls(engine, inputs, data, options))
    if options.function == "classify" and not net.cache.setdefault("warned of sizes", False):
        net.cache["warned of sizes"] = True
        warn("classify:otherSize", f"The network classifies data of another size than it was made for: {listed}.",
             f"{fitting_calls(engine, inputs, data, options)} What was learned at one size need not hold at another.")


def first_of(inputs: Sequence[InputColumn], options: RunOptions) -> Sequence[np.ndarray]:
    """The first mini-batch."""
    index = slice(0, options.MiniBatchSize)
    return [each.padded(index)[0] if isinstance(each, Sequences) else each[..., index] for each in inputs]


def elsewhere(engine: Engine, sizes: Sequence[tuple[int, ...]], declared: Sequence[tuple[int, ...]]) -> list[str]:
    """Fully connected layers that data of other sizes, such as images with swapped sides, reach with as many features."""
    if any(entry.dims.timed for entry in engine.inputs):
        return []
    records = (engine.lowered(tuple(each), training=False).graph.nodes for each in (sizes, declared))
    here, usual = ({node.layer: node.inputs[0].dims.spatial for node in nodes if node.op.name == "dense"}
                   for nodes in records)
    return [layer for layer, spatial in here.items() if spatial != usual[layer]]


def fitting_calls(engine: Engine, inputs: Sequence[InputColumn], data: Sequence[object], options: RunOptions) -> str:
    """The advice that resizes data to the sizes that the input layers declare."""
    given = zip(*named_arrays(data, len(inputs), options.argument), engine.inputs, inputs, strict=True)
    return " ".join(resized_images(each.form, place, name) if isinstance(each, Sequences) else mended(X, place, name)
                    for X, name, place, each in given if size_in(each)[:place.dims.rank] != place.dims.spatial)


def size_in(data: InputColumn) -> tuple[int, ...]:
    """Spatial sizes and channels of an observation, of one time step of it."""
    return data.size if isinstance(data, Sequences) else data.shape[:-1]


def resized_images(form: SequenceForm, place: ModelInput, name: str) -> str:
    """The advice that resizes the images of sequences."""
    code = in_code(name)
    one = "x" if form == "list" else code
    factors = [f"{side}/{one}.shape[{axis}]" for axis, side in enumerate(place.dims.spatial)]
    factors += ["1"] * (3 if form == "array" else 2)
    call = f"scipy.ndimage.zoom({one}, ({', '.join(factors)}), order=1)"
    return f"Resize each: {code} = [{call} for x in {code}]." if form == "list" else f"Resize them: {code} = {call}."


def check_one_size(sequences: Sequences, place: ModelInput, function: str, name: str) -> None:
    """A mini-batch holds images of one size."""
    sizes = list(dict.fromkeys(part.shape[:-1] for part in sequences.parts))
    if len(sizes) > 1:
        fail(f"{function}:inputSizeMismatch", f"The sequences in {name} have time steps of different sizes, "
             f"{few(map(times, sizes))}.", resized_images(sequences.form, place, name))
