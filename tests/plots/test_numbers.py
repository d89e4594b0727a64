"""Figures of number-sequence studies, drawn from tables made by hand.

Planted and found: medians over seeds in place of each seed's continuation; a worth written where every trap is on.
"""

from __future__ import annotations

from types import SimpleNamespace

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

from unroll.plots.figures import Plots
from unroll.plots.files import to_bytes

TRAPS = ["scale", "priming twice", "overlap", "bounded state"]


class Numbers:
    """The tables of a study of odd numbers: a tanh RNN, a feedforward network, three seeds."""

    study = SimpleNamespace(name="numbers")
    factors = ()
    models = ("tanh_rnn", "feedforward")

    def trials(self) -> pd.DataFrame:
        return pd.DataFrame({"model": self.models})

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
            ("feedforward", lag, "window", window, 3, 0.001 if window >= lag else 0.98, 3 if window >= lag else 0)
            for window in (2, 4, 8)
            for lag in (1, 2, 4, 8)
        ]
        rows.append(("lstm", 8, "hidden", 4, 0, None, 0))
        return pd.DataFrame(rows, columns=["model", "lag", "capacity_name", "capacity", "n", "unexplained", "solved"])


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
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["within", "longer"]
    for axes in figure.axes:
        assert any(set(line.get_ydata()) == {0.01} for line in axes.lines)
    assert "tanh RNN (within) 0.0010 at 1 to 0.032 at 32" in plot.describe("horizons")


def test_traps_are_named_with_what_they_were_worth(plot: Plots):
    figure = plot.traps()
    shown = texts(figure)
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
