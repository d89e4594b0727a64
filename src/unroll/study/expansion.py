"""From a study to its trials: each setting decided by the strongest that names it, and checked by its plug-in."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from pydantic import ValidationError

from unroll import registry
from unroll.capabilities import Continues
from unroll.defaults import MAX_TRIALS
from unroll.errors import DataError, PlugInError, Problem, StudyError, UnknownNameError, UnrollError, did_you_mean
from unroll.study.culprit import culprit, fails
from unroll.study.levels import form_of
from unroll.study.messages import message_of, shown
from unroll.study.places import Path as Place
from unroll.study.questions import question_problems
from unroll.study.settings import GenerateSettings, LengthSettings, Section, Settings, TrainSettings, as_read
from unroll.study.study import SECTIONS, Study, Where, grid_problems, too_many
from unroll.study.trial import Trial
from unroll.study.user_file import FOLDER, HERE
from unroll.wording import listed

Placed = tuple[Place, Problem]


Judge: TypeAlias = Callable[[Trial], Iterable[tuple[str, Problem]]]
"""Says what keeps a trial's condition from being run: each fault with a name, under which equal ones are one."""


def expand(study: Study | str | Path, max_trials: int = MAX_TRIALS, judge: Judge | None = None) -> tuple[Trial, ...]:
    """Return a study's trials, each once, in the order of its lists with the seeds innermost.

    ``study`` is a Study, or the shipped name or path of one. Raises StudyError with every problem of the study, those
    that ``judge`` finds among them; with the count alone, before anything is expanded, where there are more than
    ``max_trials``.
    """
    from unroll.study.files import as_study

    return flat(in_blocks(as_study(study), max_trials, judge))


def flat(blocks: Iterable[Block]) -> tuple[Trial, ...]:
    """Return the trials of blocks, in their order."""
    return tuple(trial for block in blocks for trial in map(block.condition.with_seed, block.seeds))


def in_blocks(study: Study, max_trials: int = MAX_TRIALS, judge: Judge | None = None) -> tuple[Block, ...]:
    """Return the same as blocks: an object a condition, where those of the trials are not needed."""
    blocks, problems = examine(study, max_trials, judge)
    if problems:
        raise StudyError([problem for _, problem in problems])
    return blocks


@dataclass(frozen=True)
class Block:
    """Trials of one condition that follow each other in a study: one of them with seed 0, and their seeds."""

    condition: Trial
    seeds: tuple[int, ...]


def examine(
    study: Study, max_trials: int = MAX_TRIALS, judge: Judge | None = None
) -> tuple[tuple[Block, ...], list[Placed]]:
    """Return a study's trials, each once, and everything wrong with it, each fault with the path where it stands."""
    problems = list(grid_problems(study))
    asked = list(question_problems(study.questions, study.values(), study.overrides))
    if study.count() > max_trials:
        problems.append((("factors",), too_many(study.count(), max_trials)))
        return (), [*problems, *asked]
    plan = _Plan(study, judge)
    blocks: list[Block] = []
    known: dict[str, set[int]] = {}
    for number, grid in enumerate(study.factors):
        for block in plan.grid(number, grid):
            if not problems:
                before = known.setdefault(block.condition.condition, set())
                new = tuple(seed for seed in dict.fromkeys(block.seeds) if seed not in before)
                before.update(new)
                blocks.append(Block(block.condition, new))
    problems += plan.problems(sound_factors=not problems)
    return tuple(blocks), [*problems, *asked]


@dataclass(frozen=True)
class _Value:
    value: Any
    path: Place


