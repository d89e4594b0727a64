"""``unroll show``: what came of a study, or of one trial."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unroll.cli.options import Json, Overrides, StorePath
from unroll.defaults import STORE

if TYPE_CHECKING:
    from unroll.reading import Results

TRIAL = re.compile(r"[0-9a-f]{6,64}")
MOST_FAILURES = 10


def show(
    what: Annotated[
        str,
        typer.Argument(
            metavar="STUDY|TRIAL", help="A shipped study, a study file, or the first digits of a trial's key."
        ),
    ],
    overrides: Overrides = [],  # noqa: B006 - Typer copies it
    store: StorePath = Path(STORE),
    json: Json = False,
) -> None:
    """Print a study's tables, or one trial.

    The first table has a row a condition: its seeds, their test MSE, how many are solved. Where models generate, tables
    of their continuations and errors follow, in JSON as lists within a condition's row. A trial is named by the first
    digits of its key, which ``unroll export`` lists.
    """
    if TRIAL.fullmatch(what) and not Path(what).exists():
        from unroll.cli.trial import show_trial

        show_trial(what, store, json)
        return
    from unroll.cli.generation_tables import generation_tables, with_generation
    from unroll.cli.output import conditions_table, print_json, print_table
    from unroll.reading import Results
    from unroll.study import read_study

    results = Results(read_study(what, overrides, check=False), store)
    if results.notice:
        typer.echo(results.notice, err=True)
    if json:
        print_json(with_generation(results))
        return
    for table in (conditions_table(results), *generation_tables(results)):
        print_table(table)
    _print_failures(results)


def _print_failures(results: Results) -> None:
    trials = results.trials()
    failed = trials[trials["state"] == "failed"]
    for key in failed["key"].head(MOST_FAILURES):
        trial = results.trial(key)
        message = str((trial.error or {}).get("message", "")).partition("\n")[0]
        name = f"{trial.model} on {trial.task}, T = {trial.length}, seed {trial.seed}"
        typer.echo(f"failed: {name} ({trial.key[:8]}): {message}")
    if len(failed):
        typer.echo(f"{len(failed)} failed. The traceback of one: unroll show {failed['key'].iloc[0][:8]}", err=True)
