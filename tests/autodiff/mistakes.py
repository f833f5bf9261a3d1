"""Mistakes with their advice followed."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import dltoolbox as dl

Mistake = tuple[Callable[[], object], str, str, Callable[[], object]]  # the call, identifier, advice, and the right call


def check_mistake(mistake: Mistake) -> None:
    """The call is refused in these words, and what they advise gives numbers."""
    call, identifier, advice, right = mistake
    with pytest.raises(dl.DltoolboxError) as caught:
        call()
    assert caught.value.identifier == f"dltoolbox:{identifier}"
    assert advice in str(caught.value)
    assert np.isfinite(np.asarray(right())).all()
