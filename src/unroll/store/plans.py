"""Studies: what was asked, in rows."""

from __future__ import annotations

import json
import math
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from typing import Any

from unroll.errors import UnknownNameError
from unroll.store import events, specifications
from unroll.store.checked import (
    PLANNED,
    Plans,
    checked,
    declaration_digest,
    follows,
    planned_columns,
    study_is_sound,
)
from unroll.store.faults import DamageError
from unroll.store.plain import encodable, now, to_json
from unroll.store.records import PlannedStudy, PlannedTrial, State, StudyHead, StudyRecord
from unroll.store.rows import by_columns, fetched
from unroll.store.sealing import BROKEN, asks
from unroll.store.seals import Columns, outcome_seal, places, plan_seal, seal_study, study_seal

COLUMNS = tuple(field.name for field in fields(PlannedTrial))
"""Those of ``trials`` that hold what was planned; of what is declared the digest."""


SIZES = """
    SELECT trial, sum(size) FROM (
        SELECT trial, length(data) AS size FROM histories
        UNION ALL SELECT trial, length(tensors) FROM trained_parameters
        UNION ALL SELECT trial, length(tensors) FROM checkpoints
        UNION ALL SELECT trial, length(data) FROM examined_arrays
    ) GROUP BY trial
"""
"""Bytes that the store keeps of each trial; SQLite reads none of them for it."""


def plan(db: sqlite3.Connection, study: PlannedStudy) -> None:
    """Write a study and those of its trials that are new; one that is there keeps its state and results."""
    twice = [key for key, count in Counter(trial.key for trial in study.trials).items() if count > 1]
    if twice:
        raise ValueError(f"Study {study.name!r} asks {len(twice)} trials more than once, first {twice[0][:12]}.")
    if _is_planned(db, study):
        return
    db.execute(
        """
        INSERT INTO studies (digest, name, question, spec, overrides, plugins, created)
        VALUES (:digest, :name, :question, :spec, :overrides, :plugins, :created)
        ON CONFLICT (digest) DO UPDATE SET name = excluded.name, question = excluded.question,
            spec = excluded.spec, overrides = excluded.overrides, plugins = excluded.plugins
        """,
        {**_texts(study), "digest": study.digest, "created": now()},
    )
    declared = {id(trial.declared): add_declaration(db, _declared(trial)) for trial in study.trials}
    add_trials(db, (_row(trial, declared[id(trial.declared)]) for trial in study.trials))
    (row_id,) = db.execute("SELECT id FROM studies WHERE digest = ?", (study.digest,)).fetchone()
    db.execute("DELETE FROM study_trials WHERE study = ?", (row_id,))
    db.executemany(
        "INSERT INTO study_trials (study, position, trial) SELECT ?, ?, id FROM trials WHERE key = ?",
        ((row_id, position, trial.key) for position, trial in enumerate(study.trials)),
    )
    found = set(_listed(db, row_id).columns["key"])
    for trial in study.trials:
        if trial.key not in found:
            raise DamageError(f"trial {trial.key[:12]} is damaged: it is not found where it was planned")
    seal_study(db, row_id)
    events.add(db, "planned", f"{study.name}: {len(study.trials)} trials", study=study.digest)


def add_declaration(db: sqlite3.Connection, text: str) -> str:
    """Write what trials declare, once, and return its digest; that of nothing is "". A damaged text is written anew."""
    if not text:
        return ""
    written = declaration_digest(text)
    db.execute("INSERT OR REPLACE INTO declarations VALUES (?, ?)", (written, text))
    return written


def add_trials(db: sqlite3.Connection, rows: Iterable[tuple[object, ...]]) -> None:
    """Write trials (values of ``COLUMNS``) that the store does not have yet, as waiting, and seal them."""
    (last,) = db.execute("SELECT coalesce(max(id), 0) FROM trials").fetchone()
    db.executemany(
        f"INSERT OR IGNORE INTO trials ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))})",  # noqa: S608
        rows,
    )
    new = db.execute("SELECT * FROM trials WHERE id > ? ORDER BY id", (last,)).fetchall()
    sealed = (
        (plan_seal(row), verified, _untouched(row, verified), row["id"]) for row in new for verified in [follows(row)]
    )
    db.executemany("UPDATE trials SET plan_seal = ?, verified = ?, seal = ? WHERE id = ?", sealed)


