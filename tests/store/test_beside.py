"""What others do beside an open store loses nothing that was acknowledged.

Planted and found: the header read with ``open`` while a connection lives in the process, which drops SQLite's locks; no
token compared; the log not looked at; the log of a store that was moved away left where it was, that of a deleted one
left behind, that of the one in its place removed; a lock file removed that belongs to the next writer.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from unroll.errors import StoreLostError
from unroll.store import State, Store
from unroll.store.lock import side_car
from unroll.testing.stores import finish, planned_study, planned_trial

# A reader comes and goes in the writer's process, then another program opens and closes the file, as README.md shows.
BESIDE = """
import sqlite3, subprocess
from contextlib import closing
store = Store.open(path, write=True)
store.plan(planned_study("one", tuple(planned_trial(seed) for seed in range(4))))
store.claim(planned_trial(0).key)
finish(store, planned_trial(0).key)
LOOK
foreign = "import sqlite3, sys; db = sqlite3.connect(sys.argv[1]); list(db.execute('SELECT 1 FROM trials')); db.close()"
subprocess.run([sys.executable, "-c", foreign, str(path)], check=True)
for seed in (1, 2, 3):
    store.claim(planned_trial(seed).key)
    finish(store, planned_trial(seed).key)
    print(planned_trial(seed).key, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
LOOKS = {
    "a reader": "Store.open(path).close()",
    "a reader in a thread": """
import threading
thread = threading.Thread(target=lambda: Store.open(path).close())
thread.start()
thread.join()
""",
    "a second writer": """
from unroll.errors import StoreHeldError
try:
    Store.open(path, write=True)
except StoreHeldError:
    pass
""",
    "the health": "store.health()",
    "a connection of the user's own": """
with closing(sqlite3.connect(path)) as db:
    db.execute("SELECT * FROM results").fetchall()
Store.open(path).close()
""",
}


@pytest.mark.parametrize("look", LOOKS)
def test_a_look_at_the_store_costs_no_acknowledged_commit(path: Path, spawn, look: str) -> None:
    writer = spawn(path, BESIDE.replace("LOOK", LOOKS[look]))
    out, err = writer.communicate(timeout=60)
    assert writer.returncode == -signal.SIGKILL, err
    acknowledged = out.split()
    assert len(acknowledged) == 3
    with Store.open(path) as store:
        assert store.states(acknowledged) == dict.fromkeys(acknowledged, State.complete)
        assert store.trial(planned_trial(0).key).state is State.complete


@pytest.fixture
def writer(path: Path) -> Iterator[Store]:
    """An open writer with one finished trial and one that is running."""
    store = Store.open(path, write=True)
    store.plan(planned_study("one", (planned_trial(0), planned_trial(1))))
    for seed in (0, 1):
        store.claim(planned_trial(seed).key)
    finish(store, planned_trial(0).key)
    store.look()
    yield store
    store.close()


def stopped(writer: Store, fact: str) -> None:
    """See that both the look and the next change say what happened, and that nothing more is written."""
    with pytest.raises(StoreLostError, match=fact):
        writer.look()
    with pytest.raises(StoreLostError, match=rf"{fact}.*run the same command again"):
        finish(writer, planned_trial(1).key)
    writer.close()


def holds(path: Path) -> list[State]:
    with Store.open(path) as store:
        return [trial.state for trial in store.trials()]


def test_a_store_that_is_deleted_is_noticed(writer: Store, path: Path) -> None:
    path.unlink()
    stopped(writer, "was deleted or moved away")
    assert list(path.parent.iterdir()) == [], "no log is left that a new store would take for its own"


def test_a_store_that_is_moved_away_is_noticed_and_whole(writer: Store, path: Path, tmp_path: Path) -> None:
    path.rename(tmp_path / "moved.db")
    stopped(writer, "was deleted or moved away")
    assert holds(tmp_path / "moved.db") == [State.complete, State.running]


OTHER = """
store = Store.open(path, write=True)
store.plan(planned_study("other", (planned_trial(7),)))
store.claim(planned_trial(7).key)
finish(store, planned_trial(7).key)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("with_its_log", [False, True])
def test_a_store_that_is_replaced_is_noticed_and_the_other_is_left_alone(
    writer: Store, path: Path, tmp_path: Path, spawn, with_its_log: bool
) -> None:
    other = tmp_path / "other.db"
    spawn(other, OTHER).wait()
    if not with_its_log:
        Store.open(other, write=True).close()
    for end in ("", "-wal") if with_its_log else ("",):
        os.replace(f"{other}{end}", f"{path}{end}")
    stopped(writer, "was replaced by another file")
    assert holds(path) == [State.complete]


def test_a_store_that_is_cut_is_noticed(writer: Store, path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)
    stopped(writer, "was cut from")


def test_a_log_that_is_deleted_is_noticed_and_its_commits_are_saved(writer: Store, path: Path) -> None:
    path.with_name("results.db-wal").unlink()
    stopped(writer, "has lost its write-ahead log")
    assert holds(path) == [State.complete, State.running]


@pytest.mark.parametrize("journal", ["wal", "delete"])
def test_two_writers_are_one_too_many(path: Path, journal: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if journal == "delete":
        monkeypatch.setattr("unroll.store.filesystem.mount_of", lambda _: ("nfs", "/"))
    first = Store.open(path, write=True)
    first.plan(planned_study("one", (planned_trial(0), planned_trial(1))))
    first.claim(planned_trial(0).key)
    side_car(path).unlink()  # as a tidy hand, or a file system without locks, would have it
    with Store.open(path, write=True) as second:
        with pytest.raises(StoreLostError, match="lock was deleted"):
            finish(first, planned_trial(0).key)
        monkeypatch.setattr("unroll.store.lock.WriterLock.is_in_place", lambda _: True)
        with pytest.raises(StoreLostError, match="opened for writing by another process"):
            finish(first, planned_trial(0).key)
        monkeypatch.undo()
        first.close()
        assert side_car(path).exists(), "the lock of the second"
        second.claim(planned_trial(0).key)
        finish(second, planned_trial(0).key)
    assert holds(path) == [State.complete, State.waiting]
