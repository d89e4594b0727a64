"""The two questions with which the source notebook on number sequences ends, answered from the measured tables."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence, Set
from typing import Any

import numpy as np
import pandas as pd

from unroll.analysis.finding import Finding, Tables, Words
from unroll.analysis.overlap import FEWEST
from unroll.wording import capital, counted, listed, measured, percent

Q1 = "What are the strengths and weaknesses of a vanilla RNN?"
Q2 = "How does a recurrent network differ from a feedforward one, and can a feedforward network do it too?"

VANILLA = "tanh_rnn"
CLOSE = 0.01
STEP = 8
"""Steps ahead at which models are judged, as far as the notebook continued its prompts."""
LAST = 3
"""Steps at the end of a continuation by which it is judged whether it has come to rest."""
WITHIN = "within"
REGIMES = {
    "longer": "from where training's sequences end",
    "larger": "with ten times larger values",
    "starts": "with other starts",
    "step": "with another step",
    "coefficients": "with other coefficients",
}
"""The regimes whose parameters, or terms, are not of the trained range, in words."""
CODES = {
    "raw": "raw numbers",
    "prefix_max": "values relative to the largest so far",
    "last_value": "steps relative to the last value",
    "difference": "differences",
}
"""The representations of numbers, in words."""
UNTESTED = "counts of what was seen: no test separates them"
"""Said of counts that stand beside each other: whoever reads an order into them must know that there is no test."""
MOST_TASKS = 3
MOST_ROWS = 6


def answers(tables: Tables) -> Iterator[Finding]:
    """Yield the answers that a study's tables give; none where it has no such table."""
    horizons = tables.horizons
    if len(horizons):  # a task that asks for one step has nothing to be left alone with
        horizons = horizons[horizons.groupby("task")["horizon"].transform("max") > 1]
    if len(horizons):
        yield from vanilla(tables.words, horizons)
    if len(tables.generation):
        yield from plateau(tables.words, tables.generation)
        yield from representations(tables.words, tables.generation)
    if len(tables.traps):
        yield from trapped(tables.words, tables.traps)
    if len(horizons):
        yield from feedforward(tables.words, horizons, tables.stateless)
    if len(tables.window_lag):
        yield from window_and_lag(tables.words, tables.window_lag)


def vanilla(words: Words, horizons: pd.DataFrame) -> Iterator[Finding]:
    """Yield answers to the first question from the table ``horizons``: one step ahead, left alone, in other regimes.

    Where a study varies settings such as the representation, a task is judged under those with the lowest error on
    validation sequences, and the error that is told is that on test sequences.
    """
    rows = [row for row in _judged(horizons) if row["model"] == VANILLA]
    inside = [row for row in rows if row["regime"] == WITHIN]
    if not inside:
        return
    for row in inside if len(inside) <= MOST_TASKS else ():
        step = f"{_off(row['one_step_error'])} with the truth fed until then, and {_off(row['relative_error'])}"
        where = f"on {words.problem(row['task'])} the tanh RNN is, at step {row['horizon']}"
        sentence = f"{where}, {step} left alone{_known(row)}."
        yield Finding("found", capital(sentence), _medians(row), Q1)
    if len(inside) > MOST_TASKS:
        yield Finding("found", f"Fed the truth, the tanh RNN is {_within(words, inside, 'one_step_error')}.", "", Q1)
        yield Finding("found", f"Left alone, it is {_within(words, inside, 'relative_error')}.", "", Q1)
    beyond = [(regime, [row for row in rows if row["regime"] == regime]) for regime in REGIMES]
    parts = [f"on {_count(found, 'relative_error')} {REGIMES[regime]}" for regime, found in beyond if found]
    if parts:
        sentence = f"Left alone with other sequences, it is within 1 % of the truth {listed(parts)}."
        evidence = f"median relative error at step {inside[0]['horizon']}; only where the code shows other inputs"
        yield Finding("found", sentence, evidence, Q1)


