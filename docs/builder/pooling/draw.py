"""Draws the pictures of the page on pooling: ``python -m docs.builder.pooling.draw``, in ``docs/images/pooling``.

Layers of the toolbox compute every number in them, and say where windows are. A test draws them again.
"""

from __future__ import annotations

from docs.builder.pooling import back, chance, lines, maps
from docs.builder.pooling.computed import FOLDER, PICTURES

FAMILIES = (lines, maps, chance, back)  # each enters its own


def main() -> None:
    """All pictures, and no others."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for path in FOLDER.glob("*.svg"):
        path.unlink()
    for name, draw in PICTURES.items():
        (FOLDER / f"{name}.svg").write_text(draw().svg(), encoding="utf-8")


if __name__ == "__main__":
    main()
