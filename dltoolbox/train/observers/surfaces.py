"""Surfaces of a training plot: a window, a notebook, or a file."""

from __future__ import annotations

import sys
import tempfile
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from threading import current_thread, main_thread
from typing import Any

from dltoolbox.core.packages import require
from dltoolbox.runtime.console import display_is_there, in_notebook, say
from dltoolbox.train.observers.look import SLIDE, Place, plotting

FILE_DPI, NOTEBOOK_DPI, WINDOW_DPI = 150, 100, 88
SHOWN_WIDTH = 960  # pixels as the page shows them
PLOT_NAME = "training-progress"


class Surface:
    """Something to show the plot on.

    ``live``: it is shown during training; ``closed``: the user has closed it; ``stop_wanted``: and wants training to stop;
    ``vanishes``: nothing is left of it when the process ends.
    """

    live = True
    closed = stop_wanted = vanishes = False

    def figure(self) -> Any:
        """The Matplotlib figure to draw into; called once."""
        self.canvas = plotting("backends.backend_agg").FigureCanvasAgg(new_figure(FILE_DPI))
        return self.canvas.figure

    def show(self, final: bool) -> None:
        """The figure has changed; the last time of all if ``final``."""

    def respond(self) -> None:
        """Let a window react to its user."""

    def png(self) -> bytes:
        stream = BytesIO()
        self.canvas.print_png(stream)
        return stream.getvalue()


def new_figure(dpi: float) -> Any:
    return plotting("figure").Figure(figsize=SLIDE, dpi=dpi)


class PngFile(Surface):
    """A file in the working folder, or in the one for temporary files where that cannot be written; its path is printed."""

    live = False

    def show(self, final: bool) -> None:
        if final:
            say(f"Training plot: {write_new(self.png())}", flush=True)


def write_new(png: bytes) -> Path:
    """Write a file that was not there before: ``training-progress.png``, ``training-progress-2.png`` …"""
    for number in range(1, 10_000):
        path = Path(f"{PLOT_NAME}.png" if number == 1 else f"{PLOT_NAME}-{number}.png")
        try:
            with open(path, "xb") as file:
                try:
                    file.write(png)
                except OSError:  # a full disk
                    path.unlink()
                    raise
            return path.absolute()
        except FileExistsError:
            continue
        except OSError:
            break
    handle, name = tempfile.mkstemp(prefix=f"{PLOT_NAME}-", suffix=".png")
    with open(handle, "wb") as file:
        file.write(png)
    return Path(name)


class Notebook(Surface):
    """One picture below the cell, replaced in place. Spyder's console cannot replace pictures, and gets the last one."""

    def __init__(self) -> None:
        self.live = "spyder_kernels" not in sys.modules
        self.handle: Any = None

    def figure(self) -> Any:
        figure = super().figure()
        figure.set_dpi(NOTEBOOK_DPI)
        return figure

    def show(self, final: bool) -> None:
        if final:
            self.canvas.figure.set_dpi(FILE_DPI)
        display = require("IPython.display", needed_by="trainNetwork")
        picture = display.Image(data=self.png(), format="png", width=SHOWN_WIDTH, alt="Training progress")
        if self.handle is None:
            self.handle = display.display(picture, display_id=True)
        else:
            self.handle.update(picture)


class PlotWindow(Surface):
    """A window of Matplotlib with a button that stops training. It stays afterwards, as long as the process does.

    Raises:
        RuntimeError: where Matplotlib's backend shows no windows.
    """

    def __init__(self) -> None:
        pyplot = plotting("pyplot")
        with pyplot.rc_context({"figure.max_open_warning": 0, "toolbar": "None"}):
            self.window = pyplot.figure(figsize=SLIDE, dpi=WINDOW_DPI)
        self.canvas = self.window.canvas
        if getattr(self.canvas, "required_interactive_framework", None) is None:
            pyplot.close(self.window)
            raise RuntimeError("Matplotlib's backend shows no windows")
        self.vanishes = not (hasattr(sys, "ps1") or sys.flags.interactive or in_notebook())
        self.canvas.mpl_connect("close_event", self.close)
        if self.canvas.manager is not None:
            self.canvas.manager.set_window_title("Training progress")
        self.button: Any = None

    def figure(self) -> Any:
        self.button = plotting("widgets").Button(self.window.add_axes(Place.BUTTON), "Stop training", color="#f3f4f6",
                                                 hovercolor="#e1e4e8")
        self.button.label.set_fontsize(12)
        for spine in self.button.ax.spines.values():
            spine.set_color("#afb8c1")
        self.button.on_clicked(self.press)
        return self.window

    def show(self, final: bool) -> None:
        if final and self.button is not None:
            self.button.disconnect_events()
            self.button.ax.remove()
            self.button = None
        self.window.show()
        self.canvas.draw()
        self.canvas.flush_events()

    def respond(self) -> None:
        if not self.closed:
            self.canvas.flush_events()

    def press(self, event: object) -> None:
        self.stop_wanted = True
        self.button.label.set_text("Stopping …")
        self.canvas.draw_idle()

    def close(self, event: object) -> None:
        self.closed, self.vanishes = True, False


def choose_surface() -> Surface:
    """A window or a notebook where there is one, else a file."""
    plotting("figure")  # its absence is told before hours of training
    if in_notebook() and not window_is_wanted():
        return Notebook()
    if display_is_there() and current_thread() is main_thread():
        with suppress(Exception):  # a display that refuses, a backend that is not installed
            return PlotWindow()
    return PngFile()


def window_is_wanted() -> bool:
    """Whether a notebook was told to open windows: ``%matplotlib qt`` and its like."""
    pyplot = sys.modules.get("matplotlib.pyplot")
    return pyplot is not None and str(pyplot.get_backend()).lower().startswith(("qt", "tk", "gtk", "wx", "macosx"))
