"""A reader of the MATLAB that `toMATLAB` writes: assignments, calls, brackets, strings and numbers, comments, continuation.

It runs the code with the toolbox's own functions, so that what it makes can be compared with the network.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from scipy.io import loadmat

import dltoolbox
from dltoolbox.core import convert
from dltoolbox.core.properties import Property
from dltoolbox.layers.base import Layer

TOKEN = re.compile(r"""
    (?P<more>\.\.\.[^\n]*\n) | (?P<comment>%[^\n]*) | (?P<space>[\ \t]+) | (?P<newline>\n)
    | (?P<string>"(?:[^"\n]|"")*") | (?P<char>(?<![])\w])'(?:[^'\n]|'')*')
    | (?P<number>\d+\.?\d*(?:e[+-]?\d+)?) | (?P<name>[A-Za-z]\w*) | (?P<sign>[][(){},;=+.@:/*'-])
""", re.VERBOSE)


class Token(NamedTuple):
    kind: str
    text: str
    spaced: bool  # whether a space stands before it


class Anonymous(str):
    """The text of an anonymous function of a size; calling it runs products, ranges, `eye` and `reshape` as MATLAB does."""

    def __call__(self, size: tuple[int, ...]) -> np.ndarray:
        body = self.removeprefix("@(sz) ").replace("'", ".swapaxes(0, 1)").replace(".*", "*")
        body = re.sub(r"\((-?\d+):(\d+):(\d+)\)", r"(steps(\1, \2, \3))", body).replace("sz(3:4)", "sz[2:4]")
        body = body.replace("[1 1 sz[2:4]]", "(1, 1, *sz[2:4])")
        found: np.ndarray = eval(body, {
            "sz": size, "abs": np.abs, "eye": lambda size: np.eye(*size), "reshape": reshape,
            "steps": lambda first, step, last: np.arange(first, last + 1, step)[None, :, None, None]})
        return found


class FunctionLayer(Layer):
    """What functionLayer makes here: the function's text and the ports."""

    Predict = Property(convert.text, positional=True)
    NumInputs = Property(convert.integer(1), 1)
    InputNames = Property(convert.texts, ())
    NumOutputs = Property(convert.integer(1), 1)
    OutputNames = Property(convert.texts, ())
    Formattable = Property(convert.flag, False)

    def inputs(self) -> tuple[str, ...]:
        return tuple(self.InputNames) or ("in",)

    def outputs(self) -> tuple[str, ...]:
        return tuple(self.OutputNames) or ("out",)


def tokens_of(text: str) -> list[Token]:
    tokens, at, spaced = [], 0, False
    while at < len(text):
        found = TOKEN.match(text, at)
        assert found, f"unexpected text: {text[at:at + 40]!r}"
        at, kind = found.end(), str(found.lastgroup)
        if kind in ("more", "space", "comment"):
            spaced = True
            continue
        tokens.append(Token(kind, found.group(), spaced))
        spaced = False
    return [*tokens, Token("end", "", False)]


def reshape(items: Any, *sizes: Any) -> np.ndarray:
    shape = sizes[0] if len(sizes) == 1 else sizes
    return np.asarray(items, float).reshape([int(n) for n in shape], order="F")


class Reader:
    """Runs code; ``variables`` holds what it assigned."""

    def __init__(self, text: str, folder: Path | None = None) -> None:
        self.tokens, self.at, self.folder = tokens_of(text), 0, folder
        self.variables: dict[str, Any] = {"true": True, "false": False, "NaN": float("nan"), "Inf": float("inf")}
        self.functions: dict[str, Any] = {name: getattr(dltoolbox, name) for name in dltoolbox.__all__} | {
            "functionLayer": FunctionLayer, "reshape": reshape, "char": lambda n: chr(int(n)),
            "mfilename": lambda what: "here", "fileparts": lambda file: folder, "fullfile": lambda a, b: a / b,
            "load": lambda file: loadmat(file, struct_as_record=False)}

    def run(self) -> dict[str, Any]:
        while self.peek().kind != "end":
            if self.peek().kind == "newline":
                self.at += 1
            else:
                self.statement()
        return self.variables

    def peek(self, ahead: int = 0) -> Token:
        return self.tokens[self.at + ahead]

    def take(self, text: str = "") -> Token:
        token = self.tokens[self.at]
        assert not text or token.text == text, f"expected {text!r}, found {token.text!r}"
        self.at += 1
        return token

    def statement(self) -> None:
        names = [self.take().text]
        if names == ["clear"]:
            del self.variables[self.take().text]
        else:
            while self.peek().text == ".":
                self.take()
                names.append(self.take().text)
            self.take("=")
            value = self.expression()
            if len(names) == 1:
                self.variables[names[0]] = value
            else:
                self.variables[".".join(names)] = value
        self.take(";")
        assert self.peek().kind in ("newline", "end")

    def expression(self) -> Any:
        value = self.operand()
        while self.peek().text == "+" and not self.peek().spaced:
            self.take()
            value = value + self.operand()
        return value

    def operand(self) -> Any:
        token = self.take()
        if token.kind == "string":
            return token.text[1:-1].replace('""', '"')
        if token.kind == "char":
            return token.text[1:-1].replace("''", "'")
        if token.kind == "number":
            return float(token.text)
        if token.text == "-":
            return -self.operand()
        if token.text == "[":
            return self.matrix()
        if token.text == "@":
            return self.anonymous()
        assert token.kind == "name", f"unexpected {token.text!r}"
        return self.named(token.text)

    def named(self, name: str) -> Any:
        if name in self.variables:
            value = self.variables[name]
            while self.peek().text == ".":
                self.take()
                field = self.take().text
                value = value[field] if isinstance(value, dict) else getattr(value[0, 0], field)
            return value
        assert name in self.functions, f"{name} is not known"
        self.take("(")
        arguments = []
        while self.peek().text != ")":
            arguments.append(self.expression())
            if self.peek().text != ")":
                self.take(",")
        self.take(")")
        return self.functions[name](*arguments)

    def anonymous(self) -> Anonymous:
        """The text of an anonymous function, up to the comma or bracket that ends the argument."""
        words, depth = ["@"], 0
        while depth or self.peek().text not in (",", ")"):
            token = self.take()
            depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(token.text, 0)
            words.append(" " * token.spaced + token.text)
        return Anonymous("".join(words))

    def matrix(self) -> Any:
        """One row as a list, several as a list of lists; layers as one list."""
        rows: list[list[Any]] = [[]]
        while self.peek().text != "]":
            token = self.peek()
            if token.kind == "newline" or token.text == ";":
                self.take()
                if rows[-1]:
                    rows.append([])
            else:
                assert not rows[-1] or token.spaced, "elements of a row are separated"
                rows[-1].append(self.expression())
        self.take("]")
        rows = [row for row in rows if row]
        if any(isinstance(one, Layer) for row in rows for one in row):
            assert all(len(row) == 1 for row in rows)
            return [row[0] for row in rows]
        return rows[0] if len(rows) == 1 else rows


def run_matlab(text: str, folder: Path | None = None) -> dict[str, Any]:
    """The variables after the code has run."""
    return Reader(text, folder).run()
