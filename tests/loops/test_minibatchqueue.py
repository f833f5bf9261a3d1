"""Mini-batches of arrays, labels, sequences and of what is read one by one."""

import numpy as np
import pytest

import dltoolbox as dl
from dltoolbox.autodiff.dlarray import dlarray

X = np.arange(2 * 3 * 1 * 7, dtype=np.float64).reshape(2, 3, 1, 7)
Y = dl.categorical([*"abcabca"])


def test_images_and_labels():
    mbq = dl.minibatchqueue((X, Y), MiniBatchSize=3, MiniBatchFormat=["SSCB", "BC"])
    sizes, labels = [], []
    while dl.hasdata(mbq):
        x, t = dl.next(mbq)
        assert (dl.dims(x), dl.dims(t), x.dtype) == ("SSCB", "CB", np.float32)
        sizes.append(x.shape[-1])
        labels += t.tolist()[0]
    assert (sizes, labels) == ([3, 3, 1], [1, 2, 3, 1, 2, 3, 1])
    mbq.reset()
    np.testing.assert_array_equal(mbq.next()[0], X[..., :3])


def test_a_function_makes_the_outputs():
    def prepared(x, y):
        x /= 2  # which changes no data of ours
        return x, dl.onehotencode(y, 1)
    before = X.copy()
    mbq = dl.minibatchqueue((X, Y), MiniBatchSize=4, MiniBatchFcn=prepared, MiniBatchFormat=["SSCB", "CB"],
                            OutputCast=["double", "single"], PartialMiniBatch="discard")
    x, t = next(mbq)
    np.testing.assert_array_equal(x, X[..., :4] / 2)
    assert (t.shape, x.dtype, t.dtype) == ((3, 4), np.float64, np.float32)
    assert not mbq.hasdata()
    with pytest.raises(StopIteration):
        next(mbq)
    np.testing.assert_array_equal(X, before)


def test_loops_of_python_go_over_all_in_every_epoch():
    mbq = dl.minibatchqueue(np.arange(10.0), MiniBatchSize=4, OutputAsDlarray=False)
    for _ in range(3):
        assert [x.tolist() for x in mbq] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]


def test_shuffling_keeps_pairs_and_is_repeated_by_the_seed():
    numbers = np.arange(7.0)
    mbq = dl.minibatchqueue((X, numbers), MiniBatchSize=7, OutputAsDlarray=False)
    dl.rng(3)
    mbq.shuffle()
    x, order = mbq.next()
    np.testing.assert_array_equal(x, X[..., order.astype(int)])
    assert sorted(order) == numbers.tolist()
    assert order.tolist() != numbers.tolist()
    dl.shuffle(mbq)
    assert mbq.next()[1].tolist() != order.tolist()
    dl.rng(3)
    mbq.shuffle()
    assert mbq.next()[1].tolist() == order.tolist()
    dl.reset(mbq)
    assert mbq.next()[1].tolist() == numbers.tolist()


@pytest.mark.parametrize(("data", "options", "first"), [
    (np.ones((6, 2)), {}, (3, 2)), (np.ones((2, 6)), {"MiniBatchFormat": "CB"}, (2, 3)),
    (np.ones((6, 2)), {"MiniBatchFormat": "BC"}, (2, 3)), (np.ones((2, 6)), {"IterationDimension": 2}, (2, 3)),
    (np.ones((2, 3, 6)), {}, (2, 3, 3)), (np.ones((2, 6, 4)), {"MiniBatchFormat": "CBT"}, (2, 3, 4)),
    (dlarray(np.ones((2, 6)), "CB"), {}, (2, 3)), (np.ones(6), {}, (3,)),
    ([np.ones((2, 4))] * 6, {"MiniBatchFormat": "CTB"}, (2, 3, 4)),
    (np.zeros((6, 2), np.uint8), {"OutputCast": "double"}, (3, 2))])
def test_where_observations_lie(data, options, first):
    mbq = dl.minibatchqueue(data, MiniBatchSize=3, **options)
    assert mbq.next().shape == first
    assert mbq.next().shape == first
    assert not mbq.hasdata()


def test_sequences_of_several_lengths():
    sequences = [np.full((2, steps), steps) for steps in (3, 5, 2)]
    mbq = dl.minibatchqueue((sequences, Y[:3]), MiniBatchFcn=lambda x, y: (dl.padsequences(x, 2), dl.onehotencode(y, 1)),
                            MiniBatchFormat=["CTB", "CB"])
    x, t = mbq.next()
    assert (dl.dims(x), x.shape, t.shape) == ("CBT", (2, 3, 5), (3, 3))
    with pytest.raises(dl.DltoolboxError, match="differentSizes") as caught:
        dl.minibatchqueue((sequences,)).next()
    assert "MiniBatchFcn=lambda X: padsequences(X, 2)" in str(caught.value)
    assert dl.minibatchqueue(sequences, MiniBatchFcn=lambda X: dl.padsequences(X, 2)).next().shape == (2, 5, 3)


