"""The pages that compare with PyTorch, where it is installed: the site is built without it."""

from pathlib import Path

import pytest
import torch  # noqa: F401

DOCUMENTS = Path(__file__).parents[2] / "docs"
if not (DOCUMENTS / "builder").exists():
    pytest.skip("the suite is run without the documents", allow_module_level=True)

from docs.builder import snippets  # noqa: E402

pytestmark = pytest.mark.oracle
PAGES = [path.relative_to(DOCUMENTS).as_posix() for path in sorted(DOCUMENTS.rglob("*.md"))
         if "```python torch" in path.read_text(encoding="utf-8")]


@pytest.mark.parametrize("page", PAGES)
def test_page_runs(page):
    snippets.Page(page, lambda picture: "").run((DOCUMENTS / page).read_text(encoding="utf-8"))
