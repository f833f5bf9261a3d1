"""Valid calls made bad: of a seed and a number follows one call, the same in every process."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from random import Random
from typing import Any, NamedTuple

from tests.calls.examples import EXAMPLES, SLOW, Call
from tests.calls.zoo import ZOO


class Bad(NamedTuple):
    """A call, and what was done to the valid one."""

    name: str
    done: tuple[str, ...]
    call: Call

    def __str__(self) -> str:
        return f"{self.name}: {'; '.join(self.done)}"


def drawn(seed: int, number: int) -> Bad:
    """Call ``number`` of ``seed``."""
    random = Random(f"{seed}/{number}")
    name = random.choice(NAMES)
    call = EXAMPLES[name]()
    call = Call(call.function, [*call.args], {**call.options})
    ways = random.choices(*zip(*WAYS.items(), strict=True), k=random.choice((1, 1, 1, 2)))  # type: ignore[misc]
    return Bad(name, tuple(way(random, call) for way in ways), call)


# How a call becomes bad; each says what it did ------------------------------------------------------------------------
def stranger(random: Random) -> tuple[str, Any]:
    name = random.choice([*ZOO])
    return name, ZOO[name]()


def replaced(random: Random, call: Call) -> str:
    """Another value for an argument or an option."""
    places: list[Any] = [*range(len(call.args)), *call.options]
    if not places:
        return surplus(random, call)
    at = random.choice(places)
    name, value = stranger(random)
    (call.args if isinstance(at, int) else call.options)[at] = value
    return f"{f'argument {at + 1}' if isinstance(at, int) else at} is {name}"


def within(random: Random, call: Call) -> str:
    """Another value for an element of a list."""
    lists = [at for at, value in enumerate(call.args) if type(value) is list and value]
    if not lists:
        return replaced(random, call)
    at = random.choice(lists)
    name, value = stranger(random)
    items = call.args[at] = [*call.args[at]]
    place = random.randrange(len(items))
    items[place] = value
    return f"element {place} of argument {at + 1} is {name}"


def omitted(random: Random, call: Call) -> str:
    if not call.args:
        return surplus(random, call)
    at = random.randrange(len(call.args))
    del call.args[at]
    return f"without argument {at + 1}"


def surplus(random: Random, call: Call) -> str:
    name, value = stranger(random)
    call.args.append(value)
    return f"{name} at the end"


def paired(random: Random, call: Call) -> str:
    """An option, or what looks like one, as a pair; perhaps once more by keyword."""
    option = random.choice([*call.options, "Nonsense", "", "data", "\ud800"])
    name, value = stranger(random)
    call.args.extend([option, value])
    if random.random() < 0.5:
        call.options.pop(option, None)
    return f"the pair {option!r}, {name}"


def misspelt(random: Random, call: Call) -> str:
    name, value = stranger(random)
    option = random.choice(["Stirde", "name", "X", "self", "args", "options", "", "Weight", "\ud800", *call.options])
    option = random.choice((option, option.upper(), option[:-1]))
    call.options[option] = value
    return f"{option!r} is {name}"


def several(random: Random, call: Call) -> str:
    """Another number of outputs, where the function has one."""
    try:
        able = "nargout" in inspect.signature(call.function).parameters
    except (TypeError, ValueError):
        able = False
    if not able:
        return replaced(random, call)
    name, call.options["nargout"] = stranger(random)
    return f"nargout is {name}"


WAYS: dict[Callable[[Random, Call], str], int] = {replaced: 14, within: 3, omitted: 1, surplus: 1, paired: 2, misspelt: 1,
                                                   several: 1}
NAMES = [name for name in EXAMPLES for _ in range((1 if name in SLOW else 6) * (1 if name.endswith(" =") else 4))]
