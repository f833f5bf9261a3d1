"""The plot of a training: when it is drawn, and what becomes of training when it cannot be."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from math import nan

from dltoolbox.core.errors import MissingExtraError, warn, warn_once
from dltoolbox.train.observers.column import Standing
from dltoolbox.train.observers.figure import ProgressFigure
from dltoolbox.train.observers.measured import Measured
from dltoolbox.train.observers.observer import Course, Observer, Record, TrainingEnd
from dltoolbox.train.observers.surfaces import PngFile, Surface, choose_surface

DRAW_PAUSE, EVENT_PAUSE = 1.0, 0.1  # seconds at least between two drawings, and between two looks at the window's events
DRAWING_SHARE = 0.04  # of the time may go into each of them
RUNNING, FINISHING, FAILED = "Training …", "Finishing …", "Stopped by an error"


class Pace:
    """When something that takes time is due again: after a pause, longer where it takes long.

    >>> pace = Pace(1.0)
    >>> pace.is_due(), pace.done(0.01), pace.is_due()
    (True, None, False)
    """

    def __init__(self, pause: float) -> None:
        self.pause, self.next, self.before = pause, 0.0, 0.0

    def is_due(self, within: float = 0.0) -> bool:
        """Whether the pause is over, or it takes but a small share of so many seconds."""
        return time.perf_counter() >= self.next or self.before < DRAWING_SHARE * within

    def done(self, seconds: float) -> None:
        """It has just been done, and took so long; the first time, and one that a busy machine drew out, do not count."""
        usual, self.before = min(seconds, self.before), seconds
        self.next = time.perf_counter() + max(self.pause, usual / DRAWING_SHARE)


class TrainingPlot(Observer):
    """Shows the progress of a training, live where there is somewhere to show it, and otherwise in a file in the end.

    Nothing that goes wrong here ends training: there is one warning, and no plot from then on.
    """

    def __init__(self, course: Course) -> None:
        self.course, self.measured = course, Measured()
        self.drawing, self.events = Pace(DRAW_PAUSE), Pace(EVENT_PAUSE)
        self.started = datetime.now()
        self.surface: Surface | None = None
        self.figure: ProgressFigure | None = None

    def begin(self) -> bool:
        with self.harmless():
            self.surface = choose_surface()
            if self.surface.live:
                self.draw(RUNNING)
        return False

    def wants_to_stop(self, record: Record) -> bool:
        if self.surface is not None and self.surface.live and self.events.is_due():
            with self.harmless():
                begun = time.perf_counter()
                self.surface.respond()
                self.events.done(time.perf_counter() - begun)
        return self.surface is not None and self.surface.stop_wanted

    def note(self, record: Record, reason: str) -> None:
        self.measured.append(record)
        last = bool(reason) or record.iteration == self.course.iterations
        if self.surface is not None and self.surface.live and self.drawing.is_due(within=last * self.course.elapsed()):
            with self.harmless():
                self.draw(FINISHING if last else RUNNING)

    def end(self, ending: TrainingEnd) -> None:
        with self.harmless():
            self.measured.append_final(ending)
            self.finish(ending)

    def abandon(self) -> None:
        with self.harmless():
            if self.measured.last is not None:
                self.finish(TrainingEnd(FAILED, nan, nan, 0))

    def finish(self, ending: TrainingEnd) -> None:
        """The last drawing; in a file, too, where the window goes away with the process."""
        surface = self.surface
        if surface is None:
            return
        self.draw(ending.reason, ending)
        if surface.vanishes:
            self.surface, self.figure = PngFile(), None
            self.draw(ending.reason, ending)
        self.surface = None

    def draw(self, status: str, ending: TrainingEnd | None = None) -> None:
        assert self.surface is not None
        if self.surface.closed:
            return
        begun = time.perf_counter()
        if self.figure is None:
            self.figure = ProgressFigure(self.surface.figure(), self.course, self.started)
        self.figure.update(self.measured, Standing(status.rstrip("."), self.course.elapsed(), ending))
        self.surface.show(final=ending is not None)
        self.drawing.done(time.perf_counter() - begun)

    @contextmanager
    def harmless(self) -> Iterator[None]:
        """An error inside becomes a warning, and the plot stops."""
        try:
            yield
        except MissingExtraError:
            self.surface = None
            warn_once("trainNetwork:plotNeedsMatplotlib", "Plots='training-progress' needs Matplotlib, which is not "
                      "installed; training goes on without a plot.", 'Install it with: pip install "dltoolbox[plot]"')
        except Exception as error:
            surface, self.surface = self.surface, None
            if surface is None or not surface.closed:  # who closes a window in the middle of a drawing has ended that
                warn("trainNetwork:plotFailed", f"The training plot failed, and training goes on without it: "
                     f"{type(error).__name__}: {error}.", "Pass Plots='none', or set another Matplotlib backend.")
