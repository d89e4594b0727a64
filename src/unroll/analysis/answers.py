"""The two questions with which the source notebook on number sequences ends, answered from the measured tables."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pandas as pd

from unroll.analysis.finding import Finding, Tables, named, problem
from unroll.wording import capital, counted, listed, measured, percent

Q1 = "What are the strengths and weaknesses of a vanilla RNN?"
Q2 = "How does a recurrent network differ from a feedforward one, and can a feedforward network do it too?"

VANILLA = "tanh_rnn"
STEP = 8
"""Steps ahead at which models are judged, as far as the notebook continued its prompts."""
CLOSE = 0.01
"""A relative error below this counts as staying with the truth."""
WITHIN = "within"
REGIMES = {
    "longer": "with longer sequences",
    "larger": "with ten times larger values",
    "starts": "with unseen starts",
    "step": "with an unseen step",
}
"""The regimes beyond the trained range, in words."""
CODES = {
    "raw": "raw numbers",
    "prefix_max": "values relative to the largest so far",
    "last_value": "steps relative to the last value",
    "difference": "differences",
}
"""The representations of numbers, in words."""
WITHOUT_STATE = ("feedforward", "linear", "persistence", "drift")
"""Models that keep nothing but a window."""
MOST_TASKS = 3
MOST_ROWS = 6


def answers(tables: Tables) -> Iterator[Finding]:
    """Yield the answers that a study's tables give; none where it has no such table."""
    horizons = tables.horizons
    if len(horizons):  # a task that asks for one step has nothing to be left alone with
        horizons = horizons[horizons.groupby("task")["horizon"].transform("max") > 1]
    if len(horizons):
        yield from vanilla(horizons)
    if len(tables.generation):
        yield from plateau(tables.generation)
        yield from representations(tables.generation)
    if len(tables.traps):
        yield from trapped(tables.traps)
    if len(horizons):
        yield from feedforward(horizons)
    if len(tables.window_lag):
        yield from window_and_lag(tables.window_lag)


def vanilla(horizons: pd.DataFrame) -> Iterator[Finding]:
    """Yield answers to the first question from the table ``horizons``: one step ahead, left alone, in unseen regimes.

    Where a study varies settings such as the representation, a task is judged under those with which the model stays
    nearest to the truth within the trained range.
    """
    rows = [row for row in _judged(horizons) if row["model"] == VANILLA]
    inside = [row for row in rows if row["regime"] == WITHIN]
    if not inside:
        return
    if len(inside) <= MOST_TASKS:
        for row in inside:
            step = f"{_off(row['one_step_error'])} with the truth fed until then, and {_off(row['relative_error'])}"
            sentence = f"on {problem(row['task'])} the tanh RNN is, at step {row['horizon']}, {step} left alone."
            yield Finding("found", capital(sentence), _medians(row), Q1)
    else:
        yield Finding("found", f"Fed the truth, the tanh RNN is {_within(inside, 'one_step_error')}.", "", Q1)
        yield Finding("found", f"Left alone, it is {_within(inside, 'relative_error')}.", "", Q1)
    beyond = [(regime, [row for row in rows if row["regime"] == regime]) for regime in REGIMES]
    parts = [f"on {_count(found, 'relative_error')} {REGIMES[regime]}" for regime, found in beyond if found]
    if parts:
        sentence = f"Beyond what it was trained on, left alone, it is within 1 % of the truth {listed(parts)}."
        yield Finding("found", sentence, f"relative error at step {inside[0]['horizon']}", Q1)


def plateau(generation: pd.DataFrame) -> Iterator[Finding]:
    """Yield where a vanilla RNN's continuation comes to rest while the truth goes on, from the table ``generation``.

    Judged by the last two steps of the prompt's continuation: at rest is a model that moves by less than a fifth of
    what the truth does there, in all of a task's trials.
    """
    mine = generation[(generation["model"] == VANILLA) & generation["truth"].notna()]
    resting = []
    for task, rows in mine.groupby("task", sort=False):
        moves = [_last_move(steps) for _, steps in rows.groupby("key", sort=False) if len(steps) > 1]
        if moves and all(abs(value) < abs(truth) / 5 for value, truth in moves):
            resting.append(problem(str(task)))
    if resting:
        sentence = f"on {listed(resting)} its continuation of the prompt comes to rest while the truth goes on"
        yield Finding("found", f"{capital(sentence)}: a bounded state bounds what it can put out.", "", Q1)


