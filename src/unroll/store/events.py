"""The timeline: what happened, when, to which trial or study."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from typing import Any

from unroll.store.faults import DamageError
from unroll.store.plain import encodable, now, to_json


def add(
    db: sqlite3.Connection,
    kind: str,
    message: str,
    trial: str | None = None,
    study: str | None = None,
    data: Mapping[str, Any] | None = None,
) -> None:
    """Append one line. ``trial`` is a key and ``study`` a digest; both may be of rows that are gone."""
    db.execute(
        "INSERT INTO events (at, kind, message, trial, study, data) VALUES (?, ?, ?, ?, ?, ?)",
        (now(), encodable(kind), encodable(message), trial, study, None if data is None else to_json(data)),
    )


def select(db: sqlite3.Connection, trial: str | None, study: str | None) -> list[dict[str, Any]]:
    """Return the lines of one trial, of one study with its trials, or all; oldest first."""
    rows = db.execute(
        """
        SELECT at, kind, message, trial, study, data FROM events
        WHERE (:trial IS NULL OR trial = :trial)
        AND (:study IS NULL OR study = :study OR trial IN (
            SELECT t.key FROM studies s
            JOIN study_trials st ON st.study = s.id
            JOIN trials t ON t.id = st.trial
            WHERE s.digest = :study
        ))
        ORDER BY id
        """,
        {"trial": trial, "study": study},
    ).fetchall()
    try:
        return [{**dict(row), "data": None if row["data"] is None else json.loads(row["data"])} for row in rows]
    except (ValueError, TypeError, RecursionError) as error:
        raise DamageError("the timeline is damaged: a line of it cannot be read") from error
