"""What a reader needs to judge and to repeat a study: its settings, commands, machine, sources."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from unroll.citation import cited
from unroll.errors import PlugInError
from unroll.measures import Measure
from unroll.store import PlannedTrial, TrialRecord
from unroll.study import Study
from unroll.study.levels import level as level_of
from unroll.wording import level, listed, short_names

CIRCUMSTANCES = (
    *("unroll", "torch", "numpy", "instructions", "kernel instructions", "cpu"),  # where no bit depends on them
    *("python", "system", "threads", "workers", "executor", "git"),
)
"""What is told of the circumstances of a trial; the name of the machine is nobody's business."""
MOST_VALUES = 12


@dataclass(frozen=True)
class Fact:
    """Something with a name, and the values that it has, usually one."""

    name: str
    values: tuple[str, ...]


def settings(planned: Sequence[PlannedTrial]) -> dict[str, list[Fact]]:
    """Return every setting of the trials, by section, each with all values that it has.

    A name that two sections have is told with its section: ``task.lengths`` are drawn, ``test.lengths`` are tested.
    A setting that a specification leaves out has its default there (see ``unroll.study.levels``); one that all leave
    out is not told.
    """
    names: dict[str, dict[str, None]] = {}
    for trial in planned:
        for section, values in trial.spec["settings"].items():
            names.setdefault(section, {}).update(dict.fromkeys(values))
    found: dict[str, dict[str, dict[str, None]]] = {section: {name: {} for name in names[section]} for section in names}
    for trial in planned:
        for section in trial.spec["settings"]:
            for name, values in found[section].items():
                value = level_of(trial, f"{section}.{name}")
                if value == value:
                    values[level(name, value)] = None
    whole = [f"{section}.{name}" for section, values in found.items() for name in values]
    short = dict(zip(whole, short_names(whole), strict=True))
    return {
        section: [Fact(short[f"{section}.{name}"], _some(list(values))) for name, values in names.items()]
        for section, names in found.items()
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
        circumstances = prints.get("circumstances", {})
        around = {name: circumstances[name] for name in CIRCUMSTANCES if name in circumstances}
        for name, value in {**numerics, **around}.items():
            if value is not None and value != "":
                found.setdefault(name, {})[level(name, value)] = None
    return [Fact(name, _some(list(values))) for name, values in found.items()]


def same(records: Sequence[TrialRecord]) -> str:
    """Return what must be the same for the same bits."""
    on_a_gpu = any("device" in (record.fingerprint or {}).get("numerics", {}) for record in records)
    return listed(["versions", "backend", "processor", *(["GPU"] if on_a_gpu else [])])


def sources(plugins: Iterable[Mapping[str, Any]], measures: Iterable[Measure], software: str) -> list[str]:
    """Return the BibTeX entries of unroll, of plug-ins by their facts and of measures, in order, each once."""
    entries = [software]
    for told in plugins:
        entries += [entry for entry in told.get("sources", []) if entry not in entries]
    for measure in measures:
        try:
            entries += [entry for entry in cited(type(measure)) if entry not in entries]
        except PlugInError:  # a third party's file of entries is not there: whoever asks ``unroll cite`` is told
            continue
    return entries


def _some(values: list[str]) -> tuple[str, ...]:
    more = len(values) - MOST_VALUES
    return (*values[:MOST_VALUES], f"and {more} more") if more > 0 else tuple(values)
