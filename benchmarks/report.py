"""The table, for the terminal and for docs/performance.md."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Sequence
from datetime import date
from importlib.metadata import version
from pathlib import Path

from benchmarks.measure import ROOT, Result
from benchmarks.rows import ROWS

DOCUMENT = ROOT / "docs" / "performance.md"
BEGIN, END = "<!-- table: written by python -m benchmarks -->", "<!-- end of table -->"
HEAD = ("row", "BLAS", "threads", "PyTorch, ms", "dltoolbox, ms", "ratio of minima", "median ratio",
        "undisturbed rounds", "memory format of PyTorch", "date")


def cells(result: Result) -> tuple[str, ...]:
    return (result.row.text, result.blas, str(result.threads), milliseconds(result.torch), milliseconds(result.ours),
            f"{result.ratio_of_minima:.2f}", f"{result.median_ratio:.2f}",
            f"{len(result.undisturbed)} of {len(result.seconds['dltoolbox'])}", result.best_variant, f"{date.today()}")


def milliseconds(seconds: Sequence[float]) -> str:
    """Minimum, and the median in brackets."""
    return f"{1e3 * min(seconds):.3g} ({1e3 * statistics.median(seconds):.3g})"


def as_text(rows: Sequence[Sequence[str]]) -> str:
    """Rows of cells in columns."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows)


def as_markdown(row: Sequence[str]) -> str:
    return f"| {' | '.join(row)} |"


# The machine ---------------------------------------------------------------------------------------------------------
def machine() -> str:
    """One sentence on the processor and the versions."""
    versions = ", ".join(f"{name} {version(name)}" for name in ("numpy", "scipy", "torch"))
    return (f"{processor()}, {os.cpu_count()} cores; {platform.system()}, "
            f"Python {platform.python_version()}, {versions}.")


def processor() -> str:
    """Model of the processor, with family, model number and caches where Linux tells: hypervisors shorten names."""
    try:
        lines = Path("/proc/cpuinfo").read_text().split("\n\n", 1)[0].splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    facts = {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    vector = "AVX-512" if "avx512f" in facts.get("flags", "") else "AVX2" if "avx2" in facts.get("flags", "") else ""
    details = [f"family {facts.get('cpu family')}, model {facts.get('model')}", vector]
    return f"{facts.get('model name', platform.machine())} ({', '.join(filter(None, details))})"


# The document --------------------------------------------------------------------------------------------------------
def rewrite(document: Path, results: Sequence[Result]) -> None:
    """Put the results into the table of a document; rows that were not measured stay if they are of this machine."""
    text = document.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    old, _, after = rest.partition(END)
    if not after:
        raise SystemExit(f"{document.name} has no place for the table: it needs the lines\n{BEGIN}\n{END}")
    table = {} if machine() not in old else known_rows(old)
    table.update({cells(result)[:3]: as_markdown(cells(result)) for result in results})
    order = {row.text: number for number, row in enumerate(ROWS.values())}
    lines = [table[key] for key in sorted(table, key=lambda key: (order.get(key[0], 99), *key[1:]))]
    new = "\n".join(["", "", machine(), "", as_markdown(HEAD), as_markdown(["---"] * len(HEAD)), *lines, "", ""])
    document.write_text(f"{before}{BEGIN}{new}{END}{after}", encoding="utf-8")


def known_rows(table: str) -> dict[tuple[str, ...], str]:
    """The lines of a Markdown table by their first three cells, without its head."""
    split = [(line, [cell.strip() for cell in line.strip("|").split("|")]) for line in table.splitlines()
             if line.startswith("|")]
    return {tuple(row[:3]): line for line, row in split[2:]}