def _untouched(row: sqlite3.Row, verified: bool) -> str:
    """Return the seal of the outcome of a trial of which nothing has come yet."""
    return outcome_seal({**dict(row), "verified": int(verified)}, (), (), ())


def forget(db: sqlite3.Connection, digest: str) -> int:
    """Remove a study and, with their results, the trials that no other asks for; return how many."""
    row = _study(db, digest)
    if row is None:
        raise UnknownNameError(f"No study {digest[:12]} in the store. Run it first.")
    alone = [
        trial
        for (trial,) in db.execute(
            """
            SELECT trial FROM study_trials WHERE study = :study
            AND trial NOT IN (SELECT trial FROM study_trials WHERE study != :study)
            """,
            {"study": row["id"]},
        ).fetchall()
    ]
    db.execute("DELETE FROM studies WHERE id = ?", (row["id"],))
    db.executemany("DELETE FROM trials WHERE id = ?", ((trial,) for trial in alone))
    db.execute("DELETE FROM declarations WHERE digest NOT IN (SELECT declared FROM trials)")
    events.add(db, "forgotten", f"{row['name']}: {len(alone)} trials removed", study=digest)
    return len(alone)


def studies(db: sqlite3.Connection) -> list[StudyRecord]:
    """Return all studies, in the order in which they were planned first."""
    trials = checked(db, None)
    states = dict(zip(trials.columns["id"], trials.states, strict=True))
    solved = {
        trial
        for trial, names, numbers in zip(trials.columns["id"], trials.names, trials.numbers, strict=True)
        if states[trial] is State.complete and dict(zip(names, numbers, strict=True)).get("solved") == 1
    }
    sizes = dict(db.execute(SIZES).fetchall())
    records = []
    for row in db.execute("SELECT * FROM studies ORDER BY id").fetchall():
        listed = _places(db, row)
        records.append(
            StudyRecord(
                digest=row["digest"],
                name=row["name"],
                question=row["question"],
                overrides=tuple(json.loads(row["overrides"])),
                created=row["created"],
                counts=dict.fromkeys(State, 0) | Counter(states.get(trial, State.damaged) for _, trial in listed),
                solved=sum(trial in solved for _, trial in listed),
                size=sum(sizes.get(trial, 0) for _, trial in listed),
            )
        )
    return records


def heads(db: sqlite3.Connection) -> list[StudyHead]:
    """Return all studies without their trials, in the order in which they were planned first."""
    found = []
    for row in db.execute("SELECT * FROM studies ORDER BY id").fetchall():
        _places(db, row)
        spec, overrides = json.loads(row["spec"]), tuple(json.loads(row["overrides"]))
        found.append(StudyHead(digest=row["digest"], name=row["name"], overrides=overrides, spec=spec))
    return found


def study_by_digest(db: sqlite3.Connection, digest: str) -> PlannedStudy | None:
    """Return a study as it was planned, without need of its plug-ins; None where it was not."""
    row = _study(db, digest)
    if row is None:
        return None
    listed = _places(db, row)
    sound = _listed(db, row["id"]).sound
    return PlannedStudy(
        digest=digest,
        name=row["name"],
        question=row["question"],
        spec=json.loads(row["spec"]),
        overrides=tuple(json.loads(row["overrides"])),
        plugins=json.loads(row["plugins"]),
        trials=tuple(map(_trial, planned_values(sound.columns, sound.said))),
        damaged=len(listed) - len(sound),
        read=sound,
    )


def _trial(values: tuple[Any, ...]) -> PlannedTrial:
    """Return what a frozen dataclass makes of its fields, all at once: one by one they take longer than all else."""
    made = object.__new__(PlannedTrial)
    made.__dict__.update(zip(COLUMNS, values, strict=True))
    return made


