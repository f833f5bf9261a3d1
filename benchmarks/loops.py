"""Steps of custom training loops against eager PyTorch: the digits network, a GAN, a physics-informed network, one small op.

Both sides run in one process, in turns, with the same numbers of threads; each has the same weights, so that losses agree.
"""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np

from benchmarks.data import normal
from dltoolbox import (
    batchNormalizationLayer,
    convolution2dLayer,
    dlaccelerate,
    dlarray,
    dlfeval,
    dlgradient,
    dlnetwork,
    featureInputLayer,
    forward,
    fullyConnectedLayer,
    imageInputLayer,
    leakyReluLayer,
    maxNumCompThreads,
    reluLayer,
    softmaxLayer,
    tanhLayer,
    transposedConv2dLayer,
)

Step = Callable[[], float]  # gives its loss


class LoopRow(NamedTuple):
    """A step on three sides, and the ratios that are to be reached, eager and accelerated."""

    ours: Step
    accelerated: Step
    torch: Step
    goals: tuple[float, float]


class LoopResult(NamedTuple):
    """The best times of the sides, in seconds."""

    name: str
    ours: float
    accelerated: float
    torch: float
    goals: tuple[float, float]


def parameter(torch: Any, value: np.ndarray) -> Any:
    return torch.tensor(np.ascontiguousarray(value), requires_grad=True)


def torch_layers(torch: Any, net: dlnetwork) -> Callable[[Any], Any]:
    """The same network in PyTorch, with the same weights."""
    kinds = {"Convolution2DLayer": convolution, "TransposedConvolution2DLayer": transposed, "FullyConnectedLayer": dense,
             "BatchNormalizationLayer": normalisation}
    functions = {"ReLULayer": torch.relu, "LeakyReLULayer": lambda x: torch.nn.functional.leaky_relu(x, 0.2),
                 "TanhLayer": torch.tanh, "SoftmaxLayer": lambda x: torch.softmax(x, 1)}
    steps, arrays = [], []
    for layer in net.Layers[1:]:
        kind = type(layer).__name__
        if kind in functions:
            steps.append(functions[kind])
            continue
        step, own = kinds[kind](torch, layer)
        steps.append(step)
        arrays += own

    def run(x: Any) -> Any:
        for step in steps:
            x = step(x)
        return x
    run.arrays = arrays  # type: ignore[attr-defined]
    return run


def convolution(torch: Any, layer: Any) -> tuple[Any, list[Any]]:
    w, b = (parameter(torch, x) for x in (layer.Weights.transpose(3, 2, 0, 1), layer.Bias.ravel()))
    pad = int(np.max(layer.PaddingSize))
    return lambda x: torch.nn.functional.conv2d(x, w, b, stride=layer.Stride, padding=pad), [w, b]


def transposed(torch: Any, layer: Any) -> tuple[Any, list[Any]]:
    w, b = (parameter(torch, x) for x in (layer.Weights.transpose(3, 2, 0, 1), layer.Bias.ravel()))
    crop = int(np.max(layer.CroppingSize))
    return lambda x: torch.nn.functional.conv_transpose2d(x, w, b, stride=layer.Stride, padding=crop), [w, b]


def dense(torch: Any, layer: Any) -> tuple[Any, list[Any]]:
    w, b = (parameter(torch, x) for x in (layer.Weights, layer.Bias.ravel()))
    return lambda x: torch.nn.functional.linear(x.permute(0, 1, 3, 2).flatten(1) if x.ndim == 4 else x, w, b), [w, b]


def normalisation(torch: Any, layer: Any) -> tuple[Any, list[Any]]:
    scale, offset = (parameter(torch, x.ravel()) for x in (layer.Scale, layer.Offset))
    return lambda x: torch.nn.functional.batch_norm(x, None, None, scale, offset, training=True), [scale, offset]


def images(torch: Any, X: np.ndarray) -> Any:
    return torch.tensor(np.ascontiguousarray(X.transpose(3, 2, 0, 1)))


