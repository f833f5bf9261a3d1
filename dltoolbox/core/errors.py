"""One exception family, and the record of one problem.

Every problem has a stable identifier (``dltoolbox:maxPooling2dLayer:paddingTooLarge``), a sentence on what is
wrong and a sentence on what to do. Where several problems can be found they are collected as issues and raised
together.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any, Literal, NoReturn

from dltoolbox.core.display import printable

Severity = Literal["error", "warning"]


@dataclass(frozen=True)
class Issue:
    """One problem: what is wrong (``message``), what to do (``hint``), and where (``layer``, 1-based ``index``).

    ``cause`` is the exception of the user's own code that it came from; an error of this issue is raised from it.
    """

    identifier: str
    message: str
    hint: str = ""
    layer: str = ""
    index: int | None = None
    severity: Severity = "error"
    cause: BaseException | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        texts = {"identifier": self.identifier, "message": self.message, "hint": self.hint, "layer": self.layer}
        for name in (name for name, value in texts.items() if not isinstance(value, str)):
            fail(f"Issue:invalid{name.capitalize()}", f"'{name}' of an Issue must be text.", "Pass text.")
        if not isinstance(self.index, int | None) or not (
                isinstance(self.severity, str) and self.severity in ("error", "warning")):
            fail("Issue:invalidPlace", "The index of an Issue is a number or None, its severity 'error' or 'warning'.",
                 "Pass index=3 for the third layer, severity='error' or none of them.")

    def at(self, layer: str, index: int | None) -> Issue:
        """The same issue, placed at a layer, unless it already names another."""
        placed = self.index is not None or self.layer not in ("", layer)
        return self if placed else replace(self, layer=layer, index=index)

    def __getstate__(self) -> dict[str, Any]:
        """Pickled without its cause, which may hold anything."""
        return self.__dict__ | {"cause": None}

    @property
    def location(self) -> str:
        """``Layer 'pool1' (3)``, or an empty string for a problem of the whole network or of a plain argument."""
        if not self.layer and self.index is None:
            return ""
        name = f" '{self.layer}'" if self.layer else ""
        return f"Layer{name}" + (f" ({self.index})" if self.index is not None else "")

    def __str__(self) -> str:
        where = f"{self.location}: " if self.location else ""
        return printable(f"{where}{self.message}" + (f" {self.hint}" if self.hint else "") + f" [{self.identifier}]")


class DltoolboxError(ValueError):
    """Every problem that dltoolbox detects itself. ``issues`` holds all of them, ``identifier`` is the first's."""

    def __init__(self, issues: Issue | Iterable[Issue]) -> None:
        self.issues: tuple[Issue, ...] = (issues,) if isinstance(issues, Issue) else _several(issues)
        lines = [str(issue) for issue in self.issues]
        text = lines[0] if len(lines) == 1 else f"{len(lines)} problems:\n" + "\n".join(f"  - {line}" for line in lines)
        super().__init__(text)
        self.__cause__ = next((issue.cause for issue in self.issues if issue.cause is not None), None)

    @property
    def identifier(self) -> str:
        return self.issues[0].identifier

    @property
    def identifiers(self) -> tuple[str, ...]:
        return tuple(issue.identifier for issue in self.issues)

    def __reduce__(self) -> tuple[type[DltoolboxError], tuple[tuple[Issue, ...]]]:
        """Pickled as its issues, so that errors cross process borders whole."""
        return type(self), (self.issues,)


def _several(issues: Any) -> tuple[Issue, ...]:
    """One issue or more; an error of anything else is made by mistake."""
    proper = list[Issue]()
    with suppress(Exception):  # what cannot be walked through holds none
        for issue in issues:
            if not isinstance(issue, Issue):
                proper.clear()
                break
            proper.append(issue)
    if not proper:
        fail("DltoolboxError:noIssues", "An error of dltoolbox is made of one Issue or a list of them.",
             "Pass Issue(identifier, message).")
    return tuple(proper)


class MissingExtraError(DltoolboxError, ImportError):
    """An optional package is needed and absent; the message names the extra to install."""


class DltoolboxWarning(UserWarning):
    """Something works, but probably not as the user thinks."""


def fail(identifier: str, message: str, hint: str = "", *, layer: str = "", index: int | None = None,
         cause: BaseException | None = None) -> NoReturn:
    """Raise one problem. ``identifier`` is given without the leading ``dltoolbox:``."""
    error = DltoolboxError(Issue(f"dltoolbox:{identifier}", message, hint, layer, index, cause=cause))
    raise error from error.__cause__


def warn(identifier: str, message: str, hint: str = "") -> None:
    """Warn of one problem in the words of an `Issue`, at the line that called the toolbox; ``identifier`` as for `fail`."""
    issue = Issue(f"dltoolbox:{identifier}", message, hint, severity="warning")
    level, frame = 2, sys._getframe(1)
    while frame.f_back and frame.f_globals.get("__name__", "").startswith("dltoolbox."):
        level, frame = level + 1, frame.f_back
    warnings.warn(str(issue), DltoolboxWarning, stacklevel=level)


_told: set[str] = set()  # identifiers of the warnings that come once per session


def warn_once(identifier: str, message: str, hint: str = "") -> None:
    """As `warn`, the first time in a session."""
    if identifier not in _told:
        _told.add(identifier)
        warn(identifier, message, hint)


class IssueCollector:
    """Collects the issues of several steps so that all of them are reported at once.

    >>> found = IssueCollector()
    >>> with found.collect():
    ...     fail("demo:first", "First problem.")
    >>> [issue.identifier for issue in found]
    ['dltoolbox:demo:first']
    """

    def __init__(self) -> None:
        self.issues: list[Issue] = []

    def add(self, identifier: str, message: str, hint: str = "", *, layer: str = "", index: int | None = None,
            severity: Severity = "error") -> None:
        self.issues.append(Issue(f"dltoolbox:{identifier}", message, hint, layer, index, severity))

    @contextmanager
    def collect(self, *, layer: str = "", index: int | None = None) -> Iterator[None]:
        """Keep the issues of any `DltoolboxError` raised inside, placed at the given layer."""
        try:
            yield
        except DltoolboxError as error:
            self.issues.extend(issue.at(layer, index) for issue in error.issues)

    def raise_if_any(self) -> None:
        errors = [issue for issue in self.issues if issue.severity == "error"]
        if errors:
            error = DltoolboxError(errors)
            raise error from error.__cause__

    def __iter__(self) -> Iterator[Issue]:
        return iter(self.issues)

    def __len__(self) -> int:
        return len(self.issues)
