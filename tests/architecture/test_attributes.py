"""Whatever is public takes no attribute that it does not know, and says so: nothing is assigned without effect."""

import inspect

import numpy as np
import pytest

import dltoolbox as dl
from dltoolbox.core.table import Table
from dltoolbox.layers.base import LAYERS
from dltoolbox.program.model import Model
from tests.calls.examples import EXAMPLES, classifier, graph, net

OBJECTS = {
    "SeriesNetwork": classifier, "dlnetwork": net, "LayerGraph": graph, "Layer": lambda: graph().Layers[1],
    "NetworkAnalysis": lambda: dl.analyzeNetwork(graph(), nargout=1), "categorical": lambda: dl.categorical(["a", "b"]),
    "LayerArray": lambda: graph().Layers, "Learnables": lambda: net().Learnables, "State": lambda: net().State,
    "Connections": lambda: graph().Connections, "Column": lambda: graph().Connections.Source,
    "LayerInfo": lambda: dl.analyzeNetwork(graph(), nargout=1).LayerInfo, "OutputNames": lambda: net().OutputNames,
    "InputNames": lambda: graph().InputNames, "categories": lambda: dl.categorical(["a"]).categories,
    "SemanticSegmentationMetrics": lambda: EXAMPLES["evaluateSemanticSegmentation"]().function(
        *EXAMPLES["evaluateSemanticSegmentation"]().args),
    "MetricsTable": lambda: OBJECTS["SemanticSegmentationMetrics"]().ClassMetrics,
    "networkDataLayout": lambda: dl.networkDataLayout([2, 2], "SS"), "Issue": lambda: dl.Issue("a:b", "c"),
    "wordEncoding": lambda: dl.wordEncoding(["the cat sat"]),
    "lbfgsState": dl.lbfgsState,
    "minibatchqueue": lambda: dl.minibatchqueue(np.ones((4, 2))),
    "dlarray": lambda: dl.dlarray([1.0, 2.0]),
    "Model": lambda: Model(graph()), "Explanation": lambda: dl.explain(classifier()), "RandomState": dl.rng,
    **{f"options {solver}": lambda solver=solver: dl.trainingOptions(solver) for solver in ("sgdm", "adam", "rmsprop")},
}
OF_PYTHON = {"DltoolboxError", "MissingExtraError", "DltoolboxWarning"}  # exceptions take notes
OF_USERS = {"Formattable", "Acceleratable", "ClassificationLayer", "RegressionLayer"}  # bases of classes of theirs
MADE_BY = {"DAGNetwork": "SeriesNetwork"}  # a class that differs in nothing else


@pytest.mark.parametrize("name", OBJECTS)
def test_an_unknown_attribute_is_refused(name):
    thing = OBJECTS[name]()
    with pytest.raises((dl.DltoolboxError, AttributeError)) as caught:
        thing.Layres = 1
    assert "Layres" in str(caught.value)
    assert not hasattr(thing, "Layres")


@pytest.mark.parametrize("name", sorted(LAYERS))
def test_a_layer_knows_its_properties_alone(name):
    call = EXAMPLES[name]()
    layer = call.function(*call.args, **call.options)
    with pytest.raises(dl.DltoolboxError, match="Did you mean 'Name'"):
        layer.Nmae = "x"


def test_every_public_class_is_among_them():
    classes = {name for name in dl.__all__ if inspect.isclass(getattr(dl, name))} - OF_PYTHON - OF_USERS
    made = {base.__name__ for name in OBJECTS for base in type(OBJECTS[name]()).__mro__} | {*MADE_BY}
    assert classes <= made


@pytest.mark.parametrize("name", [name for name in OBJECTS if name not in (
    "Layer", "Model", "dlnetwork", "Learnables", "State")])
def test_what_is_told_cannot_be_assigned(name):
    """Every public property that is not an option: an error, and the value as it was."""
    thing = OBJECTS[name]()
    columns = thing.VariableNames if isinstance(thing, Table) else []
    names = [*columns, *(name for name in dir(thing) if not name.startswith("_") and not callable(getattr(thing, name)))]
    options = {key for key, prop in getattr(thing, "properties", {}).items() if prop.settable}
    for attribute in (one for one in names if one not in options and one[0].isupper()):
        before = getattr(thing, attribute)
        if before is type(thing).__dict__.get(attribute):  # an attribute of the class, not of the object
            continue
        with pytest.raises((dl.DltoolboxError, AttributeError)):
            setattr(thing, attribute, 1)
        np.testing.assert_equal(str(getattr(thing, attribute)), str(before))


@pytest.mark.parametrize(("wrong", "right"), [("Layres", "Layers"), ("outputNames", "OutputNames"),
                                               ("Learnable", "Learnables")])
def test_the_nearest_name_is_told(wrong, right):
    thing = net()
    with pytest.raises(dl.DltoolboxError, match=f"Did you mean '{right}'"):
        setattr(thing, wrong, 1)
