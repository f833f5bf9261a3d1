"""Every layer with every option that the conformance cases use, as code and back."""

from __future__ import annotations

import runpy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dltoolbox import toMATLAB, toPython
from dltoolbox.exchange.writers.matlab import string
from dltoolbox.layers.base import LAYERS
from tests.exchange.matlab_reader import run_matlab
from tests.exchange.rebuilt import assert_same_connections, assert_same_in_matlab, graph_of
from tests.program.cases import CASES

each = pytest.mark.parametrize("case", CASES, ids=str)


@each
def test_python(case, tmp_path):
    graph = case.graph()
    toPython(graph, tmp_path / "a.py", Parameters=True)
    found = graph_of(runpy.run_path(str(tmp_path / "a.py")))
    assert_same_connections(found, graph)
    assert list(found.Layers) == list(graph.Layers)


@pytest.mark.filterwarnings("ignore:.*MATLAB")
@each
def test_matlab(case, tmp_path):
    graph = case.graph()
    found = graph_of(run_matlab(toMATLAB(graph, tmp_path / "a.m", Parameters=True), tmp_path))
    assert_same_connections(found, graph)
    for one, other in zip(found.nodes, graph.nodes, strict=True):
        assert_same_in_matlab(one, other, values=True)


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text(text):
    assert run_matlab(f"x = {string(text)};\n")["x"] == text


def test_every_layer_is_here():
    assert {type(one).factory for case in CASES for one in case.graph().nodes} == set(LAYERS)
