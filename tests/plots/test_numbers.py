"""Figures of number-sequence studies, drawn from tables made by hand.

Planted and found: medians over seeds in place of each seed's continuation; a worth written where every trap is on; the
feedforward network's nearest panel taken for the recurrent one's; an axis of powers with matplotlib's own labels; the
map's models by the alphabet in place of the study's order; "up to" the longest lag over one that is not known; a lag
known "in every seed" of the one seed that was trained; a map in a terminal in which the last setting hides the others.
"""

from __future__ import annotations

from types import SimpleNamespace

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

from tests.analysis.telling import WORDS
from unroll.measures import Plots, known
from unroll.measures.continuation import figure as continuation
from unroll.measures.horizons import figure as horizons
from unroll.measures.window_lag.sheet import layout
from unroll.plots import panels
from unroll.plots.files import to_bytes

TRAPS = ["scale", "priming twice", "overlap", "bounded state"]


class Numbers:
    """The tables of a study of odd numbers: a tanh RNN, a feedforward network, three seeds."""

    study = SimpleNamespace(name="numbers")
    factors = ()
    models = ("tanh_rnn", "feedforward")
    told = SimpleNamespace(stateless=frozenset({"feedforward"}), words=WORDS)

    def trials(self) -> pd.DataFrame:
        return pd.DataFrame({"model": self.models})

    def measure(self, name: str) -> pd.DataFrame:
        """Return the table of a measure: a method of its name, or of what its rows are called."""
        return getattr(self, known()[name].rows or name)()

    def generation(self) -> pd.DataFrame:
        rows = [
            ("odd_numbers", model, 20, seed, f"{model}{seed}", step, 9 + 2 * step + 0.1 * seed, 9.0 + 2 * step)
            for model in self.models
            for seed in (1, 2, 3)
            for step in range(1, 9)
        ]
        table = pd.DataFrame(rows, columns=["task", "model", "length", "seed", "key", "step", "value", "truth"])
        return table.assign(relative_error=(table["value"] - table["truth"]).abs() / table["truth"])

    def horizons(self) -> pd.DataFrame:
        rows = [
            ("odd_numbers", model, 20, regime, ahead, 3, scale * ahead, scale * ahead / 2, scale * ahead * 2)
            for model, scale in zip(self.models, (0.001, 0.1), strict=True)
            for regime in ("within", "longer")
            for ahead in range(1, 33)
        ]
        names = ["task", "model", "length", "regime", "horizon", "n"]
        return pd.DataFrame(rows, columns=[*names, "relative_error", "relative_error_low", "relative_error_high"])

    def traps(self) -> pd.DataFrame:
        rows = [([], 0.4), (["scale"], 0.1), (TRAPS, 0.004)]
        return pd.DataFrame(
            [
                ("odd_numbers", "tanh_rnn", 20, off, 3, error, [error / 2, error, error * 2], 0.4 / error)
                for off, error in rows
            ],
            columns=["task", "model", "length", "off", "n", "relative_error", "relative_error_8", "worth"],
        )

    def window_lag(self) -> pd.DataFrame:
        rows = [
            (
                "feedforward",
                lag,
                "window",
                window,
                3,
                3,
                0.001 if window >= lag else 0.98,
                [0.001, 0.4, 0.98],
                3 if window >= lag else 0,
            )
            for window in (2, 4, 8)
            for lag in (1, 2, 4, 8)
        ]
        rows.append(("lstm", 8, "hidden", 4, 3, 0, None, [], 0))
        names = ["model", "lag", "capacity_name", "capacity", "planned", "n", "unexplained", "each_seed", "solved"]
        return pd.DataFrame(rows, columns=names)


@pytest.fixture
def plot() -> Plots:
    return Plots(Numbers())


def texts(figure: mpl.figure.Figure) -> list[str]:
    figure.draw_without_rendering()
    return [found.get_text() for found in figure.findobj(mpl.text.Text)]


def test_each_seed_continues_and_the_truth_is_beside_it(plot: Plots):
    axes = plot.continuation().axes[0]
    drawn = {tuple(np.round(line.get_ydata(), 6)) for line in axes.lines}
    for seed in (1, 2, 3):
        assert tuple(np.round([9 + 2 * step + 0.1 * seed for step in range(1, 9)], 6)) in drawn
    assert tuple(9.0 + 2 * step for step in range(1, 9)) in drawn
    assert "At step 8: tanh RNN 25.20 (truth 25.00)" in plot.describe("continuation")


