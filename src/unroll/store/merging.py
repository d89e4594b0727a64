"""Two stores into one: results are found by what was asked, so those of several machines are just put together."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from unroll.store import events, plans
from unroll.store.records import State

RESULTS = ("metrics", "histories", "trained_parameters", "checkpoints")
"""What belongs to a trial, in tables of which the first column is the trial."""
OUTCOME = ("state", "attempts", "started_at", "finished_at", "seconds", "digest", "error", "fingerprint")


@dataclass(frozen=True)
class Adopted:
    """What another store gave: complete trials, failed ones, checkpoints of waiting ones; what was there already.

    ``different`` are the keys of trials that are complete in both with other bits, as happens where the numerics
    (processor, versions) differ; this store's own were kept.
    """

    studies: int
    complete: int
    failed: int
    checkpoints: int
    known: int
    different: tuple[str, ...]


def adopt(db: sqlite3.Connection, theirs: sqlite3.Connection, name: str) -> Adopted:
    """Take over from ``theirs`` what ``db`` lacks. ``name`` is what the timeline calls it."""
    studies = 0
    for record in plans.studies(theirs):
        if plans.study_by_digest(db, record.digest) is None:
            study = plans.study_by_digest(theirs, record.digest)
            assert study is not None  # noqa: S101 - it was listed in the same snapshot
            plans.plan(db, study)
            studies += 1
    counts = dict.fromkeys(("complete", "failed", "checkpoints", "known"), 0)
    different = []
    ours = {row["key"]: row for row in db.execute("SELECT id, key, state, digest FROM trials").fetchall()}
    for their in theirs.execute("SELECT * FROM trials ORDER BY id").fetchall():
        our = ours.get(their["key"])
        if our is None:
            continue  # a trial that no study of theirs asks for any more
        if our["state"] == State.complete:
            counts["known"] += their["state"] == State.complete
            if their["digest"] is not None and their["digest"] != our["digest"]:
                different.append(their["key"])
        elif their["state"] == State.complete or (their["state"] == State.failed and our["state"] == State.waiting):
            _replace(db, theirs, our["id"], their)
            counts[their["state"]] += 1
            events.add(db, "adopted", f"{their['state']}, from {name}", trial=their["key"])
        elif our["state"] == State.waiting and _continuable(db, theirs, our["id"], their["id"]):
            _copy(db, theirs, "checkpoints", our["id"], their["id"])
            counts["checkpoints"] += 1
            events.add(db, "adopted", f"a checkpoint, from {name}", trial=their["key"])
    return Adopted(studies=studies, different=tuple(different), **counts)


def _replace(db: sqlite3.Connection, theirs: sqlite3.Connection, row_id: int, their: sqlite3.Row) -> None:
    """Put their outcome of a trial, with all that belongs to it, in the place of ours."""
    for table in RESULTS:
        db.execute(f"DELETE FROM {table} WHERE trial = ?", (row_id,))  # noqa: S608
        _copy(db, theirs, table, row_id, their["id"])
    db.execute(
        f"UPDATE trials SET {', '.join(f'{column} = ?' for column in OUTCOME)} WHERE id = ?",  # noqa: S608
        (*(their[column] for column in OUTCOME), row_id),
    )


def _copy(db: sqlite3.Connection, theirs: sqlite3.Connection, table: str, row_id: int, their_id: int) -> None:
    for _, *values in theirs.execute(f"SELECT * FROM {table} WHERE trial = ?", (their_id,)).fetchall():  # noqa: S608
        db.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * (len(values) + 1))})", (row_id, *values))  # noqa: S608


def _continuable(db: sqlite3.Connection, theirs: sqlite3.Connection, row_id: int, their_id: int) -> bool:
    """Whether they can go on where we would begin anew."""
    query = "SELECT 1 FROM checkpoints WHERE trial = ?"
    return bool(theirs.execute(query, (their_id,)).fetchone()) and not db.execute(query, (row_id,)).fetchone()
