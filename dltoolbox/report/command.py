"""``dltoolbox analyze``: check a network from the command line."""

from __future__ import annotations

import json
import re
import sys
from argparse import Namespace
from io import TextIOWrapper
from pathlib import Path
from typing import Any

from dltoolbox.core.errors import DltoolboxError, IssueCollector, fail
from dltoolbox.core.files import write_text
from dltoolbox.network.analysis.analysis import NetworkAnalysis, analysis
from dltoolbox.network.analysis.text import problems, terminal_width
from dltoolbox.network.data_layout import networkDataLayout
from dltoolbox.report.compare import TOTALS, comparison, comparison_text
from dltoolbox.report.document import ANALYSIS_SCHEMA, ANALYSIS_VERSION, Document, document, identity
from dltoolbox.report.source import ScriptError, isolated_modules, network_from
from dltoolbox.runtime.console import until_unread

FINE, FAULTY, UNUSABLE = 0, 1, 2  # exit statuses
LABELS = {1: "CB", 2: "SSCB", 3: "SSCB", 4: "SSSCB"}


def size_argument(text: str) -> networkDataLayout:
    """``224x224x3``: the size of one observation; one number counts features, two are an image of one channel."""
    try:
        sizes = [int(n) for n in text.lower().replace("×", "x").split("x")]
    except ValueError:
        sizes = []
    if len(sizes) not in LABELS or min(sizes) < 1:
        numbers = [n for n in re.findall(r"[0-9]+", text) if int(n)]
        meant = "x".join(numbers) if len(numbers) in LABELS else "224x224x3, 64x64x64x1 or 12"
        fail("analyze:invalidInput", f"--input '{text}' is not a valid size.", f"Write {meant}.")
    channels = [1] if len(sizes) == 2 else []
    return networkDataLayout([*sizes, *channels, float("nan")], LABELS[len(sizes)])


def run_analyze(given: Namespace) -> int:
    """Analyse, write and print what was asked for; returns the exit status."""
    try:
        check_options(given)
        before = earlier(given.compare, given) if given.compare else None
        info = analysed(given.file, given)
        analysis_document = document(info)
        compared = comparison(before, analysis_document) if before else None
        with until_unread():
            written(analysis_document if compared is None else compared, analysis_document, given)
            if "-" not in (given.json, given.html):
                printed(info, compared, given)
    except ScriptError as error:
        print(f"{error}\ndltoolbox analyze: the code of the network failed.", file=sys.stderr)
        return UNUSABLE
    except DltoolboxError as error:
        print(f"dltoolbox analyze: {error}", file=sys.stderr)
        return UNUSABLE
    return FAULTY if failed(analysis_document, compared, given.fail_on) else FINE


def check_options(given: Namespace) -> None:
    """Report every option that makes no sense."""
    issues = IssueCollector()
    if given.batch < 1:
        issues.add("analyze:invalidBatch", f"--batch is {given.batch}.", "Pass a number of observations, at least 1.")
    if given.fail_on == "difference" and not given.compare:
        issues.add("analyze:nothingToCompare", "--fail-on difference needs another network.", "Pass --compare OTHER.")
    if given.json == given.html == "-":
        issues.add("analyze:twoOutputs", "--json and --html cannot both go to standard output.", "Write one to a file.")
    if given.long and (given.quiet or given.compare or "-" in (given.json, given.html)):
        issues.add("analyze:noTable", "--long changes the table, which is not printed with --quiet, --compare, --json - or "
                   "--html -.", "Leave out --long.")
    for text in given.input:
        with issues.collect():
            size_argument(text)
    issues.raise_if_any()


def analysed(file: str, given: Namespace) -> NetworkAnalysis:
    examples = [size_argument(text) for text in given.input]
    name, layers = network_from(file)
    return analysis(layers, examples, usage=given.usage, batch=given.batch, name=name, resized=True)


def earlier(file: str, given: Namespace) -> Document:
    """The document to compare with: from a JSON file of this command, or of another network."""
    if Path(file).suffix.lower() != ".json":
        with isolated_modules():
            return document(analysed(file, given))
    try:
        parsed: Document = json.loads(Path(file).read_bytes())  # of any Unicode encoding: shells write some themselves
    except (OSError, ValueError, RecursionError) as error:
        fail("analyze:cannotRead", f"'{file}' cannot be read: {error}.", "Pass a file that --json wrote.")
    if identity(parsed) != (ANALYSIS_SCHEMA, ANALYSIS_VERSION):
        fail("analyze:noDocument", f"'{file}' is not an analysis file (version {ANALYSIS_VERSION}).",
             "Create one with --json.")
    try:
        comparison(parsed, parsed)  # reads all that a comparison needs
        usable = all(type(parsed["summary"][key]) is int and abs(parsed["summary"][key]) < 10**100 for key in TOTALS)
    except (AssertionError, AttributeError, LookupError, TypeError, ValueError, RecursionError):
        usable = False
    if not usable:
        fail("analyze:noDocument", f"'{file}' lacks parts of an analysis: somebody has changed it.",
             "Create it again with --json.")
    return parsed


def written(data: Document, analysis: Document, given: Namespace) -> None:
    """The JSON file and the page, where they were asked for; ``-`` is standard output."""
    if given.json:
        save_text(json.dumps(data, ensure_ascii=False, indent=1) + "\n", given.json)
    if given.html:
        from dltoolbox.report.html import render
        save_text(render(analysis, batch=given.batch), given.html)


def save_text(text: str, file: str) -> None:
    if file == "-":
        if isinstance(sys.stdout, TextIOWrapper):
            sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")  # whatever the console has
        sys.stdout.write(text)
        return
    try:
        write_text(file, text)
    except OSError as error:
        fail("analyze:cannotWrite", f"'{file}' cannot be written: {error}.", "Check the folder and its permissions.")


def printed(info: NetworkAnalysis, compared: Document | None, given: Namespace) -> None:
    """The analysis, or the comparison and the problems; quiet: only differences and problems."""
    if compared is None and not given.quiet:
        print(info.text("long" if given.long else "compact"))
        return
    parts = [comparison_text(compared)] if compared and not (given.quiet and compared["identical"]) else []
    if info.Issues:
        parts.append(problems(info.Issues, terminal_width()))
    if parts:
        print("\n\n".join(parts))


def failed(result: Document, compared: Any, fail_on: str) -> bool:
    """Whether what was found is at or above what ``--fail-on`` names."""
    summary = result["summary"]
    if fail_on == "never":
        return False
    return bool(summary["errors"] or (fail_on == "warning" and summary["warnings"])
                or (fail_on == "difference" and compared and not compared["identical"]))
