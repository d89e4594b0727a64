"""A copy of a store, whole at one moment, also while a run writes to it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from unroll.errors import StoreError
from unroll.store.faults import explained
from unroll.whole import named_when_whole


def copy(db: sqlite3.Connection, target: Path) -> None:
    """Write all that a connection sees to ``target``, which must not exist; it appears there when it is whole.

    SQLite's backup is one snapshot: the writer goes on meanwhile and what it commits is not in the copy.
    """
    try:
        real = target.resolve()
        if not real.parent.is_dir():
            raise StoreError(f"There is no folder {target.parent} for the copy {target.name}. Create it first.")
        with named_when_whole(real, new=True) as part, explained(target), closing(sqlite3.connect(part)) as copied:
            copied.execute("PRAGMA synchronous = FULL")  # the copy is on the disk before it has its name
            db.backup(copied)
    except FileExistsError:
        raise StoreError(f"{target} exists and is left as it is. Choose another name, or remove it first.") from None
    except OSError as error:
        raise StoreError(f"{target} cannot be written: {error.strerror}. Choose another place for the copy.") from error
