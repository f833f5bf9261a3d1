"""`dlaccelerate`: a function of dlarrays that is recorded once for each size of its arguments, and replayed from then on."""

from __future__ import annotations

import warnings
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from dltoolbox.autodiff.acceleration.constants import constant_key, random_states, surrounding_key
from dltoolbox.autodiff.acceleration.program import RecordedProgram
from dltoolbox.autodiff.acceleration.recorded import Recorded, Recording, plain_values, slotted
from dltoolbox.autodiff.apply import pulled
from dltoolbox.autodiff.containers import mapped
from dltoolbox.autodiff.dlarray import as_dlarray, dlarray
from dltoolbox.autodiff.tape import Origin, Payload, TapeEntry, Traced, gradients_of, leaf, noting, origin_of, raw_values
from dltoolbox.core import convert
from dltoolbox.core.display import object_text
from dltoolbox.core.errors import fail
from dltoolbox.core.properties import Configured, InvalidValue, Property, show


def function_of_dlarrays(value: object) -> Callable[..., Any]:
    """A function, not what it returned."""
    if not callable(value):
        raise InvalidValue("a function", "Pass the function itself, as in dlaccelerate(modelLoss), not its result.")
    return value


@dataclass
class Traceable:
    """The arguments of a call: every dlarray that may differ from call to call, and a key of all else."""

    found: list[dlarray] = field(default_factory=list)
    key: list[Hashable] = field(default_factory=list)

    def collect(self, x: dlarray) -> dlarray:
        self.found.append(x)
        self.key.append((x.shape, x.labels, x.dtype.char, origin_of(x.payload) is not None))
        return x


class AcceleratedFunction(Configured):
    """A function of dlarrays that is recorded once for each set of sizes, and replayed from then on; see `dlaccelerate`."""

    function = "dlaccelerate"
    Function = Property(function_of_dlarrays, positional=True)
    Enabled = Property(convert.flag, True, settable=True)
    CacheSize = Property(convert.integer(1), 50, settable=True)
    CheckMode = Property(convert.choice("none", "tolerance"), "none", settable=True)
    CheckTolerance = Property(convert.real(0), 1e-4, settable=True)

    def validate(self) -> None:
        self.__dict__.update(programs=OrderedDict(), calls=0, hits=0, warned=set())

    @property
    def HitRate(self) -> float:
        """Per cent of the calls that were replayed."""
        rate: float = 100 * self.__dict__["hits"] / max(self.__dict__["calls"], 1)
        return rate

    @property
    def Occupancy(self) -> float:
        """Per cent of the cache that is used."""
        return 100 * len(self.__dict__["programs"]) / self.CacheSize

    def clearCache(self) -> None:
        """Forget all recordings."""
        self.__dict__["programs"].clear()
        self.__dict__.update(calls=0, hits=0)

    def __repr__(self) -> str:
        name = getattr(self.Function, "__name__", "function")
        rows: list[tuple[str, object]] = [("Function", f"@{name}"), *((each, getattr(self, each)) for each in (
            "Enabled", "CacheSize", "HitRate", "Occupancy", "CheckMode", "CheckTolerance"))]
        return object_text("AcceleratedFunction", [("", rows)])

    def __call__(self, *arguments: Any) -> Any:
        if not self.Enabled:
            return self.Function(*arguments)
        own, call = self.__dict__, Traceable()
        shape = [mapped(call.collect, x) for x in arguments]
        if not call.found or any(isinstance(raw_values(x.payload), Recorded) for x in call.found):
            return self.Function(*arguments)  # nothing differs, or an accelerated function around records it
        key = (tuple(call.key), tuple(map(argument_key, shape)), surrounding_key(self.Function))
        own["calls"] += 1
        replay = own["programs"].get(key)
        if replay is not None:
            own["programs"].move_to_end(key)
            own["hits"] += 1
            results = replay.run(call.found)
            return self.checked(results, arguments) if self.CheckMode == "tolerance" else results
        return self.record(key, arguments, call.found)

    def record(self, key: Hashable, arguments: Sequence[Any], found: Sequence[dlarray]) -> Any:
        """Run the function once and keep what it did, unless that depends on values."""
        own = self.__dict__
        before = random_states(self.Function)
        replay = Replay(self.Function, arguments, found)
        draws = random_states(self.Function) != before
        why = replay.spoilt or "random numbers that the function draws itself" * draws
        if why:
            if why not in own["warned"]:
                own["warned"].add(why)
                warnings.warn(f"The function cannot be accelerated: what it does depends on {why}. It runs as it is. Pass "
                              "what differs from call to call as dlarrays, and choose with np.where instead of if.",
                              stacklevel=3)
        else:
            own["programs"][key] = replay
            while len(own["programs"]) > self.CacheSize:
                own["programs"].popitem(last=False)
        return replay.first

    def checked(self, results: Any, arguments: Sequence[Any]) -> Any:
        """The results, compared with those of the function itself."""
        replayed, direct = list[np.ndarray](), list[np.ndarray]()
        mapped(lambda x: replayed.append(raw_values(x.payload)), results)
        mapped(lambda x: direct.append(raw_values(x.payload)), self.Function(*arguments))
        for a, b in zip(replayed, direct, strict=True):
            worst = float(np.max(np.abs(a - b), initial=0) / max(np.max(np.abs(b), initial=0), np.finfo(b.dtype).tiny))
            if not worst <= self.CheckTolerance and not np.array_equal(a, b, equal_nan=True):
                fail("dlaccelerate:checkFailed", f"The accelerated function differs from the function itself by {worst:.2g} "
                     f"of its largest value; CheckTolerance is {self.CheckTolerance:.2g}.",
                     "Clear what was recorded with clearCache(accfun), and pass everything that differs as dlarrays. "
                     "Dropout draws afresh in every call, so such functions always differ: accfun.CheckMode = 'none'.")
        return results


