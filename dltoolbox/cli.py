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
  dltoolbox doctor           what this machine computes with, and what slows it down

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
    doctor = commands.add_parser(
        "doctor", help="show what this machine computes with, and what slows it down",
        description="Show versions, processor, threads, BLAS libraries, measured rates and caches, and warn of what makes "
                    "networks slow, each with its cure. Takes about two seconds; nothing is written.")
    doctor.add_argument("--json", action="store_true", help="print the same as JSON")
    doctor.add_argument("--strict", action="store_true", help="exit with status 1 where there is a warning")
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line, by default the program's own; returns the exit status.

    It is 0, or 1 where ``doctor --strict`` has a warning, or 2 for bad usage.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")  # a console without '×' shows '?' instead of an error
    top = parser()
    given = top.parse_args(argv)
    if given.command is None:
        top.print_help(sys.stderr)
        return 2
    try:
        return perform(given)
    except KeyboardInterrupt:
        print("\nStopped.", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of a pipe, such as head, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def perform(given: argparse.Namespace) -> int:
    """Run a command; each is imported only when it is needed, so that --help stays quick."""
    if given.command == "doctor":
        from dltoolbox import doctor
        return doctor.run(as_json=given.json, strict=given.strict)
    from dltoolbox import demo
    demo.run(short=given.short)
    return 0


if __name__ == "__main__":
    sys.exit(main())
