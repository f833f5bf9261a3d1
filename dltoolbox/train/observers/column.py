"""The column beside the curves of a training: results, time, epochs, learning rate, and what the lines mean."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, isfinite
from typing import Any

from dltoolbox.core.display import number_text
from dltoolbox.train.observers.look import Colour, Place, plotting
from dltoolbox.train.observers.measured import Measured
from dltoolbox.train.observers.observer import Course, TrainingEnd
from dltoolbox.train.progress import clock_text

BAR_HEIGHT, SAMPLE_RISE, SAMPLE_END = 0.009, 0.008, 0.06  # shares of the figure: of the progress bar, of lines in the legend


@dataclass
class Standing:
    """The text beside the figures; ``ending`` when training is over."""

    status: str
    elapsed: float
    ending: TrainingEnd | None = None


class FactsColumn:
    """Writes the column into a figure, from the top down, and keeps it up to date."""

    def __init__(self, figure: Any, course: Course) -> None:
        self.figure, self.course = figure, course
        self.values: dict[str, Any] = {}
        self.y = Place.TITLE
        self.status = self.text(Place.COLUMN, "", size=15, color=Colour.INK, weight="bold")
        self.percent = self.text(Place.EDGE, "", ha="right")
        self.y -= 0.022
        self.bar = [self.bar_of(colour) for colour in (Colour.PALE, Colour.BLUE)]
        whose = "Validation" if course.validated else "Training"
        self.metric = f"{whose} {'accuracy' if course.metric == 'Accuracy' else 'RMSE'}"
        self.loss = f"{whose} loss"
        self.section("Results", self.metric, self.loss)
        self.section("Training time", "Elapsed", "Remaining")
        self.section("Training cycle", "Epoch", "Iteration", "Iterations per epoch")
        if course.validated:
            self.section("Validation", "Frequency", "Patience")
        self.section("Learning rate", "Current", "Schedule")
        self.section("Other information", "Solver", "Hardware")
        self.legend()
        self.write(known_before(course))

    def text(self, x: float, text: str, size: float = 12, color: str = Colour.GREY, **how: str) -> Any:
        return self.figure.text(x, self.y, text, fontsize=size, color=color, **how)

    def bar_of(self, colour: str) -> Any:
        place = Place.COLUMN, self.y
        bar = plotting("patches").Rectangle(place, Place.EDGE - Place.COLUMN, BAR_HEIGHT, color=colour, linewidth=0)
        return self.figure.add_artist(bar)

    def section(self, heading: str, *labels: str) -> None:
        self.y -= Place.LINE + Place.GAP
        self.text(Place.COLUMN, heading, size=12.5, color=Colour.INK, weight="bold")
        for label in labels:
            self.y -= Place.LINE
            self.text(Place.COLUMN, label)
            self.values[label] = self.text(Place.EDGE, "", color=Colour.INK, ha="right")

    def legend(self) -> None:
        """Which line is which, in both diagrams at once."""
        self.y -= Place.GAP
        self.samples("Smoothed", [Colour.BLUE, Colour.ORANGE], linewidth=2.4)
        self.samples("Each iteration", [Colour.LIGHT_BLUE, Colour.LIGHT_ORANGE], linewidth=1.5)
        if self.course.validated:
            self.samples("Validation", ["black"], linewidth=1.5, linestyle="--", marker="o", markersize=5)

    def samples(self, label: str, colours: list[str], **how: Any) -> None:
        self.y -= Place.LINE
        length = (SAMPLE_END - 0.011) / len(colours)
        for number, colour in enumerate(colours):
            x = Place.COLUMN + number * (length + 0.003)
            end = x + length - (0.003 if len(colours) > 1 else 0)
            self.figure.add_artist(plotting("lines").Line2D([x, (x + end) / 2, end], [self.y + SAMPLE_RISE] * 3,
                                                            color=colour, **how))
        self.text(Place.COLUMN + SAMPLE_END, label)

    def write(self, values: dict[str, str]) -> None:
        for label in values.keys() & self.values.keys():
            self.values[label].set_text(values[label])

    def update(self, measured: Measured, now: Standing) -> None:
        bad = any(word in now.status for word in ("NaN", "Inf", "error"))
        self.status.set(text=now.status, color=Colour.ALARM if bad else Colour.INK if now.ending else Colour.BLUE)
        done, total = len(measured.loss.raw), self.course.iterations
        self.percent.set_text("" if now.ending else f"{100 * done // total} %")
        self.bar[1].set_width((Place.EDGE - Place.COLUMN) * done / total)
        known = done > 1 and now.ending is None
        self.write({"Elapsed": clock_text(now.elapsed),
                    "Remaining": clock_text(now.elapsed * (total - done) / done) if known else "–"})
        if measured.last is not None:
            last = measured.last
            self.write(self.results(measured, now) | {
                "Epoch": f"{last.epoch:,} of {self.course.options.MaxEpochs:,}",
                "Iteration": f"{last.iteration:,} of {total:,}", "Current": f"{last.rate:.4g}"})

    def results(self, measured: Measured, now: Standing) -> dict[str, str]:
        """Of the last validation, or of the returned network; without validation, smoothed over the last mini-batches."""
        metric, loss = measured.metric.smooth[-1], measured.loss.smooth[-1]
        if self.course.validated:
            if not measured.validations:
                return {}
            _, loss, metric = measured.validations[-1]
        if now.ending and isfinite(now.ending.metric):
            loss, metric = now.ending.loss, now.ending.metric
        accuracy = self.course.metric == "Accuracy"
        return {self.metric: figure_text(metric, ".2f") + " %" if accuracy else figure_text(metric),
                self.loss: figure_text(loss)}


def figure_text(value: float, digits: str = ".4g") -> str:
    """``0.1234``, ``21,080``, ``NaN``"""
    if not isfinite(value):
        return number_text(value)
    return f"{value:,.0f}" if 1e4 <= abs(value) < 1e8 else format(value, digits)


def known_before(course: Course) -> dict[str, str]:
    """The constant part of the text."""
    options = course.options
    every, period = options.ValidationFrequency, options.LearnRateDropPeriod
    schedule = f"× {options.LearnRateDropFactor:g} every {'epoch' if period == 1 else f'{period:,} epochs'}"
    return {"Iterations per epoch": f"{course.per_epoch:,}",
            "Frequency": "every iteration" if every == 1 else f"every {every:,} iterations",
            "Patience": "none" if options.ValidationPatience == inf else f"{options.ValidationPatience:,.0f}",
            "Schedule": "constant" if options.LearnRateSchedule == "none" else schedule,
            "Solver": options.solver, "Hardware": "single CPU"}
