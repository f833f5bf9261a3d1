"""Sample sequences: sizes, counts, determinism, and that their labels say what the sequences show."""

import numpy as np
import pytest

from dltoolbox.data import countcats, japaneseVowelsTestData, japaneseVowelsTrainData, seasonalSeries, waveformSequences


@pytest.mark.parametrize(("load", "counts", "longest", "first", "total"), [
    (japaneseVowelsTrainData, [30] * 9, 26, 1.860936, 4274),
    (japaneseVowelsTestData, [31, 35, 88, 44, 29, 24, 40, 50, 29], 29, 1.635533, 5687)])
def test_vowels(load, counts, longest, first, total, refused):
    X, Y = load(nargout=2)
    assert isinstance(X, list)
    assert len(X) == len(Y) == sum(counts)
    assert Y.categories == list("123456789")
    assert countcats(Y).tolist() == counts
    lengths = [sequence.shape[1] for sequence in X]
    assert (min(lengths), max(lengths), sum(lengths)) == (7, longest, total)
    for sequence in X:
        assert sequence.shape[0] == 12
        assert sequence.dtype == np.float32
        assert sequence.flags.c_contiguous
        assert sequence.base is None
        assert np.abs(sequence).max() < 2.3
    assert X[0][0, 0] == np.float32(first)
    X[0][:] = 0
    assert load()[0].any()
    with refused(f"{load.__name__}:nargout"):
        load(nargout=3)


def test_speakers_can_be_told_by_their_means():
    (X, Y), (XTest, YTest) = japaneseVowelsTrainData(nargout=2), japaneseVowelsTestData(nargout=2)
    means, unseen = (np.stack([sequence.mean(axis=1) for sequence in part]) for part in (X, XTest))
    nearest = np.linalg.norm(unseen[:, np.newaxis] - means, axis=2).argmin(axis=1)
    assert np.mean(Y.codes[nearest] == YTest.codes) > 0.85


def test_waveforms():
    X, Y = waveformSequences(40, nargout=2)
    assert len(X) == 40
    assert countcats(Y).tolist() == [10] * 4
    assert all(sequence.shape[0] == 3 and 80 <= sequence.shape[1] <= 160 and sequence.dtype == np.float32 for sequence in X)
    assert len({sequence.shape for sequence in X}) > 20
    again, other = waveformSequences(40), waveformSequences(40, Seed=1)
    assert all(np.array_equal(a, b) for a, b in zip(X, again, strict=True))
    assert X[0].shape != other[0].shape or not np.array_equal(X[0], other[0])
    spread = {name: [] for name in Y.categories}  # squares are never small, sines often near their peaks, triangles evenly
    for sequence, label in zip(X, Y, strict=True):
        spread[str(label)].append(np.mean(np.abs(sequence).mean(axis=1) / np.sqrt((sequence**2).mean(axis=1))))
    means = {name: np.mean(values) for name, values in spread.items()}
    assert means["Square"] > 0.97 > means["Sine"] > 0.88 > max(means["Sawtooth"], means["Triangle"])


def test_the_series_has_a_season():
    series = seasonalSeries()
    assert series.shape == (1, 498)
    assert series.dtype == np.float32
    assert np.array_equal(series, series.round())
    assert series.min() > 0
    assert np.array_equal(series, seasonalSeries(Seed=0))
    assert not np.array_equal(series, seasonalSeries(Seed=1))
    logs = np.log(series[0])
    year, half = (np.corrcoef(logs[:-lag], logs[lag:])[0, 1] for lag in (12, 6))
    assert year > 0.7
    assert half < -0.5


@pytest.mark.parametrize(("make", "options", "reason"), [
    (waveformSequences, {"numSequences": 0}, "invalidNumSequences"), (waveformSequences, {"Seed": -1}, "invalidSeed"),
    (waveformSequences, {"nargout": 3}, "nargout"), (waveformSequences, {"numSequences": 10**12}, "tooLarge"),
    (seasonalSeries, {"numMonths": "x"}, "invalidNumMonths"), (seasonalSeries, {"Seed": 0.5}, "invalidSeed"),
    (seasonalSeries, {"numMonths": 10**6}, "invalidNumMonths")])
def test_refusals(make, options, reason, refused):
    with refused(f"{make.__name__}:{reason}"):
        make(**options)
