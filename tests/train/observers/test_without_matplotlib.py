"""Training goes on where there is no Matplotlib."""

import sys
import warnings

import numpy as np
import pytest

from dltoolbox.core import errors
from dltoolbox.core.errors import DltoolboxWarning
from dltoolbox.data.sources.arrays import ArraySource
from dltoolbox.train.loop import train
from dltoolbox.train.options import trainingOptions
from tests.train.models import Linear


def test_one_warning_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setattr(errors, "_told", set())
    X = np.ones((3, 20), np.float32)
    options = trainingOptions("sgdm", MaxEpochs=2, MiniBatchSize=10, Plots="training-progress", Verbose=False)
    with pytest.warns(DltoolboxWarning, match=r'pip install "dltoolbox\[plot\]".*plotNeedsMatplotlib'):
        info, _ = train(Linear(3, 1), ArraySource([X], [X[:1]]), options, metric="rmse")
    assert info.TrainingLoss.size == 4
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        train(Linear(3, 1), ArraySource([X], [X[:1]]), options, metric="rmse")
