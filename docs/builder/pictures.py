"""Draws the pictures of the gallery from what the examples give: ``python -m docs.builder.pictures [NAME …]``.

Every example runs in full; the networks that it trains are caught, and its data are asked for again. Pictures are kept with
the documents, since the long forms take minutes.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import dltoolbox
from dltoolbox import (
    classify,
    confusionmat,
    digitTest4DArrayData,
    gearboxFeatures,
    japaneseVowelsTestData,
    predict,
    predictAndUpdateState,
    seasonalSeries,
    semanticseg,
    shapeVolumes,
    triangleImages,
)

ROOT = Path(__file__).parents[2]
BLUE, ORANGE, GREY = "#2f6fde", "#e8590c", "#8a94a6"
PICTURES: dict[str, Callable[[list[Any], Any], None]] = {}


def picture(draw: Callable[[list[Any], Any], None]) -> Callable[[list[Any], Any], None]:
    """Enter a function that draws the picture of the example of its name."""
    PICTURES[draw.__name__] = draw
    return draw


def example_module(name: str) -> Any:
    """An example, imported."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "examples" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def trained(name: str) -> list[Any]:
    """The networks that an example trains, in order."""
    module = example_module(name)
    networks: list[Any] = []

    def caught(*arguments: object, **options: object) -> object:
        networks.append(dltoolbox.trainNetwork(*arguments, **options))
        return networks[-1]

    module.trainNetwork = caught
    module.main()
    return networks


@picture
def digits_classification(networks: list[Any], figure: Any) -> None:
    """Test digits with their labels, the wrong ones in orange, and the confusions."""
    images, labels = digitTest4DArrayData(nargout=2)
    predicted = classify(networks[0], images)
    left, right = figure.subfigures(1, 2, width_ratios=[1.25, 1])
    wrong = np.flatnonzero(predicted != labels)[:6]
    for axes, index in zip(left.subplots(4, 6).flat, [*range(18), *wrong], strict=True):
        axes.imshow(images[:, :, 0, index], cmap="gray_r")
        axes.set_title(str(predicted[index]), fontsize=9, pad=2, color=BLUE if predicted[index] == labels[index] else ORANGE)
        axes.axis("off")
    confusion(right.subplots(), confusionmat(labels, predicted), labels.categories)


@picture
def digit_rotation_regression(networks: list[Any], figure: Any) -> None:
    """Digits turned upright by the predicted angle, and predicted against true angles."""
    from scipy.ndimage import rotate

    images, _, angles = digitTest4DArrayData(nargout=3)
    predicted = predict(networks[0], images)
    left, right = figure.subfigures(1, 2, width_ratios=[1.25, 1])
    grid = left.subplots(2, 6)
    for cell, title in zip(grid[:, 0], ("as they come", "turned back by the prediction"), strict=True):
        cell.text(0, 1.08, title, fontsize=9, transform=cell.transAxes).set_in_layout(False)
    for (above, below), index in zip(grid.T, np.argsort(-np.abs(angles.ravel()))[:200:34], strict=True):
        above.imshow(images[:, :, 0, index], cmap="gray_r")
        below.imshow(rotate(images[:, :, 0, index], -predicted[index, 0], reshape=False), cmap="gray_r", vmin=0, vmax=1)
        above.axis("off")
        below.axis("off")
    axes = right.subplots()
    axes.plot(angles, predicted, ".", color=BLUE, markersize=2, alpha=0.4)
    axes.plot([-45, 45], [-45, 45], color=ORANGE)
    axes.set(xlabel="true angle", ylabel="predicted angle", aspect="equal")


@picture
def custom_layers(networks: list[Any], figure: Any) -> None:
    """Images, true labels, and the labels of the network."""
    triangles(figure, {"found": networks[0]})


@picture
def segnet_unpooling(networks: list[Any], figure: Any) -> None:
    """Images, true labels, and the labels of both networks."""
    triangles(figure, dict(zip(("unpooling", "transposed"), networks, strict=False)))


