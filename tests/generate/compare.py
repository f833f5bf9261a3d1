"""One generated network held against its twin: sizes, predictions, losses, gradients, statistics, in both precisions.

A difference beyond the usual rounding is held against what rounding can do: the twin runs again with its values disturbed,
and where that moves a result, such as a gradient behind a maximum that nearly ties, ours may move as far. What is left is
looked at with other values before it counts: maxima may tie by chance once, but not every time.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import torch

from dltoolbox import activations, maxNumCompThreads, predict
from dltoolbox.core.random import rng as restart
from dltoolbox.network.lowering.lower import lower
from dltoolbox.program import executable
from dltoolbox.program.model import Model
from tests.generate.network import LABELS, Network, arrays_of, at_random, data_of, is_data, targets_of
from tests.generate.twin import back
from tests.generate.twin_network import run_twin

Results = dict[str, np.ndarray]

TOLERANCES = {np.float64: (1e-9, 1e-14), np.float32: (1e-4, 2e-7)}  # of the scale of a result; and what the twin is moved by
ROOM = 100  # times what moves the twin
ATTEMPTS = 3  # with other values, two of which must show a difference


@dataclass(frozen=True)
class Difference:
    """``what`` differs, and ``how``: in numbers, or the error and the ``place`` that raised it."""

    what: str
    how: str
    place: str = ""

    @property
    def cause(self) -> str:
        """The same for differences that probably have one cause."""
        return f"{self.what} {self.place}".strip()

    def __str__(self) -> str:
        return f"{self.what}: {self.how}"


class Problem:
    """A network with its values, and all that the twin says of it."""

    def __init__(self, net: Network, model: Model) -> None:
        self.net = net
        self.data = list(data_of(net))
        self.arrays = arrays_of(net, {key: value.shape for key, value in model.arrays.items()})
        self.learnables = [parameter.key for parameter in model.parameters]
        self.random = any(map(at_random, net.parts))  # nobody knows what it draws
        shapes = self.twin().ports
        self.targets = targets_of(net, [tuple(back(shapes[port]).shape) for port in net.leaving()] if net.outputs else [])

    def twin(self, targets: Any = (), **options: Any) -> Any:
        arrays = {key: torch.from_numpy(value).requires_grad_() for key, value in self.arrays.items()}
        data = [torch.from_numpy(x).requires_grad_() for x in self.data]
        found = run_twin(self.net, arrays, data, list(map(torch.from_numpy, targets)), **options)
        found.variables = {f"gradient of {key.layer}.{key.name}": arrays[key] for key in self.learnables} | {
            f"gradient of {part.name}": x for part, x in zip(self.net.inputs, data, strict=True)}
        return found

    @cached_property
    def right(self) -> Results:
        return self.expected()

    def expected(self, rounding: float = 0.0, seed: int = 0) -> Results:
        """Every result by name."""
        options = {"rounding": rounding, "seed": seed}
        with torch.no_grad():
            found = self.twin(self.targets, **options)
        results = {port: found.port(port) for port in found.ports}
        if self.net.outputs:
            results["loss"] = np.asarray(sum(float(one) for one in found.losses))
            if not self.random:
                results |= self.trained(**options)
        return results

    def trained(self, **options: Any) -> Results:
        found = self.twin(self.targets, training=True, **options)
        loss = sum(found.losses)
        if loss.requires_grad:
            loss.backward()
        results = {"training loss": loss.detach().numpy()}
        results |= {f"training: {port}": found.port(port) for port in self.net.leaving()}
        results |= {name: (torch.zeros_like(x) if x.grad is None else x.grad).numpy() for name, x in found.variables.items()}
        return results | {f"{layer}.{name}": value for (layer, name), value in found.moved.items()}


def model_of(net: Network, dtype: Any, arrays: Any = None) -> Model:
    model = Model(net.graph(), dtype)
    for key, value in (arrays or {}).items():
        model.arrays[key][...] = value
    return model


def wrong_sizes(net: Network, problem: Problem) -> Iterator[Difference]:
    """What analysis says of every port, against the twin."""
    ports = problem.twin().ports
    for info in lower(net.graph()).layers:
        for port, found in zip(info.layer.outputs(), info.outputs or (), strict=True):
            name = f"{info.layer.Name}/{port}"
            if port == "size":
                continue
            shape = tuple(back(ports[name]).shape)
            wanted = (LABELS[len(shape) - 2], *shape[:-1])
            if (found.labels, *found.sizes[:-1]) != wanted:
                yield Difference("sizes", f"{name} is {found}, not {wanted}")


class Computed:
    """Our results in one precision, by the names of the twin's. What is run varies, since compiling takes the time."""

    def __init__(self, problem: Problem, dtype: Any) -> None:
        self.problem, self.net, self.dtype = problem, problem.net, dtype
        self.model = model_of(problem.net, dtype, problem.arrays)
        self.data = [x.astype(dtype) for x in problem.data]
        self.targets = [t.astype(dtype) for t in problem.targets]

    def results(self) -> Iterator[tuple[str, np.ndarray]]:
        random = self.net.random(f"what is run in {self.dtype.__name__}")
        first = self.model.predict(self.data)
        yield from zip(self.net.leaving(), first, strict=True)
        if random.random() < 0.5:
            every = self.net.data_ports()
            ports = tuple(random.choice(every, min(len(every), 3), replace=False))
            yield from zip(ports, self.model.predict(self.data, ports), strict=True)
        if self.net.outputs:
            yield from self.gradients() if random.random() < 0.5 else self.step()
            if random.random() < 0.15 and self.dtype is np.float32:
                yield from self.functions(random)
            if random.random() < 0.2:
                yield "loss", np.asarray(self.model.evaluate(self.data, self.targets)[0])
        if self.net.batch > 1 and random.random() < 0.2:
            yield from self.parts(int(random.integers(1, self.net.batch)))
        for value, again in zip(first, self.model.predict(self.data), strict=True):
            if not np.array_equal(value, again, equal_nan=True):
                raise AssertionError("a prediction does not repeat after other programs have run")

    def parts(self, at: int) -> Iterator[tuple[str, np.ndarray]]:
        """A batch is its parts joined."""
        parts = [self.model.predict([x[..., some] for x in self.data]) for some in (slice(at), slice(at, None))]
        yield from zip(self.net.leaving(), (np.concatenate(both, -1) for both in zip(*parts, strict=True)), strict=True)

    def functions(self, random: np.random.Generator) -> Iterator[tuple[str, np.ndarray]]:
        """What users call. predict gives N×K where no map reaches an output layer, unless it labels pixels."""
        net, size = self.model.network(), int(random.integers(1, self.net.batch + 1))
        data = [x.T if x.ndim == 2 else x for x in self.problem.data]
        found = predict(net, *data, MiniBatchSize=size)
        for part, value in zip(self.net.outputs, found if len(self.net.outputs) > 1 else [found], strict=True):
            *spatial, channels, batch = self.problem.right[part.sources[0]].shape
            vectors = not part.layer.per_pixel and prod(spatial) == 1
            yield part.sources[0], value.T.reshape(*spatial, channels, batch) if vectors and value.ndim == 2 else value
        port = str(random.choice([one for one in self.problem.right if "/" in one and is_data(one) and ":" not in one]))
        value = activations(net, *data, port, MiniBatchSize=size)
        vectors = max(x.ndim for x in data) == 2 == value.ndim  # N×K; a map that a layer makes of them is none
        yield port, value.T if vectors else value.reshape(self.problem.right[port].shape)

    def gradients(self) -> Iterator[tuple[str, np.ndarray]]:
        """With respect to everything; an input that no gradient reaches may be left out."""
        restart(0)
        loss, learnables, entering = self.model.gradients(self.data, self.targets)
        yield "training loss", np.asarray(loss)
        yield from ((f"gradient of {key.layer}.{key.name}", value) for key, value in learnables.items())
        yield from ((f"gradient of {part.name}", value)
                    for part, value in zip(self.net.inputs, entering, strict=bool(entering)))

    def step(self) -> Iterator[tuple[str, np.ndarray]]:
        """One step of training, after which the model is as it was."""
        restart(0)
        model, before = self.model, self.model.snapshot()
        step = model.step(self.data, self.targets)
        yield "training loss", np.asarray(step.loss)
        yield from ((f"training: {port}", value) for port, value in zip(self.net.leaving(), step.predictions, strict=True))
        yield from ((f"gradient of {one.layer}.{one.name}", value.copy())
                    for one, value in zip(model.parameters, step.gradients, strict=True) if value is not None)
        yield from ((f"{key.layer}.{key.name}", value.flatten()) for key, value in model.arrays.items()
                    if key.name in ("TrainedMean", "TrainedVariance"))
        model.restore(before)


