"""Every op of the vocabulary as a method, ``g.max_pool(x, window=w)``; editors and mypy read ``vocabulary.pyi``."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from dltoolbox.ops.base import OPS, Attributes, Op
from dltoolbox.ops.time_axis import Way

if TYPE_CHECKING:
    from dltoolbox.ops.graph import Outputs, Value


class Vocabulary(Protocol):
    """One way to record ops, for whatever has a method for each of them."""

    def record(self, op: Op, inputs: tuple[Value, ...], attrs: Attributes,
               way: Way | None = None) -> Outputs:
        """Note one use of an op; returns its output value, or a tuple of several.

        ``way`` is how it looks at T, where that is not as usual. Sizes among the attributes are told with T and B;
        the op gets them as it sees them.
        """

    def __getattr__(self, name: str) -> Callable[..., Outputs]:
        if name not in OPS:
            raise AttributeError(f"there is no op called {name!r}")
        return lambda *inputs, way=None, **attrs: self.record(OPS[name], inputs, attrs, way)
