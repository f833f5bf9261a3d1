"""Ways to run networks that every result must be indifferent to: measured kernels, random kernels, poisoned memory.

On the command line ``pytest --mode …`` runs any test in one of them; inside a test, or any other program, each is a context:

    with random_kernels(7), poisoned():
        model.step(…)

A kernel is chosen when a program is compiled, so a model must be made inside.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dltoolbox.kernels import BoundKernel, Closure, base
from dltoolbox.program import bound_plan, executable
from dltoolbox.program.executable import Program
from dltoolbox.runtime import autotune

MODES = ("first", "default", "random", "poisoned")


@contextmanager
def mode(name: str, cache: Path, seed: Any = 0) -> Iterator[None]:
    """A mode by name.

    Args:
        name: ``first``: the first choice of every kernel. ``default``: what users get, measured choices. ``random``: kernels
            drawn among all candidates. ``poisoned``: the same, in memory full of NaN.
        cache: The folder of measured choices, never the user's own.
        seed: What kernels are drawn from.
    """
    with ExitStack() as stack:
        stack.enter_context(environment(DLTOOLBOX_CACHE=str(cache)))
        if name == "first":
            stack.enter_context(first_kernels())
        elif name == "default":
            stack.enter_context(measured_kernels())
        else:
            stack.enter_context(random_kernels(seed))
        if name == "poisoned":
            stack.enter_context(poisoned())
        yield


@contextmanager
def environment(**variables: str) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in variables.items():
            patch.setenv(name, value)
        autotune.choices.cache_clear()  # answers of another mode
        yield
    autotune.choices.cache_clear()


def first_kernels() -> Any:
    """Nothing is measured."""
    return environment(DLTOOLBOX_TUNE="0")


def measured_kernels() -> Any:
    """What users get by default."""
    return environment(DLTOOLBOX_TUNE="1")


def random_kernels(seed: Any) -> Any:
    """Every choice among kernels is drawn, the same for one seed and question."""
    return environment(DLTOOLBOX_TUNE=f"random:{seed}")


@contextmanager
def on_threads(count: int) -> Iterator[None]:
    """Every network runs on so many threads, however small it is."""
    with environment(DLTOOLBOX_NUM_THREADS=str(count)), pytest.MonkeyPatch.context() as patch:
        patch.setattr(executable, "SMALL_WORK", 0)
        yield


@contextmanager
def poisoned() -> Iterator[None]:
    """Memory is full of NaN, integers of their largest value, wherever a kernel or program may not rely on it: when it is
    taken, all planned memory before every run, and scratch and results before every forward and backward call.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(base, "empty", spoilt_array)
        patch.setattr(Program, "rebind", spoiling_rebind(Program.rebind))
        patch.setattr(bound_plan, "StepMemory", RecordingMemory)
        patch.setattr(bound_plan.Shard, "_bind_step", spoiling_steps(bound_plan.Shard._bind_step))
        yield


def spoil(x: np.ndarray) -> None:
    x[...] = np.nan if x.dtype.kind == "f" else np.iinfo(x.dtype).max if x.dtype.kind in "iu" else True


def spoilt_array(shape: Sequence[int], dtype: Any) -> np.ndarray:
    x = np.empty(tuple(shape), dtype)
    spoil(x)
    return x


def spoiling_rebind(rebind: Callable[[Program], None]) -> Callable[[Program], None]:
    def run(program: Program) -> None:
        rebind(program)
        for arena in program.arenas:
            arena.block.fill(0xFF)  # a NaN in every precision
    return run


class RecordingMemory(bound_plan.StepMemory):
    """Remembers what scratch it has given."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.given: list[np.ndarray] = []

    def scratch(self, shape: Sequence[int], dtype: Any) -> np.ndarray:
        self.given.append(super().scratch(shape, dtype))
        return self.given[-1]

    def shared(self, shape: Sequence[int], dtype: Any) -> np.ndarray:
        count = len(self.given)
        array = super().shared(shape, dtype)
        del self.given[count:]  # filled before the step
        return array


def spoiling_steps(bind_step: Callable[..., BoundKernel]) -> Callable[..., BoundKernel]:
    def bind(self: bound_plan.Shard, i: int, step: Any, memory: RecordingMemory, allocate: Any) -> BoundKernel:
        bound = bind_step(self, i, step, memory, allocate)
        outputs = [self.values[value] for value in step.node.outputs]
        grad_inputs = [self.gradients[value] for number, value in enumerate(step.node.inputs)
                       if self.incoming.get(value, [None])[0] == (i, number)]
        return bound._replace(forward=spoiling(bound.forward, [*memory.given, *outputs]),
                              backward=spoiling(bound.backward, [*memory.given, *grad_inputs]))
    return bind


def spoiling(bands: tuple[Closure, ...], garbage: Sequence[np.ndarray]) -> tuple[Closure, ...]:
    """Only where one thread runs the step: others would already be at work."""
    if len(bands) != 1:
        return bands

    def run() -> None:
        for x in garbage:
            spoil(x)
        bands[0]()
    return (run,)
