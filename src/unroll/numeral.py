"""A number as people and other programs write it, in a prompt or in a file of theirs."""

from __future__ import annotations


def value_of(numeral: str) -> float:
    """Return what a numeral says; ValueError for what is none.

    Of what Python reads as a number, underscores between digits and the digits of other scripts are none here: ``1_0``
    may well be two numbers.
    """
    if not numeral.isascii() or "_" in numeral:
        raise ValueError(f"no numeral: {numeral!r}")
    return float(numeral)
