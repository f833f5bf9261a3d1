"""The rows of the table: what they are, how large, and where their loops are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from benchmarks.data import Size
from benchmarks.pooling import POOLS

VARIANTS = ("contiguous", "channels_last")


class Row(NamedTuple):
    """One line of the table. ``small`` is its size for `--quick` and for tests."""

    key: str
    what: str
    size: Size
    small: Size

    @property
    def text(self) -> str:
        return f"{self.key[0]}  {self.what}, batch {self.size.batch}"

    def sized(self, small: bool) -> Row:
        return self._replace(size=self.small) if small else self

    @property
    def ticks(self) -> int:
        """Calls of tick in one timed block: training and pooling tick at each mini-batch, predict at each pass."""
        return 1 if self.key.endswith("predict") else self.size.units


POOL_TEXTS = {"forward": "forward", "indices": "forward with indices", "backward": "backward", "unpool": "unpooling"}


def pool_text(key: str) -> str:
    pool = POOLS[key]
    return f"max pooling {pool.size}×{pool.size}, stride {pool.stride}: {POOL_TEXTS[pool.what]}"


ROWS = {row.key: row for row in (
    Row("A-train", "digits CNN, training", Size(28, 128, 39), Size(28, 16, 2)),
    Row("A-predict", "digits CNN, predict", Size(28, 128, 39), Size(28, 16, 2)),
    Row("B-train", "SegNet with unpooling, training", Size(64, 8, 8, 64), Size(16, 4, 2, 8)),
    Row("B-predict", "SegNet with unpooling, predict", Size(64, 8, 8, 64), Size(16, 4, 2, 8)),
    Row("C-train", "ResNet-20, training", Size(32, 64, 10), Size(16, 8, 2)),
    Row("G-predict", "VGG-16, predict", Size(224, 1, 3, 64), Size(32, 1, 2, 4)),
    *(Row(key, pool_text(key), Size(112, 32, 5, 64), Size(12, 2, 2, 3)) for key in POOLS))}


def chosen(names: list[str]) -> list[Row]:
    """The rows that a list of names means; ``B`` is every row of B. An unknown name is a `KeyError`."""
    found: dict[str, Row] = {}
    for name in names or list(ROWS):
        some = {key: row for key, row in ROWS.items() if key.lower() == name.lower() or key[0].lower() == name.lower()}
        if not some:
            raise KeyError(name)
        found |= some
    return list(found.values())


def run(row: Row, side: str, variant: str, tick: Callable[[Any], bool], *, shuffle: bool) -> None:
    """Run the loop of one side until ``tick`` returns True. PyTorch is imported only for its own side."""
    if row.key in POOLS:
        from benchmarks.pooling import our_loop, torch_loop
        if side == "dltoolbox":
            our_loop(POOLS[row.key], row.size, tick)
        else:
            torch_loop(POOLS[row.key], row.size, tick, variant)
    elif side == "dltoolbox":
        from benchmarks import ours
        ours.LOOPS[row.key](row.size, tick, shuffle)
    else:
        from benchmarks import reference
        reference.LOOPS[row.key](row.size, tick, shuffle, variant)
