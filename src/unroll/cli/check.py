"""``unroll check``: everything that can be known to be wrong before training."""

from __future__ import annotations

from unroll.cli.options import Json, MaxTrials, Overrides, StudyName
from unroll.cli.output import say
from unroll.defaults import MAX_TRIALS
from unroll.wording import measured


def check(
    study: StudyName,
    overrides: Overrides = [],  # noqa: B006 - Typer copies it
    max_trials: MaxTrials = MAX_TRIALS,
    json: Json = False,
) -> None:
    """Check a study, and report all problems at once."""
    from unroll.cli.output import print_json
    from unroll.running.judging import judge
    from unroll.study import read_expanded

    asked, trials = read_expanded(study, overrides, max_trials=max_trials, judge=judge)
    conditions = len({trial.condition for trial in trials})
    if json:
        print_json({"study": asked.name, "trials": len(trials), "conditions": conditions, "digest": asked.digest})
    else:
        counts = f"{measured(len(trials), 'trial')} in {measured(conditions, 'condition')}"
        say(f"{asked.name}: {counts}, protocol {asked.protocol}. No problem.")
