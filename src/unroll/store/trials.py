"""Trials: their states and how they change, their results, and how they are found again.

    waiting --claim--> running --finish--> complete
       ^                | |  ^
       |---release------' |  '--claim--.
       |                  '--fail--> failed
       '------------------retry--------'

Each change writes its line of the timeline in the same transaction.
"""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Collection, Mapping
from dataclasses import fields
from typing import Any

from numpy.typing import ArrayLike

from unroll.errors import StoreError, UnknownNameError
from unroll.store import events
from unroll.store.histories import add_histories
from unroll.store.keys import find
from unroll.store.plain import now, to_json
from unroll.store.plans import planned_fields
from unroll.store.records import CheckpointRecord, State, TrialRecord

RESERVED = {field.name for field in fields(TrialRecord)}  # a metric of this name would hide a column of the frame


def claim(db: sqlite3.Connection, key: str) -> int:
    """Start a waiting or failed trial; return which attempt this is, from 1. Traces of earlier ones go."""
    row = _expect(db, key, (State.waiting, State.failed), "started")
    attempt = int(row["attempts"]) + 1
    db.execute("DELETE FROM histories WHERE trial = ?", (row["id"],))
    db.execute(
        """
        UPDATE trials SET state = 'running', attempts = ?, started_at = ?, finished_at = NULL,
            error = NULL, fingerprint = NULL WHERE id = ?
        """,
        (attempt, now(), row["id"]),
    )
    events.add(db, "started", f"attempt {attempt}", trial=key)
    return attempt


def save_checkpoint(
    db: sqlite3.Connection, key: str, tensors: bytes, position: Mapping[str, Any], numerics: Mapping[str, Any]
) -> None:
    """Put a running trial's checkpoint in the place of the one before."""
    row = _expect(db, key, (State.running,), "checkpointed")
    db.execute(
        "INSERT OR REPLACE INTO checkpoints VALUES (?, ?, ?, ?, ?)",
        (row["id"], tensors, to_json(position), to_json(numerics), now()),
    )


def checkpoint(db: sqlite3.Connection, key: str) -> CheckpointRecord | None:
    """Return a trial's checkpoint, or None."""
    row = db.execute("SELECT * FROM checkpoints WHERE trial = ?", (find(db, key)["id"],)).fetchone()
    if row is None:
        return None
    return CheckpointRecord(
        tensors=row["tensors"],
        position=json.loads(row["position"]),
        numerics=json.loads(row["numerics"]),
        saved_at=row["saved_at"],
    )


def finish(
    db: sqlite3.Connection,
    key: str,
    *,
    metrics: Mapping[str, float],
    histories: Mapping[str, ArrayLike],
    axes: Mapping[str, str],
    parameters: bytes,
    fingerprint: Mapping[str, Any],
    digest: str,
    seconds: float,
) -> None:
    """Write a running trial's results, complete it and drop its checkpoint."""
    row = _expect(db, key, (State.running,), "finished")
    _check_metrics(metrics)
    db.executemany("INSERT INTO metrics VALUES (?, ?, ?)", ((row["id"], name, float(v)) for name, v in metrics.items()))
    add_histories(db, row["id"], histories, axes)
    db.execute("INSERT INTO trained_parameters VALUES (?, ?)", (row["id"], parameters))
    db.execute("DELETE FROM checkpoints WHERE trial = ?", (row["id"],))
    db.execute(
        """
        UPDATE trials SET state = 'complete', finished_at = ?, seconds = ?, digest = ?, fingerprint = ?
        WHERE id = ?
        """,
        (now(), seconds, digest, to_json(fingerprint), row["id"]),
    )
    events.add(db, "finished", f"in {seconds:.1f} s", trial=key)


def fail(
    db: sqlite3.Connection,
    key: str,
    *,
    error: Mapping[str, Any],
    fingerprint: Mapping[str, Any] | None,
    histories: Mapping[str, ArrayLike],
    axes: Mapping[str, str],
) -> None:
    """End a running trial with its error and its histories so far. Its checkpoint stays, for a retry."""
    row = _expect(db, key, (State.running,), "failed")
    add_histories(db, row["id"], histories, axes)
    db.execute(
        "UPDATE trials SET state = 'failed', finished_at = ?, error = ?, fingerprint = ? WHERE id = ?",
        (now(), to_json(error), None if fingerprint is None else to_json(fingerprint), row["id"]),
    )
    events.add(db, "failed", f"{error.get('type')}: {error.get('message')}", trial=key)


