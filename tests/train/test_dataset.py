"""Mini-batches, one-hot targets, metrics and the statistics of a set."""

import numpy as np
import pytest

from dltoolbox.core.arrays import all_finite, first_not_finite
from dltoolbox.core.random import rng, stream
from dltoolbox.data.sources.arrays import ArraySource, OneHot, Reader
from dltoolbox.data.sources.batches import MiniBatches
from dltoolbox.train.input_statistics import normalization_statistics
from dltoolbox.train.metrics import METRICS


def images(dtype, layout):
    """Images 4×3×2×23 in several kinds of memory, with the same in the order of C."""
    x = (np.random.default_rng(0).random((4, 3, 2, 23)) * 100).astype(dtype)
    stored = {"C": x, "F": np.asfortranarray(x), "first": np.moveaxis(np.moveaxis(x, -1, 0).copy(), 0, -1),
              "middle": np.swapaxes(np.swapaxes(x, 1, 3).copy(), 1, 3), "strided": np.repeat(x, 2, axis=-1)[..., ::2],
              "backwards": x[..., ::-1].copy()[..., ::-1], "cropped": np.pad(x, ((1, 1), (1, 0), (0, 0), (0, 0)))[1:5, 1:],
              "swapped": x.astype(x.dtype.newbyteorder()), "equal": np.broadcast_to(x[..., :1], x.shape)}[layout]
    return stored, np.ascontiguousarray(stored)


LAYOUTS = ["C", "F", "first", "middle", "strided", "backwards", "cropped", "swapped", "equal"]


@pytest.mark.parametrize("dtype", [np.uint8, bool, np.float32, np.float64, np.int64])
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(("window", "stage"), [(1 << 20, 1 << 20), (1, 1), (1000, 400)])
def test_an_order_picks_the_right_observations(dtype, layout, window, stage, monkeypatch):
    monkeypatch.setattr("dltoolbox.data.sources.arrays.WINDOW", window)
    monkeypatch.setattr("dltoolbox.data.sources.arrays.STAGE", stage)
    monkeypatch.setattr("dltoolbox.data.sources.arrays.thread_count", lambda: 3)
    stored, x = images(dtype, layout)
    codes = np.arange(23) % 3
    reader = Reader(ArraySource([stored], [OneHot(codes, 3)]), 5)
    for seed in range(2):
        order = np.random.default_rng(seed).permutation(23)
        reader.arrange(order)
        for start in (0, 5, 10, 15, 20, 5):
            index = order[start:start + 5]
            inputs, targets, *_ = reader.batch(start)
            np.testing.assert_array_equal(inputs[0].astype(np.float32), x[..., index].astype(np.float32))
            assert inputs[0].dtype.kind == x.dtype.kind
            np.testing.assert_array_equal(targets[0], codes[index] == np.arange(3)[:, None])


def test_without_an_order_inputs_are_views():
    x = np.arange(30.0).reshape(3, 10)
    reader = Reader(ArraySource([x], [x]), 4)
    for start in (0, 4, 8):
        (inputs,), (targets,), *_ = reader.batch(start)
        assert np.shares_memory(inputs, x)
        assert np.shares_memory(targets, x)
        np.testing.assert_array_equal(inputs, x[:, start:start + 4])


def test_the_window_is_bounded_and_kept_while_the_order_stays(monkeypatch):
    monkeypatch.setattr("dltoolbox.data.sources.arrays.WINDOW", 1 << 10)
    small = Reader(ArraySource([np.zeros((16, 1000), np.float32)]), 10)
    assert small.most * 64 <= 16 * 1000 * 4 / 8  # an eighth of the set
    loaded = []
    monkeypatch.setattr(Reader, "load", lambda self, *span, load=Reader.load: (loaded.append(span), load(self, *span)))
    monkeypatch.setattr("dltoolbox.data.sources.arrays.WINDOW", 1 << 20)
    batches = MiniBatches(ArraySource([np.zeros((16, 1000), np.float32)]), 10, "once", stream("shuffle"))
    for _ in range(3):
        assert len(list(batches.epoch())) == 100
    assert loaded == [(0, 1000)]


def test_models_in_double_precision_get_it():
    x = np.random.default_rng(0).random((2, 3))
    reader = Reader(ArraySource([x], dtype=np.float64), 2)
    reader.arrange(np.array([2, 0, 1]))
    np.testing.assert_array_equal(reader.batch(0).inputs[0], x[:, [2, 0]], strict=True)


def test_one_hot_of_labels_and_pixels():
    labels = OneHot(np.array([1, 0, -1]), 2)
    assert labels.shape == (2, 3)
    np.testing.assert_array_equal(np.asarray(labels), [[0, 1, 0], [1, 0, 0]])
    pixels = OneHot(np.array([[[0, 1]], [[-1, 2]]]), 3)  # 2×1 pixels, 2 observations
    assert pixels.shape == (2, 1, 3, 2)
    np.testing.assert_array_equal(np.asarray(pixels)[:, 0, :, 1], [[0, 1, 0], [0, 0, 1]])
    batch, = ArraySource([np.zeros((1, 2))], [pixels]).batches(2)
    np.testing.assert_array_equal(batch.targets[0], np.asarray(pixels))
    assert pixels.codes.dtype == np.int8


