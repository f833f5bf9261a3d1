"""The benchmarks run, refuse and report; how fast anything is, is not tested."""

from __future__ import annotations

import io
import json
import sys

import pytest

from benchmarks import __main__ as command
from benchmarks import breakdown, measure, memory, noise, pooling, report, roofline, rows, sweep, worker

EMPTY = "<!-- table: written by python -m benchmarks -->\n\n<!-- end of table -->"

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


def result(ours, contiguous, channels_last, key="A-train", blas="native", threads=2, **more):
    seconds = {"numpy": ours, "contiguous": contiguous, "channels_last": channels_last} | more
    return measure.Result(rows.ROWS[key], blas, threads, seconds, {name: [0.0] * len(ours) for name in seconds})


# Workloads -----------------------------------------------------------------------------------------------------------
@pytest.mark.slow
@pytest.mark.parametrize("key", rows.ROWS)
@pytest.mark.filterwarnings("ignore::dltoolbox.DltoolboxWarning")
def test_both_sides_compute_the_same(key):
    row = rows.ROWS[key].sized(small=True)
    ours = worker.first_results(row, "numpy")
    for variant in rows.TORCH:
        measure.check_same(ours, worker.first_results(row, variant))


@pytest.mark.parametrize("what", pooling.TEXTS)
def test_parts_of_a_batch_are_joined(what, monkeypatch):
    monkeypatch.setenv("DLTOOLBOX_NUM_THREADS", "2")
    row = rows.ROWS[f"F-2x2s2-{what.replace(' ', '-')}"].sized(small=True)
    measure.check_same(worker.first_results(row, "numpy"), worker.first_results(row, "contiguous"))


def test_names_choose_rows():
    assert [row.key for row in rows.chosen(["b", "A-TRAIN"])] == ["B-train", "B-train-fast", "B-predict", "A-train"]
    assert len(rows.chosen(["F-3x3s1"])) == 4
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
    assert set(one["seconds_per_mini_batch"]) == set(measure.variants())
    assert one["ratio_of_minima"]["numpy"] > 0
    assert one["targets"] == {"numpy": 0.9, "numba": 0.7}


def test_a_failing_side_is_refused(monkeypatch, capfd):
    monkeypatch.setattr(measure, "variants", lambda: ("contiguous",))
    bad = rows.ROWS["A-train"]._replace(key="no such row")
    with pytest.raises(measure.Refused, match="ended early"):
        measure.measure(bad, "native", SMALL)
    assert "no such row" in capfd.readouterr().err


def test_pace_times_blocks_of_ticks():
    answers = io.StringIO()
    pace = worker.Pace(2, io.StringIO("block\n"), answers)
    assert [pace(None) for _ in range(4)] == [False, False, False, True]
    assert [list(json.loads(line)) for line in answers.getvalue().splitlines()] == [["seconds", "processor"]] * 2


def test_settings_reach_the_workers(monkeypatch):
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Zen")
    assert "OPENBLAS_CORETYPE" not in measure.environment("native", 2)
    assert [measure.environment("native", 2, name)["DLTOOLBOX_NUMBA"] for name in rows.OURS] == ["0", "1"]
    pinned = measure.environment("pinned", 2)
    assert pinned["DLTOOLBOX_NUM_THREADS"] == "2"
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


@pytest.mark.parametrize("wrong", [["--workload", "H"], ["--rounds", "0"], ["--threads", "0"], ["--blas", "fast"],
                                   ["--memory", "--sweep"]])
def test_wrong_options_are_refused(wrong):
    with pytest.raises(SystemExit):
        command.main(wrong)


def test_breakdown_adds_up():
    found = dict(breakdown.breakdown(rows.ROWS["A-train"].sized(small=True), blocks=1))
    assert any(what.startswith("conv") and " backward (" in what for what in found)
    assert found["whole"] == pytest.approx(sum(found.values()) - found["whole"])


# Beside the table ----------------------------------------------------------------------------------------------------
def test_multiply_adds_of_the_digits_network():
    """3×3 convolutions, where the first needs no gradient of its input, and the last layer."""
    row = rows.ROWS["A-train"]
    first, second, third = 28**2 * 9 * 8, 14**2 * 9 * 8 * 16, 7**2 * 9 * 16 * 32
    last = 7 * 7 * 32 * 10
    assert roofline.work_of(row).flops == 2 * 128 * (2 * first + 3 * (second + third + last))
    forward = roofline.work_of(rows.ROWS["A-predict"])
    assert forward.flops == 2 * 128 * (first + second + third + last)
    assert 0 < forward.bytes < roofline.work_of(row).bytes


def test_bytes_of_one_pooling_layer():
    """Every array of a forward pass is read or written once per op that costs anything."""
    row = rows.ROWS["G-alexnet-8"].sized(small=True)
    node = next(one for one in roofline.graph_of(row, training=False).nodes if one.op.name == "max_pool")
    assert node.inputs[0].dims.spatial == (15, 15)
    assert roofline.forward_bytes(node) == 4 * 2 * 4 * (15 * 15 + 7 * 7)


def test_rates_are_measured():
    found = roofline.rates(1, seconds=0.01)
    assert found.flops > 0
    assert found.bytes > 0
    assert found.seconds(roofline.Work(2 * found.flops, found.bytes / 2)) == (2.0, 0.5)


def test_a_line_against_the_roofline():
    found = result([3.0, 4.0], [4.0, 4.0], [5.0, 5.0])
    cells = breakdown.against(found, roofline.Work(1e9, 1e9), roofline.Rates(1e9, 1e9))
    assert cells[-3:] == ("4e+03 ms (2.0×)", "3e+03 ms (1.5×)", report.NONE)


