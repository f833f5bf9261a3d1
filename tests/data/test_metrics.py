"""Confusion matrices and the metrics of segmentations."""

import numpy as np
import pytest

from dltoolbox.data import categorical
from dltoolbox.data.metrics import MetricsTable, confusionmat, evaluateSemanticSegmentation

# confusionmat

def test_rows_are_true_and_columns_are_predicted_classes():
    g = categorical([0, 0, 0, 1, 1, 2], [0, 1, 2], ["a", "b", "c"])
    ghat = categorical([0, 1, 1, 1, 2, 2], [0, 1, 2], ["a", "b", "c"])
    C, order = confusionmat(g, ghat, nargout=2)
    assert C.tolist() == [[1, 2, 0], [0, 1, 1], [0, 0, 1]]
    assert order.tolist() == ["a", "b", "c"]


def test_unused_categories_and_those_of_the_prediction_alone_have_a_place():
    g = categorical(["b", "b"], ["b", "a"])
    ghat = categorical(["c", "b"])
    C, order = confusionmat(g, ghat, nargout=2)
    assert order.tolist() == ["b", "a", "c"]
    assert C.tolist() == [[1, 0, 1], [0, 0, 0], [0, 0, 0]]


@pytest.mark.parametrize(("g", "ghat", "order"), [
    ([3, 1, 3], [1, 1, 2], [1, 2, 3]),
    (np.array([0.5, -1]), [0.5, 7], [-1, 0.5, 7]),
    ([True, False], [True, True], [False, True]),
    (["dog", "cat"], ["ant", "cat"], ["dog", "cat", "ant"]),
    (np.array([[2], [1]]), (2, 1), [1, 2]),
    ([], [], []),
])
def test_numbers_are_sorted_and_text_keeps_its_order(g, ghat, order):
    C, got = confusionmat(g, ghat, nargout=2)
    assert list(got) == order
    assert C.shape == (len(order), len(order))
    assert C.sum() == np.size(g)


def test_a_given_order():
    expected = [[2, 1], [0, 1]]
    assert confusionmat([2, 2, 2, 1], [2, 2, 1, 1], Order=[2, 1]).tolist() == expected
    assert confusionmat([2, 2, 2, 1], [2, 2, 1, 1], "Order", [2, 1]).tolist() == expected
    assert confusionmat(categorical(["x"]), categorical(["x"]), Order=["y", "x"]).tolist() == [[0, 0], [0, 1]]


def test_missing_labels_do_not_count():
    assert confusionmat(categorical(["a", None, "a"]), categorical(["a", "a", None])).tolist() == [[1]]
    assert confusionmat([1, np.nan], [1, 1]).tolist() == [[1]]


@pytest.mark.parametrize(("arguments", "options", "reason"), [
    (([1, 2], [1]), {}, "sizeMismatch"),
    (([1, 2], ["a", "b"]), {}, "differentKinds"),
    (([1, 2], [1, 3]), {"Order": [1, 2]}, "notInOrder"),
    (([1], [1], "order"), {}, "invalidArguments"),
    (([1], [1], "Ordre", [1]), {}, "invalidArguments"),
    (([1], [1], "Order", [1], "Nargin", 2), {}, "unknownOption"),
    (([1], [1]), {"Ordre": [1]}, "unknownOption"),
    (([1], [1]), {"nargout": 3}, "nargout"),
])
def test_refused_by_confusionmat(refused, arguments, options, reason):
    with refused(f"confusionmat:{reason}"):
        confusionmat(*arguments, **options)


# evaluateSemanticSegmentation

def maps(*rows):
    return categorical(np.array(rows), [0, 1], ["bg", "fg"])


TRUTH = maps([0, 0, 0, 0], [0, 0, 1, 1])
PREDICTED = maps([0, 0, 0, 1], [0, 1, 1, 1])


def test_metrics_by_hand():
    metrics = evaluateSemanticSegmentation(PREDICTED, TRUTH, Verbose=False)
    assert np.asarray(metrics.ConfusionMatrix).tolist() == [[4, 2], [0, 2]]
    assert metrics.ConfusionMatrix["bg", "fg"] == 2
    assert np.allclose(np.asarray(metrics.NormalizedConfusionMatrix), [[2 / 3, 1 / 3], [0, 1]])
    assert np.allclose(metrics.ClassMetrics.Accuracy, [2 / 3, 1])
    assert np.allclose(metrics.ClassMetrics.IoU, [4 / 6, 2 / 4])
    of_all = metrics.DataSetMetrics
    assert of_all.GlobalAccuracy == 6 / 8
    assert of_all.MeanAccuracy == pytest.approx((2 / 3 + 1) / 2)
    assert of_all.MeanIoU == pytest.approx((4 / 6 + 2 / 4) / 2)
    assert of_all.WeightedIoU == pytest.approx((6 * 4 / 6 + 2 * 2 / 4) / 8)


