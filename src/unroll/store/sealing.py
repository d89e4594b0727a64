"""Sealing a store that is older than the seals: what it holds is checked against its digests first.

A trial's key covers its specification and what repeats that; its digest covers metrics, histories and weights, but for
measured times; a study's digest covers what the study asks. Nothing covers the rest: counts of parameters, baselines,
criteria, notes, attempts, times, errors, fingerprints, a history's axis, the facts of plug-ins beside a study, and
which trials it lists. That is sealed as it is found, if it can be read.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping

from unroll.errors import StudyError
from unroll.store.checked import follows, study_parses
from unroll.store.plain import parses
from unroll.store.records import State
from unroll.store.seals import (
    FOREIGN,
    WEIGHTS,
    add_part,
    history_part,
    history_seal,
    own_digests,
    plan_seal,
    seal_outcome,
    seal_study,
    weights_seal,
)
from unroll.study import Study
from unroll.study.trial import digest

BROKEN = "damaged"
"""A seal that fits nothing."""


PLAN_TYPES: Mapping[str, type] = {
    **dict.fromkeys(("key", "condition", "task", "model", "protocol", "solved_metric", "notes"), str),
    **dict.fromkeys(("length", "seed", "parameters"), int),
    **dict.fromkeys(("baseline", "solved_below"), float),
}
OUTCOME_TYPES: Mapping[str, type] = {
    **dict.fromkeys(("started_at", "finished_at", "digest"), str),
    "attempts": int,
    "seconds": float,
}


def seal_everything(db: sqlite3.Connection) -> None:
    """Seal each study and trial; what does not fit its key or its digest receives a seal that fits nothing.

    A study that says neither protocol nor factors is not one that ``unroll run`` has planned: it is sealed as it is.

    A trial whose specification does not say how its key was made (no ``format``) and whose digest is not that of its
    results either was not written by ``unroll run``: it is unverified, not damaged. So is a failed one, which has no
    digest, and a complete one without a digest.
    """
    for study in db.execute("SELECT * FROM studies").fetchall():
        seal_study(db, study["id"])
        if not _says_what_was_asked(study):
            db.execute("UPDATE studies SET seal = ? WHERE id = ?", (BROKEN, study["id"]))
    for row in db.execute("SELECT * FROM trials").fetchall():
        _seal_trial(db, row)


def _seal_trial(db: sqlite3.Connection, row: sqlite3.Row) -> None:
    complete = row["state"] == State.complete
    key, results = follows(row) and _condition(row) == row["condition"], _results(db, row) if complete else None
    made_by_hand = not key and not results and not _says_format(row)
    sound = (results is not False or made_by_hand) and row["state"] in set(State) - {State.damaged}
    sound = sound and _typed(row, OUTCOME_TYPES) and parses(dict, row["error"], row["fingerprint"])
    planned = (key or made_by_hand) and _typed(row, PLAN_TYPES) and parses(dict, row["spec"])
    verified = key and (results if complete else row["state"] != State.failed)
    db.execute(
        "UPDATE trials SET plan_seal = ?, verified = ? WHERE id = ?",
        (plan_seal(row) if planned else BROKEN, int(bool(verified)), row["id"]),
    )
    query = "SELECT name, axis, count, data FROM histories WHERE trial = ?"
    for name, axis, count, data in db.execute(query, (row["id"],)).fetchall():
        sealed = history_seal(row["key"], name, axis, count, data)
        add_part(db, row["id"], history_part(name), BROKEN if sealed == FOREIGN else sealed)
    for (tensors,) in db.execute("SELECT tensors FROM trained_parameters WHERE trial = ?", (row["id"],)).fetchall():
        sealed = weights_seal(row["key"], tensors)
        add_part(db, row["id"], WEIGHTS, BROKEN if sealed == FOREIGN else sealed)
    seal_outcome(db, row["id"])
    if not sound:
        db.execute("UPDATE trials SET seal = ? WHERE id = ?", (BROKEN, row["id"]))


def _condition(row: sqlite3.Row) -> str:
    return digest({name: value for name, value in json.loads(row["spec"]).items() if name != "seed"})


def _says_what_was_asked(row: sqlite3.Row) -> bool:
    """Say whether a study's digest, name and question are those of what it asks."""
    if not (_typed(row, dict.fromkeys(("digest", "name", "question"), str)) and study_parses(row)):
        return False
    if not json.loads(row["spec"]).keys() & {"protocol", "factors"}:
        return True
    study = _study_of(row)
    return (
        study is not None
        and _has(study, row["digest"])
        and (study.name, study.question) == (row["name"], row["question"])
    )


def asks(row: sqlite3.Row, digest: str) -> bool:
    """Say whether a study's specification has this digest, whatever digest stands beside it."""
    study = _study_of(row)
    return study is not None and _has(study, digest)


def _has(study: Study, digest: str) -> bool:
    return digest in (study.digest, study.digest_as_written)


def _study_of(row: sqlite3.Row) -> Study | None:
    """Return the study of a row; None where its specification is none."""
    if not study_parses(row):
        return None
    try:
        return Study(**json.loads(row["spec"]))
    except (StudyError, TypeError):
        return None


def _results(db: sqlite3.Connection, row: sqlite3.Row) -> bool | None:
    """Say whether a complete trial's digest is that of its results; None where it has none."""
    if row["digest"] is None:
        return None
    try:
        return own_digests(db, row["id"])
    except (ValueError, TypeError, KeyError):
        return False


def _typed(row: sqlite3.Row, types: Mapping[str, type]) -> bool:
    """Say whether columns hold what they are for, or nothing."""
    return all(row[name] is None or type(row[name]) is kind for name, kind in types.items())


def _says_format(row: sqlite3.Row) -> bool:
    try:
        spec = json.loads(row["spec"])
    except (ValueError, TypeError, RecursionError):
        return True
    return not isinstance(spec, dict) or "format" in spec
