"""Write docs/reference/gallery.md, a page with a sequence of every task, and its pictures: ``make docs`` does.

A test compares the page and the pictures with what this would write.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from unroll import registry
from unroll.tasks import Task
from unroll.tasks.example import example, facts_of
from unroll.tasks.picture import described, svg
from unroll.wording import capital

FOLDER = Path(__file__).parent
PICTURES = "figures/tasks"
SETTINGS: Mapping[str, Mapping[str, Any]] = {
    "copy": {"items": 4},
    "selective_copy": {"items": 4},
    "denoise": {"items": 4},
    "brackets": {"pairs": 2, "ask": "top"},
    "latch": {"distractors": 26},
    "delay": {"lags": 4},
}
"""Where the defaults make a longer sequence than shows what is meant."""
LENGTHS = {"mackey_glass": 100, "counting": 8}
TEXT = "Whether 'tis nobler in the mind to suffer the slings and arrows of outrageous fortune, " * 8
LEFT_OUT = {"settings", "length", "shown", "asked"}

HEAD = """\
# Gallery of tasks

<!-- Written by docs/gallery.py from the tasks themselves. Change those, then: make docs -->

A sequence of each task, drawn for seed 1: in `x` what is shown, step by step, in `y` what is asked. The same in a
terminal, with the definition, other settings, lengths and seeds: `unroll tasks copy --set items=5 --length 20`. In a
notebook a task shows itself. Definitions: [Tasks](tasks.md).
"""


def written() -> dict[str, str]:
    """Return the texts of all files, by their paths from this folder."""
    with tempfile.TemporaryDirectory() as folder:
        found, parts = {}, [HEAD]
        for name, task in tasks(Path(folder)):
            shown = example(task, LENGTHS.get(name))
            found[f"{PICTURES}/{name}.svg"] = svg(shown)
            facts = facts_of(task, shown.length).items()
            told = "; ".join(f"{name} {said}" for name, said in facts if name not in LEFT_OUT)
            alt = described(shown).replace("[", "(").replace("]", ")")
            title = capital(type(task).told()["title"])
            picture = f"![{alt}](../{PICTURES}/{name}.svg)"
            parts.append(f"## {title}\n\n`{name}`: {type(task).summary}.\n\n{picture}\n\n{capital(told)}.\n")
    return {"reference/gallery.md": "\n".join(parts), **found}


def tasks(folder: Path) -> Iterator[tuple[str, Task]]:
    """Yield unroll's own tasks; those of a user's file with one that is made here."""
    (folder / "hamlet.txt").write_text(TEXT, encoding="utf-8")
    rows = [f"{math.sin(row / 6):.3f},{math.cos(row / 11) + row / 200:.3f}" for row in range(1_600)]
    (folder / "waves.csv").write_text("\n".join(["short,long", *rows]), encoding="utf-8")
    files = {"text": {"file": str(folder / "hamlet.txt")}, "series": {"file": str(folder / "waves.csv")}}
    for name in registry.tasks.own():
        yield name, registry.tasks.load(name)(**{**files.get(name, {}), **SETTINGS.get(name, {})})


if __name__ == "__main__":
    for path, text in written().items():
        (FOLDER / path).parent.mkdir(parents=True, exist_ok=True)
        (FOLDER / path).write_text(text, encoding="utf-8")
