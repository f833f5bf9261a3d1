"""Texts as sequences of numbers: `wordEncoding` and `doc2sequence`, which feed word embedding layers.

A small form of what MATLAB's Text Analytics Toolbox does. A *document* is a text, or a list of words. Texts are split by one
plain rule: words are runs of letters, digits and apostrophes, in lower case; punctuation is left out. Lists of words are
taken as they are, so whoever splits texts otherwise passes lists.
"""

from __future__ import annotations

import re
from collections import Counter

import numpy as np

from dltoolbox.core import convert
from dltoolbox.core.display import counted, object_text
from dltoolbox.core.errors import fail
from dltoolbox.core.properties import Configured, InvalidValue, Property, show
from dltoolbox.core.statements.copied import Names, Sealed
from dltoolbox.data.padding import common_length, number_or_nan, to_length

WORD = re.compile(r"\w+(?:['’]\w+)*")


class _Encoding(Configured):
    function = "wordEncoding"
    Order = Property(convert.choice("alphabetical", "frequency"), "alphabetical")
    MaxNumWords = Property(convert.optional(convert.integer(1)), None)


class wordEncoding(Sealed):
    """The words of some documents, numbered from 1: ``enc = wordEncoding(documents)``.

    Args:
        documents: A text, or a list of texts or of lists of words. Texts are split into words in lower case, without
            punctuation; lists of words are taken as they are. A list of single words makes a vocabulary of them.
        *pairs: Name-value pairs.
        **options: ``Order``: 'alphabetical' (default) or 'frequency', the most frequent first. ``MaxNumWords``: keep only
            so many of the most frequent words.

    Attributes:
        NumWords: The number of words.
        Vocabulary: The words, in the order of their numbers.

    Raises:
        DltoolboxError: ``dltoolbox:wordEncoding:invalidDocuments``, ``…:noWords`` and others.

    Example:
        >>> enc = wordEncoding(["The cat sat.", "The dog!"])
        >>> enc.Vocabulary
        ['cat', 'dog', 'sat', 'the']
        >>> word2ind(enc, ["the", "bird"]).tolist()
        [4.0, nan]
    """

    _instead = "Make a new one: wordEncoding(documents)."

    def __init__(self, documents: object, *pairs: object, **options: object) -> None:
        chosen = _Encoding(*pairs, **options)
        counts = Counter(word for words in documents_of(documents, "wordEncoding") for word in words)
        if not counts:
            fail("wordEncoding:noWords", "There are no words in the documents.", "Pass texts, or lists of words.")
        frequent = sorted(counts, key=lambda word: (-counts[word], word))[:chosen.MaxNumWords]
        self._words = tuple(frequent if chosen.Order == "frequency" else sorted(frequent))
        self._numbers = {word: number for number, word in enumerate(self._words, 1)}
        self._sealed = True

    @property
    def NumWords(self) -> int:
        return len(self._words)

    @property
    def Vocabulary(self) -> list[str]:
        return Names(self._words)

    def number(self, word: str) -> float:
        """The number of a word, or of the word in lower case; NaN where there is neither."""
        return self._numbers.get(word, self._numbers.get(word.lower(), np.nan))

    def __repr__(self) -> str:
        return f"<wordEncoding of {counted(self.NumWords, 'word')}>"

    def __str__(self) -> str:
        return object_text("wordEncoding", [("", [("NumWords", self.NumWords), ("Vocabulary", self.Vocabulary)])])


def word2ind(enc: wordEncoding, words: object) -> float | np.ndarray:
    """The numbers of words.

    Args:
        enc: A `wordEncoding`.
        words: A word or a list of words.

    Returns:
        The number, or an array (N,) of them; NaN for words that the encoding does not know. A word that it knows in lower
        case alone has that number.

    Raises:
        DltoolboxError: ``dltoolbox:word2ind:notAWordEncoding``, ``…:invalidWords``.

    Example:
        >>> word2ind(wordEncoding(["a b"]), "b")
        2.0
    """
    known = required_encoding(enc, "word2ind")
    try:
        texts = convert.texts(words)
    except InvalidValue:
        fail("word2ind:invalidWords", f"words must be a word or a list of words, but it is {show(words)}.",
             "Pass for example ['cat', 'dog'].")
    numbers = np.array([known.number(word) for word in texts], dtype=float)
    return float(numbers[0]) if isinstance(words, str) and len(numbers) else numbers


