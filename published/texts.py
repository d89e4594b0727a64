"""The texts that quote results, and whether what they quote is what is stored."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from published import blocks, quotes
from published.marks import Mark, MarkError, expected, marks, written
from published.tables import Stored, digest_of
from published.unmarked import unmarked

ROOT = Path(__file__).parents[1]
PATTERNS = ("README.md", "docs/*.md", "benchmarks/*.md", "notebooks/*.py", "src/unroll/studies/*.toml")
CODE = {".py": re.compile(r"^(?!#( |$)).*$", re.MULTILINE), ".toml": re.compile(r"^(?!#).*$", re.MULTILINE)}
"""Lines that are no text: all but the comments."""


def texts(root: Path) -> list[Path]:
    """Return the texts in which every quote is marked."""
    return [path for pattern in PATTERNS for path in sorted(root.glob(pattern))]


def faults(path: Path, stored: Stored, root: Path) -> Iterator[str]:
    """Yield what a text quotes and is not so, each as one line that begins with the place."""
    name = path.relative_to(root).as_posix()
    text = path.read_text(encoding="utf-8")
    try:
        found = marks(text)
    except MarkError as error:
        yield f"{name}: {error}"
        return
    for mark in found:
        try:
            fault = _fault(mark, stored, path)
        except MarkError as error:
            fault = str(error)
        if fault:
            yield f"{name}:{mark.line}: {mark.kind} {mark.said}: {fault}"
    for line, numbers in unmarked(CODE[path.suffix].sub("", text) if path.suffix in CODE else text).items():
        verb = "looks" if len(numbers) == 1 else "look"
        yield f"{name}:{line}: {', '.join(numbers)} {verb} measured, without a mark. published/README.md says how."


def rewrite(path: Path, stored: Stored) -> bool:
    """Write what a text quotes into it; return whether that changed it. MarkError names the text and the line."""
    text = path.read_text(encoding="utf-8")

    def value(mark: Mark) -> str:
        try:
            return quotes.value(mark, stored)
        except MarkError as error:
            raise MarkError(f"line {mark.line}: {mark.said}: {error}") from None

    try:
        new = written(text, value)
    except MarkError as error:
        raise MarkError(f"{path.name}, {error}") from None
    if new != text:
        path.write_text(new, encoding="utf-8")
    return new != text


def asked(root: Path) -> dict[str, list[tuple[Path, Mark]]]:
    """Return, for each source that a text quotes, the marks that do, with their texts."""
    found: dict[str, list[tuple[Path, Mark]]] = {}
    for path in texts(root):
        try:
            in_text = marks(path.read_text(encoding="utf-8"))
        except MarkError as error:
            raise MarkError(f"{path.name}, {error}") from None
        for mark in in_text:
            for name in quotes.sources(mark):
                found.setdefault(name, []).append((path, mark))
    return found


def _fault(mark: Mark, stored: Stored, path: Path) -> str | None:
    if mark.kind == "given:":
        return None if mark.said else "Say whence the number is: <!-- given: WHENCE -->"
    if mark.kind == "?":
        broken = quotes.claim(mark, stored)
        return f"the sentence does not hold: {broken}. Write what holds." if broken else None
    stands, should = mark.content, expected(mark, quotes.value(mark, stored))
    if stands != should:
        return f"{_first_difference(stands, should)}. Write it: python -m published --write"
    if quotes.verb(mark) == "picture" and not stored.awaits(mark.said.split()[0]):
        figure, file = blocks.picture_of(mark)
        picture = stored.source(mark.said.split()[0]).facts["pictures"][figure]
        if digest_of(path.parent / file) != picture["file"]:
            return f"{file} is not the picture that was stored. Draw it: make published"
    return None


def _first_difference(stands: str, should: str) -> str:
    pairs = zip([*stands.strip("\n").split("\n"), ""], [*should.strip("\n").split("\n"), ""], strict=False)
    was, is_ = next((pair for pair in pairs if pair[0] != pair[1]), (stands, should))
    return f'the text has "{was.strip()}", stored is "{is_.strip()}"'
