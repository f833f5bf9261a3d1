"""poolingOverlap: pooling of plain arrays m×n and m×n×c, in the manner of a short NumPy helper that many scripts contain."""

from __future__ import annotations

from typing import Any

from dltoolbox.core import convert
from dltoolbox.core.dims import times
from dltoolbox.core.display import counted
from dltoolbox.core.errors import fail
from dltoolbox.core.geometry import Window, check_fits
from dltoolbox.core.nargout import check_nargout, outputs
from dltoolbox.core.properties import Configured, Property
from dltoolbox.functions.labels import real_array
from dltoolbox.functions.pooling import linear_indices
from dltoolbox.ops import OPS

WITH_PLACES = {"max": "max_pool_indices", "stochastic": "stochastic_pool"}  # methods that choose an element of every window


class _Overlap(Configured):
    function = "poolingOverlap"
    ksize = Property(convert.sizes(2), positional=True)
    stride = Property(convert.optional(convert.sizes(2)), None)
    method = Property(convert.choice("max", "mean", "sum", "stochastic"), "max")
    pad = Property(convert.flag, False)

    def window(self, spatial: tuple[int, ...]) -> Window:
        """The window; padded, its last one begins in the last ``stride`` rows, whatever lies behind them."""
        stride = self.stride or self.ksize
        window = Window.of(self.ksize, stride)
        if self.pad:
            over = [max((-(-n // s) - 1) * s + f - n, 0) for n, s, f in zip(spatial, stride, self.ksize, strict=True)]
            window = Window.of(self.ksize, stride, [(0, n) for n in over])
        check_fits(self.function, window, spatial, "Reduce ksize, or set pad=True.")
        return window


def poolingOverlap(mat: object, ksize: object, stride: object = None, method: object = "max", pad: object = False, *,
                   nargout: int = 1) -> Any:
    """Pool a matrix m×n, or each channel of an array m×n×c: ``y = poolingOverlap(mat, 3, 2, 'mean')``.

    Windows overlap where the stride is smaller than they are.

    Args:
        mat: Array of real numbers, m×n or m×n×c.
        ksize: Size of the windows: a positive integer, or [rows, columns].
        stride: Step of the windows, likewise; None: their size.
        method: ``'max'``, ``'mean'``, ``'sum'``, or ``'stochastic'``: an element drawn with a probability proportional to
            max(x, 0), as `stochasticPooling2dLayer` does in training; `rng` seeds it.
        pad: False: windows lie inside, floor((m − k)/s) + 1 of them. True: ceil(m/s) of them; they may reach over the end,
            where there is nothing: what lies there is never the maximum, and does not count in a mean.
        nargout: 2 also returns where the elements were found, for ``'max'`` and ``'stochastic'``.

    Returns:
        y: Array of ceil(m/s) or floor((m − k)/s) + 1 rows, and columns likewise; c channels as in mat. Single stays single;
            integers become double.
        indx: 1-based linear (column-major) indices into mat, of the size of y, as those of `maxpool`; `maxunpool` takes
            them with ``DataFormat='SS'`` or ``'SSC'``.

    Raises:
        DltoolboxError: ``dltoolbox:poolingOverlap:invalidSize`` for arrays of other dimensions, ``…:emptyInput``,
            ``…:windowTooLarge``, ``…:noIndices`` for positions of means and sums, ``…:invalidksize``, ``…:invalidstride``,
            ``…:invalidmethod``, ``…:invalidpad``, ``…:notNumeric``.

    Example:
        >>> poolingOverlap([[1, 5, 2], [3, 4, 0]], 2, 1).tolist()
        [[5.0, 5.0]]
        >>> poolingOverlap([[1, 5, 2], [3, 4, 0]], 2, method='mean', pad=True).tolist()
        [[3.25, 1.0]]

    Source:
        Its own definition; the rules of ties and NaN are those of `maxpool`.
    """
    check_nargout(nargout, 2, "poolingOverlap")
    chosen = _Overlap(ksize, stride=stride, method=method, pad=pad)
    array = real_array(mat, "poolingOverlap", "mat")
    if array.ndim not in (2, 3):
        fail("poolingOverlap:invalidSize", f"mat must be m×n or m×n×c, but it has {counted(array.ndim, 'dimension')}.",
             "Pool several observations one after the other, or use maxpool or avgpool, which take any.")
    if 0 in array.shape[:2]:
        fail("poolingOverlap:emptyInput", f"mat is {times(array.shape)}, so there is nothing to pool.",
             "Pass an array with at least one row and one column.")
    if nargout == 2 and chosen.method not in WITH_PLACES:
        fail("poolingOverlap:noIndices", f"A {chosen.method} has no position.",
             "Ask for one output, or set method='max'.")
    made = array.shape[2:]
    x = array.reshape(*array.shape[:2], *(made or (1,)), 1)
    window = chosen.window(x.shape[:2])
    if chosen.method not in WITH_PLACES:
        divisor = 1.0 if chosen.method == "sum" else None
        y = OPS["avg_pool"].forward(x, window=window, counted=((0, 0), (0, 0)), divisor=divisor)
        return y.reshape(*y.shape[:2], *made)
    y, at = OPS[WITH_PLACES[chosen.method]].forward(x, window=window)
    shape: tuple[int, ...] = (*y.shape[:2], *made)
    return outputs((y.reshape(shape), linear_indices(at, x.shape, 2).reshape(shape)), nargout, "poolingOverlap")
