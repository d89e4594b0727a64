"""Files that are there whole or not at all, whenever the power fails, the disk is full or the program is killed."""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from unroll.errors import UnrollError
from unroll.inert import clipped


def write_whole(path: Path, content: bytes, *, new: bool = False) -> None:
    """Write a file under a temporary name in its folder, flush it to the disk, and only then give it its name.

    Whoever looks finds the old file or the new one, never a part. ``new``: a file that exists is left as it is. A
    symbolic link stays one, permissions stay; what is no regular file (a pipe, /dev/stdout) is written as it is.

    Raises UnrollError where it cannot be written or, with ``new``, exists; what was there before is still there then.
    """
    name = clipped(str(path))
    try:
        target = Path(os.path.realpath(path))
        before = _stat(target)
        if before is not None and not new and not stat.S_ISREG(before.st_mode):
            target.write_bytes(content)
            return
        _replace(target, content, before, new)
    except FileExistsError:
        raise UnrollError(f"{name} exists and is left as it is. Choose another name, or remove it first.") from None
    except OSError as error:
        raise UnrollError(f"{name} cannot be written: {error.strerror}. Choose another place for it.") from None


@contextmanager
def named_when_whole(target: Path, *, new: bool) -> Iterator[Path]:
    """Yield another name in the folder of ``target``; what the block has put there gets the true name at its end.

    The block flushes the file, this the folder. After an error nothing is left. Raises OSError; FileExistsError with
    ``new``, where the target exists.
    """
    part = target.with_name(f".unroll-{secrets.token_hex(8)}.part")
    try:
        yield part
        if new:
            os.link(part, target)
        else:
            os.replace(part, target)
        _flush(target.parent)
    finally:
        with suppress(OSError):  # which says less than what has gone wrong before
            part.unlink(missing_ok=True)


def _replace(target: Path, content: bytes, before: os.stat_result | None, new: bool) -> None:
    with named_when_whole(target, new=new) as part:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        with os.fdopen(descriptor, "wb") as file:
            if before is not None:
                os.fchmod(descriptor, stat.S_IMODE(before.st_mode))
            file.write(content)
            file.flush()
            os.fsync(descriptor)


def _flush(folder: Path) -> None:
    """Put the new name on the disk too."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _stat(target: Path) -> os.stat_result | None:
    try:
        return target.stat()
    except FileNotFoundError:
        return None
