"""wordEncoding and doc2sequence: vocabularies, the rule for texts, padding and cutting, unknown words, bad calls."""

import copy
import pickle

import numpy as np
import pytest

from dltoolbox import DltoolboxError, doc2sequence, ind2word, word2ind, wordEncoding

TEXTS = ["The cat sat on the mat.", "A dog's bark -- LOUD; 2 barks?", "the cat"]


@pytest.fixture
def enc():
    return wordEncoding(TEXTS)


def test_vocabulary(enc):
    assert enc.Vocabulary == ["2", "a", "bark", "barks", "cat", "dog's", "loud", "mat", "on", "sat", "the"]
    assert enc.NumWords == 11
    assert wordEncoding(TEXTS, Order="frequency", MaxNumWords=3).Vocabulary == ["the", "cat", "2"]
    assert wordEncoding(TEXTS, MaxNumWords=2).Vocabulary == ["cat", "the"]
    assert wordEncoding(["b", "a", "b"]).Vocabulary == ["a", "b"]
    assert wordEncoding("naïve Größe 東京").Vocabulary == ["größe", "naïve", "東京"]
    assert wordEncoding([["It's", "a", "New York", "!"], ["a"]]).Vocabulary == ["!", "It's", "New York", "a"]
    assert repr(enc) == "<wordEncoding of 11 words>"
    assert "NumWords: 11" in str(enc)
    for twin in (copy.copy(enc), copy.deepcopy(enc), pickle.loads(pickle.dumps(enc))):
        assert twin.Vocabulary == enc.Vocabulary
        assert word2ind(twin, "cat") == 5


def test_numbers_and_words(enc):
    numbers = word2ind(enc, ["cat", "bird", "CAT"])
    np.testing.assert_array_equal(numbers, [5, np.nan, 5])
    assert word2ind(enc, "mat") == 8
    assert ind2word(enc, 8) == "mat"
    assert ind2word(enc, [5.0, 11]) == enc.ind2word(np.array([[5, 11]])) == ["cat", "the"]
    assert word2ind(enc, []).shape == (0,)
    assert ind2word(enc, []) == []


@pytest.mark.parametrize(("options", "expected"), [
    ({}, [[1, 2, 3], [0, 2, 1]]), ({"PaddingDirection": "right", "PaddingValue": -1}, [[1, 2, 3], [2, 1, -1]]),
    ({"PaddingDirection": "none"}, [[1, 2, 3], [2, 1]]), ({"Length": 5}, [[0, 0, 1, 2, 3], [0, 0, 0, 2, 1]]),
    ({"Length": "shortest"}, [[1, 2], [2, 1]]), ({"Length": 1, "PaddingDirection": "right"}, [[1], [2]]),
    ({"UnknownWord": "nan"}, [[0, 1, 2, 3], [np.nan, 2, np.nan, 1]])])
def test_sequences(options, expected):
    enc = wordEncoding([["x", "y", "z"]])
    for documents in (["x Y z", "W y, v x"], [["x", "y", "z"], ("w", "y", "v", "x")]):
        sequences = doc2sequence(enc, documents, **options)
        assert [sequence.shape for sequence in sequences] == [(1, len(numbers)) for numbers in expected]
        for sequence, numbers in zip(sequences, expected, strict=True):
            np.testing.assert_array_equal(sequence[0], numbers)


def test_documents_without_known_words(enc):
    assert [x.shape for x in doc2sequence(enc, ["bird", ""])] == [(1, 0), (1, 0)]
    assert doc2sequence(enc, []) == []
    assert doc2sequence(enc, "the cat")[0].tolist() == [[11, 5]]


@pytest.mark.parametrize(("call", "identifier"), [
    (lambda enc: wordEncoding([]), "wordEncoding:noWords"), (lambda enc: wordEncoding(["!?"]), "wordEncoding:noWords"),
    (lambda enc: wordEncoding([3]), "wordEncoding:invalidDocuments"),
    (lambda enc: wordEncoding(TEXTS, MaxNumWords=0), "wordEncoding:invalidMaxNumWords"),
    (lambda enc: doc2sequence(enc, [["a", 1]]), "doc2sequence:invalidDocuments"),
    (lambda enc: doc2sequence(TEXTS, enc), "doc2sequence:notAWordEncoding"),
    (lambda enc: doc2sequence(enc, TEXTS, Length=0), "doc2sequence:invalidLength"),
    (lambda enc: doc2sequence(enc, TEXTS, PaddingDirection="up"), "doc2sequence:invalidPaddingDirection"),
    (lambda enc: word2ind("cat", enc), "word2ind:notAWordEncoding"), (lambda enc: word2ind(enc, 3), "word2ind:invalidWords"),
    (lambda enc: ind2word(enc, 0), "ind2word:invalidIndex"), (lambda enc: ind2word(enc, [1, 12]), "ind2word:invalidIndex"),
    (lambda enc: ind2word(enc, np.nan), "ind2word:invalidIndex"),
    (lambda enc: setattr(enc, "NumWords", 3), "wordEncoding:readOnly")])
def test_refusals(enc, call, identifier):
    with pytest.raises(DltoolboxError, match=rf"dltoolbox:{identifier}") as caught:
        call(enc)
    assert caught.value.issues[0].hint
