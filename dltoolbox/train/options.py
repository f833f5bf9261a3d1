"""`trainingOptions`: what a solver should do, as MATLAB names it; Precision alone is our own.

Every documented option is declared, so that a ported call is understood as a whole. Options that only say how MATLAB gets
to the same result are checked and have no effect. Another option that this release cannot act on accepts its default only;
any other value is refused when the options are made, never ignored in training.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from typing import ClassVar, NoReturn, TypeVar

import numpy as np

from dltoolbox.core.arrays import array_of
from dltoolbox.core.convert import Convert, Function, choice, flag, integer, real, text, word_or_count
from dltoolbox.core.display import aligned, size_and_class, table_html, title_html, value_text
from dltoolbox.core.errors import IssueCollector, fail
from dltoolbox.core.properties import Configured, InvalidValue, Property, did_you_mean, match, show
from dltoolbox.engines.environments import execution_environment
from dltoolbox.train.tables import is_table

T = TypeVar("T")
MOST_WORKERS = 1 << 16


# Conversions that only training options need -------------------------------------------------------------------------
def now_only(*supported: object, of: Convert[T], hint: str) -> Convert[T]:
    """A documented option with some values that this release supports; others are valid, and refused as such."""
    words = " or ".join("[]" if value is None else repr(value) for value in supported)

    def narrowed(value: object) -> T:
        try:
            got = of(value)
        except InvalidValue:
            raise InvalidValue(words) from None
        if got not in supported:
            raise InvalidValue(f"{words} in this release", hint, "notYetSupported")
        return got
    return narrowed


def is_empty(value: object) -> bool:
    """None, ``[]`` and MATLAB's other spellings of 'not set'."""
    return value is None or (isinstance(value, (list, tuple)) and not value) or (
        isinstance(value, np.ndarray) and value.size == 0)


def anything(value: object) -> str | float | None:
    """Any value, for options with one supported value; anything but text and numbers becomes text, so that it can
    be compared.
    """
    if is_empty(value):
        return None
    return value if isinstance(value, (str, int, float)) else show(value)


def count_or_inf(value: object) -> float:
    """A positive integer, or Inf for no limit."""
    if isinstance(value, (float, np.floating)) and value == np.inf:
        return np.inf
    try:
        return integer()(value)
    except InvalidValue:
        raise InvalidValue("a positive integer or Inf") from None


def validation_pair(value: object) -> tuple[object, ...] | None:
    """``(X, Y)``, or a table alone; kept as they are, not copied. They are checked when training starts."""
    if is_table(value):
        return (value,)
    if is_empty(value):
        return None
    if isinstance(value, (list, tuple)) and len(value) == 2:
        return value[0], value[1]
    raise InvalidValue("a pair (X, Y) of predictors and responses, or a table", "Pass ValidationData=(X, Y).")


def functions(value: object) -> tuple[Function, ...] | None:
    """One function or a list of functions, as a tuple."""
    if is_empty(value):
        return None
    items = tuple(value) if isinstance(value, (list, tuple)) else (value,)
    if all(callable(item) for item in items):
        return items
    raise InvalidValue("a function or a list of functions", "Pass OutputFcn=f, where f(info) returns True to stop.")


def worker_load(value: object) -> float | tuple[float, ...] | None:
    """A fraction of 1, a number of workers, or the load of each of several; not all of them without work."""
    if is_empty(value):
        return None
    numbers = array_of(value)
    if (numbers is None or numbers.dtype.kind not in "fiu" or numbers.size > MOST_WORKERS or not np.isfinite(numbers).all()
            or (numbers < 0).any() or not numbers.any()
            or (numbers.size == 1 and numbers.item() > 1 and numbers.item() % 1)):
        raise InvalidValue("a fraction of the workers, their number, or a vector with the load of each")
    return float(numbers.item()) if numbers.size == 1 else tuple(map(float, numbers.reshape(-1)))


def measured(value: object) -> str | None:
    """The name of a metric, alone or in a list; one that training measures by itself, or none."""
    if is_empty(value):
        return None
    try:
        names = [choice(*_METRICS)(name) if isinstance(name, str) else "" for name in (
            value if isinstance(value, (list, tuple)) else [value])]
    except InvalidValue:
        raise InvalidValue("'accuracy', 'rmse' or []") from None
    if len(names) == 1 and names[0] in ("accuracy", "rmse"):
        return names[0]
    raise InvalidValue("'accuracy', 'rmse' or [] in this release", "Training shows accuracy or RMSE by itself; leave the "
                       "option out, and compute other metrics from predictions.", "notYetSupported")


