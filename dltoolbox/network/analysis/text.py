"""The printed form of a network analysis: a table of the layers that fits the terminal, totals, and the problems."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dltoolbox.core.display import bytes_text, counted, printable, rounded, terminal_width
from dltoolbox.network.analysis.compact_table import compact_table
from dltoolbox.network.analysis.long_table import folded, long_table
from dltoolbox.network.dlnetwork import dlnetwork

WIDEST_TEXT = 150  # lines of text; tables have the whole terminal
TABLES = {"compact": compact_table, "long": long_table}


def analysis_text(info: Any, display: str = "compact", width: int | None = None) -> str:
    """Everything that `NetworkAnalysis` prints, in at most ``width`` columns where the activations allow it."""
    width = width or terminal_width()
    parts = [f"  Network analysis{f': {info.Name}' if info.Name else ''}"]
    if info.NumLayers:
        parts.append(TABLES[display](info, width))
    parts.append(totals(info))
    if info.Issues:
        parts.append(problems(info.Issues, width))
    return printable("\n\n".join(parts)) + "\n"


def totals(info: Any) -> str:
    """How many layers, learnables and problems."""
    frozen = info.FrozenLearnables
    shares = f": {info.KnownLearnables - frozen:,} trainable, {frozen:,} frozen" if frozen else ""
    least = "" if info.IsComplete else "at least "
    timed = any(value.dims.timed for value in info.lowered.graph.inputs)
    lines = [
        f"{counted(info.NumLayers, 'layer')}, {counted(len(info.Connections), 'connection')}",
        f"Total learnables: {least}{short_count(info.KnownLearnables)}{shares}",
        f"Per {'time step' if timed else 'observation'}: {least}{short_count(info.MultiplyAdds)} multiply-adds, "
        f"{bytes_text(info.ActivationBytes)} of activations"]
    if info.MiniBatchSize > 1:
        lines.append(f"{info.MiniBatchSize} observations: {least}{bytes_text(info.MiniBatchSize * info.ActivationBytes)} of "
                     "activations")
    if info.TargetUsage == "dlnetwork" and not isinstance(info.lgraph, dlnetwork):
        lines.append("Checked for dlnetwork, which has no output layer; trainNetwork needs one")
    lines.append(f"{counted(info.NumErrors, 'error')}, {counted(info.NumWarnings, 'warning')}")
    return "\n".join(f"    {line}" for line in lines)


def short_count(number: int) -> str:
    """``810``, ``21.7k (21,690)``, ``138.4M (138,357,544)``."""
    return f"{rounded(number)} ({number:,})" if number >= 1000 else str(number)


def problems(issues: Sequence[Any], width: int) -> str:
    """Every problem with its place, what is wrong, what to do, and its identifier."""
    lines, width = ["  Problems"], min(width, WIDEST_TEXT)
    for number, issue in enumerate(issues, 1):
        kind = issue.severity.capitalize()
        lines += ["", f"  {number:>3}. {kind}: {issue.location or 'Network'}  [{issue.identifier}]"]
        for text in filter(None, (issue.message, f"→ {issue.hint}" if issue.hint else "")):
            lines += folded(text, width, initial_indent=" " * 7, subsequent_indent=" " * (9 if text[0] == "→" else 7))
    return "\n".join(lines)