class Judge:
    """Decides which results differ by more than rounding."""

    def __init__(self, problem: Problem, dtype: Any) -> None:
        self.problem, (self.tolerance, self.rounding) = problem, TOLERANCES[dtype]
        self.precision = float(np.finfo(dtype).eps)
        self.right = problem.right
        self.largest = max((np.abs(value).max(initial=0) for name, value in self.right.items()
                            if name.startswith("gradient")), default=0.0)
        self._moved: list[Results] = []

    def difference(self, name: str, found: np.ndarray) -> str:
        """How a result differs; empty where it does not."""
        if name not in self.right:
            fine = np.isfinite(found).all() or not self.problem.random
            return "" if fine else "it is not finite"
        right = self.right[name]
        if found.shape != right.shape:
            return f"its size is {found.shape}, not {right.shape}"
        if not found.size or not np.isfinite(right).all():
            return ""
        gradient = name.startswith("gradient")
        scale = max(np.abs(right).max(), 1e-3 * self.largest if gradient else 0, 1e-30)
        off, usual = np.abs(found - right).max(), self.tolerance * scale * (10 if gradient else 1)
        if "loss" in name:  # minus the logarithm of a probability, which lies as near to 1 as the type allows
            usual += 4 * self.precision
        if off <= usual:  # never for NaN
            return ""
        room = ROOM * max(np.abs(moved[name] - right).max() for moved in self.moved)
        return "" if off <= usual + room else f"off by {off:.2g} of {scale:.2g}, where rounding makes {room:.2g}"

    @property
    def moved(self) -> list[Results]:
        """Everything with disturbed values, as often as is worth while."""
        if not self._moved:
            self._moved = [self.problem.expected(self.rounding, seed) for seed in range(3)]
        return self._moved


