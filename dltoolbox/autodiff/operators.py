"""Python's operators as ufuncs of NumPy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

C = TypeVar("C", bound=type)

BINARY_OPERATORS = {
    "add": np.add, "sub": np.subtract, "mul": np.multiply, "truediv": np.divide, "floordiv": np.floor_divide,
    "mod": np.remainder, "divmod": np.divmod, "pow": np.power, "matmul": np.matmul, "and": np.bitwise_and,
    "or": np.bitwise_or, "xor": np.bitwise_xor,
}
COMPARISONS = {"lt": np.less, "le": np.less_equal, "gt": np.greater, "ge": np.greater_equal, "eq": np.equal,
               "ne": np.not_equal}
UNARY_OPERATORS = {"neg": np.negative, "pos": np.positive, "abs": np.absolute, "invert": np.invert}


def with_operators(call: Callable[..., Any]) -> Callable[[C], C]:
    """A class with all operators: ``a + b`` is ``call(np.add, a, b)``, and so is ``a += b``, which makes a new a.

    Nothing equals None or a text.
    """
    def decorator(cls: C) -> C:
        for name, ufunc in (BINARY_OPERATORS | COMPARISONS).items():
            setattr(cls, f"__{name}__", ordered_call(call, ufunc, comparison=name in ("eq", "ne")))
        for name, ufunc in BINARY_OPERATORS.items():
            setattr(cls, f"__r{name}__", backward(call, ufunc))
            setattr(cls, f"__i{name}__", ordered_call(call, ufunc, comparison=False))
        for name, ufunc in UNARY_OPERATORS.items():
            setattr(cls, f"__{name}__", unary(call, ufunc))
        return cls
    return decorator


def ordered_call(call: Callable[..., Any], ufunc: np.ufunc, *, comparison: bool) -> Any:
    def operator(self: Any, other: Any) -> Any:
        if comparison and (other is None or isinstance(other, str)):
            return NotImplemented
        return call(ufunc, self, other)
    return operator


def backward(call: Callable[..., Any], ufunc: np.ufunc) -> Any:
    def operator(self: Any, other: Any) -> Any:
        return call(ufunc, other, self)
    return operator


def unary(call: Callable[..., Any], ufunc: np.ufunc) -> Any:
    def operator(self: Any) -> Any:
        return call(ufunc, self)
    return operator
