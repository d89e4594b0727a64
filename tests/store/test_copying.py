"""A copy that is made while a run writes is a whole store, and holds all that had been acknowledged when it began.

Planted and found: the main file copied without its log; the copy written under its own name before it is whole;
a disk that fails when the folder is looked at.
"""

from __future__ import annotations

import errno
import sqlite3
from pathlib import Path

import pytest

from unroll.errors import StoreError
from unroll.store import State, Store
from unroll.testing.stores import finish, planned_trial

COPIES = 20

WRITE = """
trials = tuple(planned_trial(seed) for seed in range(600))
store = Store.open(path, write=True)
store.plan(planned_study("one", trials))
for trial in trials:
    store.claim(trial.key)
    finish(store, trial.key, parameters=os.urandom(20_000))
    time.sleep(0.005)
    print(trial.seed, flush=True)
"""


def test_copies_during_a_run_are_whole(path: Path, tmp_path: Path, spawn) -> None:
    writer = spawn(path, WRITE)
    for number in range(COPIES):
        acknowledged = int(writer.stdout.readline())
        copy = tmp_path / f"copy{number}.db"
        with Store.open(path) as store:
            store.copy(copy)
        with Store.open(copy) as store:
            done = [trial.seed for trial in store.trials() if trial.state is State.complete]
            assert store.health()["integrity"] == "ok"
            assert done == list(range(len(done)))
            assert len(done) > acknowledged
            assert len(store.parameters(planned_trial(done[-1]).key)) == 20_000
    writer.kill()
    with Store.open(copy, write=True) as store:  # a store of its own, to be gone on with
        assert State.running not in store.states([trial.key for trial in store.trials()]).values()
        store.claim(planned_trial(599).key)
        finish(store, planned_trial(599).key)
    assert not list(tmp_path.glob(".*"))


def test_a_file_that_exists_is_left_alone(finished: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.db").write_text("mine")
    with Store.open(finished) as store:
        for target in (tmp_path / "mine.db", finished):
            before = target.read_bytes()
            with pytest.raises(StoreError, match="exists and is left as it is"):
                store.copy(target)
            assert target.read_bytes() == before
        with pytest.raises(StoreError, match="no folder"):
            store.copy(tmp_path / "none" / "copy.db")
    assert not list(tmp_path.glob(".*"))


def test_a_copy_that_finds_no_space_leaves_nothing(finished: Path, tmp_path: Path, spawn) -> None:
    program = """
from unroll.errors import StoreFullError
with Store.open(path) as store:
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
    try:
        store.copy(path.with_name("copy.db"))
    except StoreFullError as error:
        print(error)
"""
    out, err = spawn(finished, program).communicate(timeout=60)
    assert "No space to write" in out, err
    assert {file.name for file in tmp_path.iterdir()} <= {"results.db", "results.db-wal", "results.db-shm"}


def test_a_folder_that_cannot_be_read_is_told(finished: Path, tmp_path: Path, monkeypatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with Store.open(finished) as store:
        monkeypatch.setattr(Path, "is_dir", broken)
        with pytest.raises(StoreError, match=r"copy\.db cannot be written: Input/output error. Choose another place"):
            store.copy(tmp_path / "copy.db")


def test_an_old_store_is_copied_up_to_date(path: Path, tmp_path: Path) -> None:
    asset = Path(__file__).parents[1] / "assets" / "store_v1.db"
    path.write_bytes(asset.read_bytes())
    with Store.open(path) as store:
        store.copy(tmp_path / "copy.db")
        before = store.trials()
    with Store.open(tmp_path / "copy.db") as store:
        assert store.trials() == before
    db = sqlite3.connect(tmp_path / "copy.db")
    assert db.execute("PRAGMA quick_check").fetchall() == [("ok",)]
    db.close()
