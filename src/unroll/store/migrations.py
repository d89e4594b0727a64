"""The shape of results.db, as the append-only list of changes that lead to it.

A change that was released is never edited, moved or removed: a new one is appended, and an old store receives
the ones it lacks when it is opened for writing. SQL stays within SQLite 3.26 (RHEL 8): no STRICT, no
RETURNING.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass

from unroll.store.examination_tables import STATEMENTS
from unroll.store.plain import now
from unroll.store.sealing import seal_everything


@dataclass(frozen=True)
class Migration:
    """One named change of the schema, as SQL statements in order, and what is to be computed after them."""

    name: str
    statements: tuple[str, ...]
    then: Callable[[sqlite3.Connection], None] | None = None


STUDIES_AND_TRIALS = Migration(
    "studies and trials",
    (
        """
        CREATE TABLE studies (
            id INTEGER PRIMARY KEY,
            digest TEXT NOT NULL UNIQUE,
            name TEXT NOT NULL,
            question TEXT NOT NULL,
            spec TEXT NOT NULL,
            overrides TEXT NOT NULL,
            plugins TEXT NOT NULL,
            created TEXT NOT NULL
        )
        """,
        """
        CREATE TABLE trials (
            id INTEGER PRIMARY KEY,
            key TEXT NOT NULL UNIQUE,
            condition TEXT NOT NULL,
            task TEXT NOT NULL,
            model TEXT NOT NULL,
            length INTEGER NOT NULL,
            seed INTEGER NOT NULL,
            protocol TEXT NOT NULL,
            spec TEXT NOT NULL,
            parameters INTEGER NOT NULL,
            baseline REAL,
            solved_metric TEXT NOT NULL,
            solved_below REAL NOT NULL,
            notes TEXT NOT NULL,
            state TEXT NOT NULL DEFAULT 'waiting'
                CHECK (state IN ('waiting', 'running', 'complete', 'failed')),
            attempts INTEGER NOT NULL DEFAULT 0,
            started_at TEXT,
            finished_at TEXT,
            seconds REAL,
            digest TEXT,
            error TEXT,
            fingerprint TEXT
        )
        """,
        "CREATE INDEX trials_by_state ON trials (state)",
        """
        CREATE TABLE study_trials (
            study INTEGER NOT NULL REFERENCES studies (id) ON DELETE CASCADE,
            position INTEGER NOT NULL,
            trial INTEGER NOT NULL REFERENCES trials (id),
            PRIMARY KEY (study, position)
        ) WITHOUT ROWID
        """,
        "CREATE UNIQUE INDEX study_trials_by_trial ON study_trials (trial, study)",
    ),
)

RESULTS = Migration(
    "results and checkpoints",
    (
        """
        CREATE TABLE metrics (
            trial INTEGER NOT NULL REFERENCES trials (id) ON DELETE CASCADE,
            name TEXT NOT NULL,
            value REAL NOT NULL,
            PRIMARY KEY (trial, name)
        ) WITHOUT ROWID
        """,
        # data: ``count`` float32 values, little-endian
        """
        CREATE TABLE histories (
            trial INTEGER NOT NULL REFERENCES trials (id) ON DELETE CASCADE,
            name TEXT NOT NULL,
            axis TEXT NOT NULL CHECK (axis IN ('epoch', 'update')),
            count INTEGER NOT NULL,
            data BLOB NOT NULL,
            UNIQUE (trial, name)
        )
        """,
        """
        CREATE TABLE trained_parameters (
            trial INTEGER PRIMARY KEY REFERENCES trials (id) ON DELETE CASCADE,
            tensors BLOB NOT NULL
        )
        """,
        """
        CREATE TABLE checkpoints (
            trial INTEGER PRIMARY KEY REFERENCES trials (id) ON DELETE CASCADE,
            tensors BLOB NOT NULL,
            position TEXT NOT NULL,
            numerics TEXT NOT NULL,
            saved_at TEXT NOT NULL
        )
        """,
    ),
)

# Trials and studies are named, not referenced: the timeline outlives what it tells of.
EVENTS = Migration(
    "events",
    (
        """
        CREATE TABLE events (
            id INTEGER PRIMARY KEY,
            at TEXT NOT NULL,
            kind TEXT NOT NULL,
            message TEXT NOT NULL,
            trial TEXT,
            study TEXT,
            data TEXT
        )
        """,
        "CREATE INDEX events_by_trial ON events (trial)",
        "CREATE INDEX events_by_study ON events (study)",
    ),
)

# The documented door for other programs (README.md): columns are added, never renamed or removed.
VIEWS = Migration(
    "views",
    (
        """
        CREATE VIEW results AS
        SELECT t.key, t.condition, t.task, t.model, t.length, t.seed, t.protocol, t.notes, t.state,
            t.parameters, t.baseline, t.solved_metric, t.solved_below,
            s.value < t.solved_below AS solved,
            mse.value AS test_mse, pace.value AS seconds_per_epoch, updates.value AS updates_to_solve,
            t.attempts, t.started_at, t.finished_at, t.seconds, t.digest, t.fingerprint
        FROM trials t
        LEFT JOIN metrics s ON s.trial = t.id AND s.name = t.solved_metric
        LEFT JOIN metrics mse ON mse.trial = t.id AND mse.name = 'test_mse'
        LEFT JOIN metrics pace ON pace.trial = t.id AND pace.name = 'seconds_per_epoch'
        LEFT JOIN metrics updates ON updates.trial = t.id AND updates.name = 'updates_to_solve'
        """,
        """
        CREATE VIEW study_results AS
        SELECT s.name AS study, s.digest AS study_digest, st.position, r.*
        FROM studies s
        JOIN study_trials st ON st.study = s.id
        JOIN trials t ON t.id = st.trial
        JOIN results r ON r.key = t.key
        """,
        """
        CREATE VIEW trial_metrics AS
        SELECT t.key, t.task, t.model, t.length, t.seed, m.name, m.value
        FROM metrics m JOIN trials t ON t.id = m.trial
        """,
        """
        CREATE VIEW trial_histories AS
        SELECT t.key, t.task, t.model, t.length, t.seed, h.name, h.axis, h.count, h.data
        FROM histories h JOIN trials t ON t.id = h.trial
        """,
        """
        CREATE VIEW failures AS
        SELECT key, task, model, length, seed, attempts, finished_at AS failed_at,
            json_extract(error, '$.type') AS error_type,
            json_extract(error, '$.message') AS error_message,
            json_extract(error, '$.epoch') AS at_epoch,
            json_extract(error, '$.update') AS at_update,
            json_extract(error, '$.traceback') AS traceback
        FROM trials WHERE state = 'failed'
        """,
        """
        CREATE VIEW timeline AS
        SELECT e.id, e.at, e.kind, e.message, e.trial, t.task, t.model, t.length, t.seed, e.study, e.data
        FROM events e LEFT JOIN trials t ON t.key = e.trial
        """,
    ),
)

# SQLite cannot change a CHECK: the table is made anew. Its view goes first, because renaming a table looks into views.
HORIZONS = Migration(
    "histories by horizon",
    (
        "DROP VIEW trial_histories",
        """
        CREATE TABLE new_histories (
            trial INTEGER NOT NULL REFERENCES trials (id) ON DELETE CASCADE,
            name TEXT NOT NULL,
            axis TEXT NOT NULL CHECK (axis IN ('epoch', 'update', 'horizon')),
            count INTEGER NOT NULL,
            data BLOB NOT NULL,
            UNIQUE (trial, name)
        )
        """,
        """
        INSERT INTO new_histories (rowid, trial, name, axis, count, data)
        SELECT rowid, trial, name, axis, count, data FROM histories
        """,
        "DROP TABLE histories",
        "ALTER TABLE new_histories RENAME TO histories",
        """
        CREATE VIEW trial_histories AS
        SELECT t.key, t.task, t.model, t.length, t.seed, h.name, h.axis, h.count, h.data
        FROM histories h JOIN trials t ON t.id = h.trial
        """,
    ),
)

# What a measure added to a trial outside its digest: which metrics and histories (JSON lists of names).
MEASURES = Migration(
    "measures",
    (
        """
        CREATE TABLE measures (
            trial INTEGER NOT NULL REFERENCES trials (id) ON DELETE CASCADE,
            name TEXT NOT NULL,
            digest TEXT NOT NULL,
            metrics TEXT NOT NULL,
            histories TEXT NOT NULL,
            PRIMARY KEY (trial, name)
        ) WITHOUT ROWID
        """,
    ),
)

# Who writes: each transaction of a writer compares its token, so that of two writers one stops.
WRITER = Migration(
    "writer",
    ("CREATE TABLE writer (id INTEGER PRIMARY KEY CHECK (id = 1), token TEXT NOT NULL, since TEXT NOT NULL)",),
)

# See seals.py. What an older store has not sealed is checked against its digests first.
SEALS = Migration(
    "seals",
    (
        "ALTER TABLE studies ADD COLUMN seal TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE trials ADD COLUMN plan_seal TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE trials ADD COLUMN seal TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE trials ADD COLUMN verified INTEGER NOT NULL DEFAULT 0",
        """
        CREATE TABLE seals (
            trial INTEGER NOT NULL REFERENCES trials (id) ON DELETE CASCADE,
            part TEXT NOT NULL,
            seal TEXT NOT NULL,
            PRIMARY KEY (trial, part)
        ) WITHOUT ROWID
        """,
    ),
    then=seal_everything,
)

# What trials declare when they are planned, each text once, by its digest; "" for a trial that is older.
DECLARATIONS = Migration(
    "declarations",
    (
        "CREATE TABLE declarations (digest TEXT PRIMARY KEY, declared TEXT NOT NULL) WITHOUT ROWID",
        "ALTER TABLE trials ADD COLUMN declared TEXT NOT NULL DEFAULT ''",
        "DROP VIEW results",
        """
        CREATE VIEW results AS
        SELECT t.key, t.condition, t.task, t.model, t.length, t.seed, t.protocol, t.notes, t.state,
            t.parameters, t.baseline, t.solved_metric, t.solved_below,
            CAST(coalesce(s.value, c.value < t.solved_below) AS INTEGER) AS solved,
            mse.value AS test_mse, pace.value AS seconds_per_epoch, updates.value AS updates_to_solve,
            t.attempts, t.started_at, t.finished_at, t.seconds, t.digest, t.fingerprint,
            loss.value AS test_loss, coalesce(json_extract(d.declared, '$.score.unit'), '') AS loss_unit,
            json_extract(d.declared, '$.chance') AS chance, json_extract(d.declared, '$.above') AS solved_above
        FROM trials t
        LEFT JOIN declarations d ON d.digest = t.declared
        LEFT JOIN metrics s ON s.trial = t.id AND s.name = 'solved'
        LEFT JOIN metrics c ON c.trial = t.id AND c.name = t.solved_metric
        LEFT JOIN metrics mse ON mse.trial = t.id AND mse.name = 'test_mse'
        LEFT JOIN metrics loss ON loss.trial = t.id
            AND loss.name = coalesce(json_extract(d.declared, '$.score.name'), 'test_mse')
        LEFT JOIN metrics pace ON pace.trial = t.id AND pace.name = 'seconds_per_epoch'
        LEFT JOIN metrics updates ON updates.trial = t.id AND updates.name = 'updates_to_solve'
        """,
    ),
)

# What measures found in trained networks. A trial's own rows and seals know nothing of it: see examinations.py.
EXAMINATIONS = Migration("examinations", STATEMENTS)

# Made anew without a renaming, which would look into views that SQLite does not trust by then.
LENGTHS = Migration(
    "histories by length",
    (
        "CREATE TABLE old_histories AS SELECT rowid AS id, trial, name, axis, count, data FROM histories",
        "DROP TABLE histories",
        """
        CREATE TABLE histories (
            trial INTEGER NOT NULL REFERENCES trials (id) ON DELETE CASCADE,
            name TEXT NOT NULL,
            axis TEXT NOT NULL CHECK (axis IN ('epoch', 'update', 'horizon', 'length')),
            count INTEGER NOT NULL,
            data BLOB NOT NULL,
            UNIQUE (trial, name)
        )
        """,
        """
        INSERT INTO histories (rowid, trial, name, axis, count, data)
        SELECT id, trial, name, axis, count, data FROM old_histories
        """,
        "DROP TABLE old_histories",
    ),
)

MIGRATIONS: tuple[Migration, ...] = (
    *(STUDIES_AND_TRIALS, RESULTS, EVENTS, VIEWS, HORIZONS, MEASURES, WRITER, SEALS, DECLARATIONS),
    *(EXAMINATIONS, LENGTHS),
)


def applied(db: sqlite3.Connection) -> list[str]:
    """Return the names of the changes that this database has received, in order; none where it is empty."""
    if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'migrations'").fetchall():
        return []
    return [name for (name,) in db.execute("SELECT name FROM migrations ORDER BY rowid").fetchall()]


def migrate(db: sqlite3.Connection) -> None:
    """Apply the changes that are missing. The caller holds the transaction: all of them or none."""
    db.execute("CREATE TABLE IF NOT EXISTS migrations (name TEXT PRIMARY KEY, applied_at TEXT NOT NULL)")
    done = set(applied(db))
    for migration in MIGRATIONS:
        if migration.name not in done:
            for statement in migration.statements:
                db.execute(statement)
            if migration.then is not None:
                migration.then(db)
            db.execute("INSERT INTO migrations VALUES (?, ?)", (migration.name, now()))
