"""A store with two complete trials and one that was stopped, and how to change it behind its back."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from unroll.store import Store
from unroll.testing.stores import finish, planned_study, planned_trial, sealed

TRIALS = tuple(planned_trial(seed) for seed in range(3))
STUDY = planned_study("one", TRIALS)
DONE, ALSO_DONE, WAITING = (trial.key for trial in TRIALS)


def half_done(path: Path) -> Path:
    """Seeds 0 and 1 complete, 2 waiting with a checkpoint."""
    with Store.open(path, write=True) as store:
        store.plan(STUDY)
        for key in (DONE, ALSO_DONE):
            store.claim(key)
            finish(store, key)
        store.claim(WAITING)
        store.save_checkpoint(WAITING, *sealed(b"here", done=3), {"cpu": "x"})
        store.release(WAITING, "stopped")
    return path


def change(path: Path, statement: str, *values: object) -> None:
    with closing(sqlite3.connect(path)) as db:
        assert db.execute(statement, values).rowcount > 0
        db.commit()
