"""After how many updates each model meets its task's criterion, in words: told, not ranked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pandas as pd

from unroll.analysis.finding import Finding, Words, under
from unroll.analysis.settings import grouped
from unroll.analysis.statistics import median
from unroll.wording import capital, label, listed, measured

MOST = 6
"""Sentences of one task; of more settings the table tells."""


def sentences(words: Words, trials: pd.DataFrame, factors: Sequence[str]) -> Iterator[Finding]:
    """Yield a sentence for each task, length and setting.

    ``trials``: one row per trial, with its ``train.batch``; models that make no updates are left out.
    """
    if "updates_to_solve" not in trials:
        return
    made = trials[(trials["state"] == "complete") & trials["seconds_per_epoch"].notna()]
    for task, of_task in made.groupby("task", sort=False):
        varying = [name for name in factors if of_task[name].map(repr).nunique() > 1]
        blocks = list(grouped(of_task, ["length", *varying]))
        if len(blocks) > MOST:
            continue
        for head, rows in blocks:
            where = f" at T = {head['length']:,}" if of_task["length"].nunique() > 1 else ""
            setting = under(varying, head)
            batch, judged = rows["train.batch"].iloc[0], _judged(rows)
            if not judged:
                continue
            met: list[str] = []
            missed: list[str] = []
            each: list[str] = []
            for model, mine in rows.groupby("model", sort=False):
                after = mine.loc[mine["updates_to_solve"].notna(), "updates_to_solve"].tolist()
                each.append(f"{label(str(model))} {', '.join(f'{one:,.0f}' for one in after) or 'none'}")
                if not after:
                    missed.append(words.named(str(model)))
                    continue
                first = (
                    f"meets the criterion in {judged} after {measured(median(after) or 0, 'update')} of {_of(batch)}"
                )
                said = f"after {median(after):,.0f}" if met else first
                share = f" ({len(after):,} of {measured(len(mine), 'trial')})" if len(mine) > 1 else ""
                met.append(f"{words.named(str(model))} {said}{share}")
            verb = "do not" if len(missed) > 1 else "does not"
            never = f"{listed(missed)} {verb} meet {'it' if met else f'the criterion in {judged}'}" if missed else ""
            found = "; ".join(filter(None, (listed(met), never)))
            found = f"on {words.problem(str(task))}{where}{f' with {setting}' if setting else ''}, {found}."
            evidence = f"updates up to the end of the first epoch whose {judged} does; each trial: {'; '.join(each)}"
            yield Finding("found", capital(found), evidence)


def _judged(rows: pd.DataFrame) -> str:
    """Return the data on which the criterion was looked for, "" where on none: a test may say otherwise.

    Without validation sequences nothing but a loss is known of an epoch.
    """
    if any(str(name).startswith("validation_") and rows[name].notna().any() for name in rows):
        return "validation"
    return "training" if (rows["solved_metric"] == rows["score_name"]).all() else ""


def _of(batch: int) -> str:
    return "one sequence" if batch == 1 else f"{batch:,} sequences"
