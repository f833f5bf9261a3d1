"""dlconv and dltranspconv: convolutions over the dimensions labelled S, or those that the labels of the weights name."""

from __future__ import annotations

from math import prod
from typing import Any, NamedTuple

import numpy as np

from dltoolbox.autodiff.apply import apply_op
from dltoolbox.autodiff.dlarray import dlarray, one_precision
from dltoolbox.autodiff.tape import Payload
from dltoolbox.core import convert
from dltoolbox.core.arrays import array_of, check_room
from dltoolbox.core.convert import Convert
from dltoolbox.core.dims import times
from dltoolbox.core.display import counted
from dltoolbox.core.errors import IssueCollector, fail
from dltoolbox.core.geometry import Padding, Window, check_fits, resolve, same_cropping
from dltoolbox.core.properties import Property
from dltoolbox.functions.labels import (
    LabelledLayout,
    LabelledOptions,
    axes_in_order,
    data_format,
    optional_labels,
    real_payload,
    refine,
    shaped,
    unconverted,
)
from dltoolbox.ops.conv import pad_edges


def edges(rank: int, *, causal: bool = False) -> Convert[Padding]:
    """Padding or cropping: the forms of the layers, and a matrix 2×rank, whose rows stand for starts and ends."""
    usual = convert.padding_or_causal(rank) if causal else convert.padding(rank)

    def converted(value: object) -> Padding:
        given = None if isinstance(value, str | tuple) else array_of(value)
        if given is not None and given.ndim == 2 and given.shape == (2, rank):
            value = tuple(map(tuple, given.T.tolist()))
        return usual(value)
    return converted


class _Filtering(LabelledOptions):
    """Options of both functions. Sizes depend on the labels of the weights, so they are converted when those are known."""

    Stride = Property(unconverted, 1)
    DilationFactor = Property(unconverted, 1)
    WeightsFormat = Property(optional_labels, "")

    def validate(self) -> None:
        if "C" not in self.DataFormat:
            fail(f"{self.label()}:noChannels", f"{self.label()} filters channels, but the labels '{self.DataFormat}' have "
                 "no C.", "Label one dimension C; a single channel has size 1.")

    def refined(self, rank: int) -> None:
        issues = IssueCollector()
        refine(self, "Stride", convert.sizes(rank), issues)
        refine(self, "DilationFactor", convert.sizes(rank), issues)
        self.refine_edges(rank, issues)
        issues.raise_if_any()

    def refine_edges(self, rank: int, issues: IssueCollector) -> None:
        raise NotImplementedError


class _Conv(_Filtering):
    function = "dlconv"
    Padding = Property(unconverted, 0)
    PaddingValue = Property(convert.number_or_word(*pad_edges.MODES), 0)
    DataFormat = data_format()

    def refine_edges(self, rank: int, issues: IssueCollector) -> None:
        refine(self, "Padding", edges(rank, causal=rank == 1), issues)


class _TransposedConv(_Filtering):
    function = "dltranspconv"
    Cropping = Property(unconverted, 0)
    DataFormat = data_format()

    def refine_edges(self, rank: int, issues: IssueCollector) -> None:
        refine(self, "Cropping", edges(rank), issues)


class Filtered(NamedTuple):
    """An array S…×C×N, what it is filtered by, S… × both numbers of channels × groups, and how results go back.

    ``rest`` are the sizes behind C that stand for N, ``over`` the labels of the dimensions to filter over.
    """

    x: Payload
    weights: Payload
    bias: Payload
    layout: LabelledLayout
    rest: tuple[int, ...]
    over: str

    @property
    def rank(self) -> int:
        return len(self.over)

    def back(self, y: Payload) -> Any:
        """The result for the caller."""
        return self.layout.restore(shaped(y, (*y.shape[:-1], *self.rest)))


