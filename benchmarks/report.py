"""Tables, for the terminal and for docs/performance.md."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Sequence
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from benchmarks.measure import ROOT, Result
from benchmarks.rows import OURS, ROWS

DOCUMENT = ROOT / "docs" / "performance.md"
NONE = "–"
HEAD = ("row", "BLAS", "threads", "PyTorch, ms", "NumPy+SciPy, ms", "ratio", "target", "with Numba, ms", "ratio", "target",
        "undisturbed rounds", "memory format of PyTorch", "date")
NAMED = 3  # the first cells, which tell the lines apart


def cells(result: Result) -> tuple[str, ...]:
    return (result.row.text, result.blas, str(result.threads), milliseconds(result.torch),
            *(cell for number, variant in enumerate(OURS) for cell in ratio_cells(result, variant, number)),
            f"{len(result.undisturbed)} of {len(result.seconds[result.best_variant])}", result.best_variant,
            f"{date.today()}")


def ratio_cells(result: Result, variant: str, number: int) -> tuple[str, str, str]:
    """Time, ratio of the minima with the median ratio in brackets, and target; in bold where the target is missed."""
    target = result.row.targets[number] if result.row.targets else None
    wanted = NONE if target is None else f"≤ {target:.2f}"
    if variant not in result.ours:
        return NONE, NONE, wanted
    ratio = result.ratio_of_minima(variant)
    text = f"{ratio:.2f} ({result.median_ratio(variant):.2f})"
    missed = target is not None and ratio > target
    return milliseconds(result.counted(variant)), f"**{text}**" if missed else text, wanted


def milliseconds(seconds: Sequence[float]) -> str:
    """Minimum, and the median in brackets."""
    return f"{1e3 * min(seconds):.3g} ({1e3 * statistics.median(seconds):.3g})"


def as_text(rows: Sequence[Sequence[str]]) -> str:
    """Rows of cells in columns."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows)


def as_markdown(row: Sequence[str]) -> str:
    return f"| {' | '.join(row)} |"


def markdown_table(head: Sequence[str], lines: Sequence[str]) -> str:
    return "\n".join([as_markdown(head), as_markdown(["---"] * len(head)), *lines])


# The machine ---------------------------------------------------------------------------------------------------------
def machine() -> str:
    """One sentence on the processor and the versions."""
    versions = ", ".join(f"{name} {found}" for name in ("numpy", "scipy", "numba", "torch") if (found := installed(name)))
    return (f"{processor()}, {os.cpu_count()} cores; {platform.system()}, "
            f"Python {platform.python_version()}, {versions}.")


def installed(package: str) -> str:
    """Its version, or nothing."""
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


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
def block(text: str, name: str) -> tuple[str, str, str]:
    """A document cut into what stands before a block that commands write, the block itself, and what stands behind."""
    begin, end = f"<!-- {name}: written by python -m benchmarks -->\n", f"\n<!-- end of {name} -->"
    before, _, rest = text.partition(begin)
    old, _, after = rest.partition(end)
    if not after:
        raise SystemExit(f"the document has no place for this: it needs the lines\n{begin.strip()}\n{end.strip()}")
    return before + begin, old, end + after


def write_block(document: Path, name: str, content: str) -> None:
    before, _, after = block(document.read_text(encoding="utf-8"), name)
    document.write_text(f"{before}\n{content}\n{after}", encoding="utf-8")


def rewrite(document: Path, results: Sequence[Result]) -> None:
    """Put the results into the table of a document; rows that were not measured stay if they are of this machine."""
    _, old, _ = block(document.read_text(encoding="utf-8"), "table")
    table = {} if machine() not in old else known_rows(old)
    table.update({cells(result)[:NAMED]: as_markdown(cells(result)) for result in results})
    order = {row.text: number for number, row in enumerate(ROWS.values())}
    lines = [table[key] for key in sorted(table, key=lambda key: (order.get(key[0], len(order)), *key[1:]))]
    write_block(document, "table", f"{machine()}\n\n{markdown_table(HEAD, lines)}")


def known_rows(table: str) -> dict[tuple[str, ...], str]:
    """The lines of a Markdown table by their first cells, without its head."""
    split = [(line, [cell.strip() for cell in line.strip("|").split("|")]) for line in table.splitlines()
             if line.startswith("|")]
    return {tuple(row[:NAMED]): line for line, row in split[2:] if len(row) == len(HEAD)}