def learn_rate_schedule(value: object) -> str:
    """'none' or 'piecewise'; the schedules of newer releases are named, and refused."""
    try:
        word = choice("none", "piecewise", "warmup", "polynomial", "exponential", "cosine", "cyclical")(value)
    except InvalidValue:
        if callable(value) or isinstance(value, (list, tuple)):
            word = "other"
        else:
            raise InvalidValue("'none' or 'piecewise'") from None
    if word in ("none", "piecewise"):
        return word
    raise InvalidValue("'none' or 'piecewise' in this release",
                       "Use 'piecewise' with LearnRateDropFactor and LearnRateDropPeriod.", "notYetSupported")


def output_network(value: object) -> str:
    """The network to return; 'best-validation-loss' is the name before R2023b."""
    word = choice("auto", "last-iteration", "best-validation", "best-validation-loss")(value)
    return "best-validation" if word == "best-validation-loss" else word


_METRICS = ("accuracy", "auc", "fscore", "precision", "recall", "rmse", "mape", "rsquared")
_FOR_TRAINNET = "The option belongs to trainnet, which is not available yet; leave it out."
_HARMLESS = "accepted, and changes nothing here"


def _option(convert: Convert[T], default: object, doc: str) -> Property[T]:
    return Property(convert, default, doc, settable=True)