def argument_key(x: Any) -> Hashable:
    """A key of an argument, in which dlarrays and the values of networks do not count."""
    structure = getattr(x, "structure", None)
    if structure is not None:
        return "network", id(structure)
    if isinstance(x, dlarray):
        return "dlarray"
    if isinstance(x, list | tuple):
        return type(x).__name__, tuple(map(argument_key, x))
    if isinstance(x, dict):
        return "dict", tuple((key, argument_key(value)) for key, value in x.items())
    columns = getattr(x, "columns", None) if not hasattr(x, "__dict__") or "columns" in vars(x) else vars(x)
    return argument_key(dict(columns)) if isinstance(columns, dict) else constant_key(x)


class Replay:
    """One recording, with the gradients that somebody outside may ask for."""

    def __init__(self, function: Callable[..., Any], arguments: Sequence[Any], found: Sequence[dlarray]) -> None:
        self.function = function
        self.arguments = [mapped(hollow, x) for x in arguments]
        self.backward: dict[tuple[bool, ...], RecordedProgram] = {}
        recording, entering, outputs = Recording(), list[Recorded](), list[dlarray]()

        def enter(x: dlarray) -> dlarray:
            entering.append(recording.entering(raw_values(x.payload)))
            return as_dlarray(leaf(entering[-1]) if origin_of(x.payload) else Traced(entering[-1]), x.labels)

        def leave(x: dlarray) -> dlarray:
            outputs.append(x)
            return hollow(x)
        results = function(*(mapped(enter, x) for x in arguments))
        self.template = mapped(leave, results)
        self.outputs = [(x.labels, origin_of(x.payload) is not None) for x in outputs]
        self.spoilt = recording.spoilt
        raw = [raw_values(x.payload) for x in outputs]
        self.program = RecordedProgram(recording, entering, slotted(raw))
        self.first = self.result(plain_values(raw), found)

    def run(self, found: Sequence[dlarray]) -> Any:
        return self.result(self.program.run([raw_values(x.payload) for x in found]), found)

    def result(self, values: Sequence[np.ndarray], found: Sequence[dlarray]) -> Any:
        """The results in the containers of the function; those that depend on what is traced outside are one entry there."""
        payloads: list[Payload] = [np.array(value) if value.base is not None else value for value in map(np.asarray, values)]
        depend = [depends for _, depends in self.outputs]
        if any(depend) and any(origin_of(x.payload) for x in found):
            entry = ReplayEntry(self, found)
            payloads = [Traced(value, Origin(entry, at) if needs else None)
                        for at, (value, needs) in enumerate(zip(payloads, depend, strict=True))]
        made = iter([as_dlarray(value, labels) for value, (labels, _) in zip(payloads, self.outputs, strict=True)])
        return mapped(lambda _: next(made), self.template)

    def gradients(self, found: Sequence[dlarray], seeds: Sequence[Payload]) -> list[Payload]:
        """Gradients of the arguments from those of the results, by a recording of their own."""
        given = tuple(seed is not None for seed in seeds)
        program = self.backward.get(given)
        if program is None:
            program = self.backward[given] = self.record_gradients(found, seeds)
        arrays = [raw_values(x.payload) for x in found] + [raw_values(seed) for seed in seeds if seed is not None]
        values: list[Payload] = program.run(arrays)
        return values

    def record_gradients(self, found: Sequence[dlarray], seeds: Sequence[Payload]) -> RecordedProgram:
        recording = Recording()
        entering = [recording.entering(raw_values(x.payload)) for x in found]
        seeded = [None if seed is None else recording.entering(raw_values(seed)) for seed in seeds]
        leaves = [leaf(x) for x in entering]
        outputs = self.with_payloads(leaves)
        total: list[Payload] = [None] * len(leaves)
        for y, seed in zip(outputs, seeded, strict=True):
            if seed is None or not isinstance(y, Traced):
                continue
            for at, g in enumerate(gradients_of(y, leaves, seed=seed, retain=True)):
                if g is not None:
                    total[at] = g if total[at] is None else total[at] + g
        return RecordedProgram(recording, [*entering, *(seed for seed in seeded if seed is not None)],
                               slotted([raw_values(g) for g in total]))

    def with_payloads(self, payloads: Sequence[Payload]) -> list[Payload]:
        """The payloads of the results, where these are those of the arguments."""
        rest, results = iter(payloads), list[Payload]()
        again = [mapped(lambda x: as_dlarray(next(rest), x.labels), x) for x in self.arguments]
        with noting(True):
            mapped(lambda x: results.append(x.payload), self.function(*again))
        return results


