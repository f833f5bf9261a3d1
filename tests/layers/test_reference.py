"""The registry against MATLAB's list of layers: every name is there, or has a reason.

``reference.tsv`` holds the names of the documentation's current list (R2026a), and those of earlier releases and of other
toolboxes that scripts use, with how often they do: A in almost every script, B common, C occasional, D rare.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest

import dltoolbox
from dltoolbox.absent import NOT_IN_THIS_RELEASE
from dltoolbox.layers.base import LAYERS

SIGNALS = "transforms of the Signal Processing and Wavelet Toolboxes, whose mathematics is not here"
DETECTION = "a part of object detectors, which are not here"

MISSING = {
    **dict.fromkeys(("stftLayer", "istftLayer", "cwtLayer", "icwtLayer", "modwtLayer"), SIGNALS),
    **dict.fromkeys(("roiInputLayer", "roiAlignLayer", "roiMaxPooling2dLayer", "regionProposalLayer", "rpnSoftmaxLayer",
                     "rpnClassificationLayer", "rcnnBoxRegressionLayer", "anchorBoxLayer", "ssdMergeLayer",
                     "yolov2OutputLayer", "yolov2ReorgLayer", "yolov2TransformLayer"), DETECTION),
    "pointCloudInputLayer": "a layer of the Lidar Toolbox, whose data are not here",
    "spatialTransformerLayer": "rare, and only an example among MATLAB's custom layers",
}


class Row(NamedTuple):
    """A name of the reference."""

    name: str
    importance: str
    current: str


LINES = Path(__file__).with_name("reference.tsv").read_text(encoding="utf-8").splitlines()
ROWS = [Row(*line.split("\t")) for line in LINES[1:]]


def is_there(name: str) -> bool:
    """Whether a layer of this name can be made."""
    return name in LAYERS or (hasattr(dltoolbox, name) and name not in NOT_IN_THIS_RELEASE)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_layer_of_the_reference_is_there_or_has_a_reason(row: Row) -> None:
    assert is_there(row.name) is (row.name not in MISSING)
    assert row.name in NOT_IN_THIS_RELEASE or row.name not in MISSING, "a missing one is there by name, with what to do"


def test_reasons_are_those_of_names_in_the_reference() -> None:
    assert set(MISSING) <= {row.name for row in ROWS}
    assert len({row.name for row in ROWS}) == len(ROWS) > 100
    assert {row.importance for row in ROWS} == {"A", "B", "C", "D", ""}


def test_only_rare_layers_of_other_toolboxes_are_missing() -> None:
    assert not [row for row in ROWS if row.name in MISSING and (row.importance != "D" or row.current == "yes")]
