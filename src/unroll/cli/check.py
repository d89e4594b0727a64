"""``unroll check``: everything that can be known to be wrong before training."""

from __future__ import annotations

import typer

from unroll.cli.options import Json, MaxTrials, Overrides, StudyName
from unroll.defaults import MAX_TRIALS


def check(
    study: StudyName,
    overrides: Overrides = [],  # noqa: B006 - Typer copies it
    max_trials: MaxTrials = MAX_TRIALS,
    json: Json = False,
) -> None:
    """Check a study; all problems at once."""
    from unroll.cli.output import print_json
    from unroll.running.planning import check as check_study
    from unroll.study import read_study

    asked = read_study(study, overrides, max_trials=max_trials)
    trials = check_study(asked, max_trials)
    conditions = len({trial.condition for trial in trials})
    if json:
        print_json({"study": asked.name, "trials": len(trials), "conditions": conditions, "digest": asked.digest})
    else:
        typer.echo(
            f"{asked.name}: {len(trials):,} trials in {conditions:,} conditions, protocol {asked.protocol}. No problem."
        )
