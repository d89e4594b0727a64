"""Figures: what is drawn, from which numbers.

Planted and found: gradient norms thinned by taking every n-th value (the spike of one update is gone); dots of the
median only; a baseline drawn in the first panel alone; failed trials left out; colours given by what a figure
happens to hold; damaged trials called not trained.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from tests.stored import BASELINE, SECONDS, stored
from unroll.errors import UnknownNameError, UnrollError
from unroll.measures import known
from unroll.measures.figures import drawn
from unroll.measures.figures import figure as module
from unroll.plots import save
from unroll.plots.files import to_bytes
from unroll.reading import Results

DRAWN = ("lengths", "solved", "learning", "gradients", "timing")
"""Figures that a study of the adding problem has data for."""


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    return stored(tmp_path_factory.mktemp("store") / "results.db")


@pytest.fixture(scope="module")
def unfinished(tmp_path_factory: pytest.TempPathFactory) -> Results:
    def state(model: str, length: int, seed: int) -> str:
        return "failed" if (model, seed) == ("lstm", 2) else "waiting" if length == 50 else "complete"

    return stored(tmp_path_factory.mktemp("store") / "half.db", state=state)


def texts(figure: Figure) -> str:
    """Return every text of a figure, with its axes' labels and ticks."""
    figure.draw_without_rendering()
    return "\n".join(found.get_text() for found in figure.findobj(mpl.text.Text))


@pytest.mark.parametrize("name", DRAWN)
def test_the_same_figure_is_the_same_bytes_in_every_format(name: str, results: Results):
    figure, again = results.plot.draw(name), results.plot.draw(name)
    forms = (("svg", b"<?xml"), ("pdf", b"%PDF"), ("png", b"\x89PNG"))
    for form, start in forms if name == "lengths" else forms[:1]:
        content = to_bytes(figure, form)
        assert content.startswith(start)
        assert content == to_bytes(again, form)


@pytest.mark.parametrize("name", DRAWN)
def test_every_figure_says_what_it_shows_and_names_its_axes(name: str, results: Results):
    figure = results.plot.draw(name)
    described = results.plot.describe(name)
    assert "tanh RNN" in described
    assert "GRU" in described
    assert "nan" not in described
    shown = texts(figure)
    units = {"lengths": "steps", "solved": "steps", "learning": "epoch", "gradients": "update", "timing": "seconds"}
    assert units[name] in shown
    assert "LSTM" in shown


def test_every_seed_is_a_dot(results: Results):
    axes = results.plot.lengths().axes[0]
    dots = [line for line in axes.lines if line.get_linestyle() == "None"]
    assert sum(len(line.get_xdata()) for line in dots) == 3 * 3 * 3
    heights = np.sort(np.concatenate([line.get_ydata() for line in dots]))
    assert np.allclose(heights, np.sort(results.trials()["test_mse"]))


@pytest.mark.parametrize("name", ["lengths", "learning"])
def test_baseline_and_criterion_are_on_every_axis_of_losses(name: str, results: Results):
    for axes in results.plot.draw(name).axes:
        heights = [line.get_ydata()[0] for line in axes.lines if len(set(line.get_ydata())) == 1]
        assert any(np.isclose(height, BASELINE) for height in heights)
        assert any(np.isclose(height, 0.01) for height in heights)


def test_trials_with_and_without_a_validation_split_have_curves(monkeypatch: pytest.MonkeyPatch, results: Results):
    """Planted and found: only the trials with the first kind of loss that any has."""
    thinned = Results.thinned

    def half(self: Results, name: str, points: int, keys: list[str]) -> pd.DataFrame:
        if name == "validation_loss":
            return thinned(self, "train_loss", points, [key for key in keys if key in validated])
        return thinned(self, name, points, keys)

    trials = results.trials()
    validated = set(trials.loc[trials["model"] == "lstm", "key"])
    monkeypatch.setattr(Results, "thinned", half)
    table = results.plot.table("learning")
    assert set(table["key"]) == set(trials["key"])
    assert set(table.loc[table["loss"] == "validation MSE", "key"]) == validated
    assert results.plot.describe("learning").startswith(
        "Learning curves: validation MSE or, without a validation split,"
    )


def test_learning_curves_have_every_seed_and_the_median(results: Results):
    for axes in results.plot.learning().axes:
        thin = [line for line in axes.lines if line.get_linewidth() < 1]
        thick = [line for line in axes.lines if line.get_linewidth() > 1.1]
        assert len(thin) == 9
        assert len(thick) == 3


def test_more_seeds_than_can_be_told_apart_are_a_median_and_a_band(tmp_path: Path):
    """Planted and found: a band of the medians alone."""
    results = stored(tmp_path / "results.db", lengths=[10], seeds=range(1, 7))
    (axes,) = results.plot.learning().axes
    table = results.plot.table("learning")
    assert not [line for line in axes.lines if line.get_linewidth() < 1]
    for band, (_, rows) in zip(axes.collections, table.groupby("series", observed=True), strict=True):
        heights = np.concatenate([path.vertices[:, 1] for path in band.get_paths()])
        assert heights.min() == pytest.approx(rows["low"].min())
        assert heights.max() == pytest.approx(rows["high"].max())
    assert module("learning").caption(table).startswith("Bands: from the smallest to the largest of the seeds.")


