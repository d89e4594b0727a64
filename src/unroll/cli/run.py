"""``unroll run``: train a study, or go on with it."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Annotated

import typer

from unroll.cli.options import ExecutorName, Json, MaxTrials, Overrides, StorePath, StudyName, Workers
from unroll.defaults import MAX_TRIALS, STORE

SIGNALLED = 128
"""Added to a signal's number, the exit code of a program that it ended."""


def run(
    study: StudyName,
    overrides: Overrides = [],  # noqa: B006 - Typer copies it
    store: StorePath = Path(STORE),
    workers: Workers = None,
    executor: ExecutorName = "processes",
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Try failed trials again.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what it would take, and train nothing.")] = False,
    max_trials: MaxTrials = MAX_TRIALS,
    shard: Annotated[
        str | None,
        typer.Option("--shard", metavar="I/N", help="Only part I of N: for several machines (see: unroll merge)."),
    ] = None,
    json: Json = False,
) -> None:
    """Train what is missing of a study.

    Prints the table of its results. Stop it with Ctrl-C at any time: running it again goes on from there. Exit code: 0
    when all trials are complete, 1 when some failed, 2 for a study that cannot be run, 130 after Ctrl-C.
    """
    from unroll import registry
    from unroll.errors import UnknownNameError
    from unroll.study import read_study

    if executor not in registry.executors.names():
        raise UnknownNameError(registry.executors.unknown(executor))
    asked = read_study(study, overrides, max_trials=max_trials)
    part = None
    if shard is not None:
        from unroll.running.shards import Shard

        part = Shard.parse(shard).take
    if dry_run:
        from unroll.cli.dry_run import print_foresight
        from unroll.running import foresee

        foresight = foresee(asked, store, executor=executor, workers=workers, max_trials=max_trials, part=part)
        print_foresight(asked.name, foresight, json)
        return
    from unroll.running import execute
    from unroll.running.progress import progress_on_stderr

    summary = execute(
        asked,
        store,
        executor=executor,
        workers=workers,
        retry_failed=retry_failed,
        max_trials=max_trials,
        part=part,
        observer=progress_on_stderr(),
    )
    again = " ".join([f"{_program()} run", study, *(f"--set '{text}'" for text in overrides)])
    again += "" if store == Path(STORE) else f" --store {store}"
    shown = again.replace(" run ", " show ", 1)
    again += f" --shard {shard}" if shard else ""
    if summary.signal is not None:
        typer.echo(f"Stopped. {summary.complete} trials are complete. Go on with: {again}", err=True)
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(SIGNALLED + summary.signal)  # all is stored and closed; Python would take a second to unload torch
    _print_results(asked, store, shown, json)
    if summary.failed:
        typer.echo(f"{summary.failed} trials failed. Why: {shown}", err=True)
        raise typer.Exit(1)


def _program() -> str:
    """Return how this command can be called again: its name, or its path where the name is not found."""
    if shutil.which("unroll"):
        return "unroll"
    path = Path(sys.argv[0])
    return str(path) if path.name == "unroll" else "unroll"


def _print_results(study: object, store: Path, shown: str, json: bool) -> None:
    from unroll.cli.output import conditions_table, print_json, print_table
    from unroll.exporters.json import records
    from unroll.reading import Results
    from unroll.study import Study

    assert isinstance(study, Study)  # noqa: S101 - keeps the import of Study out of the start
    results = Results(study, store)
    if json:
        print_json(records(results.table()))
        return
    print_table(conditions_table(results))
    typer.echo(f"Everything lies in {store}: curves, gradient norms, trained weights.", err=True)
    typer.echo(f"See it again: {shown}", err=True)
