"""Whoever passes what the message about an option names, gets it accepted: every option of every function and layer."""

import math
import re

import numpy as np
import pytest

import dltoolbox as dl
from dltoolbox.core.errors import IssueCollector
from dltoolbox.core.properties import Configured
from dltoolbox.layers.base import LAYERS

WORDS = re.compile(r"'([^']*)'")
FORMS = [  # of a hint, and the values that it names
    (r"[Tt]ext(?! made)", ["a"]), (r"list of (strings|class names)", [["a", "b"], "a"]),
    (r"true or false", [True, False, 1, 0]),
    (r"or a function|Pass a function", [math.sin]), (r"OutputFcn=f", [lambda info: True]),
    (r"\(X, Y\)", [(np.zeros((4, 4, 1, 2)), np.zeros(2))]), (r"or Inf", [math.inf]), (r"Leave it out|leave it out", []),
    (r"positive integer(?!s)", [3]), (r"odd integer", [3]), (r"positive even integer", [4]),
    (r"non-negative (number|integer)", [0, 2.0]),
    (r"a positive number", [0.5, 3]), (r"finite real number\b|a number,", [0, -1.5]),
    (r"real number or NaN", [0.5, math.nan]), (r"a number in \[0, 1", [0, 0.5]),
    (r"number (?:of at least|from) ([\d.e-]*\d)", float), (r"an integer (?:of at least|from) (\d+)", int),
    (r"integer from \d+ to (\d+)", int), (r"'mean' or (0)|Pass (16) or 8", int),
    (r"vector of (\d) of them", lambda n: [3] * int(n)), (r"one per encoder stage", [[2, 2, 2]]),
    (r"integers \[(.+?)\]", lambda names: [4] * len(names.split(", "))),
    (r"such as (\[.+?\])", eval), (r"a scalar", [1]), (r"such as '(\w+)'", str), (r"such as '\w+' or '(\w+)'", str),
    (r"integers, one per stack", [[3, 4, 6]]), (r"vector of positive numbers|array of positive", [[1, 2.5]]),
    (r"array of finite real", [np.ones((2, 2))]),
    (r"W\.astype\(complex\)", [np.ones((2, 2)).astype(complex), np.ones((2, 2, 2))]),
    (r"array of finite complex", [np.ones((2, 2)) + 1j]),
    (r"array of logical", [np.array([True, False])]), (r"vector of 2 to 16 sizes", [[28, 28, 1, math.nan]]),
    (r"of these forms: .*\[(a, b.*?|l, r)\]", lambda names: [1] * len(names.split(", "))),
    (r"\[(t, b, l, r)\]", lambda names: [1] * 4), (r"2×3 matrix", [[[0, 0, 0], [1, 1, 1]]]),
    (r"a fraction of the workers, their number", [0.5, 2, [1, 0, 2]]),
]
ADVICE = re.compile(r"^(Augment the images|Pass the function itself|Only labels of the images|Pass Matplotlib axes|"
                    r"The option belongs to trainnet|Call \w+\(Weights='none'\))|"
                    r"leave the option out")  # what to do instead, which is no value


def owners(kind=Configured):
    """Every class of options that users meet, but for networks in layers."""
    for page in kind.__subclasses__():
        yield from owners(page)
        if page.label() in {*LAYERS, *dl.__dict__} - {"networkLayer", "neuralODELayer"}:
            yield page


def hint_for(page, prop, value):
    """What is said to do about a value; empty where it is accepted."""
    found = IssueCollector()
    prop.store(object.__new__(page), value, found)
    return " ".join(issue.hint for issue in found)


OPTIONS = {f"{page.label()} {name}": (page, prop) for page in owners() for name, prop in page.properties.items()}


@pytest.mark.parametrize("function", sorted({name.split()[0] for name in OPTIONS}))
def test_what_hints_name_is_accepted(function):
    for name, (page, prop) in OPTIONS.items():
        if name.split()[0] == function:
            for bad in (object(), 2 + 3j, -7.5, "no such word", [["x"], None]):
                check(name, page, prop, hint_for(page, prop, bad))


def check(name, page, prop, hint):
    values = WORDS.findall(hint) if hint.startswith(("Pass ", "Use '")) else []
    for pattern, form in FORMS:
        found = re.search(pattern, hint)
        if found:
            values += form if isinstance(form, list) else [form(next(filter(None, found.groups())))]
    assert values or not hint or ADVICE.search(hint), f"{name}: nothing to pass in {hint!r}"
    for value in values:
        assert not hint_for(page, prop, value), f"{name}={value!r}, as said: {hint!r}"


def test_there_are_hundreds():
    assert len(OPTIONS) > 400
