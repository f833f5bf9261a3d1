"""Random networks against their twins in PyTorch, and the generator itself: what it draws, finds and shrinks."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dltoolbox.core.registry import LAYERS
from dltoolbox.kernels import elementwise
from tests.generate.compare import verdict
from tests.generate.draw import NOT_DRAWN, draw
from tests.generate.network import Network, Part, make
from tests.generate.shrink import same_cause, shrunk
from tests.generate.turns import turn
from tests.generate.twin import TWINS
from tests.programs import ENVIRONMENT

pytestmark = pytest.mark.oracle

SEED, COUNT, PART = 2026, 300, 20


@pytest.mark.parametrize("first", range(0, COUNT, PART))
def test_generated_networks_equal_their_twins(first: int, tmp_path: Path) -> None:
    """In all modes and on 1, 2 and 3 threads; to shrink one: ``python -m tests.generate --seed 2026 --first … --count 1``."""
    different = {}
    for number in range(first, first + PART):
        with turn(SEED, number, "all", 0, tmp_path) as (_, threads):
            found = verdict(draw(SEED, number), threads)
        different |= {number: found.differences} if found.differences else {}
    assert not different


def test_every_layer_is_drawn() -> None:
    """Or it stands in NOT_DRAWN with the reason. New layers need a twin, and a move that draws them."""
    drawn = Counter(factory for number in range(COUNT) for factory in draw(SEED, number).factories)
    assert set(drawn) | set(NOT_DRAWN) == set(LAYERS)
    assert not set(drawn) & set(NOT_DRAWN)
    assert set(TWINS) == set(drawn)
