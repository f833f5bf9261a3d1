"""Recipes that make a network of another one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from dltoolbox.core import convert
from dltoolbox.core.dims import Dims, times
from dltoolbox.core.display import counted
from dltoolbox.core.errors import IssueCollector
from dltoolbox.core.nargout import check_nargout, outputs
from dltoolbox.core.properties import Configured, Property
from dltoolbox.core.table import Table
from dltoolbox.layers import FACTORIES
from dltoolbox.layers.base import Layer, Learnable
from dltoolbox.layers.pooling import AveragePooling, ChoosingPooling
from dltoolbox.network.analysis.analysis import number_of
from dltoolbox.network.graph.layer_graph import LayerGraph, layerGraph
from dltoolbox.network.lowering.lower import Lowered, LoweredLayer, lower
from dltoolbox.ops.pool import divisors
from dltoolbox.runtime.console import say


class _RecipeOptions(Configured):
    function = "poolingToStridedConvolution"

    ReplaceUnpooling = Property(convert.flag, False)
    ReplaceAverage = Property(convert.flag, False)


def poolingToStridedConvolution(net: object, *pairs: object, nargout: int | None = None, **options: object) -> Any:
    """Replace every max pooling layer by a convolution that has learned what to keep: the all-convolutional recipe.

    The convolution has the size, stride, padding, dilation and name of the pooling, and as many filters as there are
    channels, so all other layers keep their sizes, connections and values. Where the pooling rounds sizes up, more padding
    at the end does. No activation follows it. Stochastic pooling is replaced alike; global pooling stays.

    Average pooling stays, unless it is asked for. Then a convolution takes its place that computes the same from the start,
    and can learn from there: channel by channel in two dimensions, with zeros between channels else. That can be where all
    windows divide by the same number, so not where 'mean' or rounding up leaves out padding at the edges; the report says
    why such a layer stays.

    A max unpooling layer cannot stay where its pooling goes, since a convolution has no positions of maxima. That is
    refused, unless its place is to be taken as well: by a transposed convolution of the same size and stride. Where the
    pooling left out rows or columns at the end, its filters are larger by their number, so that the size comes out.

    Args:
        net: A layer array, layer graph, or network, trained or not. It is not changed.
        *pairs, **options: ``ReplaceUnpooling`` (False): whether max unpooling layers are replaced, too;
            ``ReplaceAverage`` (False): whether average pooling is.
        nargout: None prints what changed and returns the graph; 1 only returns the graph; 2 returns the graph and a table
            of what changed.

    Returns:
        The new `LayerGraph`, or dlnetwork where one came; the new layers have no values yet, but for those of averages. The
        table has a row per new layer, one per average pooling that stays, and one for the whole network, with the columns
        Layer, Before, After (types of layers, or why it stays), Activations, LearnablesBefore and LearnablesAfter.

    Raises:
        DltoolboxError: ``dltoolbox:poolingToStridedConvolution:unpoolingConnected`` for every pooling that hands positions
            to an unpooling; every problem of a network in which the size of a pooling is not known.

    Example:
        >>> layers = [imageInputLayer([28, 28, 1]), convolution2dLayer(5, 20), reluLayer, maxPooling2dLayer(2, Stride=2),
        ...           fullyConnectedLayer(10), softmaxLayer, classificationLayer]
        >>> lgraph, report = poolingToStridedConvolution(layers, nargout=2)
        >>> lgraph.Layers[3].describe()
        '20 2×2 convolutions with stride [2  2] and padding [0  0  0  0]'
        >>> report.LearnablesBefore, report.LearnablesAfter
        ([0, 29330], [1620, 30950])

    Source:
        Springenberg, Dosovitskiy, Brox and Riedmiller, "Striving for simplicity: the all convolutional net" (2014).
    """
    count = 1 if nargout is None else nargout
    check_nargout(count, 2, "poolingToStridedConvolution", sequence=False)
    chosen = _RecipeOptions(*pairs, **options)
    before = net if isinstance(net, LayerGraph) else layerGraph(net)
    sizes = lower(before)
    pools = {info.layer.Name: info for info in sizes.layers if isinstance(info.layer, ChoosingPooling)}
    means = {info.layer.Name: info for info in sizes.layers
             if chosen.ReplaceAverage and isinstance(info.layer, AveragePooling)}
    if any(info.inputs is None for info in (pools | means).values()):
        sizes.issues.raise_if_any()
    partners = {edge.destination.layer: edge.source.layer for edge in before.edges
                if edge.source.layer in pools and edge.source.port != "out"}
    if not chosen.ReplaceUnpooling:
        _refuse_partners(partners, pools)
    new = {name: _strided(info) for name, info in pools.items()}
    kept = {name: _why_it_stays(info) for name, info in means.items()}
    new |= {name: _averaging(info) for name, info in means.items() if not kept[name]}
    new |= {info.layer.Name: _unpooling_convolution(info, pools[partners[info.layer.Name]]) for info in sizes.layers
            if info.layer.Name in partners}
    after = before.with_structure([new.get(layer.Name, layer) for layer in before.nodes],
                                  [edge for edge in before.edges
                                   if edge.source.layer not in pools or edge.source.port == "out"])
    report = _report(sizes, lower(after), new, kept)
    if nargout is None:
        say(report)
    return outputs((after, report), count, "poolingToStridedConvolution")


def _refuse_partners(partners: dict[str, str], pools: dict[str, LoweredLayer]) -> None:
    """One issue per pooling that hands positions on."""
    issues = IssueCollector()
    for name in (name for name in pools if name in partners.values()):
        unpoolings = ", ".join(f"'{other}'" for other, pool in partners.items() if pool == name)
        issues.add("poolingToStridedConvolution:unpoolingConnected", f"Its positions of maxima go to {unpoolings}, and a "
                   "convolution has none.", "Pass ReplaceUnpooling=True to replace both, by a convolution and a transposed "
                   "convolution.", layer=name, index=pools[name].index)
    issues.raise_if_any()


def _input(info: LoweredLayer) -> Dims:
    assert info.inputs is not None  # asked for where sizes are known
    return info.inputs[0]


def _strided(info: LoweredLayer) -> Layer:
    """The convolution for a pooling that chooses."""
    pool: Any = info.layer
    return FACTORIES[f"convolution{pool.rank}dLayer"](pool.PoolSize, _input(info).channels, **_slid_as(info))


def _slid_as(info: LoweredLayer) -> dict[str, object]:
    """Stride, padding, dilation and name of a pooling, for a convolution. Its padding is that of this input, and more at the
    end where sizes are rounded up, unless a convolution has the same word for it.
    """
    pool: Any = info.layer
    window = pool.window(_input(info))
    plain = pool.Padding == "same" or (pool.rounding == "floor" and not pool.follows_stride)
    padding = pool.Padding if plain else "same" if window.open else window.padding
    return {"Stride": pool.Stride, "Padding": padding, "DilationFactor": pool.DilationFactor, "Name": pool.Name}


def _divisors(info: LoweredLayer) -> np.ndarray | None:
    """Divisors of the windows of an average pooling; None: they depend on a length that is not known."""
    pool: Any = info.layer
    spatial, window = pool.slid(_input(info)), pool.window(_input(info))
    divisor = None if pool.Divisor == "auto" else float(pool.Divisor)
    counted = pool.counted(window)
    if None in spatial and divisor is None and counted not in (None, window.padding):
        return None
    return divisors(window, spatial, counted, divisor)


def _why_it_stays(info: LoweredLayer) -> str:
    """Why no convolution does the same as an average pooling; empty where one does."""
    pool: Any = info.layer
    found = _divisors(info)
    if found is None:
        return "stays: the divisors of its windows depend on lengths"
    if found.min() < found.max():
        return f"stays: its windows divide by {found.min()} to {found.max()} elements"
    if pool.Padding == "same-lower" and pool.window(_input(info)).open:
        return "stays: a convolution does not pad so for every length"
    return ""


def _averaging(info: LoweredLayer) -> Layer:
    """The convolution that does the same as an average pooling."""
    pool: Any = info.layer
    found, channels = _divisors(info), _input(info).channels
    assert found is not None
    weight = 1 / float(found.max())
    if pool.rank == 2:
        return FACTORIES["groupedConvolution2dLayer"](
            pool.PoolSize, 1, "channel-wise", Weights=np.full((*pool.PoolSize, 1, 1, channels), weight),
            Bias=np.zeros((1, 1, 1, channels)), **_slid_as(info))
    own = np.broadcast_to(np.eye(channels) * weight, (*pool.PoolSize, channels, channels))
    return FACTORIES[f"convolution{pool.rank}dLayer"](
        pool.PoolSize, channels, Weights=own, Bias=np.zeros((*[1] * pool.rank, channels)), **_slid_as(info))


def _unpooling_convolution(info: LoweredLayer, pooled: LoweredLayer) -> Layer:
    """The transposed convolution for an unpooling: it gives back the size that entered the pooling."""
    pool: Any = pooled.layer
    window, spatial = pool.window(_input(pooled)), _input(pooled).spatial
    covered = window.transposed_output(window.output(spatial))
    size = [extent + n - back for extent, n, back in zip(window.extent, spatial, covered, strict=True)]
    return FACTORIES[f"transposedConv{pool.rank}dLayer"](size, _input(info).channels, Stride=window.stride,
                                                         Cropping=window.padding, Name=info.layer.Name)


def _report(before: Lowered, after: Lowered, replaced: Iterable[str], kept: dict[str, str]) -> Table:
    """A row per replaced layer, one per layer that is kept, with the reason, and one for the network."""
    names = {*replaced, *kept}
    rows = [(old, new) for old, new in zip(before.layers, after.layers, strict=True) if new.layer.Name in names]
    columns: dict[str, Sequence[object]] = {
        "Layer": [new.layer.Name for _, new in rows],
        "Before": [old.layer.type_text for old, _ in rows],
        "After": [kept.get(new.layer.Name) or new.layer.type_text for _, new in rows],
        "Activations": [times(new.outputs[0].sizes[:-1]) if new.outputs else "?" for _, new in rows],
        "LearnablesBefore": [_learnables([old]) for old, _ in rows],
        "LearnablesAfter": [_learnables([new]) for _, new in rows]}
    whole = ("(network)", counted(len(before.layers), "layer"), counted(len(after.layers), "layer"), "",
             _learnables(before.layers), _learnables(after.layers))
    return Table(**{name: [*column, last] for (name, column), last in zip(columns.items(), whole, strict=True)})


def _learnables(layers: Iterable[LoweredLayer]) -> int:
    return sum(number_of(info.arrays, Learnable) for info in layers)
