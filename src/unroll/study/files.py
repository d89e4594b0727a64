"""Study files: TOML in and out, shipped studies by name, overrides from the command line."""

from __future__ import annotations

import io
import math
import stat
import tomllib
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from unroll.defaults import MAX_TRIALS
from unroll.errors import Problem, StudyError, did_you_mean
from unroll.inert import clipped
from unroll.study.expansion import Judge, examine, flat
from unroll.study.limits import excess
from unroll.study.messages import problem_of, shown
from unroll.study.places import Path as Place
from unroll.study.places import Places
from unroll.study.questions import question_problems
from unroll.study.settings import plain
from unroll.study.study import SECTIONS, Study, StudyForm
from unroll.study.trial import Trial

LARGEST_FILE = 1_000_000
"""Bytes that a study file may have."""
LONGEST_REASON = 100
"""Characters of a parser's message, which repeats keys."""


def shipped_studies() -> tuple[str, ...]:
    """Return the names of the studies that come with unroll."""
    folder = files("unroll") / "studies"
    return tuple(sorted(entry.name.removesuffix(".toml") for entry in folder.iterdir() if entry.name.endswith(".toml")))


def study_text(source: str | Path) -> str:
    """Return the TOML text of a shipped study, by its name, or of a file, by its path."""
    return _text(source)[0]


def read_study(
    source: str | Path,
    overrides: Sequence[str] = (),
    *,
    max_trials: int = MAX_TRIALS,
    check: bool = True,
    judge: Judge | None = None,
) -> Study:
    """Read a study by its shipped name or by the path of its file.

    ``overrides`` are settings such as "train.epochs=5", which override the file; "seed=[1, 2]" replaces the
    list of a factor. Raises StudyError with all problems at once, each with file, line and value. ``check=False``
    leaves out what only tasks and models know, so that a study can be looked at where a plug-in is missing; ``judge``
    adds what keeps a condition from being run (``unroll.running.judging``).
    """
    return _read(source, overrides, max_trials, check, judge)[0]


def read_expanded(
    source: str | Path,
    overrides: Sequence[str] = (),
    *,
    max_trials: int = MAX_TRIALS,
    judge: Judge | None = None,
) -> tuple[Study, tuple[Trial, ...]]:
    """Return a study as ``read_study`` does, and its trials: it was expanded to be checked, and need not be again."""
    return _read(source, overrides, max_trials, True, judge)


def _read(
    source: str | Path, overrides: Sequence[str], max_trials: int, check: bool, judge: Judge | None
) -> tuple[Study, tuple[Trial, ...]]:
    """Return a study and, where it is checked, its trials."""
    text, name = _text(source)
    if (found := excess(text)) is not None:
        raise StudyError([Problem(found[0], source=name, line=found[1])])
    try:
        data = tomllib.loads(text)
        places = Places(text)
    except (ValueError, RecursionError) as error:  # of ValueErrors: broken TOML, and a number with too many digits
        raise StudyError([Problem(f"not a TOML file: {clipped(str(error), LONGEST_REASON)}", source=name)]) from None
    settings, replaced, problems = _override(data, overrides)
    placed: list[tuple[Place, Problem]] = []
    try:
        StudyForm.model_validate(data)
    except ValidationError as error:
        placed = [(tuple(item["loc"]), problem_of(item, StudyForm)) for item in error.errors()]
    broken = {path[0] for path, _ in placed}
    study = _sound(data, settings, broken).in_folder(_folder(source))
    trials: tuple[Trial, ...] = ()
    if check:
        blocks, faults = examine(study, max_trials, judge)
        trials = flat(blocks)
        placed += [found for found in faults if found[0][0] not in broken | {"questions"}]
        values = None if "factors" in broken else study.values()
        placed += question_problems(data.get("questions"), values, study.overrides)
    single = isinstance(data.get("factors"), dict)
    problems += [_at(path, problem, name, places, single, replaced) for path, problem in placed]
    if problems:
        raise StudyError(sorted(problems, key=lambda problem: problem.line or 0))
    return study, trials


def as_study(study: Study | str | Path) -> Study:
    """Return a study as it is, or read it by its shipped name or the path of its file: see ``read_study``."""
    return study if isinstance(study, Study) else read_study(study, check=False)


def write_study(study: Study | str | Path) -> str:
    """Return a study as the TOML text that reads as the same study; its overrides are left out."""
    study = as_study(study)
    data = study.model_dump(exclude={"overrides"})
    lines = [f"{key} = {_toml(data[key])}" for key in ("name", "question", "protocol") if data[key]]
    for grid in data["factors"]:
        lines += ["", "[[factors]]" if len(data["factors"]) > 1 else "[factors]", *_pairs(grid)]
    for section in SECTIONS:
        if data[section]:
            lines += ["", f"[{section}]", *_pairs(data[section])]
    for where in data["where"]:
        lines += ["", "[[where]]", *_pairs({key: value for key, value in where.items() if value or key == "match"})]
    for question in data["questions"]:
        lines += ["", "[[questions]]", *_pairs({key: value for key, value in question.items() if value})]
    return "\n".join(lines) + "\n"


