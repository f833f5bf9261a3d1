import pickle

import pytest

from dltoolbox.core.errors import (
    DltoolboxError,
    Issue,
    IssueCollector,
    MissingExtraError,
    fail,
)
from dltoolbox.core.packages import require


def test_a_failure_has_identifier_place_message_and_cure():
    with pytest.raises(DltoolboxError) as caught:
        fail("demo:wrong", "It is wrong.", "Make it right.", layer="conv", index=3)
    assert str(caught.value) == "Layer 'conv' (3): It is wrong. Make it right. [dltoolbox:demo:wrong]"
    assert caught.value.identifier == "dltoolbox:demo:wrong"
    assert isinstance(caught.value, ValueError)


def test_several_problems_are_listed():
    error = DltoolboxError([Issue("dltoolbox:a:b", "One."), Issue("dltoolbox:c:d", "Two.", "Do.")])
    assert str(error) == "2 problems:\n  - One. [dltoolbox:a:b]\n  - Two. Do. [dltoolbox:c:d]"
    assert error.identifiers == ("dltoolbox:a:b", "dltoolbox:c:d")
    assert error.identifier == "dltoolbox:a:b"


@pytest.mark.parametrize(("layer", "index", "place"), [("", None, ""), ("x", None, "Layer 'x'"), ("", 2, "Layer (2)"),
                                                       ("x", 2, "Layer 'x' (2)")])
def test_places(layer, index, place):
    assert Issue("i", "m", layer=layer, index=index).location == place


def test_collecting_keeps_the_first_place():
    found = IssueCollector()
    with found.collect(layer="a", index=1):
        fail("x:y", "One.", layer="own")
    with found.collect(layer="a", index=1):
        fail("x:y", "Two.")
    assert [issue.location for issue in found] == ["Layer 'own'", "Layer 'a' (1)"]
    assert len(found) == 2
    with pytest.raises(DltoolboxError, match="2 problems"):
        found.raise_if_any()


def test_warnings_alone_raise_nothing():
    found = IssueCollector()
    found.add("x:y", "Maybe.", severity="warning")
    found.raise_if_any()


def test_errors_travel_between_processes():
    error = DltoolboxError(Issue("dltoolbox:a:b", "One.", layer="x"))
    assert pickle.loads(pickle.dumps(error)).issues == error.issues


def test_an_error_needs_an_issue():
    for none in ([], "text", [5], 5, None):
        with pytest.raises(DltoolboxError, match="DltoolboxError:noIssues"):
            DltoolboxError(none)


def test_missing_packages_name_their_extra():
    with pytest.raises(MissingExtraError, match=r'pip install "dltoolbox\[onnx\]"') as caught:
        require("no_such_package_here", extra="onnx", needed_by="exportONNXNetwork")
    assert caught.value.identifier == "dltoolbox:exportONNXNetwork:missingExtra"
    assert isinstance(caught.value, ImportError)
    assert require("math", extra="x", needed_by="y").pi > 3