def test_horizons_have_a_panel_a_regime_and_a_line_at_one_percent(plot: Plots):
    figure = plot.horizons()
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["same range", "later terms"]
    for axes in figure.axes:
        assert any(set(line.get_ydata()) == {0.01} for line in axes.lines)
    assert "tanh RNN (same range) 0.0010 at 1 to 0.032 at 32" in plot.describe("horizons")


def test_traps_are_named_with_what_they_were_worth(plot: Plots):
    figure = plot.traps()
    shown = [text.replace("\n", " ") for text in texts(figure)]
    assert {"every trap on, as in the notebook", "without scale", "every trap off"} <= set(shown)
    assert [text for text in shown if text.startswith("×")] == ["× 4", "× 100"]
    dots = [line for line in figure.axes[0].lines if line.get_marker() == "o"]
    assert sum(len(line.get_xdata()) for line in dots) == 9


def test_the_map_of_window_and_lag(plot: Plots):
    figure = plot.window_lag()
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["feedforward", "LSTM"]
    cells = [text.get_text() for text in figure.axes[0].texts]
    assert cells == ["0.00", "0.00", "0.98", "0.98", "0.00", "0.00", "0.00", "0.98", *["0.00"] * 4]
    assert [text.get_text() for text in figure.axes[1].texts] == ["–"]
    assert "feedforward with window 4 up to lag 4" in plot.describe("window_lag")


def test_a_lag_is_reached_only_by_all_planned_seeds_and_over_no_gap(monkeypatch: pytest.MonkeyPatch):
    numbers = Numbers()
    table = numbers.window_lag()
    table.loc[0:3, "solved"] = [3, 0, 3, 3]  # a window of 2 does not solve lag 2, and of lag 8 two seeds are missing
    table.loc[3, ["n", "solved"]] = 1
    monkeypatch.setattr(numbers, "window_lag", lambda: table)
    said = Plots(numbers).describe("window_lag")
    assert "feedforward with window 2 at lag 1 and 4;" in said
    assert said.endswith(" 34 of 39 trials are trained so far.")
    assert "up to lag 8" not in said.partition("window 4")[0]


@pytest.mark.parametrize("name", ["continuation", "horizons", "traps", "window_lag"])
def test_the_same_figure_is_the_same_bytes(name: str, plot: Plots):
    assert to_bytes(plot.draw(name), "svg") == to_bytes(plot.draw(name), "svg")


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e300, 0.0])
def test_what_no_axis_would_hold_is_drawn(bad: float, monkeypatch: pytest.MonkeyPatch):
    numbers = Numbers()
    steps, ahead, traps = numbers.generation(), numbers.horizons(), numbers.traps()
    steps.loc[steps["step"] == 8, "value"] = bad
    ahead.loc[ahead["horizon"] == 32, ["relative_error", "relative_error_high"]] = bad
    traps.loc[1, "relative_error"] = bad
    traps.at[1, "relative_error_8"] = [bad]
    for name, table in (("generation", steps), ("horizons", ahead), ("traps", traps)):
        monkeypatch.setattr(numbers, name, lambda table=table: table)
    plot = Plots(numbers)
    for name in ("continuation", "horizons", "traps"):
        assert to_bytes(plot.draw(name), "svg")
        assert plot.describe(name)


