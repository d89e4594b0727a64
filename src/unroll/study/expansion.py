"""From a study to its trials: each setting decided by the strongest that names it, and checked by its plug-in."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, ValidationError

from unroll import registry
from unroll.defaults import MAX_TRIALS
from unroll.errors import PlugInError, Problem, StudyError, UnknownNameError
from unroll.study.messages import message_of
from unroll.study.places import Path
from unroll.study.settings import GenerateSettings, Settings, TrainSettings
from unroll.study.study import SECTIONS, Study, Where, grid_problems, too_many
from unroll.study.trial import Trial

Placed = tuple[Path, Problem]


def expand(study: Study, max_trials: int = MAX_TRIALS) -> tuple[Trial, ...]:
    """Return a study's trials, each once, in the order of its lists with the seeds innermost.

    Raises StudyError with every problem of the study; with the count alone, before anything is expanded, where there
    are more than ``max_trials``.
    """
    trials, problems = examine(study, max_trials)
    if problems:
        raise StudyError([problem for _, problem in problems])
    return trials


def examine(study: Study, max_trials: int = MAX_TRIALS) -> tuple[tuple[Trial, ...], list[Placed]]:
    """Return a study's trials and everything wrong with it, each fault with the path where it stands."""
    problems = list(grid_problems(study))
    if study.count() > max_trials:
        problems.append((("factors",), too_many(study.count(), max_trials)))
        return (), problems
    plan = _Plan(study)
    trials: dict[str, Trial] = {}
    for number, grid in enumerate(study.factors):
        for trial in plan.grid(number, grid):
            if not problems:
                trials.setdefault(trial.key, trial)
    problems += plan.problems(sound_factors=not problems)
    return tuple(trials.values()), problems


@dataclass(frozen=True)
class _Value:
    value: Any
    path: Path