def test_epochs_are_whole_numbers(tmp_path: Path):
    """Planted and found: the ticks that matplotlib chooses."""
    for epochs in (1, 2, 3):
        results = stored(tmp_path / f"{epochs}.db", lengths=[10], seeds=[1], epochs=epochs)
        figure = results.plot.learning()
        figure.draw_without_rendering()
        said = [text.get_text() for text in figure.axes[0].get_xticklabels()]
        assert said
        assert all(text.isdigit() for text in said)


def test_no_update_leaves_the_band_of_gradient_norms(tmp_path: Path):
    def norms(model: str, length: int, seed: int) -> np.ndarray:
        values = np.full(5000, 0.5)
        values[1234], values[4321] = 700.0, 0.0003
        return values

    results = stored(tmp_path / "results.db", lengths=[10], seeds=[1], norms=norms)
    table = results.plot.table("gradients")
    assert table["high"].max() == pytest.approx(700, rel=1e-6)
    assert table["low"].min() == pytest.approx(0.0003, rel=1e-6)
    assert len(table) == 3 * 120
    bands = results.plot.gradients().axes[0].collections
    vertices = np.concatenate([path.vertices for band in bands for path in band.get_paths()])
    assert vertices[:, 1].max() == pytest.approx(700, rel=1e-6)
    assert vertices[:, 1].min() == pytest.approx(0.0003, rel=1e-6)


def test_the_fitted_exponent_is_written_beside_its_line(results: Results):
    axes = results.plot.timing().axes[0]
    assert "LSTM: T⁰·⁵⁰" in texts(axes.figure)
    line = next(line for line in axes.lines if line.get_linestyle() != "None")
    assert np.allclose(line.get_ydata(), SECONDS["tanh_rnn"] * np.sqrt(line.get_xdata()))


def test_two_lengths_have_no_exponent(tmp_path: Path):
    results = stored(tmp_path / "results.db", lengths=[10, 20])
    assert "T⁰" not in texts(results.plot.timing())
    assert "no exponent" in module("timing").caption(results.plot.table("timing"))


def test_the_map_counts_solved_seeds_of_those_trained(results: Results, unfinished: Results):
    cells = [text.get_text() for text in results.plot.solved().axes[0].texts]
    assert cells == ["3/3", "3/3", "0/3", *["3/3"] * 6]
    cells = [text.get_text() for text in unfinished.plot.solved().axes[0].texts]
    assert cells == ["3/3", "3/3", "–", "2/2", "2/2", "–", "3/3", "3/3", "–"]


def test_failed_and_missing_trials_are_shown(unfinished: Results):
    lines = unfinished.plot.lengths().axes[0].lines
    assert sum(len(line.get_xdata()) for line in lines if line.get_marker() == "x") == 3
    hollow = [line for line in lines if line.get_marker() == "o" and line.get_markerfacecolor() == "none"]
    assert sum(len(line.get_xdata()) for line in hollow) == 8
    caption = module("lengths").caption(unfinished.plot.table("lengths"))
    assert "three trials failed (×)" in caption
    assert "eight trials not trained yet (○)" in caption
    assert any(line.get_marker() == "x" for axes in unfinished.plot.learning().axes for line in axes.lines)


def test_a_model_looks_the_same_in_every_figure(tmp_path: Path):
    results = stored(tmp_path / "r.db", state=lambda model, *_: "waiting" if model == "tanh_rnn" else "complete")
    colours = set()
    for name in ("lengths", "learning", "timing"):
        figure = results.plot.draw(name)
        lines = [*figure.axes[0].lines, *(handle for legend in figure.legends for handle in legend.legend_handles)]
        colours |= {line.get_color() for line in lines if line.get_marker() == "s"}
        colours |= {line.get_color() for line in lines if line.get_label() == "LSTM"}
    assert len(colours) == 1
    assert colours.pop() == "#bf4a33"


def test_more_panels_than_can_be_read_are_counted(tmp_path: Path):
    results = stored(tmp_path / "results.db", lengths=range(2, 18), seeds=[1])
    figure = results.plot.learning()
    assert len(figure.axes) == 12
    assert "12 of 16 panels are shown." in texts(figure)


def test_settings_that_vary_make_panels(tmp_path: Path):
    def state(model: str, length: int, seed: int) -> str:
        return {("lstm", 10): "failed", ("gru", 10): "waiting"}.get((model, length), "complete")

    results = stored(tmp_path / "results.db", rates=[0.001, 0.01], seeds=[1, 2, 3], state=state)
    for name in DRAWN:  # warnings are errors: a layout that finds no room for the axes would be one
        to_bytes(results.plot.draw(name), "svg")
    titles = [axes.get_title(loc="left") for axes in results.plot.lengths().axes]
    assert titles == ["learning_rate = 0.001", "learning_rate = 0.01"]


