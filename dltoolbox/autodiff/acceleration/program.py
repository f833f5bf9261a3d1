"""Recorded programs: what is not needed goes, calls write into memory that is planned, and element-wise neighbours run block
by block, in caches and on threads.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from dltoolbox.autodiff.acceleration.groups import CallGroup, call_groups
from dltoolbox.autodiff.acceleration.recorded import Instruction, Recorded, Recording, RecordSlot, mapped_slots, slots_in


class RecordedProgram:
    """All that a function did with arrays, to be done again with others of the same sizes.

    Args:
        recording: All that it did.
        entering: What enters, in the order of `run`.
        results: What it returned, with slots in the place of values.
    """

    def __init__(self, recording: Recording, entering: Sequence[Recorded], results: Any) -> None:
        self.entering = [x.slot.number for x in entering]
        self.results = results
        wanted = slots_in(results)
        instructions = needed(recording.instructions, wanted)
        self.count = len(recording.values)
        steps = call_groups(instructions, recording.values, wanted)
        self.steps: list[SingleCall | CallGroup] = [
            step if isinstance(step, CallGroup) else SingleCall(step, recording.values) for step in steps]
        self.places = planned(self.steps, instructions, recording.values, wanted | set(self.entering))
        self.lock = threading.Lock()

    def run(self, values: Sequence[np.ndarray]) -> Any:
        """The results for arrays that enter. Threads that replay the same program take turns: it has one memory."""
        live: list[Any] = [None] * self.count
        for number, value in zip(self.entering, values, strict=True):
            live[number] = value
        with self.lock, np.errstate(all="ignore"):
            for step in self.steps:
                step.run(live, self.places)
        return mapped_slots(lambda slot: live[slot.number], self.results)


class SingleCall:
    """An instruction that runs by itself."""

    def __init__(self, instruction: Instruction, values: Sequence[Any]) -> None:
        self.instruction = instruction
        result = instruction.result
        self.single = result.number if isinstance(result, RecordSlot) else None
        self.simple = not instruction.options and all(
            isinstance(x, RecordSlot) or not slots_in(x) for x in instruction.arguments)
        value = None if self.single is None else values[self.single]
        self.takes_place = (self.simple and isinstance(instruction.function, np.ufunc) and instruction.function.nout == 1
                            and isinstance(value, np.ndarray) and value.ndim > 0)
        self.kept = [self.single] if self.takes_place and self.single is not None else []

    def run(self, live: list[Any], places: Mapping[int, np.ndarray]) -> None:
        function, arguments, options, result = self.instruction
        if not self.simple:
            value = function(*mapped_slots(lambda slot: live[slot.number], arguments),
                             **mapped_slots(lambda slot: live[slot.number], options))
        else:
            given = [live[x.number] if type(x) is RecordSlot else x for x in arguments]
            place = places.get(self.single) if self.takes_place and self.single is not None else None
            value = function(*given) if place is None else function(*given, out=place)
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


# Memory --------------------------------------------------------------------------------------------------------------
def planned(steps: Sequence[SingleCall | CallGroup], instructions: Sequence[Instruction], values: Sequence[Any],
            outside: set[int]) -> dict[int, np.ndarray]:
    """Places for the results of calls that can be told where to write, shared by those that are never alive together.

    Results of the program, which leave, get none, nor do arrays that they are views of.
    """
    owners = owners_of(instructions, values)
    leaving = {owner for number in outside for owner in owners[number]}
    last: dict[int, int] = {}
    for at, step in enumerate(steps):
        read = step.entering if isinstance(step, CallGroup) else slots_in(
            (step.instruction.arguments, tuple(step.instruction.options.values())))
        made = step.kept if isinstance(step, CallGroup) else slots_in(step.instruction.result)
        for number in (*read, *made):
            last.update(dict.fromkeys(owners[number], at))
    places: dict[int, np.ndarray] = {}
    free: defaultdict[tuple[tuple[int, ...], np.dtype[Any]], list[np.ndarray]] = defaultdict(list)
    ending = defaultdict[int, list[int]](list)
    for at, step in enumerate(steps):
        for number in step.kept:
            if number not in leaving:
                value = values[number]
                pool = free[value.shape, value.dtype]
                places[number] = pool.pop() if pool else np.empty(value.shape, value.dtype)
                ending[last[number]].append(number)
        for number in ending[at]:
            free[values[number].shape, values[number].dtype].append(places[number])
    return places


def owners_of(instructions: Sequence[Instruction], values: Sequence[Any]) -> dict[int, set[int]]:
    """The slots whose memory each slot looks at: its own, or of a view those of what it is a view of. An object that is no
    array may look at all that it was made of.
    """
    owners: dict[int, set[int]] = {number: {number} for number in range(len(values))}
    for instruction in instructions:
        read = slots_in((instruction.arguments, tuple(instruction.options.values())))
        for number in slots_in(instruction.result):
            value = values[number]
            for other in read:
                if not isinstance(value, np.ndarray) or (isinstance(values[other], np.ndarray)
                                                         and np.may_share_memory(value, values[other])):
                    owners[number] |= owners[other]
    return owners