def plateau(words: Words, generation: pd.DataFrame) -> Iterator[Finding]:
    """Yield where a vanilla RNN's continuation comes to rest while the truth goes on, from the table ``generation``.

    Judged by the last ``LAST`` steps of the prompt's continuation: at rest is a model that moves in these by less than
    a fifth of what the truth does, in all of a task's trials; at one step alone a wave can stand still as well.
    """
    mine = generation[(generation["model"] == VANILLA) & generation["truth"].notna()]
    resting: dict[bool, list[str]] = {}
    for task, rows in mine.groupby("task", sort=False):
        trials = [steps.sort_values("step") for _, steps in rows.groupby("key", sort=False) if len(steps) > 1]
        moves = [_last_moves(steps) for steps in trials]
        if moves and all(value < truth / 5 for value, truth in moves):
            bounded = all(steps["output_ceiling"].iloc[-1] < abs(steps["truth"].iloc[-1]) for steps in trials)
            resting.setdefault(bounded, []).append(words.problem(task))
    for bounded, tasks in resting.items():
        sentence = f"on {listed(tasks)} the tanh RNN's continuation of the prompt comes to rest while the truth goes on"
        why = ", beyond what its bounded state can put out" if bounded else ""
        yield Finding("found", f"{capital(sentence)}{why}.", "", Q1)


def representations(words: Words, generation: pd.DataFrame) -> Iterator[Finding]:
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
        parts = [
            f"in {_close(errors)} of {measured(len(errors), 'trial')} with {CODES.get(name, name)}"
            for name, errors in found.items()
        ]
        steps = counted(int(last["step"].iloc[0]), "step")
        sentence = (
            f"on {words.problem(task)}, {steps} after the prompt, left alone, the tanh RNN is within 1 % of the truth "
            f"{listed(parts)}."
        )
        worst = "; ".join(f"{name}: at most {_off(max(errors))}" for name, errors in found.items())
        yield Finding("found", capital(sentence), f"{worst}; {UNTESTED}", Q1)


def feedforward(words: Words, horizons: pd.DataFrame, stateless: Set[str] = frozenset()) -> Iterator[Finding]:
    """Yield the first half of the second answer from the table ``horizons``: who stays with the truth, and where.

    ``stateless`` are the models that keep no state. Counts of tasks, model by model in the order of the study. They
    say what was seen, not which model is better.
    """
    rows = _judged(horizons)
    models = list(dict.fromkeys(row["model"] for row in rows))
    if len(models) < 2:
        return
    inside = {model: [row for row in rows if row["model"] == model and row["regime"] == WITHIN] for model in models}
    first, *rest = [f"on {_count(found, 'relative_error')}" for found in inside.values()]
    others = [f"{words.named(model)} {found}" for model, found in zip(models[1:], rest, strict=True)]
    met = listed([f"{words.named(models[0])} is within 1 % of the truth {first}", *others])
    sentence = f"left alone for {measured(rows[0]['horizon'], 'step')} on test sequences, {met}."
    evidence = "medians over test sequences and trials, under the settings with the lowest validation error"
    evidence = f"{evidence}; {UNTESTED}"
    both = len({model in stateless for model in models}) > 1  # else it answers no question about the two
    yield Finding("found", capital(sentence), evidence, Q2 if both else "")


def window_and_lag(words: Words, table: pd.DataFrame) -> Iterator[Finding]:
    """Yield the second half of the second answer from the table ``window_lag``: who knows the value."""
    trained = table[table["n"] > 0]
    windows, states = (trained[trained["capacity_name"] == name] for name in ("window", "hidden"))
    for model, rows in windows.groupby("model", sort=False):
        reach = rows["capacity"] >= rows["length"]
        parts = [
            f"in {_rate(part)} {words}"
            for part, words in (
                (rows[reach], "whose window reaches back to it"),
                (rows[~reach], "whose window does not"),
            )
            if len(part)
        ]
        sentence = f"{words.named(model)} knows the announced value {listed(parts)}."
        yield Finding("found", capital(sentence), UNTESTED, Q2)
    for model, rows in states.groupby("model", sort=False):
        parts = []
        for capacity in sorted(set(rows["capacity"])):
            mine = rows[rows["capacity"] == capacity]
            parts.append(f"in {_rate(mine)} with {measured(capacity, 'hidden unit')}{_to(mine)}")
        known = listed(parts if len(parts) < 4 else _ends(parts))
        sentence = f"{words.named(model)} knows the announced value {known}."
        evidence = f"lags {listed(sorted(set(rows['length'])))}; {UNTESTED}"
        yield Finding("found", capital(sentence), evidence, Q2)


