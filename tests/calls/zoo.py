"""What users pass by mistake: a name for each value, and how to make it afresh."""

from __future__ import annotations

import math
from collections import Counter, OrderedDict, deque
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from types import MappingProxyType, SimpleNamespace
from typing import Any

import numpy as np

import dltoolbox as dl


class Hostile:
    """An object of which one question raises."""

    def __init__(self, *questions: str) -> None:
        def refuse(self: Any, *args: Any, **kwargs: Any) -> Any:
            raise RuntimeError("this object answers nothing")
        self.__class__ = type("Hostile", (Hostile,), dict.fromkeys(questions, refuse))


class Column:
    """A stand-in for a pandas Series: it can be turned into an array, and its truth is ambiguous."""

    def __init__(self, *values: Any) -> None:
        self.values = np.array(values)
        self.shape, self.dtype, self.ndim, self.size = self.values.shape, self.values.dtype, 1, len(values)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self.values, dtype)

    def __len__(self) -> int:
        return len(self.values)

    def __iter__(self) -> Any:
        return iter(self.values)

    def __getitem__(self, at: Any) -> Any:
        return self.values[at]

    def __eq__(self, other: object) -> Any:
        return self.values == other

    def __bool__(self) -> bool:
        raise ValueError("The truth value of a Series is ambiguous.")


class Missing:
    """A stand-in for pandas.NA: every comparison gives it again, and it is neither true nor false."""

    def __eq__(self, other: object) -> Any:
        return self

    __ne__ = __lt__ = __gt__ = __le__ = __ge__ = __eq__

    def __bool__(self) -> bool:
        raise TypeError("boolean value of NA is ambiguous")


class Word(str):
    """Text that is more than text."""


class Endless:
    """A sequence that never ends, and does not say so."""

    def __getitem__(self, at: int) -> int:
        return 1


def own_element() -> list[Any]:
    items: list[Any] = [1]
    items.append(items)
    return items


def own_elements() -> list[Any]:
    items: list[Any] = []
    items += [items, items]
    return items


def own_value() -> dict[str, Any]:
    table: dict[str, Any] = {}
    table["self"] = table
    return table


def own_array() -> np.ndarray:
    array = np.empty(1, object)
    array[0] = array
    return array


def deep(levels: int = 5000) -> list[Any]:
    items: list[Any] = []
    for _ in range(levels):
        items = [items]
    return items


def frozen(array: np.ndarray) -> np.ndarray:
    array.flags.writeable = False
    return array


def images() -> Any:
    return dl.layerGraph([dl.imageInputLayer([4, 4, 1], Name="in"), dl.reluLayer(Name="act")])


def trained() -> Any:
    return dl.assembleNetwork([dl.featureInputLayer(2, Normalization="none"),
                               dl.fullyConnectedLayer(1, Weights=[[1, 2]], Bias=[0]), dl.regressionLayer])


def pandas_values() -> dict[str, Callable[[], Any]]:
    try:
        import pandas
    except ImportError:
        return {"Series": lambda: Column(1, 2, 3), "Series of text": lambda: Column("a", "b"), "NA": Missing,
                "empty Series": Column, "Series of one": lambda: Column(3)}
    return {"Series": lambda: pandas.Series([1, 2, 3]), "Series of text": lambda: pandas.Series(["a", "b"]),
            "NA": lambda: pandas.NA, "empty Series": lambda: pandas.Series([], dtype=float),
            "Series of one": lambda: pandas.Series([3]), "DataFrame": lambda: pandas.DataFrame({"a": [1, 2], "b": [3, 4]}),
            "Categorical": lambda: pandas.Categorical(["a", "b"]), "NaT": lambda: pandas.NaT}


SCALARS: dict[str, Callable[[], Any]] = {
    repr(value): lambda value=value: value for value in (
        None, True, False, 0, 1, 2, 3, -1, 10**9, 2**63, 2**70, 0.5, 1.5, -0.0, 1e300, 5e-324, math.nan, math.inf,
        -math.inf, 1j, "", "x", "auto", "in", "\ud800", "a\0b", "a/b", "öß😀", b"", b"abc", ..., NotImplemented,
        Decimal("1.5"), Decimal("NaN"), Fraction(1, 3), date(2020, 1, 1), range(0), range(3), range(10**12), frozenset())}
CONTAINERS: dict[str, Callable[[], Any]] = {
    "10**400": lambda: 10**400, "10**5000": lambda: 10**5000,
    "long text": lambda: "long " * 40_000, "long name": lambda: "n" * 300, "Word": lambda: Word("in"),
    "[]": list, "()": tuple, "[[]]": lambda: [[]], "{}": dict, "set()": set, "[1, [2, 3]]": lambda: [1, [2, 3]],
    "[None]": lambda: [None], "[1, 'x']": lambda: [1, "x"], "['a', 'a']": lambda: ["a", "a"], "[1, 2, 3]": lambda: [1, 2, 3],
    "[[1, 2], [3, 4]]": lambda: [[1, 2], [3, 4]], "['']": lambda: [""], "[nan]": lambda: [math.nan],
    "a list in itself": own_element, "a list twice in itself": own_elements, "a dict in itself": own_value,
    "an array in itself": own_array, "deep list": deep, "long list": lambda: [1] * 100_000,
    "dict": lambda: {"a": 1}, "set": lambda: {1, 2}, "OrderedDict": lambda: OrderedDict(x=1), "Counter":
    lambda: Counter("ab"), "deque": lambda: deque([1, 2]), "mapping": lambda: MappingProxyType({}), "generator":
    lambda: (n for n in (1, 2)),
    "iterator": lambda: iter([1, 2]), "map": lambda: map(str, [1]), "bytearray": lambda: bytearray(b"ab"),
    "memoryview": lambda: memoryview(b"ab"), "slice": lambda: slice(None), "endless": Endless}