def spelled(overrides: Mapping[str, Any]) -> tuple[str, ...]:
    """Return overrides as ``--set`` takes them: NAME=VALUE, words without quotes where they are understood so."""
    return tuple(f"{name}={_bare(plain(value))}" for name, value in overrides.items())


def _bare(value: Any) -> str:
    if isinstance(value, str) and value == value.strip() and value.isprintable() and valued(value) == value:
        return value
    return _toml(value)


def valued(written: str) -> Any:
    """Return the value that was written after the equals sign of ``--set``: TOML, or else a word."""
    try:
        if excess(written) is not None:
            return written
        table = tomllib.loads(f"value = {written}")
    except (ValueError, RecursionError):
        return written
    return table["value"] if len(table) == 1 else written  # a second line would be a second setting, and be lost


def _text(source: str | Path) -> tuple[str, str]:
    path = Path(source)
    name = str(source)
    if isinstance(source, str) and name in shipped_studies():
        return (files("unroll") / "studies" / f"{name}.toml").read_text(encoding="utf-8"), f"{name}.toml"
    try:
        mode = path.stat().st_mode
        if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):  # a pipe would keep us waiting, /dev/zero never end
            raise StudyError([Problem("not a file that holds text", source=name)])
        with path.open("rb") as file:
            content = file.read(LARGEST_FILE + 1)
        if len(content) > LARGEST_FILE:
            raise StudyError([Problem(f"larger than {LARGEST_FILE:,} bytes, so not a study file", source=name)])
        return io.TextIOWrapper(io.BytesIO(content), encoding="utf-8-sig").read(), name
    except FileNotFoundError:
        hint = did_you_mean(name, shipped_studies())
        called = f'no shipped study and no file is called "{clipped(name)}".{hint}'
        raise StudyError([Problem(f"{called} All shipped studies: unroll studies")]) from None
    except (OSError, ValueError) as error:  # of ValueErrors: not UTF-8, and NUL in the path
        reason = error.strerror if isinstance(error, OSError) else str(error)
        if isinstance(error, UnicodeDecodeError):
            reason = f"not UTF-8 text ({error.reason})"
        raise StudyError([Problem(f"cannot be read: {reason}", source=name)]) from None


def _override(data: dict[str, Any], overrides: Sequence[str]) -> tuple[dict[str, Any], set[str], list[Problem]]:
    """Put new lists of factors, and a new name, question or protocol, into the data of a file.

    Returns the settings of all overrides, the names of what was replaced in the data, and what cannot be understood.
    """
    replaced: set[str] = set()
    problems: list[Problem] = []
    settings: dict[str, Any] = {}
    blocks = data.get("factors")
    blocks = [blocks] if isinstance(blocks, dict) else blocks if isinstance(blocks, list) else []
    grids = [block for block in blocks if isinstance(block, dict)]
    for text in overrides:
        name, equals, written = (part.strip() for part in text.partition("="))
        section = name.partition(".")[0]
        if not equals or not name:
            problems.append(Problem(f"{shown(text)} is not NAME=VALUE, such as train.epochs=5", source="--set"))
            continue
        value = valued(written)
        if any(name in grid for grid in grids):
            replaced.add(name)
            for grid in grids:
                grid[name] = settings[name] = value if isinstance(value, list) else [value]
        elif "." in name and section in SECTIONS:
            settings[name] = value
        elif name in ("name", "question", "protocol"):
            data[name] = value
            replaced.add(name)
        else:
            known = [*(factor for grid in grids for factor in grid), "protocol", "train.epochs"]
            problems.append(
                Problem(
                    f'unknown setting "{clipped(name)}".{did_you_mean(name, known)} Example: train.epochs=5',
                    source="--set",
                )
            )
    return settings, replaced, problems


def _sound(data: dict[str, Any], overrides: dict[str, Any], broken: set[str | int]) -> Study:
    """Return the study without its malformed top-level keys, so that the rest is checked as well."""
    sound = {key: value for key, value in data.items() if key not in broken}
    return Study(**{"name": "unnamed", "factors": {}, **sound}, overrides=overrides)


def _folder(source: str | Path) -> str:
    """Return where the paths in a study begin: beside its file; of a shipped one in the working folder."""
    return str(Path(source).absolute().parent) if Path(source).is_file() else ""


def _at(path: Place, problem: Problem, source: str, places: Places, single: bool, replaced: set[str]) -> Problem:
    if path[0] == "--set" or path[0] in replaced or (path[0] == "factors" and {*path[2:3]} & replaced):
        return Problem(problem.message, problem.setting, source="--set")
    if single and path[:1] == ("factors",):
        path = (path[0], *path[2:])
    return Problem(problem.message, problem.setting, source=source, line=places.line(path))


def _pairs(table: dict[str, Any]) -> list[str]:
    return [f"{_key(key)} = {_toml(value)}" for key, value in table.items()]


def _key(key: str) -> str:
    return key if key.replace("_", "").replace("-", "").isalnum() and key.isascii() else _toml(key)


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return '"none"'
    if isinstance(value, str):
        escaped = "".join(
            {"\\": "\\\\", '"': '\\"'}.get(c, c if c.isprintable() else f"\\U{ord(c):08x}") for c in value
        )
        return f'"{escaped}"'
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, dict):
        return "{ " + ", ".join(_pairs(value)) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    return repr(value)
