"""Draws the training plot of the documentation: ``python -m docs.builder.training_plot``.

A real training of the digits, without a display, so that the plot comes as a file. It is kept with the documents.
"""

from __future__ import annotations

import tempfile
from contextlib import chdir
from pathlib import Path

from dltoolbox import digitTest4DArrayData, digitTrain4DArrayData, rng, trainingOptions, trainNetwork
from dltoolbox.train.observers import training_plot
from dltoolbox.train.observers.surfaces import PngFile
from docs.builder.shared import digits_layers

PICTURE = Path(__file__).parents[1] / "images" / "training-plot.png"


def main() -> None:
    from PIL import Image

    images, labels = digitTrain4DArrayData(nargout=2)
    held_out = digitTest4DArrayData(nargout=2)
    options = trainingOptions("sgdm", InitialLearnRate=0.02, MaxEpochs=8, ValidationData=held_out, ValidationFrequency=20,
                              LearnRateSchedule="piecewise", LearnRateDropPeriod=6, Shuffle="every-epoch", MiniBatchSize=64,
                              Plots="training-progress")
    training_plot.choose_surface = PngFile  # also where there is a display
    rng(0)
    with tempfile.TemporaryDirectory() as folder, chdir(folder):
        trainNetwork(images, labels, digits_layers(), options)
        with Image.open("training-progress.png") as picture:
            small = picture.convert("RGB").resize((1280, 720), Image.Resampling.LANCZOS)
            small.quantize(128).save(PICTURE, optimize=True)


if __name__ == "__main__":
    main()
