"""Test loss against length: every seed a dot, a line through the medians, the baseline and the criterion."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from unroll.measures.source import Source
from unroll.plots import panels
from unroll.plots.panels import BASELINE, SECOND, SOLVED
from unroll.plots.style import PAPER, SOFT, Drawing, Look, length_ticks, log_ticks, looks, styled
from unroll.wording import capital, counted, listed, loss_words, number, without

SMALLEST = 1e-12
"""Losses below it, zero among them, are drawn here: a logarithmic axis has no zero."""
ABOVE = 4
"""Trials without a loss that stand one above the other; more of them overlap."""


def points(source: Source) -> pd.DataFrame:
    """Return one row per trial.

    panel (title), series (model), length (steps), seed, state, score (the test loss; NaN unless complete), score_words,
    baseline, memoryless, second_name, second_loss (see ``Results.table``), solved_below (NaN where the criterion is
    another metric).
    """
    trials, factors = source.trials(), source.factors
    if trials["score"].isna().all():
        return pd.DataFrame()
    below = trials["solved_below"].where(trials["solved_metric"] == trials["score_name"])
    return pd.DataFrame(
        {
            "panel": panels.titles(trials, factors, words=source.told.words),
            "series": panels.series(trials["model"], source.models),
            **{name: trials[name] for name in ("length", "seed", "state", "score", "score_words")},
            **{name: trials[name] for name in ("baseline", "memoryless", "second_name", "second_loss")},
            "solved_below": below,
        }
    )


def draw(table: pd.DataFrame) -> Drawing:
    """Draw the table: both axes logarithmic; failed and missing trials stand above the axes, at their length."""
    with styled():
        figure, parts = panels.grid(table, height=1.9, single=3.1)
        look = looks(table["series"])
        highest = table[table["state"] != "complete"].groupby(["panel", "series", "length"], observed=True).size().max()
        for axes, rows in parts:
            _draw(axes, rows, look)
            if highest > 0:  # room for what stands above the axes
                axes.set_title(axes.get_title(loc="left"), pad=5 + 5 * min(highest, ABOVE))
        _limits(parts[0][0], table)
        length_ticks(parts[0][0], table["length"].tolist(), most=9 if len(parts) == 1 else 5)
        for axes, _ in parts:
            panels.rules(axes)
        panels.name_axes(figure, table, "sequence length T, steps", loss_words(table["score_words"]))
        if len(parts) == 1:
            panels.label_ends(parts[0][0], _ends(table, look))
        else:
            panels.legend(figure, [*(panels.key(one, name) for name, one in look.items()), *panels.references(table)])
    return figure


def describe(table: pd.DataFrame) -> str:
    """Return what the figure shows, for readers who do not see it."""
    parts = []
    for (panel, series), rows in table.groupby(["panel", "series"], sort=False, observed=True):
        medians = rows.groupby("length")["score"].median().dropna()
        if medians.empty:
            continue
        said = f"{number(medians.iloc[0])} at T = {medians.index[0]:,}"
        if len(medians) > 1:
            said += f" to {number(medians.iloc[-1])} at T = {medians.index[-1]:,}"
        parts.append(f"{series}{f' ({panel})' if panel else ''} from {said}")
    loss = capital(loss_words(table["score_words"]))
    return f"{loss} against sequence length, both logarithmic. Medians over seeds: {panels.some(parts)}."


def caption(table: pd.DataFrame) -> str:
    """Return how to read the figure."""
    seeds = table.groupby(["panel", "series", "length"], observed=True)["score"].count()
    counts = listed(sorted({int(n) for n in seeds if n}), "or")
    missing = _missing(table)
    return (
        f"Every dot is one trained network, {counts} for each model and length; lines join the medians. Dashed: the "
        f"loss of {without(table['memoryless'])}.{panels.second_words(table)}{f' {missing}' if missing else ''}"
    )


def _missing(table: pd.DataFrame) -> str:
    counts = table["state"].value_counts()
    failed, damaged = int(counts.get("failed", 0)), int(counts.get("damaged", 0))
    waiting = int(counts.sum()) - int(counts.get("complete", 0)) - failed - damaged
    parts = [f"{counted(failed, 'trial')} failed (×)"] if failed else []
    parts += [f"{counted(damaged, 'trial')} damaged (○)"] if damaged else []
    parts += [f"{counted(waiting, 'trial')} not trained yet (○)"] if waiting else []
    return f"Above the axes: {listed(parts)}." if parts else ""


def _draw(axes: Axes, rows: pd.DataFrame, look: dict[str, Look]) -> None:
    panels.reference_lines(axes, rows)
    count = len(look)
    for place, (series, style) in enumerate(look.items()):
        mine = rows[rows["series"] == series]
        if mine.empty:
            continue
        aside = 1.05 ** (place - (count - 1) / 2)
        complete = mine[mine["state"] == "complete"]
        medians = complete.groupby("length")["score"].median().clip(lower=SMALLEST)
        axes.plot(medians.index * aside, medians, color=style.colour, linestyle=style.line, linewidth=1.4, zorder=2)
        axes.plot(
            complete["length"] * aside, complete["score"].clip(lower=SMALLEST), linestyle="none",
            marker=style.marker, markersize=4.2, color=style.colour, markeredgecolor=PAPER, markeredgewidth=0.4,
            alpha=0.9, zorder=3,
        )  # fmt: skip
        for length, group in mine[mine["state"] != "complete"].groupby("length"):
            _above(axes, float(str(length)) * aside, group["state"], style.colour)


def _above(axes: Axes, x: float, states: pd.Series[str], colour: str) -> None:
    """Draw trials without a loss one above the other, over the axes: × for a failed one, ○ for any other."""
    failed = int((states == "failed").sum())
    heights = 1.03 + 0.035 * min(1.0, ABOVE / len(states)) * np.arange(len(states))
    for marker, place in (("x", heights[:failed]), ("o", heights[failed:])):
        if len(place):  # an empty line would reach to the figure's corner when the layout is made
            axes.plot(
                [x] * len(place), place, transform=axes.get_xaxis_transform(), linestyle="none", marker=marker,
                markersize=3.4, color=colour, markerfacecolor="none", markeredgewidth=0.9, clip_on=False,
            )  # fmt: skip


def _limits(axes: Axes, table: pd.DataFrame) -> None:
    values = pd.concat([table[name] for name in ("score", "baseline", "second_loss", "solved_below")])
    values = values[np.isfinite(values)].clip(lower=SMALLEST)
    axes.set_yscale("log")
    axes.set_ylim(values.min() / 1.6, values.max() * 1.6)
    log_ticks(axes.yaxis)
    axes.set_xlim(table["length"].min() / 1.15, table["length"].max() * 1.15)


def _ends(table: pd.DataFrame, look: dict[str, Look]) -> list[tuple[float, str, Look]]:
    ends = []
    for series, style in look.items():
        medians = table[table["series"] == series].groupby("length")["score"].median().dropna()
        if len(medians):
            ends.append((float(max(medians.iloc[-1], SMALLEST)), series, style))
    last = table.sort_values("length").iloc[-1]
    if np.isfinite(last["baseline"]):
        ends.append((float(last["baseline"]), f"baseline {number(last['baseline'], 4)}", Look(SOFT, "", BASELINE)))
    if np.isfinite(last["second_loss"]):
        ends.append((float(last["second_loss"]), str(last["second_name"]), Look(SOFT, "", SECOND)))
    if np.isfinite(last["solved_below"]):
        ends.append((float(last["solved_below"]), f"solved below {last['solved_below']:g}", Look(SOFT, "", SOLVED)))
    return ends
