"""Declared options: every form of call, every complaint."""

import inspect

import numpy as np
import pytest

from dltoolbox.core import convert
from dltoolbox.core.errors import DltoolboxError
from dltoolbox.core.properties import HIDDEN, ByRank, Configured, Property, show, usage


class Kettle(Configured):
    rank = 2

    Size = Property(ByRank(convert.sizes), doc="Size.", positional=True, argument="size")
    Lid = Property(convert.flag, True, "Lid.", positional=True, argument="lid")
    Colour = Property(convert.choice("red", "green", "grey"), "red", "Colour.", settable=True)
    Volume = Property(convert.real(0), 1.5, "Volume.", group=HIDDEN)
    VolumeUnit = Property(convert.text, "l", "Unit.")
    Name = Property(convert.text, "", "Name.", settable=True, group="")

    @classmethod
    def label(cls):
        return "kettle"

    def validate(self):
        if self.Volume > 10 and not self.Lid:
            from dltoolbox.core.errors import fail
            fail("kettle:lidNeeded", "A large kettle needs a lid.", "Pass lid=True.")


def problems(*args, **kwargs):
    with pytest.raises(DltoolboxError) as caught:
        Kettle(*args, **kwargs)
    return [name.removeprefix("dltoolbox:kettle:") for name in caught.value.identifiers]


@pytest.mark.parametrize(("args", "kwargs"), [
    ((3, True, "Colour", "green"), {}),
    ((3,), {"Colour": "green"}),
    ((3, "Colour", "green"), {}),
    ((3, "cOLOUR", "GREEN"), {}),
    ((3, "col", "gree"), {}),
    ((3,), {"colour": "Green"}),
    ((), {"size": 3, "Colour": "green"}),
    ((), {"Size": [3, 3], "Colour": "green"}),
    (("size", 3, "Colour", "green"), {}),
    ((3, "Colour", "red", "Colour", "green"), {}),
    ((3, "Colour", "red"), {"Colour": "green"}),
    ((np.int64(3),), {"Colour": np.str_("green")}),
    ((np.array([3, 3]),), {"Colour": "green", "lid": 1}),
    (((3.0, 3.0),), {"Colour": "green", "lid": np.True_}),
])
def test_all_forms_mean_the_same(args, kwargs):
    kettle = Kettle(*args, **kwargs)
    assert (kettle.Size, kettle.Lid, kettle.Colour, kettle.Volume) == ((3, 3), True, "green", 1.5)


def test_an_optional_positional_can_be_skipped():
    assert Kettle(2, "Name", "k").Lid is True
    assert Kettle(2, False, "Name", "k").Lid is False


def test_exact_names_win_over_prefixes():
    assert Kettle(1, "Volume", 2).Volume == 2.0
    assert problems(1, "Vol", 2) == ["unknownOption"]  # Volume or VolumeUnit


@pytest.mark.parametrize(("args", "kwargs", "expected"), [
    ((), {}, ["missingArgument"]),
    (("Name", "k"), {}, ["missingArgument"]),
    ((0,), {}, ["invalidSize"]),
    (([1, 2, 3],), {}, ["invalidSize"]),
    ((1, True, "Colour"), {}, ["invalidArguments"]),
    ((1, True, 7, 8), {}, ["invalidArguments"]),
    ((1,), {"Color": "red"}, ["unknownOption"]),
    ((1,), {"Colour": "gr"}, ["invalidColour"]),
    ((1,), {"Colour": 3}, ["invalidColour"]),
    ((1, "maybe"), {}, ["invalidLid"]),
    ((1,), {"Volume": -1, "Colour": "blue", "Nmae": "x"}, ["unknownOption", "invalidColour", "invalidVolume"]),
    ((1,), {"Volume": float("nan")}, ["invalidVolume"]),
    ((1,), {"Volume": float("inf")}, ["invalidVolume"]),
    ((1,), {"Volume": True}, ["invalidVolume"]),
    ((1, False), {"Volume": 11}, ["lidNeeded"]),
])
def test_every_problem_of_a_call_is_reported(args, kwargs, expected):
    assert problems(*args, **kwargs) == expected


def test_messages_say_what_was_given_and_what_to_do():
    with pytest.raises(DltoolboxError, match=r"'size' of kettle must be a positive integer or a vector of 2 of them, but "
                                             r"it is 'big'\. Pass a positive integer"):
        Kettle("big")
    with pytest.raises(DltoolboxError, match=r"'Color' is not a recognized option .* Did you mean 'Colour'\?"):
        Kettle(1, Color="red")
    with pytest.raises(DltoolboxError, match="Its properties are size, lid, Colour"):
        Kettle(1, xyz=1)
    with pytest.raises(DltoolboxError, match="Layer 'k1': 'Colour' of kettle must be 'red', 'green' or 'grey', but it is 7"):
        Kettle(1, Name="k1", Colour=7)
    with pytest.raises(DltoolboxError, match=r"Call kettle\(size, lid=…, Colour=…, VolumeUnit=…, …\)"):
        Kettle()


def test_reading_and_setting():
    kettle = Kettle(1)
    kettle.Colour = "GREY"
    assert kettle.Colour == "grey"
    with pytest.raises(DltoolboxError) as caught:
        kettle.Size = 4
    assert caught.value.identifier == "dltoolbox:kettle:readOnly"
    assert "Create a new one: kettle(…, Size=…)" in str(caught.value)
    with pytest.raises(DltoolboxError, match="invalidColour"):
        kettle.Colour = "blue"
    assert kettle.Colour == "grey"  # a refused value changes nothing
    with pytest.raises(DltoolboxError, match="Did you mean 'Colour'"):
        kettle.Color = "red"


def test_subclasses_extend_redeclare_and_hide():
    class Samovar(Kettle):
        Colour = Property(convert.choice("gold"), "gold")
        VolumeUnit = None
        Tap = Property(convert.flag, True)

    assert list(Samovar.properties) == ["Size", "Lid", "Volume", "Name", "Colour", "Tap"]
    assert Samovar(1).Colour == "gold"
    assert list(Kettle.properties)[:2] == ["Size", "Lid"]


def test_signature_and_usage_show_documented_names():
    from dltoolbox.core.properties import signature
    parameters = signature(Kettle.properties).parameters
    assert list(parameters) == ["size", "lid", "pairs", "Colour", "VolumeUnit", "Volume", "Name"]
    assert parameters["size"].default is inspect.Parameter.empty
    assert parameters["Volume"].default == 1.5
    assert usage("kettle", Kettle.properties) == "kettle(size, lid=…, Colour=…, VolumeUnit=…, …)"


def test_values_in_messages_stay_short():
    assert show(np.zeros((3, 4))) == "a 3×4 float64 array"
    assert show("x" * 200).endswith("…")
    assert len(show("x" * 200)) <= 80
    assert show((np.zeros((3, 4)), "Stride")) == "(a 3×4 float64 array, 'Stride')"
    assert "\n" not in show(np.eye(2))


def test_conversions_are_made_once_and_defaults_converted_once():
    made, converted = [], []

    def by_rank(rank):
        made.append(rank)
        return lambda value: converted.append(value) or (value,) * rank

    class Plain(Configured):
        Size = Property(ByRank(by_rank), 3, settable=True)

    class Flat(Plain):
        rank = 2

    class Solid(Plain):
        rank = 3

    flat, _, solid, _ = Flat(), Flat(), Solid(), Solid()
    assert (flat.Size, solid.Size) == ((3, 3), (3, 3, 3))
    for value in (4, 5):
        flat.Size = value
    assert (made, converted) == ([2, 3], [3, 3, 4, 5])
