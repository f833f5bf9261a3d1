"""Sequences of several lengths: the forms in which they come, mini-batches of them, and advice that works when followed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dltoolbox.core.errors import DltoolboxError
from dltoolbox.data.sources.sequence_forms import SequencePlace, read_sequences
from dltoolbox.data.sources.sequences import SequenceLabels, Sequences
from tests.train.hints import Frame, follow

RNG = np.random.default_rng(4)
LENGTHS = (5, 3, 8, 1)
LIST = [RNG.standard_normal((12, n)) for n in LENGTHS]
FILMS = [RNG.integers(0, 255, (4, 5, 2, n), dtype=np.uint8) for n in (3, 4)]
VECTORS, ONE, MAPS = SequencePlace((12,), "predict"), SequencePlace((1,), "predict"), SequencePlace((4, 5, 2), "predict")
GREY = SequencePlace((4, 5, 1), "predict")


def frame(values: np.ndarray) -> Frame:
    return Frame(**{f"c{at}": column for at, column in enumerate(values.T)})


def objects(parts: list[Any], *shape: int) -> np.ndarray:
    array = np.empty(len(parts), object)
    array[:] = parts
    return array.reshape(shape)


# Forms ---------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("given", [LIST, tuple(LIST), objects(LIST, 4), objects(LIST, 4, 1), [x.tolist() for x in LIST],
                                   [np.asfortranarray(x) for x in LIST]])
def test_lists_are_sequences(given: Any) -> None:
    sequences = read_sequences(given, VECTORS)
    assert (sequences.form, sequences.size, len(sequences)) == ("list", (12,), 4)
    assert sequences.lengths.tolist() == [*LENGTHS]
    for part, expected in zip(sequences.parts, LIST, strict=True):
        np.testing.assert_array_equal(part, expected)


def test_arrays_are_one_sequence_or_several() -> None:
    assert read_sequences(LIST[0], VECTORS).form == read_sequences(LIST[0].tolist(), VECTORS).form == "one"
    whole = RNG.standard_normal((12, 4, 7))
    several = read_sequences(whole, VECTORS)
    assert several.form == "array"
    np.testing.assert_array_equal(several.padded()[0], np.swapaxes(whole, 1, 2))
    assert np.shares_memory(several.parts[2], whole)
    assert read_sequences(LIST[0][:, 0], VECTORS).lengths.tolist() == [1]  # one step
    assert read_sequences(FILMS[0], MAPS).lengths.tolist() == [3]
    assert read_sequences(FILMS[0][..., 0], MAPS).lengths.tolist() == [1]


def test_rows_of_numbers_are_sequences_of_one_channel() -> None:
    assert read_sequences([1, 2, 3], ONE).form == read_sequences(np.arange(3), ONE).form == "one"
    for given in ([np.arange(2), np.arange(3)], [[1, 2], [1, 2, 3]], [[[1, 2]], [[1, 2, 3]]]):
        assert read_sequences(given, ONE).lengths.tolist() == [2, 3]


def test_complex_channels_become_two() -> None:
    place = SequencePlace((2,), "predict", split_complex=True)
    x = np.array([[1 + 2j, 3], [4j, 5]])
    np.testing.assert_array_equal(read_sequences([x], place).parts[0], [[1, 3], [2, 0], [0, 5], [4, 0]])


# Mini-batches --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("parts", [LIST, FILMS, [np.asfortranarray(x) for x in LIST], [x[::-1, ::-1] for x in LIST]])
def test_padding_stands_behind_the_end(parts: list[np.ndarray]) -> None:
    sequences, index = Sequences(parts), np.array([1, 0, 1])
    array, lengths = sequences.padded(index)
    assert array.dtype == parts[0].dtype
    assert lengths.tolist() == [parts[at].shape[-1] for at in index]
    assert array.shape == (*parts[0].shape[:-1], lengths.max(), 3)
    for b, (at, n) in enumerate(zip(index, lengths, strict=True)):
        np.testing.assert_array_equal(array[..., :n, b], parts[at])
        assert not array[..., n:, b].any()
    assert sequences.padded(index[:0])[0].shape[-2:] == (0, 0)
    assert sequences.padded(slice(1), dtype=np.dtype(np.float32))[0].dtype == np.float32


def test_labels_of_steps_become_one_hot() -> None:
    labels = SequenceLabels([np.array([0, 2, 1]), np.array([1, -1])], 3)
    index = np.array([1, 0])
    hot = labels.cut(index, np.zeros(2, int), labels.lengths[index])
    assert (hot.shape, hot.dtype) == ((3, 3, 2), np.bool_)
    np.testing.assert_array_equal(hot[..., 1].argmax(0), [0, 2, 1])
    np.testing.assert_array_equal(hot[..., 0].any(0), [True, False, False])
    maps = SequenceLabels([RNG.integers(0, 3, (4, 5, n)) for n in (2, 3)], 3)
    assert maps.cut(np.array([0, 1]), np.array([0, 1]), np.array([2, 2])).sum() == 4 * 5 * 3


# Advice --------------------------------------------------------------------------------------------------------------
COMPLAINTS = {  # given, place, identifier, what the message says, and the forms that its advice leads to
    "T×C": ([x.T for x in LIST], VECTORS, "inputSizeMismatch", "look like T×C", "list"),
    "one T×C": ([LIST[0], LIST[1].T, LIST[2]], VECTORS, "inputSizeMismatch", "Observation 2 of X has size 3×12", "list"),
    "N×T×C": (RNG.standard_normal((4, 7, 12)), VECTORS, "inputSizeMismatch", "Keras", "array"),
    "T×N×C": (RNG.standard_normal((7, 4, 12)), VECTORS, "inputSizeMismatch", "PyTorch", "array"),
    "one sequence T×C": (LIST[0].T, VECTORS, "inputSizeMismatch", "This looks like T×C", "one"),
    "rows": (LIST[0], ONE, "inputSizeMismatch", "12×5", "array"),
    "films of Keras": ([np.moveaxis(x, -1, 0) for x in FILMS], MAPS, "inputSizeMismatch", "T×H×W×C", "list"),
    "films of PyTorch": ([x.transpose(3, 2, 0, 1) for x in FILMS], MAPS, "inputSizeMismatch", "T×C×H×W", "list"),
    "grey films": ([np.moveaxis(x[:, :, 0], -1, 0) for x in FILMS], GREY, "inputSizeMismatch", "T×H×W:", "list"),
    "a data frame": (frame(LIST[0].T), VECTORS, "inputSizeMismatch", "data frame", "one"),
    "data frames": ([frame(x.T) for x in LIST], VECTORS, "inputSizeMismatch", "X[0] is a data frame", "list"),
    "channels": ([*LIST, LIST[0][:11]], VECTORS, "inputSizeMismatch", "Observation 5 of X has size 11×5", "list"),
    "empty": ([*LIST, LIST[0][:, :0]], VECTORS, "emptySequence", "1 of 5 sequences in X is empty", "list"),
    "short": (LIST, SequencePlace((12,), "predict", min_length=4), "sequenceTooShort",
              "the first is observation 2, with 3 steps", "list"),
    "complex": ([x + 1j for x in LIST], VECTORS, "complexData", "X[0] is complex", "list"),
    "text": ([[["1", "2"]] * 12], VECTORS, "notNumeric", "X[0] must be", None),
    "no numbers": ([None], VECTORS, "notNumeric", "size 12×T", None),
    "nothing": ([], VECTORS, "emptyData", "empty list", None),
    "scalar": (3, VECTORS, "inputSizeMismatch", "1×1", None),
}


@pytest.mark.parametrize("name", COMPLAINTS)
def test_advice_works(name: str) -> None:
    given, place, identifier, text, form = COMPLAINTS[name]
    with pytest.raises(DltoolboxError) as caught:
        read_sequences(given, place)
    assert caught.value.identifier == f"dltoolbox:predict:{identifier}"
    message = str(caught.value)
    assert text in message
    if form is None:
        return
    space = follow(lambda v: read_sequences(v.X, place), {"X": given})
    assert (space["result"].form, len(space["hints"])) == (form, 1)


def test_other_channels_ask_for_another_input_layer() -> None:
    with pytest.raises(DltoolboxError, match=r"start the network with sequenceInputLayer\(11\)"):
        read_sequences([x[:11] for x in LIST], VECTORS)
    with pytest.raises(DltoolboxError, match="Set MinLength=1 in the input layer"):
        read_sequences([LIST[3]], SequencePlace((12,), "predict", min_length=2))
