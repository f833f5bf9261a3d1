"""Sets of options as strangers write them are accepted; what MATLAB would refuse, too, is listed with its reason."""

import csv
from ast import literal_eval
from pathlib import Path

import numpy as np
import pytest

from dltoolbox import categorical, trainingOptions
from dltoolbox.core.errors import DltoolboxError

FILE = Path(__file__).with_name("options_seen.tsv")
PASSED = {"ValidationData": (np.zeros((4, 4, 1, 2)), categorical(["a", "b"])), "OutputFcn": lambda info: False,
          "CheckpointPath": "."}
REFUSED: dict[str, str] = {}  # options as in the file: the identifier that refuses them


def read():
    """Solver and options of each set, as pairs, since a script may repeat a name."""
    rows = csv.DictReader(FILE.read_text(encoding="utf-8").splitlines()[1:], delimiter="\t", quoting=csv.QUOTE_NONE)
    for row in rows:
        given = [pair.partition("=") for pair in row["options"].split("; ")]
        pairs = [(name, np.inf if value == "inf" else literal_eval(value)) for name, _, value in given]
        yield row["solver"], row["options"], [*pairs, *((name, PASSED[name]) for name in row["also_passed"].split())]


SETS = list(read())


@pytest.mark.parametrize(("solver", "words", "pairs"), SETS)
def test_set_is_accepted(solver, words, pairs):
    flat = [item for pair in pairs for item in pair]
    if words in REFUSED:
        with pytest.raises(DltoolboxError, match=REFUSED[words]):
            trainingOptions(solver, *flat)
        return
    options = trainingOptions(solver, *flat)
    held = {prop.name.lower(): value for prop, value in options.values()}
    for name, value in dict(pairs).items():
        kept = held[name.lower()]
        assert kept in (value, (value,)) or (isinstance(value, str) and kept == value.lower()) or value is PASSED.get(name)


def test_all_sets_are_here():
    assert len(SETS) == 82
    assert {words for _, words, _ in SETS} >= set(REFUSED)
    assert sum("Plots='training-progress'" in words for _, words, _ in SETS) > 50
