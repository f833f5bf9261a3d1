"""Sample sequences: recordings of spoken vowels, and synthetic waveforms and a time series made at run time.

As all sample data they repeat bit for bit, and draw from generators of their own.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from dltoolbox.core.nargout import check_nargout, outputs
from dltoolbox.data.categorical import categorical
from dltoolbox.data.samples import check_elements, seeded, whole

VOWELS_FILE = Path(__file__).with_name("japanese_vowels.npz")
TRAINING_VOWELS = 270  # sequences, before those for testing
SPEAKERS = range(1, 10)
WAVEFORMS = ("Sawtooth", "Sine", "Square", "Triangle")
MONTHS = 12
MOST_MONTHS = 100_000


def japaneseVowelsTrainData(nargout: int = 1) -> Any:
    """Spoken vowels for training: which of nine speakers utters a sequence of two Japanese vowels.

    Args:
        nargout: How many of the outputs to return, 1 or 2. Default: 1.

    Returns:
        XTrain: A list of 270 sequences, each 12×T float32 with T from 7 to 26: twelve cepstrum coefficients at every
            step.
        YTrain: Categorical labels (270,) of the speakers '1' to '9', 30 sequences of each, one speaker after the other.

    Raises:
        DltoolboxError: ``dltoolbox:japaneseVowelsTrainData:nargout``.

    Example:
        >>> XTrain, YTrain = japaneseVowelsTrainData(nargout=2)
        >>> len(XTrain), XTrain[0].shape, YTrain.shape
        (270, (12, 20), (270,))

    Note:
        The Japanese Vowels data set of M. Kudo, J. Toyama and M. Shimbo (UCI Machine Learning Repository, CC BY 4.0), with
        all its digits, in single precision; MATLAB's are double.
    """
    check_nargout(nargout, 2, "japaneseVowelsTrainData")
    return outputs(_vowels(slice(0, TRAINING_VOWELS)), nargout, "japaneseVowelsTrainData")


def japaneseVowelsTestData(nargout: int = 1) -> Any:
    """Spoken vowels for testing: as `japaneseVowelsTrainData`, 370 other utterances of the same speakers, with T up to 29.

    Example:
        >>> XTest, YTest = japaneseVowelsTestData(nargout=2)
        >>> len(XTest), max(X.shape[1] for X in XTest)
        (370, 29)
    """
    check_nargout(nargout, 2, "japaneseVowelsTestData")
    return outputs(_vowels(slice(TRAINING_VOWELS, None)), nargout, "japaneseVowelsTestData")


def waveformSequences(numSequences: int = 1000, *, Seed: int = 0, nargout: int = 1) -> Any:
    """Synthetic three-channel sequences of noisy periodic waveforms of four shapes, of several lengths.

    All three channels of a sequence have one shape and one period, with amplitudes and phases of their own. Lengths,
    periods, amplitudes and phases say nothing of the shape.

    Args:
        numSequences: The number N of sequences.
        Seed: Another non-negative integer gives other sequences.
        nargout: How many of the outputs to return, 1 or 2. Default: 1.

    Returns:
        X: A list of N sequences 3×T float32 with T from 80 to 160.
        Y: Categorical labels (N,), 'Sawtooth', 'Sine', 'Square' or 'Triangle', equally often up to one, mixed.

    Raises:
        DltoolboxError: ``dltoolbox:waveformSequences:invalidNumSequences`` and likewise for the other arguments.

    Example:
        >>> X, Y = waveformSequences(40, nargout=2)
        >>> len(X), X[0].shape[0], Y.categories
        (40, 3, ['Sawtooth', 'Sine', 'Square', 'Triangle'])
    """
    check_nargout(nargout, 2, "waveformSequences")
    number = whole(numSequences, "numSequences", "waveformSequences")
    check_elements(number * 3 * 160, "waveformSequences")
    random = seeded(Seed, "waveformSequences")
    kind = random.permutation(np.arange(number) % len(WAVEFORMS))
    lengths = random.randint(80, 161, number)
    periods = random.uniform(16, 40, number)
    amplitudes, phases = random.uniform(0.5, 1.5, (number, 3, 1)), random.uniform(0, 1, (number, 3, 1))
    X = []
    for n in range(number):
        turns = (np.arange(lengths[n]) / periods[n] + phases[n]) % 1
        wave = amplitudes[n] * _waveform(WAVEFORMS[kind[n]], turns) + random.normal(0, 0.1, turns.shape)
        X.append(wave.astype(np.float32))
    return outputs((X, categorical(kind, range(len(WAVEFORMS)), WAVEFORMS)), nargout, "waveformSequences")


def seasonalSeries(numMonths: int = 498, *, Seed: int = 0) -> np.ndarray:
    """A synthetic time series like monthly counts of a disease with a season: one value per month.

    Cases rise and fall with the year; how high they peak drifts from year to year, and every month has noise of its own.
    No recorded cases are among them.

    Args:
        numMonths: The number T of months, at most 100,000.
        Seed: Another non-negative integer gives another series.

    Returns:
        1×T float32: one sequence of one channel, of whole non-negative numbers.

    Raises:
        DltoolboxError: ``dltoolbox:seasonalSeries:invalidNumMonths`` and likewise for the seed.

    Example:
        >>> seasonalSeries().shape
        (1, 498)
    """
    number = whole(numMonths, "numMonths", "seasonalSeries", high=MOST_MONTHS)
    random = seeded(Seed, "seasonalSeries")
    angle = 2 * np.pi * np.arange(number) / MONTHS
    season = 0.9 * np.sin(angle) + 0.25 * np.sin(2 * angle + 1)
    drift, value = np.empty(number), 0.0
    for month, push in enumerate(random.normal(0, 0.07, number)):
        drift[month] = value = 0.9 * value + push
    cases = np.exp(6.5 + season + drift + random.normal(0, 0.05, number))
    return cases.round()[np.newaxis].astype(np.float32)


def _vowels(part: slice) -> tuple[list[np.ndarray], categorical]:
    """Sequences and labels of some of the utterances. The file has millionths plus 2²³ in three planes of bytes."""
    with np.load(VOWELS_FILE) as file:
        planes, lengths, labels = file["planes"].astype(np.int64), file["lengths"], file["labels"][part]
    values = ((planes[0] + (planes[1] << 8) + (planes[2] << 16) - (1 << 23)) / 1e6).astype(np.float32)
    sequences = np.split(values, np.cumsum(lengths.astype(int))[:-1], axis=1)[part]
    return [np.ascontiguousarray(sequence) for sequence in sequences], categorical(labels, SPEAKERS)


def _waveform(kind: str, turns: np.ndarray) -> np.ndarray:
    """One period of a waveform with amplitude 1, at some parts of a turn."""
    if kind == "Sawtooth":
        return 2 * turns - 1
    if kind == "Sine":
        return np.sin(2 * np.pi * turns)
    return np.where(turns < 0.5, 1.0, -1.0) if kind == "Square" else 1 - 4 * np.abs(turns - 0.5)
