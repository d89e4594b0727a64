"""Small studies, and hypothesis strategies of studies, for the tests of this folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st

from unroll.errors import StudyError
from unroll.study import Study, Trial, expand

FACTORS = {"task": ["adding"], "model": ["lstm"], "length": [10], "seed": [1]}

SMALL = """\
name = "small"
[factors]
task = ["adding"]
model = ["lstm"]
length = [10]
seed = [1]
"""

ReadText = Callable[..., Study]


def study(factors: Any = None, **parts: Any) -> Study:
    """A sound study of one trial; ``factors`` are added to its own, or replace them where they are a list of grids."""
    grids = factors if isinstance(factors, list) else {**FACTORS, **(factors or {})}
    return Study(**{"name": "small", "factors": grids, **parts})


def trial(factors: Any = None, **parts: Any) -> Trial:
    (only,) = expand(study(factors, **parts))
    return only


def problems(read: ReadText, text: str | bytes, *overrides: str) -> list[str]:
    """The problems of a study file, each as (line or source, setting, message) in one text."""
    with pytest.raises(StudyError) as caught:
        read(text, overrides)
    for problem in caught.value.problems:
        assert str(problem) in str(caught.value)
        assert problem.source is not None
    return [
        f"{problem.line or Path(problem.source or '').name} {problem.setting}: {problem.message}"
        for problem in caught.value.problems
    ]


def lists(values: st.SearchStrategy[Any], most: int = 3) -> st.SearchStrategy[list[Any]]:
    return st.lists(values, min_size=1, max_size=most, unique=True)


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
names = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20)

train_settings = st.fixed_dictionaries(
    {},
    optional={
        "epochs": st.integers(1, 1_000_000),
        "batch": st.integers(1, 10_000_000),
        "optimizer": st.sampled_from(["adam", "adamw", "sgd", "rmsprop"]),
        "learning_rate": st.floats(1e-9, 1e3),
        "clip_norm": st.just("none") | st.floats(1e-3, 1e6),
        "backend": st.sampled_from(["auto", "reference"]),
        "weight_decay": st.floats(0, 10),
        "schedule": st.sampled_from(["constant", "cosine"]),
        "patience": st.just("none") | st.integers(1, 1000),
    },
)
model_settings = st.fixed_dictionaries({}, optional={"hidden": st.integers(1, 65_536), "layers": st.integers(1, 1000)})
task_settings = st.fixed_dictionaries(
    {},
    optional={
        "train": st.integers(1, 10_000),
        "validation": st.integers(0, 100),
        "test": st.integers(1, 10_000),
        "markers": st.sampled_from(["anywhere", "halves"]),
    },
)
grids = st.fixed_dictionaries(
    {
        "task": st.just(["adding"]),
        "model": lists(st.sampled_from(["tanh_rnn", "lstm", "gru"])),
        "length": lists(st.integers(2, 1_000_000)),
        "seed": lists(st.integers(0, 2**32 - 1)),
    },
    optional={
        "train.epochs": lists(st.integers(1, 1000)),
        "train.learning_rate": lists(st.floats(1e-6, 1.0)),
        "task.markers": lists(st.sampled_from(["anywhere", "halves"])),
        "model.hidden": lists(st.integers(1, 100)),
    },
)
wheres = st.fixed_dictionaries(
    {
        "match": st.dictionaries(
            st.sampled_from(["model", "task", "length", "train.optimizer", "model.hidden"]),
            st.integers() | texts | st.lists(st.integers(), max_size=2),
            max_size=2,
        )
    },
    optional={"train": train_settings, "model": model_settings, "task": task_settings},
)
studies = st.builds(
    Study,
    name=names,
    question=texts,
    protocol=st.sampled_from(["keyed", "notebook"]),
    factors=grids | st.lists(grids, min_size=1, max_size=3),
    task=task_settings,
    model=model_settings,
    train=train_settings,
    where=st.lists(wheres, max_size=3),
)
sound_studies = st.builds(
    Study,
    name=names,
    protocol=st.sampled_from(["keyed", "notebook"]),
    factors=grids | st.lists(grids, min_size=1, max_size=2),
    task=task_settings,
    model=model_settings,
    train=train_settings,
)
