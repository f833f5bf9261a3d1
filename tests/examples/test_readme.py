"""The README is true: its code runs, and what it shows is what is printed."""

from __future__ import annotations

import re
from pathlib import Path

from dltoolbox import classify, maxNumCompThreads
from dltoolbox.kernels import numba_support
from dltoolbox.layers import FACTORIES

README = Path(__file__).parents[2] / "README.md"


def blocks(language):
    found = re.findall(r"^```(\w*)\n(.*?)^```$", README.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    return [text for name, text in found if name == language]


def test_the_digits_example(capsys, monkeypatch):
    """Run with one epoch instead of four: the analysis and the frame of the table are printed as the README shows."""
    monkeypatch.setenv("COLUMNS", "120")
    code = blocks("python")[0]
    assert "MaxEpochs=4" in code
    names: dict[str, object] = {}
    exec(code.replace("MaxEpochs=4", "MaxEpochs=1"), names)
    printed, shown = capsys.readouterr().out, blocks("")[0]
    head, _, table = shown.partition("Training on single CPU.\n")
    assert printed.strip().startswith(head.strip())
    for line in table.splitlines():
        if not re.match(r"\| +\d|accuracy", line):  # rows of numbers differ with the epochs, and a little with the machine
            assert line in printed
    assert names["accuracy"] > 0.4


def test_the_unpooling_graph_is_sound():
    names: dict[str, object] = {}
    exec("from dltoolbox import *\n" + blocks("python")[1] + "\ninfo = analyzeNetwork(lgraph, nargout=1)", names)
    assert names["info"].ok


def test_sequences_are_learned():
    names: dict[str, object] = {}
    exec("from dltoolbox import *\n" + blocks("python")[2].replace("MaxEpochs=20", "MaxEpochs=6"), names)
    assert len(names["XTrain"]) == 270
    assert (classify(names["net"], names["XTrain"]) == names["YTrain"]).mean() > 0.3


def test_the_plan(capsys, monkeypatch):
    """As without Numba; how much memory the kernels take for themselves may differ."""
    monkeypatch.setattr(numba_support, "failure", lambda: "switched off")
    before, names = maxNumCompThreads(), {}
    exec(blocks("python")[0].partition("rng(0)")[0], names)
    try:
        exec(blocks("python")[3], names)
    finally:
        maxNumCompThreads(before)
    printed, shown = (re.sub(r"\S+ MB planned", "", text).strip() for text in (capsys.readouterr().out, blocks("")[1]))
    assert printed == shown


def test_the_number_of_layers():
    assert f"- {len(FACTORIES)} layers:" in README.read_text(encoding="utf-8")
