"""The tape: arrays that know how they were made, and the way back through everything that made them.

A `Traced` is an array with the `TapeEntry` that computed it. It answers NumPy's protocols, so that plain NumPy code runs
on it and is noted. Rules of gradients (`dltoolbox.autodiff.rules`) are written in NumPy's words themselves. The same rule
then serves twice: first derivatives run with noting switched off, on plain arrays; where derivatives are to be
differentiated again, the rule's own work is noted like any other.

An entry holds what its gradient reads and nothing else, and refers to what it was made of only; so a trace is as large
as its gradient needs, and is gone with the last array that knows it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from typing import Any, NamedTuple, NoReturn

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from dltoolbox.autodiff.acceleration.recorded import Recorded
from dltoolbox.autodiff.operators import with_operators
from dltoolbox.core.errors import fail

Payload = Any  # an ndarray or a Traced
Pull = Callable[[Payload, Payload], Payload]  # gradient of the output, and the output → gradient of one input


class _State(threading.local):
    """Per thread: whether what happens is noted."""

    noting = True
    depth = 0  # of calls of dlfeval
    lost = ""  # where values left the trace
    opaque = False  # within a function whose trace nobody else sees


TAPE = _State()


@contextmanager
def noting(whether: bool) -> Iterator[None]:
    """Whether traced arrays compute with a trace."""
    before = TAPE.noting
    TAPE.noting = whether
    try:
        yield
    finally:
        TAPE.noting = before


class Origin(NamedTuple):
    """An output of an entry."""

    entry: TapeEntry
    output: int


_numbers = count()


class TapeEntry:
    """One computation on the tape with one output.

    Args:
        name: What it is called in messages.
        origins: Where each of its inputs comes from; None for constants.
        pulls: For each input, its gradient; None for constants.
        kept: The output, where a pull reads it.
    """

    __slots__ = ("__weakref__", "kept", "name", "number", "origins", "pulls")

    def __init__(self, name: str, origins: tuple[Origin | None, ...], pulls: tuple[Pull | None, ...],
                 kept: np.ndarray | None = None) -> None:
        self.number, self.name, self.origins, self.pulls, self.kept = next(_numbers), name, origins, pulls, kept

    def pull(self, gradients: Sequence[Payload], needs: Sequence[bool], *, again: bool) -> Sequence[Payload]:
        """Gradients of the outputs → gradients of the inputs that need one; ``again``: of Traced ones, to be noted."""
        (g,) = gradients
        y = Traced(self.kept, Origin(self, 0)) if again and self.kept is not None else self.kept
        return [pull(g, y) if need and pull is not None else None for pull, need in zip(self.pulls, needs, strict=True)]

    def discard(self) -> None:
        """Give back what only the gradient needs."""
        self.pulls, self.kept = (), None

    @property
    def discarded(self) -> bool:
        return not self.pulls and bool(self.origins)


def by_operator(ufunc: np.ufunc, *inputs: Any) -> Payload:
    """The result of an operator on Traced arrays."""
    return on_ufunc(ufunc, "__call__", inputs, {})


@with_operators(by_operator)
class Traced(NDArrayOperatorsMixin):
    """An array on the tape. ``origin`` is None where it does not depend on what is differentiated.

    It has the methods of an array that rules, ops and users' code call; everything else goes through NumPy's functions.
    """

    __slots__ = ("__weakref__", "origin", "value")
    __array_priority__ = 1000.0

    def __init__(self, value: Any, origin: Origin | None = None) -> None:
        self.value: np.ndarray = value if type(value) is np.ndarray else array_or_recorded(value)
        self.origin = origin

    # What an array knows ---------------------------------------------------------------------------------------------
    @property
    def shape(self) -> tuple[int, ...]:
        return self.value.shape

    @property
    def ndim(self) -> int:
        return self.value.ndim

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.value.dtype

    @property
    def size(self) -> int:
        return self.value.size

    @property
    def nbytes(self) -> int:
        return self.value.nbytes

    def __len__(self) -> int:
        return len(self.value)

    def __repr__(self) -> str:
        return f"Traced({self.value!r})"

    # Values that leave the tape --------------------------------------------------------------------------------------
    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        fail("dlarray:lostTrace", "A function outside NumPy asked a traced array for its plain values, so that no gradient "
             "could go through.", "Use functions of NumPy or this toolbox. If no gradient shall go through, say so: "
             "extractdata(X).")

    def __bool__(self) -> bool:
        return bool(looked_at(self))

    def __float__(self) -> float:
        return float(looked_at(self))

    def __int__(self) -> int:
        return int(looked_at(self))

    def __index__(self) -> int:
        return looked_at(self).__index__()

    # NumPy's protocols -----------------------------------------------------------------------------------------------
    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        return on_ufunc(ufunc, method, inputs, options)

    def __array_function__(self, function: Any, types: Any, arguments: Any, options: Any) -> Any:
        return on_function(function, arguments, options)

    __hash__ = object.__hash__

    def __getitem__(self, index: Any) -> Payload:
        return on_function(ARRAY_METHODS["getitem"], (self, index), {})

    # Methods of arrays -----------------------------------------------------------------------------------------------
    def astype(self, dtype: Any, copy: bool = True) -> Payload:
        return self if np.dtype(dtype) == self.dtype else on_function(ARRAY_METHODS["astype"], (self, dtype), {})

    def reshape(self, *shape: Any, order: Any = "C") -> Payload:
        return np.reshape(self, shape[0] if len(shape) == 1 else shape, order=order)

    def transpose(self, *axes: Any) -> Payload:
        return np.transpose(self, axes[0] if len(axes) == 1 else axes or None)

    @property
    def T(self) -> Payload:
        return np.transpose(self)

    @property
    def real(self) -> Payload:
        return self

    def copy(self) -> Payload:
        return self

    def __getattr__(self, name: str) -> Callable[..., Payload]:
        return method_of_numpy(self, name)


NUMPY_METHODS = frozenset(("all", "any", "argmax", "argmin", "argsort", "clip", "conj", "conjugate", "cumprod", "cumsum",
                     "diagonal", "dot", "flatten", "max", "mean", "min", "prod", "ravel", "repeat", "round", "sort",
                     "squeeze", "std", "sum", "swapaxes", "take", "trace", "var"))


def method_of_numpy(x: Payload, name: str) -> Callable[..., Payload]:
    """The methods of arrays that are functions of NumPy with the same name, such as ``x.sum(0)``."""
    if name not in NUMPY_METHODS:
        raise AttributeError(f"a {type(x).__name__} has no attribute '{name}'")
    if name == "sort":
        fail("dlarray:inPlace", "x.sort() would sort x in place, which no gradient goes through.", "Write x = np.sort(x).")
    function = getattr(np, {"flatten": "ravel"}.get(name, name))

    def method(*arguments: Payload, **options: Payload) -> Payload:
        return function(x, *arguments, **options)
    return method


UfuncRule = Callable[..., Payload]
UFUNCS: dict[np.ufunc, UfuncRule] = {}
NAMED_UFUNCS: dict[str, UfuncRule] = {}  # of libraries that are not imported here
FUNCTIONS: dict[Any, Callable[..., Any]] = {}
NAMED_REDUCTIONS: dict[np.ufunc, Callable[..., Any]] = {}  # those that no function of NumPy is named after
ARRAY_METHODS: dict[str, Any] = {}  # of arrays, as functions


def since_numpy_2(module: object, **rules: Callable[..., Any]) -> None:
    """Enter the rules of functions that not every version of NumPy has."""
    FUNCTIONS.update({getattr(module, name): rule for name, rule in rules.items() if hasattr(module, name)})


def raw_values(x: Any) -> Any:
    """The plain values of a payload; anything else as it is."""
    return x.value if type(x) is Traced else x


def raw_nested(x: Any) -> Any:
    """The same within lists and tuples."""
    if isinstance(x, (list, tuple)):
        return type(x)(map(raw_nested, x))
    return raw_values(x)


def origin_of(x: Any) -> Origin | None:
    """The origin of a payload; None for constants."""
    return x.origin if type(x) is Traced else None


def looked_at(x: Traced) -> np.ndarray:
    """The values, for a decision: what follows depends on them."""
    return x.value.asked("values that are looked at") if isinstance(x.value, Recorded) else x.value


def array_or_recorded(value: Any) -> Any:
    """An array of a number; recorded ones are as good as arrays."""
    return value if isinstance(value, Recorded) else np.asarray(value)


def constant(function: Any, *arguments: Any, **options: Any) -> Payload:
    """The result of a function through which no gradient goes: whole numbers and logical values."""
    value = function(*map(raw_nested, arguments), **{name: raw_nested(option) for name, option in options.items()})
    return Traced(value) if TAPE.noting else value


def on_ufunc(ufunc: np.ufunc, method: str, inputs: Sequence[Any], options: dict[str, Any]) -> Payload:
    """A ufunc of NumPy, or of another library, on traced arrays."""
    if options and (out := options.pop("out", None)) is not None and not all(isinstance(x, Traced) for x in out):
        refuse_in_place(ufunc)
    if not TAPE.noting:
        return getattr(ufunc, method)(*map(raw_values, inputs), **options)
    rule = UFUNCS.get(ufunc) or NAMED_UFUNCS.get(ufunc.__name__)
    if rule is None or method != "__call__" or options:
        return other_ufunc(ufunc, method, inputs, options, rule)
    return rule(*inputs)


REDUCTIONS_BY_UFUNC = {"add": np.sum, "maximum": np.max, "minimum": np.min, "multiply": np.prod, "logical_and": np.all,
                       "logical_or": np.any}
SUMS_SO_FAR = {"add": np.cumsum, "multiply": np.cumprod}


def other_ufunc(ufunc: np.ufunc, method: str, inputs: Sequence[Any], options: dict[str, Any],
                rule: UfuncRule | None) -> Payload:
    """Reductions and other methods of ufuncs, calls with options, and ufuncs without a rule."""
    name = ufunc.__name__
    if method == "__call__" and rule is not None and "where" not in options:
        dtype = options.get("dtype")
        return rule(*inputs if dtype is None else [x.astype(dtype) if isinstance(x, Traced) else x for x in inputs])
    if method == "reduce" and (ufunc in NAMED_REDUCTIONS or name in REDUCTIONS_BY_UFUNC):
        given = {key: option for key, option in options.items() if option is not None or key == "axis"}
        function = NAMED_REDUCTIONS.get(ufunc) or FUNCTIONS[REDUCTIONS_BY_UFUNC[name]]
        return function(*inputs, **{"axis": 0} | given)
    if method == "accumulate" and name in SUMS_SO_FAR:
        return FUNCTIONS[SUMS_SO_FAR[name]](*inputs, **{"axis": 0} | options)
    if method == "outer" and rule is not None and not options:
        first, second = inputs
        return ufunc(np.reshape(first, (*np.shape(first), *[1] * np.ndim(second))), second)
    result = raw_values(getattr(ufunc, method)(*map(raw_nested, inputs), **options)) if method != "at" else None
    if getattr(getattr(result, "dtype", None), "kind", "") in ("b", "i", "u"):
        return constant(getattr(ufunc, method), *inputs, **options)
    no_gradient(f"{name}{'' if method == '__call__' else f'.{method}'}{' with where' if 'where' in options else ''}")


def on_function(function: Any, arguments: Sequence[Any], options: dict[str, Any]) -> Any:
    """A function of NumPy's protocol on traced arrays."""
    if not TAPE.noting:
        return function(*map(raw_nested, arguments), **{name: raw_nested(option) for name, option in options.items()})
    rule = FUNCTIONS.get(function)
    if rule is None:
        no_gradient(getattr(function, "__name__", str(function)))
    return rule(*arguments, **options)


