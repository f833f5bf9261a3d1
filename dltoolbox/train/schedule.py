"""How the learning rate changes from epoch to epoch."""

from __future__ import annotations

from dltoolbox.train.options import TrainingOptions


def learn_rate(options: TrainingOptions, epoch: int) -> float:
    """Base learning rate of an epoch (1-based): a₀, or a₀·factor^⌊(epoch − 1)/period⌋ for 'piecewise'."""
    if options.LearnRateSchedule == "none":
        return options.InitialLearnRate
    drops = (epoch - 1) // options.LearnRateDropPeriod
    return options.InitialLearnRate * options.LearnRateDropFactor ** drops
