"""Conversions of option values: each turns the user's form into the stored one or raises `InvalidValue`.

The stored forms are plain Python (tuples, numbers, strings) or read-only NumPy arrays, so that option values can be
compared, printed and saved without knowing which layer they belong to.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence, Sized
from typing import Any, TypeVar

import numpy as np

from dltoolbox.core.arrays import all_finite, array_of, beyond_memory, masked
from dltoolbox.core.geometry import Padding, Rounding
from dltoolbox.core.properties import InvalidValue

T = TypeVar("T")
C = TypeVar("C", bound=Callable[..., object])
Convert = Callable[[object], T]
Function = Callable[..., Any]  # the user's own
LONGEST_VECTOR = 1_000_000  # elements of the longest vector


def annotated(annotation: str) -> Callable[[C], C]:
    """Decorator: the type that editors show for an option with this conversion."""
    def mark(conversion: C) -> C:
        conversion.annotation = annotation  # type: ignore[attr-defined]
        return conversion
    return mark


def annotation_of(conversion: object) -> str:
    return str(getattr(conversion, "annotation", "Any"))


def words_annotation(names: Sequence[str]) -> str:
    """Known words are offered by editors, other text is accepted: case and prefixes are free."""
    return f"Literal[{', '.join(map(repr, names))}] | str"


@annotated("str")
def text(value: object) -> str:
    """A string; MATLAB's char and string scalars are the same thing here."""
    if isinstance(value, str):
        return str(value)
    raise InvalidValue("text")


@annotated("str | Sequence[str]")
def texts(value: object) -> tuple[str, ...]:
    """A list of strings; one string counts as a list of one; empty is allowed."""
    if isinstance(value, str):
        return (value,) if value else ()
    items = items_of(value)
    if all(isinstance(v, str) for v in items):
        return tuple(str(v) for v in items)
    raise InvalidValue("a list of strings")


@annotated("bool")
def flag(value: object) -> bool:
    """A logical value: True/False or 1/0."""
    if isinstance(value, (bool, np.bool_)) or (isinstance(value, (int, float, np.number)) and value in (0, 1)):
        return bool(value)
    raise InvalidValue("true or false (True, False, 1 or 0)")


def choice(*names: str) -> Convert[str]:
    """One of some words, in any letter case, or an unambiguous beginning of one."""
    expected = " or ".join([", ".join(repr(n) for n in names[:-1]), repr(names[-1])] if len(names) > 1
                           else [repr(names[0])])

    @annotated(words_annotation(names))
    def convert(value: object) -> str:
        if isinstance(value, str):
            low = value.lower()
            exact = [n for n in names if n.lower() == low]
            begins = exact or [n for n in names if low and n.lower().startswith(low)]
            if len(begins) == 1:
                return begins[0]
        raise InvalidValue(expected)
    return convert


LARGEST_COUNT = 2**31 - 1  # of sizes and counts: an index holds it, and its products with what memory holds
EXACT = 2**53  # of other integers: beyond, MATLAB's numbers have gaps
LONGEST_NAME = 1000  # characters


@annotated("str")
def name(value: object) -> str:
    """The name of a layer: text that tables can hold."""
    kept = text(value)
    if len(kept) > LONGEST_NAME:
        raise InvalidValue(f"text of at most {LONGEST_NAME} characters")
    return kept


def _number(value: object) -> float | None:
    """The value as a real number, or None; ``[4]`` is the number 4, as in MATLAB."""
    if isinstance(value, np.ndarray) and value.size == 1:
        value = value.reshape(-1)[0]
    elif isinstance(value, (list, tuple)) and len(value) == 1:
        value = value[0]
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, float, np.integer, np.floating)):
        return None
    try:
        return float(value)
    except (OverflowError, TypeError):  # an integer of hundreds of digits; a duration, which NumPy counts as integer
        return None


def real(low: float = -np.inf, high: float = np.inf, *, low_open: bool = False, high_open: bool = False,
         infinite: bool = False) -> Convert[float]:
    """A real scalar in an interval; NaN never, infinities only on request."""
    opening, closing = "(" if low_open or np.isinf(low) else "[", ")" if high_open else "]"
    interval = f"{opening}{_short_number(low)}, {_short_number(high)}{closing}"
    if np.isinf(low) and np.isinf(high):
        expected = "a finite real number"
    elif low == high:
        expected = _short_number(low)
    elif np.isinf(high):
        expected = {(0.0, True): "a positive number", (0.0, False): "a non-negative number"}.get(
            (low, low_open), f"a number of at least {_short_number(low)}")
    else:
        expected = f"a number in {interval}"

    @annotated("float")
    def convert(value: object) -> float:
        number = _number(value)
        if (number is None or np.isnan(number) or (np.isinf(number) and not infinite)
                or number < low or number > high or (low_open and number == low) or (high_open and number == high)):
            raise InvalidValue(expected)
        return number
    return convert