def refuse_in_place(ufunc: np.ufunc) -> NoReturn:
    """The place of a traced array is never written to: ``x += y`` makes a new x. That of a plain one would have to be."""
    fail("dlarray:inPlace", f"A dlarray cannot be the result of {ufunc.__name__} in the place of a plain array.",
         "Write the result to a new name, such as A = A + X instead of A += X.")


def refuse_out(out: object, name: str) -> None:
    """The option out of functions of NumPy."""
    if out is not None:
        fail("dlarray:inPlace", f"{name} cannot write a dlarray to out.", f"Leave out= out: y = np.{name}(x).")


def no_gradient(name: str) -> NoReturn:
    fail("dlarray:noGradient", f"There is no gradient of {name}.",
         "Write it with functions that have one (docs/dlarray.md lists them), or take the values out of the trace with "
         "extractdata if no gradient shall go through.")


def record(name: str, value: Any, inputs: Sequence[Payload], pulls: Sequence[Pull | None], *, keep: bool = False) -> Traced:
    """The traced result of a computation. Pulls of constants are ignored; ``keep`` says that pulls read the output."""
    if type(value) is not np.ndarray:
        value = array_or_recorded(value)
    origins = tuple([x.origin if type(x) is Traced else None for x in inputs])
    if not any(origins):
        return Traced(value)
    dtype = value.dtype
    own = tuple([None if origin is None else pull if x.dtype == dtype else in_type_of(x, pull)
                 for origin, x, pull in zip(origins, inputs, pulls, strict=True)])
    return Traced(value, Origin(TapeEntry(name, origins, own, value if keep else None), 0))


