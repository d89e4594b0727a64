"""How far models can run freely, in sentences."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pandas as pd

from unroll.analysis.finding import Finding, Words
from unroll.analysis.nearness import CLOSE, STEP, UNTESTED, finite, off_by, seen_before
from unroll.wording import capital, counted, listed, measured, percent

WITHIN = "within"
REGIMES = {
    "longer": "from where training's sequences end",
    "larger": "with ten times larger values",
    "starts": "with other starts",
    "step": "at another pace",
    "coefficients": "with other coefficients",
}
"""The regimes whose parameters, or terms, are not of the trained range, in words."""
MOST_TASKS = 3


def of_model(words: Words, horizons: pd.DataFrame, model: str) -> Iterator[Finding]:
    """Yield how far one model is right: one step ahead, free-running, in other regimes.

    Where a study varies settings such as the representation, a task is judged under those with the lowest error on
    validation sequences, and the error that is told is that on test sequences.
    """
    named = words.named(model)
    rows = [row for row in _judged(horizons) if row["model"] == model]
    inside = [row for row in rows if row["regime"] == WITHIN]
    if not inside:
        return
    for row in inside if len(inside) <= MOST_TASKS else ():
        step = f"{off_by(row['one_step_error'])} with the truth fed until then, and {off_by(row['relative_error'])}"
        where = f"on {words.problem(row['task'])} {named} is, at step {row['horizon']}"
        sentence = f"{where}, {step} free-running{seen_before(row)}."
        yield Finding("found", capital(sentence), _medians(row))
    if len(inside) > MOST_TASKS:
        yield Finding("found", f"Fed the truth, {named} is {_within(words, inside, 'one_step_error')}.")
        yield Finding("found", f"Free-running, it is {_within(words, inside, 'relative_error')}.")
    beyond = [(regime, [row for row in rows if row["regime"] == regime]) for regime in REGIMES]
    parts = [f"on {_count(found, 'relative_error')} {REGIMES[regime]}" for regime, found in beyond if found]
    if parts:
        sentence = f"Free-running on other sequences, it is within 1 % of the truth {listed(parts)}."
        evidence = f"median relative error at step {inside[0]['horizon']}; only where the code shows other inputs"
        yield Finding("found", sentence, evidence)


def of_all(words: Words, horizons: pd.DataFrame) -> Iterator[Finding]:
    """Yield which models stay with the truth, and where.

    Counts of tasks, model by model in the order of the study. They say what was seen, not which model is better.
    """
    rows = _judged(horizons)
    models = list(dict.fromkeys(row["model"] for row in rows))
    if len(models) < 2:
        return
    inside = {model: [row for row in rows if row["model"] == model and row["regime"] == WITHIN] for model in models}
    first, *rest = [f"on {_count(found, 'relative_error')}" for found in inside.values()]
    others = [f"{words.named(model)} {found}" for model, found in zip(models[1:], rest, strict=True)]
    met = listed([f"{words.named(models[0])} is within 1 % of the truth {first}", *others])
    sentence = f"free-running for {measured(rows[0]['horizon'], 'step')} on test sequences, {met}."
    evidence = "medians over test sequences and trials, under the settings with the lowest validation error"
    evidence = f"{evidence}; {UNTESTED}"
    yield Finding("found", capital(sentence), evidence)


def _judged(horizons: pd.DataFrame) -> list[dict[str, Any]]:
    """Return one row per task, model and regime at the step that counts, under settings chosen without the test.

    The settings are those with the lowest error on validation sequences; a task with several settings and no such error
    is not judged.
    """
    last = horizons.loc[horizons["horizon"] <= STEP, "horizon"].max()
    at_last = horizons[horizons["horizon"] == last]
    settings = _varied(at_last)
    judged: list[dict[str, Any]] = []
    for _, group in at_last.groupby(["task", "model"], sort=False):
        rows = group.to_dict("records")
        inside = [row for row in rows if row["regime"] == WITHIN]
        errors = [row.get("validation_error", math.nan) for row in inside]
        if inside and (len(inside) == 1 or not any(error != error for error in errors)):
            best = inside[min(range(len(inside)), key=lambda place: finite(errors[place]))]
            judged += [row for row in rows if all(_equal(row[name], best[name]) for name in settings)]
    return judged


def _varied(horizons: pd.DataFrame) -> list[str]:
    """Return the columns that tell the conditions of a task and model apart."""
    return ["length", *(name for name in horizons.columns if "." in name)]


def _equal(one: Any, other: Any) -> bool:
    return bool(one == other or (one != one and other != other))


def _near(rows: list[dict[str, Any]], field: str = "relative_error") -> list[dict[str, Any]]:
    return [row for row in rows if row[field] < CLOSE]


def _count(rows: list[dict[str, Any]], field: str) -> str:
    return f"{len(_near(rows, field))} of {measured(len(rows), 'task')}"


def _within(words: Words, rows: list[dict[str, Any]], field: str) -> str:
    """Return on how many tasks an error is below 1 %, and where it is largest."""
    worst = max(rows, key=lambda row: finite(row[field]))
    at = f"at step {rows[0]['horizon']}"
    worst_of = f"at worst, on {words.problem(worst['task'])}, {off_by(worst[field])}"
    return f"within 1 % of it {at} on {_count(rows, field)}; {worst_of}"


def _medians(row: dict[str, Any]) -> str:
    each = listed([percent(error) for error in row["each_seed"]])
    over = row.get("sequences", math.nan)
    sequences = "test sequences" if over != over else counted(int(over), "test sequence")
    return f"medians over {sequences} and {counted(int(row['n']), 'trial')}; free-running, each trial: {each}"