def factor(parts: int) -> Convert[float | tuple[float, ...]]:
    """A non-negative number, or one for each of so many parts of an array."""
    number = real(0)
    if parts == 1:
        return number

    @annotated("float | Sequence[float]")
    def convert(value: object) -> float | tuple[float, ...]:
        items = items_of(value)
        if len(items) not in (1, parts) or any((one := _number(item)) is None or not 0 <= one < np.inf for item in items):
            raise InvalidValue(f"a non-negative number or a vector of {parts} of them")
        given = tuple(map(number, items))
        return given[0] if len(given) == 1 else given
    return convert


def _short_number(number: float) -> str:
    return f"{number:g}"


def integer(low: int = 1, high: int = EXACT) -> Convert[int]:
    """An integer from ``low`` to ``high``; floats with an integral value are accepted, as MATLAB's numbers are doubles."""
    expected = (f"an integer from {low} to {high}" if high < LARGEST_COUNT else
                {0: "a non-negative integer", 1: "a positive integer"}.get(low, f"an integer of at least {low}"))

    @annotated("int")
    def convert(value: object) -> int:
        number = _number(value)
        if number is None or not np.isfinite(number) or number != int(number) or number < low:
            raise InvalidValue(expected)
        if number > high:
            raise InvalidValue(f"{expected}{f' of at most {high}' if high >= LARGEST_COUNT else ''}")
        return int(number)
    return convert


count = integer(1, LARGEST_COUNT)


def integers(value: object, low: int = 1) -> tuple[int, ...] | None:
    """A vector of integers of at least ``low`` as a tuple, or None when the value is none; a scalar has length 1."""
    convert = integer(low, LARGEST_COUNT)
    try:
        return tuple(convert(item) for item in items_of(value))
    except InvalidValue:
        return None


def sizes(rank: int) -> Convert[tuple[int, ...]]:
    """Positive integers per spatial dimension; a scalar is expanded: 2 → (2, 2)."""
    @annotated("int | Sequence[int]" if rank > 1 else "int")
    def convert(value: object) -> tuple[int, ...]:
        got = integers(value)
        if got is None or len(got) not in (1, rank):
            raise InvalidValue("a positive integer" + (f" or a vector of {rank} of them" if rank > 1 else ""))
        return got * rank if len(got) == 1 else got
    return convert


def items_of(value: object) -> list[object]:
    """The elements of a vector; a scalar is one, and so is an array that is too large for a vector of options."""
    if isinstance(value, np.ndarray):
        return value.reshape(-1).tolist() if value.size <= LONGEST_VECTOR else [value]
    return list(value) if isinstance(value, (list, tuple)) else [value]


def each(value: object, most: int = 100_000) -> list[Any]:
    """The elements of a list or of anything else that holds some, but not more than ``most``; a text is one, and so is what
    does not let itself be read.
    """
    if isinstance(value, (str, bytes)) or not isinstance(value, Iterable):
        return [value]
    try:
        return [value] if isinstance(value, Sized) and len(value) > most else list(value)
    except Exception:
        return [value]


def attribute(value: object, name: str, default: object = None) -> Any:
    """The attribute of any object; an object that raises when it is asked has none."""
    try:
        return getattr(value, name, default)
    except Exception:
        return default


@annotated("Sequence[float | None]")
def sizes_or_unknown(value: object) -> tuple[int | None, ...]:
    """Positive integers, with NaN or None for a size that is not known."""
    items = [None if item is None or _is_nan(item) else item for item in items_of(value)]
    known = integers([item for item in items if item is not None])
    if not items or known is None or not isinstance(value, (list, tuple, np.ndarray)):
        raise InvalidValue("a vector of positive integers or NaN, such as [28, 28, 1, None]")
    rest = iter(known)
    return tuple(None if item is None else next(rest) for item in items)


def _is_nan(value: object) -> bool:
    return isinstance(value, (float, np.floating)) and bool(np.isnan(value))


