"""Markdown and LaTeX: whatever a study is named, the table keeps its shape and says what its numbers are.

Planted and found: a bar in a name that opens a new column; an underscore or a percent sign as LaTeX's own; the baseline
with three digits; n left out of the caption.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.analysis.builders import trials
from unroll.analysis import conditions
from unroll.exporters import to_latex, to_markdown
from unroll.quantity import Quantity

ACCURACY = Quantity("test_accuracy", "whole sequences right")
STORY = {
    ("tanh_rnn", 10): [0.001, 0.002, 0.003],
    ("tanh_rnn", 50): [1 / 6, 0.16, 0.17],
    ("gru", 10): [4.5e-5, 6e-5, 5e-5],
    ("gru", 50): [0.001, "failed", "waiting"],
}


def test_markdown_by_hand():
    text = to_markdown(conditions(trials(STORY)), (), "mine")
    lines = text.splitlines()
    assert lines[0].split("|")[1].strip() == "model"
    cells = [cell.strip() for cell in lines[2].strip("|").split("|")]
    assert cells == [
        *("tanh RNN", "10", "3", "0.00200", "[0.00100, 0.00300]", "3/3", "0.100", "100"),
        *("0.1667", "3 complete"),
    ]
    last = [cell.strip() for cell in lines[5].strip("|").split("|")]
    assert last[2:6] == ["1", "0.00100", "[0.00100, 0.00100]", "1/1"]
    assert last[-1] == "1 complete, 1 failed, 1 missing"
    caption = lines[-1]
    assert "(n = 1 to 3)" in caption
    assert "test MSE, median and range over n complete seeds" in caption
    assert "interval" not in caption, "three seeds have none"
    six = to_markdown(conditions(trials({("gru", 10): [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]})), (), "mine")
    assert "[0.100, 0.600]" in six
    assert "interval: exact, for the median" in six
    assert "two trials failed, damaged or not trained yet" in caption
    assert r"solved: test MSE \< 0.01" in caption
    assert len({len(line) for line in lines[:6]}) == 1, "padded, so that it reads as plain text"


def test_latex_by_hand():
    text = to_latex(conditions(trials({name: STORY[name] for name in list(STORY)[:3]})), (), "50 % & more_x")
    for part in (r"\toprule", r"\midrule", r"\bottomrule", r"\caption{50 \% \& more\_x: test MSE", "(n = 3)"):
        assert part in text
    assert "tanh RNN & 10 & $0.00200$ & [$0.00100$, $0.00300$] & 3/3 & 100 \\\\" in text
    assert "baseline 0.1667: the loss" in text
    assert "model & T & n & test MSE" in to_latex(conditions(trials(STORY)), (), "n differs")
    assert r"$5.00 \times 10^{-5}$" in text
    assert text.count(r"\midrule") == 2, "one under the head, one between the models"
    assert text.count(r"\begin") == text.count(r"\end") == 2


def test_factors_and_several_tasks_have_columns():
    parts = [
        trials({("gru", 9): [0.1]}, task=task, **{"model.hidden": h}) for task in ("adding", "copy") for h in (1, 2)
    ]
    table = conditions(pd.concat(parts), ["model.hidden"])
    head = to_markdown(table, ["model.hidden"], "mine").splitlines()[0]
    assert [cell.strip() for cell in head.strip("|").split("|")][:4] == ["task", "model", "T", "model.hidden"]
    assert r"\_" not in to_latex(table, ["model.hidden"], "mine").splitlines()[6]
    hidden = conditions(pd.concat(parts).rename(columns={"model.hidden": "a_b"}), ["a_b"])
    assert r"& a\_b &" in to_latex(hidden, ["a_b"], "mine")


def test_a_second_line_and_what_was_seen_are_told_where_there_is_something_to_tell():
    told = {"second_name": "bag", "second_words": "who knows the values alone", "second_loss": 1.187}
    plain = trials({("gru", 9): [0.1]})
    recall = trials({("gru", 5): [1.0]}, task="recall", baseline=2.303, **told, second_accuracy=0.384, test_seen=0.25)
    recall = recall.assign(chance=0.1, test_accuracy=0.6, memoryless=False)
    text = to_markdown(
        conditions(pd.concat([plain, recall]), (), ["test_accuracy"]), (), "mine", {"test_accuracy": ACCURACY}
    )
    head, _, first, second = ([cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines()[:4])
    wanted = ("whole sequences right", "chance", "bag", "bag, accuracy", "tests seen")
    assert [first[head.index(name)] for name in wanted] == ["–"] * 5
    assert [second[head.index(name)] for name in wanted] == ["0.600", "0.100", "1.19", "0.384", "25 %"]
    assert "who knows the values alone" in text
    assert "the loss of a predictor that sees no input" in text
    alone = to_markdown(conditions(plain), (), "mine")
    assert not set(wanted) & {cell.strip() for cell in alone.splitlines()[0].strip("|").split("|")}
    assert "the loss of a predictor with no memory" in alone


names = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=30)
nasty = st.sampled_from(
    ["a|b", "a_b", "50%", "$x$", "{", "}", "\\", "\\end{table}", "<b>", "`x`", "&", "#", "~", "^", "*"]
)


@settings(deadline=None, max_examples=60)
@given(names | nasty, names | nasty)
def test_no_name_changes_the_shape(study: str, model: str):
    table = conditions(trials({(model, 10): [0.1, 0.2], ("gru", 10): [0.1]}))
    markdown = to_markdown(table, (), study).splitlines()
    plain = to_markdown(conditions(trials({("x", 10): [0.1, 0.2], ("gru", 10): [0.1]})), (), "y").splitlines()
    assert len(markdown) == len(plain)
    for mine, other in zip(markdown[:4], plain[:4], strict=True):
        assert len(re.findall(r"(?<!\\)\|", mine.replace("\\\\", ""))) == other.count("|")
    latex = to_latex(table, (), study)
    bare = re.sub(r"\\[\\&%$#_{}]|\\[a-z]+(\{\})?", "", latex)
    for line in bare.splitlines():
        assert line.count("{") == line.count("}"), line
        assert line.count("$") % 2 == 0
        assert not re.search(r"[%#_~^\\](?!\{-?\d+\}\$)", line.removeprefix("% ")), line
    rows = [line for line in bare.splitlines() if " & " in line]
    assert len({line.count("&") for line in rows}) == 1


def has_booktabs() -> bool:
    if shutil.which("pdflatex") is None or shutil.which("kpsewhich") is None:
        return False
    return subprocess.run(["kpsewhich", "booktabs.sty"], capture_output=True, check=False).returncode == 0


@pytest.mark.skipif(not has_booktabs(), reason="no LaTeX with booktabs here")
def test_latex_compiles(tmp_path: Path):
    table = to_latex(
        conditions(trials({name: [*each[:2], 0.002] for name, each in STORY.items()})),
        (),
        r"a_b & 50 % \x ~ ^ < > | {$}",
    )
    document = f"\\documentclass{{article}}\\usepackage{{booktabs}}\\begin{{document}}{table}\\end{{document}}"
    (tmp_path / "a.tex").write_text(document)
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "a.tex"]
    log = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert "Overfull" not in log, "it fits a page"
