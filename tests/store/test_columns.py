"""Trials are read by columns, and what was planned of them once: what is told is what each trial alone would tell.

Planted and found: what has become of a trial told of its neighbour, rows taken in the order of the store and not of the
study, metrics of a neighbour with other names, a seal of an outcome not compared where the plan was read before, a plan
that another has replaced taken for it, a trial that is gone told of the next one, one name of histories taken from a
seal; the last trial of a part not compared, nor the plans of any part but the first, a part read under the rows of
another.
"""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Collection
from contextlib import closing
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from unroll.store import PlannedTrial, State, Store, checked
from unroll.testing.stores import finish, planned_study, planned_trial

SEEDS = range(23)
OWN, BESIDE = 9, 10
"""Rows of the store: two complete trials, the first of which is damaged."""


def result(seed: int) -> dict[str, Any]:
    """Return a result of which names and numbers are this seed's own: every third has a further metric."""
    further = {f"100%s_{seed}": float(-seed)} if seed % 3 == 0 else {}
    histories = {"loss": [float(seed), 2.0]} | ({'a "b]\\ é': [1.0]} if seed % 5 == 0 else {"grad": [3.0]})
    return {
        "metrics": {"test_mse": seed / 100, **further},
        "histories": histories,
        "axes": dict.fromkeys(histories, "epoch"),
    }


@pytest.fixture
def trials() -> tuple[PlannedTrial, ...]:
    """Trials of a study whose order is not that of the store."""
    made = [planned_trial(seed, notes=f"of {seed}") for seed in SEEDS]
    random.Random(3).shuffle(made)
    return tuple(made)


