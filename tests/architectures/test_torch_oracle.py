"""Networks compute what the same networks, written by hand in PyTorch, compute with the same weights."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from dltoolbox import shufflenet, squeezenet
from dltoolbox.ops import ParameterKey
from dltoolbox.program.model import Model
from tests.program.networks import images

pytestmark = pytest.mark.oracle


class Arrays:
    """The arrays of a model as tensors in PyTorch's order."""

    def __init__(self, model):
        self.model = model

    def __call__(self, layer, name):
        value = self.model.arrays[ParameterKey(layer, name)]
        if name == "Weights" and value.ndim == 5:  # h×w×channels×filters×groups
            value = value.transpose(4, 3, 2, 0, 1).reshape(-1, value.shape[2], *value.shape[:2])
        elif name == "Weights" and value.ndim == 4:
            value = value.transpose(3, 2, 0, 1)
        elif name != "Weights":
            value = value.ravel(order="F")
        return torch.tensor(np.ascontiguousarray(value))

    def conv(self, layer, x, **options):
        return F.conv2d(x, self(layer, "Weights"), self(layer, "Bias"), **options)

    def norm(self, layer, x):
        return F.batch_norm(x, *(self(layer, name) for name in ("TrainedMean", "TrainedVariance", "Scale", "Offset")))


def torch_squeezenet(x, arrays):
    """Version 1.1."""
    def convolve(name, x, **options):
        return F.relu(arrays.conv(name, x, **options))

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


def torch_shufflenet(x, arrays):
    """Four groups; ``at`` is the number of the next operator."""
    x = (x - x.new_tensor([123.675, 116.28, 103.53])[:, None, None]) / x.new_tensor([58.395, 57.12, 57.375])[:, None, None]
    x = F.relu(arrays.norm("node_2", arrays.conv("node_1", x, stride=2, padding=1)))
    x = F.max_pool2d(x, 3, stride=2, padding=1)
    at = 5
    for units in (4, 8, 4):
        for i in range(units):
            y = F.relu(arrays.norm(f"node_{at + 1}", arrays.conv(f"node_{at}", x, groups=4)))
            y = y.unflatten(1, (4, -1)).transpose(1, 2).flatten(1, 2)
            y = arrays.conv(f"node_{at + 6}", y, groups=y.shape[1], padding=1, stride=1 if i else 2)
            y = arrays.conv(f"node_{at + 8}", arrays.norm(f"node_{at + 7}", y), groups=4)
            y = arrays.norm(f"node_{at + 9}", y)
            x = F.relu(y + x if i else torch.cat([y, F.avg_pool2d(x, 3, stride=2, padding=1)], dim=1))
            at += 12 if i else 13
    return F.linear(x.mean(dim=(2, 3)), arrays("node_202", "Weights"), arrays("node_202", "Bias")).softmax(dim=1)


@pytest.mark.parametrize(("make", "written"), [(squeezenet, torch_squeezenet), (shufflenet, torch_shufflenet)],
                         ids=lambda one: one.__name__)
def test_agrees_with_pytorch(make, written):
    lgraph = make(Weights="none")
    model = Model(lgraph)
    rng = np.random.default_rng(3)
    for key, value in model.arrays.items():
        layer = next(one for one in lgraph.nodes if one.Name == key.layer)
        if key.name == "Weights":
            taps = value.shape[-1] if value.ndim == 2 else np.prod(value.shape[:3])
            value[...] = rng.normal(0, (2 / taps) ** 0.5, value.shape)
        elif layer.inputs():  # what belongs to the input layer stays
            value[...] = rng.uniform(0.5, 1.5, value.shape) if key.name in ("Scale", "TrainedVariance") else rng.normal(
                0, 0.1, value.shape)
    x = images(lgraph, 2, np.float32)
    expected = written(torch.tensor(x.transpose(3, 2, 0, 1)), Arrays(model)).numpy()
    found, = model.predict([x])
    assert np.ptp(expected, axis=1).min() > 1e-3  # the classes differ, so that agreement says something
    np.testing.assert_allclose(found.reshape(1000, 2).T, expected, rtol=1e-4, atol=1e-7)
