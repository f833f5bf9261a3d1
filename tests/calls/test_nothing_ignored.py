"""No public function takes what it does not use: unknown options, arguments that are left over, values of a wrong kind."""

import inspect

import pytest

import dltoolbox as dl
from tests.calls.examples import EXAMPLES, SLOW

IDENTITIES = {"gather": "returns whatever it is given", "parpool": "stands for a pool that is not needed",
              "dlfeval": "hands everything to the function that it calls",
              "saveVariables": "takes variables of any names"}
FUNCTIONS = [name for name in EXAMPLES if name in dl.__all__ and name not in SLOW and name not in IDENTITIES
             and not inspect.isclass(getattr(dl, name))]


class Odd:
    """A value that no option takes."""


def refused(name, *more, **options):
    call = EXAMPLES[name]()
    with pytest.raises((dl.DltoolboxError, TypeError)) as caught:
        call.function(*call.args, *more, **call.options | options)
    return caught.value


@pytest.mark.parametrize("name", FUNCTIONS)
def test_no_function_takes_what_it_does_not_use(name, capsys):
    assert "Nonsense" in str(refused(name, Nonsense=1))
    refused(name, "Nonsense", 1)
    refused(name, Odd())
    refused(name, Odd(), Odd())
    assert "Training" not in capsys.readouterr().out


@pytest.mark.parametrize("name", [name for name in FUNCTIONS if EXAMPLES[name]().options])
def test_every_option_has_values_that_it_refuses(name):
    for option in EXAMPLES[name]().options:
        refused(name, **{option: Odd()})


@pytest.mark.parametrize("name", [name for name in FUNCTIONS if EXAMPLES[name]().options])
def test_keywords_are_not_completed(name):
    """``Strid=2`` could be meant for anything; ``'Strid', 2`` is completed as in MATLAB."""
    call = EXAMPLES[name]()
    options = {option: value for option, value in call.options.items() if len(option) > 3 and option != "nargout"}
    for option, value in options.items():
        rest = {other: kept for other, kept in call.options.items() if other != option}
        with pytest.raises((dl.DltoolboxError, TypeError), match=option[:-1]):
            call.function(*call.args, **rest, **{option[:-1]: value})


def test_the_nearest_option_is_named():
    with pytest.raises(dl.DltoolboxError, match="Did you mean 'MaxEpochs'"):
        dl.trainingOptions("sgdm", Max=4)
    assert dl.trainingOptions("sgdm", "Max", 4).MaxEpochs == 4
    assert dl.trainingOptions("sgdm", maxepochs=4).MaxEpochs == 4


def test_an_argument_is_given_once():
    with pytest.raises(dl.DltoolboxError, match="16 by position and 8 by name") as caught:
        dl.convolution2dLayer(3, 16, NumFilters=8)
    assert caught.value.identifier == "dltoolbox:convolution2dLayer:givenTwice"
    assert dl.convolution2dLayer(3, NumFilters=8).NumFilters == 8