def ind2word(enc: wordEncoding, indices: object) -> str | list[str]:
    """The words of numbers.

    Args:
        enc: A `wordEncoding`.
        indices: A number from 1 to ``enc.NumWords``, or a list or array of them.

    Returns:
        The word, or a list of words.

    Raises:
        DltoolboxError: ``dltoolbox:ind2word:notAWordEncoding``, ``…:invalidIndex``.

    Example:
        >>> ind2word(wordEncoding(["a b"]), [2, 1])
        ['b', 'a']
    """
    known = required_encoding(enc, "ind2word")
    words, permitted = [], convert.integer(1, known.NumWords)
    for index in convert.items_of(indices):
        try:
            words.append(known.Vocabulary[permitted(index) - 1])
        except InvalidValue:
            fail("ind2word:invalidIndex", f"Each index must be an integer from 1 to {known.NumWords}, the number of words, "
                 f"but one is {show(index)}.", "Drop the numbers of padding and unknown words first.")
    return words[0] if np.ndim(indices) == 0 else words  # type: ignore[arg-type]


class _Sequences(Configured):
    function = "doc2sequence"
    Length = Property(convert.word_or_count("longest", "shortest"), "longest")
    PaddingDirection = Property(convert.choice("left", "right", "none"), "left")
    PaddingValue = Property(number_or_nan, 0)
    UnknownWord = Property(convert.choice("discard", "nan"), "discard")


def doc2sequence(enc: wordEncoding, documents: object, *pairs: object, **options: object) -> list[np.ndarray]:
    """Documents as sequences of the numbers of their words.

    Args:
        enc: A `wordEncoding`.
        documents: A text, or a list of texts or of lists of words, as `wordEncoding` takes them.
        *pairs: Name-value pairs.
        **options: ``Length``: 'longest' (default), 'shortest' or a number of words, to which sequences are padded, and cut
            at their end. ``PaddingDirection``: 'left' (default), 'right', or 'none' for sequences as long as they are.
            ``PaddingValue`` (0), which word embedding layers take for padding, may be NaN. ``UnknownWord``: 'discard'
            (default) leaves out words that the encoding does not know, 'nan' puts NaN in their place.

    Returns:
        A list with one sequence per document, 1×S.

    Raises:
        DltoolboxError: ``dltoolbox:doc2sequence:notAWordEncoding``, ``…:invalidDocuments`` and others.

    Example:
        >>> enc = wordEncoding(["the cat sat"])
        >>> [X.tolist() for X in doc2sequence(enc, ["The cat sat.", "A cat"])]
        [[[3.0, 1.0, 2.0]], [[0.0, 0.0, 1.0]]]
    """
    known, chosen = required_encoding(enc, "doc2sequence"), _Sequences(*pairs, **options)
    texts = documents_of(documents, "doc2sequence")
    sequences = [np.array([known.number(word) for word in words], dtype=float) for words in texts]
    if chosen.UnknownWord == "discard":
        sequences = [numbers[~np.isnan(numbers)] for numbers in sequences]
    if chosen.PaddingDirection == "none" or not sequences:
        return [numbers[np.newaxis] for numbers in sequences]
    length = common_length([len(numbers) for numbers in sequences], chosen.Length)
    return [to_length(numbers[np.newaxis, :length], 1, length, chosen.PaddingDirection, np.float64(chosen.PaddingValue))
            for numbers in sequences]


def required_encoding(enc: object, function: str) -> wordEncoding:
    if not isinstance(enc, wordEncoding):
        fail(f"{function}:notAWordEncoding", f"The first argument of {function} must be a wordEncoding, but it is "
             f"{show(enc)}.", "Make one first: enc = wordEncoding(documents).")
    return enc


def documents_of(value: object, function: str) -> list[list[str]]:
    """The words of every document."""
    numbers = isinstance(value, np.ndarray) and value.dtype.kind not in "OUST"
    documents = [value] if isinstance(value, str) or numbers else convert.each(value, most=1 << 30)
    words = []
    for number, document in enumerate(documents, 1):
        parts = [document] if isinstance(document, str) else convert.each(document)
        if not all(isinstance(part, str) for part in parts):
            fail(f"{function}:invalidDocuments", f"Document {number} must be a text or a list of words, but it is "
                 f"{show(document)}.", "Pass texts, as in ['The cat sat.', 'A dog ran.'], or lists of words.")
        words.append(split_text(document) if isinstance(document, str) else [str(part) for part in parts])
    return words


def split_text(text: str) -> list[str]:
    """The words of a text: runs of letters, digits and apostrophes, in lower case."""
    return WORD.findall(text.lower())
