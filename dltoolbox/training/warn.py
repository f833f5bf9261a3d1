"""Warnings with an identifier."""

from __future__ import annotations

import warnings

from dltoolbox.core.errors import DltoolboxWarning, Issue


def warn(identifier: str, message: str, cure: str = "") -> None:
    """Warn in the words of an `Issue`. ``identifier`` is given without the leading ``dltoolbox:``."""
    issue = Issue(f"dltoolbox:{identifier}", message, cure, severity="warning")
    warnings.warn(str(issue), DltoolboxWarning, stacklevel=3)
