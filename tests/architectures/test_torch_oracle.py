"""Networks compute the scores that the same networks, written by hand in PyTorch, compute with the same weights."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from dltoolbox import (
    alexnet,
    darknet19,
    darknet53,
    densenet201,
    efficientnetb0,
    googlenet,
    inceptionv3,
    resnet50,
    resnet101,
    shufflenet,
    squeezenet,
    vgg16,
    xception,
)
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

    def norm(self, layer, x, epsilon=1e-5):
        statistics = (self(layer, name) for name in ("TrainedMean", "TrainedVariance", "Scale", "Offset"))
        return F.batch_norm(x, *statistics, eps=epsilon)

    def scores(self, layer, x):
        return F.linear(x.mean(dim=(2, 3)), self(layer, "Weights"), self(layer, "Bias"))


def pool(x):
    """Windows of 3 by steps of 2; the last one may reach beyond the end."""
    return F.max_pool2d(x, 3, stride=2, ceil_mode=True)


def standardised(x):
    mean, deviation = x.new_tensor([123.675, 116.28, 103.53]), x.new_tensor([58.395, 57.12, 57.375])
    return (x - mean[:, None, None]) / deviation[:, None, None]


def torch_squeezenet(x, arrays):
    """Version 1.1."""
    def convolve(name, x, **options):
        return F.relu(arrays.conv(name, x, **options))

    def fire(number, x):
        squeezed = convolve(f"fire{number}-squeeze1x1", x)
        return torch.cat([convolve(f"fire{number}-expand1x1", squeezed),
                          convolve(f"fire{number}-expand3x3", squeezed, padding=1)], dim=1)

    x = pool(convolve("conv1", x, stride=2))
    x = pool(fire(3, fire(2, x)))
    x = pool(fire(5, fire(4, x)))
    x = fire(9, fire(8, fire(7, fire(6, x))))
    return convolve("conv10", x).mean(dim=(2, 3))


def torch_shufflenet(x, arrays):
    """Four groups; ``at`` is the number of the next operator."""
    x = F.relu(arrays.norm("node_2", arrays.conv("node_1", standardised(x), stride=2, padding=1)))
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
    return arrays.scores("node_202", x)


def torch_googlenet(x, arrays):
    def convolve(name, x, **options):
        return F.relu(arrays.conv(name, x, **options))

    def norm(x):
        return F.local_response_norm(x, 5, alpha=1e-4, beta=0.75, k=1)

    x = norm(pool(convolve("conv1-7x7_s2", x, stride=2, padding=3)))
    x = pool(norm(convolve("conv2-3x3", convolve("conv2-3x3_reduce", x), padding=1)))
    for number in ("3a", "3b", "4a", "4b", "4c", "4d", "4e", "5a", "5b"):
        name = f"inception_{number}"
        x = torch.cat([convolve(f"{name}-1x1", x),
                       convolve(f"{name}-3x3", convolve(f"{name}-3x3_reduce", x), padding=1),
                       convolve(f"{name}-5x5", convolve(f"{name}-5x5_reduce", x), padding=2),
                       convolve(f"{name}-pool_proj", F.max_pool2d(x, 3, stride=1, padding=1))], dim=1)
        x = pool(x) if number in ("3b", "4e") else x
    return arrays.scores("loss3-classifier", x)


def torch_densenet201(x, arrays):
    def convolve(norm, conv, x, **options):
        return arrays.conv(conv, F.relu(arrays.norm(norm, x)), **options)

    x = F.relu(arrays.norm("conv1|bn", arrays.conv("conv1|conv", standardised(x), stride=2, padding=3)))
    x = F.max_pool2d(x, 3, stride=2, padding=1)
    for block, count in enumerate((6, 12, 48, 32), 2):
        for i in range(1, count + 1):
            name = f"conv{block}_block{i}"
            y = convolve(f"{name}_0_bn", f"{name}_1_conv", x)
            x = torch.cat([x, convolve(f"{name}_1_bn", f"{name}_2_conv", y, padding=1)], dim=1)
        if block < 5:
            x = F.avg_pool2d(convolve(f"pool{block}_bn", f"pool{block}_conv", x), 2)
    return arrays.scores("fc1000", arrays.norm("bn", x))


def torch_xception(x, arrays):
    def norm(name, x):
        return arrays.norm(name, x, epsilon=1e-3)

    def separable(name, x):
        x = arrays.conv(f"{name}_channel-wise", x, groups=x.shape[1], padding=1)
        return norm(f"{name}_bn", arrays.conv(f"{name}_point-wise", x))

    x = F.relu(norm("block1_conv1_bn", arrays.conv("block1_conv1", x * 2 / 255 - 1, stride=2)))
    x = F.relu(norm("block1_conv2_bn", arrays.conv("block1_conv2", x)))
    for block in range(2, 14):
        y = separable(f"block{block}_sepconv1", F.relu(x) if block > 2 else x)
        y = separable(f"block{block}_sepconv2", F.relu(y))
        if block in (2, 3, 4, 13):
            i = min(block - 1, 4)
            x = norm(f"batch_normalization_{i}", arrays.conv(f"conv2d_{i}", x, stride=2))
            y = F.max_pool2d(y, 3, stride=2, padding=y.shape[2] % 2, ceil_mode=True)
        else:
            y = separable(f"block{block}_sepconv3", F.relu(y))
        x = x + y
    for i in (1, 2):
        x = F.relu(separable(f"block14_sepconv{i}", x))
    return arrays.scores("predictions", x)


def bottlenecks(x, arrays, stages, epsilon):
    """The first convolution of a block halves the image."""
    def normalised(name, x, **options):
        return arrays.norm(f"bn{name}", arrays.conv(f"res{name}", x, **options), epsilon)

    for stage, blocks in enumerate(stages, 2):
        for block in blocks:
            name, stride = f"{stage}{block}_branch", 2 if block == "a" and stage > 2 else 1
            y = F.relu(normalised(f"{name}2a", x, stride=stride))
            y = normalised(f"{name}2c", F.relu(normalised(f"{name}2b", y, padding=1)))
            x = F.relu(y + (normalised(f"{name}1", x, stride=stride) if block == "a" else x))
    return arrays.scores("fc1000", x)


def torch_resnet50(x, arrays):
    x = F.relu(arrays.norm("bn_conv1", arrays.conv("conv1", x, stride=2, padding=3), epsilon=1e-3))
    return bottlenecks(F.max_pool2d(x, 3, stride=2, padding=1), arrays, ("abc", "abcd", "abcdef", "abc"), 1e-3)


def torch_resnet101(x, arrays):
    x = F.relu(arrays.norm("bn_conv1", arrays.conv("conv1", x, stride=2, padding=3)))
    third, fourth = (["a", *(f"b{i}" for i in range(1, blocks))] for blocks in (4, 23))
    return bottlenecks(pool(x), arrays, ("abc", third, fourth, "abc"), 1e-5)


def torch_alexnet(x, arrays):
    def convolve(number, x, **options):
        return F.relu(arrays.conv(f"conv{number}", x, **options))

    def norm(x):
        return F.max_pool2d(F.local_response_norm(x, 5, alpha=1e-4, beta=0.75, k=1), 3, stride=2)

    x = norm(convolve(2, norm(convolve(1, x, stride=4)), padding=2, groups=2))
    x = convolve(5, convolve(4, convolve(3, x, padding=1), padding=1, groups=2), padding=1, groups=2)
    return connected(F.max_pool2d(x, 3, stride=2), arrays)


def connected(x, arrays):
    """Fully connected layers read an image column by column."""
    x = x.transpose(2, 3).flatten(1)
    for name in ("fc6", "fc7"):
        x = F.relu(F.linear(x, arrays(name, "Weights"), arrays(name, "Bias")))
    return F.linear(x, arrays("fc8", "Weights"), arrays("fc8", "Bias"))


def torch_vgg16(x, arrays):
    for block, depth in enumerate((2, 2, 3, 3, 3), 1):
        for i in range(1, depth + 1):
            x = F.relu(arrays.conv(f"conv{block}_{i}", x, padding=1))
        x = F.max_pool2d(x, 2)
    return connected(x, arrays)


def torch_darknet19(x, arrays):
    """Filters of 3×3 and 1×1 in turn, within every stage."""
    number, x = 0, x / 255
    for stage, depth in enumerate((1, 1, 3, 3, 5, 5)):
        x = F.max_pool2d(x, 2) if stage else x
        for i in range(depth):
            number += 1
            x = arrays.norm(f"batchnorm{number}", arrays.conv(f"conv{number}", x, padding=(i + 1) % 2))
            x = F.leaky_relu(x, 0.1)
    return arrays.conv("conv19", x).mean(dim=(2, 3))


def torch_inceptionv3(x, arrays):
    """Convolutions are numbered in the order in which they are used here."""
    numbers = iter(range(1, 95))

    def conv(x, padding=0, stride=1):
        number = next(numbers)
        x = arrays.conv(f"conv2d_{number}", x, stride=stride, padding=padding)
        return F.relu(arrays.norm(f"batch_normalization_{number}", x, epsilon=1e-3))

    def average(x):
        return F.avg_pool2d(x, 3, stride=1, padding=1)

    def halved(x):
        return F.max_pool2d(x, 3, stride=2)

    def both(x):
        return torch.cat([conv(x, (0, 1)), conv(x, (1, 0))], dim=1)

    row, column = (0, 3), (3, 0)
    x = halved(conv(conv(conv(x * 2 / 255 - 1, stride=2)), 1))
    x = halved(conv(conv(x)))
    for _ in range(3):
        x = torch.cat([conv(x), conv(conv(x), 2), conv(conv(conv(x), 1), 1), conv(average(x))], dim=1)
    x = torch.cat([conv(x, stride=2), conv(conv(conv(x), 1), stride=2), halved(x)], dim=1)
    for _ in range(4):
        x = torch.cat([conv(x), conv(conv(conv(x), row), column),
                       conv(conv(conv(conv(conv(x), column), row), column), row), conv(average(x))], dim=1)
    x = torch.cat([conv(conv(x), stride=2), conv(conv(conv(conv(x), row), column), stride=2), halved(x)], dim=1)
    for _ in range(2):
        x = torch.cat([conv(x), both(conv(x)), both(conv(conv(x), 1)), conv(average(x))], dim=1)
    return arrays.scores("predictions", x)


def torch_darknet53(x, arrays):
    """Convolutions are numbered in order."""
    numbers = iter(range(1, 53))

    def leaky(x, padding, stride=1):
        number = next(numbers)
        y = arrays.norm(f"batchnorm{number}", arrays.conv(f"conv{number}", F.pad(x, padding), stride=stride))
        return F.leaky_relu(y, 0.1)

    x = leaky(x / 255, (1, 1, 1, 1))
    for blocks in (1, 2, 8, 8, 4):
        x = leaky(x, (1, 0, 1, 0), stride=2)
        for _ in range(blocks):
            x = x + leaky(leaky(x, (0, 0, 0, 0)), (1, 1, 1, 1))
    return arrays.conv("conv53", x.mean(dim=(2, 3), keepdim=True)).flatten(1)


CONVOLUTIONS = (301, 309, 319, 327, 337, 345, 355, 365, 373, 383, 393, 401, 411, 421, 431, 439)  # the first per block


def torch_efficientnetb0(x, arrays):
    """Blocks are numbered from 0; inside a block, normalisations and 1×1 convolutions are numbered from the second on."""
    def convolve(part, i, j, x, kind="conv2d|Conv2D", size=1, stride=1, **options):
        kind, _, op = kind.partition("|")
        x = F.pad(x, [(size - stride) // 2, (size - stride + 1) // 2] * 2)
        x = arrays.conv(f"efficientnet-b0|model|{part}|{kind}{f'_{i}' if i else ''}|{op}", x, stride=stride, **options)
        return arrays.norm(f"efficientnet-b0|model|{part}|tpu_batch_normalization{f'_{j}' if j else ''}|FusedBatchNorm", x,
                           epsilon=1e-3)

    def block(number, x, expansion, size, stride, shortcut):
        part, wide = f"blocks_{number}", expansion > 1
        y = F.silu(convolve(part, 0, 0, x)) if wide else x
        y = F.silu(convolve(part, 0, int(wide), y, "depthwise_conv2d|depthwise", size, stride, groups=y.shape[1]))
        squeezed = F.silu(arrays.conv(f"Conv__{CONVOLUTIONS[number]}", y.mean(dim=(2, 3), keepdim=True)))
        y = y * arrays.conv(f"Conv__{CONVOLUTIONS[number] + 3}", squeezed).sigmoid()
        y = convolve(part, int(wide), 1 + wide, y)
        return y + x if shortcut else y

    x, number = F.silu(convolve("stem", 0, 0, standardised(x), size=3, stride=2)), 0
    for expansion, size, stride, blocks in ((1, 3, 1, 1), (6, 3, 2, 2), (6, 5, 2, 2), (6, 3, 2, 3), (6, 5, 1, 3),
                                            (6, 5, 2, 4), (6, 3, 1, 1)):
        for i in range(blocks):
            x = block(number, x, expansion, size, 1 if i else stride, shortcut=i > 0)
            number += 1
    return arrays.scores("efficientnet-b0|model|head|dense|MatMul", F.silu(convolve("head", 0, 0, x)))


def draw(model):
    """Random values for all arrays but those of the input layer: He's for weights, so that no layer dies or explodes."""
    rng = np.random.default_rng(3)
    for key, value in model.arrays.items():
        if key.name == "Weights":
            taps = value.shape[-1] if value.ndim == 2 else np.prod(value.shape[:3])
            value[...] = rng.normal(0, (2 / taps) ** 0.5, value.shape)
        elif key.name in ("Scale", "TrainedVariance"):
            value[...] = rng.uniform(0.5, 1.5, value.shape)
        elif key.name in ("Bias", "Offset", "TrainedMean"):
            value[...] = rng.normal(0, 0.1, value.shape)