def triangles(figure: Any, networks: dict[str, Any]) -> None:
    """Images of triangles, their true labels, and those of networks by name, row by row."""
    images, labels = triangleImages(100, Seed=1, nargout=2)
    rows = [("image", images[:, :, 0]), ("truth", labels == "triangle"),
            *((name, semanticseg(images, net) == "triangle") for name, net in networks.items())]
    for axes, (name, row) in zip(figure.subplots(len(rows), 8), rows, strict=True):
        for cell, index in zip(axes, range(8), strict=True):
            cell.imshow(row[..., index], cmap="gray" if name == "image" else "Blues", interpolation="nearest")
            cell.set(xticks=[], yticks=[])
        axes[0].set_ylabel(name, fontsize=8)


@picture
def sequence_classification(networks: list[Any], figure: Any) -> None:
    """The confusions of the LSTM, and of the network of convolutions."""
    X, labels = japaneseVowelsTestData(nargout=2)
    for axes, net, title in zip(figure.subplots(1, 2), networks, ("LSTM", "convolutions"), strict=True):
        predicted = classify(net, X)
        confusion(axes, confusionmat(labels, predicted), labels.categories)
        axes.set_title(f"{title}: {(predicted == labels).mean():.1%}")


@picture
def sequence_forecasting(networks: list[Any], figure: Any) -> None:
    """The last months as observed, one step ahead, and in closed loop."""
    series = seasonalSeries()
    months = series.shape[1] * 9 // 10
    train, test = series[:, :months + 1], series[:, months:]
    mean, deviation = train.mean(), train.std()
    start, last = predictAndUpdateState(dltoolbox.resetState(networks[0]), (train - mean) / deviation, nargout=2)
    _, ahead = predictAndUpdateState(start, (test[:, 1:-1] - mean) / deviation, nargout=2)
    net, alone = start, [last[:, -1:]]
    while len(alone) < test.shape[1] - 1:
        net, value = predictAndUpdateState(net, alone[-1], nargout=2)
        alone.append(value)
    axes = figure.subplots()
    axes.plot(range(months - 35, series.shape[1]), series[0, months - 35:], color=GREY, label="observed")
    at = range(months + 1, series.shape[1])
    axes.plot(at, np.hstack([last[:, -1:], ahead])[0] * deviation + mean, color=BLUE, label="one step ahead")
    axes.plot(at, np.hstack(alone)[0] * deviation + mean, color=ORANGE, label="closed loop")
    axes.set(xlabel="month", ylabel="cases")
    axes.legend(frameon=False)


@picture
def sequence_tagging(networks: list[Any], figure: Any) -> None:
    """Test signals, coloured by predicted wave, and the waves that they consist of below."""
    example = example_module("sequence_tagging")
    X, Y = example.signals(4, np.random.default_rng(7))
    predicted = classify(networks[0], X)
    colours = dict(zip(example.WAVES, (BLUE, ORANGE, "#2f9e44", "#9c36b5"), strict=True))
    for axes, signal, mine, theirs in zip(figure.subplots(4, 1), X, predicted, Y, strict=True):
        axes.plot(signal[0], color=GREY, linewidth=0.7)
        for height, tags in ((1.6, mine), (-1.9, theirs)):
            axes.scatter(range(len(tags)), [height] * len(tags), c=[colours[tag] for tag in tags.tolist()], s=7, marker="s")
        axes.set(xticks=[], yticks=[1.6, -1.9], ylim=(-2.4, 2.1))
        axes.set_yticklabels(["predicted", "true"], fontsize=7)
    figure.legend(handles=[axes.scatter([], [], c=colour, s=12, marker="s", label=name) for name, colour in colours.items()],
                  loc="outside lower center", ncols=4, frameon=False)