def dlconv(X: object, weights: object, bias: object, *pairs: object, **options: object) -> Any:
    """X filtered: Y = Σ weights·X over the taps of the filters and the channels, plus bias; filters are not flipped.

    ``Y = dlconv(X, weights, bias, Padding='same')`` filters along the dimensions labelled S, up to three. The labels of the
    weights may name others: with ``WeightsFormat='TCU'`` sequences are filtered along time.

    Args:
        X: Array of real numbers with a C: a formatted dlarray, or labelled by ``DataFormat``.
        weights: Filters: their size per dimension × channels × number of filters; in groups of channels × channels per
            group × filters per group × groups. As many groups as channels filter each channel by itself. Labelled, by
            ``WeightsFormat`` or as a formatted dlarray, S and T are sizes of filters, C channels, U filters, a second U
            groups.
        bias: One number per filter, or one for all: 0 for none.
        *pairs: Name-value pairs, instead of keywords.
        **options: ``Stride`` (1) and ``DilationFactor`` (1): a number, or one per dimension; ``Padding`` (0): a number, one
            per dimension, a matrix with starts in the first row and ends in the second, 'same', or, over one dimension,
            'causal'; ``PaddingValue``: a number (0), 'replicate', 'symmetric-include-edge' or 'symmetric-exclude-edge';
            ``WeightsFormat``; ``DataFormat``, where X has no labels.

    Returns:
        Array with the dimensions of X and one channel per filter, those of the first group first; a dlarray if one of the
        arrays is one.

    Raises:
        DltoolboxError: ``dltoolbox:dlconv:missingDataFormat``, ``…:noChannels``, ``…:noFilteredDimensions``,
            ``…:weightsFormatMismatch``, ``…:weightsFormatTwice``, ``…:weightsMismatch``, ``…:biasMismatch``,
            ``…:windowTooLarge``, ``…:paddingTooLarge``, ``…:tooLarge``, ``…:invalidStride``, ``…:invalidPadding``,
            ``…:invalidPaddingValue``, ``…:invalidDilationFactor``, ``…:notNumeric``.

    Example:
        >>> dlconv([[1, 2, 3, 4]], [[1, -1]], 0, DataFormat='SSC').tolist()
        [[-1.0, -1.0, -1.0]]

    Source:
        MathWorks documentation of dlconv; Dumoulin and Visin, "A guide to convolution arithmetic for deep learning" (2016).
    """
    chosen = _Conv.beside(X, *pairs, **options)
    f = filtered(chosen, X, weights, bias)
    x, w, groups = f.x, f.weights, f.weights.shape[-1]
    window = resolve(x.shape[:f.rank], w.shape[:f.rank], chosen.Stride, chosen.Padding, chosen.DilationFactor)
    check_fits("dlconv", window, x.shape[:f.rank], "Pass smaller filters, or add Padding.")
    if chosen.PaddingValue != 0 and window.padded:
        x, window = with_edges(chosen.PaddingValue, x, window)
    size = (*window.output(x.shape[:f.rank]), w.shape[-2] * groups, x.shape[-1])
    check_room(prod(size) * x.dtype.itemsize, "dlconv:tooLarge", f"An output of {times(size)}",
               "Pass a part of X at a time.")
    if groups == 1:
        return f.back(apply_op("conv", x, shaped(w, w.shape[:-1]), f.bias, window=window))
    by_filter = np.transpose(shaped(f.bias, (groups, w.shape[-2])))
    return f.back(apply_op("grouped_conv", x, w, by_filter, window=window))


def with_edges(value: str | float, x: Payload, window: Window) -> tuple[Payload, Window]:
    """The array with padding that is not zeros, and the window without."""
    if value == "symmetric-exclude-edge":
        for n, pair in zip(x.shape, window.padding, strict=False):
            if n - 1 < max(pair):
                fail("dlconv:paddingTooLarge", "Mirroring without the edge needs padding smaller than the input, but "
                     f"padding is {max(pair)} and the input has {counted(n, 'element')}.",
                     f"Set Padding to at most {n - 1}.")
    mode, number = (value, 0.0) if isinstance(value, str) else ("constant", value)
    wider = apply_op("pad_edges", x, padding=window.padding, mode=mode, value=number)
    return wider, Window.of(window.size, window.stride, dilation=window.dilation)


