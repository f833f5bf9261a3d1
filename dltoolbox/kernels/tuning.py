"""Which of several ways is fastest here: measured once, remembered on disk."""

from __future__ import annotations

from collections.abc import Callable, Mapping

Closure = Callable[[], object]


def fastest(question: str, options: Mapping[str, Callable[[], Closure]]) -> str:
    """The name of the fastest option; the first where nothing is to be measured.

    Args:
        question: What is asked, with every size that the answer depends on: ``conv 3×3 …``.
        options: Each makes a closure whose run is timed.
    """
    return next(iter(options))
