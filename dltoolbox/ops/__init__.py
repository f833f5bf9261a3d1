"""The vocabulary: every op with its size rule, its plain NumPy meaning and its gradient."""

from dltoolbox.ops import activation, arithmetic, conv, loss, norm, pool, reshape
from dltoolbox.ops.base import OPS, Call, Kind, Op, as_tuple
from dltoolbox.ops.complex_numbers import parts, spectral
from dltoolbox.ops.custom import custom
from dltoolbox.ops.graph import Builder, Graph, Node, Outputs, ParameterKey, Recorder, Value
from dltoolbox.ops.sequences import attention, ctc, embedding, lengths, recurrent, windows_of_lengths
from dltoolbox.ops.windows import stochastic

__all__ = ["OPS", "Builder", "Call", "Graph", "Kind", "Node", "Op", "Outputs", "ParameterKey", "Recorder", "Value",
           "activation", "arithmetic", "as_tuple", "attention", "conv", "ctc", "custom", "embedding", "lengths", "loss",
           "norm", "parts", "pool", "recurrent", "reshape", "spectral", "stochastic",
           "windows_of_lengths"]
