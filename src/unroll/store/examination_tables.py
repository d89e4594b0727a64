"""The tables and views of what measures found in trained networks, as the migration "examinations" makes them.

Released SQL is never edited: what changes later is a migration of its own.
"""

STATEMENTS = (
    # The seal over the list of a trial's examinations, so that a missing one is noticed.
    """
    CREATE TABLE examined_trials (
        trial INTEGER PRIMARY KEY REFERENCES trials (id) ON DELETE CASCADE,
        seal TEXT NOT NULL
    )
    """,
    """
    CREATE TABLE examinations (
        trial INTEGER NOT NULL REFERENCES trials (id) ON DELETE CASCADE,
        number INTEGER NOT NULL,
        measure TEXT NOT NULL,
        version TEXT NOT NULL,
        settings TEXT NOT NULL,
        snapshot TEXT NOT NULL,
        digest TEXT,
        fingerprint TEXT NOT NULL,
        seconds REAL NOT NULL,
        at TEXT NOT NULL,
        error TEXT,
        seal TEXT NOT NULL,
        PRIMARY KEY (trial, number)
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE examined_metrics (
        trial INTEGER NOT NULL REFERENCES trials (id) ON DELETE CASCADE,
        number INTEGER NOT NULL,
        name TEXT NOT NULL,
        value REAL NOT NULL,
        PRIMARY KEY (trial, number, name)
    ) WITHOUT ROWID
    """,
    # axes: JSON, names with their coordinates; data: float64, little-endian, the last axis fastest
    """
    CREATE TABLE examined_arrays (
        trial INTEGER NOT NULL REFERENCES trials (id) ON DELETE CASCADE,
        number INTEGER NOT NULL,
        name TEXT NOT NULL,
        axes TEXT NOT NULL,
        shape TEXT NOT NULL,
        data BLOB NOT NULL,
        UNIQUE (trial, number, name)
    )
    """,
    """
    CREATE VIEW trial_examinations AS
    SELECT t.key, t.task, t.model, t.length, t.seed, e.measure, e.version, e.settings, e.snapshot, e.at,
        e.seconds, json_extract(e.error, '$.message') AS error_message, e.digest, e.fingerprint
    FROM examinations e JOIN trials t ON t.id = e.trial
    """,
    """
    CREATE VIEW examination_metrics AS
    SELECT t.key, t.task, t.model, t.length, t.seed, e.measure, e.snapshot, m.name, m.value
    FROM examined_metrics m JOIN examinations e ON e.trial = m.trial AND e.number = m.number
    JOIN trials t ON t.id = m.trial
    """,
    """
    CREATE VIEW examination_arrays AS
    SELECT t.key, t.task, t.model, t.length, t.seed, e.measure, e.snapshot, a.name, a.axes, a.shape, a.data
    FROM examined_arrays a JOIN examinations e ON e.trial = a.trial AND e.number = a.number
    JOIN trials t ON t.id = a.trial
    """,
)