class Reading:
    """Observations one by one."""

    def __init__(self, order=range(5)):
        self.order, self.at = list(order), 0

    def read(self):
        self.at += 1
        return np.full((4, 4, 1), self.order[self.at - 1]), "ab"[self.order[self.at - 1] % 2]

    def hasdata(self):
        return self.at < len(self.order)

    def reset(self):
        self.at = 0


class Mixed(Reading):
    def shuffle(self):
        return Mixed(self.order[::-1])


@pytest.mark.parametrize(("partial", "sizes"), [("return", [2, 2, 1]), ("discard", [2, 2])])
def test_what_is_read_one_by_one(partial, sizes):
    mbq = dl.minibatchqueue(Mixed(), MiniBatchSize=2, MiniBatchFormat=["SSCB", "B"], PartialMiniBatch=partial)
    seen = [(x.shape, x[0, 0, 0].tolist(), t.shape) for x, t in mbq]
    assert [shape[-1] for shape, _, _ in seen] == sizes
    assert seen[0][1] == [0, 1]
    mbq.shuffle()
    x, t = mbq.next()
    assert (x[0, 0, 0].tolist(), t.tolist()) == ([4, 3], [1, 2])
    with pytest.raises(dl.DltoolboxError, match="cannotShuffle"):
        dl.minibatchqueue(Reading()).shuffle()


def test_types_and_displays():
    mbq = dl.minibatchqueue((X, Y), 2, MiniBatchFormat=["SSCB", ""], OutputAsDlarray=[True, False])
    x, t = mbq.next()
    assert isinstance(x, dlarray)
    assert isinstance(t, np.ndarray)
    assert "minibatchqueue with 2 outputs" in repr(mbq)
    assert "MiniBatchFormat: {'SSCB'  ''}" in repr(mbq)
    undefined = dl.minibatchqueue(dl.categorical(["a", None]), OutputAsDlarray=False).next()
    assert undefined[0] == 1
    assert np.isnan(undefined[1])


def test_a_star_import_leaves_next_and_shuffle_alone():
    names = {}
    exec("from dltoolbox import *", names)
    assert "next" not in names
    assert "shuffle" not in names
    assert names["reset"] is dl.reset


MISTAKES = {
    "counts": (lambda: dl.minibatchqueue((X, Y[:4])), "numberOfObservations", "7 and 4 observations"),
    "text": (lambda: dl.minibatchqueue("digits"), "invalidData", "read, hasdata and reset"),
    "nothing": (lambda: dl.minibatchqueue(), "invalidData", "(X, Y)"),
    "no more": (lambda: [mbq := dl.minibatchqueue(X), mbq.next(), mbq.next()], "noData", "mbq.reset()"),
    "outputs": (lambda: dl.minibatchqueue((X, Y), 3).next(), "numberOfOutputs", "numOutputs=2"),
    "formats": (lambda: dl.minibatchqueue((X, Y), MiniBatchFormat=["SSCB", "", ""]).next(), "numberOfOutputs",
                "a list of 2"),
    "labels": (lambda: dl.minibatchqueue(X, MiniBatchFormat="SSCX"), "invalidMiniBatchFormat", "'SSCB'"),
    "few labels": (lambda: dl.minibatchqueue(X, MiniBatchFormat="CB").next(), "formatMismatch", "2×3×1×7"),
    "cast": (lambda: dl.minibatchqueue(X, OutputCast="float"), "invalidOutputCast", "'single', 'double'"),
    "dimension": (lambda: dl.minibatchqueue(X, IterationDimension=5), "invalidIterationDimension", "from 1 to 4"),
    "output": (lambda: dl.minibatchqueue(X, MiniBatchFcn=lambda x: {"x": x}).next(), "invalidOutput", "Output 1"),
    "a queue": (lambda: dl.hasdata(X), "notAQueue", "minibatchqueue((X, Y))"),
    "an option": (lambda: dl.minibatchqueue(X, MiniBatchSze=3), "unknown", "MiniBatchSize"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes_name_place_and_cure(mistake):
    call, identifier, words = MISTAKES[mistake]
    with pytest.raises(dl.DltoolboxError) as caught:
        call()
    assert f":{identifier}" in caught.value.identifier
    assert words in str(caught.value)
