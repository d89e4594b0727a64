"""Which level of a factor a trial has: what a key leaves out is looked up, and every level can be grouped by.

Planted and found: a default that a key leaves out taken for a setting that is not there; a list within a list.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

import unroll
from unroll.choosing import choose
from unroll.report import report
from unroll.running.planning import plan
from unroll.store import Store
from unroll.study import expand
from unroll.study.levels import level

RANGES = [[[1.0, 13.0, 2.0]], [[1.0, 99.0, 2.0]]]


@dataclass(frozen=True)
class Planned:
    task: str = "odd_numbers"
    model: str = "gru"
    spec: dict[str, Any] = field(default_factory=lambda: {"settings": {"task": {"train": 3}, "model": {}}})


@pytest.mark.parametrize(
    ("factor", "value"),
    [
        ("task.train", 3),
        ("task.starts", ((1.0, 13.0, 2.0),)),
        ("task.unheard_of", math.nan),
        ("model.hidden", math.nan),
        ("generate.steps", math.nan),
    ],
)
def test_what_is_left_out_has_its_default(factor: str, value: object):
    found = level(Planned(), factor)
    assert found == value or (found != found and value != value)
    hash(found)


@pytest.mark.parametrize("task", ["adding", "not installed"])
def test_a_task_without_the_setting_has_none(task: str):
    assert math.isnan(level(replace(Planned(), task=task), "task.starts"))


@pytest.fixture(scope="module")
def ranges(tmp_path_factory: pytest.TempPathFactory) -> tuple[unroll.Study, Path]:
    study = unroll.Study(
        name="ranges",
        factors={
            "task": ["odd_numbers"],
            "model": ["persistence"],
            "length": [5],
            "seed": [1],
            "task.starts": RANGES,
        },
    )
    path = tmp_path_factory.mktemp("store") / "results.db"
    with Store.open(path, write=True) as store:
        store.plan(plan(study, expand(study)))
    return study, path


def test_ranges_are_factors_like_any_other(ranges: tuple[unroll.Study, Path]):
    results = unroll.results(*ranges)
    wanted = [((1.0, 13.0, 2.0),), ((1.0, 99.0, 2.0),)]
    assert results.table()["task.starts"].tolist() == wanted
    assert results.span()["task.starts"].tolist() == wanted
    assert "2 trials" in report(results)


def test_a_model_is_chosen_by_a_default_that_its_key_leaves_out(ranges: tuple[unroll.Study, Path]):
    for wanted in RANGES:
        chosen = choose(*ranges, settings={"task.starts": wanted})
        assert level(chosen.trial, "task.starts") == tuple(map(tuple, wanted))
        assert chosen.fitting == 1
