"""The comparison of accuracies runs, and both sides of it learn alike."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from dltoolbox import digitTest4DArrayData, digitTrain4DArrayData

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # the benchmarks are no part of the package

from benchmarks import accuracy

pytestmark = pytest.mark.oracle


@pytest.fixture(scope="module")
def digits():
    return accuracy.Digits(*digitTrain4DArrayData(nargout=2)), accuracy.Digits(*digitTest4DArrayData(nargout=2))


def some(digits, count):
    return accuracy.Digits(digits.X[..., :count], digits.Y[:count])


def test_both_sides_learn_alike(digits):
    train, test = digits
    result = accuracy.compare(some(train, 2000), some(test, 1000), seeds=1, epochs=1)
    assert min(result.ours[0], result.theirs[0]) > 50
    assert abs(result.difference) < 15


def test_every_parameter_is_in_one_group():
    net = accuracy.network()
    biases, others = accuracy.by_decay(net)
    assert len(biases["params"]) == 4
    assert len(biases["params"]) + len(others["params"]) == len(list(net.parameters()))
    assert (biases["weight_decay"], others["weight_decay"]) == (0, 1e-4)


def test_statistics_are_those_of_the_whole_set(digits):
    """For the first normalisation, whose input does not depend on the mini-batches, and 130 images in two of them."""
    torch.manual_seed(0)
    x, _ = accuracy.tensors(some(digits[0], 130), mean=0.1)
    net = accuracy.network()
    with torch.no_grad():
        accuracy.set_statistics(net, x)
        y = net[0](x).double()
    np.testing.assert_allclose(net[1].running_mean, y.mean((0, 2, 3)), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(net[1].running_var, y.var((0, 2, 3), unbiased=False), rtol=1e-4)


def test_command_prints_both_means(digits, capsys, monkeypatch):
    monkeypatch.setattr(accuracy, "ours", lambda *_: 94.0)
    monkeypatch.setattr(accuracy, "theirs", lambda train, test, seed, epochs: 93.0 + seed)
    assert accuracy.main(["--seeds", "2"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-3:] == ["dltoolbox  94.00 %, from 94.00 to 94.00", "PyTorch    93.50 %, from 93.00 to 94.00",
                          "difference +0.50 points"]


def test_command_refuses_no_seeds(capsys):
    with pytest.raises(SystemExit):
        accuracy.main(["--seeds", "0"])
    assert "--seeds must be at least 1" in capsys.readouterr().err