# Rows ----------------------------------------------------------------------------------------------------------------
def digits(torch: Any, batch: int = 128) -> LoopRow:
    """Three convolutions with batch normalisation; forward and gradients of a mini-batch of digits."""
    block = [batchNormalizationLayer, reluLayer]
    net = dlnetwork([imageInputLayer([28, 28, 1], Normalization="none"), convolution2dLayer(5, 20), *block,
                     convolution2dLayer(3, 20, Padding=1), *block, convolution2dLayer(3, 20, Padding=1), *block,
                     fullyConnectedLayer(10), softmaxLayer])
    X, T = normal("loop", 28, 28, 1, batch), np.eye(10, dtype=np.float32)[:, np.arange(batch) % 10]

    def loss(net: dlnetwork, X: dlarray, T: dlarray) -> Any:
        Y, state = forward(net, X, nargout=2)
        total = -np.sum(T * np.log(Y)) / batch
        return total, dlgradient(total, net.Learnables), state
    data, run, x = (dlarray(X, "SSCB"), dlarray(T, "CB")), torch_layers(torch, net), images(torch, X)
    target = torch.tensor(T.T.copy())

    def theirs() -> float:
        total = -(target * torch.log(run(x))).sum() / batch
        torch.autograd.grad(total, run.arrays)  # type: ignore[attr-defined]
        return float(total.detach())
    fast = dlaccelerate(loss)
    return LoopRow(lambda: float(dlfeval(loss, net, *data)[0]), lambda: float(dlfeval(fast, net, *data)[0]), theirs,
                   (1.0, 0.6))


def gan(torch: Any, batch: int = 128) -> LoopRow:
    """Both gradients of a step of a GAN on 28×28 images."""
    G = dlnetwork([imageInputLayer([7, 7, 16], Normalization="none"), transposedConv2dLayer(4, 64, Stride=2, Cropping=1),
                   batchNormalizationLayer, reluLayer, transposedConv2dLayer(4, 1, Stride=2, Cropping=1), tanhLayer])
    D = dlnetwork([imageInputLayer([28, 28, 1], Normalization="none"), convolution2dLayer(4, 32, Stride=2, Padding=1),
                   leakyReluLayer(0.2), convolution2dLayer(4, 64, Stride=2, Padding=1), leakyReluLayer(0.2),
                   fullyConnectedLayer(1)])
    X, Z = normal("loop", 28, 28, 1, batch), normal("loop", 7, 7, 16, batch)

    def softplus(x: Any) -> Any:
        return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))

    def loss(G: dlnetwork, D: dlnetwork, X: dlarray, Z: dlarray) -> Any:
        fake = forward(G, Z)
        real_score, fake_score = forward(D, X), forward(D, fake)
        of_D = np.mean(softplus(-real_score)) + np.mean(softplus(fake_score))
        of_G = np.mean(softplus(-fake_score))
        return of_D + of_G, dlgradient(of_G, G.Learnables, RetainData=True), dlgradient(of_D, D.Learnables)
    data = dlarray(X, "SSCB"), dlarray(Z, "SSCB")
    g, d, x, z = torch_layers(torch, G), torch_layers(torch, D), images(torch, X), images(torch, Z)
    plus = torch.nn.functional.softplus

    def theirs() -> float:
        fake = g(z)
        real_score, fake_score = d(x), d(fake)
        of_D, of_G = plus(-real_score).mean() + plus(fake_score).mean(), plus(-fake_score).mean()
        torch.autograd.grad(of_G, g.arrays, retain_graph=True)  # type: ignore[attr-defined]
        torch.autograd.grad(of_D, d.arrays)  # type: ignore[attr-defined]
        return float((of_D + of_G).detach())
    fast = dlaccelerate(loss)
    return LoopRow(lambda: float(dlfeval(loss, G, D, *data)[0]), lambda: float(dlfeval(fast, G, D, *data)[0]), theirs,
                   (1.2, 0.9))


