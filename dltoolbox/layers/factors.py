"""The factors that a page declares for each of its learnables."""

from __future__ import annotations

from dltoolbox.core import convert
from dltoolbox.core.properties import HIDDEN, Property


def learn_rate_factor(learnable: str) -> Property:
    return Property(convert.real(0), 1, f"Factor on the learning rate of {learnable}.", settable=True, group=HIDDEN)


def l2_factor(learnable: str, default: int = 1) -> Property:
    note = "" if default else "; 0: it is not decayed"
    return Property(convert.real(0), default, f"Factor on the L2 decay of {learnable}{note}.", settable=True, group=HIDDEN)
