"""Arrays whose dimensions come in another order, or in other sizes, than a network takes: the exact call that mends them.

An *order* names the dimensions of an array by letters: H, W and D are spatial (S where there is only one), C are channels,
N observations and T time steps, so that PyTorch's images are ``NCHW`` and those that networks take ``HWCN``. `advice` goes
through all orders that a shape can mean and says what to do about the likeliest; where several are as likely, about each.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import permutations, product
from math import prod
from typing import NamedTuple

import numpy as np

from dltoolbox.core.arrays import in_code
from dltoolbox.core.dims import times

SPACE = ("", "S", "HW", "HWD")  # spatial letters by their number
USUAL_SPACE = ("", "S", "HW", "HWD", "DHW")  # as other tools order them, too
USUAL = {"SCN", "NSC", "NCS", "CSN", "SCNT", "NTCS", "NTSC", "NCTS", "CNT", "NTC", "TNC"}  # S for all spatial letters
ORIGINS = {"NCHW": "PyTorch's order", "NHWC": "Keras' order", "NCDHW": "PyTorch's order", "NDHWC": "Keras' order",
           "NTC": "Keras' order, or PyTorch's with batch_first", "TNC": "PyTorch's order", "NTHWC": "Keras' order",
           "NTCHW": "PyTorch's order"}
COLOURS = (1, 2, 3, 4)  # channels that pictures of the same things can have: grey and RGB, each with and without alpha
MOST_ALTERNATIVES = 3
MOST_DISTORTED = 3  # times that one side may be stretched more than another


class Wanted(NamedTuple):
    """The target layout of an array: the order of its dimensions, and the sizes of all but the observations and time steps.

    ``channels`` tells whether there is a dimension of channels at all; label images have none, but may have one of size 1.
    """

    order: str
    sizes: tuple[int, ...]
    channels: bool = True

    @property
    def rank(self) -> int:
        return len(self.sizes) - 1

    def size(self, letter: str) -> int | None:
        return None if letter in "NT" else self.sizes[self.order.index(letter)]


class Meaning(NamedTuple):
    """One thing that an array can be: the order of its dimensions, and whether channels or sides are others."""

    order: str
    recoloured: bool
    resized: bool


def wanted(sizes: Sequence[int], *, timed: bool = False, channels: bool = True) -> Wanted:
    """Images, volumes or sequences of these sizes, spatial ones before the channels."""
    return Wanted(f"{SPACE[len(sizes) - 1]}CN{'T' * timed}", tuple(sizes), channels)


def array_in_code(name: str, value: object) -> str:
    """The same as an array: lists, tables and tensors have not the methods of one."""
    return in_code(name) if isinstance(value, np.ndarray) else f"np.asarray({in_code(name)})"


# What a shape can mean -----------------------------------------------------------------------------------------------
def meanings(shape: tuple[int, ...], goal: Wanted, *, pictures: bool = True) -> list[Meaning]:
    """The likeliest meanings of a shape. Orders alone come first, then other channels, then other sides, then both."""
    for resized, recoloured in product((False, True), (False, True)):
        if (recoloured and not (pictures and goal.channels)) or ("T" in goal.order and (resized or recoloured)):
            continue
        fitting = [(cost, Meaning(order, recoloured, resized)) for cost, order in orders(len(shape), goal)
                   if can_be(shape, order, goal, recoloured, resized)]
        if resized:
            fitting = proportionate(fitting, shape, goal)
        likely = [meaning for cost, meaning in fitting if cost == min(fitting)[0]]
        if likely:
            likely += one_picture(shape, goal, likely) if pictures else []
            return distinct(likely, shape, goal)
    return []


def orders(dimensions: int, goal: Wanted) -> Iterator[tuple[int, str]]:
    """Every order with so many dimensions, and how unusual it is. Channels and observations may be left out, not both."""
    space = goal.order[:goal.rank]
    blocks = ["S"] * bool(space) + [*goal.order[goal.rank:]]
    for arranged, inner in product(permutations(blocks), map("".join, permutations(space))):
        cost = 2 * (inner not in USUAL_SPACE) + ("".join(arranged) not in USUAL)
        order = "".join(inner if block == "S" else block for block in arranged)
        if len(order) == dimensions:
            yield cost, order
        if len(order) == dimensions + 1:
            yield cost + 1, order.replace("N", "")
            if space and "T" not in order:
                without = order.replace("C", "")
                yield cost + without.startswith("DHW"), without  # depth stands first where observations do


def can_be(shape: tuple[int, ...], order: str, goal: Wanted, recoloured: bool, resized: bool) -> bool:
    """Whether the sizes are those that are wanted, but for what may differ; then it must differ."""
    have, channels = dict(zip(order, shape, strict=True)), goal.sizes[-1]
    colours = have.get("C", 1)
    sides = [(have[letter], goal.size(letter)) for letter in goal.order[:goal.rank]]
    same_sides = all(n == size for n, size in sides)
    if resized and (same_sides or not all(n for n, _ in sides)):
        return False
    if recoloured:
        return colours != channels and colours in COLOURS and channels in (1, 3) and (resized or same_sides)
    return colours == channels and (resized or same_sides)


def proportionate(fitting: list[tuple[int, Meaning]], shape: tuple[int, ...], goal: Wanted) -> list[tuple[int, Meaning]]:
    """Of images of other sizes those of the wanted proportions, if there are any; none that would be torn apart."""
    def distortion(order: str) -> float:
        scales = [(goal.size(letter) or 1) / shape[order.index(letter)] for letter in goal.order[:goal.rank]]
        return round(max(scales) / min(scales), 6)
    return ([pair for pair in fitting if distortion(pair[1].order) == 1]
            or [pair for pair in fitting if distortion(pair[1].order) <= MOST_DISTORTED])


def one_picture(shape: tuple[int, ...], goal: Wanted, likely: Sequence[Meaning]) -> list[Meaning]:
    """Three or four grey images H×W×N can be one picture in colours as well."""
    space = goal.order[:goal.rank]
    if goal.channels and goal.sizes[-1] == 1 and shape[-1] in (3, 4):
        return [Meaning(f"{space}C", True, meaning.resized) for meaning in likely if meaning.order == f"{space}N"]
    return []


def distinct(likely: Sequence[Meaning], shape: tuple[int, ...], goal: Wanted) -> list[Meaning]:
    """One of those that lead to the same array: the place of dimensions of size 1 does not matter."""
    found = dict[object, Meaning]()
    for meaning in likely:
        moved = [axis for axis in permutation(meaning.order, goal) if shape[axis] != 1]
        found.setdefault((tuple(moved), meaning.recoloured, meaning.resized), meaning)
    return [*found.values()][:MOST_ALTERNATIVES]


# Calls ---------------------------------------------------------------------------------------------------------------
def permutation(order: str, goal: Wanted) -> list[int]:
    """The dimensions of the array in the order that is wanted."""
    return [order.index(letter) for letter in goal.order if letter in order]


def call(meaning: Meaning, shape: tuple[int, ...], goal: Wanted, code: str) -> str:
    """The expression that makes of an array what is wanted."""
    order, rank = meaning.order, goal.rank
    code = reordered(code, permutation(order, goal), goal.channels)
    have = dict(zip(order, shape, strict=True))
    if "C" not in order and goal.channels:
        code += "[..., np.newaxis, :]" if "N" in order else "[..., np.newaxis]"
    if meaning.recoloured:
        code = recoloured(code, have.get("C", 1), goal.sizes[-1], rank)
    if meaning.resized:
        sides = [(have[letter], goal.size(letter) or 0) for letter in goal.order[:rank]]
        code = scaled(code, sides, 1 + ("N" in order)) if goal.channels else picked(code, sides)
    return code


def reordered(code: str, axes: list[int], plain: bool = True) -> str:
    """Dimensions in another order; a categorical has ``transpose`` alone."""
    count = len(axes)
    if axes == sorted(axes):
        return code
    if plain and count == 2:
        return f"{code}.T"
    if plain and axes == [*range(1, count), 0]:
        return f"np.moveaxis({code}, 0, -1)"
    if plain and axes == [*range(1, count - 1), 0, count - 1]:
        return f"np.moveaxis({code}, 0, -2)"
    exchanged = [place for place, axis in enumerate(axes) if place != axis]
    if plain and len(exchanged) == 2:
        return f"np.swapaxes({code}, {exchanged[0]}, {exchanged[1]})"
    return f"{code}.transpose({', '.join(map(str, axes))})"


def recoloured(code: str, have: int, want: int, axis: int) -> str:
    """Pictures with other channels: without alpha, the mean of the colours, or grey three times."""
    if have in (2, 4):
        code += f"[{':, ' * axis}:{have - 1}]"
    if want == 1:
        return f"{code}.mean(axis={axis}, keepdims=True)" if have > 2 else code
    return code if have > 2 else f"np.repeat({code}, 3, axis={axis})"


def scaled(code: str, sides: Sequence[tuple[int, int]], others: int) -> str:
    """Images of another size, by interpolation between pixels."""
    factors = ["1" if have == want else f"{want}/{have}" for have, want in sides] + ["1"] * others
    return f"scipy.ndimage.zoom({code}, ({', '.join(factors)}), order=1)"


def picked(code: str, sides: Sequence[tuple[int, int]]) -> str:
    """Label images of another size: labels are not interpolated, the nearest is taken."""
    for axis, (have, want) in enumerate(sides):
        if have != want:
            code += f"[{':, ' * axis}np.arange({want}) * {have} // {want}]"
    return code


# Words ---------------------------------------------------------------------------------------------------------------
def advice(shape: tuple[int, ...], goal: Wanted, code: str, *, pictures: bool = True) -> str:
    """Advice about an array of this shape, in calls that can be copied; empty where nothing is likely.

    Args:
        shape: The sizes that came.
        goal: What is wanted.
        code: The array in calls.
        pictures: Whether the channels are those of pictures, so that colours can be made grey, and grey colours.
    """
    found = [(meaning, call(meaning, shape, goal, code)) for meaning in meanings(shape, goal, pictures=pictures)]
    if not found:
        flat = flat_advice(shape, goal, code)
        shorter = tuple(n for n in shape if n != 1)
        return flat if flat or shorter == shape else advice(shorter, goal, f"np.squeeze({code})", pictures=pictures)
    if len(found) > 1:
        return alternatives((f"it is {order_text(meaning.order)}", how) for meaning, how in found)
    meaning, how = found[0]
    if permutation(meaning.order, goal) != sorted(permutation(meaning.order, goal)) or how == code:
        return f"This looks like {order_text(meaning.order)}: use {how}."
    return f"{deed(meaning, shape, goal)} {how}."


def alternatives(pairs: Iterator[tuple[str, str]]) -> str:
    """``If it is A, use a; if it is B, use b.``"""
    text = "; ".join(f"if {condition}, use {how}" for condition, how in pairs)
    return f"{text[:1].upper()}{text[1:]}."


def order_text(order: str) -> str:
    """``N×C×H×W (PyTorch's order)``, ``one image H×W×C``."""
    origin = f" ({ORIGINS[order]})" if order in ORIGINS else ""
    alone = "" if "N" in order or "T" in order else "one volume " if "D" in order else "one image "
    return f"{alone}{'×'.join(order)}{origin}"


def deed(meaning: Meaning, shape: tuple[int, ...], goal: Wanted) -> str:
    """The words before a call that leaves the order of the dimensions as it is."""
    if meaning.recoloured and meaning.resized:
        return "Resize the images and convert their colours with"
    if meaning.resized:
        return "Resize the images with"
    if not meaning.recoloured:
        return "Insert the channel dimension:"
    have = dict(zip(meaning.order, shape, strict=True)).get("C", 1)
    return ("Make the images grey with" if goal.sizes[-1] == 1 else "Repeat the grey channel with" if have < 3 else
            "Drop the alpha channel with")


def sequence_advice(shapes: Sequence[tuple[int, ...]], sizes: tuple[int, ...], code: str) -> tuple[str, str] | None:
    """The likely order of the sequences in a list, or of one alone, in words, and the expression that makes …×C×T of each;
    None where there is none.

    Args:
        shapes: The sizes that came.
        sizes: Spatial sizes and channels of a time step.
        code: A sequence in calls.
    """
    space = SPACE[len(sizes) - 1]
    goal = Wanted(f"{space}CT", sizes)
    orders = [f"T{space}C", f"TC{space}", f"C{space}T", f"{space}TC", f"{space[::-1]}CT", f"T{space[::-1]}C"]
    orders += [f"T{space}", f"{space}T"] if space and sizes[-1] == 1 else []
    for order in dict.fromkeys(orders):
        wanted_sizes = [goal.size(letter) for letter in order]  # None for T
        if order != goal.order and all(len(shape) == len(order) and all(
                want in (None, n) for want, n in zip(wanted_sizes, shape, strict=True)) for shape in shapes):
            made = reordered(code, permutation(order, goal))
            many = "These look" if len(shapes) > 1 else "This looks"
            return f"{many} like {'×'.join(order)}", made if "C" in order else f"{made}[..., np.newaxis, :]"
    return None


def flat_advice(shape: tuple[int, ...], goal: Wanted, code: str) -> str:
    """Images as rows or columns of a matrix: the order of their pixels is not to be seen, so each is named."""
    pixels, labelled = prod(goal.sizes), len(shape) == 2 and shape[1] == prod(goal.sizes) + 1
    if not goal.channels or "T" in goal.order or len(shape) > 2 or not goal.rank or not (pixels in shape or labelled):
        return ""
    if labelled and pixels not in shape:
        rows = flat_calls(goal, f"{code}[:, 1:]")[0][1]
        return (f"If the first column holds the labels, as in MNIST's CSV files, use {rows}, and categorical({code}[:, 0]) "
                "as Y.")
    if len(shape) == 1:
        code = f"{code}[np.newaxis]"
    elif shape[1] != pixels:
        code = f"{code}.T"
    kind = "column" if len(shape) == 2 and shape[1] != pixels else "row"
    return alternatives((f"each {kind} holds its image {how}" if at == 0 else how, text)
                        for at, (how, text) in enumerate(flat_calls(goal, code)))


def flat_calls(goal: Wanted, code: str) -> list[tuple[str, str]]:
    """How the pixels of a row may follow each other, and what makes images of the rows."""
    *space, channels = goal.sizes
    sides = ", ".join(map(str, space))
    by_row = f"np.moveaxis({code}.reshape(-1, {sides}, {channels}), 0, -1)"
    columns = code.removesuffix(".T") if code.endswith(".T") else f"{code}.T"
    by_column = f"{columns}.reshape({sides}, {channels}, -1, order='F')"
    matlab = ("column by column, as MATLAB does", by_column)
    if channels == 1:
        return [("row by row, as MNIST's CSV files do", by_row), matlab]
    space_axes = [*range(2, 2 + len(space))]
    by_channel = f"{code}.reshape(-1, {channels}, {sides}).transpose({', '.join(map(str, [*space_axes, 1, 0]))})"
    return [("channel by channel and row by row, as CIFAR's files do", by_channel),
            ("row by row with the channels of a pixel side by side, as NumPy does", by_row), matlab]


def features_advice(shape: tuple[int, ...], features: int, code: str) -> str:
    """Advice about an array that is not N×f; empty if nothing is likely."""
    if len(shape) == 2:
        if shape[0] == features:
            return f"The features are rows here: use {code}.T."
        return f"Choose the columns of the {features} features, as in {code}[:, :{features}]." if shape[1] > features else ""
    if len(shape) == 1:
        return f"Make rows of {features} features: {code}.reshape(-1, {features})." if shape[0] % features == 0 else ""
    ways = []
    if prod(shape[1:]) == features:
        ways.append(("the observations come first", f"{code}.reshape({shape[0]}, -1)"))
    if prod(shape[:-1]) == features:
        ways.append(("the observations come last", f"{code}.reshape({features}, -1, order='F').T"))
    return alternatives(iter(ways)) if len(ways) > 1 else f"Make a row of each observation: {ways[0][1]}." if ways else ""


def input_layer(sizes: Sequence[int]) -> str:
    """The call that makes an input layer for data of these sizes, the channels last."""
    factory = ("featureInputLayer", "inputLayer", "imageInputLayer", "image3dInputLayer")[len(sizes) - 1]
    size = str(sizes[0]) if len(sizes) == 1 else f"[{', '.join(map(str, sizes))}]"
    return f"{factory}({size}, 'SCB')" if factory == "inputLayer" else f"{factory}({size})"


def new_input_layer(shape: tuple[int, ...], goal: Wanted) -> str:
    """The input layer for images of these channels and sizes in a network without weights; empty if it is not known."""
    likely = meanings(shape, goal)
    if len(shape) == len(goal.order) and not likely and shape[:goal.rank] == goal.sizes[:-1]:
        likely = [Meaning(goal.order, True, True)]
    if len(likely) != 1 or not (likely[0].recoloured or likely[0].resized) or goal.rank < 2 or "T" in goal.order:
        return ""
    have = dict(zip(likely[0].order, shape, strict=True))
    sizes = [have.get(letter, 1) for letter in goal.order[:goal.rank + 1]]
    return f"For new layers, {input_layer(sizes)} takes images of size {times(sizes)}." if all(sizes) else ""
