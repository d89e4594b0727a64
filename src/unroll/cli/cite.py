"""``unroll cite``: what to cite, as BibTeX."""

from __future__ import annotations

from typing import Annotated

import typer

from unroll.cli.options import Json
from unroll.cli.output import say


def cite(
    study: Annotated[
        str | None,
        typer.Argument(metavar="[STUDY]", help="Only what this study uses. Default: everything."),
    ] = None,
    json: Json = False,
) -> None:
    """Print what to cite, as BibTeX.

    unroll itself, then the sources of tasks, models and measures; of a study those of the measures that look at its
    trained networks and of those that its questions name.
    """
    from importlib.metadata import version

    from unroll import registry
    from unroll.citation import cited, software
    from unroll.cli.output import print_json
    from unroll.cli.plugins import reason
    from unroll.measures import known
    from unroll.study import read_study

    families = (registry.tasks, registry.models, registry.measures)
    used = {family.noun: set(family.names()) for family in families}
    if study is not None:
        asked = read_study(study, check=False)
        grids = asked.factors
        used = {family: {name for grid in grids for name in grid.get(family, ())} for family in used}
        used["measure"] = {name for question in asked.questions for name in question.by}
        used["measure"] |= {name for name, one in known().items() if one.when == "end"}
    entries = [software(version("unroll-lab"))]
    for family in families:
        for name in family.names():
            if name in used[family.noun]:
                try:
                    entries += [entry for entry in cited(family.load(name)) if entry not in entries]
                except Exception as error:  # a third party's class may break in any way
                    say(f'The {family.noun} "{name}" is left out. {reason(error)}', err=True)
    if json:
        print_json(entries)
    else:
        say("\n\n".join(entries))
