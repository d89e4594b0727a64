"""What an executor can be told beside the number of its workers: declared by it, and checked before it is made."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from unroll.errors import ExecutorError, UnknownNameError, did_you_mean


class Options(BaseModel):
    """The options of an executor; this one has none. They say where trials run and are never part of a trial's key.

    On a command line ``tls_ca`` is written tls-ca, and every value as text.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)


Given = TypeVar("Given", bound=Options)


def checked(form: type[Given], given: Mapping[str, Any], executor: str) -> Given:
    """Return options as their model has them.

    Raises UnknownNameError for those that it has not, else ExecutorError for values that it refuses: all of them.
    """
    if strange := [name for name in given if not isinstance(name, str)]:
        raise ExecutorError(
            f"The executor {executor} cannot take its options: names of options are texts, not {strange[0]!r}. "
            "See docs/cluster.md."
        )
    try:
        return form(**{name.replace("-", "_"): value for name, value in given.items()})
    except ValidationError as error:
        problems = error.errors()
    known = list(map(_written, form.model_fields))
    unknown = [_written(str(one["loc"][0])) for one in problems if one["type"] == "extra_forbidden"]
    if unknown:
        said = " ".join(
            f"Unknown option {name} of the executor {executor}.{did_you_mean(name, known)}" for name in unknown
        )
        has = f"Its options: {', '.join(known)}." if known else "It has none."
        raise UnknownNameError(f"{said} {has}")
    said = "; ".join(map(_told, problems))
    raise ExecutorError(f"The executor {executor} cannot take its options: {said}. See docs/cluster.md.")


def read_options(file: Path | None, options: Sequence[str], scheduler: str | None) -> dict[str, Any]:
    """Return the options of a command line: those of a TOML file, then NAME=VALUE, then the address of a scheduler."""
    found: dict[str, Any] = {}
    if file is not None:
        try:
            found |= tomllib.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise ExecutorError(f"{file} cannot be read as options of an executor: {error}.") from error
    for option in options:
        name, equals, value = option.partition("=")
        if not equals:
            raise ExecutorError(f"--executor-option {option} has no value. Write NAME=VALUE, such as silence=30.")
        found[name.strip()] = value
    return found | ({} if scheduler is None else {"scheduler": scheduler})


def _told(problem: ErrorDetails) -> str:
    """Return one problem, with the option that it is of, unless it is of several."""
    where = "".join(f"{_written(str(name))}: " for name in problem["loc"][:1])
    return where + problem["msg"].removeprefix("Value error, ")


def _written(name: str) -> str:
    return name.replace("_", "-")
