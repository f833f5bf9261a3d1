"""Every bad call ends in words of the toolbox, soon, in little memory, and changes nothing."""

import importlib.util
import inspect
import sys
import warnings

import pytest

import dltoolbox as dl
from dltoolbox.absent import NOT_IN_THIS_RELEASE
from dltoolbox.core.properties import Configured
from dltoolbox.methods import DOTTED_CALLS
from tests.calls.examples import EXAMPLES, PYTHONS
from tests.calls.processes import verdicts

HEADS = {name.split(" ")[0].split(".")[0] for name in EXAMPLES}


def descendants(cls):
    for one in cls.__subclasses__():
        yield one
        yield from descendants(one)


def test_everything_public_has_an_example():
    assert set(dl.__all__) - PYTHONS - set(NOT_IN_THIS_RELEASE) <= HEADS
    methods = {name for name, value in vars(dl.categorical).items() if inspect.isroutine(value) and name[0] != "_"}
    handed = {*DOTTED_CALLS[dl.categorical].split()}  # whose functions have examples
    assert {f"categorical.{name}" for name in methods - handed - {"to_pandas"}} <= set(EXAMPLES)


def test_every_option_has_an_example():
    given = {}
    for name, make in EXAMPLES.items():
        if not name.endswith(" ="):
            given.setdefault(name.split(" ")[0], set()).update(make().options)
    for cls in descendants(Configured):
        if cls.function in dl.__all__ and not cls.__subclasses__():
            options = {prop.name for prop in cls.properties.values() if not prop.positional}
            assert options - {"File"} <= given[cls.function], cls.function


@pytest.fixture
def _as_before():
    """The number of threads, and no figure."""
    threads = dl.maxNumCompThreads()
    yield
    dl.maxNumCompThreads(threads)
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")


@pytest.mark.parametrize("name", [name for name in EXAMPLES if not name.endswith(" =")])
@pytest.mark.usefixtures("_as_before")
def test_examples_are_valid(name, capsys):
    if name == "plot" and not importlib.util.find_spec("matplotlib"):
        pytest.skip("needs Matplotlib")
    call = EXAMPLES[name]()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dl.DltoolboxWarning)
        _ = call.function(*call.args, **call.options)  # thrown away, some results are refused


def test_bad_calls():
    assert [(verdict.call, verdict.faults) for _, verdict in verdicts(seed=9, start=0, count=1500) if verdict.faults] == []
