"""``unroll forget``: remove a study's results from the store."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from unroll.cli.options import Overrides, StorePath, StudyName
from unroll.defaults import STORE


def forget(
    study: StudyName,
    overrides: Overrides = [],  # noqa: B006 - Typer copies it
    store: StorePath = Path(STORE),
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Remove a study from the store, after asking.

    Its trials go with their results, except those that another study asks for.
    """
    from unroll.reading import Results
    from unroll.store import Store
    from unroll.study import read_study

    results = Results(read_study(study, overrides, check=False), store)
    complete = int((results.trials()["state"] == "complete").sum())
    question = f"Remove {results.study.name} with {complete} complete trials from {store}? This cannot be undone."
    if not yes and not typer.confirm(question, err=True):
        typer.echo("Nothing was removed.", err=True)
        raise typer.Exit(1)
    with Store.open(store, write=True, purpose=f"forget {results.study.name}") as opened:
        removed = opened.forget(results.study.digest)
    typer.echo(f"Removed {results.study.name} and {removed} trials.", err=True)
