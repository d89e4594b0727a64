"""``unroll run``: train a study, or resume it."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unroll.cli.options import ExecutorName, Json, MaxTrials, Overrides, StorePath, StudyName, Workers
from unroll.cli.output import say, to_nowhere
from unroll.commands import Asked
from unroll.defaults import MAX_TRIALS, STORE
from unroll.wording import are, measured

if TYPE_CHECKING:
    from unroll.reading import Results

SIGNALLED = 128
"""Added to a signal's number, the exit code of a program that it ended."""


def run(
    study: StudyName,
    overrides: Overrides = [],  # noqa: B006 - Typer copies it
    store: StorePath = Path(STORE),
    workers: Workers = None,
    executor: ExecutorName = "processes",
    scheduler: Annotated[
        str | None,
        typer.Option("--scheduler", metavar="ADDRESS", help="A Dask cluster that is there, such as tcp://host:8786."),
    ] = None,
    executor_option: Annotated[
        list[str],
        typer.Option("--executor-option", metavar="NAME=VALUE", help="An option of the executor; repeatable."),
    ] = [],  # noqa: B006 - Typer copies it
    executor_file: Annotated[
        Path | None,
        typer.Option("--executor-file", metavar="PATH", help="A TOML file with options of the executor."),
    ] = None,
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Try failed trials again.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Estimate time, memory and disk; train nothing.")] = False,
    max_trials: MaxTrials = MAX_TRIALS,
    shard: Annotated[
        str | None,
        typer.Option("--shard", metavar="I/N", help="Only part I of N, for several machines (see: unroll merge)."),
    ] = None,
    keep_state: Annotated[
        bool,
        typer.Option(
            "--keep-state", help="Keep the last state of finished trials, so that more epochs can continue from it."
        ),
    ] = False,
    json: Json = False,
) -> None:
    """Train the trials of a study that are not complete yet.

    Prints the table of its results. Stop it with Ctrl-C at any time: running it again resumes. Exit code: 0
    when all trials are complete, 1 when some failed or are damaged, 2 for a study that cannot be run, 130 after Ctrl-C.
    """
    from unroll import registry
    from unroll.errors import UnknownNameError
    from unroll.executors.options import read_options
    from unroll.running.judging import judge
    from unroll.study import read_expanded

    if executor not in registry.executors.names():
        raise UnknownNameError(registry.executors.unknown(executor))
    options = read_options(executor_file, executor_option, scheduler)
    asked, trials = read_expanded(study, overrides, max_trials=max_trials, judge=judge)
    part = None
    if shard is not None:
        from unroll.running.shards import Shard

        part = Shard.parse(shard).take
    if dry_run:
        from unroll.cli.dry_run import print_foresight
        from unroll.running import foresee

        foresight = foresee(
            asked,
            store,
            trials=trials,
            executor=executor,
            workers=workers,
            executor_options=options,
            retry_failed=retry_failed,
            max_trials=max_trials,
            part=part,
            keep_state=keep_state,
        )
        print_foresight(asked.name, foresight, json)
        return
    from unroll.reading import Results
    from unroll.running import execute
    from unroll.running.progress import progress_on_stderr

    summary = execute(
        asked,
        store,
        trials=trials,
        executor=executor,
        workers=workers,
        executor_options=options,
        retry_failed=retry_failed,
        max_trials=max_trials,
        part=part,
        keep_state=keep_state,
        observer=progress_on_stderr(),
    )
    typed = Asked(study, tuple(overrides), str(store), max_trials)
    further = [*(["--shard", shard] if shard else []), *(["--keep-state"] if keep_state else [])]
    again = typed.command("run", *further)
    shown = typed.command("show")
    if summary.signal is not None:
        say(f"Stopped. {are(summary.complete, 'trial')} complete. Resume with: {again}", err=True)
        os._exit(SIGNALLED + summary.signal)  # all is stored and closed; Python would take a second to unload torch
    try:
        _print_results(Results(asked, store, typed), shown, json)
    except OSError as error:
        to_nowhere(sys.stdout)
        say(f"The table cannot be printed ({error.strerror}). Everything is stored; see it with: {shown}", err=True)
        raise typer.Exit(1) from None
    if summary.failed:
        say(f"{measured(summary.failed, 'trial')} failed. Why: {shown}", err=True)
    if summary.failed or summary.damaged:
        raise typer.Exit(1)


def _print_results(results: Results, shown: str, json: bool) -> None:
    from unroll.cli.output import conditions_table, print_json, print_table
    from unroll.exporters.json import records
    from unroll.exporters.names import named

    if json:
        print_json(list(map(named, records(results.table()))))
        return
    print_table(conditions_table(results))
    say(f"Everything lies in {results.path}: curves, gradient norms, trained weights.", err=True)
    say(f"See it again: {shown}", err=True)