@pytest.mark.parametrize("value", [0.0, 1e-300, 1e30])
def test_losses_that_no_axis_would_hold_are_drawn(value: float, tmp_path: Path):
    results = stored(tmp_path / "results.db", lengths=[10], result=lambda *_: value)
    for name in DRAWN:
        assert to_bytes(results.plot.draw(name), "svg")


def test_one_trial_is_enough_and_none_is_said(tmp_path: Path):
    one = stored(tmp_path / "one.db", pairs=[("adding", "gru")], lengths=[10], seeds=[1])
    for name in DRAWN:
        assert to_bytes(one.plot.draw(name), "svg")
    none = stored(tmp_path / "none.db", state=lambda *_: "waiting")
    with pytest.raises(UnrollError, match=r'"lengths" needs a complete trial; by-hand has none.*data for: solved\.'):
        none.plot.lengths()


def test_unknown_figures_and_files_are_refused(results: Results, tmp_path: Path):
    with pytest.raises(UnknownNameError, match='Did you mean "learning"'):
        results.plot.table("lerning")
    figure = results.plot.solved()
    with pytest.raises(UnknownNameError, match=r"End it with \.svg, \.pdf, \.png"):
        save(figure, tmp_path / "figure.jpeg")
    with pytest.raises(UnrollError, match="cannot be written"):
        save(figure, tmp_path / "no" / "folder.svg")
    assert save(figure, tmp_path / "figure.SVG").read_bytes().startswith(b"<?xml")


def test_every_figure_has_its_method_and_its_parts(results: Results):
    for name in drawn():
        kind = module(name)
        assert callable(getattr(results.plot, name))
        assert all(callable(getattr(kind, part)) for part in ("points", "draw", "describe", "caption"))
        assert known()[name].needs


def test_jupyter_shows_a_figure_and_matplotlib_stays_as_it_was(results: Results):
    before = mpl.rcParams.copy()
    assert "<svg" in results.plot.lengths()._repr_svg_()
    assert mpl.rcParams.copy() == before
    assert "matplotlib.pyplot" not in sys.modules


def test_importing_unroll_imports_no_matplotlib():
    program = "import sys, unroll, unroll.plots, unroll.reading; print('matplotlib' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_glyphs_that_no_font_has_and_formulas_are_only_text(tmp_path: Path):
    names = ["模型", "$\\frac{1}{2}$", "_hidden", "a\nb\x08", "\u202eevil", "x" * 300]
    results = stored(tmp_path / "results.db", pairs=[("adding", name) for name in names], seeds=[1])
    for name in DRAWN:
        svg = to_bytes(results.plot.draw(name), "svg").decode()
        assert "模型" in svg
        assert "$\\frac{1}{2}$" in svg
        assert "\x08" not in svg
        assert "\u202e" not in svg
        to_bytes(results.plot.draw(name), "png")


def test_a_continuation_without_seeds_is_one_panel():
    table = pd.DataFrame(
        {"step": [1, 2], "value": [11.0, 12.9], "truth": [11.0, np.nan], "relative_error": [0.0, np.nan]}
    )
    figure = module("continuation").draw(table.assign(series="tanh RNN"))
    assert len(figure.axes) == 1
    assert "truth" in texts(figure)


def test_damaged_trials_are_not_called_untrained():
    states = ["complete", "damaged", "failed", "waiting", "running"]
    frame = pd.DataFrame({"panel": "", "series": "GRU", "length": 4, "state": states, "score": [0.1] + [np.nan] * 4})
    frame = frame.assign(memoryless=True, second_name=None)
    assert (
        module("lengths")
        .caption(frame)
        .endswith("Above the axes: one trial failed (×), one trial damaged (○) and two trials not trained yet (○).")
    )
    counts = pd.DataFrame({"criterion": ["test MSE < 0.01"], "failed": 0, "damaged": 2, "waiting": 0})
    assert module("solved").caption(counts).endswith("Hatched where trials are missing (2 damaged).")


@pytest.mark.parametrize("models", [["GRU"], ["GRU", "LSTM"]])
def test_settings_at_one_length_are_rows_of_one_map(models: list[str]):
    """Not a panel each, with an axis of one length."""
    panels = [f"hidden = {hidden}" for hidden in (16, 32, 64)]
    rows = [{"panel": panel, "series": model} for panel in panels for model in models]
    table = pd.DataFrame(rows).assign(task="adding", length=10, seeds=3, solved=1, complete=3)
    table["series"] = pd.Categorical(table["series"], models)
    (axes,) = module("solved").draw(table).axes
    assert [label.get_text() for label in axes.get_yticklabels()] == panels
    assert [label.get_text() for label in axes.get_xticklabels()] == models
    longer = pd.concat([table, table.assign(length=50)])
    assert len(module("solved").draw(longer).axes) == len(panels)