def pinn(torch: Any, points: int = 10000) -> LoopRow:
    """Burgers' equation: second derivatives of a network 20 wide and 8 deep, and gradients of its residual."""
    hidden = [layer for _ in range(8) for layer in (fullyConnectedLayer(20), tanhLayer)]
    net = dlnetwork([featureInputLayer(2), *hidden, fullyConnectedLayer(1)])
    P = [(dlarray(layer.Weights), dlarray(layer.Bias)) for layer in net.Layers if hasattr(layer, "Weights")]
    x, t = normal("x", 1, points), normal("t", 1, points)

    def loss(P: Any, x: dlarray, t: dlarray) -> Any:
        y = np.concatenate([x, t], 0)
        for at, (w, b) in enumerate(P):
            y = w @ y + b
            y = np.tanh(y) if at < len(P) - 1 else y
        ux, ut = dlgradient(np.sum(y), x, t, EnableHigherDerivatives=True)
        residual = ut + y * ux - 0.01 / np.pi * dlgradient(np.sum(ux), x, EnableHigherDerivatives=True)
        total = np.mean(residual * residual)
        return total, dlgradient(total, P)
    theirs_P = [tuple(parameter(torch, np.asarray(a)) for a in pair) for pair in P]
    tx, tt = (parameter(torch, a) for a in (x, t))

    def theirs() -> float:
        y = torch.cat([tx, tt], 0)
        for at, (w, b) in enumerate(theirs_P):
            y = w @ y + b
            y = torch.tanh(y) if at < len(theirs_P) - 1 else y
        ux, ut = torch.autograd.grad(y.sum(), (tx, tt), create_graph=True)
        (uxx,) = torch.autograd.grad(ux.sum(), tx, create_graph=True)
        total = ((ut + y * ux - 0.01 / np.pi * uxx) ** 2).mean()
        torch.autograd.grad(total, [a for pair in theirs_P for a in pair])
        return float(total.detach())
    fast, data = dlaccelerate(loss), (dlarray(x), dlarray(t))
    return LoopRow(lambda: float(dlfeval(loss, P, *data)[0]), lambda: float(dlfeval(fast, P, *data)[0]), theirs, (1.2, 0.8))


LOOPS = {"digits": digits, "GAN": gan, "PINN": pinn}


def measure_loop(name: str, rounds: int, threads: int, **sizes: int) -> LoopResult:
    """The best of some rounds, in each of which every side has its turn."""
    import torch
    torch.set_num_threads(threads)
    before = maxNumCompThreads(threads)
    torch.manual_seed(0)
    row = LOOPS[name](torch, **sizes)
    sides = row.ours, row.accelerated, row.torch
    losses = [side() for _ in range(3) for side in sides]
    if not np.allclose(losses, losses[0], rtol=1e-3):
        raise AssertionError(f"{name}: the sides differ: {losses}")
    best = [np.inf] * len(sides)
    for _ in range(rounds):
        for at, side in enumerate(sides):
            start = perf_counter()
            side()
            best[at] = min(best[at], perf_counter() - start)
    maxNumCompThreads(before)
    return LoopResult(name, *best, row.goals)


def small_op(repetitions: int = 2000) -> tuple[float, float]:
    """Seconds for x·x of 10×10 formatted dlarrays, alone and on the tape with its part of the gradient."""
    x = dlarray(1 + 1e-3 * normal("small", 10, 10), "CB")

    def many(x: dlarray) -> Any:
        y = x
        for _ in range(repetitions):
            y = y * x
        return dlgradient(np.sum(y), x)
    best = [np.inf, np.inf]
    for _ in range(5):
        start = perf_counter()
        for _ in range(repetitions):
            _ = x * x
        middle = perf_counter()
        dlfeval(many, x)
        best = [min(best[0], middle - start), min(best[1], perf_counter() - middle)]
    return best[0] / repetitions, best[1] / repetitions


def loops_text(results: list[LoopResult]) -> str:
    """A table of times and ratios."""
    head = f"{'step':<8}{'ours':>10}{'accelerated':>13}{'PyTorch':>10}{'ratio':>8}{'accelerated':>13}{'goals':>12}"
    return "\n".join([head, *(f"{r.name:<8}{r.ours * 1e3:>8.1f}ms{r.accelerated * 1e3:>11.1f}ms{r.torch * 1e3:>8.1f}ms"
                              f"{r.ours / r.torch:>8.2f}{r.accelerated / r.torch:>13.2f}{r.goals[0]:>8.1f} {r.goals[1]:.1f}"
                              for r in results)])


def main(rounds: int, threads: int, *, quick: bool) -> int:
    """Measure and print."""
    sizes = {"digits": {"batch": 4}, "GAN": {"batch": 4}, "PINN": {"points": 20}} if quick else {}
    print(loops_text([measure_loop(name, rounds, threads, **sizes.get(name, {})) for name in LOOPS]))
    alone, taped = small_op(20 if quick else 2000)
    print(f"one small op: {alone * 1e6:.1f} µs, on the tape with its gradient {taped * 1e6:.1f} µs")
    return 0
