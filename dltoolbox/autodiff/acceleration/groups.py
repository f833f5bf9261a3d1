"""Groups of element-wise calls that follow one another: block by block through all of them, so that what lies between stays
in caches; blocks go to threads.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from math import prod
from typing import Any

import numpy as np

from dltoolbox.autodiff.acceleration.recorded import Instruction, RecordSlot, slots_in
from dltoolbox.runtime.thread_team import team_of
from dltoolbox.runtime.threads import thread_count

ELEMENTS_IN_BLOCK = 1 << 15  # of one array in a block: some arrays of that many numbers fit a cache
SHARED_ELEMENTS = 1 << 16  # below, threads cost more than they bring


class CallGroup:
    """Element-wise calls with results of one size.

    Args:
        instructions: Ufuncs, each with arguments that expand to the size.
        values: Of all slots, as they were when the program was recorded.
        kept: The slots that somebody else reads; all others live within a block.
    """

    def __init__(self, instructions: Sequence[Instruction], values: Sequence[Any], kept: set[int]) -> None:
        self.instructions = list(instructions)
        self.shape: tuple[int, ...] = values[self.instructions[0].result.number].shape
        self.types = {i.result.number: values[i.result.number].dtype for i in self.instructions}
        self.kept = sorted(self.types.keys() & kept)
        self.entering = sorted(slots_in(tuple(i.arguments for i in self.instructions)) - self.types.keys())
        self.axis = next((axis for axis, n in enumerate(self.shape) if n > 1), 0)
        self.blocks = list(self._blocks())
        self.rooms: list[dict[int, np.ndarray]] = []

    def _blocks(self) -> Iterator[slice | None]:
        """Parts of the first axis, which are whole pieces of memory: others would be many short ones, four times as slow.
        None where one does for all.
        """
        if prod(self.shape) <= 2 * ELEMENTS_IN_BLOCK:
            yield None
            return
        length = self.shape[self.axis]
        count = -(-prod(self.shape) // ELEMENTS_IN_BLOCK)
        count = min(length, count + count % 2)  # as many for each of two threads
        for at in range(count):
            yield slice(length * at // count, length * (at + 1) // count)

    def run(self, live: list[Any], places: Mapping[int, np.ndarray]) -> None:
        """Compute; results go to their places, or to new arrays."""
        for number in self.kept:
            live[number] = places[number] if number in places else np.empty(self.shape, self.types[number])
        threads = thread_count() if len(self.blocks) > 1 and prod(self.shape) >= SHARED_ELEMENTS else 1
        if threads == 1:
            self._run_some(live, self.blocks, self._room(0))
            return
        rooms = [self._room(rank) for rank in range(threads)]
        with team_of(threads) as team:
            team.run([partial(self._run_some, live, self.blocks[rank::threads], rooms[rank]) for rank in range(threads)])

    def _room(self, rank: int) -> dict[int, np.ndarray]:
        """Memory of a thread for what lives within a block, made once: arrays that are never alive together share it."""
        while len(self.rooms) <= rank:
            self.rooms.append(self._new_room())
        return self.rooms[rank]

    def _new_room(self) -> dict[int, np.ndarray]:
        shape = list(self.shape)
        if self.blocks[0] is not None:
            shape[self.axis] = max(block.stop - block.start for block in self.blocks if block is not None)
        last = {number: at for at, i in enumerate(self.instructions) for number in slots_in(i.arguments)}
        room: dict[int, np.ndarray] = {}
        free: list[np.ndarray] = []
        for at, instruction in enumerate(self.instructions):
            number = instruction.result.number
            if number not in self.kept:
                fitting = next((i for i, array in enumerate(free) if array.dtype == self.types[number]), None)
                room[number] = np.empty(shape, self.types[number]) if fitting is None else free.pop(fitting)
            free += [room[number] for number in slots_in(instruction.arguments) if number in room and last[number] == at]
        return room

    def _run_some(self, live: list[Any], blocks: Sequence[slice | None], room: Mapping[int, np.ndarray]) -> None:
        with np.errstate(all="ignore"):
            for block in blocks:
                self._run_block(live, block, room)

    def _run_block(self, live: list[Any], block: slice | None, room: Mapping[int, np.ndarray]) -> None:
        parts = {number: self._part(live[number], block) for number in (*self.entering, *self.kept)}
        inner = None if block is None else slice(0, block.stop - block.start)
        parts.update((number, self._part(array, inner)) for number, array in room.items())
        for function, arguments, _, result in self.instructions:
            function(*[parts[x.number] if type(x) is RecordSlot else self._part(x, block) for x in arguments],
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
    last = last_readers(instructions, results)
    steps: list[Instruction | CallGroup] = []
    run: list[Instruction] = []

    def close(at: int) -> None:
        if len(run) == 1 and values[run[0].result.number].size < SHARED_ELEMENTS:
            steps.append(run[0])
        elif run:
            steps.append(CallGroup(run, values, {i.result.number for i in run if last[i.result.number] >= at}))
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


def last_readers(instructions: Sequence[Instruction], results: set[int]) -> dict[int, int]:
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
