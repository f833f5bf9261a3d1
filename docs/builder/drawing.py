"""Small drawings in SVG: matrices with numbers in their cells, windows over them, arrows between them.

A file follows the reader's light or dark theme, and so does a page of the site, into which drawings are written: there the
switch of the site decides. Words are text, so that they can be searched, read aloud and enlarged.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape
from pathlib import Path

import numpy as np

LIGHT = {"ink": "#1f2937", "faint": "#667085", "line": "#b4bdca", "on": "#ffffff", "h1": "#1c62d6", "h2": "#cf4a0c",
         "h3": "#2b8a3e", "h4": "#7048e8", "h5": "#c2255c", "h6": "#0b7285"}
DARK = {"ink": "#e8ebf1", "faint": "#a3adbb", "line": "#596273", "on": "#10151f", "h1": "#74a9ff", "h2": "#ff9a5c",
        "h3": "#6fdc86", "h4": "#b7a1ff", "h5": "#ff8fb3", "h6": "#4dd0e1"}
HUES = 6
CELL = 30
SANS = 'system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,"DejaVu Sans",sans-serif'
MONO = 'ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace'
RULES = f"""\
.drawing{{font:13px {SANS}}}
.drawing text{{fill:var(--ink);text-anchor:middle;stroke:none}}
.drawing .left{{text-anchor:start}}
.drawing .right{{text-anchor:end}}
.drawing .small{{font-size:11px}}
.drawing .tiny{{font-size:9px}}
.drawing .strong{{font-weight:700}}
.drawing .code{{font-family:{MONO};font-size:12px}}
.drawing .faint{{fill:var(--faint)}}
.drawing .on{{fill:var(--on);font-weight:700}}
.drawing rect,.drawing path{{fill:none;stroke:var(--line);stroke-width:1}}
.drawing .pad{{stroke-dasharray:3 2}}
.drawing .beyond{{stroke-dasharray:1 3}}
.drawing .thick{{stroke-width:2}}
.drawing .arrow{{stroke:var(--faint);stroke-width:1.5}}
.drawing .dashed{{stroke-width:1.5;stroke-dasharray:5 3}}
.drawing .head{{stroke-dasharray:none}}
.drawing .lost{{fill:var(--line);fill-opacity:.35}}
"""
FILE, SITE = "@media (prefers-color-scheme:dark){%s}", '[data-md-color-scheme="slate"] %s'  # where dark colours hold
PICTURE = re.compile(r"!\[(?P<alt>[^]]*)\]\((?P<path>[\w./-]+\.svg)\)")


COLOURED = "".join(f".drawing .t{n}{{fill:var(--h{n});fill-opacity:.2;stroke:var(--h{n})}}\n"  # of a window
                   f".drawing .w{n}{{fill:var(--h{n});stroke:var(--h{n})}}\n"  # of what it chose
                   f".drawing .s{n}{{stroke:var(--h{n})}}\n" for n in range(1, HUES + 1))
COUNTED = "".join(f".drawing .n{n}{{fill:var(--h1);fill-opacity:{.03 + .05 * n:.2f}}}\n" for n in range(1, 10))


def sheet(dark: str, body: str | None = None) -> str:
    """The style of drawings, or what ``body`` needs of it; ``dark`` has the selector's place: ``@media …{%s}``, or a
    selector in front of the class.
    """
    used = None if body is None else set(" ".join(re.findall(r'class="([^"]*)"', body)).split())
    rules = [rule for rule in (RULES + COLOURED + COUNTED).splitlines()
             if used is None or not (of := re.match(r"\.drawing \.(\w+)", rule)) or of[1] in used]
    return "\n".join([f".drawing{{{variables(LIGHT)}}}", dark % f".drawing{{{variables(DARK)}}}", *rules, ""])


def variables(colours: dict[str, str]) -> str:
    return "".join(f"--{name}:{colour};" for name, colour in colours.items())


def number(value: float, digits: int = 2) -> str:
    """A number as it stands in a cell."""
    if np.isnan(value):
        return "NaN"
    if np.isinf(value):
        return "∞" if value > 0 else "−∞"
    text = f"{round(value, digits) + 0.0:.{digits}f}"
    return (text.rstrip("0").rstrip(".") if "." in text else text).replace("-", "−")


class Drawing:
    """Elements on a sheet of a certain width, which grows down."""

    def __init__(self, width: float, height: float) -> None:
        self.width, self.height = width, height
        self.parts: list[str] = []

    def line_of_text(self, y: float, words: str, kind: str) -> None:
        """Text from the left edge; the sheet becomes as wide as it."""
        self.text(2, y, words, f"left {kind}")
        self.width = max(self.width, 4 + len(words) * (7.4 if "code" in kind else 6.1))

    def text(self, x: float, y: float, words: str, kind: str = "") -> None:
        """A line of text, centred around x unless its kind is ``left``; y is the middle of its height."""
        self.parts.append(f'<text x="{x:g}" y="{y + 4.5:g}"{named(kind)}>{escape(words, quote=False)}</text>')

    def rect(self, x: float, y: float, width: float, height: float, kind: str = "") -> None:
        self.parts.append(f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="2"{named(kind)}/>')

    def path(self, course: str, kind: str = "") -> None:
        self.parts.append(f'<path d="{course}"{named(kind)}/>')

    def arrow(self, x: float, y: float, length: float, kind: str = "arrow") -> None:
        """To the right."""
        end = x + length
        self.path(f"M{x:g} {y:g}H{end:g}m-5 -4l5 4l-5 4", kind)

    def arrow_along(self, points: Sequence[tuple[float, float]], kind: str = "arrow") -> None:
        """Along straight lines; the last of them is upright or level."""
        (x, y), (before_x, before_y) = points[-1], points[-2]
        course = "M" + "L".join(f"{a:g} {b:g}" for a, b in points)
        back_x, back_y = 5 * ((before_x > x) - (before_x < x)), 5 * ((before_y > y) - (before_y < y))  # from its point
        side_x, side_y = (4, 0) if back_y else (0, 4)
        head = (f"M{x + back_x - side_x:g} {y + back_y - side_y:g}L{x:g} {y:g}"
                f"L{x + back_x + side_x:g} {y + back_y + side_y:g}")
        self.path(course, kind)
        self.path(head, f"{kind} head")

    def cell(self, x: float, y: float, words: str = "", kind: str = "", *, size: float = CELL, corner: str = "") -> None:
        """A cell with what is in it; ``corner`` stands small in its corner."""
        self.rect(x, y, size, size, kind)
        solid = "on" if any(word in kind.split() for word in HOT) else "faint" if "pad" in kind.split() else ""
        small = " small" if len(words) > 3 or words == "NaN" else ""
        x_text, y_text = (x + size * .42, y + size * .66) if corner else (x + size / 2, y + size / 2)
        self.text(x_text, y_text, words, f"{solid}{small}".strip())
        if corner:
            self.text(x + size - 3, y + 5, corner, f"right tiny {'on' if solid == 'on' else 'faint'}")

    def matrix(self, x: float, y: float, values: np.ndarray, kinds: np.ndarray | None = None, *, size: float = CELL,
               corners: np.ndarray | None = None, digits: int = 2) -> None:
        """A matrix of numbers, or of words."""
        for (row, column), value in np.ndenumerate(values):
            words = value if isinstance(value, str) else number(float(value), digits)
            self.cell(x + column * size, y + row * size, words, "" if kinds is None else str(kinds[row, column]), size=size,
                      corner="" if corners is None else str(corners[row, column]))

    def svg(self) -> str:
        """The file."""
        body, size = "\n".join(self.parts), f"{self.width:g} {self.height:g}"
        return (f'<svg xmlns="http://www.w3.org/2000/svg" class="drawing" role="img" viewBox="0 0 {size}" '
                f'width="{self.width:g}" height="{self.height:g}">\n<style>\n{sheet(FILE, body)}</style>\n{body}\n</svg>\n')


HOT = tuple(f"w{n}" for n in range(1, HUES + 1))


def named(kind: str) -> str:
    return f' class="{kind}"' if kind else ""


def hue(index: int) -> int:
    """The number of a colour, for one thing after the other."""
    return index % HUES + 1


def written_in(text: str, folder: Path) -> str:
    """A page with its drawings in place of the links to them, in the colours of the site's theme."""
    styles = iter([f"<style>{sheet(SITE)}</style>"])

    def inline(match: re.Match[str]) -> str:
        source = (folder / match["path"]).read_text(encoding="utf-8")
        if 'class="drawing"' not in source:
            return match[0]
        head, rest = source.split("<style>", 1)
        label = f' aria-label="{escape(match["alt"])}">'
        return flat([head.rstrip()[:-1], label, next(styles, ""), rest.partition("</style>")[2]])

    return PICTURE.sub(inline, text)


def flat(parts: Sequence[str]) -> str:
    """On one line, as Markdown wants it."""
    return re.sub(r"\s*\n\s*", "", "".join(parts))