class TrainingOptions(Configured):
    """Options common to the stochastic solvers, in the order in which MATLAB displays them."""

    function = "trainingOptions"
    solver: ClassVar[str] = ""
    InitialLearnRate: Property[float]  # declared by each solver, as the defaults differ

    MaxEpochs = _option(integer(), 30, "Number of passes over the training data.")
    LearnRateSchedule = _option(learn_rate_schedule, "none", "'none', or 'piecewise': drop the rate every few epochs.")
    LearnRateDropFactor = _option(real(0, 1), 0.1, "Factor of each drop ('piecewise' only).")
    LearnRateDropPeriod = _option(integer(), 10, "Number of epochs between drops ('piecewise' only).")
    MiniBatchSize = _option(integer(), 128, "Observations per iteration; an incomplete last mini-batch is dropped.")
    Shuffle = _option(choice("once", "never", "every-epoch"), "once", "When to put the observations in random order: "
                      "'once', 'never' or 'every-epoch'.")
    CheckpointFrequency = _option(integer(), 1, "Epochs or iterations between checkpoints.")
    CheckpointFrequencyUnit = _option(choice("epoch", "iteration"), "epoch", "Unit of CheckpointFrequency: 'epoch' or "
                                      "'iteration'.")
    SequenceLength = _option(word_or_count("longest", "shortest"), "longest", "How the sequences of a mini-batch come to "
                             "one length: 'longest' pads, 'shortest' cuts, a number of steps makes pieces, one iteration "
                             "each, that go on with the states of recurrent layers.")
    PreprocessingEnvironment = _option(choice("serial", "background", "parallel"), "serial", "How MATLAB prepares "
                                       f"mini-batches: 'serial', 'background' or 'parallel'; {_HARMLESS}.")
    L2Regularization = _option(real(0), 1e-4, "Factor of the weight decay, times each learnable's own L2 factor.")
    GradientThresholdMethod = _option(choice("l2norm", "global-l2norm", "absolute-value"), "l2norm", "Quantity that "
                                      "GradientThreshold limits: 'l2norm' of each learnable, 'global-l2norm' of all "
                                      "of them, or the 'absolute-value' of each derivative.")
    GradientThreshold = _option(real(0, low_open=True, infinite=True), np.inf, "Gradients beyond it are clipped.")
    Verbose = _option(flag, True, "Whether to print the table of progress.")
    VerboseFrequency = _option(integer(), 50, "Iterations between rows of the table.")
    ValidationData = _option(validation_pair, None, "A pair (X, Y) to validate with, a table, or [].")
    ValidationFrequency = _option(integer(), 50, "Iterations between validations.")
    ValidationPatience = _option(count_or_inf, np.inf, "Stop when the validation loss has so many times not been "
                                 "smaller than its smallest value.")
    ObjectiveMetricName = _option(now_only("loss", of=text, hint=_FOR_TRAINNET), "loss", "Only 'loss' for now.")
    CheckpointPath = _option(text, "", "Existing folder to save networks to during training; '' for none.")
    ExecutionEnvironment = _option(execution_environment, "auto", "'auto', 'cpu', 'gpu', 'multi-gpu', 'parallel', "
                                   "'parallel-auto', 'parallel-cpu' or 'parallel-gpu'. All of them are the CPU in this "
                                   "release; one warning per session says so of others than 'auto' and 'cpu'.")
    OutputFcn = _option(functions, None, "Function or list of functions called with the state of training after each "
                        "iteration; one that returns True stops training.")
    Metrics = _option(measured, None, "'accuracy' for classification, or 'rmse' for regression, which training shows in any "
                      "case, or [].")
    Plots = _option(choice("none", "training-progress"), "none", "'training-progress' draws accuracy or RMSE and loss during"
                    " training: in a window, a notebook, or else a PNG file. It needs Matplotlib.")
    SequencePaddingValue = _option(real(), 0, "Value that sequences are padded with; padding has no influence on any "
                                   "result, and neither has this value.")
    SequencePaddingDirection = _option(choice("right", "left"), "right", "Side on which 'shortest' cuts sequences, and from "
                                       "which pieces are counted; with 'longest' both sides are the same.")
    InputDataFormats = _option(now_only("auto", of=anything, hint=_FOR_TRAINNET), "auto", "Only 'auto' for now.")
    TargetDataFormats = _option(now_only("auto", of=anything, hint=_FOR_TRAINNET), "auto", "Only 'auto' for now.")
    ResetInputNormalization = _option(flag, True, "Whether to compute the statistics of input normalization again "
                                      "where the input layer has them already.")
    BatchNormalizationStatistics = _option(choice("auto", "population", "moving"), "auto", "'population': statistics "
                                           "of all training data, computed after the last iteration; 'moving': the "
                                           "running averages; 'auto' is 'population'.")
    OutputNetwork = _option(output_network, "auto", "'last-iteration', or 'best-validation' for the network of the "
                            "smallest validation loss; 'auto' is 'last-iteration'.")
    Acceleration = _option(choice("auto", "none"), "auto", "'auto' or 'none'; changes nothing here.")
    CategoricalInputEncoding = _option(now_only("integer", of=choice("integer", "one-hot"), hint=_FOR_TRAINNET),
                                       "integer", "Only 'integer' for now.")
    CategoricalTargetEncoding = _option(now_only("auto", of=choice("auto", "integer", "one-hot"), hint=_FOR_TRAINNET),
                                        "auto", "Only 'auto' for now.")
    WorkerLoad = _option(worker_load, None, "How MATLAB divides the work among the workers of a parallel pool: a "
                         f"fraction or number of workers, or one number for each; {_HARMLESS}.")
    DispatchInBackground = _option(flag, False, "Whether MATLAB reads ahead in the background; older name of "
                                   f"PreprocessingEnvironment='background'; {_HARMLESS}.")
    Precision = _option(choice("default", "fast"), "default", "Not an option of MATLAB: 'fast' permits algorithms of "
                        "convolution whose rounding errors are about ten times larger: some 1e-5 of the largest magnitude "
                        "within 4 positions, which is more than small results beside very large ones.")

    def __init_subclass__(cls, **kwargs: object) -> None:
        """The options of the solver stand before the common ones."""
        super().__init_subclass__(**kwargs)
        own = {name: prop for name, prop in cls.properties.items() if name in vars(cls)}
        cls.properties = own | cls.properties

    def __init__(self, *pairs: object, **options: object) -> None:
        issues = IssueCollector()
        pairs, options = self._set_aside_foreign(pairs, options, issues)
        with issues.collect():
            super().__init__(*pairs, **options)
        issues.raise_if_any()

    def _set_aside_foreign(self, pairs: tuple[object, ...], options: dict[str, object],
                           issues: IssueCollector) -> tuple[tuple[object, ...], dict[str, object]]:
        """Report the options that only other solvers have, and return the rest for the ordinary checks."""
        def is_foreign(name: object) -> bool:
            owners = _owners(name) if isinstance(name, str) and match(name, self.properties) is None else {}
            for proper, solvers in owners.items():
                _report_foreign(proper, self.solver, solvers, issues)
            return bool(owners)

        if len(pairs) % 2 == 0:  # otherwise they are no pairs, and `Configured` says so
            pairs = tuple(item for at in range(0, len(pairs), 2) if not is_foreign(pairs[at])
                          for item in pairs[at:at + 2])
        return pairs, {name: value for name, value in options.items() if not is_foreign(name)}

    def validate(self) -> None:
        if self.OutputNetwork == "best-validation" and self.ValidationData is None:
            fail("trainingOptions:validationDataRequired", "OutputNetwork='best-validation' needs validation data.",
                 "Pass ValidationData=(X, Y), or OutputNetwork='last-iteration'.")

    def __str__(self) -> str:
        rows = aligned((prop.name, value_text(value)) for prop, value in self.values())
        return f"  {type(self).__name__} with properties:\n\n{rows}\n"

    def _changed(self) -> list[tuple[str, object]]:
        """The options that differ from their defaults."""
        return [(prop.name, value) for prop, value in self.values() if not _same(value, prop.converted(prop.default, self))]

    def _repr_html_(self) -> str:
        """For notebooks: what differs from the defaults, and behind a title all of them."""
        def table(title: str, pairs: Iterable[tuple[str, object]], *, folded: bool) -> str:
            rows = [(name, value_text(value)) for name, value in pairs]
            return table_html(title, ["Option", "Value"], rows, folded=folded)
        every = [(prop.name, value) for prop, value in self.values()]
        changed = self._changed()
        title = f"{type(self).__name__}: {'changed options' if changed else 'all options are the defaults'}"
        return (table(title, changed, folded=False) if changed else title_html(title)) + table(
            f"All {len(every)} options", every, folded=True)

    def __repr__(self) -> str:
        changed = [f"{name}={_code(value)}" for name, value in self._changed()]
        return f"trainingOptions({', '.join([repr(self.solver), *changed])})"


