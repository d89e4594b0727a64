"""All of a store against its seals and digests, and how what is damaged is removed, alone."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass

from unroll.store import events, examinations
from unroll.store.checked import Checked, follows, one, study_is_sound
from unroll.store.examined import examined, sound_numbers
from unroll.store.faults import DamageError
from unroll.store.histories import fault_of
from unroll.store.records import State
from unroll.store.seals import (
    CHECKSUM,
    WEIGHTS,
    checkpoint_seal,
    history_part,
    own_digests,
    places,
    seal_outcome,
    seal_study,
    weights_seal,
)

STUDY_FAULT = "its specification or its trials are not what was written"
LONGEST_NAME = 100


@dataclass(frozen=True)
class Fault:
    """Something damaged: its name in words, and what is wrong with it.

    ``what`` it is: "trial", "examination", "checkpoint" or "study".
    """

    what: str
    name: str
    reason: str


@dataclass(frozen=True)
class Verification:
    """What was found: how many trials are what was written, how many nobody can say that of, and what is damaged.

    An unverified trial has not changed since it was sealed, but what it was before is not known: it is older than the
    seals and has no digest, or was given another than that of its results.
    """

    verified: int
    unverified: int
    faults: tuple[Fault, ...]


def verify(db: sqlite3.Connection, progress: Callable[[int, int], None]) -> Verification:
    """Check everything; ``progress`` is told after each trial how many of all are done."""
    ids = _ids(db)
    counts = {True: 0, False: 0}
    faults = [Fault("study", study_name(row), STUDY_FAULT) for row in damaged_studies(db)]
    for done, row_id in enumerate(ids, 1):
        try:
            trial = one(db, row_id)
        except DamageError:
            progress(done, len(ids))
            faults.append(Fault("trial", f"the trial in row {row_id}", "it is not found by its number"))
            continue
        reason = trial.plan or fault(db, trial)
        if reason:
            faults.append(Fault("trial", trial.name, reason))
        else:
            counts[bool(trial.row["verified"])] += 1
            faults += _examinations(db, trial)
        if not checkpoint_is_sound(db, row_id):
            faults.append(Fault("checkpoint", trial.name, "it is not what was saved: its trial would start afresh"))
        progress(done, len(ids))
    return Verification(counts[True], counts[False], tuple(faults))


def forget_damaged(db: sqlite3.Connection) -> int:
    """Remove what is damaged; return of how many trials, examinations apart.

    Those of which the plan is sound wait again; a damaged examination goes, and its trial stays complete.
    Indices are made anew first: they repeat what the tables say. A damaged study goes alone, its trials stay.
    """
    db.execute("REINDEX")
    for row in damaged_studies(db):
        db.execute("DELETE FROM studies WHERE id = ?", (row["id"],))
        events.add(db, "forgotten", f"{row['name']}: the study was damaged", study=str(row["digest"]))
    removed = 0
    for row_id in _ids(db):
        trial = one(db, row_id)
        if trial.plan:
            _remove(db, trial)
        elif reason := fault(db, trial):
            _reset(db, trial, reason)
        else:
            if not checkpoint_is_sound(db, row_id):
                db.execute("DELETE FROM checkpoints WHERE trial = ?", (row_id,))
            if damaged := _examinations(db, trial):
                examinations.keep_only(db, row_id, sound_numbers(db, trial))
                told = "; ".join(f"{fault.name}: {fault.reason}" for fault in damaged)
                events.add(db, "forgotten", f"a damaged examination: {told}", trial=trial.row["key"])
            continue
        removed += 1
    return removed


def fault(db: sqlite3.Connection, trial: Checked) -> str | None:
    """Say what is wrong with what became of a trial, its histories and weights included; None for nothing."""
    if trial.outcome:
        return trial.outcome
    row_id, key = trial.row["id"], trial.row["key"]
    seen = set()
    query = "SELECT name, axis, count, data FROM histories WHERE trial = ?"
    for row in db.execute(query, (row_id,)).fetchall():
        seen.add(history_part(row["name"]))
        reason = fault_of(trial, row)
        if reason:
            return reason
    for (tensors,) in db.execute("SELECT tensors FROM trained_parameters WHERE trial = ?", (row_id,)).fetchall():
        seen.add(WEIGHTS)
        if trial.parts.get(WEIGHTS) != weights_seal(key, tensors):
            return "its weights are not what was written"
    missing = sorted(trial.parts.keys() - seen)
    if missing:
        return f"its {missing[0]} is missing"
    if trial.row["verified"] and not (follows(trial.row) and _digest_fits(db, trial)):
        return "its digest is not that of its results"
    return None


def _examinations(db: sqlite3.Connection, trial: Checked) -> list[Fault]:
    """Return what is wrong with a sound trial's examinations."""
    faults = examined(db, [trial])[trial.row["id"]].faults
    return [
        Fault("examination", f"{measure} of {trial.name}" if measure else trial.name, why) for measure, why in faults
    ]