def in_type_of(x: Traced | np.ndarray, pull: Pull | None) -> Pull:
    """A pull whose gradient has the type of the input, where single and double meet."""
    assert pull is not None
    dtype = x.dtype
    return lambda g, y: pull(g, y).astype(dtype)


def leaf(value: Payload) -> Traced:
    """An array that gradients can be asked for."""
    return Traced(value, Origin(TapeEntry("", (), ()), 0))


# The way back --------------------------------------------------------------------------------------------------------
def gradients_of(y: Traced, xs: Sequence[Traced], *, seed: Payload | None = None, retain: bool = False,
                 again: bool = False) -> list[Payload | None]:
    """Gradients of a traced array, times ``seed`` (1), with respect to others; None where it does not depend on one.

    Args:
        y: What is differentiated.
        xs: With respect to what: leaves, or results of earlier computations.
        seed: A gradient of ``y``.
        retain: Whether the trace can be gone through again.
        again: Whether the gradients are traced themselves.
    """
    if y.origin is None:
        return [None] * len(xs)
    wanted = {x.origin for x in xs if x.origin is not None}
    path = entries_between(y.origin.entry, {origin.entry for origin in wanted})
    arriving: dict[TapeEntry, dict[int, Payload]] = {}
    found: dict[Origin, Payload] = {}
    start = np.ones(y.shape, y.dtype) if seed is None else seed
    if path:
        arriving[y.origin.entry] = {y.origin.output: start}
    owned: set[Origin] = set()
    with np.errstate(all="ignore"):
        if again:
            _walk(path, arriving, found, wanted, owned, retain=True, again=True)
        else:
            with noting(False):
                _walk(path, arriving, found, wanted, owned, retain=retain, again=False)
    return [None if x.origin is None else found.get(x.origin) for x in xs]


