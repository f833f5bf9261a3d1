"""The picture of a training: accuracy or RMSE above, loss below, and what is known in a column beside them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from math import isfinite
from typing import Any

import numpy as np

from dltoolbox.train.observers.column import FactsColumn, Standing
from dltoolbox.train.observers.look import Colour, Place, own_style, plotting
from dltoolbox.train.observers.measured import (
    Curve,
    Measured,
    epochs_per_band,
    iterations_shown,
    outline,
    usual_limits,
)
from dltoolbox.train.observers.observer import Course

MOST_MARKERS = 40  # of validations; more would touch


class ProgressFigure:
    """Draws a training into an empty Matplotlib figure."""

    def __init__(self, figure: Any, course: Course, started: datetime) -> None:
        self.course = course
        left, _, width, _ = Place.METRIC
        accuracy = course.metric == "Accuracy"
        with own_style():
            figure.set_facecolor("white")
            figure.text(left, Place.TITLE, "Training progress", fontsize=18, weight="bold")
            figure.text(left + width, Place.TITLE, f"{started:%d-%b-%Y %H:%M:%S}", color=Colour.GREY, ha="right")
            self.metric = CurveDiagram(figure, Place.METRIC, "Accuracy (%)" if accuracy else "RMSE",
                                       (Colour.BLUE, Colour.LIGHT_BLUE), percent=accuracy, numbered=True)
            self.loss = CurveDiagram(figure, Place.LOSS, "Loss", (Colour.ORANGE, Colour.LIGHT_ORANGE))
            self.loss.axes.set_xlabel("Iteration", fontsize=14)
            self.column = FactsColumn(figure, course)

    def update(self, measured: Measured, now: Standing) -> None:
        done = len(measured.loss.raw)
        shown = max(done, 1) if now.ending else iterations_shown(done, self.course.iterations)
        validations = np.array(measured.validations, np.float64).reshape(-1, 3)
        with own_style():
            self.metric.update(measured.metric, validations[:, [0, 2]])
            self.loss.update(measured.loss, validations[:, [0, 1]])
            for diagram in (self.metric, self.loss):
                diagram.show_iterations(shown, self.course.per_epoch)
            if now.ending and isfinite(now.ending.metric):
                self.metric.mark_final(now.ending.iteration, now.ending.metric)
            self.column.update(measured, now)


@dataclass
class CurveDiagram:
    """One figure over the iterations: as it comes, smoothed, and of the validations, before bands of epochs.

    ``percent`` fixes the axis, ``numbered`` puts the numbers of the epochs above it.
    """

    figure: Any
    place: tuple[float, float, float, float]
    label: str
    colours: tuple[str, str]
    percent: bool = False
    numbered: bool = False
    shown: tuple[int, int] = (0, 0)
    bands: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.axes = axes = self.figure.add_axes(self.place)
        self.set_axes()
        strong, light = self.colours
        self.raw, = axes.plot([], [], color=light, linewidth=1.1, zorder=2)
        self.smooth, = axes.plot([], [], color=strong, linewidth=2.4, zorder=3)
        self.validation, = axes.plot([], [], "--o", color="black", linewidth=1.5, markersize=5, zorder=4, clip_on=False)
        self.final = axes.annotate("Final", (0, 0), xytext=(0, 0), textcoords="offset points", ha="right", fontsize=12,
                                   weight="bold", visible=False, zorder=5)
        self.final.set_path_effects([plotting("patheffects").withStroke(linewidth=3, foreground="white")])
        self.remark = axes.text(0.99, 0.96, "", transform=axes.transAxes, ha="right", va="top", fontsize=11,
                                color=Colour.GREY)

    def set_axes(self) -> None:
        axes, ticker = self.axes, plotting("ticker")
        axes.set_ylabel(self.label, fontsize=14)
        axes.yaxis.set_label_coords(-0.07, 0.5)
        axes.grid(axis="y", color=Colour.PALE, linewidth=0.7)
        axes.set_axisbelow(True)
        axes.tick_params(labelsize=11.5, length=3)
        axes.spines[["top", "right"]].set_visible(False)
        axes.spines[["left", "bottom"]].set_color(Colour.GREY)
        axes.xaxis.set_major_locator(ticker.MaxNLocator(nbins=8, integer=True, steps=[1, 2, 2.5, 5, 10]))
        axes.xaxis.set_major_formatter(ticker.FuncFormatter(lambda x, at: f"{x:,.0f}"))
        if self.percent:
            axes.set_ylim(0, 102)
            axes.set_yticks(range(0, 101, 20))
        else:
            axes.ticklabel_format(axis="y", scilimits=(-3, 4), useMathText=True)  # short numbers; the label is beside them

    def update(self, curve: Curve, validations: np.ndarray) -> None:
        raw = np.array(curve.raw)
        for line, values in ((self.raw, raw), (self.smooth, np.array(curve.smooth))):
            at = outline(values)
            line.set_data(at + 1, values[at])
            line.set_marker("o" if values.size == 1 else "")
        self.validation.set_data(validations.T)
        every = max(1, -(-len(validations) // MOST_MARKERS))
        self.validation.set_markevery(((len(validations) - 1) % every, every))  # the last one always
        if not self.percent:
            low, high, peak = usual_limits(raw, validations[:, 1])
            self.axes.set_ylim(low, low + 1.05 * (high - low))
            self.validation.set_clip_on(peak > high)
            self.remark.set_text(f"peak {peak:.4g}, off the scale" if peak > high else "")

    def mark_final(self, iteration: int, value: float) -> None:
        """The returned network."""
        below = not self.percent or value > 20
        self.final.xy = iteration, value
        self.final.set(visible=True, va="top" if below else "bottom", position=(0, -9 if below else 9))

    def show_iterations(self, shown: int, per_epoch: int) -> None:
        """Show so many, with bands of epochs behind them; many epochs share a band."""
        if self.shown == (shown, per_epoch):
            return
        self.shown = shown, per_epoch
        self.axes.set_xlim(0, max(1.005 * shown, 2))
        while self.bands:
            self.bands.pop().remove()
        step = epochs_per_band(shown / per_epoch)
        for number, first in enumerate(range(1, -(-shown // per_epoch) + 1, step)):
            begin, end = (first - 1) * per_epoch, min((first - 1 + step) * per_epoch, shown)
            if number % 2:
                self.bands.append(self.axes.axvspan(begin, end, color=Colour.BAND, linewidth=0, zorder=0))
            share = (end - begin) / shown
            if self.numbered and share > 0.06:
                word = "Epoch" if step == 1 else "Epochs"
                numbers = f"{first}" if step == 1 else f"{first}–{first - 1 + step}"
                self.write((begin + end) / 2, f"{word} {numbers}" if number == 0 and share > 0.1 else numbers)

    def write(self, x: float, text: str) -> None:
        """Above the diagram."""
        self.bands.append(self.axes.text(x, 1.015, text, fontsize=10.5, color=Colour.GREY, ha="center", va="bottom",
                                         transform=self.axes.get_xaxis_transform()))
