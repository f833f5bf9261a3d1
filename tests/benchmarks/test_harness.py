"""The benchmarks run, refuse and report; how fast anything is, is not tested."""

from __future__ import annotations

import io
import json
import sys

import pytest

from benchmarks import __main__ as command
from benchmarks import breakdown, measure, noise, report, rows, worker

pytestmark = pytest.mark.oracle

SMALL = measure.Settings(rounds=1, threads=1, small=True, patience=0)


@pytest.fixture(autouse=True)
def one_thread():
    """Threads that wait for each other are slow while other tests run beside them."""
    import torch
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def result(ours, contiguous, channels_last, key="A-train", blas="native", threads=2):
    seconds = {"dltoolbox": ours, "contiguous": contiguous, "channels_last": channels_last}
    return measure.Result(rows.ROWS[key], blas, threads, seconds, {name: [0.0] * len(ours) for name in seconds})


# Workloads -----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("key", rows.ROWS)
@pytest.mark.filterwarnings("ignore::dltoolbox.DltoolboxWarning")
def test_both_sides_compute_the_same(key):
    row = rows.ROWS[key].sized(small=True)
    ours = worker.first_results(row, "dltoolbox", "")
    for variant in rows.VARIANTS:
        measure.check_same(ours, worker.first_results(row, "torch", variant))


def test_names_choose_rows():
    assert [row.key for row in rows.chosen(["b", "A-TRAIN"])] == ["B-train", "B-predict", "A-train"]
    assert len(rows.chosen([])) == len(rows.ROWS)
    with pytest.raises(KeyError):
        rows.chosen(["H"])


def test_different_results_are_refused():
    measure.check_same([[1.0], [2.0]], [[1.0005], [2.0]])
    for other in ([[1.01], [2.0]], [[float("nan")], [2.0]], [[1.0]]):
        with pytest.raises(measure.Refused):
            measure.check_same([[1.0], [2.0]], other)


# The harness ---------------------------------------------------------------------------------------------------------
def test_one_round_of_everything(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(report, "DOCUMENT", tmp_path / "never.md")
    file = tmp_path / "times.json"
    options = ["--quick", "--rounds", "1", "--threads", "1", "--patience", "0"]
    assert command.main(["--workload", "A-predict", *options, "--json", str(file)]) == 0
    assert "digits CNN, predict, batch 16" in capsys.readouterr().out
    record = json.loads(file.read_text())
    one, = record["results"]
    assert record["small"]
    assert one["blas"] == "native"
    assert set(one["seconds_per_mini_batch"]) == {"dltoolbox", *rows.VARIANTS}
    assert one["ratio_of_minima"] > 0


def test_a_failing_side_is_refused(monkeypatch, capfd):
    monkeypatch.setattr(measure, "VARIANTS", ("contiguous",))
    bad = rows.ROWS["A-train"]._replace(key="no such row")
    with pytest.raises(measure.Refused, match="ended early"):
        measure.measure(bad, "native", SMALL)
    assert "no such row" in capfd.readouterr().err


def test_pace_times_blocks_of_ticks():
    answers = io.StringIO()
    pace = worker.Pace(2, io.StringIO("block\n"), answers)
    assert [pace(None) for _ in range(4)] == [False, False, False, True]
    assert [list(json.loads(line)) for line in answers.getvalue().splitlines()] == [["seconds", "processor"]] * 2


def test_blas_settings_reach_the_workers(monkeypatch):
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Zen")
    assert "OPENBLAS_CORETYPE" not in measure.environment("native", 2)
    pinned = measure.environment("pinned", 2)
    assert (pinned["OPENBLAS_CORETYPE"], pinned["OPENBLAS_L2_SIZE"], pinned["OMP_NUM_THREADS"]) == ("Haswell", "512", "2")


def test_the_least_disturbed_block_counts(monkeypatch):
    clock = iter([(0.0, 0.0), (1.5, 2.0), (2.0, 2.0), (3.0, 4.0), (4.0, 4.0), (4.5, 6.0)])
    monkeypatch.setattr(noise, "processor_seconds", lambda: next(clock))
    times = iter([1.0, 2.0, 3.0])
    assert noise.undisturbed(lambda: (next(times), 0.4), patience=60) == noise.Block(3.0, pytest.approx(0.05))


def test_patience_ends():
    assert noise.undisturbed(lambda: (1.0, 0.0), patience=0).seconds == 1.0


def test_missing_torch_names_the_extra(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "torch", None)
    assert command.main(["--quick"]) == 2
    assert 'pip install "dltoolbox[test]"' in capsys.readouterr().err


@pytest.mark.parametrize("wrong", [["--workload", "H"], ["--rounds", "0"], ["--threads", "0"], ["--blas", "fast"]])
def test_wrong_options_are_refused(wrong):
    with pytest.raises(SystemExit):
        command.main(wrong)


def test_breakdown_counts_every_op():
    found = dict(breakdown.breakdown(rows.ROWS["A-train"].sized(small=True), blocks=1))
    assert found["conv forward"] > 0
    assert found["conv backward"] > 0
    assert found["whole"] == pytest.approx(sum(found.values()) - found["whole"])


# The report ----------------------------------------------------------------------------------------------------------
def test_ratios():
    found = result([1.0, 3.0, 2.0], [2.0, 2.0, 5.0], [3.0, 3.0, 3.0])
    assert found.best_variant == "contiguous"
    assert found.ratio_of_minima == 0.5
    assert found.median_ratio == 0.5
    assert result([1.0], [2.0], [1.0]).best_variant == "channels_last"


def test_disturbed_rounds_do_not_count_unless_all_are():
    found = result([1.0, 3.0, 2.0], [2.0, 2.0, 5.0], [9.0, 9.0, 9.0])
    found.others["dltoolbox"][0] = 0.5
    assert (found.ratio_of_minima, found.median_ratio) == (1.0, 0.95)
    found.others["contiguous"] = [0.5] * 3
    assert found.ratio_of_minima == 0.5


def test_table_is_replaced_row_by_row(tmp_path, monkeypatch):
    document = tmp_path / "performance.md"
    document.write_text(f"before\n{report.BEGIN}\n{report.END}\nafter\n")
    report.rewrite(document, [result([1.0], [2.0], [4.0], "C-train"), result([1.0], [2.0], [4.0])])
    report.rewrite(document, [result([3.0], [2.0], [4.0]), result([1.0], [2.0], [4.0], threads=1)])
    text = document.read_text()
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    one_thread, first, second = [line for line in text.splitlines() if line.startswith(("| A", "| C"))]
    assert "| 1 |" in one_thread
    assert "digits CNN" in first
    assert "| 1.50 |" in first
    assert "| 0.50 |" in second
    monkeypatch.setattr(report, "machine", lambda: "Another machine.")  # nothing old can stay
    report.rewrite(document, [result([3.0], [2.0], [4.0])])
    assert "ResNet" not in document.read_text()


def test_document_without_a_place_for_the_table(tmp_path):
    document = tmp_path / "performance.md"
    document.write_text("nothing")
    with pytest.raises(SystemExit, match="no place"):
        report.rewrite(document, [result([1.0], [2.0], [3.0])])
