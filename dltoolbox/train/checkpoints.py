"""Networks saved during training."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from dltoolbox.core.errors import fail
from dltoolbox.train.options import TrainingOptions

SUFFIX = ".dlnet"


class Checkpoints:
    """Saves the network to CheckpointPath every CheckpointFrequency epochs or iterations.

    Args:
        options: The training options.
        save: Writes the current network to a file; needed when CheckpointPath is set.
    """

    def __init__(self, options: TrainingOptions, save: Callable[[Path], None] | None) -> None:
        self.folder = Path(options.CheckpointPath) if options.CheckpointPath else None
        self.frequency, self.unit = options.CheckpointFrequency, options.CheckpointFrequencyUnit
        self.save = save
        if self.folder is None:
            return
        if not os.path.isdir(self.folder):
            fail("trainingOptions:checkpointPathNotFound", f"CheckpointPath '{self.folder}' is not an existing folder.",
                 "Create it, or pass CheckpointPath=''.")
        if save is None:
            fail("trainingOptions:checkpointsNotSupported", "This kind of network cannot be saved during training.",
                 "Pass CheckpointPath=''.")

    def after(self, unit: str, number: int, iteration: int) -> None:
        """Called after epoch or iteration ``number``."""
        if self.folder and self.save and unit == self.unit and number % self.frequency == 0:
            stamp = datetime.now().strftime("%Y_%m_%d__%H_%M_%S")
            self.save(self.folder / f"net_checkpoint__{iteration}__{stamp}{SUFFIX}")
