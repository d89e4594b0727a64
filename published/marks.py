"""Marks: what a text quotes, between two HTML comments that no reader of the rendered page sees.

``<!-- = STUDY WHAT -->...<!-- / -->`` is written from the stored results; ``<!-- ? STUDY CLAIM -->...<!-- / -->`` is a
sentence of the author's that must hold in them; ``<!-- given: WHY -->...<!-- / -->`` is a number from elsewhere.
Claims and givens may hold other marks.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

TOKEN = re.compile(r"<!--\s*(?:(?P<kind>[=?]|given:)(?P<said>(?:(?!-->).)*?)|(?P<close>/))\s*-->", re.DOTALL)
FOLD = re.compile(r"\s*\n[#>\s]*")
"""A line break within a mark, with what the next line begins with in a comment or a quotation."""
PREFIX = re.compile(r"[#>\s]*")

Kind = Literal["=", "?", "given:"]


class MarkError(Exception):
    """A mark that cannot be read, or that asks for what is not stored. The message says which, and what to do."""


@dataclass(frozen=True)
class Mark:
    """A mark in a text: what it asks for, the text between its comments, and where that text stands."""

    kind: Kind
    said: str
    content: str
    begins: int
    ends: int
    line: int
    prefix: str = ""
    """What each line of a block begins with ("# " in a notebook's text), "" within a line."""

    @property
    def block(self) -> bool:
        """Whether the text stands on lines of its own."""
        return self.content.startswith("\n")


def marks(text: str) -> list[Mark]:
    """Return the marks of a text in the order of their ends.

    Raises MarkError for a mark that is not closed, a closing one too many, a written mark that holds another, and one
    at the beginning of a line of prose, which Markdown would take for a block of HTML.
    """
    found, opened = [], list[re.Match[str]]()
    for token in TOKEN.finditer(text):
        if not token["close"]:
            if opened and opened[-1]["kind"] == "=":
                raise MarkError(f"line {_line(text, token)}: {_shown(opened[-1])} holds another mark. Close it before.")
            opened.append(token)
            continue
        if not opened:
            raise MarkError(f"line {_line(text, token)}: <!-- / --> closes nothing.")
        found.append(_mark(text, opened.pop(), token))
    if opened:
        raise MarkError(f"line {_line(text, opened[-1])}: {_shown(opened[-1])} is not closed. End it with <!-- / -->.")
    return found


def written(text: str, value: Callable[[Mark], str]) -> str:
    """Return a text with the content of each ``=`` mark replaced by its value."""
    for mark in sorted(marks(text), key=lambda mark: mark.begins, reverse=True):
        if mark.kind == "=":
            text = text[: mark.begins] + expected(mark, value(mark)) + text[mark.ends :]
    return text


def expected(mark: Mark, value: str) -> str:
    """Return what must stand between a mark's comments: the value, or its lines, each with the block's prefix."""
    if not mark.block:
        return value
    lines = [f"{mark.prefix}{line}".rstrip() for line in value.splitlines()]
    return "\n" + "\n".join(lines) + f"\n{mark.prefix}"


def unprefixed(mark: Mark) -> str:
    """Return a mark's content without the beginnings of its lines."""
    lines = mark.content.removeprefix("\n").removesuffix(f"\n{mark.prefix}").split("\n")
    return "\n".join(line.removeprefix(mark.prefix.rstrip()).removeprefix(" " * bool(mark.prefix)) for line in lines)


def _mark(text: str, token: re.Match[str], close: re.Match[str]) -> Mark:
    content = text[token.end() : close.start()]
    start = text.rfind("\n", 0, token.start()) + 1
    before = text[start : token.start()]
    begins_line = PREFIX.fullmatch(before) is not None
    if content.startswith("\n") and not begins_line:
        raise MarkError(
            f"line {_line(text, token)}: {_shown(token)} is followed by a new line, but does not begin one."
        )
    if not content.startswith("\n") and begins_line:
        raise MarkError(
            f"line {_line(text, token)}: {_shown(token)} begins a line, which Markdown would take for HTML. "
            "Move a word before it."
        )
    if not content.startswith("\n") and PREFIX.fullmatch(text[text.rfind("\n", 0, close.start()) + 1 : close.start()]):
        raise MarkError(f"line {_line(text, close)}: <!-- / --> begins a line. Let it follow the last word.")
    return Mark(
        token["kind"],  # type: ignore[arg-type]
        FOLD.sub(" ", token["said"]).strip(),
        content,
        token.end(),
        close.start(),
        _line(text, token),
        before if content.startswith("\n") else "",
    )


def _line(text: str, token: re.Match[str]) -> int:
    return text.count("\n", 0, token.start()) + 1


def _shown(token: re.Match[str]) -> str:
    return f"<!-- {token['kind']} {FOLD.sub(' ', token['said']).strip()} -->"