@pytest.mark.parametrize(("make", "written"), [
    (squeezenet, torch_squeezenet), (shufflenet, torch_shufflenet), (googlenet, torch_googlenet),
    (densenet201, torch_densenet201), (xception, torch_xception), (resnet50, torch_resnet50), (darknet53, torch_darknet53),
    (efficientnetb0, torch_efficientnetb0), (resnet101, torch_resnet101), (alexnet, torch_alexnet),
    pytest.param(vgg16, torch_vgg16, marks=pytest.mark.slow), (darknet19, torch_darknet19),
    (inceptionv3, torch_inceptionv3)], ids=lambda one: one.__name__)
def test_agrees_with_pytorch(make, written):
    lgraph = make(Weights="none")
    model = Model(lgraph)
    draw(model)
    x = images(lgraph, 2, np.float32)
    if lgraph.nodes[0].Normalization != "zerocenter":  # the statistics are those of grey levels
        x = (128 + 50 * x) * np.float32([1, 0.5])  # a bright and a dark image
    expected = written(torch.tensor(x.transpose(3, 2, 0, 1)), Arrays(model)).numpy()
    found, = model.predict([x], [f"{lgraph.nodes[-3].Name}/out"])  # what the softmax reads
    np.testing.assert_allclose(found.reshape(1000, 2).T, expected, rtol=1e-4, atol=1e-4 * expected.std())
    assert np.abs(expected[0] - expected[1]).max() > 0.01 * expected.std()  # so that agreement says something
