"""A sentence that follows from tables, the tables, and the words in which their names are said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from unroll.wording import label

PROBLEMS = {"adding": "the adding problem"}
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
    from which the sentence follows, in brief.
    """

    kind: Literal["found", "not_shown"]
    sentence: str
    evidence: str = ""


@dataclass(frozen=True)
class Tables:
    """The tables that findings are made from, each as the function of its name gives it, and what the study varies.

    ``comparisons`` holds every pair of models. ``factors`` are the columns that tell conditions apart beside task,
    model and length; ``sizes`` and ``recipes`` the most settings of ``[model]`` and of ``[train]`` that any one model
    was given.
    """

    conditions: pd.DataFrame
    span: pd.DataFrame
    memory: pd.DataFrame
    growth: pd.DataFrame
    comparisons: pd.DataFrame
    factors: Sequence[str] = ()
    sizes: int = 1
    recipes: int = 1


def problem(task: str) -> str:
    """Return a task as a sentence names it."""
    return PROBLEMS.get(task, f'the task "{task}"')


def named(model: str) -> str:
    """Return a model as a sentence names it: "the tanh RNN"; a name that nobody here knows stays as it is."""
    if model in MODELS:
        return MODELS[model]
    return f"the {label(model)}" if label(model) != model else f'the model "{model}"'
