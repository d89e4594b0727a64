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
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import fields
from typing import Any

from numpy.typing import ArrayLike

from unroll.errors import StoreError, UnknownNameError
from unroll.store import events, examinations
from unroll.store.checked import ALL, Checked, Trials, by_ids, checked, checked_columns, follows, in_parts, one
from unroll.store.faults import DamageError
from unroll.store.histories import add_histories
from unroll.store.keys import find
from unroll.store.plain import now, to_json
from unroll.store.plans import COLUMNS, planned_values
from unroll.store.records import CheckpointRecord, Examination, MeasureRecord, State, TrialRecord
from unroll.store.rows import by_columns, fetched
from unroll.store.seals import WEIGHTS, add_part, own_digests, seal_outcome, weights_seal

RESERVED = {field.name for field in fields(TrialRecord)}  # a metric of this name would hide a column of the frame


def claim(db: sqlite3.Connection, key: str) -> int:
    """Start a waiting or failed trial; return which attempt this is, from 1. Traces of earlier ones go."""
    row = _expect(db, key, (State.waiting, State.failed), "started")
    trial = _sound(db, row["id"])
    attempt = int(row["attempts"]) + 1
    db.execute("DELETE FROM histories WHERE trial = ?", (row["id"],))
    db.execute("DELETE FROM seals WHERE trial = ?", (row["id"],))
    examinations.clear(db, row["id"])
    db.execute(
        """
        UPDATE trials SET state = 'running', attempts = ?, started_at = ?, finished_at = NULL,
            error = NULL, fingerprint = NULL, verified = ? WHERE id = ?
        """,
        (attempt, now(), follows(trial.row), row["id"]),
    )
    seal_outcome(db, row["id"])
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
    trial = find(db, key)
    row = db.execute("SELECT * FROM checkpoints WHERE trial = ?", (trial["id"],)).fetchone()
    if row is None:
        return None
    try:
        position, numerics = json.loads(row["position"]), json.loads(row["numerics"])
    except (ValueError, TypeError, RecursionError):
        position = numerics = None
    if not (isinstance(position, dict) and isinstance(numerics, dict) and isinstance(row["tensors"], bytes)):
        raise DamageError(f"the checkpoint of trial {trial['key'][:12]} cannot be read")
    return CheckpointRecord(tensors=row["tensors"], position=position, numerics=numerics, saved_at=row["saved_at"])


def kept_states(db: sqlite3.Connection) -> tuple[str, ...]:
    """Return the keys of the complete trials that still have their last checkpoint."""
    query = "SELECT key FROM trials t JOIN checkpoints c ON c.trial = t.id WHERE t.state = 'complete' ORDER BY t.id"
    return tuple(key for (key,) in db.execute(query).fetchall())


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
    measures: Mapping[str, MeasureRecord],
    examined: Sequence[Examination],
    keep_checkpoint: bool,
) -> None:
    """Write a running trial's results, complete it and, unless it is to be kept, drop its checkpoint."""
    row = _expect(db, key, (State.running,), "finished")
    _check_metrics(metrics)
    db.executemany("INSERT INTO metrics VALUES (?, ?, ?)", ((row["id"], name, float(v)) for name, v in metrics.items()))
    add_histories(db, row["id"], histories, axes)
    db.executemany(
        "INSERT INTO measures VALUES (?, ?, ?, ?, ?)",
        (
            (row["id"], name, measure.digest, to_json(list(measure.metrics)), to_json(list(measure.histories)))
            for name, measure in measures.items()
        ),
    )
    db.execute("INSERT INTO trained_parameters VALUES (?, ?)", (row["id"], parameters))
    add_part(db, row["id"], WEIGHTS, weights_seal(key, parameters))
    if not keep_checkpoint:
        db.execute("DELETE FROM checkpoints WHERE trial = ?", (row["id"],))
    db.execute(
        """
        UPDATE trials SET state = 'complete', finished_at = ?, seconds = ?, digest = ?, fingerprint = ?
        WHERE id = ?
        """,
        (now(), seconds, digest, to_json(fingerprint), row["id"]),
    )
    written = db.execute("SELECT * FROM trials WHERE id = ?", (row["id"],)).fetchone()
    db.execute(
        "UPDATE trials SET verified = ? WHERE id = ?",
        (int(follows(written) and own_digests(db, row["id"])), row["id"]),
    )
    seal_outcome(db, row["id"])
    examinations.add(db, row["id"], examined)
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
    seal_outcome(db, row["id"])
    events.add(db, "failed", f"{error.get('type')}: {error.get('message')}", trial=key)


def release(db: sqlite3.Connection, key: str, reason: str) -> None:
    """Let a running trial wait again, with its checkpoint."""
    row = _expect(db, key, (State.running,), "released")
    db.execute("UPDATE trials SET state = 'waiting' WHERE id = ?", (row["id"],))
    seal_outcome(db, row["id"])
    events.add(db, "released", reason, trial=key)