def representations(generation: pd.DataFrame) -> Iterator[Finding]:
    """Yield what the representation is worth to a vanilla RNN left alone after the prompt, from ``generation``.

    One sentence a task that was put before it in several representations: in how many seeds the last step is within
    1 % of the truth.
    """
    column = "task.representation"
    if column not in generation:
        return
    mine = generation[(generation["model"] == VANILLA) & generation["relative_error"].notna()]
    for task, rows in mine.groupby("task", sort=False):
        last = rows[rows["step"] == rows["step"].max()]
        found = {str(name): list(part["relative_error"]) for name, part in last.groupby(column, sort=False)}
        if len(found) < 2:
            continue
        told = sorted(found.items(), key=lambda item: (-_close(item[1]), max(item[1])))
        groups: dict[str, list[str]] = {}
        for place, (name, errors) in enumerate(told):
            count = f"{_close(errors) or 'none'}" if place else f"{_close(errors)} of {measured(len(errors), 'seed')}"
            groups.setdefault(count, []).append(CODES.get(name, name))
        parts = [f"in {count} with {listed(names)}" for count, names in groups.items()]
        steps = counted(int(last["step"].iloc[0]), "step")
        sentence = (
            f"on {problem(str(task))} the representation decides: {steps} after the prompt, left alone, the tanh RNN "
            f"is within 1 % of the truth {listed(parts)}."
        )
        worst = "; ".join(f"{name}: at most {percent(max(errors))} off" for name, errors in told)
        yield Finding("found", capital(sentence), worst, Q1)


def feedforward(horizons: pd.DataFrame) -> Iterator[Finding]:
    """Yield the first half of the second answer from the table ``horizons``: who stays with the truth, and where."""
    rows = _judged(horizons)
    models = list(dict.fromkeys(row["model"] for row in rows))
    if len(models) < 2:
        return
    inside = {model: [row for row in rows if row["model"] == model and row["regime"] == WITHIN] for model in models}
    order = sorted(models, key=lambda model: -len(_near(inside[model])) / len(inside[model]))
    sentence = (
        f"within the trained range, left alone for {measured(rows[0]['horizon'], 'step')}, the truth is met within 1 % "
        f"by {_ranked({model: inside[model] for model in order})}."
    )
    yield Finding("found", capital(sentence), _settings(_near(inside[order[0]])), Q2)
    recurrent = [model for model in order if model not in WITHOUT_STATE]
    sides = [*([recurrent[0]] if recurrent else []), *(model for model in ("feedforward", "linear") if model in order)]
    parts: list[str] = []
    for regime, words in REGIMES.items():
        found = [[row for row in rows if row["model"] == model and row["regime"] == regime] for model in sides]
        if len(sides) > 1 and all(found):
            counts = listed([str(len(_near(mine))) for mine in found])
            parts.append(f"on {counts} of {measured(max(map(len, found)), 'task')} {words}")
    if parts:
        named_sides = listed([named(model) for model in sides])
        sentence = f"beyond that range, {named_sides} are within 1 % {listed(parts)}."
        yield Finding("found", capital(sentence), f"relative error at step {rows[0]['horizon']}", Q2)


def window_and_lag(table: pd.DataFrame) -> Iterator[Finding]:
    """Yield the second half of the second answer from the table ``window_lag``: a cliff, or a slope."""
    trained = table[table["n"] > 0]
    windows, states = (trained[trained["capacity_name"] == name] for name in ("window", "hidden"))
    if len(windows) and len(states):
        sentence = "A feedforward network knows what its window holds, a recurrent one what its state has kept."
        yield Finding("found", sentence, "", Q2)
    for model, rows in windows.groupby("model", sort=False):
        reach = rows["capacity"] >= rows["length"]
        parts = [
            f"in {int(part['solved'].sum()):,} of {int(part['n'].sum()):,} trials {words}"
            for part, words in (
                (rows[reach], "whose window reaches back to it"),
                (rows[~reach], "whose window does not"),
            )
            if len(part)
        ]
        yield Finding("found", capital(f"{named(str(model))} knows the announced value {listed(parts)}."), "", Q2)
    for model, rows in states.groupby("model", sort=False):
        parts = []
        for capacity in sorted(set(rows["capacity"])):
            mine = rows[rows["capacity"] == capacity]
            known = mine.loc[2 * mine["solved"] > mine["n"], "length"]
            reached = f"up to lag {known.max():,}" if len(known) else "at no lag"
            parts.append(f"{reached} with {measured(capacity, 'hidden unit')}")
        sentence = f"{named(str(model))} knows it, in most seeds, {listed(parts if len(parts) < 4 else _ends(parts))}."
        yield Finding("found", capital(sentence), f"lags {listed(sorted(set(rows['length'])))}", Q2)


