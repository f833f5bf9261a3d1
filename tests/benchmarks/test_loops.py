"""Steps of custom loops: all sides compute the same, and their table tells."""

import pytest

from benchmarks import loops

pytestmark = pytest.mark.oracle


def test_the_sides_agree_and_the_table_has_them(capsys):
    """Measuring refuses sides whose losses differ."""
    assert loops.main(1, 1, quick=True) == 0
    printed = capsys.readouterr().out
    assert all(name in printed for name in (*loops.LOOPS, "one small op"))


def test_ratios():
    text = loops.loops_text([loops.LoopResult("digits", 0.002, 0.001, 0.004, (1.0, 0.6))])
    assert "0.50" in text
    assert "0.25" in text
