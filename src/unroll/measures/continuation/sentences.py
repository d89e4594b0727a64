"""What becomes of a prompt, in sentences."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from unroll.analysis.finding import Finding, Words
from unroll.analysis.nearness import UNTESTED, close, off_by
from unroll.wording import capital, counted, listed, measured

LAST = 3
"""Steps at the end of a continuation by which it is judged whether it has come to rest."""


def at_rest(words: Words, generation: pd.DataFrame, model: str) -> Iterator[Finding]:
    """Yield where a model's continuation comes to rest while the truth goes on.

    Judged by the last ``LAST`` steps of the prompt's continuation: at rest is a model that moves in these by less than
    a fifth of what the truth does, in all of a task's trials; at one step alone a wave can stand still as well.
    """
    mine = generation[(generation["model"] == model) & generation["truth"].notna()]
    resting: dict[bool, list[str]] = {}
    for task, rows in mine.groupby("task", sort=False):
        trials = [steps.sort_values("step") for _, steps in rows.groupby("key", sort=False) if len(steps) > 1]
        moves = [_last_moves(steps) for steps in trials]
        if moves and all(value < truth / 5 for value, truth in moves):
            bounded = all(steps["output_ceiling"].iloc[-1] < abs(steps["truth"].iloc[-1]) for steps in trials)
            resting.setdefault(bounded, []).append(words.problem(task))
    for bounded, tasks in resting.items():
        whose = f"on {listed(tasks)} {words.named(model)}'s continuation of the prompt"
        sentence = f"{whose} comes to rest while the truth goes on"
        why = ", beyond what its bounded state can put out" if bounded else ""
        yield Finding("found", f"{capital(sentence)}{why}.")


def by_level(words: Words, generation: pd.DataFrame, model: str, factor: str) -> Iterator[Finding]:
    """Yield what the levels of a setting of the task are worth to a model that is free-running after the prompt.

    One sentence a task that was put before it in several: in how many seeds the last step is within 1 % of the truth.
    """
    mine = generation[(generation["model"] == model) & generation["relative_error"].notna()]
    for task, rows in mine.groupby("task", sort=False):
        last = rows[rows["step"] == rows["step"].max()]
        found = {str(name): list(part["relative_error"]) for name, part in last.groupby(factor, sort=False)}
        if len(found) < 2:
            continue
        parts = [
            f"in {close(errors)} of {measured(len(errors), 'trial')} with {words.level(factor, name)}"
            for name, errors in found.items()
        ]
        steps = counted(int(last["step"].iloc[0]), "step")
        sentence = (
            f"on {words.problem(task)}, {steps} after the prompt, free-running, {words.named(model)} is within 1 % of "
            f"the truth {listed(parts)}."
        )
        worst = "; ".join(f"{name}: at most {off_by(max(errors))}" for name, errors in found.items())
        yield Finding("found", capital(sentence), f"{worst}; {UNTESTED}")


def _last_moves(steps: pd.DataFrame) -> tuple[float, float]:
    """Return by how much a continuation and the truth moved, up and down, in the last steps."""
    moves = steps.sort_values("step").tail(LAST + 1)[["value", "truth"]].diff().iloc[1:].abs()
    value, truth = moves.sum(skipna=False)
    return float(value), float(truth)