def optional(other: Convert[T]) -> Convert[T | None]:
    """None or empty for an option that is not given, or whatever ``other`` accepts."""
    @annotated(f"{annotation_of(other)} | None")
    def convert(value: object) -> T | None:
        empty = not value.size if isinstance(value, np.ndarray) else isinstance(value, (list, tuple)) and not value
        return None if value is None or empty else other(value)
    return convert


def vector_of(lengths: Sequence[int], names: str, low: int = 1) -> Convert[tuple[int, ...]]:
    """Integers whose count is one of ``lengths``, such as an image size ``[h w c]``."""
    @annotated("Sequence[int]")
    def convert(value: object) -> tuple[int, ...]:
        got = integers(value, low)
        if got is None or len(got) not in lengths:
            raise InvalidValue(f"a vector of positive integers {names}")
        return got
    return convert


def image_size(rank: int, channels: int = 1) -> Convert[tuple[int, ...]]:
    """Spatial sizes and channels, such as ``[h w c]``; those without channels get as many as said."""
    names = ", ".join("hwd"[:rank])
    sizes_of = vector_of((rank, rank + 1), f"[{names}, c] or [{names}]")

    @annotated("Sequence[int]")
    def convert(value: object) -> tuple[int, ...]:
        got: tuple[int, ...] = sizes_of(value)
        return got if len(got) > rank else (*got, channels)
    return convert


def padding(rank: int) -> Convert[Padding]:
    """MATLAB's padding forms → ``'same'`` or ((before, after), …) per spatial dimension.

    1-D: p, [l r]. 2-D: p, [a b] (a at top and bottom, b left and right), [t b l r]. 3-D: p, [a b c] and the 2×3 matrix
    [t l f; b r k]. Every form also accepts 'same'. The stored pairs are accepted too.
    """
    forms = {1: "a scalar, [l, r] or 'same'", 2: "a scalar, [a, b], [t, b, l, r] or 'same'",
             3: "a scalar, [a, b, c], a 2×3 matrix [[t, l, f], [b, r, k]] or 'same'"}[rank]

    @annotated("Literal['same'] | int | Sequence[Any]")
    def convert(value: object) -> Padding:
        if isinstance(value, str) and value and "same".startswith(value.lower()):
            return "same"
        pairs = None if isinstance(value, str) else _padding_pairs(value, rank)
        if pairs is None:
            raise InvalidValue(f"non-negative integers in one of these forms: {forms}",
                               "Pass 0 for no padding, or 'same'." if isinstance(value, str) else "")
        return pairs
    return convert


def _padding_pairs(value: object, rank: int) -> tuple[tuple[int, int], ...] | None:
    if isinstance(value, tuple) and len(value) == rank and all(isinstance(v, tuple) and len(v) == 2 for v in value):
        rows = [integers(list(pair), 0) for pair in value]
        return None if None in rows else tuple((r[0], r[1]) for r in rows if r)
    given = array_of(value)
    if given is None:
        return None
    if rank == 3 and given.ndim == 2:
        if given.shape != (2, 3):
            return None
        before, after = (integers(row, 0) for row in given)
        return None if before is None or after is None else tuple(zip(before, after, strict=True))
    got = integers(value, 0)
    if got is None:
        return None
    if len(got) == 1:
        return ((got[0], got[0]),) * rank
    if rank in (2, 3) and len(got) == rank:
        return tuple((p, p) for p in got)
    if rank < 3 and len(got) == 2 * rank:
        return tuple((got[2 * d], got[2 * d + 1]) for d in range(rank))
    return None


_rounding = choice("floor", "ceil", "caffe")


@annotated(annotation_of(_rounding))
def rounding(value: object) -> Rounding:
    """A rule of how many windows there are."""
    rule: Rounding = _rounding(value)  # type: ignore[assignment]
    return rule


def _padding_or(word: str, rank: int) -> Convert[Padding]:
    """As `padding`, or a further word."""
    usual = padding(rank)

    @annotated(f"Literal['same', '{word}'] | int | Sequence[Any]")
    def convert(value: object) -> Padding:
        if isinstance(value, str) and word.startswith(value.lower()) and not "same".startswith(value.lower()):
            return word  # type: ignore[return-value]
        try:
            return usual(value)
        except InvalidValue as wrong:
            raise InvalidValue(*(re.sub(",? or 'same'", f", 'same' or '{word}'", text)
                                 for text in (wrong.expected, wrong.hint))) from None
    return convert


def padding_or_lower(rank: int) -> Convert[Padding]:
    """As `padding`, or ``'same-lower'``."""
    return _padding_or("same-lower", rank)


def padding_or_causal(rank: int) -> Convert[Padding]:
    """As `padding`, or ``'causal'``."""
    return _padding_or("causal", rank)


