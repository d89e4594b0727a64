"""What ``unroll show`` prints of trials that generate: continuations, horizons, traps, the map of lag and window."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from unroll.cli.output import table_of
from unroll.wording import number, percent

if TYPE_CHECKING:
    import pandas as pd
    from rich.table import Table

    from unroll.reading import Results

SHOWN = 8
"""Values of a continuation, and the horizon of errors, that fit on a screen."""
AHEAD = (1, 8, 32)
SOLVED_COLOUR, LOST_COLOUR = "green", "dim"


def generation_tables(results: Results) -> list[Table]:
    """Return the tables for which a study has data, in the order in which they are read."""
    made = (generation_table(results), horizons_table(results), traps_table(results), window_lag_table(results))
    return [table for table in made if table is not None]


def with_generation(results: Results) -> list[dict[str, Any]]:
    """Return one row a condition as plain data; the rows of the further tables stand in the row of their condition."""
    from unroll.exporters.json import records

    rows = records(results.table())
    head = ["task", "model", "length", *results.factors]
    places = {tuple(str(row[name]) for name in head): row for row in rows}
    for name in ("generation", "horizons", "traps", "window_lag"):
        for row in records(getattr(results, name)()):
            place = places[tuple(str(row[column]) for column in head)]
            further = {column: value for column, value in row.items() if column not in head}
            place.setdefault(name, []).append(further)
    return rows


def generation_table(results: Results) -> Table | None:
    """Return what each condition made of the prompt: of its trials the one with the median error, and the truth."""
    from rich.text import Text

    frame = _in_order(results.generation())
    if frame.empty:
        return None
    factors = results.factors
    steps = min(SHOWN, int(frame["step"].max()))
    bounded = bool(frame["output_ceiling"].notna().any())
    table = table_of(
        [
            "task",
            "model",
            *_titles(factors),
            ">seed",
            *(f">{step}" for step in range(1, steps + 1)),
            *((">cannot pass",) if bounded else ()),
            ">error at the end",
            "over seeds",
        ],
        title="After the prompt: the continuation with the median error of each condition",
        caption="cannot pass: the bound that a state within [-1, 1] puts on the output, |w|₁ + |b|"
        if bounded
        else None,
    )
    told: set[Any] = set()
    head = ["task", "model", "length", *factors]
    for _, group in frame.groupby(head, sort=False, dropna=False):
        reached = min(steps, int(group["step"].max()))
        last = group[group["step"] == reached].sort_values("relative_error", kind="stable")
        chosen = last.iloc[(len(last) - 1) // 2]
        values = group[(group["key"] == chosen["key"]) & (group["step"] <= steps)]
        truth = tuple(values["truth"])
        blank = [""] * (steps - reached)
        place = (chosen["task"], chosen["length"], str(truth))
        if place not in told and values["truth"].notna().all():
            told.add(place)
            if table.row_count:
                table.add_section()
            empty = [""] * len(factors)
            cells = [chosen["task"], "truth", *empty, "", *(_short(value) for value in truth)]
            table.add_row(*map(Text, cells), style="bold")
        errors = group[group["step"] == reached]["relative_error"]
        cells = [
            *(chosen["task"], chosen["model"], *(str(chosen[factor]) for factor in factors), str(chosen["seed"])),
            *(*(_short(value) for value in values["value"]), *blank),
            *((number(chosen["output_ceiling"]),) if bounded else ()),
            *(percent(chosen["relative_error"]), _range(errors)),
        ]
        table.add_row(*map(Text, cells))
    return table


def horizons_table(results: Results) -> Table | None:
    """Return how far each condition can be left alone: median relative errors on test sequences, by regime."""
    from rich.text import Text

    factors = results.factors
    frame = _in_order(results.horizons())
    far = frame.groupby(["task", "model", "length", *factors], dropna=False)["horizon"].transform("max") > 1
    frame = frame[far]  # a task that asks for one value has no horizon: its errors are in the other tables
    if frame.empty:
        return None
    beyond = [regime for regime in frame["regime"].unique() if regime != "within"]
    table = table_of(
        [
            *(
                "task",
                "model",
                *_titles(factors),
                ">n",
                ">truth fed",
                *(f">{step} ahead" for step in AHEAD),
                ">1 % up to",
            ),
            *(f">{regime}" for regime in beyond),
        ],
        title="Left alone: median relative error on test sequences, within the trained range and beyond it",
        caption=(
            f"truth fed: the error of one step at place {SHOWN}, the true values before it known; 1 % up to: steps "
            f"before the error passes 1 %\nbeyond the range ({', '.join(beyond)}): the error {SHOWN} steps ahead"
        ),
    )
    before = None
    for _, group in frame.groupby(["task", "model", "length", *factors], sort=False, dropna=False):
        first = group.iloc[0]
        errors = {(row["regime"], row["horizon"]): row["relative_error"] for _, row in group.iterrows()}
        within = group[group["regime"] == "within"].set_index("horizon").sort_index()
        cells = [
            *(first["task"], first["model"], *(str(first[factor]) for factor in factors), str(first["n"])),
            *(percent(within["one_step_error"].get(SHOWN)), *(percent(errors.get(("within", h))) for h in AHEAD)),
            *(_reach(within["relative_error"]), *(percent(errors.get((regime, SHOWN))) for regime in beyond)),
        ]
        if before is not None and before != first["task"]:
            table.add_section()
        before = first["task"]
        table.add_row(*map(Text, cells))
    return table


def traps_table(results: Results) -> Table | None:
    """Return what each trap was worth; None for a study in which none of them is a factor."""
    from rich.text import Text

    from unroll.analysis.traps import TRAPS

    frame = results.traps()
    frame = _in_order(frame.sort_values("off", key=lambda names: names.map(len), kind="stable"))
    if frame.empty or not set(TRAPS) & set(results.factors):
        return None
    further = [factor for factor in results.factors if factor not in TRAPS]
    further = [factor for factor in further if factor in frame]
    table = table_of(
        [
            *("task", "model", *_titles(further), "traps turned off", ">n", f">error at {SHOWN}", "each seed"),
            *(">one step", ">after the prompt", ">worth"),
        ],
        title="The notebook's traps, and what each was worth",
        caption="error: free-running, relative, median over test sequences; worth: the error with every trap on / this",
    )
    before = None
    for _, row in frame.iterrows():
        cells = [
            *(row["task"], row["model"], *(str(row[factor]) for factor in further)),
            *(", ".join(row["off"]) or "none", str(row["n"]), percent(row["relative_error"])),
            "  ".join(map(percent, row["relative_error_8"])),
            *(percent(row["one_step_error"]), percent(row["prompt_error"])),
            "–" if row["worth"] != row["worth"] else f"× {number(row['worth'], 2)}",
        ]
        if before is not None and before != row["task"]:
            table.add_section()
        before = row["task"]
        table.add_row(*map(Text, cells))
    return table


def window_lag_table(results: Results) -> Table | None:
    """Return the map of lag and capacity: how much of the announced value stays unexplained."""
    from rich.text import Text

    frame = results.window_lag()
    lags = sorted(frame["length"].unique())
    if len(lags) < 2:
        return None
    table = table_of(
        ["model", "memory", *(f">lag {lag}" for lag in lags), ">parameters"],
        title="How much of the announced value stays unexplained: test MSE / its variance, median over seeds",
        caption="0 %: always known; 100 %: nothing remembered",
    )
    blocks = frame.groupby(["model", "capacity"], sort=False)
    before = None
    for (model, capacity), group in blocks:
        shares = dict(zip(group["length"], group["unexplained"], strict=True))
        if before is not None and before != model:
            table.add_section()
        before = model
        name = group["capacity_name"].iloc[0]
        size = f"{name} {capacity}"
        counts = group["parameters"]
        low, high = counts.min(), counts.max()
        table.add_row(
            *(Text(str(model)), Text(size), *(_share(shares.get(lag)) for lag in lags)),
            Text(f"{low:,}" if low == high else f"{low:,} to {high:,}"),
        )
    return table


def _reach(errors: pd.Series[float]) -> str:
    """Return the last horizon before an error passes 1 %, and a sign where none does."""
    passed = [place for place, error in enumerate(errors) if not error <= 0.01]
    return str(passed[0]) if passed else f"≥ {len(errors)}"


def _range(errors: pd.Series[float]) -> str:
    low, high = percent(errors.min()), percent(errors.max())
    return low if low == high else f"{low} – {high}"


def _short(value: float) -> str:
    """Return a value of a sequence in four digits."""
    return "0" if abs(value) < 1e-9 else f"{value:.4g}"


def _in_order(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the rows by task, in the order in which the tasks first appear: baselines may come from a later grid."""
    places = {task: place for place, task in enumerate(dict.fromkeys(frame["task"]))}
    return frame.sort_values("task", key=lambda tasks: tasks.map(places), kind="stable")


def _titles(factors: Sequence[str]) -> list[str]:
    """Return the factors' names without their sections, as far as they are still told apart."""
    short = [factor.rpartition(".")[2] for factor in factors]
    return [name if short.count(name) == 1 else factor for name, factor in zip(short, factors, strict=True)]


def _share(share: Any) -> Any:
    from rich.text import Text

    if share is None or share != share:
        return Text("–")
    text = f"{100 * share:.0f} %" if share >= 0.1 else f"{100 * share:.1f} %"
    return Text(text, style=SOLVED_COLOUR if share < 0.03 else LOST_COLOUR if share > 0.9 else "")