def planned_values(columns: Columns, said: Sequence[str | None]) -> Iterator[tuple[Any, ...]]:
    """Return what PlannedTrial has of trials, by COLUMNS: what many of them share is one object. SQLite has no NaN.

    ``said``: the texts of what they declare.
    """
    declared: dict[str, Mapping[str, Any]] = {text or "": json.loads(text or "{}") for text in set(said)}
    specs = specifications.parsed(columns["spec"], columns["seed"])
    baselines = [math.nan if baseline is None else baseline for baseline in columns["baseline"]]
    texts = [declared[text or ""] for text in said]
    own = {**columns, "spec": specs, "declared": texts, "baseline": baselines}
    return zip(*(own[name] for name in COLUMNS), strict=True)


def _is_planned(db: sqlite3.Connection, study: PlannedStudy) -> bool:
    """Say whether the store holds this study with these trials, in order: then planning writes nothing."""
    row = db.execute("SELECT * FROM studies WHERE digest = ?", (study.digest,)).fetchone()
    if row is None or any(row[name] != text for name, text in _texts(study).items()):
        return False
    if not study_is_sound(row, places(db, row["id"])):
        return False
    return list(_listed(db, row["id"]).columns["key"]) == [trial.key for trial in study.trials]


def _study(db: sqlite3.Connection, digest: str) -> sqlite3.Row | None:
    """Return the row of a study, found by the index, and where that has none by looking at each row.

    It may be one whose digest is damaged, and that is known as this study's by its seal, or where that fits nothing, as
    in a store that is older than the seals, by what it asks.
    """
    query = "SELECT * FROM studies WHERE id = (SELECT id FROM studies WHERE digest = ?)"
    row: sqlite3.Row | None = db.execute(query, (digest,)).fetchone()
    if row is not None and row["digest"] == digest:
        return row
    every = db.execute("SELECT * FROM studies NOT INDEXED").fetchall()
    named = next((row for row in every if row["digest"] == digest), None)
    return named or next((row for row in every if _was(db, row, digest)), None)


def _was(db: sqlite3.Connection, row: sqlite3.Row, digest: str) -> bool:
    """Say whether a row was written with this digest, and nothing else of it has changed."""
    if row["seal"] == BROKEN:
        return asks(row, digest)
    return bool(row["seal"] == study_seal(dict(row) | {"digest": digest}, places(db, row["id"])))


def _places(db: sqlite3.Connection, row: sqlite3.Row) -> list[tuple[int, int]]:
    """Return a study's positions and the rows of its trials; raises DamageError unless they are what was written."""
    listed = places(db, row["id"])
    if not study_is_sound(row, listed):
        raise DamageError(
            f"the study {row['digest'][:12]} is damaged: its specification or its trials are not what was written"
        )
    return listed


def _listed(db: sqlite3.Connection, study: int) -> Plans:
    """Return a study's trials in their order, as far as they have rows."""
    query = f"""
        SELECT {", ".join(f"t.{name}" for name in PLANNED)} FROM study_trials st JOIN trials t ON t.id = st.trial
        WHERE st.study = ? ORDER BY st.position
    """  # noqa: S608
    return planned_columns(db, by_columns(fetched(db, query, (study,)), PLANNED))


def _texts(study: PlannedStudy) -> dict[str, str]:
    return {
        "name": encodable(study.name),
        "question": encodable(study.question),
        "spec": to_json(study.spec),
        "overrides": to_json(study.overrides),
        "plugins": to_json(study.plugins),
    }


def _declared(trial: PlannedTrial) -> str:
    return to_json(trial.declared) if trial.declared else ""


def _row(trial: PlannedTrial, declared: str) -> tuple[object, ...]:
    texts = {"spec": to_json(trial.spec), "declared": declared}
    return tuple(texts[name] if name in texts else getattr(trial, name) for name in COLUMNS)