def _digest_fits(db: sqlite3.Connection, trial: Checked) -> bool:
    return trial.state is not State.complete or own_digests(db, trial.row["id"])


def _ids(db: sqlite3.Connection) -> list[int]:
    return [row_id for (row_id,) in db.execute("SELECT id FROM trials NOT INDEXED ORDER BY id").fetchall()]


def damaged_studies(db: sqlite3.Connection) -> list[sqlite3.Row]:
    """Return the rows of the studies that are not what was written, or list a trial that is no longer there."""
    rows, ids = db.execute("SELECT * FROM studies NOT INDEXED ORDER BY id").fetchall(), set(_ids(db))
    listed = [places(db, row["id"]) for row in rows]
    return [
        row
        for row, of in zip(rows, listed, strict=True)
        if not (study_is_sound(row, of) and all(trial in ids for _, trial in of))
    ]


def study_name(row: sqlite3.Row) -> str:
    """Return what a damaged study calls itself, as far as that can be read."""
    return str(row["name"])[:LONGEST_NAME]


def checkpoint_is_sound(db: sqlite3.Connection, row_id: int) -> bool:
    """Say whether a trial's checkpoint is what was saved; also where it has none."""
    row = db.execute("SELECT * FROM checkpoints WHERE trial = ?", (row_id,)).fetchone()
    if row is None:
        return True
    try:
        position = json.loads(row["position"])
        json.loads(row["numerics"])
        return bool(position[CHECKSUM] == checkpoint_seal(row["tensors"], position))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return False


def _reset(db: sqlite3.Connection, trial: Checked, reason: str) -> None:
    """Let a trial wait again, with nothing of what had become of it."""
    row_id = trial.row["id"]
    for table in ("metrics", "histories", "measures", "trained_parameters", "checkpoints", "seals"):
        db.execute(f"DELETE FROM {table} WHERE trial = ?", (row_id,))  # noqa: S608
    examinations.clear(db, row_id)
    db.execute(
        """
        UPDATE trials SET state = 'waiting', attempts = 0, started_at = NULL, finished_at = NULL, seconds = NULL,
            digest = NULL, error = NULL, fingerprint = NULL, verified = ? WHERE id = ?
        """,
        (follows(trial.row), row_id),
    )
    seal_outcome(db, row_id)
    events.add(db, "forgotten", f"it was damaged: {reason}; waiting again", trial=trial.row["key"])


def _remove(db: sqlite3.Connection, trial: Checked) -> None:
    """Remove a trial of which nobody knows any more what was asked; planning its study again asks for it anew."""
    row_id = trial.row["id"]
    asking = [study for (study,) in db.execute("SELECT study FROM study_trials WHERE trial = ?", (row_id,)).fetchall()]
    db.execute("DELETE FROM study_trials WHERE trial = ?", (row_id,))
    db.execute("DELETE FROM trials WHERE id = ?", (row_id,))
    for study in asking:
        seal_study(db, study)
    events.add(db, "forgotten", f"it was damaged: {trial.plan}", trial=str(trial.row["key"]))
