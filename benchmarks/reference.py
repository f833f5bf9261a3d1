"""The PyTorch side: eager, float32, on tensors in memory, written as its users would. The work is that of `ours`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.data import (
    ATTENTION,
    Block,
    Observed,
    Size,
    Tick,
    alexnet_side,
    alexnet_stages,
    filters,
    matrix,
    offsets,
    resnet_blocks,
    scales,
    vgg_stages,
)

FORMATS = {"contiguous": {4: torch.contiguous_format, 5: torch.contiguous_format},  # by the number of axes
           "channels_last": {4: torch.channels_last, 5: torch.channels_last_3d}}


# Networks ------------------------------------------------------------------------------------------------------------
def set_to(parameter: Tensor, values: np.ndarray) -> None:
    with torch.no_grad():
        parameter.copy_(torch.from_numpy(np.ascontiguousarray(values)))


def convolution(name: str, channels: int, number: int, size: int = 3, *, bias: bool = True, stride: int = 1,
                padding: int | None = None, rank: int = 2) -> nn.Module:
    kind = (nn.Conv1d, nn.Conv2d, nn.Conv3d)[rank - 1]
    layer = kind(channels, number, size, stride, padding=size // 2 if padding is None else padding, bias=bias)
    values = filters(name, size, channels, number, rank)
    set_to(layer.weight, values.transpose(-1, -2, *range(rank)))
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


def dense(name: str, outputs: int, inputs: int, spatial: tuple[int, ...] = ()) -> nn.Linear:
    """A linear layer after maps of a size: MATLAB flattens them first dimension first."""
    layer = nn.Linear(inputs, outputs)
    weights = matrix(name, outputs, inputs).reshape(outputs, -1, *reversed(spatial))
    set_to(layer.weight, weights.transpose(0, 1, *reversed(range(2, weights.ndim))).reshape(outputs, inputs))
    set_to(layer.bias, offsets(name, outputs))
    return layer


def unit(name: str, channels: int, number: int) -> nn.Sequential:
    return nn.Sequential(convolution(name, channels, number), normalisation(f"{name}/bn", number), nn.ReLU(inplace=True))


def digits_network(size: Size) -> nn.Module:
    left = size.side // 4
    return nn.Sequential(unit("conv1", 1, 8), nn.MaxPool2d(2), unit("conv2", 8, 16), nn.MaxPool2d(2), unit("conv3", 16, 32),
                         nn.Flatten(), dense("fc", 10, left * left * 32, (left, left)))


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


def volume_network(size: Size) -> nn.Module:
    c, left = size.channels, size.side // 4
    return nn.Sequential(convolution("conv1", 1, c, rank=3), nn.ReLU(inplace=True), nn.MaxPool3d(2),
                         convolution("conv2", c, 2 * c, rank=3), nn.ReLU(inplace=True), nn.MaxPool3d(2), nn.Flatten(),
                         dense("fc", 10, left ** 3 * 2 * c, (left, left, left)))


class ChannelNorm(nn.LayerNorm):
    """Layer normalisation of B×C×T at every step."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.transpose(1, 2)).transpose(1, 2)


class ChannelsFirst(nn.Module):
    """B×T×C → B×C×T."""

    def forward(self, x: Tensor) -> Tensor:
        return x.transpose(1, 2)


class OverTime(nn.Module):
    """The mean over time."""

    def forward(self, x: Tensor) -> Tensor:
        return x.mean(2)


def sequence_network(size: Size) -> nn.Module:
    layers: list[nn.Module] = [ChannelsFirst()]
    for name, channels, number in (("conv1", 12, 32), ("conv2", 32, 64)):
        layers += [nn.ConstantPad1d((2, 0), 0), convolution(name, channels, number, padding=0, rank=1),
                   nn.ReLU(inplace=True), ChannelNorm(number)]
    return nn.Sequential(*layers, OverTime(), dense("fc", 9, 64))


