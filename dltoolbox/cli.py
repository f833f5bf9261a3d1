"""The command ``dltoolbox``."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from io import TextIOWrapper

from dltoolbox import __version__

DESCRIPTION = "Deep learning with MATLAB's names in Python: layer arrays, network analysis, training and max unpooling."
EPILOG = """\
examples:
  dltoolbox demo --short     see what the toolbox does, in a few seconds
  dltoolbox demo             the same, trained longer (up to a minute)

In Python:
  from dltoolbox import *
  help(trainNetwork)
"""


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="dltoolbox", description=DESCRIPTION, epilog=EPILOG,
                                  formatter_class=argparse.RawDescriptionHelpFormatter)
    top.add_argument("--version", action="version", version=f"dltoolbox {__version__}")
    commands = top.add_subparsers(dest="command", metavar="COMMAND", title="commands")
    demo = commands.add_parser(
        "demo", help="build, analyse, train and test two small networks",
        description="Build, analyse, train and test two networks: one reads handwritten digits, one finds the pixels of "
                    "triangles by max unpooling. Nothing is downloaded and nothing is written.")
    demo.add_argument("--short", action="store_true", help="fewer images and epochs: a few seconds, less accurate")
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line, by default the program's own; returns the exit status: 0, or 2 for bad usage."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")  # a console without '×' shows '?' instead of an error
    top = parser()
    given = top.parse_args(argv)
    if given.command is None:
        top.print_help(sys.stderr)
        return 2
    from dltoolbox import demo  # only when it is needed: --help stays quick
    try:
        demo.run(short=given.short)
    except KeyboardInterrupt:
        print("\nStopped.", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of a pipe, such as head, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


if __name__ == "__main__":
    sys.exit(main())
