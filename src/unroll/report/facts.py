"""What a reader needs to judge and to repeat a study: its settings, commands, machine, sources."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from shlex import quote
from typing import Any

from unroll.errors import StudyError
from unroll.store import PlannedTrial, TrialRecord
from unroll.study import Study, read_study, shipped_studies, write_study

CIRCUMSTANCES = ("python", "system", "threads", "workers", "executor", "git")
"""What is told of the circumstances of a trial; the name of the machine is nobody's business."""
MOST_VALUES = 12


@dataclass(frozen=True)
class Fact:
    """Something with a name, and the values that it has, usually one."""

    name: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class Repetition:
    """How to run a study again: its file, "" where it comes with unroll, and the commands."""

    name: str
    text: str
    commands: tuple[str, ...]


def settings(planned: Sequence[PlannedTrial]) -> dict[str, list[Fact]]:
    """Return every setting of the trials, by section, each with all values that it has."""
    found: dict[str, dict[str, dict[str, None]]] = {}
    for trial in planned:
        for section, values in trial.spec["settings"].items():
            for name, value in values.items():
                found.setdefault(section, {}).setdefault(name, {})[_shown(value)] = None
    return {
        section: [Fact(name, _some(list(values))) for name, values in names.items()] for section, names in found.items()
    }


def design(study: Study, planned: Sequence[PlannedTrial]) -> list[Fact]:
    """Return what the study varies, and its protocol."""
    facts = [
        Fact(name, _some(list(dict.fromkeys(str(getattr(trial, name)) for trial in planned))))
        for name in ("task", "model", "length", "seed")
    ]
    notes = list(dict.fromkeys(trial.notes for trial in planned if trial.notes))
    return [*facts, *([Fact("variant", tuple(notes))] if notes else []), Fact("protocol", (study.protocol,))]


def machine(records: Sequence[TrialRecord]) -> list[Fact]:
    """Return versions, processor and circumstances of the finished trials, each with all values that it has."""
    found: dict[str, dict[str, None]] = {}
    for record in records:
        prints = record.fingerprint or {}
        numerics = prints.get("numerics", {})
        around = {name: prints.get("circumstances", {}).get(name) for name in CIRCUMSTANCES}
        for name, value in {**numerics, **around}.items():
            if value is not None:
                found.setdefault(name, {})[_shown(value)] = None
    return [Fact(name, _some(list(values))) for name, values in found.items()]


def repetition(study: Study) -> Repetition:
    """Return how to run a study again."""
    overrides = [f"{name}={_shown(value)}" for name, value in study.overrides.plain().items()]
    given = "".join(f" --set {quote(text)}" for text in overrides)
    shipped = _is_shipped(study, overrides)
    name = study.name if shipped else "study.toml"
    commands = tuple(f"unroll {command} {quote(name)}{given}" for command in ("run", "report"))
    return Repetition(name, "" if shipped else write_study(study), commands)


def sources(plugins: Mapping[str, Any], software: str) -> list[str]:
    """Return the BibTeX entries of unroll and of a study's tasks and models, in a fixed order, each once."""
    entries = [software]
    for family in ("task", "model"):
        for _, facts in sorted(plugins.get(family, {}).items()):
            entries += [entry for entry in facts.get("sources", []) if entry not in entries]
    return entries


def _is_shipped(study: Study, overrides: Sequence[str]) -> bool:
    if study.name not in shipped_studies():
        return False
    try:
        return read_study(study.name, overrides, check=False).digest == study.digest
    except StudyError:
        return False


def _some(values: list[str]) -> tuple[str, ...]:
    more = len(values) - MOST_VALUES
    return (*values[:MOST_VALUES], f"and {more} more") if more > 0 else tuple(values)


def _shown(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_shown(item)}" for name, item in value.items())
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_shown, value)) + "]"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "none" if value is None else str(value)
