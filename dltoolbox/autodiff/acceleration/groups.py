"""Groups of element-wise calls that follow one another: block by block through all of them, so that what lies between stays
in caches; blocks go to threads.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from math import prod
from typing import Any

import numpy as np

from dltoolbox.autodiff.acceleration.recorded import Instruction, RecordSlot, slots_in
from dltoolbox.runtime.thread_team import team_of
from dltoolbox.runtime.threads import thread_count

ELEMENTS_IN_BLOCK = 1 << 14  # of one array in a block: some arrays of that many numbers fit a cache
SHARED_ELEMENTS = 1 << 16  # below, threads cost more than they bring


class CallGroup:
    """Element-wise calls with results of one size.

    Attributes:
        instructions: Ufuncs, each with arguments that expand to the size.
        shape: That size.
        kept: The slots that somebody else reads; all others live within a block.
    """

    def __init__(self, instructions: Sequence[Instruction], values: Sequence[Any], kept: set[int]) -> None:
        self.instructions = list(instructions)
        first = values[self.instructions[0].result.number]
        self.shape: tuple[int, ...] = first.shape
        self.types = {i.result.number: values[i.result.number].dtype for i in self.instructions}
        made = {i.result.number for i in self.instructions}
        self.kept = sorted(made & kept)
        self.inner = sorted(made - kept)
        self.entering = sorted(slots_in(tuple(i.arguments for i in self.instructions)) - made)
        self.axis = max(range(len(self.shape)), key=lambda axis: self.shape[axis]) if self.shape else 0
        self.blocks = list(self._blocks())
        self.scratch: list[dict[int, np.ndarray]] = []

    def _blocks(self) -> Iterator[slice]:
        """Parts of the largest axis."""
        if not self.shape or prod(self.shape) <= 2 * ELEMENTS_IN_BLOCK:
            yield slice(None)
            return
        length = self.shape[self.axis]
        step = max(1, length * ELEMENTS_IN_BLOCK // max(prod(self.shape), 1))
        for start in range(0, length, step):
            yield slice(start, min(start + step, length))

    def run(self, live: list[Any]) -> None:
        results = {number: np.empty(self.shape, self.types[number]) for number in self.kept}
        if len(self.blocks) == 1:
            self._run_block(live, results, (Ellipsis,), self._room(0))
        elif prod(self.shape) >= SHARED_ELEMENTS and (threads := thread_count()) > 1:
            with team_of(threads) as team:
                rooms = [self._room(rank) for rank in range(threads)]
                team.run([partial(self._run_some, live, results, self.blocks[rank::threads], rooms[rank])
                          for rank in range(threads)])
        else:
            self._run_some(live, results, self.blocks, self._room(0))
        for number, value in results.items():
            live[number] = value

    def _room(self, rank: int) -> dict[int, np.ndarray]:
        """Memory of a thread for what lives within a block; made once."""
        while len(self.scratch) <= rank:
            shape = list(self.shape)
            if shape and len(self.blocks) > 1:
                shape[self.axis] = self.blocks[0].stop - self.blocks[0].start
            self.scratch.append({number: np.empty(shape, self.types[number]) for number in self.inner})
        return self.scratch[rank]

    def _run_some(self, live: list[Any], results: dict[int, np.ndarray], blocks: Sequence[slice],
                  room: dict[int, np.ndarray]) -> None:
        front = (slice(None),) * self.axis
        with np.errstate(all="ignore"):
            for block in blocks:
                self._run_block(live, results, (*front, block), room)

    def _run_block(self, live: list[Any], results: dict[int, np.ndarray], where: tuple[Any, ...],
                   room: dict[int, np.ndarray]) -> None:
        block = where[self.axis] if len(self.blocks) > 1 else None
        parts: dict[int, Any] = {number: self._part(live[number], block) for number in self.entering}
        for number in self.kept:
            parts[number] = results[number][where]
        for number in self.inner:
            buffer = room[number]
            parts[number] = buffer if block is None else buffer[(*where[:self.axis], slice(0, block.stop - block.start))]
        for function, arguments, _, result in self.instructions:
            function(*[parts[x.number] if isinstance(x, RecordSlot) else self._part(x, block) for x in arguments],
                     out=parts[result.number])

    def _part(self, x: Any, block: slice | None) -> Any:
        """The part of an argument that meets a block; it expands along axes of size 1, and in front."""
        if block is None or not isinstance(x, np.ndarray):
            return x
        axis = self.axis - (len(self.shape) - x.ndim)
        return x if axis < 0 or x.shape[axis] == 1 else x[(slice(None),) * axis + (block,)]


def call_groups(instructions: Sequence[Instruction], values: Sequence[Any],
                results: set[int]) -> list[Instruction | CallGroup]:
    """The instructions, with neighbouring element-wise ones of one size as groups."""
    read_after = readers(instructions, results)
    steps: list[Instruction | CallGroup] = []
    run: list[Instruction] = []

    def close(at: int) -> None:
        if len(run) == 1 and values[run[0].result.number].size < SHARED_ELEMENTS:
            steps.append(run[0])
        elif run:
            steps.append(CallGroup(run, values, {i.result.number for i in run if read_after[i.result.number] >= at}))
        run.clear()
    for at, instruction in enumerate(instructions):
        if not is_elementwise(instruction, values):
            close(at)
            steps.append(instruction)
            continue
        if run and values[run[0].result.number].shape != values[instruction.result.number].shape:
            close(at)
        run.append(instruction)
    close(len(instructions))
    return steps


def readers(instructions: Sequence[Instruction], results: set[int]) -> dict[int, int]:
    """The last place where each slot is read; behind all for results."""
    last: dict[int, int] = {}
    for at, instruction in enumerate(instructions):
        for number in slots_in(instruction.result):
            last.setdefault(number, -1)
        for number in slots_in((instruction.arguments, tuple(instruction.options.values()))):
            last[number] = at
    return last | dict.fromkeys(results, len(instructions))


def is_elementwise(instruction: Instruction, values: Sequence[Any]) -> bool:
    """Whether a call is a ufunc of arrays that expand to its result, which can be written to a given place."""
    function, arguments, options, result = instruction
    if not isinstance(function, np.ufunc) or options or not isinstance(result, RecordSlot):
        return False
    if function.signature is not None or function.nout != 1:
        return False
    sizes = [values[x.number] if isinstance(x, RecordSlot) else x for x in arguments]
    return all(isinstance(x, np.ndarray | int | float) for x in sizes)
