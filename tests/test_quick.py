"""``pytest -m quick`` runs what it names, from every room, without extras."""

from pathlib import Path

import pytest

from tests.quick import QUICK, ROOMS

TESTS = Path(__file__).parent
WITHOUT = {"benchmarks", "generate", "oracles"}  # rooms that are about an extra or about time


def test_every_room_is_in_it():
    rooms = {path.parent.name for path in TESTS.glob("*/test_*.py")}
    assert set(ROOMS) == rooms - WITHOUT


@pytest.mark.parametrize("name", sorted(QUICK))
def test_its_files_need_no_extra(name):
    lines = (TESTS / name).read_text(encoding="utf-8").splitlines()
    modules = {line.split()[1].partition(".")[0] for line in lines if line.startswith(("import ", "from "))}
    assert not modules & {"hypothesis", "matplotlib", "mypy", "numba", "onnx", "selenium", "torch"}