def dltranspconv(X: object, weights: object, bias: object, *pairs: object, **options: object) -> Any:
    """The transposed convolution, which makes maps larger: ``Y = dltranspconv(X, weights, bias, Stride=2)``.

    Each element of X adds the filters, times itself, to the place that it stands for; the output has
    (n − 1)·Stride + (filter − 1)·DilationFactor + 1 elements per dimension, less the cropping.

    Args:
        X: Array of real numbers with a C: a formatted dlarray, or labelled by ``DataFormat``.
        weights: Filters: their size per dimension × number of filters × channels; in groups × filters per group × channels
            per group × groups. Labelled, by ``WeightsFormat`` or as a formatted dlarray, S and T are sizes of filters, U
            filters, C channels, a second U groups; dimensions labelled T are filtered then, too.
        bias: One number per filter, or one for all: 0 for none.
        *pairs: Name-value pairs, instead of keywords.
        **options: ``Stride`` (1) and ``DilationFactor`` (1): a number, or one per dimension; ``Cropping`` (0): a number, one
            per dimension, a matrix with starts in the first row and ends in the second, or 'same' for n·Stride elements;
            ``WeightsFormat``; ``DataFormat``, where X has no labels.

    Returns:
        Array with the dimensions of X and one channel per filter; a dlarray if one of the arrays is one.

    Raises:
        DltoolboxError: As `dlconv`, with identifiers ``dltoolbox:dltranspconv:…``; ``…:invalidCropping``,
            ``…:croppingTooLarge``.

    Example:
        >>> dltranspconv([[1, 2]], [[1, 1]], 0, Stride=2, DataFormat='SSC').tolist()
        [[1.0, 1.0, 2.0, 2.0]]

    Source:
        MathWorks documentation of dltranspconv; Dumoulin and Visin, "A guide to convolution arithmetic for deep learning"
        (2016).
    """
    chosen = _TransposedConv.beside(X, *pairs, **options)
    f = filtered(chosen, X, weights, bias)
    x, w, groups = f.x, f.weights, f.weights.shape[-1]
    whole = Window.of(w.shape[:f.rank], chosen.Stride, dilation=chosen.DilationFactor)
    cropping = same_cropping(whole.extent, chosen.Stride) if isinstance(chosen.Cropping, str) else chosen.Cropping
    window = Window.of(w.shape[:f.rank], chosen.Stride, cropping, chosen.DilationFactor)
    spatial = window.transposed_output(x.shape[:f.rank])
    if min(spatial) < 1:
        made = whole.transposed_output(x.shape[:f.rank])
        fail("dltranspconv:croppingTooLarge", f"Cropping leaves nothing of the {times(made)} that filters of "
             f"{times(whole.size)} make of {times(x.shape[:f.rank])}.", "Set Cropping=0, or crop less.")
    size = (*spatial, w.shape[-3] * groups, x.shape[-1])
    check_room(prod(size) * x.dtype.itemsize, "dltranspconv:tooLarge", f"An output of {times(size)}",
               "Pass a part of X at a time.")
    if groups == 1:
        return f.back(apply_op("conv_transposed", x, shaped(w, w.shape[:-1]), f.bias, window=window))
    channels, filters = w.shape[-2], w.shape[-3]
    parts = [apply_op("conv_transposed", x[..., g * channels:(g + 1) * channels, :], w[..., g],
                      f.bias[g * filters:(g + 1) * filters], window=window) for g in range(groups)]
    return f.back(apply_op("concat", *parts, axis=f.rank))


