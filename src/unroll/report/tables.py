"""The tables of a report: frames as text, row by row, with what each number needs beside it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import pandas as pd

from unroll.analysis.comparison import SIGNIFICANT
from unroll.report.source import ReportSource
from unroll.wording import MISSING, capital, counted, label, listed, metric_label, number

SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
MOST_ROWS = 400
OPEN_ROWS = 30
"""A table of more rows is folded on a screen."""
MOST_PAIRS = 10


@dataclass(frozen=True)
class Column:
    """A column: its heading, whether its cells are numbers, and whether they are long texts."""

    heading: str
    numeric: bool = True
    long: bool = False

    @property
    def kind(self) -> str:
        """Return the class of its cells."""
        return "n" if self.numeric else "long" if self.long else "t"


@dataclass(frozen=True)
class Table:
    """A table ready to be written: ``groups`` are runs of rows with the same first cells, given once."""

    name: str
    title: str
    note: str
    head: tuple[str, ...]
    columns: tuple[Column, ...]
    groups: tuple[tuple[tuple[str, ...], tuple[tuple[str, ...], ...]], ...]
    left_out: int = 0

    @property
    def size(self) -> int:
        """Return the number of its rows."""
        return sum(len(rows) for _, rows in self.groups)

    @property
    def folded(self) -> bool:
        """Say whether it is closed until a reader opens it."""
        return self.size > OPEN_ROWS


def figure(value: Any, digits: int = 3) -> str:
    """Return a number as a text shows it: 0.0123, 8.2 × 10⁻⁵; a dash where it is missing."""
    if value is None or pd.isna(value):
        return MISSING
    if value == 0:
        return "0"
    mantissa, e, exponent = number(float(value), digits).replace("-", "−", 1 if value < 0 else 0).partition("e")
    return f"{mantissa} × 10{str(int(exponent)).translate(SUPERSCRIPTS)}" if e else mantissa


def interval(low: Any, high: Any, digits: int = 3) -> str:
    """Return an interval, or a dash where there is none."""
    return MISSING if low is None or pd.isna(low) else f"{figure(low, digits)} to {figure(high, digits)}"


def count(value: Any) -> str:
    """Return a whole number with its thousands apart."""
    return MISSING if value is None or pd.isna(value) else f"{round(value):,}"


def loss(source: ReportSource) -> Table:
    """Return the test MSE of each condition, with n, every seed, interval and baseline."""
    frame = source.table()
    cells: dict[Column, Callable[[Any], str]] = {
        Column("n"): lambda row: count(row["n"]),
        Column("mean"): lambda row: figure(row["test_mse_mean"]),
        Column("95 % interval"): lambda row: interval(row["test_mse_low"], row["test_mse_high"], 2),
        Column("median"): lambda row: figure(row["test_mse_median"]),
        Column("sd"): lambda row: figure(row["test_mse_std"], 2),
        Column("each seed"): lambda row: "   ".join(figure(value) for value in row["test_mse"]),
        Column("÷ baseline"): lambda row: figure(row["ratio"], 2),
        **_baseline(frame),
    }
    note = (
        "Mean and interval (Student's t, for the mean) over the n complete seeds; sd with n − 1. Fewer than two seeds: "
        "no interval. A bound below zero: the seeds are too few for their spread. Baseline: the loss of whoever "
        "remembers nothing."
    )
    return _table("loss", f"Test MSE{_constant(frame)}", note, frame, source.factors, cells)


def solved(source: ReportSource) -> Table:
    """Return how many seeds of each condition solve the task, how soon, and how long an epoch takes."""
    frame = source.table()
    cells: dict[Column, Callable[[Any], str]] = {
        Column("n"): lambda row: count(row["n"]),
        Column("solved"): lambda row: f"{row['solved']} of {row['complete']}" if row["complete"] else MISSING,
        Column("95 % interval of the rate"): lambda row: interval(row["solved_low"], row["solved_high"], 2),
        Column("updates until solved"): lambda row: count(row["updates_to_solve"]),
        Column("seconds an epoch"): lambda row: figure(row["seconds_per_epoch"], 2),
        Column("parameters"): lambda row: count(row["parameters"]),
        **_baseline(frame),
    }
    if frame["failed"].any() or frame["waiting"].any():
        cells[Column("failed")] = lambda row: count(row["failed"])
        cells[Column("not trained yet")] = lambda row: count(row["waiting"])
    criteria = {
        f"{metric_label(m)} < {b:g}" for m, b in zip(frame["solved_metric"], frame["solved_below"], strict=True)
    }
    note = (
        f"Solved: {listed(sorted(criteria))}. Interval: Wilson's. Updates: median over the seeds that reached the "
        "criterion during training. Seconds: median over seeds, training alone."
    )
    return _table("solved", f"Solved{_constant(frame)}", note, frame, source.factors, cells)


def memory(source: ReportSource) -> Table | None:
    """Return the effective memory on the adding problem, or None where the study has no complete trial of it."""
    frame = source.memory()
    if frame.empty:
        return None
    cells: dict[Column, Callable[[Any], str]] = {
        Column("n"): lambda row: count(row["n"]),
        Column("steps remembered, median"): lambda row: f"{row['steps']:.1f}",
        Column("from least to most"): lambda row: (
            MISSING if pd.isna(row["steps_low"]) else f"{row['steps_low']:.1f} to {row['steps_high']:.1f}"
        ),
        Column("each seed"): lambda row: "   ".join(f"{steps:.1f}" for steps in row["each_seed"]),
        Column("noise, one seed"): lambda row: f"± {row['noise']:.1f}" if row["noise"] >= 0.05 else "< 0.1",
    }
    note = (
        "k = T (1 − 6 MSE): the number of last steps that a perfect memory would need for the same loss, cut to 0 … T. "
        "At the baseline it is 0. Noise: the standard error that the finite test set alone gives."
    )
    return _table("memory", "Effective memory · adding, baseline 0.1667", note, frame, source.factors, cells)


def comparison(source: ReportSource) -> Table | None:
    """Return the models compared pair by pair, seed by seed, or None where no two have a seed in common."""
    models = list(dict.fromkeys(trial.model for trial in source.planned))
    pairs = list(combinations(models, 2))
    frames = [source.comparison(first, second) for first, second in pairs[:MOST_PAIRS]]
    frame = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()
    frame = frame[frame["n"] > 0] if len(frame) else frame
    if frame.empty:
        return None
    frame = frame.assign(
        model=[f"{label(a)} − {label(b)}" for a, b in zip(frame["first"], frame["second"], strict=True)]
    )
    cells: dict[Column, Callable[[Any], str]] = {
        Column("n"): lambda row: count(row["n"]),
        Column("mean difference"): lambda row: signed(row["difference"]),
        Column("95 % interval"): lambda row: (
            MISSING if pd.isna(row["low"]) else f"{signed(row['low'])} to {signed(row['high'])}"
        ),
        Column("lower loss in", numeric=False): _better,
        Column("p"): lambda row: figure(row["p"], 2),
        Column("smallest p"): lambda row: figure(row["smallest_p"], 2),
    }
    note = (
        "Test MSE of the first minus that of the second, with the same seed. Interval: bootstrap over the n pairs. p: "
        "exact sign-flip test; the smallest p is what n pairs can give at best."
    )
    few = sorted({n for n, p in zip(frame["n"], frame["smallest_p"], strict=True) if p > SIGNIFICANT})
    if few:
        note += (
            f" {capital(listed([counted(n, 'seed') for n in few], 'or'))} cannot show significance, whatever they are."
        )
    if len(pairs) > MOST_PAIRS:
        note += f" The first {MOST_PAIRS} of {len(pairs)} pairs."
    return _table("comparison", "Models compared, seed by seed", note, frame, source.factors, cells, first="models")


def _better(row: Any) -> str:
    first, ties = row["first_better"], sum(difference == 0 for difference in row["differences"])
    second = row["n"] - first - ties
    if first == second:
        return f"each {first} of {row['n']}" if first else "none: the same"
    winner, wins = (row["first"], first) if first > second else (row["second"], second)
    return f"{label(winner)}, {wins} of {row['n']}"


def signed(value: Any) -> str:
    """Return a difference with its sign."""
    text = figure(value, 2)
    return text if text == MISSING else f"+{text}" if value > 0 else text


def span(source: ReportSource) -> Table:
    """Return the longest length that most seeds of each model solve."""
    frame = source.span()
    cells: dict[Column, Callable[[Any], str]] = {
        Column("span, steps"): lambda row: count(row["span"]) if not pd.isna(row["span"]) else "none",
        Column("solved there"): lambda row: MISSING if pd.isna(row["span"]) else f"{row['solved']} of {row['seeds']}",
        Column("lengths tried", numeric=False): lambda row: ", ".join(map(count, row["lengths"])),
    }
    if not frame["finished"].all():
        cells[Column("", numeric=False)] = lambda row: "" if row["finished"] else "not finished: may grow"
    return _table("span", "Span", "The longest length that most seeds solve.", frame, source.factors, cells)


def growth(source: ReportSource) -> Table | None:
    """Return how the time of an epoch grows with the length, or None where nothing was fitted."""
    frame = source.growth()
    if frame.empty or frame["exponent"].isna().all():
        return None
    cells: dict[Column, Callable[[Any], str]] = {
        Column("exponent of T"): lambda row: figure(row["exponent"]),
        Column("standard error"): lambda row: figure(row["exponent_error"], 2),
        Column("lengths", numeric=False): lambda row: ", ".join(map(count, row["lengths"])),
    }
    note = "Least squares on logarithms, one point a length: seconds = c · Tᵃ. Times are those of this machine."
    return _table("growth", "Growth of an epoch's time", note, frame, source.factors, cells)


def missing(source: ReportSource) -> Table | None:
    """Return the trials that failed or were not trained, or None where there are none."""
    frame = source.missing()
    if frame.empty:
        return None
    cells: dict[Column, Callable[[Any], str]] = {
        Column("seed"): lambda row: str(row["seed"]),
        Column("state", numeric=False): lambda row: str(row["state"]),
        Column("times begun"): lambda row: count(row["attempts"]),
        Column("trial", numeric=False): lambda row: str(row["key"])[:12],
        Column("what went wrong", numeric=False, long=True): lambda row: str(row["message"]),
    }
    return _table("missing", "Failed and missing trials", "", frame, source.factors, cells)


def plain(name: str, title: str, note: str, frame: pd.DataFrame) -> Table:
    """Return a frame as it is: texts as texts, numbers with three digits, lists joined."""
    columns = tuple(
        Column(str(name).replace("_", " "), pd.api.types.is_numeric_dtype(frame[name])) for name in frame.columns
    )
    rows = tuple(tuple(_plain(value) for value in row) for row in frame.head(MOST_ROWS).itertuples(index=False))
    return Table(name, title, note, (), columns, (((), rows),), max(0, len(frame) - MOST_ROWS))


def _constant(frame: pd.DataFrame) -> str:
    """Return the baseline for a table's title, where all conditions have the same."""
    return f" · baseline {figure(frame['baseline'].iloc[0], 4)}" if _one_baseline(frame) else ""


