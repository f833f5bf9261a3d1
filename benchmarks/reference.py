"""The PyTorch side: eager, float32, on tensors in memory, written as its users would. The loops are those of `ours`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.data import (
    Block,
    Size,
    classes,
    digits,
    filters,
    label_images,
    matrix,
    offsets,
    pictures,
    resnet_blocks,
    scales,
    vgg_stages,
)

Tick = Callable[[Any], bool]
Loop = Callable[[Size, Tick, bool, str], None]  # the last names the memory format

VARIANTS = {"contiguous": torch.contiguous_format, "channels_last": torch.channels_last}


# Networks ------------------------------------------------------------------------------------------------------------
def set_to(parameter: Tensor, values: np.ndarray) -> None:
    with torch.no_grad():
        parameter.copy_(torch.from_numpy(np.ascontiguousarray(values)))


def convolution(name: str, channels: int, number: int, size: int = 3, *, bias: bool = True, stride: int = 1) -> nn.Conv2d:
    layer = nn.Conv2d(channels, number, size, stride, padding=size // 2, bias=bias)
    set_to(layer.weight, filters(name, size, channels, number).transpose(3, 2, 0, 1))
    if layer.bias is not None:
        set_to(layer.bias, offsets(name, number))
    return layer


def normalisation(name: str, channels: int) -> nn.BatchNorm2d:
    layer = nn.BatchNorm2d(channels)
    set_to(layer.weight, scales(name, channels))
    set_to(layer.bias, offsets(name, channels))
    for buffer, values in ((layer.running_var, scales), (layer.running_mean, offsets)):
        assert buffer is not None
        set_to(buffer, values(f"{name}/trained", channels))
    return layer


def dense(name: str, outputs: int, inputs: int, side: int = 1) -> nn.Linear:
    """A linear layer after maps of size side×side: MATLAB flattens them column by column."""
    layer = nn.Linear(inputs, outputs)
    weights = matrix(name, outputs, inputs).reshape(outputs, -1, side, side)
    set_to(layer.weight, weights.transpose(0, 1, 3, 2).reshape(outputs, inputs))
    set_to(layer.bias, offsets(name, outputs))
    return layer


def unit(name: str, channels: int, number: int) -> nn.Sequential:
    return nn.Sequential(convolution(name, channels, number), normalisation(f"{name}/bn", number), nn.ReLU(inplace=True))


def digits_network(size: Size) -> nn.Module:
    left = size.side // 4
    return nn.Sequential(unit("conv1", 1, 8), nn.MaxPool2d(2), unit("conv2", 8, 16), nn.MaxPool2d(2), unit("conv3", 16, 32),
                         nn.Flatten(), dense("fc", 10, left * left * 32, left))


class SegNet(nn.Module):
    def __init__(self, size: Size) -> None:
        super().__init__()
        c = size.channels
        self.encode1 = nn.Sequential(unit("encode1a", 3, c), unit("encode1b", c, c))
        self.encode2 = nn.Sequential(unit("encode2a", c, c), unit("encode2b", c, c))
        self.decode2 = nn.Sequential(unit("decode2a", c, c), unit("decode2b", c, c))
        self.decode1 = nn.Sequential(unit("decode1a", c, c), unit("decode1b", c, c))
        self.scores = convolution("scores", c, 4)

    def forward(self, x: Tensor) -> Tensor:
        x, first = F.max_pool2d(self.encode1(x), 2, return_indices=True)
        x, second = F.max_pool2d(self.encode2(x), 2, return_indices=True)
        x = self.decode2(F.max_unpool2d(x, second, [2, 2]))
        return self.scores(self.decode1(F.max_unpool2d(x, first, [2, 2])))


class Residual(nn.Module):
    def __init__(self, block: Block) -> None:
        super().__init__()
        name, channels, number, stride = block
        self.branch = nn.Sequential(
            convolution(f"{name}a", channels, number, bias=False, stride=stride), normalisation(f"{name}a/bn", number),
            nn.ReLU(inplace=True), convolution(f"{name}b", number, number, bias=False), normalisation(f"{name}b/bn", number))
        self.shortcut = nn.Identity() if stride == 1 else nn.Sequential(
            convolution(f"{name}c", channels, number, 1, bias=False, stride=stride), normalisation(f"{name}c/bn", number))

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.branch(x) + self.shortcut(x), inplace=True)


def resnet(size: Size) -> nn.Module:
    return nn.Sequential(convolution("conv", 3, 16, bias=False), normalisation("bn", 16), nn.ReLU(inplace=True),
                         *(Residual(block) for block in resnet_blocks()), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
                         dense("fc", 10, 64))


def vgg(size: Size) -> nn.Module:
    layers: list[nn.Module] = []
    for stage, convolutions in vgg_stages(size.channels):
        for i, (channels, number) in enumerate(convolutions, 1):
            layers += [convolution(f"conv{stage}-{i}", channels, number), nn.ReLU(inplace=True)]
        layers.append(nn.MaxPool2d(2))
    wide, left = 64 * size.channels, size.side // 32
    return nn.Sequential(*layers, nn.Flatten(), dense("fc6", wide, left * left * 8 * size.channels, left),
                         nn.ReLU(inplace=True), nn.Dropout(), dense("fc7", wide, wide), nn.ReLU(inplace=True), nn.Dropout(),
                         dense("fc8", 1000, wide))


# Loops ---------------------------------------------------------------------------------------------------------------
def batch_first(X: np.ndarray, variant: str) -> Tensor:
    """h×w×c×N → N×c×h×w in the wanted memory format."""
    return torch.from_numpy(np.ascontiguousarray(X.transpose(3, 2, 0, 1))).to(memory_format=VARIANTS[variant])


def optimiser(net: nn.Module) -> torch.optim.Optimizer:
    """Momentum and weight decay as in trainingOptions: biases of convolutions and linear layers do not decay."""
    free = [layer.bias for layer in net.modules() if isinstance(layer, (nn.Conv2d, nn.Linear)) and layer.bias is not None]
    known = {id(bias) for bias in free}
    groups: list[dict[str, Any]] = [{"params": [p for p in net.parameters() if id(p) not in known], "weight_decay": 1e-4},
                                    {"params": free}]
    groups = [group for group in groups if group["params"]]
    try:
        return torch.optim.SGD(groups, lr=0.01, momentum=0.9, fused=True)
    except RuntimeError:
        return torch.optim.SGD(groups, lr=0.01, momentum=0.9)


def train(X: np.ndarray, codes: np.ndarray, net: Any, size: Size, tick: Tick, shuffle: bool, variant: str) -> None:
    net = net.to(memory_format=VARIANTS[variant]).train()
    inputs = batch_first(X, variant)
    targets = torch.from_numpy(np.ascontiguousarray(np.moveaxis(codes, -1, 0)))
    steps = optimiser(net)
    torch.manual_seed(0)
    while True:
        order = torch.randperm(len(inputs)) if shuffle else torch.arange(len(inputs))
        for index in order.split(size.batch):
            loss = F.cross_entropy(net(inputs[index]), targets[index])
            steps.zero_grad()
            loss.backward()
            steps.step()
            if tick(loss.item()):
                return


def predict_all(X: np.ndarray, net: Any, size: Size, tick: Tick, variant: str) -> None:
    net = net.to(memory_format=VARIANTS[variant]).eval()
    inputs = batch_first(X, variant)
    with torch.inference_mode():
        while not tick(torch.cat([net(x).softmax(1) for x in inputs.split(size.batch)])):
            pass


def digits_train(size: Size, tick: Tick, shuffle: bool, variant: str) -> None:
    train(*digits(size), digits_network(size), size, tick, shuffle, variant)


def digits_predict(size: Size, tick: Tick, shuffle: bool, variant: str) -> None:
    predict_all(digits(size)[0], digits_network(size), size, tick, variant)


def segnet_train(size: Size, tick: Tick, shuffle: bool, variant: str) -> None:
    train(pictures(size), label_images(size, 4), SegNet(size), size, tick, shuffle, variant)


def segnet_predict(size: Size, tick: Tick, shuffle: bool, variant: str) -> None:
    predict_all(pictures(size), SegNet(size), size, tick, variant)


def resnet_train(size: Size, tick: Tick, shuffle: bool, variant: str) -> None:
    train(pictures(size), classes(size, 10), resnet(size), size, tick, shuffle, variant)


def vgg_predict(size: Size, tick: Tick, shuffle: bool, variant: str) -> None:
    predict_all(pictures(size), vgg(size), size, tick, variant)


LOOPS: dict[str, Loop] = {
    "A-train": digits_train, "A-predict": digits_predict, "B-train": segnet_train, "B-predict": segnet_predict,
    "C-train": resnet_train, "G-predict": vgg_predict,
}


def numbers(result: Any) -> list[np.ndarray]:
    """What a tick got, as arrays in MATLAB's layout."""
    return [in_matlab_layout(part) for part in (result if isinstance(result, tuple) else (result,))]


def in_matlab_layout(value: Any) -> np.ndarray:
    array = value.detach().numpy() if isinstance(value, Tensor) else np.asarray(value)
    return array.transpose(2, 3, 1, 0) if array.ndim == 4 else array
