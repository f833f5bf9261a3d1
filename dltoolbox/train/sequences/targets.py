"""Targets of every time step: from the user's Y to classes or responses of N sequences, and every complaint about them.

Y is a list with one element per sequence, T labels (1×T in MATLAB) or R×T responses; the one sequence of a single array may
come without a list. Messages count observations and steps from 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

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
MOST_LISTED_VALUES = 20  # numbers that are named in a call


class Expected(NamedTuple):
    """The targets that a network wants of its sequences.

    Attributes:
        lengths: Their numbers of steps: what leaves the network for every sequence.
        X: What the sequences are in calls.
        name: What to call the targets in messages.
        form: How the sequences came.
        one: The layers that would give one target per sequence, in calls.
    """

    lengths: np.ndarray
    X: str
    name: str
    form: str
    one: str

    @property
    def Y(self) -> str:
        return in_code(self.name)

    def kept(self, condition: str) -> str:
        """The code that keeps some observations, by their x and y."""
        return (f"keep = [i for i, (x, y) in enumerate(zip({self.X}, {self.Y})) if {condition}]; "
                f"{self.X} = [{self.X}[i] for i in keep]; {self.Y} = [{self.Y}[i] for i in keep]")


def is_per_step(Y: object) -> bool:
    """Whether this is a list with several labels or numbers per element that could be those of its steps."""
    if isinstance(Y, np.ndarray) and Y.dtype == object and Y.ndim and all(isinstance(y, (np.ndarray, categorical)) for y in Y):
        Y = list(Y)
    if not isinstance(Y, (list, tuple)) or not Y:
        return False
    sizes = {np.size(y) if not isinstance(y, categorical) else y.size for y in Y if not isinstance(y, str)}
    return bool(sizes - {1}) and (len(sizes) > 1 or any(isinstance(y, categorical) or np.ndim(y) > 1 for y in Y))


def elements(Y: object, expected: Expected) -> list[object]:
    """One element per sequence."""
    count = len(expected.lengths)
    if (isinstance(Y, (list, tuple)) and not (count == 1 and Y and all(map(np.isscalar, Y)))) or (isinstance(Y, np.ndarray) and Y.dtype == object and all(isinstance(y, (np.ndarray, categorical, list)) for y in Y)):
        found = list(Y)
    elif count == 1:
        found = [Y]
    else:
        shape = attribute(Y, "shape")
        found = list(Y) if isinstance(shape, tuple) and len(shape) == 2 and shape[1] > 1 else []  # type: ignore[call-overload]
        if not found:
            refuse_one_per_sequence(expected, shape)
    if len(found) == count and count > 1 and all(isinstance(y, (str, int, float, np.generic)) for y in found):
        refuse_one_per_sequence(expected, (count,))
    if len(found) != count:
        fail(f"{FUNCTION}:observationsMismatch", f"{expected.name} has targets of {counted(len(found), 'sequence')}, but "
             f"{expected.X} has {counted(count, 'sequence')}.",
             f"Pass one element per sequence{one_sequence(expected, found)}.")
    return found


def one_sequence(expected: Expected, found: Sequence[object]) -> str:
    """More advice where X is one array, taken for one sequence, and Y says otherwise."""
    if expected.form != "one" or len(found) < 2:
        return ""
    return f". {expected.X} is one sequence; several come in a list"


def refuse_one_per_sequence(expected: Expected, shape: object) -> None:
    size = f" (size {times(shape)})" if isinstance(shape, tuple) else ""
    fail(f"{FUNCTION}:targetsPerSequence", f"{expected.name} has one target per sequence{size}, but the network gives one per "
         "time step.", expected.one or f"Pass a list with the targets of all steps of each sequence as {expected.Y}.")


def check_target_lengths(found: np.ndarray, expected: Expected) -> None:
    """As many targets as steps leave the network."""
    wrong = np.flatnonzero(found != expected.lengths)
    if not wrong.size:
        return
    first = wrong[0]
    hint = f"Leave them out: {expected.kept('np.shape(x)[-1] == np.size(y)')}."
    if wrong.size == len(found):
        hint = "Pass one target per time step."
    fail(f"{FUNCTION}:lengthsMismatch", f"{wrong.size} of {counted(len(found), 'element')} of {expected.name} "
         f"{'has' if wrong.size == 1 else 'have'} other lengths than what the network gives for their sequences; the first is "
         f"observation {first + 1}, with {counted(int(found[first]), 'target')} for "
         f"{counted(int(expected.lengths[first]), 'step')}.", hint)


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
    parts = [as_labels(part, number, expected) for number, part in enumerate(elements(Y, expected))]
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


def as_labels(part: object, number: int, expected: Expected) -> categorical:
    """The labels of a sequence as a categorical; numbers are an error that shows the call to make."""
    if isinstance(part, categorical):
        return part
    array = array_of(part, name=f"{expected.name}[{number}]")
    if array is not None and array.dtype.kind in "iufc" and array.size:
        Y = expected.Y
        values = np.unique(np.concatenate([np.ravel(y) for y in [array]]))
        named = values.tolist() if len(values) <= MOST_LISTED_VALUES else "values"
        made = (f"{Y} = [categorical(y, np.unique(np.concatenate({Y}, axis=None))) for y in {Y}]"
                if len(expected.lengths) > 1 else f"{Y} = categorical({Y}, {named})")
        fail(f"{FUNCTION}:numericLabels", f"{expected.name}[{number}] is numeric, but classification needs categorical labels.",
             f"Use {made}. For regression, end the network with regressionLayer.")
    return categorical(part)


def categories_of(parts: Sequence[categorical]) -> tuple[str, ...]:
    """The categories of all sequences: those that they share, else all, text in the order of the alphabet."""
    own = list(dict.fromkeys(tuple(part.categories) for part in parts))
    return own[0] if len(own) == 1 else tuple(sorted({name for names in own for name in names}))


def placed(codes: np.ndarray, spatial: tuple[int, ...], number: int, expected: Expected) -> np.ndarray:
    """Codes as T, or S…×T where every pixel has one."""
    if spatial:
        if codes.ndim == len(spatial) + 2 and codes.shape[-2] == 1:
            codes = codes[..., 0, :]
        fitting = codes.ndim == len(spatial) + 1 and codes.shape[:-1] == spatial
        wanted = f"{times(spatial)}×T label images"
    else:
        fitting = codes.size == max(codes.shape, default=1)
        codes, wanted = codes.reshape(-1), "T labels, one per time step"
    if not fitting:
        fail(f"{FUNCTION}:responseSizeMismatch", f"{expected.name}[{number}] has size {times(codes.shape)}, but the network "
             f"learns {wanted}.", f"Pass {wanted} per sequence.")
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
    fail(f"{FUNCTION}:unknownClasses", f"{expected.name} contains {show(unknown)}, which {'is' if len(unknown) == 1 else 'are'} "
         f"not among the Classes {show(list(names))} of the output layer; the first is in observation {wrong[0] + 1}.", hint)


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
    place = SequencePlace(size, FUNCTION, expected.name, "the network", target=True)
    if len(expected.lengths) > 1 and not isinstance(Y, (list, tuple)):
        shape = np.shape(Y)
        if shape in ((len(expected.lengths),), (len(expected.lengths), size[-1])):
            refuse_one_per_sequence(expected, shape)
    elif len(expected.lengths) > 1:
        elements(Y, expected)
    if any(attribute(part, "categories") is not None for part in (Y if isinstance(Y, (list, tuple)) else [Y])):
        fail(f"{FUNCTION}:categoricalResponses", f"{expected.name} holds labels, but a network that ends in regressionLayer "
             "learns numbers.", "To learn labels, end the network with softmaxLayer and classificationLayer.")
    responses = read_sequences(Y, place)
    if len(responses) != len(expected.lengths):
        fail(f"{FUNCTION}:observationsMismatch", f"{expected.name} has responses of {counted(len(responses), 'sequence')}, but "
             f"{expected.X} has {counted(len(expected.lengths), 'sequence')}.", "Pass one array per sequence in a list.")
    check_target_lengths(responses.lengths, expected)
    return responses


def check_finite(sequences: Sequences, name: str, also: str = "") -> None:
    """NaN and Inf are errors in data to learn from, and so is what single precision does not hold.

    Args:
        sequences: The sequences.
        name: What to call them in messages.
        also: What follows ``keep = …; X = [X[i] for i in keep]`` in calls.
    """
    code = in_code(name)
    wrong = [number for number, part in enumerate(sequences.parts) if not all_finite(part)]
    if wrong:
        step = int(np.argmin(np.isfinite(sequences.parts[wrong[0]]).all(axis=tuple(range(len(sequences.size))))))
        hint = f"Leave them out: keep = [i for i, x in enumerate({code}) if np.isfinite(x).all()]; " \
               f"{code} = [{code}[i] for i in keep]{also}."
        if sequences.form == "array":
            axes = tuple(axis for axis in range(len(sequences.size) + 2) if axis != len(sequences.size))
            hint = f"Leave them out: keep = np.flatnonzero(np.isfinite({code}).all(axis={axes})); " \
                   f"{code} = {code}[..., keep, :]{also}."
        if len(wrong) == len(sequences):
            hint = (f"Replace them: {code} = [np.nan_to_num(x, posinf=0, neginf=0) for x in {code}]."
                    if sequences.form == "list" else f"Replace them: np.nan_to_num({code}, posinf=0, neginf=0).")
        fail(f"{FUNCTION}:notFinite", f"{name} contains NaN or Inf in {len(wrong)} of {counted(len(sequences), 'sequence')}; the "
             f"first is in observation {wrong[0] + 1}, step {step + 1}.", hint)
    most = np.finfo(np.float32).max
    if sequences.dtype.kind == "f" and sequences.dtype.itemsize > 4 and any(
            part.size and max(-part.min(), part.max()) > most for part in sequences.parts):
        fail(f"{FUNCTION}:tooLarge", f"{name} contains numbers beyond single precision, in which networks are trained.",
             f"Scale them, as in {code} = [x / 1e30 for x in {code}].")
