"""Rules of unknown sizes: arithmetic, comparison, printing; and what window arithmetic makes of them."""

from __future__ import annotations

from math import ceil, floor, prod
from typing import Any

import pytest

from dltoolbox.core.dims import UNKNOWN_FEATURES, Dims, times, unknown
from dltoolbox.core.geometry import Window, same_padding
from dltoolbox.core.unknown import UNKNOWN, agreed, is_known
from dltoolbox.ops import OPS


@pytest.mark.parametrize("value", [
    UNKNOWN + 1, 1 + UNKNOWN, UNKNOWN - 1, 1 - UNKNOWN, UNKNOWN * 2, 2 * UNKNOWN, UNKNOWN // 2, 9 // UNKNOWN, UNKNOWN * 0.5,
    -UNKNOWN, floor(UNKNOWN), ceil(UNKNOWN), prod((2, UNKNOWN)), sum((2, UNKNOWN)), -(-UNKNOWN // 2), UNKNOWN - UNKNOWN])
def test_what_is_computed_from_it_is_unknown(value: Any) -> None:
    assert value is UNKNOWN


@pytest.mark.parametrize("number", [0, 1, 8, 10**12, None])
def test_it_is_never_a_mismatch(number: Any) -> None:
    assert number == UNKNOWN
    assert (number != UNKNOWN) is False
    assert number in (7, UNKNOWN)
    assert Dims.of("SCB", number, 3, None) == Dims.of("SCB", UNKNOWN, UNKNOWN, None)
    assert not UNKNOWN % 3
    if number is not None:
        assert not number < UNKNOWN
        assert not number > UNKNOWN
        assert number <= UNKNOWN
        assert number >= UNKNOWN


def test_formats_are_a_mismatch_although_sizes_are_not() -> None:
    assert unknown("SCB") != unknown("SSCB")


@pytest.mark.parametrize("call", [lambda: range(UNKNOWN), lambda: [0][UNKNOWN], lambda: hash(UNKNOWN)])
def test_it_is_no_number(call: Any) -> None:
    with pytest.raises(TypeError):
        call()


def test_it_prints_as_a_question_mark() -> None:
    assert str(Dims.of("SCB", UNKNOWN, 4, None)) == "?(S) × 4(C) × 1(B)"
    assert times((UNKNOWN, 2)) == "?×2"


def test_what_is_known_of_sizes() -> None:
    assert is_known(None, 3)
    assert not is_known(3, UNKNOWN)
    assert agreed(UNKNOWN, 3, None, 3) == 3
    assert is_known(agreed(UNKNOWN, 3))
    assert agreed(None, None) is None
    assert agreed(3, 4) is UNKNOWN
    assert agreed(UNKNOWN, UNKNOWN) is UNKNOWN


def test_windows() -> None:
    window = Window.of((3, 9), (2, 2))
    assert window.fits((UNKNOWN, 9))
    assert not window.fits((UNKNOWN, 8))
    assert [is_known(n) for n in window.output((UNKNOWN, 9))] == [False, True]
    assert [is_known(n) for n in window.transposed_output((UNKNOWN, 9))] == [False, True]
    assert [is_known(*pair) for pair in same_padding((UNKNOWN, 9), (3, 3), (1, 1))] == [False, True]


def test_ops_tell_what_does_not_depend_on_it() -> None:
    x, y = Dims.of("SSCB", UNKNOWN, 8, 1, None), Dims.of("SSCB", 8, UNKNOWN, 4, None)
    assert str(OPS["add"].infer(x, y)) == "8(S) × 8(S) × 4(C) × 1(B)"
    assert str(OPS["add"].infer(y, UNKNOWN_FEATURES)) == str(y)
    assert str(OPS["concat"].infer(x, y, axis=2)) == "8(S) × 8(S) × 5(C) × 1(B)"
    assert str(OPS["concat"].infer(x, UNKNOWN_FEATURES, axis=2)) == "?(S) × 8(S) × ?(C) × 1(B)"
    assert str(OPS["flatten"].infer(x)) == "?(C) × 1(B)"
    assert str(OPS["depth_to_space"].infer(Dims.of("SSCB", 2, UNKNOWN, 6, None), block=(2, 2), order="dcr")) == (
        "4(S) × ?(S) × ?(C) × 1(B)")
