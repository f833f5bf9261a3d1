"""``python -m tests.generate --seed 7 --count 1000``: random networks against their twins in PyTorch.

Seed and number decide on a network, its values, the mode and the number of threads, so that a run can go on where another
ended (``--first``), and any network can be looked at again alone (``--first 123 --count 1``).
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections import Counter
from pathlib import Path
from time import monotonic

MODES = ("first", "default", "random", "poisoned")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.generate", description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, default=0, help="number of the first network")
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--mode", choices=(*MODES, "all"), default="all", help="'all' takes turns")
    parser.add_argument("--threads", type=int, default=0, help="0: 1, 2 and 3 in turn")
    parser.add_argument("--numba", choices="01", default="1")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="stop after so long")
    parser.add_argument("--most", type=int, default=20, help="stop after so many differences")
    parser.add_argument("--every", type=int, default=200, help="networks between two lines of progress")
    parser.add_argument("--cache", type=Path, help="folder of measured choices; by default one that is thrown away")
    options = parser.parse_args(arguments)
    os.environ["DLTOOLBOX_NUMBA"] = options.numba  # read when it is first needed
    with tempfile.TemporaryDirectory() as folder:
        return Session(options, options.cache or Path(folder)).run()


class Session:
    """A run over numbers, and what it found."""

    def __init__(self, options: argparse.Namespace, cache: Path) -> None:
        self.options, self.cache = options, cache
        self.layers: Counter[str] = Counter()
        self.causes: Counter[str] = Counter()
        self.chance: list[int] = []
        self.slowest: list[tuple[float, int]] = []
        self.done = 0

    def run(self) -> int:
        start, options = monotonic(), self.options
        for number in range(options.first, options.first + options.count):
            if monotonic() - start > 60 * options.minutes or self.causes.total() >= options.most:
                break
            self.look_at(number)
            if self.done % options.every == 0:
                print(f"{self.done} networks in {monotonic() - start:.0f} s, {self.causes.total()} different, "
                      f"{len(self.chance)} by chance; go on with --first {number + 1}", flush=True)
        print(self.summary(monotonic() - start), flush=True)
        return 1 if self.causes else 0

    def look_at(self, number: int) -> None:
        from tests.generate.compare import verdict
        from tests.generate.draw import draw
        from tests.generate.shrink import same_cause, shrunk
        from tests.generate.turns import turn
        begun, options = monotonic(), self.options
        with turn(options.seed, number, options.mode, options.threads, self.cache) as (mode, threads):
            net = draw(options.seed, number)
            found = verdict(net, threads)
            if found.differences:
                small = shrunk(net, same_cause(found.differences, lambda other: verdict(other, threads)))
                now = verdict(small, threads).differences or found.differences
                self.causes[now[0].cause] += 1
                print(f"\n# Network {number} of seed {options.seed}, {mode}, threads: {threads}, Numba: {options.numba}\n"
                      + "".join(f"#   {one}\n" for one in now[:5]) + str(small), flush=True)
        if found.by_chance:
            self.chance.append(number)
            print(f"by chance: network {number}, {found.by_chance[0]}", flush=True)
        self.layers.update(net.factories)
        self.done += 1
        self.slowest = sorted([*self.slowest, (monotonic() - begun, number)])[-5:]

    def summary(self, seconds: float) -> str:
        rows = [f"\n{self.done} networks in {seconds:.0f} s; {self.causes.total()} different, {len(self.chance)} by chance"]
        rows += [f"  {count:6}  {cause}" for cause, count in self.causes.most_common()]
        rows += ["slowest: " + ", ".join(f"{number} ({taken:.1f} s)" for taken, number in self.slowest[::-1]), "layers:"]
        rows += [f"  {count:6}  {layer}" for layer, count in self.layers.most_common()]
        return "\n".join(rows)


if __name__ == "__main__":
    sys.exit(main())
