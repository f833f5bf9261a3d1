"""Windows that see nothing but padding: analysis warns, counts them, and says what helps, which does."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dltoolbox import DltoolboxError, analyzeNetwork, dlnetwork, imageInputLayer, predict
from dltoolbox.layers import FACTORIES


def empty(layer: Any, *size: int) -> list[Any]:
    found = analyzeNetwork([imageInputLayer([*size, 2], Normalization="none"), layer], nargout=1).Issues
    return [issue for issue in found if issue.identifier.endswith(":emptyWindows")]


@pytest.mark.parametrize(("options", "size", "count"), [
    ({"PoolSize": 1, "Stride": 3, "Rounding": "caffe"}, (5, 5), "5 of the 9"),
    ({"PoolSize": 2, "DilationFactor": 3, "Padding": [2, 2, 0, 0]}, (2, 5), "2 of the 6"),
    ({"PoolSize": 2, "DilationFactor": 4, "Padding": 2}, (3, 3), "5 of the 9"),
    ({"PoolSize": 1, "Stride": 2, "Rounding": "caffe"}, (4, 4), "5 of the 9"),
])
@pytest.mark.parametrize("kind", ["max", "average", "stochastic"])
def test_analysis_warns_of_empty_windows(kind: str, options: dict[str, Any], size: tuple[int, int], count: str) -> None:
    make = FACTORIES[f"{kind}Pooling2dLayer"]
    given = dict(options)
    pool = given.pop("PoolSize")
    (issue,) = empty(make(pool, **given), *size)
    assert issue.severity == "warning"
    assert issue.message.startswith(f"{count} windows of {kind}Pooling2dLayer see nothing but padding")
    assert ("-Inf" if kind == "max" else "0 comes out") in issue.message
    changes: dict[str, Any] = {}
    exec(issue.hint.removeprefix("Set ").removesuffix(".").replace(" and ", "; ").replace(", ", "; "), {}, changes)
    assert not empty(make(pool, **{**given, **changes}), *size)
    y = predict(dlnetwork([imageInputLayer([*size, 2], Normalization="none"), make(pool, **given)]),
                np.ones((*size, 2, 3), np.float32))
    empties = int(count.split()[0]) * 2 * 3
    assert (y == (-np.inf if kind == "max" else 0)).sum() == empties


def test_no_window_is_empty_where_padding_is_smaller_than_the_pool() -> None:
    for rounding in ("floor", "ceil"):
        assert not empty(FACTORIES["maxPooling2dLayer"](3, Stride=4, Padding=2, Rounding=rounding), 2, 9)
    with pytest.raises(DltoolboxError, match="Padding of 3 is not smaller than the pool size 3×3"):
        FACTORIES["maxPooling2dLayer"](3, Padding=3)