@dataclass
class _Plan:
    """Collects problems while it expands; equal sections are validated once."""

    study: Study
    _found: dict[tuple[str, str, Path], Placed] = field(default_factory=dict)
    _checked: dict[Any, Any] = field(default_factory=dict)
    _matched: set[int] = field(default_factory=set)
    _read: set[Path] = field(default_factory=set)
    _unread: dict[Path, str] = field(default_factory=dict)

    def grid(self, number: int, grid: Settings) -> Iterator[Trial]:
        """Yield the trials of one grid, as far as it is sound."""
        lists = {
            factor: [_Value(value, ("factors", number, factor, place)) for place, value in enumerate(values)]
            for factor, values in grid.items()
            if isinstance(values, tuple) and values
        }
        seeds = lists.pop("seed", [])
        for values in itertools.product(*lists.values()):
            condition = dict(zip(lists, values, strict=True))
            resolved = self._condition(condition)
            if resolved is not None:
                for seed in seeds:
                    if isinstance(seed.value, int):
                        yield Trial.model_construct(seed=seed.value, **resolved)

    def problems(self, sound_factors: bool) -> list[Placed]:
        """Return what was found; of sound factors also each ``[[where]]`` and ``[generate]`` that nothing reads."""
        sound_factors = sound_factors and not any(path[0] == "factors" for path, _ in self._found.values())
        for number, where in enumerate(self.study.where):
            if number not in self._matched and sound_factors and not self.study.overrides:
                self._problem(
                    ("where", number, "match"),
                    f"matches no condition: {', '.join(f'{k} = {v!r}' for k, v in where.match.items())}. "
                    "Correct it or remove the [[where]]",
                    "where.match",
                )
        for path, task in self._unread.items():
            if path not in self._read and sound_factors:
                self._problem(
                    path,
                    f'nothing would read it: the task "{task}" generates no sequences. Remove it, or add a task that '
                    "does (unroll tasks)",
                    f"factors.{path[2]}" if path[0] == "factors" else f"generate.{str(path[-1]).rpartition('.')[2]}",
                )
        return list(self._found.values())

    def _condition(self, condition: dict[str, _Value]) -> dict[str, Any] | None:
        names: dict[str, Any] = {
            factor: condition[factor].value for factor in ("task", "model", "length") if factor in condition
        }
        sections = self._sections(condition)
        task = self._plugin("task", registry.tasks, condition.get("task"), sections["task"])
        model = self._plugin("model", registry.models, condition.get("model"), sections["model"])
        train = self._section("train", "", TrainSettings, sections["train"])
        generate = self._generate(task, names.get("task"), sections["generate"])
        length = condition.get("length")
        if length is not None and type(length.value) is int and length.value >= 1:
            self._length(names.get("task"), task, length)
        if task is None or model is None or train is None or length is None or self._found:
            return None
        return {
            **names,
            "protocol": self.study.protocol,
            "task_settings": task[1],
            "model_settings": model[1],
            "train": train[0],
            "generate": generate,
            "versions": self._versions(names["task"], names["model"]),
        }

    def _generate(
        self, task: tuple[Any, Settings] | None, name: Any, settings: dict[str, _Value]
    ) -> GenerateSettings | None:
        """Validate ``[generate]`` for a task that generates; note what is given for one that does not."""
        if task is None:
            return None
        paths = [found.path for found in settings.values()]
        if not task[0].generates:
            self._unread.update(dict.fromkeys(paths, name))
            return None
        self._read.update(paths)
        checked = self._section("generate", "", GenerateSettings, settings)
        return None if checked is None else checked[0]

    def _sections(self, condition: dict[str, _Value]) -> dict[str, dict[str, _Value]]:
        """Merge what names each setting, weakest first."""
        merged: dict[str, dict[str, _Value]] = {}
        for section in SECTIONS:
            given: Settings = getattr(self.study, section)
            merged[section] = {key: _Value(value, (section, key)) for key, value in given.items()}
        for number, where in enumerate(self.study.where):
            if self._matches(number, where, condition, merged):
                self._matched.add(number)
                for section in SECTIONS:
                    settings: Settings = getattr(where, section)
                    for key, value in settings.items():
                        merged[section][key] = _Value(value, ("where", number, section, key))
        for name, found in condition.items():
            self._assign(merged, name, found)
        for name, value in self.study.overrides.items():
            if name not in condition:  # of a factor, the list was replaced
                self._assign(merged, name, _Value(value, ("--set", name)))
        return merged

    def _assign(self, merged: dict[str, dict[str, _Value]], name: str, found: _Value) -> None:
        section, dot, key = name.partition(".")
        if dot and section in merged:
            merged[section][key] = found

    def _matches(
        self, number: int, where: Where, condition: dict[str, _Value], merged: dict[str, dict[str, _Value]]
    ) -> bool:
        matched = True
        for name, wanted in where.match.items():
            section, dot, key = name.partition(".")
            if name in condition:
                value = condition[name].value
            elif name in ("task", "model", "length"):
                return False  # the factor is missing, which is said elsewhere
            elif name in self.study.overrides:
                value = self.study.overrides[name]
            elif dot and section in merged:
                value = merged[section][key].value if key in merged[section] else _default(section, key, condition)
            else:
                why = (
                    "settings belong to a condition, which all of its seeds share"
                    if name == "seed"
                    else "match by task, model, length or a setting such as train.optimizer"
                )
                self._problem(("where", number, "match", name), f"cannot be matched: {why}", f"where.match.{name}")
                continue  # as if it matched, so that its settings are checked as well
            matched = matched and value in (wanted if isinstance(wanted, tuple) else (wanted,))
        return matched

    def _plugin(
        self, section: str, family: registry.Family, name: _Value | None, settings: dict[str, _Value]
    ) -> tuple[Any, Settings] | None:
        if name is None or not isinstance(name.value, str):
            return None
        try:
            form = family.load(name.value)
        except (UnknownNameError, PlugInError) as error:
            self._problem(name.path, str(error), f"factors.{section}")
            return None
        return self._section(section, name.value, form, settings)

    def _section(
        self, section: str, owner: str, form: type[BaseModel], settings: dict[str, _Value]
    ) -> tuple[Any, Settings] | None:
        """Validate one section by its form; return the form's object and its settings, defaults included."""
        values = {key: found.value for key, found in settings.items()}
        memo = (form, Settings(values), tuple(sorted((k, repr(type(v))) for k, v in values.items())))
        if memo not in self._checked:
            try:
                made = form(**values)
                self._checked[memo] = (made, Settings(made.model_dump()))
            except ValidationError as error:
                self._checked[memo] = error
        checked: tuple[Any, Settings] | ValidationError = self._checked[memo]
        if not isinstance(checked, ValidationError):
            return checked
        for item in checked.errors():
            key = str(item["loc"][0]) if item["loc"] else None
            path = settings[key].path if key in settings else (section,)
            of = f' ({section} "{owner}")' if owner and item["type"] == "extra_forbidden" else ""
            self._problem(path, message_of(item, form), f"{section}.{key}" if key else section, of)
        return None

    def _length(self, name: Any, task: tuple[Any, Settings] | None, length: _Value) -> None:
        """Ask the task; one whose settings are wrong is asked with its defaults, so that the length is checked too."""
        if task is None:
            try:
                made = registry.tasks.load(name)()
            except (UnknownNameError, PlugInError, ValidationError):
                return  # said elsewhere
        else:
            made = task[0]
        try:
            made.check_length(length.value)
        except ValueError as error:
            self._problem(length.path, f'{error} (task "{name}")', "factors.length")

    def _versions(self, task: str, model: str) -> Settings:
        memo = ("versions", task, model)
        if memo not in self._checked:
            versions = {"task": registry.tasks.version(task), "model": registry.models.version(model)}
            self._checked[memo] = Settings(versions)
        versions_found: Settings = self._checked[memo]
        return versions_found

    def _problem(self, path: Path, message: str, setting: str, of: str = "") -> None:
        self._found.setdefault((message, setting, path), (path, Problem(message + of, setting)))


def _default(section: str, key: str, condition: dict[str, _Value]) -> Any:
    """Return a setting's default by its form; None where there is none, or the plug-in is unknown."""
    form: type[BaseModel] = GenerateSettings if section == "generate" else TrainSettings
    if section in ("task", "model"):
        family = registry.tasks if section == "task" else registry.models
        try:
            form = family.load(condition[section].value)
        except (KeyError, TypeError, UnknownNameError, PlugInError):
            return None
    field = form.model_fields.get(key)
    return None if field is None or field.is_required() else field.get_default(call_default_factory=True)