@dataclass
class _Plan:
    """Collects problems while it expands; equal sections are validated once."""

    study: Study
    judge: Judge | None
    _found: dict[tuple[str, str, Place], Placed] = field(default_factory=dict)
    _checked: dict[Any, Any] = field(default_factory=dict)
    _matched: set[int] = field(default_factory=set)
    _met: set[tuple[int, str, int]] = field(default_factory=set)
    _words: dict[str, set[str]] = field(default_factory=dict)
    _read: set[Place] = field(default_factory=set)
    _unread: dict[Place, str] = field(default_factory=dict)
    _devices: dict[str, Place] = field(default_factory=dict)

    def grid(self, number: int, grid: Settings) -> Iterator[Block]:
        """Yield the trials of one grid, as far as it is sound."""
        lists = {
            factor: [_Value(value, ("factors", number, factor, place)) for place, value in enumerate(values)]
            for factor, values in grid.items()
            if isinstance(values, tuple) and values
        }
        for factor, value in grid.items():  # one that is no list counts as one of it, so that the rest is checked too
            if isinstance(value, bool | int | float | str):
                lists[factor] = [_Value(value, ("factors", number, factor))]
        seeds = tuple(seed.value for seed in lists.pop("seed", []) if isinstance(seed.value, int))
        for values in itertools.product(*lists.values()):
            condition = dict(zip(lists, values, strict=True))
            resolved = self._condition(condition)
            if resolved is not None and not self._found:
                yield Block(Trial.model_construct(seed=0, **resolved), seeds)

    def problems(self, sound_factors: bool) -> list[Placed]:
        """Return what was found; of sound factors also each ``[[where]]`` and ``[generate]`` that nothing reads."""
        sound_factors = sound_factors and not any(path[0] == "factors" for path, _ in self._found.values())
        for number, where in enumerate(self.study.where):
            if sound_factors and self._judged(where):
                self._unmet(number, where)
        for path, task in self._unread.items():
            if path not in self._read and sound_factors:
                self._problem(
                    path,
                    f'nothing would read it: the task "{task}" generates no sequences. Remove it, or add a task that '
                    "does (unroll tasks)",
                    f"factors.{path[2]}" if path[0] == "factors" else f"generate.{str(path[-1]).rpartition('.')[2]}",
                )
        for path in list(self._devices.values())[1:2]:
            self._problem(
                path,
                f"one study trains on one device, this asks for {listed(list(self._devices))}. Make a study of each",
                "train.device",
            )
        return list(self._found.values())

    def _condition(self, condition: dict[str, _Value]) -> dict[str, Any] | None:
        """Resolve a condition; None where something is wrong with it, which is noted."""
        try:
            return self._resolved(condition)
        except DataError as error:  # of data that a task must read to know its own sizes
            section, _, key = error.setting.partition(".")
            given = self._sections(condition).get(section, {}).get(key) or condition["task"]
            self._problem(given.path, str(error), error.setting or "factors.task")
            return None
        except UnrollError:
            raise
        except Exception as error:
            if not self._fails(error, condition):
                raise
            return None

    def _fails(self, error: Exception, condition: dict[str, _Value]) -> bool:
        """Note that a plug-in raises what nobody asked it for; False where no plug-in is to blame."""
        given = {part: found for part, found in condition.items() if part in ("task", "model")}
        forms = {part: form_of(part, str(found.value)) for part, found in given.items()}
        part = culprit(error, {part: form for part, form in forms.items() if form is not None})
        if part is None:
            return False
        self._problem(given[part].path, fails(part, given[part].value, error), f"factors.{part}")
        return True

    def _resolved(self, condition: dict[str, _Value]) -> dict[str, Any] | None:
        names: dict[str, Any] = {
            factor: condition[factor].value for factor in ("task", "model", "length") if factor in condition
        }
        sections = self._sections(condition)
        task = self._plugin("task", registry.tasks, condition.get("task"), sections["task"])
        model = self._plugin("model", registry.models, condition.get("model"), sections["model"])
        train = self._section("train", "", TrainSettings, sections["train"])
        generate = self._generate(task, names.get("task"), sections["generate"])
        test = self._section("test", "", LengthSettings, sections["test"])
        length = condition.get("length")
        if task is not None and test is not None and test[0].lengths:
            self._tested(names.get("task"), task[0], test[0].lengths, sections["test"]["lengths"].path)
        if length is None or not self._length(names.get("task"), task, length):
            return None
        if (
            task is None
            or model is None
            or train is None
            or test is None
            or (generate is None and isinstance(task[0], Continues))
        ):
            return None
        given = sections["train"].get("device")
        self._devices.setdefault(train[0].device, ("train",) if given is None else given.path)
        resolved = {
            **names,
            "protocol": self.study.protocol,
            "task_settings": task[1],
            "model_settings": model[1],
            "train": train[0],
            "generate": generate,
            "test": test[0],
            "versions": self._versions(names["task"], names["model"], task[0].versions(length.value)),
        }
        if self.judge is not None:
            self._judge(Trial.model_construct(seed=0, **resolved), condition, sections)
        return resolved

    def _judge(self, trial: Trial, condition: dict[str, _Value], sections: dict[str, dict[str, _Value]]) -> None:
        """Note what keeps a condition from being run, where the setting that is to blame was given."""
        assert self.judge is not None  # noqa: S101 - the caller looked
        for name, problem in self.judge(trial):
            section, _, key = problem.setting.removeprefix("factors.").partition(".")
            given = sections.get(section, {}).get(key) or condition.get(section)
            path = given.path if given is not None else (section,)
            self._found.setdefault((name, problem.setting, path), (path, problem))

    def _generate(
        self, task: tuple[Any, Settings] | None, name: Any, settings: dict[str, _Value]
    ) -> GenerateSettings | None:
        """Validate ``[generate]`` for a task that generates; note what is given for one that does not."""
        if task is None:
            return None
        paths = [_whole(found.path) for found in settings.values()]
        if not isinstance(task[0], Continues):
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
        met: list[tuple[int, str, int]] = []
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
            value = as_read(name, value)
            self._words.setdefault(name, set()).update([value] if isinstance(value, str) else [])
            places = [place for place, one in enumerate(_alternatives(wanted)) if as_read(name, one) == value]
            met += [(number, name, place) for place in places]
            matched = matched and bool(places)
        if matched:
            self._matched.add(number)
            self._met.update(met)
        return matched

    def _judged(self, where: Where) -> bool:
        """Whether what this ``[[where]]`` matches is as it was written: no override has changed it."""
        lists = {factor for grid in self.study.factors for factor in grid}
        overrides = self.study.overrides
        return not overrides or all(name in lists and name not in overrides for name in where.match)

    def _unmet(self, number: int, where: Where) -> None:
        """Note a ``[[where]]`` that matches no condition; of one that does, each wanted value that none has."""
        path = ("where", number, "match")
        if number not in self._matched:
            wanted = ", ".join(f"{name} = {shown(value)}" for name, value in where.match.items())
            message = f"matches no condition: {wanted}. Correct it or remove the [[where]]"
            self._problem(path, message, "where.match")
            return
        for name, wanted in where.match.items():
            for place, value in enumerate(_alternatives(wanted)):
                if (number, name, place) not in self._met and name in self._words:
                    hint = did_you_mean(value, sorted(self._words[name] - {value})) if isinstance(value, str) else ""
                    message = f"{shown(value)} meets no condition.{hint} Correct it or remove it from the list"
                    self._problem((*path, name, place), message, f"where.match.{name}")

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
        self, section: str, owner: str, form: type[Section], settings: dict[str, _Value]
    ) -> tuple[Any, Settings] | None:
        """Validate one section by its form; return the form's object and its settings, defaults included."""
        values = {key: found.value for key, found in settings.items()}
        typed = frozenset(key for key in values if f"{section}.{key}" in self.study.overrides)
        memo = (form, Settings(values), tuple(sorted((k, repr(type(v))) for k, v in values.items())), typed)
        if memo not in self._checked:
            try:
                made = form.model_validate(values, context={FOLDER: self.study.folder, HERE: typed})
                self._checked[memo] = (made, Settings(made.resolved()))
            except ValidationError as error:
                self._checked[memo] = error
        checked: tuple[Any, Settings] | ValidationError = self._checked[memo]
        if not isinstance(checked, ValidationError):
            return checked
        for item in checked.errors():
            key = str(item["loc"][0]) if item["loc"] else None
            path = settings[key].path if key in settings else (section,)
            path = _whole(path) if item["type"] == "extra_forbidden" else path
            of = f' ({section} "{owner}")' if owner and item["type"] == "extra_forbidden" else ""
            self._problem(path, message_of(item, form), f"{section}.{key}" if key else section, of)
        return None

    def _length(self, name: Any, task: tuple[Any, Settings] | None, length: _Value) -> bool:
        """Ask the task; one whose settings are wrong is asked with its defaults, so that the length is checked too."""
        if type(length.value) is not int or length.value < 1:
            return False  # said elsewhere
        if task is None:
            try:
                made = registry.tasks.load(name)()
            except (UnknownNameError, PlugInError, ValidationError):
                return False  # said elsewhere
        else:
            made = task[0]
        try:
            made.check_length(length.value)
        except ValueError as error:
            self._problem(length.path, f'{error} (task "{name}")', "factors.length")
            return False
        return True

    def _tested(self, name: Any, task: Any, lengths: Sequence[int], path: Place) -> None:
        """Ask the task whether there can be a test split of each of these lengths."""
        if not task.apart:
            message = (
                f'the splits of the task "{name}" are drawn together, at one length, so that none can be drawn at '
                "another. Give test.lengths in a [[where]] that matches other tasks, or remove it"
            )
            self._problem(path, message, "test.lengths")
            return
        for length in lengths:
            try:
                task.check_length(length)
            except ValueError as error:
                self._problem(path, f'{error} (task "{name}")', "test.lengths")

    def _versions(self, task: str, model: str, further: Mapping[str, str]) -> Settings:
        memo = ("versions", task, model, Settings(further))
        if memo not in self._checked:
            versions = {"task": registry.tasks.version(task), "model": registry.models.version(model)}
            objective = registry.tasks.load(task).objective
            if objective != "mse":  # of which the tasks' own versions tell
                versions["objective"] = registry.objectives.version(objective)
            self._checked[memo] = Settings({**further, **versions})
        versions_found: Settings = self._checked[memo]
        return versions_found

    def _problem(self, path: Place, message: str, setting: str, of: str = "") -> None:
        self._found.setdefault((message, setting, path), (path, Problem(message + of, setting)))


def _whole(path: Place) -> Place:
    """Return where a factor's list stands, of one of its values: what is wrong with the name is one fault."""
    return path[:3] if path[0] == "factors" else path


def _alternatives(wanted: Any) -> tuple[Any, ...]:
    return wanted if isinstance(wanted, tuple) else (wanted,)


def _default(section: str, key: str, condition: dict[str, _Value]) -> Any:
    """Return a setting's default by its form; None where there is none, or the plug-in is unknown."""
    owner = condition.get(section)
    form = form_of(section, "" if owner is None else str(owner.value))
    field = None if form is None else form.model_fields.get(key)
    return None if field is None or field.is_required() else field.get_default(call_default_factory=True)
