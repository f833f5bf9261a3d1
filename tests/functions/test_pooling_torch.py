"""maxpool and avgpool against PyTorch: sizes that are rounded up, dilation, divisors."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from dltoolbox.functions import avgpool, maxpool, maxunpool

pytestmark = pytest.mark.oracle

POOLS = {1: (F.max_pool1d, F.avg_pool1d), 2: (F.max_pool2d, F.avg_pool2d), 3: (F.max_pool3d, F.avg_pool3d)}


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_rounding_dilation_and_divisors_as_pytorch(rank: int) -> None:
    X, labels = np.random.default_rng(rank).standard_normal((*(9, 8, 7)[:rank], 2, 3)), "S" * rank + "CB"
    x = torch.from_numpy(X.transpose(rank + 1, rank, *range(rank)).copy())
    back = (*range(2, rank + 2), 1, 0)
    peak, mean = POOLS[rank]
    options = {"Stride": 3, "Padding": 1, "Rounding": "ceil", "DataFormat": labels}
    Y, indx, size = maxpool(X, 2, DilationFactor=2, **options, nargout=3)
    np.testing.assert_array_equal(Y, peak(x, 2, 3, 1, 2, ceil_mode=True).permute(back))
    np.testing.assert_array_equal(X.ravel("F")[indx - 1], Y)
    assert set(maxunpool(Y, indx, size, DataFormat=labels).ravel()) == {0.0, *Y.ravel()}
    for value, counts in ((0, True), ("mean", False)):
        wanted = mean(x, 2, 3, 1, ceil_mode=True, count_include_pad=counts)
        np.testing.assert_allclose(avgpool(X, 2, PaddingValue=value, **options), wanted.permute(back))
    if rank > 1:
        wanted = mean(x, 2, 3, 1, ceil_mode=True, divisor_override=3)
        np.testing.assert_allclose(avgpool(X, 2, Divisor=3, **options), wanted.permute(back))