@annotated("ArrayLike | None")
def array(value: object) -> np.ndarray | None:
    """A numeric array, kept as a read-only copy; empty and None mean 'not set' and are stored as None."""
    if value is None:
        return None
    if masked(value):
        raise InvalidValue("an array without masked elements", "Give them a value with np.ma.filled.")
    given = array_of(value)
    if given is None:
        raise InvalidValue("an array of finite real numbers")
    if not given.size:
        return None
    if given.dtype.kind not in "fiub" or beyond_memory(given) or not all_finite(given):
        raise InvalidValue("an array of finite real numbers")
    kept = np.array(given)
    if kept.dtype.kind != "f":
        single = kept.astype(np.float32)
        kept = single if (single == kept).all() else kept.astype(np.float64)
    kept.flags.writeable = False
    return kept


@annotated("ArrayLike | None")
def complex_parts(value: object) -> np.ndarray | None:
    """As `array`, of complex numbers: their real and imaginary parts as the last axis, which are accepted, too."""
    given = None if value is None or masked(value) else array_of(value)
    if given is not None and given.dtype.kind == "c":
        return array(np.stack([given.real, given.imag], axis=-1))
    try:
        parts = array(value)
    except InvalidValue as wrong:
        raise InvalidValue("an array of finite complex numbers", wrong.hint) from None
    if parts is not None and (parts.ndim < 2 or parts.shape[-1] != 2):
        raise InvalidValue("an array of complex numbers, or of their real and imaginary parts along a last axis of size 2",
                           "Pass W.astype(complex), or np.stack([W.real, W.imag], axis=-1).")
    return parts


@annotated("ArrayLike")
def filled_array(value: object) -> np.ndarray:
    """As `array`, with at least one element."""
    kept = array(value)
    if kept is None:
        raise InvalidValue("a numeric array with at least one element")
    return kept


@annotated("ArrayLike | None")
def positive_array(value: object) -> np.ndarray | None:
    """As `array`, with every element above zero."""
    kept = array(value)
    if kept is not None and not (kept > 0).all():
        raise InvalidValue("an array of positive numbers")
    return kept


@annotated("ArrayLike | None")
def non_negative_array(value: object) -> np.ndarray | None:
    """As `array`, with no element below zero: the spread of data, which is zero where they are constant."""
    kept = array(value)
    if kept is not None and (kept < 0).any():
        raise InvalidValue("an array of non-negative numbers")
    return kept


def either(word: str, other: Convert[T]) -> Convert[str | T]:
    """A word such as ``'auto'`` or whatever ``other`` accepts."""
    @annotated(f"Literal[{word!r}] | {annotation_of(other)}")
    def convert(value: object) -> str | T:
        if isinstance(value, str) and value.lower() == word:
            return word
        try:
            return other(value)
        except InvalidValue as no:
            between = "," if no.expected.startswith("'") and " or " in no.expected else " or"
            raise InvalidValue(f"'{word}'{between} {no.expected}", no.hint, no.code) from None
    return convert


def word_or_count(*names: str) -> Convert[str | int]:
    """One of some words or a positive integer."""
    word = choice(*names)

    @annotated(f"int | {words_annotation(names)}")
    def convert(value: object) -> str | int:
        try:
            return word(value) if isinstance(value, str) else count(value)
        except InvalidValue:
            raise InvalidValue(f"{', '.join(map(repr, names))} or a positive integer") from None
    return convert


@annotated("Callable[..., Any]")
def function_handle(value: object) -> Function:
    """A callable."""
    if callable(value):
        return value
    raise InvalidValue("a function")


def word_or_function(*names: str) -> Convert[str | Function]:
    """One of some words or a callable."""
    word = choice(*names)

    @annotated(f"{words_annotation(names)} | Callable[..., Any]")
    def convert(value: object) -> str | Function:
        if callable(value):
            return value
        try:
            return word(value)
        except InvalidValue as no:
            raise InvalidValue(f"{no.expected}, or a function") from None
    return convert


def number_or_word(*names: str) -> Convert[str | float]:
    """A finite number or one of some words."""
    number, word = real(), choice(*names)

    @annotated(f"float | {words_annotation(names)}")
    def convert(value: object) -> str | float:
        try:
            return word(value) if isinstance(value, str) else number(value)
        except InvalidValue:
            raise InvalidValue(f"{', '.join(['a number', *map(repr, names[:-1])])} or {names[-1]!r}") from None
    return convert
