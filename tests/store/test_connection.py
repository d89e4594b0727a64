"""What kinds of file a path may hold, and where it may lie."""

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from unroll.errors import StoreError, StoreFormatError, StoreMissingError
from unroll.store import State, Store, filesystem
from unroll.store.connection import APPLICATION_ID
from unroll.testing.stores import finish, planned_study, planned_trial


def other_database(path: Path) -> None:
    db = sqlite3.connect(path)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("CREATE TABLE theirs (x)")
    db.commit()
    db.close()


@pytest.mark.parametrize("write", [False, True])
@pytest.mark.parametrize("kind", ["text", "other database", "cut short", "scribbled", "cut in the header"])
def test_a_file_that_is_no_store_is_refused_and_left_as_it_is(finished: Path, kind: str, write: bool) -> None:
    if kind == "text":
        finished.write_text("epoch,loss\n1,0.5\n" * 100)
    elif kind == "other database":
        finished.unlink()
        other_database(finished)
    elif kind == "cut short":
        os.truncate(finished, finished.stat().st_size // 2)
    elif kind == "cut in the header":
        os.truncate(finished, 50)
    else:
        with finished.open("r+b") as file:
            file.seek(100)
            file.write(os.urandom(3000))
    before = finished.read_bytes()
    with pytest.raises(StoreFormatError, match=r"results\.db"):
        Store.open(finished, write=write)
    assert finished.read_bytes() == before
    # SQLite's read-only connections leave their empty log and shared memory beside what looks like a store.
    beside = {file.name: file.stat().st_size for file in finished.parent.iterdir() if file != finished}
    assert beside in ({}, {"results.db-wal": 0, "results.db-shm": 32768})


def test_damage_that_shows_later_is_told_as_damage(finished: Path) -> None:
    with closing(sqlite3.connect(finished)) as db:
        (page,) = db.execute("SELECT rootpage FROM sqlite_master WHERE name = 'histories'").fetchone()
        (size,) = db.execute("PRAGMA page_size").fetchone()
    with finished.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * size)
    with Store.open(finished) as store:
        assert store.trial(planned_trial(0).key).state is State.complete
        assert store.health()["integrity"] != "ok"
        with pytest.raises(StoreFormatError, match="is damaged"):
            store.histories(planned_trial(0).key)


@pytest.mark.parametrize("write", [False, True])
def test_a_folder_is_no_store(tmp_path: Path, write: bool) -> None:
    with pytest.raises(StoreError, match="cannot be read"):
        Store.open(tmp_path, write=write)


def test_an_empty_file_becomes_a_store_only_for_a_writer(path: Path) -> None:
    path.touch()
    with pytest.raises(StoreMissingError, match="no results store"):
        Store.open(path)
    assert path.stat().st_size == 0
    Store.open(path, write=True).close()
    Store.open(path).close()


def test_the_file_says_whose_it_is(finished: Path) -> None:
    assert finished.read_bytes()[68:72] == b"unrl" == APPLICATION_ID.to_bytes(4, "big")


@pytest.mark.parametrize("name", ["with space.db", "50%41?mode=rw#x.db", "ünï.db"])
def test_any_file_name_will_do(tmp_path: Path, name: str) -> None:
    with Store.open(tmp_path / name, write=True) as store:
        store.plan(planned_study("one", (planned_trial(1),)))
    with Store.open(str(tmp_path / name)) as store:
        assert len(store.trials()) == 1
    assert name in [file.name for file in tmp_path.iterdir()]


def test_the_writer_keeps_a_write_ahead_log_and_full_synchronisation(path: Path) -> None:
    with Store.open(path, write=True) as store:
        assert (store.journal, store.notice) == ("wal", None)
        assert store._db.execute("PRAGMA synchronous").fetchone()[0] == 2
        assert store._db.execute("PRAGMA foreign_keys").fetchone()[0] == 1


@pytest.mark.parametrize("existed", [False, True])
def test_on_a_network_file_system_the_rollback_journal(
    path: Path, existed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if existed:
        Store.open(path, write=True).close()
    monkeypatch.setattr(filesystem, "mount_of", lambda _: ("nfs4", "/home"))
    with Store.open(path, write=True) as store:
        assert store.journal == "delete"
        assert "nfs4 at /home" in store.notice
        store.plan(planned_study("one", (planned_trial(1),)))
        store.claim(planned_trial(1).key)
        finish(store, planned_trial(1).key)
        assert not path.with_name("results.db-wal").exists()
        with Store.open(path) as reader:
            assert (reader.journal, reader.trials()[0].state) == ("delete", State.complete)


def test_a_program_that_keeps_the_file_locked_is_told(finished: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("unroll.store.connection.PATIENCE", 0.05)
    browser = sqlite3.connect(finished, isolation_level=None)
    browser.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match="kept locked by another program"):
        Store.open(finished, write=True)
    browser.close()
    Store.open(finished, write=True).close()


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder outside pytest's, which only its owner may enter: "nobody" must get there."""
    folder = Path(tempfile.mkdtemp(prefix="unroll-test-"))
    yield folder
    folder.chmod(0o755)
    shutil.rmtree(folder)


READ = """
import numpy, pandas  # before the user changes: the installation may be somewhere that only root may read
if os.geteuid() == 0:
    os.setgroups([])
    os.setuid(65534)  # permissions do not bind root
for name in ("new", "results.db.lock"):
    try:
        (path.parent / name).touch()
    except PermissionError:
        continue
    raise SystemExit("the folder can be written")
with Store.open(path) as store:
    trial = store.trial(planned_trial(0).key)
    assert trial.state is State.complete and trial.metrics["test_mse"] == 0.004
    assert len(store.frame()) == 2 and len(store.histories(trial.key)) == 2
    print("read", store.notice)
from unroll.errors import StoreError
try:
    Store.open(path, write=True)
except StoreError as error:
    assert "permissions" in str(error), error
else:
    raise SystemExit("written")
"""


@pytest.mark.parametrize("left", ["closed", "killed", "killed, no shared memory", "rollback journal"])
def test_reading_from_a_read_only_folder(folder: Path, left: str, spawn, monkeypatch) -> None:
    path = folder / "results.db"
    if left.startswith("killed"):
        writer = spawn(
            path,
            """
store = Store.open(path, write=True)
store.plan(planned_study("one", (planned_trial(0), planned_trial(1))))
store.claim(planned_trial(0).key)
finish(store, planned_trial(0).key)
os.kill(os.getpid(), signal.SIGKILL)
""",
        )
        writer.wait()
        assert (folder / "results.db-wal").stat().st_size
        if left.endswith("memory"):
            (folder / "results.db-shm").unlink()
    else:
        if left == "rollback journal":
            monkeypatch.setattr(filesystem, "mount_of", lambda _: ("nfs", "/home"))
        with Store.open(path, write=True) as store:
            store.plan(planned_study("one", (planned_trial(0), planned_trial(1))))
            store.claim(planned_trial(0).key)
            finish(store, planned_trial(0).key)
    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    for file in folder.iterdir():
        file.chmod(0o444)
    folder.chmod(0o555)
    reader = spawn(path, READ)
    out, err = reader.communicate(timeout=60)
    assert reader.returncode == 0, err
    assert out.startswith("read None" if left != "killed, no shared memory" else "read " + str(path)), out
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == before
