"""What ``unroll show`` prints of trials that generate: continuations, horizons, traps, the map of lag and window."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from unroll.cli.layout import LISTED, Cell, Column, Layout, figures, heading, prose
from unroll.measures.horizons.table import REGIMES
from unroll.wording import MISSING, listed, number, percent, setting, short_names

if TYPE_CHECKING:
    import pandas as pd

    from unroll.reading import Results
    from unroll.terminal import Text

SHOWN = 8
"""Values of a continuation, and the horizon of errors, that fit on a screen."""
AHEAD = (1, 8, 32)
WITHIN = "within"
SOLVED_COLOUR, LOST_COLOUR = "green", "dim"
COUNTED = "trained on, tested on: different inputs, as the network sees them; seen: share of the tested, trained on too"


def generation_tables(results: Results) -> list[Layout]:
    """Return the tables for which a study has data, in the order in which they are read."""
    made = (generation_table(results), horizons_table(results), traps_table(results), window_lag_table(results))
    return [table for table in made if table is not None]


def with_generation(results: Results) -> list[dict[str, Any]]:
    """Return one row a condition as plain data; the rows of the further tables stand in the row of their condition."""
    from unroll.exporters.json import records
    from unroll.exporters.names import named

    rows = list(map(named, records(results.table())))
    head = ["task", "model", "length", *results.factors]
    places = {tuple(str(row[name]) for name in head): row for row in rows}
    for name in ("early_stopping", "generation", "horizons", "traps", "window_lag"):
        for row in records(getattr(results, name)()):
            place = places[tuple(str(row[column]) for column in head)]
            further = {column: value for column, value in row.items() if column not in head}
            place.setdefault(name, []).append(further)
    return rows


def generation_table(results: Results) -> Layout | None:
    """Return what each condition made of the prompt: of its trials the one with the median error, and the truth."""
    frame = _in_order(results.measure("continuation"))
    if frame.empty:
        return None
    factors = results.factors
    steps = min(SHOWN, int(frame["step"].max()))
    bounded = bool(frame["output_ceiling"].notna().any())
    table = Layout(
        (
            *(heading("task"), heading("model"), heading("T", right=True), *map(heading, short_names(factors))),
            figures("seed", 3),
            *(figures(str(step)) for step in range(1, steps + 1)),
            *((figures("cannot pass", 1),) if bounded else ()),
            *(figures("error at the end"), prose("over seeds", 2)),
        ),
        title="After the prompt: the continuation with the median error of each condition",
        caption=_caption(
            results,
            "cannot pass: the bound that a state within [-1, 1] puts on the output, |w|₁ + |b|" if bounded else "",
        ),
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
            empty = [""] * (len(table.columns) - 4 - len(factors) - len(truth))
            cells = [
                chosen["task"],
                "truth",
                f"{chosen['length']:,}",
                *[""] * len(factors),
                "",
                *(_short(value) for value in truth),
                *empty,
            ]
            table.add(*cells, apart=True, bold=True)
        errors = group[group["step"] == reached]["relative_error"]
        cells = [
            *(chosen["task"], chosen["model"], f"{chosen['length']:,}"),
            *(*(setting(chosen[factor]) for factor in factors), str(chosen["seed"])),
            *(*(_short(value) for value in values["value"]), *blank),
            *((number(chosen["output_ceiling"]),) if bounded else ()),
            *(percent(chosen["relative_error"]), _range(errors)),
        ]
        table.add(*cells)
    return table


def horizons_table(results: Results) -> Layout | None:
    """Return how far each condition can be left alone: median relative errors on test sequences, by regime."""
    factors = results.factors
    frame = _in_order(results.measure("horizons"))
    far = frame.groupby(["task", "model", "length", *factors], dropna=False)["horizon"].transform("max") > 1
    frame = frame[far]  # a task that asks for one value has no horizon: its errors are in the other tables
    if frame.empty:
        return None
    beyond = [regime for regime in frame["regime"].unique() if regime != WITHIN]
    table = Layout(
        (
            *(heading("task"), heading("model"), heading("T", right=True), *map(heading, short_names(factors))),
            *(figures("n"), figures("of", 2)),
            *(figures("truth fed", 1), *(figures(f"{step} ahead") for step in AHEAD), figures("1 % up to")),
            *(figures(REGIMES.get(regime, regime)) for regime in beyond),
            *(figures("trained on", 4), figures("tested on", 5), figures("seen", 3)),
        ),
        title="Left alone: median relative error on test sequences, of the trained range of parameters and others",
        caption=_caption(
            results,
            "n: trials; of: the test sequences of each of them that its median is over\n"
            f"truth fed: the error of one step at place {SHOWN}, the true values before it known; 1 % up to: steps "
            f"before the error passes 1 %\n{', '.join(REGIMES.get(regime, regime) for regime in beyond)}: the error "
            f"{SHOWN} steps ahead; a dash where the code gives no other inputs than those of the trained range\n"
            f"{COUNTED}",
        ),
    )
    rows = []
    for _, group in frame.groupby(["task", "model", "length", *factors], sort=False, dropna=False):
        first = group.iloc[0]
        errors = {(row["regime"], row["horizon"]): row["relative_error"] for _, row in group.iterrows()}
        within = group[group["regime"] == WITHIN].set_index("horizon").sort_index()
        cells = [
            *(first["task"], first["model"], f"{first['length']:,}"),
            *(*(setting(first[factor]) for factor in factors), str(first["n"])),
            number_of(within["sequences"].min()),
            *(percent(within["one_step_error"].get(SHOWN)), *(percent(errors.get((WITHIN, h))) for h in AHEAD)),
            *(_reach(within["relative_error"]), *(percent(errors.get((regime, SHOWN))) for regime in beyond)),
            *_inputs(first),
        ]
        rows.append(cells)
    return _in_sections(table, rows)


def traps_table(results: Results) -> Layout | None:
    """Return what each trap was worth; None for a study in which none of them is a factor."""
    from unroll.measures.traps.table import TRAPS

    frame = results.measure("traps")
    frame = _in_order(frame.sort_values("off", key=lambda names: names.map(len), kind="stable"))
    if frame.empty or not set(TRAPS) & set(results.factors):
        return None
    further = [factor for factor in results.factors if factor in frame]
    further = [factor for factor in further if factor not in TRAPS or frame[factor].nunique() > 2]
    table = Layout(
        (
            *(heading("task"), heading("model"), heading("T", right=True), *map(heading, short_names(further))),
            Column("traps turned off", head=True, words=True),
            *(figures("n"), figures(f"error at {SHOWN}"), prose("each seed", 3), figures("one step", 1)),
            *(figures("after the prompt", 2), figures("worth"), figures("of", 5)),
            *(figures("trained on", 6), figures("tested on", 7), figures("seen", 4)),
        ),
        title="The notebook's traps, and what each was worth",
        caption=_caption(
            results,
            "error: free-running, relative, median over so many test sequences (of); worth: the error with every trap "
            f"on / this\n{COUNTED}",
        ),
    )
    rows = []
    for _, row in frame.iterrows():
        cells = [
            *(row["task"], row["model"], f"{row['length']:,}", *(setting(row[factor]) for factor in further)),
            *(", ".join(row["off"]) or "none", str(row["n"]), percent(row["relative_error"])),
            LISTED.join(map(percent, row["relative_error_8"])),
            *(percent(row["one_step_error"]), percent(row["prompt_error"])),
            "–" if row["worth"] != row["worth"] else f"× {number(row['worth'], 2)}",
            *(number_of(row["sequences"]), *_inputs(row)),
        ]
        rows.append(cells)
    return _in_sections(table, rows)


def window_lag_table(results: Results) -> Layout | None:
    """Return the map of lag and capacity: how much of the announced value stays unexplained."""
    from unroll.analysis.settings import grouped
    from unroll.measures.window_lag.table import further as beside

    frame = results.measure("window_lag")
    lags = sorted(frame["length"].unique())
    if len(lags) < 2:
        return None
    further = beside(frame, results.factors)
    table = Layout(
        (
            *(
                heading("model"),
                *map(heading, short_names(further)),
                heading("memory"),
                *(figures(f"lag {lag}") for lag in lags),
            ),
            *(figures("parameters", 1), figures("trained on", 3), figures("tested on", 4), figures("seen", 2)),
        ),
        title="How much of the announced value stays unexplained: test MSE / its variance, median over seeds",
        caption=f"0 %: always known; 100 %: nothing remembered\n{COUNTED}",
    )
    rows: list[list[Cell]] = []
    for head, group in grouped(frame, ["model", "capacity", *further]):
        shares = dict(zip(group["length"], group["unexplained"], strict=True))
        low, high = group["parameters"].min(), group["parameters"].max()
        rows.append(
            [
                *(str(head["model"]), *(setting(head[factor]) for factor in further)),
                f"{group['capacity_name'].iloc[0]} {head['capacity']}",
                *(_share(shares.get(lag)) for lag in lags),
                f"{low:,}" if low == high else f"{low:,} to {high:,}",
                *_inputs(group[["train_inputs", "test_inputs", "test_seen"]].median()),
            ]
        )
    return _in_sections(table, rows)


def _in_sections(table: Layout, rows: Iterable[Sequence[Cell]]) -> Layout:
    """Return the table with these rows, apart where the first cell changes."""
    before = None
    for cells in rows:
        table.add(*cells, apart=cells[0] != before)
        before = cells[0]
    return table


def _inputs(row: Any) -> tuple[str, str, str]:
    """Return the cells of a condition's counts of inputs."""
    seen = row["test_seen"]
    return number_of(row["train_inputs"]), number_of(row["test_inputs"]), MISSING if seen != seen else percent(seen)


def number_of(count: Any) -> str:
    """Return a count; a dash where it was not recorded."""
    return MISSING if count is None or count != count else f"{count:,.0f}"


def _caption(results: Results, text: str) -> str:
    """Return a table's caption, and in which conditions the code has made a constant of the task."""
    from unroll.analysis.overlap import constants

    found = constants(results.measure("horizons"), results.factors)
    said = f"{listed(found)}: the code leaves fewer than three different inputs, so the task has become a constant"
    return "\n".join(filter(None, [text, said if found else ""]))


def _reach(errors: pd.Series[float]) -> str:
    """Return the last horizon before an error passes 1 %, and a sign where none does."""
    from unroll.measures.horizons.table import CLOSE

    passed = [place for place, error in enumerate(errors) if not error <= CLOSE]
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


def _share(share: Any) -> Text:
    from unroll.terminal import Text

    if share is None or share != share:
        return Text("–")
    text = f"{100 * share:.0f} %" if share >= 0.1 else f"{100 * share:.1f} %"
    return Text(text, style=SOLVED_COLOUR if share < 0.03 else LOST_COLOUR if share > 0.9 else "")
