"""The printed table, letter by letter, and the history."""

import numpy as np
import pytest

from dltoolbox.train.progress import ProgressTable, Record, clock_text, make_info, percent_text, rmse_text, small_text

VALIDATED = """\
|======================================================================================================================|
|  Epoch  |  Iteration  |  Time Elapsed  |  Mini-batch  |  Validation  |  Mini-batch  |  Validation  |  Base Learning  |
|         |             |   (hh:mm:ss)   |   Accuracy   |   Accuracy   |     Loss     |     Loss     |      Rate       |
|======================================================================================================================|
|       1 |           1 |       00:00:13 |        9.38% |       14.97% |       1.9679 |     120.0127 |          0.0020 |
|       2 |          50 |       01:02:03 |      100.00% |              |   5.7758e-05 |              |      1.0000e-04 |
|======================================================================================================================|
Training finished: Max epochs completed.
"""

ALONE = """\
|========================================================================================|
|  Epoch  |  Iteration  |  Time Elapsed  |  Mini-batch  |  Mini-batch  |  Base Learning  |
|         |             |   (hh:mm:ss)   |     RMSE     |     Loss     |      Rate       |
|========================================================================================|
|       1 |           1 |       00:00:00 |         0.06 |       0.0018 |          0.0100 |
|========================================================================================|
Training finished: Stopped manually.
"""


def printed(table, records, reason, capsys):
    table.head()
    for record in records:
        table.row(record)
    table.close(reason)
    return capsys.readouterr().out


def test_classification_with_validation(capsys):
    rows = [Record(1, 1, 13.9, 0.002, 1.9679, 9.375, 120.01271, 14.97), Record(2, 50, 3723, 1e-4, 5.7758e-5, 100)]
    assert printed(ProgressTable("Accuracy", True), rows, "Max epochs completed.", capsys) == VALIDATED


def test_regression_without_validation(capsys):
    rows = [Record(1, 1, 0.2, 0.01, 0.0018, 0.06)]
    assert printed(ProgressTable("RMSE", False), rows, "Stopped manually.", capsys) == ALONE


def test_silent(capsys):
    assert printed(ProgressTable("RMSE", False, enabled=False), [Record(1, 1, 0, 1, 1, 1)], "", capsys) == ""


@pytest.mark.parametrize(("value", "text"), [
    (0.01, "0.0100"), (1e-4, "1.0000e-04"), (0.1 * 0.001, "1.0000e-04"), (0.001, "0.0010"), (0, "0.0000"),
    (0.0002, "0.0002"), (12345.6789, "12345.6789"), (1e9, "1.0000e+09"), (np.nan, "NaN"), (np.inf, "Inf"), (None, ""),
    (-2.5, "-2.5000")])
def test_numbers_of_the_table(value, text):
    assert small_text(value) == text
    assert len(text) <= 12


def test_other_cells():
    assert (percent_text(None), percent_text(np.nan), percent_text(9.375)) == ("", "NaN", "9.38%")
    assert (rmse_text(None), rmse_text(np.nan), rmse_text(4.617), rmse_text(1e12)) == ("", "NaN", "4.62", "1.0000e+12")
    assert clock_text(3600 * 100 + 61) == "100:01:01"


def test_info_prints_like_a_struct():
    records = [Record(1, 1, 0, 0.1, 2.0, 50.0, 3.0, 40.0), Record(1, 2, 0, 0.1, 1.0, 75.0)]
    info = make_info("Accuracy", records, 3.0, 40.5, 2)
    np.testing.assert_array_equal(info.ValidationLoss, [3.0, np.nan])
    assert info.TrainingAccuracy.tolist() == [50, 75]
    assert repr(info).splitlines() == [
        "  struct with fields:", "",
        "               TrainingLoss: [1×2 double]",
        "           TrainingAccuracy: [1×2 double]",
        "             ValidationLoss: [1×2 double]",
        "         ValidationAccuracy: [1×2 double]",
        "              BaseLearnRate: [1×2 double]",
        "        FinalValidationLoss: 3",
        "    FinalValidationAccuracy: 40.5000",
        "     OutputNetworkIteration: 2"]
