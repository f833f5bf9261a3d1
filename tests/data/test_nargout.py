"""Several outputs by nargout."""

import numpy as np
import pytest

from dltoolbox.core.nargout import outputs


def test_outputs():
    assert outputs(("X", "Y", "Z"), 1, "f") == "X"
    assert outputs(["X", "Y", "Z"], np.int64(2), "f") == ("X", "Y")
    assert outputs(("X", "Y", "Z"), 3, "f") == ("X", "Y", "Z")


@pytest.mark.parametrize("nargout", [0, 4, -1, 1.0, "1", None, True])
def test_range(refused, nargout):
    with refused("f:nargout"):
        outputs(("X", "Y", "Z"), nargout, "f")


def test_one_output_only(refused):
    with refused("f:nargout"):
        outputs(("X",), 2, "f")
