"""The training loop: epochs, validation, early stopping, and which network comes out."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from math import inf, isfinite, nan
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from dltoolbox.core.arrays import all_finite
from dltoolbox.core.display import number_text
from dltoolbox.core.errors import fail, warn
from dltoolbox.core.random import stream
from dltoolbox.data.sources.batches import Batch, Batches, MiniBatches
from dltoolbox.engines.engine import Trainable
from dltoolbox.runtime.interrupts import check
from dltoolbox.train.checkpoints import Checkpoints
from dltoolbox.train.metrics import METRICS, as_observations
from dltoolbox.train.observers.observer import Course, Observer, Record, TrainingEnd
from dltoolbox.train.observers.output_functions import OutputFunctions
from dltoolbox.train.observers.training_plot import TrainingPlot
from dltoolbox.train.options import TrainingOptions
from dltoolbox.train.progress import ProgressTable, TrainingInfo, make_info
from dltoolbox.train.solvers import learn_rate, make_solver

COMPLETED, CRITERION, STOPPED = "Max epochs completed.", "Met validation criterion.", "Stopped manually."


class TrainingResult(NamedTuple):
    """The history, and why training ended, as printed: ``Max epochs completed.``"""

    info: TrainingInfo
    reason: str


def train(model: Trainable, data: Batches, options: TrainingOptions, *, validation: Batches | None = None,
          metric: str = "accuracy", initialize: Callable[[], None] | None = None,
          save: Callable[[Path], None] | None = None) -> TrainingResult:
    """Train a model in place; afterwards it holds the network that OutputNetwork asks for.

    Args:
        model: What is trained; see `Trainable`.
        data: The training data.
        options: From `trainingOptions`. ValidationData is not read: it comes encoded as ``validation``.
        validation: The validation data.
        metric: ``'accuracy'`` or ``'rmse'``.
        initialize: Called before the first iteration to compute the input normalisation, which is then announced.
        save: Writes the current network to a file, for CheckpointPath.

    A loss that is NaN or Inf ends training with a warning. The parameters of that iteration came from the step before,
    so the model goes back to the network before that step: the last one whose loss was finite. The same happens when
    in the end a parameter or a statistic is not finite. Ctrl+C ends training with the network as it is, and while
    training is finishing leaves out the rest of that. Whatever else is raised leaves the model finite, too.
    """
    options.validate()
    if options.OutputNetwork == "best-validation" and validation is None:
        fail("trainNetwork:validationDataRequired", "OutputNetwork='best-validation' needs validation data.",
             "Pass ValidationData=(X, Y).")
    return _Training(model, data, options, validation, metric, Checkpoints(options, save)).run(initialize)


class _Best:
    """The smallest validation loss so far, its network if wanted, and how many validations it has stood."""

    def __init__(self, keep: bool) -> None:
        self.keep, self.loss, self.stood = keep, inf, 0
        self.network: Any = None
        self.iteration = 0

    def compare(self, loss: float, model: Trainable, iteration: int) -> None:
        if loss < self.loss:
            self.loss, self.stood, self.iteration = loss, 0, iteration
            self.network = model.snapshot() if self.keep else None
        else:
            self.stood += 1  # larger or equal; NaN too


class _Training:
    """The state of one call of `train`."""

    def __init__(self, model: Trainable, data: Batches, options: TrainingOptions, validation: Batches | None,
                 metric: str, checkpoints: Checkpoints) -> None:
        self.model, self.data, self.options, self.validation = model, data, options, validation
        self.metric = METRICS[metric]
        self.checkpoints = checkpoints
        self.minibatches = MiniBatches(data, options.MiniBatchSize, options.Shuffle, stream("shuffle"))
        total = self.minibatches.total(options.MaxEpochs)
        self.course = Course(options, self.metric.name, validation is not None, total // options.MaxEpochs, total,
                             time.perf_counter())
        self.observers = observers_of(self.course)
        self.solver = make_solver(model.parameters, options)
        self.best = _Best(options.OutputNetwork == "best-validation")
        self.records: list[Record] = []
        self.iteration = 0  # of the network that the model holds: how many steps were taken
        self.good: Any = None
        self.good_iteration = 0
        self.troubles: dict[str, tuple[str, str]] = {}  # what to warn of in the end: identifier, message and advice

    def run(self, initialize: Callable[[], None] | None) -> TrainingResult:
        try:
            return self.begin(initialize)
        except BaseException:
            if self.good is not None:
                self.leave_spoilt()
            for observer in self.observers:
                observer.abandon()
            raise

    def begin(self, initialize: Callable[[], None] | None) -> TrainingResult:
        self.announce("Training on single CPU.")
        if initialize is not None:
            self.announce("Initializing input data normalization.")
            initialize()
        self.keep_good()
        try:
            reason = self.iterate()
        except KeyboardInterrupt:
            reason = STOPPED
        loss, metric = self.finish()
        for observer in self.observers:
            with suppress(KeyboardInterrupt):  # nothing is left to be stopped
                observer.end(TrainingEnd(reason, loss, metric, self.iteration))
        for identifier, words in self.troubles.items():
            warn(identifier, *words)
        return TrainingResult(make_info(self.metric.name, self.records, loss, metric, self.iteration), reason)

    def announce(self, text: str) -> None:
        for observer in self.observers:
            observer.announce(text)

    # Iterations ------------------------------------------------------------------------------------------------------
    def iterate(self) -> str:
        """Epoch after epoch until there is a reason to stop, which is returned."""
        wishes = [observer.begin() for observer in self.observers]
        if any(wishes):
            return STOPPED
        for epoch in range(1, self.options.MaxEpochs + 1):
            rate = learn_rate(self.options, epoch)
            for batch in self.minibatches.epoch():
                reason = self.one_iteration(epoch, batch, rate)
                if reason:
                    return reason
            self.checkpoints.after("epoch", epoch, self.iteration)
        return COMPLETED

    def one_iteration(self, epoch: int, batch: Batch, rate: float) -> str:
        """One step with all that follows it; returns the reason to stop, or an empty string."""
        check()
        with np.errstate(all="ignore"):  # what is not finite is reported by its consequences
            result = self.model.step(*batch[:2], **batch.course)
            figure = self.metric.of(*as_observations(result.predictions, batch))
            record = Record(epoch, self.iteration + 1, self.course.elapsed(), rate, float(result.loss), figure)
            self.records.append(record)
            if not isfinite(record.loss):
                return self.diverge(record)
            self.keep_good()
            self.solver.update(result.gradients, rate)
        self.iteration += 1
        reason = self.judge(record)
        self.note(record, reason)
        self.checkpoints.after("iteration", self.iteration, self.iteration)
        return reason

    def judge(self, record: Record) -> str:
        """Validate where it is due, ask the observers, and say why to stop, if so."""
        reason = ""
        if self.iteration in (1, self.course.iterations) or self.iteration % self.options.ValidationFrequency == 0:
            self.validate(record)
            if self.best.stood >= self.options.ValidationPatience:
                reason = CRITERION
        wishes = [observer.wants_to_stop(record) for observer in self.observers]  # all are asked
        if any(wishes):
            reason = STOPPED
            self.validate(record)
        return reason

    def validate(self, record: Record) -> None:
        """Complete the record with the validation figures, once."""
        if self.validation is not None and record.validation_loss is None:
            record.validation_loss, record.validation_metric = self.measure(self.validation)
            self.best.compare(record.validation_loss, self.model, self.iteration)

    def measure(self, data: Batches) -> tuple[float, float]:
        """Mean loss and figure over all observations, mini-batch by mini-batch."""
        loss = share = total = count = 0.0
        for batch in data.batches(self.options.MiniBatchSize):
            with np.errstate(all="ignore"):
                batch_loss, predictions = self.model.evaluate(*batch[:2], **batch.course)
                more = self.metric.measure(*as_observations(predictions, batch))
            weight = self.metric.loss_weight(batch.targets)
            loss, share = loss + weight * float(batch_loss), share + weight
            total, count = total + more[0], count + more[1]
        return (loss / share if share else nan), self.metric.value(total, count)

    # The last good network -------------------------------------------------------------------------------------------
    def keep_good(self) -> None:
        """Remember the network of the step that has just been found to have a finite loss, if its statistics are, too."""
        if self.good is None or self.model.spoilt_state() is None:
            self.good = self.model.snapshot(self.good)
            self.good_iteration = self.iteration

    def restore_good(self, what: str, identifier: str = "lossNotFinite") -> None:
        self.model.restore(self.good)
        self.iteration = self.good_iteration
        kept = f"the network after iteration {self.iteration}" if self.iteration else "the initial network"
        self.troubles.setdefault(f"trainNetwork:{identifier}", (
            f"{what}; training returns {kept}.", f"Lower InitialLearnRate (now {self.options.InitialLearnRate:g}), set "
            "GradientThreshold, or look for extreme values in the data."))

    def leave_spoilt(self) -> bool:
        """Go back to the last good network if learnables or statistics are NaN or Inf; whether they were."""
        if not all(all_finite(p.value) for p in self.model.parameters):  # the last step of all is not seen by a loss
            self.restore_good(f"The step of iteration {self.iteration} made learnables NaN or Inf")
            return True
        state = self.model.spoilt_state()
        if state is not None:  # of activations that overflow; a normalisation hides them from the loss
            self.restore_good(f"Layer '{state[0]}': {state[1]} is NaN or Inf after training, since what reaches the layer "
                              "is beyond single precision", "statisticsNotFinite")
        return state is not None

    def diverge(self, record: Record) -> str:
        word = number_text(record.loss)
        reason = f"Training loss is {word}."
        self.note(record, reason)
        self.restore_good(f"The loss is {word} at iteration {record.iteration}")
        return reason

    def note(self, record: Record, reason: str) -> None:
        for observer in self.observers:
            observer.note(record, reason)

    # The end ---------------------------------------------------------------------------------------------------------
    def finish(self) -> tuple[float, float]:
        """Choose the network to return, settle its statistics, and measure it; Ctrl+C leaves out what is left of that."""
        self.leave_spoilt()
        if self.best.network is not None:
            self.model.restore(self.best.network)
            self.iteration = self.best.iteration
        figures = nan, nan
        try:
            settled = self.finalize_statistics()
            settled = not self.leave_spoilt() and settled
            figures = self.final_figures(settled)
        except KeyboardInterrupt:
            self.leave_spoilt()
            missing = ", and there are no final validation figures" if self.validation is not None else ""
            self.troubles["trainNetwork:finishingStopped"] = (
                f"Ctrl+C came while training was finishing: batch normalizations may have running averages{missing}.",
                "Pass BatchNormalizationStatistics='moving' if the pass over all training data takes too long.")
        return figures

    def final_figures(self, settled: bool) -> tuple[float, float]:
        """Loss and figure of the chosen network on the validation data; known, if its statistics have not changed since."""
        if self.validation is None:
            return nan, nan
        known = self.records[self.iteration - 1] if self.iteration else None
        if known and not settled and known.validation_loss is not None and known.validation_metric is not None:
            return known.validation_loss, known.validation_metric
        return self.measure(self.validation)

    def finalize_statistics(self) -> bool:
        """Give batch normalisations the statistics of the whole training set; whether there were any to give."""
        if self.options.BatchNormalizationStatistics == "moving":
            return False
        read_all = False

        def batches() -> Iterator[Batch]:
            nonlocal read_all
            yield from self.data.input_batches(self.minibatches.size)
            read_all = True
        with np.errstate(all="ignore"):  # as in training; what is not finite is found afterwards
            self.model.finalize_statistics(batches())
        return read_all


def observers_of(course: Course) -> list[Observer]:
    """Who watches, in the order in which they are told."""
    options = course.options
    observers: list[Observer] = [ProgressTable(course.metric, course.validated, options.Verbose, options.VerboseFrequency,
                                                course.iterations)]
    if options.Plots == "training-progress":
        observers.append(TrainingPlot(course))
    if options.OutputFcn:
        observers.append(OutputFunctions(options.OutputFcn, course))
    return observers
