"""Resampling of the spatial dimensions of arrays with labels."""

from __future__ import annotations

from math import ceil, prod
from typing import Any

from dltoolbox.autodiff.apply import apply_op
from dltoolbox.core import convert
from dltoolbox.core.arrays import check_room
from dltoolbox.core.dims import times, vector
from dltoolbox.core.errors import IssueCollector, fail
from dltoolbox.core.properties import Property
from dltoolbox.functions.labels import LabelledOptions, data_format, refine, unconverted
from dltoolbox.ops.windows.resampling import densities, resampled_size, scale_factors, size_or_proportions


class _Resize(LabelledOptions):
    function = "dlresize"
    Scale: Any = Property(unconverted, None)
    OutputSize: Any = Property(unconverted, None)
    Method = Property(convert.choice("nearest", "linear"), "nearest")
    GeometricTransformMode = Property(convert.choice("half-pixel", "asymmetric"), "half-pixel")
    NearestRoundingMode = Property(convert.choice("round", "floor", "onnx-10"), "round")
    DataFormat = data_format()

    def validate(self) -> None:
        rank = self.DataFormat.count("S")
        if not rank:
            fail("dlresize:noSpatialDimensions", "dlresize resamples the dimensions labelled S, but X has the labels "
                 f"'{self.DataFormat}'.", "Label at least one dimension S.")
        issues = IssueCollector()
        refine(self, "Scale", scale_factors(rank), issues)
        refine(self, "OutputSize", size_or_proportions(rank), issues)
        issues.raise_if_any()
        if (self.Scale is None) == (self.OutputSize is None):
            fail("dlresize:oneSizeNeeded", f"dlresize needs {'one' if self.Scale is None else 'only one'} of Scale and "
                 "OutputSize.", "Call for example dlresize(X, Scale=2).")

    def output(self, spatial: tuple[int, ...]) -> tuple[int, ...]:
        """The spatial sizes of the result."""
        if 0 in spatial:
            fail("dlresize:emptyInput", f"The spatial sizes of X are {times(spatial)}, so there is nothing to resample.",
                 "Pass an array with elements.")
        to = resampled_size(spatial, self.Scale, self.OutputSize)
        if min(to) < 1:
            fail("dlresize:outputEmpty", f"Scale {vector([f'{factor:g}' for factor in self.Scale])} leaves nothing of "
                 f"{times(spatial)}.", f"Set Scale to at least {ceil(1000 / min(spatial)) / 1000:g}.")
        return to


def dlresize(X: object, *pairs: object, **options: object) -> Any:
    """X resampled along its dimensions labelled S: ``Y = dlresize(X, Scale=2)``, ``Y = dlresize(X, OutputSize=[64, 48])``.

    An element i of the result lies at (i + ½)/factor − ½ of X ('half-pixel') or at i/factor ('asymmetric'), i from 0;
    positions beyond the edge are on it.

    Args:
        X: Array of real numbers with S: a formatted dlarray, or labelled by ``DataFormat``.
        *pairs: Name-value pairs, instead of keywords.
        **options: One of ``Scale``: a factor, or one per dimension; the size is floor(n·factor); and ``OutputSize``: one
            size per dimension, NaN for those that follow in proportion, rounded up. ``Method``: 'nearest' (default) or
            'linear'; ``GeometricTransformMode``: 'half-pixel' (default) or 'asymmetric'; ``NearestRoundingMode``: 'round'
            (default; halves up), 'floor', or 'onnx-10': floor where X grows, ceil where it shrinks; ``DataFormat`` where X
            has no labels.

    Returns:
        Array of the format of X.

    Raises:
        DltoolboxError: ``dltoolbox:dlresize:missingDataFormat``, ``…:noSpatialDimensions``, ``…:oneSizeNeeded``,
            ``…:invalidScale``, ``…:invalidOutputSize``, ``…:outputEmpty``, ``…:emptyInput``, ``…:tooLarge``,
            ``…:notNumeric``.

    Example:
        >>> dlresize(dlarray([1, 2, 3], 'S'), Scale=2).tolist()
        [1.0, 1.0, 2.0, 2.0, 3.0, 3.0]
        >>> dlresize([[0, 1]], OutputSize=[1, 4], Method='linear', DataFormat='SS').tolist()
        [[0.0, 0.25, 0.75, 1.0]]

    Source:
        MathWorks documentation of dlresize; the ONNX operator Resize.
    """
    chosen = _Resize.beside(X, *pairs, **options)
    x, layout = chosen.arranged(X)
    rank = chosen.DataFormat.count("S")
    to = chosen.output(x.shape[:rank])
    shape = (*to, *x.shape[rank:])
    check_room(prod(shape) * x.dtype.itemsize, "dlresize:tooLarge", f"An output of {times(shape)}",
               "Set Scale or OutputSize to less.")
    y = apply_op("resize", x, to=to, factors=densities(x.shape[:rank], to, chosen.Scale), method=chosen.Method,
                 transform=chosen.GeometricTransformMode, rounding=chosen.NearestRoundingMode)
    return layout.restore(y)
