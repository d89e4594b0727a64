"""The digits, against scikit-learn's own.

Planted and found: the permutation by the trial's seed; an image in two splits; columns in the place of rows;
recomputing that takes missing images for other bits.
"""

from __future__ import annotations

import builtins
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from unroll.errors import DataError, StudyError
from unroll.running import execute
from unroll.running.planning import check
from unroll.running.recomputation import recompute
from unroll.store import Store
from unroll.streams import KeyedStreams
from unroll.study import Study
from unroll.tasks import digits
from unroll.tasks.digits import Digits
from unroll.testing.given import GivenConformance

datasets = pytest.importorskip("sklearn.datasets")


class TestPixels(GivenConformance):
    lengths = (64,)
    too_short = (0, -1, 8, 63, 65)
    seeds_part = True

    def task(self, **given: Any) -> Digits:
        return Digits(**given)


class TestRowsPermuted(GivenConformance):
    lengths = (8,)
    too_short = (0, 7, 9, 64)
    seeds_part = True

    def task(self, **given: Any) -> Digits:
        return Digits(pixels=8, order="permuted", **given)


def everything(task: Digits, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """All three splits, as images (N, 64) of whole numbers and digits (N,)."""
    data = task.dataset(KeyedStreams(seed), 64 // task.pixels)
    splits = (data.train, data.validation, data.test)
    x = np.concatenate([split.x.reshape(len(split), 64) for split in splits])
    return (x * 16).astype(int), np.concatenate([split.y[:, 0] for split in splits])


def listed(x: np.ndarray, y: np.ndarray) -> list[tuple[int, ...]]:
    return sorted((int(digit), *map(int, image)) for image, digit in zip(x, y, strict=True))


@pytest.mark.parametrize("pixels", [1, 8])
def test_every_image_is_in_one_split_row_after_row(pixels: int) -> None:
    found = datasets.load_digits()
    rows = np.array([[pixel for row in image for pixel in row] for image in found.images])
    assert listed(*everything(Digits(pixels=pixels))) == listed(rows, found.target)


def test_the_permutation_is_one_for_all_images_and_seeds() -> None:
    plain, _ = everything(Digits(), seed=7)
    shuffled, _ = everything(Digits(order="permuted"), seed=7)
    columns = {tuple(column): place for place, column in enumerate(plain.T) if column.any()}
    places = [columns[tuple(column)] for column in shuffled.T if column.any()]
    assert sorted(places) == sorted(columns.values())
    assert places != sorted(places)
    other, _ = everything(Digits(order="permuted"), seed=8)
    assert listed(other, other[:, 0]) == listed(shuffled, shuffled[:, 0])


def test_baseline_and_chance_are_those_of_the_images() -> None:
    shares = np.bincount(datasets.load_digits().target) / 1797
    assert Digits().baseline(64) == pytest.approx(-sum(p * math.log(p) for p in shares))
    assert Digits().chance(64) == pytest.approx(shares.max())
    assert [round(Digits().baseline(64), 4), round(Digits().chance(64), 4)] == [2.3025, 0.1018]


def study() -> Study:
    return Study(
        name="d",
        factors={"task": ["digits"], "model": ["tanh_rnn"], "length": [8], "seed": [1]},
        task={"pixels": 8},
        model={"hidden": 2},
        train={"epochs": 1},
    )


def test_without_scikit_learn_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    store = tmp_path / "r.db"
    assert execute(study(), store, executor="inline").complete == 1
    digits._images.cache_clear()
    real = builtins.__import__

    def missing(name: str, *rest: Any, **further: Any) -> Any:
        if name.startswith("sklearn"):
            raise ImportError(name)
        return real(name, *rest, **further)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(StudyError, match=r'pip install "unroll-lab\[digits\]"') as caught:
        check(study())
    assert caught.value.problems[0].setting == "factors.task"
    with Store.open(store) as opened:
        (again,) = recompute(opened, 1)
    assert "unroll-lab[digits]" in again.reason


def test_other_images_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    digits._images.cache_clear()
    found = datasets.load_digits()
    found.data[0, 20] += 1
    monkeypatch.setattr(datasets, "load_digits", lambda: found)
    with pytest.raises(DataError, match="other images"):
        Digits().dataset(KeyedStreams(1), 64)
    assert json.loads(json.dumps(Digits().resolved())) == {"pixels": 1, "order": "rows"}
