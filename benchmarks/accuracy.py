"""``python -m benchmarks.accuracy``: test accuracy of the digits example, trained by dltoolbox and by PyTorch.

Both sides train the same network on the same arrays with MATLAB's settings: Glorot uniform weights and zero biases, SGD with
momentum 0.9, rate 0.01 and L2 1e-4 on everything but biases, 4 epochs of shuffled mini-batches of 128, the incomplete last
one dropped, images less their mean, and batch normalisation with the statistics of the whole training set at the end.
Seeds only tell the runs apart: the sides draw different weights and orders.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from dltoolbox import (
    DltoolboxError,
    batchNormalizationLayer,
    classificationLayer,
    classify,
    convolution2dLayer,
    digitTest4DArrayData,
    digitTrain4DArrayData,
    fullyConnectedLayer,
    imageInputLayer,
    maxPooling2dLayer,
    reluLayer,
    rng,
    softmaxLayer,
    trainingOptions,
    trainNetwork,
)
from dltoolbox.core.packages import require

if TYPE_CHECKING:
    from torch import Tensor, nn

FILTERS = (8, 16, 32)
BATCH, RATE, MOMENTUM, DECAY = 128, 0.01, 0.9, 1e-4


class Digits(NamedTuple):
    """Images h×w×1×N with their labels."""

    X: np.ndarray
    Y: Any


class Comparison(NamedTuple):
    """Percent of correct labels per seed."""

    ours: list[float]
    theirs: list[float]

    @property
    def difference(self) -> float:
        """Our mean less theirs, in points."""
        return float(np.mean(self.ours) - np.mean(self.theirs))


# dltoolbox -----------------------------------------------------------------------------------------------------------
def layers() -> list[Any]:
    def unit(number: int) -> list[Any]:
        return [convolution2dLayer(3, number, Padding="same"), batchNormalizationLayer, reluLayer]
    one, two, three = map(unit, FILTERS)
    return [imageInputLayer([28, 28, 1]), one, maxPooling2dLayer(2, Stride=2), two, maxPooling2dLayer(2, Stride=2), three,
            fullyConnectedLayer(10), softmaxLayer, classificationLayer]


def ours(train: Digits, test: Digits, seed: int, epochs: int) -> float:
    rng(seed)
    options = trainingOptions("sgdm", InitialLearnRate=RATE, Momentum=MOMENTUM, L2Regularization=DECAY, MaxEpochs=epochs,
                              MiniBatchSize=BATCH, Shuffle="every-epoch", Verbose=False)
    net = trainNetwork(train.X, train.Y, layers(), options)
    return 100 * float(np.mean(classify(net, test.X) == test.Y))


# PyTorch -------------------------------------------------------------------------------------------------------------
def network() -> nn.Sequential:
    from torch import nn
    parts: list[nn.Module] = []
    for channels, number in zip((1, *FILTERS), FILTERS, strict=False):
        parts += [nn.MaxPool2d(2)] if parts else []
        parts += [nn.Conv2d(channels, number, 3, padding="same"), nn.BatchNorm2d(number), nn.ReLU()]
    net = nn.Sequential(*parts, nn.Flatten(), nn.Linear(7 * 7 * FILTERS[-1], 10))
    for part in net:
        if isinstance(part, (nn.Conv2d, nn.Linear)):
            nn.init.xavier_uniform_(part.weight)
            assert part.bias is not None
            nn.init.zeros_(part.bias)
    return net


def theirs(train: Digits, test: Digits, seed: int, epochs: int) -> float:
    import torch
    torch.manual_seed(seed)
    mean = float(train.X.mean(dtype=np.float64))
    x, labels = tensors(train, mean)
    net = network()
    optimizer = torch.optim.SGD(by_decay(net), lr=RATE, momentum=MOMENTUM)
    for _ in range(epochs):
        for index in full_batches(torch.randperm(len(x))):
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(net(x[index]), labels[index]).backward()
            optimizer.step()
    with torch.no_grad():
        set_statistics(net, x)
        x, labels = tensors(test, mean)
        return 100 * float((net.eval()(x).argmax(1) == labels).float().mean())


def tensors(digits: Digits, mean: float) -> tuple[Tensor, Tensor]:
    import torch
    images = np.ascontiguousarray(digits.X.transpose(3, 2, 0, 1)) - np.float32(mean)
    return torch.from_numpy(images), torch.from_numpy(np.asarray(digits.Y.codes, np.int64))


def full_batches(order: Tensor) -> Iterator[Tensor]:
    """As MATLAB: a mini-batch is at most everything, and what is left at the end is dropped."""
    size = min(BATCH, len(order))
    return (order[at:at + size] for at in range(0, len(order) - size + 1, size))


def by_decay(net: nn.Module) -> list[dict[str, Any]]:
    """Parameter groups by MATLAB's L2 factors: 0 for biases, 1 for weights and for scale and offset."""
    from torch import nn
    biases = [part.bias for part in net.modules() if isinstance(part, (nn.Conv2d, nn.Linear))]
    known = {id(bias) for bias in biases}
    return [{"params": biases, "weight_decay": 0.0},
            {"params": [p for p in net.parameters() if id(p) not in known], "weight_decay": DECAY}]


