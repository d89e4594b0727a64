"""The tables of a report: frames as text, row by row, with what each number needs beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from unroll.analysis.comparison import SIGNIFICANT
from unroll.analysis.effects import DESIGN
from unroll.report.source import ReportSource
from unroll.wording import MISSING, at_most, capital, counted, labels, listed, loss_words, number, powers, setting

MOST_ROWS = 400
OPEN_ROWS = 30
"""A table of more rows is folded on a screen."""
MOST_PAIRS = 10
COUNTED = ("n", "planned", "solved", "parameters", "horizon", "sequences", "train_inputs", "test_inputs")
"""Columns of counts, which are whole numbers, or medians of some."""


@dataclass(frozen=True)
class Column:
    """A column: its heading, whether its cells are numbers, long texts, or several numbers each."""

    heading: str
    numeric: bool = True
    long: bool = False
    several: bool = False

    @property
    def kind(self) -> str:
        """Return the class of its cells."""
        return "list" if self.several else "n" if self.numeric else "long" if self.long else "t"


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
    return powers(number(float(value), digits)).replace("-", "−", 1)


def interval(low: Any, high: Any, digits: int = 3) -> str:
    """Return an interval, or a dash where there is none."""
    return MISSING if low is None or pd.isna(low) else f"{figure(low, digits)} to {figure(high, digits)}"


def count(value: Any) -> str:
    """Return a whole number with its thousands apart."""
    return MISSING if value is None or pd.isna(value) else f"{round(value):,}"


def loss(source: ReportSource) -> Table:
    """Return the test loss of each condition, with n, every seed, interval and baseline."""
    frame = source.table()
    cells: dict[Column, Callable[[Any], str]] = {
        Column("n"): lambda row: count(row["n"]),
        Column("median"): lambda row: figure(row["score_median"]),
        Column("range"): lambda row: interval(row["score_min"], row["score_max"], 2),
        Column("95 % interval"): lambda row: interval(row["score_median_low"], row["score_median_high"], 2),
        Column("each seed", several=True): lambda row: _apart(map(figure, row["scores"])),
        **{Column(counted.words): _median(name) for name, counted in source.counted.items()},
        **({Column("chance"): lambda row: figure(row["chance"])} if source.counted else {}),
        Column("÷\N{NO-BREAK SPACE}baseline"): lambda row: figure(row["ratio"], 2),
        Column("better than it"): _left,
        **_baseline(frame),
    }
    note = (
        "Over the n complete seeds. Interval: exact, for the median, whatever the losses' distribution; fewer than six "
        "seeds have none. Baseline: the loss of whoever remembers nothing; a seed is better than it by a paired test "
        "over its test sequences, against the best constant for these, corrected for the seeds."
    )
    if source.counted:
        words = capital(listed([counted.words for counted in source.counted.values()]))
        note += f" {words}: medians over the seeds; chance: the accuracy of the best answer without memory."
    if frame["better"].isna()[frame["complete"] > 0].any():
        note += " Not recorded: trials that are older than this measure; forgotten and run again they record it."
    return _table(
        "loss", f"{capital(loss_words(frame['score_words']))}{_constant(frame)}", note, frame, source.factors, cells
    )


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
    if frame["damaged"].any():
        cells[Column("damaged")] = lambda row: count(row["damaged"])
    if frame["failed"].any() or frame["waiting"].any():
        cells[Column("failed")] = lambda row: count(row["failed"])
        cells[Column("not trained yet")] = lambda row: count(row["waiting"])
    note = (
        f"Solved: {listed(sorted(set(frame['criterion'])))}. Interval: Clopper and Pearson's. Updates: median over the "
        "seeds that reached the criterion during training. Seconds: median over seeds, training alone."
    )
    return _table("solved", f"Solved{_constant(frame)}", note, frame, source.factors, cells)


def memory(source: ReportSource) -> Table | None:
    """Return the effective memory, or None where the study has no complete trial of a task with a law of it."""
    frame = source.memory()
    if frame.empty:
        return None
    cells: dict[Column, Callable[[Any], str]] = {
        Column("n"): lambda row: count(row["n"]),
        Column("remembered, median"): lambda row: f"{row['amount']:.1f}",
        Column("of at most"): lambda row: at_most(row["most"], row["unit"]),
        Column("from least to most"): lambda row: (
            MISSING if pd.isna(row["amount_low"]) else f"{row['amount_low']:.1f} to {row['amount_high']:.1f}"
        ),
        Column("each seed", several=True): lambda row: _apart(f"{amount:.1f}" for amount in row["each_seed"]),
        Column("noise, one seed"): lambda row: f"{row['noise']:.1f}" if row["noise"] >= 0.05 else "< 0.1",
    }
    note = (
        "The most that can be remembered, times 1 − loss / baseline: what a perfect memory would need for the same "
        "loss. At the baseline it is 0. Noise: the standard error that the finite test set alone gives."
    )
    return _table("memory", "Effective memory", note, frame, source.factors, cells)


def comparison(source: ReportSource) -> Table | None:
    """Return the models compared pair by pair, seed by seed, or None where no two have a seed in common."""
    frame = source.comparisons()
    frame = frame[frame["n"] > 0]
    if frame.empty:
        return None
    pairs = frame[["first", "second"]].drop_duplicates()
    frame = frame.merge(pairs.head(MOST_PAIRS), on=["first", "second"])
    shown = labels([*frame["first"], *frame["second"]])
    frame = frame.assign(
        model=[f"{shown[a]}, {shown[b]}" for a, b in zip(frame["first"], frame["second"], strict=True)]
    )
    cells: dict[Column, Callable[[Any], str]] = {
        Column("compared by", numeric=False): lambda row: row["quantity"],
        Column("n"): lambda row: count(row["n"]),
        Column("effect"): lambda row: _effect(row, row["effect"]),
        Column("95 % interval"): lambda row: (
            MISSING if pd.isna(row["low"]) else f"{_effect(row, row['low'])} to {_effect(row, row['high'])}"
        ),
        Column("better in", numeric=False): _better,
        Column("p"): lambda row: figure(row["p"], 2),
        Column("p, corrected"): lambda row: figure(row["p_family"], 2),
        Column("smallest"): lambda row: figure(row["smallest_p"], 2),
    }
    note = (
        "Of each seed the first model's test loss, error or updates until solved divided by the second's, or the steps "
        "by which its span is longer; median, and an exact interval from six seeds on. p: sign-flip test over the "
        "seeds, then corrected for all comparisons here; the smallest corrected p is what n seeds can give at best. A "
        "trial that never solves the task is later than any."
    )
    few = sorted({n for n, p in zip(frame["n"], frame["smallest_p"], strict=True) if p > SIGNIFICANT})
    if few:
        note += f" {capital(listed([counted(n, 'seed') for n in few], 'or'))} cannot separate two models here."
    if len(pairs) > MOST_PAIRS:
        note += f" The first {MOST_PAIRS} of {len(pairs)} pairs."
    return _table("comparison", "Models compared, seed by seed", note, frame, source.factors, cells, first="models")


def _apart(values: Iterable[str]) -> str:
    """Return the values of the seeds in one cell: blanks between them are wide, those within a number are not."""
    return "   ".join(value.replace(" ", "\N{NARROW NO-BREAK SPACE}") for value in values)


def _median(name: str) -> Callable[[Any], str]:
    return lambda row: figure(row[f"{name}_median"])


def effects(source: ReportSource) -> Table | None:
    """Return what each level of each factor does to the score, or None where no setting has two levels to compare."""
    frame = source.effects()
    frame = frame[frame["n"] > 0]
    if frame["factor"].isin(DESIGN).all():
        return None
    columns = tuple(
        Column(heading, numeric=heading not in ("level", "better"))
        for heading in (
            *("level", "n", "ratio", "95 % interval", "same way in", "solved", "first level's", "updates"),
            *("first level's updates", "p", "p, corrected", "smallest"),
        )
    )
    groups: list[tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]] = []
    for factor, rows in frame.head(MOST_ROWS).groupby("factor", sort=False):
        records = rows.to_dict("records")
        cells = tuple(
            (
                *(level_of(str(factor), row["level"]), count(row["n"]), _ratio(row["effect"])),
                MISSING if pd.isna(row["low"]) else f"{_ratio(row['low'])} to {_ratio(row['high'])}",
                f"{row['same_way']} of {row['settings']}",
                *(f"{row[f'{side}solved']} of {row[f'{side}complete']}" for side in ("", "first_")),
                *(count(row[f"{side}updates"]) for side in ("", "first_")),
                *(figure(row[p], 2) for p in ("p", "p_family", "smallest_p")),
            )
            for row in records
        )
        groups.append(((str(factor), level_of(str(factor), records[0]["first"])), cells))
    note = (
        "Ratio: the level's score divided by the first level's, within a seed over all combinations of the other "
        "factors that both have; median of the n seeds, and an exact interval from six seeds on. Same way: in how many "
        "of these combinations the median seed agrees. p: sign-flip test over the seeds, then corrected for all "
        "settings; task, model and length are corrected for themselves. Models are tested place by place in the "
        "comparisons, a family of their own: with one for all, six seeds could not separate two models here."
    )
    left_out = max(0, len(frame) - MOST_ROWS)
    return Table("effects", "Effects of factors", note, ("factor", "first level"), columns, tuple(groups), left_out)


def level_of(factor: str, value: Any) -> str:
    """Return a level of a factor as a table shows it."""
    if factor in ("task", "model"):
        return labels([str(value)])[str(value)]
    return count(value) if factor == "length" else _setting(value)


def _ratio(value: float) -> str:
    return "unbounded" if value in (0, float("inf")) else f"× {figure(value, 2)}"


def _left(row: Any) -> str:
    if not row["complete"]:
        return MISSING
    return "not recorded" if pd.isna(row["better"]) else f"{row['better']:.0f} of {row['complete']}"


def _effect(row: Any, value: float) -> str:
    if row["quantity"] == "span":
        return f"{signed(value)} steps"
    return f"× {figure(value, 2)}" if value != float("inf") else "× ∞"


def _better(row: Any) -> str:
    first, ties = row["first_better"], row["ties"]
    second = row["n"] - first - ties
    if first == second:
        return f"each {first} of {row['n']}" if first else "none: the same"
    winner, wins = (row["first"], first) if first > second else (row["second"], second)
    return f"{labels([row['first'], row['second']])[winner]}, {wins} of {row['n']}"


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
        cells[Column("trials", numeric=False)] = lambda row: (
            "all finished" if row["finished"] else "not finished: may grow"
        )
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


def early_stopping(source: ReportSource) -> Table | None:
    """Return where early stopping ended the trainings, or None where no complete trial was trained with it."""
    frame = source.early_stopping()
    if frame.empty:
        return None
    cells: dict[Column, Callable[[Any], str]] = {
        Column("n"): lambda row: count(row["n"]),
        Column("ended early"): lambda row: f"{row['stopped']} of {row['n']}",
        Column("epochs trained, each seed", several=True): lambda row: _apart(map(count, row["epochs_trained"])),
        Column("best epoch, each seed", several=True): lambda row: _apart(map(count, row["best_epoch"])),
        Column("epochs asked for"): lambda row: count(row["epochs"]),
    }
    note = "The weights of the best epoch, which has the lowest validation loss, are those that were tested and stored."
    return _table("early_stopping", "Early stopping", note, frame, source.factors, cells)


def missing(source: ReportSource) -> Table | None:
    """Return the trials that failed, are damaged or were not trained, or None where there are none."""
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
    """Return a frame as it is: texts as texts, settings as everywhere, numbers with three digits, lists joined."""
    settings = [column for column in frame.columns if "." in column]
    names = [column for column in frame.columns[:2] if column in ("task", "model")]
    shown = {column: labels(map(str, frame[column])) for column in names}
    columns = tuple(_column(column, frame[column], column in settings) for column in frame.columns.drop(names))
    written = {
        column: [
            (_setting if column in settings else count if column in COUNTED else _plain)(value) for value in values
        ]
        for column, values in frame.head(MOST_ROWS).drop(columns=names).items()
    }
    groups: list[tuple[tuple[str, ...], list[tuple[str, ...]]]] = []
    for head, row in zip(
        zip(*([shown[one][str(name)] for name in frame[one]] for one in names), strict=True)
        if names
        else [()] * len(frame),
        zip(*written.values(), strict=True),
        strict=False,
    ):
        if not groups or groups[-1][0] != head:
            groups.append((head, []))
        groups[-1][1].append(row)
    made = tuple((head, tuple(rows)) for head, rows in groups)
    return Table(name, title, note, tuple(names), columns, made, max(0, len(frame) - MOST_ROWS))


def _column(name: str, values: pd.Series[Any], is_setting: bool) -> Column:
    several = not is_setting and values.map(lambda value: isinstance(value, list | tuple)).all()
    heading = name if is_setting else name.replace("_", " ")
    return Column(heading, pd.api.types.is_numeric_dtype(values), several=bool(several))


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
    shown = {one: labels(map(str, frame[one])) for one in heads}
    groups: list[tuple[tuple[str, ...], list[tuple[str, ...]]]] = []
    for row in frame.head(MOST_ROWS).to_dict("records"):
        head = tuple(shown[one][str(row[one])] for one in heads)
        if not groups or groups[-1][0] != head:
            groups.append((head, []))
        leading = [
            *(_setting(row[factor]) for factor in varying),
            *([count(row["length"])] if "length" in frame else []),
        ]
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


def _setting(value: Any) -> str:
    return powers(setting(value))


def _plain(value: Any) -> str:
    if isinstance(value, list | tuple):
        return "   ".join(_plain(item) for item in value)
    if isinstance(value, str):
        return value
    if value is None or pd.isna(value):
        return MISSING
    return figure(value) if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value)
