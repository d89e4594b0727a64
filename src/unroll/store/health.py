"""What ``unroll doctor`` asks of a store."""

from __future__ import annotations

import shutil
import sqlite3
from dataclasses import asdict
from pathlib import Path
from typing import Any

from unroll.store.faults import primary
from unroll.store.lock import holder
from unroll.store.migrations import applied
from unroll.store.records import State


def health(db: sqlite3.Connection, path: Path, journal: str) -> dict[str, Any]:
    """Return a JSON-able description; see ``Store.health``."""
    real = path.resolve()
    files = [real, real.with_name(real.name + "-wal")]
    counts = dict.fromkeys(map(str, State), 0)
    counts.update(db.execute("SELECT state, count(*) FROM trials GROUP BY state").fetchall())
    who = holder(path)
    return {
        "path": str(path),
        "size": sum(file.stat().st_size for file in files if file.exists()),
        "free": shutil.disk_usage(real.parent).free,
        "journal": journal,
        "integrity": _integrity(db),
        "migrations": applied(db),
        "studies": db.execute("SELECT count(*) FROM studies").fetchone()[0],
        "trials": counts,
        "holder": None if who is None else asdict(who),
    }


def _integrity(db: sqlite3.Connection) -> str:
    try:
        return "; ".join(line for (line,) in db.execute("PRAGMA quick_check").fetchall())
    except sqlite3.DatabaseError as error:
        if primary(error) != sqlite3.SQLITE_CORRUPT:
            raise
        return str(error)  # too damaged even to be checked
