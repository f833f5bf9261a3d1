"""Sample data sets: real handwritten digits, and synthetic images, volumes and features made at run time.

All of them repeat bit for bit: they draw from their own generators, so neither `rng` nor NumPy's global seed changes
them, and they change neither.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from dltoolbox.core import convert
from dltoolbox.core.arrays import check_room
from dltoolbox.core.errors import fail
from dltoolbox.core.nargout import check_nargout, outputs
from dltoolbox.core.properties import InvalidValue, show
from dltoolbox.data.categorical import categorical
from dltoolbox.runtime.blas import libraries

DIGITS_FILE = Path(__file__).with_name("mnist_10000.npz")
PER_DIGIT = 500  # observations of each digit in each of the two sets
MAX_ANGLE = 45
SAMPLES = 1024  # of one vibration


def digitTrain4DArrayData(nargout: int = 1) -> Any:
    """Handwritten digits for training, rotated by random angles.

    Args:
        nargout: How many of the outputs to return, 1 to 3. Default: 1.

    Returns:
        XTrain: 28×28×1×5000 float32 in [0, 1], 0 for the background. (MATLAB's are double; single precision takes half
            the memory and is what training uses.)
        YTrain: Categorical labels (5000,) with the categories '0' to '9', 500 of each, in a fixed mixed order.
        anglesTrain: 5000×1 float32, whole degrees from -45 to 45. The image shows the digit turned counterclockwise
            by the angle, as displayed with the first row on top. A column, like the responses that `predict` returns.

    Raises:
        DltoolboxError: ``dltoolbox:digitTrain4DArrayData:nargout``.

    Example:
        >>> XTrain, YTrain, anglesTrain = digitTrain4DArrayData(nargout=3)
        >>> XTrain.shape, YTrain.shape, anglesTrain.shape
        ((28, 28, 1, 5000), (5000,), (5000, 1))

    Note:
        The images are from MNIST, not MATLAB's. Training and test set share no image. Of digits with fewer than 500
        images per set some appear twice, under two angles.
    """
    check_nargout(nargout, 3, "digitTrain4DArrayData")
    return outputs(_digits(0), nargout, "digitTrain4DArrayData")


def digitTest4DArrayData(nargout: int = 1) -> Any:
    """Handwritten digits for testing: as `digitTrain4DArrayData`, of other images.

    Example:
        >>> XTest, YTest = digitTest4DArrayData(nargout=2)
        >>> XTest.shape
        (28, 28, 1, 5000)
    """
    check_nargout(nargout, 3, "digitTest4DArrayData")
    return outputs(_digits(1), nargout, "digitTest4DArrayData")


def triangleImages(numImages: int = 200, imageSize: int = 32, *, Seed: int = 0, nargout: int = 1) -> Any:
    """Synthetic images of one bright triangle each on a dark noisy background, with a label for each pixel.

    Args:
        numImages: The number N of images.
        imageSize: Height and width s in pixels, at least 8.
        Seed: Another non-negative integer gives other images.
        nargout: How many of the outputs to return, 1 or 2. Default: 1.

    Returns:
        X: s×s×1×N float32 in [0, 1].
        labels: Categorical s×s×N with the categories 'triangle' and 'background'.

    Raises:
        DltoolboxError: ``dltoolbox:triangleImages:invalidNumImages`` and likewise for the other arguments.

    Example:
        >>> X, labels = triangleImages(10, nargout=2)
        >>> X.shape, labels.shape
        ((32, 32, 1, 10), (32, 32, 10))
    """
    check_nargout(nargout, 2, "triangleImages")
    number = whole(numImages, "numImages", "triangleImages")
    side = whole(imageSize, "imageSize", "triangleImages", low=8)
    check_elements(number * side**2, "triangleImages")
    random = seeded(Seed, "triangleImages")
    center = random.uniform(0.4, 0.6, (2, 1, number)) * side
    radius = random.uniform(0.2, 0.4, (3, number)) * side
    spread = random.uniform([[-30], [90], [210]], [[30], [150], [270]], (3, number))  # never nearly on one line
    turn = np.deg2rad(random.uniform(0, 360, number) + spread)
    corner_row, corner_column = center + radius * np.stack([np.sin(turn), np.cos(turn)])
    rows, columns = np.indices((side, side, 1))[:2] + 0.5
    inside = np.ones((side, side, number), dtype=bool)
    for a, b in ((0, 1), (1, 2), (2, 0)):
        edge_row, edge_column = corner_row[b] - corner_row[a], corner_column[b] - corner_column[a]
        inside &= edge_column * (rows - corner_row[a]) >= edge_row * (columns - corner_column[a])
    labels = categorical(inside, [True, False], ["triangle", "background"])
    return outputs((_noisy(inside, random)[:, :, np.newaxis], labels), nargout, "triangleImages")


def shapeVolumes(numVolumes: int = 300, volumeSize: int = 16, *, Seed: int = 0, nargout: int = 1) -> Any:
    """Synthetic noisy volumes, each with a sphere, a cube or a cross of random size and place.

    Args:
        numVolumes: The number N of volumes.
        volumeSize: Height, width and depth s in voxels, at least 8.
        Seed: Another non-negative integer gives other volumes.
        nargout: How many of the outputs to return, 1 or 2. Default: 1.

    Returns:
        X: s×s×s×1×N float32 in [0, 1].
        Y: Categorical labels (N,) with the categories 'cross', 'cube' and 'sphere', equally often up to one, mixed.

    Raises:
        DltoolboxError: ``dltoolbox:shapeVolumes:invalidNumVolumes`` and likewise for the other arguments.

    Example:
        >>> X, Y = shapeVolumes(30, nargout=2)
        >>> X.shape, Y.shape
        ((16, 16, 16, 1, 30), (30,))
    """
    check_nargout(nargout, 2, "shapeVolumes")
    number = whole(numVolumes, "numVolumes", "shapeVolumes")
    side = whole(volumeSize, "volumeSize", "shapeVolumes", low=8)
    check_elements(number * side**3, "shapeVolumes")
    random = seeded(Seed, "shapeVolumes")
    kind = random.permutation(np.arange(number) % 3)
    reach = random.uniform(0.2, 0.4, number) * side
    center = reach + random.uniform(0, 1, (3, number)) * (side - 2 * reach)
    height, width, depth = center[:, np.newaxis, np.newaxis, np.newaxis]
    rows, columns, planes = np.indices((side, side, side, 1))[:3] + 0.5
    distance = np.abs([rows - height, columns - width, planes - depth])
    cube = distance.max(axis=0) <= 0.8 * reach
    sphere = (distance**2).sum(axis=0) <= reach**2
    cross = (distance.max(axis=0) <= reach) & ((distance <= 0.35 * reach).sum(axis=0) >= 2)
    solid = np.choose(kind, [cross, cube, sphere])
    Y = categorical(kind, [0, 1, 2], ["cross", "cube", "sphere"])
    return outputs((_noisy(solid, random)[:, :, :, np.newaxis], Y), nargout, "shapeVolumes")


def gearboxFeatures(numObservations: int = 208, *, Seed: int = 0, nargout: int = 1) -> Any:
    """Synthetic features of simulated gearbox vibrations, with and without a broken tooth.

    Each observation is a simulated signal of two meshing gears in noise; a broken tooth adds a knock once per turn. The
    features are statistics of the signal, on scales that differ by orders of magnitude.

    Args:
        numObservations: The number N of observations.
        Seed: Another non-negative integer gives other observations.
        nargout: How many of the outputs to return, 1 to 3. Default: 1.

    Returns:
        X: N×10 float32, one row per observation.
        Y: Categorical labels (N,), 'No Tooth Fault' or 'Tooth Fault', equally often up to one, mixed.
        names: The list of the feature names.

    Raises:
        DltoolboxError: ``dltoolbox:gearboxFeatures:invalidNumObservations`` and likewise for the other arguments.

    Example:
        >>> X, Y, names = gearboxFeatures(nargout=3)
        >>> X.shape, Y.categories
        ((208, 10), ['No Tooth Fault', 'Tooth Fault'])
    """
    check_nargout(nargout, 3, "gearboxFeatures")
    number = whole(numObservations, "numObservations", "gearboxFeatures")
    check_elements(number * SAMPLES, "gearboxFeatures")
    random = seeded(Seed, "gearboxFeatures")
    faulty = random.permutation(np.arange(number) % 2)
    features = _signal_statistics(_vibrations(faulty, random))
    X = np.stack(list(features.values()), axis=1).astype(np.float32)
    Y = categorical(faulty, [0, 1], ["No Tooth Fault", "Tooth Fault"])
    return outputs((X, Y, list(features)), nargout, "gearboxFeatures")


def _digits(half: int) -> tuple[np.ndarray, categorical, np.ndarray]:
    """Images, labels and angles made of one half (0 or 1) of the sources of every digit."""
    sources, angles = _digit_plan(half)
    with np.load(DIGITS_FILE) as file:
        images, labels = file["images"][sources], file["labels"][sources]
    X = _rotated(images / np.float32(255), angles)
    X = np.ascontiguousarray(X.transpose(1, 2, 0))[:, :, np.newaxis]
    return X, categorical(labels), angles[:, np.newaxis].astype(np.float32)


def _digit_plan(half: int) -> tuple[np.ndarray, np.ndarray]:
    """Which images of the file the set shows, and at which angles: no pair occurs twice, no image in both halves."""
    with np.load(DIGITS_FILE) as file:
        labels = file["labels"]
    random = np.random.RandomState(half)
    angles = random.randint(-MAX_ANGLE, MAX_ANGLE + 1, (10, PER_DIGIT))
    sources = np.empty_like(angles)
    for digit in range(10):
        # Mixed before it is split: the file's order groups writers, and both sets should show all kinds of them.
        mixed = np.random.RandomState(digit).permutation(np.flatnonzero(labels == digit))
        pool = np.array_split(mixed, 2)[half]
        sources[digit] = np.resize(pool, PER_DIGIT)
        again = PER_DIGIT - min(len(pool), PER_DIGIT)  # so many at the end show the images from the start once more
        turn = random.randint(1, 2 * MAX_ANGLE + 1, again)
        angles[digit, PER_DIGIT - again:] = (angles[digit, :again] + MAX_ANGLE + turn) % (2 * MAX_ANGLE + 1) - MAX_ANGLE
    order = random.permutation(sources.size)
    return sources.ravel()[order], angles.ravel()[order]


def _rotated(images: np.ndarray, angles: np.ndarray) -> np.ndarray:
    """N×h×w images turned counterclockwise about their centers by whole degrees; bilinear, 0 from outside."""
    libraries()
    from scipy import ndimage
    turned = np.empty_like(images)
    for angle in np.unique(angles):
        chosen = angles == angle
        turned[chosen] = ndimage.rotate(images[chosen], angle, axes=(1, 2), reshape=False, order=1)
    return turned


def _vibrations(faulty: np.ndarray, random: np.random.RandomState) -> np.ndarray:
    """Signals N×SAMPLES of 16 turns of a gear with 20 teeth; speed, load and the strength of the knocks vary."""
    number, turns, teeth = len(faulty), 16, 20
    angle = random.uniform(0, 1, (number, 1)) + np.linspace(0, turns, SAMPLES, endpoint=False)
    load = random.uniform(0.5, 1.5, (number, 1))
    mesh = load * (np.sin(2 * np.pi * teeth * angle) + 0.3 * np.sin(4 * np.pi * teeth * angle + load))
    since_knock = angle % 1
    knock = np.exp(-20 * since_knock) * np.sin(2 * np.pi * 25 * since_knock)
    strength = faulty[:, np.newaxis] * random.uniform(1.5, 4, (number, 1))
    offset = random.normal(0, 0.05, (number, 1))
    values: np.ndarray = offset + mesh + strength * knock + random.normal(0, 0.3, angle.shape)
    return values


def _signal_statistics(signals: np.ndarray) -> dict[str, np.ndarray]:
    """Ten statistics of each row."""
    mean, deviation = signals.mean(axis=1), signals.std(axis=1)
    centered = signals - mean[:, np.newaxis]
    rms, peak = np.sqrt((signals**2).mean(axis=1)), np.abs(signals).max(axis=1)
    return {
        "Mean": mean,
        "Median": np.median(signals, axis=1),
        "RMS": rms,
        "Variance": deviation**2,
        "Peak": peak,
        "PeakToPeak": np.ptp(signals, axis=1),
        "Skewness": (centered**3).mean(axis=1) / deviation**3,
        "Kurtosis": (centered**4).mean(axis=1) / deviation**4,
        "CrestFactor": peak / rms,
        "RangeOfSum": np.ptp(np.cumsum(signals, axis=1), axis=1),
    }


def _noisy(solid: np.ndarray, random: np.random.RandomState) -> np.ndarray:
    """Bright objects, one brightness for each observation (the last dimension), on a dark ground, both with noise."""
    brightness = random.uniform(0.5, 1, solid.shape[-1])
    values = np.where(solid, brightness, 0.1) + random.normal(0, 0.1, solid.shape)
    return values.clip(0, 1).astype(np.float32)


def whole(value: object, name: str, function: str, low: int = 1, high: int = convert.EXACT) -> int:
    try:
        return convert.integer(low, high)(value)
    except InvalidValue as no:
        fail(f"{function}:invalid{name[0].upper()}{name[1:]}", f"'{name}' of {function} must be {no.expected}, but it "
             f"is {show(value)}.", f"Pass {no.expected}.")


def check_elements(elements: int, function: str) -> None:
    """Double precision is needed while they are being made."""
    check_room(elements * np.dtype(np.float64).itemsize, f"{function}:tooLarge", f"The output of {function}",
               "Ask for fewer or smaller observations.")


def seeded(seed: object, function: str) -> np.random.RandomState:
    """NumPy's frozen generator: its numbers are promised never to change."""
    entropy = np.random.SeedSequence(whole(seed, "Seed", function, low=0))
    return np.random.RandomState(np.random.MT19937(entropy))
