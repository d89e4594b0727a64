"""What a study file may ask of the parser: looked at before it is parsed, in one pass and constant memory.

tomllib makes a table of each part of a dotted key and remembers each way to it: ``a.a.a...``, 10,000 parts long, takes
half a gigabyte.
"""

from __future__ import annotations

import re

DEEPEST = 32
"""Parts of a dotted key or header, and brackets within brackets. A study needs four."""
MOST_KEYS = 10_000
MOST_VALUES = 200_000

# Possessive throughout (no position is tried twice), and a string that is never closed reaches to the end.
_TOKEN = re.compile(
    r"""
    (?P<gap>[ \t\r]++|\#[^\n]*+)
  | (?P<line>\n)
  | (?P<part>\"\"\"(?:[^"\\]++|\\.|"{1,2}(?!"))*+(?:"{3,5}|\\?\Z) | '''(?:[^']++|'{1,2}(?!'))*+(?:'{3,5}|\Z)
           | "(?:[^"\\\n]++|\\[^\n])*+(?:"|\\?$) | '[^'\n]*+(?:'|$) | [+-]?\d[\d_]*+\.\d[\w+-]*+ | [^\s\[\]{}=,\#"'.]++)
  | (?P<dot>\.) | (?P<equals>=) | (?P<comma>,) | (?P<open>[\[{]) | (?P<close>[\]}])
    """,
    re.VERBOSE | re.DOTALL | re.MULTILINE,
)


def excess(text: str) -> tuple[str, int] | None:
    """Return what a TOML text has too much of, with its line; None where it may be parsed."""
    line, depth, parts, keys, values = 1, 0, 1, 0, 0
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup
        if kind == "dot":
            parts, keys = parts + 1, keys + 1
        elif kind not in ("part", "gap"):
            parts = 1
        if kind == "open":
            depth, keys = depth + 1, keys + (depth == 0)
        elif kind == "close":
            depth = max(0, depth - 1)
        elif kind == "line":
            line += 1
        elif kind == "part":
            line += match.group().count("\n")
        keys, values = keys + (kind == "equals"), values + (kind == "comma")
        if parts > DEEPEST or depth > DEEPEST:
            return f"nested more than {DEEPEST} deep, so not a study", line
        if keys > MOST_KEYS or values > MOST_VALUES:
            noun, most = ("keys", MOST_KEYS) if keys > MOST_KEYS else ("values", MOST_VALUES)
            return f"more than {most:,} {noun}, so not a study", line
    return None
