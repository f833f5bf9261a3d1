"""Runs the Python blocks of a page, top to bottom in one namespace, and puts what they print and draw below them.

So every number on the site comes from the run that built it, and a block that fails stops the build. Words behind
``python`` say what is different about a block:

``quiet``     shows the code without what it prints
``raises``    must raise a `DltoolboxError`, whose message is shown
``warns``     may warn; the warnings are shown
``skip``      does not run: a fragment, or code that a test of its own runs
``torch``     runs where PyTorch is installed; it is not needed to build the site
``file=NAME`` is written to a file, for the blocks after it

A block ``sh run`` is a command line; ``status=1`` behind it is the exit status that the command must have. What a page only
needs, such as data, stands in a comment ``<!-- run``, which is not shown. A comment ``<!-- snippets run elsewhere: …`` says
which test runs the blocks of a page, so that they are left alone here.
"""

from __future__ import annotations

import io
import os
import re
import shlex
import subprocess
import sys
import tempfile
import textwrap
import traceback
import warnings
from collections.abc import Callable
from contextlib import chdir, redirect_stdout
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import dltoolbox

BLOCK = re.compile(r"^<!-- run\n(?P<hidden>.*?)^-->$|"
                   r"^(?P<indent> *)```(?P<language>python|sh(?= run))(?P<words>[^\n]*)\n"
                   r"(?P<code>.*?)^(?P=indent)```$", re.M | re.S)
COMMAND = "import sys; from dltoolbox.cli import main; sys.exit(main())"  # as the script `dltoolbox` does
ELSEWHERE = "<!-- snippets run elsewhere:"
WIDTH = "100"  # columns of printed tables
LONG = 104  # letters of a line that does not fit on the page
PACKAGE = str(Path(dltoolbox.__file__).parents[1])  # commands and notebooks use the package that the pages use
SaveFigure = Callable[[bytes], str]  # keeps a picture, and returns how the page refers to it


class SnippetError(Exception):
    """A block of a page did not do what the page says."""


@dataclass
class Page:
    """One page in the course of being run."""

    name: str
    save_figure: SaveFigure
    names: dict[str, object] = field(default_factory=lambda: {"__name__": "__main__"})

    def run(self, text: str) -> str:
        """The text of the page, with results."""
        if ELSEWHERE in text:
            return text
        with tempfile.TemporaryDirectory() as folder, chdir(folder):
            return BLOCK.sub(self.block, text)

    def block(self, match: re.Match[str]) -> str:
        """One block: the code, then what it printed and drew."""
        line = match.string.count("\n", 0, match.start()) + 2
        if match["hidden"]:
            self.execute(match["hidden"], line, raises=False, warns=False)
            return ""
        words = shlex.split(match["words"])
        code = textwrap.dedent(match["code"])
        if match["language"] == "sh":
            return textwrap.indent(self.command(code, words), match["indent"])
        for name in (word.removeprefix("file=") for word in words if word.startswith("file=")):
            Path(name).write_text(code, encoding="utf-8")
            return textwrap.indent(f'```python title="{name}"\n{code}```', match["indent"])
        parts = [f"```python\n{code}```"]
        if "skip" not in words and ("torch" not in words or find_spec("torch")):
            printed = self.execute(code, line, raises="raises" in words, warns="warns" in words)
            if printed.strip() and "quiet" not in words:
                parts.append(output(printed))
            parts += self.figures(words)
        return textwrap.indent("\n\n".join(parts), match["indent"])

    def command(self, code: str, words: list[str]) -> str:
        """A command line and what it prints."""
        expected = next((int(word.removeprefix("status=")) for word in words if word.startswith("status=")), 0)
        function = f"dltoolbox() {{ {shlex.quote(sys.executable)} -c {shlex.quote(COMMAND)} \"$@\"; }}\n"
        done = subprocess.run(["sh", "-c", function + code], capture_output=True, encoding="utf-8", check=False,
                              env=os.environ | {"PYTHONPATH": PACKAGE, "PYTHONUTF8": "1"})
        if done.returncode != expected:
            raise SnippetError(f"{self.name}: status {done.returncode}, not {expected}:\n{code}{done.stdout}{done.stderr}")
        printed = done.stdout + done.stderr
        return f"```sh\n{code}```" + (f"\n\n{output(printed)}" if printed.strip() else "")

    def execute(self, code: str, line: int, *, raises: bool, warns: bool) -> str:
        """What a block prints; warnings are errors unless they are expected."""
        printed = io.StringIO()
        padded = "\n" * (line - 1) + code  # so that tracebacks tell lines of the page
        with redirect_stdout(printed), warnings.catch_warnings(record=warns) as caught:
            warnings.simplefilter("always" if warns else "error")
            try:
                exec(compile(padded, self.name, "exec"), self.names)
            except dltoolbox.DltoolboxError as error:
                if not raises:
                    raise SnippetError(f"{self.name}, block of line {line}:\n{traceback.format_exc()}") from error
                printed.write(f"{type(error).__name__}: {error}\n")
            except Exception as error:
                raise SnippetError(f"{self.name}, block of line {line}:\n{traceback.format_exc()}") from error
            else:
                if raises:
                    raise SnippetError(f"{self.name}, block of line {line}: this should have raised an error.")
        shown = "".join(f"{warning.category.__name__}: {warning.message}\n" for warning in caught or ())
        return printed.getvalue() + shown

    def figures(self, words: list[str]) -> list[str]:
        """The open Matplotlib figures, saved and closed; ``alt=…`` among the words describes them."""
        plt: Any = sys.modules.get("matplotlib.pyplot")
        if plt is None:
            return []
        alt = next((word.removeprefix("alt=") for word in words if word.startswith("alt=")), "")
        shown = []
        for number in plt.get_fignums():
            picture = io.BytesIO()
            plt.figure(number).savefig(picture, format="png", dpi=144, bbox_inches="tight")
            shown.append(f"![{alt}]({self.save_figure(picture.getvalue())})")
        plt.close("all")
        return shown


def output(text: str) -> str:
    """A block of printed text. Long lines are broken, but not those of tables."""
    lines = [line.rstrip() for line in text.rstrip().lstrip("\n").splitlines()]
    wrap = max(map(len, lines), default=0) > LONG and not any(re.search("---|===|___|──", line) for line in lines)
    return "\n".join([f"~~~~ {{ .text .no-copy .output{' .wrap' if wrap else ''} }}", *lines, "~~~~"])
