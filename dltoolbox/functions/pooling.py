"""maxpool, maxunpool and avgpool: MATLAB's index convention around the ops' bodies.

The ops count 0-based and row by row within one map; MATLAB's ``indx`` counts 1-based, column by column, through the
whole array. Both directions of that conversion are here and nowhere else.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from dltoolbox.autodiff.acceleration.recorded import opaque
from dltoolbox.autodiff.apply import apply_op
from dltoolbox.autodiff.dlarray import dlarray
from dltoolbox.autodiff.tape import Payload, raw_values
from dltoolbox.core import convert
from dltoolbox.core.arrays import check_room
from dltoolbox.core.dims import Dims, times
from dltoolbox.core.display import counted
from dltoolbox.core.errors import IssueCollector, fail
from dltoolbox.core.geometry import Window, check_divisor, check_fits, check_padding, check_rounding, resolve
from dltoolbox.core.nargout import check_nargout, outputs
from dltoolbox.core.properties import InvalidValue, Property, show
from dltoolbox.functions.labels import (
    LabelledLayout,
    LabelledOptions,
    data_format,
    labels,
    real_payload,
    refine,
    shaped,
    unconverted,
)


def _pool_format(value: object) -> str:
    if isinstance(value, str) and not value:
        return ""
    try:
        got = labels(value)
    except InvalidValue:
        got = "?"
    if set(got) - set("ST"):
        raise InvalidValue("the labels S and T of the dimensions to pool over, such as 'SS' or 'T'")
    return got


class _Pool(LabelledOptions):
    """Options of maxpool and avgpool. Sizes depend on DataFormat, so they are converted when that is known."""

    poolsize = Property(unconverted, positional=True)
    Stride = Property(unconverted, 1)
    Padding = Property(unconverted, 0)
    DilationFactor = Property(unconverted, 1)
    Rounding = Property(convert.rounding, "floor")
    PoolFormat = Property(_pool_format, "")
    DataFormat = data_format()

    @property
    def pooled(self) -> str:
        """Labels of the dimensions that are pooled, in the order S, T."""
        return "".join(sorted(self.PoolFormat or "S" * self.DataFormat.count("S")))

    def validate(self) -> None:
        name, rank = self.function, len(self.pooled)
        for label in set(self.PoolFormat):
            if self.PoolFormat.count(label) != self.DataFormat.count(label):
                fail(f"{name}:poolFormatMismatch", f"PoolFormat '{self.PoolFormat}' does not match DataFormat "
                     f"'{self.DataFormat}': of a label, all dimensions are pooled or none.",
                     "Repeat S as often as in DataFormat, and use T only where there is one.")
        if not 1 <= rank <= 3:
            fail(f"{name}:noPoolingDimensions", f"{name} pools over one to three dimensions, but DataFormat "
                 f"'{self.DataFormat}' gives {rank} to pool over.",
                 "Label them S, or name them with PoolFormat, such as PoolFormat='T'.")
        issues = IssueCollector()
        refine(self, "poolsize", convert.either("global", convert.sizes(rank)), issues)
        refine(self, "Stride", convert.sizes(rank), issues)
        refine(self, "Padding", convert.padding_or_lower(rank), issues)
        refine(self, "DilationFactor", convert.sizes(rank), issues)
        issues.raise_if_any()
        if self.poolsize == "global" and (isinstance(self.Padding, str) or any(map(any, self.Padding))):
            fail(f"{name}:globalPadding", "poolsize 'global' takes the whole input as one region, so nothing can be "
                 "padded.", "Leave Padding out.")
        if self.poolsize == "global" and (max(self.DilationFactor) > 1 or self.Rounding != "floor"):
            fail(f"{name}:globalWindow", "poolsize 'global' takes the whole input as one region, so DilationFactor and "
                 "Rounding would have no effect.", "Leave DilationFactor and Rounding out.")
        check_rounding(name, self.Padding, self.Rounding)

    def window(self, spatial: tuple[int, ...]) -> Window:
        """The window for these sizes, which must fit and never lie in padding alone."""
        if 0 in spatial:
            fail(f"{self.function}:emptyInput", f"The input is {times(spatial)} in the dimensions to pool over, so there is "
                 "nothing to pool.", "Pass an array with at least one element along each of these dimensions.")
        size = spatial if self.poolsize == "global" else self.poolsize
        check_padding(self.function, self.Padding, size, self.DilationFactor)
        window = resolve(spatial, size, self.Stride, self.Padding, self.DilationFactor, self.Rounding)
        asked = resolve(spatial, size, self.Stride, self.Padding, self.DilationFactor).padding
        check_fits(self.function, window, spatial, "Reduce poolsize, or add Padding.", padding=asked)
        return window


class _MaxPool(_Pool):
    function = "maxpool"


class _AvgPool(_Pool):
    function = "avgpool"
    PaddingValue = Property(convert.either("mean", convert.real(0, 0)), 0)
    Divisor = Property(convert.either("auto", convert.real(0, low_open=True)), "auto")

    def validate(self) -> None:
        super().validate()
        check_divisor(self.function, self.Divisor, self.PaddingValue)


class _MaxUnpool(LabelledOptions):
    function = "maxunpool"

    def validate(self) -> None:
        if not 1 <= self.DataFormat.count("S") <= 3:
            fail("maxunpool:noPoolingDimensions", "maxunpool needs one to three spatial dimensions, but DataFormat is "
                 f"'{self.DataFormat}'.", "Label them S.")


def maxpool(X: object, poolsize: object, *pairs: object, nargout: int = 1, **options: object) -> Any:
    """Maximum of every pooling region: ``Y = maxpool(X, 2, 'Stride', 2, 'DataFormat', 'SSCB')``.

    The output size is floor((in − poolsize + padding) / Stride) + 1 per pooled dimension. Padding never wins, the first
    element of a tie (row by row) does, and so does a NaN.

    Args:
        X: Array of real numbers: a formatted dlarray, or labelled by ``DataFormat``, in any order. Trailing dimensions
            of size 1 may be missing.
        poolsize: Size of the regions: a positive integer, one per pooled dimension, or ``'global'`` for everything.
        *pairs: Name-value pairs, instead of keywords.
        nargout: 2 or 3 also return ``indx`` and ``inputSize``: ``Y, indx, inputSize = maxpool(…, nargout=3)``.
        **options: ``Stride`` (1); ``Padding`` (0): a number, ``'same'``, or the forms of the pooling layers: [l r] in one
            dimension, [a b] or [t b l r] in two, [a b c] or [t l f; b r k] in three; ``PoolFormat``: labels of the
            dimensions to pool over, where these are not the spatial ones, such as ``'T'``; ``DataFormat``, where X has no
            labels.
            Beyond MATLAB: ``Padding='same-lower'``, ``DilationFactor`` (1) and ``Rounding`` (``'floor'``, ``'ceil'`` or
            ``'caffe'``), as in the pooling layers. A region that sees nothing but padding has the maximum -Inf and the
            index -1, which `maxunpool` leaves out.

    Returns:
        Y: The maxima, with the dimensions in the order of X. Single stays single; integers become double.
        indx: Where they were found, of the size of Y: 1-based linear (column-major) indices into the whole of X as
            MATLAB stores it, in the order S, C, B, T, U. Overlapping and padded regions are allowed, which MATLAB does
            not allow; an element may then be found several times.
        inputSize: Size of X as a row vector, one element per label in the order of ``DataFormat``.

    Raises:
        DltoolboxError: ``dltoolbox:maxpool:missingDataFormat``, ``…:invalidDataFormat``, ``…:dataFormatMismatch``,
            ``…:noPoolingDimensions``, ``…:poolFormatMismatch``, ``…:indicesWithPoolFormat``, ``…:paddingTooLarge``,
            ``…:windowTooLarge``, ``…:emptyInput``, ``…:globalPadding``, ``…:globalWindow``, ``…:roundingWithoutEffect``,
            ``…:invalidpoolsize``, ``…:invalidStride``, ``…:invalidPadding``, ``…:invalidDilationFactor``,
            ``…:invalidRounding``, ``…:notNumeric``.

    Example:
        >>> Y, indx, inputSize = maxpool([[1, 5, 2, 2], [3, 4, 0, 7]], 2, Stride=2, DataFormat='SSCB', nargout=3)
        >>> Y.tolist(), indx.tolist(), inputSize.tolist()
        ([[5.0, 7.0]], [[3, 8]], [2, 4, 1, 1])

    Source:
        MathWorks documentation of maxpool; the tie, NaN and overlap rules are dltoolbox's own.
    """
    check_nargout(nargout, 3, "maxpool")
    chosen = _MaxPool.beside(X, poolsize, *pairs, **options)
    x, layout = chosen.arranged(X, first=chosen.pooled)
    rank = len(chosen.pooled)
    window = chosen.window(x.shape[:rank])
    if nargout == 1:
        return layout.restore(apply_op("max_pool", x, window=window))
    if chosen.PoolFormat:
        fail("maxpool:indicesWithPoolFormat", "maxpool gives no indices when PoolFormat is set.",
             "Leave PoolFormat out (the S dimensions are pooled), or ask for one output.")
    y, local = apply_op("max_pool_indices", x, window=window)
    indx = opaque(linear_indices, raw_values(local), x.shape, rank)
    sizes = np.array([x.shape[layout.order.index(axis)] for axis in range(len(layout.order))], np.int64)
    return outputs((layout.restore(y), layout.restore(indx), sizes), nargout, "maxpool")


def avgpool(X: object, poolsize: object, *pairs: object, **options: object) -> Any:
    """Mean of every pooling region: ``Y = avgpool(X, 2, 'Stride', 2, 'DataFormat', 'SSCB')``.

    Args:
        X: Array of real numbers, as for `maxpool`.
        poolsize: As for `maxpool`.
        *pairs: Name-value pairs, instead of keywords.
        **options: As `maxpool`, and ``PaddingValue``: 0 (default; padding counts as zeros) or ``'mean'`` (only real
            elements count, both in the sum and in the divisor). Beyond MATLAB, ``Divisor``: ``'auto'``, or a positive
            number that sums are divided by; with 1 they are sums.

    Returns:
        The means, with the dimensions in the order of X.

    Raises:
        DltoolboxError: As `maxpool`, with identifiers ``dltoolbox:avgpool:…``; ``…:invalidPaddingValue``,
            ``…:invalidDivisor``, ``…:divisorWithMean``.

    Example:
        >>> avgpool([[1, 5, 2, 2], [3, 4, 0, 7]], 2, Stride=2, DataFormat='SSCB').tolist()
        [[3.25, 2.75]]

    Source:
        MathWorks documentation of avgpool.
    """
    chosen = _AvgPool.beside(X, poolsize, *pairs, **options)
    x, layout = chosen.arranged(X, first=chosen.pooled)
    window = chosen.window(x.shape[:len(chosen.pooled)])
    asked = None if chosen.Rounding == "floor" or isinstance(chosen.Padding, str) else chosen.Padding
    counted_padding = ((0, 0),) * window.rank if chosen.PaddingValue == "mean" else asked
    y = apply_op("avg_pool", x, window=window, counted=counted_padding,
                 divisor=None if chosen.Divisor == "auto" else float(chosen.Divisor))
    return layout.restore(y)


def maxunpool(Y: object, indx: object, outputSize: object, *pairs: object, **options: object) -> Any:
    """Put maxima back where `maxpool` found them; everything else is 0.

    Args:
        Y: Array of real numbers of the size of ``indx``: a formatted dlarray, or labelled by ``DataFormat``.
        indx: From ``maxpool(…, nargout=2)``: 1-based linear indices into the output as stored in the order S, C, B, T, U.
            A vector with one index per element of Y, in column order, is accepted, too. Of repeated indices the last, row
            by row, stays.
        outputSize: Size of the output, in the order of ``DataFormat``; trailing ones may be missing.
        *pairs: Name-value pairs, instead of keywords.
        **options: ``DataFormat``, where Y has no labels.

    Returns:
        Array of size ``outputSize`` and of the type of Y.

    Raises:
        DltoolboxError: ``dltoolbox:maxunpool:missingDataFormat``, ``…:invalidDataFormat``, ``…:noPoolingDimensions``,
            ``…:sizeMismatch`` where sizes contradict each other, ``…:invalidIndices`` for indices that are not integers,
            ``…:indexOutOfRange``, ``…:indexOfOtherMap`` for indices that lead into another channel or observation,
            ``…:invalidOutputSize``, ``…:tooLarge``, ``…:notNumeric``.

    Example:
        >>> maxunpool([[5, 7]], [[3, 8]], [2, 4, 1, 1], DataFormat='SSCB')[:, :, 0, 0].tolist()
        [[0.0, 5.0, 0.0, 0.0], [0.0, 0.0, 0.0, 7.0]]

    Source:
        MathWorks documentation of maxunpool.
    """
    chosen = _MaxUnpool.beside(Y, *pairs, **options)
    rank = chosen.DataFormat.count("S")
    y, layout = chosen.arranged(Y, indx, what="Y")
    given = _output_size(outputSize, layout)
    size = layout.arranged(given)
    if size[rank:] != y.shape[rank:]:
        fail("maxunpool:sizeMismatch", f"Y has size {times(y.shape)} ({layout.labels}), but the output is to have size "
             f"{times(size)}: only spatial sizes may differ.", "Pass the inputSize that maxpool returned with indx.")
    local = opaque(local_indices, _linear(indx, y, layout), size, rank)
    maps = (size[rank], prod(size[rank + 1:])) if len(size) > rank else (1, 1)  # the op wants a C and a B
    x, places = (shaped(array, (*y.shape[:rank], *maps)) for array in (y, local))
    to = Dims("S" * rank + "CB", (*size[:rank], *maps))
    unpooled = apply_op("max_unpool", x, places, np.array(to.sizes, np.int64), to=to)
    return layout.restore(shaped(unpooled, size), len(layout.given) if layout.formatted else len(given))


def linear_indices(local: np.ndarray, shape: tuple[int, ...], rank: int) -> np.ndarray:
    """0-based row-major positions within maps → 1-based column-major indices into an array of this shape; −1 stays."""
    steps = np.cumprod([1, *shape[:-1]])
    spatial = np.unravel_index(np.maximum(local, 0), shape[:rank])
    rest = np.indices(local.shape, sparse=True)[rank:]
    indices = np.asarray(sum(at * step for at, step in zip((*spatial, *rest), steps, strict=True)) + 1, np.int64)
    return np.where(local < 0, -1, indices)


def local_indices(linear: np.ndarray, shape: tuple[int, ...], rank: int) -> np.ndarray:
    """The inverse of `linear_indices`, checked: every index must lie in the map that its place belongs to."""
    count = prod(shape)
    placed = linear != -1  # of a window that saw nothing
    if (linear[placed] < 1).any() or (linear > count).any():
        fail("maxunpool:indexOutOfRange", f"indx reaches from {linear[placed].min()} to {linear.max()}, but an output of "
             f"size {times(shape)} has the linear indices 1 to {count}.",
             "Pass indx and inputSize of the same call of maxpool; indices are 1-based.")
    if not count or not linear.size:
        return linear
    coordinates = np.unravel_index(np.maximum(linear - 1, 0), shape, order="F")
    places: tuple[np.ndarray, ...] = np.indices(linear.shape, sparse=True)[rank:]
    for at, own in zip(coordinates[rank:], places, strict=True):
        if ((at != own) & placed).any():
            fail("maxunpool:indexOfOtherMap", "Some elements of indx lead into another channel or observation than the "
                 "element of Y that they belong to.", "indx counts through the whole array, as maxpool returns it; indices "
                 "that start again in every map (as PyTorch's do) must be offset.")
    return np.where(placed, np.ravel_multi_index(coordinates[:rank], shape[:rank]), -1)


def _linear(indx: object, y: Payload, layout: LabelledLayout) -> Payload:
    """indx as integers in the order of work; a vector is filled in column order."""
    whole = opaque(whole_indices, raw_values(real_payload(indx, "maxunpool", "indx")))
    formatted = isinstance(indx, dlarray) and bool(indx.labels)
    if formatted or (whole.ndim <= len(layout.given) and layout.arranged(whole.shape) == y.shape):
        arranged = raw_values(layout.like_x(indx if formatted else whole, "indx")).astype(np.int64)
        if arranged.shape == y.shape:
            return arranged
    elif whole.size == max(whole.shape, default=1) == y.size:
        return np.reshape(whole, y.shape, order="F")
    fail("maxunpool:sizeMismatch", f"indx has size {times(whole.shape)}, but Y has size {times(y.shape)} "
         f"({layout.labels}).", "Pass the indices that maxpool returned with Y.")


def whole_indices(array: np.ndarray) -> np.ndarray:
    if not np.isfinite(array).all() or (array != np.rint(array)).any() or (np.abs(array) >= 2.0**63).any():
        fail("maxunpool:invalidIndices", "indx must hold positive integers.", "Pass the second output of maxpool.")
    return array.astype(np.int64)


def _output_size(outputSize: object, layout: LabelledLayout) -> tuple[int, ...]:
    size = convert.integers(outputSize, 0)
    if size is None or len(size) > len(layout.given):
        fail("maxunpool:invalidOutputSize", f"outputSize must be a vector of at most {counted(len(layout.given), 'size')}, "
             f"one per label of '{layout.given}', but it is {show(outputSize)}.", "Pass the third output of maxpool.")
    check_room(prod(size) * np.dtype(np.float64).itemsize, "maxunpool:tooLarge", f"An output of {times(size)}",
               "Pass the third output of maxpool.")
    return size
