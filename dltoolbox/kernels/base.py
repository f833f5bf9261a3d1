"""Kernels: a fast body of one op, or of a chain of ops, with the same meaning.

Only `dltoolbox.program` uses kernels. A kernel is *bound* once to a `BindContext`: the arrays that it will read and write in
every run, at addresses that never change. Binding does all the work that does not depend on values (views, block
sizes, reshaping) and returns closures without arguments, so that running a program is calling one closure after another.

Arrays at a site have the axes of the op (S…, C, N) and lie in memory in an *order* that the program asked the kernel
for (see `dltoolbox.kernels.memory_format`); inputs lie in the order that their producer chose.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any, ClassVar, NamedTuple, Protocol, TypeVar

import numpy as np
from numpy.typing import DTypeLike

from dltoolbox.core.dims import Dims
from dltoolbox.kernels import memory_format
from dltoolbox.kernels.memory_format import Order as Order  # given on
from dltoolbox.kernels.memory_format import inverse
from dltoolbox.ops.base import IN, OPS, Attributes, Call, Gradients, as_tuple
from dltoolbox.ops.time_axis import Way

Closure = Callable[[], object]


@dataclass(frozen=True)
class KernelSpec:
    """The key that a kernel is chosen by: everything about a use of an op that is known before there are arrays."""

    op: str
    inputs: tuple[Dims, ...]
    outputs: tuple[Dims, ...]
    orders: tuple[Order, ...]  # memory orders of the inputs
    attrs: Attributes
    dtype: np.dtype  # of the data: float32 or float64
    needs_input_grad: tuple[bool, ...] = ()  # which inputs want a gradient; none in inference
    threads: int = 1  # threads that share this one step, when there are fewer observations than threads
    precision: str = "default"  # 'fast' permits roundings ten times larger
    way: Way = Way.FOLD  # how T is looked at; sizes and orders are those that the op sees

    def preferred_order(self, dims: Dims) -> Order:
        """The order in which convolutions deliver an array of these sizes: that of their neighbours, who see T·B."""
        steps = dims.spatial[-1] if self.way is Way.SPACE else 1
        return memory_format.preferred_order(dims.shape, dims.shape[-1] * steps)


class Memory(Protocol):
    """Sources of a site's extra memory."""

    def scratch(self, shape: Sequence[int], dtype: DTypeLike) -> np.ndarray: ...
    def keep(self, shape: Sequence[int], dtype: DTypeLike) -> np.ndarray: ...
    def shared(self, shape: Sequence[int], dtype: DTypeLike) -> np.ndarray: ...


@dataclass
class BindContext:
    """The place in a program where a kernel is bound: its arrays, for ever.

    Attributes:
        case: What the kernel was chosen by.
        inputs: Arrays to read, never to write. Parameters are C-contiguous.
        outputs: Arrays to write in the forward call.
        grad_outputs: Gradients of the outputs, to read in the backward call and free to be overwritten there; None where
            none arrives.
        grad_inputs: Where gradients of the inputs go: written, not added to, but for those in ``accumulate_into``. None
            where none is wanted.
        memory: Where `scratch`, `keep` and `shared` come from.
        all_reduce: Adds a small array up over all shards of the batch, in place; every shard must call it equally often.
        shards: How many shards of the batch run this step at the same time, each with a site of its own.
        accumulate_into: Inputs whose gradients are added to what others left there; only those that
            `Kernel.can_accumulate` offers.
        computed: Inputs that other steps of the run compute; what `prepare` reads must not be among them.
    """

    case: KernelSpec
    inputs: tuple[np.ndarray, ...]
    outputs: tuple[np.ndarray, ...]
    grad_outputs: tuple[np.ndarray | None, ...]
    grad_inputs: tuple[np.ndarray | None, ...]
    memory: Memory
    all_reduce: Callable[[np.ndarray], None]
    shards: int = 1
    accumulate_into: frozenset[int] = frozenset()
    computed: frozenset[int] = frozenset()

    @property
    def attrs(self) -> Attributes:
        return self.case.attrs

    @property
    def dtype(self) -> np.dtype:
        return self.case.dtype

    @property
    def training(self) -> bool:
        """Whether a backward call will follow."""
        return any(self.case.needs_input_grad)

    def scratch(self, shape: Sequence[int], dtype: DTypeLike | None = None, order: Order | None = None) -> np.ndarray:
        """A temporary: its contents are undefined at the start of every forward and every backward call."""
        return self._arranged(self.memory.scratch, shape, dtype, order)

    def keep(self, shape: Sequence[int], dtype: DTypeLike | None = None, order: Order | None = None) -> np.ndarray:
        """Memory that the backward call finds as the forward call of the same run left it."""
        return self._arranged(self.memory.keep, shape, dtype, order)

    def shared(self, shape: Sequence[int], dtype: DTypeLike | None = None) -> np.ndarray:
        """Memory common to shards with the same plan, filled by ``prepare`` and kept while the parameters stay the same."""
        return self.memory.shared(tuple(shape), self.dtype if dtype is None else dtype)

    def _arranged(self, take: Callable[..., np.ndarray], shape: Sequence[int], dtype: DTypeLike | None,
                  order: Order | None) -> np.ndarray:
        order = tuple(range(len(shape))) if order is None else order
        flat = take([shape[axis] for axis in order], self.dtype if dtype is None else dtype)
        return flat.transpose(inverse(order))


