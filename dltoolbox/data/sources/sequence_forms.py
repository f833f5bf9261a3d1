"""The forms in which users pass sequences for one input, and every complaint about them.

A list, tuple or object array of arrays …×C×T of any lengths; one array …×C×T for one sequence; or …×C×N×T for sequences of
one length. Messages count observations from 1, and calls index them from 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, NoReturn

import numpy as np

from dltoolbox.core.arrays import array_of, holds, in_code, parts_of_complex
from dltoolbox.core.convert import attribute
from dltoolbox.core.dims import times
from dltoolbox.core.display import counted, few
from dltoolbox.core.errors import fail
from dltoolbox.data.sources.layouts import advice, array_in_code, sequence_advice, wanted
from dltoolbox.data.sources.sequences import Sequences

LETTERS = ("c", "s×c", "h×w×c", "h×w×d×c")  # of a time step, by the number of spatial dimensions


class SequencePlace(NamedTuple):
    """The input that sequences are for, and what is asked of them.

    Attributes:
        sizes: Spatial sizes and channels of a time step, as users pass it.
        function: The caller, for identifiers of errors.
        name: What to call the sequences in messages: ``X``.
        text: What to call the place: ``input layer 'in'``.
        min_length: How many steps the shortest sequence must have.
        split_complex: Whether complex numbers become two real channels each.
        exact: Whether spatial sizes must be these.
        also: What follows ``keep = [i for …]; X = [X[i] for i in keep]`` in calls, for the targets.
        target: Whether these are targets.
    """

    sizes: tuple[int, ...]
    function: str
    name: str = "X"
    text: str = "the input"
    min_length: int = 1
    split_complex: bool = False
    exact: bool = True
    also: str = ""
    target: bool = False

    @property
    def takes(self) -> str:
        """``12×T``: the size of a sequence."""
        return f"{times(self.sizes)}×T"

    @property
    def verb(self) -> str:
        return "gives" if self.target else "takes"

    @property
    def code(self) -> str:
        return in_code(self.name)


def read_sequences(X: object, place: SequencePlace) -> Sequences:
    """The sequences that a user passes for one input, in the axes of the program; every problem is an error."""
    refuse_frame(X, place)
    if (given := elements_of(X, place.sizes)) is not None:
        sequences = Sequences(from_list(given, X, place))
    else:
        sequences = from_array(array_of_numbers(X, place, place.name), X, place)
    check_numbers_of_steps(sequences, place)
    if place.split_complex:
        return Sequences([parts_of_complex(part) for part in sequences.parts], sequences.form)
    return sequences


def elements_of(X: object, sizes: tuple[int, ...]) -> list[object] | None:
    """The elements of a list of sequences; None for what is one array, as lists of lists of numbers are.

    Of sequences of one channel such lists hold one sequence each.
    """
    if not isinstance(X, (list, tuple)):
        array = None if isinstance(X, np.ndarray) and X.dtype != object else array_of(X)
        return list(array.reshape(-1)) if array is not None and array.dtype == object and array.ndim else None
    deep = any(holds(part, (list, tuple, np.ndarray)) if isinstance(part, (list, tuple)) else not np.isscalar(part)
               for part in X)
    rows = sizes == (1,) and holds(X, (list, tuple))
    return list(X) if deep or rows or not X else None


def from_list(given: Sequence[object], X: object, place: SequencePlace) -> list[np.ndarray]:
    """The elements of a list as arrays …×C×T."""
    if not given:
        fail(f"{place.function}:emptyData", f"{place.name} is an empty list.", "Pass at least one sequence.")
    for number, part in enumerate(given):
        refuse_frame(part, place, number)
    arrays = [array_of_numbers(part, place, f"{place.name}[{number}]") for number, part in enumerate(given)]
    parts = [as_sequence(array, place.sizes) for array in arrays]
    wrong = [number for number, part in enumerate(parts) if not is_sequence(part, place)]
    if wrong:
        refuse_sizes([array.shape for array in arrays], wrong, given, place)
    return parts


def from_array(array: np.ndarray, X: object, place: SequencePlace) -> Sequences:
    """…×C×T, one sequence, or …×C×N×T."""
    whole = as_sequence(array, place.sizes)
    if is_sequence(whole, place):
        return Sequences([whole], "one")
    rank = len(place.sizes) - 1
    if array.ndim == rank + 3 and not array.shape[-2]:
        fail(f"{place.function}:emptyData", f"{place.name} has size {times(array.shape)}: no sequences.",
             "Pass at least one sequence.")
    if array.ndim == rank + 3 and is_sequence(array[..., 0, :], place):
        return Sequences([array[..., number, :] for number in range(array.shape[-2])], "array")
    refuse_array(array.shape, X, place)


def as_sequence(array: np.ndarray, sizes: tuple[int, ...]) -> np.ndarray:
    """MATLAB drops sizes of 1: a row of numbers is a sequence of one channel, and one time step may come without its T."""
    if len(sizes) == 1 and sizes[0] == 1 and array.ndim == 1:
        return array[np.newaxis]
    if array.ndim == len(sizes) and array.shape == sizes:
        return array[..., np.newaxis]
    return array


def is_sequence(part: np.ndarray, place: SequencePlace) -> bool:
    """Whether this is a sequence for the place: its channels, and its spatial sizes where they must be those."""
    if part.ndim != len(place.sizes) + 1:
        return False
    return part.shape[:-1] == place.sizes if place.exact else part.shape[-2] == place.sizes[-1]


# Complaints ----------------------------------------------------------------------------------------------------------
def array_of_numbers(value: object, place: SequencePlace, name: str) -> np.ndarray:
    """Numbers or logicals as an array, not copied if it is one."""
    array, code = array_of(value, name=name), in_code(name)
    if array is None or array.dtype.kind not in "fiubc":
        made = f"of {value.dtype}" if isinstance(value, np.ndarray) else f"of type {type(value).__name__}"
        alone = name == place.name
        if callable(attribute(value, "detach")):
            how = ".detach().cpu().numpy()"
            hint = f"Use {code}{how}." if alone else f"Use {place.code} = [x{how} for x in {place.code}]."
        elif array is not None and array.dtype.kind in "OUST" and value is not None and convertible(array):
            hint = (f"Convert it with np.asarray({code}, dtype=float)." if alone else
                    f"Convert them: {place.code} = [np.asarray(x, dtype=float) for x in {place.code}].")
        else:
            hint = f"Pass a list of arrays of numbers, each of size {place.takes}."
        fail(f"{place.function}:notNumeric", f"{name} must be an array of numbers of size {place.takes}, but it is {made}.",
             hint)
    if array.dtype.kind == "c" and not place.split_complex:
        one = f"{place.code} = [np.abs(x) for x in {place.code}]" if name != place.name else f"np.abs({place.code})"
        fail(f"{place.function}:complexData", f"{name} is complex.", f"Use {one}. Or set SplitComplexInputs=True in the "
             "input layer.")
    return array


def convertible(array: np.ndarray) -> bool:
    try:
        array.astype(float)
    except Exception:  # objects that refuse, or more numbers than memory holds
        return False
    return True


def refuse_frame(X: object, place: SequencePlace, number: int | None = None) -> None:
    """The rows of a data frame are time steps as a rule, and nobody can tell where it is square."""
    if attribute(X, "columns") is None or attribute(X, "dtypes") is None:
        return
    what = place.name if number is None else f"{place.name}[{number}]"
    how = f"{place.code}.to_numpy().T" if number is None else f"{place.code} = [x.to_numpy().T for x in {place.code}]"
    fail(f"{place.function}:inputSizeMismatch", f"{what} is a data frame, whose rows and columns have no fixed meaning; "
         f"{place.text} takes sequences of size {place.takes}.",
         f"If each row is a time step, use {how}.")


def refuse_sizes(shapes: Sequence[tuple[int, ...]], wrong: Sequence[int], given: Sequence[object],
                 place: SequencePlace) -> NoReturn:
    """Elements of a list that are no sequences for this place."""
    code, first, takes = place.code, wrong[0], place.sizes
    each = "x" if all(isinstance(part, np.ndarray) for part in given) else "np.asarray(x)"
    every = len(wrong) == len(shapes) or sequence_advice(shapes, takes, each) is not None  # square ones fit in any order
    message = (f"The sequences in {place.name} have size {few(dict.fromkeys(map(times, shapes)))}" if every else
               f"Observation {first + 1} of {place.name} has size {times(shapes[first])}")
    likely = sequence_advice([shapes[number] for number in wrong], takes, each)
    if likely:
        meaning, how = likely
        how += "" if every else f" if {each}.shape[:-1] != {takes} else x"
        hint = f"{meaning}: use {code} = [{how} for x in {code}]."
    elif len({shape[-2] for shape in shapes if len(shape) == len(takes) + 1}) > 1:
        those = kept(place, f"{each}.shape[:-1] == {takes}")
        hint = f"All sequences need the same channels. Leave the others out: {those}."
    else:
        hint = channels_hint(shapes[first], place)
    fail(f"{place.function}:inputSizeMismatch", f"{message}, but {place.text} {place.verb} sequences of size {place.takes} "
         f"({LETTERS[len(takes) - 1]}×T).", hint)


def kept(place: SequencePlace, condition: str) -> str:
    """The code that keeps some sequences of a list, and their targets."""
    code = place.code
    return f"keep = [i for i, x in enumerate({code}) if {condition}]; {code} = [{code}[i] for i in keep]{place.also}"


def channels_hint(shape: tuple[int, ...], place: SequencePlace) -> str:
    """Advice where no order fits: the input layer for sequences as they are."""
    if place.target and len(shape) == len(place.sizes) + 1 and len(shape) == 2:
        return f"Make the last fully connected layer {shape[0]} wide: fullyConnectedLayer({shape[0]})."
    if len(shape) == len(place.sizes) + 1 and not place.target:
        size = shape[0] if len(shape) == 2 else list(shape[:-1])
        return f"For sequences of this size start the network with sequenceInputLayer({size})."
    return f"Pass a list with one array of size {place.takes} per observation."


def refuse_array(shape: tuple[int, ...], X: object, place: SequencePlace) -> NoReturn:
    """One array that is neither a sequence nor several of one length."""
    code, rank = array_in_code(place.name, X), len(place.sizes) - 1
    if not rank and place.sizes == (1,) and len(shape) == 2:
        hint = f"If each row is a sequence, use {code}[np.newaxis]; if each column is one, use {code}.T[np.newaxis]."
    else:
        alone = sequence_advice([shape], place.sizes, code)
        hint = (f"{alone[0]}: use {alone[1]}." if alone else
                advice(shape, wanted(place.sizes, timed=True), code, pictures=False) or channels_hint(shape, place))
    fail(f"{place.function}:inputSizeMismatch", f"{place.name} has size {times(shape)}, but {place.text} {place.verb} "
         f"sequences of size {place.takes} in a list, or {times(place.sizes)}×N×T ({LETTERS[rank]}×N×T).", hint)


def check_numbers_of_steps(sequences: Sequences, place: SequencePlace) -> None:
    """No sequence may be empty or shorter than its input layer asks."""
    short = np.flatnonzero(sequences.lengths < max(place.min_length, 1))
    if not short.size:
        return
    shortest = int(sequences.lengths.min())
    everywhere = short.size == len(sequences)
    which = ("The sequence" if len(sequences) == 1 else "All sequences" if everywhere else
             f"{short.size} of {counted(len(sequences), 'sequence')}")
    where = "" if everywhere else f"; the first is observation {short[0] + 1}"
    hint = f"Leave them out: {kept(place, f'np.shape(x)[-1] >= {max(place.min_length, 1)}')}."
    if not shortest:
        fail(f"{place.function}:emptySequence", f"{which} in {place.name} {'is' if short.size == 1 else 'are'} empty"
             f"{where}.", f"Pass sequences of at least {counted(max(place.min_length, 1), 'step')}." if everywhere else hint)
    verb = "has" if short.size == 1 else "have"
    fail(f"{place.function}:sequenceTooShort", f"{which} in {place.name} {verb} fewer steps than MinLength, "
         f"{place.min_length}{where}, with {counted(int(sequences.lengths[short[0]]), 'step')}.",
         f"Set MinLength={shortest} in the input layer, or pass longer sequences." if everywhere else hint)
