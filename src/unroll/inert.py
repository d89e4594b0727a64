"""Text that somebody else wrote, made harmless: what a terminal or the eye would obey is shown as an escape.

Names, questions, messages and keys come from files and plug-ins. A control character in one of them can clear a screen,
set its title or type for its reader (ESC, OSC, C1); a bidirectional override shows words in another order than they are
in (CVE-2021-42574). Each way out of the program has one door, which applies ``inert`` to all that passes: commands
``unroll.cli.output.say`` and ``unroll.terminal.Terminal``, exporters their ``escaped``, the report its environment.
"""

from __future__ import annotations

import re
from html import escape

UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff]"
)
"""C0 but for tab and line feed, DEL, C1; bidirectional marks, embeddings, overrides, isolates; separators of lines and
paragraphs, which some readers take for a line break; the byte order mark, annotations, halves of surrogate pairs."""
LONGEST = 80
"""Characters of a name, a path or a value that a message repeats: with several of them it stays below 200."""
_LINE = re.compile("[\t\n]")


def inert(text: str, *, line: bool = False) -> str:
    r"""Return text with each character that is not safe to show as its escape; ``line``: tabs and line feeds too.

    >>> print(inert("a\x1b[2Jb"), inert("\u202eabc"), inert("two\nlines", line=True))
    a\x1b[2Jb \u202eabc two\nlines
    """
    text = UNSAFE.sub(_escaped, text)
    return _LINE.sub(lambda found: {"\t": r"\t", "\n": r"\n"}[found[0]], text) if line else text


def clipped(text: str, most: int = LONGEST) -> str:
    """Return text as a message may repeat it: its beginning and its end where it is longer than ``most`` characters.

    >>> clipped("abcdefghijklmnopqrstuvwxyz", 9)
    'abcdef…yz'
    """
    end = (most - 1) // 3
    return text if len(text) <= most else f"{text[: most - 1 - end]}…{text[-end:]}"


def html(text: str) -> str:
    """Return text that a browser shows as it is, within an element or a quoted attribute."""
    return escape(inert(text))


def _escaped(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"
