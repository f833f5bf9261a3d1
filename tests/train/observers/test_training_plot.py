"""The plot of a training: what it shows, where, and that nothing that happens to it ends training."""

import os
import sys
import tempfile
from io import FileIO
from pathlib import Path
from types import SimpleNamespace

import matplotlib
import matplotlib.pyplot
import matplotlib.style
import numpy as np
import pytest
from matplotlib.backend_bases import CloseEvent, MouseEvent
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from dltoolbox.core.errors import DltoolboxWarning
from dltoolbox.data.sources.arrays import ArraySource
from dltoolbox.train.loop import train
from dltoolbox.train.observers import surfaces, training_plot
from dltoolbox.train.observers.column import Standing
from dltoolbox.train.observers.figure import ProgressFigure
from dltoolbox.train.observers.measured import Measured
from dltoolbox.train.observers.observer import Course, Record, TrainingEnd
from dltoolbox.train.observers.surfaces import Notebook, PlotWindow, PngFile, Surface, choose_surface
from dltoolbox.train.observers.training_plot import Pace, TrainingPlot
from dltoolbox.train.options import trainingOptions
from tests.train.models import Linear

X = np.random.default_rng(3).standard_normal((3, 50)).astype(np.float32)
DATA = ArraySource([X], [X[:1] - X[1:2]])
PNG = b"\x89PNG"


@pytest.fixture(autouse=True)
def _no_display(monkeypatch, tmp_path):
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.chdir(tmp_path)


def options_of(**options):
    return trainingOptions("sgdm", **{"MaxEpochs": 4, "MiniBatchSize": 10, "Plots": "training-progress", "Verbose": False,
                                      **options})


def course_of(options, metric="Accuracy", validated=True, per_epoch=5):
    return Course(options, metric, validated, per_epoch, per_epoch * options.MaxEpochs, 0.0)


class Screen(Surface):
    """Counts what it is shown, as a window without a display."""

    def __init__(self):
        self.shown, self.figures = [], 0

    def figure(self):
        self.figures += 1
        return Figure()

    def show(self, final):
        self.shown.append(final)

    def respond(self):
        pass


@pytest.fixture
def screen(monkeypatch):
    made = Screen()
    monkeypatch.setattr(training_plot, "choose_surface", lambda: made)
    return made


# What it shows --------------------------------------------------------------------------------------------------------
def drawn(records, ending, options=None, **course):
    """The figure in the end, and every text in it."""
    options = options or options_of()
    figure, measured = Figure(), Measured()
    picture = ProgressFigure(figure, course_of(options, **course), training_plot.datetime(2026, 1, 2, 3, 4, 5))
    for record in records:
        measured.append(record)
    measured.append_final(ending)
    picture.update(measured, Standing(ending.reason, 3725.0, ending))
    FigureCanvasAgg(figure).draw()
    texts = [*figure.texts, *(text for axes in figure.axes for text in axes.texts)]
    return picture, [text.get_text() for text in texts if text.get_visible()]


def some_records(count=20, per_epoch=5, every=5, loss=lambda i: 2 / i):
    return [Record(1 + (i - 1) // per_epoch, i, 0.1 * i, 0.01, loss(i), 5.0 * min(i, 20),
                   *((2.5 / i, 4.0 * i) if every and i % every == 0 else (None, None))) for i in range(1, count + 1)]


def test_classification_with_validation():
    options = options_of(LearnRateSchedule="piecewise", ValidationFrequency=5, ValidationPatience=6)
    picture, texts = drawn(some_records(), TrainingEnd("Max epochs completed", 0.125, 80.0, 20), options)
    assert texts[texts.index("Validation accuracy") + 1:][:1] == ["80.00 %"]
    for label, value in {"Validation loss": "0.125", "Elapsed": "01:02:05", "Epoch": "4 of 4", "Iteration": "20 of 20",
                         "Iterations per epoch": "5", "Frequency": "every 5 iterations", "Patience": "6", "Current": "0.01",
                         "Schedule": "× 0.1 every 10 epochs", "Solver": "sgdm"}.items():
        assert texts[texts.index(label) + 1] == value
    assert {"Max epochs completed", "Final", "Epoch 1", "2", "3", "4", "02-Jan-2026 03:04:05"} <= set(texts)
    assert picture.metric.axes.get_ylabel() == "Accuracy (%)"
    np.testing.assert_array_equal(picture.metric.validation.get_xydata(), [(5, 20), (10, 40), (15, 60), (20, 80)])
    np.testing.assert_allclose(picture.loss.raw.get_ydata(), 2 / np.arange(1, 21))
    assert (picture.metric.validation.get_linestyle(), picture.metric.validation.get_color()) == ("--", "black")


