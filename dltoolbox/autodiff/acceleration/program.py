"""Recorded programs: what is not needed goes, element-wise calls write into memory that is planned, and neighbours among
them run block by block, in caches and on threads.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from dltoolbox.autodiff.acceleration.groups import CallGroup, call_groups
from dltoolbox.autodiff.acceleration.recorded import Instruction, Recorded, Recording, RecordSlot, mapped_slots, slots_in


class RecordedProgram:
    """All that a function did with arrays, to be done again with others of the same sizes.

    Args:
        recording: All that it did.
        entering: The slots of what enters, in the order of `run`.
        results: What it returned, with slots in the place of values.
    """

    def __init__(self, recording: Recording, entering: Sequence[Recorded], results: Any) -> None:
        self.entering = [x.slot.number for x in entering]
        self.results = results
        self.instructions = needed(recording.instructions, slots_in(results))
        self.count = len(recording.values)
        self.steps: list[Instruction | CallGroup] = call_groups(self.instructions, recording.values, slots_in(results))
        self.calls: list[Callable[[list[Any]], None]] = [step.run if isinstance(step, CallGroup) else SingleCall(step).run
                                                         for step in self.steps]

    def run(self, values: Sequence[np.ndarray]) -> Any:
        """The results for arrays that enter."""
        live: list[Any] = [None] * self.count
        for number, value in zip(self.entering, values, strict=True):
            live[number] = value
        with np.errstate(all="ignore"):
            for call in self.calls:
                call(live)
        return mapped_slots(lambda slot: live[slot.number], self.results)


class SingleCall:
    """An instruction that runs as it is."""

    def __init__(self, instruction: Instruction) -> None:
        self.instruction = instruction
        result = instruction.result
        self.single = result.number if isinstance(result, RecordSlot) else None
        self.simple = not instruction.options and all(
            isinstance(x, RecordSlot) or not slots_in(x) for x in instruction.arguments)

    def run(self, live: list[Any]) -> None:
        function, arguments, options, result = self.instruction
        if self.simple:
            value = function(*[live[x.number] if isinstance(x, RecordSlot) else x for x in arguments])
        else:
            value = function(*mapped_slots(lambda slot: live[slot.number], arguments),
                             **mapped_slots(lambda slot: live[slot.number], options))
        if self.single is not None:
            live[self.single] = value
        else:
            store(live, result, value)


def store(live: list[Any], place: Any, value: Any) -> None:
    """Results into their slots."""
    if isinstance(place, RecordSlot):
        live[place.number] = value
    elif isinstance(place, list | tuple):
        for one, part in zip(place, value, strict=True):
            store(live, one, part)


def needed(instructions: Sequence[Instruction], wanted: set[int]) -> list[Instruction]:
    """Those that lead to what is wanted."""
    kept = []
    for instruction in reversed(instructions):
        if slots_in(instruction.result) & wanted:
            kept.append(instruction)
            wanted = wanted | slots_in((instruction.arguments, tuple(instruction.options.values())))
    return kept[::-1]
