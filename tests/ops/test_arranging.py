"""Published numbers of words that move elements."""

import numpy as np

from dltoolbox.ops import OPS


def test_depth_to_space_as_matlab_prints_it():
    x = np.arange(1.0, 49).reshape(2, 2, 12, 1, order="F")
    y = OPS["depth_to_space"].forward(x, block=(2, 2), order="dcr")[..., 0]
    first = [[1, 13, 3, 15], [25, 37, 27, 39], [2, 14, 4, 16], [26, 38, 28, 40]]
    for channel in range(3):
        np.testing.assert_array_equal(y[..., channel], np.array(first) + 4 * channel)
    np.testing.assert_array_equal(OPS["space_to_depth"].forward(y[..., None], block=(2, 2)), x)


def test_rows_and_columns_that_make_no_block_are_dropped():
    x = np.random.default_rng(0).standard_normal((5, 7, 3, 2))
    np.testing.assert_array_equal(OPS["space_to_depth"].forward(x, block=(2, 3)),
                                  OPS["space_to_depth"].forward(x[:4, :6], block=(2, 3)))