@picture
def tabular_features(networks: list[Any], figure: Any) -> None:
    """Scores of the test machines, by truth."""
    X, Y, _ = gearboxFeatures(nargout=3)
    X, Y = X[177:], Y[177:]
    label = Y.categories[-1]
    _, scores = classify(networks[0], X, nargout=2)
    order = np.argsort(scores[:, -1])
    axes = figure.subplots()
    colours = [ORANGE if Y[index] == label else BLUE for index in order]
    axes.bar(range(len(order)), scores[order, -1], color=colours)
    axes.axhline(0.5, color=GREY, linewidth=1)
    axes.set(xlabel="test machines, in order of their score", ylabel=f"score of '{label}'")
    axes.legend(handles=[axes.bar(0, 0, color=colour, label=name)
                         for colour, name in ((BLUE, Y.categories[0]), (ORANGE, label))], title="truth")


@picture
def transfer_learning(networks: list[Any], figure: Any) -> None:
    """The confusions of the network with transfer, and of the one without."""
    images, labels = digitTest4DArrayData(nargout=2)
    chosen = np.isin(labels.tolist(), ["5", "6", "7", "8", "9"])
    images, labels = images[..., chosen], dltoolbox.removecats(labels[chosen])
    titles = ("with transfer", "from scratch")
    for axes, net, title in zip(figure.subplots(1, 2), networks[1:], titles, strict=True):
        predicted = classify(net, images)
        confusion(axes, confusionmat(labels, predicted), labels.categories)
        axes.set_title(f"{title}: {(predicted == labels).mean():.0%}")


@picture
def video_classification(networks: list[Any], figure: Any) -> None:
    """Pictures of test films, with their labels."""
    X, Y = example_module("video_classification").films(40, np.random.default_rng(3))
    predicted = classify(networks[0], X)
    chosen = [int(np.flatnonzero(name == Y)[0]) for name in Y.categories]
    for row, index in zip(figure.subplots(4, 6), chosen, strict=True):
        for axes, step in zip(row, range(6), strict=True):
            axes.imshow(X[index][:, :, 0, step], cmap="gray_r", vmin=-0.5, vmax=1.2)
            axes.set(xticks=[], yticks=[])
        row[0].set_ylabel(str(predicted[index]), fontsize=10, color=BLUE if predicted[index] == Y[index] else ORANGE)


@picture
def volume_classification(networks: list[Any], figure: Any) -> None:
    """Slices through test volumes, with their labels."""
    volumes, labels = shapeVolumes(150, Seed=1, nargout=2)
    predicted = classify(networks[0], volumes)
    chosen = [int(np.flatnonzero(labels == name)[0]) for name in labels.categories]
    for row, index in zip(figure.subplots(3, 8), chosen, strict=True):
        for axes, depth in zip(row, range(1, 16, 2), strict=True):
            axes.imshow(volumes[:, :, depth, 0, index], cmap="gray", vmin=volumes.min(), vmax=volumes.max())
            axes.set(xticks=[], yticks=[])
        row[0].set_ylabel(str(predicted[index]), fontsize=11, color=BLUE if predicted[index] == labels[index] else ORANGE)


def confusion(axes: Any, matrix: np.ndarray, names: list[str]) -> None:
    """A confusion matrix with its numbers."""
    axes.imshow(matrix / matrix.sum(1, keepdims=True), cmap="Blues", vmin=0, vmax=1)
    for (row, column), count in np.ndenumerate(matrix):
        if count:
            axes.text(column, row, count, ha="center", va="center", fontsize=7, color="w" if row == column else "k")
    axes.set(xticks=range(len(names)), yticks=range(len(names)), xlabel="predicted", ylabel="true")
    axes.set_xticklabels(names)
    axes.set_yticklabels(names)


def main(names: list[str]) -> None:
    import matplotlib as mpl
    from matplotlib import pyplot as plt

    mpl.use("Agg")
    for name in names or PICTURES:
        figure = plt.figure(figsize=(7.6, 3.4), layout="constrained")
        PICTURES[name](trained(name), figure)
        figure.savefig(ROOT / "docs" / "gallery" / f"{name}.png", dpi=110, pil_kwargs={"optimize": True})
        plt.close(figure)


if __name__ == "__main__":
    main(sys.argv[1:])