def release_all(db: sqlite3.Connection, reason: str) -> None:
    """Let every running trial wait again: what a writer does when it finds those of one that died.

    Damaged ones stay as they are.
    """
    query = f"SELECT {', '.join(ALL)} FROM trials NOT INDEXED WHERE state = 'running' ORDER BY id"  # noqa: S608
    for trial in checked_columns(db, by_columns(fetched(db, query), ALL)):
        if not trial.damage:
            release(db, trial.row["key"], reason)


def retry(db: sqlite3.Connection, keys: Collection[str]) -> int:
    """Let failed trials wait again with no attempts counted; leave the others. Return how many changed."""
    failed = [trial.row for trial in checked(db, keys) if trial.state is State.failed]
    for row in failed:
        db.execute(
            """
            UPDATE trials SET state = 'waiting', attempts = 0, error = NULL, finished_at = NULL WHERE id = ?
            """,
            (row["id"],),
        )
        seal_outcome(db, row["id"])
        events.add(db, "retried", "waiting again", trial=row["key"])
    return len(failed)


def states(db: sqlite3.Connection, keys: Collection[str]) -> dict[str, State]:
    """Return the states of those of the keys that the store has, in their order."""
    parts = in_parts(db, keys)
    return {key: state for part in parts for key, state in zip(part.columns["key"], part.states, strict=True)}


def trial(db: sqlite3.Connection, key: str) -> TrialRecord:
    """Return the one trial whose key begins with ``key``."""
    (record,) = _records(by_ids(db, [find(db, key)["id"]]))
    return record


def trials(read: Trials) -> list[TrialRecord]:
    """Return trials that were read, one by one."""
    return list(_records(read))


def complete(db: sqlite3.Connection) -> list[str]:
    """Return the keys of all trials that are complete unless they are damaged, in the order of planning."""
    query = "SELECT key FROM trials NOT INDEXED WHERE state = 'complete' ORDER BY id"
    return [key for (key,) in db.execute(query).fetchall()]


def parameters(db: sqlite3.Connection, key: str) -> bytes:
    """Return a complete trial's trained parameters, safetensors bytes."""
    row = find(db, key)
    trial = _sound(db, row["id"])
    found = db.execute("SELECT tensors FROM trained_parameters WHERE trial = ?", (row["id"],)).fetchone()
    if found is None and WEIGHTS not in trial.parts:
        raise UnknownNameError(
            f"Trial {row['key'][:12]} has no trained parameters: it is {row['state']}. Run its study first "
            "(unroll run)."
        )
    if found is None or trial.parts.get(WEIGHTS) != weights_seal(row["key"], found[0]):
        raise DamageError(f"{trial.name} is damaged: its weights are not what was written")
    return bytes(found[0])


def measures(db: sqlite3.Connection, key: str) -> dict[str, MeasureRecord]:
    """Return what measures added to a trial, by their names; none for a trial that is older than they are."""
    row = find(db, key)
    _sound(db, row["id"])
    rows = db.execute("SELECT * FROM measures WHERE trial = ? ORDER BY name", (row["id"],)).fetchall()
    return {
        row["name"]: MeasureRecord(
            digest=row["digest"],
            metrics=tuple(json.loads(row["metrics"])),
            histories=tuple(json.loads(row["histories"])),
        )
        for row in rows
    }


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


def _sound(db: sqlite3.Connection, row_id: int) -> Checked:
    """Return a trial; raises DamageError where anything of it is not what was written."""
    trial = one(db, row_id)
    if trial.damage:
        raise DamageError(f"{trial.name} is damaged: {trial.damage}")
    return trial


def _records(trials: Trials) -> Iterator[TrialRecord]:
    for trial, values in zip(trials, planned_values(trials.planned(), trials.said), strict=True):
        yield _record(trial, dict(zip(COLUMNS, values, strict=True)))


def _record(trial: Checked, plain: dict[str, Any]) -> TrialRecord:
    if trial.outcome:
        nothing: dict[str, Any] = dict.fromkeys(
            ("started_at", "finished_at", "seconds", "digest", "error", "fingerprint")
        )
        return TrialRecord(**plain, **nothing, state=State.damaged, attempts=0, metrics={}, damage=trial.outcome)
    row = trial.row
    return TrialRecord(
        **plain,
        state=trial.state,
        attempts=row["attempts"],
        started_at=row["started_at"],
        finished_at=row["finished_at"],
        seconds=row["seconds"],
        metrics=trial.metrics,
        digest=row["digest"],
        error=None if row["error"] is None else json.loads(row["error"]),
        fingerprint=None if row["fingerprint"] is None else json.loads(row["fingerprint"]),
    )