class ReplayEntry(TapeEntry):
    """A replayed call on the tape of somebody outside."""

    __slots__ = ("found", "replay")

    def __init__(self, replay: Replay, found: Sequence[dlarray]) -> None:
        super().__init__("the accelerated function", tuple(origin_of(x.payload) for x in found), ())
        self.replay: Replay | None = replay
        self.found = found

    def pull(self, gradients: Sequence[Payload], needs: Sequence[bool], *, again: bool) -> Sequence[Payload]:
        assert self.replay is not None
        replay = self.replay
        seeds = [*gradients, *[None] * (len(replay.outputs) - len(gradients))]
        if again:
            inputs = [x.payload for x in self.found]
            return pulled(lambda *payloads: tuple(replay.with_payloads(payloads)), inputs, {}, seeds, needs)
        return replay.gradients(self.found, seeds)

    def discard(self) -> None:
        self.replay = None

    @property
    def discarded(self) -> bool:
        return self.replay is None


def hollow(x: dlarray) -> dlarray:
    """A stand-in of the same size that occupies no memory."""
    return as_dlarray(np.broadcast_to(np.zeros((), x.dtype), x.shape), x.labels)


def dlaccelerate(fun: Callable[..., Any], *pairs: object, **options: object) -> AcceleratedFunction:
    """A function that does the same faster: ``accfun = dlaccelerate(modelLoss)``, called as before.

    For each set of sizes, formats and types of its dlarrays, the function runs once and what it does is recorded: forward,
    and the gradients that it takes. Later calls replay the recording on planned memory and on threads; networks in it run
    as compiled programs. Arguments that are no dlarrays, and variables around the function, are taken as constants: where
    they change, it is recorded anew. Dropout draws afresh in every call. What depends on values (``if``, ``float``), and
    functions that draw random numbers themselves, cannot be recorded: a warning says where, and the function runs as it is.

    Args:
        fun: A function of dlarrays, networks and anything else that returns dlarrays, alone or in containers.
        *pairs: Name-value pairs, instead of keywords.
        **options: Properties of the result that can be set, such as ``CheckMode='tolerance'``.

    Returns:
        An AcceleratedFunction with the properties Function, Enabled (True), CacheSize (50), CheckMode ('none', or
        'tolerance' to compare each replay with the function), CheckTolerance (1e-4), HitRate and Occupancy (per cent), and
        the method clearCache.

    Raises:
        DltoolboxError: ``dltoolbox:dlaccelerate:invalidFunction``; ``…:checkFailed`` when called with
            ``CheckMode='tolerance'``.

    Example:
        >>> accfun = dlaccelerate(lambda x: np.sum(x ** 2))
        >>> [float(accfun(dlarray([1, n]))) for n in (1, 2, 3)], round(accfun.HitRate)
        ([2.0, 5.0, 10.0], 67)

    Source:
        MathWorks documentation of dlaccelerate and AcceleratedFunction.
    """
    return AcceleratedFunction(fun, *pairs, **options)


def clearCache(accfun: AcceleratedFunction) -> None:
    """Forget what an accelerated function has recorded.

    Args:
        accfun: An AcceleratedFunction.

    Raises:
        DltoolboxError: ``dltoolbox:clearCache:notAccelerated``.

    Example:
        >>> accfun = dlaccelerate(np.exp)
        >>> clearCache(accfun)
        >>> accfun.Occupancy
        0.0
    """
    if not isinstance(accfun, AcceleratedFunction):
        fail("clearCache:notAccelerated", f"accfun must be an AcceleratedFunction, but it is {show(accfun)}.",
             "Pass what dlaccelerate returned.")
    accfun.clearCache()
