"""The two ways that docs/architecture.md follows through the code lead through files that exist, and once through each."""

import re
from pathlib import Path

import pytest

import dltoolbox

PACKAGE = Path(dltoolbox.__file__).parent
DOCUMENT = Path(__file__).parents[2] / "docs" / "architecture.md"

if not DOCUMENT.exists():
    pytest.skip("the suite is run without the documents", allow_module_level=True)


def stories() -> dict[str, str]:
    parts = re.split(r"^## ", DOCUMENT.read_text(encoding="utf-8"), flags=re.M)
    return {part.partition("\n")[0]: part for part in parts if part.startswith("The way of")}


def test_there_are_two() -> None:
    assert len(stories()) == 2


@pytest.mark.parametrize("title", stories())
def test_every_file_exists_and_is_entered_once(title: str) -> None:
    files = re.findall(r"^\| `([\w/]+\.py)` \|", stories()[title], re.M)
    assert len(files) > 10
    assert [file for file in files if not (PACKAGE / file).is_file()] == []
    assert len(files) == len(set(files))