def test_memory_above_the_data():
    row = rows.ROWS["A-predict"]._replace(size=rows.ROWS["A-predict"].size._replace(units=2))
    assert memory.peak(row, "numpy") > 0
    now = memory.resident("VmRSS")  # first: it may grow between two readings, and the kernel counts in batches
    assert memory.resident("VmHWM") > 0.9 * now > 1


def test_memory_of_every_variant(capsys):
    line, = memory.lines(["A-train"], "native", SMALL)
    assert "digits CNN, training, batch 16" in line
    assert len(line.split("|")) == len(memory.HEAD) + 2
    assert line in capsys.readouterr().out


def test_sweep_covers_the_grid():
    assert {(point.work, point.batch, point.side) for point in sweep.points(small=True)} == {
        (work, batch, side) for work in ("train", "predict") for batch in (1, 2, 4) for side in (16, 32)}
    large = sweep.points(small=False)
    assert {point.batch for point in large} == set(sweep.BATCHES)
    assert {point.side for point in large} == set(sweep.SIDES)


@pytest.mark.filterwarnings("ignore::dltoolbox.DltoolboxWarning")
@pytest.mark.parametrize("work", sweep.WORK)
def test_networks_of_the_sweep_compute_the_same(work):
    row = sweep.row_of(sweep.Point(work, 2, 16))
    measure.check_same(worker.first_results(row, "numpy"), worker.first_results(row, "channels_last"))


def test_outliers_stand_out_from_their_neighbours():
    times = {sweep.Point("train", batch, side): 1e-6 * side**2 / batch for batch in (1, 2, 4) for side in (16, 32, 64)}
    assert sweep.outliers({"numpy": times}) == []
    times[sweep.Point("train", 2, 32)] *= 1.6
    assert {(one.point, one.axis, round(one.factor, 3)) for one in sweep.outliers({"numpy": times})} == {
        (sweep.Point("train", 2, 32), axis, 1.6) for axis in ("batch", "side")}


def test_sweep_is_summed_up():
    point = sweep.Point("train", 1, 16)
    times = sweep.with_best_format({"numpy": {point: 2.0}, "contiguous": {point: 5.0}, "channels_last": {point: 4.0}})
    assert times["PyTorch"] == {point: 4.0}
    assert "numpy 0.50 (from 0.50 to 0.50)" in sweep.summary(times, [])
    assert "- numpy: train" in sweep.summary(times, [sweep.Outlier("numpy", point, "batch", 2.0)])
    assert [record["variant"] for record in sweep.as_records(times)] == ["numpy", "PyTorch"]


def test_fastest_keeps_the_shortest_time(monkeypatch):
    clock = iter([0.0, 9.0, 10.0, 13.0, 15.0, 19.0])  # made, two calls to warm up, three that count
    monkeypatch.setattr(sweep.time, "perf_counter", lambda: next(clock))
    tick = sweep.Fastest()
    assert [tick(None) for _ in range(5)] == [False, False, False, False, True]
    assert tick.seconds == 2.0


# The report ----------------------------------------------------------------------------------------------------------
def test_ratios():
    found = result([1.0, 3.0, 2.0], [2.0, 2.0, 5.0], [3.0, 3.0, 3.0])
    assert found.best_variant == "contiguous"
    assert found.ratio_of_minima("numpy") == 0.5
    assert found.median_ratio("numpy") == 0.5
    assert result([1.0], [2.0], [1.0]).best_variant == "channels_last"


def test_disturbed_rounds_do_not_count_unless_all_are():
    found = result([1.0, 3.0, 2.0], [2.0, 2.0, 5.0], [9.0, 9.0, 9.0])
    found.others["numpy"][0] = 0.5
    assert (found.ratio_of_minima("numpy"), found.median_ratio("numpy")) == (1.0, 0.95)
    found.others["contiguous"] = [0.5] * 3
    assert found.ratio_of_minima("numpy") == 0.5


def test_missed_targets_are_bold():
    cells = report.cells(result([1.0], [2.0], [4.0], numba=[0.95]))
    assert cells[5:7] == ("0.50 (0.50)", "≤ 0.65")
    assert cells[8:10] == ("**0.47 (0.47)**", "≤ 0.45")
    assert report.cells(result([1.0], [2.0], [4.0], "B-predict"))[5:10] == ("0.50 (0.50)", "–", "–", "–", "–")


def test_table_is_replaced_row_by_row(tmp_path, monkeypatch):
    document = tmp_path / "performance.md"
    document.write_text(f"before\n{EMPTY}\nafter\n")
    report.rewrite(document, [result([1.0], [2.0], [4.0], "C-train"), result([1.0], [2.0], [4.0])])
    report.rewrite(document, [result([3.0], [2.0], [4.0]), result([1.0], [2.0], [4.0], threads=1)])
    text = document.read_text()
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    one_thread, first, second = [line for line in text.splitlines() if line.startswith(("| A", "| C"))]
    assert "| 1 |" in one_thread
    assert "digits CNN" in first
    assert "| **1.50 (1.50)** |" in first
    assert "| 0.50 (0.50) |" in second
    monkeypatch.setattr(report, "machine", lambda: "Another machine.")  # nothing old can stay
    report.rewrite(document, [result([3.0], [2.0], [4.0])])
    assert "ResNet" not in document.read_text()


def test_document_without_a_place_for_the_table(tmp_path):
    document = tmp_path / "performance.md"
    document.write_text("nothing")
    with pytest.raises(SystemExit, match="no place"):
        report.rewrite(document, [result([1.0], [2.0], [3.0])])
