"""Every example in a docstring runs, with the names of MATLAB at hand as in a user's script."""

import doctest
import importlib
import inspect
import pkgutil

import pytest

import dltoolbox
from dltoolbox.layers import FACTORIES
from dltoolbox.network.analysis import analysis
from dltoolbox.network.graph import layer_graph

MODULES = [name for _, name, _ in pkgutil.walk_packages(dltoolbox.__path__, "dltoolbox.") if not name.endswith("__main__")]
NAMES = {name: getattr(dltoolbox, name) for name in dltoolbox.__all__} | {
    name: value for module in (analysis, layer_graph) for name, value in vars(module).items() if inspect.isfunction(value)}


@pytest.mark.parametrize("module", MODULES)
def test_examples_of_modules(module):
    result = doctest.testmod(importlib.import_module(module), extraglobs=NAMES)
    assert result.failed == 0


def test_examples_of_functions_that_are_made():
    """Factories and published architectures: doctest takes them for imported ones."""
    made = FACTORIES | {name: value for name, value in NAMES.items() if hasattr(value, "untrained")}
    finder, runner = doctest.DocTestFinder(recurse=False), doctest.DocTestRunner()
    for name, function in made.items():
        for example in finder.find(function, name, module=False, extraglobs=NAMES):
            runner.run(example)
    assert runner.summarize(verbose=False).failed == 0
    assert runner.tries >= len(made)
