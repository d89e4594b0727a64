"""SQLite's errors, told as facts with a place and a next step."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from unroll.errors import StoreError, StoreFormatError, StoreFullError

# A full disk is SQLITE_FULL only for ENOSPC in a write; a quota or a file size limit (EDQUOT, EFBIG), and a
# disk that fills while the shared memory file grows or at the flush, arrive as I/O errors.
FULL = {
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR_WRITE,
    sqlite3.SQLITE_IOERR_SHMSIZE,
    sqlite3.SQLITE_IOERR_FSYNC,
}
UNREACHABLE = {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_CANTOPEN}


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Raise SQLite's errors in the block as a StoreError about ``path``; errors of our SQL pass unchanged."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        told = _explain(path, error)
        if told is None:
            raise
        raise told from error


def primary(error: sqlite3.Error) -> int:
    """Return SQLite's primary result code; 0 for an error that Python's module raised itself."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def full(path: Path, reason: object) -> StoreFullError:
    """Return the error for a store that can no longer grow."""
    free = shutil.disk_usage(path.resolve().parent).free
    return StoreFullError(
        f"No space to write to {path} ({reason}): {free:,} bytes are free on its file system, and a quota or "
        "a file size limit may be lower. Finished trials are safe. Make space, then run the same command "
        "again: it continues where it stopped."
    )


def damaged(path: Path, reason: object) -> StoreFormatError:
    """Return the error for a store whose pages make no sense."""
    return StoreFormatError(
        f"{path} is damaged ({reason}). Nothing was changed. Restore it from a copy, or save what can be "
        f'read with: sqlite3 "{path}" ".recover" | sqlite3 recovered.db'
    )


def _explain(path: Path, error: sqlite3.DatabaseError) -> StoreError | None:
    code = primary(error)
    if getattr(error, "sqlite_errorcode", 0) in FULL:
        return full(path, error)
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return damaged(path, error)
    if code in UNREACHABLE:
        return StoreError(
            f"{path} cannot be opened or written ({error}). Check the permissions of the file and of its "
            "folder, or name another file with --store."
        )
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return StoreError(
            f"{path} is kept locked by another program ({error}), for example a database browser with "
            "unsaved changes. Close it there, then run the same command again."
        )
    if code == sqlite3.SQLITE_IOERR:
        return StoreError(
            f"The disk reported an error on {path} ({error.sqlite_errorname}). Check the disk, then run the "
            "same command again: it continues where it stopped."
        )
    return None
