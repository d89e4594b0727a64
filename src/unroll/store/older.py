"""What trials that were planned before there were declarations would have declared."""

from __future__ import annotations

from unroll.declarations import Amount, Declared


def declared(task: str, length: int) -> Declared:
    """Return it: all of them were judged by their mean squared error, and one task had a law of memory."""
    return Declared(memory=Amount("steps", float(length))) if task == "adding" else Declared()