@pytest.fixture
def path(tmp_path: Path, trials: tuple[PlannedTrial, ...], monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store that is read in parts of five trials, of which all but every seventh is complete."""
    monkeypatch.setattr(checked, "PART", 5)
    path = tmp_path / "results.db"
    with Store.open(path, write=True) as store:
        store.plan(planned_study("before", tuple(sorted(trials, key=lambda trial: trial.seed))[::2]))
        store.plan(planned_study("many", trials))
        for trial in trials:
            if trial.seed % 7:
                store.claim(trial.key)
                finish(store, trial.key, **result(trial.seed))
    return path


def read(store: Store, trials: tuple[PlannedTrial, ...]) -> checked.Plans:
    study = store.study_by_digest(planned_study("many", trials).digest)
    assert study is not None
    assert study.read is not None
    return study.read


def same(one: checked.Trials, other: checked.Trials) -> bool:
    return list(map(repr, one)) == list(map(repr, other))


def test_each_trial_has_its_own_in_the_order_of_the_study(path: Path, trials: tuple[PlannedTrial, ...]):
    with Store.open(path) as store:
        found = store.read(read(store, trials))
        assert same(found, store.read([trial.key for trial in trials]))
        assert [trial.row["key"] for trial in found] == [trial.key for trial in trials]
        for trial, one in zip(trials, found, strict=True):
            assert dict(one.values) == (result(trial.seed)["metrics"] if trial.seed % 7 else {})
            alone = store.trial(trial.key)
            assert (alone.metrics, alone.state, alone.notes) == (one.metrics, one.state, one.row["notes"])
        frame = store.frame(found)
        assert list(frame["key"]) == [trial.key for trial in trials]
        for trial, row in zip(trials, frame.to_dict("records"), strict=True):
            own = {name: value for name, value in row.items() if name == "test_mse" or "%s" in name}
            wanted = result(trial.seed)["metrics"] if trial.seed % 7 else {}
            assert {name: value for name, value in own.items() if not pd.isna(value)} == wanted
        assert store.history_names(found) == ('a "b]\\ é', "grad", "loss")
        assert store.history_names([trial.key for trial in trials if trial.seed % 7 == 0]) == ()
        loss = store.history_frame(found, "loss")
        firsts = loss[loss["step"] == 1]
        assert list(firsts["value"]) == [float(trial.seed) for trial in trials if trial.seed % 7]
        assert list(firsts["seed"]) == [trial.seed for trial in trials if trial.seed % 7]


def test_what_has_become_of_a_trial_is_read_anew_and_compared(path: Path, trials: tuple[PlannedTrial, ...]):
    keys = [trial.key for trial in trials]
    with Store.open(path, write=True) as store:
        plans = read(store, trials)
        waiting = next(trial for trial in trials if trial.seed % 7 == 0)
        store.claim(waiting.key)
        assert same(store.read(plans), store.read(keys))
        finish(store, waiting.key)
        assert same(store.read(plans), store.read(keys))
    taken = f"SELECT s.seal FROM seals s WHERE s.trial = {BESIDE} AND s.part = seals.part"
    damages = (
        f"UPDATE metrics SET value = value + 1 WHERE trial = {OWN} AND name = 'test_mse'",
        f"UPDATE trials SET seconds = seconds + 1 WHERE id = {OWN}",
        f"UPDATE trials SET seal = (SELECT seal FROM trials WHERE id = {BESIDE}) WHERE id = {OWN}",
        f"UPDATE seals SET seal = ({taken}) WHERE trial = {OWN}",
        f"DELETE FROM metrics WHERE trial = {OWN}",
        f"UPDATE metrics SET trial = {OWN} WHERE name LIKE '100%' AND trial = "
        "(SELECT max(trial) FROM metrics WHERE name LIKE '100%')",
    )
    for damage in damages:
        with closing(sqlite3.connect(path, isolation_level=None)) as db:
            whole = {table: db.execute(f"SELECT * FROM {table}").fetchall() for table in ("trials", "metrics", "seals")}
            db.execute(damage)
            with Store.open(path) as store:
                found = store.read(plans)
                assert OWN in {trial.row["id"] for trial in found if trial.outcome}, damage
                assert same(found, store.read(keys))
                assert found.only([trial.row["id"] == OWN for trial in found]).states == ["damaged"]
            db.execute("PRAGMA foreign_keys = OFF")
            db.execute("BEGIN")
            for table, rows in whole.items():
                db.execute(f"DELETE FROM {table}")
                db.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(rows[0]))})", rows)
            db.execute("COMMIT")


def test_damage_is_told_of_its_trial_alone_wherever_that_stands(path: Path, trials: tuple[PlannedTrial, ...]):
    """First or last of a part, and in one that is not full."""
    keys = [trial.key for trial in trials]
    with Store.open(path) as store, closing(sqlite3.connect(path, isolation_level=None)) as db:
        by_id = [key for (key,) in db.execute("SELECT key FROM trials ORDER BY id").fetchall()]
        plans = read(store, trials)
        assert same(store.read(), store.read(by_id))

        def told(*ways: Collection[str] | checked.Plans | None) -> list[set[str]]:
            return [{trial.row["key"] for trial in store.read(way) if trial.damage} for way in ways]

        for row_id, key in enumerate(by_id, 1):
            db.execute("UPDATE trials SET attempts = attempts + 1 WHERE id = ?", (row_id,))
            assert told(None, keys, plans) == [{key}] * 3
            assert [one for one, state in store.states(keys).items() if state is State.damaged] == [key]
            db.execute("UPDATE trials SET attempts = attempts - 1, parameters = parameters + 1 WHERE id = ?", (row_id,))
            assert told(None, keys) == [{key}] * 2
            assert list(read(store, trials).columns["key"]) == [one for one in keys if one != key]
            db.execute("UPDATE trials SET parameters = parameters - 1 WHERE id = ?", (row_id,))
        assert told(None, keys, plans) == [set()] * 3


def test_a_plan_that_has_been_replaced_is_read_anew(path: Path, trials: tuple[PlannedTrial, ...]):
    with Store.open(path, write=True) as store:
        plans = read(store, trials)
        for digest in {one.digest for one in store.heads()}:
            store.forget(digest)
        assert len(store.read(plans)) == 0
        other = tuple(planned_trial(trial.seed, parameters=trial.parameters + 1) for trial in trials[3:])
        store.plan(planned_study("others", tuple(reversed(other))))
        found = store.read(plans)
        assert same(found, store.read([trial.key for trial in trials]))
        assert [trial.row["seed"] for trial in found] == [trial.seed for trial in trials[3:]]
        assert {trial.row["parameters"] for trial in found} == {trials[0].parameters + 1}
        assert not any(found.damage)
