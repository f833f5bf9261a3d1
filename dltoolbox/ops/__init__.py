"""The vocabulary: every op with its size rule, its plain NumPy meaning and its gradient."""

from dltoolbox.ops import activation, arithmetic, conv, loss, norm, pool, reshape, resize
from dltoolbox.ops.base import OPS, Call, Op, as_tuple
from dltoolbox.ops.graph import Builder, Graph, Node, ParameterKey, Value

__all__ = ["OPS", "Builder", "Call", "Graph", "Node", "Op", "ParameterKey", "Value", "activation", "arithmetic", "as_tuple",
           "conv", "loss", "norm", "pool", "reshape", "resize"]