def test_against_sets_of_pixels():
    random = np.random.default_rng(0)
    names = ["sky", "road", "car"]
    codes = random.integers(-1, 3, (2, 7, 5, 4))
    truth, predicted = (categorical.from_codes(one, names) for one in codes)
    metrics = evaluateSemanticSegmentation(predicted, truth, Verbose=False)
    known = (codes >= 0).all(0)
    for k, name in enumerate(names):
        is_true, is_predicted = (known & (one == k) for one in codes)
        assert metrics.ClassMetrics[name, "IoU"] == (is_true & is_predicted).sum() / (is_true | is_predicted).sum()
        assert metrics.ClassMetrics[name, "Accuracy"] == (is_true & is_predicted).sum() / is_true.sum()
    assert len(metrics.ImageMetrics) == 4
    for i, row in enumerate(metrics.ImageMetrics):
        alone = evaluateSemanticSegmentation(predicted[..., i], truth[..., i], Verbose=False)
        assert row == alone.DataSetMetrics[0]


def test_images_of_different_sizes_come_as_a_list():
    metrics = evaluateSemanticSegmentation([PREDICTED, PREDICTED[:1]], [TRUTH, TRUTH[:1]], Verbose=False)
    assert np.asarray(metrics.ConfusionMatrix).tolist() == [[7, 3], [0, 2]]
    assert len(metrics.ImageMetrics) == 2


def test_classes_are_matched_by_name():
    swapped = categorical(PREDICTED, ["fg", "bg"])
    metrics = evaluateSemanticSegmentation(swapped, TRUTH, Verbose=False)
    assert metrics.ClassNames == ["bg", "fg"]
    assert np.asarray(metrics.ConfusionMatrix).tolist() == [[4, 2], [0, 2]]


def test_a_class_without_pixels_does_not_count():
    names = ["bg", "fg", "never"]
    metrics = evaluateSemanticSegmentation(categorical(PREDICTED, names), categorical(TRUTH, names), Verbose=False)
    assert np.isnan(metrics.ClassMetrics["never", "IoU"])
    assert metrics.DataSetMetrics.MeanIoU == pytest.approx((4 / 6 + 2 / 4) / 2)
    assert "NaN" in str(metrics.ClassMetrics)


def test_verbose_prints_the_data_set_metrics(capsys):
    evaluateSemanticSegmentation(PREDICTED, TRUTH, "Verbose", False)
    assert not capsys.readouterr().out
    evaluateSemanticSegmentation(PREDICTED, TRUTH)
    assert "MeanIoU" in capsys.readouterr().out


def test_the_display_lists_the_tables():
    text = str(evaluateSemanticSegmentation(PREDICTED, TRUTH, Verbose=False))
    assert text.startswith("  semanticSegmentationMetrics with properties:")
    assert "    DataSetMetrics: [1×4 table]" in text


@pytest.mark.parametrize(("predicted", "truth", "reason"), [
    (np.zeros((2, 4)), TRUTH, "notCategorical"),
    (PREDICTED, ["bg"], "notCategorical"),
    (PREDICTED.ravel(), TRUTH.ravel(), "sizeMismatch"),
    (PREDICTED[:1], TRUTH, "sizeMismatch"),
    ([PREDICTED], [TRUTH, TRUTH], "sizeMismatch"),
    (categorical([["cat"]]), categorical([["dog"]]), "unknownClasses"),
    (categorical([[None]], ["a"]), categorical([["a"]]), "noPixels"),
    ([], [], "noPixels"),
])
def test_refused_by_evaluate(refused, predicted, truth, reason):
    with refused(f"evaluateSemanticSegmentation:{reason}"):
        evaluateSemanticSegmentation(predicted, truth)


def test_unknown_options_are_refused(refused):
    with refused("evaluateSemanticSegmentation:unknownOption"):
        evaluateSemanticSegmentation(PREDICTED, TRUTH, Verbos3=False)


# MetricsTable

def test_a_table_with_named_rows(refused):
    table = MetricsTable({"two words": [1, 20], "x": [0.123456, 1]}, ["first", "second row"])
    assert str(table).splitlines() == [
        "                  two words       x",
        "                  _________    _______",
        "",
        "    first             1        0.12346",
        "    second row       20              1"]
    assert table["second row", "two words"] == 20
    assert table[0] == (1, 0.123456)
    with refused("table:unknownRow"):
        table["third", "x"]
    with refused("table:unknownColumn"):
        table["first", "y"]
