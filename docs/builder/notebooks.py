"""Runs a notebook in a kernel of its own and makes a page of it, with everything it prints and draws."""

from __future__ import annotations

import base64
import os
import re
from pathlib import Path
from typing import Any

from docs.builder.snippets import PACKAGE, SaveFigure, output

TIMEOUT = 120  # seconds for one cell


def executed(path: Path) -> Any:
    """The notebook with its outputs; an error in a cell is raised."""
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(notebook, timeout=TIMEOUT, kernel_name="python3",
                            resources={"metadata": {"path": str(path.parent)}},
                            extra_arguments=["--Application.log_level=40"])
    environment = os.environ | {"PYTHONPATH": PACKAGE}
    environment.pop("MPLBACKEND", None)  # pictures stand in the notebook
    return client.execute(env=environment)


def markdown(notebook: Any, save_figure: SaveFigure) -> str:
    """The cells of an executed notebook as a page."""
    parts = []
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            parts.append(cell.source)
        elif cell.cell_type == "code":
            parts.append(f"```python\n{cell.source}\n```")
            parts += [shown(one, save_figure) for one in joined(cell.outputs)]
    return "\n\n".join(filter(None, parts)) + "\n"


def joined(outputs: list[Any]) -> list[Any]:
    """Streams of one name that follow one another are one output."""
    result: list[Any] = []
    for one in outputs:
        if result and one.output_type == "stream" == result[-1].output_type and one.name == result[-1].name:
            result[-1].text += one.text
        else:
            result.append(one)
    return result


def shown(one: Any, save_figure: SaveFigure) -> str:
    """One output in its richest form."""
    if one.output_type == "stream":
        return output(re.sub(r"\x1b\[[0-9;]*m", "", one.text))
    data = one.get("data", {})
    if "text/html" in data:
        return f'<div class="notebook-html">{data["text/html"]}</div>'
    if "image/png" in data:
        return f"![]({save_figure(base64.b64decode(data['image/png']))})"
    if "image/svg+xml" in data:
        return f'<div class="notebook-html">{data["image/svg+xml"]}</div>'
    return output(data["text/plain"]) if "text/plain" in data else ""
