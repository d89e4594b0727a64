"""One writer at a time: an operating-system lock that ends with its holder, and a note that says who that is.

The lock lies on a side-car file (``results.db.lock``), not on the database: closing any descriptor of the
database would release SQLite's own POSIX locks on it. The side-car is removed at the end; after a kill it
stays and holds nobody up.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import socket
import sys
import time
import weakref
from dataclasses import asdict, dataclass
from pathlib import Path

from unroll.errors import StoreError, StoreHeldError
from unroll.store.faults import full
from unroll.store.plain import now

# ``holder`` takes a shared lock for microseconds to see whether the lock is free; a writer that starts just
# then must not be refused for it.
PATIENCE = 0.1  # seconds
NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@dataclass(frozen=True)
class Holder:
    """The process that writes to a store: its number, host, since when (UTC), why, and command line."""

    pid: int
    host: str
    since: str
    purpose: str
    command: str


class WriterLock:
    """The right to write to one store, from construction to ``release`` or the end of the process.

    Raises StoreHeldError at once when another process, or another Store of this one, has it.
    """

    def __init__(self, store: Path, purpose: str):
        self._side_car = side_car(store)
        try:
            self._file = os.fdopen(self._acquire(store), "r+b", buffering=0)
        except OSError as error:
            raise self._refused(store, error) from error
        _held.add(self)
        me = Holder(os.getpid(), socket.gethostname(), now(), purpose, " ".join(sys.argv))
        try:
            self._file.truncate(0)
            self._file.write(json.dumps(asdict(me)).encode())
        except OSError as error:
            self.release()
            raise self._refused(store, error) from error

    def _refused(self, store: Path, error: OSError) -> StoreError:
        if error.errno in NO_SPACE:
            return full(store, error.strerror)
        return StoreError(
            f"{store} cannot be locked for writing: {self._side_car}: {error.strerror}. Check the disk and the "
            "permissions of the folder, or name another file with --store."
        )

    def _acquire(self, store: Path) -> int:
        deadline = time.monotonic() + PATIENCE
        while True:
            descriptor = os.open(self._side_car, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(descriptor)
                if time.monotonic() > deadline:
                    raise StoreHeldError(_refusal(store, _read(self._side_car))) from None
                time.sleep(PATIENCE / 10)
                continue
            except OSError:
                os.close(descriptor)
                raise
            if _is_file(self._side_car, descriptor):
                return descriptor
            os.close(descriptor)  # its last holder removed it between our open and our lock

    def release(self) -> None:
        """Let the next writer in. Twice is once. Raises StoreError where the file of the lock cannot be removed."""
        if self._file.closed:
            return
        try:
            if self.is_in_place():  # before the lock ends, so that it is surely ours
                self._side_car.unlink(missing_ok=True)
        except OSError as error:
            raise StoreError(
                f"All is stored, but {self._side_car} cannot be removed ({error.strerror}). It holds nobody up; delete "
                "it when you can."
            ) from error
        finally:
            self.disown()

    def is_in_place(self) -> bool:
        """Whether the file of the lock still lies where others look for it."""
        return _is_file(self._side_car, self._file.fileno())

    def disown(self) -> None:
        """Close the file only: what a forked child does, so that the lock ends with the parent."""
        self._file.close()
        _held.discard(self)


_held: weakref.WeakSet[WriterLock] = weakref.WeakSet()


def _disown_all() -> None:
    for lock in list(_held):
        lock.disown()


os.register_at_fork(after_in_child=_disown_all)


def side_car(store: Path) -> Path:
    """Return the path of a store's lock file. Symbolic links to one store share one lock."""
    real = store.resolve()
    return real.with_name(real.name + ".lock")


def holder(store: Path) -> Holder | None:
    """Return who writes to a store now, or None."""
    path = side_car(store)
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return _read(path) or Holder(0, "", "", "", "")
    else:
        return None
    finally:
        os.close(descriptor)


def _is_file(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(os.stat(path), os.fstat(descriptor))
    except OSError:
        return False


def _read(path: Path) -> Holder | None:
    try:
        return Holder(**json.loads(path.read_text()))
    except (OSError, ValueError, TypeError):
        return None  # not written yet, or already gone


def _refusal(store: Path, who: Holder | None) -> str:
    if who is None:
        return f"{store} is being written by someone else. Wait until it ends, or name another with --store."
    purpose = f" for {who.purpose}" if who.purpose else ""
    return (
        f"{store} is being written by process {who.pid} on host {who.host} since {who.since}{purpose} "
        f"({who.command}). Wait until it ends, stop it there (Ctrl-C, or kill {who.pid}), or name another "
        "file with --store. Reading is possible meanwhile."
    )