class TrainingOptionsSGDM(TrainingOptions):
    """Stochastic gradient descent with momentum."""

    solver = "sgdm"

    Momentum = _option(real(0, 1), 0.9, "Contribution of the previous step.")
    InitialLearnRate = _option(real(0, low_open=True), 0.01, "Learning rate of the first epoch.")


class TrainingOptionsRMSProp(TrainingOptions):
    """Root mean square propagation."""

    solver = "rmsprop"

    SquaredGradientDecayFactor = _option(real(0, 1, high_open=True), 0.9, "Decay of the average of squared gradients.")
    Epsilon = _option(real(0, low_open=True), 1e-8, "Offset of the denominator.")
    InitialLearnRate = _option(real(0, low_open=True), 0.001, "Learning rate of the first epoch.")


class TrainingOptionsADAM(TrainingOptions):
    """Adaptive moment estimation."""

    solver = "adam"

    GradientDecayFactor = _option(real(0, 1, high_open=True), 0.9, "Decay of the average of gradients.")
    SquaredGradientDecayFactor = _option(real(0, 1, high_open=True), 0.999,
                                         "Decay of the average of squared gradients.")
    Epsilon = _option(real(0, low_open=True), 1e-8, "Offset of the denominator.")
    InitialLearnRate = _option(real(0, low_open=True), 0.001, "Learning rate of the first epoch.")


OPTIONS_BY_SOLVER: dict[str, type[TrainingOptions]] = {
    cls.solver: cls for cls in (TrainingOptionsSGDM, TrainingOptionsRMSProp, TrainingOptionsADAM)}
_TOLERANCES = ("MaxIterations", "GradientTolerance", "StepTolerance")
LATER: dict[str, tuple[str, ...]] = {
    "lbfgs": (*_TOLERANCES, "LineSearchMethod", "HistorySize", "InitialInverseHessianFactor", "InitialStepSize",
              "MaxNumLineSearchIterations"),
    "lm": (*_TOLERANCES, "InitialDampingFactor", "MaxDampingFactor", "DampingIncreaseFactor", "DampingDecreaseFactor"),
}


def _owners(name: str) -> dict[str, list[str]]:
    """The option so called (in any case) with the solvers that have it; empty for an unknown name."""
    owners: dict[str, list[str]] = {}
    known = [(solver, list(cls.properties)) for solver, cls in OPTIONS_BY_SOLVER.items()]
    for solver, options in [*known, *((solver, list(names)) for solver, names in LATER.items())]:
        for option in options:
            if option.lower() == name.lower():
                owners.setdefault(option, []).append(solver)
    return owners


def _report_foreign(option: str, solver: str, owners: list[str], issues: IssueCollector) -> None:
    who = " and ".join(repr(owner) for owner in owners)
    plural = "solvers" if len(owners) > 1 else "solver"
    available = [owner for owner in owners if owner in OPTIONS_BY_SOLVER]
    hint = f"Remove it, or call trainingOptions('{available[0]}', {option}=…)." if available else "Remove it."
    issues.add("trainingOptions:optionOfOtherSolver",
               f"'{option}' is an option of the {plural} {who}, not of '{solver}'.", hint)


def _same(a: object, b: object) -> bool:
    return a is b or (isinstance(a, (str, int, float)) and a == b)


