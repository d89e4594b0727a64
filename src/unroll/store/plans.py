"""Studies: what was asked, in rows."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from dataclasses import fields
from typing import Any

from unroll.errors import UnknownNameError
from unroll.store import events
from unroll.store.plain import now, to_json
from unroll.store.records import PlannedStudy, PlannedTrial, State, StudyRecord

COLUMNS = tuple(field.name for field in fields(PlannedTrial))


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
    db.executemany(
        f"INSERT OR IGNORE INTO trials ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))})",  # noqa: S608
        (_row(trial) for trial in study.trials),
    )
    (row_id,) = db.execute("SELECT id FROM studies WHERE digest = ?", (study.digest,)).fetchone()
    db.execute("DELETE FROM study_trials WHERE study = ?", (row_id,))
    db.executemany(
        "INSERT INTO study_trials (study, position, trial) SELECT ?, ?, id FROM trials WHERE key = ?",
        ((row_id, position, trial.key) for position, trial in enumerate(study.trials)),
    )
    events.add(db, "planned", f"{study.name}: {len(study.trials)} trials", study=study.digest)


def forget(db: sqlite3.Connection, digest: str) -> int:
    """Remove a study and, with their results, the trials that no other asks for; return how many."""
    row = db.execute("SELECT id, name FROM studies WHERE digest = ?", (digest,)).fetchone()
    if row is None:
        raise UnknownNameError(f"No study {digest[:12]} in the store. See all: unroll show.")
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
    events.add(db, "forgotten", f"{row['name']}: {len(alone)} trials removed", study=digest)
    return len(alone)


def studies(db: sqlite3.Connection) -> list[StudyRecord]:
    """Return all studies, in the order in which they were planned first."""
    counts: dict[int, dict[State, int]] = {}
    for study, state, count in db.execute(
        """
        SELECT st.study, t.state, count(*)
        FROM study_trials st JOIN trials t ON t.id = st.trial GROUP BY st.study, t.state
        """
    ).fetchall():
        counts.setdefault(study, dict.fromkeys(State, 0))[State(state)] = count
    return [
        StudyRecord(
            digest=row["digest"],
            name=row["name"],
            question=row["question"],
            overrides=tuple(json.loads(row["overrides"])),
            created=row["created"],
            counts=counts.get(row["id"], dict.fromkeys(State, 0)),
        )
        for row in db.execute("SELECT * FROM studies ORDER BY id").fetchall()
    ]


def study_by_digest(db: sqlite3.Connection, digest: str) -> PlannedStudy | None:
    """Return a study as it was planned, without need of its plug-ins; None where it was not."""
    row = db.execute("SELECT * FROM studies WHERE digest = ?", (digest,)).fetchone()
    if row is None:
        return None
    trials = db.execute(
        """
        SELECT t.* FROM study_trials st JOIN trials t ON t.id = st.trial
        WHERE st.study = ? ORDER BY st.position
        """,
        (row["id"],),
    ).fetchall()
    return PlannedStudy(
        digest=digest,
        name=row["name"],
        question=row["question"],
        spec=json.loads(row["spec"]),
        overrides=tuple(json.loads(row["overrides"])),
        plugins=json.loads(row["plugins"]),
        trials=tuple(PlannedTrial(**planned_fields(trial)) for trial in trials),
    )


def planned_fields(row: sqlite3.Row) -> dict[str, Any]:
    """Return the fields of PlannedTrial that a row of ``trials`` holds. SQLite keeps NaN as NULL."""
    values: dict[str, Any] = {name: row[name] for name in COLUMNS}
    values["spec"] = json.loads(row["spec"])
    if row["baseline"] is None:
        values["baseline"] = float("nan")
    return values


def _is_planned(db: sqlite3.Connection, study: PlannedStudy) -> bool:
    """Say whether the store holds this study with these trials, in order: then planning writes nothing."""
    row = db.execute("SELECT * FROM studies WHERE digest = ?", (study.digest,)).fetchone()
    if row is None or any(row[name] != text for name, text in _texts(study).items()):
        return False
    keys = db.execute(
        """
        SELECT t.key FROM study_trials st JOIN trials t ON t.id = st.trial
        WHERE st.study = ? ORDER BY st.position
        """,
        (row["id"],),
    ).fetchall()
    return [key for (key,) in keys] == [trial.key for trial in study.trials]


def _texts(study: PlannedStudy) -> dict[str, str]:
    return {
        "name": study.name,
        "question": study.question,
        "spec": to_json(study.spec),
        "overrides": to_json(study.overrides),
        "plugins": to_json(study.plugins),
    }


def _row(trial: PlannedTrial) -> tuple[object, ...]:
    return tuple(to_json(trial.spec) if name == "spec" else getattr(trial, name) for name in COLUMNS)
