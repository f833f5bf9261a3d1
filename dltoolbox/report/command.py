"""``dltoolbox analyze``: check a network from the command line."""

from __future__ import annotations

import json
import re
import sys
from argparse import Namespace
from collections.abc import Sequence
from contextlib import nullcontext
from io import TextIOWrapper
from pathlib import Path
from typing import Any, NamedTuple

from dltoolbox.core.display import listed, terminal_width
from dltoolbox.core.errors import DltoolboxError, Issue, IssueCollector, fail
from dltoolbox.core.files import write_text
from dltoolbox.data.layout import networkDataLayout
from dltoolbox.network.analysis.analysis import NetworkAnalysis, analysis
from dltoolbox.network.analysis.text import problems
from dltoolbox.report.analyze import open_page, temporary_page
from dltoolbox.report.compare import TOTALS, comparison, comparison_text
from dltoolbox.report.document import ANALYSIS_SCHEMA, ANALYSIS_VERSION, Document, document, identity
from dltoolbox.report.source import ScriptError, isolated_modules, networks_from
from dltoolbox.runtime.console import until_unread

FINE, FAULTY, UNUSABLE = 0, 1, 2  # exit statuses
DAMAGED = ("analyze:noDocument", "The file lacks parts of an analysis: somebody has changed it.",
           "Create it again with --json.")
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


class Subject(NamedTuple):
    """A network that is reported on; ``info`` is None where only its document was read."""

    document: Document
    info: NetworkAnalysis | None = None


def run_analyze(given: Namespace) -> int:
    """Analyse, write and print what was asked for; returns the exit status."""
    try:
        check_options(given)
        before = the_last(subjects(given.compare, given), given.compare, given) if given.compare else None
        reported = subjects(given.file, given)
        chosen = the_last(reported, given.file, given)
        compared = comparison(before.document, chosen.document) if before else None
        with until_unread():
            written(compared or chosen.document, chosen.document, given)
            if "-" not in (given.json, given.html):
                printed(reported, compared, given)
    except ScriptError as error:
        print(f"{error}\ndltoolbox analyze: the code of the network failed.", file=sys.stderr)
        return UNUSABLE
    except DltoolboxError as error:
        print(f"dltoolbox analyze: {error}", file=sys.stderr)
        return UNUSABLE
    return FAULTY if any(failed(subject.document, compared, given.fail_on) for subject in reported) else FINE


def check_options(given: Namespace) -> None:
    """Report every option that makes no sense."""
    issues = IssueCollector()
    if given.batch < 1:
        issues.add("analyze:invalidBatch", f"--batch is {given.batch}.", "Pass a number of observations, at least 1.")
    if given.fail_on == "difference" and not given.compare:
        issues.add("analyze:nothingToCompare", "--fail-on difference needs another network.", "Pass --compare OTHER.")
    if given.json == given.html == "-":
        issues.add("analyze:twoOutputs", "--json and --html cannot both go to standard output.", "Write one to a file.")
    if given.open and given.html == "-":
        issues.add("analyze:twoOutputs", "--html - and --open do not go together.", "Leave out --html to open a page only.")
    if given.long and (given.quiet or given.compare or "-" in (given.json, given.html)):
        issues.add("analyze:noTable", "--long changes the table, which is not printed with --quiet, --compare, --json - or "
                   "--html -.", "Leave out --long.")
    for option in ("--input", "--usage", "--long", "--histograms"):
        if is_document(given.file) and getattr(given, option[2:]) not in ([], "auto", False):
            issues.add("analyze:alreadyAnalysed", f"'{given.file}' holds a finished analysis, which {option} cannot change.",
                       f"Leave out {option}, or pass the network itself.")
    for text in given.input:
        with issues.collect():
            size_argument(text)
    issues.raise_if_any()


def is_document(file: str) -> bool:
    """Whether a file is named as what --json writes."""
    return Path(file).suffix.lower() == ".json"


def subjects(file: str, given: Namespace) -> list[Subject]:
    """The document to report on: read from a JSON file of this command, or analysed."""
    if is_document(file):
        return [Subject(read_document(file))]
    examples = [size_argument(text) for text in given.input]
    with isolated_modules() if file == given.compare else nullcontext():
        analyses = [analysis(layers, examples, usage=given.usage, batch=given.batch, name=name, resized=True)
                    for name, layers in networks_from(file).items()]
        return [Subject(document(info, histograms=given.histograms), info) for info in analyses]


def the_last(reported: Sequence[Subject], file: str, given: Namespace) -> Subject:
    """The network that files and comparisons are about, of several that a script trained."""
    *others, last = reported
    if others and (given.json or given.html or given.open or given.compare):
        names = [str(subject.document["name"]).partition(":")[2] for subject in reported]
        print(f"'{file}' holds {len(names)} trained networks, {listed(names)}. Files and comparisons are about {names[-1]}; "
              f"for another, pass {file}:{names[0]}.", file=sys.stderr)
    return last


def read_document(file: str) -> Document:
    """A document that this command wrote as JSON."""
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
        issues_of(parsed)
    except (AssertionError, AttributeError, LookupError, TypeError, ValueError, RecursionError):
        usable = False
    if not usable:
        fail(*DAMAGED)
    return parsed


def issues_of(document: Document) -> list[Issue]:
    return [Issue(issue["identifier"], issue["message"], issue["cure"], issue["layer"] or "", issue["index"],
                  issue["severity"]) for issue in document["issues"]]


def written(data: Document, analysis: Document, given: Namespace) -> None:
    """The JSON file and the page, where they were asked for; ``-`` is standard output. Says what was written."""
    if given.json:
        save_text(json.dumps(data, ensure_ascii=False, indent=1) + "\n", given.json)
    if given.html or given.open:
        from dltoolbox.report.html import render
        page = given.html or str(temporary_page(analysis["name"]))
        try:
            save_text(render(analysis, batch=given.batch), page)
        except (AttributeError, LookupError, TypeError, ValueError, RecursionError):  # somebody has changed the document
            fail(*DAMAGED)
        if page != "-":
            print(f"Report: {page}", file=sys.stderr)
        if given.open:
            open_page(Path(page))


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


def printed(reported: Sequence[Subject], compared: Document | None, given: Namespace) -> None:
    """The analyses, or the comparison and the problems; quiet: only differences and problems."""
    quiet, display = given.quiet, "long" if given.long else "compact"
    parts = [comparison_text(compared)] if compared and not (quiet and compared["identical"]) else []
    for subject in reported:
        issues = issues_of(subject.document)
        if not (compared or quiet):
            parts.append(subject.info.text(display).rstrip() if subject.info else document_text(subject.document))
        if issues and (compared or quiet or not subject.info):
            parts.append(problems(issues, terminal_width()))
    if parts:
        print("\n\n".join(parts))


def document_text(data: Document) -> str:
    """The totals of an analysis that was read from a file."""
    rows = [f"    {label + ':':<18} {data['summary'][key]:,}" for key, label in TOTALS.items()]
    return "\n".join([f"  Network analysis: {data['name']}", "", *rows])


def failed(result: Document, compared: Any, fail_on: str) -> bool:
    """Whether what was found is at or above what ``--fail-on`` names."""
    summary = result["summary"]
    if fail_on == "never":
        return False
    return bool(summary["errors"] or (fail_on == "warning" and summary["warnings"])
                or (fail_on == "difference" and compared and not compared["identical"]))