def set_statistics(net: nn.Module, x: Tensor) -> None:
    """Running statistics := those of the whole set, put together from those of its mini-batches in training mode."""
    import torch
    from torch import nn
    parts = [part for part in net.modules() if isinstance(part, nn.BatchNorm2d)]
    found: dict[nn.Module, list[Tensor]] = {part: [] for part in parts}

    def note(part: nn.Module, arguments: tuple[Tensor]) -> None:
        y, = arguments
        found[part].append(torch.stack([y.mean((0, 2, 3)), y.var((0, 2, 3), unbiased=False)]))
    hooks = [part.register_forward_pre_hook(note) for part in parts]
    net.train()
    batches = x.split(BATCH)
    for batch in batches:
        net(batch)
    for hook in hooks:
        hook.remove()
    share = torch.tensor([len(batch) / len(x) for batch in batches])
    for part in parts:
        means, variances = torch.stack(found[part], 1)
        assert part.running_mean is not None
        assert part.running_var is not None
        part.running_mean.copy_(share @ means)
        part.running_var.copy_(share @ (variances + (means - part.running_mean) ** 2))


# Both ----------------------------------------------------------------------------------------------------------------
def compare(train: Digits, test: Digits, seeds: int, epochs: int = 4,
            report: Callable[[str], None] = lambda line: None) -> Comparison:
    """Train both sides once per seed."""
    result = Comparison([], [])
    for seed in range(seeds):
        start = time.perf_counter()
        result.ours.append(ours(train, test, seed, epochs))
        between = time.perf_counter()
        result.theirs.append(theirs(train, test, seed, epochs))
        report(f"seed {seed}   dltoolbox {result.ours[-1]:.2f} % in {between - start:.0f} s   "
               f"PyTorch {result.theirs[-1]:.2f} % in {time.perf_counter() - between:.0f} s")
    return result


def main(arguments: list[str] | None = None) -> int:
    p = argparse.ArgumentParser(prog="python -m benchmarks.accuracy",
                                description="Test accuracy of the digits example beside PyTorch's.")
    p.add_argument("--seeds", type=int, default=5, help="runs per side; default 5")
    given = p.parse_args(arguments)
    if given.seeds < 1:
        p.error("--seeds must be at least 1")
    try:
        require("torch", extra="test", needed_by="benchmarks")
    except DltoolboxError as error:
        print(error, file=sys.stderr)
        return 2
    result = compare(Digits(*digitTrain4DArrayData(nargout=2)), Digits(*digitTest4DArrayData(nargout=2)), given.seeds,
                     report=lambda line: print(line, flush=True))
    for name, values in (("dltoolbox", result.ours), ("PyTorch", result.theirs)):
        print(f"{name:<10} {np.mean(values):.2f} %, from {min(values):.2f} to {max(values):.2f}")
    print(f"difference {result.difference:+.2f} points")
    return 0


if __name__ == "__main__":
    sys.exit(main())