class BoundKernel(NamedTuple):
    """A kernel at its site. ``forward`` and ``backward`` hold one closure, or one per thread, to run at the same time.

    ``prepare`` depends on parameters alone (transformed filters, folded factors) and fills `BindContext.shared` memory; it
    runs on one thread before the first forward call and after every change of the parameters; the closures of
    ``prepare_parallel`` run after it, in any order and on several threads. ``pre_run`` runs in every run before the forward
    calls, shard after shard in one thread: random numbers are drawn there.
    """

    forward: tuple[Closure, ...]
    backward: tuple[Closure, ...] = ()
    prepare: Closure | None = None
    pre_run: Closure | None = None
    prepare_parallel: tuple[Closure, ...] = ()


def in_turn(calls: Iterable[Closure | None]) -> Closure:
    """One closure that runs those that there are, one after the other."""
    steps = tuple(call for call in calls if call is not None)
    if len(steps) == 1:
        return steps[0]

    def run() -> None:
        for step in steps:
            step()
    return run


class Kernel:
    """A fast body of an op, or of a chain of ops ``a+b+c``.

    Attributes:
        ops: What the class is entered for; the first is the one that it serves unless told otherwise.
        accelerator: The optional package that it needs.
        note: What `explain` says beside its name.
        op: What this kernel serves.
    """

    ops: ClassVar[tuple[str, ...]] = ()
    accelerator: ClassVar[str] = ""
    note: ClassVar[str] = ""

    def __init__(self, op: str = "") -> None:
        self.op = op or self.ops[0]

    @property
    def name(self) -> str:
        """The same for a kernel and its twin."""
        return next(cls.__name__ for cls in type(self).__mro__ if not getattr(cls, "accelerator", ""))

    @property
    def saved_for_backward(self) -> frozenset[str]:
        """Which arrays of the site, ``inputs`` or ``outputs``, its backward call reads; the op's own choice by default."""
        return IN if "+" in self.op else OPS[self.op].saved_for_backward

    @property
    def by_observation(self) -> bool:
        """Whether shards of a batch may run it independently, or meet where they may not."""
        return "+" in self.op or OPS[self.op].by_observation

    def accepts(self, case: KernelSpec) -> bool:
        """Whether it can, and should, be used."""
        return True

    def orders(self, case: KernelSpec) -> tuple[Order, ...]:
        """Memory orders of the outputs: those of the first input of that many axes, unless a kernel knows better."""
        def like(dims: Dims) -> Order:
            return next((order for order in case.orders if len(order) == len(dims.sizes)), tuple(range(len(dims.sizes))))
        return tuple(like(dims) for dims in case.outputs)

    def can_accumulate(self, number: int) -> bool:
        """Whether it can add the gradient of that input to what is there, which saves whoever adds a pass."""
        return False

    def bind(self, site: BindContext) -> BoundKernel:
        """Closures that run this op at a site; the default calls the op's own body and copies what it returns."""
        return bind_plain(OPS[self.op], site)


def bind_plain(body: Any, site: BindContext) -> BoundKernel:
    """Closures around a body with ``forward(*inputs)`` and ``backward(call, *grads)``."""
    def forward() -> None:
        results = as_tuple(body.forward(*site.inputs, **site.attrs))
        for target, result in zip(site.outputs, results, strict=True):
            np.copyto(target, result, casting="unsafe")

    def backward() -> None:
        call = Call(site.inputs, site.outputs, site.case.needs_input_grad)
        gradients: Gradients = body.backward(call, *site.grad_outputs, **site.attrs)
        for target, result in zip(site.grad_inputs, gradients, strict=True):
            if target is not None:
                target[...] = 0 if result is None else result
    return BoundKernel((forward,), (backward,) if site.training else ())


KERNELS: dict[str, list[Kernel]] = {}


K = TypeVar("K", bound=type[Kernel])


def kernel(*ops: str) -> Callable[[K], K]:
    """Class decorator: enter a kernel for ops or chains of ops; of several for one, the last entered that accepts is the
    first choice.
    """
    def enter(cls: K) -> K:
        cls.ops = ops
        for op in ops:
            KERNELS.setdefault(op, []).append(cls(op))
        return cls
    return enter


def candidates(case: KernelSpec) -> list[Kernel]:
    """The kernels to choose from, first choice first; the op's own NumPy body, wrapped, where none accepts."""
    accepting = [kernel for kernel in reversed(KERNELS.get(case.op, [])) if kernel.accepts(case)]
    return accepting or [plain(case.op)]


def plain(op: str) -> Kernel:
    """The op's own body as a kernel."""
    return Kernel(op)


def empty(shape: Sequence[int], dtype: DTypeLike) -> np.ndarray:
    """Memory that nobody has written to: all of kernels and programs comes from here, so that tests can poison it."""
    return np.empty(tuple(shape), dtype)


@dataclass
class OwnMemory:
    """Memory for a site outside a program: in tests and when kernels are measured. Also counts what was asked for."""

    scratch_bytes: int = 0
    keep_bytes: int = 0
    taken: list[np.ndarray] = field(default_factory=list)

    def scratch(self, shape: Sequence[int], dtype: DTypeLike) -> np.ndarray:
        self.scratch_bytes += prod(shape) * np.dtype(dtype).itemsize
        return self._take(shape, dtype)

    def keep(self, shape: Sequence[int], dtype: DTypeLike) -> np.ndarray:
        self.keep_bytes += prod(shape) * np.dtype(dtype).itemsize
        return self._take(shape, dtype)

    def shared(self, shape: Sequence[int], dtype: DTypeLike) -> np.ndarray:
        return self._take(shape, dtype)

    def _take(self, shape: Sequence[int], dtype: DTypeLike) -> np.ndarray:
        self.taken.append(empty(shape, dtype))
        return self.taken[-1]
