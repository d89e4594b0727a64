"""One training: task, model, length, seed and every setting, resolved; and its key."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from copy import copy
from functools import cached_property
from typing import Any, Literal, TypeAlias

from unroll.study.settings import Frozen, GenerateSettings, LengthSettings, Settings, TrainSettings, plain
from unroll.study.user_file import apart, together

Protocol: TypeAlias = Literal["keyed", "notebook"]

FORMAT = 1
"""Counts the changes to what a specification means; part of every key."""


class Trial(Frozen):
    """One training, with every setting resolved: what it says decides its result.

    ``task_settings`` and ``model_settings`` hold every field of the plug-in, defaults included; ``versions`` says which
    version of the task and of the model is meant. ``generate`` is None for a task that generates nothing. ``test`` says
    at which further lengths it is tested.
    """

    task: str
    model: str
    length: int
    seed: int
    protocol: Protocol
    task_settings: Settings
    model_settings: Settings
    train: TrainSettings
    generate: GenerateSettings | None = None
    test: LengthSettings = LengthSettings()
    versions: Settings

    @property
    def spec(self) -> dict[str, Any]:
        """The canonical specification: plain data, every setting, nothing that the result does not depend on.

        Settings that came later are left out where they have their default (see ``Section.resolved``).
        """
        generate = {} if self.generate is None else {"generate": plain(self.generate.resolved())}
        test = {"test": plain(self.test.resolved())} if self.test.lengths else {}
        return {
            "format": FORMAT,
            "task": self.task,
            "model": self.model,
            "length": self.length,
            "seed": self.seed,
            "protocol": self.protocol,
            "settings": {
                "task": apart(self.task_settings.plain()).settings,
                "model": apart(self.model_settings.plain()).settings,
                "train": self.train.resolved(),
                **generate,
                **test,
            },
            "versions": self.versions.plain(),
        }

    @cached_property
    def key(self) -> str:
        """SHA-256 of the canonical specification, as 64 hexadecimal digits."""
        before, after = self._around
        return hashlib.sha256(f"{before}{self.seed}{after}".encode()).hexdigest()

    @cached_property
    def condition(self) -> str:
        """SHA-256 of the specification without its seed: trials that differ in nothing else share it."""
        return digest({name: value for name, value in self.spec.items() if name != "seed"})

    def with_seed(self, seed: int) -> Trial:
        """Return the trial of this condition that has another seed; what both share is one object."""
        _ = self.condition, self._around
        made = copy(self)
        made.__dict__.pop("key", None)
        made.__dict__["seed"] = seed
        return made

    @cached_property
    def _around(self) -> tuple[str, str]:
        """The canonical specification before and after the seed. What is sorted before it holds no other."""
        seed = f'"seed":{self.seed}'
        before, _, after = canonical(self.spec).partition(seed)
        return f'{before}"seed":', after

    @property
    def files(self) -> dict[str, str]:
        """Where its users' files lay when it was planned, by the setting, such as "task.file": no part of its key."""
        sections = {"task": self.task_settings, "model": self.model_settings}
        return {
            f"{section}.{name}": path
            for section, settings in sections.items()
            for name, path in apart(settings.plain()).paths.items()
        }

    @classmethod
    def from_spec(cls, spec: dict[str, Any], files: Mapping[str, str] | None = None) -> Trial:
        """Return the trial that a specification describes; ``files`` as in the property of that name."""
        settings = spec["settings"]

        def whole(section: str) -> Settings:
            own = f"{section}."
            paths = {name.removeprefix(own): path for name, path in (files or {}).items() if name.startswith(own)}
            return Settings(together(settings[section], paths))

        return cls(
            task=spec["task"],
            model=spec["model"],
            length=spec["length"],
            seed=spec["seed"],
            protocol=spec["protocol"],
            task_settings=whole("task"),
            model_settings=whole("model"),
            train=TrainSettings(**settings["train"]),
            generate=GenerateSettings(**settings["generate"]) if "generate" in settings else None,
            test=LengthSettings(**settings.get("test", {})),
            versions=spec["versions"],
        )

    def replace(self, **changes: Any) -> Trial:
        """Return the same trial with some of its fields changed."""
        return self.model_copy(update=changes)

    def __str__(self) -> str:
        return f"{self.model} on {self.task}, T = {self.length}, seed {self.seed}"


def digest(value: Any) -> str:
    """SHA-256 of plain data in its one canonical form."""
    return hashlib.sha256(canonical(value).encode()).hexdigest()


def canonical(value: Any) -> str:
    """Return plain data as the JSON of which keys are hashes: sorted keys, no spaces, no zero below zero."""
    text = _json(value)
    return _json(_one_zero(value)) if "-0.0" in text else text


def _json(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def _one_zero(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _one_zero(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_one_zero(item) for item in value]
    return 0.0 if isinstance(value, float) and value == 0 else value
