"""Networks whose folding is not right: every fix is followed as it stands."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

import dltoolbox
from dltoolbox import (
    additionLayer,
    analyzeNetwork,
    connectLayers,
    flattenLayer,
    fullyConnectedLayer,
    imageInputLayer,
    inputLayer,
    layerGraph,
    regressionLayer,
    reluLayer,
    sequenceFoldingLayer,
    sequenceUnfoldingLayer,
)

VIDEO = inputLayer([4, 5, 2, np.nan, np.nan], "SSCBT", Name="video")


def followed(lgraph: Any, hint: str) -> Any:
    """The calls that a hint names, one after the other."""
    for function, arguments in re.findall(r"(\w+)(\((?:lgraph, )'[^()]*\))", hint):
        lgraph = eval(f"{function}{arguments}", {function: getattr(dltoolbox, function), "lgraph": lgraph})
    return lgraph


def check(lgraph: Any, identifier: str, layer: str) -> None:
    """One problem, and none when its hint has been followed."""
    (issue,) = analyzeNetwork(lgraph, nargout=1).Issues
    assert (issue.identifier, issue.layer) == (f"dltoolbox:{identifier}", layer)
    assert analyzeNetwork(followed(lgraph, issue.hint), nargout=1).Issues == ()


def folded(*between: Any) -> Any:
    return layerGraph([VIDEO, sequenceFoldingLayer(Name="fold"), *between, flattenLayer(Name="flat"),
                       sequenceUnfoldingLayer(Name="unfold"), fullyConnectedLayer(3), regressionLayer(Name="out")])


def test_the_number_of_sequences_is_not_connected() -> None:
    check(folded(), "network:unfoldingWithoutSize", "unfold")


def test_something_else_is_taken_for_the_number_of_sequences() -> None:
    check(connectLayers(folded(), "flat", "unfold/miniBatchSize"), "sequenceUnfoldingLayer:notMiniBatchSize", "unfold")


def test_the_number_of_sequences_is_taken_for_data() -> None:
    lgraph = connectLayers(folded(reluLayer(Name="act"), additionLayer(2, Name="add")), "fold/miniBatchSize", "add/in2")
    check(connectLayers(lgraph, "fold/miniBatchSize", "unfold/miniBatchSize"), "network:notData", "add")


def test_nothing_was_folded() -> None:
    lgraph = layerGraph([VIDEO, sequenceFoldingLayer(Name="fold"), flattenLayer(Name="flat"),
                         sequenceUnfoldingLayer(Name="one"), reluLayer, sequenceUnfoldingLayer(Name="two"), regressionLayer])
    for name in ("one", "two"):
        lgraph = connectLayers(lgraph, "fold/miniBatchSize", f"{name}/miniBatchSize")
    check(lgraph, "sequenceUnfoldingLayer:notFolded", "two")


@pytest.mark.parametrize("size", [[4, 5, 2]])
def test_there_are_no_time_steps(size: list[int]) -> None:
    lgraph = layerGraph([imageInputLayer(size), sequenceFoldingLayer(Name="fold"), reluLayer, regressionLayer])
    (issue,) = analyzeNetwork(lgraph, nargout=1).Issues
    assert issue.identifier == "dltoolbox:sequenceFoldingLayer:noTimeSteps"


def test_folded_sequences_reach_the_end() -> None:
    lgraph = layerGraph([VIDEO, sequenceFoldingLayer(Name="fold"), flattenLayer(Name="flat"), regressionLayer(Name="out")])
    (issue,) = analyzeNetwork(lgraph, nargout=1).Issues
    assert (issue.identifier, issue.layer) == ("dltoolbox:network:folded", "out")


def test_folded_and_not_do_not_go_together() -> None:
    lgraph = connectLayers(folded(additionLayer(2, Name="add")), "video", "add/in2")
    (issue,) = analyzeNetwork(connectLayers(lgraph, "fold/miniBatchSize", "unfold/miniBatchSize"), nargout=1).Issues
    assert (issue.identifier, issue.layer) == ("dltoolbox:network:foldedAndNot", "add")