def trapped(words: Words, table: pd.DataFrame) -> Iterator[Finding]:
    """Yield in how many trials the truth was met with which of the notebook's traps; nothing where all stay on.

    Of many combinations of the table ``traps`` these are told, whatever came out: every trap, each alone turned off,
    all of them turned off. Counts, in the order of the traps: no test stands behind them, and none is called better.
    """
    for (task, model), rows in table[table["n"] > 0].groupby(["task", "model"], sort=False):
        by_off: dict[tuple[str, ...], list[dict[Any, Any]]] = {}  # whatever else varies
        for row in rows.to_dict("records"):
            by_off.setdefault(tuple(row["off"]), []).append(row)
        told = sorted(by_off, key=len)
        if len(told) < 2:
            continue
        if len(told) > MOST_ROWS:
            told = [off for off in told if len(off) in (0, 1, len(told[-1]))][: MOST_ROWS + 2]
        errors = {off: [error for row in by_off[off] for error in row["relative_error_8"]] for off in told}
        parts = [
            f"in {_close(errors[off])} of {measured(len(errors[off]), 'trial')} {_without(off)}{_known(*by_off[off])}"
            for off in told
        ]
        sentence = (
            f"on {words.problem(task)}, left alone, {words.named(model)} is within 1 % of the truth at step {STEP} "
            f"{listed(parts)}."
        )
        medians = "; ".join(f"{_without(off)} {_off(float(np.median(errors[off])))}" for off in told)
        yield Finding("found", capital(sentence), f"medians: {medians}; {UNTESTED}", Q1)


def _judged(horizons: pd.DataFrame) -> list[dict[str, Any]]:
    """Return one row a task, model and regime at the step that counts, under settings chosen without the test.

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
            best = inside[min(range(len(inside)), key=lambda place: _finite(errors[place]))]
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


def _rate(rows: pd.DataFrame) -> str:
    return f"{int(rows['solved'].sum()):,} of {measured(int(rows['n'].sum()), 'trial')}"


def _to(rows: pd.DataFrame) -> str:
    """Return up to which lag every trial of each lag tried knew the value; "" where that is none."""
    each = rows.groupby("length")[["solved", "n"]].sum()  # whatever else varies; by length
    whole = each.index[(each["solved"] == each["n"]).cumprod().astype(bool)]
    return f" (in each up to lag {whole.max():,})" if len(whole) else ""


def _known(*rows: dict[Any, Any]) -> str:
    """Return what must be said of errors where training knew the inputs that they were measured on."""
    constants = [row.get("test_seen", math.nan) == 1 and row.get("train_inputs", math.nan) < FEWEST for row in rows]
    if all(constants):
        return " (of a constant: its code leaves nothing to be learned)"
    seen = sorted(share for row in rows if (share := row.get("test_seen", math.nan)) == share)
    if not seen or not seen[-1]:
        return ""
    least = "" if percent(seen[0]) == percent(seen[-1]) else f"{percent(seen[0]).removesuffix(' %')} to "
    of = ", of some a constant: their code leaves nothing to be learned" if any(constants) else ""
    return f" ({least}{percent(seen[-1])} of these inputs were trained on{of})"


def _count(rows: list[dict[str, Any]], field: str) -> str:
    return f"{len(_near(rows, field))} of {measured(len(rows), 'task')}"


def _within(words: Words, rows: list[dict[str, Any]], field: str) -> str:
    """Return on how many tasks an error is below 1 %, and where it is largest."""
    worst = max(rows, key=lambda row: _finite(row[field]))
    at = f"at step {rows[0]['horizon']}"
    worst_of = f"at worst, on {words.problem(worst['task'])}, {_off(worst[field])}"
    return f"within 1 % of it {at} on {_count(rows, field)}; {worst_of}"


def _medians(row: dict[str, Any]) -> str:
    each = listed([percent(error) for error in row["each_seed"]])
    over = row.get("sequences", math.nan)
    sequences = "test sequences" if over != over else counted(int(over), "test sequence")
    return f"medians over {sequences} and {counted(int(row['n']), 'trial')}; left alone, each trial: {each}"


def _last_moves(steps: pd.DataFrame) -> tuple[float, float]:
    """Return by how much a continuation and the truth moved, up and down, in the last steps."""
    moves = steps.sort_values("step").tail(LAST + 1)[["value", "truth"]].diff().iloc[1:].abs()
    value, truth = moves.sum(skipna=False)
    return float(value), float(truth)


def _without(off: Sequence[str]) -> str:
    return f"without {listed(off)}" if off else "with every trap"


def _ends(parts: list[str]) -> list[str]:
    return [parts[0], parts[-1]]


def _off(error: float) -> str:
    """Return a relative error in words: "1.2 % off"; beyond ten times the truth, how many times."""
    if error != error:
        return "off by an unknown amount"
    if error >= 10:
        return f"off by {error:,.0f} times the truth" if math.isfinite(error) else "off without any bound"
    return f"{percent(error)} off" if error >= 1e-9 else "0 % off"


def _finite(error: float) -> float:
    return error if math.isfinite(error) else math.inf
