"""How large a map is that is resampled by factors or to a size."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import ceil, floor

from dltoolbox.core import convert
from dltoolbox.core.properties import InvalidValue
from dltoolbox.core.unknown import UNKNOWN, is_known

SCALES = 10**6  # A scale such as 1/3 means the nearest fraction with a denominator of at most this.


def scale_factors(rank: int) -> convert.Convert[tuple[float, ...] | None]:
    factor = convert.real(1 / SCALES, convert.LARGEST_COUNT)

    @convert.annotated("float | Sequence[float]")
    def conversion(value: object) -> tuple[float, ...]:
        items = convert.items_of(value)
        try:
            got = tuple(factor(item) for item in items)
        except InvalidValue:
            got = ()
        if len(got) not in (1, rank):
            raise InvalidValue(f"a number from {1 / SCALES:g} to {convert.LARGEST_COUNT} or a vector of {rank} of them")
        return got * rank if len(got) == 1 else got
    return convert.optional(conversion)


def size_or_proportions(rank: int) -> convert.Convert[tuple[int | None, ...] | None]:
    @convert.annotated("Sequence[float | None]")
    def conversion(value: object) -> tuple[int | None, ...]:
        wrong = InvalidValue(f"a vector of {rank} positive integers or NaN, not all of them NaN, such as {[14] * rank}")
        try:
            sizes = convert.sizes_or_unknown(convert.items_of(value))
        except InvalidValue:
            raise wrong from None
        if len(sizes) != rank or set(sizes) == {None}:
            raise wrong
        return sizes
    return convert.optional(conversion)


def exact_ratio(m: int, n: int) -> Fraction:
    return Fraction(m, n) if is_known(m, n) else UNKNOWN  # type: ignore[return-value]


def resampled_size(spatial: Sequence[int], scale: Sequence[float] | None,
                   size: Sequence[int | None] | None) -> tuple[int, ...]:
    """The sizes of a map that is resampled: floor(n·factor), or those that are given, the others in proportion, rounded
    up.
    """
    if scale is not None:
        return tuple(floor(n * factor) for n, factor in zip(spatial, scale, strict=True))
    sizes = [*zip(size or (), spatial, strict=True)]
    known = next(exact_ratio(m, n) for m, n in sizes if m is not None)
    return tuple(ceil(n * known) if m is None else m for m, n in sizes)


def densities(spatial: Sequence[int], to: Sequence[int], scale: Sequence[float] | None) -> tuple[Fraction, ...]:
    """How many elements there are for one of before, per dimension."""
    if scale is not None:
        return tuple(Fraction(factor).limit_denominator(SCALES) for factor in scale)
    return tuple(exact_ratio(m, n) for m, n in zip(to, spatial, strict=True))
