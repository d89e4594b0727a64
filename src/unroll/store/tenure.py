"""A writer's hold on its store: whether the files are still those it opened, and whether it is still the only one.

The lock keeps others out as long as nobody deletes its file. Two things notice what the lock cannot: the files are
looked at, by stat alone, before each transaction and whenever the run asks; and each transaction compares a token that
the writer put into the store when it opened it. Whoever's token is gone has been followed by another, and stops.
"""

from __future__ import annotations

import os
import secrets
import sqlite3
from contextlib import suppress
from pathlib import Path

from unroll.errors import StoreError, StoreLostError
from unroll.store.lock import WriterLock
from unroll.store.plain import now

Identity = tuple[int, int]


class Tenure:
    """From the opening of a store for writing to its end. ``look`` and ``check`` raise StoreLostError."""

    def __init__(self, path: Path, lock: WriterLock, journal: str):
        self._path, self._lock = path, lock
        self._file = path.resolve()
        self._log = self._file.with_name(self._file.name + "-wal") if journal == "wal" else None
        self._token = secrets.token_hex(16)
        status = self._status()
        self._identity, self._size = _identity(status), status.st_size
        self._log_identity: Identity | None = None
        self._see_log()

    def begin(self, db: sqlite3.Connection) -> None:
        """Put this writer's token in the place of the last one's, in the caller's transaction."""
        db.execute("INSERT OR REPLACE INTO writer VALUES (1, ?, ?)", (self._token, now()))

    def check(self, db: sqlite3.Connection) -> None:
        """Make sure, in the caller's transaction, that no other writer has opened the store since."""
        row = db.execute("SELECT token FROM writer WHERE id = 1").fetchone()
        if row is None or row[0] != self._token:
            raise self._lost(
                "was opened for writing by another process as well (its lock was removed, or does not hold on this "
                "file system). That one goes on, this one stops",
                "Leave it to the other, or wait until it ends",
            )

    def look(self) -> None:
        """Make sure that the files of the store, and of its lock, are still those that were opened."""
        status = self._status()
        if _identity(status) != self._identity:
            raise self._lost("was replaced by another file while it was being written", "See which file it shall be")
        if status.st_size < self._size:
            raise self._lost(
                f"was cut from {self._size:,} to {status.st_size:,} bytes by another program",
                "See what is left (unroll doctor), or restore a copy",
            )
        self._size = status.st_size
        self._see_log()
        if not self._lock.is_in_place():
            raise self._lost(
                "can no longer be kept from other writers: the file of its lock was deleted or replaced",
                "See that nothing removes files beside the store",
            )

    def end(self, db: sqlite3.Connection) -> None:
        """Close the connection and give up the lock."""
        moved = _identity_at(self._file) != self._identity
        if moved and self._log is not None:
            # SQLite would leave the log where it is. Without it the file that was moved lacks its last commits, and
            # another store of this name would take it for its own.
            with suppress(sqlite3.Error):
                db.execute("PRAGMA busy_timeout = 1000")
                db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        db.close()
        if self._log is not None and _is_gone(self._file) and _identity_at(self._log) == self._log_identity:
            for end in ("-wal", "-shm"):
                with suppress(OSError):
                    self._file.with_name(self._file.name + end).unlink()
        self._lock.release()

    def _status(self) -> os.stat_result:
        try:
            return self._file.stat()
        except FileNotFoundError:
            raise self._lost(
                "was deleted or moved away while it was being written", "Put it back, or restore a copy"
            ) from None
        except OSError as error:
            raise StoreError(
                f"{self._path} can no longer be looked at ({error.strerror}). Check the disk, then run the same "
                "command again: it continues where it stopped."
            ) from error

    def _see_log(self) -> None:
        """Remember the write-ahead log, which is there from the first change on and never goes while it is open."""
        if self._log is None:
            return
        identity = _identity_at(self._log)
        if self._log_identity is None:
            self._log_identity = identity
        elif identity != self._log_identity:
            raise self._lost(
                f"has lost its write-ahead log: {self._log.name} was deleted or replaced",
                "See that nothing removes files beside the store",
            )

    def _lost(self, fact: str, advice: str) -> StoreLostError:
        return StoreLostError(
            f"{self._path} {fact}. Nothing more is written to it. {advice}; then run the same command again: it goes "
            "on with what the store holds."
        )


def _identity(status: os.stat_result) -> Identity:
    return status.st_dev, status.st_ino


def _is_gone(path: Path) -> bool:
    try:
        path.stat()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return False


def _identity_at(path: Path) -> Identity | None:
    try:
        return _identity(path.stat())
    except OSError:
        return None
