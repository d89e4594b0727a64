"""Numbers in a text that look measured and stand in no mark."""

from __future__ import annotations

import re

from published.marks import TOKEN, marks

WORD = "none|one|two|three|four|five|six|seven|eight|nine|ten"
MEASURED = re.compile(
    rf"""
    (?<![\w.,/×-])(?:
        \d+(?:\.\d+)?\s?%                              # 29 %
      | \d[\d.,]*\ of\ (?:its\ )?\d[\d.,]*             # 3 of 10, 0.158 of 0.1667
      | \d+/(?![124]\b)\d+(?!\w)                       # 3/10, but not a half
      | \d+(?:\.\d+)?e-\d+                             # 5.3e-05
      | (?:all|{WORD})\ of\ (?:{WORD})\b               # two of three
      | \d+\.\d{{2,}}                                  # 0.151
      | \d+(?:\.\d+)?x\b                               # 2.05x
      | \d+(?:\.\d+)?\ (?:times\ as|s\b|ms\b|seconds|minutes|min\b)
    )
    """,
    re.VERBOSE,
)
FENCED = re.compile(r"^(?P<prefix># |)```(?P<language>\w*).*?^(?P=prefix)```", re.MULTILINE | re.DOTALL)
SKIPPED = re.compile(
    r"""
      ^(?:\ {4}|\$\ |)(?:unroll|make)\ [^\n]*             # commands
    | `[^`\n]+`
    | \$\$.*?\$\$ | \$[^$\n]+\$                           # formulas
    | \]\([^)\s]*\) | https?://\S+
    | (?:Python|PyTorch)\ \d[\d.]*(?:\ to\ [\d.]+)?
    """,
    re.VERBOSE | re.MULTILINE | re.DOTALL,
)
"""What is not read: code, commands, formulas, addresses, versions. What programs print (```text) is read."""
CONSTANTS = frozenset({"0.1667", "1/6", "1/12", "0.01", "95 %"})
"""The adding problem's baseline, its values' variance and its criterion, by definition; the level of intervals."""


def unmarked(text: str) -> dict[int, list[str]]:
    """Return each line with what looks measured in it and is not marked."""
    blank = text
    for mark in marks(text):
        if mark.kind != "?":
            blank = _without(blank, mark.begins, mark.ends)
    for found in FENCED.finditer(blank):
        if found["language"] != "text":
            blank = _without(blank, *found.span())
    for pattern in (TOKEN, SKIPPED):
        for found in pattern.finditer(blank):
            blank = _without(blank, *found.span())
    lines: dict[int, list[str]] = {}
    for found in MEASURED.finditer(blank):
        if found[0] not in CONSTANTS:
            lines.setdefault(blank.count("\n", 0, found.start()) + 1, []).append(found[0].rstrip(".,"))
    return lines


def _without(text: str, begins: int, ends: int) -> str:
    """Return the text with a stretch of it blank, every line where it was."""
    return text[:begins] + re.sub(r"[^\n]", " ", text[begins:ends]) + text[ends:]