def release(db: sqlite3.Connection, key: str, reason: str) -> None:
    """Let a running trial wait again, with its checkpoint."""
    row = _expect(db, key, (State.running,), "released")
    db.execute("UPDATE trials SET state = 'waiting' WHERE id = ?", (row["id"],))
    events.add(db, "released", reason, trial=key)


def release_all(db: sqlite3.Connection, reason: str) -> None:
    """Let every running trial wait again: what a writer does when it finds those of one that died."""
    for (key,) in db.execute("SELECT key FROM trials WHERE state = 'running' ORDER BY id").fetchall():
        release(db, key, reason)


def retry(db: sqlite3.Connection, keys: Collection[str]) -> int:
    """Let failed trials wait again with no attempts counted; leave the others. Return how many changed."""
    failed = [key for key, state in states(db, keys).items() if state is State.failed]
    for key in failed:
        db.execute(
            """
            UPDATE trials SET state = 'waiting', attempts = 0, error = NULL, finished_at = NULL WHERE key = ?
            """,
            (key,),
        )
        events.add(db, "retried", "waiting again", trial=key)
    return len(failed)


def states(db: sqlite3.Connection, keys: Collection[str]) -> dict[str, State]:
    """Return the states of those of the keys that the store has, in their order."""
    rows = db.execute(
        "SELECT t.key, t.state FROM json_each(?) j JOIN trials t ON t.key = j.value ORDER BY j.key",
        (to_json(list(keys)),),
    ).fetchall()
    return {key: State(state) for key, state in rows}


def trial(db: sqlite3.Connection, key: str) -> TrialRecord:
    """Return the one trial whose key begins with ``key``."""
    return trials(db, [find(db, key)["key"]])[0]


def trials(db: sqlite3.Connection, keys: Collection[str] | None) -> list[TrialRecord]:
    """Return those of the keys that the store has, in their order; for None all, in the order of planning."""
    if keys is None:
        rows = db.execute("SELECT * FROM trials ORDER BY id").fetchall()
        measured = db.execute("SELECT * FROM metrics").fetchall()
    else:
        text = to_json(list(keys))
        rows = db.execute(
            "SELECT t.* FROM json_each(?) j JOIN trials t ON t.key = j.value ORDER BY j.key", (text,)
        ).fetchall()
        measured = db.execute(
            """
            SELECT m.* FROM json_each(?) j JOIN trials t ON t.key = j.value JOIN metrics m ON m.trial = t.id
            """,
            (text,),
        ).fetchall()
    metrics: dict[int, dict[str, float]] = {}
    for row_id, name, value in measured:
        metrics.setdefault(row_id, {})[name] = value
    return [_record(row, metrics.get(row["id"], {})) for row in rows]


def parameters(db: sqlite3.Connection, key: str) -> bytes:
    """Return a complete trial's trained parameters, safetensors bytes."""
    row = find(db, key)
    found = db.execute("SELECT tensors FROM trained_parameters WHERE trial = ?", (row["id"],)).fetchone()
    if found is None:
        raise UnknownNameError(
            f"Trial {row['key'][:12]} has no trained parameters: it is {row['state']}. Run its study first "
            "(unroll run)."
        )
    return bytes(found[0])


def _expect(db: sqlite3.Connection, key: str, allowed: tuple[State, ...], doing: str) -> sqlite3.Row:
    row = find(db, key)
    if row["key"] != key:
        raise UnknownNameError(f"A trial is changed by its whole key, not by {key!r}.")
    if row["state"] not in allowed:
        if row["state"] == State.complete:
            reason = "A complete trial never changes; forget its study to measure it again."
        else:
            reason = f"Only a {' or '.join(allowed)} one can."
        raise StoreError(f"Trial {key[:12]} is {row['state']} and cannot be {doing}. {reason}")
    return row


def _check_metrics(metrics: Mapping[str, float]) -> None:
    for name, value in metrics.items():
        if math.isnan(value):
            raise ValueError(f"Metric {name!r} is NaN. A trial without a value for it leaves it out, or fails.")
        if name in RESERVED:
            raise ValueError(f"Metric {name!r} has the name of a trial's own column. Give it another.")


def _record(row: sqlite3.Row, metrics: dict[str, float]) -> TrialRecord:
    plain: dict[str, Any] = planned_fields(row)
    return TrialRecord(
        **plain,
        state=State(row["state"]),
        attempts=row["attempts"],
        started_at=row["started_at"],
        finished_at=row["finished_at"],
        seconds=row["seconds"],
        metrics=metrics,
        digest=row["digest"],
        error=None if row["error"] is None else json.loads(row["error"]),
        fingerprint=None if row["fingerprint"] is None else json.loads(row["fingerprint"]),
    )