class Families(Numbers):
    """Seven tasks of one length; two in three representations, of which the tanh RNN is nearest with differences."""

    study = SimpleNamespace(name="families")
    factors = ("task.representation",)
    tasks = ("odd_numbers", "fibonacci", "linear_recurrence", "geometric", "sine", "alternating", "announce")

    def conditions(self) -> list[tuple[str, str, str, float]]:
        """Task, representation, model, relative error; the feedforward network is nearest where no other is."""
        off = {"raw": (0.5, 0.4), "prefix_max": (0.3, 0.0), "difference": (0.01, 0.2)}
        return [
            (task, code, model, error)
            for place, task in enumerate(self.tasks)
            for code in (off if place < 2 else ["difference"])
            for model, error in zip(self.models, off[code], strict=True)
        ]

    def generation(self) -> pd.DataFrame:
        rows = [
            (task, model, 5, code, 1, f"{task}{model}{code}", step, 10.0**step * (1 + error), 10.0**step, error)
            for task, code, model, error in self.conditions()
            for step in range(1, 9)
        ]
        names = ["task", "model", "length", "task.representation", "seed", "key", "step", "value", "truth"]
        return pd.DataFrame(rows, columns=[*names, "relative_error"])

    def horizons(self) -> pd.DataFrame:
        rows = [
            (task, model, 5, code, regime, ahead, 3, error, error / 2, error * 2)
            for task, code, model, error in self.conditions()
            for regime in ("within", "larger")
            for ahead in (1, 8)
        ]
        names = ["task", "model", "length", "task.representation", "regime", "horizon", "n"]
        return pd.DataFrame(rows, columns=[*names, "relative_error", "relative_error_low", "relative_error_high"])

    def table(self) -> pd.DataFrame:
        rows = [
            (task, model, 5, code, [1, 2, 3], 3 if error < 0.05 else 0, 3, 0, 0, "relative error 8 < 0.01")
            for task, code, model, error in self.conditions()
        ]
        names = ["task", "model", "length", "task.representation", "seeds", "solved", "complete", "failed", "waiting"]
        return pd.DataFrame(rows, columns=[*names, "criterion"]).assign(damaged=0)


TELLING = [
    "odd numbers · raw", "odd numbers · differences", "Fibonacci · raw", "Fibonacci · differences",
    "linear recurrence · differences", "geometric · differences", "sine · differences", "alternating · differences",
]  # fmt: skip


def test_the_most_telling_panels_are_where_a_recurrent_model_is_nearest_and_raw_ones():
    source = Families()
    for kind, total in ((continuation, 11), (horizons, 22)):
        table = kind.most_telling(kind.points(source))
        assert [title for title, _ in panels.by_panel(table)] == TELLING
        assert panels.total(table) == total
        figure = kind.draw(table)
        assert any(f"8 of {total} panels are shown." in text for text in texts(figure))


def test_a_figure_of_its_own_has_every_panel():
    plot = Plots(Families())
    assert len(plot.continuation().axes) == 11
    assert len(plot.horizons().axes) == 22


def test_ticks_are_plain_numbers_that_do_not_meet():
    figure = Plots(Families()).continuation()
    figure.draw_without_rendering()
    for axes in figure.axes:
        low, high = axes.get_ylim()
        said = [text.get_text() for text in axes.get_yticklabels() if low <= text.get_position()[1] <= high]
        assert not any("$" in one for one in said)
        assert 2 <= len(said) <= 8
        assert len(axes.get_xticks()) <= 7


def test_tasks_of_one_length_are_mapped_against_models():
    figure = Plots(Families()).solved()
    (axes,) = figure.axes
    assert [text.get_text() for text in axes.get_xticklabels()] == ["tanh RNN", "feedforward"]
    rows = [text.get_text() for text in axes.get_yticklabels()]
    assert rows[:3] == ["odd numbers · raw", "odd numbers · relative to largest", "odd numbers · differences"]
    assert [text.get_text() for text in axes.texts][:6] == ["0/3", "0/3", "0/3", "3/3", "3/3", "0/3"]
    assert len(rows) == 11


def test_the_map_of_a_terminal_keeps_settings_apart():
    """A row of the map is of one setting, whatever else the study varies."""
    rows = [("gru", lag, rate, rate / lag) for lag in (2, 4) for rate in (0.1, 0.2)]
    frame = pd.DataFrame(rows, columns=["model", "length", "train.learning_rate", "unexplained"])
    frame = frame.assign(capacity_name="hidden", capacity=8, parameters=9, train_inputs=5.0, test_inputs=5.0)
    factors = ("model.hidden", "train.learning_rate")
    results = SimpleNamespace(measure=lambda name: frame.assign(test_seen=0.0), factors=factors)
    table = layout(results)
    assert [column.name for column in table.columns][:5] == [
        "model", "learning_rate", "memory", "lag 2", "lag 4",
    ]  # fmt: skip
    assert [tuple(map(str, row.cells[:5])) for row in table.rows] == [
        ("gru", "0.1", "hidden 8", "5.0 %", "2.5 %"),
        ("gru", "0.2", "hidden 8", "10 %", "5.0 %"),
    ]
