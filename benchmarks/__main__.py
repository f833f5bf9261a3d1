"""``python -m benchmarks``: measure, print the table, and rewrite it in docs/performance.md."""

from __future__ import annotations

import argparse
import json
import sys
from datetime import datetime
from pathlib import Path

from benchmarks.breakdown import print_breakdown
from benchmarks.measure import BLAS, Refused, Result, Settings, measure
from benchmarks.report import DOCUMENT, HEAD, as_text, cells, machine, rewrite
from benchmarks.rows import ROWS, Row, chosen
from dltoolbox import DltoolboxError
from dltoolbox.core.optional import require


def parser() -> argparse.ArgumentParser:
    p = argparse.ArgumentParser(prog="python -m benchmarks", description="Speed of dltoolbox against eager PyTorch.")
    p.add_argument("--workload", action="append", default=[], metavar="NAME",
                   help=f"a row or a letter for all its rows; may be repeated; default all of {', '.join(ROWS)}")
    p.add_argument("--rounds", type=int, help="timed blocks per side; default 6, with --quick 2")
    p.add_argument("--threads", type=int, default=2, help="threads that both sides may use; default 2")
    p.add_argument("--blas", choices=[*BLAS, "both"], default="native",
                   help="native: OpenBLAS chooses its kernels; pinned: those of Haswell, as some test machines ask for")
    p.add_argument("--patience", type=float, default=10.0, metavar="SECONDS",
                   help="how long to repeat a block that other processes disturb; default 10")
    p.add_argument("--quick", action="store_true", help="small sizes, to see that everything works; numbers mean nothing")
    p.add_argument("--json", type=Path, metavar="FILE", help="also write every measured time to a file")
    p.add_argument("--profile", action="store_true", help="instead print where dltoolbox spends its time, op by op")
    return p


def main(arguments: list[str] | None = None) -> int:
    p = parser()
    given = p.parse_args(arguments)
    try:
        rows = chosen(given.workload)
    except KeyError as error:
        p.error(f"there is no workload {error}; choose from A to G or from {', '.join(ROWS)}")
    if (given.rounds is not None and given.rounds < 1) or given.threads < 1:
        p.error("--rounds and --threads must be at least 1")
    settings = Settings(given.rounds or (2 if given.quick else 6), given.threads, given.quick, given.patience)
    settings_of_blas = list(BLAS) if given.blas == "both" else [given.blas]
    if given.profile:
        for blas in settings_of_blas:
            print_breakdown(rows, blas, settings)
        return 0
    try:
        require("torch", extra="test", needed_by="benchmarks")
    except DltoolboxError as error:
        print(error, file=sys.stderr)
        return 2
    results = [result for row in rows for blas in settings_of_blas if (result := measured(row, blas, settings))]
    if results:
        conclude(results, given.json, settings)
    return 0 if len(results) == len(rows) * len(settings_of_blas) else 1


def measured(row: Row, blas: str, settings: Settings) -> Result | None:
    """The result of one row, printed at once; None, with the reason on the error stream, where it is refused."""
    try:
        result = measure(row, blas, settings)
    except Refused as why:
        print(f"{row.key} ({blas}) refused: {why}", file=sys.stderr, flush=True)
        return None
    print("  ".join(cells(result)), flush=True)
    return result


def conclude(results: list[Result], json_file: Path | None, settings: Settings) -> None:
    """The whole table at the end: on the terminal, in the file asked for and, unless sizes were small, in the document."""
    print(f"\n{machine()}\n\n{as_text([HEAD, *map(cells, results)])}")
    if json_file:
        record = {"time": datetime.now().isoformat(timespec="seconds"), "machine": machine(),
                  "rounds": settings.rounds, "small": settings.small,
                  "results": [result.record() for result in results]}
        json_file.write_text(json.dumps(record, indent=1) + "\n")
    if not settings.small:
        rewrite(DOCUMENT, results)


if __name__ == "__main__":
    sys.exit(main())
