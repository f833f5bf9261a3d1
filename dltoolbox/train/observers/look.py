"""How the picture of a training looks, whatever styles the user has set for other figures."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from dltoolbox.core.packages import require


class Colour:
    """Blue and orange differ for the colour-blind, too."""

    BLUE, LIGHT_BLUE, ORANGE, LIGHT_ORANGE = "#0072bd", "#a6cfec", "#d95319", "#f7c3a8"
    INK, GREY, PALE, BAND, ALARM = "#1f2328", "#59636e", "#d1d9e0", "#f1f3f5", "#b3261e"


class Place:
    """In shares of the figure. Rectangles are left, bottom, width and height."""

    TITLE = 0.952  # height of the line at the top
    METRIC, LOSS = (0.07, 0.54, 0.645, 0.37), (0.07, 0.09, 0.645, 0.37)
    COLUMN, EDGE = 0.745, 0.985  # left and right end of the column beside them
    LINE, GAP = 0.0315, 0.0175  # heights: of a line in it, and of the space before a heading
    BUTTON = (0.745, 0.032, 0.24, 0.055)


SLIDE = 12.8, 7.2  # inches
FIGURE_STYLE = {
    "font.family": ["sans-serif"], "font.sans-serif": ["DejaVu Sans"], "font.size": 11.5, "text.color": Colour.INK,
    "axes.labelcolor": Colour.INK, "xtick.color": Colour.GREY, "ytick.color": Colour.GREY}


def plotting(module: str) -> Any:
    """A module of Matplotlib, or the error that names the extra that brings it."""
    require("matplotlib", extra="plot", needed_by="trainNetwork")
    return require(f"matplotlib.{module}", extra="plot", needed_by="trainNetwork")


@contextmanager
def own_style() -> Iterator[None]:
    with plotting("style").context(["default", FIGURE_STYLE]):
        yield
