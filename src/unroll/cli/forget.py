"""``unroll forget``: remove a study's results from the store."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from unroll.cli.options import Overrides, StorePath
from unroll.cli.output import say
from unroll.defaults import STORE
from unroll.errors import UnrollError
from unroll.inert import inert
from unroll.wording import measured


def forget(
    study: Annotated[
        str | None, typer.Argument(metavar="STUDY", help="A shipped study, a study file, or a study of the store.")
    ] = None,
    overrides: Overrides = [],  # noqa: B006 - Typer copies it
    store: StorePath = Path(STORE),
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    damaged: Annotated[
        bool, typer.Option("--damaged", help="Remove, of all studies, just what is damaged (see: unroll doctor).")
    ] = False,
) -> None:
    """Remove a study from the store, after asking.

    Removes its trials and their results, except those that another study shares. With --damaged and no study, removes
    only what is no longer as it was written; running the studies again trains it anew.
    """
    if (study is None) is not damaged:
        raise UnrollError("Name a study to forget, or --damaged for what is damaged of all.")
    if study is None:
        _forget_damaged(store)
        return
    from unroll.cli.asked import results_of
    from unroll.store import Store

    results = results_of(study, overrides, store)
    complete = int((results.trials()["state"] == "complete").sum())
    question = (
        f"Remove {results.study.name} with {measured(complete, 'complete trial')} from {store}? This cannot be undone."
    )
    if not yes and not typer.confirm(inert(question), err=True):
        say("Nothing was removed.", err=True)
        raise typer.Exit(1)
    with Store.open(store, write=True, purpose=f"forget {results.study.name}") as opened:
        planned = opened.planned(results.study)
        removed = opened.forget(planned.digest if planned is not None else results.study.digest)
    say(f"Removed {results.study.name} and {measured(removed, 'trial')}.", err=True)


def _forget_damaged(store: Path) -> None:
    from unroll.store import Store

    with Store.open(store, write=True, purpose="forget --damaged") as opened:
        removed = opened.forget_damaged()
    if removed:
        say(f"Removed what was damaged of {measured(removed, 'trial')}. Run their studies again: unroll run.", err=True)
    else:
        say("Removed what was damaged. No trial is to be trained again.", err=True)