def test_regression_without_validation():
    picture, texts = drawn(some_records(every=0), TrainingEnd("Stopped manually", np.nan, np.nan, 20), metric="RMSE",
                           validated=False)
    assert picture.metric.axes.get_ylabel() == "RMSE"
    assert {"Training RMSE", "Training loss"} <= set(texts)
    assert not {"Validation", "Final", "Patience"} & set(texts)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_few_iterations(count):
    picture, texts = drawn(some_records(count, every=0), TrainingEnd("Stopped manually", np.nan, np.nan, count))
    assert f"{count} of 20" in texts
    assert picture.loss.raw.get_xydata().shape == (count, 2)
    assert picture.loss.raw.get_marker() == ("o" if count == 1 else "")


def test_nothing_but_nan():
    records = some_records(3, loss=lambda i: np.nan, every=0)
    picture, texts = drawn(records, TrainingEnd("Training loss is NaN", np.nan, np.nan, 0), validated=False)
    assert texts[texts.index("Training loss") + 1] == "NaN"
    assert picture.loss.axes.get_ylim() == (0, 1.05)


def test_a_thousand_epochs_and_a_hundred_thousand_iterations():
    options = options_of(MaxEpochs=1000)
    picture, texts = drawn(some_records(100_000, 100, 250, loss=lambda i: 1.0 + i % 7), TrainingEnd("", 1.0, 80.0, 100_000),
                           options, per_epoch=100)
    assert len(picture.loss.raw.get_xdata()) < 2000
    assert {"Epochs 1–200", "801–1000"} <= set(texts)
    assert len(picture.metric.bands) < 20


def test_styles_of_the_user_change_nothing():
    records, ending = some_records(), TrainingEnd("Max epochs completed", 0.1, 80.0, 20)
    pictures = []
    for style in ("default", "dark_background"):
        with matplotlib.style.context([style, {"font.size": 30}] if style != "default" else style):
            pictures.append(drawn(records, ending)[0])
    assert len({picture.loss.axes.get_facecolor() for picture in pictures}) == 1
    assert len({picture.loss.axes.xaxis.get_ticklabels()[0].get_fontsize() for picture in pictures}) == 1


# Where ----------------------------------------------------------------------------------------------------------------
def test_a_file_is_written_and_its_path_printed(capsys, tmp_path):
    (tmp_path / "training-progress.png").write_bytes(b"mine")
    train(Linear(3, 1), DATA, options_of(), metric="rmse")
    path = tmp_path / "training-progress-2.png"
    assert capsys.readouterr().out == f"Training plot: {path}\n"
    assert path.read_bytes().startswith(PNG)
    assert (tmp_path / "training-progress.png").read_bytes() == b"mine"


def test_a_folder_that_cannot_be_written(monkeypatch, tmp_path):
    other = tmp_path / "temporary"
    other.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(other))

    def refuse(path, mode):
        if mode == "xb":
            raise PermissionError(path)
        return open(path, mode)
    monkeypatch.setattr(surfaces, "open", refuse, raising=False)
    path = surfaces.write_new(PNG)
    assert (path.parent, path.read_bytes()) == (other, PNG)


def test_a_disk_that_is_full_keeps_no_half_of_a_file(monkeypatch, tmp_path):
    class Full(FileIO):
        def write(self, data):
            raise OSError("no space left")
    other = tmp_path / "temporary"
    other.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(other))
    monkeypatch.setattr(surfaces, "open", lambda path, mode: (Full if mode == "xb" else open)(path, mode), raising=False)
    assert surfaces.write_new(PNG).parent == other
    assert [path.name for path in tmp_path.iterdir()] == ["temporary"]


def test_a_display_that_has_no_windows(monkeypatch):
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr(matplotlib.pyplot, "figure", lambda **how: agg_window(None, **how))
    assert type(choose_surface()) is PngFile


def agg_window(framework, **how):
    figure = Figure(**how)
    canvas = FigureCanvasAgg(figure)
    canvas.required_interactive_framework = framework
    figure.show = lambda: None
    return figure


@pytest.fixture
def window(monkeypatch):
    """What pyplot makes where there is a display."""
    made = []

    def make(**how):
        made.append(agg_window("test", **how))
        return made[-1]
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr(matplotlib.pyplot, "figure", make)
    return made


def press(figure):
    box = figure.axes[0].get_window_extent()
    for name in ("button_press_event", "button_release_event"):
        figure.canvas.callbacks.process(name, MouseEvent(name, figure.canvas, box.x0 + 5, box.y0 + 5, 1))


