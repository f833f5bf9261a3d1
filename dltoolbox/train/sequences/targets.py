"""Targets of every time step: from the user's Y to classes or responses of N sequences, and every complaint about them.

Y is a list with one element per sequence, T labels (1×T in MATLAB) or R×T responses; the one sequence of a single array may
come without a list. Messages count observations and steps from 1.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import prod
from typing import NoReturn

import numpy as np

from dltoolbox.core.arrays import all_finite, array_of, in_code
from dltoolbox.core.convert import attribute
from dltoolbox.core.dims import times
from dltoolbox.core.display import counted
from dltoolbox.core.errors import fail, warn
from dltoolbox.core.properties import show
from dltoolbox.data.categorical import categorical
from dltoolbox.data.sources.sequence_forms import SequencePlace, read_sequences
from dltoolbox.data.sources.sequences import SequenceLabels, Sequences

FUNCTION = "trainNetwork"


@dataclass(frozen=True)
class Expected:
    """The targets that a network wants of its sequences.

    Attributes:
        lengths: Their numbers of steps: what leaves the network for every sequence.
        X: The sequences in calls.
        name: The targets in messages.
        one: The advice that makes a network learn one target per sequence.
    """

    lengths: np.ndarray
    X: str
    name: str
    one: str

    @property
    def count(self) -> int:
        return len(self.lengths)

    @property
    def Y(self) -> str:
        return in_code(self.name)

    def kept(self, condition: str) -> str:
        """The code that keeps some observations, by their x and y."""
        X, Y = self.X, self.Y
        return (f"keep = [i for i, (x, y) in enumerate(zip({X}, {Y})) if {condition}]; {X} = [{X}[i] for i in keep]; "
                f"{Y} = [{Y}[i] for i in keep]")


def as_list(Y: object) -> list[object] | None:
    """The elements of a list, a tuple or an object array of arrays; None for anything else."""
    if isinstance(Y, np.ndarray) and Y.dtype == object and all(isinstance(y, (np.ndarray, list, categorical)) for y in Y):
        return list(Y)
    return list(Y) if isinstance(Y, (list, tuple)) else None


def shape_of_targets(Y: object) -> tuple[int, ...]:
    """The size of an array or a categorical, and of a list the number of its elements."""
    given = as_list(Y)
    if given is not None:
        return (len(given),)
    array = None if isinstance(Y, categorical) else array_of(Y)
    return Y.shape if isinstance(Y, categorical) else () if array is None else array.shape


def shape_of_part(part: object) -> tuple[int, ...]:
    """The size of an element of a list."""
    array = array_of(part) if isinstance(part, (list, tuple)) else None
    return shape_of_targets(part) if array is None else array.shape


def is_per_step(Y: object) -> bool:
    """Whether this is a list with several labels or numbers per element that could be those of its steps."""
    given = [part for part in as_list(Y) or [] if not np.isscalar(part)]
    shapes = {shape_of_part(part) for part in given}
    several = {prod(shape) for shape in shapes} - {1}
    labels = any(isinstance(part, categorical) for part in given)
    return bool(several) and (labels or len(shapes) > 1 or any(len(shape) > 1 for shape in shapes))


def targets_by_sequence(Y: object, expected: Expected) -> list[object]:
    """One element per sequence; the rows of a matrix are as many, and a single sequence needs no list."""
    given = as_list(Y)
    single = given is not None and all(np.isscalar(part) for part in given)
    if expected.count == 1 and (given is None or single):
        return [Y]
    shape = shape_of_targets(Y)
    if given is None and len(shape) == 2 and shape[1] > 1:
        given = [*rows_of(Y)]
    if given is None or single:
        refuse_one_per_sequence(expected, shape)
    if len(given) != expected.count:
        fail(f"{FUNCTION}:observationsMismatch", f"{expected.name} has targets of {counted(len(given), 'sequence')}, but "
             f"{expected.X} has {counted(expected.count, 'sequence')}.", "Pass one element per sequence.")
    return given


def rows_of(Y: object) -> Iterable[object]:
    array = None if isinstance(Y, categorical) else array_of(Y)
    return Y if isinstance(Y, categorical) else () if array is None else array


def refuse_one_per_sequence(expected: Expected, shape: tuple[int, ...]) -> NoReturn:
    fail(f"{FUNCTION}:targetsPerSequence", f"{expected.name} has one target per sequence (size {times(shape)}), but the "
         "network gives one per time step.", expected.one)


def check_per_sequence(Y: object, sequences: Sequences, code: str, name: str, every: str) -> None:
    """One target per sequence; ``code`` is X in calls, ``every`` advice that makes the network learn one per step."""
    count, steps = len(sequences), int(sequences.lengths[0])
    shape = shape_of_targets(Y)
    found = prod(shape) if isinstance(Y, categorical) else (shape or (1,))[0]
    if is_per_step(Y) or (sequences.form == "one" and found == steps > 1):
        fail(f"{FUNCTION}:targetsPerStep", f"{name} has several targets per sequence, but the network gives one.", every)
    if found == count:
        return
    hint = "Pass one target per sequence."
    if sequences.form == "array" and found == steps:
        hint = f"If time comes before the observations, use np.swapaxes({code}, -2, -1)."
    elif sequences.form == "one":
        cut = f" If they follow each other, use {code} = np.split({code}, {found}, axis=-1)." if not steps % found else ""
        hint = f"Pass several sequences in a list.{cut}"
    fail(f"{FUNCTION}:observationsMismatch", f"{name} has {counted(found, 'target')}, but {code} has "
         f"{counted(count, 'sequence')}.", hint)


def check_target_lengths(found: np.ndarray, expected: Expected) -> None:
    """As many targets as steps leave the network."""
    wrong = np.flatnonzero(found != expected.lengths)
    if not wrong.size:
        return
    first = wrong[0]
    hint = (f"Leave them out: {expected.kept('np.shape(x)[-1] == np.shape(y)[-1]')}." if wrong.size < len(found) else
            "Pass one target per time step that leaves the network.")
    which = f"{wrong.size} of {counted(len(found), 'sequence')}" if len(found) > 1 else "The sequence"
    fail(f"{FUNCTION}:lengthsMismatch", f"{which} {'has' if wrong.size == 1 else 'have'} other numbers of targets in "
         f"{expected.name} than of time steps; the first is observation {first + 1}, with "
         f"{counted(int(found[first]), 'target')} for {counted(int(expected.lengths[first]), 'step')}.", hint)


# Labels --------------------------------------------------------------------------------------------------------------
def labels_of_steps(Y: object, expected: Expected, *, classes: Sequence[str] | str, spatial: tuple[int, ...], pixels: bool,
                    training: bool, output: str) -> tuple[SequenceLabels, tuple[str, ...]]:
    """Classes of every step, and their names in the order of the network's channels.

    Args:
        Y: One categorical, or text or logicals, of T labels per sequence; S…×T of every pixel.
        expected: What the network wants.
        classes: Classes of the output layer; ``'auto'`` takes the categories of Y.
        spatial: Sizes of the maps that the network labels, if it labels pixels.
        pixels: Whether it does; then labels may be undefined.
        training: Whether the labels are to be learned.
        output: The call that makes the output layer, for messages.
    """
    parts = [step_labels(part, number, expected) for number, part in enumerate(targets_by_sequence(Y, expected))]
    categories = categories_of(parts)
    names = categories if isinstance(classes, str) else tuple(classes)
    codes = []
    for number, part in enumerate(parts):
        table = np.array([*(names.index(own) if own in names else -2 for own in part.categories), -1])
        codes.append(placed(table[part.codes], spatial if pixels else (), number, expected))
    check_target_lengths(np.array([part.shape[-1] for part in codes]), expected)
    refuse_unknown(codes, parts, names, training, output, expected)
    if not pixels:
        refuse_undefined(codes, expected)
    if training and len({code for part in codes for code in np.unique(part)} - {-1}) < 2:
        warn(f"{FUNCTION}:oneClass", f"All labels in {expected.name} belong to one class, so there is nothing to learn.",
             "Pass observations of all classes that the network is to tell apart.")
    return SequenceLabels([part if pixels else part.reshape(*(1 for _ in spatial), -1) for part in codes],
                          len(names)), names


def step_labels(part: object, number: int, expected: Expected) -> categorical:
    """The labels of a sequence as a categorical; numbers are an error that shows the call to make."""
    if isinstance(part, categorical):
        return part
    array = array_of(part, name=f"{expected.name}[{number}]")
    if array is not None and array.dtype.kind in "iufc" and array.size:
        Y = expected.Y
        made = (f"{Y} = categorical({Y})" if expected.count == 1 else
                f"{Y} = [categorical(y, np.unique(np.concatenate({Y}, axis=None))) for y in {Y}]")
        fail(f"{FUNCTION}:numericLabels", f"{expected.name}[{number}] is numeric, but classification needs categorical "
             "labels.", f"Use {made}. For regression, end the network with regressionLayer.")
    return categorical(part)


def categories_of(parts: Sequence[categorical]) -> tuple[str, ...]:
    """The categories of all sequences: those that they share, else all, text in the order of the alphabet."""
    own = list(dict.fromkeys(tuple(part.categories) for part in parts))
    return own[0] if len(own) == 1 else tuple(sorted({name for names in own for name in names}))


def placed(codes: np.ndarray, spatial: tuple[int, ...], number: int, expected: Expected) -> np.ndarray:
    """Codes as T, or S…×T where every pixel has one."""
    size = codes.shape
    if spatial:
        if codes.ndim == len(spatial) + 2 and codes.shape[-2] == 1:
            codes = codes[..., 0, :]
        fitting = codes.ndim == len(spatial) + 1 and codes.shape[:-1] == spatial
        wanted = f"{times(spatial)}×T label images"
    else:
        fitting = codes.size == max(codes.shape, default=1)
        codes, wanted = codes.reshape(-1), "T labels"
    if not fitting:
        fail(f"{FUNCTION}:responseSizeMismatch", f"{expected.name}[{number}] has size {times(size)}, but the network "
             f"learns {wanted}.", f"Pass {wanted} per sequence, as many as it has steps.")
    return codes


def refuse_unknown(codes: Sequence[np.ndarray], parts: Sequence[categorical], names: tuple[str, ...], training: bool,
                   output: str, expected: Expected) -> None:
    """Labels that are not among the classes of the network."""
    wrong = [number for number, part in enumerate(codes) if (part == -2).any()]
    if not wrong:
        return
    unknown = sorted({name for number in wrong for name in parts[number].categories} - {*names})
    hint = f"To learn other classes, replace the output layer with {output}."
    if not training:
        hint = "Give the classes the same names as in training."
        if len(wrong) < len(codes):
            hint = f"Leave these observations out: {expected.kept(f'not {set(unknown)} & set(y)')}."
    verb = "is" if len(unknown) == 1 else "are"
    fail(f"{FUNCTION}:unknownClasses", f"{expected.name} contains {show(unknown)}, which {verb} not among the Classes "
         f"{show(list(names))} of the output layer; the first is in observation {wrong[0] + 1}.", hint)


def refuse_undefined(codes: Sequence[np.ndarray], expected: Expected) -> None:
    """Every step needs a label."""
    wrong = [number for number, part in enumerate(codes) if (part == -1).any()]
    if not wrong:
        return
    step = int(np.argmax(codes[wrong[0]] == -1))
    hint = (f"Leave these observations out: {expected.kept('not isundefined(categorical(y)).any()')}."
            if len(wrong) < len(codes) else
            "Check how they were made: values that are not in the value set of categorical become undefined.")
    fail(f"{FUNCTION}:undefinedLabels", f"{expected.name} has undefined labels in {len(wrong)} of "
         f"{counted(len(codes), 'sequence')}; the first is observation {wrong[0] + 1}, step {step + 1}.", hint)


# Responses -----------------------------------------------------------------------------------------------------------
def responses_of_steps(Y: object, expected: Expected, size: tuple[int, ...]) -> Sequences:
    """Responses of every step, size×T each; a row of T numbers where there is one."""
    given, shape, count = as_list(Y), shape_of_targets(Y), expected.count
    if count > 1 and (all(np.isscalar(part) for part in given) if given is not None else
                      shape in ((count,), (count, 1), (count, size[-1]))):
        refuse_one_per_sequence(expected, shape)
    if any(attribute(part, "categories") is not None for part in (given or [Y])):
        fail(f"{FUNCTION}:categoricalResponses", f"{expected.name} holds labels, but a network that ends in regressionLayer "
             "learns numbers.", "To learn labels, end the network with softmaxLayer and classificationLayer.")
    also = f"; {expected.X} = [{expected.X}[i] for i in keep]"
    responses = read_sequences(Y, SequencePlace(size, FUNCTION, expected.name, "the network", also=also, target=True))
    if len(responses) != count:
        fail(f"{FUNCTION}:observationsMismatch", f"{expected.name} has responses of {counted(len(responses), 'sequence')}, "
             f"but {expected.X} has {counted(count, 'sequence')}.", "Pass one array per sequence in a list.")
    check_target_lengths(responses.lengths, expected)
    check_finite(responses, expected.name, also)
    return responses


def check_finite(sequences: Sequences, name: str, also: str = "") -> None:
    """NaN and Inf are errors in data to learn from, and so is what single precision does not hold.

    Args:
        sequences: The sequences.
        name: What to call them in messages.
        also: What follows ``keep = …; X = [X[i] for i in keep]`` in calls.
    """
    wrong = [number for number, part in enumerate(sequences.parts) if not all_finite(part)]
    if wrong:
        step = int(np.argmin(np.isfinite(sequences.parts[wrong[0]]).all(axis=tuple(range(len(sequences.size))))))
        fail(f"{FUNCTION}:notFinite", f"{name} contains NaN or Inf in {len(wrong)} of "
             f"{counted(len(sequences), 'sequence')}; the first is in observation {wrong[0] + 1}, step {step + 1}.",
             finite_again(sequences, in_code(name), also, everywhere=len(wrong) == len(sequences)))
    most = np.finfo(np.float32).max
    if sequences.dtype.kind == "f" and sequences.dtype.itemsize > 4 and any(
            part.size and max(-part.min(), part.max()) > most for part in sequences.parts):
        fail(f"{FUNCTION}:tooLarge", f"{name} contains numbers beyond single precision, in which networks are trained.",
             f"Scale the sequences, so that none is beyond {most:.0e}.")


def finite_again(sequences: Sequences, code: str, also: str, *, everywhere: bool) -> str:
    """The call that leaves out sequences with NaN or Inf, or replaces these where there are no others."""
    if sequences.form == "one" or (everywhere and sequences.form == "array"):
        return f"Replace them: np.nan_to_num({code}, posinf=0, neginf=0)."
    if everywhere:
        return f"Replace them: {code} = [np.nan_to_num(x, posinf=0, neginf=0) for x in {code}]."
    if sequences.form == "list":
        return (f"Leave them out: keep = [i for i, x in enumerate({code}) if np.isfinite(x).all()]; "
                f"{code} = [{code}[i] for i in keep]{also}.")
    axes = tuple(axis for axis in range(len(sequences.size) + 2) if axis != len(sequences.size))
    return (f"Leave them out: keep = np.flatnonzero(np.isfinite({code}).all(axis={axes})); {code} = {code}[..., keep, :]"
            f"{also}.")
