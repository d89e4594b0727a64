"""``unroll plot``."""

from __future__ import annotations

import json
from pathlib import Path


def test_plot_writes_a_file_and_says_what_it_shows(finished: str, unroll):
    done = unroll("plot", finished, "lengths", "--out", "figure.svg")
    assert done.code == 0
    assert "Test MSE against sequence length" in done.out
    assert "Wrote figure.svg" in done.err
    assert "<svg" in Path("figure.svg").read_text()


def test_plot_refuses_with_the_next_step(finished: str, unroll):
    done = unroll("plot", finished, "length", "--out", "figure.svg")
    assert done.code == 2
    assert 'Did you mean "lengths"?' in done.err
    done = unroll("plot", finished, "lengths", "--out", "figure.gif")
    assert done.code == 2
    assert "End it with .svg, .pdf, .png" in done.err
    done = unroll("plot", finished, "traps", "--out", "figure.svg")
    assert done.code == 1
    assert "Figures that it has data for: lengths, solved, learning, gradients, gradient_through_time" in done.err
    assert "cannot be written" in unroll("plot", finished, "solved", "--out", "no/such/folder.svg").err
    assert not Path("figure.svg").exists()


def test_every_figure_is_listed(unroll):
    from unroll.measures.figures import drawn

    assert "unroll measures" in " ".join(unroll("plot", "--help").out.split())
    listed = {one["name"]: one["figure"] for one in json.loads(unroll("measures", "--json").out)}
    assert {name for name, figure in listed.items() if figure} == set(drawn())
    assert all(name in unroll("measures").out for name in listed)


def test_without_a_name_the_file_is_named_after_study_and_figure(finished: str, unroll):
    done = unroll("plot", finished, "lengths")
    assert "Wrote small-lengths.svg" in done.err
    assert "<svg" in Path("small-lengths.svg").read_text()
