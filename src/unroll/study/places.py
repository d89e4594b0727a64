"""Where in a TOML text each value stands: tomllib tells what was written, not in which line."""

from __future__ import annotations

import re
from collections import Counter

Path = tuple[str | int, ...]

_TOKEN = re.compile(
    r"""
    (?P<space>[ \t\r\n]+|\#[^\n]*)
  | (?P<string>\"\"\"(?:\\.|[^\\])*?\"{3,5}|'''.*?'{3,5}|"(?:\\.|[^"\\\n])*"|'[^'\n]*')
  | (?P<mark>[\[\]{}=,.])
  | (?P<word>[^\s\[\]{}=,\#"'.]+(?:\.[^\s\[\]{}=,\#"'.]+)*)
    """,
    re.VERBOSE | re.DOTALL,
)


class Places:
    """Line numbers of a TOML text that tomllib accepts.

    ``line(("train", "epochs"))`` is where that key stands, ``line(("factors", "length", 2))`` where the third element
    of that list stands, ``line(("where", 1, "match"))`` looks into the second ``[[where]]``. A path that the text does
    not hold gets the line of its nearest parent that it does hold, None at the root.
    """

    def __init__(self, text: str):
        self._lines: dict[Path, int] = {}
        self._tokens: list[tuple[str, str, int]] = []
        line = 1
        for match in _TOKEN.finditer(text):
            if match.lastgroup != "space":
                self._tokens.append((match.lastgroup or "", match.group(), line))
            line += match.group().count("\n")
        self._at = 0
        self._read()

    def line(self, path: Path) -> int | None:
        """Return the line, counted from 1, of a value or of its nearest parent."""
        while path:
            if path in self._lines:
                return self._lines[path]
            path = path[:-1]
        return None

    def paths(self) -> dict[Path, int]:
        """Return every place that was found."""
        return dict(self._lines)

    def _read(self) -> None:
        tables: Counter[Path] = Counter()
        here: Path = ()
        while self._at < len(self._tokens):
            _, text, line = self._tokens[self._at]
            if text == "[":
                many = self._peek(1) == "["
                self._at += 2 if many else 1
                here = self._inside(self._key(), tables, line)
                self._at += 2 if many else 1
                if many:
                    tables[here] += 1
                    here = (*here, tables[here] - 1)
                self._lines[here] = line
            else:
                self._assignment(here)

    def _inside(self, names: list[str], tables: Counter[Path], line: int) -> Path:
        """Follow a header's names; a name that is a list of tables stands for its last one."""
        path: Path = ()
        for position, name in enumerate(names):
            path = (*path, name)
            self._lines.setdefault(path, line)
            if position < len(names) - 1 and tables[path]:
                path = (*path, tables[path] - 1)
        return path

    def _assignment(self, here: Path) -> None:
        line = self._tokens[self._at][2]
        path = here
        for name in self._key():
            path = (*path, name)
            self._lines.setdefault(path, line)
        self._at += 1  # the equals sign
        self._value(path)

    def _key(self) -> list[str]:
        names: list[str] = []
        while True:
            kind, text, _ = self._tokens[self._at]
            names += [_unquoted(text)] if kind == "string" else text.split(".")
            self._at += 1
            if self._peek() != ".":
                return names
            self._at += 1

    def _value(self, path: Path) -> None:
        _, text, line = self._tokens[self._at]
        self._lines.setdefault(path, line)
        if text == "[":
            self._at += 1
            count = 0
            while self._peek() != "]":
                self._value((*path, count))
                count += 1
                if self._peek() == ",":
                    self._at += 1
            self._at += 1
        elif text == "{":
            self._at += 1
            while self._peek() != "}":
                self._assignment(path)
                if self._peek() == ",":
                    self._at += 1
            self._at += 1
        else:  # a string or a word; a date, a time and a fraction are several tokens
            self._at += 1
            while self._at < len(self._tokens) and self._peek() not in {",", "]", "}"} and self._same_line(line):
                self._at += 1

    def _same_line(self, line: int) -> bool:
        return self._tokens[self._at][2] == line

    def _peek(self, ahead: int = 0) -> str:
        return self._tokens[self._at + ahead][1] if self._at + ahead < len(self._tokens) else ""


def _unquoted(text: str) -> str:
    import tomllib

    return next(iter(tomllib.loads(f"{text} = 0")))
