"""Builds the documentation site: ``python -m docs.builder``, in an environment with ``pip install ".[docs]"``.

First come plain Markdown pages, in ``build/docs``: those in ``docs/`` with what their snippets print and draw, the notebooks
with their outputs, and the pages that are made of the code. Then MkDocs makes a site of them in ``build/site``; its warnings
are errors. Pages that are named, ``python -m docs.builder howto/save.md``, are the only ones that run.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from docs.builder import catalogue, drawing, gallery, notebooks, reference, reports, snippets

ROOT = Path(__file__).parents[2]
SOURCE, PAGES = ROOT / "docs", ROOT / "build" / "docs"
SETTINGS = {"COLUMNS": snippets.WIDTH, "DLTOOLBOX_TUNE": "0", "MPLBACKEND": "Agg", "NO_MKDOCS_2_WARNING": "1"}
CONTRIBUTING = "developers/contributing.md"


def main(chosen: list[str]) -> int:
    """Pages, then the site; the exit status of MkDocs."""
    os.environ |= SETTINGS
    start = time.perf_counter()
    shutil.rmtree(PAGES, ignore_errors=True)
    shutil.copytree(SOURCE, PAGES, ignore=shutil.ignore_patterns("builder", "__pycache__", ".*", "*.toml"))
    with ProcessPoolExecutor(1) as kernels:  # notebooks run beside the pages
        waiting = [kernels.submit(write_notebook, path) for path in sorted((SOURCE / "notebooks").glob("*.ipynb"))
                   if not chosen or f"notebooks/{path.name}" in chosen]
        for path in sorted(SOURCE.rglob("*.md")):
            name = path.relative_to(SOURCE).as_posix()
            if not chosen or name in chosen:
                write(name, run(name, path.read_text(encoding="utf-8")))
        for name, text in made().items():
            write(name, text)
        for one in waiting:
            one.result()
    print(f"{time.perf_counter() - start:.0f} s for pages, snippets and notebooks", flush=True)
    command = [sys.executable, "-m", "mkdocs", "build", "--quiet", *([] if chosen else ["--strict"])]
    status = subprocess.run(command, cwd=ROOT, check=False).returncode
    print(f"{time.perf_counter() - start:.0f} s in all: {ROOT / 'build' / 'site' / 'index.html'}")
    return status


def made() -> dict[str, str]:
    """Pages that are made of the code, by path."""
    contributing = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").replace("](docs/", "](../")
    return {**reference.pages(), **catalogue.pages(), **reports.pages(), "gallery.md": gallery.page(),
            CONTRIBUTING: contributing}


def write(name: str, text: str) -> None:
    """A page in its place."""
    path = PAGES / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text.replace("](../CONTRIBUTING.md", f"]({CONTRIBUTING}"), encoding="utf-8")


def run(name: str, text: str) -> str:
    """A page with the results of its snippets."""
    start = time.perf_counter()
    page = snippets.Page(name, lambda picture: keep_picture(name, picture))
    text = drawing.written_in(page.run(text), (SOURCE / name).parent)
    print(f"{time.perf_counter() - start:5.1f} s  {name}", flush=True)
    return text


def write_notebook(path: Path) -> None:
    """A notebook as a page."""
    start = time.perf_counter()
    name = f"notebooks/{path.stem}.md"
    text = notebooks.markdown(notebooks.executed(path), lambda picture: keep_picture(name, picture))
    heading, _, rest = text.partition("\n")
    write(name, f"{heading}\n\n[Download the notebook]({path.name}){{ download }}\n\n{rest}")
    print(f"{time.perf_counter() - start:5.1f} s  {path.name}", flush=True)


def keep_picture(page: str, picture: bytes) -> str:
    """A picture that a page drew, as the page refers to it."""
    folder = PAGES / "images" / "run"
    folder.mkdir(parents=True, exist_ok=True)
    stem = re.sub(r"\W", "-", page.removesuffix(".md"))
    name = f"{stem}-{len(list(folder.glob(f'{stem}-*.png'))) + 1}.png"
    (folder / name).write_bytes(picture)
    return "../" * page.count("/") + f"images/run/{name}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
