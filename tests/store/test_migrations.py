"""Old stores open, newer ones are refused, and changes arrive all or none."""

import shutil
import sqlite3
from pathlib import Path

import numpy as np
import pytest

from tests.store.old import planned_v1
from unroll.errors import StoreFormatError
from unroll.store import State, Store, connection, migrations
from unroll.store.migrations import MIGRATIONS, Migration
from unroll.testing.stores import FINGERPRINT, planned_study

ASSETS = Path(__file__).parents[1] / "assets"
LATER = Migration("a column more", ("ALTER TABLE trials ADD COLUMN mood TEXT NOT NULL DEFAULT 'calm'",))


@pytest.fixture
def old(path: Path) -> Path:
    shutil.copy(ASSETS / "store_v1.db", path)
    return path


@pytest.fixture
def tomorrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the code know one change more than the store."""
    for module in (migrations, connection):
        monkeypatch.setattr(module, "MIGRATIONS", (*MIGRATIONS, LATER))


@pytest.mark.parametrize("write", [False, True])
def test_the_store_of_the_first_release_is_read_whole(old: Path, write: bool) -> None:
    with Store.open(old, write=write) as store:
        first, second = store.studies()
        assert (first.name, second.name) == ("memory of the lstm", "one seed")
        expected = planned_study("memory of the lstm", tuple(planned_v1(seed) for seed in range(4)))
        assert store.study_by_digest(first.digest) == expected
        complete, failed, waiting, untouched = store.trials()
        assert (complete.state, complete.attempts, complete.seconds) == (State.complete, 1, 1.25)
        assert complete.metrics == {"test_mse": 0.004, "seconds_per_epoch": 0.1, "updates_to_solve": 120.0}
        assert complete.fingerprint == FINGERPRINT
        assert store.parameters(complete.key) == b"\x00safetensors\xff"
        loss = store.history(complete.key, "train_loss")
        np.testing.assert_array_equal(loss, np.linspace(1, 0, 7).astype(np.float32), strict=True)
        assert (failed.state, failed.error["update"]) == (State.failed, 9)
        assert store.checkpoint(waiting.key).tensors == b"tensors"
        assert (untouched.state, untouched.attempts) == (State.waiting, 0)
        found = store.verify()
        assert (found.verified, found.unverified) == (0, 4)
        assert [fault.what for fault in found.faults] == ["checkpoint"]  # it had no checksum then
        assert store.health()["migrations"] == [migration.name for migration in MIGRATIONS]


def test_a_writer_brings_an_old_store_up_to_date(old: Path, tomorrow: None) -> None:
    with Store.open(old, write=True) as store:
        assert store.health()["migrations"][-1] == LATER.name
    with sqlite3.connect(old) as db:
        assert db.execute("SELECT DISTINCT mood FROM trials").fetchall() == [("calm",)]
    db.close()


def test_a_reader_sees_an_old_store_up_to_date_and_leaves_it_old(old: Path, tomorrow: None) -> None:
    before = old.read_bytes()
    with Store.open(old) as store:
        assert store._db.execute("SELECT DISTINCT mood FROM trials").fetchall()[0]["mood"] == "calm"
        assert len(store.trials()) == 4
    assert old.read_bytes() == before


@pytest.mark.parametrize("write", [False, True])
def test_a_store_from_a_newer_unroll_is_refused_and_left_as_it_is(old: Path, write: bool) -> None:
    with sqlite3.connect(old) as db:
        db.execute("INSERT INTO migrations VALUES ('from the future', '2031-01-01')")
    db.close()
    before = old.read_bytes()
    with pytest.raises(StoreFormatError, match=r"newer unroll.*from the future.*[Uu]pdate"):
        Store.open(old, write=write)
    assert old.read_bytes() == before


def test_changes_arrive_all_or_none(old: Path, tomorrow: None, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = Migration("broken", ("CREATE TABLE half (x)", "CREATE TABLE half (x)"))
    for module in (migrations, connection):
        monkeypatch.setattr(module, "MIGRATIONS", (*MIGRATIONS, LATER, broken))
    with pytest.raises(sqlite3.OperationalError, match="half"):
        Store.open(old, write=True)
    monkeypatch.undo()
    with Store.open(old, write=True) as store:
        assert store.health()["migrations"] == [migration.name for migration in MIGRATIONS]
        columns = store._db.execute("SELECT name FROM pragma_table_info('trials')").fetchall()
        assert "mood" not in [name for (name,) in columns]


def test_names_are_told_apart() -> None:
    assert len({migration.name for migration in MIGRATIONS}) == len(MIGRATIONS)
