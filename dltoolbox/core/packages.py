"""The version of this package, and optional ones: imported where they are needed, with one clear error if absent."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from dltoolbox.core.errors import Issue, MissingExtraError

__version__ = "0.1.0"


def require(module: str, *, extra: str = "", needed_by: str) -> ModuleType:
    """Import an optional package, or raise `MissingExtraError` naming the extra that brings it, or else the package."""
    try:
        return import_module(module)
    except ImportError as error:
        package = f'"dltoolbox[{extra}]"' if extra else module
        raise MissingExtraError(Issue(
            f"dltoolbox:{needed_by}:missingExtra", f"{needed_by} needs the package '{module}', which is not installed.",
            f"Install it with: pip install {package}")) from error
