"""Execute the notebooks, and store what their cells show: ``make notebooks``.

Run: python -m published.notebooks [NAME ...]

They run beside the store of ``make published``, so that nothing is trained twice. What they keep depends neither on the
moment nor on the place: cells tagged ``times`` keep no output, and runs show no progress.
"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from published.texts import ROOT

HERE = ROOT / "notebooks"
WORK = ROOT / "published" / "store"
UNKEPT = frozenset({"times", "large"})
"""Tags of cells whose output is not kept: it is a matter of the machine's speed, or a hundred kilobytes and more."""
FACTS = "unroll"
"""The entry of a notebook's metadata that says what it was executed on."""
SETUP = """\
import functools, unroll
unroll.run = functools.partial(unroll.run, progress=False, **{options})
_growth = unroll.Results.growth
unroll.Results.growth = lambda results: _growth(results).iloc[:0]  # no finding of how long an epoch takes
"""


def main(names: list[str]) -> int:
    """Execute these notebooks, all where none is named, and write what they show into their files."""
    jupytext, nbformat = untyped("jupytext"), untyped("nbformat")
    for source in sorted(HERE.glob("*.py")):
        if names and source.stem not in names:
            continue
        print(f"{source.stem}:", file=sys.stderr)
        target = source.with_suffix(".ipynb")
        stored = nbformat.read(target, as_version=4)
        text = jupytext.read(source)
        WORK.mkdir(parents=True, exist_ok=True)
        shown = executed(text, WORK)
        if [cell.source for cell in stored.cells] != [cell.source for cell in text.cells]:
            stored.cells = [*text.cells]
        for cell, done in zip(stored.cells, shown.cells, strict=True):
            if cell.cell_type == "code":
                cell.outputs, cell.execution_count = done.outputs, done.execution_count
        stored.metadata[FACTS] = facts()
        nbformat.write(stored, target)
    return 0


def executed(notebook: Any, folder: Path, options: dict[str, Any] | None = None, before: str = "") -> Any:
    """Return a notebook with the outputs of its cells, run in a folder; ``options`` are those of every run."""
    nbclient, nbformat = untyped("nbclient"), untyped("nbformat")
    found = nbformat.from_dict(notebook)
    setup = nbformat.v4.new_code_cell(SETUP.format(options=options or {}) + before)
    found.cells = [setup, *found.cells]
    resources = {"metadata": {"path": str(folder)}}
    nbclient.NotebookClient(found, timeout=None, resources=resources).execute()
    found.cells = found.cells[1:]
    count = 0
    for cell in found.cells:
        cell.metadata.pop("execution", None)
        if cell.cell_type != "code":
            continue
        count += 1
        cell.execution_count = count
        cell.outputs = [] if UNKEPT & set(cell.metadata.get("tags", ())) else cell.outputs
        for output in cell.outputs:
            if "execution_count" in output:
                output["execution_count"] = count
    return found


def untyped(name: str) -> Any:
    """Return a package that declares no types."""
    return import_module(name)


def facts() -> dict[str, str]:
    """Return on what numbers depend to the last bit: processor, instruction set, versions."""
    from unroll.kernels.pick import pick
    from unroll.training import numerics

    known = numerics(pick("tanh_rnn"))
    return {name: str(known[name]) for name in sorted(known)}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