def vgg(size: Size) -> nn.Module:
    layers: list[nn.Module] = []
    for stage, convolutions in vgg_stages(size.channels):
        for i, (channels, number) in enumerate(convolutions, 1):
            layers += [convolution(f"conv{stage}-{i}", channels, number), nn.ReLU(inplace=True)]
        layers.append(nn.MaxPool2d(2))
    return nn.Sequential(*layers, thousand_classes(size.side // 32, 8 * size.channels, 64 * size.channels))


def alexnet(size: Size) -> nn.Module:
    layers: list[nn.Module] = []
    for i, stage in enumerate(alexnet_stages(size.channels), 1):
        layers += [convolution(f"conv{i}", stage.channels, stage.filters, stage.size, stride=stage.stride,
                               padding=stage.padding), nn.ReLU(inplace=True)]
        layers += [nn.MaxPool2d(3, 2)] if stage.pool else []
    return nn.Sequential(*layers, thousand_classes(alexnet_side(size.side), 4 * size.channels, 64 * size.channels))


def thousand_classes(left: int, channels: int, wide: int) -> nn.Module:
    return nn.Sequential(nn.Flatten(), dense("fc6", wide, left * left * channels, (left, left)), nn.ReLU(inplace=True),
                         nn.Dropout(), dense("fc7", wide, wide), nn.ReLU(inplace=True), nn.Dropout(),
                         dense("fc8", 1000, wide))


def one_unit(size: Size) -> nn.Module:
    return nn.Sequential(unit("conv", 3, size.channels), nn.MaxPool2d(2), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
                         dense("fc", 10, size.channels))


class Attention(nn.Module):
    def __init__(self, size: Size) -> None:
        super().__init__()
        c = size.channels
        self.attention = nn.MultiheadAttention(c, 8, batch_first=True)
        *parts, last = ATTENTION
        set_to(self.attention.in_proj_weight, np.concatenate([matrix(part, c, c) for part in parts]))
        set_to(self.attention.in_proj_bias, np.concatenate([offsets(part, c) for part in parts]))
        set_to(self.attention.out_proj.weight, matrix(last, c, c))
        set_to(self.attention.out_proj.bias, offsets(last, c))
        self.fc = dense("fc", 10, c)

    def forward(self, x: Tensor) -> Tensor:
        y, _ = self.attention(x, x, x, need_weights=False)
        scores: Tensor = self.fc(y.mean(1))
        return scores


class Recurrent(nn.Module):
    """A recurrent layer and what classifies its last state. One bias is trained, as in MATLAB; the other is zero."""

    def __init__(self, kind: type[nn.LSTM] | type[nn.GRU], gates: int, size: Size) -> None:
        super().__init__()
        hidden = size.channels
        self.cell, self.scores = kind(size.features, hidden, batch_first=True), dense("fc", 10, hidden)
        set_to(self.cell.weight_ih_l0, matrix("x", gates * hidden, size.features))
        set_to(self.cell.weight_hh_l0, matrix("h", gates * hidden, hidden))
        set_to(self.cell.bias_ih_l0, offsets("cell", gates * hidden))
        set_to(self.cell.bias_hh_l0, np.zeros(gates * hidden, np.float32))
        self.cell.bias_hh_l0.requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor:
        scores: Tensor = self.scores(self.cell(x)[0][:, -1])
        return scores


NETWORKS: dict[str, Callable[[Size], nn.Module]] = {
    "digits": digits_network, "segnet": SegNet, "resnet": resnet, "volumes": volume_network, "vgg": vgg,
    "alexnet": alexnet, "one unit": one_unit, "attention": Attention,
    "lstm": partial(Recurrent, nn.LSTM, 4), "gru": partial(Recurrent, nn.GRU, 3), "sequences": sequence_network}


def network(name: str, size: Size, variant: str, work: str) -> nn.Module:
    net = NETWORKS[name](size).train(work != "predict")
    with torch.no_grad():
        for value in (*net.parameters(), *net.buffers()):
            value.data = in_format(value.data, variant)
    return net


# Work ----------------------------------------------------------------------------------------------------------------
def in_format(values: Tensor, variant: str) -> Tensor:
    """Images and volumes, and weights of convolutions, in a memory format; everything else stays as it is."""
    wanted: Tensor = values.to(memory_format=FORMATS[variant].get(values.ndim, torch.preserve_format))
    return wanted


def batch_first(X: np.ndarray, variant: str) -> Tensor:
    """h×w×…×c×N → N×c×h×w×…."""
    return in_format(torch.from_numpy(np.ascontiguousarray(X.transpose(-1, -2, *range(X.ndim - 2)))), variant)


def inputs(observed: Observed, variant: str) -> tuple[Any, ...]:
    return (batch_first(observed.X, variant), torch.from_numpy(np.ascontiguousarray(np.moveaxis(observed.codes, -1, 0))))


def optimiser(net: nn.Module) -> torch.optim.Optimizer:
    """Momentum and weight decay as in trainingOptions: biases of convolutions and linear layers do not decay."""
    weighted = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.Linear)
    free = [layer.bias for layer in net.modules() if isinstance(layer, weighted) and layer.bias is not None]
    free += [layer.in_proj_bias for layer in net.modules() if isinstance(layer, nn.MultiheadAttention)]
    free += [layer.bias_ih_l0 for layer in net.modules() if isinstance(layer, nn.RNNBase)]
    known = {id(bias) for bias in free}
    others = [p for p in net.parameters() if id(p) not in known and p.requires_grad]
    groups: list[dict[str, Any]] = [{"params": others, "weight_decay": 1e-4}, {"params": free}]
    groups = [group for group in groups if group["params"]]
    try:
        return torch.optim.SGD(groups, lr=0.01, momentum=0.9, fused=True)
    except RuntimeError:
        return torch.optim.SGD(groups, lr=0.01, momentum=0.9)


def train(data: tuple[Any, ...], net: nn.Module, size: Size, tick: Tick, shuffle: bool) -> None:
    images, targets = data
    steps = optimiser(net)
    torch.manual_seed(0)
    while True:
        order = torch.randperm(len(images)) if shuffle else torch.arange(len(images))
        for index in order.split(size.batch):
            loss = F.cross_entropy(net(images[index]), targets[index])
            steps.zero_grad()
            loss.backward()
            steps.step()
            if tick(loss.item()):
                return


def predict_all(data: tuple[Any, ...], net: nn.Module, size: Size, tick: Tick, shuffle: bool) -> None:
    images = data[0]
    with torch.inference_mode():
        while not tick(torch.cat([net(x).softmax(1) for x in images.split(size.batch)])):
            pass


WORK: dict[str, Callable[[tuple[Any, ...], nn.Module, Size, Tick, bool], None]] = {
    "train": train, "train fast": train, "predict": predict_all}


def numbers(result: Any) -> list[np.ndarray]:
    """What a tick got, as arrays in MATLAB's layout."""
    return [in_matlab_layout(part) for part in (result if isinstance(result, tuple) else (result,))]


def in_matlab_layout(value: Any) -> np.ndarray:
    array = value.detach().numpy() if isinstance(value, Tensor) else np.asarray(value)
    return array.transpose(2, 3, 1, 0) if array.ndim == 4 else array
