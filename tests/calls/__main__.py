"""``python -m tests.calls --count 30000 --seed 1``: so many bad calls, in processes with limits, and their faults.

``--only 17`` makes one of them here, and shows its error in full.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter

from tests.calls.bad_calls import drawn
from tests.calls.judge import judge
from tests.calls.processes import child, verdicts


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.calls", description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--count", type=int, default=1500)
    parser.add_argument("--start", type=int, default=0)
    parser.add_argument("--only", type=int)
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        child(given.seed, given.start, given.count)
        return 0
    if given.only is not None:
        bad = drawn(given.seed, given.only)
        verdict = judge(bad.name, bad.call)
        print(bad, verdict.text, json.dumps(vars(verdict) | {"text": ""}), sep="\n")
        return bool(verdict.faults)
    return report(given.seed, given.start, given.count)


def report(seed: int, start: int, count: int) -> int:
    """Print the faults, the most frequent first, each with one call that shows it."""
    kinds, faults, shown = Counter[str](), Counter[str](), dict[str, str]()
    slowest = largest = 0.0
    for number, verdict in verdicts(seed, start, count):
        kinds[verdict.kind] += 1
        slowest, largest = max(slowest, verdict.seconds), max(largest, verdict.megabytes)
        for fault in verdict.faults:
            faults[fault] += 1
            shown.setdefault(fault, f"--seed {seed} --only {number}  {verdict.call}")
    print(f"{count} calls: {', '.join(f'{n} {kind}' for kind, n in sorted(kinds.items()))}; "
          f"slowest {slowest:.1f} s, largest {largest:.0f} MB")
    for fault, n in faults.most_common():
        print(f"{n:>6} × {fault}\n         {shown[fault][:200]}")
    return bool(faults)


if __name__ == "__main__":
    sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    sys.exit(main())
