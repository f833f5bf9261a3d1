"""How fast a step could be here: its multiply-adds at the rate of a large matrix product, and its bytes at that of a copy.

What is counted is what no program can avoid, with convolutions computed directly (Winograd's algorithm may multiply less):
elementwise ops happen while their neighbours read or write, and every other op reads its inputs and writes its outputs
once. Its gradient reads those of the outputs and, again, the inputs that it needs, and writes those of the inputs.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from math import prod
from typing import Any, NamedTuple

import numpy as np

from benchmarks import ours
from benchmarks.rows import Row
from dltoolbox import layerGraph
from dltoolbox.core.dims import Dims
from dltoolbox.layers.inputs import DataInput
from dltoolbox.network.lowering.lower import lower
from dltoolbox.ops import Graph, Node, Value
from dltoolbox.program.passes import multiply_adds

# Cost no bytes of their own.
FREE = {"relu", "leaky_relu", "dropout", "softmax", "batch_norm_inference", "input_normalise", "size_of"}
ITEM = 4  # bytes of a number
SECONDS = 1.0  # for which a rate is measured
GEMM_SIDE, COPY_BYTES = 1024, 1 << 26


class Work(NamedTuple):
    """What one mini-batch takes."""

    flops: float  # two per multiply-add
    bytes: float


class Rates(NamedTuple):
    """What the threads reach together, per second."""

    flops: float
    bytes: float  # read and written

    def seconds(self, work: Work) -> tuple[float, float]:
        """The least time for products, and for memory."""
        return work.flops / self.flops, work.bytes / self.bytes


# The network ---------------------------------------------------------------------------------------------------------
def work_of(row: Row) -> Work:
    """Count one mini-batch of a row, forward and, for training, back."""
    training = row.work != "predict"
    graph = graph_of(row, training)
    entering = set(graph.inputs)
    flops = bytes_ = 0.0
    for node in graph.nodes:
        backward = training and node.op.differentiable
        wanted = [value not in entering and value.kind == "data" for value in node.inputs]
        products = 1 + backward * sum(wanted[:2])  # the gradients of data and of weights are as large
        flops += 2 * multiply_adds(node) * products
        if node.op.name not in FREE:
            bytes_ += forward_bytes(node) + backward * backward_bytes(node, wanted)
    return Work(flops, bytes_)


def graph_of(row: Row, training: bool) -> Graph:
    lgraph = layerGraph(ours.NETWORKS[row.network](row.size))
    sources: dict[str, Dims] = {layer.Name: layer.dims().with_size("B", row.size.batch) for layer in lgraph.nodes
                                if isinstance(layer, DataInput)}
    return lower(lgraph, training=training, sources=sources).graph


def size_in_bytes(value: Value) -> int:
    """Tap numbers of 8 bits take the place of indices."""
    return prod(int(n or 0) for n in value.dims.sizes) * (1 if value.kind == "indices" else ITEM)


def forward_bytes(node: Node) -> int:
    return sum(map(size_in_bytes, (*node.inputs, *node.outputs)))


def backward_bytes(node: Node, wanted: list[bool]) -> int:
    again = node.inputs if "inputs" in node.op.saved_for_backward else ()
    gradients = [value for value, want in zip(node.inputs, wanted, strict=True) if want]
    return sum(map(size_in_bytes, (node.outputs[0], *again, *gradients)))


# The machine ---------------------------------------------------------------------------------------------------------
def rates(threads: int, seconds: float = SECONDS) -> Rates:
    """Measured with every thread at work on arrays of its own; BLAS must be limited to one thread."""
    factors = [np.ones((GEMM_SIDE, GEMM_SIDE), np.float32) for _ in range(threads)]
    product = shortest([partial(np.matmul, x, x, np.empty_like(x)) for x in factors], seconds)
    sources = [np.ones(COPY_BYTES, np.uint8) for _ in range(threads)]
    copy = shortest([partial(np.copyto, np.ones_like(x), x) for x in sources], seconds)
    return Rates(threads * 2 * GEMM_SIDE**3 / product, threads * 2 * COPY_BYTES / copy)


def shortest(calls: list[Callable[[], Any]], seconds: float) -> float:
    """The shortest time in which all of them, run at the same time, are done."""
    best, end = float("inf"), time.perf_counter() + seconds
    with ThreadPoolExecutor(len(calls)) as pool:
        while time.perf_counter() < end:
            start = time.perf_counter()
            for future in [pool.submit(call) for call in calls]:
                future.result()
            best = min(best, time.perf_counter() - start)
    return best
