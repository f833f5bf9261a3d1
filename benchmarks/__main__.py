"""``python -m benchmarks``: measure, print the tables, and rewrite them in docs/performance.md."""

from __future__ import annotations

import argparse
import json
import sys
from datetime import date, datetime
from pathlib import Path
from typing import Any

from benchmarks import breakdown, layers, loops, memory, sweep
from benchmarks.layer_rows import LAYERS, LayerRow
from benchmarks.measure import BLAS, Refused, Result, Settings, measure
from benchmarks.pooling import POOLS
from benchmarks.report import DOCUMENT, HEAD, as_markdown, as_text, cells, machine, markdown_table, rewrite, write_block
from benchmarks.rows import ROWS, Row, chosen
from dltoolbox import DltoolboxError
from dltoolbox.core.packages import require

PLOT = "sweep.png"  # beside the document


def parser() -> argparse.ArgumentParser:
    p = argparse.ArgumentParser(prog="python -m benchmarks", description="Speed of dltoolbox against eager PyTorch.")
    p.add_argument("table", nargs="?", choices=["layers", "loops"],
                   help="layers: instead measure every layer by itself; --workload then names layers; loops: steps of "
                        "custom training loops")
    p.add_argument("--workload", action="append", default=[], metavar="NAME",
                   help="a row, or the beginning of rows such as B or F-2x2s2; may be repeated; default all of "
                        + ", ".join(ROWS))
    p.add_argument("--rounds", type=int, help="timed blocks per side; default 6, with --quick 2")
    p.add_argument("--threads", type=int, default=2, help="threads that both sides may use; default 2")
    p.add_argument("--blas", choices=[*BLAS, "both"], default="native",
                   help="native: OpenBLAS chooses its kernels; pinned: those of Haswell, as some test machines ask for")
    p.add_argument("--patience", type=float, default=10.0, metavar="SECONDS",
                   help="how long to repeat a block that other processes disturb; default 10")
    p.add_argument("--quick", action="store_true", help="small sizes, to see that everything works; numbers mean nothing")
    p.add_argument("--json", type=Path, metavar="FILE", help="also write every measured time to a file")
    p.add_argument("--plot", type=Path, metavar="FILE", help=f"where --sweep draws; default {PLOT} beside the document")
    instead = p.add_mutually_exclusive_group()
    instead.add_argument("--memory", action="store_true", help="instead measure peak memory")
    instead.add_argument("--profile", action="store_true", help="instead print where time goes, and what the machine allows")
    instead.add_argument("--sweep", action="store_true", help="instead measure one small network over batch and image size")
    return p


def main(arguments: list[str] | None = None) -> int:
    p = parser()
    given = p.parse_args(arguments)
    each = given.table == "layers"
    try:
        rows = [] if each else chosen(given.workload)
        some_layers = layers.chosen(given.workload) if each else []
    except KeyError as error:
        p.error(f"there is no workload {error}; choose from {', '.join(LAYERS if each else ROWS)}")
    if (given.rounds is not None and given.rounds < 1) or given.threads < 1:
        p.error("--rounds and --threads must be at least 1")
    settings = Settings(given.rounds or (2 if given.quick else 6), given.threads, given.quick, given.patience)
    settings_of_blas = list(BLAS) if given.blas == "both" else [given.blas]
    try:
        require("torch", extra="test", needed_by="benchmarks")
    except DltoolboxError as error:
        print(error, file=sys.stderr)
        return 2
    if given.table == "loops":
        return loops.main(settings.rounds, settings.threads, quick=settings.small)
    if each:
        return measure_layers(some_layers, given, settings_of_blas[0], settings)
    for name, command in (("memory", measure_memory), ("profile", profile), ("sweep", run_sweep)):
        if getattr(given, name):
            return command(given, settings_of_blas, settings)
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


# Instead -------------------------------------------------------------------------------------------------------------
def keys(given: Any, default: tuple[str, ...]) -> list[str]:
    """The rows that were asked for, without those of pooling, or else those of the table in the document."""
    return [row.key for row in chosen(given.workload) if row.key not in POOLS] if given.workload else list(default)


def publish(name: str, content: str, settings: Settings) -> None:
    if not settings.small:
        write_block(DOCUMENT, name, f"{machine()} {date.today()}.\n\n{content}")


def measure_memory(given: Any, settings_of_blas: list[str], settings: Settings) -> int:
    wanted = keys(given, memory.KEYS)
    lines = [line for blas in settings_of_blas for line in memory.lines(wanted, blas, settings)]
    publish("memory", markdown_table(memory.HEAD, lines), settings)
    return 0 if len(lines) == len(wanted) * len(settings_of_blas) else 1


def measure_layers(rows: list[LayerRow], given: Any, blas: str, settings: Settings) -> int:
    """Each line at once, the table at the end; only a whole one goes into the document."""
    found, refused = list[layers.Line](), ""
    try:
        for line in layers.lines(rows, blas, settings):
            found.append(line)
            print("  ".join(line.cells()), flush=True)
    except Refused as why:
        refused = str(why)
        print(f"refused: {refused}", file=sys.stderr)
    print(f"\n{machine()}\n\n{as_text([layers.HEAD, *(line.cells() for line in found)])}")
    if given.json:
        given.json.write_text(json.dumps([{"layer": line.row.factory, "work": line.work, "seconds": line.seconds}
                                          for line in found], indent=1) + "\n")
    if not given.workload and not refused:
        publish("layers", markdown_table(layers.HEAD, [as_markdown(line.cells()) for line in found]), settings)
    return 1 if refused else 0


def profile(given: Any, settings_of_blas: list[str], settings: Settings) -> int:
    lines = [line for blas in settings_of_blas for line in breakdown.report(keys(given, breakdown.KEYS), blas, settings)]
    publish("roofline", markdown_table(breakdown.HEAD, lines), settings)
    return 0


def run_sweep(given: Any, settings_of_blas: list[str], settings: Settings) -> int:
    """Measure, draw where Matplotlib is installed, and list the points that do not fit in."""
    times = sweep.measure(settings_of_blas[0], settings)
    found = sweep.outliers(times)
    print(*map(str, found), f"{len(found)} outliers", sep="\n")
    if given.json:
        given.json.write_text(json.dumps(sweep.as_records(times), indent=1) + "\n")
    if given.plot or not settings.small:
        try:
            sweep.plot(times, given.plot or DOCUMENT.with_name(PLOT))
        except ImportError:
            print("There is no plot without Matplotlib.", file=sys.stderr)
    publish("sweep", sweep.summary(times, found), settings)
    return 0


if __name__ == "__main__":
    sys.exit(main())
