"""SQLite's errors, told as facts with a place and what to do next."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from unroll.defaults import STORE
from unroll.errors import DamagedError, StoreError, StoreFormatError, StoreFullError, StoreLimitError

# A full disk is SQLITE_FULL only for ENOSPC in a write; a quota or a file size limit (EDQUOT, EFBIG), and a
# disk that fills while the shared memory file grows or at the flush, arrive as I/O errors.
FULL = {
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR_WRITE,
    sqlite3.SQLITE_IOERR_SHMSIZE,
    sqlite3.SQLITE_IOERR_FSYNC,
}
LARGEST = 1_000_000_000
"""Bytes of the largest row: SQLITE_MAX_LENGTH, https://www.sqlite.org/limits.html."""
# Constraints and sizes are looked at before anything is written: where SQLite finds them broken, an index is.
DAMAGED = {
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_NOTADB,
    sqlite3.SQLITE_CONSTRAINT,
    sqlite3.SQLITE_MISMATCH,
    sqlite3.SQLITE_FORMAT,
}
UNREACHABLE = {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_CANTOPEN}


class DamageError(Exception):
    """Something that was read is not what was written; says whose, and what of it. ``explained`` tells it."""


class PagesError(Exception):
    """What SQLite says of its pages does not fit together; says what. ``explained`` tells it."""


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Raise damage, SQLite's errors and those of files in the block as a StoreError about ``path``.

    Those of our SQL pass unchanged, and so do a stream's (a closed screen), which name no file.
    """
    try:
        yield
    except MemoryError as error:
        raise StoreError(
            f"There is no memory for work on {path}. Nothing was changed. Make memory free, or ask for fewer workers, "
            "then run the same command again: it continues where it stopped."
        ) from error
    except OverflowError as error:  # a blob of more than 2^31 bytes does not even reach SQLite
        raise too_large(path, error) from error
    except DamageError as error:
        there = "" if path == Path(STORE) else f" --store {path}"
        raise DamagedError(
            f"In {path}, {error}. Nothing was changed. See all that is damaged: unroll doctor --verify{there}. Remove "
            f"just that: unroll forget --damaged{there}; then unroll run trains it again."
        ) from error
    except PagesError as error:
        raise damaged(path, error) from error
    except UnicodeDecodeError as error:  # SQLite's message repeats damaged names, which are no UTF-8 any more
        raise damaged(path, error.object.decode(errors="replace")) from error
    except sqlite3.DatabaseError as error:
        told = _explain(path, error)
        if told is None:
            raise
        raise told from error
    except OSError as error:
        if error.filename is None:
            raise
        raise StoreError(
            f"{path} cannot be looked at ({error.filename}: {error.strerror}). Check the disk, then run the same "
            "command again: it continues where it stopped."
        ) from error


def primary(error: sqlite3.Error) -> int:
    """Return SQLite's primary result code; 0 for an error that Python's module raised itself."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def full(path: Path, reason: object) -> StoreFullError:
    """Return the error for a store that can no longer grow."""
    try:
        free = f"{shutil.disk_usage(path.resolve().parent).free:,} bytes are free"
    except OSError:
        free = "how much is free cannot be said"
    return StoreFullError(
        f"No space to write to {path} ({reason}): {free} on its file system, and a quota or "
        "a file size limit may be lower. Finished trials are safe. Make space, then run the same command "
        "again: it continues where it stopped."
    )


def too_large(path: Path, reason: object) -> StoreLimitError:
    """Return the error for a value that no store can hold."""
    return StoreLimitError(
        f"A value is too large for {path} ({reason}): SQLite holds up to {LARGEST:,} bytes in one. Lower the number of "
        "parameters (model.hidden, model.layers) or of updates (train.epochs)."
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
    if code in DAMAGED or "unsupported file format" in str(error):
        return damaged(path, error)
    if code in UNREACHABLE:
        return StoreError(
            f"{path} cannot be opened or written ({error}). Check the permissions of the file and of its "
            "folder, or name another file with --store."
        )
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL):
        return StoreError(
            f"{path} is kept locked by another program ({error}), for example a database browser with "
            "unsaved changes. Close it there, then run the same command again."
        )
    if code == sqlite3.SQLITE_INTERRUPT:  # see bounds.py
        return damaged(path, "its pages lead to each other without an end")
    if code == sqlite3.SQLITE_TOOBIG:
        return too_large(path, error)
    if code == sqlite3.SQLITE_IOERR:
        return StoreError(
            f"The disk reported an error on {path} ({error.sqlite_errorname}). Check the disk, then run the "
            "same command again: it continues where it stopped."
        )
    return None
