"""padsequences: every length, direction, type and dimension, against the definition; bad calls, and their hints followed."""

from itertools import product

import numpy as np
import pytest

from dltoolbox import DltoolboxError, japaneseVowelsTrainData, padsequences

RANDOM = np.random.default_rng(0)
X = [RANDOM.standard_normal((3, steps)).astype(np.float32) for steps in (4, 1, 7, 6)]


def by_definition(x, length, direction):
    """Where each step goes: from the end, from the start, or around the middle."""
    out, mask = np.full((len(x), length), -5.0, np.float32), np.zeros((len(x), length), bool)
    more = length - x.shape[1]
    shift = {"right": 0, "left": more, "both": int(more / 2)}[direction]
    for step in range(x.shape[1]):
        if 0 <= step + shift < length:
            out[:, step + shift], mask[:, step + shift] = x[:, step], True
    return out, mask


@pytest.mark.parametrize(("length", "direction"), [*product(["longest", "shortest", 5, 9, 1], ["right", "left", "both"])])
def test_padded_and_cut(length, direction):
    steps = {"longest": 7, "shortest": 1}.get(length, length)
    wanted = [by_definition(x, steps, direction) for x in X]
    Y, mask = padsequences(X, 2, "Length", length, Direction=direction, PaddingValue=-5, nargout=2)
    assert Y.shape == mask.shape == (3, steps, 4)
    assert (Y.dtype, mask.dtype) == (np.float32, bool)
    np.testing.assert_array_equal(Y, np.stack([y for y, _ in wanted], axis=-1))
    np.testing.assert_array_equal(mask, np.stack([m for _, m in wanted], axis=-1))
    parts, masks = padsequences(X, 2, Length=length, Direction=direction, PaddingValue=-5, UniformOutput=False, nargout=2)
    for part, one, (y, m) in zip(parts, masks, wanted, strict=True):
        np.testing.assert_array_equal(part, y)
        np.testing.assert_array_equal(one, m)


def test_the_sequences_stay_as_they_are_and_share_nothing():
    before = [x.copy() for x in X]
    for part in padsequences(X, 2, Length="shortest", UniformOutput=False):
        part[:] = 9
    padsequences(X, 2)[:] = 9
    for x, copy in zip(X, before, strict=True):
        np.testing.assert_array_equal(x, copy)


@pytest.mark.parametrize(("kinds", "value", "expected"), [
    ((np.float64, np.float32), 0, np.float64), ((np.uint8,), 255, np.uint8), ((np.uint8,), -1, np.float64),
    ((np.int16,), np.nan, np.float64), ((bool,), 0, bool), ((bool,), 2, np.float64), ((np.float32,), np.inf, np.float32),
    ((np.complex64,), 1, np.complex64), ((np.int64,), 0.5, np.float64)])
def test_types(kinds, value, expected):
    Y = padsequences([np.ones((1, 2 + number), kind) for number, kind in enumerate([*kinds, kinds[0]])], 2,
                     PaddingValue=value)
    assert Y.dtype == expected
    np.testing.assert_equal(Y[0, -1, 0], expected(value))


def test_other_dimensions_and_other_containers():
    images = [RANDOM.random((2, 3, 1, steps)) for steps in (2, 5)]
    assert padsequences(images, 4).shape == (2, 3, 1, 5, 2)
    assert padsequences([x.T for x in X], 1).shape == (7, 3, 4)
    assert padsequences([1, [2, 3]], 1).tolist() == [[1, 2], [0, 3]]
    objects = np.empty(4, object)
    objects[:] = X
    np.testing.assert_array_equal(padsequences(objects, 2), padsequences(tuple(X), 2))
    assert padsequences([np.ones(3), np.ones(3)], 2).shape == (3, 1, 2)
    assert padsequences(japaneseVowelsTrainData(), 2).shape == (12, 26, 270)
    assert padsequences([np.ones((2, 0)), np.ones((2, 3))], 2)[..., 0].tolist() == [[0, 0, 0]] * 2


@pytest.mark.parametrize(("call", "reason", "hint"), [
    (lambda: padsequences(X[0], 2), "invalidX", "[X]"), (lambda: padsequences([], 2), "invalidX", "at least one"),
    (lambda: padsequences([X[0], "abc"], 2), "invalidX", "asarray"), (lambda: padsequences(X, 0), "invalidPaddingDim", "2"),
    (lambda: padsequences(X, "T"), "invalidPaddingDim", "2"), (lambda: padsequences(X, 2, Length=0), "invalidLength", ""),
    (lambda: padsequences(X, 2, Length=10**15), "invalidLength", ""), (lambda: padsequences(X, 2, nargout=3), "nargout", ""),
    (lambda: padsequences(X, 2, Length=2**31 - 1), "tooLarge", "Length"),
    (lambda: padsequences(X, 2, Direction="up"), "invalidDirection", ""), (lambda: padsequences(X, 2, Pad=1), "unknown", ""),
    (lambda: padsequences(X, 2, PaddingValue="x"), "invalidPaddingValue", "")])
def test_refusals(call, reason, hint, monkeypatch):
    monkeypatch.setattr("dltoolbox.core.arrays.memory", lambda: 16e9)
    with pytest.raises(DltoolboxError, match=rf"dltoolbox:padsequences:{reason}") as caught:
        call()
    assert hint in caught.value.issues[0].hint


def test_hints_followed():
    """Another dimension fits, or only a list does."""
    with pytest.raises(DltoolboxError, match="3×4, 3×1, 3×7") as caught:
        padsequences(X, 1)
    assert "padsequences(X, 2)." in caught.value.issues[0].hint
    assert padsequences(X, 2).shape == (3, 7, 4)
    mixed = [np.ones((2, 3)), np.ones((4, 5))]
    with pytest.raises(DltoolboxError, match="sizeMismatch") as caught:
        padsequences(mixed, 2)
    assert "padsequences(X, 2, UniformOutput=False)" in caught.value.issues[0].hint
    assert [part.shape for part in padsequences(mixed, 2, UniformOutput=False)] == [(2, 5), (4, 5)]
