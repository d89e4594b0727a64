"""Which level of a factor a trial has."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from unroll import registry
from unroll.errors import PlugInError, UnknownNameError
from unroll.study.settings import LATER, GenerateSettings, LengthSettings, Section, TrainSettings, frozen
from unroll.study.user_file import is_hash, spelled
from unroll.wording import level as spoken
from unroll.wording import short_names


class Specified(Protocol):
    """A trial with its canonical specification, planned or stored."""

    @property
    def task(self) -> str:
        """The task's name."""

    @property
    def model(self) -> str:
        """The model's name."""

    @property
    def spec(self) -> Mapping[str, Any]:
        """See ``Trial.spec``."""

    @property
    def length(self) -> int:
        """Its steps."""

    @property
    def files(self) -> Mapping[str, str]:
        """See ``Trial.files``."""

    @property
    def seed(self) -> int:
        """See ``Trial``."""


def level(trial: Specified, factor: str) -> Any:
    """Return a trial's value of a setting such as "train.epochs", which can be hashed; NaN where it has none.

    A specification leaves out what is marked LATER and has its default (see ``Section.resolved``): that is looked up,
    and NaN where the plug-in is not installed.
    """
    section, _, key = factor.partition(".")
    settings: Mapping[str, Any] | None = trial.spec["settings"].get(section)
    if settings is None and section == "test":  # left out where nothing further is tested
        settings = {}
    if settings is None:
        return math.nan
    if key in settings:
        value = settings[key]
        if is_hash(value):
            return spelled(value["sha256"], trial.files.get(factor, ""))
        return frozen(value)
    form = form_of(section, trial.model if section == "model" else trial.task)
    field = None if form is None else form.model_fields.get(key)
    return frozen(field.get_default()) if field is not None and LATER in field.metadata else math.nan


def named(trial: Specified, factors: Sequence[str]) -> str:
    """Return a trial's name in a line of text: "gru on adding, T = 25, hidden = 32, seed 1", with these settings."""
    settings = [factor for factor in factors if "." in factor]
    levels = [(name, level(trial, factor)) for name, factor in zip(short_names(settings), settings, strict=True)]
    further = "".join(f", {name} = {spoken(name, value)}" for name, value in levels if value == value)
    return f"{trial.model} on {trial.task}, T = {trial.length}{further}, seed {trial.seed}"


def form_of(section: str, owner: str) -> type[Section] | None:
    """Return the form of a section: of a task's or a model's by its name; None where that is unknown or broken."""
    if section not in ("task", "model"):
        forms: dict[str, type[Section]] = {"generate": GenerateSettings, "test": LengthSettings}
        return forms.get(section, TrainSettings)
    family = registry.tasks if section == "task" else registry.models
    try:
        form: type[Section] = family.load(owner)
    except (UnknownNameError, PlugInError):
        return None
    return form