def test_one_hot_holds_many_classes():
    codes = np.array([0, 299, -1])
    np.testing.assert_array_equal(np.asarray(OneHot(codes, 300)).argmax(axis=0), [0, 299, 0])


def test_whole_set_in_order_with_the_remainder():
    data = ArraySource([np.arange(10.0)[None]])
    assert [b.inputs[0].shape[-1] for b in data.input_batches(4)] == [4, 4, 2]
    assert np.concatenate([b.inputs[0][0] for b in data.batches(4)]).tolist() == list(range(10))


def numbers(count):
    return ArraySource([np.arange(count)])


def test_incomplete_last_batch_is_dropped_and_small_sets_are_one_batch():
    batches = MiniBatches(numbers(10), 4, "never", stream("shuffle"))
    assert [batch.inputs[0].tolist() for batch in batches.epoch()] == [[0, 1, 2, 3], [4, 5, 6, 7]]
    small = MiniBatches(numbers(3), 128, "never", stream("shuffle"))
    assert (small.total(1), [batch.inputs[0].tolist() for batch in small.epoch()]) == (1, [[0, 1, 2]])


def order(shuffle, epochs=2):
    rng(0)
    batches = MiniBatches(numbers(20), 6, shuffle, stream("shuffle"))
    return [[number for batch in batches.epoch() for number in batch.inputs[0].tolist()] for _ in range(epochs)]


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


@pytest.mark.parametrize("shape", [(3, 40), (1, 1, 10, 30), (9, 8, 4, 5), (1, 7, 5, 3), (40, 30, 2, 4), (2, 3, 5, 3, 7)])
@pytest.mark.parametrize("values", ["different", "equal", "ties", "nan"])
def test_accuracy_is_that_of_argmax(shape, values, monkeypatch):
    monkeypatch.setattr("dltoolbox.train.metrics.SCORES_AT_A_TIME", 500)
    random = np.random.default_rng(1)
    scores = random.random(shape).astype(np.float32)
    scores = {"different": scores, "equal": np.ones_like(scores), "ties": np.round(3 * scores),
              "nan": np.where(random.random(shape) < 0.05, np.nan, scores)}[values]
    codes = random.integers(-1, shape[-2], (*shape[:-2], shape[-1]))
    target = np.asarray(OneHot(codes, shape[-2]))
    expected = np.count_nonzero(scores.argmax(axis=-2) == codes), np.count_nonzero(codes >= 0)
    for kind in (bool, np.float32):
        for stored in (scores, np.asfortranarray(scores), np.swapaxes(np.swapaxes(scores, 0, -1).copy(), 0, -1)):
            assert METRICS["accuracy"].measure([stored], [target.astype(kind)]) == expected


def test_rmse_is_per_response_element():
    metric = METRICS["rmse"]
    y, t = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[1.0, 0.0], [3.0, 0.0]])
    assert metric.of([y], [t]) == pytest.approx(np.sqrt((4 + 16) / 4))
    assert metric.loss_weight([t]) == 2
    y, t = np.random.default_rng(0).random((2, 300, 300, 2, 3), np.float32)
    assert metric.of([y], [t]) == pytest.approx(np.sqrt(np.square(y - t, dtype=np.float64).mean()), rel=1e-6)


@pytest.mark.parametrize("shape", [(5, 4, 3, 57), (6, 57), (2, 3, 4, 2, 11)])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_statistics_match_float64(shape, dtype):
    x = (np.random.default_rng(0).random(shape) * 255).astype(dtype)
    wide = x.astype(np.float64)
    for dimension, axes, size in (("channel", (*range(x.ndim - 2), x.ndim - 1), (1,) * (x.ndim - 2) + shape[-2:-1]),
                                  ("element", x.ndim - 1, shape[:-1]), ("all", None, (1,) * (x.ndim - 1))):
        got = normalization_statistics([x[..., at:at + 4] for at in range(0, shape[-1], 4)], dimension)
        assert {value.shape for value in got.values()} == {size}
        for name, function in (("Mean", np.mean), ("StandardDeviation", np.std), ("Min", np.min), ("Max", np.max)):
            expected = function(wide, axis=axes, keepdims=True)[..., 0]
            np.testing.assert_allclose(got[name], expected, rtol=1e-12, atol=1e-12)


def test_statistics_far_from_zero_are_stable():
    x = np.float32(1e6) + np.random.default_rng(0).standard_normal((3, 100_000)).astype(np.float32)
    got = normalization_statistics([x], wanted=("StandardDeviation",))
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
