"""Docstrings as Markdown: sections of Google's or NumPy's form, examples as code with their results, names as links."""

from __future__ import annotations

import doctest
import inspect
import re
import textwrap
from collections.abc import Callable

from docs.builder.snippets import output

Link = Callable[[str], str | None]  # where the page of a name is, relative to the page being written

SECTION = re.compile(r"^(Args|Attributes|Returns|Raises|Warns|Example|Note|Source):\n", re.M)
NUMPY_SECTION = re.compile(r"^(Parameters|Returns|Raises|Examples)\n-{3,}\n", re.M)
TITLES = {"Args": "Arguments", "Parameters": "Arguments", "Raises": "Errors", "Warns": "Warnings", "Example": "Example",
          "Examples": "Example", "Note": "Note", "Source": "Source", "Returns": "Returns", "Attributes": "Properties"}


def sections(thing: object, link: Link) -> list[str]:
    """The docstring of a function or class: what comes first, then its sections."""
    text = inspect.getdoc(thing) or ""
    head, *rest = (NUMPY_SECTION if NUMPY_SECTION.search(text) else SECTION).split(text)
    parts = [prose(head, link)]
    for title, body in zip(rest[::2], rest[1::2], strict=True):
        parts.append(section(title, textwrap.dedent(body).strip(), link))
    return parts


def section(title: str, body: str, link: Link) -> str:
    """One section."""
    if title in ("Example", "Examples"):
        return f"**Example**\n\n{example(body)}"
    heading = f"**{TITLES[title]}**"
    if title in ("Source", "Note"):
        return f"{heading}: {prose(body, link)}"
    entries = re.split(r"\n(?=\S)", body)
    if title in ("Args", "Attributes", "Raises", "Warns", "Parameters"):
        return heading + "\n\n" + "\n".join(item(entry, link) for entry in entries)
    return f"{heading}\n\n{prose(body, link)}"


def item(entry: str, link: Link) -> str:
    """``name: text`` or NumPy's ``name : default`` and the text below."""
    numpy = re.match(r"([\w*, ]+?) : ([^\n]*)\n", entry)
    if numpy:
        return f"- `{numpy[1]}` ({prose(numpy[2], link)}): {prose(entry[numpy.end():], link)}"
    name, colon, text = entry.partition(":")
    if colon and re.fullmatch(r"[\w*, ]+", name):
        return f"- {', '.join(f'`{one.strip()}`' for one in name.split(','))}: {prose(text, link)}"
    head, newline, text = entry.partition("\n")
    return f"- `{head}`: {prose(text, link)}" if newline and re.fullmatch(r"[\w*, ]+", head) else f"- {prose(entry, link)}"


def prose(text: str, link: Link) -> str:
    """Paragraphs; ``code`` and `name` become Markdown's."""

    def name(match: re.Match[str]) -> str:
        target = link(match[1])
        return f"[`{match[1]}`]({target})" if target else f"`{match[1]}`"

    paragraphs = [" ".join(line.strip() for line in paragraph.splitlines()) for paragraph in text.strip().split("\n\n")]
    words = re.sub(r"(?<!`)`([^`]+)`(?!`)", name, "\n\n".join(paragraphs))
    words = re.sub(r"``(.+?)``", r"`\1`", words)
    return re.sub(r"\*(?=[a-z])", r"\\*", words) if "`" not in words else words


def example(text: str) -> str:
    """A doctest as code and what it prints. Doctests run in the test suite."""
    parts, code = [], ""
    for one in doctest.DocTestParser().get_examples(text):
        code += one.source
        if one.want:
            want = one.want.replace("<BLANKLINE>", "")
            parts.append(f"```python\n{uncommented(code)}```\n\n{output(want)}")
            code = ""
    return "\n\n".join([*parts, *([f"```python\n{uncommented(code)}```"] if code else [])])


def uncommented(code: str) -> str:
    """Without directives of doctest."""
    return re.sub(r" *# doctest:[^\n]*", "", code)


def signature(name: str, thing: object) -> str:
    """The call, without annotations, broken into lines."""
    try:
        parameters = inspect.signature(thing).parameters.values()  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return name
    words = [str(parameter.replace(annotation=parameter.empty)).replace("=Ellipsis", "=…") for parameter in parameters]
    words = [word for word in words if word not in ("/", "self")]
    line = textwrap.fill(", ".join(word.replace(" ", "\0") for word in words) + ")", 92, initial_indent=f"{name}(",
                         subsequent_indent="    ", break_long_words=False, break_on_hyphens=False)
    return line.replace("\0", " ")


def first_sentence(thing: object) -> str:
    """The first paragraph of a docstring up to its first full stop, without the call that some end in."""
    paragraph = " ".join((inspect.getdoc(thing) or "").partition("\n\n")[0].split())
    sentence = re.split(r"(?<=[a-z`)])[.] ", paragraph)[0].rstrip(".")
    return re.sub(r": ``[^`]*``$", "", sentence) + "."