def _code(value: object) -> str:
    """A value on one line: functions by their name, data by their size."""
    if isinstance(value, tuple):
        return f"({', '.join(map(_code, value))}{',' if len(value) == 1 else ''})"
    if callable(value):
        return str(getattr(value, "__name__", type(value).__name__))
    return repr(value) if isinstance(value, (str, int, float)) else f"<{size_and_class(value)}>"


def trainingOptions(solverName: str, *pairs: object, **options: object) -> TrainingOptions:
    """Options for training a network.

    Options are given as ``MaxEpochs=5`` or as ``'MaxEpochs', 5``, in any letter case. All the problems of one call are
    reported together. The options can be changed afterwards: ``options.MaxEpochs = 10``.

    Parameters
    ----------
    solverName : {'sgdm', 'rmsprop', 'adam'}
        Stochastic gradient descent with momentum, root mean square propagation, or adaptive moment estimation.
    *pairs
        Names and values in turn, as MATLAB writes them.
    {options}

    Returns
    -------
    TrainingOptionsSGDM, TrainingOptionsRMSProp or TrainingOptionsADAM
        ``print`` shows every option.

    Raises
    ------
    DltoolboxError
        For an unknown option, an option of another solver, a value that is not allowed, and for a value that this
        release does not support (``dltoolbox:trainingOptions:notYetSupported``).

    Examples
    --------
    >>> options = trainingOptions('sgdm', InitialLearnRate=0.05, MaxEpochs=4)
    >>> options.MaxEpochs
    4
    >>> options
    trainingOptions('sgdm', InitialLearnRate=0.05, MaxEpochs=4)
    """
    low = solverName.lower() if isinstance(solverName, str) else ""
    if low not in OPTIONS_BY_SOLVER:
        _refuse_solver(solverName, low)
    return OPTIONS_BY_SOLVER[low](*pairs, **options)


def _refuse_solver(name: object, low: str) -> NoReturn:
    if low in LATER:
        fail("trainingOptions:solverNotAvailable", f"The solver '{low}' is not available in this release.",
             f"Use one of {', '.join(map(repr, OPTIONS_BY_SOLVER))}.")
    known = ", ".join(map(repr, OPTIONS_BY_SOLVER))
    fail("trainingOptions:unknownSolver", f"The solver must be one of {known}, but it is {show(name)}.",
         did_you_mean(low, OPTIONS_BY_SOLVER) or "Call for example trainingOptions('sgdm').")


def _every_option() -> dict[str, list[tuple[str, Property[object]]]]:
    """Each option with the solvers that have it; those of one solver first."""
    table: dict[str, list[tuple[str, Property[object]]]] = {}
    common = TrainingOptions.properties
    for solver, cls in OPTIONS_BY_SOLVER.items():
        for name, prop in cls.properties.items():
            if name not in common:
                table.setdefault(name, []).append((solver, prop))
    return table | {name: [(solver, prop) for solver in OPTIONS_BY_SOLVER] for name, prop in common.items()}


def _documented(table: dict[str, list[tuple[str, Property[object]]]]) -> str:
    """The option entries of the docstring, one per option with its defaults."""
    lines = []
    for name, entries in table.items():
        if len({prop.default for _, prop in entries}) == 1:
            only = "" if len(entries) == len(OPTIONS_BY_SOLVER) else f" ({', '.join(solver for solver, _ in entries)})"
            default = f"{_default_text(entries[0][1])}{only}"
        else:
            default = ", ".join(f"{_default_text(prop)} ({solver})" for solver, prop in entries)
        lines += [f"{name} : default {default}", f"    {entries[0][1].doc}"]
    return "\n    ".join(lines)


def _default_text(prop: Property[object]) -> str:
    return "[]" if prop.default is None else repr(prop.default)


def _signature(table: dict[str, list[tuple[str, Property[object]]]]) -> inspect.Signature:
    """Every option by keyword, for editors; ``...`` where the solvers have different defaults."""
    kind = inspect.Parameter
    options = [kind(name, kind.KEYWORD_ONLY,
                    default=entries[0][1].default if len({p.default for _, p in entries}) == 1 else ...)
               for name, entries in table.items()]
    return inspect.Signature([kind("solverName", kind.POSITIONAL_OR_KEYWORD, annotation=str),
                              kind("pairs", kind.VAR_POSITIONAL), *options], return_annotation=TrainingOptions)


trainingOptions.__doc__ = (trainingOptions.__doc__ or "").replace("{options}", _documented(_every_option()))
trainingOptions.__signature__ = _signature(_every_option())  # type: ignore[attr-defined]
