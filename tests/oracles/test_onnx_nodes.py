"""The ONNX backend node suite against our ops, through a small translation of nodes, one file per family of operators.

`EXCLUDED` names what our vocabulary does not cover, each with its reason, and a test checks that every one of them still
fails: a line that has become wrong must go.
"""

from __future__ import annotations

import pytest

import tests.oracles.onnx_nodes.arranging
import tests.oracles.onnx_nodes.elementwise
import tests.oracles.onnx_nodes.filters
import tests.oracles.onnx_nodes.losses
import tests.oracles.onnx_nodes.normalisation
import tests.oracles.onnx_nodes.pooling
import tests.oracles.onnx_nodes.sequences  # noqa: F401  # they enter their translations, before those are counted
from tests.oracles.onnx_nodes.excluded import EXCLUDED, TESTS, WITHOUT
from tests.oracles.onnx_nodes.suite import SUITE, TRANSLATE, Untranslatable, check

pytestmark = pytest.mark.oracle

FEWEST = 350  # cases that pass


@pytest.mark.parametrize("name", sorted(set(TESTS) - set(EXCLUDED)))
def test_node(name: str) -> None:
    check(TESTS[name])


@pytest.mark.parametrize("name", sorted(EXCLUDED))
def test_excluded_node_still_fails(name: str) -> None:
    with pytest.raises((Untranslatable, AssertionError, RuntimeWarning)):
        check(TESTS[name])


def test_the_suite_is_there() -> None:
    assert set(EXCLUDED) <= set(TESTS)
    assert all(EXCLUDED.values())
    assert {test.model.graph.node[0].op_type for test in TESTS.values()} == set(TRANSLATE)
    assert len(set(TESTS) - set(EXCLUDED)) >= FEWEST


def test_every_operator_has_a_translation_or_a_reason() -> None:
    operators = {test.model.graph.node[0].op_type for test in SUITE if len(test.model.graph.node) == 1}
    assert operators - set(TRANSLATE) == set(WITHOUT)
