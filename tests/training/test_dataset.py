"""Mini-batches, one-hot targets, metrics and the statistics of a set."""

import numpy as np
import pytest

from dltoolbox.core.arrays import all_finite, first_not_finite
from dltoolbox.core.random import rng, stream
from dltoolbox.training.dataset import Dataset, MiniBatches, OneHot
from dltoolbox.training.metrics import METRICS
from dltoolbox.training.statistics import normalization_statistics


@pytest.mark.parametrize("dtype", [np.uint8, bool, np.float32, np.float64])
@pytest.mark.parametrize("layout", ["C", "F", "strided"])
def test_batches_are_float32_and_contiguous(dtype, layout):
    x = (np.random.default_rng(0).random((4, 3, 2, 10)) * 3).astype(dtype)
    stored = {"C": x, "F": np.asfortranarray(x), "strided": np.repeat(x, 2, axis=-1)[..., ::2]}[layout]
    before = stored.copy()
    data = Dataset([stored], [OneHot(np.arange(10) % 3, 3)])
    for index in (np.array([7, 0, 7]), slice(2, 5)):
        inputs, targets = data.batch(index)
        assert inputs[0].dtype == targets[0].dtype == np.float32
        assert inputs[0].flags.c_contiguous
        assert inputs[0].flags.owndata
        np.testing.assert_array_equal(inputs[0], x[..., index].astype(np.float32))
        inputs[0][...] = -1
    np.testing.assert_array_equal(stored, before)


def test_double_precision_flows_through_on_request():
    batch = Dataset([np.ones((2, 3))], [np.ones((1, 3))], dtype=np.float64).batch(slice(0, 2))
    assert batch.inputs[0].dtype == batch.targets[0].dtype == np.float64


def test_one_hot_of_labels_and_pixels():
    labels = OneHot(np.array([1, 0, -1]), 2)
    assert labels.shape == (2, 3)
    np.testing.assert_array_equal(np.asarray(labels), [[0, 1, 0], [1, 0, 0]])
    pixels = OneHot(np.array([[[0, 1]], [[-1, 2]]]), 3)  # 2×1 pixels, 2 observations
    assert pixels.shape == (2, 1, 3, 2)
    got = pixels.gather(np.array([1]), np.dtype(np.float32))
    np.testing.assert_array_equal(got[:, 0, :, 0], [[0, 1, 0], [0, 0, 1]])
    assert pixels.codes.dtype == np.int8


def test_one_hot_holds_many_classes():
    codes = np.array([0, 299, -1])
    np.testing.assert_array_equal(np.asarray(OneHot(codes, 300)).argmax(axis=0), [0, 299, 0])


def test_whole_set_in_order_with_the_remainder():
    data = Dataset([np.arange(10.0)[None]])
    assert [b[0].shape[-1] for b in data.input_batches(4)] == [4, 4, 2]
    assert np.concatenate([b.inputs[0][0] for b in data.batches(4)]).tolist() == list(range(10))


def test_incomplete_last_batch_is_dropped_and_small_sets_are_one_batch():
    batches = MiniBatches(10, 4, "never", stream("shuffle"))
    assert [index.tolist() for index in batches.epoch()] == [[0, 1, 2, 3], [4, 5, 6, 7]]
    small = MiniBatches(3, 128, "never", stream("shuffle"))
    assert (small.per_epoch, [index.tolist() for index in small.epoch()]) == (1, [[0, 1, 2]])


def order(shuffle, epochs=2):
    rng(0)
    batches = MiniBatches(20, 6, shuffle, stream("shuffle"))
    return [np.concatenate(list(batches.epoch())).tolist() for _ in range(epochs)]


def test_shuffling():
    once, every, never = order("once"), order("every-epoch"), order("never")
    assert once[0] == once[1] != never[0]
    assert every[0] != every[1]
    assert set(once[0]) == set(once[1])  # always the same two are dropped
    assert never == [list(range(18))] * 2
    assert (order("once"), order("every-epoch")) == (once, every)  # rng(0) repeats
    assert len(set(every[0])) == 18


def test_accuracy_counts_labelled_pixels_only():
    target = np.asarray(OneHot(np.array([[0, 1, 1, -1]]), 2))  # 1×K×N
    scores = np.array([[[0.9, 0.1, 0.8, 0.7], [0.1, 0.9, 0.2, 0.3]]], np.float32)
    metric = METRICS["accuracy"]
    assert metric.measure([scores], [target]) == (2, 3)
    assert metric.of([scores], [target]) == pytest.approx(200 / 3)
    assert metric.loss_weight([target]) == 3
    assert np.isnan(metric.of([scores], [np.zeros_like(target)]))


def test_rmse_is_per_response_element():
    metric = METRICS["rmse"]
    y, t = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[1.0, 0.0], [3.0, 0.0]])
    assert metric.of([y], [t]) == pytest.approx(np.sqrt((4 + 16) / 4))
    assert metric.loss_weight([t]) == 2


@pytest.mark.parametrize("shape", [(5, 4, 3, 57), (6, 57), (2, 3, 4, 2, 11)])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_statistics_match_float64(shape, dtype, monkeypatch):
    monkeypatch.setattr("dltoolbox.training.statistics.CHUNK", 100)  # many chunks, an incomplete last one
    x = (np.random.default_rng(0).random(shape) * 255).astype(dtype)
    wide = x.astype(np.float64)
    for dimension, axes, size in (("channel", (*range(x.ndim - 2), x.ndim - 1), (1,) * (x.ndim - 2) + shape[-2:-1]),
                                  ("element", x.ndim - 1, shape[:-1]), ("all", None, (1,) * (x.ndim - 1))):
        got = normalization_statistics(x, dimension)
        assert {value.shape for value in got.values()} == {size}
        for name, function in (("Mean", np.mean), ("StandardDeviation", np.std), ("Min", np.min), ("Max", np.max)):
            expected = function(wide, axis=axes, keepdims=True)[..., 0]
            np.testing.assert_allclose(got[name], expected, rtol=1e-12, atol=1e-12)


def test_statistics_far_from_zero_are_stable():
    x = np.float32(1e6) + np.random.default_rng(0).standard_normal((3, 100_000)).astype(np.float32)
    got = normalization_statistics(x, wanted=("StandardDeviation",))
    assert list(got) == ["StandardDeviation"]
    np.testing.assert_allclose(got["StandardDeviation"], x.astype(np.float64).std(axis=1), rtol=1e-9)


def test_finiteness():
    x = np.full((10, 5), 1e38, np.float32)
    assert all_finite(x)  # although the sum overflows
    assert all_finite(np.zeros((0, 2)))
    assert all_finite(np.array([1, 2]))
    x[3, 2] = np.nan
    x[4, 4] = np.inf
    assert not all_finite(x)
    assert first_not_finite(x) == (2, 2)
