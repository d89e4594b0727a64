"""``unroll report``."""

from __future__ import annotations

from pathlib import Path


def test_report_writes_one_page(finished: str, unroll):
    done = unroll("report", finished)
    assert done.code == 0
    assert "Wrote small.html" in done.err
    text = Path("small.html").read_text(encoding="utf-8")
    assert "4 trials, all complete" in text
    assert unroll("report", finished, "--out", "other.html").code == 0
    assert Path("other.html").read_text(encoding="utf-8") == text


def test_trials_that_other_studies_planned_are_cited_all_the_same(finished: str, unroll):
    """A study that only names what others have run is in no store: what its plug-ins cite is asked of them."""
    text = Path(finished).read_text(encoding="utf-8")
    Path("again.toml").write_text(text.replace('name = "small"', 'name = "again"'), encoding="utf-8")
    assert unroll("report", "again.toml").code == 0
    page = Path("again.html").read_text(encoding="utf-8")
    assert "4 trials, all complete" in page
    assert "@article{hochreiter1997long" in page


def test_report_refuses_with_the_next_step(finished: str, unroll):
    assert "cannot be written" in unroll("report", finished, "--out", "no/such/folder.html").err
    done = unroll("report", finished, "--store", "nothing.db")
    assert done.code == 1
    assert "nothing.db" in done.err


def test_a_study_s_name_makes_a_file_s_name():
    from unroll.cli.asked import file_name

    assert file_name("adding-quick") == "adding-quick"
    assert file_name("../../etc/passwd") == "etc-passwd"
    assert file_name("???") == "report"