def _walk(path: Sequence[TapeEntry], arriving: dict[TapeEntry, dict[int, Payload]], found: dict[Origin, Payload],
          wanted: set[Origin], owned: set[Origin], *, retain: bool, again: bool) -> None:
    on_path = set(path)
    for entry in path:
        gradients = arriving.pop(entry, None)
        if gradients is None:
            continue
        for output, g in gradients.items():
            if (origin := Origin(entry, output)) in wanted:
                found[origin] = g
        needs = tuple(origin is not None and origin.entry in on_path for origin in entry.origins)
        if not any(needs):
            continue
        if entry.discarded:
            fail("dlgradient:traceDiscarded", "An earlier call of dlgradient has discarded the trace, as it does by "
                 "default.",
                 "Pass RetainData=True to the earlier call of dlgradient.")
        outputs = range(max(gradients) + 1)
        pulled = entry.pull([gradients.get(i) for i in outputs], needs, again=again)
        for source, g in zip(entry.origins, pulled, strict=True):
            if source is None or g is None or source.entry not in on_path:
                continue
            there = arriving.setdefault(source.entry, {})
            there[source.output] = g if source.output not in there else _added(there[source.output], g, source, owned)
        if not retain:
            entry.discard()


def _added(total: Payload, more: Payload, origin: Origin, owned: set[Origin]) -> Payload:
    """The sum of what arrives at an origin, in place where nobody else has seen it so far."""
    if origin in owned and isinstance(more, np.ndarray) and total.shape == more.shape and total.dtype == more.dtype:
        total += more
        return total
    total = total + more
    if isinstance(total, np.ndarray):
        owned.add(origin)
    return total


def entries_between(last: TapeEntry, firsts: set[TapeEntry]) -> list[TapeEntry]:
    """All entries on a way from some of the first to the last, the latest first."""
    seen, stack = {last}, [last]
    while stack:
        for origin in stack.pop().origins:
            if origin is not None and origin.entry not in seen:
                seen.add(origin.entry)
                stack.append(origin.entry)
    leading: set[TapeEntry] = set()
    for entry in sorted(seen, key=lambda entry: entry.number):
        if entry in firsts or any(origin is not None and origin.entry in leading for origin in entry.origins):
            leading.add(entry)
    return sorted(leading, key=lambda entry: -entry.number)