OBJECTS: dict[str, Callable[[], Any]] = {
    "object": object, "class": lambda: dict, "exception": lambda: ValueError("x"), "exception class": lambda: KeyError,
    "lambda": lambda: (lambda *args: 1), "function without arguments": lambda: (lambda: None), "builtin": lambda: len,
    "module": lambda: math, "Path": lambda: Path("nowhere/at all"), "namespace": SimpleNamespace,
    "dtype": lambda: np.dtype("f4"), "np.float32": lambda: np.float32, "random generator": lambda: np.random.default_rng(0),
    "layer": lambda: dl.reluLayer(Name="act"), "unnamed layer": dl.reluLayer, "factory": lambda: dl.reluLayer,
    "factory with arguments": lambda: dl.convolution2dLayer, "Layer": lambda: dl.Layer, "input layer":
    lambda: dl.imageInputLayer([4, 4, 1], Name="in"), "output layer": lambda: dl.regressionLayer(Name="end"),
    "layers": lambda: [dl.reluLayer(Name="a"), dl.reluLayer(Name="a")], "LayerArray": lambda: dl.layerArray([dl.reluLayer]),
    "architecture": lambda: dl.squeezenet, "graph": images, "empty graph": dl.layerGraph, "dlnetwork":
    lambda: dl.dlnetwork([dl.fullyConnectedLayer(2)], Initialize=False), "empty dlnetwork": dl.dlnetwork, "network": trained,
    "layout": lambda: dl.networkDataLayout([4, 4, 1, math.nan], "SSCB"), "options": lambda: dl.trainingOptions("sgdm"),
    "table": lambda: images().Connections, "categorical": lambda: dl.categorical(["a", "b"]), "label":
    lambda: dl.categorical(["a", "b"])[0], "empty categorical": dl.categorical, "undefined":
    lambda: dl.categorical([None]), "random state": dl.rng, "issue": lambda: dl.Issue("x:y", "z")}
HOSTILE: dict[str, Callable[[], Any]] = {
    f"hostile {' '.join(questions)}": lambda questions=questions: Hostile(*questions) for questions in (
        ("__array__",), ("__len__",), ("__iter__",), ("__len__", "__getitem__"), ("__eq__",), ("__bool__",), ("__repr__",),
        ("__repr__", "__str__", "__format__"), ("__hash__",), ("__float__", "__int__", "__index__"), ("__getattr__",),
        ("__call__",), ("__fspath__",), ("__array__", "__repr__", "__eq__", "__bool__", "__len__", "__iter__", "__hash__"))}
ARRAYS: dict[str, Callable[[], Any]] = {
    f"np.{name}": make for name, make in {
        "0-d": lambda: np.array(3.0), "0-d int": lambda: np.array(2), "0-d text": lambda: np.array("x"),
        "0-d object": lambda: np.array(None, object), "0-d bool": lambda: np.array(True), "empty": lambda: np.empty(0),
        "0×3": lambda: np.empty((0, 3)), "3×0×2": lambda: np.empty((3, 0, 2)), "objects":
        lambda: np.array([1, "x", None], object), "text": lambda: np.array(["a", "b"]), "bytes": lambda: np.array([b"a"]),
        "structured": lambda: np.zeros(2, [("a", "i4"), ("b", "f8")]), "dates": lambda: np.array(["2020-01-01"], "M8[D]"),
        "durations": lambda: np.array([1], "m8[s]"), "complex": lambda: np.ones((2, 2)) * 1j, "float16":
        lambda: np.ones((2, 2), np.float16), "longdouble": lambda: np.ones(2, np.longdouble), "bool":
        lambda: np.array([True, False]), "uint8": lambda: np.arange(4, dtype=np.uint8), "int64":
        lambda: np.array([2**62, -1]),
        "uint64": lambda: np.array([2**64 - 1], np.uint64), "big-endian": lambda: np.ones(3, ">f4"),
        "read-only": lambda: frozen(np.ones((2, 2))), "strided": lambda: np.arange(24.0)[::-3], "Fortran":
        lambda: np.asfortranarray(np.ones((2, 3))), "masked": lambda: np.ma.array([1.0, 2.0], mask=[True, False]),
        "matrix": lambda: np.ones((2, 2)).view(np.recarray), "nan": lambda: np.full((2, 2), np.nan), "inf":
        lambda: np.full((2, 2), np.inf), "row": lambda: np.ones((1, 5)), "4-D": lambda: np.ones((4, 4, 1, 2)),
        "5-D": lambda: np.ones((2, 2, 2, 1, 2)), "30-D": lambda: np.ones((1,) * 30), "huge":
        lambda: np.broadcast_to(np.float32(1), (10**6, 10**6)), "huge row": lambda: np.broadcast_to(np.int8(1), (10**12,)),
        "huge text": lambda: np.broadcast_to(np.array("a"), (10**10,)), "float32 scalar": lambda: np.float32(2),
        "int8 scalar": lambda: np.int8(3), "bool scalar": lambda: np.bool_(True), "text scalar": lambda: np.str_("in"),
        "date scalar": lambda: np.datetime64("2020-01-01"), "NaT": lambda: np.datetime64("NaT", "D"),
        "complex scalar": lambda: np.complex64(1j), "void scalar": lambda: np.void(b"ab"),
        "longdouble scalar": lambda: np.longdouble("1e4000")}.items()}
ZOO: dict[str, Callable[[], Any]] = {**SCALARS, **CONTAINERS, **OBJECTS, **HOSTILE, **ARRAYS, **pandas_values()}
