"""SqueezeNet computes what the same network, written by hand in PyTorch, computes with the same weights."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from dltoolbox import squeezenet
from dltoolbox.ops import ParameterKey
from dltoolbox.program.model import Model
from tests.program.networks import images

pytestmark = pytest.mark.oracle


def torch_squeezenet(x, convolve):
    """Version 1.1; ``convolve(name, x, **options)`` is a convolution followed by a ReLU."""
    def fire(number, x):
        squeezed = convolve(f"fire{number}-squeeze1x1", x)
        return torch.cat([convolve(f"fire{number}-expand1x1", squeezed),
                          convolve(f"fire{number}-expand3x3", squeezed, padding=1)], dim=1)

    def pool(x):
        return F.max_pool2d(x, 3, stride=2, ceil_mode=True)

    x = pool(convolve("conv1", x, stride=2))
    x = pool(fire(3, fire(2, x)))
    x = pool(fire(5, fire(4, x)))
    x = fire(9, fire(8, fire(7, fire(6, x))))
    return convolve("conv10", x).mean(dim=(2, 3)).softmax(dim=1)


def test_squeezenet_agrees_with_pytorch():
    lgraph = squeezenet(Weights="none")
    model = Model(lgraph)
    rng = np.random.default_rng(3)
    for one in model.parameters:
        spread = 0.1 if one.name == "Bias" else (2 / np.prod(one.value.shape[:-1])) ** 0.5
        one.value[...] = rng.normal(0, spread, one.value.shape)
    x = images(lgraph, 2, np.float32)

    def convolve(name, x, **options):
        weights, bias = (model.arrays[ParameterKey(name, array)] for array in ("Weights", "Bias"))
        return F.relu(F.conv2d(x, torch.tensor(weights.transpose(3, 2, 0, 1)), torch.tensor(bias.ravel()), **options))

    expected = torch_squeezenet(torch.tensor(x.transpose(3, 2, 0, 1)), convolve).numpy()
    found, = model.predict([x])
    assert np.ptp(expected, axis=1).min() > 1e-3  # the classes differ, so that agreement says something
    np.testing.assert_allclose(found.reshape(1000, 2).T, expected, rtol=1e-4, atol=1e-7)
