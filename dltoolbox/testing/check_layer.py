"""`checkLayer`: runs the checks of a layer and says what is wrong, where, and what to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter

import numpy as np

from dltoolbox.core import convert
from dltoolbox.core.dims import ORDER, Dims, times
from dltoolbox.core.display import counted
from dltoolbox.core.errors import DltoolboxError, fail
from dltoolbox.core.nargout import check_nargout
from dltoolbox.core.properties import Configured, Property, show
from dltoolbox.data.layout import networkDataLayout
from dltoolbox.layers.base import Layer
from dltoolbox.network.data_layout import example_dims
from dltoolbox.runtime.console import say
from dltoolbox.testing.checks import CHECKS, FIRST, Check, Context, NotChecked, NotPassed

IMAGES, VOLUMES, SEQUENCES = 4, 5, 2  # ObservationDimension
RANKS = {IMAGES: 2, VOLUMES: 3}
IN_A_LINE = 10  # checks


@dataclass(frozen=True)
class Diagnostic:
    """One check: its name, ``status`` ('Passed', 'Failed', 'Incomplete' or 'Skipped'), and in words what was expected, what
    was found, the likely cause, and what to do. Of skipped ones, ``Found`` is the reason.
    """

    Test: str
    Status: str
    Expected: str = ""
    Found: str = ""
    Cause: str = ""
    Fix: str = ""

    def __str__(self) -> str:
        parts = [("Expected", self.Expected), ("Found", self.Found), ("Likely cause", self.Cause), ("What to do", self.Fix)]
        return "\n".join([f"    {self.Status}: {self.Test}", *(f"        {name}: {text}" for name, text in parts if text)])


@dataclass(frozen=True)
class LayerCheck:
    """The result of `checkLayer`: ``Diagnostics`` of all checks, and how many passed, failed, and so on."""

    Diagnostics: tuple[Diagnostic, ...]
    Seconds: float

    def count(self, status: str) -> int:
        return sum(one.Status == status for one in self.Diagnostics)

    @property
    def Passed(self) -> int:
        return self.count("Passed")

    @property
    def Failed(self) -> int:
        return self.count("Failed")

    @property
    def Incomplete(self) -> int:
        return self.count("Incomplete")

    @property
    def Skipped(self) -> int:
        return self.count("Skipped")

    @property
    def IsValid(self) -> bool:
        """Whether no check failed."""
        return not self.Failed

    def __str__(self) -> str:
        told = [str(one) for one in self.Diagnostics if one.Status in ("Failed", "Incomplete")]
        return "\n".join([*told, f"Test Summary: {self.Passed} Passed, {self.Failed} Failed, {self.Incomplete} Incomplete, "
                          f"{self.Skipped} Skipped.", f"Time elapsed: {self.Seconds:.4g} seconds."])


class _CheckOptions(Configured):
    function = "checkLayer"
    ObservationDimension = Property(convert.optional(convert.integer(1, 6)), None)
    CheckCodegenCompatibility = Property(convert.flag, False)


def checkLayer(layer: object, *sizes: object, nargout: int = 0, **options: object) -> LayerCheck | None:
    """Check that a layer computes what networks need, and that its gradients are right; prints what is wrong.

    Methods are called with data of the given sizes, single and double, with one and several observations; gradients are
    held against differences. Nothing of the layer is changed.

    Args:
        layer: A layer with a class of your own, or any other layer.
        *sizes: ``validInputSize``, the size of one observation, ``[24, 24, 20]``, or a list of sizes for several inputs; or
            a `networkDataLayout` for every input. Then names and values of options in turn.
        nargout: 1 returns the result; with 0, it is printed alone.
        **options: ``ObservationDimension``: which dimension of arrays counts observations: 4 for images, 5 for volumes, 2
            for sequences ``[channels]`` and features. Without it, and without layouts, checks of several observations are
            skipped. ``CheckCodegenCompatibility``: there is no code generation; true is said to have no effect.

    Returns:
        Nothing, or with ``nargout=1`` a `LayerCheck`: ``Passed``, ``Failed``, ``Incomplete`` and ``Skipped`` count checks,
        ``IsValid`` says whether none failed, ``Diagnostics`` lists all.

    Raises:
        DltoolboxError: ``dltoolbox:checkLayer:notALayer``, ``…:notCheckable`` for input and output layers and those whose
            inputs are not data, ``…:invalidSize``, ``…:invalidObservationDimension``, ``…:inputCount``.

    Example:
        >>> checkLayer(reluLayer(), [4, 4, 3], ObservationDimension=4, nargout=1).IsValid  # doctest: +ELLIPSIS
        Running the checks of ReLULayer
        .......... .......
        Done with the checks of ReLULayer
        <BLANKLINE>
        Test Summary: 17 Passed, 0 Failed, 0 Incomplete, 6 Skipped.
        Time elapsed: ... seconds.
        True
    """
    check_nargout(nargout, 1, "checkLayer", least=0)
    if not isinstance(layer, Layer):
        fail("checkLayer:notALayer", f"The first argument of checkLayer must be a layer, but it is {show(layer)}.",
             "Pass a layer, such as PReLU(20) or reluLayer().")
    given, pairs = split_sizes(sizes)
    chosen = _CheckOptions(*pairs, **options)
    check_checkable(layer)
    inputs = input_dims(layer, given, chosen.ObservationDimension)
    several = chosen.ObservationDimension is not None or isinstance(given[0], networkDataLayout)
    notes = [] if several else ["Skipping checks with several observations. To have them, pass ObservationDimension: 4 for "
                                "images, 5 for volumes, 2 for sequences and features."]
    if chosen.CheckCodegenCompatibility:
        notes.append("Skipping checks of code generation: CheckCodegenCompatibility has no effect, since layers are not "
                     "translated to C here.")
    for note in notes:
        say(note)
    result = run_checks(Context(layer, inputs, several))
    say(f"\n{result}")
    return result if nargout else None


def split_sizes(arguments: Sequence[object]) -> tuple[list[object], list[object]]:
    """Sizes or layouts, and name-value pairs, which begin with the first text."""
    first = next((at for at, value in enumerate(arguments) if isinstance(value, str)), len(arguments))
    if not first:
        fail("checkLayer:invalidSize", "checkLayer needs the size of the layer's input.",
             "Call checkLayer(layer, [24, 24, 20], ObservationDimension=4), with the size of one observation.")
    return list(arguments[:first]), list(arguments[first:])


def check_checkable(layer: Layer) -> None:
    inputs, outputs = layer.inputs(), layer.outputs()
    special = [port for port in (*inputs, *outputs) if port in ("indices", "size", "miniBatchSize")]
    if not inputs or not outputs or special or layer.nested is not None:
        what = ("has no input" if not inputs else "has no output" if not outputs else "holds a network" if layer.nested
                else f"has the port '{special[0]}', which passes no data")
        fail("checkLayer:notCheckable", f"{layer.label()} {what}, so that it cannot be checked by itself.",
             "Check it in a network: analyzeNetwork(layers), then trainNetwork.", layer=layer.Name)


def input_dims(layer: Layer, given: Sequence[object], observations: int | None) -> tuple[Dims, ...]:
    """Labelled sizes of the inputs."""
    if all(isinstance(one, networkDataLayout) for one in given):
        found = [example_dims(one, None, "checkLayer") for one in given]
    else:
        if len(given) > 1:
            fail("checkLayer:invalidSize", f"{show(given[1])} is left over.",
                 "Pass the sizes of several inputs in one list: checkLayer(layer, [[24, 24, 20], [24, 24, 20]]).")
        listed_sizes = convert.items_of(given[0])
        nested = any(isinstance(one, (list, tuple, np.ndarray)) for one in listed_sizes)
        found = [dims_of(size, observations) for size in (listed_sizes if nested else [given[0]])]
    if len(found) != layer.NumInputs:
        fail("checkLayer:inputCount", f"{layer.label()} has {counted(layer.NumInputs, 'input')}, but got "
             f"{counted(len(found), 'size')}.", "Pass one size per input, in a list, or one networkDataLayout per input.",
             layer=layer.Name)
    return tuple(found)


def dims_of(size: object, observations: int | None) -> Dims:
    """The format that a size means: S…C, with as many S as ``observations`` says, or as there are sizes before the last."""
    numbers = convert.integers(size)
    if not numbers or len(numbers) > VOLUMES:
        fail("checkLayer:invalidSize", f"The size of an input must be a vector such as [24, 24, 20], but it is "
             f"{show(size)}.",
             "Pass the size of one observation: height, width, channels; or the number of channels.")
    if observations is not None and observations not in (SEQUENCES, IMAGES, VOLUMES):
        fail("checkLayer:invalidObservationDimension", f"ObservationDimension is {observations}.",
             "Pass 4 for images, 5 for volumes, 2 for sequences and features; or describe the data: checkLayer(layer, "
             "networkDataLayout([24, 24, 20, NaN], 'SSCB')).")
    if observations == SEQUENCES:
        labels = "CBT"[:len(numbers)] if len(numbers) <= 3 else "S" * (len(numbers) - 3) + "CBT"
        sized = dict(zip(labels, numbers, strict=True)) | {"B": None, "T": None}
        labels = labels if "B" in labels else "CB"
    else:
        rank = RANKS.get(observations or 0, len(numbers) - 1 if len(numbers) < IMAGES or observations else 2)
        if observations is None and len(numbers) == IMAGES:
            rank = 3
        if len(numbers) not in (rank + 1, rank + 2):
            fail("checkLayer:invalidSize", f"ObservationDimension={observations} needs {counted(rank, 'spatial size')} and "
                 f"the number of channels, but the size is {times(numbers)}.",
                 f"Pass {'[24, 24, 20]' if rank == 2 else '[8, 8, 8, 3]'}, or another ObservationDimension.")
        return Dims("S" * rank + "CB", (*numbers[:rank + 1], None))
    pairs = sorted(((label, sized[label]) for label in labels), key=lambda pair: ORDER.index(pair[0]))
    return Dims("".join(label for label, _ in pairs), tuple(n for _, n in pairs))


def run_checks(context: Context) -> LayerCheck:
    """All checks, one after the other; each is a point on the line that is printed, or a letter where it did not pass."""
    name = type(context.layer).__name__
    say(f"Running the checks of {name}")
    start, found, marks = perf_counter(), list[Diagnostic](), ""
    broken = ""
    with np.errstate(all="ignore"):
        for check in CHECKS:
            found.append(Diagnostic(check.__name__, "Skipped", Found=f"{broken} comes first") if broken else
                         outcome_of(check, context))
            if check in FIRST and found[-1].Status == "Failed":
                broken = check.__name__
            marks += {"Passed": ".", "Failed": "F", "Incomplete": "I"}.get(found[-1].Status, "")
    say(" ".join(marks[at:at + IN_A_LINE] for at in range(0, len(marks), IN_A_LINE)))
    say(f"Done with the checks of {name}")
    return LayerCheck(tuple(found), perf_counter() - start)


def outcome_of(check: Check, context: Context) -> Diagnostic:
    """The outcome of a check. An error of the layer is one failure, that of the check which calls the method first."""
    name = check.__name__
    try:
        check(context)
    except NotChecked as why:
        return Diagnostic(name, "Skipped", Found=str(why))
    except NotPassed as problem:
        return Diagnostic(name, problem.status, problem.expected, problem.found, problem.cause, problem.fix)
    except DltoolboxError as error:
        issue = error.issues[0]
        if issue.identifier in context.told:
            return Diagnostic(name, "Skipped", Found=f"as {context.told[issue.identifier]}")
        context.told[issue.identifier] = name
        return Diagnostic(name, "Failed", "a call without an error", issue.message, Fix=issue.hint)
    except Exception as error:  # results that nobody expected
        return Diagnostic(name, "Failed", "results that the check can look at", f"{type(error).__name__}: {error}")
    return Diagnostic(name, "Passed")
