"""Stores that somebody else has made: nothing that they bring runs, none takes longer than its size explains.

Planted and found: a list of changes that is read before it is looked at; SQLite's work not bounded; sealed text that is
no JSON taken for it.
"""

from __future__ import annotations

import sqlite3
import struct
from contextlib import closing, suppress
from pathlib import Path

import pytest

from tests.store.half_done import DONE, STUDY, half_done
from unroll.errors import DamagedError, StoreFormatError
from unroll.store import State, Store


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return half_done(tmp_path / "results.db")


SCHEMAS = {
    "trigger": "CREATE TRIGGER t AFTER UPDATE ON trials BEGIN DELETE FROM metrics; END",
    "view": "CREATE VIEW more AS SELECT 1",
    "index": "CREATE INDEX more ON trials (seed)",
    "table": "CREATE TABLE more (x)",
}


@pytest.mark.parametrize("write", [False, True])
@pytest.mark.parametrize("what", SCHEMAS)
def test_a_schema_that_is_not_ours_is_refused(path: Path, what: str, write: bool):
    with closing(sqlite3.connect(path)) as db:
        db.execute(SCHEMAS[what])
    before = path.read_bytes()
    with pytest.raises(StoreFormatError, match=f"holds a {what} .* that no unroll has made"):
        Store.open(path, write=write)
    assert path.read_bytes() == before


def test_a_view_of_ours_with_another_text_is_refused(path: Path):
    with closing(sqlite3.connect(path)) as db:
        db.executescript("DROP VIEW failures; CREATE VIEW failures AS SELECT 1 AS key")
    with pytest.raises(StoreFormatError, match="'failures' is not the one"):
        Store.open(path)
    with closing(sqlite3.connect(path)) as db:
        db.execute("DROP VIEW failures")
    with pytest.raises(StoreFormatError, match="'failures' is missing"):
        Store.open(path)


@pytest.mark.parametrize("write", [False, True])
def test_the_list_of_changes_is_looked_at_before_it_is_read(path: Path, write: bool):
    """A view of that name would run before the schema has been compared, and this one never ends."""
    endless = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT 'a', 'b', max(x) FROM c"
    with closing(sqlite3.connect(path)) as db:
        db.executescript(f"DROP TABLE migrations; CREATE VIEW migrations (name, applied_at, rowid) AS {endless}")
    with pytest.raises(StoreFormatError, match="its view 'migrations' is not the one"):
        Store.open(path, write=write)


def interior(child: int, size: int, cells: int = 300) -> bytes:
    """Return a page of a table that leads to one and the same page again and again."""
    page, places = bytearray(size), []
    for number in range(1, cells + 1):
        places.append(size - 5 * number)
        page[places[-1] : places[-1] + 5] = struct.pack(">IB", child, 127)
    page[:12] = struct.pack(">BHHHBI", 5, 0, cells, places[-1], 0, child)
    page[12 : 12 + 2 * cells] = struct.pack(f">{cells}H", *places)
    return bytes(page)


@pytest.mark.parametrize(("table", "write"), [("trials", False), ("trials", True), ("migrations", False)])
def test_pages_that_lead_to_each_other_end(path: Path, table: str, write: bool):
    """A table of a few rows and 300 ** 5 times these: no look at it takes longer than its file explains."""
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA journal_mode = DELETE")
        (root,) = db.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (table,)).fetchone()
        (size,) = db.execute("PRAGMA page_size").fetchone()
    raw = bytearray(path.read_bytes())
    place = slice((root - 1) * size, root * size)
    pages = len(raw) // size
    leaf, raw[place] = raw[place], interior(pages + 1, size)
    for level in range(4):
        raw += interior(pages + 2 + level, size)
    raw += leaf
    raw[28:32] = struct.pack(">I", len(raw) // size)
    path.write_bytes(raw)
    error = pytest.raises(StoreFormatError, match="lead to each other without an end")
    with error, Store.open(path, write=write) as store:
        store.trials()


def test_statistics_of_sqlite_are_no_strangers(path: Path):
    with closing(sqlite3.connect(path)) as db:
        db.execute("ANALYZE")
    with Store.open(path, write=True) as store:
        assert store.trial(DONE).state is State.complete


def test_what_a_file_brings_with_it_does_not_run(path: Path):
    with Store.open(path, write=True) as store:
        for statement in ("PRAGMA writable_schema = ON", "PRAGMA schema_version = 7"):
            before = store._db.execute(statement.partition("=")[0]).fetchone()
            with suppress(sqlite3.DatabaseError):
                store._db.execute(statement)
            if "version" in statement:
                assert store._db.execute(statement.partition("=")[0]).fetchone()[0] == before[0]
        with pytest.raises(sqlite3.DatabaseError):
            store._db.execute("UPDATE sqlite_master SET sql = 'x'")
        assert store._db.execute("PRAGMA trusted_schema").fetchone()[0] == 0


UNREADABLE = {
    "a specification": "UPDATE trials SET spec = ?, verified = 0 WHERE seed = 0",
    "an error": "UPDATE trials SET error = ? WHERE seed = 0",
    "a fingerprint": "UPDATE trials SET fingerprint = ? WHERE seed = 0",
    "a study": "UPDATE studies SET spec = ?",
    "plug-ins": "UPDATE studies SET plugins = ?",
    "overrides": "UPDATE studies SET overrides = ?",
}


@pytest.mark.parametrize("text", ["{", "3", "null", "[" * 100_000], ids=["cut", "number", "null", "deep"])
@pytest.mark.parametrize("what", UNREADABLE)
def test_a_stranger_who_seals_what_cannot_be_read_is_told(path: Path, tmp_path: Path, what: str, text: str):
    with Store.open(path, write=True) as store:
        from unroll.store.seals import plan_seal, seal_outcome, seal_study

        store._db.execute(UNREADABLE[what], (text,))
        row = store._db.execute("SELECT * FROM trials WHERE seed = 0").fetchone()
        store._db.execute("UPDATE trials SET plan_seal = ? WHERE seed = 0", (plan_seal(row),))
        seal_outcome(store._db, row["id"])
        for (study,) in store._db.execute("SELECT id FROM studies").fetchall():
            seal_study(store._db, study)
    with Store.open(path) as store:
        reads = (lambda: store.trial(DONE), lambda: store.studies(), lambda: store.study_by_digest(STUDY.digest))
        said = 0
        for read in reads:
            try:
                said += getattr(read(), "state", None) is State.damaged
            except DamagedError:
                said += 1
        assert said
        assert len(store.verify().faults) == 1
    with Store.open(tmp_path / "ours.db", write=True) as ours, Store.open(path) as theirs:
        assert not ours.adopt(theirs).whole
