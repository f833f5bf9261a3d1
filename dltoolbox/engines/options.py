"""The options of predict and its kin, and which of their arguments are data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from dltoolbox.core import convert
from dltoolbox.core.properties import Configured, InvalidValue, Property
from dltoolbox.engines.environments import execution_environment
from dltoolbox.engines.formats import data_formats
from dltoolbox.layers.outputs import class_names


def _of_datastores(value: object) -> None:
    """Nothing: labels are returned, and only those of a datastore would be written into files."""
    if value is not None:
        raise InvalidValue("left out for images in an array", "Only labels of the images of a datastore are written, and "
                           "there are no datastores in this release. Save what is returned, for example with np.save.",
                           "notInThisRelease")


class RunOptions(Configured):
    """Options that all of these functions take, and what the data are called."""

    argument = "X"

    MiniBatchSize = Property(convert.integer(1), 128)
    ExecutionEnvironment = Property(execution_environment, "auto")
    Acceleration = Property(convert.choice("auto", "mex", "none"), "auto")  # how MATLAB compiles; nothing here depends on it


class SequenceOptions(RunOptions):
    """How sequences are taken: whole, cut to the shortest of a mini-batch, or in pieces of so many steps.

    The direction says at which end they are cut, and where results are padded that become one array. No result depends on
    the values of padding.
    """

    SequenceLength = Property(convert.word_or_count("longest", "shortest"), "longest")
    SequencePaddingDirection = Property(convert.choice("right", "left"), "right")
    SequencePaddingValue = Property(convert.real(), 0)


class PredictOptions(SequenceOptions):
    function = "predict"
    ReturnCategorical = Property(convert.flag, False)


class PredictOutputsOptions(SequenceOptions):
    """Options of predict for a dlnetwork."""

    function = "predict"
    Outputs = Property(convert.texts, ())
    InputDataFormats = Property(data_formats, "auto")
    OutputDataFormats = Property(data_formats, "auto")
    UniformOutput = Property(convert.optional(convert.flag), None)  # None: in the form in which the data came


class MiniBatchPredictOptions(PredictOutputsOptions):
    function = "minibatchpredict"


class ClassifyOptions(SequenceOptions):
    function = "classify"


class SegmentOptions(RunOptions):
    function = "semanticseg"
    argument = "I"
    OutputType = Property(convert.choice("categorical", "double", "uint8"), "categorical")
    Classes = Property(class_names, "auto")
    Verbose = Property(convert.flag, True)  # of the progress through a datastore
    WriteLocation = Property(_of_datastores, None)
    NamePrefix = Property(_of_datastores, None)


class ActivationsOptions(SequenceOptions):
    function = "activations"
    OutputAs = Property(convert.choice("channels", "rows", "columns"), "channels")


def data_and_layer(arguments: Sequence[object]) -> tuple[list[Any], list[Any]]:
    """Arrays first, then the layer, by name or number, with what follows it."""
    layer = next((i for i, value in enumerate(arguments) if i and np.isscalar(value)), 1)
    return list(arguments[:layer]), list(arguments[layer:])
