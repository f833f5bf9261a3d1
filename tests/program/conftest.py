"""What several files of these tests need."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dltoolbox import maxNumCompThreads
from dltoolbox.program import executable


@pytest.fixture
def every_network_is_worth_several_threads(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(executable, "SMALL_WORK", 0)
    before = maxNumCompThreads()
    yield
    maxNumCompThreads(before)
