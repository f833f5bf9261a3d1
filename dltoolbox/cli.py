"""The command ``dltoolbox``."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from io import TextIOWrapper
from typing import Any

from dltoolbox import __version__
from dltoolbox.core.display import listed
from dltoolbox.core.properties import did_you_mean
from dltoolbox.runtime.console import until_unread

DESCRIPTION = "Deep learning with MATLAB's names in Python: layer arrays, network analysis, training and max unpooling."
EPILOG = """\
examples:
  dltoolbox demo --short     see what the toolbox does, in a few seconds
  dltoolbox demo             the same, trained longer (up to a minute)
  dltoolbox analyze net.py   check the network that a script defines
  dltoolbox doctor           what this machine computes with, and what slows it down

In Python:
  from dltoolbox import *
  help(trainNetwork)
"""
ABOUT_ANALYZE = """\
Check a network without data: the size of every output, learnables, multiply-adds, memory, and every problem at once.

A script is executed, so a script that trains at top level trains, and the trained network is checked; put that under
if __name__ == '__main__', which is left out, to check the layers alone. What it prints goes to standard error. It must
define one layer array, layer graph or network at top level, or FILE names one, script.py:name, also a function."""
ANALYZE_EXAMPLES = """\
exit status:
  0  fine
  1  there are problems at or above --fail-on
  2  bad usage, or FILE cannot be read or executed

examples:
  dltoolbox analyze net.py                                print sizes and problems
  dltoolbox analyze net.py --html net.html --batch 32     the page to send around
  dltoolbox analyze net.py --open                         the page in the browser, now
  dltoolbox analyze net.json --html net.html              the page of what --json wrote
  dltoolbox analyze models.unet:build --input 256x256x3   a function of a module
  dltoolbox analyze 'net.py:build(10, depth=3)'           a function with arguments
  dltoolbox analyze net.py --fail-on warning --quiet      in continuous integration
  dltoolbox analyze net.py --json net.json                keep what it is like now,
  dltoolbox analyze net.py --compare net.json             and later see what changed
"""


COMMANDS = ("demo", "analyze", "doctor")


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
    add_analyze(commands)
    doctor = commands.add_parser(
        "doctor", help="show what this machine computes with, and what slows it down",
        description="Show versions, processor, threads, BLAS libraries, measured rates and caches, and warn of what makes "
                    "networks slow, each with its fix. Takes about two seconds; nothing is written.")
    doctor.add_argument("--json", action="store_true", help="print the same as JSON")
    doctor.add_argument("--strict", action="store_true", help="exit with status 1 where there is a warning")
    return top


def add_analyze(commands: Any) -> None:
    """The options of ``dltoolbox analyze``; what they do is in `dltoolbox.report.command`."""
    analyze = commands.add_parser(
        "analyze", help="check a network: sizes, learnables, cost and every problem", description=ABOUT_ANALYZE,
        epilog=ANALYZE_EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter)
    analyze.add_argument("file", metavar="FILE", help="script.py, script.py:name, package.module:name, a saved network, or "
                         "a JSON file that --json wrote")
    analyze.add_argument("--input", metavar="SIZE", action="append", default=[],
                         help="size of one observation, such as 224x224x3, where no input layer says it, or instead of what "
                         "it says; again for every further input")
    analyze.add_argument("--batch", metavar="N", type=int, default=1, help="print the memory of N observations")
    analyze.add_argument("--usage", choices=["trainNetwork", "dlnetwork", "auto"], default="auto",
                         help="what the network is for (default: trainNetwork if there is an output layer, else dlnetwork)")
    analyze.add_argument("--html", metavar="OUT", help="write the report as one page; - for standard output")
    analyze.add_argument("--open", action="store_true", help="open the page in the browser")
    analyze.add_argument("--json", metavar="OUT", help="write the analysis or comparison as JSON; - for standard output")
    analyze.add_argument("--histograms", action="store_true",
                         help="show in the page how the weights of a trained network are distributed")
    analyze.add_argument("--compare", metavar="OTHER",
                         help="print what changed since OTHER, and the problems; OTHER is as FILE, or written by --json")
    analyze.add_argument("--fail-on", choices=["error", "warning", "difference", "never"], default="error",
                         help="exit with status 1 where there is an error (the default), also for warnings, or also where "
                         "--compare finds a difference")
    analyze.add_argument("--long", action="store_true", help="print descriptions and the sizes of all learnables as well")
    analyze.add_argument("--quiet", action="store_true", help="print only the problems, and with --compare also differences")


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line, by default the program's own; returns the exit status.

    It is 0, or 1 where ``doctor --strict`` has a warning or ``analyze`` finds what it is to fail on, or 2 for bad usage.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")  # a console without '×' shows '?' instead of an error
    top = parser()
    words = list(sys.argv[1:] if argv is None else argv)
    refuse_unknown_command(top, words)
    given = top.parse_args(words)
    if given.command is None:
        top.print_help(sys.stderr)
        return 2
    try:
        with until_unread():
            return perform(given)
    except KeyboardInterrupt:
        print("\nStopped.", file=sys.stderr)
        return 130
    return 0


def refuse_unknown_command(top: argparse.ArgumentParser, words: Sequence[str]) -> None:
    """Say which command was meant; a network in its place wants to be analysed."""
    if not words or words[0].startswith("-") or words[0] in COMMANDS:
        return
    question = did_you_mean(words[0], COMMANDS)
    if re.search(r"\.(py|json|dlnet)\b", words[0]) or ":" in words[0]:
        question = f"Did you mean: dltoolbox analyze {' '.join(words)}"
    top.error(f"'{words[0]}' is not a command. {question or f'Use one of {listed(COMMANDS)}.'}")


def perform(given: argparse.Namespace) -> int:
    """Run a command; each is imported only when it is needed, so that --help stays quick."""
    if given.command == "doctor":
        from dltoolbox import doctor
        return doctor.run_doctor(as_json=given.json, strict=given.strict)
    if given.command == "analyze":
        from dltoolbox.report import command
        return command.run_analyze(given)
    from dltoolbox import demo
    demo.run_demo(short=given.short)
    return 0


if __name__ == "__main__":
    sys.exit(main())