def _baseline(frame: pd.DataFrame) -> dict[Column, Callable[[Any], str]]:
    """Return the column of the baseline, where conditions differ in it."""
    return {} if _one_baseline(frame) else {Column("baseline"): lambda row: figure(row["baseline"], 4)}


def _one_baseline(frame: pd.DataFrame) -> bool:
    return (
        bool(frame["baseline"].notna().all()) and frame["baseline"].map(lambda value: figure(value, 4)).nunique() == 1
    )


def _table(
    name: str,
    title: str,
    note: str,
    frame: pd.DataFrame,
    factors: Sequence[str],
    cells: dict[Column, Callable[[Any], str]],
    first: str = "model",
) -> Table:
    heads = [*(["task"] if frame["task"].nunique() > 1 else []), "model"]
    varying = [factor for factor in factors if factor in frame and frame[factor].nunique(dropna=False) > 1]
    before = [*(Column(factor) for factor in varying), *([Column("T")] if "length" in frame else [])]
    groups: list[tuple[tuple[str, ...], list[tuple[str, ...]]]] = []
    for row in frame.head(MOST_ROWS).to_dict("records"):
        head = tuple(label(str(row[one])) for one in heads)
        if not groups or groups[-1][0] != head:
            groups.append((head, []))
        leading = [*(_plain(row[factor]) for factor in varying), *([count(row["length"])] if "length" in frame else [])]
        groups[-1][1].append((*leading, *(write(row) for write in cells.values())))
    return Table(
        name=name,
        title=title,
        note=note,
        head=tuple(first if one == "model" else one for one in heads),
        columns=(*before, *cells),
        groups=tuple((head, tuple(rows)) for head, rows in groups),
        left_out=max(0, len(frame) - MOST_ROWS),
    )


def _plain(value: Any) -> str:
    if isinstance(value, list | tuple):
        return "   ".join(_plain(item) for item in value)
    if isinstance(value, str):
        return value
    if value is None or pd.isna(value):
        return MISSING
    return (
        f"{value:,}"
        if isinstance(value, int) and not isinstance(value, bool)
        else (figure(value) if isinstance(value, float) else str(value))
    )
