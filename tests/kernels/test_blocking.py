"""Index ranges cut into blocks: nothing is left out, lengths are as even as they can be, and divisors keep their limits."""

from __future__ import annotations

import pytest

from dltoolbox.kernels.blocking import cut, divisor, shares, stretch


@pytest.mark.parametrize("number", [1, 2, 3, 7])
@pytest.mark.parametrize("rows", [0, 1, 5, 7, 24, slice(3, 3), slice(4, 21)])
def test_shares_are_even_and_the_first_is_the_longest(rows: int | slice, number: int) -> None:
    parts = shares(rows, number)
    whole = range(*((0, rows) if isinstance(rows, int) else (rows.start, rows.stop)))
    assert [i for part in parts for i in range(part.start, part.stop)] == list(whole)
    lengths = [part.stop - part.start for part in parts]
    assert len(parts) == number
    assert lengths[0] == max(lengths) <= min(lengths) + 1


@pytest.mark.parametrize(("rows", "most", "lengths"), [
    (10, 4, [4, 3, 3]), (10, 100, [10]), (3, 0, [1, 1, 1]), (0, 4, []), (slice(2, 9), 4, [4, 3]), (slice(2, 2), 4, []),
])
def test_as_few_cuts_as_a_length_permits(rows: int | slice, most: int, lengths: list[int]) -> None:
    assert [part.stop - part.start for part in cut(rows, most)] == lengths


def test_divisors() -> None:
    assert divisor(96, 50) == 48
    assert divisor(97, 50) == 1
    assert divisor(97, 50, least=2) == 97  # all of it rather than pieces that are too short
    assert divisor(96, 50, unit=32, least=32) == 32
    assert divisor(40, 100, unit=16, least=64) == 40
    assert divisor(12, 0) == 1
    assert divisor(0, 5) == 1
    assert [stretch(n) for n in (0, 7, 4096, 2 * 1021)] == [1, 7, 1024, 1021]
    assert stretch(1031 * 2) == 1031 * 2