# Arrays by their labels ----------------------------------------------------------------------------------------------
def filtered(chosen: _Filtering, X: object, weights: object, bias: object) -> Filtered:
    """All arrays as the ops want them, in one precision."""
    name = chosen.label()
    transposed = isinstance(chosen, _TransposedConv)
    w, over = by_role(chosen, weights, "UC" if transposed else "CU")
    rank = len(over)
    chosen.refined(rank)
    x, layout = chosen.arranged(X, weights, bias, first=over, last="CSBTU")
    rest = x.shape[rank + 1:]
    x, w, b = one_precision([shaped(x, (*x.shape[:rank + 1], prod(rest))), w, real_payload(bias, name, "bias")])
    channels, filters = (w.shape[rank + at] * w.shape[-1] for at in ((1, 0) if transposed else (0, 1)))
    if x.shape[rank] != channels:
        groups = f" in {counted(w.shape[-1], 'group')}" if w.shape[-1] > 1 else ""
        order = "filters × channels" if transposed else "channels × filters"
        fail(f"{name}:weightsMismatch", f"weights are for {counted(channels, 'channel')}{groups}, but X has "
             f"{x.shape[rank]}.", f"Pass weights of {counted(rank, 'dimension')} of filters × {order}, for "
             f"{counted(x.shape[rank], 'channel')}; a further dimension stands for groups.")
    if b.size not in (1, filters):
        fail(f"{name}:biasMismatch", f"bias has {counted(b.size, 'element')} for {counted(filters, 'filter')}.",
             "Pass one number per filter, or 0 for none.")
    vector = b if b.shape == (filters,) else np.reshape(b, -1, order="F") if b.size == filters else np.broadcast_to(
        shaped(b, ()), (filters,))
    return Filtered(x, w, vector, layout, rest, over)


def by_role(chosen: _Filtering, weights: object, roles: str) -> tuple[Payload, str]:
    """Weights as S… × ``roles`` × groups, and the labels of the dimensions to filter over."""
    name, given = chosen.label(), real_payload(weights, chosen.label(), "weights")
    own = weights.labels if isinstance(weights, dlarray) else ""
    if own and chosen.WeightsFormat:
        fail(f"{name}:weightsFormatTwice", f"The weights are a dlarray with the labels '{own}', and {name} was given "
             "WeightsFormat as well.", "Leave WeightsFormat out, or take the labels off: stripdims(weights).")
    names = chosen.WeightsFormat or own
    over = "".join(label for label in "ST" for _ in range(names.count(label))) or "S" * chosen.DataFormat.count("S")
    if names:
        check_weights_format(chosen, names, given, over)
    if not 1 <= len(over) <= 3:
        fail(f"{name}:noFilteredDimensions", f"{name} filters over one to three dimensions, but the labels "
             f"'{chosen.DataFormat}' give {len(over)} to filter over.",
             "Label them S, or name them by labels of the weights, such as WeightsFormat='TCU' for time.")
    size = len(over) + 3
    if not names:
        if given.ndim > size:
            fail(f"{name}:weightsMismatch", f"weights have size {times(given.shape)}, which are more dimensions than the "
                 f"{len(over)} of filters, two of channels and one of groups.", "Pass weights of at most "
                 f"{size} dimensions.")
        return shaped(given, (*given.shape, *[1] * (size - given.ndim))), over
    full = shaped(given, (*given.shape, *[1] * (len(names) - given.ndim)))
    free = list(enumerate(names))
    axes: list[tuple[int, str] | None] = []
    for label in over + roles + "U":
        axes.append(next((axis for axis in free if axis[1] == label), None))
        free = [axis for axis in free if axis is not axes[-1]]
    turned = axes_in_order(full, [axis[0] for axis in axes if axis])
    return shaped(turned, [full.shape[axis[0]] if axis else 1 for axis in axes]), over


def check_weights_format(chosen: _Filtering, names: str, given: Payload, over: str) -> None:
    """Labels of weights: those of the dimensions of X to filter over, C, and one or two U."""
    name = chosen.label()
    if "B" in names or names.count("U") > 2 or given.ndim > len(names):
        fail(f"{name}:weightsFormatMismatch", f"Weights of size {times(given.shape)} have the labels '{names}'.",
             "Label each dimension: S or T for those of the filters, C for channels, U for the number of filters, and a "
             "second U for groups.")
    for label in set(over):
        if over.count(label) != chosen.DataFormat.count(label):
            fail(f"{name}:weightsFormatMismatch", f"The labels of the weights, '{names}', do not match those of X, "
                 f"'{chosen.DataFormat}': of a label, all dimensions are filtered or none.",
                 f"Give the weights as many dimensions labelled {label} as X has: {chosen.DataFormat.count(label)}.")