def test_the_stop_button_of_a_window_returns_the_network_so_far(window, monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(sys, "ps1", ">>> ", raising=False)

    def output(info):
        if info.Iteration == 7:
            press(window[0])
    info, reason = train(Linear(3, 1), DATA, options_of(OutputFcn=output), metric="rmse")
    assert (info.OutputNetworkIteration, reason) == (8, "Stopped manually.")
    assert "Stopped manually" in [text.get_text() for text in window[0].texts]
    assert capsys.readouterr().out == ""
    assert not list(tmp_path.iterdir())


def test_the_window_of_a_script_leaves_a_file(window, capsys, tmp_path):
    train(Linear(3, 1), DATA, options_of(), metric="rmse")
    assert capsys.readouterr().out == f"Training plot: {tmp_path / 'training-progress.png'}\n"
    assert len(window) == 1


def test_closing_the_window_changes_nothing_else(window, capsys):
    def output(info):
        if info.Iteration == 7:
            window[0].canvas.callbacks.process("close_event", CloseEvent("close_event", window[0].canvas))
            window[0].canvas.draw = None  # it is gone
    _, reason = train(Linear(3, 1), DATA, options_of(OutputFcn=output), metric="rmse")
    assert reason == "Max epochs completed."
    assert capsys.readouterr().out == ""


def test_a_notebook_has_one_picture(monkeypatch):
    shown = []
    handle = SimpleNamespace(update=lambda picture: shown.append(("update", picture)))

    def display(picture, display_id):
        shown.append(("display", picture))
        return handle
    shell = SimpleNamespace(kernel=object())
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    monkeypatch.setitem(sys.modules, "IPython.display", SimpleNamespace(display=display, Image=SimpleNamespace))
    monkeypatch.setattr(matplotlib.pyplot, "get_backend", lambda: "module://matplotlib_inline.backend_inline")
    monkeypatch.setattr(training_plot, "DRAW_PAUSE", 0.0)
    train(Linear(3, 1), DATA, options_of(), metric="rmse")
    assert [how for how, _ in shown[:2]] == ["display", "update"]
    assert sum(how == "display" for how, _ in shown) == 1
    assert all(picture.data.startswith(PNG) and picture.alt for _, picture in shown)
    monkeypatch.setitem(sys.modules, "spyder_kernels", SimpleNamespace())
    assert not Notebook().live
    monkeypatch.setattr(matplotlib.pyplot, "get_backend", lambda: "QtAgg")
    assert type(choose_surface()) is PngFile  # windows are wanted, but there is no display


# When, and what if ----------------------------------------------------------------------------------------------------
def test_drawing_takes_a_small_share_of_the_time(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(training_plot.time, "perf_counter", lambda: now[0])
    pace = Pace(1.0)
    assert pace.is_due()
    for taken, wait in ((0.5, 1.0), (0.2, 5.0), (0.3, 5.0), (3.0, 7.5), (0.01, 1.0)):
        pace.done(taken)
        assert pace.next - now[0] == pytest.approx(wait)
        assert not pace.is_due()
        now[0] = pace.next + 1e-9
        assert pace.is_due()


def test_iterations_are_not_drawn_one_by_one(screen, monkeypatch):
    monkeypatch.setattr(training_plot, "DRAW_PAUSE", 1000.0)
    train(Linear(3, 1), DATA, options_of(MaxEpochs=20), metric="rmse")
    assert screen.figures == 1
    assert screen.shown in ([False, True], [False, False, True])  # the beginning, perhaps the finish, the end


@pytest.mark.parametrize("method", ["figure", "show", "respond"])
def test_a_plot_that_fails_ends_no_training(screen, monkeypatch, method):
    def fail(*arguments, **options):
        raise RuntimeError("no more colours")
    monkeypatch.setattr(screen, method, fail)
    with pytest.warns(DltoolboxWarning, match=r"no more colours.*plotFailed") as caught:
        info, reason = train(Linear(3, 1), DATA, options_of(), metric="rmse")
    assert len(caught) == 1
    assert (info.TrainingLoss.size, reason) == (20, "Max epochs completed.")


def test_ctrl_c_and_errors_leave_a_plot(screen, monkeypatch):
    stated = []
    monkeypatch.setattr(ProgressFigure, "update", lambda self, measured, now: stated.append(
        (now.status, len(measured.loss.raw))))

    def output(info):
        if info.Iteration == 7:
            raise trouble
    trouble = KeyboardInterrupt()
    info, _ = train(Linear(3, 1), DATA, options_of(OutputFcn=output), metric="rmse")
    assert (stated[-1], info.OutputNetworkIteration) == (("Stopped manually", 6), 7)
    trouble = ZeroDivisionError()
    with pytest.raises(ZeroDivisionError):
        train(Linear(3, 1), DATA, options_of(OutputFcn=output), metric="rmse")
    assert stated[-1] == ("Stopped by an error", 6)


def test_without_the_option_there_is_no_plot(screen):
    train(Linear(3, 1), DATA, options_of(Plots="none"), metric="rmse")
    assert not screen.shown
    assert not Path(os.curdir, "training-progress.png").exists()


def test_windows_need_a_backend_that_has_them(monkeypatch):
    monkeypatch.setattr(matplotlib.pyplot, "figure", lambda **how: agg_window(None, **how))
    with pytest.raises(RuntimeError, match="no windows"):
        PlotWindow()


def test_training_without_an_iteration_has_no_plot_of_an_error(screen):
    plot = TrainingPlot(course_of(options_of()))
    plot.begin()
    plot.abandon()
    assert screen.shown == [False]
