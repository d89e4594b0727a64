"""A sentence that follows from tables, the tables, and the words in which tasks and models are named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import pandas as pd

from unroll.study.saved import Saved
from unroll.wording import level, listed


@dataclass(frozen=True)
class Words:
    """How sentences name tasks and models: by what these said of themselves when the study was planned."""

    tasks: Mapping[str, str] = field(default_factory=dict)
    models: Mapping[str, str] = field(default_factory=dict)
    titles: Mapping[str, str] = field(default_factory=dict)
    """Of tasks, as short as a panel's title needs them."""
    levels: Mapping[str, Mapping[str, Mapping[str, str]]] = field(default_factory=dict)
    """What values of settings are called, by setting and value: see ``unroll.study.plug_in.Level``."""

    def problem(self, task: Any) -> str:
        """Return a task: "the adding problem"; one that has said nothing by its name."""
        return self.tasks.get(str(task), f'the task "{task}"')

    def named(self, model: Any) -> str:
        """Return a model: "the tanh RNN"; one that has said nothing by its name."""
        return self.models.get(str(model), f'the model "{model}"')

    def level(self, factor: str, value: Any, form: Literal["short", "words"] = "words") -> str:
        """Return a value of a setting after "with": "raw numbers"; one that nobody has named as it is spelled."""
        return self.levels.get(factor, {}).get(str(value), {}).get(form, f"{factor} = {level(factor, value)}")

    def tells(self, factor: str) -> bool:
        """Say whether values of a setting have names."""
        return factor in self.levels


@dataclass(frozen=True)
class Finding:
    """One sentence for the first screen of a report.

    ``kind``: "found", or "not_shown" for what a reader might think and the data do not say. ``evidence``: the numbers
    from which the sentence follows, in brief. ``question``: the one that the sentence answers, where it
    is not the study's own; see ``unroll.study.questions``. ``compares``: whether it ranks, orders or separates models
    or settings, or calls one better; it then rests on tests of the study's family of models
    (``unroll.analysis.comparisons``) or on that of its settings (``unroll.analysis.effects``), so that a study of
    models that do not differ compares them with a chance of at most 0.05, and one of settings that do not differ these.
    """

    kind: Literal["found", "not_shown"]
    sentence: str
    evidence: str = ""
    question: str = ""
    compares: bool = False


@dataclass(frozen=True)
class Tables:
    """The tables that findings are made from, each as the function of its name gives it, and what the study varies.

    ``comparisons`` is the study's family of tests of models, ``effects`` that of settings. ``factors`` are the
    columns that tell conditions apart beside task, model and length; ``sizes`` and ``recipes`` the most settings of
    ``[model]`` and of ``[train]`` that any one model was given; ``words`` name tasks and models; ``saved`` is how
    commands name it, ``epochs`` how long each trial was trained (None where that varies). ``judged`` are the tasks
    that are judged by a measure of their own and not by their test loss; ``answers`` what measures say, with the
    question that each answers.
    """

    conditions: pd.DataFrame
    span: pd.DataFrame
    memory: pd.DataFrame
    growth: pd.DataFrame
    comparisons: pd.DataFrame
    effects: pd.DataFrame
    factors: Sequence[str] = ()
    sizes: int = 1
    recipes: int = 1
    words: Words = field(default_factory=Words)
    saved: Saved | None = None
    epochs: int | None = None
    early_stopping: pd.DataFrame = field(default_factory=pd.DataFrame)
    judged: frozenset[str] = frozenset()
    answers: Sequence[Finding] = ()

    def without(self, tasks: frozenset[str]) -> Tables:
        """Return the same tables without some tasks."""
        names = ("conditions", "span", "memory", "growth", "comparisons")
        frames = {name: getattr(self, name) for name in names}
        return replace(self, **{name: frame[~frame["task"].isin(tasks)] for name, frame in frames.items()})


def under(factors: Sequence[str], row: Mapping[Any, Any]) -> str:
    """Return the settings of a row in words, without those that are not there; "" where none is."""
    return listed([f"{factor} = {level(factor, row[factor])}" for factor in factors if row[factor] == row[factor]])
