"""Doing what a message says: the code that its hint quotes, run on the variables of the user's script."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import scipy
import scipy.ndimage

import dltoolbox as dl

NAME = re.compile(r"(?<![\w.'×])(?:~?[A-Za-z_]\w*|\[(?=np\.))")
ASSIGNED = re.compile(r" = ")
AFTER = re.compile(r"; |\.(?= |$)")  # where a statement ends
STEPS = 6  # of a way home


class Lost(AssertionError):
    """A message names nothing that could be done, or its code fails, or it leads round in circles."""


def follow(script: Callable[[Any], Any], variables: dict[str, Any], meant: str = "") -> dict[str, Any]:
    """Run a script, a function of its variables, and do what every message says until it runs.

    Args:
        script: Called with the variables, which it finds as attributes.
        variables: X, Y, layers and whatever else the code in hints may name.
        meant: What the user knows of the data and the message does not, such as ``N×H×W``: it chooses where there is an
            'if'. Without it the first way is taken.

    Returns:
        The variables at the end; ``result`` is what the script returned, ``hints`` are all that were followed.
    """
    space: dict[str, Any] = {**vars(dl), "np": np, "scipy": scipy, **variables, "hints": []}
    for _ in range(STEPS):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", dl.DltoolboxWarning)
                space["result"] = script(Space(space))
            return space
        except dl.DltoolboxError as error:
            issue = error.issues[0]
            text = issue.hint
        except dl.DltoolboxWarning as warning:
            text = str(warning)
        space["hints"].append(text)
        do(text, space, variables, meant)
    raise Lost(f"still, after {space['hints']}")


class Space:
    def __init__(self, space: dict[str, Any]) -> None:
        self.__dict__.update(space)


def do(hint: str, space: dict[str, Any], variables: dict[str, Any], meant: str) -> None:
    """Run the code of a hint: assignments as they are; an expression becomes the variable that it is made of."""
    way = chosen(hint, meant)
    codes = [*quoted(way, {*space})]
    if not codes:
        raise Lost(f"nothing to do in {hint!r}")
    if " = " in codes[0]:
        for code in codes:
            if " = " in code:
                run(code, space, hint)
        return
    code = codes[0]
    if code.split("(")[0].endswith("Layer"):
        space["layers"] = with_layer(space["layers"], run(code, space, hint))
        return
    roots = [name for name in re.findall(r"[A-Za-z_]\w*", code) if name in variables]
    if not roots:
        raise Lost(f"{code!r} is made of no variable")
    space[roots[0]] = run(code, space, hint)


def chosen(hint: str, meant: str) -> str:
    """Of ``If it is A, use a; if it is B, use b.`` what follows the meaning."""
    if meant and meant in hint:
        return hint[hint.index(meant) + len(meant):]
    return hint.partition(" Otherwise ")[0]


def run(code: str, space: dict[str, Any], hint: str) -> Any:
    try:
        if " = " in code:
            return exec(code, space)
        return eval(code, space)
    except Exception as error:
        raise Lost(f"{code!r} of {hint!r}: {error!r}") from error


def with_layer(layers: Any, new: Any) -> list[Any]:
    """An input layer in the place of the first, any other in that of the last layer of its kind."""
    layers = list(layers)
    places = [at for at, layer in enumerate(layers) if type(layer) is type(new)]
    layers[0 if "Input" in type(new).__name__ else places[-1]] = new
    return layers


def quoted(text: str, known: set[str]) -> Iterator[str]:
    """Every piece of code in a text: a name that is known, with what is called, indexed or read of it."""
    at = 0
    while found := NAME.search(text, at):
        stop = end_of_chain(text, found.end() - (found[0] == "["))
        if found[0] == "[":
            yield text[found.start():stop]
        elif found[0].lstrip("~") in known and stop > found.end():
            code = text[found.start():stop]
            if ASSIGNED.match(text, stop):
                value = end_of_value(text, stop + 3)
                code, stop = text[found.start():value], value
            yield code
        elif found[0] in known | {"keep"} and ASSIGNED.match(text, stop):
            value = end_of_value(text, stop + 3)
            yield text[found.start():value]
            stop = value
        at = max(stop, found.end())


def end_of_value(text: str, at: int) -> int:
    """Where a statement ends that began before."""
    while not AFTER.match(text, at):
        at = closing(text, at) + 1 if text[at] in "([" else text.index("'", at + 1) + 1 if text[at] == "'" else at + 1
    return at


def end_of_chain(text: str, at: int) -> int:
    """Where ``.name``, ``(…)`` and ``[…]`` end that follow each other without a gap."""
    while at < len(text):
        if text[at] in "([":
            at = closing(text, at) + 1
        elif text[at] == "." and re.match(r"[A-Za-z_]", text[at + 1:at + 2]):
            at += 1 + len(re.match(r"\w+", text[at + 1:])[0])  # type: ignore[index]
        else:
            break
    return at


def closing(text: str, at: int) -> int:
    depth, quote = 0, ""
    for place in range(at, len(text)):
        letter = text[place]
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "'\"":
            quote = letter
        elif letter in "([{":
            depth += 1
        elif letter in ")]}":
            depth -= 1
            if not depth:
                return place
    raise Lost(f"a bracket stays open in {text!r}")


class Frame:
    """As much of a pandas DataFrame as hints speak of."""

    iloc = object()

    def __init__(self, **columns: Any) -> None:
        self.values = {name: np.asarray(values) for name, values in columns.items()}

    @property
    def columns(self) -> list[str]:
        return list(self.values)

    @property
    def dtypes(self) -> list[np.dtype[Any]]:
        return [values.dtype for values in self.values.values()]

    @property
    def shape(self) -> tuple[int, int]:
        return len(self), len(self.values)

    def __len__(self) -> int:
        return len(next(iter(self.values.values())))

    def __getitem__(self, name: str) -> np.ndarray:
        return self.values[name]

    def __setitem__(self, name: str, values: Any) -> None:
        self.values = self.values | {name: np.asarray(values)}

    def drop(self, *, columns: Any) -> Frame:
        dropped = [columns] if isinstance(columns, str) else columns
        return Frame(**{name: values for name, values in self.values.items() if name not in dropped})

    def replace(self, old: list[float], new: float) -> Frame:
        return Frame(**{name: np.where(np.isin(values, old), new, values) if values.dtype.kind == "f" else values
                        for name, values in self.values.items()})

    def dropna(self) -> Frame:
        keep = np.all([~np.isnan(values) for values in self.values.values() if values.dtype.kind == "f"], axis=0)
        return Frame(**{name: values[keep] for name, values in self.values.items()})

    def to_numpy(self) -> np.ndarray:
        return np.asarray(self)

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        kind = object if any(values.dtype.kind not in "fiub" for values in self.values.values()) else None
        return np.array([values.tolist() for values in self.values.values()], dtype or kind).T
