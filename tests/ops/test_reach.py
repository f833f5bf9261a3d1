"""Every op says truly which elements of its inputs an element of its output sees: measured by what changes."""

import numpy as np
import pytest

from dltoolbox.core.random import rng as restart
from dltoolbox.ops import OPS, as_tuple
from tests.ops.samples import CASES, dims_of

LEFT_OUT = ("batch_norm", "group_norm", "masked_batch_norm", "masked_group_norm",  # with statistics of whole maps
            "lstm", "gru",  # sequences of vectors are no maps
            *(name for name in OPS if name.endswith("_of_lengths")))  # where sequences end, less is seen
UNSEEN = ("position_embedding", "position_sinusoid", "embed")  # they see where, not what, or words that there must be
OF_ANOTHER = ("max_unpool", "max_unpool_taps")  # their window is that of the pooling that the indices come from
CUT = ("symmetric-include-edge", "symmetric-exclude-edge")  # mirrors: edges see other elements
SEAM = ("concat",)  # along a spatial dimension, elements see one of the inputs, each from its own first element on

SPATIAL = [(case, number) for case in CASES for number in case.batched
           if case.inputs(1)[number].ndim > 2 and case.inputs(1)[number].dtype == np.float64
           and case.op not in LEFT_OUT + UNSEEN + OF_ANOTHER + SEAM and case.attrs.get("mode") not in CUT
           and str(case) != "conv_transposed-dilated"]  # which has holes, and which no layer makes


def first_output(case, inputs):
    restart(0)  # dropout draws
    return as_tuple(OPS[case.op].forward(*inputs, **case.attributes(1)))[0]


def seen(case, number, axis, size):
    """Which elements of the input along an axis (rows) count for those of the output along it (columns)."""
    random, inputs = np.random.default_rng(1), list(case.inputs(1))
    before = first_output(case, inputs)
    found = np.zeros((inputs[number].shape[axis], size), bool)
    for at in range(len(found)):
        for _ in range(25):
            changed = inputs[number].copy()
            line = np.moveaxis(changed, axis, 0)[at]
            line[...] = 5 * random.standard_normal(line.shape)
            after = first_output(case, [*inputs[:number], changed, *inputs[number + 1:]])
            found[at] |= np.moveaxis(after != before, axis, 0).reshape(size, -1).any(axis=1)
    return found


@pytest.mark.parametrize(("case", "number"), SPATIAL, ids=str)
def test_reach_is_what_is_seen(case, number):
    inputs = case.inputs(1)
    dims = [dims_of(x) for x in inputs]
    x, y = dims[number], as_tuple(OPS[case.op].infer(*dims, **case.attributes(1)))[0]
    found = OPS[case.op].reach(x, y, **case.attributes(1)) if y.rank else None
    for axis, n in enumerate(x.spatial if found else ()):
        reach = found[axis]
        for i, places in enumerate(map(np.flatnonzero, seen(case, number, axis, y.spatial[axis]).T)):
            first, last = ((i * reach.step + end) // reach.per for end in (reach.first, reach.last))
            assert first <= last or not places.size
            if 0 <= first <= last < n:
                assert (places[0], places[-1]) == (first, last)
            elif places.size:  # at an edge, where the nearest element may count for those that there are not
                assert np.clip(first, 0, n - 1) <= places[0]
                assert places[-1] <= np.clip(last, 0, n - 1)


def test_most_ops_are_measured():
    measured = {case.op for case, _ in SPATIAL}
    assert {"conv", "conv_transposed", "max_pool", "avg_pool", "crop", "resize", "add", "pad_edges"} <= measured
