"""Pages write for any builder: one that computes at once, in place of a record, gives what they mean."""

from dataclasses import dataclass

import numpy as np
import pytest

from dltoolbox import convolution2dLayer, maxPooling2dLayer
from dltoolbox.core.dims import Dims
from dltoolbox.ops import OPS, Builder, Graph, Kind, Recorder, Value, as_tuple


@dataclass(eq=False)
class Computed(Value):
    array: np.ndarray | None = None


class AtOnce(Builder):
    """Every op is computed as soon as a page asks for it."""

    training = False

    def __init__(self, arrays):
        self.arrays = arrays

    def record(self, op, inputs, attrs, way=None):
        dims = as_tuple(op.infer(*(value.dims for value in inputs), **attrs))
        arrays = as_tuple(op.forward(*(value.array for value in inputs), **attrs))
        outputs = tuple(Computed(size, array=array) for size, array in zip(dims, arrays, strict=True))
        return outputs if len(outputs) > 1 else outputs[0]

    def learnable(self, name, in_front=0):
        array = self.arrays[name]
        array = array.reshape((*[1] * in_front, *array.shape))
        return Computed(Dims("U" * array.ndim, array.shape), array=array)


def test_pages_write_for_a_builder_that_computes_at_once():
    rng = np.random.default_rng(0)
    x, weights, bias = (rng.standard_normal(shape) for shape in ((6, 6, 2, 3), (3, 3, 2, 4), (1, 1, 4)))
    g = AtOnce({"Weights": weights, "Bias": bias})
    y = convolution2dLayer(3, 4).build(g, Computed(Dims("SSCB", x.shape), array=x))
    window = convolution2dLayer(3, 4).window(Dims("SSCB", x.shape))
    assert np.array_equal(y.array, OPS["conv"].forward(x, weights, bias, window=window))
    assert y.dims == Dims("SSCB", (4, 4, 4, 3))


def test_ops_say_what_their_outputs_hold():
    g, dims = Recorder(Graph(), training=False), Dims("SSCB", (4, 4, 2, None))
    y, indices, size = maxPooling2dLayer(2, Stride=2, HasUnpoolingOutputs=True).build(g, Value(dims))
    assert [y.kind, indices.kind, size.kind] == [Kind.DATA, Kind.INDICES, Kind.SIZE]
    assert y.denotes is None
    assert indices.denotes == size.denotes == dims


def test_an_unknown_op_is_no_method():
    with pytest.raises(AttributeError, match="no op called 'no_such_op'"):
        Recorder(Graph(), training=False).no_such_op