def trapped(table: pd.DataFrame) -> Iterator[Finding]:
    """Yield what turning off the notebook's traps was worth, from the table ``traps``; nothing where all stay on."""
    for (task, model), rows in table[table["n"] > 0].groupby(["task", "model"], sort=False):
        told = sorted(rows.to_dict("records"), key=lambda row: len(row["off"]))
        if len({tuple(row["off"]) for row in told}) < 2:
            continue
        if len(told) > MOST_ROWS:
            told = [told[0], min(told[1:], key=lambda row: row["relative_error"])]
        parts = [f"{_off(row['relative_error'])} {_without(row['off'])}" for row in told]
        yield Finding(
            "found",
            capital(f"on {problem(str(task))}, {named(str(model))} is, at step {STEP}, {listed(parts)}."),
            "",
            Q1,
        )


def _judged(horizons: pd.DataFrame) -> list[dict[str, Any]]:
    """Return one row a task, model and regime at the step that counts, under the model's best settings for the task."""
    last = horizons.loc[horizons["horizon"] <= STEP, "horizon"].max()
    at_last = horizons[horizons["horizon"] == last]
    settings = _varied(at_last)
    judged: list[dict[str, Any]] = []
    for _, group in at_last.groupby(["task", "model"], sort=False):
        rows = group.to_dict("records")
        inside = [row for row in rows if row["regime"] == WITHIN]
        if inside:
            best = min(inside, key=lambda row: _finite(row["relative_error"]))
            judged += [row for row in rows if all(_equal(row[name], best[name]) for name in settings)]
    return judged


def _varied(horizons: pd.DataFrame) -> list[str]:
    """Return the columns that tell the conditions of a task and model apart."""
    return ["length", *(name for name in horizons.columns if "." in name)]


def _equal(one: Any, other: Any) -> bool:
    return bool(one == other or (one != one and other != other))


def _near(rows: list[dict[str, Any]], field: str = "relative_error") -> list[dict[str, Any]]:
    return [row for row in rows if row[field] < CLOSE]


def _close(errors: list[float]) -> int:
    return sum(error < CLOSE for error in errors)


def _ranked(found: dict[str, list[dict[str, Any]]]) -> str:
    """Return models with the number of tasks on which they are near, equal ones together."""
    groups: dict[tuple[int, int], list[str]] = {}
    for model, rows in found.items():
        groups.setdefault((len(_near(rows)), len(rows)), []).append(named(model))
    parts: list[str] = []
    for (near, tasks), names in groups.items():
        of = f" of {measured(tasks, 'task')}" if not parts or len({n for _, n in groups}) > 1 else ""
        parts.append(f"{listed(names)} on {near or 'none'}{of}")
    return listed(parts)


def _count(rows: list[dict[str, Any]], field: str) -> str:
    return f"{len(_near(rows, field))} of {measured(len(rows), 'task')}"


def _within(rows: list[dict[str, Any]], field: str) -> str:
    """Return on how many tasks an error is below 1 %, and where it is largest."""
    worst = max(rows, key=lambda row: _finite(row[field]))
    at = f"at step {rows[0]['horizon']}"
    return (
        f"within 1 % of it {at} on {_count(rows, field)}; at worst, on {problem(worst['task'])}, {_off(worst[field])}"
    )


def _settings(rows: list[dict[str, Any]]) -> str:
    """Return under which settings the best model stayed with the truth."""
    told = []
    for row in rows:
        settings = [f"{name} = {value}" for name, value in row.items() if "." in name and value == value]
        if settings:
            told.append(f"{problem(row['task'])} with {listed(settings)}")
    return f"{rows[0]['model']}: {'; '.join(told)}" if told else ""


def _medians(row: dict[str, Any]) -> str:
    each = listed([percent(error) for error in row["each_seed"]])
    return f"medians over test sequences and {counted(int(row['n']), 'trial')}; left alone, each trial: {each}"


def _last_move(steps: pd.DataFrame) -> tuple[float, float]:
    values = steps.sort_values("step").tail(2)
    return float(values["value"].diff().iloc[-1]), float(values["truth"].diff().iloc[-1])


def _without(off: list[str]) -> str:
    return f"without {listed(off)}" if off else "with every trap"


def _ends(parts: list[str]) -> list[str]:
    return [parts[0], parts[-1]]


def _off(error: float) -> str:
    """Return a relative error in words: "1.2 % off"; beyond ten times the truth, how many times."""
    if not math.isfinite(error):
        return "without any bound off"
    return f"{percent(error)} off" if error < 10 else f"{error:,.0f} times the truth off"


def _finite(error: float) -> float:
    return error if math.isfinite(error) else math.inf
