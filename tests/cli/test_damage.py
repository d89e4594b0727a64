"""A damaged trial, as every command shows it: as damaged, never as a number; and it runs again on request.

Planted and found: no seal of an outcome compared; damaged trials counted as waiting; a figure without its damaged curve
and without a word; a figure with it.
"""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.stored import stored
from unroll.errors import StoreError
from unroll.store import Store


@pytest.fixture
def key(finished: str) -> str:
    """The trial of the finished study that the tests damage: the GRU with seed 2."""
    with Store.open("results.db") as store:
        return store.trials()[0].key


def change(statement: str) -> None:
    with closing(sqlite3.connect("results.db")) as db:
        assert db.execute(statement).rowcount > 0
        db.commit()


METRIC = "UPDATE metrics SET value = 0.123456 WHERE name = 'test_mse' AND trial = 1"


def test_tables_show_it_as_damaged(finished: str, key: str, unroll):
    before = json.loads(unroll("export", finished, "--format", "json").out)
    change(METRIC)
    shown = unroll("show", finished)
    assert shown.code == 0
    assert "1 complete, 1 damaged" in shown.out
    assert f"damaged: gru on adding, T = 3, seed 2 ({key[:8]}): its results are not what was written" in shown.out
    assert "forget --damaged" in shown.err
    for command in (("show", finished), ("show", finished, "--json"), ("show", key[:10]), ("export", finished)):
        assert "0.123" not in unroll(*command).out
    assert "damaged: its results" in unroll("show", key[:10]).out
    after = json.loads(unroll("export", finished, "--format", "json").out)
    assert after[1:] == before[1:]
    assert (after[0]["state"], after[0]["test_mse"], after[0]["seconds"]) == ("damaged", None, None)
    assert unroll("report", finished, "--out", "page.html").code == 0
    page = Path("page.html").read_text()
    assert "1 damaged" in page
    assert "0.123" not in page
    assert "One trial of this study is damaged and left out" in page


def test_a_damaged_curve_is_left_out_and_said(finished: str, unroll):
    change("UPDATE histories SET data = zeroblob(length(data)) WHERE name = 'grad_norm' AND trial = 1")
    drawn = unroll("plot", finished, "gradients", "--out", "norms.svg")
    assert drawn.code == 0
    assert "One trial of this study is damaged and left out" in drawn.err
    assert unroll("report", finished, "--out", "page.html").code == 0
    assert "is damaged and left out" in Path("page.html").read_text()


def test_the_doctor_finds_it_and_it_runs_again(finished: str, key: str, unroll):
    whole = json.loads(unroll("export", finished, "--format", "json").out)
    sound = unroll("doctor", "--verify")
    assert (sound.code, sound.out) == (0, "results.db: 4 trials are what was written, 0 are unverified.\n")
    change(METRIC)
    change("UPDATE trained_parameters SET tensors = zeroblob(40) WHERE trial = 2")
    found = unroll("doctor", "--verify")
    assert found.code == 1
    assert "2 trials are what was written" in found.out
    assert (
        f"damaged: trial {key[:12]} (gru on adding, T = 3, seed 2): its results are not what was written" in found.out
    )
    assert "its weights are not what was written" in found.out
    assert len(json.loads(unroll("doctor", "--verify", "--json").out)["faults"]) == 2
    ran = unroll("run", finished, "--executor", "inline")
    assert ran.code == 1  # not on its own account
    assert "1 damaged" in ran.out
    assert unroll("forget", "--damaged").code == 0
    assert unroll("run", finished, "--executor", "inline").code == 0
    again = json.loads(unroll("export", finished, "--format", "json").out)
    assert [row["test_mse"] for row in again] == [row["test_mse"] for row in whole]
    assert unroll("doctor", "--verify").code == 0


def test_what_a_study_has_lost_is_said(finished: str, unroll):
    change("UPDATE trials SET length = 4 WHERE id = 1")
    shown = unroll("show", finished)
    assert shown.code == 0
    assert "One trial of this study is damaged and left out" in shown.err
    assert "have changed" not in shown.err


def test_what_has_failed_is_told_as_the_tables_were_read(tmp_path: Path, unroll, monkeypatch: pytest.MonkeyPatch):
    """Planted and found: it was read anew, so that a command ended in an error where another had forgotten it."""
    path = tmp_path / "results.db"
    results = stored(path, state=lambda model, *_: "failed" if model == "gru" else "complete")
    shown = unroll("show", "by-hand", "--store", path)

    def forgetting(*_: object) -> list[object]:
        with Store.open(path, write=True) as store:
            store.forget(results.study.digest)
        return []

    monkeypatch.setattr("unroll.cli.show._answered", forgetting)
    assert unroll("show", "by-hand", "--store", path) == shown
    assert shown.out.count("The loss became nan.") == 9


def test_a_merge_names_what_is_damaged(finished: str, key: str, unroll):
    change(METRIC)
    merged = unroll("merge", "results.db", "--store", "whole.db")
    assert merged.code == 1
    assert f"1 trials there are damaged and were not taken ({key[:8]})" in merged.err


def test_a_merge_names_a_damaged_study(finished: str, unroll):
    change("UPDATE studies SET question = 'Another?'")
    merged = unroll("merge", "results.db", "--store", "whole.db")
    assert merged.code == 1
    assert "took 4 complete trials" in merged.out
    assert "Damaged there and not taken: the study small. Its sound trials were" in merged.err


def test_forget_wants_a_study_or_damaged(finished: str, unroll):
    assert unroll("forget").code == 1
    assert unroll("forget", finished, "--damaged").code == 1


@pytest.mark.parametrize("kind", ["fifo", "device", "folder", "socket"])
def test_only_a_regular_file_is_opened(tmp_path: Path, kind: str):
    path = tmp_path / "results.db"
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "device":
        path.symlink_to("/dev/zero")
    else:
        import socket

        with socket.socket(socket.AF_UNIX) as opened:
            opened.bind(str(path))
    for write in (False, True):
        with pytest.raises(StoreError, match="cannot be read"):
            Store.open(path, write=write)
