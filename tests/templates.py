"""Shipped studies that are templates: they want a user's file, which is written here."""

from __future__ import annotations

import math
from pathlib import Path

FILES = {"your-text": "words.txt", "your-series": "waves.csv"}


def filled_in(name: str, folder: Path) -> list[str]:
    """Return what ``--set`` adds to a shipped study so that it can be run: nothing, unless it is a template."""
    if name not in FILES:
        return []
    path = folder / FILES[name]
    if name == "your-text":
        path.write_text("the cat sat on a mat while it rained\n" * 80)
    else:
        path.write_text("a\n" + "".join(f"{math.sin(row / 5):.4f}\n" for row in range(1_400)))
    return [f"task.file={path}"]
