"""A sentence that follows from tables, the tables, and the words in which their names are said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import pandas as pd

from unroll.wording import label

PROBLEMS = {
    "adding": "the adding problem",
    "odd_numbers": "odd numbers",
    "fibonacci": "Fibonacci sequences",
    "linear_recurrence": "linear recurrences",
    "geometric": "geometric sequences",
    "sine": "sines",
    "alternating": "alternating patterns",
    "announce": "announced values",
}
MODELS = {
    "feedforward": "the feedforward network",
    "linear": "the linear rule",
    "persistence": "persistence",
    "drift": "drift",
}


@dataclass(frozen=True)
class Finding:
    """One sentence for the first screen of a report.

    ``kind``: "found", or "not_shown" for what a reader might think and the data do not say. ``evidence``: the numbers
    from which the sentence follows, in brief. ``question``: the one that the sentence answers, where it
    is not the study's own; see ``unroll.analysis.answers``.
    """

    kind: Literal["found", "not_shown"]
    sentence: str
    evidence: str = ""
    question: str = ""


@dataclass(frozen=True)
class Tables:
    """The tables that findings are made from, each as the function of its name gives it, and what the study varies.

    ``comparisons`` holds every pair of models. ``factors`` are the columns that tell conditions apart beside task,
    model and length; ``sizes`` and ``recipes`` the most settings of ``[model]`` and of ``[train]`` that any one model
    was given. The last four are empty where a study has no task of number sequences.
    """

    conditions: pd.DataFrame
    span: pd.DataFrame
    memory: pd.DataFrame
    growth: pd.DataFrame
    comparisons: pd.DataFrame
    factors: Sequence[str] = ()
    sizes: int = 1
    recipes: int = 1
    generation: pd.DataFrame = field(default_factory=pd.DataFrame)
    horizons: pd.DataFrame = field(default_factory=pd.DataFrame)
    traps: pd.DataFrame = field(default_factory=pd.DataFrame)
    window_lag: pd.DataFrame = field(default_factory=pd.DataFrame)

    @property
    def sequences(self) -> frozenset[str]:
        """The tasks of number sequences."""
        frames = (self.generation, self.horizons, self.traps, self.window_lag)
        return frozenset(str(task) for frame in frames if len(frame) for task in frame["task"])

    def without(self, tasks: frozenset[str]) -> Tables:
        """Return the same tables without some tasks."""
        names = ("conditions", "span", "memory", "growth", "comparisons")
        frames = {name: getattr(self, name) for name in names}
        return replace(self, **{name: frame[~frame["task"].isin(tasks)] for name, frame in frames.items()})


def problem(task: str) -> str:
    """Return a task as a sentence names it."""
    return PROBLEMS.get(task, f'the task "{task}"')


def named(model: str) -> str:
    """Return a model as a sentence names it: "the tanh RNN"; a name that nobody here knows stays as it is."""
    if model in MODELS:
        return MODELS[model]
    return f"the {label(model)}" if label(model) != model else f'the model "{model}"'
