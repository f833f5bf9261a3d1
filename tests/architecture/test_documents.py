"""What the documents name exists, and what they promise to list is listed."""

import re
from pathlib import Path

import pytest

import dltoolbox

ROOT = Path(__file__).parents[2]
# Pages with links to generated ones are checked where the site is built.
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md",
             *sorted(path for path in (ROOT / "docs").glob("*.md") if path.name not in ("index.md", "pooling.md"))]
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)

pytestmark = pytest.mark.skipif(not (ROOT / "docs").exists(), reason="the suite is run without the documents")


def anchors(text):
    """What links to the headings of a document end with."""
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in HEADING.findall(text)}


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(path):
    for target in re.findall(r"\]\((?!https?:)([^)]+)\)", path.read_text(encoding="utf-8")):
        file, _, anchor = target.partition("#")
        there = path.parent / file if file else path
        assert there.exists(), target
        assert not anchor or anchor in anchors(there.read_text(encoding="utf-8")), target


def test_every_environment_variable_is_in_the_table():
    sources = "".join(path.read_text(encoding="utf-8") for path in sorted(Path(dltoolbox.__file__).parent.rglob("*.py")))
    table = (ROOT / "docs" / "conventions.md").read_text(encoding="utf-8").partition("## Environment variables")[2]
    used = set(re.findall(r"\bDLTOOLBOX_[A-Z_]+\b", sources))
    assert used == set(re.findall(r"\bDLTOOLBOX_[A-Z_]+\b", table.partition("\n## ")[0]))
