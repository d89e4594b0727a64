"""``unroll cite``: what to cite, as BibTeX."""

from __future__ import annotations

from typing import Annotated

import typer

from unroll.cli.options import Json


def cite(
    study: Annotated[
        str | None,
        typer.Argument(metavar="[STUDY]", help="Only what this study uses; everything where it is left out."),
    ] = None,
    json: Json = False,
) -> None:
    """Print what to cite, as BibTeX.

    unroll itself, then the sources of tasks and models.
    """
    from importlib.metadata import version

    from unroll import registry
    from unroll.citation import software
    from unroll.cli.output import print_json
    from unroll.study import read_study

    used = {"task": set(registry.tasks.names()), "model": set(registry.models.names())}
    if study is not None:
        grids = read_study(study).factors
        used = {family: {name for grid in grids for name in grid[family]} for family in used}
    entries = [software(version("unroll-lab"))]
    for family in (registry.tasks, registry.models):
        for name in family.names():
            if name in used[family.noun]:
                entries += [entry for entry in family.load(name).sources if entry not in entries]
    if json:
        print_json(entries)
    else:
        typer.echo("\n\n".join(entries))
