"""Figures in the texts are what the current code draws of their stored tables; a report's picture needs a browser.

Planted and found: another colour of a series; a figure's words changed; a stored table whose category lost its order; a
picture that is made where no browser is.
"""

from __future__ import annotations

import re
import stat
import sys
from pathlib import Path

import matplotlib
import pandas as pd
import pytest

from published import blocks, export, pictures, quotes
from published.__main__ import main
from published.tables import FIGURE, TABLES, Stored
from published.texts import ROOT, asked
from tests.stored import stored
from unroll.measures.figures import drawn
from unroll.plots import save

FIGURES = drawn()
SHOWN = sorted(
    {
        (name, *blocks.picture_of(mark), path.parent)
        for name, quoted in asked(ROOT).items()
        for path, mark in quoted
        if quotes.verb(mark) == "picture" and not Stored(ROOT / TABLES).awaits(name)
    }
)
NUMBER = re.compile(r"-?\d+\.\d+|-?\d+")
IDENTIFIER = re.compile(r"\b[mpC]?[0-9a-f]{10}(?:_\d+_[0-9a-f]+)?\b")


@pytest.mark.parametrize(
    ("study", "figure", "file", "folder"),
    [shown for shown in SHOWN if shown[1] in FIGURES],
    ids=lambda part: part if isinstance(part, str) else part.name,
)
def test_a_figure_is_what_the_current_code_draws(study: str, figure: str, file: str, folder: Path):
    source = Stored(ROOT / TABLES).source(study)
    known = source.facts["pictures"][figure]
    if known["matplotlib"] != matplotlib.__version__:
        pytest.skip(f"drawn by matplotlib {known['matplotlib']}, here is {matplotlib.__version__}")
    content, alt = pictures.figure(figure, pictures.read(source.folder / FIGURE.format(figure)))
    again = "Draw it again: python -m published --write"
    assert alt == known["alt"], again
    mine, theirs = (IDENTIFIER.sub("", text) for text in (content.decode(), (folder / file).read_text()))
    assert NUMBER.sub("", mine) == NUMBER.sub("", theirs), again
    here, there = (list(map(float, NUMBER.findall(text))) for text in (mine, theirs))
    assert here == pytest.approx(there, rel=1e-4, abs=1e-2), f"{again} (the last digits may be another processor's)"


def test_pictures_are_small():
    for _, _, file, folder in SHOWN:
        assert (folder / file).stat().st_size < 150_000, file


@pytest.mark.parametrize("figure", ["lengths", "learning", "solved", "gradients"])
def test_a_stored_table_draws_the_same(figure: str, tmp_path: Path):
    results = stored(tmp_path / "results.db")
    table = results.plot.table(figure)
    pictures.write(tmp_path / "table.json", pictures.encoded(table))
    again = pictures.decoded(pictures.read(tmp_path / "table.json"))
    pd.testing.assert_frame_equal(again, table.reset_index(drop=True))
    facts = pictures.draw_figure(figure, pictures.read(tmp_path / "table.json"), tmp_path / "drawn.svg")
    save(results.plot.draw(figure), tmp_path / "direct.svg")
    assert (tmp_path / "drawn.svg").read_bytes() == (tmp_path / "direct.svg").read_bytes()
    assert facts["alt"] == " ".join(results.plot.describe(figure).split())


def test_a_figure_follows_the_code_without_a_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    results = stored(tmp_path / "results.db")
    folder = tmp_path / TABLES / "adding-quick"
    (tmp_path / "README.md").write_text("# A\n\n<!-- = adding-quick picture lengths lengths.svg -->\n<!-- / -->\n")
    facts, table = pictures.draw(results, "lengths", tmp_path / "lengths.svg", {})
    assert facts is not None
    assert table is not None
    export.store_tables(folder, {"conditions": [{"a": 1}]}, {"pictures": {"lengths": facts}}, {"lengths": table})
    assert main(["--write"], tmp_path) == 0, capsys.readouterr().err
    before = (tmp_path / "lengths.svg").read_text()
    monkeypatch.setattr("unroll.measures.lengths.figure.describe", lambda points: "Other words.")
    assert main(["--write"], tmp_path) == 0, capsys.readouterr().err
    assert "![Other words.](lengths.svg)" in (tmp_path / "README.md").read_text()
    assert (tmp_path / "lengths.svg").read_text() == before
    (tmp_path / "lengths.svg").write_text(before.replace("stroke-width", "stroke-widht"))
    assert main(["--check"], tmp_path) == 1
    assert "lengths.svg is not the picture that was stored" in capsys.readouterr().err


BROWSER = """\
#!{python}
import sys
from PIL import Image
shot = next(word.partition("=")[2] for word in sys.argv if word.startswith("--screenshot="))
assert open(sys.argv[-1].removeprefix("file://")).read().lower().startswith("<!doctype html>")
Image.new("RGB", (1800, 1600), "white").save(shot)
"""


def test_a_report_is_shown_where_a_browser_is_and_left_as_it_is_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    results = stored(tmp_path / "results.db")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    before = {"report": {"alt": "As it was.", "file": "0123"}}
    assert pictures.draw(results, "report", tmp_path / "report.png", before) == (before["report"], None)
    assert pictures.draw(results, "report", tmp_path / "report.png", {}) == (None, None)
    assert "report.png stays as it is: no Chromium is here" in capsys.readouterr().err
    assert not (tmp_path / "report.png").exists()

    (tmp_path / "bin").mkdir()
    browser = tmp_path / "bin" / "chromium"
    browser.write_text(BROWSER.format(python=sys.executable))
    browser.chmod(browser.stat().st_mode | stat.S_IXUSR)
    facts, table = pictures.draw(results, "report", tmp_path / "report.png", before)
    assert table is None
    assert facts is not None
    found = [finding.sentence for finding in results.findings() if finding.kind == "found"]
    (time,) = (sentence for sentence in found if "an epoch takes" in sentence)
    assert time not in facts["alt"], "it is another one each time"
    assert all(sentence in facts["alt"] for sentence in found if sentence != time)
    assert (tmp_path / "report.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "report.png").stat().st_size < 20_000