def found_once(net: Network) -> list[Difference]:
    """All differences with these very values."""
    try:
        problem = Problem(net, model_of(net, np.float64))
    except Exception as error:
        return [raised("making the model", error)]
    found = list(wrong_sizes(net, problem))
    for dtype in TOLERANCES:
        judge = Judge(problem, dtype)
        try:
            for name, value in Computed(problem, dtype).results():
                if how := judge.difference(name, value):
                    found.append(Difference(f"{kind_of(name)} in {dtype.__name__}", f"{name}: {how}"))
        except Exception as error:
            found.append(raised(f"running in {dtype.__name__}", error))
        if found:
            break
    return found


def kind_of(name: str) -> str:
    return "gradient" if name.startswith("gradient") else "prediction" if "/" in name and "training" not in name else name


def raised(where: str, error: Exception) -> Difference:
    last = traceback.extract_tb(error.__traceback__)[-1]
    what = getattr(error, "identifier", type(error).__name__)
    return Difference(f"{what} when {where}", str(error)[:300], f"in {Path(last.filename).name}, {last.name}")


@dataclass(frozen=True)
class Verdict:
    """Differences that count, and those that other values do not show."""

    differences: tuple[Difference, ...] = ()
    by_chance: tuple[Difference, ...] = ()


def verdict(net: Network, threads: int = 1) -> Verdict:
    """Hold a network against its twin on so many threads, however small it is."""
    with on_threads(threads):
        found = tuple(found_once(net))
        if not found or any(one.place or one.what == "sizes" for one in found):
            return Verdict(found)
        known = {one.what for one in found}
        others = (one for attempt in range(1, ATTEMPTS) for one in found_once(net.with_other_values(attempt)))
        return Verdict(found) if any(one.what in known for one in others) else Verdict((), found)


@contextmanager
def on_threads(count: int) -> Iterator[None]:
    before, small = maxNumCompThreads(count), executable.SMALL_WORK
    executable.SMALL_WORK = 0
    try:
        yield
    finally:
        executable.SMALL_WORK = small
        maxNumCompThreads(before)
