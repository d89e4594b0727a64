"""A user's own file as a setting: found when a study is read, told apart by its content."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, NamedTuple, Protocol, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo

from unroll.errors import DataError

DIGITS = 12
"""Of a hash, in a message."""
FOLDER, HERE = "folder", "here"
"""In the context of a validation: the folder of the study file, and the settings that were typed after a command."""


class UserFile(BaseModel):
    """A file by its content: ``sha256`` (64 hexadecimal digits) is what a trial's key holds, ``path`` where it lay.

    ``path`` is "" where nobody has noted it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    path: str = ""

    @property
    def name(self) -> str:
        """The file's own name; of one whose path is not known the first digits of its hash."""
        return Path(self.path).name or self.sha256[:DIGITS]

    def read(self, setting: str) -> bytes:
        """Return what the file holds; raises DataError, of the ``setting`` that it is, such as "task.file".

        That is where it is not there, or is not what it was.
        """
        if not self.path:
            raise DataError(f"nobody has noted where the file with SHA-256 {self.sha256} lay", setting)
        try:
            data = Path(self.path).read_bytes()
        except OSError as error:
            raise DataError(
                f"{self.path} cannot be read on {platform.node()}: {error.strerror}. The trial was planned with the "
                f"file whose SHA-256 is {self.sha256}: put it there, or run the study again with the path that it has "
                "here",
                setting,
            ) from None
        found = hashlib.sha256(data).hexdigest()
        if found != self.sha256:
            raise DataError(
                f"{self.path} on {platform.node()} is not the file that the trial was planned with: its SHA-256 is "
                f"{found}, not {self.sha256}. Put that file there, or run the study again: with another file its "
                "trials are new",
                setting,
            )
        return data


def found(value: Any, info: ValidationInfo) -> Any:
    """Return a path as the file that lies there, read once for its hash; what is a file already as it is.

    A relative path counts from the study file's folder, or, where it was typed after a command or in Python, from the
    working folder.
    """
    if isinstance(value, UserFile):
        return value
    if isinstance(value, Mapping):
        return UserFile(**value)
    if not isinstance(value, str) or not value:
        raise ValueError(f'{value!r} is no path. Write it in quotes, such as "my-file.txt"')
    context = info.context or {}
    folder = "" if info.field_name in context.get(HERE, ()) else context.get(FOLDER, "")
    try:
        path = (Path(folder) / Path(value).expanduser()).absolute()
        if not path.is_file():
            there = "is a folder" if path.is_dir() else "is no file" if path.exists() else "does not exist"
            raise ValueError(f"{path} {there}. A path counts from the folder of the study file")
        known = path.stat()
        digest = _sha256(str(path), known.st_size, known.st_mtime_ns, known.st_ctime_ns, known.st_ino)
    except (OSError, RuntimeError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise ValueError(f"{value} cannot be read: {reason}") from None
    return UserFile(sha256=digest, path=str(path))


FileSetting: TypeAlias = Annotated[UserFile, BeforeValidator(found)]
"""The type of a setting that is a user's file."""


class Files(NamedTuple):
    """Settings without the paths of their files, which are no part of a key; and these, by the setting."""

    settings: dict[str, Any]
    paths: dict[str, str]


def apart(settings: Mapping[str, Any]) -> Files:
    """Take the paths of files out of plain settings."""
    paths = {
        name: str(value["path"])
        for name, value in settings.items()
        if isinstance(value, dict) and value.keys() == UserFile.model_fields.keys()
    }
    return Files(
        {name: {"sha256": value["sha256"]} if name in paths else value for name, value in settings.items()}, paths
    )


def together(settings: Mapping[str, Any], paths: Mapping[str, str]) -> dict[str, Any]:
    """Put the paths back that ``apart`` took out; what has none noted has an empty one."""
    return {
        name: {**value, "path": paths.get(name, "")} if is_hash(value) else value for name, value in settings.items()
    }


def is_hash(value: Any) -> bool:
    """Say whether a setting of a specification is a file, which stands there by its hash alone."""
    return isinstance(value, Mapping) and value.keys() == {"sha256"}


class Planned(Protocol):
    """A trial with its canonical specification, planned or stored."""

    @property
    def condition(self) -> str:
        """See ``Trial.condition``."""

    @property
    def seed(self) -> int:
        """See ``Trial``."""

    @property
    def spec(self) -> Mapping[str, Any]:
        """See ``Trial.spec``."""

    @property
    def files(self) -> Mapping[str, str]:
        """See ``Trial.files``."""


def hashes(trial: Planned) -> Iterator[tuple[str, str, str]]:
    """Yield the setting, the path and the hash of each file of a trial."""
    for setting, path in trial.files.items():
        section, _, name = setting.partition(".")
        yield setting, path, str(trial.spec["settings"][section][name]["sha256"])


def spelled(sha256: str, path: str) -> str:
    """Return how tables name a file: by its own name, where it is known, and its hash."""
    return f"{Path(path).name} {sha256[:DIGITS]}".strip()


@lru_cache(maxsize=64)
def _sha256(path: str, *_unchanged: int) -> str:
    """Return the hash of a file; read again when its size, times or place on the disk are others."""
    with Path(path).open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
