"""What a kernel is: a fast body of one op, with the same meaning.

Only `dltoolbox.program` calls kernels. A kernel may return views of any memory layout, as long as the axes have the
order that the op's do. It takes large arrays that it returns from ``work.empty`` and large temporaries from
``work.scratch``, so that the program can own their memory.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any, ClassVar

import numpy as np

from dltoolbox.core.formats import Dims
from dltoolbox.ops.base import OPS, Call, Gradients


class Workspace:
    """The memory that one step works in. Scratch memory is kept from call to call; outputs are not."""

    def __init__(self) -> None:
        self._scratch: dict[str, np.ndarray] = {}  # by tag: bytes, as many as were ever needed

    def empty(self, shape: Sequence[int], dtype: Any) -> np.ndarray:
        """An uninitialised C-contiguous array for something that leaves the kernel."""
        return np.empty(tuple(shape), dtype)

    def scratch(self, tag: str, shape: Sequence[int], dtype: Any) -> np.ndarray:
        """An uninitialised temporary; its memory is that of every other temporary of this tag."""
        needed = prod(shape) * np.dtype(dtype).itemsize
        kept = self._scratch.get(tag)
        if kept is None or len(kept) < needed:
            kept = self._scratch[tag] = np.empty(needed, np.uint8)
        return kept[:needed].view(dtype).reshape(shape)


class Kernel:
    """A fast body of the op named ``op``."""

    op: ClassVar[str] = ""

    @property
    def reads(self) -> frozenset[str]:
        """What its gradient looks at; the op's own choice unless a kernel has reason to differ."""
        return OPS[self.op].reads

    def accepts(self, inputs: Sequence[Dims], attrs: Mapping[str, Any]) -> bool:
        """Whether it can (and should) be used for inputs of these sizes; all sizes are known."""
        return True

    def forward(self, work: Workspace, *inputs: Any, **attrs: Any) -> Any:
        """As the op's forward; the default is the op's own."""
        return OPS[self.op].forward(*inputs, **attrs)

    def backward(self, work: Workspace, call: Call, *grads: Any, **attrs: Any) -> Gradients:
        """As the op's backward; the default is the op's own."""
        return OPS[self.op].backward(call, *grads, **attrs)


KERNELS: dict[str, list[Kernel]] = {}


def kernel(cls: type[Kernel]) -> type[Kernel]:
    """Class decorator: enter a kernel; of several for one op, the last entered that accepts is used."""
    KERNELS.setdefault(cls.op, []).append(cls())
    return cls


def choose(op: str, inputs: Sequence[Dims], attrs: Mapping[str, Any]) -> Kernel:
    """The kernel to use; the op's own NumPy body, wrapped, where none accepts."""
    for candidate in reversed(KERNELS.get(op, [])):
        if candidate.accepts(inputs, attrs):
            return candidate
    return plain(op)


def plain(op: str) -> Kernel:
    """The op's own body as a kernel: what the unfused oracle program is made of."""
    body = Kernel()
    body.op = op  # type: ignore[misc]
    return body
